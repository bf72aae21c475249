/*
 * Dense algebra against loops that are slow and obvious.  Matrices of small
 * integers make every product exact, so that those comparisons are of all
 * bits; the tolerance for reals is that of the rounding of a sum.
 */
#include "test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "linalg/matrix.h"
#include "base/memory.h"

static struct mls_error err;

/* ---- Data ---- */

static uint64_t state_of_draws;

static double draw(void)
{
    state_of_draws =
        state_of_draws * 6364136223846793005u + 1442695040888963407u;
    return (double)(state_of_draws >> 11) / 9007199254740992.0;
}

static double draw_integer(void)
{
    return floor(draw() * 9) - 4;
}

static double draw_real(void)
{
    return draw() * 2 - 1;
}

/* A matrix whose columns lie further apart than its rows need, by spare, and
 * whose cells between are NaN: who reads them shows it. */
static struct mls_matrix matrix(int64_t rows, int64_t columns, int64_t spare,
                                double (*next)(void))
{
    struct mls_matrix m = { NULL, rows, columns, rows + spare };

    m.data = mls_new(m.stride * columns, sizeof(double), &err);
    assert_non_null(m.data);
    for (int64_t j = 0; j < columns; j++) {
        for (int64_t i = 0; i < m.stride; i++)
            m.data[i + j * m.stride] = i < rows ? next() : NAN;
    }
    return m;
}

static double *vector(int64_t n, double (*next)(void))
{
    return matrix(n, 1, 0, next).data;
}

static double draw_weight(void)
{
    return floor(draw() * 4);
}

static double draw_nan(void)
{
    return NAN;
}

static double at(const struct mls_matrix *m, int64_t i, int64_t j)
{
    return m->data[i + j * m->stride];
}

static void check_close(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.17g is not %.17g", got, want);
}

static void check_same(const double *a, const double *b, int64_t n)
{
    assert_memory_equal(a, b, (size_t)n * sizeof(double));
}

static const struct shape {
    int64_t rows, columns;
} shapes[] = {
    { 0, 0 },    { 0, 3 },     { 3, 0 },    { 1, 1 },    { 1, 5 },
    { 5, 1 },    { 7, 3 },     { 255, 2 },  { 257, 9 },  { 2047, 4 },
    { 2048, 5 }, { 2049, 66 }, { 4500, 3 }, { 30, 129 }, { 300, 530 }
};
#define SHAPES ((int)(sizeof(shapes) / sizeof(*shapes)))

/* ---- Products ---- */

static double slow_gram(const struct mls_matrix *x, const double *w, int64_t i,
                        int64_t j)
{
    double sum = 0;

    for (int64_t k = 0; k < x->rows; k++)
        sum += at(x, k, i) * (w ? w[k] : 1) * at(x, k, j);
    return sum;
}

static void gram_is_the_sum_over_rows(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        int64_t p = shapes[s].columns;
        struct mls_matrix x = matrix(shapes[s].rows, p, s % 3, draw_integer);
        struct mls_matrix gram = matrix(p, p, s % 2, draw_nan);
        double *weights = vector(x.rows, draw_weight);

        for (int weighted = 0; weighted < 2; weighted++) {
            const double *w = weighted ? weights : NULL;
            int64_t step = p > 100 ? 13 : 1;

            assert_true(mls_gram(NULL, &x, w, &gram, &err));
            for (int64_t j = 0; j < p; j += step) {
                for (int64_t i = 0; i < p; i += step)
                    assert_true(at(&gram, i, j) == slow_gram(&x, w, i, j));
            }
            for (int64_t j = 0; j < p; j++) {
                for (int64_t i = 0; i < j; i++)
                    assert_true(at(&gram, i, j) == at(&gram, j, i));
            }
        }
        mls_free(x.data);
        mls_free(gram.data);
        mls_free(weights);
    }
}

static void gram_of_reals_is_as_close_as_sums_are(void **state)
{
    struct mls_matrix x = matrix(5000, 11, 1, draw_real);
    struct mls_matrix gram = matrix(11, 11, 0, draw_nan);

    (void)state;
    assert_true(mls_gram(NULL, &x, NULL, &gram, &err));
    for (int64_t j = 0; j < 11; j++) {
        for (int64_t i = 0; i < 11; i++)
            check_close(at(&gram, i, j), slow_gram(&x, NULL, i, j), 1e-10);
    }
    mls_free(x.data);
    mls_free(gram.data);
}

static double draw_one(void)
{
    return 1;
}

static void no_weights_and_weights_of_one_have_the_same_bits(void **state)
{
    static const struct shape some[] = { { 2500, 40 }, { 300, 520 } };

    (void)state;
    for (int s = 0; s < 2; s++) {
        int64_t p = some[s].columns;
        struct mls_matrix x = matrix(some[s].rows, p, 0, draw_real);
        struct mls_matrix a = matrix(p, p, 0, draw_nan);
        struct mls_matrix b = matrix(p, p, 0, draw_nan);
        double *ones = vector(x.rows, draw_one);

        assert_true(mls_gram(NULL, &x, NULL, &a, &err));
        assert_true(mls_gram(NULL, &x, ones, &b, &err));
        check_same(a.data, b.data, p * p);
        assert_true(mls_column_sums(NULL, &x, NULL, a.data, &err));
        assert_true(mls_column_sums(NULL, &x, ones, b.data, &err));
        check_same(a.data, b.data, p);
        mls_free(x.data);
        mls_free(a.data);
        mls_free(b.data);
        mls_free(ones);
    }
}

static void products_with_vectors_are_the_sums_they_name(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        int64_t n = shapes[s].rows, p = shapes[s].columns;
        struct mls_matrix x = matrix(n, p, s % 3, draw_integer);
        double *w = vector(n, draw_weight), *r = vector(n, draw_integer);
        double *b = vector(p, draw_integer), *rows = vector(n, draw_nan);
        double *left = vector(p, draw_nan), *plain = vector(p, draw_nan);
        double *sums = vector(p, draw_nan);

        assert_true(mls_gemv(NULL, &x, b, rows, &err));
        assert_true(mls_gemv_transposed(NULL, &x, w, r, left, &err));
        assert_true(mls_gemv_transposed(NULL, &x, NULL, r, plain, &err));
        assert_true(mls_column_sums(NULL, &x, w, sums, &err));
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;

            for (int64_t j = 0; j < p; j++)
                sum += at(&x, i, j) * b[j];
            assert_true(rows[i] == sum);
        }
        for (int64_t j = 0; j < p; j++) {
            double weighted = 0, unweighted = 0, total = 0;

            for (int64_t i = 0; i < n; i++) {
                weighted += at(&x, i, j) * w[i] * r[i];
                unweighted += at(&x, i, j) * r[i];
                total += at(&x, i, j) * w[i];
            }
            assert_true(left[j] == weighted);
            assert_true(plain[j] == unweighted);
            assert_true(sums[j] == total);
        }
        mls_free(x.data);
        mls_free(w);
        mls_free(r);
        mls_free(b);
        mls_free(rows);
        mls_free(left);
        mls_free(plain);
        mls_free(sums);
    }
}

static void gemm_is_the_sum_over_the_shared_side(void **state)
{
    static const struct {
        int64_t rows, inner, columns;
    } sizes[] = { { 0, 2, 3 },    { 2, 0, 3 },    { 2, 3, 0 },
                  { 1, 1, 1 },    { 3, 5, 2 },    { 256, 7, 4 },
                  { 2300, 3, 5 }, { 5, 2300, 3 }, { 300, 9, 600 } };

    (void)state;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        int64_t m = sizes[s].rows, k = sizes[s].inner, n = sizes[s].columns;
        struct mls_matrix a = matrix(m, k, 1, draw_integer);
        struct mls_matrix a_t = matrix(k, m, 2, draw_integer);
        struct mls_matrix b = matrix(k, n, 3, draw_integer);
        struct mls_matrix c = matrix(m, n, 1, draw_nan);
        struct mls_matrix d = matrix(m, n, 0, draw_nan);

        assert_true(mls_gemm(NULL, false, &a, &b, &c, &err));
        assert_true(mls_gemm(NULL, true, &a_t, &b, &d, &err));
        for (int64_t j = 0; j < n; j++) {
            for (int64_t i = 0; i < m; i++) {
                double plain = 0, transposed = 0;

                for (int64_t l = 0; l < k; l++) {
                    plain += at(&a, i, l) * at(&b, l, j);
                    transposed += at(&a_t, l, i) * at(&b, l, j);
                }
                assert_true(at(&c, i, j) == plain);
                assert_true(at(&d, i, j) == transposed);
            }
        }
        mls_free(a.data);
        mls_free(a_t.data);
        mls_free(b.data);
        mls_free(c.data);
        mls_free(d.data);
    }
}

static struct mls_matrix rows_from(const struct mls_matrix *m, int64_t first,
                                   int64_t count)
{
    return (struct mls_matrix){ m->data + first, count, m->columns, m->stride };
}

static void a_row_has_the_same_bits_wherever_it_stands(void **state)
{
    static const int64_t inner[] = { 1, 5, 33, 130, 700 };
    static const int64_t columns[] = { 1, 3, 8, 17 };
    struct mls_matrix all = matrix(300, 700, 0, draw_real);
    struct mls_matrix right = matrix(700, 17, 0, draw_real);
    double *rows = vector(300 * 17, draw_nan), *one = vector(17, draw_nan);

    (void)state;
    for (int s = 0; s < 5 * 4; s++) {
        int64_t k = inner[s % 5], n = columns[s / 5];
        struct mls_matrix x = { all.data, 300, k, 300 };
        struct mls_matrix b = { right.data, k, n, 700 };
        struct mls_matrix c = { rows, 300, n, 300 };

        assert_true(mls_gemm(NULL, false, &x, &b, &c, &err));
        for (int64_t i = 0; i < 300; i += 1 + s) {
            struct mls_matrix row = rows_from(&x, i, 1);
            struct mls_matrix alone = { one, 1, n, 1 };

            assert_true(mls_gemm(NULL, false, &row, &b, &alone, &err));
            for (int64_t j = 0; j < n; j++)
                assert_true(one[j] == at(&c, i, j));
        }
        assert_true(mls_gemv(NULL, &x, right.data, rows, &err));
        for (int64_t i = 0; i < 300; i++) {
            struct mls_matrix row = rows_from(&x, i, 1);

            assert_true(mls_gemv(NULL, &row, right.data, one, &err));
            assert_true(one[0] == rows[i]);
        }
    }
    mls_free(all.data);
    mls_free(right.data);
    mls_free(rows);
    mls_free(one);
}

/* Everything that reductions make, one after the other in out. */
static void all_products(const struct mls_run *run, const struct mls_matrix *x,
                         const double *w, const double *r, double *out)
{
    int64_t n = x->rows, p = x->columns;
    struct mls_matrix gram = { out, p, p, p };
    struct mls_matrix cross = { out + p * p, p, p, p };
    struct mls_matrix product = { out + 2 * p * p, n, p, n };

    assert_true(mls_gram(run, x, w, &gram, &err));
    assert_true(mls_gemm(run, true, x, x, &cross, &err));
    assert_true(mls_gemm(run, false, x, &gram, &product, &err));
    out += 2 * p * p + n * p;
    assert_true(mls_gemv_transposed(run, x, w, r, out, &err));
    assert_true(mls_column_sums(run, x, w, out + p, &err));
    assert_true(mls_gemv(run, x, out, out + 2 * p, &err));
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    static const struct shape some[] = { { 9001, 20 }, { 400, 600 } };
    static const int counts[] = { 2, 3, 8 };

    (void)state;
    for (int s = 0; s < 2; s++) {
        int64_t n = some[s].rows, p = some[s].columns;
        int64_t size = 2 * p * p + n * p + 2 * p + n;
        struct mls_matrix x = matrix(n, p, 1, draw_real);
        double *w = vector(n, draw), *r = vector(n, draw_real);
        double *one = vector(size, draw_nan), *many = vector(size, draw_nan);

        all_products(NULL, &x, w, r, one);
        for (int t = 0; t < 3; t++) {
            struct mls_run run = { 0 };

            assert_true(mls_run_init(&run, counts[t], &err));
            all_products(&run, &x, w, r, many);
            check_same(one, many, size);
            mls_run_clear(&run);
        }
        mls_free(x.data);
        mls_free(w);
        mls_free(r);
        mls_free(one);
        mls_free(many);
    }
}

static void a_side_past_31_bits_is_refused(void **state)
{
    struct mls_matrix m = { 0 };

    (void)state;
    assert_false(mls_matrix_new(&m, (int64_t)1 << 31, 1, &err));
    assert_int_equal(err.code, MLS_LIMIT);
    assert_false(mls_matrix_new(&m, 1, (int64_t)1 << 31, &err));
    assert_null(m.data);
}

static void a_new_matrix_is_zero_and_without_gaps(void **state)
{
    struct mls_matrix m = { 0 };

    (void)state;
    assert_true(mls_matrix_new(&m, 3, 4, &err));
    assert_int_equal(m.stride, 3);
    for (int i = 0; i < 12; i++)
        assert_true(m.data[i] == 0);
    mls_free(m.data);
}

/* ---- Cholesky ---- */

static void cholesky_times_its_transpose_is_the_matrix(void **state)
{
    struct mls_matrix x = matrix(60, 17, 0, draw_real);
    struct mls_matrix a = matrix(17, 17, 4, draw_nan);
    struct mls_matrix l = matrix(17, 17, 0, draw_nan);
    bool definite = false;

    (void)state;
    assert_true(mls_gram(NULL, &x, NULL, &a, &err));
    assert_true(mls_gram(NULL, &x, NULL, &l, &err));
    assert_true(mls_cholesky(&l, &definite, NULL, &err));
    assert_true(definite);
    for (int64_t j = 0; j < 17; j++) {
        for (int64_t i = j; i < 17; i++) {
            double sum = 0;

            for (int64_t k = 0; k <= j; k++)
                sum += at(&l, i, k) * at(&l, j, k);
            check_close(sum, at(&a, i, j), 1e-13);
        }
    }
    mls_free(x.data);
    mls_free(a.data);
    mls_free(l.data);
}

static double hilbert(int64_t i, int64_t j)
{
    return 1 / (double)(i + j + 1);
}

static void cholesky_estimates_the_condition(void **state)
{
    struct mls_matrix a = matrix(5, 5, 1, draw_nan);
    double condition = 0;
    bool definite = false;

    (void)state;
    for (int64_t j = 0; j < 5; j++) {
        for (int64_t i = 0; i < 5; i++)
            a.data[i + j * a.stride] = hilbert(i, j);
    }
    assert_true(mls_cholesky(&a, &definite, &condition, &err));
    assert_true(definite);
    /* The 1-norm of the 5 x 5 Hilbert matrix is 137/60, that of its inverse,
     * whose entries are integers, 413280. */
    check_close(condition * 943656, 1, 1e-9);
    mls_free(a.data);
}

static void check_not_definite(double a00, double a01, double a11)
{
    double data[4] = { a00, a01, a01, a11 }, condition = -1;
    struct mls_matrix a = { data, 2, 2, 2 };
    bool definite = true;

    assert_true(mls_cholesky(&a, &definite, &condition, &err));
    assert_false(definite);
    assert_true(condition == 0);
}

static void a_matrix_that_is_not_definite_is_said_so(void **state)
{
    (void)state;
    check_not_definite(1, 2, 1);
    check_not_definite(1, 1, 1);
    check_not_definite(1, 1, 1 + DBL_EPSILON); /* rounding of a singular one */
    check_not_definite(0, 0, 1);
    check_not_definite(-1, 0, 1);
    check_not_definite(NAN, 0, 1);
    check_not_definite(1, NAN, 1);
    check_not_definite(1, 0, INFINITY);
}

static void cholesky_solves_for_several_right_sides(void **state)
{
    struct mls_matrix x = matrix(40, 9, 0, draw_real);
    struct mls_matrix a = matrix(9, 9, 0, draw_nan);
    struct mls_matrix l = matrix(9, 9, 2, draw_nan);
    struct mls_matrix solution = matrix(9, 3, 1, draw_real);
    struct mls_matrix b = matrix(9, 3, 0, draw_nan);
    bool definite = false;

    (void)state;
    assert_true(mls_gram(NULL, &x, NULL, &a, &err));
    assert_true(mls_gram(NULL, &x, NULL, &l, &err));
    assert_true(mls_gemm(NULL, false, &a, &solution, &b, &err));
    assert_true(mls_cholesky(&l, &definite, NULL, &err));
    assert_true(mls_cholesky_solve(&l, &b, &err));
    for (int64_t j = 0; j < 3; j++) {
        for (int64_t i = 0; i < 9; i++)
            check_close(at(&b, i, j), at(&solution, i, j), 1e-12);
    }
    mls_free(x.data);
    mls_free(a.data);
    mls_free(l.data);
    mls_free(solution.data);
    mls_free(b.data);
}

/* ---- Least squares ---- */

/* NIST's Longley: y, then six predictors, and the certified coefficients. */
static const double longley[16][7] = {
    { 60323, 83.0, 234289, 2356, 1590, 107608, 1947 },
    { 61122, 88.5, 259426, 2325, 1456, 108632, 1948 },
    { 60171, 88.2, 258054, 3682, 1616, 109773, 1949 },
    { 61187, 89.5, 284599, 3351, 1650, 110929, 1950 },
    { 63221, 96.2, 328975, 2099, 3099, 112075, 1951 },
    { 63639, 98.1, 346999, 1932, 3594, 113270, 1952 },
    { 64989, 99.0, 365385, 1870, 3547, 115094, 1953 },
    { 63761, 100.0, 363112, 3578, 3350, 116219, 1954 },
    { 66019, 101.2, 397469, 2904, 3048, 117388, 1955 },
    { 67857, 104.6, 419180, 2822, 2857, 118734, 1956 },
    { 68169, 108.4, 442769, 2936, 2798, 120445, 1957 },
    { 66513, 110.8, 444546, 4681, 2637, 121950, 1958 },
    { 68655, 112.6, 482704, 3813, 2552, 123366, 1959 },
    { 69564, 114.2, 502601, 3931, 2514, 125368, 1960 },
    { 69331, 115.7, 518173, 4806, 2572, 127852, 1961 },
    { 70551, 116.9, 554894, 4007, 2827, 130081, 1962 }
};
static const double longley_coef[7] = {
    -3482258.63459582, 15.0618722713733,  -0.358191792925910e-01,
    -2.02022980381683, -1.03322686717359, -0.511041056535807e-01,
    1829.15146461355
};

static void least_squares_finds_the_certified_values_of_longley(void **state)
{
    struct mls_matrix x = matrix(16, 7, 3, draw_nan);
    double y[16], coef[7];
    int64_t rank = 0, pivot[7];

    (void)state;
    for (int i = 0; i < 16; i++) {
        y[i] = longley[i][0];
        for (int j = 0; j < 7; j++)
            x.data[i + j * x.stride] = j == 0 ? 1 : longley[i][j];
    }
    assert_true(mls_least_squares(&x, y, 0, coef, &rank, pivot, &err));
    assert_int_equal(rank, 7);
    /* Condition 5e9 of doubles with 16 digits: LAPACK gets 10 or more. */
    for (int j = 0; j < 7; j++)
        check_close(coef[j] / longley_coef[j], 1, 1e-9);
    mls_free(x.data);
}

static void dependent_columns_get_zero_and_are_named(void **state)
{
    /* The third column is the first and twice the second; y is twice it.  So
     * the second has less left once the third is taken. */
    double data[12] = { 1, 0, 2, 1, 5, 3, 1, 7, 11, 6, 4, 15 };
    double y[4] = { 22, 12, 8, 30 }, coef[3];
    struct mls_matrix x = { data, 4, 3, 4 };
    int64_t rank = 0, pivot[3];

    (void)state;
    assert_true(mls_least_squares(&x, y, 0, coef, &rank, pivot, &err));
    assert_int_equal(rank, 2);
    assert_int_equal(pivot[0], 2);
    assert_int_equal(pivot[1], 0);
    assert_int_equal(pivot[2], 1);
    assert_true(coef[1] == 0);
    check_close(coef[0], 0, 1e-13);
    check_close(coef[2], 2, 1e-13);
}

static void the_tolerance_decides_what_is_dependent(void **state)
{
    (void)state;
    for (int loose = 0; loose < 2; loose++) {
        double data[4] = { 1, 0, 0, 1e-6 }, y[2] = { 3, 4e-6 }, coef[2];
        struct mls_matrix x = { data, 2, 2, 2 };
        int64_t rank = 0, pivot[2];

        assert_true(mls_least_squares(&x, y, loose ? 1e-3 : 0, coef, &rank,
                                      pivot, &err));
        assert_int_equal(rank, loose ? 1 : 2);
        check_close(coef[1], loose ? 0 : 4, 1e-12);
    }
}

static void least_squares_takes_any_shape(void **state)
{
    double wide[6] = { 1, 0, 0, 1, 1, 1 }, y[2] = { 2, 5 }, coef[3];
    struct mls_matrix x = { wide, 2, 3, 2 };
    int64_t rank = -1, pivot[3] = { -1, -1, -1 };
    double zero[4] = { 0 }, nan[2] = { NAN, 1 };
    struct mls_matrix nothing = { zero, 2, 2, 2 }, bad = { nan, 2, 1, 2 };
    struct mls_matrix no_rows = { zero, 0, 2, 0 }, empty = { zero, 0, 0, 0 };

    (void)state;
    assert_true(mls_least_squares(&x, y, 0, coef, &rank, pivot, &err));
    assert_int_equal(rank, 2);
    check_close(coef[0] + coef[2], 2, 1e-14);
    check_close(coef[1] + coef[2], 5, 1e-14);
    assert_true(mls_least_squares(&nothing, y, 0, coef, &rank, pivot, &err));
    assert_int_equal(rank, 0);
    assert_true(coef[0] == 0 && coef[1] == 0);
    assert_true(mls_least_squares(&bad, y, 0, coef, &rank, pivot, &err));
    assert_int_equal(rank, 0);
    coef[0] = coef[1] = 7;
    assert_true(mls_least_squares(&no_rows, y, 0, coef, &rank, pivot, &err));
    assert_true(coef[0] == 0 && coef[1] == 0 && pivot[1] == 1);
    assert_true(mls_least_squares(&empty, y, 0, coef, &rank, pivot, &err));
    assert_int_equal(rank, 0);
}

/* By two doubles: any allocation is aligned to 16 bytes.  (By one, cores of
 * OpenBLAS without AVX would differ.) */
static void where_a_matrix_lies_in_memory_changes_no_bit(void **state)
{
    double coef[2][12];

    (void)state;
    for (int shift = 0; shift < 2; shift++) {
        struct mls_matrix memory, x;
        double *y = vector(202, draw_nan);
        int64_t rank, pivot[12];

        state_of_draws = 77;
        memory = matrix(1, 202 * 12, 0, draw_real);
        x = (struct mls_matrix){ memory.data, 200, 12, 200 };
        if (shift) {
            memmove(memory.data + 2, memory.data, 200 * 12 * sizeof(double));
            x.data += 2;
        }
        for (int i = 0; i < 200; i++)
            y[i + 2 * shift] = sin(i);
        assert_true(mls_least_squares(&x, y + 2 * shift, 0, coef[shift], &rank,
                                      pivot, &err));
        mls_free(memory.data);
        mls_free(y);
    }
    check_same(coef[0], coef[1], 12);
}

/* ---- Eigenvalues ---- */

static double second_difference(int64_t i, int64_t j)
{
    if (i == j)
        return 2;
    return i == j + 1 || j == i + 1 ? -1 : 0;
}

static void eigenvalues_of_the_second_difference_are_known(void **state)
{
    enum { N = 40 };
    const double pi = 3.14159265358979323846;
    struct mls_matrix a = matrix(N, N, 2, draw_nan);
    double values[N];

    (void)state;
    for (int64_t j = 0; j < N; j++) {
        for (int64_t i = 0; i < N; i++)
            a.data[i + j * a.stride] = second_difference(i, j);
    }
    assert_true(mls_eigen_symmetric(&a, values, &err));
    for (int k = 0; k < N; k++) {
        double largest = 0;

        check_close(values[k], 2 - 2 * cos((k + 1) * pi / (N + 1)), 1e-14);
        for (int64_t i = 0; i < N; i++) {
            double v = at(&a, i, k);
            double before = i > 0 ? at(&a, i - 1, k) : 0;
            double after = i < N - 1 ? at(&a, i + 1, k) : 0;

            check_close(2 * v - before - after, values[k] * v, 1e-14);
            if (fabs(v) > fabs(largest))
                largest = v;
        }
        assert_true(largest > 0);
    }
    mls_free(a.data);
}

static void eigenvectors_of_small_matrices_have_the_fixed_sign(void **state)
{
    double one[1] = { -3 }, two[4] = { 0, 1, 1, 0 }, values[2];
    const double half = sqrt(0.5);
    struct mls_matrix a = { one, 1, 1, 1 }, b = { two, 2, 2, 2 };
    struct mls_matrix empty = { one, 0, 0, 0 };

    (void)state;
    assert_true(mls_eigen_symmetric(&empty, values, &err));
    assert_true(mls_eigen_symmetric(&a, values, &err));
    assert_true(values[0] == -3 && one[0] == 1);
    assert_true(mls_eigen_symmetric(&b, values, &err));
    check_close(values[0], -1, 1e-15);
    check_close(values[1], 1, 1e-15);
    check_close(fabs(two[0]), half, 1e-15);
    check_close(two[0] + two[1], 0, 1e-15);
    check_close(two[2], half, 1e-15);
    check_close(two[3], half, 1e-15);
}

static void a_matrix_with_a_hole_has_no_eigenvalues(void **state)
{
    double data[4] = { 1, NAN, NAN, 1 }, values[2];
    struct mls_matrix a = { data, 2, 2, 2 };

    (void)state;
    assert_false(mls_eigen_symmetric(&a, values, &err));
    assert_int_equal(err.code, MLS_DATA);
}

/* ---- Failing allocations ---- */

static bool use_everything(const struct mls_run *run)
{
    static double cells[200], weights[40], out[200], values[5];
    struct mls_matrix x = { cells, 40, 5, 40 }, product = { out, 40, 5, 40 };
    struct mls_matrix square = { out, 5, 5, 5 };
    int64_t rank, pivot[5];
    bool definite;

    state_of_draws = 5;
    for (int i = 0; i < 200; i++)
        cells[i] = draw_real();
    for (int i = 0; i < 40; i++)
        weights[i] = draw();
    return mls_gemm(run, true, &x, &x, &square, &err)
           && mls_gram(run, &x, weights, &square, &err)
           && mls_eigen_symmetric(&square, values, &err)
           && mls_gram(run, &x, weights, &square, &err)
           && mls_cholesky(&square, &definite, values, &err)
           && mls_column_sums(run, &x, weights, values, &err)
           && mls_gemv(run, &x, values, out, &err)
           && mls_least_squares(&x, weights, 0, values, &rank, pivot, &err)
           && mls_gemm(run, false, &x, &square, &product, &err);
}

static void every_allocation_may_fail(void **state)
{
    int64_t live, fails = 0;
    bool ok = false;

    (void)state;
    live = mls_memory_live();
    for (int64_t n = 1; !ok; n++) {
        mls_memory_fail_at(n);
        err.code = MLS_OK;
        ok = use_everything(NULL);
        mls_memory_fail_at(0);
        assert_true(ok || err.code == MLS_LIMIT);
        assert_int_equal(mls_memory_live(), live);
        fails += !ok;
    }
    assert_true(fails >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gram_is_the_sum_over_rows),
        cmocka_unit_test(gram_of_reals_is_as_close_as_sums_are),
        cmocka_unit_test(no_weights_and_weights_of_one_have_the_same_bits),
        cmocka_unit_test(products_with_vectors_are_the_sums_they_name),
        cmocka_unit_test(gemm_is_the_sum_over_the_shared_side),
        cmocka_unit_test(a_row_has_the_same_bits_wherever_it_stands),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(a_side_past_31_bits_is_refused),
        cmocka_unit_test(a_new_matrix_is_zero_and_without_gaps),
        cmocka_unit_test(cholesky_times_its_transpose_is_the_matrix),
        cmocka_unit_test(cholesky_estimates_the_condition),
        cmocka_unit_test(a_matrix_that_is_not_definite_is_said_so),
        cmocka_unit_test(cholesky_solves_for_several_right_sides),
        cmocka_unit_test(least_squares_finds_the_certified_values_of_longley),
        cmocka_unit_test(dependent_columns_get_zero_and_are_named),
        cmocka_unit_test(the_tolerance_decides_what_is_dependent),
        cmocka_unit_test(least_squares_takes_any_shape),
        cmocka_unit_test(where_a_matrix_lies_in_memory_changes_no_bit),
        cmocka_unit_test(eigenvalues_of_the_second_difference_are_known),
        cmocka_unit_test(eigenvectors_of_small_matrices_have_the_fixed_sign),
        cmocka_unit_test(a_matrix_with_a_hole_has_no_eigenvalues),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
