/*
 * Bytes of an input that are kept in memory, by their place: those of a pipe
 * cannot be asked for twice.  Only file_input.c includes this.
 */
#ifndef MLS_BASE_FILE_HELD_H
#define MLS_BASE_FILE_HELD_H

#include <pthread.h>

#include "mlspec/error.h"

struct mls_held {
    pthread_mutex_t mutex;      /* guards the list, not the bytes */
    char **segments;            /* count of them hold bytes, then the spares */
    int64_t count, spares, capacity;
    int64_t first;              /* place of the first byte of segments[0] */
    int64_t end;                /* place behind the last byte */
};

void mls_held_init(struct mls_held *held);
void mls_held_clear(struct mls_held *held); /* init comes before any use */
/* Holds nothing; the next byte is that of place. */
void mls_held_start(struct mls_held *held, int64_t place);
/* Where the next bytes go, and room for how many (> 0). */
MLS_CHECK char *mls_held_room(struct mls_held *held, size_t *room,
                              struct mls_error *err);
void mls_held_added(struct mls_held *held, size_t bytes);
/* Copies up to size bytes from place on, held or past the end; returns how
 * many.  By any number of threads, also while another adds. */
size_t mls_held_copy(struct mls_held *held, int64_t place, char *bytes,
                     size_t size);
/* Forgets what lies before place, as far as whole segments do. */
void mls_held_drop(struct mls_held *held, int64_t place);

#endif
