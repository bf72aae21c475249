/*
 * A few vectors of coefficients times some rows of a table, and back, in single
 * precision: the hot loops of logistic_panels.c.  They allocate nothing and
 * cannot fail.  The same bits come out on every processor.
 */
#ifndef MLS_LEARNER_LOGISTIC_SKINNY_H
#define MLS_LEARNER_LOGISTIC_SKINNY_H

#include <stdint.h>

enum {
    MLS_SKINNY_COLUMNS = 16,    /* stride is a multiple of it */
    MLS_SKINNY_VECTORS = 5,     /* vectors, of it */
    MLS_SKINNY_ROWS = 2         /* rows, of it */
};

struct mls_skinny {
    const float *rows;          /* count rows, each of stride values; with an
                                 * odd count one more that may be read */
    const float *next;          /* as many that are wanted next, or rows */
    int64_t stride, count;
    int64_t vectors;
};

/* scores[k + i vectors] = row i times vector k, which is u[k stride ...]; room
 * for an even number of rows. */
void mls_skinny_scores(const struct mls_skinny *s, const float *u,
                       float *scores);

/* sum[k stride + j] += sum_i change[k + i vectors] row_i[j]. */
void mls_skinny_back(const struct mls_skinny *s, const float *change,
                     float *sum);

#endif
