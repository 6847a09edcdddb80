"""Runs at a Lambda endpoint leave nothing behind, whatever happens: faults of the endpoint, signals, kill -9, and what
`cleanup` makes of the rest. The ledger of the endpoint (tests/tools/fault_lambda.py) is the judge.

    LPG_TEST_KILLS=60        so many random kills and so many random signals (default 10)
    LPG_TEST_INVOKES=100000  so many invocations while connections break (default 2000)
    LPG_TEST_SEED=N          another order of things
"""

import base64
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

from gate_project import PYTHON, STATUSES, Project, command_line, perf_yml
from support import TOP, wait_for

sys.path.insert(0, os.path.join(TOP, "tests/tools"))
from fault_lambda import FaultLambda  # noqa: E402

KILLS = int(os.environ.get("LPG_TEST_KILLS", 10))
INVOKES = int(os.environ.get("LPG_TEST_INVOKES", 2000))
SEED = int(os.environ.get("LPG_TEST_SEED", 1))
SHORT = "{ min: 5, max: 5, environments: 2, calls: 10 }"
LONG = "{ min: 100, max: 120, environments: 2, calls: 20 }"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
HOUR = 3600

# Keys that are found wherever they are written.
CANARY = {"AWS_ACCESS_KEY_ID": "CANARYKEYID7Q2", "AWS_SECRET_ACCESS_KEY": "canary+secret/X9fK3vLw8s",
          "AWS_SESSION_TOKEN": "canary-token-Zm9vYmFy/P0q=="}


def encodings(text):
    raw = text.encode()
    found = {raw, raw.hex().encode(), urllib.parse.quote(text, safe="").encode(), json.dumps(text)[1:-1].encode()}
    for shift in range(3):  # base64 of a longer text that it is part of
        whole = base64.b64encode(b"x" * shift + raw).rstrip(b"=")
        found.add(whole[4 if shift else 0:-4])
    return found


NEEDLES = set().union(*(encodings(value) for value in CANARY.values()))


def stamp(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def tags(run, age_s=0, life_s=2 * HOUR):
    created = time.time() - age_s
    return {"lambda-perf-gate:run": run, "lambda-perf-gate:created": stamp(created),
            "lambda-perf-gate:expires": stamp(created + life_s)}


class CleanupTest(unittest.TestCase):
    def server(self, faults=(), **settings):
        server = FaultLambda(faults, **{"seed": SEED, **settings}).start()
        self.addCleanup(server.stop)
        return server

    def project(self, rounds=SHORT, extra=""):
        project = Project(perf_yml(runtime=PYTHON, rounds=rounds, extra=extra), baseline={"app.py": "1"},
                          candidate={"app.py": "2"})
        self.addCleanup(project.__exit__)
        return project

    def at(self, server):
        return ("--endpoint-url", server.url)

    def start(self, project, server, *arguments):
        return project.start("run", *project.arguments(*self.at(server), *arguments), env=CANARY)

    def finish(self, project, process):
        run = project.finish(process)
        self.assert_no_canary(project, run)
        return run

    def run_at(self, project, server, *arguments):
        return self.finish(project, self.start(project, server, *arguments))

    def cleanup(self, project, server, *arguments):
        run = project.tool("cleanup", *self.at(server), *arguments, env=CANARY)
        self.assert_no_canary(project, run)
        return run

    def assert_no_canary(self, project, run):
        texts = {"stdout": run.stdout.encode(), "stderr": run.stderr.encode()}
        for folder, _, names in os.walk(project.base):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    texts[name] = f.read()
        for name, text in texts.items():
            for needle in NEEDLES:
                self.assertNotIn(needle, text, "a key stands in " + name)

    def journals(self, project):
        try:
            return sorted(name for name in os.listdir(project.output) if name.startswith("journal-"))
        except FileNotFoundError:
            return []  # killed before it made the folder

    def assert_clean(self, project, server):
        self.assertEqual(server.alive(), [])
        self.assertEqual(self.journals(project), [])

    def assert_code(self, run, *codes):
        self.assertIn(run.code, codes, run.stdout + run.stderr)


class Normal(CleanupTest):
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


class Refused(CleanupTest):
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


class LostAnswers(CleanupTest):
    def test_creations(self):
        rng = random.Random(SEED)
        for fault in ({"do": "drop", "when": "response"}, {"do": "drop", "when": "response", "reset": True},
                      {"do": "drop", "when": "response", "bytes": rng.randrange(1, 300)}, {"do": "late", "ms": 700},
                      {"do": "answer", "status": 500, "carried_out": True}, {"do": "garble", "body": "{"}):
            with self.subTest(fault):
                server = self.server([{"call": "CreateFunction", "first": rng.choice((1, 2)), "times": 1, **fault}])
                project = self.project()
                run = self.run_at(project, server)
                self.assert_code(run, 4)
                self.assert_clean(project, server)
                created = len(server.created())
                self.assertGreaterEqual(created, 1)
                self.assertEqual(run.result["resources"], {"created": created, "removed": created})

    def test_a_creation_that_never_came(self):
        server = self.server([{"call": "CreateFunction", "first": 2, "do": "drop", "bytes": 700}])
        project = self.project()
        run = self.run_at(project, server)
        self.assert_code(run, 4)
        self.assert_clean(project, server)
        self.assertEqual(run.result["resources"], {"created": 1, "removed": 1})


class Interrupted(CleanupTest):
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


class AtRandom(CleanupTest):
    """At any moment. Calls are a little slow, so that no phase is too short to be hit."""

    def setUp(self):
        self.watched, self.seen, self.watching = None, set(), True
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()
        self.addCleanup(self.end_watch)

    def watch(self):
        """Command lines of everything that the project runs, for as long as it does."""
        while self.watching:
            project = self.watched
            for pid in project.processes() if project else ():
                self.seen.add(command_line(pid))
            time.sleep(0.01)

    def end_watch(self):
        self.watching = False
        self.watcher.join()
        for line in self.seen:
            for needle in NEEDLES:
                self.assertNotIn(needle.decode(), line)

    def moments(self, rng, count):
        """Thirds: while deploying, while measuring, anywhere."""
        for i in range(count):
            yield rng.uniform(*((0.0, 0.4), (0.2, 1.0), (0.0, 2.0))[i % 3])

    def interrupt(self, number, moment, rng):
        server = self.server([{"call": ["CreateFunction", "DeleteFunction"], "do": "slow", "ms": 60},
                              {"call": "UpdateFunctionConfiguration", "do": "slow", "ms": 5}],
                             pending_ms=rng.choice((0, 150)), call_ms=1, seed=rng.random())
        rounds = "{ min: 20, max: 20, environments: 2, calls: 10 }"
        project = self.watched = self.project(rounds)
        process = self.start(project, server)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            pass
        process.send_signal(number)
        return server, project, self.finish(project, process)

    def settle(self, project, server):
        run = self.cleanup(project, server)
        self.assert_code(run, 0)
        self.assert_clean(project, server)

    def test_killed(self):
        rng = random.Random(SEED)
        left = 0
        for moment in self.moments(rng, KILLS):
            with self.subTest(moment=moment, seed=SEED):
                server, project, run = self.kill(moment, rng)
                self.assertIn(run.code, (-9, 0), run)  # 0: it had come to its end
                left += len(server.alive())
                self.settle(project, server)
                server.stop()
        self.assertGreater(left, 0, "no kill came at a moment at which it would have mattered")

    def kill(self, moment, rng):
        server, project, run = None, None, None
        original = Project.assert_nothing_left
        Project.assert_nothing_left = lambda self: self.remove_temporary()
        try:
            server, project, run = self.interrupt(signal.SIGKILL, moment, rng)
        finally:
            Project.assert_nothing_left = original
        return server, project, run

    def test_signalled(self):
        rng = random.Random(SEED + 1)
        for i, moment in enumerate(self.moments(rng, KILLS)):
            number = (signal.SIGINT, signal.SIGTERM)[i % 2]
            with self.subTest(moment=moment, number=number, seed=SEED):
                server, project, run = self.interrupt(number, moment, rng)
                self.assertIn(run.code, (CODES[number], -number, 0), run)
                self.settle(project, server)
                server.stop()


class NextRun(CleanupTest):
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


class Suspicious(CleanupTest):
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


class Sweep(CleanupTest):
    def populate(self, server, total=10000, decoys=200, expired=150, live=50):
        """Names of those that must go. Everything else must stay."""
        rng = random.Random(SEED)

        def run():
            return "%08x" % rng.getrandbits(32)
        mine, its_run = set(), None
        for i in range(expired):
            its_run = run()
            mine.add("lpg-%s-f-%d" % (its_run, i))
            server.add_function("lpg-%s-f-%d" % (its_run, i), tags(its_run, age_s=rng.uniform(2.1, 500) * HOUR))
        for i in range(live):
            its_run = run()
            server.add_function("lpg-%s-live-%d" % (its_run, i),
                                tags(its_run, age_s=rng.uniform(0, 1.9) * HOUR) if i % 2 else
                                tags(its_run, age_s=5 * HOUR, life_s=6 * HOUR))
        for i in range(decoys):
            server.add_function(*self.decoy(rng, run(), i))
        while len(server.functions) < total:
            server.add_function("service-%08x" % rng.getrandbits(32), {"team": "shop"})
        return mine

    def decoy(self, rng, run, i):
        old = tags(run, age_s=100 * HOUR)
        missing = dict(old)
        del missing[rng.choice(sorted(missing))]
        shapes = [
            ("lpg-%s-untagged-%d" % (run, i), {}),
            ("lpg-%s-foreign-%d" % (run, i), {"team": "shop"}),
            ("lpg-%s-partly-%d" % (run, i), missing),
            ("lpg-%s-other-%d" % (run, i), dict(old, **{"lambda-perf-gate:run": "ffffffff"})),
            ("lpg-%s-future-%d" % (run, i), tags(run, age_s=-100 * HOUR)),
            ("lpg-%s-odd-%d" % (run, i), tags(run, age_s=100 * HOUR, life_s=-HOUR)),
            ("lpg-%s-date-%d" % (run, i), dict(old, **{"lambda-perf-gate:expires": "2026-01-01"})),
            ("lpg-%s" % run, old),
            ("lpg-%s-%d" % (run.upper().replace("0", "A") + "G", i), old),
            ("lpg-prod-%d-%s" % (i, run), old),
            ("x-lpg-%s-f-%d" % (run, i), old),
            ("LPG-%s-f-%d" % (run, i), old),
            ("lpgx%s-f-%d" % (run, i), old),
        ]
        return shapes[i % len(shapes)]

    def test_deletes_exactly_what_is_ours_and_expired(self):
        server = self.server([{"call": "ListFunctions", "share": 0.03, "do": "answer", "status": 429},
                              {"call": "ListFunctions", "share": 0.02, "do": "answer", "status": 500},
                              {"call": "ListFunctions", "share": 0.2, "do": "repeat"},
                              {"call": "GetFunction", "share": 0.03, "do": "answer", "status": 429},
                              {"call": "GetFunction", "share": 0.02, "do": "drop", "bytes": "random"},
                              {"call": "DeleteFunction", "share": 0.05, "do": "answer", "status": 503},
                              {"call": "DeleteFunction", "share": 0.05, "do": "drop", "when": "response"}], rate=400)
        project = self.project()
        mine = self.populate(server)
        before = set(server.functions)
        run = self.cleanup(project, server, "--older-than", "2h", "--dry-run")
        self.assert_code(run, 0)
        self.assertEqual(set(re.findall(r"^expired: (\S+)", run.stdout, re.M)), mine)
        self.assertEqual(set(server.functions), before)
        self.assertEqual(server.calls("DeleteFunction"), [])
        run = self.cleanup(project, server, "--older-than", "2h")
        self.assert_code(run, 0)
        self.assertEqual(before - set(server.functions), mine)
        self.assertIn("10000 functions listed: 150 expired, 150 removed, 50 live", run.stderr)
        looked_at = {r.name for r in server.calls("GetFunction")}
        self.assertEqual([name for name in looked_at if not name.startswith("lpg-")], [])

    def test_that_is_not_complete_is_exit_5(self):
        for fault in ({"call": "GetFunction", "name": "unreadable", "do": "answer", "status": 403},
                      {"call": "ListFunctions", "first": 3, "do": "answer", "status": 403},
                      {"call": "ListFunctions", "first": 2, "times": 1, "do": "garble", "body": "[]"}):
            with self.subTest(fault):
                server, project = self.server([fault]), self.project()
                mine = self.populate(server, total=200, decoys=0, expired=5, live=5)
                server.add_function("lpg-00000000-unreadable", tags("00000000", age_s=9 * HOUR))
                before = set(server.functions)
                run = self.cleanup(project, server, "--older-than", "2h")
                self.assert_code(run, 5)
                self.assertIn("not everything could be looked at", run.stderr)
                self.assertLessEqual(before - set(server.functions), mine | {"lpg-00000000-unreadable"})
                if fault["call"] == "GetFunction":
                    self.assertEqual(before - set(server.functions), mine)

    def test_a_list_without_an_end(self):
        server = self.server([{"call": "ListFunctions", "do": "garble", "status": 200,
                               "body": json.dumps({"Functions": [], "NextMarker": "again"})}])
        run = self.cleanup(self.project(), server, "--older-than", "2h")
        self.assert_code(run, 5)
        self.assertIn("does not end", run.stderr)

    def test_usage(self):
        project, server = self.project(), self.server()
        self.assert_code(project.tool("cleanup"), 2)
        for age in ("2", "soon", "-1h", ""):
            self.assert_code(self.cleanup(project, server, "--older-than=" + age), 2)
        self.assert_code(project.tool("cleanup", "--endpoint-url", server.url), 2)  # no keys
        self.assertEqual(server.requests, [])


class Faulted(CleanupTest):
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
        run = self.run_at(project, server)
        self.assert_code(run, 0, 1, 3, 4)
        invocations = len(run.samples)
        self.assertGreaterEqual(invocations, INVOKES)
        self.assertGreater(sum(fault.struck for fault in server.faults), 0)
        self.assertEqual(server.duplicates(), {})
        self.assertNotIn("?", server.invokes)
        self.assertEqual(len(server.calls("Invoke")), invocations)
        self.assertEqual([s for s in run.samples if s["status"] == "ok" and "duration_ms" not in s], [])
        for side in ("baseline", "candidate"):
            account = run.function["accounting"][side]
            self.assertEqual(account["scheduled"], sum(account[status] for status in STATUSES))
        lost = sum(run.function["accounting"][side]["unknown"] for side in ("baseline", "candidate"))
        self.assertEqual(lost, sum(fault.struck for fault in server.faults))
        self.assert_clean(project, server)


if __name__ == "__main__":
    unittest.main()
