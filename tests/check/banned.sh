#!/bin/sh
# Rules for the sources that the compiler does not know:
# the library never prints, exits, or reads the environment or command line.
set -eu
cd "$(dirname "$0")/../.."
bad=0

never() { # WHY PATTERN FILES...
    why=$1
    pattern=$2
    shift 2
    if grep -nE "$pattern" "$@" /dev/null; then
        echo "^ $why"
        bad=1
    fi
}
library=$(find src -name '*.[ch]' ! -path 'src/cli/*')
# shellcheck disable=SC2086,SC2046 # the lists are words
{
    never "library code never prints" \
        '(^|[^a-z_])(printf|puts|putchar|perror)\(|[^a-z_]fprintf\(std' $library
    never "library code never ends the process" \
        '(^|[^a-z_])(exit|_exit|abort)\(' $library
    never "allocation goes through base/memory.h" \
        '(^|[^a-z_])(malloc|calloc|realloc|strdup|free)\(' \
        $(echo "$library" | grep -v '^src/base/memory\.c$')
    never "only src/linalg/blas.c opens libraries" \
        '(^|[^a-z_])dlopen\(' \
        $(echo "$library" | grep -v '^src/linalg/blas\.c$')
    never "only base/json.c calls cJSON" 'cJSON_' \
        $(echo "$library" | grep -v '^src/base/json\.c$')
    never "no result depends on the environment" '(^|[^a-z_])getenv\(' \
        $(echo "$library" | grep -vE '^src/(linalg/blas|base/file[a-z_]*)\.c$')
    never "no .c file is included" '^#include ".*\.c"' $library
}
exit $bad
