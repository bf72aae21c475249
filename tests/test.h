/* What every unit test includes first: cmocka needs these before it. */
#ifndef MLS_TESTS_TEST_H
#define MLS_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
