/* Configuration: the table of keys, what may be in a document and what may not, .env. */
#include "config_support.h"

#include "config/dotenv.h"
#include "config/nearest.h"

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
                               "packages, images, warm, server");
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
    if (name)
        pa_buf_printf(context, "%u:%s=[%s]", line, name, value);
    else
        pa_buf_printf(context, "%u!", line);
}

static void dotenv(void **state) {
    static const char text[] = "# c\nA=1 # x\n  export B = two words  \nC='a # $x\\n'\n"
                               "D=\"q\\\"\\n\\$\\z\" junk\nnonsense\n=1\nE=\nF=#no\nG=a#b\r\n"
                               "H='one\ntwo'\n1X=2\nI=end";
    struct pa_buf seen = PA_BUF_INIT(4096);
    struct pa_error err;
    unsigned line = 0;
    assert_int_equal(pa_dotenv_parse(text, strlen(text), collect, &seen, &line, &err), 0);
    assert_string_equal(
        pa_buf_text(&seen),
        "2:A=[1]3:B=[two words]4:C=[a # $x\\n]5:D=[q\"\n$\\z]6!7!8:E=[]9:F=[]10:G=[a#b]"
        "11:H=[one\ntwo]13!14:I=[end]");
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
        cmocka_unit_test(languages),
        cmocka_unit_test(faults_of_languages),
        cmocka_unit_test(distances),
        cmocka_unit_test(dotenv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
