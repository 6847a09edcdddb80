#!/bin/sh
# Real gates on the embedded Lambda where the truth is known; see gates.py.
set -eu
cd "$(dirname "$0")/.."
python=/usr/bin/python3
test -x "$python" || python=python3
exec "$python" bench/gates.py "$@"
