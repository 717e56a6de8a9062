#include "base/error.h"

#include "base/utf8.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* What was cut is marked; what others chose (the name of a file, a parameter) does not make it more
 * than a line of UTF-8. */
static void finish(struct pa_error *err, size_t length) {
    const size_t room = sizeof(err->message);
    if (length >= room)
        memcpy(err->message + room - 4, "...", 4);
    size_t left = strlen(err->message);
    for (uint8_t *at = (uint8_t *)err->message; left;) {
        size_t n = pa_utf8_sequence(at, left);
        if (!n || *at < 0x20 || *at == 0x7f)
            *at = '?';
        n = PA_MAX(n, 1u);
        at += n;
        left -= n;
    }
}

static size_t format(char *out, size_t room, const char *fmt, va_list args) {
    int n = vsnprintf(out, room, fmt, args);
    return n < 0 ? 0 : (size_t)n;
}

int pa_fail(struct pa_error *err, enum pa_error_code code, const char *fmt, ...) {
    if (!err)
        return -1;
    va_list args;
    va_start(args, fmt);
    err->code = code;
    err->errnum = 0;
    finish(err, format(err->message, sizeof(err->message), fmt, args));
    va_end(args);
    return -1;
}

static enum pa_error_code code_of_errno(int errnum) {
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return PA_ERR_NOT_FOUND;
    case EEXIST:
        return PA_ERR_ALREADY_EXISTS;
    case EACCES:
    case EPERM:
        return PA_ERR_PERMISSION_DENIED;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOSPC:
    case EDQUOT:
    case EAGAIN:
        return PA_ERR_RESOURCE_EXHAUSTED;
    default:
        return PA_ERR_INTERNAL;
    }
}

int pa_fail_errno(struct pa_error *err, int errnum, const char *fmt, ...) {
    if (!err)
        return -1;
    va_list args;
    va_start(args, fmt);
    err->code = code_of_errno(errnum);
    err->errnum = errnum;
    size_t used = format(err->message, sizeof(err->message), fmt, args);
    va_end(args);
    if (used < sizeof(err->message)) {
        char text[128];
        size_t room = sizeof(err->message) - used;
        int n =
            snprintf(err->message + used, room, ": %s%s", strerror_r(errnum, text, sizeof(text)),
                     errnum == EFBIG ? " (the limit on files is ulimit -f)" : "");
        used += n < 0 ? 0 : (size_t)n;
    }
    finish(err, used);
    return -1;
}

int pa_error_prefix(struct pa_error *err, const char *fmt, ...) {
    if (!err)
        return -1;
    char old[sizeof(err->message)];
    memcpy(old, err->message, sizeof(old));
    va_list args;
    va_start(args, fmt);
    size_t used = format(err->message, sizeof(err->message), fmt, args);
    va_end(args);
    if (used < sizeof(err->message)) {
        int n = snprintf(err->message + used, sizeof(err->message) - used, ": %s", old);
        used += n < 0 ? 0 : (size_t)n;
    }
    finish(err, used);
    return -1;
}

static const struct {
    const char *name;
    int grpc, http, exit_status;
} codes[] = {[PA_ERR_NONE] = {"OK", 0, 200, 0},
#define X(code, name, grpc, http, exit_status) [code] = {name, grpc, http, exit_status},
             PA_ERROR_CODES (X)
#undef X
};

const char *pa_error_code_name(enum pa_error_code code) {
    return codes[code].name;
}

int pa_error_code_grpc(enum pa_error_code code) {
    return codes[code].grpc;
}

int pa_error_code_http(enum pa_error_code code) {
    return codes[code].http;
}

int pa_error_code_exit(enum pa_error_code code) {
    return codes[code].exit_status;
}
