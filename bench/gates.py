"""Real gates: `lambda-perf-gate run` on the embedded Lambda, again and again, where the truth is known.

    B=build bench/gates.sh              GATES=100 CELLS="c-same c-all-15 ..." RESULTS=$B/bench/gates by default
    BUSY_MAX=20 bench/gates.sh          each gate waits until others keep less than 20 % of the processors busy
    B=build bench/gates.sh --table      the Markdown of the results so far, nothing is measured

A cell is a language and a truth: the same code on both sides, or a candidate that is 15 % or 20 % slower for the payload with
the slowest calls (1.5 % of all), in all calls, or in its init. One gate of each cell in turn, so that an early end leaves a
balanced table. Each gate is a line of RESULTS/gates.ndjson as soon as it is over, and a later call goes on where an earlier one
stopped; of an outcome that the truth does not call for, the result and the samples are kept in RESULTS/unexpected/.

The functions do nothing but arithmetic. How much is up to the payload, of which there are three (PAYLOADS), and to the request
id, for a log-normal spread between calls with the same payload. A slowdown of x % makes the durations in REPORT lines x %
longer: how long a step takes, and what a call without any step takes, is measured once (RESULTS/calibration.json).
"""

import gzip
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("B", "build"))
BIN = os.path.abspath(os.environ.get("LPG_BIN", os.path.join(BUILD, "lambda-perf-gate")))
RESULTS = os.path.abspath(os.environ.get("RESULTS", os.path.join(BUILD, "bench", "gates")))
GATES = int(os.environ.get("GATES", "100"))
BUSY_MAX = float(os.environ.get("BUSY_MAX", "100"))
BUSY_WINDOW_S, TOO_LONG_S, CALIBRATIONS = 1, 600, 3

# Durations as REPORT tells them, in ms; without "init_ms" the init takes what the runtime takes. The time of a call of
# "calibrate" steps tells how long a step takes.
LANGUAGES = {
    "c": {"label": "C", "runtime": "provided.al2023", "handler": "bootstrap", "environments": 4, "calls": 33,
          "init_ms": 15, "calibrate": 2000000},
    "python": {"label": "Python", "runtime": "python3.12", "handler": "app.handler", "environments": 4, "calls": 33,
               "init_ms": None, "calibrate": 40000},
}
# Milliseconds of a call, and calls per round: the weights add up to the calls of a round with the first ones of the
# environments, so each round has as many of each. P99 is within the last payload's calls.
PAYLOADS = [(1.0, 132), (7.0, 2), (8.0, 2)]
SPREAD, SIZES = 0.05, 100  # of ln(duration) for a payload, and from how many sizes the request id picks
LIMITS = {"p99": "+10%", "cold_start": "+10%"}
ROUNDS = {"min": 10, "max": 120}

# Where the slowdown is: what the table calls it, and the metric that must fail.
PLACES = {
    "same": ("none (A/A)", None),
    "all": ("all calls", "p99"),
    "tail": ("slowest 1.5 % of calls", "p99"),
    "init": ("init", "cold_start"),
}
CELLS = {}  # name -> (language, place, percent)
for _language in LANGUAGES:
    CELLS["%s-same" % _language] = (_language, "same", 0)
    for _place in ("all", "tail", "init"):
        for _percent in (15, 20):
            CELLS["%s-%s-%d" % (_language, _place, _percent)] = (_language, _place, _percent)

PYTHON_SOURCE = '''\
import binascii

STEPS = %s


def work(steps):
    state = 1
    for _ in range(steps):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return state


work(%d)


def handler(event, context):
    row = STEPS[event["row"]]
    return {"state": work(row[binascii.crc32(context.aws_request_id.encode()) %% len(row)])}
'''


# ---- the functions ----

def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def make_side(folder, language, rows, init_steps):
    """A build of the function with these steps in its init, and for each payload a row of steps, one of which a call takes."""
    os.makedirs(folder, exist_ok=True)
    if language == "python":
        write(os.path.join(folder, "app.py"), PYTHON_SOURCE % (rows, init_steps))
        return
    table = folder + ".steps"  # beside the package, not in it
    write(table, ",\n".join(", ".join(map(str, row)) for row in rows) + "\n")
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-D_GNU_SOURCE", "-DWORK_TABLE=\"%s\"" % table,
                    "-DWORK_ROW=%d" % len(rows[0]), "-DINIT_WORK=%d" % init_steps, "-o", os.path.join(folder, "bootstrap"),
                    os.path.join(HERE, "fixtures/bootstrap-c/bootstrap.c")], check=True)


def durations_ms(middle_ms):
    """The sizes of a payload's calls: the quantiles of their distribution."""
    normal = statistics.NormalDist()
    return [middle_ms * math.exp(SPREAD * normal.inv_cdf((i + 0.5) / SIZES)) for i in range(SIZES)]


def slowed(place, percent):
    """By how much the calls with each payload and the init are longer, as factors."""
    factor = 1 + percent / 100
    first = {"all": 0, "tail": len(PAYLOADS) - 1}.get(place, len(PAYLOADS))
    return [factor if i >= first else 1 for i in range(len(PAYLOADS))], factor if place == "init" else 1


def steps_for(target_ms, overhead_ms, step_ms):
    return max(0, round((target_ms - overhead_ms) / step_ms))


def make_build(folder, language, calibration, place, percent):
    factors, init_factor = slowed(place, percent)
    rows = [[steps_for(ms * factor, calibration["call_ms"], calibration["step_ms"]) for ms in durations_ms(middle_ms)]
            for (middle_ms, _), factor in zip(PAYLOADS, factors)]
    init_ms = LANGUAGES[language]["init_ms"] or calibration["init_ms"]
    make_side(folder, language, rows, steps_for(init_ms * init_factor, calibration["init_ms"], calibration["step_ms"]))


def write_plan(folder, language, limits, rounds):
    function = LANGUAGES[language]
    plan = {"runtime": function["runtime"], "handler": function["handler"], "memory": 1769, "timeout": 30, "limits": limits,
            "events": [{"inline": {"row": row}, "weight": weight} for row, (_, weight) in enumerate(PAYLOADS)],
            "rounds": dict(rounds, environments=function["environments"], calls=function["calls"])}
    write(os.path.join(folder, "perf.yml"), "version: 1\nfunctions:\n  f: %s\n" % json.dumps(plan))


# ---- one run of the gate ----

def run_gate(folder, baseline, candidate, seed):
    """(exit code, the result or None, seconds, what it said on stderr)."""
    began = time.monotonic()
    command = [BIN, "run", "--force", "--quiet", "--json", "--seed", str(seed), "--baseline", baseline, "--candidate",
               candidate, "--output", os.path.join(folder, "out")]
    shutil.rmtree(os.path.join(folder, "out"), ignore_errors=True)
    try:
        run = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TOO_LONG_S,
                             check=False)
    except subprocess.TimeoutExpired:
        return None, None, time.monotonic() - began, "not over after %d s" % TOO_LONG_S
    seconds = time.monotonic() - began
    try:
        result = json.loads(run.stdout)
    except ValueError:
        result = None
    return run.returncode, result, seconds, run.stderr.decode(errors="replace")


# ---- the neighbours ----

def processor_ticks():
    """(idle, all) since the start of the machine."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(word) for word in stat.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def busy_percent():
    """How busy the processors are while nothing is measured: with what others do."""
    idle, total = processor_ticks()
    time.sleep(BUSY_WINDOW_S)
    idle_later, total_later = processor_ticks()
    return 100 * (1 - (idle_later - idle) / max(1, total_later - total))


def wait_for_rest():
    """The busy percentage just before a gate. Only what is known before the gate decides when it begins."""
    if BUSY_MAX >= 100:
        return None
    while True:
        busy = busy_percent()
        if busy <= BUSY_MAX:
            return round(busy, 1)


# ---- how long a step takes here ----

def calibrate_once(folder, sides, steps):
    wait_for_rest()
    code, _, _, stderr = run_gate(folder, sides["baseline"], sides["candidate"], 1)
    if code not in (0, 3):
        sys.exit("calibration in %s: exit code %s\n%s" % (folder, code, stderr))
    warm, inits = {side: [] for side in sides}, []
    with open(os.path.join(folder, "out", "samples.ndjson"), encoding="utf-8") as lines:
        for sample in map(json.loads, lines):
            if sample["cold"]:
                inits.append(sample["init_ms"])
            else:
                warm[sample["side"]].append(sample["duration_ms"])
    # The first decile: a call that nobody else was in the way of.
    call_ms, known_ms, init_ms = (statistics.quantiles(values, n=10)[0]
                                  for values in (warm["baseline"], warm["candidate"], inits))
    return {"call_ms": call_ms, "step_ms": (known_ms - call_ms) / steps, "init_ms": init_ms}


def calibrate(language, folder):
    """What a call and an init take without any step, and what a step adds, in ms: the best of some runs."""
    steps = LANGUAGES[language]["calibrate"]
    os.makedirs(folder, exist_ok=True)
    write_plan(folder, language, {"error_rate": "<= 0%"}, {"min": 10, "max": 10})
    sides = {"baseline": os.path.join(folder, "nothing"), "candidate": os.path.join(folder, "known")}
    make_side(sides["baseline"], language, [[0]] * len(PAYLOADS), 0)
    make_side(sides["candidate"], language, [[steps]] * len(PAYLOADS), 0)
    runs = [calibrate_once(folder, sides, steps) for _ in range(CALIBRATIONS)]
    return {key: min(run[key] for run in runs) for key in runs[0]}


def calibrations(languages):
    path = os.path.join(RESULTS, "calibration.json")
    known = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as kept:
            known = json.load(kept)
    for language in languages:
        if language not in known:
            known[language] = calibrate(language, os.path.join(RESULTS, "projects", "calibrate-" + language))
            write(path, json.dumps(known, indent=2) + "\n")
            print("%s: %s" % (language, known[language]), file=sys.stderr, flush=True)
    return known


# ---- the long run ----

def make_projects(cells):
    known = calibrations({CELLS[cell][0]: None for cell in cells})
    for cell in cells:
        language, place, percent = CELLS[cell]
        folder = os.path.join(RESULTS, "projects", cell)
        os.makedirs(folder, exist_ok=True)
        write_plan(folder, language, LIMITS, ROUNDS)
        make_build(os.path.join(folder, "baseline"), language, known[language], "same", 0)
        make_build(os.path.join(folder, "candidate"), language, known[language], place, percent)


def summary(cell, gate, seed, run):
    """The line of the results file."""
    code, result, seconds, stderr = run
    line = {"cell": cell, "gate": gate, "seed": seed, "exit_code": code, "seconds": round(seconds, 2),
            "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "verdict": result["verdict"] if result else "error"}
    function = (result or {}).get("functions", [None])[0]
    if function is None:
        return dict(line, failed=[], stderr=stderr[-2000:])
    metrics = {m["id"]: m for m in function["metrics"]}
    line["failed"] = [m["id"] for m in function["metrics"] if m["verdict"] == "fail"]
    line["rounds"] = function["rounds"]
    line["rounds_dropped"] = function["rounds_dropped"]
    line["calls"] = [function["accounting"][side]["scheduled"] for side in ("baseline", "candidate")]
    for metric in ("p50", "p99", "cold_start"):
        line[metric] = [metrics[metric].get(key) for key in ("baseline", "candidate", "change_pct", "ci_low_pct", "ci_high_pct")]
    line["headline"] = function["headline"]
    return line


def outcome(line):
    """What the table counts the gate as: caught, wrong, pass, inconclusive or error."""
    if line["verdict"] == "fail":
        return "caught" if PLACES[CELLS[line["cell"]][1]][1] in line["failed"] else "wrong"
    return line["verdict"] if line["verdict"] in ("pass", "inconclusive") else "error"


def expected(line):
    return outcome(line) == ("pass" if CELLS[line["cell"]][1] == "same" else "caught")


def keep(folder, line):
    """The result and the samples of what the truth did not call for."""
    target = os.path.join(RESULTS, "unexpected", "%s-%d" % (line["cell"], line["gate"]))
    os.makedirs(target, exist_ok=True)
    write(os.path.join(target, "line.json"), json.dumps(line, indent=2) + "\n")
    for name in ("result.json", "report.txt", "samples.ndjson"):
        source = os.path.join(folder, "out", name)
        if os.path.exists(source):
            with open(source, "rb") as text, gzip.open(os.path.join(target, name + ".gz"), "wb") as out:
                shutil.copyfileobj(text, out)


def read_lines():
    path = os.path.join(RESULTS, "gates.ndjson")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as kept:
        return [json.loads(line) for line in kept]


def one_gate(cell, gate):
    folder = os.path.join(RESULTS, "projects", cell)
    seed = 1 + gate * len(CELLS) + list(CELLS).index(cell)
    busy = wait_for_rest()
    run = run_gate(folder, os.path.join(folder, "baseline"), os.path.join(folder, "candidate"), seed)
    line = dict(summary(cell, gate, seed, run), busy_before=busy)
    if not expected(line):
        keep(folder, line)
    return line


def measure(cells):
    os.makedirs(RESULTS, exist_ok=True)
    make_projects(cells)
    done = {(line["cell"], line["gate"]) for line in read_lines()}
    with open(os.path.join(RESULTS, "gates.ndjson"), "a", encoding="utf-8") as out:
        for gate in range(GATES):
            for cell in cells:
                if (cell, gate) in done:
                    continue
                line = one_gate(cell, gate)
                out.write(json.dumps(line) + "\n")
                out.flush()
                print("%s %3d  %-12s %s %3d rounds %6.1f s  %s" % (
                    cell, gate, outcome(line), " " if expected(line) else "!", line.get("rounds", 0), line["seconds"],
                    line.get("headline", "")), file=sys.stderr, flush=True)


# ---- the table ----

def mean(values):
    values = [value for value in values if value is not None]
    return statistics.fmean(values) if values else math.nan


def change(lines, metric):
    """The mean of the measured changes, on the scale of ratios, and their standard deviation."""
    logs = [math.log1p(line[metric][2] / 100) for line in lines if line.get(metric) and line[metric][2] is not None]
    if not logs:
        return "-"
    return "%+.1f ± %.1f %%" % (100 * math.expm1(mean(logs)), 100 * statistics.pstdev(logs))


def table_row(cell, lines):
    language, place, percent = CELLS[cell]
    counts = [sum(outcome(line) == kind for line in lines) for kind in ("caught", "wrong", "pass", "inconclusive", "error")]
    calls = mean([mean(line["calls"]) for line in lines if "calls" in line])
    label, metric = PLACES[place]
    return "| %s | %s | %d | %s | %.0f | %.1f | %.1f | %s |" % (
        LANGUAGES[language]["label"], "%s, +%d %%" % (label, percent) if percent else label, len(lines),
        " | ".join(map(str, counts)) if metric else "- | " + " | ".join(map(str, counts[1:])), calls,
        mean([line.get("rounds") for line in lines]), mean([line["seconds"] for line in lines]),
        change(lines, metric or "p99"))


def print_table():
    lines = read_lines()
    if not lines:
        sys.exit("no gates in %s yet" % RESULTS)
    hours = sum(line["seconds"] for line in lines) / 3600
    busy = [line["busy_before"] for line in lines if line.get("busy_before") is not None]
    print("%d gates, %.1f hours; %s, %d processors, Linux %s; from %s to %s%s.\n" % (
        len(lines), hours, platform.machine(), os.cpu_count(), platform.release(), lines[0]["ended"], lines[-1]["ended"],
        "; just before a gate others kept %.0f %% of the processors busy (mean)" % mean(busy) if busy else ""))
    print("| function | slowdown | gates | FAIL, right metric | FAIL, other metric only | PASS | INCONCLUSIVE | ERROR | "
          "mean calls per side | mean rounds | mean seconds | measured change |")
    print("|---|---|" + "---:|" * 10)
    for cell in CELLS:
        if any(line["cell"] == cell for line in lines):
            print(table_row(cell, [line for line in lines if line["cell"] == cell]))


def main(arguments):
    if arguments not in ([], ["--table"]):
        sys.exit("usage: gates.sh [--table]")
    cells = os.environ.get("CELLS", " ".join(CELLS)).split()
    unknown = [cell for cell in cells if cell not in CELLS]
    if unknown:
        sys.exit("no cell '%s'; there are: %s" % (unknown[0], " ".join(CELLS)))
    if not arguments:
        measure(cells)
    print_table()


main(sys.argv[1:])
