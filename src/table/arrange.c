/*
 * Columns are shared by reference count, so that another order of columns
 * costs one array of pointers a block and no copy of a cell.
 */
#include "table/arrange.h"

#include "base/memory.h"

struct mls_block *mls_block_arrange(const struct mls_block *from,
                                    const int64_t *positions, int64_t count,
                                    struct mls_error *err)
{
    struct mls_block *block = mls_block_new(from->rows, count, err);

    if (!block)
        return NULL;
    block->first_row = from->first_row;
    for (int64_t i = 0; i < count; i++)
        block->columns[i] = mls_column_share(from->columns[positions[i]]);
    if (from->line) {
        block->line = mls_new_array(from->rows, sizeof *block->line, err);
        if (!block->line)
            goto fail;
        memcpy(block->line, from->line,
               (size_t)from->rows * sizeof *block->line);
    }
    if (from->skipped) {
        block->skipped = mls_new_array(from->rows, 1, err);
        if (!block->skipped)
            goto fail;
        memcpy(block->skipped, from->skipped, (size_t)from->rows);
    }
    return block;

fail:
    mls_block_free(block);
    return NULL;
}

bool mls_table_arrange(const struct mls_table *from, const int64_t *positions,
                       int64_t count, struct mls_table *to,
                       struct mls_error *err)
{
    if (from->name) {
        to->name = mls_copy_text(from->name, err);
        if (!to->name)
            return false;
    }
    to->dialect = from->dialect;
    to->dialect.na = NULL;
    to->counts = from->counts;
    to->unnumbered = from->unnumbered;
    for (int64_t i = 0; i < count; i++)
        if (!mls_schema_add(&to->schema, &from->schema.fields[positions[i]],
                            err))
            return false;
    for (int64_t b = 0; b < from->block_count; b++) {
        struct mls_block *block =
            mls_block_arrange(from->blocks[b], positions, count, err);
        if (!block || !mls_table_append(to, block, err))
            return false;
    }
    return true;
}

struct named {
    const char *name;
    int64_t at;
};

static int by_name(const void *a_, const void *b_)
{
    const struct named *a = a_, *b = b_;

    return strcmp(a->name, b->name);
}

int64_t *mls_schema_order(const struct mls_schema *schema,
                          struct mls_error *err)
{
    int64_t n = schema->count;
    struct named *named = mls_new(n, sizeof *named, err);
    int64_t *order = named ? mls_new(n, sizeof *order, err) : NULL;

    if (order) {
        for (int64_t i = 0; i < n; i++)
            named[i] = (struct named){ schema->fields[i].name, i };
        if (n > 1)
            qsort(named, (size_t)n, sizeof *named, by_name);
        for (int64_t i = 0; i < n; i++)
            order[i] = named[i].at;
    }
    mls_free(named);
    return order;
}

void mls_table_drop_cells(struct mls_table *table)
{
    for (int64_t b = 0; b < table->block_count; b++)
        mls_block_free(table->blocks[b]);
    table->block_count = 0;
    table->rows = 0;
}
