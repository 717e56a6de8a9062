/* Tracebacks of compiled programs as data. */
#include "test.h"

#include "run/uncaught.h"
#include <jansson.h>

static void expect(const char *text, const char *name, const char *value) {
    struct pa_buf messages = PA_BUF_INIT(1 << 20);
    assert_true(pa_uncaught_tell(text, strlen(text), &messages));
    assert_int_equal(messages.data[messages.size - 1], '\n');
    json_t *message = json_loadb((const char *)messages.data, messages.size, 0, NULL);
    assert_non_null(message);
    assert_string_equal(json_string_value(json_object_get(message, "type")), "error");
    assert_string_equal(json_string_value(json_object_get(message, "name")), name);
    assert_string_equal(json_string_value(json_object_get(message, "value")), value);
    assert_string_equal(json_string_value(json_object_get(message, "traceback")), text);
    json_decref(message);
    pa_buf_done(&messages);
}

#define HEAD  "Traceback (most recent call last):\n"
#define FRAME "  File \"x.py\", line 2, in f\n    g(1)\n    ~^^^\n"

static void tracebacks_are_read(void **state) {
    expect(HEAD FRAME FRAME "KeyError: 'a: b'\n", "KeyError", "'a: b'");
    expect(HEAD FRAME "AssertionError\n", "AssertionError", "");
    expect(HEAD FRAME "Boom: \n", "Boom", "");
    expect(HEAD FRAME "ValueError: one\n  two\nthree\n", "ValueError", "one\n  two\nthree");
    expect(HEAD FRAME "ValueError: \xc3\xa9\n", "ValueError", "\xc3\xa9");
    (void)state;
}

static void the_last_of_a_chain_counts(void **state) {
    expect(HEAD FRAME "KeyError: 'a'\n\nDuring handling of the above exception, another exception "
                      "occurred:\n\n" HEAD FRAME "ValueError: b\n",
           "ValueError", "b");
    expect("KeyError: 'a'\n\nThe above exception was the direct cause of the following "
           "exception:\n\n" HEAD FRAME "ValueError: b\n",
           "ValueError", "b");
    (void)state;
}

static void other_texts_are_none(void **state) {
    static const char *const texts[] = {"",
                                        "x",
                                        "error\n",
                                        HEAD,
                                        HEAD FRAME,
                                        HEAD "ValueError: a",
                                        HEAD FRAME "ValueError: \xff\n"};
    struct pa_buf messages = PA_BUF_INIT(1 << 20);
    for (size_t i = 0; i < PA_ARRAY_LEN(texts); i++) {
        assert_false(pa_uncaught_tell(texts[i], strlen(texts[i]), &messages));
        assert_int_equal(messages.size, 0);
    }
    pa_buf_done(&messages);
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tracebacks_are_read),
        cmocka_unit_test(the_last_of_a_chain_counts),
        cmocka_unit_test(other_texts_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
