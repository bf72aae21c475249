/*
 * How the rows of a table are dealt into training and test rows, and a
 * pipeline fitted on one deal.
 */
#ifndef MLS_EVALUATE_FOLDS_H
#define MLS_EVALUATE_FOLDS_H

#include "mlspec/pipeline.h"

/* What a row is for in one fold. */
enum mls_part { MLS_PART_TRAIN, MLS_PART_TEST, MLS_PART_UNUSED };

/* The rows that take part, and by what they are dealt.  { 0 } is empty. */
struct mls_deal {
    int64_t *row;               /* their places in the table, ascending */
    double *target;
    double *weight;             /* NULL: all 1 */
    double *group, *time;       /* NULL when no column has the role */
    bool stratify;              /* by target */
    int64_t count;
};

/* Rows without target or weight are left out, or refused.  Clear d even when
 * it fails. */
MLS_CHECK bool mls_deal_make(struct mls_deal *d, const struct mls_pipeline *p,
                             const struct mls_table *table,
                             struct mls_error *err);
void mls_deal_clear(struct mls_deal *d);

/* fold[i] for i < count, by time, by group, or stratified. */
MLS_CHECK bool mls_deal_folds(const struct mls_deal *d, int k, uint64_t seed,
                              int32_t *fold, struct mls_error *err);
MLS_CHECK bool mls_deal_holdout(const struct mls_deal *d, double fraction,
                                uint64_t seed, uint8_t *in_test,
                                struct mls_error *err);
/* What row i is for when fold k is tested: in time, what comes later is not
 * known yet. */
enum mls_part mls_deal_part(const struct mls_deal *d, const int32_t *fold,
                            int64_t i, int64_t k);

/*
 * A copy of p fitted on the rows of MLS_PART_TRAIN, and a table of those of
 * MLS_PART_TEST, in their order.  part[i] is for row i of the deal.  On
 * success the caller frees both.
 */
MLS_CHECK bool mls_deal_fit(const struct mls_deal *d, const uint8_t *part,
                            const struct mls_pipeline *p,
                            const struct mls_table *table,
                            const struct mls_run *run,
                            struct mls_pipeline **fitted,
                            struct mls_table *held, struct mls_error *err);

#endif
