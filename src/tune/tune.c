/*
 * The search itself: claim a trial, set its params in a copy of the pipeline,
 * cross-validate, write the result down; until no trial is left.
 *
 * The best is chosen from the study, not from what this process ran, so any
 * number of processes, interrupted or not, choose the same.
 */
#include <math.h>
#include <time.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "pipeline/pipeline.h"
#include "tune/range.h"
#include "tune/study.h"

struct tuning {
    struct mls_pipeline *p;
    const struct mls_table *table;
    const struct mls_tune_options *options;
    const struct mls_run *run;
    const struct mls_search_type *search;
    const struct mls_metric_type *metric;
    struct mls_range *ranges;
    int64_t range_count, trials;
    struct mls_study *study;
    double *position;           /* scratch: one a range */
};

/* --- what the study is about -------------------------------------------- */

static void format_ranges(const struct tuning *t, struct mls_text *text)
{
    for (int64_t i = 0; i < t->range_count; i++) {
        mls_text_add(text, i ? " " : "");
        mls_range_format(&t->ranges[i], text);
    }
}

static bool add_params(const struct mls_pipeline *p, struct mls_json *to,
                       struct mls_error *err)
{
    struct mls_json *params = mls_json_add_object(to, "params", err);

    return params
        && mls_recipe_params_to_json(p->learner->params, p->params, params,
                                     err);
}

/* Frozen ones with what they learned. */
static bool add_steps(const struct mls_pipeline *p, struct mls_json *to,
                      struct mls_error *err)
{
    struct mls_json *steps = mls_json_add_array(to, "steps", err);
    bool ok = steps != NULL;

    for (int64_t i = 0; ok && i < p->step_count; i++) {
        struct mls_json *item = mls_json_add_object(steps, NULL, err);
        char learned[33];

        ok = item && mls_recipe_step_to_json(p->steps[i], item, err);
        if (!ok || !p->frozen)
            continue;
        ok = mls_fingerprint_arrays(&p->steps[i]->arrays, learned, err)
            && mls_json_add_text(item, "learned", learned, err);
    }
    return ok;
}

static bool format_pipeline(const struct mls_pipeline *p,
                            struct mls_text *text, struct mls_error *err)
{
    struct mls_json *json = mls_json_new_object(err);
    bool ok = json && add_params(p, json, err) && add_steps(p, json, err)
        && mls_json_add_integer(json, "task", p->task, err)
        && mls_json_add_integer(json, "seed", (int64_t)p->seed, err)
        && mls_json_add_bool(json, "drop_missing_target",
                             p->drop_missing_target, err)
        && (p->classes.count == 0 || mls_json_add_text(json, "last_class",
                mls_pipeline_class(p, (int)p->classes.count - 1), err))
        && (!p->class_weight || mls_json_add_text(json, "class_weight",
                                                  p->class_weight, err))
        && (!p->has_threshold
            || mls_json_add_real(json, "threshold", p->threshold, err))
        && mls_json_print(json, false, text, err);

    mls_json_free(json);
    return ok;
}

/* Names, kinds, and what each column is for. */
static bool format_columns(const struct mls_pipeline *p, struct mls_text *text,
                           struct mls_error *err)
{
    struct mls_json *json = mls_json_new_object(err);
    bool ok = json && mls_schema_to_json(&p->schema, false, json, err)
        && mls_json_print(json, false, text, err);

    mls_json_free(json);
    return ok;
}

static bool format_data(const struct tuning *t, struct mls_text *text,
                        struct mls_error *err)
{
    struct mls_table arranged = { 0 };
    struct mls_json *json = NULL;
    bool ok = mls_pipeline_arrange(t->p, t->table, &arranged, err)
        /* No run: what a study is of is said even when its time is up. */
        && (json = mls_fingerprint(&arranged, NULL, err)) != NULL
        && mls_json_print(json, false, text, err);

    mls_json_free(json);
    mls_table_clear(&arranged);
    return ok;
}

static bool open_study(struct tuning *t, struct mls_error *err)
{
    struct mls_text ranges = { 0 }, pipeline = { 0 }, columns = { 0 };
    struct mls_text data = { 0 };
    char folds[MLS_REAL_TEXT], seed[MLS_REAL_TEXT];
    bool ok;

    mls_format_integer(t->options->folds, folds);
    mls_format_integer((int64_t)t->options->seed, seed);
    format_ranges(t, &ranges);
    ok = mls_text_ok(&ranges, err) && format_pipeline(t->p, &pipeline, err)
        && format_columns(t->p, &columns, err) && format_data(t, &data, err);
    if (ok) {
        const struct mls_study_fact facts[] = {
            { "version", MLS_VERSION },
            { "search", t->search->name },
            { "range", ranges.bytes },
            { "number of folds", folds },
            { "metric", t->metric->name },
            { "seed", seed },
            { "target", mls_pipeline_target(t->p) },
            { "learner", t->p->learner->name },
            { "pipeline", pipeline.bytes },
            { "use of the columns", columns.bytes },
            { "table", data.bytes },
        };
        t->study = mls_study_open(t->options->study, facts,
                                  sizeof facts / sizeof *facts, err);
    }
    mls_text_clear(&ranges);
    mls_text_clear(&pipeline);
    mls_text_clear(&columns);
    mls_text_clear(&data);
    return t->study != NULL;
}

/* --- one trial ---------------------------------------------------------- */

static bool add_setting(const struct mls_range *range, double position,
                        struct mls_pipeline *p, struct mls_text *params,
                        struct mls_error *err)
{
    struct mls_text value = { 0 };
    bool ok;

    mls_range_value(range, position, &value);
    mls_text_add(params, params->length ? " " : "");
    mls_text_add(params, range->key);
    mls_text_add(params, "=");
    mls_text_add(params, value.bytes);
    ok = mls_text_ok(&value, err)
        && mls_pipeline_set(p, range->key, value.bytes, err);
    mls_text_clear(&value);
    return ok;
}

/* Sets the params of trial i in p; params receives them as text. */
static bool propose(const struct tuning *t, int64_t i, struct mls_pipeline *p,
                    struct mls_text *params, struct mls_error *err)
{
    if (!t->search->propose(t->ranges, t->range_count, t->options->seed, i,
                            t->position)) {
        mls_text_add(params, "as given");
        return mls_text_ok(params, err);
    }
    for (int64_t k = 0; k < t->range_count; k++)
        if (!add_setting(&t->ranges[k], t->position[k], p, params, err))
            return false;
    return mls_text_ok(params, err);
}

static bool measure(const struct tuning *t, const struct mls_pipeline *p,
                    struct mls_trial *trial, struct mls_error *err)
{
    struct mls_evaluate_options options = {
        .metrics = t->metric->name, .threshold = NAN,
        .seed = t->options->seed
    };
    struct mls_evaluation e;

    if (!mls_cross_validate(p, t->table, t->options->folds, &options, t->run,
                            &e, err))
        return false;
    trial->value = e.figures[0].value;
    trial->sd = e.figures[0].sd;
    mls_evaluation_clear(&e);
    return isfinite(trial->value)
        || mls_fail(err, MLS_DATA, "%s is no finite number",
                    t->metric->name);
}

/* Errors that speak of the params are the trial's; others end the search. */
static bool is_trials_own(const struct mls_error *err)
{
    return err->code == MLS_DATA || err->code == MLS_USAGE;
}

static bool run_trial(const struct tuning *t, int64_t i, struct mls_error *err)
{
    struct mls_trial trial = { .number = i, .value = NAN, .sd = NAN };
    struct mls_pipeline *p = mls_pipeline_copy(t->p, err);
    struct mls_text params = { 0 };
    struct mls_error own = { 0 };
    char message[1024];
    double start = mls_now();
    bool ok = p && propose(t, i, p, &params, &own);

    ok = ok && measure(t, p, &trial, &own);
    if (p && !ok && is_trials_own(&own)) {
        trial.failure = mls_error_text(&own, message, sizeof message);
        ok = true;
    } else if (p && !ok) {
        *err = own;
    }
    trial.params = params.bytes;
    trial.seconds = mls_now() - start;
    ok = ok && mls_study_finish(t->study, &trial, err);
    mls_text_clear(&params);
    mls_pipeline_free(p);
    return ok;
}

static bool at_deadline(const struct mls_run *run)
{
    return run && run->deadline > 0 && mls_now() >= run->deadline;
}

static void wait_a_little(void)
{
    struct timespec pause = { 0, 50000000 };

    nanosleep(&pause, NULL);
}

/* Until no trial is open, here or in another process. */
static bool run_all(const struct tuning *t, struct mls_error *err)
{
    int64_t trial, open;
    struct mls_error own = { 0 }, ignored;

    while (mls_run_go_on(t->run, &own)
           && mls_study_claim(t->study, t->trials, &trial, &open, &own)) {
        mls_progress(t->run, "trials", (double)(t->trials - open),
                     (double)t->trials);
        if (open == 0)
            return true;
        if (trial < 0)
            wait_a_little();
        else if (!run_trial(t, trial, &own)) {
            bool released = mls_study_release(t->study, trial, &ignored);

            (void)released; /* the first error is the one to tell */
            break;
        }
    }
    if (own.code == MLS_LIMIT && at_deadline(t->run))
        return true;
    *err = own;
    return false;
}

/* --- the result --------------------------------------------------------- */

static bool better(const struct tuning *t, double a, double b)
{
    if (isnan(a) || isnan(b))
        return !isnan(a);
    return t->metric->larger_is_better ? a > b : a < b;
}

static bool all_failed(const struct mls_study_result *r,
                       struct mls_error *err)
{
    for (int64_t i = 0; i < r->count; i++)
        if (r->trials[i].failure)
            return mls_fail(err, MLS_DATA, "every trial failed, the first "
                                           "with: %s", r->trials[i].failure);
    mls_fail(err, MLS_LIMIT, "no trial was done in time");
    return mls_fail_fix(err, "give a longer --time-budget");
}

static bool choose_best(struct tuning *t, struct mls_study_result *r,
                        struct mls_error *err)
{
    struct mls_text params = { 0 };
    bool ok;

    r->best = -1;
    for (int64_t i = 0; i < r->count; i++)
        if (better(t, r->trials[i].value,
                   r->best < 0 ? NAN : r->trials[r->best].value))
            r->best = i;
    if (r->best < 0)
        return all_failed(r, err);
    ok = propose(t, r->trials[r->best].number, t->p, &params, err);
    mls_text_clear(&params);
    return ok;
}

static bool count_done(struct tuning *t, int64_t *done,
                          struct mls_error *err)
{
    struct mls_study_result before = { 0 };
    bool ok = mls_study_results(t->study, t->trials, &before, err);

    *done = before.count;
    mls_study_result_clear(&before);
    return ok;
}

/* A second range for a param would win without a word. */
static bool is_first(const struct tuning *t, int64_t at, struct mls_error *err)
{
    for (int64_t i = 0; i < at; i++)
        if (mls_range_same(t->p, &t->ranges[i], &t->ranges[at])) {
            mls_fail(err, MLS_USAGE, "--range: %s is there twice",
                     t->ranges[at].param->name);
            return mls_fail_fix(err, "leave out one of the two");
        }
    return true;
}

static bool make_ranges(struct tuning *t, struct mls_error *err)
{
    const struct mls_tune_options *o = t->options;
    int64_t size;

    if (o->range_count == 0) {
        if (!mls_range_defaults(t->p, &t->ranges, &t->range_count, err))
            return false;
    } else {
        t->ranges = mls_new(o->range_count, sizeof *t->ranges, err);
        if (!t->ranges)
            return false;
        for (int64_t i = 0; i < o->range_count; i++)
            if (t->range_count++, !mls_range_parse(t->p, o->ranges[i],
                                                   &t->ranges[i], err)
                || !is_first(t, i, err))
                return false;
    }
    t->position = mls_new(t->range_count, sizeof *t->position, err);
    size = t->search->size(t->ranges, t->range_count);
    t->trials = o->trials > 0 ? o->trials
        : t->search->trials   ? t->search->trials
                              : size;
    if (size && t->trials > size)
        t->trials = size;
    return t->position != NULL;
}

static bool begin(struct tuning *t, struct mls_error *err)
{
    const char *name = t->options->metric;

    if (!t->p->learner) {
        mls_fail(err, MLS_USAGE, "the pipeline has no learner to tune");
        return mls_fail_fix(err, "name one with --learner");
    }
    if (t->options->folds < 2) {
        mls_fail(err, MLS_USAGE, "trials are measured by 2 folds or more, not "
                                 "%d", t->options->folds);
        return mls_fail_fix(err, "leave out --cv, or pass --cv 5");
    }
    t->search = mls_search_find(t->options->search, err);
    t->metric = name ? mls_metric_find(name, t->p->task, err)
                     : mls_metric_default(t->p->task);
    return t->search && t->metric && make_ranges(t, err)
        && open_study(t, err);
}

bool mls_tune(struct mls_pipeline *p, const struct mls_table *table,
              const struct mls_tune_options *options,
              const struct mls_run *run, struct mls_study_result *out,
              struct mls_error *err)
{
    struct tuning t = { .p = p, .table = table, .options = options,
                        .run = run };
    int64_t resumed = 0;
    bool ok;

    *out = (struct mls_study_result){ .best = -1 };
    ok = begin(&t, err) && count_done(&t, &resumed, err) && run_all(&t, err)
        && mls_study_results(t.study, t.trials, out, err)
        && choose_best(&t, out, err);
    out->resumed = resumed;
    mls_study_close(t.study);
    for (int64_t i = 0; i < t.range_count; i++)
        mls_range_clear(&t.ranges[i]);
    mls_free(t.ranges);
    mls_free(t.position);
    if (!ok)
        mls_study_result_clear(out);
    return ok;
}

void mls_study_result_clear(struct mls_study_result *r)
{
    for (int64_t i = 0; i < r->count; i++) {
        mls_free(r->trials[i].params);
        mls_free(r->trials[i].failure);
    }
    mls_free(r->trials);
    *r = (struct mls_study_result){ .best = -1 };
}
