/*
 * The reader's insides, shared by the files that make it:
 *
 *   reader.c   opening, the header, which file column feeds which field
 *   csv_table.c  whole tables in one reading, when nothing is odd
 *   csv_stream.c  blocks of known columns by all threads
 *   infer.c    the first reading: kinds and dictionaries
 *   convert.c  the second: cells to typed columns of a block
 */
#ifndef MLS_TABLE_READER_H
#define MLS_TABLE_READER_H

#include "mlspec/table.h"
#include "table/cell.h"
#include "table/csv_scan.h"

/* Text of one column on its way into a block of unknown length. */
struct mls_text_stage {
    int64_t *offset;            /* block rows + 1 */
    char *bytes;
    int64_t used, capacity;
};

/* Which cell of a record feeds which field. */
struct mls_feed {
    int64_t cell;
    int64_t field;
};

struct mls_reader {
    struct mls_read_options options;
    const struct mls_run *run;
    struct mls_scan *scan;
    const char *name;               /* of the file, for errors */
    struct mls_missing missing;
    char decimal;
    bool numbers_as_names;          /* the header may be a row */
    int64_t width;                  /* cells of a record */
    int64_t data_start, data_line;  /* where the first data record is */

    struct mls_schema schema;
    struct mls_feed *feeds;         /* by cell, ascending */
    int64_t feed_count;
    int64_t *absent;                /* fields without a cell */
    int64_t absent_count;

    struct mls_stream *stream;      /* the fast way, when it fits; or NULL */
    struct mls_record pending;      /* read ahead; cells NULL when none */
    int64_t records;                /* data records so far, bad ones too */
    int64_t expected;               /* rows, when read before; else -1 */
    struct mls_read_counts counts;

    int64_t block_rows;
    struct mls_text_stage *stages;  /* one per field, empty unless TEXT */
};

/* A data record that passed the check of its width. */
struct mls_row {
    struct mls_record record;       /* cells NULL at the end */
    bool skipped;                   /* kept as all missing */
};
MLS_CHECK bool mls_reader_row(struct mls_reader *r, struct mls_row *row,
                              struct mls_error *err);
/* The cell, or an empty one when the row is too short (padded). */
static inline struct mls_cell mls_row_cell(const struct mls_row *row,
                                           int64_t i)
{
    if (row->skipped || i >= row->record.count)
        return (struct mls_cell){ "", 0 };
    return row->record.cells[i];
}

/* Opens as mls_reader_open does, and when no schema is given reads the rows in
 * the fast way: then *done is true, table holds them, and the reader is good for
 * its schema, dialect and counts only. */
MLS_CHECK struct mls_reader *
mls_reader_open_table(const char *path,
                      const struct mls_read_options *options,
                      const struct mls_run *run, struct mls_table *table,
                      bool *done, struct mls_error *err);

/* Nobody computes with these columns of a fitted pipeline (groups and times say
 * how training rows were dealt): what is in them cannot be wrong. */
static inline bool mls_role_is_lenient(enum mls_role role)
{
    return role == MLS_ROLE_IGNORED || role == MLS_ROLE_ID
        || role == MLS_ROLE_GROUP || role == MLS_ROLE_TIME;
}

/* Back to the first data record. */
MLS_CHECK bool mls_reader_restart(struct mls_reader *r, struct mls_error *err);

/* Reads up to block_rows rows into a new block, or NULL at the end. */
MLS_CHECK bool mls_convert_block(struct mls_reader *r,
                                 struct mls_block **block,
                                 struct mls_error *err);
void mls_convert_clear(struct mls_reader *r);

/* Fails with "TEXT" WHY at a cell.  option is the kind of cure beside --na
 * ("--categorical"), or NULL. */
bool mls_reader_fail_cell(const struct mls_reader *r, struct mls_error *err,
                          int64_t line, int64_t row, const char *column,
                          const char *text, const char *why,
                          const char *option);

#endif
