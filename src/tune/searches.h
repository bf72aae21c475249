/*
 * The searches.  To add one: its .c file here, and a row below.
 */
#ifndef MLS_TUNE_SEARCHES_H
#define MLS_TUNE_SEARCHES_H

#include "tune/range.h"

#define MLS_SEARCHES(ROW) \
    ROW(random) \
    ROW(grid)

#define ROW(name) extern const struct mls_search_type mls_search_##name;
MLS_SEARCHES(ROW)
#undef ROW

#endif
