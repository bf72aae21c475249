/*
 * Powers of ten for reading and writing reals.  10^q lies in
 * [T, T + 1) * 2^(e - 127), where T is the 128-bit row of q and
 * e = floor(log2(10^q)) = (q * 1741647) >> 19.  Exact for 0 <= q <= 55.
 */
#ifndef MLS_BASE_NUMBER_POWERS_H
#define MLS_BASE_NUMBER_POWERS_H

#include <stdint.h>

#define MLS_POWER_FIRST (-342)
#define MLS_POWER_LAST 324
#define MLS_POWER_EXACT 55

/* High word, low word. */
extern const uint64_t
    mls_powers_of_ten[MLS_POWER_LAST - MLS_POWER_FIRST + 1][2];

#endif
