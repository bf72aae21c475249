/*
 * Where cells end: the positions of delimiters and line ends outside quotes,
 * found 64 bytes at a time.  Hot loops only; see csv_chunk.c for their use.
 */
#ifndef MLS_TABLE_CSV_INDEX_H
#define MLS_TABLE_CSV_INDEX_H

#include <stdbool.h>
#include <stdint.h>

/* How far the loops may use the processor.  Every level gives the same. */
enum mls_simd { MLS_SIMD_NONE, MLS_SIMD_AVX2, MLS_SIMD_AVX512 };

/* The best level that this processor has. */
enum mls_simd mls_simd_best(void);

/* Bytes that may be read, but mean nothing, on both sides of those indexed. */
#define MLS_INDEX_MARGIN 64

/* What is carried from one piece to the next, and what was met. */
struct mls_index_state {
    uint64_t inside;        /* all ones inside quotes */
    uint64_t may_open;      /* 1: a quote may open at the next byte */
    int64_t line_ends;      /* positions that are line ends */
    int64_t quotes;         /* quotes met */
    bool inner_lines;       /* a line end inside quotes was met */
    bool stray;             /* a quote opened inside a bare cell */
    bool high;              /* a byte past ASCII */
    bool nul;
    bool cr;
};

/* Before the first byte of a record. */
#define MLS_INDEX_START ((struct mls_index_state){ .may_open = 1 })

/*
 * Appends to positions, for each delimiter and line end outside quotes in
 * bytes[from, to), its index.  The line end of CRLF is its LF; a CR alone is
 * one.  A CR at to - 1 is judged by the byte at to.  positions has room for
 * to - from + 16.  Returns how many were added.
 */
typedef int64_t mls_index_fn(const char *bytes, int64_t from, int64_t to,
                             char delimiter, char quote, uint32_t *positions,
                             struct mls_index_state *state);
/* Line ends in bytes[from, to), quotes or not; judged as above. */
typedef int64_t mls_count_lines_fn(const char *bytes, int64_t from,
                                   int64_t to);

mls_index_fn *mls_index_of(enum mls_simd simd);
mls_count_lines_fn *mls_count_lines_of(enum mls_simd simd);

#endif
