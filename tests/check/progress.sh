#!/bin/sh
# The progress line on a terminal: what it says, that it is gone before the
# result is written, and that it keeps out of a table on the same terminal.
#   progress.sh SOURCE_DIR MLSPEC
# A pause of over a second stands for work that takes that long: before the
# command starts to read (its config comes from a pipe), or within its input.
set -eu
mlspec=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
command -v script >/dev/null || {
    echo "script is not installed: nothing is checked"
    exit 0
}
awk 'BEGIN { OFS = ","; print "x,y,text";
    for (i = 0; i < 400000; i++) print i * 37 % 1009, i * i % 1013, "a" }' \
    >"$scratch/table.csv"
head -n 20001 "$scratch/table.csv" >"$scratch/small.csv"
export MLSPEC="$mlspec" LC_ALL=C
cd "$scratch"
"$mlspec" train -q -t y --learner ridge -o model small.csv

# Runs a command line on a terminal; what it showed goes to the file `shown`,
# carriage returns as newlines.
on_terminal() {
    rm -f slow config
    mkfifo slow config
    { head -n 300000 table.csv; sleep 1.4; tail -n +300001 table.csv; } \
        >slow 2>/dev/null &
    { sleep 1.2; echo '{}'; } >config 2>/dev/null &
    TERM=xterm script -qec "$1" typescript >/dev/null </dev/null || {
        cat typescript
        echo "failed: $1"
        exit 1
    }
    # A reader for what the command did not open.
    : <>slow & : <>config &
    wait
    tr '\r' '\n' <typescript >shown
}

must() { grep -Eq -- "$1" shown || { cat -v shown; echo "not shown: $1"; exit 1; }; }
must_not() { if grep -Eq -- "$1" shown; then cat -v shown; echo "shown: $1"; exit 1; fi; }
# The last time that a line was drawn it was taken away before line $1 came.
gone_before() {
    awk -v line="$1" '
        /reading: |columns: |trees: / { drawn = 1; next }
        $0 ~ /^\033\[K/ { drawn = 0 }
        index($0, line) { if (drawn) exit 1; seen = 1 }
        END { exit !seen }' shown || {
        cat -v shown
        echo "not taken away before: $1"
        exit 1
    }
}

on_terminal '"$MLSPEC" describe slow'
must 'reading: [0-9]+ k rows, [0-9.]+( k| M)? rows/s$'
gone_before 'rows'

on_terminal '"$MLSPEC" describe --config config table.csv'
must '(reading|columns): [0-9]+%'

on_terminal '"$MLSPEC" train -t y --config config --learner forest --trees 300 -o made small.csv'
must 'trees: [0-9]+%, [0-9]+ (s|min .*) left$'
gone_before 'forest'

# The table itself goes to the terminal: nothing in between.
on_terminal '"$MLSPEC" predict --model model slow'
must_not 'reading:'
on_terminal '"$MLSPEC" predict --model model -o predicted.csv slow'
must 'reading: '
on_terminal '"$MLSPEC" predict --no-progress --model model -o predicted.csv slow'
must_not 'reading: '
