/*
 * What reading and writing of numbers share: the bits of a double.
 */
#ifndef MLS_BASE_NUMBER_DETAIL_H
#define MLS_BASE_NUMBER_DETAIL_H

#include <stdint.h>
#include <string.h>

#include "base/number_powers.h"

typedef unsigned __int128 mls_wide; /* C11 has no name for it */

#define MLS_FRACTION_BITS 52
#define MLS_HIDDEN_BIT (UINT64_C(1) << MLS_FRACTION_BITS)

static inline uint64_t mls_bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* floor(log2(10^q)) for the powers of the table. */
static inline int mls_log2_of_ten_to(int q)
{
    return (q * 1741647) >> 19;
}

#endif
