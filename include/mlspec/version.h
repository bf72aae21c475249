/* What this build is, for --version -v. */
#ifndef MLSPEC_VERSION_H
#define MLSPEC_VERSION_H

#include "mlspec/error.h"

#define MLS_FORMAT_VERSION 1 /* of the model file */

MLS_API const char *mls_version(void); /* "0.1.0" */

/* "OpenBLAS 0.3.21 (core SkylakeX), LAPACK"; opens the library.  text is
 * always terminated. */
MLS_API MLS_CHECK bool mls_version_blas(char *text, size_t size,
                                        struct mls_error *err);

#endif
