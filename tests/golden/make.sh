#!/bin/sh
# Makes the files of a new format version: run once, when the version is new.
#   make.sh MLSPEC vN
set -eu
mlspec=$1
here=$(cd "$(dirname "$0")" && pwd)
data=$(cd "$here/../../data" && pwd)
mkdir "$here/$2"
cd "$here/$2"

make() { # NAME TABLE TRAIN-OPTIONS...
    name=$1
    table=$2
    shift 2
    "$mlspec" train -q "$table" "$@" -o "$name.mlspec"
    head -n 40 "$table" >"$name.csv"
    "$mlspec" predict -q -m "$name.mlspec" "$name.csv" $proba \
        -o "$name.expected"
}
proba=
make regression "$data/diabetes.csv" -t progression --select correlation
proba=--proba
make binary "$data/penguins_raw.csv" -t Sex --missing-target drop \
    --id 'Individual ID' --positive FEMALE --class-weight balanced \
    --encode ordinal --scale minmax --drop Comments
make multiclass "$data/penguins.csv" -t species --impute mode \
    --select univariate --set univariate.k=9
"$mlspec" preprocess -q "$data/penguins_raw.csv" --impute mean \
    --scale standard --encode onehot --save steps.mlspec -o /dev/null
head -n 40 "$data/penguins_raw.csv" >steps.csv
"$mlspec" preprocess -q -m steps.mlspec steps.csv -o steps.expected
