#!/bin/sh
# Every example in README.md and docs/*.md is run, and what it prints must be
# what stands there.  Examples are ```console blocks: lines that begin with "$ "
# are commands (a final backslash goes on to the next line), the rest is their
# output.  A file's commands run one after another in one scratch folder, where
# data/ is the project's.
#
#   examples.sh SOURCE_DIR MLSPEC            checks
#   examples.sh SOURCE_DIR MLSPEC --update   writes the output into the docs
set -eu
source=$1
mlspec=$2
update=${3:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"
ln -s "$mlspec" "$scratch/bin/mlspec"
PATH=$scratch/bin:$PATH
export PATH
unset NO_COLOR MLSPEC || :

# Copies a document from stdin to stdout with the output of its commands.
regenerate() {
    inside=no
    while IFS= read -r line || [ -n "$line" ]; do
        case $inside:$line in
        no:'```console')
            inside=yes
            printf '%s\n' "$line"
            ;;
        yes:'```')
            inside=no
            printf '%s\n' "$line"
            ;;
        yes:'$ '*)
            printf '%s\n' "$line"
            command=${line#'$ '}
            while case $command in *\\) ;; *) false ;; esac; do
                IFS= read -r line
                printf '%s\n' "$line"
                command="${command%\\} $line"
            done
            sh -c "$command" </dev/null 2>&1 || echo "[exit status $?]"
            ;;
        yes:*) ;;
        no:*) printf '%s\n' "$line" ;;
        esac
    done
}

bad=0
for document in "$source"/README.md "$source"/docs/*.md; do
    grep -q '^```console' "$document" || continue
    work=$scratch/$(basename "$document" .md)
    mkdir "$work"
    ln -s "$source/data" "$work/data"
    (cd "$work" && regenerate) <"$document" >"$scratch/new"
    if [ -n "$update" ]; then
        cmp -s "$scratch/new" "$document" || {
            cat "$scratch/new" >"$document"
            echo "updated $document"
        }
    elif ! diff -u "$document" "$scratch/new"; then
        echo "$document does not say what mlspec does: run" \
            "tests/check/examples.sh SOURCE MLSPEC --update and read the diff"
        bad=1
    fi
done
exit $bad
