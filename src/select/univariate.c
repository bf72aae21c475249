/*
 * Scores each column by itself against the target and keeps the best.
 *
 *   f                   classification: one-way analysis of variance;
 *                       regression: the slope of a simple regression.  Numeric
 *                       columns, over the rows that have a value.  A coded
 *                       column has no such score: it is kept, and this is said.
 *   chi2                classification, with class totals as expected.  A coded
 *                       column: Pearson's statistic of its table with the
 *                       classes, over rows with a value.  A column of counts
 *                       (no value below 0): that of its sums in the classes,
 *                       as scikit-learn's.  A column with values below 0 has
 *                       no such score: it is kept, and this is said.
 *   mutual_information  in nats beyond chance, of any kind of relation (a column
 *                       of many levels gains nothing by them).  Numbers (and a
 *                       numeric target) are cut into bins of equal frequency;
 *                       missing cells are a level of their own, so that a
 *                       column whose holes tell something scores for them.
 *
 * Bins: the cube root of the total weight, from 2 to 32, so that each cell of
 * the table of two binned columns holds some rows.
 *
 * auto is f when all inputs are numbers, or when alpha is given; else mutual
 * information.
 */
#include "base/memory.h"
#include "base/threads.h"
#include "select/select.h"
#include "stats/association.h"
#include "stats/distribution.h"

enum score { AUTO, F, MUTUAL_INFORMATION, CHI2 };
static const char *const scores[] = { "auto", "f", "mutual_information", "chi2",
                                      NULL };

struct univariate_params {
    int score;
    int64_t k;
    double alpha;
};

#define FIELD(name) #name, .at = offsetof(struct univariate_params, name)
static const struct mls_param params[] = {
    { FIELD(score), .kind = MLS_CHOICE, .choices = scores, .def = AUTO,
      .help = "what columns are judged by" },
    { FIELD(k), .kind = MLS_INTEGER, .def = MLS_AUTO, .min = 1, .max = 1e6,
      .help = "how many to keep; auto: half, or all under alpha" },
    { FIELD(alpha), .kind = MLS_REAL, .def = MLS_AUTO, .min = 0, .max = 1,
      .help = "with f and chi2: keep only columns with a p value below it" },
    { 0 }
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    enum score score;
    struct mls_selection to;
    int64_t bins;
    const double *codes;        /* the target as codes, for information */
    int64_t code_count;
    uint8_t *unjudged;          /* the score does not apply to it */
};

static const struct mls_field *field_of(const struct fit_job *job, int64_t k)
{
    return &job->in->table->schema.fields[job->step->input[k]];
}

static bool is_coded(const struct mls_field *field)
{
    return (MLS_KINDS_CODED & MLS_KIND_BIT(field->kind)) != 0;
}

/* ---- the two scores ---- */

static bool score_f(const struct fit_job *job, double *x, double *y, double *w,
                    double *f, double *p, struct mls_error *err)
{
    const struct mls_target *target = job->in->target;
    int64_t n = mls_select_complete(x, y, w, job->in->table->rows);

    if (n == 0)
        return true;
    if (target->task == MLS_REGRESSION)
        return mls_regression_f(x, y, w, n, f, p, err);
    return mls_anova_f(x, y, target->classes, w, n, f, p, err);
}

static bool fit_f(struct fit_job *job, int64_t k, double *x,
                  struct mls_error *err)
{
    const struct mls_target *target = job->in->target;
    double *y, *w = NULL;
    bool ok;

    if (is_coded(field_of(job, k))) {
        job->unjudged[k] = 1;
        return true;
    }
    y = mls_select_copy(target->y, job->in->table->rows, err);
    ok = y != NULL;
    if (ok && target->weight) {
        w = mls_select_copy(target->weight, job->in->table->rows, err);
        ok = w != NULL;
    }
    ok = ok
        && score_f(job, x, y, w, &job->to.score[k], &job->to.p_value[k], err);
    mls_free(w);
    mls_free(y);
    return ok;
}

/* Pearson's statistic of a table of cells (rows x classes): each against what
 * the totals make one expect; rows and classes without weight do not count.
 * The degrees of freedom are those of the table, or with counts of a row. */
static void chi2_of_table(const double *cell, int64_t rows, int64_t classes,
                          const double *class_total, bool counts,
                          double *score, double *p)
{
    double all = 0, statistic = 0;
    int64_t row_count = 0, class_count = 0;

    for (int64_t c = 0; c < classes; c++) {
        all += class_total[c];
        class_count += class_total[c] > 0;
    }
    for (int64_t r = 0; r < rows; r++) {
        double total = 0;

        for (int64_t c = 0; c < classes; c++)
            total += cell[r * classes + c];
        row_count += total > 0;
        for (int64_t c = 0; total > 0 && c < classes; c++) {
            double expected = total * (class_total[c] / all);
            double d = cell[r * classes + c] - expected;

            if (expected > 0)
                statistic += d * d / expected;
        }
    }
    *score = statistic;
    row_count -= counts ? 0 : 1;
    *p = row_count > 0 && class_count > 1
        ? mls_chi2_survival(statistic,
                            (double)(row_count * (class_count - 1)))
        : 1;
}

/* Cells: the weight of each level in each class, or the weighted sum of the
 * counts in each class. */
static bool fit_chi2(struct fit_job *job, int64_t k, const double *x,
                     struct mls_error *err)
{
    const struct mls_target *target = job->in->target;
    const struct mls_field *field = field_of(job, k);
    bool counts = !is_coded(field);
    int64_t n = job->in->table->rows, classes = target->classes;
    int64_t rows = counts ? 1 : field->dictionary->count;
    double *cell, *total;

    for (int64_t i = 0; counts && i < n; i++) {
        if (!(x[i] < 0))
            continue;
        job->unjudged[k] = 1;
        return true;
    }
    cell = mls_new(rows * classes, sizeof(*cell), err);
    total = cell ? mls_new(classes, sizeof(*total), err) : NULL;
    for (int64_t i = 0; total && i < n; i++) {
        double w = target->weight ? target->weight[i] : 1;
        int64_t c = (int64_t)target->y[i];

        if (isnan(x[i]))
            continue;
        total[c] += w;
        cell[counts ? c : (int64_t)x[i] * classes + c] += counts ? w * x[i] : w;
    }
    if (total)
        chi2_of_table(cell, rows, classes, total, counts, &job->to.score[k],
                      &job->to.p_value[k]);
    mls_free(cell);
    mls_free(total);
    return total != NULL;
}

/* Codes of a column: its levels and one more for missing cells, or bins. */
static bool code_column(const struct fit_job *job, int64_t k, const double *x,
                        double *codes, int64_t *count, struct mls_error *err)
{
    const struct mls_field *field = field_of(job, k);
    int64_t n = job->in->table->rows;

    if (!is_coded(field))
        return mls_bin_equal_frequency(x, job->in->target->weight, n,
                                       job->bins, codes, count, err);
    *count = field->dictionary->count + 1;
    for (int64_t i = 0; i < n; i++)
        codes[i] = isnan(x[i]) ? (double)(*count - 1) : x[i];
    return true;
}

static bool fit_information(const struct fit_job *job, int64_t k,
                            const double *x, struct mls_error *err)
{
    int64_t n = job->in->table->rows, count;
    double *codes = mls_new_array(n, sizeof(*codes), err);
    bool ok = codes && code_column(job, k, x, codes, &count, err)
        && mls_mutual_information(codes, count, job->codes, job->code_count,
                                  job->in->target->weight, n,
                                  &job->to.score[k], err);

    mls_free(codes);
    return ok;
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    double *x = mls_step_gather(job->step, job->in, k, err);
    bool ok = x
        && (job->score == F      ? fit_f(job, k, x, err)
            : job->score == CHI2 ? fit_chi2(job, k, x, err)
                                 : fit_information(job, k, x, err));

    mls_free(x);
    return ok;
}

/* ---- fit ---- */

static bool choose_score(struct fit_job *job, struct mls_error *err)
{
    const struct univariate_params *p = job->step->params;
    bool any_coded = false;

    for (int64_t k = 0; k < job->step->input_count; k++)
        any_coded = any_coded || is_coded(field_of(job, k));
    job->score = (enum score)p->score;
    if (job->score == AUTO)
        job->score = any_coded && isnan(p->alpha) ? MUTUAL_INFORMATION : F;
    if (job->score == CHI2 && job->in->target->task == MLS_REGRESSION) {
        mls_fail(err, MLS_USAGE, "step %s: score chi2 needs classes",
                 job->step->name);
        return mls_fail_fix(err, "use score f or mutual_information");
    }
    if (job->score != MUTUAL_INFORMATION || isnan(p->alpha))
        return true;
    mls_fail(err, MLS_USAGE, "step %s: alpha is for score f: mutual "
                             "information has no p value", job->step->name);
    return mls_fail_fix(err, "use k, or --set %s.score=f", job->step->name);
}

static int64_t bins_for(const struct mls_step_input *in)
{
    const double *w = in->target->weight;
    double total = w ? 0 : (double)in->table->rows;
    int64_t bins = 2;

    for (int64_t i = 0; w && i < in->table->rows; i++)
        total += w[i];
    while (bins < 32 && (double)((bins + 1) * (bins + 1) * (bins + 1)) <= total)
        bins++;
    return bins;
}

/* A numeric target is binned like a column; *binned is what to free. */
static bool code_target(struct fit_job *job, double **binned,
                        struct mls_error *err)
{
    const struct mls_target *target = job->in->target;
    int64_t n = job->in->table->rows;

    job->bins = bins_for(job->in);
    job->codes = target->y;
    job->code_count = target->classes;
    if (target->task != MLS_REGRESSION)
        return true;
    *binned = mls_new_array(n, sizeof(**binned), err);
    job->codes = *binned;
    return *binned
        && mls_bin_equal_frequency(target->y, target->weight, n, job->bins,
                                   *binned, &job->code_count, err);
}

static bool choose(struct fit_job *job, struct mls_error *err)
{
    const struct univariate_params *p = job->step->params;
    struct mls_selection *to = &job->to;
    int64_t *order = mls_select_by_score(job->step, to->score, err);
    int64_t n = job->step->input_count, judged = 0, left;

    if (!order)
        return false;
    for (int64_t k = 0; k < n; k++) {
        to->keep[k] = job->unjudged[k];
        judged += !job->unjudged[k];
    }
    left = p->k;
    if (p->k == MLS_AUTO_INTEGER)
        left = isnan(p->alpha) ? mls_select_half(judged) : judged;
    for (int64_t i = 0; i < n && left > 0; i++) {
        int64_t k = order[i];

        if (to->keep[k] || isnan(to->score[k])
            || (!isnan(p->alpha) && !(to->p_value[k] < p->alpha)))
            continue;
        to->keep[k] = 1;
        left--;
    }
    mls_free(order);
    return true;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in };
    double *binned = NULL;
    bool ok = choose_score(&job, err)
        && mls_select_new(step,
                          job.score == MUTUAL_INFORMATION ? 0
                                                          : MLS_WITH_P_VALUE,
                          &job.to, err);

    if (ok) {
        job.unjudged = mls_new(step->input_count, 1, err);
        ok = job.unjudged != NULL;
    }
    if (ok && job.score == MUTUAL_INFORMATION)
        ok = code_target(&job, &binned, err);
    ok = ok
        && mls_parallel(in->run, step->input_count, fit_column, &job, err)
        && choose(&job, err);
    /* Says which columns the score does not apply to. */
    if (ok)
        mls_step_note(step, in->run, job.unjudged,
                      job.score == F
                          ? "has no F score and is kept (score "
                            "mutual_information judges such columns too)"
                          : "has values below 0, so no chi2, and is kept");
    mls_free(job.unjudged);
    mls_free(binned);
    if (ok)
        mls_select_warn(step, in->run, &job.to);
    return ok;
}

const struct mls_step_type mls_select_univariate = {
    .name = "univariate",
    .family = "select",
    .summary = "keeps the columns that by themselves tell most of the target",
    .source = "Fisher (1925), Statistical Methods for Research Workers; Vinh, "
              "Epps & Bailey (2010), JMLR 11, 2837-2854",
    .fits = MLS_KINDS_NUMERIC | MLS_KINDS_CODED,
    .needs_target = true,
    .tasks = MLS_TASK_ANY,
    .params = params,
    .params_size = sizeof(struct univariate_params),
    .fit = fit,
    .check = mls_select_check,
    .plan_input = mls_select_plan_input,
    .describe = mls_select_describe,
};
