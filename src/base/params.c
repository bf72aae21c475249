/*
 * Tables of parameters.  A row knows where its field lies in the struct (at)
 * and what C type it has (kind); everything here goes from a row and a struct
 * to a field through the small accessors below, and nothing else casts.
 *
 * Setting a value goes: find the row, read the text by kind into a number (or
 * keep it as text), invert it for an inverse alias, check the bounds, store.
 * Nothing is stored unless all of it succeeded.
 */
#include "mlspec/params.h"

#include "base/memory.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/text.h"
#include "base/units.h"

/* ---- fields ---- */

static void *field(const struct mls_param *param, void *values)
{
    return (char *)values + param->at;
}

static const void *field_of(const struct mls_param *param, const void *values)
{
    return (const char *)values + param->at;
}

static char **text_field(const struct mls_param *param, void *values)
{
    return field(param, values);
}

static bool is_number(const struct mls_param *param)
{
    return param->kind == MLS_REAL || param->kind == MLS_INTEGER
        || param->kind == MLS_SIZE || param->kind == MLS_DURATION;
}

static bool is_real(const struct mls_param *param)
{
    return param->kind == MLS_REAL || param->kind == MLS_DURATION;
}

static bool is_text(const struct mls_param *param)
{
    return param->kind == MLS_TEXT || param->kind == MLS_COLUMNS;
}

static bool allows_auto(const struct mls_param *param)
{
    return is_number(param)
        && (isnan(param->def) || (param->flags & MLS_ALLOW_AUTO));
}

/* ---- keys ---- */

/* Equal with '-' and '_' the same. */
static bool same_key(const char *a, size_t a_length, const char *b,
                     size_t b_length)
{
    size_t i;

    if (a_length != b_length) {
        return false;
    }
    for (i = 0; i < a_length; i++) {
        char x = a[i] == '-' ? '_' : a[i];
        char y = b[i] == '-' ? '_' : b[i];

        if (x != y) {
            return false;
        }
    }
    return true;
}

/* The next name of "a|b|c" and its length; NULL at the end.  *at moves on. */
static const char *next_alias(const char **at, size_t *length)
{
    const char *name = *at;

    if (!name || !*name) {
        return NULL;
    }
    *length = strcspn(name, "|");
    *at = name + *length + (name[*length] == '|');
    return name;
}

const struct mls_param *mls_params_find(const struct mls_param *table,
                                        const char *key, bool *inverse)
{
    size_t key_length = strlen(key);

    for (; table && table->name; table++) {
        const char *at = table->alias, *name;
        size_t length;

        if (same_key(table->name, strlen(table->name), key, key_length)) {
            if (inverse) {
                *inverse = false;
            }
            return table;
        }
        while ((name = next_alias(&at, &length))) {
            if (same_key(name, length, key, key_length)) {
                if (inverse) {
                    *inverse = (table->flags & MLS_ALIAS_INVERSE) != 0;
                }
                return table;
            }
        }
    }
    return NULL;
}

/* The nearest name or alias of the table; NULL when none is near. */
static const char *nearest_key(const struct mls_param *table, const char *key,
                               size_t *nearest_length)
{
    const char *nearest = NULL;
    size_t length, key_length = strlen(key);
    int least = 0;

    for (; table && table->name; table++) {
        const char *at = table->alias, *name = table->name;

        length = strlen(name);
        do {
            int distance = table->flags & MLS_HIDDEN
                ? -1 : mls_near(key, key_length, name, length);

            if (distance >= 0 && (!nearest || distance < least)) {
                nearest = name;
                *nearest_length = length;
                least = distance;
            }
            name = next_alias(&at, &length);
        } while (name);
    }
    return nearest;
}

static bool fail_unknown(const struct mls_param *table, const char *what,
                         const char *key, struct mls_error *err)
{
    size_t length = 0;
    const char *nearest = nearest_key(table, key, &length);
    char names[sizeof(err->fix)] = "";
    size_t used = 0;

    mls_fail(err, MLS_USAGE, "%s: there is no parameter \"%s\"", what,
             mls_show_text(key).text);
    if (nearest) {
        return mls_fail_fix(err, "did you mean \"%.*s\"?", (int)length,
                            nearest);
    }
    for (; table && table->name; table++) {
        if (!(table->flags & MLS_HIDDEN) && used < sizeof(names)) {
            used += (size_t)snprintf(names + used, sizeof(names) - used,
                                     "%s%s", used > 0 ? ", " : "",
                                     table->name);
        }
    }
    if (used == 0) {
        return mls_fail_fix(err, "%s has no parameters", what);
    }
    return mls_fail_fix(err, "the parameters are: %s", names);
}

/* ---- whole structs ---- */

static void set_number(const struct mls_param *param, void *values,
                       double value)
{
    if (is_real(param)) {
        *(double *)field(param, values) = value;
    } else if (isnan(value)) {
        *(int64_t *)field(param, values) = MLS_AUTO_INTEGER;
    } else {
        *(int64_t *)field(param, values) =
            value >= 0x1p63 ? INT64_MAX : (int64_t)value;
    }
}

void mls_params_init(const struct mls_param *table, void *values, size_t size)
{
    if (size > 0) {
        memset(values, 0, size);
    }
    for (; table && table->name; table++) {
        if (is_number(table)) {
            set_number(table, values, table->def);
        } else if (table->kind == MLS_FLAG) {
            *(bool *)field(table, values) = table->def != 0;
        } else if (table->kind == MLS_CHOICE) {
            *(int *)field(table, values) = (int)table->def;
        }
    }
}

void mls_params_clear(const struct mls_param *table, void *values)
{
    for (; values && table && table->name; table++) {
        if (is_text(table)) {
            mls_free(*text_field(table, values));
            *text_field(table, values) = NULL;
        } else if (table->kind == MLS_LIST) {
            mls_list_clear(field(table, values));
        }
    }
}

static bool copy_list(struct mls_list *to, const struct mls_list *from,
                      struct mls_error *err)
{
    int64_t i;

    for (i = 0; i < from->count; i++) {
        if (!mls_list_add(to, from->items[i], err)) {
            return false;
        }
    }
    return true;
}

bool mls_params_copy(const struct mls_param *table, void *to, const void *from,
                     size_t size, struct mls_error *err)
{
    const struct mls_param *param;
    bool ok = true;

    if (size > 0) {
        memcpy(to, from, size);
    }
    /* What is owned is first let go of, so that a failure can clear to. */
    for (param = table; param && param->name; param++) {
        if (is_text(param)) {
            *text_field(param, to) = NULL;
        } else if (param->kind == MLS_LIST) {
            memset(field(param, to), 0, sizeof(struct mls_list));
        }
    }
    for (param = table; ok && param && param->name; param++) {
        if (is_text(param)) {
            const char *text = *(char *const *)field_of(param, from);

            if (text) {
                *text_field(param, to) = mls_copy_text(text, err);
                ok = *text_field(param, to) != NULL;
            }
        } else if (param->kind == MLS_LIST) {
            ok = copy_list(field(param, to), field_of(param, from), err);
        }
    }
    if (!ok) {
        mls_params_clear(table, to);
    }
    return ok;
}

/* ---- values as text ---- */

/* Like the value's text, but 1000000000 as 1e+09. */
static void format_bound(const struct mls_param *param, double value,
                         char text[MLS_UNIT_TEXT])
{
    size_t length, zeros = 0;

    if (param->kind == MLS_SIZE && value < 0x1p63 && value > -0x1p63) {
        mls_format_size((int64_t)value, text);
    } else if (param->kind == MLS_DURATION) {
        mls_format_duration(value, text);
    } else {
        length = mls_format_real(value, text);
        while (zeros + 1 < length && text[length - 1 - zeros] == '0') {
            zeros++;
        }
        if (zeros >= 6 && zeros + 1 == length) {
            snprintf(text + 1, MLS_UNIT_TEXT - 1, "e+%02zu", zeros);
        }
    }
}

/* "between 0 and 1e+09", "more than 0", "at most 1": what a number must be;
 * "" when anything goes. */
static void describe_bounds(const struct mls_param *param, char *text,
                            size_t size)
{
    char min[MLS_UNIT_TEXT], max[MLS_UNIT_TEXT];
    bool open_min = param->flags & MLS_OPEN_MIN;
    bool open_max = param->flags & MLS_OPEN_MAX;
    bool has_min = param->min > (double)-INFINITY;
    bool has_max = param->max < (double)INFINITY;

    text[0] = '\0';
    if (param->min == 0 && param->max == 0) {
        return;
    }
    format_bound(param, param->min, min);
    format_bound(param, param->max, max);
    if (has_min && has_max && !open_min && !open_max) {
        snprintf(text, size, "between %s and %s", min, max);
    } else {
        snprintf(text, size, "%s%s%s%s%s",
                 !has_min ? "" : open_min ? "more than " : "at least ",
                 has_min ? min : "", has_min && has_max ? " and " : "",
                 !has_max ? "" : open_max ? "less than " : "at most ",
                 has_max ? max : "");
    }
}

static bool in_bounds(const struct mls_param *param, double value)
{
    if (!isfinite(value)) {
        return false;
    }
    if (param->min == 0 && param->max == 0) {
        return true;
    }
    if (value < param->min || value > param->max) {
        return false;
    }
    return !((param->flags & MLS_OPEN_MIN) && value == param->min)
        && !((param->flags & MLS_OPEN_MAX) && value == param->max);
}

/* What a value of this kind is called. */
static const char *kind_name(const struct mls_param *param)
{
    switch (param->kind) {
    case MLS_INTEGER:
        return "a whole number";
    case MLS_SIZE:
        return "a size (512M, 4G)";
    case MLS_DURATION:
        return "a duration (45, 10m, 1h30m)";
    default:
        return "a number";
    }
}

/* The fix line: what not giving it means. */
static bool fix_default(const struct mls_param *param, struct mls_error *err)
{
    char text[MLS_UNIT_TEXT];

    if (param->kind == MLS_CHOICE) {
        return mls_fail_fix(err, "leave it out for the default, %s",
                            param->choices[(int)param->def]);
    }
    if (param->kind == MLS_FLAG) {
        return mls_fail_fix(err, "leave it out for the default, %s",
                            param->def != 0 ? "true" : "false");
    }
    if (isnan(param->def)) {
        return mls_fail_fix(err, "leave it out, or give auto: the value then "
                            "follows from the data");
    }
    format_bound(param, param->def, text);
    return mls_fail_fix(err, "leave it out for the default, %s", text);
}

/* The value is a number, but not one that is allowed. */
static bool fail_bounds(const struct mls_param *param, const char *what,
                        const char *key, bool inverse, const char *text,
                        struct mls_error *err)
{
    char bounds[3 * MLS_UNIT_TEXT];

    describe_bounds(param, bounds, sizeof(bounds));
    if (!bounds[0]) {
        snprintf(bounds, sizeof(bounds), "finite");
    }
    if (inverse) {
        mls_fail(err, MLS_USAGE, "%s: \"%s\" is 1/%s, which must be %s, so it "
                 "cannot be \"%s\"", what, mls_show_text(key).text,
                 param->name, bounds, mls_show_text(text).text);
    } else {
        mls_fail(err, MLS_USAGE, "%s: \"%s\" must be %s, not \"%s\"", what,
                 mls_show_text(key).text, bounds, mls_show_text(text).text);
    }
    return fix_default(param, err);
}

static bool fail_kind(const struct mls_param *param, const char *what,
                      const char *key, const char *text,
                      struct mls_error *err)
{
    char bounds[3 * MLS_UNIT_TEXT];

    describe_bounds(param, bounds, sizeof(bounds));
    mls_fail(err, MLS_USAGE, "%s: \"%s\" must be %s%s%s%s, not \"%s\"", what,
             mls_show_text(key).text, kind_name(param), bounds[0] ? " " : "",
             bounds, allows_auto(param) ? ", or auto" : "",
             mls_show_text(text).text);
    return fix_default(param, err);
}

/* A whole number, also written as 1e6 or 5.0. */
static bool parse_whole(const char *text, int64_t *value)
{
    size_t length = strlen(text);
    double real;

    if (mls_parse_integer(text, length, value)) {
        return *value != MLS_AUTO_INTEGER;
    }
    if (!mls_parse_real(text, length, '.', &real, NULL)
        || fabs(real) > 0x1p53 || real != floor(real)) {
        return false;
    }
    *value = (int64_t)real;
    return true;
}

/* Sets a REAL, INTEGER, SIZE or DURATION. */
static bool store_number(const struct mls_param *param, void *values,
                         const char *what, const char *key, bool inverse,
                         const char *text, struct mls_error *err)
{
    int64_t whole = 0;
    double real = 0;
    bool read;

    if (allows_auto(param) && strcmp(text, "auto") == 0) {
        set_number(param, values, MLS_AUTO);
        return true;
    }
    switch (param->kind) {
    case MLS_REAL:
        read = mls_parse_real(text, strlen(text), '.', &real, NULL);
        real = inverse ? 1 / real : real;
        break;
    case MLS_DURATION:
        read = mls_parse_duration(text, &real);
        break;
    case MLS_SIZE:
        read = mls_parse_size(text, &whole);
        real = (double)whole;
        break;
    default:
        read = parse_whole(text, &whole);
        real = (double)whole;
        break;
    }
    if (!read) {
        return fail_kind(param, what, key, text, err);
    }
    if (!in_bounds(param, real)) {
        return fail_bounds(param, what, key, inverse, text, err);
    }
    if (is_real(param)) {
        *(double *)field(param, values) = real;
    } else {
        *(int64_t *)field(param, values) = whole;
    }
    return true;
}

static bool store_flag(const struct mls_param *param, void *values,
                       const char *what, const char *key, const char *text,
                       struct mls_error *err)
{
    static const char *const names[] = {
        "false", "true", "0", "1", "no", "yes", "off", "on"
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *(bool *)field(param, values) = i % 2 == 1;
            return true;
        }
    }
    mls_fail(err, MLS_USAGE, "%s: \"%s\" must be true or false, not \"%s\"",
             what, mls_show_text(key).text, mls_show_text(text).text);
    return fix_default(param, err);
}

static bool store_choice(const struct mls_param *param, void *values,
                         const char *what, const char *key, const char *text,
                         struct mls_error *err)
{
    char names[256] = "";
    const char *nearest;
    size_t used = 0;
    int i, count = 0;

    for (i = 0; param->choices[i]; i++) {
        if (same_key(param->choices[i], strlen(param->choices[i]), text,
                     strlen(text))) {
            *(int *)field(param, values) = i;
            return true;
        }
        count++;
    }
    for (i = 0; i < count && used < sizeof(names); i++) {
        const char *between = i == 0 ? "" : i == count - 1 ? " or " : ", ";

        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
                                 between, param->choices[i]);
    }
    mls_fail(err, MLS_USAGE, "%s: \"%s\" must be %s, not \"%s\"", what,
             mls_show_text(key).text, names, mls_show_text(text).text);
    nearest = mls_nearest(text, param->choices, count);
    return nearest ? mls_fail_fix(err, "did you mean \"%s\"?", nearest)
                   : fix_default(param, err);
}

/* Sets a TEXT or COLUMNS; columns must be one well-formed record. */
static bool store_text(const struct mls_param *param, void *values,
                       const char *text, struct mls_error *err)
{
    struct mls_list names = { 0 };
    bool ok = param->kind != MLS_COLUMNS || mls_list_split(text, &names, err);
    char *copy = ok ? mls_copy_text(text, err) : NULL;

    if (copy) {
        mls_free(*text_field(param, values));
        *text_field(param, values) = copy;
    }
    mls_list_clear(&names);
    return copy != NULL;
}

bool mls_params_set(const struct mls_param *table, void *values,
                    const char *what, const char *key, const char *text,
                    struct mls_error *err)
{
    bool inverse = false;
    const struct mls_param *param = mls_params_find(table, key, &inverse);

    if (!param) {
        return fail_unknown(table, what, key, err);
    }
    switch (param->kind) {
    case MLS_FLAG:
        return store_flag(param, values, what, key, text, err);
    case MLS_CHOICE:
        return store_choice(param, values, what, key, text, err);
    case MLS_TEXT:
    case MLS_COLUMNS:
        return store_text(param, values, text, err);
    case MLS_LIST:
        return mls_list_add(field(param, values), text, err);
    default:
        return store_number(param, values, what, key, inverse, text, err);
    }
}

bool mls_param_is_auto(const struct mls_param *param, const void *values)
{
    if (is_real(param)) {
        return isnan(*(const double *)field_of(param, values));
    }
    return is_number(param)
        && *(const int64_t *)field_of(param, values) == MLS_AUTO_INTEGER;
}

/* The items as one CSV record, cut to size. */
static void format_list(const struct mls_list *list, char *text, size_t size)
{
    size_t used = 0;
    int64_t i;

    text[0] = '\0';
    for (i = 0; i < list->count && used + 1 < size; i++) {
        const char *item = list->items[i];
        bool quote = !*item || strpbrk(item, ",\"\r\n") != NULL;

        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 i > 0 ? "," : "", quote ? "\"" : "");
        for (; *item && used + 3 < size; item++) {
            if (*item == '"') {
                text[used++] = '"';
            }
            text[used++] = *item;
        }
        if (quote && used + 1 < size) {
            text[used++] = '"';
        }
        text[used < size ? used : size - 1] = '\0';
    }
}

void mls_param_format(const struct mls_param *param, const void *values,
                      char *text, size_t size)
{
    const void *at = field_of(param, values);
    char number[MLS_UNIT_TEXT];

    if (size == 0) {
        return;
    }
    if (mls_param_is_auto(param, values)) {
        snprintf(text, size, "auto");
        return;
    }
    switch (param->kind) {
    case MLS_REAL:
        mls_format_real(*(const double *)at, number);
        break;
    case MLS_INTEGER:
        mls_format_integer(*(const int64_t *)at, number);
        break;
    case MLS_SIZE:
        mls_format_size(*(const int64_t *)at, number);
        break;
    case MLS_DURATION:
        mls_format_duration(*(const double *)at, number);
        break;
    case MLS_FLAG:
        snprintf(number, sizeof(number), "%s",
                 *(const bool *)at ? "true" : "false");
        break;
    case MLS_CHOICE:
        snprintf(text, size, "%s", param->choices[*(const int *)at]);
        return;
    case MLS_LIST:
        format_list(at, text, size);
        return;
    default:
        snprintf(text, size, "%s",
                 *(char *const *)at ? *(char *const *)at : "");
        return;
    }
    snprintf(text, size, "%s", number);
}
