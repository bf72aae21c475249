/*
 * Least squares against certified values, against R's and statsmodels' figures,
 * and against its own definition.
 */
#include "test.h"

#include "unit/learner/cases.h"
#include "unit/learner/nist.h"

static const struct mls_learner_type *const linear = &mls_learner_linear;

/* The powers are rounded once. */
static void nist_rows(const struct nist *c, struct rows *r)
{
    int64_t features = c->columns > 1 ? c->columns : c->degree;

    rows_new(r, c->rows, features, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < c->rows; i++) {
        const double *row = c->data + i * (c->columns + 1);
        long double power = 1;

        r->y[i] = row[0];
        for (int64_t j = 0; j < features; j++) {
            power *= row[1];
            r->data.x.data[i + j * c->rows] =
                c->columns > 1 ? row[1 + j] : (double)power;
        }
    }
}

/* Correct digits, 15 at most: no more are certified. */
static double digits(double value, double certified)
{
    double error = fabs(value - certified)
        / (certified != 0 ? fabs(certified) : 1);

    return error > 1e-15 ? -log10(error) : 15;
}

static double worst(const double *intercept, const double *values,
                    const double *certified, const struct nist *c,
                    int64_t features)
{
    double least = c->intercept ? digits(*intercept, *certified++) : 15;

    for (int64_t j = 0; j < features; j++)
        least = fmin(least, digits(values[j], certified[j]));
    return least;
}

static void certified_coefficients_and_errors_are_met(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof(nist) / sizeof(*nist); k++) {
        const struct nist *c = &nist[k];
        struct mls_model *model;
        struct rows r;
        double found;

        nist_rows(c, &r);
        model = fit_rows(linear, c->intercept ? "" : "intercept=false", &r,
                         NULL);
        found = worst(array_of(model, "intercept"), array_of(model, "coef"),
                      c->certified, c, r.data.features);
        if (!(found >= c->digits))
            fail_msg("%s: %.2f digits, not %.2f", c->name, found, c->digits);
        if (c->error_digits > 0) {
            found = worst(array_of(model, "intercept_se"),
                          array_of(model, "coef_se"), c->errors, c,
                          r.data.features);
            if (!(found >= c->error_digits)) {
                fail_msg("%s: %.2f digits of the errors, not %.2f", c->name,
                         found, c->error_digits);
            }
        }
        mls_model_free(model);
        rows_clear(&r);
    }
}

static void target_of(struct rows *r)
{
    for (int64_t i = 0; i < r->data.rows; i++) {
        r->y[i] = 2 + feature_at(i, 0) - 0.5 * feature_at(i, 1)
            + 0.25 * feature_at(i, 2) + hashed(i, 100);
    }
}

/* The fifth column is the sum of the first and the third; the last one is
 * constant. */
static void dependent_columns_are_named_and_get_no_coefficient(void **state)
{
    const struct mls_json *item;
    struct mls_json *chosen;
    struct mls_model *model, *without;
    struct mls_error err;
    struct rows r, four;
    int64_t rank;

    (void)state;
    rows_new(&r, 40, 6, MLS_REGRESSION, 0);
    rows_new(&four, 40, 4, MLS_REGRESSION, 0);
    target_of(&r);
    target_of(&four);
    for (int64_t i = 0; i < 40; i++) {
        r.data.x.data[i + 4 * 40] = feature_at(i, 0) + feature_at(i, 2);
        r.data.x.data[i + 5 * 40] = 0.1;
    }
    chosen = mls_json_new_object(&err);
    model = fit_rows(linear, "", &r, chosen);
    without = fit_rows(linear, "", &four, NULL);
    assert_true(mls_json_integer(mls_json_get(chosen, "rank"), &rank));
    assert_int_equal(rank, 4);
    assert_int_equal(mls_json_count(mls_json_get(chosen, "dependent")), 2);
    item = mls_json_first(mls_json_get(chosen, "dependent"));
    assert_string_equal(mls_json_text(item, ""), "e");
    assert_string_equal(mls_json_text(mls_json_next(item), ""), "f");
    for (int j = 0; j < 4; j++) {
        assert_near(array_of(model, "coef")[j], array_of(without, "coef")[j],
                    1e-14);
        assert_near(array_of(model, "coef_se")[j],
                    array_of(without, "coef_se")[j], 1e-12);
    }
    for (int j = 4; j < 6; j++) {
        assert_true(array_of(model, "coef")[j] == 0);
        assert_true(array_of(model, "coef_se")[j] == 0);
    }
    mls_model_free(without);
    mls_model_free(model);
    mls_json_free(chosen);
    rows_clear(&four);
    rows_clear(&r);
}

/* y is a sum of the columns; the third differs from the first by 1e-9. */
static void nearly_dependent_columns_keep_their_digits(void **state)
{
    struct mls_model *model;
    struct rows r;

    (void)state;
    rows_new(&r, 40, 3, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < 40; i++) {
        double *row = r.data.x.data + i;

        /* Multiples of 2^-40, so that y has no rounding. */
        row[0] = ldexp(floor(ldexp(hashed(i, 0), 10)), -10);
        row[40] = ldexp(floor(ldexp(hashed(i, 1), 10)), -10);
        row[80] = row[0] + ldexp(floor(ldexp(hashed(i, 50), 10)), -40);
        r.y[i] = 4 + row[0] + 2 * row[40] + 3 * row[80];
    }
    model = fit_rows(linear, "", &r, NULL);
    assert_near(array_of(model, "coef")[0], 1, 1e-15);
    assert_near(array_of(model, "coef")[1], 2, 1e-15);
    assert_near(array_of(model, "coef")[2], 3, 1e-15);
    assert_near(array_of(model, "intercept")[0], 4, 1e-15);
    mls_model_free(model);
    rows_clear(&r);
}

static void more_columns_than_rows_fit_exactly(void **state)
{
    struct mls_model *model;
    struct rows r;

    (void)state;
    rows_new(&r, 4, 6, MLS_REGRESSION, 0);
    target_of(&r);
    model = fit_rows(linear, "", &r, NULL);
    assert_null(mls_arrays_find(&model->arrays, "coef_se"));
    for (int64_t i = 0; i < 4; i++) {
        double sum = array_of(model, "intercept")[0];

        for (int64_t j = 0; j < 6; j++)
            sum += array_of(model, "coef")[j] * feature_at(i, j);
        assert_near(sum, r.y[i], 1e-13);
    }
    mls_model_free(model);
    rows_clear(&r);
}

static void weights_count_rows(void **state)
{
    struct rows r;

    (void)state;
    rows_new(&r, 60, 4, MLS_REGRESSION, 0);
    target_of(&r);
    assert_weights_count(linear, "", &r, 1e-14);
    rows_clear(&r);
}

static void threads_change_no_bit(void **state)
{
    struct rows r;

    (void)state;
    rows_new(&r, 5003, 16, MLS_REGRESSION, 0);
    target_of(&r);
    use_weights(&r);
    assert_threads_agree(linear, "", &r);
    for (int64_t i = 0; i < 5003; i++)
        r.data.x.data[i + 4 * 5003] = 2 * r.data.x.data[i];
    assert_threads_agree(linear, "", &r);
    rows_clear(&r);
}

static void a_fit_without_memory_or_time_ends_cleanly(void **state)
{
    struct rows r;

    (void)state;
    rows_new(&r, 30, 4, MLS_REGRESSION, 0);
    target_of(&r);
    assert_survives_no_memory(linear, "", &r);
    assert_stops(linear, "", &r);
    for (int64_t i = 0; i < 30; i++)
        r.data.x.data[i + 3 * 30] = 2 * r.data.x.data[i];
    assert_survives_no_memory(linear, "", &r);
    rows_clear(&r);
    /* Large enough to be factored in double first. */
    rows_new(&r, 4000, 16, MLS_REGRESSION, 0);
    target_of(&r);
    assert_survives_no_memory(linear, "", &r);
    rows_clear(&r);
}

/* The two ways to factor: the weights of the second make it the same problem,
 * in fewer rows. */
static void large_tables_have_the_digits_of_small_ones(void **state)
{
    struct mls_model *large, *small;
    struct rows r, few;

    (void)state;
    rows_new(&few, 500, 16, MLS_REGRESSION, 0);
    rows_new(&r, 5000, 16, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < 5000; i++) {
        r.y[i] = feature_at(i % 500, 0) + 1e5 * hashed(i % 500, 100);
        for (int64_t j = 0; j < 16; j++)
            r.data.x.data[i + j * 5000] = feature_at(i % 500, j);
    }
    for (int64_t i = 0; i < 500; i++) {
        few.y[i] = r.y[i];
        few.w[i] = 10;
    }
    few.data.target.weight = few.w;
    large = fit_rows(linear, "", &r, NULL);
    small = fit_rows(linear, "", &few, NULL);
    assert_models_near(large, small, 4e-16);
    for (int j = 0; j < 16; j++) {
        assert_near(array_of(large, "coef_se")[j] /
                    array_of(small, "coef_se")[j], 1, 1e-12);
    }
    mls_model_free(small);
    mls_model_free(large);
    rows_clear(&few);
    rows_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certified_coefficients_and_errors_are_met),
        cmocka_unit_test(dependent_columns_are_named_and_get_no_coefficient),
        cmocka_unit_test(nearly_dependent_columns_keep_their_digits),
        cmocka_unit_test(more_columns_than_rows_fit_exactly),
        cmocka_unit_test(large_tables_have_the_digits_of_small_ones),
        cmocka_unit_test(weights_count_rows),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_fit_without_memory_or_time_ends_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
