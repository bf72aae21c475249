/*
 * What the cells of a category seem to be meant as, when it is not a category.
 */
#ifndef MLS_TABLE_LOOKS_H
#define MLS_TABLE_LOOKS_H

#include "mlspec/profile.h"

/*
 * NUMBERS: nine levels in ten are numbers once a currency sign, a percent sign,
 * a unit behind a space and thousands separators are taken off, and some level
 * has one.  DATES: half of the levels are dates, of any of the forms that can be
 * read.  ANSWERS: more than two levels, all of them yes, no, true, false, t, f,
 * y, n, 1 or 0 in any case.  SPELLINGS: two levels are the same but for the case
 * of ASCII letters and for outer spaces.  Of more than 10,000 levels the first so many are looked at.
 *   decimal   the mark of the file's numbers, '.' or ','
 */
enum mls_looks mls_looks_of(const struct mls_dictionary *levels, char decimal);

#endif
