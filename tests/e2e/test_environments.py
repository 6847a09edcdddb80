"""Execution environments as a function sees them, through `serve` and boto3."""

import concurrent.futures
import json
import os
import re
import signal
import tempfile
import time
import unittest

from lambda_client import Serve

# Lambda's documented variables, those of its own that runtimes need, and what Python itself adds.
KNOWN = {
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ",
}

SOURCE = """
import os, sys, threading, time
count = 0
def run():
    global count
    while True:
        count += 1
        time.sleep(0.001)
threading.Thread(target=run, daemon=True).start()
def handler(event, context):
    before = count
    do = event.get("do")
    if do == "environment": return dict(os.environ)
    if do == "raise": raise KeyError("no such thing")
    if do == "sleep": time.sleep(event["seconds"])
    if do == "exit": os._exit(9)
    if do == "large": return "x" * event["bytes"]
    if do == "allocate": return len(bytearray(event["mb"] << 20)) and None
    if do == "print":
        for i in range(event["lines"]): print("line %06d" % i, "." * 80)
    return {"pid": os.getpid(), "group": os.getpgid(0), "parent": os.getppid(), "before": before, "after": count,
            "cwd": os.getcwd(), "stdin": sys.stdin.read(), "fds": sorted(os.listdir("/proc/self/fd"))}
"""


class Environments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["LPG_TEST_TOKEN"] = "leaked-token"
        cls.serve = Serve()
        cls.serve.create("f", SOURCE, Environment={"Variables": {"TABLE": "orders"}})

    @classmethod
    def tearDownClass(cls):
        status = cls.serve.stop()
        assert status in (0, 128 + signal.SIGTERM), status

    def invoke(self, event=None, name="f"):
        return self.serve.invoke(name, event)

    def test_only_documented_variables(self):
        seen = self.invoke({"do": "environment"}).payload
        self.assertEqual(set(seen) - KNOWN, {"TABLE"})
        self.assertEqual(seen["TABLE"], "orders")
        self.assertEqual(seen["AWS_EXECUTION_ENV"], "AWS_Lambda_python3.11")
        self.assertTrue(seen["AWS_ACCESS_KEY_ID"].startswith("LPGDUMMY"))
        self.assertNotIn("leaked-token", json.dumps(seen))

    def test_process(self):
        seen = self.invoke().payload
        self.assertEqual(seen["pid"], seen["group"])
        self.assertEqual(seen["parent"], self.serve.process.pid)
        self.assertEqual(seen["stdin"], "")
        self.assertLessEqual(len(seen["fds"]), 5)  # 0, 1, 2, the API's socket, the folder itself

    def test_report_fields(self):
        self.serve.create("report", SOURCE, MemorySize=256)
        cold, warm = self.invoke(name="report"), self.invoke(name="report")
        for outcome in (cold, warm):
            self.assertRegex(outcome.log, r"END RequestId: %s\nREPORT RequestId: %s\t.*\t\n$"
                             % (outcome.request_id, outcome.request_id))
            self.assertEqual(outcome.report["Memory Size"], "256 MB")
            self.assertGreater(outcome.milliseconds("Max Memory Used"), 4)
        billed = cold.milliseconds("Duration") + cold.milliseconds("Init Duration")
        self.assertIn(cold.milliseconds("Billed Duration") - int(billed), (0, 1))
        self.assertNotIn("Init Duration", warm.report)
        self.assertLess(warm.cpu_ms, cold.milliseconds("Init Duration") + 1000)
        self.assertGreater(warm.cpu_ms, 0)

    def test_import_time_is_init_duration(self):
        self.serve.create("slow-import", "import time\ntime.sleep(0.3)\ndef handler(e, c): return 1\n")
        outcome = self.invoke(name="slow-import")
        self.assertGreaterEqual(outcome.milliseconds("Init Duration"), 300)

    def test_init_error(self):
        self.serve.create("broken", "import no_such_module\n")
        for _ in range(2):
            outcome = self.invoke(name="broken")
            self.assertEqual(outcome.error, "Unhandled")
            self.assertEqual(outcome.payload["errorType"], "Runtime.ImportModuleError")
            self.assertIn("Phase: init\tStatus: error\tError Type: Runtime.ImportModuleError\t", outcome.log)
            self.assertIn("Phase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError\t", outcome.log)
            self.assertNotIn("Init Duration", outcome.report)

    def test_function_error(self):
        outcome = self.invoke({"do": "raise"})
        self.assertEqual(outcome.error, "Unhandled")
        self.assertEqual(outcome.payload["errorType"], "KeyError")
        self.assertIn("[ERROR] KeyError", outcome.log)
        self.assertNotIn("Status", outcome.report)

    def test_exit(self):
        outcome = self.invoke({"do": "exit"})
        self.assertEqual(outcome.payload["errorType"], "Runtime.ExitError")
        self.assertEqual(outcome.payload["errorMessage"],
                         "RequestId: %s Error: Runtime exited with error: exit status 9" % outcome.request_id)
        self.assertEqual(outcome.report["Status"], "error")
        self.assertIsNone(self.invoke().error)

    def test_timeout(self):
        self.serve.create("late", SOURCE, Timeout=1)
        outcome = self.invoke({"do": "sleep", "seconds": 30}, "late")
        self.assertEqual(outcome.payload, {
            "errorType": "Sandbox.Timedout",
            "errorMessage": "RequestId: %s Error: Task timed out after 1.00 seconds" % outcome.request_id})
        self.assertEqual(outcome.report["Status"], "timeout")
        self.assertEqual(outcome.milliseconds("Duration"), 1000)

    def test_memory(self):
        self.serve.create("small", SOURCE, MemorySize=128)
        used = self.invoke({"do": "allocate", "mb": 60}, "small")
        self.assertIsNone(used.error)
        self.assertIn(int(used.milliseconds("Max Memory Used")), range(60, 110))
        again = self.invoke(name="small")  # the highest of the environment's life
        self.assertGreaterEqual(again.milliseconds("Max Memory Used"), used.milliseconds("Max Memory Used"))
        outcome = self.invoke({"do": "allocate", "mb": 500}, "small")
        self.assertEqual(outcome.payload["errorType"], "Runtime.OutOfMemory")
        self.assertIn("signal: killed", outcome.payload["errorMessage"])
        self.assertEqual(outcome.report["Error Type"], "Runtime.OutOfMemory")

    def test_response_sizes(self):
        limit = 6 * 1024 * 1024 + 100
        outcome = self.invoke({"do": "large", "bytes": limit - 2})  # and two quotes
        self.assertIsNone(outcome.error)
        self.assertEqual(len(outcome.raw), limit)
        outcome = self.invoke({"do": "large", "bytes": limit - 1})
        self.assertEqual(outcome.error, "Unhandled")
        self.assertEqual(outcome.payload["errorType"], "Function.ResponseSizeTooLarge")

    def test_large_request(self):
        event = {"text": "y" * (6 * 1024 * 1024 - 100)}
        self.assertIsNone(self.invoke(event).error)

    def test_log_tail(self):
        outcome = self.invoke({"do": "print", "lines": 50000})
        self.assertIsNone(outcome.error)
        self.assertEqual(len(outcome.log), 4096)
        self.assertIn("line 049999", outcome.log)
        self.assertEqual(outcome.report["RequestId"], outcome.request_id)

    def test_json_log_format(self):
        self.serve.create("json", SOURCE, LoggingConfig={"LogFormat": "JSON"})
        outcome = self.invoke({"do": "print", "lines": 3}, "json")
        lines = [json.loads(line) for line in outcome.log.splitlines()]
        report = lines[-1]
        self.assertEqual(report["type"], "platform.report")
        self.assertEqual(report["record"]["requestId"], outcome.request_id)
        self.assertEqual(report["record"]["status"], "success")
        self.assertGreater(report["record"]["metrics"]["initDurationMs"], 0)
        said = [line["message"] for line in lines if "message" in line]
        self.assertTrue(any(text.startswith("line 000002") for text in said), said)
        outcome = self.invoke({"do": "print", "lines": 5000}, "json")
        self.assertLessEqual(len(outcome.log), 4096)
        for line in outcome.log.splitlines():
            json.loads(line)

    def test_frozen_between_invocations(self):
        self.serve.create("frozen", SOURCE)
        first = self.invoke({"do": "sleep", "seconds": 0.2}, "frozen").payload
        self.assertGreater(first["after"] - first["before"], 5)
        time.sleep(1)
        second = self.invoke(name="frozen").payload
        self.assertEqual(first["pid"], second["pid"])
        self.assertLess(second["before"] - first["after"], 50)  # near 1000 if it were not frozen

    def test_parallel_environments(self):
        self.serve.create("parallel", SOURCE)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            event = {"do": "sleep", "seconds": 1}
            outcomes = list(pool.map(lambda _: self.invoke(event, "parallel"), range(6)))
        self.assertEqual(len({outcome.payload["pid"] for outcome in outcomes}), 6)
        again = self.invoke(name="parallel").payload["pid"]
        self.assertIn(again, {outcome.payload["pid"] for outcome in outcomes})

    def test_shell_bootstrap(self):
        self.serve.create("empty", "x", file="readme.txt", Runtime="provided.al2023", Handler="x")
        outcome = self.invoke(name="empty")
        self.assertEqual(outcome.payload["errorType"], "Runtime.InvalidEntrypoint")
        self.assertIn("Couldn't find valid bootstrap(s)", outcome.payload["errorMessage"])


class Endings(unittest.TestCase):
    def test_nothing_outlives_a_killed_server(self):
        folder = tempfile.TemporaryDirectory()  # a killed server cannot remove its own
        self.addCleanup(folder.cleanup)
        serve = Serve(TMPDIR=folder.name)
        serve.create("f", SOURCE)
        pid = serve.invoke("f").payload["pid"]
        self.assertTrue(os.path.exists("/proc/%d" % pid))
        serve.stop(signal.SIGKILL)
        for _ in range(1000):
            try:
                with open("/proc/%d/stat" % pid, encoding="ascii") as f:
                    if re.search(r"\) [ZX] ", f.read()):
                        return  # dead, and waits for the process that adopted it
            except (FileNotFoundError, ProcessLookupError):
                return
            time.sleep(0.01)
        self.fail("the function still runs")


if __name__ == "__main__":
    unittest.main()
