/*
 * Ranges of params: parsed, checked against the param they are for, and turned
 * from a position in [0, 1] into a value.
 */
#include "tune/range.h"

#include <math.h>

#include "base/memory.h"
#include "base/number.h"

static bool bad_range(const struct mls_range *range, const char *text,
                      const char *why, struct mls_error *err)
{
    mls_fail(err, MLS_USAGE, "--range %s: %s", mls_show_text(text).text, why);
    return mls_fail_fix(err, "write %s=LOW..HIGH, %s=LOW..HIGH:log or %s=A,B,C",
                        range->key, range->key, range->key);
}

static bool is_number(const struct mls_param *param)
{
    return param->kind == MLS_REAL || param->kind == MLS_INTEGER
        || param->kind == MLS_SIZE || param->kind == MLS_DURATION;
}

/* LOW..HIGH[:log] */
static bool parse_span(struct mls_range *range, const char *whole,
                       const char *text, const char *dots,
                       struct mls_error *err)
{
    const char *high = dots + 2, *colon = strchr(high, ':');
    size_t high_length = colon ? (size_t)(colon - high) : strlen(high);

    if (!is_number(range->param))
        return bad_range(range, whole, "its values are no numbers", err);
    if (colon && strcmp(colon, ":log") != 0)
        return bad_range(range, whole, "after the range only :log may stand",
                         err);
    if (!mls_parse_real(text, (size_t)(dots - text), '.', &range->low, NULL)
        || !mls_parse_real(high, high_length, '.', &range->high, NULL))
        return bad_range(range, whole, "its ends are no numbers", err);
    range->log = colon != NULL;
    if (!(range->low < range->high))
        return bad_range(range, whole, "it is empty", err);
    if (range->log && range->low <= 0)
        return bad_range(range, whole, "a log range begins above 0", err);
    return true;
}

/* Each end and each listed value must be one that the param takes. */
static bool try_value(const struct mls_pipeline *p,
                      const struct mls_range *range, const char *value,
                      struct mls_error *err)
{
    struct mls_pipeline *trial = mls_pipeline_copy(p, err);
    bool ok = trial && mls_pipeline_set(trial, range->key, value, err);

    mls_pipeline_free(trial);
    return ok;
}

static bool try_ends(const struct mls_pipeline *p,
                     const struct mls_range *range, struct mls_error *err)
{
    struct mls_text low = { 0 }, high = { 0 };
    bool ok;

    mls_range_value(range, 0, &low);
    mls_range_value(range, 1, &high);
    ok = mls_text_ok(&low, err) && mls_text_ok(&high, err)
        && try_value(p, range, low.bytes, err)
        && try_value(p, range, high.bytes, err);
    mls_text_clear(&low);
    mls_text_clear(&high);
    return ok;
}

bool mls_range_parse(const struct mls_pipeline *p, const char *text,
                     struct mls_range *range, struct mls_error *err)
{
    const char *equals = strchr(text, '='), *dots;
    const void *values;

    if (!equals || equals == text) {
        mls_fail(err, MLS_USAGE, "--range: \"%s\" is not KEY=RANGE",
                 mls_show_text(text).text);
        return mls_fail_fix(err, "write for example --range l2=0.01..100:log");
    }
    range->key = mls_copy_bytes(text, (size_t)(equals - text), err);
    /* One spelling: it keys the random draws. */
    for (char *at = range->key; at && *at; at++)
        if (*at == '-')
            *at = '_';
    range->param = range->key
        ? mls_pipeline_param(p, range->key, &values, err) : NULL;
    if (!range->param)
        return false;
    dots = strstr(equals, "..");
    if (dots)
        return parse_span(range, text, equals + 1, dots, err)
            && try_ends(p, range, err);
    if (!mls_list_split(equals + 1, &range->values, err))
        return false;
    for (int64_t i = 0; i < range->values.count; i++)
        if (!try_value(p, range, range->values.items[i], err))
            return false;
    return range->values.count > 0
        || bad_range(range, text, "it lists no value", err);
}

bool mls_range_defaults(const struct mls_pipeline *p,
                        struct mls_range **ranges, int64_t *count,
                        struct mls_error *err)
{
    const struct mls_learner_type *learner = mls_pipeline_learner(p);
    const struct mls_param *param;
    int64_t n = 0;

    *count = 0;
    for (param = learner->params; param && param->name; param++)
        n += param->low != 0 || param->high != 0;
    if (n == 0) {
        mls_fail(err, MLS_USAGE, "%s has no param to tune by itself",
                 learner->name);
        return mls_fail_fix(err, "name one with --range, as in "
                                 "impute.strategy=mean,median");
    }
    *ranges = mls_new(n, sizeof **ranges, err);
    for (param = learner->params; *ranges && param && param->name; param++) {
        struct mls_range *range = &(*ranges)[*count];

        if (param->low == 0 && param->high == 0)
            continue;
        range->key = mls_copy_text(param->name, err);
        if (!range->key)
            return false;
        range->param = param;
        range->low = param->low;
        range->high = param->high;
        range->log = (param->flags & MLS_LOG) != 0;
        (*count)++;
    }
    return *ranges != NULL;
}

bool mls_range_same(const struct mls_pipeline *p, const struct mls_range *a,
                    const struct mls_range *b)
{
    const void *of_a = NULL, *of_b = NULL; /* the step's or learner's params */
    struct mls_error ignored;

    return mls_pipeline_param(p, a->key, &of_a, &ignored) == a->param
        && mls_pipeline_param(p, b->key, &of_b, &ignored) == a->param
        && of_a == of_b;
}

static bool is_whole(const struct mls_range *range)
{
    return range->param->kind == MLS_INTEGER || range->param->kind == MLS_SIZE;
}

int64_t mls_range_levels(const struct mls_range *range)
{
    double span = floor(range->high) - ceil(range->low) + 1;

    if (range->values.count)
        return range->values.count;
    if (is_whole(range) && span <= MLS_RANGE_LEVELS)
        return span < 1 ? 1 : (int64_t)span;
    return MLS_RANGE_LEVELS;
}

/* Six significant digits are plenty to tune by, and pleasant to read. */
static double rounded(double value)
{
    double digits, scale;

    if (value == 0)
        return 0;
    digits = 5 - floor(log10(fabs(value)));
    if (fabs(digits) > 300)
        return value;
    scale = pow(10, fabs(digits));
    return digits >= 0 ? round(value * scale) / scale
                       : round(value / scale) * scale;
}

void mls_range_value(const struct mls_range *range, double position,
                     struct mls_text *text)
{
    double low = range->low, high = range->high, value;
    int64_t n = range->values.count, at = (int64_t)(position * (double)n);

    if (n) {
        mls_text_add(text, range->values.items[at < n ? at : n - 1]);
        return;
    }
    if (is_whole(range))
        high += 1;
    value = range->log ? exp(log(low) + position * (log(high) - log(low)))
                       : low + position * (high - low);
    value = is_whole(range) ? floor(value) : rounded(value);
    value = value < range->low ? range->low : value;
    mls_text_add_real(text, value > range->high ? range->high : value);
}

void mls_range_format(const struct mls_range *range, struct mls_text *text)
{
    mls_text_add(text, range->key);
    mls_text_add(text, "=");
    for (int64_t i = 0; i < range->values.count; i++) {
        mls_text_add(text, i ? "," : "");
        mls_text_add(text, range->values.items[i]);
    }
    if (range->values.count)
        return;
    mls_text_add_real(text, range->low);
    mls_text_add(text, "..");
    mls_text_add_real(text, range->high);
    mls_text_add(text, range->log ? ":log" : "");
}

void mls_range_clear(struct mls_range *range)
{
    mls_free(range->key);
    mls_list_clear(&range->values);
    *range = (struct mls_range){ 0 };
}
