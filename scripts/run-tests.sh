#!/bin/sh
# Runs the test programs that `make test-programs` built in $B, and the end-to-end tests.
#
#   B=build scripts/run-tests.sh [--unit] [PATTERN]...
#
#   --unit     the C unit tests only
#   PATTERN    only jobs whose name contains it ("unit/net", "serve"); after a colon, only end-to-end tests whose name
#              contains it ("serve_api:alias")
#
#   V=1        a line for every test     JOBS=N      jobs at once (default: one more than processors)
#   KEEP=1     keep the temporary folder
#
# The last line is "N passed, N failed, N skipped"; the exit code is 0 only when something ran and nothing failed.
set -eu

cd "$(dirname "$0")/.."
python=/usr/bin/python3 # Debian's, because its packages (boto3, jsonschema) belong to it
test -x "$python" || python=python3
if ! command -v "$python" >/dev/null 2>&1; then
    echo "the test runner needs python3: scripts/install-deps.sh test" >&2
    exit 1
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$python" scripts/testing/run.py --build "${B:-build}" "$@"
