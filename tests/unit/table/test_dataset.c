/* From tables to matrices: order, places of errors, copies. */
#include "test.h"

#include <math.h>

#include "base/memory.h"
#include "table/dataset.h"

enum { ROWS = 100, BLOCK = 30 };

static struct mls_error err;

static double cell(int64_t row, int64_t column)
{
    return (double)(row * 10 + column);
}

/* Columns z (real), flag (boolean, row 7 missing), a (integer), id and y, in
 * this order, in blocks of 30 rows. */
static void table_new(struct mls_table *t)
{
    static const char *const names[] = { "z", "flag", "a", "id", "y" };
    static const char *const texts[] = { "no", "yes" };
    static const size_t lengths[] = { 2, 3 };
    struct mls_dictionary *d = mls_dictionary_new(texts, lengths, 2, NULL,
                                                  &err);

    *t = (struct mls_table){ 0 };
    t->name = mls_copy_text("some.csv", &err);
    for (int j = 0; j < 5; j++) {
        char name[8];
        struct mls_field field = {
            .name = name,
            .kind = j == 1 ? MLS_KIND_BOOLEAN
                : j == 2 ? MLS_KIND_INTEGER : MLS_KIND_REAL,
            .role = j == 4 ? MLS_ROLE_TARGET
                : j == 3 ? MLS_ROLE_ID : MLS_ROLE_FEATURE,
            .dictionary = j == 1 ? d : NULL
        };

        snprintf(name, sizeof(name), "%s", names[j]);
        assert_true(mls_schema_add(&t->schema, &field, &err));
    }
    mls_dictionary_free(d);
    for (int64_t first = 0; first < ROWS; first += BLOCK) {
        int64_t rows = ROWS - first < BLOCK ? ROWS - first : BLOCK;
        struct mls_block *block = mls_block_new(rows, 5, &err);

        block->line = mls_new(rows, sizeof(int64_t), &err);
        for (int j = 0; j < 5; j++) {
            struct mls_column *column = mls_column_new(
                j == 1 ? MLS_STORE_CODE : MLS_STORE_REAL, rows, 0, true, &err);

            block->columns[j] = column;
            for (int64_t i = 0; i < rows; i++) {
                int64_t row = first + i;

                block->line[i] = 2 * row + 2;
                if (j != 1)
                    column->real[i] = cell(row, j);
                else
                    column->code[i] = row == 7 ? MLS_CODE_MISSING
                                               : (uint32_t)(row % 2);
            }
        }
        assert_true(mls_table_append(t, block, &err));
    }
}

static const struct mls_target no_target = { .task = MLS_REGRESSION,
                                             .rows = ROWS };

static void features_stand_in_byte_order_of_their_names(void **state)
{
    struct mls_table t;

    (void)state;
    table_new(&t);
    for (int threads = 0; threads < 4; threads++) {
        struct mls_run run;
        struct mls_dataset data;

        assert_true(mls_run_init(&run, threads ? threads : 8, &err));
        assert_true(mls_dataset_gather(&run, &t, &no_target, &data, &err));
        assert_int_equal(data.rows, ROWS);
        assert_int_equal(data.features, 3);
        assert_string_equal(data.names[0], "a");
        assert_string_equal(data.names[1], "flag");
        assert_string_equal(data.names[2], "z");
        assert_int_equal(data.column[0], 2);
        assert_int_equal(data.column[1], 1);
        assert_int_equal(data.column[2], 0);
        assert_int_equal(data.target.rows, ROWS);
        for (int64_t i = 0; i < ROWS; i++) {
            double flag = data.x.data[i + data.x.stride];

            assert_true(data.x.data[i] == cell(i, 2));
            assert_true(i == 7 ? isnan(flag) : flag == (double)(i % 2));
            assert_true(data.x.data[i + 2 * data.x.stride] == cell(i, 0));
        }
        mls_dataset_clear(&data);
        mls_run_clear(&run);
    }
    mls_table_clear(&t);
}

static void a_kind_that_is_no_number_is_named_with_the_step_it_needs(
    void **state)
{
    struct mls_dataset data;
    struct mls_table t;

    (void)state;
    table_new(&t);
    t.schema.fields[1].kind = MLS_KIND_CATEGORY;
    assert_false(mls_dataset_gather(NULL, &t, &no_target, &data, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.column, "flag");
    assert_non_null(strstr(err.what, "category"));
    assert_non_null(strstr(err.fix, "onehot"));
    assert_null(data.x.data);
    t.schema.fields[1].role = MLS_ROLE_IGNORED;
    assert_true(mls_dataset_gather(NULL, &t, &no_target, &data, &err));
    assert_int_equal(data.features, 2);
    mls_dataset_clear(&data);
    mls_table_clear(&t);
}

static void no_features_make_an_empty_matrix(void **state)
{
    struct mls_dataset data;
    struct mls_table t;

    (void)state;
    table_new(&t);
    for (int j = 0; j < 5; j++)
        t.schema.fields[j].role = MLS_ROLE_IGNORED;
    assert_true(mls_dataset_gather(NULL, &t, &no_target, &data, &err));
    assert_int_equal(data.features, 0);
    assert_int_equal(data.rows, ROWS);
    assert_true(mls_dataset_need_finite(&data, &t, "ridge", &err));
    mls_dataset_clear(&data);
    mls_table_clear(&t);
}

static void the_first_cell_that_is_not_finite_is_reported(void **state)
{
    struct mls_dataset data;
    struct mls_table t;

    (void)state;
    table_new(&t);
    assert_true(mls_dataset_gather(NULL, &t, &no_target, &data, &err));
    assert_false(mls_dataset_need_finite(&data, &t, "ridge", &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.file, "some.csv");
    assert_string_equal(err.column, "flag");
    assert_int_equal(err.row, 8);
    assert_int_equal(err.line, 16);
    assert_non_null(strstr(err.what, "missing"));
    assert_non_null(strstr(err.fix, "impute"));
    /* An infinite cell in the last column and the last full block of 64. */
    data.x.data[7 + data.x.stride] = 0;
    assert_true(mls_dataset_need_finite(&data, &t, "ridge", &err));
    data.x.data[63 + 2 * data.x.stride] = -INFINITY;
    data.x.data[64] = NAN;
    assert_false(mls_dataset_need_finite(&data, &t, "ridge", &err));
    assert_int_equal(err.row, 64);
    assert_string_equal(err.column, "z");
    assert_non_null(strstr(err.what, "infinite"));
    /* In the same row the first name counts. */
    data.x.data[63] = NAN;
    assert_false(mls_dataset_need_finite(&data, &t, "ridge", &err));
    assert_string_equal(err.column, "a");
    mls_dataset_clear(&data);
    mls_table_clear(&t);
}

static void some_features_can_be_kept(void **state)
{
    static const int64_t kept[] = { 0, 2 };
    struct mls_dataset data, part;
    struct mls_table t;

    (void)state;
    table_new(&t);
    assert_true(mls_dataset_gather(NULL, &t, &no_target, &data, &err));
    assert_true(mls_dataset_keep(&data, kept, 2, &part, &err));
    mls_dataset_clear(&data);
    assert_int_equal(part.features, 2);
    assert_string_equal(part.names[1], "z");
    assert_int_equal(part.column[1], 0);
    for (int64_t i = 0; i < ROWS; i++) {
        assert_true(part.x.data[i] == cell(i, 2));
        assert_true(part.x.data[i + part.x.stride] == cell(i, 0));
    }
    mls_dataset_clear(&part);
    mls_table_clear(&t);
}

static void failed_allocations_are_reported_and_leak_nothing(void **state)
{
    struct mls_dataset data = { 0 };
    struct mls_table t;
    int64_t live;
    int failed = 0;
    bool ok = false;

    (void)state;
    table_new(&t);
    live = mls_memory_live();
    for (int n = 1; !ok; n++, failed += !ok) {
        mls_memory_fail_at(n);
        ok = mls_dataset_gather(NULL, &t, &no_target, &data, &err);
        mls_memory_fail_at(0);
        assert_true(ok || err.code == MLS_LIMIT);
        assert_true(ok || mls_memory_live() == live);
    }
    assert_true(failed >= 4);
    mls_dataset_clear(&data);
    mls_table_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_stand_in_byte_order_of_their_names),
        cmocka_unit_test(
            a_kind_that_is_no_number_is_named_with_the_step_it_needs),
        cmocka_unit_test(no_features_make_an_empty_matrix),
        cmocka_unit_test(the_first_cell_that_is_not_finite_is_reported),
        cmocka_unit_test(some_features_can_be_kept),
        cmocka_unit_test(failed_allocations_are_reported_and_leak_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
