#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

#define BIG 700000 /* more than two buffers of the implementation */

static char folder[64];
static char path_text[4][300];

/* A name in the test's own folder; four of them live at a time. */
static const char *in_folder(const char *name)
{
    static int next;
    char *text = path_text[next++ % 4];

    snprintf(text, sizeof(path_text[0]), "%s/%s", folder, name);
    return text;
}

static int make_folder(void **state)
{
    (void)state;
    memcpy(folder, "/tmp/mls_file_XXXXXX", 21);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static int entries(void)
{
    DIR *dir = opendir(folder);
    int n = 0;

    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n - 2;
}

static void put(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void assert_holds(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "rb");
    char *found = test_malloc(length + 2);

    assert_non_null(file);
    assert_int_equal(fread(found, 1, length + 1, file), length);
    assert_memory_equal(found, bytes, length);
    fclose(file);
    test_free(found);
}

/* Bytes that do not compress to nothing, and are the same each time. */
static char *big_bytes(void)
{
    char *bytes = test_malloc(BIG);
    int i;

    for (i = 0; i < BIG; i++) {
        bytes[i] = (char)('a' + mls_random_below(
            mls_random(1, MLS_RANDOM_TEST, (uint64_t)i), 20));
    }
    return bytes;
}

/* ---- Input ------------------------------------------------------------- */

/* Reads to the end in pieces and compares. */
static void assert_reads(struct mls_input *in, const char *bytes,
                         size_t length, size_t piece)
{
    struct mls_error err = { 0 };
    char *found = test_malloc(piece);
    size_t used = 0, got = 1;

    while (got > 0) {
        bool ok = mls_input_read(in, found, piece, &got, &err);

        if (!ok) {
            print_error("%s: %s\n", mls_input_name(in), err.what);
        }
        assert_true(ok);
        assert_true(got <= piece && used + got <= length);
        assert_memory_equal(found, bytes + used, got);
        used += got;
    }
    assert_int_equal(used, length);
    assert_true(mls_input_read(in, found, piece, &got, &err));
    assert_int_equal(got, 0);
    test_free(found);
}

static struct mls_input *input(const char *path, bool rewindable)
{
    struct mls_error err = { 0 };
    struct mls_input *in = mls_input_open(path, rewindable, &err);

    if (!in) {
        print_error("%s: %s\n", path, err.what);
    }
    assert_non_null(in);
    return in;
}

static void check_file(const char *path, const char *bytes, size_t length)
{
    static const size_t pieces[] = { 1000, 300001, 4096 };
    struct mls_error err = { 0 };
    struct mls_input *in = input(path, true);
    size_t i;

    for (i = 0; i < 3; i++) {
        if (i > 0) {
            assert_true(mls_input_rewind(in, &err));
        }
        assert_int_equal(mls_input_at(in), 0);
        assert_reads(in, bytes, length, pieces[i]);
        assert_int_equal(mls_input_at(in), mls_input_size(in));
    }
    mls_input_close(in);
}

/* Reads all, expecting an error; the words of it and of its fix. */
static void assert_damaged(const char *path, const char *what)
{
    struct mls_error err = { 0 };
    int64_t live = mls_memory_live();
    struct mls_input *in = input(path, false);
    char bytes[4096];
    size_t got = 1;

    while (got > 0 && mls_input_read(in, bytes, sizeof(bytes), &got, &err)) {
    }
    assert_int_equal(err.code, MLS_IO);
    if (!strstr(err.what, what)) {
        print_error("%s\n", err.what);
    }
    assert_non_null(strstr(err.what, what));
    assert_string_equal(err.file, path);
    assert_true(err.fix[0] != '\0');
    mls_input_close(in);
    assert_int_equal(mls_memory_live(), live);
}

static void a_plain_file_is_read_and_read_again(void **state)
{
    char *bytes = big_bytes();
    const char *path = in_folder("plain.csv");

    (void)state;
    put(path, bytes, BIG);
    check_file(path, bytes, BIG);
    put(path, "", 0);
    check_file(path, "", 0);
    test_free(bytes);
}

/* Made by Python: gzip.compress(b"one\n", mtime=0) + gzip.compress(b"two\n",
 * mtime=0) */
static const unsigned char two_members[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0xcf,
    0x4b, 0xe5, 0x02, 0x00, 0x9f, 0xa8, 0x17, 0xf8, 0x04, 0x00, 0x00, 0x00,
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x2b, 0x29,
    0xcf, 0xe7, 0x02, 0x00, 0x74, 0x08, 0x17, 0x96, 0x04, 0x00, 0x00, 0x00
};

static void gzip_members_follow_each_other(void **state)
{
    const char *path = in_folder("two.csv.gz");
    unsigned char padded[sizeof(two_members) + 600];

    (void)state;
    put(path, two_members, sizeof(two_members));
    check_file(path, "one\ntwo\n", 8);
    /* Zeros after the last member are padding, and are let pass. */
    memset(padded, 0, sizeof(padded));
    memcpy(padded, two_members, sizeof(two_members));
    put(path, padded, sizeof(padded));
    check_file(path, "one\ntwo\n", 8);
    memcpy(padded + sizeof(padded) - 2, "xy", 2);
    put(path, padded, sizeof(padded));
    assert_damaged(path, "damaged");
}

static void a_large_gzip_file_is_read_and_read_again(void **state)
{
    char *bytes = big_bytes();
    const char *path = in_folder("big.gz");
    gzFile file = gzopen(path, "wb");

    (void)state;
    assert_int_equal(gzwrite(file, bytes, BIG), BIG);
    assert_int_equal(gzclose(file), Z_OK);
    check_file(path, bytes, BIG);
    test_free(bytes);
}

static void zstd_frames_follow_each_other(void **state)
{
    char *bytes = big_bytes(), *packed = test_malloc(2 * BIG);
    const char *path = in_folder("two.zst");
    static const unsigned char skippable[] = { 0x50, 0x2a, 0x4d, 0x18, 3, 0,
                                               0, 0, 'x', 'y', 'z' };
    size_t n = ZSTD_compress(packed, 2 * BIG, bytes, 500000, 1);

    (void)state;
    memcpy(packed + n, skippable, sizeof(skippable));
    n += sizeof(skippable);
    n += ZSTD_compress(packed + n, 2 * BIG - n, bytes + 500000, BIG - 500000,
                       3);
    put(path, packed, n);
    check_file(path, bytes, BIG);
    put(path, packed, ZSTD_compress(packed, BIG, "", 0, 1));
    check_file(path, "", 0);
    test_free(packed);
    test_free(bytes);
}

static void every_cut_of_a_compressed_file_is_an_error(void **state)
{
    const char *gz = in_folder("cut.gz"), *zst = in_folder("cut.zst");
    char packed[200];
    size_t i, n;

    (void)state;
    /* After the first member the file is complete. */
    for (i = 0; i < sizeof(two_members); i++) {
        if (i != sizeof(two_members) / 2) {
            put(gz, two_members, i);
            assert_damaged(gz, "ends too early");
        }
    }
    n = ZSTD_compress(packed, sizeof(packed), "some,text\n", 10, 1);
    for (i = 0; i < n; i++) {
        put(zst, packed, i);
        assert_damaged(zst, "ends too early");
    }
}

static void damaged_compressed_files_are_errors(void **state)
{
    const char *gz = in_folder("bad.gz"), *zst = in_folder("bad.zst");
    unsigned char bytes[sizeof(two_members)];

    (void)state;
    put(gz, "a,b\n1,2\n", 8);
    assert_damaged(gz, "not gzip data");
    memcpy(bytes, two_members, sizeof(bytes));
    bytes[sizeof(bytes) - 6] ^= 1; /* in the checksum of the second */
    put(gz, bytes, sizeof(bytes));
    assert_damaged(gz, "damaged");
    put(zst, "a,b\n1,2\n", 8);
    assert_damaged(zst, "not zstd data");
}

static void what_cannot_be_opened_says_why(void **state)
{
    struct mls_error err = { 0 };
    int64_t live = mls_memory_live();

    (void)state;
    assert_null(mls_input_open(in_folder("gone.csv"), false, &err));
    assert_int_equal(err.code, MLS_IO);
    assert_non_null(strstr(err.what, "no such file"));
    assert_non_null(strstr(err.file, "gone.csv"));
    assert_true(err.fix[0] != '\0');
    assert_null(mls_input_open(folder, false, &err));
    assert_non_null(strstr(err.what, "is a folder"));
    assert_int_equal(mls_memory_live(), live);
}

struct feed {
    int fd;
    const char *path;           /* opened by the thread when fd is -1 */
    const char *bytes;
    size_t length;
};

static void *feed_pipe(void *feed_)
{
    struct feed *feed = feed_;
    size_t used = 0;

    if (feed->fd < 0) {
        feed->fd = open(feed->path, O_WRONLY);
    }
    while (used < feed->length) {
        ssize_t n = write(feed->fd, feed->bytes + used, feed->length - used);

        if (n <= 0) {
            break;
        }
        used += (size_t)n;
    }
    close(feed->fd);
    return NULL;
}

/* Puts fd in the place of stdin; returns what was there. */
static int replace_stdin(int fd)
{
    int before = dup(STDIN_FILENO);

    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    return before;
}

static void restore_stdin(int before)
{
    if (before >= 0) {
        dup2(before, STDIN_FILENO);
        close(before);
    }
}

static void a_pipe_on_stdin_is_spooled_and_read_again(void **state)
{
    struct mls_error err = { 0 };
    char *bytes = big_bytes(), start[1000];
    struct feed feed = { .bytes = bytes, .length = BIG };
    pthread_t thread;
    struct mls_input *in;
    size_t got = 0;
    int ends[2], before;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    feed.fd = ends[1];
    before = replace_stdin(ends[0]);
    assert_int_equal(pthread_create(&thread, NULL, feed_pipe, &feed), 0);
    in = input("-", true);
    assert_string_equal(mls_input_name(in), "<stdin>");
    assert_int_equal(mls_input_size(in), -1);
    assert_true(mls_input_read(in, start, sizeof(start), &got, &err));
    assert_memory_equal(start, bytes, got);
    /* The rest is fetched by the rewind, and then the size is known. */
    assert_true(mls_input_rewind(in, &err));
    assert_int_equal(mls_input_size(in), BIG);
    assert_reads(in, bytes, BIG, 5000);
    assert_true(mls_input_rewind(in, &err));
    assert_reads(in, bytes, BIG, 100000);
    mls_input_close(in);
    pthread_join(thread, NULL);
    restore_stdin(before);
    test_free(bytes);
}

static void stdin_from_a_file_is_read_from_where_it_stands(void **state)
{
    struct mls_error err = { 0 };
    const char *path = in_folder("in.csv");
    struct mls_input *in;
    int fd, before;

    (void)state;
    put(path, "head\nrow\n", 9);
    fd = open(path, O_RDONLY);
    assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
    before = replace_stdin(fd);
    in = input("-", true);
    assert_int_equal(mls_input_size(in), 4);
    assert_reads(in, "row\n", 4, 100);
    assert_true(mls_input_rewind(in, &err));
    assert_reads(in, "row\n", 4, 3);
    mls_input_close(in);
    /* The process's own stdin stays open. */
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    restore_stdin(before);
}

static void a_named_pipe_of_gzip_is_read_again(void **state)
{
    struct mls_error err = { 0 };
    const char *path = in_folder("pipe.gz");
    struct feed feed = { -1, path, (const char *)two_members,
                         sizeof(two_members) };
    pthread_t thread;
    struct mls_input *in;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pthread_create(&thread, NULL, feed_pipe, &feed), 0);
    in = input(path, true);
    assert_reads(in, "one\ntwo\n", 8, 3);
    assert_true(mls_input_rewind(in, &err));
    assert_reads(in, "one\ntwo\n", 8, 100);
    mls_input_close(in);
    pthread_join(thread, NULL);
}

static void what_is_not_rewindable_says_so(void **state)
{
    struct mls_error err = { 0 };
    const char *path = in_folder("once.csv");
    struct mls_input *in;

    (void)state;
    put(path, "x", 1);
    in = input(path, false);
    assert_false(mls_input_rewind(in, &err));
    assert_int_equal(err.code, MLS_IO);
    mls_input_close(in);
}

static void a_whole_file_is_read_aligned_and_within_the_limit(void **state)
{
    struct mls_error err = { 0 };
    char *bytes = big_bytes(), *found;
    const char *path = in_folder("whole"), *gz = in_folder("whole.gz");
    size_t length = 0;

    (void)state;
    put(path, bytes, BIG);
    found = mls_file_read(path, BIG, &length, &err);
    assert_non_null(found);
    assert_int_equal(length, BIG);
    assert_int_equal((uintptr_t)found % 64, 0);
    assert_memory_equal(found, bytes, BIG);
    assert_int_equal(found[BIG], '\0');
    mls_free(found);
    assert_null(mls_file_read(path, BIG - 1, &length, &err));
    assert_int_equal(err.code, MLS_IO);
    assert_non_null(strstr(err.what, "larger than 699999 bytes"));
    put(path, "", 0);
    found = mls_file_read(path, 0, &length, &err);
    assert_non_null(found);
    assert_int_equal(length, 0);
    mls_free(found);
    /* What a small file unpacks to is bounded, too. */
    put(gz, two_members, sizeof(two_members));
    found = mls_file_read(gz, 8, &length, &err);
    assert_int_equal(length, 8);
    mls_free(found);
    assert_null(mls_file_read(gz, 7, &length, &err));
    test_free(bytes);
}

/* ---- Output ------------------------------------------------------------ */

static struct mls_output *output(const char *path)
{
    struct mls_error err = { 0 };
    struct mls_output *out = mls_output_open(path, &err);

    if (!out) {
        print_error("%s: %s\n", path, err.what);
    }
    assert_non_null(out);
    return out;
}

static void write_file(const char *path, const char *bytes, size_t length)
{
    struct mls_error err = { 0 };
    struct mls_output *out = output(path);

    assert_true(mls_output_write(out, bytes, length / 2, &err));
    assert_true(mls_output_write(out, bytes + length / 2, length - length / 2,
                                 &err));
    assert_true(mls_output_commit(out, &err));
}

static void assert_not_opened(const char *path, const char *what,
                              const char *fix)
{
    struct mls_error err = { 0 };
    int64_t live = mls_memory_live();
    int before = entries();

    assert_null(mls_output_open(path, &err));
    assert_int_equal(err.code, MLS_IO);
    if (!strstr(err.what, what) || !strstr(err.fix, fix)) {
        print_error("%s / %s\n", err.what, err.fix);
    }
    assert_non_null(strstr(err.what, what));
    assert_non_null(strstr(err.fix, fix));
    assert_true(err.file[0] != '\0' || path[0] == '\0');
    assert_int_equal(mls_memory_live(), live);
    assert_int_equal(entries(), before);
}

static mode_t mode_of(const char *path)
{
    struct stat info;

    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 0777;
}

static void a_new_file_appears_when_it_is_complete(void **state)
{
    struct mls_error err = { 0 };
    const char *path = in_folder("out.csv");
    struct mls_output *out;
    mode_t mask = umask(027);

    (void)state;
    out = output(path);
    assert_true(mls_output_write(out, "a,b\n", 4, &err));
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(entries(), 1);
    assert_true(mls_output_commit(out, &err));
    assert_int_equal(entries(), 1);
    assert_holds(path, "a,b\n", 4);
    assert_int_equal(mode_of(path), 0640);
    umask(mask);
}

static void the_unfinished_file_is_hidden_beside_the_name(void **state)
{
    struct mls_output *out = output(in_folder("out.csv"));
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int found = 0;

    (void)state;
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0
            && strcmp(entry->d_name, "..") != 0) {
            assert_memory_equal(entry->d_name, ".out.csv.", 9);
            assert_int_equal(strlen(entry->d_name), 9 + 6);
            found++;
        }
    }
    closedir(dir);
    assert_int_equal(found, 1);
    mls_output_abort(out);
    assert_int_equal(entries(), 0);
    mls_output_abort(NULL);
}

static void an_old_file_stays_until_the_commit_and_keeps_its_mode(void **state)
{
    struct mls_error err = { 0 };
    char *bytes = big_bytes();
    const char *path = in_folder("out.csv");
    struct mls_output *out;

    (void)state;
    put(path, "old", 3);
    assert_int_equal(chmod(path, 0606), 0);
    out = output(path);
    assert_true(mls_output_write(out, bytes, BIG, &err));
    assert_holds(path, "old", 3);
    mls_output_abort(out);
    assert_holds(path, "old", 3);
    assert_int_equal(entries(), 1);
    write_file(path, bytes, BIG);
    assert_holds(path, bytes, BIG);
    assert_int_equal(mode_of(path), 0606);
    test_free(bytes);
}

static void gzip_output_opens_with_zlib(void **state)
{
    char *bytes = big_bytes(), *found = test_malloc(BIG + 1);
    const char *path = in_folder("out.csv.gz");
    gzFile file;

    (void)state;
    write_file(path, bytes, BIG);
    file = gzopen(path, "rb");
    assert_int_equal(gzread(file, found, BIG + 1), BIG);
    assert_false(gzdirect(file));
    assert_memory_equal(found, bytes, BIG);
    gzclose(file);
    check_file(path, bytes, BIG);
    write_file(path, "", 0);
    check_file(path, "", 0);
    test_free(found);
    test_free(bytes);
}

static void zstd_output_opens_with_libzstd(void **state)
{
    struct mls_error err = { 0 };
    char *bytes = big_bytes(), *found = test_malloc(BIG), *packed;
    const char *path = in_folder("out.zst"), *plain = in_folder("out");
    size_t n = 0;

    (void)state;
    write_file(path, bytes, BIG);
    check_file(path, bytes, BIG);
    assert_int_equal(rename(path, plain), 0);
    packed = mls_file_read(plain, BIG, &n, &err);
    assert_int_equal(ZSTD_decompress(found, BIG, packed, n), BIG);
    assert_memory_equal(found, bytes, BIG);
    mls_free(packed);
    write_file(path, "", 0);
    check_file(path, "", 0);
    test_free(found);
    test_free(bytes);
}

static void the_target_of_a_link_is_replaced(void **state)
{
    const char *link = in_folder("link"), *second = in_folder("second");
    const char *real = in_folder("deep/real.csv");
    struct stat info;

    (void)state;
    assert_int_equal(mkdir(in_folder("deep"), 0700), 0);
    /* A relative link, and an absolute one to it, to a file not there yet. */
    assert_int_equal(symlink("deep/real.csv", link), 0);
    assert_int_equal(symlink(link, second), 0);
    write_file(second, "new", 3);
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(lstat(second, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    real = in_folder("deep/real.csv");
    assert_int_equal(lstat(real, &info), 0);
    assert_true(S_ISREG(info.st_mode));
    assert_holds(real, "new", 3);
    assert_int_equal(entries(), 3);
}

static void a_circle_of_links_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(symlink("b", in_folder("a")), 0);
    assert_int_equal(symlink("a", in_folder("b")), 0);
    assert_not_opened(in_folder("a"), "circle", "lead");
}

static void devices_and_pipes_are_written_directly(void **state)
{
    const char *path = in_folder("pipe");
    struct stat info;
    char found[4] = "";
    int fd;

    (void)state;
    write_file("/dev/null", "gone", 4);
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    assert_int_equal(mkfifo(path, 0600), 0);
    fd = open(path, O_RDONLY | O_NONBLOCK);
    write_file(path, "abc", 3);
    assert_int_equal(read(fd, found, 4), 3);
    assert_memory_equal(found, "abc", 3);
    close(fd);
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(entries(), 1);
}

/* As "mlspec ... -o /dev/fd/N N>>FILE": what the file held must stay. */
static void a_named_descriptor_is_written_where_it_stands(void **state)
{
    const char *path = in_folder("log");
    char name[32];
    int fd;

    (void)state;
    put(path, "kept\n", 5);
    fd = open(path, O_WRONLY | O_APPEND);
    snprintf(name, sizeof(name), "/dev/fd/%d", fd);
    write_file(name, "more\n", 5);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    write_file(name, "yet\n", 4);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    close(fd);
    assert_holds(path, "kept\nmore\nyet\n", 14);
}

static void a_minus_is_stdout(void **state)
{
    const char *path = in_folder("stdout");
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), before;

    (void)state;
    fflush(stdout);
    before = dup(STDOUT_FILENO);
    dup2(fd, STDOUT_FILENO);
    close(fd);
    write_file("-", "result\n", 7);
    write_file("/dev/stdout", "again\n", 6);
    dup2(before, STDOUT_FILENO);
    close(before);
    assert_holds(path, "result\nagain\n", 13);
}

/* Writes more than a buffer; the error comes at the write or the commit. */
static void assert_disk_full(const char *path, const char *what)
{
    struct mls_error err = { 0 };
    char *bytes = big_bytes();
    struct mls_output *out = output(path);

    if (mls_output_write(out, bytes, BIG, &err)) {
        assert_false(mls_output_commit(out, &err));
    } else {
        struct mls_error later = { 0 };

        assert_false(mls_output_write(out, bytes, 1, &later));
        assert_int_equal(later.code, MLS_IO);
        assert_false(mls_output_commit(out, &later));
        assert_int_equal(later.code, MLS_IO);
    }
    assert_int_equal(err.code, MLS_IO);
    assert_non_null(strstr(err.what, what));
    assert_non_null(strstr(err.fix, "disk"));
    assert_string_equal(err.file, path);
    test_free(bytes);
}

static void a_full_disk_is_an_error_and_leaves_the_old_file(void **state)
{
    const char *plain = in_folder("out.csv"), *gz = in_folder("out.gz");
    const char *zst = in_folder("out.zst");
    struct rlimit before, less;

    (void)state;
    assert_disk_full("/dev/full", "the disk is full");
    put(plain, "old", 3);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    less = before;
    less.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
    assert_disk_full(plain, "largest file size");
    assert_disk_full(gz, "largest file size");
    assert_disk_full(zst, "largest file size");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(entries(), 1);
    assert_holds(plain, "old", 3);
}

static void a_small_result_meets_the_full_disk_at_the_commit(void **state)
{
    struct mls_error err = { 0 };
    struct mls_output *out = output("/dev/full");

    (void)state;
    assert_true(mls_output_write(out, "x", 1, &err));
    assert_false(mls_output_commit(out, &err));
    assert_int_equal(err.code, MLS_IO);
    assert_non_null(strstr(err.what, "the disk is full"));
}

static void a_pipe_without_a_reader_is_an_error(void **state)
{
    struct mls_error err = { 0 };
    struct mls_output *out;
    char name[32];
    int ends[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    snprintf(name, sizeof(name), "/dev/fd/%d", ends[1]);
    out = output(name);
    assert_true(mls_output_write(out, "x", 1, &err));
    assert_false(mls_output_commit(out, &err));
    assert_int_equal(err.code, MLS_IO);
    assert_non_null(strstr(err.what, "reader has gone"));
    close(ends[1]);
}

static void where_nothing_can_be_written_says_why(void **state)
{
    char name[400];

    (void)state;
    assert_not_opened(in_folder("none/out.csv"), "does not exist", "mkdir -p");
    assert_not_opened(folder, "it is a folder", "name of a file");
    snprintf(name, sizeof(name), "%s/", folder);
    assert_not_opened(name, "it is a folder", "name of a file");
    snprintf(name, sizeof(name), "%s/%0300d", folder, 0);
    assert_not_opened(name, "name is too long", "shorter");
    put(in_folder("file"), "", 0);
    assert_not_opened(in_folder("file/out.csv"), "not a folder", "name");
    assert_not_opened("", "no such file", "name");
    assert_not_opened("/proc/out.csv", "cannot write it", "");
    if (geteuid() != 0) { /* root may write anywhere */
        put(in_folder("protected"), "x", 1);
        assert_int_equal(chmod(in_folder("protected"), 0444), 0);
        assert_not_opened(in_folder("protected"), "permission denied",
                          "permissions");
        assert_int_equal(mkdir(in_folder("closed"), 0500), 0);
        assert_not_opened(in_folder("closed/out"), "permission denied",
                          "permissions");
    }
}

static void the_longest_name_can_be_written(void **state)
{
    char name[400];

    (void)state;
    snprintf(name, sizeof(name), "%s/%0255d", folder, 0);
    write_file(name, "x", 1);
    assert_holds(name, "x", 1);
}

static void a_name_without_a_folder_is_in_the_current_one(void **state)
{
    char before[4096];

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(folder), 0);
    write_file("here.csv", "x", 1);
    assert_int_equal(chdir(before), 0);
    assert_holds(in_folder("here.csv"), "x", 1);
}

static void unfinished_files_are_removed_by_abort_all(void **state)
{
    struct mls_error err = { 0 };
    const char *path = in_folder("a");
    struct mls_output *a, *b, *c;

    (void)state;
    put(path, "old", 3);
    a = output(path);
    b = output(in_folder("b"));
    c = output(in_folder("c"));
    assert_true(mls_output_commit(c, &err));
    assert_int_equal(entries(), 4);
    mls_output_abort_all();
    assert_int_equal(entries(), 2);
    assert_holds(path, "old", 3);
    /* What is left of them can be freed, and cannot be committed. */
    assert_false(mls_output_commit(a, &err));
    assert_int_equal(err.code, MLS_IO);
    mls_output_abort(b);
    assert_int_equal(entries(), 2);
}

static void handle(int number)
{
    (void)number;
    mls_output_abort_all();
    _exit(130);
}

static void a_signal_leaves_nothing_behind(void **state)
{
    char command[64];
    int status, ready[2];
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        struct mls_error err = { 0 };
        struct mls_output *out;

        signal(SIGTERM, handle);
        out = mls_output_open(in_folder("out"), &err);
        if (!out || !mls_output_write(out, "x", 1, &err)
            || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    assert_int_equal(read(ready[0], command, 1), 1);
    assert_int_equal(entries(), 1);
    kill(child, SIGTERM);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    assert_int_equal(entries(), 0);
    close(ready[0]);
    close(ready[1]);
}

static void too_many_unfinished_files_are_refused(void **state)
{
    struct mls_error err = { 0 };
    struct mls_output *all[64];
    char name[16];
    int i;

    (void)state;
    for (i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        all[i] = output(in_folder(name));
    }
    assert_not_opened(in_folder("one-more"), "too many", "");
    for (i = 0; i < 64; i++) {
        if (i % 2) {
            mls_output_abort(all[i]);
        } else {
            assert_true(mls_output_commit(all[i], &err));
        }
    }
    assert_int_equal(entries(), 32);
    write_file(in_folder("one-more"), "", 0);
}

static void the_same_file_is_known_by_any_name(void **state)
{
    const char *a = in_folder("a"), *b = in_folder("b"), *c = in_folder("c");

    (void)state;
    put(a, "", 0);
    put(b, "", 0);
    assert_int_equal(symlink(a, c), 0);
    assert_true(mls_same_file(a, a));
    assert_true(mls_same_file(a, c));
    assert_false(mls_same_file(a, b));
    assert_false(mls_same_file(a, in_folder("gone")));
    assert_false(mls_same_file(in_folder("gone"), in_folder("gone")));
}

/* ---- Memory ------------------------------------------------------------ */

static bool write_and_read(const char *path, struct mls_error *err)
{
    struct mls_output *out = mls_output_open(path, err);
    struct mls_input *in;
    char bytes[16], *whole;
    size_t got = 1, length = 0;
    bool ok = out != NULL;

    if (ok && !mls_output_write(out, "a,b\n", 4, err)) {
        mls_output_abort(out);
        return false;
    }
    ok = ok && mls_output_commit(out, err);
    if (!ok) {
        return false;
    }
    in = mls_input_open(path, true, err);
    while (in && ok && got > 0) {
        ok = mls_input_read(in, bytes, sizeof(bytes), &got, err);
    }
    ok = in && ok && mls_input_rewind(in, err);
    mls_input_close(in);
    whole = ok ? mls_file_read(path, 100, &length, err) : NULL;
    mls_free(whole);
    return whole && length == 4;
}

static void each_failing_allocation_is_reported(void **state)
{
    static const char *const names[] = { "m.csv", "m.csv.gz", "m.csv.zst" };
    int64_t live = mls_memory_live(), n, i;
    size_t f;

    (void)state;
    for (f = 0; f < 3; f++) {
        const char *path = in_folder(names[f]);
        struct mls_error err = { 0 };

        mls_memory_fail_at(0);
        assert_true(write_and_read(path, &err));
        n = mls_memory_count();
        assert_true(n >= 8);
        for (i = 1; i <= n; i++) {
            memset(&err, 0, sizeof(err));
            mls_memory_fail_at(i);
            assert_false(write_and_read(path, &err));
            assert_int_equal(err.code, MLS_LIMIT);
            assert_int_equal(mls_memory_live(), live);
            assert_int_equal(entries(), (int)f + 1);
        }
        mls_memory_fail_at(0);
    }
}

#define IN_FOLDER(test) \
    cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_plain_file_is_read_and_read_again),
        IN_FOLDER(gzip_members_follow_each_other),
        IN_FOLDER(a_large_gzip_file_is_read_and_read_again),
        IN_FOLDER(zstd_frames_follow_each_other),
        IN_FOLDER(every_cut_of_a_compressed_file_is_an_error),
        IN_FOLDER(damaged_compressed_files_are_errors),
        IN_FOLDER(what_cannot_be_opened_says_why),
        IN_FOLDER(a_pipe_on_stdin_is_spooled_and_read_again),
        IN_FOLDER(stdin_from_a_file_is_read_from_where_it_stands),
        IN_FOLDER(a_named_pipe_of_gzip_is_read_again),
        IN_FOLDER(what_is_not_rewindable_says_so),
        IN_FOLDER(a_whole_file_is_read_aligned_and_within_the_limit),
        IN_FOLDER(a_new_file_appears_when_it_is_complete),
        IN_FOLDER(the_unfinished_file_is_hidden_beside_the_name),
        IN_FOLDER(an_old_file_stays_until_the_commit_and_keeps_its_mode),
        IN_FOLDER(gzip_output_opens_with_zlib),
        IN_FOLDER(zstd_output_opens_with_libzstd),
        IN_FOLDER(the_target_of_a_link_is_replaced),
        IN_FOLDER(a_circle_of_links_is_an_error),
        IN_FOLDER(devices_and_pipes_are_written_directly),
        IN_FOLDER(a_named_descriptor_is_written_where_it_stands),
        IN_FOLDER(a_minus_is_stdout),
        IN_FOLDER(a_full_disk_is_an_error_and_leaves_the_old_file),
        IN_FOLDER(a_small_result_meets_the_full_disk_at_the_commit),
        IN_FOLDER(a_pipe_without_a_reader_is_an_error),
        IN_FOLDER(where_nothing_can_be_written_says_why),
        IN_FOLDER(the_longest_name_can_be_written),
        IN_FOLDER(a_name_without_a_folder_is_in_the_current_one),
        IN_FOLDER(unfinished_files_are_removed_by_abort_all),
        IN_FOLDER(a_signal_leaves_nothing_behind),
        IN_FOLDER(too_many_unfinished_files_are_refused),
        IN_FOLDER(the_same_file_is_known_by_any_name),
        IN_FOLDER(each_failing_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
