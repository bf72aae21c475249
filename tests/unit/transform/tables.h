/*
 * For the tests of steps: small tables built by hand, cut into blocks of any
 * size, and what is read back from them.
 */
#ifndef MLS_TESTS_TABLES_H
#define MLS_TESTS_TABLES_H

#include "test.h"

#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "transform/step.h"

/* One column: numbers, or texts of a coded or text column (NULL is missing). */
struct cells {
    const char *name;
    enum mls_kind kind;
    const double *real;
    const char *const *text;
    enum mls_role role;
    bool sparse;
    const int64_t *time;        /* of a date column */
};

static inline int64_t whole_column_levels(const struct cells *column,
                                          int64_t rows, const char **levels,
                                          size_t *lengths)
{
    int64_t count = 0;

    for (int64_t i = 0; i < rows; i++) {
        int64_t seen = 0;

        while (seen < count && column->text[i]
               && strcmp(levels[seen], column->text[i]) != 0)
            seen++;
        if (!column->text[i] || seen < count)
            continue;
        levels[count] = column->text[i];
        lengths[count++] = strlen(column->text[i]);
    }
    return count;
}

static inline void add_field(struct mls_table *table,
                             const struct cells *column, int64_t rows)
{
    struct mls_error err;
    struct mls_field field = { .kind = column->kind, .role = column->role };
    const char *levels[64];
    size_t lengths[64];
    char name[64];

    snprintf(name, sizeof(name), "%s", column->name);
    field.name = name;
    if (MLS_KINDS_CODED & MLS_KIND_BIT(column->kind)) {
        int64_t count = whole_column_levels(column, rows, levels, lengths);

        assert_true(count <= 64);
        field.dictionary =
            mls_dictionary_new(levels, lengths, count, NULL, &err);
        assert_non_null(field.dictionary);
    }
    assert_true(mls_schema_add(&table->schema, &field, &err));
    mls_dictionary_free(field.dictionary);
}

static inline struct mls_column *dense_column(const struct cells *column,
                                              int64_t first, int64_t rows,
                                              const struct mls_field *field)
{
    struct mls_error err;
    struct mls_column *out =
        mls_column_new(column->time        ? MLS_STORE_TIME
                       : field->dictionary ? MLS_STORE_CODE
                                           : MLS_STORE_REAL,
                       rows, 0, false, &err);

    assert_non_null(out);
    for (int64_t i = 0; i < rows; i++) {
        if (column->time)
            out->time[i] = column->time[first + i];
        else if (!field->dictionary)
            out->real[i] = column->real[first + i];
        else if (!column->text[first + i])
            out->code[i] = MLS_CODE_MISSING;
        else
            out->code[i] =
                mls_dictionary_find(field->dictionary, column->text[first + i],
                                    strlen(column->text[first + i]));
    }
    return out;
}

static inline struct mls_column *sparse_column(const struct cells *column,
                                               int64_t first, int64_t rows)
{
    struct mls_error err;
    struct mls_column *out;
    int64_t count = 0;

    for (int64_t i = 0; i < rows; i++)
        count += column->real[first + i] != 0;
    out = mls_column_new(MLS_STORE_SPARSE, rows, count, true, &err);
    assert_non_null(out);
    count = 0;
    for (int64_t i = 0; i < rows; i++) {
        if (column->real[first + i] == 0)
            continue;
        out->sparse.row[count] = (uint16_t)i;
        out->sparse.value[count++] = column->real[first + i];
    }
    return out;
}

static inline struct mls_column *text_column(const struct cells *column,
                                             int64_t first, int64_t rows)
{
    struct mls_error err;
    struct mls_column *out;
    int64_t bytes = 0;

    for (int64_t i = 0; i < rows; i++)
        bytes += (int64_t)strlen(column->text[first + i]);
    out = mls_column_new(MLS_STORE_TEXT, rows, bytes, false, &err);
    assert_non_null(out);
    out->text.offset[0] = 0;
    for (int64_t i = 0; i < rows; i++) {
        const char *text = column->text[first + i];

        memcpy(out->text.bytes + out->text.offset[i], text, strlen(text));
        out->text.offset[i + 1] =
            out->text.offset[i] + (int64_t)strlen(text);
    }
    return out;
}

/* A table of columns (at most 64 levels each), block_rows rows a block. */
static inline struct mls_table table_of(const struct cells *columns,
                                        int64_t count, int64_t rows,
                                        int64_t block_rows)
{
    struct mls_table table = { 0 };
    struct mls_error err;

    for (int64_t j = 0; j < count; j++)
        add_field(&table, &columns[j], rows);
    for (int64_t first = 0; first < rows; first += block_rows) {
        int64_t n = rows - first < block_rows ? rows - first : block_rows;
        struct mls_block *block = mls_block_new(n, count, &err);

        assert_non_null(block);
        block->first_row = first;
        for (int64_t j = 0; j < count; j++) {
            if (columns[j].kind == MLS_KIND_TEXT)
                block->columns[j] = text_column(&columns[j], first, n);
            else if (columns[j].sparse)
                block->columns[j] = sparse_column(&columns[j], first, n);
            else
                block->columns[j] = dense_column(&columns[j], first, n,
                                                 &table.schema.fields[j]);
        }
        assert_true(mls_table_append(&table, block, &err));
    }
    assert_int_equal(table.rows, rows);
    return table;
}

/* ---- steps ---- */

static inline struct mls_step *step_of(const struct mls_step_type *type)
{
    struct mls_error err;
    struct mls_step *step = mls_step_new(type, type->name, &err);

    assert_non_null(step);
    return step;
}

static inline void set(struct mls_step *step, const char *key,
                       const char *text)
{
    struct mls_error err;

    if (!mls_step_set(step, key, text, &err))
        fail_msg("%s=%s: %s", key, text, err.what);
}

static inline bool fit_to(struct mls_step *step, const struct mls_table *table,
                          const struct mls_target *target,
                          const struct mls_run *run, struct mls_error *err)
{
    struct mls_target none = { .rows = table->rows };
    struct mls_step_input in = { .table = table, .run = run, .seed = 1,
                                 .target = target ? target : &none };

    return mls_step_fit(step, &in, err);
}

static inline void fit_well(struct mls_step *step,
                            const struct mls_table *table,
                            const struct mls_target *target)
{
    struct mls_error err;

    if (!fit_to(step, table, target, NULL, &err))
        fail_msg("%s: %s", err.column, err.what);
}

static inline void fit_fails(struct mls_step *step,
                             const struct mls_table *table,
                             const struct mls_target *target,
                             enum mls_code code, const char *column,
                             const char *words)
{
    struct mls_error err = { 0 };

    assert_false(fit_to(step, table, target, NULL, &err));
    assert_int_equal(err.code, code);
    assert_string_equal(err.column, column);
    if (!strstr(err.what, words))
        fail_msg("\"%s\" lacks \"%s\"", err.what, words);
    assert_false(step->fitted);
}

static inline struct mls_table apply_to(const struct mls_step *step,
                                        const struct mls_table *table)
{
    struct mls_table out = { 0 };
    struct mls_error err;

    assert_true(mls_step_apply_table(step, table, NULL, &out, &err));
    return out;
}

/* ---- what came out ---- */

/* "age age:missing city=Oslo": the columns in their order. */
static inline void assert_columns(const struct mls_schema *schema,
                                  const char *names)
{
    struct mls_text text = { 0 };

    for (int64_t j = 0; j < schema->count; j++) {
        mls_text_add(&text, j ? " " : "");
        mls_text_add(&text, schema->fields[j].name);
    }
    assert_string_equal(text.bytes ? text.bytes : "", names);
    mls_text_clear(&text);
}

/* A column as doubles, which mls_free takes. */
static inline double *reals_of(const struct mls_table *table, const char *name)
{
    struct mls_error err;
    int64_t at = mls_schema_find(&table->schema, name);
    double *out = mls_new(table->rows, sizeof(*out), &err);

    if (at < 0)
        fail_msg("no column %s", name);
    assert_non_null(out);
    mls_table_reals(table, at, 0, table->rows, out);
    return out;
}

static inline void assert_cells(const struct mls_table *table,
                                const char *name, const double *expected,
                                double tolerance)
{
    double *got = reals_of(table, name);

    for (int64_t i = 0; i < table->rows; i++) {
        bool same = isnan(expected[i])
            ? isnan(got[i]) : fabs(got[i] - expected[i]) <= tolerance;

        if (!same)
            fail_msg("%s, row %d: %.17g is not %.17g", name, (int)i, got[i],
                     expected[i]);
    }
    mls_free(got);
}

static inline const struct mls_field *field_named(const struct mls_table *table,
                                                  const char *name)
{
    int64_t at = mls_schema_find(&table->schema, name);

    assert_true(at >= 0);
    return &table->schema.fields[at];
}

static inline void assert_same_arrays(const struct mls_arrays *a,
                                      const struct mls_arrays *b)
{
    assert_int_equal(a->count, b->count);
    for (int64_t i = 0; i < a->count; i++) {
        assert_string_equal(a->items[i].name, b->items[i].name);
        assert_int_equal(a->items[i].count, b->items[i].count);
        if (a->items[i].count > 0)
            assert_memory_equal(a->items[i].data, b->items[i].data,
                                (size_t)a->items[i].count
                                    * mls_dtype_size(a->items[i].dtype));
    }
}

static inline void describes_as(const struct mls_step *step, const char *text)
{
    struct mls_error err;
    struct mls_text got = { 0 };
    struct mls_json *json = mls_json_new_object(&err);

    assert_non_null(json);
    assert_true(step->type->describe(step, json, &err));
    assert_true(mls_json_print(json, false, &got, &err));
    assert_string_equal(got.bytes, text);
    mls_text_clear(&got);
    mls_json_free(json);
}

/* A step as it comes from a file: settings, arrays, names of the inputs. */
static inline struct mls_step *loaded(const struct mls_step *step)
{
    struct mls_error err;
    struct mls_step *copy = mls_step_copy(step, &err);

    assert_non_null(copy);
    assert_true(mls_arrays_copy(&copy->arrays, "", &step->arrays, &err));
    for (int64_t k = 0; k < step->input_count; k++)
        assert_true(mls_list_add(&copy->input_names,
                                 step->input_names.items[k], &err));
    return copy;
}

/* The array of a loaded step, to be changed by the test. */
static inline void *array_of(struct mls_step *step, const char *name)
{
    for (int64_t i = 0; i < step->arrays.count; i++) {
        if (strcmp(step->arrays.items[i].name, name) == 0)
            return step->arrays.items[i].data;
    }
    fail_msg("no array %s", name);
    return NULL;
}

/* Frees the step. */
static inline void is_refused(struct mls_step *step,
                              const struct mls_schema *schema)
{
    struct mls_error err = { 0 };

    assert_false(mls_step_restore(step, schema, &err));
    assert_int_equal(err.code, MLS_MODEL_FILE);
    mls_step_free(step);
}

/* Restores a loaded copy and asks for the same bytes from both. */
static inline void comes_back(const struct mls_step *step,
                              const struct mls_table *table)
{
    struct mls_error err;
    struct mls_step *copy = loaded(step);
    struct mls_table a = apply_to(step, table), b;

    assert_true(mls_step_restore(copy, &table->schema, &err));
    b = apply_to(copy, table);
    assert_int_equal(a.schema.count, b.schema.count);
    for (int64_t j = 0; j < a.schema.count; j++) {
        const char *name = a.schema.fields[j].name;
        double *x, *y;

        assert_string_equal(name, b.schema.fields[j].name);
        if (a.schema.fields[j].kind == MLS_KIND_TEXT)
            continue;
        x = reals_of(&a, name);
        y = reals_of(&b, name);
        assert_memory_equal(x, y, (size_t)a.rows * sizeof(*x));
        mls_free(x);
        mls_free(y);
    }
    mls_table_clear(&a);
    mls_table_clear(&b);
    mls_step_free(copy);
}

/*
 * Fits type on rows cut into blocks of several sizes, on 1, 2, 3, 8 threads:
 * the same arrays each time.  prepare (may be NULL) sets the params.
 */
static inline void
fits_the_same_anyhow(const struct mls_step_type *type,
                     void (*prepare)(struct mls_step *step),
                     const struct cells *columns, int64_t count, int64_t rows,
                     const struct mls_target *target)
{
    static const int threads[] = { 1, 2, 3, 8 };
    const int64_t block_rows[] = { MLS_BLOCK_ROWS, 1000, 37 };
    struct mls_table whole = table_of(columns, count, rows, MLS_BLOCK_ROWS);
    struct mls_step *first = step_of(type);

    if (prepare)
        prepare(first);
    fit_well(first, &whole, target);
    for (int b = 0; b < 3; b++) {
        struct mls_table table = table_of(columns, count, rows, block_rows[b]);

        for (int t = 0; t < 4; t++) {
            struct mls_run run;
            struct mls_error err;
            struct mls_step *step = step_of(type);

            if (prepare)
                prepare(step);
            assert_true(mls_run_init(&run, threads[t], &err));
            assert_true(fit_to(step, &table, target, &run, &err));
            assert_same_arrays(&first->arrays, &step->arrays);
            mls_step_free(step);
            mls_run_clear(&run);
        }
        mls_table_clear(&table);
    }
    mls_step_free(first);
    mls_table_clear(&whole);
}

/*
 * Makes each allocation of a step's life fail in turn: an error of code
 * MLS_LIMIT each time, and nothing left behind.
 */
static inline bool
live_once(const struct mls_step_type *type, const char *key, const char *value,
          const struct mls_table *table, const struct mls_target *target,
          struct mls_error *err)
{
    struct mls_table out = { 0 };
    struct mls_json *json = mls_json_new_object(err);
    struct mls_step *step = NULL;
    bool ok = json != NULL;

    if (ok) {
        step = mls_step_new(type, type->name, err);
        ok = step != NULL;
    }
    ok = ok && (!key || mls_step_set(step, key, value, err))
        && fit_to(step, table, target, NULL, err)
        && mls_step_apply_table(step, table, NULL, &out, err)
        && type->describe(step, json, err);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_json_free(json);
    return ok;
}

static inline void survives_failing_memory(const struct mls_step_type *type,
                                           const char *key, const char *value,
                                           const struct mls_table *table,
                                           const struct mls_target *target)
{
    struct mls_error err;
    int64_t live, n = 0, count;
    bool ok;

    /* Once without failure, for what libraries keep for ever. */
    assert_true(live_once(type, key, value, table, target, &err));
    live = mls_memory_live();
    do {
        mls_memory_fail_at(++n);
        ok = live_once(type, key, value, table, target, &err);
        count = mls_memory_count();
        mls_memory_fail_at(0);
        assert_int_equal(mls_memory_live(), live);
        if (!ok)
            assert_int_equal(err.code, MLS_LIMIT);
    } while (count >= n);
    assert_true(ok);
    assert_true(n > 20);
}

#endif
