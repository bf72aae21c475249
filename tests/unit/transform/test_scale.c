#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 10

static const double age[ROWS] = { 22, NAN, 35, 58, 41, NAN, 29, 33, 33, 47 };
static const double fare[ROWS] = { 7.25,   71.2833, 7.925,  53.1,    NAN,
                                   8.4583, 51.8625, 21.075, 11.1333, 30.0708 };
static const struct cells columns[] = {
    { "age", MLS_KIND_INTEGER, .real = age },
    { "fare", MLS_KIND_REAL, .real = fare },
};

static double learned(const struct mls_step *step, const char *name, int64_t k)
{
    const double *values = mls_arrays_find(&step->arrays, name)->data;

    return values[k];
}

/* sklearn.preprocessing.StandardScaler().fit_transform(np.c_[age, fare]) */
static void standard_equals_standard_scaler(void **state)
{
    static const double want_age[ROWS] = {
        -1.4527928001000998, NAN, -0.21434647870329343, 1.9767508591525949,
        0.3572441311721557, NAN, -0.7859370885787426, -0.4048766819951098,
        -0.4048766819951098, 0.9288347410476049
    };
    static const double want_fare[ROWS] = {
        -0.9663253534135434, 1.8618606300783533, -0.9365123414516887,
        1.0587510887361424, NAN, -0.9129578536305673, 1.0040939001394087,
        -0.35571070100963054, -0.7948099914113651, 0.04161062196289164
    };
    struct mls_table table = table_of(columns, 2, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "age fare");
    assert_cells(&out, "age", want_age, 1e-14);
    assert_cells(&out, "fare", want_fare, 1e-14);
    assert_int_equal(field_named(&out, "age")->kind, MLS_KIND_REAL);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* StandardScaler().fit(X, sample_weight=weight): mean_ and scale_ */
static void weights_equal_those_of_standard_scaler(void **state)
{
    static const double weight[ROWS] = { 1, 2, 1, 3, 1, 1, 2, 1, 1, 2 };
    struct mls_target target = { .rows = ROWS, .weight = weight };
    struct mls_table table = table_of(columns, 2, ROWS, 3);
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    fit_well(step, &table, &target);
    assert_true(fabs(learned(step, "shift", 0) - 40.833333333333336) < 1e-13);
    assert_true(fabs(learned(step, "shift", 1) - 37.255342857142864) < 1e-13);
    assert_true(fabs(learned(step, "scale", 0) - 12.081896466292955) < 1e-13);
    assert_true(fabs(learned(step, "scale", 1) - 22.5720442040501) < 1e-13);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* MinMaxScaler((-1, 3)).fit_transform(np.c_[age, fare]) */
static void minmax_equals_min_max_scaler(void **state)
{
    static const double want_age[ROWS] = {
        -1, NAN, 0.44444444444444464, 3, 1.1111111111111112, NAN,
        -0.22222222222222232, 0.22222222222222232, 0.22222222222222232,
        1.7777777777777781
    };
    static const double want_fare[ROWS] = {
        -1, 3, -0.9578344392683182, 1.8641347548853489, NAN,
        -0.9245205229154206, 1.7868312268772653, -0.13638684871777662,
        -0.7574199674232001, 0.42555826421565035
    };
    struct mls_table table = table_of(columns, 2, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    set(step, "method", "minmax");
    set(step, "low", "-1");
    set(step, "high", "3");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "age", want_age, 1e-14);
    assert_cells(&out, "fare", want_fare, 1e-14);
    mls_table_clear(&out);
    set(step, "high", "-1");
    fit_fails(step, &table, NULL, MLS_USAGE, "", "below high");
    mls_step_free(step);
    mls_table_clear(&table);
}

/* RobustScaler().fit_transform(np.c_[age, fare]); with weights the center_ and
 * scale_ of RobustScaler().fit(np.repeat(np.c_[age, fare], weight, 0)) */
static void robust_equals_robust_scaler(void **state)
{
    static const double want_age[ROWS] = {
        -1.1428571428571428, NAN, 0.09523809523809523, 2.2857142857142856,
        0.6666666666666666, NAN, -0.47619047619047616, -0.09523809523809523,
        -0.09523809523809523, 1.2380952380952381
    };
    static const double want_fare[ROWS] = {
        -0.3185175628165016, 1.1567613272448287, -0.3029660724077393,
        0.7378318227268331, NAN, -0.29067924302256465, 0.7093207569774354, 0,
        -0.22904926251376595, 0.20725644062095372
    };
    static const double weight[ROWS] = { 1, 2, 1, 3, 1, 1, 2, 1, 1, 2 };
    struct mls_target target = { .rows = ROWS, .weight = weight };
    struct mls_table table = table_of(columns, 2, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    set(step, "method", "robust");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "age", want_age, 1e-14);
    assert_cells(&out, "fare", want_fare, 1e-14);
    comes_back(step, &table);
    mls_table_clear(&out);
    fit_well(step, &table, &target);
    assert_true(fabs(learned(step, "shift", 0) - 38) < 1e-12);
    assert_true(fabs(learned(step, "shift", 1) - 40.96665) < 1e-12);
    assert_true(fabs(learned(step, "scale", 0) - 17.75) < 1e-12);
    assert_true(fabs(learned(step, "scale", 1) - 39.481275) < 1e-12);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* MaxAbsScaler().fit_transform(np.c_[age, fare]) */
static void max_abs_equals_max_abs_scaler(void **state)
{
    static const double want_age[ROWS] = {
        0.3793103448275862, NAN, 0.603448275862069, 1, 0.7068965517241379, NAN,
        0.5, 0.5689655172413793, 0.5689655172413793, 0.8103448275862069
    };
    static const double want_fare[ROWS] = {
        0.10170685139436586, 1, 0.111176109972462, 0.7449150081435624, NAN,
        0.11865752567571927, 0.7275547007503861, 0.2956512956050015,
        0.1561838467074336, 0.42184915681513063
    };
    struct mls_table table = table_of(columns, 2, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    set(step, "method", "max_abs");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "age", want_age, 1e-15);
    assert_cells(&out, "fare", want_fare, 1e-15);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* QuantileTransformer(n_quantiles=5).fit_transform(np.c_[age, fare]) */
static void quantile_equals_quantile_transformer(void **state)
{
    static const double want_age[ROWS] = {
        0, NAN, 0.5294117647058824, 1, 0.7058823529411764, NAN, 0.175, 0.375,
        0.375, 0.8225806451612903
    };
    static const double want_fare[ROWS] = {
        0, 1, 0.13965902507655387, 0.765930085269402, NAN, 0.25, 0.75, 0.5,
        0.30300514397584155, 0.573047503045067
    };
    struct mls_table table = table_of(columns, 2, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    set(step, "method", "quantile");
    set(step, "n_quantiles", "5");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "age", want_age, 1e-14);
    assert_cells(&out, "fare", want_fare, 1e-14);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* QuantileTransformer(output_distribution="normal"), n_quantiles 10 since
 * there are 10 rows.  Only the lowest differs in the tenth digit: there it
 * takes the quantile of 1e-7 - eps, we that of its mirror image. */
static void quantile_to_normal_equals_quantile_transformer(void **state)
{
    static const double want_age[ROWS] = {
        -5.199337582605575, NAN, 0.15452857469470718, 5.19933758270342,
        0.5659488219328628, NAN, -1.0074356012873076, -0.43072729929545756,
        -0.43072729929545756, 1.0022159287727126
    };
    static const double want_fare[ROWS] = {
        -5.199337582605575, 5.19933758270342, -1.13529797984443,
        0.8913552289840427, NAN, -0.7416623270487214, 0.7577965425129856,
        0.006955742733384242, -0.3886220905148681, 0.2555299794694337
    };
    struct mls_table table = table_of(columns, 2, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    set(step, "method", "quantile");
    set(step, "output", "normal");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "age", want_age, 1e-9);
    assert_cells(&out, "fare", want_fare, 1e-9);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* QuantileTransformer().fit(np.repeat(X, weight, 0)).transform(X) */
static void quantile_counts_rows_by_their_weight(void **state)
{
    static const double want_age[ROWS] = {
        0, NAN, 0.43999999999999995, 1, 0.5454545454545454, NAN,
        0.14285714285714285, 0.3214285714285714, 0.3214285714285714,
        0.6785714285714285
    };
    static const double want_fare[ROWS] = {
        0, 1, 0.07824369676629875, 0.75, NAN, 0.1453557232624254,
        0.5714285714285714, 0.3092420687182509, 0.21962081867426148,
        0.42857142857142855
    };
    static const double weight[ROWS] = { 1, 2, 1, 3, 1, 1, 2, 1, 1, 2 };
    struct mls_target target = { .rows = ROWS, .weight = weight };
    struct mls_table table = table_of(columns, 2, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    set(step, "method", "quantile");
    fit_well(step, &table, &target);
    assert_int_equal(mls_arrays_find(&step->arrays, "quantiles")->shape[1],
                     15);
    out = apply_to(step, &table);
    assert_cells(&out, "age", want_age, 1e-13);
    assert_cells(&out, "fare", want_fare, 1e-13);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void none_passes_columns_on(void **state)
{
    struct mls_table table = table_of(columns, 2, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    set(step, "method", "none");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_ptr_equal(out.blocks[0]->columns[0], table.blocks[0]->columns[0]);
    assert_int_equal(field_named(&out, "age")->kind, MLS_KIND_INTEGER);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void constant_and_empty_columns_have_scale_1(void **state)
{
    static const double same[] = { 0.1, 0.1, NAN, 0.1 };
    static const double empty[] = { NAN, NAN, NAN, NAN };
    static const double zero[] = { 0, 0, NAN, 0 };
    const struct cells with[] = { { "empty", MLS_KIND_REAL, .real = empty },
                                  { "same", MLS_KIND_REAL, .real = same } };
    static const char *const methods[] = { "standard", "minmax", "robust",
                                           "quantile" };
    struct mls_table table = table_of(with, 2, 4, 3), out;

    (void)state;
    for (int m = 0; m < 4; m++) {
        struct mls_step *step = step_of(&mls_step_scale);

        set(step, "method", methods[m]);
        fit_well(step, &table, NULL);
        assert_true(learned(step, "scale", 0) == 1);
        assert_true(learned(step, "scale", 1) == 1);
        out = apply_to(step, &table);
        assert_cells(&out, "same", zero, 0);
        assert_cells(&out, "empty", empty, 0);
        mls_table_clear(&out);
        mls_step_free(step);
    }
    mls_table_clear(&table);
}

static void values_at_the_ends_of_doubles_are_no_trap(void **state)
{
    static const double huge[] = { -1.7e308, 1.7e308, 0 };
    static const double tiny[] = { 1e-320, 3e-320, 0 };
    const struct cells a = { "huge", MLS_KIND_REAL, .real = huge };
    const struct cells b = { "tiny", MLS_KIND_REAL, .real = tiny };
    struct mls_table table = table_of(&a, 1, 3, 3);
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    fit_fails(step, &table, NULL, MLS_DATA, "huge", "too large");
    mls_table_clear(&table);
    table = table_of(&b, 1, 3, 3);
    fit_well(step, &table, NULL);
    assert_true(learned(step, "scale", 0) > 0);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void sparse_columns_are_scaled_only_when_named(void **state)
{
    static const double bits[] = { 0, 1, 0, 1 };
    static const double want[] = { -1, 1, -1, 1 };
    const struct cells with[] = {
        { "s", MLS_KIND_REAL, .real = bits, .sparse = true }
    };
    struct mls_table table = table_of(with, 1, 4, 3), out;
    struct mls_step *step = step_of(&mls_step_scale);

    (void)state;
    fit_well(step, &table, NULL);
    assert_int_equal(step->input_count, 0);
    set(step, "columns", "s");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "s", want, 1e-15);
    assert_int_equal(out.blocks[0]->columns[0]->storage, MLS_STORE_REAL);
    comes_back(step, &table);
    describes_as(step, "{\"columns\":[{\"name\":\"s\",\"shift\":0.5,"
                       "\"scale\":0.5,\"offset\":0}]}");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void blocks_and_threads_change_nothing(void **state)
{
    enum { MANY = 9001 };
    static double a[MANY], b[MANY], weight[MANY];
    const struct cells with[] = { { "a", MLS_KIND_REAL, .real = a },
                                  { "b", MLS_KIND_REAL, .real = b } };
    struct mls_target target = { .rows = MANY, .weight = weight };

    (void)state;
    for (int i = 0; i < MANY; i++) {
        a[i] = i % 7 == 0 ? NAN : sin(i) * 1e6;
        b[i] = exp(cos(i * 3.0) * 20);
        weight[i] = 1 + i % 5 * 0.3;
    }
    fits_the_same_anyhow(&mls_step_scale, NULL, with, 2, MANY, &target);
}

static void arrays_that_lie_are_refused(void **state)
{
    static const double bad[] = { 0, -1, NAN, INFINITY };
    struct mls_table table = table_of(columns, 2, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_scale), *copy;

    (void)state;
    fit_well(step, &table, NULL);
    for (int i = 0; i < 4; i++) {
        copy = loaded(step);
        ((double *)array_of(copy, "scale"))[1] = bad[i];
        is_refused(copy, &table.schema);
    }
    copy = loaded(step);
    ((double *)array_of(copy, "shift"))[0] = NAN;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((double *)array_of(copy, "offset"))[0] = INFINITY;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void quantiles_that_lie_are_refused(void **state)
{
    static const double bad[] = { NAN, INFINITY, -1e9 };
    struct mls_table table = table_of(columns, 2, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_scale), *copy;

    (void)state;
    set(step, "method", "quantile");
    fit_well(step, &table, NULL);
    for (int i = 0; i < 3; i++) {
        copy = loaded(step);
        ((double *)array_of(copy, "quantiles"))[3] = bad[i];
        is_refused(copy, &table.schema);
    }
    mls_step_free(step);
    step = step_of(&mls_step_scale);
    fit_well(step, &table, NULL);
    copy = loaded(step);
    set(copy, "method", "quantile");    /* and no such array */
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 2, ROWS, 4);

    (void)state;
    survives_failing_memory(&mls_step_scale, NULL, NULL, &table, NULL);
    survives_failing_memory(&mls_step_scale, "method", "robust", &table, NULL);
    survives_failing_memory(&mls_step_scale, "method", "quantile", &table,
                            NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard_equals_standard_scaler),
        cmocka_unit_test(weights_equal_those_of_standard_scaler),
        cmocka_unit_test(minmax_equals_min_max_scaler),
        cmocka_unit_test(robust_equals_robust_scaler),
        cmocka_unit_test(max_abs_equals_max_abs_scaler),
        cmocka_unit_test(quantile_equals_quantile_transformer),
        cmocka_unit_test(quantile_to_normal_equals_quantile_transformer),
        cmocka_unit_test(quantile_counts_rows_by_their_weight),
        cmocka_unit_test(quantiles_that_lie_are_refused),
        cmocka_unit_test(none_passes_columns_on),
        cmocka_unit_test(constant_and_empty_columns_have_scale_1),
        cmocka_unit_test(values_at_the_ends_of_doubles_are_no_trap),
        cmocka_unit_test(sparse_columns_are_scaled_only_when_named),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
