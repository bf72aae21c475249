/*
 * An input that comes in order is fetched by one thread while the others read
 * the chunks before:
 *
 *     dropped | chunk chunk chunk chunk | margin | being fetched |
 *                                                ^available      ^to
 *
 * Fetching is the first task of a batch, for it takes the longest when bytes
 * must be unpacked.  So a pipe or a compressed file costs no more time than its
 * slower half, and memory is two batches.  Chunks are cut as they are in a file
 * that can be read anywhere, and give the same blocks.
 */
#include "table/csv_ahead.h"

struct ahead {
    struct mls_csv *csv;
    int64_t to, first;
    bool fetches;
    bool failed;                /* told again to whoever needs the bytes */
    mls_task *task;
    void *context;
};

static bool step(void *ahead, int64_t i, struct mls_error *err)
{
    struct ahead *a = ahead;

    if (a->fetches && i == 0) {
        struct mls_error ignored;

        a->failed = !mls_input_fetch(a->csv->input, a->to, &ignored);
        return true;
    }
    return a->task(a->context, a->first + i - a->fetches, err);
}

static void look(struct mls_csv *csv)
{
    bool ended;

    csv->available = mls_input_kept(csv->input, &ended);
    if (ended)
        csv->size = csv->available;
}

bool mls_ahead_run(struct mls_csv *csv, const struct mls_run *run, int64_t to,
                   int64_t first, int64_t count, mls_task *task, void *context,
                   struct mls_error *err)
{
    struct ahead a = { .csv = csv, .to = to, .first = first, .task = task,
                       .context = context };
    bool ok;

    if (mls_input_is_direct(csv->input))
        return mls_parallel(run, count, step, &a, err);
    a.fetches = csv->available < csv->size;
    if (count == 0)
        ok = mls_input_fetch(csv->input, to, err);
    else
        ok = mls_parallel(run, count + a.fetches, step, &a, err);
    look(csv);
    return ok && (run == NULL || mls_run_go_on(run, err));
}

bool mls_ahead_feed(struct mls_csv *csv, const struct mls_chunk *chunk,
                    struct mls_error *err)
{
    int64_t more = csv->available - chunk->begin;

    more = more > MLS_AHEAD_MARGIN ? more : MLS_AHEAD_MARGIN;
    if (!mls_input_fetch(csv->input, csv->available + more, err))
        return false;
    look(csv);
    return true;
}
