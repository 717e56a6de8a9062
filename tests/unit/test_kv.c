/* The key-value store: values, order, owners, quotas, a second process. */
#include "test.h"

#include "tools/kv.h"
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#define DONE(call) assert_int_equal((call), 0)

struct fixture {
    char path[64], file[80];
    struct pa_kv *kv;
};

static const struct pa_kv_quota quota = {.bytes = 1000, .entries = 10};

static void open_it(struct fixture *f) {
    struct pa_error err;
    if (pa_kv_open(f->file, &quota, &f->kv, &err) < 0)
        fail_msg("%s", err.message);
}

static int setup(void **state) {
    struct fixture *f = pa_xcalloc(1, sizeof(*f));
    snprintf(f->path, sizeof(f->path), "/tmp/pa-kv-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->file, sizeof(f->file), "%s/kv.sqlite", f->path);
    open_it(f);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    char command[128];
    pa_kv_close(f->kv);
    snprintf(command, sizeof(command), "rm -rf %s", f->path);
    int failed = system(command);
    free(f);
    return failed;
}

/* A call as a guest makes it; its answer as text, or "! " and the error's name. */
static const char *call(struct fixture *f, const char *owner, const char *name,
                        const char *arguments) {
    static char text[4096];
    struct pa_error err;
    json_t *given = json_loads(arguments, 0, NULL), *answer = NULL;
    assert_non_null(given);
    if (pa_kv_call(f->kv, owner, name, given, &answer, &err) < 0) {
        snprintf(text, sizeof(text), "! %s: %s", pa_error_code_name(err.code), err.message);
    } else {
        char *dumped = json_dumps(answer, JSON_COMPACT | JSON_ENCODE_ANY);
        snprintf(text, sizeof(text), "%s", dumped);
        free(dumped);
        json_decref(answer);
    }
    json_decref(given);
    return text;
}

static void test_values(void **state) {
    struct fixture *f = *state;
    static const char *const values[] = {
        "1", "1.5", "null", "\"\"", "\"\\u0000\\ud83d\\ude00\"", "[1,{\"a\":[]}]", "true"};
    for (size_t i = 0; i < PA_ARRAY_LEN(values); i++) {
        char arguments[128];
        snprintf(arguments, sizeof(arguments), "{\"key\":\"k\",\"value\":%s}", values[i]);
        json_t *given = json_loads(arguments, JSON_ALLOW_NUL, NULL), *answer;
        struct pa_error err;
        DONE(pa_kv_call(f->kv, "me", "put", given, &answer, &err));
        DONE(pa_kv_get(f->kv, "me", "k", &answer, &err));
        assert_true(json_equal(answer, json_object_get(given, "value")));
        json_decref(answer);
        json_decref(given);
    }
    assert_string_equal(call(f, "me", "get", "{\"key\":\"k\"}"), "{\"found\":true,\"value\":true}");
    assert_string_equal(call(f, "me", "delete", "{\"key\":\"k\"}"), "true");
    assert_string_equal(call(f, "me", "delete", "{\"key\":\"k\"}"), "false");
    assert_string_equal(call(f, "me", "get", "{\"key\":\"k\"}"),
                        "{\"found\":false,\"value\":null}");
}

static void test_owners_and_lists(void **state) {
    struct fixture *f = *state;
    static const char *const keys[] = {"b/2", "a", "b/1", "b/\xc3\xa9", "c"};
    for (size_t i = 0; i < PA_ARRAY_LEN(keys); i++) {
        char arguments[64];
        snprintf(arguments, sizeof(arguments), "{\"key\":\"%s\",\"value\":%zu}", keys[i], i);
        assert_string_equal(call(f, "me", "put", arguments), "true");
    }
    assert_string_equal(call(f, "me", "list", "{}"),
                        "[\"a\",\"b/1\",\"b/2\",\"b/\xc3\xa9\",\"c\"]");
    assert_string_equal(call(f, "me", "list", "{\"prefix\":\"b/\",\"after\":\"b/1\"}"),
                        "[\"b/2\",\"b/\xc3\xa9\"]");
    assert_string_equal(call(f, "me", "list", "{\"most\":2}"), "[\"a\",\"b/1\"]");
    assert_string_equal(call(f, "you", "list", "{}"), "[]");
    assert_string_equal(call(f, "you", "get", "{\"key\":\"a\"}"),
                        "{\"found\":false,\"value\":null}");
    f->kv = pa_kv_close(f->kv);
    open_it(f);
    assert_string_equal(call(f, "me", "get", "{\"key\":\"c\"}"), "{\"found\":true,\"value\":4}");
}

static void test_quotas(void **state) {
    struct fixture *f = *state;
    char arguments[2048], text[1024];
    memset(text, 'x', sizeof(text));
    text[991] = 0; /* with quotes and a key of 7 bytes: 1000 */
    snprintf(arguments, sizeof(arguments), "{\"key\":\"1234567\",\"value\":\"%s\"}", text);
    assert_string_equal(call(f, "me", "put", arguments), "true");
    assert_string_equal(call(f, "me", "put", arguments), "true"); /* in its own place */
    assert_memory_equal(call(f, "me", "put", "{\"key\":\"a\",\"value\":1}"), "! RESOURCE_EXHAUSTED",
                        20);
    assert_string_equal(call(f, "you", "put", "{\"key\":\"a\",\"value\":1}"), "true");
    assert_string_equal(call(f, "me", "put", "{\"key\":\"1234567\",\"value\":1}"), "true");
    for (int i = 1; i < 10; i++) {
        snprintf(arguments, sizeof(arguments), "{\"key\":\"%d\",\"value\":1}", i);
        assert_string_equal(call(f, "me", "put", arguments), "true");
    }
    assert_memory_equal(call(f, "me", "put", "{\"key\":\"z\",\"value\":1}"), "! RESOURCE_EXHAUSTED",
                        20);
    assert_string_equal(call(f, "me", "delete", "{\"key\":\"9\"}"), "true");
    assert_string_equal(call(f, "me", "put", "{\"key\":\"z\",\"value\":1}"), "true");
}

static void test_what_is_refused(void **state) {
    struct fixture *f = *state;
    static const char *const wrong[][2] = {
        {"get", "{}"},
        {"get", "{\"key\":1}"},
        {"get", "{\"key\":\"\"}"},
        {"put", "{\"key\":\"a\"}"},
        {"list", "{\"most\":0}"},
        {"list", "{\"prefix\":[]}"},
        {"list", "{\"most\":\"x\"}"},
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(wrong); i++)
        assert_memory_equal(call(f, "me", wrong[i][0], wrong[i][1]), "! INVALID_ARGUMENT", 18);
    assert_memory_equal(call(f, "me", "drop", "{\"key\":\"a\"}"), "! NOT_FOUND", 11);
    char arguments[700];
    snprintf(arguments, sizeof(arguments), "{\"key\":\"%0600d\"}", 1);
    assert_memory_equal(call(f, "me", "get", arguments), "! INVALID_ARGUMENT", 18);
}

/* Two stores on one file, from two threads: every put is counted. */
struct writer {
    struct pa_kv *kv;
    const char *prefix;
};

static void *write_some(void *context) {
    const struct writer *writer = context;
    for (int i = 0; i < 200; i++) {
        char key[16];
        struct pa_error err;
        json_t *value = json_integer(i);
        snprintf(key, sizeof(key), "%s%d", writer->prefix, i % 5);
        if (pa_kv_put(writer->kv, "me", key, value, &err) < 0)
            return pa_xstrdup(err.message);
        json_decref(value);
    }
    return NULL;
}

static void test_two_at_once(void **state) {
    struct fixture *f = *state;
    struct pa_error err;
    struct pa_kv *other;
    DONE(pa_kv_open(f->file, &quota, &other, &err));
    struct writer writers[] = {{f->kv, "a"}, {other, "b"}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        DONE(pthread_create(&threads[i], NULL, write_some, &writers[i]));
    for (int i = 0; i < 2; i++) {
        void *wrong;
        DONE(pthread_join(threads[i], &wrong));
        assert_null(wrong);
    }
    pa_kv_close(other);
    assert_memory_equal(call(f, "me", "put", "{\"key\":\"z\",\"value\":1}"), "! RESOURCE_EXHAUSTED",
                        20);
    assert_string_equal(call(f, "me", "get", "{\"key\":\"b4\"}"), "{\"found\":true,\"value\":199}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_owners_and_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quotas, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
