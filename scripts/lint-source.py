"""Checks of the tree that need no compiler: layers, owners of headers, banned calls, sizes, words, Python syntax.

    lint-source.py [CHECK]...

Prints "ok|warn|FAIL CHECK" and what was found below it. Only failures make the exit code 1.
"""

import ast
import collections
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

SYSTEM_HEADERS = re.compile(  # of the C library and the kernel; everything else is third-party
    r"(assert|ctype|dirent|errno|fcntl|float|ftw|glob|grp|inttypes|limits|locale|math|netdb|poll|pwd|sched|signal|spawn|"
    r"stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|unistd)\.h|"
    r"(sys|arpa|netinet|net|linux|mach|mach-o|asm|machine)/.*")

# call -> where it is allowed (folders or files below src/), and what to use instead
BANNED = [
    (r"strcpy|strcat|sprintf|vsprintf|gets|stpcpy|strncat", (), "use base/buf.h"),
    (r"strtok|strtok_r", (), "use base/text.h"),
    (r"atoi|atol|atoll|atof|strtod|strtof|strtold", ("base/units.c", "base/json.c", "base/json_write.c"),
     "use base/units.h"),
    (r"system|popen|execlp|execvp", (), "use os/proc.h, without a shell"),
    (r"printf|vprintf|fprintf|vfprintf|puts|fputs|putchar|perror|dprintf", ("cmd/", "base/mem.c"), "only cmd/ prints"),
    (r"exit|_exit|_Exit|quick_exit", ("cmd/",), "only cmd/ ends the process"),
    (r"malloc|calloc|realloc|strdup|strndup|asprintf|vasprintf", ("base/mem.c",), "use base/mem.h"),
    (r"rand|srand|random|srandom|drand48", (), "use base/rng.h"),
    (r"time|gettimeofday|clock_gettime|clock|localtime|gmtime|strftime|mktime", ("os/clock.c",), "use os/clock.h"),
    (r"alloca|tmpnam|mktemp|tempnam|setjmp|longjmp", (), "not here"),
]
NEVER_WRITTEN = {("base/buf.c", "nothing")}  # not const because pointers to it are handed out
AFTER_FORK = {"_exit": ("os/proc.c", "sandbox/spawn.c", "sandbox/private_tmp.c")}  # a child that could not start its program

# word -> folders where it may stand, e.g. because it is what the file is about
FORBIDDEN = [
    (r"(?<![\w.*~])/(home|Users)/[a-z]", "a path of one machine"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", "unfinished"),
    (r"\bAKIA(?!\w*EXAMPLE)[0-9A-Z]{16}\b", "an access key"),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----", "a private key"),
    (r"[ \t]+$", "space at the end of a line"),
]
FORBIDDEN_SKIP = ("scripts/lint-source.py",)
TRAILING_SPACE_SKIP = (".md", ".golden", ".txt", ".html")
TEXT = (".c", ".h", ".py", ".sh", ".md", ".yml", ".yaml", ".json", ".mjs", ".js", ".mk", ".go", ".toml", ".cmake", "")
LINE_MAX = 110
LINE_MAX_LONG = 130  # prose: comments of headers and scripts
FILE_WARN, FILE_FAIL = 600, 900
FUNCTION_WARN, FUNCTION_FAIL = 60, 100
FOLDER_FILES_WARN = 40  # .c and .h together
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "do", "else", "case", "defined"}


class Check:
    def __init__(self, name):
        self.name = name
        self.failures = []
        self.warnings = []

    def fail(self, where, text):
        self.failures.append("%s: %s" % (where, text))

    def warn(self, where, text):
        self.warnings.append("%s: %s" % (where, text))

    def show(self):
        word = "FAIL" if self.failures else "warn" if self.warnings else "ok"
        print("%-4s  %s" % (word, self.name))
        for text in self.failures:
            print("      FAIL %s" % text)
        for text in self.warnings:
            print("      warn %s" % text)


def tree():
    """Every file of the project, as git sees it: tracked or new, not ignored."""
    run = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP,
                         capture_output=True, check=False)
    if run.returncode == 0:
        names = [n for n in run.stdout.decode().split("\0") if n]
    else:  # an unpacked archive
        names = []
        for folder, below, files in os.walk(TOP):
            below[:] = [d for d in below if d not in ("build", ".git", "node_modules", "__pycache__")]
            names += [os.path.relpath(os.path.join(folder, f), TOP) for f in files]
    return sorted({n for n in names if os.path.isfile(os.path.join(TOP, n))})


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8", errors="replace") as f:
        return f.read()


def is_binary(name):
    with open(os.path.join(TOP, name), "rb") as f:
        return b"\0" in f.read(8192)


def table(name):
    """The rows of a table file, without comments."""
    return [line.split() for line in read(name).splitlines() if line.split("#")[0].strip()]


def without_comments(text, keep_strings=False):
    """C text with comments (and string contents) blanked; line numbers stay."""
    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        return found if keep_strings else found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def includes(name):
    text = without_comments(read(name), keep_strings=True)
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', text, re.M):
        yield line_of(text, match.start()), match.group(1) == "<", match.group(2)


def c_files(files, *prefixes):
    return [f for f in files if f.endswith((".c", ".h")) and f.startswith(prefixes or ("",))]


# ---- the checks ----

def check_layers(check, files):
    rows = {row[0]: (int(row[1]), row[2:]) for row in table("src/LAYERS")}
    for name in c_files(files, "src/"):
        parts = name.split("/")
        if len(parts) != 3:
            check.fail(name, "one folder level only")
            continue
        own = parts[1]
        if own not in rows:
            check.fail(name, "src/LAYERS does not know the folder %s" % own)
            continue
        for line, system, target in includes(name):
            where = "%s:%d" % (name, line)
            folder = target.split("/")[0]
            if system:
                continue
            if not os.path.isfile(os.path.join(TOP, "src", target)):
                check.fail(where, '"%s" is no file below src/ (includes are "folder/file.h")' % target)
            elif folder != own and folder not in rows[own][1] and not rows[folder][0] < rows[own][0]:
                word = "beside" if rows[folder][0] == rows[own][0] else "above"
                check.fail(where, "%s (layer %d) must not include %s (layer %d), which is %s it" % (
                    own, rows[own][0], target, rows[folder][0], word))
    for folder in rows:
        if not os.path.isdir(os.path.join(TOP, "src", folder)):
            check.fail("src/LAYERS", "there is no folder src/%s" % folder)


def check_cycles(check, files):
    """Within a folder headers must not need each other in a circle."""
    graph = {f[4:]: [t for _, system, t in includes(f) if not system]
             for f in c_files(files, "src/") if f.endswith(".h")}
    done, path = set(), []

    def visit(header):
        if header in path:
            check.fail("src/" + header, "circle: " + " -> ".join(path[path.index(header):] + [header]))
        elif header not in done and header in graph:
            path.append(header)
            for below in graph[header]:
                visit(below)
            path.pop()
            done.add(header)
    for header in sorted(graph):
        visit(header)


def check_owners(check, files):
    rows = [(row[0], row[1:]) for row in table("src/OWNERS")]
    for name in c_files(files, "src/"):
        inner = name[4:]
        for line, system, target in includes(name):
            if not system:
                continue
            owners = [o for prefix, o in rows if target == prefix or (prefix.endswith("/") and target.startswith(prefix))]
            if owners and not any(inner == o or (o.endswith("/") and inner.startswith(o)) for o in owners[0]):
                check.fail("%s:%d" % (name, line), "<%s> belongs to %s" % (target, " ".join(owners[0])))
            elif not owners and not SYSTEM_HEADERS.fullmatch(target):
                check.fail("%s:%d" % (name, line), "<%s> has no owner in src/OWNERS" % target)


def check_own_header_first(check, files):
    for name in c_files(files, "src/"):
        header = name[4:-2] + ".h"
        if name.endswith(".c") and "src/" + header in files:
            first = next(includes(name), None)
            if not first or first[2] != header:
                check.fail(name, 'must include "%s" first' % header)


def check_guards(check, files):
    for name in c_files(files, "src/"):
        if name.endswith(".h"):
            guard = "LPG_" + re.sub(r"[^A-Z0-9]", "_", name[4:].upper())
            if not re.search(r"^#ifndef %s\n#define %s$" % (guard, guard), read(name), re.M):
                check.fail(name, "needs the guard " + guard)


def check_calls(check, files):
    patterns = [(re.compile(r"(?<![\w.>])(%s)\s*\(" % names), allowed, advice) for names, allowed, advice in BANNED]
    for name in c_files(files, "src/"):
        inner, text = name[4:], without_comments(read(name))
        for pattern, allowed, advice in patterns:
            if inner.startswith(allowed) if allowed else False:
                continue
            for match in pattern.finditer(text):
                if inner not in AFTER_FORK.get(match.group(1), ()):
                    check.fail("%s:%d" % (name, line_of(text, match.start())), "%s(): %s" % (match.group(1), advice))


def check_state(check, files):
    """No variable that changes at file scope outside cmd/."""
    pattern = re.compile(r"^static (?!const\b|inline\b|_Thread_local const\b)[\w ]*?\b(?:struct \w+ |[a-z]\w* )"
                         r"\**(\w+)(\[[^]]*\])*( =|;)", re.M)
    for name in c_files(files, "src/"):
        if name.startswith("src/cmd/"):
            continue
        text = without_comments(read(name))
        for match in pattern.finditer(text):
            if "const" not in match.group(0) and (name[4:], match.group(1)) not in NEVER_WRITTEN:
                where = "%s:%d" % (name, line_of(text, match.start()))
                check.fail(where, "%s can change: no state at file scope" % match.group(1))


def functions(text):
    """(name, first line, last line) of function definitions, by the house style: braces in column 0."""
    start = None
    lines = without_comments(text).splitlines()
    for number, line in enumerate(lines):
        if line == "{":
            head = number
            while head > 0 and re.match(r"[^}#\s].*[^;]$|\s+\S.*[^;]$", lines[head - 1]):
                head -= 1
            name = re.search(r"(\w+)\s*\(", " ".join(lines[head:number]))
            start = (name.group(1) if name else "?", head)
        elif line == "}" and start:
            yield start[0], start[1] + 1, number + 1
            start = None


def check_functions(check, files):
    for name in c_files(files, "src/", "tests/", "bench/", "fixtures/"):
        for function, first, last in functions(read(name)):
            length = last - first + 1
            where = "%s:%d" % (name, first)
            if length > FUNCTION_FAIL:
                check.fail(where, "%s() has %d lines (at most %d)" % (function, length, FUNCTION_FAIL))
            elif length > FUNCTION_WARN:
                check.warn(where, "%s() has %d lines" % (function, length))


def check_files(check, files):
    for name in c_files(files) + [f for f in files if f.endswith((".py", ".sh", ".mjs"))]:
        count = read(name).count("\n")
        if count > FILE_FAIL and not name.startswith("tests/"):
            check.fail(name, "%d lines (at most %d)" % (count, FILE_FAIL))
        elif count > FILE_WARN:
            check.warn(name, "%d lines" % count)
    folders = collections.Counter(os.path.dirname(f) for f in c_files(files, "src/"))
    for folder, count in sorted(folders.items()):
        if count > FOLDER_FILES_WARN:
            check.warn(folder, "%d files" % count)


def check_lines(check, files):
    for name in c_files(files) + [f for f in files if f.endswith((".py", ".sh", ".mjs"))]:
        if "/data/" in name:
            continue
        limit = LINE_MAX if name.endswith((".c", ".h")) else LINE_MAX_LONG
        for number, line in enumerate(read(name).splitlines(), 1):
            if len(line) > limit and "http" not in line:
                check.fail("%s:%d" % (name, number), "%d characters (at most %d)" % (len(line), limit))
            if line.startswith("\t") and name.endswith((".c", ".h", ".py")):
                check.fail("%s:%d" % (name, number), "a tab")


def check_words(check, files):
    for name in files:
        extension = os.path.splitext(name)[1]
        if extension not in TEXT or is_binary(name) or name in FORBIDDEN_SKIP or "/corpus/" in name or "/data/" in name:
            continue
        for number, line in enumerate(read(name).splitlines(), 1):
            for pattern, reason in FORBIDDEN:
                if reason.startswith("space") and extension in TRAILING_SPACE_SKIP:
                    continue
                found = re.search(pattern, line)
                if found:
                    check.fail("%s:%d" % (name, number), "%s: %r" % (reason, found.group(0)))


def check_binaries(check, files):
    for name in files:
        if not name.endswith((".png", ".zip")) and "/corpus/" not in name and is_binary(name):
            check.fail(name, "a binary file")


def check_python(check, files):
    for name in files:
        if name.endswith(".py") and "/misbehaving/" not in name:
            try:
                ast.parse(read(name), name)
            except SyntaxError as error:
                check.fail("%s:%s" % (name, error.lineno), error.msg)


def check_tests(check, files):
    """Every fuzz target has seeds, and every seed folder has a target."""
    targets = [os.path.basename(f)[5:-2] for f in files if re.fullmatch(r"tests/fuzz/fuzz_\w+\.c", f)]
    folders = {f.split("/")[3] for f in files if f.startswith("tests/fuzz/corpus/")}
    for target in targets:
        if not any(target == f or target.startswith(f + "_") for f in folders):
            check.fail("tests/fuzz/fuzz_%s.c" % target, "no seeds in tests/fuzz/corpus/%s/" % target)
    for folder in folders:
        if not any(target == folder or target.startswith(folder + "_") for target in targets):
            check.fail("tests/fuzz/corpus/" + folder, "no fuzz target")
    for name in files:
        if re.fullmatch(r"tests/(e2e|interop)/test_\w+\.py", name) and not re.search(r"^    def test_", read(name), re.M):
            check.fail(name, "holds no test")


CHECKS = {
    "layers": check_layers,
    "header-circles": check_cycles,
    "header-owners": check_owners,
    "own-header-first": check_own_header_first,
    "header-guards": check_guards,
    "banned-calls": check_calls,
    "file-scope-state": check_state,
    "function-length": check_functions,
    "file-length": check_files,
    "line-length": check_lines,
    "words": check_words,
    "binaries": check_binaries,
    "python-syntax": check_python,
    "test-files": check_tests,
}


def main():
    files = tree()
    failed = 0
    for name in sys.argv[1:] or CHECKS:
        check = Check(name)
        CHECKS[name](check, files)
        check.show()
        failed += bool(check.failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
