/* What several targets need. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

const char *fuzz_file(const uint8_t *bytes, size_t length)
{
    static char path[64];
    static int fd = -1;
    size_t done = 0;

    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        FUZZ_CHECK(fd >= 0, "no file in memory");
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    FUZZ_CHECK(ftruncate(fd, 0) == 0, "cannot empty it");
    while (done < length) {
        ssize_t n = pwrite(fd, bytes + done, length - done, (off_t)done);

        FUZZ_CHECK(n > 0, "cannot fill it");
        done += (size_t)n;
    }
    return path;
}

void fuzz_check_error(const struct mls_error *err)
{
    FUZZ_CHECK(err->code != 0, "a failure without a code");
    FUZZ_CHECK(err->what[0] != '\0', "a failure that says nothing");
    FUZZ_CHECK(strlen(err->what) < sizeof(err->what), "no end");
}
