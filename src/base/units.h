/*
 * Sizes ("4G", "1.5M", "1000") and durations ("1h30m", "2.5s", "45") as text.
 */
#ifndef MLS_BASE_UNITS_H
#define MLS_BASE_UNITS_H

#include "base/number.h"

/* Bytes: a number >= 0 and K, M, G or T (powers of 1024; "4GB" and "4GiB" are
 * the same), rounded to whole bytes. */
bool mls_parse_size(const char *text, int64_t *bytes);
/* Seconds: numbers >= 0 with d, h, m, s or ms, from big to small, each once; or
 * one number alone. */
bool mls_parse_duration(const char *text, double *seconds);

/* The text that is read back as the same value. */
#define MLS_UNIT_TEXT 64
void mls_format_size(int64_t bytes, char text[MLS_UNIT_TEXT]);
void mls_format_duration(double seconds, char text[MLS_UNIT_TEXT]);

#endif
