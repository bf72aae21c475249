/*
 * Words of a text and the hash table that numbers n-grams.
 *
 *   "Good MOVIE, good!"   words   good movie good
 *                         terms   good, movie, good, good movie, movie good
 *
 * A word is a run of at least two letters, digits, marks or underscores, as
 * Python's \w\w+, in lower case.
 */
#ifndef MLS_TRANSFORM_TEXT_WORDS_H
#define MLS_TRANSFORM_TEXT_WORDS_H

#include "mlspec/error.h"

/* The words of one text: lower-case bytes, word i at start[i], end[i] one past
 * its last byte, and a single byte (a space) between a word and the next, so
 * that the n-gram of words i to j is bytes[start[i] .. end[j]).  Made for one
 * text after another; cleared once. */
struct mls_words {
    char *bytes;
    int64_t *start, *end;
    int64_t count;
    int64_t byte_capacity, word_capacity;
};
/* Bytes that are not UTF-8 end a word. */
MLS_CHECK bool mls_words_split(struct mls_words *words, const char *text,
                               size_t length, struct mls_error *err);
void mls_words_clear(struct mls_words *words);

/* Terms numbered 0, 1, ... as they come. */
struct mls_terms {
    int64_t count;
    char *bytes;
    int64_t *offset;            /* capacity + 1 */
    uint64_t *hash;             /* capacity */
    int64_t capacity, used, byte_capacity;
    int64_t *slot;              /* 0 empty, else number + 1 */
    int64_t slot_count;
};
/* The number of a term, -1 when it is not there. */
int64_t mls_terms_find(const struct mls_terms *terms, const char *term,
                       size_t length);
/* The number of a term, which is added when it is not there. */
MLS_CHECK bool mls_terms_add(struct mls_terms *terms, const char *term,
                             size_t length, int64_t *number,
                             struct mls_error *err);
const char *mls_terms_text(const struct mls_terms *terms, int64_t number,
                           size_t *length);
void mls_terms_clear(struct mls_terms *terms);

#endif
