/* Configuration: the table of keys, files and their faults, .env, the environment, flags, showing.
 */
#include "test.h"

#include "base/io.h"
#include "config/config.h"
#include "config/dotenv.h"
#include "config/nearest.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLE PA_SOURCE_ROOT "/config/polyagent.yaml"
#define PAGE   PA_SOURCE_ROOT "/docs/configuration.md"

static const char *const nothing[] = {NULL};

/* Loads `text` as the file f.yaml. */
static int load(struct pa_config *config, const char *text, struct pa_error *err) {
    return pa_config_load_text(config, "f.yaml", text, strlen(text), err);
}

/* The one fault that `text` has, as `config check` prints it. */
static void assert_fault(const char *text, const char *expected) {
    struct pa_config config;
    struct pa_error err;
    assert_int_equal(load(&config, text, &err), -1);
    struct pa_buf out = PA_BUF_INIT(65536);
    pa_config_check(&config, &out);
    out.data[out.size - 1] = 0; /* the newline */
    assert_string_equal(pa_buf_text(&out), expected);
    assert_int_equal(config.fault_count, 1);
    assert_string_equal(err.message, expected);
    pa_buf_done(&out);
    pa_config_done(&config);
}

static void assert_origin(const struct pa_config *config, const char *key, const char *item,
                          const char *expected) {
    char text[512];
    pa_origin_format(pa_config_origin(config, key, item), text, sizeof(text));
    assert_string_equal(text, expected);
}

/* Everything that a configuration says, without where it came from. */
static void encode(const struct pa_config *config, struct pa_buf *out) {
    pa_policy_encode(&config->policy, out);
    for (size_t i = 0; i < config->policy.mount_count; i++)
        pa_put_text(out, config->policy.mounts[i].host);
    pa_put_text(out, config->cache_directory);
    pa_put_u64(out, config->cache_max_bytes);
    pa_put_text(out, config->log_level);
    pa_put_u32(out, config->log_format);
    pa_put_text(out, config->python_wasi_wasm_path);
    pa_put_u8(out, config->jail_required);
    assert_false(out->failed);
}

static void assert_same(const struct pa_config *a, const struct pa_config *b) {
    struct pa_buf left = PA_BUF_INIT(1 << 20), right = PA_BUF_INIT(1 << 20);
    encode(a, &left);
    encode(b, &right);
    assert_int_equal(left.size, right.size);
    assert_memory_equal(left.data, right.data, left.size);
    pa_buf_done(&left);
    pa_buf_done(&right);
}

static void original_keys(void **state) {
    struct pa_config config;
    struct pa_error err;
    assert_int_equal(load(&config,
                          "wasi:\n"
                          "  memory_limit_bytes: 536870912 # 512MB\n"
                          "  max_fuel: 100000000\n"
                          "  execution_timeout_ms: 60000\n"
                          "  allowed_paths:\n"
                          "  - \"/\"\n"
                          "  - \"/usr\"\n"
                          "  env_vars:\n"
                          "    HOME: \"/tmp\"\n"
                          "    PATH: \"/usr/bin\"\n"
                          "  security:\n"
                          "    allow_network: false\n"
                          "    fs_readonly: true\n"
                          "    allow_subprocess: false\n"
                          "    allow_clock: false\n"
                          "    allow_random: false\n",
                          &err),
                     0);
    const struct pa_policy *policy = &config.policy;
    assert_int_equal(policy->limits.memory_bytes, 536870912);
    assert_int_equal(policy->limits.fuel, 100000000);
    assert_int_equal(policy->limits.timeout_ms, 60000);
    assert_int_equal(policy->mount_count, 2);
    assert_string_equal(policy->mounts[1].host, "/usr");
    assert_string_equal(policy->mounts[1].guest, "/usr");
    assert_false(policy->mounts[1].writable);
    assert_string_equal(pa_policy_env(policy, "HOME"), "/tmp");
    assert_string_equal(pa_policy_env(policy, "PATH"), "/usr/bin");
    assert_false(policy->allow_clock);
    assert_false(policy->allow_random);
    assert_origin(&config, "wasi.max_fuel", NULL, "f.yaml:3");
    assert_origin(&config, "wasi.limits.fuel", NULL, "f.yaml:3"); /* the same limit */
    assert_origin(&config, "wasi.allowed_paths", "/usr", "f.yaml:7");
    assert_origin(&config, "wasi.env_vars", "PATH", "f.yaml:10");
    assert_origin(&config, "wasi.seed", NULL, "default");
    pa_config_done(&config);
}

static void every_limit_is_a_key(void **state) {
    for (size_t i = 0; i < pa_limit_count; i++) {
        const struct pa_limit_info *info = &pa_limit_infos[i];
        struct pa_config config;
        struct pa_error err;
        char text[256];
        uint64_t value = info->smallest + 1;
        snprintf(text, sizeof(text), "wasi:\n  limits:\n    %s: %llu\n", info->name,
                 (unsigned long long)value);
        assert_int_equal(load(&config, text, &err), 0);
        assert_true(*pa_limit_slot(&config.policy.limits, info) == value);
        pa_config_done(&config);
    }
}

static void quantities(void **state) {
    struct pa_config config;
    struct pa_error err;
    assert_int_equal(load(&config,
                          "wasi:\n  limits: {memory_bytes: 1.5GiB, timeout_ms: 250, cpu_ms: 45s,\n"
                          "    output_bytes: unlimited, files_bytes: \"1MiB\"}\n  seed: "
                          "18446744073709551615\n  jail: best-effort\n"
                          "cache: {directory: /var/x, max_bytes: 1GiB}\n"
                          "log: {level: 'info,wasi=trace', format: json}\n",
                          &err),
                     0);
    assert_int_equal(config.policy.limits.memory_bytes, 3 * PA_GIB / 2);
    assert_int_equal(config.policy.limits.timeout_ms, 250);
    assert_int_equal(config.policy.limits.cpu_ms, 45000);
    assert_true(config.policy.limits.output_bytes == PA_UNLIMITED);
    assert_int_equal(config.policy.limits.files_bytes, PA_MIB);
    assert_true(config.policy.seed == UINT64_MAX);
    assert_false(config.jail_required);
    assert_string_equal(config.cache_directory, "/var/x");
    assert_int_equal(config.cache_max_bytes, PA_GIB);
    assert_string_equal(config.log_level, "info,wasi=trace");
    assert_int_equal(config.log_format, PA_LOG_JSON);
    pa_config_done(&config);
}

static void faults_of_keys(void **state) {
    assert_fault("wasi:\n  memory_limit_byte: 5\n",
                 "f.yaml:2:3: wasi.memory_limit_byte: unknown key; did you mean "
                 "wasi.memory_limit_bytes?");
    assert_fault("memory_limit_bytes: 5\n",
                 "f.yaml:1:1: memory_limit_bytes: unknown key; did you mean "
                 "wasi.memory_limit_bytes?");
    assert_fault("security:\n  allow_clock: true\n",
                 "f.yaml:1:1: security: unknown key; did you mean wasi.security?");
    assert_fault("wasi:\n  limits:\n    cpu_sm: 5\n",
                 "f.yaml:3:5: wasi.limits.cpu_sm: unknown key; did you mean wasi.limits.cpu_ms?");
    assert_fault("log:\n  colour: red\n",
                 "f.yaml:2:3: log.colour: unknown key; log has level, format");
    assert_fault("zebra: 1\n", "f.yaml:1:1: zebra: unknown key; the file has wasi, cache, log, "
                               "python_wasi_wasm_path, "
                               "packages, images, warm");
    assert_fault("wasi:\n  seed: 1\n  jail: required\n  seed: 2\n",
                 "f.yaml:4:3: wasi.seed: this key is given twice; the first is in line 2");
    assert_fault("wasi:\n  max_fuel: 5\n  limits:\n    fuel: 6\n",
                 "f.yaml:4:11: wasi.limits.fuel: sets the same limit as wasi.max_fuel (f.yaml:2): "
                 "keep one of the two");
}

static void faults_of_values(void **state) {
    assert_fault("wasi:\n  memory_limit_bytes: 5GiB\n",
                 "f.yaml:2:23: wasi.memory_limit_bytes: memory_bytes (linear memory of the guest): "
                 "got 5 GiB, allowed is 64 KiB to 4 GiB");
    assert_fault("wasi:\n  execution_timeout_ms: 0\n",
                 "f.yaml:2:25: wasi.execution_timeout_ms: timeout_ms (wall time of a run): got 0 "
                 "ms, allowed is 1 ms to 86400 s");
    assert_fault("wasi:\n  memory_limit_bytes: [1, 2]\n",
                 "f.yaml:2:23: wasi.memory_limit_bytes: got a list, allowed is 64 KiB to 4 GiB");
    assert_fault(
        "wasi:\n  max_fuel:\n",
        "f.yaml:2:12: wasi.max_fuel: got nothing, allowed is 1 to 18446744073709551614, or "
        "unlimited");
    assert_fault("wasi:\n  security:\n    allow_clock: maybe\n",
                 "f.yaml:3:18: wasi.security.allow_clock: got 'maybe', allowed is true or false");
    assert_fault("wasi: 5\n", "f.yaml:1:7: wasi: got text, allowed is a section: a map of keys");
    assert_fault("wasi:\n  env_vars: [A=1]\n",
                 "f.yaml:2:13: wasi.env_vars: got a list, allowed is a map of names to values");
    assert_fault("wasi:\n  env_vars:\n    HOME: ~\n",
                 "f.yaml:3:11: wasi.env_vars.HOME: got nothing, allowed is text; write \"\" for an "
                 "empty value");
    assert_fault("log:\n  level: loud\n",
                 "f.yaml:2:10: log.level: got 'loud', allowed is off, error, warn, info, debug or "
                 "trace, and COMPONENT=LEVEL, with commas between");
    assert_fault("wasi:\n  seed: -1\n",
                 "f.yaml:2:9: wasi.seed: got '-1', allowed is a whole number below 2^64");
    assert_fault(
        "cache:\n  max_bytes: 2TiB\n",
        "f.yaml:2:14: cache.max_bytes: got '2TiB', allowed is a size such as 2GiB, at most "
        "1024 GiB");
}

static void never_granted(void **state) {
    assert_fault("wasi:\n  security:\n    allow_network: true\n",
                 "f.yaml:3:20: wasi.security.allow_network: refused: a guest has no sockets, and "
                 "its process lives in a network namespace without interfaces; set it to false or "
                 "remove it");
    assert_fault("wasi:\n  security:\n    allow_subprocess: true\n",
                 "f.yaml:3:23: wasi.security.allow_subprocess: refused: a guest never starts a "
                 "process: WASI has no call for it, and the jail kills a process that tries; set "
                 "it to false or remove it");
}

static void faults_of_form(void **state) {
    assert_fault("wasi:\n\tseed: 1\n",
                 "f.yaml:2:1: not YAML: while scanning for the next token: found character that "
                 "cannot start any token; this line is indented with a tab: use spaces");
    assert_fault("wasi: [1\n",
                 "f.yaml:2:1: wasi: not YAML: while parsing a flow sequence: did not find "
                 "expected ',' or ']'");
    assert_fault("wasi:\n  seed: !!int 5\n",
                 "f.yaml:2:9: wasi.seed: tags (!...) are not supported: "
                 "write the value alone");
    assert_fault("[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n",
                 "f.yaml:1:17: nested deeper than 16 levels");
    assert_fault("wasi:\n---\nlog:\n",
                 "f.yaml:2:1: a second document (---): a configuration is one "
                 "document");
    assert_fault("wasi:\n  ? [a]\n  : b\n", "f.yaml:2:5: wasi: a key must be text");
    assert_fault("wasi:\n  env_vars: {A: \"x\\0y\"}\n",
                 "f.yaml:2:17: wasi.env_vars.A: the value has a NUL character in it");
    assert_fault("# one\nwasi: \xff\n", "f.yaml:2: not UTF-8 text: invalid leading UTF-8 octet");
    assert_fault("wasi: &w\n  env_vars: *w\n", "f.yaml:2:13: wasi.env_vars: *w: no anchor of that "
                                               "name is complete above this line");
}

/* Nine levels of nine: 9^9 values if it were believed. */
static void alias_bomb(void **state) {
    struct pa_buf text = PA_BUF_INIT(4096);
    pa_buf_append_text(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++) {
        pa_buf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 9; j++)
            pa_buf_printf(&text, "*a%d,", i - 1);
        pa_buf_append_text(&text, "]\n");
    }
    struct pa_config config;
    struct pa_error err;
    assert_int_equal(load(&config, pa_buf_text(&text), &err), -1);
    assert_non_null(strstr(err.message, "too large: more than 16384 values"));
    pa_config_done(&config);
    pa_buf_done(&text);
}

static void aliases_are_copies(void **state) {
    struct pa_config config;
    struct pa_error err;
    assert_int_equal(load(&config,
                          "wasi:\n  memory_limit_bytes: &size 64MiB\n"
                          "  limits: {files_bytes: *size}\n",
                          &err),
                     0);
    assert_int_equal(config.policy.limits.files_bytes, 64 * PA_MIB);
    pa_config_done(&config);
}

static void all_faults_are_said(void **state) {
    struct pa_config config;
    struct pa_error err;
    assert_int_equal(load(&config, "wasi:\n  sed: 1\n  jail: open\n  max_fuel: 0\nlgo:\n", &err),
                     -1);
    assert_int_equal(config.fault_count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(config.faults[i].line, i + 2);
    assert_string_equal(config.faults[1].key, "wasi.jail");
    assert_string_equal(err.message, "f.yaml:2:3: wasi.sed: unknown key; did you mean wasi.seed? "
                                     "(and 3 more: see 'polyagent config check')");
    pa_config_done(&config);

    struct pa_buf many = PA_BUF_INIT(65536);
    for (int i = 0; i < 50; i++)
        pa_buf_printf(&many, "unknown_%d: 1\n", i);
    assert_int_equal(load(&config, pa_buf_text(&many), &err), -1);
    assert_int_equal(config.fault_count, PA_CONFIG_MAX_FAULTS);
    assert_int_equal(config.faults_left_out, 50 - PA_CONFIG_MAX_FAULTS);
    pa_config_done(&config);
    pa_buf_done(&many);
}

static void empty_files_are_fine(void **state) {
    static const char *const empty[] = {"",
                                        "# nothing\n",
                                        "---\n",
                                        "wasi:\n",
                                        "wasi:\n  allowed_paths:\n  env_vars:\n  limits:\nlog:\n",
                                        "\xef\xbb\xbfwasi:\n"};
    struct pa_config defaults;
    pa_config_init(&defaults);
    for (size_t i = 0; i < PA_ARRAY_LEN(empty); i++) {
        struct pa_config config;
        struct pa_error err;
        assert_int_equal(load(&config, empty[i], &err), 0);
        assert_same(&config, &defaults);
        pa_config_done(&config);
    }
    pa_config_done(&defaults);
}

/* A directory of the test's own, and in it; undone by leave(). */
struct place {
    char path[64];
    int back;
};

static void enter(struct place *place) {
    snprintf(place->path, sizeof(place->path), "/tmp/pa-config-XXXXXX");
    place->back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->back >= 0);
    assert_non_null(mkdtemp(place->path));
    assert_int_equal(chdir(place->path), 0);
}

static void leave(struct place *place) {
    char command[128];
    assert_int_equal(fchdir(place->back), 0);
    close(place->back);
    snprintf(command, sizeof(command), "rm -rf %s", place->path);
    assert_int_equal(system(command), 0);
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Appends `text` with AT replaced. */
static void fill_in(const char *text, const char *at, struct pa_buf *out) {
    for (const char *found; (found = strstr(text, "AT")); text = found + 2) {
        pa_buf_append(out, text, (size_t)(found - text));
        pa_buf_append_text(out, at);
    }
    pa_buf_append_text(out, text);
}

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

static void languages(void **state) {
    static const char text[] = "warm: [python, data, \"null\"]\n"
                               "packages:\n"
                               "  python: [/srv/a.whl, /srv/b]\n"
                               "  js:\n"
                               "images:\n"
                               "  data: {language: python, preload: [numpy, pandas.core]}\n"
                               "  own: {language: js, packages: [/srv/js]}\n";
    struct pa_config config, again;
    struct pa_error err;
    assert_int_equal(load(&config, text, &err), 0);
    assert_int_equal(pa_strv_count(config.warm), 3);
    assert_string_equal(config.warm[1], "data");
    assert_int_equal(config.package_count, 2);
    assert_string_equal(config.packages[0].paths[1], "/srv/b");
    assert_int_equal(pa_strv_count(config.packages[1].paths), 0);
    const struct pa_config_image *image = pa_config_image_find(&config, "data");
    assert_non_null(image);
    assert_string_equal(image->language, "python");
    assert_string_equal(image->preload[1], "pandas.core");
    assert_null(pa_config_image_find(&config, "dat"));

    /* A flag adds to them, and what is shown gives the same again. */
    assert_int_equal(pa_config_set(&config, "packages", "python=here", &PA_FLAG("--x"), &err), 0);
    assert_string_equal(config.packages[0].paths[2], "here");
    assert_int_equal(pa_config_set(&config, "packages", "python", &PA_FLAG("--x"), &err), -1);
    assert_int_equal(pa_config_set(&config, "images", "data", &PA_FLAG("--x"), &err), -1);
    free(config.packages[0].paths[2]);
    config.packages[0].paths[2] = NULL;
    struct pa_buf shown = PA_BUF_INIT(1 << 20);
    pa_config_show(&config, &shown);
    assert_non_null(strstr(pa_buf_text(&shown),
                           "preload: [\"numpy\", \"pandas.core\"], packages: []}"
                           " # from f.yaml:6\n"));
    assert_int_equal(load(&again, pa_buf_text(&shown), &err), 0);
    assert_int_equal(again.image_count, 2);
    assert_string_equal(again.images[1].packages[0], "/srv/js");
    assert_string_equal(again.warm[2], "null");
    assert_string_equal(again.packages[0].paths[1], "/srv/b");
    pa_buf_done(&shown);
    pa_config_done(&config);
    pa_config_done(&again);
}

static void faults_of_languages(void **state) {
    assert_fault("warm: python\n", "f.yaml:1:7: warm: got text, allowed is a list");
    assert_fault("warm: [a b]\n",
                 "f.yaml:1:8: warm: 'a b' is not a name: letters, digits, '.', '_' "
                 "and '-', of which a letter is first");
    assert_fault("packages: {python: [lib]}\n",
                 "f.yaml:1:21: packages.python: the path 'lib' is not absolute");
    assert_fault("packages: [a]\n", "f.yaml:1:11: packages: got a list, allowed is a map of "
                                    "languages to lists of wheels and folders (absolute paths)");
    assert_fault("images: {data: {preload: [numpy]}}\n",
                 "f.yaml:1:10: images.data: an image without language");
    assert_fault("images: {data: {language: python, preload: [\"a, b\"]}}\n",
                 "f.yaml:1:45: images.data.preload: 'a, b' is not the name of a module");
    assert_fault(
        "images: {data: {language: python, packges: []}}\n",
        "f.yaml:1:35: images.data.packges: unknown key; an image has language, preload and "
        "packages");
    assert_fault(
        "images: {-x: {language: python}}\n",
        "f.yaml:1:10: images.-x: '-x' is not a name: letters, digits, '.', '_' and '-', of "
        "which a letter is first");
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

/* docs/configuration.md has a row for every key, with its variable; of a limit with its default and
 * its range. */
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
        if (key->limit) {
            const struct pa_limit_info *info = pa_limit_find(key->limit);
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

static void distances(void **state) {
    assert_int_equal(pa_word_distance("", ""), 0);
    assert_int_equal(pa_word_distance("abc", "abc"), 0);
    assert_int_equal(pa_word_distance("abc", ""), 3);
    assert_int_equal(pa_word_distance("kitten", "sitting"), 3);
    assert_int_equal(pa_word_distance("memroy", "memory"), 1); /* a swap is one step */
    char longest[66];
    memset(longest, 'a', 65);
    longest[65] = 0;
    assert_true(pa_word_distance(longest, "a") == SIZE_MAX);
    assert_int_equal(pa_word_distance(longest + 1, "b"), 64);

    struct pa_nearest nearest = {.word = "levle"};
    pa_nearest_offer(&nearest, "format", 0);
    assert_false(nearest.found);
    pa_nearest_offer(&nearest, "lever", 1);
    pa_nearest_offer(&nearest, "level", 2);
    pa_nearest_offer(&nearest, "leve", 3); /* as near, and later */
    assert_true(nearest.found);
    assert_int_equal(nearest.index, 2);
}

static void collect(void *context, const char *name, const char *value, unsigned line) {
    pa_buf_printf(context, "%u:%s=[%s]", line, name, value);
}

static void dotenv(void **state) {
    static const char text[] = "# c\nA=1 # x\n  export B = two words  \nC='a # $x\\n'\n"
                               "D=\"q\\\"\\n\\$\\z\" junk\nnonsense\n=1\nE=\nF=#no\nG=a#b\r\n"
                               "H='one\ntwo'\n1X=2\nI=end";
    struct pa_buf seen = PA_BUF_INIT(4096);
    struct pa_error err;
    unsigned line = 0;
    assert_int_equal(pa_dotenv_parse(text, strlen(text), collect, &seen, &line, &err), 0);
    assert_string_equal(pa_buf_text(&seen),
                        "2:A=[1]3:B=[two words]4:C=[a # $x\\n]5:D=[q\"\n$\\z]8:E=[]9:F=[]10:G=[a#b]"
                        "11:H=[one\ntwo]14:I=[end]");
    pa_buf_clear(&seen);
    assert_int_equal(pa_dotenv_parse("A=1\nB='x\ny\n", 11, collect, &seen, &line, &err), -1);
    assert_int_equal(line, 2);
    assert_string_equal(err.message, "B: the quote ' is never closed");
    pa_buf_done(&seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(original_keys),
        cmocka_unit_test(every_limit_is_a_key),
        cmocka_unit_test(quantities),
        cmocka_unit_test(faults_of_keys),
        cmocka_unit_test(faults_of_values),
        cmocka_unit_test(never_granted),
        cmocka_unit_test(faults_of_form),
        cmocka_unit_test(alias_bomb),
        cmocka_unit_test(aliases_are_copies),
        cmocka_unit_test(all_faults_are_said),
        cmocka_unit_test(empty_files_are_fine),
        cmocka_unit_test(paths),
        cmocka_unit_test(wrong_paths),
        cmocka_unit_test(a_writable_path_where_none_may_be),
        cmocka_unit_test(flags),
        cmocka_unit_test(sources),
        cmocka_unit_test(faults_of_variables),
        cmocka_unit_test(bounded_files),
        cmocka_unit_test(planted_files),
        cmocka_unit_test(shown_is_valid),
        cmocka_unit_test(languages),
        cmocka_unit_test(faults_of_languages),
        cmocka_unit_test(the_sample_is_the_defaults),
        cmocka_unit_test(the_page_has_every_key),
        cmocka_unit_test(variables_have_one_key_each),
        cmocka_unit_test(distances),
        cmocka_unit_test(dotenv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
