/*
 * JSON values.  The only place that calls cJSON.  Reals are written in their
 * shortest form, integers past 2^53 as strings, NaN and infinities as null;
 * keys are case-sensitive; duplicate keys are refused on reading.
 *
 * A value handed to a setter becomes part of its parent.  Setters fail with
 * MLS_LIMIT only.  Getters return the fallback when the key is absent or of
 * another type; use mls_json_kind_of to be strict.
 */
#ifndef MLS_BASE_JSON_H
#define MLS_BASE_JSON_H

#include "mlspec/error.h"

struct mls_json;
struct mls_text;

enum mls_json_kind {
    MLS_JSON_NONE, MLS_JSON_NULL, MLS_JSON_FALSE, MLS_JSON_TRUE,
    MLS_JSON_NUMBER, MLS_JSON_STRING, MLS_JSON_ARRAY, MLS_JSON_OBJECT
};

/* name is the file named in errors (line given); code the error code. */
MLS_CHECK struct mls_json *mls_json_parse(const char *text, size_t length,
                                          const char *name,
                                          enum mls_code code,
                                          struct mls_error *err);
MLS_CHECK struct mls_json *mls_json_new_object(struct mls_error *err);
MLS_CHECK struct mls_json *mls_json_new_array(struct mls_error *err);
MLS_CHECK struct mls_json *mls_json_copy(const struct mls_json *json,
                                         struct mls_error *err);
void mls_json_free(struct mls_json *json);

/* indent: pretty, 2 spaces, final newline; otherwise one line, no newline. */
MLS_CHECK bool mls_json_print(const struct mls_json *json, bool indent,
                              struct mls_text *text, struct mls_error *err);

/* In an object with a key, or appended to an array with key NULL.  An existing
 * key is replaced. */
MLS_CHECK struct mls_json *mls_json_add_object(struct mls_json *to,
                                               const char *key,
                                               struct mls_error *err);
MLS_CHECK struct mls_json *mls_json_add_array(struct mls_json *to,
                                              const char *key,
                                              struct mls_error *err);
MLS_CHECK bool mls_json_add(struct mls_json *to, const char *key,
                            struct mls_json *takes, struct mls_error *err);
MLS_CHECK bool mls_json_add_real(struct mls_json *to, const char *key,
                                 double value, struct mls_error *err);
MLS_CHECK bool mls_json_add_integer(struct mls_json *to, const char *key,
                                    int64_t value, struct mls_error *err);
MLS_CHECK bool mls_json_add_bool(struct mls_json *to, const char *key,
                                 bool value, struct mls_error *err);
MLS_CHECK bool mls_json_add_text(struct mls_json *to, const char *key,
                                 const char *value, struct mls_error *err);
/* For objects of many keys: the caller knows that key is not in it. */
MLS_CHECK bool mls_json_add_new_text(struct mls_json *to, const char *key,
                                     const char *value,
                                     struct mls_error *err);
MLS_CHECK bool mls_json_add_null(struct mls_json *to, const char *key,
                                 struct mls_error *err);

enum mls_json_kind mls_json_kind_of(const struct mls_json *json); /* NULL: NONE */
const struct mls_json *mls_json_get(const struct mls_json *object,
                                    const char *key);
/* Walk members or elements: first child, next sibling, own key. */
const struct mls_json *mls_json_first(const struct mls_json *json);
const struct mls_json *mls_json_next(const struct mls_json *json);
const char *mls_json_key(const struct mls_json *json);
int64_t mls_json_count(const struct mls_json *json);
const char *mls_json_text(const struct mls_json *json, const char *fallback);
double mls_json_real(const struct mls_json *json, double fallback);
bool mls_json_bool(const struct mls_json *json, bool fallback);
/* A whole number within +-2^53, or a string that holds one. */
bool mls_json_integer(const struct mls_json *json, int64_t *value);

#endif
