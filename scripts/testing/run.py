"""Runs the project's tests as jobs, some at once, and counts every test in them. See scripts/run-tests.sh.

A job is one process: a cmocka program, a fuzz target with its corpus, the short run of the statistics bench, or a file of
Python tests. It gets a HOME and a TMPDIR of its own, no AWS or GitHub settings of the caller, and, where that is
allowed, no network but loopback. Besides its own tests a job fails when it leaves something behind: a process, a file in
TMPDIR, a control group with processes, or the report of a sanitizer, whichever process wrote it.
"""

import argparse
import ctypes
import fcntl
import glob
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KINDS = ("e2e", "interop", "bench", "unit", "fuzz")  # the long ones are started first
JOB_SECONDS = {"unit": 120, "fuzz": 120, "bench": 300, "e2e": 400, "interop": 400}
TEST_SECONDS = 120
ALONE = ("e2e/cpu_model",)  # what needs a whole processor, before all others
JOBS = (os.cpu_count() or 1) + 1  # most jobs mostly wait
LEAVE_SECONDS = 10  # for processes that are on their way out when the job ends
TAIL_LINES = 60
DROPPED = re.compile(r"AWS_|GITHUB_|GIT_|LPG_(?!TEST_)|ACTIONS_|RUNNER_|CI$|NO_COLOR$|.*_proxy$|.*_PROXY$|MAKE|MFLAGS")
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


class Job:
    def __init__(self, kind, name, argv, parse):
        self.kind = kind
        self.name = "%s/%s" % (kind, name)
        self.argv = argv
        self.parse = parse


def outcome(name, status, detail="", seconds=0):
    return {"name": name, "status": status, "detail": detail, "seconds": seconds}


# ---- what the jobs are ----

def parse_cmocka(log, _folder, code):
    """cmocka's standard output format."""
    found, since, running = [], [], None
    for line in log.splitlines():
        mark = re.match(r"\[ *(RUN|OK|FAILED|SKIPPED|ERROR|LEAK) *\] (.*)", line)
        if not mark:
            since.append(line)
            continue
        what, name = mark.groups()
        if what == "RUN":
            running, since = name, []
        elif running is not None and name.startswith(running):
            status = {"OK": "passed", "SKIPPED": "skipped"}.get(what, "failed")
            detail = "\n".join(since) or ("no reason given" if status == "skipped" else "")
            found.append(outcome(running, status, detail))
            running = None
    if running is not None:
        found.append(outcome(running, "failed", "the program ended inside this test (status %d)\n%s" % (
            code, "\n".join(since[-TAIL_LINES:]))))
    announced = sum(int(n) for n in re.findall(r"^\[=+\] Running (\d+) test", log, re.M)) or \
        sum(int(n) for n in re.findall(r"^\[=+\] .*: Running (\d+) test", log, re.M))
    if announced > len(found):
        found.append(outcome("(program)", "failed", "%d tests announced, %d ended" % (announced, len(found))))
    return found


def parse_replay(log, _folder, code):
    """The fuzz targets: every input is a test; the last one named is the one that crashed."""
    names = re.findall(r"^(.*): \d+ bytes$", log, re.M)
    found = [outcome(os.path.basename(name), "passed") for name in names]
    if code and found:
        found[-1].update(status="failed", detail="\n".join(log.splitlines()[-TAIL_LINES:]))
    return found


def parse_goals(log, _folder, _code):
    """The statistics bench: a line for each goal."""
    return [outcome(" ".join(line.split()[1:]), "passed" if line.startswith("ok ") else "failed", line)
            for line in log.splitlines() if re.match(r"(ok|MISSED) ", line)]


def parse_unittest(_log, folder, code):
    found = []
    try:
        with open(os.path.join(folder, "results"), encoding="utf-8") as f:
            lines = [json.loads(line) for line in f]
    except OSError:
        lines = []
    found = [line for line in lines if "name" in line]
    if not any("finished" in line for line in lines):
        found.append(outcome("(the whole file)", "failed", "ended with status %d before its end" % code))
    return found


def corpus_of(target):
    """fuzz_http_parser has its seeds in corpus/http_parser or corpus/http."""
    words = target.split("_")
    for count in range(len(words), 0, -1):
        folder = os.path.join("tests/fuzz/corpus", "_".join(words[:count]))
        if os.path.isdir(folder):
            return folder
    return "tests/fuzz/corpus/" + target


def names_of(pattern):
    return [(os.path.splitext(os.path.basename(path))[0], path) for path in sorted(glob.glob(pattern))]


def find_jobs(build, kinds):
    jobs = []
    for name, _ in names_of("tests/unit/test_*.c"):
        jobs.append(Job("unit", name[5:], [os.path.join(build, "tests", name)], parse_cmocka))
    for name, _ in names_of("tests/fuzz/fuzz_*.c"):
        jobs.append(Job("fuzz", name[5:], [os.path.join(build, "tests", name), corpus_of(name[5:])], parse_replay))
    jobs.append(Job("bench", "statistics", [os.path.join(build, "bench/statistics"), "--short"], parse_goals))
    for kind in ("e2e", "interop"):
        for name, path in names_of("tests/%s/test_*.py" % kind):
            argv = [sys.executable, os.path.join(TOP, "scripts/testing/run_unittest.py"), path]
            jobs.append(Job(kind, name[5:], argv, parse_unittest))
    return [job for job in sorted(jobs, key=lambda j: KINDS.index(j.kind)) if job.kind in kinds]


def select(jobs, patterns):
    """Jobs whose name contains one of the patterns; what follows a colon goes to the job."""
    if not patterns:
        return jobs
    chosen = []
    for job in jobs:
        for pattern in patterns:
            name, _, only = pattern.partition(":")
            if name in job.name:
                job.only = only
                chosen.append(job)
                break
    return chosen


# ---- one job, in a process of its own that inherits what the job leaves behind ----

def processes():
    """{pid: (parent, state)} of all processes."""
    found = {}
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry, encoding="utf-8", errors="replace") as f:
                    fields = f.read().rpartition(")")[2].split()
                found[int(entry)] = (int(fields[1]), fields[0])
            except OSError:
                pass
    return found


def descendants(pid):
    table, found, todo = processes(), [], [pid]
    while todo:
        parent = todo.pop()
        below = [p for p, (its, state) in table.items() if its == parent and state != "Z"]
        found += below
        todo += below
    return found


def command_line(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_descendants():
    deadline = time.monotonic() + LEAVE_SECONDS
    while True:
        left = descendants(os.getpid())
        if not left or time.monotonic() > deadline:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
        reap()


def left_processes():
    """What the job did not end, ended now."""
    deadline = time.monotonic() + LEAVE_SECONDS
    while True:
        reap()
        left = descendants(os.getpid())
        if not left:
            return []
        if time.monotonic() > deadline:
            names = ["%d %s" % (pid, command_line(pid)) for pid in left]
            end_descendants()
            return names
        time.sleep(0.02)


def left_files(folder):
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if not name.startswith(("node-compile-cache", "__pycache__"))]


def read_reports(folder):
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "sanitizer*"))):
        with open(path, encoding="utf-8", errors="replace") as f:
            found.append("".join(f.readlines()[:TAIL_LINES]))
    return found


def environment(folder, build):
    env = {k: v for k, v in os.environ.items() if not DROPPED.match(k)}
    log = os.path.join(folder, "sanitizer")
    common = "log_path=%s:halt_on_error=1:print_stacktrace=1" % log
    env.update({
        "HOME": os.path.join(folder, "home"), "TMPDIR": os.path.join(folder, "tmp"),
        "XDG_CONFIG_HOME": os.path.join(folder, "home/.config"), "XDG_CACHE_HOME": os.path.join(folder, "home/.cache"),
        "LPG_BUILD": build, "LPG_BIN": os.path.join(build, "lambda-perf-gate"), "LPG_TEST_TOP": TOP,
        "LC_ALL": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true", "GIT_CONFIG_NOSYSTEM": "1",
        "ASAN_OPTIONS": common + ":detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:"
                                 "check_initialization_order=1",
        "UBSAN_OPTIONS": common, "LSAN_OPTIONS": "log_path=" + log, "TSAN_OPTIONS": common,
        "CMOCKA_MESSAGE_OUTPUT": "STDOUT", "PYTHONDONTWRITEBYTECODE": "1",
    })
    return env


def run_process(job, folder, build, seconds):
    """(exit code or None after a timeout, output)"""
    argv = list(job.argv)
    if job.parse is parse_unittest:
        argv += [os.path.join(folder, "results"), "--test-seconds", str(min(TEST_SECONDS, seconds)), "--only",
                 getattr(job, "only", "")]
    path = os.path.join(folder, "log")
    with open(path, "wb") as log:
        try:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=TOP,
                                       env=environment(folder, build), start_new_session=True)
        except OSError as error:
            return 127, str(error)
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = None
            end_descendants()
            process.wait()
    with open(path, encoding="utf-8", errors="replace") as log:
        return code, log.read()


def judge(job, folder, code, log):
    """The outcomes of the job's tests, and a failed one more for everything that is wrong with the job itself."""
    tail = "\n".join(log.splitlines()[-TAIL_LINES:])
    found = job.parse(log, folder, -1 if code is None else code)
    if code is None:
        found.append(outcome("(time)", "failed", "did not end in time\n" + tail))
    elif code != 0 and not any(o["status"] == "failed" for o in found):
        found.append(outcome("(exit)", "failed", "status %d\n%s" % (code, tail)))
    elif code == 0 and not found:
        found.append(outcome("(empty)", "failed", "no test ran\n" + tail))
    for text in read_reports(folder):
        found.append(outcome("(sanitizer)", "failed", text))
    return found


def run_job(job, build, root, scale):
    """In a process of its own. Writes the result into the job's folder."""
    folder = os.path.join(root, job.name.replace("/", "-"))
    for name in ("home", "tmp"):
        os.makedirs(os.path.join(folder, name))
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start = time.monotonic()
    code, log = run_process(job, folder, build, JOB_SECONDS[job.kind] * scale)
    processes_left = [] if code is None else left_processes()
    found = judge(job, folder, code, log)
    for name in processes_left:
        found.append(outcome("(left behind)", "failed", "process " + name))
    if code is not None:
        for path in left_files(os.path.join(folder, "tmp")):
            found.append(outcome("(left behind)", "failed", path))
    with open(os.path.join(folder, "outcome"), "w", encoding="utf-8") as f:
        json.dump({"outcomes": found, "seconds": time.monotonic() - start}, f)


# ---- all jobs ----

def lose_network():
    """A network of our own with nothing but loopback. None where that is not allowed."""
    if not sys.platform.startswith("linux") or LIBC.unshare(CLONE_NEWNET):
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sH22x", b"lo", 0)
        flags = struct.unpack("16sH22x", fcntl.ioctl(s, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | IFF_UP))
    return True


def groups_with_processes():
    """Control groups of the embedded Lambda that belong to no living server but hold processes."""
    found = set()
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        for name in names:
            owner = re.fullmatch(r"lambda-perf-gate-(\d+)", name)
            if owner and not os.path.exists("/proc/" + owner.group(1)):
                for path in glob.glob(os.path.join(folder, name, "**/cgroup.procs"), recursive=True):
                    try:
                        with open(path, encoding="utf-8") as f:
                            if f.read().strip():
                                found.add(os.path.dirname(path))
                    except OSError:
                        pass
    return found


class Report:
    """Prints what happens and counts it."""

    def __init__(self, verbose):
        self.verbose = verbose
        self.counts = {}
        self.skips = []
        self.failures = []

    def job(self, job, result):
        counts = self.counts.setdefault(job.kind, {"passed": 0, "failed": 0, "skipped": 0, "seconds": 0.0})
        counts["seconds"] += result["seconds"]
        own = {"passed": 0, "failed": 0, "skipped": 0}
        for one in result["outcomes"]:
            own[one["status"]] += 1
            counts[one["status"]] += 1
        word = "FAIL" if own["failed"] else "ok" if own["passed"] else "skip"
        print("%-4s  %-34s %5d passed %3d failed %3d skipped %7.1f s" % (
            word, job.name, own["passed"], own["failed"], own["skipped"], result["seconds"]))
        self.details(job, result["outcomes"])
        sys.stdout.flush()

    def details(self, job, outcomes):
        reasons = {}
        for one in outcomes:
            if self.verbose:
                print("        %-7s %s (%.2f s)" % (one["status"], one["name"], one["seconds"]))
            if one["status"] == "failed":
                self.failures.append("%s %s" % (job.name, one["name"]))
                print("      FAIL %s\n%s" % (one["name"], indent(one["detail"])))
            elif one["status"] == "skipped":
                reasons.setdefault(one["detail"].strip().replace("\n", "; "), []).append(one["name"])
        for reason, names in reasons.items():
            print("      skip %s: %s" % (names[0] if len(names) == 1 else "%d tests" % len(names), reason))

    def total(self, status):
        return sum(counts[status] for counts in self.counts.values())

    def summary(self, seconds):
        print("\n%-8s %7s %7s %7s %9s" % ("kind", "passed", "failed", "skipped", "seconds"))
        for kind in KINDS:
            if kind in self.counts:
                c = self.counts[kind]
                print("%-8s %7d %7d %7d %9.1f" % (kind, c["passed"], c["failed"], c["skipped"], c["seconds"]))
        if self.failures:
            print("\nfailed:\n" + indent("\n".join(self.failures)))
        print("\n%.0f seconds\n%d passed, %d failed, %d skipped" % (
            seconds, self.total("passed"), self.total("failed"), self.total("skipped")))


def indent(text):
    return "\n".join("        " + line for line in text.rstrip("\n").splitlines())


def collect(job, root):
    folder = os.path.join(root, job.name.replace("/", "-"))
    try:
        with open(os.path.join(folder, "outcome"), encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return {"outcomes": [outcome("(runner)", "failed", "the job's own process died")], "seconds": 0}


def keep_log(job, root, build):
    logs = os.path.join(build, "test-logs")
    os.makedirs(logs, exist_ok=True)
    name = job.name.replace("/", "-")
    try:
        shutil.copyfile(os.path.join(root, name, "log"), os.path.join(logs, name + ".log"))
    except OSError:
        pass


def run_all(jobs, build, root, at_once, scale, report):
    waiting, running = sorted(jobs, key=lambda job: job.name not in ALONE), {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once and not any(job.name in ALONE for job in running.values()):
                job = waiting.pop(0)
                sys.stdout.flush()
                pid = os.fork()
                if pid == 0:
                    signal.signal(signal.SIGTERM, lambda *_: (end_descendants(), os._exit(1)))
                    try:
                        run_job(job, build, root, scale)
                    except BaseException as error:  # the parent must not be continued in this process
                        print("runner: %s: %r" % (job.name, error), file=sys.stderr)
                        os._exit(1)
                    os._exit(0)
                running[pid] = job
            pid, _ = os.wait()
            job = running.pop(pid, None)
            if job:
                report.job(job, collect(job, root))
                keep_log(job, root, build)
    finally:
        for pid in running:
            os.kill(pid, signal.SIGTERM)
        for pid in running:
            os.waitpid(pid, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--unit", action="store_true", help="the C unit tests only")
    parser.add_argument("--interop", action="store_true", help="tests/interop only")
    parser.add_argument("patterns", nargs="*")
    args = parser.parse_args()
    os.chdir(TOP)
    build = os.path.abspath(args.build)
    kinds = ["unit"] if args.unit else ["interop"] if args.interop else ["unit", "fuzz", "bench", "e2e"]
    jobs = select(find_jobs(build, kinds), args.patterns)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if lose_network():
        print("network: loopback only (a network namespace of its own)")
    else:
        print("network: not isolated (that needs root and Linux)")
    report = Report(bool(os.environ.get("V")))
    before = groups_with_processes()
    start = time.monotonic()
    scale = 3 if "san-" in os.path.basename(build) else 1
    root = tempfile.mkdtemp(prefix="lpg-tests-")
    try:
        run_all(jobs, build, root, int(os.environ.get("JOBS") or JOBS), scale, report)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        if not os.environ.get("KEEP"):
            shutil.rmtree(root, ignore_errors=True)
    for folder in sorted(groups_with_processes() - before):
        report.job(Job("e2e", "(all)", [], None), {"seconds": 0, "outcomes": [
            outcome("(left behind)", "failed", "processes in " + folder)]})
    report.summary(time.monotonic() - start)
    return 0 if report.total("failed") == 0 and report.total("passed") > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
