#!/bin/sh
# A/A noise of the schedules of load; see schedules.py.
set -eu
cd "$(dirname "$0")/.."
python=/usr/bin/python3
test -x "$python" || python=python3
exec "$python" bench/schedules.py
