/*
 * What a trees model holds, for inspect: how many trees and leaves, how deep,
 * and how much each feature counts by the gain of its splits and by their
 * number.
 */
#include "model/trees_plan.h"

#include "base/json.h"
#include "base/memory.h"

/* The longest path from a root to a leaf, in splits. */
static bool find_depth(const struct trees_plan *plan, int32_t *deepest,
                       struct mls_error *err)
{
    int64_t n = plan->file.nodes;
    int32_t *depth = mls_new(n, sizeof(*depth), err);
    bool ok;

    *deepest = 0;
    for (int64_t i = 0; depth && i < n; i++) {
        int64_t right = plan->nodes[i].right;

        right = right < 0 ? -right : right;
        *deepest = depth[i] > *deepest ? depth[i] : *deepest;
        if (right > 0)
            depth[i + 1] = depth[i + right] = depth[i] + 1;
    }
    ok = depth != NULL;
    mls_free(depth);
    return ok;
}

static bool describe_importance(const struct trees_file *f,
                                const char *const *names, struct mls_json *to,
                                struct mls_error *err)
{
    struct mls_json *array = mls_json_add_array(to, "importance", err), *item;
    int64_t *splits = array ? mls_new(f->features, sizeof(*splits), err)
                            : NULL;
    bool ok = splits != NULL;

    for (int64_t s = 0; ok && s < f->splits; s++)
        splits[trees_feature(f, s)]++;
    for (int64_t j = 0; ok && j < f->features; j++) {
        item = mls_json_add_object(array, NULL, err);
        ok = item && mls_json_add_text(item, "feature", names[j], err)
            && mls_json_add_real(item, "gain", f->gain[j], err)
            && mls_json_add_integer(item, "splits", splits[j], err);
    }
    mls_free(splits);
    return ok;
}

/* {"trees", "leaves", "depth", "combined", "importance": [{"feature", "gain",
 * "splits"}, ...]} */
bool mls_trees_describe(const struct mls_model *model,
                        const char *const *names, const char *const *classes,
                        struct mls_json *to, struct mls_error *err)
{
    static const char *const combined[] = { "sum", "mean", "isolation" };
    const struct trees_plan *plan = model->compiled;
    const struct trees_file *f = &plan->file;
    int32_t depth;

    (void)classes;
    return find_depth(plan, &depth, err)
        && mls_json_add_integer(to, "trees", f->trees, err)
        && mls_json_add_integer(to, "leaves", f->leaves, err)
        && mls_json_add_integer(to, "depth", depth, err)
        && mls_json_add_text(to, "combined", combined[f->combine], err)
        && (!f->log_link || mls_json_add_text(to, "link", "log", err))
        && describe_importance(f, names, to, err);
}
