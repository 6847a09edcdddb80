"""A small Runtime API for tests: serves invocations to one execution environment.

`Run` starts a process with the environment of a Lambda runtime, serves it a list of invocations and
keeps what it posted, what it logged and how it ended. After the last invocation the API closes the
connection, on which a runtime must end with status 0.

LPG_TEST_PYTHON and LPG_TEST_NODE choose other interpreters.
"""

import http.server
import json
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOOPS = os.path.join(TOP, "src", "sandbox", "runtimes")
FIXTURES = os.path.join(TOP, "fixtures")
PYTHON = os.environ.get("LPG_TEST_PYTHON", "/usr/bin/python3")
NODE = os.environ.get("LPG_TEST_NODE") or shutil.which("node") or shutil.which("nodejs")
PYTHON_LOOP = [PYTHON, os.path.join(LOOPS, "python.py")]
NODE_LOOP = [NODE, os.path.join(LOOPS, "node.mjs")]
API = "/2018-06-01/runtime/"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
DEADLINE_S = 60  # for a hung loop; nothing is asserted about speed


class Invocation:
    def __init__(self, event=None, body=None, headers=None, pieces=0):
        self.body = json.dumps(event).encode() if body is None else body
        self.headers = headers or {}
        self.pieces = pieces  # > 0: send the reply in parts of that many bytes


class Post:
    def __init__(self, path, headers, body, log):
        self.path = path
        self.headers = headers
        self.body = body
        self.log = log  # all that the function had logged when the post arrived

    def json(self):
        return json.loads(self.body)


class Reader:
    """The function's output, readable at any moment without losing what is in the pipe."""

    def __init__(self, fd):
        self.fd = fd
        self.data = b""
        self.lock = threading.Lock()
        self.ended = False
        os.set_blocking(fd, False)

    def drain(self):
        with self.lock:
            while not self.ended:
                try:
                    part = os.read(self.fd, 1 << 16)
                except BlockingIOError:
                    break
                self.ended = not part
                self.data += part
            return self.data

    def follow(self):
        while not self.ended:
            select.select([self.fd], [], [], 1)
            self.drain()


class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.server.connections += 1

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # the function's process ended with a reply unread

    def do_GET(self):
        assert self.path == API + "invocation/next", self.path
        self.server.nexts += 1
        if not self.server.invocations:
            self.close_connection = True
            return
        invocation = self.server.invocations.pop(0)
        number = self.server.count = self.server.count + 1
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": "request-%d" % number,
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 30000),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Content-Length": str(len(invocation.body)),
        }
        headers.update(invocation.headers)
        head = "HTTP/1.1 200 OK\r\n" + "".join("%s: %s\r\n" % h for h in headers.items()) + "\r\n"
        self.write(head.encode() + invocation.body, invocation.pieces)

    def write(self, data, pieces):
        step = pieces or len(data)
        for at in range(0, len(data), step):
            self.wfile.write(data[at:at + step])
            self.wfile.flush()
            if pieces:
                time.sleep(0.001)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.path[len(API):]
        log = self.server.reader.drain().decode("utf-8", "replace")
        self.server.posts.append(Post(path, self.headers, body, log))
        status = self.server.answers.get(path, 202)
        reply = b'{"status":"OK"}\n'
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)


def write_files(folder, files):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


class Run:
    """One execution environment: started, fed with `invocations`, ended.

    `function` is its folder, or a dict of file names and texts. `answers` gives the status for
    posts to a path below the API's root, such as "invocation/request-1/response"; others get 202.
    A process that runs longer than `deadline_s` is killed and raises subprocess.TimeoutExpired.
    """

    def __init__(self, argv, function, handler, invocations=(), env=None, answers=None,
                 deadline_s=DEADLINE_S):
        with tempfile.TemporaryDirectory(prefix="lpg-runtime-") as folder:
            if isinstance(function, dict):
                write_files(folder, function)
                self.root = folder
            else:
                self.root = function
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Connection)
            server.daemon_threads = True
            server.invocations = list(invocations)
            server.answers = answers or {}
            server.posts = []
            server.count = server.nexts = server.connections = 0
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
            try:
                self.execute(argv, self.environment(handler, server, env), server, deadline_s)
            finally:
                server.shutdown()
                server.server_close()
            self.posts = server.posts
            self.nexts = server.nexts
            self.connections = server.connections

    def environment(self, handler, server, extra):
        env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TZ": ":UTC",
            "_HANDLER": handler,
            "LAMBDA_TASK_ROOT": self.root,
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % server.server_address[1],
            "AWS_LAMBDA_FUNCTION_NAME": "shop",
            "AWS_LAMBDA_FUNCTION_VERSION": "7",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/shop",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2025/01/01/[7]abc",
        }
        env.update(extra or {})
        return env

    def execute(self, argv, env, server, deadline_s):
        read_end, write_end = os.pipe()
        server.reader = reader = Reader(read_end)  # before the process may post
        process = subprocess.Popen(argv, cwd=self.root, env=env, stdin=subprocess.DEVNULL,
                                   stdout=write_end, stderr=subprocess.STDOUT)
        os.close(write_end)
        follower = threading.Thread(target=reader.follow)
        follower.start()
        try:
            self.status = process.wait(deadline_s)
        finally:
            process.kill()
            process.wait()
            follower.join()
            os.close(read_end)
        self.log = reader.data.decode("utf-8", "replace")
