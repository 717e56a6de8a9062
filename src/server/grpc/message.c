/*
 * Messages of strangers.  protobuf-c checks the wire and the lengths, and its recursion is as deep
 * as our messages are (a Struct is bytes to it, see proto/build).  What it does not bound is what a
 * message costs: a field takes two bytes on the wire and a hundred unpacked.  So fields are counted
 * before anything is unpacked, by walking them as the message's descriptor says.
 */
#include "server/grpc/grpc_internal.h"

#include "base/utf8.h"
#include "server/grpc/struct_json.h"
#include "server/grpc/wire.h"

#define FIELDS_MAX 100000

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *descriptor,
                                                uint32_t number) {
    for (unsigned i = 0; i < descriptor->n_fields; i++)
        if (descriptor->fields[i].id == number)
            return &descriptor->fields[i];
    return NULL;
}

/* False: too many, or not the wire format. */
static bool count_fields(const ProtobufCMessageDescriptor *descriptor, struct pa_wire wire,
                         size_t *count) {
    struct pa_wire_field field;
    while (pa_wire_next(&wire, &field)) {
        if (++*count > FIELDS_MAX)
            return false;
        const ProtobufCFieldDescriptor *known = field_of(descriptor, field.number);
        if (known && known->type == PROTOBUF_C_TYPE_MESSAGE && field.type == PA_WIRE_BYTES &&
            !count_fields(known->descriptor, field.bytes, count))
            return false;
    }
    return !wire.failed;
}

void *pa_message_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes,
                        size_t size, struct pa_error *err) {
    size_t count = 0;
    bool fits = !size || count_fields(descriptor, PA_WIRE(bytes, size), &count);
    void *message = fits ? protobuf_c_message_unpack(descriptor, NULL, size, bytes) : NULL;
    if (count > FIELDS_MAX)
        pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the message has more than %d fields", FIELDS_MAX);
    else if (!message)
        pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the message is not a %s", descriptor->name);
    return message;
}

void pa_message_free(void *message) {
    if (message)
        protobuf_c_message_free_unpacked(message, NULL);
}

int pa_message_text(const ProtobufCBinaryData *text, const char *field, char **ret,
                    struct pa_error *err) {
    for (size_t at = 0, n; at < text->len; at += n) {
        n = pa_utf8_sequence(text->data + at, text->len - at);
        if (!n)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s is not UTF-8", field);
        if (!text->data[at])
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s has a NUL in it", field);
    }
    char *copy = pa_xcalloc(1, text->len + 1);
    if (text->len)
        memcpy(copy, text->data, text->len);
    *ret = copy;
    return 0;
}

ProtobufCBinaryData pa_message_view(const char *text) {
    return (ProtobufCBinaryData){text ? strlen(text) : 0, (uint8_t *)(uintptr_t)text};
}

ProtobufCBinaryData pa_message_view_json(const json_t *string) {
    return (ProtobufCBinaryData){json_string_length(string),
                                 (uint8_t *)(uintptr_t)json_string_value(string)};
}

ProtobufCBinaryData pa_message_struct(const json_t *object) {
    struct pa_buf buf = PA_BUF_INIT(INT32_MAX);
    ProtobufCBinaryData data = {0};
    pa_struct_write(object, &buf);
    if (buf.failed)
        pa_buf_done(&buf);
    else
        data.data = pa_buf_take(&buf, &data.len);
    return data;
}
