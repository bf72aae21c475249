/*
 * One chunk of a CSV file to blocks of typed columns, in one pass, by one
 * thread.  What the fast path does not know how to read it calls odd: then the
 * record is read again by reader.c, which knows all the rules and messages.
 */
#ifndef MLS_TABLE_CSV_CHUNK_H
#define MLS_TABLE_CSV_CHUNK_H

#include "table/csv_levels.h"
#include "table/csv_reals.h"
#include "table/reader.h"

/* A table of levels that has grown past one of these gets no more chunks: the
 * rest go to a new one, so that strings can be freed as they are used up. */
#define MLS_LEVELS_LIMIT (1 << 16)
#define MLS_LEVELS_BYTES (4 << 20)

#define MLS_SIZE_UNKNOWN INT64_MAX

/* What is made of a cell. */
enum mls_take {
    MLS_TAKE_NOTHING,
    MLS_TAKE_REAL,
    MLS_TAKE_TIME,
    MLS_TAKE_CODE,              /* its number among the levels met */
    MLS_TAKE_TEXT
};

/* One column of the file. */
struct mls_wish {
    enum mls_take take;
    enum mls_date_form form;    /* TIME */
    int64_t field;              /* column of the blocks */
    bool lenient;               /* a wrong cell or unseen level is missing */
    bool counts_wrong;          /* the same, and counted */
    bool fails_unknown;         /* an unseen level is an error */
    const struct mls_dictionary *dictionary;    /* CODE: known, or NULL */
};

/* What a chunk's cells of one column were. */
struct mls_tally {
    int64_t missing, numbers, integers;
    int64_t words;              /* neither; wrong cells of dates */
    int64_t unknown;            /* levels that the dictionary lacks */
    double first;               /* number */
    uint64_t first_hash;        /* TIME: of the first cell */
    bool zeros, huge, varies, sequence;
    bool has_time;
    uint8_t dates;              /* TIME: forms that fit all cells */
};

/* Shared by all threads, which only read it. */
struct mls_csv {
    const struct mls_reader *reader;
    struct mls_input *input;
    int64_t size;               /* of the input; MLS_SIZE_UNKNOWN as yet */
    int64_t available;          /* bytes of it that can be read now */
    int64_t data_start;         /* of the first data record */
    int64_t width;
    char delimiter, quote, decimal;
    int64_t piece;              /* bytes indexed at a time */
    int64_t block_rows;
    int64_t levels_limit;       /* of a table of levels that gets more chunks */
    bool with_lines;
    bool slabs;                 /* many columns come: see block.h */
    struct mls_wish *wishes;    /* width */
    int64_t column_count;       /* of the blocks */
    mls_index_fn *index;
    mls_count_lines_fn *count_lines;
    mls_reals_fn *reals;
};

/* The part of the input [begin, end): the records that start in it. */
struct mls_chunk {
    int64_t begin, end;
    int64_t start;              /* its first record; -1 not known */
    int64_t next;               /* the first record behind it */
    bool odd;
    bool starved;               /* it needs bytes that are not available */
    int64_t rows, lines;
    int64_t first_line;         /* of the file; filled by who knows it */
    struct mls_block **blocks;  /* lines are counted from the chunk's first */
    int64_t block_count, block_capacity;
    struct mls_tally *tallies;  /* width */
    struct mls_levels **levels; /* width; of CODE: borrowed from the worker */
};

/* The scratch of one thread. */
struct mls_csv_worker {
    char *buffer;
    int64_t capacity;
    uint32_t *positions;
    int64_t position_capacity;
    uint32_t *before, *at, *hard;
    int64_t row_capacity;       /* of these three */
    char *scratch;              /* a cell without its quotes */
    int64_t scratch_capacity;
    struct mls_levels **levels; /* width; heads of lists, newest first */
    struct mls_slab *slab;
};

MLS_CHECK bool mls_chunk_read(const struct mls_csv *csv,
                              struct mls_chunk *chunk,
                              struct mls_csv_worker *worker,
                              struct mls_error *err);
/* Frees what a reading made; begin and end stay. */
void mls_chunk_clear(struct mls_chunk *chunk, int64_t width);
void mls_csv_worker_clear(struct mls_csv_worker *worker, int64_t width);

#endif
