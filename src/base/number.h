/*
 * Numbers to text and back, exact and the same in every locale.
 */
#ifndef MLS_BASE_NUMBER_H
#define MLS_BASE_NUMBER_H

#include "mlspec/error.h"

#define MLS_REAL_TEXT 40 /* room for any real, its NUL, and bytes past that */

/*
 * The shortest decimal that reads back to the same double, in the form of
 * Python's repr, but without a final ".0": 0.1, 5, 1e+16, 1e-05, -0, nan, inf.
 * Returns the length.  (Shortest digits: Raffaello Giulietti's Schubfach, or
 * any exact method.)
 */
size_t mls_format_real(double value, char text[MLS_REAL_TEXT]);
/*
 * The same text for the reals of a column, each in a slot of its own, which is
 * much quicker than one by one.  NaN is missing and has no text.
 *   values   count reals
 *   slots    text i begins at slots + i * stride; the rest of its MLS_REAL_SLOT
 *            bytes is overwritten, and the last of them receives the length
 *   stride   at least MLS_REAL_SLOT
 */
#define MLS_REAL_SLOT 32
void mls_format_reals(const double *values, int64_t count, char *slots,
                      size_t stride);
static inline size_t mls_slot_length(const char *slot)
{
    return (unsigned char)slot[MLS_REAL_SLOT - 1];
}
size_t mls_format_integer(int64_t value, char text[MLS_REAL_TEXT]);

/*
 * A whole cell as a decimal number, correctly rounded (Clinger's fast path,
 * then Lemire (2021), "Number parsing at a gigabyte per second", with an exact
 * fallback).  Accepts [+-] digits [point digits] [eE [+-] digits], at least one
 * digit; no spaces, hex, inf, nan, separators.  Too large is false.
 *   point     '.' or ','
 *   integer   receives whether the text is digits only (with sign); may be NULL
 */
bool mls_parse_real(const char *text, size_t length, char point,
                    double *value, bool *integer);
bool mls_parse_integer(const char *text, size_t length, int64_t *value);

#endif
