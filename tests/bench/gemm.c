/*
 * Products of dense matrices by our wrappers, timed:
 *
 *     gemm ROWS SHARED COLUMNS THREADS ROUNDS
 *
 * A (ROWS x SHARED) B, then A' B with A of SHARED x ROWS, then X'X of ROWS x
 * COLUMNS; then the first two in single precision.  Prints JSON: seconds of
 * each round.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "linalg/matrix.h"
#include "linalg/multiply.h"
#include "mlspec/run.h"

static bool filled(struct mls_matrix *m, int64_t rows, int64_t columns,
                   struct mls_error *err)
{
    uint32_t state = 1;

    if (!mls_matrix_new(m, rows, columns, err))
        return false;
    for (int64_t i = 0; i < rows * columns; i++) {
        state = state * 1664525u + 1013904223u;
        m->data[i] = state / 4294967296.0 - 0.5;
    }
    return true;
}

/* m in single precision. */
static float *floats_of(const struct mls_matrix *m, struct mls_error *err)
{
    float *to = mls_new_array(m->rows * m->columns, sizeof(float), err);

    for (int64_t i = 0; to && i < m->rows * m->columns; i++)
        to[i] = (float)m->data[i];
    return to;
}

/* Prints the seconds of A B, or of A'B where a is that. */
static bool time_floats(const struct mls_run *run, const char *name,
                        bool transpose, const struct mls_matrix *a,
                        const struct mls_matrix *b, int64_t rounds,
                        struct mls_error *err)
{
    struct mls_product p = {
        .transpose_a = transpose, .rows = transpose ? a->columns : a->rows,
        .columns = b->columns, .inner = b->rows, .a_stride = a->rows,
        .b_stride = b->rows
    };
    float *fa = floats_of(a, err), *fb = floats_of(b, err);
    float *fc = mls_new(p.rows * p.columns, sizeof(float), err);
    bool ok = fa && fb && fc;

    p.c_stride = p.rows;
    printf(", \"%s\": [", name);
    for (int64_t k = 0; ok && k < rounds; k++) {
        double start = mls_now();

        ok = mls_multiply_all_floats(run, &p, fa, fb, fc, err);
        printf("%s%.6f", k ? ", " : "", mls_now() - start);
    }
    printf("]");
    mls_free(fc);
    mls_free(fb);
    mls_free(fa);
    return ok;
}

static bool multiply(int what, const struct mls_run *run,
                     const struct mls_matrix *a, const struct mls_matrix *at,
                     const struct mls_matrix *b, struct mls_matrix *c,
                     struct mls_matrix *gram, struct mls_error *err)
{
    return what == 0 ? mls_gemm(run, false, a, b, c, err)
        : what == 1  ? mls_gemm(run, true, at, b, c, err)
                     : mls_gram(run, c, NULL, gram, err);
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "product", "transposed", "gram" };
    struct mls_matrix a = { 0 }, at = { 0 }, b = { 0 }, c = { 0 }, g = { 0 };
    struct mls_run run = { 0 };
    struct mls_error err = { 0 };
    int64_t size[3], rounds;
    bool ok;

    if (argc != 6) {
        fprintf(stderr, "usage: gemm ROWS SHARED COLUMNS THREADS ROUNDS\n");
        return 2;
    }
    for (int k = 0; k < 3; k++)
        size[k] = strtoll(argv[1 + k], NULL, 10);
    rounds = strtoll(argv[5], NULL, 10);
    ok = mls_run_init(&run, (int)strtol(argv[4], NULL, 10), &err)
        && filled(&a, size[0], size[1], &err)
        && filled(&at, size[1], size[0], &err)
        && filled(&b, size[1], size[2], &err)
        && filled(&c, size[0], size[2], &err)
        && filled(&g, size[2], size[2], &err);
    for (int what = 0; ok && what < 3; what++) {
        printf("%s\"%s\": [", what ? ", " : "{", names[what]);
        for (int64_t k = 0; ok && k < rounds; k++) {
            double start = mls_now();

            ok = multiply(what, &run, &a, &at, &b, &c, &g, &err);
            printf("%s%.6f", k ? ", " : "", mls_now() - start);
        }
        printf("]");
    }
    ok = ok
        && time_floats(&run, "product_float", false, &a, &b, rounds, &err)
        && time_floats(&run, "transposed_float", true, &at, &b, rounds, &err);
    printf("}\n");
    if (!ok)
        fprintf(stderr, "gemm: %s\n", err.what);
    mls_free(a.data);
    mls_free(at.data);
    mls_free(b.data);
    mls_free(c.data);
    mls_free(g.data);
    mls_run_clear(&run);
    return ok ? 0 : 1;
}
