#include "unit/transform/tables.h"

#include "mlspec/split.h"
#include "select/fold.h"
#include "select/select.h"
#include "select/standard.h"

/*
 * The same numbers in Python:
 *
 *   X = [[((i*7919 + (j+1)*104729 + i*i*(31 + j*17)) % 1009) / 1009
 *         for j in range(8)] for i in range(200)]
 *   y = X @ effect + 0.3 * (((i*6007 + i*i*53) % 997) / 997 - 0.5)
 *   RFE(Ridge(alpha=1), n_features_to_select=3, step=1)
 *       .fit(StandardScaler().fit_transform(X * unit), y).ranking_
 *
 * The rankings are the same for alpha from 1e-4 to 50.
 */
#define ROWS 200
#define COLUMNS 8

static const double unit[COLUMNS] = { 1, 100, 0.01, 1, 10, 1, 1000, 1 };
static const double effect[COLUMNS] = { 0.9, 3.0, 0.1,  -2.2,
                                        0.0, 1.5, -0.5, 0.05 };
static double cells[COLUMNS][ROWS], y[ROWS], two[ROWS], three[ROWS];
static const char *const names[COLUMNS] = { "a", "b", "c", "d",
                                            "e", "f", "g", "h" };
static struct cells columns[COLUMNS];
static const struct mls_target regression = { .task = MLS_REGRESSION,
                                              .rows = ROWS, .y = y };
static const struct mls_target binary = { .task = MLS_BINARY, .rows = ROWS,
                                          .classes = 2, .y = two };
static const struct mls_target multiclass = { .task = MLS_MULTICLASS,
                                              .rows = ROWS, .classes = 3,
                                              .y = three };

static int fill(void **state)
{
    (void)state;
    for (int64_t i = 0; i < ROWS; i++) {
        y[i] = 0.3 * ((double)((i * 6007 + i * i * 53) % 997) / 997 - 0.5);
        for (int64_t j = 0; j < COLUMNS; j++) {
            int64_t whole =
                (i * 7919 + (j + 1) * 104729 + i * i * (31 + j * 17)) % 1009;

            y[i] += effect[j] * (double)whole / 1009;
            cells[j][i] = unit[j] * (double)whole / 1009;
        }
        two[i] = y[i] > 0.7;
        three[i] = (y[i] > 0.2) + (y[i] > 1.2);
    }
    for (int j = 0; j < COLUMNS; j++)
        columns[j] = (struct cells){ names[j], MLS_KIND_REAL,
                                     .real = cells[j] };
    return 0;
}

static struct mls_step *three_left(const char *removed)
{
    struct mls_step *step = step_of(&mls_select_recursive);

    set(step, "k", "3");
    set(step, "per_round", removed);
    return step;
}

static void ranks_are(const struct mls_target *target, const char *removed,
                      const double *want)
{
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), out;
    struct mls_step *step = three_left(removed);

    fit_well(step, &table, target);
    if (want)
        assert_memory_equal(mls_arrays_find(&step->arrays, "rank")->data, want,
                            COLUMNS * sizeof(*want));
    out = apply_to(step, &table);
    assert_columns(&out.schema, "b d f");
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void ranks_equal_those_of_rfe(void **state)
{
    static const double by_one[] = { 2, 1, 4, 1, 5, 1, 3, 6 };
    static const double by_two[] = { 2, 1, 3, 1, 4, 1, 3, 4 };

    (void)state;
    ranks_are(&regression, "1", by_one);
    ranks_are(&regression, "2", by_two);
    /* A tenth of eight is less than one column: one goes each round. */
    ranks_are(&regression, "0.1", by_one);
}

/* LogisticRegression(C=100, 1 and 0.1), y > 0.7 and (y > 0.2) + (y > 1.2). */
static void classes_keep_the_same_columns(void **state)
{
    (void)state;
    ranks_are(&binary, "1", NULL);
    ranks_are(&multiclass, "1", NULL);
}

static void more_columns_than_there_are_keeps_all(void **state)
{
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), out;
    struct mls_step *step = step_of(&mls_select_recursive);

    (void)state;
    set(step, "k", "20");
    fit_well(step, &table, &regression);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "a b c d e f g h");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* ---- how many ----
 *
 * A slow twin: for each fold and each size a step with that k is fitted on a
 * table of the training rows, and the columns it keeps are fitted, as they are,
 * by the normal equations.  Least squares does not ask for the units.
 */
#define FOLDS 4

struct twin {
    const double *y, *w;        /* w: NULL or weights */
    const int32_t *fold;
    bool by_time;
};

static void kept_by(const struct twin *twin, int k, int size,
                    const uint8_t **keep, struct mls_step **step)
{
    static double part[COLUMNS][ROWS], part_y[ROWS], part_w[ROWS];
    struct cells with[COLUMNS];
    struct mls_target target = { .task = MLS_REGRESSION, .y = part_y };
    struct mls_table table;
    char text[8];
    int n = 0;

    for (int i = 0; i < ROWS; i++) {
        if (twin->by_time ? twin->fold[i] >= k : twin->fold[i] == k)
            continue;
        for (int j = 0; j < COLUMNS; j++)
            part[j][n] = cells[j][i];
        part_w[n] = twin->w ? twin->w[i] : 1;
        part_y[n++] = twin->y[i];
    }
    for (int j = 0; j < COLUMNS; j++)
        with[j] = (struct cells){ names[j], MLS_KIND_REAL, .real = part[j] };
    target.rows = n;
    target.weight = twin->w ? part_w : NULL;
    table = table_of(with, COLUMNS, n, 64);
    snprintf(text, sizeof(text), "%d", size);
    *step = step_of(&mls_select_recursive);
    set(*step, "k", text);
    set(*step, "per_round", "1");
    set(*step, "learner", "linear");
    fit_well(*step, &table, &target);
    *keep = mls_arrays_find(&(*step)->arrays, "keep")->data;
    mls_table_clear(&table);
}

/* Gauss and Jordan; the constant is the last unknown. */
static void solve(int n, double a[COLUMNS + 1][COLUMNS + 2])
{
    for (int j = 0; j < n; j++) {
        int best = j;

        for (int i = j; i < n; i++) {
            if (fabs(a[i][j]) > fabs(a[best][j]))
                best = i;
        }
        for (int c = 0; c <= n; c++) {
            double swap = a[j][c];

            a[j][c] = a[best][c];
            a[best][c] = swap;
        }
        for (int i = 0; i < n; i++) {
            double by = a[i][j] / a[j][j];

            for (int c = 0; c <= n && i != j; c++)
                a[i][c] -= by * a[j][c];
        }
    }
}

static double twin_loss(const struct twin *twin, int k, int size)
{
    double a[COLUMNS + 1][COLUMNS + 2] = { { 0 } }, sum = 0, total = 0;
    const uint8_t *keep;
    struct mls_step *step;
    int of[COLUMNS + 1], n = 0;

    kept_by(twin, k, size, &keep, &step);
    for (int j = 0; j < COLUMNS; j++) {
        if (keep[j])
            of[n++] = j;
    }
    assert_int_equal(n, size);
    mls_step_free(step);
    for (int test = 0; test < 2; test++) {
        for (int i = 0; i < ROWS; i++) {
            double x[COLUMNS + 2], w = twin->w ? twin->w[i] : 1, off;

            if (test ? twin->fold[i] != k
                : twin->by_time ? twin->fold[i] >= k : twin->fold[i] == k)
                continue;
            for (int j = 0; j < n; j++)
                x[j] = cells[of[j]][i] / unit[of[j]];
            x[n] = 1;
            x[n + 1] = off = twin->y[i];
            for (int r = 0; r <= n && !test; r++) {
                for (int c = 0; c <= n + 1; c++)
                    a[r][c] += w * x[r] * x[c];
            }
            for (int r = 0; r <= n && test; r++)
                off -= x[r] * a[r][n + 1] / a[r][r];
            if (test) {
                sum += w * off * off;
                total += w;
            }
        }
        if (!test)
            solve(n + 1, a);
    }
    return sum / total;
}

/* best[0]: of the best mean; best[1]: the fewest within one standard error. */
static void twin_sizes(const struct twin *twin, int best[2])
{
    double loss[COLUMNS + 1][FOLDS], mean[COLUMNS + 1] = { 0 }, error = 0;

    best[0] = COLUMNS;
    for (int size = COLUMNS; size > 0; size--) {
        for (int k = 0; k < FOLDS; k++) {
            loss[size][k] = twin_loss(twin, k, size);
            mean[size] += loss[size][k] / FOLDS;
        }
        if (mean[size] < mean[best[0]])
            best[0] = size;
    }
    for (int k = 0; k < FOLDS; k++)
        error += pow(loss[best[0]][k] - mean[best[0]], 2);
    error = sqrt(error / (FOLDS - 1) / FOLDS);
    for (best[1] = 1; mean[best[1]] > mean[best[0]] + error;)
        best[1]++;
}

static int kept_count(const struct mls_step *step)
{
    const uint8_t *keep = mls_arrays_find(&step->arrays, "keep")->data;
    int count = 0;

    for (int64_t k = 0; k < step->input_count; k++)
        count += keep[k];
    return count;
}

/* more: a column with a role, or NULL.  Returns by how many columns the rules
 * differ. */
static int chooses_as_the_twin(const struct twin *twin,
                                const struct cells *more)
{
    struct cells with[COLUMNS + 1];
    struct mls_target target = { .task = MLS_REGRESSION, .rows = ROWS,
                                 .y = twin->y, .weight = twin->w };
    struct mls_table table;
    int best[2];

    memcpy(with, columns, sizeof(columns));
    if (more)
        with[COLUMNS] = *more;
    table = table_of(with, COLUMNS + (more != NULL), ROWS, 64);
    twin_sizes(twin, best);
    assert_in_range(best[0], 2, COLUMNS - 1);
    assert_true(best[1] <= best[0]);
    for (int one_se = 0; one_se < 2; one_se++) {
        struct mls_step *step = step_of(&mls_select_recursive);

        set(step, "per_round", "1");
        set(step, "learner", "linear");
        set(step, "folds", "4");
        set(step, "one_se", one_se ? "true" : "false");
        fit_well(step, &table, &target);
        assert_int_equal(step->input_count, COLUMNS);
        assert_int_equal(kept_count(step), best[one_se]);
        mls_step_free(step);
    }
    mls_table_clear(&table);
    return best[0] - best[1];
}

/* More noise, so that the small effects are not worth their columns. */
static void make_noisy(double *noisy)
{
    for (int64_t i = 0; i < ROWS; i++)
        noisy[i] = y[i]
            + 1.5 * ((double)((i * 4001 + i * i * 71) % 991) / 991 - 0.5);
}

/* Rows by what they hold: all differ, so that folds are of one size. */
static void deal(const double *target_y, const double *weight, int32_t *fold)
{
    static const int64_t order[COLUMNS] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64);
    struct mls_step *step = three_left("1");
    struct mls_target target = { .task = MLS_REGRESSION, .rows = ROWS,
                                 .y = target_y, .weight = weight };
    struct mls_step_input in = { .table = &table, .target = &target,
                                 .seed = 1 };
    struct mls_dataset all;
    struct mls_error err;
    int count[FOLDS] = { 0 };
    bool by_time;

    fit_well(step, &table, &target);
    assert_true(mls_select_read(step, &in, order, &all, &err));
    assert_true(mls_select_deal(&in, &all, FOLDS, fold, &by_time, &err));
    assert_false(by_time);
    for (int i = 0; i < ROWS; i++)
        count[fold[i]]++;
    for (int k = 0; k < FOLDS; k++)
        assert_int_equal(count[k], ROWS / FOLDS);
    mls_dataset_clear(&all);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void the_count_is_that_of_a_slow_twin(void **state)
{
    static double noisy[ROWS], weight[ROWS], group[ROWS], time[ROWS];
    const struct cells by_group = { "z group", MLS_KIND_REAL, .real = group,
                                    .role = MLS_ROLE_GROUP };
    const struct cells by_time = { "z time", MLS_KIND_REAL, .real = time,
                                   .role = MLS_ROLE_TIME };
    int32_t fold[ROWS];
    struct twin twin = { .y = noisy, .fold = fold };
    struct mls_error err;
    int fewer = 0;

    (void)state;
    make_noisy(noisy);
    for (int i = 0; i < ROWS; i++) {
        weight[i] = 1 + i * 7 % 5;
        group[i] = i * 13 % 40;
        time[i] = i * 77 % 201;
    }
    deal(noisy, NULL, fold);
    fewer += chooses_as_the_twin(&twin, NULL);
    twin.w = weight;
    deal(noisy, weight, fold);
    fewer += chooses_as_the_twin(&twin, NULL);
    twin.w = NULL;
    assert_true(mls_split_folds_grouped(ROWS, group, FOLDS, 1, fold, &err));
    fewer += chooses_as_the_twin(&twin, &by_group);
    twin.by_time = true;
    assert_true(mls_split_folds_by_time(ROWS, time, FOLDS, fold, &err));
    fewer += chooses_as_the_twin(&twin, &by_time);
    assert_true(fewer > 0);
}

static void is_near(double got, double want, double by)
{
    if (!(fabs(got - want) <= by))
        fail_msg("%.17g is not %.17g", got, want);
}

/* -log(1/4) is log 4: scores log 3 against the truth; and the same by hand. */
static void losses_are_those_of_the_formulas(void **state)
{
    static const double truth[] = { 1, 0 }, w[] = { 1, 3 };
    static const double offset[] = { 1, -1 };
    double score[6] = { -log(3), log(3) };
    struct mls_target target = { .task = MLS_BINARY, .rows = 2, .classes = 2,
                                 .y = truth };

    (void)state;
    is_near(mls_select_loss(&target, score, false), log(4), 1e-14);
    score[1] = -log(3);
    target.weight = w;
    is_near(mls_select_loss(&target, score, false),
            (log(4) + 3 * log(4.0 / 3)) / 4, 1e-14);
    score[0] = -1e4;
    target.weight = NULL;
    is_near(mls_select_loss(&target, score, false),
            (1e4 + log(4.0 / 3)) / 2, 1e-10);

    /* Row 0: scores 0, log 2, 0 of class 1; row 1: 5, 5, 5 of class 0. */
    target.task = MLS_MULTICLASS;
    target.classes = 3;
    score[0] = score[4] = 0;
    score[2] = log(2);
    score[1] = score[3] = score[5] = 5;
    is_near(mls_select_loss(&target, score, false),
            (log(2) + log(3)) / 2, 1e-14);

    target = (struct mls_target){ .task = MLS_REGRESSION, .rows = 2,
                                  .y = truth, .weight = w, .offset = offset };
    score[0] = 2;
    score[1] = 1;
    is_near(mls_select_loss(&target, score, false), 1, 1e-15);
    score[0] = log(3) - 1;
    is_near(mls_select_loss(&target, score, true), (4 + 3) / 4.0,
            1e-14);
}

/* Pure noise beside three columns that the classes are made of. */
static void classes_choose_what_they_are_made_of(void **state)
{
    static double made[ROWS], made_three[ROWS];
    struct mls_target targets[] = { binary, multiclass };
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), out;

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        double sum = 3 * cells[1][i] / 100 - 3 * cells[3][i] + 3 * cells[5][i]
            + 1.5 * ((double)((i * 4001 + i * i * 71) % 991) / 991 - 0.5);

        made[i] = sum > 1.5;
        made_three[i] = (sum > 1) + (sum > 2);
    }
    targets[0].y = made;
    targets[1].y = made_three;
    for (int t = 0; t < 2; t++) {
        struct mls_step *step = step_of(&mls_select_recursive);

        set(step, "one_se", "true");
        fit_well(step, &table, &targets[t]);
        out = apply_to(step, &table);
        assert_columns(&out.schema, "b d f");
        mls_table_clear(&out);
        mls_step_free(step);
    }
    mls_table_clear(&table);
}

/* All rows of class 1 come last: nothing to train on before. */
static void folds_that_lack_a_class_are_not_enough(void **state)
{
    static double late[ROWS], time[ROWS];
    struct cells with[COLUMNS + 1];
    struct mls_target target = binary;
    struct mls_step *step = step_of(&mls_select_recursive);
    struct mls_table table;

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        late[i] = i >= ROWS - 5;
        time[i] = i;
    }
    target.y = late;
    memcpy(with, columns, sizeof(columns));
    with[COLUMNS] = (struct cells){ "z", MLS_KIND_REAL, .real = time,
                                    .role = MLS_ROLE_TIME };
    table = table_of(with, COLUMNS + 1, ROWS, 64);
    fit_fails(step, &table, &target, MLS_DATA, "", "no fold has rows of every");
    time[9] = NAN;
    mls_table_clear(&table);
    table = table_of(with, COLUMNS + 1, ROWS, 64);
    fit_fails(step, &table, &target, MLS_DATA, "z", "the time is missing");
    mls_table_clear(&table);
    mls_step_free(step);
}

static void the_order_of_the_columns_changes_nothing(void **state)
{
    static const int order[COLUMNS] = { 5, 2, 7, 0, 3, 6, 1, 4 };
    struct cells shuffled[COLUMNS];
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), other;
    struct mls_step *one = three_left("1"), *twin = three_left("1");
    const double *a, *b;

    (void)state;
    for (int j = 0; j < COLUMNS; j++)
        shuffled[j] = columns[order[j]];
    other = table_of(shuffled, COLUMNS, ROWS, 9);
    fit_well(one, &table, &regression);
    fit_well(twin, &other, &regression);
    a = mls_arrays_find(&one->arrays, "score")->data;
    b = mls_arrays_find(&twin->arrays, "score")->data;
    for (int j = 0; j < COLUMNS; j++)
        assert_true(b[j] == a[order[j]]);
    mls_step_free(one);
    mls_step_free(twin);
    mls_table_clear(&table);
    mls_table_clear(&other);
}

/* Three constant columns: their coefficients are 0, and the last goes first. */
static void equal_columns_leave_by_their_last_name(void **state)
{
    static const double rank[] = { 1, 2, 3, 1 };
    static double same[ROWS];
    const struct cells with[] = { { "k", MLS_KIND_REAL, .real = same },
                                  { "l", MLS_KIND_REAL, .real = same },
                                  { "m", MLS_KIND_REAL, .real = same },
                                  { "z", MLS_KIND_REAL, .real = cells[1] } };
    struct mls_table table;
    struct mls_step *step = step_of(&mls_select_recursive);

    (void)state;
    for (int i = 0; i < ROWS; i++)
        same[i] = 0.1;
    table = table_of(with, 4, ROWS, 64);
    set(step, "k", "2");
    fit_well(step, &table, &regression);
    assert_memory_equal(mls_arrays_find(&step->arrays, "rank")->data, rank,
                        sizeof(rank));
    mls_step_free(step);
    mls_table_clear(&table);
}

static void what_is_not_a_number_is_refused_with_a_fix(void **state)
{
    static const char *texts[ROWS];
    static double holes[ROWS];
    struct cells with[] = { columns[0],
                            { "text", MLS_KIND_CATEGORY, .text = texts } };
    struct mls_table table;
    struct mls_step *step = step_of(&mls_select_recursive);
    struct mls_error err = { 0 };

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        texts[i] = i % 2 ? "u" : "v";
        holes[i] = i == 77 ? NAN : i;
    }
    table = table_of(with, 2, ROWS, 64);
    fit_fails(step, &table, NULL, MLS_USAGE, "", "needs a target");
    assert_false(fit_to(step, &table, &regression, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.column, "text");
    assert_non_null(strstr(err.fix, "--encode"));
    mls_table_clear(&table);

    with[1] = (struct cells){ "holes", MLS_KIND_REAL, .real = holes };
    table = table_of(with, 2, ROWS, 64);
    assert_false(fit_to(step, &table, &regression, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.column, "holes");
    assert_int_equal(err.row, 78);
    assert_non_null(strstr(err.fix, "--impute"));
    mls_table_clear(&table);

    table = table_of(columns, COLUMNS, ROWS, 64);
    set(step, "learner", "rigde");
    fit_fails(step, &table, &regression, MLS_USAGE, "", "rigde");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void leave_three(struct mls_step *step)
{
    set(step, "k", "3");
}

static void blocks_and_threads_change_nothing(void **state)
{
    (void)state;
    fits_the_same_anyhow(&mls_select_recursive, leave_three, columns, COLUMNS,
                         ROWS, &regression);
    fits_the_same_anyhow(&mls_select_recursive, NULL, columns, COLUMNS, ROWS,
                         &regression);
    fits_the_same_anyhow(&mls_select_recursive, NULL, columns, COLUMNS, ROWS,
                         &multiclass);
}

/* k: 3, or chosen. */
static void weight_2_is_a_repeated_row(bool choose)
{
    static double long_cells[COLUMNS][2 * ROWS], long_y[2 * ROWS];
    static double weight[ROWS];
    struct cells longer[COLUMNS];
    struct mls_target weighted = regression;
    struct mls_target repeated = { .task = MLS_REGRESSION, .y = long_y };
    struct mls_table table = table_of(columns, COLUMNS, ROWS, 64), other;
    struct mls_step *one = three_left("1"), *twin = three_left("1");
    const double *a, *b;
    int n = 0;

    set(one, "k", choose ? "auto" : "3");
    set(twin, "k", choose ? "auto" : "3");
    for (int i = 0; i < ROWS; i++) {
        weight[i] = 1 + i % 2;
        for (int w = 0; w < (int)weight[i]; w++, n++) {
            for (int j = 0; j < COLUMNS; j++)
                long_cells[j][n] = cells[j][i];
            long_y[n] = y[i];
        }
    }
    for (int j = 0; j < COLUMNS; j++)
        longer[j] = (struct cells){ names[j], MLS_KIND_REAL,
                                    .real = long_cells[j] };
    other = table_of(longer, COLUMNS, n, 50);
    weighted.weight = weight;
    repeated.rows = n;
    set(one, "learner", "ridge");
    set(twin, "learner", "ridge");
    fit_well(one, &table, &weighted);
    fit_well(twin, &other, &repeated);
    a = mls_arrays_find(&one->arrays, "rank")->data;
    b = mls_arrays_find(&twin->arrays, "rank")->data;
    assert_memory_equal(a, b, COLUMNS * sizeof(*a));
    mls_step_free(one);
    mls_step_free(twin);
    mls_table_clear(&table);
    mls_table_clear(&other);
}

static void weight_2_equals_a_repeated_row(void **state)
{
    (void)state;
    weight_2_is_a_repeated_row(false);
    weight_2_is_a_repeated_row(true);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 64);

    (void)state;
    survives_failing_memory(&mls_select_recursive, "k", "2", &table,
                            &regression);
    survives_failing_memory(&mls_select_recursive, "folds", "2", &table,
                            &regression);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_equal_those_of_rfe),
        cmocka_unit_test(classes_keep_the_same_columns),
        cmocka_unit_test(more_columns_than_there_are_keeps_all),
        cmocka_unit_test(the_count_is_that_of_a_slow_twin),
        cmocka_unit_test(losses_are_those_of_the_formulas),
        cmocka_unit_test(classes_choose_what_they_are_made_of),
        cmocka_unit_test(folds_that_lack_a_class_are_not_enough),
        cmocka_unit_test(the_order_of_the_columns_changes_nothing),
        cmocka_unit_test(equal_columns_leave_by_their_last_name),
        cmocka_unit_test(what_is_not_a_number_is_refused_with_a_fix),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(weight_2_equals_a_repeated_row),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, fill, NULL);
}
