/* Counts of n-grams against counting each text by hand, and finding them. */
#include "unit/transform/tables.h"

#include "base/text.h"
#include "transform/text_counts.h"
#include "transform/text_index.h"

enum { MANY = 1300, WORDS = 9, NGRAMS = 3 };

static char lines[MANY][60];
static const char *texts[MANY];
static double weight[MANY], y[MANY];

/* Words w0 .. w29, the first ones more often; some rows have none. */
static int word_at(int row, int i)
{
    unsigned v = (unsigned)(row * 31 + i) * 2654435761u;

    v ^= v >> 15;
    v *= 2246822519u;
    v ^= v >> 13;
    return (int)((v & 31) * (v >> 8 & 31) / 32);
}

static int words_of(int row)
{
    return row % 11 == 3 ? 0 : row % WORDS + 1;
}

static void fill(void)
{
    for (int row = 0; row < MANY; row++) {
        size_t used = 0;

        lines[row][0] = '\0';
        for (int i = 0; i < words_of(row); i++)
            used += (size_t)snprintf(lines[row] + used,
                                     sizeof lines[row] - used, "%sW%d",
                                     i ? ", " : "", word_at(row, i));
        texts[row] = lines[row];
        weight[row] = 1 + row % 4 * 0.25;
        y[row] = row % 3 == 0;
    }
}

/* Whether words i .. i + length - 1 of a row are the given ones. */
static bool stands_at(int row, int i, const int *word, int length)
{
    if (i + length > words_of(row))
        return false;
    for (int k = 0; k < length; k++)
        if (word_at(row, i + k) != word[k])
            return false;
    return true;
}

static struct mls_ngram by_hand(const int *word, int length)
{
    struct mls_ngram count = { 0 };

    for (int row = 0; row < MANY; row++) {
        int times = 0;

        for (int i = 0; i < words_of(row); i++)
            times += stands_at(row, i, word, length);
        count.tf += times * weight[row];
        count.df += times > 0 ? weight[row] : 0;
        count.positive += times > 0 && y[row] == 1 ? weight[row] : 0;
    }
    return count;
}

static struct mls_ngrams counted(const struct mls_table *table, int threads,
                                 double min_df)
{
    struct mls_ngrams ngrams;
    struct mls_error err;
    struct mls_run run;
    struct mls_ngram_source source = { .run = &run, .table = table,
                                       .weight = weight, .y = y,
                                       .ngrams = NGRAMS, .min_df = min_df };

    assert_true(mls_run_init(&run, threads, &err));
    assert_true(mls_ngrams_count(&source, &ngrams, &err));
    mls_run_clear(&run);
    return ngrams;
}

/* The words of an item as numbers: "w4 w17" is 4, 17. */
static int read_words(const struct mls_ngrams *ngrams,
                      const struct mls_ngram *item, int *word)
{
    struct mls_text text = { 0 };
    int n = 0;

    mls_ngram_text(ngrams, item, &text);
    for (char *at = text.bytes; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        word[n++] = (int)strtol(at + 1, NULL, 10);
    }
    mls_text_clear(&text);
    return n;
}

static void counts_are_those_by_hand(void **state)
{
    const struct cells column = { "t", MLS_KIND_TEXT, .text = texts };
    struct mls_table table;
    struct mls_ngrams got;
    int64_t expected = 0;

    (void)state;
    fill();
    table = table_of(&column, 1, MANY, 200);
    got = counted(&table, 3, 4);
    assert_true(got.rows > MANY);
    for (int64_t i = 0; i < got.count; i++) {
        int word[NGRAMS];
        int length = read_words(&got, &got.item[i], word);
        struct mls_ngram want = by_hand(word, length);

        /* Quarters add up exactly. */
        assert_true(got.item[i].tf == want.tf && got.item[i].df == want.df
                    && got.item[i].positive == want.positive);
        assert_true(want.df >= 4);
    }
    for (int a = 0; a < 32; a++) {
        expected += by_hand(&a, 1).df >= 4;
        for (int b = 0; b < 32; b++) {
            int two[] = { a, b };

            if (by_hand(two, 2).df < 4)
                continue;
            expected++;
            for (int c = 0; c < 32; c++) {
                int three[] = { a, b, c };

                expected += by_hand(three, 3).df >= 4;
            }
        }
    }
    assert_int_equal(got.count, expected);
    mls_ngrams_clear(&got);
    mls_table_clear(&table);
}

static void blocks_and_threads_change_nothing(void **state)
{
    const struct cells column = { "t", MLS_KIND_TEXT, .text = texts };
    struct mls_table one, many;
    struct mls_ngrams a, b;

    (void)state;
    fill();
    for (int row = 0; row < MANY; row++)
        weight[row] = 1 + row % 7 * 0.1;
    one = table_of(&column, 1, MANY, MANY);
    many = table_of(&column, 1, MANY, 37);
    a = counted(&one, 1, 2);
    b = counted(&many, 8, 2);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.item, b.item, (size_t)a.count * sizeof *a.item);
    mls_ngrams_clear(&a);
    mls_ngrams_clear(&b);
    mls_table_clear(&one);
    mls_table_clear(&many);
}

static void order_is_that_of_the_texts(void **state)
{
    static const char *const some[] = { "ab abc ab_ ab ab0 éa abc" };
    const struct cells column = { "t", MLS_KIND_TEXT, .text = some };
    struct mls_table table = table_of(&column, 1, 1, 1);
    struct mls_ngram_source source = { .table = &table, .ngrams = 5,
                                       .min_df = 1 };
    struct mls_ngrams got;
    struct mls_error err;

    (void)state;
    assert_true(mls_ngrams_count(&source, &got, &err));
    assert_int_equal(got.count, 5 + 6 + 5 + 4 + 3);
    for (int64_t i = 0; i < got.count; i++) {
        for (int64_t j = 0; j < got.count; j++) {
            struct mls_text a = { 0 }, b = { 0 };
            int order = mls_ngram_compare(&got.item[i], &got.item[j]);

            mls_ngram_text(&got, &got.item[i], &a);
            mls_ngram_text(&got, &got.item[j], &b);
            assert_int_equal((order > 0) - (order < 0),
                             (strcmp(a.bytes, b.bytes) > 0)
                                 - (strcmp(a.bytes, b.bytes) < 0));
            mls_text_clear(&a);
            mls_text_clear(&b);
        }
    }
    mls_ngrams_clear(&got);
    mls_table_clear(&table);
}

static int32_t term_of(const struct mls_text_index *index, const char *text)
{
    struct mls_index_place place = { 0, -1 };
    struct mls_words words = { 0 };
    struct mls_error err;

    assert_true(mls_words_split(&words, text, strlen(text), &err));
    for (int64_t i = 0; i < words.count; i++) {
        uint32_t number = mls_text_index_word(
            index, words.bytes + words.start[i],
            (size_t)(words.end[i] - words.start[i]));

        place = number ? mls_text_index_next(index, place, number)
                       : (struct mls_index_place){ 0, -1 };
        if (!place.run)
            break;
    }
    mls_words_clear(&words);
    return place.term;
}

static void an_index_finds_its_terms(void **state)
{
    static const char bytes[] = "badnotnot badnot bad at allsad";
    static const int64_t offset[] = { 0, 3, 6, 13, 27, 30 };
    struct mls_text_index index;
    struct mls_error err;
    void *memory =
        mls_new((int64_t)mls_text_index_size(bytes, offset, 1, 5), 1, &err);

    (void)state;
    assert_true(mls_text_index_make(&index, memory, bytes, offset, 1, 5));
    assert_int_equal(term_of(&index, "bad"), -1);
    assert_int_equal(term_of(&index, "not"), 0);
    assert_int_equal(term_of(&index, "not bad"), 1);
    assert_int_equal(term_of(&index, "not bad at"), -1);
    assert_int_equal(term_of(&index, "not bad at all"), 2);
    assert_int_equal(term_of(&index, "not bad at all not"), -1);
    assert_int_equal(term_of(&index, "not sad"), -1);
    assert_int_equal(term_of(&index, "sad"), 3);
    assert_int_equal(term_of(&index, "other"), -1);
    mls_free(memory);
}

static void a_term_that_stands_twice_is_refused(void **state)
{
    static const char bytes[] = "not badnot bad";
    static const int64_t offset[] = { 0, 7, 14 };
    struct mls_text_index index;
    struct mls_error err;
    void *memory =
        mls_new((int64_t)mls_text_index_size(bytes, offset, 0, 2), 1, &err);

    (void)state;
    assert_false(mls_text_index_make(&index, memory, bytes, offset, 0, 2));
    mls_free(memory);
}

static void every_allocation_may_fail(void **state)
{
    const struct cells column = { "t", MLS_KIND_TEXT, .text = texts };
    struct mls_table table;
    struct mls_ngrams got;
    struct mls_error err;
    int64_t live;
    bool ok = false;

    (void)state;
    fill();
    table = table_of(&column, 1, 600, 200);
    live = mls_memory_live();
    for (int64_t n = 1; !ok; n++) {
        struct mls_ngram_source source = { .table = &table, .ngrams = NGRAMS,
                                           .min_df = 2 };

        mls_memory_fail_at(n);
        ok = mls_ngrams_count(&source, &got, &err);
        mls_memory_fail_at(0);
        assert_true(ok || err.code == MLS_LIMIT);
        if (ok)
            mls_ngrams_clear(&got);
        assert_int_equal(mls_memory_live(), live);
    }
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_by_hand),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(order_is_that_of_the_texts),
        cmocka_unit_test(an_index_finds_its_terms),
        cmocka_unit_test(a_term_that_stands_twice_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
