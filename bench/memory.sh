#!/bin/sh
# Memory for each recorded sample. Prints Markdown.
#
#   B=build bench/memory.sh             SAMPLES="10000 100000 1000000" by default
set -eu

cd "$(dirname "$0")/.."
B=${B:-build}

echo "| samples | resident bytes per sample | reserved for more, per sample | samples.ndjson bytes per line |"
echo "|---:|---:|---:|---:|"
for count in ${SAMPLES:-10000 100000 1000000}; do
    "$B/bench/sample_memory" "$count"
done
