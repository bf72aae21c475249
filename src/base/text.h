/*
 * A growing byte string.  Failure is sticky: add freely, then ask once with
 * mls_text_ok.  { 0 } is empty.
 */
#ifndef MLS_BASE_TEXT_H
#define MLS_BASE_TEXT_H

#include "mlspec/error.h"

struct mls_text {
    char *bytes;        /* NUL-terminated once anything was added, else NULL */
    size_t length;
    size_t capacity;
    bool failed;
};

/* NULL adds nothing. */
void mls_text_add(struct mls_text *text, const char *more);
void mls_text_add_bytes(struct mls_text *text, const char *bytes, size_t n);
void mls_text_add_real(struct mls_text *text, double value);
void mls_text_add_integer(struct mls_text *text, int64_t value);
void mls_text_format(struct mls_text *text, const char *format, ...)
    MLS_PRINTF(2, 3);
/* Spaces until the last line is width columns wide (UTF-8 aware). */
void mls_text_pad(struct mls_text *text, int width);
/* Words of more, wrapped at 80 columns, each line indented; a newline in more
 * stays.  The first line goes on where the text stands, padded to indent when
 * it is short of it.  Ends with a newline. */
void mls_text_wrap(struct mls_text *text, const char *more, int indent);
MLS_CHECK bool mls_text_ok(const struct mls_text *text, struct mls_error *err);
void mls_text_clear(struct mls_text *text);

/* Terminal columns that UTF-8 text takes (wide characters are 2). */
int mls_text_width(const char *bytes, size_t length);
bool mls_utf8_valid(const char *bytes, size_t length, size_t *first_bad);
/* Bytes of the character that bytes begin with, and its code point; 0 when it
 * is not valid UTF-8 (or length is 0). */
size_t mls_utf8_next(const char *bytes, size_t length, uint32_t *point);

/* One CSV record of names ("a,b,\"c,d\"") split into items, which are added to
 * the list; the list owns them.  "" has no items, "a," has two. */
struct mls_list;
MLS_CHECK bool mls_list_split(const char *record, struct mls_list *list,
                              struct mls_error *err);
MLS_CHECK bool mls_list_add(struct mls_list *list, const char *item,
                            struct mls_error *err);
void mls_list_clear(struct mls_list *list);

/* strcmp order over bytes of known length; the order of every sorted name. */
int mls_bytes_compare(const char *a, size_t a_length, const char *b,
                      size_t b_length);

#endif
