#include "unit/transform/tables.h"

#include "select/select.h"

/* Every tenth flower of scikit-learn's iris: columns w x y z. */
#define FLOWERS 15
static const double flowers[FLOWERS][4] = {
    { 5.1, 3.5, 1.4, 0.2 }, { 5.4, 3.7, 1.5, 0.2 }, { 5.4, 3.4, 1.7, 0.2 },
    { 4.8, 3.1, 1.6, 0.2 }, { 5.0, 3.5, 1.3, 0.3 }, { 7.0, 3.2, 4.7, 1.4 },
    { 5.0, 2.0, 3.5, 1.0 }, { 5.9, 3.2, 4.8, 1.8 }, { 5.5, 2.4, 3.8, 1.1 },
    { 5.5, 2.6, 4.4, 1.2 }, { 6.3, 3.3, 6.0, 2.5 }, { 6.5, 3.2, 5.1, 2.0 },
    { 6.9, 3.2, 5.7, 2.3 }, { 7.4, 2.8, 6.1, 1.9 }, { 6.7, 3.1, 5.6, 2.4 }
};
static const double species[FLOWERS] = { 0, 0, 0, 0, 0, 1, 1, 1,
                                         1, 1, 2, 2, 2, 2, 2 };

/* The first 20 rows of scikit-learn's diabetes, unscaled, five columns. */
#define PATIENTS 20
static const double patients[PATIENTS][5] = {
    { 59, 32.1, 101, 4.8598, 87 },  { 48, 21.6, 87, 3.8918, 69 },
    { 72, 30.5, 93, 4.6728, 85 },   { 24, 25.3, 84, 4.8903, 89 },
    { 50, 23.0, 101, 4.2905, 80 },  { 23, 22.6, 89, 4.1897, 68 },
    { 36, 22.0, 90, 3.9512, 82 },   { 66, 26.2, 114, 4.2485, 92 },
    { 60, 32.1, 83, 4.4773, 94 },   { 29, 30.0, 85, 5.3845, 88 },
    { 22, 18.6, 97, 3.9512, 83 },   { 56, 28.0, 85, 3.5835, 77 },
    { 53, 23.7, 92, 4.3041, 81 },   { 50, 26.2, 97, 5.0626, 88 },
    { 61, 24.0, 91, 4.2905, 73 },   { 34, 24.7, 118, 5.037, 81 },
    { 47, 30.3, 109, 5.2149, 98 },  { 68, 27.5, 111, 4.9416, 91 },
    { 38, 25.4, 84, 4.4427, 87 },   { 41, 24.7, 83, 4.5433, 78 }
};
static const double progress[PATIENTS] = { 151, 75,  141, 206, 135, 97,  138,
                                           63,  110, 310, 101, 69,  179, 185,
                                           118, 171, 166, 144, 97,  168 };

#define MOST 200
static double store[8][MOST];
static const char *const names[] = { "w", "x", "y", "z" };

static struct mls_table flower_table(void)
{
    struct cells columns[4];

    for (int j = 0; j < 4; j++) {
        columns[j] = (struct cells){ names[j], MLS_KIND_REAL,
                                     .real = store[j] };
        for (int i = 0; i < FLOWERS; i++)
            store[j][i] = flowers[i][j];
    }
    return table_of(columns, 4, FLOWERS, 4);
}

static struct mls_table patient_table(void)
{
    static const char *const called[] = { "age", "bmi", "bp", "ltg", "glu" };
    struct cells columns[5];

    for (int j = 0; j < 5; j++) {
        columns[j] = (struct cells){ called[j], MLS_KIND_REAL,
                                     .real = store[j] };
        for (int i = 0; i < PATIENTS; i++)
            store[j][i] = patients[i][j];
    }
    return table_of(columns, 5, PATIENTS, 7);
}

static const struct mls_target by_species = { .task = MLS_MULTICLASS,
                                              .rows = FLOWERS,
                                              .classes = 3,
                                              .y = species };
static const struct mls_target by_progress = { .task = MLS_REGRESSION,
                                               .rows = PATIENTS,
                                               .y = progress };

static void are_near(const struct mls_step *step, const char *array,
                     const double *want)
{
    const double *got = mls_arrays_find(&step->arrays, array)->data;

    for (int64_t k = 0; k < step->input_count; k++) {
        if (!(fabs(got[k] - want[k]) <= 1e-9 * fabs(want[k])))
            fail_msg("%s %d: %.17g is not %.17g", array, (int)k, got[k],
                     want[k]);
    }
}

static void keeps(const struct mls_step *step, const struct mls_table *table,
                  const char *left)
{
    struct mls_table out = apply_to(step, table);

    assert_columns(&out.schema, left);
    mls_table_clear(&out);
}

/* sklearn.feature_selection.f_classif(X, species) */
static void f_equals_f_classif(void **state)
{
    static const double f[] = { 12.282902829028457, 6.117647058823373,
                                135.58250497018278, 88.9467455621308 };
    static const double p[] = { 0.0012492132901705478, 0.01473661400941328,
                                5.792285380583516e-09, 6.368351156710406e-08 };
    struct mls_table table = flower_table();
    struct mls_step *step = step_of(&mls_select_univariate);

    (void)state;
    fit_well(step, &table, &by_species);
    are_near(step, "score", f);
    are_near(step, "p_value", p);
    keeps(step, &table, "y z");
    set(step, "k", "3");
    fit_well(step, &table, &by_species);
    keeps(step, &table, "w y z");
    comes_back(step, &table);
    set(step, "k", "100");
    fit_well(step, &table, &by_species);
    keeps(step, &table, "w x y z");
    mls_step_free(step);
    mls_table_clear(&table);
}

/* sklearn.feature_selection.f_regression(X, progress) */
static void f_equals_f_regression(void **state)
{
    static const double f[] = { 1.7837770921202822, 1.6073444782530129,
                                0.06810002098753366, 26.30087350605064,
                                1.9222965344967287 };
    static const double p[] = { 0.19833008357080883, 0.22102064420381423,
                                0.797085767767828, 7.036830141154113e-05,
                                0.18253811633395978 };
    struct mls_table table = patient_table();
    struct mls_step *step = step_of(&mls_select_univariate);

    (void)state;
    fit_well(step, &table, &by_progress);
    are_near(step, "score", f);
    are_near(step, "p_value", p);
    keeps(step, &table, "ltg glu");
    set(step, "alpha", "0.2");
    fit_well(step, &table, &by_progress);
    keeps(step, &table, "age ltg glu");
    set(step, "k", "2");
    fit_well(step, &table, &by_progress);
    keeps(step, &table, "ltg glu");
    mls_step_free(step);
    mls_table_clear(&table);
}

/* f_classif on the 13 rows of w that are left. */
static void f_is_over_the_rows_that_have_a_value(void **state)
{
    struct mls_table table;
    struct mls_step *step = step_of(&mls_select_univariate);
    struct cells column = { "w", MLS_KIND_REAL, .real = store[0] };
    static const double f[] = { 8.955457069229702 };
    static const double p[] = { 0.005903773622518352 };

    (void)state;
    for (int i = 0; i < FLOWERS; i++)
        store[0][i] = i == 3 || i == 7 ? NAN : flowers[i][0];
    table = table_of(&column, 1, FLOWERS, 4);
    fit_well(step, &table, &by_species);
    are_near(step, "score", f);
    are_near(step, "p_value", p);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void settings_that_contradict_are_refused(void **state)
{
    struct mls_table table = flower_table();
    struct mls_step *step = step_of(&mls_select_univariate);

    (void)state;
    fit_fails(step, &table, NULL, MLS_USAGE, "", "needs a target");
    set(step, "score", "mutual_information");
    set(step, "alpha", "0.05");
    fit_fails(step, &table, &by_species, MLS_USAGE, "", "no p value");
    mls_step_free(step);
    mls_table_clear(&table);
}

/* A coded column, one whose holes tell all, noise; the target has 2 classes. */
static void fill_mixed(struct cells *columns, const char **texts, double *y)
{
    for (int i = 0; i < MOST; i++) {
        y[i] = i * 7 % 5 < 2;
        texts[i] = i % 11 == 0 ? NULL : i * 7 % 5 < 2 ? "in" : "out";
        store[1][i] = y[i] == 1 ? NAN : sin(i);
        store[2][i] = sin(i * 1.3);
        store[3][i] = i % 3;
    }
    columns[0] = (struct cells){ "code", MLS_KIND_CATEGORY, .text = texts };
    columns[1] = (struct cells){ "holes", MLS_KIND_REAL, .real = store[1] };
    columns[2] = (struct cells){ "noise", MLS_KIND_REAL, .real = store[2] };
    columns[3] = (struct cells){ "third", MLS_KIND_INTEGER, .real = store[3] };
}

static void information_sees_levels_and_holes(void **state)
{
    static const char *texts[MOST];
    static double y[MOST];
    struct cells columns[4];
    struct mls_target target = { .task = MLS_BINARY, .rows = MOST,
                                 .classes = 2, .y = y };
    struct mls_table table;
    struct mls_step *step = step_of(&mls_select_univariate);

    (void)state;
    fill_mixed(columns, texts, y);
    table = table_of(columns, 4, MOST, 33);
    /* auto: a coded input means mutual information. */
    fit_well(step, &table, &target);
    assert_null(mls_arrays_find(&step->arrays, "p_value"));
    keeps(step, &table, "code holes");
    comes_back(step, &table);
    /* F has no score for levels, and keeps them without counting them. */
    set(step, "score", "f");
    set(step, "k", "1");
    fit_well(step, &table, &target);
    assert_true(isnan(((const double *)mls_arrays_find(&step->arrays, "score")
                           ->data)[0]));
    assert_true(((const uint8_t *)mls_arrays_find(&step->arrays, "keep")
                     ->data)[0] == 1);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* C(n, k) */
static double log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* I(x; y) of a column of codes without bins, by its definition, less its mean
 * when the rows of a cell are hypergeometric. */
static void information_equals_its_definition(void **state)
{
    static const char *const levels[] = { "p", "q", "r" };
    static const char *texts[MOST];
    static double y[MOST];
    double counts[3][2] = { { 0 } }, x1[3] = { 0 }, y1[2] = { 0 }, want = 0;
    struct cells column = { "c", MLS_KIND_CATEGORY, .text = texts };
    struct mls_target target = { .task = MLS_BINARY, .rows = MOST,
                                 .classes = 2, .y = y };
    struct mls_table table;
    struct mls_step *step = step_of(&mls_select_univariate);

    (void)state;
    for (int i = 0; i < MOST; i++) {
        int x = i * i % 7 % 3;

        y[i] = (i * 13 % 17 + 5 * x) > 12;
        texts[i] = levels[x];
        counts[x][(int)y[i]]++;
        x1[x]++;
        y1[(int)y[i]]++;
    }
    for (int x = 0; x < 3; x++) {
        for (int j = 0; j < 2; j++)
            want += counts[x][j] / MOST
                * log(counts[x][j] * MOST / (x1[x] * y1[j]));
    }
    for (int x = 0; x < 3; x++) {
        for (int j = 0; j < 2; j++) {
            for (double k = 1; k <= fmin(x1[x], y1[j]); k++) {
                if (x1[x] + y1[j] - k > MOST)
                    continue;
                want -= exp(log_choose(y1[j], k)
                            + log_choose(MOST - y1[j], x1[x] - k)
                            - log_choose(MOST, x1[x]))
                    * k / MOST * log(k * MOST / (x1[x] * y1[j]));
            }
        }
    }
    assert_true(want > 0.05);
    table = table_of(&column, 1, MOST, 33);
    fit_well(step, &table, &target);
    are_near(step, "score", &want);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void equal_scores_go_to_the_first_name(void **state)
{
    static const char *const order[] = { "z", "x", "w", "y" };
    struct cells columns[4];
    struct mls_table table;
    struct mls_step *step = step_of(&mls_select_univariate);

    (void)state;
    for (int j = 0; j < 4; j++)
        columns[j] = (struct cells){ order[j], MLS_KIND_REAL,
                                     .real = store[0] };
    for (int i = 0; i < FLOWERS; i++)
        store[0][i] = flowers[i][0];
    table = table_of(columns, 4, FLOWERS, 4);
    set(step, "k", "2");
    fit_well(step, &table, &by_species);
    keeps(step, &table, "x w");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void weight_2_equals_a_repeated_row(void **state)
{
    static const char *const scores[] = { "f", "mutual_information" };
    static double weight[FLOWERS], y[2 * FLOWERS];
    struct cells columns[4];
    struct mls_target weighted = by_species;
    struct mls_target repeated = { .task = MLS_MULTICLASS, .classes = 3,
                                   .y = y };
    struct mls_table table = flower_table(), longer;
    int n = 0;

    (void)state;
    for (int i = 0; i < FLOWERS; i++) {
        weight[i] = 1 + i % 2;
        for (int w = 0; w < (int)weight[i]; w++, n++) {
            for (int j = 0; j < 4; j++)
                store[4 + j][n] = flowers[i][j];
            y[n] = species[i];
        }
    }
    weighted.weight = weight;
    repeated.rows = n;
    for (int j = 0; j < 4; j++)
        columns[j] = (struct cells){ names[j], MLS_KIND_REAL,
                                     .real = store[4 + j] };
    longer = table_of(columns, 4, n, 5);
    for (int s = 0; s < 2; s++) {
        struct mls_step *a = step_of(&mls_select_univariate);
        struct mls_step *b = step_of(&mls_select_univariate);

        set(a, "score", scores[s]);
        set(b, "score", scores[s]);
        fit_well(a, &table, &weighted);
        fit_well(b, &longer, &repeated);
        are_near(a, "score", mls_arrays_find(&b->arrays, "score")->data);
        mls_step_free(a);
        mls_step_free(b);
    }
    mls_table_clear(&table);
    mls_table_clear(&longer);
}

static void use_information(struct mls_step *step)
{
    set(step, "score", "mutual_information");
}

static void blocks_and_threads_change_nothing(void **state)
{
    enum { MANY = 3001 };
    static double a[MANY], b[MANY], y[MANY];
    const struct cells with[] = { { "a", MLS_KIND_REAL, .real = a },
                                  { "b", MLS_KIND_REAL, .real = b } };
    struct mls_target target = { .task = MLS_REGRESSION, .rows = MANY, .y = y };

    (void)state;
    for (int i = 0; i < MANY; i++) {
        a[i] = i % 7 == 0 ? NAN : sin(i) * 1e6;
        b[i] = exp(cos(i * 3.0) * 20);
        y[i] = cos(i * 1.7) + sin(i);
    }
    fits_the_same_anyhow(&mls_select_univariate, NULL, with, 2, MANY, &target);
    fits_the_same_anyhow(&mls_select_univariate, use_information, with, 2,
                         MANY, &target);
}

/* sklearn.feature_selection.chi2 for the counts; for the levels
 * scipy.stats.chi2_contingency(table, correction=False).  With weights the
 * same on repeated rows. */
static void chi2_equals_those_of_tables(void **state)
{
    static const double y[] = { 0, 1, 2, 0, 1, 2, 0, 1, 1, 2 };
    static const double w[] = { 1, 2, 1, 3, 1, 1, 2, 1, 1, 2 };
    static const double count[] = { 3, 0, 1, 5, 2, 2, 4, 0, 1, 7 };
    static const double below[] = { 3, 0, 1, 5, 2, 2, 4, 0, 1, -7 };
    static const char *const level[] = { "a", "b", "b", "a", "b",
                                         "c", "a", "c", "b", "c" };
    static const struct cells with[] = {
        { "below", MLS_KIND_REAL, .real = below },
        { "count", MLS_KIND_INTEGER, .real = count },
        { "level", MLS_KIND_CATEGORY, .text = level },
    };
    static const double score[] = { NAN, 8.43333333, 11.736111111111112 };
    static const double p[] = { NAN, 0.01474772, 0.019425385769170894 };
    static const double score_w[] = { NAN, 14.88586957, 19.537499999999998 };
    static const double p_w[] = { NAN, 0.00058556, 0.0006160998097716702 };
    struct mls_target target = { .task = MLS_MULTICLASS, .rows = 10,
                                 .classes = 3, .y = y };
    struct mls_table table = table_of(with, 3, 10, 4);
    struct mls_step *step = step_of(&mls_select_univariate);

    (void)state;
    set(step, "score", "chi2");
    set(step, "alpha", "0.016");
    for (int round = 0; round < 2; round++) {
        const double *got, *got_p;

        target.weight = round ? w : NULL;
        fit_well(step, &table, &target);
        got = mls_arrays_find(&step->arrays, "score")->data;
        got_p = mls_arrays_find(&step->arrays, "p_value")->data;
        for (int k = 1; k < 3; k++) {
            assert_true(fabs(got[k] - (round ? score_w : score)[k]) < 1e-8);
            assert_true(fabs(got_p[k] - (round ? p_w : p)[k]) < 1e-8);
        }
        assert_columns(&step->plan.out,
                       round ? "below count level" : "below count");
    }
    fit_fails(step, &table, &by_progress, MLS_USAGE, "", "needs classes");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = patient_table();

    (void)state;
    survives_failing_memory(&mls_select_univariate, "score", "f", &table,
                            &by_progress);
    survives_failing_memory(&mls_select_univariate, "score",
                            "mutual_information", &table, &by_progress);
    mls_table_clear(&table);
    table = flower_table();
    survives_failing_memory(&mls_select_univariate, "score", "chi2", &table,
                            &by_species);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f_equals_f_classif),
        cmocka_unit_test(f_equals_f_regression),
        cmocka_unit_test(f_is_over_the_rows_that_have_a_value),
        cmocka_unit_test(settings_that_contradict_are_refused),
        cmocka_unit_test(information_sees_levels_and_holes),
        cmocka_unit_test(information_equals_its_definition),
        cmocka_unit_test(equal_scores_go_to_the_first_name),
        cmocka_unit_test(weight_2_equals_a_repeated_row),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(chi2_equals_those_of_tables),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
