#!/bin/sh
# An installed mlspec is whole: the binary runs, and a C program finds headers
# and library through pkg-config and trains a model with them.
#   install.sh SOURCE_DIR MLSPEC
set -eu
source=$1
build=$(dirname "$2")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
DESTDIR=$scratch/root cmake --install "$build" >"$scratch/log" ||
    { cat "$scratch/log"; exit 1; }
prefix=$(find "$scratch/root" -type d -name include | head -n 1)
prefix=${prefix%/include}
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name mlspec.pc)")
"$prefix/bin/mlspec" --version >/dev/null

cat >"$scratch/user.c" <<'C'
#include <mlspec/evaluate.h>
#include <mlspec/profile.h>
#include <mlspec/split.h>
#include <mlspec/tune.h>
#include <mlspec/version.h>
#include <math.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct mls_read_options read = { 0 };
    struct mls_roles roles = { .target = "species" };
    struct mls_settings settings = { .train = true };
    struct mls_evaluate_options how = { .metrics = "accuracy",
                                        .threshold = NAN };
    struct mls_evaluation e = { 0 };
    struct mls_table table = { 0 };
    struct mls_run run;
    struct mls_error err = { 0 };
    struct mls_pipeline *p = NULL;
    char text[1024];
    bool ok = argc == 2 && mls_run_init(&run, 0, &err)
        && mls_table_read(argv[1], &read, &run, &table, &err)
        && mls_schema_set_roles(&table.schema, &roles, &err)
        && (p = mls_pipeline_new(&settings, &table, &run, &err)) != NULL
        && mls_pipeline_fit(p, &table, NULL, 0, &run, &err)
        && mls_evaluate(p, &table, &how, &run, &e, &err);

    if (ok)
        printf("%s %.2f\n", mls_version(), e.figures[0].value);
    else
        fprintf(stderr, "%s\n", mls_error_text(&err, text, sizeof text));
    mls_evaluation_clear(&e);
    mls_pipeline_free(p);
    mls_table_clear(&table);
    mls_run_clear(&run);
    return !ok;
}
C
# A build under sanitizers needs them in the user's program too.
flags=
ldd "$prefix/bin/mlspec" | grep -q libasan && flags=-fsanitize=address,undefined
# shellcheck disable=SC2046,SC2086 # flags are words
cc -std=c11 -Wall -Wextra -Werror -pedantic $flags "$scratch/user.c" \
    -o "$scratch/user" \
    $(pkg-config --define-variable=prefix="$prefix" --cflags --libs mlspec) -lm
LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name 'libmlspec.so')") \
    "$scratch/user" "$source/data/iris.csv" | grep -Eq '^[0-9.]+ (0\.9|1\.0)'

# Every command has its man page, every shell its completion.
for command in $("$prefix/bin/mlspec" help |
    sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\)  .*/\1/p'); do
    grep -q '^\.SH NAME' "$prefix/share/man/man1/mlspec-$command.1"
done
grep -q '^\.SH NAME' "$prefix/share/man/man1/mlspec.1"
for page in bash-completion/completions/mlspec zsh/vendor-completions/_mlspec \
    fish/vendor_completions.d/mlspec.fish; do
    grep -q mlspec "$prefix/share/$page"
done

# Each public header stands alone.
for header in "$prefix"/include/mlspec/*.h; do
    echo "#include <mlspec/$(basename "$header")>" >"$scratch/alone.c"
    cc -std=c11 -Wall -Wextra -Werror -pedantic -fsyntax-only \
        -I"$prefix/include" "$scratch/alone.c"
done
