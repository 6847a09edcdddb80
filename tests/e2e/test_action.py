"""The GitHub Action: action.yml's own steps, run as GitHub's runner runs them, over a repository with a pull request."""

import importlib.util
import json
import os
import pathlib
import platform
import re
import shutil
import stat
import subprocess
import sys
import threading
import unittest

from gate_project import Project, c_side, command_line, perf_yml
from support import BIN, TOP, wait_for

sys.path.insert(0, os.path.join(TOP, "tests", "tools"))

HAVE_YAML = importlib.util.find_spec("yaml") is not None
REPOSITORY = "octo/shop"
SLOW, QUICK = {"FIXTURE_SLEEP_MS": 60}, {}
PLATFORM = "linux-" + {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "other")
OTHER_LIMITS = "mean: '+5000ms'"
LONG = "{ min: 100, max: 120, environments: 1, calls: 20 }"
# Seven calls of a side in all, whose times are drawn anew for each: nothing can be told from them.
UNCLEAR = "{ min: 2, max: 2, environments: 1, calls: 2 }"
# All that a shell, the log and the file of outputs may take for theirs in one text.
INJECTIONS = ("$(touch {0})`touch {0}`'; touch {0}; '\"; touch {0}; \"\n::error::x\n##[error]x\na\nb<<EOF\nEOF", "--help")


@unittest.skipUnless(HAVE_YAML, "there is no python3-yaml")
@unittest.skipIf(PLATFORM == "linux-other", "there is no binary for this machine's name")
class ActionTest(unittest.TestCase):
    """main has one commit; the pull request one on top, merged as GitHub merges it for the workflow."""

    limits = "mean: ['+20%', '+20ms']"

    def setUp(self):
        from action_runner import Job
        self.at = Project(perf_yml(extra="    source: fn\n", limits=self.limits))
        self.addCleanup(self.at.__exit__)
        self.action = os.path.join(self.at.base, "action")
        self.make_action()
        self.put(QUICK)
        self.git("init", "-q", "-b", "main")
        self.base = self.commit("main")
        self.git("checkout", "-q", "-b", "change")
        self.runner_temp = os.path.join(self.at.base, "runner")
        os.mkdir(self.runner_temp)
        self.job = Job(self.action, self.at.folder, self.runner_temp, self.at.environment({"RUNNER_ARCH": {
            "linux-x64": "X64", "linux-arm64": "ARM64"}[PLATFORM]}))

    def make_action(self):
        """The action with a binary beside it, as for networks without a way out."""
        os.makedirs(os.path.join(self.action, "bin", PLATFORM))
        os.makedirs(os.path.join(self.action, "scripts"))
        for name in ("action.yml", "VERSION", "scripts/install.sh"):
            shutil.copy(os.path.join(TOP, name), os.path.join(self.action, name))
        shutil.copy(BIN, os.path.join(self.action, "bin", PLATFORM, "lambda-perf-gate"))

    def put(self, variables):
        for name, content in c_side(**variables).items():
            self.at.write("fn/" + name, content)

    def git(self, *arguments, folder=None):
        who = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", "-C", folder or self.at.folder, *who, *arguments], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=self.at.environment()).stdout.strip()

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def merge(self):
        """Commits what lies there as the pull request, and checks out its merge into main."""
        self.head = self.commit("the change")
        self.git("checkout", "-q", "--detach", "main")
        self.git("merge", "-q", "--no-ff", "-m", "Merge", self.head)
        self.merged = self.git("rev-parse", "HEAD")

    def event(self, **more):
        pull = {"number": 7, "labels": [], "head": {"ref": "change", "sha": self.head, "repo": {"full_name": REPOSITORY}},
                "base": {"ref": "main", "sha": self.base}}
        return {"action": "synchronize", "number": 7, "pull_request": {**pull, **more},
                "repository": {"full_name": REPOSITORY}}

    def run_action(self, name="pull_request", event=None, github=None, clean=True, **inputs):
        inputs = {k.replace("_", "-"): v for k, v in inputs.items()}
        inputs.setdefault("comment", "never")
        context = {"event_name": name, "repository": REPOSITORY, "sha": getattr(self, "merged", self.base), "token": "t",
                   "run_id": 123, "run_attempt": 1, "workflow": "ci", "job": "perf", **(github or {})}
        run = self.job.run(inputs, context, self.event() if event is None else event)
        self.at.assert_nothing_left()
        self.assertEqual(len(self.git("worktree", "list").splitlines()), 1)
        if clean:
            self.assertEqual(self.git("status", "--porcelain"), "")
        return run

    def assert_run(self, run, verdict, code, succeeded):
        self.assertEqual((run.outputs["verdict"], run.outputs["exit-code"], run.succeeded), (verdict, str(code), succeeded),
                         run)


class PullRequest(ActionTest):
    def test_a_regression_fails_the_step(self):
        self.put(SLOW)
        self.merge()
        run = self.run_action()
        self.assert_run(run, "fail", 1, False)
        self.assertEqual((run.outputs["baseline-sha"], run.outputs["candidate-sha"]), (self.base, self.merged))
        result = json.loads(pathlib.Path(run.outputs["report-json"]).read_text(encoding="utf-8"))
        self.assertEqual(result["verdict"], "fail")
        self.assertGreater(float(run.outputs["cost-per-million"]), float(run.outputs["cost-base-per-million"]))
        self.assertGreater(float(run.outputs["cost-delta-pct"]), 20)
        self.assertEqual(run.outputs["p99-ms"], "")  # of so few calls there is none
        self.assertTrue(os.path.exists(run.outputs["report-md"]) and os.path.exists(run.outputs["report-html"]))
        [(level, properties, text)] = run.annotations
        self.assertEqual((level, properties["file"], properties["line"]), ("error", self.at.path("perf.yml"), "9"), run)
        self.assertTrue(text)
        self.assertIn("❌", run.summary.splitlines()[0])
        self.assertIn("--config-ref " + self.base, result["reproduce"])
        self.assertEqual(run.steps["cleanup"].outcome, "success")

    def test_no_change_of_the_function_passes(self):
        self.at.write("README.md", "text")
        self.merge()
        run = self.run_action()
        self.assert_run(run, "pass", 0, True)
        self.assertEqual(run.annotations, [])
        self.assertIn("✅", run.summary.splitlines()[0])

    def test_an_improvement_passes(self):
        self.git("checkout", "-q", "main")
        self.put(SLOW)
        self.base = self.commit("main is slow")
        self.git("checkout", "-q", "-B", "change")
        self.put(QUICK)
        self.merge()
        run = self.run_action()
        self.assert_run(run, "pass", 0, True)
        self.assertLess(float(run.outputs["cost-delta-pct"]), 0)

    def test_its_own_limits_do_not_count(self):
        """Who slows the function down and raises the limit in the same change is caught all the same."""
        self.put(SLOW)
        self.at.write("perf.yml", perf_yml(extra="    source: fn\n", limits=OTHER_LIMITS))
        self.merge()
        run = self.run_action()
        self.assert_run(run, "fail", 1, False)
        self.assertIn("take effect after the merge", " ".join(text for _, _, text in run.annotations))
        self.assertIn("+    limits: { %s }" % OTHER_LIMITS, run.summary)
        self.assertTrue(all("line" not in properties for _, properties, _ in run.annotations), run)
        run = self.run_action(config_ref="head")
        self.assert_run(run, "pass", 0, True)
        self.assertIn("config-ref: head", " ".join(text for _, _, text in run.annotations))

    def test_the_first_perf_yml_judges_itself(self):
        self.git("checkout", "-q", "main")
        self.git("rm", "-q", "perf.yml")
        self.base = self.commit("no gate yet")
        self.git("checkout", "-q", "-B", "change")
        self.at.write("perf.yml", perf_yml(extra="    source: fn\n"))
        self.merge()
        run = self.run_action()
        self.assert_run(run, "pass", 0, True)
        self.assertIn("the base has no perf.yml yet", " ".join(text for _, _, text in run.annotations))

    def test_a_broken_perf_yml_of_the_base_fails(self):
        self.git("checkout", "-q", "main")
        self.at.write("perf.yml", "version: 2\n")
        self.base = self.commit("broken")
        self.git("checkout", "-q", "-B", "change")
        self.merge()
        run = self.run_action()
        self.assert_run(run, "error", 2, False)
        self.assertIn("perf.yml:1:10: error", run.log)

    def test_a_label_is_no_way_around(self):
        """A later success would take the place of the failure in a required check."""
        self.put(SLOW)
        self.merge()
        event = dict(self.event(), action="labeled", label={"name": "anything"})
        self.assert_run(self.run_action(event=event), "fail", 1, False)

    def test_a_stored_result_of_the_change_is_not_believed(self):
        stored = pathlib.Path(TOP, "tests/golden/pass/result.json").read_text(encoding="utf-8")
        self.at.write("perf.yml", "version: 1\nfunctions: {}\n")
        self.at.write("out/result.json", stored)
        self.merge()
        run = self.run_action(config_ref="head", output="out", clean=False)
        self.assert_run(run, "error", 2, False)
        self.assertEqual(run.outputs["report-json"], "")


class Checkouts(ActionTest):
    def test_a_shallow_clone_fetches_what_it_lacks(self):
        """actions/checkout without options fetches the merge commit alone."""
        self.put(SLOW)
        self.merge()
        self.shallow_clone()
        run = self.run_action()
        self.assert_run(run, "fail", 1, False)
        self.assertEqual(run.outputs["baseline-sha"], self.base)

    def shallow_clone(self):
        origin = os.path.join(self.at.base, "origin.git")
        self.git("branch", "-q", "-f", "merged")
        self.git("clone", "-q", "--bare", self.at.folder, origin)
        self.git("config", "uploadpack.allowAnySHA1InWant", "true", folder=origin)  # as GitHub allows
        shutil.rmtree(self.at.folder)
        self.git("clone", "-q", "--depth=1", "--branch=merged", "file://" + origin, self.at.folder, folder=self.at.base)
        self.git("checkout", "-q", "--detach")

    def test_the_head_itself_needs_the_history(self):
        self.put(SLOW)
        self.merge()
        self.git("checkout", "-q", self.head)
        self.assert_run(self.run_action(), "fail", 1, False)
        self.shallow_clone()
        run = self.run_action()
        self.assert_run(run, "error", 4, False)
        self.assertIn("fetch-depth: 0", run.summary)

    def test_another_commit_than_the_events_is_refused(self):
        self.merge()
        self.git("checkout", "-q", "main")
        run = self.run_action()
        self.assert_run(run, "error", 4, False)
        self.assertIn("neither the head of the pull request", run.annotations[0][2])

    def test_no_checkout_at_all(self):
        self.merge()
        shutil.move(self.at.path(".git"), os.path.join(self.at.base, "hidden"))
        inputs = {"comment": "never"}
        run = self.job.run(inputs, {"event_name": "pull_request", "repository": REPOSITORY}, self.event())
        self.assert_run(run, "error", 4, False)
        self.assertIn("actions/checkout must come before", run.annotations[0][2])

    def test_a_merge_queue_compares_with_its_base(self):
        self.put(SLOW)
        self.merge()
        event = {"action": "checks_requested", "merge_group": {"head_sha": self.merged, "base_sha": self.base,
                                                               "base_ref": "refs/heads/main"}}
        run = self.run_action("merge_group", event, comment="always")
        self.assert_run(run, "fail", 1, False)
        self.assertEqual(run.steps["comment"].outcome, "skipped")

    def test_a_push_compares_with_the_commit_before(self):
        self.put(SLOW)
        self.merge()
        event = {"before": self.base, "after": self.merged, "deleted": False}
        run = self.run_action("push", event)
        self.assert_run(run, "fail", 1, False)
        self.assertEqual(run.outputs["baseline-sha"], self.base)

    def test_sides_that_the_workflow_names(self):
        self.put(SLOW)
        self.merge()
        run = self.run_action(baseline="git:" + self.merged, candidate="git:" + self.base)
        self.assert_run(run, "pass", 0, True)
        self.assertEqual(run.outputs["candidate-sha"], self.base)


class Decisions(ActionTest):
    def test_forks(self):
        self.put(SLOW)
        self.merge()
        fork = self.event(head={"sha": self.head, "repo": {"full_name": "stranger/shop"}})
        run = self.run_action(event=fork, comment="always")
        self.assert_run(run, "fail", 1, False)  # in the embedded Lambda, which needs no keys
        self.assertEqual(run.steps["comment"].outcome, "skipped")  # its token cannot write
        for inputs, verdict, code in (({"on_fork": "skip"}, "skipped", 0), ({"on_fork": "fail"}, "error", 4),
                                      ({"endpoint_url": "http://127.0.0.1:1"}, "skipped", 0), ({"target": "aws"}, "skipped", 0),
                                      ({"args": "--target=aws"}, "skipped", 0)):
            with self.subTest(inputs):
                run = self.run_action(event=fork, **inputs)
                self.assert_run(run, verdict, code, code == 0)
                self.assertIn("fork", run.summary)
                self.assertEqual([level for level, _, _ in run.annotations], ["notice" if code == 0 else "error"])

    def test_a_forks_code_is_not_run_with_secrets(self):
        self.merge()
        self.git("checkout", "-q", self.head)
        deleted = self.event(head={"sha": self.head, "repo": None})
        run = self.run_action("pull_request_target", deleted, on_fork="measure")
        self.assert_run(run, "error", 4, False)
        self.assertIn("secrets", run.summary)

    def test_paths(self):
        self.at.write("docs/a.md", "text")
        self.merge()
        self.assert_run(self.run_action(paths="fn/**\nperf.yml"), "skipped", 0, True)
        self.assert_run(self.run_action(paths="docs/**"), "pass", 0, True)

    def test_inconclusive(self):
        self.git("checkout", "-q", "main")
        self.at.write("perf.yml", perf_yml(extra="    source: fn\n", rounds=UNCLEAR, limits="mean: '+1%'"))
        self.base = self.commit("a strict limit and little evidence")
        self.git("checkout", "-q", "-B", "change")
        self.at.write("fn/note", "new")
        self.merge()
        run = self.run_action()
        self.assert_run(run, "inconclusive", 3, False)
        self.assertEqual([level for level, _, _ in run.annotations], ["warning"])
        run = self.run_action(on_inconclusive="warn")
        self.assert_run(run, "inconclusive", 3, True)

    def test_inputs_that_do_not_exist(self):
        self.merge()
        for inputs in ({"on_inconclusive": "pass"}, {"on_fork": "allow"}, {"config_ref": "main"}, {"summary": "yes"}):
            with self.subTest(inputs):
                run = self.run_action(**inputs)
                self.assertFalse(run.succeeded)
                self.assertEqual(run.steps["run"].code, 2, run)
                [name] = inputs
                self.assertIn(name.replace("_", "-"), run.annotations[0][2])

    def test_install_only(self):
        self.merge()
        run = self.run_action(install_only="true")
        self.assertTrue(run.succeeded)
        self.assertTrue(os.access(run.outputs["bin"], os.X_OK))
        self.assertEqual([s.outcome for s in run.steps.values()], ["success"] + 4 * ["skipped"])

    def test_no_input_is_a_program(self):
        self.merge()
        canary = os.path.join(self.at.base, "canary")
        names = set(self.job.definition["inputs"]) - {"install-only", "build-from-source", "github-token"}
        for text in INJECTIONS:
            for name in sorted(names):
                with self.subTest((name, text)):
                    run = self.run_action(**{name: text.replace("{0}", canary)})
                    self.assertFalse(os.path.exists(canary), run)
                    self.assertNotIn("x", [data for _, _, data in run.annotations])
                    self.assertNotIn("b", run.outputs)

    def test_a_build_finds_no_way_to_the_next_step(self):
        self.git("checkout", "-q", "main")
        self.at.write("perf.yml", perf_yml(extra="    source: fn\n    build: sh build.sh\n"))
        self.at.write("fn/build.sh", "env | cut -d = -f 1 > variables\n")
        self.base = self.commit("a build")
        self.git("checkout", "-q", "-B", "change")
        self.at.write("fn/build.sh", "env | cut -d = -f 1; exit 1\n")
        self.merge()
        self.job.environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "secret"
        run = self.run_action()
        self.assert_run(run, "error", 4, False)
        log = pathlib.Path(self.runner_temp, "lambda-perf-gate/build-f-candidate.log").read_text(encoding="utf-8").split()
        self.assertIn("GITHUB_REPOSITORY", log)
        self.assertEqual({"GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY",
                          "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_TOKEN"} & set(log), set())

    def test_a_merge_that_was_pushed_since_is_not_the_events(self):
        """Its first parent, whose limits would hold, could be anything."""
        self.merge()
        run = self.run_action(github={"sha": self.base})
        self.assert_run(run, "error", 4, False)

    def test_text_of_the_change_is_no_command(self):
        """What a build prints cannot speak to the runner."""
        self.git("checkout", "-q", "main")
        self.at.write("perf.yml", perf_yml(extra="    source: fn\n    build: sh build.sh\n"))
        self.at.write("fn/build.sh", "exit 0\n")
        self.base = self.commit("a build")
        self.git("checkout", "-q", "-B", "change")
        self.at.write("fn/build.sh", "echo '::error::mine'; echo '##[error]mine' >&2; echo '::set-output name=v::w'; exit 1\n")
        self.merge()
        run = self.run_action()
        self.assert_run(run, "error", 4, False)
        for level, _, text in run.annotations:
            self.assertNotEqual(text.strip(), "mine", run)


class Comment(ActionTest):
    def setUp(self):
        super().setUp()
        import github_server
        self.github, self.repository = github_server.GitHubServer(), github_server.REPOSITORY
        self.token, self.weak_token = github_server.BOT_TOKEN, github_server.READ_TOKEN
        self.addCleanup(self.github.close)

    def commented(self, token=None, **inputs):
        event = json.loads(json.dumps(self.event()).replace(REPOSITORY, self.repository))
        return self.run_action(event=event, github={"repository": self.repository, "api_url": self.github.url,
                                                    "server_url": "https://github.com"},
                               github_token=token or self.token, comment=inputs.pop("comment", "always"), **inputs)

    def test_one_comment_that_every_run_brings_up_to_date(self):
        self.put(SLOW)
        self.merge()
        self.github.add_pull(7, self.head)
        run = self.commented()
        self.assert_run(run, "fail", 1, False)
        self.assertRegex(run.outputs["comment-url"], r"^https?://\S+$")
        [comment] = self.github.comments
        self.assertIn("sha=" + self.head, comment["body"].splitlines()[0])
        self.assertIn("❌", comment["body"])
        self.commented()
        self.assertEqual(len(self.github.comments), 1)

    def test_a_token_that_may_not_comment_changes_no_verdict(self):
        self.at.write("README.md", "text")
        self.merge()
        self.github.add_pull(7, self.head)
        run = self.commented(token=self.weak_token)
        self.assert_run(run, "pass", 0, True)
        self.assertEqual([level for level, _, _ in run.annotations], ["warning"])
        self.assertEqual(run.outputs["comment-url"], "")

    def test_a_label_that_accepts_a_broken_limit(self):
        self.put(SLOW)
        self.merge()
        self.github.add_pull(7, self.head)
        pull = self.github.pulls[7]
        run = self.commented(comment="never", override_label="slow is fine")
        self.assert_run(run, "fail", 1, False)
        pull["labels"] = [{"name": "other"}, {"name": "slow is fine"}]  # GitHub's; the event has none
        run = self.commented(override_label="slow is fine")
        self.assert_run(run, "overridden", 1, True)
        self.assertIn("❌", self.github.comments[0]["body"])
        self.assertIn("notice", [level for level, _, _ in run.annotations])
        self.assert_run(self.commented(comment="never", override_label="slow"), "fail", 1, False)
        self.assert_run(self.commented(comment="never"), "fail", 1, False)

    def test_labels_that_cannot_be_read_accept_nothing(self):
        self.put(SLOW)
        self.merge()
        run = self.commented(token="nobody's", comment="never", override_label="x")
        self.assert_run(run, "fail", 1, False)
        self.assertEqual(run.steps["override"].outcome, "success")
        self.assertIn("warning", [level for level, _, _ in run.annotations])

    def test_the_token_is_not_in_the_step_that_runs_code(self):
        steps = {step["id"]: step for step in self.job.definition["runs"]["steps"]}
        for name, step in steps.items():
            self.assertEqual("github-token" in json.dumps(step), name in ("override", "comment"))


class Cancelled(ActionTest):
    def test_nothing_is_left_behind(self):
        self.git("checkout", "-q", "main")
        self.at.write("perf.yml", perf_yml(extra="    source: fn\n", rounds=LONG))
        self.base = self.commit("a long measurement")
        self.git("checkout", "-q", "-B", "change")
        self.put({"FIXTURE_SLEEP_MS": 10})
        self.merge()

        def cancel():
            wait_for(lambda: any(re.search("function$", command_line(pid)) for pid in self.at.processes()), "a function")
            self.job.cancel.set()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        run = self.run_action()
        canceller.join()
        self.assertTrue(run.cancelled)
        step = run.steps["run"]
        self.assertEqual((step.outcome, step.code, step.killed), ("cancelled", 130, False), run)
        self.assertEqual(run.outputs["verdict"], "error")
        self.assertEqual(run.steps["comment"].outcome, "skipped")
        self.assertEqual(run.steps["cleanup"].outcome, "success", run)


class Metadata(ActionTest):
    """action.yml, and what the documentation says of it."""

    def test_every_input_reaches_a_step_and_every_variable_is_read(self):
        definition = self.job.definition
        text = json.dumps(definition["runs"])
        for name in definition["inputs"]:
            self.assertIn("inputs.%s" % name, text)
        source = pathlib.Path(TOP, "src/cmd/ci_inputs.c").read_text(encoding="utf-8")
        read = set(re.findall(r'"(LPG_INPUT_[A-Z_]+)"', source))
        given = set(re.findall(r"LPG_INPUT_[A-Z_]+", text))
        self.assertEqual(read, given)

    def test_every_output_is_written(self):
        source = "".join(pathlib.Path(TOP, name).read_text(encoding="utf-8")
                         for name in ("src/cmd/ci_publish.c", "scripts/install.sh", "action.yml"))
        for about in self.job.definition["outputs"].values():
            name = re.fullmatch(r"\$\{\{ steps\.\w+\.outputs\.([\w-]+) \}\}", about["value"]).group(1)
            self.assertRegex(source, r'"%s"|%s=%%s' % (name, name))

    def test_the_documentation_lists_them(self):
        text = pathlib.Path(TOP, "docs/github.md").read_text(encoding="utf-8")
        for kind in ("inputs", "outputs"):
            rows = ["| `%s` | %s |" % (name, about["description"]) for name, about in self.job.definition[kind].items()]
            self.assertIn("\n".join(rows), text, "the table of %s in docs/github.md should be:\n%s" % (kind, "\n".join(rows)))

    def test_no_shell_sees_an_expression(self):
        for step in self.job.definition["runs"]["steps"]:
            self.assertNotIn("${{", step["run"])
            self.assertNotIn("uses", step)

    def test_scripts_are_executable(self):
        self.assertTrue(os.stat(os.path.join(TOP, "scripts/install.sh")).st_mode & stat.S_IXUSR)


if __name__ == "__main__":
    unittest.main()
