/*
 * The model file's container: a valid safetensors file.  8 bytes of
 * little-endian header length, a JSON header padded with spaces so that the
 * data begins at a multiple of 64, then raw little-endian arrays without gaps,
 * widest element first, names in byte order.  __metadata__ holds "mlspec" (our
 * JSON as one string), and "checksum": 32 hex digits, XXH3-128 over the whole
 * file with those digits as '0'.  docs/model-file.md describes it for users.
 */
#ifndef MLS_BASE_CONTAINER_H
#define MLS_BASE_CONTAINER_H

#include "base/arrays.h"

#define MLS_HEADER_LIMIT 100000000

struct mls_text;

/* The whole file in text.  arrays may be empty. */
MLS_CHECK bool mls_container_pack(const char *metadata,
                                  const struct mls_arrays *arrays,
                                  struct mls_text *text,
                                  struct mls_error *err);
/* Trusts nothing: every length, offset, shape, type is checked before it is
 * used or allocated for.  metadata receives a new string; arrays must be
 * empty.  MLS_MODEL_FILE; name is named in errors. */
MLS_CHECK bool mls_container_unpack(const char *name, const char *bytes,
                                    size_t length, char **metadata,
                                    struct mls_arrays *arrays,
                                    struct mls_error *err);
MLS_CHECK bool mls_container_write(const char *path, const char *metadata,
                                   const struct mls_arrays *arrays,
                                   struct mls_error *err);
MLS_CHECK bool mls_container_read(const char *path, char **metadata,
                                  struct mls_arrays *arrays,
                                  struct mls_error *err);

#endif
