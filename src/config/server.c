/*
 * How the settings of the server are set from text and printed, and what must fit together.
 *
 * The rows themselves are made from PA_SERVER_SETTINGS where all rows are (keys.c).  A text that
 * means "there is none" is kept as NULL, so that whoever uses a setting asks one question.
 */
#include "config/config_internal.h"

#include "base/io.h"
#include "base/units.h"
#include <arpa/inet.h>
#include <sched.h>
#include <unistd.h>

#define MAX_GROUP_FILE 4096
#define MAX_NAME       128

void pa_config_server_init(struct pa_server_settings *server) {
    *server = (struct pa_server_settings){0};
#define TEXT(field, kind, initial, what)                                                           \
    if (*(initial) && !pa_streq(initial, "off"))                                                   \
        server->field = pa_xstrdup(initial);
#define NUMBER(field, unit, initial, smallest, largest, unlimited, what) server->field = (initial);
#define FLAG(field, initial, what)                                       server->field = (initial);
#define FOLDERS(field, what)
    PA_SERVER_SETTINGS(TEXT, NUMBER, FLAG, FOLDERS)
#undef TEXT
#undef NUMBER
#undef FLAG
#undef FOLDERS
}

void pa_config_server_done(struct pa_server_settings *server) {
#define TEXT(field, kind, initial, what) free(server->field);
#define NUMBER(field, unit, initial, smallest, largest, unlimited, what)
#define FLAG(field, initial, what)
#define FOLDERS(field, what) server->field = pa_strv_free(server->field);
    PA_SERVER_SETTINGS(TEXT, NUMBER, FLAG, FOLDERS)
#undef TEXT
#undef NUMBER
#undef FLAG
#undef FOLDERS
}

/* --- from text -------------------------------------------------------------------------------- */

static int put(struct pa_config *config, const struct pa_config_key *key, const char *text,
               bool good, struct pa_error *err) {
    if (text && !good)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "got '%.64s', allowed is %s", text,
                       key->allowed);
    char **slot = (char **)(void *)((char *)config + key->offset);
    free(*slot);
    *slot = text ? pa_xstrdup(text) : NULL;
    return 0;
}

static const char *unless(const char *text, const char *none) {
    return pa_streq(text, none) ? NULL : text;
}

static bool is_address(const char *text) {
    const char *colon = strrchr(text, ':');
    uint64_t port;
    char host[INET6_ADDRSTRLEN + 2];
    if (!colon || pa_parse_count(colon + 1, &port) < 0 || port > UINT16_MAX ||
        (size_t)(colon - text) >= sizeof(host))
        return false;
    size_t size = (size_t)(colon - text);
    memcpy(host, text, size);
    host[size] = 0;
    struct in6_addr address;
    if (size > 2 && host[0] == '[' && host[size - 1] == ']') {
        host[size - 1] = 0;
        return inet_pton(AF_INET6, host + 1, &address) == 1;
    }
    return inet_pton(AF_INET, host, &address) == 1;
}

/* Printable, without spaces: it ends up in a header, a log line or an argument. */
static bool is_word(const char *text, size_t most) {
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return false;
    return *text && strlen(text) <= most;
}

static bool is_url(const char *text) {
    size_t scheme = strncmp(text, "http://", 7) == 0    ? 7
                    : strncmp(text, "https://", 8) == 0 ? 8
                                                        : 0;
    return scheme && text[scheme] && text[scheme] != '/' && is_word(text, 2048);
}

int pa_config_set_listen(struct pa_config *config, const struct pa_config_key *key,
                         const char *text, struct pa_error *err) {
    return put(config, key, unless(text, "off"), is_address(text), err);
}

int pa_config_set_path(struct pa_config *config, const struct pa_config_key *key, const char *text,
                       struct pa_error *err) {
    return put(config, key, unless(text, ""), *text == '/', err);
}

int pa_config_set_log(struct pa_config *config, const struct pa_config_key *key, const char *text,
                      struct pa_error *err) {
    return put(config, key, unless(text, "off"), *text == '/', err);
}

int pa_config_set_url(struct pa_config *config, const struct pa_config_key *key, const char *text,
                      struct pa_error *err) {
    return put(config, key, unless(text, "off"), is_url(text), err);
}

int pa_config_set_name(struct pa_config *config, const struct pa_config_key *key, const char *text,
                       struct pa_error *err) {
    return put(config, key, unless(text, ""), is_word(text, MAX_NAME), err);
}

/* --- what must fit together ------------------------------------------------------------------- */

static void fault(struct pa_config *config, const char *key, const char *message) {
    pa_config_fault(config, pa_config_origin(config, key, NULL), key, "%s", message);
}

void pa_config_check_server(struct pa_config *config) {
    const struct pa_server_settings *server = &config->server;
    if (server->tls_certificate && !server->tls_key)
        fault(config, "server.tls_certificate", "needs its private key in server.tls_key");
    if (server->tls_key && !server->tls_certificate)
        fault(config, "server.tls_key", "needs its certificate in server.tls_certificate");
    if (server->tls_client_ca && !server->tls_certificate)
        fault(config, "server.tls_client_ca",
              "clients show certificates only over TLS: set server.tls_certificate and "
              "server.tls_key");
    if (server->idle_least > server->idle_most)
        fault(config, "server.idle_least", "is more than server.idle_most");
    if (server->session_idle_ms > server->session_life_ms)
        fault(config, "server.session_idle_ms", "is more than server.session_life_ms");
    if (server->tasks_endpoint && !server->tasks_model)
        fault(config, "server.tasks_endpoint", "needs the name of a model in server.tasks_model");
    if (server->audit_code && !server->audit_log)
        fault(config, "server.audit_code", "needs a file in server.audit_log");
}

int pa_config_fits(struct pa_config *config, struct pa_error *err) {
    pa_config_check_server(config);
    if (config->fault_count == 0)
        return 0;
    const struct pa_config_fault *first = &config->faults[0];
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s: %s: %s", first->where, first->key,
                   first->message);
}

/* --- what depends on the machine -------------------------------------------------------------- */

uint64_t pa_server_running_most(const struct pa_server_settings *settings) {
    if (settings->max_running)
        return settings->max_running;
    cpu_set_t set;
    CPU_ZERO(&set);
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
    return 2 * (uint64_t)PA_MAX(count, 1);
}

/* The limit of our control group, as a container sees its own; PA_UNLIMITED where there is none. */
static uint64_t group_memory(void) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(MAX_GROUP_FILE);
    uint64_t bytes;
    if (pa_read_file("/sys/fs/cgroup/memory.max", &text, NULL) < 0)
        return PA_UNLIMITED;
    char *line = (char *)text.data;
    if (!line)
        return PA_UNLIMITED;
    line[strcspn(line, "\n")] = 0;
    return pa_parse_count(line, &bytes) == 0 ? bytes : PA_UNLIMITED;
}

uint64_t pa_server_memory_most(const struct pa_server_settings *settings) {
    if (settings->max_memory_bytes)
        return settings->max_memory_bytes;
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return PA_MIN(machine, group_memory()) / 4 * 3;
}

uint64_t pa_server_sessions_memory(const struct pa_server_settings *settings) {
    const uint64_t most = pa_server_memory_most(settings);
    return settings->sessions_memory_bytes ? PA_MIN(settings->sessions_memory_bytes, most)
                                           : most / 2;
}

char *pa_server_volumes_directory(const struct pa_server_settings *settings) {
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (settings->volumes_directory)
        return pa_xstrdup(settings->volumes_directory);
    if (data && *data == '/')
        return pa_xasprintf("%s/polyagent/volumes", data);
    return home && *home == '/' ? pa_xasprintf("%s/.local/share/polyagent/volumes", home) : NULL;
}
