"""What end-to-end tests share: the tool's binary, a running `serve`, packages, what is left behind.

A server takes a free port of loopback and random keys, and ends with its test:

    serve = support.Serve()
    self.addCleanup(serve.stop)          # fails the test when the server ended badly or left a process
    client = serve.client()              # boto3, with the server's keys

boto3 is imported when it is first asked for, so that a test without it needs no such package.
"""

import base64
import http.client
import io
import json
import os
import re
import secrets
import signal
import subprocess
import tempfile
import time
import urllib.parse
import zipfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("LPG_BUILD", os.path.join(TOP, "build"))
BIN = os.path.abspath(os.environ.get("LPG_BIN", os.path.join(BUILD, "lambda-perf-gate")))
FIXTURES = os.path.join(TOP, "fixtures")
BOOTSTRAP = os.path.join(BUILD, "fixtures/bootstrap-c/bootstrap")
ROLE = "arn:aws:iam::000000000000:role/any"
REGION = "eu-west-1"
DEADLINE_S = 120  # for something that hangs; nothing is asserted about speed


# ---- packages ----

def zip_files(files, executable=()):
    """A package of {name: text or bytes}; names in `executable` get the mode of a program."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            z.writestr(entry, content)
    return out.getvalue()


def read_folder(folder):
    """{relative name: bytes} of a folder's files."""
    files = {}
    for path, _, names in os.walk(folder):
        for name in names:
            full = os.path.join(path, name)
            if not full.endswith(".pyc"):
                with open(full, "rb") as f:
                    files[os.path.relpath(full, folder)] = f.read()
    return files


def zip_program(path):
    """The package of a provided.* runtime whose bootstrap is the file at `path`."""
    with open(path, "rb") as f:
        return zip_files({"bootstrap": f.read()}, executable=("bootstrap",))


# ---- processes ----

def descendants(pid):
    """Living processes below `pid`. Empty where there is no /proc."""
    parents = {}
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry, encoding="utf-8", errors="replace") as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry)] = int(fields[1])
    found, todo = set(), [pid]
    while todo:
        parent = todo.pop()
        below = [p for p, its in parents.items() if its == parent]
        found.update(below)
        todo.extend(below)
    return found


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, what):
    """Polls until `condition()` is true and returns its value."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain for " + what)
        time.sleep(0.01)


# ---- the embedded Lambda ----

class Answer:
    """What one Invoke gave back."""

    def __init__(self, answer):
        self.raw = answer["Payload"].read()
        self.status = answer["StatusCode"]
        self.error = answer.get("FunctionError")
        self.version = answer.get("ExecutedVersion")
        self.log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
        self.request_id = answer["ResponseMetadata"]["RequestId"]

    @property
    def value(self):
        return json.loads(self.raw)

    @property
    def report(self):
        """The fields of the last REPORT line, as texts."""
        line = [text for text in self.log.split("\n") if text.startswith("REPORT ")][-1]
        return dict(field.split(": ", 1) for field in line[len("REPORT "):].split("\t") if ": " in field)

    def milliseconds(self, field):
        return float(re.match(r"[0-9.]+", self.report[field])[0])


class Serve:
    """`lambda-perf-gate serve` on a free port with keys of its own. `env` adds to its environment."""

    def __init__(self, *arguments, env=None):
        self.access_key = "AKID" + secrets.token_hex(8).upper()
        self.secret_key = secrets.token_urlsafe(30) + "/+="
        self.messages = tempfile.TemporaryFile("w+")
        keys = {"LPG_SERVE_ACCESS_KEY": self.access_key, "LPG_SERVE_SECRET_KEY": self.secret_key}
        self.process = subprocess.Popen([BIN, "serve", *arguments], env={**os.environ, **keys, **(env or {})},
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.messages,
                                        text=True)
        self.url = self.process.stdout.readline().strip()
        self.clients = []
        if not self.url:
            self.stop()
            raise AssertionError("serve said no address")

    def stop(self, how=signal.SIGTERM):
        """Ends the server. It must end as that signal asks, with every process that it started."""
        for client in self.clients:
            client.close()
        self.clients = []
        below = descendants(self.process.pid)
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            status = self.process.wait(timeout=DEADLINE_S)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.messages.seek(0)
            text = self.messages.read()
            self.messages.close()
        if status not in (0, 128 + how):
            raise AssertionError("serve ended with status %d\n%s" % (status, text))
        left = [pid for pid in below if alive(pid)]
        if left:
            raise AssertionError("serve left processes: %r" % left)

    def client(self, region=REGION, access_key=None, secret_key=None, **config):
        """A boto3 client that never retries, closed by stop()."""
        import boto3
        from botocore.config import Config
        settings = {"retries": {"total_max_attempts": 1}, "read_timeout": DEADLINE_S, "max_pool_connections": 32, **config}
        client = boto3.client("lambda", endpoint_url=self.url, region_name=region,
                              aws_access_key_id=access_key or self.access_key,
                              aws_secret_access_key=secret_key or self.secret_key, config=Config(**settings))
        self.clients.append(client)
        return client

    def environment(self):
        """What any AWS client reads from its environment to talk to this server."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
                "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.url,
                "AWS_ENDPOINT_URL_LAMBDA": self.url, "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

    def get(self, path):
        """The JSON of one of the server's own, unsigned pages."""
        address = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=DEADLINE_S)
        try:
            connection.request("GET", path)
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def runtime(self, name):
        """What runs the function: "built-in Python loop on CPython 3.11.2"."""
        return self.get("/_lpg/runtime?function=" + urllib.parse.quote(name))["label"]


def create(client, name, package, runtime="provided.al2023", handler="app.handler", **settings):
    """Creates a function and waits until it can be called. Capitalised settings as in CreateFunction."""
    more = {"Timeout": 30, "MemorySize": 1769, **settings}
    client.create_function(FunctionName=name, Role=ROLE, Runtime=runtime, Handler=handler, Code={"ZipFile": package},
                           **more)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})


def invoke(client, name, event=None, **settings):
    payload = json.dumps({} if event is None else event)
    return Answer(client.invoke(FunctionName=name, Payload=payload, LogType="Tail", **settings))
