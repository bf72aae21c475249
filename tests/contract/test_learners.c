/*
 * The same questions to every learner in the list, in every task it does.
 */
#include "contract.h"

#include "model/trees.h"

typedef void question(const struct mls_learner_type *learner,
                      enum mls_task task);

static void ask_all(question *ask)
{
    int asked = 0;

    for (int i = 0; mls_learners[i]; i++)
        for (int task = MLS_REGRESSION; task <= MLS_TASK_LAST; task++)
            if (mls_learners[i]->tasks & (1u << task)) {
                ask(mls_learners[i], (enum mls_task)task);
                asked++;
            }
    assert_true(asked >= 5);
}

static struct mls_settings settings_for(const struct mls_learner_type *learner)
{
    return (struct mls_settings){ .train = true, .learner = learner->name,
                                  .seed = 1 };
}

/* Without bags of rows drawn at random, in which a row of weight 2 is in or out
 * as a whole, and a row in another place is drawn by another number; and with
 * leaves of several rows, for weights change no leaf of a single one. */
static struct mls_settings settled_settings_for(
    const struct mls_learner_type *learner)
{
    static const char *const set[] = { "min_samples_leaf=5",
                                       "bootstrap=false" };
    struct mls_settings settings = settings_for(learner);

    settings.set = set;
    if (mls_params_find(learner->params, "min_samples_leaf", NULL))
        settings.set_count = 1;
    if (mls_params_find(learner->params, "bootstrap", NULL))
        settings.set_count = 2;
    return settings;
}

static void loads(const struct mls_learner_type *learner, enum mls_task task)
{
    struct mls_settings settings = settings_for(learner);
    struct form f = { .task = task };
    struct mls_pipeline *p = fit_form(&f, &settings, NULL, 0, 1), *q;
    const char *path = scratch("loads.mlspec");
    struct mls_error err = { 0 };
    int64_t n, m;
    double *x, *y;

    must(mls_pipeline_save(p, path, &err), &err);
    q = mls_pipeline_load(path, &err);
    must(q != NULL, &err);
    assert_same_files(p, q);
    x = scores(p, &f, 1, &n);
    y = scores(q, &f, 2, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, (size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        assert_true(isfinite(x[i]));
    mls_free(x);
    mls_free(y);
    mls_pipeline_free(p);
    mls_pipeline_free(q);
    unlink(path);
}

static void a_saved_model_predicts_the_same_bits(void **state)
{
    (void)state;
    ask_all(loads);
}

static void same_bytes(const struct mls_learner_type *learner,
                       enum mls_task task)
{
    struct mls_settings settings = settings_for(learner);
    struct form plain = { .task = task };
    const struct form forms[] = {
        { .task = task, .reversed_columns = true },
        { .task = task, .block_rows = 1 },
        { .task = task, .block_rows = 37, .reversed_columns = true },
    };
    const int threads[] = { 2, 3, 8 };
    struct mls_pipeline *p = fit_form(&plain, &settings, NULL, 0, 1), *q;

    for (size_t i = 0; i < 3; i++) {
        q = fit_form(&plain, &settings, NULL, 0, threads[i]);
        assert_same_files(p, q);
        mls_pipeline_free(q);
        q = fit_form(&forms[i], &settings, NULL, 0, threads[i]);
        assert_same_files(p, q);
        mls_pipeline_free(q);
    }
    mls_pipeline_free(p);
}

static void threads_columns_and_blocks_do_not_change_a_byte(void **state)
{
    (void)state;
    ask_all(same_bytes);
}

/* A learner that sets rows apart, to choose how long it learns, does not set the
 * copies of a row apart together. */
static void keep_rows_together(const struct mls_learner_type *learner,
                               struct mls_settings *settings)
{
    static const char *const set[] = { "stopping=off", "iterations=50",
                                       "row_fraction=1" };

    if (mls_params_find(learner->params, "stopping", NULL)) {
        settings->set = set;
        settings->set_count = 3;
    }
}

static void weights(const struct mls_learner_type *learner,
                    enum mls_task task)
{
    struct mls_settings settings = settled_settings_for(learner);
    struct form weighted = { .task = task, .weighted = true };
    struct form repeated = { .task = task, .repeated = true };
    struct form plain = { .task = task };
    struct mls_pipeline *p, *q, *unweighted;
    int64_t n, m;
    double *x, *y, difference = 0;

    if (!(learner->can & MLS_CAN_WEIGHTS))
        return;
    keep_rows_together(learner, &settings);
    p = fit_form(&weighted, &settings, NULL, 0, 1);
    q = fit_form(&repeated, &settings, NULL, 0, 1);
    unweighted = fit_form(&plain, &settings, NULL, 0, 1);
    weighted.rows = 0;
    x = scores(p, &weighted, 1, &n);
    y = scores(q, &plain, 1, &m);
    assert_int_equal(n, m);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(x[i] - y[i]) <= 1e-9 * (1 + fabs(x[i]))))
            fail_msg("%s: score %d: %.17g and %.17g", learner->name, (int)i,
                     x[i], y[i]);
    mls_free(y);
    /* Weights that did nothing would pass the above with repeats undone. */
    y = scores(unweighted, &plain, 1, &m);
    for (int64_t i = 0; i < n; i++)
        difference += fabs(x[i] - y[i]);
    assert_true(difference > 1e-6);
    mls_free(x);
    mls_free(y);
    mls_pipeline_free(p);
    mls_pipeline_free(q);
    mls_pipeline_free(unweighted);
}

static void weight_two_equals_a_repeated_row(void **state)
{
    (void)state;
    ask_all(weights);
}

/* A table of the form with an offset can be made a pipeline of. */
static bool takes_offset(const struct mls_settings *settings,
                         const struct form *f, struct mls_error *err)
{
    struct mls_table table = { 0 };
    struct mls_pipeline *p;

    read_form(f, NULL, &table);
    p = mls_pipeline_new(settings, &table, NULL, err);
    mls_table_clear(&table);
    mls_pipeline_free(p);
    return p != NULL;
}

/* An offset is part of every score, is kept in the file, and the same bytes
 * come out whatever the threads; a learner that has no place for it says so. */
static void offsets(const struct mls_learner_type *learner,
                    enum mls_task task)
{
    struct mls_settings settings = settled_settings_for(learner);
    struct form with = { .task = task, .offset = true };
    struct form plain = { .task = task };
    struct form weighted = { .task = task, .offset = true, .weighted = true };
    struct form repeated = { .task = task, .offset = true, .repeated = true };
    struct mls_pipeline *p, *q;
    struct mls_table table = { 0 };
    struct mls_prediction made;
    struct mls_error err = { 0 };

    if (!takes_offset(&settings, &with, &err)) {
        assert_int_equal(err.code, MLS_USAGE);
        assert_non_null(strstr(err.what, "offset"));
        assert_true(err.fix[0] != '\0');
        return;
    }
    assert_int_not_equal(task, MLS_MULTICLASS);
    p = fit_form(&with, &settings, NULL, 0, 1);
    q = fit_form(&with, &settings, NULL, 0, 3);
    assert_same_files(p, q);
    mls_pipeline_free(q);
    q = fit_form(&plain, &settings, NULL, 0, 1);
    assert_true(p->offset >= 0 && q->offset < 0);
    /* Without the column there is no score. */
    read_form(&plain, NULL, &table);
    assert_false(mls_pipeline_predict_table(p, &table, NAN, NULL, &made,
                                            &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_non_null(strstr(err.what, "\"o\""));
    mls_table_clear(&table);
    mls_pipeline_free(q);
    mls_pipeline_free(p);
    p = fit_form(&weighted, &settings, NULL, 0, 1);
    q = fit_form(&repeated, &settings, NULL, 0, 1);
    assert_scores_near(p, q, &weighted, 1e-9);
    mls_pipeline_free(q);
    mls_pipeline_free(p);
}

static void an_offset_is_part_of_each_score_or_refused(void **state)
{
    (void)state;
    ask_all(offsets);
}

/* A linear score: the offset of a row is added to it as it is, so a learner
 * that minimises over y - score fits y - offset. */
static void shifted(const struct mls_learner_type *learner, enum mls_task task)
{
    struct mls_settings settings = settings_for(learner);
    struct form f = { .task = task, .offset = true };
    struct mls_pipeline *p, *q;
    struct mls_table table = { 0 };
    struct mls_prediction x, y;
    struct mls_error err = { 0 };
    int64_t o, target;

    if (!(learner->can & MLS_CAN_SHIFT))
        return;
    p = fit_form(&f, &settings, NULL, 0, 1);
    read_form(&f, NULL, &table);
    must(mls_pipeline_predict_table(p, &table, NAN, NULL, &x, &err), &err);
    o = mls_schema_find(&table.schema, "o");
    target = mls_schema_find(&table.schema, "target");
    table.schema.fields[o].role = MLS_ROLE_IGNORED;
    for (int64_t b = 0; b < table.block_count; b++) {
        struct mls_block *block = table.blocks[b];

        for (int64_t i = 0; i < block->rows; i++)
            block->columns[target]->real[i] -= block->columns[o]->real[i];
    }
    q = mls_pipeline_new(&settings, &table, NULL, &err);
    must(q && mls_pipeline_fit(q, &table, NULL, 0, NULL, &err)
             && mls_pipeline_predict_table(q, &table, NAN, NULL, &y, &err),
         &err);
    for (int64_t i = 0; i < x.rows; i++) {
        double offset;

        mls_table_reals(&table, o, i, 1, &offset);
        assert_true(fabs(x.value[i] - (y.value[i] + offset)) < 1e-12);
    }
    mls_prediction_clear(&x);
    mls_prediction_clear(&y);
    mls_table_clear(&table);
    mls_pipeline_free(p);
    mls_pipeline_free(q);
}

static void an_offset_of_a_loss_of_differences_is_taken_from_y(void **state)
{
    (void)state;
    ask_all(shifted);
}

static void permuted(const struct mls_learner_type *learner,
                     enum mls_task task)
{
    struct mls_settings settings = settled_settings_for(learner);
    struct form plain = { .task = task };
    struct form rotated = { .task = task, .rotated_rows = true };
    struct mls_pipeline *p = fit_form(&plain, &settings, NULL, 0, 1);
    struct mls_pipeline *q = fit_form(&rotated, &settings, NULL, 0, 1);

    assert_scores_near(p, q, &plain, 1e-9);
    mls_pipeline_free(p);
    mls_pipeline_free(q);
}

static void the_order_of_rows_does_not_matter(void **state)
{
    (void)state;
    ask_all(permuted);
}

/* Two tables that differ only in rows that are not for training give the same
 * bytes: a step or learner that looked at them would show. */
static void leaks(const struct mls_learner_type *learner, enum mls_task task)
{
    struct mls_settings settings = settings_for(learner);
    struct form plain = { .task = task };
    struct form other = { .task = task, .other_test_rows = true };
    int64_t train[ROWS], n = 0;
    struct mls_pipeline *p, *q, *all_p, *all_q;
    size_t p_length, q_length;
    char *p_bytes, *q_bytes;

    for (int64_t i = 0; i < ROWS; i++)
        if (i % 4 != 0)
            train[n++] = i;
    p = fit_form(&plain, &settings, train, n, 2);
    q = fit_form(&other, &settings, train, n, 2);
    assert_same_files(p, q);
    /* With all rows they do differ, so the test can fail. */
    all_p = fit_form(&plain, &settings, NULL, 0, 2);
    all_q = fit_form(&other, &settings, NULL, 0, 2);
    p_bytes = saved(all_p, &p_length);
    q_bytes = saved(all_q, &q_length);
    assert_false(p_length == q_length
                 && memcmp(p_bytes, q_bytes, p_length) == 0);
    mls_free(p_bytes);
    mls_free(q_bytes);
    mls_pipeline_free(p);
    mls_pipeline_free(q);
    mls_pipeline_free(all_p);
    mls_pipeline_free(all_q);
}

static void fit_sees_training_rows_only(void **state)
{
    (void)state;
    ask_all(leaks);
}

/* What a score was before its link: see mls_model_type.contributions. */
static double unlinked(const struct mls_model *model, double score)
{
    const struct mls_array *combine =
        mls_arrays_find(&model->arrays, "combine");
    const struct mls_array *base = mls_arrays_find(&model->arrays, "base");

    switch (*(const uint8_t *)combine->data) {
    case MLS_COMBINE_ISOLATION:
        return -log2(score) * *(const double *)base->data;
    case MLS_COMBINE_MEAN:
        return model->task == MLS_BINARY ? 1 / (1 + exp(-score))
            : model->task == MLS_MULTICLASS ? exp(score)
                                            : score;
    default:
        return score;
    }
}

static void contributes(const struct mls_learner_type *learner,
                        enum mls_task task)
{
    struct mls_settings settings = settings_for(learner);
    struct form f = { .task = task, .block_rows = 50 };
    struct mls_pipeline *p = fit_form(&f, &settings, NULL, 0, 1);
    struct mls_table table = { 0 }, arranged = { 0 };
    struct mls_error err = { 0 };
    int64_t n, outputs = mls_model_outputs(p->model), at = 0;
    double *score;

    if (!p->model->type->contributions) {
        mls_pipeline_free(p);
        return;
    }
    score = scores(p, &f, 1, &n);
    read_form(&f, NULL, &table);
    must(mls_pipeline_arrange(p, &table, &arranged, &err), &err);
    for (int64_t b = 0; b < arranged.block_count; b++) {
        const struct mls_block *block = arranged.blocks[b];
        double *part = mls_pipeline_contributions(p, block, &err);
        int64_t wide = p->feature_count + 1;

        must(part != NULL, &err);
        for (int64_t i = 0; i < block->rows * outputs; i++, at++) {
            double sum = 0, whole = unlinked(p->model, score[at]);

            for (int64_t j = 0; j < wide; j++)
                sum += part[i * wide + j];
            if (!(fabs(sum - whole) <= 1e-9 * (1 + fabs(whole))))
                fail_msg("%s: %.17g is not %.17g", learner->name, sum, whole);
        }
        mls_free(part);
    }
    assert_int_equal(at, n);
    mls_free(score);
    mls_table_clear(&arranged);
    mls_table_clear(&table);
    mls_pipeline_free(p);
}

static void contributions_sum_to_the_score(void **state)
{
    (void)state;
    ask_all(contributes);
}

/* --- tables that are hardly tables --------------------------------------- */

static void all_missing(const struct mls_learner_type *learner,
                        enum mls_task task)
{
    struct mls_settings settings = settings_for(learner);
    struct form f = { .task = task, .all_missing = true };
    struct mls_pipeline *p = fit_form(&f, &settings, NULL, 0, 1);
    int64_t n;
    double *x = scores(p, &f, 1, &n);

    for (int64_t i = 0; i < n; i++)
        assert_true(isfinite(x[i]));
    mls_free(x);
    mls_pipeline_free(p);
}

static void a_column_without_values_is_no_obstacle(void **state)
{
    (void)state;
    ask_all(all_missing);
}

/* Fits `text` as a table; returns whether it could be fitted. */
static bool fit_text(const char *text, const struct mls_learner_type *learner,
                     struct mls_error *err)
{
    const char *path = scratch("small.csv");
    struct mls_settings settings = settings_for(learner);
    struct mls_read_options options = { 0 };
    struct mls_roles roles = { .target = "y" };
    struct mls_table table = { 0 };
    struct mls_pipeline *p = NULL;
    FILE *file = fopen(path, "wb");
    bool ok;

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    ok = mls_table_read(path, &options, NULL, &table, err)
        && mls_schema_set_roles(&table.schema, &roles, err)
        && (p = mls_pipeline_new(&settings, &table, NULL, err)) != NULL
        && mls_pipeline_fit(p, &table, NULL, 0, NULL, err);
    mls_pipeline_free(p);
    mls_table_clear(&table);
    unlink(path);
    return ok;
}

static void hardly(const struct mls_learner_type *learner, enum mls_task task)
{
    struct mls_error err = { 0 };

    /* No rows, or no class to tell from another: a message, not a model. */
    assert_false(fit_text("x,y\n", learner, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_true(err.what[0] != '\0');
    if (task != MLS_REGRESSION) {
        memset(&err, 0, sizeof err);
        assert_false(fit_text("x,y\n1,a\n2,a\n3,a\n", learner, &err));
        assert_int_equal(err.code, MLS_DATA);
        assert_true(err.fix[0] != '\0');
    } else {
        must(fit_text("x,y\n1,5.5\n2,5.5\n3,5.5\n4,5.5\n", learner, &err),
             &err);
        must(fit_text("x,y\n7,1.5\n7,2.5\n7,4.5\n", learner, &err), &err);
    }
}

static void tables_that_are_hardly_tables_are_told_so(void **state)
{
    (void)state;
    ask_all(hardly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_model_predicts_the_same_bits),
        cmocka_unit_test(threads_columns_and_blocks_do_not_change_a_byte),
        cmocka_unit_test(weight_two_equals_a_repeated_row),
        cmocka_unit_test(an_offset_is_part_of_each_score_or_refused),
        cmocka_unit_test(an_offset_of_a_loss_of_differences_is_taken_from_y),
        cmocka_unit_test(the_order_of_rows_does_not_matter),
        cmocka_unit_test(fit_sees_training_rows_only),
        cmocka_unit_test(contributions_sum_to_the_score),
        cmocka_unit_test(a_column_without_values_is_no_obstacle),
        cmocka_unit_test(tables_that_are_hardly_tables_are_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
