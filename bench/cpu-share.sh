#!/bin/sh
# How near the embedded Lambda's CPU share is to memory / 1769 MB: a function uses a fixed amount of CPU time, and the wall
# time that REPORT gives it tells the share. Prints Markdown.
#
#   B=build bench/cpu-share.sh          MEMORIES="128 256 512 1024 1769" CPU_MS=200 CALLS=9 by default
set -eu

cd "$(dirname "$0")/.."
B=${B:-build}
python=/usr/bin/python3
test -x "$python" || python=python3
LPG_BUILD=$(cd "$B" && pwd)
LPG_BIN=$LPG_BUILD/lambda-perf-gate
MEMORIES=${MEMORIES:-128 256 512 1024 1769}
export LPG_BUILD LPG_BIN MEMORIES
PYTHONPATH=tests/e2e PYTHONDONTWRITEBYTECODE=1 exec "$python" - <<'PYTHON'
import os, statistics, sys
import support

cpu_ms, calls = int(os.environ.get("CPU_MS", "200")), int(os.environ.get("CALLS", "9"))
try:
    import boto3
except ImportError:
    sys.exit("needs boto3 (python3-boto3)")
serve = support.Serve()
try:
    client = serve.client()
    shaping = serve.get("/_lpg/health")["shaping"]
    if not shaping["cpu"]:
        print("Not measured: the CPU cannot be limited here (%s)." % shaping["reason"])
        sys.exit(0)
    package = support.zip_program(support.BOOTSTRAP)
    print("%d ms of CPU time per call, %d calls after a warm one, median; limits by %s.\n" % (
        cpu_ms, calls, shaping["mechanism"]))
    print("| memory MB | share | expected ms | measured ms | deviation | spread ms |")
    print("|---:|---:|---:|---:|---:|---:|")
    for memory in map(int, os.environ["MEMORIES"].split()):
        name = "cpu-%d" % memory
        support.create(client, name, package, handler="bootstrap", MemorySize=memory, Timeout=60)
        support.invoke(client, name, {"cpu_ms": 1})
        times = [support.invoke(client, name, {"cpu_ms": cpu_ms}).milliseconds("Duration") for _ in range(calls)]
        share = min(memory / 1769, 1)
        # The last slice needs no waiting, and each period of 20 ms begins with its share at once.
        slices = cpu_ms / (20 * share)
        expected = cpu_ms if share == 1 else 20 * int(slices) + (slices - int(slices)) * 20 * share
        measured = statistics.median(times)
        print("| %d | %.3f | %.0f | %.1f | %+.1f %% | %.1f |" % (
            memory, share, expected, measured, 100 * (measured / expected - 1), max(times) - min(times)))
finally:
    serve.stop()
PYTHON
