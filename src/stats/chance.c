/*
 * Expected mutual information under the hypergeometric model.
 *
 * With both columns' counts fixed, the rows k of a cell whose codes have a and b
 * rows of n follow P(k) = C(b, k) C(n - b, a - k) / C(n, a), so that
 *
 *     E = sum over cells  sum over k  P(k) k/n log(n k / (a b))
 *
 * Cells of equal counts have equal terms, so counts are grouped first: an
 * identifier of a million rows is one group.  P is walked from its mode by the
 * ratio of neighbours, to both sides, until it is too small to matter; its sum
 * is the divisor, so no factorial is needed.
 *
 * Why not Miller & Madow's (1955) correction, (A - 1)(B - 1) / 2n for full
 * tables: it is the first term of a series in 1/a, and a is 1 for an identifier,
 * whose plug-in information is the target's whole entropy.  The exact mean is
 * that entropy too, and the difference 0.
 */
#include "stats/chance.h"

#include <math.h>

#include "base/memory.h"
#include "stats/summary.h"

#define SMALL 1e-18             /* of P's largest value */

/* Codes of equal counts. */
struct group {
    double rows, codes;
};

/* *count groups, the counts ascending, in a new array. */
static struct group *new_groups(const double *rows, int64_t codes,
                                int64_t *count, struct mls_error *err)
{
    struct group *groups = mls_new(codes, sizeof(*groups), err);
    int64_t *order = mls_new_array(codes, sizeof(*order), err);

    *count = 0;
    if (groups == NULL || order == NULL
        || !mls_order_reals(rows, codes, order, err)) {
        mls_free(groups);
        mls_free(order);
        return NULL;
    }
    for (int64_t i = 0; i < codes; i++) {
        double n = rint(rows[order[i]]);

        if (n <= 0)
            continue;
        if (*count == 0 || groups[*count - 1].rows != n)
            groups[(*count)++] = (struct group){ n, 0 };
        groups[*count - 1].codes++;
    }
    mls_free(order);
    return groups;
}

/* n times the mean of k/n log(n k / (a b)). */
static double mean_of_cell(double a, double b, double n)
{
    double least = fmax(0, a + b - n), most = fmin(a, b);
    double mode = fmin(fmax(floor((a + 1) * (b + 1) / (n + 2)), least), most);
    double scale = n / (a * b), p = 1, all = 0, sum = 0;

    for (double k = mode; k <= most && p > SMALL; k++) {
        all += p;
        sum += k > 0 ? p * k * log(k * scale) : 0;
        p *= (a - k) * (b - k) / ((k + 1) * (n - a - b + k + 1));
    }
    p = 1;
    for (double k = mode; k > least; k--) {
        p *= k * (n - a - b + k) / ((a - k + 1) * (b - k + 1));
        if (p <= SMALL)
            break;
        all += p;
        sum += k > 1 ? p * (k - 1) * log((k - 1) * scale) : 0;
    }
    return sum / all;
}

bool mls_chance_information(const double *a, int64_t a_codes, const double *b,
                            int64_t b_codes, double *nats,
                            struct mls_error *err)
{
    int64_t a_count, b_count = 0;
    struct group *a_groups = new_groups(a, a_codes, &a_count, err);
    struct group *b_groups =
        a_groups != NULL ? new_groups(b, b_codes, &b_count, err) : NULL;
    double n = 0, sum = 0;

    for (int64_t j = 0; j < b_count; j++)
        n += b_groups[j].rows * b_groups[j].codes;
    for (int64_t i = 0; b_groups != NULL && i < a_count; i++) {
        for (int64_t j = 0; j < b_count; j++) {
            /* Rounded weights may leave one sum below a count of the other. */
            double rows = fmin(a_groups[i].rows, n);

            sum += a_groups[i].codes * b_groups[j].codes
                * mean_of_cell(rows, b_groups[j].rows, n);
        }
    }
    *nats = n > 0 ? fmax(sum / n, 0) : 0;
    mls_free(a_groups);
    mls_free(b_groups);
    return b_groups != NULL;
}
