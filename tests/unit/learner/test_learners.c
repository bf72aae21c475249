/* The list of learners and their tables of params. */
#include "test.h"

#include "unit/learner/cases.h"

static void names_are_unique_and_found(void **state)
{
    struct mls_error err;

    (void)state;
    for (int i = 0; mls_learners[i]; i++) {
        assert_ptr_equal(mls_learner_find(mls_learners[i]->name, 0, &err),
                         mls_learners[i]);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(mls_learners[i]->name,
                                    mls_learners[j]->name);
        }
    }
}

static void auto_is_boosting_for_any_task(void **state)
{
    struct mls_error err;

    (void)state;
    for (int task = MLS_REGRESSION; task <= MLS_MULTICLASS; task++)
        assert_ptr_equal(mls_learner_find("auto", (enum mls_task)task, &err),
                         &mls_learner_gbdt);
    assert_ptr_equal(mls_learner_plain(MLS_REGRESSION), &mls_learner_ridge);
    assert_ptr_equal(mls_learner_plain(MLS_BINARY), &mls_learner_logistic);
    assert_ptr_equal(mls_learner_plain(MLS_MULTICLASS), &mls_learner_logistic);
    assert_ptr_equal(mls_learner_find("auto", MLS_ANOMALY, &err),
                     &mls_learner_isolation_forest);
}

static void a_learner_for_another_task_is_refused_with_those_that_fit(
    void **state)
{
    struct mls_error err;

    (void)state;
    assert_null(mls_learner_find("ridge", MLS_BINARY, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "binary classification"));
    assert_non_null(strstr(err.fix, "logistic"));
    assert_null(strstr(err.fix, "ridge"));
}

static void a_misspelt_learner_is_an_error_with_the_nearest_name(void **state)
{
    struct mls_error err;

    (void)state;
    assert_null(mls_learner_find("logstic", MLS_BINARY, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.fix, "\"logistic\""));
    assert_null(mls_learner_find("xyzzy", 0, &err));
    assert_non_null(strstr(err.fix, "ridge, linear"));
    assert_non_null(strstr(err.fix, "constant"));
}

static void an_offset_without_a_place_is_refused_with_those_that_have(
    void **state)
{
    struct mls_error err;

    (void)state;
    assert_true(mls_learner_need_offset(&mls_learner_poisson, MLS_REGRESSION,
                                        &err));
    assert_true(mls_learner_need_offset(&mls_learner_logistic, MLS_BINARY,
                                        &err));
    assert_false(mls_learner_need_offset(&mls_learner_constant, MLS_BINARY,
                                         &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.fix, "logistic"));
    assert_null(strstr(err.fix, "ridge"));
    assert_false(mls_learner_need_offset(&mls_learner_logistic,
                                         MLS_MULTICLASS, &err));
    assert_non_null(strstr(err.fix, "--offset"));
}

static void params_are_sound(void **state)
{
    (void)state;
    for (int i = 0; mls_learners[i]; i++) {
        const struct mls_learner_type *learner = mls_learners[i];

        assert_true(learner->params_size > 0 && learner->params_size <= 256);
        assert_non_null(learner->summary);
        assert_non_null(learner->objective);
        assert_non_null(learner->steps);
        for (const struct mls_param *p = learner->params; p->name; p++) {
            bool bounded = p->min != 0 || p->max != 0;
            bool tuned = p->low != 0 || p->high != 0;

            assert_true(p->at < learner->params_size);
            assert_true(isnan(p->def) || !bounded
                        || (p->def >= p->min && p->def <= p->max));
            assert_true(!tuned || p->low < p->high);
            assert_true(!tuned || !bounded
                        || (p->low >= p->min && p->high <= p->max));
            assert_true(p->help[0] >= 'a' && p->help[0] <= 'z');
            assert_true(p->help[strlen(p->help) - 1] != '.');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique_and_found),
        cmocka_unit_test(auto_is_boosting_for_any_task),
        cmocka_unit_test(
            a_learner_for_another_task_is_refused_with_those_that_fit),
        cmocka_unit_test(a_misspelt_learner_is_an_error_with_the_nearest_name),
        cmocka_unit_test(
            an_offset_without_a_place_is_refused_with_those_that_have),
        cmocka_unit_test(params_are_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
