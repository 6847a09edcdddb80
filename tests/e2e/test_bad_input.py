"""`run` over what is broken, hostile or missing: the exit code tells which, and nothing of it is ever a pass."""

import os
import re
import shutil
import socket
import subprocess
import unittest

from gate_project import PYTHON, Project, c_side, perf_yml
from support import FIXTURES

GOOD = "def handler(event, context):\n    return {}\n"
MISBEHAVING = os.path.join(FIXTURES, "misbehaving/python")
# What a CI runner would obey at the start of a line, and what a terminal would.
COMMAND = re.compile(r"^\s*(::[a-zA-Z-]+[ :]|##\[)", re.M)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\udc80-\udcff\u202a-\u202e\u2066-\u2069]")


class BadTest(unittest.TestCase):
    maxDiff = None

    def project(self, *arguments, **sides):
        project = Project(*arguments, **sides)
        self.addCleanup(project.__exit__)
        return project

    def check(self, run, code, *texts):
        self.assertEqual(run.code, code, run)
        for text in texts:
            self.assertIn(text, run.stdout + run.stderr)
        return run

    def assert_never_pass(self, run):
        self.assertNotEqual(run.code, 0, run)
        self.assertNotEqual(run.result["verdict"], "pass", run)
        self.assertNotIn("PASS", run.stdout.splitlines()[0])


class CommandLine(BadTest):
    def refused(self, arguments, *texts):
        run = self.check(self.project().tool(*arguments), 2, *texts)
        self.assertEqual(run.stdout, "")

    def test_unknown_words(self):
        self.refused(["rum"], "unknown command 'rum'", "did you mean 'run'?")
        self.refused(["run", "--basline", "x"], "--basline", "--baseline")
        self.refused(["serve", "--prot", "1"], "--prot", "--port")
        self.refused(["run", "--seed", "-1"], "--seed")
        self.refused(["run", "--seed"], "--seed")
        self.refused(["run", "--seed", "1x"], "1x")
        self.refused(["run", "--json=yes"], "--json")
        self.refused(["run", "--function"], "--function")
        self.refused(["report", "--format", "pdf"], "pdf", "markdown")
        self.refused([])

    def test_help_of_everything_goes_to_stdout_with_the_exit_codes(self):
        for command in ([], ["run"], ["init"], ["check"], ["serve"], ["report"], ["compare"]):
            run = self.project().tool(*command, "--help")
            self.assertEqual((run.code, run.stderr), (0, ""), command)
            self.assertIn("inconclusive", run.stdout)

    def test_no_perf_yml(self):
        self.check(self.project().tool("run"), 2, "perf.yml")

    def test_broken_perf_yml_says_where(self):
        project = self.project(perf_yml().replace("memory", "memry"), baseline=c_side(), candidate=c_side())
        self.check(project.run(), 2, "perf.yml:5:5: error: unknown key 'memry' (did you mean 'memory'?)")
        self.assertFalse(os.path.exists(project.output), "nothing may be written for a file that is refused")

    def test_perf_yml_that_is_no_yaml(self):
        for text in ("{{{", "\0", "a: b: c", "- " * 9000, ""):
            with self.subTest(text[:10]):
                self.check(self.project(text).tool("run"), 2, "perf.yml")


class Packages(BadTest):
    def sides(self, perf, baseline=None, candidate=None):
        good = c_side()
        return self.project(perf, baseline=baseline or good, candidate=candidate or dict(good, note="new"))

    def test_a_side_that_is_not_there(self):
        project = self.sides(perf_yml())
        for spec in ("nowhere", "nowhere.zip", "perf.yml", ""):
            with self.subTest(spec):
                run = self.check(project.run("--candidate", spec), 4)
                self.assertIn("candidate", run.stderr)

    def test_missing_package(self):
        project = self.sides(perf_yml(extra="    package: dist/f.zip\n"))
        self.assert_never_pass(self.check(project.run(), 4, "there is no package", "dist/f.zip"))

    def test_missing_source(self):
        project = self.sides(perf_yml(extra="    source: services/f\n    build: make\n"))
        self.assert_never_pass(self.check(project.run(), 4, "there is no folder"))

    def test_empty_side(self):
        project = self.project(perf_yml(), baseline=c_side(), candidate={})
        self.assert_never_pass(self.check(project.run(), 4, "nothing to deploy"))

    def test_damaged_zip(self):
        project = self.sides(perf_yml(extra="    package: f.zip\n"), {"f.zip": b"PK\3\4 not really"},
                             {"f.zip": b"text"})
        self.assert_never_pass(self.check(project.run(), 4))

    def test_failing_build_shows_its_last_lines(self):
        script = "for i in $(seq 500); do echo line $i; done\nprintf '::error::forged \\033[2J\\n' >&2\nexit 7\n"
        project = self.sides(perf_yml(extra="    build: sh make.sh\n"), dict(c_side(), **{"make.sh": "true"}),
                             {"make.sh": script})
        run = self.check(project.run(), 4, "candidate", "exit code 7", "line 500")
        self.assertNotIn("line 400\n", run.stderr)
        self.assert_never_pass(run)
        self.assertIn("line 1\n", run.read("build-f-candidate.log"))
        self.assertIn("line 500", run.result["errors"][0])
        for name in ("stdout", "stderr", "report.md", "report.txt", "result.json"):
            self.assertNotRegex(run.all_texts()[name], COMMAND)
            self.assertNotRegex(run.all_texts()[name].replace("\n", ""), CONTROL)

    def test_build_killed_by_a_signal(self):
        project = self.sides(perf_yml(extra="    build: kill -9 $$\n"))
        self.assert_never_pass(self.check(project.run(), 4, "build"))


class Candidates(BadTest):
    """Functions that misbehave, against one that does not."""

    SMALL = "{ min: 5, max: 5, environments: 1, calls: 2 }"

    def c(self, code=None, rounds=SMALL, baseline=None, **variables):
        project = self.project(perf_yml(rounds=rounds).replace("timeout: 5", "timeout: 1"),
                               baseline=c_side(**(baseline or {})), candidate=c_side(**variables))
        run = project.run()
        self.assert_never_pass(run)
        if code is not None:
            self.assertEqual(run.code, code, run)
        return run

    def python(self, name, code=None, limits="mean: ['+20%', '+20ms']"):
        project = self.project(perf_yml(runtime=PYTHON, rounds=self.SMALL, limits=limits), baseline={"app.py": GOOD},
                               candidate=os.path.join(MISBEHAVING, name))
        run = project.run()
        self.assert_never_pass(run)
        if code is not None:
            self.assertEqual(run.code, code, run)
        return run

    def accounts(self, run, status):
        account = run.function["accounting"]["candidate"]
        self.assertGreater(account[status], 0, run)
        self.assertEqual(account[status] + account["ok"], account["scheduled"], run)
        baseline = run.function["accounting"]["baseline"]
        self.assertEqual(baseline["ok"], baseline["scheduled"], run)

    def test_always_fails(self):
        run = self.c(1, FIXTURE_MODE="error")
        self.accounts(run, "function_error")
        self.assertIn("asked to fail", run.stderr)

    def test_crashes(self):
        self.accounts(self.c(1, FIXTURE_MODE="crash"), "function_error")

    def test_exits(self):
        self.accounts(self.c(1, FIXTURE_MODE="exit"), "function_error")

    def test_never_answers(self):
        self.accounts(self.c(1, FIXTURE_MODE="timeout", rounds="{ min: 5, max: 5, environments: 1, calls: 1 }"),
                      "timeout")

    def test_crashes_at_init(self):
        self.accounts(self.c(1, FIXTURE_INIT_MODE="crash"), "function_error")

    def test_fails_at_init(self):
        run = self.c(1, FIXTURE_INIT_MODE="error")
        self.accounts(run, "function_error")

    def test_answers_more_than_lambda_takes(self):
        self.accounts(self.c(1, FIXTURE_MODE="big_response"), "function_error")

    def test_wrong_handler(self):
        run = self.python("wrong_handler", 1)
        self.accounts(run, "function_error")
        self.assertIn("handler", run.stderr)

    def test_missing_module(self):
        self.assertIn("a_package_that_nobody_has", self.python("import_error", 1).stderr)

    def test_fails_fast_now_and_then(self):
        """One call in ten fails, quickly: no faster function, but a broken one."""
        rounds = "{ min: 5, max: 10, environments: 1, calls: 19 }"
        run = self.c(rounds=rounds, baseline={"FIXTURE_SLEEP_MS": 5}, FIXTURE_MODE="error", FIXTURE_MODE_EVERY=10)
        self.accounts(run, "function_error")
        self.assertIn(run.code, (1, 3))

    def test_baseline_that_always_fails(self):
        run = self.c(4, baseline={"FIXTURE_MODE": "error"})
        self.assertIn("every invocation of the baseline failed", " ".join(run.function["warnings"]))

    def test_both_sides_always_fail(self):
        run = self.c(4, baseline={"FIXTURE_MODE": "error"}, FIXTURE_MODE="error", FIXTURE_WORK=1)
        self.assertEqual(run.result["verdict"], "error")

    def test_program_that_cannot_be_started(self):
        for content in (b"not a program", b"#!/no/such/interpreter\n", b"\x7fELF broken"):
            with self.subTest(content):
                project = self.project(perf_yml(rounds=self.SMALL), baseline=c_side(), candidate={"bootstrap": content})
                self.assert_never_pass(project.run())

    def test_megabytes_of_log_cost_nothing_but_time(self):
        """A talkative function is measured like any other: its log is cut where Lambda cuts it."""
        perf = perf_yml(rounds=self.SMALL, extra="    events: [{ inline: { log_mb: 3 } }]\n")
        project = self.project(perf, baseline=c_side(), candidate=dict(c_side(), note="new"))
        run = project.run()
        self.assertIn(run.code, (0, 3), run)
        for side in ("baseline", "candidate"):
            self.assertEqual(run.function["accounting"][side]["ok"], run.function["accounting"][side]["scheduled"])


class Hostile(Candidates):
    """What a function prints must reach nobody as anything but text. (The tests of the base class run once.)"""

    def assert_clean(self, run):
        for name, text in run.all_texts().items():
            self.assertNotRegex(text, COMMAND, name)
            self.assertNotRegex(text.replace("\n", "").replace("\t", ""), CONTROL, name)
        for name in ("report.html", "report.md"):
            self.assertNotIn("<script>alert", run.read(name))
            self.assertNotIn("<b>Type", run.read(name))
        self.assertNotRegex(run.read("report.md"), r"(?<!\\)\]\(javascript:")
        self.assertNotRegex(run.read("report.md"), r"(?<![`\\])@everyone")

    def test_forged_report(self):
        run = self.python("forged_report", 4)
        self.assertEqual(run.result["verdict"], "error")
        self.accounts(run, "tampered")
        self.assert_clean(run)

    def test_forged_report_from_the_baseline(self):
        run = self.c(4, baseline={"FIXTURE_MODE": "forge_report"})
        self.assertGreater(run.function["accounting"]["baseline"]["tampered"], 0)
        self.assert_clean(run)

    def test_garbage(self):
        events = "    events: [{ inline: {}, expect: { path: ok, equals: true } }]\n"
        project = self.project(perf_yml(runtime=PYTHON, rounds=self.SMALL, extra=events), candidate=os.path.join(
            MISBEHAVING, "garbage"), baseline={"app.py": GOOD.replace("{}", "{'ok': True}")})
        run = project.run()
        self.assertEqual(run.code, 1, run)
        self.accounts(run, "function_error")
        self.assert_clean(run)

    def test_commands_in_an_error_message(self):
        source = ("class E(Exception): pass\nE.__name__ = '::set-output name=verdict::pass'\n"
                  "def handler(event, context):\n"
                  "    raise E('x\\n::error::forged\\n##[error]forged\\r\\n::stop-commands::t\\x1b[2J <script>alert(1)"
                  "</script> [a](javascript:x) @everyone')\n")
        project = self.project(perf_yml(runtime=PYTHON, rounds=self.SMALL), baseline={"app.py": GOOD},
                               candidate={"app.py": source})
        run = project.run()
        self.assert_never_pass(run)
        self.assertIn("forged", run.stderr, "what the function said must be shown")
        self.assert_clean(run)

    def test_commands_in_file_names(self):
        perf = perf_yml(rounds=self.SMALL, extra="    build: exit 3\n    source: \"::error::x [a](b)\"\n")
        side = {"::error::x [a](b)/x": "y"}
        run = self.project(perf, baseline=side, candidate=side).run()
        self.assert_never_pass(run)
        self.assert_clean(run)


for inherited in dir(Candidates):
    if inherited.startswith("test_"):
        setattr(Hostile, inherited, None)


class Output(BadTest):
    def sides(self):
        return self.project(perf_yml(extra="    build: touch ../built\n"), baseline=c_side(),
                            candidate=dict(c_side(), note="new"))

    def refused(self, project, output):
        run = self.check(project.run("--output", output), 4, "output folder")
        self.assertFalse(os.path.exists(project.path("built")), "it must be refused before anything is built")
        return run

    def test_output_is_a_file(self):
        project = self.sides()
        project.write("occupied", "")
        self.refused(project, "occupied")
        self.refused(project, "occupied/below")

    def test_output_cannot_be_written(self):
        self.refused(self.sides(), "/proc/nothing-can-be-made-here")

    def test_reports_of_an_earlier_run_do_not_stay(self):
        """Whoever reads result.json after a failed run must not find another run's pass."""
        project = self.sides()
        project.write("perf.yml", perf_yml())
        self.check(project.run("--force"), 0)
        run = project.run("--candidate", "nowhere")
        self.check(run, 4)
        self.assertFalse(os.path.exists(os.path.join(run.output, "result.json")))
        self.assertFalse(os.path.exists(os.path.join(run.output, "samples.ndjson")))

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("mount"), "a full disk needs the right to mount")
    def test_full_disk(self):
        project = self.project(perf_yml(rounds="{ min: 5, max: 5, environments: 1, calls: 100 }"), baseline=c_side(),
                               candidate=dict(c_side(), note="new"))
        os.mkdir(project.path("small"))
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "lpg-test", project.path("small")],
                               capture_output=True, text=True)
        if mount.returncode:
            self.skipTest("cannot mount a tmpfs: " + mount.stderr.strip())
        try:
            run = project.run("--output", "small")
            self.check(run, 4, "No space left on device")
            self.assertIn("within all limits", run.stdout, "the report is printed all the same")
        finally:
            subprocess.run(["umount", project.path("small")], check=True)

    def test_closed_stdout(self):
        project = self.project(perf_yml(), baseline=c_side(), candidate=c_side())
        if os.path.exists("/dev/full"):
            with open("/dev/full", "w", encoding="utf-8") as full:
                self.check(project.run(stdout=full), 4, "standard output")


class Serve(BadTest):
    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            run = self.project().tool("serve", "--port", str(taken.getsockname()[1]))
            self.assertEqual(run.code, 4)
            self.assertIn(str(taken.getsockname()[1]), run.stderr)
            self.assertEqual(run.stdout, "")

    def test_port_that_is_none(self):
        self.check(self.project().tool("serve", "--port", "65536"), 2, "65535")


if __name__ == "__main__":
    unittest.main()
