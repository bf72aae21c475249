/*
 * OpenBLAS, opened at the first call.  Only files of this layer include it.
 *
 * The core and one thread are asked for by OPENBLAS_CORETYPE (chosen from
 * CPUID: Debian 12's 0.3.21 takes newer processors for an SSE one) and
 * OPENBLAS_NUM_THREADS, set around dlopen and then put back as they were.  The
 * user's own OPENBLAS_* are overridden, for the environment must not change a
 * result.  Before each thread's first call its 128 MiB work buffer is mapped
 * and unmapped: when that is refused, MLS_LIMIT (0.3.21 would loop for ever).
 */
#ifndef MLS_LINALG_BLAS_H
#define MLS_LINALG_BLAS_H

#include "mlspec/error.h"

/*
 * The symbols used, Fortran calling convention: everything by pointer, 32-bit
 * integers.  The routines that OpenBLAS compiles from Fortran take the length
 * of each character argument (1) at the end, by value.
 */
struct mls_blas {
    void (*dgemm)(const char *, const char *, const int *, const int *,
                  const int *, const double *, const double *, const int *,
                  const double *, const int *, const double *, double *,
                  const int *);
    void (*sgemm)(const char *, const char *, const int *, const int *,
                  const int *, const float *, const float *, const int *,
                  const float *, const int *, const float *, float *,
                  const int *);
    void (*dpotrf)(const char *, const int *, double *, const int *, int *);
    void (*dpotrs)(const char *, const int *, const int *, const double *,
                   const int *, double *, const int *, int *);
    void (*dpocon)(const char *, const int *, const double *, const int *,
                   const double *, double *, double *, int *, int *, size_t);
    void (*dgeqp3)(const int *, const int *, double *, const int *, int *,
                   double *, double *, const int *, int *);
    void (*dormqr)(const char *, const char *, const int *, const int *,
                   const int *, const double *, const int *, const double *,
                   double *, const int *, double *, const int *, int *, size_t,
                   size_t);
    void (*dtrtrs)(const char *, const char *, const char *, const int *,
                   const int *, const double *, const int *, double *,
                   const int *, int *);
    void (*dsyevd)(const char *, const char *, const int *, double *,
                   const int *, double *, double *, const int *, int *,
                   const int *, int *, size_t, size_t);
    char *(*config)(void);      /* "OpenBLAS 0.3.21 ..." */
    char *(*core)(void);        /* "SkylakeX" */
    void (*set_threads)(int);
};

/*
 * Ready for this thread, or NULL: MLS_USAGE when the library is not there,
 * MLS_LIMIT when the work buffers do not fit.  Safe from any thread, cheap
 * after a thread's first call.  The first call of a process takes 1 to 2 ms.
 */
MLS_CHECK const struct mls_blas *mls_blas(struct mls_error *err);

/* Whether a matrix of these sides can be told to BLAS: MLS_LIMIT past
 * 2^31 - 1. */
MLS_CHECK bool mls_blas_fits(int64_t rows, int64_t columns,
                             struct mls_error *err);

#endif
