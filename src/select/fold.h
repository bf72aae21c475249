/*
 * The rows of a selecting step dealt into folds, for a step that asks how good
 * its choices are on rows it has not seen.
 */
#ifndef MLS_SELECT_FOLD_H
#define MLS_SELECT_FOLD_H

#include "table/dataset.h"
#include "transform/step.h"

/* Rows to train on and rows held out.  { 0 } is empty. */
struct mls_select_fold {
    struct mls_dataset train, test;
    double *cells[6];           /* private: of their targets */
    int count;
};

/*
 * fold[i] for each row of in->table: forward in the column whose role is the
 * time, else with whole groups of the column whose role is the group
 * (mlspec/split.h), else by what the row holds, rounded to some 6 digits, each
 * class spread evenly: equal rows are never in two folds, so that a weight of 2
 * is a repeated row, and the order of the rows changes nothing.
 *
 *   all      of mls_select_read
 *   by_time  receives whether what comes after a fold is not for training
 *
 * MLS_DATA when there are too few rows in time or too few groups, or a time or
 * a group is missing or a text.
 */
MLS_CHECK bool mls_select_deal(const struct mls_step_input *in,
                               const struct mls_dataset *all, int folds,
                               int32_t *fold, bool *by_time,
                               struct mls_error *err);

/*
 * The rows of fold k of all (mls_select_read), and those it is tested with.
 * The columns are standardised anew: the training rows have weighted mean 0 and
 * standard deviation 1, and the test rows are moved by the same numbers.
 *
 *   to  both parts own their rows; empty when one has no row, or when the
 *       training rows lack a class that all has.  To be cleared also after a
 *       failure
 *
 * Memory O(rows * columns).
 */
MLS_CHECK bool mls_select_fold_make(const struct mls_run *run,
                                    const struct mls_dataset *all,
                                    const int32_t *fold, int k, bool by_time,
                                    struct mls_select_fold *to,
                                    struct mls_error *err);
void mls_select_fold_clear(struct mls_select_fold *fold);

/*
 * The weighted mean loss of rows: the squared error of numbers, the log loss of
 * classes (natural logarithm).
 *
 *   score     target->rows values for each output, output by output, without
 *             the offset: log-odds of two classes, one score a class of more
 *   log_link  a number's prediction is exp(score)
 */
double mls_select_loss(const struct mls_target *target, const double *score,
                       bool log_link);

#endif
