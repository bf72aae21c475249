/* Where to look for one param. */
#ifndef MLS_TUNE_RANGE_H
#define MLS_TUNE_RANGE_H

#include "base/text.h"
#include "mlspec/tune.h"

/* "KEY=LOW..HIGH[:log]" or "KEY=a,b,c", checked against the pipeline. */
MLS_CHECK bool mls_range_parse(const struct mls_pipeline *p, const char *text,
                               struct mls_range *range, struct mls_error *err);
/* The learner's params that say where to look. *ranges is a new array. */
MLS_CHECK bool mls_range_defaults(const struct mls_pipeline *p,
                                  struct mls_range **ranges, int64_t *count,
                                  struct mls_error *err);
/* How many different values a grid takes: the listed ones, each whole number
 * when there are few, MLS_RANGE_LEVELS points of a real range. */
#define MLS_RANGE_LEVELS 10
int64_t mls_range_levels(const struct mls_range *range);
/* The value at a position in [0, 1], as text; reals have 6 digits. */
void mls_range_value(const struct mls_range *range, double position,
                     struct mls_text *text);
/* "l2=0.0001..10000:log": reads back. */
void mls_range_format(const struct mls_range *range, struct mls_text *text);
void mls_range_clear(struct mls_range *range);
/* Whether two ranges are for one param, under whatever names. */
bool mls_range_same(const struct mls_pipeline *p, const struct mls_range *a,
                    const struct mls_range *b);

#endif
