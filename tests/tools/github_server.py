"""GitHub's REST API as far as the gate uses it, for tests: strict about what it is asked, and faulty when told to be.

    with GitHubServer() as github:
        github.add_pull(7, sha)
        github.faults.append(answer("POST", "/comments$", 502))
        ... GITHUB_API_URL=github.url GITHUB_TOKEN=BOT_TOKEN ...
        github.comments, github.requests

It holds comments, pull requests, labels, commit statuses and check runs. Requests without a User-Agent, with another API
version, without a known token or with a body that is no JSON are refused as GitHub refuses them; a token sees and does
what it has permissions for. A fault is looked at before a request is carried out, used once (or `times`), and may answer
in its place, change something first, or lose the answer behind it.
"""

import http.server
import json
import re
import socket
import threading
import time
import urllib.parse

BOT_TOKEN = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
USER_TOKEN = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
APP_TOKEN = "ghs_app45678901234567890123456789012345"
READ_TOKEN = "ghs_read5678901234567890123456789012345"
STRANGER_TOKEN = "ghp_stranger0123456789012345678901234567"
REPOSITORY = "octo-org/shop"
ALL = {"pull-requests", "statuses", "checks"}
BODY_MAX = 65536


class Identity:
    def __init__(self, login, installation, permissions, sees_private=True):
        self.login = login
        self.installation = installation
        self.permissions = permissions
        self.sees_private = sees_private

    def user(self):
        return {"login": self.login, "type": "Bot" if self.login.endswith("[bot]") else "User"}


class Fault:
    """Once (or `times`) for each request whose method and path fit: `act(handler)` returns whether it has answered."""

    def __init__(self, method, path, act, times=1):
        self.method, self.path, self.act, self.times = method, re.compile(path), act, times

    def fits(self, method, path):
        return self.times > 0 and self.method == method and self.path.search(path)


def answer(method, path, status, message="", headers=None, times=1, body=None):
    """Answers with an error instead of doing it."""
    def act(handler):
        handler.send_json(status, body if body is not None else {"message": message}, headers)
        return True
    return Fault(method, path, act, times)


def before(method, path, do):
    """Something happens just before the request is carried out."""
    def act(_handler):
        do()
        return False
    return Fault(method, path, act)


def lose_answer(method, path, times=1, status=None):
    """It is carried out, and the connection dies before the answer, or a gateway answers with this status."""
    def act(handler):
        handler.lost = status or True
        return False
    return Fault(method, path, act, times)


def drop(method, path, times=1):
    """It is not carried out, and the connection dies."""
    def act(handler):
        handler.cut()
        return True
    return Fault(method, path, act, times)


def slow(method, path, seconds):
    def act(_handler):
        time.sleep(seconds)
        return False
    return Fault(method, path, act)


def raw(method, path, data):
    """These bytes and nothing else."""
    def act(handler):
        handler.wfile.write(data)
        handler.cut()
        return True
    return Fault(method, path, act)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lost = False

    def log_message(self, *arguments):
        pass

    def cut(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def send_json(self, status, value, headers=None):
        self.server.github.requests[self.index]["status"] = status
        if self.lost is True:
            self.cut()
            return
        if self.lost:
            status, value = self.lost, {"message": "We couldn't respond to your request in time."}
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json; charset=utf-8", "X-GitHub-Media-Type": "github.v3",
                           **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, message, **more):
        self.send_json(status, {"message": message, "documentation_url": "https://docs.github.com/rest",
                                "status": str(status), **more})

    # ---- one request ----

    def handle_one(self):
        github = self.server.github
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length)
        with github.lock:
            self.index = len(github.requests)
            github.requests.append({"method": self.command, "path": self.path, "headers": dict(self.headers),
                                    "body": data, "status": None, "host": self.headers.get("Host")})
            fault = next((f for f in github.faults if f.fits(self.command, self.path)), None)
            if fault:
                fault.times -= 1
        self.lost = False
        if fault and fault.act(self):
            return
        with github.lock:
            self.carry_out(github, data)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_one

    def carry_out(self, github, data):
        if not self.headers.get("User-Agent"):
            return self.refuse(403, "Request forbidden by administrative rules.")
        if self.headers.get("X-GitHub-Api-Version") not in (None, "2022-11-28"):
            return self.refuse(410, "This API version is not supported.")
        if "application/vnd.github+json" not in self.headers.get("Accept", ""):
            return self.refuse(415, "Unsupported 'Accept' header")
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        identity = github.tokens.get(token) if scheme == "Bearer" else None
        if not identity:
            return self.refuse(401, "Bad credentials")
        value = None
        if self.command in ("POST", "PATCH", "PUT"):
            try:
                value = json.loads(data)
            except ValueError:
                return self.refuse(400, "Problems parsing JSON")
        url = urllib.parse.urlsplit(self.path)
        if not url.path.startswith(github.prefix):
            return self.refuse(404, "Not Found")
        return self.route(github, identity, url.path[len(github.prefix):], urllib.parse.parse_qs(url.query), value)

    def route(self, github, identity, path, query, value):
        for method, pattern, permission, function in ROUTES:
            found = re.fullmatch(pattern, path)
            if method != self.command or not found:
                continue
            groups = found.groupdict()
            if "repo" in groups and (groups["repo"] not in github.repositories or
                                     (github.private and not identity.sees_private)):
                return self.refuse(404, "Not Found")
            if permission and permission not in identity.permissions:
                kind = "integration" if identity.installation else "personal access token"
                return self.refuse(403, "Resource not accessible by " + kind)
            return function(self, github, identity, groups, query, value)
        return self.refuse(404, "Not Found")

    # ---- the calls ----

    def paged(self, github, items, query):
        size = min(int(query.get("per_page", ["30"])[0]), 100, github.page_size)
        page = int(query.get("page", ["1"])[0])
        last = max(1, -(-len(items) // size))
        headers = {}
        if page < last:
            query = urllib.parse.urlencode({"per_page": size, "page": page + 1})
            there = github.link_host + github.prefix + urllib.parse.urlsplit(self.path).path[len(github.prefix):]
            headers["Link"] = '<%s?%s>; rel="next", <%s?per_page=%d&page=%d>; rel="last"' % (
                there, query, there, size, last)
        self.send_json(200, items[(page - 1) * size:page * size], headers)

    def get_user(self, _github, identity, _groups, _query, _value):
        if identity.installation:
            return self.refuse(403, "Resource not accessible by integration")
        return self.send_json(200, identity.user())

    def list_comments(self, github, _identity, groups, query, _value):
        if int(groups["number"]) not in github.pulls:
            return self.refuse(404, "Not Found")
        items = [c for c in github.comments if c["issue"] == int(groups["number"])]
        return self.paged(github, [github.public(c) for c in items], query)

    def check_body(self, value):
        body = value.get("body") if isinstance(value, dict) else None
        if not isinstance(body, str) or not body.strip():
            self.refuse(422, "Validation Failed", errors=[{"resource": "IssueComment", "code": "missing_field",
                                                           "field": "body"}])
        elif len(body) > BODY_MAX:
            self.refuse(422, "Validation Failed", errors=[{"resource": "IssueComment", "code": "custom", "field": "body",
                                                           "message": "body is too long (maximum is 65536 characters)"}])
        else:
            return body
        return None

    def create_comment(self, github, identity, groups, _query, value):
        number = int(groups["number"])
        if number not in github.pulls:
            return self.refuse(404, "Not Found")
        if github.pulls[number].get("locked"):
            return self.refuse(403, "Unable to create comment because issue is locked.")
        if github.pulls[number].get("gone"):
            return self.refuse(410, "This issue was deleted")
        body = self.check_body(value)
        if body is None:
            return None
        comment = github.add_comment(number, identity.login, body)
        return self.send_json(201, github.public(comment))

    def update_comment(self, github, identity, groups, _query, value):
        comment = github.comment(int(groups["id"]))
        if not comment:
            return self.refuse(404, "Not Found")
        if comment["login"] != identity.login:
            return self.refuse(403, "Must have admin rights to Repository.")
        body = self.check_body(value)
        if body is None:
            return None
        comment["body"] = body
        comment["edits"] += 1
        return self.send_json(200, github.public(comment))

    def delete_comment(self, github, identity, groups, _query, _value):
        comment = github.comment(int(groups["id"]))
        if not comment:
            return self.refuse(404, "Not Found")
        if comment["login"] != identity.login:
            return self.refuse(403, "Must have admin rights to Repository.")
        github.comments.remove(comment)
        return self.send_json(204, None)

    def get_pull(self, github, _identity, groups, _query, _value):
        pull = github.pulls.get(int(groups["number"]))
        return self.send_json(200, pull) if pull else self.refuse(404, "Not Found")

    def list_labels(self, github, _identity, groups, query, _value):
        pull = github.pulls.get(int(groups["number"]))
        return self.paged(github, pull["labels"], query) if pull else self.refuse(404, "Not Found")

    def pulls_of_commit(self, github, _identity, groups, query, _value):
        pulls = [p for p in github.pulls.values() if groups["sha"] in [p["head"]["sha"], *p["commits"]]]
        return self.paged(github, pulls, query)

    def create_status(self, github, _identity, groups, _query, value):
        if value.get("state") not in ("error", "failure", "pending", "success") or \
                len(value.get("description") or "") > 140:
            return self.refuse(422, "Validation Failed")
        github.statuses.append({"sha": groups["sha"], **value})
        return self.send_json(201, {"id": len(github.statuses), **value})


REPO = r"/repos/(?P<repo>[^/]+/[^/]+)"
ROUTES = [
    ("GET", r"/user", None, Handler.get_user),
    ("GET", REPO + r"/issues/(?P<number>\d+)/comments", None, Handler.list_comments),
    ("POST", REPO + r"/issues/(?P<number>\d+)/comments", "pull-requests", Handler.create_comment),
    ("PATCH", REPO + r"/issues/comments/(?P<id>\d+)", "pull-requests", Handler.update_comment),
    ("DELETE", REPO + r"/issues/comments/(?P<id>\d+)", "pull-requests", Handler.delete_comment),
    ("GET", REPO + r"/issues/(?P<number>\d+)/labels", None, Handler.list_labels),
    ("GET", REPO + r"/pulls/(?P<number>\d+)", None, Handler.get_pull),
    ("GET", REPO + r"/commits/(?P<sha>[0-9a-f]+)/pulls", None, Handler.pulls_of_commit),
    ("POST", REPO + r"/statuses/(?P<sha>[0-9a-f]{40})", "statuses", Handler.create_status),
]


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class GitHubServer:
    def __init__(self, prefix=""):
        self.lock = threading.RLock()
        self.prefix = prefix  # "/api/v3" on a GitHub Enterprise Server
        self.tokens = {
            BOT_TOKEN: Identity("github-actions[bot]", True, ALL),
            USER_TOKEN: Identity("octocat", False, ALL),
            APP_TOKEN: Identity("shop-ci[bot]", True, ALL),
            READ_TOKEN: Identity("github-actions[bot]", True, set()),
            STRANGER_TOKEN: Identity("mallory", False, {"pull-requests"}, sees_private=False),
        }
        self.repositories = {REPOSITORY}
        self.private = False
        self.pulls, self.comments, self.statuses = {}, [], []
        self.faults, self.requests = [], []
        self.page_size = 100
        self.next_id = 1000
        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.listener.github = self
        self.host = "http://127.0.0.1:%d" % self.listener.server_address[1]
        self.link_host = self.host
        self.url = self.host + prefix
        self.thread = threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        self.listener.shutdown()
        self.thread.join()
        self.listener.server_close()

    def add_pull(self, number, sha, state="open", **more):
        self.pulls[number] = {"number": number, "state": state, "head": {"sha": sha}, "labels": [], "commits": [],
                              "html_url": self.host + "/%s/pull/%d" % (REPOSITORY, number), **more}

    def add_comment(self, number, login, body):
        self.next_id += 1
        comment = {"id": self.next_id, "issue": number, "login": login, "body": body, "edits": 0}
        self.comments.append(comment)
        return comment

    def comment(self, number):
        return next((c for c in self.comments if c["id"] == number), None)

    def public(self, comment):
        return {"id": comment["id"], "body": comment["body"], "user": {"login": comment["login"]},
                "html_url": "%s/%s/pull/%d#issuecomment-%d" % (self.host, REPOSITORY, comment["issue"], comment["id"])}

    def calls(self):
        """What was asked, shortened: ["GET comments", "POST comments", ...]"""
        short = []
        for request in self.requests:
            path = urllib.parse.urlsplit(request["path"]).path
            short.append(request["method"] + " " + re.sub(r"/\d+$", "", path).rsplit("/", 1)[-1])
        return short
