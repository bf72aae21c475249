/*
 * Centred sums against the two passes that they save, in long double.
 */
#include "test.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "learner/design_sums.h"
#include "base/memory.h"

enum { ROWS = 3000, FEATURES = 7 };

static struct mls_error err;
static uint64_t state_of_draws;

static double draw(void)
{
    state_of_draws =
        state_of_draws * 6364136223846793005u + 1442695040888963407u;
    return (double)(state_of_draws >> 11) / 9007199254740992.0 - 0.5;
}

static double cells[ROWS * FEATURES], target[ROWS], weights[ROWS];

/* Columns that are: as one likes them; far from 0; sorted; constant; 0 in all
 * rows but those that a sample meets; held by one row; 0 and 1. */
static struct mls_dataset data(bool weighted)
{
    struct mls_dataset d = { .rows = ROWS, .features = FEATURES };

    for (int64_t i = 0; i < ROWS; i++) {
        double *x = cells + i;

        x[0] = draw();
        x[ROWS] = 1e9 + draw();
        x[2 * ROWS] = (double)i;
        x[3 * ROWS] = 0.1;
        x[4 * ROWS] = i < ROWS - 3 ? 1e6 * (i * 64 % ROWS < 64) : draw();
        x[5 * ROWS] = i == 0 ? 1e12 : draw();
        x[6 * ROWS] = draw() > 0;
        target[i] = 5e4 + x[0] + draw();
        weights[i] = 1.5 + draw();
    }
    d.x = (struct mls_matrix){ cells, ROWS, FEATURES, ROWS };
    d.target.y = target;
    d.target.rows = ROWS;
    d.target.weight = weighted ? weights : NULL;
    return d;
}

static const double *column(const struct mls_dataset *d, int64_t j)
{
    return j < d->features ? d->x.data + j * d->x.stride : d->target.y;
}

static long double mean_of(const struct mls_dataset *d, int64_t j)
{
    const double *x = column(d, j), *w = d->target.weight;
    long double sum = 0, weight = 0;

    for (int64_t i = 0; i < d->rows; i++) {
        sum += (w ? w[i] : 1) * (long double)x[i];
        weight += w ? w[i] : 1;
    }
    return sum / weight;
}

static long double product_of(const struct mls_dataset *d, int64_t j,
                              int64_t k, bool centre)
{
    const double *x = column(d, j), *z = column(d, k), *w = d->target.weight;
    long double m = centre ? mean_of(d, j) : 0, o = centre ? mean_of(d, k) : 0;
    long double sum = 0;

    for (int64_t i = 0; i < d->rows; i++)
        sum += (w ? w[i] : 1) * (x[i] - m) * (z[i] - o);
    return sum;
}

static void near(double got, long double want, double tolerance)
{
    /* The means of constants are rounded here, and not there. */
    if (!(fabsl(got - want) <= tolerance + 1e-12))
        fail_msg("%.17g is not %.17Lg", got, want);
}

/* To the digits that sums of so many terms have, of the columns' lengths. */
static void check(const struct mls_dataset *d, bool centre)
{
    struct mls_design_sums sums;
    double length[FEATURES + 1];

    assert_true(mls_design_sums_new(NULL, d, centre, &sums, &err));
    for (int64_t j = 0; j <= FEATURES; j++)
        length[j] = (double)sqrtl(product_of(d, j, j, centre));
    for (int64_t j = 0; j < FEATURES; j++) {
        long double mean = centre ? mean_of(d, j) : 0;

        near(sums.mean[j], mean,
             2e-16 * fabs((double)mean) + 1e-15 * length[j]);
        near(sums.xy[j], product_of(d, j, FEATURES, centre),
             1e-13 * length[j] * length[FEATURES]);
        assert_true(sums.square[j] == sums.gram.data[j + j * FEATURES]);
        for (int64_t k = 0; k < FEATURES; k++) {
            near(sums.gram.data[j + k * FEATURES],
                 product_of(d, j, k, centre), 1e-13 * length[j] * length[k]);
        }
    }
    near(sums.y_square, product_of(d, FEATURES, FEATURES, centre),
         1e-13 * length[FEATURES] * length[FEATURES]);
    near(sums.y_mean, centre ? mean_of(d, FEATURES) : 0, 1e-11);
    assert_true(!centre || sums.square[3] == 0);
    mls_design_sums_clear(&sums);
}

static void sums_are_those_of_two_passes(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        struct mls_dataset d = data(k % 2);

        check(&d, k / 2);
    }
}

static void a_large_column_is_named(void **state)
{
    static const double large[] = { 1e200, 1e308, -1.7e308 };

    (void)state;
    for (int k = 0; k < 6; k++) {
        const char *names[] = { "a", "b", "c", "d", "e", "f", "g" };
        struct mls_dataset d = data(false);
        struct mls_design_sums sums;

        d.names = names;
        d.x.data[5 + 4 * ROWS] = large[k / 2];
        d.x.data[0 + 4 * ROWS] = -large[k / 2];
        err = (struct mls_error){ 0 };
        assert_false(mls_design_sums_new(NULL, &d, k % 2, &sums, &err));
        mls_design_sums_clear(&sums);
        assert_int_equal(err.code, MLS_DATA);
        assert_string_equal(err.column, "e");
    }
}

static void threads_do_not_matter(void **state)
{
    struct mls_dataset d = data(true);
    struct mls_design_sums one, many;
    struct mls_run run = { 0 };

    (void)state;
    assert_true(mls_run_init(&run, 3, &err));
    assert_true(mls_design_sums_new(NULL, &d, true, &one, &err));
    assert_true(mls_design_sums_new(&run, &d, true, &many, &err));
    assert_memory_equal(one.gram.data, many.gram.data,
                        sizeof(double) * FEATURES * FEATURES);
    assert_memory_equal(one.xy, many.xy, sizeof(double) * FEATURES);
    assert_memory_equal(one.mean, many.mean, sizeof(double) * FEATURES);
    mls_design_sums_clear(&one);
    mls_design_sums_clear(&many);
    mls_run_clear(&run);
}

static void few_rows_and_no_features_are_summed_up(void **state)
{
    struct mls_dataset d = data(false);
    struct mls_design_sums sums;

    (void)state;
    d.rows = d.x.rows = d.target.rows = 1;
    assert_true(mls_design_sums_new(NULL, &d, true, &sums, &err));
    for (int j = 0; j < FEATURES; j++)
        assert_true(sums.mean[j] == cells[j * ROWS] && sums.square[j] == 0);
    mls_design_sums_clear(&sums);
    d = data(false);
    d.features = d.x.columns = 0;
    assert_true(mls_design_sums_new(NULL, &d, true, &sums, &err));
    near(sums.y_mean, mean_of(&d, 0), 1e-11);
    mls_design_sums_clear(&sums);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_dataset d = data(true);
    int64_t live = mls_memory_live(), fails = 0;
    bool ok = false;

    (void)state;
    for (int64_t n = 1; !ok; n++) {
        struct mls_design_sums sums;

        mls_memory_fail_at(n);
        err.code = MLS_OK;
        ok = mls_design_sums_new(NULL, &d, true, &sums, &err);
        mls_memory_fail_at(0);
        mls_design_sums_clear(&sums);
        assert_true(ok || err.code == MLS_LIMIT);
        assert_int_equal(mls_memory_live(), live);
        fails += !ok;
    }
    assert_true(fails >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_two_passes),
        cmocka_unit_test(a_large_column_is_named),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(few_rows_and_no_features_are_summed_up),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
