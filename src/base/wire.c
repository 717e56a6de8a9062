#include "base/wire.h"

#include <endian.h>

void pa_put_u8(struct pa_buf *buf, uint8_t value) {
    pa_buf_append(buf, &value, 1);
}

void pa_put_u32(struct pa_buf *buf, uint32_t value) {
    uint32_t le = htole32(value);
    pa_buf_append(buf, &le, sizeof(le));
}

void pa_put_u64(struct pa_buf *buf, uint64_t value) {
    uint64_t le = htole64(value);
    pa_buf_append(buf, &le, sizeof(le));
}

void pa_put_bytes(struct pa_buf *buf, const void *bytes, size_t size) {
    if (size > UINT32_MAX) {
        buf->failed = true;
        return;
    }
    pa_put_u32(buf, (uint32_t)size);
    pa_buf_append(buf, bytes, size);
}

void pa_put_text(struct pa_buf *buf, const char *text) {
    pa_put_bytes(buf, text ? text : "", text ? strlen(text) : 0);
}

static const uint8_t *take(struct pa_reader *reader, size_t size) {
    if (reader->failed || size > reader->size - reader->at) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *at = reader->data + reader->at;
    reader->at += size;
    return at;
}

uint8_t pa_get_u8(struct pa_reader *reader) {
    const uint8_t *at = take(reader, 1);
    return at ? *at : 0;
}

uint32_t pa_get_u32(struct pa_reader *reader) {
    const uint8_t *at = take(reader, 4);
    uint32_t le = 0;
    if (at)
        memcpy(&le, at, 4);
    return le32toh(le);
}

uint64_t pa_get_u64(struct pa_reader *reader) {
    const uint8_t *at = take(reader, 8);
    uint64_t le = 0;
    if (at)
        memcpy(&le, at, 8);
    return le64toh(le);
}

const uint8_t *pa_get_bytes(struct pa_reader *reader, size_t *ret_size) {
    uint32_t size = pa_get_u32(reader);
    const uint8_t *at = take(reader, size);
    *ret_size = at ? size : 0;
    return at;
}

char *pa_get_text(struct pa_reader *reader) {
    size_t size;
    const uint8_t *at = pa_get_bytes(reader, &size);
    if (!at)
        return NULL;
    if (memchr(at, 0, size)) {
        reader->failed = true;
        return NULL;
    }
    char *text = strndup((const char *)at, size);
    if (!text)
        reader->failed = true;
    return text;
}

void pa_get_text_into(struct pa_reader *reader, char *out, size_t room) {
    size_t size;
    const uint8_t *at = pa_get_bytes(reader, &size);
    size = PA_MIN(size, room - 1);
    if (size)
        memcpy(out, at, size);
    out[size] = 0;
}

uint32_t pa_get_count(struct pa_reader *reader, size_t min_item) {
    uint32_t count = pa_get_u32(reader);
    if (!reader->failed && count > (reader->size - reader->at) / PA_MAX(min_item, (size_t)1))
        reader->failed = true;
    return reader->failed ? 0 : count;
}

bool pa_reader_ok(const struct pa_reader *reader) {
    return !reader->failed && reader->at == reader->size;
}
