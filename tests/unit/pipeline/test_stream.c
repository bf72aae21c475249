/*
 * CSV in, CSV out: what is copied comes out as it went in.
 */
#include "contract/contract.h"

#include "base/number.h"

static const char train[] = "id,when,city,x,y\n"
                            "a1,2024-01-02,Oslo,1.5,no\n"
                            "a2,2024-01-03,Rome,2.5,yes\n"
                            "a3,2024-01-04,Oslo,3.5,yes\n"
                            "a4,2024-01-05,Rome,0.5,no\n";
/* Another order of columns, one more, and cells that training never saw. */
static const char fresh[] = "note,y,x,city,when,id\n"
                            "first,maybe,1.50,Oslo,some day,007\n"
                            "\"a, b\",,2,Paris,,b2\n";

static struct mls_pipeline *fit(bool learn)
{
    struct mls_roles roles = { .target = "y", .id = "id", .ignore = "when" };
    const char *families[] = { "impute=mean" };
    struct mls_settings settings = { .train = learn, .families = families,
                                     .family_count = !learn };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    read_text(train, &roles, &table);
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p != NULL, &err);
    must(mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    mls_table_clear(&table);
    return p;
}

/* The output for a text; NULL with err. */
static char *stream(const struct mls_pipeline *p, const char *text,
                    const struct mls_predict_options *options,
                    struct mls_error *err)
{
    const char *in = scratch("in.csv"), *out = scratch("out.csv");
    struct mls_read_options read = { 0 };
    FILE *file = fopen(in, "wb");
    size_t length;
    char *bytes = NULL;

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    if (mls_pipeline_predict_file(p, in, out, &read, options, NULL, NULL,
                                  err)) {
        char *read_back = mls_file_read(out, INT64_MAX, &length, err);

        must(read_back != NULL, err);
        bytes = mls_copy_bytes(read_back, length, err);
        mls_free(read_back);
    }
    unlink(in);
    unlink(out);
    return bytes;
}

static void assert_line(const char *text, int line, const char *expected)
{
    size_t length;

    for (; line > 0; line--) {
        text = strchr(text, '\n');
        assert_non_null(text);
        text++;
    }
    length = strcspn(text, "\n");
    if (length < strlen(expected)
        || strncmp(text, expected, strlen(expected)) != 0)
        fail_msg("\"%.*s\" does not begin with \"%s\"", (int)length, text,
                 expected);
}

static void kept_columns_come_out_as_they_went_in(void **state)
{
    struct mls_predict_options options = { .keep = "note,y,when",
                                           .threshold = NAN };
    struct mls_pipeline *p = fit(true);
    struct mls_error err = { 0 };
    char *out = stream(p, fresh, &options, &err);

    (void)state;
    must(out != NULL, &err);
    assert_line(out, 0, "id,note,y,when,prediction");
    assert_line(out, 1, "007,first,maybe,some day,");
    assert_line(out, 2, "b2,\"a, b\",,,");
    mls_free(out);
    mls_pipeline_free(p);
}

static void a_kept_column_must_not_hide_the_prediction(void **state)
{
    struct mls_predict_options options = { .keep = "prediction",
                                           .threshold = NAN };
    struct mls_pipeline *p = fit(true);
    struct mls_error err = { 0 };

    (void)state;
    assert_null(stream(p, "id,city,x,prediction\n1,Oslo,2,3\n", &options,
                       &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "\"prediction\""));
    options.keep = "nothing";
    assert_null(stream(p, fresh, &options, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_non_null(strstr(err.what, "\"nothing\""));
    mls_pipeline_free(p);
}

/* Steps touch features alone: the rest passes, whatever it holds. */
static void columns_that_no_step_takes_pass_unread(void **state)
{
    struct mls_predict_options options = { .transform = true };
    struct mls_pipeline *p = fit(false);
    struct mls_error err = { 0 };
    char *out = stream(p, fresh, &options, &err);

    (void)state;
    must(out != NULL, &err);
    assert_line(out, 0, "y,x,city,when,id");
    assert_line(out, 1, "maybe,1.5,Oslo,some day,007");
    assert_line(out, 2, ",2,");
    mls_free(out);
    mls_pipeline_free(p);
}

static void a_table_without_rows_gives_a_header(void **state)
{
    struct mls_predict_options options = { .threshold = NAN, .proba = true };
    struct mls_pipeline *p = fit(true);
    struct mls_error err = { 0 };
    char *out = stream(p, "city,x,id\n", &options, &err);

    (void)state;
    must(out != NULL, &err);
    assert_string_equal(out, "id,prediction,probability_no,probability_yes\n");
    mls_free(out);
    mls_pipeline_free(p);
}

static void what_is_not_fitted_cannot_be_applied(void **state)
{
    struct mls_predict_options options = { .threshold = NAN };
    struct mls_pipeline *p = fit(true), *copy;
    struct mls_table table = { 0 }, out = { 0 };
    struct mls_roles roles = { .target = "y" };
    struct mls_error err = { 0 };

    (void)state;
    copy = mls_pipeline_copy(p, &err);
    must(copy != NULL, &err);
    assert_null(stream(copy, fresh, &options, &err));
    assert_int_equal(err.code, MLS_USAGE);
    options.transform = true;
    assert_null(stream(copy, fresh, &options, &err));
    assert_int_equal(err.code, MLS_USAGE);
    read_text(train, &roles, &table);
    assert_false(mls_pipeline_transform(copy, &table, NULL, &out, &err));
    assert_int_equal(err.code, MLS_USAGE);
    mls_table_clear(&table);
    mls_pipeline_free(copy);
    mls_pipeline_free(p);
}

static struct mls_pipeline *fit_counts(void)
{
    struct mls_roles roles = { .target = "claims", .offset = "o" };
    struct mls_settings settings = { .train = true, .learner = "poisson",
                                     .task = MLS_REGRESSION };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    read_text("x,claims,o\n1,2,0.5\n2,0,-0.5\n3,4,0.25\n4,1,0\n", &roles,
              &table);
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p != NULL, &err);
    must(mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    mls_table_clear(&table);
    return p;
}

static void an_offset_multiplies_the_mean_of_a_log_link(void **state)
{
    struct mls_predict_options options = { .threshold = NAN };
    struct mls_pipeline *p = fit_counts();
    struct mls_error err = { 0 };
    char *out = stream(p, "o,x\n0,2.5\n1,2.5\n", &options, &err), *line;
    double without, with;

    (void)state;
    must(out != NULL, &err);
    assert_line(out, 0, "prediction");
    line = strchr(out, '\n') + 1;
    assert_true(mls_parse_real(line, strcspn(line, "\n"), '.', &without,
                               NULL));
    line = strchr(line, '\n') + 1;
    assert_true(mls_parse_real(line, strcspn(line, "\n"), '.', &with, NULL));
    assert_true(fabs(with / without - exp(1)) < 1e-12);
    mls_free(out);
    mls_pipeline_free(p);
}

static void a_row_without_offset_is_an_error_that_names_it(void **state)
{
    struct mls_predict_options options = { .threshold = NAN };
    struct mls_pipeline *p = fit_counts();
    struct mls_error err = { 0 };

    (void)state;
    assert_null(stream(p, "x\n1\n", &options, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_non_null(strstr(err.what, "\"o\""));
    memset(&err, 0, sizeof err);
    assert_null(stream(p, "x,o\n1,0\n2,\n", &options, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.row, 2);
    assert_string_equal(err.column, "o");
    mls_pipeline_free(p);
}

static void steps_alone_do_not_ask_for_the_offset(void **state)
{
    struct mls_predict_options options = { .transform = true };
    struct mls_pipeline *p = fit_counts();
    struct mls_error err = { 0 };
    char *out = stream(p, "x\n1\n", &options, &err);

    (void)state;
    must(out != NULL, &err);
    assert_line(out, 0, "x");
    mls_free(out);
    out = stream(p, "o,x\nhigh,1\n", &options, &err);
    must(out != NULL, &err);
    assert_line(out, 0, "o,x");
    assert_line(out, 1, "high,");
    mls_free(out);
    mls_pipeline_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_columns_come_out_as_they_went_in),
        cmocka_unit_test(a_kept_column_must_not_hide_the_prediction),
        cmocka_unit_test(columns_that_no_step_takes_pass_unread),
        cmocka_unit_test(a_table_without_rows_gives_a_header),
        cmocka_unit_test(an_offset_multiplies_the_mean_of_a_log_link),
        cmocka_unit_test(a_row_without_offset_is_an_error_that_names_it),
        cmocka_unit_test(steps_alone_do_not_ask_for_the_offset),
        cmocka_unit_test(what_is_not_fitted_cannot_be_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
