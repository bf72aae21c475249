/*
 * A level is taken for a decorated number by taking off, from outside in: a
 * sign, a currency mark, spaces, a unit; and within, separators that have three
 * digits behind them.  What then is a number is one.  Codes such as A12 keep
 * their letters and are none.
 */
#include "table/looks.h"

#include <string.h>

#include "base/number.h"
#include "table/cell.h"
#include "table/date.h"
#include "table/dictionary.h"

#define LEVELS_LOOKED_AT 10000
#define NUMBER_BYTES 64
#define UNIT_BYTES 4
#define FOLDED_BYTES 100

static const char *const marks[] = { "$", "%", "\xe2\x82\xac", "\xc2\xa3",
                                     "\xc2\xa5", " ", "\xc2\xa0",
                                     "\xe2\x80\xaf", "'" };

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Bytes of a mark that bytes begin with, 0 when there is none. */
static size_t mark_at(const char *bytes, size_t length)
{
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        size_t n = strlen(marks[i]);

        if (n <= length && memcmp(bytes, marks[i], n) == 0)
            return n;
    }
    return 0;
}

/* The length without a unit: a space and a few letters at the end. */
static size_t without_unit(const char *bytes, size_t length)
{
    size_t n = length;

    while (n > 0 && is_letter(bytes[n - 1]))
        n--;
    return n > 0 && bytes[n - 1] == ' ' && length - n <= UNIT_BYTES ? n
                                                                    : length;
}

static bool has_three_digits(const char *bytes, size_t length)
{
    return length >= 3 && is_digit(bytes[0]) && is_digit(bytes[1])
        && is_digit(bytes[2]) && (length == 3 || !is_digit(bytes[3]));
}

static bool is_decorated(const char *bytes, size_t length, char decimal)
{
    char plain[NUMBER_BYTES], separator = decimal == ',' ? '.' : ',';
    size_t used = 0;
    double value;

    if (length == 0 || length > NUMBER_BYTES)
        return false;
    length = without_unit(bytes, length);
    for (size_t i = 0; i < length;) {
        size_t mark = bytes[i] == separator ? 1 : mark_at(bytes + i, length - i);
        size_t next = i + mark;

        /* Between digits it must be a separator of thousands. */
        if (mark > 0 && used > 0 && is_digit(plain[used - 1])
            && next < length && is_digit(bytes[next])
            && !has_three_digits(bytes + next, length - next))
            return false;
        if (mark == 0)
            plain[used++] = bytes[i++];
        else
            i += mark;
    }
    return mls_parse_real(plain, used, decimal, &value, NULL);
}

static bool is_date(const char *bytes, size_t length)
{
    int64_t time;

    for (int f = MLS_DATE_ISO; f <= MLS_DATE_MONTH_DAY; f++) {
        if (mls_date_parse(bytes, length, (enum mls_date_form)f, &time, NULL))
            return true;
    }
    return false;
}

/* The level without outer spaces, in lower case; false when it is too long. */
static bool fold(struct mls_cell level, char to[FOLDED_BYTES + 1])
{
    struct mls_cell cell = mls_cell_trim(level);

    if (cell.length > FOLDED_BYTES)
        return false;
    for (int64_t i = 0; i < cell.length; i++) {
        char byte = cell.bytes[i];

        to[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    to[cell.length] = '\0';
    return true;
}

static bool is_answer(const char *folded)
{
    static const char *const answers[] = { "yes", "no", "true", "false", "t",
                                           "f",   "y",  "n",    "1",     "0" };

    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        if (strcmp(folded, answers[i]) == 0)
            return true;
    }
    return false;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Levels that say the same. */
static enum mls_looks looks_of_spellings(const struct mls_dictionary *levels,
                                         int64_t count)
{
    uint64_t hash[LEVELS_LOOKED_AT];
    int64_t hashes = 0, answers = 0;

    for (int64_t i = 0; i < count; i++) {
        char folded[FOLDED_BYTES + 1];
        size_t length;
        const char *bytes =
            mls_dictionary_level(levels, (uint32_t)i, &length);

        if (!fold((struct mls_cell){ bytes, (int64_t)length }, folded))
            continue;
        answers += is_answer(folded);
        hash[hashes++] = mls_bytes_hash(folded, strlen(folded));
    }
    if (count > 2 && answers == count)
        return MLS_LOOKS_ANSWERS;
    qsort(hash, (size_t)hashes, sizeof(*hash), by_value);
    for (int64_t i = 1; i < hashes; i++) {
        if (hash[i] == hash[i - 1])
            return MLS_LOOKS_SPELLINGS;
    }
    return MLS_LOOKS_NONE;
}

enum mls_looks mls_looks_of(const struct mls_dictionary *levels, char decimal)
{
    int64_t count = levels->count, numbers = 0, dates = 0, bare = 0;

    if (count > LEVELS_LOOKED_AT)
        count = LEVELS_LOOKED_AT;
    for (int64_t i = 0; i < count; i++) {
        size_t length;
        const char *bytes =
            mls_dictionary_level(levels, (uint32_t)i, &length);
        double value;

        numbers += is_decorated(bytes, length, decimal);
        bare += mls_parse_real(bytes, length, decimal, &value, NULL);
        dates += is_date(bytes, length);
    }
    if (numbers > bare && 10 * numbers >= 9 * count)
        return MLS_LOOKS_NUMBERS;
    if (dates > 0 && 2 * dates >= count)
        return MLS_LOOKS_DATES;
    return looks_of_spellings(levels, count);
}
