/*
 * Isolation forest against what can be reckoned: the chances of three points,
 * the mean depth of a search tree, the formula of the paper.
 */
#include "test.h"

#include "base/random.h"
#include "model/trees.h"
#include "unit/learner/cases.h"

static const struct mls_learner_type *const isolation =
    &mls_learner_isolation_forest;

static struct mls_model *fit_ready(const char *settings, const struct rows *r)
{
    struct mls_error err;
    struct mls_model *model = fit_rows(isolation, settings, r, NULL);

    assert_true(mls_model_ready(model, &err));
    return model;
}

/* Scores of the rows of the matrix. */
static double *score_rows(const struct mls_model *model, const struct rows *r)
{
    struct mls_error err;
    int64_t n = r->data.rows, features = r->data.features;
    struct mls_column **columns = mls_new(features, sizeof(*columns), &err);
    double *out = mls_new(n, sizeof(*out), &err);
    struct mls_view view = { n, features,
                             (const struct mls_column *const *)columns, NULL };

    for (int64_t j = 0; j < features; j++) {
        columns[j] = mls_column_new(MLS_STORE_REAL, n, 0, true, &err);
        memcpy(columns[j]->real, r->data.x.data + j * r->data.x.stride,
               (size_t)n * sizeof(double));
    }
    assert_true(model->type->score(model, &view, out, &err));
    for (int64_t j = 0; j < features; j++)
        mls_column_free(columns[j]);
    mls_free(columns);
    return out;
}

/* E[h] of a score. */
static double depth_of(const struct mls_model *model, double score)
{
    return -log2(score) * array_of(model, "base")[0];
}

/* At 0, 1 and 10 the first cut falls beyond 1 nine times in ten: 10 is then
 * alone at depth 1, else at depth 2, where 0 is alone. */
static void three_points_have_the_depths_that_chance_gives(void **state)
{
    static const double expected[] = { 1.9, 2, 1.1 };
    struct mls_model *model;
    struct rows r;
    double *score;

    (void)state;
    rows_new(&r, 3, 1, MLS_ANOMALY, 0);
    r.data.x.data[0] = 0;
    r.data.x.data[1] = 1;
    r.data.x.data[2] = 10;
    model = fit_ready("trees=10000", &r);
    score = score_rows(model, &r);
    /* The standard deviation of a mean is 0.003. */
    for (int i = 0; i < 3; i++)
        assert_near(depth_of(model, score[i]), expected[i], 0.015);
    mls_free(score);
    mls_model_free(model);
    rows_clear(&r);
}

/* The mean depth of n rows in a search tree is 2 (ln(n - 1) + 0.5772) -
 * 2 (n - 1) / n but for 1 / (n - 1). */
static void depths_are_held_against_those_of_a_search_tree(void **state)
{
    struct mls_model *model;
    struct rows r;

    (void)state;
    for (int64_t n = 2; n <= 256; n *= 2) {
        double m = (double)n;
        double expected = n == 2
            ? 1
            : 2 * (log(m - 1) + 0.5772156649) - 2 * (m - 1) / m;

        rows_new(&r, 300, 2, MLS_ANOMALY, 0);
        if (n == 256)
            model = fit_rows(isolation, "trees=2", &r, NULL);
        else {
            char settings[40];

            snprintf(settings, sizeof settings, "trees=2 sample=%d", (int)n);
            model = fit_rows(isolation, settings, &r, NULL);
        }
        assert_true(fabs(array_of(model, "base")[0] - expected) <= 1 / (m - 1));
        mls_model_free(model);
        rows_clear(&r);
    }
}

static void an_odd_row_scores_highest(void **state)
{
    struct mls_model *model;
    struct rows r;
    double *score, sum = 0;

    (void)state;
    rows_new(&r, 3000, 4, MLS_ANOMALY, 0);
    for (int64_t j = 0; j < 4; j++)
        r.data.x.data[1234 + j * r.data.x.stride] = 40;
    model = fit_ready("trees=300", &r);
    score = score_rows(model, &r);
    for (int64_t i = 0; i < 3000; i++) {
        assert_true(score[i] > 0 && score[i] <= 1);
        assert_true(i == 1234 || score[i] < score[1234]);
        sum += score[i] / 3000;
    }
    assert_true(sum > 0.4 && sum < 0.55);
    mls_free(score);
    mls_model_free(model);
    rows_clear(&r);
}

/* What only one row of a sample has is an infinity away, and still no more. */
static void infinities_and_holes_are_rows_like_others(void **state)
{
    struct mls_model *model;
    struct rows r;
    double *score;

    (void)state;
    rows_new(&r, 200, 2, MLS_ANOMALY, 0);
    r.data.x.data[5] = INFINITY;
    r.data.x.data[6] = -INFINITY;
    for (int64_t i = 10; i < 60; i++)
        r.data.x.data[i] = NAN;
    model = fit_ready("", &r);
    score = score_rows(model, &r);
    for (int64_t i = 0; i < 200; i++) {
        assert_true(isfinite(score[i]));
        assert_true(i == 5 || i == 6
                    || (score[i] < score[5] && score[i] < score[6]));
    }
    mls_free(score);
    mls_model_free(model);
    rows_clear(&r);
}

/* Rows that are all alike, and one that is alone, are as odd as any: 1/2. */
static void nothing_is_odd_where_nothing_differs(void **state)
{
    static const int64_t counts[] = { 1, 2, 100 };

    (void)state;
    for (int k = 0; k < 3; k++) {
        struct mls_model *model;
        struct rows r;
        double *score;

        rows_new(&r, counts[k], 2, MLS_ANOMALY, 0);
        for (int64_t i = 0; i < counts[k]; i++)
            r.data.x.data[i] = r.data.x.data[i + r.data.x.stride] = 7;
        model = fit_ready("trees=5", &r);
        score = score_rows(model, &r);
        for (int64_t i = 0; i < counts[k]; i++)
            assert_near(score[i], 0.5, 1e-6);
        mls_free(score);
        mls_model_free(model);
        rows_clear(&r);
    }
}

/* More cuts than a model can number: neighbours share one. */
static void too_many_cuts_are_thinned(void **state)
{
    struct mls_model *model;
    struct rows r;
    double *score;

    (void)state;
    rows_new(&r, 5000, 1, MLS_ANOMALY, 0);
    r.data.x.data[77] = 30;
    model = fit_ready("trees=1000", &r);
    assert_int_equal(count_of(model, "cuts"), 65534);
    score = score_rows(model, &r);
    for (int64_t i = 0; i < 5000; i++)
        assert_true(i == 77 || score[i] < score[77]);
    mls_free(score);
    mls_model_free(model);
    rows_clear(&r);
}

static void weights_are_repeated_rows(void **state)
{
    int times[900];
    struct mls_model *a, *b;
    struct rows r, repeated;

    (void)state;
    rows_new(&r, 900, 3, MLS_ANOMALY, 0);
    for (int64_t i = 0; i < 900; i++)
        times[i] = 1 + (int)(i * 7 % 3);
    repeat_rows(&r, times, false, &repeated);
    for (int64_t i = 0; i < 900; i++)
        r.w[i] = times[i];
    r.data.target.weight = r.w;
    a = fit_rows(isolation, "trees=20", &r, NULL);
    b = fit_rows(isolation, "trees=20", &repeated, NULL);
    assert_int_equal(a->arrays.count, b->arrays.count);
    for (int64_t k = 0; k < a->arrays.count; k++) {
        const struct mls_array *x = &a->arrays.items[k];
        const struct mls_array *y = &b->arrays.items[k];

        assert_int_equal(x->count, y->count);
        assert_memory_equal(x->data, y->data,
                            (size_t)x->count * mls_dtype_size(x->dtype));
    }
    mls_model_free(a);
    mls_model_free(b);
    rows_clear(&repeated);
    rows_clear(&r);
}

static void no_memory_and_no_time_are_told(void **state)
{
    struct rows r;

    (void)state;
    rows_new(&r, 60, 3, MLS_ANOMALY, 0);
    use_weights(&r);
    assert_survives_no_memory(isolation, "trees=3 sample=16", &r);
    assert_stops(isolation, "trees=3", &r);
    rows_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_points_have_the_depths_that_chance_gives),
        cmocka_unit_test(depths_are_held_against_those_of_a_search_tree),
        cmocka_unit_test(an_odd_row_scores_highest),
        cmocka_unit_test(infinities_and_holes_are_rows_like_others),
        cmocka_unit_test(nothing_is_odd_where_nothing_differs),
        cmocka_unit_test(too_many_cuts_are_thinned),
        cmocka_unit_test(weights_are_repeated_rows),
        cmocka_unit_test(no_memory_and_no_time_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
