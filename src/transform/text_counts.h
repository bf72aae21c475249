/*
 * How often the words of a column of texts, and the runs of words side by side,
 * stand in its rows: what a step that makes columns of them chooses from.
 */
#ifndef MLS_TRANSFORM_TEXT_COUNTS_H
#define MLS_TRANSFORM_TEXT_COUNTS_H

#include "mlspec/table.h"
#include "transform/text_words.h"

#define MLS_NGRAM_WORDS 5

/* Which texts; borrows. */
struct mls_ngram_source {
    const struct mls_run *run;
    const struct mls_table *table;
    int64_t column;             /* of TEXT */
    const double *weight;       /* of the rows; NULL: all 1 */
    const double *y;            /* rows of class 1 are counted apart; NULL: none */
    int64_t ngrams;             /* the most words in a run, 1 to 5 */
    double min_df;              /* runs that fewer texts hold are left out */
};

struct mls_ngram {
    double tf, df;              /* how often met; in how many texts */
    double positive;            /* df in texts of class 1 */
    /* Its words by their place in byte order, from 1; 0: no more.  So n-grams
     * in the order of these numbers are texts in byte order, as the space
     * between words comes before all that a word can hold. */
    uint32_t word[MLS_NGRAM_WORDS];
};

struct mls_ngrams {
    struct mls_ngram *item;
    int64_t count, capacity;
    struct mls_terms words;     /* private: all of them */
    uint32_t *number;           /* private: of the word at each place */
    double rows;                /* weight of all texts */
};

/* Parallel over rows, then over n-grams; needs 4 bytes a word of text (8 past
 * pairs) and 50 bytes a distinct run of frequent words. */
MLS_CHECK bool mls_ngrams_count(const struct mls_ngram_source *source,
                                struct mls_ngrams *out, struct mls_error *err);
void mls_ngrams_clear(struct mls_ngrams *ngrams);

/* < 0, 0, > 0 as texts in byte order. */
int mls_ngram_compare(const struct mls_ngram *a, const struct mls_ngram *b);

struct mls_text;
/* The text of an n-gram, its words with a space between, at the end of to. */
void mls_ngram_text(const struct mls_ngrams *ngrams,
                    const struct mls_ngram *ngram, struct mls_text *to);

#endif
