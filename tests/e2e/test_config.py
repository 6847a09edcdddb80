"""perf.yml from the outside: `check`, its schema, and what `init` writes.

The schema and the reader come from the same rows; here a second implementation (python3-jsonschema on what PyYAML
reads) says whether they agree.
"""

import json
import os
import re
import resource
import subprocess
import tempfile
import unittest

import jsonschema
import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("LPG_BIN", "build/lambda-perf-gate"))

HEAD = "version: 1\nfunctions:\n  f:\n    runtime: python3.12\n    handler: a.b\n"

# Behind HEAD: both must take these ...
VALID = [
    "",
    "    source: a/b.c\n",
    "    source: ./a\n",
    "    source: ..a/b..\n",
    "    build: make && x\n",
    "    build: |\n      make\n      test\n",
    "    package: dist/f.zip\n",
    "    architecture: arm64\n",
    "    memory: 128\n",
    "    memory: 10240\n",
    "    timeout: 900\n",
    "    ephemeral_storage: 512\n",
    "    log_format: json\n",
    "    environment: { TABLE: orders, PORT: 8080, ON_: true, EMPTY: '' }\n",
    "    events: [{ inline: {} }]\n",
    "    events: [{ inline: null }]\n",
    "    events: [{ inline: [1, x, { y: z }], weight: 0.5 }]\n",
    "    events: [{ inline: 1, expect: { path: body.0.id, equals: [1] } }]\n",
    "    load: { concurrency: 10 }\n",
    "    load: { rate: 0.5 }\n",
    "    load: { rate: 5, stages: [{ duration: 500ms, rate: 0 }, { duration: 1.5m, rate: 10 }] }\n",
    "    rounds: { min: 2, max: 3, step: 1, environments: 1, calls: 1 }\n",
    "    traffic: { invocations_per_month: 15M, cold_start_rate: 0.01 }\n",
    "    traffic: { invocations_per_month: 1000, cold_start_rate: 100% }\n",
    "    traffic: { invocations_per_month: 2.5k, cold_start_rate: 0% }\n",
    "    limits: { p99: +10% }\n",
    "    limits: { p99: ['+10%', '+5 ms', '< 0.8s'] }\n",
    "    limits: { cost_per_million: '+$0.10', package_size: +5kB, max_memory: <= 400MB }\n",
    "    limits: { error_rate: ['<= 0%', '+1%'], throughput: -10% }\n",
    "    limits: { p50: <1ms, p90: +0%, cpu_ms: '+2.5%' }\n",
    "    metrics: { orders_read: {}, hits: { path: cache.0.hits, better: higher } }\n"
    "    limits: { custom.orders_read: '+3', custom.hits: '-10%' }\n",
    "    metrics: { a: { path: t, unit: s, statistic: p99 }, b: { unit: kB, statistic: max } }\n"
    "    limits: { custom.a: ['+10%', '+5ms', '< 2 s'], custom.b: '< 10kB' }\n",
    "  other-name_2: { runtime: provided.al2023 }\n",
]

# ... and both must refuse these.
INVALID = [
    "    memory: 127\n",
    "    metrics: {}\n",
    "    metrics: { a: 5 }\n",
    "    metrics: { a: { file: x } }\n",
    "    metrics: { a: { path: a..b } }\n",
    "    metrics: { a: { statistic: p75 } }\n",
    "    metrics: { a: { unit: hours } }\n",
    "    metrics: { a: { better: more } }\n",
    "    metrics: { 1a: {} }\n",
    "    metrics: { a-b: {} }\n",
    "    metrics: { custom.a: {} }\n",
    "    metrics: { %s: {} }\n" % ("a" * 41),
    "    metrics: { %s }\n" % ", ".join("a%d: {}" % i for i in range(9)),
    "    metrics: { a: {} }\n    limits: { custom.a: '10%' }\n",
    "    metrics: { a: {} }\n    limits: { custom.a-b: '+10%' }\n",
    "    memory: 10241\n",
    "    memory: '512'\n",
    "    memory: 512.5\n",
    "    memory: [512]\n",
    "    memory: true\n",
    "    memory:\n",
    "    timeout: 0\n",
    "    timeout: -1\n",
    "    architecture: x86\n",
    "    log_format: JSON\n",
    "    source: /etc\n",
    "    source: ../x\n",
    "    source: a/../b\n",
    "    source: a/..\n",
    "    source: ~/x\n",
    "    source: ''\n",
    "    source: 'a\\b'\n",
    "    source: 5\n",
    "    build: ' '\n",
    "    build: [make]\n",
    "    environment: {}\n",
    "    environment: { A-B: x }\n",
    "    environment: { AB: [x] }\n",
    "    environment: { AB: null }\n",
    "    events: []\n",
    "    events: {}\n",
    "    events: [{}]\n",
    "    events: [{ weight: 1 }]\n",
    "    events: [{ inline: 1, file: x.json }]\n",
    "    events: [{ inline: 1, weight: 0 }]\n",
    "    events: [{ inline: 1, weight: '2' }]\n",
    "    events: [{ inline: 1, expect: { path: a } }]\n",
    "    events: [{ inline: 1, expect: { path: a..b, equals: 1 } }]\n",
    "    events: [{ inline: 1, expect: {} }]\n",
    "    load: {}\n",
    "    load: { rate: 0 }\n",
    "    load: { concurrency: 0 }\n",
    "    load: { stages: [{ duration: 5s, rate: 1 }] }\n",
    "    load: { rate: 1, stages: [] }\n",
    "    load: { rate: 1, stages: [{ duration: 5, rate: 1 }] }\n",
    "    load: { rate: 1, stages: [{ duration: -5s, rate: 1 }] }\n",
    "    load: { rate: 1, stages: [{ rate: 1 }] }\n",
    "    rounds: { min: 1 }\n",
    "    rounds: { calls: 1.5 }\n",
    "    traffic: { invocations_per_month: 15m }\n",
    "    traffic: { invocations_per_month: -1 }\n",
    "    traffic: { invocations_per_month: '1000' }\n",
    "    traffic: { cold_start_rate: 1 }\n",
    "    traffic: { cold_start_rate: 101% }\n",
    "    traffic: { cold_start_rate: -1% }\n",
    "    traffic: { cold_start_rate: '0.01' }\n",
    "    limits: {}\n",
    "    limits: { p99: [] }\n",
    "    limits: { p98: +5% }\n",
    "    limits: { P99: +5% }\n",
    "    limits: { p99: 10 }\n",
    "    limits: { p99: 10% }\n",
    "    limits: { p99: -10% }\n",
    "    limits: { p99: +5 }\n",
    "    limits: { p99: +5MB }\n",
    "    limits: { p99: '> 5ms' }\n",
    "    limits: { p99: ['+1%', '+1ms', '< 1s', '<= 1s'] }\n",
    "    limits: { throughput: +5% }\n",
    "    limits: { cost_per_million: +0.10 }\n",
    "    limits: { error_rate: < 0.01 }\n",
    "    template: t.yaml\n",
    "    resource: F\n",
    "    runtim: x\n",
    "    region: eu-west-1\n",
    "    endpoint_url: http://169.254.169.254\n",
    "  g: {}\n",
    "  g: []\n",
    "  'g h': { runtime: provided.al2023 }\n",
    "  g: { runtime: python2.7, handler: a.b }\n",
]

INVALID_FILES = [
    "version: 2\nfunctions: { f: { runtime: provided.al2 } }\n",
    "version: '1'\nfunctions: { f: { runtime: provided.al2 } }\n",
    "functions: { f: { runtime: provided.al2 } }\n",
    "version: 1\n",
    "version: 1\nfunctions: {}\n",
    "version: 1\nfunctions: []\n",
    "version: 1\nfunctions: { f: { runtime: provided.al2 } }\nrole: x\n",
    "[]\n",
    "text\n",
]

# Small files that cost a careless reader seconds or gigabytes.
BOMBS = {
    "lists": "[" * 65536,
    "lists-large": "[" * 200000,
    "maps": "{" * 65536,
    "values": "{a: " * 16384,
    "dashes": "- " * 32768,
    "questions": "? " * 32768,
    "keys": "".join(f"k{i}: 1\n" for i in range(6000)),
    "anchors": "- &a\n" * 12000,
    "aliases": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi")),
    "one-key": "k" * 65536 + ": 1\n",
    "lines": "\n" * 65536,
}


class ConfigTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lpg-config-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def tool(self, *arguments):
        return subprocess.run([BIN, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def check(self, text):
        self.write("perf.yml", text)
        return self.tool("check", "--color", "never")


class Schema(ConfigTest):
    def setUp(self):
        super().setUp()
        run = self.tool("check", "--schema")
        self.assertEqual(run.returncode, 0, run.stderr)
        schema = json.loads(run.stdout)
        jsonschema.Draft7Validator.check_schema(schema)
        self.validator = jsonschema.Draft7Validator(schema)
        os.makedirs(os.path.join(self.folder, "a/b.c"))

    def verdicts(self, text):
        """What the schema and the tool say, as booleans."""
        return self.validator.is_valid(yaml.safe_load(text)), self.check(text).returncode == 0

    def test_agrees_on_what_is_valid(self):
        for tail in VALID:
            with self.subTest(tail=tail):
                self.assertEqual(self.verdicts(HEAD + tail), (True, True),
                                 self.tool("check").stderr)

    def test_agrees_on_what_is_not(self):
        for text in [HEAD + tail for tail in INVALID] + INVALID_FILES:
            with self.subTest(text=text):
                self.assertEqual(self.verdicts(text), (False, False))

    def test_documentation_is_valid(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(os.path.join(root, "docs/perf-yml.md"), encoding="utf-8") as f:
            examples = re.findall(r"```yaml\n(.*?)```", f.read(), re.S)
        self.assertGreaterEqual(len(examples), 3)
        for text in examples:
            with self.subTest(text=text):
                self.assertEqual([e.message for e in self.validator.iter_errors(
                    yaml.safe_load(text))], [])

    def test_is_the_file_in_docs(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(os.path.join(root, "docs/perf.schema.json"), encoding="utf-8") as f:
            self.assertEqual(f.read(), self.tool("check", "--schema").stdout)


class Check(ConfigTest):
    def test_all_errors_with_places(self):
        run = self.check("version: 1\nfunctions:\n  f:\n    runtime: python3.12\n    hanlder: a.b\n"
                         "    memory: 1_000\n    treshold: 5\n")
        self.assertEqual(run.returncode, 2)
        self.assertEqual(run.stdout, "")
        for line in ("perf.yml:5:5: error: unknown key 'hanlder' (did you mean 'handler'?)",
                     "    5 |     hanlder: a.b", "      |     ^~~~~~~",
                     "perf.yml:6:13: error: 'memory' must be a whole number from 128 to 10240, not 1_000",
                     "perf.yml:7:5: error: unknown key 'treshold' (did you mean 'limits'?)"):
            self.assertIn(line, run.stderr.splitlines())
        self.assertNotIn("\033", run.stderr)

    def test_missing_file(self):
        run = self.tool("check")
        self.assertEqual(run.returncode, 2)
        self.assertIn("perf.yml", run.stderr)

    def test_bombs(self):
        for name, text in BOMBS.items():
            with self.subTest(name=name):
                before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
                self.assertEqual(self.check(text).returncode, 2)
                used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
                self.assertLess(used, 2, "seconds of CPU; without the limits it is 17")

    def test_no_commands_for_the_runner(self):
        """A file from a pull request puts no workflow command and no escape sequence into the log."""
        run = self.check('"::error::x": 1\n"##[error]y": 2\n"\\e[31m\\r::set-output name=a::b": 3\n')
        self.assertEqual(run.returncode, 2)
        self.assertNotRegex(run.stderr, r"(?m)^\s*::|##\[|\033|\r")
        self.assertNotIn("::", run.stderr)

    def test_other_encodings(self):
        for encoding in ("utf-16", "utf-32", "utf-16-le"):
            with self.subTest(encoding=encoding):
                self.assertEqual(self.check(HEAD.encode(encoding)).returncode, 2)
        self.assertEqual(self.check(b"\xef\xbb\xbf" + HEAD.encode()).returncode, 0)
        self.assertEqual(self.check(HEAD.replace("\n", "\r\n")).returncode, 0)
        self.assertEqual(self.check(HEAD.replace("\n", "\r")).returncode, 0)


class Init(ConfigTest):
    FOLDERS = {
        "nothing": {},
        "python": {"app.py": "def handler(event, context):\n    return 1\n", "requirements.txt": ""},
        "node": {"package.json": '{"name": "api"}', "index.mjs": "export const handler = 1\n"},
        "bootstrap": {"bootstrap": "#!/bin/sh\n"},
        "sam": {"template.yaml": "Resources:\n  Hello:\n    Type: AWS::Serverless::Function\n"
                                 "    Properties: { CodeUri: src/, Handler: !Ref H,"
                                 " Runtime: python3.12 }\n", "src/app.py": ""},
        "serverless": {"serverless.yml": "provider: { runtime: nodejs20.x }\n"
                                         "functions: { hello: { handler: src/a.b } }\n"},
    }

    def test_writes_what_check_takes(self):
        for name, files in self.FOLDERS.items():
            with self.subTest(name=name), tempfile.TemporaryDirectory() as self.folder:
                for file, text in files.items():
                    self.write(file, text)
                run = self.tool("init")
                self.assertEqual(run.returncode, 0, run.stderr)
                run = self.tool("check")
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertEqual(sorted(os.listdir(self.folder)),
                                 sorted({f.split("/")[0] for f in files} | {"perf.yml"}))

    def test_keeps_what_is_there(self):
        self.write("perf.yml", HEAD)
        self.assertEqual(self.tool("init").returncode, 2)
        with open(os.path.join(self.folder, "perf.yml"), encoding="utf-8") as f:
            self.assertEqual(f.read(), HEAD)

    def test_a_workflow_at_the_top_of_a_repository(self):
        os.mkdir(os.path.join(self.folder, ".git"))
        self.assertEqual(self.tool("init").returncode, 0)
        path = os.path.join(self.folder, ".github/workflows/perf-gate.yml")
        with open(path, encoding="utf-8") as f, open(os.path.join(TOP, "examples/embedded.yml"), encoding="utf-8") as example:
            text = f.read()
            self.assertEqual(text, example.read())
        with open(os.path.join(TOP, "VERSION"), encoding="utf-8") as f:
            self.assertTrue(text.endswith("@v%s\n" % f.read().strip()))
        self.write("perf.yml", "version: 1\n")
        self.write(".github/workflows/perf-gate.yml", "mine")
        run = self.tool("init")
        self.assertEqual(run.returncode, 2)
        os.remove(os.path.join(self.folder, "perf.yml"))
        run = self.tool("init")
        self.assertEqual(run.returncode, 0)
        self.assertIn("left as it is", run.stderr)
        with open(path, encoding="utf-8") as f:
            self.assertEqual(f.read(), "mine")


if __name__ == "__main__":
    unittest.main()
