/*
 * How well rows are ranked within their groups (the documents of one query):
 *
 *   dcg    sum over places k = 1, 2, ... of relevance / log2(k + 1), rows in
 *          order of falling prediction; rows of equal prediction share the mean
 *          of what their places give
 *   ndcg   dcg / dcg of the best order; 0 for a group without a relevant row
 *   ndcg_5, ndcg_10   the first places alone
 *   mean_average_precision   of the rows with relevance > 0 against the rest,
 *          in steps as average_precision; groups without one are left out
 *
 * All are means over the groups.  A group weighs as much as the mean of its
 * rows' weights; rows of weight 0 are not there.
 *
 * Jarvelin & Kekalainen (2002), ACM TOIS 20(4), 422-446; ties: McSherry &
 * Najork (2008), ECIR, 414-421.  The gain is the relevance itself, as in
 * scikit-learn's ndcg_score, and not 2^relevance - 1.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "metric/metrics.h"
#include "metric/outcome.h"
#include "metric/sum.h"
#include "stats/summary.h"

struct ranked {
    double score, truth;
};

static int by_score(const void *a_, const void *b_)
{
    const struct ranked *a = a_, *b = b_;

    return (a->score < b->score) - (a->score > b->score);
}

static int by_truth(const void *a_, const void *b_)
{
    const struct ranked *a = a_, *b = b_;

    return (a->truth < b->truth) - (a->truth > b->truth);
}

/* One group: n >= 1 rows, which it may reorder.  NaN: the group is left out. */
typedef double group_value(struct ranked *rows, int64_t n, int64_t places);

static double discount(int64_t place, int64_t places)
{
    return place < places ? 1 / log2((double)place + 2) : 0;
}

static double dcg(const struct ranked *rows, int64_t n, int64_t places)
{
    struct mls_sum sum = { 0 };

    for (int64_t first = 0, end; first < n && first < places; first = end) {
        struct mls_sum gain = { 0 }, shares = { 0 };

        for (end = first; end < n && rows[end].score == rows[first].score;
             end++) {
            mls_sum_add(&gain, rows[end].truth);
            mls_sum_add(&shares, discount(end, places));
        }
        mls_sum_add(&sum, mls_sum_value(&gain) / (double)(end - first)
                              * mls_sum_value(&shares));
    }
    return mls_sum_value(&sum);
}

static double ndcg_of(struct ranked *rows, int64_t n, int64_t places)
{
    struct mls_sum best = { 0 };
    double value;

    qsort(rows, (size_t)n, sizeof(*rows), by_score);
    value = dcg(rows, n, places);
    qsort(rows, (size_t)n, sizeof(*rows), by_truth);
    for (int64_t k = 0; k < n && k < places; k++)
        mls_sum_add(&best, rows[k].truth * discount(k, places));
    return mls_sum_value(&best) > 0 ? value / mls_sum_value(&best) : 0;
}

static double precision_of(struct ranked *rows, int64_t n, int64_t places)
{
    struct mls_sum sum = { 0 };
    double hits = 0;

    (void)places;
    qsort(rows, (size_t)n, sizeof(*rows), by_score);
    for (int64_t first = 0, end; first < n; first = end) {
        double before = hits;

        for (end = first; end < n && rows[end].score == rows[first].score;
             end++)
            hits += rows[end].truth > 0;
        mls_sum_add(&sum, (hits - before) * (hits / (double)end));
    }
    return hits > 0 ? mls_sum_value(&sum) / hits : NAN;
}

static bool check(const struct mls_outcome *outcome, const char *name,
                  struct mls_error *err)
{
    double total;

    if (!mls_outcome_total(outcome, name, &total, err))
        return false;
    if (!outcome->group) {
        mls_fail(err, MLS_DATA, "%s ranks rows within groups, and there are "
                                "none", name);
        return mls_fail_fix(err, "name the column with --group in train");
    }
    if (!mls_outcome_finite(outcome, name, err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++) {
        if (mls_outcome_weight(outcome, i) == 0)
            continue;
        if (isnan(outcome->group[i]))
            return mls_fail(err, MLS_DATA, "%s: a row has no group", name);
        if (outcome->truth[i] < 0)
            return mls_fail(err, MLS_DATA,
                            "%s: the relevance of a row is below 0", name);
    }
    return true;
}

/* The rows of the group that starts at place *at of order; moves *at behind
 * it.  How many rows of weight above 0; *weight: their mean weight. */
static int64_t next_group(const struct mls_outcome *outcome,
                          const int64_t *order, int64_t *at,
                          struct ranked *rows, double *weight)
{
    double group = outcome->group[order[*at]];
    struct mls_sum sum = { 0 };
    int64_t n = 0;

    for (; *at < outcome->n && outcome->group[order[*at]] == group; ++*at) {
        int64_t row = order[*at];
        double w = mls_outcome_weight(outcome, row);

        if (w == 0)
            continue;
        rows[n++] = (struct ranked){ outcome->prediction[row],
                                     outcome->truth[row] };
        mls_sum_add(&sum, w);
    }
    *weight = n > 0 ? mls_sum_value(&sum) / (double)n : 0;
    return n;
}

static bool mean_over_groups(const struct mls_outcome *outcome,
                             const char *name, group_value *of,
                             int64_t places, double *value,
                             struct mls_error *err)
{
    bool ok = check(outcome, name, err);
    int64_t *order = ok ? mls_new_array(outcome->n, sizeof(*order), err) : NULL;
    struct ranked *rows =
        order ? mls_new_array(outcome->n, sizeof(*rows), err) : NULL;
    struct mls_sum sum = { 0 }, total = { 0 };

    ok = rows
        && mls_order_reals(outcome->group, outcome->n, order, err);

    for (int64_t at = 0; ok && at < outcome->n;) {
        double weight, one;
        int64_t n;

        if (isnan(outcome->group[order[at]]))
            break;              /* they come last, and weigh 0 */
        n = next_group(outcome, order, &at, rows, &weight);
        one = n > 0 ? of(rows, n, places) : NAN;
        if (isnan(one))
            continue;
        mls_sum_add(&sum, weight * one);
        mls_sum_add(&total, weight);
    }
    mls_free(order);
    mls_free(rows);
    if (ok && !(mls_sum_value(&total) > 0))
        return mls_fail(err, MLS_DATA,
                        "%s is undefined: no group has a relevant row", name);
    if (ok)
        *value = mls_sum_value(&sum) / mls_sum_value(&total);
    return ok;
}

static bool ndcg(const struct mls_outcome *outcome, double *value,
                 struct mls_error *err)
{
    return mean_over_groups(outcome, "ndcg", ndcg_of, INT64_MAX, value, err);
}

static bool ndcg_5(const struct mls_outcome *outcome, double *value,
                   struct mls_error *err)
{
    return mean_over_groups(outcome, "ndcg_5", ndcg_of, 5, value, err);
}

static bool ndcg_10(const struct mls_outcome *outcome, double *value,
                    struct mls_error *err)
{
    return mean_over_groups(outcome, "ndcg_10", ndcg_of, 10, value, err);
}

static bool mean_average_precision(const struct mls_outcome *outcome,
                                   double *value, struct mls_error *err)
{
    return mean_over_groups(outcome, "mean_average_precision", precision_of,
                            0, value, err);
}

#define ROW(name_, title_, source_) \
    const struct mls_metric_type mls_metric_##name_ = { \
        .name = #name_, \
        .title = title_, \
        .source = source_, \
        .tasks = MLS_TASK_REGRESSION, \
        .larger_is_better = true, \
        .needs = MLS_NEEDS_PREDICTION, \
        .within_groups = true, \
        .compute = name_, \
    }

#define NDCG "dcg / best dcg, dcg = sum_k relevance_k / log2(k + 1), mean over " \
             "the groups of --group; Jarvelin & Kekalainen (2002), ACM TOIS " \
             "20(4), 422-446"
ROW(ndcg, "ranking within groups, high places counting more", NDCG);
ROW(ndcg_5, "ndcg of the first 5 places", NDCG);
ROW(ndcg_10, "ndcg of the first 10 places", NDCG);
ROW(mean_average_precision, "mean over groups of the average precision",
    "rows of relevance > 0 against the rest of their group, sum of (R_i - "
    "R_(i-1)) P_i from the highest prediction down, mean over the groups of "
    "--group that have one");
