/* The area under the ROC curve against the count of pairs and scikit-learn. */
#include "test.h"

#include "base/random.h"
#include "metric/roc_auc.h"
#include "unit/metric/cases.h"

enum { MOST = 150 };

/* The definition: every pair of a positive and a negative row. */
static double auc_by_pairs(const double *truth, const double *score, int n)
{
    int64_t halves = 0, pairs = 0;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            if (truth[i] == 1 && truth[j] == 0) {
                pairs++;
                halves += 2 * (score[i] > score[j]) + (score[i] == score[j]);
            }
    return (double)halves / (double)(2 * pairs);
}

static double weighted_auc_by_pairs(const double *truth, const double *score,
                                    const double *weight, int n)
{
    long double won = 0, all = 0;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            if (truth[i] == 1 && truth[j] == 0) {
                long double pair = (long double)weight[i] * weight[j];

                all += pair;
                won += score[i] > score[j]    ? pair
                       : score[i] == score[j] ? pair / 2
                                              : 0;
            }
    return (double)(won / all);
}

/* Rows of both classes with few levels of score: many ties, both signs. */
static void random_rows(int round, int n, double *truth, double *score,
                        double *weight)
{
    int levels = 1 + round % 30;

    for (int i = 0; i < n; i++) {
        uint64_t bits =
            mls_random2(7, MLS_RANDOM_TEST, (uint32_t)round, (uint64_t)i);

        truth[i] = i < 2 ? i : (bits & 7) < 2;
        score[i] = ((int)(bits >> 8 & 0xffff) % levels - levels / 2) / 3.0;
        weight[i] = (double)(bits >> 32 & 15) / 8.7;
    }
    weight[0] = weight[1] = 0.3;
}

static void auc_equals_the_count_of_won_pairs(void **state)
{
    double truth[MOST], score[MOST], weight[MOST], auc;
    struct mls_error err;

    (void)state;
    for (int round = 0; round < 120; round++) {
        int n = 2 + round;

        random_rows(round, n, truth, score, weight);
        assert_true(mls_metric_auc(truth, score, NULL, n, &auc, &err));
        /* Both count halves and divide once: equal to the last bit. */
        assert_true(auc == auc_by_pairs(truth, score, n));
    }
}

static void weighted_auc_equals_the_weight_of_won_pairs(void **state)
{
    double truth[MOST], score[MOST], weight[MOST], auc;
    struct mls_error err;

    (void)state;
    for (int round = 0; round < 120; round++) {
        int n = 2 + round;

        random_rows(round, n, truth, score, weight);
        assert_true(mls_metric_auc(truth, score, weight, n, &auc, &err));
        assert_true(fabs(auc - weighted_auc_by_pairs(truth, score, weight, n))
                    <= 4e-16);
    }
}

/* roc_auc_score(t, s), and with sample_weight=w. */
static void binary_auc_equals_scikit_learns(void **state)
{
    struct metric_case in;

    (void)state;
    binary_case(&in);
    assert_true(near(metric_value("roc_auc", &in.outcome), 0.79173938336242));
    in.outcome.weight = in.weight;
    assert_true(
        near(metric_value("roc_auc", &in.outcome), 0.94342641070389766));
}

/* roc_auc_score(t, P, multi_class='ovr', average='macro'), and weighted. */
static void
multiclass_auc_equals_scikit_learns_mean_against_the_rest(void **state)
{
    struct metric_case in;

    (void)state;
    multiclass_case(&in);
    assert_true(
        near(metric_value("roc_auc", &in.outcome), 0.98809523809523814));
    in.outcome.weight = in.weight;
    assert_true(
        near(metric_value("roc_auc", &in.outcome), 0.98839862247094268));
}

/* t = np.where(i == 17, 2, i % 2), three classes, sample_weight w + 0.05. */
static void a_class_of_one_row_counts_as_much_as_the_others(void **state)
{
    struct metric_case in;

    (void)state;
    start_case(&in, MLS_MULTICLASS, 3);
    for (int i = 0; i < CASE_ROWS; i++) {
        int truth = i == 17 ? 2 : i % 2;

        in.truth[i] = truth;
        in.weight[i] += 0.05;
        case_probability(i, truth, 3, in.probability + 3 * i);
    }
    assert_true(
        near(metric_value("roc_auc", &in.outcome), 0.98733206653998729));
    in.outcome.weight = in.weight;
    assert_true(
        near(metric_value("roc_auc", &in.outcome), 0.98759594820186536));
}

static void perfect_useless_and_reversed_scores_give_1_half_and_0(void **state)
{
    static const double truth[5] = { 0, 0, 1, 1, 1 };
    static const double perfect[5] = { -1, -0.5, 1e-300, 1, INFINITY };
    static const double reversed[5] = { 5, 4, 3, 2, 1 };
    static const double same[5] = { 0, -0.0, 0, -0.0, 0 };
    struct mls_error err;
    double auc;

    (void)state;
    assert_true(mls_metric_auc(truth, perfect, NULL, 5, &auc, &err));
    assert_true(auc == 1);
    assert_true(mls_metric_auc(truth, reversed, NULL, 5, &auc, &err));
    assert_true(auc == 0);
    assert_true(mls_metric_auc(truth, same, NULL, 5, &auc, &err));
    assert_true(auc == 0.5);
}

static void one_class_has_no_area(void **state)
{
    struct metric_case in;
    struct mls_error err;

    (void)state;
    binary_case(&in);
    for (int i = 0; i < CASE_ROWS; i++)
        in.truth[i] = 1;
    assert_int_equal(metric_failure("roc_auc", &in.outcome, &err), MLS_DATA);
    assert_string_equal(err.what,
                        "roc_auc is undefined: all rows are of one class");
    /* The only row of the other class has no weight. */
    in.truth[0] = 0;
    assert_int_equal(metric_failure("roc_auc", &in.outcome, &err), MLS_OK);
    in.outcome.weight = in.weight;
    assert_int_equal(metric_failure("roc_auc", &in.outcome, &err), MLS_DATA);
}

static void a_missing_class_of_several_has_no_area(void **state)
{
    struct metric_case in;
    struct mls_error err;

    (void)state;
    multiclass_case(&in);
    for (int i = 0; i < CASE_ROWS; i++)
        if (in.truth[i] == 2)
            in.truth[i] = 3;
    assert_int_equal(metric_failure("roc_auc", &in.outcome, &err), MLS_DATA);
    assert_string_equal(err.what,
                        "roc_auc is undefined: no row is of class 3 of 4");
}

static void a_score_that_is_no_number_is_an_error_with_its_row(void **state)
{
    struct metric_case in;
    struct mls_error err;

    (void)state;
    binary_case(&in);
    in.probability[2 * 6 + 1] = NAN;
    assert_int_equal(metric_failure("roc_auc", &in.outcome, &err), MLS_DATA);
    assert_int_equal(err.row, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auc_equals_the_count_of_won_pairs),
        cmocka_unit_test(weighted_auc_equals_the_weight_of_won_pairs),
        cmocka_unit_test(binary_auc_equals_scikit_learns),
        cmocka_unit_test(
            multiclass_auc_equals_scikit_learns_mean_against_the_rest),
        cmocka_unit_test(a_class_of_one_row_counts_as_much_as_the_others),
        cmocka_unit_test(perfect_useless_and_reversed_scores_give_1_half_and_0),
        cmocka_unit_test(one_class_has_no_area),
        cmocka_unit_test(a_missing_class_of_several_has_no_area),
        cmocka_unit_test(a_score_that_is_no_number_is_an_error_with_its_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
