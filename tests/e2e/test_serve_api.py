"""The embedded Lambda driven by its real clients, boto3 and the AWS CLI, through a function's life."""

import base64
import datetime
import http.client
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import zipfile

try:
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config
    from botocore.credentials import Credentials
    from botocore.exceptions import ClientError
except ImportError:
    boto3 = None

import support

LPG_BIN = os.environ.get("LPG_BIN", "build/lambda-perf-gate")
ACCESS_KEY, SECRET_KEY, REGION = "AKIDEXAMPLE", "secret/with+signs", "eu-west-1"
ROLE = "arn:aws:iam::000000000000:role/any"
RUNTIME = "python%d.%d" % sys.version_info[:2]
ARN = "arn:aws:lambda:%s:000000000000:function:" % REGION

SOURCE = '''
import os, time

SEEN = []

def handler(event, context):
    print("said by", context.function_version)
    SEEN.append(context.aws_request_id)
    if event.get("fail"):
        raise ValueError("asked to fail")
    time.sleep(event.get("sleep", 0))
    return {"event": event, "text": "%(text)s", "version": context.function_version,
            "arn": context.invoked_function_arn, "colour": os.environ.get("COLOUR"),
            "client": getattr(context.client_context, "custom", None), "seen": SEEN}
'''


def package(text="one", name="app.py", mode=0o644):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (0o100000 | mode) << 16
        z.writestr(entry, SOURCE % {"text": text})
    return out.getvalue()


class Serve:
    """A `serve` process; its address is the first line that it prints."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([LPG_BIN, "serve", *arguments], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().strip()

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            status = self.process.wait(timeout=60)
        finally:
            self.process.kill()
            self.process.stdout.close()
        if status not in (0, 128 + how):  # a sanitizer's complaint, for one
            raise AssertionError("serve ended with %d" % status)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read()


@unittest.skipUnless(boto3, "needs boto3")
class ServeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.serve = Serve("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
        cls.addClassCleanup(cls.serve.stop)
        cls.client = cls.connect()

    @classmethod
    def connect(cls, region=REGION, access=ACCESS_KEY, secret=SECRET_KEY, **config):
        client = boto3.client("lambda", region_name=region, endpoint_url=cls.serve.url,
                              aws_access_key_id=access, aws_secret_access_key=secret,
                              config=Config(retries={"max_attempts": 0}, read_timeout=120,
                                            **config))
        cls.addClassCleanup(client.close)
        return client

    def make(self, name, client=None, **more):
        client = client or self.client
        settings = {"Runtime": RUNTIME, "Handler": "app.handler", "Role": ROLE, "Timeout": 900,
                    "Code": {"ZipFile": package()}, **more}
        answer = client.create_function(FunctionName=name, **settings)
        self.addCleanup(self.drop, client, name)
        return answer

    @staticmethod
    def drop(client, name):
        try:
            client.delete_function(FunctionName=name)
        except client.exceptions.ResourceNotFoundException:
            pass

    def call(self, name, event=None, **more):
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event or {}), **more)
        return answer, json.loads(answer["Payload"].read() or "null")

    def refused(self, code, status, function, **arguments):
        with self.assertRaises(ClientError) as caught:
            function(**arguments)
        error = caught.exception
        self.assertEqual(error.response["Error"]["Code"], code)
        self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        self.assertRegex(error.response["ResponseMetadata"]["RequestId"], r"^[0-9a-f-]{36}$")
        return error


class LifeOfAFunction(ServeTest):
    def test_create_wait_and_read_back(self):
        made = self.make("made", Environment={"Variables": {"COLOUR": "red"}}, MemorySize=256,
                         Tags={"team": "a"}, Description="words")
        self.assertEqual(made["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertEqual(made["FunctionArn"], ARN + "made")
        self.assertEqual((made["Version"], made["MemorySize"], made["Timeout"]),
                         ("$LATEST", 256, 900))
        self.assertEqual(made["CodeSize"], len(package()))
        self.assertRegex(made["LastModified"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$")
        for waiter in ("function_exists", "function_active", "function_active_v2",
                       "function_updated", "function_updated_v2"):
            self.client.get_waiter(waiter).wait(FunctionName="made")
        got = self.client.get_function(FunctionName="made")
        self.assertEqual(got["Tags"], {"team": "a"})
        self.assertNotIn("Concurrency", got)
        with urllib.request.urlopen(got["Code"]["Location"], timeout=60) as answer:
            self.assertEqual(answer.read(), package())
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.serve.get("/_lpg/code/" + "0" * 32)
        self.assertEqual(caught.exception.code, 404)
        caught.exception.close()
        for name in (ARN + "made", "000000000000:function:made", "made:$LATEST"):
            with self.subTest(name=name):
                answer = self.client.get_function_configuration(FunctionName=name)
                self.assertEqual(answer["FunctionName"], "made")
        self.assertEqual(answer["FunctionArn"], ARN + "made:$LATEST")

    def test_invoke_and_its_headers(self):
        self.make("called", Environment={"Variables": {"COLOUR": "blue"}})
        context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
        answer, value = self.call("called", {"a": 1}, LogType="Tail", ClientContext=context)
        self.assertEqual(value["event"], {"a": 1})
        self.assertEqual((value["colour"], value["client"], value["arn"]),
                         ("blue", {"k": "v"}, ARN + "called"))
        self.assertEqual((answer["StatusCode"], answer["ExecutedVersion"]), (200, "$LATEST"))
        self.assertNotIn("FunctionError", answer)
        request_id = answer["ResponseMetadata"]["RequestId"]
        log = base64.b64decode(answer["LogResult"]).decode()
        self.assertIn("REPORT RequestId: " + request_id, log)
        self.assertIn("said by $LATEST", log)
        self.assertIn("Init Duration", log)
        answer, _ = self.call("called", LogType="Tail")
        self.assertNotIn("Init Duration", base64.b64decode(answer["LogResult"]).decode())
        self.assertNotIn("LogResult", self.call("called")[0])
        answer = self.client.invoke(FunctionName="called")
        self.assertEqual(json.loads(answer["Payload"].read())["event"], {})

    def test_function_error_is_an_answer(self):
        self.make("raises")
        answer, value = self.call("raises", {"fail": True}, LogType="Tail")
        self.assertEqual((answer["StatusCode"], answer["FunctionError"]), (200, "Unhandled"))
        self.assertEqual(value["errorType"], "ValueError")
        self.assertEqual(value["errorMessage"], "asked to fail")

    def test_update_code_and_configuration(self):
        first = self.make("changed")
        self.assertEqual(self.call("changed")[1]["text"], "one")
        dry = self.client.update_function_code(FunctionName="changed", ZipFile=package("two"),
                                               DryRun=True)
        self.assertNotEqual(dry["CodeSha256"], first["CodeSha256"])
        self.assertEqual(self.call("changed")[1]["text"], "one")
        second = self.client.update_function_code(FunctionName="changed", ZipFile=package("two"))
        self.assertEqual(second["CodeSha256"], dry["CodeSha256"])
        self.assertNotEqual(second["RevisionId"], first["RevisionId"])
        answer, value = self.call("changed", LogType="Tail")
        self.assertEqual(value["text"], "two")
        self.assertIn("Init Duration", base64.b64decode(answer["LogResult"]).decode())
        self.client.update_function_configuration(
            FunctionName="changed", Environment={"Variables": {"COLOUR": "green", "OTHER": "x"}})
        self.assertEqual(self.call("changed")[1]["colour"], "green")
        third = self.client.update_function_configuration(
            FunctionName="changed", Environment={"Variables": {"OTHER": "y"}}, Timeout=7)
        self.assertEqual(third["Environment"]["Variables"], {"OTHER": "y"})
        self.assertEqual((third["Timeout"], third["MemorySize"]), (7, 128))
        self.assertIsNone(self.call("changed")[1]["colour"])
        self.refused("PreconditionFailedException", 412, self.client.update_function_configuration,
                     FunctionName="changed", Timeout=8, RevisionId=first["RevisionId"])
        self.client.update_function_configuration(FunctionName="changed", Timeout=8,
                                                  RevisionId=third["RevisionId"])

    def test_versions_and_aliases(self):
        made = self.make("released", Publish=True)
        self.assertEqual((made["Version"], made["FunctionArn"]), ("1", ARN + "released:1"))
        same = self.client.publish_version(FunctionName="released")
        self.assertEqual(same["Version"], "1")
        self.refused("InvalidParameterValueException", 400, self.client.publish_version,
                     FunctionName="released", CodeSha256="AAAA")
        second = self.client.update_function_code(FunctionName="released", ZipFile=package("two"),
                                                  Publish=True)
        self.assertEqual(second["Version"], "2")
        versions = self.client.list_versions_by_function(FunctionName="released")["Versions"]
        self.assertEqual([v["Version"] for v in versions], ["$LATEST", "1", "2"])
        alias = self.client.create_alias(FunctionName="released", Name="live",
                                         FunctionVersion="1")
        self.assertEqual(alias["AliasArn"], ARN + "released:live")
        answer, value = self.call("released", Qualifier="live")
        self.assertEqual((answer["ExecutedVersion"], value["text"], value["arn"]),
                         ("1", "one", ARN + "released:live"))
        moved = self.client.update_alias(FunctionName="released", Name="live", FunctionVersion="2")
        answer, value = self.call("released:live")
        self.assertEqual((answer["ExecutedVersion"], value["text"]), ("2", "two"))
        self.refused("PreconditionFailedException", 412, self.client.update_alias,
                     FunctionName="released", Name="live", FunctionVersion="1",
                     RevisionId=alias["RevisionId"])
        self.client.update_alias(FunctionName="released", Name="live", FunctionVersion="2",
                                 RevisionId=moved["RevisionId"],
                                 RoutingConfig={"AdditionalVersionWeights": {"1": 1.0}})
        self.assertEqual(self.call("released:live")[0]["ExecutedVersion"], "1")
        self.refused("ResourceConflictException", 409, self.client.delete_function,
                     FunctionName="released", Qualifier="1")
        self.refused("ResourceConflictException", 409, self.client.create_alias,
                     FunctionName="released", Name="live", FunctionVersion="1")
        self.refused("ResourceNotFoundException", 404, self.client.create_alias,
                     FunctionName="released", Name="other", FunctionVersion="9")
        self.assertEqual([a["Name"] for a in self.client.list_aliases(FunctionName="released")
                          ["Aliases"]], ["live"])
        self.assertEqual(self.client.get_alias(FunctionName="released", Name="live")
                         ["FunctionVersion"], "2")
        self.client.delete_alias(FunctionName="released", Name="live")
        self.refused("ResourceNotFoundException", 404, self.client.get_alias,
                     FunctionName="released", Name="live")
        self.client.delete_function(FunctionName="released", Qualifier="1")
        self.refused("ResourceNotFoundException", 404, self.client.invoke,
                     FunctionName="released", Qualifier="1")
        self.refused("InvalidParameterValueException", 400, self.client.delete_function,
                     FunctionName="released", Qualifier="$LATEST")

    def test_delete_and_make_again(self):
        self.make("phoenix")
        self.refused("ResourceConflictException", 409, self.client.create_function,
                     FunctionName="phoenix", Runtime=RUNTIME, Handler="app.handler", Role=ROLE,
                     Code={"ZipFile": package()})
        self.client.delete_function(FunctionName="phoenix")
        for operation in (self.client.get_function, self.client.invoke,
                          self.client.delete_function):
            self.refused("ResourceNotFoundException", 404, operation, FunctionName="phoenix")
        self.make("phoenix", Code={"ZipFile": package("again")})
        self.assertEqual(self.call("phoenix")[1]["text"], "again")

    def test_lists_are_paged(self):
        client = self.connect(region="ap-south-1")
        for i in range(5):
            self.make("page-%d" % i, client=client)
        pages = client.get_paginator("list_functions").paginate(
            PaginationConfig={"PageSize": 2})
        names = [[f["FunctionName"] for f in page["Functions"]] for page in pages]
        self.assertEqual(names, [["page-0", "page-1"], ["page-2", "page-3"], ["page-4"]])
        client.publish_version(FunctionName="page-3")
        everything = client.list_functions(FunctionVersion="ALL")["Functions"]
        self.assertEqual([f["FunctionArn"].split(":function:")[1] for f in everything],
                         ["page-0:$LATEST", "page-1:$LATEST", "page-2:$LATEST", "page-3:$LATEST",
                          "page-3:1", "page-4:$LATEST"])
        self.assertEqual(client.get_account_settings()["AccountUsage"]["FunctionCount"], 5)

    def test_regions_are_apart(self):
        other = self.connect(region="us-gov-west-1")
        made = self.make("regional", client=other)
        self.assertTrue(made["FunctionArn"].startswith("arn:aws-us-gov:lambda:us-gov-west-1:"))
        self.refused("ResourceNotFoundException", 404, self.client.get_function,
                     FunctionName="regional")
        self.refused("ResourceNotFoundException", 404, self.client.get_function,
                     FunctionName=made["FunctionArn"])

    def test_tags(self):
        arn = self.make("tagged", Tags={"a": "1"})["FunctionArn"]
        self.client.tag_resource(Resource=arn, Tags={"b": "2 & more", "a": "3"})
        self.assertEqual(self.client.list_tags(Resource=arn)["Tags"], {"a": "3", "b": "2 & more"})
        self.client.untag_resource(Resource=arn, TagKeys=["a", "b"])
        self.assertEqual(self.client.list_tags(Resource=arn)["Tags"], {})
        self.refused("InvalidParameterValueException", 400, self.client.tag_resource,
                     Resource=arn, Tags={"aws:x": "1"})
        self.refused("ResourceNotFoundException", 404, self.client.list_tags,
                     Resource=arn + "-not")


class Concurrency(ServeTest):
    def refused_until_free(self, name):
        """The refusal that an invocation gets once the queued event has taken the only slot."""
        while True:
            try:
                self.client.invoke(FunctionName=name, Payload="{}")
            except self.client.exceptions.TooManyRequestsException as error:
                self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], 429)
                return error

    def test_reserved_concurrency_throttles(self):
        self.make("narrow")
        answer = self.client.put_function_concurrency(FunctionName="narrow",
                                                      ReservedConcurrentExecutions=1)
        self.assertEqual(answer["ReservedConcurrentExecutions"], 1)
        # Ended with its function at the end of the test, long before it is done.
        self.call("narrow", {"sleep": 600}, InvocationType="Event")
        error = self.refused_until_free("narrow")
        self.assertEqual(error.response["Reason"],
                         "ReservedFunctionConcurrentInvocationLimitExceeded")
        self.client.delete_function_concurrency(FunctionName="narrow")
        self.assertEqual(self.call("narrow")[0]["StatusCode"], 200)
        self.client.put_function_concurrency(FunctionName="narrow",
                                             ReservedConcurrentExecutions=0)
        self.refused("TooManyRequestsException", 429, self.client.invoke, FunctionName="narrow")
        self.assertEqual(self.client.get_function(FunctionName="narrow")["Concurrency"],
                         {"ReservedConcurrentExecutions": 0})
        self.refused("InvalidParameterValueException", 400, self.client.put_function_concurrency,
                     FunctionName="narrow", ReservedConcurrentExecutions=901)
        self.client.delete_function_concurrency(FunctionName="narrow")
        self.assertNotIn("ReservedConcurrentExecutions",
                         self.client.get_function_concurrency(FunctionName="narrow"))

    def test_provisioned_concurrency(self):
        self.make("warm", Publish=True)
        self.refused("InvalidParameterValueException", 400,
                     self.client.put_provisioned_concurrency_config, FunctionName="warm",
                     Qualifier="$LATEST", ProvisionedConcurrentExecutions=1)
        self.refused("ProvisionedConcurrencyConfigNotFoundException", 404,
                     self.client.get_provisioned_concurrency_config, FunctionName="warm",
                     Qualifier="1")
        answer = self.client.put_provisioned_concurrency_config(
            FunctionName="warm", Qualifier="1", ProvisionedConcurrentExecutions=2)
        self.assertEqual(answer["RequestedProvisionedConcurrentExecutions"], 2)
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 202)
        listed = self.client.list_provisioned_concurrency_configs(FunctionName="warm")
        self.assertEqual(listed["ProvisionedConcurrencyConfigs"][0]["FunctionArn"],
                         ARN + "warm:1")
        self.assertEqual(self.call("warm:1")[1]["version"], "1")
        self.client.delete_provisioned_concurrency_config(FunctionName="warm", Qualifier="1")

    def test_event_and_dry_run(self):
        self.make("later")
        self.client.put_function_concurrency(FunctionName="later",
                                             ReservedConcurrentExecutions=1)
        answer, _ = self.call("later", InvocationType="Event")
        self.assertEqual(answer["StatusCode"], 202)
        dry, value = self.call("later", InvocationType="DryRun")
        self.assertEqual((dry["StatusCode"], value), (204, None))
        # The one environment remembers what it ran.
        event, seen = answer["ResponseMetadata"]["RequestId"], []
        while event not in seen:
            try:
                seen = self.call("later")[1]["seen"]
            except self.client.exceptions.TooManyRequestsException:
                pass  # the event has the only slot just now
        self.assertEqual(seen.count(event), 1)
        self.assertNotIn(dry["ResponseMetadata"]["RequestId"], seen)
        self.refused("RequestTooLargeException", 413, self.client.invoke, FunctionName="later",
                     InvocationType="Event", Payload=json.dumps("x" * (1 << 20)))
        self.refused("RequestTooLargeException", 413, self.client.invoke, FunctionName="later",
                     Payload=json.dumps("x" * (6 << 20)))

    def test_response_stream(self):
        if not hasattr(self.client, "invoke_with_response_stream"):
            self.skipTest("this boto3 has no InvokeWithResponseStream")
        self.make("stream")
        answer = self.client.invoke_with_response_stream(
            FunctionName="stream", Payload=b'{"n": 1}', LogType="Tail")
        events = list(answer["EventStream"])
        value = json.loads(events[0]["PayloadChunk"]["Payload"])
        self.assertEqual(value["event"], {"n": 1})
        log = base64.b64decode(events[1]["InvokeComplete"]["LogResult"]).decode()
        self.assertIn("REPORT RequestId: ", log)
        answer = self.client.invoke_with_response_stream(FunctionName="stream",
                                                         Payload=b'{"fail": true}')
        complete = list(answer["EventStream"])[-1]["InvokeComplete"]
        self.assertEqual(complete["ErrorCode"], "Unhandled")
        self.assertIn("asked to fail", complete["ErrorDetails"])


class Refusals(ServeTest):
    def create(self, **more):
        settings = {"FunctionName": "refused", "Runtime": RUNTIME, "Handler": "app.handler",
                    "Role": ROLE, "Code": {"ZipFile": package()}, **more}
        return self.client.create_function(**settings)

    def test_settings_beyond_the_limits(self):
        client = self.connect(parameter_validation=False)
        cases = [
            ("ValidationException", {"MemorySize": 127}),
            ("ValidationException", {"MemorySize": 10241}),
            ("ValidationException", {"Timeout": 0}),
            ("ValidationException", {"Timeout": 901}),
            ("ValidationException", {"FunctionName": "x" * 65}),
            ("ValidationException", {"FunctionName": "no blanks"}),
            ("ValidationException", {"Description": "x" * 257}),
            ("ValidationException", {"Handler": "x" * 129}),
            ("ValidationException", {"Role": "arn:aws:iam::1:role/x-and-some-more"}),
            ("ValidationException", {"EphemeralStorage": {"Size": 511}}),
            ("ValidationException", {"Architectures": ["sparc"]}),
            ("ValidationException", {"Environment": {"Variables": {"1X": "x"}}}),
            ("InvalidParameterValueException", {"Environment": {"Variables": {"AWS_REGION": "x"}}}),
            ("InvalidParameterValueException",
             {"Environment": {"Variables": {"LONG": "x" * 4096}}}),
            ("InvalidParameterValueException", {"Runtime": "cobol85"}),
            ("InvalidParameterValueException", {"Layers": [ARN.replace("function", "layer") + "x"]}),
            ("InvalidParameterValueException", {"SnapStart": {"ApplyOn": "PublishedVersions"}}),
            ("InvalidParameterValueException", {"PackageType": "Image", "Code": {"ImageUri": "x"}}),
            ("InvalidParameterValueException", {"Code": {"S3Bucket": "bucket", "S3Key": "key"}}),
            ("InvalidParameterValueException", {"Code": {"ZipFile": b"not a zip"}}),
            ("InvalidParameterValueException", {"Tags": {"k%d" % i: "v" for i in range(51)}}),
        ]
        settings = {"FunctionName": "refused", "Runtime": RUNTIME, "Handler": "app.handler",
                    "Role": ROLE, "Code": {"ZipFile": package()}}
        for code, change in cases:
            with self.subTest(change=str(change)[:60]):
                self.refused(code, 400, client.create_function, **{**settings, **change})
        self.refused("ResourceNotFoundException", 404, self.client.get_function,
                     FunctionName="refused")

    def test_package_that_leaves_its_folder(self):
        for name in ("../up.py", "/etc/up.py", "a/../../up.py", "a\\up.py"):
            with self.subTest(name=name):
                self.refused("InvalidParameterValueException", 400, self.create,
                             Code={"ZipFile": package(name=name)})

    def test_package_limit(self):
        self.refused("RequestTooLargeException", 413, self.create,
                     Code={"ZipFile": b"\0" * (50 * 1024 * 1024 + 1)})

    def test_strangers(self):
        wrong = self.connect(secret="not-the-secret")
        error = self.refused("InvalidSignatureException", 403, wrong.list_functions)
        self.assertIn("Canonical String", error.response["Error"]["Message"])
        self.refused("UnrecognizedClientException", 403,
                     self.connect(access="AKIDNOBODY").list_functions)

    def signed(self, when=None, body=b"", sent=None, service="lambda"):
        """One GET or POST signed by botocore, possibly at another time, then changed on the way."""
        method = "POST" if body else "GET"
        url = self.serve.url + "/2015-03-31/functions"
        request = AWSRequest(method=method, url=url, data=body)
        signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), service, REGION)
        if when is None:
            signer.add_auth(request)
        else:
            stamp = when.strftime("%Y%m%dT%H%M%SZ")
            request.context["timestamp"] = stamp
            request.headers["X-Amz-Date"] = stamp
            text = signer.string_to_sign(request, signer.canonical_request(request))
            signer._inject_signature_to_request(request, signer.signature(text, request))
        connection = http.client.HTTPConnection(self.serve.url[len("http://"):], timeout=60)
        self.addCleanup(connection.close)
        connection.request(method, "/2015-03-31/functions", sent or body or None,
                           dict(request.headers.items()))
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("x-amzn-ErrorType")

    def test_signatures(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        minutes = datetime.timedelta(minutes=1)
        self.assertEqual(self.signed(), (200, None))
        self.assertEqual(self.signed(when=now - 4 * minutes)[0], 200)
        for when in (now - 6 * minutes, now + 6 * minutes):
            self.assertEqual(self.signed(when=when), (403, "InvalidSignatureException"))
        self.assertEqual(self.signed(body=b'{"a":1}', sent=b'{"a":2}'),
                         (403, "InvalidSignatureException"))
        self.assertEqual(self.signed(service="s3"), (403, "InvalidSignatureException"))

    def test_unsigned(self):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.serve.get("/2015-03-31/functions")
        self.assertEqual((caught.exception.code, caught.exception.headers["x-amzn-ErrorType"]),
                         (403, "MissingAuthenticationTokenException"))
        caught.exception.close()


class Alone(unittest.TestCase):
    def post(self, url, body, headers=()):
        request = urllib.request.Request(url, body, dict(headers), method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.headers, answer.read()

    def test_no_verify_takes_anyone(self):
        serve = Serve("--no-verify")
        self.addCleanup(serve.stop)
        settings = {"FunctionName": "open", "Runtime": RUNTIME, "Handler": "app.handler",
                    "Role": ROLE, "Code": {"ZipFile": base64.b64encode(package()).decode()}}
        self.post(serve.url + "/2015-03-31/functions", json.dumps(settings).encode())
        _, body = self.post(serve.url + "/2015-03-31/functions/open/invocations", b'{"x": 1}')
        self.assertEqual(json.loads(body)["event"], {"x": 1})
        health = json.loads(serve.get("/_lpg/health"))
        self.assertEqual(health["status"], "ok")
        self.assertIn(health["shaping"]["mechanism"], ("cgroup v1", "cgroup v2", "none"))
        self.assertEqual(health["shaping"]["reason"] is None,
                         health["shaping"]["cpu"] and health["shaping"]["memory"])
        label = json.loads(serve.get("/_lpg/runtime?function=open"))
        self.assertEqual(label["runtime"], RUNTIME)
        self.assertTrue(label["label"])

    def test_signals_end_it_with_all_its_children(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=how.name):
                serve = Serve("--no-verify")
                self.addCleanup(serve.stop)
                self.assertRegex(serve.url, r"^http://127\.0\.0\.1:\d+$")
                settings = {"FunctionName": "kept", "Runtime": RUNTIME, "Handler": "app.handler",
                            "Role": ROLE,
                            "Code": {"ZipFile": base64.b64encode(package()).decode()}}
                self.post(serve.url + "/2015-03-31/functions", json.dumps(settings).encode())
                self.post(serve.url + "/2015-03-31/functions/kept/invocations", b"{}")
                below = support.descendants(serve.process.pid)
                self.assertTrue(below)
                serve.stop(how)
                self.assertEqual([p for p in below if os.path.exists("/proc/%d" % p)], [])


@unittest.skipUnless(shutil.which("aws"), "needs the AWS CLI")
class CommandLine(unittest.TestCase):
    """The same life in the words of the AWS CLI."""

    @classmethod
    def setUpClass(cls):
        cls.serve = Serve("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
        cls.folder = tempfile.mkdtemp(prefix="lpg-e2e-", dir="/var/tmp")
        cls.tool = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else "aws"
        cls.environment = {"PATH": os.environ["PATH"], "HOME": cls.folder,
                           "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                           "AWS_DEFAULT_REGION": REGION, "AWS_MAX_ATTEMPTS": "1",
                           "AWS_EC2_METADATA_DISABLED": "true"}
        for name in ("one", "two"):
            with open(os.path.join(cls.folder, name + ".zip"), "wb") as f:
                f.write(package(name))

    @classmethod
    def tearDownClass(cls):
        cls.serve.stop()
        shutil.rmtree(cls.folder)

    def aws(self, *words, code=0, **environment):
        run = subprocess.run([self.tool, "--endpoint-url", self.serve.url, "lambda", *words],
                             env={**self.environment, **environment}, cwd=self.folder, text=True,
                             capture_output=True, timeout=300)
        self.assertEqual(run.returncode, code, run.stderr)
        if code:
            return run.stderr
        return json.loads(run.stdout) if run.stdout.strip() else None

    def test_life(self):
        self.aws("create-function", "--function-name", "cli", "--runtime", RUNTIME, "--handler",
                 "app.handler", "--role", ROLE, "--zip-file", "fileb://one.zip")
        self.aws("wait", "function-active-v2", "--function-name", "cli")
        with open(os.path.join(self.folder, "event.json"), "w") as f:
            f.write('{"n": 1}')
        answer = self.aws("invoke", "--function-name", "cli", "--payload", "fileb://event.json",
                          "--log-type", "Tail", "out.json")
        self.assertRegex(base64.b64decode(answer["LogResult"]).decode(),
                         r"REPORT RequestId: [0-9a-f-]{36}\tDuration: [0-9.]+ ms")
        with open(os.path.join(self.folder, "out.json")) as f:
            self.assertEqual(json.load(f)["event"], {"n": 1})
        self.aws("update-function-code", "--function-name", "cli", "--zip-file", "fileb://two.zip")
        self.aws("wait", "function-updated-v2", "--function-name", "cli")
        self.assertEqual(self.aws("publish-version", "--function-name", "cli")["Version"], "1")
        self.aws("create-alias", "--function-name", "cli", "--name", "live",
                 "--function-version", "1")
        answer = self.aws("invoke", "--function-name", "cli:live", "out.json")
        self.assertEqual(answer["ExecutedVersion"], "1")
        names = [f["FunctionName"] for f in self.aws("list-functions")["Functions"]]
        self.assertEqual(names, ["cli"])
        self.aws("delete-function", "--function-name", "cli")
        self.assertIn("ResourceNotFoundException",
                      self.aws("get-function", "--function-name", "cli", code=254))

    def test_wrong_secret(self):
        self.assertIn("InvalidSignatureException",
                      self.aws("list-functions", code=254, AWS_SECRET_ACCESS_KEY="wrong"))


if __name__ == "__main__":
    unittest.main()
