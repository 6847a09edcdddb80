"""AWS's own runtime interface clients in the embedded Lambda, beside the small loops that ship with the tool.

The same functions run with both. Whatever a caller can see, the answer, the kind of error, its type and message, must be the
same; that the official client really ran is asked of the server and of the process itself.
"""

import os
import sys
import unittest

from interop import need
import support

ECHO = {
    "python": ("app.py", '''
import os, sys
def handler(event, context):
    if event.get("modules"):
        return sorted(m for m in sys.modules if m in ("awslambdaric", "runtime_client"))
    if event.get("log"):
        print("said by the function")
    if event.get("exit"):
        os._exit(3)
    return {"event": event, "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
            "name": context.function_name, "version": context.function_version,
            "id": len(context.aws_request_id), "left": 0 < context.get_remaining_time_in_millis() <= 30000,
            "env": os.environ["AWS_LAMBDA_FUNCTION_NAME"]}
'''),
    "node": ("app.js", '''
exports.handler = async (event, context) => {
    if (event.modules) return process.argv[1];
    if (event.log) console.log("said by the function");
    if (event.exit) process.exit(3);
    const left = context.getRemainingTimeInMillis();
    return {event, arn: context.invokedFunctionArn, memory: String(context.memoryLimitInMB),
            name: context.functionName, version: context.functionVersion,
            id: context.awsRequestId.length, left: 0 < left && left <= 30000,
            env: process.env.AWS_LAMBDA_FUNCTION_NAME};
};
'''),
}
EVENTS = [{}, {"text": "ä€𝄞 \u2028 \\ \"", "number": 1.5, "none": None, "list": [1, [2]], "yes": True}, {"long": "x" * 200000}]
MISBEHAVING = ("always_error", "import_error", "wrong_handler", "crash_at_init")


class Clients:
    """The tests of both languages. `official` and `builtin` are two servers that differ in what they find."""

    language = None

    @classmethod
    def start(cls, **env):
        serve = support.Serve("--unshaped", env=env)
        cls.addClassCleanup(serve.stop)
        serve.connection = serve.client()
        return serve

    def make(self, name, files, **settings):
        for serve in (self.official, self.builtin):
            support.create(serve.connection, name, support.zip_files(files), runtime=self.runtime, **settings)
            self.addCleanup(serve.connection.delete_function, FunctionName=name)

    def both(self, name, event=None):
        """The answer of the official client and that of the loop."""
        return [support.invoke(serve.connection, name, event) for serve in (self.official, self.builtin)]

    def fixture(self, *words):
        return support.read_folder(os.path.join(support.FIXTURES, *words))

    def echo(self):
        name, source = ECHO[self.language]
        return {name: source}

    def test_the_official_client_runs(self):
        self.make("which", self.echo())
        self.assertRegex(self.official.runtime("which"), "^" + self.label)
        self.assertRegex(self.builtin.runtime("which"), "^built-in ")
        ours, loops = self.both("which", {"modules": 1})
        self.assertIn(self.proof, ours.raw.decode())
        self.assertNotIn(self.proof, loops.raw.decode())

    def test_events_answers_and_context(self):
        self.make("echo", self.echo(), MemorySize=256)
        for event in EVENTS:
            with self.subTest(event=str(event)[:40]):
                theirs, ours = self.both("echo", event)
                self.assertIsNone(theirs.error, theirs.raw)
                self.assertEqual(theirs.value["event"], event)
                self.assertTrue(theirs.value["left"])
                self.assertEqual(theirs.value, ours.value)

    def test_report_and_log(self):
        self.make("reported", self.echo(), MemorySize=512)
        for serve in (self.official, self.builtin):
            first = support.invoke(serve.connection, "reported", {"log": 1})
            second = support.invoke(serve.connection, "reported", {"log": 1})
            self.assertIn("said by the function", first.log)
            self.assertEqual(first.report["RequestId"], first.request_id)
            self.assertEqual(first.report["Memory Size"], "512 MB")
            self.assertGreater(first.milliseconds("Init Duration"), 0)
            self.assertNotIn("Init Duration", second.report)
            for answer in (first, second):
                self.assertGreaterEqual(answer.milliseconds("Billed Duration"), answer.milliseconds("Duration"))
                self.assertEqual([line.split(" ")[0] for line in answer.log.split("\n") if answer.request_id in line][0],
                                 "START")

    def test_errors_have_the_same_face(self):
        for fixture in MISBEHAVING:
            name = fixture.replace("_", "-")
            self.make(name, self.fixture("misbehaving", self.language, fixture))
            with self.subTest(fixture):
                theirs, ours = self.both(name)
                self.assertEqual(theirs.error, "Unhandled")
                self.assertEqual((theirs.status, theirs.error), (ours.status, ours.error))
                self.assertEqual(theirs.value.get("errorType"), ours.value.get("errorType"))
                # Without the request id; what follows the first line is Node's stack of files, the client's among them.
                said = [a.value["errorMessage"].replace(a.request_id, "ID").split("\n")[0] for a in (theirs, ours)]
                self.assertEqual(said[0], said[1])

    def test_a_process_that_ends_is_replaced(self):
        self.make("exits", self.echo())
        for answer in self.both("exits", {"exit": 1}):
            self.assertEqual((answer.error, answer.value["errorType"]), ("Unhandled", "Runtime.ExitError"))
        for answer in self.both("exits"):
            self.assertIsNone(answer.error)
            self.assertIn("Init Duration", answer.report)

    def test_timeout(self):
        self.make("slow", self.fixture("misbehaving", self.language, "always_timeout"), Timeout=1)
        for answer in self.both("slow"):
            self.assertEqual(answer.error, "Unhandled")
            self.assertRegex(answer.value["errorMessage"], r"Task timed out after 1\.00 seconds$")

    def test_patterns_answer_alike(self):
        for pattern in ("imports", "data-structures", "early-return"):
            events = self.fixture(pattern, "events")
            for form in ("fast", "slow"):
                name = "%s-%s" % (pattern, form)
                self.make(name, self.fixture(pattern, self.language, form))
                for file, event in events.items():
                    with self.subTest(name, event=file):
                        theirs, ours = self.both(name, support.json.loads(event))
                        self.assertIsNone(theirs.error, theirs.raw)
                        self.assertEqual(theirs.value, ours.value)


class Python(Clients, unittest.TestCase):
    language = "python"
    label = r"awslambdaric \d+\.\d+\.\d+ on CPython 3\."
    proof = "awslambdaric"

    @classmethod
    def setUpClass(cls):
        folder = need("python_runtime")
        programs = os.path.join(folder, "venv", "bin")
        cls.runtime = "python%d.%d" % sys.version_info[:2]
        cls.official = cls.start(PATH=programs + ":" + os.environ["PATH"])
        cls.builtin = cls.start(PATH="/usr/bin:/bin:" + os.environ["PATH"])


class Node(Clients, unittest.TestCase):
    language = "node"
    label = r"aws-lambda-ric on Node\.js \d+"
    proof = "aws-lambda-ric"

    @classmethod
    def setUpClass(cls):
        folder = need("node")
        cls.runtime = "nodejs20.x"
        cls.official = cls.start(NODE_PATH=os.path.join(folder, "node_modules"))
        cls.builtin = cls.start(NODE_PATH="")


if __name__ == "__main__":
    unittest.main()
