#include "base/buf.h"

#include <stdio.h>

void *pa_buf_reserve(struct pa_buf *buf, size_t size) {
    if (buf->failed)
        return NULL;
    if (size > buf->max || buf->size > buf->max - size) {
        buf->failed = true;
        return NULL;
    }
    size_t needed = buf->size + size + 1; /* the closing 0 */
    if (needed > buf->capacity) {
        size_t capacity = PA_MAX(needed, PA_MIN(buf->capacity * 2, buf->max + 1));
        uint8_t *data = realloc(buf->data, PA_MAX(capacity, (size_t)64));
        if (!data) {
            buf->failed = true;
            return NULL;
        }
        buf->data = data;
        buf->capacity = PA_MAX(capacity, (size_t)64);
    }
    return buf->data + buf->size;
}

void pa_buf_append(struct pa_buf *buf, const void *bytes, size_t size) {
    void *room = pa_buf_reserve(buf, size);
    if (!room)
        return;
    if (size)
        memcpy(room, bytes, size);
    buf->size += size;
    buf->data[buf->size] = 0;
}

void pa_buf_append_text(struct pa_buf *buf, const char *text) {
    pa_buf_append(buf, text, strlen(text));
}

void pa_buf_printf(struct pa_buf *buf, const char *fmt, ...) {
    char small[256];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    if (n < 0) {
        buf->failed = true;
        return;
    }
    if ((size_t)n < sizeof(small)) {
        pa_buf_append(buf, small, (size_t)n);
        return;
    }
    char *room = pa_buf_reserve(buf, (size_t)n);
    if (!room)
        return;
    va_start(args, fmt);
    vsnprintf(room, (size_t)n + 1, fmt, args);
    va_end(args);
    buf->size += (size_t)n;
}

void pa_buf_consume(struct pa_buf *buf, size_t size) {
    PA_ASSERT(size <= buf->size);
    if (!size)
        return;
    memmove(buf->data, buf->data + size, buf->size - size + 1);
    buf->size -= size;
}

const char *pa_buf_text(const struct pa_buf *buf) {
    return buf->data ? (const char *)buf->data : "";
}

uint8_t *pa_buf_take(struct pa_buf *buf, size_t *ret_size) {
    uint8_t *data = pa_steal(&buf->data);
    if (ret_size)
        *ret_size = buf->size;
    buf->size = buf->capacity = 0;
    return data;
}

void pa_buf_clear(struct pa_buf *buf) {
    buf->size = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = 0;
}

void pa_buf_done(struct pa_buf *buf) {
    free(buf->data);
    *buf = PA_BUF_INIT(buf->max);
}
