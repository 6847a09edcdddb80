"""The fixtures do what they claim: slow and fast forms agree on every answer and differ in the one
thing that their pattern is about; misbehaving functions misbehave; the C bootstrap obeys events.

Nothing here measures speed: the difference is counted (connections, requests, imports), not timed.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from runtime_api import FIXTURES, NODE, NODE_LOOP, PYTHON_LOOP, Invocation, Run

PATTERNS = ("imports", "client-reuse", "parallel-io", "cache", "data-structures", "batching",
            "early-return")
LOOPS = {"python": PYTHON_LOOP, "node": NODE_LOOP}
RESPONSE_MAX = 6291556


def load_event(pattern, name):
    with open(os.path.join(FIXTURES, pattern, "events", name), encoding="utf-8") as f:
        return json.load(f)


def read_events(pattern, language):
    """The event lines of a perf.yml: [(file, expected path, expected value)]."""
    with open(os.path.join(FIXTURES, pattern, language, "perf.yml"), encoding="utf-8") as f:
        text = f.read()
    found = re.findall(r"- \{ file: \.\./events/(\S+?),(?: weight: \d+,?)?"
                       r"(?: expect: \{ path: (\w+), equals: (\w+) \})? \}", text)
    assert len(found) == text.count("file: "), text
    return found


class Downstream:
    def __init__(self, latency_ms=0, handshake_ms=0):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(FIXTURES, "downstream", "downstream.py"),
             "--latency-ms", str(latency_ms), "--handshake-ms", str(handshake_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = "http://127.0.0.1:%d" % int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.status = self.process.wait(60)

    def get(self, path, data=None):
        with urllib.request.urlopen(self.url + path, data, timeout=60) as reply:
            return json.load(reply)


def congruence(steps):
    """What all fixed-work functions compute, here by other means than theirs."""
    state = 1
    for _ in range(steps):
        state = (state * 1103515245 + 12345) % 2 ** 32
    return state


class DownstreamTest(unittest.TestCase):
    def test_answers_and_counts(self):
        with Downstream() as service:
            item = service.get("/item/book")
            self.assertEqual(item["id"], "book")
            self.assertEqual(item, service.get("/item/book"))
            self.assertEqual(service.get("/batch", json.dumps([1] * 25).encode()), {"written": 25})
            with self.assertRaises(urllib.error.HTTPError) as refused:
                service.get("/batch", json.dumps([1] * 26).encode())
            refused.exception.close()
            self.assertEqual(refused.exception.code, 400)
            self.assertEqual(service.get("/stats"), {"connections": 4, "requests": 4, "peak": 1})
        self.assertEqual(service.status, 0)

    def test_takes_the_latency_and_the_handshake(self):
        with Downstream(latency_ms=30, handshake_ms=50) as service:
            start = time.monotonic()
            service.get("/item/a")
            self.assertGreaterEqual(time.monotonic() - start, 0.08)

    def test_ends_on_sigterm(self):
        with Downstream() as service:
            service.process.send_signal(signal.SIGTERM)
            self.assertEqual(service.process.wait(60), 0)


class PatternTests:
    """What holds for each pattern, in one language."""

    language = None

    def run_side(self, pattern, side, events, downstream=None, folder=None):
        env = {"DOWNSTREAM_URL": downstream.url if downstream else "http://127.0.0.1:1"}
        root = folder or os.path.join(FIXTURES, pattern, self.language, side)
        return Run(LOOPS[self.language], root, "app.handler", [Invocation(e) for e in events],
                   env=env)

    def results(self, run, count):
        self.assertEqual([post.path for post in run.posts],
                         ["invocation/request-%d/response" % (n + 1) for n in range(count)],
                         run.log)
        return [post.json() for post in run.posts]

    def test_both_sides_give_the_answers_that_perf_yml_expects(self):
        with Downstream() as service:
            for pattern in PATTERNS:
                with self.subTest(pattern):
                    listed = read_events(pattern, self.language)
                    names = [name for name, _, _ in listed]
                    folder = os.path.join(FIXTURES, pattern, "events")
                    self.assertEqual(sorted(names), sorted(os.listdir(folder)))
                    events = [load_event(pattern, name) for name in names]
                    slow, fast = (
                        self.results(self.run_side(pattern, side, events, service), len(events))
                        for side in ("slow", "fast"))
                    self.assertEqual(slow, fast)
                    for answer, (_, path, value) in zip(slow, listed):
                        if path:
                            self.assertEqual(str(answer[path]), value)

    def counts(self, pattern, side, events, latency_ms=0):
        with Downstream(latency_ms) as service:
            self.results(self.run_side(pattern, side, events, service), len(events))
            return service.get("/stats")

    def test_client_reuse_is_about_connections(self):
        events = [load_event("client-reuse", "book.json")] * 5
        slow = self.counts("client-reuse", "slow", events)
        fast = self.counts("client-reuse", "fast", events)
        self.assertEqual((slow["connections"], fast["connections"]), (5, 1))
        self.assertEqual(slow["requests"], fast["requests"])

    def test_parallel_io_is_about_requests_at_once(self):
        events = [load_event("parallel-io", "eight.json")]
        slow = self.counts("parallel-io", "slow", events, latency_ms=100)
        fast = self.counts("parallel-io", "fast", events, latency_ms=100)
        self.assertEqual((slow["requests"], fast["requests"]), (8, 8))
        self.assertEqual(slow["peak"], 1)
        self.assertGreater(fast["peak"], 1)

    def test_cache_is_about_repeated_requests(self):
        events = [load_event("cache", name) for name in ("eur.json", "usd.json")] * 3
        self.assertEqual(self.counts("cache", "slow", events)["requests"], 6)
        self.assertEqual(self.counts("cache", "fast", events)["requests"], 2)

    def test_batching_is_about_the_number_of_requests(self):
        events = [load_event("batching", "thirty.json")]
        self.assertEqual(self.counts("batching", "slow", events)["requests"], 30)
        self.assertEqual(self.counts("batching", "fast", events)["requests"], 2)

    def traced(self, pattern, side, addition, events):
        """What a copy of the function logs when (file, text to append) `addition` is made to it."""
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "function")
            shutil.copytree(os.path.join(FIXTURES, pattern, self.language, side), copy)
            with open(os.path.join(copy, addition[0]), "a", encoding="utf-8") as f:
                f.write(addition[1])
            run = self.run_side(pattern, side, events, folder=copy)
            self.results(run, len(events))
            return [post.log for post in run.posts]

    def test_imports_is_about_when_the_library_loads(self):
        events = [load_event("imports", name) for name in ("simple.json", "report.json")]
        addition = {"python": ("reports.py", "print('loaded')\n"),
                    "node": ("reports.js", "console.log('loaded');\n")}[self.language]
        for side, expected in (("slow", [1, 1]), ("fast", [0, 1])):
            logs = self.traced("imports", side, addition, events)
            self.assertEqual([log.count("loaded") for log in logs], expected)

    def test_early_return_is_about_needless_validation(self):
        events = [load_event("early-return", name) for name in ("skip.json", "process.json")]
        addition = {
            "python": ("validation.py", "inner = validate\ndef validate(rows):\n"
                                        "    print('validated')\n    return inner(rows)\n"),
            "node": ("validation.js", "const inner = exports.validate;\nexports.validate = (r) => "
                                      "{ console.log('validated'); return inner(r); };\n"),
        }[self.language]
        for side, expected in (("slow", [1, 2]), ("fast", [0, 1])):
            logs = self.traced("early-return", side, addition, events)
            self.assertEqual([log.count("validated") for log in logs], expected)

    def test_cpu_work_is_fixed(self):
        root = os.path.join(FIXTURES, "cpu", self.language)
        run = Run(LOOPS[self.language], root, "app.handler", [Invocation({"work": 1000})])
        self.assertEqual(self.results(run, 1),
                         [{"work": 1000, "state": congruence(1000) % 2 ** 31}])


class MisbehavingTests:
    """The functions that fail, hang, crash, shout or lie, in one language."""

    language = None
    CRASH = None  # the signal of crash_at_init

    def run_function(self, name, *events, **options):
        root = os.path.join(FIXTURES, "misbehaving", self.language, name)
        return Run(LOOPS[self.language], root, "app.handler", [Invocation(e) for e in events],
                   **options)

    def test_always_error(self):
        run = self.run_function("always_error", {}, {})
        self.assertEqual([(p.path, p.json()["errorType"]) for p in run.posts],
                         [("invocation/request-%d/error" % n, "OrderNotFound") for n in (1, 2)])
        self.assertEqual(run.status, 0)

    def test_always_timeout(self):
        with self.assertRaises(subprocess.TimeoutExpired):
            self.run_function("always_timeout", {}, deadline_s=2)

    def test_crash_at_init(self):
        run = self.run_function("crash_at_init", {})
        self.assertEqual((run.posts, run.status), ([], -self.CRASH))
        self.assertIn("about to crash", run.log)

    def test_import_error_and_wrong_handler(self):
        for name, kind in (("import_error", "Runtime.ImportModuleError"),
                           ("wrong_handler", "Runtime.HandlerNotFound")):
            run = self.run_function(name, {})
            self.assertEqual([(p.path, p.json()["errorType"]) for p in run.posts],
                             [("init/error", kind)])
            self.assertNotEqual(run.status, 0)

    def test_megabytes_of_log(self):
        run = self.run_function("megabytes_of_log", {"mb": 2})
        self.assertEqual(len(run.posts[0].log), 2 * 1024 * 1024)
        self.assertEqual(run.posts[0].json(), {"lines": 2048})

    def test_forged_report(self):
        run = self.run_function("forged_report", {})
        self.assertEqual(run.posts[0].json(), {"ok": True})
        self.assertEqual(run.log.count("REPORT RequestId: request-1\t"), 2)
        self.assertIn("\n::stop-commands::token\n", run.log)

    def test_garbage(self):
        run = self.run_function("garbage", {})
        self.assertIn("<script>", run.log)
        if self.language == "python":
            self.assertEqual(run.posts[0].body, b'{"half": "a docu\xff')
        else:
            self.assertEqual(run.posts[0].path, "invocation/request-1/error")
            self.assertNotIn("X-Injected", run.posts[0].headers)

    def test_slow_import(self):
        start = time.monotonic()
        run = self.run_function("slow_import", {})
        self.assertEqual(run.posts[0].json(), "ok")
        self.assertGreaterEqual(time.monotonic() - start, 0.3)


class PythonPatterns(PatternTests, unittest.TestCase):
    language = "python"


@unittest.skipUnless(NODE, "no node on this machine")
class NodePatterns(PatternTests, unittest.TestCase):
    language = "node"


class PythonMisbehaving(MisbehavingTests, unittest.TestCase):
    language = "python"
    CRASH = signal.SIGSEGV


@unittest.skipUnless(NODE, "no node on this machine")
class NodeMisbehaving(MisbehavingTests, unittest.TestCase):
    language = "node"
    CRASH = signal.SIGKILL


@unittest.skipUnless(shutil.which("make") and (shutil.which("cc") or os.environ.get("CC")),
                     "no C compiler on this machine")
class BootstrapTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        subprocess.run(["make", "-s", "-C", os.path.join(FIXTURES, "bootstrap-c"),
                        "OUT=" + cls.folder.name], check=True)

    def run_events(self, *events, **options):
        argv = [os.path.join(self.folder.name, "bootstrap")]
        return Run(argv, self.folder.name, "any", [Invocation(e) for e in events], **options)

    def test_answers_and_ends_well(self):
        run = self.run_events({}, {"work": 1000}, {"work": 1, "sleep_ms": 1, "alloc_mb": 2})
        self.assertEqual([p.json() for p in run.posts], [
            {"ok": True, "work": work, "state": congruence(work)} for work in (0, 1000, 1)])
        self.assertEqual((run.status, run.connections, run.log), (0, 1, ""))

    def test_defaults_from_the_environment(self):
        run = self.run_events({}, {"work": 3}, env={"FIXTURE_WORK": "50"})
        self.assertEqual([p.json()["work"] for p in run.posts], [50, 3])

    def test_cpu_time(self):
        for event, env in (({"cpu_ms": 80}, {}), ({}, {"FIXTURE_INIT_CPU_MS": "80"})):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.run_events(event, env=env)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            self.assertGreaterEqual(used, 0.07)

    def test_error_and_after(self):
        run = self.run_events({"mode": "error"}, {})
        self.assertEqual([p.path for p in run.posts],
                         ["invocation/request-1/error", "invocation/request-2/response"])
        self.assertEqual(run.posts[0].headers["Lambda-Runtime-Function-Error-Type"],
                         run.posts[0].json()["errorType"])

    def test_ways_to_die(self):
        for mode, status in (("crash", -signal.SIGSEGV), ("exit", 3)):
            run = self.run_events({"mode": mode})
            self.assertEqual((run.posts, run.status), ([], status))
            run = self.run_events({}, env={"FIXTURE_INIT_MODE": mode})
            self.assertEqual((run.nexts, run.status), (0, status))
        with self.assertRaises(subprocess.TimeoutExpired):
            self.run_events({"mode": "timeout"}, deadline_s=1)

    def test_init_error(self):
        run = self.run_events({}, env={"FIXTURE_INIT_MODE": "error"})
        self.assertEqual([p.path for p in run.posts], ["init/error"])
        self.assertEqual((run.nexts, run.status), (0, 1))

    def test_output_modes(self):
        run = self.run_events({"log_mb": 1}, {"mode": "forge_report"}, {"mode": "garbage"})
        self.assertEqual(len(run.posts[0].log), 1024 * 1024)
        self.assertIn("REPORT RequestId: request-2\tDuration: 0.01 ms", run.posts[1].log)
        self.assertEqual(run.posts[2].body, b'{"half": "a docu\xff')

    def test_big_response(self):
        refused = {"invocation/request-1/response": 413}
        run = self.run_events({"mode": "big_response"}, {}, answers=refused)
        self.assertEqual(len(run.posts[0].body), RESPONSE_MAX + 1)
        self.assertEqual(run.posts[1].json()["ok"], True)

    def test_six_megabyte_event(self):
        run = self.run_events({"pad": "x" * (6 * 1024 * 1024 - 30), "work": 2})
        self.assertEqual(run.posts[0].json()["work"], 2)


if __name__ == "__main__":
    unittest.main()
