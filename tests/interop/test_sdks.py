"""Newer SDKs than distributions have: boto3 from PyPI and the SDK for JavaScript, with signatures verified."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

from interop import need
import support

RUNTIME = "python%d.%d" % sys.version_info[:2]
SOURCE = '''
import os
def handler(event, context):
    if event.get("fail"):
        raise ValueError("asked to fail: " + event["fail"])
    return {"n": event.get("n"), "colour": os.environ.get("COLOUR")}
'''
HERE = os.path.dirname(os.path.abspath(__file__))


class JavaScript(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        modules = os.path.join(need("node"), "node_modules")
        serve = support.Serve("--unshaped")
        cls.addClassCleanup(serve.stop)
        with tempfile.TemporaryDirectory() as folder:
            package = os.path.join(folder, "package.zip")
            with open(package, "wb") as f:
                f.write(support.zip_files({"app.py": SOURCE}))
            run = subprocess.run(
                ["node", os.path.join(HERE, "node/life.mjs"), package, RUNTIME, "app.handler"],
                env={"PATH": os.environ["PATH"], "HOME": folder, "LPG_TEST_MODULES": modules, **serve.environment()},
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=support.DEADLINE_S, check=False)
        if run.returncode:
            raise AssertionError("life.mjs ended with %d\n%s" % (run.returncode, run.stderr))
        cls.seen = json.loads(run.stdout)

    def test_create_and_invoke(self):
        self.assertEqual(self.seen["created"],
                         [201, "arn:aws:lambda:%s:000000000000:function:life" % support.REGION, 256])
        self.assertEqual(self.seen["answer"], {"n": 1, "colour": "red"})
        self.assertEqual(self.seen["status"], [200, "$LATEST", None])
        self.assertTrue(self.seen["report"])

    def test_function_error(self):
        self.assertEqual(self.seen["failed"], [200, "Unhandled", "asked to fail: no"])

    def test_event_and_dry_run(self):
        self.assertEqual(self.seen["kinds"], [202, 204])

    def test_update_publish_and_alias(self):
        self.assertEqual(self.seen["version"], ["1", 512])
        self.assertEqual(self.seen["live"], ["1", "blue"])

    def test_read_back(self):
        self.assertEqual(self.seen["got"], ["life", 3, "ä b"])
        self.assertEqual(self.seen["listed"], ["life"])

    def test_response_stream(self):
        self.assertEqual((self.seen["streamed"], self.seen["stream_error"]), (2, None))

    def test_refusals(self):
        self.assertEqual(self.seen["unknown"], "ResourceNotFoundException 404")
        self.assertEqual(self.seen["twice"], "ResourceConflictException 409")
        self.assertEqual(self.seen["forged"].split()[-1], "403")
        self.assertEqual(self.seen["gone"], "ResourceNotFoundException 404")


class Python(unittest.TestCase):
    """The end-to-end tests of the API once more, with the newer boto3."""

    def test_api_with_newer_boto3(self):
        python = os.path.join(need("python_sdk"), "venv/bin/python")
        runner = os.path.join(support.TOP, "scripts/testing/run_unittest.py")
        with tempfile.TemporaryDirectory() as folder:
            results = os.path.join(folder, "results")
            run = subprocess.run([python, runner, os.path.join(support.TOP, "tests/e2e/test_serve_api.py"), results],
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
            with open(results, encoding="utf-8") as f:
                lines = [json.loads(line) for line in f]
        self.assertIn({"finished": True}, lines, run.stderr)
        for line in lines:
            if "name" in line:
                with self.subTest(line["name"]):
                    self.assertIn(line["status"], ("passed", "skipped"), line["detail"])
        self.assertGreater(sum(line.get("status") == "passed" for line in lines), 20)


if __name__ == "__main__":
    unittest.main()
