"""A/A noise of the schedules: the same package on both sides, again and again, for each way of arranging the calls.

    B=build bench/schedules.sh          REPEATS=6 CALLS=5000 FUNCTIONS="c python" by default

Prints Markdown: the standard deviation, and the largest, of ln(candidate / baseline) over the repeats, for the mean, P50
and P99 of the warm durations, and how long a run took. Repeats of the schedules are interleaved, so that a neighbour's
noise falls on all.
"""

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("B", "build"))
REPEATS = int(os.environ.get("REPEATS", "6"))
CALLS = int(os.environ.get("CALLS", "5000"))
ENVIRONMENTS, CALLS_EACH = 5, 20

FUNCTIONS = {
    "c": {"runtime": "provided.al2023", "handler": "bootstrap", "event": {"work": 400000}, "rate": 400},
    "python": {"runtime": "python3.12", "handler": "app.handler", "event": {"work": 20000}, "rate": 40},
}
SCHEDULES = {
    "alternating, 1 environment at a time (default)": None,
    "closed loop, 1 environment, sides in turn": {"concurrency": 1},
    "closed loop, 2 environments, sides in turn": {"concurrency": 2},
    # At a rate that the cold starts of the function leave room for: else every call of a round is a cold one.
    "open loop, sides in turn": {"rate": None},
}


def make_source(folder, name):
    if name == "c":
        shutil.copy(os.path.join(BUILD, "fixtures/bootstrap-c/bootstrap"), os.path.join(folder, "bootstrap"))
        return
    source = os.path.join(HERE, "fixtures/cpu/python")
    for root, _, files in os.walk(source):
        if "app.py" in files:
            shutil.copy(os.path.join(root, "app.py"), folder)
            return
    sys.exit("fixtures/cpu/python has no app.py")


def write_plan(folder, name, load):
    function = FUNCTIONS[name]
    rounds = max(5, CALLS // (ENVIRONMENTS * CALLS_EACH))
    plan = {"runtime": function["runtime"], "handler": function["handler"], "memory": 1769, "timeout": 30,
            "events": [{"inline": function["event"]}],
            "rounds": {"min": rounds, "max": rounds, "environments": ENVIRONMENTS, "calls": CALLS_EACH},
            "limits": {"p99": "+10%"}}
    if load:
        plan["load"] = {key: value or function["rate"] for key, value in load.items()}
    with open(os.path.join(folder, "perf.yml"), "w", encoding="utf-8") as out:
        out.write("version: 1\nfunctions:\n  f: %s\n" % json.dumps(plan))


def measure(folder, name, load):
    """ln(candidate / baseline) of mean, P50 and P99, and the seconds that it took."""
    write_plan(folder, name, load)
    began = time.monotonic()
    run = subprocess.run([os.path.join(BUILD, "lambda-perf-gate"), "run", "--force", "--quiet", "--json", "--seed",
                          str(int(began * 1000) % 100000), "--baseline", folder, "--candidate", folder, "--output",
                          os.path.join(folder, "out")], cwd=folder, stdout=subprocess.PIPE, check=False)
    function = json.loads(run.stdout)["functions"][0]
    metrics = {m["id"]: m for m in function["metrics"]}
    if "change_pct" not in metrics["p99"]:
        sys.exit("%s: %s: %s" % (name, load, function["headline"]))
    effects = {i: math.log1p(metrics[i]["change_pct"] / 100) for i in ("mean", "p50", "p99")}
    return effects, time.monotonic() - began


def cell(values):
    return "%.2f %% (%.2f %%)" % (100 * statistics.pstdev(values, 0), 100 * max(abs(v) for v in values))


def bench(name):
    effects = {schedule: [] for schedule in SCHEDULES}
    seconds = {schedule: [] for schedule in SCHEDULES}
    with tempfile.TemporaryDirectory() as folder:
        make_source(folder, name)
        for _ in range(REPEATS):
            for schedule, load in SCHEDULES.items():
                found, took = measure(folder, name, load)
                effects[schedule].append(found)
                seconds[schedule].append(took)
    print("\nFunction: %s. %d runs of %d calls a side for each schedule.\n" % (name, REPEATS, CALLS))
    print("| schedule | mean: sd (worst) | P50: sd (worst) | P99: sd (worst) | seconds a run |")
    print("|---|---:|---:|---:|---:|")
    for schedule in SCHEDULES:
        cells = [cell([e[i] for e in effects[schedule]]) for i in ("mean", "p50", "p99")]
        print("| %s | %s | %.0f |" % (schedule, " | ".join(cells), statistics.median(seconds[schedule])), flush=True)


for wanted in os.environ.get("FUNCTIONS", "c python").split():
    bench(wanted)
