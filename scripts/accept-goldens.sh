#!/bin/sh
# Shows how the reports differ from the files in tests/golden, then rewrites these files.
#
#   scripts/accept-goldens.sh           show the difference and ask before anything is kept
#   scripts/accept-goldens.sh --yes     do not ask
#
# B is the build folder (default: build).
set -eu
cd "$(dirname "$0")/.."
build=${B:-build}
program=$build/tests/test_report_golden
make --no-print-directory B="$build" "$program"

saved=$(mktemp -d)
trap 'rm -rf "$saved"' EXIT
cp -R tests/golden "$saved/golden"
restore() {
    rm -rf tests/golden
    cp -R "$saved/golden" tests/golden
}
trap 'restore; exit 130' INT TERM

if ! "$program" --accept; then
    restore
    exit 1
fi
if diff -ru "$saved/golden" tests/golden; then
    echo "no difference: nothing to accept"
    exit 0
fi
[ "${1:-}" = --yes ] && exit 0
printf 'keep these changes? [y/N] '
read -r answer || answer=n
case $answer in
y | Y | yes) ;;
*)
    restore
    echo "nothing was changed"
    ;;
esac
