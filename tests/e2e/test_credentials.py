"""Keys and region for --endpoint-url: from which place, as botocore would, and seen by nobody else.

A small HTTP server plays Lambda (it notes who signed), STS, the EC2 instance's metadata and a container's agent.
"""

import http.server
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

from gate_project import Project, c_side, perf_yml

CANARY = "CaNaRy/sEcReT+0123456789abcdefghijklmnop"
TOKEN = "CaNaRyToKeN/abc=="


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, date=None):
        data = body.encode()
        self.send_response_only(status)
        self.send_header("Date", date or self.date_time_string())
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def keys(self, name):
        return json.dumps({"Code": "Success", "AccessKeyId": "AKID" + name, "SecretAccessKey": CANARY, "Token": TOKEN,
                           "Expiration": stamp(3600)})

    def sts(self, form):
        action = form["Action"]
        if self.server.sts_refuses:
            return self.answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no &lt;b&gt;</Message></Error>"
                                    "</ErrorResponse>")
        key = "STS" + form["RoleArn"].rpartition("/")[2].upper()
        return self.answer(200, "<?xml version='1.0'?>\n<%sResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                           "<%sResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>"
                           "<SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></%sResult></%sResponse>"
                           % (action, action, key, CANARY, TOKEN, stamp(3600), action, action))

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/", self.headers.get("Authorization", ""))
        signer = scope.groups() if scope else None
        self.server.seen.append((self.command, self.path, signer, dict(self.headers), body))
        if self.path == "/latest/api/token":
            return self.answer(200, "imds-token")
        if self.path.startswith("/latest/"):
            if self.headers.get("X-aws-ec2-metadata-token") != "imds-token":
                return self.answer(401, "")
            if self.path.endswith("/security-credentials/"):
                return self.answer(200, "instance-role")
            return self.answer(200, "ap-south-1" if self.path.endswith("/region") else self.keys("INSTANCE"))
        if self.path == "/container":
            return self.answer(200, self.keys("CONTAINER"))
        if self.path == "/":
            return self.sts(dict(urllib.parse.parse_qsl(body.decode())))
        if self.server.clock_off_s:
            when = time.time() + self.server.clock_off_s
            signed = time.mktime(time.strptime(self.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")) - time.timezone
            if abs(signed - when) > 300:
                return self.answer(403, '{"message":"Signature expired: old is now earlier than new"}',
                                   self.date_time_string(when))
        return self.answer(400, '{"Type":"User","message":"seen enough"}')

    do_GET = do_POST = do_PUT = do_DELETE = handle_any


class Aws:
    """The server, in a thread."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.seen, self.server.sts_refuses, self.server.clock_off_s = [], False, 0
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def calls(self, path):
        return [call for call in self.server.seen if call[1] == path]

    def signer(self):
        """(access key, region) of the first call of Lambda, or None."""
        return next((call[2] for call in self.server.seen if call[1].startswith("/2015")), None)


class Base(unittest.TestCase):
    def setUp(self):
        self.aws = Aws()
        self.addCleanup(self.aws.stop)
        self.project = Project(perf_yml(), baseline={"bootstrap": "#!/bin/sh\n"}, candidate={"bootstrap": "#!/bin/sh\n:\n"})
        self.project.__enter__()
        self.addCleanup(self.project.__exit__, None, None, None)

    def files(self, config="", credentials=""):
        for name, text in (("aws-config", config), ("aws-credentials", credentials)):
            self.project.write(name, text)
            os.chmod(self.project.path(name), 0o600)

    def environment(self, **more):
        return {"AWS_CONFIG_FILE": self.project.path("aws-config"),
                "AWS_SHARED_CREDENTIALS_FILE": self.project.path("aws-credentials"),
                "AWS_ENDPOINT_URL_STS": self.aws.url, "HOME": self.project.base, **more}

    def gate(self, *arguments, **more):
        self.aws.server.seen.clear()
        return self.project.run("--endpoint-url", self.aws.url, *arguments, env=self.environment(**more))

    def assert_signer(self, key, region=None, **more):
        arguments = more.pop("arguments", ())
        run = self.gate(*arguments, **more)
        signer = self.aws.signer()
        self.assertIsNotNone(signer, str(run))
        self.assertEqual(signer[0], key, str(run))
        if region:
            self.assertEqual(signer[1], region)
        return run

    def assert_refused(self, *texts, **more):
        arguments = more.pop("arguments", ())
        run = self.gate(*arguments, **more)
        self.assertIsNone(self.aws.signer(), str(run))
        said = run.stderr + run.stdout
        for text in texts:
            self.assertIn(text, said)
        self.assertNotIn(CANARY, said)
        self.assertIn(run.code, (2, 4))
        return run


STATIC = "aws_access_key_id = %s\naws_secret_access_key = " + CANARY + "\n"
ENV = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": CANARY}


class Sources(Base):
    def test_environment_and_profiles(self):
        self.files("[default]\nregion = eu-west-3\n[profile 'other']\nregion=sa-east-1\n" + STATIC % "AKIDCONFIG",
                   "[default]\n" + STATIC % "AKIDFILE")
        self.assert_signer("AKIDENV", "eu-west-3", **ENV)
        self.assert_signer("AKIDFILE", "eu-west-3")
        self.assert_signer("AKIDCONFIG", "sa-east-1", AWS_PROFILE="other")
        self.assert_signer("AKIDCONFIG", "sa-east-1", arguments=("--profile", "other"), **ENV)
        self.assert_signer("AKIDFILE", "us-west-1", AWS_REGION="us-west-1", AWS_DEFAULT_REGION="us-west-2")
        self.assert_signer("AKIDFILE", "us-east-2", arguments=("--region", "us-east-2"), AWS_REGION="us-west-1")
        self.assert_refused("profile 'none'", arguments=("--profile", "none"))
        self.assert_refused("aws-config:2: expected 'key = value'",
                            **{"AWS_CONFIG_FILE": self.bad_file("[default]\n" + CANARY + "\n")})

    def bad_file(self, text):
        self.project.write("bad/aws-config", text)
        return self.project.path("bad/aws-config")

    def test_nothing(self):
        self.files()
        run = self.assert_refused("environment:", "profile 'default':", "web identity:", "container:", "EC2 instance:",
                                  "--profile")
        self.assertEqual(run.code, 2)

    def test_roles(self):
        self.files("[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b\nexternal_id = x/1\n"
                   "role_session_name = me\nduration_seconds = 900\nregion = us-gov-west-1\n"
                   "[profile b]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = c\n[profile c]\n" + STATIC % "AKIDC" +
                   "[profile mfa]\nrole_arn = r\nsource_profile = c\nmfa_serial = m\n"
                   "[profile x]\nrole_arn = r\nsource_profile = y\n[profile y]\nrole_arn = r\nsource_profile = x\n"
                   "[profile env]\nrole_arn = arn:aws:iam::1:role/env\ncredential_source = Environment\n"
                   "[profile both]\nrole_arn = r\ncredential_source = Environment\nsource_profile = c\n")
        self.assert_signer("STSA", "us-gov-west-1", arguments=("--profile", "a"))
        first, second = self.aws.calls("/")
        self.assertEqual(first[2], ("AKIDC", "us-gov-west-1"))
        self.assertEqual(second[2][0], "STSB")
        form = dict(urllib.parse.parse_qsl(second[4].decode()))
        self.assertEqual((form["ExternalId"], form["RoleSessionName"], form["DurationSeconds"]), ("x/1", "me", "900"))
        self.assert_signer("STSENV", arguments=("--profile", "env"), **ENV)
        self.assert_refused("mfa_serial", arguments=("--profile", "mfa"))
        self.assert_refused("back to itself", arguments=("--profile", "x"))
        self.assert_refused("both source_profile and", arguments=("--profile", "both"))
        self.assert_refused("credential_source Environment", arguments=("--profile", "env"))
        self.aws.server.sts_refuses = True
        self.assert_refused("AccessDenied (HTTP 403): no <b>", arguments=("--profile", "a"))

    def test_web_identity(self):
        self.files()
        self.project.write("token", TOKEN + "\n")
        web = {"AWS_WEB_IDENTITY_TOKEN_FILE": self.project.path("token")}
        self.assert_signer("STSW", AWS_ROLE_ARN="arn:aws:iam::1:role/w", **web)
        self.assertIsNone(self.aws.calls("/")[0][2], "signed")
        self.assertIn(urllib.parse.quote(TOKEN, safe=""), self.aws.calls("/")[0][4].decode())
        self.assert_refused("AWS_ROLE_ARN", **web)

    def test_container_and_instance(self):
        self.files()
        full = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.aws.url + "/container"}
        self.project.write("token", "bearer " + TOKEN + "\n")
        self.assert_signer("AKIDCONTAINER", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=self.project.path("token"), **full)
        self.assertEqual(self.aws.calls("/container")[0][3]["Authorization"], "bearer " + TOKEN)
        self.assert_refused("one line", AWS_CONTAINER_AUTHORIZATION_TOKEN="a\r\nX: b", **full)
        self.assert_refused("https", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://192.0.2.1/container")
        imds = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.aws.url + "/"}
        self.assert_signer("AKIDINSTANCE", "ap-south-1", **imds)

    def test_credential_process(self):
        program = self.project.path("print keys")
        self.project.write("print keys", "#!/bin/sh\necho '%s'\necho %s >&2\nexit $1\n" % (
            json.dumps({"Version": 1, "AccessKeyId": "AKIDPROC", "SecretAccessKey": CANARY, "SessionToken": TOKEN}), CANARY))
        self.files("[profile p]\ncredential_process = \"%s\" 0\n[profile fails]\ncredential_process = '%s' 3\n"
                   "[profile open]\ncredential_process = 'x\n[profile sso]\nsso_start_url = https://x\n" % (program, program))
        self.assert_signer("AKIDPROC", arguments=("--profile", "p"))
        self.assert_refused("exit code 3", arguments=("--profile", "fails"))
        self.assert_refused("closed quotes", arguments=("--profile", "open"))
        # git and sh are all that the gate itself needs here
        os.mkdir(self.project.path("bin"))
        for tool in ("git", "sh"):
            os.symlink("/usr/bin/" + tool, self.project.path("bin", tool))
        self.assert_refused("needs the AWS CLI", arguments=("--profile", "sso"), PATH=self.project.path("bin"))
        self.project.write("bin/aws", "#!/bin/sh\ntest \"$*\" = 'configure export-credentials --profile sso --format process' "
                                      "&& exec '%s' 0\n" % program)
        self.assert_signer("AKIDPROC", arguments=("--profile", "sso"), PATH=self.project.path("bin"))

    def test_clock_is_corrected(self):
        self.files("", "[default]\n" + STATIC % "AKIDFILE")
        self.aws.server.clock_off_s = 7200
        run = self.assert_signer("AKIDFILE")
        self.assertIn("seen enough", run.stdout + run.stderr)
        # GetAccountSettings is refused for its time, then for what it asks; what CreateFunction may have made is deleted
        self.assertEqual([call[0] for call in self.aws.server.seen], ["GET", "GET", "POST", "DELETE"])

    def test_profile_without_an_endpoint(self):
        run = self.project.run("--profile", "x", env=self.environment())
        self.assertEqual(run.code, 2)
        self.assertIn("--endpoint-url", run.stderr)


ASK_BOTOCORE = """
import json, sys, botocore.session
answers = []
for case in json.load(sys.stdin):
    import os
    os.environ.clear(); os.environ.update(case["env"])
    try:
        session = botocore.session.Session(profile=case["profile"])
        keys = session.get_credentials()
        answers.append([keys.get_frozen_credentials().access_key if keys else None, session.get_config_variable("region")])
    except Exception as error:
        answers.append([None, repr(error)])
json.dump(answers, sys.stdout)
"""


class Differential(Base):
    """Files made at random: botocore and the gate choose the same keys and region, or both refuse."""

    CASES = 60

    def profile(self, r, names, tag, in_config):
        lines = []
        if r.random() < 0.6:
            lines.append("aws_access_key_id = AKID%s" % tag)
            if r.random() < 0.85:
                lines.append("%s = %s" % (r.choice(["aws_secret_access_key", "AWS_Secret_Access_Key"]), CANARY))
        if r.random() < 0.4:
            lines.append("region=%s" % r.choice(["eu-west-1", "us-west-2", "cn-north-1"]))
        if r.random() < 0.3:
            lines.append("credential_process = /bin/echo '%s'" % json.dumps(
                {"Version": r.choice([1, 1, 1, 2]), "AccessKeyId": "PROC" + tag, "SecretAccessKey": CANARY}))
        if in_config and r.random() < 0.5:
            lines.append("s3 =\n  addressing_style = path\n  ; deep\n\n  use_accelerate_endpoint = false")
        r.shuffle(lines)
        return "# %s\n%s\n\n" % (r.choice(names), "\n".join(lines))

    def case(self, seed):
        r = random.Random(seed)
        names = ["default", "one", "two words"]
        config = credentials = ""
        for i, name in enumerate(names):
            if r.random() < 0.7:
                header = name if name == "default" else r.choice(["profile '%s'", 'profile "%s"']) % name
                config += "[%s]\n" % header + self.profile(r, names, "C%d" % i, True)
            if r.random() < 0.6:
                credentials += "[%s]\n" % name + self.profile(r, names, "F%d" % i, False)
        if r.random() < 0.12:
            config += r.choice(["[default\n", "no equals sign\n", "[one two]\nx = 1\n[one two]\n", "[dup]\na=1\nA=2\n"])
        env = {"AWS_EC2_METADATA_DISABLED": "true", "PATH": os.environ["PATH"]}
        if r.random() < 0.2:
            env.update(ENV)
        if r.random() < 0.3:
            env["AWS_DEFAULT_REGION"] = "ca-central-1"
        named = r.choice(names) if r.random() < 0.7 else None
        if named and r.random() < 0.5:
            env["AWS_PROFILE"] = named
            named = None
        return config, credentials, env, named

    def test_same_answer(self):
        cases, asked = [self.case(seed) for seed in range(self.CASES)], []
        for number, (config, credentials, env, named) in enumerate(cases):
            for kind, text in (("config", config), ("credentials", credentials)):
                self.project.write("%d/%s" % (number, kind), text)
                os.chmod(self.project.path(str(number), kind), 0o600)
            env.update({"AWS_CONFIG_FILE": self.project.path(str(number), "config"),
                        "AWS_SHARED_CREDENTIALS_FILE": self.project.path(str(number), "credentials")})
            asked.append({"env": env, "profile": named})
        done = subprocess.run([sys.executable, "-c", ASK_BOTOCORE], input=json.dumps(asked), capture_output=True, text=True,
                              check=True)
        found = 0
        for (config, credentials, env, named), (key, region) in zip(cases, json.loads(done.stdout)):
            run = self.gate(*(("--profile", named) if named else ()), **env)
            signer = self.aws.signer()
            story = "%s\n%s\n---\n%s\n---\n%s\nbotocore: %s %s" % (run.stderr, config, credentials, (env, named), key, region)
            self.assertEqual(signer[0] if signer else None, key, story)
            if key:
                self.assertEqual(signer[1], region or "us-east-1", story)
                found += 1
        self.assertGreater(found, self.CASES // 4)
        self.assertLess(found, self.CASES)


class EndToEnd(Base):
    def test_run_with_a_profile_alone(self):
        """Against our own serve, and the secret shows nowhere: output, reports, arguments of any process."""
        perf = perf_yml(rounds="{ min: 5, max: 5, environments: 1, calls: 2 }")
        with Project(perf, baseline=c_side(FIXTURE_WORK=1000), candidate=c_side(FIXTURE_WORK=1001)) as project:
            folder = os.path.join(project.base, "serve")
            os.mkdir(folder)
            server = project.start("serve", env={"TMPDIR": folder, "LPG_SERVE_ACCESS_KEY": "AKIDPROFILE",
                                                 "LPG_SERVE_SECRET_KEY": CANARY}, stderr=subprocess.DEVNULL)
            project.others.add(server.pid)
            self.addCleanup(server.stdout.close)
            self.addCleanup(server.wait)
            self.addCleanup(server.terminate)
            url = server.stdout.readline().decode().strip()
            project.others |= set(project.processes())
            project.write("keys", "[ci]\n" + STATIC % "AKIDPROFILE" + "region = eu-north-1\n")
            path = project.path("keys")
            os.chmod(path, 0o644)
            process = project.start("run", *project.arguments("--endpoint-url", url, "--profile", "ci"),
                                    env={"AWS_SHARED_CREDENTIALS_FILE": path})
            arguments = []
            while process.poll() is None:
                arguments += self.all_arguments()
                time.sleep(0.05)
            run = project.finish(process)
            self.assertIn(run.code, (0, 3), str(run))
            self.assertEqual(run.result["target"]["region"], "eu-north-1")
            self.assertEqual(run.result["resources"], {"created": 2, "removed": 2})
            self.assertIn("chmod 600", run.stderr)
            for name, text in [*run.all_texts().items(), ("arguments", "\n".join(arguments))]:
                self.assertNotIn(CANARY, text, name)
            self.assertTrue(any("--profile" in a for a in arguments))

    def all_arguments(self):
        texts = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, encoding="utf-8", errors="replace") as f:
                    texts.append(f.read().replace("\0", " "))
            except OSError:
                pass
        return texts


if __name__ == "__main__":
    unittest.main()
