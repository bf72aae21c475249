#include "contract/contract.h"

static struct mls_pipeline *make(const struct mls_settings *settings,
                                 enum mls_task task, struct mls_error *err)
{
    struct form f = { .task = task };
    struct mls_table table = { 0 };
    struct mls_pipeline *p;

    read_form(&f, NULL, &table);
    p = mls_pipeline_new(settings, &table, NULL, err);
    mls_table_clear(&table);
    return p;
}

static void assert_recipe(const struct mls_pipeline *p, const char *expected)
{
    struct mls_error err = { 0 };
    char *text = mls_pipeline_recipe_text(p, &err);

    must(text != NULL, &err);
    assert_string_equal(text, expected);
    mls_free(text);
}

static void a_learner_brings_its_steps(void **state)
{
    struct mls_settings s = { .train = true, .learner = "ridge" };
    struct mls_error err = { 0 };
    struct mls_pipeline *p = make(&s, MLS_REGRESSION, &err);

    (void)state;
    must(p != NULL, &err);
    assert_string_equal(mls_pipeline_learner(p)->name, "ridge");
    assert_recipe(p, "values → date(form=cyclic) → "
                     "impute(strategy=median, indicator=true) → "
                     "scale(method=standard) → onehot");
    mls_pipeline_free(p);
}

static void a_family_option_replaces_the_default_in_its_place(void **state)
{
    const char *families[] = { "encode=ordinal", "impute=mean", "scale=none",
                               "select=variance", "drop=day,city" };
    struct mls_settings s = { .train = true, .learner = "logistic",
                                     .families = families,
                              .family_count = 5 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p = make(&s, MLS_BINARY, &err);

    (void)state;
    must(p != NULL, &err);
    assert_recipe(p, "drop(columns=day,city) → date(form=cyclic) → "
                     "impute(strategy=mean, indicator=true) → ordinal → "
                     "tfidf → variance");
    mls_pipeline_free(p);
}

static void a_family_named_twice_makes_two_steps(void **state)
{
    const char *families[] = { "impute=mean", "impute=mode" };
    const char *set[] = { "impute2.indicator=false" };
    struct mls_settings s = { .families = families, .family_count = 2,
                              .set = set, .set_count = 1 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p = make(&s, 0, &err);

    (void)state;
    must(p != NULL, &err);
    assert_recipe(p, "impute(strategy=mean) → impute2(strategy=mode)");
    mls_pipeline_free(p);
}

static void refuse(const struct mls_settings *s, const char *what,
                   const char *fix)
{
    struct mls_error err = { 0 };

    assert_null(make(s, MLS_BINARY, &err));
    assert_int_equal(err.code, MLS_USAGE);
    if (!strstr(err.what, what) || !strstr(err.fix, fix))
        fail_msg("\"%s\" with the fix \"%s\"", err.what, err.fix);
}

static void what_is_not_known_is_told_with_the_nearest(void **state)
{
    const char *no_step[] = { "impte.strategy=mean" };
    const char *no_param[] = { "impute.stratgy=mean" };
    const char *no_value[] = { "encode=onehit" };
    const char *no_key[] = { "l3=1" };

    (void)state;
    refuse(&(struct mls_settings){ .train = true, .learner = "logistic",
                                   .set = no_step,
                                   .set_count = 1 },
           "no step \"impte\"", "impute");
    refuse(&(struct mls_settings){ .train = true, .learner = "logistic",
                                   .set = no_param,
                                   .set_count = 1 },
           "stratgy", "strategy");
    refuse(&(struct mls_settings){ .train = true, .learner = "logistic",
                                   .families = no_value,
                                   .family_count = 1 },
           "onehit", "onehot");
    refuse(&(struct mls_settings){ .train = true, .learner = "logistic",
                                   .set = no_key,
                                   .set_count = 1 }, "l3", "l2");
    refuse(&(struct mls_settings){ .train = true, .learner = "logitsic" },
           "logitsic", "logistic");
    refuse(&(struct mls_settings){ .train = true, .learner = "ridge" },
           "ridge", "");
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_file_of_steps_is_exactly_the_recipe(void **state)
{
    const char *path = scratch("steps.json");
    struct mls_settings s = { .train = true, .learner = "logistic",
                              .steps_file = path };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    write_file(path, "[{\"step\":\"drop\",\"columns\":[\"day\"]},\n"
                     " {\"step\":\"impute\",\"columns\":[\"beta\"],"
                     "\"strategy\":\"constant\",\"value\":\"1.5\"},\n"
                     " {\"step\":\"onehot\",\"binary\":false}]");
    p = make(&s, MLS_BINARY, &err);
    must(p != NULL, &err);
    assert_recipe(p, "drop(columns=day) → impute(columns=beta, "
                     "strategy=constant, value=1.5) → onehot(binary=false)");
    mls_pipeline_free(p);
    /* "*" is all that fit, also in a list; an empty list is a mistake. */
    write_file(path, "[{\"step\":\"onehot\",\"columns\":[\"*\"]},"
                     "{\"step\":\"impute\",\"columns\":[\"a,b\",\"c\\\"d\"]}]");
    p = make(&s, MLS_BINARY, &err);
    must(p != NULL, &err);
    assert_recipe(p, "onehot(columns=*) → impute(columns=\"a,b\",\"c\"\"d\", "
                     "strategy=median)");
    assert_false(mls_step_names_columns(p->steps[0]));
    mls_pipeline_free(p);
    write_file(path, "[{\"step\":\"onehot\",\"columns\":[]}]");
    refuse(&s, "list is empty", "leave it out");
    write_file(path, "[{\"step\":\"onehat\"}]");
    refuse(&s, "onehat", "onehot");
    write_file(path, "{\"step\":\"onehot\"}");
    refuse(&s, "list of steps", "");
    write_file(path, "[{\"step\":\"impute\",\"strategy\":{}}]");
    refuse(&s, "", "");
    unlink(path);
}

static void another_pipeline_gives_recipe_learner_and_params(void **state)
{
    const char *set[] = { "l2=0.25", "scale.method=minmax" };
    struct mls_settings s = { .train = true, .learner = "logistic",
                              .set = set, .set_count = 2 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p = make(&s, MLS_BINARY, &err), *q;
    char text[64];

    (void)state;
    must(p != NULL, &err);
    q = make(&(struct mls_settings){ .train = true, .from = p }, MLS_BINARY,
             &err);
    must(q != NULL, &err);
    must(mls_pipeline_get(q, "l2", text, sizeof text, &err), &err);
    assert_string_equal(text, "0.25");
    must(mls_pipeline_get(q, "scale.method", text, sizeof text, &err), &err);
    assert_string_equal(text, "minmax");
    mls_pipeline_free(p);
    mls_pipeline_free(q);
}

/* What a preprocessing learned is kept for the learner that comes after it;
 * the date that it passed on is no feature of a matrix. */
static void frozen_steps_are_kept_as_they_are(void **state)
{
    struct form f = { .task = MLS_BINARY };
    const char *families[] = { "impute=mean", "encode=onehot" };
    const char *set[] = { "impute.strategy=median" };
    struct mls_settings steps = { .families = families, .family_count = 2 };
    struct mls_pipeline *p = fit_form(&f, &steps, NULL, 0, 1), *q, *r;
    struct mls_settings s = { .train = true, .from = p, .frozen = true };
    struct mls_error err = { 0 };
    struct mls_table table = { 0 };

    (void)state;
    read_form(&f, NULL, &table);
    q = mls_pipeline_new(&s, &table, NULL, &err);
    must(q != NULL, &err);
    must(mls_pipeline_fit(q, &table, (int64_t[]){ 0, 1, 2, 3, 4, 5, 6, 7 }, 8,
                          NULL, &err), &err);
    assert_memory_equal(q->steps[0]->arrays.items[0].data,
                        p->steps[0]->arrays.items[0].data,
                        (size_t)p->steps[0]->arrays.items[0].count * 8);
    r = mls_pipeline_copy(q, &err);
    must(r != NULL, &err);
    assert_true(r->steps[0]->fitted);
    assert_false(mls_pipeline_set(q, "impute.strategy", "median", &err));
    assert_int_equal(err.code, MLS_USAGE);
    s.set = set;
    s.set_count = 1;
    assert_null(mls_pipeline_new(&s, &table, NULL, &err));
    assert_non_null(strstr(err.what, "frozen"));
    mls_pipeline_free(p);
    mls_pipeline_free(q);
    mls_pipeline_free(r);
    mls_table_clear(&table);
}

static void frozen_steps_refuse_other_levels(void **state)
{
    struct mls_roles roles = { .target = "y" };
    const char *families[] = { "impute=mode", "encode=ordinal" };
    struct mls_settings steps = { .families = families, .family_count = 2 };
    struct mls_settings s = { .train = true, .learner = "logistic",
                              .frozen = true };
    struct mls_table a = { 0 }, b = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    read_text("c,y\nu,1.5\nv,2.5\nu,4\n", &roles, &a);
    read_text("c,y\na,1.5\nv,2.5\na,4\n", &roles, &b);
    p = mls_pipeline_new(&steps, &a, NULL, &err);
    must(p != NULL, &err);
    s.from = p;
    assert_null(mls_pipeline_new(&s, &a, NULL, &err));
    assert_non_null(strstr(err.what, "no fitted steps"));
    must(mls_pipeline_fit(p, &a, NULL, 0, NULL, &err), &err);
    assert_null(mls_pipeline_new(&s, &b, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.column, "c");
    mls_pipeline_free(p);
    mls_table_clear(&a);
    mls_table_clear(&b);
}

/* All is fitted anew, so a category that is new in the table is learned. */
static void from_a_pipeline_new_levels_are_learned(void **state)
{
    struct mls_roles roles = { .target = "y" };
    struct mls_settings s = { .train = true, .learner = "ridge" };
    struct mls_table a = { 0 }, b = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p, *q;

    (void)state;
    read_text("c,y\nu,1.5\nv,2.5\nu,4\n", &roles, &a);
    read_text("c,y\na,1.5\nv,2.5\nu,4\na,7\n", &roles, &b);
    p = mls_pipeline_new(&s, &a, NULL, &err);
    must(p != NULL, &err);
    s.from = p;
    q = mls_pipeline_new(&s, &b, NULL, &err);
    must(q != NULL, &err);
    must(mls_pipeline_fit(q, &b, NULL, 0, NULL, &err), &err);
    assert_int_equal(q->feature_count, 3);
    assert_string_equal(q->feature_names[0], "c=a");
    mls_pipeline_free(p);
    mls_pipeline_free(q);
    mls_table_clear(&a);
    mls_table_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_learner_brings_its_steps),
        cmocka_unit_test(a_family_option_replaces_the_default_in_its_place),
        cmocka_unit_test(a_family_named_twice_makes_two_steps),
        cmocka_unit_test(what_is_not_known_is_told_with_the_nearest),
        cmocka_unit_test(a_file_of_steps_is_exactly_the_recipe),
        cmocka_unit_test(another_pipeline_gives_recipe_learner_and_params),
        cmocka_unit_test(frozen_steps_are_kept_as_they_are),
        cmocka_unit_test(frozen_steps_refuse_other_levels),
        cmocka_unit_test(from_a_pipeline_new_levels_are_learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
