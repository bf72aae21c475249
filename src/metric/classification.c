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
 *   f_b         (1 + b^2) hit / (b^2 truth + predicted): their harmonic mean,
 *               recall counting b times as much; b = 1, 1/2 and 2
 *
 * So each is a fraction a hit / (t truth + p predicted), and is written down
 * here as its three numbers.  Nothing over nothing is 0, as scikit-learn's
 * zero_division=0.
 *
 * Binary tasks take class 1 alone; multiclass tasks the plain mean over the
 * classes that some row has or is predicted to have (macro average).  _macro
 * takes that mean in binary tasks, too, _weighted the mean weighted by truth,
 * and balanced_accuracy that of recall over the classes some row has.  A class
 * that only rows of weight 0 have is left out, because such a row counts as no
 * row; scikit-learn would average in a 0 for it.
 *
 * There is no _micro: over all classes it is the accuracy, and so is
 * recall_weighted.
 *
 * Van Rijsbergen (1979), Information Retrieval, 2nd ed., chapter 7; balanced
 * accuracy: Brodersen, Ong, Stephan & Buhmann (2010), ICPR, 3121-3124.
 */
#include "base/memory.h"
#include "metric/metrics.h"
#include "metric/outcome.h"
#include "metric/sum.h"

enum average { OF_TASK, MACRO, OF_TRUE_CLASSES, BY_TRUTH };

struct fraction {
    const char *name;
    enum average average;
    double hit, truth, predicted;
};

struct class_sums {
    struct mls_sum hit, truth, predicted;
};

static double over(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
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

static double average(const struct mls_outcome *outcome,
                      const struct class_sums *sums, const struct fraction *f)
{
    struct mls_sum scores = { 0 }, whole = { 0 };
    bool one = f->average == OF_TASK && outcome->task == MLS_BINARY;

    for (int c = one; c < outcome->classes; c++) {
        double hit = mls_sum_value(&sums[c].hit);
        double truth = mls_sum_value(&sums[c].truth);
        double predicted = mls_sum_value(&sums[c].predicted);
        double share = f->average == BY_TRUTH ? truth : 1;

        if (truth == 0
            && (predicted == 0 || f->average == OF_TRUE_CLASSES))
            continue;
        mls_sum_add(&scores,
                    share
                        * over(f->hit * hit,
                               f->truth * truth + f->predicted * predicted));
        mls_sum_add(&whole, share);
    }
    return over(mls_sum_value(&scores), mls_sum_value(&whole));
}

static bool measure(const struct mls_outcome *outcome,
                    const struct fraction *f, double *value,
                    struct mls_error *err)
{
    struct class_sums *sums;
    double total;

    if (!mls_outcome_total(outcome, f->name, &total, err))
        return false;
    sums = mls_new(outcome->classes, sizeof(*sums), err);
    if (!sums)
        return false;
    add_rows(outcome, sums);
    *value = average(outcome, sums, f);
    mls_free(sums);
    return true;
}

/* A metric's function needs its fraction, and has no other place for it. */
#define FRACTION(metric, mean, a, t, p) \
    static bool metric(const struct mls_outcome *outcome, double *value, \
                       struct mls_error *err) \
    { \
        static const struct fraction f = { #metric, mean, a, t, p }; \
\
        return measure(outcome, &f, value, err); \
    }

FRACTION(precision, OF_TASK, 1, 0, 1)
FRACTION(recall, OF_TASK, 1, 1, 0)
FRACTION(f1, OF_TASK, 2, 1, 1)
FRACTION(f0_5, OF_TASK, 1.25, 0.25, 1)
FRACTION(f2, OF_TASK, 5, 4, 1)
FRACTION(precision_macro, MACRO, 1, 0, 1)
FRACTION(recall_macro, MACRO, 1, 1, 0)
FRACTION(f1_macro, MACRO, 2, 1, 1)
FRACTION(precision_weighted, BY_TRUTH, 1, 0, 1)
FRACTION(f1_weighted, BY_TRUTH, 2, 1, 1)
FRACTION(balanced_accuracy, OF_TRUE_CLASSES, 1, 1, 0)

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
    .in_report = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = accuracy,
};

const struct mls_metric_type mls_metric_precision = {
    .name = "precision",
    .title = "share of the rows predicted positive that are positive",
    .source = "hits / predicted; van Rijsbergen (1979), Information Retrieval",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .in_report = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = precision,
};

const struct mls_metric_type mls_metric_recall = {
    .name = "recall",
    .title = "share of the positive rows that are predicted positive",
    .source = "hits / positive; van Rijsbergen (1979), Information Retrieval",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .in_report = true,
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
    .in_report = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = f1,
};

const struct mls_metric_type mls_metric_f0_5 = {
    .name = "f0_5",
    .title = "mean of precision and recall that favours precision",
    .source = "1.25 hits / (0.25 positive + predicted); van Rijsbergen (1979), "
              "Information Retrieval",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = f0_5,
};

const struct mls_metric_type mls_metric_f2 = {
    .name = "f2",
    .title = "mean of precision and recall that favours recall",
    .source = "5 hits / (4 positive + predicted); van Rijsbergen (1979), "
              "Information Retrieval",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = f2,
};

const struct mls_metric_type mls_metric_precision_macro = {
    .name = "precision_macro",
    .title = "mean over all classes of precision",
    .source = "mean of hits / predicted over classes",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = precision_macro,
};

const struct mls_metric_type mls_metric_recall_macro = {
    .name = "recall_macro",
    .title = "mean over all classes of recall",
    .source = "mean of hits / true over classes",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = recall_macro,
};

const struct mls_metric_type mls_metric_f1_macro = {
    .name = "f1_macro",
    .title = "mean over all classes of f1",
    .source = "mean of 2 hits / (true + predicted) over classes",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = f1_macro,
};

const struct mls_metric_type mls_metric_precision_weighted = {
    .name = "precision_weighted",
    .title = "mean of precision weighted by the rows of each class",
    .source = "mean of hits / predicted over classes, weighted by their rows",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = precision_weighted,
};

const struct mls_metric_type mls_metric_f1_weighted = {
    .name = "f1_weighted",
    .title = "mean of f1 weighted by the rows of each class",
    .source = "mean of 2 hits / (true + predicted) over classes, weighted by "
              "their rows",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = f1_weighted,
};

const struct mls_metric_type mls_metric_balanced_accuracy = {
    .name = "balanced_accuracy",
    .title = "accuracy if all classes had as many rows",
    .source = "mean of recall over the classes; Brodersen et al. (2010), ICPR, "
              "3121-3124",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = balanced_accuracy,
};
