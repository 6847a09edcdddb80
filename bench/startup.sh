#!/bin/sh
# How long the tool takes to do nothing: --version, beside an empty C program and one that only starts libcurl. The middle of
# many runs, interleaved. Prints Markdown.
#
#   B=build bench/startup.sh            RUNS=101 by default
set -eu

cd "$(dirname "$0")/.."
B=${B:-build}
RUNS=${RUNS:-101}
CC=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo 'int main(void) { return 0; }' >"$work/empty.c"
cat >"$work/curl.c" <<'C'
#include <curl/curl.h>
int main(void) { return curl_global_init(CURL_GLOBAL_DEFAULT) || !curl_version(); }
C
"$CC" -O2 -o "$work/empty" "$work/empty.c"
# shellcheck disable=SC2046
"$CC" -O2 -o "$work/curl" "$work/curl.c" $(pkg-config --cflags --libs libcurl)

python=/usr/bin/python3
test -x "$python" || python=python3
exec "$python" - "$RUNS" "an empty program=$work/empty" "libcurl started=$work/curl" \
    "lambda-perf-gate --version=$B/lambda-perf-gate --version" "lambda-perf-gate --help=$B/lambda-perf-gate --help" <<'PYTHON'
import os, statistics, sys, time

runs = int(sys.argv[1])
programs = [(label, command.split(" ")) for label, _, command in (word.partition("=") for word in sys.argv[2:])]
nothing = os.open(os.devnull, os.O_WRONLY)
times = {label: [] for label, _ in programs}
for _ in range(runs):
    for label, argv in programs:
        start = time.monotonic()
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, nothing, 1)])
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        times[label].append(time.monotonic() - start)
        if status:
            sys.exit("%s ended with %d" % (label, status))
base = statistics.median(times[programs[1][0]])
print("%d runs each, from the start of the process to its end.\n" % runs)
print("| program | median ms | fastest ms | over libcurl ms |\n|---|---:|---:|---:|")
for label, _ in programs:
    middle = statistics.median(times[label])
    print("| %s | %.2f | %.2f | %+.2f |" % (label, middle * 1e3, min(times[label]) * 1e3, (middle - base) * 1e3))
PYTHON
