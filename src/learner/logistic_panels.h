/*
 * The rows of a table of many columns and several classes, as panels, and what
 * the solver in logistic_classes.c asks of them.  The columns are those of X
 * less their means, then one of ones when there is an intercept.
 *
 * Vectors of coefficients are columns x classes, column by column.
 */
#ifndef MLS_LEARNER_LOGISTIC_PANELS_H
#define MLS_LEARNER_LOGISTIC_PANELS_H

#include "linalg/matrix.h"

struct mls_panels {
    /* Set by the caller. */
    const struct mls_run *run;
    const struct mls_matrix *x; /* n x features, as they are */
    const double *y;            /* n: the class */
    const double *w;            /* n, or NULL: all 1 */
    bool ones;                  /* there is an intercept: take means out */
    int classes;

    /* Made by mls_panels_new. */
    int64_t columns;            /* features, and one with ones */
    double *mean;               /* columns: of each, 0 for ones and without */
    int64_t stride, vectors;    /* columns and classes, rounded up as
                                 * logistic_skinny.h wants them */
    float *rows;                /* n x stride, row after row, times scale; then
                                 * zeros */
    float *p;                   /* n x classes, row after row: probabilities
                                 * where they were evaluated last */
    float *norm;                /* n: of each row's cells the sum of squares */
    double *scale;              /* columns: powers of 2 that bring each column
                                 * to a size of about 1 */
    double *square;             /* columns: sum_i w_i x_ij^2 */
    double weight;              /* sum of the weights */
    int workers;
    struct mls_panel_scratch *scratch; /* one each */
};

/*
 * Copies the table in single precision: n (columns + classes) floats.  A
 * constant column becomes exactly 0 when means are taken out.  *fit is false,
 * and the panels of no use, when a column's size is outside 1e-30 to 1e30 or
 * not finite.  The first evaluation must be mls_panels_fill.  Needs clearing
 * also when it fails.
 */
MLS_CHECK bool mls_panels_new(struct mls_panels *panels, bool *fit,
                              struct mls_error *err);
void mls_panels_clear(struct mls_panels *panels);

/* mls_panels_evaluate, which fills the panels on its way. */
MLS_CHECK bool mls_panels_fill(struct mls_panels *panels,
                               const struct mls_matrix *b, double *loss,
                               struct mls_matrix *gradient,
                               struct mls_error *err);

/* In double precision, at b: the loss, its gradient, and the probabilities. */
MLS_CHECK bool mls_panels_evaluate(struct mls_panels *panels,
                                   const struct mls_matrix *b, double *loss,
                                   struct mls_matrix *gradient,
                                   struct mls_error *err);

/* The same in single precision, as a product is: a gradient to about 1e-7 of
 * the most it could be, for a fifth of the time. */
MLS_CHECK bool mls_panels_rough(struct mls_panels *panels,
                                const struct mls_matrix *b, double *loss,
                                struct mls_matrix *gradient,
                                struct mls_error *err);

/* out = H u, H the Hessian of the loss at these probabilities: in single
 * precision within chunks of rows, in double between them. */
MLS_CHECK bool mls_panels_product(struct mls_panels *panels,
                                  const struct mls_matrix *u,
                                  struct mls_matrix *out,
                                  struct mls_error *err);

/*
 * gram[c], columns x columns, receives an estimate of the block of class c of
 * H, sum_i w_i p_ic (1 - p_ic) x_i x_i', from about so many rows: every row
 * has a chance that is proportional to its share in the trace, columns brought
 * to one size, so that a row in which a rare column is not 0 is not missed; by
 * systematic sampling without any random number.  count 1: one matrix, the
 * mean over all classes.
 */
MLS_CHECK bool mls_panels_blocks(struct mls_panels *panels, int64_t rows,
                                 struct mls_matrix *gram, int count,
                                 struct mls_error *err);

#endif
