/*
 * The transforms.  To add one: its .c file here, a row below, a test beside
 * the others.
 */
#ifndef MLS_TRANSFORM_TRANSFORMS_H
#define MLS_TRANSFORM_TRANSFORMS_H

#include "transform/step.h"

/* All transforms, in the order that help lists them. */
#define MLS_TRANSFORMS(ROW) \
    ROW(date) \
    ROW(impute) \
    ROW(clip) \
    ROW(log) \
    ROW(power) \
    ROW(polynomial) \
    ROW(spline) \
    ROW(values) \
    ROW(scale) \
    ROW(rare) \
    ROW(onehot) \
    ROW(ordinal) \
    ROW(frequency) \
    ROW(target) \
    ROW(tfidf) \
    ROW(drop)

#define ROW(name) extern const struct mls_step_type mls_step_##name;
MLS_TRANSFORMS(ROW)
#undef ROW

#endif
