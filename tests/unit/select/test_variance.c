#include "unit/transform/tables.h"

#include "select/select.h"

#define ROWS 10

static const double age[ROWS] = { 22, NAN, 35, 58, 41, NAN, 29, 33, 33, 47 };
static const double fare[ROWS] = { 7.25,   71.2833, 7.925,  53.1,    NAN,
                                   8.4583, 51.8625, 21.075, 11.1333, 30.0708 };
static const double same[ROWS] = { 0.1, 0.1, 0.1, NAN, 0.1,
                                   0.1, 0.1, 0.1, 0.1, 0.1 };
static const double empty[ROWS] = { NAN, NAN, NAN, NAN, NAN,
                                    NAN, NAN, NAN, NAN, NAN };
static const char *const city[ROWS] = { "a", "a", "a", "a", "a",
                                        "a", "a", "a", "a", "a" };
static const struct cells columns[] = {
    { "age", MLS_KIND_INTEGER, .real = age },
    { "city", MLS_KIND_CATEGORY, .text = city },
    { "empty", MLS_KIND_REAL, .real = empty },
    { "fare", MLS_KIND_REAL, .real = fare },
    { "same", MLS_KIND_REAL, .real = same },
};

static double score_of(const struct mls_step *step, int64_t k)
{
    const double *score = mls_arrays_find(&step->arrays, "score")->data;

    return score[k];
}

static void the_tables_of_params_are_sound(void **state)
{
    (void)state;
    for (int i = 0; mls_selectors[i]; i++) {
        const struct mls_step_type *type = mls_selectors[i];

        assert_string_equal(type->family, "select");
        assert_null(type->primary);
        assert_null(type->apply);
        assert_non_null(type->summary);
        assert_non_null(type->source);
        assert_ptr_equal(mls_step_type_find(mls_selectors, type->name), type);
        for (const struct mls_param *p = type->params; p->name; p++) {
            assert_non_null(p->help);
            assert_true(p->help[strlen(p->help) - 1] != '.');
            assert_string_not_equal(p->name, "columns");
        }
    }
}

/* VarianceThreshold().fit(np.c_[age, fare]).variances_ */
static void scores_equal_those_of_variance_threshold(void **state)
{
    struct mls_table table = table_of(columns, 5, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_select_variance);

    (void)state;
    fit_well(step, &table, NULL);
    assert_int_equal(step->input_count, 4);
    assert_true(fabs(score_of(step, 0) - 110.1875) < 1e-12);
    assert_true(isnan(score_of(step, 1)));
    assert_true(fabs(score_of(step, 2) - 512.6203431209875) < 1e-11);
    assert_true(score_of(step, 3) == 0);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "age city fare");
    assert_ptr_equal(out.blocks[0]->columns[0], table.blocks[0]->columns[0]);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_threshold_must_be_passed(void **state)
{
    struct mls_table table = table_of(columns, 5, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_select_variance);

    (void)state;
    set(step, "threshold", "110.1875");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "city fare");
    mls_table_clear(&out);
    set(step, "columns", "same,age");
    set(step, "threshold", "110");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "age city empty fare");
    describes_as(step, "{\"columns\":[{\"name\":\"age\",\"score\":110.1875,"
                       "\"kept\":true},{\"name\":\"same\",\"score\":0,"
                       "\"kept\":false}]}");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void weight_2_equals_a_repeated_row(void **state)
{
    static const double weight[] = { 2, 1, 3 }, x[] = { 1, 2.5, 7 };
    static const double repeated[] = { 1, 1, 2.5, 7, 7, 7 };
    const struct cells a = { "x", MLS_KIND_REAL, .real = x };
    const struct cells b = { "x", MLS_KIND_REAL, .real = repeated };
    struct mls_target target = { .rows = 3, .weight = weight };
    struct mls_table short_table = table_of(&a, 1, 3, 2);
    struct mls_table long_table = table_of(&b, 1, 6, 4);
    struct mls_step *one = step_of(&mls_select_variance);
    struct mls_step *two = step_of(&mls_select_variance);

    (void)state;
    fit_well(one, &short_table, &target);
    fit_well(two, &long_table, NULL);
    assert_true(fabs(score_of(one, 0) - score_of(two, 0)) < 1e-12);
    mls_step_free(one);
    mls_step_free(two);
    mls_table_clear(&short_table);
    mls_table_clear(&long_table);
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
    fits_the_same_anyhow(&mls_select_variance, NULL, with, 2, MANY, NULL);
}

static void arrays_that_lie_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 5, ROWS, 4);
    struct mls_step *step = step_of(&mls_select_variance), *copy;
    struct mls_error err;

    (void)state;
    fit_well(step, &table, NULL);
    copy = loaded(step);
    ((uint8_t *)array_of(copy, "keep"))[0] = 2;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    copy = loaded(step);
    assert_non_null(mls_arrays_add1(&copy->arrays, "rank", MLS_F64, 1, &err));
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 5, ROWS, 4);

    (void)state;
    survives_failing_memory(&mls_select_variance, NULL, NULL, &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_of_params_are_sound),
        cmocka_unit_test(scores_equal_those_of_variance_threshold),
        cmocka_unit_test(a_threshold_must_be_passed),
        cmocka_unit_test(weight_2_equals_a_repeated_row),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
