/*
 * The numbers of one column of an indexed piece, in one loop.
 */
#ifndef MLS_TABLE_CSV_REALS_H
#define MLS_TABLE_CSV_REALS_H

#include "table/csv_index.h"

/* What the loop met, added up over pieces. */
struct mls_reals_counts {
    int64_t empty;          /* cells without a byte: NaN */
    int64_t integers;       /* digits only */
    bool zeros;             /* one of them begins with 0 and has more digits */
};

/*
 * Cell i is bytes[before[i * stride] + 1, at[i * stride]); 16 bytes in front of
 * each may be read.  Short plain numbers and empty cells are done; the numbers
 * of all others are put in hard, which has room for count.  Returns how many.
 * The numbers are exactly those of mls_parse_real.
 */
typedef int64_t mls_reals_fn(const char *bytes, const uint32_t *before,
                             const uint32_t *at, int64_t stride, int64_t count,
                             char point, double *out, uint32_t *hard,
                             struct mls_reals_counts *counts);

mls_reals_fn *mls_reals_of(enum mls_simd simd);

#endif
