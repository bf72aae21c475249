#!/bin/sh
# Runs the command line as a user does and compares what it says.
#
#   MLSPEC=build/mlspec sh tests/cli/run.sh [--update] [COMMAND[/CASE] ...]
#
# A case is a folder tests/cli/COMMAND/CASE with four files: cmd, a script for
# sh; and the stdout, stderr and exit status that it must have.  It runs in an
# empty folder in which data/ is the project's, with mlspec on the PATH.  What
# differs from run to run (seconds, memory) the script itself leaves out.
# --update rewrites the expected files: review the diff.
set -u
here=$(cd "$(dirname "$0")" && pwd)
DATA=${DATA:-$here/../../data}
MLSPEC=${MLSPEC:-$here/../../build/mlspec}
DATA=$(cd "$DATA" && pwd)
MLSPEC=$(cd "$(dirname "$MLSPEC")" && pwd)/$(basename "$MLSPEC")
export DATA MLSPEC
update=no
[ "${1:-}" = --update ] && { update=yes; shift; }
[ -x "$MLSPEC" ] || { echo "no program $MLSPEC" >&2; exit 2; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir "$scratch/bin"
ln -s "$MLSPEC" "$scratch/bin/mlspec"
PATH=$scratch/bin:$PATH
unset NO_COLOR
passed=0
failed=0

run_case() {
    case=$1
    work=$scratch/work
    rm -rf "$work" "$scratch/got"
    mkdir "$work" "$scratch/got"
    ln -s "$DATA" "$work/data"
    (cd "$work" && exec sh "$case/cmd") \
        >"$scratch/got/stdout" 2>"$scratch/got/stderr" </dev/null
    echo $? >"$scratch/got/exit"
    # Whatever happened, no unfinished file may be left.
    find "$work" -name '.*.??????' >>"$scratch/got/stderr"
    if [ $update = yes ]; then
        cp "$scratch/got/stdout" "$scratch/got/stderr" "$scratch/got/exit" \
            "$case/"
    fi
    for what in stdout stderr exit; do
        diff -u "$case/$what" "$scratch/got/$what" >>"$scratch/got/diff" 2>&1
    done
    if [ -s "$scratch/got/diff" ]; then
        failed=$((failed + 1))
        echo "FAILED ${case#"$here"/}"
        cat "$scratch/got/diff"
    else
        passed=$((passed + 1))
    fi
}

wanted() {
    [ $# -gt 1 ] || return 0
    name=$1
    shift
    for want; do
        case $name in "$want" | "$want"/*) return 0 ;; esac
    done
    return 1
}

for cmd in "$here"/*/*/cmd; do
    case=$(dirname "$cmd")
    wanted "${case#"$here"/}" "$@" && run_case "$case"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
