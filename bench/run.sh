#!/bin/sh
# Runs measurements and prints their Markdown. Nothing here is a test: there is no limit to miss.
#
#   B=build bench/run.sh [NAME]...      without a name all of them but "gates", which takes hours; --list names them
#   B=build bench/run.sh gates --table  what the gates have come to so far, nothing is measured
#
# Results are also kept in $B/bench/NAME.md.
set -eu

cd "$(dirname "$0")/.."
B=${B:-build}
export B

# NAME  what it tells
table() {
    cat <<'TABLE'
statistics    how often the decision procedure is wrong, on simulated Lambdas
load-engine   requests per second and punctuality of the load engine, beside other generators
emulator      invocations per second and added latency of the embedded Lambda, beside AWS's emulator
cpu-share     how near the CPU share of a memory size is to memory / 1769 MB
startup       time of --version, beside an empty program and libcurl's own start
memory        memory per recorded sample
schedules     A/A noise of the schedules of load: the same package on both sides
gates         real gates on the embedded Lambda where the truth is known: how often each answer comes
TABLE
}

run_one() { # NAME
    case $1 in
    statistics) "$B/bench/statistics" --gates "${GATES:-2000}" ;;
    *) "bench/$1.sh" ;;
    esac
}

if test "${1:-}" = --list; then
    table
    exit
fi

if test "${1:-} ${2:-}" = "gates --table"; then
    exec bench/gates.sh --table
fi

names=$(table | awk '{ print $1 }')
failed=0
# shellcheck disable=SC2046
test $# -gt 0 || set -- $(printf '%s\n' "$names" | grep -vx gates)
for name in "$@"; do
    if ! printf '%s\n' "$names" | grep -qx -e "$name"; then
        echo "no measurement '$name'; there are:" >&2
        table | sed 's/^/  /' >&2
        exit 2
    fi
    title=$(table | sed -n "s/^$name  *//p")
    printf '## %s: %s\n\n' "$name" "$title"
    mkdir -p "$B/bench"
    if run_one "$name" >"$B/bench/$name.md.new"; then
        mv "$B/bench/$name.md.new" "$B/bench/$name.md"
        cat "$B/bench/$name.md"
    else
        cat "$B/bench/$name.md.new"
        echo "$name failed" >&2
        failed=1
    fi
    echo
done
exit $failed
