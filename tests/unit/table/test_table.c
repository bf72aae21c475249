#include "test.h"

#include "base/text.h"
#include "files.h"

enum { ROWS = 40000 };

static void read_rows(struct mls_table *table)
{
    struct mls_text text = { 0 };
    const struct mls_read_options options = { .text = "t",
                                              .block_rows = 1500 };

    mls_text_add(&text, "r,c,d,t\n");
    for (int i = 0; i < ROWS; i++) {
        if (i % 10 == 0)
            mls_text_add(&text, "\n"); /* so that lines are not rows */
        mls_text_format(&text, "%d.5,%c,2024-01-%02d,text %d\n", i,
                        'a' + i % 5, 1 + i % 28, i);
    }
    must_read(text.bytes, &options, table);
    mls_text_clear(&text);
}

/* Row of the taken table equals row i of the file. */
static void check_row(const struct mls_table *table, int64_t row, int64_t i)
{
    const struct mls_block *block = table->blocks[row / MLS_BLOCK_ROWS];
    const struct mls_column *text = block->columns[3];
    int64_t at = row % MLS_BLOCK_ROWS;
    char level[2] = { (char)('a' + i % 5), '\0' }, expected[32];

    assert_true(real_at(table, "r", row) == (double)i + 0.5);
    assert_string_equal(level_at(table, "c", row), level);
    assert_true(real_at(table, "d", row)
                == 1704067200 + 86400.0 * (double)(i % 28));
    snprintf(expected, sizeof(expected), "text %d", (int)i);
    assert_int_equal(text->text.offset[at + 1] - text->text.offset[at],
                     strlen(expected));
    assert_memory_equal(text->text.bytes + text->text.offset[at], expected,
                        strlen(expected));
    assert_int_equal(mls_table_line(table, row), 2 + i + i / 10 + 1);
}

static void rows_can_be_taken_in_any_order(void **state)
{
    enum { TAKEN = 20000 };
    struct mls_error err = { 0 };
    struct mls_table table, taken;
    int64_t *rows = malloc(TAKEN * sizeof(*rows));

    (void)state;
    assert_non_null(rows);
    read_rows(&table);
    assert_int_equal(table.block_count, (ROWS + 1499) / 1500);
    for (int64_t i = 0; i < TAKEN; i++)
        rows[i] = i * 7919 % ROWS;
    assert_true(mls_table_take(&table, rows, TAKEN, &taken, &err));
    assert_int_equal(taken.rows, TAKEN);
    assert_int_equal(taken.block_count, 2);
    assert_string_equal(taken.name, table.name);
    for (int64_t i = 0; i < TAKEN; i += 37)
        check_row(&taken, i, rows[i]);
    check_row(&taken, TAKEN - 1, rows[TAKEN - 1]);
    mls_fail(&err, MLS_DATA, "bad");
    mls_table_fail_at(&taken, 3, 0, &err);
    assert_int_equal(err.row, 0);
    assert_int_equal(err.line, mls_table_line(&taken, 3));
    mls_table_clear(&taken);

    assert_true(mls_table_take(&table, rows, 0, &taken, &err));
    assert_int_equal(taken.rows, 0);
    assert_int_equal(taken.schema.count, 4);
    mls_table_clear(&taken);
    mls_table_clear(&table);
    free(rows);
}

static void a_place_is_named_by_file_line_row_and_column(void **state)
{
    struct mls_error err = { 0 };
    struct mls_table table;

    (void)state;
    read_rows(&table);
    mls_fail(&err, MLS_DATA, "bad");
    assert_false(mls_table_fail_at(&table, 1502, 1, &err));
    assert_int_equal(err.row, 1503);
    assert_int_equal(err.line, 2 + 1502 + 1502 / 10 + 1);
    assert_string_equal(err.column, "c");
    assert_string_equal(err.file, table.name);
    assert_int_equal(mls_table_line(&table, ROWS), 0);
    assert_int_equal(mls_table_line(&table, -1), 0);
    mls_table_clear(&table);
}

static void cells_are_seen_as_doubles_across_blocks(void **state)
{
    struct mls_table table;
    double *x = malloc(ROWS * sizeof(*x));

    (void)state;
    assert_non_null(x);
    read_rows(&table);
    mls_table_reals(&table, 0, 0, ROWS, x);
    for (int i = 0; i < ROWS; i++)
        assert_true(x[i] == i + 0.5);
    mls_table_reals(&table, 1, 1400, 3300, x);
    for (int i = 0; i < 3300; i++)
        assert_true(x[i] == (1400 + i) % 5);
    mls_table_reals(&table, 0, ROWS, 0, x);
    mls_table_clear(&table);
    free(x);
}

static void sparse_columns_are_spread_and_taken(void **state)
{
    char name[] = "s";
    struct mls_field field = { .name = name, .kind = MLS_KIND_REAL };
    const int64_t rows[] = { 5, 1, 4, 0, 1 };
    const double expected[] = { 0, 1, -2, 0, 1 };
    struct mls_error err = { 0 };
    struct mls_table table = { 0 }, taken;
    double x[6];

    (void)state;
    assert_true(mls_schema_add(&table.schema, &field, &err));
    for (int i = 0; i < 2; i++) { /* 0 1 0 | 0 -2 0 */
        struct mls_block *block = mls_block_new(3, 1, &err);

        assert_non_null(block);
        block->columns[0] =
            mls_column_new(MLS_STORE_SPARSE, 3, 1, i == 1, &err);
        block->columns[0]->sparse.row[0] = 1;
        if (i == 1)
            block->columns[0]->sparse.value[0] = -2;
        assert_true(mls_table_append(&table, block, &err));
    }
    mls_table_reals(&table, 0, 0, 6, x);
    assert_true(x[0] == 0 && x[1] == 1 && x[2] == 0 && x[4] == -2);
    mls_table_reals(&table, 0, 1, 4, x);
    assert_true(x[0] == 1 && x[1] == 0 && x[2] == 0 && x[3] == -2);
    assert_true(mls_table_take(&table, rows, 5, &taken, &err));
    assert_int_equal(taken.blocks[0]->columns[0]->sparse.count, 3);
    mls_table_reals(&taken, 0, 0, 5, x);
    assert_memory_equal(x, expected, sizeof(expected));
    mls_table_clear(&taken);
    mls_table_clear(&table);
}

static void missing_cells_are_nan(void **state)
{
    struct mls_table table;

    (void)state;
    must_read("r,c,d\n1,x,2024-05-31\n,,\n2,y,2024-06-01T00:00:00.25\n", NULL,
              &table);
    assert_true(isnan(real_at(&table, "r", 1)));
    assert_true(isnan(real_at(&table, "c", 1)));
    assert_true(isnan(real_at(&table, "d", 1)));
    assert_true(real_at(&table, "d", 2) == 1717200000.25);
    mls_table_clear(&table);
    mls_table_clear(&table);
    mls_table_clear(NULL);
}

static void a_shared_column_lives_as_long_as_its_last_holder(void **state)
{
    struct mls_error err = { 0 };
    struct mls_block *a = mls_block_new(2, 1, &err);
    struct mls_block *b = mls_block_new(2, 1, &err);

    (void)state;
    assert_true(a != NULL && b != NULL);
    a->columns[0] = mls_column_new(MLS_STORE_REAL, 2, 0, false, &err);
    a->columns[0]->real[1] = 7;
    b->columns[0] = mls_column_share(a->columns[0]);
    mls_block_free(a);
    assert_true(b->columns[0]->real[1] == 7);
    mls_block_free(b);
    mls_block_free(NULL);
    mls_column_free(NULL);
}

static void nothing_leaks_when_memory_ends(void **state)
{
    const int64_t rows[] = { 2, 0, 1 };
    struct mls_table table;
    bool done = false;
    int64_t live;

    (void)state;
    must_read("r,c,t\n1,x,one two three four\n,,five six seven eight\n"
              "2,y,nine ten eleven twelve\n",
              NULL, &table);
    live = mls_memory_live();
    for (int64_t n = 1; !done; n++) {
        struct mls_error err = { 0 };
        struct mls_table taken;
        bool ok;

        mls_memory_fail_at(n);
        ok = mls_table_take(&table, rows, 3, &taken, &err);
        done = mls_memory_count() < n;
        mls_memory_fail_at(0);
        if (ok)
            mls_table_clear(&taken);
        else
            assert_int_equal(err.code, MLS_LIMIT);
        assert_true(ok || !done);
        assert_int_equal(mls_memory_live(), live);
    }
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_can_be_taken_in_any_order),
        cmocka_unit_test(a_place_is_named_by_file_line_row_and_column),
        cmocka_unit_test(cells_are_seen_as_doubles_across_blocks),
        cmocka_unit_test(sparse_columns_are_spread_and_taken),
        cmocka_unit_test(missing_cells_are_nan),
        cmocka_unit_test(a_shared_column_lives_as_long_as_its_last_holder),
        cmocka_unit_test(nothing_leaks_when_memory_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
