/*
 * Codes of whole datasets against coding one cell after the other, from tables
 * with every kind of column and from matrices, on one and on three threads.
 */
#include "test.h"

#include <math.h>
#include <stdio.h>

#include "learner/binned.h"
#include "base/memory.h"
#include "base/random.h"

static struct mls_error err;

enum { KINDS = 5, FEATURES = 37, LEVELS = 300 };

static uint64_t draw(int64_t i, int64_t j)
{
    return mls_random(j < 0 ? 1 : (uint64_t)j, MLS_RANDOM_TEST, (uint64_t)i);
}

/* Kind of column j: real, boolean, category, date, sparse. */
static enum mls_storage storage_of(int64_t j)
{
    static const enum mls_storage kinds[KINDS] = {
        MLS_STORE_REAL, MLS_STORE_CODE, MLS_STORE_CODE, MLS_STORE_TIME,
        MLS_STORE_SPARSE
    };

    return kinds[j % KINDS];
}

static void add_field(struct mls_table *table, int64_t j)
{
    static const enum mls_kind kinds[KINDS] = {
        MLS_KIND_REAL, MLS_KIND_BOOLEAN, MLS_KIND_CATEGORY, MLS_KIND_DATE,
        MLS_KIND_REAL
    };
    char name[20], text[LEVELS][8];
    const char *texts[LEVELS];
    size_t lengths[LEVELS];
    int64_t count = j % KINDS == 1 ? 2 : j < 5 ? LEVELS : 4;
    struct mls_field field = { .name = name, .kind = kinds[j % KINDS] };

    snprintf(name, sizeof(name), "c%03d", (int)j);
    for (int64_t l = 0; l < count; l++) {
        snprintf(text[l], sizeof(text[l]), "v%03d", (int)l);
        texts[l] = text[l];
        lengths[l] = 4;
    }
    if (field.kind == MLS_KIND_BOOLEAN || field.kind == MLS_KIND_CATEGORY) {
        field.dictionary = mls_dictionary_new(texts, lengths, count, NULL,
                                              &err);
        assert_non_null(field.dictionary);
    }
    assert_true(mls_schema_add(&table->schema, &field, &err));
    mls_dictionary_free(field.dictionary);
}

static struct mls_column *make_column(int64_t j, int64_t first, int64_t rows,
                                      int64_t levels)
{
    struct mls_column *column;
    int64_t count = 0;

    column = mls_column_new(storage_of(j), rows, rows, j % 2 == 0, &err);
    assert_non_null(column);
    for (int64_t i = 0; i < rows; i++) {
        uint64_t bits = draw(first + i, j);
        double unit = mls_random_unit(bits);
        bool missing = bits % 11 == 0;

        switch (column->storage) {
        case MLS_STORE_REAL:
            column->real[i] = missing ? NAN : unit * unit * 100;
            break;
        case MLS_STORE_CODE:
            column->code[i] = missing ? MLS_CODE_MISSING
                                      : (uint32_t)(unit * (double)levels);
            break;
        case MLS_STORE_TIME:
            column->time[i] = missing ? MLS_TIME_MISSING
                                      : (int64_t)(unit * 1e9) - 500000000;
            break;
        default:
            if (bits % 4 != 0)
                break;
            column->sparse.row[count] = (uint16_t)i;
            if (column->sparse.value)
                column->sparse.value[count] = unit - 0.5;
            column->sparse.count = ++count;
        }
    }
    return column;
}

struct fixture {
    struct mls_table table;
    struct mls_dataset data;
    double *weight;
};

static void fixture_new(struct fixture *f, int64_t rows, int64_t block_rows,
                        bool weighted)
{
    *f = (struct fixture){ 0 };
    for (int64_t j = 0; j < FEATURES; j++)
        add_field(&f->table, j);
    for (int64_t first = 0; first < rows; first += block_rows) {
        int64_t n = rows - first < block_rows ? rows - first : block_rows;
        struct mls_block *block = mls_block_new(n, FEATURES, &err);

        assert_non_null(block);
        block->first_row = first;
        for (int64_t j = 0; j < FEATURES; j++) {
            const struct mls_dictionary *d = f->table.schema.fields[j]
                                                 .dictionary;

            block->columns[j] = make_column(j, first, n, d ? d->count : 0);
        }
        assert_true(mls_table_append(&f->table, block, &err));
    }
    f->data.rows = rows;
    f->data.features = FEATURES;
    f->data.table = &f->table;
    f->data.column = mls_new(FEATURES, sizeof(int64_t), &err);
    assert_non_null(f->data.column);
    for (int64_t j = 0; j < FEATURES; j++)
        f->data.column[j] = FEATURES - 1 - j;
    if (weighted) {
        f->weight = mls_new(rows, sizeof(double), &err);
        assert_non_null(f->weight);
        for (int64_t i = 0; i < rows; i++)
            f->weight[i] = 1 + (double)(i % 3);
        f->data.target.weight = f->weight;
    }
}

static void fixture_clear(struct fixture *f)
{
    mls_table_clear(&f->table);
    mls_free(f->data.column);
    mls_free(f->data.x.data);
    mls_free(f->weight);
}

/* The cell of a feature as a number, or the level as one. */
static double cell(const struct fixture *f, int64_t i, int64_t j)
{
    double value;

    if (!f->data.table)
        return f->data.x.data[i + j * f->data.x.stride];
    mls_table_reals(&f->table, f->data.column[j], i, 1, &value);
    return value;
}

static unsigned slow_code(const struct mls_bins *bins, double x)
{
    unsigned code = 1;

    if (isnan(x))
        return 0;
    if (bins->categorical)
        return bins->code_of[(int)x];
    for (int64_t k = 0; k < bins->cuts; k++)
        code += x > bins->cut[k];
    return code;
}

static unsigned code_at(const uint8_t *at, int width)
{
    uint16_t wide;

    if (width == 1)
        return *at;
    memcpy(&wide, at, sizeof(wide));
    return wide;
}

static void check_cells(const struct fixture *f, const struct mls_binned *b)
{
    assert_true(b->column_stride % 64 == 0);
    for (int64_t j = 0; j < b->features; j++) {
        for (int64_t i = 0; i < b->rows; i++) {
            unsigned want = slow_code(&b->bins[j], cell(f, i, j));

            assert_int_equal(want, code_at(b->by_column
                                               + j * b->column_stride
                                               + i * b->width, b->width));
        }
    }
}

static void check_same(const struct mls_binned *a, const struct mls_binned *b)
{
    assert_int_equal(a->width, b->width);
    for (int64_t j = 0; j < a->features; j++) {
        assert_int_equal(a->bins[j].codes, b->bins[j].codes);
        assert_memory_equal(a->bins[j].cut, b->bins[j].cut,
                            (size_t)a->bins[j].cuts * sizeof(double));
    }
    assert_memory_equal(a->by_column, b->by_column,
                        (size_t)(a->features * a->column_stride));
}

static void check_all(struct fixture *f, const struct mls_binning *how)
{
    struct mls_binned one, three, part;
    struct mls_binning only = *how;
    struct mls_run run;

    assert_true(mls_run_init(&run, 3, &err));
    assert_true(mls_binned_make(NULL, &f->data, how, &one, &err));
    assert_true(mls_binned_make(&run, &f->data, how, &three, &err));
    check_cells(f, &one);
    check_same(&one, &three);
    only.given = one.bins;
    assert_true(mls_binned_make(&run, &f->data, &only, &part, &err));
    check_same(&one, &part);
    mls_binned_clear(&part);
    only.by_column = false;
    assert_true(mls_binned_make(&run, &f->data, &only, &part, &err));
    assert_null(part.by_column);
    mls_binned_clear(&part);
    mls_binned_clear(&one);
    mls_binned_clear(&three);
    mls_run_clear(&run);
}

static void tables_of_every_kind_become_codes(void **state)
{
    static const int64_t rows[] = { 1, 15, 512, 1500 };

    (void)state;
    for (int k = 0; k < 4; k++) {
        struct mls_binning how = { .most = k % 2 ? 255 : 20, .by_column = true,
                                   .most_levels = k == 3 ? 1000 : 0 };
        struct fixture f;

        fixture_new(&f, rows[k], 700, k % 2);
        check_all(&f, &how);
        how.sample = 300;
        how.seed = 4;
        check_all(&f, &how);
        fixture_clear(&f);
    }
}

static void wide_codes_come_only_when_needed(void **state)
{
    struct mls_binning how = { .most = 1000, .by_column = true };
    struct mls_binned binned;
    struct fixture f;

    (void)state;
    fixture_new(&f, 1200, 500, false);
    assert_true(mls_binned_make(NULL, &f.data, &how, &binned, &err));
    assert_int_equal(binned.width, 2);
    check_cells(&f, &binned);
    mls_binned_clear(&binned);
    fixture_clear(&f);
    fixture_new(&f, 200, 500, false);
    assert_true(mls_binned_make(NULL, &f.data, &how, &binned, &err));
    assert_int_equal(binned.width, 1);
    mls_binned_clear(&binned);
    fixture_clear(&f);
}

static void a_matrix_becomes_codes(void **state)
{
    struct mls_binning how = { .most = 30, .by_column = true };
    struct fixture f = { 0 };

    (void)state;
    assert_true(mls_matrix_new(&f.data.x, 20000, 5, &err));
    f.data.rows = 20000;
    f.data.features = 5;
    for (int64_t i = 0; i < 100000; i++)
        f.data.x.data[i] = draw(i, 0) % 9 == 0 ? NAN
                                               : mls_random_unit(draw(i, 1));
    check_all(&f, &how);
    how.sample = 5000;
    check_all(&f, &how);
    fixture_clear(&f);
}

/* Blocks of other sizes are the same table. */
static void blocks_change_no_byte(void **state)
{
    struct mls_binning how = { .most = 50, .sample = 400, .seed = 9,
                               .by_column = true };
    struct fixture f, g;
    struct mls_binned a, b;

    (void)state;
    fixture_new(&f, 1000, 1000, false);
    fixture_new(&g, 1000, 37, false);
    assert_true(mls_binned_make(NULL, &f.data, &how, &a, &err));
    assert_true(mls_binned_make(NULL, &g.data, &how, &b, &err));
    check_same(&a, &b);
    mls_binned_clear(&a);
    mls_binned_clear(&b);
    fixture_clear(&f);
    fixture_clear(&g);
}

static void every_refused_allocation_is_an_error(void **state)
{
    struct mls_binning how = { .most = 50, .sample = 100, .by_column = true };
    struct fixture f;
    int64_t before;
    bool done = false;

    (void)state;
    fixture_new(&f, 300, 100, true);
    before = mls_memory_live();
    for (int64_t n = 1; !done; n++) {
        struct mls_binned binned;

        mls_memory_fail_at(n);
        done = mls_binned_make(NULL, &f.data, &how, &binned, &err);
        mls_memory_fail_at(0);
        if (done)
            mls_binned_clear(&binned);
        else
            assert_int_equal(err.code, MLS_LIMIT);
        assert_int_equal(mls_memory_live(), before);
    }
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_every_kind_become_codes),
        cmocka_unit_test(wide_codes_come_only_when_needed),
        cmocka_unit_test(a_matrix_becomes_codes),
        cmocka_unit_test(blocks_change_no_byte),
        cmocka_unit_test(every_refused_allocation_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
