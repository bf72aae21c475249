/*
 * Grid search: every combination, the last range changing fastest.  A real
 * range without listed values takes evenly spaced points, both ends included.
 */
#include "tune/searches.h"

#define GRID_LIMIT 1000000000

static int64_t size(const struct mls_range *ranges, int64_t count)
{
    int64_t n = 1;

    for (int64_t i = 0; i < count; i++) {
        n *= mls_range_levels(&ranges[i]);
        if (n > GRID_LIMIT)
            return GRID_LIMIT;
    }
    return n;
}

static bool propose(const struct mls_range *ranges, int64_t count,
                    uint64_t seed, int64_t trial, double *position)
{
    (void)seed;
    for (int64_t i = count; i-- > 0;) {
        int64_t levels = mls_range_levels(&ranges[i]);
        int64_t at = trial % levels;
        bool spread = ranges[i].values.count == 0
            && ranges[i].param->kind != MLS_INTEGER;

        trial /= levels;
        if (spread)
            position[i] = levels > 1 ? (double)at / (double)(levels - 1) : 0;
        else
            position[i] = ((double)at + 0.5) / (double)levels;
    }
    return true;
}

const struct mls_search_type mls_search_grid = {
    .name = "grid",
    .summary = "every combination of the values",
    .source = "exhaustive search",
    .trials = 0,
    .size = size,
    .propose = propose,
};
