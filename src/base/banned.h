/*
 * Included before everything else.  Functions that hide errors, overflow
 * buffers, or depend on the locale do not compile; the replacement stands
 * beside each.
 */
#ifndef MLS_BASE_BANNED_H
#define MLS_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison atoi atol atof       /* mls_parse_integer, mls_parse_real */
#pragma GCC poison strtod strtof        /* mls_parse_real */
#pragma GCC poison strtok               /* mls_list_split */
#pragma GCC poison sprintf vsprintf     /* snprintf, mls_text_format */
#pragma GCC poison strcpy strcat        /* mls_text_add, memcpy */
#pragma GCC poison rand srand           /* mls_random */
#pragma GCC poison gets

#endif
