#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 10

static const double age[ROWS] = { 22, NAN, 35, 58, 41, NAN, 29, 33, 33, 47 };
static const double fare[ROWS] = { 7.25,   71.2833, 7.925,  53.1,    NAN,
                                   8.4583, 51.8625, 21.075, 11.1333, 30.0708 };
static const double nothing[ROWS] = { NAN, NAN, NAN, NAN, NAN,
                                      NAN, NAN, NAN, NAN, NAN };
static const char *const city[ROWS] = { "Oslo", NULL,     "Bergen", "Aas",
                                        "Aas",  "Bergen", "Oslo",   NULL,
                                        "Aas",  "Oslo" };

static const struct cells columns[] = {
    { "age", MLS_KIND_INTEGER, .real = age },
    { "city", MLS_KIND_CATEGORY, .text = city },
    { "fare", MLS_KIND_REAL, .real = fare },
};

static double fill_of(const struct mls_step *step, int64_t k)
{
    const double *fill = mls_arrays_find(&step->arrays, "fill")->data;

    return fill[k];
}

/* sklearn.impute.SimpleImputer(strategy=...).fit(X).statistics_ */
static void fills_equal_those_of_simple_imputer(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_impute);

    (void)state;
    fit_well(step, &table, NULL);
    assert_int_equal(step->input_count, 2);
    assert_true(fill_of(step, 0) == 34.0);
    assert_true(fill_of(step, 1) == 21.075);
    set(step, "strategy", "mean");
    fit_well(step, &table, NULL);
    assert_true(fabs(fill_of(step, 0) - 37.25) < 1e-14);
    assert_true(fabs(fill_of(step, 1) - 29.128688888888885) < 1e-13);
    set(step, "strategy", "mode");
    fit_well(step, &table, NULL);
    assert_int_equal(step->input_count, 3);
    assert_true(fill_of(step, 0) == 33);
    assert_true(fill_of(step, 2) == 7.25);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void only_missing_cells_change(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 3), out;
    struct mls_step *step = step_of(&mls_step_impute);
    double want[ROWS];

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "age city fare");
    for (int i = 0; i < ROWS; i++)
        want[i] = isnan(age[i]) ? 34 : age[i];
    assert_cells(&out, "age", want, 0);
    for (int i = 0; i < ROWS; i++)
        want[i] = isnan(fare[i]) ? 21.075 : fare[i];
    assert_cells(&out, "fare", want, 0);
    /* Blocks in which nothing was missing are shared, not copied. */
    assert_ptr_equal(out.blocks[2]->columns[0], table.blocks[2]->columns[0]);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_whole_fill_leaves_integers_integers(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, ROWS), out;
    struct mls_step *step = step_of(&mls_step_impute);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_int_equal(field_named(&out, "age")->kind, MLS_KIND_INTEGER);
    mls_table_clear(&out);
    set(step, "strategy", "mean");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_int_equal(field_named(&out, "age")->kind, MLS_KIND_REAL);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void the_mode_of_a_category_is_the_first_of_the_commonest(void **state)
{
    /* Aas and Oslo are there three times each. */
    static const double want[ROWS] = { 2, 0, 1, 0, 0, 1, 2, 0, 0, 2 };
    struct mls_table table = table_of(columns, 3, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_impute);

    (void)state;
    set(step, "strategy", "mode");
    set(step, "columns", "city");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "city", want, 0);
    assert_int_equal(field_named(&out, "city")->kind, MLS_KIND_CATEGORY);
    describes_as(step, "{\"columns\":[{\"name\":\"city\",\"fill\":\"Aas\","
                       "\"indicator\":false}]}");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void an_indicator_marks_what_was_missing(void **state)
{
    static const double full[ROWS] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
    static const double holes[ROWS] = { 0, 1, 0, 0, 0, 1, 0, 0, 0, 0 };
    const struct cells with[] = { columns[0],
                                  { "full", MLS_KIND_REAL, .real = full } };
    struct mls_table table = table_of(with, 2, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_impute);

    (void)state;
    set(step, "indicator", "true");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "age age:missing full");
    assert_cells(&out, "age:missing", holes, 0);
    assert_int_equal(out.blocks[0]->columns[1]->storage, MLS_STORE_SPARSE);
    comes_back(step, &table);
    mls_table_clear(&out);

    /* The indicator alone. */
    set(step, "strategy", "none");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "age age:missing full");
    assert_cells(&out, "age", age, 0);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_constant_goes_where_it_is_a_value(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_impute);
    double want[ROWS];

    (void)state;
    set(step, "strategy", "constant");
    fit_fails(step, &table, NULL, MLS_USAGE, "", "needs a value");
    set(step, "value", "-1.5");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    for (int i = 0; i < ROWS; i++)
        want[i] = isnan(age[i]) ? -1.5 : age[i];
    assert_cells(&out, "age", want, 0);
    mls_table_clear(&out);

    set(step, "columns", "city");
    fit_fails(step, &table, NULL, MLS_DATA, "city", "\"-1.5\" is no level");
    set(step, "value", "Bergen");
    fit_well(step, &table, NULL);
    assert_true(fill_of(step, 0) == 1);
    set(step, "columns", "age");
    fit_fails(step, &table, NULL, MLS_DATA, "age",
              "\"Bergen\" is not a number");
    set(step, "strategy", "median");
    fit_fails(step, &table, NULL, MLS_USAGE, "", "constant only");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_median_of_a_category_is_refused(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_impute);

    (void)state;
    set(step, "columns", "age,city");
    fit_fails(step, &table, NULL, MLS_DATA, "city", "no median");
    mls_step_free(step);
    mls_table_clear(&table);
}

struct said {
    int count;
    char text[200];
};

static void hear(void *context, enum mls_level level, const char *text)
{
    struct said *said = context;

    (void)level;
    said->count++;
    snprintf(said->text, sizeof(said->text), "%s", text);
}

static void a_column_without_values_is_filled_with_0_and_said(void **state)
{
    const struct cells with[] = { { "empty", MLS_KIND_REAL, .real = nothing },
                                  columns[0],
                                  { "void", MLS_KIND_REAL, .real = nothing } };
    struct mls_table table = table_of(with, 3, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_impute);
    struct said said = { 0 };
    struct mls_run run;
    struct mls_error err;

    (void)state;
    assert_true(mls_run_init(&run, 1, &err));
    run.context = &said;
    run.message = hear;
    assert_true(fit_to(step, &table, NULL, &run, &err));
    assert_true(fill_of(step, 0) == 0 && fill_of(step, 2) == 0);
    assert_int_equal(said.count, 1);
    assert_string_equal(said.text,
                        "step impute: column \"empty\" (and 1 more) has no "
                        "value in the training rows: filled with 0");
    mls_run_clear(&run);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* Rows 0 .. 9 with weights, and the same rows repeated. */
static void weight_2_equals_a_repeated_row(void **state)
{
    static const double weight[ROWS] = { 2, 1, 1, 2, 1, 1, 3, 1, 1, 1 };
    static const char *const strategies[] = { "median", "mean", "mode" };
    double long_age[14], long_fare[14];
    struct cells longer[] = { { "age", MLS_KIND_INTEGER, .real = long_age },
                              { "fare", MLS_KIND_REAL, .real = long_fare } };
    const struct cells shorter[] = { columns[0], columns[2] };
    struct mls_target target = { .rows = ROWS, .weight = weight };
    struct mls_table table = table_of(shorter, 2, ROWS, 4), repeated;
    int n = 0;

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        for (int w = 0; w < (int)weight[i]; w++, n++) {
            long_age[n] = age[i];
            long_fare[n] = fare[i];
        }
    }
    repeated = table_of(longer, 2, n, 5);
    for (int s = 0; s < 3; s++) {
        struct mls_step *a = step_of(&mls_step_impute);
        struct mls_step *b = step_of(&mls_step_impute);

        set(a, "strategy", strategies[s]);
        set(b, "strategy", strategies[s]);
        fit_well(a, &table, &target);
        fit_well(b, &repeated, NULL);
        for (int k = 0; k < 2; k++)
            assert_true(fabs(fill_of(a, k) - fill_of(b, k)) < 1e-9);
        mls_step_free(a);
        mls_step_free(b);
    }
    mls_table_clear(&repeated);
    mls_table_clear(&table);
}

static void use_mean(struct mls_step *step)
{
    set(step, "strategy", "mean");
    set(step, "indicator", "true");
}

static void blocks_and_threads_change_nothing(void **state)
{
    enum { MANY = 9001 };
    static double a[MANY], b[MANY];
    const struct cells with[] = { { "a", MLS_KIND_REAL, .real = a },
                                  { "b", MLS_KIND_REAL, .real = b } };

    (void)state;
    for (int i = 0; i < MANY; i++) {
        a[i] = i % 7 == 0 ? NAN : sin(i) * 1e6;
        b[i] = exp(cos(i * 3.0) * 20);
    }
    fits_the_same_anyhow(&mls_step_impute, use_mean, with, 2, MANY, NULL);
}

static void sparse_columns_are_left_alone_unless_named(void **state)
{
    static const double zero[ROWS] = { 0, 0, NAN, 0, 4, 0, 0, 0, 0, 0 };
    static const double want[ROWS] = { 0, 0, 0, 0, 4, 0, 0, 0, 0, 0 };
    const struct cells with[] = {
        { "s", MLS_KIND_REAL, .real = zero, .sparse = true }
    };
    struct mls_table table = table_of(with, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_impute);

    (void)state;
    fit_well(step, &table, NULL);
    assert_int_equal(step->input_count, 0);
    set(step, "columns", "s");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "s", want, 0);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void arrays_that_lie_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_impute), *copy;
    struct mls_error err;

    (void)state;
    set(step, "strategy", "mode");
    fit_well(step, &table, NULL);
    comes_back(step, &table);
    static const double codes[] = { 3, -1, 0.5, INFINITY, 4294967295.0 };

    for (int i = 0; i < 5; i++) {
        copy = loaded(step);
        ((double *)array_of(copy, "fill"))[1] = codes[i];
        is_refused(copy, &table.schema);
    }
    copy = loaded(step);
    ((double *)array_of(copy, "fill"))[0] = INFINITY;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((uint8_t *)array_of(copy, "indicator"))[2] = 2;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    assert_non_null(mls_arrays_add1(&copy->arrays, "fill", MLS_F64, 2, &err));
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 4);

    (void)state;
    survives_failing_memory(&mls_step_impute, "indicator", "true", &table,
                            NULL);
    survives_failing_memory(&mls_step_impute, "strategy", "mode", &table,
                            NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_equal_those_of_simple_imputer),
        cmocka_unit_test(only_missing_cells_change),
        cmocka_unit_test(a_whole_fill_leaves_integers_integers),
        cmocka_unit_test(the_mode_of_a_category_is_the_first_of_the_commonest),
        cmocka_unit_test(an_indicator_marks_what_was_missing),
        cmocka_unit_test(a_constant_goes_where_it_is_a_value),
        cmocka_unit_test(a_median_of_a_category_is_refused),
        cmocka_unit_test(a_column_without_values_is_filled_with_0_and_said),
        cmocka_unit_test(weight_2_equals_a_repeated_row),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(sparse_columns_are_left_alone_unless_named),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
