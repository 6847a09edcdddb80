#!/bin/sh
# Installs lambda-perf-gate for the GitHub Action, or for a person: a release's binary where there is one for this machine,
# else built from the source beside this script.
#
#   scripts/install.sh [--prefix DIR]          --prefix: also install DIR/bin/lambda-perf-gate
#
# In this order:
#   1. bin/OS-ARCH/lambda-perf-gate beside the source (for networks without a way out)
#   2. the tool cache of a self-hosted runner, when its bytes have the checksum
#   3. the asset of the release: its address stands in RELEASE, its checksum in SHA256SUMS. Both files belong to the commit of
#      a release, so who pins the commit pins the binary. Wrong bytes are refused; nothing else is tried then.
#   4. the source, where the release has nothing for this machine, or LPG_BUILD_FROM_SOURCE is true
#
# Inside a workflow it writes the outputs bin and version to GITHUB_OUTPUT. It prints the path of the binary.
#
#   LPG_DOWNLOAD_URL   another place for the assets (a mirror); http:// only on loopback
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
version=$(cat "$root/VERSION")
temp=${RUNNER_TEMP:-${TMPDIR:-/tmp}}
cache=${RUNNER_TOOL_CACHE:-$temp}/lambda-perf-gate
work=
trap 'test -z "$work" || rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { echo "$*" >&2; }

fail() {
    if test "${GITHUB_ACTIONS:-}" = true; then
        say "::error title=Lambda Perf Gate::$*"
    else
        say "lambda-perf-gate: error: $*"
    fi
    exit 1
}

platform() {
    case ${RUNNER_OS:-$(uname -s)} in
    Linux) os=linux ;;
    macOS | Darwin) os=macos ;;
    *) os=other ;;
    esac
    case ${RUNNER_ARCH:-$(uname -m)} in
    X64 | x86_64 | amd64) arch=x64 ;;
    ARM64 | aarch64 | arm64) arch=arm64 ;;
    *) arch=other ;;
    esac
    # a 32-bit system on a 64-bit runner, or the reverse, would take the wrong binary
    case $(uname -m) in
    x86_64 | amd64) test $arch = x64 || arch=other ;;
    aarch64 | arm64) test $arch = arm64 || arch=other ;;
    *) arch=other ;;
    esac
    echo $os-$arch
}

sha256_of() { # FILE
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$1" | cut -d ' ' -f 1
    else
        shasum -a 256 "$1" | cut -d ' ' -f 1
    fi
}

checksum_for() { # NAME: what SHA256SUMS says; nothing when it does not name it
    test -f "$root/SHA256SUMS" || return 0
    awk -v name="$1" '$2 == name || $2 == "*" name { print $1 }' "$root/SHA256SUMS"
}

work_folder() {
    work=$(mktemp -d "$temp/lambda-perf-gate-install.XXXXXX")
}

download() { # URL FILE
    protocols='=https'
    case $1 in
    https://*) ;;
    http://127.0.0.1[:/]* | 'http://[::1]'[:/]*) protocols='=http' ;;
    *) fail "'$1' is no https:// address" ;;
    esac
    attempt=1
    # a loop of our own, because --retry-all-errors needs curl 7.71
    until curl --proto "$protocols" --proto-redir "$protocols" --tlsv1.2 -fsSL --connect-timeout 10 --max-time 120 \
        -o "$2" "$1"; do
        test $attempt -lt 4 || return 1
        sleep "${LPG_RETRY_SECONDS:-$((attempt * 2))}"
        attempt=$((attempt + 1))
    done
}

# Takes the binary out of an archive whose bytes are right, and puts it where others look for it.
unpack() { # ARCHIVE NAME DESTINATION
    tar -xzf "$1" -C "$work" "$2/lambda-perf-gate" || fail "$2.tar.gz has no $2/lambda-perf-gate"
    mkdir -p "$3"
    chmod 755 "$work/$2/lambda-perf-gate"
    mv -f "$work/$2/lambda-perf-gate" "$3/lambda-perf-gate"
}

from_release() { # NAME CHECKSUM: sets bin
    into=$cache/$version/$1
    bin=$into/lambda-perf-gate
    binary_checksum=$(checksum_for "$1/lambda-perf-gate")
    if test -n "$binary_checksum" && test -f "$bin" && test "$(sha256_of "$bin")" = "$binary_checksum"; then
        say "lambda-perf-gate $version is here already"
        return
    fi
    url=${LPG_DOWNLOAD_URL:-$(cat "$root/RELEASE" 2>/dev/null || :)}
    test -n "$url" || fail "SHA256SUMS names $1.tar.gz, but the file RELEASE, which says where it is, is missing"
    work_folder
    say "downloading $url/$1.tar.gz"
    download "$url/$1.tar.gz" "$work/archive" || fail "$url/$1.tar.gz could not be downloaded"
    found=$(sha256_of "$work/archive")
    test "$found" = "$2" ||
        fail "checksum of $1.tar.gz does not match SHA256SUMS in this action ($found instead of $2): refusing to run it"
    unpack "$work/archive" "$1" "$into"
    if test -n "$binary_checksum"; then
        test "$(sha256_of "$bin")" = "$binary_checksum" || fail "checksum of the binary in $1.tar.gz does not match SHA256SUMS"
    fi
}

# Built into the job's temporary folder, never into a cache that other jobs share: nothing would tell a changed binary.
from_source() { # sets bin
    into=$temp/lambda-perf-gate-build
    bin=$into/lambda-perf-gate
    say "building lambda-perf-gate $version from source"
    "$root/scripts/install-deps.sh" build >&2 || fail "cannot build from source: libraries are missing (see above)"
    jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
    env -u MAKEFLAGS -u MFLAGS make -s -C "$root" -j"$jobs" B="$into" CI= all >&2 || fail "the build failed (see above)"
}

choose() { # sets bin
    name=lambda-perf-gate-$version-$platform
    checksum=$(checksum_for "$name.tar.gz")
    if test "${LPG_BUILD_FROM_SOURCE:-}" = true; then
        from_source
    elif test -f "$root/bin/$platform/lambda-perf-gate"; then
        bin=$root/bin/$platform/lambda-perf-gate
    elif test -n "$checksum"; then
        from_release "$name" "$checksum"
    else
        from_source
    fi
}

prefix=
case ${1:-} in
--prefix)
    prefix=${2:?--prefix needs a folder}
    ;;
'') ;;
*)
    echo "usage: scripts/install.sh [--prefix DIR]" >&2
    exit 2
    ;;
esac

platform=$(platform)
choose
said=$("$bin" --version) || fail "'$bin' does not run on this machine"
case $said in
"lambda-perf-gate $version "*) ;;
*) fail "'$bin' says that it is '$said', not version $version" ;;
esac
if test -n "$prefix"; then
    mkdir -p "$prefix/bin"
    cp -f "$bin" "$prefix/bin/lambda-perf-gate.new"
    mv -f "$prefix/bin/lambda-perf-gate.new" "$prefix/bin/lambda-perf-gate"
    bin=$prefix/bin/lambda-perf-gate
fi
if test -n "${GITHUB_OUTPUT:-}"; then
    printf 'bin=%s\nversion=%s\n' "$bin" "$version" >>"$GITHUB_OUTPUT"
fi
echo "$bin"
