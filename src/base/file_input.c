/*
 * Input, in four stages of which each knows only the one before:
 *
 *     fetch    bytes as stored: from the file, or from a pipe while a copy
 *              goes to the spool, or from the spool after a rewind
 *     unpack   bytes as written: gzip members or zstd frames one after another
 *     keep     when asked: what was unpacked, by its place
 *     read     what the caller sees
 *
 * The spool is a file without a name: it goes when the process goes, whatever
 * happens.  It holds the stored (compressed) bytes, the fewer of the two.  A
 * standard input that is redirected from a regular file needs no spool: it is
 * read again from where it stood.
 *
 * A gzip file may be followed by zero bytes (tapes and some block stores pad
 * with them), as gzip itself allows; anything else after a member is damage.
 */
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/file_detail.h"
#include "base/file_held.h"
#include "base/memory.h"

#define BUFFER_BYTES (256 * 1024)
#define FIRST_READ (64 * 1024)
#define PIPE_BYTES (1 << 20)

struct mls_input {
    char *name;                 /* as shown in errors */
    int fd, spool;              /* -1: none */
    bool rewindable, regular;
    bool from_spool;            /* after a rewind */
    bool fetched_all;
    int64_t start;              /* offset of the first byte of a regular file */
    int64_t size, at;           /* stored bytes; size -1 when unknown */

    enum mls_packing packing;
    char *buffer;               /* stored bytes: [used, filled) are to come */
    size_t used, filled;
    bool within;                /* inside of a member or frame */
    bool any;                   /* at least one has begun */
    bool unpacked_all;
    z_stream gzip;
    bool gzip_ready;
    ZSTD_DCtx *zstd;

    bool keeping;
    struct mls_held held;
    int64_t place;              /* of the next byte that is read */
    bool ended;                 /* nothing comes behind what is held */
    struct mls_error failure;   /* of fetching; code 0: none */
};

/* ---- Opening ----------------------------------------------------------- */

static bool open_file(struct mls_input *in, const char *path,
                      struct mls_error *err)
{
    struct stat info;

    /* dup: closing the input must not close the process's stdin. */
    in->fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                    : open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0 || fstat(in->fd, &info) != 0) {
        return mls_fail_errno(err, in->name, "cannot open it", errno);
    }
    if (S_ISDIR(info.st_mode)) {
        return mls_fail_errno(err, in->name, "cannot read it", EISDIR);
    }
    in->size = -1;
    if (S_ISREG(info.st_mode)) {
        off_t start = lseek(in->fd, 0, SEEK_CUR);

        in->regular = true;
        in->start = start < 0 ? 0 : (int64_t)start;
        in->size = (int64_t)info.st_size - in->start;
        in->size = in->size < 0 ? 0 : in->size;
    }
    /* Fewer turns between the two ends; when refused, it stays as it was. */
    if (S_ISFIFO(info.st_mode))
        (void)fcntl(in->fd, F_SETPIPE_SZ, PIPE_BYTES);
    return true;
}

static bool open_spool(struct mls_input *in, struct mls_error *err)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];

    if (!in->rewindable || in->regular) {
        return true;
    }
    folder = folder && folder[0] == '/' ? folder : "/tmp";
    in->spool = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (in->spool < 0) {
        /* Not every file system makes files without a name. */
        if (snprintf(path, sizeof(path), "%s/mlspec.XXXXXX", folder)
            >= (int)sizeof(path)) {
            return mls_fail_errno(err, folder, "cannot make a temporary file",
                                  ENAMETOOLONG);
        }
        in->spool = mkostemp(path, O_CLOEXEC);
        if (in->spool >= 0) {
            unlink(path);
        }
    }
    if (in->spool < 0) {
        mls_fail_errno(err, folder, "cannot make a temporary file", errno);
        return mls_fail_fix(err, "set TMPDIR to a folder that can be written");
    }
    return true;
}

/* Makes the unpacker ready for the first byte. */
static bool start_unpacking(struct mls_input *in, struct mls_error *err)
{
    bool ok = true;

    in->used = in->filled = 0;
    in->within = in->any = in->unpacked_all = false;
    if (in->packing == MLS_PACK_GZIP) {
        if (in->gzip_ready) {
            ok = inflateReset(&in->gzip) == Z_OK;
        } else {
            mls_zlib_hooks(&in->gzip);
            ok = inflateInit2(&in->gzip, 15 + 16) == Z_OK;
            in->gzip_ready = ok;
        }
    } else if (in->packing == MLS_PACK_ZSTD) {
        if (!in->zstd) {
            in->zstd = ZSTD_createDCtx();
        }
        ok = in->zstd
            && !ZSTD_isError(ZSTD_DCtx_reset(in->zstd,
                                             ZSTD_reset_session_only));
    }
    return ok || mls_fail_memory(err, 1, BUFFER_BYTES, "decompression");
}

struct mls_input *mls_input_open(const char *path, bool rewindable,
                                 struct mls_error *err)
{
    struct mls_input *in = mls_new(1, sizeof(*in), err);

    if (!in) {
        return NULL;
    }
    mls_held_init(&in->held);
    in->fd = in->spool = -1;
    in->rewindable = rewindable;
    in->packing = mls_packing_of(path);
    in->name = mls_copy_text(strcmp(path, "-") == 0 ? "<stdin>" : path, err);
    if (in->name && in->packing != MLS_PACK_NONE) {
        in->buffer = mls_new(BUFFER_BYTES, 1, err);
    }
    if (!in->name || (in->packing != MLS_PACK_NONE && !in->buffer)
        || !open_file(in, path, err) || !open_spool(in, err)
        || !start_unpacking(in, err)) {
        mls_input_close(in);
        return NULL;
    }
    return in;
}

void mls_input_close(struct mls_input *in)
{
    if (!in) {
        return;
    }
    if (in->gzip_ready) {
        inflateEnd(&in->gzip);
    }
    ZSTD_freeDCtx(in->zstd);
    if (in->fd >= 0) {
        close(in->fd);
    }
    if (in->spool >= 0) {
        close(in->spool);
    }
    mls_held_clear(&in->held);
    mls_free(in->buffer);
    mls_free(in->name);
    mls_free(in);
}

/* ---- Fetching ---------------------------------------------------------- */

static bool spool_bytes(struct mls_input *in, const char *bytes, size_t size,
                        struct mls_error *err)
{
    while (size > 0) {
        ssize_t n = write(in->spool, bytes, size);

        if (n < 0 && errno != EINTR) {
            mls_fail_errno(err, in->name, "cannot keep it for a second pass",
                           errno);
            return mls_fail_fix(err, "set TMPDIR to a folder with more room, "
                                "or give a file instead of a pipe");
        }
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        }
    }
    return true;
}

/* Up to size stored bytes; *got 0 at the end only. */
static bool fetch(struct mls_input *in, char *bytes, size_t size, size_t *got,
                  struct mls_error *err)
{
    ssize_t n = 0;

    if (!in->fetched_all && size > 0) {
        do {
            n = read(in->from_spool ? in->spool : in->fd, bytes, size);
        } while (n < 0 && errno == EINTR);
        if (n < 0) {
            return mls_fail_errno(err, in->name, "cannot read it", errno);
        }
        /* A terminal may go on after its end: once is enough. */
        in->fetched_all = n == 0;
        in->at += n;
    }
    *got = (size_t)n;
    return n == 0 || in->spool < 0 || in->from_spool
        || spool_bytes(in, bytes, *got, err);
}

/* ---- Unpacking --------------------------------------------------------- */

static bool damaged(const struct mls_input *in, const char *what,
                    struct mls_error *err)
{
    mls_fail(err, MLS_IO, "%s", what);
    mls_fail_fix(err, "copy or compress it again");
    return mls_fail_at(err, in->name, 0, 0, NULL);
}

static bool cut_short(const struct mls_input *in, struct mls_error *err)
{
    return damaged(in, "the compressed data ends too early", err);
}

static bool gzip_failed(const struct mls_input *in, int status,
                        struct mls_error *err)
{
    if (status == Z_MEM_ERROR) {
        return mls_fail_memory(err, 1, BUFFER_BYTES, "decompression");
    }
    if (in->gzip.total_in < 10 && !in->any) { /* within the first header */
        damaged(in, "it is not gzip data", err);
        return mls_fail_fix(err, "take .gz off its name when it is not "
                            "compressed");
    }
    return damaged(in, "the gzip data is damaged", err);
}

/* Between members: zeros up to the end are padding. */
static void skip_padding(struct mls_input *in)
{
    while (in->any && in->used < in->filled && in->buffer[in->used] == '\0') {
        in->used++;
    }
}

/* Turns some of the buffer into bytes; *got may be 0 before the end. */
static bool unpack_gzip(struct mls_input *in, char *bytes, size_t size,
                        size_t *got, struct mls_error *err)
{
    z_stream *z = &in->gzip;
    int status;

    *got = 0;
    if (!in->within) {
        skip_padding(in);
        if (in->used == in->filled) {
            return true;
        }
        in->within = true;
    }
    z->next_in = (Bytef *)(in->buffer + in->used);
    z->avail_in = (uInt)(in->filled - in->used);
    z->next_out = (Bytef *)bytes;
    z->avail_out = size > BUFFER_BYTES ? BUFFER_BYTES : (uInt)size;
    size = z->avail_out;
    status = inflate(z, Z_NO_FLUSH);
    in->used = in->filled - z->avail_in;
    *got = size - z->avail_out;
    if (status == Z_STREAM_END) {
        in->within = false;
        in->any = true;
        status = inflateReset(z);
    }
    return status == Z_OK || status == Z_BUF_ERROR
        || gzip_failed(in, status, err);
}

static bool unpack_zstd(struct mls_input *in, char *bytes, size_t size,
                        size_t *got, struct mls_error *err)
{
    ZSTD_inBuffer from = { in->buffer, in->filled, in->used };
    ZSTD_outBuffer to = { bytes, size, 0 };
    size_t left;

    *got = 0;
    if (!in->within && in->used == in->filled) {
        return true;
    }
    left = ZSTD_decompressStream(in->zstd, &to, &from);
    if (ZSTD_isError(left)) {
        mls_fail(err, MLS_IO, "%s (%s)",
                 in->any || to.pos > 0 ? "the zstd data is damaged"
                                       : "it is not zstd data, or is damaged",
                 ZSTD_getErrorName(left));
        mls_fail_fix(err, "copy or compress it again; take .zst off its name "
                     "when it is not compressed");
        return mls_fail_at(err, in->name, 0, 0, NULL);
    }
    in->used = from.pos;
    in->within = left != 0;
    in->any = true;
    *got = to.pos;
    return true;
}

static bool unpack(struct mls_input *in, char *bytes, size_t size, size_t *got,
                   struct mls_error *err)
{
    *got = 0;
    while (!in->unpacked_all) {
        bool ok = in->packing == MLS_PACK_GZIP
            ? unpack_gzip(in, bytes, size, got, err)
            : unpack_zstd(in, bytes, size, got, err);

        if (!ok || *got > 0) {
            return ok;
        }
        if (in->used < in->filled) {
            continue;
        }
        in->used = 0;
        if (!fetch(in, in->buffer, BUFFER_BYTES, &in->filled, err)) {
            in->filled = 0;
            return false;
        }
        if (in->filled == 0) {
            if (in->within || !in->any) {
                return cut_short(in, err);
            }
            in->unpacked_all = true;
        }
    }
    return true;
}

/* What failed once is not tried again. */
static bool produce(struct mls_input *in, char *bytes, size_t size,
                    size_t *got, struct mls_error *err)
{
    struct mls_error why = { 0 };
    bool ok = in->failure.code == 0;

    *got = 0;
    if (ok) {
        ok = in->packing == MLS_PACK_NONE ? fetch(in, bytes, size, got, &why)
                                          : unpack(in, bytes, size, got, &why);
        in->failure = why;
    }
    if (!ok && err) {
        *err = in->failure;
    }
    return ok;
}

/* ---- Keeping ----------------------------------------------------------- */

void mls_input_keep(struct mls_input *in, bool keep)
{
    if (mls_input_is_direct(in) || keep == in->keeping) {
        return;
    }
    if (keep && in->held.end <= in->place) {
        mls_held_start(&in->held, in->place);
    }
    in->keeping = keep;
}

bool mls_input_fetch(struct mls_input *in, int64_t to, struct mls_error *err)
{
    while (in->held.end < to && !in->ended) {
        size_t room, got;
        char *bytes = mls_held_room(&in->held, &room, err);

        if (!bytes || !produce(in, bytes, room, &got, err)) {
            return false;
        }
        mls_held_added(&in->held, got);
        in->ended = got == 0;
    }
    return true;
}

int64_t mls_input_kept(const struct mls_input *in, bool *ended)
{
    *ended = in->ended;
    return in->held.end;
}

void mls_input_drop(struct mls_input *in, int64_t before)
{
    if (in->keeping) {
        mls_held_drop(&in->held, before);
    }
}

bool mls_input_read(struct mls_input *in, char *bytes, size_t size,
                    size_t *got, struct mls_error *err)
{
    bool ok;

    *got = 0;
    if (size == 0) {
        return true;
    }
    if (!in->keeping && in->place >= in->held.end) {
        ok = produce(in, bytes, size, got, err);
    } else {
        ok = in->place < in->held.end
            || mls_input_fetch(in, in->place + 1, err);
        *got = ok ? mls_held_copy(&in->held, in->place, bytes, size) : 0;
    }
    in->place += (int64_t)*got;
    if (!in->keeping) {
        mls_held_drop(&in->held, in->place);
    }
    return ok;
}

/* ---- The rest ---------------------------------------------------------- */

/* What the pipe still holds, into the spool. */
static bool spool_rest(struct mls_input *in, struct mls_error *err)
{
    char *bytes;
    size_t got = 1;
    bool ok = true;

    if (in->spool < 0 || in->from_spool || in->fetched_all) {
        return true;
    }
    bytes = mls_new(BUFFER_BYTES, 1, err);
    if (!bytes) {
        return false;
    }
    while (ok && got > 0) {
        ok = fetch(in, bytes, BUFFER_BYTES, &got, err);
    }
    mls_free(bytes);
    return ok;
}

bool mls_input_rewind(struct mls_input *in, struct mls_error *err)
{
    int fd;
    off_t start;

    if (!in->rewindable) {
        mls_fail(err, MLS_IO, "it can be read only once");
        return mls_fail_at(err, in->name, 0, 0, NULL);
    }
    if (!spool_rest(in, err)) {
        return false;
    }
    if (in->spool >= 0 && !in->from_spool) {
        in->from_spool = true;
        in->size = in->at;
    }
    fd = in->from_spool ? in->spool : in->fd;
    start = in->from_spool ? 0 : (off_t)in->start;
    if (lseek(fd, start, SEEK_SET) != start) {
        return mls_fail_errno(err, in->name, "cannot go back to its start",
                              errno);
    }
    in->at = in->place = 0;
    in->fetched_all = in->ended = false;
    in->failure = (struct mls_error){ 0 };
    mls_held_start(&in->held, 0);
    return start_unpacking(in, err);
}

bool mls_input_seek(struct mls_input *in, int64_t at, struct mls_error *err)
{
    off_t place = (off_t)(in->start + at);

    if (!mls_input_is_direct(in)) {
        assert(at >= in->held.first && at <= in->held.end);
        in->place = at;
        return true;
    }
    if (lseek(in->fd, place, SEEK_SET) != place) {
        return mls_fail_errno(err, in->name, "cannot read it", errno);
    }
    in->at = at;
    in->fetched_all = false;
    return true;
}

const char *mls_input_name(const struct mls_input *in)
{
    return in->name;
}

int64_t mls_input_size(const struct mls_input *in)
{
    return in->size;
}

int64_t mls_input_at(const struct mls_input *in)
{
    return in->at - (int64_t)(in->filled - in->used);
}

bool mls_input_is_direct(const struct mls_input *in)
{
    return in->regular && in->packing == MLS_PACK_NONE;
}

bool mls_input_read_at(struct mls_input *in, int64_t at, char *bytes,
                       size_t size, size_t *got, struct mls_error *err)
{
    *got = 0;
    if (!mls_input_is_direct(in)) {
        *got = mls_held_copy(&in->held, at, bytes, size);
        return true;
    }
    while (*got < size) {
        ssize_t n = pread(in->fd, bytes + *got, size - *got,
                          (off_t)(in->start + at + (int64_t)*got));

        if (n < 0 && errno != EINTR) {
            return mls_fail_errno(err, in->name, "cannot read it", errno);
        }
        if (n == 0) {
            break;
        }
        *got += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool too_large(const struct mls_input *in, int64_t limit,
                      struct mls_error *err)
{
    mls_fail(err, MLS_IO, "it is larger than %lld bytes", (long long)limit);
    return mls_fail_at(err, in->name, 0, 0, NULL);
}

/* Doubles *bytes, which has no realloc because of its alignment. */
static bool enlarge(char **bytes, size_t length, size_t *capacity,
                    struct mls_error *err)
{
    size_t wanted = *capacity * 2;
    char *larger = mls_new_array((int64_t)wanted, 1, err);

    if (!larger) {
        return false;
    }
    memcpy(larger, *bytes, length);
    mls_free(*bytes);
    *bytes = larger;
    *capacity = wanted;
    return true;
}

/* One byte more than the file has: it tells the end without growing, and holds
 * a NUL for those who take the bytes as text. */
static char *read_all(struct mls_input *in, int64_t limit, size_t *length,
                      struct mls_error *err)
{
    bool known = in->packing == MLS_PACK_NONE && in->size >= 0;
    size_t capacity, used = 0, got = 1;
    char *bytes;

    if (known && in->size > limit) {
        too_large(in, limit, err);
        return NULL;
    }
    capacity = known && in->size >= FIRST_READ ? (size_t)in->size + 1
                                               : FIRST_READ;
    bytes = mls_new_array((int64_t)capacity, 1, err);
    while (bytes && got > 0) {
        bool ok = used < capacity || enlarge(&bytes, used, &capacity, err);

        ok = ok && mls_input_read(in, bytes + used, capacity - used, &got, err);
        used += ok ? got : 0;
        if (ok && used > 0 && (uint64_t)used > (uint64_t)limit) {
            ok = too_large(in, limit, err);
        }
        if (!ok) {
            mls_free(bytes);
            return NULL;
        }
    }
    if (bytes) {
        bytes[used] = '\0';
        *length = used;
    }
    return bytes;
}

char *mls_file_read(const char *path, int64_t limit, size_t *length,
                    struct mls_error *err)
{
    struct mls_input *in = mls_input_open(path, false, err);
    char *bytes = NULL;

    if (in) {
        bytes = read_all(in, limit, length, err);
        mls_input_close(in);
    }
    return bytes;
}
