#!/bin/sh
# The embedded Lambda beside AWS's runtime interface emulator (aws-lambda-rie): the same C bootstrap, the same client, one
# machine, rounds interleaved. A server that only echoes, through the same client, shows what client and loopback cost.
#
#   B=build bench/emulator.sh          SECONDS_EACH=2 ROUNDS=3 CONNECTIONS="1 8" by default
#
# aws-lambda-rie is taken from RIE=FILE or from PATH, else built from its Go module into $B/bench, else out of the package of
# AWS's SAM CLI on PyPI, which brings it as a binary. It runs one environment, so it is measured with one connection only.
# Prints Markdown; a rival that cannot be had is named with the reason.
set -eu

cd "$(dirname "$0")/.."
B=${B:-build}
SECONDS_EACH=${SECONDS_EACH:-2}
ROUNDS=${ROUNDS:-3}
CONNECTIONS=${CONNECTIONS:-1 8}
RIE_MODULE=github.com/aws/aws-lambda-runtime-interface-emulator
RIE_VERSION=${RIE_VERSION:-latest}
SAM_CLI=aws-sam-cli==1.170.0
work=$(mktemp -d)
pids=
stop_all() {
    for pid in $pids; do kill "$pid" 2>/dev/null || :; done
    wait
    rm -rf "$work"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

bootstrap=$B/fixtures/bootstrap-c/bootstrap
python=/usr/bin/python3
test -x "$python" || python=python3

wait_for() { # FILE: until it has something
    for _ in $(seq 200); do
        if test -s "$1"; then return 0; fi
        sleep 0.05
    done
    echo "waited in vain for $1" >&2
    return 1
}

start_serve() { # NAME ARGUMENT...: leaves the function's address in $work/NAME.url
    name=$1
    shift
    "$B/lambda-perf-gate" serve --no-verify "$@" >"$work/$name.first" 2>"$work/$name.log" &
    pids="$pids $!"
    wait_for "$work/$name.first"
    "$python" - "$(head -n 1 "$work/$name.first")" "$bootstrap" >"$work/$name.url" <<'PYTHON'
import base64, io, json, sys, time, urllib.request, zipfile
server, bootstrap = sys.argv[1:]
out = io.BytesIO()
with zipfile.ZipFile(out, "w") as z:
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o100755 << 16
    with open(bootstrap, "rb") as f:
        z.writestr(entry, f.read())
body = {"FunctionName": "bench", "Runtime": "provided.al2023", "Handler": "bootstrap", "MemorySize": 1769, "Timeout": 30,
        "Role": "arn:aws:iam::000000000000:role/any", "Code": {"ZipFile": base64.b64encode(out.getvalue()).decode()}}
root = server + "/2015-03-31/functions"
urllib.request.urlopen(urllib.request.Request(root, json.dumps(body).encode(), {"Content-Type": "application/json"})).close()
while json.load(urllib.request.urlopen(root + "/bench/configuration"))["State"] != "Active":
    time.sleep(0.05)
print(root + "/bench/invocations")
PYTHON
}

find_rie() { # prints the program, or fails with the reason in $work/rie.reason
    if test -n "${RIE:-}"; then
        echo "$RIE"
    elif command -v aws-lambda-rie; then
        :
    elif test -x "$B/bench/aws-lambda-rie"; then
        echo "$B/bench/aws-lambda-rie"
    elif build_rie || unpack_rie; then
        echo "$B/bench/aws-lambda-rie"
    else
        return 1
    fi
}

unpack_rie() {
    "$python" -m pip download --quiet --no-deps --dest "$work/sam" "$SAM_CLI" >"$work/pip.err" 2>&1 ||
        pip download --quiet --no-deps --dest "$work/sam" "$SAM_CLI" >"$work/pip.err" 2>&1 || {
        echo "$(cat "$work/rie.reason"); nor is $SAM_CLI: $(tail -n 1 "$work/pip.err" | cut -c 1-120)" >"$work/rie.reason"
        return 1
    }
    "$python" - "$work/sam" "$(uname -m)" "$B/bench/aws-lambda-rie" <<'PYTHON'
import glob, os, sys, zipfile
folder, machine, target = sys.argv[1:]
name = "samcli/local/rapid/aws-lambda-rie-" + {"x86_64": "x86_64", "aarch64": "arm64"}[machine]
with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as z, open(target, "wb") as out:
    out.write(z.read(name))
os.chmod(target, 0o755)
PYTHON
}

build_rie() { # its module calls itself by another name, so it is built from its own folder
    command -v go >/dev/null || {
        echo "there is no aws-lambda-rie and no go to build it with" >"$work/rie.reason"
        return 1
    }
    (cd "$work" && GOFLAGS=-mod=mod go mod download -json "$RIE_MODULE@$RIE_VERSION") >"$work/rie.json" 2>"$work/rie.err" || {
        reason=$(sed -n 's/.*"Error": "\(.*\)",\{0,1\}$/\1/p' "$work/rie.json" | cut -c 1-120)
        echo "its Go module cannot be had here: ${reason:-$(tail -n 1 "$work/rie.err" | cut -c 1-120)}" >"$work/rie.reason"
        return 1
    }
    cp -R "$(sed -n 's/.*"Dir": "\(.*\)",/\1/p' "$work/rie.json")" "$work/rie-source"
    chmod -R u+w "$work/rie-source"
    target=$(cd "$B/bench" && pwd)/aws-lambda-rie
    (cd "$work/rie-source" && CGO_ENABLED=0 go build -o "$target" ./cmd/aws-lambda-rie) >"$work/rie.err" 2>&1 || {
        echo "it could not be built: $(tail -n 1 "$work/rie.err" | cut -c 1-120)" >"$work/rie.reason"
        return 1
    }
}

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start_rie() { # PROGRAM
    port=$(free_port)
    api=$(free_port)
    "$1" --runtime-interface-emulator-address "127.0.0.1:$port" --runtime-api-address "127.0.0.1:$api" \
        --log-level error "$bootstrap" >"$work/rie.log" 2>&1 &
    pids="$pids $!"
    url=http://127.0.0.1:$port/2015-03-31/functions/function/invocations
    for _ in $(seq 100); do
        if "$python" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], b"{}").read()' "$url" 2>/dev/null; then
            echo "$url" >"$work/rie.url"
            return 0
        fi
        sleep 0.1
    done
    echo "it did not answer" >"$work/rie.reason"
}

measure() { # NAME CONNECTIONS: adds a line to $work/NAME.CONNECTIONS
    "$B/bench/load_engine" "$(cat "$work/$1.url")" --connections "$2" --seconds "$SECONDS_EACH" --body 2 \
        >>"$work/$1.$2" || echo "$1 failed with $2 connections" >&2
}

median() { # FIELD FILE
    tr ' ' '\n' <"$2" | sed -n "s/^$1=//p" | sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'
}

row() { # LABEL NAME CONNECTIONS
    if ! test -s "$work/$2.$3"; then return 0; fi
    rie=$(if test -s "$work/rie.1"; then median requests_per_s "$work/rie.1"; fi)
    awk -v label="$1" -v c="$3" -v rate="$(median requests_per_s "$work/$2.$3")" -v rie="$rie" \
        -v p50="$(median p50_us "$work/$2.$3")" -v p99="$(median p99_us "$work/$2.$3")" \
        -v echo50="$(median p50_us "$work/echo.$3")" 'BEGIN {
        printf("| %s | %d | %.0f | %s | %.0f | %.0f | %.0f |\n", label, c, rate,
               rie > 0 ? sprintf("%.1f", rate / rie) : "-", p50, p50 - echo50, p99) }'
}

"$B/bench/echo_server" >"$work/echo.first" 2>/dev/null &
pids="$pids $!"
wait_for "$work/echo.first"
echo "$(cat "$work/echo.first")/2015-03-31/functions/bench/invocations" >"$work/echo.url"
start_serve shaped
start_serve unshaped --unshaped
rie_name=
if program=$(find_rie) && test -n "$program"; then
    start_rie "$program"
fi
if test -s "$work/rie.url"; then rie_name=rie; fi

for _ in $(seq "$ROUNDS"); do
    for c in $CONNECTIONS; do
        for name in echo shaped unshaped; do measure "$name" "$c"; done
    done
    if test -n "$rie_name"; then measure rie 1; fi
done

echo "Invocations of a C function that does nothing, keep-alive, unsigned; median of $ROUNDS rounds of $SECONDS_EACH s."
echo
echo "| server | connections | invocations/s | ratio to aws-lambda-rie | p50 µs | added to the echo µs | p99 µs |"
echo "|---|---:|---:|---:|---:|---:|---:|"
for c in $CONNECTIONS; do
    row "echo, no function" echo "$c"
    row "embedded Lambda, 1769 MB" shaped "$c"
    row "embedded Lambda, unshaped" unshaped "$c"
    if test "$c" = 1; then row "aws-lambda-rie" rie 1; fi
done
if test -z "$rie_name"; then
    echo
    echo "aws-lambda-rie was not measured: $(cat "$work/rie.reason")"
fi
