/*
 * The host's trouble, as a value: a code, the errno if there was one, and a message.
 *
 * A function that can fail takes `struct pa_error *err` last and returns 0, or -1 after filling
 * *err through pa_fail*().  On success *err is untouched.  Callers put context in front as the
 * error travels up: pa_error_prefix(err, "mount %s", path).  The struct holds no pointers: it needs
 * no freeing and can cross a socket.
 *
 * A guest's end is never an error (see policy/status.h); a bug is PA_ASSERT.
 */
#ifndef PA_BASE_ERROR_H
#define PA_BASE_ERROR_H

#include "base/macros.h"

/* code, name on the wire, gRPC status, HTTP status, exit status of the command line */
#define PA_ERROR_CODES(X)                                                                          \
    X(PA_ERR_INVALID_ARGUMENT, "INVALID_ARGUMENT", 3, 400, 2)                                      \
    X(PA_ERR_NOT_FOUND, "NOT_FOUND", 5, 404, 125)                                                  \
    X(PA_ERR_ALREADY_EXISTS, "ALREADY_EXISTS", 6, 409, 125)                                        \
    X(PA_ERR_PERMISSION_DENIED, "PERMISSION_DENIED", 7, 403, 125)                                  \
    X(PA_ERR_RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED", 8, 429, 125)                                \
    X(PA_ERR_FAILED_PRECONDITION, "FAILED_PRECONDITION", 9, 412, 125)                              \
    X(PA_ERR_UNIMPLEMENTED, "UNIMPLEMENTED", 12, 501, 125)                                         \
    X(PA_ERR_INTERNAL, "INTERNAL", 13, 500, 125)                                                   \
    X(PA_ERR_UNAVAILABLE, "UNAVAILABLE", 14, 503, 125)                                             \
    X(PA_ERR_CANCELLED, "CANCELLED", 1, 499, 130)                                                  \
    X(PA_ERR_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", 4, 504, 124)                                  \
    X(PA_ERR_UNAUTHENTICATED, "UNAUTHENTICATED", 16, 401, 125)

enum pa_error_code {
    PA_ERR_NONE = 0,
#define X(code, name, grpc, http, exit_status) code,
    PA_ERROR_CODES (X)
#undef X
};

struct pa_error {
    enum pa_error_code code;
    int errnum;        /* the errno behind it, or 0 */
    char message[512]; /* one sentence, no newline, UTF-8; long ones end in "..." */
};

/* Fill *err (which may be NULL) and return -1, so that `return pa_fail(...)` reads well. */
int pa_fail(struct pa_error *err, enum pa_error_code code, const char *fmt, ...) PA_PRINTF(3, 4);

/* The same for a failed system call: the code follows from `errnum`, ": strerror" is appended. */
int pa_fail_errno(struct pa_error *err, int errnum, const char *fmt, ...) PA_PRINTF(3, 4);

/* Puts "context: " in front of the message.  Returns -1. */
int pa_error_prefix(struct pa_error *err, const char *fmt, ...) PA_PRINTF(2, 3);

const char *pa_error_code_name(enum pa_error_code code);
int pa_error_code_grpc(enum pa_error_code code);
int pa_error_code_http(enum pa_error_code code);
int pa_error_code_exit(enum pa_error_code code);

#endif
