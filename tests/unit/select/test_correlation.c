#include "unit/transform/tables.h"

#include "select/select.h"

#define ROWS 60
#define COLUMNS 6

/* a and d are near copies, e is minus b with holes, c stands alone, f is
 * constant. */
static double a[ROWS], b[ROWS], c[ROWS], d[ROWS], e[ROWS], f[ROWS];
static double target_y[ROWS], classes_y[ROWS], weight[ROWS];
static const struct cells columns[COLUMNS] = {
    { "a", MLS_KIND_REAL, .real = a }, { "b", MLS_KIND_REAL, .real = b },
    { "c", MLS_KIND_REAL, .real = c }, { "d", MLS_KIND_REAL, .real = d },
    { "e", MLS_KIND_REAL, .real = e }, { "f", MLS_KIND_REAL, .real = f },
};

static int fill(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        a[i] = sin(i * 1.7) + 1e3;
        b[i] = cos(i * 2.9) * 50;
        c[i] = (i * i * 7 % 31) - 15;
        d[i] = a[i] + 0.15 * sin(i * 5.3);
        e[i] = i % 6 == 0 ? NAN : -2 * b[i] + cos(i);
        f[i] = 0.1;
        target_y[i] = 3 * d[i] + b[i] * 0.01 + 0.01 * cos(i * 7.1);
        classes_y[i] = d[i] < 999.5 ? 0 : d[i] < 1000.4 ? 1 : 2;
        weight[i] = 1 + i % 3;
    }
    return 0;
}

/* The slow, obvious twin. */
static double pearson(const double *x, const double *y, const double *w)
{
    double sum = 0, mx = 0, my = 0, xx = 0, yy = 0, xy = 0;

    for (int i = 0; i < ROWS; i++) {
        if (isnan(x[i]) || isnan(y[i]))
            continue;
        sum += w ? w[i] : 1;
        mx += (w ? w[i] : 1) * x[i];
        my += (w ? w[i] : 1) * y[i];
    }
    mx /= sum;
    my /= sum;
    for (int i = 0; i < ROWS; i++) {
        double u = x[i] - mx, v = y[i] - my;

        if (isnan(u) || isnan(v))
            continue;
        xx += (w ? w[i] : 1) * u * u;
        yy += (w ? w[i] : 1) * v * v;
        xy += (w ? w[i] : 1) * u * v;
    }
    return fabs(xy / sqrt(xx * yy));
}

/* The share of x's spread between the classes, by its definition. */
static double between_classes(const double *x)
{
    double sum[3] = { 0 }, count[3] = { 0 }, mean = 0, total = 0, between = 0;

    for (int i = 0; i < ROWS; i++) {
        sum[(int)classes_y[i]] += x[i];
        count[(int)classes_y[i]]++;
        mean += x[i] / ROWS;
    }
    for (int i = 0; i < ROWS; i++)
        total += (x[i] - mean) * (x[i] - mean);
    for (int k = 0; k < 3; k++)
        between += count[k] * pow(sum[k] / count[k] - mean, 2);
    return between / total;
}

static double score_of(const struct mls_step *step, const char *name)
{
    const double *score = mls_arrays_find(&step->arrays, "score")->data;

    for (int64_t k = 0; k < step->input_count; k++) {
        if (strcmp(step->input_names.items[k], name) == 0)
            return score[k];
    }
    fail_msg("no input %s", name);
    return 0;
}

static void keeps(const struct mls_target *target, const char *key,
                  const char *value, const char *names)
{
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 17), out;
    struct mls_step *step = step_of(&mls_select_correlation);

    if (key)
        set(step, key, value);
    fit_well(step, &table, target);
    out = apply_to(step, &table);
    assert_columns(&out.schema, names);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void of_a_close_pair_the_first_name_stays(void **state)
{
    (void)state;
    keeps(NULL, NULL, NULL, "a b c f");
    keeps(NULL, "threshold", "1", "a b c d e f");
    keeps(NULL, "threshold", "0", "a f");
}

static void with_a_target_the_one_nearer_to_it_stays(void **state)
{
    struct mls_target regression = { .task = MLS_REGRESSION, .rows = ROWS,
                                     .y = target_y };
    struct mls_target classes = { .task = MLS_MULTICLASS, .rows = ROWS,
                                  .classes = 3, .y = classes_y };

    (void)state;
    assert_true(pearson(d, target_y, NULL) > pearson(a, target_y, NULL));
    assert_true(between_classes(d) > between_classes(a));
    keeps(&regression, "columns", "a,c,d", "b c d e f");
    keeps(&classes, "columns", "a,c,d", "b c d e f");
}

static void scores_equal_the_slow_twin(void **state)
{
    struct mls_target target = { .rows = ROWS, .weight = weight };
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 17);
    struct mls_step *step = step_of(&mls_select_correlation);

    (void)state;
    for (int weighted = 0; weighted < 2; weighted++) {
        const double *w = weighted ? weight : NULL;

        fit_well(step, &table, weighted ? &target : NULL);
        assert_true(score_of(step, "a") == 0);
        assert_true(fabs(score_of(step, "b") - pearson(a, b, w)) < 1e-11);
        assert_true(fabs(score_of(step, "d") - pearson(a, d, w)) < 1e-11);
        assert_true(fabs(score_of(step, "e") - pearson(b, e, w)) < 1e-12);
        assert_true(score_of(step, "f") == 0);
    }
    comes_back(step, &table);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void the_order_of_the_columns_changes_nothing(void **state)
{
    static const int order[COLUMNS] = { 4, 2, 5, 0, 3, 1 };
    struct cells shuffled[COLUMNS];
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 17), other;
    struct mls_step *one = step_of(&mls_select_correlation);
    struct mls_step *two = step_of(&mls_select_correlation);

    (void)state;
    for (int j = 0; j < COLUMNS; j++)
        shuffled[j] = columns[order[j]];
    other = table_of(shuffled, COLUMNS, ROWS, 9);
    fit_well(one, &table, NULL);
    fit_well(two, &other, NULL);
    for (int j = 0; j < COLUMNS; j++)
        assert_true(score_of(one, columns[j].name)
                    == score_of(two, columns[j].name));
    mls_step_free(one);
    mls_step_free(two);
    mls_table_clear(&table);
    mls_table_clear(&other);
}

/* q is p + r: it goes for its likeness to p, and then nothing is like r. */
static void a_column_stays_when_its_like_is_gone(void **state)
{
    static double p[ROWS], q[ROWS], r[ROWS];
    const struct cells chain[] = { { "p", MLS_KIND_REAL, .real = p },
                                   { "q", MLS_KIND_REAL, .real = q },
                                   { "r", MLS_KIND_REAL, .real = r } };
    struct mls_table table, out;
    struct mls_step *step = step_of(&mls_select_correlation);

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        p[i] = sin(i * 1.7);
        r[i] = cos(i * 2.9);
        q[i] = p[i] + r[i];
    }
    assert_true(pearson(p, q, NULL) > 0.6 && pearson(q, r, NULL) > 0.6);
    assert_true(pearson(p, r, NULL) < 0.3);
    set(step, "threshold", "0.6");
    table = table_of(chain, 3, ROWS, ROWS);
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "p r");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void weight_2_equals_a_repeated_row(void **state)
{
    static double cells[COLUMNS][3 * ROWS];
    const double *const from[COLUMNS] = { a, b, c, d, e, f };
    struct cells longer[COLUMNS];
    struct mls_target target = { .rows = ROWS, .weight = weight };
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 17), repeated;
    struct mls_step *one = step_of(&mls_select_correlation);
    struct mls_step *two = step_of(&mls_select_correlation);
    int n = 0;

    (void)state;
    for (int j = 0; j < COLUMNS; j++) {
        n = 0;
        for (int i = 0; i < ROWS; i++) {
            for (int w = 0; w < (int)weight[i]; w++)
                cells[j][n++] = from[j][i];
        }
        longer[j] = columns[j];
        longer[j].real = cells[j];
    }
    repeated = table_of(longer, COLUMNS, n, 50);
    fit_well(one, &table, &target);
    fit_well(two, &repeated, NULL);
    for (int j = 0; j < COLUMNS; j++)
        assert_true(fabs(score_of(one, columns[j].name)
                         - score_of(two, columns[j].name)) < 1e-9);
    mls_step_free(one);
    mls_step_free(two);
    mls_table_clear(&table);
    mls_table_clear(&repeated);
}

static void blocks_and_threads_change_nothing(void **state)
{
    enum { MANY = 5001 };
    static double cells[4][MANY], y[MANY];
    struct cells with[4];
    static const char *const names[] = { "k", "l", "m", "n" };
    struct mls_target target = { .task = MLS_REGRESSION, .rows = MANY, .y = y };

    (void)state;
    for (int j = 0; j < 4; j++) {
        with[j] = (struct cells){ names[j], MLS_KIND_REAL, .real = cells[j] };
        for (int i = 0; i < MANY; i++)
            cells[j][i] = j > 1 && i % (j + 5) == 0 ? NAN : sin(i * (j + 1.1));
    }
    for (int i = 0; i < MANY; i++)
        y[i] = cos(i * 2.1);
    fits_the_same_anyhow(&mls_select_correlation, NULL, with, 4, MANY, &target);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_target target = { .task = MLS_MULTICLASS, .rows = ROWS,
                                 .classes = 3, .y = classes_y,
                                 .weight = weight };
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 17);

    (void)state;
    survives_failing_memory(&mls_select_correlation, NULL, NULL, &table,
                            &target);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_close_pair_the_first_name_stays),
        cmocka_unit_test(with_a_target_the_one_nearer_to_it_stays),
        cmocka_unit_test(scores_equal_the_slow_twin),
        cmocka_unit_test(the_order_of_the_columns_changes_nothing),
        cmocka_unit_test(a_column_stays_when_its_like_is_gone),
        cmocka_unit_test(weight_2_equals_a_repeated_row),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, fill, NULL);
}
