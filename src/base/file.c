/*
 * What files have in common: reasons in words, compression by name, identity.
 */
#include "base/file.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/file_detail.h"
#include "base/memory.h"

struct reason {
    int number;
    const char *what, *fix;
};

static const struct reason reasons[] = {
    { ENOENT, "there is no such file or folder", "check the name and its folder" },
    { ENOTDIR, "a part of its path is not a folder", "check the name" },
    { EISDIR, "it is a folder", "give the name of a file" },
    { EACCES, "permission denied", "change its permissions or its folder's, or choose another place" },
    { EPERM, "it is not permitted", "choose another place" },
    { EROFS, "the file system is read-only", "choose another place" },
    { ENOSPC, "the disk is full", "free some room there, or choose another disk" },
    { EDQUOT, "the disk quota is used up", "free some room there, or choose another disk" },
    { EFBIG, "it would pass the largest file size allowed", "raise the limit, or choose another disk" },
    { EPIPE, "the reader has gone", "keep the program that reads it running" },
    { ENAMETOOLONG, "its name is too long", "choose a shorter name" },
    { ELOOP, "its symbolic links form a circle", "check where they lead" },
    { EMFILE, "this process has too many open files", "raise the limit with ulimit -n" },
    { ENFILE, "the system has too many open files", "close other programs" },
    { EIO, "the device reports an error", "check the disk or the network" },
    { EBADF, "it is not open", "give a file, or redirect one into the program" },
    { ETXTBSY, "it is a program that runs", "choose another name" },
};

bool mls_fail_errno(struct mls_error *err, const char *path,
                    const char *doing, int number)
{
    size_t i;

    for (i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
        if (reasons[i].number == number) {
            mls_fail(err, MLS_IO, "%s: %s", doing, reasons[i].what);
            mls_fail_fix(err, "%s", reasons[i].fix);
            return mls_fail_at(err, path, 0, 0, NULL);
        }
    }
    mls_fail(err, MLS_IO, "%s: system error %d", doing, number);
    return mls_fail_at(err, path, 0, 0, NULL);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n > m && strcmp(text + n - m, end) == 0;
}

enum mls_packing mls_packing_of(const char *path)
{
    return ends_with(path, ".gz") ? MLS_PACK_GZIP
        : ends_with(path, ".zst") ? MLS_PACK_ZSTD : MLS_PACK_NONE;
}

static voidpf zlib_alloc(voidpf opaque, uInt count, uInt size)
{
    (void)opaque;
    return mls_hook_alloc((size_t)count * size);
}

static void zlib_free(voidpf opaque, voidpf pointer)
{
    (void)opaque;
    mls_free(pointer);
}

void mls_zlib_hooks(z_stream *stream)
{
    memset(stream, 0, sizeof(*stream));
    stream->zalloc = zlib_alloc;
    stream->zfree = zlib_free;
}

bool mls_same_file(const char *a, const char *b)
{
    struct stat first, second;

    return stat(a, &first) == 0 && stat(b, &second) == 0
        && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}
