#!/bin/sh
# The whole job on a real, messy table: installs what is missing, builds, and
# takes the raw penguin measurements of Palmer Station (dates, comments, NA in
# seven columns, names with spaces and brackets) from CSV to predictions of
# the birds' sex.
#
#   sh docs/quickstart.sh [FOLDER]     results go there; default: quickstart/
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$here/build/quickstart}

sh "$here/tests/packages.sh" build
[ -x "${MLSPEC:-}" ] || {
    cmake -G Ninja -S "$here" -B "$here/build" -DMLS_TESTS=OFF >/dev/null
    cmake --build "$here/build" --target mlspec
    MLSPEC=$here/build/mlspec
}
mkdir -p "$work"
cd "$work"

mlspec() {
    printf '\n$ mlspec'
    for word in "$@"; do
        case $word in
        *[\ \(\)]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    echo
    "$MLSPEC" "$@"
}
data=penguins.csv
cp "$here/data/penguins_raw.csv" $data

# What is in it?
mlspec describe $data -t Sex

# A fifth of the rows is kept away until the end.  Eleven birds' sex is not
# known: those rows are no use here.
mlspec split $data -t Sex --train-output train.csv --test-output test.csv

# What the steps make of the rows, if one wants to look.
mlspec preprocess train.csv --drop 'Comments,Individual ID' --impute mean \
    --scale standard --encode onehot -o clean.csv

# Which columns tell the sex?
mlspec select-features train.csv -t Sex --missing-target drop \
    --id 'Individual ID' -o selected.csv

# Search for good params, each trial cross-validated; the study can be stopped
# and resumed.  Then train on all training rows with the best.
mlspec tune train.csv -t Sex --missing-target drop --id 'Individual ID' \
    --trials 20 --study study.db -o tuned.mlspec

# Or train right away, with the figures of 5-fold cross-validation, and fail
# when the model is no good.
mlspec train train.csv -t Sex --missing-target drop --id 'Individual ID' \
    --cv 5 --fail-below roc_auc=0.9 -o model.mlspec

# How good is it on rows it has never seen?
mlspec evaluate -m model.mlspec test.csv

# What is in the file, and what does it say about new birds?
mlspec inspect model.mlspec
mlspec predict -m model.mlspec test.csv --proba -o predictions.csv
head -n 5 predictions.csv
