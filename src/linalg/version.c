/*
 * What this build is.  It lives in this layer because only here is known
 * which OpenBLAS was opened.
 */
#include "mlspec/version.h"
#include "linalg/blas.h"

const char *mls_version(void)
{
    return MLS_VERSION;
}

/* The length of the first two words of "OpenBLAS 0.3.21 NO_LAPACKE ...". */
static int name_and_number(const char *config)
{
    size_t name = strcspn(config, " ");
    size_t number = config[name] ? strcspn(config + name + 1, " ") + 1 : 0;

    return (int)(name + number);
}

bool mls_version_blas(char *text, size_t size, struct mls_error *err)
{
    const struct mls_blas *blas = mls_blas(err);

    if (size > 0)
        text[0] = '\0';
    if (!blas)
        return false;
    const char *config = blas->config();
    snprintf(text, size, "%.*s (core %s), LAPACK", name_and_number(config),
             config, blas->core());
    return true;
}
