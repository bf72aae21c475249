/*
 * Bins: where the cuts lie.  The coding itself is hot and lies in
 * bins_code.c.
 *
 * Numeric: the values are sorted by radix and looked at as runs of equal ones.
 * When they are few, each run is a bin.  Else runs are gathered from the left:
 *
 *      runs     .  .. . . H . ... . . H H ..  .       H: heavier than
 *      bins    |.  .. . .|H|. ... .|. |H|H|..  .|        total / most
 *
 * A heavy run has a bin of its own, reserved from the start.  The light ones
 * share the other bins: each aims at an equal part of the light weight that is
 * left, and ends before the run that would take it further beyond its aim than
 * it is short of it.  Aims follow what is left, so that a bin ended early by a
 * heavy run does not leave the last ones too large.  Should the bins for light
 * runs run out, which heavy runs in between can bring about, light runs join
 * the bin before them.
 *
 * A cut is halfway between the two values that it parts, or the lower one when
 * there is no double between them.  Weights enter as sums of runs of equal
 * values only, so whole weights are as good as repeated rows.
 */
#include <assert.h>
#include <float.h>
#include <math.h>

#include "stats/bins.h"
#include "stats/summary.h"
#include "base/memory.h"

void mls_bins_clear(struct mls_bins *bins)
{
    mls_free(bins->cut);
    mls_free(bins->code_of);
    *bins = (struct mls_bins){ 0 };
}

bool mls_bins_copy(const struct mls_bins *from, struct mls_bins *to,
                   struct mls_error *err)
{
    *to = *from;
    to->cut = NULL;
    to->code_of = NULL;
    if (from->cut) {
        to->cut = mls_new(from->cuts, sizeof(*to->cut), err);
        if (!to->cut)
            goto failed;
        memcpy(to->cut, from->cut, (size_t)from->cuts * sizeof(*to->cut));
    }
    if (from->code_of) {
        to->code_of = mls_new(from->levels, sizeof(*to->code_of), err);
        if (!to->code_of)
            goto failed;
        memcpy(to->code_of, from->code_of,
               (size_t)from->levels * sizeof(*to->code_of));
    }
    return true;
failed:
    mls_bins_clear(to);
    return false;
}

/* ---- Numeric ---- */

/* a <= cut < b, finite, for a < b that are not neighbours of infinity. */
static double halfway(double a, double b)
{
    double middle;

    if (isinf(a))
        return isinf(b) ? 0 : -DBL_MAX;
    if (isinf(b))
        return DBL_MAX;
    middle = a / 2 + b / 2;
    return middle >= a && middle < b ? middle : a;
}

/* Runs of equal values, in place: value[k] and, in weight[k], what they weigh.
 * -0 and 0 are equal.  -DBL_MAX joins a run of -inf, for no finite cut parts
 * them.  How many. */
static int64_t find_runs(double *value, double *weight, bool weighted,
                         int64_t n)
{
    int64_t runs = 0;

    for (int64_t i = 0; i < n; runs++) {
        double first = value[i], sum = 0;

        do
            sum += weighted ? weight[i] : 1;
        while (++i < n
               && (value[i] == first
                   || (first == -INFINITY && value[i] == -DBL_MAX)));
        value[runs] = first;
        weight[runs] = sum;
    }
    return runs;
}

struct aim {
    double light;               /* weight of light runs not yet in a bin */
    int64_t light_bins;         /* for them */
    double heavy;               /* what is heavier stands alone */
};

static struct aim first_aim(const double *weight, int64_t runs, int64_t most)
{
    struct aim aim = { .light_bins = most };
    double total = 0;

    for (int64_t k = 0; k < runs; k++)
        total += weight[k];
    aim.heavy = total / (double)most;
    for (int64_t k = 0; k < runs; k++) {
        if (weight[k] > aim.heavy)
            aim.light_bins--;
        else
            aim.light += weight[k];
    }
    return aim;
}

/* Runs from `from` on that share a bin; where the next one starts. */
static int64_t gather_light(const double *weight, int64_t runs, int64_t from,
                            struct aim *aim)
{
    double want = aim->light_bins > 0 ? aim->light / (double)aim->light_bins
                                      : INFINITY;
    double sum = 0;
    int64_t k = from;

    for (; k < runs && !(weight[k] > aim->heavy); k++) {
        if (k > from && aim->light_bins > 1 && sum + weight[k] / 2 >= want)
            break;
        sum += weight[k];
    }
    aim->light -= sum;
    aim->light_bins -= aim->light_bins > 0;
    return k;
}

/* Writes the first run of each bin but the first one to start; how many. */
static int64_t choose_starts(const double *weight, int64_t runs, int64_t most,
                             int64_t *start)
{
    struct aim aim = first_aim(weight, runs, most);
    int64_t count = 0;

    for (int64_t k = 0; k < runs;) {
        bool heavy = weight[k] > aim.heavy;
        /* Light runs without a bin join the one before them. */
        bool joins = !heavy && aim.light_bins == 0;

        if (k > 0 && !joins && count < most - 1)
            start[count++] = k;
        k = heavy ? k + 1 : gather_light(weight, runs, k, &aim);
    }
    return count;
}

/* value and weight hold runs. */
static bool cut_between(const double *value, const double *weight, int64_t runs,
                        int64_t most, struct mls_bins *bins,
                        struct mls_error *err)
{
    int64_t *start = mls_new(most, sizeof(*start), err), count;

    if (!start)
        return false;
    if (runs <= most) {
        count = runs - 1;
        for (int64_t k = 0; k < count; k++)
            start[k] = k + 1;
    } else {
        count = choose_starts(weight, runs, most, start);
    }
    bins->cut = mls_new(count, sizeof(*bins->cut), err);
    for (int64_t k = 0; bins->cut && k < count; k++)
        bins->cut[k] = halfway(value[start[k] - 1], value[start[k]]);
    bins->cuts = count;
    bins->codes = (int32_t)count + 2;
    mls_free(start);
    return bins->cut != NULL;
}

static bool sort_weighted(double *value, double *weight, double *room,
                          int64_t n, struct mls_error *err)
{
    int64_t *order = mls_new_array(n, sizeof(*order), err);

    if (!order || !mls_order_reals(value, n, order, err)) {
        mls_free(order);
        return false;
    }
    for (int64_t i = 0; i < n; i++)
        room[i] = value[order[i]];
    memcpy(value, room, (size_t)n * sizeof(*value));
    for (int64_t i = 0; i < n; i++)
        room[i] = weight[order[i]];
    memcpy(weight, room, (size_t)n * sizeof(*weight));
    mls_free(order);
    return true;
}

/* Missing values leave; how many stay. */
static int64_t drop_missing(double *value, double *weight, int64_t n)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < n; i++) {
        double x = value[i];

        value[kept] = x;
        if (weight)
            weight[kept] = weight[i];
        kept += x == x;
    }
    return kept;
}

bool mls_bins_numeric(double *value, double *weight, int64_t n, int64_t most,
                      struct mls_bins *bins, struct mls_error *err)
{
    double *room;
    bool ok = true;

    assert(most >= 2 && most < MLS_BINS_LIMIT);
    *bins = (struct mls_bins){ .codes = 1 };
    n = drop_missing(value, weight, n);
    if (n == 0)
        return true;
    room = mls_new_array(n, sizeof(*room), err);
    if (!room)
        return false;
    if (weight)
        ok = sort_weighted(value, weight, room, n, err);
    else
        mls_sort_reals_with(value, room, n);
    if (ok) {
        double *sums = weight ? weight : room;
        int64_t runs = find_runs(value, sums, weight != NULL, n);

        ok = cut_between(value, sums, runs, most, bins, err);
    }
    mls_free(room);
    if (!ok)
        mls_bins_clear(bins);
    return ok;
}

/* ---- Categorical ---- */

/* own[l] becomes whether level l has a code of its own: the most - 1 heaviest
 * of the seen ones. */
static bool choose_heaviest(const double *weight, int64_t levels, int64_t most,
                            uint16_t *own, struct mls_error *err)
{
    double *key = mls_new_array(levels, sizeof(*key), err);
    int64_t *order = key ? mls_new_array(levels, sizeof(*order), err) : NULL;
    bool ok = order != NULL;

    for (int64_t l = 0; ok && l < levels; l++)
        key[l] = -weight[l];
    ok = ok && mls_order_reals(key, levels, order, err);
    for (int64_t k = 0; ok && k < most - 1; k++)
        own[order[k]] = 1;
    mls_free(key);
    mls_free(order);
    return ok;
}

bool mls_bins_categorical(const double *weight, int64_t levels, int64_t most,
                          struct mls_bins *bins, struct mls_error *err)
{
    int64_t seen = 0;
    int32_t next = 1;

    assert(most >= 2 && most < MLS_BINS_LIMIT);
    *bins = (struct mls_bins){ .categorical = true, .levels = levels };
    bins->code_of = mls_new(levels, sizeof(*bins->code_of), err);
    if (!bins->code_of)
        return false;
    for (int64_t l = 0; l < levels; l++)
        seen += weight[l] > 0;
    if (seen > most
        && !choose_heaviest(weight, levels, most, bins->code_of, err)) {
        mls_bins_clear(bins);
        return false;
    }
    for (int64_t l = 0; l < levels; l++) {
        bool own = seen <= most || bins->code_of[l] == 1;

        bins->code_of[l] = !(weight[l] > 0) ? MLS_BIN_MISSING
            : own                           ? (uint16_t)next++
                                            : (uint16_t)most;
    }
    bins->codes = seen > most ? (int32_t)most + 1 : next;
    return true;
}
