"""scripts/install.sh: where the binary comes from, and what is refused, with a mirror on loopback."""

import hashlib
import http.server
import io
import os
import pathlib
import platform
import shutil
import subprocess
import tarfile
import tempfile
import threading
import unittest

from support import BIN, TOP

ARCH = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "other")
VERSION = pathlib.Path(TOP, "VERSION").read_text(encoding="utf-8").strip()
NAME = "lambda-perf-gate-%s-linux-%s" % (VERSION, ARCH)
STUB = "#!/bin/sh\necho 'lambda-perf-gate %s (stub)'\n" % VERSION
DEADLINE_S = 100


def archive(program, name=NAME):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name + "/lambda-perf-gate")
        entry.size, entry.mode = len(program), 0o755
        tar.addfile(entry, io.BytesIO(program))
    return out.getvalue()


class Mirror(http.server.ThreadingHTTPServer):
    """Serves the files that it is given; the first `failures` requests fail."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.asked, self.failures, self.redirect = {}, [], 0, None
        self.url = "http://127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        mirror = self.server
        mirror.asked.append(self.path)
        content = mirror.files.get(self.path.lstrip("/"))
        if mirror.redirect:
            self.send_response(302)
            self.send_header("Location", mirror.redirect)
        elif mirror.failures > 0 or content is None:
            mirror.failures -= 1
            self.send_response(503)
        else:
            self.send_response(200)
        body = b"" if content is None else content
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@unittest.skipIf(ARCH == "other", "there is no binary for this machine's name")
class Install(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="lpg-test-")
        self.addCleanup(shutil.rmtree, self.base)
        self.root = os.path.join(self.base, "action")
        os.makedirs(os.path.join(self.root, "scripts"))
        for name in ("VERSION", "scripts/install.sh", "scripts/install-deps.sh"):
            shutil.copy(os.path.join(TOP, name), os.path.join(self.root, name))
        for name in ("temp", "cache"):
            os.mkdir(os.path.join(self.base, name))
        self.output = os.path.join(self.base, "output")
        self.mirror = Mirror()
        self.addCleanup(self.mirror.close)

    def release(self, program=None, **wrong):
        """A commit of a release, with its asset on the mirror."""
        program = program or pathlib.Path(BIN).read_bytes()
        packed = archive(program)
        self.mirror.files[NAME + ".tar.gz"] = wrong.get("served", packed)
        sums = {NAME + ".tar.gz": packed, NAME + "/lambda-perf-gate": wrong.get("binary", program)}
        self.write("SHA256SUMS", "".join("%s  %s\n" % (hashlib.sha256(v).hexdigest(), k) for k, v in sums.items()))
        self.write("RELEASE", self.mirror.url + "\n")

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        pathlib.Path(path).write_text(text, encoding="utf-8")
        os.chmod(path, mode)

    def install(self, *arguments, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "RUNNER_", "LPG_", "MAKE"))
               and not k.lower().endswith("_proxy")}
        env.update({"RUNNER_TEMP": os.path.join(self.base, "temp"), "RUNNER_TOOL_CACHE": os.path.join(self.base, "cache"),
                    "GITHUB_OUTPUT": self.output, "GITHUB_ACTIONS": "true", "LPG_RETRY_SECONDS": "0",
                    "RUNNER_OS": "Linux", "RUNNER_ARCH": ARCH.upper(), **more})
        return subprocess.run(["sh", os.path.join(self.root, "scripts/install.sh"), *arguments], env=env, timeout=DEADLINE_S,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)

    def good(self, *arguments, **more):
        run = self.install(*arguments, **more)
        self.assertEqual(run.returncode, 0, run)
        path = run.stdout.strip()
        said = subprocess.run([path, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertTrue(said.startswith("lambda-perf-gate %s " % VERSION), said)
        return run, path

    def refused(self, text, **more):
        run = self.install(**more)
        self.assertEqual(run.returncode, 1, run)
        self.assertIn("::error title=Lambda Perf Gate::", run.stderr)
        self.assertIn(text, run.stderr)
        self.assertFalse(os.path.exists(self.output), "an output of a failed installation")
        return run

    def test_a_release_is_downloaded_once(self):
        self.release()
        _, path = self.good()
        self.assertTrue(path.startswith(os.path.join(self.base, "cache")), path)
        output = pathlib.Path(self.output).read_text(encoding="utf-8")
        self.assertEqual(output, "bin=%s\nversion=%s\n" % (path, VERSION))
        self.assertEqual(self.good()[1], path)
        self.assertEqual(len(self.mirror.asked), 1)
        self.assertEqual(os.listdir(os.path.join(self.base, "temp")), [])

    def test_a_changed_binary_in_the_cache_is_not_used(self):
        self.release()
        _, path = self.good()
        pathlib.Path(path).write_text(STUB + "touch evil\n", encoding="utf-8")
        self.good()
        self.assertEqual(pathlib.Path(path).read_bytes(), pathlib.Path(BIN).read_bytes())
        self.assertEqual(len(self.mirror.asked), 2)

    def test_other_bytes_are_refused_and_nothing_else_is_tried(self):
        self.release(served=archive(STUB.encode()))
        self.write("Makefile", "all:\n\ttouch %s/built\n" % self.base)
        self.refused("does not match SHA256SUMS")
        self.assertFalse(os.path.exists(os.path.join(self.base, "built")))
        self.assertEqual(os.listdir(os.path.join(self.base, "cache")), [])

    def test_another_binary_in_the_right_archive_is_refused(self):
        self.release(binary=b"something else")
        self.refused("checksum of the binary")

    def test_an_archive_without_the_binary(self):
        packed = archive(STUB.encode(), "lambda-perf-gate-9.9.9")
        self.release()
        self.mirror.files[NAME + ".tar.gz"] = packed
        self.write("SHA256SUMS", "%s  %s.tar.gz\n" % (hashlib.sha256(packed).hexdigest(), NAME))
        self.refused("has no " + NAME)

    def test_a_mirror_that_recovers_and_one_that_does_not(self):
        self.release()
        self.mirror.failures = 2
        self.good()
        self.assertEqual(len(self.mirror.asked), 3)
        os.remove(self.output)
        shutil.rmtree(os.path.join(self.base, "cache"))
        self.mirror.failures = 100
        self.refused("could not be downloaded")

    def test_addresses_that_are_not_safe(self):
        self.release()
        for url in ("http://example.com", "file:///etc", "ftp://127.0.0.1", "http://127.0.0.1.example.com", "x"):
            with self.subTest(url):
                self.refused("is no https:// address", LPG_DOWNLOAD_URL=url)
        self.mirror.redirect = "file://" + BIN
        self.refused("could not be downloaded")

    def test_a_binary_beside_the_source_needs_no_network(self):
        self.release()
        self.write("bin/linux-%s/lambda-perf-gate" % ARCH, STUB, 0o755)
        _, path = self.good()
        self.assertEqual(path, os.path.join(self.root, "bin/linux-%s/lambda-perf-gate" % ARCH))
        self.assertEqual(self.mirror.asked, [])

    def test_another_version_is_refused(self):
        self.write("bin/linux-%s/lambda-perf-gate" % ARCH, "#!/bin/sh\necho lambda-perf-gate 0.0.1\n", 0o755)
        self.refused("not version " + VERSION)
        self.write("bin/linux-%s/lambda-perf-gate" % ARCH, "\x7fELF", 0o755)
        self.refused("does not run on this machine")

    def make_source(self):
        """A source whose build is a copy."""
        self.write("Makefile", "all:\n\tmkdir -p $(B)\n\tcp %s $(B)/lambda-perf-gate\n" % BIN)

    def test_without_an_asset_it_is_built_from_source(self):
        self.make_source()
        run, path = self.good()
        self.assertIn("building", run.stderr)
        self.assertTrue(path.startswith(os.path.join(self.base, "temp")), path)  # no cache that jobs share
        self.release()
        sums = pathlib.Path(self.root, "SHA256SUMS").read_text(encoding="utf-8").replace("linux", "plan9")
        self.write("SHA256SUMS", sums)
        self.assertIn("building", self.good()[0].stderr)
        self.assertEqual(self.mirror.asked, [])

    def test_built_from_source_on_request(self):
        self.make_source()
        self.release()
        self.assertIn("building", self.good(LPG_BUILD_FROM_SOURCE="true")[0].stderr)
        self.assertEqual(self.mirror.asked, [])

    def test_a_build_that_fails(self):
        self.write("Makefile", "all:\n\t@echo no such luck; exit 1\n")
        self.assertIn("no such luck", self.refused("the build failed").stderr)

    def test_a_prefix_for_people(self):
        self.release()
        prefix = os.path.join(self.base, "my prefix")
        _, path = self.good("--prefix", prefix)
        self.assertEqual(path, os.path.join(prefix, "bin/lambda-perf-gate"))

    def test_the_wrong_name_of_an_architecture_is_not_believed(self):
        """A 64-bit runner may say so on a machine of another kind."""
        self.make_source()
        self.release()
        other = "ARM64" if ARCH == "x64" else "X64"
        self.assertIn("building", self.good(RUNNER_ARCH=other)[0].stderr)


if __name__ == "__main__":
    unittest.main()
