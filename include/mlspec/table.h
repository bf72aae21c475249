/*
 * Tables: blocks of typed columns, read from CSV and written to it.
 *
 *   file ── mls_reader ── block, block, block ── mls_writer ── file
 *                              │
 *                          mls_table (all of them)
 */
#ifndef MLSPEC_TABLE_H
#define MLSPEC_TABLE_H

#include "mlspec/params.h"
#include "mlspec/run.h"
#include "mlspec/schema.h"

#define MLS_BLOCK_ROWS 16384        /* the most a block holds */
#define MLS_TIME_MISSING INT64_MIN
#define MLS_COLUMNS_LIMIT 1000000

/* How a column's cells lie in memory. */
enum mls_storage {
    MLS_STORE_REAL = 1, /* REAL, INTEGER */
    MLS_STORE_CODE,     /* BOOLEAN, CATEGORY */
    MLS_STORE_TIME,     /* DATE */
    MLS_STORE_TEXT,     /* TEXT: missing is the empty text */
    MLS_STORE_SPARSE    /* REAL, made by steps: all cells not named are 0 */
};

/* One column of one block.  Immutable once its block is handed on; shared by
 * reference count, so that a step passes on what it does not change. */
struct mls_column {
    enum mls_storage storage;
    int64_t rows;
    int64_t references;             /* atomic, private */
    struct mls_slab *slab;          /* private: holds the array, or NULL */
    union {
        double *real;
        uint32_t *code;
        int64_t *time;
        struct {
            int64_t *offset;        /* rows + 1 */
            char *bytes;
        } text;
        struct {
            int64_t count;          /* non-zeros */
            uint16_t *row;          /* ascending */
            double *value;          /* NULL: all are 1 */
        } sparse;
    };
};

/* A new column of rows cells (SPARSE: room for count non-zeros, with values or
 * without; TEXT: count bytes), uninitialised. */
MLS_API MLS_CHECK struct mls_column *
mls_column_new(enum mls_storage storage, int64_t rows, int64_t count,
               bool with_values, struct mls_error *err);
MLS_API struct mls_column *mls_column_share(struct mls_column *column);
MLS_API void mls_column_free(struct mls_column *column); /* drops a share */
/* Cells as doubles: REAL as they are, SPARSE spread out, CODE as numbers with
 * NaN for missing, TIME as seconds with NaN.  Not TEXT. */
MLS_API void mls_column_reals(const struct mls_column *column, double *out);

struct mls_block {
    int64_t first_row;              /* of the table, from 0 */
    int64_t rows;
    int64_t column_count;
    struct mls_column **columns;    /* in the order of the schema */
    int64_t *line;                  /* line of each record, or NULL */
    uint8_t *skipped;               /* bad rows kept as all missing, or NULL */
};
MLS_API MLS_CHECK struct mls_block *mls_block_new(int64_t rows,
                                                  int64_t column_count,
                                                  struct mls_error *err);
MLS_API void mls_block_free(struct mls_block *block);

enum mls_bad_rows { MLS_BAD_ERROR, MLS_BAD_SKIP, MLS_BAD_PAD };

/* The CSV dialect: 0 or NULL means sniffed or default. */
struct mls_dialect {
    char delimiter;                 /* , ; tab | or any single byte */
    char quote;                     /* default " */
    char escape;                    /* default none; doubling always works */
    char comment;                   /* default none: lines starting with it */
    int64_t skip_rows;              /* lines before the header */
    bool no_header;                 /* columns are named c1, c2, ... */
    char decimal;                   /* '.' or ','; default sniffed with ; */
    const char *na;                 /* CSV record of missing tokens to add */
};

struct mls_read_options {
    struct mls_dialect dialect;
    enum mls_bad_rows bad_rows;
    bool keep_skipped;              /* skipped rows stay, flagged (predict) */
    /* COLUMNS records overriding kinds; NULL none. */
    const char *categorical, *numeric, *text;
    const char *schema_file;        /* kinds and roles as describe wrote them */
    /* Columns already known: matched by name in any order, extra ones ignored,
     * no inference.  Fields whose role is not FEATURE or OFFSET may be absent
     * unless need_all (IGNORED ones always): an absent one reads as all missing.  In
     * IGNORED and ID fields a wrong cell or unseen level is missing without
     * being counted; read them as TEXT to keep their cells.  Borrowed until
     * close. */
    const struct mls_schema *schema;
    bool need_all;
    bool keep_extra;                /* with schema: columns that it does not
                                     * know are read as TEXT and appended */
    bool unknown_is_error;          /* with schema: an unseen level fails */
    bool list_errors;               /* describe: a wrong cell counts as missing
                                     * and in wrong_cells instead of failing */
    int64_t block_rows;             /* 0: MLS_BLOCK_ROWS, fewer when wide */
};

/* What a reader met, for reports. */
#define MLS_WRONG_LISTED 5
struct mls_wrong_cell {
    int64_t line, row;              /* of the file; the record, from 1 */
    int64_t field;                  /* position in the schema */
    char text[40];                  /* made safe to print, cut */
};

struct mls_read_counts {
    int64_t rows, skipped_rows, padded_rows;
    int64_t unknown;                /* unseen levels read as missing */
    int64_t wrong_cells;            /* with list_errors */
    struct mls_wrong_cell wrong[MLS_WRONG_LISTED]; /* the first of them */
    int64_t extra_columns;
    int64_t bytes;
};

/* The missing tokens that need no option, NULL-terminated, for the help.  The
 * empty cell is missing too and not listed. */
MLS_API extern const char *const mls_missing_tokens[];

struct mls_reader;

/* Opens and, without a schema, reads all of it once to infer kinds (stdin and
 * FIFOs are spooled).  options is copied; what it points to is not. */
MLS_API MLS_CHECK struct mls_reader *
mls_reader_open(const char *path, const struct mls_read_options *options,
                const struct mls_run *run, struct mls_error *err);
MLS_API const struct mls_schema *mls_reader_schema(const struct mls_reader *r);
/* The dialect in use, all fields filled. */
MLS_API const struct mls_dialect *
mls_reader_dialect(const struct mls_reader *r);
MLS_API const struct mls_read_counts *
mls_reader_counts(const struct mls_reader *r);
/* Which column of the file (from 0) field i is read from; -1: absent. */
MLS_API int64_t mls_reader_position(const struct mls_reader *r, int64_t field);
/* *block receives a new block, or NULL at the end. */
MLS_API MLS_CHECK bool mls_reader_next(struct mls_reader *r,
                                       struct mls_block **block,
                                       struct mls_error *err);
/* Fails for stdin and FIFOs read with a schema: they are not kept. */
MLS_API MLS_CHECK bool mls_reader_rewind(struct mls_reader *r,
                                         struct mls_error *err);
MLS_API void mls_reader_close(struct mls_reader *r);

struct mls_table {
    char *name;                     /* of the file, for errors */
    struct mls_schema schema;
    struct mls_block **blocks;
    int64_t block_count, block_capacity;
    int64_t rows;
    bool unnumbered;                /* row i is not record i of the file */
    struct mls_dialect dialect;     /* as read; na is NULL */
    struct mls_read_counts counts;
};

MLS_API MLS_CHECK bool mls_table_read(const char *path,
                                      const struct mls_read_options *options,
                                      const struct mls_run *run,
                                      struct mls_table *table,
                                      struct mls_error *err);
MLS_API void mls_table_clear(struct mls_table *table);
/* Takes the block. */
MLS_API MLS_CHECK bool mls_table_append(struct mls_table *table,
                                        struct mls_block *block,
                                        struct mls_error *err);
/* A table of the given rows in the given order (ascending or not); lines stay
 * those of the file. */
MLS_API MLS_CHECK bool mls_table_take(const struct mls_table *from,
                                      const int64_t *rows, int64_t count,
                                      struct mls_table *to,
                                      struct mls_error *err);
/* Cells [first, first + count) of a column as doubles (mls_column_reals). */
MLS_API void mls_table_reals(const struct mls_table *table, int64_t column,
                             int64_t first, int64_t count, double *out);
/* The file's line of a row (0 unknown), and an error's place for a cell:
 * returns false like mls_fail_at. */
MLS_API int64_t mls_table_line(const struct mls_table *table, int64_t row);
MLS_API bool mls_table_fail_at(const struct mls_table *table, int64_t row,
                               int64_t column, struct mls_error *err);

/* Sets roles; NULL leaves them.  An unknown column, or one named twice, is
 * MLS_USAGE, and so is a target (weight, offset, group, time) when another column has
 * that role.  A role given here replaces the one that inference chose. */
struct mls_roles {
    const char *target, *weight, *offset;       /* one column's name each */
    const char *group, *time;
    const char *id, *ignore;                    /* COLUMNS records */
};
MLS_API MLS_CHECK bool mls_schema_set_roles(struct mls_schema *schema,
                                            const struct mls_roles *roles,
                                            struct mls_error *err);

/* Writes CSV: shortest numbers, quotes only where needed (delimiter, quote,
 * CR, LF, outer spaces; a lone empty cell of a one-column table), LF.
 * Columns whose role is IGNORED are written too.  path "-" is stdout. */
struct mls_writer;
MLS_API MLS_CHECK struct mls_writer *
mls_writer_open(const char *path, const struct mls_schema *schema,
                const struct mls_dialect *dialect, struct mls_error *err);
MLS_API MLS_CHECK bool mls_writer_block(struct mls_writer *w,
                                        const struct mls_block *block,
                                        struct mls_error *err);
/* Several blocks, by all threads of run (NULL: one); the bytes are the same.
 * Needs memory for a few MB of text a thread at most. */
MLS_API MLS_CHECK bool mls_writer_blocks(struct mls_writer *w,
                                         struct mls_block *const *blocks,
                                         int64_t count,
                                         const struct mls_run *run,
                                         struct mls_error *err);
/* Completes the file (rename) and frees, also on failure. */
MLS_API MLS_CHECK bool mls_writer_close(struct mls_writer *w,
                                        struct mls_error *err);
MLS_API void mls_writer_abort(struct mls_writer *w);

#endif
