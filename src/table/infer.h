/*
 * The rules of kinds, shared by the two ways of reading: infer.c watches cell
 * by cell, csv_table.c fills the same counters from whole columns.
 */
#ifndef MLS_TABLE_INFER_H
#define MLS_TABLE_INFER_H

#include "table/dictionary.h"
#include "table/reader.h"

/* The first cell that is not what most of its column is. */
struct mls_wrong {
    int64_t row, line;          /* 0: none */
    struct mls_shown text;
};

struct mls_watch {
    unsigned allowed;           /* bits of the kinds it may become */
    bool named;                 /* by an option or the schema file */
    int64_t cells, missing;
    int64_t numbers, integers;
    bool zeros, huge;           /* whole numbers: leading zeros, past 2^53 */
    double first;
    bool varies;                /* some number differs from the first */
    uint64_t first_hash;
    bool texts_vary;
    bool sequence;              /* so far 0, 1, 2 ... or 1, 2, 3 ... */
    unsigned dates;             /* forms that fit all cells so far */
    bool has_time;
    int64_t wordy;              /* cells of more than three words */
    struct mls_wrong not_number, not_date;
    struct mls_level_set set;
    int64_t uncollected;        /* cells left out of the set */
    bool collect_all, keep_texts;
    bool pending;               /* needs one more reading */
    struct mls_dictionary *given;   /* instead of set; borrowed */
};

struct mls_inference {
    struct mls_reader *r;
    struct mls_watch *watches;
    int64_t rows;
};

/* Makes the watches of the columns of r and takes the options that name kinds.
 * Clear also after a failure. */
MLS_CHECK bool mls_inference_start(struct mls_inference *in,
                                   struct mls_reader *r,
                                   struct mls_error *err);
void mls_inference_clear(struct mls_inference *in);
/* Reads all rows, perhaps more than once, fills kinds, dictionaries, traits and
 * roles of the schema, whose fields are the columns of the file, and sets
 * expected.  Leaves the scan at its end. */
MLS_CHECK bool mls_inference_run(struct mls_inference *in,
                                 struct mls_error *err);
/* A whole number, trimmed: notes whether it is written as a code. */
void mls_watch_digits(struct mls_watch *w, struct mls_cell cell, double value);
/* Whether a trimmed cell has more than three words. */
bool mls_cell_is_wordy(struct mls_cell cell);
/* Watches up to rows rows from where the reader stands. */
MLS_CHECK bool mls_inference_sample(struct mls_inference *in, int64_t rows,
                                    struct mls_error *err);
/* What the column is by its counters, distinct being the number of its
 * different cells, and the form of its dates. */
enum mls_kind mls_watch_kind(const struct mls_watch *w, int64_t distinct);
enum mls_date_form mls_watch_form(const struct mls_watch *w,
                                  const struct mls_field *field);
/* Fills the schema from counters that are complete: set.count, and given for
 * those that mls_watch_kind calls categories. */
MLS_CHECK bool mls_inference_decide(struct mls_inference *in,
                                    struct mls_error *err);

#endif
