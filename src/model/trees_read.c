/*
 * The chain of the file is read from its front, counting splits and bytes of
 * sets, since only their order tells which belong to a node.
 */
#include "model/trees_read.h"

#include <inttypes.h>
#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "table/date.h"

bool mls_trees_read_open(struct trees_reading *r,
                         const struct trees_plan *plan, struct mls_error *err)
{
    const struct trees_node *end = plan->nodes + plan->file.nodes;
    int64_t most = 1;

    for (const struct trees_node *n = plan->nodes; n < end;) {
        int64_t count = mls_trees_count_nodes(n);

        most = count > most ? count : most;
        n += count;
    }
    *r = (struct trees_reading){ .plan = plan, .number = -1,
                                 .nodes = plan->nodes };
    r->split = mls_new_array(most, sizeof(*r->split), err);
    r->set = r->split ? mls_new_array(most, sizeof(*r->set), err) : NULL;
    r->cover = r->set ? mls_new_array(most, sizeof(*r->cover), err) : NULL;
    return r->cover != NULL;
}

bool mls_trees_read_next(struct trees_reading *r)
{
    const struct trees_file *f = &r->plan->file;

    if (r->number + 1 >= f->trees)
        return false;
    r->number++;
    r->nodes += r->count;
    r->count = mls_trees_count_nodes(r->nodes);
    for (int64_t i = 0; i < r->count; i++) {
        r->split[i] = -1;
        r->set[i] = r->next_set;
        if (r->nodes[i].right == 0)
            continue;
        r->split[i] = r->next_split++;
        if (r->nodes[i].right < 0)
            r->next_set +=
                trees_set_bytes(f->codes[trees_feature(f, r->split[i])]);
    }
    mls_trees_covers(r->plan, r->nodes - r->plan->nodes, r->count, r->cover);
    return true;
}

void mls_trees_read_close(struct trees_reading *r)
{
    mls_free(r->split);
    mls_free(r->set);
    mls_free(r->cover);
}

void mls_trees_read_means(const struct trees_reading *r, double *mean)
{
    int width = r->plan->file.width;

    for (int64_t i = r->count - 1; i >= 0; i--) {
        int64_t right = i + trees_right(&r->nodes[i]);
        double share = right > i ? trees_share_left(r->cover, i) : 0;

        for (int k = 0; k < width; k++)
            mean[i * width + k] = right > i
                ? share * mean[(i + 1) * width + k]
                    + (1 - share) * mean[right * width + k]
                : trees_read_value(r, i, k);
    }
}

/* Midnight 0001-01-01 and 9999-12-31, in seconds. */
#define FIRST_DAY (-62135596800.0)
#define LAST_DAY 253402214400.0

bool mls_trees_add_value(struct mls_json *to, const char *key,
                         const struct mls_field *field, double value,
                         struct mls_error *err)
{
    char text[MLS_DATE_TEXT];

    if (field->kind != MLS_KIND_DATE || !(value >= FIRST_DAY)
        || value > LAST_DAY)
        return mls_json_add_real(to, key, value, err);
    mls_date_format((int64_t)floor(value * 1e6), field->date_form,
                    fmod(value, 86400) != 0, text);
    return mls_json_add_text(to, key, text, err);
}

bool mls_trees_add_level(struct mls_json *to, const char *key,
                         const struct mls_field *field, int64_t code,
                         struct mls_error *err)
{
    const char *level;
    size_t length;
    struct mls_text text = { 0 };
    bool ok;

    if (!field->dictionary || code >= field->dictionary->count)
        return mls_json_add_integer(to, key, code, err);
    level = mls_dictionary_level(field->dictionary, (uint32_t)code, &length);
    mls_text_add_bytes(&text, level, length);
    ok = mls_text_ok(&text, err)
        && mls_json_add_text(to, key, text.bytes ? text.bytes : "", err);
    mls_text_clear(&text);
    return ok;
}
