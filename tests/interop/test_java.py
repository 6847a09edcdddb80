"""Functions in Java with AWS's runtime interface client: handlers of each kind, errors, limits, and a run of the gate."""

import os
import unittest

from interop import need
from gate_project import Project, perf_yml
import support

PREFIX = "functions.Functions$"


def classes():
    """The package of the functions: classes alone, as a build for Lambda makes it."""
    return support.read_folder(os.path.join(need("java"), "classes"))


def client_jars():
    folder = os.path.join(need("java"), "client")
    return {name: content for name, content in support.read_folder(folder).items() if name.endswith(".jar")}


class Java(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.package = support.zip_files(classes())
        cls.serve = support.Serve(env={"LPG_JAVA_CLIENT": os.path.join(need("java"), "client")})
        cls.addClassCleanup(cls.serve.stop)
        cls.client = cls.serve.client()

    def make(self, name, handler="Maps", package=None, **settings):
        support.create(self.client, name, package or self.package, runtime="java17", handler=PREFIX + handler,
                       **{"MemorySize": 512, **settings})
        self.addCleanup(self.client.delete_function, FunctionName=name)

    def call(self, name, event=None):
        return support.invoke(self.client, name, event)

    def test_label_tells_client_and_machine(self):
        self.make("label")
        self.assertRegex(self.serve.runtime("label"), r"^aws-lambda-java-runtime-interface-client-2\.\d+\.\d+ on Java \d+")

    def test_map_and_context(self):
        self.make("maps")
        event = {"text": "ä€𝄞 \u2028 \\ \"", "number": 1.5, "list": [1, [2]], "long": "x" * 100000}
        answer = self.call("maps", event)
        self.assertIsNone(answer.error, answer.raw[:500])
        seen = answer.value
        self.assertEqual(seen["event"], event)
        self.assertEqual((seen["id"], seen["name"], seen["version"], seen["memory"], seen["in_time"]),
                         (answer.request_id, "maps", "$LATEST", 512, True))
        self.assertEqual(seen["arn"], "arn:aws:lambda:%s:000000000000:function:maps" % support.REGION)
        self.assertEqual(seen["execution_env"], "AWS_Lambda_java17")

    def test_cold_and_warm(self):
        self.make("warm")
        first, second = self.call("warm"), self.call("warm")
        self.assertEqual((first.value["calls"], second.value["calls"]), (1, 2))
        self.assertGreater(first.milliseconds("Init Duration"), 0)
        self.assertNotIn("Init Duration", second.report)
        whole = first.milliseconds("Init Duration") + first.milliseconds("Duration")
        self.assertGreaterEqual(first.milliseconds("Billed Duration"), whole)

    def test_streams(self):
        self.make("streams", "Streams")
        for text in ("{}", '"some text"', '{"a":"%s"}' % ("b" * 3000000)):
            with self.subTest(len(text)):
                answer = self.client.invoke(FunctionName="streams", Payload=text)
                self.assertEqual(answer["Payload"].read().decode(), text.upper())

    def test_objects_by_the_name_of_a_method(self):
        self.make("objects", "Objects::twice")
        self.assertEqual(self.call("objects", {"item": "book", "count": 21}).value, {"item": "book", "count": 42})

    def test_log_tail(self):
        self.make("log")
        log = self.call("log", {"log": 1}).log
        for said in ("by the logger", "by standard output", "by standard error"):
            self.assertIn(said, log)
        kinds = [line.split(" ")[0] for line in log.strip().split("\n")]
        self.assertEqual((kinds[0], kinds[-2], kinds[-1]), ("INIT_START", "END", "REPORT"))

    def test_class_loading_is_initialisation(self):
        self.make("slow-start", "SlowStart", support.zip_files({**classes(), "start-ms": "1200"}), Timeout=1)
        answer = self.call("slow-start")
        self.assertEqual(answer.value, "started")
        self.assertGreaterEqual(answer.milliseconds("Init Duration"), 1200)

    def test_function_error_and_next_call(self):
        self.make("fails")
        answer = self.call("fails", {"fail": "asked to fail"})
        self.assertEqual((answer.status, answer.error), (200, "Unhandled"))
        self.assertEqual((answer.value["errorMessage"], answer.value["errorType"]),
                         ("asked to fail", "java.lang.IllegalStateException"))
        self.assertIn("handleRequest", answer.value["stackTrace"][0])
        self.assertIn("java.lang.IllegalStateException: asked to fail", answer.log)
        self.assertEqual(self.call("fails").value["calls"], 1)

    def test_class_that_cannot_be_loaded(self):
        self.make("no-start", "NoStart")
        answer = self.call("no-start")
        self.assertEqual(answer.error, "Unhandled")
        self.assertEqual(answer.value["errorType"], "java.lang.ExceptionInInitializerError")
        self.assertIn("NumberFormatException", answer.log)

    def test_class_that_is_not_there(self):
        self.make("nowhere", "Nowhere")
        answer = self.call("nowhere")
        self.assertEqual(answer.error, "Unhandled")
        self.assertEqual(answer.value["errorMessage"], "Class not found: %sNowhere" % PREFIX)
        self.assertEqual(answer.value["errorType"], "java.lang.ClassNotFoundException")

    def test_exit_and_replacement(self):
        self.make("exits")
        answer = self.call("exits", {"exit": 3})
        self.assertEqual((answer.error, answer.value["errorType"]), ("Unhandled", "Runtime.ExitError"))
        self.assertIn("exit status 3", answer.value["errorMessage"])
        self.assertIn("Init Duration", self.call("exits").report)

    def test_timeout(self):
        self.make("late", Timeout=1)
        answer = self.call("late", {"sleep_ms": 30000})
        self.assertEqual(answer.error, "Unhandled")
        self.assertRegex(answer.value["errorMessage"], r"Task timed out after 1\.00 seconds$")
        self.assertEqual(answer.report["Status"], "timeout")
        self.assertIn("Init Duration", self.call("late").report)

    def test_memory_used(self):
        self.make("uses")
        before = int(self.call("uses").report["Max Memory Used"].split()[0])
        answer = self.call("uses", {"heap_mb": 200})
        self.assertIsNone(answer.error, answer.raw[:500])
        self.assertGreaterEqual(int(answer.report["Max Memory Used"].split()[0]), before + 150)

    def test_heap_is_85_percent_of_the_memory(self):
        self.make("full", MemorySize=1024)
        self.assertIn("-XX:MaxHeapSize=891290k", self.call("full").value["options"])
        answer = self.call("full", {"heap_mb": 1024})
        self.assertEqual((answer.error, answer.value["errorType"], answer.value["errorMessage"]),
                         ("Unhandled", "java.lang.OutOfMemoryError", "Java heap space"))
        # The client ends the process after that.
        self.assertIn("Init Duration", self.call("full").report)

    def test_memory_outside_of_the_heap_is_limited_too(self):
        self.make("native", MemorySize=256, Environment={"Variables": {
            "JAVA_TOOL_OPTIONS": "-XX:MaxDirectMemorySize=1g"}})
        answer = self.call("native", {"native_mb": 400})
        self.assertEqual((answer.error, answer.value["errorType"]), ("Unhandled", "Runtime.OutOfMemory"))

    def test_options_are_those_of_lambda(self):
        self.make("options")
        seen = self.call("options").value
        for option in ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"):
            self.assertIn(option, seen["options"])
        self.assertEqual(seen["processors"], 2)
        self.assertEqual(seen["loader"], "CustomerClassLoader")
        self.assertEqual([os.path.basename(jar) for jar in seen["class_path"].split(":")], sorted(client_jars()))

    def test_options_of_the_function_win(self):
        own = "-XX:+UseParallelGC -Xmx64m -XX:ActiveProcessorCount=1 -XX:TieredStopAtLevel=4"
        self.make("own-options", Environment={"Variables": {"JAVA_TOOL_OPTIONS": own}})
        answer = self.call("own-options")
        self.assertIsNone(answer.error, answer.raw[:500])
        self.assertEqual(answer.value["processors"], 1)
        for option in ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxHeapSize"):
            self.assertNotIn(option, " ".join(answer.value["options"]))

    def test_environments_beside_each_other(self):
        """Each starts a client; they must not take the native library from one another."""
        self.make("many", MemorySize=256)
        for config in range(3):
            self.client.update_function_configuration(FunctionName="many", Description=str(config))
            self.assertEqual(self.call("many").value["calls"], 1)
        self.assertFalse(os.path.exists("/tmp/.libaws-lambda-jni.so"))


class JavaInThePackage(unittest.TestCase):
    """The client in lib/ of the package, and no variable."""

    def test_runs(self):
        files = {**classes(), **{"lib/" + name: content for name, content in client_jars().items()}}
        serve = support.Serve(env={"LPG_JAVA_CLIENT": ""})
        self.addCleanup(serve.stop)
        client = serve.client()
        support.create(client, "packed", support.zip_files(files), runtime="java17", handler=PREFIX + "Maps")
        answer = support.invoke(client, "packed", {"a": 1})
        self.assertIsNone(answer.error, answer.raw[:500])
        self.assertEqual(answer.value["event"], {"a": 1})
        self.assertRegex(answer.value["class_path"], r"^[^:]*/code/[^:/]*:[^:]*/lib/annotations-")


class JavaGate(unittest.TestCase):
    """`run` on a function whose class takes longer to load."""

    def test_fails_slower_start_and_finds_nothing_in_the_same_code(self):
        sides = {name: {**classes(), "start-ms": ms} for name, ms in (("baseline", "0"), ("candidate", "1000"))}
        config = perf_yml(runtime="java17", limits="cold_start: ['+25%', '+50ms']",
                          rounds="{ min: 5, max: 10, environments: 1, calls: 2 }")
        config = config.replace("app.handler", PREFIX + "SlowStart")
        env = {"LPG_JAVA_CLIENT": os.path.join(need("java"), "client")}
        with Project(config, **sides) as project:
            slower = project.run("--seed", "1", env=env)
            self.assertEqual(slower.code, 1, slower)
            self.assertGreaterEqual(slower.metric("cold_start")["candidate"], 1000)
            self.assertRegex(slower.function["runtime_label"], "^aws-lambda-java-runtime-interface-client-2")
            same = project.run("--seed", "1", "--force", "--candidate", "baseline", env=env)
            self.assertNotEqual(same.metric("cold_start")["verdict"], "fail", same)
            self.assertEqual(same.function["accounting"]["candidate"]["ok"],
                             same.function["accounting"]["candidate"]["scheduled"])


if __name__ == "__main__":
    unittest.main()
