/*
 * Objectives.  With s the raw score, y the target:
 *
 *   logistic   log(1 + e^s) - y s            p - y              p (1 - p)
 *   softmax    log sum e^s_k - s_y           p_k - [y = k]      K/(K-1) p (1 - p)
 *   squared    (s - y)^2 / 2                 s - y              1
 *   absolute   |s - y|                       sign(s - y)        1
 *   huber      squared within alpha          clipped            1
 *   quantile   pinball of level alpha        (s > y) - alpha    1
 *   poisson    e^s - y s                     e^s - y            e^(s + step)
 *   gamma      s + y e^-s                    1 - y e^-s         y e^-s
 *   tweedie    e^((2-p)s)/(2-p) - y e^((1-p)s)/(1-p)
 *
 * One tree a class and round sees the others stand still, so softmax takes
 * K/(K-1) of the diagonal of the hessian (Friedman 2001).
 *
 * The exponential is our own, four lanes wide: the library's would be another
 * one on another system, and is not written for lanes.  Its relative error is
 * under 1e-11, far below what a tree can see; the same bits everywhere.
 */
#include "learner/gbdt_objective.h"

#include <math.h>

#include "learner/learners.h"
#include "stats/summary.h"

const char *const mls_objective_names[] = {
    "auto", "logistic", "softmax", "squared", "absolute", "huber", "quantile",
    "poisson", "gamma", "tweedie", NULL
};

enum { LANES = 4 };
typedef double reals __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t wholes __attribute__((vector_size(32), aligned(8), may_alias));

#define SPLAT(x) { x, x, x, x }
#define PICK(mask, a, b) \
    ((reals)(((wholes)(mask) & (wholes)(a)) | (~(wholes)(mask) & (wholes)(b))))

/* ---- Which ------------------------------------------------------------- */

static bool classifies(enum mls_objective_kind kind)
{
    return kind == MLS_OBJECTIVE_LOGISTIC || kind == MLS_OBJECTIVE_SOFTMAX;
}

static bool check_target(const struct mls_objective *o,
                         const struct mls_target *target,
                         struct mls_error *err)
{
    bool gamma = o->kind == MLS_OBJECTIVE_GAMMA;

    if (!mls_objective_log_link(o))
        return true;
    for (int64_t i = 0; i < target->rows; i++) {
        if (target->y[i] < 0 || (gamma && target->y[i] == 0)) {
            mls_fail(err, MLS_DATA, "the target is %g, but the objective %s "
                     "takes numbers %s 0 only", target->y[i],
                     mls_objective_names[o->kind], gamma ? "above" : "from");
            return mls_fail_fix(err, "choose --objective squared");
        }
    }
    return true;
}

bool mls_objective_init(struct mls_objective *o, enum mls_objective_kind kind,
                        double alpha, double power,
                        const struct mls_target *target, struct mls_error *err)
{
    enum mls_objective_kind own = target->task == MLS_REGRESSION
        ? MLS_OBJECTIVE_SQUARED
        : target->task == MLS_BINARY ? MLS_OBJECTIVE_LOGISTIC
                                     : MLS_OBJECTIVE_SOFTMAX;

    *o = (struct mls_objective){
        .kind = kind == MLS_OBJECTIVE_AUTO ? own : kind, .alpha = alpha,
        .power = power, .most_step = 0.7, .hessian_factor = 1
    };
    if (target->task == MLS_REGRESSION ? classifies(o->kind)
                                       : o->kind != own) {
        mls_fail(err, MLS_USAGE, "the objective %s does not do %s",
                 mls_objective_names[kind], mls_task_title(target->task));
        return mls_fail_fix(err, "leave it away, or choose %s",
                            mls_objective_names[own]);
    }
    if (o->kind == MLS_OBJECTIVE_SOFTMAX)
        o->hessian_factor =
            (double)target->classes / (double)(target->classes - 1);
    return check_target(o, target, err);
}

bool mls_objective_log_link(const struct mls_objective *o)
{
    return o->kind == MLS_OBJECTIVE_POISSON || o->kind == MLS_OBJECTIVE_GAMMA
        || o->kind == MLS_OBJECTIVE_TWEEDIE;
}

bool mls_objective_constant_hessian(const struct mls_objective *o)
{
    return o->kind == MLS_OBJECTIVE_SQUARED
        || o->kind == MLS_OBJECTIVE_ABSOLUTE
        || o->kind == MLS_OBJECTIVE_HUBER
        || o->kind == MLS_OBJECTIVE_QUANTILE;
}

bool mls_objective_renews(const struct mls_objective *o)
{
    return o->kind == MLS_OBJECTIVE_ABSOLUTE
        || o->kind == MLS_OBJECTIVE_QUANTILE;
}

/* ---- Derivatives ------------------------------------------------------- */

#define MIDDLE 6755399441055744.0       /* 1.5 2^52: rounds to whole numbers */

/* e^x by x = n ln 2 + r, |r| <= ln 2 / 2, and a polynomial of degree 9, whose
 * terms are added in pairs: one after the other, each would wait for the last.
 * x is kept within +-700. */
#define EXPONENTIAL(name, attribute) \
    attribute static inline void name(reals *x_) \
    { \
        reals x = *x_; \
        const reals most = SPLAT(700.0), least = SPLAT(-700.0); \
        reals n, r, r2, r4, p, q, t; \
        wholes power; \
        x = PICK(x > most, most, x); \
        x = PICK(x < least, least, x); \
        n = x * 1.4426950408889634 + MIDDLE; \
        power = ((wholes)n << 52); \
        n = n - MIDDLE; \
        r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10; \
        r2 = r * r; \
        r4 = r2 * r2; \
        p = (r + 1.0) + (r * (1.0 / 6) + 0.5) * r2; \
        q = (r * (1.0 / 120) + 1.0 / 24) + (r * (1.0 / 5040) + 1.0 / 720) * r2; \
        t = r * (1.0 / 362880) + 1.0 / 40320; \
        p = p + (q + t * r4) * r4; \
        *x_ = (reals)((wholes)p + power); \
    }

#define DERIVATIVES(name, attribute, EXP) \
    attribute static void name(const struct mls_objective *o, \
                               const double *score, \
                               const double *normaliser, const double *y, \
                               int output, int64_t count, double *gradient, \
                               double *hessian) \
    { \
        const reals one = SPLAT(1.0), zero = SPLAT(0.0); \
        const reals alpha = SPLAT(o->alpha), minus = SPLAT(-o->alpha); \
        const reals own = SPLAT((double)output); \
        const reals tiny = SPLAT(1e-16), step = SPLAT(exp(o->most_step)); \
        for (int64_t i = 0; i < count; i += LANES) { \
            reals s = *(const reals *)(score + i); \
            reals t = *(const reals *)(y + i), g, h, p; \
            switch (o->kind) { \
            case MLS_OBJECTIVE_LOGISTIC: \
                p = -s; \
                EXP(&p); \
                p = one / (one + p); \
                g = p - t; \
                h = p * (one - p); \
                h = PICK(h > tiny, h, tiny); \
                break; \
            case MLS_OBJECTIVE_SOFTMAX: \
                p = s - *(const reals *)(normaliser + i); \
                EXP(&p); \
                g = p - PICK(t == own, one, zero); \
                h = o->hessian_factor * p * (one - p); \
                h = PICK(h > tiny, h, tiny); \
                break; \
            case MLS_OBJECTIVE_POISSON: \
                p = s; \
                EXP(&p); \
                g = p - t; \
                h = p * step; \
                break; \
            case MLS_OBJECTIVE_GAMMA: \
                p = -s; \
                EXP(&p); \
                h = t * p; \
                g = one - h; \
                break; \
            case MLS_OBJECTIVE_TWEEDIE: { \
                reals a = (1 - o->power) * s, b = (2 - o->power) * s; \
                EXP(&a); \
                EXP(&b); \
                a *= t; \
                g = b - a; \
                h = (2 - o->power) * b - (1 - o->power) * a; \
                break; \
            } \
            case MLS_OBJECTIVE_ABSOLUTE: \
                g = PICK(s > t, one, PICK(s < t, -one, zero)); \
                h = one; \
                break; \
            case MLS_OBJECTIVE_QUANTILE: \
                g = PICK(s > t, one, zero) - alpha; \
                h = one; \
                break; \
            case MLS_OBJECTIVE_HUBER: \
                g = s - t; \
                g = PICK(g > alpha, alpha, PICK(g < minus, minus, g)); \
                h = one; \
                break; \
            default: \
                g = s - t; \
                h = one; \
            } \
            *(reals *)(gradient + i) = g; \
            *(reals *)(hessian + i) = h; \
        } \
    }

EXPONENTIAL(exp_plain, )
DERIVATIVES(derivatives_plain, , exp_plain)
#if defined(__x86_64__)
EXPONENTIAL(exp_avx2, __attribute__((target("avx2"))))
DERIVATIVES(derivatives_avx2, __attribute__((target("avx2"))), exp_avx2)
#endif

void mls_objective_derivatives(const struct mls_objective *objective,
                               const double *score, const double *normaliser,
                               const double *y, int output, int64_t count,
                               double *gradient, double *hessian)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        derivatives_avx2(objective, score, normaliser, y, output, count,
                         gradient, hessian);
        return;
    }
#endif
    derivatives_plain(objective, score, normaliser, y, output, count, gradient,
                      hessian);
}

void mls_objective_normalise(const double *score, int64_t stride, int outputs,
                             int64_t count, double *normaliser)
{
    for (int64_t i = 0; i < count; i++) {
        double most = score[i], sum = 0;

        for (int k = 1; k < outputs; k++)
            most = fmax(most, score[i + k * stride]);
        for (int k = 0; k < outputs; k++)
            sum += exp(score[i + k * stride] - most);
        normaliser[i] = most + log(sum);
    }
}

/* ---- Losses ------------------------------------------------------------ */

double mls_objective_loss(const struct mls_objective *o, const double *score,
                          int64_t stride, int outputs, double y)
{
    double s = score[0], rest = s - y, most = 0, sum = 0;

    switch (o->kind) {
    case MLS_OBJECTIVE_LOGISTIC:
        return fmax(s, 0) - y * s + log1p(exp(-fabs(s)));
    case MLS_OBJECTIVE_SOFTMAX:
        for (int k = 0; k < outputs; k++)
            most = k == 0 ? s : fmax(most, score[k * stride]);
        for (int k = 0; k < outputs; k++)
            sum += exp(score[k * stride] - most);
        return most + log(sum) - score[(int)y * stride];
    case MLS_OBJECTIVE_ABSOLUTE:
        return fabs(rest);
    case MLS_OBJECTIVE_QUANTILE:
        return rest > 0 ? (1 - o->alpha) * rest : -o->alpha * rest;
    case MLS_OBJECTIVE_HUBER:
        return fabs(rest) <= o->alpha
            ? rest * rest / 2
            : o->alpha * (fabs(rest) - o->alpha / 2);
    case MLS_OBJECTIVE_POISSON:
        return exp(s) - y * s;
    case MLS_OBJECTIVE_GAMMA:
        return s + y * exp(-s);
    case MLS_OBJECTIVE_TWEEDIE:
        return exp((2 - o->power) * s) / (2 - o->power)
            - y * exp((1 - o->power) * s) / (1 - o->power);
    default:
        return rest * rest / 2;
    }
}

/* ---- The best constant ------------------------------------------------- */

bool mls_objective_base(const struct mls_objective *o,
                        const struct mls_run *run,
                        const struct mls_target *target, double *base,
                        struct mls_error *err)
{
    struct mls_moments moments;
    double scores[2], level = o->kind == MLS_OBJECTIVE_QUANTILE ? o->alpha : 0.5;

    switch (o->kind) {
    case MLS_OBJECTIVE_SOFTMAX:
        mls_learner_log_frequencies(target, base);
        return true;
    case MLS_OBJECTIVE_LOGISTIC:
        mls_learner_log_frequencies(target, scores);
        base[0] = scores[1] - scores[0];
        return true;
    case MLS_OBJECTIVE_ABSOLUTE:
    case MLS_OBJECTIVE_QUANTILE:
    case MLS_OBJECTIVE_HUBER:
        return mls_quantiles(target->y, target->weight, target->rows, &level,
                             1, base, err);
    default:
        if (!mls_moments(run, target->y, target->weight, target->rows,
                         &moments, err))
            return false;
        base[0] = moments.mean;
        if (mls_objective_log_link(o))
            base[0] = log(fmax(moments.mean, 1e-12));
        return true;
    }
}
