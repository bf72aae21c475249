/*
 * Every allocation fails in turn: each time there is an error that says so,
 * nothing leaks, nothing is left on disk.  At most POINTS even points a case.
 */
#include "contract.h"

#include <sys/stat.h>

#define POINTS 200

struct work {
    const char *csv, *model, *output;
    enum mls_task task;
};

/* The others follow from the target. */
static enum mls_task anomaly(const struct work *w)
{
    return w->task == MLS_ANOMALY ? MLS_ANOMALY : 0;
}

/* Few allocations: each is made to fail once. */
static const char *plain(const struct work *w)
{
    return mls_learner_plain(w->task)->name;
}

static bool train(const struct work *w, struct mls_error *err)
{
    struct mls_settings settings = { .train = true, .seed = 1,
                                     .learner = plain(w),
                                     .task = anomaly(w) };
    struct mls_read_options options = { .block_rows = 50 };
    struct mls_roles roles = { .target = "target" };
    struct mls_table table = { 0 };
    struct mls_run run = { 0 };
    struct mls_pipeline *p = NULL;
    bool ok = mls_run_init(&run, 1, err)
        && mls_table_read(w->csv, &options, &run, &table, err)
        && mls_schema_set_roles(&table.schema, &roles, err)
        && (p = mls_pipeline_new(&settings, &table, &run, err)) != NULL
        && mls_pipeline_fit(p, &table, NULL, 0, &run, err)
        && mls_pipeline_save(p, w->output, err);

    mls_pipeline_free(p);
    mls_table_clear(&table);
    mls_run_clear(&run);
    return ok;
}

static bool predict(const struct work *w, struct mls_error *err)
{
    struct mls_read_options options = { .block_rows = 50 };
    struct mls_predict_options how = { .proba = w->task != MLS_REGRESSION
                                           && !anomaly(w),
                                       .contrib = anomaly(w) != 0,
                                       .keep = "city,alpha",
                                       .threshold = NAN };
    struct mls_run run = { 0 };
    struct mls_pipeline *p = mls_pipeline_load(w->model, err);
    bool ok = p && mls_run_init(&run, 1, err)
        && mls_pipeline_predict_file(p, w->csv, w->output, &options, &how,
                                     &run, NULL, err);

    mls_run_clear(&run);
    mls_pipeline_free(p);
    return ok;
}

static bool evaluate(const struct work *w, struct mls_error *err)
{
    struct mls_read_options options = { 0 };
    struct mls_evaluate_options how = {
        .metrics = "*", .threshold = NAN, .bootstrap = 3, .confidence = 0.9,
        .curves = w->task != MLS_REGRESSION,
        .best = w->task == MLS_BINARY ? "f1" : NULL
    };
    struct mls_evaluation e = { 0 };
    struct mls_table table = { 0 };
    struct mls_pipeline *p = mls_pipeline_load(w->model, err);
    bool ok = false;

    if (p) {
        mls_pipeline_read_options(p, &options);
        ok = mls_table_read(w->csv, &options, NULL, &table, err)
            && mls_evaluate(p, &table, &how, NULL, &e, err);
    }
    mls_evaluation_clear(&e);
    mls_table_clear(&table);
    mls_pipeline_free(p);
    return ok;
}

static bool importance(const struct work *w, struct mls_error *err)
{
    struct mls_read_options options = { 0 };
    struct mls_evaluate_options how = { .threshold = NAN };
    struct mls_importance all = { 0 };
    struct mls_table table = { 0 };
    struct mls_pipeline *p = mls_pipeline_load(w->model, err);
    bool ok = false;

    if (p) {
        mls_pipeline_read_options(p, &options);
        ok = mls_table_read(w->csv, &options, NULL, &table, err)
            && mls_importance(p, &table, &how, 1, NULL, &all, err);
    }
    mls_importance_clear(&all);
    mls_table_clear(&table);
    mls_pipeline_free(p);
    return ok;
}

static bool find_threshold(const struct work *w, struct mls_error *err)
{
    struct mls_settings settings = { .train = true, .learner = "logistic" };
    struct mls_read_options options = { 0 };
    struct mls_roles roles = { .target = "target", .group = "gamma" };
    struct mls_table table = { 0 };
    struct mls_pipeline *p = NULL;
    double threshold, value;
    bool ok = mls_table_read(w->csv, &options, NULL, &table, err)
        && mls_schema_set_roles(&table.schema, &roles, err)
        && (p = mls_pipeline_new(&settings, &table, NULL, err)) != NULL
        && mls_cross_threshold(p, &table, 2, "f1", 0, NULL, &threshold, &value,
                               err);

    mls_pipeline_free(p);
    mls_table_clear(&table);
    return ok;
}

static bool tune(const struct work *w, struct mls_error *err)
{
    struct mls_settings settings = { .train = true, .seed = 1,
                                     .learner = plain(w),
                                     .task = anomaly(w) };
    struct mls_read_options options = { 0 };
    struct mls_roles roles = { .target = "target" };
    struct mls_tune_options how = { .search = "random", .trials = 2,
                                    .folds = 2 };
    struct mls_study_result result = { 0 };
    struct mls_table table = { 0 };
    struct mls_pipeline *p = NULL;
    bool ok = mls_table_read(w->csv, &options, NULL, &table, err)
        && mls_schema_set_roles(&table.schema, &roles, err)
        && (p = mls_pipeline_new(&settings, &table, NULL, err)) != NULL
        && mls_tune(p, &table, &how, NULL, &result, err);

    mls_study_result_clear(&result);
    mls_pipeline_free(p);
    mls_table_clear(&table);
    return ok;
}

typedef bool job(const struct work *w, struct mls_error *err);

static void torture(job *run, const struct work *w)
{
    struct mls_error err = { 0 };
    int64_t live, total, step;

    /* Once untouched: what opens for good (algebra, SQLite) is open then. */
    must(run(w, &err), &err);
    live = mls_memory_live();
    mls_memory_fail_at(INT64_MAX);
    must(run(w, &err), &err);
    total = mls_memory_count();
    mls_memory_fail_at(0);
    assert_int_equal(mls_memory_live(), live);
    assert_true(total > 50);
    step = total / POINTS + 1;
    for (int64_t n = 1; n <= total; n += step) {
        struct stat left;
        bool ok;

        unlink(w->output);
        memset(&err, 0, sizeof err);
        mls_memory_fail_at(n);
        ok = run(w, &err);
        mls_memory_fail_at(0);
        if (mls_memory_live() != live)
            fail_msg("allocation %d of %d: %d left", (int)n, (int)total,
                     (int)(mls_memory_live() - live));
        if (ok)
            continue; /* another library had a second try */
        if (err.code != MLS_LIMIT)
            fail_msg("allocation %d of %d: code %d: %s", (int)n, (int)total,
                     (int)err.code, err.what);
        assert_int_equal(stat(w->output, &left), -1);
    }
    unlink(w->output);
}

static void torture_task(enum mls_task task)
{
    struct form f = { .task = task, .rows = 80 };
    struct work w = { .task = task };
    char csv[256], model[256], output[256];

    snprintf(csv, sizeof csv, "%s", scratch("torture.csv"));
    snprintf(model, sizeof model, "%s", scratch("torture.mlspec"));
    snprintf(output, sizeof output, "%s", scratch("torture.out"));
    write_csv(&f, csv);
    w.csv = csv;
    w.model = model;
    w.output = model;
    {
        struct mls_error err = { 0 };
        must(train(&w, &err), &err);
    }
    w.output = output;
    torture(train, &w);
    torture(predict, &w);
    torture(evaluate, &w);
    torture(tune, &w);
    if (task == MLS_BINARY) {
        torture(find_threshold, &w);
        torture(importance, &w);
    }
    unlink(csv);
    unlink(model);
}

static void regression_survives_every_failed_allocation(void **state)
{
    (void)state;
    torture_task(MLS_REGRESSION);
}

static void classification_survives_every_failed_allocation(void **state)
{
    (void)state;
    torture_task(MLS_MULTICLASS);
}

static void two_classes_survive_every_failed_allocation(void **state)
{
    (void)state;
    torture_task(MLS_BINARY);
}

static void anomalies_survive_every_failed_allocation(void **state)
{
    (void)state;
    torture_task(MLS_ANOMALY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regression_survives_every_failed_allocation),
        cmocka_unit_test(classification_survives_every_failed_allocation),
        cmocka_unit_test(two_classes_survive_every_failed_allocation),
        cmocka_unit_test(anomalies_survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
