/*
 * A damaged model file is refused, whatever is wrong in it: the checksum is
 * recomputed after each change here, so that the checks behind it are reached.
 */
#include "contract/contract.h"

#include "base/container.h"

static struct mls_pipeline *fitted(void)
{
    struct form f = { .task = MLS_MULTICLASS, .rows = 80 };
    struct mls_settings settings = { .train = true, .learner = "logistic" };

    return fit_form(&f, &settings, NULL, 0, 1);
}

static void open_model(const char *path, char **metadata,
                       struct mls_arrays *arrays)
{
    struct mls_pipeline *p = fitted();
    struct mls_error err = { 0 };

    must(mls_pipeline_save(p, path, &err), &err);
    must(mls_container_read(path, metadata, arrays, &err), &err);
    mls_pipeline_free(p);
}

/* Writes metadata and arrays and expects the file to be refused. */
static void refuse(const char *path, const char *metadata,
                   const struct mls_arrays *arrays, const char *change)
{
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    must(mls_container_write(path, metadata, arrays, &err), &err);
    p = mls_pipeline_load(path, &err);
    if (p)
        fail_msg("read although %s", change);
    if (err.code != MLS_MODEL_FILE)
        fail_msg("code %d for %s: %s", err.code, change, err.what);
}

static char *replaced(const char *text, const char *old, const char *new_)
{
    struct mls_text out = { 0 };
    const char *at = strstr(text, old);

    if (!at)
        fail_msg("no %s in %s", old, text);
    mls_text_add_bytes(&out, text, (size_t)(at - text));
    mls_text_add(&out, new_);
    mls_text_add(&out, at + strlen(old));
    return out.bytes;
}

static void wrong_metadata_is_refused(void **state)
{
    static const char *const changes[][2] = {
        { "\"format\":1", "\"format\":2" },
        { "\"format\":1", "\"format\":0" },
        { "\"task\":\"multiclass\"", "\"task\":\"binary\"" },
        { "\"task\":\"multiclass\"", "\"task\":\"regression\"" },
        { "\"classes\":[\"low\",", "\"classes\":[" },
        { "\"classes\":[\"low\",", "\"classes\":[7," },
        { "\"classes\":[\"low\",", "\"classes\":[\"mid\"," },
        { "\"classes\":[\"low\",", "\"classes\":[\"bottom\"," },
        { "\"name\":\"logistic\"", "\"name\":\"auto\"" },
        { "\"settings\":{", "\"settings\":{\"class_weight\":\"low\"," },
        { "\"rows\":80", "\"rows\":-80" },
        { "\"params\":{", "\"params\":[1],\"other\":{" },
        { "\"name\":\"logistic\"", "\"name\":\"ridge\"" },
        { "\"name\":\"logistic\"", "\"name\":\"nothing\"" },
        { "\"step\":\"onehot\"", "\"step\":\"scale\"" },
        { "\"step\":\"impute\"", "\"step\":\"amputate\"" },
        { "\"type\":\"linear\"", "\"type\":\"trees\"" },
        { "\"features\":", "\"features\":1" },
        { "\"kind\":\"real\"", "\"kind\":\"category\"" },
        { "\"role\":\"target\"", "\"role\":\"feature\"" },
        { "\"name\":\"alpha\"", "\"name\":\"zeta\"" },
        { "\"seed\":0", "\"seed\":\"x\"" },
        { "\"seed\":0", "\"seed\":0,\"threshold\":0.5" },
    };
    const char *path = scratch("wrong.mlspec");
    struct mls_arrays arrays = { 0 };
    char *metadata;

    (void)state;
    open_model(path, &metadata, &arrays);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *changed = replaced(metadata, changes[i][0], changes[i][1]);

        refuse(path, changed, &arrays, changes[i][1]);
        mls_free(changed);
    }
    mls_free(metadata);
    mls_arrays_clear(&arrays);
    unlink(path);
}

/* A model of numbers alone, without steps that would stumble first. */
static void columns_of_another_kind_are_refused(void **state)
{
    static const char *const changes[][2] = {
        { "\"kind\":\"integer\"", "\"kind\":\"text\"" },
        { "\"kind\":\"integer\"", "\"kind\":\"date\"" },
        { "{\"name\":\"w\",\"kind\":\"integer\"",
          "{\"name\":\"w\",\"kind\":\"text\"" },
        { "{\"name\":\"y\",\"kind\":\"real\"",
          "{\"name\":\"y\",\"kind\":\"text\"" },
        { "{\"name\":\"y\",\"kind\":\"real\"",
          "{\"name\":\"y\",\"kind\":\"date\"" },
        { "\"settings\":{", "\"settings\":{\"class_weight\":\"a=2\"," },
        { "\"settings\":{", "\"settings\":{\"class_weight\":\"balanced\"," },
    };
    const char *path = scratch("kinds.mlspec");
    const char *families[] = { "impute=none", "scale=none", "encode=none" };
    struct mls_settings settings = { .train = true, .learner = "ridge",
                                     .families = families,
                                     .family_count = 3 };
    struct mls_roles roles = { .target = "y", .weight = "w" };
    struct mls_arrays arrays = { 0 };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    char *metadata;

    (void)state;
    read_text("a,w,y\n1,1,1.5\n2,2,2.25\n4,1,7\n3,1,4\n", &roles, &table);
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p != NULL, &err);
    must(mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    must(mls_pipeline_save(p, path, &err), &err);
    must(mls_container_read(path, &metadata, &arrays, &err), &err);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *changed = replaced(metadata, changes[i][0], changes[i][1]);

        refuse(path, changed, &arrays, changes[i][1]);
        mls_free(changed);
    }
    mls_free(metadata);
    mls_arrays_clear(&arrays);
    mls_pipeline_free(p);
    mls_table_clear(&table);
    unlink(path);
}

static void a_threshold_is_kept_and_one_out_of_bounds_refused(void **state)
{
    struct form f = { .task = MLS_BINARY, .rows = 80 };
    struct mls_settings settings = { .train = true, .learner = "logistic" };
    struct mls_pipeline *p = fit_form(&f, &settings, NULL, 0, 1), *loaded;
    const char *path = scratch("threshold.mlspec");
    struct mls_arrays arrays = { 0 };
    struct mls_error err = { 0 };
    char *metadata, *changed;

    (void)state;
    must(mls_pipeline_set_threshold(p, 0.1, &err), &err);
    must(mls_pipeline_save(p, path, &err), &err);
    loaded = mls_pipeline_load(path, &err);
    must(loaded != NULL, &err);
    assert_true(mls_pipeline_threshold(loaded) == 0.1);
    must(mls_container_read(path, &metadata, &arrays, &err), &err);
    changed = replaced(metadata, "\"threshold\":0.1", "\"threshold\":1.1");
    refuse(path, changed, &arrays, "a threshold of 1.1");
    mls_free(changed);
    changed = replaced(metadata, "\"threshold\":0.1", "\"threshold\":\"x\"");
    refuse(path, changed, &arrays, "a threshold of x");
    mls_free(changed);
    mls_free(metadata);
    mls_arrays_clear(&arrays);
    mls_pipeline_free(loaded);
    mls_pipeline_free(p);
    unlink(path);
}

static void a_missing_or_short_array_is_refused(void **state)
{
    const char *path = scratch("short.mlspec");
    struct mls_arrays arrays = { 0 };
    char *metadata;

    (void)state;
    open_model(path, &metadata, &arrays);
    assert_true(arrays.count > 6);
    for (int64_t i = 0; i < arrays.count; i++) {
        struct mls_array *a = &arrays.items[i];
        char *name = a->name;
        int64_t count = a->count, rows = a->shape[0];

        a->name = (char[]){ "elsewhere" };
        refuse(path, metadata, &arrays, name);
        a->name = name;
        if (count == 0)
            continue;
        a->shape[0] = 0;
        a->count = 0;
        refuse(path, metadata, &arrays, name);
        a->shape[0] = rows;
        a->count = count;
    }
    mls_free(metadata);
    mls_arrays_clear(&arrays);
    unlink(path);
}

/* Any byte of any array changed: read or refused, never worse. */
static void changed_bytes_are_survived(void **state)
{
    const char *path = scratch("changed.mlspec");
    struct mls_arrays arrays = { 0 };
    struct mls_error err = { 0 };
    int refused = 0;
    char *metadata;

    (void)state;
    open_model(path, &metadata, &arrays);
    for (int64_t i = 0; i < arrays.count; i++) {
        struct mls_array *a = &arrays.items[i];
        size_t bytes = (size_t)a->count * mls_dtype_size(a->dtype);

        for (size_t k = 0; k < bytes; k += 1 + bytes / 24) {
            unsigned char *byte = (unsigned char *)a->data + k, old = *byte;
            struct mls_pipeline *p;

            *byte ^= 0xff;
            must(mls_container_write(path, metadata, &arrays, &err), &err);
            p = mls_pipeline_load(path, &err);
            refused += p == NULL;
            mls_pipeline_free(p);
            *byte = old;
        }
    }
    assert_true(refused > 5);
    mls_free(metadata);
    mls_arrays_clear(&arrays);
    unlink(path);
}

static void loading_needs_a_model_file(void **state)
{
    struct mls_error err = { 0 };

    (void)state;
    assert_null(mls_pipeline_load(MLS_SOURCE_DIR "/data/iris.csv", &err));
    assert_int_equal(err.code, MLS_MODEL_FILE);
    assert_null(mls_pipeline_load("/nonexistent/model.mlspec", &err));
    assert_int_equal(err.code, MLS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_metadata_is_refused),
        cmocka_unit_test(columns_of_another_kind_are_refused),
        cmocka_unit_test(a_missing_or_short_array_is_refused),
        cmocka_unit_test(changed_bytes_are_survived),
        cmocka_unit_test(loading_needs_a_model_file),
        cmocka_unit_test(a_threshold_is_kept_and_one_out_of_bounds_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
