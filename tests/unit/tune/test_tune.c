#include "contract/contract.h"

#include <signal.h>
#include <sys/wait.h>

#include "tune/range.h"
#include "tune/study.h"

static struct mls_pipeline *unfitted(const struct mls_table *table)
{
    struct mls_settings settings = { .train = true, .seed = 1 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p = mls_pipeline_new(&settings, table, NULL, &err);

    must(p != NULL, &err);
    return p;
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
    struct mls_settings settings = { .train = true, .families = families,
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
        cmocka_unit_test(
            a_failing_trial_is_written_down_and_the_search_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
