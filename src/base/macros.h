/*
 * Small things every file uses: ownership by cleanup attribute, assertions that stay on,
 * attributes.
 *
 *     PA_CLEANUP(pa_closep) int fd = open(...);     closed when it leaves scope
 *     return pa_steal_fd(&fd);                      ... unless it was handed on
 *
 * Functions that do not hand out text a guest chose use `snprintf`; `strcpy`, `strcat`, `sprintf`
 * and friends do not compile (see the end of this file).
 */
#ifndef PA_BASE_MACROS_H
#define PA_BASE_MACROS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h> /* before the poisoning below */
#include <stdlib.h>
#include <string.h>

#define PA_CLEANUP(fn)    __attribute__((cleanup(fn)))
#define PA_PRINTF(fmt, a) __attribute__((format(printf, fmt, a)))
#define PA_NORETURN       __attribute__((noreturn))
#define PA_UNUSED         __attribute__((unused))
#define PA_MUST_USE       __attribute__((warn_unused_result))

#define PA_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PA_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define PA_MAX(a, b)    ((a) > (b) ? (a) : (b))

/* A bug in this program, never a guest's or a caller's fault: says where, then aborts.  Always on.
 */
#define PA_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            pa_assert_failed(#condition, __FILE__, __LINE__);                                      \
    } while (0)
PA_NORETURN void pa_assert_failed(const char *condition, const char *file, int line);

/* Takes the pointer out of `*slot`, leaving NULL, so that a cleanup attribute does nothing. */
#define pa_steal(slot)                                                                             \
    ({                                                                                             \
        __typeof__(*(slot)) stolen_ = *(slot);                                                     \
        *(slot) = NULL;                                                                            \
        stolen_;                                                                                   \
    })

static inline int pa_steal_fd(int *fd) {
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

/* For PA_CLEANUP(pa_freep) on any pointer from malloc. */
static inline void pa_freep(void *slot) {
    free(*(void **)slot);
}

/* Closes `*fd` if it is >= 0; errno is kept.  For PA_CLEANUP on an int. */
void pa_closep(int *fd);

/* Allocation that cannot fail: for sizes that no guest or caller chooses.  Aborts with a message.
 */
void *pa_xcalloc(size_t count, size_t size);
char *pa_xstrdup(const char *text);
char *pa_xasprintf(const char *fmt, ...) PA_PRINTF(1, 2);

static inline int pa_streq(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok

#endif
