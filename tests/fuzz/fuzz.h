/*
 * Fuzz targets: each takes any bytes, and ends the program when what it checks
 * does not hold.  entry.c makes a libFuzzer program of one of them, replay.c a
 * plain one of all, which runs over the files in findings/.
 *
 * The first bytes of an input choose options; the rest is the file, number or
 * text that the target is about.
 */
#ifndef MLS_TESTS_FUZZ_H
#define MLS_TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "mlspec/table.h"

typedef void fuzz_target(const uint8_t *bytes, size_t length);

fuzz_target fuzz_table;     /* any bytes as a table, under any options */
fuzz_target fuzz_libcsv;    /* the cells are those of libcsv */
fuzz_target fuzz_number;    /* numbers are those of strtod, and come back */
fuzz_target fuzz_sniff;     /* a dialect for any bytes */
fuzz_target fuzz_round;     /* table, CSV, table: equal */
fuzz_target fuzz_model;     /* any bytes as a model file, under a right sum */

/* The name of a file in memory that holds these bytes, until the next call. */
const char *fuzz_file(const uint8_t *bytes, size_t length);

/* Says what is wrong and ends the program. */
#define FUZZ_CHECK(condition, ...) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__); \
            fputc('\n', stderr); \
            abort(); \
        } \
    } while (0)

/* Every failure says what is wrong. */
void fuzz_check_error(const struct mls_error *err);

#endif
