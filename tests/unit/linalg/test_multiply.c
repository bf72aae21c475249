/* Products against sums of products, for all shapes and both precisions. */
#include "test.h"

#include <math.h>

#include "base/memory.h"
#include "linalg/multiply.h"
#include "mlspec/run.h"

static double cell(int64_t i, int salt)
{
    uint32_t v = (uint32_t)i * 2654435761u + (uint32_t)salt * 2246822519u;

    v ^= v >> 15;
    v *= 2246822519u;
    v ^= v >> 13;
    return v / 4294967296.0 - 0.5;
}

static struct mls_product shape(int64_t rows, int64_t columns, int64_t inner,
                                int way)
{
    struct mls_product p = { .transpose_a = way & 1,
                             .transpose_b = way >> 1 & 1,
                             .add = way >> 2 & 1,
                             .rows = rows, .columns = columns,
                             .inner = inner };

    p.a_stride = (p.transpose_a ? inner : rows) + 3;
    p.b_stride = (p.transpose_b ? columns : inner) + 1;
    p.c_stride = rows + 2;
    return p;
}

static int64_t cells_of_a(const struct mls_product *p)
{
    return p->a_stride * (p->transpose_a ? p->rows : p->inner);
}

static int64_t cells_of_b(const struct mls_product *p)
{
    return p->b_stride * (p->transpose_b ? p->inner : p->columns);
}

/* What cell (i, j) of C is to become, from cells by the formula. */
static double expected(const struct mls_product *p, int64_t i, int64_t j)
{
    double sum = p->add ? cell(i + j * p->c_stride, 3) : 0;

    for (int64_t k = 0; k < p->inner; k++) {
        sum += cell(p->transpose_a ? k + i * p->a_stride
                                   : i + k * p->a_stride, 1)
            * cell(p->transpose_b ? j + k * p->b_stride
                                  : k + j * p->b_stride, 2);
    }
    return sum;
}

static void one_call_is_the_sum_of_products(void **state)
{
    static const int64_t sizes[][3] = { { 1, 1, 1 }, { 5, 10, 3 },
                                        { 10, 256, 77 }, { 77, 10, 256 } };
    struct mls_error err;

    (void)state;
    assert_true(mls_multiply_ready(&err));
    for (int n = 0; n < 32; n++) {
        const int64_t *s = sizes[n / 8];
        struct mls_product p = shape(s[0], s[1], s[2], n % 8);
        double *a = mls_new(cells_of_a(&p), sizeof(double), &err);
        double *b = mls_new(cells_of_b(&p), sizeof(double), &err);
        double *c = mls_new(p.c_stride * p.columns, sizeof(double), &err);

        assert_true(a && b && c);
        for (int64_t i = 0; i < cells_of_a(&p); i++)
            a[i] = cell(i, 1);
        for (int64_t i = 0; i < cells_of_b(&p); i++)
            b[i] = cell(i, 2);
        for (int64_t i = 0; i < p.c_stride * p.columns; i++)
            c[i] = cell(i, 3);
        mls_multiply(&p, a, b, c);
        for (int64_t j = 0; j < p.columns; j++) {
            for (int64_t i = 0; i < p.rows; i++) {
                assert_true(fabs(c[i + j * p.c_stride] - expected(&p, i, j))
                            < 1e-13);
            }
        }
        mls_free(c);
        mls_free(b);
        mls_free(a);
    }
}

static void floats_by_all_threads_are_the_sum_of_products(void **state)
{
    static const int64_t sizes[][3] = { { 10, 256, 77 }, { 1100, 20, 5 },
                                        { 33, 1500, 4 }, { 700, 700, 2 } };
    struct mls_error err;

    (void)state;
    for (int n = 0; n < 32; n++) {
        const int64_t *s = sizes[n / 8];
        struct mls_product p = shape(s[0], s[1], s[2], n % 8);
        int64_t cells = p.c_stride * p.columns;
        float *a = mls_new(cells_of_a(&p), sizeof(float), &err);
        float *b = mls_new(cells_of_b(&p), sizeof(float), &err);
        float *c[2];

        assert_true(a && b);
        for (int64_t i = 0; i < cells_of_a(&p); i++)
            a[i] = (float)cell(i, 1);
        for (int64_t i = 0; i < cells_of_b(&p); i++)
            b[i] = (float)cell(i, 2);
        for (int k = 0; k < 2; k++) {
            struct mls_run run;

            c[k] = mls_new(cells, sizeof(float), &err);
            assert_non_null(c[k]);
            for (int64_t i = 0; i < cells; i++)
                c[k][i] = (float)cell(i, 3);
            assert_true(mls_run_init(&run, 1 + 2 * k, &err));
            assert_true(mls_multiply_all_floats(&run, &p, a, b, c[k], &err));
            mls_run_clear(&run);
        }
        assert_memory_equal(c[0], c[1], (size_t)cells * sizeof(float));
        for (int64_t j = 0; j < p.columns; j += 7) {
            for (int64_t i = 0; i < p.rows; i++) {
                assert_true(fabs((double)c[0][i + j * p.c_stride]
                                 - expected(&p, i, j)) < 2e-5);
            }
        }
        mls_free(c[1]);
        mls_free(c[0]);
        mls_free(b);
        mls_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call_is_the_sum_of_products),
        cmocka_unit_test(floats_by_all_threads_are_the_sum_of_products),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
