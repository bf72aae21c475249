/*
 * Several classes on many columns: against scikit-learn 1.9.1, against Newton's
 * method with the whole Hessian (logistic_solve.c), and its passes over rows
 * against their definitions.
 */
#include "test.h"

#include "learner/design.h"
#include "learner/logistic_classes.h"
#include "learner/logistic_panels.h"
#include "learner/logistic_solve.h"
#include "unit/learner/cases.h"

/* Classes by the largest of as many scores with noise, so that they overlap;
 * features from the third on are 0 in most rows, and the last is constant. */
static void class_rows(struct rows *r, int64_t rows, int64_t features,
                       int classes)
{
    rows_new(r, rows, features, MLS_MULTICLASS, classes);
    for (int64_t j = 2; j < features; j++) {
        for (int64_t i = 0; i < rows; i++) {
            if (hashed(i + 7 * j, j + 500) < 0.4)
                r->data.x.data[i + j * rows] = 0;
            if (j == features - 1)
                r->data.x.data[i + j * rows] = 7;
        }
    }
    for (int64_t i = 0; i < rows; i++) {
        double best = -INFINITY;

        for (int k = 0; k < classes; k++) {
            double s = 2 * hashed(i, 1000 + k);

            for (int64_t j = 0; j < features; j++) {
                s += hashed(j, 2000 + k) * r->data.x.data[i + j * rows]
                    / (double)(1 + 3 * j);
            }
            if (s > best) {
                best = s;
                r->y[i] = k;
            }
        }
    }
}

/* b of the slow way and of this one, in the form of centred columns. */
static void assert_same_optimum(const struct rows *r, bool intercept,
                                double within)
{
    int classes = r->data.target.classes;
    int64_t features = r->data.features;
    struct mls_logistic_result slow, fast;
    struct mls_design design;
    struct mls_matrix b, other;
    struct mls_error err;
    double *mean = mls_new(features + 1, sizeof(double), &err);
    bool finished;

    assert_non_null(mean);
    assert_true(mls_design_new(NULL, &r->data, intercept, intercept, &design,
                               &err));
    assert_true(mls_matrix_new(&b, design.x.columns, classes, &err));
    assert_true(mls_matrix_new(&other, features + 1, classes, &err));
    struct mls_logistic problem = {
        .x = &design.x, .y = r->y, .w = r->data.target.weight,
        .square = design.square, .weight = design.weight, .outputs = classes,
        .penalised = features, .l2 = 0.7, .tolerance = 1e-12,
        .max_iterations = 100
    };
    struct mls_classes same = {
        .x = &r->data.x, .y = r->y, .w = r->data.target.weight,
        .classes = classes, .l2 = 0.7, .intercept = intercept,
        .tolerance = 1e-12, .max_iterations = 100
    };

    assert_true(mls_logistic_solve(&problem, &b, &slow, &err));
    assert_true(mls_logistic_classes(&same, &other, mean, &fast, &finished,
                                     &err));
    assert_true(slow.converged && fast.converged && finished);
    assert_near(fast.objective / slow.objective, 1, 1e-13);
    for (int k = 0; k < classes; k++) {
        for (int64_t j = 0; j < design.x.columns; j++) {
            assert_near(other.data[j + k * other.rows],
                        b.data[j + k * b.rows], within);
        }
    }
    for (int64_t j = 0; intercept && j < features; j++)
        assert_near(mean[j], design.mean[j], 1e-12 * fabs(design.mean[j]));
    mls_free(other.data);
    mls_free(b.data);
    mls_design_clear(&design);
    mls_free(mean);
}

static void the_optimum_is_that_of_the_whole_hessian(void **state)
{
    /* Fewer rows than a panel; a whole chunk and a few; several chunks, of
     * which blocks take a sample. */
    static const int64_t rows[] = { 90, 1030, 3000 };

    (void)state;
    for (int k = 0; k < 12; k++) {
        struct rows r;

        class_rows(&r, rows[k % 3], 13, 5);
        if (k / 3 % 2)
            use_weights(&r);
        assert_same_optimum(&r, k < 6, 1e-8);
        rows_clear(&r);
    }
}

static void columns_of_any_size_are_solved(void **state)
{
    struct rows r;

    (void)state;
    class_rows(&r, 1030, 6, 3);
    for (int64_t i = 0; i < r.data.rows; i++) {
        r.data.x.data[i] = 1e6 + 1e3 * r.data.x.data[i];
        r.data.x.data[i + r.data.rows] *= 1e-3;
    }
    assert_same_optimum(&r, true, 1e-7);
    rows_clear(&r);
}

/* LogisticRegression(C=2, solver newton-cholesky, tol=1e-14) with weights: the
 * values and rows of test_logistic.c. */
static void three_classes_are_those_of_scikit_learn(void **state)
{
    static const double coef[] = {
        -2.2142172804123845,  1.1257794708119608,   0.08263333646441377,
        -0.10867503998598982, -0.3739600481232192,  0.07189072423651584,
        -0.43794418166825233, -0.11126686284099437, 0.15715473261190918,
        0.1825530991144896,   2.1423265561758678,   -0.6878352891437084,
        0.028633526376569983, -0.04847969262592971, 0.1914069490087374
    };
    struct mls_logistic_result result;
    struct mls_matrix b;
    struct mls_error err;
    struct rows r;
    double mean[5];
    bool finished;

    (void)state;
    rows_new(&r, 40, 5, MLS_MULTICLASS, 3);
    use_weights(&r);
    for (int64_t i = 0; i < 40; i++) {
        double s = 0.3 + feature_at(i, 0) - 0.4 * (feature_at(i, 1) - 3)
            + 1.5 * hashed(i, 100);

        r.y[i] = (s > -0.5) + (s > 0.8);
    }
    struct mls_classes problem = {
        .x = &r.data.x, .y = r.y, .w = r.w, .classes = 3, .l2 = 0.5,
        .intercept = true, .tolerance = 1e-12, .max_iterations = 100
    };

    assert_true(mls_matrix_new(&b, 6, 3, &err));
    assert_true(mls_logistic_classes(&problem, &b, mean, &result, &finished,
                                     &err));
    assert_true(finished && result.converged);
    for (int k = 0; k < 3; k++) {
        for (int j = 0; j < 5; j++)
            assert_near(b.data[j + 6 * k], coef[j + 5 * k], 1e-9);
    }
    mls_free(b.data);
    rows_clear(&r);
}

/* The change of the gradient over a small change of b, by differences in
 * double precision; the product is in single. */
static void a_product_is_the_slope_of_the_gradient(void **state)
{
    enum { ROWS = 1500, COLUMNS = 7, CLASSES = 4 };
    struct mls_matrix b, u, up, down, product;
    struct mls_error err;
    struct rows r;
    double loss;
    bool fit;

    (void)state;
    class_rows(&r, ROWS, COLUMNS - 1, CLASSES);
    use_weights(&r);
    struct mls_panels panels = { .x = &r.data.x, .y = r.y, .w = r.w,
                                 .ones = true, .classes = CLASSES };

    assert_true(mls_panels_new(&panels, &fit, &err) && fit);
    assert_true(mls_matrix_new(&b, COLUMNS, CLASSES, &err));
    assert_true(mls_matrix_new(&u, COLUMNS, CLASSES, &err));
    assert_true(mls_matrix_new(&up, COLUMNS, CLASSES, &err));
    assert_true(mls_matrix_new(&down, COLUMNS, CLASSES, &err));
    assert_true(mls_matrix_new(&product, COLUMNS, CLASSES, &err));
    for (int a = 0; a < COLUMNS * CLASSES; a++) {
        u.data[a] = hashed(a, 1);
        b.data[a] = 0.1 * hashed(a, 2) + 1e-5 * u.data[a];
    }
    assert_true(mls_panels_fill(&panels, &b, &loss, &up, &err));
    for (int a = 0; a < COLUMNS * CLASSES; a++)
        b.data[a] -= 2e-5 * u.data[a];
    assert_true(mls_panels_evaluate(&panels, &b, &loss, &down, &err));
    for (int a = 0; a < COLUMNS * CLASSES; a++)
        b.data[a] += 1e-5 * u.data[a];
    assert_true(mls_panels_evaluate(&panels, &b, &loss, &product, &err));
    assert_true(mls_panels_product(&panels, &u, &product, &err));
    for (int a = 0; a < COLUMNS * CLASSES; a++) {
        double size = panels.square[a % COLUMNS] + panels.weight;

        assert_near(product.data[a], (up.data[a] - down.data[a]) / 2e-5,
                    1e-6 * size);
    }
    mls_free(product.data);
    mls_free(down.data);
    mls_free(up.data);
    mls_free(u.data);
    mls_free(b.data);
    mls_panels_clear(&panels);
    rows_clear(&r);
}

/* The same loss, gradient and probabilities, to single precision; rows are a
 * chunk and a few, columns of different sizes. */
static void a_rough_evaluation_is_near_the_exact_one(void **state)
{
    enum { ROWS = 1500, COLUMNS = 8, CLASSES = 6 };
    struct mls_matrix b, exact, rough;
    struct mls_error err;
    struct rows r;
    double loss, other;
    bool fit;

    (void)state;
    for (int weights = 0; weights < 2; weights++) {
        float *p = mls_new_array(ROWS * CLASSES, sizeof(float), &err);

        assert_non_null(p);
        class_rows(&r, ROWS, COLUMNS - 1, CLASSES);
        if (weights)
            use_weights(&r);
        for (int64_t i = 0; i < ROWS; i++)
            r.data.x.data[i] *= 1e20;
        struct mls_panels panels = { .x = &r.data.x, .y = r.y,
                                     .w = weights ? r.w : NULL, .ones = true,
                                     .classes = CLASSES };

        assert_true(mls_panels_new(&panels, &fit, &err) && fit);
        assert_true(mls_matrix_new(&b, COLUMNS, CLASSES, &err));
        assert_true(mls_matrix_new(&exact, COLUMNS, CLASSES, &err));
        assert_true(mls_matrix_new(&rough, COLUMNS, CLASSES, &err));
        for (int a = 0; a < COLUMNS * CLASSES; a++)
            b.data[a] = hashed(a, 2) * (a % COLUMNS ? 1 : 1e-20);
        assert_true(mls_panels_fill(&panels, &b, &loss, &exact, &err));
        memcpy(p, panels.p, ROWS * CLASSES * sizeof(float));
        memset(panels.p, 0, ROWS * CLASSES * sizeof(float));
        assert_true(mls_panels_rough(&panels, &b, &other, &rough, &err));
        assert_near(other / loss, 1, 1e-7);
        for (int a = 0; a < COLUMNS * CLASSES; a++) {
            double most = sqrt(panels.square[a % COLUMNS] * panels.weight);

            assert_near(rough.data[a], exact.data[a], 1e-6 * most);
        }
        for (int a = 0; a < ROWS * CLASSES; a++)
            assert_near(panels.p[a], p[a], 1e-5);
        mls_free(rough.data);
        mls_free(exact.data);
        mls_free(b.data);
        mls_free(p);
        mls_panels_clear(&panels);
        rows_clear(&r);
    }
}

/* With as many rows as there are: the blocks themselves.  With a third: close
 * to them. */
static void blocks_are_weighted_squares(void **state)
{
    enum { ROWS = 1500, COLUMNS = 5, CLASSES = 3 };
    struct mls_matrix b, gradient, block[CLASSES] = { { 0 } };
    struct mls_error err;
    struct rows r;
    double loss;
    bool fit;

    (void)state;
    class_rows(&r, ROWS, COLUMNS, CLASSES);
    use_weights(&r);
    struct mls_panels panels = { .x = &r.data.x, .y = r.y, .w = r.w,
                                 .classes = CLASSES };

    assert_true(mls_panels_new(&panels, &fit, &err) && fit);
    assert_true(mls_matrix_new(&b, COLUMNS, CLASSES, &err));
    assert_true(mls_matrix_new(&gradient, COLUMNS, CLASSES, &err));
    for (int a = 0; a < COLUMNS * CLASSES; a++)
        b.data[a] = 0.1 * hashed(a, 2);
    assert_true(mls_panels_fill(&panels, &b, &loss, &gradient, &err));
    for (int k = 0; k < CLASSES; k++)
        assert_true(mls_matrix_new(&block[k], COLUMNS, COLUMNS, &err));
    for (int part = 1; part <= 3; part += 2) {
        assert_true(mls_panels_blocks(&panels, ROWS / part, block, CLASSES,
                                      &err));
        for (int a = 0; a < COLUMNS * COLUMNS * CLASSES; a++) {
            int i = a % COLUMNS, j = a / COLUMNS % COLUMNS;
            int k = a / COLUMNS / COLUMNS;
            double sum = 0, size = sqrt(panels.square[i] * panels.square[j]);

            for (int64_t row = 0; row < ROWS; row++) {
                const double *x = r.data.x.data + row;
                double p = panels.p[k + row * CLASSES];

                sum += r.w[row] * p * (1 - p) * x[i * ROWS] * x[j * ROWS];
            }
            assert_near(block[k].data[i + j * COLUMNS], sum,
                        (part == 1 ? 1e-6 : 0.05) * size);
        }
    }
    for (int k = 0; k < CLASSES; k++)
        mls_free(block[k].data);
    mls_free(gradient.data);
    mls_free(b.data);
    mls_panels_clear(&panels);
    rows_clear(&r);
}

/* Columns that single precision cannot hold are left to other means. */
static void columns_out_of_range_are_refused(void **state)
{
    struct mls_logistic_result result;
    struct mls_matrix b;
    struct mls_error err;
    struct rows r;
    double mean[3];
    bool finished;

    (void)state;
    class_rows(&r, 90, 3, 3);
    for (int64_t i = 0; i < r.data.rows; i++)
        r.data.x.data[i] *= 1e40;
    struct mls_classes problem = {
        .x = &r.data.x, .y = r.y, .classes = 3, .l2 = 1, .intercept = true,
        .tolerance = 1e-9, .max_iterations = 100
    };

    assert_true(mls_matrix_new(&b, 4, 3, &err));
    assert_true(mls_logistic_classes(&problem, &b, mean, &result, &finished,
                                     &err));
    assert_false(finished);
    mls_free(b.data);
    rows_clear(&r);
}

static void the_learner_keeps_the_contract(void **state)
{
    struct rows r;

    (void)state;
    assert_true(mls_classes_fits(500, 205, 10));
    class_rows(&r, 1100, 205, 10);
    use_weights(&r);
    assert_threads_agree(&mls_learner_logistic, "", &r);
    assert_stops(&mls_learner_logistic, "", &r);
    rows_clear(&r);
    class_rows(&r, 210, 205, 10);
    assert_survives_no_memory(&mls_learner_logistic, "max_iterations=1", &r);
    rows_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_optimum_is_that_of_the_whole_hessian),
        cmocka_unit_test(columns_of_any_size_are_solved),
        cmocka_unit_test(three_classes_are_those_of_scikit_learn),
        cmocka_unit_test(a_product_is_the_slope_of_the_gradient),
        cmocka_unit_test(a_rough_evaluation_is_near_the_exact_one),
        cmocka_unit_test(blocks_are_weighted_squares),
        cmocka_unit_test(columns_out_of_range_are_refused),
        cmocka_unit_test(the_learner_keeps_the_contract),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
