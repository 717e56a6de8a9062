/*
 * The keys file, from YAML to callers.
 *
 * The first fault is the one that is told, with its line and column: a keys file is written by a
 * command and seldom by hand.  No message has what stands in `sha256`.
 */
#include "server/callers_internal.h"

#include "base/io.h"
#include "base/units.h"
#include "config/nearest.h"
#include "config/yaml.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define NAME_MOST 63 /* bytes; PA_SCHEDULER_NAME holds it */

/* What is being read: where faults go, and what defaults are. */
struct reading {
    const char *file;
    const struct pa_server_settings *settings;
    bool failed;
    struct pa_error *err;
};

/* The one that pa_fail has told, with where it is.  Returns -1. */
static int at(struct reading *reading, const struct pa_yaml_node *node, PA_UNUSED int failed) {
    reading->failed = true;
    return pa_error_prefix(reading->err, "%s:%u:%u", reading->file, node->line, node->column);
}

#define fault(reading, node, ...)                                                                  \
    at(reading, node, pa_fail((reading)->err, PA_ERR_INVALID_ARGUMENT, __VA_ARGS__))

static void yaml_fault(void *context, unsigned line, unsigned column, const char *path,
                       const char *message) {
    struct reading *reading = context;
    if (!reading->failed)
        pa_fail(reading->err, PA_ERR_INVALID_ARGUMENT, "%s:%u:%u: %s%s%s", reading->file, line,
                column, path, *path ? ": " : "", message);
    reading->failed = true;
}

static bool is_text(const struct pa_yaml_node *node) {
    return node->type == PA_YAML_SCALAR && !pa_yaml_is_null(node);
}

/* --- values ----------------------------------------------------------------------------------- */

static bool is_name(const char *text) {
    size_t size = strlen(text);
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("._-@", *at))
            return false;
    return size > 0 && size <= NAME_MOST;
}

static bool is_digest(const char *text) {
    for (const char *at = text; *at; at++)
        if (!isdigit((unsigned char)*at) && (*at < 'a' || *at > 'f'))
            return false;
    return strlen(text) == PA_DIGEST_TEXT - 1;
}

static bool any_word(const char *text) {
    return *text;
}

/* A text, or a list of them, each of which is `good`. */
static int read_words(struct reading *reading, const struct pa_yaml_node *node,
                      bool (*good)(const char *text), const char *allowed, char ***ret) {
    *ret = pa_xcalloc(1, sizeof(char *)); /* an empty list allows nothing, where NULL allows all */
    if (is_text(node)) {
        if (!good(node->text))
            return fault(reading, node, "%s: allowed is %s", node->key, allowed);
        pa_strv_add(ret, pa_xstrdup(node->text));
        return 0;
    }
    if (node->type != PA_YAML_LIST)
        return fault(reading, node, "%s: got %s, allowed is %s", node->key, pa_yaml_type_name(node),
                     allowed);
    for (size_t i = 0; i < node->child_count; i++) {
        const struct pa_yaml_node *item = node->children[i];
        if (!is_text(item) || !good(item->text))
            return fault(reading, item, "%s: allowed is %s", node->key, allowed);
        pa_strv_add(ret, pa_xstrdup(item->text));
    }
    return 0;
}

static int read_count(struct reading *reading, const struct pa_yaml_node *node, uint64_t *ret) {
    if (is_text(node) && pa_streq(node->text, "unlimited")) {
        *ret = PA_UNLIMITED;
        return 0;
    }
    if (!is_text(node) || pa_parse_count(node->text, ret) < 0 || *ret < 1 || *ret > 1000000)
        return fault(reading, node, "%s: allowed is a whole number from 1 to 1000000, or unlimited",
                     node->key);
    return 0;
}

static int read_flag(struct reading *reading, const struct pa_yaml_node *node, bool *ret) {
    if (!is_text(node) || (!pa_streq(node->text, "true") && !pa_streq(node->text, "false")))
        return fault(reading, node, "%s: allowed is true or false", node->key);
    *ret = pa_streq(node->text, "true");
    return 0;
}

static int read_limit(struct reading *reading, const struct pa_yaml_node *node,
                      struct pa_limits *limits) {
    const struct pa_limit_info *info = pa_limit_find(node->key);
    struct pa_error why;
    uint64_t value;
    if (!info) {
        struct pa_nearest nearest = {.word = node->key};
        for (size_t i = 0; i < pa_limit_count; i++)
            pa_nearest_offer(&nearest, pa_limit_infos[i].name, i);
        return fault(reading, node, "there is no limit %.60s%s%s", node->key,
                     nearest.found ? "; did you mean " : "",
                     nearest.found ? pa_limit_infos[nearest.index].name : "");
    }
    if (!is_text(node))
        return fault(reading, node, "limits.%s: allowed is a number", node->key);
    bool bare_ms = info->unit == PA_UNIT_MS && pa_parse_count(node->text, &value) == 0;
    if (bare_ms ? pa_limit_check(info, value, &why)
                : pa_limit_parse(info, node->text, &value, &why))
        return fault(reading, node, "limits: %s", why.message);
    *pa_limit_slot(limits, info) = value;
    return 0;
}

static int read_limits(struct reading *reading, const struct pa_yaml_node *node,
                       struct pa_caller *caller) {
    if (node->type != PA_YAML_MAP)
        return fault(reading, node, "limits: allowed is a map of limits, {timeout_ms: 10000}");
    for (size_t i = 0; i < node->child_count; i++)
        if (read_limit(reading, node->children[i], &caller->ceilings.limits) < 0)
            return -1;
    return 0;
}

/* --- one key ---------------------------------------------------------------------------------- */

static int read_field(struct reading *reading, const struct pa_yaml_node *node,
                      struct pa_caller *caller) {
    if (pa_streq(node->key, "name"))
        return 0; /* the caller has it */
    if (pa_streq(node->key, "sha256"))
        return read_words(reading, node, is_digest,
                          "64 lower-case hexadecimal digits, as 'polyagent key new' prints them",
                          &caller->digests);
    if (pa_streq(node->key, "scopes")) {
        pa_strv_free(caller->scopes); /* the default */
        return read_words(reading, node, pa_caller_is_scope,
                          "a list of tools, sessions, modules, runs and metrics", &caller->scopes);
    }
    if (pa_streq(node->key, "tools"))
        return read_words(reading, node, any_word, "a list of tools", &caller->tools);
    if (pa_streq(node->key, "languages"))
        return read_words(reading, node, any_word, "a list of languages", &caller->languages);
    if (pa_streq(node->key, "limits"))
        return read_limits(reading, node, caller);
    if (pa_streq(node->key, "rate"))
        return read_count(reading, node, &caller->rate);
    if (pa_streq(node->key, "running"))
        return read_count(reading, node, &caller->running_most);
    if (pa_streq(node->key, "volumes"))
        return read_flag(reading, node, &caller->volumes);
    return fault(reading, node,
                 "unknown key %.60s; a key has name, sha256, scopes, tools, languages, limits, "
                 "rate, running and volumes",
                 node->key);
}

static const struct pa_yaml_node *child(const struct pa_yaml_node *map, const char *key) {
    for (size_t i = 0; i < map->child_count; i++)
        if (pa_streq(map->children[i]->key, key))
            return map->children[i];
    return NULL;
}

static int read_key(struct reading *reading, const struct pa_yaml_node *node,
                    struct pa_callers *callers) {
    if (node->type != PA_YAML_MAP)
        return fault(reading, node, "got %s, allowed is {name: ..., sha256: ...}",
                     pa_yaml_type_name(node));
    const struct pa_yaml_node *name = child(node, "name");
    if (!name || !is_text(name) || !is_name(name->text))
        return fault(reading, name ? name : node,
                     "a key has a name: up to %d letters, digits, '.', '_', '-' and '@'",
                     NAME_MOST);
    if (pa_callers_by_name(callers, name->text))
        return fault(reading, name,
                     "the name %s is there already; for two keys of one caller make its sha256 a "
                     "list",
                     name->text);
    if (!child(node, "sha256"))
        return fault(reading, node, "the key %s has no sha256: see 'polyagent key new %s'",
                     name->text, name->text);
    struct pa_caller *caller = pa_caller_new(name->text, reading->settings);
    static const char *const usual[] = {"tools", "sessions", "modules", "runs"};
    for (size_t i = 0; i < PA_ARRAY_LEN(usual); i++)
        pa_strv_add(&caller->scopes, pa_xstrdup(usual[i]));
    pa_callers_add(callers, caller);
    for (size_t i = 0; i < node->child_count; i++)
        if (read_field(reading, node->children[i], caller) < 0)
            return -1;
    return 0;
}

static int read_root(struct reading *reading, const struct pa_yaml_node *root,
                     struct pa_callers *callers) {
    const struct pa_yaml_node *keys = root->type == PA_YAML_MAP ? child(root, "keys") : NULL;
    if (!keys || root->child_count != 1)
        return fault(reading, root, "the file has one section, 'keys:'");
    if (pa_yaml_is_null(keys))
        return 0;
    if (keys->type != PA_YAML_LIST)
        return fault(reading, keys, "keys: got %s, allowed is a list", pa_yaml_type_name(keys));
    if (keys->child_count > PA_CALLERS_MOST)
        return fault(reading, keys, "there are %zu keys, allowed are %d", keys->child_count,
                     PA_CALLERS_MOST);
    for (size_t i = 0; i < keys->child_count; i++)
        if (read_key(reading, keys->children[i], callers) < 0)
            return -1;
    return 0;
}

/* --- the file --------------------------------------------------------------------------------- */

/* Who can write it decides who may call. */
static int check_mode(const char *path, struct pa_error *err) {
    struct stat st;
    if (stat(path, &st) < 0)
        return pa_fail_errno(err, errno, "server.api_keys_file: cannot read %s", path);
    if (st.st_mode & S_IWOTH)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "server.api_keys_file: anybody may write to %s, and so decide who may call: "
                       "chmod o-w it",
                       path);
    return 0;
}

int pa_callers_read(struct pa_callers *callers, const struct pa_server_settings *settings,
                    struct pa_error *err) {
    const char *path = settings->api_keys_file;
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(PA_KEYS_FILE_MOST);
    if (check_mode(path, err) < 0)
        return -1;
    if (pa_read_file(path, &text, err) < 0)
        return pa_error_prefix(err, "server.api_keys_file");
    struct reading reading = {path, settings, false, err};
    struct pa_yaml_sink sink = {&reading, yaml_fault};
    struct pa_yaml_node *root = NULL;
    pa_yaml_parse(pa_buf_text(&text), text.size, &sink, &root);
    if (!reading.failed && !root)
        pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s: the file is empty; it has a section 'keys:'",
                path);
    int done = reading.failed || !root ? -1 : read_root(&reading, root, callers);
    pa_yaml_free(root);
    return done;
}
