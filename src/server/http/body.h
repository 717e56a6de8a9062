/*
 * What a request carries: small in memory, large in a memory file; bounded for itself and, over all
 * requests of a door, together.
 *
 *     struct pa_http_body body;
 *     pa_http_body_init(&body, &spool, max)
 *     pa_http_body_add(&body, bytes, size, &err)       as they come
 *     pa_http_body_view(&body, &bytes, &size, &err)    all of them, as long as the body
 *     pa_http_body_done(&body);
 */
#ifndef PA_SERVER_HTTP_BODY_H
#define PA_SERVER_HTTP_BODY_H

#include "base/buf.h"
#include "base/error.h"
#include <stdatomic.h>

#define PA_HTTP_SMALL_BODY ((size_t)64 * 1024) /* bytes: more goes to a memory file */

/* How much the bodies of a door hold in memory files, together. */
struct pa_http_spool {
    atomic_uint_fast64_t used;
    uint64_t most;
};

struct pa_http_body {
    struct pa_http_spool *spool;
    struct pa_buf small;
    int fd;             /* a memory file, -1: all is in `small` */
    uint64_t size, max; /* bytes */
    void *view;         /* mapped, of `fd` */
    uint64_t view_size;
};

void pa_http_body_init(struct pa_http_body *body, struct pa_http_spool *spool, uint64_t max);
void pa_http_body_done(struct pa_http_body *body);

/* INVALID_ARGUMENT past the maximum; UNAVAILABLE when the bodies of others leave no room. */
int pa_http_body_add(struct pa_http_body *body, const void *bytes, size_t size,
                     struct pa_error *err);

/* The body as one span; "" when it is empty. */
int pa_http_body_view(struct pa_http_body *body, const void **ret_bytes, size_t *ret_size,
                      struct pa_error *err);

/* A descriptor of a file that holds it, at offset 0; the body's. */
int pa_http_body_file(struct pa_http_body *body, int *ret_fd, struct pa_error *err);

#endif
