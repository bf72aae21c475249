/*
 * The loops over a strip against the obvious ones.
 */
#include "test.h"

#include <math.h>
#include <string.h>

#include "learner/logistic_strip.h"
#include "unit/learner/cases.h"

enum { COLUMNS = 6, STRIDE = 300, ROOM = COLUMNS + 4 };

static const int64_t counts[] = { 1, 5, 8, 31, MLS_STRIP };

struct strip {
    double x[STRIDE * COLUMNS];
    double shift[COLUMNS], scale[COLUMNS], b[COLUMNS + 1];
    double z[ROOM * MLS_STRIP], s[MLS_STRIP];
    float f[ROOM * MLS_STRIP];
};

static void load(struct strip *t, int64_t count)
{
    struct mls_strip_columns from = { t->x,     STRIDE,   count, COLUMNS,
                                      t->shift, t->scale, t->b };

    memset(t, 0, sizeof(*t));
    for (int64_t j = 0; j < COLUMNS; j++) {
        for (int64_t i = 0; i < STRIDE; i++)
            t->x[i + j * STRIDE] = feature_at(i, j);
        t->shift[j] = 3.0 * (double)j;
        t->scale[j] = 1 / (1 + (double)j);
        t->b[j] = hashed(j, 9);
    }
    t->b[COLUMNS] = 0.25;
    mls_strip_load(&from, t->z, t->f, t->s);
}

static void scores_are_those_of_the_shifted_columns(void **state)
{
    struct strip t;

    (void)state;
    for (int c = 0; c < 5; c++) {
        load(&t, counts[c]);
        for (int64_t i = 0; i < counts[c]; i++) {
            double score = t.b[COLUMNS];

            for (int j = 0; j < COLUMNS; j++) {
                double z = t.x[i + j * STRIDE] - t.shift[j];

                assert_true(t.z[i + j * MLS_STRIP] == z);
                assert_near(t.f[i + j * MLS_STRIP], z * t.scale[j], 1e-6);
                score += z * t.b[j];
            }
            assert_near(t.s[i], score, 1e-13);
        }
    }
}

/* Scores from minus to plus a thousand, where exp overflows and where it is
 * all the digits there are. */
static void slopes_are_derivatives_of_the_loss(void **state)
{
    (void)state;
    for (int c = 0; c < 10; c++) {
        int64_t n = counts[c / 2];
        double y[MLS_STRIP], w[MLS_STRIP], s[MLS_STRIP], kept[MLS_STRIP];
        double curvature[MLS_STRIP], loss = 0, got;

        for (int64_t i = 0; i < n; i++) {
            y[i] = (double)(i % 2);
            w[i] = weight_at(i);
            kept[i] = s[i] = pow(hashed(i, 4), 5) * 1000;
        }
        got = mls_strip_slopes(y, c % 2 ? w : NULL, n, s, curvature);
        for (int64_t i = 0; i < n; i++) {
            double weight = c % 2 ? w[i] : 1, e = exp(-fabs(kept[i]));
            double p = kept[i] > 0 ? 1 / (1 + e) : e / (1 + e);
            double rest = kept[i] > 0 ? e / (1 + e) : 1 / (1 + e);
            double residual = weight * (y[i] > 0 ? -rest : p);

            loss +=
                weight * (fmax(y[i] > 0 ? -kept[i] : kept[i], 0) + log1p(e));
            assert_true(fabs(s[i] - residual)
                        <= 1e-14 * fabs(residual) + 1e-300);
            assert_true(fabs(curvature[i] - weight * p * rest)
                        <= 1e-14 * weight * p * rest + 1e-300);
        }
        assert_near(got, loss, 1e-13);
        for (int64_t i = n; i < (n + 7) / 8 * 8; i++)
            assert_true(s[i] == 0 && curvature[i] == 0);
    }
}

static void sums_are_those_of_a_loop(void **state)
{
    (void)state;
    for (int c = 0; c < 5; c++) {
        int64_t n = counts[c];
        struct strip t;
        double r[MLS_STRIP] = { 0 }, w[MLS_STRIP], g[COLUMNS] = { 0 };
        double square[COLUMNS] = { 0 }, curvature[MLS_STRIP] = { 0 };
        double exact_scratch[ROOM * MLS_STRIP];
        double exact[(COLUMNS + 4) * ROOM * 4] = { 0 };
        float scratch[ROOM * MLS_STRIP];
        float single[(COLUMNS + 4) * ROOM * 8] = { 0 };

        memset(exact_scratch, 0, sizeof(exact_scratch));
        memset(scratch, 0, sizeof(scratch));
        load(&t, n);
        for (int64_t i = 0; i < n; i++) {
            r[i] = hashed(i, 5);
            w[i] = weight_at(i);
            curvature[i] = 1 + hashed(i, 6);
        }
        mls_strip_gradient(t.z, COLUMNS, n, r, g);
        mls_strip_squares(t.z, COLUMNS, n, w, square);
        mls_strip_gram(t.f, curvature, COLUMNS, n, scratch, single);
        mls_strip_gram_exact(t.z, curvature, COLUMNS, n, exact_scratch, exact);
        for (int j = 0; j < COLUMNS; j++) {
            double sum = 0, squares = 0;

            for (int64_t i = 0; i < n; i++) {
                sum += t.z[i + j * MLS_STRIP] * r[i];
                squares +=
                    w[i] * t.z[i + j * MLS_STRIP] * t.z[i + j * MLS_STRIP];
            }
            assert_near(g[j], sum, 1e-12);
            assert_near(square[j], squares, 1e-12);
            for (int k = j; k < COLUMNS; k++) {
                double twin = 0, got = 0, got_single = 0;

                for (int64_t i = 0; i < n; i++) {
                    twin += t.z[i + j * MLS_STRIP] * curvature[i]
                            * t.z[i + k * MLS_STRIP];
                }
                for (int l = 0; l < 8; l++)
                    got_single += single[(j * ROOM + k) * 8 + l];
                for (int l = 0; l < 4; l++)
                    got += exact[(j * ROOM + k) * 4 + l];
                assert_near(got, twin, 1e-12);
                assert_near(got_single, twin * t.scale[j] * t.scale[k], 1e-4);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_the_shifted_columns),
        cmocka_unit_test(slopes_are_derivatives_of_the_loss),
        cmocka_unit_test(sums_are_those_of_a_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
