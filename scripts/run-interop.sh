#!/bin/sh
# Tests with packages that are not Debian's: the official runtime interface clients and SDKs from npm, PyPI and Maven Central,
# and a function in Go. All versions are pinned in tests/interop. They are installed into $B/interop once, again when a pin
# changes.
#
#   B=build scripts/run-interop.sh [PATTERN]...
#
# What cannot be installed here (no registry, no toolchain) makes the tests that need it a skip that says why.
set -eu

cd "$(dirname "$0")/.."
B=${B:-build}
mkdir -p "$B/interop"
into=$(cd "$B/interop" && pwd)
pins=$(pwd)/tests/interop
python=/usr/bin/python3
test -x "$python" || python=python3

have() { command -v "$1" >/dev/null 2>&1; }

# Each installs into the current folder, which is new; $pins has what it needs.

install_python_runtime() {
    "$python" -m venv venv
    venv/bin/python -m pip install --disable-pip-version-check --no-input -q -r "$pins/requirements-runtime.txt"
    venv/bin/python -c 'import awslambdaric.__main__, runtime_client'
}

install_python_sdk() {
    "$python" -m venv venv
    venv/bin/python -m pip install --disable-pip-version-check --no-input -q -r "$pins/requirements-sdk.txt"
    venv/bin/python -c 'import boto3'
}

install_python_iam() {
    "$python" -m venv venv
    venv/bin/python -m pip install --disable-pip-version-check --no-input -q -r "$pins/requirements-iam.txt"
    venv/bin/python -W ignore -c 'import parliament'
}

install_python_moto() {
    "$python" -m venv venv
    venv/bin/python -m pip install --disable-pip-version-check --no-input -q -r "$pins/requirements-moto.txt"
    venv/bin/python -c 'import moto.server'
}

install_node() {
    cp "$pins/node/package.json" "$pins/node/package-lock.json" .
    headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
    if test -f "$headers/include/node/node_version.h"; then # else node-gyp would fetch them
        npm_config_nodedir=$headers
        export npm_config_nodedir
    fi
    npm ci --no-audit --no-fund --no-progress
    node --input-type=module -e 'await import("@aws-sdk/client-lambda")'
    test -f node_modules/aws-lambda-ric/dist/rapid-client.node
}

install_github() {
    cp "$pins/github/package.json" "$pins/github/package-lock.json" .
    npm ci --ignore-scripts --no-audit --no-fund --no-progress
    node_modules/.bin/prism --version
}

install_action() {
    cp "$pins"/action/* .
    npm ci --ignore-scripts --no-audit --no-fund --no-progress
    node bundle.mjs
    node lint.bundle.mjs
}

install_go() {
    cp "$pins"/go/* .
    GOCACHE=$(pwd)/cache GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -trimpath -o bootstrap .
    rm -rf cache
}

install_java() {
    cp "$pins/java/pom.xml" .
    mvn -B -q -Dmaven.repo.local="$(pwd)/repository" dependency:copy-dependencies -DoutputDirectory="$(pwd)/client"
    rm -rf repository
    javac -Xlint:all,-processing -Werror --release 11 -cp 'client/*' -d classes "$pins"/java/src/*.java
}

needs() { # NAME: the commands without which there is no point in trying
    case $1 in
    python_*) echo "$python" ;;
    node) echo "node npm cmake make g++ autoconf automake libtoolize patch" ;;
    github | action) echo "node npm" ;;
    go) echo "go" ;;
    java) echo "java javac mvn" ;;
    esac
}

pins_of() { # NAME: its pins as one text
    case $1 in
    python_runtime) cat "$pins/requirements-runtime.txt" ;;
    python_sdk) cat "$pins/requirements-sdk.txt" ;;
    python_iam) cat "$pins/requirements-iam.txt" ;;
    python_moto) cat "$pins/requirements-moto.txt" ;;
    node) cat "$pins/node/package.json" "$pins/node/package-lock.json" ;;
    github) cat "$pins"/github/* ;;
    action) cat "$pins"/action/* ;;
    go) cat "$pins"/go/* ;;
    java) cat "$pins/java/pom.xml" "$pins"/java/src/* ;;
    esac
}

tool_versions() { # NAME: an installation is only good for the tools that it was made with
    case $1 in
    python_*) "$python" --version ;;
    node | github | action) node --version ;;
    go) go version ;;
    java) javac -version ;;
    esac 2>/dev/null || :
}

give_up() { # NAME REASON
    echo "skip  install $1: $2"
    echo "$2" >"$into/$1.skip"
}

install() { # NAME
    rm -f "$into/$1.skip"
    for command in $(needs "$1"); do
        if ! have "$command"; then
            give_up "$1" "there is no $command"
            return
        fi
    done
    stamp=$({ pins_of "$1" && tool_versions "$1"; } | cksum)
    if test "$(cat "$into/$1/.stamp" 2>/dev/null)" = "$stamp"; then
        echo "ok    install $1 (from before)"
        return
    fi
    echo "      install $1 ..."
    rm -rf "${into:?}/$1"
    mkdir "$into/$1"
    status=0 # a process of its own, because "set -e" does not hold inside a condition
    scripts/run-interop.sh --install "$1" >"$into/$1.log" 2>&1 </dev/null || status=$?
    if test "$status" = 0; then
        echo "$stamp" >"$into/$1/.stamp"
        echo "ok    install $1"
    else
        reason=$(grep -iE 'error|not found|fail' "$into/$1.log" | tail -n 1 | cut -c 1-200)
        give_up "$1" "could not be installed: $reason ($B/interop/$1.log)"
    fi
}

if test "${1:-}" = --install; then
    cd "$into/$2"
    "install_$2"
    exit
fi

echo "installing into $B/interop:"
scripts/install-deps.sh interop || echo "note: going on without what is missing above"
for name in python_runtime python_sdk python_iam python_moto node go java github action; do
    install "$name"
done

export LPG_TEST_INTEROP="$into" PYTHONDONTWRITEBYTECODE=1
exec "$python" scripts/testing/run.py --interop --build "$B" "$@"
