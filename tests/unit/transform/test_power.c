#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 10

static const double age[ROWS] = { 22, NAN, 35, 58, 41, NAN, 29, 33, 33, 47 };
static const double fare[ROWS] = { 7.25,   71.2833, 7.925,  53.1,    NAN,
                                   8.4583, 51.8625, 21.075, 11.1333, 30.0708 };
static const double gain[ROWS] = { -3.5, 0,   12, -0.25, NAN,
                                   140,  2.5, -7, 0.5,   31 };
static const double loss[ROWS] = { -1, -2,  -40,  -3,  -2.5,
                                   -8, NAN, -1.5, -90, -4 };
static const double weight[ROWS] = { 1, 2, 1, 3, 1, 1, 2, 1, 1, 2 };
static const struct cells columns[] = {
    { "age", MLS_KIND_INTEGER, .real = age },
    { "fare", MLS_KIND_REAL, .real = fare },
    { "gain", MLS_KIND_REAL, .real = gain },
    { "loss", MLS_KIND_REAL, .real = loss },
};

static const double *learned(const struct mls_step *step, const char *name)
{
    return mls_arrays_find(&step->arrays, name)->data;
}

/* t = PowerTransformer().fit(np.c_[age, fare, gain, loss]): t.lambdas_ and
 * t.transform.  Its lambda is the place of a maximum, known to half the
 * digits. */
static void equals_power_transformer(void **state)
{
    static const double lambda[] = { -0.09365182730059658, -0.15076728220032143,
                                     0.439531697692654, 2.6260942299809686 };
    static const double want_age[ROWS] = {
        -1.7700126105243457, NAN, -0.07571646232076362, 1.711922552800507,
        0.49099072646157227, NAN, -0.7566353500575822, -0.2879370069161834,
        -0.2879370069161834, 0.975325157472979
    };
    static const double want_gain[ROWS] = {
        -0.8324395266535545, -0.13602785891586977, 0.4098715064311842,
        -0.16670786749679817, NAN, 1.904581454811533, 0.056005158688984265,
        -1.9523421389756617, -0.0850133539146649, 0.8020726260248475
    };
    static const double want_loss[ROWS] = {
        1.4387526411586065, 0.6760434094733129, -1.4497899917967394,
        0.24102954349921604, 0.43323059398408253, -0.6365371486239633, NAN,
        0.9951798261623612, -1.6515350987343924, -0.04637377512248415
    };
    struct mls_table table = table_of(columns, 4, ROWS, 3), out;
    struct mls_step *step = step_of(&mls_step_power);

    (void)state;
    fit_well(step, &table, NULL);
    for (int k = 0; k < 4; k++)
        assert_true(fabs(learned(step, "lambda")[k] - lambda[k]) < 1e-6);
    out = apply_to(step, &table);
    assert_cells(&out, "age", want_age, 1e-6);
    assert_cells(&out, "gain", want_gain, 1e-6);
    assert_cells(&out, "loss", want_loss, 1e-6);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* PowerTransformer().fit(np.repeat(X, weight, 0)).lambdas_ */
static void weights_count_rows(void **state)
{
    static const double lambda[] = { 0.2768096032268081, 0.5829482464962792,
                                     0.4292019784504933, 2.8353366002509577 };
    struct mls_target target = { .rows = ROWS, .weight = weight };
    struct mls_table table = table_of(columns, 4, ROWS, 3);
    struct mls_step *step = step_of(&mls_step_power);

    (void)state;
    fit_well(step, &table, &target);
    for (int k = 0; k < 4; k++)
        assert_true(fabs(learned(step, "lambda")[k] - lambda[k]) < 1e-6);
    mls_step_free(step);
    mls_table_clear(&table);
}

static double likelihood(double lambda, const double *x, int n)
{
    double y[ROWS], mean = 0, variance = 0, c = 0;

    for (int i = 0; i < n; i++) {
        if (x[i] >= 0)
            y[i] = (pow(x[i] + 1, lambda) - 1) / lambda;
        else
            y[i] = -(pow(1 - x[i], 2 - lambda) - 1) / (2 - lambda);
        mean += y[i] / n;
        c += copysign(log1p(fabs(x[i])), x[i]);
    }
    for (int i = 0; i < n; i++)
        variance += (y[i] - mean) * (y[i] - mean) / n;
    return -n / 2. * log(variance) + (lambda - 1) * c;
}

/* The definition, from its plain formula: no lambda around is more likely. */
static void no_lambda_is_more_likely(void **state)
{
    static const double x[] = { -3.5, 0, 12, -0.25, 140, 2.5, -7, 0.5, 31 };
    const struct cells one = { "x", MLS_KIND_REAL, .real = x };
    struct mls_table table = table_of(&one, 1, 9, 3);
    struct mls_step *step = step_of(&mls_step_power);
    double best;

    (void)state;
    fit_well(step, &table, NULL);
    best = learned(step, "lambda")[0];
    for (double d = 1e-5; d < 2; d *= 3) {
        assert_true(likelihood(best, x, 9) >= likelihood(best + d, x, 9));
        assert_true(likelihood(best, x, 9) >= likelihood(best - d, x, 9));
    }
    mls_step_free(step);
    mls_table_clear(&table);
}

static void odd_columns_stay_finite(void **state)
{
    static const double empty[] = { NAN, NAN, NAN, NAN, NAN };
    static const double far[] = { 1e6, 1e6 + 1, 1e6 + 2, 1e6 + 5, 1e6 + 50 };
    static const double huge[] = { 1e100, -1e80, 0, 1e-300, 3 };
    static const double same[] = { 4, 4, 4, 4, 4 };
    static const double two[] = { 0, 1, 0, 1, 1 };
    static const struct cells odd[] = {
        { "empty", MLS_KIND_REAL, .real = empty },
        { "far", MLS_KIND_REAL, .real = far },
        { "huge", MLS_KIND_REAL, .real = huge },
        { "same", MLS_KIND_REAL, .real = same },
        { "two", MLS_KIND_REAL, .real = two },
    };
    struct mls_table table = table_of(odd, 5, 5, 3), out;
    struct mls_step *step = step_of(&mls_step_power);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    for (int j = 1; j < 5; j++) {
        double *x = reals_of(&out, odd[j].name);

        for (int i = 0; i < 5; i++)
            assert_true(isfinite(x[i]));
        mls_free(x);
    }
    assert_true(learned(step, "lambda")[3] == 1);
    mls_table_clear(&out);
    set(step, "standardize", "false");
    fit_well(step, &table, NULL);
    assert_true(learned(step, "shift")[1] == 0);
    assert_true(learned(step, "scale")[1] == 1);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void values_at_the_ends_of_doubles_are_refused(void **state)
{
    static const double huge[] = { -1.7e308, 1.7e308, 0 };
    const struct cells one = { "huge", MLS_KIND_REAL, .real = huge };
    struct mls_table table = table_of(&one, 1, 3, 3);
    struct mls_step *step = step_of(&mls_step_power);

    (void)state;
    fit_fails(step, &table, NULL, MLS_DATA, "huge", "too large");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void blocks_and_threads_change_nothing(void **state)
{
    enum { MANY = 3001 };
    static double a[MANY], w[MANY];
    const struct cells with[] = { { "a", MLS_KIND_REAL, .real = a } };
    struct mls_target target = { .rows = MANY, .weight = w };

    (void)state;
    for (int i = 0; i < MANY; i++) {
        a[i] = i % 7 == 0 ? NAN : sin(i) * 1e3;
        w[i] = 1 + i % 5 * 0.3;
    }
    fits_the_same_anyhow(&mls_step_power, NULL, with, 1, MANY, &target);
}

static void arrays_that_lie_are_refused(void **state)
{
    static const char *const names[] = { "lambda", "shift", "scale" };
    struct mls_table table = table_of(columns, 4, ROWS, 3);
    struct mls_step *step = step_of(&mls_step_power), *copy;

    (void)state;
    fit_well(step, &table, NULL);
    for (int i = 0; i < 3; i++) {
        copy = loaded(step);
        ((double *)array_of(copy, names[i]))[1] = NAN;
        is_refused(copy, &table.schema);
    }
    copy = loaded(step);
    ((double *)array_of(copy, "scale"))[0] = 0;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 4, ROWS, 3);

    (void)state;
    survives_failing_memory(&mls_step_power, NULL, NULL, &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_power_transformer),
        cmocka_unit_test(weights_count_rows),
        cmocka_unit_test(no_lambda_is_more_likely),
        cmocka_unit_test(odd_columns_stay_finite),
        cmocka_unit_test(values_at_the_ends_of_doubles_are_refused),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
