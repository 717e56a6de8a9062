/*
 * A growable byte buffer that has a maximum.
 *
 *     struct pa_buf buf = PA_BUF_INIT(1 << 20);       never holds more than 1 MiB
 *     pa_buf_printf(&buf, "%s=%d", name, value);      append as often as you like ...
 *     if (buf.failed) ...                             ... and check once, at the end
 *     pa_buf_done(&buf);
 *
 * Invariants: data[size] is always 0 once anything was appended, so a buffer of text is a C string;
 * after a failed append (out of memory, or over the maximum) `failed` stays set and the contents
 * are those before it.
 */
#ifndef PA_BASE_BUF_H
#define PA_BASE_BUF_H

#include "base/macros.h"
#include <stdarg.h>
#include <stdbool.h>

struct pa_buf {
    uint8_t *data;
    size_t size, capacity;
    size_t max; /* bytes */
    bool failed;
};

#define PA_BUF_INIT(maximum) ((struct pa_buf){.max = (maximum)})

void pa_buf_append(struct pa_buf *buf, const void *bytes, size_t size);
void pa_buf_append_text(struct pa_buf *buf, const char *text);
void pa_buf_printf(struct pa_buf *buf, const char *fmt, ...) PA_PRINTF(2, 3);

/* Room for `size` more bytes at data[size], not yet counted in `size`; NULL if it cannot be had. */
void *pa_buf_reserve(struct pa_buf *buf, size_t size);

/* Drops the first `size` bytes. */
void pa_buf_consume(struct pa_buf *buf, size_t size);

/* The contents as a C string ("" if empty); valid until the next append. */
const char *pa_buf_text(const struct pa_buf *buf);

/* Hands the memory to the caller (free it with free) and leaves an empty buffer. */
uint8_t *pa_buf_take(struct pa_buf *buf, size_t *ret_size);

void pa_buf_clear(struct pa_buf *buf); /* keeps the memory and the maximum, resets `failed` */
void pa_buf_done(struct pa_buf *buf);

#endif
