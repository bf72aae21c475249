/*
 * Named arrays: what a fitted step or model learned.  They are saved and
 * loaded once, here and in container.h, not by each step or model; a type only
 * says which arrays it makes and checks them when it gets them.
 */
#ifndef MLS_BASE_ARRAYS_H
#define MLS_BASE_ARRAYS_H

#include "mlspec/error.h"

enum mls_dtype {
    MLS_F64 = 1, MLS_I64, MLS_U64, MLS_F32, MLS_I32, MLS_U32, MLS_U16, MLS_U8
};
size_t mls_dtype_size(enum mls_dtype dtype);
const char *mls_dtype_name(enum mls_dtype dtype); /* safetensors: "F64", ... */

#define MLS_ARRAY_DIMENSIONS 4

struct mls_array {
    char *name;
    enum mls_dtype dtype;
    int dimensions;
    int64_t shape[MLS_ARRAY_DIMENSIONS];
    int64_t count;              /* product of shape; 0 is allowed */
    void *data;                 /* owned, 64-byte aligned */
};

struct mls_arrays {
    struct mls_array *items;
    int64_t count, capacity;
};

/* A new zeroed array of the given shape; the name must be new.  Returns its
 * data, owned by arrays. */
MLS_CHECK void *mls_arrays_add(struct mls_arrays *arrays, const char *name,
                               enum mls_dtype dtype, int dimensions,
                               const int64_t *shape, struct mls_error *err);
/* One dimension. */
MLS_CHECK void *mls_arrays_add1(struct mls_arrays *arrays, const char *name,
                                enum mls_dtype dtype, int64_t count,
                                struct mls_error *err);
/* A list of strings: NAME.bytes (U8) and NAME.offsets (I64, count + 1). */
MLS_CHECK bool mls_arrays_add_texts(struct mls_arrays *arrays,
                                    const char *name,
                                    const char *const *texts, int64_t count,
                                    struct mls_error *err);

const struct mls_array *mls_arrays_find(const struct mls_arrays *arrays,
                                        const char *name);
/* The data of an array that must be there with this type and count (count -1:
 * any); MLS_MODEL_FILE otherwise. */
MLS_CHECK const void *mls_arrays_get(const struct mls_arrays *arrays,
                                     const char *name, enum mls_dtype dtype,
                                     int64_t count, struct mls_error *err);
/* A new list of borrowed... copies of strings, offsets checked; free with
 * mls_list_clear. */
struct mls_list;
MLS_CHECK bool mls_arrays_get_texts(const struct mls_arrays *arrays,
                                    const char *name, struct mls_list *list,
                                    struct mls_error *err);

/* Moves every array of from into to under prefix + name; from is left empty. */
MLS_CHECK bool mls_arrays_move(struct mls_arrays *to, const char *prefix,
                               struct mls_arrays *from, struct mls_error *err);
/* Moves those of from that start with prefix into to, the prefix cut off. */
MLS_CHECK bool mls_arrays_take(struct mls_arrays *to, const char *prefix,
                               struct mls_arrays *from, struct mls_error *err);
MLS_CHECK bool mls_arrays_copy(struct mls_arrays *to, const char *prefix,
                               const struct mls_arrays *from,
                               struct mls_error *err);
void mls_arrays_clear(struct mls_arrays *arrays);

#endif
