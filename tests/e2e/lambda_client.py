"""A running `lambda-perf-gate serve` and functions in it, for tests of what happens inside a function."""

import base64
import io
import json
import os
import re
import signal
import subprocess
import urllib.request
import zipfile

import boto3
from botocore.config import Config

LPG_BIN = os.environ.get("LPG_BIN", "build/lambda-perf-gate")
ROLE = "arn:aws:iam::000000000000:role/any"


class Outcome:
    """What one Invoke gave back."""

    def __init__(self, answer):
        self.raw = answer["Payload"].read()
        self.error = answer.get("FunctionError")
        self.log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        self.cpu_ms = int(headers.get("x-lpg-cpu-ns", 0)) / 1e6
        self.request_id = answer["ResponseMetadata"]["RequestId"]

    @property
    def payload(self):
        return json.loads(self.raw)

    @property
    def report(self):
        """The last REPORT line as a dictionary of its texts."""
        line = [l for l in self.log.split("\n") if l.startswith("REPORT ")][-1]
        return dict(field.split(": ", 1) for field in line[7:].split("\t") if ": " in field)

    def milliseconds(self, key):
        return float(re.match(r"[0-9.]+", self.report[key])[0])


class Serve:
    def __init__(self, *arguments, **variables):
        self.process = subprocess.Popen([LPG_BIN, "serve", "--no-verify", *arguments],
                                        stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **variables})
        self.url = self.process.stdout.readline().strip()
        self.client = boto3.client(
            "lambda", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=120, max_pool_connections=32))

    def stop(self, how=signal.SIGTERM):
        self.client.close()
        self.process.send_signal(how)
        try:
            return self.process.wait(timeout=60)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def shaping(self):
        with urllib.request.urlopen(self.url + "/_lpg/health", timeout=60) as answer:
            return json.load(answer)["shaping"]

    def create(self, name, source, file="app.py", **settings):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            entry = zipfile.ZipInfo(file)
            entry.external_attr = 0o100755 << 16
            z.writestr(entry, source)
        body = {"FunctionName": name, "Role": ROLE, "Runtime": "python3.11", "Handler": "app.handler",
                "Timeout": 30, "MemorySize": 1769,
                "Code": {"ZipFile": base64.b64encode(out.getvalue()).decode("ascii")}}
        body.update(settings)
        # Not through boto3: older ones know nothing of LoggingConfig.
        request = urllib.request.Request(self.url + "/2015-03-31/functions", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 201, answer.status
        self.client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})

    def invoke(self, name, event=None):
        return Outcome(self.client.invoke(FunctionName=name, LogType="Tail",
                                          Payload=json.dumps({} if event is None else event)))
