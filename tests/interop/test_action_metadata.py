"""The Action and GitHub: real payloads of its events, its own parser of actions and workflows, two linters."""

import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

import interop
from support import BIN, TOP

# What these versions of the linters do not know yet; GitHub's own parser does.
NEWER = re.compile(r'label "ubuntu-24\.04(-arm)?" is unknown|unknown permission scope "attestations"|'
                   r"Additional property 'attestations' is not allowed")
EVENTS = ("pull_request", "push", "merge_group", "workflow_dispatch", "workflow_run")
REPOSITORY = "Codertocat/Hello-World"
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


class Metadata(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = interop.need("action")

    def lint(self, files):
        run = subprocess.run(["node", "lint.bundle.mjs", *files], cwd=self.folder, stdout=subprocess.PIPE, check=True)
        return json.loads(run.stdout)

    def workflows(self):
        found = sorted(glob.glob(os.path.join(TOP, ".github/workflows/*.yml")) + glob.glob(os.path.join(TOP, "examples/*.yml")))
        self.assertGreater(len(found), 8)
        return found

    def test_nobody_objects(self):
        found = [f for f in self.lint([os.path.join(TOP, "action.yml"), *self.workflows()]) if not NEWER.search(f["message"])]
        self.assertEqual(found, [])

    def test_they_would_object(self):
        with open(os.path.join(TOP, "action.yml"), encoding="utf-8") as f:
            action = f.read()
        with open(os.path.join(TOP, "examples/embedded.yml"), encoding="utf-8") as f:
            workflow = f.read()
        faults = [("action.yml", action.replace("      shell: sh\n", "", 1)),
                  ("action.yml", action.replace("icon: activity", "icon: speedometer")),
                  ("w.yml", workflow.replace("runs-on", "runs-in")),
                  ("w.yml", workflow.replace("contents: read", "contents: some")),
                  ("w.yml", workflow + "      - run: echo ${{ github.event.pull_request.title }}\n")]
        with tempfile.TemporaryDirectory() as folder:
            for name, text in faults:
                path = os.path.join(folder, name)
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
                self.assertNotEqual(self.lint([path]), [], text)

    def test_every_action_is_pinned_by_its_commit(self):
        for path in self.workflows():
            with open(path, encoding="utf-8") as f:
                for used in re.findall(r"uses: (.*)", f.read()):
                    if used != "./" and not used.startswith("OWNER/lambda-perf-gate@"):
                        self.assertRegex(used, PINNED, path)


class Payloads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        path = os.path.join(interop.need("action"), "node_modules/@octokit/webhooks-examples/api.github.com/index.json")
        with open(path, encoding="utf-8") as f:
            cls.examples = {e["name"]: e["examples"] for e in json.load(f)}

    def dry_run(self, name, payload):
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as f:
            json.dump(payload, f)
            f.flush()
            repository = payload.get("repository", {}).get("full_name", REPOSITORY)
            env = {"PATH": os.environ["PATH"], "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": f.name,
                   "GITHUB_REPOSITORY": repository, "GITHUB_SHA": "6dcb09b5b57875f334f61aebed695e2e4193db5e"}
            run = subprocess.run([BIN, "ci", "--dry-run"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 check=False)
        self.assertEqual(run.returncode, 0, run)
        return json.loads(run.stdout)

    def test_pull_requests(self):
        self.assertGreater(len(self.examples["pull_request"]), 20)
        for name in ("pull_request", "pull_request_target"):
            for payload in self.examples["pull_request"]:
                pull = payload["pull_request"]
                said = self.dry_run(name, payload)
                self.assertEqual((said["head"], said["base"], said["pull_request"], said["action"]),
                                 (pull["head"]["sha"], pull["base"]["sha"], pull["number"], payload["action"]))
                theirs = (pull["head"]["repo"] or {}).get("full_name") != payload["repository"]["full_name"]
                self.assertEqual(said["fork"], theirs)
                wanted = "refuse" if theirs and name == "pull_request_target" else "measure"
                self.assertEqual((said["decision"], said["limits_from_base"]), (wanted, True))

    def test_pushes(self):
        for payload in self.examples["push"]:
            said = self.dry_run("push", payload)
            self.assertEqual(said["decision"], "skip" if payload["deleted"] else "measure")
            self.assertEqual(said["head"], None if payload["deleted"] else payload["after"])
            self.assertEqual(said["base"], None if set(payload["before"]) == {"0"} else payload["before"])

    def test_merge_groups(self):
        for payload in self.examples["merge_group"]:
            group = payload["merge_group"]
            said = self.dry_run("merge_group", payload)
            self.assertEqual((said["head"], said["base"], said["decision"], said["limits_from_base"]),
                             (group["head_sha"], group["base_sha"], "measure", True))

    def test_workflow_runs(self):
        for payload in self.examples["workflow_run"]:
            said = self.dry_run("workflow_run", payload)
            self.assertEqual(said["head"], payload["workflow_run"]["head_sha"])
            theirs = payload["workflow_run"]["head_repository"]["full_name"] != payload["repository"]["full_name"]
            self.assertEqual((said["fork"], said["decision"]), (theirs, "refuse" if theirs else "measure"))

    def test_every_other_event_is_read(self):
        count = 0
        for name, payloads in self.examples.items():
            for payload in payloads:
                if name not in EVENTS:
                    self.assertEqual(self.dry_run(name, payload)["decision"], "measure")
                    count += 1
        self.assertGreater(count, 200)


if __name__ == "__main__":
    unittest.main()
