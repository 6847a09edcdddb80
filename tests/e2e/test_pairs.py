"""The gate over the pairs of fixtures: the slow form must fail on what its pattern costs, the fast one pass and show
the gain, and a function against itself must not fail.

The differences are large, so five rounds tell; where the machine is too noisy for that, the gate itself asks for more.
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

from gate_project import Project
from support import FIXTURES, TOP

HANDSHAKE_MS = 12
LATENCY_MS = {"batching": 1, "parallel-io": 2, "client-reuse": 1, "cache": 4}
# What is judged. The mean needs fewer calls than P50's 100 a side, which counts where the slow form takes long.
METRIC = {"imports": "cold_start", "parallel-io": "mean", "data-structures": "mean", "batching": "mean",
          "client-reuse": "mean", "cache": "p50", "early-return": "p50"}
CALLS = {"cold_start": 1, "mean": 4, "p50": 20}
# Runs of a function against itself take a third of the time: all of them in CI, some on a laptop.
AGAINST_ITSELF = tuple(METRIC) if os.environ.get("LPG_TEST_EVERY_PAIR") else ("imports", "cache")
C_PERF = """version: 1
functions:
  work:
    build: mkdir -p out && ${CC:-cc} -O2 -D_GNU_SOURCE -DDEFAULT_WORK=$(cat work) -o out/bootstrap bootstrap.c
    package: out
    runtime: provided.al2023
    memory: 1769
    rounds: { min: 5, max: 40, environments: 1, calls: 20 }
    limits:
      p50: ["+10%", "+2ms"]
"""


class PairTest(unittest.TestCase):
    """One pattern in one language; the perf.yml is the fixture's own but for fewer calls and the service's port."""

    def downstream(self, latency_ms):
        process = subprocess.Popen(
            [sys.executable, os.path.join(FIXTURES, "downstream/downstream.py"), "--latency-ms", str(latency_ms),
             "--handshake-ms", str(HANDSHAKE_MS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)  # ends it
        return int(process.stdout.readline())

    def pair(self, pattern, language, metric):
        port = self.downstream(LATENCY_MS[pattern]) if pattern in LATENCY_MS else 0
        project = Project()
        self.addCleanup(project.__exit__)
        for name in ("events", language):
            shutil.copytree(os.path.join(FIXTURES, pattern, name), project.path(name))
        with open(project.path(language, "perf.yml"), encoding="utf-8") as f:
            text = f.read()
        text, changed = re.subn(r"rounds: \{.*\}", "rounds: { min: 5, max: 40, environments: 1, calls: %d }" %
                                CALLS[metric], text)
        self.assertEqual(changed, 1)
        text, changed = re.subn(r"^      (p50|cold_start):", "      %s:" % metric, text, flags=re.M)
        self.assertEqual(changed, 1)
        self.assertEqual(":8771" in text, bool(port))
        project.write(language + "/perf.yml", text.replace(":8771", ":%d" % port))
        return project

    def compare(self, project, language, baseline, candidate):
        return project.tool("run", "--config", language + "/perf.yml", "--baseline", language + "/" + baseline,
                            "--candidate", language + "/" + candidate, "--force")

    def check(self, pattern, language):
        metric = METRIC[pattern]
        project = self.pair(pattern, language, metric)
        slower = self.compare(project, language, "fast", "slow")
        self.assert_regression(slower, metric)
        faster = self.compare(project, language, "slow", "fast")
        self.assert_improvement(faster, metric)
        if pattern in AGAINST_ITSELF:
            same = self.compare(project, language, "fast", "fast")
            self.assert_no_regression(same, metric)

    def assert_all_good(self, run):
        for account in run.function["accounting"].values():
            self.assertEqual(account["ok"], account["scheduled"], run)

    def assert_regression(self, run, metric):
        self.assertEqual(run.code, 1, run)
        self.assert_all_good(run)
        judged = {m["id"]: m["verdict"] for m in run.function["metrics"] if m["limits"]}
        self.assertEqual(judged.pop(metric), "fail", run)
        self.assertNotIn("fail", judged.values(), "what the pattern does not cost must not fail either")
        self.assertGreater(run.metric(metric)["ci_low_pct"], 5)

    def assert_improvement(self, run, metric):
        self.assertEqual(run.code, 0, run)
        self.assert_all_good(run)
        found = run.metric(metric)
        self.assertEqual(found["verdict"], "pass")
        self.assertLess(found["change_pct"], 0)
        self.assertLess(found["ci_high_pct"], 0)
        self.assertIn("faster", run.function["headline"])

    def assert_no_regression(self, run, metric):
        self.assertIn(run.code, (0, 3), run)
        self.assert_all_good(run)
        self.assertNotEqual(run.metric(metric)["verdict"], "fail")


class Python(PairTest):
    language = "python"

    def test_imports(self):
        self.check("imports", self.language)

    def test_client_reuse(self):
        self.check("client-reuse", self.language)

    def test_parallel_io(self):
        self.check("parallel-io", self.language)

    def test_cache(self):
        self.check("cache", self.language)

    def test_data_structures(self):
        self.check("data-structures", self.language)

    def test_batching(self):
        self.check("batching", self.language)

    def test_early_return(self):
        self.check("early-return", self.language)


@unittest.skipUnless(shutil.which("node") or shutil.which("nodejs"), "needs Node.js")
class Node(Python):
    language = "node"


class CProgram(PairTest):
    """Two builds of one source: the build command makes the difference."""

    def test_work(self):
        with open(os.path.join(FIXTURES, "bootstrap-c/bootstrap.c"), encoding="utf-8") as f:
            source = f.read()
        project = Project(C_PERF, baseline={"bootstrap.c": source, "work": "1000"},
                          candidate={"bootstrap.c": source, "work": "2500000"})
        self.addCleanup(project.__exit__)
        self.assert_regression(project.run(), "p50")
        self.assert_improvement(project.run("--baseline", "candidate", "--candidate", "baseline"), "p50")
        same = project.run("--baseline", "baseline", "--candidate", "baseline", "--force")
        self.assert_no_regression(same, "p50")


class AsDocumented(unittest.TestCase):
    """The files as they are, from the top of the repository, as a person would try them."""

    def test_perf_yml_of_a_fixture(self):
        with Project() as project:
            run = project.tool("run", "--config", "fixtures/imports/node/perf.yml", "--baseline",
                               "fixtures/imports/node/slow", "--candidate", "fixtures/imports/node/fast",
                               "--output", project.output, cwd=TOP)
            self.assertEqual(run.code, 0, run)
            self.assertIn("faster", run.function["headline"])

    def test_every_perf_yml_is_valid(self):
        with Project() as project:
            for folder, _, names in sorted(os.walk(FIXTURES)):
                if "perf.yml" in names:
                    check = project.tool("check", "--config", os.path.join(folder, "perf.yml"))
                    self.assertEqual((check.code, check.stderr), (0, ""), folder)


if __name__ == "__main__":
    unittest.main()
