/*
 * Products of a table taken about a point, which is never made, against the
 * same products of one that is, by loops that are slow and obvious.  Small
 * integers make every sum exact, so that those comparisons are of all bits.
 */
#include "test.h"

#include <math.h>

#include "linalg/matrix.h"
#include "base/memory.h"

static struct mls_error err;
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

static double draw_weight(void)
{
    return floor(draw() * 4);
}

static double *vector(int64_t n, double (*next)(void))
{
    double *v = mls_new(n, sizeof(double), &err);

    assert_non_null(v);
    for (int64_t i = 0; i < n; i++)
        v[i] = next();
    return v;
}

/* A table with gaps of NaN between its columns, and all that goes with it. */
struct table {
    struct mls_matrix x;
    double *about, *y, *w, *b;
};

static struct table table(int64_t rows, int64_t columns,
                          double (*next)(void))
{
    struct table t = { .x = { NULL, rows, columns, rows + 3 } };

    t.x.data = vector((rows + 3) * columns, next);
    for (int64_t j = 0; j < columns; j++) {
        for (int64_t i = rows; i < rows + 3; i++)
            t.x.data[i + j * t.x.stride] = NAN;
    }
    t.about = vector(columns, next);
    t.y = vector(rows, next);
    t.w = vector(rows, draw_weight);
    t.b = vector(columns, next);
    return t;
}

static void clear(struct table *t)
{
    mls_free(t->x.data);
    mls_free(t->about);
    mls_free(t->y);
    mls_free(t->w);
    mls_free(t->b);
}

/* What there is of it: bits of how. */
enum { ABOUT = 1, TARGET = 2, WEIGHTS = 4, ALL = 7 };

static struct mls_centred some(const struct table *t, int how)
{
    return (struct mls_centred){ .x = &t->x,
                                 .about = how & ABOUT ? t->about : NULL,
                                 .y = how & TARGET ? t->y : NULL,
                                 .y_about = how & TARGET ? 3 : 0,
                                 .w = how & WEIGHTS ? t->w : NULL };
}

/* Column j of row i: of X, then the target, then ones. */
static double cell(const struct mls_centred *in, int64_t i, int64_t j)
{
    int64_t p = in->x->columns;

    if (j > p)
        return 1;
    if (j == p)
        return in->y[i] - in->y_about;
    return in->x->data[i + j * in->x->stride]
        - (in->about ? in->about[j] : 0);
}

static double weight(const struct mls_centred *in, int64_t i)
{
    return in->w ? in->w[i] : 1;
}

static const struct shape {
    int64_t rows, columns;
} shapes[] = { { 0, 3 },    { 1, 1 },     { 3, 2 },    { 127, 5 },
               { 129, 13 }, { 2049, 100 }, { 4100, 3 }, { 300, 254 },
               { 261, 300 }, { 40, 530 } };
#define SHAPES ((int)(sizeof(shapes) / sizeof(*shapes)))

static void gram_is_that_of_the_table_made(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES * (ALL + 1); s++) {
        const struct shape *shape = &shapes[s / (ALL + 1)];
        struct table t = table(shape->rows, shape->columns, draw_integer);
        struct mls_centred in = some(&t, s % (ALL + 1));
        int64_t size = shape->columns + (in.y ? 2 : 0);
        int64_t step = size > 50 ? 11 : 1;
        struct mls_matrix gram = { vector(size * size, draw), size, size,
                                   size };

        assert_true(mls_centred_gram(NULL, &in, &gram, &err));
        for (int64_t j = 0; j < size; j += step) {
            for (int64_t i = 0; i < size; i += 1 + (step > 1) * 6) {
                double sum = 0;

                for (int64_t k = 0; k < shape->rows; k++)
                    sum += cell(&in, k, i) * weight(&in, k) * cell(&in, k, j);
                assert_true(gram.data[i + j * size] == sum);
            }
        }
        mls_free(gram.data);
        clear(&t);
    }
}

static void gradient_is_that_of_the_table_made(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES * (ALL + 1); s++) {
        const struct shape *shape = &shapes[s / (ALL + 1)];
        struct table t = table(shape->rows, shape->columns, draw_integer);
        struct mls_centred in = some(&t, s % (ALL + 1) | TARGET);
        double *out = vector(shape->columns, draw);
        double *want = mls_new(shape->columns, sizeof(double), &err);

        assert_true(mls_centred_gradient(NULL, &in, t.b, out, &err));
        for (int64_t i = 0; i < shape->rows; i++) {
            double r = cell(&in, i, shape->columns);

            for (int64_t j = 0; j < shape->columns; j++)
                r -= cell(&in, i, j) * t.b[j];
            for (int64_t j = 0; j < shape->columns; j++)
                want[j] += cell(&in, i, j) * weight(&in, i) * r;
        }
        for (int64_t j = 0; j < shape->columns; j++)
            assert_true(out[j] == want[j]);
        mls_free(want);
        mls_free(out);
        clear(&t);
    }
}

static void product_is_that_of_the_table_made(void **state)
{
    enum { K = 3 };

    (void)state;
    for (int s = 0; s < SHAPES * 2; s++) {
        int64_t n = shapes[s / 2].rows, p = shapes[s / 2].columns;
        struct table t = table(n, p, draw_integer);
        struct mls_centred in = some(&t, s % 2);
        struct mls_matrix b = { vector(p * K, draw_integer), p, K, p };
        struct mls_matrix c = { vector(n * K, draw), n, K, n };

        assert_true(mls_centred_gemm(NULL, &in, &b, &c, &err));
        for (int64_t i = 0; i < n * K; i++) {
            double sum = 0;

            for (int64_t j = 0; j < p; j++)
                sum += cell(&in, i % n, j) * b.data[j + i / n * p];
            assert_true(c.data[i] == sum);
        }
        mls_free(b.data);
        mls_free(c.data);
        clear(&t);
    }
}

/* Gram matrix, gradient, product, one after the other in out. */
static bool all_products(const struct mls_run *run, const struct table *t,
                         int how, double *out)
{
    struct mls_centred in = some(t, how | TARGET);
    int64_t n = t->x.rows, p = t->x.columns, size = p + 2;
    struct mls_matrix gram = { out, size, size, size };
    struct mls_matrix b = { t->b, p, 1, p };
    struct mls_matrix c = { out + size * size + p, n, 1, n };

    return mls_centred_gram(run, &in, &gram, &err)
        && mls_centred_gradient(run, &in, t->b, out + size * size, &err)
        && mls_centred_gemm(run, &in, &b, &c, &err);
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    static const struct shape few[] = { { 9001, 20 }, { 3000, 290 },
                                        { 400, 600 } };

    (void)state;
    for (int s = 0; s < 3 * 3; s++) {
        int64_t n = few[s / 3].rows, p = few[s / 3].columns;
        int64_t size = (p + 2) * (p + 2) + p + n;
        struct table t = table(n, p, draw);
        double *one = vector(size, draw), *many = vector(size, draw);
        struct mls_run run = { 0 };

        assert_true(mls_run_init(&run, 2 + 3 * (s % 3), &err));
        assert_true(all_products(NULL, &t, ALL, one));
        assert_true(all_products(&run, &t, ALL, many));
        assert_memory_equal(one, many, (size_t)size * sizeof(double));
        mls_run_clear(&run);
        mls_free(one);
        mls_free(many);
        clear(&t);
    }
}

static void zeros_and_ones_are_the_same_as_none(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        int64_t n = shapes[s].rows, p = shapes[s].columns;
        int64_t size = (p + 2) * (p + 2) + p + n;
        struct table t = table(n, p, draw);
        double *with = vector(size, draw), *without = vector(size, draw);

        for (int64_t j = 0; j < p; j++)
            t.about[j] = 0;
        for (int64_t i = 0; i < n; i++)
            t.w[i] = 1;
        assert_true(all_products(NULL, &t, ALL, with));
        assert_true(all_products(NULL, &t, 0, without));
        assert_memory_equal(with, without, (size_t)size * sizeof(double));
        mls_free(with);
        mls_free(without);
        clear(&t);
    }
}

static void every_allocation_may_fail(void **state)
{
    struct table t = table(300, 270, draw), few = table(300, 5, draw);
    double *out = vector(272 * 272 + 270 + 300, draw);
    int64_t live = mls_memory_live(), fails = 0;
    bool ok = false;

    (void)state;
    for (int64_t n = 1; !ok; n++) {
        mls_memory_fail_at(n);
        err.code = MLS_OK;
        ok = all_products(NULL, &t, ALL, out)
            && all_products(NULL, &few, ALL, out);
        mls_memory_fail_at(0);
        assert_true(ok || err.code == MLS_LIMIT);
        assert_int_equal(mls_memory_live(), live);
        fails += !ok;
    }
    assert_true(fails >= 6);
    mls_free(out);
    clear(&t);
    clear(&few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gram_is_that_of_the_table_made),
        cmocka_unit_test(gradient_is_that_of_the_table_made),
        cmocka_unit_test(product_is_that_of_the_table_made),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(zeros_and_ones_are_the_same_as_none),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
