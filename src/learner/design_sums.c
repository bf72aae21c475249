/*
 * Centred sums by one gram matrix.
 *
 * Of columns less their means: but the means take a pass of their own, and that
 * pass waits for memory.  So columns are taken about a guess, the mean of some
 * rows evenly over the table, and put right after:
 *
 *      sum w (x - m)(z - o)  =  sum w (x - a)(z - b)  -  s t / sum w
 *      s = sum w (x - a),  t = sum w (z - b),  m = a + s / sum w
 *
 * The subtraction costs as many digits as the guess is off, in deviations of
 * the column: none to speak of, unless a few rows hold most of it.  Where it is
 * off by more than one, the pass is made again about the means.
 */
#include "learner/design_sums.h"

#include <math.h>

#include "base/memory.h"
#include "learner/design.h"

enum { SAMPLE = 64 };

/* From the first row on, so that a constant is met exactly. */
static double guess(const double *x, int64_t n)
{
    int64_t count = n < SAMPLE ? n : SAMPLE;
    double sum = 0;

    for (int64_t k = 0; k < count; k++)
        sum += x[k * n / count] - x[0];
    return x[0] + sum / (double)count;
}

/* gram: features + 2 a side. */
struct summing {
    const struct mls_run *run;
    struct mls_centred in;
    double *about;
    struct mls_matrix gram;
};

static double cell(const struct summing *s, int64_t i, int64_t j)
{
    return s->gram.data[i + j * s->gram.stride];
}

/* The sum of column j, the target's for j = features. */
static double sum_of(const struct summing *s, int64_t j)
{
    return cell(s, j, s->gram.columns - 1);
}

/* About the means instead; false when they were met well enough. */
static bool move_to_means(struct summing *s, double weight)
{
    int64_t p = s->in.x->columns;
    bool far = false;

    for (int64_t j = 0; j <= p; j++) {
        double shift = sum_of(s, j) / weight, lost = shift * sum_of(s, j);

        far = far || lost > cell(s, j, j) - lost;
    }
    for (int64_t j = 0; far && j <= p; j++)
        *(j < p ? &s->about[j] : &s->in.y_about) += sum_of(s, j) / weight;
    return far;
}

static bool add_up(struct summing *s, const struct mls_dataset *data,
                   bool centre, double weight, struct mls_error *err)
{
    int64_t p = data->features;

    s->in = (struct mls_centred){ .x = &data->x, .about = s->about,
                                  .y = data->target.y,
                                  .w = data->target.weight };
    for (int64_t j = 0; centre && j < p; j++)
        s->about[j] = guess(data->x.data + j * data->x.stride, data->rows);
    if (centre)
        s->in.y_about = guess(data->target.y, data->rows);
    return mls_centred_gram(s->run, &s->in, &s->gram, err)
        && (!centre || !move_to_means(s, weight)
            || mls_centred_gram(s->run, &s->in, &s->gram, err));
}

/* What is left of two columns after their means are taken out. */
static double rest(const struct summing *s, int64_t i, int64_t j, bool centre,
                   double weight)
{
    return centre ? cell(s, i, j) - sum_of(s, i) * (sum_of(s, j) / weight)
                  : cell(s, i, j);
}

static void fill(const struct summing *s, bool centre,
                 struct mls_design_sums *sums)
{
    int64_t p = s->in.x->columns;
    double weight = sums->weight;

    for (int64_t j = 0; j < p; j++) {
        double *column = sums->gram.data + j * p;

        for (int64_t i = 0; i <= j; i++)
            column[i] = rest(s, i, j, centre, weight);
        column[j] = fmax(column[j], 0);
        sums->square[j] = column[j];
        sums->xy[j] = rest(s, j, p, centre, weight);
        sums->mean[j] = centre ? s->about[j] + sum_of(s, j) / weight : 0;
    }
    sums->y_square = fmax(rest(s, p, p, centre, weight), 0);
    sums->y_mean = centre ? s->in.y_about + sum_of(s, p) / weight : 0;
    mls_matrix_mirror(&sums->gram);
}

/* fmax hides a NaN, so the sums themselves are looked at. */
static bool check(const struct summing *s, const struct mls_dataset *data,
                  const struct mls_design_sums *sums, struct mls_error *err)
{
    for (int64_t j = 0; j < data->features; j++) {
        if (!isfinite(cell(s, j, j) * sums->weight)
            || !isfinite(sums->mean[j])) {
            return mls_design_too_large(data, j, err);
        }
    }
    return true;
}

bool mls_design_sums_new(const struct mls_run *run,
                         const struct mls_dataset *data, bool centre,
                         struct mls_design_sums *sums, struct mls_error *err)
{
    struct summing s = { .run = run };
    int64_t p = data->features;
    bool ok;

    *sums = (struct mls_design_sums){ .weight = mls_design_weight(data) };
    s.about = mls_new(p, sizeof(double), err);
    ok = s.about && mls_matrix_new(&s.gram, p + 2, p + 2, err)
        && mls_matrix_new(&sums->gram, p, p, err)
        && (sums->mean = mls_new(p, sizeof(double), err)) != NULL
        && (sums->square = mls_new(p, sizeof(double), err)) != NULL
        && (sums->xy = mls_new(p, sizeof(double), err)) != NULL
        && add_up(&s, data, centre, sums->weight, err);
    if (ok) {
        fill(&s, centre, sums);
        ok = check(&s, data, sums, err);
    }
    mls_free(s.gram.data);
    mls_free(s.about);
    return ok;
}

void mls_design_sums_clear(struct mls_design_sums *sums)
{
    mls_free(sums->gram.data);
    mls_free(sums->mean);
    mls_free(sums->square);
    mls_free(sums->xy);
    *sums = (struct mls_design_sums){ 0 };
}
