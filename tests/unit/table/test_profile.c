#include "test.h"

#include "base/text.h"
#include "files.h"
#include "mlspec/profile.h"

static const char table_text[] =
    "x,n,c,d,t,y\n"
    "-3.0,0,red,2024-01-01,the words of row 0,no\n"
    "6.25,1,pink,2024-02-04,the words of row 1,yes\n"
    "5.25,4,green,2024-03-07,the words of row 2,yes\n"
    ",9,black,2024-04-10,the words of row 3,yes\n"
    "3.25,5,,2024-05-13,the words of row 4,yes\n"
    "2.25,3,blue,2024-06-16,,no\n"
    "1.25,3,blue,,the words of row 6,no\n"
    "0.25,5,red,2024-08-22,the words of row 7,no\n"
    "-0.75,9,red,2024-09-25,the words of row 8,no\n"
    "-1.75,4,pink,2024-10-28,the words of row 9,no\n"
    ",1,green,2024-11-03,the words of row 10,no\n"
    "6.5,0,black,2024-12-06,the words of row 11,yes\n"
    "5.5,1,grey,2024-01-09,the words of row 12,yes\n"
    "4.5,4,,2024-02-12,the words of row 13,yes\n"
    "3.5,9,blue,2024-03-15,the words of row 14,yes\n"
    "2.5,5,red,2024-04-18,the words of row 15,no\n"
    "1.5,3,red,,the words of row 16,no\n"
    ",3,pink,2024-06-24,the words of row 17,no\n"
    "-0.5,5,green,2024-07-27,,no\n"
    "-1.5,9,black,2024-08-02,the words of row 19,no\n"
    "-2.5,4,grey,2024-09-05,the words of row 20,no\n"
    "6.75,1,blue,2024-10-08,the words of row 21,yes\n"
    "5.75,0,,2024-11-11,the words of row 22,yes\n"
    "4.75,1,red,2024-12-14,the words of row 23,yes\n"
    ",4,red,2024-01-17,the words of row 24,yes\n"
    "2.75,9,pink,2024-02-20,the words of row 0,no\n"
    "1.75,5,green,,the words of row 1,no\n"
    "0.75,3,black,2024-04-26,the words of row 2,no\n"
    "-0.25,3,grey,2024-05-01,the words of row 3,no\n"
    "-1.25,5,blue,2024-06-04,the words of row 4,no\n"
    "-2.25,9,blue,2024-07-07,the words of row 5,no\n"
    ",4,,2024-08-10,,yes\n"
    "6.0,1,red,2024-09-13,the words of row 7,yes\n"
    "5.0,0,pink,2024-10-16,the words of row 8,yes\n"
    "4.0,1,green,2024-11-19,the words of row 9,yes\n"
    "3.0,4,black,2024-12-22,the words of row 10,no\n"
    "2.0,9,grey,,the words of row 11,no\n"
    "1.0,5,blue,2024-02-28,the words of row 12,no\n"
    ",3,blue,2024-03-03,the words of row 13,no\n"
    "-1.0,3,red,2024-04-06,the words of row 14,no\n"
    ",9,black,2024-04-10,the words of row 3,yes\n"
    ",1,green,2024-11-03,the words of row 10,no\n"
    ",9,black,2024-04-10,the words of row 3,yes\n";

static void read_table(struct mls_table *table)
{
    const struct mls_roles roles = { .target = "y" };
    struct mls_error err = { 0 };

    must_read(table_text, NULL, table);
    assert_true(mls_schema_set_roles(&table->schema, &roles, &err));
}

static const struct mls_profile_column *
column_of(const struct mls_profile *profile, const char *name)
{
    for (int64_t i = 0; i < profile->count; i++) {
        if (strcmp(profile->columns[i].field->name, name) == 0)
            return &profile->columns[i];
    }
    fail_msg("no column %s", name);
    return NULL;
}

static void near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * (1 + fabs(expected))))
        fail_msg("%.17g, not %.17g", value, expected);
}

/*
 * From pandas 3.1.1 and numpy, with dates as seconds:
 *
 *   s.isna().sum(), s.nunique(), s.min(), s.max(), s.mean(), s.std(),
 *   ((v - v.mean())**3).mean() / ((v - v.mean())**2).mean()**1.5,
 *   s.quantile([.05, .25, .5, .75, .95]), numpy.histogram(s.dropna(), 10)
 *
 * Mutual information: scikit-learn's mutual_info_score less its
 * expected_mutual_information, the codes of a number being
 * floor(10 (rank(method="average") - 0.5) / known), of a missing cell one more.
 */
static void the_figures_are_those_of_pandas(void **state)
{
    static const struct {
        const char *name;
        int64_t missing, distinct;
        double low, high, mean, sd, skewness;
        double quantile[MLS_PROFILE_QUANTILES];
        int64_t bin[MLS_PROFILE_BINS];
        double information;
    } expected[] = {
        { "x", 9, 34, -3.0, 6.75, 2.0955882352941178, 2.9154855005813047,
          -0.04923879003047056,
          { -2.3375, -0.4375, 2.125, 4.6875, 6.3374999999999995 },
          { 3, 3, 4, 2, 4, 4, 3, 3, 4, 4 }, 0.33610090245743185 },
        { "n", 0, 6, 0, 9, 4.093023255813954, 2.9905721182884704,
          0.4928277113044833, { 0, 1, 4, 5, 9 },
          { 4, 8, 0, 8, 7, 7, 0, 0, 0, 9 }, 0.1356020086668251 },
        { "d", 4, 36, 1704067200, 1734825600, 1719100800, 9476096.070251271,
          0.10792468811225453,
          { 1705380480, 1711411200, 1718496000, 1727784000, 1733512320 },
          { 4, 5, 5, 4, 3, 2, 4, 3, 5, 4 }, 0.05377098709640049 },
    };
    struct mls_error err = { 0 };
    struct mls_table table;
    struct mls_profile profile;

    (void)state;
    read_table(&table);
    assert_true(mls_profile(&table, NULL, NULL, &profile, &err));
    assert_int_equal(profile.rows, 43);
    assert_int_equal(profile.duplicate_rows, 3);
    assert_int_equal(profile.count, 6);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        const struct mls_profile_column *c =
            column_of(&profile, expected[i].name);

        assert_int_equal(c->rows, 43);
        assert_int_equal(c->missing, expected[i].missing);
        assert_int_equal(c->distinct, expected[i].distinct);
        near(c->low, expected[i].low);
        near(c->high, expected[i].high);
        near(c->mean, expected[i].mean);
        near(c->sd, expected[i].sd);
        near(c->skewness, expected[i].skewness);
        for (int k = 0; k < MLS_PROFILE_QUANTILES; k++)
            near(c->quantile[k], expected[i].quantile[k]);
        for (int k = 0; k < MLS_PROFILE_BINS; k++)
            assert_int_equal(c->bin[k], expected[i].bin[k]);
        near(c->target_information, expected[i].information);
        assert_int_equal(c->top_count, 0);
    }
    mls_profile_clear(&profile);
    mls_table_clear(&table);
}

static void the_commonest_levels_come_first(void **state)
{
    static const struct {
        const char *level;
        int64_t count;
    } expected[] = { { "red", 9 }, { "blue", 8 }, { "black", 7 },
                     { "green", 6 }, { "pink", 5 } };
    struct mls_error err = { 0 };
    struct mls_table table;
    struct mls_profile profile;
    const struct mls_profile_column *c;

    (void)state;
    read_table(&table);
    assert_true(mls_profile(&table, NULL, NULL, &profile, &err));
    c = column_of(&profile, "c");
    assert_int_equal(c->missing, 4);
    assert_int_equal(c->distinct, 6);
    assert_int_equal(c->top_count, MLS_PROFILE_TOP);
    for (int i = 0; i < MLS_PROFILE_TOP; i++) {
        assert_int_equal(c->top[i].count, expected[i].count);
        assert_int_equal(c->top[i].length, strlen(expected[i].level));
        assert_memory_equal(c->top[i].level, expected[i].level,
                            c->top[i].length);
    }
    near(c->target_information, 0.030463096043958027);
    assert_true(isnan(c->mean) && isnan(c->quantile[2]));

    c = column_of(&profile, "y");
    assert_int_equal(c->top_count, 2);
    assert_int_equal(c->top[0].count, 25);
    assert_true(isnan(c->target_information));

    c = column_of(&profile, "t");
    assert_int_equal(c->field->kind, MLS_KIND_TEXT);
    assert_int_equal(c->missing, 3);
    assert_int_equal(c->distinct, 24);
    assert_true(isnan(c->target_information));
    mls_profile_clear(&profile);
    mls_table_clear(&table);
}

static void ties_go_to_the_first_level(void **state)
{
    struct mls_error err = { 0 };
    struct mls_table table;
    struct mls_profile profile;
    const struct mls_profile_column *c;

    (void)state;
    must_read("c,n\ng,1\nf,2\ne,1\nd,2\nb,1\na,2\na,1\ng,1\n", NULL, &table);
    assert_true(mls_profile(&table, NULL, NULL, &profile, &err));
    c = column_of(&profile, "c");
    assert_int_equal(c->distinct, 6);
    for (int i = 0; i < MLS_PROFILE_TOP; i++)
        assert_int_equal(c->top[i].level[0], "agbde"[i]);
    /* No target: nothing is said about it. */
    assert_true(isnan(c->target_information));
    mls_profile_clear(&profile);
    mls_table_clear(&table);
}

static void values_that_are_equal_make_equal_rows(void **state)
{
    struct mls_error err = { 0 };
    struct mls_table table;
    struct mls_profile profile;

    (void)state;
    /* 0 and -0, 1 and 1.0, any missing token; but not a text and its spaces. */
    must_read("a,b\n0,x\n-0,x\n1,NA\n1.0,\n1.0, x\n1,x\n", NULL, &table);
    assert_true(mls_profile(&table, NULL, NULL, &profile, &err));
    assert_int_equal(profile.duplicate_rows, 2);
    assert_int_equal(column_of(&profile, "a")->distinct, 2);
    mls_profile_clear(&profile);
    mls_table_clear(&table);
}

static void columns_of_one_value_or_none_have_no_spread(void **state)
{
    struct mls_error err = { 0 };
    struct mls_table table;
    struct mls_profile profile;
    const struct mls_profile_column *c;

    (void)state;
    must_read("k,m,z\n2.5,,1\n2.5,,2\n2.5,,4\n", NULL, &table);
    assert_true(mls_profile(&table, NULL, NULL, &profile, &err));
    c = column_of(&profile, "k");
    assert_int_equal(c->distinct, 1);
    assert_true(c->sd == 0 && isnan(c->skewness));
    assert_int_equal(c->bin[0], 3);
    c = column_of(&profile, "m");
    assert_int_equal(c->distinct, 0);
    assert_int_equal(c->missing, 3);
    assert_true(isnan(c->low) && isnan(c->mean) && isnan(c->quantile[0]));
    assert_int_equal(profile.duplicate_rows, 0);
    mls_profile_clear(&profile);
    mls_table_clear(&table);
}

static void block_sizes_and_threads_change_nothing(void **state)
{
    struct mls_text text = { 0 };
    struct mls_error err = { 0 };
    struct mls_run run;
    struct mls_profile first, other;
    struct mls_table table, small;
    const struct mls_read_options options = { .block_rows = 777 };

    (void)state;
    mls_text_add(&text, "a,b,c\n");
    for (int i = 0; i < 20000; i++)
        mls_text_format(&text, "%d.5,%d,%s\n", i * 7919 % 4099, i % 10,
                        i % 3 ? "u" : "v");
    must_read(text.bytes, NULL, &table);
    must_read(text.bytes, &options, &small);
    assert_true(mls_run_init(&run, 2, &err));
    assert_true(mls_profile(&table, NULL, NULL, &first, &err));
    assert_true(mls_profile(&small, NULL, &run, &other, &err));
    /* 4099, 10 and 3 have no common divisor: the rows repeat never. */
    assert_int_equal(first.duplicate_rows, 0);
    assert_int_equal(other.duplicate_rows, 0);
    for (int64_t i = 0; i < 3; i++) {
        const struct mls_profile_column *a = &first.columns[i];
        const struct mls_profile_column *b = &other.columns[i];

        assert_memory_equal(&a->mean, &b->mean, sizeof(double));
        assert_memory_equal(&a->sd, &b->sd, sizeof(double));
        assert_memory_equal(a->quantile, b->quantile, sizeof(a->quantile));
        assert_memory_equal(a->bin, b->bin, sizeof(a->bin));
        assert_int_equal(a->distinct, b->distinct);
    }
    mls_profile_clear(&first);
    mls_profile_clear(&other);
    mls_table_clear(&table);
    mls_table_clear(&small);
    mls_run_clear(&run);
    mls_text_clear(&text);
}

/* 40,000 rows, of which 10,000 are drawn: what is counted over all rows is
 * exact, what is sampled is near, and the seed alone decides. */
static void a_long_table_is_sampled(void **state)
{
    const struct mls_profile_options first_seed = { 10000, 1 };
    const struct mls_profile_options other_seed = { 10000, 2 };
    const struct mls_profile_options just_enough = { 40000, 1 };
    const struct mls_read_options blocks = { .block_rows = 999 };
    struct mls_text text = { 0 };
    struct mls_error err = { 0 };
    struct mls_profile a, b, c, exact;
    struct mls_table table, small;
    struct mls_run run;

    (void)state;
    mls_text_add(&text, "a,c,t\n");
    for (int i = 0; i < 40000; i++)
        mls_text_format(&text, "%d,%s,these are the words of %d\n", i,
                        i % 4 ? "u" : "v", i % 100);
    must_read(text.bytes, NULL, &table);
    must_read(text.bytes, &blocks, &small);
    assert_true(mls_run_init(&run, 3, &err));
    assert_true(mls_profile(&table, &first_seed, NULL, &a, &err));
    assert_true(mls_profile(&small, &first_seed, &run, &b, &err));
    assert_true(mls_profile(&table, &other_seed, &run, &c, &err));
    assert_true(mls_profile(&table, &just_enough, &run, &exact, &err));
    /* Within six standard deviations: sqrt(40000 / 4 * 3 / 4) is 87. */
    assert_true(llabs((long long)a.sample_rows - 10000) < 6 * 87);
    assert_int_equal(exact.sample_rows, 0);
    assert_int_equal(a.columns[0].distinct, a.sample_rows);
    assert_int_equal(exact.columns[0].distinct, 40000);
    assert_true(fabs(a.columns[0].quantile[2] - 20000) < 1500);
    assert_true(a.columns[0].quantile[2] != exact.columns[0].quantile[2]);
    assert_true(a.columns[0].mean == exact.columns[0].mean);
    assert_memory_equal(a.columns[0].bin, exact.columns[0].bin,
                        sizeof(a.columns[0].bin));
    assert_int_equal(a.columns[1].top[0].count, 30000);
    assert_int_equal(a.columns[2].distinct, 100);
    assert_int_equal(a.duplicate_rows, 0);
    assert_memory_equal(a.columns[0].quantile, b.columns[0].quantile,
                        sizeof(a.columns[0].quantile));
    assert_int_equal(a.sample_rows, b.sample_rows);
    assert_true(a.columns[0].quantile[2] != c.columns[0].quantile[2]);
    mls_profile_clear(&a);
    mls_profile_clear(&b);
    mls_profile_clear(&c);
    mls_profile_clear(&exact);
    mls_table_clear(&table);
    mls_table_clear(&small);
    mls_run_clear(&run);
    mls_text_clear(&text);
}

/* More rows than one part of the table of hashes holds. */
static void repeated_rows_are_found_among_many(void **state)
{
    struct mls_text text = { 0 };
    struct mls_error err = { 0 };
    struct mls_profile profile;
    struct mls_table table;
    struct mls_run run;

    (void)state;
    mls_text_add(&text, "a,b\n");
    for (int i = 0; i < 50000; i++)
        mls_text_format(&text, "%d,%d.5\n", i % 30000, i % 15000);
    must_read(text.bytes, NULL, &table);
    assert_true(mls_run_init(&run, 3, &err));
    assert_true(mls_profile(&table, NULL, &run, &profile, &err));
    assert_int_equal(profile.duplicate_rows, 20000);
    assert_int_equal(profile.columns[0].distinct, 30000);
    assert_int_equal(profile.columns[1].distinct, 15000);
    mls_profile_clear(&profile);
    mls_table_clear(&table);
    mls_run_clear(&run);
    mls_text_clear(&text);
}

static void nothing_leaks_when_memory_ends(void **state)
{
    const struct mls_profile_options sampled = { .exact_rows = 20 };
    struct mls_table table;
    bool done = false;
    int64_t live;

    (void)state;
    read_table(&table);
    live = mls_memory_live();
    for (int64_t n = 1; !done; n++) {
        struct mls_error err = { 0 };
        struct mls_profile profile;
        bool ok;

        mls_memory_fail_at(n);
        ok = mls_profile(&table, NULL, NULL, &profile, &err);
        if (ok) {
            mls_profile_clear(&profile);
            ok = mls_profile(&table, &sampled, NULL, &profile, &err);
        }
        done = mls_memory_count() < n;
        mls_memory_fail_at(0);
        if (ok)
            mls_profile_clear(&profile);
        else
            assert_int_equal(err.code, MLS_LIMIT);
        assert_true(ok || !done);
        assert_int_equal(mls_memory_live(), live);
    }
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_figures_are_those_of_pandas),
        cmocka_unit_test(the_commonest_levels_come_first),
        cmocka_unit_test(ties_go_to_the_first_level),
        cmocka_unit_test(values_that_are_equal_make_equal_rows),
        cmocka_unit_test(columns_of_one_value_or_none_have_no_spread),
        cmocka_unit_test(block_sizes_and_threads_change_nothing),
        cmocka_unit_test(a_long_table_is_sampled),
        cmocka_unit_test(repeated_rows_are_found_among_many),
        cmocka_unit_test(nothing_leaks_when_memory_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
