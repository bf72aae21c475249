/*
 * The same questions to every step in the lists: transforms and selectors.
 */
#include "contract.h"

#include "pipeline/pipeline.h"

/* Recipes in which a step does something on the contract's table: what must
 * come before it, and params that it cannot do without.  A step may have
 * several, one for each of its ways; one without any stands alone. */
struct setting {
    const char *step;
    const char *steps;
};
static const struct setting special[] = {
    { "drop", "drop(kinds=date)" },
    { "recursive", "drop(kinds=date) impute(strategy=median) "
                   "scale(method=standard) onehot recursive" },
    { "lasso_path", "drop(kinds=date) impute(strategy=median) onehot "
                    "lasso_path" },
    { "date", "date(form=parts)" },
    { "date", "date(form=both)" },
    { "log", "log(method=signed)" },
    { "log", "log(method=log)" },
    { "clip", "clip(lower=0.1,upper=0.9)" },
    { "rare", "rare(min_frequency=0.3)" },
    { "rare", "rare(min_count=100,other=rest) onehot" },
    { "target", "target" },
    { "target", "target(smooth=5,folds=3)" },
    { "polynomial", "polynomial(degree=3)" },
    { "polynomial", "polynomial(interaction_only=true)" },
    { "values", "values" },
    { "spline", "spline" },
    { "spline", "spline(n_knots=3,degree=0,bias=true)" },
    { "univariate", "univariate(score=auto)" },
    { "univariate", "univariate(score=chi2,alpha=0.5)" },
    { "scale", "scale(method=standard)" },
    { "scale", "scale(method=minmax)" },
    { "scale", "scale(method=robust)" },
    { "scale", "scale(method=max_abs)" },
    { "scale", "scale(method=quantile,n_quantiles=20)" },
    { "scale", "scale(method=quantile,output=normal)" },
};

typedef void question(const char *recipe);

static void ask_one(const struct mls_step_type *type, question *ask)
{
    int recipes = 0;

    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (strcmp(special[i].step, type->name) != 0)
            continue;
        ask(special[i].steps);
        recipes++;
    }
    if (recipes == 0)
        ask(type->name);
}

static void ask_all(question *ask)
{
    int asked = 0;

    for (int i = 0; mls_transforms[i]; i++, asked++)
        ask_one(mls_transforms[i], ask);
    for (int i = 0; mls_selectors[i]; i++, asked++)
        ask_one(mls_selectors[i], ask);
    assert_true(asked >= 9);
}

/* A pipeline of steps only, fitted on the table of the form. */
static struct mls_pipeline *fit_steps(const struct form *f,
                                      const char *recipe,
                                      const int64_t *rows, int64_t count,
                                      int threads)
{
    struct mls_settings settings = { .seed = 3 };
    struct mls_table table = { 0 };
    struct mls_run run;
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    must(mls_run_init(&run, threads, &err), &err);
    read_form(f, &run, &table);
    p = mls_pipeline_new(&settings, &table, &run, &err);
    must(p != NULL, &err);
    must(mls_recipe_add_text(p, recipe, &err), &err);
    must(mls_pipeline_fit(p, &table, rows, count, &run, &err), &err);
    mls_table_clear(&table);
    mls_run_clear(&run);
    return p;
}

/* The table after the steps, as CSV bytes; free with mls_free. */
static char *transformed(const struct mls_pipeline *p, const struct form *f,
                         int threads, size_t *length)
{
    const char *path = scratch("transformed.csv");
    struct mls_table table = { 0 }, out = { 0 };
    struct mls_run run;
    struct mls_error err = { 0 };
    struct mls_writer *writer;
    char *bytes;

    must(mls_run_init(&run, threads, &err), &err);
    read_form(f, &run, &table);
    must(mls_pipeline_transform(p, &table, &run, &out, &err), &err);
    assert_int_equal(out.rows, table.rows);
    writer = mls_writer_open(path, &out.schema, &out.dialect, &err);
    must(writer != NULL, &err);
    for (int64_t b = 0; b < out.block_count; b++)
        must(mls_writer_block(writer, out.blocks[b], &err), &err);
    must(mls_writer_close(writer, &err), &err);
    bytes = mls_file_read(path, INT64_MAX, length, &err);
    must(bytes != NULL, &err);
    unlink(path);
    mls_table_clear(&out);
    mls_table_clear(&table);
    mls_run_clear(&run);
    return bytes;
}

static void assert_same_output(const struct mls_pipeline *p,
                               const struct form *p_form,
                               const struct mls_pipeline *q,
                               const struct form *q_form, int threads)
{
    size_t a_length, b_length;
    char *a = transformed(p, p_form, 1, &a_length);
    char *b = transformed(q, q_form, threads, &b_length);

    assert_int_equal(a_length, b_length);
    assert_memory_equal(a, b, a_length);
    mls_free(a);
    mls_free(b);
}

static void loads(const char *recipe)
{
    struct form f = { .task = MLS_BINARY };
    struct mls_pipeline *p = fit_steps(&f, recipe, NULL, 0, 1), *q;
    const char *path = scratch("steps.mlspec");
    struct mls_error err = { 0 };

    must(mls_pipeline_save(p, path, &err), &err);
    q = mls_pipeline_load(path, &err);
    must(q != NULL, &err);
    assert_same_files(p, q);
    assert_same_output(p, &f, q, &f, 2);
    mls_pipeline_free(p);
    mls_pipeline_free(q);
    unlink(path);
}

static void a_saved_step_gives_the_same_table(void **state)
{
    (void)state;
    ask_all(loads);
}

static void same_bytes(const char *recipe)
{
    struct form plain = { .task = MLS_BINARY };
    struct form blocks = { .task = MLS_BINARY, .block_rows = 17 };
    struct form other = { .task = MLS_BINARY, .block_rows = 64,
                          .reversed_columns = true };
    const int threads[] = { 2, 3, 8 };
    struct mls_pipeline *p = fit_steps(&plain, recipe, NULL, 0, 1), *q;

    for (int i = 0; i < 3; i++) {
        q = fit_steps(&blocks, recipe, NULL, 0, threads[i]);
        assert_same_files(p, q);
        assert_same_output(p, &plain, q, &blocks, threads[i]);
        mls_pipeline_free(q);
        q = fit_steps(&other, recipe, NULL, 0, threads[i]);
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

/* What the steps learned, array by array, within 1e-9; "inputs" may differ by
 * the weight column, so only what a step computed is compared. */
static void assert_arrays_near(const struct mls_pipeline *p,
                               const struct mls_pipeline *q)
{
    for (int64_t s = 0; s < p->step_count; s++) {
        const struct mls_arrays *a = &p->steps[s]->arrays;
        const struct mls_arrays *b = &q->steps[s]->arrays;

        assert_int_equal(a->count, b->count);
        for (int64_t i = 0; i < a->count; i++) {
            const struct mls_array *x = &a->items[i];
            const struct mls_array *y = mls_arrays_find(b, x->name);

            assert_non_null(y);
            assert_int_equal(x->count, y->count);
            if (x->dtype != MLS_F64) {
                assert_memory_equal(x->data, y->data,
                                    (size_t)x->count
                                        * mls_dtype_size(x->dtype));
                continue;
            }
            for (int64_t k = 0; k < x->count; k++) {
                double u = ((const double *)x->data)[k];
                double v = ((const double *)y->data)[k];

                if (!(isnan(u) && isnan(v)) && u != v
                    && !(fabs(u - v) <= 1e-9 * (1 + fabs(u))))
                    fail_msg("%s: %s[%d]: %.17g and %.17g",
                             p->steps[s]->name, x->name, (int)k, u, v);
            }
        }
    }
}

static void weights(const char *recipe)
{
    struct form weighted = { .task = MLS_BINARY, .weighted = true };
    struct form repeated = { .task = MLS_BINARY, .repeated = true };
    struct mls_pipeline *p = fit_steps(&weighted, recipe, NULL, 0, 1);
    struct mls_pipeline *q = fit_steps(&repeated, recipe, NULL, 0, 1);

    assert_arrays_near(p, q);
    mls_pipeline_free(p);
    mls_pipeline_free(q);
}

static void weight_two_equals_a_repeated_row(void **state)
{
    (void)state;
    ask_all(weights);
}

static void permuted(const char *recipe)
{
    struct form plain = { .task = MLS_BINARY };
    struct form rotated = { .task = MLS_BINARY, .rotated_rows = true };
    struct mls_pipeline *p = fit_steps(&plain, recipe, NULL, 0, 1);
    struct mls_pipeline *q = fit_steps(&rotated, recipe, NULL, 0, 1);

    assert_arrays_near(p, q);
    mls_pipeline_free(p);
    mls_pipeline_free(q);
}

static void the_order_of_rows_does_not_matter(void **state)
{
    (void)state;
    ask_all(permuted);
}

static void leaks(const char *recipe)
{
    struct form plain = { .task = MLS_BINARY };
    struct form other = { .task = MLS_BINARY, .other_test_rows = true };
    int64_t train[ROWS], n = 0;
    struct mls_pipeline *p, *q;

    for (int64_t i = 0; i < ROWS; i++)
        if (i % 4 != 0)
            train[n++] = i;
    p = fit_steps(&plain, recipe, train, n, 2);
    q = fit_steps(&other, recipe, train, n, 2);
    assert_same_files(p, q);
    mls_pipeline_free(p);
    mls_pipeline_free(q);
}

static void fit_sees_training_rows_only(void **state)
{
    (void)state;
    ask_all(leaks);
}

/* A step must meet a column without values, and say something or cope. */
static void all_missing(const char *recipe)
{
    struct form f = { .task = MLS_BINARY, .all_missing = true };
    struct mls_pipeline *p = fit_steps(&f, recipe, NULL, 0, 2);
    size_t length;
    char *bytes = transformed(p, &f, 2, &length);

    assert_true(length > 0);
    mls_free(bytes);
    mls_pipeline_free(p);
}

static void a_column_without_values_is_no_obstacle(void **state)
{
    (void)state;
    ask_all(all_missing);
}

/* Names tell nothing, but each has two rows: encoded with their own targets
 * they would seem to tell half of it. */
static void a_learner_meets_cross_fitted_rows(void **state)
{
    const char *families[] = { "encode=target", "scale=none" };
    struct mls_settings settings = { .learner = "ridge", .train = true,
                                     .families = families,
                                     .family_count = 2 };
    struct mls_roles roles = { .target = "y" };
    struct mls_text text = { 0 };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    const double *coefficient;

    (void)state;
    mls_text_add(&text, "name,y\n");
    for (int i = 0; i < 600; i++)
        mls_text_format(&text, "n%d,%.6f\n", i % 300, draw(i, 50) - 0.5);
    assert_true(mls_text_ok(&text, &err));
    read_text(text.bytes, &roles, &table);
    table.schema.fields[0].role = MLS_ROLE_FEATURE;
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p != NULL, &err);
    must(mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    coefficient = mls_arrays_find(&p->model->arrays, "coef")->data;
    /* About 1 when the rows see their own target, with error 0.03. */
    if (!(fabs(coefficient[0]) < 0.3))
        fail_msg("%g", coefficient[0]);
    mls_pipeline_free(p);
    mls_table_clear(&table);
    mls_text_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_step_gives_the_same_table),
        cmocka_unit_test(threads_columns_and_blocks_do_not_change_a_byte),
        cmocka_unit_test(weight_two_equals_a_repeated_row),
        cmocka_unit_test(the_order_of_rows_does_not_matter),
        cmocka_unit_test(fit_sees_training_rows_only),
        cmocka_unit_test(a_column_without_values_is_no_obstacle),
        cmocka_unit_test(a_learner_meets_cross_fitted_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
