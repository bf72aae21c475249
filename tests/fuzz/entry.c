/* One target, FUZZ_TARGET, as a libFuzzer program. */
#include "fuzz.h"

#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    int64_t live = mls_memory_live();

    FUZZ_TARGET(bytes, length);
    FUZZ_CHECK(mls_memory_live() == live, "memory is left");
    return 0;
}
