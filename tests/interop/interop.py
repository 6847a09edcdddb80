"""Where scripts/run-interop.sh put the packages, and why it could not."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

FOLDER = os.environ.get("LPG_TEST_INTEROP", "build/interop")


def need(name):
    """The folder of an installation; skips the calling tests with the reason when there is none."""
    try:
        with open(os.path.join(FOLDER, name + ".skip"), encoding="utf-8") as f:
            raise unittest.SkipTest(f.read().strip())
    except FileNotFoundError:
        pass
    folder = os.path.join(FOLDER, name)
    if not os.path.exists(os.path.join(folder, ".stamp")):
        raise unittest.SkipTest("not installed: make interop")
    return folder
