/*
 * Files: input that decompresses by name and can rewind, output that is
 * complete or not there.
 */
#ifndef MLS_BASE_FILE_H
#define MLS_BASE_FILE_H

#include "mlspec/error.h"

/* path "-" is stdin.  ".gz" (also several members) and ".zst" by name. */
struct mls_input;
MLS_CHECK struct mls_input *mls_input_open(const char *path, bool rewindable,
                                           struct mls_error *err);
/* Fills up to size bytes; *got 0 only at the end.  A damaged or cut compressed
 * file is MLS_IO, naming the file. */
MLS_CHECK bool mls_input_read(struct mls_input *input, char *bytes,
                              size_t size, size_t *got, struct mls_error *err);
/* rewindable only: stdin, FIFOs are spooled to an unlinked file as read.
 * Rewinding first spools the rest. */
MLS_CHECK bool mls_input_rewind(struct mls_input *input, struct mls_error *err);
/* mls_input_read goes on at this byte, of a direct input or kept. */
MLS_CHECK bool mls_input_seek(struct mls_input *input, int64_t at,
                              struct mls_error *err);
void mls_input_close(struct mls_input *input);
const char *mls_input_name(const struct mls_input *input); /* "<stdin>" for - */
/* Size in bytes as stored and bytes consumed of it, for progress; -1 unknown. */
int64_t mls_input_size(const struct mls_input *input);
int64_t mls_input_at(const struct mls_input *input);
/* Whether any byte can be read at any time: a regular file that is not
 * compressed. */
bool mls_input_is_direct(const struct mls_input *input);
/* size bytes from at, counted from the first byte of the input; *got is less
 * only at the end.  By any number of threads at once; does not move the place
 * from which mls_input_read goes on.  What is not direct must be kept. */
MLS_CHECK bool mls_input_read_at(struct mls_input *input, int64_t at,
                                 char *bytes, size_t size, size_t *got,
                                 struct mls_error *err);

/*
 * Keeping.  While keep is true, every byte that is read of an input that is not
 * direct stays in memory until it is dropped; so it can be read at any place
 * and gone back to.  After keep false what is kept is read once more, and then
 * forgotten.  Nothing to do for a direct input.
 *
 * fetch reads on until all bytes before place to are kept, or the end is; one
 * thread may while others read_at what was kept before.  What fails stays
 * failed, and is told again to whoever reads as far.  drop forgets what lies
 * before a place, about.
 */
void mls_input_keep(struct mls_input *input, bool keep);
MLS_CHECK bool mls_input_fetch(struct mls_input *input, int64_t to,
                               struct mls_error *err);
/* The place behind what is kept, and whether the input ends there. */
int64_t mls_input_kept(const struct mls_input *input, bool *ended);
void mls_input_drop(struct mls_input *input, int64_t before);

/* The whole file in a new buffer aligned to 64 bytes; at most limit bytes. */
MLS_CHECK char *mls_file_read(const char *path, int64_t limit, size_t *length,
                              struct mls_error *err);

/*
 * Output: written beside the name (".NAME.XXXXXX"), fsync, rename, fsync of the folder;
 * mode as umask says, or the old file's.  "-" is stdout, and a device or pipe
 * is written directly.  ".gz" and ".zst" compress.  The links of a symbolic link are
 * followed: its target is replaced.
 */
struct mls_output;
MLS_CHECK struct mls_output *mls_output_open(const char *path,
                                             struct mls_error *err);
MLS_CHECK bool mls_output_write(struct mls_output *output, const char *bytes,
                                size_t length, struct mls_error *err);
/* Commits, frees.  After a failure nothing is left beside the old file. */
MLS_CHECK bool mls_output_commit(struct mls_output *output,
                                 struct mls_error *err);
void mls_output_abort(struct mls_output *output); /* NULL is fine; frees */
/* Removes the unfinished files of all open outputs: async-signal-safe. */
void mls_output_abort_all(void);
/* True when both names are the same existing file (device and inode). */
bool mls_same_file(const char *a, const char *b);

#endif
