/*
 * Fits of a learner on a matrix that lies in memory, timed:
 *
 *     fit LEARNER FILE ROWS FEATURES CLASSES THREADS ROUNDS [KEY=VALUE ...]
 *
 * FILE holds the features column by column, then the target, as doubles of this
 * machine; CLASSES 0 is regression.  Prints JSON: seconds of each round by the
 * clock and of all processors, and the coefficients and intercepts of the last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "learner/learners.h"
#include "mlspec/run.h"
#include "model/model.h"
#include "table/dataset.h"

static int fail(const struct mls_error *err)
{
    fprintf(stderr, "fit: %s\n", err->what);
    return 1;
}

static double processor_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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

static void print_array(const struct mls_model *model, const char *name)
{
    const struct mls_array *array = mls_arrays_find(&model->arrays, name);
    const double *data = array->data;

    printf(", \"%s\": [", name);
    for (int64_t i = 0; i < array->count; i++)
        printf("%s%.17g", i ? ", " : "", data[i]);
    printf("]");
}

static bool set_params(const struct mls_learner_type *learner, void *params,
                       char **settings, struct mls_error *err)
{
    mls_params_init(learner->params, params, learner->params_size);
    for (; *settings; settings++) {
        char *value = strchr(*settings, '=');

        if (!value)
            continue;
        *value++ = '\0';
        if (!mls_params_set(learner->params, params, learner->name, *settings,
                            value, err)) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    union {
        double align;
        char bytes[512];
    } params;
    const struct mls_learner_type *learner;
    struct mls_run run = { 0 };
    struct mls_error err = { 0 };
    struct mls_dataset data = { 0 };
    int64_t rows, features, rounds;
    double *cells, *processor;

    if (argc < 8) {
        fprintf(stderr, "usage: fit LEARNER FILE ROWS FEATURES CLASSES THREADS "
                        "ROUNDS [KEY=VALUE ...]\n");
        return 2;
    }
    rows = strtoll(argv[3], NULL, 10);
    features = strtoll(argv[4], NULL, 10);
    rounds = strtoll(argv[7], NULL, 10);
    learner = mls_learner_find(argv[1], 0, &err);
    if (!learner || !set_params(learner, &params, argv + 8, &err)
        || !mls_run_init(&run, (int)strtol(argv[6], NULL, 10), &err)) {
        return fail(&err);
    }
    cells = mls_new_huge(rows * (features + 1) * (int64_t)sizeof(double), &err);
    if (!cells || !read_table(argv[2], cells, rows * (features + 1))) {
        fprintf(stderr, "fit: %s cannot be read\n", argv[2]);
        return 1;
    }
    data.rows = rows;
    data.features = features;
    data.x = (struct mls_matrix){ cells, rows, features, rows };
    data.target.classes = (int)strtol(argv[5], NULL, 10);
    data.target.task = data.target.classes == 0   ? MLS_REGRESSION
                       : data.target.classes == 2 ? MLS_BINARY
                                                  : MLS_MULTICLASS;
    data.target.rows = rows;
    data.target.y = cells + rows * features;
    processor = mls_new(rounds, sizeof(double), &err);
    if (!processor)
        return fail(&err);
    printf("{\"seconds\": [");
    for (int64_t k = 0; k < rounds; k++) {
        struct mls_fit_job job = { &params, &data, 0, &run, NULL };
        double start = mls_now(), used = processor_seconds();
        struct mls_model *model = learner->fit(&job, &err);

        if (!model)
            return fail(&err);
        printf("%s%.6f", k ? ", " : "", mls_now() - start);
        processor[k] = processor_seconds() - used;
        if (k == rounds - 1) {
            printf("], \"processor_seconds\": [");
            for (int64_t i = 0; i < rounds; i++)
                printf("%s%.6f", i ? ", " : "", processor[i]);
            printf("]");
            print_array(model, "coef");
            print_array(model, "intercept");
        }
        mls_model_free(model);
    }
    printf("}\n");
    mls_free(processor);
    mls_free(cells);
    mls_run_clear(&run);
    return 0;
}
