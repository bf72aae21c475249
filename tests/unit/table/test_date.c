#include "test.h"

#include "table/date.h"

#define SECOND 1000000LL
#define DAY (86400 * SECOND)

static bool parse(const char *text, enum mls_date_form form, int64_t *time,
                  bool *has_time)
{
    return mls_date_parse(text, strlen(text), form, time, has_time);
}

static void known_instants_have_their_known_number(void **state)
{
    /* Python: datetime.fromisoformat(text).timestamp() * 1e6, in UTC. */
    static const struct {
        const char *text;
        int64_t time;
        bool has_time;
    } cases[] = {
        { "1970-01-01", 0, false },
        { "2000-02-29", 951782400000000, false },
        { "1900-03-01", -2203891200000000, false },
        { "0001-01-01", -62135596800000000, false },
        { "9999-12-31", 253402214400000000, false },
        { "2024-05-31T23:59:59", 1717199999000000, true },
        { "2024-05-31 23:59", 1717199940000000, true },
        { "2024-05-31T23:59:59.25Z", 1717199999250000, true },
        { "2024-05-31T23:59:59.123456789", 1717199999123456, true },
        { "2024-05-31T23:59:59+02:00", 1717192799000000, true },
        { "2024-05-31T23:59:59-0530", 1717219799000000, true },
        { "2024-05-31T23:59:59+02", 1717192799000000, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t time = 1;
        bool has_time = !cases[i].has_time;

        if (!parse(cases[i].text, MLS_DATE_ISO, &time, &has_time))
            fail_msg("%s is not taken", cases[i].text);
        assert_true(time == cases[i].time);
        assert_int_equal(has_time, cases[i].has_time);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const texts[] = {
        "",           "2024",        "2024-05",       "2024-5-31",
        "2024-13-01", "2024-00-01",  "2024-04-31",    "2023-02-29",
        "1900-02-29", "2024-05-31T", "2024-05-31T24:00",
        "2024-05-31T23:60", "2024-05-31T23:59:60", "2024-05-31x23:59",
        "2024-05-31T23:59:59.", "2024-05-31T23:59:59.1234567890",
        "2024-05-31T23:59:59+", "2024-05-31T23:59:59+24:00",
        "2024-05-31T23:59:59Zx", "2024-05-31 ", " 2024-05-31",
        "0000-01-01", "31/05/2024", "20240531", "2024/05/31",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        int64_t time;

        if (parse(texts[i], MLS_DATE_ISO, &time, NULL))
            fail_msg("\"%s\" is taken", texts[i]);
    }
}

static void day_and_month_are_read_in_the_order_asked_for(void **state)
{
    int64_t iso, time;
    bool has_time;

    (void)state;
    assert_true(parse("2024-05-31", MLS_DATE_ISO, &iso, NULL));
    assert_true(parse("31/05/2024", MLS_DATE_DAY_MONTH, &time, NULL));
    assert_true(time == iso);
    assert_true(parse("31.5.2024", MLS_DATE_DAY_MONTH, &time, NULL));
    assert_true(time == iso);
    assert_true(parse("5-31-2024", MLS_DATE_MONTH_DAY, &time, NULL));
    assert_true(time == iso);
    assert_true(
        parse("05/31/2024 06:30", MLS_DATE_MONTH_DAY, &time, &has_time));
    assert_true(time == iso + 390 * 60 * SECOND && has_time);

    assert_false(parse("05/31/2024", MLS_DATE_DAY_MONTH, &time, NULL));
    assert_false(parse("31/05/2024", MLS_DATE_MONTH_DAY, &time, NULL));
    assert_false(parse("31/05-2024", MLS_DATE_DAY_MONTH, &time, NULL));
    assert_false(parse("31/05/24", MLS_DATE_DAY_MONTH, &time, NULL));
    assert_false(parse("131/05/2024", MLS_DATE_DAY_MONTH, &time, NULL));
}

/* The obvious way: count days one by one. */
static void days_follow_each_other_over_four_centuries(void **state)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31 };
    int64_t expected = 0, time;
    char text[64];

    (void)state;
    assert_true(parse("1799-12-31", MLS_DATE_ISO, &expected, NULL));
    for (int year = 1800; year < 2204; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        for (int month = 1; month <= 12; month++) {
            int days = lengths[month - 1] + (month == 2 && leap);

            for (int day = 1; day <= days; day++) {
                char back[MLS_DATE_TEXT];

                expected += DAY;
                snprintf(text, sizeof(text), "%04d-%02d-%02d", year, month,
                         day);
                assert_true(parse(text, MLS_DATE_ISO, &time, NULL));
                assert_true(time == expected);
                mls_date_format(time, MLS_DATE_ISO, false, back);
                assert_string_equal(back, text);
            }
        }
    }
}

static void what_is_written_reads_back(void **state)
{
    static const int64_t times[] = {
        0, -1, 1, 1717199999250000, 1717199999123456, -62135596800000000,
        253402300799999999, 1717199999000000
    };
    char text[MLS_DATE_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        for (int form = MLS_DATE_ISO; form <= MLS_DATE_MONTH_DAY; form++) {
            int64_t time;
            size_t length = mls_date_format(
                times[i], (enum mls_date_form)form, true, text);

            assert_int_equal(length, strlen(text));
            assert_true(
                parse(text, (enum mls_date_form)form, &time, NULL));
            assert_true(time == times[i]);
        }
    }
    mls_date_format(1717199999250000, MLS_DATE_ISO, true, text);
    assert_string_equal(text, "2024-05-31T23:59:59.25");
    mls_date_format(1717199999000000, MLS_DATE_DAY_MONTH, false, text);
    assert_string_equal(text, "31/05/2024");
    mls_date_format(1717199999000000, MLS_DATE_MONTH_DAY, false, text);
    assert_string_equal(text, "05/31/2024");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_instants_have_their_known_number),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(day_and_month_are_read_in_the_order_asked_for),
        cmocka_unit_test(days_follow_each_other_over_four_centuries),
        cmocka_unit_test(what_is_written_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
