"""`compare` with a stored baseline: runs of two days are never taken for one, and what cannot be compared is refused."""

import copy
import json
import os
import random
import unittest
import uuid

from gate_project import Project, c_side, perf_yml

ROUNDS = "{ min: 5, max: 6, environments: 2, calls: 10 }"
EVENTS = "    events:\n      - { inline: { name: a } }\n      - { inline: { sleep_ms: 12 } }\n"
LIMITS = "mean: '+20%', cold_start: '+100%', package_size: '+10%'"


def setUpModule():
    """Two runs of the same sides; the tests use these, and sessions that are made of them."""
    at = StoredTest.at = Project(perf_yml(rounds=ROUNDS, extra=EVENTS, limits=LIMITS), baseline=c_side(),
                                 candidate=dict(c_side(), note="new"))
    unittest.addModuleCleanup(at.__exit__)
    for name in ("old", "new"):
        run = at.run("--seed", "3", "--output", name)
        assert run.code in (0, 3), run
        with open(at.path(name, "samples.ndjson"), encoding="utf-8") as f:
            StoredTest.samples[name] = [json.loads(line) for line in f]
        with open(at.path(name, "result.json"), encoding="utf-8") as f:
            StoredTest.results[name] = json.load(f)


def other_invocations(samples, seed, factor=1.0):
    """The samples of another session: other request ids, every time so many times as long and a little off."""
    rng = random.Random(seed)
    samples = copy.deepcopy(samples)
    for s in samples:
        s["request_id"] = str(uuid.UUID(int=rng.getrandbits(128)))
        for key in ("duration_ms", "init_ms", "client_ms"):
            if key in s:
                s[key] = round(s[key] * factor * rng.uniform(.999, 1.001), 2)
    return samples


class StoredTest(unittest.TestCase):
    maxDiff = None
    at = None
    samples, results = {}, {}

    def put(self, name, samples=None, result=None):
        """A stored measurement `name`; gives the path of its samples. A text is put as it is."""
        content = self.samples["old"] if samples is None else samples
        text = content if isinstance(content, str) else "".join(json.dumps(s) + "\n" for s in content)
        self.at.write(name + "/samples.ndjson", text)
        path = self.at.path(name, "result.json")
        if result is not None:
            self.at.write(name + "/result.json", json.dumps(result))
        elif os.path.exists(path):
            os.remove(path)
        return name + "/samples.ndjson"

    def result_of(self, which="old", **changes):
        """The result.json of a run with other values: function__memory_mb=512, target__kind="aws"."""
        result = copy.deepcopy(self.results[which])
        for key, value in changes.items():
            where, _, name = key.rpartition("__")
            (result["functions"][0] if where == "function" else result[where] if where else result)[name] = value
        return result

    def compare(self, *old, new="new/samples.ndjson", more=()):
        arguments = [x for path in old for x in ("--baseline-samples", path)]
        return self.at.tool("compare", *arguments, "--samples", new, "--json", *more)

    def assert_error(self, run, *words, code=4):
        self.assertEqual(run.code, code, run)
        self.assertEqual(run.stdout, "")
        for word in words:
            self.assertIn(word, run.stderr)

    def function(self, run):
        return json.loads(run.stdout)["functions"][0]

    def metric(self, run, name="mean"):
        return next(m for m in self.function(run)["metrics"] if m["id"] == name)

    def warnings(self, run):
        return " ".join(self.function(run)["warnings"])


class Judged(StoredTest):
    def test_every_report_says_that_the_baseline_is_stored(self):
        run = self.compare("old/samples.ndjson")
        self.assertIn(run.code, (0, 3), run)
        result = json.loads(run.stdout)
        f = result["functions"][0]
        self.assertEqual((f["baseline_stored"], f["baseline_sessions"], f["session_noise_pct"]), (True, 1, 10))
        self.assertEqual(f["baseline_measured"], self.results["old"]["started"])
        self.assertEqual(f["warnings"], [])
        self.assertTrue(result["baseline"]["source"].startswith("stored "), result["baseline"])
        self.assertEqual(result["target"], self.results["new"]["target"])
        self.assertEqual(self.metric(run, "package_size")["verdict"], "pass")
        self.assertGreater(self.metric(run)["detectable_pct"], 50)  # sqrt(2) * 10 % is known no better
        self.at.write("result.json", run.stdout)
        texts = [self.at.tool("report", *arguments, "result.json").stdout for arguments in
                 ((), ("--format", "markdown"), ("--format", "html"), ("--format", "junit"))]
        for text in texts:
            flat = " ".join(text.split())
            self.assertIn("The baseline is a stored measurement of %s" % self.results["old"]["started"][:19], flat)
            self.assertIn("a change below %.1f %%" % self.metric(run)["detectable_pct"], flat)
            self.assertIn("cannot be seen", flat)

    def test_the_noise_between_sessions_decides(self):
        slower = self.put("slower", other_invocations(self.samples["old"], 1, 1.6))
        self.assertEqual(self.compare("old/samples.ndjson", new=slower, more=("--session-noise", "2")).code, 1)
        self.assertEqual(self.compare("old/samples.ndjson", new=slower, more=("--session-noise", "40")).code, 3)

    def test_swapped_files_mirror_the_change(self):
        there = self.metric(self.compare("old/samples.ndjson"))
        back = self.metric(self.compare("new/samples.ndjson", new="old/samples.ndjson"))
        self.assertAlmostEqual((1 + there["change_pct"] / 100) * (1 + back["change_pct"] / 100), 1, 6)
        self.assertAlmostEqual((1 + there["ci_low_pct"] / 100) * (1 + back["ci_high_pct"] / 100), 1, 6)

    def test_a_unit_of_time_changes_no_verdict(self):
        for factor in (1.1, 1.6):
            old = self.put("a", self.samples["old"])
            new = self.put("b", other_invocations(self.samples["new"], 1, factor))
            here = self.compare(old, new=new, more=("--session-noise", "3"))
            self.put("a", other_invocations(self.samples["old"], 2, 8))
            self.put("b", other_invocations(self.samples["new"], 1, 8 * factor))
            there = self.compare(old, new=new, more=("--session-noise", "3"))
            self.assertEqual(here.code, there.code)
            self.assertEqual(self.metric(here)["verdict"], self.metric(there)["verdict"])
            self.assertAlmostEqual(self.metric(here)["change_pct"], self.metric(there)["change_pct"], 0)

    def test_which_side_of_the_old_file(self):
        """What was merged, unless told otherwise."""
        sides = [dict(s, duration_ms=s["duration_ms"] * (3 if s["side"] == "baseline" else 1))
                 for s in other_invocations(self.samples["old"], 5)]
        old = self.put("sides", sides, self.result_of())
        merged, before = self.compare(old), self.compare(old, more=("--baseline-side", "baseline"))
        self.assertAlmostEqual(self.metric(merged)["baseline"] * 3 / self.metric(before)["baseline"], 1, 0)
        self.assertNotEqual(json.loads(merged.stdout)["baseline"], json.loads(before.stdout)["baseline"])

    def sessions(self, count, days):
        """Stored sessions of so many days; paths for compare()."""
        return [self.put("session%d" % i, other_invocations(self.samples["old"], 10 + i, 1 + .01 * (i % 3)),
                         self.result_of(started="2026-11-%02dT08:15:00Z" % (1 + i % days))) for i in range(count)]

    def test_five_days_tell_their_own_noise(self):
        new = self.put("same", other_invocations(self.samples["old"], 99))
        run = self.compare(*self.sessions(5, 5), new=new)
        f = self.function(run)
        self.assertEqual((f["baseline_sessions"], f.get("session_noise_pct")), (5, None))
        self.assertEqual(f["baseline_measured"], "2026-11-01T08:15:00Z to 2026-11-05T08:15:00Z")
        self.assertLess(self.metric(run)["detectable_pct"], 40)
        given = self.function(self.compare(*self.sessions(5, 5), more=("--session-noise", "7")))
        self.assertEqual(given["session_noise_pct"], 7)

    def test_sessions_of_one_day_do_not(self):
        run = self.compare(*self.sessions(6, 2))
        self.assertEqual(self.function(run)["session_noise_pct"], 10)
        self.assertIn("the 6 stored measurements are of 2 different days", self.warnings(run))
        unknown = self.compare(*[self.put("u%d" % i, other_invocations(self.samples["old"], i)) for i in range(5)])
        self.assertEqual(self.function(unknown)["session_noise_pct"], 10)
        self.assertIn("of 0 different days", self.warnings(unknown))

    def test_real_lambda_is_taken_to_be_steadier(self):
        old = self.put("aws-old", other_invocations(self.samples["old"], 1), self.result_of(target__kind="aws"))
        new = self.put("aws-new", other_invocations(self.samples["new"], 2), self.result_of("new", target__kind="aws"))
        self.assertEqual(self.function(self.compare(old, new=new))["session_noise_pct"], 5)

    def test_without_a_result_it_is_said(self):
        run = self.compare(self.put("bare"))
        self.assertIn("1 of 2 samples files, such as bare/samples.ndjson, have no result.json", self.warnings(run))
        self.assertNotIn("baseline_measured", self.function(run))
        # one of another run is none
        more = self.result_of()
        more["functions"][0]["accounting"]["candidate"]["scheduled"] += 1
        self.assertIn("1 of 2 samples files", self.warnings(self.compare(self.put("bare", result=more))))

    def test_other_prices_and_commits_are_said(self):
        one = self.put("one", other_invocations(self.samples["old"], 1),
                       self.result_of(prices="AWS price list of 2020-01-01, us-east-1", candidate__sha="a" * 40))
        two = self.put("two", other_invocations(self.samples["old"], 2), self.result_of(candidate__sha="b" * 40))
        said = self.warnings(self.compare(one, two))
        self.assertIn("charged with different prices (AWS price list of 2020-01-01, us-east-1;", said)
        self.assertIn("different commits", said)


class Refused(StoredTest):
    def test_the_same_file_twice(self):
        self.assert_error(self.compare("new/samples.ndjson"), "not independent", "the same invocations")
        self.assert_error(self.compare("old/samples.ndjson", "old/samples.ndjson"), "not independent")
        bare = [{k: v for k, v in s.items() if k != "request_id"} for s in self.samples["old"]]
        again = "".join(json.dumps(dict(reversed(s.items()))) + "\n" for s in bare)
        self.assert_error(self.compare(self.put("x", bare), self.put("y", again)), "x/samples.ndjson",
                          "y/samples.ndjson", "the same samples")
        # the other side of the same run is not of another day either
        self.assert_error(self.compare("new/samples.ndjson", more=("--baseline-side", "baseline")), "not independent")
        part = other_invocations(self.samples["old"], 1)[:-1] + self.samples["new"][-1:]
        self.assert_error(self.compare(self.put("x", part)), "the same invocations")

    def test_what_makes_numbers_incomparable_is_named(self):
        for words, changes in {
            "the memory (512 MB, 1769 MB)": {"function__memory_mb": 512},
            "the architecture (arm64, x86_64)": {"function__architecture": "arm64"},
            "the target (aws, embedded)": {"target__kind": "aws"},
            "CPU and memory (": {"target__shaped": not self.results["old"]["target"]["shaped"]},
        }.items():
            with self.subTest(words):
                self.assert_error(self.compare(self.put("other", result=self.result_of(**changes))),
                                  "other/samples.ndjson cannot be compared with new/samples.ndjson", words)
        both = self.put("other", other_invocations(self.samples["old"], 1),
                        self.result_of(function__memory_mb=512, target__kind="aws"))
        self.assert_error(self.compare("old/samples.ndjson", both), "the target", "the memory")
        # the samples tell the memory too
        smaller = self.put("other", [dict(s, memory_mb=512) for s in self.samples["old"]])
        self.assert_error(self.compare(smaller), "the memory (512 MB, 1769 MB)")

    def test_regions(self):
        self.put("west", other_invocations(self.samples["new"], 1), self.result_of("new", target__region="us-west-2"))
        old = self.put("east", result=self.result_of(target__region="us-east-1"))
        self.assert_error(self.compare(old, new="west/samples.ndjson"), "the region (us-east-1, us-west-2)")

    def test_another_mix_of_events(self):
        last = [s for s in self.samples["old"] if s["side"] == "candidate"][-1]
        for name, keep in {"no slow ones": lambda s: s["event"] == 0, "no fast ones": lambda s: s["event"] == 1,
                           "one lost": lambda s: s is not last}.items():
            with self.subTest(name):
                kept = [s for s in self.samples["old"] if keep(s)]
                self.assert_error(self.compare(self.put("mix", kept)), "the calls of event")
        kept = [s for s in self.samples["new"] if s["event"] == 0]
        self.assert_error(self.compare("old/samples.ndjson", new=self.put("mix", kept)), "the calls of event")

    def test_other_functions(self):
        renamed = self.put("g", [dict(s, function="g") for s in self.samples["old"]])
        self.assert_error(self.compare(renamed), "g/samples.ndjson: no samples of the candidate of 'f'")
        self.assert_error(self.compare("old/samples.ndjson", new=renamed), "line 1", "names no function")
        beside = self.put("g", self.samples["old"] + [dict(s, function="g") for s in other_invocations(
            self.samples["old"], 1)])
        self.assertIn(self.compare(beside).code, (0, 3))
        half = self.put("g", [s for s in self.samples["old"] if s["side"] == "baseline"])
        self.assert_error(self.compare(half), "no samples of the candidate of 'f'")

    def test_damaged_files(self):
        lines = [json.dumps(s) for s in self.samples["old"]]
        for bad in ("{", "null", lines[2][:-9], lines[2].replace('"ok"', '"fine"')):
            run = self.compare(self.put("bad", "\n".join(lines[:2] + [bad] + lines[3:]) + "\n"))
            self.assert_error(run, "bad/samples.ndjson: line 3")
        self.put("bad", result=self.result_of())
        self.at.write("bad/result.json", "{")
        self.assert_error(self.compare("bad/samples.ndjson"), "bad/result.json")
        self.assert_error(self.compare(self.put("bad", "")), "no samples")
        self.assert_error(self.compare("nowhere.ndjson"), "nowhere.ndjson")

    def test_bad_options(self):
        old = "old/samples.ndjson"
        for more in (("--session-noise", "0"), ("--session-noise", "101"), ("--session-noise", "-1"),
                     ("--baseline-side", "left"), ("--function", "nobody")):
            with self.subTest(more):
                self.assert_error(self.compare(old, more=more), code=2)
        for more in (("--session-noise", "5"), ("--baseline-side", "baseline")):
            self.assert_error(self.at.tool("compare", *more), "--baseline-samples", code=2)


class NeverPass(StoredTest):
    def assert_not_pass(self, run):
        self.assertIn(run.code, (1, 3, 4), run)  # 1: calls that fail break the limit on errors
        if run.stdout:
            self.assertNotEqual(json.loads(run.stdout)["verdict"], "pass")

    def both_ways(self, change, name):
        """The change on either file; the candidate is half as slow, so that nothing else speaks against a pass."""
        for which in ("old", "new"):
            with self.subTest(name, which=which):
                files = {"old": other_invocations(self.samples["old"], 1, 2), "new": copy.deepcopy(self.samples["new"])}
                files[which] = [s for s in files[which] if change(s) is not False]
                self.assert_not_pass(self.compare(self.put("p", files["old"]), new=self.put("q", files["new"]),
                                                  more=("--session-noise", "1", "--config", "one.yml")))

    def test_what_is_missing(self):
        self.at.write("one.yml", perf_yml(rounds=ROUNDS, extra=EVENTS, limits="mean: '+20%', cold_start: '+100%'"))
        control = self.compare(self.put("p", other_invocations(self.samples["old"], 1, 2)),
                               more=("--session-noise", "1", "--config", "one.yml"))
        self.assertEqual(control.code, 0, control)
        self.both_ways(lambda s: s["side"] == "baseline", "no candidate")
        self.both_ways(lambda s: s["cold"], "only cold calls")
        self.both_ways(lambda s: not s["cold"], "no cold calls")
        self.both_ways(lambda s: s["round"] < 4, "four rounds")
        self.both_ways(lambda s: s["event"] == 0, "one event missing")
        for key in ("duration_ms", "init_ms"):
            for value in (None, "12", -1):
                self.both_ways(lambda s: s.update({key: value}) if key in s else None, (key, value))
        for status in ("function_error", "timeout", "throttled", "unknown", "tampered"):
            self.both_ways(lambda s: s.update(status=status), status)
        self.both_ways(lambda s: s.update(dropped=True), "dropped")


if __name__ == "__main__":
    unittest.main()
