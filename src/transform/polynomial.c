/*
 * Products of numeric columns, so that a linear model can bend and its columns
 * can work together:
 *
 *   a  b   ->   a  b  a^2  a*b  b^2            degree 2
 *                     ... a^3  a^2*b  a*b^2  b^3      degree 3
 *
 * interaction_only leaves out every product that holds a column twice.  The
 * columns themselves stay.  Scaled afterwards, the products of columns with a
 * large mean are less like one another when the columns were scaled before.
 * A product with a missing cell is missing.
 *
 * Nothing is learned: what is made follows from the names of the inputs.
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "transform/columns.h"
#include "transform/transforms.h"

struct polynomial_params {
    int64_t degree;
    bool interaction_only;
};

#define FIELD(name) #name, .at = offsetof(struct polynomial_params, name)
static const struct mls_param params[] = {
    { FIELD(degree), .kind = MLS_INTEGER, .def = 2, .min = 2, .max = 3,
      .low = 2, .high = 3, .help = "the most columns in a product" },
    { FIELD(interaction_only), .kind = MLS_FLAG, .def = 0,
      .help = "only products of different columns" },
    { 0 }
};

/* A product of up to three inputs, numbers ascending; -1: none. */
struct product {
    int64_t of[3];
};

/* Calls each for every product whose last (largest) input is k. */
typedef bool visitor(void *context, const struct product *product,
                     struct mls_error *err);
static bool visit(const struct polynomial_params *p, int64_t k, visitor *each,
                  void *context, struct mls_error *err)
{
    int64_t apart = p->interaction_only ? 1 : 0;

    for (int64_t i = 0; i <= k - apart; i++) {
        struct product pair = { { i, k, -1 } };

        if (!each(context, &pair, err))
            return false;
        for (int64_t j = i + apart; p->degree > 2 && j <= k - apart; j++) {
            struct product triple = { { i, j, k } };

            if (!each(context, &triple, err))
                return false;
        }
    }
    return true;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    (void)step;
    (void)in;
    (void)err;
    return true;
}

/* ---- plan ---- */

struct planning {
    const struct mls_step *step;
    struct mls_plan *plan;
};

/* a*b, a^2, a^2*b: inputs in their order, with how often. */
static void add_name(const struct mls_step *step,
                     const struct product *product, struct mls_text *name)
{
    int count = product->of[2] < 0 ? 2 : 3;

    for (int i = 0, times; i < count; i += times) {
        for (times = 1; i + times < count
             && product->of[i + times] == product->of[i]; times++)
            ;
        mls_text_add(name, i > 0 ? "*" : "");
        mls_text_add(name, step->input_names.items[product->of[i]]);
        if (times > 1)
            mls_text_format(name, "^%d", times);
    }
}

static bool plan_product(void *context, const struct product *product,
                         struct mls_error *err)
{
    struct planning *planning = context;
    struct mls_text name = { 0 };
    bool ok;

    add_name(planning->step, product, &name);
    ok = mls_text_ok(&name, err);
    if (ok) {
        struct mls_field field = { .name = name.bytes,
                                   .kind = MLS_KIND_REAL };

        ok = mls_plan_make(planning->plan, &field, err);
    }
    mls_text_clear(&name);
    return ok;
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    struct planning planning = { step, plan };

    (void)field;
    return mls_plan_keep(plan, err)
        && visit(step->params, k, plan_product, &planning, err);
}

/* ---- apply ---- */

struct applying {
    const struct mls_step *step;
    const struct mls_block *in;
    double *cells;              /* of each input, one after the other */
    struct mls_column **made;
};

static bool make_product(void *context, const struct product *product,
                         struct mls_error *err)
{
    struct applying *job = context;
    int64_t rows = job->in->rows;
    const double *a = job->cells + product->of[0] * rows;
    const double *b = job->cells + product->of[1] * rows;
    const double *c =
        product->of[2] < 0 ? NULL : job->cells + product->of[2] * rows;
    struct mls_column *made =
        mls_column_new(MLS_STORE_REAL, rows, 0, false, err);

    if (!made)
        return false;
    for (int64_t i = 0; i < rows; i++)
        made->real[i] = c ? a[i] * b[i] * c[i] : a[i] * b[i];
    *job->made++ = made;
    return true;
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    struct applying job = { step, in, NULL, made };
    bool ok;

    job.cells =
        mls_new_array(step->input_count * in->rows, sizeof(double), err);
    ok = job.cells != NULL;
    for (int64_t k = 0; ok && k < step->input_count; k++)
        mls_column_reals(in->columns[step->input[k]],
                         job.cells + k * in->rows);
    for (int64_t k = 0; ok && k < step->input_count; k++)
        ok = visit(step->params, k, make_product, &job, err);
    mls_free(job.cells);
    return ok;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    return mls_json_add_integer(to, "products", step->plan.made_count, err);
}

const struct mls_step_type mls_step_polynomial = {
    .name = "polynomial",
    .family = "expand",
    .before = "scale",
    .summary = "products and powers of numeric columns",
    .source = "Gergonne (1815), Annales de mathematiques 6, 242-252",
    .fits = MLS_KINDS_NUMERIC,
    .params = params,
    .params_size = sizeof(struct polynomial_params),
    .takes = mls_columns_take_dense,
    .fit = fit,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
