#!/bin/sh
# Builds the release's static binary in an Alpine container, and its archive in dist/:
#
#   docker run --rm -v "$PWD:/src" -w /src alpine:3.20 sh scripts/release-build.sh x64
#
# dist/NAME/lambda-perf-gate, dist/NAME.tar.gz (the same bytes from the same source and image), dist/NAME.spdx.json: the
# libraries inside, as Alpine names their versions.
set -eu

arch=${1:?"x64 or arm64"}
cd "$(dirname "$0")/.."
version=$(cat VERSION)
name=lambda-perf-gate-$version-linux-$arch

apk add --no-cache build-base linux-headers pkgconf git tar curl-dev curl-static openssl-dev openssl-libs-static yaml-dev \
    yaml-static cjson-dev cjson-static libevent-dev libevent-static libzip-dev zlib-static zstd-static bzip2-static xz-static \
    nghttp2-static brotli-static c-ares-static libidn2-static libunistring-static libpsl-static >/dev/null
git config --global --add safe.directory "$PWD"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

into=dist/$name
make -s -j"$(nproc)" B=build/release PKG='pkg-config --static' LDFLAGS=-static-pie \
    OPTIMIZE="-O2 -g -ffile-prefix-map=$PWD=." all
mkdir -p "$into"
strip -o "$into/lambda-perf-gate" build/release/lambda-perf-gate
chmod 755 "$into/lambda-perf-gate"
"$into/lambda-perf-gate" --version
if ldd "$into/lambda-perf-gate" 2>/dev/null | grep -q '=>'; then
    echo "the binary is not static" >&2
    exit 1
fi
cp LICENSE README.md "$into/"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C dist -cf - "$name" |
    gzip -n9 >"dist/$name.tar.gz"

# What is linked in, as SPDX 2.3.
{
    printf '{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"%s",' "$name"
    printf '"documentNamespace":"https://spdx.org/spdxdocs/%s-%s",' "$name" "$SOURCE_DATE_EPOCH"
    printf '"creationInfo":{"created":"%s","creators":["Tool: release-build.sh"]},"packages":[' \
        "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)"
    printf '{"SPDXID":"SPDXRef-tool","name":"lambda-perf-gate","versionInfo":"%s","downloadLocation":"NOASSERTION"}' "$version"
    for library in curl openssl yaml cjson libevent libzip zlib zstd bzip2 xz nghttp2 brotli c-ares libidn2 libunistring \
        libpsl musl; do
        installed=$(apk list --installed 2>/dev/null | awk -v o="{$library}" '$3 == o { print $1; exit }')
        test -n "$installed" || continue
        printf ',{"SPDXID":"SPDXRef-%s","name":"%s","versionInfo":"%s","downloadLocation":"NOASSERTION"}' \
            "$library" "$library" "$(echo "$installed" | sed 's/.*-\([0-9][^-]*-r[0-9]*\)$/\1/')"
    done
    printf ']}\n'
} >"dist/$name.spdx.json"
