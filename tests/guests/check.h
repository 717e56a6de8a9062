/* What the guests here share: a check that says where it failed, and a status that tells how many.
 */
#ifndef TESTS_GUESTS_CHECK_H
#define TESTS_GUESTS_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        errno = 0;                                                                                 \
        if (!(condition)) {                                                                        \
            printf("%s:%d: %s (errno: %s)\n", __FILE_NAME__, __LINE__, #condition,                 \
                   strerror(errno));                                                               \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

/* The call fails, with this errno. */
#define FAILS(expected, call)                                                                      \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long got_ = (long)(call);                                                                  \
        if (got_ != -1 || errno != (expected)) {                                                   \
            printf("%s:%d: %s = %ld (errno: %s), expected %s\n", __FILE_NAME__, __LINE__, #call,   \
                   got_, strerror(errno), #expected);                                              \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

#endif
