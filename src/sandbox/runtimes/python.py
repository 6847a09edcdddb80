"""The runtime loop for Python functions, used where the official client is not installed.

Start it as `python3 python.py` with the environment of a Lambda runtime: _HANDLER,
LAMBDA_TASK_ROOT and AWS_LAMBDA_RUNTIME_API, and the AWS_LAMBDA_* names that the context object
shows. It imports the handler, then answers invocations until the Runtime API closes the connection.
Errors, log lines and the context object are those of awslambdaric, with two limits: no SnapStart
hooks, no X-Ray error cause.

All that happens before the first /invocation/next is Init Duration, so this file imports next to
nothing: `socket`, `http.client`, `logging` and `traceback` each cost milliseconds. `json` comes
first because the first event needs it, and parsing that event is already billed as Duration.

Works with Python 3.8 and later.
"""

import json
import os
import sys
import time

import _socket

API = "/2018-06-01/runtime/"
JSON_TYPE = "application/json"
HEAD_MAX = 1 << 20  # the client context travels in a header
JOIN_MAX = 1 << 16  # above this, copying the body costs more than a second send
NO_BREAK_SPACE = "\u00a0"  # Lambda indents traceback lines with it


class ApiClosed(Exception):
    """The Runtime API went away: the execution environment is over."""


class Fault(Exception):
    """An error of the runtime itself, named as Lambda names it."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = "Runtime." + kind
        self.message = message
        self.trace = trace or []


# ---------------------------------------------------------------------------------------------
# Runtime API


class Api:
    """One keep-alive HTTP/1.1 connection. Nothing is ever sent twice."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.address = (host.strip("[]"), int(port))
        self.host = address
        self.sock = None

    def next(self):
        """Waits for an invocation; returns its headers (lower-case names) and its body."""
        status, headers, body = self._call("GET", "invocation/next")
        if status != 200:
            raise ApiClosed("next answered %d" % status)
        return headers, body

    def respond(self, request_id, body, content_type):
        status = self._call("POST", "invocation/%s/response" % request_id, body,
                            {"Content-Type": content_type})[0]
        if status >= 300:
            write_log("LAMBDA_RUNTIME Failed to post handler success response. "
                      "Http response code: %d.\n" % status)

    def fail(self, request_id, error):
        self._post_error("invocation/%s/error" % request_id, error)

    def fail_init(self, error):
        self._post_error("init/error", error)

    def _post_error(self, path, error):
        kind = "".join(c if " " <= c <= "~" else "?" for c in error["errorType"])
        body = json.dumps(error, ensure_ascii=False).encode("utf-8", "replace")
        self._call("POST", path, body,
                   {"Content-Type": JSON_TYPE, "Lambda-Runtime-Function-Error-Type": kind})

    def _call(self, method, path, body=b"", headers=None):
        lines = ["%s %s%s HTTP/1.1" % (method, API, path), "Host: " + self.host]
        if method == "POST":
            lines.append("Content-Length: %d" % len(body))
        for name, value in (headers or {}).items():
            lines.append(name + ": " + value)
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        try:
            self._send(head, body)
            return self._receive()
        except OSError as e:
            raise ApiClosed(str(e))

    def _send(self, head, body):
        if self.sock is None:
            family = _socket.AF_INET6 if ":" in self.address[0] else _socket.AF_INET
            self.sock = _socket.socket(family, _socket.SOCK_STREAM)
            self.sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            self.sock.connect(self.address)
        if len(body) <= JOIN_MAX:
            self.sock.sendall(head + body)
        else:
            self.sock.sendall(head)
            self.sock.sendall(body)

    def _receive(self):
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.sock.recv(JOIN_MAX)
            if not part or len(data) > HEAD_MAX:
                raise ApiClosed("no reply")
            data += part
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "replace").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = self._receive_body(rest, int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.sock.close()
            self.sock = None
        return int(lines[0].split(None, 2)[1]), headers, body

    def _receive_body(self, start, length):
        if len(start) >= length:
            return start[:length]
        body = bytearray(length)
        body[:len(start)] = start
        view = memoryview(body)
        have = len(start)
        while have < length:
            count = self.sock.recv_into(view[have:])
            if not count:
                raise ApiClosed("truncated reply")
            have += count
        return bytes(body)


# ---------------------------------------------------------------------------------------------
# JSON


def ascii_only():
    """Lambda escapes non-ASCII text in responses up to Python 3.11, and no longer from 3.12 on."""
    _, found, version = os.environ.get("AWS_EXECUTION_ENV", "").partition("python3.")
    if found and version.isdigit():
        return int(version) < 12
    return sys.version_info < (3, 12)


def encode_json(value):
    """JSON bytes of `value`; a decimal.Decimal becomes a number with all of its digits."""
    mark = None

    def default(obj):
        nonlocal mark
        decimal = sys.modules.get("decimal")
        if decimal is None or not isinstance(obj, decimal.Decimal):
            raise TypeError("Object of type %s is not JSON serializable" % type(obj).__name__)
        if obj.is_nan():
            return float("nan")
        # The encoder writes no raw numbers: write a string that nobody can guess, unquote it below.
        mark = mark or os.urandom(16).hex()
        return mark + str(obj)

    text = json.dumps(value, ensure_ascii=ascii_only(), default=default)
    if mark:
        import re
        text = re.sub('"%s([^"]*)"' % mark, r"\1", text)
    return text.encode("utf-8")


def decode_event(body, content_type):
    if content_type != JSON_TYPE:
        return body
    try:
        return json.loads(body)
    except Exception as e:
        raise Fault("UnmarshalError", "Unable to unmarshal input: %s" % e)


def encode_response(value):
    if isinstance(value, bytes):
        return value, "application/unknown"
    try:
        return encode_json(value), JSON_TYPE
    except Exception as e:
        raise Fault("MarshalError", "Unable to marshal response: %s" % e)


# ---------------------------------------------------------------------------------------------
# Context object


class Record:
    """A plain object with a fixed set of attributes, None where the source has no such key."""

    names = ()

    def __init__(self, source):
        for name in self.names:
            setattr(self, name, source.get(name))

    def __repr__(self):
        fields = ",".join("%s=%s" % item for item in vars(self).items() if item[0][0] != "_")
        return "%s([%s])" % (type(self).__name__, fields)


class Client(Record):
    names = ("installation_id", "app_title", "app_version_name", "app_version_code",
             "app_package_name")


class ClientContext(Record):
    names = ("custom", "env", "client")

    def __init__(self, source):
        super().__init__(source)
        if self.client is not None:
            self.client = Client(self.client)


class CognitoIdentity(Record):
    names = ("cognito_identity_id", "cognito_identity_pool_id")


class LambdaContext(Record):
    """What a handler gets as its second argument."""

    def __init__(self, headers):
        env = os.environ.get
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id")
        self.log_group_name = env("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = env("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = env("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = env("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        client = header_json(headers, "lambda-runtime-client-context", "Client Context")
        self.client_context = None if client is None else ClientContext(client)
        cognito = header_json(headers, "lambda-runtime-cognito-identity", "Cognito Identity") or {}
        self.identity = CognitoIdentity({
            "cognito_identity_id": cognito.get("cognitoIdentityId"),
            "cognito_identity_pool_id": cognito.get("cognitoIdentityPoolId"),
        })
        self._deadline_ms = int(headers.get("lambda-runtime-deadline-ms", 0))

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        write_log(str(message))


def header_json(headers, name, title):
    text = headers.get(name)
    if not text:
        return None
    try:
        return json.loads(text)
    except Exception as e:
        raise Fault("LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (title, e))


# ---------------------------------------------------------------------------------------------
# Output and logging


class Unbuffered:
    """Hands every write on at once, so that a function that is killed loses none of its log."""

    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        self.stream.write(text)
        self.stream.flush()

    def writelines(self, lines):
        self.stream.writelines(lines)
        self.stream.flush()


def write_log(text):
    """Writes to the log whatever the function did to sys.stdout, and whatever is in `text`."""
    flush_output()
    data = text.encode("utf-8", "backslashreplace")
    try:
        while data:
            data = data[os.write(1, data):]
    except OSError:
        pass  # the function closed its stdout; there is nowhere left to say so


def flush_output():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # replaced or closed by the function


def utc_time(seconds):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return "%s.%03dZ" % (whole, int(seconds * 1000) % 1000)


def json_logs():
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def log_error(error):
    if json_logs():
        stamp = {"timestamp": utc_time(time.time()), "level": "ERROR"}
        write_log(json.dumps({**stamp, **error}) + "\n")
        return
    parts = [error["errorType"], error["errorMessage"]]
    lines = ["[ERROR] " + ": ".join(part for part in parts if part),
             "Traceback (most recent call last):"]
    for entry in error["stackTrace"]:
        for line in entry.splitlines():
            text = line.lstrip(" ")
            lines.append(NO_BREAK_SPACE * (len(line) - len(text)) + text)
    write_log("\n".join(lines) + "\n")


class LoggingHook:
    """Sets the root logger up as Lambda does, when and if the function imports `logging`."""

    request_id = ""

    def install(self):
        if "logging" in sys.modules:
            self.set_up(sys.modules["logging"])
        else:
            sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                self.wrap(spec.loader)
                return spec
        return None

    def wrap(self, loader):
        execute = loader.exec_module

        def exec_module(module):
            execute(module)
            self.set_up(module)

        loader.exec_module = exec_module

    def set_up(self, logging):
        hook = self

        class LambdaHandler(logging.Handler):
            def emit(self, record):
                sys.stdout.write(self.format(record))

            def filter(self, record):
                record.aws_request_id = hook.request_id
                return super().filter(record)

        class JsonFormatter(logging.Formatter):
            def format(self, record):
                return format_json_record(record)

        text = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t"
                                 "%(message)s\n", "%Y-%m-%dT%H:%M:%S")
        logging.Formatter.converter = time.gmtime
        handler = LambdaHandler()
        handler.setFormatter(JsonFormatter() if json_logs() else text)
        root = logging.getLogger()
        root.addHandler(handler)
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
        level = "DEBUG" if level == "TRACE" else level
        if level in ("DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "FATAL"):
            root.setLevel(level)


STANDARD_FIELDS = frozenset((
    "name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno "
    "funcName created msecs relativeCreated thread threadName processName process taskName "
    "aws_request_id").split())


def format_json_record(record):
    line = {
        "timestamp": utc_time(record.created),
        "level": record.levelname,
        "message": record.getMessage(),
        "logger": record.name,
        "requestId": record.aws_request_id,
    }
    if record.exc_info:
        import traceback
        kind, value, trace = record.exc_info
        line["stackTrace"] = traceback.format_tb(trace)
        line["errorType"] = getattr(kind, "__name__", None)
        line["errorMessage"] = str(value)
        line["location"] = "%s:%s:%d" % (record.pathname, record.funcName, record.lineno)
    for name, value in vars(record).items():
        if name not in STANDARD_FIELDS:
            line.setdefault(name, value)
    line = {name: value for name, value in line.items() if value is not None}
    return json.dumps(line, ensure_ascii=False, default=str) + "\n"


# ---------------------------------------------------------------------------------------------
# The loop


def error_from(exception, request_id=""):
    """The error document of an exception. Frames of this file and of the importer are left out."""
    if isinstance(exception, Fault):
        kind, message, trace = exception.kind, exception.message, exception.trace
    else:
        import traceback
        frames = traceback.extract_tb(exception.__traceback__)
        own = error_from.__code__.co_filename
        while frames and (frames[0].filename == own or
                          frames[0].filename.startswith("<frozen importlib.")):
            del frames[0]
        kind, message = type(exception).__name__, str(exception)
        trace = traceback.format_list(frames)
    return {"errorMessage": message, "errorType": kind, "requestId": request_id,
            "stackTrace": trace}


def load_handler(name):
    """Imports the module of `name`, such as app.handler or pkg/sub.mod.handler."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Fault("MalformedHandlerName",
                    "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % name)
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("BuiltInModuleConflict",
                    "Cannot use built-in module %s as a handler module" % module_name)
    dotted = module_name.replace("/", ".")
    try:
        __import__(dotted)
        module = sys.modules[dotted]
    except ImportError as e:
        raise Fault("ImportModuleError", "Unable to import module '%s': %s" % (module_name, e))
    except SyntaxError as e:
        raise Fault("UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, e),
                    ['  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)])
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault("HandlerNotFound",
                    "Handler '%s' missing on module '%s'" % (function_name, module_name))


def initialize(api):
    root = os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()
    if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]
    sys.path.insert(0, root)
    try:
        return load_handler(os.environ.get("_HANDLER", ""))
    except Exception as e:
        error = error_from(e)
        log_error(error)
        api.fail_init(error)
        sys.exit(1)


def handle(api, handler, headers, body):
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    try:
        context = LambdaContext(headers)
        event = decode_event(body, headers.get("content-type", JSON_TYPE))
        response, content_type = encode_response(handler(event, context))
    except Exception as e:
        error = error_from(e, request_id)
        log_error(error)
        api.fail(request_id, error)
    else:
        flush_output()
        api.respond(request_id, response, content_type)


def set_trace_id(trace_id):
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


def main():
    sys.stdout = Unbuffered(sys.stdout)
    sys.stderr = Unbuffered(sys.stderr)
    logs = LoggingHook()
    logs.install()
    api = Api(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = initialize(api)
        while True:
            headers, body = api.next()
            logs.request_id = headers.get("lambda-runtime-aws-request-id", "")
            set_trace_id(headers.get("lambda-runtime-trace-id"))
            handle(api, handler, headers, body)
    except ApiClosed:
        flush_output()
        os._exit(0)  # at once: threads that the function left behind must not hold it back


if __name__ == "__main__":
    main()
