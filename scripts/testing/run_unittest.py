"""Runs the tests of one Python file and writes how each ended, one JSON object a line.

    run_unittest.py FILE RESULTS [--only TEXT] [--test-seconds N]

An object has `name`, `status` (passed, failed, skipped), `seconds`, and `detail`: the traceback or the reason of the skip.
The last line is {"finished": true}: without it the process died half way.
"""

import argparse
import importlib.util
import json
import os
import signal
import sys
import time
import unittest


class TestTimeout(BaseException):
    """Not an Exception: a test that catches everything must not swallow it."""


class Recorder(unittest.TestResult):
    """Writes each outcome at once; a test with subtests is one test, failed when any of them failed."""

    def __init__(self, out, seconds):
        super().__init__()
        self.out = out
        self.seconds = seconds
        self.details = []
        self.status = None
        self.bad = 0

    def write(self, **values):
        self.out.write(json.dumps(values) + "\n")
        self.out.flush()

    def record(self, test, status, seconds, detail=""):
        self.bad += status == "failed"
        self.write(name=short_name(test), status=status, seconds=seconds, detail=detail)

    def startTest(self, test):
        super().startTest(test)
        self.details, self.status, self.start = [], None, time.monotonic()
        signal.alarm(self.seconds)

    def stopTest(self, test):
        signal.alarm(0)
        self.record(test, self.status or "passed", round(time.monotonic() - self.start, 3), "\n".join(self.details))
        self.status = None
        super().stopTest(test)

    def note(self, test, status, detail):
        if isinstance(test, unittest.suite._ErrorHolder):  # a class or module fixture
            self.record(test, status, 0, detail)
            return
        order = (None, "passed", "skipped", "failed")
        self.status = max(self.status, status, key=order.index)
        self.details.append(detail)

    def addError(self, test, error):
        self.note(test, "failed", self._exc_info_to_string(error, test))

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.note(test, "failed", "%s\n%s" % (subtest, self._exc_info_to_string(error, test)))

    def addSkip(self, test, reason):
        self.note(test, "skipped", reason)

    def addExpectedFailure(self, test, error):
        self.note(test, "failed", "expected failures are not used here: fix it or remove it")

    def addUnexpectedSuccess(self, test):
        self.note(test, "failed", "passed although marked as an expected failure")


def short_name(test):
    parts = test.id().split(".")
    return ".".join(parts[-2:]) if "(" not in test.id() else test.id()


def load(path):
    name = os.path.splitext(os.path.basename(path))[0]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def select(suite, only):
    """The tests of `suite` whose name contains `only`, still grouped by class for their fixtures."""
    chosen = unittest.TestSuite()
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            below = select(entry, only)
            if below.countTestCases():
                chosen.addTest(below)
        elif only in short_name(entry):
            chosen.addTest(entry)
    return chosen


def on_alarm(_number, _frame):
    raise TestTimeout("the test took too long")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("results")
    parser.add_argument("--only", default="")
    parser.add_argument("--test-seconds", type=int, default=120)
    args = parser.parse_args()
    signal.signal(signal.SIGALRM, on_alarm)
    with open(args.results, "w", encoding="utf-8") as out:
        recorder = Recorder(out, args.test_seconds)
        try:
            suite = load(args.file)
        except unittest.SkipTest as reason:
            recorder.write(name="(the whole file)", status="skipped", seconds=0, detail=str(reason))
        else:
            select(suite, args.only).run(recorder)
        recorder.write(finished=True)
    return 1 if recorder.bad else 0


if __name__ == "__main__":
    sys.exit(main())
