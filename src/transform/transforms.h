/* The steps of this layer, for the list in transforms.c. */
#ifndef MLS_TRANSFORM_TRANSFORMS_H
#define MLS_TRANSFORM_TRANSFORMS_H

#include "transform/step.h"

extern const struct mls_step_type mls_step_impute;
extern const struct mls_step_type mls_step_scale;
extern const struct mls_step_type mls_step_onehot;
extern const struct mls_step_type mls_step_ordinal;
extern const struct mls_step_type mls_step_drop;

#endif
