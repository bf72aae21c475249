/*
 * All allocation goes through here, so that a test can make each one fail in
 * turn, a limit can be set (--memory), and nothing overflows.
 */
#ifndef MLS_BASE_MEMORY_H
#define MLS_BASE_MEMORY_H

#include "mlspec/error.h"

/* A new zeroed array of count objects of size bytes (count may be 0: a valid
 * unique pointer), aligned for any scalar.  NULL with MLS_LIMIT. */
MLS_CHECK void *mls_new(int64_t count, size_t size, struct mls_error *err);

/* The same, not zeroed, aligned to 64 bytes: for big numeric arrays. */
MLS_CHECK void *mls_new_array(int64_t count, size_t size,
                              struct mls_error *err);

/* The same for arrays of many megabytes that are filled at once: aligned to,
 * and rounded up to, the huge pages that the system is asked to use for them. */
MLS_CHECK void *mls_new_huge(int64_t bytes, struct mls_error *err);

/* Grows or shrinks *pointer (NULL, or from mls_new or mls_resize) to count
 * objects; on failure *pointer stays valid and false is returned.  New bytes
 * are not zeroed. */
MLS_CHECK bool mls_resize(void *pointer_to_pointer, int64_t count, size_t size,
                          struct mls_error *err);

/* Makes room for one more: doubles *capacity when count reaches it. */
MLS_CHECK bool mls_grow(void *pointer_to_pointer, int64_t count,
                        int64_t *capacity, size_t size, struct mls_error *err);

MLS_CHECK char *mls_copy_text(const char *text, struct mls_error *err);
MLS_CHECK char *mls_copy_bytes(const char *bytes, size_t length,
                               struct mls_error *err); /* NUL added */
/* mls_free (mlspec/error.h) frees what any of these returned. */

/* For the hooks of other libraries: no error object, NULL on failure. */
void *mls_hook_alloc(size_t bytes);
void *mls_hook_resize(void *pointer, size_t bytes);
size_t mls_hook_size(void *pointer);

/* No more than this many bytes at once; 0 (the start) means no limit. */
void mls_memory_limit(int64_t bytes);
int64_t mls_memory_used(void);  /* bytes in live allocations */
int64_t mls_memory_live(void);  /* live allocations: 0 after a clean end */
double mls_memory_peak_mb(void); /* peak resident set of the process, in MB */

/* Tests only: the n-th allocation from now (1 = the next) fails, and every
 * later one succeeds; 0 switches off.  mls_memory_count is how many were asked
 * for since. */
void mls_memory_fail_at(int64_t n);
int64_t mls_memory_count(void);

/* Small objects of one lifetime (a command, a fold, a fit), freed together. */
struct mls_arena {
    struct mls_arena_page *page;
};
MLS_CHECK void *mls_arena_new(struct mls_arena *arena, int64_t count,
                              size_t size, struct mls_error *err); /* zeroed */
MLS_CHECK char *mls_arena_text(struct mls_arena *arena, const char *bytes,
                               size_t length, struct mls_error *err);
void mls_arena_clear(struct mls_arena *arena);

#endif
