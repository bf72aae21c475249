/*
 * The list of transforms.  To add one: its .c file here, a line in
 * transforms.h, a row below, a test beside the others.
 */
#include "transform/transforms.h"

const struct mls_step_type *const mls_transforms[] = {
    &mls_step_impute,
    &mls_step_scale,
    &mls_step_onehot,
    &mls_step_ordinal,
    &mls_step_drop,
    NULL
};
