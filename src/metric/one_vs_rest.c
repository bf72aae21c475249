/* Averages over classes; the plain one is that of Provost & Domingos (2000),
 * NYU working paper IS-00-04, without their weighting by class share. */
#include "metric/one_vs_rest.h"

#include "base/memory.h"
#include "metric/outcome.h"
#include "metric/sum.h"

/* Every class needs a row that counts, or its value is undefined. */
static bool check_classes(const struct mls_outcome *outcome, const char *name,
                          struct mls_error *err)
{
    uint8_t *seen = mls_new(outcome->classes, sizeof(*seen), err);
    int missing = -1;

    if (!seen)
        return false;
    for (int64_t i = 0; i < outcome->n; i++)
        if (mls_outcome_weight(outcome, i) > 0)
            seen[mls_outcome_code(outcome, outcome->truth[i])] = 1;
    for (int c = outcome->classes - 1; c >= 0; c--)
        if (!seen[c])
            missing = c;
    mls_free(seen);
    if (missing < 0)
        return true;
    mls_fail(err, MLS_DATA, "%s is undefined: no row is of class %d of %d",
             name, missing + 1, outcome->classes);
    return mls_fail_fix(err, "use rows of every class, or another metric, such "
                             "as log_loss");
}

void mls_one_class(const struct mls_outcome *outcome, int c, double *truth,
                   double *score)
{
    for (int64_t i = 0; i < outcome->n; i++) {
        truth[i] = outcome->truth[i] == c;
        score[i] = outcome->probability[i * outcome->classes + c];
    }
}

/* The weight of the rows where truth is 1. */
static double share_of(const struct mls_outcome *outcome, const double *truth)
{
    struct mls_sum sum = { 0 };

    for (int64_t i = 0; i < outcome->n; i++)
        if (truth[i] == 1)
            mls_sum_add(&sum, mls_outcome_weight(outcome, i));
    return mls_sum_value(&sum);
}

bool mls_one_vs_rest(const struct mls_outcome *outcome, const char *name,
                     mls_two_class_metric *metric, bool by_share,
                     double *value, struct mls_error *err)
{
    double *truth = NULL, *score = NULL, total, one;
    struct mls_sum sum = { 0 }, shares = { 0 };
    bool binary = outcome->task == MLS_BINARY, ok;

    assert(outcome->classes >= 2);
    if (!mls_outcome_total(outcome, name, &total, err)
        || (!binary && !check_classes(outcome, name, err)))
        return false;
    truth = mls_new_array(outcome->n, sizeof(*truth), err);
    score = mls_new_array(outcome->n, sizeof(*score), err);
    ok = truth && score;
    for (int c = binary; ok && c < outcome->classes; c++) {
        double share;

        mls_one_class(outcome, c, truth, score);
        share = by_share ? share_of(outcome, truth) : 1;
        ok = metric(truth, score, outcome->weight, outcome->n, &one, err);
        if (ok) {
            mls_sum_add(&sum, share * one);
            mls_sum_add(&shares, share);
        }
    }
    if (ok)
        *value = mls_sum_value(&sum) / mls_sum_value(&shares);
    mls_free(score);
    mls_free(truth);
    return ok;
}
