#include "unit/transform/tables.h"

#include "transform/text_words.h"
#include "transform/transforms.h"

#define ROWS 6

static const char *const texts[ROWS] = {
    "The Movie was good, good fun!", "Not a GOOD movie...", "",
    "Ärger über Öl: naïve café", "the café was fun; über-fun x 42",
    "good_movie ÉCOLE Привет привет"
};
static const struct cells columns[] = {
    { "t", MLS_KIND_TEXT, .text = texts },
};

/* v = TfidfVectorizer(ngram_range=(1, 2)).fit_transform(texts) */
static void equals_tfidf_vectorizer(void **state)
{
    static const struct {
        const char *name;
        double cell[ROWS];
    } want[] = {
        { "t~fun", { 0.25452799816424043, 0, 0, 0, 0.46612440545255435, 0 } },
        { "t~good", { 0.5090559963284809, 0.39339984891428303, 0, 0, 0, 0 } },
        { "t~good movie", { 0, 0.4797475439396706, 0, 0, 0, 0 } },
        { "t~école", { 0, 0, 0, 0, 0, 0.3333333333333333 } },
        { "t~über",
          { 0, 0, 0, 0.2838652571352644, 0.23306220272627717, 0 } },
        { "t~привет", { 0, 0, 0, 0, 0, 0.6666666666666666 } },
    };
    struct mls_table table = table_of(columns, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_tfidf);

    (void)state;
    set(step, "min_df", "1");
    set(step, "sublinear", "false");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_int_equal(out.schema.count, 35);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_cells(&out, want[i].name, want[i].cell, 1e-15);
    assert_int_equal(out.blocks[0]->columns[0]->storage, MLS_STORE_SPARSE);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2) */
static void rare_terms_are_left_out(void **state)
{
    static const double fun[ROWS] = { 0.3816141458138271, 0, 0, 0,
                                      0.6461289150464732, 0 };
    static const double good[ROWS] = { 0.6461289150464732, 0.7071067811865476,
                                       0, 0, 0, 0 };
    struct mls_table table = table_of(columns, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_tfidf);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema,
                   "t~café t~fun t~good t~movie t~the t~was t~über");
    assert_cells(&out, "t~fun", fun, 1e-15);
    assert_cells(&out, "t~good", good, 1e-15);
    describes_as(step, "{\"columns\":[{\"name\":\"t\",\"terms\":7}]}");
    mls_table_clear(&out);
    set(step, "max_df", "0.2");
    fit_well(step, &table, NULL);
    assert_int_equal(step->plan.out.count, 0);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=4) */
static void the_most_frequent_terms_stay(void **state)
{
    static const double good[ROWS] = { 0.7674945674619877, 0.7071067811865476,
                                       0, 0, 0, 0 };
    struct mls_table table = table_of(columns, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_tfidf);

    (void)state;
    set(step, "min_df", "1");
    set(step, "max_features", "4");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "t~café t~fun t~good t~movie");
    assert_cells(&out, "t~good", good, 1e-15);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
 *     .fit(np.repeat(texts, weight)) */
static void weights_count_rows(void **state)
{
    static const double weight[ROWS] = { 1, 2, 1, 3, 1, 1 };
    static const double idf[] = {
        1.6931471805599454, 2.203972804325936,  1.916290731874155,
        2.203972804325936,  1.916290731874155,  1.916290731874155,
        1.916290731874155,  2.203972804325936,  2.203972804325936,
        2.203972804325936,  2.203972804325936,  1.916290731874155,
        1.916290731874155,  1.916290731874155,  1.916290731874155,
        1.6931471805599454, 1.916290731874155
    };
    struct mls_target target = { .rows = ROWS, .weight = weight };
    struct mls_table table = table_of(columns, 1, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_tfidf);
    const struct mls_array *got;

    (void)state;
    fit_well(step, &table, &target);
    got = mls_arrays_find(&step->arrays, "idf");
    assert_int_equal(got->count, 17);
    for (int i = 0; i < 17; i++)
        assert_true(fabs(((const double *)got->data)[i] - idf[i]) < 1e-14);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* B = X > 0; p = B[y == 1].sum(0) + 1; q = B[y == 0].sum(0) + 1
 * np.log(p / p.sum()) - np.log(q / q.sum()) */
static void nb_cells_are_log_count_ratios(void **state)
{
    static const double y[ROWS] = { 1, 0, 0, 1, 1, 0 };
    static const double ratio[] = {
        0.35139788683788864, 0.35139788683788864, -0.7472144018302211,
        -0.7472144018302211, 0.35139788683788864, 0.35139788683788864,
        0.35139788683788864
    };
    const double good[ROWS] = { ratio[2], ratio[2], 0, 0, 0, 0 };
    struct mls_target target = { .task = MLS_BINARY, .rows = ROWS,
                                 .classes = 2, .y = y };
    struct mls_table table = table_of(columns, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_tfidf);
    const double *got;

    (void)state;
    set(step, "nb", "true");
    fit_well(step, &table, &target);
    got = mls_arrays_find(&step->arrays, "ratio")->data;
    for (int i = 0; i < 7; i++)
        assert_true(fabs(got[i] - ratio[i]) < 1e-15);
    out = apply_to(step, &table);
    assert_cells(&out, "t~good", good, 1e-15);
    mls_table_clear(&out);
    fit_fails(step, &table, NULL, MLS_USAGE, "", "two classes");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void assert_words(const char *text, size_t length, const char *want)
{
    struct mls_words words = { 0 };
    struct mls_text got = { 0 };
    struct mls_error err;

    assert_true(mls_words_split(&words, text, length, &err));
    for (int64_t i = 0; i < words.count; i++) {
        mls_text_add(&got, i ? "|" : "");
        mls_text_add_bytes(&got, words.bytes + words.start[i],
                           (size_t)(words.end[i] - words.start[i]));
    }
    assert_string_equal(got.bytes ? got.bytes : "", want);
    mls_text_clear(&got);
    mls_words_clear(&words);
}

static void words_are_runs_of_letters_in_lower_case(void **state)
{
    static const char broken[] = { 'a', 'b', (char)0xff, 'c', 'd', (char)0xc3 };

    (void)state;
    assert_words("", 0, "");
    assert_words("a b c", 5, "");
    assert_words("It's 2 a.m.; e-mail ME!", 23, "it|mail|me");
    assert_words("ŁÓDŹ ΑΘΗΝΑ ЁЖ Žižek", strlen("ŁÓDŹ ΑΘΗΝΑ ЁЖ Žižek"),
                 "łódź|αθηνα|ёж|žižek");
    assert_words("日本語、東京 5 × 3 — “ok”", strlen("日本語、東京 5 × 3 — “ok”"),
                 "日本語|東京|ok");
    assert_words(broken, sizeof broken, "ab|cd");
    assert_words("a\0bc", 4, "bc");
}

static void terms_are_numbered_as_they_come(void **state)
{
    struct mls_terms terms = { 0 };
    struct mls_error err;
    char text[16];
    int64_t number;

    (void)state;
    assert_int_equal(mls_terms_find(&terms, "x", 1), -1);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "t%d", i);
            assert_true(mls_terms_add(&terms, text, strlen(text), &number,
                                      &err));
            assert_int_equal(number, i);
        }
    }
    assert_int_equal(terms.count, 5000);
    assert_int_equal(mls_terms_find(&terms, "t4999", 5), 4999);
    assert_int_equal(mls_terms_find(&terms, "t5000", 5), -1);
    mls_terms_clear(&terms);
}

static void choose_params(struct mls_step *step)
{
    set(step, "max_features", "5");
    set(step, "min_df", "1");
}

static void blocks_and_threads_change_nothing(void **state)
{
    enum { MANY = 200 };
    static char lines[MANY][40];
    static const char *many[MANY];
    static double w[MANY];
    const struct cells with[] = { { "t", MLS_KIND_TEXT, .text = many },
                                  { "u", MLS_KIND_TEXT, .text = many } };
    struct mls_target target = { .rows = MANY, .weight = w };

    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(lines[i], sizeof lines[i], "w%d w%d w%d", i % 7, i % 5,
                 i % 3);
        many[i] = lines[i];
        w[i] = 1 + i % 5 * 0.3;
    }
    fits_the_same_anyhow(&mls_step_tfidf, choose_params, with, 2, MANY,
                         &target);
}

static void arrays_that_lie_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 1, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_tfidf), *copy;

    (void)state;
    fit_well(step, &table, NULL);
    copy = loaded(step);
    ((double *)array_of(copy, "idf"))[0] = -1;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((double *)array_of(copy, "ratio"))[0] = NAN;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((int64_t *)array_of(copy, "first"))[1] = 8;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((int64_t *)array_of(copy, "term.offsets"))[1] = 99;
    is_refused(copy, &table.schema);
    copy = loaded(step);    /* "fun" and "was" of 3 bytes each: the same */
    memcpy((char *)array_of(copy, "term.bytes") + 5, "the", 3);
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 1, ROWS, 4);

    (void)state;
    survives_failing_memory(&mls_step_tfidf, NULL, NULL, &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_tfidf_vectorizer),
        cmocka_unit_test(rare_terms_are_left_out),
        cmocka_unit_test(the_most_frequent_terms_stay),
        cmocka_unit_test(weights_count_rows),
        cmocka_unit_test(nb_cells_are_log_count_ratios),
        cmocka_unit_test(words_are_runs_of_letters_in_lower_case),
        cmocka_unit_test(terms_are_numbered_as_they_come),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
