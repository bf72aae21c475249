/* Curves against scikit-learn's points on the tables of cases.h. */
#include "test.h"

#include "base/memory.h"
#include "unit/metric/cases.h"

static const struct mls_curve *find(const struct mls_curves *curves,
                                    enum mls_curve_kind kind, int code)
{
    for (int64_t i = 0; i < curves->count; i++)
        if (curves->items[i].kind == kind && curves->items[i].code == code)
            return &curves->items[i];
    fail_msg("no curve");
    return NULL;
}

static void check_curve(const struct mls_curves *curves,
                        enum mls_curve_kind kind, int code, int64_t count,
                        const double *x, const double *y, const double *at)
{
    const struct mls_curve *curve = find(curves, kind, code);

    assert_int_equal(curve->count, count);
    for (int64_t i = 0; i < count; i++) {
        assert_true(near(curve->x[i], x[i]));
        assert_true(near(curve->y[i], y[i]));
        if (at)
            assert_true(curve->threshold[i] == at[i]);
    }
}

static void make(const struct mls_outcome *outcome, struct mls_curves *curves)
{
    struct mls_error err;

    assert_true(mls_curves_make(outcome, curves, &err));
}

/* x, y, at = roc_curve(t, s) */
static void the_roc_curve_is_scikit_learns(void **state)
{
    static const double roc_x[13] = {
        0, 0, 0, 0.073298429319371722, 0.15183246073298429,
        0.22513089005235601, 0.38219895287958117, 0.46596858638743455,
        0.53926701570680624, 0.61780104712041883, 0.69109947643979053,
        0.76439790575916233, 1,
    };
    static const double roc_y[13] = {
        0, 0.1111111111111111, 0.44444444444444442, 0.44444444444444442,
        0.44444444444444442, 0.55555555555555558, 0.77777777777777779,
        0.88888888888888884, 0.88888888888888884, 0.88888888888888884, 1,
        1, 1,
    };
    static const double roc_at[13] = {
        INFINITY, 0.80000000000000004, 0.65000000000000002,
        0.59999999999999998, 0.55000000000000004, 0.5,
        0.40000000000000002, 0.34999999999999998, 0.29999999999999999,
        0.25, 0.20000000000000001, 0.14999999999999999, 0,
    };
    struct metric_case in;
    struct mls_curves curves;

    (void)state;
    binary_case(&in);
    make(&in.outcome, &curves);
    assert_int_equal(curves.count, 3);
    check_curve(&curves, MLS_CURVE_ROC, 1, 13, roc_x, roc_y, roc_at);
    mls_curves_clear(&curves);
}

/* y, x, at = precision_recall_curve(t, s), at ending with inf. */
static void the_precision_recall_curve_is_scikit_learns(void **state)
{
    static const double pr_x[18] = {
        1, 1, 1, 1, 1, 0.88888888888888884, 0.88888888888888884,
        0.88888888888888884, 0.77777777777777779, 0.66666666666666663,
        0.55555555555555558, 0.44444444444444442, 0.44444444444444442,
        0.44444444444444442, 0.33333333333333331, 0.22222222222222221,
        0.1111111111111111, 0,
    };
    static const double pr_y[18] = {
        0.044999999999999998, 0.048648648648648651, 0.052941176470588235,
        0.058064516129032261, 0.063829787234042548, 0.063492063492063489,
        0.072072072072072071, 0.08247422680412371, 0.087499999999999994,
        0.09375, 0.10416666666666667, 0.12121212121212122,
        0.22222222222222221, 1, 1, 1, 1, 1,
    };
    static const double pr_at[18] = {
        0, 0.050000000000000003, 0.10000000000000001, 0.14999999999999999,
        0.20000000000000001, 0.25, 0.29999999999999999,
        0.34999999999999998, 0.40000000000000002, 0.45000000000000001,
        0.5, 0.55000000000000004, 0.59999999999999998,
        0.65000000000000002, 0.69999999999999996, 0.75,
        0.80000000000000004, INFINITY,
    };
    struct metric_case in;
    struct mls_curves curves;

    (void)state;
    binary_case(&in);
    make(&in.outcome, &curves);
    check_curve(&curves, MLS_CURVE_PRECISION_RECALL, 1, 18, pr_x, pr_y, pr_at);
    mls_curves_clear(&curves);
}

/* Both with sample_weight = (i*5 % 7)/8, whose sums are exact, so that the same
 * points are in one line; and rows of weight 0 are not there. */
static void weighted_curves_are_scikit_learns(void **state)
{
    static const double roc_x_weighted[15] = {
        0, 0, 0, 0, 0, 0.062827225130890049, 0.13612565445026178,
        0.2111692844677138, 0.29319371727748689, 0.37172774869109948,
        0.45200698080279234, 0.5218150087260035, 0.68586387434554974,
        0.84642233856893545, 1,
    };
    static const double roc_y_weighted[15] = {
        0, 0.25, 0.45833333333333331, 0.625, 0.75, 0.75, 0.75, 0.875,
        0.95833333333333337, 1, 1, 1, 1, 1, 1,
    };
    static const double roc_at_weighted[15] = {
        INFINITY, 0.80000000000000004, 0.75, 0.69999999999999996,
        0.65000000000000002, 0.59999999999999998, 0.55000000000000004,
        0.5, 0.45000000000000001, 0.40000000000000002,
        0.34999999999999998, 0.29999999999999999, 0.20000000000000001,
        0.10000000000000001, 0,
    };
    static const double pr_x_weighted[18] = {
        1, 1, 1, 1, 1, 1, 1, 1, 1, 0.95833333333333337, 0.875, 0.75, 0.75,
        0.75, 0.625, 0.45833333333333331, 0.25, 0,
    };
    static const double pr_y_weighted[18] = {
        0.040201005025125629, 0.043399638336347197, 0.047151277013752456,
        0.05183585313174946, 0.057553956834532377, 0.064864864864864868,
        0.074303405572755415, 0.084805653710247356, 0.10126582278481013,
        0.12041884816753927, 0.14788732394366197, 0.1875,
        0.33333333333333331, 1, 1, 1, 1, 1,
    };
    static const double pr_at_weighted[18] = {
        0, 0.050000000000000003, 0.10000000000000001, 0.14999999999999999,
        0.20000000000000001, 0.25, 0.29999999999999999,
        0.34999999999999998, 0.40000000000000002, 0.45000000000000001,
        0.5, 0.55000000000000004, 0.59999999999999998,
        0.65000000000000002, 0.69999999999999996, 0.75,
        0.80000000000000004, INFINITY,
    };
    struct metric_case in;
    struct mls_curves curves;

    (void)state;
    binary_case(&in);
    for (int i = 0; i < CASE_ROWS; i++)
        in.weight[i] = i * 5 % 7 / 8.0;
    in.outcome.weight = in.weight;
    make(&in.outcome, &curves);
    check_curve(&curves, MLS_CURVE_ROC, 1, 15, roc_x_weighted,
                roc_y_weighted, roc_at_weighted);
    check_curve(&curves, MLS_CURVE_PRECISION_RECALL, 1, 18,
                pr_x_weighted, pr_y_weighted, pr_at_weighted);
    mls_curves_clear(&curves);
}

/* y, x = calibration_curve(t, s, n_bins=15) */
static void the_calibration_curve_is_scikit_learns(void **state)
{
    static const double cal_x[12] = {
        0.025000000000000005, 0.10000000000000002, 0.17586206896551729,
        0.25, 0.29999999999999993, 0.37424242424242421,
        0.45000000000000012, 0.5, 0.57413793103448285,
        0.65000000000000002, 0.69999999999999996, 0.77500000000000002,
    };
    static const double cal_y[12] = {
        0, 0, 0.034482758620689655, 0, 0, 0.060606060606060608, 0.0625,
        0.066666666666666666, 0, 1, 1, 1,
    };
    struct metric_case in;
    struct mls_curves curves;
    const struct mls_curve *curve;
    double rows = 0, error = 0;

    (void)state;
    binary_case(&in);
    make(&in.outcome, &curves);
    check_curve(&curves, MLS_CURVE_CALIBRATION, 1, 12, cal_x, cal_y, NULL);
    curve = find(&curves, MLS_CURVE_CALIBRATION, 1);
    for (int64_t i = 0; i < curve->count; i++) {
        assert_true(curve->x[i] >= curve->threshold[i]);
        assert_true(curve->x[i] <= curve->threshold[i] + 1.0 / 15 + 1e-15);
        rows += curve->weight[i];
        error += curve->weight[i] * fabs(curve->x[i] - curve->y[i]);
    }
    assert_true(rows == CASE_ROWS);
    assert_true(near(error / rows,
                     metric_value("calibration_error", &in.outcome)));
    mls_curves_clear(&curves);
}

/* roc_curve(t == 2, P[:, 2]) */
static void each_class_of_many_has_its_curves_against_the_rest(void **state)
{
    static const double two_x[5] = {
        0, 0, 0, 0.76190476190476186, 1,
    };
    static const double two_y[5] = {
        0, 0.25, 1, 1, 1,
    };
    static const double two_at[5] = {
        INFINITY, 0.5, 0.38461538461538464, 0.15384615384615385,
        0.14285714285714285,
    };
    struct metric_case in;
    struct mls_curves curves;

    (void)state;
    multiclass_case(&in);
    make(&in.outcome, &curves);
    assert_int_equal(curves.count, 12);
    for (int64_t i = 0; i < 12; i++)
        assert_int_equal(curves.items[i].code, i / 3);
    check_curve(&curves, MLS_CURVE_ROC, 2, 5, two_x, two_y, two_at);
    mls_curves_clear(&curves);
}

static void the_area_under_the_roc_curve_is_roc_auc(void **state)
{
    struct metric_case in;
    struct mls_curves curves;
    const struct mls_curve *roc;
    double area = 0;

    (void)state;
    binary_case(&in);
    in.outcome.weight = in.weight;
    make(&in.outcome, &curves);
    roc = find(&curves, MLS_CURVE_ROC, 1);
    for (int64_t i = 1; i < roc->count; i++)
        area += (roc->x[i] - roc->x[i - 1]) * (roc->y[i] + roc->y[i - 1]) / 2;
    assert_true(near(area, metric_value("roc_auc", &in.outcome)));
    mls_curves_clear(&curves);
}

static void a_class_without_rows_has_no_points_but_a_calibration(void **state)
{
    struct metric_case in;
    struct mls_curves curves;

    (void)state;
    binary_case(&in);
    for (int i = 0; i < CASE_ROWS; i++)
        in.truth[i] = 0;
    make(&in.outcome, &curves);
    assert_int_equal(find(&curves, MLS_CURVE_ROC, 1)->count, 0);
    assert_int_equal(find(&curves, MLS_CURVE_PRECISION_RECALL, 1)->count, 0);
    assert_int_equal(find(&curves, MLS_CURVE_CALIBRATION, 1)->count, 12);
    mls_curves_clear(&curves);
}

static void what_has_no_curve_is_an_error(void **state)
{
    struct metric_case in;
    struct mls_curves curves;
    struct mls_error err;

    (void)state;
    regression_case(&in, 0);
    assert_false(mls_curves_make(&in.outcome, &curves, &err));
    assert_int_equal(err.code, MLS_USAGE);
    binary_case(&in);
    in.probability[9] = -0.5;
    assert_false(mls_curves_make(&in.outcome, &curves, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.row, 5);
    in.outcome.n = 0;
    assert_false(mls_curves_make(&in.outcome, &curves, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(curves.count, 0);
}

static void each_failed_allocation_leaves_nothing_behind(void **state)
{
    struct metric_case in;
    struct mls_curves curves;
    struct mls_error err;
    int64_t failed = 0;
    bool ok;

    (void)state;
    multiclass_case(&in);
    do {
        mls_memory_fail_at(++failed);
        ok = mls_curves_make(&in.outcome, &curves, &err);
        mls_memory_fail_at(0);
        mls_curves_clear(&curves);
        assert_true(ok || err.code == MLS_LIMIT);
        assert_int_equal(mls_memory_live(), 0);
    } while (!ok);
    assert_true(failed > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_roc_curve_is_scikit_learns),
        cmocka_unit_test(the_precision_recall_curve_is_scikit_learns),
        cmocka_unit_test(weighted_curves_are_scikit_learns),
        cmocka_unit_test(the_calibration_curve_is_scikit_learns),
        cmocka_unit_test(each_class_of_many_has_its_curves_against_the_rest),
        cmocka_unit_test(the_area_under_the_roc_curve_is_roc_auc),
        cmocka_unit_test(a_class_without_rows_has_no_points_but_a_calibration),
        cmocka_unit_test(what_has_no_curve_is_an_error),
        cmocka_unit_test(each_failed_allocation_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
