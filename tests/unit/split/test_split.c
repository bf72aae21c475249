/*
 * Properties of the splits: sizes, shares, determinism, and that every row has
 * the same chance.
 */
#include "test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "mlspec/split.h"

enum { MOST = 400 };

static int64_t count_test(const uint8_t *in_test, int64_t n)
{
    int64_t count = 0;

    for (int64_t i = 0; i < n; i++) {
        assert_true(in_test[i] <= 1);
        count += in_test[i];
    }
    return count;
}

/* Class codes of very different sizes, in no order. */
static void uneven_classes(double *strata, int n, int classes)
{
    for (int i = 0; i < n; i++) {
        int64_t draw = mls_random_below(
            mls_random(3, MLS_RANDOM_TEST, (uint64_t)i), classes);

        strata[i] = (double)(draw * draw / classes);
    }
}

static void a_hold_out_has_the_rounded_number_of_rows(void **state)
{
    static const struct {
        int64_t n;
        double fraction;
        int64_t test;
    } cases[] = {
        { 10, 0.2, 2 },        { 10, 0.25, 3 },  { 11, 0.2, 2 },
        { 2, 0.5, 1 },         { 2, 0.01, 1 },   { 2, 0.99, 1 },
        { 5, 0.001, 1 },       { 5, 0.999, 4 },  { 400, 0.333, 133 },
        { 7, 1 - 0x1p-53, 6 }, { 7, 1e-300, 1 },
    };
    uint8_t in_test[MOST];
    double strata[MOST] = { 0 };
    struct mls_error err;

    (void)state;
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        int64_t n = cases[k].n;
        double f = cases[k].fraction;

        assert_true(mls_split_holdout(n, NULL, f, 1, in_test, &err));
        assert_int_equal(count_test(in_test, n), cases[k].test);
        assert_true(mls_split_holdout(n, strata, f, 1, in_test, &err));
        assert_int_equal(count_test(in_test, n), cases[k].test);
        assert_true(mls_split_by_time(n, strata, f, in_test, &err));
        assert_int_equal(count_test(in_test, n), cases[k].test);
    }
}

static void each_class_keeps_its_share_within_one_row(void **state)
{
    double strata[MOST];
    uint8_t in_test[MOST];
    struct mls_error err;

    (void)state;
    for (int n = 2; n <= MOST; n += 7)
        for (int classes = 1; classes < 40; classes += 6)
            for (double fraction = 0.05; fraction < 1; fraction += 0.15) {
                double test;

                uneven_classes(strata, n, classes);
                assert_true(
                    mls_split_holdout(n, strata, fraction, 5, in_test, &err));
                test = (double)count_test(in_test, n);
                assert_true(fabs(test - fraction * n) <= 0.5 + 1e-9 || test == 1
                            || test == n - 1);
                for (int c = 0; c < classes; c++) {
                    int size = 0, taken = 0;

                    for (int i = 0; i < n; i++) {
                        size += strata[i] == c;
                        taken += strata[i] == c && in_test[i];
                    }
                    assert_true(fabs(taken - test * size / n) < 1);
                }
            }
}

static void two_classes_are_split_to_the_nearest_row(void **state)
{
    double strata[100];
    uint8_t in_test[100];
    struct mls_error err;

    (void)state;
    for (int rare = 0; rare <= 50; rare++)
        for (double fraction = 0.05; fraction < 1; fraction += 0.07) {
            double taken = 0, test;

            for (int i = 0; i < 100; i++)
                strata[i] = i * 7 % 100 < rare;
            assert_true(
                mls_split_holdout(100, strata, fraction, 9, in_test, &err));
            test = (double)count_test(in_test, 100);
            for (int i = 0; i < 100; i++)
                taken += in_test[i] && strata[i] == 1;
            assert_true(fabs(taken - test * rare / 100) <= 0.5 + 1e-9);
        }
}

static void
the_same_seed_gives_the_same_split_and_another_does_not(void **state)
{
    uint8_t one[MOST], two[MOST];
    int32_t fold_one[MOST], fold_two[MOST];
    double codes[MOST];
    struct mls_error err;

    (void)state;
    uneven_classes(codes, MOST, 30);
    for (int kind = 0; kind < 3; kind++)
        for (uint64_t seed = 0; seed < 2; seed++) {
            bool ok = true;

            for (int k = 0; k < 2; k++) {
                uint8_t *to = k ? two : one;
                uint64_t s = k ? seed : 0;

                memset(to, 7, MOST);
                ok = ok
                     && (kind < 2 ? mls_split_holdout(MOST, kind ? codes : NULL,
                                                      0.4, s, to, &err)
                                  : mls_split_grouped(MOST, codes, 0.4, s, to,
                                                      &err));
            }
            assert_true(ok);
            assert_int_equal(memcmp(one, two, MOST) == 0, seed == 0);
        }
    assert_true(mls_split_folds(MOST, codes, 5, 1, fold_one, &err));
    assert_true(mls_split_folds(MOST, codes, 5, 1, fold_two, &err));
    assert_memory_equal(fold_one, fold_two, sizeof(fold_one));
    assert_true(mls_split_folds(MOST, codes, 5, 2, fold_two, &err));
    assert_memory_not_equal(fold_one, fold_two, sizeof(fold_one));
}

/*
 * Over 2,000 seeds each of 20 rows is in the test part of 25 % about 500 times
 * (standard deviation 19.4), and each pair about 2000 * 5/20 * 4/19 = 105
 * times (9.98).  Bounds of 5 deviations; the seeds are fixed, so this cannot
 * fail now and then.
 */
static void every_row_and_every_pair_has_the_same_chance(void **state)
{
    enum { N = 20, SEEDS = 2000 };
    double classes[N];
    uint8_t in_test[N];
    struct mls_error err;

    (void)state;
    for (int i = 0; i < N; i++)
        classes[i] = i % 3;
    for (int kind = 0; kind < 2; kind++) {
        int alone[N] = { 0 }, together[N][N] = { { 0 } };

        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            assert_true(mls_split_holdout(N, kind ? classes : NULL, 0.25, seed,
                                          in_test, &err));
            for (int i = 0; i < N; i++)
                for (int j = 0; j <= i; j++)
                    if (in_test[i] && in_test[j])
                        (*(i == j ? &alone[i] : &together[i][j]))++;
        }
        if (kind == 0)
            for (int i = 0; i < N; i++) {
                assert_in_range(alone[i], 500 - 97, 500 + 97);
                for (int j = 0; j < i; j++)
                    assert_in_range(together[i][j], 105 - 50, 105 + 50);
            }
        else /* 7, 7 and 6 rows of which 2, 2 (or 1) and 1 (or 2) are drawn */
            for (int i = 3; i < N; i++)
                assert_in_range(alone[i], alone[i % 3] - 137,
                                alone[i % 3] + 137);
    }
}

static void
fold_sizes_differ_by_at_most_one_in_all_and_in_each_class(void **state)
{
    double strata[MOST];
    int32_t fold[MOST];
    struct mls_error err;

    (void)state;
    for (int n = 10; n <= MOST; n += 13)
        for (int k = 2; k <= 10; k++)
            for (int classes = 0; classes < 30; classes += 7) {
                uneven_classes(strata, n, classes ? classes : 1);
                assert_true(mls_split_folds(n, classes ? strata : NULL, k, 3,
                                            fold, &err));
                for (int c = -1; c < classes; c++) {
                    int sizes[10] = { 0 }, low = MOST, high = 0;

                    for (int i = 0; i < n; i++) {
                        assert_in_range(fold[i], 0, k - 1);
                        sizes[fold[i]] += c < 0 || strata[i] == c;
                    }
                    for (int f = 0; f < k; f++) {
                        low = sizes[f] < low ? sizes[f] : low;
                        high = sizes[f] > high ? sizes[f] : high;
                    }
                    assert_true(high - low <= 1);
                }
            }
}

static void as_many_folds_as_rows_leave_one_out(void **state)
{
    int32_t fold[9];
    int seen[9] = { 0 };
    struct mls_error err;

    (void)state;
    assert_true(mls_split_folds(9, NULL, 9, 4, fold, &err));
    for (int i = 0; i < 9; i++)
        seen[fold[i]]++;
    for (int i = 0; i < 9; i++)
        assert_int_equal(seen[i], 1);
}

static void the_last_rows_by_time_are_the_test_rows(void **state)
{
    static const double time[8] = { 5, -1, 3, 3, 1e300, 3, 0, -1e300 };
    static const uint8_t half[8] = { 1, 0, 0, 1, 1, 1, 0, 0 };
    static const uint8_t quarter[8] = { 1, 0, 0, 0, 1, 0, 0, 0 };
    uint8_t in_test[8];
    struct mls_error err;

    (void)state;
    assert_true(mls_split_by_time(8, time, 0.5, in_test, &err));
    assert_memory_equal(in_test, half, 8); /* of the ties at 3 the later rows */
    assert_true(mls_split_by_time(8, time, 0.25, in_test, &err));
    assert_memory_equal(in_test, quarter, 8);
}

static void rows_of_one_group_stay_together(void **state)
{
    double group[MOST];
    uint8_t in_test[MOST];
    struct mls_error err;

    (void)state;
    for (int n = 20; n <= MOST; n += 19)
        for (uint64_t seed = 0; seed < 10; seed++) {
            int64_t test;

            uneven_classes(group, n, 60);
            assert_true(mls_split_grouped(n, group, 0.3, seed, in_test, &err));
            for (int i = 0; i < n; i++)
                for (int j = 0; j < i; j++)
                    if (group[i] == group[j])
                        assert_int_equal(in_test[i], in_test[j]);
            test = count_test(in_test, n);
            assert_true(test > 0 && test < n);
        }
}

static void small_groups_reach_the_fraction_exactly(void **state)
{
    double group[MOST];
    uint8_t in_test[MOST];
    struct mls_error err;

    (void)state;
    for (int i = 0; i < MOST; i++)
        group[i] = i * 7 % 100;
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_true(mls_split_grouped(MOST, group, 0.25, seed, in_test, &err));
        assert_int_equal(count_test(in_test, MOST), 100);
    }
}

static void a_group_too_large_for_the_test_rows_is_never_one(void **state)
{
    double group[100];
    uint8_t in_test[100];
    struct mls_error err;

    (void)state;
    for (int i = 0; i < 100; i++)
        group[i] = i < 60 ? 9 : i % 8;
    for (uint64_t seed = 0; seed < 50; seed++) {
        assert_true(mls_split_grouped(100, group, 0.2, seed, in_test, &err));
        assert_int_equal(in_test[0], 0);
        assert_int_equal(count_test(in_test, 100), 20);
    }
}

static void one_group_is_left_on_each_side_whatever_the_fraction(void **state)
{
    static const double group[10] = { 4, 4, 4, 4, 4, 4, 2, 2, 2, 2 };
    uint8_t in_test[10];
    struct mls_error err;

    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        /* The smaller group is the nearest to 0.1 rows, the larger to 9.9. */
        assert_true(mls_split_grouped(10, group, 0.01, seed, in_test, &err));
        assert_int_equal(count_test(in_test, 10), 4);
        assert_true(mls_split_grouped(10, group, 0.99, seed, in_test, &err));
        assert_int_equal(count_test(in_test, 10), 6);
    }
}

static void what_cannot_be_split_is_an_error_that_says_why(void **state)
{
    static const double bad[5] = { 0, 1, -0.5, 1.5, NAN };
    static const double same[3] = { 8, 8, 8 };
    uint8_t in_test[3];
    int32_t fold[3];
    struct mls_error err;

    (void)state;
    for (int k = 0; k < 5; k++) {
        assert_false(mls_split_holdout(3, NULL, bad[k], 0, in_test, &err));
        assert_int_equal(err.code, MLS_USAGE);
        assert_false(mls_split_by_time(3, same, bad[k], in_test, &err));
        assert_int_equal(err.code, MLS_USAGE);
        assert_false(mls_split_grouped(3, same, bad[k], 0, in_test, &err));
        assert_int_equal(err.code, MLS_USAGE);
    }
    for (int n = 0; n < 2; n++) {
        assert_false(mls_split_holdout(n, same, 0.5, 0, in_test, &err));
        assert_int_equal(err.code, MLS_DATA);
        assert_false(mls_split_by_time(n, same, 0.5, in_test, &err));
        assert_int_equal(err.code, MLS_DATA);
        assert_false(mls_split_grouped(n, same, 0.5, 0, in_test, &err));
        assert_int_equal(err.code, MLS_DATA);
        assert_non_null(strstr(err.what, n ? "there is 1" : "there are 0"));
    }
    assert_false(mls_split_grouped(3, same, 0.5, 0, in_test, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_non_null(strstr(err.what, "one group"));
    assert_false(mls_split_folds(3, NULL, 4, 0, fold, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.what,
                        "4 folds take at least 4 rows, and there are 3");
    assert_false(mls_split_folds(3, NULL, 1, 0, fold, &err));
    assert_int_equal(err.code, MLS_USAGE);
}

/* --- folds of groups, folds in time ------------------------------------- */

/* Groups of sizes 1, 2, ..., 12, their rows mixed; codes in no order. */
static int sized_groups(double *group)
{
    int64_t order[MOST];
    int n = 0;

    for (int g = 1; g <= 12; g++)
        n += g;
    mls_random_order(8, MLS_RANDOM_TEST, 0, order, n);
    for (int g = 1, i = 0; g <= 12; g++)
        for (int k = 0; k < g; k++)
            group[order[i++]] = g * 5 % 13 - 0.5;
    return n;
}

/* The rows of the smallest group in each fold. */
static void smallest_groups(const double *group, const int32_t *fold, int n,
                            int64_t *smallest)
{
    for (int f = 0; f < 6; f++)
        smallest[f] = n;
    for (int i = 0; i < n; i++) {
        int64_t size = 0;

        for (int j = 0; j < n; j++)
            size += group[j] == group[i];
        if (size < smallest[fold[i]])
            smallest[fold[i]] = size;
    }
}

static void folds_of_groups_keep_them_whole_and_are_nearly_equal(void **state)
{
    double group[MOST];
    int32_t fold[MOST], other[MOST];
    struct mls_error err;
    int n = sized_groups(group), changed = 0;

    (void)state;
    for (int k = 2; k <= 6; k++) {
        int64_t rows[6] = { 0 }, last[6], least = n;

        assert_true(mls_split_folds_grouped(n, group, k, 1, fold, &err));
        for (int i = 0; i < n; i++) {
            assert_true(fold[i] >= 0 && fold[i] < k);
            rows[fold[i]]++;
            for (int j = 0; j < i; j++)
                if (group[i] == group[j])
                    assert_int_equal(fold[i], fold[j]);
        }
        /* The smallest group of a fold came last, when no fold had fewer. */
        smallest_groups(group, fold, n, last);
        for (int f = 0; f < k; f++)
            least = rows[f] < least ? rows[f] : least;
        for (int f = 0; f < k; f++)
            assert_true(rows[f] - last[f] <= least);
        assert_true(mls_split_folds_grouped(n, group, k, 2, other, &err));
        for (int i = 0; i < n; i++)
            changed += fold[i] != other[i];
    }
    /* Sizes are distinct, so the seed has no say. */
    assert_int_equal(changed, 0);
}

static void groups_of_one_row_are_dealt_evenly_and_by_the_seed(void **state)
{
    double group[50];
    int32_t fold[50], other[50];
    int64_t rows[7] = { 0 };
    int changed = 0;
    struct mls_error err;

    (void)state;
    for (int i = 0; i < 50; i++)
        group[i] = i * 7 % 50;
    assert_true(mls_split_folds_grouped(50, group, 7, 1, fold, &err));
    assert_true(mls_split_folds_grouped(50, group, 7, 2, other, &err));
    for (int i = 0; i < 50; i++) {
        rows[fold[i]]++;
        changed += fold[i] != other[i];
    }
    for (int f = 0; f < 7; f++)
        assert_true(rows[f] == 7 || rows[f] == 8);
    assert_true(changed > 20);
}

/* for k, (a, b) in enumerate(TimeSeriesSplit(4).split(np.zeros(17))): f[b] = k,
 * with f = -1 before; each a is the rows before b. */
static void folds_in_time_are_those_of_scikit_learn(void **state)
{
    static const int32_t expected[17] = { -1, -1, -1, -1, -1, 0, 0, 0, 1,
                                          1,  1,  2,  2,  2,  3, 3, 3 };
    double time[17];
    int32_t fold[17];
    struct mls_error err;

    (void)state;
    for (int i = 0; i < 17; i++)
        time[i] = i * 5 % 17 / 4.0;
    assert_true(mls_split_folds_by_time(17, time, 4, fold, &err));
    for (int i = 0; i < 17; i++)
        assert_int_equal(fold[i], expected[i * 5 % 17]);
    for (int i = 0; i < 17; i++)
        time[i] = 1; /* ties: by row */
    assert_true(mls_split_folds_by_time(17, time, 4, fold, &err));
    assert_memory_equal(fold, expected, sizeof(expected));
}

static void folds_that_cannot_be_are_errors_that_say_why(void **state)
{
    double three[6] = { 1, 2, 3, 1, 2, 3 };
    int32_t fold[6];
    struct mls_error err;

    (void)state;
    assert_false(mls_split_folds_grouped(6, three, 4, 0, fold, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.what,
                        "4 folds take at least 4 groups, and there are 3");
    assert_false(mls_split_folds_grouped(6, three, 1, 0, fold, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_false(mls_split_folds_grouped(0, three, 2, 0, fold, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_false(mls_split_folds_by_time(4, three, 4, fold, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.what,
                        "4 folds take at least 5 rows, and there are 4");
    assert_false(mls_split_folds_by_time(6, three, 0, fold, &err));
    assert_int_equal(err.code, MLS_USAGE);
}

static bool split_by(int kind, const double *codes, struct mls_error *err)
{
    uint8_t in_test[50];
    int32_t fold[50];

    switch (kind) {
    case 0:
        return mls_split_holdout(50, codes, 0.3, 1, in_test, err);
    case 1:
        return mls_split_folds(50, codes, 5, 1, fold, err);
    case 2:
        return mls_split_by_time(50, codes, 0.3, in_test, err);
    case 3:
        return mls_split_folds_grouped(50, codes, 5, 1, fold, err);
    case 4:
        return mls_split_folds_by_time(50, codes, 5, fold, err);
    default:
        return mls_split_grouped(50, codes, 0.3, 1, in_test, err);
    }
}

static void each_failed_allocation_is_passed_up_without_a_leak(void **state)
{
    double codes[50];
    struct mls_error err;

    (void)state;
    uneven_classes(codes, 50, 12);
    for (int kind = 0; kind < 6; kind++) {
        int64_t failed = 0;
        bool ok;

        do {
            mls_memory_fail_at(++failed);
            ok = split_by(kind, codes, &err);
            mls_memory_fail_at(0);
            assert_true(ok || err.code == MLS_LIMIT);
            assert_int_equal(mls_memory_live(), 0);
        } while (!ok);
        assert_true(failed > 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_out_has_the_rounded_number_of_rows),
        cmocka_unit_test(each_class_keeps_its_share_within_one_row),
        cmocka_unit_test(two_classes_are_split_to_the_nearest_row),
        cmocka_unit_test(
            the_same_seed_gives_the_same_split_and_another_does_not),
        cmocka_unit_test(every_row_and_every_pair_has_the_same_chance),
        cmocka_unit_test(
            fold_sizes_differ_by_at_most_one_in_all_and_in_each_class),
        cmocka_unit_test(as_many_folds_as_rows_leave_one_out),
        cmocka_unit_test(the_last_rows_by_time_are_the_test_rows),
        cmocka_unit_test(rows_of_one_group_stay_together),
        cmocka_unit_test(small_groups_reach_the_fraction_exactly),
        cmocka_unit_test(a_group_too_large_for_the_test_rows_is_never_one),
        cmocka_unit_test(one_group_is_left_on_each_side_whatever_the_fraction),
        cmocka_unit_test(what_cannot_be_split_is_an_error_that_says_why),
        cmocka_unit_test(
            folds_of_groups_keep_them_whole_and_are_nearly_equal),
        cmocka_unit_test(groups_of_one_row_are_dealt_evenly_and_by_the_seed),
        cmocka_unit_test(folds_in_time_are_those_of_scikit_learn),
        cmocka_unit_test(folds_that_cannot_be_are_errors_that_say_why),
        cmocka_unit_test(each_failed_allocation_is_passed_up_without_a_leak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
