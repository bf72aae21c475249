/*
 * All allocation.  The sizes counted are what the allocator says a block can
 * hold, so that no header of our own is needed: a block from calloc, realloc or
 * aligned_alloc is freed by the same mls_free, and other libraries can be given
 * the hooks.
 *
 * The limit is kept by reserving before allocating: the bytes wanted are added
 * to the count first, and taken back when that goes over the limit.  Two
 * threads can so never pass the limit together.
 *
 * The countdown of the tests is one counter: the allocation whose number equals
 * the target fails.  Each number is given out once, so one allocation fails
 * however many threads allocate.
 *
 * An arena is a list of pages, each twice the one before up to a limit:
 *
 *     arena -> [ next | used | size | objects ... free ] -> [ full page ] -> 0
 */
#include "base/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define ALIGNMENT 64
#define HUGE_PAGE ((size_t)2 << 20)
#define FIRST_PAGE 1024
#define LAST_PAGE (256 * 1024)

static _Atomic int64_t used_bytes, live_blocks, limit_bytes;
static _Atomic int64_t allocation_count, failing_allocation;

/* Reserves bytes; false when the limit or a test says no. */
static bool reserve(int64_t bytes)
{
    int64_t limit = atomic_load(&limit_bytes);
    int64_t number = atomic_fetch_add(&allocation_count, 1) + 1;
    int64_t used;

    if (number == atomic_load(&failing_allocation)) {
        return false;
    }
    used = atomic_fetch_add(&used_bytes, bytes) + bytes;
    if (limit > 0 && bytes > 0 && used > limit) {
        atomic_fetch_sub(&used_bytes, bytes);
        return false;
    }
    return true;
}

/* Corrects a reservation by what the allocator really gave. */
static void *settle(void *pointer, int64_t reserved)
{
    if (!pointer) {
        atomic_fetch_sub(&used_bytes, reserved);
        return NULL;
    }
    atomic_fetch_add(&used_bytes,
                     (int64_t)malloc_usable_size(pointer) - reserved);
    atomic_fetch_add(&live_blocks, 1);
    return pointer;
}

/* count * size, at least 1; false when no such block can exist. */
static bool block_bytes(int64_t count, size_t size, size_t *bytes)
{
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, bytes)
        || *bytes > (size_t)PTRDIFF_MAX - ALIGNMENT) {
        return false;
    }
    *bytes = *bytes == 0 ? 1 : *bytes;
    return true;
}

static bool fail(struct mls_error *err, int64_t count, size_t size)
{
    return mls_fail_memory(err, (size_t)count, size, "working data");
}

void *mls_new(int64_t count, size_t size, struct mls_error *err)
{
    void *pointer = NULL;
    size_t bytes;

    if (block_bytes(count, size, &bytes) && reserve((int64_t)bytes)) {
        pointer = settle(calloc(1, bytes), (int64_t)bytes);
    }
    if (!pointer) {
        fail(err, count, size);
    }
    return pointer;
}

void *mls_new_array(int64_t count, size_t size, struct mls_error *err)
{
    void *pointer = NULL;
    size_t bytes;

    if (block_bytes(count, size, &bytes)) {
        bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (reserve((int64_t)bytes)) {
            pointer = settle(aligned_alloc(ALIGNMENT, bytes), (int64_t)bytes);
        }
    }
    if (!pointer) {
        fail(err, count, size);
    }
    return pointer;
}

void *mls_new_huge(int64_t bytes, struct mls_error *err)
{
    void *pointer = NULL;
    size_t rounded;

    if (block_bytes(bytes, 1, &rounded)
        && rounded < (size_t)PTRDIFF_MAX - HUGE_PAGE) {
        rounded = (rounded + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
        if (reserve((int64_t)rounded)) {
            pointer = settle(aligned_alloc(HUGE_PAGE, rounded),
                             (int64_t)rounded);
        }
    }
    if (!pointer) {
        fail(err, bytes, 1);
        return NULL;
    }
    madvise(pointer, rounded, MADV_HUGEPAGE); /* advice: may fail */
    return pointer;
}

void *mls_hook_alloc(size_t bytes)
{
    if (bytes > (size_t)PTRDIFF_MAX || !reserve((int64_t)bytes)) {
        return NULL;
    }
    return settle(malloc(bytes == 0 ? 1 : bytes), (int64_t)bytes);
}

void *mls_hook_resize(void *pointer, size_t bytes)
{
    int64_t old, change;
    void *resized;

    if (!pointer) {
        return mls_hook_alloc(bytes);
    }
    old = (int64_t)malloc_usable_size(pointer);
    if (bytes > (size_t)PTRDIFF_MAX) {
        return NULL;
    }
    change = (int64_t)bytes - old;
    if (!reserve(change)) {
        return NULL;
    }
    resized = realloc(pointer, bytes == 0 ? 1 : bytes);
    if (!resized) {
        atomic_fetch_sub(&used_bytes, change);
        return NULL;
    }
    atomic_fetch_add(&used_bytes, (int64_t)malloc_usable_size(resized) - old
                     - change);
    return resized;
}

size_t mls_hook_size(void *pointer)
{
    return malloc_usable_size(pointer);
}

bool mls_resize(void *pointer_to_pointer, int64_t count, size_t size,
                struct mls_error *err)
{
    void *pointer;
    size_t bytes;

    /* Copied as bytes: the caller's pointer may be of any type. */
    memcpy(&pointer, pointer_to_pointer, sizeof(pointer));
    if (!block_bytes(count, size, &bytes)) {
        return fail(err, count, size);
    }
    pointer = mls_hook_resize(pointer, bytes);
    if (!pointer) {
        return fail(err, count, size);
    }
    memcpy(pointer_to_pointer, &pointer, sizeof(pointer));
    return true;
}

bool mls_grow(void *pointer_to_pointer, int64_t count, int64_t *capacity,
              size_t size, struct mls_error *err)
{
    int64_t wanted = *capacity;

    if (count < *capacity) {
        return true;
    }
    if (wanted > INT64_MAX / 2) {
        return fail(err, wanted, size);
    }
    wanted = wanted < 4 ? 8 : wanted * 2;
    if (wanted <= count) {
        wanted = count + 1;
    }
    if (!mls_resize(pointer_to_pointer, wanted, size, err)) {
        return false;
    }
    *capacity = wanted;
    return true;
}

char *mls_copy_bytes(const char *bytes, size_t length, struct mls_error *err)
{
    char *copy = NULL;

    if (length < (size_t)PTRDIFF_MAX) {
        copy = mls_new((int64_t)length + 1, 1, err);
    } else {
        fail(err, INT64_MAX, 1);
    }
    if (copy && length > 0) {
        memcpy(copy, bytes, length);
    }
    return copy;
}

char *mls_copy_text(const char *text, struct mls_error *err)
{
    return mls_copy_bytes(text, strlen(text), err);
}

void mls_free(void *pointer)
{
    if (pointer) {
        atomic_fetch_sub(&used_bytes, (int64_t)malloc_usable_size(pointer));
        atomic_fetch_sub(&live_blocks, 1);
        free(pointer);
    }
}

void mls_memory_limit(int64_t bytes)
{
    atomic_store(&limit_bytes, bytes);
}

int64_t mls_memory_used(void)
{
    return atomic_load(&used_bytes);
}

int64_t mls_memory_live(void)
{
    return atomic_load(&live_blocks);
}

/* The line "VmHWM:    1234 kB" of the kernel's account of this process, in kB;
 * 0 when it cannot be read. */
static int64_t high_water_kb(void)
{
    char text[4096];
    const char *at;
    int64_t kb = 0;
    ssize_t n;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return 0;
    }
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    at = strstr(text, "VmHWM:");
    if (!at) {
        return 0;
    }
    for (at += 6; *at == ' ' || *at == '\t'; at++) {
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        kb = kb * 10 + (*at - '0');
    }
    return kb;
}

double mls_memory_peak_mb(void)
{
    struct rusage usage;
    int64_t kb = high_water_kb();

    /* Second choice: the maximum of getrusage is inherited over exec, so a big
     * parent process would show as ours. */
    if (kb == 0 && getrusage(RUSAGE_SELF, &usage) == 0) {
        kb = usage.ru_maxrss;
    }
    return (double)kb * 1024 / 1e6;
}

void mls_memory_fail_at(int64_t n)
{
    atomic_store(&failing_allocation, 0);
    atomic_store(&allocation_count, 0);
    atomic_store(&failing_allocation, n);
}

int64_t mls_memory_count(void)
{
    return atomic_load(&allocation_count);
}

struct mls_arena_page {
    struct mls_arena_page *next;
    size_t used, size;
    max_align_t objects[];
};

static bool add_page(struct mls_arena *arena, size_t wanted,
                     struct mls_error *err)
{
    struct mls_arena_page *page;
    size_t size = arena->page ? arena->page->size * 2 : FIRST_PAGE;

    size = size > LAST_PAGE ? LAST_PAGE : size;
    size = size < wanted ? wanted : size;
    page = mls_new((int64_t)(sizeof(*page) + size), 1, err);
    if (!page) {
        return false;
    }
    page->size = size;
    page->next = arena->page;
    arena->page = page;
    return true;
}

void *mls_arena_new(struct mls_arena *arena, int64_t count, size_t size,
                    struct mls_error *err)
{
    const size_t step = _Alignof(max_align_t);
    size_t bytes;
    char *object;

    if (!block_bytes(count, size, &bytes)
        || bytes > (size_t)PTRDIFF_MAX - sizeof(struct mls_arena_page)
                       - step) {
        fail(err, count, size);
        return NULL;
    }
    bytes = (bytes + step - 1) / step * step;
    if ((!arena->page || arena->page->size - arena->page->used < bytes)
        && !add_page(arena, bytes, err)) {
        return NULL;
    }
    object = (char *)arena->page->objects + arena->page->used;
    arena->page->used += bytes;
    return object;
}

char *mls_arena_text(struct mls_arena *arena, const char *bytes, size_t length,
                     struct mls_error *err)
{
    char *copy = NULL;

    if (length < (size_t)PTRDIFF_MAX) {
        copy = mls_arena_new(arena, (int64_t)length + 1, 1, err);
    } else {
        fail(err, INT64_MAX, 1);
    }
    if (copy && length > 0) {
        memcpy(copy, bytes, length);
    }
    return copy;
}

void mls_arena_clear(struct mls_arena *arena)
{
    while (arena && arena->page) {
        struct mls_arena_page *page = arena->page;

        arena->page = page->next;
        mls_free(page);
    }
}
