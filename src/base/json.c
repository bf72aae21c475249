/*
 * JSON over cJSON.  cJSON keeps the tree, decodes strings and frees; what it
 * does loosely is done around it:
 *
 *     text --scan--> strict grammar, line of an error, numbers by our reader
 *          --blank-> the same text with each number replaced by "0   "
 *          --cJSON-> tree
 *          --settle> numbers put back in document order, keys compared
 *
 * cJSON reads numbers with strtod in the locale's decimal point and takes 01,
 * 1. and -; it lets garbage follow the value and keys come twice.  Blanking the
 * numbers keeps one reader of numbers in the program, correctly rounded in any
 * locale, and our scan has already refused everything that cJSON would refuse:
 * when cJSON returns nothing, it had no memory.
 *
 * A whole number past 2^53 that a file holds is kept as it is written, as a Raw
 * item: it prints unchanged and is never handed out as a rounded integer.
 *
 * Printing is ours as well, since cJSON rounds reals and indents with tabs.
 *
 * Keys are found by a walk over the members: objects here are small, and where
 * thousands of keys are read they are walked, not looked up.
 */
#include "base/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#define MAX_DEPTH 100
#define MAX_WHOLE 9007199254740992 /* 2^53 */

struct number {
    double value;
    const char *source; /* in the caller's text; NULL when value says it all */
    size_t length;
};

struct scan {
    const char *text;   /* as given */
    char *copy;         /* the same bytes, numbers being blanked */
    size_t length, at;
    int64_t line;
    int depth;
    struct number *numbers;
    int64_t number_count, number_capacity;
    int64_t *key_lines; /* of each key in the order of the text */
    int64_t key_count, key_capacity;
    enum mls_code code;
    const char *name;
    struct mls_error *err;

    /* While settling: what was used up, and the first key given twice. */
    int64_t numbers_used, keys_used, twice;
    const char *twice_key;
};

static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;

static void set_hooks(void)
{
    cJSON_Hooks hooks = { mls_hook_alloc, mls_free };

    cJSON_InitHooks(&hooks);
}

static cJSON *to_item(struct mls_json *json)
{
    return (cJSON *)(void *)json;
}

static const cJSON *as_item(const struct mls_json *json)
{
    return (const cJSON *)(const void *)json;
}

static struct mls_json *to_json(cJSON *item)
{
    return (struct mls_json *)(void *)item;
}

static const struct mls_json *as_json(const cJSON *item)
{
    return (const struct mls_json *)(const void *)item;
}

static int item_type(const cJSON *item)
{
    return item->type & 0xFF;
}

static bool no_memory(struct mls_error *err)
{
    return mls_fail_memory(err, 1, sizeof(cJSON), "a JSON value");
}

/* ---- Scanning ---------------------------------------------------------- */

static bool wrong(struct scan *s, const char *what)
{
    mls_fail(s->err, s->code, "not valid JSON: %s", what);
    return mls_fail_at(s->err, s->name, s->line, 0, NULL);
}

static char peek(const struct scan *s)
{
    return s->at < s->length ? s->text[s->at] : '\0';
}

static void skip_space(struct scan *s)
{
    for (; s->at < s->length; s->at++) {
        char c = s->text[s->at];

        if (c == '\n') {
            s->line++;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            break;
        }
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* At least one digit. */
static bool skip_digits(struct scan *s)
{
    size_t start = s->at;

    while (is_digit(peek(s))) {
        s->at++;
    }
    return s->at > start;
}

/* A whole number that a double cannot be trusted with. */
static bool is_past_exact(const char *text, size_t length)
{
    int64_t value;

    return !mls_parse_integer(text, length, &value) || value > MAX_WHOLE
        || value < -MAX_WHOLE;
}

static bool keep_number(struct scan *s, size_t start)
{
    const char *text = s->text + start;
    size_t length = s->at - start;
    struct number number = { 0, NULL, 0 };
    bool integer = false;

    if (!mls_parse_real(text, length, '.', &number.value, &integer)) {
        return wrong(s, "a number is too large");
    }
    if (integer && is_past_exact(text, length)) {
        number.source = text;
        number.length = length;
    }
    if (!mls_grow(&s->numbers, s->number_count, &s->number_capacity,
                  sizeof(*s->numbers), s->err)) {
        return false;
    }
    s->numbers[s->number_count++] = number;
    memset(s->copy + start, ' ', length);
    s->copy[start] = '0';
    return true;
}

static bool scan_number(struct scan *s)
{
    size_t start = s->at;
    bool ok;

    if (peek(s) == '-') {
        s->at++;
    }
    if (peek(s) == '0') {
        s->at++;
        ok = !is_digit(peek(s));
    } else {
        ok = skip_digits(s);
    }
    if (ok && peek(s) == '.') {
        s->at++;
        ok = skip_digits(s);
    }
    if (ok && (peek(s) == 'e' || peek(s) == 'E')) {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-') {
            s->at++;
        }
        ok = skip_digits(s);
    }
    return ok ? keep_number(s, start) : wrong(s, "a number is malformed");
}

/* The four hex digits after \u; -1 when they are not there. */
static int32_t scan_hex(struct scan *s)
{
    int32_t value = 0;
    int i;

    for (i = 0; i < 4; i++, s->at++) {
        char c = peek(s);

        if (is_digit(c)) {
            value = value * 16 + (c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value * 16 + (c - 'a' + 10);
        } else if (c >= 'A' && c <= 'F') {
            value = value * 16 + (c - 'A' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* From the byte after \u to the end of the escape, or of the pair of them. */
static bool scan_unicode(struct scan *s)
{
    int32_t unit = scan_hex(s);

    if (unit < 0) {
        return wrong(s, "\\u wants four hex digits");
    }
    if (unit == 0) {
        return wrong(s, "a string holds a zero byte");
    }
    if (unit >= 0xD800 && unit <= 0xDBFF && s->length - s->at >= 6
        && s->text[s->at] == '\\' && s->text[s->at + 1] == 'u') {
        s->at += 2;
        unit = scan_hex(s);
        if (unit >= 0xDC00 && unit <= 0xDFFF) {
            return true;
        }
        unit = 0xD800;
    }
    if (unit >= 0xD800 && unit <= 0xDFFF) {
        return wrong(s, "half of a surrogate pair in a string");
    }
    return true;
}

static bool scan_escape(struct scan *s)
{
    char c;

    s->at++;
    c = peek(s);
    if (c == 'u') {
        s->at++;
        return scan_unicode(s);
    }
    if (c == '\0' || !strchr("\"\\/bfnrt", c)) {
        return wrong(s, "an unknown escape in a string");
    }
    s->at++;
    return true;
}

/* From the opening quote to the byte after the closing one. */
static bool scan_string(struct scan *s)
{
    s->at++;
    while (s->at < s->length) {
        unsigned char c = (unsigned char)s->text[s->at];

        if (c == '"') {
            s->at++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(s)) {
                return false;
            }
        } else if (c < 0x20) {
            return wrong(s, c == '\n' ? "a string does not end in its line"
                                      : "a control byte in a string");
        } else {
            s->at++;
        }
    }
    return wrong(s, "a string does not end");
}

static bool scan_word(struct scan *s, const char *word)
{
    size_t length = strlen(word);

    if (s->length - s->at < length
        || memcmp(s->text + s->at, word, length) != 0) {
        return wrong(s, "a value is missing or malformed");
    }
    s->at += length;
    return true;
}

static bool scan_key(struct scan *s)
{
    skip_space(s);
    if (peek(s) != '"') {
        return wrong(s, "a key in quotes is missing");
    }
    if (!mls_grow(&s->key_lines, s->key_count, &s->key_capacity,
                  sizeof(*s->key_lines), s->err)) {
        return false;
    }
    s->key_lines[s->key_count++] = s->line;
    if (!scan_string(s)) {
        return false;
    }
    skip_space(s);
    if (peek(s) != ':') {
        return wrong(s, "a : is missing after a key");
    }
    s->at++;
    return true;
}

static bool scan_value(struct scan *s);

/* An object or array, from its opening bracket. */
static bool scan_group(struct scan *s, char close)
{
    bool more = true;

    if (++s->depth > MAX_DEPTH) {
        return wrong(s, "it is nested too deeply");
    }
    s->at++;
    skip_space(s);
    if (peek(s) == close) {
        more = false;
    }
    while (more) {
        if ((close == '}' && !scan_key(s)) || !scan_value(s)) {
            return false;
        }
        skip_space(s);
        if (peek(s) == ',') {
            s->at++;
        } else if (peek(s) == close) {
            more = false;
        } else {
            return wrong(s, close == '}' ? "a , or } is missing"
                                         : "a , or ] is missing");
        }
    }
    s->at++;
    s->depth--;
    return true;
}

static bool scan_value(struct scan *s)
{
    char c;

    skip_space(s);
    c = peek(s);
    if (c == '-' || is_digit(c)) {
        return scan_number(s);
    }
    switch (c) {
    case '{':
        return scan_group(s, '}');
    case '[':
        return scan_group(s, ']');
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    default:
        return scan_word(s, "null");
    }
}

/* UTF-8 is checked first, on the whole, so that the rest may go by bytes. */
static bool scan_utf8(struct scan *s)
{
    size_t bad = 0, i;

    if (mls_utf8_valid(s->text, s->length, &bad)) {
        return true;
    }
    for (i = 0; i < bad; i++) {
        s->line += s->text[i] == '\n';
    }
    return wrong(s, "it is not UTF-8");
}

static bool scan_all(struct scan *s)
{
    if (!scan_utf8(s) || !scan_value(s)) {
        return false;
    }
    skip_space(s);
    return s->at == s->length || wrong(s, "text follows the end");
}

/* ---- Settling: numbers back in, keys compared -------------------------- */

struct key {
    const char *text;
    int64_t number;
};

static int compare_keys(const void *a_, const void *b_)
{
    const struct key *a = a_, *b = b_;
    int order = strcmp(a->text, b->text);

    return order != 0 ? order : (a->number > b->number)
                                    - (a->number < b->number);
}

static void find_twice(struct scan *s, struct key *keys, int64_t n)
{
    int64_t i;

    qsort(keys, (size_t)n, sizeof(*keys), compare_keys);
    for (i = 1; i < n; i++) {
        if (strcmp(keys[i - 1].text, keys[i].text) == 0
            && keys[i].number < s->twice) {
            s->twice = keys[i].number;
            s->twice_key = keys[i].text;
        }
    }
}

static bool settle_number(struct scan *s, cJSON *item)
{
    const struct number *number = &s->numbers[s->numbers_used++];

    if (!number->source) {
        item->valuedouble = number->value;
        return true;
    }
    item->valuestring =
        mls_copy_bytes(number->source, number->length, s->err);
    if (!item->valuestring) {
        return false;
    }
    item->type = cJSON_Raw;
    item->valuedouble = number->value;
    return true;
}

static bool settle(struct scan *s, cJSON *item)
{
    struct key *keys = NULL;
    int64_t n = 0;
    cJSON *child;
    bool ok = true;

    if (cJSON_IsNumber(item)) {
        return settle_number(s, item);
    }
    if (cJSON_IsObject(item)) {
        keys = mls_new(mls_json_count(as_json(item)), sizeof(*keys), s->err);
        if (!keys) {
            return false;
        }
    }
    for (child = item->child; ok && child; child = child->next) {
        if (keys) {
            keys[n].text = child->string;
            keys[n++].number = s->keys_used++;
        }
        ok = settle(s, child);
    }
    if (keys && ok) {
        find_twice(s, keys, n);
    }
    mls_free(keys);
    return ok;
}

static cJSON *build(struct scan *s)
{
    cJSON *item = cJSON_ParseWithLength(s->copy, s->length + 1);

    if (!item) {
        mls_fail_memory(s->err, 1, s->length, "a JSON text");
        return NULL;
    }
    s->twice = INT64_MAX;
    if (!settle(s, item)) {
        cJSON_Delete(item);
        return NULL;
    }
    if (s->twice < INT64_MAX) {
        mls_fail(s->err, s->code, "the key \"%s\" is given twice",
                 mls_show_text(s->twice_key).text);
        mls_fail_at(s->err, s->name, s->key_lines[s->twice], 0, NULL);
        cJSON_Delete(item);
        return NULL;
    }
    return item;
}

struct mls_json *mls_json_parse(const char *text, size_t length,
                                const char *name, enum mls_code code,
                                struct mls_error *err)
{
    struct scan s = { .text = text, .length = length, .line = 1,
                      .code = code, .name = name, .err = err };
    cJSON *item = NULL;

    pthread_once(&hooks_once, set_hooks);
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        s.text += 3;
        s.length -= 3;
    }
    s.copy = mls_copy_bytes(s.text, s.length, err);
    if (s.copy && scan_all(&s)) {
        item = build(&s);
    }
    mls_free(s.copy);
    mls_free(s.numbers);
    mls_free(s.key_lines);
    return to_json(item);
}

/* ---- Building ---------------------------------------------------------- */

static struct mls_json *made(cJSON *item, struct mls_error *err)
{
    if (!item) {
        no_memory(err);
    }
    return to_json(item);
}

struct mls_json *mls_json_new_object(struct mls_error *err)
{
    pthread_once(&hooks_once, set_hooks);
    return made(cJSON_CreateObject(), err);
}

struct mls_json *mls_json_new_array(struct mls_error *err)
{
    pthread_once(&hooks_once, set_hooks);
    return made(cJSON_CreateArray(), err);
}

struct mls_json *mls_json_copy(const struct mls_json *json,
                               struct mls_error *err)
{
    cJSON *copy = cJSON_Duplicate(as_item(json), true);

    /* The copy stands alone: it has no key until it gets one. */
    if (copy && copy->string) {
        mls_free(copy->string);
        copy->string = NULL;
    }
    return made(copy, err);
}

void mls_json_free(struct mls_json *json)
{
    cJSON_Delete(to_item(json));
}

static cJSON *find(const cJSON *object, const char *key)
{
    cJSON *child = object->child;

    while (child && strcmp(child->string, key) != 0) {
        child = child->next;
    }
    return child;
}

/* Puts item into to; frees it when that fails.  item NULL: no memory.  is_new:
 * an object has no such key; else it is looked for, one by one. */
static bool put_item(struct mls_json *to_, const char *key, bool is_new,
                     cJSON *item, struct mls_error *err)
{
    cJSON *to = to_item(to_), *old;

    if (!item) {
        return no_memory(err);
    }
    mls_free(item->string);
    item->string = NULL;
    assert(item_type(to) == (key ? cJSON_Object : cJSON_Array));
    if (!key) {
        cJSON_AddItemToArray(to, item);
        return true;
    }
    item->string = mls_copy_text(key, err);
    if (!item->string) {
        cJSON_Delete(item);
        return false;
    }
    old = is_new ? NULL : find(to, key);
    if (old) {
        cJSON_ReplaceItemViaPointer(to, old, item);
    } else {
        cJSON_AddItemToArray(to, item); /* links it, whatever to is */
    }
    return true;
}

static bool put(struct mls_json *to, const char *key, cJSON *item,
                struct mls_error *err)
{
    return put_item(to, key, false, item, err);
}

struct mls_json *mls_json_add_object(struct mls_json *to, const char *key,
                                     struct mls_error *err)
{
    cJSON *item = cJSON_CreateObject();

    return put(to, key, item, err) ? to_json(item) : NULL;
}

struct mls_json *mls_json_add_array(struct mls_json *to, const char *key,
                                    struct mls_error *err)
{
    cJSON *item = cJSON_CreateArray();

    return put(to, key, item, err) ? to_json(item) : NULL;
}

bool mls_json_add(struct mls_json *to, const char *key, struct mls_json *takes,
                  struct mls_error *err)
{
    return put(to, key, to_item(takes), err);
}

bool mls_json_add_real(struct mls_json *to, const char *key, double value,
                       struct mls_error *err)
{
    return put(to, key, isfinite(value) ? cJSON_CreateNumber(value)
                                        : cJSON_CreateNull(), err);
}

bool mls_json_add_integer(struct mls_json *to, const char *key, int64_t value,
                          struct mls_error *err)
{
    char digits[MLS_REAL_TEXT];

    if (value >= -MAX_WHOLE && value <= MAX_WHOLE) {
        return put(to, key, cJSON_CreateNumber((double)value), err);
    }
    mls_format_integer(value, digits);
    return put(to, key, cJSON_CreateString(digits), err);
}

bool mls_json_add_bool(struct mls_json *to, const char *key, bool value,
                       struct mls_error *err)
{
    return put(to, key, cJSON_CreateBool(value), err);
}

bool mls_json_add_text(struct mls_json *to, const char *key, const char *value,
                       struct mls_error *err)
{
    return put(to, key, cJSON_CreateString(value), err);
}

bool mls_json_add_new_text(struct mls_json *to, const char *key,
                           const char *value, struct mls_error *err)
{
    return put_item(to, key, true, cJSON_CreateString(value), err);
}

bool mls_json_add_null(struct mls_json *to, const char *key,
                       struct mls_error *err)
{
    return put(to, key, cJSON_CreateNull(), err);
}

/* ---- Reading ----------------------------------------------------------- */

enum mls_json_kind mls_json_kind_of(const struct mls_json *json)
{
    if (!json) {
        return MLS_JSON_NONE;
    }
    switch (item_type(as_item(json))) {
    case cJSON_NULL:
        return MLS_JSON_NULL;
    case cJSON_False:
        return MLS_JSON_FALSE;
    case cJSON_True:
        return MLS_JSON_TRUE;
    case cJSON_Number:
    case cJSON_Raw:
        return MLS_JSON_NUMBER;
    case cJSON_String:
        return MLS_JSON_STRING;
    case cJSON_Array:
        return MLS_JSON_ARRAY;
    case cJSON_Object:
        return MLS_JSON_OBJECT;
    default:
        return MLS_JSON_NONE;
    }
}

const struct mls_json *mls_json_get(const struct mls_json *object,
                                    const char *key)
{
    if (mls_json_kind_of(object) != MLS_JSON_OBJECT) {
        return NULL;
    }
    return as_json(find(as_item(object), key));
}

const struct mls_json *mls_json_first(const struct mls_json *json)
{
    return json ? as_json(as_item(json)->child) : NULL;
}

const struct mls_json *mls_json_next(const struct mls_json *json)
{
    return json ? as_json(as_item(json)->next) : NULL;
}

const char *mls_json_key(const struct mls_json *json)
{
    return json ? as_item(json)->string : NULL;
}

int64_t mls_json_count(const struct mls_json *json)
{
    const struct mls_json *child = mls_json_first(json);
    int64_t n = 0;

    for (; child; child = mls_json_next(child)) {
        n++;
    }
    return n;
}

const char *mls_json_text(const struct mls_json *json, const char *fallback)
{
    return mls_json_kind_of(json) == MLS_JSON_STRING
               ? as_item(json)->valuestring : fallback;
}

double mls_json_real(const struct mls_json *json, double fallback)
{
    return mls_json_kind_of(json) == MLS_JSON_NUMBER
               ? as_item(json)->valuedouble : fallback;
}

bool mls_json_bool(const struct mls_json *json, bool fallback)
{
    enum mls_json_kind kind = mls_json_kind_of(json);

    return kind == MLS_JSON_TRUE || (kind != MLS_JSON_FALSE && fallback);
}

bool mls_json_integer(const struct mls_json *json, int64_t *value)
{
    const char *text = mls_json_text(json, NULL);
    double real;

    if (text) {
        return mls_parse_integer(text, strlen(text), value);
    }
    if (!json || item_type(as_item(json)) != cJSON_Number) {
        return false;
    }
    real = as_item(json)->valuedouble;
    if (!(fabs(real) <= (double)MAX_WHOLE) || real != floor(real)) {
        return false;
    }
    *value = (int64_t)real;
    return true;
}

/* ---- Printing ---------------------------------------------------------- */

static void print_string(const char *string, struct mls_text *text)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_from[] = "\"\\\b\f\n\r\t";
    static const char short_to[] = "\"\\bfnrt";
    const char *run = string;

    mls_text_add_bytes(text, "\"", 1);
    for (; *string; string++) {
        unsigned char c = (unsigned char)*string;
        const char *at = strchr(short_from, *string);

        if (c >= 0x20 && !at) {
            continue;
        }
        mls_text_add_bytes(text, run, (size_t)(string - run));
        run = string + 1;
        if (at) {
            char two[2] = { '\\', short_to[at - short_from] };

            mls_text_add_bytes(text, two, 2);
        } else {
            char six[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

            mls_text_add_bytes(text, six, 6);
        }
    }
    mls_text_add_bytes(text, run, (size_t)(string - run));
    mls_text_add_bytes(text, "\"", 1);
}

static void new_line(int depth, struct mls_text *text)
{
    mls_text_add_bytes(text, "\n", 1);
    for (; depth > 0; depth--) {
        mls_text_add_bytes(text, "  ", 2);
    }
}

/* depth -1: all on one line. */
static void print_item(const cJSON *item, int depth, struct mls_text *text)
{
    int type = item_type(item);
    int inner = depth < 0 ? -1 : depth + 1;
    const cJSON *child;

    switch (type) {
    case cJSON_False:
        mls_text_add(text, "false");
        return;
    case cJSON_True:
        mls_text_add(text, "true");
        return;
    case cJSON_Number:
        mls_text_add_real(text, item->valuedouble);
        return;
    case cJSON_Raw:
        mls_text_add(text, item->valuestring);
        return;
    case cJSON_String:
        print_string(item->valuestring, text);
        return;
    case cJSON_Array:
    case cJSON_Object:
        break;
    default:
        mls_text_add(text, "null");
        return;
    }
    mls_text_add(text, type == cJSON_Array ? "[" : "{");
    for (child = item->child; child; child = child->next) {
        if (inner > 0) {
            new_line(inner, text);
        }
        if (type == cJSON_Object) {
            print_string(child->string, text);
            mls_text_add(text, inner > 0 ? ": " : ":");
        }
        print_item(child, inner, text);
        if (child->next) {
            mls_text_add(text, ",");
        }
    }
    if (item->child && depth >= 0) {
        new_line(depth, text);
    }
    mls_text_add(text, type == cJSON_Array ? "]" : "}");
}

bool mls_json_print(const struct mls_json *json, bool indent,
                    struct mls_text *text, struct mls_error *err)
{
    print_item(as_item(json), indent ? 0 : -1, text);
    if (indent) {
        mls_text_add(text, "\n");
    }
    return mls_text_ok(text, err);
}
