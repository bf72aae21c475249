/* Metrics of ranking within groups against scikit-learn's, group by group, and
 * by hand. */
#include "test.h"

#include "unit/metric/cases.h"

/*
 *   i = np.arange(200); g = i*11 % 17
 *   t = (i*i*7 % 23 % 4).astype(float); p = (i*37 % 13)/4
 *   w = (g*5 % 7 + 1)/10
 */
static void ranking_case(struct metric_case *in, double *group)
{
    start_case(in, MLS_REGRESSION, 0);
    for (int i = 0; i < CASE_ROWS; i++) {
        group[i] = i * 11 % 17;
        in->truth[i] = i * i * 7 % 23 % 4;
        in->prediction[i] = i * 37 % 13 / 4.0;
        in->weight[i] = ((int)group[i] * 5 % 7 + 1) / 10.0;
    }
    in->outcome.group = group;
}

/* Means over g of ndcg_score([t], [p], k=k) and of average_precision_score(t >
 * 0, p), with the mean of w over each group as its weight. */
static void values_equal_scikit_learns_of_each_group(void **state)
{
    static const struct {
        const char *name;
        double plain, weighted;
    } rows[] = {
        { "ndcg", 0.82872414496684499, 0.83930702645594923 },
        { "ndcg_5", 0.61954520476520214, 0.6314356538110284 },
        { "ndcg_10", 0.74666379061565247, 0.7583648595676975 },
        { "mean_average_precision", 0.89259250042226856, 0.89628763567705216 },
    };
    struct metric_case in;
    struct mls_outcome weighted;
    double group[CASE_ROWS];

    (void)state;
    ranking_case(&in, group);
    weighted = in.outcome;
    weighted.weight = in.weight;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(near(metric_value(rows[i].name, &in.outcome),
                         rows[i].plain));
        assert_true(near(metric_value(rows[i].name, &weighted),
                         rows[i].weighted));
    }
}

static void rows_of_weight_0_are_not_there(void **state)
{
    struct metric_case in, fewer;
    double group[CASE_ROWS], group_fewer[CASE_ROWS];
    int n = 0;

    (void)state;
    ranking_case(&in, group);
    ranking_case(&fewer, group_fewer);
    for (int i = 0; i < CASE_ROWS; i++) {
        in.weight[i] = i % 3 != 0;
        if (i % 3 == 0)
            continue;
        fewer.truth[n] = in.truth[i];
        fewer.prediction[n] = in.prediction[i];
        group_fewer[n++] = group[i];
    }
    in.outcome.weight = in.weight;
    fewer.outcome.n = n;
    assert_true(metric_value("ndcg", &in.outcome)
                == metric_value("ndcg", &fewer.outcome));
    assert_true(metric_value("mean_average_precision", &in.outcome)
                == metric_value("mean_average_precision", &fewer.outcome));
}

/* One group of relevances 3, 0, 1 ranked as 0, 3, 1. */
static void a_small_group_by_hand(void **state)
{
    double truth[] = { 3, 0, 1 }, score[] = { 2, 5, 1 }, group[] = { 7, 7, 7 };
    struct mls_outcome outcome = { .task = MLS_REGRESSION, .n = 3,
                                   .truth = truth, .prediction = score,
                                   .group = group };
    double best = 3 + 1 / log2(3);

    (void)state;
    assert_true(near(metric_value("ndcg", &outcome),
                     (3 / log2(3) + 1 / log2(4)) / best));
    assert_true(near(metric_value("mean_average_precision", &outcome),
                     (1.0 / 2 + 2.0 / 3) / 2));
}

static void what_cannot_be_ranked_is_refused(void **state)
{
    struct metric_case in;
    struct mls_error err;
    double group[CASE_ROWS];

    (void)state;
    ranking_case(&in, group);
    in.outcome.group = NULL;
    assert_int_equal(metric_failure("ndcg", &in.outcome, &err), MLS_DATA);
    assert_non_null(strstr(err.fix, "--group"));
    in.outcome.group = group;
    group[3] = NAN;
    assert_int_equal(metric_failure("ndcg_5", &in.outcome, &err), MLS_DATA);
    group[3] = 1;
    in.truth[5] = -1;
    assert_int_equal(metric_failure("ndcg", &in.outcome, &err), MLS_DATA);
    memset(in.truth, 0, sizeof(in.truth));
    assert_true(metric_value("ndcg", &in.outcome) == 0);
    assert_int_equal(
        metric_failure("mean_average_precision", &in.outcome, &err), MLS_DATA);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_equal_scikit_learns_of_each_group),
        cmocka_unit_test(rows_of_weight_0_are_not_there),
        cmocka_unit_test(a_small_group_by_hand),
        cmocka_unit_test(what_cannot_be_ranked_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
