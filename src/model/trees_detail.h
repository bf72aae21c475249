/* What the files of the trees model share. */
#ifndef MLS_MODEL_TREES_DETAIL_H
#define MLS_MODEL_TREES_DETAIL_H

#include "model/trees.h"

/* The arrays of a model, found and of the lengths that they must have. */
struct trees_file {
    int64_t features, trees, nodes, splits, leaves, set_bytes;
    int outputs, width;
    const double *cuts;
    const int64_t *cut_start;
    const uint16_t *level_code;
    const int64_t *level_start;
    const int32_t *codes;
    const uint8_t *categorical;
    const uint8_t *shape, *missing, *set;
    const void *feature, *split;
    size_t feature_size, split_size;    /* bytes of each */
    const void *value;
    bool narrow;                        /* value is F32 */
    const float *cover;
    const double *base, *gain;
    enum mls_combine combine;
    bool log_link;
};

/* O(1): finds the arrays.  MLS_MODEL_FILE when one is missing or has another
 * length than the others ask for. */
MLS_CHECK bool mls_trees_open(const struct mls_model *model,
                              struct trees_file *file, struct mls_error *err);
/* The whole check: mls_model_type.check. */
bool mls_trees_check(const struct mls_model *model, struct mls_error *err);

static inline bool trees_bit(const uint8_t *bits, int64_t i)
{
    return bits[i >> 3] >> (i & 7) & 1;
}

static inline int64_t trees_set_bytes(int32_t codes)
{
    return (codes + 7) / 8;
}

/* The feature that split s asks for. */
static inline int64_t trees_feature(const struct trees_file *file, int64_t s)
{
    switch (file->feature_size) {
    case 1:
        return ((const uint8_t *)file->feature)[s];
    case 2:
        return ((const uint16_t *)file->feature)[s];
    default:
        return ((const uint32_t *)file->feature)[s];
    }
}

static inline int32_t trees_split(const struct trees_file *file, int64_t s)
{
    return file->split_size == 1 ? ((const uint8_t *)file->split)[s]
                                 : ((const uint16_t *)file->split)[s];
}

static inline double trees_value(const struct trees_file *file, int64_t i)
{
    return file->narrow ? (double)((const float *)file->value)[i]
                        : ((const double *)file->value)[i];
}


#endif
