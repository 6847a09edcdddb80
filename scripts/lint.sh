#!/bin/sh
# What `make lint` checks. Each check is one line, "ok", "warn", "FAIL" or "skip" with the reason, and what it found below.
# The last line is "N passed, N failed, N skipped".
#
#   CC=gcc scripts/lint.sh [--quick]      --quick leaves the compilers out
#
# The formatting is that of one clang-format version; others differ in details and are not asked.
set -u

cd "$(dirname "$0")/.." || exit 1
FORMAT_VERSION=14
passed=0
failed=0
skipped=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

have() { command -v "$1" >/dev/null 2>&1; }

result() { # NAME STATUS: prints the line and what the check left in $work/out
    if test "$2" = 0; then
        passed=$((passed + 1))
        echo "ok    $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
        head -n 200 "$work/out" | sed 's/^/      /'
    fi
}

skip() { # NAME REASON
    skipped=$((skipped + 1))
    echo "skip  $1: $2"
}

files() { # GLOB...: as git sees them, or without git as they lie there
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard -- "$@" | while read -r name; do
            if test -f "$name"; then echo "$name"; fi
        done
    else
        for glob in "$@"; do find . -name build -prune -o -type f -name "$glob" -print; done | sed 's/^\.\///'
    fi
}

# ---- the checks in Python ----

python=/usr/bin/python3
test -x "$python" || python=python3
if have "$python"; then
    "$python" scripts/lint-source.py >"$work/source" || :
    cat "$work/source"
    passed=$((passed + $(grep -cE '^(ok|warn) ' "$work/source")))
    failed=$((failed + $(grep -cE '^FAIL ' "$work/source")))
    if ! test -s "$work/source"; then
        echo "lint-source.py printed nothing" >"$work/out"
        result "source" 1
    fi
else
    skip "source" "there is no python3"
fi

# ---- formatting and scripts ----

if ! have clang-format; then
    skip "format" "there is no clang-format"
elif ! clang-format --version | grep -q "version $FORMAT_VERSION\."; then
    skip "format" "this is $(clang-format --version | sed 's/.*version //;s/ .*//'), the code is formatted by $FORMAT_VERSION"
else
    files '*.c' '*.h' | xargs clang-format --dry-run -Werror >"$work/out" 2>&1
    status=$?
    grep -o '^[^ ]*:[0-9]*:[0-9]*: error' "$work/out" | cut -d: -f1 | sort | uniq -c | sed 's/$/ (make format)/' >"$work/short"
    mv "$work/short" "$work/out"
    result "format" $status
fi

shell_scripts() {
    files '*.sh'
    files '.ci/*' 'scripts/*' 'bench/*' 'action/*' | while read -r name; do
        case $name in *.sh) continue ;; esac
        if head -n 1 "$name" | grep -qE '^#!.*\b(sh|bash)$'; then echo "$name"; fi
    done
}
if have shellcheck; then
    shell_scripts | sort -u | xargs shellcheck >"$work/out" 2>&1
    result "shellcheck" $?
else
    skip "shellcheck" "there is no shellcheck"
fi

# ---- compilers: every source and every header alone, with the strict warnings as errors ----

shell_quoted() { # a make variable with its shell quotes
    make -s --no-print-directory "print-$1"
}

compile_all() { # COMPILER LIST: one process for each file, two at once
    # The flags hold quotes that are meant for a shell.
    cat >"$work/compile" <<SCRIPT
set -u
file=\$1
case \$file in
*.h) # as the only thing that a file includes, and twice, for the guard
    printf '#include "%s"\n#include "%s"\nextern int lint;\n' "\${file#src/}" "\${file#src/}" |
        $1 -std=c17 $(shell_quoted CPPFLAGS) $(shell_quoted WARNINGS) -Werror -fsyntax-only -x c - 2>&1 |
        sed "s|^|\$file: |" ;;
*)
    $1 -std=c17 $(shell_quoted CPPFLAGS) $(shell_quoted WARNINGS) -Werror -fsyntax-only "\$file" 2>&1 ;;
esac
SCRIPT
    xargs -P 2 -n 1 sh "$work/compile" <"$2" >"$work/out" 2>&1
    ! test -s "$work/out"
}

compilers() { # gcc and clang under their own names; cc only where it is neither
    for name in gcc clang; do
        if have "$name"; then echo "$name"; fi
    done
    if ! have gcc && ! have clang && have cc; then echo cc; fi
}

if test "${1:-}" != --quick; then
    files 'src/*.h' | grep '^src/[a-z]*/[a-z_0-9]*\.h$' >"$work/headers"
    files '*.c' | grep -v '^fixtures/' >"$work/sources"
    for name in gcc clang; do
        if ! have "$name"; then skip "compile-$name" "there is no $name"; fi
    done
    for name in $(compilers); do
        compile_all "$name" "$work/headers"
        result "headers-alone-$name" $?
        compile_all "$name" "$work/sources"
        result "compile-$name" $?
    done
fi

echo
echo "$passed passed, $failed failed, $skipped skipped"
test "$failed" = 0 && test "$passed" -gt 0
