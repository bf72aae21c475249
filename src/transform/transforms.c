/* The transforms, from the list in transforms.h. */
#include "transform/transforms.h"

#define ROW(name) &mls_step_##name,
const struct mls_step_type *const mls_transforms[] = { MLS_TRANSFORMS(ROW) NULL };
#undef ROW
