/*
 * The wire format of protocol buffers, field by field, for what protobuf-c does not do: messages of
 * any depth and size that a stranger sent.
 * https://protobuf.dev/programming-guides/encoding/
 *
 *     struct pa_wire wire = PA_WIRE(bytes, size);
 *     struct pa_wire_field field;
 *     while (pa_wire_next(&wire, &field)) ... field.number, field.type, field.value or field.bytes
 *     if (wire.failed) ...                    cut off, or not the wire format
 *
 * Nothing is copied, and nothing is read past the end.
 */
#ifndef PA_SERVER_GRPC_WIRE_H
#define PA_SERVER_GRPC_WIRE_H

#include "base/buf.h"

enum pa_wire_type {
    PA_WIRE_VARINT = 0,
    PA_WIRE_FIXED64 = 1,
    PA_WIRE_BYTES = 2, /* a string, bytes, a message */
    PA_WIRE_FIXED32 = 5,
};

struct pa_wire {
    const uint8_t *at, *end;
    bool failed;
};

#define PA_WIRE(bytes, size) ((struct pa_wire){.at = (bytes), .end = (bytes) + (size)})

struct pa_wire_field {
    uint32_t number;
    enum pa_wire_type type;
    uint64_t value;       /* of the types that are numbers */
    struct pa_wire bytes; /* of PA_WIRE_BYTES: its contents */
};

/* False at the end and after a fault.  Groups, which nobody writes any more, are a fault. */
bool pa_wire_next(struct pa_wire *wire, struct pa_wire_field *ret);

void pa_wire_put_tag(struct pa_buf *out, unsigned number, enum pa_wire_type type);
void pa_wire_put_varint_field(struct pa_buf *out, unsigned number, uint64_t value);
void pa_wire_put_double(struct pa_buf *out, unsigned number, double value);
void pa_wire_put_bytes(struct pa_buf *out, unsigned number, const void *bytes, size_t size);

/* Puts the length before what was appended since `start`, moving it. */
void pa_wire_close(struct pa_buf *out, size_t start);

#endif
