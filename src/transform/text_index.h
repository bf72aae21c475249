/*
 * Finds the terms of a list (words and runs of words) in the words of a text.
 */
#ifndef MLS_TRANSFORM_TEXT_INDEX_H
#define MLS_TRANSFORM_TEXT_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "transform/text_words.h"

/* Terms first .. end - 1 of a list: term i is bytes[offset[i] .. offset[i+1]),
 * its words with one space between.  Borrows the list.  Made in memory of the
 * caller, so that many of them can stand in one block. */
struct mls_text_index {
    const char *bytes;
    int64_t first, end;
    uint64_t word_mask, run_mask;
    struct mls_index_word *word;
    struct mls_index_run *run;
};

/* Bytes that an index over these terms needs, a multiple of 8. */
size_t mls_text_index_size(const char *bytes, const int64_t *offset,
                           int64_t first, int64_t end);
/* Makes one in memory, zeroed bytes of that size, aligned for a pointer; false
 * when a term stands twice. */
bool mls_text_index_make(struct mls_text_index *index, void *memory,
                         const char *bytes, const int64_t *offset,
                         int64_t first, int64_t end);

/* A position in the index: what the words read so far are. */
struct mls_index_place {
    uint32_t run;               /* 0: they begin no term */
    int32_t term;               /* of the list's, from first; -1: they are none */
};

/* What identifies a word to the index, 0: it is in no term. */
uint32_t mls_text_index_word(const struct mls_text_index *index,
                             const char *word, size_t length);
/* From the place of some words to that of one more; begin with { 0, -1 }. */
struct mls_index_place mls_text_index_next(const struct mls_text_index *index,
                                           struct mls_index_place place,
                                           uint32_t word);

#endif
