/* Averages, agreement, probabilities: metrics of classes against
 * scikit-learn's on the tables of cases.h, and by hand. */
#include "test.h"

#include "unit/metric/cases.h"

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

/*
 * average_precision_score(t, s), brier_score_loss(t, s),
 * balanced_accuracy_score, matthews_corrcoef, cohen_kappa_score(t, p),
 * fbeta_score(t, p, beta=0.5), f1_score(t, p, average='macro') and so on, all
 * with and without sample_weight=w.  calibration_error by numpy:
 *   e = np.arange(16)*(1/15); b = np.searchsorted(e[1:-1], s)
 *   sum(abs((w*s)[b == k].sum() - (w*t)[b == k].sum()) for k in range(15))
 *     / w.sum()
 */
static void binary_metrics_equal_scikit_learns(void **state)
{
    static const struct expected rows[] = {
        { "average_precision", 0.49241340896720359, 0.78274022878961969 },
        { "brier_score", 0.13012499999999999, 0.12024288107202682 },
        { "balanced_accuracy", 0.68091913903432233, 0.63405322862129154 },
        { "matthews_corrcoef", 0.18416167556917859, 0.13141362436329945 },
        { "cohen_kappa", 0.13172384582803898, 0.091935966487133425 },
        { "f0_5", 0.14124293785310735, 0.10912698412698413 },
        { "f2", 0.32051282051282054, 0.25462962962962959 },
        { "f1_macro", 0.53929996067194785, 0.51829365079365086 },
        { "f1_weighted", 0.8516315523344008, 0.85442131291377521 },
        { "precision_macro", 0.5468655816757082, 0.53220649895178196 },
        { "precision_weighted", 0.93617992766726943, 0.9373260432139735 },
        { "recall_macro", 0.68091913903432233, 0.63405322862129143 },
        { "calibration_error", 0.27550000000000002, 0.28442211055276378 },
    };
    struct metric_case in;

    (void)state;
    binary_case(&in);
    check_against(&in, rows, sizeof(rows) / sizeof(rows[0]));
}

/* The same on classes with average='macro' where none is named, and
 * roc_auc_score(t, P, multi_class='ovr', average='weighted').  Calibration:
 * s = P.max(1), and t replaced by P.argmax(1) == t. */
static void multiclass_metrics_equal_scikit_learns(void **state)
{
    static const struct expected rows[] = {
        { "roc_auc_weighted", 0.99238095238095236, 0.99284873210939184 },
        { "average_precision", 0.96875, 0.9691647597254005 },
        { "brier_score", 0.42312560848797109, 0.42190964606697107 },
        { "balanced_accuracy", 0.75572916666666667, 0.73581009647152107 },
        { "matthews_corrcoef", 0.61816761942964937, 0.57740345993968911 },
        { "cohen_kappa", 0.60778161280200815, 0.56631052995269227 },
        { "f0_5", 0.67284423971021856, 0.64828496128289825 },
        { "f2", 0.72661869409953594, 0.70474586236471204 },
        { "f1_macro", 0.69460400814489343, 0.67094860360069264 },
        { "f1_weighted", 0.76081706140820915, 0.73629057234682993 },
        { "precision_macro", 0.66286097546271172, 0.63805431403550417 },
        { "precision_weighted", 0.7923868089467655, 0.76986402567615442 },
        { "recall_macro", 0.75572916666666667, 0.73581009647152107 },
        { "calibration_error", 0.4939084249084249, 0.49474770065222329 },
    };
    struct metric_case in;

    (void)state;
    multiclass_case(&in);
    check_against(&in, rows, sizeof(rows) / sizeof(rows[0]));
}

/* top_k_accuracy_score(p, P, k=k, sample_weight=w): the predictions serve as
 * truth, because the true classes are all likely.  Many are equally likely. */
static void the_likeliest_classes_are_scikit_learns(void **state)
{
    static const struct expected rows[] = {
        { "top_2_accuracy", 0.83999999999999997, 0.83082077051926295 },
        { "top_3_accuracy", 0.92000000000000004, 0.91959798994974873 },
        { "top_5_accuracy", 1, 1 },
        { "calibration_error", 0.25890842490842497, 0.23679125174100044 },
    };
    struct metric_case in;

    (void)state;
    multiclass_case(&in);
    in.outcome.truth = in.prediction;
    check_against(&in, rows, sizeof(rows) / sizeof(rows[0]));
}

/* The table of rare_classes_are_averaged_as_scikit_learn_does. */
static void classes_without_rows_count_as_scikit_learn_counts_them(void **state)
{
    static const struct expected rows[] = {
        { "balanced_accuracy", 0.44218855218855219, 0.44189451980975142 },
        { "cohen_kappa", 0.32666600653530053, 0.32859997102023075 },
        { "matthews_corrcoef", 0.32669835771206074, 0.32865443513641762 },
        { "f1_weighted", 0.6599830795262267, 0.66283894157170686 },
        { "recall_macro", 0.33164141414141413, 0.33142088985731366 },
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

static void perfect_classes_agree_fully_and_swapped_ones_not_at_all(void **state)
{
    double truth[4] = { 0, 1, 1, 0 }, swapped[4] = { 1, 0, 0, 1 };
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = 4,
                                   .classes = 2,
                                   .truth = truth,
                                   .prediction = truth };

    (void)state;
    assert_true(metric_value("cohen_kappa", &outcome) == 1);
    assert_true(metric_value("matthews_corrcoef", &outcome) == 1);
    outcome.prediction = swapped;
    assert_true(metric_value("cohen_kappa", &outcome) == -1);
    assert_true(metric_value("matthews_corrcoef", &outcome) == -1);
}

static void one_class_on_both_sides_has_no_kappa(void **state)
{
    double ones[3] = { 1, 1, 1 }, mixed[3] = { 1, 0, 1 };
    double weight[3] = { 0.1, 0.7, 0.1 };
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = 3,
                                   .classes = 2,
                                   .truth = ones,
                                   .prediction = ones,
                                   .weight = weight };
    struct mls_error err;

    (void)state;
    assert_int_equal(metric_failure("cohen_kappa", &outcome, &err), MLS_DATA);
    assert_true(metric_value("matthews_corrcoef", &outcome) == 0);
    outcome.prediction = mixed;
    assert_true(metric_value("cohen_kappa", &outcome) == 0);
    assert_true(metric_value("matthews_corrcoef", &outcome) == 0);
}

static void a_constant_probability_is_off_by_its_distance_from_the_share(
    void **state)
{
    double truth[4] = { 0, 1, 1, 1 };
    double p[8] = { 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5 };
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = 4,
                                   .classes = 2,
                                   .truth = truth,
                                   .prediction = truth,
                                   .probability = p };

    (void)state;
    assert_true(metric_value("calibration_error", &outcome) == 0.25);
    assert_true(metric_value("brier_score", &outcome) == 0.25);
    /* Every cut holds all rows: its precision is the share. */
    assert_true(metric_value("average_precision", &outcome) == 0.75);
}

static void probabilities_outside_of_0_to_1_are_refused_with_their_row(
    void **state)
{
    static const char *const names[] = { "brier_score", "calibration_error",
                                         "top_2_accuracy" };
    struct metric_case in;
    struct mls_error err;

    (void)state;
    for (int i = 0; i < 3; i++) {
        multiclass_case(&in);
        in.probability[4 * 7 + 2] = i == 1 ? NAN : 1.5;
        assert_int_equal(metric_failure(names[i], &in.outcome, &err),
                         MLS_DATA);
        assert_int_equal(err.row, 8);
    }
}

static void a_class_without_rows_leaves_average_precision_undefined(
    void **state)
{
    struct metric_case in;
    struct mls_error err;

    (void)state;
    multiclass_case(&in);
    for (int i = 0; i < CASE_ROWS; i++)
        in.truth[i] = in.truth[i] == 2 ? 1 : in.truth[i];
    assert_int_equal(metric_failure("average_precision", &in.outcome, &err),
                     MLS_DATA);
    assert_non_null(strstr(err.what, "class 3 of 4"));
    binary_case(&in);
    for (int i = 0; i < CASE_ROWS; i++)
        in.truth[i] = 0;
    assert_int_equal(metric_failure("average_precision", &in.outcome, &err),
                     MLS_DATA);
    assert_non_null(strstr(err.what, "positive class"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_metrics_equal_scikit_learns),
        cmocka_unit_test(multiclass_metrics_equal_scikit_learns),
        cmocka_unit_test(the_likeliest_classes_are_scikit_learns),
        cmocka_unit_test(
            classes_without_rows_count_as_scikit_learn_counts_them),
        cmocka_unit_test(
            perfect_classes_agree_fully_and_swapped_ones_not_at_all),
        cmocka_unit_test(one_class_on_both_sides_has_no_kappa),
        cmocka_unit_test(
            a_constant_probability_is_off_by_its_distance_from_the_share),
        cmocka_unit_test(
            probabilities_outside_of_0_to_1_are_refused_with_their_row),
        cmocka_unit_test(
            a_class_without_rows_leaves_average_precision_undefined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
