/* cmocka, with the headers it wants before it. */
#ifndef PA_TESTS_TEST_H
#define PA_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
