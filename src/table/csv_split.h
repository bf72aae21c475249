/*
 * One record of CSV in memory: where it ends and what its cells are.
 */
#ifndef MLS_TABLE_CSV_SPLIT_H
#define MLS_TABLE_CSV_SPLIT_H

#include <csv.h>

#include "table/csv_scan.h"

enum mls_split_result {
    MLS_SPLIT_RECORD,       /* done */
    MLS_SPLIT_MORE,         /* the bytes end inside the record */
    MLS_SPLIT_AFTER_QUOTE,  /* text between a closing quote and the delimiter */
    MLS_SPLIT_UNCLOSED,     /* the input ends inside a quote */
    MLS_SPLIT_FAILED        /* err is set */
};

struct mls_splitter {
    char delimiter, quote, escape;
    uint8_t class[256];     /* what a byte means; 0: data */
    /* The record that was split last. */
    struct mls_cell *cells;
    int64_t count;
    int64_t length;         /* bytes without the line end */
    int64_t used;           /* bytes with it */
    int64_t lines;          /* line ends in it, its own included */
    bool quoted;            /* it holds a quoted cell */
    /* Private. */
    int64_t capacity;
    char *scratch;          /* cells whose quotes were taken off */
    int64_t scratch_used, scratch_capacity;
    bool libcsv_ready;
    struct csv_parser libcsv;
};

/* dialect must be complete.  { 0 } may be cleared. */
MLS_CHECK bool mls_splitter_init(struct mls_splitter *s,
                                 const struct mls_dialect *dialect,
                                 struct mls_error *err);
void mls_splitter_clear(struct mls_splitter *s);

/*
 * Splits the record that starts at bytes.  last says that no more bytes follow
 * these; then a record need not end with a line end.  length must be > 0.
 * Cells point into bytes or into the splitter, until the next call.
 */
enum mls_split_result mls_split(struct mls_splitter *s, const char *bytes,
                                int64_t length, bool last,
                                struct mls_error *err);

/* Bytes of the physical line that starts at bytes, its end included; 0 when
 * the end is not among them and last is false. */
int64_t mls_line_bytes(const char *bytes, int64_t length, bool last);

/* Bytes of a UTF-8 mark at the start of a file: 3 or 0. */
int64_t mls_mark_bytes(const char *bytes, int64_t length);

#endif
