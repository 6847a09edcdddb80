"""The IAM documents that `init --iam` writes: whom they trust, what they allow, and what is refused."""

import json
import os
import unittest

from gate_project import Project

ASKED = ("init", "--iam", "--account", "123456789012", "--repository", "acme/shop")


class InitIam(unittest.TestCase):
    def setUp(self):
        self.project = Project()
        self.addCleanup(self.project.__exit__)

    def documents(self, *arguments):
        run = self.project.tool(*ASKED, "--force", *arguments)
        self.assertEqual(run.code, 0, run)
        found = {}
        for name in os.listdir(self.project.path("iam")):
            with open(self.project.path("iam", name), encoding="utf-8") as f:
                found[name[:-len(".json")]] = json.load(f)["Statement"]
        return run, found

    def statement(self, documents, sid):
        return [s for s in documents["deployer-policy"] if s["Sid"] == sid][0]

    def subject(self, documents):
        return documents["deployer-trust"][0]["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]

    def test_only_the_repository_is_trusted(self):
        _, documents = self.documents()
        self.assertEqual(self.subject(documents), "repo:acme/shop:pull_request")
        _, documents = self.documents("--environment", "perf gate")
        self.assertEqual(self.subject(documents), "repo:acme/shop:environment:perf gate")
        self.assertNotIn("*", json.dumps(documents["deployer-trust"]))

    def test_whatever_is_changed_carries_the_tags_of_the_gate(self):
        _, documents = self.documents("--function", "checkout")
        for statement in documents["deployer-policy"]:
            changing = [a for a in statement["Action"] if a.startswith("lambda:") and not a.startswith(("lambda:Get",
                                                                                                        "lambda:List"))]
            if changing:
                self.assertEqual(statement["Resource"], "arn:aws:lambda:*:123456789012:function:lpg-*")
                key = "RequestTag" if "lambda:CreateFunction" in changing else "ResourceTag"
                self.assertEqual(statement["Condition"], {"Null": {"aws:%s/lambda-perf-gate:run" % key: "false"}})

    def test_versions_never_delete_the_function_itself(self):
        _, documents = self.documents("--function", "checkout", "--versions", "--region", "eu-west-1")
        for statement in documents["deployer-policy"]:
            if "lambda:DeleteFunction" in statement["Action"]:
                for resource in [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]:
                    self.assertTrue(resource.endswith(("function:lpg-*", "function:checkout:*")), resource)

    def test_partitions(self):
        for region, partition in (("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")):
            _, documents = self.documents("--region", region)
            self.assertEqual(self.statement(documents, "PassTheExecutionRole")["Resource"],
                             "arn:%s:iam::123456789012:role/lambda-perf-gate-execution" % partition)

    def test_the_commands_name_the_files(self):
        run, documents = self.documents()
        for name in documents:
            self.assertIn("file://iam/%s.json" % name, run.stdout)

    def test_bad_requests_write_nothing(self):
        for arguments, words in ((("--account", "12"), "--account"), (("--repository", "shop"), "--repository"),
                                 (("--repository", "acme/shop; rm"), "--repository"), (("--region", "a b"), "region"),
                                 (("--function", 'x"'), "function's name"), (("--environment", "a:b"), "environment"),
                                 (("--deployer-role", "a/b"), "role's name"), (("--code-bucket", "../x"), "bucket")):
            run = self.project.tool(*ASKED, *arguments)
            self.assertEqual(run.code, 2, arguments)
            self.assertIn(words, run.stderr)
        self.assertFalse(os.path.exists(self.project.path("iam")))

    def test_files_are_not_overwritten(self):
        self.documents()
        run = self.project.tool(*ASKED, "--account", "210987654321")
        self.assertEqual(run.code, 2, run)
        with open(self.project.path("iam/deployer-policy.json"), encoding="utf-8") as f:
            self.assertNotIn("210987654321", f.read())


if __name__ == "__main__":
    unittest.main()
