"""Deploying as at a real account, against `serve` with signatures enforced: models, versions, sides that are there already."""

import os
import unittest

import support
from endpoint_case import CANARY, EndpointTest
from gate_project import C, Outcome, Project, c_side, perf_yml
from support import ROLE, zip_files

OTHER_ROLE = "arn:aws:iam::000000000000:role/production"
SLOW = {"FIXTURE_SLEEP_MS": 60}
BARE = ("version: 1\nfunctions:\n  f:\n    runtime: provided.al2023\n%s"
        "    rounds: { min: 5, max: 10, environments: 1, calls: 4 }\n"
        "    limits: { mean: ['+20%%', '+20ms'] }\n")


def package(**variables):
    return zip_files(c_side(**variables), executable=("bootstrap", "function"))


class DeployTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.serve = support.Serve("--unshaped")
        self.addCleanup(self.serve.stop)
        self.client = self.serve.client()

    def project(self, perf=None, **sides):
        project = Project(perf or perf_yml(), **sides)
        self.addCleanup(project.__exit__)
        return project

    def run_at(self, project, *arguments, env=None):
        """`run` at the server, whose functions come and go below the server's own process."""
        keys = {name: value for name, value in self.serve.environment().items() if "ENDPOINT" not in name}
        process = project.start("run", "--endpoint-url", self.serve.url, "--region", support.REGION,
                                *project.arguments(*arguments), env={**keys, **(env or {})})
        project.others |= support.descendants(self.serve.process.pid) | {self.serve.process.pid}
        stdout, stderr = process.communicate(timeout=support.DEADLINE_S)
        left = os.listdir(project.temp)
        self.assertEqual(left, [])
        return Outcome(process.returncode, stdout.decode(), stderr.decode(), project.output)

    def create(self, name="prod", code=None, **settings):
        support.create(self.client, name, code or package(), C, "bootstrap", **settings)

    def configuration(self, name="prod", **more):
        found = self.client.get_function_configuration(FunctionName=name, **more)
        found.pop("ResponseMetadata")
        return found

    def functions(self):
        return sorted(f["FunctionName"] for f in self.client.list_functions()["Functions"])

    def versions(self, name="prod"):
        return [v["Version"] for v in self.client.list_versions_by_function(FunctionName=name)["Versions"]]


class Like(DeployTest):
    SETTINGS = {"MemorySize": 640, "Timeout": 7, "EphemeralStorage": {"Size": 600}, "Role": OTHER_ROLE,
                "Environment": {"Variables": {"TABLE": "orders", "COLOUR": "red"}},
                "TracingConfig": {"Mode": "Active"}}

    def setUp(self):
        super().setUp()
        self.client.create_function(FunctionName="prod", Runtime=C, Handler="bootstrap", Code={"ZipFile": package()},
                                    **self.SETTINGS)

    def test_settings_are_copied_and_perf_yml_wins(self):
        project = self.project(BARE % "    memory: 1769\n    environment: { COLOUR: blue }\n",
                               baseline=c_side(), candidate=c_side(**SLOW))
        before = self.configuration()
        run = self.run_at(project, "--like", "prod")
        self.assertEqual(run.code, 1, run)
        said = run.function["deployment"]
        self.assertEqual(said, "a function like prod, with its role, timeout of 7 s, /tmp of 600 MB, x86_64, "
                               "1 environment variable, tracing")
        self.assertEqual(run.function["memory_mb"], 1769)
        self.assertIn("a function like prod", run.read("report.md"))
        self.assertEqual(self.functions(), ["prod"])
        self.assertEqual(self.configuration(), before)

    def test_memory_of_the_model(self):
        run = self.run_at(self.project(BARE % "", baseline=c_side(), candidate=c_side(**SLOW)), "--like", "f=prod")
        self.assertEqual(run.code, 1, run)
        self.assertEqual(run.function["memory_mb"], 640)
        self.assertEqual({s["memory_mb"] for s in run.samples}, {640})

    def test_a_model_that_is_not_there(self):
        project = self.project(baseline=c_side(), candidate=c_side(**SLOW))
        run = self.run_at(project, "--like", "nobody")
        self.assertEqual(run.code, 4, run)
        self.assertIn("--like nobody: GetFunctionConfiguration 'nobody': ResourceNotFoundException", run.stderr + run.stdout)
        self.assertEqual(self.functions(), ["prod"])


class Role(DeployTest):
    def test_aws_needs_a_real_one(self):
        project = self.project(baseline=c_side(), candidate=c_side(**SLOW))
        run = self.run_at(project, "--target", "aws")
        self.assertEqual(run.code, 4, run)
        self.assertIn("a function needs an execution role: --role ARN, or --like FUNCTION", " ".join(run.stdout.split()))
        run = self.run_at(project, "--target", "aws", "--role", OTHER_ROLE)
        self.assertEqual(run.code, 1, run)
        self.assertEqual(self.functions(), [])


class Versions(DeployTest):
    def setUp(self):
        super().setUp()
        self.create(MemorySize=1769, Timeout=5)
        self.client.publish_version(FunctionName="prod")
        self.client.create_alias(FunctionName="prod", Name="live", FunctionVersion="1")
        self.before = self.configuration()

    def assert_as_before(self):
        after = self.configuration()
        for changing in ("RevisionId", "LastModified"):
            self.before.pop(changing, None)
            after.pop(changing, None)
        self.assertEqual(after, self.before)
        self.assertEqual(self.versions(), ["$LATEST", "1"])
        self.assertEqual(self.functions(), ["prod"])

    def compare(self, candidate, *arguments, perf=None):
        project = self.project(perf, candidate=candidate)
        run = self.run_at(project, "--versions-of", "prod", "--baseline", "function:prod:live", *arguments)
        self.assertEqual([name for name in os.listdir(project.output) if name.endswith(".zip")], [])
        return run

    def test_slow_candidate_fails_and_the_function_is_as_before(self):
        run = self.compare(c_side(**SLOW))
        self.assertEqual(run.code, 1, run)
        self.assertEqual(run.result["baseline"], {"source": "function:prod:live"})
        self.assertIn("the baseline is prod:live (version 1); the candidate is prod:2; environments are not renewed",
                      run.function["deployment"])
        self.assertEqual(run.result["resources"], {"created": 1, "removed": 1})
        self.assertEqual(run.function["rounds_dropped"], 0)
        self.assertIn("--baseline function:prod:live --candidate candidate --versions-of prod --seed 1", run.stdout)
        self.assert_as_before()

    def test_equal_candidate_does_not_fail_and_cannot_pass(self):
        run = self.compare(dict(c_side(), note="the candidate"))
        self.assertEqual(run.code, 3, run)
        self.assertIn("are not renewed", " ".join(run.function["warnings"]))
        self.assertEqual(run.metric("cold_start")["verdict"], "ungated")
        self.assert_as_before()

    def test_what_cannot_be_judged_or_compared_is_refused_before_anything_is_touched(self):
        other_memory = perf_yml()
        cases = {
            "cannot be made to start anew": (perf_yml(limits="cold_start: '+10%'"), ()),
            "its handler is not the one of perf.yml": (perf_yml(extra="    handler: other\n"), ()),
            "the function whose code changes": (other_memory, ("--baseline", "function:prod")),
            "ResourceNotFoundException": (other_memory, ("--baseline", "function:prod:9")),
            "is no NAME": (other_memory, ("--baseline", "function:pr/od")),
        }
        for text, (perf, arguments) in cases.items():
            with self.subTest(text):
                run = self.compare(c_side(**SLOW), *arguments, perf=perf)
                self.assertIn(run.code, (2, 4), run)
                self.assertIn(text, " ".join(run.stdout.split()))
                self.assertEqual(self.configuration(), self.before)
        self.assert_as_before()

    def test_sides_of_different_memory(self):
        self.client.update_function_configuration(FunctionName="prod", MemorySize=1024)
        self.before = self.configuration()
        run = self.compare(c_side(**SLOW))
        self.assertEqual(run.code, 4, run)
        self.assertIn("the sides have 1769 and 1024 MB of memory", run.stdout)
        self.assertEqual(self.configuration(), self.before)

    def test_an_alias_of_two_versions_is_refused(self):
        self.client.update_function_code(FunctionName="prod", ZipFile=package(FIXTURE_NOTE="2"))
        self.client.publish_version(FunctionName="prod")
        self.client.update_alias(FunctionName="prod", Name="live",
                                 RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
        run = self.compare(c_side(**SLOW))
        self.assertEqual(run.code, 4, run)
        self.assertIn("the alias 'prod:live' shares its calls among two versions", run.stdout)


class Deployed(DeployTest):
    def setUp(self):
        super().setUp()
        self.create(MemorySize=1769, Timeout=5)
        self.client.publish_version(FunctionName="prod")
        self.client.update_function_code(FunctionName="prod", ZipFile=package(**SLOW))
        self.client.publish_version(FunctionName="prod")

    def test_two_versions(self):
        before = self.configuration()
        run = self.run_at(self.project(), "--baseline", "function:prod:1", "--candidate", "function:prod:2")
        self.assertEqual(run.code, 1, run)
        self.assertEqual(run.result["resources"], {"created": 0, "removed": 0})
        self.assertNotEqual(run.function["package"]["baseline"], run.function["package"]["candidate"])
        self.assertGreater(run.result["spend"]["invocations"], len(run.samples))  # the first round warms up
        self.assertEqual(self.configuration(), before)
        self.assertEqual(self.versions(), ["$LATEST", "1", "2"])

    def test_a_build_against_a_deployed_function_is_made_like_it(self):
        project = self.project(BARE % "", candidate=c_side(**SLOW))
        run = self.run_at(project, "--baseline", "function:prod:1")
        self.assertEqual(run.code, 1, run)
        self.assertIn("the baseline is prod:1; the other side is a function like prod:1", run.function["deployment"])
        self.assertEqual(run.function["memory_mb"], 1769)
        self.assertEqual(run.result["resources"], {"created": 1, "removed": 1})
        self.assertEqual(self.functions(), ["prod"])


class Target(EndpointTest):
    """--target aws is the region's endpoint, which AWS_ENDPOINT_URL_LAMBDA moves; a profile is all that it needs."""

    ROLE = ("--role", OTHER_ROLE)

    def environment(self, project, server):
        path = os.path.join(project.base, "credentials")
        with open(path, "w", encoding="utf-8") as f:
            f.write("[gate]\nregion = eu-central-1\naws_access_key_id = %s\naws_secret_access_key = %s\n" %
                    (CANARY["AWS_ACCESS_KEY_ID"], CANARY["AWS_SECRET_ACCESS_KEY"]))
        os.chmod(path, 0o600)
        return {"AWS_SHARED_CREDENTIALS_FILE": path, "AWS_ENDPOINT_URL_LAMBDA": server.url}

    def run_with_a_profile(self, project, server, *arguments):
        process = project.start("run", *project.arguments("--target", "aws", "--profile", "gate", *self.ROLE, *arguments),
                                env=self.environment(project, server))
        return project.finish(process)

    def test_a_profile_is_enough(self):
        server, project = self.server(), self.project()
        run = self.run_with_a_profile(project, server)
        self.assert_code(run, 0)
        self.assert_clean(project, server)
        self.assertEqual(run.result["target"], {**run.result["target"], "kind": "aws", "region": "eu-central-1"})
        self.assertIn(", eu-central-1", run.result["prices"])
        self.assertGreater(run.result["spend"]["usd"], 0)

    def test_what_is_left_is_told_with_the_command_that_removes_it(self):
        server = self.server([{"call": "DeleteFunction", "do": "answer", "status": 403, "type": "AccessDeniedException",
                               "times": 2}])
        project = self.project()
        run = self.run_with_a_profile(project, server)
        self.assert_code(run, 5)
        self.assertEqual(len(server.alive()), 2)
        said = run.stderr.partition("lambda-perf-gate cleanup ")[2].split("\n")[0].split()
        self.assertEqual(said[2:], ["--target", "aws", "--profile", "gate", "--region", "eu-central-1"])
        journal = project.path(said[1])
        left = project.tool("cleanup", "--journal", journal, *said[2:], env=self.environment(project, server))
        self.assert_code(left, 0)
        self.assert_clean(project, server)


class Usage(unittest.TestCase):
    """What is refused before anything is built."""

    def test_options(self):
        role = "--role=" + ROLE
        cases = [
            (("--target", "gcp"), "--target is embedded or aws"),
            (("--target", "aws"), "--target aws needs a region"),
            (("--target", "embedded", "--endpoint-url", "http://127.0.0.1:1"), "an endpoint of its own"),
            ((role,), "--role has no meaning for the embedded Lambda"),
            (("--like", "prod"), "--like has no meaning"),
            (("--versions-of", "prod"), "--versions-of has no meaning"),
            (("--target", "aws", "--region", "eu-west-1", "--role", "admin"), "is not the ARN of a role"),
            (("--baseline", "function:prod"), "function:NAME needs --target aws"),
            (("--profile", "p"), "--profile is for --target aws and --endpoint-url"),
        ]
        with Project(perf_yml(), baseline=c_side(), candidate=c_side()) as project:
            for arguments, text in cases:
                with self.subTest(arguments):
                    run = project.run(*arguments, env=CANARY)
                    self.assertEqual(run.code, 2, run)
                    self.assertIn(text, run.stderr)
            run = project.run("--target", "aws", "--region", "eu-west-1")
            self.assertEqual(run.code, 2, run)
            self.assertIn("no AWS credentials were found", run.stderr)


if __name__ == "__main__":
    unittest.main()
