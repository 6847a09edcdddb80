"""A run of the gate at a Lambda endpoint that misbehaves on demand, watched for what it leaves and what it gives away.

    class Test(EndpointTest):
        def test(self):
            server, project = self.server([...faults...]), self.project()
            run = self.run_at(project, server)
            self.assert_code(run, 0)
            self.assert_clean(project, server)

Every command gets keys that are then looked for in all that it wrote.
"""

import base64
import json
import os
import sys
import time
import unittest
import urllib.parse

from gate_project import PYTHON, Project, perf_yml
from support import TOP

sys.path.insert(0, os.path.join(TOP, "tests/tools"))
from fault_lambda import FaultLambda  # noqa: E402

SEED = int(os.environ.get("LPG_TEST_SEED", 1))
SHORT = "{ min: 5, max: 5, environments: 1, calls: 20 }"
HOUR = 3600

# Keys that are found wherever they are written.
CANARY = {"AWS_ACCESS_KEY_ID": "CANARYKEYID7Q2", "AWS_SECRET_ACCESS_KEY": "canary+secret/X9fK3vLw8s",
          "AWS_SESSION_TOKEN": "canary-token-Zm9vYmFy/P0q=="}


def encodings(text):
    raw = text.encode()
    found = {raw, raw.hex().encode(), urllib.parse.quote(text, safe="").encode(), json.dumps(text)[1:-1].encode()}
    for shift in range(3):  # base64 of a longer text that it is part of
        whole = base64.b64encode(b"x" * shift + raw).rstrip(b"=")
        found.add(whole[4 if shift else 0:-4])
    return found


NEEDLES = set().union(*(encodings(value) for value in CANARY.values()))


def stamp(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def tags(run, age_s=0, life_s=2 * HOUR):
    created = time.time() - age_s
    return {"lambda-perf-gate:run": run, "lambda-perf-gate:created": stamp(created),
            "lambda-perf-gate:expires": stamp(created + life_s)}


class EndpointTest(unittest.TestCase):
    def server(self, faults=(), **settings):
        server = FaultLambda(faults, **{"seed": SEED, **settings}).start()
        self.addCleanup(server.stop)
        return server

    def project(self, rounds=SHORT, extra=""):
        project = Project(perf_yml(runtime=PYTHON, rounds=rounds, extra=extra), baseline={"app.py": "1"},
                          candidate={"app.py": "2"})
        self.addCleanup(project.__exit__)
        return project

    def at(self, server):
        return ("--endpoint-url", server.url)

    def start(self, project, server, *arguments):
        return project.start("run", *project.arguments(*self.at(server), *arguments), env=CANARY)

    def finish(self, project, process):
        run = project.finish(process)
        self.assert_no_canary(project, run)
        return run

    def run_at(self, project, server, *arguments):
        return self.finish(project, self.start(project, server, *arguments))

    def cleanup(self, project, server, *arguments):
        run = project.tool("cleanup", *self.at(server), *arguments, env=CANARY)
        self.assert_no_canary(project, run)
        return run

    def assert_no_canary(self, project, run):
        texts = {"stdout": run.stdout.encode(), "stderr": run.stderr.encode()}
        for folder, _, names in os.walk(project.base):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    texts[name] = f.read()
        for name, text in texts.items():
            for needle in NEEDLES:
                self.assertNotIn(needle, text, "a key stands in " + name)

    def journals(self, project):
        try:
            return sorted(name for name in os.listdir(project.output) if name.startswith("journal-"))
        except FileNotFoundError:
            return []  # killed before it made the folder

    def assert_clean(self, project, server):
        self.assertEqual(server.alive(), [])
        self.assertEqual(self.journals(project), [])

    def assert_code(self, run, *codes):
        self.assertIn(run.code, codes, run.stdout + run.stderr)
