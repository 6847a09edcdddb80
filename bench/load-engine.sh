#!/bin/sh
# The load engine beside other generators, in one run against one server: requests/s as a share of wrk's, CPU for each
# request, and how punctual an open loop is. Prints Markdown. Rivals that are not installed are left out.
#
#   B=build bench/load-engine.sh            SECONDS_EACH=3 ROUNDS=3 CONNECTIONS="32 512" by default
#
# Rounds are interleaved and the median is taken, because neighbours on a shared machine come and go. They take
# processor time from the server too, and then all rates draw together: what a generator can do beside wrk is better
# read from the CPU that each spends on a request.
set -eu

B=${B:-build}
BIN=${BENCH_BIN:-$B/bench}
SECONDS_EACH=${SECONDS_EACH:-3}
ROUNDS=${ROUNDS:-3}
CONNECTIONS=${CONNECTIONS:-32 512}
work=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null || :; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

"$BIN/echo_server" >"$work/url" &
server=$!
while ! test -s "$work/url"; do sleep 0.05; done
url="$(cat "$work/url")/2015-03-31/functions/bench/invocations"

head -c 100 /dev/zero | tr '\0' x >"$work/body"
cat >"$work/post.lua" <<'LUA'
wrk.method = "POST"
wrk.body = string.rep("x", 100)
wrk.headers["Content-Type"] = "application/json"
LUA
cat >"$work/post.js" <<'JS'
import http from 'k6/http';
const body = 'x'.repeat(100);
const options = { headers: { 'Content-Type': 'application/json' } };
export default function () { http.post(__ENV.URL, body, options); }
JS
printf 'POST %s\nContent-Type: application/json\n@%s\n' "$url" "$work/body" >"$work/vegeta"

field() { # NAME: the value of NAME=value on stdin
    tr ' ' '\n' | sed -n "s/^$1=//p"
}

# Each prints requests per second; $1 is the number of connections.
run_ours() { "$BIN/load_engine" "$url" --connections "$1" --seconds "$SECONDS_EACH"; }
run_signed() { "$BIN/load_engine" "$url" --connections "$1" --seconds "$SECONDS_EACH" --signed; }
run_wrk() { wrk -t1 -c"$1" -d"${SECONDS_EACH}s" -s "$work/post.lua" "$url" | sed -n 's/^Requests\/sec: *//p'; }
run_hey() {
    hey -z "${SECONDS_EACH}s" -c "$1" -m POST -T application/json -D "$work/body" "$url" |
        sed -n 's/^ *Requests\/sec:[^0-9]*//p'
}
run_vegeta() {
    vegeta attack -targets "$work/vegeta" -rate 0 -max-workers "$1" -workers "$1" -duration "${SECONDS_EACH}s" |
        vegeta report | sed -n 's/^Requests .*, *\([0-9.]*\), [0-9.]*$/\1/p'
}
run_k6() { URL=$url k6 run -q --vus "$1" --duration "${SECONDS_EACH}s" "$work/post.js" 2>/dev/null | sed -n 's/^.*http_reqs[.: ]*[0-9]* *\([0-9.]*\)\/s.*$/\1/p'; }

cpu_per_request() { # microseconds, from $work/times and $work/rate: user and system time as "0m1.25s 0m0.50s"
    awk -v seconds="$SECONDS_EACH" 'NR == FNR { rate = $1; next }
        FNR == 2 && rate { split($1, u, /[ms]/); split($2, s, /[ms]/)
            printf("%.2f\n", ((u[1] + s[1]) * 60 + u[2] + s[2]) / (rate * seconds) * 1e6) }' "$work/rate" "$work/times"
}

rivals=
for tool in wrk hey vegeta k6; do
    if command -v "$tool" >/dev/null 2>&1; then rivals="$rivals $tool"; fi
done

for round in $(seq "$ROUNDS"); do
    for c in $CONNECTIONS; do
        for kind in ours signed; do
            "run_$kind" "$c" >"$work/line"
            field requests_per_s <"$work/line" >>"$work/$kind.$c.rate"
            field cpu_us_per_request <"$work/line" >>"$work/$kind.$c.cpu"
        done
        for tool in $rivals; do
            (
                "run_$tool" "$c" >"$work/rate"
                times >"$work/times" # the second line: of the children
            ) || echo "$tool failed in round $round" >&2
            cat "$work/rate" >>"$work/$tool.$c.rate"
            cpu_per_request >>"$work/$tool.$c.cpu"
        done
    done
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }

row() { # LABEL KIND CONNECTIONS
    rate=$(median "$work/$2.$3.rate")
    wrk_rate=$(test -s "$work/wrk.$3.rate" && median "$work/wrk.$3.rate" || echo 0)
    wrk_cpu=$(test -s "$work/wrk.$3.cpu" && median "$work/wrk.$3.cpu" || echo 0)
    cpu=$(median "$work/$2.$3.cpu")
    awk -v label="$1" -v c="$3" -v rate="$rate" -v wrk="$wrk_rate" -v cpu="$cpu" -v wrk_cpu="$wrk_cpu" 'BEGIN {
        ratio = wrk > 0 ? sprintf("%.2f", rate / wrk) : "-"
        worth = wrk_cpu > 0 && cpu > 0 ? sprintf("%.2f", wrk_cpu / cpu) : "-"
        printf("| %s | %d | %.0f | %s | %.1f | %s |\n", label, c, rate, ratio, cpu, worth) }'
}

echo "POST of 100 bytes, keep-alive, one generator thread where that can be chosen; median of $ROUNDS rounds of $SECONDS_EACH s."
echo
echo "| generator | connections | requests/s | ratio to wrk | CPU µs/request | requests per CPU second, ratio to wrk |"
echo "|---|---:|---:|---:|---:|---:|"
for c in $CONNECTIONS; do
    row "load engine" ours "$c"
    row "load engine, signed" signed "$c"
    for tool in $rivals; do
        if test -s "$work/$tool.$c.rate"; then row "$tool" "$tool" "$c"; fi
    done
done

echo
echo "| open loop, signed | late p50 µs | late p99 µs | left p50 µs | left p99 µs | CPU µs/request |"
echo "|---|---:|---:|---:|---:|---:|"
for rate in 1000 5000; do
    "$BIN/load_engine" "$url" --rate "$rate" --seconds "$SECONDS_EACH" --signed >"$work/line"
    printf '| %s requests/s |' "$rate"
    for name in late_p50_us late_p99_us left_p50_us left_p99_us; do printf ' %s |' "$(field $name <"$work/line")"; done
    printf ' %.1f |\n' "$(field cpu_us_per_request <"$work/line")"
done
echo
echo "Late: from when a request was due until the engine began it. Left: until its bytes were with the kernel."
