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
    struct mls_settings s = { .train = true };
    struct mls_error err = { 0 };
    struct mls_pipeline *p = make(&s, MLS_REGRESSION, &err);

    (void)state;
    must(p != NULL, &err);
    assert_string_equal(mls_pipeline_learner(p)->name, "ridge");
    assert_recipe(p, "impute(strategy=median, indicator=true) → "
                     "scale(method=standard) → onehot");
    mls_pipeline_free(p);
}

static void a_family_option_replaces_the_default_in_its_place(void **state)
{
    const char *families[] = { "encode=ordinal", "impute=mean", "scale=none",
                               "select=variance", "drop=day,city" };
    struct mls_settings s = { .train = true, .families = families,
                              .family_count = 5 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p = make(&s, MLS_BINARY, &err);

    (void)state;
    must(p != NULL, &err);
    assert_recipe(p, "drop(columns=day,city) → "
                     "impute(strategy=mean, indicator=true) → ordinal → "
                     "variance");
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
    refuse(&(struct mls_settings){ .train = true, .set = no_step,
                                   .set_count = 1 },
           "no step \"impte\"", "impute");
    refuse(&(struct mls_settings){ .train = true, .set = no_param,
                                   .set_count = 1 },
           "stratgy", "strategy");
    refuse(&(struct mls_settings){ .train = true, .families = no_value,
                                   .family_count = 1 },
           "onehit", "onehot");
    refuse(&(struct mls_settings){ .train = true, .set = no_key,
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
    struct mls_settings s = { .train = true, .steps_file = path };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    write_file(path, "[{\"step\":\"drop\",\"columns\":[\"day\"]},\n"
                     " {\"step\":\"impute\",\"columns\":[\"beta\"],"
                     "\"strategy\":\"constant\",\"value\":\"1.5\"},\n"
                     " {\"step\":\"onehot\",\"binary\":false}]");
    p = make(&s, MLS_BINARY, &err);
    must(p != NULL, &err);
    assert_recipe(p, "drop(columns=\"day\") → impute(columns=\"beta\", "
                     "strategy=constant, value=1.5) → onehot(binary=false)");
    mls_pipeline_free(p);
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
    struct mls_settings s = { .train = true, .set = set, .set_count = 2 };
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_learner_brings_its_steps),
        cmocka_unit_test(a_family_option_replaces_the_default_in_its_place),
        cmocka_unit_test(a_family_named_twice_makes_two_steps),
        cmocka_unit_test(what_is_not_known_is_told_with_the_nearest),
        cmocka_unit_test(a_file_of_steps_is_exactly_the_recipe),
        cmocka_unit_test(another_pipeline_gives_recipe_learner_and_params),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
