/*
 * Cuts against what the header promises, looked at value by value; codes
 * against counting the cuts below a value one by one.
 */
#include "test.h"

#include <float.h>
#include <math.h>

#include "stats/bins.h"
#include "base/memory.h"
#include "base/random.h"

static struct mls_error err;

static double draw(int64_t i)
{
    return mls_random_unit(mls_random(5, MLS_RANDOM_TEST, (uint64_t)i));
}

static double *new_reals(int64_t n)
{
    double *x = mls_new(n, sizeof(double), &err);

    assert_non_null(x);
    return x;
}

/* ---- The slow twin ---- */

static unsigned slow_code(const struct mls_bins *bins, double x)
{
    unsigned code = 1;

    if (isnan(x) || bins->codes == 1)
        return MLS_BIN_MISSING;
    for (int64_t k = 0; k < bins->cuts; k++)
        code += x > bins->cut[k];
    return code;
}

static void check_codes(const struct mls_bins *bins, const double *x,
                        int64_t n, int width, int64_t step)
{
    uint8_t *out = mls_new(n * step + 1, (size_t)width, &err);

    assert_non_null(out);
    mls_bins_code_reals(bins, x, n, width, out, step);
    for (int64_t i = 0; i < n; i++) {
        unsigned code = width == 1 ? out[i * step]
                                   : ((uint16_t *)(void *)out)[i * step];

        assert_int_equal(code, slow_code(bins, x[i]));
    }
    mls_free(out);
}

/* Values between, on and beside the cuts. */
static void fill_around(const struct mls_bins *bins, double *x, int64_t n)
{
    static const double odd[] = { NAN, INFINITY, -INFINITY, 0, -0.0, DBL_MAX,
                                  -DBL_MAX, DBL_MIN, -NAN };

    for (int64_t i = 0; i < n; i++) {
        double cut = bins->cuts > 0
            ? bins->cut[(int64_t)(draw(i) * (double)bins->cuts)] : 0;

        x[i] = i % 5 == 0 ? odd[i / 5 % 9]
            : i % 5 == 1  ? cut
            : i % 5 == 2  ? nextafter(cut, INFINITY)
            : i % 5 == 3  ? nextafter(cut, -INFINITY)
                          : draw(i) * 6 - 3;
    }
}

static void codes_count_the_cuts_below_a_value(void **state)
{
    static const int64_t sizes[] = { 0, 1, 2, 3, 15, 16, 17, 31, 100, 253, 254,
                                     255, 256, 257, 1000, 65534 };
    double x[203];

    (void)state;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        struct mls_bins bins = { .codes = (int32_t)sizes[s] + 2,
                                 .cuts = sizes[s],
                                 .cut = new_reals(sizes[s]) };

        for (int64_t k = 0; k < sizes[s]; k++)
            bins.cut[k] = -1 + 2 * (double)k / (double)sizes[s];
        fill_around(&bins, x, 203);
        for (int64_t n = 0; n < 40; n++)
            check_codes(&bins, x, n, 2, 1);
        for (int width = sizes[s] <= 254 ? 1 : 2; width <= 2; width++) {
            check_codes(&bins, x, 203, width, 1);
            check_codes(&bins, x, 203, width, 7);
        }
        mls_bins_clear(&bins);
    }
}

/* ---- Cuts ---- */

static void few_values_are_cut_halfway(void **state)
{
    double x[] = { 3, 1, NAN, 1, 4, 1.5, 3, NAN };
    const double want[] = { 1.25, 2.25, 3.5 };
    struct mls_bins bins;

    (void)state;
    assert_true(mls_bins_numeric(x, NULL, 8, 4, &bins, &err));
    assert_false(bins.categorical);
    assert_int_equal(bins.codes, 5);
    assert_int_equal(bins.cuts, 3);
    assert_memory_equal(bins.cut, want, sizeof(want));
    mls_bins_clear(&bins);
}

static void columns_with_no_or_one_value_have_no_cut(void **state)
{
    double missing[] = { NAN, NAN }, one[] = { 7, NAN, 7 }, zeros[] = { 0, -0.0 };
    struct mls_bins bins;

    (void)state;
    assert_true(mls_bins_numeric(missing, NULL, 2, 255, &bins, &err));
    assert_true(bins.codes == 1 && bins.cuts == 0);
    check_codes(&bins, one, 3, 1, 1);
    mls_bins_clear(&bins);
    assert_true(mls_bins_numeric(one, NULL, 3, 255, &bins, &err));
    assert_true(bins.codes == 2 && bins.cuts == 0);
    check_codes(&bins, missing, 2, 1, 1);
    mls_bins_clear(&bins);
    assert_true(mls_bins_numeric(zeros, NULL, 2, 255, &bins, &err));
    assert_int_equal(bins.codes, 2);
    mls_bins_clear(&bins);
    assert_true(mls_bins_numeric(NULL, NULL, 0, 255, &bins, &err));
    assert_int_equal(bins.codes, 1);
    mls_bins_clear(&bins);
}

static void cuts_are_finite_and_part_extreme_values(void **state)
{
    double tiny = nextafter(0, 1), next = nextafter(1, 2);
    double x[] = { INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, tiny, 0, 1, next,
                   -1e308 };
    double kept[9];
    struct mls_bins bins;

    (void)state;
    memcpy(kept, x, sizeof(x));
    assert_true(mls_bins_numeric(x, NULL, 9, 20, &bins, &err));
    /* -inf and -DBL_MAX share a bin; inf is told from DBL_MAX. */
    assert_int_equal(bins.codes, 9);
    for (int64_t k = 0; k < bins.cuts; k++) {
        assert_true(isfinite(bins.cut[k]));
        assert_true(k == 0 || bins.cut[k] > bins.cut[k - 1]);
    }
    for (int i = 0; i < 9; i++)
        for (int k = 0; k < 9; k++)
            if (kept[i] < kept[k] && kept[k] != -DBL_MAX)
                assert_true(slow_code(&bins, kept[i])
                            < slow_code(&bins, kept[k]));
    mls_bins_clear(&bins);
    for (int i = 0; i < 9; i++)
        x[i] = i % 2 ? INFINITY : -INFINITY;
    assert_true(mls_bins_numeric(x, NULL, 9, 20, &bins, &err));
    assert_true(bins.cuts == 1 && isfinite(bins.cut[0]));
    mls_bins_clear(&bins);
}

/* Weight of each code, from the values one by one. */
static void weigh_codes(const struct mls_bins *bins, const double *x,
                        const double *w, int64_t n, double *sum)
{
    for (int32_t k = 0; k < bins->codes; k++)
        sum[k] = 0;
    for (int64_t i = 0; i < n; i++)
        sum[slow_code(bins, x[i])] += w ? w[i] : 1;
}

static void many_values_share_bins_of_like_weight(void **state)
{
    const int64_t n = 50000, most = 255;
    double *x = new_reals(n), *kept = new_reals(n), sum[256];
    struct mls_bins bins;

    (void)state;
    for (int64_t i = 0; i < n; i++)
        kept[i] = x[i] = exp(4 * draw(i));
    assert_true(mls_bins_numeric(x, NULL, n, most, &bins, &err));
    assert_int_equal(bins.codes, most + 1);
    weigh_codes(&bins, kept, NULL, n, sum);
    for (int k = 1; k <= most; k++)
        assert_true(fabs(sum[k] - (double)n / (double)most) < 2);
    mls_bins_clear(&bins);
    mls_free(x);
    mls_free(kept);
}

static void a_heavy_value_stands_alone(void **state)
{
    const int64_t n = 40000, most = 50;
    double *x = new_reals(n), *kept = new_reals(n), sum[51];
    struct mls_bins bins;
    unsigned code;

    (void)state;
    /* A third zeros in the middle, a tenth each at both ends. */
    for (int64_t i = 0; i < n; i++)
        kept[i] = x[i] = i % 3 == 0 ? 0 : i % 10 == 1 ? 1 : i % 10 == 2 ? -1
                                    : draw(i) * 1.9 - 0.95;
    assert_true(mls_bins_numeric(x, NULL, n, most, &bins, &err));
    assert_true(bins.codes <= most + 1 && bins.codes > most - 2);
    weigh_codes(&bins, kept, NULL, n, sum);
    for (int heavy = -1; heavy <= 1; heavy++) {
        int64_t alone = 0;

        code = slow_code(&bins, heavy);
        for (int64_t i = 0; i < n; i++)
            alone += kept[i] == heavy;
        assert_true(sum[code] == (double)alone);
    }
    mls_bins_clear(&bins);
    mls_free(x);
    mls_free(kept);
}

/* More heavy values than light bins between them: still at most `most`. */
static void no_table_makes_more_bins_than_asked_for(void **state)
{
    double x[6000], w[6000];
    struct mls_bins bins;

    (void)state;
    for (int64_t most = 2; most < 40; most++) {
        for (int64_t seed = 0; seed < 20; seed++) {
            for (int64_t i = 0; i < 6000; i++) {
                double level = floor(draw(i * 20 + seed) * 30);

                x[i] = i % 4 == 0 ? level + 0.5 + draw(i) / 4 : level;
                w[i] = 1 + (double)(i % 3);
            }
            assert_true(mls_bins_numeric(x, seed % 2 ? w : NULL, 6000, most,
                                         &bins, &err));
            assert_true(bins.codes >= 3 && bins.codes <= most + 1);
            assert_int_equal(bins.cuts, bins.codes - 2);
            for (int64_t k = 1; k < bins.cuts; k++)
                assert_true(bins.cut[k] > bins.cut[k - 1]);
            mls_bins_clear(&bins);
        }
    }
}

static void weights_are_repeated_rows(void **state)
{
    const int64_t n = 5000;
    double *x = new_reals(n), *w = new_reals(n), *repeated = new_reals(3 * n);
    struct mls_bins a, b;

    (void)state;
    for (int64_t most = 3; most < 400; most += 36) {
        int64_t count = 0;

        for (int64_t i = 0; i < n; i++) {
            x[i] = i % 7 == 0 ? NAN : floor(draw(i) * 3000) * (i % 3);
            w[i] = 1 + (double)(i % 3);
            for (int64_t k = 0; k <= i % 3; k++)
                repeated[count++] = x[i];
        }
        assert_true(mls_bins_numeric(x, w, n, most, &a, &err));
        assert_true(mls_bins_numeric(repeated, NULL, count, most, &b, &err));
        assert_int_equal(a.codes, b.codes);
        assert_memory_equal(a.cut, b.cut, (size_t)a.cuts * sizeof(double));
        mls_bins_clear(&a);
        mls_bins_clear(&b);
    }
    mls_free(x);
    mls_free(w);
    mls_free(repeated);
}

/* ---- Categories ---- */

static void seen_levels_are_numbered_in_order(void **state)
{
    const double weight[] = { 2, 0, 5, 1, 0 };
    const uint16_t want[] = { 1, 0, 2, 3, 0 };
    const uint32_t level[] = { 4, 3, 2, 1, 0, 5, UINT32_MAX };
    const uint16_t code[] = { 0, 3, 2, 0, 1, 0, 0 };
    uint16_t out[7];
    uint8_t narrow[21];
    struct mls_bins bins, copy;

    (void)state;
    assert_true(mls_bins_categorical(weight, 5, 3, &bins, &err));
    assert_true(bins.categorical && bins.codes == 4 && bins.levels == 5);
    assert_memory_equal(bins.code_of, want, sizeof(want));
    mls_bins_code_levels(&bins, level, 7, 2, out, 1);
    assert_memory_equal(out, code, sizeof(code));
    mls_bins_code_levels(&bins, level, 7, 1, narrow, 3);
    for (int i = 0; i < 7; i++)
        assert_int_equal(narrow[3 * i], code[i]);
    assert_true(mls_bins_copy(&bins, &copy, &err));
    assert_true(copy.categorical && copy.levels == 5 && copy.codes == 4);
    assert_memory_equal(copy.code_of, want, sizeof(want));
    mls_bins_clear(&copy);
    mls_bins_clear(&bins);
}

static void light_levels_share_the_last_code(void **state)
{
    const double weight[] = { 1, 9, 3, 0, 3, 3, 8 };
    const uint16_t want[] = { 4, 1, 2, 0, 4, 4, 3 };
    struct mls_bins bins;

    (void)state;
    assert_true(mls_bins_categorical(weight, 7, 4, &bins, &err));
    assert_int_equal(bins.codes, 5);
    assert_memory_equal(bins.code_of, want, sizeof(want));
    mls_bins_clear(&bins);
    assert_true(mls_bins_categorical(weight + 3, 1, 4, &bins, &err));
    assert_int_equal(bins.codes, 1);
    mls_bins_clear(&bins);
    assert_true(mls_bins_categorical(NULL, 0, 4, &bins, &err));
    assert_int_equal(bins.codes, 1);
    mls_bins_clear(&bins);
}

/* ---- Memory ---- */

static bool make_all(struct mls_bins *bins)
{
    double x[100], w[100];

    for (int i = 0; i < 100; i++) {
        x[i] = draw(i);
        w[i] = draw(i + 100);
    }
    if (!mls_bins_numeric(x, w, 100, 20, &bins[0], &err))
        return false;
    if (!mls_bins_numeric(x, NULL, 100, 20, &bins[1], &err))
        return false;
    if (!mls_bins_categorical(w, 100, 20, &bins[2], &err))
        return false;
    return mls_bins_copy(&bins[0], &bins[3], &err)
        && mls_bins_copy(&bins[2], &bins[4], &err);
}

static void every_refused_allocation_is_an_error(void **state)
{
    int64_t before = mls_memory_live();
    bool done = false;

    (void)state;
    for (int64_t n = 1; !done; n++) {
        struct mls_bins bins[5] = { { 0 } };

        mls_memory_fail_at(n);
        done = make_all(bins);
        mls_memory_fail_at(0);
        if (!done)
            assert_int_equal(err.code, MLS_LIMIT);
        for (int k = 0; k < 5; k++)
            mls_bins_clear(&bins[k]);
        assert_int_equal(mls_memory_live(), before);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_count_the_cuts_below_a_value),
        cmocka_unit_test(few_values_are_cut_halfway),
        cmocka_unit_test(columns_with_no_or_one_value_have_no_cut),
        cmocka_unit_test(cuts_are_finite_and_part_extreme_values),
        cmocka_unit_test(many_values_share_bins_of_like_weight),
        cmocka_unit_test(a_heavy_value_stands_alone),
        cmocka_unit_test(no_table_makes_more_bins_than_asked_for),
        cmocka_unit_test(weights_are_repeated_rows),
        cmocka_unit_test(seen_levels_are_numbered_in_order),
        cmocka_unit_test(light_levels_share_the_last_code),
        cmocka_unit_test(every_refused_allocation_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
