#include "server/http/body.h"

#include "base/io.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

void pa_http_body_init(struct pa_http_body *body, struct pa_http_spool *spool, uint64_t max) {
    *body = (struct pa_http_body){
        .spool = spool, .small = PA_BUF_INIT(PA_HTTP_SMALL_BODY), .fd = -1, .max = max};
}

void pa_http_body_done(struct pa_http_body *body) {
    if (body->view)
        munmap(body->view, body->view_size);
    if (body->fd >= 0) {
        close(body->fd);
        atomic_fetch_sub(&body->spool->used, body->size);
    }
    pa_buf_done(&body->small);
    *body = (struct pa_http_body){.fd = -1};
}

/* Counts `size` more bytes in memory files of this door. */
static int reserve(struct pa_http_spool *spool, uint64_t size, struct pa_error *err) {
    if (atomic_fetch_add(&spool->used, size) + size <= spool->most)
        return 0;
    atomic_fetch_sub(&spool->used, size);
    return pa_fail(err, PA_ERR_UNAVAILABLE,
                   "the requests that are being received fill %llu bytes, which is all that is "
                   "meant for them: try again",
                   (unsigned long long)spool->most);
}

/* From here on it lives in a memory file. */
static int move_to_file(struct pa_http_body *body, struct pa_error *err) {
    if (reserve(body->spool, body->size, err) < 0)
        return -1;
    body->fd = pa_memfd_of("http-body", body->small.data, body->small.size, err);
    if (body->fd < 0) {
        atomic_fetch_sub(&body->spool->used, body->size);
        return -1;
    }
    pa_buf_done(&body->small);
    if (lseek(body->fd, 0, SEEK_END) < 0)
        return pa_fail_errno(err, errno, "cannot write to a memory file");
    return 0;
}

int pa_http_body_add(struct pa_http_body *body, const void *bytes, size_t size,
                     struct pa_error *err) {
    if (size > body->max - body->size)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the request's body is larger than %llu bytes (server.request_bytes)",
                       (unsigned long long)body->max);
    if (body->fd < 0 && body->size + size > PA_HTTP_SMALL_BODY && move_to_file(body, err) < 0)
        return -1;
    if (body->fd < 0) {
        pa_buf_append(&body->small, bytes, size);
        if (body->small.failed)
            return pa_fail(err, PA_ERR_UNAVAILABLE, "out of memory for the request's body");
    } else {
        if (reserve(body->spool, size, err) < 0)
            return -1;
        if (pa_write_full(body->fd, bytes, size) < 0) {
            atomic_fetch_sub(&body->spool->used, size);
            return pa_fail_errno(err, errno, "cannot write to a memory file");
        }
    }
    body->size += size;
    return 0;
}

int pa_http_body_view(struct pa_http_body *body, const void **ret_bytes, size_t *ret_size,
                      struct pa_error *err) {
    if (body->fd >= 0 && body->size && !body->view) {
        void *view = mmap(NULL, body->size, PROT_READ, MAP_SHARED, body->fd, 0);
        if (view == MAP_FAILED)
            return pa_fail_errno(err, errno, "cannot map the request's body");
        body->view = view;
        body->view_size = body->size;
    }
    *ret_bytes = body->view ? body->view : pa_buf_text(&body->small);
    *ret_size = body->size;
    return 0;
}

int pa_http_body_file(struct pa_http_body *body, int *ret_fd, struct pa_error *err) {
    if (body->fd < 0 && move_to_file(body, err) < 0)
        return -1;
    if (lseek(body->fd, 0, SEEK_SET) < 0)
        return pa_fail_errno(err, errno, "cannot rewind a memory file");
    *ret_fd = body->fd;
    return 0;
}
