/*
 * See text_index.h.  Two hash tables with open addresses, at most half full:
 *
 *   word   bytes of a word          -> its number
 *   run    (run, number of a word)  -> run of one word more, its term if any
 *
 * A term "not bad at" is three runs: "not" is (0, not), "not bad" is (that,
 * bad), ... so each word of a text is hashed as a string once, whatever the
 * length of terms, and a run that begins no term ends the search at once.
 */
#include "transform/text_index.h"

#include <string.h>

#include "table/dictionary.h"

struct mls_index_word {
    uint32_t number;            /* 0: empty */
    uint32_t length;
    uint64_t at;                /* of its bytes in the list */
};

struct mls_index_run {
    uint64_t key;               /* run << 32 | word; 0: empty */
    uint32_t number;            /* from 1 */
    int32_t term;               /* -1: only the beginning of terms */
};

static int64_t words_of(const char *bytes, const int64_t *offset,
                        int64_t first, int64_t end)
{
    int64_t words = end - first;

    for (int64_t at = offset[first]; at < offset[end]; at++)
        words += bytes[at] == ' ';
    return words;
}

static uint64_t slots_for(int64_t count)
{
    uint64_t slots = 16;

    while (slots < 2 * (uint64_t)count)
        slots *= 2;
    return slots;
}

size_t mls_text_index_size(const char *bytes, const int64_t *offset,
                           int64_t first, int64_t end)
{
    return slots_for(words_of(bytes, offset, first, end))
        * (sizeof(struct mls_index_word) + sizeof(struct mls_index_run));
}

/* The slot where a word is or would be. */
static struct mls_index_word *find_word(const struct mls_text_index *index,
                                        const char *word, size_t length)
{
    uint64_t at = mls_bytes_hash(word, length) & index->word_mask;

    while (index->word[at].number
           && (index->word[at].length != length
               || memcmp(index->bytes + index->word[at].at, word, length)
                   != 0))
        at = (at + 1) & index->word_mask;
    return &index->word[at];
}

static struct mls_index_run *find_run(const struct mls_text_index *index,
                                      uint32_t run, uint32_t word)
{
    uint64_t key = (uint64_t)run << 32 | word;
    uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t at = (hash ^ hash >> 32) & index->run_mask;

    while (index->run[at].key && index->run[at].key != key)
        at = (at + 1) & index->run_mask;
    return &index->run[at];
}

/* Numbers used up so far. */
struct numbers {
    uint32_t word, run;
};

/* The run of one term; NULL when it has a term already. */
static bool add_term(struct mls_text_index *index, struct numbers *used,
                     int64_t from, int64_t end, int32_t term)
{
    struct mls_index_run *run = NULL;

    for (int64_t at = from, stop; at <= end; at = stop + 1) {
        struct mls_index_word *word;
        uint32_t before = run ? run->number : 0;

        for (stop = at; stop < end && index->bytes[stop] != ' '; stop++)
            ;
        word = find_word(index, index->bytes + at, (size_t)(stop - at));
        if (!word->number) {
            *word = (struct mls_index_word){ ++used->word,
                                             (uint32_t)(stop - at),
                                             (uint64_t)at };
        }
        run = find_run(index, before, word->number);
        if (!run->key) {
            *run = (struct mls_index_run){
                (uint64_t)before << 32 | word->number, ++used->run, -1
            };
        }
    }
    if (run->term >= 0)
        return false;
    run->term = term;
    return true;
}

bool mls_text_index_make(struct mls_text_index *index, void *memory,
                         const char *bytes, const int64_t *offset,
                         int64_t first, int64_t end)
{
    uint64_t slots = slots_for(words_of(bytes, offset, first, end));
    struct numbers used = { 0, 0 };

    *index = (struct mls_text_index){ bytes, first, end, slots - 1, slots - 1,
                                      memory, NULL };
    index->run = (struct mls_index_run *)(void *)(index->word + slots);
    for (int64_t i = first; i < end; i++)
        if (!add_term(index, &used, offset[i], offset[i + 1],
                      (int32_t)(i - first)))
            return false;
    return true;
}

uint32_t mls_text_index_word(const struct mls_text_index *index,
                             const char *word, size_t length)
{
    return find_word(index, word, length)->number;
}

struct mls_index_place mls_text_index_next(const struct mls_text_index *index,
                                           struct mls_index_place place,
                                           uint32_t word)
{
    const struct mls_index_run *run = find_run(index, place.run, word);

    return run->key ? (struct mls_index_place){ run->number, run->term }
                    : (struct mls_index_place){ 0, -1 };
}
