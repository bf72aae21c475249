#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 12

static const char *const city[ROWS] = { "a", "b", "a",  NULL, "c", "b",
                                        "a", "b", NULL, "a",  "d", "b" };
static const double real_y[ROWS] = { 1.5, 2, 3, -1, 7, 2.5, 0, 4, 5, 2, 8, 3 };
static const double binary_y[ROWS] = { 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 1 };
static const double class_y[ROWS] = { 0, 1, 2, 0, 1, 2, 0, 1, 2, 2, 0, 1 };
static const double weight[ROWS] = { 1, 2, 1, 3, 1, 1, 2, 1, 1, 2, 1, 1 };
static const struct cells columns[] = {
    { "city", MLS_KIND_CATEGORY, .text = city },
};

/* One encoding a level, a b c d and the missing one, spread over the rows. */
static void assert_encoding(const struct mls_table *out, const char *name,
                            const double encoding[5])
{
    double want[ROWS];

    for (int i = 0; i < ROWS; i++)
        want[i] = encoding[city[i] ? city[i][0] - 'a' : 4];
    assert_cells(out, name, want, 1e-14);
}

static void check_encoding(const struct mls_target *target, const char *smooth,
                           const char *const *names, int outputs,
                           const double (*encoding)[5])
{
    struct mls_table table = table_of(columns, 1, ROWS, 5), out;
    struct mls_step *step = step_of(&mls_step_target);

    set(step, "smooth", smooth);
    fit_well(step, &table, target);
    out = apply_to(step, &table);
    assert_int_equal(out.schema.count, outputs);
    for (int o = 0; o < outputs; o++)
        assert_encoding(&out, names[o], encoding[o]);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* X = [[c or "missing"] for c in city]
 * TargetEncoder(target_type=..., smooth=...).fit(X, y).encodings_ */
static void new_rows_equal_target_encoder(void **state)
{
    static const char *const one[] = { "city" };
    static const char *const three[] = { "city:low", "city:mid", "city:top" };
    static char low[] = "low", mid[] = "mid", top[] = "top";
    char *names[] = { low, mid, top };
    const struct mls_list labels = { names, 3 };
    static const double real_auto[][5] = {
        { 1.6899538106235565, 2.87943562014194, 7, 8, 2.4520283322601415 }
    };
    static const double real_2[][5] = {
        { 2.111111111111111, 2.9444444444444446, 4.388888888888889,
          4.722222222222222, 2.541666666666667 }
    };
    static const double binary_auto[][5] = {
        { 0.3038922155688623, 1, 1, 0, 0.5283018867924528 }
    };
    static const double class_auto[][5] = {
        { 0.4634146341463415, 0, 0, 1, 0.44 },
        { 0, 0.6774193548387096, 1, 0, 0 },
        { 0.4634146341463415, 0.2645161290322581, 0, 0, 0.44 }
    };
    struct mls_target target = { .task = MLS_REGRESSION, .rows = ROWS,
                                 .y = real_y };

    (void)state;
    check_encoding(&target, "auto", one, 1, real_auto);
    check_encoding(&target, "2", one, 1, real_2);
    target = (struct mls_target){ .task = MLS_BINARY, .rows = ROWS,
                                  .classes = 2, .y = binary_y };
    check_encoding(&target, "auto", one, 1, binary_auto);
    target = (struct mls_target){ .task = MLS_MULTICLASS, .rows = ROWS,
                                  .classes = 3, .y = class_y,
                                  .labels = &labels };
    check_encoding(&target, "auto", three, 3, class_auto);
}

/* TargetEncoder().fit(np.repeat(X, weight, 0), np.repeat(y, weight)) */
static void weights_count_rows(void **state)
{
    static const double want[] = { 1.44299743, 2.6930959, 7, 8, 0.87103443 };
    struct mls_target target = { .task = MLS_REGRESSION, .rows = ROWS,
                                 .y = real_y, .weight = weight };
    struct mls_table table = table_of(columns, 1, ROWS, 5);
    struct mls_step *step = step_of(&mls_step_target);
    const double *got;

    (void)state;
    fit_well(step, &table, &target);
    got = mls_arrays_find(&step->arrays, "encoding")->data;
    for (int i = 0; i < 4; i++)
        assert_true(fabs(got[i] - want[i]) < 1e-8);
    got = mls_arrays_find(&step->arrays, "missing")->data;
    assert_true(fabs(got[0] - want[4]) < 1e-8);
    mls_step_free(step);
    mls_table_clear(&table);
}

static double *training_cells(const struct mls_table *table, const double *y,
                              int64_t rows)
{
    struct mls_target target = { .task = MLS_REGRESSION, .rows = rows,
                                 .y = y };
    struct mls_step *step = step_of(&mls_step_target);
    struct mls_table out = { 0 };
    struct mls_error err;
    double *cells;

    fit_well(step, table, &target);
    assert_true(mls_step_apply_training(step, table, NULL, &out, &err));
    assert_int_equal(step->training.count, 0);
    cells = reals_of(&out, "city");
    mls_table_clear(&out);
    mls_step_free(step);
    return cells;
}

static void a_training_row_does_not_see_its_own_target(void **state)
{
    double y[ROWS];
    struct mls_table table = table_of(columns, 1, ROWS, 5);
    double *before, *after;
    int others = 0;

    (void)state;
    memcpy(y, real_y, sizeof y);
    before = training_cells(&table, y, ROWS);
    for (int i = 0; i < ROWS; i++) {
        y[i] += 100;
        after = training_cells(&table, y, ROWS);
        assert_true(after[i] == before[i]);
        for (int j = 0; j < ROWS; j++)
            others += after[j] != before[j];
        mls_free(after);
        y[i] = real_y[i];
    }
    assert_true(others > 3 * ROWS);
    mls_free(before);
    mls_table_clear(&table);
}

/* Noise as target: its encoding must not correlate with it in training. */
static void noise_stays_noise(void **state)
{
    enum { MANY = 2000, LEVELS = 60 };
    static const char *cells[MANY];
    static char texts[LEVELS][8];
    static double y[MANY];
    const struct cells with[] = {
        { "city", MLS_KIND_CATEGORY, .text = cells }
    };
    struct mls_table table;
    double *x, mean = 0, xy = 0, xx = 0, yy = 0;

    (void)state;
    for (int i = 0; i < LEVELS; i++)
        snprintf(texts[i], sizeof texts[i], "l%d", i);
    for (int i = 0; i < MANY; i++) {
        cells[i] = texts[i * 7 % LEVELS];
        y[i] = sin(i * (double)i);
    }
    table = table_of(with, 1, MANY, 300);
    x = training_cells(&table, y, MANY);
    for (int i = 0; i < MANY; i++)
        mean += x[i] / MANY;
    for (int i = 0; i < MANY; i++) {
        xy += (x[i] - mean) * y[i];
        xx += (x[i] - mean) * (x[i] - mean);
        yy += y[i] * y[i];
    }
    /* 4 standard errors; encoded by all rows it would be about 0.17. */
    assert_true(xy / sqrt(xx * yy) < 4 / sqrt(MANY));
    mls_free(x);
    mls_table_clear(&table);
}

static void blocks_do_not_change_the_folds(void **state)
{
    struct mls_table a = table_of(columns, 1, ROWS, 5);
    struct mls_table b = table_of(columns, 1, ROWS, ROWS);
    double *x = training_cells(&a, real_y, ROWS);
    double *y = training_cells(&b, real_y, ROWS);

    (void)state;
    assert_memory_equal(x, y, ROWS * sizeof *x);
    mls_free(x);
    mls_free(y);
    mls_table_clear(&a);
    mls_table_clear(&b);
}

static void a_level_not_seen_gets_the_mean(void **state)
{
    static const char *const later[] = { "e", "c" };
    const struct cells with[] = {
        { "city", MLS_KIND_CATEGORY, .text = later }
    };
    struct mls_target target = { .task = MLS_REGRESSION, .rows = ROWS,
                                 .y = real_y };
    struct mls_table table = table_of(columns, 1, ROWS, 5);
    struct mls_table next = table_of(with, 1, 2, 2), out;
    struct mls_step *step = step_of(&mls_step_target), *copy;
    struct mls_error err;
    static const double want[] = { 3.0833333333333335, 7 };

    (void)state;
    fit_well(step, &table, &target);
    copy = loaded(step);
    assert_true(mls_step_restore(copy, &next.schema, &err));
    out = apply_to(copy, &next);
    assert_cells(&out, "city", want, 1e-14);
    mls_table_clear(&out);
    mls_step_free(copy);
    mls_step_free(step);
    mls_table_clear(&next);
    mls_table_clear(&table);
}

static void without_a_target_it_cannot_be_fitted(void **state)
{
    struct mls_table table = table_of(columns, 1, ROWS, 5);
    struct mls_step *step = step_of(&mls_step_target);

    (void)state;
    fit_fails(step, &table, NULL, MLS_USAGE, "", "needs a target");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void arrays_that_lie_are_refused(void **state)
{
    static const char *const names[] = { "encoding", "missing", "mean" };
    struct mls_target target = { .task = MLS_MULTICLASS, .rows = ROWS,
                                 .classes = 3, .y = class_y };
    struct mls_table table = table_of(columns, 1, ROWS, 5);
    struct mls_step *step = step_of(&mls_step_target), *copy;

    (void)state;
    fit_well(step, &table, &target);
    for (int i = 0; i < 3; i++) {
        copy = loaded(step);
        ((double *)array_of(copy, names[i]))[0] = NAN;
        is_refused(copy, &table.schema);
    }
    copy = loaded(step);
    ((int64_t *)array_of(copy, "class.offsets"))[1] = -1;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((int64_t *)array_of(copy, "first"))[1] = 3;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_target target = { .task = MLS_MULTICLASS, .rows = ROWS,
                                 .classes = 3, .y = class_y };
    struct mls_table table = table_of(columns, 1, ROWS, 5);

    (void)state;
    survives_failing_memory(&mls_step_target, NULL, NULL, &table, &target);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_rows_equal_target_encoder),
        cmocka_unit_test(weights_count_rows),
        cmocka_unit_test(a_training_row_does_not_see_its_own_target),
        cmocka_unit_test(noise_stays_noise),
        cmocka_unit_test(blocks_do_not_change_the_folds),
        cmocka_unit_test(a_level_not_seen_gets_the_mean),
        cmocka_unit_test(without_a_target_it_cannot_be_fitted),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
