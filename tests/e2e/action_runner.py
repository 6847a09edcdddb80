"""A small runner of GitHub Actions: the steps of action.yml as GitHub's runner runs them.

    job = Job(action_folder, workspace, temp, environment)
    run = job.run({"config": "perf.yml"}, github={"event_name": "pull_request", ...}, event={...})
    run.succeeded, run.outputs, run.steps["run"].code, run.annotations, run.summary

From the runner's source: `sh -e FILE` for `shell: sh`; only the env of a step is mapped, no INPUT_* variables; a fresh
file for outputs and summary in each step, and a malformed one fails the step; commands in the log, in both of their
forms; on cancellation SIGINT to the step's first process alone, 7.5 s later SIGTERM, 2.5 s later the end of its tree, and
then the steps whose `if` has always(). Expressions: what action.yml uses of them, anything else is an error.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

import yaml

from support import descendants

INTERRUPT_S, TERMINATE_S = 7.5, 2.5
STEP_DEADLINE_S = 100
ANNOTATIONS = ("error", "warning", "notice")
SUMMARY_MAX = 1024 * 1024
TOKEN = re.compile(r"\s*(?:(&&|\|\||==|!=|!|\(|\))|'((?:[^']|'')*)'|([A-Za-z_][\w.-]*)(\(\))?)")


class Expression:
    """`a.b == 'c' && always()`: evaluated with the precedence of GitHub's, on texts."""

    def __init__(self, text, contexts):
        self.contexts = contexts
        self.tokens, at = [], 0
        while text[at:].strip():
            match = TOKEN.match(text, at)
            assert match, "cannot read the expression at: " + text[at:]
            self.tokens.append(match.groups())
            at = match.end()
        self.at = 0

    def peek(self):
        return self.tokens[self.at][0] if self.at < len(self.tokens) else None

    def value(self):
        result = self.either()
        assert self.at == len(self.tokens), self.tokens
        return result

    def either(self):
        result = self.both()
        while self.peek() == "||":
            self.at += 1
            other = self.both()
            result = result or other
        return result

    def both(self):
        result = self.equal()
        while self.peek() == "&&":
            self.at += 1
            other = self.equal()
            result = result and other
        return result

    def equal(self):
        result = self.one()
        while self.peek() in ("==", "!="):
            same = self.peek() == "=="
            self.at += 1
            other = self.one()
            result = (str(result).lower() == str(other).lower()) == same
        return result

    def one(self):
        sign, quoted, name, call = self.tokens[self.at]
        self.at += 1
        if sign == "!":
            return not self.one()
        if sign == "(":
            result = self.either()
            assert self.peek() == ")"
            self.at += 1
            return result
        if quoted is not None:
            return quoted.replace("''", "'")
        assert name, "an operator where a value should be"
        return self.function(name) if call else self.lookup(name)

    def function(self, name):
        failed, cancelled = self.contexts["failed"], self.contexts["cancelled"]
        return {"always": True, "success": not failed and not cancelled, "failure": failed and not cancelled,
                "cancelled": cancelled}[name]

    def lookup(self, name):
        value = self.contexts
        for part in name.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        return value


def substitute(text, contexts):
    return re.sub(r"\$\{\{(.*?)\}\}", lambda m: str(Expression(m.group(1), contexts).value()), str(text), flags=re.S)


def condition(text, contexts):
    text = str(text or "success()")
    text = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", text, flags=re.S)
    if not re.search(r"\b(always|success|failure|cancelled)\(\)", text):
        text = "success() && (%s)" % text
    return bool(Expression(text, contexts).value())


class Malformed(Exception):
    """A file of outputs for which the runner fails the step."""


def read_outputs(text):
    """The runner's rules for GITHUB_OUTPUT."""
    found, lines = {}, text.split("\n")
    assert lines.pop() == "", "the last line has no end"
    while lines:
        line = lines.pop(0)
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            found[line[:equals]] = line[equals + 1:]
            continue
        if heredoc <= 0 or heredoc + 2 == len(line):
            raise Malformed(line)
        name, end, value = line[:heredoc], line[heredoc + 2:], []
        while lines and lines[0] != end:
            value.append(lines.pop(0))
        if not lines:
            raise Malformed("no " + end)
        lines.pop(0)
        found[name] = "\n".join(value)
    return found


def read_commands(log):
    """What the runner takes for a command: [(name, properties, data)]; those between stop-commands and its token not."""
    found, stopped = [], None
    for line in log.split("\n"):
        new = re.match(r"\s*::([^ :]+)(?: ([^:]*))?::(.*)", line)
        old = None if new else re.search(r"##\[([^\] ]+)(?: ([^\]]*))?\](.*)", line)
        if not new and not old:
            continue
        name, properties, data = (new or old).groups()
        if stopped:
            if name == stopped:
                stopped = None
            continue
        if name == "stop-commands":
            stopped = data
            continue
        pairs = dict(p.split("=", 1) for p in re.split("[,;]", properties or "") if "=" in p)
        for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            data = data.replace(code, character)
            pairs = {k: v.replace(code, character) for k, v in pairs.items()}
        found.append((name.lower(), pairs, data))
    assert stopped is None, "commands were stopped and never resumed"
    return found


class Step:
    """How a step ended."""

    def __init__(self, name, outcome, code=None, log="", outputs=None, summary="", killed=False):
        self.name, self.outcome, self.code, self.log = name, outcome, code, log
        self.outputs, self.summary, self.killed = outputs or {}, summary, killed
        self.commands = read_commands(log)


class Run:
    """How a job's step with the action ended."""

    def __init__(self):
        self.steps, self.outputs, self.failed, self.cancelled = {}, {}, False, False

    @property
    def succeeded(self):
        return not self.failed and not self.cancelled

    @property
    def log(self):
        return "".join(step.log for step in self.steps.values())

    @property
    def summary(self):
        return "".join(step.summary for step in self.steps.values())

    @property
    def annotations(self):
        return [c for step in self.steps.values() for c in step.commands if c[0] in ANNOTATIONS]

    def __str__(self):
        return "\n".join("== %s: %s %s\n%s" % (s.name, s.outcome, s.code, s.log) for s in self.steps.values())


class Job:
    """A runner with a workspace; each run is one `uses:` of the action."""

    def __init__(self, action, workspace, temp, environment):
        self.action, self.workspace, self.temp, self.environment = action, workspace, temp, environment
        with open(os.path.join(action, "action.yml"), encoding="utf-8") as f:
            self.definition = yaml.load(f, Loader=yaml.BaseLoader)
        self.cancel = threading.Event()

    def run(self, inputs, github, event):
        contexts = {"github": dict(github), "steps": {}, "failed": False, "cancelled": False, "inputs": {}}
        unknown = set(inputs) - set(self.definition["inputs"])
        assert not unknown, "the action has no input %s" % unknown
        for name, about in self.definition["inputs"].items():
            contexts["inputs"][name] = inputs.get(name, substitute(about.get("default", ""), contexts))
        run = Run()
        event_file = os.path.join(self.temp, "event.json")
        with open(event_file, "w", encoding="utf-8") as f:
            json.dump(event, f)
        fixed = {"GITHUB_" + k.upper(): str(v) for k, v in github.items() if k != "token"}
        fixed.update({"GITHUB_EVENT_PATH": event_file, "GITHUB_ACTIONS": "true", "CI": "true", "RUNNER_TEMP": self.temp,
                      "GITHUB_ACTION_PATH": self.action, "GITHUB_WORKSPACE": self.workspace, "RUNNER_OS": "Linux"})
        for definition in self.definition["runs"]["steps"]:
            step = self.step(definition, contexts, fixed)
            run.steps[step.name] = step
            contexts["steps"][step.name] = {"outputs": step.outputs, "outcome": step.outcome}
            contexts["failed"] |= step.outcome == "failure"
            contexts["cancelled"] |= self.cancel.is_set()
        for name, about in self.definition["outputs"].items():
            run.outputs[name] = substitute(about["value"], contexts)
        run.failed, run.cancelled = contexts["failed"], contexts["cancelled"]
        return run

    def step(self, definition, contexts, fixed):
        assert definition["shell"] == "sh" and "${{" not in definition["run"], definition
        name = definition["id"]
        if not condition(definition.get("if"), contexts):
            return Step(name, "skipped")
        cancelled_before = contexts["cancelled"]
        with tempfile.TemporaryDirectory(dir=self.temp, prefix="_runner_") as folder:
            files = {k: os.path.join(folder, k) for k in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV",
                                                          "GITHUB_PATH", "GITHUB_STATE")}
            for path in files.values():
                open(path, "w", encoding="utf-8").close()
            script = os.path.join(folder, "script.sh")
            with open(script, "w", encoding="utf-8") as f:
                f.write(definition["run"])
            env = {**self.environment, **fixed, **files}
            env.update({k: substitute(v, contexts) for k, v in definition.get("env", {}).items()})
            code, log, killed = self.execute(["sh", "-e", script], env, folder, cancelled_before)
            return self.finished(name, code, log, killed, files, cancelled_before)

    def finished(self, name, code, log, killed, files, cancelled_before):
        texts = {}
        for key, path in files.items():
            with open(path, encoding="utf-8", newline="") as f:
                texts[key] = f.read()
        assert not texts["GITHUB_ENV"] and not texts["GITHUB_PATH"], "nothing is to be written there"
        outcome = "success" if code == 0 else "failure"
        if self.cancel.is_set() and not cancelled_before:
            outcome = "cancelled"
        outputs = read_outputs(texts["GITHUB_OUTPUT"]) if texts["GITHUB_OUTPUT"] else {}
        assert len(texts["GITHUB_STEP_SUMMARY"].encode()) <= SUMMARY_MAX
        return Step(name, outcome, code, log, outputs, texts["GITHUB_STEP_SUMMARY"], killed)

    def execute(self, argv, env, folder, cancelled_before):
        with open(os.path.join(folder, "log"), "w+b") as log:
            process = subprocess.Popen(argv, env=env, cwd=self.workspace, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
            killed = self.wait(process, cancelled_before)
            log.seek(0)
            return process.returncode, log.read().decode("utf-8", "surrogateescape"), killed

    def wait(self, process, cancelled_before):
        """Whether the tree had to be killed."""
        end = time.monotonic() + STEP_DEADLINE_S
        while process.poll() is None and time.monotonic() < end:
            if self.cancel.is_set() and not cancelled_before:
                return self.end(process)
            time.sleep(0.02)
        return self.kill(process) if process.poll() is None else False

    def end(self, process):
        for number, seconds in ((signal.SIGINT, INTERRUPT_S), (signal.SIGTERM, TERMINATE_S)):
            process.send_signal(number)
            try:
                process.wait(seconds)
                return False
            except subprocess.TimeoutExpired:
                pass
        return self.kill(process)

    @staticmethod
    def kill(process):
        for pid in [*descendants(process.pid), process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
        return True
