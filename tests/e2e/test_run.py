"""`run` from its sides to its reports: where baseline and candidate come from, what is invoked, what is written."""

import collections
import os
import subprocess
import unittest
import xml.etree.ElementTree
import zipfile

from gate_project import STATUSES, Project, c_side, perf_yml
from support import BIN

SIDES = ("baseline", "candidate")
SLOW = {"FIXTURE_SLEEP_MS": 60}

# What every sample has, and what one with an answer has as well.
SAMPLE_KEYS = {"function", "side", "round", "seq", "event", "index", "cold", "status", "sent_ns"}
ANSWER_KEYS = {"duration_ms", "billed_ms", "client_ms", "memory_mb", "max_memory_mb", "request_id"}
METRICS = ["p50", "p90", "p95", "p99", "mean", "cold_start", "cold_p90", "cold_total", "cost_per_million",
           "compute_per_million", "latency_p99", "max_memory", "error_rate", "package_size", "throughput", "cpu_ms"]


class GateTest(unittest.TestCase):
    maxDiff = None

    def project(self, *arguments, **sides):
        project = Project(*arguments, **sides)
        self.addCleanup(project.__exit__)
        return project

    def assert_exit(self, run, code):
        self.assertEqual(run.code, code, run)

    def assert_verdict(self, run, code, verdict):
        self.assert_exit(run, code)
        self.assertEqual((run.result["verdict"], run.result["exit_code"]), (verdict, code), run)

    def two_sides(self, perf=None, **variables):
        """Two packages that differ in a file that does nothing."""
        candidate = dict(c_side(**variables), note="the candidate")
        return self.project(perf or perf_yml(), baseline=c_side(**variables), candidate=candidate)


class Identical(GateTest):
    def test_same_packages_pass_without_an_invocation(self):
        project = self.project(perf_yml(), baseline=c_side(), candidate=c_side())
        run = project.run()
        self.assert_verdict(run, 0, "pass")
        self.assertTrue(run.function["identical"])
        self.assertIn("identical", run.function["headline"])
        self.assertEqual(run.samples, [])
        self.assertEqual(run.result["spend"]["invocations"], 0)
        self.assertEqual(run.result["resources"], {"created": 0, "removed": 0})

    def test_force_measures_them_all_the_same(self):
        project = self.project(perf_yml(), baseline=c_side(), candidate=c_side())
        run = project.run("--force")
        self.assertIn(run.code, (0, 3), run)
        self.assertFalse(run.function["identical"])
        self.assertGreater(len(run.samples), 0)


class Git(GateTest):
    """A clone whose branch is one commit ahead of the remote's default branch."""

    def setUp(self):
        self.at = self.project()
        self.at.write("perf.yml", perf_yml(extra="    source: fn\n"))
        for name, content in c_side().items():
            self.at.write("fn/" + name, content)
        self.git("init", "-q", "-b", "trunk")
        self.commit("the baseline")
        self.base = self.git("rev-parse", "HEAD")
        bare = os.path.join(self.at.base, "remote.git")
        self.git("clone", "-q", "--bare", self.at.folder, bare)
        self.git("remote", "add", "origin", bare)
        self.git("fetch", "-q")
        self.git("remote", "set-head", "origin", "-a")
        self.git("checkout", "-q", "-b", "feature")

    def git(self, *arguments):
        who = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", "-C", self.at.folder, *who, *arguments], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=self.at.environment()).stdout.strip()

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def make_slow(self):
        for name, content in c_side(**SLOW).items():
            self.at.write("fn/" + name, content)

    def assert_clean(self):
        self.assertEqual(len(self.git("worktree", "list").splitlines()), 1)

    def test_baseline_is_the_merge_base_and_candidate_the_working_tree(self):
        self.commit_on_trunk_after_the_branch()
        self.make_slow()  # not committed
        run = self.at.run()
        self.assert_verdict(run, 1, "fail")
        self.assertEqual(run.result["baseline"], {"source": "git:" + self.base[:7], "sha": self.base})
        self.assertEqual(run.result["candidate"]["source"], "worktree")
        self.assertEqual(run.metric("mean")["verdict"], "fail")
        self.assert_clean()
        self.assertEqual(self.git("status", "--porcelain").split(), ["M", "fn/bootstrap"])  # the output hides itself

    def commit_on_trunk_after_the_branch(self):
        """main moves on: what it does after the branch point is not the branch's doing."""
        self.git("checkout", "-q", "trunk")
        self.at.write("fn/bootstrap", "#!/bin/sh\nexit 1\n")
        self.commit("broken on trunk")
        self.git("push", "-q", "origin", "trunk")
        self.git("checkout", "-q", "feature")

    def test_two_commits(self):
        self.make_slow()
        head = self.commit("slow")
        self.at.write("fn/bootstrap", "broken in the working tree")
        run = self.at.run("--baseline", "git:HEAD", "--candidate", "git:trunk")
        self.assert_verdict(run, 0, "pass")
        self.assertEqual([run.result[s]["sha"] for s in SIDES], [head, self.base])
        self.assertLess(run.metric("mean")["ci_high_pct"], 0)
        self.assert_clean()

    def test_nothing_changed_is_identical(self):
        run = self.at.run()
        self.assert_verdict(run, 0, "pass")
        self.assertTrue(run.function["identical"])
        self.assert_clean()

    def test_limits_and_events_of_another_commit(self):
        """Who raises the limits and swaps the payload is still judged by those of the commit that is named."""
        self.make_slow()
        self.at.write("perf.yml", perf_yml(extra="    source: fn\n    events: [{ inline: { mine: 1 } }]\n",
                                           limits="mean: '+5000ms'"))
        self.commit("slow, and with limits of its own")
        run = self.at.run("--baseline", "git:trunk")
        self.assert_verdict(run, 0, "pass")
        run = self.at.run("--baseline", "git:trunk", "--config-ref", "trunk")
        self.assert_verdict(run, 1, "fail")
        self.assertEqual(run.metric("mean")["limits"], ["+20%", "+20ms"])
        self.assertIn("run --config perf.yml --config-ref trunk --baseline", run.result["reproduce"])
        self.assert_clean()

    def test_a_config_ref_that_does_not_do(self):
        run = self.at.run("--config-ref", "nowhere")
        self.assert_exit(run, 4)
        self.assertIn("--config-ref: ", run.stderr)
        self.assertIn("'nowhere'", run.stderr)
        self.at.write("perf.yml", "version: 1\nfunctions: { f: { memmory: 1 } }\n")
        self.commit("broken")
        run = self.at.run("--config-ref", "HEAD")
        self.assert_exit(run, 2)
        self.assertIn("HEAD:perf.yml:2:", run.stderr)
        run = self.at.run("--config-ref", "HEAD", "--config", "other.yml")
        self.assert_exit(run, 2)
        self.assertIn("HEAD:other.yml", run.stderr)
        self.assert_clean()

    def test_perf_yml_below_the_top_of_the_repository(self):
        os.makedirs(self.at.path("services/one"))
        self.git("mv", "perf.yml", "fn", "services/one")
        self.commit("moved")
        self.git("checkout", "-q", "trunk")
        self.git("merge", "-q", "feature")
        self.git("push", "-q", "origin", "trunk")
        self.git("checkout", "-q", "feature")
        self.at.write("services/one/fn/note", "new")
        run = self.at.run("--config", "services/one/perf.yml")
        self.assertIn(run.code, (0, 3), run)
        self.assertFalse(run.function["identical"])
        self.assert_clean()

    def test_what_git_does_not_know(self):
        for spec in ("git:no-such-branch", "git:--help", "git:"):
            with self.subTest(spec):
                run = self.at.run("--baseline", spec)
                self.assert_exit(run, 4)
                self.assertIn("git knows no commit", run.stderr)
                self.assert_clean()

    def test_no_repository_and_no_baseline(self):
        project = self.project(perf_yml(), candidate=c_side())
        run = project.tool("run", "--candidate", "candidate")
        self.assert_exit(run, 4)
        self.assertIn("in no git repository", run.stderr)
        self.assertIn("--baseline", run.stderr)


class Sides(GateTest):
    def zip(self, path, files):
        with zipfile.ZipFile(path, "w") as z:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name)
                entry.external_attr = 0o100755 << 16
                z.writestr(entry, content)

    def test_zip_against_folder(self):
        project = self.project(perf_yml(), baseline=c_side())
        self.zip(project.path("new.zip"), c_side(**SLOW))
        self.zip(project.path("same.zip"), c_side())
        run = project.run("--candidate", "new.zip")
        self.assert_verdict(run, 1, "fail")
        self.assertEqual(run.result["candidate"]["source"], "new.zip")
        same = project.run("--candidate", "same.zip")
        self.assert_verdict(same, 0, "pass")
        self.assertTrue(same.function["identical"], "only the contents count, not the zip around them")

    def test_build_runs_in_each_side_and_its_output_is_kept(self):
        build = "    build: sh make.sh\n    package: out\n"
        project = self.project(perf_yml(extra=build))
        for side, variables in (("baseline", SLOW), ("candidate", {})):
            files = {"src/" + name: content for name, content in c_side(**variables).items()}
            files["make.sh"] = ("echo building %s with ${AWS_SECRET_ACCESS_KEY:-no key}\n"
                                "echo to stderr >&2\nmkdir out && cp src/* out" % side)
            project.put_side(side, files)
        run = project.run(env={"AWS_SECRET_ACCESS_KEY": "hunter2"})
        self.assert_verdict(run, 0, "pass")
        self.assertLess(run.metric("mean")["ci_high_pct"], 0)
        for side in SIDES:
            self.assertEqual(run.read("build-f-%s.log" % side), "building %s with no key\nto stderr\n" % side)

    def test_function_is_selected(self):
        perf = perf_yml("one", extra="    source: a\n") + perf_yml("two", extra="    source: b\n").split("functions:\n")[1]
        files = {"a/" + n: c for n, c in c_side().items()}
        project = self.project(perf, baseline={**files, "b/bootstrap": "one"}, candidate={**files, "b/bootstrap": "two"})
        run = project.run("--function", "one")
        self.assert_verdict(run, 0, "pass")
        self.assertEqual(run.function["name"], "one")
        unknown = project.run("--function", "three")
        self.assert_exit(unknown, 2)
        self.assertIn("no function 'three'", unknown.stderr)

    def test_one_function_that_cannot_be_built_does_not_keep_the_other_from_being_measured(self):
        second = perf_yml("good", extra="    source: b\n").split("functions:\n")[1]
        perf = perf_yml("bad", extra="    source: a\n    build: echo no such compiler; exit 3\n") + second
        side = {"a/x": "x", **{"b/" + n: c for n, c in c_side().items()}}
        project = self.project(perf, baseline=side, candidate={**side, "b/note": "new"})
        run = project.run()
        self.assert_verdict(run, 4, "error")
        bad, good = run.result["functions"]
        self.assertEqual((bad["name"], bad["verdict"]), ("bad", "error"))
        self.assertEqual((good["name"], good["verdict"]), ("good", "pass"), run)
        self.assertIn("no such compiler", run.result["errors"][0])
        self.assertEqual({s["function"] for s in run.samples}, {"good"})


class Reports(GateTest):
    @classmethod
    def setUpClass(cls):
        cls.at = Project(perf_yml(), baseline=c_side(), candidate=c_side(**SLOW))
        cls.addClassCleanup(cls.at.__exit__)
        cls.run_ = cls.at.run("--seed", "42")

    def test_all_files_are_there(self):
        self.assert_verdict(self.run_, 1, "fail")
        self.assertEqual(sorted(os.listdir(self.at.output)),
                         sorted([".gitignore", "result.json", "samples.ndjson", "report.md", "report.html", "report.txt",
                                 "junit.xml"]))
        self.assertEqual(self.run_.read(".gitignore"), "*\n")
        self.assertEqual(self.run_.read("report.txt").splitlines()[:1], self.run_.stdout.splitlines()[:1])
        self.assertIn("f", self.run_.read("report.md"))
        self.assertTrue(self.run_.read("report.html").lstrip().lower().startswith("<!doctype html"))

    def test_result_has_the_documented_keys(self):
        r = self.run_.result
        self.assertEqual(r["schema"], "lambda-perf-gate/result/1")
        self.assertEqual(r["seed"], 42)
        version = subprocess.run([BIN, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()[1]
        self.assertEqual(r["tool"], {"version": version})
        self.assertEqual([r[s]["source"] for s in SIDES], list(SIDES))
        self.assertEqual(r["target"]["kind"], "embedded")
        self.assertIsInstance(r["target"]["shaped"], bool)
        self.assertIn("region", r["target"])
        self.assertEqual(r["resources"], {"created": 2, "removed": 2})
        self.assertEqual(r["spend"]["invocations"], len(self.run_.samples))
        self.assertEqual(r["spend"]["usd"], 0)
        self.assertGreater(r["spend"]["seconds"], 0)
        for side in SIDES:
            package = self.run_.function["package"][side]
            self.assertRegex(package["sha256"], "^[0-9a-f]{64}$")
            self.assertGreater(package["bytes"], 0)

    def test_metrics(self):
        found = self.run_.function["metrics"]
        self.assertEqual([m["id"] for m in found], METRICS)
        for m in found:
            self.assertLessEqual({"id", "unit", "limits", "verdict", "reason"}, set(m))
            if m["id"] not in ("mean", "error_rate"):
                self.assertEqual((m["limits"], m["verdict"]), ([], "ungated"))
        mean = self.run_.metric("mean")
        self.assertEqual((mean["unit"], mean["limits"], mean["verdict"]), ("ms", ["+20%", "+20ms"], "fail"))
        self.assertGreaterEqual(mean["candidate"], 60)
        self.assertLess(mean["baseline"], mean["candidate"])
        self.assertLessEqual(mean["ci_low_pct"], mean["change_pct"])
        self.assertLessEqual(mean["change_pct"], mean["ci_high_pct"])
        self.assertAlmostEqual(mean["change_pct"], (mean["candidate"] / mean["baseline"] - 1) * 100, delta=1)
        p99 = self.run_.metric("p99")
        self.assertNotIn("candidate", p99, "20 calls have no P99: not measured, and never a zero")
        self.assertIn("not measured", p99["reason"])

    def test_junit_is_well_formed_and_red(self):
        root = xml.etree.ElementTree.fromstring(self.run_.read("junit.xml"))
        self.assertEqual(len(root.findall(".//failure")), 1)
        self.assertEqual(root.find(".//failure").get("type"), "regression")

    def test_samples_have_the_documented_keys(self):
        for s in self.run_.samples:
            self.assertLessEqual(SAMPLE_KEYS | ANSWER_KEYS, set(s))
            self.assertEqual((s["function"], s["status"], s["memory_mb"]), ("f", "ok", 1769))
            self.assertEqual("init_ms" in s, s["cold"])
            self.assertNotIn("late_ns", s, "nothing is due at a time in a closed loop")
            self.assertRegex(s["request_id"], "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
            self.assertGreaterEqual(s["client_ms"], s["duration_ms"])
            self.assertGreaterEqual(s["billed_ms"], s["duration_ms"])

    def test_every_invocation_is_accounted_for(self):
        for side in SIDES:
            account = self.run_.function["accounting"][side]
            mine = [s for s in self.run_.samples if s["side"] == side]
            self.assertEqual(account["scheduled"], len(mine))
            self.assertEqual(sum(account[status] for status in STATUSES), len(mine))
            self.assertEqual(set(account), {"scheduled", *STATUSES})
        ids = [s["request_id"] for s in self.run_.samples]
        self.assertEqual(len(set(ids)), len(ids))

    def test_environments_are_fresh_in_every_round_and_start_cold(self):
        for side in SIDES:
            calls = collections.defaultdict(list)
            for s in self.run_.samples:
                if s["side"] == side:
                    calls[s["round"], s["env"]].append(s)
            self.assertEqual(len(calls), self.run_.function["rounds"])
            self.assertEqual(len({env for _, env in calls}), len(calls))
            for own in calls.values():
                self.assertEqual([s["seq"] for s in own], [0, 1, 2, 3, 4])
                self.assertEqual([s["cold"] for s in own], [True, False, False, False, False])

    def test_report_renders_the_stored_result_again(self):
        again = self.at.tool("report")
        self.assert_exit(again, 0)
        self.assertEqual(again.stdout, self.run_.stdout)
        for name, file in (("json", "result.json"), ("markdown", "report.md"), ("html", "report.html"),
                           ("junit", "junit.xml")):
            self.assertEqual(self.at.tool("report", "--format", name).stdout, self.run_.read(file), name)


class Printed(GateTest):
    def test_json_is_the_result_and_nothing_else(self):
        project = self.two_sides()
        run = project.run("--json")
        self.assertEqual(run.stdout, run.read("result.json"))
        self.assertNotEqual(run.stderr, "")

    def test_quiet_says_nothing_on_stderr(self):
        run = self.two_sides().run("--quiet")
        self.assertEqual(run.stderr, "")
        self.assertNotEqual(run.stdout, "")

    def test_no_colours_but_when_asked(self):
        project = self.two_sides()
        self.assertNotIn("\x1b", project.run().stdout)
        self.assertIn("\x1b[", project.run("--color", "always").stdout)
        self.assertNotIn("\x1b", project.run("--color", "always", env={"NO_COLOR": "1"}).stdout)

    def test_unshaped_is_said(self):
        run = self.two_sides().run("--unshaped")
        self.assertFalse(run.result["target"]["shaped"])
        self.assertIn("CPU was not limited", run.stdout)


class Load(GateTest):
    EVENTS = ("    events:\n      - { inline: { name: a }, weight: 1 }\n      - { inline: { name: b }, weight: 1 }\n"
              "      - { inline: { name: c }, weight: 5 }\n")

    def measure(self, rounds, extra, **more):
        """A run whose answer needs all its rounds to be seen, not to be clear."""
        run = self.two_sides(perf_yml(rounds=rounds, extra=extra, **more)).run()
        self.assertIn(run.code, (0, 1, 3), run)
        return run

    def by_round(self, run):
        """{(round, side): samples in the order of the run}"""
        found = collections.defaultdict(list)
        for s in run.samples:
            found[s["round"], s["side"]].append(s)
        return found

    def assert_same_events_on_both_sides(self, run):
        rounds = self.by_round(run)
        for number in range(run.function["rounds"]):
            events = [{s["index"]: s["event"] for s in rounds[number, side]} for side in SIDES]
            self.assertEqual(*events)
            self.assertEqual(sorted(events[0]), list(range(len(events[0]))))

    def test_weights_are_kept_exactly_and_both_sides_get_the_same(self):
        run = self.measure("{ min: 5, max: 5, environments: 2, calls: 4 }", self.EVENTS)
        self.assert_same_events_on_both_sides(run)
        for samples in self.by_round(run).values():
            # 10 calls for weights 1, 1, 5: shares 1.43, 1.43, 7.14; the one left over goes to the first largest rest
            self.assertEqual(collections.Counter(s["event"] for s in samples), {0: 2, 1: 1, 2: 7})
        self.assertEqual([e["name"] for e in run.function["events"]], ["inline 1", "inline 2", "inline 3"])
        for side in SIDES:
            self.assertEqual(sum(e[side]["calls"] for e in run.function["events"]), 5 * 8)

    def order(self, project, seed):
        run = project.run("--seed", seed)
        return [(s["round"], s["side"], s["event"], s["index"], s["seq"]) for s in run.samples]

    def test_the_seed_decides_the_order(self):
        project = self.two_sides(perf_yml(rounds="{ min: 5, max: 5, environments: 1, calls: 6 }", extra=self.EVENTS))
        first = self.order(project, "7")
        self.assertEqual(first, self.order(project, "7"))
        other = self.order(project, "8")
        self.assertNotEqual(first, other)
        self.assertEqual(collections.Counter(x[:3] for x in first), collections.Counter(x[:3] for x in other))

    def test_alternating_sends_both_calls_of_a_pair_before_the_next(self):
        run = self.measure("{ min: 5, max: 5, environments: 1, calls: 10 }", "")
        warm = [s for s in run.samples if not s["cold"]]
        leads = collections.Counter()
        for first, second in zip(warm[::2], warm[1::2]):
            self.assertEqual((first["round"], first["index"]), (second["round"], second["index"]))
            self.assertNotEqual(first["side"], second["side"])
            leads[first["side"]] += 1
        self.assertEqual(set(leads), set(SIDES), "neither side may always go first")

    def test_open_loop(self):
        run = self.measure("{ min: 5, max: 5, environments: 2, calls: 10 }", "    load: { rate: 200 }\n",
                           limits="error_rate: <= 0%")
        # where starting is so slow that every call starts an environment, three rounds are enough to see that
        used, dropped = run.function["rounds"], run.function["rounds_dropped"]
        self.assertEqual(used + dropped, 5 if used else 3)
        for samples in self.by_round(run).values():
            self.assertEqual(len(samples), 20)
            self.assertGreaterEqual(sum(s["cold"] for s in samples), 1)
            for s in samples:
                self.assertGreaterEqual(s["late_ns"], 0)
                self.assertNotIn("env", s, "nobody knows which environment takes a call of an open loop")
            due = [s["sent_ns"] - s["late_ns"] for s in sorted(samples, key=lambda s: s["index"])]
            for earlier, later in zip(due, due[1:]):
                self.assertAlmostEqual(later - earlier, 1e9 / 200, delta=2000)  # late_ns is in whole us
        self.assert_same_events_on_both_sides(run)

    def test_stages(self):
        stages = "    load: { rate: 100, stages: [{ duration: 100ms, rate: 300 }, { duration: 100ms, rate: 300 }] }\n"
        run = self.measure("{ min: 5, max: 5, environments: 1, calls: 1 }", stages, limits="error_rate: <= 0%")
        for samples in self.by_round(run).values():
            self.assertEqual(len(samples), 50)  # 0.1 s at 200/s on average, 0.1 s at 300/s
            due = [s["sent_ns"] - s["late_ns"] for s in sorted(samples, key=lambda s: s["index"])]
            gaps = [b - a for a, b in zip(due, due[1:])]
            self.assertGreater(gaps[0], 8.5e6)
            self.assertAlmostEqual(gaps[-1], 1e9 / 300, delta=2000)
            for earlier, later in zip(gaps, gaps[1:]):
                self.assertLessEqual(later, earlier + 2000)

    def test_closed_loop_starts_as_many_environments_as_may_work(self):
        run = self.measure("{ min: 5, max: 5, environments: 6, calls: 3 }", "    load: { concurrency: 3 }\n",
                              limits="error_rate: <= 0%")
        self.assertEqual(run.function["concurrency"], 3)
        for samples in self.by_round(run).values():
            self.assertEqual(len(samples), 24)
            kept = [s["cold"] for s in samples]
            self.assertEqual(sum(kept), 6, "two blocks of three")
            self.assertEqual([kept[:3], kept[12:15]], [[True] * 3] * 2)
        self.assert_same_events_on_both_sides(run)

    def test_an_answer_that_is_not_the_expected_one_is_a_function_error(self):
        events = "    events: [{ inline: {}, expect: { path: work, equals: 0 } }]\n"
        project = self.project(perf_yml(extra=events, limits="error_rate: <= 0%"), baseline=c_side(),
                               candidate=c_side(FIXTURE_WORK=7))
        run = project.run()
        self.assert_verdict(run, 1, "fail")
        accounts = run.function["accounting"]
        self.assertEqual(accounts["candidate"]["function_error"], accounts["candidate"]["scheduled"])
        self.assertEqual(accounts["baseline"]["ok"], accounts["baseline"]["scheduled"])
        self.assertIn("not the expected one", run.stderr)

    def test_time_limit_makes_it_inconclusive_and_says_so(self):
        project = self.two_sides(perf_yml(rounds="{ min: 50, max: 100, environments: 1, calls: 4 }"), FIXTURE_SLEEP_MS=5)
        run = project.run("--max-minutes", "0.001")
        self.assert_verdict(run, 3, "inconclusive")
        self.assertTrue(any("--max-minutes" in w for w in run.function["warnings"]), run)
        self.assertLess(run.function["rounds"], 50)


class Endpoint(GateTest):
    """The same road with a Lambda that somebody else started."""

    KEYS = {"AWS_ACCESS_KEY_ID": "AKIDOTHER", "AWS_SECRET_ACCESS_KEY": "another/secret"}

    def serve(self, project):
        keys = {"LPG_SERVE_ACCESS_KEY": "AKIDOTHER", "LPG_SERVE_SECRET_KEY": "another/secret"}
        folder = os.path.join(project.base, "serve")
        os.mkdir(folder)
        process = project.start("serve", env={**keys, "TMPDIR": folder}, stderr=None)
        project.others.add(process.pid)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process.stdout.readline().decode().strip()

    def test_verdict_and_removal(self):
        project = self.project(perf_yml(), baseline=c_side(), candidate=c_side(**SLOW))
        url = self.serve(project)
        project.others |= set(project.processes())
        run = project.run("--endpoint-url", url, env=self.KEYS)
        self.assert_verdict(run, 1, "fail")
        self.assertEqual(run.result["target"]["kind"], "endpoint")
        self.assertFalse(run.result["target"]["shaped"])
        self.assertEqual(run.result["resources"], {"created": 2, "removed": 2})
        self.assertEqual(self.functions_at(url), [])

    def functions_at(self, url):
        import boto3
        client = boto3.client("lambda", endpoint_url=url, region_name="us-east-1", aws_access_key_id="AKIDOTHER",
                              aws_secret_access_key="another/secret")
        self.addCleanup(client.close)
        return client.list_functions()["Functions"]

    def test_wrong_keys_and_no_keys(self):
        project = self.project(perf_yml(), baseline=c_side(), candidate=c_side(**SLOW))
        url = self.serve(project)
        project.others |= set(project.processes())
        wrong = project.run("--endpoint-url", url, env={**self.KEYS, "AWS_SECRET_ACCESS_KEY": "not/the/secret"})
        self.assert_verdict(wrong, 4, "error")
        self.assertIn("signature", wrong.stdout)
        for name, text in wrong.all_texts().items():
            self.assertNotIn("not/the/secret", text, name)
        without = project.run("--endpoint-url", url)
        self.assert_exit(without, 2)
        self.assertIn("AWS_ACCESS_KEY_ID", without.stderr)

    def test_nobody_there(self):
        project = self.project(perf_yml(), baseline=c_side(), candidate=c_side(**SLOW))
        run = project.run("--endpoint-url", "http://127.0.0.1:9", env=self.KEYS)
        self.assert_verdict(run, 4, "error")


if __name__ == "__main__":
    unittest.main()
