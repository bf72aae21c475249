/*
 * Random search: positions are drawn independently and uniformly, keyed by
 * seed, trial, and the name of the param, so that a range more or less does not
 * move the others.  Trial 0 leaves the params as they are: a search is never
 * worse than no search.
 */
#include "base/random.h"
#include "tune/searches.h"

static int64_t size(const struct mls_range *ranges, int64_t count)
{
    (void)ranges;
    (void)count;
    return 0;
}

static bool propose(const struct mls_range *ranges, int64_t count,
                    uint64_t seed, int64_t trial, double *position)
{
    for (int64_t i = 0; i < count; i++)
        position[i] = mls_random_unit(
            mls_random(mls_random_key(seed, ranges[i].key), MLS_RANDOM_TRIAL,
                       (uint64_t)trial));
    return trial > 0;
}

const struct mls_search_type mls_search_random = {
    .name = "random",
    .summary = "independent uniform draws; the first trial is the defaults",
    .source = "Bergstra & Bengio (2012), JMLR 13, 281-305",
    .trials = 30,
    .size = size,
    .propose = propose,
};
