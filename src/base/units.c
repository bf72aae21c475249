/*
 * Sizes and durations.  A whole number of a unit is written with it; anything
 * else in bytes or seconds, which reads back exactly.
 */
#include "base/units.h"

#include <inttypes.h>
#include <math.h>

#define NUMBER_BYTES "0123456789."

bool mls_parse_size(const char *text, int64_t *bytes)
{
    static const char letters[] = "KMGT";
    size_t n = strspn(text, NUMBER_BYTES);
    const char *unit = text + n, *letter;
    double value;

    if (!mls_parse_real(text, n, '.', &value, NULL)) {
        return false;
    }
    letter = *unit ? strchr(letters, *unit == 'k' ? 'K' : *unit) : NULL;
    if (letter) {
        value = ldexp(value, 10 * (int)(letter - letters + 1));
        unit++;
        unit += unit[0] == 'i' && unit[1] == 'B';
    }
    unit += *unit == 'B';
    value = nearbyint(value);
    if (*unit || value >= 0x1p63) {
        return false;
    }
    *bytes = (int64_t)value;
    return true;
}

void mls_format_size(int64_t bytes, char text[MLS_UNIT_TEXT])
{
    static const char letters[] = "\0KMGT";
    int unit = 0;

    while (unit < 4 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, MLS_UNIT_TEXT, "%" PRId64 "%.1s", bytes, letters + unit);
}

static const struct unit {
    const char *name;
    double seconds;
} units[] = {
    { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { "ms", 1e-3 },
};
#define UNITS (sizeof(units) / sizeof(*units))

bool mls_parse_duration(const char *text, double *seconds)
{
    double sum = 0;
    size_t next = 0; /* units still allowed */
    const char *at = text;

    do {
        size_t n = strspn(at, NUMBER_BYTES), name;
        const char *unit = at + n;
        double value;

        if (!mls_parse_real(at, n, '.', &value, NULL)) {
            return false;
        }
        if (*unit == '\0' && at == text) {
            *seconds = value;
            return true;
        }
        name = strcspn(unit, NUMBER_BYTES);
        while (next < UNITS && (strlen(units[next].name) != name
                                || memcmp(units[next].name, unit, name))) {
            next++;
        }
        if (next == UNITS) {
            return false;
        }
        sum += units[next].name[1] ? value / 1000 : value * units[next].seconds;
        next++;
        at = unit + name;
    } while (*at);
    *seconds = sum;
    return true;
}

void mls_format_duration(double seconds, char text[MLS_UNIT_TEXT])
{
    double rest = seconds;
    size_t unit, used = 0;

    if (!(seconds > 0) || seconds != floor(seconds) || seconds >= 1e9) {
        used = mls_format_real(seconds, text);
        memcpy(text + used, "s", 2);
        return;
    }
    for (unit = 0; unit < 4; unit++) {
        double whole = floor(rest / units[unit].seconds);

        rest -= whole * units[unit].seconds;
        if (whole > 0) {
            used += mls_format_real(whole, text + used);
            text[used++] = units[unit].name[0];
        }
    }
    text[used] = '\0';
}
