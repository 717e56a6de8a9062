#include "config_support.h"

#include <fcntl.h>
#include <unistd.h>

int load(struct pa_config *config, const char *text, struct pa_error *err) {
    return pa_config_load_text(config, "f.yaml", text, strlen(text), err);
}

void assert_fault(const char *text, const char *expected) {
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

void assert_origin(const struct pa_config *config, const char *key, const char *item,
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
    for (size_t i = 0; i < pa_config_key_count; i++)
        if (strncmp(pa_config_keys[i].name, "server.", 7) == 0 && pa_config_keys[i].print)
            pa_config_keys[i].print(config, &pa_config_keys[i], out);
    for (char **path = config->server.module_paths; path && *path; path++)
        pa_put_text(out, *path);
    assert_false(out->failed);
}

void assert_same(const struct pa_config *a, const struct pa_config *b) {
    struct pa_buf left = PA_BUF_INIT(1 << 20), right = PA_BUF_INIT(1 << 20);
    encode(a, &left);
    encode(b, &right);
    assert_int_equal(left.size, right.size);
    assert_memory_equal(left.data, right.data, left.size);
    pa_buf_done(&left);
    pa_buf_done(&right);
}

void enter(struct place *place) {
    snprintf(place->path, sizeof(place->path), "/tmp/pa-config-XXXXXX");
    place->back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->back >= 0);
    assert_non_null(mkdtemp(place->path));
    assert_int_equal(chdir(place->path), 0);
}

void leave(struct place *place) {
    char command[128];
    assert_int_equal(fchdir(place->back), 0);
    close(place->back);
    snprintf(command, sizeof(command), "rm -rf %s", place->path);
    assert_int_equal(system(command), 0);
}

void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void fill_in(const char *text, const char *at, struct pa_buf *out) {
    for (const char *found; (found = strstr(text, "AT")); text = found + 2) {
        pa_buf_append(out, text, (size_t)(found - text));
        pa_buf_append_text(out, at);
    }
    pa_buf_append_text(out, text);
}
