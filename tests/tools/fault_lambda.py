#!/usr/bin/env python3
"""A Lambda endpoint that misbehaves on demand and keeps a ledger: the control plane and Invoke, on loopback.

In a test:

    with FaultLambda([{"call": "CreateFunction", "first": 2, "times": 1, "do": "drop", "when": "response"}]) as server:
        run("--endpoint-url", server.url)
        server.alive()            # names of the functions that are there now
        server.history            # [(seconds, "created" | "deleted", name)]
        server.invokes            # Counter of invocations by their amz-sdk-invocation-id
        server.requests           # [Request(seconds, call, name, status, fault)], in order of arrival

As a program, for anything else: `fault_lambda.py [--settings FILE] [--port N]` prints its address, and answers GET
/_fault/ledger with the ledger as JSON. FILE holds {"faults": [...], ...settings of FaultLambda...}.

A fault is a dict. Which requests it strikes:

    call     name of the operation, or a list of names, or "*" (the default)
    name     regular expression that the function's name must match
    first    the first matching request that is struck, from 1 (default 1)
    times    how many are struck from there on (default: all)
    share    each of them only with this probability (by the server's seed)

What happens, `do`:

    answer   not carried out; `status` (default 500), `type` (the exception), `message`, `headers`
    drop     the connection ends. `when` "request" (default): after `bytes` of the request have come, not carried out;
             "response": carried out, and the connection ends after `bytes` of the answer. `bytes` is a number or
             "random" (default 0). `reset`: with RST instead of FIN.
    late     the connection ends, and the call is carried out `ms` later
    slow     the answer comes `ms` later than it would
    never    carried out, and never answered
    garble   carried out; the answer's body is `body` instead, with a Content-Length that fits, and maybe another `status`
    repeat   for ListFunctions: the page begins with the last `count` (default 5) functions of the page before

The first fault that strikes wins; one without a match lets the next one have its turn. Every fault counts the matching
requests for itself. "answer" with `carried_out` true does the call first and then denies it.
"""

import argparse
import asyncio
import base64
import collections
import hashlib
import json
import random
import re
import socket
import struct
import threading
import time
import urllib.parse
import uuid

Request = collections.namedtuple("Request", "seconds call name status fault")

FUNCTIONS = "/2015-03-31/functions"
# method, pattern of the path, operation
ROUTES = [(method, re.compile(pattern + "$"), call) for method, pattern, call in (
    ("POST", FUNCTIONS, "CreateFunction"),
    ("GET", FUNCTIONS + "/?", "ListFunctions"),
    ("GET", FUNCTIONS + "/([^/]+)", "GetFunction"),
    ("DELETE", FUNCTIONS + "/([^/]+)", "DeleteFunction"),
    ("GET", FUNCTIONS + "/([^/]+)/configuration", "GetFunctionConfiguration"),
    ("PUT", FUNCTIONS + "/([^/]+)/configuration", "UpdateFunctionConfiguration"),
    ("POST", FUNCTIONS + "/([^/]+)/invocations", "Invoke"),
    ("GET", "/2017-03-31/tags/(.+)", "ListTags"),
    ("GET", "/_fault/ledger", "Ledger"),
)]
REASONS = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
           409: "Conflict", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
           503: "Service Unavailable", 504: "Gateway Timeout"}
UNTHROTTLED = ("Invoke", "GetFunction", "Ledger")  # GetFunction has a far larger quota of its own


class Refusal(Exception):
    def __init__(self, status, kind, message):
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


class Function:
    def __init__(self, name, arn, tags, settings, sha256, active_at):
        self.name, self.arn, self.tags, self.settings, self.sha256 = name, arn, tags, settings, sha256
        self.active_at = active_at
        self.idle = 0  # environments that wait for a call; they all end with the next change of the configuration
        self.generation = 0

    def configuration(self, now):
        pending = now < self.active_at
        return {"FunctionName": self.name, "FunctionArn": self.arn, "Runtime": "python3.12", "Version": "$LATEST",
                "MemorySize": self.settings.get("MemorySize", 128), "Timeout": self.settings.get("Timeout", 3),
                "CodeSha256": self.sha256, "State": "Pending" if pending else "Active",
                "LastUpdateStatus": "Successful"}


class Fault:
    def __init__(self, row, rng):
        self.row, self.rng = row, rng
        calls = row.get("call", "*")
        self.calls = None if calls == "*" else {calls} if isinstance(calls, str) else set(calls)
        self.name = re.compile(row.get("name", ""))
        self.first = row.get("first", 1)
        self.last = self.first + row["times"] - 1 if "times" in row else float("inf")
        self.seen = self.struck = 0

    def strikes(self, call, name):
        if (self.calls is not None and call not in self.calls) or not self.name.search(name or ""):
            return False
        self.seen += 1
        if not self.first <= self.seen <= self.last or self.rng.random() >= self.row.get("share", 1):
            return False
        self.struck += 1
        return True


class FaultLambda:
    """Settings: `pending_ms`, for how long a new function is Pending, and can neither be invoked nor deleted;
    `gone_ms`, for how long a deleted one can still be seen; `page_size` of ListFunctions; `rate`, control-plane calls
    per second, above which they are throttled; `call_ms`, how long an Invoke takes, and `cold_ms`, how much longer the
    first one in an environment, so that calls which are sent together do not share one."""

    def __init__(self, faults=(), seed=1, pending_ms=0, gone_ms=0, page_size=50, rate=None, call_ms=0, cold_ms=20,
                 port=0, region="us-east-1", account="123456789012"):
        self.rng = random.Random(seed)
        self.faults = [Fault(row, self.rng) for row in faults]
        self.pending_s, self.gone_s = pending_ms / 1000, gone_ms / 1000
        self.call_s, self.cold_s = call_ms / 1000, cold_ms / 1000
        self.page_size, self.rate, self.region, self.account, self.port = page_size, rate, region, account, port
        self.tokens, self.filled = rate or 0, time.monotonic()
        self.functions = {}
        self.going = {}  # name: when a deleted function can no longer be seen
        self.history, self.requests = [], []
        self.invokes = collections.Counter()
        self.start_s = time.monotonic()
        self.loop = self.thread = self.url = None
        self.connections = set()
        self.busy_s = 0  # of the Invoke that was carried out last

    # ---- life ----

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        ready = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait()
        return self

    def run(self, ready):
        self.loop = asyncio.new_event_loop()
        listening = self.loop.run_until_complete(
            self.loop.create_server(lambda: Connection(self), "127.0.0.1", self.port, backlog=512))
        self.url = "http://127.0.0.1:%d" % listening.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()
        listening.close()
        for connection in list(self.connections):
            connection.transport.abort()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def stop(self):
        if self.thread:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
            self.thread = None

    # ---- the ledger ----

    def seconds(self):
        return time.monotonic() - self.start_s

    def alive(self):
        return sorted(self.functions)

    def created(self):
        return [name for _, what, name in self.history if what == "created"]

    def calls(self, call):
        return [r for r in list(self.requests) if r.call == call]

    def duplicates(self):
        """Invocations that were carried out more than once, by their id."""
        return {marker: n for marker, n in self.invokes.items() if n > 1}

    def ledger(self):
        return {"alive": self.alive(), "history": self.history, "duplicates": self.duplicates(),
                "invokes": sum(self.invokes.values()), "requests": [r._asdict() for r in self.requests]}

    def add_function(self, name, tags=None, **settings):
        """A function that is there from the beginning."""
        self.functions[name] = Function(name, self.arn(name), tags or {}, settings, "", 0)

    def arn(self, name):
        return "arn:aws:lambda:%s:%s:function:%s" % (self.region, self.account, name)

    # ---- the operations: each returns (status, headers, body) ----

    def find(self, name):
        function = self.functions.get(name)
        if not function:
            raise Refusal(404, "ResourceNotFoundException", "Function not found: " + self.arn(name))
        return function

    def throttle(self, call):
        if not self.rate or call in UNTHROTTLED:
            return
        now = time.monotonic()
        self.tokens = min(self.rate, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            raise Refusal(429, "TooManyRequestsException", "Rate exceeded")
        self.tokens -= 1

    def carry_out(self, call, name, query, headers, body):
        try:
            self.throttle(call)
            if call is None:
                raise Refusal(404, "UnknownOperationException", "no such operation")
            return getattr(self, "do_" + re.sub(r"(?<!^)(?=[A-Z])", "_", call).lower())(name, query, headers, body)
        except Refusal as refusal:
            return refuse(refusal.status, refusal.kind, refusal.message)
        except (KeyError, ValueError) as error:
            return refuse(400, "InvalidParameterValueException", repr(error))

    def do_create_function(self, _name, _query, _headers, body):
        request = json.loads(body)
        name = request["FunctionName"]
        if name in self.functions:
            raise Refusal(409, "ResourceConflictException", "Function already exist: " + name)
        code = base64.b64decode(request["Code"].get("ZipFile", ""))
        sha256 = base64.b64encode(hashlib.sha256(code).digest()).decode()
        function = Function(name, self.arn(name), request.get("Tags", {}), request, sha256,
                            time.monotonic() + self.pending_s)
        self.functions[name] = function
        self.history.append((self.seconds(), "created", name))
        return answer(201, function.configuration(time.monotonic()))

    def do_list_functions(self, _name, query, _headers, _body):
        names = sorted(self.functions)
        start = int(query.get("Marker", ["0"])[0])
        page = {"Functions": [self.functions[n].configuration(0) for n in names[start:start + self.page_size]]}
        if start + self.page_size < len(names):
            page["NextMarker"] = str(start + self.page_size)
        return answer(200, page)

    def do_get_function(self, name, _query, _headers, _body):
        if self.going.get(name, 0) > time.monotonic():
            return answer(200, {"Configuration": {"FunctionName": name, "FunctionArn": self.arn(name)}})
        function = self.find(name)
        shown = {"Configuration": function.configuration(time.monotonic()), "Code": {}}
        if function.tags:
            shown["Tags"] = function.tags
        return answer(200, shown)

    def do_get_function_configuration(self, name, _query, _headers, _body):
        return answer(200, self.find(name).configuration(time.monotonic()))

    def do_list_tags(self, name, _query, _headers, _body):
        return answer(200, {"Tags": self.find(name.rpartition(":")[2]).tags})

    def do_update_function_configuration(self, name, _query, _headers, body):
        function = self.find(name)
        function.settings.update(json.loads(body))
        function.generation += 1
        function.idle = 0
        return answer(200, function.configuration(time.monotonic()))

    def do_delete_function(self, name, _query, _headers, _body):
        function = self.find(name)
        if time.monotonic() < function.active_at:
            raise Refusal(409, "ResourceConflictException",
                          "The operation cannot be performed at this time. The function is currently in the following "
                          "state: Pending")
        del self.functions[name]
        self.going[name] = time.monotonic() + self.gone_s
        self.history.append((self.seconds(), "deleted", name))
        return 204, {}, b""

    def do_invoke(self, name, _query, headers, body):
        function = self.find(name)
        if time.monotonic() < function.active_at:
            raise Refusal(409, "ResourceConflictException", "The function is currently Pending")
        self.invokes[headers.get("amz-sdk-invocation-id", "?")] += 1
        request_id = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        cold = function.idle == 0
        function.idle -= 0 if cold else 1
        generation = function.generation

        def give_back():
            if generation == function.generation:
                function.idle += 1
        self.busy_s = self.call_s + (self.cold_s if cold else 0)
        if self.busy_s:
            self.loop.call_later(self.busy_s, give_back)
        else:
            give_back()
        # As long as the call takes or shorter: a REPORT beyond what the client waited is not believed.
        duration = self.call_s * 1000 + 1 + self.rng.random() / 2
        init = 80 + self.rng.random() * 4 if cold else 0
        memory = function.settings.get("MemorySize", 128)
        log = ("START RequestId: {0} Version: $LATEST\nEND RequestId: {0}\nREPORT RequestId: {0}\tDuration: {1:.2f} ms\t"
               "Billed Duration: {2} ms\tMemory Size: {3} MB\tMax Memory Used: 40 MB\t{4}\n").format(
                   request_id, duration, int(duration + init) + 1, memory,
                   "Init Duration: %.2f ms\t" % init if cold else "")
        status, more, text = answer(200, {"ok": True, "bytes": len(body)})
        more.update({"x-amzn-RequestId": request_id, "X-Amz-Executed-Version": "$LATEST",
                     "X-Amz-Log-Result": base64.b64encode(log.encode()).decode()})
        return status, more, text

    def do_ledger(self, *_):
        return answer(200, self.ledger())


def answer(status, value):
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def refuse(status, kind, message, headers=None):
    status, more, body = answer(status, {"Type": "User", "Message": message})
    more.update({"x-amzn-ErrorType": kind, **(headers or {})})
    return status, more, body


class Connection(asyncio.Protocol):
    """One client's requests, one after the other. Faults strike here; the server only knows the ideal world."""

    def __init__(self, server):
        self.server, self.data, self.transport, self.busy = server, b"", None, False

    def connection_made(self, transport):
        self.transport = transport
        self.server.connections.add(self)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, _error):
        self.server.connections.discard(self)

    def data_received(self, data):
        self.data += data
        self.look()

    def look(self):
        """Takes the next request when it is there as a whole."""
        end = self.data.find(b"\r\n\r\n")
        if self.busy or end < 0:
            return
        lines = self.data[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        total = end + 4 + int(headers.get("content-length", 0))
        method, target, _ = lines[0].split(" ")
        path, _, query = target.partition("?")
        call, name = route(method, path)
        if not hasattr(self, "fault_chosen"):
            self.fault_chosen = self.choose(call, name)
        fault = self.fault_chosen
        if fault and fault.get("do") == "drop" and fault.get("when", "request") == "request" and \
                len(self.data) >= min(self.offset(fault, total), total):
            self.note(call, name, None, fault)
            self.drop(fault)
            return
        if len(self.data) < total:
            return
        body, self.data = self.data[end + 4:total], self.data[total:]
        del self.fault_chosen
        self.busy = True
        self.carry_out(call, name, urllib.parse.parse_qs(query), headers, body, fault or {})

    def choose(self, call, name):
        for fault in self.server.faults:
            if fault.strikes(call, name):
                return dict(fault.row)
        return None

    def offset(self, fault, total):
        """`bytes` of a fault, thrown once if it is random."""
        if fault.get("bytes") == "random":
            fault["bytes"] = self.server.rng.randrange(total)
        return fault.get("bytes", 0)

    def carry_out(self, call, name, query, headers, body, fault):
        what = fault.get("do")

        def do():
            return self.server.carry_out(call, name, query, headers, body)
        if what == "late":
            self.note(call, name, None, fault)
            self.server.loop.call_later(fault["ms"] / 1000, do)
            self.drop(fault)
            return
        if what == "answer":
            if fault.get("carried_out"):
                do()
            response = refuse(fault.get("status", 500), fault.get("type", "ServiceException"),
                              fault.get("message", "a fault was asked for"), fault.get("headers"))
        else:
            response = do()
        if what == "garble":
            response = fault.get("status", response[0]), response[1], fault.get("body", "").encode()
        if what == "repeat":
            response = self.repeat(query, response, fault.get("count", 5))
        self.note(call, name, response[0], fault)
        if what == "never":
            return
        wait = fault["ms"] / 1000 if what == "slow" else 0
        if call == "Invoke" and response[0] == 200:
            wait += self.server.busy_s
        if wait:
            self.server.loop.call_later(wait, self.reply, response, fault)
        else:
            self.reply(response, fault)

    def repeat(self, query, response, count):
        start = int(query.get("Marker", ["0"])[0])
        page = json.loads(response[2])
        names = sorted(self.server.functions)[max(0, start - count):start]
        page["Functions"] = [self.server.functions[n].configuration(0) for n in names] + page["Functions"]
        return answer(200, page)

    def reply(self, response, fault):
        status, headers, body = response
        lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, "?"))]
        headers = {"Content-Length": str(len(body)), "x-amzn-RequestId": str(uuid.uuid4()), **headers}
        if status == 204:
            del headers["Content-Length"]
        lines += ["%s: %s" % header for header in headers.items()]
        whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        if self.transport.is_closing():
            return
        if fault.get("do") == "drop":
            self.transport.write(whole[:self.offset(fault, len(whole))])
            self.drop(fault)
            return
        self.transport.write(whole)
        self.busy = False
        self.look()

    def drop(self, fault):
        if fault.get("reset"):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                                struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self.transport.close()

    def note(self, call, name, status, fault):
        self.server.requests.append(
            Request(self.server.seconds(), call, name, status, fault.get("do") if fault else None))


def route(method, path):
    for its, pattern, call in ROUTES:
        match = pattern.match(path) if its == method else None
        if match:
            return call, urllib.parse.unquote(match.group(1)) if match.groups() else None
    return None, None


def main():
    parser = argparse.ArgumentParser(description="A Lambda endpoint that misbehaves on demand.")
    parser.add_argument("--settings", help="JSON file: {\"faults\": [...], ...}")
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    settings = {}
    if args.settings:
        with open(args.settings, encoding="utf-8") as f:
            settings = json.load(f)
    with FaultLambda(port=args.port, **settings) as server:
        print(server.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
