#include "server/grpc/wire.h"

#define VARINT_MAX 10 /* bytes */

static bool fail(struct pa_wire *wire) {
    wire->failed = true;
    wire->at = wire->end;
    return false;
}

static bool get_varint(struct pa_wire *wire, uint64_t *ret) {
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_MAX && wire->at < wire->end; i++) {
        uint8_t byte = *wire->at++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return fail(wire);
}

static bool get_fixed(struct pa_wire *wire, size_t size, uint64_t *ret) {
    if ((size_t)(wire->end - wire->at) < size)
        return fail(wire);
    *ret = 0;
    for (size_t i = 0; i < size; i++)
        *ret |= (uint64_t)*wire->at++ << (8 * i);
    return true;
}

static bool get_bytes(struct pa_wire *wire, struct pa_wire *ret) {
    uint64_t size;
    if (!get_varint(wire, &size))
        return false;
    if (size > (uint64_t)(wire->end - wire->at))
        return fail(wire);
    *ret = PA_WIRE(wire->at, size);
    wire->at += size;
    return true;
}

bool pa_wire_next(struct pa_wire *wire, struct pa_wire_field *ret) {
    uint64_t tag;
    if (wire->at == wire->end)
        return false;
    if (!get_varint(wire, &tag))
        return false;
    if (tag >> 3 == 0 || tag >> 32)
        return fail(wire);
    *ret = (struct pa_wire_field){.number = (uint32_t)(tag >> 3), .type = tag & 7};
    switch (ret->type) {
    case PA_WIRE_VARINT:
        return get_varint(wire, &ret->value);
    case PA_WIRE_FIXED64:
        return get_fixed(wire, 8, &ret->value);
    case PA_WIRE_FIXED32:
        return get_fixed(wire, 4, &ret->value);
    case PA_WIRE_BYTES:
        return get_bytes(wire, &ret->bytes);
    default:
        return fail(wire);
    }
}

static size_t varint(uint64_t value, uint8_t out[VARINT_MAX]) {
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        out[size++] = (uint8_t)(value | 0x80);
    out[size++] = (uint8_t)value;
    return size;
}

static void put_varint(struct pa_buf *out, uint64_t value) {
    uint8_t bytes[VARINT_MAX];
    pa_buf_append(out, bytes, varint(value, bytes));
}

void pa_wire_put_tag(struct pa_buf *out, unsigned number, enum pa_wire_type type) {
    put_varint(out, (uint64_t)number << 3 | type);
}

void pa_wire_put_varint_field(struct pa_buf *out, unsigned number, uint64_t value) {
    pa_wire_put_tag(out, number, PA_WIRE_VARINT);
    put_varint(out, value);
}

void pa_wire_put_double(struct pa_buf *out, unsigned number, double value) {
    uint64_t bits;
    uint8_t bytes[8];
    memcpy(&bits, &value, sizeof(bits));
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(bits >> (8 * i));
    pa_wire_put_tag(out, number, PA_WIRE_FIXED64);
    pa_buf_append(out, bytes, sizeof(bytes));
}

void pa_wire_put_bytes(struct pa_buf *out, unsigned number, const void *bytes, size_t size) {
    pa_wire_put_tag(out, number, PA_WIRE_BYTES);
    put_varint(out, size);
    pa_buf_append(out, bytes, size);
}

void pa_wire_close(struct pa_buf *out, size_t start) {
    uint8_t length[VARINT_MAX];
    size_t size = out->size - start, room = varint(size, length);
    if (!pa_buf_reserve(out, room))
        return;
    memmove(out->data + start + room, out->data + start, size);
    memcpy(out->data + start, length, room);
    out->size += room;
    out->data[out->size] = 0;
}
