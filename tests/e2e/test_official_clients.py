"""How runtimes are started that only AWS's own clients run, with stand-ins for Java and Ruby; what is said about an old Node.

The stand-in prints the arguments that it is started with and then becomes the C function, which speaks the Runtime API. So what
a user gets to see, and every word of the start line, is tested where neither is installed.
"""

import os
import platform
import re
import stat
import tempfile
import unittest

import support
from gate_project import Project, c_function, perf_yml

JAVA = """#!/bin/sh
if test "$1" = -XshowSettings:properties; then
    echo "Property settings:" >&2
    echo "    java.home = %(home)s" >&2
    echo "    java.version = %(version)s" >&2
    exit
fi
for word in "$@"; do echo "argument: $word"; done
exec %(home)s/bin/function
"""
RUBY = """#!/bin/sh
for word in "$@"; do echo "argument: $word"; done
exec "$(dirname "$0")/function"
"""
CLIENT = "aws-lambda-java-runtime-interface-client"
MAIN = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
NATIVE = "-Dcom.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI="
ENTRY = {"x86_64": "x86_64", "aarch64": "aarch_64"}.get(platform.machine())


def client_jar(entries=None):
    """An archive that looks like the client's as far as the tool looks."""
    return support.zip_files({"META-INF/MANIFEST.MF": "", **(entries or {})})


class StandIns(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lpg-test-")
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        # Programs that the tool needs, and no java and no aws_lambda_ric.
        self.bare = self.make_folder("bare")
        for name in ("sh", "dirname"):
            os.symlink("/bin/" + name, os.path.join(self.bare, name))

    def make_folder(self, *parts):
        folder = os.path.join(self.folder, *parts)
        os.makedirs(folder, exist_ok=True)
        return folder

    def put(self, content, *parts, executable=False):
        path = os.path.join(self.make_folder(*parts[:-1]), parts[-1])
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        if executable:
            os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def put_java(self, version, name="java"):
        """A stand-in; the folder that would be JAVA_HOME."""
        home = os.path.join(self.folder, name)
        self.put(JAVA % {"home": home, "version": version}, name, "bin", "java", executable=True)
        self.put(c_function(), name, "bin", "function", executable=True)
        return home

    def serve(self, *path, **env):
        serve = support.Serve("--unshaped", env={"PATH": ":".join([*path, self.bare]), "LPG_JAVA_CLIENT": "", **env})
        self.addCleanup(serve.stop)
        return serve

    def started(self, serve, runtime, files=None, name="f", **settings):
        """What the runtime was started with, word by word."""
        client = serve.client()
        support.create(client, name, support.zip_files(files or {"some.class": ""}), runtime=runtime, handler="pkg.Cls::m",
                       **settings)
        answer = support.invoke(client, name)
        self.assertIsNone(answer.error, answer.raw)
        return re.findall(r"^argument: (.*)$", answer.log, re.M)

    def refusal(self, serve, runtime):
        client = serve.client()
        with self.assertRaises(client.exceptions.InvalidParameterValueException) as caught:
            support.create(client, "f", support.zip_files({"some.class": ""}), runtime=runtime)
        return caught.exception.response["Error"]["Message"]

    def verdict_of_run(self, runtime, **env):
        config = perf_yml(runtime=runtime)
        with Project(config, baseline={"a.class": "1"}, candidate={"a.class": "2"}) as project:
            return project.run(env={"LPG_JAVA_CLIENT": "", **env})


class Java(StandIns):
    def test_no_java(self):
        said = self.refusal(self.serve(), "java21")
        self.assertIn("The runtime 'java21' cannot be used here: runtime java21: there is no java in PATH", said)

    def test_no_client(self):
        path = os.path.join(self.put_java("21.0.2"), "bin")
        wanted = "the Java runtime interface client is not installed: put its jars into a folder and its path into " \
                 "LPG_JAVA_CLIENT, or into lib/ of the package"
        self.assertIn(wanted, self.refusal(self.serve(path), "java21"))
        run = self.verdict_of_run("java21", PATH="%s:%s" % (path, os.environ["PATH"]))
        self.assertEqual(run.code, 4, run)
        self.assertIn(wanted, " ".join(run.stdout.split()))

    def test_folder_without_client(self):
        path = os.path.join(self.put_java("21.0.2"), "bin")
        folder = self.make_folder("jars")
        self.assertIn("LPG_JAVA_CLIENT: there is no %s*.jar in %s" % (CLIENT, folder),
                      self.refusal(self.serve(path, LPG_JAVA_CLIENT=folder), "java21"))

    def put_client(self, entries=None):
        self.put(client_jar(), "jars", "zz.jar")
        self.put(client_jar(entries), "jars", CLIENT + "-2.9.0.jar")
        self.put(client_jar(), "jars", "aws-lambda-java-core-1.4.0.jar")
        self.put("no jar", "jars", "README")
        return os.path.join(self.folder, "jars")

    def test_start_line_of_a_client_beside_the_package(self):
        path = os.path.join(self.put_java("21.0.2"), "bin")
        jars = self.put_client()
        serve = self.serve(path, LPG_JAVA_CLIENT=jars)
        class_path = ":".join(os.path.join(jars, name) for name in (
            "aws-lambda-java-core-1.4.0.jar", CLIENT + "-2.9.0.jar", "zz.jar"))
        self.assertEqual(self.started(serve, "java21", MemorySize=512), [
            "-XX:MaxHeapSize=445645k", "-XX:+UseSerialGC", "-XX:ActiveProcessorCount=2", "-XX:+TieredCompilation",
            "-XX:TieredStopAtLevel=1", "-XX:+ErrorFileToStderr", "--add-opens=java.base/java.io=ALL-UNNAMED",
            "-Djava.net.preferIPv4Stack=true", "-classpath", class_path, MAIN, "pkg.Cls::m"])
        self.assertEqual(serve.runtime("f"), CLIENT + "-2.9.0 on Java 21.0.2")

    def test_start_line_of_a_client_in_the_package(self):
        path = os.path.join(self.put_java("17.0.1"), "bin")
        jar = CLIENT + "-2.6.0.jar"
        words = self.started(self.serve(path), "java17", {
            "top.jar": "", "lib/" + jar: client_jar(), "lib/a.jar": "", "lib/deeper/b.jar": ""})
        class_path = words[words.index("-classpath") + 1].split(":")
        root = class_path[0]
        self.assertEqual(os.path.basename(os.path.dirname(root)), "code")
        self.assertEqual([os.path.relpath(p, root) for p in class_path[1:]], ["top.jar", "lib/a.jar", "lib/" + jar])

    @unittest.skipUnless(ENTRY, "the client has no native library for this machine")
    def test_native_library_is_unpacked_once(self):
        path = os.path.join(self.put_java("17.0.1"), "bin")
        jars = self.put_client({"jni/libaws-lambda-jni.linux-%s.so" % ENTRY: "native code"})
        serve = self.serve(path, LPG_JAVA_CLIENT=jars)
        seen = []
        for name in ("one", "two"):
            words = self.started(serve, "java17", name=name)
            seen += [word[len(NATIVE):] for word in words if word.startswith(NATIVE)]
        self.assertEqual((len(seen), len(set(seen))), (2, 1))
        with open(seen[0], encoding="utf-8") as f:
            self.assertEqual(f.read(), "native code")

    def test_old_and_new_machines(self):
        jars = self.put_client()
        for version, runtime, there, missing in (
                ("1.8.0_392", "java8.al2", [], ["Tiered", "--add-opens", "ErrorFileToStderr", "--enable-native"]),
                ("11.0.2", "java11", [], ["Tiered", "--add-opens", "ErrorFileToStderr", "--enable-native"]),
                ("1.8.0_392", "java17", ["Tiered"], ["--add-opens", "ErrorFileToStderr"]),
                ("25", "java25", ["Tiered", "--add-opens", "--enable-native-access=ALL-UNNAMED"], [])):
            with self.subTest(version=version, runtime=runtime):
                home = self.put_java(version, "%s-on-%s" % (runtime, version))
                serve = self.serve(os.path.join(home, "bin"), LPG_JAVA_CLIENT=jars)
                words = " ".join(self.started(serve, runtime))
                self.assertEqual(serve.runtime("f"), "%s-2.9.0 on Java %s" % (CLIENT, version))
                for word in there:
                    self.assertIn(word, words)
                for word in missing:
                    self.assertNotIn(word, words)

    @unittest.skipUnless(ENTRY, "no such variables for this machine")
    def test_machine_of_the_runtimes_version(self):
        jars = self.put_client()
        name = "JAVA_HOME_%d_" + ("X64" if ENTRY == "x86_64" else "ARM64")
        serve = self.serve(os.path.join(self.put_java("17.0.1", "java-17"), "bin"), LPG_JAVA_CLIENT=jars, **{
            name % 21: self.put_java("21.0.2", "java-21"), name % 11: os.path.join(self.folder, "gone")})
        for runtime, version in (("java21", "21.0.2"), ("java17", "17.0.1"), ("java11", "17.0.1")):
            self.started(serve, runtime, name=runtime)
            self.assertRegex(serve.runtime(runtime), "on Java %s$" % re.escape(version))

    def test_options_of_the_function_replace_ours(self):
        path = os.path.join(self.put_java("21.0.2"), "bin")
        serve = self.serve(path, LPG_JAVA_CLIENT=self.put_client())
        ours = ("-XX:MaxHeapSize=", "-XX:+UseSerialGC", "-XX:ActiveProcessorCount=", "-XX:TieredStopAtLevel=1",
                "-Djava.net.preferIPv4Stack=true")
        for i, (own, gone) in enumerate((
                ("-Xlog:gc -XX:+UseStringDeduplication", ()),
                ("-Xmx64m", ours[:1]), ("-XX:MaxRAMPercentage=50", ours[:1]),
                ("-XX:+UseG1GC", ours[1:2]), ("-Da=b -XX:+UseZGC -Dc=d", ours[1:2]),
                ("-XX:ActiveProcessorCount=4", ours[2:3]),
                ("-XX:+TieredCompilation -XX:TieredStopAtLevel=4", ours[3:4]),
                ("-Djava.net.preferIPv4Stack=false", ours[4:]))):
            with self.subTest(own):
                words = " ".join(self.started(serve, "java21", name="f%d" % i, Environment={
                    "Variables": {"JAVA_TOOL_OPTIONS": own}}))
                for option in ours:
                    (self.assertNotIn if option in gone else self.assertIn)(option, words)


class Node(StandIns):
    def test_node_that_is_too_old(self):
        self.put("#!/bin/sh\nprintf '%s\\n' \"$0\" 'Node.js 12.22.12' / ''\n", "old", "node", executable=True)
        said = self.refusal(self.serve(os.path.join(self.folder, "old")), "nodejs20.x")
        self.assertIn("runtime nodejs20.x: Node.js 12.22.12 is too old: 16 or later is needed", said)


class Ruby(StandIns):
    WANTED = "the Ruby runtime interface client is not installed: there is no aws_lambda_ric in PATH " \
             "(gem install aws_lambda_ric)"

    def test_no_client(self):
        said = self.refusal(self.serve(), "ruby3.4")
        self.assertEqual(said, "The runtime 'ruby3.4' cannot be used here: " + self.WANTED)

    def test_no_client_in_a_run(self):
        run = self.verdict_of_run("ruby3.4")
        self.assertEqual(run.code, 4, run)
        self.assertIn(self.WANTED, " ".join(run.stdout.split()))

    def test_start_line(self):
        self.put(RUBY, "gems", "aws_lambda_ric", executable=True)
        self.put(c_function(), "gems", "function", executable=True)
        serve = self.serve(os.path.join(self.folder, "gems"))
        self.assertEqual(self.started(serve, "ruby3.4"), ["pkg.Cls::m"])
        self.assertEqual(serve.runtime("f"), "aws_lambda_ric")


if __name__ == "__main__":
    unittest.main()
