"""`compare` judges stored samples as their run did, and nothing that is missing or damaged becomes a pass."""

import copy
import json
import unittest

from gate_project import Project, c_side, perf_yml

ROUNDS = "{ min: 5, max: 12, environments: 2, calls: 10 }"
EVENTS = "    events:\n      - { inline: { name: a } }\n      - { inline: { sleep_ms: 12 } }\n"
LIMITS = "mean: ['+20%', '+5ms'], p50: ['+20%', '+5ms'], cold_start: ['+100%', '+50ms']"


def setUpModule():
    """One run, which passes; its samples are what the tests change."""
    CompareTest.at = Project(perf_yml(rounds=ROUNDS, extra=EVENTS, limits=LIMITS), baseline=c_side(),
                             candidate=dict(c_side(), note="new"))
    unittest.addModuleCleanup(CompareTest.at.__exit__)
    CompareTest.run_ = CompareTest.at.run("--seed", "3")
    assert CompareTest.run_.code == 0, CompareTest.run_
    CompareTest.samples = CompareTest.run_.samples


class CompareTest(unittest.TestCase):
    maxDiff = None
    at = run_ = samples = None

    def compare(self, content, *arguments):
        """compare over samples (a list) or over a text as it is"""
        text = content if isinstance(content, str) else "".join(json.dumps(s) + "\n" for s in content)
        self.at.write("changed.ndjson", text)
        return self.at.tool("compare", "--samples", "changed.ndjson", "--json", *arguments)

    def assert_not_pass(self, run):
        self.assertNotEqual(run.code, 0, run)
        if run.stdout:
            self.assertNotEqual(json.loads(run.stdout)["verdict"], "pass")

    def changed(self, change):
        samples = copy.deepcopy(self.samples)
        return [s for s in samples if change(s) is not False]


class Same(CompareTest):
    def assert_same(self, run, result, ran):
        self.assertEqual((run.code, result["verdict"]), (ran.code, ran.result["verdict"]))
        mine, theirs = result["functions"][0], ran.function
        for key in ("name", "verdict", "headline", "rounds", "accounting", "events", "warnings"):
            self.assertEqual(mine[key], theirs[key], key)
        for own, wanted in zip(mine["metrics"], theirs["metrics"]):
            if own["id"] != "package_size":  # the packages are not in the samples
                self.assertEqual(own, wanted)

    def test_pass_and_the_same_numbers(self):
        run = self.at.tool("compare", "--json")
        self.assert_same(run, json.loads(run.stdout), self.run_)

    def test_fail_and_the_same_numbers(self):
        with Project(perf_yml(), baseline=c_side(), candidate=c_side(FIXTURE_SLEEP_MS=60)) as project:
            ran = project.run()
            self.assertEqual(ran.code, 1)
            again = project.tool("compare", "--json")
            self.assert_same(again, json.loads(again.stdout), ran)

    def test_the_same_twice_and_as_a_report(self):
        self.assertEqual(self.at.tool("compare").stdout, self.at.tool("compare").stdout)
        self.assertIn("PASS", self.at.tool("compare").stdout)

    def test_sides_changed_over(self):
        """A gain read backwards is a loss."""
        with Project(perf_yml(), baseline=c_side(FIXTURE_SLEEP_MS=60), candidate=c_side()) as project:
            ran = project.run()
            self.assertEqual(ran.code, 0)
            other = {"baseline": "candidate", "candidate": "baseline"}
            project.write("over.ndjson", "".join(json.dumps({**s, "side": other[s["side"]]}) + "\n" for s in ran.samples))
            self.assertEqual(project.tool("compare", "--samples", "over.ndjson").code, 1)

    def test_rounds_behind_the_stop_do_not_count(self):
        more = [{**s, "round": s["round"] + self.run_.function["rounds"], "duration_ms": 5000, "billed_ms": 5000}
                for s in self.samples]
        run = self.compare(self.samples + more)
        self.assertEqual(run.code, 0, run)
        self.assertEqual(json.loads(run.stdout)["functions"][0]["rounds"], self.run_.function["rounds"])

    def test_other_limits(self):
        self.at.write("strict.yml", perf_yml(rounds=ROUNDS, extra=EVENTS,
                                             limits="mean: < 0.01ms"))
        self.assertEqual(self.at.tool("compare", "--config", "strict.yml").code, 1)


class NeverPass(CompareTest):
    def test_what_is_missing(self):
        last = max(s["round"] for s in self.samples)

        def side(name):
            return lambda s: s["side"] != name

        cases = {
            "no baseline": side("baseline"),
            "no candidate": side("candidate"),
            "only cold calls": lambda s: s["cold"],
            "no cold calls": lambda s: not s["cold"],
            "one round": lambda s: s["round"] == 0,
            "a side has no last round": lambda s: s["side"] == "baseline" or s["round"] != last,
            "a side has one round": lambda s: s["side"] == "baseline" or s["round"] == 0,
            "an event of the candidate": lambda s: s["side"] == "baseline" or s["event"] == 0,
            "an event of the baseline": lambda s: s["side"] == "candidate" or s["event"] == 1,
            "the slow calls of the candidate": lambda s: s["side"] == "baseline" or s["duration_ms"] < 5,
        }
        for name, keep in cases.items():
            with self.subTest(name):
                self.assert_not_pass(self.compare([s for s in self.samples if keep(s)]))

    def test_what_was_not_measured(self):
        """Numbers that are not there, or are none, are not zeros."""
        for key in ("duration_ms", "init_ms"):
            for value in (None, "NaN", "12", -1, [], True, 1e300):
                for side in ("baseline", "candidate"):
                    with self.subTest(key=key, value=value, side=side):
                        def change(s):
                            if s["side"] == side and key in s:
                                s[key] = value
                        self.assert_not_pass(self.compare(self.changed(change)))

    def test_calls_that_failed(self):
        for status in ("function_error", "timeout", "throttled", "unknown", "tampered"):
            for side in ("baseline", "candidate"):
                with self.subTest(status=status, side=side):
                    def change(s):
                        if s["side"] == side:
                            s["status"] = status
                    self.assert_not_pass(self.compare(self.changed(change)))

    def test_one_tampered_call(self):
        samples = copy.deepcopy(self.samples)
        samples[7]["status"] = "tampered"
        run = self.compare(samples)
        self.assertEqual(run.code, 4, run)

    def test_dropped_rounds(self):
        self.assert_not_pass(self.compare(self.changed(lambda s: s.update(dropped=True))))

    def test_environments_that_were_reused(self):
        """A target that ignores the renewal: nothing is cold after the first round, and every round was dropped."""
        def change(s):
            s["dropped"] = True
            if s["round"] or not s["env"].endswith("-0"):
                s["cold"] = False
                s.pop("init_ms", None)
        run = self.compare(self.changed(change))
        self.assertEqual(run.code, 3, run)
        warnings = json.loads(run.stdout)["functions"][0]["warnings"]
        self.assertIn("reuses execution environments between rounds", " ".join(warnings))
        self.assertIn("1 of the baseline and 1 of the candidate", " ".join(warnings))

    def test_environments_that_go_on_by_their_names(self):
        """Another tool's samples: nothing is marked as dropped, but the same environments serve every round."""
        def change(s):
            s["env"] = s["side"] + s["env"][s["env"].rindex("-"):]
            if s["round"]:
                s["cold"] = False
                s.pop("init_ms", None)
        self.at.write("mean.yml", perf_yml(rounds=ROUNDS, extra=EVENTS, limits="mean: ['+20%', '+5ms']"))
        self.assertEqual(self.compare(self.samples, "--config", "mean.yml").code, 0)
        run = self.compare(self.changed(change), "--config", "mean.yml")
        self.assertEqual(run.code, 3, run)
        warnings = " ".join(json.loads(run.stdout)["functions"][0]["warnings"])
        self.assertIn("reuses execution environments between rounds", warnings)
        self.assertIn("2 of the baseline and 2 of the candidate", warnings)

    def test_one_lost_call(self):
        """Exactly as many calls of each event on both sides, and in each round as in the others."""
        last = {"baseline": None, "candidate": None}
        for s in self.samples:
            if s["round"] == 1 and not s["cold"]:
                last[s["side"]] = s
        for lost, words in ((last["baseline"],), "the sides were not called alike: in round 1"), \
                           ((last["candidate"],), "the sides were not called alike: in round 1"):
            run = self.compare([s for s in self.samples if s not in lost])
            self.assertEqual(run.code, 3, run)
            self.assertIn(words, " ".join(json.loads(run.stdout)["functions"][0]["warnings"]))
        index = last["baseline"]["index"]  # the same position of both sides
        run = self.compare([s for s in self.samples if s["round"] != 1 or s["index"] != index])
        self.assertEqual(run.code, 3, run)
        self.assertIn("a part of a round is missing", " ".join(json.loads(run.stdout)["functions"][0]["warnings"]))

    def test_a_function_without_samples(self):
        two = perf_yml("f", rounds=ROUNDS, extra=EVENTS, limits=LIMITS) + \
            perf_yml("g").split("functions:\n")[1]
        self.at.write("two.yml", two)
        run = self.compare(self.samples, "--config", "two.yml")
        self.assertEqual(run.code, 4, run)
        self.assertIn("'g'", run.stderr)
        chosen = self.compare(self.samples, "--config", "two.yml", "--function", "f")
        self.assertEqual(chosen.code, 0, chosen)
        # the error probability is divided among the functions that are judged, and that is one, as in the run
        alone = self.compare(self.samples)
        seen = [[m.get("detectable_pct") for m in json.loads(run.stdout)["functions"][0]["metrics"]] for run in (chosen, alone)]
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(self.compare(self.samples, "--function", "nobody").code, 2)


class Damaged(CompareTest):
    def test_line_is_named(self):
        lines = [json.dumps(s) for s in self.samples]
        for bad in ("{", "null", "[]", "7", "\x00", lines[2][:-9], lines[2] + "}", '{"function": "f"}',
                    lines[2].replace('"round": 0', '"round": -1'), lines[2].replace('"round": 0', '"round": 1.5'),
                    lines[2].replace("baseline", "middle").replace("candidate", "middle"),
                    lines[2].replace('"ok"', '"fine"'), lines[2].replace('"f"', '"nobody"')):
            with self.subTest(bad[:60]):
                run = self.compare("\n".join(lines[:2] + [bad] + lines[3:]) + "\n")
                self.assertEqual(run.code, 4, run)
                self.assertIn("line 3", run.stderr)
                self.assertEqual(run.stdout, "")

    def test_nothing_there(self):
        for text in ("", "\n\n"):
            run = self.compare(text)
            self.assertEqual(run.code, 4, run)
            self.assertIn("no samples", run.stderr)
        run = self.at.tool("compare", "--samples", "nowhere.ndjson")
        self.assertEqual(run.code, 4, run)
        self.assertIn("nowhere.ndjson", run.stderr)
        self.assertEqual(self.at.tool("compare", "--config", "nowhere.yml").code, 2)


if __name__ == "__main__":
    unittest.main()
