#!/bin/sh
# Installs what is missing, builds, and runs every test: once as released, with
# warnings as errors, and once under AddressSanitizer and UBSan.
#
#   sh tests/run.sh            both builds, and the fuzzers for a short while
#   sh tests/run.sh release    one of them
#   sh tests/run.sh sanitize
#   sh tests/run.sh fuzz       20,000 executions of each fuzzer (needs clang)
set -eu
cd "$(dirname "$0")/.."
sh tests/packages.sh test

jobs=$(nproc)

run() {
    preset=$1
    folder=$2
    echo "== $preset"
    cmake -G Ninja -C "tests/presets/$preset.cmake" -B "$folder" >/dev/null
    cmake --build "$folder" -j "$jobs"
    ctest --test-dir "$folder" -j "$jobs" --output-on-failure
}

case "${1:-all}" in
release) run ci build-ci ;;
sanitize) run sanitize build-sanitize ;;
fuzz) sh tests/fuzz/run.sh ;;
all) run ci build-ci && run sanitize build-sanitize && sh tests/fuzz/run.sh ;;
*) echo "usage: tests/run.sh [release|sanitize|fuzz]" >&2; exit 2 ;;
esac
