/*
 * Metrics of predicted classes, all made from three sums of weights a class c:
 *
 *   hit         truth c and predicted c
 *   truth       truth c
 *   predicted   predicted c
 *
 *   accuracy    sum of hit over total
 *   precision   hit / predicted
 *   recall      hit / truth
 *   f1          2 hit / (truth + predicted), their harmonic mean
 *
 * Nothing over nothing is 0, as scikit-learn's zero_division=0.  Binary tasks
 * take class 1 alone; multiclass tasks the plain mean over the classes that
 * some row has or is predicted to have (macro average).  A class that only
 * rows of weight 0 have is left out, because such a row counts as no row;
 * scikit-learn would average in a 0 for it.
 *
 * Van Rijsbergen (1979), Information Retrieval, 2nd ed., chapter 7.
 */
#include "base/memory.h"
#include "metric/metrics.h"
#include "metric/outcome.h"
#include "metric/sum.h"

struct class_sums {
    struct mls_sum hit, truth, predicted;
};

static double over(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static double precision_of(double hit, double truth, double predicted)
{
    (void)truth;
    return over(hit, predicted);
}

static double recall_of(double hit, double truth, double predicted)
{
    (void)predicted;
    return over(hit, truth);
}

static double f1_of(double hit, double truth, double predicted)
{
    return over(2 * hit, truth + predicted);
}

static void add_rows(const struct mls_outcome *outcome, struct class_sums *sums)
{
    for (int64_t i = 0; i < outcome->n; i++) {
        int64_t truth = mls_outcome_code(outcome, outcome->truth[i]);
        int64_t predicted = mls_outcome_code(outcome, outcome->prediction[i]);
        double weight = mls_outcome_weight(outcome, i);

        mls_sum_add(&sums[truth].truth, weight);
        mls_sum_add(&sums[predicted].predicted, weight);
        if (truth == predicted)
            mls_sum_add(&sums[truth].hit, weight);
    }
}

static bool by_class(const struct mls_outcome *outcome, const char *name,
                     double (*score)(double hit, double truth,
                                     double predicted),
                     double *value, struct mls_error *err)
{
    struct class_sums *sums;
    struct mls_sum scores = { 0 };
    double total;
    int present = 0;

    if (!mls_outcome_total(outcome, name, &total, err))
        return false;
    sums = mls_new(outcome->classes, sizeof(*sums), err);
    if (!sums)
        return false;
    add_rows(outcome, sums);
    for (int c = outcome->task == MLS_BINARY; c < outcome->classes; c++) {
        double truth = mls_sum_value(&sums[c].truth);
        double predicted = mls_sum_value(&sums[c].predicted);

        if (truth == 0 && predicted == 0)
            continue;
        mls_sum_add(&scores,
                    score(mls_sum_value(&sums[c].hit), truth, predicted));
        present++;
    }
    *value = over(mls_sum_value(&scores), present);
    mls_free(sums);
    return true;
}

static bool precision(const struct mls_outcome *outcome, double *value,
                      struct mls_error *err)
{
    return by_class(outcome, "precision", precision_of, value, err);
}

static bool recall(const struct mls_outcome *outcome, double *value,
                   struct mls_error *err)
{
    return by_class(outcome, "recall", recall_of, value, err);
}

static bool f1(const struct mls_outcome *outcome, double *value,
               struct mls_error *err)
{
    return by_class(outcome, "f1", f1_of, value, err);
}

static bool accuracy(const struct mls_outcome *outcome, double *value,
                     struct mls_error *err)
{
    struct mls_sum hits = { 0 };
    double total;

    if (!mls_outcome_total(outcome, "accuracy", &total, err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++)
        if (outcome->truth[i] == outcome->prediction[i])
            mls_sum_add(&hits, mls_outcome_weight(outcome, i));
    *value = mls_sum_value(&hits) / total;
    return true;
}

const struct mls_metric_type mls_metric_accuracy = {
    .name = "accuracy",
    .title = "share of rows predicted right",
    .source = "sum of w [prediction = truth] / sum of w",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = accuracy,
};

const struct mls_metric_type mls_metric_precision = {
    .name = "precision",
    .title = "share of the rows predicted positive that are positive",
    .source = "hits / predicted; van Rijsbergen (1979), Information Retrieval",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = precision,
};

const struct mls_metric_type mls_metric_recall = {
    .name = "recall",
    .title = "share of the positive rows that are predicted positive",
    .source = "hits / positive; van Rijsbergen (1979), Information Retrieval",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = recall,
};

const struct mls_metric_type mls_metric_f1 = {
    .name = "f1",
    .title = "harmonic mean of precision and recall",
    .source = "2 hits / (positive + predicted); van Rijsbergen (1979), "
              "Information Retrieval",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = f1,
};
