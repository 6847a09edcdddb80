"""A throw-away project for tests of `run`: perf.yml, its sides, what a run of the gate left of them.

    with Project(perf_yml, baseline={...files...}, candidate={...}) as project:
        run = project.run("--seed", "7")
        run.code, run.stdout, run.stderr, run.result, run.samples

A side is a dict of file names and contents, or the path of a folder to copy. Every run gets a temporary folder of its
own, and is checked to leave nothing in it and no process behind.
"""

import ctypes
import functools
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from support import BIN, BOOTSTRAP, FIXTURES, descendants, wait_for

DEADLINE_S = 100  # for a hung run; nothing is asserted about speed
PR_SET_CHILD_SUBREAPER = 36

# What the runtimes of this machine are called; the embedded Lambda takes whatever version there is.
PYTHON, NODE, C = "python3.12", "nodejs20.x", "provided.al2023"
STATUSES = ("ok", "function_error", "timeout", "throttled", "unknown", "tampered")


@functools.lru_cache
def c_function():
    """The C function's program: the Makefile's, or compiled here when only the tool was built."""
    path = BOOTSTRAP
    with tempfile.TemporaryDirectory(prefix="lpg-test-") as folder:
        if not os.path.exists(path):
            path = os.path.join(folder, "bootstrap")
            subprocess.run([os.environ.get("CC", "cc"), "-O2", "-D_GNU_SOURCE", "-o", path,
                            os.path.join(FIXTURES, "bootstrap-c/bootstrap.c")], check=True)
        with open(path, "rb") as f:
            return f.read()


def c_side(**variables):
    """The C function with defaults of its own: c_side(FIXTURE_WORK=100000)."""
    lines = "".join("export %s='%s'\n" % item for item in sorted(variables.items()))
    return {"bootstrap": ("#!/bin/sh\n%sexec \"$LAMBDA_TASK_ROOT/function\"\n" % lines).encode(), "function": c_function()}


def perf_yml(name="f", runtime=C, rounds="{ min: 5, max: 10, environments: 1, calls: 4 }", extra="",
             limits="mean: ['+20%', '+20ms']"):
    """One function; `extra` are more of its lines, indented by four."""
    handler = "" if runtime == C else "    handler: app.handler\n"
    return ("version: 1\nfunctions:\n  %s:\n    runtime: %s\n%s    memory: 1769\n    timeout: 5\n"
            "    rounds: %s\n%s    limits: { %s }\n" % (name, runtime, handler, rounds, extra, limits))


def write_files(folder, files):
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        with open(path, "wb") as f:
            f.write(data)
        if data.startswith((b"#!", b"\x7fELF")):
            os.chmod(path, 0o755)


def command_line(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def adopt_orphans():
    """Processes whose parent has ended become children of this one, where they can be counted."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def control_groups(pids):
    """Control groups made by the given processes that are still there."""
    found = []
    for pid in pids:
        for depth in ("*", "*/*", "*/*/*"):
            found += glob.glob("/sys/fs/cgroup/%s/lambda-perf-gate-%d" % (depth, pid))
        found += glob.glob("/sys/fs/cgroup/lambda-perf-gate-%d" % pid)
    return found


class Outcome:
    """How a command ended and what it wrote."""

    def __init__(self, code, stdout, stderr, output):
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.output = output

    def read(self, name):
        with open(os.path.join(self.output, name), encoding="utf-8", errors="surrogateescape") as f:
            return f.read()

    @property
    def result(self):
        return json.loads(self.read("result.json"))

    @property
    def samples(self):
        return [json.loads(line) for line in self.read("samples.ndjson").splitlines()]

    @property
    def function(self):
        functions = self.result["functions"]
        assert len(functions) == 1, functions
        return functions[0]

    def metric(self, name, function=None):
        found = [m for m in (function or self.function)["metrics"] if m["id"] == name]
        assert len(found) == 1, name
        return found[0]

    def all_texts(self):
        """Everything that a person or a machine may see, by where it stands."""
        texts = {"stdout": self.stdout, "stderr": self.stderr}
        for folder, _, names in os.walk(self.output):
            for name in names:
                texts[name] = self.read(os.path.join(folder, name))
        return texts

    def __str__(self):
        try:
            more = json.dumps([(f["name"], f["verdict"], f.get("headline"), f["warnings"], f["accounting"])
                               for f in self.result["functions"]], indent=1)
        except (OSError, ValueError, KeyError) as error:
            more = repr(error)
        return "exit %s\n--- stdout\n%s\n--- stderr\n%s\n--- result\n%s" % (self.code, self.stdout, self.stderr, more)


class Project:
    def __init__(self, perf=None, baseline=None, candidate=None):
        adopt_orphans()
        self.others = descendants(os.getpid())
        self.base = tempfile.mkdtemp(prefix="lpg-test-")
        self.folder = os.path.join(self.base, "project")
        self.temp = os.path.join(self.base, "tmp")
        self.output = os.path.join(self.folder, ".lambda-perf-gate")
        os.mkdir(self.folder)
        os.mkdir(self.temp)
        if perf is not None:
            self.write("perf.yml", perf)
        for name, side in (("baseline", baseline), ("candidate", candidate)):
            if side is not None:
                self.put_side(name, side)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in self.processes():  # of a test that failed half way
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for(lambda: not self.processes(), "the end of processes that were killed")
        shutil.rmtree(self.base, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, content):
        write_files(self.folder, {name: content})

    def put_side(self, name, side):
        if isinstance(side, dict):
            os.makedirs(self.path(name), exist_ok=True)
            write_files(self.path(name), side)
        else:
            shutil.copytree(side, self.path(name))

    def environment(self, extra=None):
        env = {k: v for k, v in os.environ.items()
               if not re.match(r"AWS_|GITHUB_|GIT_|CI$|NO_COLOR$", k) and not k.lower().endswith("_proxy")}
        env.update({"TMPDIR": self.temp, "LC_ALL": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true",
                    "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                    "XDG_CONFIG_HOME": os.path.join(self.base, "config")})
        env.update(extra or {})
        return env

    def start(self, *arguments, env=None, cwd=None, **more):
        more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        return subprocess.Popen([BIN, *arguments], cwd=cwd or self.folder, env=self.environment(env), **more)

    def tool(self, *arguments, env=None, cwd=None, **more):
        """Any subcommand, to its end."""
        process = self.start(*arguments, env=env, cwd=cwd, **more)
        return self.finish(process)

    def finish(self, process):
        try:
            stdout, stderr = process.communicate(timeout=DEADLINE_S)
        except BaseException:
            process.kill()
            process.wait()
            raise
        self.assert_nothing_left()
        return Outcome(process.returncode, (stdout or b"").decode("utf-8", "surrogateescape"),
                       (stderr or b"").decode("utf-8", "surrogateescape"), self.output)

    def arguments(self, *arguments):
        """Of a run over the sides of this project; sides that are folders are named for it."""
        given = list(arguments)
        for side in ("baseline", "candidate"):
            if "--" + side not in given and os.path.isdir(self.path(side)):
                given += ["--" + side, side]
        return given

    def run(self, *arguments, env=None, **more):
        return self.tool("run", *self.arguments(*arguments), env=env, **more)

    def assert_nothing_left(self):
        """Nothing that the command started still runs, and its temporary folder is empty."""
        wait_for(lambda: not self.processes(), "the end of all processes")
        left = os.listdir(self.temp)
        assert not left, "left in the temporary folder: %s" % left

    def remove_temporary(self):
        """What a process that was killed could not remove."""
        wait_for(lambda: not self.processes(), "the end of all processes")
        shutil.rmtree(self.temp)
        os.mkdir(self.temp)

    def processes(self):
        """Processes that were started since the project was made, wherever in the tree they hang now."""
        return sorted(descendants(os.getpid()) - self.others)
