#!/bin/sh
# Man pages and completions, made by the program that they describe.
#
#   pages.sh MLSPEC FOLDER
#
# Writes FOLDER/man/mlspec.1, one mlspec-COMMAND.1 a command, and
# FOLDER/completions/{mlspec,_mlspec,mlspec.fish}; FOLDER is made anew.
set -eu
mlspec=$1
folder=$2
rm -rf "$folder"
mkdir -p "$folder/man" "$folder/completions"
commands=$("$mlspec" help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\)  .*/\1/p')
[ -n "$commands" ]
"$mlspec" help --format man >"$folder/man/mlspec.1"
for command in $commands; do
    "$mlspec" help "$command" --format man >"$folder/man/mlspec-$command.1"
done
"$mlspec" completion bash >"$folder/completions/mlspec"
"$mlspec" completion zsh >"$folder/completions/_mlspec"
"$mlspec" completion fish >"$folder/completions/mlspec.fish"
