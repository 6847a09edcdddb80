"""Runs at a Lambda endpoint leave nothing behind, whatever happens: faults of the endpoint, signals, and what `cleanup`
makes of the rest. The ledger of the endpoint (tests/tools/fault_lambda.py) is the judge.

    LPG_TEST_INVOKES=100000  so many invocations while connections break (default 2000)
    LPG_TEST_SEED=N          another order of things
"""

import json
import os
import random
import signal
import time
import unittest

from endpoint_case import CANARY, SEED, EndpointTest, stamp, tags
from gate_project import STATUSES
from support import wait_for

INVOKES = int(os.environ.get("LPG_TEST_INVOKES", 2000))
LONG = "{ min: 100, max: 120, environments: 2, calls: 20 }"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Normal(EndpointTest):
    def test_a_run_takes_its_functions_away(self):
        server, project = self.server(), self.project()
        run = self.run_at(project, server)
        self.assert_code(run, 0)
        self.assert_clean(project, server)
        self.assertEqual(len(server.created()), 2)
        self.assertEqual(run.result["resources"], {"created": 2, "removed": 2})

    def test_functions_say_whose_they_are(self):
        server, project = self.server([{"call": "DeleteFunction", "do": "answer", "status": 403}]), self.project()
        self.run_at(project, server, "--max-minutes", "10")
        for name, function in server.functions.items():
            self.assertEqual(name[:12], "lpg-" + function.tags["lambda-perf-gate:run"])
            times = [time.mktime(time.strptime(function.tags["lambda-perf-gate:" + key], "%Y%m%dT%H%M%SZ"))
                     for key in ("created", "expires")]
            self.assertEqual(times[1] - times[0], 40 * 60)
            self.assertEqual(len(function.tags), 3)

    def test_what_was_refused_was_not_left(self):
        """A CreateFunction that Lambda answers with no: nothing to look for, and no patience needed."""
        server = self.server([{"call": "CreateFunction", "first": 2, "do": "answer", "status": 400,
                               "type": "InvalidParameterValueException", "message": "no such role"}])
        project = self.project()
        run = self.run_at(project, server)
        self.assert_code(run, 4)
        self.assertIn("no such role", run.stderr + run.stdout)
        self.assert_clean(project, server)
        self.assertEqual(run.result["resources"], {"created": 1, "removed": 1})

    def test_deletions_are_sent_before_any_is_confirmed(self):
        server = self.server([{"call": "DeleteFunction", "do": "slow", "ms": 300}])
        project = self.project()
        self.assert_code(self.run_at(project, server), 0)
        last = [r.call for r in server.requests if r.call in ("DeleteFunction", "GetFunction")][-4:]
        self.assertEqual(last, ["DeleteFunction"] * 2 + ["GetFunction"] * 2)

    def test_journal_where_it_was_asked_for(self):
        server, project = self.server([{"call": "DeleteFunction", "do": "answer", "status": 403}]), self.project()
        journal = project.path("elsewhere.ndjson")
        run = self.run_at(project, server, "--journal", journal)
        self.assert_code(run, 5)
        self.assertEqual(os.stat(journal).st_mode & 0o777, 0o600)
        server.faults.clear()
        run = self.cleanup(project, server, "--journal", journal)
        self.assert_code(run, 0)
        self.assertEqual(run.stdout.count("removed: lpg-"), 2)
        self.assertFalse(os.path.exists(journal))
        self.assert_clean(project, server)
        self.assert_code(self.cleanup(project, server, "--journal", journal), 0)  # nothing is fine


class Refused(EndpointTest):
    def test_deletions_that_fail_for_a_while(self):
        for fault in ({"do": "answer", "status": 500}, {"do": "answer", "status": 429}, {"do": "drop"},
                      {"do": "drop", "when": "response"}, {"do": "drop", "when": "response", "bytes": 30},
                      {"do": "answer", "status": 409, "type": "ResourceConflictException"},
                      {"do": "answer", "status": 503, "carried_out": True}, {"do": "garble", "body": "<html>"}):
            with self.subTest(fault):
                server, project = self.server([{"call": "DeleteFunction", "times": 4, **fault}]), self.project()
                run = self.run_at(project, server)
                self.assert_code(run, 0)
                self.assert_clean(project, server)
                self.assertEqual(run.result["resources"], {"created": 2, "removed": 2})

    def test_deleted_ones_that_can_still_be_seen(self):
        server, project = self.server(gone_ms=700), self.project()
        self.assert_code(self.run_at(project, server), 0)
        self.assert_clean(project, server)

    def test_a_deletion_that_cannot_be_confirmed_is_exit_5(self):
        server = self.server([{"call": "DeleteFunction", "name": "-base$", "do": "answer", "status": 403,
                               "type": "AccessDeniedException", "message": "not\u0007 allowed"}])
        project = self.project()
        run = self.run_at(project, server)
        self.assert_code(run, 5)
        name = server.alive()[0]
        self.assertEqual(len(server.alive()), 1)
        self.assertIn(name, run.stderr)
        self.assertIn("AccessDeniedException", run.stderr)
        self.assertNotIn("\u0007", run.stderr)
        self.assertIn("lambda-perf-gate cleanup --journal", run.stderr)
        self.assertEqual((run.result["verdict"], run.result["exit_code"]), ("pass", 5))
        self.assertEqual(run.result["resources"], {"created": 2, "removed": 1})
        run = self.cleanup(project, server)
        self.assert_code(run, 5)
        self.assertIn("not removed: " + name, run.stdout)
        server.faults.clear()
        self.assert_code(self.cleanup(project, server), 0)
        self.assert_clean(project, server)


class LostAnswers(EndpointTest):
    def test_creations(self):
        rng = random.Random(SEED)
        for fault in ({"do": "drop", "when": "response"}, {"do": "drop", "when": "response", "reset": True},
                      {"do": "drop", "when": "response", "bytes": rng.randrange(1, 300)}, {"do": "late", "ms": 700},
                      {"do": "answer", "status": 500, "carried_out": True}, {"do": "garble", "body": "{"}):
            with self.subTest(fault):
                server = self.server([{"call": "CreateFunction", "first": rng.choice((1, 2)), "times": 1, **fault}])
                project = self.project()
                run = self.run_at(project, server)
                # one that is there with the code that was sent is the run's; one that comes later is only removed
                self.assert_code(run, 4 if fault["do"] == "late" else 0)
                self.assert_clean(project, server)
                created = len(server.created())
                self.assertGreaterEqual(created, 1 if fault["do"] == "late" else 2)
                self.assertEqual(run.result["resources"], {"created": created, "removed": created})

    def test_a_creation_that_never_came(self):
        server = self.server([{"call": "CreateFunction", "first": 2, "do": "drop", "bytes": 700}])
        project = self.project()
        run = self.run_at(project, server)
        self.assert_code(run, 4)
        self.assert_clean(project, server)
        self.assertEqual(run.result["resources"], {"created": 1, "removed": 1})


class Interrupted(EndpointTest):
    def wait_for_call(self, server, call, count=1):
        wait_for(lambda: len(server.calls(call)) >= count, "%d times %s" % (count, call))

    def test_in_a_long_wait_for_a_function(self):
        """Lambda refuses to delete a function that it is still creating: the journal keeps it for later."""
        server, project = self.server(pending_ms=600000), self.project()
        process = self.start(project, server)
        self.wait_for_call(server, "GetFunction")
        process.send_signal(signal.SIGINT)
        run = self.finish(project, process)
        self.assert_code(run, 130)
        self.assertEqual(len(server.alive()), 1)
        self.assertIn(server.alive()[0], run.stderr)
        self.assertEqual(len(self.journals(project)), 1)
        for function in server.functions.values():
            function.active_at = 0
        self.assert_code(self.cleanup(project, server), 0)
        self.assert_clean(project, server)

    def test_while_lambda_says_later(self):
        server = self.server([{"call": "UpdateFunctionConfiguration", "do": "answer", "status": 429}])
        project = self.project()
        process = self.start(project, server)
        self.wait_for_call(server, "UpdateFunctionConfiguration", 2)
        process.send_signal(signal.SIGTERM)
        self.assert_code(self.finish(project, process), 143)
        self.assert_clean(project, server)

    def test_all_deletions_leave_at_once(self):
        """The first one's answer never comes; that keeps nobody waiting."""
        server = self.server([{"call": "DeleteFunction", "times": 1, "do": "never"}])
        project = self.project(LONG)
        process = self.start(project, server)
        self.wait_for_call(server, "Invoke", 50)
        process.send_signal(signal.SIGINT)
        self.assert_code(self.finish(project, process), 130)
        self.assert_clean(project, server)
        deletions = [r for r in server.requests if r.call == "DeleteFunction"]
        self.assertEqual(len({r.name for r in deletions[:2]}), 2)

    def test_the_second_signal_ends_it(self):
        server, project = self.server([{"call": "DeleteFunction", "do": "answer", "status": 500}]), self.project(LONG)
        process = self.start(project, server)
        self.wait_for_call(server, "Invoke", 50)
        process.send_signal(signal.SIGINT)
        self.wait_for_call(server, "DeleteFunction", 2)
        process.send_signal(signal.SIGTERM)
        run = self.finish(project, process)
        self.assert_code(run, 130)
        self.assertEqual(len(server.alive()), 2)
        for name in server.alive():
            self.assertIn(name, run.stderr)
        server.faults.clear()
        self.assert_code(self.cleanup(project, server), 0)
        self.assert_clean(project, server)

    def test_during_the_normal_end(self):
        server = self.server([{"call": "DeleteFunction", "times": 6, "do": "answer", "status": 500}])
        project = self.project()
        process = self.start(project, server)
        self.wait_for_call(server, "DeleteFunction", 2)
        process.send_signal(signal.SIGINT)
        self.assert_code(self.finish(project, process), 130)
        self.assert_clean(project, server)


class NextRun(EndpointTest):
    def leave(self, server, project):
        """Two functions, their journal, and no process."""
        faults = server.faults
        server.faults = self.server([{"call": "DeleteFunction", "do": "answer", "status": 403}]).faults
        self.assert_code(self.run_at(project, server), 5)
        server.faults = faults
        self.assertEqual(len(server.alive()), 2)
        return server.alive()

    def test_begins_with_what_the_last_one_left(self):
        server, project = self.server(), self.project()
        names = self.leave(server, project)
        run = self.run_at(project, server)
        self.assert_code(run, 0)
        for name in names:
            self.assertIn("removed '%s'" % name, run.stderr)
        self.assert_clean(project, server)
        self.assertEqual(run.result["resources"], {"created": 2, "removed": 2})  # its own

    def test_leaves_another_endpoints_alone(self):
        first, second, project = self.server(), self.server(), self.project()
        names = self.leave(first, project)
        self.assert_code(self.run_at(project, second), 0)
        self.assertEqual(first.alive(), names)
        self.assertEqual(len(self.journals(project)), 1)
        self.assert_code(self.cleanup(project, first), 0)
        self.assert_clean(project, first)

    def test_leaves_a_run_alone_that_goes_on(self):
        server, project = self.server(call_ms=20), self.project(LONG)
        process = self.start(project, server)
        wait_for(lambda: len(server.calls("Invoke")) > 20, "the first run's invocations")
        other = project.start("cleanup", *self.at(server), env=CANARY)
        _, errors = other.communicate()
        self.assertEqual(other.returncode, 5)
        self.assertIn(b"in use", errors)
        self.assertEqual(len(server.alive()), 2)
        process.send_signal(signal.SIGTERM)
        self.assert_code(self.finish(project, process), 143)
        self.assert_clean(project, server)


class Suspicious(EndpointTest):
    """Journals that somebody else may have written or moved."""

    def journal(self, project, server, names, run="0f3a5c21", **more):
        lines = [{"step": "run", "schema": "lambda-perf-gate/journal/1", "run": run, "endpoint": server.url,
                  "region": "us-east-1", "pid": 1, "at": stamp(time.time()), **more}]
        for name in names:
            lines += [{"step": "intent", "function": name, "at": stamp(time.time() - 60)},
                      {"step": "created", "function": name, "account": server.account}]
        project.write("j.ndjson", "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
        return project.path("j.ndjson")

    def test_of_another_endpoint_or_region(self):
        server, project = self.server(), self.project()
        for more in ({"endpoint": "https://lambda.us-east-1.amazonaws.com"}, {"region": "eu-west-1"}):
            path = self.journal(project, server, ["lpg-0f3a5c21-f-base"], **more)
            run = self.cleanup(project, server, "--journal", path)
            self.assert_code(run, 2)
            self.assertTrue(os.path.exists(path))
        self.assertEqual(server.requests, [])

    def test_of_another_account(self):
        server, project = self.server(), self.project()
        path = self.journal(project, server, ["lpg-0f3a5c21-f-base"])
        server.account = "999999999999"
        run = self.cleanup(project, server, "--journal", path)
        self.assert_code(run, 5)
        self.assertIn("another account", run.stdout)
        self.assertTrue(os.path.exists(path))

    def test_that_names_functions_of_others(self):
        server, project = self.server(), self.project()
        decoys = {"lpg-0f3a5c21-untagged": {}, "lpg-0f3a5c21-other-run": tags("ffffffff"), "production": tags("0f3a5c21"),
                  "lpg-ffffffff-x": tags("ffffffff")}
        for name, its in decoys.items():
            server.add_function(name, its)
        server.add_function("lpg-0f3a5c21-ours", tags("0f3a5c21"))
        path = self.journal(project, server, [*decoys, "lpg-0f3a5c21-ours"])
        run = self.cleanup(project, server, "--journal", path)
        self.assert_code(run, 5)
        self.assertEqual(server.alive(), sorted(decoys))
        self.assertIn("line 6", run.stderr)  # the first name that is not of its run
        self.assertTrue(os.path.exists(path))

    def test_dry_run(self):
        server, project = self.server(), self.project()
        server.add_function("lpg-0f3a5c21-ours", tags("0f3a5c21"))
        path = self.journal(project, server, ["lpg-0f3a5c21-ours"])
        run = self.cleanup(project, server, "--journal", path, "--dry-run")
        self.assert_code(run, 0)
        self.assertIn("open: lpg-0f3a5c21-ours", run.stdout)
        self.assertEqual(server.requests, [])
        self.assertTrue(os.path.exists(path))


class Faulted(EndpointTest):
    def test_never_passes(self):
        """One call of twenty is more than a pass allows, in whatever way it is lost."""
        for fault in ({"do": "drop"}, {"do": "drop", "bytes": "random", "reset": True},
                      {"do": "drop", "when": "response", "bytes": "random"},
                      {"do": "drop", "when": "response", "bytes": "random", "reset": True},
                      {"do": "answer", "status": 500}, {"do": "answer", "status": 502, "type": "EC2ThrottledException"},
                      {"do": "answer", "status": 429}, {"do": "answer", "status": 503, "carried_out": True},
                      {"do": "answer", "status": 200, "headers": {"X-Amz-Function-Error": "Unhandled"}}):
            with self.subTest(fault):
                server, project = self.server([{"call": "Invoke", "share": 0.05, **fault}]), self.project()
                run = self.run_at(project, server)
                self.assert_code(run, 1, 3, 4)
                self.assertNotEqual(run.result["verdict"], "pass")
                self.assertEqual(server.duplicates(), {})
                self.assert_clean(project, server)

    def test_no_invocation_is_sent_twice(self):
        faults = [{"call": "Invoke", "share": 0.0025, "do": "drop", "bytes": "random", "when": when, "reset": reset}
                  for when in ("request", "response") for reset in (False, True)]
        server = self.server(faults)
        calls = max(20, INVOKES // 200)
        project = self.project("{ min: 20, max: 20, environments: 5, calls: %d }" % min(calls, 1000))
        run = self.run_at(project, server, "--max-invocations", "1000000")
        self.assert_code(run, 0, 1, 3, 4)
        invocations = len(run.samples)
        self.assertGreaterEqual(invocations, INVOKES)
        self.assertGreater(sum(fault.struck for fault in server.faults), 0)
        self.assertEqual(server.duplicates(), {})
        self.assertNotIn("?", server.invokes)
        warm_up = len(server.calls("Invoke")) - invocations
        self.assertEqual(warm_up, 4)
        self.assertEqual(run.result["spend"]["invocations"], invocations + warm_up)
        self.assertEqual([s for s in run.samples if s["status"] == "ok" and "duration_ms" not in s], [])
        for side in ("baseline", "candidate"):
            account = run.function["accounting"][side]
            self.assertEqual(account["scheduled"], sum(account[status] for status in STATUSES))
        lost = sum(run.function["accounting"][side]["unknown"] for side in ("baseline", "candidate"))
        struck = sum(fault.struck for fault in server.faults)
        self.assertTrue(lost <= struck <= lost + warm_up, (lost, struck))
        self.assert_clean(project, server)


if __name__ == "__main__":
    unittest.main()
