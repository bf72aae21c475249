/* Rows are sorted by score once; each run of equal scores is one cut, because
 * no threshold can part its rows. */
#include "metric/cuts.h"

#include <math.h>

#include "base/memory.h"
#include "metric/sum.h"
#include "stats/summary.h"

static bool check_scores(const double *score, int64_t n, const char *name,
                         struct mls_error *err)
{
    for (int64_t i = 0; i < n; i++)
        if (isnan(score[i])) {
            mls_fail(err, MLS_DATA,
                     "%s is undefined: a score is not a number", name);
            return mls_fail_at(err, NULL, 0, i + 1, NULL);
        }
    return true;
}

/* From the highest score down. */
static int64_t walk(const double *truth, const double *score,
                    const double *weight, const int64_t *order, int64_t n,
                    struct mls_cut *cuts)
{
    struct mls_sum hits = { 0 }, alarms = { 0 };
    int64_t count = 0;

    for (int64_t i = n - 1; i >= 0; i--) {
        int64_t row = order[i];
        double w = weight ? weight[row] : 1;

        if (w == 0)
            continue;
        mls_sum_add(truth[row] == 1 ? &hits : &alarms, w);
        if (count == 0 || score[row] != cuts[count - 1].threshold)
            cuts[count++].threshold = score[row];
        cuts[count - 1].hits = mls_sum_value(&hits);
        cuts[count - 1].alarms = mls_sum_value(&alarms);
    }
    return count;
}

bool mls_cuts(const double *truth, const double *score, const double *weight,
              int64_t n, const char *name, struct mls_cut **cuts,
              int64_t *count, struct mls_error *err)
{
    int64_t *order;

    *cuts = NULL;
    *count = 0;
    if (!check_scores(score, n, name, err))
        return false;
    order = mls_new_array(n, sizeof(*order), err);
    if (!order || !mls_order_reals(score, n, order, err)
        || (*cuts = mls_new_array(n, sizeof(**cuts), err)) == NULL) {
        mls_free(order);
        return false;
    }
    *count = walk(truth, score, weight, order, n, *cuts);
    mls_free(order);
    return true;
}
