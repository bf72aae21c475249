/* The list of metrics, and those of predicted classes. */
#include "test.h"

#include "base/memory.h"
#include "unit/metric/cases.h"

static void names_are_unique_and_every_row_is_complete(void **state)
{
    int count = 0;

    (void)state;
    for (; mls_metrics[count]; count++) {
        const struct mls_metric_type *metric = mls_metrics[count];

        assert_non_null(metric->compute);
        assert_true(metric->title[0] != '\0' && metric->source[0] != '\0');
        assert_true(metric->tasks != 0);
        assert_int_equal(metric->tasks & ~(MLS_TASK_ANY | MLS_TASK_ANOMALY), 0);
        for (int other = 0; other < count; other++)
            assert_string_not_equal(metric->name, mls_metrics[other]->name);
    }
    assert_int_equal(count, 43);
}

static void every_metric_is_found_by_its_name(void **state)
{
    struct mls_error err;

    (void)state;
    for (int i = 0; mls_metrics[i]; i++)
        assert_ptr_equal(mls_metric_find(mls_metrics[i]->name, 0, &err),
                         mls_metrics[i]);
}

static void a_misspelt_metric_names_the_nearest(void **state)
{
    struct mls_error err;

    (void)state;
    assert_null(mls_metric_find("roc_acu", MLS_BINARY, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "\"roc_acu\""));
    assert_non_null(strstr(err.fix, "\"roc_auc\""));
}

static void an_unknown_metric_gets_the_list_of_those_that_fit(void **state)
{
    struct mls_error err;

    (void)state;
    assert_null(mls_metric_find("sharpness", MLS_REGRESSION, &err));
    assert_string_equal(err.fix, "choose from rmse, mae, mse, r2, or see "
                                 "mlspec help metrics");
    assert_null(mls_metric_find("", 0, &err));
    assert_string_equal(err.fix, "choose from roc_auc, log_loss, accuracy, f1, "
                                 "precision, recall, rmse, mae, mse, r2, or see "
                                 "mlspec help metrics");
}

static void a_metric_of_another_task_is_refused(void **state)
{
    struct mls_error err;

    (void)state;
    assert_null(mls_metric_find("rmse", MLS_BINARY, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_string_equal(err.what,
                        "metric \"rmse\" is not for binary classification");
    assert_string_equal(err.fix, "choose from roc_auc, log_loss, accuracy, f1, "
                                 "precision, recall, or see mlspec help "
                                 "metrics");
    assert_null(mls_metric_find("f1", MLS_REGRESSION, &err));
}

static void each_task_has_the_default_that_the_help_promises(void **state)
{
    (void)state;
    assert_string_equal(mls_metric_default(MLS_BINARY)->name, "roc_auc");
    assert_string_equal(mls_metric_default(MLS_MULTICLASS)->name, "log_loss");
    assert_string_equal(mls_metric_default(MLS_REGRESSION)->name, "rmse");
}

struct expected {
    const char *name;
    double plain, weighted;
};

static void check_against(const struct metric_case *in,
                          const struct expected *rows, int count)
{
    struct mls_outcome weighted = in->outcome;

    weighted.weight = in->weight;
    for (int i = 0; i < count; i++) {
        assert_true(
            near(metric_value(rows[i].name, &in->outcome), rows[i].plain));
        assert_true(
            near(metric_value(rows[i].name, &weighted), rows[i].weighted));
    }
}

/* accuracy_score(t, p, sample_weight=w), precision_score, recall_score,
 * f1_score, with and without weights. */
static void binary_metrics_equal_scikit_learns(void **state)
{
    static const struct expected rows[] = {
        { "accuracy", 0.79500000000000004, 0.79564489112227799 },
        { "precision", 0.11904761904761904, 0.091666666666666674 },
        { "recall", 0.55555555555555558, 0.45833333333333337 },
        { "f1", 0.19607843137254902, 0.15277777777777779 },
    };
    struct metric_case in;

    (void)state;
    binary_case(&in);
    check_against(&in, rows, sizeof(rows) / sizeof(rows[0]));
}

/* The same with average='macro'. */
static void multiclass_metrics_equal_scikit_learns_macro_average(void **state)
{
    static const struct expected rows[] = {
        { "accuracy", 0.75, 0.72529313232830817 },
        { "precision", 0.66286097546271172, 0.63805431403550417 },
        { "recall", 0.75572916666666667, 0.73581009647152107 },
        { "f1", 0.69460400814489343, 0.67094860360069264 },
    };
    struct metric_case in;

    (void)state;
    multiclass_case(&in);
    check_against(&in, rows, sizeof(rows) / sizeof(rows[0]));
}

/*
 * t = np.where(i == 17, 3, i % 2); p = np.where(i == 40, 2, (i//3) % 2) and
 * sample_weight w + 0.05: class 3 is never predicted, class 2 never true, and
 * class 4 (of 5) is in neither, so it is not averaged.
 */
static void rare_classes_are_averaged_as_scikit_learn_does(void **state)
{
    static const struct expected rows[] = {
        { "precision", 0.33165791068902806, 0.33288441324423762 },
        { "recall", 0.33164141414141413, 0.33142088985731366 },
        { "f1", 0.33164128595600673, 0.33213374548078256 },
    };
    struct metric_case in;

    (void)state;
    start_case(&in, MLS_MULTICLASS, 5);
    for (int i = 0; i < CASE_ROWS; i++) {
        in.truth[i] = i == 17 ? 3 : i % 2;
        in.prediction[i] = i == 40 ? 2 : i / 3 % 2;
        in.weight[i] += 0.05;
    }
    check_against(&in, rows, sizeof(rows) / sizeof(rows[0]));
}

static void perfect_predictions_score_exactly_one(void **state)
{
    static const char *const names[] = { "accuracy", "precision", "recall",
                                         "f1" };
    struct metric_case in;

    (void)state;
    for (int task = MLS_BINARY; task <= MLS_MULTICLASS; task++) {
        if (task == MLS_BINARY)
            binary_case(&in);
        else
            multiclass_case(&in);
        in.outcome.prediction = in.truth;
        in.outcome.weight = in.weight;
        for (int i = 0; i < 4; i++)
            assert_true(metric_value(names[i], &in.outcome) == 1);
    }
}

static void nothing_over_nothing_is_zero(void **state)
{
    double negative[3] = { 0, 0, 0 }, positive[3] = { 1, 1, 1 };
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = 3,
                                   .classes = 2,
                                   .truth = positive,
                                   .prediction = negative };

    (void)state;
    assert_true(metric_value("precision", &outcome) == 0);
    outcome.truth = negative;
    outcome.prediction = positive;
    assert_true(metric_value("recall", &outcome) == 0);
    outcome.prediction = negative;
    assert_true(metric_value("f1", &outcome) == 0);
    assert_true(metric_value("accuracy", &outcome) == 1);
}

static void a_row_of_weight_zero_counts_as_no_row(void **state)
{
    double truth[5] = { 0, 0, 1, 1, 2 }, predicted[5] = { 0, 1, 1, 1, 1 };
    double weight[5] = { 1, 1, 1, 1, 0 };
    struct mls_outcome outcome = { .task = MLS_MULTICLASS,
                                   .n = 5,
                                   .classes = 3,
                                   .truth = truth,
                                   .prediction = predicted,
                                   .weight = weight };
    double with_it = metric_value("f1", &outcome);

    (void)state;
    outcome.n = 4;
    assert_true(metric_value("f1", &outcome) == with_it);
    /* f1_score([0,0,1,1], [0,1,1,1], average='macro') */
    assert_true(near(with_it, 0.73333333333333339));
}

static void whole_weights_give_the_bits_of_repeated_rows(void **state)
{
    static const char *const names[] = { "accuracy", "precision", "recall",
                                         "f1", "roc_auc" };
    struct metric_case in, repeated;
    int times[100];

    (void)state;
    for (int task = MLS_BINARY; task <= MLS_MULTICLASS; task++) {
        if (task == MLS_BINARY)
            binary_case(&in);
        else
            multiclass_case(&in);
        for (int i = 0; i < 100; i++) {
            times[i] = i % 4;
            in.weight[i] = i % 4;
        }
        repeat_rows(&in, times, 100, &repeated);
        in.outcome.n = 100;
        in.outcome.weight = in.weight;
        assert_int_equal(repeated.outcome.n, 150);
        for (int i = 0; i < 5; i++) {
            double weighted = metric_value(names[i], &in.outcome);
            assert_true(weighted == metric_value(names[i], &repeated.outcome));
            assert_true(weighted > 0);
        }
    }
}

/* A table on which the metric is defined. */
static void case_for(const struct mls_metric_type *metric,
                     struct metric_case *in)
{
    if (metric->tasks & MLS_TASK_REGRESSION)
        regression_case(in, 10);
    else if (metric->tasks & MLS_TASK_MULTICLASS)
        multiclass_case(in);
    else
        binary_case(in);
}

static void no_rows_no_weight_or_a_bad_weight_is_an_error(void **state)
{
    struct metric_case in;
    struct mls_error err;

    (void)state;
    for (int m = 0; mls_metrics[m]; m++) {
        const char *name = mls_metrics[m]->name;

        case_for(mls_metrics[m], &in);
        in.outcome.n = 0;
        assert_int_equal(metric_failure(name, &in.outcome, &err), MLS_DATA);
        assert_non_null(strstr(err.what, name));
        assert_non_null(strstr(err.what, "no rows"));

        in.outcome.n = 5;
        in.outcome.weight = (const double[5]){ 0 };
        assert_int_equal(metric_failure(name, &in.outcome, &err), MLS_DATA);
        assert_non_null(strstr(err.what, "all rows have weight 0"));

        in.outcome.weight = (const double[5]){ 1, 1, -1, 1, 1 };
        assert_int_equal(metric_failure(name, &in.outcome, &err), MLS_DATA);
        assert_int_equal(err.row, 3);
        in.outcome.weight = (const double[5]){ 1, NAN, 1, 1, 1 };
        assert_int_equal(metric_failure(name, &in.outcome, &err), MLS_DATA);
        assert_int_equal(err.row, 2);
        in.outcome.weight = (const double[5]){ 1, 1, 1, INFINITY, 1 };
        assert_int_equal(metric_failure(name, &in.outcome, &err), MLS_DATA);
        assert_int_equal(err.row, 4);
        in.outcome.weight = (const double[5]){ 1e308, 1e308, 1, 1, 1 };
        assert_int_equal(metric_failure(name, &in.outcome, &err), MLS_DATA);
        assert_non_null(strstr(err.what, "infinity"));
    }
}

static void every_metric_survives_each_failed_allocation(void **state)
{
    struct metric_case in;
    struct mls_error err;

    (void)state;
    for (int m = 0; mls_metrics[m]; m++) {
        int64_t failed = 0;
        enum mls_code code;

        case_for(mls_metrics[m], &in);
        do {
            mls_memory_fail_at(++failed);
            code = metric_failure(mls_metrics[m]->name, &in.outcome, &err);
            mls_memory_fail_at(0);
            assert_true(code == MLS_OK || code == MLS_LIMIT);
            assert_int_equal(mls_memory_live(), 0);
        } while (code != MLS_OK);
        if (mls_metrics[m]->needs == MLS_NEEDS_PROBABILITY
            && strcmp(mls_metrics[m]->name, "roc_auc") == 0)
            assert_true(failed > 4);
    }
}

/* confusion_matrix(t, p), and with sample_weight=w. */
static void
the_confusion_matrix_counts_weights_by_truth_and_prediction(void **state)
{
    static const double plain[16] = {
        89, 12, 8, 11, 4, 24, 3, 1, 2, 2, 25, 3, 2, 0, 2, 12,
    };
    static const double weighted[16] = {
        26,  3.8, 3.4, 3.2, 1.3, 7, 0.6, 0.3,
        0.9, 0.6, 6.8, 1.1, 0.9, 0, 0.3, 3.5,
    };
    struct metric_case in;
    double counts[16];

    (void)state;
    multiclass_case(&in);
    mls_confusion(&in.outcome, counts);
    for (int cell = 0; cell < 16; cell++)
        assert_true(counts[cell] == plain[cell]);
    in.outcome.weight = in.weight;
    mls_confusion(&in.outcome, counts);
    for (int cell = 0; cell < 16; cell++)
        assert_true(near(counts[cell], weighted[cell]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique_and_every_row_is_complete),
        cmocka_unit_test(every_metric_is_found_by_its_name),
        cmocka_unit_test(a_misspelt_metric_names_the_nearest),
        cmocka_unit_test(an_unknown_metric_gets_the_list_of_those_that_fit),
        cmocka_unit_test(a_metric_of_another_task_is_refused),
        cmocka_unit_test(each_task_has_the_default_that_the_help_promises),
        cmocka_unit_test(binary_metrics_equal_scikit_learns),
        cmocka_unit_test(multiclass_metrics_equal_scikit_learns_macro_average),
        cmocka_unit_test(rare_classes_are_averaged_as_scikit_learn_does),
        cmocka_unit_test(perfect_predictions_score_exactly_one),
        cmocka_unit_test(nothing_over_nothing_is_zero),
        cmocka_unit_test(a_row_of_weight_zero_counts_as_no_row),
        cmocka_unit_test(whole_weights_give_the_bits_of_repeated_rows),
        cmocka_unit_test(no_rows_no_weight_or_a_bad_weight_is_an_error),
        cmocka_unit_test(every_metric_survives_each_failed_allocation),
        cmocka_unit_test(
            the_confusion_matrix_counts_weights_by_truth_and_prediction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
