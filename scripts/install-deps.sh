#!/bin/sh
# Installs the packages that are missing, with apt-get, dnf or brew. Does nothing, quickly, when nothing is missing.
#
#   scripts/install-deps.sh [--check] [build|demo|test|lint|interop]...     default: test
#
#   build     compile the tool            test      run the test suite (build, demo and more)
#   demo      build, and run the demo     lint      the tools of `make lint`
#   interop   compilers of the official runtime clients
#
# --check   install nothing: print what is missing and exit 1 when something is.
#
# It needs root, or sudo that asks for no password. Without them it prints the command to run and exits 1. A package that the
# distribution does not have is left out with a word when it is optional: the tests that need it are then skipped.
set -eu

# purpose  needed?  what proves it  apt  dnf  brew          ("-": nothing to install there)
# Proof: a command, c: (a compiler that works), pkg:NAME (pkg-config), py:MODULE (of /usr/bin/python3), h:HEADER, f:FILE.
table() {
    cat <<'TABLE'
build   required git             git                  git                   -
build   required make            make                 make                  -
build   required c:              gcc,libc6-dev        gcc,glibc-devel       -
build   required pkg-config      pkg-config           pkgconf-pkg-config    pkg-config
build   required pkg:libcurl     libcurl4-openssl-dev libcurl-devel         curl
build   required pkg:libcjson    libcjson-dev         cjson-devel           cjson
build   required pkg:yaml-0.1    libyaml-dev          libyaml-devel         libyaml
build   required pkg:libevent    libevent-dev         libevent-devel        libevent
build   required pkg:libcrypto   libssl-dev           openssl-devel         openssl@3
build   required pkg:libzip      libzip-dev           libzip-devel          libzip
demo    required python3         python3              python3               python3
test    required h:cmocka.h      libcmocka-dev        libcmocka-devel       cmocka
test    optional node            nodejs               nodejs                node
test    optional py:boto3        python3-boto3        python3-boto3         -
test    optional py:jsonschema   python3-jsonschema   python3-jsonschema    -
test    optional py:yaml         python3-yaml         python3-pyyaml        -
test    optional aws             awscli               awscli2               awscli
test    optional cmark-gfm       cmark-gfm            cmark-gfm             cmark-gfm
lint    optional shellcheck      shellcheck           ShellCheck            shellcheck
lint    optional clang           clang                clang                 -
lint    optional clang-format    clang-format         clang-tools-extra     clang-format
interop required g++             g++                  gcc-c++               -
interop required cmake           cmake                cmake                 cmake
interop required autoconf        autoconf             autoconf              autoconf
interop required automake        automake             automake              automake
interop required libtoolize      libtool              libtool               libtool
interop optional npm             npm                  nodejs-npm            -
interop optional go              golang-go            golang                go
interop optional javac           default-jdk-headless java-latest-openjdk-devel openjdk
interop optional mvn             maven                maven                 maven
interop required py:venv,ensurepip python3-venv       python3               -
interop required h:Python.h      python3-dev          python3-devel         -
interop required curl            curl                 curl                  -
interop required patch           patch                patch                 -
interop required f:/etc/ssl/certs/ca-certificates.crt ca-certificates ca-certificates -
TABLE
}

check_only=
purposes=
for word in "$@"; do
    case $word in
    --check) check_only=1 ;;
    build | lint | interop) purposes="$purposes $word" ;;
    demo) purposes="$purposes build demo" ;;
    test) purposes="$purposes build demo test" ;;
    *)
        echo "usage: scripts/install-deps.sh [--check] [build|demo|test|lint|interop]..." >&2
        exit 2
        ;;
    esac
done
purposes=${purposes:- build demo test}

have() { command -v "$1" >/dev/null 2>&1; }

system_python=/usr/bin/python3
test -x "$system_python" || system_python=python3

have_compiler() {
    printf '#include <stdio.h>\nint main(void) { return 0; }\n' | "${CC:-cc}" -x c -fsyntax-only - 2>/dev/null
}

have_header() { # also true when the header wants others before it
    for folder in /usr/include /usr/local/include /opt/homebrew/include /usr/include/python3.*; do
        if test -e "$folder/$1"; then return 0; fi
    done
    return 1
}

have_module() { # NAME[,NAME]: found, not imported, which would take its time
    have "$system_python" && "$system_python" -S -c "import site, sys
sys.path += site.getsitepackages()
from importlib.util import find_spec
sys.exit(not all(find_spec(m) for m in '$1'.split(',')))" 2>/dev/null
}

present() { # PROOF
    case $1 in
    c:) have_compiler ;;
    pkg:*) have pkg-config && pkg-config --exists "${1#pkg:}" ;;
    py:*) have_module "${1#py:}" ;;
    f:*) test -e "${1#f:}" ;;
    h:*) have_header "${1#h:}" ;;
    node) have node || have nodejs ;;
    *) have "$1" ;;
    esac
}

manager() {
    for name in apt-get dnf brew; do
        if have "$name"; then
            echo "$name"
            return
        fi
    done
    echo none
}

# Lines "required|optional PROOF PACKAGE[,PACKAGE]" of what is missing.
missing() {
    table | while read -r purpose need proof apt dnf brew; do
        case " $purposes " in *" $purpose "*) ;; *) continue ;; esac
        if present "$proof"; then continue; fi
        case $manager in
        dnf) package=$dnf ;;
        brew) package=$brew ;;
        *) package=$apt ;;
        esac
        echo "$need $proof $package"
    done
}

packages_of() { # NEED: its packages on one line
    printf '%s\n' "$wanted" | awk -v need="$1" '$1 == need && $3 != "-" { gsub(",", " ", $3); print $3 }' |
        tr ' ' '\n' | sort -u | tr '\n' ' ' | sed 's/ $//'
}

command_for() { # PACKAGES: the command that installs them
    case $manager in
    apt-get) echo "apt-get install -y --no-install-recommends $1" ;;
    dnf) echo "dnf install -y $1" ;;
    brew) echo "brew install $1" ;;
    esac
}

# Runs a command with the right to install.
privileged() {
    if test "$manager" = brew || test "$(id -u)" = 0; then
        "$@" </dev/null
    else
        sudo -n "$@" </dev/null
    fi
}

may_install() {
    test "$manager" = brew || test "$(id -u)" = 0 || { have sudo && sudo -n true 2>/dev/null; }
}

known() { # PACKAGE: whether the package manager could install it
    case $manager in
    apt-get) apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]' ;;
    dnf) dnf -q info "$1" >/dev/null 2>&1 ;;
    brew) brew info "$1" >/dev/null 2>&1 ;;
    esac
}

install() { # PACKAGES
    test -n "$1" || return 0
    echo "installing: $1" >&2
    # Words are separated on purpose. Output is shown only when it fails.
    log=$(mktemp)
    # shellcheck disable=SC2046
    if privileged env DEBIAN_FRONTEND=noninteractive $(command_for "$1") >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 30 "$log" >&2
    rm -f "$log"
    return 1
}

install_optional() { # PACKAGES: all at once, else one by one, so that a bad one stops no other
    there=
    for package in $1; do
        if known "$package"; then
            there="$there $package"
        else
            echo "note: this distribution has no package $package; what needs it is skipped" >&2
        fi
    done
    there=${there# }
    if install "$there"; then return 0; fi
    for package in $there; do
        install "$package" || echo "note: $package could not be installed; what needs it is skipped" >&2
    done
}

manager=$(manager)
wanted=$(missing)
test -n "$wanted" || exit 0
required=$(packages_of required)
optional=$(packages_of optional)

if test "$manager" = none; then
    echo "missing, and no apt-get, dnf or brew here to install them (names as in Debian):" >&2
    echo "  required: ${required:--}" >&2
    echo "  optional: ${optional:--}" >&2
    test -z "$required" && test -z "$check_only"
    exit
fi

if test -n "$check_only"; then
    echo "missing packages: $required $optional"
    echo "to install them: $(command_for "$required $optional")"
    exit 1
fi

if ! may_install; then
    if test -n "$required"; then
        echo "missing: $required" >&2
        echo "This needs root (or sudo without a password). As root, run:" >&2
        if test "$manager" = apt-get; then echo "  apt-get update" >&2; fi
        echo "  $(command_for "$required${optional:+ $optional}")" >&2
        exit 1
    fi
    echo "note: not installed, and what needs them is skipped: $optional" >&2
    exit 0
fi

if test "$manager" = apt-get; then
    privileged apt-get update -q >/dev/null 2>&1 || echo "note: apt-get update failed; trying with the lists there are" >&2
fi
install "$required" || {
    echo "could not install the packages above" >&2
    exit 1
}
install_optional "$optional"

# Installing is only done when the proof is there.
wanted=$(missing)
required=$(packages_of required)
if printf '%s\n' "$wanted" | grep -q '^required '; then
    echo "still missing after installing:" >&2
    printf '%s\n' "$wanted" | sed -n 's/^required \([^ ]*\) \(.*\)$/  \1 (package \2)/p' >&2
    exit 1
fi
