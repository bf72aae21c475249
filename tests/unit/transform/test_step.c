#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 6

static const double real[ROWS] = { 1, NAN, 3, 4, 5, 6 };
static const char *const city[ROWS] = { "Oslo", "Aas", NULL,
                                        "Oslo", "Aas", "Hamar" };
static const char *const text[ROWS] = { "a", "b", "c", "d", "e", "f" };
static const struct cells columns[] = {
    { "age", MLS_KIND_REAL, .real = real },
    { "city", MLS_KIND_CATEGORY, .text = city },
    { "note", MLS_KIND_TEXT, .text = text },
    { "price", MLS_KIND_REAL, .real = real, .role = MLS_ROLE_TARGET },
    { "zone", MLS_KIND_REAL, .real = real, .role = MLS_ROLE_IGNORED },
};

static void the_tables_of_params_are_sound(void **state)
{
    (void)state;
    for (int i = 0; mls_transforms[i]; i++) {
        const struct mls_step_type *type = mls_transforms[i];

        assert_non_null(type->name);
        assert_non_null(type->family);
        assert_non_null(type->summary);
        assert_true(type->fits != 0);
        assert_non_null(type->fit);
        assert_non_null(type->plan_input);
        assert_non_null(type->describe);
        assert_ptr_equal(mls_step_type_find(mls_transforms, type->name), type);
        if (type->primary && strcmp(type->primary, "columns") != 0)
            assert_non_null(mls_params_find(type->params, type->primary, NULL));
        for (const struct mls_param *p = type->params; p->name; p++) {
            assert_non_null(p->help);
            assert_true(p->help[strlen(p->help) - 1] != '.');
            assert_string_not_equal(p->name, "columns");
        }
    }
    assert_null(mls_step_type_find(mls_transforms, "impure"));
}

static void settings_are_set_and_copied(void **state)
{
    struct mls_step *step = step_of(&mls_step_impute), *copy;
    struct mls_error err;
    char got[80];

    (void)state;
    set(step, "columns", "age,city");
    set(step, "strategy", "constant");
    set(step, "value", "0");
    copy = mls_step_copy(step, &err);
    mls_step_free(step);
    assert_string_equal(copy->columns, "age,city");
    assert_string_equal(copy->name, "impute");
    mls_param_format(mls_params_find(copy->type->params, "strategy", NULL),
                     copy->params, got, sizeof(got));
    assert_string_equal(got, "constant");
    mls_param_format(mls_params_find(copy->type->params, "value", NULL),
                     copy->params, got, sizeof(got));
    assert_string_equal(got, "0");
    assert_true(mls_step_names_columns(copy));
    set(copy, "columns", "*");
    assert_false(mls_step_names_columns(copy));

    assert_false(mls_step_set(copy, "strategi", "mean", &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "step impute"));
    assert_non_null(strstr(err.fix, "strategy"));
    mls_step_free(copy);
}

static void other_columns_pass_through(void **state)
{
    struct mls_table table = table_of(columns, 5, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_onehot);
    const struct mls_plan *plan = &step->plan;
    static const int64_t from[] = { 0, -1, -1, -1, -1, 2, 3, 4 };
    static const int64_t made[] = { -1, 0, 1, 2, 3, -1, -1, -1 };
    static const int64_t origin[] = { 0, 1, 1, 1, 1, 2, 3, 4 };

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "age city=Aas city=Hamar city=Oslo "
                                "city:missing note price zone");
    assert_memory_equal(plan->from, from, sizeof(from));
    assert_memory_equal(plan->made, made, sizeof(made));
    assert_memory_equal(plan->origin, origin, sizeof(origin));
    assert_int_equal(field_named(&out, "price")->role, MLS_ROLE_TARGET);
    assert_ptr_equal(out.blocks[1]->columns[5], table.blocks[1]->columns[2]);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_block_keeps_its_lines_and_marks(void **state)
{
    struct mls_table table = table_of(columns, 5, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_impute);
    struct mls_block *block = table.blocks[1];
    struct mls_error err;

    (void)state;
    block->line = mls_new_array(2, sizeof(*block->line), &err);
    block->skipped = mls_new(2, 1, &err);
    block->line[0] = 17;
    block->line[1] = 19;
    block->skipped[1] = 1;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_int_equal(out.blocks[1]->first_row, 4);
    assert_memory_equal(out.blocks[1]->line, block->line, 16);
    assert_memory_equal(out.blocks[1]->skipped, block->skipped, 2);
    assert_null(out.blocks[0]->line);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void wrong_names_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 5, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_impute);

    (void)state;
    set(step, "columns", "agee");
    fit_fails(step, &table, NULL, MLS_USAGE, "", "\"agee\"");
    set(step, "columns", "age,age");
    fit_fails(step, &table, NULL, MLS_USAGE, "", "twice");
    set(step, "columns", "note");
    fit_fails(step, &table, NULL, MLS_DATA, "note",
              "kind real, integer, boolean, category, not text");
    set(step, "columns", "price");
    fit_fails(step, &table, NULL, MLS_USAGE, "price", "role is target");
    /* A step that makes columns would turn it into a feature. */
    set(step, "columns", "zone");
    fit_fails(step, &table, NULL, MLS_USAGE, "zone", "role is ignored");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_clash_of_names_names_both_columns(void **state)
{
    const struct cells with[] = {
        { "a", MLS_KIND_CATEGORY, .text = (const char *const[]){ "b=c", "x",
                                                                 "y" } },
        { "a=b", MLS_KIND_CATEGORY, .text = (const char *const[]){ "c", "x",
                                                                   "y" } },
    };
    struct mls_table table = table_of(with, 2, 3, 3);
    struct mls_step *step = step_of(&mls_step_onehot);

    (void)state;
    fit_fails(step, &table, NULL, MLS_DATA, "a=b",
              "\"a=b=c\" has the name of one that is there already, from "
              "column \"a\"");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void no_rows_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 5, 0, 4);
    struct mls_step *step = step_of(&mls_step_impute);

    (void)state;
    fit_fails(step, &table, NULL, MLS_DATA, "", "no rows");
    mls_step_free(step);
    mls_table_clear(&table);
}

static bool learn_nothing(struct mls_step *step,
                          const struct mls_step_input *in,
                          struct mls_error *err)
{
    (void)step;
    (void)in;
    (void)err;
    return true;
}

static bool make_forever(const struct mls_step *step, int64_t k,
                         const struct mls_field *field, struct mls_plan *plan,
                         struct mls_error *err)
{
    char number[24];

    (void)step;
    (void)k;
    for (int64_t i = 0;; i++) {
        int length = snprintf(number, sizeof(number), "%lld", (long long)i);

        if (!mls_plan_make_real(plan, field, '#', number, (size_t)length, err))
            return false;
    }
}

static void a_step_that_needs_a_target_says_so(void **state)
{
    static const struct mls_step_type needs = {
        .name = "needs", .fits = MLS_KINDS_NUMERIC, .needs_target = true,
        .tasks = MLS_TASK_CLASSIFICATION, .fit = learn_nothing,
    };
    struct mls_table table = table_of(columns, 5, ROWS, 4);
    struct mls_target target = { .task = MLS_REGRESSION, .rows = ROWS,
                                 .y = real };
    struct mls_step *step = step_of(&needs);

    (void)state;
    fit_fails(step, &table, NULL, MLS_USAGE, "", "needs a target");
    fit_fails(step, &table, &target, MLS_USAGE, "", "kind of task");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_step_cannot_make_columns_without_end(void **state)
{
    static const struct mls_step_type endless = {
        .name = "endless", .fits = MLS_KINDS_NUMERIC, .fit = learn_nothing,
        .plan_input = make_forever,
    };
    struct mls_table table = table_of(columns, 1, ROWS, 4);
    struct mls_step *step = step_of(&endless);

    (void)state;
    fit_fails(step, &table, NULL, MLS_LIMIT, "", "more than 1000000 columns");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_file_that_names_wrong_columns_is_refused(void **state)
{
    static const char *const wrong[][2] = {
        { "age", "nowhere" },   /* not there */
        { "age", "age" },       /* twice */
        { "city", "age" },      /* not in the order of the schema */
        { "age", "note" },      /* of a kind it cannot take */
        { "age", "price" },     /* the target */
        { "age", "zone" },
    };
    struct mls_table table = table_of(columns, 5, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_impute);
    struct mls_error err;

    (void)state;
    set(step, "strategy", "mode");
    fit_well(step, &table, NULL);
    assert_int_equal(step->input_count, 2);
    comes_back(step, &table);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct mls_step *copy = loaded(step);

        mls_list_clear(&copy->input_names);
        for (int k = 0; k < 2; k++)
            assert_true(mls_list_add(&copy->input_names, wrong[i][k], &err));
        is_refused(copy, &table.schema);
    }
    /* The settings say the median, but one input is a category. */
    struct mls_step *copy = loaded(step);

    set(copy, "strategy", "median");
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void any_number_of_threads_applies_the_same(void **state)
{
    static const int threads[] = { 1, 2, 3, 8 };
    struct mls_table table = table_of(columns, 5, ROWS, 1), first;
    struct mls_step *step = step_of(&mls_step_impute);

    (void)state;
    fit_well(step, &table, NULL);
    first = apply_to(step, &table);
    for (int t = 0; t < 4; t++) {
        struct mls_table out = { 0 };
        struct mls_run run;
        struct mls_error err;
        double *want = reals_of(&first, "age");

        assert_true(mls_run_init(&run, threads[t], &err));
        assert_true(mls_step_apply_table(step, &table, &run, &out, &err));
        assert_int_equal(out.block_count, ROWS);
        assert_cells(&out, "age", want, 0);
        mls_free(want);
        mls_table_clear(&out);
        mls_run_clear(&run);
    }
    mls_table_clear(&first);
    mls_step_free(step);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_of_params_are_sound),
        cmocka_unit_test(settings_are_set_and_copied),
        cmocka_unit_test(other_columns_pass_through),
        cmocka_unit_test(a_block_keeps_its_lines_and_marks),
        cmocka_unit_test(wrong_names_are_refused),
        cmocka_unit_test(a_clash_of_names_names_both_columns),
        cmocka_unit_test(no_rows_are_refused),
        cmocka_unit_test(a_step_that_needs_a_target_says_so),
        cmocka_unit_test(a_step_cannot_make_columns_without_end),
        cmocka_unit_test(a_file_that_names_wrong_columns_is_refused),
        cmocka_unit_test(any_number_of_threads_applies_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
