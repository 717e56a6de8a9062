/*
 * Little-endian encoding for what crosses our own sockets: integers and length-prefixed bytes.
 *
 * Writing appends to a pa_buf (whose `failed` is checked once).  Reading goes over a span and is
 * made for bytes that an attacker chose: nothing is read past the end, and the first fault makes
 * every later read return zero or empty; check pa_reader_ok() at the end.
 *
 *     bytes:  | u32 length | length bytes |          text is bytes without an inner NUL
 */
#ifndef PA_BASE_WIRE_H
#define PA_BASE_WIRE_H

#include "base/buf.h"

void pa_put_u8(struct pa_buf *buf, uint8_t value);
void pa_put_u32(struct pa_buf *buf, uint32_t value);
void pa_put_u64(struct pa_buf *buf, uint64_t value);
void pa_put_bytes(struct pa_buf *buf, const void *bytes, size_t size);
void pa_put_text(struct pa_buf *buf, const char *text); /* NULL is written as "" */

struct pa_reader {
    const uint8_t *data;
    size_t size, at;
    bool failed;
};

#define PA_READER(bytes, length) ((struct pa_reader){.data = (bytes), .size = (length)})

uint8_t pa_get_u8(struct pa_reader *reader);
uint32_t pa_get_u32(struct pa_reader *reader);
uint64_t pa_get_u64(struct pa_reader *reader);

/* A view into the span, not a copy; NULL with size 0 on a fault. */
const uint8_t *pa_get_bytes(struct pa_reader *reader, size_t *ret_size);

/* A new C string, NULL on a fault (an inner NUL is one); the caller frees it. */
char *pa_get_text(struct pa_reader *reader);

/* Copies text into `out`, always terminated; longer text is cut.  For fixed-size fields. */
void pa_get_text_into(struct pa_reader *reader, char *out, size_t room);

/* A count of items that each take at least `min_item` bytes: faults if the rest cannot hold them.
 */
uint32_t pa_get_count(struct pa_reader *reader, size_t min_item);

/* True if nothing failed and every byte was read. */
bool pa_reader_ok(const struct pa_reader *reader);

#endif
