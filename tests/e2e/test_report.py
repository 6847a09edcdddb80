"""Reports as their readers see them: the Markdown through GitHub's renderer (cmark-gfm), the HTML and XML through parsers,
and a corpus of hostile names and messages in every text of a result."""

import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
LPG_BIN = os.environ.get("LPG_BIN", str(ROOT / "build" / "lambda-perf-gate"))
CMARK = shutil.which("cmark-gfm")
EXTENSIONS = ("table", "autolink", "strikethrough", "tasklist", "footnotes")

# What our own Markdown may turn into. No links, no images, no inputs, no comments.
ALLOWED = {"h3", "h4", "p", "ul", "li", "pre", "code", "strong", "sub", "details", "summary",
           "table", "thead", "tbody", "tr", "th", "td"}
ALLOWED_HTML = ALLOWED - {"h4", "strong", "sub", "thead", "tbody"} | {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "footer"}
VOID = {"meta"}

# Invisible, except for U+2060, which stands behind '@' and '#' to end what would be a mention.
INVISIBLE = re.compile("[\u0080-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2061-\u206f\ufeff]")
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f]")
MENTION = re.compile(r"(?<!\w)@\w")
REFERENCE = re.compile(r"#\d|\bgh-\d", re.IGNORECASE)

HOSTILE = [
    "@org/team", "@dependabot merge", "fixes #1", "GH-1 gh-22", "org/repo#3", "user@41d0e7c",
    "41d0e7c2b9d6f1a7e03c55d4a1c9be2f80d7a6e4",
    "https://evil.example/", "http://evil.example", "www.evil.example", "WWW.evil.example", "ftp://evil.example/x",
    "mail@evil.example", "mailto:mail@evil.example", "xmpp:mail@evil.example",
    "<https://evil.example>", "<mail@evil.example>",
    "![x](http://evil.example/beacon.png)", "[x](http://evil.example)", "[x][y]", "[x]: http://evil.example",
    "\n\n[x]: http://evil.example\n\n[x]", "[^1]", "\n\n[^1]: note\n\n[^1]",
    "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "</details></summary>", "</code></td></table>",
    "<!-- lambda-perf-gate v=1 -->", "<!--", "-->", "<![CDATA[", "]]>", "<?php", "<!DOCTYPE x>",
    "&lt;b&gt; &#64;org &amp; &nbsp;", "**b** __b__ *i* _i_ ~~s~~", "x_y_z _a_", "\\", "x\\", "\\`", "\\|",
    "|", "a|b|c", "\n| a | b |\n|---|---|\n| c | d |", "\n# heading\n", "\n- item\n", "\n1. item", "\n> quote\n",
    "\n    code\n", "\n---\n", "\n===\n", "- [ ] task", "# heading", "> quote", "---", "1. item", "\t tab",
    "\n```mermaid\ngraph TD\n```\n", "\n~~~\nx\n", "$math$", "$`math`$", "$$\nx\n$$", "\\(x\\)",
    "\u202eright-to-left\u202c", "zero\u200bwidth\u200d\ufeff", "soft\u00adhyphen", "\u001b[31mred\u001b[0m", "\u0007",
    "nul\u0001\u0008", "\u0085next\u2028line\u2029", "::set-output name=a::b", "##[error]x", "\r::error::x",
    "noncharacter\ufffe\uffff", "emoji 🏴\u200d☠️", "a" * 10000, "`" * 200, "|" * 500, "<" * 500, "[" * 500,
] + ["`" * n for n in range(1, 41)] + ["`" * n + "x" for n in (1, 2, 3, 4, 40)]


class Document(html.parser.HTMLParser):
    """The tags of a document, the text outside code, and whether everything that is opened is closed."""

    def __init__(self, text, void=()):
        super().__init__()
        self.tags, self.stack, self.prose, self.faults = set(), [], [], []
        self.void = set(void)
        self.feed(text)
        self.close()
        if self.stack:
            self.faults.append(f"not closed: {self.stack}")

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        for name, value in attributes:
            if name.startswith("on") or name in ("src", "href", "style", "id"):
                self.faults.append(f"<{tag} {name}={value}>")
        if tag not in self.void:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data):
        if not {"code", "pre", "style"} & set(self.stack):
            self.prose.append(data)

    def handle_comment(self, data):
        self.faults.append(f"comment {data}")

    def handle_decl(self, decl):
        if decl.lower() != "doctype html":
            self.faults.append(f"declaration {decl}")

    def unknown_decl(self, data):
        self.faults.append(f"declaration {data}")

    def handle_pi(self, data):
        self.faults.append(f"instruction {data}")


def cmark(markdown):
    arguments = [CMARK, "--unsafe", "--to", "html"]
    for extension in EXTENSIONS:
        arguments += ["--extension", extension]
    return subprocess.run(arguments, input=markdown.encode(), stdout=subprocess.PIPE, check=True).stdout.decode()


def report(path, form, *arguments):
    done = subprocess.run([LPG_BIN, "report", str(path), "--format", form, *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1, 3, 4) or not done.stdout:
        raise AssertionError(f"report --format {form}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def with_text(result, text):
    """The result with this text wherever it holds free text: names, messages, sources, limits."""
    result = json.loads(json.dumps(result))
    kept = {"schema", "verdict", "id", "unit", "kind"}

    def fill(value, key=None):
        if isinstance(value, dict):
            return {k: fill(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [fill(v, key) for v in value]
        return text if isinstance(value, str) and key not in kept else value

    result = fill(result)
    for function in result["functions"]:
        function["warnings"] = [text, "before " + text, text + " behind"]
    result["target"]["note"] = text
    result["target"]["shaped"] = False
    return result


class Checks(unittest.TestCase):
    def check_markdown(self, markdown, what):
        self.assertLessEqual(len(markdown.encode()), 60000, what)
        self.assertIsNone(INVISIBLE.search(markdown), what)
        self.assertIsNone(CONTROL.search(markdown), what)
        document = Document(cmark(markdown))
        self.assertEqual(document.faults, [], what)
        self.assertEqual(document.tags - ALLOWED, set(), what)
        prose = " ".join(document.prose)
        self.assertIsNone(MENTION.search(prose), what)
        self.assertIsNone(REFERENCE.search(prose), what)

    def check_html(self, text, what):
        document = Document(text, VOID)
        self.assertEqual(document.faults, [], what)
        self.assertEqual(document.tags - ALLOWED_HTML, set(), what)
        self.assertIsNone(INVISIBLE.search(text), what)

    def check_junit(self, text, result, what):
        root = xml.etree.ElementTree.fromstring(text)
        self.assertEqual(root.tag, "testsuites", what)
        for suite in root:
            cases = suite.findall("testcase")
            self.assertEqual(len(cases), int(suite.get("tests")), what)
            self.assertEqual(len(suite.findall("testcase/failure")), int(suite.get("failures")), what)
            self.assertEqual(len(suite.findall("testcase/error")), int(suite.get("errors")), what)
        bad = int(root.get("failures")) + int(root.get("errors"))
        self.assertEqual(bad == 0, result["verdict"] == "pass", what)
        self.assertGreater(int(root.get("tests")), 0, what)

    def check_terminal(self, text, what):
        self.assertIsNone(CONTROL.search(text), what)
        self.assertIsNone(INVISIBLE.search(text), what)
        for line in text.splitlines():
            self.assertFalse(re.match(r"\s*::\w", line) or "##[" in line, what)


@unittest.skipUnless(CMARK, "cmark-gfm is not installed: the Markdown was not rendered")
class GoldenFiles(Checks):
    """The accepted files themselves, so that a bad one cannot be accepted unnoticed."""

    def test_markdown(self):
        paths = sorted(GOLDEN.glob("*/comment.md"))
        self.assertGreaterEqual(len(paths), 9)
        for path in paths:
            self.check_markdown(path.read_text(), path.parent.name)

    def test_every_table_row_has_all_cells(self):
        for path in sorted(GOLDEN.glob("*/comment.md")):
            text = re.sub(r"`+[^`\n]*?`+", "x", path.read_text())
            for row in (line for line in text.splitlines() if line.startswith("|:")):
                self.assertIn(row.replace(":--", "").replace("--:", "").replace(":-:", "").strip("|"), "|||||||||", path)
            tables = cmark(path.read_text()).split("<table>")[1:]
            for table in tables:
                heads = table.split("</thead>")[0].count("<th")
                heads -= 1  # <thead> itself
                for row in table.split("</table>")[0].split("<tr>")[2:]:
                    self.assertEqual(row.count("<td"), heads, path)

    def test_verdict_comes_first(self):
        words = {"pass": "✅ PASS", "fail": "❌ FAIL", "inconclusive": "❔ INCONCLUSIVE", "error": "💥 ERROR"}
        for path in sorted(GOLDEN.glob("*/comment.md")):
            verdict = json.loads((path.parent / "result.json").read_text())["verdict"]
            first = path.read_text().splitlines()[0]
            self.assertTrue(first.startswith(f"### {words[verdict]} · "), first)


class GoldenDocuments(Checks):
    def test_html(self):
        for path in sorted(GOLDEN.glob("*/report.html")):
            self.check_html(path.read_text(), path.parent.name)

    def test_junit(self):
        for path in sorted(GOLDEN.glob("*/junit.xml")):
            result = json.loads((path.parent / "result.json").read_text())
            self.check_junit(path.read_text(), result, path.parent.name)


class Command(Checks):
    """`lambda-perf-gate report`, on the golden results and on hostile ones."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name) / "result.json"

    def test_formats_are_those_of_the_golden_files(self):
        for folder in sorted(GOLDEN.iterdir()):
            for form, name in (("markdown", "comment.md"), ("html", "report.html"), ("junit", "junit.xml"),
                               ("json", "result.json")):
                self.assertEqual(report(folder / "result.json", form), (folder / name).read_text(), (folder, form))

    def test_hostile_texts_in_every_place(self):
        base = json.loads((GOLDEN / "multi" / "result.json").read_text())
        single = json.loads((GOLDEN / "fail" / "result.json").read_text())
        for text in HOSTILE:
            for result in (with_text(base, text), with_text(single, text)):
                result["errors"] = [text, "first\n" + text] if len(result["functions"]) > 1 else []
                self.path.write_text(json.dumps(result))
                what = repr(text[:60])
                if CMARK:
                    self.check_markdown(report(self.path, "markdown"), what)
                self.check_html(report(self.path, "html"), what)
                self.check_junit(report(self.path, "junit"), result, what)
                self.check_terminal(report(self.path, "terminal"), what)
        if not CMARK:
            self.skipTest("cmark-gfm is not installed: the Markdown was not rendered")

    def test_a_damaged_file_is_refused(self):
        text = (GOLDEN / "pass" / "result.json").read_bytes()
        for damaged in (b"", b"{}", text[:-3], text.replace(b'"pass"', b'"fail"', 2).replace(b'"fail"', b'"pass"', 1)):
            self.path.write_bytes(damaged)
            done = subprocess.run([LPG_BIN, "report", str(self.path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  check=False)
            self.assertEqual(done.returncode, 4, damaged[:40])
            self.assertEqual(done.stdout, b"")
            self.assertIn(b"error", done.stderr)


if __name__ == "__main__":
    unittest.main()
