/*
 * The list of selecting steps.  To add one: its .c file here, a line in
 * select.h, a row below, a test beside the others.
 */
#include "select/select.h"

const struct mls_step_type *const mls_selectors[] = {
    &mls_select_variance,
    &mls_select_correlation,
    &mls_select_univariate,
    &mls_select_recursive,
    NULL
};
