#!/bin/sh
# Trains each row of results.csv through the command line, evaluates it on the
# rows it was trained on, and compares the figure.  The tolerance is relative:
# 1e-6 is what the peers' own stopping rules leave.  A change of quality is a
# change of results.csv.
#   run.sh SOURCE_DIR MLSPEC
set -eu
source=$1
mlspec=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0
{
    read -r header
    [ "$header" = table,target,learner,params,metric,value,tolerance,source ]
    while IFS=, read -r table target learner params metric value tolerance _; do
        data=$source/data/$table.csv
        "$mlspec" train -q "$data" -t "$target" --learner "$learner" \
            --set "$params" --missing-target drop -o "$scratch/m" >/dev/null
        "$mlspec" evaluate -q -m "$scratch/m" "$data" --metric "$metric" \
            --json >"$scratch/json"
        got=$(sed -n '/"figures"/,/\]/s/.*"value": *\([-0-9.e+]*\).*/\1/p' \
            "$scratch/json")
        if awk -v a="$got" -v b="$value" -v t="$tolerance" 'BEGIN {
                d = a - b; if (d < 0) d = -d; if (b < 0) b = -b
                exit !(a != "" && d <= t * b) }'; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "$table $learner $params: $metric is $got, not $value"
        fi
    done
} <"$source/tests/quality/results.csv"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 5 ]
