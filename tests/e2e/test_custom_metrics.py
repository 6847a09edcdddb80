"""Metrics of a function's own, from its log line to the verdict: real Python and Node.js functions on the embedded Lambda."""

import json
import unittest

from gate_project import NODE, PYTHON, Project, perf_yml

ROUNDS = "{ min: 5, max: 8, environments: 1, calls: 6 }"
LIMITS = "custom.orders_read: '+20%', custom.db_ms: ['+20%', '+1ms'], custom.hits: '-20%'"
METRICS = ("    metrics:\n      orders_read: {}\n      db_ms: { path: timing.db, unit: ms }\n"
           "      hits: { path: cache.hits, better: higher }\n")

EMF = ('{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[[]],'
       '"Metrics":[{"Name":"orders_read","Unit":"Count"}]}]},"orders_read":%s}')

PYTHON_APP = """
import json, logging
logging.getLogger().setLevel("INFO")
n = 0
def handler(event, context):
    global n
    n += 1
    print("plain text first")
    if n %% 2 or not %(silent)s:
        print(%(emf)r)
        logging.info(json.dumps({"timing": {"db": %(db)s + n %% 3 / 10}, "cache": {"hits": %(hits)s}}))
    return {"statusCode": 200}
"""

NODE_APP = """
let n = 0;
exports.handler = async () => {
  n += 1;
  console.log(%(emf)r);
  console.log(JSON.stringify({ timing: { db: %(db)s + n %% 3 / 10 }, cache: { hits: %(hits)s } }));
  return { statusCode: 200 };
};
"""


def side(runtime, orders="[4, 6]", db=5, hits=90, silent=False, note=""):
    values = {"emf": EMF % orders, "db": db, "hits": hits, "silent": silent}
    if runtime == PYTHON:
        return {"app.py": PYTHON_APP % values, "note": note}
    return {"app.js": NODE_APP % values, "note": note}


class CustomTest(unittest.TestCase):
    maxDiff = None

    def measure(self, runtime, candidate, limits=LIMITS, extra=METRICS, baseline=None):
        perf = perf_yml(runtime=runtime, rounds=ROUNDS, extra=extra, limits=limits)
        project = Project(perf, baseline=baseline or side(runtime), candidate=candidate)
        self.addCleanup(project.__exit__)
        return project, project.run("--unshaped")


class BothRuntimes(CustomTest):
    def test_same_values_do_not_fail(self):
        for runtime in (PYTHON, NODE):
            with self.subTest(runtime):
                _, run = self.measure(runtime, side(runtime, note="new"))
                self.assertIn(run.code, (0, 3), run)
                self.assertEqual(run.metric("custom.orders_read")["baseline"], 10)
                self.assertEqual(run.metric("custom.hits")["candidate"], 90)
                self.assertEqual({v["custom"]["orders_read"] for v in run.samples}, {10})
                for name in ("orders_read", "db_ms", "hits"):
                    self.assertEqual(run.metric("custom." + name)["verdict"], "pass", run)

    def test_a_regression_fails_on_its_metric_and_compare_agrees(self):
        cases = {"orders_read": {"orders": "[4, 6, 5]"}, "db_ms": {"db": 9}, "hits": {"hits": 60}}
        for number, (name, worse) in enumerate(cases.items()):
            runtime = (PYTHON, NODE)[number % 2]
            with self.subTest(name, runtime=runtime):
                project, run = self.measure(runtime, side(runtime, **worse))
                self.assertEqual(run.code, 1, run)
                verdicts = {m["id"]: m["verdict"] for m in run.function["metrics"] if m["id"].startswith("custom.")}
                wanted = {"custom." + n: "fail" if n == name else verdicts["custom." + n] for n in cases}
                self.assertEqual(verdicts, wanted)
                for text in ("report.md", "junit.xml", "report.html"):
                    self.assertIn(name.split("_")[0], run.read(text))
                again = project.tool("compare", "--json")
                self.assertEqual(again.code, 1)
                mine = json.loads(again.stdout)["functions"][0]
                self.assertEqual(mine["metrics"][-3:], run.function["metrics"][-3:])
                self.assertEqual((mine["rounds"], mine["headline"]), (run.function["rounds"], run.function["headline"]))
                rendered = project.tool("report", "--format", "json")
                self.assertEqual(json.loads(rendered.stdout), run.result, rendered)

    def test_better_values_pass(self):
        _, run = self.measure(PYTHON, side(PYTHON, orders="1", db=2, hits=190))
        self.assertIn(run.code, (0, 3), run)
        self.assertGreater(run.metric("custom.hits")["change_pct"], 100)
        self.assertLess(run.metric("custom.db_ms")["change_pct"], -40)


class NeverPass(CustomTest):
    def test_a_side_that_is_silent_half_of_the_time(self):
        _, run = self.measure(PYTHON, side(PYTHON, db=1, silent=True))
        self.assertEqual(run.code, 3, run)
        self.assertTrue(any("have no value of custom.db_ms" in w for w in run.function["warnings"]), run)

    def test_a_metric_that_nobody_writes(self):
        _, run = self.measure(PYTHON, side(PYTHON, note="new"), limits="custom.none: '+10%'",
                              extra="    metrics: { none: {} }\n")
        self.assertEqual(run.code, 4, run)
        self.assertIn("the baseline's log never holds it", run.function["warnings"][-2] + run.function["warnings"][0])
        self.assertTrue(all("custom" not in s for s in run.samples))

    def test_a_log_that_is_longer_than_what_lambda_returns(self):
        """The lines that were cut off may hold more of it: a part of a sum is no value."""
        chatty = {"app.py": PYTHON_APP.replace("plain text first", "x" * 5000) %
                  {"emf": EMF % 1, "db": 1, "hits": 90, "silent": False}}
        _, run = self.measure(PYTHON, chatty)
        self.assertEqual(run.code, 4, run)
        self.assertIn("the candidate's log never holds it", " ".join(run.function["warnings"]))


class JsonLogs(CustomTest):
    def test_records_of_the_json_log_format(self):
        _, run = self.measure(PYTHON, side(PYTHON, db=9), extra=METRICS + "    log_format: json\n")
        self.assertEqual(run.code, 1, run)
        self.assertAlmostEqual(run.metric("custom.db_ms")["baseline"], 5.1, delta=0.2)


if __name__ == "__main__":
    unittest.main()
