/*
 * The share of rows whose class is among the k likeliest.  Of classes equally
 * likely the later one comes first, as in scikit-learn.  With k classes or
 * fewer it is 1.
 */
#include "metric/metrics.h"
#include "metric/outcome.h"
#include "metric/sum.h"

/* How many classes come before that of the row. */
static int rank_of_truth(const struct mls_outcome *outcome, int64_t row)
{
    const double *p = outcome->probability + row * outcome->classes;
    int truth = (int)mls_outcome_code(outcome, outcome->truth[row]), before = 0;

    for (int c = 0; c < outcome->classes; c++)
        before += p[c] > p[truth] || (c > truth && p[c] == p[truth]);
    return before;
}

static bool top(int k, const char *name, const struct mls_outcome *outcome,
                double *value, struct mls_error *err)
{
    struct mls_sum hits = { 0 };
    double total;

    if (!mls_outcome_total(outcome, name, &total, err)
        || !mls_outcome_probabilities(outcome, name, err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++)
        if (rank_of_truth(outcome, i) < k)
            mls_sum_add(&hits, mls_outcome_weight(outcome, i));
    *value = mls_sum_value(&hits) / total;
    return true;
}

static bool top_2(const struct mls_outcome *outcome, double *value,
                  struct mls_error *err)
{
    return top(2, "top_2_accuracy", outcome, value, err);
}

static bool top_3(const struct mls_outcome *outcome, double *value,
                  struct mls_error *err)
{
    return top(3, "top_3_accuracy", outcome, value, err);
}

static bool top_5(const struct mls_outcome *outcome, double *value,
                  struct mls_error *err)
{
    return top(5, "top_5_accuracy", outcome, value, err);
}

const struct mls_metric_type mls_metric_top_2_accuracy = {
    .name = "top_2_accuracy",
    .title = "share of rows whose class is among the two likeliest",
    .source = "sum of w [class among the 2 likeliest] / sum of w",
    .tasks = MLS_TASK_MULTICLASS,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PROBABILITY,
    .compute = top_2,
};

const struct mls_metric_type mls_metric_top_3_accuracy = {
    .name = "top_3_accuracy",
    .title = "share of rows whose class is among the three likeliest",
    .source = "sum of w [class among the 3 likeliest] / sum of w",
    .tasks = MLS_TASK_MULTICLASS,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PROBABILITY,
    .compute = top_3,
};

const struct mls_metric_type mls_metric_top_5_accuracy = {
    .name = "top_5_accuracy",
    .title = "share of rows whose class is among the five likeliest",
    .source = "sum of w [class among the 5 likeliest] / sum of w",
    .tasks = MLS_TASK_MULTICLASS,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PROBABILITY,
    .compute = top_5,
};
