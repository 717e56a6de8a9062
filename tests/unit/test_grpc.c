/* The wire of gRPC: Structs as JSON and back, and what bounds a message of a stranger. */
#include "test.h"

#include "server/grpc/grpc_internal.h"
#include "server/grpc/struct_json.h"
#include "server/grpc/wire.h"
#include <agent.pb-c.h>

static json_t *read_struct(const void *bytes, size_t size) {
    json_t *value = NULL;
    struct pa_error err;
    return pa_struct_read(bytes, size, &value, &err) == 0 ? value : NULL;
}

/* JSON through the wire and back. */
static json_t *there_and_back(const char *text) {
    json_t *object = json_loads(text, JSON_ALLOW_NUL, NULL);
    struct pa_buf wire = PA_BUF_INIT(1 << 20);
    assert_non_null(object);
    pa_struct_write(object, &wire);
    assert_false(wire.failed);
    json_decref(object);
    json_t *back = read_struct(wire.data, wire.size);
    pa_buf_done(&wire);
    return back;
}

static void assert_unchanged(const char *text) {
    json_t *before = json_loads(text, JSON_ALLOW_NUL, NULL), *after = there_and_back(text);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
}

static void json_survives(void **state) {
    assert_unchanged("{}");
    assert_unchanged("{\"\": \"\", \"a\": null, \"b\": true, \"c\": false}");
    assert_unchanged(
        "{\"i\": -3, \"big\": 9007199254740992, \"r\": 0.5, \"s\": \"x\\u0000y\\u00e9\"}");
    assert_unchanged("{\"l\": [1, \"a\", [], {}, [[{\"x\": []}]], null]}");
}

static void lengths_of_every_size_survive(void **state) {
    static const size_t sizes[] = {0, 1, 126, 127, 128, 129, 16382, 16383, 16384, 300000};
    for (size_t i = 0; i < PA_ARRAY_LEN(sizes); i++) {
        char *text = pa_xcalloc(1, sizes[i] + 32);
        size_t at = (size_t)snprintf(text, 16, "{\"a\": [{\"b\": \"");
        memset(text + at, 'x', sizes[i]);
        memcpy(text + at + sizes[i], "\"}]}", 5);
        assert_unchanged(text);
        free(text);
    }
}

/* An object nested `depth` deep, as JSON. */
static char *nested(size_t depth) {
    struct pa_buf text = PA_BUF_INIT(1 << 20);
    for (size_t i = 0; i < depth; i++)
        pa_buf_append_text(&text, "{\"a\":");
    pa_buf_append_text(&text, "1");
    for (size_t i = 0; i < depth; i++)
        pa_buf_append_text(&text, "}");
    return (char *)pa_buf_take(&text, NULL);
}

static void what_is_too_deep_is_written_as_text(void **state) {
    char *fits = nested(PA_STRUCT_MAX_DEPTH), *deeper = nested(PA_STRUCT_MAX_DEPTH + 2);
    assert_unchanged(fits);
    json_t *back = there_and_back(deeper), *at = back;
    for (int i = 0; i < PA_STRUCT_MAX_DEPTH; i++)
        at = json_object_get(at, "a");
    assert_string_equal(json_string_value(at), "{\"a\":{\"a\":1}}");
    json_decref(back);
    free(fits);
    free(deeper);
}

static void what_is_too_deep_is_refused(void **state) {
    struct pa_buf wire = PA_BUF_INIT(1 << 20);
    pa_wire_put_varint_field(&wire, 1, 0);
    for (int i = 0; i < PA_STRUCT_MAX_DEPTH + 1; i++) { /* {"": ...}, from inside out */
        struct pa_buf value = PA_BUF_INIT(1 << 20), entry = PA_BUF_INIT(1 << 20);
        if (i)
            pa_wire_put_bytes(&value, 5, wire.data, wire.size);
        else
            pa_buf_append(&value, wire.data, wire.size);
        pa_wire_put_bytes(&entry, 2, value.data, value.size);
        pa_buf_clear(&wire);
        pa_wire_put_bytes(&wire, 1, entry.data, entry.size);
        pa_buf_done(&value);
        pa_buf_done(&entry);
    }
    json_t *value;
    struct pa_error err;
    assert_int_equal(pa_struct_read(wire.data, wire.size, &value, &err), -1);
    assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "nested deeper than 30"));
    pa_buf_done(&wire);
}

static void too_many_values_are_refused(void **state) {
    struct pa_buf list = PA_BUF_INIT(1 << 24), value = PA_BUF_INIT(1 << 24);
    struct pa_buf entry = PA_BUF_INIT(1 << 24), wire = PA_BUF_INIT(1 << 24);
    for (int i = 0; i < PA_STRUCT_MAX_VALUES; i++)
        pa_wire_put_bytes(&list, 1, NULL, 0);
    pa_wire_put_bytes(&value, 6, list.data, list.size);
    pa_wire_put_bytes(&entry, 2, value.data, value.size);
    pa_wire_put_bytes(&wire, 1, entry.data, entry.size);
    json_t *read;
    struct pa_error err;
    assert_int_equal(pa_struct_read(wire.data, wire.size, &read, &err), -1);
    assert_non_null(strstr(err.message, "more than 262144 values"));
    struct pa_buf *all[] = {&list, &value, &entry, &wire};
    for (size_t i = 0; i < PA_ARRAY_LEN(all); i++)
        pa_buf_done(all[i]);
}

static void what_is_no_struct_is_refused(void **state) {
    static const char *const bad[] = {
        "\x0a",                                  /* a length that is missing */
        "\x0a\x05\x0a\x01",                      /* cut off */
        "\x0b",                                  /* a group */
        "\x0a\x06\x0a\x01k\x12\x01\x1a",         /* a value that is cut off */
        "\x0a\x08\x0a\x01k\x12\x03\x1a\x01\xff", /* not UTF-8 */
        "\x0a\x05\x0a\x01\xff\x12",              /* a name that is not, and is cut off */
        "\x0a\x07\x0a\x01k\x12\x02\x18\x01",     /* a string as a number */
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(bad); i++)
        assert_null(read_struct(bad[i], strlen(bad[i])));
    static const uint8_t nul[] = {0x0a, 5, 0x0a, 1, 0, 0x12, 0};
    assert_null(read_struct(nul, sizeof(nul)));
    static const uint8_t nan[] = {0x0a, 14, 0x0a, 1, 'k', 0x12, 9,    0x11,
                                  0,    0,  0,    0, 0,   0,    0xf8, 0x7f};
    assert_null(read_struct(nan, sizeof(nan)));
}

static void a_value_without_a_kind_is_null(void **state) {
    static const uint8_t wire[] = {0x0a, 5, 0x0a, 1, 'k', 0x12, 0};
    json_t *value = read_struct(wire, sizeof(wire));
    assert_true(json_is_null(json_object_get(value, "k")));
    json_decref(value);
}

static void integers_are_integers(void **state) {
    json_t *value = there_and_back("{\"a\": 1000.0, \"b\": 1.5, \"c\": 1e300}");
    assert_true(json_is_integer(json_object_get(value, "a")));
    assert_true(json_is_real(json_object_get(value, "b")));
    assert_true(json_is_real(json_object_get(value, "c")));
    json_decref(value);
}

static void too_many_fields_are_refused(void **state) {
    struct pa_buf wire = PA_BUF_INIT(1 << 24);
    struct pa_error err;
    for (int i = 0; i < 100001; i++)
        pa_wire_put_varint_field(&wire, 1000, 0);
    assert_null(pa_message_unpack(&polyagent__agent__tool_call_request__descriptor, wire.data,
                                  wire.size, &err));
    assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "more than 100000 fields"));
    pa_buf_done(&wire);
}

static void text_is_checked(void **state) {
    const ProtobufCBinaryData nul = {3, (uint8_t *)"a\0b"}, bad = {2, (uint8_t *)"a\xff"};
    const ProtobufCBinaryData good = {3, (uint8_t *)"a\xc3\xa9"}, nothing = {0};
    struct pa_error err;
    char *text;
    assert_int_equal(pa_message_text(&nul, "name", &text, &err), -1);
    assert_int_equal(pa_message_text(&bad, "name", &text, &err), -1);
    assert_string_equal(err.message, "name is not UTF-8");
    assert_int_equal(pa_message_text(&good, "name", &text, &err), 0);
    assert_string_equal(text, "a\xc3\xa9");
    free(text);
    assert_int_equal(pa_message_text(&nothing, "name", &text, &err), 0);
    assert_string_equal(text, "");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_survives),
        cmocka_unit_test(lengths_of_every_size_survive),
        cmocka_unit_test(what_is_too_deep_is_written_as_text),
        cmocka_unit_test(what_is_too_deep_is_refused),
        cmocka_unit_test(too_many_values_are_refused),
        cmocka_unit_test(what_is_no_struct_is_refused),
        cmocka_unit_test(a_value_without_a_kind_is_null),
        cmocka_unit_test(integers_are_integers),
        cmocka_unit_test(too_many_fields_are_refused),
        cmocka_unit_test(text_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
