/*
 * How far two names are apart, for "did you mean".
 */
#ifndef MLS_BASE_NEAREST_H
#define MLS_BASE_NEAREST_H

#include <stddef.h>

/*
 * Damerau-Levenshtein distance, each place used once: the least number of
 * insertions, deletions, replacements and swaps of neighbours.  ASCII case, and
 * '-' against '_', cost nothing.  -1 when it is more than a third of the longer
 * name (at least 1), or when nothing of the shorter one would be left, or when
 * a name has more than 120 bytes.
 */
int mls_near(const char *a, size_t a_length, const char *b, size_t b_length);

#endif
