#!/bin/sh
# Runs each fuzzer for a bounded number of executions; skipped without clang.
#
#   sh tests/fuzz/run.sh [RUNS [TARGET ...]]     default 20000, all targets
#
# What it finds is written to tests/fuzz/findings/<target>/, where fuzz/replay
# runs it from then on: name the file after what was wrong.  BUILD and CORPUS
# name other folders than build-fuzz and build-fuzz/corpus; a corpus that is
# kept makes the next run start where this one ended.  SEED (1) makes a run go
# other ways: a search for mistakes wants another each time, a test the same.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
runs=${1:-20000}
[ $# -eq 0 ] || shift
build=${BUILD:-$source/build-fuzz}
corpus=${CORPUS:-$build/corpus}

clang=
for name in clang-14 clang clang-15 clang-16 clang-17 clang-18 clang-19; do
    if command -v "$name" >/dev/null 2>&1; then
        clang=$name
        break
    fi
done
trial=$(mktemp)
trap 'rm -f "$trial"' EXIT
if [ -z "$clang" ] || ! echo 'int LLVMFuzzerTestOneInput(const unsigned char *b,
    unsigned long n) { return n && !b; }' |
    "$clang" -x c -fsanitize=fuzzer,address -o "$trial" - 2>/dev/null; then
    echo "fuzzing skipped: no clang with libFuzzer here (Debian: clang-14)"
    exit 0
fi

cmake -G Ninja -DCMAKE_C_COMPILER="$clang" -DMLS_FUZZ=ON -B "$build" \
    "$source" >/dev/null
[ $# -gt 0 ] || set -- number sniff libcsv table round model
programs=
for target; do
    programs="$programs fuzz_$target"
done
# shellcheck disable=SC2086 # the list is words
cmake --build "$build" --target $programs >"$build/log" 2>&1 || {
    tail -20 "$build/log"
    exit 1
}

seed() { # TARGET: first inputs, made of the tables in data/
    folder=$corpus/$1
    mkdir -p "$folder"
    cp "$here/findings/$1"/* "$folder/" 2>/dev/null || :
    case $1 in
    model) cp "$source"/tests/golden/*/*.mlspec "$folder/" 2>/dev/null || : ;;
    number) ;;
    *)
        for table in "$source"/data/*.csv; do
            {
                printf 'abcd'
                head -n 8 "$table"
            } >"$folder/$(basename "$table")"
        done
        ;;
    esac
}

# The tests of failing allocations are others; here huge ones only fail.
ASAN_OPTIONS=allocator_may_return_null=1
export ASAN_OPTIONS
for target; do
    seed "$target"
    mkdir -p "$here/findings/$target"
    longest=1024
    case $target in
    number) longest=64 ;;
    model) longest=20000 ;;
    esac
    "$build/tests/fuzz_$target" -runs="$runs" -max_len="$longest" \
        -seed="${SEED:-1}" \
        -artifact_prefix="$here/findings/$target/" -verbosity=0 \
        -print_final_stats=0 "$corpus/$target" >"$build/$target.log" 2>&1 || {
        tail -40 "$build/$target.log"
        echo "fuzz_$target found something: see $here/findings/$target"
        exit 1
    }
    echo "fuzz_$target: $runs executions"
done
