/*
 * The wire of a Struct, read and written without an intermediate tree of messages: a module of
 * 50 MiB is one string in it, and is copied once.
 *
 *     Struct     repeated  1: entry {1: key, 2: Value}
 *     Value      one of    1: null (varint)  2: number (double)  3: string  4: bool (varint)
 *                          5: Struct  6: ListValue
 *     ListValue  repeated  1: Value
 *
 * Reading goes down as deep as the maximum.  Of a field that comes twice the last one counts, as
 * protobuf has it (messages that come twice should be merged; no encoder writes such a Struct).
 *
 * A length stands before what it measures.  Writing therefore puts a container's contents first and
 * moves them up by the length's own size: cheaper than measuring each container at every level.
 */
#include "server/grpc/struct_json.h"

#include "server/grpc/wire.h"
#include <math.h>

enum value_field {
    NULL_FIELD = 1,
    NUMBER,
    STRING,
    BOOL,
    STRUCT,
    LIST
};

#define MAX_EXACT 9007199254740992.0 /* 2^53: the integers up to it are doubles */

struct reader {
    unsigned depth;
    size_t values;
    struct pa_error *err;
};

static int bad(struct reader *reader, const char *what) {
    return pa_fail(reader->err, PA_ERR_INVALID_ARGUMENT, "not a google.protobuf.Struct: %s", what);
}

static int read_object(struct reader *reader, struct pa_wire wire, json_t **ret);
static int read_array(struct reader *reader, struct pa_wire wire, json_t **ret);

static int read_number(struct reader *reader, double number, json_t **ret) {
    if (!isfinite(number))
        return bad(reader, "a number is not finite, which JSON cannot say");
    if (number == floor(number) && fabs(number) <= MAX_EXACT)
        *ret = json_integer((json_int_t)number);
    else
        *ret = json_real(number);
    return 0;
}

static int read_string(struct reader *reader, struct pa_wire wire, json_t **ret) {
    *ret = json_stringn((const char *)wire.at, (size_t)(wire.end - wire.at));
    return *ret ? 0 : bad(reader, "a string is not UTF-8");
}

static int read_container(struct reader *reader, const struct pa_wire_field *field, json_t **ret) {
    if (reader->depth == PA_STRUCT_MAX_DEPTH)
        return pa_fail(reader->err, PA_ERR_INVALID_ARGUMENT,
                       "objects and arrays are nested deeper than %d levels", PA_STRUCT_MAX_DEPTH);
    reader->depth++;
    int done = field->number == STRUCT ? read_object(reader, field->bytes, ret)
                                       : read_array(reader, field->bytes, ret);
    reader->depth--;
    return done;
}

static int read_field(struct reader *reader, const struct pa_wire_field *field, json_t **ret) {
    static const enum pa_wire_type types[] = {
        [NULL_FIELD] = PA_WIRE_VARINT, [NUMBER] = PA_WIRE_FIXED64, [STRING] = PA_WIRE_BYTES,
        [BOOL] = PA_WIRE_VARINT,       [STRUCT] = PA_WIRE_BYTES,   [LIST] = PA_WIRE_BYTES};
    if (field->number < NULL_FIELD || field->number > LIST)
        return 0; /* of a later version */
    if (field->type != types[field->number])
        return bad(reader, "a value has the wrong wire type");
    json_decref(*ret);
    *ret = NULL;
    switch (field->number) {
    case NUMBER: {
        double number;
        memcpy(&number, &field->value, sizeof(number));
        return read_number(reader, number, ret);
    }
    case STRING:
        return read_string(reader, field->bytes, ret);
    case BOOL:
        *ret = json_boolean(field->value != 0);
        return 0;
    case STRUCT:
    case LIST:
        return read_container(reader, field, ret);
    default:
        *ret = json_null();
        return 0;
    }
}

/* A new reference in *ret; NULL on a fault. */
static int read_value(struct reader *reader, struct pa_wire wire, json_t **ret) {
    struct pa_wire_field field;
    *ret = NULL;
    if (++reader->values > PA_STRUCT_MAX_VALUES)
        return pa_fail(reader->err, PA_ERR_INVALID_ARGUMENT, "there are more than %d values",
                       PA_STRUCT_MAX_VALUES);
    int done = 0;
    while (done == 0 && pa_wire_next(&wire, &field))
        done = read_field(reader, &field, ret);
    if (done == 0 && wire.failed)
        done = bad(reader, "a value is cut off");
    if (done < 0) {
        json_decref(*ret);
        *ret = NULL;
    } else if (!*ret) {
        *ret = json_null(); /* a Value without a kind */
    }
    return done;
}

static int read_entry(struct reader *reader, struct pa_wire wire, json_t *object) {
    struct pa_wire key = {0}, value = {0};
    struct pa_wire_field field;
    while (pa_wire_next(&wire, &field)) {
        if (field.type == PA_WIRE_BYTES && field.number == 1)
            key = field.bytes;
        if (field.type == PA_WIRE_BYTES && field.number == 2)
            value = field.bytes;
    }
    size_t size = (size_t)(key.end - key.at);
    if (wire.failed)
        return bad(reader, "an entry is cut off");
    if (size && memchr(key.at, 0, size))
        return bad(reader, "a name has a NUL in it");
    json_t *read;
    if (read_value(reader, value, &read) < 0)
        return -1;
    const char *name = size ? (const char *)key.at : "";
    return json_object_setn_new(object, name, size, read) < 0 ? bad(reader, "a name is not UTF-8")
                                                              : 0;
}

static int read_object(struct reader *reader, struct pa_wire wire, json_t **ret) {
    struct pa_wire_field field;
    json_t *object = json_object();
    int done = 0;
    while (done == 0 && pa_wire_next(&wire, &field)) {
        if (field.number == 1 && field.type == PA_WIRE_BYTES)
            done = read_entry(reader, field.bytes, object);
    }
    if (done == 0 && wire.failed)
        done = bad(reader, "it is cut off, or no message at all");
    if (done < 0) {
        json_decref(object);
        object = NULL;
    }
    *ret = object;
    return done;
}

static int read_array(struct reader *reader, struct pa_wire wire, json_t **ret) {
    struct pa_wire_field field;
    json_t *array = json_array(), *value;
    int done = 0;
    while (done == 0 && pa_wire_next(&wire, &field)) {
        if (field.number != 1 || field.type != PA_WIRE_BYTES)
            continue;
        done = read_value(reader, field.bytes, &value);
        if (done == 0)
            json_array_append_new(array, value);
    }
    if (done == 0 && wire.failed)
        done = bad(reader, "a list is cut off");
    if (done < 0) {
        json_decref(array);
        array = NULL;
    }
    *ret = array;
    return done;
}

int pa_struct_read(const uint8_t *bytes, size_t size, json_t **ret, struct pa_error *err) {
    static const uint8_t nothing[1];
    struct reader reader = {.depth = 1, .err = err};
    json_t *object;
    if (read_object(&reader, PA_WIRE(size ? bytes : nothing, size), &object) < 0)
        return -1;
    *ret = object;
    return 0;
}

/* The value as the fields of a Value message. */
static void write_value(const json_t *value, unsigned depth, struct pa_buf *out);

/* `write` appends the contents of field `number`. */
static void write_nested(unsigned number, const json_t *value, unsigned depth, struct pa_buf *out,
                         void (*write)(const json_t *, unsigned, struct pa_buf *)) {
    pa_wire_put_tag(out, number, PA_WIRE_BYTES);
    size_t start = out->size;
    write(value, depth, out);
    pa_wire_close(out, start);
}

static void write_fields(const json_t *object, unsigned depth, struct pa_buf *out) {
    const char *key;
    size_t size;
    json_t *value;
    json_object_keylen_foreach((json_t *)(uintptr_t)object, key, size, value) {
        pa_wire_put_tag(out, 1, PA_WIRE_BYTES);
        size_t start = out->size;
        pa_wire_put_bytes(out, 1, key, size);
        write_nested(2, value, depth, out, write_value);
        pa_wire_close(out, start);
    }
}

static void write_items(const json_t *array, unsigned depth, struct pa_buf *out) {
    size_t i;
    json_t *value;
    json_array_foreach((json_t *)(uintptr_t)array, i, value)
        write_nested(1, value, depth, out, write_value);
}

static void write_number(double number, struct pa_buf *out) {
    pa_wire_put_double(out, NUMBER, number);
}

static void write_as_text(const json_t *value, struct pa_buf *out) {
    char *text = json_dumps(value, JSON_COMPACT);
    pa_wire_put_bytes(out, STRING, text ? text : "", text ? strlen(text) : 0);
    free(text);
}

static void write_value(const json_t *value, unsigned depth, struct pa_buf *out) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        if (depth == PA_STRUCT_MAX_DEPTH)
            write_as_text(value, out);
        else if (json_is_object(value))
            write_nested(STRUCT, value, depth + 1, out, write_fields);
        else
            write_nested(LIST, value, depth + 1, out, write_items);
        break;
    case JSON_STRING:
        pa_wire_put_bytes(out, STRING, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        write_number(json_number_value(value), out);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        pa_wire_put_varint_field(out, BOOL, json_is_true(value));
        break;
    case JSON_NULL:
        pa_wire_put_varint_field(out, NULL_FIELD, 0);
        break;
    }
}

void pa_struct_write(const json_t *object, struct pa_buf *out) {
    write_fields(object, 1, out);
}
