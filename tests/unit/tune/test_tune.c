#include "contract/contract.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tune/range.h"
#include "tune/study.h"

static struct mls_pipeline *unfitted(const struct mls_table *table)
{
    struct mls_settings settings = { .train = true, .seed = 1 };

    return linear_pipeline(&settings, table);
}

static void read_plain(struct mls_table *table)
{
    struct form f = { .task = MLS_BINARY, .rows = 120 };

    read_form(&f, NULL, table);
}

/* A search of its own; returns the result, and the best l2 as text. */
static void search(const struct mls_table *table,
                   const struct mls_tune_options *options,
                   struct mls_study_result *result, char l2[64])
{
    struct mls_pipeline *p = unfitted(table);
    struct mls_error err = { 0 };

    must(mls_tune(p, table, options, NULL, result, &err), &err);
    must(mls_pipeline_get(p, "l2", l2, 64, &err), &err);
    mls_pipeline_free(p);
}

static void assert_same_results(const struct mls_study_result *a,
                                const struct mls_study_result *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->best, b->best);
    for (int64_t i = 0; i < a->count; i++) {
        assert_int_equal(a->trials[i].number, i);
        assert_string_equal(a->trials[i].params, b->trials[i].params);
        assert_true(a->trials[i].value == b->trials[i].value);
    }
}

static void trials_are_a_function_of_seed_and_number(void **state)
{
    struct mls_tune_options options = { .search = "random", .trials = 6,
                                        .folds = 3, .seed = 11 };
    struct mls_study_result a, b, other;
    struct mls_table table = { 0 };
    char x[64], y[64], z[64];

    (void)state;
    read_plain(&table);
    search(&table, &options, &a, x);
    search(&table, &options, &b, y);
    assert_same_results(&a, &b);
    assert_string_equal(x, y);
    assert_string_equal(a.trials[0].params, "as given");
    options.seed = 12;
    search(&table, &options, &other, z);
    assert_string_not_equal(a.trials[1].params, other.trials[1].params);
    mls_study_result_clear(&a);
    mls_study_result_clear(&b);
    mls_study_result_clear(&other);
    mls_table_clear(&table);
}

static void the_best_trial_is_the_best(void **state)
{
    struct mls_tune_options options = { .search = "random", .trials = 8,
                                        .folds = 3, .metric = "log_loss" };
    struct mls_study_result r;
    struct mls_table table = { 0 };
    char l2[64], said[80];

    (void)state;
    read_plain(&table);
    search(&table, &options, &r, l2);
    for (int64_t i = 0; i < r.count; i++) {
        double best = r.trials[r.best].value;

        assert_true(r.trials[i].value > best
                    || (r.trials[i].value == best && i >= r.best));
    }
    snprintf(said, sizeof said, "l2=%s", l2);
    if (r.best > 0)
        assert_string_equal(r.trials[r.best].params, said);
    mls_study_result_clear(&r);
    mls_table_clear(&table);
}

static void a_grid_visits_every_combination(void **state)
{
    const char *ranges[] = { "l2=0.1,1", "impute.strategy=mean,median,mode" };
    struct mls_tune_options options = { .search = "grid", .folds = 2,
                                        .ranges = ranges, .range_count = 2 };
    struct mls_study_result r;
    struct mls_table table = { 0 };
    char l2[64];

    (void)state;
    read_plain(&table);
    search(&table, &options, &r, l2);
    assert_int_equal(r.count, 6);
    assert_string_equal(r.trials[0].params, "l2=0.1 impute.strategy=mean");
    assert_string_equal(r.trials[1].params, "l2=0.1 impute.strategy=median");
    assert_string_equal(r.trials[5].params, "l2=1 impute.strategy=mode");
    mls_study_result_clear(&r);
    mls_table_clear(&table);
}

/* Kills a process that is in the middle of a study, then goes on with it. */
static void a_killed_study_goes_on_to_the_same_end(void **state)
{
    const char *path = scratch("killed.study");
    struct mls_tune_options options = { .search = "random", .trials = 12,
                                        .folds = 3, .seed = 4,
                                        .study = path };
    struct mls_study_result resumed, whole;
    struct mls_table table = { 0 };
    char x[64], y[64];
    int status;
    pid_t child;

    (void)state;
    read_plain(&table);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct mls_study_result r;
        struct mls_error err = { 0 };
        struct mls_pipeline *p = unfitted(&table);

        options.trials = 1000000;
        _exit(mls_tune(p, &table, &options, NULL, &r, &err) ? 0 : 1);
    }
    usleep(400000);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    search(&table, &options, &resumed, x);
    options.study = NULL;
    search(&table, &options, &whole, y);
    assert_same_results(&resumed, &whole);
    assert_string_equal(x, y);
    mls_study_result_clear(&resumed);
    mls_study_result_clear(&whole);
    mls_table_clear(&table);
    unlink(path);
}

static void processes_share_a_study_and_agree(void **state)
{
    const char *path = scratch("shared.study");
    struct mls_tune_options options = { .search = "random", .trials = 10,
                                        .folds = 3, .seed = 9,
                                        .study = path };
    struct mls_study_result r, alone;
    struct mls_table table = { 0 };
    char x[64], y[64];
    pid_t child[2];
    int status;

    (void)state;
    read_plain(&table);
    for (int i = 0; i < 2; i++) {
        child[i] = fork();
        assert_true(child[i] >= 0);
        if (child[i] == 0) {
            struct mls_error err = { 0 };
            struct mls_pipeline *p = unfitted(&table);

            _exit(mls_tune(p, &table, &options, NULL, &r, &err) ? 0 : 1);
        }
    }
    search(&table, &options, &r, x);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    options.study = NULL;
    search(&table, &options, &alone, y);
    assert_same_results(&r, &alone);
    mls_study_result_clear(&r);
    mls_study_result_clear(&alone);
    mls_table_clear(&table);
    unlink(path);
}

static void a_study_of_something_else_is_refused(void **state)
{
    const char *path = scratch("other.study");
    struct mls_tune_options options = { .search = "random", .trials = 1,
                                        .folds = 3, .study = path };
    struct mls_study_result r;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    char l2[64];

    (void)state;
    read_plain(&table);
    search(&table, &options, &r, l2);
    mls_study_result_clear(&r);
    p = unfitted(&table);
    options.folds = 4;
    assert_false(mls_tune(p, &table, &options, NULL, &r, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "folds"));
    options.folds = 3;
    must(mls_pipeline_set(p, "scale.method", "minmax", &err), &err);
    assert_false(mls_tune(p, &table, &options, NULL, &r, &err));
    assert_non_null(strstr(err.what, "pipeline"));
    mls_pipeline_free(p);
    mls_table_clear(&table);
    unlink(path);
}

static void a_bad_range_is_refused(void **state)
{
    static const char *const bad[] = { "l2", "l2=", "l2=3..1", "l2=-1..1",
                                       "l2=0..1:log", "l2=1..2:lin",
                                       "l3=1..2", "impute.strategy=1..2",
                                       "impute.strategy=mean,avarage",
                                       "intercept=1..2" };
    struct mls_table table = { 0 };
    struct mls_pipeline *p;

    (void)state;
    read_plain(&table);
    p = unfitted(&table);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mls_range range = { 0 };
        struct mls_error err = { 0 };

        if (mls_range_parse(p, bad[i], &range, &err))
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(err.code, MLS_USAGE);
        mls_range_clear(&range);
    }
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

static void a_failing_trial_is_written_down_and_the_search_goes_on(void **state)
{
    /* Without one-hot the category column cannot be learned from. */
    const char *ranges[] = { "scale.high=1,2" };
    struct mls_tune_options options = { .search = "grid", .folds = 2,
                                        .ranges = ranges, .range_count = 1 };
    const char *families[] = { "encode=none" };
    struct mls_settings settings = { .train = true, .learner = "logistic",
                                     .families = families,
                                     .family_count = 1 };
    struct mls_study_result r;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    read_plain(&table);
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p != NULL, &err);
    assert_false(mls_tune(p, &table, &options, NULL, &r, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_non_null(strstr(err.what, "every trial failed"));
    assert_non_null(strstr(err.what, "city"));
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* One trial into a study; whether it went well. */
static bool one_trial(const struct mls_table *table, const char *path,
                      struct mls_error *err)
{
    struct mls_tune_options options = { .search = "random", .trials = 1,
                                        .folds = 2, .study = path };
    struct mls_pipeline *p = unfitted(table);
    struct mls_study_result r;
    bool ok = mls_tune(p, table, &options, NULL, &r, err);

    if (ok)
        mls_study_result_clear(&r);
    mls_pipeline_free(p);
    return ok;
}

static int64_t tables_in(const char *path)
{
    sqlite3_stmt *q;
    sqlite3 *db;
    int64_t n;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                         "SELECT count(*) FROM sqlite_master", -1, &q, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

static void a_file_that_is_no_study_is_left_alone(void **state)
{
    char path[256];
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    sqlite3 *db;
    size_t length;
    char *bytes;
    FILE *file;

    (void)state;
    read_plain(&table);
    snprintf(path, sizeof path, "%s", scratch("no.study"));
    /* A database of another program. */
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE places(url TEXT)", NULL,
                                  NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_false(one_trial(&table, path, &err));
    assert_int_equal(err.code, MLS_IO);
    assert_non_null(strstr(err.what, "not a study"));
    assert_string_equal(err.file, path);
    assert_int_equal(tables_in(path), 1);
    /* No database at all. */
    file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 300; i++)
        fputs("a,b\n", file);
    fclose(file);
    assert_false(one_trial(&table, path, &err));
    assert_int_equal(err.code, MLS_IO);
    assert_non_null(strstr(err.fix, "--study"));
    bytes = mls_file_read(path, INT64_MAX, &length, &err);
    assert_non_null(bytes);
    assert_int_equal(length, 1200);
    mls_free(bytes);
    unlink(path);
    assert_false(one_trial(&table, "/nonexistent/a.study", &err));
    assert_int_equal(err.code, MLS_IO);
    mls_table_clear(&table);
}

static void a_study_of_other_roles_is_refused(void **state)
{
    const char *path = scratch("roles.study");
    struct mls_roles roles = { .ignore = "gamma" };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };

    (void)state;
    read_plain(&table);
    must(one_trial(&table, path, &err), &err);
    must(one_trial(&table, path, &err), &err);
    must(mls_schema_set_roles(&table.schema, &roles, &err), &err);
    assert_false(one_trial(&table, path, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "columns"));
    mls_table_clear(&table);
    unlink(path);
}

static void options_that_cannot_be_are_refused_before_any_trial(void **state)
{
    const char *twice[] = { "l2=1,2", "impute.strategy=mean", "l2=3..4" };
    const char *alias[] = { "l2=1,2", "C=1,2" };
    struct mls_tune_options options = { .search = "random", .trials = 1,
                                        .folds = 1 };
    struct mls_study_result r;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    read_plain(&table);
    p = unfitted(&table);
    assert_false(mls_tune(p, &table, &options, NULL, &r, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "folds"));
    options.folds = 2;
    options.ranges = twice;
    options.range_count = 3;
    assert_false(mls_tune(p, &table, &options, NULL, &r, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "twice"));
    options.ranges = alias;
    options.range_count = 2;
    assert_false(mls_tune(p, &table, &options, NULL, &r, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "twice"));
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* Time that is up before the first trial is an error; after it, the best so
 * far counts, and the error object is left alone. */
static void at_the_deadline_the_best_so_far_counts(void **state)
{
    const char *path = scratch("late.study");
    struct mls_tune_options options = { .search = "random", .trials = 3,
                                        .folds = 2, .study = path };
    struct mls_study_result r;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    struct mls_run run;

    (void)state;
    read_plain(&table);
    p = unfitted(&table);
    must(mls_run_init(&run, 1, &err), &err);
    run.deadline = mls_now();
    assert_false(mls_tune(p, &table, &options, &run, &r, &err));
    assert_int_equal(err.code, MLS_LIMIT);
    must(one_trial(&table, path, &err), &err);
    memset(&err, 0, sizeof err);
    must(mls_tune(p, &table, &options, &run, &r, &err), &err);
    assert_int_equal(err.code, MLS_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.best, 0);
    mls_study_result_clear(&r);
    mls_run_clear(&run);
    mls_pipeline_free(p);
    mls_table_clear(&table);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trials_are_a_function_of_seed_and_number),
        cmocka_unit_test(the_best_trial_is_the_best),
        cmocka_unit_test(a_grid_visits_every_combination),
        cmocka_unit_test(a_killed_study_goes_on_to_the_same_end),
        cmocka_unit_test(processes_share_a_study_and_agree),
        cmocka_unit_test(a_study_of_something_else_is_refused),
        cmocka_unit_test(a_bad_range_is_refused),
        cmocka_unit_test(a_file_that_is_no_study_is_left_alone),
        cmocka_unit_test(a_study_of_other_roles_is_refused),
        cmocka_unit_test(options_that_cannot_be_are_refused_before_any_trial),
        cmocka_unit_test(at_the_deadline_the_best_so_far_counts),
        cmocka_unit_test(
            a_failing_trial_is_written_down_and_the_search_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
