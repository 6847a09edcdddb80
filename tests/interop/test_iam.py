"""The IAM documents of `init --iam` through parliament, which knows AWS's actions, resources and condition keys."""

import json
import os
import subprocess
import tempfile
import unittest

from interop import need
from support import BIN

# Prints what parliament has against a policy, as JSON.
LINT = """
import json, sys, parliament
policy = parliament.analyze_policy_string(sys.stdin.read())
print(json.dumps([[f.issue, str(f.detail)] for f in policy.findings]))
"""


class Iam(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = os.path.join(need("python_iam"), "venv/bin/python")

    def lint(self, text):
        run = subprocess.run([self.python, "-W", "ignore", "-c", LINT], input=text, stdout=subprocess.PIPE, text=True,
                             check=True)
        return json.loads(run.stdout)

    def policies(self, *arguments):
        with tempfile.TemporaryDirectory(prefix="lpg-test-") as folder:
            subprocess.run([BIN, "init", "--iam", "--account", "123456789012", "--repository", "acme/shop", "--output",
                            folder, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for name in ("deployer-policy.json", "execution-policy.json"):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    yield name, f.read()

    def test_every_form_is_clean(self):
        for arguments in ((), ("--region", "eu-west-1"), ("--region", "us-gov-west-1"),
                          ("--function", "checkout", "--versions", "--code-bucket", "acme-code")):
            for name, text in self.policies(*arguments):
                with self.subTest(arguments=arguments, name=name):
                    self.assertEqual(self.lint(text), [])

    def test_the_linter_would_see_a_mistake(self):
        text = dict(self.policies())["deployer-policy.json"]
        self.assertNotEqual(self.lint(text.replace("lambda:InvokeFunction", "lambda:InvokeFunctions")), [])
        self.assertNotEqual(self.lint(text.replace(":function:", ":functions:")), [])


if __name__ == "__main__":
    unittest.main()
