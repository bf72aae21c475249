/*
 * Awkward tables made by whole-number arithmetic, so that any language can
 * make the same bits.  Reference values in the tests are those of
 * scikit-learn 1.9.1 (numpy 2.4.6) on the same tables, printed with 17 digits:
 *
 *   i = np.arange(200)
 *   w = (i*5 % 7)/10                          # a seventh of them 0
 *   binary:
 *     t = (i*i*7 % 23 < 5)*1                  # 9 rows of 200 are positive
 *     p = ((i*i*7 + 3*i + 2*(i % 7)) % 23 < 6)*1
 *     s = ((i*37) % 13 + 4*t)/20; P = np.c_[1 - s, s]     # many ties
 *   multiclass:
 *     t = np.array([0,0,0,0,0,1,1,2,2,3])[(i*7 + i*i//5) % 10]
 *     p = np.where(i % 3 != 0, t, i//2 % 4)
 *     R = [[1 + (k*(c + 2)) % 5 + 3*(c == t[k]) for c in range(4)] for k in i]
 *     P = R/R.sum(1)[:, None]
 *   regression, offset 0 or 1e9:
 *     t = offset + (i*37 % 101 - 50)/7
 *     p = offset + ((i*37 % 101 - 50)/7 + (i*i % 13 - 6)/10)
 */
#ifndef MLS_TESTS_METRIC_CASES_H
#define MLS_TESTS_METRIC_CASES_H

#include <math.h>

#include "mlspec/metric.h"

enum { CASE_ROWS = 200, CASE_CLASSES = 4 };

struct metric_case {
    double truth[CASE_ROWS], prediction[CASE_ROWS], weight[CASE_ROWS];
    double probability[CASE_ROWS * CASE_CLASSES];
    double group[CASE_ROWS];    /* of regressions: five groups */
    struct mls_outcome outcome; /* without weights; points in here */
};

static inline void start_case(struct metric_case *in, enum mls_task task,
                              int classes)
{
    for (int i = 0; i < CASE_ROWS; i++)
        in->weight[i] = (i * 5 % 7) / 10.0;
    in->outcome =
        (struct mls_outcome){ .task = task,
                              .n = CASE_ROWS,
                              .classes = classes,
                              .truth = in->truth,
                              .prediction = in->prediction,
                              .probability =
                                  classes > 0 ? in->probability : NULL };
}

static inline void binary_case(struct metric_case *in)
{
    start_case(in, MLS_BINARY, 2);
    for (int i = 0; i < CASE_ROWS; i++) {
        int truth = i * i * 7 % 23 < 5;
        double score = ((i * 37) % 13 + 4 * truth) / 20.0;

        in->truth[i] = truth;
        in->prediction[i] = (i * i * 7 + 3 * i + 2 * (i % 7)) % 23 < 6;
        in->probability[2 * i] = 1 - score;
        in->probability[2 * i + 1] = score;
    }
}

/* Probabilities of a row from whole numbers, the true class raised. */
static inline void case_probability(int row, int truth, int classes, double *p)
{
    int sum = 0;

    for (int c = 0; c < classes; c++)
        sum += 1 + row * (c + 2) % 5 + 3 * (c == truth);
    for (int c = 0; c < classes; c++)
        p[c] = (1 + row * (c + 2) % 5 + 3 * (c == truth)) / (double)sum;
}

static inline void multiclass_case(struct metric_case *in)
{
    static const int code[10] = { 0, 0, 0, 0, 0, 1, 1, 2, 2, 3 };

    start_case(in, MLS_MULTICLASS, 4);
    for (int i = 0; i < CASE_ROWS; i++) {
        int truth = code[(i * 7 + i * i / 5) % 10];

        in->truth[i] = truth;
        in->prediction[i] = i % 3 != 0 ? truth : i / 2 % 4;
        case_probability(i, truth, 4, in->probability + 4 * i);
    }
}

static inline void regression_case(struct metric_case *in, double offset)
{
    start_case(in, MLS_REGRESSION, 0);
    for (int i = 0; i < CASE_ROWS; i++) {
        double base = (i * 37 % 101 - 50) / 7.0;

        in->group[i] = i % 5;
        in->truth[i] = offset + base;
        in->prediction[i] = offset + (base + (i * i % 13 - 6) / 10.0);
    }
    in->outcome.group = in->group;
}

/* The value of a metric by name; NaN when it is not there or fails. */
static inline double metric_value(const char *name,
                                  const struct mls_outcome *outcome)
{
    struct mls_error err;
    double value;
    const struct mls_metric_type *metric =
        mls_metric_find(name, outcome->task, &err);

    return metric && metric->compute(outcome, &value, &err) ? value : NAN;
}

/* The code of the error a metric fails with; MLS_OK when it does not fail.
 * The message is left in err. */
static inline enum mls_code metric_failure(const char *name,
                                           const struct mls_outcome *outcome,
                                           struct mls_error *err)
{
    double value;
    const struct mls_metric_type *metric =
        mls_metric_find(name, outcome->task, err);

    if (!metric || !metric->compute(outcome, &value, err))
        return err->code;
    return MLS_OK;
}

/* Equal within 1e-12, relative for numbers above 1. */
static inline int near(double value, double expected)
{
    return fabs(value - expected) <= 1e-12 * fmax(1, fabs(expected));
}

/* The same rows with row i repeated times[i] times, in a case of its own. */
static inline void repeat_rows(const struct metric_case *from, const int *times,
                               int rows, struct metric_case *to)
{
    int classes = from->outcome.classes, n = 0;

    start_case(to, from->outcome.task, classes);
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < times[i]; k++, n++) {
            to->truth[n] = from->truth[i];
            to->prediction[n] = from->prediction[i];
            for (int c = 0; c < classes; c++)
                to->probability[n * classes + c] =
                    from->probability[i * classes + c];
        }
    to->outcome.n = n;
}

#endif
