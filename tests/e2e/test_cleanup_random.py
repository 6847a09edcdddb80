"""Runs at a Lambda endpoint, ended at random moments by kill -9, SIGINT and SIGTERM. One `cleanup` later there is nothing
left, and no key of theirs stood in a file or on a command line.

    LPG_TEST_KILLS=60  so many kills, and so many signals (default 10)
    LPG_TEST_SEED=N    other moments
"""

import os
import random
import signal
import subprocess
import threading
import time
import unittest

from endpoint_case import NEEDLES, SEED, EndpointTest
from gate_project import Project, command_line

KILLS = int(os.environ.get("LPG_TEST_KILLS", 10))
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class AtRandom(EndpointTest):
    """At any moment. Calls are a little slow, so that no phase is too short to be hit."""

    def setUp(self):
        self.watched, self.seen, self.watching = None, set(), True
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()
        self.addCleanup(self.end_watch)

    def watch(self):
        """Command lines of everything that the project runs, for as long as it does."""
        while self.watching:
            project = self.watched
            for pid in project.processes() if project else ():
                self.seen.add(command_line(pid))
            time.sleep(0.01)

    def end_watch(self):
        self.watching = False
        self.watcher.join()
        for line in self.seen:
            for needle in NEEDLES:
                self.assertNotIn(needle.decode(), line)

    def moments(self, rng, count):
        """Thirds: while deploying, while measuring, anywhere."""
        for i in range(count):
            yield rng.uniform(*((0.0, 0.4), (0.2, 1.0), (0.0, 2.0))[i % 3])

    def interrupt(self, number, moment, rng):
        server = self.server([{"call": ["CreateFunction", "DeleteFunction"], "do": "slow", "ms": 60},
                              {"call": "UpdateFunctionConfiguration", "do": "slow", "ms": 5}],
                             pending_ms=rng.choice((0, 150)), call_ms=1, seed=rng.random())
        rounds = "{ min: 20, max: 20, environments: 2, calls: 10 }"
        project = self.watched = self.project(rounds)
        process = self.start(project, server)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            pass
        process.send_signal(number)
        return server, project, self.finish(project, process)

    def settle(self, project, server):
        run = self.cleanup(project, server)
        self.assert_code(run, 0)
        self.assert_clean(project, server)

    def test_killed(self):
        rng = random.Random(SEED)
        left = 0
        for moment in self.moments(rng, KILLS):
            with self.subTest(moment=moment, seed=SEED):
                server, project, run = self.kill(moment, rng)
                self.assertIn(run.code, (-9, 0), run)  # 0: it had come to its end
                left += len(server.alive())
                self.settle(project, server)
                server.stop()
        self.assertGreater(left, 0, "no kill came at a moment at which it would have mattered")

    def kill(self, moment, rng):
        server, project, run = None, None, None
        original = Project.assert_nothing_left
        Project.assert_nothing_left = lambda self: self.remove_temporary()
        try:
            server, project, run = self.interrupt(signal.SIGKILL, moment, rng)
        finally:
            Project.assert_nothing_left = original
        return server, project, run

    def signalled(self, number):
        rng = random.Random(SEED + number)
        for moment in self.moments(rng, KILLS // 2):
            with self.subTest(moment=moment, number=number, seed=SEED):
                server, project, run = self.interrupt(number, moment, rng)
                self.assertIn(run.code, (CODES[number], -number, 0), run)
                self.settle(project, server)
                server.stop()

    def test_interrupted(self):
        self.signalled(signal.SIGINT)

    def test_terminated(self):
        self.signalled(signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
