"""`calibrate` and `selftest`: what they say of equal sides, and that neither says it of sides that are not.

The functions here can tell which side they are from their name. A real one does not care, so the same package on both
sides behaves the same; these make the two sides differ, which is what a broken setup looks like.
"""

import json
import os
import signal
import unittest

from gate_project import NODE, PYTHON, Project, c_side, perf_yml, write_files
from support import wait_for, zip_files

ROUNDS = "{ min: 5, max: 8, environments: 1, calls: 4 }"
LIMITS = "mean: ['+60%', '+4ms'], cold_start: ['+60%', '+40ms']"
APP = "def handler(event, context):\n    return {'n': sum(range(2000))}\n"
# Slow as one side only.
APP_OF_A_SIDE = ("import os, time\n"
                 "SLOW = os.environ['AWS_LAMBDA_FUNCTION_NAME'].endswith('%s')\n"
                 "def handler(event, context):\n"
                 "    time.sleep(0.03 if SLOW else 0)\n"
                 "    return {}\n")
# Exports by computed name, from a folder, answering by callback: as old CommonJS code does.
NODE_APP = ("const table = { handler: (event, context, done) => setImmediate(() => done(null, { ok: 1 })) };\n"
            "for (const name of Object.keys(table)) exports[name] = table[name];\n")
# Alone on a processor it needs some 50 ms; with a quarter of one, four times as long.
BUSY_APP = ("import time\n"
            "def handler(event, context):\n"
            "    end = time.process_time() + 0.05\n"
            "    while time.process_time() < end:\n"
            "        pass\n")


TRIES = 3


class TrialTest(unittest.TestCase):
    maxDiff = None

    def project(self, files, runtime=PYTHON, limits=LIMITS, **more):
        project = Project(perf_yml(runtime=runtime, rounds=ROUNDS, limits=limits, **more))
        self.addCleanup(project.__exit__)
        write_files(project.folder, files)
        return project

    def tool(self, project, command, *arguments, code=0, **more):
        for _ in range(TRIES):
            run = project.tool(command, *arguments, **more)
            if run.code != 3 or code == 3:  # what a busy machine makes unclear may be clear the next time
                break
        self.assertEqual(run.code, code, "exit %s\n%s\n%s" % (run.code, run.stdout, run.stderr))
        return run

    def answer(self, project, command, *arguments, code=0):
        """The JSON on stdout, which is also the file."""
        run = self.tool(project, command, "--json", *arguments, code=code)
        answer = json.loads(run.stdout)
        name = {"calibrate": "calibration.json"}.get(command, command + ".json")
        with open(os.path.join(project.output, command, name), encoding="utf-8") as f:
            self.assertEqual(json.load(f), answer)
        self.assertEqual(answer["schema"], "lambda-perf-gate/%s/1" % command)
        self.assertEqual(answer["exit_code"], code)
        self.assertEqual(len(answer["functions"]), 1)
        return answer["functions"][0]

    def checks(self, function):
        return {c["check"]: c for c in function["checks"]}


class Calibrate(TrialTest):
    def test_numbers_of_equal_sides(self):
        project = self.project(c_side(FIXTURE_SLEEP_MS=3), runtime="provided.al2023")
        f = self.answer(project, "calibrate", "--rounds", "15")
        self.assertEqual((f["name"], f["rounds"], f["rounds_dropped"], f["block_rounds"]), ("f", 15, 0, 5))
        self.assertGreater(f["rounds_per_minute"], 0)
        alarms = f["false_alarms"]
        self.assertEqual(alarms["replays"], 1000)
        self.assertLessEqual(alarms["failed"] + alarms["passed"], 1000)
        self.assertLessEqual(alarms["rounds"], 8)  # the plan's maximum, although more were measured
        metrics = {m["id"]: m for m in f["metrics"]}
        mean = metrics["mean"]
        self.assertTrue(mean["judged"])
        self.assertFalse(metrics["compute_per_million"]["judged"])
        self.assertNotIn("p99", metrics)  # 60 calls a side are too few for it
        self.assertGreater(mean["level"], 3)
        self.assertGreater(mean["noise_pct"], 0)
        self.assertEqual(mean["blocks"], 3)
        self.assertGreaterEqual(mean["floor_pct"], 0.5)
        seen = [d["pct"] for d in mean["detectable"]]
        self.assertEqual([d["minutes"] for d in mean["detectable"]], [1, 5, 15])
        self.assertEqual(seen, sorted(seen, reverse=True))
        self.assertGreater(mean["supported_pct"], seen[-1])

    def test_limits_can_be_pasted(self):
        project = self.project({"app.py": APP}, limits="mean: '+60%', p99: '< 900ms'")
        run = self.tool(project, "calibrate", "--rounds", "10")
        block = run.stdout[run.stdout.index("limits:\n"):].rstrip("\n")
        # a noisy machine may support no limit on the mean; then it says so
        self.assertRegex(block, r'(?m)^  (mean: \["\+\d+%"\]   #|# mean: no limit is supported)')
        self.assertIn('  p99: ["< 900ms"]', block)
        self.assertIn('  cold_start: ', block)
        self.assertIn('  error_rate: ["<= 0%"]', block)
        head, _, _ = perf_yml(runtime=PYTHON).partition("    limits:")
        project.write("pasted.yml", head + "".join("    %s\n" % line for line in block.splitlines()))
        self.tool(project, "check", "--config", "pasted.yml")

    def test_warns_of_limits_that_are_too_tight(self):
        project = self.project({"app.py": APP}, limits="mean: '+1%', p99: '+10%'")
        run = self.tool(project, "calibrate", "--rounds", "6")
        self.assertIn("warning: mean +1%: 8 rounds are too few here: they tell changes of", run.stdout)
        self.assertIn("warning: p99 +10%: not measured: too few values", run.stdout)

    def test_side_that_is_slower_all_along_is_told(self):
        project = self.project({"app.py": APP_OF_A_SIDE % "-head"})
        f = self.answer(project, "calibrate", "--rounds", "8")
        mean = {m["id"]: m for m in f["metrics"]}["mean"]
        self.assertTrue(mean["floor_proven"])
        self.assertGreater(mean["floor_pct"], 100)
        self.assertTrue([w for w in f["warnings"] if "something favours one of them" in w], f["warnings"])

    def test_minutes_end_it_and_nothing_is_doubtful(self):
        project = self.project(c_side(), runtime="provided.al2023")
        f = self.answer(project, "calibrate", "--minutes", "0.02")
        self.assertGreater(f["rounds"], 0)
        self.assertLess(f["rounds"], 1000)
        self.assertFalse([w for w in f["warnings"] if "time limit" in w], f["warnings"])

    def test_interruption_leaves_nothing(self):
        project = self.project(c_side(), runtime="provided.al2023")
        process = project.start("calibrate", "--minutes", "10")
        wait_for(lambda: len(project.processes()) > 2, "a function's process")
        process.send_signal(signal.SIGINT)
        self.assertEqual(project.finish(process).code, 130)

    def test_refused(self):
        project = self.project(c_side(), runtime="provided.al2023")
        for arguments, words in ((("--rounds", "1001"), "at most 1000"), (("--function", "g"), "no function 'g'"),
                                 (("--rouns", "3"), "--rounds"), (("--config", "none.yml"), "none.yml")):
            for command in ("calibrate", "selftest"):
                run = self.tool(project, command, *arguments, code=2)
                self.assertIn(words, run.stderr)

    def test_build_that_fails(self):
        project = self.project({"app.py": APP}, extra="    build: echo broken; exit 3\n")
        for command in ("calibrate", "selftest"):
            run = self.tool(project, command, code=4)
            self.assertIn("broken", run.stderr)


class Selftest(TrialTest):
    def test_python_slowdowns_are_caught(self):
        project = self.project({"app.py": APP})
        checks = self.checks(self.answer(project, "selftest"))
        self.assertEqual(list(checks), ["nothing changed", "slower calls", "slower import", "less memory"])
        for name, metric in (("slower calls", "mean"), ("slower import", "cold_start")):
            self.assertEqual((checks[name]["expected"], checks[name]["got"], checks[name]["outcome"]),
                             ("fail: " + metric, "fail", "ok"))
            self.assertGreaterEqual(checks[name]["rounds"], 5)
        self.assertIn("each call", checks["slower calls"]["detail"])
        self.assertEqual(checks["nothing changed"]["outcome"], "ok")
        self.assertEqual(checks["less memory"]["outcome"], "skipped")
        self.assertEqual(sorted(os.listdir(project.folder)), [".lambda-perf-gate", "app.py", "perf.yml"])

    def test_node_handler_in_a_folder_with_a_callback(self):
        project = self.project({"lib/index.js": NODE_APP}, runtime=NODE)
        with open(project.path("perf.yml"), encoding="utf-8") as f:
            text = f.read()
        project.write("perf.yml", text.replace("app.handler", "lib/index.handler").replace(
            "    limits:", "    events: [{ inline: {}, expect: { path: ok, equals: 1 } }]\n    limits:"))
        run = self.tool(project, "selftest")
        self.assertEqual(run.stdout.count("  ok  "), 3, run.stdout)
        self.assertIn("the gate works for this function", run.stdout)

    def test_zip_package_and_its_own_metric(self):
        project = self.project({"f.zip": zip_files({"app.py": APP})}, limits="cold_start: ['+60%', '+40ms']",
                               extra="    package: f.zip\n")
        checks = self.checks(self.answer(project, "selftest"))
        self.assertEqual(checks["slower import"]["outcome"], "ok")
        self.assertEqual((checks["slower calls"]["outcome"], checks["slower calls"]["detail"]),
                         ("skipped", "no limit on the duration of calls"))

    def test_provided_runtime_can_only_start_slower(self):
        project = self.project(c_side(), runtime="provided.al2023")
        checks = self.checks(self.answer(project, "selftest"))
        self.assertEqual(checks["slower import"]["outcome"], "ok")
        self.assertEqual(checks["slower calls"]["detail"], "possible for Python and Node.js only")

    def test_memory_of_a_function_that_computes(self):
        project = self.project({"app.py": BUSY_APP}, limits="mean: ['+40%', '+4ms']")
        answer = self.checks(self.answer(project, "selftest"))["less memory"]
        if "needs the embedded Lambda with CPU shares" in answer["detail"]:
            self.skipTest("no CPU shares on this machine")
        self.assertEqual((answer["got"], answer["outcome"]), ("fail", "ok"), answer)
        self.assertIn("442 MB instead of 1769", answer["detail"])

    def test_false_alarm_is_told(self):
        project = self.project({"app.py": APP_OF_A_SIDE % "-head"}, limits="mean: ['+60%', '+4ms']")
        checks = self.checks(self.answer(project, "selftest", code=1))
        self.assertEqual((checks["nothing changed"]["got"], checks["nothing changed"]["outcome"]), ("fail", "WRONG"))

    def test_missed_slowdown_is_told(self):
        project = self.project({"app.py": APP_OF_A_SIDE % "-base"}, limits="mean: ['+30%', '+4ms']")
        checks = self.checks(self.answer(project, "selftest", code=1))
        self.assertEqual(checks["nothing changed"]["outcome"], "ok")
        self.assertEqual((checks["slower calls"]["got"], checks["slower calls"]["outcome"]), ("pass", "WRONG"))

    def test_nothing_to_try_proves_nothing(self):
        project = self.project({"app.py": APP}, limits="p99: '+60%'")
        run = self.tool(project, "selftest", code=3)
        self.assertIn("p99 could not be measured", run.stdout)
        self.assertIn("not proven", run.stdout)

    def test_function_that_always_fails_cannot_be_tested(self):
        project = self.project({"app.py": "def handler(event, context):\n    raise ValueError('no')\n"})
        checks = self.checks(self.answer(project, "selftest", code=4))
        self.assertEqual(checks["nothing changed"]["outcome"], "error")
        self.assertEqual(checks["slower calls"]["detail"], "the function cannot be measured")


if __name__ == "__main__":
    unittest.main()
