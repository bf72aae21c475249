/*
 * Sparse rows against the dense matrix they stand for.  Values are small
 * integers, so that every product is exact and compared to the last bit.
 */
#include "test.h"

#include <math.h>

#include "linalg/sparse.h"
#include "base/memory.h"

static struct mls_error err;
static uint64_t state_of_draws = 11;

static int64_t draw_below(int64_t n)
{
    state_of_draws =
        state_of_draws * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((state_of_draws >> 33) % (uint64_t)n);
}

/* Rows of up to most entries; every fifth row is empty. */
static struct mls_sparse sparse(int64_t rows, int64_t columns, int64_t most)
{
    struct mls_sparse s = { 0 };
    int64_t k = 0;

    assert_true(mls_sparse_new(&s, rows, columns, rows * most, &err));
    for (int64_t i = 0; i < rows; i++) {
        int64_t j = -1;

        for (int64_t left = i % 5 ? most : 0; left > 0; left--) {
            j += 1 + draw_below(2 * (columns / (most + 1)) + 1);
            if (j >= columns)
                break;
            s.index[k] = (uint32_t)j;
            s.value[k++] = (double)draw_below(9) - 4;
        }
        s.offset[i + 1] = k;
    }
    return s;
}

static double *integers(int64_t n, int64_t below)
{
    double *v = mls_new(n, sizeof(double), &err);

    assert_non_null(v);
    for (int64_t i = 0; i < n; i++)
        v[i] = (double)draw_below(below);
    return v;
}

static const struct shape {
    int64_t rows, columns, most;
} shapes[] = { { 0, 0, 1 },    { 0, 4, 1 },      { 4, 0, 1 },    { 6, 3, 3 },
               { 5000, 7, 3 }, { 4100, 200, 4 }, { 900, 700, 9 } };
#define SHAPES ((int)(sizeof(shapes) / sizeof(*shapes)))

static void check_same(const double *a, const double *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        assert_true(a[i] == b[i]);
}

static void products_are_those_of_the_dense_matrix(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        int64_t n = shapes[s].rows, p = shapes[s].columns;
        struct mls_sparse x = sparse(n, p, shapes[s].most);
        struct mls_matrix dense = { 0 }, a = { 0 }, b = { 0 };
        double *w = integers(n, 4), *r = integers(n, 9), *c = integers(p, 9);
        double *v1 = integers(n + p, 1), *v2 = integers(n + p, 1);

        assert_true(mls_sparse_to_dense(&x, &dense, &err));
        assert_true(mls_matrix_new(&a, p, p, &err));
        assert_true(mls_matrix_new(&b, p, p, &err));
        for (int weighted = 0; weighted < 2; weighted++) {
            const double *weights = weighted ? w : NULL;

            assert_true(mls_gram(NULL, &dense, weights, &a, &err));
            assert_true(mls_sparse_gram(NULL, &x, weights, &b, &err));
            check_same(a.data, b.data, p * p);
            assert_true(
                mls_gemv_transposed(NULL, &dense, weights, r, v1, &err));
            assert_true(
                mls_sparse_gemv_transposed(NULL, &x, weights, r, v2, &err));
            check_same(v1, v2, p);
        }
        assert_true(mls_gemv(NULL, &dense, c, v1, &err));
        assert_true(mls_sparse_gemv(NULL, &x, c, v2, &err));
        check_same(v1, v2, n);
        mls_sparse_clear(&x);
        mls_free(dense.data);
        mls_free(a.data);
        mls_free(b.data);
        mls_free(w);
        mls_free(r);
        mls_free(c);
        mls_free(v1);
        mls_free(v2);
    }
}

static void the_dense_matrix_has_each_entry_in_its_place(void **state)
{
    struct mls_sparse x = { 0 };
    struct mls_matrix dense = { 0 };
    const double want[6] = { 5, 0, 0, 6, 7, 0 };

    (void)state;
    assert_true(mls_sparse_new(&x, 2, 3, 3, &err));
    x.offset[1] = 2;
    x.offset[2] = 3;
    x.index[0] = 0;
    x.index[1] = 2;
    x.index[2] = 1;
    x.value[0] = 5;
    x.value[1] = 7;
    x.value[2] = 6;
    assert_true(mls_sparse_to_dense(&x, &dense, &err));
    check_same(dense.data, want, 6);
    mls_free(dense.data);
    mls_sparse_clear(&x);
    mls_sparse_clear(&x);
    mls_sparse_clear(NULL);
}

/* Chunks grow for the wide one; its sums are of reals, so order shows. */
static void any_number_of_threads_gives_the_same_bits(void **state)
{
    static const struct shape some[] = { { 12000, 30, 5 },
                                         { 9000, 40000, 6 },
                                         { 2500, 600, 9 } };
    static const int counts[] = { 1, 2, 3, 8 };

    (void)state;
    for (int s = 0; s < 3; s++) {
        int64_t n = some[s].rows, p = some[s].columns;
        struct mls_sparse x = sparse(n, p, some[s].most);
        struct mls_matrix a = { 0 }, b = { 0 };
        double *w = integers(n, 7), *r = integers(n, 9), *c = integers(p, 9);
        double *v1 = integers(n + p, 1), *v2 = integers(n + p, 1);
        bool gram = p <= 600;

        for (int64_t k = 0; k < x.offset[n]; k++)
            x.value[k] /= 7;
        if (gram) {
            assert_true(mls_matrix_new(&a, p, p, &err));
            assert_true(mls_matrix_new(&b, p, p, &err));
            assert_true(mls_sparse_gram(NULL, &x, w, &a, &err));
        }
        assert_true(mls_sparse_gemv_transposed(NULL, &x, w, r, v1, &err));
        assert_true(mls_sparse_gemv(NULL, &x, c, v1 + p, &err));
        for (int t = 0; t < 4; t++) {
            struct mls_run run = { 0 };

            assert_true(mls_run_init(&run, counts[t], &err));
            assert_true(mls_sparse_gemv_transposed(&run, &x, w, r, v2, &err));
            assert_true(mls_sparse_gemv(&run, &x, c, v2 + p, &err));
            check_same(v1, v2, p + n);
            if (gram) {
                assert_true(mls_sparse_gram(&run, &x, w, &b, &err));
                check_same(a.data, b.data, p * p);
            }
            mls_run_clear(&run);
        }
        mls_sparse_clear(&x);
        mls_free(a.data);
        mls_free(b.data);
        mls_free(w);
        mls_free(r);
        mls_free(c);
        mls_free(v1);
        mls_free(v2);
    }
}

static void more_columns_than_an_index_can_name_are_refused(void **state)
{
    struct mls_sparse x = { 0 };

    (void)state;
    assert_true(mls_sparse_new(&x, 1, (int64_t)1 << 32, 1, &err));
    mls_sparse_clear(&x);
    assert_false(mls_sparse_new(&x, 1, ((int64_t)1 << 32) + 1, 1, &err));
    assert_int_equal(err.code, MLS_LIMIT);
}

static bool use_everything(void)
{
    struct mls_sparse x = { 0 };
    struct mls_matrix dense = { 0 };
    double cells[9], in[3] = { 1, 2, 3 }, out[3];
    struct mls_matrix gram = { cells, 3, 3, 3 };
    bool ok = mls_sparse_new(&x, 3, 3, 1, &err)
              && mls_sparse_to_dense(&x, &dense, &err)
              && mls_sparse_gram(NULL, &x, in, &gram, &err)
              && mls_sparse_gemv_transposed(NULL, &x, in, in, out, &err)
              && mls_sparse_gemv(NULL, &x, in, out, &err);

    mls_sparse_clear(&x);
    mls_free(dense.data);
    return ok;
}

static void every_allocation_may_fail(void **state)
{
    int64_t live = mls_memory_live(), fails = 0;
    bool ok = false;

    (void)state;
    for (int64_t n = 1; !ok; n++) {
        mls_memory_fail_at(n);
        ok = use_everything();
        mls_memory_fail_at(0);
        assert_int_equal(mls_memory_live(), live);
        fails += !ok;
    }
    assert_true(fails >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_the_dense_matrix),
        cmocka_unit_test(the_dense_matrix_has_each_entry_in_its_place),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(more_columns_than_an_index_can_name_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
