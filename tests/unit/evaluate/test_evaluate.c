#include "contract/contract.h"

#include "mlspec/split.h"

static struct mls_pipeline *unfitted(const struct mls_table *table)
{
    struct mls_settings settings = { .train = true, .seed = 1 };

    return linear_pipeline(&settings, table);
}

static const struct mls_figure *figure(const struct mls_evaluation *e,
                                       const char *name)
{
    for (int64_t i = 0; i < e->count; i++)
        if (strcmp(e->figures[i].metric->name, name) == 0)
            return &e->figures[i];
    fail_msg("no %s", name);
    return NULL;
}

/* The folds that the roles of the columns ask for; role 0: none does. */
static void folds_by_hand(const struct mls_table *table, enum mls_role role,
                          int k, int32_t *fold)
{
    int64_t rows = table->rows, column = 0;
    struct mls_error err = { 0 };
    double *cells;

    if (!role) {
        must(mls_split_folds(rows, NULL, k, 5, fold, &err), &err);
        return;
    }
    cells = mls_new(rows, sizeof *cells, &err);
    must(cells != NULL, &err);
    while (table->schema.fields[column].role != role)
        column++;
    mls_table_reals(table, column, 0, rows, cells);
    if (role == MLS_ROLE_TIME)
        must(mls_split_folds_by_time(rows, cells, k, fold, &err), &err);
    else
        must(mls_split_folds_grouped(rows, cells, k, 5, fold, &err), &err);
    mls_free(cells);
}

/* The same folds by hand: fit, predict, squared errors. */
static double rmse_by_hand(const struct mls_table *table, enum mls_role role,
                           int k)
{
    int32_t *fold;
    double sum = 0;
    struct mls_error err = { 0 };
    int64_t rows = table->rows;
    int64_t *train = mls_new(rows, sizeof *train, &err);
    int64_t *test = mls_new(rows, sizeof *test, &err);

    fold = mls_new(rows, sizeof *fold, &err);
    assert_true(fold && train && test);
    folds_by_hand(table, role, k, fold);
    for (int f = 0; f < k; f++) {
        struct mls_pipeline *p = unfitted(table);
        struct mls_prediction made;
        double *truth, squares = 0;
        int64_t trains = 0, tests = 0;

        for (int64_t i = 0; i < rows; i++) {
            if (fold[i] == f)
                test[tests++] = i;
            else if (role != MLS_ROLE_TIME || fold[i] < f)
                train[trains++] = i;
        }
        must(mls_pipeline_fit(p, table, train, trains, NULL, &err), &err);
        must(mls_pipeline_predict_table(p, table, NAN, NULL, &made, &err),
             &err);
        truth = mls_pipeline_truth(p, table, &err);
        must(truth != NULL, &err);
        for (int64_t i = 0; i < tests; i++)
            squares += pow(made.value[test[i]] - truth[test[i]], 2);
        sum += sqrt(squares / (double)tests);
        mls_free(truth);
        mls_prediction_clear(&made);
        mls_pipeline_free(p);
    }
    mls_free(fold);
    mls_free(train);
    mls_free(test);
    return sum / k;
}

static void cross_validation_equals_the_folds_by_hand(void **state)
{
    struct form f = { .task = MLS_REGRESSION };
    struct mls_evaluate_options options = { .threshold = NAN, .seed = 5 };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    double expected;

    (void)state;
    read_form(&f, NULL, &table);
    p = unfitted(&table);
    must(mls_cross_validate(p, &table, 4, &options, NULL, &e, &err), &err);
    expected = rmse_by_hand(&table, 0, 4);
    assert_true(fabs(figure(&e, "rmse")->value - expected) < 1e-12);
    assert_int_equal(e.rows, ROWS);
    assert_int_equal(e.folds, 4);
    assert_true(figure(&e, "rmse")->baseline > figure(&e, "rmse")->value);
    mls_evaluation_clear(&e);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* Cross-validation of a table one of whose columns says how to deal. */
static void check_roles(const char *column, enum mls_role role)
{
    struct form f = { .task = MLS_REGRESSION };
    struct mls_evaluate_options options = { .threshold = NAN, .seed = 5 };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    read_form(&f, NULL, &table);
    table.schema.fields[mls_schema_find(&table.schema, column)].role = role;
    p = unfitted(&table);
    must(mls_cross_validate(p, &table, 4, &options, NULL, &e, &err), &err);
    assert_true(fabs(figure(&e, "rmse")->value
                     - rmse_by_hand(&table, role, 4)) < 1e-12);
    assert_int_equal(e.rows, role == MLS_ROLE_TIME ? ROWS / 5 * 4 : ROWS);
    mls_evaluation_clear(&e);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

static void groups_stay_whole_in_cross_validation(void **state)
{
    (void)state;
    check_roles("gamma", MLS_ROLE_GROUP);
}

static void folds_in_time_learn_from_what_came_before(void **state)
{
    (void)state;
    check_roles("day", MLS_ROLE_TIME);
}

static void a_row_without_its_group_is_refused_with_its_place(void **state)
{
    struct form f = { .task = MLS_REGRESSION };
    struct mls_evaluate_options options = { .threshold = NAN, .seed = 5 };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    read_form(&f, NULL, &table);
    table.schema.fields[mls_schema_find(&table.schema, "city")].role =
        MLS_ROLE_GROUP;
    p = unfitted(&table);
    assert_false(mls_holdout(p, &table, 0.3, &options, NULL, &e, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.what, "the group is missing");
    assert_string_equal(err.column, "city");
    assert_true(err.row > 0);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

static void threads_change_no_figure(void **state)
{
    struct form f = { .task = MLS_BINARY };
    struct mls_evaluate_options options = { .threshold = NAN, .seed = 5,
                                            .bootstrap = 40,
                                            .confidence = 0.95 };
    struct mls_evaluation one, many;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    struct mls_run run;

    (void)state;
    read_form(&f, NULL, &table);
    p = unfitted(&table);
    must(mls_run_init(&run, 3, &err), &err);
    must(mls_holdout(p, &table, 0.3, &options, NULL, &one, &err), &err);
    must(mls_holdout(p, &table, 0.3, &options, &run, &many, &err), &err);
    assert_int_equal(one.count, many.count);
    for (int64_t i = 0; i < one.count; i++) {
        assert_true(one.figures[i].value == many.figures[i].value);
        assert_true(one.figures[i].low == many.figures[i].low);
        assert_true(one.figures[i].high == many.figures[i].high);
        assert_true(one.figures[i].low <= one.figures[i].value
                    && one.figures[i].value <= one.figures[i].high);
    }
    assert_true(one.confusion[0] + one.confusion[1] + one.confusion[2]
                    + one.confusion[3] == (double)one.rows);
    mls_evaluation_clear(&one);
    mls_evaluation_clear(&many);
    mls_run_clear(&run);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

static void the_baseline_is_what_the_frequencies_say(void **state)
{
    struct form f = { .task = MLS_BINARY };
    struct mls_evaluate_options options = { .threshold = NAN };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    double *y, ones = 0, q;

    (void)state;
    read_form(&f, NULL, &table);
    p = unfitted(&table);
    must(mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    must(mls_evaluate(p, &table, &options, NULL, &e, &err), &err);
    y = mls_pipeline_truth(p, &table, &err);
    must(y != NULL, &err);
    for (int64_t i = 0; i < table.rows; i++)
        ones += y[i];
    q = ones / (double)table.rows;
    assert_true(figure(&e, "roc_auc")->baseline == 0.5);
    assert_true(fabs(figure(&e, "accuracy")->baseline - fmax(q, 1 - q))
                < 1e-15);
    assert_true(fabs(figure(&e, "log_loss")->baseline
                     + q * log(q) + (1 - q) * log(1 - q)) < 1e-12);
    assert_true(isnan(e.figures[0].low));
    mls_free(y);
    mls_evaluation_clear(&e);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

static void a_demanded_metric_must_fit(void **state)
{
    struct form f = { .task = MLS_BINARY };
    struct mls_evaluate_options options = { .threshold = NAN,
                                            .metrics = "accuracy,rmse" };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    read_form(&f, NULL, &table);
    p = unfitted(&table);
    assert_false(mls_cross_validate(p, &table, 3, &options, NULL, &e, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "rmse"));
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

static void a_metric_named_twice_is_measured_once(void **state)
{
    struct form f = { .task = MLS_BINARY };
    struct mls_evaluate_options options = { .threshold = NAN,
                                            .metrics = "f1,accuracy,f1" };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    read_form(&f, NULL, &table);
    p = unfitted(&table);
    must(mls_cross_validate(p, &table, 3, &options, NULL, &e, &err), &err);
    assert_int_equal(e.count, 2);
    mls_evaluation_clear(&e);
    options.metrics = "";
    assert_false(mls_cross_validate(p, &table, 3, &options, NULL, &e, &err));
    assert_int_equal(err.code, MLS_USAGE);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* The only row of class c is in one fold: the others are trained without
 * it, that one is measured on a class never seen. */
static void a_class_may_be_absent_from_a_fold(void **state)
{
    struct mls_evaluate_options options = { .threshold = NAN, .seed = 1 };
    struct mls_roles roles = { .target = "y" };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    double cells = 0;

    (void)state;
    read_text("x,y\n1,a\n2,b\n3,a\n4,b\n5,c\n6,a\n7,b\n2,a\n9,b\n", &roles,
              &table);
    p = unfitted(&table);
    must(mls_cross_validate(p, &table, 3, &options, NULL, &e, &err), &err);
    assert_int_equal(e.rows, 9);
    for (int i = 0; i < 9; i++)
        cells += e.confusion[i];
    assert_true(cells == 9);
    assert_true(isfinite(figure(&e, "accuracy")->value));
    mls_evaluation_clear(&e);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

static void wrong_numbers_of_folds_are_refused(void **state)
{
    struct form f = { .task = MLS_REGRESSION, .rows = 12 };
    struct mls_evaluate_options options = { .threshold = NAN };
    static const int folds[] = { 13, 1, 0, -7 };
    static const int codes[] = { MLS_DATA, MLS_USAGE, MLS_USAGE, MLS_USAGE };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    read_form(&f, NULL, &table);
    p = unfitted(&table);
    for (int i = 0; i < 4; i++) {
        assert_false(mls_cross_validate(p, &table, folds[i], &options, NULL,
                                        &e, &err));
        assert_int_equal(err.code, codes[i]);
    }
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* Rows that count for nothing are in no fold. */
static void rows_of_weight_0_are_not_dealt(void **state)
{
    struct mls_evaluate_options options = { .threshold = NAN };
    struct mls_roles roles = { .target = "y", .weight = "w" };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    read_text("x,y,w\n1,1.5,0\n2,2.5,0\n3,3.25,0\n4,4,0\n5,5,1\n6,6.5,1\n"
              "7,6,2\n8,,0\n", &roles, &table);
    p = unfitted(&table);
    must(mls_cross_validate(p, &table, 3, &options, NULL, &e, &err), &err);
    assert_int_equal(e.rows, 3);
    mls_evaluation_clear(&e);
    assert_false(mls_cross_validate(p, &table, 4, &options, NULL, &e, &err));
    assert_int_equal(err.code, MLS_DATA);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* Trained where nothing was missing, measured where something is. */
static void a_row_without_prediction_is_refused_with_its_place(void **state)
{
    struct mls_roles roles = { .target = "y" };
    const char *families[] = { "impute=none" };
    struct mls_settings settings = { .train = true, .families = families,
                                     .family_count = 1 };
    struct mls_evaluate_options options = { .threshold = NAN };
    const char *tables[][2] = {
        { "x,y\n1,a\n2,b\n3,a\n4,b\n", "x,y\n1,a\n,b\n3,a\n" },
        { "x,y\n1,1.5\n2,3.5\n3,2.5\n4,7\n", "x,y\n1,1.5\n,2\n3,2.5\n" },
    };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct mls_evaluation e;
        struct mls_table train = { 0 }, test = { 0 };
        struct mls_error err = { 0 };
        struct mls_pipeline *p;

        read_text(tables[i][0], &roles, &train);
        read_text(tables[i][1], &roles, &test);
        p = linear_pipeline(&settings, &train);
        must(p != NULL, &err);
        must(mls_pipeline_fit(p, &train, NULL, 0, NULL, &err), &err);
        assert_false(mls_evaluate(p, &test, &options, NULL, &e, &err));
        assert_int_equal(err.code, MLS_DATA);
        assert_int_equal(err.line, 3);
        assert_non_null(strstr(err.fix, "impute"));
        mls_pipeline_free(p);
        mls_table_clear(&train);
        mls_table_clear(&test);
    }
}

static void count_message(void *context, enum mls_level level,
                          const char *text)
{
    (void)level;
    (void)text;
    ++*(int *)context;
}

/* What a fit says about its rows would come once a fold, and once again. */
static void folds_say_nothing(void **state)
{
    struct form f = { .task = MLS_BINARY, .all_missing = true };
    struct mls_settings settings = { .train = true, .learner = "logistic" };
    struct mls_evaluate_options options = { .threshold = NAN };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    struct mls_run run;
    int messages = 0;

    (void)state;
    read_form(&f, NULL, &table);
    /* Named by its kind, the empty column is a feature. */
    table.schema.fields[mls_schema_find(&table.schema, "empty")].role =
        MLS_ROLE_FEATURE;
    must(mls_run_init(&run, 1, &err), &err);
    p = mls_pipeline_new(&settings, &table, &run, &err);
    must(p != NULL, &err);
    run.context = &messages;
    run.message = count_message;
    must(mls_cross_validate(p, &table, 3, &options, &run, &e, &err), &err);
    assert_int_equal(messages, 0);
    must(mls_pipeline_fit(p, &table, NULL, 0, &run, &err), &err);
    assert_true(messages > 0);
    mls_evaluation_clear(&e);
    mls_run_clear(&run);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* Each fold's rows predicted by hand; then the best threshold of all. */
static void threshold_by_hand(const struct mls_table *table, int k,
                              const struct mls_metric_type *metric,
                              double *threshold, double *value)
{
    struct mls_error err = { 0 };
    int64_t rows = table->rows;
    int64_t *train = mls_new(rows, sizeof *train, &err);
    int32_t *fold = mls_new(rows, sizeof *fold, &err);
    double *p1 = mls_new(2 * rows, sizeof *p1, &err);
    struct mls_pipeline *p = unfitted(table);
    struct mls_outcome outcome = { .task = MLS_BINARY, .n = rows,
                                   .classes = 2, .probability = p1 };
    double *truth = mls_pipeline_truth(p, table, &err);

    assert_true(train && fold && p1 && truth);
    must(mls_split_folds(rows, truth, k, 5, fold, &err), &err);
    for (int f = 0; f < k; f++) {
        struct mls_prediction made;
        int64_t trains = 0;

        for (int64_t i = 0; i < rows; i++)
            if (fold[i] != f)
                train[trains++] = i;
        must(mls_pipeline_fit(p, table, train, trains, NULL, &err), &err);
        must(mls_pipeline_predict_table(p, table, NAN, NULL, &made, &err),
             &err);
        for (int64_t i = 0; i < 2 * rows; i++)
            if (fold[i / 2] == f)
                p1[i] = made.probability[i];
        mls_prediction_clear(&made);
    }
    outcome.truth = truth;
    must(mls_best_threshold(&outcome, metric, threshold, value, &err), &err);
    mls_free(train);
    mls_free(fold);
    mls_free(p1);
    mls_free(truth);
    mls_pipeline_free(p);
}

static void the_threshold_is_found_on_rows_the_model_has_not_seen(void **state)
{
    struct form f = { .task = MLS_BINARY };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    double threshold, value, expected, best;

    (void)state;
    read_form(&f, NULL, &table);
    p = unfitted(&table);
    must(mls_cross_threshold(p, &table, 4, "f2", 5, NULL, &threshold, &value,
                             &err), &err);
    threshold_by_hand(&table, 4, mls_metric_find("f2", MLS_BINARY, &err),
                      &expected, &best);
    assert_true(threshold == expected && value == best);
    assert_true(threshold < 0.5); /* f2 wants recall */
    assert_false(mls_pipeline_is_fitted(p));
    assert_true(isnan(mls_pipeline_threshold(p)));
    assert_false(mls_cross_threshold(p, &table, 4, "log_loss", 5, NULL,
                                     &threshold, &value, &err));
    assert_int_equal(err.code, MLS_USAGE);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* Of 0.2 and 0.9, the one that was asked for last counts. */
static void a_pipeline_predicts_from_its_own_threshold_on(void **state)
{
    struct form f = { .task = MLS_BINARY };
    struct mls_evaluate_options own = { .threshold = NAN },
                                other = { .threshold = 0.9 };
    struct mls_evaluation e;
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    double positive[3];

    (void)state;
    read_form(&f, NULL, &table);
    p = unfitted(&table);
    must(mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    for (int i = 0; i < 3; i++) {
        if (i == 1)
            must(mls_pipeline_set_threshold(p, 0.2, &err), &err);
        must(mls_evaluate(p, &table, i == 2 ? &other : &own, NULL, &e, &err),
             &err);
        positive[i] = e.confusion[1] + e.confusion[3];
        mls_evaluation_clear(&e);
    }
    assert_true(positive[2] < positive[0] && positive[0] < positive[1]);
    assert_false(mls_pipeline_set_threshold(p, 1.5, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_true(mls_pipeline_threshold(p) == 0.2);
    must(mls_pipeline_set_threshold(p, NAN, &err), &err);
    assert_true(isnan(mls_pipeline_threshold(p)));
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* --- permutation importance ---------------------------------------------- */

static double drop_of(const struct mls_importance *all, const char *column)
{
    for (int64_t i = 0; i < all->count; i++)
        if (strcmp(all->items[i].column, column) == 0)
            return all->items[i].drop;
    fail_msg("no %s", column);
    return NAN;
}

/* y = 3 a + b of independent a, b of variance s^2 each, known exactly: with a
 * dealt out anew the error is 3 (a - a'), of mean square 18 s^2 (n / (n - 1)
 * apart); c is not asked. */
static void importance_is_the_error_that_a_dealt_column_makes(void **state)
{
    enum { N = 4000 };
    struct mls_evaluate_options options = { .threshold = NAN, .metrics = "mse",
                                            .seed = 3 };
    struct mls_settings settings = { .train = true, .learner = "linear" };
    struct mls_roles roles = { .target = "y" };
    struct mls_importance all, again;
    struct mls_text text = { 0 };
    struct mls_table table = { 0 };
    struct mls_run run;
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    double sum[2] = { 0 }, squares[2] = { 0 };

    (void)state;
    mls_text_add(&text, "c,a,y,b\n");
    for (int64_t i = 0; i < N; i++) {
        double x[3];

        for (int j = 0; j < 3; j++)
            x[j] = floor(draw(i, j) * 1000);
        for (int j = 0; j < 2; j++) {
            sum[j] += x[j];
            squares[j] += x[j] * x[j];
        }
        mls_text_format(&text, "%.0f,%.0f,%.1f,%.0f\n", x[2], x[0],
                        3 * x[0] + x[1] + 0.5, x[1]);
    }
    read_text(text.bytes, &roles, &table);
    mls_text_clear(&text);
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p && mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    must(mls_importance(p, &table, &options, 10, NULL, &all, &err), &err);
    assert_int_equal(all.count, 3);
    assert_string_equal(all.items[0].column, "a");
    for (int j = 0; j < 2; j++) {
        double variance = squares[j] / N - sum[j] / N * (sum[j] / N);
        double expected = 2 * variance * (j ? 1 : 9);

        assert_true(fabs(drop_of(&all, j ? "b" : "a") - expected)
                    < 0.03 * expected);
    }
    assert_true(fabs(drop_of(&all, "c")) < 1e-6);
    assert_true(all.items[0].sd > 0 && all.items[0].sd < all.items[0].drop);
    /* Neither threads nor other columns change a bit. */
    must(mls_run_init(&run, 3, &err), &err);
    must(mls_importance(p, &table, &options, 10, &run, &again, &err), &err);
    for (int64_t i = 0; i < 3; i++) {
        assert_true(all.items[i].drop == again.items[i].drop);
        assert_true(all.items[i].sd == again.items[i].sd);
    }
    mls_importance_clear(&again);
    mls_importance_clear(&all);
    mls_run_clear(&run);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* Dates, words and holes; a metric that falls; what no model asks for. */
static void importance_is_of_raw_columns_of_any_kind(void **state)
{
    static const char *const learners[] = { "logistic", "tree", "constant" };
    struct form f = { .task = MLS_BINARY, .block_rows = 50, .weighted = true };
    struct mls_evaluate_options options = { .threshold = NAN, .seed = 3 };

    (void)state;
    for (int k = 0; k < 3; k++) {
        struct mls_settings settings = { .train = true,
                                         .learner = learners[k] };
        struct mls_table table = { 0 };
        struct mls_importance all;
        struct mls_error err = { 0 };
        struct mls_pipeline *p;

        read_form(&f, NULL, &table);
        p = mls_pipeline_new(&settings, &table, NULL, &err);
        must(p && mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
        must(mls_importance(p, &table, &options, 3, NULL, &all, &err), &err);
        assert_string_equal(all.metric->name, "roc_auc");
        assert_int_equal(all.count, 6);
        for (int64_t i = 0; i < all.count; i++) {
            assert_true(k < 2 || all.items[i].drop == 0);
            assert_true(i == 0 || all.items[i].drop <= all.items[i - 1].drop);
        }
        assert_true(k == 2 || drop_of(&all, "alpha") > 0.1);
        mls_importance_clear(&all);
        mls_pipeline_free(p);
        mls_table_clear(&table);
    }
}

/* --- anomalies ------------------------------------------------------------ */

/* A label is not learned from, and is what scores are compared with. */
static void anomalies_are_measured_against_labels(void **state)
{
    struct mls_evaluate_options options = { .threshold = NAN };
    struct mls_settings settings = { .train = true, .task = MLS_ANOMALY };
    struct mls_roles roles = { .target = "label" };
    struct mls_text text = { 0 };
    struct mls_table table = { 0 };
    struct mls_evaluation e;
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    mls_text_add(&text, "x,y,label\n");
    for (int64_t i = 0; i < 600; i++) {
        bool odd = i % 60 == 7;

        mls_text_format(&text, "%g,%g,%s\n", draw(i, 1) + 5 * odd,
                        draw(i, 2), odd ? "odd" : "even");
    }
    read_text(text.bytes, &roles, &table);
    mls_text_clear(&text);
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p && mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    assert_string_equal(mls_pipeline_learner(p)->name, "isolation_forest");
    must(mls_evaluate(p, &table, &options, NULL, &e, &err), &err);
    assert_int_equal(e.count, 1);
    assert_true(figure(&e, "roc_auc")->value > 0.99);
    assert_true(figure(&e, "roc_auc")->baseline == 0.5);
    assert_null(e.confusion);
    mls_evaluation_clear(&e);
    options.metrics = "rmse";
    assert_false(mls_evaluate(p, &table, &options, NULL, &e, &err));
    assert_int_equal(err.code, MLS_USAGE);
    mls_pipeline_free(p);
    /* Without labels there is nothing to compare with. */
    table.schema.fields[2].role = MLS_ROLE_IGNORED;
    options.metrics = NULL;
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p && mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    assert_false(mls_evaluate(p, &table, &options, NULL, &e, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "target"));
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_validation_equals_the_folds_by_hand),
        cmocka_unit_test(groups_stay_whole_in_cross_validation),
        cmocka_unit_test(folds_in_time_learn_from_what_came_before),
        cmocka_unit_test(a_row_without_its_group_is_refused_with_its_place),
        cmocka_unit_test(threads_change_no_figure),
        cmocka_unit_test(the_baseline_is_what_the_frequencies_say),
        cmocka_unit_test(a_demanded_metric_must_fit),
        cmocka_unit_test(a_metric_named_twice_is_measured_once),
        cmocka_unit_test(a_class_may_be_absent_from_a_fold),
        cmocka_unit_test(wrong_numbers_of_folds_are_refused),
        cmocka_unit_test(rows_of_weight_0_are_not_dealt),
        cmocka_unit_test(folds_say_nothing),
        cmocka_unit_test(
            a_row_without_prediction_is_refused_with_its_place),
        cmocka_unit_test(
            the_threshold_is_found_on_rows_the_model_has_not_seen),
        cmocka_unit_test(a_pipeline_predicts_from_its_own_threshold_on),
        cmocka_unit_test(importance_is_the_error_that_a_dealt_column_makes),
        cmocka_unit_test(importance_is_of_raw_columns_of_any_kind),
        cmocka_unit_test(anomalies_are_measured_against_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
