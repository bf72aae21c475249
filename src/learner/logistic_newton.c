/*
 * Losses of logistic regression, safe for any finite score.
 *
 * Everything comes from e = exp(-|s|), which is in (0, 1]: the probability of
 * the likelier side is 1 / (1 + e) and of the other one e / (1 + e), each with
 * all its digits, so p - y does not cancel for a row that fits well.
 *
 * The softmax takes the largest score of a row out first.  Its arrays lie
 * column by column (class by class), so it keeps one number a row for a strip
 * of rows and walks the classes, rather than jump between them row by row.
 */
#include "learner/logistic_newton.h"

#include <assert.h>
#include <math.h>

enum { STRIP = MLS_LOGISTIC_STRIP };

void mls_logistic_binary(const double *s, const double *y, const double *w,
                         int64_t count, double *residual, double *curvature)
{
    for (int64_t i = 0; i < count; i++) {
        double e = exp(-fabs(s[i])), weight = w ? w[i] : 1;
        double large = 1 / (1 + e), small = e / (1 + e);
        double positive = s[i] >= 0 ? large : small;
        double negative = s[i] >= 0 ? small : large;

        residual[i] = weight * (y[i] > 0 ? -negative : positive);
        curvature[i] = weight * (large * small);
    }
}

double mls_logistic_binary_loss(const double *s, const double *d, double step,
                                const double *y, const double *w,
                                int64_t count)
{
    double sum = 0;

    for (int64_t i = 0; i < count; i++) {
        double score = d ? s[i] + step * d[i] : s[i];
        double wrong = y[i] > 0 ? -score : score;
        double loss = fmax(wrong, 0) + log1p(exp(-fabs(wrong)));

        sum += w ? w[i] * loss : loss;
    }
    return sum;
}

/* The largest of a row's scores, for each row. */
static void highest(const double *s, const double *d, double step,
                    int64_t stride, int classes, int64_t count, double *high)
{
    for (int64_t i = 0; i < count; i++)
        high[i] = -INFINITY;
    for (int k = 0; k < classes; k++) {
        for (int64_t i = 0; i < count; i++) {
            int64_t at = i + k * stride;
            double score = d ? s[at] + step * d[at] : s[at];

            high[i] = score > high[i] ? score : high[i];
        }
    }
}

void mls_logistic_softmax(const double *s, int64_t stride, int classes,
                          const double *y, const double *w, int64_t count,
                          double *p, double *residual)
{
    double high[STRIP], sum[STRIP] = { 0 };

    assert(count <= STRIP);
    highest(s, NULL, 0, stride, classes, count, high);
    for (int k = 0; k < classes; k++) {
        for (int64_t i = 0; i < count; i++) {
            int64_t at = i + k * stride;

            p[at] = exp(s[at] - high[i]);
            sum[i] += p[at];
        }
    }
    for (int k = 0; k < classes; k++) {
        for (int64_t i = 0; i < count; i++) {
            int64_t at = i + k * stride;

            p[at] /= sum[i];
            residual[at] = (w ? w[i] : 1) * p[at];
        }
    }
    /* The own class: minus the sum of the others, which keeps the digits of a
     * row that fits well. */
    for (int64_t i = 0; i < count; i++) {
        int own = (int)y[i];
        double others = 0;

        for (int k = 0; k < classes; k++)
            others += k == own ? 0 : residual[i + k * stride];
        residual[i + own * stride] = -others;
    }
}

double mls_logistic_softmax_loss(const double *s, const double *d, double step,
                                 int64_t stride, int classes, const double *y,
                                 const double *w, int64_t count)
{
    double high[STRIP], rest[STRIP] = { 0 }, sum = 0;
    int first[STRIP];

    assert(count <= STRIP);
    highest(s, d, step, stride, classes, count, high);
    for (int64_t i = 0; i < count; i++)
        first[i] = 1;
    /* log sum exp = high + log1p(rest), rest without the highest itself. */
    for (int k = 0; k < classes; k++) {
        for (int64_t i = 0; i < count; i++) {
            int64_t at = i + k * stride;
            double below = (d ? s[at] + step * d[at] : s[at]) - high[i];

            if (below == 0 && first[i])
                first[i] = 0;
            else
                rest[i] += exp(below);
        }
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t at = i + (int)y[i] * stride;
        double own = d ? s[at] + step * d[at] : s[at];
        double loss = (high[i] - own) + log1p(rest[i]);

        sum += w ? w[i] * loss : loss;
    }
    return sum;
}

void mls_logistic_softmax_turn(const double *p, int64_t stride, int classes,
                               const double *w, int64_t count, double *u)
{
    double mean[STRIP] = { 0 };

    assert(count <= STRIP);
    for (int k = 0; k < classes; k++) {
        for (int64_t i = 0; i < count; i++)
            mean[i] += p[i + k * stride] * u[i + k * stride];
    }
    for (int k = 0; k < classes; k++) {
        for (int64_t i = 0; i < count; i++) {
            int64_t at = i + k * stride;

            u[at] = (w ? w[i] : 1) * p[at] * (u[at] - mean[i]);
        }
    }
}

void mls_logistic_softmax_curvature(const double *pk, const double *pl,
                                    const double *w, int64_t count,
                                    double *curvature)
{
    for (int64_t i = 0; i < count; i++) {
        double other = pk == pl ? 1 - pk[i] : -pl[i];

        curvature[i] = (w ? w[i] : 1) * pk[i] * other;
    }
}
