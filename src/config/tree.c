/*
 * From a YAML tree to settings.
 *
 * The names of the keys are the schema: "wasi.security.allow_clock" makes `wasi` and
 * `wasi.security` sections, which are maps; every other word in them is unknown.  A section without
 * anything in it (all of it commented out) is as good as none.
 */
#include "config/config_internal.h"

#include "config/nearest.h"

#define MAX_NAME 160 /* longer dotted names are not ours, and are cut in messages */

struct pa_origin pa_config_walk_origin(const struct pa_config_walk *walk, unsigned line,
                                       unsigned column) {
    struct pa_origin origin = *walk->source;
    if (origin.source == PA_SOURCE_FILE) { /* within a variable a position says nothing */
        origin.line = line;
        origin.column = column;
    }
    return origin;
}

void pa_config_walk_error(const struct pa_config_walk *walk, const struct pa_yaml_node *node,
                          const char *key, const struct pa_error *err) {
    struct pa_origin origin = pa_config_walk_origin(walk, node->line, node->column);
    pa_config_fault(walk->config, &origin, key, "%s", err->message);
}

void pa_config_walk_type(const struct pa_config_walk *walk, const struct pa_yaml_node *node,
                         const char *key, const char *allowed) {
    struct pa_origin origin = pa_config_walk_origin(walk, node->line, node->column);
    pa_config_fault(walk->config, &origin, key, "got %s, allowed is %s", pa_yaml_type_name(node),
                    allowed);
}

static bool is_section(const char *name) {
    size_t size = strlen(name);
    for (size_t i = 0; i < pa_config_key_count; i++)
        if (strncmp(pa_config_keys[i].name, name, size) == 0 && pa_config_keys[i].name[size] == '.')
            return true;
    return false;
}

/* Offers every key and section (the beginnings of `name` that end at a dot or at its end) that is,
 * or is not, directly in `section`; *best becomes the full name of the nearest so far. */
static void offer_names(struct pa_nearest *nearest, const char *name, const char *section,
                        bool inside, char *best, size_t room) {
    const char *word = name;
    for (const char *end = name;; word = ++end) {
        end += strcspn(end, ".");
        size_t parent = word == name ? 0 : (size_t)(word - name - 1);
        bool is_inside = strlen(section) == parent && memcmp(section, name, parent) == 0;
        char candidate[MAX_NAME];
        snprintf(candidate, sizeof(candidate), "%.*s", (int)(end - word), word);
        size_t before = nearest->found ? nearest->distance : SIZE_MAX;
        if (is_inside == inside)
            pa_nearest_offer(nearest, candidate, 0);
        if (nearest->found && nearest->distance < before)
            snprintf(best, room, "%.*s", (int)(end - name), name);
        if (!*end)
            return;
    }
}

/* "allowed_paths, env_vars, ...": what is directly in the section. */
static void list_section(const char *section, struct pa_buf *out) {
    size_t size = *section ? strlen(section) + 1 : 0;
    const char *last = "";
    for (size_t i = 0; i < pa_config_key_count; i++) {
        const char *name = pa_config_keys[i].name;
        if (size && (strncmp(name, section, size - 1) != 0 || name[size - 1] != '.'))
            continue;
        const char *word = name + size;
        size_t length = strcspn(word, ".");
        if (strncmp(last, word, length) == 0 && (last[length] == '.' || last[length] == 0))
            continue;
        pa_buf_printf(out, "%s%.*s", out->size ? ", " : "", (int)length, word);
        last = word;
    }
}

static void fault_unknown(const struct pa_config_walk *walk, const struct pa_yaml_node *node,
                          const char *section, const char *name) {
    struct pa_nearest nearest = {.word = node->key};
    char best[MAX_NAME] = "";
    for (int inside = 1; inside >= 0; inside--)
        for (size_t i = 0; i < pa_config_key_count; i++)
            offer_names(&nearest, pa_config_keys[i].name, section, inside, best, sizeof(best));
    struct pa_origin origin = pa_config_walk_origin(walk, node->key_line, node->key_column);
    if (nearest.found) {
        pa_config_fault(walk->config, &origin, name, "unknown key; did you mean %s?", best);
        return;
    }
    PA_CLEANUP(pa_buf_done) struct pa_buf known = PA_BUF_INIT(4096);
    list_section(section, &known);
    pa_config_fault(walk->config, &origin, name, "unknown key; %s has %s",
                    *section ? section : "the file", pa_buf_text(&known));
}

/* {host: /data, guest: /d, writable: true} */
static void apply_path_map(const struct pa_config_walk *walk, const struct pa_config_key *key,
                           const struct pa_yaml_node *map) {
    static const char *const fields[] = {"host", "guest", "writable"};
    const char *values[PA_ARRAY_LEN(fields)] = {0};
    for (size_t i = 0; i < map->child_count; i++) {
        const struct pa_yaml_node *child = map->children[i];
        size_t field = 0;
        if (child->reported)
            continue;
        while (field < PA_ARRAY_LEN(fields) && !pa_streq(child->key, fields[field]))
            field++;
        struct pa_origin origin = pa_config_walk_origin(walk, child->key_line, child->key_column);
        if (field == PA_ARRAY_LEN(fields)) {
            pa_config_fault(walk->config, &origin, key->name,
                            "unknown key '%.64s' of a path; allowed are host, guest and writable",
                            child->key);
            return;
        }
        if (child->type != PA_YAML_SCALAR || pa_yaml_is_null(child) ||
            (field == 2 && !pa_streq(child->text, "true") && !pa_streq(child->text, "false"))) {
            pa_config_fault(walk->config, &origin, key->name, "%s: allowed is %s", fields[field],
                            field == 2 ? "true or false" : "a path");
            return;
        }
        values[field] = child->text;
    }
    struct pa_origin origin = pa_config_walk_origin(walk, map->line, map->column);
    if (!values[0]) {
        pa_config_fault(walk->config, &origin, key->name, "a path without host");
        return;
    }
    enum pa_path_mode mode = !values[2]                    ? PA_PATH_DEFAULT
                             : pa_streq(values[2], "true") ? PA_PATH_WRITABLE
                                                           : PA_PATH_READ_ONLY;
    struct pa_error err;
    if (pa_config_add_path(walk->config, key, values[0], values[1] ? values[1] : values[0], mode,
                           &origin, &err) < 0)
        pa_config_walk_error(walk, map, key->name, &err);
}

static void apply_paths(const struct pa_config_walk *walk, const struct pa_config_key *key,
                        const struct pa_yaml_node *node) {
    if (node->type != PA_YAML_LIST) {
        pa_config_walk_type(walk, node, key->name, key->allowed);
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        const struct pa_yaml_node *child = node->children[i];
        struct pa_origin origin = pa_config_walk_origin(walk, child->line, child->column);
        struct pa_error err;
        if (child->reported)
            continue;
        if (child->type == PA_YAML_MAP)
            apply_path_map(walk, key, child);
        else if (child->type == PA_YAML_LIST || pa_yaml_is_null(child))
            pa_config_walk_type(walk, child, key->name,
                                "HOST[::GUEST][:rw|:ro] or {host:, guest:, writable:}");
        else if (pa_config_assign(walk->config, key, child->text, &origin, &err) < 0)
            pa_config_walk_error(walk, child, key->name, &err);
    }
}

static void apply_variables(const struct pa_config_walk *walk, const struct pa_config_key *key,
                            const struct pa_yaml_node *node) {
    if (node->type != PA_YAML_MAP) {
        pa_config_walk_type(walk, node, key->name, key->allowed);
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        const struct pa_yaml_node *child = node->children[i];
        if (child->reported)
            continue;
        struct pa_origin origin = pa_config_walk_origin(walk, child->key_line, child->key_column);
        char name[MAX_NAME];
        snprintf(name, sizeof(name), "%s.%s", key->name, child->key);
        struct pa_error err;
        if (child->type != PA_YAML_SCALAR || pa_yaml_is_null(child))
            pa_config_walk_type(walk, child, name, "text; write \"\" for an empty value");
        else if (pa_policy_add_env(&walk->config->policy, child->key, child->text, &err) < 0)
            pa_config_walk_error(walk, child, name, &err);
        else
            pa_config_note_put(walk->config, key, child->key, &origin);
    }
}

static void apply_items(const struct pa_config_walk *walk, const struct pa_config_key *key,
                        const struct pa_yaml_node *node) {
    switch (key->kind) {
    case PA_CONFIG_PATHS:
        apply_paths(walk, key, node);
        break;
    case PA_CONFIG_VARS:
        apply_variables(walk, key, node);
        break;
    case PA_CONFIG_NAMES:
    case PA_CONFIG_FOLDERS:
        pa_config_apply_names(walk, key, node);
        break;
    case PA_CONFIG_PACKAGES:
        pa_config_apply_packages(walk, key, node);
        break;
    case PA_CONFIG_IMAGES:
        pa_config_apply_images(walk, key, node);
        break;
    case PA_CONFIG_SCALAR:
        break;
    }
}

static void apply_key(const struct pa_config_walk *walk, const struct pa_config_key *key,
                      const struct pa_yaml_node *node) {
    struct pa_origin origin = pa_config_walk_origin(walk, node->key_line, node->key_column);
    struct pa_error err;
    bool null = pa_yaml_is_null(node);
    if (key->kind != PA_CONFIG_SCALAR) {
        if (null)
            return;
        if (pa_config_claim(walk->config, key, &origin, &err) < 0)
            pa_config_walk_error(walk, node, key->name, &err);
        else
            apply_items(walk, key, node);
        return;
    }
    if (node->type != PA_YAML_SCALAR || null) {
        char allowed[256];
        pa_config_walk_type(walk, node, key->name,
                            pa_config_allowed(key, allowed, sizeof(allowed)));
        return;
    }
    if (pa_config_assign(walk->config, key, node->text, &origin, &err) < 0)
        pa_config_walk_error(walk, node, key->name, &err);
}

static void apply_section(const struct pa_config_walk *walk, const char *section,
                          const struct pa_yaml_node *node) {
    if (pa_yaml_is_null(node) || node->reported)
        return;
    if (node->type != PA_YAML_MAP) {
        pa_config_walk_type(walk, node, section, "a section: a map of keys");
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        const struct pa_yaml_node *child = node->children[i];
        if (child->reported)
            continue;
        char name[MAX_NAME];
        snprintf(name, sizeof(name), "%s%s%s", section, *section ? "." : "", child->key);
        const struct pa_config_key *key = pa_config_key_find(name);
        if (strchr(child->key, '.') || (!key && !is_section(name)))
            fault_unknown(walk, child, section, name);
        else if (key)
            apply_key(walk, key, child);
        else
            apply_section(walk, name, child);
    }
}

static void yaml_fault(void *context, unsigned line, unsigned column, const char *path,
                       const char *message) {
    const struct pa_config_walk *walk = context;
    struct pa_origin origin = pa_config_walk_origin(walk, line, column);
    pa_config_fault(walk->config, &origin, path, "%s", message);
}

void pa_config_apply_text(struct pa_config *config, const char *text, size_t size,
                          const struct pa_origin *origin) {
    struct pa_config_walk walk = {config, origin};
    struct pa_yaml_sink sink = {&walk, yaml_fault};
    struct pa_yaml_node *root = NULL;
    if (pa_yaml_parse(text, size, &sink, &root) < 0 || !root)
        return;
    apply_section(&walk, "", root);
    pa_yaml_free(root);
}

void pa_config_apply_items(struct pa_config *config, const struct pa_config_key *key,
                           const char *text, const struct pa_origin *origin) {
    struct pa_config_walk walk = {config, origin};
    struct pa_yaml_sink sink = {&walk, yaml_fault};
    struct pa_yaml_node *root = NULL;
    if (pa_yaml_parse(text, strlen(text), &sink, &root) < 0 || !root)
        return;
    apply_items(&walk, key, root);
    pa_yaml_free(root);
}
