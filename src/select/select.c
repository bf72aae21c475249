/*
 * What the selecting steps share; see select.h for the arrays.
 */
#include "base/json.h"
#include "base/memory.h"
#include "select/select.h"
#include "transform/columns.h"

static double *new_reals(struct mls_step *step, const char *name,
                         struct mls_error *err)
{
    double *values = mls_arrays_add1(&step->arrays, name, MLS_F64,
                                     step->input_count, err);

    for (int64_t k = 0; values && k < step->input_count; k++)
        values[k] = NAN;
    return values;
}

bool mls_select_new(struct mls_step *step, unsigned with,
                    struct mls_selection *selection, struct mls_error *err)
{
    *selection = (struct mls_selection){ 0 };
    selection->keep = mls_arrays_add1(&step->arrays, "keep", MLS_U8,
                                      step->input_count, err);
    if (!selection->keep)
        return false;
    selection->score = new_reals(step, "score", err);
    if (!selection->score)
        return false;
    if (with & MLS_WITH_P_VALUE) {
        selection->p_value = new_reals(step, "p_value", err);
        if (!selection->p_value)
            return false;
    }
    if (with & MLS_WITH_RANK) {
        selection->rank = new_reals(step, "rank", err);
        if (!selection->rank)
            return false;
    }
    return true;
}

void mls_select_warn(const struct mls_step *step, const struct mls_run *run,
                     const struct mls_selection *selection)
{
    for (int64_t k = 0; k < step->input_count; k++) {
        if (selection->keep[k])
            return;
    }
    if (step->input_count > 0)
        mls_note(run, MLS_LOG_WARNING,
                 "step %s keeps none of the %lld columns it looked at",
                 step->name, (long long)step->input_count);
}

bool mls_select_check(struct mls_step *step, const struct mls_schema *in,
                      struct mls_error *err)
{
    static const char *const optional[] = { "p_value", "rank" };
    int64_t n = step->input_count;
    const uint8_t *keep = mls_arrays_get(&step->arrays, "keep", MLS_U8, n, err);

    (void)in;
    if (!keep || !mls_arrays_get(&step->arrays, "score", MLS_F64, n, err))
        return false;
    for (int64_t k = 0; k < n; k++) {
        if (keep[k] > 1)
            return mls_fail(err, MLS_MODEL_FILE,
                            "step %s holds a flag that is neither 0 nor 1",
                            step->name);
    }
    for (int i = 0; i < 2; i++) {
        if (mls_arrays_find(&step->arrays, optional[i])
            && !mls_arrays_get(&step->arrays, optional[i], MLS_F64, n, err))
            return false;
    }
    return true;
}

/* An array that check has seen, or NULL. */
static const void *learned(const struct mls_step *step, const char *name)
{
    const struct mls_array *array = mls_arrays_find(&step->arrays, name);

    return array ? array->data : NULL;
}

bool mls_select_plan_input(const struct mls_step *step, int64_t k,
                           const struct mls_field *field,
                           struct mls_plan *plan, struct mls_error *err)
{
    const uint8_t *keep = learned(step, "keep");

    (void)field;
    return !keep[k] || mls_plan_keep(plan, err);
}

bool mls_select_describe(const struct mls_step *step, struct mls_json *to,
                         struct mls_error *err)
{
    const uint8_t *keep = learned(step, "keep");
    const double *score = learned(step, "score");
    const double *p_value = learned(step, "p_value");
    const double *rank = learned(step, "rank");
    int64_t *order = mls_select_by_name(step, err);
    struct mls_json *columns = NULL;
    bool ok;

    if (order)
        columns = mls_json_add_array(to, "columns", err);
    ok = columns != NULL;
    for (int64_t i = 0; ok && i < step->input_count; i++) {
        int64_t k = order[i];
        struct mls_json *column =
            mls_columns_describe_one(step, k, columns, err);

        ok = column != NULL
            && mls_json_add_real(column, "score", score[k], err)
            && (!p_value
                || mls_json_add_real(column, "p_value", p_value[k], err))
            && (!rank || mls_json_add_real(column, "rank", rank[k], err))
            && mls_json_add_bool(column, "kept", keep[k], err);
    }
    mls_free(order);
    return ok;
}

/* ---- order ---- */

struct ranking {
    char *const *names;
    const double *score;        /* NULL: by name only */
};

/* NaN goes last; names differ, so that no two inputs are equal. */
static int compare(const void *a_, const void *b_, void *ranking_)
{
    const struct ranking *ranking = ranking_;
    int64_t a = *(const int64_t *)a_, b = *(const int64_t *)b_;

    if (ranking->score) {
        double x = ranking->score[a], y = ranking->score[b];

        if (x > y || (isnan(y) && !isnan(x)))
            return -1;
        if (y > x || (isnan(x) && !isnan(y)))
            return 1;
    }
    return strcmp(ranking->names[a], ranking->names[b]);
}

int64_t *mls_select_by_score(const struct mls_step *step, const double *score,
                             struct mls_error *err)
{
    struct ranking ranking = { step->input_names.items, score };
    int64_t n = step->input_count;
    int64_t *order = mls_new(n, sizeof(*order), err);

    if (!order)
        return NULL;
    for (int64_t k = 0; k < n; k++)
        order[k] = k;
    if (n > 1)
        qsort_r(order, (size_t)n, sizeof(*order), compare, &ranking);
    return order;
}

int64_t *mls_select_by_name(const struct mls_step *step, struct mls_error *err)
{
    return mls_select_by_score(step, NULL, err);
}

/* ---- rows ---- */

int64_t mls_select_complete(double *x, double *y, double *w, int64_t n)
{
    int64_t left = 0;

    for (int64_t i = 0; i < n; i++) {
        if (isnan(x[i]) || isnan(y[i]))
            continue;
        x[left] = x[i];
        y[left] = y[i];
        if (w)
            w[left] = w[i];
        left++;
    }
    return left;
}

double *mls_select_copy(const double *values, int64_t n, struct mls_error *err)
{
    double *copy = mls_new_array(n, sizeof(*copy), err);

    if (copy && n > 0)
        memcpy(copy, values, (size_t)n * sizeof(*copy));
    return copy;
}

int64_t mls_select_half(int64_t count)
{
    return count < 2 ? count : count / 2;
}
