#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "files.h"
#include "table/csv_table.h"

/* The oracle of this file is the slow way: one record at a time, one thread. */

/* ---- comparing ---- */

static void same_fields(const struct mls_schema *a, const struct mls_schema *b)
{
    assert_int_equal(a->count, b->count);
    for (int64_t i = 0; i < a->count; i++) {
        const struct mls_field *f = &a->fields[i], *g = &b->fields[i];

        assert_string_equal(f->name, g->name);
        if (f->kind != g->kind)
            fail_msg("column %s: kind %s, by the slow way %s", f->name,
                     mls_kind_name(f->kind), mls_kind_name(g->kind));
        assert_int_equal(f->trait, g->trait);
        assert_int_equal(f->role, g->role);
        assert_int_equal(f->date_form, g->date_form);
        assert_int_equal(f->date_has_time, g->date_has_time);
        assert_int_equal(f->missing, g->missing);
        assert_int_equal(f->dictionary != NULL, g->dictionary != NULL);
        if (f->dictionary == NULL)
            continue;
        assert_int_equal(f->dictionary->count, g->dictionary->count);
        for (int64_t k = 0; k < f->dictionary->count; k++) {
            size_t n, m;
            const char *p =
                mls_dictionary_level(f->dictionary, (uint32_t)k, &n);
            const char *q =
                mls_dictionary_level(g->dictionary, (uint32_t)k, &m);

            assert_int_equal(n, m);
            assert_memory_equal(p, q, n);
        }
    }
}

/* Where a row is. */
struct place {
    const struct mls_block *block;
    int64_t row;
};

static struct place place_of(const struct mls_table *t, int64_t row,
                             int64_t *block)
{
    while (t->blocks[*block]->first_row + t->blocks[*block]->rows <= row)
        ++*block;
    return (struct place){ t->blocks[*block],
                           row - t->blocks[*block]->first_row };
}

static void same_cell(const struct mls_column *a, int64_t i,
                      const struct mls_column *b, int64_t k)
{
    assert_int_equal(a->storage, b->storage);
    switch (a->storage) {
    case MLS_STORE_REAL:
        if (memcmp(&a->real[i], &b->real[k], sizeof(double)) != 0
            && !(isnan(a->real[i]) && isnan(b->real[k])))
            fail_msg("%.17g, by the slow way %.17g", a->real[i], b->real[k]);
        break;
    case MLS_STORE_CODE:
        assert_int_equal(a->code[i], b->code[k]);
        break;
    case MLS_STORE_TIME:
        assert_true(a->time[i] == b->time[k]);
        break;
    default:
        assert_int_equal(a->text.offset[i + 1] - a->text.offset[i],
                         b->text.offset[k + 1] - b->text.offset[k]);
        assert_memory_equal(
            a->text.bytes + a->text.offset[i],
            b->text.bytes + b->text.offset[k],
            (size_t)(a->text.offset[i + 1] - a->text.offset[i]));
    }
}

static void same_tables(const struct mls_table *a, const struct mls_table *b)
{
    int64_t at_a = 0, at_b = 0;

    same_fields(&a->schema, &b->schema);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->counts.rows, b->counts.rows);
    assert_int_equal(a->counts.skipped_rows, b->counts.skipped_rows);
    assert_int_equal(a->counts.padded_rows, b->counts.padded_rows);
    assert_int_equal(a->counts.wrong_cells, b->counts.wrong_cells);
    assert_int_equal(a->counts.unknown, b->counts.unknown);
    /* The slow way does not look at blank lines behind the last record. */
    assert_true(a->counts.bytes >= b->counts.bytes);
    assert_int_equal(a->unnumbered, b->unnumbered);
    for (int64_t row = 0; row < a->rows; row++) {
        struct place p = place_of(a, row, &at_a);
        struct place q = place_of(b, row, &at_b);

        assert_int_equal(p.block->line[p.row], q.block->line[q.row]);
        assert_int_equal(p.block->skipped != NULL
                             && p.block->skipped[p.row],
                         q.block->skipped != NULL
                             && q.block->skipped[q.row]);
        for (int64_t i = 0; i < a->schema.count; i++) {
            assert_int_equal(p.block->columns[i]->rows, p.block->rows);
            same_cell(p.block->columns[i], p.row, q.block->columns[i], q.row);
        }
    }
}

static void same_errors(const struct mls_error *a, const struct mls_error *b)
{
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->row, b->row);
    assert_string_equal(a->file, b->file);
    assert_string_equal(a->column, b->column);
    assert_string_equal(a->what, b->what);
    assert_string_equal(a->fix, b->fix);
}

static void reset_tuning(void)
{
    mls_csv_tuning = (struct mls_csv_tuning){ .most = MLS_SIMD_AVX512 };
}

static int64_t last_streamed;   /* by the last comparison */

/* Reads bytes in the slow way and in the fast way at many settings.  Returns
 * how often the fast way was good for it. */
static int64_t compare(const char *bytes, size_t length,
                       const struct mls_read_options *options)
{
    static const int64_t chunks[] = { 0, 1, 7, 64, 300, 5000 };
    static const int threads[] = { 1, 2, 3, 8 };
    struct test_file file = new_file_bytes(bytes, length);
    struct mls_table slow, fast;
    struct mls_error why = { 0 }, err;
    int64_t tables;
    bool good;

    reset_tuning();
    mls_csv_tuning.off = true;
    good = mls_table_read(file.path, options, NULL, &slow, &why);
    reset_tuning();
    for (int n = 0; n < 12; n++) {
        struct mls_run run = { 0 };
        bool ok;

        mls_csv_tuning.chunk_bytes = chunks[n % 6];
        if (length > 600 && chunks[n % 6] > 0 && chunks[n % 6] < 64)
            mls_csv_tuning.chunk_bytes += 90; /* or it takes long */
        mls_csv_tuning.piece_bytes = n % 5 == 4 ? 3 : n % 5 == 3 ? 100 : 0;
        mls_csv_tuning.block_rows = n % 4 == 1 ? 3 : 0;
        mls_csv_tuning.levels_limit = n % 2 ? 2 : 0;
        mls_csv_tuning.most = (enum mls_simd)(n % 3);
        memset(&err, 0, sizeof(err));
        assert_true(mls_run_init(&run, threads[n / 3], &err));
        ok = mls_table_read(file.path, options, &run, &fast, &err);
        mls_run_clear(&run);
        if (ok != good)
            fail_msg("setting %d: %s", n, ok ? "read" : err.what);
        if (ok) {
            same_tables(&fast, &slow);
            mls_table_clear(&fast);
        } else {
            same_errors(&err, &why);
        }
    }
    tables = mls_csv_tuning.tables;
    last_streamed = mls_csv_tuning.streamed;
    reset_tuning();
    if (good)
        mls_table_clear(&slow);
    remove_file(&file);
    return tables;
}

static void compare_text(const char *text, bool fast,
                         const struct mls_read_options *options)
{
    const struct mls_read_options none = { 0 };
    int64_t tables =
        compare(text, strlen(text), options != NULL ? options : &none);

    assert_int_equal(tables, fast ? 12 : 0);
}

/* ---- files made for a purpose ---- */

/* Rows of prefix, number, suffix; the row odd is another line. */
static void many(struct mls_text *text, int rows, const char *suffix, int odd,
                 const char *line)
{
    for (int i = 0; i < rows; i++) {
        if (i == odd)
            mls_text_add(text, line);
        else
            mls_text_format(text, "%d%s\n", i % 97, suffix);
    }
}

static void plain_files_are_read_fast_and_the_same(void **state)
{
    (void)state;
    compare_text("a,b\n1,x\n2,y\n", true, NULL);
    compare_text("a,b\r\n1,x\r\n2,y\r\n", true, NULL);
    compare_text("a,b\r1,x\r2,y\r", true, NULL);
    compare_text("a,b\n1,x\r\n2,y\r3,z\n\r4,u", true, NULL);
    compare_text("a,b\n1,x\n\n \t\r\n2,y\n\n", true, NULL);
    compare_text("a,b\n\"1\",\"x,y\"\n2,\"say \"\"hi\"\"\"\n", true, NULL);
    compare_text("a,b\n1,\"x\ny\r\nz\rw\"\n2,\"\"\n3,u\n", true, NULL);
    compare_text("\xef\xbb\xbf" "a;b\n1,5;caf\xc3\xa9\n-2,25;y\n", true, NULL);
    compare_text("a\n1\n\n3\n", true, NULL);
    compare_text("a\nx\n\"\"\n\ny", true, NULL);
    compare_text("d,e,f\n2024-05-31,31/05/2024,05/31/2024\n"
                 "2024-06-01T12:30:00Z,01/06/2024,06/01/2024\n,,\n",
                 true, NULL);
    compare_text("n,m,k,l\n1e5,+5,.5,-0\n-1.5e-3,007,5.,0\n"
                 " 1 ,NA,12345678901234567,1234567890.1234567\n",
                 true, NULL);
}

/* Each was once looked for among all positions of its piece: minutes. */
static void many_blank_lines_cost_no_more_than_their_bytes(void **state)
{
    struct mls_text text = { 0 };
    struct mls_table table;
    clock_t start = clock();

    (void)state;
    mls_text_add(&text, "a,b\n");
    for (int i = 0; i < 300000; i++)
        mls_text_add(&text, i % 3 ? "\n" : "\r\n");
    mls_text_add(&text, "1,x\n");
    must_read(text.bytes, NULL, &table);
    assert_int_equal(table.rows, 1);
    assert_int_equal(mls_table_line(&table, 0), 300002);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 3);
    mls_table_clear(&table);
    mls_text_clear(&text);
}

static void what_is_odd_is_read_the_slow_way(void **state)
{
    (void)state;
    compare_text("a,b\n1,x\n2\n", false, NULL);
    compare_text("a,b\n1,x\n2,y,z\n", false, NULL);
    compare_text("a,b\n1,\"x\ny\n", false, NULL);
    compare_text("a,b\n1,\"x\"y\n", false, NULL);
    compare_text("a,b\n1,6' 2\"\n2,5' 11\"\n", false, NULL);
    compare_text("a,b\n1,\xff\n", false, NULL);
    compare_text("a,b\n", false, NULL);
}

static void one_cell_late_in_a_column_decides_its_kind(void **state)
{
    static const char *const lines[] = {
        "word,x\n", "007,x\n", "9007199254740993,x\n", "1.5,x\n", "NA,x\n",
        "2024-05-31,x\n", "\"1\n2\",x\n", "5,\"x\"\"y\"\n", "5\n", "5,x,y\n",
        "5,\xff\n", "\"5,x\n", "5,\n", "-0,x\n"
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        const struct mls_read_options none = { 0 };
        struct mls_text text = { 0 };

        mls_text_add(&text, "a,b\n");
        many(&text, 700, i % 2 ? ",w" : ",2024-01-01", 650, lines[i]);
        compare(text.bytes, text.length, &none);
        mls_text_clear(&text);
        /* Words, dates and numbers by halves: no kind but category. */
        mls_text_add(&text, "a,b\n");
        many(&text, 300, ",2024-01-01", 290, lines[i]);
        for (int k = 0; k < 300; k++)
            mls_text_format(&text, "w%d,31/05/%d\n", k % 7, 1900 + k);
        compare(text.bytes, text.length, &none);
        mls_text_clear(&text);
    }
}

static void options_mean_the_same(void **state)
{
    static const struct mls_read_options options[] = {
        { .list_errors = true },
        { .bad_rows = MLS_BAD_SKIP },
        { .bad_rows = MLS_BAD_PAD },
        { .bad_rows = MLS_BAD_SKIP, .keep_skipped = true },
        { .categorical = "a", .text = "b" },
        { .numeric = "a" },
        { .text = "a,b" },
        { .dialect.no_header = true },
        { .dialect.na = "5,x" },
        { .dialect.na = "-999,1" },
        { .dialect.skip_rows = 2 },
    };
    static const char *const files[] = {
        "a,b\n1,x\n2,y\n5,x\n",
        "a,b\n1,x\n2,y\n5\n",
        "a,b\n1,x\n2,y\n1,x\n2,y\n1,x\n2,y\n1,x\n2,y\n1,x\n2,y\nq,y\n",
        "a,b\n1,one or two words more\n2,\"quite \"\"another\"\" text, so\"\n"
        "3,nothing at all to say\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        for (size_t k = 0; k < sizeof(files) / sizeof(*files); k++)
            compare(files[k], strlen(files[k]), &options[i]);
    }
}

/* ---- random files ---- */

static uint64_t seed;

static unsigned draw(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static void add_cell(struct mls_text *text, unsigned style, unsigned mess)
{
    static const char *const words[] = { "red", "green", "blue", "a b c d e",
                                         "NA", "", "true", "caf\xc3\xa9",
                                         " x ", "a word of some length here" };
    static const char *const numbers[] = {
        "0", "-1", "+2", "3.25", "1e10", "-0.000001", "123456789012345",
        "1234567890123456", "0.1234567890123456789", "007", "1e400", ".5",
        "9007199254740993", "-", ".", "--1", "1.2.3", "999999999999999.5"
    };
    static const char *const messes[] = { "\"", "\"\"", "\"a\"\"b\"", "\"x,y\"",
                                          "\"x\ny\"", "\"x\r\ny\"", "\"x\"y",
                                          "x\"y", "\n", "\r", ",", "\xff",
                                          "\"5\"", " \t", "\"\"\"\"", "," };

    if (mess > 0 && draw(1000) < mess) {
        mls_text_add(text, messes[draw(16)]);
        return;
    }
    switch (style) {
    case 0:
        mls_text_format(text, "%s%u.%06u", draw(2) ? "-" : "", draw(1000),
                        draw(1000000));
        break;
    case 1:
        mls_text_format(text, "%u", draw(50));
        break;
    case 2:
        mls_text_add(text, words[draw(10)]);
        break;
    case 3:
        mls_text_format(text, "20%02u-%02u-%02u", draw(30), draw(12) + 1,
                        draw(28) + 1);
        break;
    case 4:
        mls_text_add(text, numbers[draw(18)]);
        break;
    case 5:
        mls_text_format(text, "\"%s, %u\"", words[draw(10)], draw(200));
        break;
    case 6:
        mls_text_format(text, "%02u/%02u/2020", draw(12) + 1, draw(14) + 1);
        break;
    default:
        mls_text_format(text, "id%u", draw(100000));
    }
}

static void random_files_are_read_the_same(void **state)
{
    static const unsigned messes[] = { 0, 0, 1, 3, 30 };
    static const char *const ends[] = { "\n", "\r\n", "\r" };
    int64_t fast = 0, files = 80;

    (void)state;
    seed = 12345;
    for (int n = 0; n < files; n++) {
        const struct mls_read_options options = {
            .bad_rows = n % 7 == 0 ? MLS_BAD_SKIP : MLS_BAD_ERROR,
            .list_errors = n % 5 == 0,
            .dialect.delimiter = ',',
        };
        unsigned width = draw(5) + 1, rows = draw(120) + 1;
        unsigned mess = messes[draw(5)], styles[6];
        const char *end = ends[draw(8) < 6 ? 0 : draw(3)];
        struct mls_text text = { 0 };

        for (unsigned k = 0; k < width; k++) {
            styles[k] = draw(8);
            mls_text_format(&text, "%sc%u", k ? "," : "", k);
        }
        mls_text_add(&text, end);
        for (unsigned i = 0; i < rows; i++) {
            for (unsigned k = 0; k < width; k++) {
                mls_text_add(&text, k ? "," : "");
                add_cell(&text, draw(200) ? styles[k] : draw(8), mess);
            }
            if (i + 1 < rows || draw(2))
                mls_text_add(&text, end);
        }
        fast += compare(text.bytes, text.length, &options);
        mls_text_clear(&text);
    }
    /* Or nothing was tested. */
    assert_true(fast > 12 * files / 3);
    assert_true(fast < 12 * files);
}

/* ---- with a schema ---- */

static void random_text(struct mls_text *text, const unsigned *styles,
                        unsigned width, unsigned mess)
{
    unsigned rows = draw(150);

    for (unsigned k = 0; k < width; k++)
        mls_text_format(text, "%sc%u", k ? "," : "", k);
    mls_text_add(text, "\n");
    for (unsigned i = 0; i < rows; i++) {
        for (unsigned k = 0; k < width; k++) {
            mls_text_add(text, k ? "," : "");
            add_cell(text, draw(400) ? styles[k] : draw(8), mess);
        }
        mls_text_add(text, "\n");
    }
}

/* The table of one random file gives the schema for another. */
static void random_streams_are_read_the_same(void **state)
{
    static const unsigned messes[] = { 0, 0, 1, 3, 30 };
    int64_t streamed = 0;

    (void)state;
    seed = 4711;
    for (int n = 0; n < 70; n++) {
        struct mls_read_options options = { .dialect.delimiter = ',' };
        unsigned width = draw(5) + 1, styles[8], mess = messes[draw(5)];
        struct mls_text text = { 0 };
        struct mls_table training;
        struct mls_error err;

        for (unsigned k = 0; k < 8; k++)
            styles[k] = draw(8);
        random_text(&text, styles, width, 0);
        if (!read_text(text.bytes, &options, &training, &err)) {
            mls_text_clear(&text);
            continue;
        }
        mls_text_clear(&text);
        for (int64_t i = 0; i < training.schema.count; i++) {
            struct mls_field *field = &training.schema.fields[i];
            unsigned what = draw(6);

            field->role = what == 0    ? MLS_ROLE_ID
                : what == 1            ? MLS_ROLE_IGNORED
                : what == 3 && i == 0  ? MLS_ROLE_TARGET
                : what == 4 && i == 0  ? MLS_ROLE_GROUP
                                       : MLS_ROLE_FEATURE;
            if (what == 2 && field->dictionary == NULL)
                field->kind = MLS_KIND_TEXT;
        }
        options.schema = &training.schema;
        options.list_errors = draw(2);
        options.unknown_is_error = draw(3) == 0;
        options.bad_rows = (enum mls_bad_rows)draw(3);
        options.keep_skipped = draw(2);
        options.keep_extra = draw(2);
        random_text(&text, styles, width > 1 ? width - 1 + draw(3) : width,
                    mess);
        reset_tuning();
        compare(text.bytes, text.length, &options);
        streamed += last_streamed;
        mls_text_clear(&text);
        mls_table_clear(&training);
    }
    assert_true(streamed > 500);
}

static void a_stream_can_be_read_twice(void **state)
{
    struct mls_text text = { 0 };
    struct mls_table training;
    struct mls_read_options options = { 0 };
    struct mls_error err = { 0 };
    struct test_file file;
    struct mls_reader *r;

    (void)state;
    mls_text_add(&text, "a,b\n");
    many(&text, 500, ",w", 400, "5,\"x\"\n");
    must_read(text.bytes, NULL, &training);
    training.schema.fields[1].role = MLS_ROLE_FEATURE;
    file = new_file(text.bytes);
    options.schema = &training.schema;
    reset_tuning();
    mls_csv_tuning.chunk_bytes = 200;
    r = mls_reader_open(file.path, &options, NULL, &err);
    assert_non_null(r);
    for (int round = 0; round < 3; round++) {
        struct mls_block *block;
        int64_t rows = 0;

        while (mls_reader_next(r, &block, &err) && block != NULL) {
            assert_int_equal(block->first_row, rows);
            assert_int_equal(block->line[0], rows + 2);
            rows += block->rows;
            mls_block_free(block);
            if (round == 0 && rows > 300)
                break; /* in the middle */
        }
        assert_true(round == 0 || rows == 500);
        assert_true(mls_reader_rewind(r, &err));
    }
    mls_reader_close(r);
    reset_tuning();
    mls_table_clear(&training);
    remove_file(&file);
    mls_text_clear(&text);
}

/* ---- what comes in order ---- */

/* What a thread writes into a FIFO, a little at a time. */
struct pipe_job {
    const char *path, *bytes;
    size_t length;
};

static void *write_pipe(void *job)
{
    const struct pipe_job *j = job;
    FILE *out = fopen(j->path, "w");

    /* The reader may close it early, at an error. */
    for (size_t at = 0, n; out != NULL && at < j->length; at += n) {
        n = j->length - at < 50000 ? j->length - at : 50000;
        if (fwrite(j->bytes + at, 1, n, out) != n || fflush(out) != 0)
            break;
    }
    if (out != NULL)
        fclose(out);
    return NULL;
}

static bool read_pipe(const char *bytes, size_t length,
                      const struct mls_read_options *options,
                      const struct mls_run *run, struct mls_table *table,
                      struct mls_error *err)
{
    char path[] = "/tmp/mlspec-pipe-XXXXXX";
    struct pipe_job job = { path, bytes, length };
    pthread_t thread;
    bool ok;

    assert_non_null(mkdtemp(path));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pthread_create(&thread, NULL, write_pipe, &job), 0);
    ok = mls_table_read(path, options, run, table, err);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(unlink(path), 0);
    return ok;
}

static struct test_file new_packed(const char *bytes, size_t length,
                                   const char *ending)
{
    struct test_file file = new_file(""), packed = { "" };
    struct mls_error err = { 0 };
    struct mls_output *out;

    remove_file(&file);
    snprintf(packed.path, sizeof(packed.path), "%s%s", file.path, ending);
    out = mls_output_open(packed.path, &err);
    assert_true(out != NULL && mls_output_write(out, bytes, length, &err)
                && mls_output_commit(out, &err));
    return packed;
}

static bool read_packed(const char *bytes, size_t length, const char *ending,
                        const struct mls_read_options *options,
                        const struct mls_run *run, struct mls_table *table,
                        struct mls_error *err)
{
    struct test_file file = new_packed(bytes, length, ending);
    bool ok = mls_table_read(file.path, options, run, table, err);

    remove_file(&file);
    return ok;
}

/* Reads bytes in the slow way, and from a pipe and packed in the fast way.
 * Returns how often that was good for it. */
static int64_t compare_orders(const struct mls_text *text, int64_t chunk,
                              const struct mls_read_options *options)
{
    struct test_file file = new_file_bytes(text->bytes, text->length);
    struct mls_table slow, fast;
    struct mls_error why = { 0 };
    int64_t tables;
    bool good;

    reset_tuning();
    mls_csv_tuning.off = true;
    good = mls_table_read(file.path, options, NULL, &slow, &why);
    reset_tuning();
    mls_csv_tuning.chunk_bytes = chunk;
    for (int n = 0; n < 6; n++) {
        struct mls_error err = { 0 };
        struct mls_run run = { 0 };
        bool ok;

        assert_true(mls_run_init(&run, n / 3 ? 1 : 4, &err));
        ok = n % 3 == 0
            ? read_pipe(text->bytes, text->length, options, &run, &fast, &err)
            : read_packed(text->bytes, text->length,
                          n % 3 == 1 ? ".gz" : ".zst", options, &run, &fast,
                          &err);
        mls_run_clear(&run);
        if (ok != good)
            fail_msg("source %d: %s", n, ok ? "read" : err.what);
        if (ok) {
            same_tables(&fast, &slow);
            mls_table_clear(&fast);
        } else {
            memcpy(err.file, why.file, sizeof(err.file));
            same_errors(&err, &why);
        }
    }
    tables = mls_csv_tuning.tables;
    last_streamed = mls_csv_tuning.streamed;
    reset_tuning();
    if (good)
        mls_table_clear(&slow);
    remove_file(&file);
    return tables;
}

/* About 2.5 MB: many batches of chunks of 50,000 bytes. */
static void long_text(struct mls_text *text, const char *middle,
                      const char *last)
{
    mls_text_add(text, "n,c,t,d\n");
    for (int i = 0; i < 60000; i++) {
        mls_text_format(text, "%d.%d,c%d,\"a\nb \"\"%d\"\"\",2024-01-%02d\n",
                        i % 100, i % 7, i % 11, i % 13, i % 28 + 1);
        if (i == 40000)
            mls_text_add(text, middle);
    }
    mls_text_add(text, last);
}

static void pipes_and_packed_files_are_read_fast_and_the_same(void **state)
{
    static const char *const lasts[] = {
        "",                         /* all is as it was */
        "5,c1,x,2024-01-01",        /* no line end */
        "5,c1,\"x,2024-01-01\n",   /* an open quote */
        "5,c1,x\n",                 /* ragged */
        "word,c1,x,2024-01-01\n",   /* a wrong cell */
        "1.5,c1,x,never\n",         /* not a date: the column is read again */
    };
    const struct mls_read_options none = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(lasts) / sizeof(*lasts); i++) {
        struct mls_text text = { 0 };
        int64_t fast;

        long_text(&text, "", lasts[i]);
        fast = compare_orders(&text, 50000, &none);
        assert_int_equal(fast, i < 2 || i > 4 ? 6 : 0);
        mls_text_clear(&text);
    }
}

/* Longer than what is fetched at a time. */
static void long_records_are_fetched_whole(void **state)
{
    const struct mls_read_options none = { 0 };
    struct mls_text text = { 0 }, record = { 0 };

    (void)state;
    mls_text_add(&record, "1,c,\"");
    for (int i = 0; i < 90000; i++)
        mls_text_format(&record, "line %d,\n", i);
    mls_text_add(&record, "\",2024-01-01\n");
    long_text(&text, record.bytes, "2.5,x,,never\n");
    assert_int_equal(compare_orders(&text, 50000, &none), 6);
    mls_text_clear(&text);
    mls_text_clear(&record);
}

static void streams_in_order_are_read_the_same(void **state)
{
    static const char *const lasts[] = { "", "5,c1,x\n", "5,c1,\"x",
                                         "word,c1,x,2024-01-01\n",
                                         "5,new,x,2024-01-01\n" };
    struct mls_text text = { 0 };
    struct mls_table training;

    (void)state;
    long_text(&text, "", "");
    must_read(text.bytes, NULL, &training);
    mls_text_clear(&text);
    for (int n = 0; n < 10; n++) {
        struct mls_read_options options = { .schema = &training.schema };

        options.bad_rows = n % 2 ? MLS_BAD_SKIP : MLS_BAD_ERROR;
        options.keep_skipped = n == 7;
        long_text(&text, n > 5 ? "5,c1\n" : "", lasts[n % 5]);
        compare_orders(&text, n % 4 == 3 ? 9000 : 50000, &options);
        assert_true(last_streamed > 100);
        mls_text_clear(&text);
    }
    mls_table_clear(&training);
}

/* The rows before the damage come, then the error. */
static void damage_late_in_a_packed_file_is_told(void **state)
{
    struct mls_read_options options = { 0 };
    struct mls_text text = { 0 };
    struct mls_table training;
    struct mls_error err = { 0 };
    struct test_file file;
    struct mls_reader *r;
    struct mls_block *block = NULL;
    struct stat status;
    int64_t rows = 0;
    bool ok;

    (void)state;
    long_text(&text, "", "");
    must_read(text.bytes, NULL, &training);
    options.schema = &training.schema;
    file = new_packed(text.bytes, text.length, ".gz");
    mls_text_clear(&text);
    assert_int_equal(stat(file.path, &status), 0);
    assert_int_equal(truncate(file.path, status.st_size * 3 / 4), 0);
    reset_tuning();
    mls_csv_tuning.chunk_bytes = 50000;
    r = mls_reader_open(file.path, &options, NULL, &err);
    assert_non_null(r);
    while ((ok = mls_reader_next(r, &block, &err)) && block != NULL) {
        rows += block->rows;
        mls_block_free(block);
    }
    assert_false(ok);
    assert_int_equal(err.code, MLS_IO);
    assert_true(rows > 20000 && rows < 60000);
    mls_reader_close(r);
    reset_tuning();
    mls_table_clear(&training);
    remove_file(&file);
}

/* ---- the parts ---- */

static void every_level_finds_the_same_positions(void **state)
{
    enum { BYTES = 700 };
    static const char letters[] = "ab12,,\n\r\"\"\" \xc3";
    char buffer[BYTES + 200];

    (void)state;
    seed = 99;
    for (int n = 0; n < 1500; n++) {
        uint32_t positions[3][BYTES + 80];
        int64_t counts[3], lines[3], from = 64 + (int64_t)draw(70);
        int64_t to = from + (int64_t)draw(BYTES - 200);
        struct mls_index_state states[3];
        unsigned kinds = n % 3 == 0 ? 6 : n % 3 == 1 ? 8 : 13;

        memset(buffer, ' ', sizeof(buffer));
        for (int64_t i = from; i <= to; i++)
            buffer[i] = letters[draw(kinds)];
        for (int s = MLS_SIMD_NONE; s <= MLS_SIMD_AVX512; s++) {
            enum mls_simd simd = (enum mls_simd)s > mls_simd_best()
                ? mls_simd_best()
                : (enum mls_simd)s;
            int64_t middle = from + (to - from) / 2;

            states[s] = MLS_INDEX_START;
            /* In one go, or in two. */
            counts[s] = mls_index_of(simd)(buffer, from, s == 1 ? middle : to,
                                           ',', '"', positions[s], &states[s]);
            if (s == 1)
                counts[s] += mls_index_of(simd)(buffer, middle, to, ',', '"',
                                                positions[s] + counts[s],
                                                &states[s]);
            lines[s] = mls_count_lines_of(simd)(buffer, from, to);
            assert_int_equal(counts[s], counts[0]);
            assert_int_equal(lines[s], lines[0]);
            assert_memory_equal(positions[s], positions[0],
                                (size_t)counts[0] * sizeof(uint32_t));
            assert_true(states[s].inside == states[0].inside);
            assert_int_equal(states[s].line_ends, states[0].line_ends);
            assert_int_equal(states[s].stray, states[0].stray);
            assert_int_equal(states[s].inner_lines, states[0].inner_lines);
            assert_int_equal(states[s].quotes, states[0].quotes);
            assert_int_equal(states[s].cr, states[0].cr);
            assert_int_equal(states[s].high, states[0].high);
        }
    }
}

/* One cell by each kernel against mls_parse_real. */
static void one_number(const char *cell, size_t length)
{
    char buffer[200];
    uint32_t ends[2] = { 63, 64 + (uint32_t)length }, hard[1];
    double want = 0, got;
    bool integer = false, is_real;

    memset(buffer, ',', sizeof(buffer));
    memcpy(buffer + 64, cell, length);
    is_real = mls_parse_real(cell, length, '.', &want, &integer);
    for (int s = MLS_SIMD_NONE; s <= MLS_SIMD_AVX2; s++) {
        struct mls_reals_counts counts = { 0 };

        if ((enum mls_simd)s > mls_simd_best())
            return;
        if (mls_reals_of((enum mls_simd)s)(buffer, ends, ends + 1, 1, 1, '.',
                                           &got, hard, &counts)
            > 0)
            continue;
        if (length == 0) {
            assert_true(isnan(got) && counts.empty == 1);
            continue;
        }
        if (!is_real || memcmp(&got, &want, sizeof(got)) != 0)
            fail_msg("\"%.*s\": %.17g, not %.17g", (int)length, cell, got,
                     want);
        assert_int_equal(counts.integers, integer);
    }
}

static void short_numbers_equal_the_exact_parser(void **state)
{
    static const char letters[] = "0123456789012345678900.-+e x";
    char cell[40];

    (void)state;
    seed = 7;
    for (int n = 0; n < 60000; n++) {
        size_t length = draw(20);
        unsigned kinds = n % 4 == 0 ? 28 : 23;

        for (size_t i = 0; i < length; i++)
            cell[i] = letters[draw(kinds)];
        if (length > 0 && draw(3) == 0)
            cell[0] = '-';
        one_number(cell, length);
    }
}

static void nothing_leaks_when_memory_ends(void **state)
{
    const struct mls_read_options options = { .text = "t" };
    struct mls_text text = { 0 };
    struct test_file file;
    int64_t live;
    bool done = false;

    (void)state;
    mls_text_add(&text, "n,c,d,t,x\n");
    for (int i = 0; i < 140; i++)
        mls_text_format(&text, "%d.5,\"c\"\"%d\",2024-01-%02d,a b c d %d,%s\n",
                        i, i % 3, i % 28 + 1, i,
                        i % 3 == 0 && i > 60 ? "\"z\n\"" : "4");
    file = new_file(text.bytes);
    mls_text_clear(&text);
    live = mls_memory_live();
    for (int64_t n = 1; !done; n++) {
        struct mls_error err = { 0 };
        struct mls_table table;
        bool ok;

        mls_csv_tuning.chunk_bytes = 400;
        mls_memory_fail_at(n);
        ok = mls_table_read(file.path, &options, NULL, &table, &err);
        done = mls_memory_count() < n;
        mls_memory_fail_at(0);
        if (ok)
            mls_table_clear(&table);
        else if (err.code != MLS_LIMIT)
            fail_msg("allocation %d: %s", (int)n, err.what);
        assert_int_equal(mls_memory_live(), live);
    }
    assert_true(mls_csv_tuning.tables > 0);
    reset_tuning();
    remove_file(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_finds_the_same_positions),
        cmocka_unit_test(short_numbers_equal_the_exact_parser),
        cmocka_unit_test(plain_files_are_read_fast_and_the_same),
        cmocka_unit_test(many_blank_lines_cost_no_more_than_their_bytes),
        cmocka_unit_test(what_is_odd_is_read_the_slow_way),
        cmocka_unit_test(one_cell_late_in_a_column_decides_its_kind),
        cmocka_unit_test(options_mean_the_same),
        cmocka_unit_test(random_files_are_read_the_same),
        cmocka_unit_test(random_streams_are_read_the_same),
        cmocka_unit_test(a_stream_can_be_read_twice),
        cmocka_unit_test(pipes_and_packed_files_are_read_fast_and_the_same),
        cmocka_unit_test(long_records_are_fetched_whole),
        cmocka_unit_test(streams_in_order_are_read_the_same),
        cmocka_unit_test(damage_late_in_a_packed_file_is_told),
        cmocka_unit_test(nothing_leaks_when_memory_ends),
    };

    signal(SIGPIPE, SIG_IGN); /* a reader may leave a pipe early */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
