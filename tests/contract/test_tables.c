/*
 * The tables themselves: unique names, defaults within bounds, one form of
 * help.  Whoever adds a row and forgets something hears of it here.
 */
#include "contract.h"

#include <ctype.h>

#include "learner/learners.h"

static void check_help(const char *owner, const char *name, const char *help)
{
    size_t length = help ? strlen(help) : 0;

    if (length < 8 || help[length - 1] == '.' || isspace((unsigned char)*help))
        fail_msg("%s: the help of %s must be a line without a final dot",
                 owner, name);
}

static void check_name(const char *owner, const char *name)
{
    for (const char *c = name; *c; c++)
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c)
            && *c != '_')
            fail_msg("%s: %s is not snake_case", owner, name);
}

static void check_bounds(const char *owner, const struct mls_param *row)
{
    bool bounded = row->min != 0 || row->max != 0;
    bool searched = row->low != 0 || row->high != 0;

    if (row->kind == MLS_CHOICE) {
        int n = 0;

        assert_non_null(row->choices);
        while (row->choices[n])
            n++;
        assert_true(row->def >= 0 && row->def < n);
    } else if (bounded && !isnan(row->def)
               && (row->def < row->min || row->def > row->max)) {
        fail_msg("%s: the default of %s is out of bounds", owner, row->name);
    }
    if (searched
        && (row->low >= row->high || (bounded && row->low < row->min)
            || (bounded && row->high > row->max)
            || ((row->flags & MLS_LOG) && row->low <= 0)))
        fail_msg("%s: tune looks for %s where it cannot be", owner, row->name);
}

static void check_params(const char *owner, const struct mls_param *table)
{
    for (const struct mls_param *row = table; row && row->name; row++) {
        check_name(owner, row->name);
        check_help(owner, row->name, row->help);
        check_bounds(owner, row);
        for (const struct mls_param *other = table; other < row; other++)
            if (strcmp(other->name, row->name) == 0)
                fail_msg("%s: two params named %s", owner, row->name);
        assert_ptr_equal(mls_params_find(table, row->name, NULL), row);
    }
}

/* Defaults fill, format, and read back to the same text. */
static void check_round_trip(const char *owner, const struct mls_param *table,
                             size_t size)
{
    struct mls_error err = { 0 };
    void *values;

    if (!table)
        return;
    values = mls_new(1, size, &err);
    assert_non_null(values);
    mls_params_init(table, values, size);
    for (const struct mls_param *row = table; row->name; row++) {
        char before[256], after[256];

        mls_param_format(row, values, before, sizeof before);
        if (row->kind == MLS_LIST || before[0] == '\0')
            continue;
        must(mls_params_set(table, values, owner, row->name, before, &err),
             &err);
        mls_param_format(row, values, after, sizeof after);
        assert_string_equal(before, after);
    }
    mls_params_clear(table, values);
    mls_free(values);
}

/* Values for `auto`: of known params, within bounds, for any number of rows;
 * what was set by hand stays. */
static void check_defaults(const struct mls_learner_type *row)
{
    for (const struct mls_defaults *d = row->defaults; d && d->name; d++) {
        struct mls_error err = { 0 };
        void *values = mls_new(1, row->params_size, &err);
        char before[256], after[256];

        assert_non_null(values);
        assert_true(d[1].name == NULL || strcmp(d[1].name, d->name) != 0
                    ? d->rows == INT64_MAX : d->rows < d[1].rows);
        mls_params_init(row->params, values, row->params_size);
        must(mls_learner_resolve(row, d->name, d->rows, values, NULL, &err),
             &err);
        for (const struct mls_param *p = row->params; p->name; p++) {
            mls_param_format(p, values, before, sizeof before);
            if (p->kind != MLS_CHOICE)
                assert_string_not_equal(before, "auto");
        }
        must(mls_params_set(row->params, values, row->name,
                            row->params[0].name, "0.123", &err), &err);
        must(mls_learner_resolve(row, d->name, d->rows, values, NULL, &err),
             &err);
        mls_param_format(&row->params[0], values, after, sizeof after);
        assert_string_equal(after, "0.123");
        mls_params_clear(row->params, values);
        mls_free(values);
    }
}

static void every_learner_is_well_described(void **state)
{
    (void)state;
    for (int i = 0; mls_learners[i]; i++) {
        const struct mls_learner_type *row = mls_learners[i];

        check_name("learners", row->name);
        check_help("learners", row->name, row->summary);
        check_help("learners", row->name, row->source);
        check_help("learners", row->name, row->objective);
        check_params(row->name, row->params);
        check_round_trip(row->name, row->params, row->params_size);
        check_defaults(row);
        assert_true(row->tasks & (MLS_TASK_ANY | MLS_TASK_ANOMALY));
        assert_non_null(row->fit);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(mls_learners[k]->name, row->name);
    }
}

/* These words have a meaning of their own in a recipe. */
static void check_reserved(const struct mls_step_type *type)
{
    static const char *const words[] = { "step", "name", "columns", "inputs" };

    for (int i = 0; i < 4; i++)
        if (type->params && mls_params_find(type->params, words[i], NULL))
            fail_msg("%s: no param can be named %s", type->name, words[i]);
}

static void check_steps(const struct mls_step_type *const *list)
{
    for (int i = 0; list[i]; i++) {
        const struct mls_step_type *row = list[i];

        check_name("steps", row->name);
        check_help("steps", row->name, row->summary);
        check_params(row->name, row->params);
        check_round_trip(row->name, row->params, row->params_size);
        check_reserved(row);
        assert_non_null(row->family);
        assert_non_null(row->fit);
        assert_non_null(row->plan_input);
        assert_ptr_equal(mls_recipe_type(row->name), row);
        assert_null(strpbrk(row->name, "0123456789"));
    }
}

static void every_step_is_well_described(void **state)
{
    (void)state;
    check_steps(mls_transforms);
    check_steps(mls_selectors);
}

static void every_metric_is_well_described(void **state)
{
    struct mls_error err = { 0 };

    (void)state;
    for (int i = 0; mls_metrics[i]; i++) {
        const struct mls_metric_type *row = mls_metrics[i];

        check_name("metrics", row->name);
        check_help("metrics", row->name, row->title);
        assert_ptr_equal(mls_metric_find(row->name, 0, &err), row);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(mls_metrics[k]->name, row->name);
    }
}

static void every_search_is_well_described(void **state)
{
    struct mls_error err = { 0 };

    (void)state;
    for (int i = 0; mls_searches[i]; i++) {
        check_name("searches", mls_searches[i]->name);
        check_help("searches", mls_searches[i]->name,
                   mls_searches[i]->summary);
        assert_ptr_equal(mls_search_find(mls_searches[i]->name, &err),
                         mls_searches[i]);
    }
}

/* A learner's param and a step's family never mean the same option. */
static void no_learner_param_is_a_step_family(void **state)
{
    (void)state;
    for (int i = 0; mls_learners[i]; i++)
        for (int k = 0; mls_transforms[k]; k++)
            assert_null(mls_learners[i]->params
                            ? mls_params_find(mls_learners[i]->params,
                                              mls_transforms[k]->family, NULL)
                            : NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_learner_is_well_described),
        cmocka_unit_test(every_step_is_well_described),
        cmocka_unit_test(every_metric_is_well_described),
        cmocka_unit_test(every_search_is_well_described),
        cmocka_unit_test(no_learner_param_is_a_step_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
