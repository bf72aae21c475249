#!/bin/sh
# The layer rule: a file in src/<layer> includes headers of its own layer and
# of those before it, and public headers; src/cli sees mlspec/ and base/ only.
# Also: no test-only or private header in include/.
set -eu
cd "$(dirname "$0")/../.."
layers="base linalg stats table split metric model learner transform select
pipeline evaluate tune"

check() { # FILE ALLOWED...
    file=$1
    shift
    sed -n 's/^#include "\([a-z_]*\)\/.*/\1/p' "$file" | sort -u |
    while read -r used; do
        for allowed in "$@"; do
            [ "$used" = "$allowed" ] && continue 2
        done
        echo "$file includes $used/, which its layer must not see"
    done
}

seen=
report=$(
    for layer in $layers; do
        seen="$seen $layer"
        for file in src/"$layer"/*.[ch]; do
            [ -e "$file" ] || continue
            # shellcheck disable=SC2086 # the list is words
            check "$file" mlspec $seen
        done
    done
    for file in src/cli/*.[ch]; do
        [ -e "$file" ] && check "$file" mlspec base cli
    done
    for file in include/mlspec/*.h; do
        check "$file" mlspec
    done
    for folder in src/*/; do
        name=$(basename "$folder")
        case " $(echo "$layers" | tr '\n' ' ') cli " in
        *" $name "*) ;;
        *) echo "src/$name is no layer: add it to tests/check/layers.sh" ;;
        esac
    done
)
if [ -n "$report" ]; then
    echo "$report"
    exit 1
fi
# A rule that cannot fail is none: a file that breaks it must be caught.
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT
echo '#include "tune/range.h"' >"$scratch"
[ -n "$(check "$scratch" mlspec base)" ] || {
    echo "the check does not see a broken rule"
    exit 1
}
