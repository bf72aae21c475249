/*
 * Reduction over rows whose result does not depend on the number of threads or
 * ranks: rows are cut into chunks of chunk_rows, map makes one partial result a
 * chunk, and partials are folded over the fixed binary tree of chunk numbers
 * (0+1, 2+3, then (0+1)+(2+3), ...).  At most threads + log2(chunks) partials
 * are alive.  The seam for many machines: with one rank it is a local loop.
 */
#ifndef MLS_BASE_REDUCE_H
#define MLS_BASE_REDUCE_H

#include "mlspec/run.h"

/*
 * rows    any number >= 0; with 0 rows map is called once with count 0
 * bytes   size of a partial, which is zeroed before map
 * map     fills partial from rows [first, first + count)
 * fold    into = into (+) from; cannot fail
 * out     receives the whole (bytes)
 */
struct mls_reduce_job {
    int64_t rows, chunk_rows;
    size_t bytes;
    bool (*map)(void *context, int64_t first, int64_t count, void *partial,
                struct mls_error *err);
    void (*fold)(void *context, void *into, const void *from);
    void *context;
};
MLS_CHECK bool mls_reduce(const struct mls_run *run,
                          const struct mls_reduce_job *job, void *out,
                          struct mls_error *err);

#endif
