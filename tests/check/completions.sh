#!/bin/sh
# Completions are scripts that their shells can read, and know the options.
# A shell that is not installed is left out.
#   completions.sh SOURCE_DIR MLSPEC
set -eu
mlspec=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for shell in bash zsh fish; do
    "$mlspec" completion $shell >"$scratch/$shell"
    for word in train select-features missing-target learner impute l2; do
        grep -q -- "$word" "$scratch/$shell" || {
            echo "the completion for $shell does not know $word"
            exit 1
        }
    done
    if command -v $shell >/dev/null; then
        $shell -n "$scratch/$shell"
    else
        echo "$shell is not installed: its script is not parsed"
    fi
done
command -v bash >/dev/null || exit 0
cat >"$scratch/try" <<'B'
. "$1"
complete -p mlspec >/dev/null
COMP_WORDS=(mlspec train --learn); COMP_CWORD=2; COMP_LINE="mlspec train --learn"; COMP_POINT=${#COMP_LINE}
function=$(complete -p mlspec | sed -n 's/.*-F \([^ ]*\).*/\1/p')
"$function" mlspec --learn train
printf '%s\n' "${COMPREPLY[@]}" | grep -q -- --learner
B
bash "$scratch/try" "$scratch/bash"
