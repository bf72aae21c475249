#include "unit/transform/tables.h"

#include "select/select.h"

/*
 * The data is that of test_recursive.c; in Python, with
 *
 *   Z = StandardScaler().fit_transform(X)
 *   largest = abs(Z.T @ (y - y.mean())).max()
 *   penalties = largest * 0.01 ** (arange(100) / 99)
 *
 * the number of the first penalty with a coefficient that is not 0:
 *
 *   numbers  lasso_path(Z, y - y.mean(), alphas=penalties / 200, tol=1e-14)
 *   classes  LogisticRegression(penalty="l1", solver="saga", C=1 / penalty,
 *            tol=1e-12) on y > 0.7; of three classes each against the rest
 *
 * of scikit-learn 1.9.1; -1: none.
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


/* The score of a column that enters at the k-th penalty. */
static double score_at(int k)
{
    return k < 0 ? 0 : pow(0.01, k / 99.0);
}

static void scores_are(const struct mls_target *target, const int *entry)
{
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64);
    struct mls_step *step = step_of(&mls_select_lasso_path);
    const double *score;

    fit_well(step, &table, target);
    score = mls_arrays_find(&step->arrays, "score")->data;
    for (int j = 0; j < COLUMNS; j++) {
        if (!(fabs(score[j] - score_at(entry[j])) <= 1e-12))
            fail_msg("column %s: %.17g is not %.17g", names[j], score[j],
                     score_at(entry[j]));
    }
    comes_back(step, &table);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void numbers_enter_as_in_scikit_learn(void **state)
{
    static const int entry[] = { 25, 1, 67, 5, 88, 18, 32, 96 };

    (void)state;
    scores_are(&regression, entry);
}

static void classes_enter_as_in_scikit_learn(void **state)
{
    static const int entry[] = { 24, 1, 50, 8, -1, 20, 24, 69 };
    static const int best_of_three[] = { 27, 1, 23, 1, 47, 7, 19, 29 };

    (void)state;
    scores_are(&binary, entry);
    scores_are(&multiclass, best_of_three);
}

static void the_first_to_enter_are_kept(void **state)
{
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), out;
    struct mls_step *step = step_of(&mls_select_lasso_path);

    (void)state;
    set(step, "k", "3");
    fit_well(step, &table, &regression);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "b d f");
    mls_table_clear(&out);
    /* One that never enters is not kept, however many are asked for. */
    set(step, "k", "20");
    fit_well(step, &table, &binary);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "a b c d f g h");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* A weight of 3 is three rows. */
static void weights_count_rows(void **state)
{
    static double many[COLUMNS][3 * ROWS], many_y[3 * ROWS], w[ROWS];
    struct cells repeated[COLUMNS];
    struct mls_target weighted = binary, plain = binary;
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), other;
    struct mls_step *one = step_of(&mls_select_lasso_path);
    struct mls_step *twin = step_of(&mls_select_lasso_path);
    const double *a, *b;
    int64_t at = 0;

    (void)state;
    for (int64_t i = 0; i < ROWS; i++) {
        w[i] = (double)(1 + i % 3);
        for (int64_t k = 0; k < 1 + i % 3; k++, at++) {
            many_y[at] = two[i];
            for (int j = 0; j < COLUMNS; j++)
                many[j][at] = cells[j][i];
        }
    }
    for (int j = 0; j < COLUMNS; j++)
        repeated[j] = (struct cells){ names[j], MLS_KIND_REAL,
                                      .real = many[j] };
    other = table_of(repeated, COLUMNS, at, 64);
    weighted.weight = w;
    plain.y = many_y;
    plain.rows = at;
    fit_well(one, &table, &weighted);
    fit_well(twin, &other, &plain);
    a = mls_arrays_find(&one->arrays, "score")->data;
    b = mls_arrays_find(&twin->arrays, "score")->data;
    for (int j = 0; j < COLUMNS; j++)
        assert_true(fabs(a[j] - b[j]) <= 1e-9);
    mls_step_free(one);
    mls_step_free(twin);
    mls_table_clear(&table);
    mls_table_clear(&other);
}

static void keep_three(struct mls_step *step)
{
    set(step, "k", "3");
}

static void blocks_and_threads_change_nothing(void **state)
{
    (void)state;
    fits_the_same_anyhow(&mls_select_lasso_path, keep_three, columns, COLUMNS,
                         ROWS, &regression);
    fits_the_same_anyhow(&mls_select_lasso_path, keep_three, columns, COLUMNS,
                         ROWS, &binary);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 64);

    (void)state;
    survives_failing_memory(&mls_select_lasso_path, "k", "2", &table,
                            &regression);
    survives_failing_memory(&mls_select_lasso_path, "k", "2", &table, &binary);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_enter_as_in_scikit_learn),
        cmocka_unit_test(classes_enter_as_in_scikit_learn),
        cmocka_unit_test(the_first_to_enter_are_kept),
        cmocka_unit_test(weights_count_rows),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, fill, NULL);
}
