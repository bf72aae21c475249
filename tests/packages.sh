#!/bin/sh
# Installs the Debian packages that are missing: `sh tests/packages.sh build`
# for what building and running needs, `... test` for the tests' as well.
# Uses sudo only when not root, and only here.
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config libopenblas0-pthread
libcsv-dev libcjson-dev libsqlite3-dev zlib1g-dev libzstd-dev libxxhash-dev"
test="libcmocka-dev dpkg-dev file"

case "${1:-build}" in
build) wanted=$build ;;
test) wanted="$build $test" ;;
*) echo "usage: packages.sh build|test" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "missing packages:$missing" >&2
        echo "install them as root, or install sudo" >&2
        exit 1
    }
    as_root=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086 # the list is words
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
