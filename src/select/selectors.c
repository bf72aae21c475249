/* The selecting steps, from the list in select.h. */
#include "select/select.h"

#define ROW(name) &mls_select_##name,
const struct mls_step_type *const mls_selectors[] = { MLS_SELECTORS(ROW) NULL };
#undef ROW
