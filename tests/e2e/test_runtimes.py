"""The runtime loops that ship with the tool, driven by the Runtime API of runtime_api.py.

Every test writes a function to a new folder and starts the loop on it as the tool does.
"""

import json
import os
import re
import subprocess
import tempfile
import textwrap
import unittest

from runtime_api import ARN, LOOPS, NODE, NODE_LOOP, PYTHON, PYTHON_LOOP, Invocation, Run

ISO_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class LoopTest(unittest.TestCase):
    """What the tests of both languages share."""

    argv = None
    extension = None  # of the file that holds the function when a test gives only its text

    def run_function(self, source, *invocations, handler="app.handler", **options):
        files = source if isinstance(source, dict) else {"app" + self.extension: source}
        return Run(self.argv, files, handler, [
            i if isinstance(i, Invocation) else Invocation(i) for i in invocations], **options)

    def only_post(self, run, path):
        self.assertEqual([post.path for post in run.posts], [path], run.log)
        return run.posts[0]

    def result(self, source, event=None, **options):
        """The value that the function returns for `event`; the loop must end well."""
        run = self.run_function(source, event, **options)
        post = self.only_post(run, "invocation/request-1/response")
        self.assertEqual(run.status, 0, run.log)
        return post.json()

    def error(self, source, event=None, status=0, **options):
        """The error document of the one invocation."""
        run = self.run_function(source, event, **options)
        post = self.only_post(run, "invocation/request-1/error")
        self.assertEqual(run.status, status, run.log)
        self.assertEqual(post.headers["Lambda-Runtime-Function-Error-Type"],
                         post.json()["errorType"])
        return post.json(), run

    def init_error(self, source, kind, status, **options):
        """The error document of an init that fails: no invocation may be asked for."""
        run = self.run_function(source, None, **options)
        post = self.only_post(run, "init/error")
        document = post.json()
        self.assertEqual(document["errorType"], kind)
        self.assertEqual(post.headers["Lambda-Runtime-Function-Error-Type"], kind)
        self.assertEqual(run.status, status, run.log)
        self.assertEqual(run.nexts, 0)
        return document, run


def textual(source):
    """`source` without the indentation of the test that holds it."""
    return textwrap.dedent(source).lstrip("\n").rstrip() + "\n"


class PythonLoop(LoopTest):
    argv = PYTHON_LOOP
    extension = ".py"

    # -- handlers --

    def test_answers_one_invocation_after_another_on_one_connection(self):
        run = self.run_function("def handler(event, context):\n    return event['n'] * 2\n",
                                {"n": 1}, {"n": 2}, {"n": 3})
        self.assertEqual([(p.path, p.json()) for p in run.posts],
                         [("invocation/request-%d/response" % n, n * 2) for n in (1, 2, 3)])
        self.assertEqual((run.status, run.nexts, run.connections), (0, 4, 1))

    def test_init_is_the_import_and_happens_once(self):
        run = self.run_function("print('import')\ndef handler(e, c):\n    print('call')\n", 1, 2)
        self.assertEqual(run.log, "import\ncall\ncall\n")

    def test_handler_in_a_folder(self):
        for handler in ("pkg/sub.mod.fn", "pkg.sub.mod.fn", "pkg/sub/mod.fn"):
            with self.subTest(handler):
                files = {"pkg/sub/mod.py": "def fn(event, context):\n    return __name__\n"}
                self.assertEqual(self.result(files, handler=handler), "pkg.sub.mod")

    def test_own_folder_is_not_importable_and_task_root_is_first(self):
        source = """
            import sys
            def handler(event, context):
                return sys.path
        """
        path = self.result(textual(source))
        self.assertNotIn(LOOPS, path)
        self.assertIn("lpg-runtime-", path[0])

    def test_function_may_use_names_of_the_loop(self):
        files = {"python.py": "VALUE = 5\n",
                 "app.py": "import python\ndef handler(e, c):\n    return python.VALUE\n"}
        self.assertEqual(self.result(files), 5)

    def test_compiled_loop(self):
        with tempfile.TemporaryDirectory() as folder:
            compiled = os.path.join(folder, "loop.pyc")
            program = "import py_compile, sys; py_compile.compile(sys.argv[1], cfile=sys.argv[2])"
            subprocess.run([PYTHON, "-c", program, PYTHON_LOOP[1], compiled], check=True)
            source = "import sys\ndef handler(e, c):\n    return sys.path if e else 1 / 0\n"
            run = Run([PYTHON, compiled], {"app.py": source}, "app.handler",
                      [Invocation(1), Invocation(0)])
        self.assertEqual(run.posts[0].json()[0], run.root)
        self.assertNotIn(folder, run.posts[0].json())
        self.assertEqual(len(run.posts[1].json()["stackTrace"]), 1)  # the loop's frames are cut off

    # -- init errors --

    def test_missing_module(self):
        document, run = self.init_error({"other.py": ""}, "Runtime.ImportModuleError", 1)
        self.assertEqual(document["errorMessage"],
                         "Unable to import module 'app': No module named 'app'")
        self.assertEqual(document["stackTrace"], [])
        self.assertIn("[ERROR] Runtime.ImportModuleError: Unable to import module 'app'", run.log)

    def test_missing_dependency(self):
        document, _ = self.init_error("import no_such_package\n", "Runtime.ImportModuleError", 1)
        self.assertEqual(document["errorMessage"],
                         "Unable to import module 'app': No module named 'no_such_package'")

    def test_syntax_error(self):
        document, _ = self.init_error("def handler(:\n", "Runtime.UserCodeSyntaxError", 1)
        self.assertIn("Syntax error in module 'app': ", document["errorMessage"])
        self.assertIn("app.py\" Line 1\n    def handler(:", document["stackTrace"][0])

    def test_missing_handler(self):
        document, _ = self.init_error("other = 1\n", "Runtime.HandlerNotFound", 1)
        self.assertEqual(document["errorMessage"], "Handler 'handler' missing on module 'app'")

    def test_malformed_handler_name(self):
        document, _ = self.init_error("", "Runtime.MalformedHandlerName", 1, handler="app")
        self.assertTrue(document["errorMessage"].startswith("Bad handler 'app': "))

    def test_module_that_hides_a_builtin_one(self):
        self.init_error({"sys.py": ""}, "Runtime.BuiltInModuleConflict", 1, handler="sys.handler")

    def test_exception_at_import(self):
        source = "def boom():\n    raise ValueError('no table')\nboom()\n"
        document, run = self.init_error(source, "ValueError", 1)
        self.assertEqual(document["errorMessage"], "no table")
        self.assertEqual(len(document["stackTrace"]), 2)  # the module and boom(), no frame of ours
        self.assertIn("app.py\", line 3", document["stackTrace"][0])
        self.assertIn("in boom", document["stackTrace"][1])
        self.assertIn("[ERROR] ValueError: no table\nTraceback (most recent call last):", run.log)

    def test_exit_at_import_posts_nothing(self):
        run = self.run_function("import sys\nsys.exit(3)\n", 1)
        self.assertEqual((run.posts, run.status), ([], 3))

    # -- invocation errors --

    def test_exception_in_the_handler(self):
        source = "def inner():\n    raise KeyError('id')\ndef handler(e, c):\n    inner()\n"
        document, run = self.error(source)
        self.assertEqual(document["errorType"], "KeyError")
        self.assertEqual(document["errorMessage"], "'id'")
        self.assertEqual(document["requestId"], "request-1")
        self.assertEqual(len(document["stackTrace"]), 2)
        self.assertIn("in handler", document["stackTrace"][0])
        self.assertRegex(run.log, r"\[ERROR\] KeyError: 'id'\n"
                                  r"Traceback \(most recent call last\):\n"
                                  "\u00a0\u00a0File \".*app.py\", line 4, in handler\n")

    def test_works_on_after_an_error(self):
        run = self.run_function("def handler(e, c):\n    return 1 / e\n", 0, 1)
        self.assertEqual([p.path for p in run.posts],
                         ["invocation/request-1/error", "invocation/request-2/response"])

    def test_exit_in_the_handler_ends_the_process_unreported(self):
        run = self.run_function("import sys\ndef handler(e, c):\n    sys.exit(5)\n", 1)
        self.assertEqual((run.posts, run.status), ([], 5))

    def test_response_that_is_no_json(self):
        document, _ = self.error("def handler(e, c):\n    return {1, 2}\n")
        self.assertEqual(document["errorType"], "Runtime.MarshalError")
        self.assertEqual(document["errorMessage"],
                         "Unable to marshal response: Object of type set is not JSON serializable")

    def test_event_that_is_no_json(self):
        document, _ = self.error("def handler(e, c):\n    return 1\n", Invocation(body=b"{nope"))
        self.assertEqual(document["errorType"], "Runtime.UnmarshalError")

    def test_exception_type_cannot_add_headers(self):
        source = "def handler(e, c):\n    raise type('A\\r\\nX-Injected: 1', (Exception,), {})()\n"
        post = self.only_post(self.run_function(source, 1), "invocation/request-1/error")
        self.assertEqual(post.headers["Lambda-Runtime-Function-Error-Type"], "A??X-Injected: 1")
        self.assertIsNone(post.headers["X-Injected"])

    def test_exception_type_and_message_of_any_script(self):
        source = """
            class Störung(Exception):
                pass
            def handler(event, context):
                raise Störung("ж\\ud800")
        """
        run = self.run_function(textual(source), 1)
        document = self.only_post(run, "invocation/request-1/error").json()
        self.assertEqual((document["errorType"], document["errorMessage"]), ("Störung", "ж?"))

    # -- values --

    def test_event_and_response_keep_their_values(self):
        event = {"text": "žluť 🐎", "n": [1, 2.5, None, True], "deep": {"a": {"b": []}}}
        self.assertEqual(self.result("def handler(e, c):\n    return e\n", event), event)

    def test_non_ascii_is_escaped_up_to_python_3_11(self):
        for runtime, body in (("python3.11", b'"\\u00e9"'), ("python3.12", '"é"'.encode()),
                              ("python3.8", b'"\\u00e9"'), ("python3.13", '"é"'.encode())):
            run = self.run_function("def handler(e, c):\n    return 'é'\n", 1,
                                    env={"AWS_EXECUTION_ENV": "AWS_Lambda_" + runtime})
            self.assertEqual(run.posts[0].body, body, runtime)

    def test_decimal_keeps_its_digits(self):
        source = """
            from decimal import Decimal
            def handler(event, context):
                return {"a": Decimal("0.10000000000000000000001"), "b": [Decimal(7)], "c": 'x"y'}
        """
        run = self.run_function(textual(source), 1)
        self.assertEqual(run.posts[0].body,
                         b'{"a": 0.10000000000000000000001, "b": [7], "c": "x\\"y"}')

    def test_none_and_bytes(self):
        run = self.run_function("def handler(e, c):\n    return b'raw' if e else None\n", 0, 1)
        self.assertEqual([p.body for p in run.posts], [b"null", b"raw"])
        self.assertEqual([p.headers["Content-Type"] for p in run.posts],
                         ["application/json", "application/unknown"])

    # -- context --

    def test_context(self):
        source = """
            import os
            def handler(event, context):
                c = context
                return [c.function_name, c.function_version, c.invoked_function_arn,
                        c.memory_limit_in_mb, c.aws_request_id, c.log_group_name,
                        c.log_stream_name, 0 < c.get_remaining_time_in_millis() <= 30000,
                        c.client_context.custom, c.client_context.client.app_title,
                        c.client_context.env, c.identity.cognito_identity_id,
                        c.identity.cognito_identity_pool_id, os.environ["_X_AMZN_TRACE_ID"],
                        type(c).__name__, "aws_request_id=request-1," in repr(c)]
        """
        headers = {
            "lambda-runtime-client-context": '{"custom":{"k":"v"},"client":{"app_title":"T"}}',
            "LAMBDA-RUNTIME-COGNITO-IDENTITY":
                '{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
            "Lambda-Runtime-Trace-Id": "Root=1-2-3",
        }
        self.assertEqual(self.result(textual(source), Invocation(1, headers=headers)), [
            "shop", "7", ARN, "512", "request-1",
            "/aws/lambda/shop", "2025/01/01/[7]abc", True, {"k": "v"}, "T", None, "i", "p",
            "Root=1-2-3", "LambdaContext", True])

    def test_context_without_the_optional_headers(self):
        source = """
            import os
            def handler(event, context):
                return [context.client_context, context.identity.cognito_identity_id,
                        os.environ.get("_X_AMZN_TRACE_ID")]
        """
        traced = Invocation(1, headers={"Lambda-Runtime-Trace-Id": "Root=1"})
        run = self.run_function(textual(source), traced, 2)
        self.assertEqual([p.json()[2] for p in run.posts], ["Root=1", None])
        self.assertEqual(run.posts[1].json()[:2], [None, None])

    def test_past_deadline_leaves_no_time(self):
        late = Invocation(1, headers={"Lambda-Runtime-Deadline-Ms": "1000"})
        self.assertEqual(self.result("def handler(e, c):\n"
                                     "    return c.get_remaining_time_in_millis()\n", late), 0)

    def test_unreadable_client_context(self):
        event = Invocation(1, headers={"Lambda-Runtime-Client-Context": "{"})
        document, _ = self.error("def handler(e, c):\n    return 1\n", event)
        self.assertEqual(document["errorType"], "Runtime.LambdaContextUnmarshalError")

    # -- logs --

    def test_logging_lines(self):
        source = """
            import logging
            logging.basicConfig(level=logging.DEBUG)  # no effect: the root logger has a handler
            logging.warning("at %s", "init")
            def handler(event, context):
                logging.getLogger().setLevel("INFO")
                logging.info("in %s", "call")
                logging.debug("never")
        """
        run = self.run_function(textual(source), 1)
        self.assertRegex(run.log, r"\A\[WARNING\]\t" + ISO_TIME + r"\t\tat init\n"
                                  r"\[INFO\]\t" + ISO_TIME + r"\trequest-1\tin call\n\Z")

    def test_json_log_lines(self):
        source = """
            import logging
            def handler(event, context):
                try:
                    1 / 0
                except ZeroDivisionError:
                    logging.exception("bad", extra={"order": 5})
                raise ValueError("x")
        """
        env = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
        run = self.run_function(textual(source), 1, env=env)
        record, error = [json.loads(line) for line in run.log.splitlines()]
        self.assertEqual((record["level"], record["message"], record["requestId"]),
                         ("ERROR", "bad", "request-1"))
        self.assertEqual((record["errorType"], record["order"]), ("ZeroDivisionError", 5))
        self.assertEqual((error["level"], error["errorType"], error["errorMessage"]),
                         ("ERROR", "ValueError", "x"))

    def test_log_level(self):
        source = """
            import logging
            def handler(event, context):
                logging.info("i")
                logging.debug("d")
        """
        run = self.run_function(textual(source), 1, env={"AWS_LAMBDA_LOG_LEVEL": "INFO"})
        self.assertEqual([line[-1] for line in run.log.splitlines()], ["i"])

    def test_loop_itself_imports_nothing_heavy(self):
        source = """
            import sys
            LOADED = [m for m in ("socket", "http", "logging", "traceback", "asyncio", "decimal")
                      if m in sys.modules and m not in BEFORE]
            def handler(event, context):
                return LOADED
        """
        probe = subprocess.run([PYTHON, "-c", "import sys; print(sorted(sys.modules))"], check=True,
                               stdout=subprocess.PIPE, universal_newlines=True).stdout
        self.assertEqual(self.result("BEFORE = " + probe + textual(source)), [])

    def test_output_is_out_before_the_response(self):
        source = """
            import sys
            def handler(event, context):
                print("line")
                sys.stdout.write("no newline")
                sys.stderr.write("E")
                sys.__stdout__.write("held back")
        """
        run = self.run_function(textual(source), 1)
        self.assertEqual(sorted(run.posts[0].log), sorted("line\nno newlineEheld back"))

    def test_output_of_a_killed_function_is_kept(self):
        source = """
            import os, signal
            def handler(event, context):
                print("half a line", end="")
                os.kill(os.getpid(), signal.SIGKILL)
        """
        run = self.run_function(textual(source), 1)
        self.assertEqual((run.log, run.posts, run.status), ("half a line", [], -9))

    def test_closed_stdout(self):
        source = "import os, sys\ndef handler(e, c):\n    sys.stdout.close()\n    return 1\n"
        self.assertEqual(self.result(source), 1)

    # -- transport --

    def test_six_megabytes_each_way(self):
        text = "x" * (6 * 1024 * 1024 - 2)
        self.assertEqual(self.result("def handler(e, c):\n    return e\n", text), text)

    def test_reply_in_small_parts(self):
        event = Invocation({"k": "é" * 50}, pieces=7)
        self.assertEqual(self.result("def handler(e, c):\n    return e\n", event), {"k": "é" * 50})

    def test_refused_response_is_logged_and_not_sent_again(self):
        run = self.run_function("def handler(e, c):\n    return e\n", 1, 2,
                                answers={"invocation/request-1/response": 413})
        self.assertEqual([p.path for p in run.posts],
                         ["invocation/request-1/response", "invocation/request-2/response"])
        self.assertIn("Http response code: 413.", run.log)
        self.assertEqual(run.status, 0)

    def test_reply_that_closes_the_connection(self):
        closing = Invocation(1, headers={"Connection": "close"})
        run = self.run_function("def handler(e, c):\n    return e\n", closing, 2)
        self.assertEqual([p.json() for p in run.posts], [1, 2])

    def test_left_behind_thread_does_not_hold_the_process(self):
        source = """
            import threading
            def handler(event, context):
                threading.Thread(target=threading.Event().wait).start()
        """
        self.assertIsNone(self.result(textual(source)))


@unittest.skipUnless(NODE, "no node on this machine")
class NodeLoop(LoopTest):
    argv = NODE_LOOP
    extension = ".js"
    UNCAUGHT = 129
    REJECTED = 128
    OLD = {"AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x"}
    NEW = {"AWS_EXECUTION_ENV": "AWS_Lambda_nodejs24.x"}

    def run_function(self, source, *invocations, **options):
        options["env"] = {**self.OLD, **options.get("env", {})}
        return super().run_function(source, *invocations, **options)

    # -- handlers --

    def test_answers_one_invocation_after_another_on_one_connection(self):
        run = self.run_function("exports.handler = async (e) => e.n * 2;\n",
                                {"n": 1}, {"n": 2}, {"n": 3})
        self.assertEqual([(p.path, p.json()) for p in run.posts],
                         [("invocation/request-%d/response" % n, n * 2) for n in (1, 2, 3)])
        self.assertEqual((run.status, run.nexts, run.connections), (0, 4, 1))

    def test_handler_names(self):
        cases = {
            "index.handler": {"index.js": "exports.handler = async () => 'ok';"},
            "index.api.handler": {"index.js": "exports.api = {handler: async () => 'ok'};"},
            "dir/file.handler": {"dir/file.js": "exports.handler = async () => 'ok';"},
            "a/b/c.handler": {"a/b/c.cjs": "exports.handler = async () => 'ok';"},
            "pkg.handler": {"node_modules/pkg/index.js": "exports.handler = async () => 'ok';"},
        }
        for handler, files in cases.items():
            with self.subTest(handler):
                self.assertEqual(self.result(files, handler=handler), "ok")

    def test_es_modules(self):
        body = "import fs from 'node:fs';\nconst t = await Promise.resolve(typeof fs.statSync);\n" \
               "export const handler = async () => [t, typeof require];\n"
        cases = {
            "mjs": {"app.mjs": body},
            "package type": {"app.js": body, "package.json": '{"type": "module"}'},
            "parent package": {"app/app.js": body, "package.json": '{"type": "module"}'},
        }
        for name, files in cases.items():
            with self.subTest(name):
                handler = "app/app.handler" if "app/app.js" in files else "app.handler"
                self.assertEqual(self.result(files, handler=handler), ["function", "undefined"])

    def test_js_without_package_type_is_commonjs_even_beside_mjs(self):
        files = {"app.js": "exports.handler = async () => 'cjs';",
                 "app.mjs": "export const handler = async () => 'esm';"}
        self.assertEqual(self.result(files), "cjs")

    def test_default_export_of_an_object(self):
        files = {"app.mjs": "export default { handler: async () => 4 };"}
        self.assertEqual(self.result(files, handler="app.default.handler"), 4)

    # -- init errors --

    def test_missing_module(self):
        document, run = self.init_error({"x.js": ""}, "Runtime.ImportModuleError", self.UNCAUGHT)
        self.assertIn("Cannot find module 'app'", document["errorMessage"])
        self.assertRegex(run.log, ISO_TIME + r"\tundefined\tERROR\tUncaught Exception \t"
                                             r"\{\"errorType\":\"Runtime.ImportModuleError\"")

    def test_missing_dependency(self):
        document, _ = self.init_error("require('no-such');", "Runtime.ImportModuleError",
                                      self.UNCAUGHT)
        self.assertIn("Error: Cannot find module 'no-such'", document["errorMessage"])

    def test_syntax_error(self):
        for name in ("app.js", "app.mjs"):
            document, _ = self.init_error({name: "exports.handler = ;"},
                                          "Runtime.UserCodeSyntaxError", self.UNCAUGHT)
            self.assertIn("SyntaxError: Unexpected token", document["errorMessage"])

    def test_missing_handler(self):
        document, _ = self.init_error("exports.other = 1;", "Runtime.HandlerNotFound",
                                      self.UNCAUGHT)
        self.assertEqual(document["errorMessage"], "app.handler is undefined or not exported")
        document, _ = self.init_error("exports.handler = 1;", "Runtime.HandlerNotFound",
                                      self.UNCAUGHT)
        self.assertEqual(document["errorMessage"], "app.handler is not a function")

    def test_malformed_handler_name(self):
        for handler in ("app", "../app.handler"):
            self.init_error("", "Runtime.MalformedHandlerName", self.UNCAUGHT, handler=handler)

    def test_exception_at_import(self):
        document, _ = self.init_error("throw new TypeError('no table');", "TypeError",
                                      self.UNCAUGHT)
        self.assertEqual(document["errorMessage"], "no table")
        self.assertEqual(document["trace"][0], "TypeError: no table")
        self.assertIn("app.js:1", document["trace"][1])

    def test_rejection_at_import(self):
        source = "Promise.reject(new Error('lost'));\nexports.handler = async () => 1;\n" \
                 "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);"
        run = self.run_function(source)
        document = self.only_post(run, "init/error").json()
        self.assertEqual(document["errorType"], "Runtime.UnhandledPromiseRejection")
        self.assertEqual(document["errorMessage"], "Error: lost")
        self.assertEqual((run.status, run.nexts), (self.REJECTED, 0))

    def test_import_that_never_ends_is_an_exit(self):
        run = self.run_function({"app.mjs": "await new Promise(() => {});"}, 1)
        self.assertEqual((run.posts, run.status), ([], 13))

    # -- results --

    def test_undefined_is_null(self):
        self.assertIsNone(self.result("exports.handler = async () => {};"))

    def test_callback(self):
        source = "exports.handler = (e, c, cb) => { cb(null, e + 1); };"
        self.assertEqual(self.result(source, 4), 5)

    def test_callback_waits_for_an_empty_event_loop(self):
        source = """
            exports.handler = (event, context, callback) => {
                context.callbackWaitsForEmptyEventLoop = event.wait;
                setTimeout(() => console.log('timer'), 100);
                callback(null, event.wait);
            };
        """
        run = self.run_function(textual(source), {"wait": True})
        self.assertIn("\ttimer\n", run.posts[0].log)
        run = self.run_function(textual(source), {"wait": False})
        self.assertNotIn("timer", run.posts[0].log)
        self.assertEqual(run.posts[0].json(), False)

    def test_callback_error(self):
        document, run = self.error("exports.handler = (e, c, cb) => cb(new RangeError('far'));")
        self.assertEqual((document["errorType"], document["errorMessage"]), ("RangeError", "far"))
        self.assertRegex(run.log, ISO_TIME + r"\trequest-1\tERROR\tInvoke Error \t"
                                             r"\{\"errorType\":\"RangeError\","
                                             r"\"errorMessage\":\"far\",\"stack\":\[")

    def test_only_the_first_outcome_counts(self):
        source = "exports.handler = (e, c, cb) => { c.succeed(1); cb(null, 2); c.fail('x'); };"
        self.assertEqual(self.result(source), 1)

    def test_context_done_succeed_fail(self):
        self.assertEqual(self.result("exports.handler = (e, c) => { c.done(null, 'd'); };"), "d")
        self.assertEqual(self.result("exports.handler = (e, c) => { c.succeed('s'); };"), "s")
        document, _ = self.error("exports.handler = (e, c) => { c.fail('why'); };")
        self.assertEqual(document, {"errorType": "string", "errorMessage": "why", "trace": []})
        document, _ = self.error("exports.handler = (e, c) => { c.fail(); };")
        self.assertEqual(document["errorMessage"], "handled")

    def test_handler_that_gives_no_result(self):
        self.assertIsNone(self.result("exports.handler = (e) => { setTimeout(() => {}, 10); };"))
        document, _ = self.error("exports.handler = async () => { await new Promise(() => {}); };")
        self.assertEqual(document["errorType"], "Runtime.NodeJsExit")

    def test_thenable(self):
        source = "exports.handler = () => ({ then(resolve) { setTimeout(() => resolve(3), 1); } });"
        self.assertEqual(self.result(source), 3)

    def test_value_of_a_plain_handler_counts_from_nodejs24(self):
        source = "exports.handler = () => 8;"
        self.assertIsNone(self.result(source))
        self.assertEqual(self.result(source, env=self.NEW), 8)

    def test_nodejs24_has_no_callbacks(self):
        self.init_error("exports.handler = (e, c, cb) => cb();",
                        "Runtime.CallbackHandlerDeprecated", self.UNCAUGHT, env=self.NEW)
        source = "const t = (f) => typeof f;\n" \
                 "exports.handler = async (e, c) => [c.done, c.succeed, c.fail].map(t);"
        self.assertEqual(self.result(source, env=self.NEW), ["undefined"] * 3)
        self.assertEqual(self.result(source), ["function"] * 3)

    # -- invocation errors --

    def test_rejection_and_exception(self):
        for source in ("exports.handler = async () => { throw new TypeError('bad'); };",
                       "exports.handler = () => { throw new TypeError('bad'); };",
                       "exports.handler = () => Promise.reject(new TypeError('bad'));"):
            document, _ = self.error(source)
            self.assertEqual((document["errorType"], document["errorMessage"]),
                             ("TypeError", "bad"))
            self.assertIn("app.js:1", document["trace"][1])

    def test_thrown_values_that_are_no_errors(self):
        cases = {"'text'": ("string", "text"), "42": ("number", "42"),
                 "{a: 1}": ("object", "[object Object]"), "null": ("string", "handled"),
                 "Object.create(null)": ("handled", "the error has no readable message"),
                 "{name: 'N', message: 'M', stack: 'S'}": ("N", "M")}
        for thrown, expected in cases.items():
            with self.subTest(thrown):
                document, _ = self.error("exports.handler = async () => { throw %s; };" % thrown)
                self.assertEqual((document["errorType"], document["errorMessage"]), expected)

    def test_works_on_after_an_error(self):
        run = self.run_function("exports.handler = async (e) => { if (e) throw e; };", 1, 0)
        self.assertEqual([p.path for p in run.posts],
                         ["invocation/request-1/error", "invocation/request-2/response"])

    def test_uncaught_exception_ends_the_process(self):
        source = """
            exports.handler = () => new Promise(() => {
                setTimeout(() => { throw new RangeError('late'); }, 1);
            });
        """
        document, run = self.error(textual(source), status=self.UNCAUGHT)
        self.assertEqual((document["errorType"], document["errorMessage"]), ("RangeError", "late"))
        self.assertIn("Uncaught Exception", run.log)

    def test_exception_while_a_callback_result_waits(self):
        source = """
            exports.handler = (event, context, callback) => {
                setTimeout(() => { throw new RangeError('late'); }, 1);
                callback(null, 1);
            };
        """
        document, _ = self.error(textual(source), status=self.UNCAUGHT)
        self.assertEqual(document["errorType"], "RangeError")

    def test_unhandled_rejection_ends_the_process(self):
        source = """
            exports.handler = () => new Promise(() => {
                Promise.reject(new Error('lost'));
                setTimeout(() => {}, 60000);
            });
        """
        document, run = self.error(textual(source), status=self.REJECTED)
        self.assertEqual(document["errorType"], "Runtime.UnhandledPromiseRejection")
        self.assertEqual(document["errorMessage"], "Error: lost")
        self.assertIn("Unhandled Promise Rejection", run.log)

    def test_unhandled_rejection_beside_a_result_keeps_the_result(self):
        source = "exports.handler = async () => { Promise.reject(new Error('lost')); return 1; };"
        run = self.run_function(source, 1, 2)
        self.assertEqual(self.only_post(run, "invocation/request-1/response").json(), 1)
        self.assertEqual(run.status, self.REJECTED)

    def test_exit_in_the_handler(self):
        run = self.run_function("exports.handler = async () => process.exit(5);", 1)
        self.assertEqual((run.posts, run.status), ([], 5))

    def test_response_that_is_no_json(self):
        for source in ("exports.handler = async () => ({ a: 1n });",
                       "exports.handler = (e, c, cb) => { const a = {}; a.a = a; cb(null, a); };"):
            document, _ = self.error(source)
            self.assertEqual(document["errorMessage"], "Unable to stringify response body")

    def test_event_that_is_no_json(self):
        document, _ = self.error("exports.handler = async () => 1;", Invocation(body=b"{nope"))
        self.assertEqual(document["errorType"], "SyntaxError")

    # -- context --

    def test_context(self):
        source = """
            exports.handler = async (event, c) => {
                const left = c.getRemainingTimeInMillis();
                return [c.functionName, c.functionVersion, c.invokedFunctionArn, c.memoryLimitInMB,
                        c.awsRequestId, c.logGroupName, c.logStreamName, left > 0 && left <= 30000,
                        c.clientContext, c.identity, process.env._X_AMZN_TRACE_ID,
                        c.callbackWaitsForEmptyEventLoop];
            };
        """
        headers = {"Lambda-Runtime-Client-Context": '{"Custom":{"k":"v"}}',
                   "lambda-runtime-cognito-identity": '{"cognitoIdentityId":"i"}',
                   "LAMBDA-RUNTIME-TRACE-ID": "Root=1-2-3"}
        expected = ["shop", "7", ARN, "512",
                    "request-1", "/aws/lambda/shop", "2025/01/01/[7]abc", True,
                    {"Custom": {"k": "v"}}, {"cognitoIdentityId": "i"}, "Root=1-2-3", True]
        for env in (self.OLD, self.NEW):
            event = Invocation(1, headers=headers)
            self.assertEqual(self.result(textual(source), event, env=env), expected)

    def test_trace_id_belongs_to_one_invocation(self):
        traced = Invocation(1, headers={"Lambda-Runtime-Trace-Id": "Root=1"})
        source = "exports.handler = async () => [process.env._X_AMZN_TRACE_ID];"
        run = self.run_function(source, traced, 2)
        self.assertEqual([p.json() for p in run.posts], [["Root=1"], [None]])

    # -- logs --

    def test_console_lines(self):
        source = """
            console.log('at init');
            exports.handler = async () => {
                console.log('a %s', 'b', {c: 1});
                console.info('i'); console.warn('w'); console.error('e'); console.debug('d');
                console.trace('t');
            };
        """
        run = self.run_function(textual(source), 1)
        lines = run.log.splitlines()
        self.assertTrue(all(re.match(ISO_TIME + "\t", line) for line in lines), run.log)
        self.assertEqual([line.split("\t")[1:] for line in lines], [
            ["undefined", "INFO", "at init"], ["request-1", "INFO", "a b { c: 1 }"],
            ["request-1", "INFO", "i"], ["request-1", "WARN", "w"], ["request-1", "ERROR", "e"],
            ["request-1", "DEBUG", "d"], ["request-1", "TRACE", "t"]])

    def test_json_log_lines_and_level(self):
        source = """
            exports.handler = async () => {
                console.info('never');
                console.warn('n is %d', 3);
                console.error(new TypeError('bad'));
            };
        """
        env = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}
        run = self.run_function(textual(source), 1, env=env)
        warning, error = [json.loads(line) for line in run.log.splitlines()]
        self.assertEqual((warning["level"], warning["requestId"], warning["message"]),
                         ("WARN", "request-1", "n is 3"))
        self.assertEqual((error["message"]["errorType"], error["message"]["errorMessage"]),
                         ("TypeError", "bad"))

    def test_output_is_out_before_the_response(self):
        source = """
            exports.handler = async () => {
                process.stdout.write('o'.repeat(300000));
                console.log('c'.repeat(300000));
                process.stderr.write('e'.repeat(300000));
            };
        """
        run = self.run_function(textual(source), 1)
        log = run.posts[0].log
        self.assertEqual([log.count(letter * 300000) for letter in "oce"], [1, 1, 1])

    # -- transport --

    def test_six_megabytes_each_way(self):
        text = "x" * (6 * 1024 * 1024 - 2)
        self.assertEqual(self.result("exports.handler = async (e) => e;", text), text)

    def test_reply_in_small_parts(self):
        event = Invocation({"k": "é" * 50}, pieces=7)
        self.assertEqual(self.result("exports.handler = async (e) => e;", event), {"k": "é" * 50})

    def test_refused_response_is_logged_and_not_sent_again(self):
        run = self.run_function("exports.handler = async (e) => e;", 1, 2,
                                answers={"invocation/request-1/response": 413})
        self.assertEqual([p.path for p in run.posts],
                         ["invocation/request-1/response", "invocation/request-2/response"])
        self.assertIn("Http response code: 413.", run.log)
        self.assertEqual(run.status, 0)

    def test_reply_that_closes_the_connection(self):
        closing = Invocation(1, headers={"Connection": "close"})
        run = self.run_function("exports.handler = async (e) => e;", closing, 2)
        self.assertEqual([p.json() for p in run.posts], [1, 2])

    def test_open_handles_do_not_hold_the_process(self):
        source = "setInterval(() => {}, 1000);\nexports.handler = async () => 1;"
        self.assertEqual(self.result(source), 1)


if __name__ == "__main__":
    unittest.main()
