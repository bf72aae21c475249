/*
 * Dates and times to microseconds since 1970-01-01T00:00:00Z and back.
 */
#ifndef MLS_TABLE_DATE_H
#define MLS_TABLE_DATE_H

#include "mlspec/schema.h"

#define MLS_DATE_BIT(form) (1u << (form))
#define MLS_DATE_FORMS 0x7u     /* the bits of all three */
#define MLS_DATE_TEXT 40        /* bytes that any date fits in, with its NUL */

/*
 * A whole cell in one form, in the proleptic Gregorian calendar, years 1 to
 * 9999.  A time without a zone is UTC; one with a zone is moved to UTC.  Digits
 * of a second past the sixth are cut off.
 *   has_time   receives whether a time of day was given; may be NULL
 */
bool mls_date_parse(const char *text, size_t length, enum mls_date_form form,
                    int64_t *time, bool *has_time);
/* The same for 2024-05-31 alone; text has 10 bytes. */
bool mls_date_parse_day(const char *text, int64_t *time);
/* In the form given ('/' for the slashed ones): 2024-05-31T23:59:59.5, or
 * without the time of day.  time is of the years 0 to 10000, as parsing gives
 * it.  Returns the length. */
size_t mls_date_format(int64_t time, enum mls_date_form form, bool has_time,
                       char text[MLS_DATE_TEXT]);

/* What a calendar and a clock show, in UTC. */
struct mls_date_parts {
    int year, month, day;       /* month and day from 1 */
    int day_of_year;            /* from 1 */
    int weekday;                /* 0 Monday to 6 Sunday */
    int hour;                   /* 0 to 23 */
};
void mls_date_split(int64_t time, struct mls_date_parts *parts);

#endif
