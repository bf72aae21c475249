#include "unit/transform/tables.h"

#include "select/select.h"

/*
 * The same numbers in Python:
 *
 *   X = [[((i*7919 + (j+1)*104729 + i*i*(31 + j*17)) % 1009) / 1009
 *         for j in range(8)] for i in range(200)]
 *   y = X @ effect + 0.3 * (((i*6007 + i*i*53) % 997) / 997 - 0.5)
 *   RFE(Ridge(alpha=1), n_features_to_select=3, step=1)
 *       .fit(StandardScaler().fit_transform(X * unit), y).ranking_
 *
 * The rankings are the same for alpha from 1e-4 to 50.
 */
#define ROWS 200
#define COLUMNS 8

static const double unit[COLUMNS] = { 1, 100, 0.01, 1, 10, 1, 1000, 1 };
static const double effect[COLUMNS] = { 0.9, 3.0, 0.1,  -2.2,
                                        0.0, 1.5, -0.5, 0.05 };
static double cells[COLUMNS][ROWS], y[ROWS], two[ROWS], three[ROWS];
static const char *const names[COLUMNS] = { "a", "b", "c", "d",
                                            "e", "f", "g", "h" };
static struct cells columns[COLUMNS];
static const struct mls_target regression = { .task = MLS_REGRESSION,
                                              .rows = ROWS, .y = y };
static const struct mls_target binary = { .task = MLS_BINARY, .rows = ROWS,
                                          .classes = 2, .y = two };
static const struct mls_target multiclass = { .task = MLS_MULTICLASS,
                                              .rows = ROWS, .classes = 3,
                                              .y = three };

static int fill(void **state)
{
    (void)state;
    for (int64_t i = 0; i < ROWS; i++) {
        y[i] = 0.3 * ((double)((i * 6007 + i * i * 53) % 997) / 997 - 0.5);
        for (int64_t j = 0; j < COLUMNS; j++) {
            int64_t whole =
                (i * 7919 + (j + 1) * 104729 + i * i * (31 + j * 17)) % 1009;

            y[i] += effect[j] * (double)whole / 1009;
            cells[j][i] = unit[j] * (double)whole / 1009;
        }
        two[i] = y[i] > 0.7;
        three[i] = (y[i] > 0.2) + (y[i] > 1.2);
    }
    for (int j = 0; j < COLUMNS; j++)
        columns[j] = (struct cells){ names[j], MLS_KIND_REAL,
                                     .real = cells[j] };
    return 0;
}

static struct mls_step *three_left(const char *removed)
{
    struct mls_step *step = step_of(&mls_select_recursive);

    set(step, "k", "3");
    set(step, "per_round", removed);
    return step;
}

static void ranks_are(const struct mls_target *target, const char *removed,
                      const double *want)
{
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), out;
    struct mls_step *step = three_left(removed);

    fit_well(step, &table, target);
    if (want)
        assert_memory_equal(mls_arrays_find(&step->arrays, "rank")->data, want,
                            COLUMNS * sizeof(*want));
    out = apply_to(step, &table);
    assert_columns(&out.schema, "b d f");
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void ranks_equal_those_of_rfe(void **state)
{
    static const double by_one[] = { 2, 1, 4, 1, 5, 1, 3, 6 };
    static const double by_two[] = { 2, 1, 3, 1, 4, 1, 3, 4 };

    (void)state;
    ranks_are(&regression, "1", by_one);
    ranks_are(&regression, "2", by_two);
    /* A tenth of eight is less than one column: one goes each round. */
    ranks_are(&regression, "0.1", by_one);
}

/* LogisticRegression(C=100, 1 and 0.1), y > 0.7 and (y > 0.2) + (y > 1.2). */
static void classes_keep_the_same_columns(void **state)
{
    (void)state;
    ranks_are(&binary, "1", NULL);
    ranks_are(&multiclass, "1", NULL);
}

static void half_is_kept_when_k_is_not_given(void **state)
{
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), out;
    struct mls_step *step = step_of(&mls_select_recursive);

    (void)state;
    set(step, "learner", "ridge");
    fit_well(step, &table, &regression);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "a b d f");
    mls_table_clear(&out);
    set(step, "k", "20");
    fit_well(step, &table, &regression);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "a b c d e f g h");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void the_order_of_the_columns_changes_nothing(void **state)
{
    static const int order[COLUMNS] = { 5, 2, 7, 0, 3, 6, 1, 4 };
    struct cells shuffled[COLUMNS];
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), other;
    struct mls_step *one = three_left("1"), *twin = three_left("1");
    const double *a, *b;

    (void)state;
    for (int j = 0; j < COLUMNS; j++)
        shuffled[j] = columns[order[j]];
    other = table_of(shuffled, COLUMNS, ROWS, 9);
    fit_well(one, &table, &regression);
    fit_well(twin, &other, &regression);
    a = mls_arrays_find(&one->arrays, "score")->data;
    b = mls_arrays_find(&twin->arrays, "score")->data;
    for (int j = 0; j < COLUMNS; j++)
        assert_true(b[j] == a[order[j]]);
    mls_step_free(one);
    mls_step_free(twin);
    mls_table_clear(&table);
    mls_table_clear(&other);
}

/* Three constant columns: their coefficients are 0, and the last goes first. */
static void equal_columns_leave_by_their_last_name(void **state)
{
    static const double rank[] = { 1, 2, 3, 1 };
    static double same[ROWS];
    const struct cells with[] = { { "k", MLS_KIND_REAL, .real = same },
                                  { "l", MLS_KIND_REAL, .real = same },
                                  { "m", MLS_KIND_REAL, .real = same },
                                  { "z", MLS_KIND_REAL, .real = cells[1] } };
    struct mls_table table;
    struct mls_step *step = step_of(&mls_select_recursive);

    (void)state;
    for (int i = 0; i < ROWS; i++)
        same[i] = 0.1;
    table = table_of(with, 4, ROWS, 64);
    fit_well(step, &table, &regression);
    assert_memory_equal(mls_arrays_find(&step->arrays, "rank")->data, rank,
                        sizeof(rank));
    mls_step_free(step);
    mls_table_clear(&table);
}

static void what_is_not_a_number_is_refused_with_a_fix(void **state)
{
    static const char *texts[ROWS];
    static double holes[ROWS];
    struct cells with[] = { columns[0],
                            { "text", MLS_KIND_CATEGORY, .text = texts } };
    struct mls_table table;
    struct mls_step *step = step_of(&mls_select_recursive);
    struct mls_error err = { 0 };

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        texts[i] = i % 2 ? "u" : "v";
        holes[i] = i == 77 ? NAN : i;
    }
    table = table_of(with, 2, ROWS, 64);
    fit_fails(step, &table, NULL, MLS_USAGE, "", "needs a target");
    assert_false(fit_to(step, &table, &regression, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.column, "text");
    assert_non_null(strstr(err.fix, "--encode"));
    mls_table_clear(&table);

    with[1] = (struct cells){ "holes", MLS_KIND_REAL, .real = holes };
    table = table_of(with, 2, ROWS, 64);
    assert_false(fit_to(step, &table, &regression, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.column, "holes");
    assert_int_equal(err.row, 78);
    assert_non_null(strstr(err.fix, "--impute"));
    mls_table_clear(&table);

    table = table_of(columns, COLUMNS, ROWS, 64);
    set(step, "learner", "rigde");
    fit_fails(step, &table, &regression, MLS_USAGE, "", "rigde");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void leave_three(struct mls_step *step)
{
    set(step, "k", "3");
}

static void blocks_and_threads_change_nothing(void **state)
{
    (void)state;
    fits_the_same_anyhow(&mls_select_recursive, leave_three, columns, COLUMNS,
                         ROWS, &regression);
}

static void weight_2_equals_a_repeated_row(void **state)
{
    static double long_cells[COLUMNS][2 * ROWS], long_y[2 * ROWS];
    static double weight[ROWS];
    struct cells longer[COLUMNS];
    struct mls_target weighted = regression;
    struct mls_target repeated = { .task = MLS_REGRESSION, .y = long_y };
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), other;
    struct mls_step *one = three_left("1"), *twin = three_left("1");
    const double *a, *b;
    int n = 0;

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        weight[i] = 1 + i % 2;
        for (int w = 0; w < (int)weight[i]; w++, n++) {
            for (int j = 0; j < COLUMNS; j++)
                long_cells[j][n] = cells[j][i];
            long_y[n] = y[i];
        }
    }
    for (int j = 0; j < COLUMNS; j++)
        longer[j] = (struct cells){ names[j], MLS_KIND_REAL,
                                    .real = long_cells[j] };
    other = table_of(longer, COLUMNS, n, 50);
    weighted.weight = weight;
    repeated.rows = n;
    set(one, "learner", "ridge");
    set(twin, "learner", "ridge");
    fit_well(one, &table, &weighted);
    fit_well(twin, &other, &repeated);
    a = mls_arrays_find(&one->arrays, "rank")->data;
    b = mls_arrays_find(&twin->arrays, "rank")->data;
    assert_memory_equal(a, b, COLUMNS * sizeof(*a));
    mls_step_free(one);
    mls_step_free(twin);
    mls_table_clear(&table);
    mls_table_clear(&other);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 64);

    (void)state;
    survives_failing_memory(&mls_select_recursive, "learner", "auto", &table,
                            &regression);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_equal_those_of_rfe),
        cmocka_unit_test(classes_keep_the_same_columns),
        cmocka_unit_test(half_is_kept_when_k_is_not_given),
        cmocka_unit_test(the_order_of_the_columns_changes_nothing),
        cmocka_unit_test(equal_columns_leave_by_their_last_name),
        cmocka_unit_test(what_is_not_a_number_is_refused_with_a_fix),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(weight_2_equals_a_repeated_row),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, fill, NULL);
}
