/*
 * A level becomes the mean of the target among its training rows, drawn toward
 * the mean of all of them; with several classes one column a class, its share,
 * named COL:CLASS.  A missing cell is a level like any other; one that no
 * training row has gets the mean of all.
 *
 *   smooth=m      (n mean_level + m mean) / (n + m)
 *   smooth=auto   l mean_level + (1 - l) mean,
 *                 l = v n / (v n + v_level),  v the variances of the target
 *
 * auto is the empirical Bayes estimate under normal noise: levels whose rows
 * agree, or are many, keep their own mean.
 *
 * A training row must not meet its own target in its features: a learner would
 * trust the column more than new rows bear out.  So training rows are dealt
 * into folds by chance (row number and seed) and each gets the encoding made
 * from the other folds.  New rows get the one made from all rows:
 *
 *   fold 0 ─┐
 *   fold 1 ─┼─> encoding without fold 2 ──> rows of fold 2     (training)
 *   fold 2 ─┼─> encoding of all rows ─────> any later row      (arrays)
 *   ...
 *
 * Sums are kept as weight, mean and squared deviations by level and fold, and
 * put together by the formulas of Chan, Golub & LeVeque (1983).
 *
 *   array      type  holds (o values for each: 1, or the number of classes)
 *   level...         the levels of each input (levels.h)
 *   encoding   F64   o for each level, in their order
 *   missing    F64   o for each input: what a missing cell becomes
 *   mean       F64   o: what an unseen level becomes
 *   class...         texts: the o names, when there are several classes
 *   training: encoding (folds x levels x o), missing (folds x inputs x o),
 *   mean (folds x o), seed
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "base/threads.h"
#include "transform/columns.h"
#include "transform/levels.h"
#include "transform/transforms.h"

struct target_params {
    double smooth;
    int64_t folds;
};

#define FIELD(name) #name, .at = offsetof(struct target_params, name)
static const struct mls_param params[] = {
    { FIELD(smooth), .kind = MLS_REAL, .def = MLS_AUTO, .min = 0, .max = 1e12,
      .low = 0.1, .high = 1000, .flags = MLS_LOG,
      .help = "rows of the mean of all that each level is mixed with; auto: "
              "from the variances" },
    { FIELD(folds), .alias = "cv", .kind = MLS_INTEGER, .def = 5, .min = 2,
      .max = 100,
      .help = "parts that training rows are dealt into; each is encoded by the "
              "others" },
    { 0 }
};

static int64_t fold_of(uint64_t seed, int64_t folds, int64_t row)
{
    return mls_random_below(
        mls_random2(seed, MLS_RANDOM_STEP, 1, (uint64_t)row), folds);
}

/* ---- sums ---- */

struct sums {
    double weight, mean, m2;
};

static void sums_add(struct sums *s, double y, double w)
{
    double d = y - s->mean;

    s->weight += w;
    s->mean += d * (w / s->weight);
    s->m2 += w * d * (y - s->mean);
}

static void sums_fold(struct sums *into, const struct sums *from)
{
    double weight = into->weight + from->weight;
    double d = from->mean - into->mean;

    if (from->weight == 0)
        return;
    into->mean += d * (from->weight / weight);
    into->m2 += from->m2 + d * d * (into->weight * (from->weight / weight));
    into->weight = weight;
}

/* all but one of the folds; skip -1: all.  Fold f is at[f * stride]. */
static struct sums sums_of(const struct sums *at, int64_t folds,
                           int64_t stride, int64_t skip)
{
    struct sums all = { 0 };

    for (int64_t f = 0; f < folds; f++)
        if (f != skip)
            sums_fold(&all, &at[f * stride]);
    return all;
}

static double encode(double smooth, const struct sums *level,
                     const struct sums *all)
{
    double weight = level->weight, share;

    if (weight == 0)
        return all->mean;
    if (!isnan(smooth))
        return (weight * level->mean + smooth * all->mean)
            / (weight + smooth);
    share = all->m2 / all->weight * weight;
    share /= share + level->m2 / weight;
    return isnan(share) ? all->mean
                        : share * level->mean + (1 - share) * all->mean;
}

/* ---- fit ---- */

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    int64_t folds, outputs;
    struct mls_level_list *lists;
    struct sums *all;           /* folds x outputs */
    double *encoding, *missing, *mean;
    double *fold_encoding, *fold_missing, *fold_mean;
    const int64_t *first;       /* of each input's levels */
    int64_t levels;             /* of all inputs */
};

/* Output o of a row's target. */
static double target_of(const struct fit_job *job, int64_t row, int64_t o)
{
    double y = job->in->target->y[row];

    return job->outputs > 1 ? y == (double)o : y;
}

static void add_row(const struct fit_job *job, int64_t row, struct sums *sums)
{
    const double *w = job->in->target->weight;

    for (int64_t o = 0; o < job->outputs; o++)
        sums_add(&sums[o], target_of(job, row, o), w ? w[row] : 1);
}

static bool sum_all(struct fit_job *job, struct mls_error *err)
{
    int64_t folds = job->folds, o_count = job->outputs;

    job->all = mls_new(folds * o_count, sizeof(*job->all), err);
    for (int64_t i = 0; job->all && i < job->in->table->rows; i++)
        add_row(job, i, job->all + fold_of(job->in->seed, folds, i) * o_count);
    return job->all != NULL;
}

static bool list_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct mls_dictionary *dictionary =
        job->in->table->schema.fields[job->step->input[k]].dictionary;
    double *weight = mls_levels_weigh(job->step, job->in, k,
                                      &job->lists[k].missing, err);
    bool ok = weight != NULL;

    for (int64_t c = 0; ok && c < dictionary->count; c++)
        ok = !(weight[c] > 0)
            || mls_levels_add(&job->lists[k], dictionary, (uint32_t)c, err);
    mls_free(weight);
    return ok;
}

/* Sums of input k by fold, level (the missing one last) and output. */
static void sum_column(const struct fit_job *job, int64_t k,
                       const int32_t *number, struct sums *sums)
{
    const struct mls_table *table = job->in->table;
    int64_t levels = job->lists[k].levels.count, row = 0;

    for (int64_t b = 0; b < table->block_count; b++) {
        const struct mls_column *column =
            table->blocks[b]->columns[job->step->input[k]];

        for (int64_t i = 0; i < column->rows; i++, row++) {
            int64_t fold = fold_of(job->in->seed, job->folds, row);
            int64_t level = column->code[i] == MLS_CODE_MISSING
                ? levels : number[column->code[i]];

            add_row(job, row,
                    sums + (fold * (levels + 1) + level) * job->outputs);
        }
    }
}

/* The encodings of input k made without fold skip (-1: from all). */
static void encode_column(const struct fit_job *job, int64_t k,
                          const struct sums *sums, int64_t skip,
                          double *encoding, double *missing)
{
    const struct target_params *p = job->step->params;
    int64_t levels = job->lists[k].levels.count, o_count = job->outputs;

    for (int64_t o = 0; o < o_count; o++) {
        struct sums all = sums_of(job->all + o, job->folds, o_count, skip);

        for (int64_t i = 0; i <= levels; i++) {
            struct sums level =
                sums_of(sums + i * o_count + o, job->folds,
                        (levels + 1) * o_count, skip);
            double value = encode(p->smooth, &level, &all);

            if (i < levels)
                encoding[(job->first[k] + i) * o_count + o] = value;
            else
                missing[k * o_count + o] = value;
        }
    }
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct mls_dictionary *dictionary =
        job->in->table->schema.fields[job->step->input[k]].dictionary;
    const struct mls_list *levels = &job->lists[k].levels;
    int64_t cells = (levels->count + 1) * job->outputs, o = job->outputs;
    int32_t *number = mls_new(dictionary->count, sizeof(*number), err);
    struct sums *sums = NULL;

    if (number)
        sums = mls_new(job->folds * cells, sizeof(*sums), err);
    if (!sums) {
        mls_free(number);
        return false;
    }
    for (int64_t i = 0; i < levels->count; i++)
        number[mls_dictionary_find(dictionary, levels->items[i],
                                   strlen(levels->items[i]))] = (int32_t)i;
    sum_column(job, k, number, sums);
    encode_column(job, k, sums, -1, job->encoding, job->missing);
    for (int64_t f = 0; f < job->folds; f++)
        encode_column(job, k, sums, f,
                      job->fold_encoding + f * job->levels * o,
                      job->fold_missing + f * job->step->input_count * o);
    mls_free(sums);
    mls_free(number);
    return true;
}

static bool add_arrays(struct mls_step *step, struct fit_job *job,
                       struct mls_error *err)
{
    int64_t inputs = step->input_count, o = job->outputs;
    int64_t shape[3] = { job->levels, o, 0 };
    int64_t folded[3] = { job->folds, job->levels, o };
    uint64_t *seed;

    job->encoding =
        mls_arrays_add(&step->arrays, "encoding", MLS_F64, 2, shape, err);
    shape[0] = inputs;
    if (job->encoding)
        job->missing =
            mls_arrays_add(&step->arrays, "missing", MLS_F64, 2, shape, err);
    if (job->missing)
        job->mean = mls_arrays_add1(&step->arrays, "mean", MLS_F64, o, err);
    if (job->mean)
        job->fold_encoding = mls_arrays_add(&step->training, "encoding",
                                            MLS_F64, 3, folded, err);
    folded[1] = inputs;
    if (job->fold_encoding)
        job->fold_missing = mls_arrays_add(&step->training, "missing", MLS_F64,
                                           3, folded, err);
    if (job->fold_missing)
        job->fold_mean = mls_arrays_add1(&step->training, "mean", MLS_F64,
                                         job->folds * o, err);
    if (!job->fold_mean)
        return false;
    seed = mls_arrays_add1(&step->training, "seed", MLS_U64, 1, err);
    if (!seed)
        return false;
    *seed = job->in->seed;
    for (int64_t i = 0; i < o; i++) {
        job->mean[i] = sums_of(job->all + i, job->folds, o, -1).mean;
        for (int64_t f = 0; f < job->folds; f++)
            job->fold_mean[f * o + i] =
                sums_of(job->all + i, job->folds, o, f).mean;
    }
    return true;
}

/* The names of the outputs: the classes' labels, or their codes. */
static bool add_classes(struct mls_step *step, const struct fit_job *job,
                        struct mls_error *err)
{
    const struct mls_list *labels = job->in->target->labels;
    struct mls_list codes = { 0 };
    bool ok = true;

    if (job->outputs == 1)
        return true;
    for (int64_t o = 0; ok && !labels && o < job->outputs; o++) {
        char text[32];

        snprintf(text, sizeof text, "%lld", (long long)o);
        ok = mls_list_add(&codes, text, err);
    }
    if (!labels)
        labels = &codes;
    ok = ok
        && mls_arrays_add_texts(&step->arrays, "class",
                                (const char *const *)labels->items,
                                job->outputs, err);
    mls_list_clear(&codes);
    return ok;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    const struct target_params *p = step->params;
    struct fit_job job = { .step = step, .in = in, .folds = p->folds };
    int64_t n = step->input_count;
    bool ok;

    job.outputs =
        in->target->task == MLS_MULTICLASS ? in->target->classes : 1;
    job.lists = mls_new(n, sizeof(*job.lists), err);
    ok = job.lists && mls_parallel(in->run, n, list_column, &job, err)
        && mls_levels_save(step, job.lists, err);
    if (ok) {
        job.first = mls_columns_data(step, "first");
        job.levels = job.first[n];
    }
    ok = ok && sum_all(&job, err) && add_arrays(step, &job, err)
        && add_classes(step, &job, err)
        && mls_parallel(in->run, n, fit_column, &job, err);
    mls_free(job.all);
    mls_level_lists_free(job.lists, n);
    return ok;
}

/* ---- what was learned ---- */

static int64_t output_count(const struct mls_step *step)
{
    return mls_arrays_find(&step->arrays, "mean")->count;
}

static bool all_finite(const struct mls_step *step, const char *name,
                       int64_t count, struct mls_error *err)
{
    const double *values =
        mls_arrays_get(&step->arrays, name, MLS_F64, count, err);

    for (int64_t i = 0; values && i < count; i++)
        if (!isfinite(values[i]))
            return mls_columns_refuse(step, name, err);
    return values != NULL;
}

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    const struct mls_array *mean = mls_arrays_find(&step->arrays, "mean");
    int64_t o = mean ? mean->count : 0, levels;
    struct mls_list classes = { 0 };
    bool ok;

    if (o < 1 || o > 1000000)
        return mls_columns_refuse(step, "mean", err);
    if (!mls_levels_check(step, in, err))
        return false;
    levels = mls_levels_of(step)->first[step->input_count];
    ok = all_finite(step, "mean", o, err)
        && all_finite(step, "encoding", levels * o, err)
        && all_finite(step, "missing", step->input_count * o, err);
    if (!ok || o == 1)
        return ok;
    ok = mls_arrays_get_texts(&step->arrays, "class", &classes, err);
    if (ok && classes.count != o)
        ok = mls_columns_refuse(step, "class", err);
    mls_list_clear(&classes);
    return ok;
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    int64_t count = output_count(step);
    struct mls_list classes = { 0 };
    bool ok;

    if (count == 1)
        return mls_columns_plan_real(step, k, field, plan, err);
    ok = mls_arrays_get_texts(&step->arrays, "class", &classes, err);
    for (int64_t o = 0; ok && o < count; o++)
        ok = mls_plan_make_real(plan, field, ':', classes.items[o],
                                strlen(classes.items[o]), err);
    mls_list_clear(&classes);
    return ok;
}

/* ---- apply ---- */

/* One set of encodings. */
struct encodings {
    const double *level, *missing, *mean;
};

static const double *encoding_of(const struct mls_step *step, int64_t k,
                                 uint32_t code, int64_t outputs,
                                 const struct encodings *e)
{
    const struct mls_levels *levels = mls_levels_of(step);
    int32_t number;

    if (code == MLS_CODE_MISSING)
        return e->missing + k * outputs;
    number = mls_levels_number(levels, k, code);
    return number < 0 ? e->mean
                      : e->level + (levels->first[k] + number) * outputs;
}

/* set says which encodings a row of the block has; folds sets, or one. */
static bool fill(const struct mls_step *step, const struct mls_block *in,
                 const struct mls_arrays *from, const uint64_t *seed,
                 int64_t folds, struct mls_column **made,
                 struct mls_error *err)
{
    int64_t outputs = output_count(step), inputs = step->input_count;
    int64_t levels = mls_levels_of(step)->first[inputs];
    const double *level = mls_arrays_find(from, "encoding")->data;
    const double *missing = mls_arrays_find(from, "missing")->data;
    const double *mean = mls_arrays_find(from, "mean")->data;

    for (int64_t m = 0; m < inputs * outputs; m++) {
        made[m] = mls_column_new(MLS_STORE_REAL, in->rows, 0, false, err);
        if (!made[m])
            return false;
    }
    for (int64_t i = 0; i < in->rows; i++) {
        int64_t f = seed ? fold_of(*seed, folds, in->first_row + i) : 0;
        struct encodings e = { level + f * levels * outputs,
                               missing + f * inputs * outputs,
                               mean + f * outputs };

        for (int64_t k = 0; k < inputs; k++) {
            const double *value =
                encoding_of(step, k, in->columns[step->input[k]]->code[i],
                            outputs, &e);

            for (int64_t o = 0; o < outputs; o++)
                made[k * outputs + o]->real[i] = value[o];
        }
    }
    return true;
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    return fill(step, in, &step->arrays, NULL, 1, made, err);
}

static bool apply_training(const struct mls_step *step,
                           const struct mls_block *in,
                           struct mls_column **made, struct mls_error *err)
{
    const struct target_params *p = step->params;

    return fill(step, in, &step->training,
                mls_arrays_find(&step->training, "seed")->data, p->folds, made,
                err);
}

static bool describe_level(const struct mls_step *step, int64_t k, int64_t i,
                           struct mls_json *to, struct mls_error *err)
{
    const struct mls_levels *levels = mls_levels_of(step);
    const double *encoding = mls_columns_data(step, "encoding");
    int64_t outputs = output_count(step);
    struct mls_json *item = mls_json_add_object(to, NULL, err), *values = NULL;
    size_t length;
    const char *bytes = mls_levels_text(levels, k, i, &length);
    char *text = item ? mls_copy_bytes(bytes, length, err) : NULL;
    bool ok = text && mls_json_add_text(item, "level", text, err);

    mls_free(text);
    if (ok)
        values = mls_json_add_array(item, "encoding", err);
    ok = values != NULL;
    for (int64_t o = 0; ok && o < outputs; o++)
        ok = mls_json_add_real(values, NULL,
                               encoding[(levels->first[k] + i) * outputs + o],
                               err);
    return ok;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        struct mls_json *column =
            mls_columns_describe_one(step, k, columns, err);
        struct mls_json *levels = NULL;

        ok = column != NULL;
        if (ok)
            levels = mls_json_add_array(column, "levels", err);
        ok = levels != NULL;
        for (int64_t i = 0;
             ok && i < mls_levels_count(mls_levels_of(step), k); i++)
            ok = describe_level(step, k, i, levels, err);
    }
    return ok;
}

const struct mls_step_type mls_step_target = {
    .name = "target",
    .family = "encode",
    .summary = "each level becomes the mean of the target, cross-fitted",
    .source = "Micci-Barreca (2001), SIGKDD Explorations 3(1), 27-32; Pargent "
              "et al. (2022), Computational Statistics 37, 2671-2692",
    .fits = MLS_KINDS_CODED,
    .needs_target = true,
    .tasks = MLS_TASK_REGRESSION | MLS_TASK_CLASSIFICATION,
    .params = params,
    .params_size = sizeof(struct target_params),
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .apply_training = apply_training,
    .describe = describe,
};
