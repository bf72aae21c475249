/* See columns.h. */
#include "transform/columns.h"

#include "base/json.h"
#include "base/memory.h"

bool mls_columns_take_dense(const struct mls_step *step,
                            const struct mls_field *field,
                            enum mls_storage storage, struct mls_error *err)
{
    (void)field;
    if (storage == MLS_STORE_SPARSE && !mls_step_names_columns(step))
        return mls_fail(err, MLS_DATA, "step %s leaves sparse columns alone",
                        step->name);
    return true;
}

bool mls_columns_plan_real(const struct mls_step *step, int64_t k,
                           const struct mls_field *field,
                           struct mls_plan *plan, struct mls_error *err)
{
    struct mls_field real = { .name = field->name, .kind = MLS_KIND_REAL };

    (void)step;
    (void)k;
    return mls_plan_make(plan, &real, err);
}

struct mls_column *mls_columns_copy(const struct mls_block *in, int64_t at,
                                    struct mls_error *err)
{
    struct mls_column *made =
        mls_column_new(MLS_STORE_REAL, in->rows, 0, false, err);

    if (made)
        mls_column_reals(in->columns[at], made->real);
    return made;
}

double *mls_columns_array(struct mls_step *step, const char *name,
                          struct mls_error *err)
{
    return mls_arrays_add1(&step->arrays, name, MLS_F64, step->input_count,
                           err);
}

const double *mls_columns_finite(const struct mls_step *step, const char *name,
                                 struct mls_error *err)
{
    const double *values = mls_arrays_get(&step->arrays, name, MLS_F64,
                                          step->input_count, err);

    for (int64_t k = 0; values && k < step->input_count; k++) {
        if (isfinite(values[k]))
            continue;
        mls_columns_refuse(step, name, err);
        mls_fail_at(err, NULL, 0, 0, step->input_names.items[k]);
        return NULL;
    }
    return values;
}

const void *mls_columns_data(const struct mls_step *step, const char *name)
{
    return mls_arrays_find(&step->arrays, name)->data;
}

struct mls_json *mls_columns_describe_one(const struct mls_step *step,
                                          int64_t k, struct mls_json *columns,
                                          struct mls_error *err)
{
    struct mls_json *column = mls_json_add_object(columns, NULL, err);

    return column
            && mls_json_add_text(column, "name", step->input_names.items[k],
                                 err)
        ? column
        : NULL;
}

bool mls_columns_describe(const struct mls_step *step,
                          const char *const *arrays, struct mls_json *to,
                          struct mls_error *err)
{
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        struct mls_json *column =
            mls_columns_describe_one(step, k, columns, err);

        ok = column != NULL;
        for (const char *const *name = arrays; ok && *name; name++) {
            const double *values = mls_columns_data(step, *name);

            ok = mls_json_add_real(column, *name, values[k], err);
        }
    }
    return ok;
}

bool mls_columns_fail(const struct mls_step *step, int64_t k, const char *what,
                      struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "step %s: %s", step->name, what);
    return mls_fail_at(err, NULL, 0, 0, step->input_names.items[k]);
}

bool mls_columns_refuse(const struct mls_step *step, const char *what,
                        struct mls_error *err)
{
    return mls_fail(err, MLS_MODEL_FILE, "step %s holds no valid %s",
                    step->name, what);
}
