"""The test runner itself: what must make a suite fail does, and the counts are right.

Each test lays out a little project of its own with the real runner in it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

import support

RUNNER = os.path.join(support.TOP, "scripts", "testing")


class Runner(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lpg-runner-")
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copytree(RUNNER, os.path.join(self.folder, "scripts/testing"))
        os.makedirs(os.path.join(self.folder, "build/bench"))
        self.write("build/lambda-perf-gate", "#!/bin/sh\n")
        self.write("build/bench/statistics", "#!/bin/sh\necho 'ok a goal'\n")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(textwrap.dedent(text))
        os.chmod(path, 0o755)

    def python(self, body):
        self.write("tests/e2e/test_it.py", "import os, subprocess, sys, tempfile, unittest\n" + textwrap.dedent(body))

    def unit(self, script):
        self.write("tests/unit/test_it.c", "")
        self.write("build/tests/test_it", "#!/bin/sh\n" + textwrap.dedent(script))

    def run_suite(self, *arguments):
        run = subprocess.run([sys.executable, os.path.join(self.folder, "scripts/testing/run.py"), *arguments],
                             cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             timeout=support.DEADLINE_S, check=False)
        counts = run.stdout.rstrip("\n").split("\n")[-1]
        return run.returncode, counts, run.stdout + run.stderr

    def fails_with(self, text, *arguments):
        code, counts, output = self.run_suite(*(arguments or ("e2e",)))
        self.assertEqual(code, 1, output)
        self.assertNotIn(" 0 failed", counts)
        self.assertIn(text, output)

    def test_counts_and_reasons(self):
        self.python("""
            class T(unittest.TestCase):
                def test_good(self): pass
                def test_bad(self): self.assertEqual(1, 2)
                def test_sub(self):
                    for i in range(3):
                        with self.subTest(i): self.assertLess(i, 1)
                @unittest.skip("for a reason")
                def test_not(self): pass
        """)
        code, counts, output = self.run_suite("e2e")
        self.assertEqual((code, counts), (1, "1 passed, 2 failed, 1 skipped"), output)
        self.assertIn("skip T.test_not: for a reason", output)
        self.assertEqual(self.run_suite("e2e:good")[:2], (0, "1 passed, 0 failed, 0 skipped"))

    def test_nothing_ran(self):
        self.assertEqual(self.run_suite("no-such-name")[:2], (1, "0 passed, 0 failed, 0 skipped"))
        self.python("")
        self.fails_with("no test ran")

    def test_only_skips_are_no_success(self):
        self.python("""
            @unittest.skip("all of it")
            class T(unittest.TestCase):
                def test_a(self): pass
        """)
        self.assertEqual(self.run_suite("e2e")[:2], (1, "0 passed, 0 failed, 1 skipped"))

    def test_a_file_that_cannot_be_read(self):
        self.python("import a_module_that_nobody_has")
        self.fails_with("before its end")

    def test_a_process_that_dies_half_way(self):
        self.python("""
            class T(unittest.TestCase):
                def test_a(self): pass
                def test_b(self): os._exit(0)
        """)
        self.fails_with("before its end")

    def test_a_process_left_behind(self):
        self.python("""
            class T(unittest.TestCase):
                def test_a(self):
                    subprocess.Popen(["sh", "-c", "setsid sleep 1000 & :"]).wait()
        """)
        self.fails_with("sleep 1000")

    def test_a_file_left_behind(self):
        self.python("""
            class T(unittest.TestCase):
                def test_a(self): tempfile.mkdtemp(prefix="lambda-perf-gate-left-")
        """)
        self.fails_with("lambda-perf-gate-left-")

    def test_a_sanitizer_report_of_a_process_nobody_looked_at(self):
        self.python("""
            class T(unittest.TestCase):
                def test_a(self):
                    path = [o for o in os.environ["ASAN_OPTIONS"].split(":") if o.startswith("log_path=")][0][9:]
                    with open(path + ".123", "w") as f: f.write("heap-use-after-free")
        """)
        self.fails_with("heap-use-after-free")

    def test_unit_programs(self):
        self.unit("""
            echo '[==========] Running 3 test(s).'
            echo '[ RUN      ] one'; echo '[       OK ] one'
            echo '[ RUN      ] two'; echo 'no IPv6 here'; echo '[  SKIPPED ] two'
            echo '[ RUN      ] three'; echo '[  FAILED  ] three'
            exit 1
        """)
        code, counts, output = self.run_suite("unit")
        self.assertEqual((code, counts), (1, "1 passed, 1 failed, 1 skipped"), output)
        self.assertIn("no IPv6 here", output)

    def test_a_unit_program_that_crashes(self):
        self.unit("""
            echo '[==========] Running 2 test(s).'
            echo '[ RUN      ] one'; echo '[       OK ] one'
            echo '[ RUN      ] two'
            kill -SEGV $$
        """)
        self.fails_with("ended inside this test", "unit")

    def test_a_unit_program_that_stops_early_with_success(self):
        self.unit("""
            echo '[==========] Running 2 test(s).'
            echo '[ RUN      ] one'; echo '[       OK ] one'
        """)
        self.fails_with("2 tests announced, 1 ended", "unit")

    def test_a_unit_program_that_is_not_built(self):
        self.write("tests/unit/test_it.c", "")
        self.fails_with("No such file", "unit")

    @unittest.skipUnless(sys.platform.startswith("linux") and os.geteuid() == 0, "needs root on Linux")
    def test_there_is_no_network_but_loopback(self):
        self.python("""
            import errno, socket
            class T(unittest.TestCase):
                def test_a(self):
                    with socket.create_server(("127.0.0.1", 0)) as s:
                        socket.create_connection(s.getsockname()).close()
                    with self.assertRaises(OSError) as caught:
                        socket.create_connection(("192.0.2.1", 80), timeout=5)
                    self.assertEqual(caught.exception.errno, errno.ENETUNREACH)
        """)
        code, counts, output = self.run_suite("e2e")
        if "not isolated" in output:
            self.skipTest("network namespaces are not allowed here")
        self.assertEqual((code, counts), (0, "1 passed, 0 failed, 0 skipped"), output)


if __name__ == "__main__":
    unittest.main()
