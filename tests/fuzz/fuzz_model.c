/* Any bytes as a model file.  The checksum would stop nearly all of them, so it
 * is made right first, where there is room for one. */
#include <string.h>
#include <xxhash.h>

#include "fuzz.h"
#include "mlspec/pipeline.h"

#define DIGITS 32

static const char key[] = "\"checksum\":\"";

static void make_right(uint8_t *bytes, size_t length)
{
    uint8_t *at = memmem(bytes, length, key, sizeof(key) - 1);
    XXH128_hash_t sum;
    char hex[DIGITS + 1];

    if (at == NULL || (size_t)(bytes + length - at) < sizeof(key) - 1 + DIGITS)
        return;
    at += sizeof(key) - 1;
    memset(at, '0', DIGITS);
    sum = XXH3_128bits(bytes, length);
    snprintf(hex, sizeof(hex), "%016llx%016llx",
             (unsigned long long)sum.high64, (unsigned long long)sum.low64);
    memcpy(at, hex, DIGITS);
}

void fuzz_model(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length + 1);
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    FUZZ_CHECK(copy != NULL, "no memory");
    if (length > 0)
        memcpy(copy, bytes, length);
    make_right(copy, length);
    p = mls_pipeline_load(fuzz_file(copy, length), &err);
    free(copy);
    if (p == NULL)
        fuzz_check_error(&err);
    mls_pipeline_free(p);
}
