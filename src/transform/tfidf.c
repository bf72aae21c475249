/*
 * Texts become columns, one for each frequent word and each frequent pair of
 * words side by side, named COL~TERM:
 *
 *   review                   review~bad  review~not  review~not bad
 *   "Not bad at all"   ->       0.51        0.44          0.74
 *
 *   tf    how often the term is in the text; sublinear: 1 + ln of that
 *   idf   1 + ln((1 + n) / (1 + df)),  df of the n training texts hold it
 *   cell  tf idf, divided by the length of the row as a vector
 *
 * With nb, which needs a target of two classes, a cell is ln(p / q) where the
 * term is in the text: p is the share of the term among all terms of the texts
 * of class 1 (each counted once a text, and one more), q that in the others.  A
 * linear model on such columns starts from what naive Bayes knows.  Counts, idf
 * and length are left out, as in the paper: with them the columns are so small
 * that a penalty takes most of what they say (on 2,000 film reviews the area
 * under the curve fell by 0.01 where it should rise).
 *
 * Terms are kept when min_df training texts hold them and at most a share of
 * max_df does; of more than max_features those that are met most often, of
 * equals the first in byte order.  The columns are sparse to the end.  A missing
 * text has no terms.
 *
 *   array    type   holds
 *   term...  texts  the terms of each input in byte order
 *   first    I64    input k has terms first[k] .. first[k + 1]
 *   idf      F64    of each term
 *   ratio    F64    of each term: ln(p / q), or 1
 */
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/threads.h"
#include "table/dictionary.h"
#include "transform/columns.h"
#include "transform/text_words.h"
#include "transform/transforms.h"

struct tfidf_params {
    int64_t ngrams, max_features;
    double min_df, max_df;
    bool sublinear, nb;
};

#define FIELD(name) #name, .at = offsetof(struct tfidf_params, name)
static const struct mls_param params[] = {
    { FIELD(ngrams), .kind = MLS_INTEGER, .def = 2, .min = 1, .max = 5,
      .help = "the most words in a term" },
    { FIELD(min_df), .kind = MLS_REAL, .def = 2, .min = 0, .max = 1e15,
      .help = "the least number of training texts (their weight) that keeps a "
              "term" },
    { FIELD(max_df), .kind = MLS_REAL, .def = 1, .min = 0, .max = 1,
      .flags = MLS_OPEN_MIN,
      .help = "the largest share of training texts that keeps a term" },
    { FIELD(max_features), .kind = MLS_INTEGER, .def = 20000, .min = 1,
      .max = 900000,
      .help = "at most so many terms a column, the most frequent" },
    { FIELD(sublinear), .alias = "sublinear_tf", .kind = MLS_FLAG, .def = 1,
      .help = "1 + ln of a term's count in place of the count" },
    { FIELD(nb), .kind = MLS_FLAG, .def = 0,
      .help = "two classes: a cell is the log-count ratio of its term" },
    { 0 }
};

/* ---- fit ---- */

struct count {
    double tf, df;              /* how often met; in how many texts */
    double positive;            /* df in texts of class 1 */
    int64_t last;               /* the last row that held it, + 1 */
};

struct counts {
    struct mls_terms terms;
    struct count *count;
    int64_t capacity;
    double rows;                /* weight of all texts */
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    struct counts *counts;      /* one an input */
    int64_t **kept;             /* numbers of the terms kept, in byte order */
    int64_t *kept_count;
};

static bool count_term(struct counts *c, const char *term, size_t length,
                       int64_t row, double w, bool positive,
                       struct mls_error *err)
{
    int64_t number, before = c->terms.count;
    struct count *count;

    if (!mls_terms_add(&c->terms, term, length, &number, err))
        return false;
    if (number == c->capacity) {
        int64_t capacity = c->capacity ? 2 * c->capacity : 128;

        if (!mls_resize(&c->count, capacity, sizeof *c->count, err))
            return false;
        c->capacity = capacity;
    }
    count = &c->count[number];
    if (number == before)
        *count = (struct count){ 0 };
    count->tf += w;
    if (count->last != row + 1) {
        count->df += w;
        count->positive += positive ? w : 0;
        count->last = row + 1;
    }
    return true;
}

static bool count_text(struct counts *c, const struct mls_words *words,
                       int64_t ngrams, int64_t row, double w, bool positive,
                       struct mls_error *err)
{
    for (int64_t i = 0; i < words->count; i++)
        for (int64_t j = i; j < words->count && j < i + ngrams; j++)
            if (!count_term(c, words->bytes + words->start[i],
                            (size_t)(words->end[j] - words->start[i]), row, w,
                            positive, err))
                return false;
    return true;
}

/* Rows in their order, so that sums of weights do not depend on blocks. */
static bool count_column(const struct fit_job *job, int64_t k,
                         struct mls_error *err)
{
    const struct tfidf_params *p = job->step->params;
    const struct mls_table *table = job->in->table;
    const struct mls_target *target = job->in->target;
    struct mls_words words = { 0 };
    int64_t row = 0;
    bool ok = true;

    for (int64_t b = 0; ok && b < table->block_count; b++) {
        const struct mls_column *column =
            table->blocks[b]->columns[job->step->input[k]];

        ok = mls_run_go_on(job->in->run, err);
        for (int64_t i = 0; ok && i < column->rows; i++, row++) {
            const int64_t *offset = column->text.offset + i;
            double w = target->weight ? target->weight[row] : 1;
            bool positive = p->nb && target->y[row] == 1;

            job->counts[k].rows += w;
            ok = mls_words_split(&words, column->text.bytes + offset[0],
                                 (size_t)(offset[1] - offset[0]), err)
                && count_text(&job->counts[k], &words, p->ngrams, row, w,
                              positive, err);
        }
    }
    mls_words_clear(&words);
    return ok;
}

struct candidate {
    const struct counts *counts;
    int64_t number;
};

static int by_bytes(const void *a_, const void *b_)
{
    const struct candidate *a = a_, *b = b_;
    size_t a_length, b_length;
    const char *x = mls_terms_text(&a->counts->terms, a->number, &a_length);
    const char *y = mls_terms_text(&b->counts->terms, b->number, &b_length);

    return mls_bytes_compare(x, a_length, y, b_length);
}

static int by_count(const void *a_, const void *b_)
{
    const struct candidate *a = a_, *b = b_;
    double x = a->counts->count[a->number].tf;
    double y = b->counts->count[b->number].tf;

    return x > y ? -1 : x < y ? 1 : by_bytes(a, b);
}

static bool choose_terms(struct fit_job *job, int64_t k,
                         struct mls_error *err)
{
    const struct tfidf_params *p = job->step->params;
    const struct counts *c = &job->counts[k];
    struct candidate *found =
        mls_new_array(c->terms.count, sizeof *found, err);
    int64_t n = 0;

    if (!found)
        return false;
    for (int64_t i = 0; i < c->terms.count; i++)
        if (c->count[i].df >= p->min_df
            && c->count[i].df <= p->max_df * c->rows * (1 + 1e-12))
            found[n++] = (struct candidate){ c, i };
    if (n > p->max_features) {
        qsort(found, (size_t)n, sizeof *found, by_count);
        n = p->max_features;
    }
    qsort(found, (size_t)n, sizeof *found, by_bytes);
    job->kept[k] = mls_new_array(n, sizeof *job->kept[k], err);
    for (int64_t i = 0; job->kept[k] && i < n; i++)
        job->kept[k][i] = found[i].number;
    job->kept_count[k] = n;
    mls_free(found);
    return job->kept[k] != NULL;
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;

    return count_column(job, k, err) && choose_terms(job, k, err);
}

/* ln of the share of each term in texts of class 1 to that in the others. */
static void find_ratios(const struct counts *c, const int64_t *kept, int64_t n,
                        double *ratio)
{
    double positive = 0, negative = 0;

    for (int64_t i = 0; i < n; i++) {
        const struct count *count = &c->count[kept[i]];

        positive += count->positive + 1;
        negative += count->df - count->positive + 1;
    }
    for (int64_t i = 0; i < n; i++) {
        const struct count *count = &c->count[kept[i]];

        ratio[i] = log((count->positive + 1) / positive)
            - log((count->df - count->positive + 1) / negative);
    }
}

static bool save_terms(struct mls_step *step, const struct fit_job *job,
                       int64_t total, struct mls_error *err)
{
    const char **texts = mls_new(total, sizeof(*texts), err);
    struct mls_arena arena = { 0 };
    int64_t at = 0;
    bool ok = texts != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++)
        for (int64_t i = 0; ok && i < job->kept_count[k]; i++) {
            size_t length;
            const char *term = mls_terms_text(&job->counts[k].terms,
                                              job->kept[k][i], &length);

            texts[at] = mls_arena_text(&arena, term, length, err);
            ok = texts[at++] != NULL;
        }
    ok = ok && mls_arrays_add_texts(&step->arrays, "term", texts, total, err);
    mls_arena_clear(&arena);
    mls_free(texts);
    return ok;
}

static bool save(struct mls_step *step, const struct fit_job *job,
                 struct mls_error *err)
{
    const struct tfidf_params *p = step->params;
    int64_t inputs = step->input_count;
    int64_t *first = mls_arrays_add1(&step->arrays, "first", MLS_I64,
                                     inputs + 1, err);
    double *idf = NULL, *ratio = NULL;

    for (int64_t k = 0; first && k < inputs; k++)
        first[k + 1] = first[k] + job->kept_count[k];
    if (first)
        idf = mls_arrays_add1(&step->arrays, "idf", MLS_F64, first[inputs],
                              err);
    if (idf)
        ratio = mls_arrays_add1(&step->arrays, "ratio", MLS_F64,
                                first[inputs], err);
    if (!ratio)
        return false;
    for (int64_t k = 0; k < inputs; k++) {
        const struct counts *c = &job->counts[k];

        for (int64_t i = 0; i < job->kept_count[k]; i++) {
            double df = c->count[job->kept[k][i]].df;

            idf[first[k] + i] = 1 + log((1 + c->rows) / (1 + df));
            ratio[first[k] + i] = 1;
        }
        if (p->nb)
            find_ratios(c, job->kept[k], job->kept_count[k],
                        ratio + first[k]);
    }
    return save_terms(step, job, first[inputs], err);
}

static void fit_job_clear(struct fit_job *job)
{
    for (int64_t k = 0; k < job->step->input_count; k++) {
        if (job->counts) {
            mls_terms_clear(&job->counts[k].terms);
            mls_free(job->counts[k].count);
        }
        if (job->kept)
            mls_free(job->kept[k]);
    }
    mls_free(job->counts);
    mls_free(job->kept);
    mls_free(job->kept_count);
}

static bool need_two_classes(const struct mls_step *step,
                             const struct mls_target *target,
                             struct mls_error *err)
{
    const struct tfidf_params *p = step->params;

    if (!p->nb || (target->y && target->task == MLS_BINARY))
        return true;
    mls_fail(err, MLS_USAGE, "step %s: nb needs a target of two classes",
             step->name);
    return mls_fail_fix(err, "leave it out, or name the column to predict "
                             "with --target");
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in };
    int64_t n = step->input_count;
    bool ok = need_two_classes(step, in->target, err);

    if (ok)
        job.counts = mls_new(n, sizeof(*job.counts), err);
    if (job.counts)
        job.kept = mls_new(n, sizeof(int64_t *), err);
    if (job.kept)
        job.kept_count = mls_new(n, sizeof(*job.kept_count), err);
    ok = ok && job.kept_count
        && mls_parallel(in->run, n, fit_column, &job, err)
        && save(step, &job, err);
    fit_job_clear(&job);
    return ok;
}

/* ---- what was learned ---- */

/* Where a term of an input is found: one block, the slots at its end. */
struct index {
    const int64_t *first, *offset;
    const char *bytes;
    const double *idf, *ratio;
    int64_t slot_count;
    int32_t slot[];             /* 0 empty, else place of the term + 1 */
};

static uint64_t hash_of(int64_t k, const char *term, size_t length)
{
    return mls_bytes_hash(term, length)
        + (uint64_t)k * UINT64_C(0x9e3779b97f4a7c15);
}

/* The slot where term of input k is or would be. */
static int64_t find_slot(const struct index *index, int64_t k,
                         const char *term, size_t length)
{
    int64_t mask = index->slot_count - 1;
    int64_t at = (int64_t)(hash_of(k, term, length) & (uint64_t)mask);

    for (; index->slot[at]; at = (at + 1) & mask) {
        int64_t place = index->slot[at] - 1;
        int64_t from = index->offset[place];

        if (place >= index->first[k] && place < index->first[k + 1]
            && index->offset[place + 1] - from == (int64_t)length
            && memcmp(index->bytes + from, term, length) == 0)
            break;
    }
    return at;
}

static bool check_values(const struct mls_step *step, int64_t total,
                         struct mls_error *err)
{
    const double *idf =
        mls_arrays_get(&step->arrays, "idf", MLS_F64, total, err);
    const double *ratio =
        idf ? mls_arrays_get(&step->arrays, "ratio", MLS_F64, total, err)
            : NULL;

    for (int64_t i = 0; ratio && i < total; i++)
        if (!isfinite(idf[i]) || !(idf[i] > 0) || !isfinite(ratio[i]))
            return mls_columns_refuse(step, "weights", err);
    return ratio != NULL;
}

/* first and the texts; *total receives how many. */
static bool check_terms(const struct mls_step *step, int64_t *total,
                        struct mls_error *err)
{
    int64_t inputs = step->input_count;
    struct mls_list texts = { 0 };
    const int64_t *first =
        mls_arrays_get(&step->arrays, "first", MLS_I64, inputs + 1, err);

    if (!first || !mls_arrays_get_texts(&step->arrays, "term", &texts, err))
        return false;
    *total = texts.count;
    mls_list_clear(&texts);
    if (first[0] != 0 || first[inputs] != *total || *total > INT32_MAX / 4)
        return mls_columns_refuse(step, "terms", err);
    for (int64_t k = 0; k < inputs; k++)
        if (first[k + 1] < first[k] || first[k + 1] > *total)
            return mls_columns_refuse(step, "terms", err);
    return true;
}

static bool fill_index(const struct mls_step *step, struct index *index,
                       struct mls_error *err)
{
    for (int64_t k = 0; k < step->input_count; k++) {
        for (int64_t i = index->first[k]; i < index->first[k + 1]; i++) {
            int64_t from = index->offset[i];
            int64_t slot = find_slot(index, k, index->bytes + from,
                                     (size_t)(index->offset[i + 1] - from));

            if (index->slot[slot])
                return mls_columns_refuse(step, "terms", err);
            index->slot[slot] = (int32_t)i + 1;
        }
    }
    return true;
}

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    struct index *index;
    int64_t total, slots = 16;

    (void)in;
    if (!check_terms(step, &total, err) || !check_values(step, total, err))
        return false;
    while (slots < 2 * total)
        slots *= 2;
    index = mls_new((int64_t)sizeof *index + slots * (int64_t)sizeof(int32_t),
                    1, err);
    if (!index)
        return false;
    step->cache = index;
    index->slot_count = slots;
    index->first = mls_columns_data(step, "first");
    index->bytes = mls_columns_data(step, "term.bytes");
    index->offset = mls_columns_data(step, "term.offsets");
    index->idf = mls_columns_data(step, "idf");
    index->ratio = mls_columns_data(step, "ratio");
    return fill_index(step, index, err);
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    const struct index *index = step->cache;
    bool ok = true;

    for (int64_t i = index->first[k]; ok && i < index->first[k + 1]; i++)
        ok = mls_plan_make_real(
            plan, field, '~', index->bytes + index->offset[i],
            (size_t)(index->offset[i + 1] - index->offset[i]), err);
    return ok;
}

/* ---- apply ---- */

/* The non-zero cells of one block and input, row by row. */
struct cells {
    int32_t *term;              /* number within the input */
    uint16_t *row;
    double *value;
    int64_t count, capacity;
    int64_t *of_term;           /* cells of each term: width values */
    int64_t *place;             /* of a term in the row at hand: its cell */
};

static bool cells_room(struct cells *cells, int64_t more,
                       struct mls_error *err)
{
    int64_t capacity = 2 * (cells->count + more) + 256;

    if (cells->count + more <= cells->capacity)
        return true;
    if (!mls_resize(&cells->term, capacity, sizeof *cells->term, err)
        || !mls_resize(&cells->row, capacity, sizeof *cells->row, err)
        || !mls_resize(&cells->value, capacity, sizeof *cells->value, err))
        return false;
    cells->capacity = capacity;
    return true;
}

/* Counts the terms of one row into new cells. */
static void count_row(const struct index *index, int64_t k,
                      const struct mls_words *words, int64_t ngrams,
                      uint16_t row, struct cells *cells)
{
    int64_t begin = cells->count;

    for (int64_t i = 0; i < words->count; i++) {
        for (int64_t j = i; j < words->count && j < i + ngrams; j++) {
            const char *term = words->bytes + words->start[i];
            size_t length = (size_t)(words->end[j] - words->start[i]);
            int64_t found = index->slot[find_slot(index, k, term, length)];
            int64_t t = found - 1 - index->first[k], at;

            if (found == 0)
                continue;
            at = cells->place[t];
            if (at < begin || at >= cells->count || cells->term[at] != t) {
                at = cells->place[t] = cells->count++;
                cells->term[at] = (int32_t)t;
                cells->row[at] = row;
                cells->value[at] = 0;
                cells->of_term[t]++;
            }
            cells->value[at]++;
        }
    }
}

/* From counts to cells, for those from begin on: one row. */
static void weigh_row(const struct index *index, int64_t k,
                      const struct tfidf_params *p, struct cells *cells,
                      int64_t begin)
{
    const double *idf = index->idf + index->first[k];
    const double *ratio = index->ratio + index->first[k];
    double square = 0, length;

    for (int64_t c = begin; c < cells->count; c++) {
        double tf = cells->value[c];

        tf = (p->sublinear ? 1 + log(tf) : tf) * idf[cells->term[c]];
        cells->value[c] = tf;
        square += tf * tf;
    }
    length = sqrt(square);
    for (int64_t c = begin; c < cells->count; c++)
        cells->value[c] = p->nb ? ratio[cells->term[c]]
                                : cells->value[c] / length;
}

static bool find_cells(const struct mls_step *step, int64_t k,
                       const struct mls_column *column, struct cells *cells,
                       struct mls_error *err)
{
    const struct tfidf_params *p = step->params;
    const struct index *index = step->cache;
    struct mls_words words = { 0 };
    bool ok = true;

    for (int64_t i = 0; ok && i < column->rows; i++) {
        const int64_t *offset = column->text.offset + i;
        int64_t begin = cells->count;

        ok = mls_words_split(&words, column->text.bytes + offset[0],
                             (size_t)(offset[1] - offset[0]), err)
            && cells_room(cells, words.count * p->ngrams, err);
        if (!ok)
            break;
        count_row(index, k, &words, p->ngrams, (uint16_t)i, cells);
        weigh_row(index, k, p, cells, begin);
    }
    mls_words_clear(&words);
    return ok;
}

/* Cells by row become columns; rows ascend within each term. */
static bool spread(const struct cells *cells, int64_t width, int64_t rows,
                   struct mls_column **made, struct mls_error *err)
{
    for (int64_t t = 0; t < width; t++) {
        made[t] = mls_column_new(MLS_STORE_SPARSE, rows, cells->of_term[t],
                                 true, err);
        if (!made[t])
            return false;
        cells->of_term[t] = 0;
    }
    for (int64_t c = 0; c < cells->count; c++) {
        struct mls_column *column = made[cells->term[c]];
        int64_t at = cells->of_term[cells->term[c]]++;

        column->sparse.row[at] = cells->row[c];
        column->sparse.value[at] = cells->value[c];
    }
    return true;
}

static bool apply_input(const struct mls_step *step, int64_t k, int64_t width,
                        const struct mls_block *in, struct mls_column **made,
                        struct mls_error *err)
{
    struct cells cells = { 0 };
    bool ok;

    cells.of_term = mls_new(width, sizeof *cells.of_term, err);
    if (cells.of_term)
        cells.place = mls_new(width, sizeof *cells.place, err);
    ok = cells.place
        && find_cells(step, k, in->columns[step->input[k]], &cells, err)
        && spread(&cells, width, in->rows, made, err);
    mls_free(cells.term);
    mls_free(cells.row);
    mls_free(cells.value);
    mls_free(cells.of_term);
    mls_free(cells.place);
    return ok;
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const struct index *index = step->cache;

    for (int64_t k = 0; k < step->input_count; k++) {
        int64_t width = index->first[k + 1] - index->first[k];

        if (!apply_input(step, k, width, in, made + index->first[k], err))
            return false;
    }
    return true;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    const struct index *index = step->cache;
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        struct mls_json *column = mls_json_add_object(columns, NULL, err);

        ok = column
            && mls_json_add_text(column, "name", step->input_names.items[k],
                                 err)
            && mls_json_add_integer(column, "terms",
                                    index->first[k + 1] - index->first[k],
                                    err);
    }
    return ok;
}

const struct mls_step_type mls_step_tfidf = {
    .name = "tfidf",
    .family = "ngrams",
    .summary = "one column for each frequent word and pair of words of a text",
    .source = "Sparck Jones (1972), Journal of Documentation 28, 11-21; Wang & "
              "Manning (2012), ACL 2, 90-94",
    .fits = MLS_KIND_BIT(MLS_KIND_TEXT),
    .params = params,
    .params_size = sizeof(struct tfidf_params),
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
