/*
 * Output that is complete or not there:
 *
 *     open     FOLDER/.NAME.XXXXXX beside FOLDER/NAME
 *     write    buffer -> gzip or zstd by the name -> file
 *     commit   flush, fsync, rename over NAME, fsync of FOLDER
 *
 * All of it goes by a descriptor of the folder, so that a folder that is moved
 * or a change of the current one cannot lead the rename astray.
 *
 * A device, pipe or socket, and the process's own descriptors (/dev/stdout,
 * /dev/fd/3) are written directly: there is nothing to replace.
 *
 * Unfinished files are listed in a fixed table that a signal handler can read:
 * descriptor and name of each, in memory that is never freed.  Each entry has a
 * state that only one side can move on:
 *
 *     FREE -> LIVE -> FREE           the owner, when it commits or aborts
 *             LIVE -> DYING -> GONE  abort_all, which then unlinks
 *
 * so neither ever sees a name that the other is changing.
 */
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/file_detail.h"
#include "base/memory.h"
#include "base/random.h"

#define BUFFER_BYTES (256 * 1024)
#define DIRECT_BYTES (32 * 1024)
#define MOST_OPEN 64
#define MOST_LINKS 40
#define RANDOM_LETTERS 6

enum state { FREE, LIVE, DYING, GONE };

struct unfinished {
    _Atomic int state;
    int folder;
    char name[NAME_MAX + 1];
};

static struct unfinished unfinished[MOST_OPEN];
static pthread_mutex_t unfinished_mutex = PTHREAD_MUTEX_INITIALIZER;

struct mls_output {
    char *name;                 /* as shown in errors */
    char *base;                 /* of the file to replace, in folder */
    int fd, folder;             /* folder -1: written directly */
    mode_t mode;                /* of the file that is replaced, or 0 */
    struct unfinished *entry;
    bool failed;

    enum mls_packing packing;
    char *buffer;               /* plain bytes to come */
    size_t used;
    char *packed;               /* room for compressed ones */
    z_stream gzip;
    bool gzip_ready;
    ZSTD_CCtx *zstd;
};

/* ---- The table of unfinished files ------------------------------------- */

void mls_output_abort_all(void)
{
    int kept = errno, i;

    for (i = 0; i < MOST_OPEN; i++) {
        int live = LIVE;

        if (atomic_compare_exchange_strong(&unfinished[i].state, &live,
                                           DYING)) {
            unlinkat(unfinished[i].folder, unfinished[i].name, 0);
            atomic_store(&unfinished[i].state, GONE);
        }
    }
    errno = kept;
}

static struct unfinished *free_entry(void)
{
    int i;

    for (i = 0; i < MOST_OPEN; i++) {
        if (atomic_load(&unfinished[i].state) == FREE) {
            return &unfinished[i];
        }
    }
    return NULL;
}

/* False when abort_all is at it just now in another thread: the descriptor of
 * the folder must then stay open. */
static bool release(struct unfinished *entry)
{
    int state = LIVE;

    if (!atomic_compare_exchange_strong(&entry->state, &state, FREE)) {
        state = GONE;
        return atomic_compare_exchange_strong(&entry->state, &state, FREE);
    }
    return true;
}

/* ---- Where to write ---------------------------------------------------- */

/* The descriptor that a name such as /dev/fd/3 means; -1 for other names. */
static int named_descriptor(const char *path)
{
    static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
    size_t i;

    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0) {
        return STDOUT_FILENO;
    }
    if (strcmp(path, "/dev/stderr") == 0) {
        return STDERR_FILENO;
    }
    for (i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        size_t n = strlen(folders[i]);
        int fd = 0;

        if (strncmp(path, folders[i], n) != 0 || !path[n]) {
            continue;
        }
        for (path += n; *path >= '0' && *path <= '9' && fd < 100000; path++) {
            fd = fd * 10 + (*path - '0');
        }
        return *path ? -1 : fd;
    }
    return -1;
}

/* The text before the last slash, as a folder: "/" for "/a", "." for "a". */
static bool folder_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;

    if (n >= PATH_MAX) {
        return false;
    }
    memcpy(folder, path, n);
    folder[n] = '\0';
    if (n == 0) {
        folder[n++] = slash ? '/' : '.';
        folder[n] = '\0';
    }
    return true;
}

/* Follows the symbolic links of path in place, to a name that may not exist.
 * Returns 0 or an errno. */
static int follow_links(char path[PATH_MAX])
{
    int links;

    for (links = 0; links < MOST_LINKS; links++) {
        char target[PATH_MAX], folder[PATH_MAX], joined[2 * PATH_MAX + 1];
        ssize_t n = readlink(path, target, sizeof(target) - 1);

        if (n < 0) {
            /* EINVAL: no link.  What else is wrong, opening will tell. */
            return 0;
        }
        target[n] = '\0';
        if (target[0] != '/' && !folder_of(path, folder)) {
            return ENAMETOOLONG;
        }
        snprintf(joined, sizeof(joined), "%s%s%s",
                 target[0] == '/' ? "" : folder, target[0] == '/' ? "" : "/",
                 target);
        if (strlen(joined) >= PATH_MAX) {
            return ENAMETOOLONG;
        }
        memcpy(path, joined, strlen(joined) + 1);
    }
    return ELOOP;
}

/* ---- Opening ----------------------------------------------------------- */

static bool cannot_open(struct mls_output *out, int number,
                        struct mls_error *err)
{
    return mls_fail_errno(err, out->name, "cannot write it", number);
}

static bool open_direct(struct mls_output *out, const char *path,
                        int descriptor, struct mls_error *err)
{
    out->fd = descriptor >= 0 ? fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
                              : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return out->fd >= 0 || cannot_open(out, errno, err);
}

/* ".NAME.XXXXXX", the name cut when it would be too long for a folder. */
static void temporary_name(const char *base, char name[NAME_MAX + 1])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char end[RANDOM_LETTERS + 1] = "";
    uint64_t bits = 0;
    int i, room = NAME_MAX - RANDOM_LETTERS - 2;

    if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits)) {
        static _Atomic uint64_t calls;

        bits = mls_random((uint64_t)getpid(), 0, atomic_fetch_add(&calls, 1));
    }
    for (i = 0; i < RANDOM_LETTERS; i++) {
        end[i] = letters[bits % (sizeof(letters) - 1)];
        bits /= sizeof(letters) - 1;
    }
    snprintf(name, NAME_MAX + 1, ".%.*s.%s", room, base, end);
}

/* A new file under a free name, and its entry.  Returns 0 or an errno. */
static int create(struct mls_output *out, struct unfinished *entry)
{
    mode_t mode = out->mode ? out->mode & 0666 : 0666;
    int tries;

    for (tries = 0; tries < 100; tries++) {
        temporary_name(out->base, entry->name);
        out->fd = openat(out->folder, entry->name,
                         O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (out->fd >= 0) {
            entry->folder = out->folder;
            atomic_store(&entry->state, LIVE);
            out->entry = entry;
            return 0;
        }
        if (errno != EEXIST) {
            return errno;
        }
    }
    return EEXIST;
}

/* Signals wait, so that none comes between the file and its entry. */
static bool create_listed(struct mls_output *out, struct mls_error *err)
{
    struct unfinished *entry;
    sigset_t all, before;
    int failure;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&unfinished_mutex);
    entry = free_entry();
    failure = entry ? create(out, entry) : EMFILE;
    pthread_mutex_unlock(&unfinished_mutex);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        return cannot_open(out, failure, err);
    }
    /* The old file's permissions, which umask may have cut. */
    if (out->mode && fchmod(out->fd, out->mode & 0777) != 0) {
        return cannot_open(out, errno, err);
    }
    return true;
}

static bool no_folder(struct mls_output *out, const char *folder, int number,
                      struct mls_error *err)
{
    cannot_open(out, number, err);
    if (number == ENOENT) {
        mls_fail(err, MLS_IO, "cannot write it: its folder %s does not exist",
                 mls_show_text(folder).text);
        mls_fail_at(err, out->name, 0, 0, NULL);
        return mls_fail_fix(err, "make the folder first: mkdir -p %s",
                            mls_show_text(folder).text);
    }
    return false;
}

static bool open_beside(struct mls_output *out, char path[PATH_MAX],
                        struct mls_error *err)
{
    char folder[PATH_MAX];
    const char *slash;
    struct stat info;
    int failure = follow_links(path);

    if (failure == 0 && !folder_of(path, folder)) {
        failure = ENAMETOOLONG;
    }
    if (failure != 0) {
        return cannot_open(out, failure, err);
    }
    slash = strrchr(path, '/');
    out->base = mls_copy_text(slash ? slash + 1 : path, err);
    if (!out->base) {
        return false;
    }
    if (out->base[0] == '\0' || strlen(out->base) > NAME_MAX) {
        return cannot_open(out, out->base[0] ? ENAMETOOLONG : EISDIR, err);
    }
    out->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (out->folder < 0) {
        return no_folder(out, folder, errno, err);
    }
    if (fstatat(out->folder, out->base, &info, 0) == 0) {
        if (S_ISDIR(info.st_mode)) {
            return cannot_open(out, EISDIR, err);
        }
        /* A rename would not ask: whoever protected it meant it. */
        if (faccessat(out->folder, out->base, W_OK, AT_EACCESS) != 0) {
            return cannot_open(out, errno, err);
        }
        out->mode = info.st_mode & 0777;
    }
    return create_listed(out, err);
}

static bool open_target(struct mls_output *out, const char *path,
                        struct mls_error *err)
{
    char target[PATH_MAX];
    int descriptor = named_descriptor(path);
    struct stat info;

    if (descriptor >= 0) {
        return open_direct(out, path, descriptor, err);
    }
    if (strlen(path) >= sizeof(target)) {
        return cannot_open(out, ENAMETOOLONG, err);
    }
    if (path[0] == '\0') {
        return cannot_open(out, ENOENT, err);
    }
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)
        && !S_ISDIR(info.st_mode)) {
        return open_direct(out, path, -1, err);
    }
    memcpy(target, path, strlen(path) + 1);
    return open_beside(out, target, err);
}

static bool start_packing(struct mls_output *out, struct mls_error *err)
{
    bool ok = true;

    if (out->packing == MLS_PACK_NONE) {
        return true;
    }
    out->packed = mls_new(BUFFER_BYTES, 1, err);
    if (!out->packed) {
        return false;
    }
    if (out->packing == MLS_PACK_GZIP) {
        mls_zlib_hooks(&out->gzip);
        ok = deflateInit2(&out->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                          15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
        out->gzip_ready = ok;
    } else {
        out->zstd = ZSTD_createCCtx();
        ok = out->zstd
            && !ZSTD_isError(ZSTD_CCtx_setParameter(out->zstd,
                                                    ZSTD_c_checksumFlag, 1));
    }
    return ok || mls_fail_memory(err, 1, BUFFER_BYTES, "compression");
}

struct mls_output *mls_output_open(const char *path, struct mls_error *err)
{
    struct mls_output *out = mls_new(1, sizeof(*out), err);

    if (!out) {
        return NULL;
    }
    out->fd = out->folder = -1;
    out->packing = mls_packing_of(path);
    out->name = mls_copy_text(strcmp(path, "-") == 0 ? "<stdout>" : path, err);
    out->buffer = out->name ? mls_new(BUFFER_BYTES, 1, err) : NULL;
    if (!out->buffer || !start_packing(out, err)
        || !open_target(out, path, err)) {
        mls_output_abort(out);
        return NULL;
    }
    return out;
}

/* ---- Writing ----------------------------------------------------------- */

static bool cannot_write(struct mls_output *out, int number,
                         struct mls_error *err)
{
    out->failed = true;
    return mls_fail_errno(err, out->name, "cannot write it", number);
}

static bool store(struct mls_output *out, const char *bytes, size_t length,
                  struct mls_error *err)
{
    while (length > 0) {
        ssize_t n = write(out->fd, bytes, length);

        if (n < 0 && errno != EINTR) {
            return cannot_write(out, errno, err);
        }
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        }
    }
    return true;
}

static bool pack_gzip(struct mls_output *out, bool last, struct mls_error *err)
{
    z_stream *z = &out->gzip;
    int status;

    z->next_in = (Bytef *)out->buffer;
    z->avail_in = (uInt)out->used;
    do {
        z->next_out = (Bytef *)out->packed;
        z->avail_out = BUFFER_BYTES;
        status = deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
        assert(status != Z_STREAM_ERROR);
        if (!store(out, out->packed, BUFFER_BYTES - z->avail_out, err)) {
            return false;
        }
    } while (last ? status != Z_STREAM_END : z->avail_out == 0);
    return true;
}

static bool pack_zstd(struct mls_output *out, bool last, struct mls_error *err)
{
    ZSTD_inBuffer from = { out->buffer, out->used, 0 };
    bool more;

    do {
        ZSTD_outBuffer to = { out->packed, BUFFER_BYTES, 0 };
        size_t left = ZSTD_compressStream2(out->zstd, &to, &from,
                                           last ? ZSTD_e_end
                                                : ZSTD_e_continue);

        if (ZSTD_isError(left)) { /* its working memory, at the first call */
            out->failed = true;
            return mls_fail_memory(err, 1, BUFFER_BYTES, "compression");
        }
        if (!store(out, out->packed, to.pos, err)) {
            return false;
        }
        more = last ? left > 0 : from.pos < from.size;
    } while (more);
    return true;
}

/* Empties the buffer; last ends the compressed data. */
static bool flush(struct mls_output *out, bool last, struct mls_error *err)
{
    bool ok;

    switch (out->packing) {
    case MLS_PACK_GZIP:
        ok = pack_gzip(out, last, err);
        break;
    case MLS_PACK_ZSTD:
        ok = pack_zstd(out, last, err);
        break;
    default:
        ok = store(out, out->buffer, out->used, err);
        break;
    }
    out->used = 0;
    return ok;
}

/* What was half written must not be committed after all. */
static bool failed_before(struct mls_output *out, struct mls_error *err)
{
    mls_fail(err, MLS_IO, "an earlier write to it failed");
    return mls_fail_at(err, out->name, 0, 0, NULL);
}

bool mls_output_write(struct mls_output *out, const char *bytes, size_t length,
                      struct mls_error *err)
{
    if (out->failed) {
        return failed_before(out, err);
    }
    /* A large piece needs no copy. */
    if (out->packing == MLS_PACK_NONE && length >= DIRECT_BYTES) {
        return flush(out, false, err) && store(out, bytes, length, err);
    }
    while (length > 0) {
        size_t n = BUFFER_BYTES - out->used;

        n = n < length ? n : length;
        memcpy(out->buffer + out->used, bytes, n);
        out->used += n;
        bytes += n;
        length -= n;
        if (out->used == BUFFER_BYTES && !flush(out, false, err)) {
            return false;
        }
    }
    return true;
}

/* ---- Ending ------------------------------------------------------------ */

/* Some file systems and devices have no fsync, or need none. */
static bool sync_fd(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP
        || errno == EROFS;
}

/* A folder that may be written but not read cannot be synced: let it be. */
static bool sync_folder(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd < 0 || sync_fd(fd);
    int kept = errno;

    if (fd >= 0) {
        close(fd);
    }
    errno = kept;
    return ok;
}

static bool close_file(struct mls_output *out)
{
    int fd = out->fd;

    out->fd = -1;
    return fd < 0 || close(fd) == 0 || errno == EINTR;
}

/* Removes the unfinished file; committed: it has its name now. */
static void end_entry(struct mls_output *out, bool committed)
{
    struct unfinished *entry = out->entry;

    out->entry = NULL;
    if (!entry) {
        return;
    }
    if (!committed) {
        unlinkat(out->folder, entry->name, 0);
    }
    if (!release(entry)) {
        out->folder = -1;
    }
}

static bool replace(struct mls_output *out, struct mls_error *err)
{
    if (!sync_fd(out->fd) || !close_file(out)
        || renameat(out->folder, out->entry->name, out->folder, out->base)
               != 0) {
        return cannot_write(out, errno, err);
    }
    end_entry(out, true);
    return out->folder < 0 || sync_folder(out->folder)
        || cannot_write(out, errno, err);
}

bool mls_output_commit(struct mls_output *out, struct mls_error *err)
{
    bool ok = !out->failed ? flush(out, true, err) : failed_before(out, err);

    if (ok && out->entry) {
        ok = replace(out, err);
    } else if (ok && !close_file(out)) {
        ok = cannot_write(out, errno, err);
    }
    mls_output_abort(out);
    return ok;
}

void mls_output_abort(struct mls_output *out)
{
    if (!out) {
        return;
    }
    close_file(out);
    end_entry(out, false);
    if (out->folder >= 0) {
        close(out->folder);
    }
    if (out->gzip_ready) {
        deflateEnd(&out->gzip);
    }
    ZSTD_freeCCtx(out->zstd);
    mls_free(out->buffer);
    mls_free(out->packed);
    mls_free(out->base);
    mls_free(out->name);
    mls_free(out);
}
