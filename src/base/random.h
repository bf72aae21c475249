/*
 * Counter-based random numbers: a pure function of (seed, purpose, index), so
 * that no result depends on the order in which threads draw.
 * Salmon, Moraes, Dror & Shaw (2011), "Parallel random numbers: as easy as
 * 1, 2, 3", Philox4x32-10.
 */
#ifndef MLS_BASE_RANDOM_H
#define MLS_BASE_RANDOM_H

#include <stdint.h>

/* One for each use, so that no two uses share a stream.  Never renumber. */
enum mls_purpose {
    MLS_RANDOM_SPLIT = 1,
    MLS_RANDOM_FOLD = 2,
    MLS_RANDOM_BOOTSTRAP = 3,
    MLS_RANDOM_TRIAL = 4,
    MLS_RANDOM_SAMPLE = 5,
    MLS_RANDOM_LEARNER = 6,
    MLS_RANDOM_STEP = 7,
    MLS_RANDOM_TEST = 8,
    MLS_RANDOM_PERMUTE = 9
};

/* 64 uniform bits.  index may hold two counters: (a << 32) | b. */
uint64_t mls_random(uint64_t seed, uint32_t purpose, uint64_t index);
/* A second key for streams within a purpose (trial number, bootstrap round). */
uint64_t mls_random2(uint64_t seed, uint32_t purpose, uint32_t stream,
                     uint64_t index);
double mls_random_unit(uint64_t bits);              /* [0, 1), 53 bits */
int64_t mls_random_below(uint64_t bits, int64_t n); /* [0, n), n >= 1 */
double mls_random_normal(uint64_t bits);            /* by the inverse of the normal distribution function */
/* A seed derived from a name, for draws keyed by a column's name. */
uint64_t mls_random_key(uint64_t seed, const char *name);
/* order[0..n) becomes a uniform permutation of 0..n-1 (Fisher-Yates). */
void mls_random_order(uint64_t seed, uint32_t purpose, uint32_t stream,
                      int64_t *order, int64_t n);

#endif
