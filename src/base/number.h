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
 * The same text, quicker for numbers that come after others like them: the hint
 * remembers how many decimals the last ones had.  { 0 } is a start; no hint
 * changes what is written.  One hint a column and thread.
 */
struct mls_real_hint {
    unsigned char decimals, misses;
};
size_t mls_format_real_like(double value, struct mls_real_hint *hint,
                            char text[MLS_REAL_TEXT]);
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
