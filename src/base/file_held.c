/*
 * A list of segments of one size:
 *
 *     segments   [ held | held | held part | spare | spare ]
 *                  ^first               ^end
 *
 * Segments that are dropped become spares behind the others, so that a long
 * stream touches the same few pages again and again.  Bytes never move: threads
 * copy from segments while one adds to the last, and the lock is held only to
 * find a segment.
 */
#include "base/file_held.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

#define SEGMENT (256 * 1024)

void mls_held_init(struct mls_held *held)
{
    *held = (struct mls_held){ 0 };
    pthread_mutex_init(&held->mutex, NULL);
}

void mls_held_clear(struct mls_held *held)
{
    for (int64_t i = 0; i < held->count + held->spares; i++)
        mls_free(held->segments[i]);
    mls_free(held->segments);
    pthread_mutex_destroy(&held->mutex);
}

void mls_held_start(struct mls_held *held, int64_t place)
{
    held->spares += held->count;
    held->count = 0;
    held->first = held->end = place;
}

char *mls_held_room(struct mls_held *held, size_t *room, struct mls_error *err)
{
    int64_t used = held->end - held->first;
    char *segment = NULL;
    bool ok = true;

    if (used == held->count * SEGMENT && held->spares == 0) {
        segment = mls_new_array(SEGMENT, 1, err);
        if (segment == NULL)
            return NULL;
    }
    pthread_mutex_lock(&held->mutex);
    if (segment != NULL) {
        ok = mls_grow(&held->segments, held->count, &held->capacity,
                      sizeof(char *), err);
        if (ok)
            held->segments[held->count++] = segment;
        else
            mls_free(segment);
    } else if (used == held->count * SEGMENT) {
        held->count++;
        held->spares--;
    }
    if (ok) {
        *room = (size_t)(held->count * SEGMENT - used);
        segment = held->segments[held->count - 1] + (SEGMENT - *room);
    }
    pthread_mutex_unlock(&held->mutex);
    return ok ? segment : NULL;
}

void mls_held_added(struct mls_held *held, size_t bytes)
{
    pthread_mutex_lock(&held->mutex);
    held->end += (int64_t)bytes;
    pthread_mutex_unlock(&held->mutex);
}

size_t mls_held_copy(struct mls_held *held, int64_t place, char *bytes,
                     size_t size)
{
    size_t done = 0;

    while (done < size) {
        int64_t at, within, n;
        const char *segment;

        pthread_mutex_lock(&held->mutex);
        at = place + (int64_t)done - held->first;
        n = held->end - (place + (int64_t)done);
        segment = n > 0 ? held->segments[at / SEGMENT] : NULL;
        pthread_mutex_unlock(&held->mutex);
        if (segment == NULL)
            break;
        assert(at >= 0);
        within = at % SEGMENT;
        n = n < SEGMENT - within ? n : SEGMENT - within;
        n = n < (int64_t)(size - done) ? n : (int64_t)(size - done);
        memcpy(bytes + done, segment + within, (size_t)n);
        done += (size_t)n;
    }
    return done;
}

static void reverse(char **items, int64_t count)
{
    for (int64_t i = 0; i < count / 2; i++) {
        char *item = items[i];

        items[i] = items[count - 1 - i];
        items[count - 1 - i] = item;
    }
}

/* Puts the first n of count items last, in linear time. */
static void rotate(char **items, int64_t count, int64_t n)
{
    reverse(items, n);
    reverse(items + n, count - n);
    reverse(items, count);
}

void mls_held_drop(struct mls_held *held, int64_t place)
{
    int64_t n = (place < held->end ? place : held->end) - held->first;

    n = n > 0 ? n / SEGMENT : 0;
    if (n == 0)
        return;
    pthread_mutex_lock(&held->mutex);
    rotate(held->segments, held->count + held->spares, n);
    held->count -= n;
    held->spares += n;
    held->first += n * SEGMENT;
    pthread_mutex_unlock(&held->mutex);
}
