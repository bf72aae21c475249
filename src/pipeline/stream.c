/*
 * CSV in, CSV out, in constant memory: a few blocks are read, worked on side by
 * side, and written in order.
 *
 *   reader ── batch of blocks ── (predict | transform), parallel ── writer
 *
 * Columns that are no features are read as text, so that they come out as they
 * went in (--keep, identifiers, and what steps pass on), whatever they hold.
 */
#include "pipeline/pipeline.h"

#include <inttypes.h>
#include <math.h>

#include "base/threads.h"
#include "table/arrange.h"

#define BATCH_LIMIT 64

struct stream {
    const struct mls_pipeline *p;
    const char *name;           /* of the file, for errors */
    const struct mls_predict_options *options;
    struct mls_reader *reader;
    struct mls_writer *writer;
    struct mls_schema in;       /* the pipeline's, then further kept columns */
    struct mls_schema out;
    int64_t *copy;              /* positions in `in` copied to the front */
    int64_t copy_count;
    int64_t *order;             /* transform: positions in the last schema */
    uint32_t *class_code;       /* dictionary code of each class */
    struct mls_dictionary *class_levels;
    struct mls_block *raw[BATCH_LIMIT], *made[BATCH_LIMIT];
};

/* --- what is copied ----------------------------------------------------- */

/* Makes sure that a column is read; one that is no feature as text. */
static int64_t keep_column(struct stream *s, const char *name,
                           struct mls_error *err)
{
    int64_t at = mls_schema_find(&s->in, name);
    struct mls_field field = { .kind = MLS_KIND_TEXT,
                               .role = MLS_ROLE_FEATURE };

    if (at < 0) {
        field.name = mls_copy_text(name, err);
        if (!field.name || !mls_schema_add(&s->in, &field, err)) {
            mls_free(field.name);
            return -1;
        }
        mls_free(field.name);
        return s->in.count - 1;
    }
    s->in.fields[at].role = MLS_ROLE_FEATURE; /* so it must be there */
    return at;
}

/* Columns that the model does not use are not looked into: whatever their
 * cells hold, there is a prediction.  Steps alone do not use the offset. */
static void read_as_text(struct mls_schema *schema, bool offset)
{
    for (int64_t i = 0; i < schema->count; i++) {
        struct mls_field *field = &schema->fields[i];

        if (field->role == MLS_ROLE_FEATURE
            || (offset && field->role == MLS_ROLE_OFFSET))
            continue;
        if (field->role == MLS_ROLE_OFFSET)
            field->role = MLS_ROLE_IGNORED; /* so it may be absent */
        mls_dictionary_free(field->dictionary);
        field->dictionary = NULL;
        field->kind = MLS_KIND_TEXT;
    }
}

static bool is_copied(const struct stream *s, int64_t at)
{
    for (int64_t i = 0; i < s->copy_count; i++)
        if (s->copy[i] == at)
            return true;
    return false;
}

static bool copy_column(struct stream *s, int64_t at)
{
    if (at < 0)
        return false;
    if (!is_copied(s, at))
        s->copy[s->copy_count++] = at;
    return true;
}

/* "*": every column of the file, in the file's order. */
static bool keeps_all(const struct stream *s)
{
    return s->options->keep && strcmp(s->options->keep, "*") == 0;
}

/* Identifiers, then what was asked for. */
static bool choose_copies(struct stream *s, struct mls_error *err)
{
    const struct mls_schema *schema = &s->p->schema;
    struct mls_list keep = { 0 };
    bool ok = !s->options->keep || keeps_all(s)
        || mls_list_split(s->options->keep, &keep, err);

    s->copy = ok ? mls_new(schema->count + keep.count, sizeof *s->copy, err)
                 : NULL;
    ok = ok && s->copy;
    for (int64_t i = 0; ok && i < schema->count; i++)
        if (schema->fields[i].role == MLS_ROLE_ID)
            ok = copy_column(s, keep_column(s, schema->fields[i].name, err));
    for (int64_t i = 0; ok && i < keep.count; i++)
        ok = copy_column(s, keep_column(s, keep.items[i], err));
    mls_list_clear(&keep);
    return ok;
}

struct placed {
    int64_t position, at;
};

static int by_position(const void *a_, const void *b_)
{
    const struct placed *a = a_, *b = b_;

    if (a->position != b->position)
        return a->position < b->position ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* --- what is written ---------------------------------------------------- */

static bool add_out(struct stream *s, const char *name, enum mls_kind kind,
                    struct mls_dictionary *dictionary, struct mls_error *err)
{
    struct mls_field field = { .kind = kind, .dictionary = dictionary,
                               .role = MLS_ROLE_FEATURE };
    bool ok;

    if (mls_schema_find(&s->out, name) >= 0) {
        mls_fail(err, MLS_USAGE,
                 "the output would have two columns named \"%s\"",
                 mls_show_text(name).text);
        return mls_fail_fix(err, "rename the kept column");
    }
    field.name = mls_copy_text(name, err);
    ok = field.name && mls_schema_add(&s->out, &field, err);
    mls_free(field.name);
    return ok;
}

static bool add_per_class(struct stream *s, const char *prefix, int first,
                          struct mls_error *err)
{
    for (int64_t k = first; k < s->p->classes.count; k++) {
        struct mls_text name = { 0 };
        bool ok;

        mls_text_add(&name, prefix);
        mls_text_add(&name, s->p->classes.items[k]);
        ok = mls_text_ok(&name, err)
            && add_out(s, name.bytes, MLS_KIND_REAL, NULL, err);
        mls_text_clear(&name);
        if (!ok)
            return false;
    }
    return true;
}

static bool add_contribution(struct stream *s, const char *label,
                             const char *feature, struct mls_error *err)
{
    struct mls_text name = { 0 };
    bool ok;

    mls_text_add(&name, "contribution_");
    mls_text_add(&name, label ? label : "");
    mls_text_add(&name, label ? "_" : "");
    mls_text_add(&name, feature);
    ok = mls_text_ok(&name, err)
        && add_out(s, name.bytes, MLS_KIND_REAL, NULL, err);
    mls_text_clear(&name);
    return ok;
}

/* In the order of the model's features, for each class that has a score. */
static bool add_contributions(struct stream *s, struct mls_error *err)
{
    const struct mls_pipeline *p = s->p;
    bool ok = true;

    for (int k = 0; ok && k < mls_model_outputs(p->model); k++) {
        const char *label =
            p->task == MLS_MULTICLASS ? p->classes.items[k] : NULL;

        for (int64_t j = 0; ok && j < p->feature_count; j++)
            ok = add_contribution(s, label, p->feature_names[j], err);
        ok = ok && add_contribution(s, label, "base", err);
    }
    return ok;
}

static bool index_classes(struct stream *s, struct mls_error *err)
{
    int64_t n = s->p->classes.count;
    size_t *lengths;

    if (n == 0)
        return true;
    lengths = mls_new(n, sizeof *lengths, err);
    s->class_code = lengths ? mls_new(n, sizeof *s->class_code, err) : NULL;
    for (int64_t k = 0; s->class_code && k < n; k++)
        lengths[k] = strlen(s->p->classes.items[k]);
    if (s->class_code)
        s->class_levels = mls_dictionary_new(
            (const char *const *)s->p->classes.items, lengths, n,
            s->class_code, err);
    mls_free(lengths);
    return s->class_levels != NULL;
}

/* Now that the file is open its columns are known. */
static bool copy_all(struct stream *s, struct mls_error *err)
{
    const struct mls_schema *schema = mls_reader_schema(s->reader);
    struct placed *placed = mls_new(schema->count, sizeof *placed, err);
    int64_t count = 0;

    mls_free(s->copy);
    s->copy = placed ? mls_new(schema->count, sizeof *s->copy, err) : NULL;
    s->copy_count = 0;
    for (int64_t i = 0; s->copy && i < schema->count; i++) {
        int64_t position = mls_reader_position(s->reader, i);

        if (position >= 0)
            placed[count++] = (struct placed){ position, i };
    }
    if (count > 1)
        qsort(placed, (size_t)count, sizeof *placed, by_position);
    for (int64_t i = 0; i < count; i++)
        s->copy[s->copy_count++] = placed[i].at;
    mls_free(placed);
    return s->copy != NULL;
}

static bool plan_predictions(struct stream *s, struct mls_error *err)
{
    bool classes = s->p->classes.count > 0 && s->p->task != MLS_ANOMALY;
    int first = s->p->task == MLS_BINARY ? 1 : 0;

    if ((classes && !index_classes(s, err)) || (keeps_all(s) && !copy_all(s, err)))
        return false;
    for (int64_t i = 0; i < s->copy_count; i++) {
        const struct mls_field *field =
            &mls_reader_schema(s->reader)->fields[s->copy[i]];

        if (!mls_schema_add(&s->out, field, err))
            return false;
    }
    return add_out(s, "prediction", classes ? MLS_KIND_CATEGORY : MLS_KIND_REAL,
                   s->class_levels, err)
        && (!s->options->proba || !classes
            || add_per_class(s, "probability_", 0, err))
        && (!s->options->raw || !classes || add_per_class(s, "score_", first, err))
        && (!s->options->contrib || add_contributions(s, err));
}

/* The raw column that field i after the steps comes from. */
static int64_t origin_of(const struct mls_pipeline *p, int64_t i)
{
    for (int64_t step = p->step_count; step-- > 0 && i >= 0;)
        i = p->steps[step]->plan.origin[i];
    return i;
}

/* Fields after the steps in the order of the file's columns that they come
 * from; those whose column is absent (position < 0) are left out. */
static int64_t *order_out(const struct mls_pipeline *p,
                          const int64_t *position, int64_t *count,
                          struct mls_error *err)
{
    int64_t n = mls_pipeline_after(p, p->step_count)->count;
    struct placed *placed = mls_new(n, sizeof *placed, err);
    int64_t *order = placed ? mls_new(n, sizeof *order, err) : NULL;

    *count = 0;
    for (int64_t i = 0; order && i < n; i++) {
        int64_t origin = origin_of(p, i);
        int64_t at = origin < 0 ? INT64_MAX : position[origin];

        if (at >= 0)
            placed[(*count)++] = (struct placed){ at, i };
    }
    if (order && *count > 1)
        qsort(placed, (size_t)*count, sizeof *placed, by_position);
    for (int64_t i = 0; order && i < *count; i++)
        order[i] = placed[i].at;
    mls_free(placed);
    return order;
}

static bool plan_transform(struct stream *s, struct mls_error *err)
{
    const struct mls_pipeline *p = s->p;
    const struct mls_schema *last = mls_pipeline_after(p, p->step_count);
    int64_t *position = mls_new(p->schema.count, sizeof *position, err);
    int64_t n;
    bool ok = position != NULL;

    for (int64_t i = 0; ok && i < p->schema.count; i++)
        position[i] = mls_reader_position(s->reader, i);
    if (ok) {
        s->order = order_out(p, position, &n, err);
        ok = s->order != NULL;
    }
    for (int64_t i = 0; ok && i < n; i++)
        ok = mls_schema_add(&s->out, &last->fields[s->order[i]], err);
    if (ok)
        read_as_text(&s->out, false);
    mls_free(position);
    return ok;
}

/* --- one block ---------------------------------------------------------- */

static struct mls_column *reals(const double *values, int64_t rows,
                                int64_t stride, struct mls_error *err)
{
    struct mls_column *column =
        mls_column_new(MLS_STORE_REAL, rows, 0, true, err);

    for (int64_t i = 0; column && i < rows; i++)
        column->real[i] = values[i * stride];
    return column;
}

static struct mls_column *codes(const struct stream *s, const double *class,
                                int64_t rows, struct mls_error *err)
{
    struct mls_column *column =
        mls_column_new(MLS_STORE_CODE, rows, 0, true, err);

    for (int64_t i = 0; column && i < rows; i++)
        column->code[i] = isnan(class[i]) ? MLS_CODE_MISSING
                                          : s->class_code[(int64_t)class[i]];
    return column;
}

/* A row that could not be read has no prediction. */
static void blank_skipped(const struct mls_block *raw,
                          struct mls_prediction *made)
{
    for (int64_t i = 0; raw->skipped && i < raw->rows; i++) {
        if (!raw->skipped[i])
            continue;
        made->value[i] = NAN;
        for (int k = 0; k < made->outputs; k++)
            made->score[i * made->outputs + k] = NAN;
        for (int k = 0; k < made->classes; k++)
            made->probability[i * made->classes + k] = NAN;
    }
}

static bool fill_columns(const struct stream *s, const struct mls_block *raw,
                         const struct mls_prediction *made,
                         struct mls_block *out, struct mls_error *err)
{
    int64_t at = 0, rows = raw->rows;

    for (int64_t i = 0; i < s->copy_count; i++)
        out->columns[at++] = mls_column_share(raw->columns[s->copy[i]]);
    out->columns[at] = s->class_code
        ? codes(s, made->value, rows, err)
        : reals(made->value, rows, 1, err);
    if (!out->columns[at++])
        return false;
    for (int k = 0; s->options->proba && k < made->classes; k++) {
        out->columns[at] = reals(made->probability + k, rows, made->classes,
                                 err);
        if (!out->columns[at++])
            return false;
    }
    for (int k = 0; s->options->raw && made->classes && k < made->outputs;
         k++) {
        out->columns[at] = reals(made->score + k, rows, made->outputs, err);
        if (!out->columns[at++])
            return false;
    }
    return true;
}

/* Rows of a block whose contributions are 8 MB at most, or some. */
static int64_t explained_rows(const struct mls_pipeline *p)
{
    int64_t wide = mls_model_outputs(p->model) * (p->feature_count + 1);
    int64_t rows = (1 << 20) / wide;

    return rows < 64 ? 64 : rows > MLS_BLOCK_ROWS ? MLS_BLOCK_ROWS : rows;
}

/* The last columns of out; known: the columns of the pipeline. */
static bool fill_contributions(const struct stream *s,
                               const struct mls_block *raw,
                               const struct mls_block *known,
                               struct mls_block *out, struct mls_error *err)
{
    int64_t wide =
        mls_model_outputs(s->p->model) * (s->p->feature_count + 1);
    double *values = mls_pipeline_contributions(s->p, known, err);
    bool ok = values != NULL;

    for (int64_t i = 0; ok && raw->skipped && i < raw->rows; i++) {
        for (int64_t k = 0; raw->skipped[i] && k < wide; k++)
            values[i * wide + k] = NAN;
    }
    for (int64_t k = 0; ok && k < wide; k++) {
        struct mls_column *column = reals(values + k, raw->rows, wide, err);

        out->columns[out->column_count - wide + k] = column;
        ok = column != NULL;
    }
    mls_free(values);
    return ok;
}

/* The columns that the pipeline knows, without those that are only copied. */
static struct mls_block *known_columns(const struct stream *s,
                                       const struct mls_block *raw,
                                       struct mls_error *err)
{
    int64_t n = s->p->schema.count;
    struct mls_block *known = mls_block_new(raw->rows, n, err);

    for (int64_t i = 0; known && i < n; i++)
        known->columns[i] = mls_column_share(raw->columns[i]);
    return known;
}

/* A row that was read and has no offset has no score. */
static bool check_offset(const struct stream *s, const struct mls_block *raw,
                         struct mls_error *err)
{
    const struct mls_pipeline *p = s->p;
    const struct mls_column *column;

    if (p->offset < 0)
        return true;
    column = raw->columns[p->offset];
    for (int64_t i = 0; i < raw->rows; i++) {
        if (!isnan(column->real[i]) || (raw->skipped && raw->skipped[i]))
            continue;
        mls_fail(err, MLS_DATA, "the offset is missing");
        mls_fail_fix(err, "fill it in: the model adds it to the score");
        return mls_fail_at(err, s->name, raw->line ? raw->line[i] : 0,
                           raw->first_row + i + 1,
                           p->schema.fields[p->offset].name);
    }
    return true;
}

static struct mls_block *predict_block(const struct stream *s,
                                       const struct mls_block *raw,
                                       struct mls_error *err)
{
    struct mls_prediction made;
    struct mls_block *known = known_columns(s, raw, err);
    struct mls_block *out =
        known ? mls_block_new(raw->rows, s->out.count, err) : NULL;
    bool ok = out && check_offset(s, raw, err)
        && mls_pipeline_predict(s->p, known, s->options->threshold, &made,
                                err);

    if (ok) {
        blank_skipped(raw, &made);
        ok = fill_columns(s, raw, &made, out, err)
            && (!s->options->contrib
                || fill_contributions(s, raw, known, out, err));
        mls_prediction_clear(&made);
    }
    mls_block_free(known);
    if (ok)
        return out;
    mls_block_free(out);
    return NULL;
}

static struct mls_block *transform_block(const struct stream *s,
                                         const struct mls_block *raw,
                                         struct mls_error *err)
{
    struct mls_block *all = mls_pipeline_apply_steps(s->p, raw, err), *out;

    if (!all)
        return NULL;
    out = mls_block_arrange(all, s->order, s->out.count, err);
    mls_block_free(all);
    return out;
}

static bool one_block(void *context, int64_t i, struct mls_error *err)
{
    struct stream *s = context;

    s->made[i] = s->options->transform ? transform_block(s, s->raw[i], err)
                                       : predict_block(s, s->raw[i], err);
    return s->made[i] != NULL;
}

/* --- the stream --------------------------------------------------------- */

static void drop_batch(struct stream *s)
{
    for (int i = 0; i < BATCH_LIMIT; i++) {
        mls_block_free(s->raw[i]);
        mls_block_free(s->made[i]);
        s->raw[i] = s->made[i] = NULL;
    }
}

static bool read_batch(struct stream *s, int64_t limit, int64_t *count,
                       struct mls_error *err)
{
    for (*count = 0; *count < limit; (*count)++) {
        if (!mls_reader_next(s->reader, &s->raw[*count], err))
            return false;
        if (!s->raw[*count])
            break;
    }
    return true;
}

static bool run_stream(struct stream *s, struct mls_run *run,
                       struct mls_error *err)
{
    int64_t limit = run && run->threads > 1 ? run->threads : 1, count;
    double start, read, done;

    limit = limit < BATCH_LIMIT ? limit : BATCH_LIMIT;
    do {
        start = mls_now();
        if (!mls_run_go_on(run, err) || !read_batch(s, limit, &count, err))
            return false;
        read = mls_now();
        if (!mls_parallel(run, count, one_block, s, err))
            return false;
        done = mls_now();
        if (!mls_writer_blocks(s->writer, s->made, count, run, err))
            return false;
        drop_batch(s);
        if (run) {
            run->read_seconds += read - start;
            run->prepare_seconds += done - read;
            run->write_seconds += mls_now() - done;
        }
    } while (count == limit);
    return true;
}

static bool need_model(const struct mls_pipeline *p, struct mls_error *err)
{
    if (p->fitted && p->model)
        return true;
    mls_fail(err, MLS_USAGE, "the pipeline holds no trained model");
    return mls_fail_fix(err, "make one with mlspec train");
}

static bool need_steps(const struct mls_pipeline *p, struct mls_error *err)
{
    if (p->fitted)
        return true;
    mls_fail(err, MLS_USAGE, "the pipeline's steps are not fitted");
    return mls_fail_fix(err, "fit them with mlspec preprocess --save");
}

static bool open_stream(struct stream *s, const char *data,
                        const char *output,
                        const struct mls_read_options *read,
                        const struct mls_run *run, struct mls_error *err)
{
    struct mls_read_options options = *read;

    if (!mls_schema_copy(&s->in, &s->p->schema, err))
        return false;
    read_as_text(&s->in, !s->options->transform);
    if (!s->options->transform && !choose_copies(s, err))
        return false;
    options.schema = &s->in;
    if (s->options->contrib)
        options.block_rows = explained_rows(s->p);
    options.keep_extra = keeps_all(s);
    options.keep_skipped = options.bad_rows == MLS_BAD_SKIP
        && !s->options->transform;
    s->reader = mls_reader_open(data, &options, run, err);
    if (!s->reader
        || !(s->options->transform ? plan_transform(s, err)
                                   : plan_predictions(s, err)))
        return false;
    s->writer = mls_writer_open(output, &s->out,
                                mls_reader_dialect(s->reader), err);
    return s->writer != NULL;
}

bool mls_pipeline_predict_file(const struct mls_pipeline *p, const char *data,
                               const char *output,
                               const struct mls_read_options *read,
                               const struct mls_predict_options *options,
                               struct mls_run *run,
                               struct mls_read_counts *counts,
                               struct mls_error *err)
{
    struct stream s = { .p = p, .options = options,
                        .name = strcmp(data, "-") ? data : "<stdin>" };
    bool ok;

    if (!(options->transform ? need_steps(p, err) : need_model(p, err))
        || (options->contrib && !mls_pipeline_can_explain(p, err))) {
        return false;
    }
    ok = open_stream(&s, data, output, read, run, err)
        && run_stream(&s, run, err);
    if (ok && counts)
        *counts = *mls_reader_counts(s.reader);
    drop_batch(&s);
    mls_reader_close(s.reader);
    if (ok)
        ok = mls_writer_close(s.writer, err);
    else
        mls_writer_abort(s.writer);
    mls_schema_clear(&s.in);
    mls_schema_clear(&s.out);
    mls_dictionary_free(s.class_levels);
    mls_free(s.class_code);
    mls_free(s.copy);
    mls_free(s.order);
    return ok;
}

/* --- a whole table ------------------------------------------------------ */

struct whole {
    const struct mls_pipeline *p;
    const struct mls_table *in;
    const int64_t *order;
    int64_t count;
    struct mls_block **made;
};

static bool whole_block(void *context, int64_t i, struct mls_error *err)
{
    struct whole *w = context;
    struct mls_block *all =
        mls_pipeline_apply_steps(w->p, w->in->blocks[i], err);

    if (!all)
        return false;
    all->first_row = w->in->blocks[i]->first_row;
    w->made[i] = mls_block_arrange(all, w->order, w->count, err);
    mls_block_free(all);
    return w->made[i] != NULL;
}

static bool append_all(struct whole *w, struct mls_table *out,
                       struct mls_error *err)
{
    for (int64_t b = 0; b < w->in->block_count; b++) {
        struct mls_block *block = w->made[b];

        w->made[b] = NULL;
        if (!mls_table_append(out, block, err))
            return false;
    }
    return true;
}

bool mls_pipeline_transform(const struct mls_pipeline *p,
                            const struct mls_table *table,
                            const struct mls_run *run, struct mls_table *out,
                            struct mls_error *err)
{
    const struct mls_schema *last = mls_pipeline_after(p, p->step_count);
    struct mls_table in = { 0 };
    struct whole w = { .p = p, .in = &in };
    int64_t *position = mls_new(p->schema.count, sizeof *position, err);
    int64_t *order = NULL;
    bool ok = position && need_steps(p, err)
        && mls_pipeline_arrange(p, table, &in, err);

    for (int64_t i = 0; ok && i < p->schema.count; i++)
        position[i] = mls_schema_find(&table->schema, p->schema.fields[i].name);
    if (ok) {
        w.order = order = order_out(p, position, &w.count, err);
        w.made = order ? mls_new(in.block_count, sizeof *w.made, err) : NULL;
        ok = w.made != NULL;
    }
    for (int64_t i = 0; ok && i < w.count; i++)
        ok = mls_schema_add(&out->schema, &last->fields[order[i]], err);
    ok = ok && mls_parallel(run, in.block_count, whole_block, &w, err);
    if (ok)
        ok = append_all(&w, out, err);
    for (int64_t b = 0; w.made && b < in.block_count; b++)
        mls_block_free(w.made[b]);
    out->dialect = table->dialect;
    out->dialect.na = NULL;
    out->counts = table->counts;
    mls_free(position);
    mls_free(order);
    mls_free(w.made);
    mls_table_clear(&in);
    if (!ok)
        mls_table_clear(out);
    return ok;
}
