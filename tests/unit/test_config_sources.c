/* Configuration: paths, flags, where values come from, showing, and what is documented. */
#include "config_support.h"

#include "base/io.h"
#include "config/dotenv.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLE PA_SOURCE_ROOT "/config/polyagent.yaml"
#define PAGE   PA_SOURCE_ROOT "/docs/configuration.md"

static const char *const nothing[] = {NULL};

static void paths(void **state) {
    struct place place;
    struct pa_config config;
    struct pa_error err;
    enter(&place);
    assert_int_equal(mkdir("d", 0755), 0);
    char text[1024];
    const char *at = place.path;
    snprintf(text, sizeof(text),
             "wasi:\n  allowed_paths:\n  - %s/d::/a\n  - %s/d::/b:rw\n"
             "  - {host: %s/d, guest: /c, writable: true}\n  - {host: %s/d}\n",
             at, at, at, at);
    assert_int_equal(load(&config, text, &err), 0);
    assert_int_equal(config.policy.mount_count, 4);
    static const bool writable[] = {false, true, true, false};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(config.policy.mounts[i].writable, writable[i]);
    assert_string_equal(config.policy.mounts[1].guest, "/b");
    pa_config_done(&config);

    snprintf(text, sizeof(text),
             "wasi:\n  security: {fs_readonly: false}\n  allowed_paths: [%s/d, \"%s/d::/b:ro\"]\n",
             at, at);
    assert_int_equal(load(&config, text, &err), 0);
    assert_true(config.policy.mounts[0].writable);
    assert_false(config.policy.mounts[1].writable);
    pa_config_done(&config);

    leave(&place);
}

static void wrong_paths(void **state) {
    struct place place;
    struct pa_config config;
    struct pa_error err;
    enter(&place);
    assert_int_equal(mkdir("d", 0755), 0);
    assert_int_equal(symlink("d", "link"), 0);
    write_file("file", "x");
    static const struct {
        const char *entry, *fault; /* AT stands for the test's directory */
    } bad[] = {
        {"AT/no", "the path AT/no does not exist: create the directory or remove the entry"},
        {"AT/link", "the path AT/link is not canonical: it is AT/d; write that"},
        {"AT/d/", "the path AT/d/ is not canonical: it is AT/d; write that"},
        {"AT/d/../d", "the path AT/d/../d is not canonical: it is AT/d; write that"},
        {"AT/file", "mount AT/file: not a directory; mount the directory that holds it"},
        {"{guest: /x}", "a path without host"},
        {"{host: AT/d, gest: /x}",
         "unknown key 'gest' of a path; allowed are host, guest and writable"},
        {"{host: AT/d, writable: 1}", "writable: allowed is true or false"},
        {"[x]", "got a list, allowed is HOST[::GUEST][:rw|:ro] or {host:, guest:, writable:}"},
        {"AT/d\n  - AT/d", "the guest path AT/d is given twice: for AT/d already"},
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(bad); i++) {
        struct pa_buf whole = PA_BUF_INIT(4096), message = PA_BUF_INIT(4096);
        pa_buf_append_text(&whole, "wasi:\n  allowed_paths:\n  - ");
        fill_in(bad[i].entry, place.path, &whole);
        fill_in(bad[i].fault, place.path, &message);
        assert_int_equal(load(&config, pa_buf_text(&whole), &err), -1);
        assert_int_equal(config.fault_count, 1);
        assert_string_equal(config.faults[0].message, pa_buf_text(&message));
        assert_true(config.faults[0].line >= 3);
        pa_config_done(&config);
        pa_buf_done(&whole);
        pa_buf_done(&message);
    }

    leave(&place);
}

static void a_writable_path_where_none_may_be(void **state) {
    struct place place;
    char text[1024], expected[1024];
    enter(&place);
    assert_int_equal(mkdir("d", 0755), 0);
    const char *at = place.path;
    snprintf(text, sizeof(text),
             "wasi:\n  allowed_paths: [\"%s/d:rw\"]\n"
             "  security: {fs_readonly: true}\n",
             at);
    snprintf(expected, sizeof(expected),
             "f.yaml:2:19: wasi.allowed_paths: %s/d is to be writable, but "
             "wasi.security.fs_readonly is true (f.yaml:3): set that to false, and mark what must "
             "not change with :ro",
             at);
    assert_fault(text, expected);
    leave(&place);
}

static void set(struct pa_config *config, const char *key, const char *text, const char *flag) {
    struct pa_error err;
    struct pa_origin origin = PA_FLAG(flag);
    assert_int_equal(pa_config_set(config, key, text, &origin, &err), 0);
}

static void flags(void **state) {
    struct place place;
    struct pa_config config;
    struct pa_error err;
    struct pa_origin memory = PA_FLAG("--memory");
    enter(&place);
    assert_int_equal(mkdir("d", 0755), 0);
    assert_int_equal(load(&config,
                          "wasi:\n  max_fuel: 7\n  env_vars: {A: file}\n"
                          "  security: {fs_readonly: true}\n",
                          &err),
                     0);
    set(&config, "wasi.limits.fuel", "9", "--fuel");
    set(&config, "wasi.env_vars", "A=flag=x", "--env");
    set(&config, "wasi.env_vars", "B=", "--env");
    set(&config, "wasi.allowed_paths", "d", "--dir");
    set(&config, "wasi.allowed_paths", "d::/w:rw", "--dir"); /* a flag beats the file */
    set(&config, "wasi.limits.fuel", "10", "--fuel");        /* the last one holds */
    assert_int_equal(config.policy.limits.fuel, 10);
    assert_string_equal(pa_policy_env(&config.policy, "A"), "flag=x");
    assert_string_equal(pa_policy_env(&config.policy, "B"), "");
    assert_string_equal(config.policy.mounts[0].guest, "d");
    assert_int_equal(config.policy.mounts[0].host[0], '/');
    assert_false(config.policy.mounts[0].writable);
    assert_true(config.policy.mounts[1].writable);
    assert_origin(&config, "wasi.max_fuel", NULL, "flag --fuel");
    assert_origin(&config, "wasi.allowed_paths", "/w", "flag --dir");

    assert_int_equal(pa_config_set(&config, "wasi.memory_limit_bytes", "lots", &memory, &err), -1);
    assert_string_equal(err.message,
                        "--memory: memory_bytes (linear memory of the guest): 'lots' is "
                        "not a size such as 256MiB");
    assert_int_equal(pa_config_set(&config, "wasi.memory", "1", &memory, &err), -1);
    assert_string_equal(err.message, "--memory: there is no setting wasi.memory");
    pa_config_done(&config);
    leave(&place);
}

static void sources(void **state) {
    struct place place;
    struct pa_config config;
    struct pa_error err;
    enter(&place);
    assert_int_equal(mkdir("config", 0755), 0);
    write_file("config/polyagent.yaml", "wasi:\n  max_fuel: 1\n  seed: 1\n  jail: best-effort\n"
                                        "  env_vars: {FROM: file}\n  allowed_paths: [/usr]\n");
    write_file(".env", "# shared with others\nOTHER='x\nPOLYAGENT_SEED=5'\n"
                       "export POLYAGENT_SEED=2 # two\n"
                       "PYTHON_WASI_WASM_PATH=/opt/python.wasm\nPOLYAGENT_FUEL=2\n");
    const char *const environment[] = {"POLYAGENT_FUEL=3",
                                       "POLYAGENT_LOG=info,wasi=trace",
                                       "POLYAGENT_MEMORY_LIMIT_BYTES=1GiB",
                                       "POLYAGENT_JAIL=",
                                       "POLYAGENT_LLM_SERVICE_PORT=tcp://10.0.0.1:80",
                                       "POLYAGENT_ENV_VARS={FROM: variable, B: 'x y'}",
                                       "POLYAGENT_ALLOWED_PATHS=/etc::/e",
                                       NULL};
    struct pa_config_sources from = {.environment = environment};
    assert_int_equal(pa_config_load(&config, &from, &err), 0);
    assert_string_equal(config.file, "config/polyagent.yaml");
    assert_int_equal(config.policy.limits.fuel, 3);
    assert_int_equal(config.policy.limits.memory_bytes, PA_GIB);
    assert_int_equal(config.policy.seed, 2);
    assert_false(config.jail_required); /* an empty variable is none */
    assert_string_equal(config.python_wasi_wasm_path, "/opt/python.wasm");
    assert_string_equal(config.log_level, "info,wasi=trace");
    assert_string_equal(pa_policy_env(&config.policy, "FROM"), "variable");
    assert_string_equal(pa_policy_env(&config.policy, "B"), "x y");
    assert_int_equal(config.policy.mount_count, 1);
    assert_string_equal(config.policy.mounts[0].guest, "/e");
    assert_origin(&config, "wasi.max_fuel", NULL, "environment POLYAGENT_FUEL");
    assert_origin(&config, "wasi.seed", NULL, ".env:4");
    assert_origin(&config, "python_wasi_wasm_path", NULL, ".env:5");
    assert_origin(&config, "wasi.jail", NULL, "config/polyagent.yaml:4");
    assert_origin(&config, "wasi.env_vars", "B", "environment POLYAGENT_ENV_VARS");
    pa_config_done(&config);

    /* Nearer files come first, a named one before all. */
    write_file("polyagent.yaml", "wasi: {seed: 10}\n");
    write_file("named.yaml", "wasi: {seed: 11}\n");
    assert_int_equal(unlink(".env"), 0);
    from.environment = nothing;
    assert_int_equal(pa_config_load(&config, &from, &err), 0);
    assert_int_equal(config.policy.seed, 10);
    pa_config_done(&config);
    from.environment = (const char *const[]){"POLYAGENT_CONFIG=named.yaml", NULL};
    assert_int_equal(pa_config_load(&config, &from, &err), 0);
    assert_int_equal(config.policy.seed, 11);
    pa_config_done(&config);
    from.file = "config/polyagent.yaml";
    assert_int_equal(pa_config_load(&config, &from, &err), 0);
    assert_int_equal(config.policy.seed, 1);
    pa_config_done(&config);
    from.file = "absent.yaml";
    assert_int_equal(pa_config_load(&config, &from, &err), -1);
    assert_string_equal(err.message,
                        "flag --config: cannot open absent.yaml: No such file or directory");
    pa_config_done(&config);
    leave(&place);
}

static void faults_of_variables(void **state) {
    struct place place;
    struct pa_config config;
    struct pa_error err;
    enter(&place);
    write_file("polyagent.yaml", "");
    write_file(".env", "A=1\nPOLYAGENT_SEED=x\nB=\"never closed\n");
    const char *const environment[] = {"POLYAGENT_MEMROY_BYTES=1", "POLYAGENT_MAX_FUEL=5",
                                       "POLYAGENT_FUEL=6",         "POLYAGENT_ALLOW_NETWORK=true",
                                       "POLYAGENT_ENV_VARS=[x]",   NULL};
    struct pa_config_sources from = {.environment = environment};
    assert_int_equal(pa_config_load(&config, &from, &err), -1);
    struct pa_buf out = PA_BUF_INIT(65536);
    pa_config_check(&config, &out);
    assert_string_equal(
        pa_buf_text(&out),
        ".env:3: B: the quote \" is never closed\n"
        ".env:2: wasi.seed: got 'x', allowed is a whole number below 2^64\n"
        "environment POLYAGENT_ENV_VARS: wasi.env_vars: got a list, allowed is a map of names to "
        "values\n"
        "environment POLYAGENT_ALLOW_NETWORK: wasi.security.allow_network: refused: a guest has no "
        "sockets, and its process lives in a network namespace without interfaces; set it to false "
        "or remove it\n"
        "environment POLYAGENT_FUEL: wasi.limits.fuel: sets the same limit as wasi.max_fuel "
        "(environment POLYAGENT_MAX_FUEL): keep one of the two\n"
        "environment POLYAGENT_MEMROY_BYTES: POLYAGENT_MEMROY_BYTES is not a setting; did you mean "
        "POLYAGENT_MEMORY_BYTES?\n");
    pa_buf_done(&out);
    pa_config_done(&config);
    leave(&place);
}

static void bounded_files(void **state) {
    struct place place;
    struct pa_config config;
    struct pa_error err;
    struct pa_config_sources from = {.environment = nothing};
    enter(&place);
    write_file("polyagent.yaml", "");
    assert_int_equal(truncate("polyagent.yaml", PA_CONFIG_MAX_FILE + 1), 0);
    assert_int_equal(pa_config_load(&config, &from, &err), -1);
    assert_string_equal(err.message,
                        "polyagent.yaml: polyagent.yaml is larger than the limit of 1048576 bytes");
    pa_config_done(&config);
    leave(&place);
}

/* Only root can make a file somebody else's. */
static void planted_files(void **state) {
    if (geteuid() != 0)
        skip();
    struct place place;
    struct pa_config config;
    struct pa_error err;
    struct pa_config_sources from = {.environment = nothing};
    enter(&place);
    write_file("polyagent.yaml", "wasi: {seed: 10}\n");
    assert_int_equal(chown("polyagent.yaml", 12345, 12345), 0);
    assert_int_equal(pa_config_load(&config, &from, &err), 0); /* nobody else could put it here */
    pa_config_done(&config);
    assert_int_equal(chmod(".", 01777), 0);
    assert_int_equal(pa_config_load(&config, &from, &err), -1);
    assert_non_null(strstr(err.message, "belongs to user 12345"));
    pa_config_done(&config);
    from.file = "polyagent.yaml"; /* named is meant */
    assert_int_equal(pa_config_load(&config, &from, &err), 0);
    pa_config_done(&config);
    leave(&place);
}

static void shown_is_valid(void **state) {
    struct place place;
    struct pa_config config, again;
    struct pa_error err;
    struct pa_buf out = PA_BUF_INIT(1 << 20);
    enter(&place);
    assert_int_equal(mkdir("d", 0755), 0);
    assert_int_equal(load(&config,
                          "wasi:\n  max_fuel: 7\n  limits: {output_bytes: unlimited, cpu_ms: 1s}\n"
                          "  env_vars: {A: \"a\\\"\\\\ \\n\\u00e9\\u2028\\x85#: \", \"b c\": ''}\n"
                          "  security: {allow_clock: false, fs_readonly: true}\n"
                          "  seed: 18446744073709551615\n"
                          "cache: {directory: \"/x: y\"}\nlog: {level: 'off,a=trace'}\n",
                          &err),
                     0);
    set(&config, "wasi.allowed_paths", "d::/w:rw", "--dir");
    set(&config, "wasi.allowed_paths", "d", "--dir");
    char longest[2000]; /* as a name: more than YAML takes as a key without a mark */
    memset(longest, 'n', sizeof(longest));
    longest[1990] = '=';
    longest[1999] = 0;
    set(&config, "wasi.env_vars", longest, "--env");
    pa_config_show(&config, &out);
    assert_non_null(strstr(pa_buf_text(&out), "max_fuel: 7 # from f.yaml:2\n"));
    assert_non_null(strstr(pa_buf_text(&out), "fs_readonly: false # from flag --dir\n"));
    assert_non_null(strstr(pa_buf_text(&out), "cpu_ms: 1000 # from f.yaml:3 (1 s)\n"));
    assert_non_null(
        strstr(pa_buf_text(&out), "guest: \"/w\", writable: true} # from flag --dir\n"));
    assert_int_equal(load(&again, pa_buf_text(&out), &err), 0);
    assert_same(&config, &again);
    pa_buf_done(&out);
    pa_config_done(&config);
    pa_config_done(&again);
    leave(&place);
}

static void read_whole(const char *path, struct pa_buf *buf) {
    struct pa_error err;
    assert_int_equal(pa_read_file(path, buf, &err), 0);
}

/* config/polyagent.yaml names every key (of a limit, one of its two) and says the defaults. */
static void the_sample_is_the_defaults(void **state) {
    struct pa_config sample, defaults;
    struct pa_error err;
    struct pa_buf text = PA_BUF_INIT(1 << 20);
    read_whole(SAMPLE, &text);
    assert_int_equal(load(&sample, pa_buf_text(&text), &err), 0);
    pa_config_init(&defaults);
    assert_same(&sample, &defaults);
    for (size_t i = 0; i < pa_config_key_count; i++) {
        const struct pa_origin *origin = pa_config_origin(&sample, pa_config_keys[i].name, NULL);
        if (origin->source != PA_SOURCE_FILE)
            fail_msg("%s is not in the sample", pa_config_keys[i].name);
    }
    pa_config_done(&sample);
    pa_config_done(&defaults);
    pa_buf_done(&text);
}

/* docs/configuration.md has a row for every key, with its variable; of a number with its default
 * and its range. */
static void the_page_has_every_key(void **state) {
    struct pa_buf text = PA_BUF_INIT(1 << 20);
    read_whole(PAGE, &text);
    for (size_t i = 0; i < pa_config_key_count; i++) {
        const struct pa_config_key *key = &pa_config_keys[i];
        char start[128], variable[128];
        snprintf(start, sizeof(start), "\n| `%s` |", key->name);
        const char *row = strstr(pa_buf_text(&text), start);
        if (!row)
            fail_msg("%s has no row", key->name);
        char *line = pa_xasprintf("%.*s", (int)strcspn(row + 1, "\n"), row + 1);
        pa_config_variable(key, variable, sizeof(variable));
        if (!strstr(line, variable))
            fail_msg("%s: not %s", line, variable);
        const struct pa_limit_info *info = pa_config_key_range(key);
        if (info) {
            char initial[32], smallest[32], largest[32], range[128];
            snprintf(range, sizeof(range), "| %s | %s to %s%s |",
                     pa_limit_format(info, info->initial, initial, sizeof(initial)),
                     pa_limit_format(info, info->smallest, smallest, sizeof(smallest)),
                     pa_limit_format(info, info->largest, largest, sizeof(largest)),
                     info->may_be_unlimited ? ", or unlimited" : "");
            if (!strstr(line, range))
                fail_msg("%s: not %s", line, range);
        }
        free(line);
    }
    pa_buf_done(&text);
}

static void variables_have_one_key_each(void **state) {
    char a[96], b[96];
    assert_string_equal(pa_config_variable(pa_config_key_find("wasi.memory_limit_bytes"), a, 96),
                        "POLYAGENT_MEMORY_LIMIT_BYTES");
    assert_string_equal(pa_config_variable(pa_config_key_find("wasi.limits.cpu_ms"), a, 96),
                        "POLYAGENT_CPU_MS");
    assert_string_equal(pa_config_variable(pa_config_key_find("cache.max_bytes"), a, 96),
                        "POLYAGENT_CACHE_MAX_BYTES");
    for (size_t i = 0; i < pa_config_key_count; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(pa_config_variable(&pa_config_keys[i], a, sizeof(a)),
                                    pa_config_variable(&pa_config_keys[j], b, sizeof(b)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(wrong_paths),
        cmocka_unit_test(a_writable_path_where_none_may_be),
        cmocka_unit_test(flags),
        cmocka_unit_test(sources),
        cmocka_unit_test(faults_of_variables),
        cmocka_unit_test(bounded_files),
        cmocka_unit_test(planted_files),
        cmocka_unit_test(shown_is_valid),
        cmocka_unit_test(the_sample_is_the_defaults),
        cmocka_unit_test(the_page_has_every_key),
        cmocka_unit_test(variables_have_one_key_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
