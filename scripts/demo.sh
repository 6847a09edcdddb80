#!/bin/sh
# The main job twice, on the embedded Lambda, over real Python functions: a regression that must be caught and an
# improvement that must pass. Ends with 0 when both came out as they should.
#
#   B   build folder (default: build)
set -eu
cd "$(dirname "$0")/.."
tool=$(cd "${B:-build}" && pwd)/lambda-perf-gate
reports=${B:-build}/demo
rm -rf "$reports"

# gate NAME PATTERN BASELINE CANDIDATE EXPECTED: one run; says what it is about, shows the report, checks the exit code.
gate() {
    name=$1 pattern=$2 baseline=$3 candidate=$4 expected=$5
    status=0
    "$tool" run --config "fixtures/$pattern/demo.yml" --output "$reports/$name" \
        --baseline "fixtures/$pattern/python/$baseline" \
        --candidate "fixtures/$pattern/python/$candidate" || status=$?
    if [ "$status" -ne "$expected" ]; then
        echo "demo: '$name' should have ended with exit code $expected, not $status" >&2
        exit 1
    fi
}

cat <<'END'
== 1 of 2: a regression =========================================================================
A pull request replaced a set by a list (fixtures/data-structures/python). The gate must say FAIL.

END
gate regression data-structures fast slow 1

cat <<'END'

== 2 of 2: an improvement =======================================================================
A pull request loads a heavy library only where it is needed (fixtures/imports/python). It must PASS.

END
gate improvement imports slow fast 0

cat <<END

Both came out as they should: the regression failed the gate, the improvement passed it.
The reports are in:
  $reports/regression/   report.md is the comment that a pull request would get
  $reports/improvement/  result.json is the whole result, samples.ndjson every invocation
END
