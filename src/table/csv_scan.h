/*
 * From bytes to records and cells: the correct, single-threaded scanner.  It
 * finds records, counts physical lines, detects errors of the dialect, and
 * splits plain records itself; records that hold quotes are split by libcsv.
 */
#ifndef MLS_TABLE_CSV_SCAN_H
#define MLS_TABLE_CSV_SCAN_H

#include "base/file.h"
#include "mlspec/table.h"

#define MLS_CELL_LIMIT (1LL << 30)  /* bytes of the longest record */

struct mls_cell {
    const char *bytes;          /* into the scanner's buffers, until next */
    int64_t length;
};

struct mls_record {
    struct mls_cell *cells;
    int64_t count;
    int64_t line;               /* physical line where the record starts */
};

struct mls_scan;

/* Takes input, also on failure, and reads its first bytes: what the given
 * dialect leaves open is sniffed from them (mls_sniff, names as there).  Skips
 * a UTF-8 mark, skip_rows lines and comments.  Refuses an empty file, UTF-16,
 * NUL bytes, invalid UTF-8 (MLS_DATA with line). */
MLS_CHECK struct mls_scan *mls_scan_new(struct mls_input *input,
                                        const struct mls_dialect *given,
                                        const struct mls_schema *names,
                                        struct mls_error *err);
/* *record.cells is NULL at the end.  Blank lines are skipped (in a table of
 * one column they are a missing cell).  Text after a closing quote and an
 * unclosed quote are MLS_DATA at the line where the record starts. */
MLS_CHECK bool mls_scan_next(struct mls_scan *scan, struct mls_record *record,
                             struct mls_error *err);
MLS_CHECK bool mls_scan_rewind(struct mls_scan *scan, struct mls_error *err);
void mls_scan_free(struct mls_scan *scan);
struct mls_input *mls_scan_input(struct mls_scan *scan);
/* The dialect in use, complete. */
const struct mls_dialect *mls_scan_dialect(const struct mls_scan *scan);
/* Bytes of the table scanned so far. */
int64_t mls_scan_bytes(const struct mls_scan *scan);
/* Line of the byte behind them. */
int64_t mls_scan_line(const struct mls_scan *scan);

/* Completes a dialect from the first bytes of a file (up to 1 MB).  names
 * (may be NULL): with a schema, the dialect under which its names appear. */
MLS_CHECK bool mls_sniff(const char *bytes, size_t length,
                         const struct mls_dialect *given,
                         const struct mls_schema *names,
                         struct mls_dialect *dialect, struct mls_error *err);

#endif
