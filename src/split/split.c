/*
 * Every split is a walk over rows in one order, with a quota.
 *
 *   plain       a random permutation; the first rows of it are the test rows
 *   by strata   the same permutation, then stably sorted by class, so that
 *               each class is one run whose rows are in random order:
 *
 *                   order    7 2 9 | 4 0 1 8 6 | 3 5
 *                   class    0 0 0 | 1 1 1 1 1 | 2 2
 *
 *   by time     rows sorted by time; the last rows are the test rows
 *   by group    groups in a random order, each taken whole or not at all
 *
 * Hold-out by strata: with T test rows of n, the runs that end at row `end`
 * hold round(end * T / n) test rows together, so each run holds its share
 * within one row and the shares sum to T, with no list of remainders.
 *
 * Folds by strata: row j of the order is in fold j mod k.  A run of rows dealt
 * in turn gives each fold the same number within one, and so does the whole.
 *
 * Folds by group: each group, the largest first, goes to the fold with the
 * fewest rows (Graham 1969, SIAM J. Appl. Math. 17(2), 416-429, whose bound is
 * 4/3 of the best).  Folds by time: see the header.
 *
 * Rows are drawn by permutation and not by a coin for each row, because the
 * sizes are then exact.
 */
#include "mlspec/split.h"

#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "stats/summary.h"

/* Streams within MLS_RANDOM_SPLIT.  Never renumber. */
enum { STREAM_ROWS = 0, STREAM_GROUPS = 1 };

/* Past this, 2 * n * n does not fit into 64 bits. */
#define MOST_ROWS INT64_C(3000000000)

static bool check_fraction(double fraction, struct mls_error *err)
{
    if (fraction > 0 && fraction < 1)
        return true;
    mls_fail(err, MLS_USAGE, "a test fraction of %g leaves no rows on one side",
             fraction);
    return mls_fail_fix(err, "choose a fraction between 0 and 1, such as 0.2");
}

static bool check_rows(int64_t n, int64_t least, const char *purpose,
                       struct mls_error *err)
{
    if (n < least) {
        mls_fail(err, MLS_DATA,
                 "%s takes at least %" PRId64 " rows, and there %s %" PRId64,
                 purpose, least, n == 1 ? "is" : "are", n);
        return mls_fail_fix(err, "give more rows");
    }
    if (n > MOST_ROWS)
        return mls_fail(err, MLS_LIMIT,
                        "%s takes at most %" PRId64 " rows, and there are "
                        "%" PRId64,
                        purpose, MOST_ROWS, n);
    return true;
}

/* round(fraction * n), with a row left on each side. */
static int64_t test_rows(int64_t n, double fraction)
{
    int64_t rows = llround(fraction * (double)n);

    return rows < 1 ? 1 : rows > n - 1 ? n - 1 : rows;
}

/* order[0..n) sorted by key[order[i]]; equal keys stay in the order given. */
static bool sort_by(const double *key, int64_t n, int64_t *order,
                    struct mls_error *err)
{
    double *keys = mls_new_array(n, sizeof(*keys), err);
    int64_t *place = mls_new_array(n, sizeof(*place), err);
    int64_t *sorted = mls_new_array(n, sizeof(*sorted), err);
    bool ok = keys && place && sorted;

    if (!ok)
        goto done;
    for (int64_t i = 0; i < n; i++)
        keys[i] = key[order[i]];
    ok = mls_order_reals(keys, n, place, err);
    if (!ok)
        goto done;
    for (int64_t i = 0; i < n; i++)
        sorted[i] = order[place[i]];
    memcpy(order, sorted, (size_t)n * sizeof(*order));
done:
    mls_free(sorted);
    mls_free(place);
    mls_free(keys);
    return ok;
}

/* A new order of all rows: random, and with strata one class after another. */
static int64_t *random_rows(int64_t n, const double *strata, uint64_t seed,
                            enum mls_purpose purpose, struct mls_error *err)
{
    int64_t *order = mls_new_array(n, sizeof(*order), err);

    if (!order)
        return NULL;
    mls_random_order(seed, purpose, STREAM_ROWS, order, n);
    if (strata && !sort_by(strata, n, order, err)) {
        mls_free(order);
        return NULL;
    }
    return order;
}

/* The end of the run of equal keys that starts at first. */
static int64_t run_end(const double *key, const int64_t *order, int64_t n,
                       int64_t first)
{
    int64_t end = first + 1;

    while (end < n && key[order[end]] == key[order[first]])
        end++;
    return end;
}

/* round(end * test / n) in integers. */
static int64_t share(int64_t end, int64_t test, int64_t n)
{
    uint64_t twice = 2 * (uint64_t)end * (uint64_t)test + (uint64_t)n;

    return (int64_t)(twice / (2 * (uint64_t)n));
}

bool mls_split_holdout(int64_t n, const double *strata, double fraction,
                       uint64_t seed, uint8_t *in_test, struct mls_error *err)
{
    int64_t *order, test, end;

    if (!check_fraction(fraction, err)
        || !check_rows(n, 2, "a hold-out split", err))
        return false;
    order = random_rows(n, strata, seed, MLS_RANDOM_SPLIT, err);
    if (!order)
        return false;
    memset(in_test, 0, (size_t)n);
    test = test_rows(n, fraction);
    for (int64_t first = 0; first < n; first = end) {
        end = strata ? run_end(strata, order, n, first) : n;
        int64_t take = share(end, test, n) - share(first, test, n);
        for (int64_t i = first; i < first + take; i++)
            in_test[order[i]] = 1;
    }
    mls_free(order);
    return true;
}

static bool check_folds(int k, struct mls_error *err)
{
    if (k >= 2)
        return true;
    mls_fail(err, MLS_USAGE, "%d folds leave no rows to train on", k);
    return mls_fail_fix(err, "choose 2 folds or more");
}

static bool check_enough(int64_t there, int64_t least, int k, const char *what,
                         struct mls_error *err)
{
    if (there >= least)
        return true;
    mls_fail(err, MLS_DATA,
             "%d folds take at least %" PRId64 " %s, and there %s %" PRId64, k,
             least, what, there == 1 ? "is" : "are", there);
    return mls_fail_fix(err, "choose fewer folds, or give more %s", what);
}

bool mls_split_folds(int64_t n, const double *strata, int k, uint64_t seed,
                     int32_t *fold, struct mls_error *err)
{
    int64_t *order;

    if (!check_folds(k, err) || !check_enough(n, k, k, "rows", err))
        return false;
    order = random_rows(n, strata, seed, MLS_RANDOM_FOLD, err);
    if (!order)
        return false;
    for (int64_t i = 0; i < n; i++)
        fold[order[i]] = (int32_t)(i % k);
    mls_free(order);
    return true;
}

bool mls_split_by_time(int64_t n, const double *time, double fraction,
                       uint8_t *in_test, struct mls_error *err)
{
    int64_t *order, test;
    bool ok;

    if (!check_fraction(fraction, err)
        || !check_rows(n, 2, "a split by time", err))
        return false;
    order = mls_new_array(n, sizeof(*order), err);
    ok = order && mls_order_reals(time, n, order, err);
    if (ok) {
        memset(in_test, 0, (size_t)n);
        test = test_rows(n, fraction);
        for (int64_t i = n - test; i < n; i++)
            in_test[order[i]] = 1;
    }
    mls_free(order);
    return ok;
}

bool mls_split_folds_by_time(int64_t n, const double *time, int k,
                             int32_t *fold, struct mls_error *err)
{
    int64_t *order, size, first;
    bool ok;

    if (!check_folds(k, err)
        || !check_enough(n, (int64_t)k + 1, k, "rows", err))
        return false;
    order = mls_new_array(n, sizeof(*order), err);
    ok = order && mls_order_reals(time, n, order, err);
    size = n / ((int64_t)k + 1);
    first = n - k * size;
    for (int64_t i = 0; ok && i < n; i++)
        fold[order[i]] = i < first ? -1 : (int32_t)((i - first) / size);
    mls_free(order);
    return ok;
}

/* Groups of rows: group g is rows order[start[g]] to order[start[g + 1]]. */
struct groups {
    int64_t *order; /* n rows, one group after another */
    int64_t *start; /* count + 1 */
    int64_t *turn;  /* count: the groups in random order */
    uint8_t *taken; /* count */
    int64_t count;
};

static void clear_groups(struct groups *groups)
{
    mls_free(groups->order);
    mls_free(groups->start);
    mls_free(groups->turn);
    mls_free(groups->taken);
}

static int64_t group_size(const struct groups *groups, int64_t g)
{
    return groups->start[g + 1] - groups->start[g];
}

static bool find_groups(struct groups *groups, int64_t n, const double *group,
                        struct mls_error *err)
{
    int64_t end, g = 0;

    groups->order = mls_new_array(n, sizeof(*groups->order), err);
    if (!groups->order || !mls_order_reals(group, n, groups->order, err))
        return false;
    for (int64_t first = 0; first < n; first = end) {
        end = run_end(group, groups->order, n, first);
        groups->count++;
    }
    groups->start = mls_new(groups->count + 1, sizeof(*groups->start), err);
    groups->turn = mls_new(groups->count, sizeof(*groups->turn), err);
    groups->taken = mls_new(groups->count, sizeof(*groups->taken), err);
    if (!groups->start || !groups->turn || !groups->taken)
        return false;
    for (int64_t first = 0; first < n; first = end) {
        end = run_end(group, groups->order, n, first);
        groups->start[++g] = end;
    }
    return true;
}

/*
 * In random order, takes each group that brings the sum nearer to the target.
 * When that takes none or all of them, one small group is moved, which is the
 * nearest that leaves a group on each side.
 */
static void take_groups(struct groups *groups, double target)
{
    int64_t rows = 0, count = 0, smallest = groups->turn[0];

    for (int64_t i = 0; i < groups->count; i++) {
        int64_t g = groups->turn[i], size = group_size(groups, g);

        if (size < group_size(groups, smallest))
            smallest = g;
        if (fabs((double)(rows + size) - target)
            < fabs((double)rows - target)) {
            groups->taken[g] = 1;
            rows += size;
            count++;
        }
    }
    if (count == 0)
        groups->taken[smallest] = 1;
    else if (count == groups->count)
        groups->taken[smallest] = 0;
}

bool mls_split_grouped(int64_t n, const double *group, double fraction,
                       uint64_t seed, uint8_t *in_test, struct mls_error *err)
{
    struct groups groups = { 0 };
    bool ok;

    if (!check_fraction(fraction, err)
        || !check_rows(n, 2, "a split by groups", err))
        return false;
    ok = find_groups(&groups, n, group, err);
    if (!ok)
        goto done;
    if (groups.count < 2) {
        mls_fail(err, MLS_DATA,
                 "all %" PRId64 " rows are of one group, which "
                 "cannot be on both sides of a split",
                 n);
        ok = mls_fail_fix(err, "choose another group column, or split without "
                               "groups");
        goto done;
    }
    mls_random_order(seed, MLS_RANDOM_SPLIT, STREAM_GROUPS, groups.turn,
                     groups.count);
    take_groups(&groups, fraction * (double)n);
    for (int64_t g = 0; g < groups.count; g++)
        for (int64_t i = groups.start[g]; i < groups.start[g + 1]; i++)
            in_test[groups.order[i]] = groups.taken[g];
done:
    clear_groups(&groups);
    return ok;
}

/* The groups in random order, then stably by falling size. */
static bool largest_first(struct groups *groups, uint64_t seed,
                          struct mls_error *err)
{
    double *key = mls_new_array(groups->count, sizeof(*key), err);
    bool ok = key != NULL;

    mls_random_order(seed, MLS_RANDOM_FOLD, STREAM_GROUPS, groups->turn,
                     groups->count);
    for (int64_t g = 0; ok && g < groups->count; g++)
        key[g] = -(double)group_size(groups, g);
    ok = ok && sort_by(key, groups->count, groups->turn, err);
    mls_free(key);
    return ok;
}

static int emptiest(const int64_t *rows, int k)
{
    int best = 0;

    for (int f = 1; f < k; f++)
        if (rows[f] < rows[best])
            best = f;
    return best;
}

static bool deal_groups(struct groups *groups, int k, uint64_t seed,
                        int32_t *fold, struct mls_error *err)
{
    int64_t *rows = mls_new(k, sizeof(*rows), err);
    bool ok = rows && largest_first(groups, seed, err);

    for (int64_t t = 0; ok && t < groups->count; t++) {
        int64_t g = groups->turn[t];
        int f = emptiest(rows, k);

        rows[f] += group_size(groups, g);
        for (int64_t i = groups->start[g]; i < groups->start[g + 1]; i++)
            fold[groups->order[i]] = f;
    }
    mls_free(rows);
    return ok;
}

bool mls_split_folds_grouped(int64_t n, const double *group, int k,
                             uint64_t seed, int32_t *fold,
                             struct mls_error *err)
{
    struct groups groups = { 0 };
    bool ok = check_folds(k, err) && check_enough(n, k, k, "rows", err)
              && find_groups(&groups, n, group, err)
              && check_enough(groups.count, k, k, "groups", err)
              && deal_groups(&groups, k, seed, fold, err);

    clear_groups(&groups);
    return ok;
}
