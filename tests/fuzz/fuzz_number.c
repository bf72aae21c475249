/* mls_parse_real against the C library's strtod in the C locale; what it gives
 * is written and comes back, alone and in a column. */
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/number_format.h"
#include "fuzz.h"

/* [+-] digits [. digits] [eE [+-] digits], a digit in the first part. */
static bool is_decimal(const char *text)
{
    int digits = 0;

    text += *text == '+' || *text == '-';
    for (; isdigit((unsigned char)*text); text++)
        digits++;
    if (*text == '.')
        text++;
    for (; isdigit((unsigned char)*text); text++)
        digits++;
    if (digits == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '+' || *text == '-';
        if (!isdigit((unsigned char)*text))
            return false;
        while (isdigit((unsigned char)*text))
            text++;
    }
    return *text == '\0';
}

static void check_text(const char *text, size_t length)
{
    static locale_t c_locale;
    double value = 0, expected;
    bool ok = mls_parse_real(text, length, '.', &value, NULL);

    if (!c_locale)
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (strlen(text) != length) {
        FUZZ_CHECK(!ok, "a NUL is no part of a number");
        return;
    }
    expected = strtod_l(text, NULL, c_locale);
    FUZZ_CHECK(ok == (is_decimal(text) && isfinite(expected)), "\"%s\"", text);
    FUZZ_CHECK(!ok || memcmp(&value, &expected, sizeof(value)) == 0,
               "%s is %a, not %a", text, expected, value);
}

static void check_slot(mls_format_reals_fn *format, double value,
                       const char *text, size_t length)
{
    char slot[MLS_REAL_SLOT];

    format(&value, 1, slot, sizeof(slot));
    FUZZ_CHECK(mls_slot_length(slot) == (isnan(value) ? 0 : length)
                   && memcmp(slot, text, mls_slot_length(slot)) == 0,
               "%s in a column", text);
}

static void check_value(double value)
{
    char text[MLS_REAL_TEXT];
    size_t length = mls_format_real(value, text);
    double back;

    FUZZ_CHECK(strlen(text) == length, "%s", text);
    check_slot(mls_format_reals, value, text, length);
    check_slot(mls_format_reals_plain, value, text, length);
    if (!isfinite(value))
        return;
    FUZZ_CHECK(mls_parse_real(text, length, '.', &back, NULL), "%s", text);
    FUZZ_CHECK(memcmp(&value, &back, sizeof(value)) == 0, "%s", text);
}

void fuzz_number(const uint8_t *bytes, size_t length)
{
    char *text;

    if (length == 0)
        return;
    for (size_t i = 1; i + 8 <= length; i += 8) {
        double value;

        memcpy(&value, bytes + i, 8);
        check_value(value);
        check_value(round(value * 1000) / 1000);
    }
    text = malloc(length);
    FUZZ_CHECK(text != NULL, "no memory");
    memcpy(text, bytes + 1, length - 1);
    text[length - 1] = '\0';
    check_text(text, length - 1);
    free(text);
}
