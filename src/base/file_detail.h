/*
 * What file_input.c and file_output.c share.  Nobody else includes this.
 */
#ifndef MLS_BASE_FILE_DETAIL_H
#define MLS_BASE_FILE_DETAIL_H

#include <zlib.h>

#include "mlspec/error.h"

enum mls_packing { MLS_PACK_NONE, MLS_PACK_GZIP, MLS_PACK_ZSTD };

/* By the end of the name. */
enum mls_packing mls_packing_of(const char *path);

/* "PATH: DOING: REASON" with code MLS_IO and what to do about it; number is an
 * errno.  Returns false. */
bool mls_fail_errno(struct mls_error *err, const char *path,
                    const char *doing, int number);

/* zlib allocates through base/memory.h. */
void mls_zlib_hooks(z_stream *stream);

#endif
