"""The comment's requests held against GitHub's own descriptions of its REST API, github.com's and that of an Enterprise
Server: Prism checks path, parameters and body of each by the OpenAPI document, and answers with its examples."""

import http.client
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

from interop import need

ROOT = pathlib.Path(__file__).resolve().parents[2]
LPG_BIN = os.environ.get("LPG_BIN", str(ROOT / "build" / "lambda-perf-gate"))
RESULT = ROOT / "tests" / "golden" / "fail" / "result.json"
SHA = "41d0e7c2b9d6f1a7e03c55d4a1c9be2f80d7a6e4"
DEADLINE_S = 120
PATHS = ["/user", "/repos/{owner}/{repo}/issues/{issue_number}/comments", "/repos/{owner}/{repo}/issues/comments/{comment_id}",
         "/repos/{owner}/{repo}/commits/{commit_sha}/pulls", "/repos/{owner}/{repo}/statuses/{sha}"]
LIST = PATHS[1]
PULLS = PATHS[3]
MARK = "<!-- lambda-perf-gate v=1 key=interop run=%d.1 sha=- -->\nold"


# ---- a description with the paths that are needed, and examples of our own ----

def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = value.values()
    if isinstance(value, (list, type({}.values()))):
        for item in value:
            yield from references(item)


def at(document, reference):
    for part in reference[2:].split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def trimmed(document):
    small = {"openapi": document["openapi"], "info": document["info"], "components": {},
             "paths": {path: document["paths"][path] for path in PATHS}}
    waiting, seen = list(references(small["paths"])), set()
    while waiting:
        reference = waiting.pop()
        if reference in seen:
            continue
        seen.add(reference)
        _, _, kind, name = reference.split("/", 3)
        small["components"].setdefault(kind, {})[name] = at(document, reference)
        waiting += references(at(document, reference))
    return small


def speak_the_media_type(document):
    """GitHub serves what its description calls application/json as application/vnd.github+json too."""
    if isinstance(document, dict):
        content = document.get("content")
        if isinstance(content, dict) and "application/json" in content:
            content["application/vnd.github+json"] = content["application/json"]
    for item in document.values() if isinstance(document, dict) else document:
        if isinstance(item, (dict, list)):
            speak_the_media_type(item)


def set_example(document, path, change):
    """Changes the example list that a GET answers with."""
    answer = document["paths"][path]["get"]["responses"]["200"]
    answer.pop("headers", None)  # its example Link says of every page that there is another one, elsewhere
    media = answer["content"]["application/json"]
    name, example = next(iter(media["examples"].items()))
    if "$ref" in example:
        example = json.loads(json.dumps(at(document, example["$ref"])))
    media["examples"] = {name: {**example, "value": change(json.loads(json.dumps(example["value"])))}}


# ---- what stands between ----

class Between(http.server.BaseHTTPRequestHandler):
    """Passes requests on, notes what came back, and asks for the answers that a test wants."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle_one(self):
        server = self.server
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path[len(server.prefix):]
        wish = server.wishes.get(self.command + " " + urllib.parse.urlsplit(path).path)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
        if wish:
            headers["Prefer"] = "code=%d" % wish
        upstream = http.client.HTTPConnection("127.0.0.1", server.upstream, timeout=DEADLINE_S)
        upstream.request(self.command, path, data or None, headers)
        answer = upstream.getresponse()
        body = answer.read()
        upstream.close()
        server.seen.append((self.command, path, answer.status, body))
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_one


class Described:
    description = prefix = None

    @classmethod
    def setUpClass(cls):
        modules = os.path.join(need("github"), "node_modules")
        with open(os.path.join(modules, "@octokit/openapi/generated", cls.description), encoding="utf-8") as f:
            cls.document = trimmed(json.load(f))
        cls.prism = os.path.join(modules, ".bin/prism")

    def serve(self, comments, pulls=None):
        """Prism with these comments on the pull request; the address to talk to."""
        document = json.loads(json.dumps(self.document))
        set_example(document, LIST, lambda value: [{**value[0], **c} for c in comments])
        # GitHub's example of a pull request has teams without a type, which its own description requires.
        set_example(document, PULLS, lambda value: [
            {**value[0], "requested_teams": [], **p, "head": {**value[0]["head"], **p["head"]}} for p in pulls or []])
        speak_the_media_type(document)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "openapi.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document, f)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        process = subprocess.Popen([self.prism, "mock", "--errors", "-h", "127.0.0.1", "-p", str(port), path],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        self.addCleanup(self.end, process)
        self.await_port(process, port)
        self.between = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
        self.between.daemon_threads = True
        self.between.upstream, self.between.prefix = port, self.prefix
        self.between.wishes, self.between.seen = {}, []
        threading.Thread(target=self.between.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(self.between.server_close)
        self.addCleanup(self.between.shutdown)
        self.url = "http://127.0.0.1:%d%s" % (self.between.server_address[1], self.prefix)

    @staticmethod
    def end(process):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def await_port(self, process, port):
        until = time.monotonic() + DEADLINE_S
        while time.monotonic() < until:
            self.assertIsNone(process.poll(), "prism ended")
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        self.fail("prism does not listen")

    def comment(self, *arguments, status=0):
        run = subprocess.run(
            [LPG_BIN, "comment", "--result", str(RESULT), "--repository", "octocat/Hello-World", "--key", "interop",
             *arguments],
            env={"PATH": os.environ["PATH"], "GITHUB_API_URL": self.url, "GITHUB_TOKEN": "ghs_interop",
                 "GITHUB_RUN_ID": "500", "GITHUB_RUN_ATTEMPT": "1"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(run.returncode, status, (run.stderr, self.between.seen))
        return run

    def statuses(self):
        return [(method, path.split("?")[0].rsplit("/", 1)[-1], status) for method, path, status, _ in self.between.seen]

    def test_creates(self):
        self.serve([])
        self.assertIn("http", self.comment("--pr", "7").stdout)
        self.assertEqual(self.statuses(), [("GET", "user", 200), ("GET", "comments", 200), ("POST", "comments", 201),
                                           ("GET", "comments", 200)])

    def test_updates_and_deletes_doubles(self):
        self.serve([{"id": 11, "body": "text"}, {"id": 12, "body": MARK % 10}, {"id": 13, "body": MARK % 11}])
        self.assertIn("updated", self.comment("--pr", "7").stderr)
        self.assertEqual(self.statuses(), [("GET", "user", 200), ("GET", "comments", 200), ("PATCH", "12", 200),
                                           ("DELETE", "13", 204)])

    def test_sets_the_status(self):
        self.serve([])
        self.comment("--pr", "7", "--status", "--sha", SHA)
        self.assertEqual(self.statuses()[-1], ("POST", SHA, 201))

    def test_leaves_a_later_run_alone(self):
        self.serve([{"id": 12, "body": MARK % 501}])
        self.assertIn("later run", self.comment("--pr", "7").stderr)
        self.assertEqual(self.statuses(), [("GET", "user", 200), ("GET", "comments", 200)])

    def test_finds_the_pull_request_of_a_commit(self):
        self.serve([], [{"number": 9, "state": "closed", "head": {"sha": SHA}},
                        {"number": 7, "state": "open", "head": {"sha": SHA}},
                        {"number": 8, "state": "open", "head": {"sha": "0" * 40}}])
        self.comment("--sha", SHA)
        self.assertEqual(self.statuses()[0], ("GET", "pulls", 200))
        self.assertTrue(self.between.seen[2][1].startswith("/repos/octocat/Hello-World/issues/7/comments"))

    def test_refusals(self):
        self.serve([])
        path = "/repos/octocat/Hello-World/issues/7/comments"
        for status in (403, 404, 410, 422):
            self.between.wishes = {"POST " + path: status}
            run = self.comment("--pr", "7", status=4)
            self.assertIn("cannot comment on the pull request: HTTP %d" % status, run.stderr)
            self.assertEqual(self.statuses()[-1], ("POST", "comments", status))
        self.between.wishes = {"GET /user": 403}
        self.comment("--pr", "7")

    def test_the_description_does_refuse_what_is_wrong(self):
        """Or the tests above could not fail."""
        self.serve([])
        address = urllib.parse.urlsplit(self.url)
        for method, path, body, status in (
                ("POST", "/repos/o/r/issues/7/comments", {"text": "x"}, 422),
                ("POST", "/repos/o/r/issues/seven/comments", {"body": "x"}, 422),
                ("POST", "/repos/o/r/pulls/7/comment", {"body": "x"}, 404)):
            connection = http.client.HTTPConnection(address.hostname, address.port, timeout=DEADLINE_S)
            connection.request(method, self.prefix + path, json.dumps(body), {"Content-Type": "application/json"})
            self.assertEqual(connection.getresponse().status, status, path)
            connection.close()


class GitHubCom(Described, unittest.TestCase):
    description, prefix = "api.github.com.json", ""


class EnterpriseServer(Described, unittest.TestCase):
    description, prefix = "ghes-3.17.json", "/api/v3"


if __name__ == "__main__":
    unittest.main()
