#include "base/macros.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void pa_assert_failed(const char *condition, const char *file, int line) {
    dprintf(STDERR_FILENO, "polyagent: bug: %s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}

void pa_closep(int *fd) {
    if (*fd < 0)
        return;
    int saved = errno;
    close(*fd);
    errno = saved;
    *fd = -1;
}

static void *check(void *memory) {
    if (!memory) {
        dprintf(STDERR_FILENO, "polyagent: out of memory\n");
        abort();
    }
    return memory;
}

void *pa_xcalloc(size_t count, size_t size) {
    return check(calloc(count ? count : 1, size ? size : 1));
}

char *pa_xstrdup(const char *text) {
    return check(strdup(text));
}

char *pa_xasprintf(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = NULL;
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    return check(n < 0 ? NULL : text);
}
