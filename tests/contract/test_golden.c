/*
 * Model files of every released format still load and predict what they did
 * when they were made.  tests/golden/make.sh made them; it is run once for a
 * new format, never to make this test pass.
 */
#include "contract.h"

/* Files of tests/golden/FORMAT/: NAME.mlspec, NAME.csv, NAME.expected. */
static const char *const cases[] = { "v1/regression", "v1/binary",
                                     "v1/multiclass", "v1/steps" };

static char *read_all(const char *path, size_t *length)
{
    struct mls_error err = { 0 };
    char *bytes = mls_file_read(path, INT64_MAX, length, &err);

    must(bytes != NULL, &err);
    return bytes;
}

/* Numbers within 1e-12 of each other, all else to the byte: a model is the same
 * on every processor to 1e-12. */
static void assert_same_csv(const char *a, const char *b)
{
    while (*a && *b) {
        char *a_end, *b_end;
        double x, y;

        if (*a == *b) {
            a++;
            b++;
            continue;
        }
        /* Back to where the number begins. */
        while (a[-1] != ',' && a[-1] != '\n') {
            a--;
            b--;
        }
        x = (double)strtold(a, &a_end);
        y = (double)strtold(b, &b_end);
        if (a_end == a || b_end == b || !(fabs(x - y) <= 1e-12 * fabs(x)))
            fail_msg("%.40s and %.40s", a, b);
        a = a_end;
        b = b_end;
    }
    assert_int_equal(*a, *b);
}

static void every_released_format_still_predicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char model[512], data[512], expected[512];
        const char *output = scratch("golden.csv");
        struct mls_read_options read = { 0 };
        struct mls_predict_options how = { .threshold = NAN };
        struct mls_error err = { 0 };
        struct mls_pipeline *p;
        size_t length;
        char *got, *wanted;

        snprintf(model, sizeof model, "%s/tests/golden/%s.mlspec",
                 MLS_SOURCE_DIR, cases[i]);
        snprintf(data, sizeof data, "%s/tests/golden/%s.csv", MLS_SOURCE_DIR,
                 cases[i]);
        snprintf(expected, sizeof expected, "%s/tests/golden/%s.expected",
                 MLS_SOURCE_DIR, cases[i]);
        p = mls_pipeline_load(model, &err);
        must(p != NULL, &err);
        how.transform = mls_pipeline_learner(p) == NULL;
        how.proba = mls_pipeline_classes(p) > 0;
        must(mls_pipeline_predict_file(p, data, output, &read, &how, NULL,
                                       NULL, &err), &err);
        got = read_all(output, &length);
        wanted = read_all(expected, &length);
        assert_same_csv(wanted, got);
        mls_free(got);
        mls_free(wanted);
        mls_pipeline_free(p);
        unlink(output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_released_format_still_predicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
