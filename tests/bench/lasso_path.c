/*
 * The lasso's path on a matrix that lies in memory, timed:
 *
 *     lasso_path FILE ROWS FEATURES THREADS ROUNDS PENALTIES LOG10_OF_LEAST
 *
 * FILE holds the features column by column, then the target, as doubles of this
 * machine.  The penalties fall from the one that makes all coefficients 0 to
 * ten to the power LOG10_OF_LEAST times it, evenly by their logarithms.  Prints JSON: seconds of each
 * round (sums, path), and the objective at each penalty.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "learner/lasso_solve.h"
#include "mlspec/run.h"

struct bench {
    struct mls_run run;
    struct mls_dataset data;
    double *cells;
    int64_t penalties;
    double least;
    double *objective;
};

static double objective_of(const struct mls_sums *sums, const double *b,
                           double l1)
{
    double size = 0;

    for (int64_t j = 0; j < sums->gram.columns; j++)
        size += fabs(b[j]);
    return mls_sums_error(sums, b, 0) / 2 + l1 * size;
}

static bool walk(struct bench *bench, const struct mls_sums *sums,
                 struct mls_error *err)
{
    double *b = mls_new(bench->data.features, sizeof(double), err);
    double largest = mls_lasso_largest(sums), before = INFINITY;
    bool ok = b != NULL;

    for (int64_t k = 0; ok && k < bench->penalties; k++) {
        double l1 = largest
            * pow(bench->least, (double)k / (double)(bench->penalties - 1));

        ok = mls_lasso_solve(sums, l1, 0, before, b, NULL, err);
        if (ok)
            bench->objective[k] = objective_of(sums, b, l1);
        before = l1;
    }
    mls_free(b);
    return ok;
}

static bool once(struct bench *bench, struct mls_error *err)
{
    struct mls_design_sums made = { 0 };
    struct mls_sums sums = { 0 };
    bool ok = mls_design_sums_new(&bench->run, &bench->data, true, &made, err)
        && mls_sums_take(&sums, &made, err) && walk(bench, &sums, err);

    mls_sums_clear(&sums);
    mls_design_sums_clear(&made);
    return ok;
}

static bool read_table(const char *path, double *to, int64_t count)
{
    FILE *file = fopen(path, "rb");
    bool ok =
        file && fread(to, sizeof(double), (size_t)count, file) == (size_t)count;

    if (file)
        fclose(file);
    return ok;
}

static bool prepare(struct bench *b, char **argv, struct mls_error *err)
{
    int64_t rows = strtoll(argv[2], NULL, 10);
    int64_t features = strtoll(argv[3], NULL, 10);

    b->penalties = strtoll(argv[6], NULL, 10);
    b->least = pow(10, (double)strtol(argv[7], NULL, 10));
    if (!mls_run_init(&b->run, (int)strtol(argv[4], NULL, 10), err))
        return false;
    b->cells =
        mls_new_huge(rows * (features + 1) * (int64_t)sizeof(double), err);
    b->objective = mls_new(b->penalties, sizeof(double), err);
    if (!b->cells || !b->objective)
        return false;
    if (!read_table(argv[1], b->cells, rows * (features + 1)))
        return mls_fail(err, MLS_IO, "%s cannot be read", argv[1]);
    b->data.rows = rows;
    b->data.features = features;
    b->data.x = (struct mls_matrix){ b->cells, rows, features, rows };
    b->data.target.rows = rows;
    b->data.target.y = b->cells + rows * features;
    return true;
}

int main(int argc, char **argv)
{
    struct bench bench = { .penalties = 0 };
    struct mls_error err = { 0 };
    int64_t rounds = argc == 8 ? strtoll(argv[5], NULL, 10) : 0;
    bool ok = true;

    if (argc != 8) {
        fprintf(stderr, "usage: lasso_path FILE ROWS FEATURES THREADS ROUNDS "
                        "PENALTIES LOG10_OF_LEAST\n");
        return 2;
    }
    ok = prepare(&bench, argv, &err);
    printf("{\"seconds\": [");
    for (int64_t k = 0; ok && k < rounds; k++) {
        double start = mls_now();

        ok = once(&bench, &err);
        printf("%s%.6f", k ? ", " : "", mls_now() - start);
    }
    printf("], \"objective\": [");
    for (int64_t k = 0; ok && k < bench.penalties; k++)
        printf("%s%.17g", k ? ", " : "", bench.objective[k]);
    printf("]}\n");
    if (!ok)
        fprintf(stderr, "lasso_path: %s\n", err.what);
    mls_free(bench.objective);
    mls_free(bench.cells);
    mls_run_clear(&bench.run);
    return ok ? 0 : 1;
}
