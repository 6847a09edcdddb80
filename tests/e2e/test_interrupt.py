"""Interrupted at any moment, a run gives back what it took: processes, worktrees, temporary folders, control groups."""

import os
import re
import signal
import subprocess
import unittest

from gate_project import Project, c_side, command_line, control_groups, perf_yml
from support import wait_for

LONG = "{ min: 100, max: 120, environments: 1, calls: 20 }"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class InterruptTest(unittest.TestCase):
    def project(self, extra="", **variables):
        project = Project(perf_yml(rounds=LONG, extra=extra), baseline=c_side(FIXTURE_SLEEP_MS=10, **variables),
                          candidate=dict(c_side(FIXTURE_SLEEP_MS=10, **variables), note="new"))
        self.addCleanup(project.__exit__)
        return project

    def find(self, project, pattern):
        return [pid for pid in project.processes() if re.search(pattern, command_line(pid))]

    def wait_for(self, project, pattern):
        return wait_for(lambda: self.find(project, pattern), "a process " + pattern)[0]

    def start(self, project, *arguments):
        return project.start("run", *project.arguments(*arguments), start_new_session=True)

    def assert_interrupted(self, project, process, number):
        run = project.finish(process)  # fails when a process or a temporary file is left
        self.assertEqual(run.code, CODES[number], run)
        self.assertFalse(os.path.exists(os.path.join(project.output, "result.json")), "half a run has no verdict")
        return run


class Signals(InterruptTest):
    def test_during_the_measurement(self):
        for number in CODES:
            with self.subTest(number):
                project = self.project()
                process = self.start(project)
                server = self.wait_for(project, "^lambda-perf-gate serve")
                self.wait_for(project, "function$")
                process.send_signal(number)
                self.assert_interrupted(project, process, number)
                self.assertEqual(control_groups([server]), [])

    def test_ctrl_c_reaches_the_whole_group(self):
        project = self.project()
        process = self.start(project)
        self.wait_for(project, "function$")
        os.killpg(process.pid, signal.SIGINT)
        self.assert_interrupted(project, process, signal.SIGINT)

    def test_again_and_again(self):
        """Impatience must not cut the tidying short."""
        project = self.project()
        process = self.start(project)
        self.wait_for(project, "function$")
        for _ in range(5):
            process.send_signal(signal.SIGINT)
        self.assert_interrupted(project, process, signal.SIGINT)

    def test_during_a_function_that_never_answers(self):
        project = self.project(FIXTURE_MODE="timeout")
        process = self.start(project)
        self.wait_for(project, "function$")
        process.send_signal(signal.SIGTERM)
        self.assert_interrupted(project, process, signal.SIGTERM)

    def test_during_an_open_loop(self):
        project = self.project(extra="    load: { rate: 100 }\n")
        process = self.start(project)
        self.wait_for(project, "function$")
        process.send_signal(signal.SIGTERM)
        self.assert_interrupted(project, process, signal.SIGTERM)

    def test_during_the_build(self):
        for number in CODES:
            with self.subTest(number):
                project = self.project(extra="    build: sleep 3271 & sleep 3272; wait\n")
                process = self.start(project)
                self.wait_for(project, "^sleep 3271")
                self.wait_for(project, "^sleep 3272")
                process.send_signal(number)
                self.assert_interrupted(project, process, number)

    def test_build_that_ignores_the_signal(self):
        project = self.project(extra="    build: trap '' TERM INT; while :; do sleep 0.1; done\n")
        process = self.start(project)
        self.wait_for(project, "^sleep 0.1")
        process.send_signal(signal.SIGTERM)
        self.assert_interrupted(project, process, signal.SIGTERM)

    def test_at_any_early_moment(self):
        """Before the handlers are there a signal simply ends the process; after that the codes hold."""
        for delay in (0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16):
            with self.subTest(delay):
                project = self.project()
                process = self.start(project)
                try:
                    process.wait(delay)
                except subprocess.TimeoutExpired:
                    pass
                process.send_signal(signal.SIGTERM)
                run = project.finish(process)
                self.assertIn(run.code, (143, -signal.SIGTERM), run)

    def test_serve(self):
        for number in CODES:
            with self.subTest(number):
                project = self.project()
                process = project.start("serve")
                self.assertTrue(process.stdout.readline().startswith(b"http://127.0.0.1:"))
                process.send_signal(number)
                run = project.finish(process)
                self.assertEqual(run.code, 0, run)
                self.assertEqual(control_groups([process.pid]), [])


class Worktrees(InterruptTest):
    def git(self, project, *arguments):
        who = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", "-C", project.folder, *who, *arguments], check=True, stdout=subprocess.PIPE,
                              text=True, env=project.environment()).stdout

    def test_are_removed(self):
        for build, pattern in (("", "function$"), ("    build: sleep 3273\n", "^sleep 3273")):
            with self.subTest(pattern):
                project = Project(perf_yml(rounds=LONG, extra="    source: fn\n" + build))
                self.addCleanup(project.__exit__)
                for name, content in c_side(FIXTURE_SLEEP_MS=10).items():
                    project.write("fn/" + name, content)
                self.git(project, "init", "-q", "-b", "main")
                self.git(project, "add", "-A")
                self.git(project, "commit", "-q", "-m", "one")
                project.write("fn/note", "new")
                process = self.start(project, "--baseline", "git:main")
                self.wait_for(project, pattern)
                self.assertEqual(len(self.git(project, "worktree", "list").splitlines()), 2)
                process.send_signal(signal.SIGTERM)
                self.assert_interrupted(project, process, signal.SIGTERM)
                self.assertEqual(len(self.git(project, "worktree", "list").splitlines()), 1)


class Killed(InterruptTest):
    def test_the_run(self):
        """Nobody can tidy up after SIGKILL, but nothing may go on: the embedded Lambda sees it and ends with all its own."""
        project = self.project()
        process = self.start(project)
        server = self.wait_for(project, "^lambda-perf-gate serve")
        self.wait_for(project, "function$")
        process.kill()
        process.communicate()
        wait_for(lambda: not project.processes(), "the end of the embedded Lambda and its functions")
        self.assertEqual([name for name in os.listdir(project.temp) if "serve" in name], [])
        self.assertEqual(control_groups([server]), [])

    def test_the_embedded_lambda(self):
        project = self.project()
        process = self.start(project)
        server = self.wait_for(project, "^lambda-perf-gate serve")
        self.wait_for(project, "function$")
        os.kill(server, signal.SIGKILL)
        run = project.finish(process)
        self.assertEqual(run.code, 4, run)
        self.assertEqual(run.result["verdict"], "error")
        self.assertIn("the embedded Lambda was ended by signal 9", run.stdout + run.stderr)
        # Its control groups, empty by now, go when the next one starts.
        following = project.start("serve")
        following.stdout.readline()
        following.send_signal(signal.SIGTERM)
        project.finish(following)
        self.assertEqual(control_groups([server]), [])

    def test_a_function_again_and_again(self):
        """A function that is killed from outside is a failed call, not the end of the run."""
        project = Project(perf_yml(rounds="{ min: 5, max: 5, environments: 1, calls: 4 }"),
                          baseline=c_side(FIXTURE_SLEEP_MS=50), candidate=dict(c_side(FIXTURE_SLEEP_MS=50), note="new"))
        self.addCleanup(project.__exit__)
        process = self.start(project)
        killed = 0
        while killed < 3 and process.poll() is None:
            for pid in self.find(project, "function$"):
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    pass  # its round ended
        self.assertGreater(killed, 0)
        run = project.finish(process)
        self.assertIn(run.code, (0, 1, 3, 4), run)
        for side in ("baseline", "candidate"):
            account = run.function["accounting"][side]
            self.assertEqual(account["scheduled"], sum(n for key, n in account.items() if key != "scheduled"))
            self.assertEqual(account["scheduled"], len([s for s in run.samples if s["side"] == side]))


if __name__ == "__main__":
    unittest.main()
