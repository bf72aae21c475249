#!/bin/sh
# docs/reference/ equals `mlspec help TOPIC --format markdown` for every command,
# learner, step, metric and search; and every man page is one.
#
#   reference.sh SOURCE_DIR MLSPEC            checks
#   reference.sh SOURCE_DIR MLSPEC --update   writes the pages
set -eu
source=$1
mlspec=$2
pages=$source/docs/reference
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The names that a list of the help begins its lines with.
names() {
    "$mlspec" help "$@" | sed -n 's/^  \([a-z][a-z0-9_-]*\)\(  *.*\)*$/\1/p' |
        grep -vx mlspec | sort -u
}

index() { # TITLE TOPIC...
    printf '\n## %s\n\n' "$1"
    shift
    for topic in "$@"; do
        "$mlspec" help "$topic" --format markdown >"$scratch/$topic.md"
        summary=$(sed -n 3p "$scratch/$topic.md")
        printf -- '- [%s](%s.md): %s\n' "$topic" "$topic" "$summary"
        "$mlspec" help "$topic" --format man | grep -q '^\.SH NAME' || {
            echo "$topic has no man page" >&2
            exit 1
        }
    done
}

{
    echo "# Reference"
    echo
    echo "What \`mlspec help\` says, a page each."
    # shellcheck disable=SC2046 # the lists are words
    {
        index Commands $(names)
        index Learners $(names learners)
        index Steps $(names steps)
        index Metrics $(names metrics)
        index Searches $(names searches)
    }
} >"$scratch/README.md"
[ "$(find "$scratch" -name '*.md' | wc -l)" -gt 25 ] || {
    echo "the lists of the help could not be read" >&2
    exit 1
}

if [ "${3:-}" = --update ]; then
    rm -rf "$pages"
    mkdir -p "$pages"
    cp "$scratch"/*.md "$pages"
elif ! diff -ru "$pages" "$scratch"; then
    echo "docs/reference is not what the help says: run" \
        "tests/check/reference.sh SOURCE MLSPEC --update"
    exit 1
fi
