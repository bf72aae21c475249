/*
 * Dates by hand: strptime and mktime depend on the locale and the time zone.
 *
 * Days are counted with the year beginning in March, so that the leap day comes
 * last and months have the regular lengths 31 30 31 30 31 | 31 30 31 30 31 ...:
 * day (153 m + 2) / 5 is the first of month m.  400 years are 146,097 days, in
 * which the pattern of leap years repeats.
 */
#include "table/date.h"

#define MICROS 1000000LL
#define DAY_MICROS (86400 * MICROS)
#define DAYS_TO_1970 719468     /* from 0000-03-01 */

static int64_t days_from_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;   /* never negative: year >= 1 */
    int64_t m = month <= 2 ? month + 9 : month - 3;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1
        - DAYS_TO_1970;
}

static void date_from_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + DAYS_TO_1970;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t d = z - era * 146097;               /* 0 to 146096 */
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t m;

    d -= 365 * y + y / 4 - y / 100;             /* of the March year */
    m = (5 * d + 2) / 153;
    *day = (int)(d - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(era * 400 + y + (m >= 10));
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30,
                                31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* What is left of a cell. */
struct cursor {
    const char *at, *end;
};

/* least to most digits; false when there are fewer or the next is one more. */
static bool take_number(struct cursor *c, int least, int most, int *number)
{
    int digits = 0, value = 0;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        if (++digits > most)
            return false;
        value = 10 * value + (*c->at++ - '0');
    }
    *number = value;
    return digits >= least;
}

static bool take_char(struct cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* One to nine digits; those past the sixth are cut off. */
static bool take_fraction(struct cursor *c, int64_t *micros)
{
    int digits = 0;
    int64_t value = 0;

    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        if (++digits <= 6)
            value = 10 * value + (*c->at - '0');
    }
    for (int i = digits; i < 6; i++)
        value *= 10;
    *micros = value;
    return digits >= 1 && digits <= 9;
}

/* Z, +hh, +hhmm or +hh:mm, as microseconds to take away. */
static bool take_zone(struct cursor *c, int64_t *micros)
{
    int sign = 1, hours = 0, minutes = 0;

    *micros = 0;
    if (c->at == c->end || take_char(c, 'Z'))
        return c->at == c->end;
    if (*c->at == '-')
        sign = -1;
    else if (*c->at != '+')
        return false;
    c->at++;
    if (c->end - c->at == 4) {
        struct cursor first = { c->at, c->at + 2 };

        if (!take_number(&first, 2, 2, &hours))
            return false;
        c->at += 2;
        if (!take_number(c, 2, 2, &minutes))
            return false;
    } else {
        if (!take_number(c, 2, 2, &hours))
            return false;
        if (take_char(c, ':') && !take_number(c, 2, 2, &minutes))
            return false;
    }
    *micros = sign * (hours * 3600LL + minutes * 60) * MICROS;
    return c->at == c->end && hours <= 23 && minutes <= 59;
}

/* hh:mm[:ss[.f]][zone], to the end. */
static bool take_time(struct cursor *c, int64_t *micros)
{
    int hour, minute, second = 0;
    int64_t fraction = 0, zone;

    if (!take_number(c, 2, 2, &hour) || !take_char(c, ':')
        || !take_number(c, 2, 2, &minute))
        return false;
    if (take_char(c, ':')) {
        if (!take_number(c, 2, 2, &second))
            return false;
        if (take_char(c, '.') && !take_fraction(c, &fraction))
            return false;
    }
    if (hour > 23 || minute > 59 || second > 59 || !take_zone(c, &zone))
        return false;
    *micros = (hour * 3600LL + minute * 60 + second) * MICROS + fraction - zone;
    return true;
}

static bool take_iso(struct cursor *c, int *year, int *month, int *day)
{
    return c->end - c->at >= 10 && take_number(c, 4, 4, year)
        && take_char(c, '-') && take_number(c, 2, 2, month)
        && take_char(c, '-') && take_number(c, 2, 2, day);
}

/* 31/05/2024, 31-5-2024, 31.05.2024: one separator, twice. */
static bool take_slashed(struct cursor *c, int *first, int *second, int *year)
{
    char separator;

    if (c->end - c->at < 8 || !take_number(c, 1, 2, first) || c->at == c->end)
        return false;
    separator = *c->at;
    if (separator != '/' && separator != '-' && separator != '.')
        return false;
    return take_char(c, separator) && take_number(c, 1, 2, second)
        && take_char(c, separator) && take_number(c, 4, 4, year);
}

bool mls_date_parse(const char *text, size_t length, enum mls_date_form form,
                    int64_t *time, bool *has_time)
{
    struct cursor c = { text, text + length };
    int year, month, day;
    int64_t micros = 0;
    bool timed;

    if (form == MLS_DATE_ISO ? !take_iso(&c, &year, &month, &day)
        : form == MLS_DATE_DAY_MONTH ? !take_slashed(&c, &day, &month, &year)
                                     : !take_slashed(&c, &month, &day, &year))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1
        || day > days_in_month(year, month))
        return false;
    timed = c.at < c.end;
    if (timed
        && ((!take_char(&c, 'T') && !take_char(&c, ' '))
            || !take_time(&c, &micros)))
        return false;
    *time = days_from_date(year, month, day) * DAY_MICROS + micros;
    if (has_time != NULL)
        *has_time = timed;
    return true;
}

bool mls_date_parse_day(const char *text, int64_t *time)
{
    unsigned digit[10], all = 0;
    int year, month, day;

    for (int i = 0; i < 10; i++) {
        digit[i] = (unsigned char)(text[i] - '0');
        all |= i == 4 || i == 7 ? (unsigned)(text[i] != '-') << 8
                                : (unsigned)(digit[i] > 9) << 8;
    }
    year = (int)(digit[0] * 1000 + digit[1] * 100 + digit[2] * 10 + digit[3]);
    month = (int)(digit[5] * 10 + digit[6]);
    day = (int)(digit[8] * 10 + digit[9]);
    if (all != 0 || year < 1 || month < 1 || month > 12 || day < 1
        || (day > 28 && day > days_in_month(year, month)))
        return false;
    *time = days_from_date(year, month, day) * DAY_MICROS;
    return true;
}

/* value as so many digits at text[at]; returns where they end. */
static size_t put(char *text, size_t at, int value, int digits)
{
    for (int i = digits; i-- > 0; value /= 10)
        text[at + (size_t)i] = (char)('0' + value % 10);
    return at + (size_t)digits;
}

static size_t put_day(char *text, enum mls_date_form form, int year, int month,
                      int day)
{
    bool day_first = form == MLS_DATE_DAY_MONTH;
    int digits = year > 9999 ? 5 : 4; /* 10000 in UTC is 9999 elsewhere */
    size_t at;

    if (form == MLS_DATE_ISO) {
        at = put(text, 0, year, digits);
        text[at] = '-';
        at = put(text, at + 1, month, 2);
        text[at] = '-';
        return put(text, at + 1, day, 2);
    }
    at = put(text, 0, day_first ? day : month, 2);
    text[at] = '/';
    at = put(text, at + 1, day_first ? month : day, 2);
    text[at] = '/';
    return put(text, at + 1, year, digits);
}

static size_t put_time(char *text, size_t at, int64_t micros)
{
    int seconds = (int)(micros / MICROS), fraction = (int)(micros % MICROS);

    text[at] = 'T';
    at = put(text, at + 1, seconds / 3600, 2);
    text[at] = ':';
    at = put(text, at + 1, seconds / 60 % 60, 2);
    text[at] = ':';
    at = put(text, at + 1, seconds % 60, 2);
    if (fraction == 0)
        return at;
    text[at] = '.';
    at = put(text, at + 1, fraction, 6);
    while (text[at - 1] == '0')
        at--;
    return at;
}

/* By hand: snprintf takes ten times as long. */
size_t mls_date_format(int64_t time, enum mls_date_form form, bool has_time,
                       char text[MLS_DATE_TEXT])
{
    int64_t days = time / DAY_MICROS, rest = time % DAY_MICROS;
    int year, month, day;
    size_t length;

    if (rest < 0) {
        rest += DAY_MICROS;
        days--;
    }
    date_from_days(days, &year, &month, &day);
    length = put_day(text, form, year, month, day);
    if (has_time)
        length = put_time(text, length, rest);
    text[length] = '\0';
    return length;
}

void mls_date_split(int64_t time, struct mls_date_parts *parts)
{
    int64_t days = time / DAY_MICROS, rest = time % DAY_MICROS;

    if (rest < 0) {
        rest += DAY_MICROS;
        days--;
    }
    date_from_days(days, &parts->year, &parts->month, &parts->day);
    parts->day_of_year =
        (int)(days - days_from_date(parts->year, 1, 1)) + 1;
    /* 1970-01-01 was a Thursday. */
    parts->weekday = (int)(((days + 3) % 7 + 7) % 7);
    parts->hour = (int)(rest / (3600 * MICROS));
}
