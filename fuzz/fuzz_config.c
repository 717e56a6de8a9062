/*
 * Configuration text from anybody.  The first byte chooses what the rest is: a YAML file (y), a
 * .env file (e), or a setting (v).  Whatever it is, the faults stay within their bounds; and what
 * is accepted is shown as text that is accepted again and means the same.
 */
#include "config/config.h"
#include "config/dotenv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(const struct pa_config *config, struct pa_buf *out) {
    pa_config_show(config, out);
    PA_ASSERT(!out->failed);
}

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
}

static void check_shown(const struct pa_config *config) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(64 << 20);
    PA_CLEANUP(pa_buf_done) struct pa_buf before = PA_BUF_INIT(64 << 20);
    PA_CLEANUP(pa_buf_done) struct pa_buf after = PA_BUF_INIT(64 << 20);
    struct pa_config again;
    struct pa_error err;
    show(config, &text);
    PA_ASSERT(pa_config_load_text(&again, "shown", pa_buf_text(&text), text.size, &err) == 0);
    encode(config, &before);
    encode(&again, &after);
    PA_ASSERT(before.size == after.size && memcmp(before.data, after.data, after.size) == 0);
    pa_config_done(&again);
}

static void yaml(const char *text, size_t size) {
    struct pa_config config;
    struct pa_error err;
    int failed = pa_config_load_text(&config, "fuzz.yaml", text, size, &err);
    PA_ASSERT(failed == (config.fault_count ? -1 : 0));
    PA_ASSERT(config.fault_count <= PA_CONFIG_MAX_FAULTS);
    PA_CLEANUP(pa_buf_done) struct pa_buf verdict = PA_BUF_INIT(1 << 20);
    pa_config_check(&config, &verdict);
    PA_ASSERT(!verdict.failed);
    if (!failed)
        check_shown(&config);
    pa_config_done(&config);
}

static void one_variable(void *context, const char *name, const char *value, unsigned line) {
    PA_ASSERT(line > 0);
    if (!name) /* a line that is no assignment */
        return;
    PA_ASSERT(*name && !strpbrk(name, "= \t\n"));
    *(size_t *)context += strlen(name) + strlen(value);
}

static void dotenv(const char *text, size_t size) {
    struct pa_error err;
    unsigned line = 0;
    size_t total = 0;
    if (pa_dotenv_parse(text, size, one_variable, &total, &line, &err) < 0)
        PA_ASSERT(line > 0);
    PA_ASSERT(total <= size);
}

/* YAML cannot hold bytes that are not UTF-8: what is shown of those is not the same. */
static bool is_ascii(const char *text) {
    while (*text > 0)
        text++;
    return *text == 0;
}

/* KEY=TEXT, as a flag would set it. */
static void value(char *pair) {
    struct pa_config config;
    struct pa_error err;
    struct pa_origin flag = PA_FLAG("--fuzz");
    char *equals = strchr(pair, '=');
    if (!equals)
        return;
    *equals = 0;
    pa_config_init(&config);
    if (pa_config_set(&config, pair, equals + 1, &flag, &err) == 0 && is_ascii(equals + 1))
        check_shown(&config);
    pa_config_done(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    const char *rest = (const char *)data + 1;
    PA_CLEANUP(pa_freep) char *text = pa_xasprintf("%.*s", (int)(size - 1), rest);
    switch (data[0]) {
    case 'y':
        yaml(rest, size - 1);
        break;
    case 'e':
        dotenv(rest, size - 1);
        break;
    case 'v':
        value(text);
        break;
    }
    return 0;
}
