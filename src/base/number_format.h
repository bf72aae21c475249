/*
 * The ways to write a column of reals; mls_format_reals picks one.
 */
#ifndef MLS_BASE_NUMBER_FORMAT_H
#define MLS_BASE_NUMBER_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define MLS_FORMAT_AVX2 1
#else
#define MLS_FORMAT_AVX2 0
#endif

/* As mls_format_reals. */
typedef void mls_format_reals_fn(const double *values, int64_t count,
                                 char *slots, size_t stride);

mls_format_reals_fn mls_format_reals_plain;
#if MLS_FORMAT_AVX2
/* For processors with AVX2, BMI2 and LZCNT. */
mls_format_reals_fn mls_format_reals_avx2;
#endif

#endif
