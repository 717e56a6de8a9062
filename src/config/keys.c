/*
 * The table of keys, and how each is set from text and printed.
 *
 * One row is one key, whatever source it comes from: the YAML file, a variable and a flag all end
 * in the row's `set`.  The rows of the limits come from PA_LIMITS, so a new limit is a key at once;
 * the three limits that the original document names have a second row under its name, which is the
 * one that is shown.
 */
#include "config/config_internal.h"

#include "base/units.h"
#include <inttypes.h>
#include <stdio.h>

#define CACHE_LARGEST (1024 * PA_GIB)

static void *slot_of(const struct pa_config *config, const struct pa_config_key *key) {
    return (char *)config + key->offset;
}

static int not_allowed(const struct pa_config_key *key, const char *text, struct pa_error *err) {
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "got '%.64s', allowed is %s", text, key->allowed);
}

const struct pa_limit_info *pa_config_key_range(const struct pa_config_key *key) {
    return key->limit ? pa_limit_find(key->limit) : key->number;
}

static uint64_t *number_slot(const struct pa_config *config, const struct pa_config_key *key) {
    if (key->limit)
        return pa_limit_slot((struct pa_limits *)&config->policy.limits, pa_limit_find(key->limit));
    return slot_of(config, key);
}

uint64_t pa_config_number(const struct pa_config *config, const struct pa_config_key *key) {
    return *number_slot(config, key);
}

/* A bare number is in the number's own unit, as its name says; pa_limit_parse takes it for seconds.
 */
static int set_number(struct pa_config *config, const struct pa_config_key *key, const char *text,
                      struct pa_error *err) {
    const struct pa_limit_info *info = pa_config_key_range(key);
    uint64_t value;
    if (info->unit == PA_UNIT_MS && pa_parse_count(text, &value) == 0) {
        if (pa_limit_check(info, value, err) < 0)
            return -1;
    } else if (pa_limit_parse(info, text, &value, err) < 0) {
        return -1;
    }
    *number_slot(config, key) = value;
    return 0;
}

static void print_number(const struct pa_config *config, const struct pa_config_key *key,
                         struct pa_buf *out) {
    const struct pa_limit_info *info = pa_config_key_range(key);
    uint64_t value = *number_slot(config, key);
    if (value == PA_UNLIMITED && info->may_be_unlimited)
        pa_buf_append_text(out, "unlimited");
    else
        pa_buf_printf(out, "%" PRIu64, value);
}

static int set_bool(struct pa_config *config, const struct pa_config_key *key, const char *text,
                    struct pa_error *err) {
    if (!pa_streq(text, "true") && !pa_streq(text, "false"))
        return not_allowed(key, text, err);
    *(bool *)slot_of(config, key) = pa_streq(text, "true");
    return 0;
}

static void print_bool(const struct pa_config *config, const struct pa_config_key *key,
                       struct pa_buf *out) {
    pa_buf_append_text(out, *(bool *)slot_of(config, key) ? "true" : "false");
}

static int refused(const char *text, const struct pa_config_key *key, const char *why,
                   struct pa_error *err) {
    if (pa_streq(text, "false"))
        return 0;
    if (!pa_streq(text, "true"))
        return not_allowed(key, text, err);
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "refused: %s; set it to false or remove it", why);
}

static int set_network(struct pa_config *config, const struct pa_config_key *key, const char *text,
                       struct pa_error *err) {
    return refused(text, key,
                   "a guest has no sockets, and its process lives in a network namespace "
                   "without interfaces",
                   err);
}

static int set_subprocess(struct pa_config *config, const struct pa_config_key *key,
                          const char *text, struct pa_error *err) {
    return refused(text, key,
                   "a guest never starts a process: WASI has no call for it, and the jail "
                   "kills a process that tries",
                   err);
}

static void print_false(const struct pa_config *config, const struct pa_config_key *key,
                        struct pa_buf *out) {
    pa_buf_append_text(out, "false");
}

/* What holds of the run: a writable path is one, whatever the default for the others. */
static void print_fs_readonly(const struct pa_config *config, const struct pa_config_key *key,
                              struct pa_buf *out) {
    bool readonly = config->fs_readonly;
    for (size_t i = 0; i < config->policy.mount_count; i++)
        readonly = readonly && !config->policy.mounts[i].writable;
    pa_buf_append_text(out, readonly ? "true" : "false");
}

static int set_seed(struct pa_config *config, const struct pa_config_key *key, const char *text,
                    struct pa_error *err) {
    if (pa_parse_count(text, &config->policy.seed) < 0)
        return not_allowed(key, text, err);
    return 0;
}

static void print_u64(const struct pa_config *config, const struct pa_config_key *key,
                      struct pa_buf *out) {
    pa_buf_printf(out, "%" PRIu64, *(uint64_t *)slot_of(config, key));
}

static int set_cache_max(struct pa_config *config, const struct pa_config_key *key,
                         const char *text, struct pa_error *err) {
    uint64_t value;
    if (pa_parse_bytes(text, &value) < 0 || value > CACHE_LARGEST)
        return not_allowed(key, text, err);
    config->cache_max_bytes = value;
    return 0;
}

static int set_jail(struct pa_config *config, const struct pa_config_key *key, const char *text,
                    struct pa_error *err) {
    if (!pa_streq(text, "required") && !pa_streq(text, "best-effort"))
        return not_allowed(key, text, err);
    config->jail_required = pa_streq(text, "required");
    return 0;
}

static void print_jail(const struct pa_config *config, const struct pa_config_key *key,
                       struct pa_buf *out) {
    pa_buf_append_text(out, config->jail_required ? "required" : "best-effort");
}

/* A path; empty means not given. */
static int set_text(struct pa_config *config, const struct pa_config_key *key, const char *text,
                    struct pa_error *err) {
    char **slot = slot_of(config, key);
    free(*slot);
    *slot = *text ? pa_xstrdup(text) : NULL;
    return 0;
}

static void print_text(const struct pa_config *config, const struct pa_config_key *key,
                       struct pa_buf *out) {
    const char *text = *(char **)slot_of(config, key);
    pa_yaml_quote(text ? text : "", out);
}

static void print_or_off(const struct pa_config *config, const struct pa_config_key *key,
                         struct pa_buf *out) {
    const char *text = *(char **)slot_of(config, key);
    pa_yaml_quote(text ? text : "off", out);
}

static bool is_level(const char *text, size_t size) {
    for (enum pa_log_level level = PA_LOG_OFF; level <= PA_LOG_TRACE; level++) {
        const char *name = pa_log_level_name(level);
        if (strlen(name) == size && memcmp(name, text, size) == 0)
            return true;
    }
    return false;
}

/* Checked here so that the fault has its line; pa_log_configure takes it as it stands. */
static int set_log_level(struct pa_config *config, const struct pa_config_key *key,
                         const char *text, struct pa_error *err) {
    size_t length = strlen(text);
    bool good = length > 0 && length < 256;
    for (const char *at = text; good && *at;) {
        size_t size = strcspn(at, ",");
        const char *equals = memchr(at, '=', size);
        const char *level = equals ? equals + 1 : at;
        good = equals != at && is_level(level, (size_t)(at + size - level));
        at += size + (at[size] == ',');
    }
    if (!good)
        return not_allowed(key, text, err);
    return set_text(config, key, text, err);
}

static int set_log_format(struct pa_config *config, const struct pa_config_key *key,
                          const char *text, struct pa_error *err) {
    if (!pa_streq(text, "text") && !pa_streq(text, "json"))
        return not_allowed(key, text, err);
    config->log_format = pa_streq(text, "json") ? PA_LOG_JSON : PA_LOG_TEXT;
    return 0;
}

static void print_log_format(const struct pa_config *config, const struct pa_config_key *key,
                             struct pa_buf *out) {
    pa_buf_append_text(out, config->log_format == PA_LOG_JSON ? "json" : "text");
}

#define LIMIT(key, field)                                                                          \
    { .name = (key), .limit = #field, .set = set_number, .print = print_number }
#define BOOL(key, member, text)                                                                    \
    {                                                                                              \
        .name = (key), .allowed = "true or false", .what = (text),                                 \
        .offset = offsetof(struct pa_config, member), .set = set_bool, .print = print_bool         \
    }

/* How a text of the server is said to be, and shown where there is none. */
#define ALLOWED_listen "off, or ADDRESS:PORT with an IPv4 address or an IPv6 one in brackets"
#define ALLOWED_path   "an absolute path, or nothing"
#define ALLOWED_log    "off, or an absolute path"
#define ALLOWED_url    "off, or an http:// or https:// URL"
#define ALLOWED_name   "a name without spaces, or nothing"
#define PRINT_listen   print_or_off
#define PRINT_path     print_text
#define PRINT_log      print_or_off
#define PRINT_url      print_or_off
#define PRINT_name     print_text

#define TEXT(field, kind, initial, text)                                                           \
    {.name = "server." #field,                                                                     \
     .allowed = ALLOWED_##kind,                                                                    \
     .what = (text),                                                                               \
     .offset = offsetof(struct pa_config, server.field),                                           \
     .set = pa_config_set_##kind,                                                                  \
     .print = PRINT_##kind},
#define NUMBER(field, unit, initial, smallest, largest, unlimited, what)                           \
    {.name = "server." #field,                                                                     \
     .number = &(const struct pa_limit_info){#field, unit, initial, smallest, largest, unlimited,  \
                                             what, offsetof(struct pa_server_settings, field)},    \
     .offset = offsetof(struct pa_config, server.field),                                           \
     .set = set_number,                                                                            \
     .print = print_number},
#define FLAG(field, initial, text) BOOL("server." #field, server.field, text),
#define FOLDERS(field, text)                                                                       \
    {.name = "server." #field,                                                                     \
     .kind = PA_CONFIG_FOLDERS,                                                                    \
     .allowed = "a list of absolute paths",                                                        \
     .what = (text),                                                                               \
     .offset = offsetof(struct pa_config, server.field)},

const struct pa_config_key pa_config_keys[] = {
    LIMIT("wasi.memory_limit_bytes", memory_bytes),
    LIMIT("wasi.max_fuel", fuel),
    LIMIT("wasi.execution_timeout_ms", timeout_ms),
    {.name = "wasi.allowed_paths",
     .kind = PA_CONFIG_PATHS,
     .allowed = "a list of HOST[::GUEST][:rw|:ro] or {host:, guest:, writable:}",
     .what = "host directories that a guest sees; HOST is absolute, canonical and exists"},
    {.name = "wasi.env_vars",
     .kind = PA_CONFIG_VARS,
     .allowed = "a map of names to values",
     .what = "environment variables of a guest, which has no others"},
    {.name = "wasi.security.allow_network",
     .allowed = "false",
     .what = "sockets; true is refused",
     .set = set_network,
     .print = print_false},
    {.name = "wasi.security.fs_readonly",
     .allowed = "true or false",
     .what = "whether an allowed path that does not say is read-only; said to be true, a path that "
             "says :rw is refused",
     .offset = offsetof(struct pa_config, fs_readonly),
     .set = set_bool,
     .print = print_fs_readonly},
    {.name = "wasi.security.allow_subprocess",
     .allowed = "false",
     .what = "starting processes; true is refused",
     .set = set_subprocess,
     .print = print_false},
    BOOL("wasi.security.allow_clock", policy.allow_clock,
         "the host's clock; false: a virtual one that advances per call"),
    BOOL("wasi.security.allow_random", policy.allow_random,
         "the host's randomness; false: a generator seeded from wasi.seed"),
    BOOL("wasi.deterministic", policy.deterministic,
         "virtual clock, seeded generator, canonical NaNs, metered code, sorted directories"),
    {.name = "wasi.seed",
     .allowed = "a whole number below 2^64",
     .what = "seed of the generator that stands in for randomness",
     .offset = offsetof(struct pa_config, policy.seed),
     .set = set_seed,
     .print = print_u64},
    {.name = "wasi.jail",
     .allowed = "required or best-effort",
     .what = "required: without every layer of the jail nothing runs; best-effort: run with the "
             "layers that this machine has",
     .set = set_jail,
     .print = print_jail},
#define X(field, unit, initial, smallest, largest, unlimited, what)                                \
    LIMIT("wasi.limits." #field, field),
    PA_LIMITS (X)
#undef X
        {.name = "cache.directory",
         .allowed = "a path",
         .what = "folder of the compiled modules; empty: the user's own cache folder",
         .offset = offsetof(struct pa_config, cache_directory),
         .set = set_text,
         .print = print_text},
    {.name = "cache.max_bytes",
     .allowed = "a size such as 2GiB, at most 1024 GiB",
     .what = "size of the compiled modules together; the least recently used go first",
     .offset = offsetof(struct pa_config, cache_max_bytes),
     .set = set_cache_max,
     .print = print_u64},
    {.name = "log.level",
     .variable = "POLYAGENT_LOG",
     .allowed = "off, error, warn, info, debug or trace, and COMPONENT=LEVEL, with commas between",
     .what = "what is logged, for example info,wasi=trace",
     .offset = offsetof(struct pa_config, log_level),
     .set = set_log_level,
     .print = print_text},
    {.name = "log.format",
     .allowed = "text or json",
     .what = "form of a log line",
     .set = set_log_format,
     .print = print_log_format},
    {.name = "python_wasi_wasm_path",
     .variable = "PYTHON_WASI_WASM_PATH",
     .allowed = "a path",
     .what = "a Python interpreter compiled to WebAssembly, to be used instead of ours",
     .offset = offsetof(struct pa_config, python_wasi_wasm_path),
     .set = set_text,
     .print = print_text},
    {.name = "packages",
     .kind = PA_CONFIG_PACKAGES,
     .allowed = "a map of languages to lists of wheels and folders (absolute paths)",
     .what = "wheels and folders that every program of a language may import from"},
    {.name = "images",
     .kind = PA_CONFIG_IMAGES,
     .allowed = "a map of names to {language:, preload: [MODULE], packages: [PATH]}",
     .what = "languages of one's own: with packages, and with modules imported in advance"},
    {.name = "warm",
     .kind = PA_CONFIG_NAMES,
     .allowed = "a list of languages and images",
     .what = "what polyagent serve starts at once when its command line names nothing",
     .offset = offsetof(struct pa_config, warm)},
    PA_SERVER_SETTINGS(TEXT, NUMBER, FLAG, FOLDERS)};

const size_t pa_config_key_count = PA_ARRAY_LEN(pa_config_keys);

const struct pa_config_key *pa_config_key_find(const char *name) {
    for (size_t i = 0; i < pa_config_key_count; i++)
        if (pa_streq(pa_config_keys[i].name, name))
            return &pa_config_keys[i];
    return NULL;
}

char *pa_config_variable(const struct pa_config_key *key, char *out, size_t room) {
    if (key->variable) {
        snprintf(out, room, "%s", key->variable);
        return out;
    }
    static const char *const dropped[] = {"wasi.", "limits.", "security."};
    const char *rest = key->name;
    for (size_t i = 0; i < PA_ARRAY_LEN(dropped); i++)
        if (strncmp(rest, dropped[i], strlen(dropped[i])) == 0)
            rest += strlen(dropped[i]);
    snprintf(out, room, "POLYAGENT_%s", rest);
    for (char *at = out; *at; at++)
        *at = *at == '.' ? '_' : *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
    return out;
}

char *pa_config_allowed(const struct pa_config_key *key, char *out, size_t room) {
    if (key->allowed) {
        snprintf(out, room, "%s", key->allowed);
        return out;
    }
    const struct pa_limit_info *info = pa_config_key_range(key);
    char smallest[32], largest[32];
    snprintf(out, room, "%s to %s%s",
             pa_limit_format(info, info->smallest, smallest, sizeof(smallest)),
             pa_limit_format(info, info->largest, largest, sizeof(largest)),
             info->may_be_unlimited ? ", or unlimited" : "");
    return out;
}
