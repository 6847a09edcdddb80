"""`lambda-perf-gate comment` against a GitHub that is strict, and one that misbehaves."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tools"))

import github_server  # noqa: E402
from github_server import answer, before, drop, lose_answer, raw, slow, GitHubServer, REPOSITORY  # noqa: E402

GOLDEN = ROOT / "tests" / "golden"
LPG_BIN = os.environ.get("LPG_BIN", str(ROOT / "build" / "lambda-perf-gate"))
SHA = "41d0e7c2b9d6f1a7e03c55d4a1c9be2f80d7a6e4"
BOT = "github-actions[bot]"
PULL = 7
COMMENTS = "/issues/%d/comments" % PULL
LIST = r"/comments\?"
DEADLINE_S = 60


class Done:
    def __init__(self, status, out, log):
        self.status, self.out, self.log = status, out, log


class Case(unittest.TestCase):
    prefix = ""

    def setUp(self):
        self.github = GitHubServer(self.prefix)
        self.addCleanup(self.github.close)
        self.github.add_pull(PULL, SHA)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def golden(self, name):
        """The stored result; where it is of one function, that is called "checkout"."""
        result = json.loads((GOLDEN / name / "result.json").read_text())
        if len(result["functions"]) == 1:
            result["functions"][0]["name"] = "checkout"
        path = self.folder / (name + ".json")
        path.write_text(json.dumps(result))
        return path

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "ACTIONS_"))}
        return {**kept, "GITHUB_TOKEN": github_server.BOT_TOKEN, "GITHUB_API_URL": self.github.url,
                "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_RUN_ID": "500", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_WORKFLOW": "perf", "GITHUB_JOB": "gate",
                "GITHUB_REF": "refs/pull/%d/merge" % PULL, **more}

    def start(self, *arguments, result="fail", **variables):
        path = result if isinstance(result, pathlib.Path) else self.golden(result)
        environment = {k: v for k, v in self.environment(**variables).items() if v is not None}
        return subprocess.Popen([LPG_BIN, "comment", "--result", str(path), "--sha", SHA, *arguments], env=environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run_comment(self, *arguments, **settings):
        process = self.start(*arguments, **settings)
        out, log = process.communicate(timeout=DEADLINE_S)
        for token in self.github.tokens:
            self.assertNotIn(token.encode(), out + log, "a token in the output")
        return Done(process.returncode, out.decode(), log.decode())

    def post(self, *arguments, **settings):
        done = self.run_comment(*arguments, **settings)
        self.assertEqual(done.status, 0, done.log)
        return done

    def refused(self, *arguments, status=4, **settings):
        done = self.run_comment(*arguments, **settings)
        self.assertEqual(done.status, status, done.log)
        self.assertEqual(done.out, "")
        self.assertIn("error: ", done.log)
        return done.log

    def only(self):
        self.assertEqual(len(self.github.comments), 1, self.github.calls())
        return self.github.comments[0]

    def mark(self, run=500, attempt=1, key="perf%2Fgate%2Fcheckout", sha=SHA):
        return "<!-- lambda-perf-gate v=1 key=%s run=%d.%d sha=%s -->" % (key, run, attempt, sha)


class Sticky(Case):
    def test_first_run_creates_and_looks_again(self):
        done = self.post()
        comment = self.only()
        lines = comment["body"].splitlines()
        self.assertEqual(lines[0], self.mark())
        self.assertTrue(lines[1].startswith("### ❌ FAIL"), lines[1])
        self.assertIn("/actions/runs/500/attempts/1", lines[-1])
        self.assertEqual(comment["login"], BOT)
        self.assertEqual(done.out, "%s/%s/pull/7#issuecomment-%d\n" % (self.github.host, REPOSITORY, comment["id"]))
        self.assertEqual(self.github.calls(), ["GET user", "GET comments", "POST comments", "GET comments"])

    def test_every_request_says_who_asks_and_which_version(self):
        self.post()
        for request in self.github.requests:
            headers = {k.lower(): v for k, v in request["headers"].items()}
            self.assertRegex(headers["user-agent"], r"^lambda-perf-gate/\d")
            self.assertEqual(headers["accept"], "application/vnd.github+json")
            self.assertEqual(headers["x-github-api-version"], "2022-11-28")
            self.assertEqual(headers["authorization"], "Bearer " + github_server.BOT_TOKEN)
            self.assertEqual(headers.get("content-type"),
                             "application/json" if request["method"] == "POST" else None)

    def test_later_run_updates(self):
        self.post()
        self.post(result="pass", GITHUB_RUN_ID="501")
        comment = self.only()
        self.assertTrue(comment["body"].startswith(self.mark(501)))
        self.assertIn("✅ PASS", comment["body"])
        self.assertEqual(comment["edits"], 1)

    def test_second_attempt_updates(self):
        self.post()
        self.post(result="pass", GITHUB_RUN_ATTEMPT="2")
        self.assertTrue(self.only()["body"].startswith(self.mark(attempt=2)))

    def test_unchanged_is_left_alone(self):
        self.post()
        comment = self.only()
        comment["body"] = comment["body"].replace("\n", "\r\n").rstrip()  # as a browser would leave it
        done = self.post()
        self.assertIn("says the same already", done.log)
        self.assertEqual(comment["edits"], 0)

    def test_a_run_that_ends_late_changes_nothing(self):
        self.post(GITHUB_RUN_ID="600")
        body = self.only()["body"]
        done = self.post(result="pass", GITHUB_RUN_ID="500")
        self.assertIn("later run", done.log)
        self.post(result="pass", GITHUB_RUN_ID="600", GITHUB_RUN_ATTEMPT="1")
        self.assertNotEqual(self.only()["body"], body)
        self.post(GITHUB_RUN_ID="600", GITHUB_RUN_ATTEMPT="3")
        body = self.only()["body"]
        self.post(result="pass", GITHUB_RUN_ID="600", GITHUB_RUN_ATTEMPT="2")
        self.assertEqual(self.only()["body"], body)

    def test_doubles_are_deleted_and_the_oldest_is_kept(self):
        for run in (10, 12, 11):
            self.github.add_comment(PULL, BOT, self.mark(run) + "\nold")
        first = self.github.comments[0]
        self.post()
        self.assertEqual(self.only(), first)
        self.assertIn("FAIL", first["body"])

    def test_none_of_several_is_touched_when_one_is_later(self):
        for run in (10, 900):
            self.github.add_comment(PULL, BOT, self.mark(run) + "\nold")
        self.assertIn("later run", self.post().log)
        self.assertEqual([c["edits"] for c in self.github.comments], [0, 0])

    def test_keys_keep_gates_apart(self):
        self.post()
        self.post("--key", "other gate/é --> x")
        self.post(GITHUB_JOB="gate-2")
        self.post(result="multi")
        marks = [c["body"].splitlines()[0] for c in self.github.comments]
        self.assertEqual(len(set(marks)), 4, marks)
        self.assertIn("key=other%20gate%2F%C3%A9%20-%2D%3E%20x run", marks[1])
        self.assertIn("key=perf%2Fgate run", marks[3])
        for mark in marks:
            self.assertEqual(mark.count("-->"), 1)
        self.post("--key", "other gate/é --> x", result="pass")
        self.assertEqual(len(self.github.comments), 4)

    def test_a_key_that_begins_another_is_not_it(self):
        self.github.add_comment(PULL, BOT, self.mark(key="perf%2Fgate%2Fcheckout2") + "\nother")
        self.github.add_comment(PULL, BOT, self.mark(key="non-perf%2Fgate%2Fcheckout") + "\nother")
        self.post()
        self.assertEqual([c["edits"] for c in self.github.comments], [0, 0, 0])

    def test_marks_that_are_not_whole_are_no_marks(self):
        mark = self.mark()
        for body in ("text\n" + mark, " " + mark, mark + " x", mark[:-4], mark.replace("v=1", "v=10"),
                     mark.replace("run=500.1", "run=500"), mark.replace("run=500.1", "run=5e2.1"),
                     mark.replace("run=500.1", "run=99999999999999999999.1"), mark.replace(SHA, SHA + "g"), "", "```\n" + mark):
            self.github.add_comment(PULL, BOT, body)
        before_count = len(self.github.comments)
        self.post()
        self.assertEqual(len(self.github.comments), before_count + 1)
        self.assertEqual([c["edits"] for c in self.github.comments], [0] * (before_count + 1))

    def test_when_on_failure(self):
        self.assertIn("nothing is wrong", self.post("--when", "on-failure", result="pass").log)
        self.assertEqual(self.github.comments, [])
        self.post("--when", "on-failure", result="inconclusive")
        self.post("--when", "on-failure", result="pass", GITHUB_RUN_ID="501")
        self.assertIn("✅ PASS", self.only()["body"])

    def test_many_comments(self):
        for i in range(250):
            self.github.add_comment(PULL, "octocat", "comment %d" % i)
        self.github.add_comment(PULL, BOT, self.mark(10) + "\nold")
        self.post()
        self.assertEqual(self.github.calls().count("GET comments"), 3)
        self.assertEqual(self.github.comments[-1]["edits"], 1)

    def test_more_pages_than_are_read(self):
        self.github.page_size = 1
        for i in range(40):
            self.github.add_comment(PULL, "octocat", "comment %d" % i)
        self.assertIn("more than 30 pages", self.refused())
        self.assertEqual(self.github.calls().count("GET comments"), 30)
        self.assertEqual(len(self.github.comments), 40)


class EnterpriseServer(Case):
    prefix = "/api/v3"

    def test_pages_below_a_prefix(self):
        self.github.page_size = 2
        for i in range(5):
            self.github.add_comment(PULL, "octocat", "comment %d" % i)
        self.post(GITHUB_API_URL=self.github.url + "/")
        self.post(GITHUB_RUN_ID="501")
        self.assertEqual(self.github.comments[-1]["edits"], 1)
        self.assertTrue(all(r["path"].startswith("/api/v3/") for r in self.github.requests))


class WhichPull(Case):
    def test_number_as_option_wins(self):
        self.github.add_pull(8, "0" * 40)
        self.post("--pr", "8")
        self.assertEqual(self.only()["issue"], 8)

    def test_by_commit_where_the_event_names_none(self):
        self.github.add_pull(8, "0" * 40, commits=[SHA])  # holds the commit, but its head is another
        self.github.add_pull(9, SHA, state="closed")
        self.post(GITHUB_REF="refs/heads/main")
        self.assertEqual(self.only()["issue"], PULL)

    def test_none_or_two_are_refused(self):
        self.github.add_pull(8, SHA)
        self.assertIn("more than one open pull request", self.refused(GITHUB_REF="refs/heads/main"))
        self.github.pulls.clear()
        self.assertIn("no open pull request", self.refused(GITHUB_REF="refs/heads/main"))


class Usage(Case):
    def test_what_is_missing_or_malformed(self):
        for words, arguments, variables in (
                ("no GITHUB_TOKEN", (), {"GITHUB_TOKEN": None}),
                ("no GITHUB_TOKEN", (), {"GITHUB_TOKEN": ""}),
                ("malformed", (), {"GITHUB_TOKEN": "ghs_secret\nX-Evil: 1"}),
                ("which repository", (), {"GITHUB_REPOSITORY": None}),
                ("not a repository", (), {"GITHUB_REPOSITORY": "a/b/c"}),
                ("not a repository", ("--repository", "../x"), {}),
                ("not a repository", ("--repository", "o/r?x"), {}),
                ("full hash", ("--sha", "41d0e7"), {}),
                ("full hash", ("--sha", SHA[:-1] + "g"), {}),
                ("https only", (), {"GITHUB_API_URL": "http://github.example/api/v3"}),
                ("neither", (), {"GITHUB_API_URL": "ftp://127.0.0.1/"}),
                ("user name", (), {"GITHUB_API_URL": "https://a:b@127.0.0.1/"}),
                ("has a query", (), {"GITHUB_API_URL": "https://127.0.0.1/?x"}),
                ("--when is", ("--when", "never"), {}),
                ("--max-wait is", ("--max-wait", "86401"), {})):
            with self.subTest(words, variables=variables, arguments=arguments):
                log = self.refused(*arguments, status=2, **variables)
                self.assertIn(words, log)
                self.assertNotIn("ghs_secret", log)
        self.assertEqual(self.github.requests, [])

    def test_a_damaged_result(self):
        path = self.folder / "result.json"
        path.write_text("{}")
        self.refused(result=path)
        self.refused(result=self.folder / "none.json")
        self.assertEqual(self.github.requests, [])


class Authors(Case):
    def test_a_strangers_mark_is_neither_edited_nor_believed(self):
        for login in ("mallory", "github-actions", "github-actions[bot]x"):
            self.github.add_comment(PULL, login, self.mark(999999) + "\n✅ PASS")
        done = self.post()
        self.assertIn("3 comments of others bear this gate's mark", done.log)
        self.assertEqual([c["edits"] for c in self.github.comments], [0, 0, 0, 0])
        self.assertEqual(self.github.comments[3]["login"], BOT)
        self.post(result="pass", GITHUB_RUN_ID="501")
        self.assertEqual([c["edits"] for c in self.github.comments], [0, 0, 0, 1])

    def test_a_persons_token(self):
        self.post(GITHUB_TOKEN=github_server.USER_TOKEN)
        self.post(GITHUB_TOKEN=github_server.USER_TOKEN, GITHUB_RUN_ID="501")
        self.assertEqual((self.only()["login"], self.only()["edits"]), ("octocat", 1))

    def test_an_apps_token_learns_its_name(self):
        for run in ("501", "502"):
            self.post(GITHUB_TOKEN=github_server.APP_TOKEN, GITHUB_RUN_ID=run)
        self.assertEqual((self.only()["login"], self.only()["edits"]), ("shop-ci[bot]", 1))
        self.post("--comment-author", "Shop-CI[bot]", GITHUB_TOKEN=github_server.APP_TOKEN, GITHUB_RUN_ID="503")
        self.assertEqual(self.only()["edits"], 2)
        self.assertNotIn("GET user", self.github.calls()[-2:])


class Status(Case):
    def test_says_the_verdict_beside_the_commit(self):
        for result, state in (("fail", "failure"), ("pass", "success"), ("inconclusive", "failure"), ("error", "error"),
                              ("identical", "success"), ("multi", "error")):
            self.github.statuses.clear()
            self.github.comments.clear()
            self.post("--status", result=result)
            status = self.github.statuses[0]
            self.assertEqual((status["state"], status["sha"]), (state, SHA), result)
            self.assertEqual(status["target_url"], "https://github.com/%s/actions/runs/500/attempts/1" % REPOSITORY)
            self.assertTrue(status["description"])
        self.assertEqual(status["context"], "lambda-perf-gate/perf/gate")

    def test_is_set_where_nothing_can_be_commented(self):
        self.github.pulls[PULL]["locked"] = True
        self.assertIn("locked", self.refused("--status"))
        self.assertEqual([s["context"] for s in self.github.statuses], ["lambda-perf-gate/perf/gate/checkout"])

    def test_refusals(self):
        self.github.tokens[github_server.BOT_TOKEN].permissions = {"pull-requests"}
        self.assertIn("      statuses: write\n", self.refused("--status"))
        self.only()
        self.github.tokens[github_server.BOT_TOKEN].permissions = set()
        log = self.refused("--status", GITHUB_RUN_ID="501")
        self.assertIn("pull-requests: write", log)
        self.assertIn("statuses: write", log)

    def test_a_lost_answer_is_asked_again(self):
        self.github.faults.append(lose_answer("POST", "/statuses/"))
        self.post("--status")
        self.assertEqual(len(self.github.statuses), 2)

    def test_a_long_headline_fits(self):
        result = json.loads((GOLDEN / "fail" / "result.json").read_text())
        result["headline"] = "\u202e@x ::error::" + "\u00e9" * 500
        path = self.folder / "long.json"
        path.write_text(json.dumps(result))
        self.post("--status", result=path)
        self.assertRegex(self.github.statuses[0]["description"], r"^\\u\{202E\}@x : :error: :.*…$")


class Refusals(Case):
    def test_no_permission_says_what_to_add(self):
        log = self.refused(GITHUB_TOKEN=github_server.READ_TOKEN)
        self.assertIn("HTTP 403: Resource not accessible by integration", log)
        self.assertIn("    permissions:\n      contents: read\n      pull-requests: write\n", log)
        self.assertEqual(self.github.calls().count("POST comments"), 1)

    def test_hints(self):
        self.github.private = True
        self.assertIn("may not see it", self.refused(GITHUB_TOKEN=github_server.STRANGER_TOKEN))
        self.github.private = False
        self.assertIn("another host", self.refused(GITHUB_TOKEN="ghs_unknown"))
        self.github.pulls[PULL]["locked"] = True
        self.assertIn("conversation is locked", self.refused())
        self.github.pulls[PULL] = {"gone": True}
        self.assertIn("It was deleted", self.refused())
        del self.github.pulls[PULL]
        self.assertIn("HTTP 404: Not Found", self.refused())
        self.assertEqual(self.github.comments, [])

    def test_moved_repository_is_not_followed(self):
        self.github.faults.append(answer("GET", LIST, 301, "Moved Permanently",
                                         {"Location": self.github.host + "/repositories/1/issues/7/comments"}))
        self.assertIn("has moved", self.refused())
        self.assertEqual(self.github.calls(), ["GET user", "GET comments"])

    def test_what_github_finds_wrong_is_told(self):
        self.github.faults.append(answer("POST", "/comments$", 422, body={
            "message": "Validation Failed", "errors": [{"field": "body", "code": "custom", "message": "is too long"}, "odd"]}))
        self.assertIn("HTTP 422: Validation Failed; body: is too long; odd", self.refused())

    def test_an_answer_cannot_write_the_log(self):
        nasty = "\r\n::error::x\n##[error]y\x1b[31m\u202e" + "z" * 5000
        self.github.faults.append(answer("GET", LIST, 400, nasty))
        log = self.refused()
        self.assertLess(len(log), 1000)
        self.assertIsNone(re.search(r"^\s*::\w|##\[|[\x00-\x09\x0b-\x1f\u202e]", log, re.M), log)


class Limits(Case):
    def test_waits_as_long_as_it_is_told(self):
        for status in (429, 403):
            self.github.faults.append(answer("GET", LIST, status, "slow down", {"Retry-After": "1"}))
        began = time.monotonic()
        done = self.post()
        self.assertGreaterEqual(time.monotonic() - began, 2)
        self.assertEqual(done.log.count("waiting 1 s"), 2)
        self.only()

    def test_waits_until_the_limit_is_renewed(self):
        self.github.faults.append(answer("GET", LIST, 403, "API rate limit exceeded", {
            "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 1)}))
        self.assertIn("waiting", self.post().log)

    def test_a_refused_post_is_repeated(self):
        self.github.faults.append(answer("POST", "/comments$", 429, "", {"Retry-After": "0"}))
        self.post()
        self.only()

    def test_does_not_wait_longer_than_it_may(self):
        for headers, words in (({"Retry-After": "3600"}, "3600 s"),
                               ({"Retry-After": "1000000000000"}, "1000000000 s"),
                               ({}, "60 s"), ({"Retry-After": "-1"}, "60 s"),
                               ({"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}, "60 s"),
                               ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"}, "wait")):
            self.github.faults[:] = [answer("GET", LIST, 403, "You have exceeded a secondary rate limit.", headers)]
            log = self.refused("--max-wait", "10")
            self.assertIn("rate limit", log)
            self.assertIn(words, log)
        self.assertEqual(self.github.comments, [])

    def test_all_waits_together_are_bounded(self):
        self.github.faults.append(answer("GET", LIST, 429, "", {"Retry-After": "1"}, times=9))
        self.refused("--max-wait", "2")
        self.assertEqual(self.github.calls().count("GET comments"), 3)

    def test_a_limit_that_never_ends(self):
        self.github.faults.append(answer("GET", LIST, 429, "", {"Retry-After": "0"}, times=99))
        self.refused()
        self.assertLess(self.github.calls().count("GET comments"), 10)


class Faults(Case):
    def test_reads_are_repeated(self):
        self.github.faults += [answer("GET", LIST, 502, "Bad gateway"), drop("GET", LIST)]
        self.post()
        self.only()

    def test_a_server_that_stays_down(self):
        self.github.faults.append(answer("GET", LIST, 503, "Unavailable", times=99))
        self.assertIn("HTTP 503", self.refused())
        self.assertEqual(self.github.calls().count("GET comments"), 4)

    def test_lost_answer_makes_no_second_comment(self):
        self.github.faults.append(lose_answer("POST", "/comments$"))
        self.post()
        self.only()
        self.assertEqual(self.github.calls(), ["GET user", "GET comments", "POST comments", "GET comments", "GET comments"])

    def test_failure_of_a_server_that_acted_makes_no_second_comment(self):
        self.github.faults.append(lose_answer("POST", "/comments$", status=504))
        self.post()
        self.only()
        self.assertEqual(self.github.calls().count("POST comments"), 1)

    def test_lost_request_is_posted_again(self):
        self.github.faults.append(drop("POST", "/comments$"))
        self.post()
        self.only()
        self.assertEqual(self.github.calls().count("POST comments"), 2)

    def test_a_post_that_never_gets_through(self):
        self.github.faults.append(drop("POST", "/comments$", times=99))
        self.refused()
        self.assertEqual(self.github.comments, [])
        self.assertEqual(self.github.calls().count("POST comments"), 3)

    def test_answer_that_is_no_json(self):
        page = b"<html>captive portal</html>"
        self.github.faults.append(raw("GET", LIST, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)))
        self.assertIn("GitHub's answer", self.refused())
        self.github.faults.append(answer("GET", LIST, 200, body={"message": "not a list"}))
        self.assertIn("not a list", self.refused())
        self.assertEqual(self.github.comments, [])

    def test_deleted_meanwhile(self):
        old = self.github.add_comment(PULL, BOT, self.mark(10) + "\nold")
        self.github.faults.append(before("PATCH", "/comments/", lambda: self.github.comments.remove(old)))
        self.post()
        self.assertIn("FAIL", self.only()["body"])

    def test_create_race_keeps_the_older(self):
        other = []
        self.github.faults.append(before("POST", "/comments$", lambda: other.append(
            self.github.add_comment(PULL, BOT, self.mark(499) + "\nof the other run"))))
        self.post()
        self.assertEqual(self.only()["id"], other[0]["id"])
        self.assertTrue(self.only()["body"].startswith(self.mark(500)))

    def test_create_race_against_a_later_run(self):
        self.github.faults.append(before("POST", "/comments$", lambda: self.github.add_comment(
            PULL, BOT, self.mark(501) + "\nof the later run")))
        self.assertIn("later run", self.post().log)
        self.assertIn("of the later run", self.only()["body"])

    def test_two_at_once_leave_one(self):
        barrier = threading.Barrier(2)

        def meet():
            barrier.wait(DEADLINE_S)
        for _ in range(2):
            self.github.faults.append(before("POST", "/comments$", meet))
        processes = [self.start(GITHUB_RUN_ID=run) for run in ("700", "701")]
        for process in processes:
            _, log = process.communicate(timeout=DEADLINE_S)
            self.assertEqual(process.returncode, 0, log)
        self.post(result="pass", GITHUB_RUN_ID="702")
        self.assertIn("PASS", self.only()["body"])

    def test_token_goes_to_no_other_host(self):
        self.github.page_size = 1
        for i in range(3):
            self.github.add_comment(PULL, "octocat", "comment %d" % i)
        with GitHubServer() as canary:
            for host in (canary.host, "https://evil.example", self.github.host + "0", "http://x@127.0.0.1",
                         self.github.host.replace("127.0.0.1", "localhost")):
                self.github.link_host = host
                self.assertIn("another host", self.refused())
            self.assertEqual(canary.requests, [])
        self.assertEqual(len(self.github.comments), 3)

    def test_interrupted_while_waiting(self):
        self.github.faults.append(answer("GET", LIST, 429, "", {"Retry-After": "100"}))
        process = self.start()
        while b"waiting" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, 130)

    def test_slow_is_waited_for(self):
        self.github.faults.append(slow("POST", "/comments$", 1))
        self.post()
        self.only()


class Size(Case):
    def test_large_results_fit(self):
        base = json.loads((GOLDEN / "multi" / "result.json").read_text())
        one = max(base["functions"], key=lambda f: len(json.dumps(f)))
        path = self.folder / "result.json"
        for count in (5, 30, 60, 120, 600):
            base["functions"] = [{**one, "name": "fünction-%d-\U0001f600" % i} for i in range(count)]
            path.write_text(json.dumps(base))
            self.github.comments.clear()
            self.post(result=path)
            body = self.only()["body"]
            self.assertLessEqual(len(body.encode()), 65000)
            self.assertGreater(len(body.encode()), 4000, count)
            self.assertEqual("Shortened to fit" in body, count > 5)
            self.assertIn("actions/runs/500", body.splitlines()[-1])


@unittest.skipUnless(shutil.which("cmark-gfm"), "cmark-gfm is not installed: the comment was not rendered")
class Rendered(Case):
    """The comment through GitHub's renderer: the corpus of hostile texts is that of test_report."""

    def test_hostile_texts_link_and_mention_nothing(self):
        import test_report
        base = json.loads((GOLDEN / "fail" / "result.json").read_text())
        checks = test_report.Checks()
        path = self.folder / "result.json"
        for i, text in enumerate(test_report.HOSTILE[::4]):
            path.write_text(json.dumps(test_report.with_text(base, text)))
            self.github.comments.clear()
            self.post("--key=" + text, "--comment-author", BOT, result=path,
                      GITHUB_SERVER_URL="https://x)[y](http://evil.example" if i % 2 else None)
            mark, _, rest = self.only()["body"].partition("\n")
            self.assertRegex(mark, r"^<!-- lambda-perf-gate v=1 key=[\w.%-]+ run=500\.1 sha=[0-9a-f]{40} -->$")
            self.assertNotIn("--", mark[4:-3])
            checks.check_markdown(rest, repr(text[:60]))


if __name__ == "__main__":
    unittest.main()
