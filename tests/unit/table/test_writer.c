#include "test.h"

#include "base/file.h"
#include "base/text.h"
#include "files.h"

/* Writes a table to a file and returns what is in it; the caller frees. */
static char *written(const struct mls_table *table,
                     const struct mls_dialect *dialect)
{
    struct test_file file = new_file("old");
    struct mls_error err = { 0 };
    struct mls_writer *w =
        mls_writer_open(file.path, &table->schema, dialect, &err);
    char *text = calloc(1, 65536);
    FILE *in;

    assert_non_null(w);
    assert_non_null(text);
    for (int64_t i = 0; i < table->block_count; i++)
        assert_true(mls_writer_block(w, table->blocks[i], &err));
    assert_true(mls_writer_close(w, &err));
    in = fopen(file.path, "rb");
    assert_non_null(in);
    assert_true(fread(text, 1, 65535, in) < 65535);
    fclose(in);
    remove_file(&file);
    return text;
}

static void check_written(const char *text,
                          const struct mls_read_options *options,
                          const struct mls_dialect *dialect,
                          const char *expected)
{
    struct mls_table table;
    char *out;

    must_read(text, options, &table);
    out = written(&table, dialect);
    assert_string_equal(out, expected);
    free(out);
    mls_table_clear(&table);
}

static void numbers_are_written_in_their_shortest_form(void **state)
{
    (void)state;
    check_written("a,b\n1.50,007\n-0.1,012\n1e23,3\n,4\n", NULL, NULL,
                  "a,b\n1.5,007\n-0.1,012\n1e+23,3\n,4\n");
    check_written("a;b\n1,5;x\n2;y\n", NULL, NULL,
                  "a,b\n1.5,x\n2,y\n");
}

static void quotes_stand_only_where_they_must(void **state)
{
    const struct mls_read_options comment = { .dialect.comment = '#' };
    const struct mls_dialect hash = { .comment = '#' };

    (void)state;
    check_written("\"a\",\"b,c\"\n\"x\",\" y\"\n\"p\"\"q\",\"r\ns\"\nt,u \n",
                  NULL, NULL,
                  "a,\"b,c\"\nx,\" y\"\n\"p\"\"q\",\"r\ns\"\nt,\"u \"\n");
    check_written("a,b\nx;y,1\n\"u,v\",2\n", NULL, &(struct mls_dialect){
                      .delimiter = ';' },
                  "a;b\n\"x;y\";1\nu,v;2\n");
    check_written("a,b\n\"#x\",#y\nz,w\n", &comment, &hash,
                  "a,b\n\"#x\",#y\nz,w\n");
}

static void a_table_of_one_column_quotes_its_empty_cells(void **state)
{
    (void)state;
    check_written("a\n1\n\n3\n", NULL, NULL, "a\n1\n\"\"\n3\n");
    check_written("a\n1\n\"\"\n3\n", NULL, NULL, "a\n1\n\"\"\n3\n");
    check_written("a,b\n1,\n,\n", NULL, NULL, "a,b\n1,\n,\n");
}

static void dates_keep_their_form(void **state)
{
    (void)state;
    check_written("a,b,c\n2024-05-31,31.05.2024,2024-05-31 10:00\n"
                  "2024-06-01,,2024-05-31T10:00:00.5Z\n",
                  NULL, NULL,
                  "a,b,c\n2024-05-31,31/05/2024,2024-05-31T10:00:00\n"
                  "2024-06-01,,2024-05-31T10:00:00.5\n");
}

/* Missing cells, integers, both zeros and long levels by strips and slots; one
 * column more than a strip holds, which is then one row in parts. */
static void strips_change_no_cell(void **state)
{
    static const char *const cells[] = {
        "1.5", "-0", "0", "", "-12345678", "0.0001234", "1e-07", "1e+300",
        "0.30000000000000004", "99999999999999.5", "123456789012345",
        "-0.1", "2097152", "0.5"
    };
    const int kinds = sizeof(cells) / sizeof(*cells);
    static const int widths[] = { 2, 3, 33, 1024, 1025, 2500 };
    struct mls_text text = { 0 };
    struct mls_table table;
    char *out;

    (void)state;
    check_written("d,t\n0001-01-01T00:30:00+01:00,a\n"
                  "9999-12-31T23:30:00-01:00,b\n2024-02-29T01:02:03.25,a\n"
                  ",b\n", NULL, NULL,
                  "d,t\n0000-12-31T23:30:00,a\n10000-01-01T00:30:00,b\n"
                  "2024-02-29T01:02:03.25,a\n,b\n");
    check_written("l,n\n\"a level of more than 31 bytes, with a comma\",1\n"
                  "\"one, short\",2\n\"a level of more than 31 bytes, with a "
                  "comma\",3\n,4\n", NULL, NULL,
                  "l,n\n\"a level of more than 31 bytes, with a comma\",1\n"
                  "\"one, short\",2\n\"a level of more than 31 bytes, with a "
                  "comma\",3\n,4\n");
    for (size_t k = 0; k < sizeof(widths) / sizeof(*widths); k++) {
        for (int row = -1; row < (widths[k] < 100 ? 70 : 2); row++) {
            for (int i = 0; i < widths[k]; i++) {
                if (row < 0)
                    mls_text_format(&text, "c%d", i);
                else
                    mls_text_add(&text, cells[(i + 5 * row) % kinds]);
                mls_text_add(&text, i + 1 < widths[k] ? "," : "\n");
            }
        }
        must_read(text.bytes, NULL, &table);
        out = written(&table, NULL);
        assert_string_equal(out, text.bytes);
        free(out);
        mls_table_clear(&table);
        mls_text_clear(&text);
    }
}

static void a_dialect_is_followed(void **state)
{
    const struct mls_dialect dialect = { .delimiter = ',', .quote = '\'',
                                         .escape = '\\', .decimal = ',',
                                         .no_header = true };

    (void)state;
    check_written("a,b\n1.5,it's\n2,back\\slash\n", NULL, &dialect,
                  "'1,5','it''s'\n2,'back\\\\slash'\n");
}

static void what_is_written_reads_back_the_same(void **state)
{
    static const struct mls_dialect dialects[] = {
        { 0 },
        { .delimiter = ';', .decimal = ',' },
        { .delimiter = '\t', .quote = '\'' },
        { .delimiter = '|', .escape = '\\', .comment = 'r' },
    };
    const char *text =
        "n,i,c,b,d,t\n"
        "0.1,1,red,yes,2024-05-31,\"the, first \"\"of\"\" all\"\n"
        ",2,\"r;e|d\t\",no,,'and' then \\ another\n"
        "-1e-300,3, red ,,2024-06-01T12:30,\"line one\r\nline two or more\"\n"
        "123456789.125,,\"\"\"\",yes,2024-06-02,one more long text\n";

    (void)state;
    for (size_t i = 0; i < sizeof(dialects) / sizeof(*dialects); i++) {
        struct mls_read_options options = { .dialect = dialects[i] };
        struct mls_table first, second;
        char *out, *again;

        must_read(text, NULL, &first);
        assert_int_equal(first.schema.fields[5].kind, MLS_KIND_TEXT);
        out = written(&first, &dialects[i]);
        must_read(out, &options, &second);
        again = written(&second, &dialects[i]);
        assert_string_equal(out, again);
        assert_int_equal(second.rows, 4);
        for (int64_t c = 0; c < 6; c++) {
            const struct mls_column *a = first.blocks[0]->columns[c];
            const struct mls_column *b = second.blocks[0]->columns[c];

            assert_int_equal(first.schema.fields[c].kind,
                             second.schema.fields[c].kind);
            assert_int_equal(a->storage, b->storage);
            if (a->storage == MLS_STORE_TEXT)
                assert_memory_equal(a->text.bytes, b->text.bytes,
                                    (size_t)a->text.offset[4]);
            else if (a->storage == MLS_STORE_REAL)
                assert_memory_equal(a->real, b->real, 4 * sizeof(double));
            else if (a->storage == MLS_STORE_CODE)
                assert_memory_equal(a->code, b->code, 4 * sizeof(uint32_t));
            else
                assert_memory_equal(a->time, b->time, 4 * sizeof(int64_t));
        }
        free(out);
        free(again);
        mls_table_clear(&first);
        mls_table_clear(&second);
    }
}

static void sparse_columns_are_spread(void **state)
{
    char a[] = "a", b[] = "b";
    struct mls_field fields[] = { { .name = a, .kind = MLS_KIND_REAL },
                                  { .name = b, .kind = MLS_KIND_REAL } };
    struct mls_error err = { 0 };
    struct mls_table table = { 0 };
    char *out;

    (void)state;
    assert_true(mls_schema_add(&table.schema, &fields[0], &err));
    assert_true(mls_schema_add(&table.schema, &fields[1], &err));
    for (int i = 0; i < 2; i++) {
        struct mls_block *block = mls_block_new(3, 2, &err);

        assert_non_null(block);
        block->columns[0] =
            mls_column_new(MLS_STORE_SPARSE, 3, 2, true, &err);
        block->columns[1] =
            mls_column_new(MLS_STORE_SPARSE, 3, 1, false, &err);
        block->columns[0]->sparse.row[0] = 0;
        block->columns[0]->sparse.row[1] = 2;
        block->columns[0]->sparse.value[0] = 2.5;
        block->columns[0]->sparse.value[1] = -1;
        block->columns[1]->sparse.row[0] = 1;
        assert_true(mls_table_append(&table, block, &err));
    }
    out = written(&table, NULL);
    assert_string_equal(out, "a,b\n2.5,0\n0,1\n-1,0\n2.5,0\n0,1\n-1,0\n");
    free(out);
    mls_table_clear(&table);
}

/* ---- sparse columns beside the slow way: cell by cell ---- */

static const struct {
    double value;
    const char *text;
} sparse_cells[] = {
    { 1, "1" }, { 1, "1" }, { 0.5, "0.5" }, { -1, "-1" }, { 10, "10" },
    { 0, "0" }, { 1e300, "1e+300" }, { -0.0001234, "-0.0001234" },
    { 123456789.125, "123456789.125" }, { NAN, "" }
};
#define SPARSE_CELLS (sizeof(sparse_cells) / sizeof(*sparse_cells))

/* What stands in row r of column c, -1 for nothing: the same for every way of
 * keeping it.  Every third column holds ones alone, every seventh nothing. */
static int sparse_cell(int64_t r, int64_t c)
{
    uint32_t h = (uint32_t)(r * 2654435761u) ^ (uint32_t)(c * 40503u);

    h ^= h >> 15;
    h *= 2246822519u;
    h ^= h >> 13;
    if (c % 7 == 6 || h % 16 >= (c % 5 == 0 ? 12 : 1))
        return -1;
    return c % 3 == 0 ? 0 : (int)((h >> 8) % SPARSE_CELLS);
}

/* Whether a column stands as numbers in a block: the second has others. */
static bool stands_dense(int64_t c, int block)
{
    return c % 41 == 3 + block;
}

static struct mls_column *spread_column(int64_t first, int64_t rows, int64_t c,
                                        bool dense)
{
    struct mls_error err = { 0 };
    struct mls_column *column;
    int64_t count = 0;

    for (int64_t r = 0; r < rows; r++)
        count += sparse_cell(first + r, c) >= 0;
    column = mls_column_new(dense ? MLS_STORE_REAL : MLS_STORE_SPARSE, rows,
                            count, c % 3 != 0, &err);
    assert_non_null(column);
    count = 0;
    for (int64_t r = 0; r < rows; r++) {
        int cell = sparse_cell(first + r, c);
        double value = cell >= 0 ? sparse_cells[cell].value : 0;

        if (dense) {
            column->real[r] = value;
        } else if (cell >= 0) {
            if (column->sparse.value != NULL)
                column->sparse.value[count] = value;
            column->sparse.row[count++] = (uint16_t)r;
        }
    }
    return column;
}

static void make_spread(int64_t columns, const int64_t *rows, int blocks,
                        struct mls_table *table)
{
    struct mls_error err = { 0 };
    int64_t first = 0;

    *table = (struct mls_table){ 0 };
    for (int64_t c = 0; c < columns; c++) {
        char name[24];
        struct mls_field field = { .name = name, .kind = MLS_KIND_REAL };

        snprintf(name, sizeof(name), "c%lld", (long long)c);
        assert_true(mls_schema_add(&table->schema, &field, &err));
    }
    for (int b = 0; b < blocks; b++) {
        struct mls_block *block = mls_block_new(rows[b], columns, &err);

        assert_non_null(block);
        for (int64_t c = 0; c < columns; c++)
            block->columns[c] =
                spread_column(first, rows[b], c, stands_dense(c, b));
        assert_true(mls_table_append(table, block, &err));
        first += rows[b];
    }
}

/* The slow way.  A cell is quoted that holds the delimiter or stands alone and
 * empty, and the first when it begins with the comment's character. */
static void spread_text(const struct mls_table *table,
                        const struct mls_dialect *dialect,
                        struct mls_text *text)
{
    char delimiter = dialect->delimiter != 0 ? dialect->delimiter : ',';
    int64_t columns = table->schema.count;

    for (int64_t c = 0; c < columns; c++) {
        const char *name = table->schema.fields[c].name;
        const char *quote = strchr(name, delimiter) != NULL ? "\"" : "";

        mls_text_format(text, "%s%s%s%c", quote, name, quote,
                        c + 1 < columns ? delimiter : '\n');
    }
    for (int64_t r = 0; r < table->rows; r++) {
        for (int64_t c = 0; c < columns; c++) {
            int k = sparse_cell(r, c);
            const char *plain = k >= 0 ? sparse_cells[k].text : "0";
            char cell[32];
            bool quoted;

            snprintf(cell, sizeof(cell), "%s", plain);
            for (char *at = cell; *at != '\0'; at++) {
                if (*at == '.' && dialect->decimal != 0)
                    *at = dialect->decimal;
            }
            quoted = strchr(cell, delimiter) != NULL
                || (columns == 1 && cell[0] == '\0')
                || (c == 0 && dialect->comment != 0
                    && cell[0] == dialect->comment);
            mls_text_format(text, "%s%s%s%c", quoted ? "\"" : "", cell,
                            quoted ? "\"" : "",
                            c + 1 < columns ? delimiter : '\n');
        }
    }
}

static void check_spread(const struct mls_table *table,
                         const struct mls_dialect *dialect, int threads)
{
    struct test_file file = new_file("");
    struct mls_error err = { 0 };
    struct mls_text expected = { 0 };
    struct mls_writer *w;
    struct mls_run run;
    size_t length;
    char *bytes;

    spread_text(table, dialect, &expected);
    assert_true(mls_run_init(&run, threads, &err));
    w = mls_writer_open(file.path, &table->schema, dialect, &err);
    assert_non_null(w);
    assert_true(mls_writer_blocks(w, table->blocks, table->block_count, &run,
                                  &err));
    assert_true(mls_writer_close(w, &err));
    bytes = mls_file_read(file.path, 1 << 26, &length, &err);
    assert_non_null(bytes);
    assert_int_equal(length, expected.length);
    assert_memory_equal(bytes, expected.bytes, length);
    mls_free(bytes);
    mls_run_clear(&run);
    mls_text_clear(&expected);
    remove_file(&file);
}

/* One column, runs between others, one run of all, more parts than a strip
 * has, pieces of one row, blocks that go over several batches. */
static void sparse_columns_are_written_as_by_the_slow_way(void **state)
{
    static const struct mls_dialect dialects[] = {
        { 0 },
        { .delimiter = ';', .decimal = ',' },
        { .comment = '0' },
        { .delimiter = '1' },
    };
    static const struct {
        int64_t columns, rows[3];
    } shapes[] = {
        { 1, { 40, 3, 1 } }, { 3, { 900, 0, 30 } }, { 60, { 300, 200, 1 } },
        { 1000, { 40, 20, 5 } }, { 45000, { 2, 1, 1 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        struct mls_table table;

        make_spread(shapes[i].columns, shapes[i].rows, 3, &table);
        for (size_t k = 0; k < sizeof(dialects) / sizeof(*dialects); k++)
            check_spread(&table, &dialects[k], 1 + (int)((i + k) % 3));
        check_spread(&table, &dialects[0], 4);
        mls_table_clear(&table);
    }
}

static void a_sparse_block_goes_over_many_batches(void **state)
{
    static const int64_t rows[] = { 16384, 100 };
    static const struct mls_dialect dialect = { 0 };
    struct mls_table table;

    (void)state;
    make_spread(300, rows, 2, &table);
    check_spread(&table, &dialect, 1);
    check_spread(&table, &dialect, 3);
    mls_table_clear(&table);
}

/* A column of every kind of storage that a file can hold, in many pieces. */
static void read_many_rows(struct mls_table *table)
{
    struct mls_text text = { 0 };

    mls_text_add(&text, "r,i,c,t,w\n");
    for (int i = 0; i < 20000; i++)
        mls_text_format(&text, "%d.%d,%d,level %d,20%02d-01-%02d,"
                        "\"the %d. of many words%s\"\n",
                        i % 37 - 18, i % 1000, i, i % 5, i % 30, i % 28 + 1, i,
                        i % 7 ? "" : ", quoted");
    must_read(text.bytes, NULL, table);
    mls_text_clear(&text);
}

static void any_number_of_threads_writes_the_same_bytes(void **state)
{
    struct mls_table table;
    struct mls_error err = { 0 };
    struct test_file one = new_file(""), many = new_file("");
    struct mls_writer *w;
    struct mls_run run;
    size_t length[2];
    char *bytes[2];

    (void)state;
    read_many_rows(&table);
    assert_int_equal(table.schema.count, 5);
    w = mls_writer_open(one.path, &table.schema, NULL, &err);
    assert_non_null(w);
    for (int64_t i = 0; i < table.block_count; i++)
        assert_true(mls_writer_block(w, table.blocks[i], &err));
    assert_true(mls_writer_close(w, &err));
    bytes[0] = mls_file_read(one.path, 1 << 24, &length[0], &err);
    assert_non_null(bytes[0]);
    assert_true(length[0] > 1000000);
    for (int threads = 1; threads <= 5; threads += 2) {
        assert_true(mls_run_init(&run, threads, &err));
        w = mls_writer_open(many.path, &table.schema, NULL, &err);
        assert_non_null(w);
        assert_true(mls_writer_blocks(w, table.blocks, table.block_count, &run,
                                      &err));
        assert_true(mls_writer_close(w, &err));
        bytes[1] = mls_file_read(many.path, 1 << 24, &length[1], &err);
        assert_non_null(bytes[1]);
        assert_int_equal(length[0], length[1]);
        assert_memory_equal(bytes[0], bytes[1], length[0]);
        mls_free(bytes[1]);
        mls_run_clear(&run);
    }
    mls_free(bytes[0]);
    remove_file(&one);
    remove_file(&many);
    mls_table_clear(&table);
}

static void a_full_disk_is_said_by_any_number_of_threads(void **state)
{
    struct mls_table table;
    struct mls_error err = { 0 };
    struct mls_writer *w;
    struct mls_run run;

    (void)state;
    read_many_rows(&table);
    assert_true(mls_run_init(&run, 3, &err));
    w = mls_writer_open("/dev/full", &table.schema, NULL, &err);
    assert_non_null(w);
    assert_false(mls_writer_blocks(w, table.blocks, table.block_count, &run,
                                   &err));
    assert_int_equal(err.code, MLS_IO);
    mls_writer_abort(w);
    mls_run_clear(&run);
    mls_table_clear(&table);
}

static void an_aborted_file_stays_as_it_was(void **state)
{
    struct test_file file = new_file("old");
    struct mls_error err = { 0 };
    struct mls_table table;
    struct mls_writer *w;
    char text[8] = "";
    FILE *in;

    (void)state;
    must_read("a,b\n1,2\n", NULL, &table);
    w = mls_writer_open(file.path, &table.schema, NULL, &err);
    assert_non_null(w);
    assert_true(mls_writer_block(w, table.blocks[0], &err));
    mls_writer_abort(w);
    mls_writer_abort(NULL);
    in = fopen(file.path, "rb");
    assert_non_null(in);
    assert_int_equal(fread(text, 1, sizeof(text), in), 3);
    fclose(in);
    assert_memory_equal(text, "old", 3);
    remove_file(&file);
    mls_table_clear(&table);
}

static void check_memory_ends(struct mls_table *table)
{
    struct test_file file = new_file("");
    bool done = false;
    int64_t live;

    live = mls_memory_live();
    for (int64_t n = 1; !done; n++) {
        struct mls_error err = { 0 };
        struct mls_writer *w;
        bool ok;

        mls_memory_fail_at(n);
        w = mls_writer_open(file.path, &table->schema, NULL, &err);
        ok = w != NULL && mls_writer_block(w, table->blocks[0], &err);
        if (ok)
            ok = mls_writer_close(w, &err);
        else
            mls_writer_abort(w);
        done = mls_memory_count() < n;
        mls_memory_fail_at(0);
        if (!ok)
            assert_int_equal(err.code, MLS_LIMIT);
        assert_true(ok || !done);
        assert_int_equal(mls_memory_live(), live);
    }
    remove_file(&file);
    mls_table_clear(table);
}

static void nothing_leaks_when_memory_ends(void **state)
{
    static const int64_t rows = 20;
    struct mls_table table;

    (void)state;
    must_read("a,b\n1,\"x \"\"y\"\n2.5,z\n", NULL, &table);
    check_memory_ends(&table);
    make_spread(8, &rows, 1, &table);
    check_memory_ends(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_in_their_shortest_form),
        cmocka_unit_test(quotes_stand_only_where_they_must),
        cmocka_unit_test(a_table_of_one_column_quotes_its_empty_cells),
        cmocka_unit_test(dates_keep_their_form),
        cmocka_unit_test(strips_change_no_cell),
        cmocka_unit_test(a_dialect_is_followed),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(sparse_columns_are_spread),
        cmocka_unit_test(sparse_columns_are_written_as_by_the_slow_way),
        cmocka_unit_test(a_sparse_block_goes_over_many_batches),
        cmocka_unit_test(any_number_of_threads_writes_the_same_bytes),
        cmocka_unit_test(a_full_disk_is_said_by_any_number_of_threads),
        cmocka_unit_test(an_aborted_file_stays_as_it_was),
        cmocka_unit_test(nothing_leaks_when_memory_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
