/*
 * Cells to codes, timed: bench_bins [rows [features [threads]]]
 * Median of five, after one run that touches the memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "learner/binned.h"

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double time_of(const struct mls_run *run, const struct mls_dataset *data,
                      const struct mls_binning *how)
{
    struct mls_error err;
    struct mls_binned binned;
    double seconds[6];

    for (int k = 0; k < 6; k++) {
        double start = mls_now();

        if (!mls_binned_make(run, data, how, &binned, &err)) {
            fprintf(stderr, "%s\n", err.what);
            exit(1);
        }
        seconds[k] = mls_now() - start;
        mls_binned_clear(&binned);
    }
    qsort(seconds + 1, 5, sizeof(*seconds), by_size);
    return seconds[3];
}

int main(int argc, char **argv)
{
    int64_t rows = argc > 1 ? strtol(argv[1], NULL, 10) : 800000;
    int64_t features = argc > 2 ? strtol(argv[2], NULL, 10) : 28;
    int threads = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0;
    struct mls_binning how = { .most = 255, .sample = 200000 };
    struct mls_dataset data = { .rows = rows, .features = features };
    struct mls_error err;
    struct mls_run run;

    if (!mls_run_init(&run, threads, &err)
        || !mls_matrix_new(&data.x, rows, features, &err)) {
        fprintf(stderr, "%s\n", err.what);
        return 1;
    }
    for (int64_t i = 0; i < rows * features; i++)
        data.x.data[i] = mls_random_normal(
            mls_random(1, MLS_RANDOM_TEST, (uint64_t)i));
    printf("%lld x %lld, %d threads\n", (long long)rows, (long long)features,
           run.threads);
    printf("cuts          %.1f ms\n", 1e3 * time_of(&run, &data, &how));
    how.by_column = true;
    printf("and columns   %.1f ms\n", 1e3 * time_of(&run, &data, &how));
    mls_free(data.x.data);
    mls_run_clear(&run);
    return 0;
}
