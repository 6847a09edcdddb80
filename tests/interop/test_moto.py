"""`run` at moto, an independent implementation of AWS's APIs: what is asked of it must be what AWS's models allow.

moto's Lambda runs nothing here (it echoes) and its log holds no REPORT, so nothing is measured, and the run must say so.
"""

import json
import os
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

from interop import need
import support
from gate_project import Project

PERF = ("version: 1\nfunctions:\n  f:\n    runtime: python3.12\n    handler: app.handler\n"
        "    rounds: { min: 2, max: 2, environments: 1, calls: 2 }\n    limits: { mean: '+50%' }\n")
PORT_PROGRAM = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-east-1"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


class Moto(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = need("python_moto")
        port = subprocess.run([sys.executable, "-c", PORT_PROGRAM], check=True, capture_output=True, text=True).stdout.strip()
        cls.url = "http://127.0.0.1:" + port
        cls.server = subprocess.Popen([os.path.join(folder, "venv/bin/moto_server"), "-p", port],
                                      env={**os.environ, **KEYS}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.server.wait)
        cls.addClassCleanup(cls.server.terminate)
        support.wait_for(cls.answers, "moto")
        cls.post("/moto-api/config", {"lambda": {"use_docker": False}})

    @classmethod
    def answers(cls):
        try:
            with urllib.request.urlopen(cls.url + "/moto-api/data.json"):
                return True
        except OSError:
            time.sleep(0.1)
            return False

    @classmethod
    def post(cls, path, body):
        request = urllib.request.Request(cls.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request):
            pass

    def client(self, service):
        import boto3
        client = boto3.client(service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="testing",
                              aws_secret_access_key="testing")
        self.addCleanup(client.close)
        return client

    def setUp(self):
        self.post("/moto-api/reset", {})
        self.lambdas = self.client("lambda")
        self.project = Project(PERF, baseline={"app.py": "x = 1\n"}, candidate={"app.py": "x = 2\n"})
        self.addCleanup(self.project.__exit__)

    def role(self, name):
        return self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]

    def run_at(self, *arguments, env=None):
        return self.project.run("--endpoint-url", self.url, "--region", "us-east-1", *arguments, env=env or KEYS)

    def functions(self):
        return [f["FunctionName"] for f in self.lambdas.list_functions()["Functions"]]

    def assert_not_measured(self, run):
        self.assertEqual(run.code, 3, run)
        self.assertEqual(run.result["resources"], {"created": 2, "removed": 2})
        self.assertNotIn("baseline", run.metric("mean"))

    def test_functions_like_another_one(self):
        code = support.zip_files({"app.py": "def handler(e, c):\n    return {}\n"})
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
        layer = self.lambdas.publish_layer_version(LayerName="l", Content={"ZipFile": code})["LayerVersionArn"]
        self.lambdas.create_function(
            FunctionName="prod", Runtime="python3.12", Role=self.role("prod"), Handler="app.handler", Code={"ZipFile": code},
            MemorySize=512, Timeout=7, Environment={"Variables": {"TABLE": "orders"}}, Layers=[layer],
            VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]}, TracingConfig={"Mode": "Active"})
        run = self.run_at("--like", "prod")
        self.assert_not_measured(run)
        self.assertEqual(run.function["deployment"],
                         "a function like prod, with its role, 512 MB of memory, timeout of 7 s, /tmp of 512 MB, x86_64, "
                         "1 environment variable, the VPC with 1 subnet, 1 layer, tracing")
        self.assertEqual(self.functions(), ["prod"])

    def test_large_packages_go_through_a_bucket(self):
        s3 = self.client("s3")
        s3.create_bucket(Bucket="packages")
        for side in ("baseline", "candidate"):
            with open(self.project.path(side, "large"), "wb") as f:
                f.write(os.urandom(51 << 20))
        arguments = ("--role", self.role("any"), "--code-bucket", "packages")
        self.assert_not_measured(self.run_at(*arguments, env={**KEYS, "AWS_ENDPOINT_URL_S3": self.url}))
        self.assertEqual(s3.list_objects_v2(Bucket="packages").get("Contents", []), [])
        self.assertEqual(self.functions(), [])

    def test_a_role_that_is_not_known_everywhere_yet(self):
        """moto refuses a role that IAM does not have, in the words of AWS."""
        timer = threading.Timer(3, lambda: self.role("late"))
        timer.start()
        self.addCleanup(timer.join)
        self.assert_not_measured(self.run_at("--role", "arn:aws:iam::123456789012:role/late"))
        self.assertEqual(self.functions(), [])

    def test_versions_of_a_function_that_does_not_tell_its_revision(self):
        code = support.zip_files({"app.py": "def handler(e, c):\n    return {}\n"})
        before = self.lambdas.create_function(FunctionName="prod", Runtime="python3.12", Role=self.role("prod"),
                                              Handler="app.handler", Code={"ZipFile": code}, Publish=True)["CodeSha256"]
        run = self.run_at("--versions-of", "prod", "--baseline", "function:prod:1")
        self.assertEqual(run.code, 4, run)
        self.assertIn("'prod' was not touched", run.stdout)
        self.assertEqual(self.lambdas.get_function_configuration(FunctionName="prod")["CodeSha256"], before)


if __name__ == "__main__":
    unittest.main()
