/* The keys file: who may call and what; rates; references. */
#include "test.h"
#include "server/callers.h"

#include "base/clock.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY        "pa_test-key-of-ci"
#define PLACE_SIZE 64

struct place {
    char folder[PLACE_SIZE], file[PLACE_SIZE + 16];
    struct pa_server_settings settings;
};

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void enter(struct place *place) {
    *place =
        (struct place){.settings = {.rate_per_caller = PA_UNLIMITED, .max_running_per_caller = 7}};
    snprintf(place->folder, sizeof(place->folder), "/tmp/pa-callers-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->file, sizeof(place->file), "%s/keys.yaml", place->folder);
    place->settings.api_keys_file = place->file;
}

static void leave(struct place *place) {
    unlink(place->file);
    assert_int_equal(rmdir(place->folder), 0);
}

/* The text with the digest of `key` for each '#'. */
static void write_keys(const struct place *place, const char *text, const char *key) {
    char digest[PA_DIGEST_TEXT];
    struct pa_buf buf = PA_BUF_INIT(65536);
    pa_digest(key, strlen(key), digest);
    for (; *text; text++)
        if (*text == '#')
            pa_buf_append_text(&buf, digest);
        else
            pa_buf_append(&buf, text, 1);
    write_file(place->file, pa_buf_text(&buf));
    pa_buf_done(&buf);
}

static void everybody_without_a_file(void **state) {
    struct pa_server_settings settings = {.rate_per_caller = PA_UNLIMITED,
                                          .max_running_per_caller = PA_UNLIMITED};
    struct pa_callers *callers;
    struct pa_caller *caller;
    struct pa_error err;
    assert_int_equal(pa_callers_load(&settings, NULL, &callers, &err), 0);
    assert_int_equal(pa_callers_find(callers, NULL, &caller, &err), 0);
    assert_string_equal(pa_caller_name(caller), "local");
    assert_true(pa_caller_may(caller, "metrics") && pa_caller_may_use(caller, "anything"));
    assert_int_equal(pa_caller_spend(caller, 1), 0);
    pa_callers_free(callers); /* a reference outlives them */
    assert_string_equal(pa_caller_name(caller), "local");
    pa_caller_unref(caller);
}

static void a_key_and_what_it_is_for(void **state) {
    struct place place;
    struct pa_callers *callers;
    struct pa_caller *caller;
    struct pa_error err = {0};
    enter(&place);
    write_keys(&place,
               "keys:\n"
               "  - name: other\n    sha256: "
               "0000000000000000000000000000000000000000000000000000000000000000\n"
               "  - name: ci\n    sha256: ['#', "
               "'1111111111111111111111111111111111111111111111111111111111111111']\n"
               "    scopes: [tools, runs]\n    tools: [python_executor]\n    languages: [python]\n"
               "    limits: {timeout_ms: 5000, memory_bytes: 64MiB}\n    running: 2\n    rate: 3\n",
               KEY);
    if (pa_callers_load(&place.settings, NULL, &callers, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(pa_callers_count(callers), 2);
    assert_int_equal(pa_callers_find(callers, KEY, &caller, &err), 0);
    assert_string_equal(pa_caller_name(caller), "ci");
    assert_true(pa_caller_may(caller, "tools") && pa_caller_may(caller, "runs"));
    assert_false(pa_caller_may(caller, "sessions"));
    assert_true(pa_caller_may_use(caller, "python_executor"));
    assert_false(pa_caller_may_use(caller, "ruby_executor"));
    assert_true(pa_caller_may_language(caller, "python"));
    assert_false(pa_caller_may_language(caller, "ruby"));
    assert_int_equal(pa_caller_ceilings(caller)->limits.timeout_ms, 5000);
    assert_int_equal(pa_caller_ceilings(caller)->limits.memory_bytes, 64 * PA_MIB);
    assert_true(pa_caller_ceilings(caller)->limits.cpu_ms == PA_UNLIMITED);
    assert_int_equal(pa_caller_running_most(caller), 2);
    pa_caller_unref(caller);
    static const char *const wrong[] = {"", "pa_test-key-of-c", KEY "x", "pa_test-key-of-cj", "#"};
    for (size_t i = 0; i < PA_ARRAY_LEN(wrong); i++) {
        assert_int_equal(pa_callers_find(callers, wrong[i], &caller, &err), -1);
        assert_int_equal(err.code, PA_ERR_UNAUTHENTICATED);
        if (*wrong[i])
            assert_null(strstr(err.message, wrong[i]));
    }
    assert_int_equal(pa_callers_find(callers, NULL, &caller, &err), -1);
    assert_int_equal(err.code, PA_ERR_UNAUTHENTICATED);
    pa_callers_free(callers);
    leave(&place);
}

static void defaults_of_a_key(void **state) {
    struct place place;
    struct pa_callers *callers;
    struct pa_caller *caller;
    struct pa_error err;
    enter(&place);
    write_keys(&place, "keys: [{name: a, sha256: '#'}]\n", KEY);
    assert_int_equal(pa_callers_load(&place.settings, NULL, &callers, &err), 0);
    assert_int_equal(pa_callers_find(callers, KEY, &caller, &err), 0);
    assert_true(pa_caller_may(caller, "tools") && pa_caller_may(caller, "modules"));
    assert_false(pa_caller_may(caller, "metrics"));
    assert_true(pa_caller_may_use(caller, "ruby_executor"));
    assert_int_equal(pa_caller_running_most(caller), 7);
    pa_caller_unref(caller);
    pa_callers_free(callers);
    leave(&place);
}

static void a_rate_fills_again(void **state) {
    struct place place;
    struct pa_callers *callers, *again;
    struct pa_caller *caller;
    struct pa_error err;
    const uint64_t now = 1000 * PA_NS_PER_S;
    enter(&place);
    write_keys(&place, "keys: [{name: a, sha256: '#', rate: 4}]\n", KEY);
    assert_int_equal(pa_callers_load(&place.settings, NULL, &callers, &err), 0);
    assert_int_equal(pa_callers_find(callers, KEY, &caller, &err), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pa_caller_spend(caller, now), 0);
    uint64_t wait_ms = pa_caller_spend(caller, now);
    assert_int_equal(wait_ms, 250);
    assert_int_not_equal(pa_caller_spend(caller, now + 249 * PA_NS_PER_MS), 0);
    assert_int_equal(pa_caller_spend(caller, now + 250 * PA_NS_PER_MS), 0);
    pa_caller_unref(caller);
    /* Reading the file again does not fill it. */
    assert_int_equal(pa_callers_load(&place.settings, callers, &again, &err), 0);
    pa_callers_free(callers);
    assert_int_equal(pa_callers_find(again, KEY, &caller, &err), 0);
    assert_int_not_equal(pa_caller_spend(caller, now + 251 * PA_NS_PER_MS), 0);
    assert_int_equal(pa_caller_spend(caller, now + 5 * PA_NS_PER_S), 0);
    pa_caller_unref(caller);
    pa_callers_free(again);
    leave(&place);
}

static void assert_refused(struct place *place, const char *text, const char *expected) {
    struct pa_callers *callers;
    struct pa_error err;
    write_keys(place, text, KEY);
    assert_int_equal(pa_callers_load(&place->settings, NULL, &callers, &err), -1);
    if (!strstr(err.message, expected))
        fail_msg("'%s' is not in '%s'", expected, err.message);
}

static void faults_of_the_file(void **state) {
    struct place place;
    enter(&place);
    assert_refused(&place, "", "is empty");
    assert_refused(&place, "[1, 2]\n", "one section, 'keys:'");
    assert_refused(&place, "keys: 5\n", "got text, allowed is a list");
    assert_refused(&place, "keys:\n  - ci\n", ":2:5: got text");
    assert_refused(&place, "keys:\n  - sha256: '#'\n", "a key has a name");
    assert_refused(&place, "keys:\n  - {name: 'a b', sha256: '#'}\n", "a key has a name");
    assert_refused(&place, "keys:\n  - {name: a}\n", "polyagent key new a");
    assert_refused(&place, "keys:\n  - {name: a, sha256: secret}\n", "64 lower-case");
    assert_refused(&place, "keys:\n  - {name: a, sha256: '#'}\n  - {name: a, sha256: '#'}\n",
                   ":3:12: the name a is there already");
    assert_refused(&place, "keys:\n  - {name: a, sha256: '#', scopes: [tool]}\n",
                   "scopes: allowed");
    assert_refused(&place, "keys:\n  - {name: a, sha256: '#', limits: {timeout: 5}}\n",
                   "there is no limit timeout");
    assert_refused(&place, "keys:\n  - {name: a, sha256: '#', limits: {timeout_ms: -5}}\n",
                   "limits: timeout_ms");
    assert_refused(&place, "keys:\n  - {name: a, sha256: '#', rate: 0}\n", "rate: allowed is");
    assert_refused(&place, "keys:\n  - {name: a, sha256: '#', key: 5}\n", "unknown key key");
    assert_refused(&place, "keys: [\n", "keys.yaml:");
    write_keys(&place, "keys: []\n", KEY);
    assert_int_equal(chmod(place.file, 0666), 0);
    assert_refused(&place, "keys: []\n", "chmod o-w");
    leave(&place);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_without_a_file), cmocka_unit_test(a_key_and_what_it_is_for),
        cmocka_unit_test(defaults_of_a_key),        cmocka_unit_test(a_rate_fills_again),
        cmocka_unit_test(faults_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
