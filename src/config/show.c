/*
 * The settings in force as YAML that is itself a valid file, and the verdict on what was read.
 *
 * A limit is shown once, under the first of its keys.  Where a value came from stands behind it as
 * a comment.  Sections are opened as the names of the keys change, since the table is in their
 * order.
 */
#include "config/config_internal.h"

#include <stdio.h>

/* " # from FILE:3", on one line whatever the file is called. */
static void print_origin(const struct pa_origin *origin, struct pa_buf *out) {
    char text[512];
    pa_origin_format(origin, text, sizeof(text));
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e)
            *at = '?';
    pa_buf_printf(out, " # from %s", text);
}

static void indent(unsigned depth, struct pa_buf *out) {
    pa_buf_printf(out, "%*s", (int)depth * 2, "");
}

/* Opens the sections of `name` that `previous` was not in; returns the depth of its last word. */
static unsigned open_sections(const char *name, const char *previous, struct pa_buf *out) {
    unsigned depth = 0;
    bool shared = true;
    for (const char *word = name, *dot; (dot = strchr(word, '.')); word = dot + 1, depth++) {
        size_t size = (size_t)(dot + 1 - name);
        shared = shared && strncmp(name, previous, size) == 0;
        if (shared)
            continue;
        if (depth == 0 && out->size)
            pa_buf_append_text(out, "\n");
        indent(depth, out);
        pa_buf_printf(out, "%.*s:\n", (int)(dot - word), word);
    }
    return depth;
}

static void print_paths(const struct pa_config *config, const struct pa_config_key *key,
                        unsigned depth, struct pa_buf *out) {
    const struct pa_policy *policy = &config->policy;
    for (size_t i = 0; i < policy->mount_count; i++) {
        const struct pa_mount *mount = &policy->mounts[i];
        indent(depth, out);
        pa_buf_append_text(out, "- {host: ");
        pa_yaml_quote(mount->host, out);
        pa_buf_append_text(out, ", guest: ");
        pa_yaml_quote(mount->guest, out);
        pa_buf_printf(out, ", writable: %s}", mount->writable ? "true" : "false");
        print_origin(pa_config_origin(config, key->name, mount->guest), out);
        pa_buf_append_text(out, "\n");
    }
}

static void print_variables(const struct pa_config *config, const struct pa_config_key *key,
                            unsigned depth, struct pa_buf *out) {
    for (size_t i = 0; i < config->policy.env_count; i++) {
        const char *pair = config->policy.env[i];
        const char *equals = strchr(pair, '=');
        PA_CLEANUP(pa_freep) char *name = pa_xasprintf("%.*s", (int)(equals - pair), pair);
        indent(depth, out);
        /* YAML wants the colon within 1024 characters of a key, unless it is marked as one. */
        bool mark = strlen(name) > 128;
        pa_buf_append_text(out, mark ? "? " : "");
        pa_yaml_quote(name, out);
        if (mark) {
            pa_buf_append_text(out, "\n");
            indent(depth, out);
        }
        pa_buf_append_text(out, ": ");
        pa_yaml_quote(equals + 1, out);
        print_origin(pa_config_origin(config, key->name, name), out);
        pa_buf_append_text(out, "\n");
    }
}

static void print_languages(const struct pa_config *config, const struct pa_config_key *key,
                            unsigned depth, struct pa_buf *out) {
    size_t count = pa_config_language_items(config, key);
    for (size_t i = 0; i < count; i++) {
        indent(depth, out);
        const char *item = pa_config_print_language_item(config, key, i, out);
        print_origin(pa_config_origin(config, key->name, item), out);
        pa_buf_append_text(out, "\n");
    }
}

/* Bytes and times again as people say them: " (256 MiB)". */
static void print_gloss(const struct pa_config *config, const struct pa_config_key *key,
                        struct pa_buf *out) {
    const struct pa_limit_info *info = pa_config_key_range(key);
    if (!info || info->unit == PA_UNIT_COUNT)
        return;
    uint64_t value = pa_config_number(config, key);
    char text[32];
    if (value != PA_UNLIMITED)
        pa_buf_printf(out, " (%s)", pa_limit_format(info, value, text, sizeof(text)));
}

/* Of fs_readonly: the path that makes it false, when it is not so by itself. */
static const struct pa_origin *shown_origin(const struct pa_config *config,
                                            const struct pa_config_key *key) {
    const struct pa_policy *policy = &config->policy;
    if (pa_streq(key->name, "wasi.security.fs_readonly") && config->fs_readonly)
        for (size_t i = 0; i < policy->mount_count; i++)
            if (policy->mounts[i].writable)
                return pa_config_origin(config, "wasi.allowed_paths", policy->mounts[i].guest);
    return pa_config_origin(config, key->name, NULL);
}

static size_t count_items(const struct pa_config *config, const struct pa_config_key *key) {
    switch (key->kind) {
    case PA_CONFIG_SCALAR:
        return 0;
    case PA_CONFIG_PATHS:
        return config->policy.mount_count;
    case PA_CONFIG_VARS:
        return config->policy.env_count;
    default:
        return pa_config_language_items(config, key);
    }
}

static void print_items(const struct pa_config *config, const struct pa_config_key *key,
                        unsigned depth, struct pa_buf *out) {
    switch (key->kind) {
    case PA_CONFIG_SCALAR:
        break;
    case PA_CONFIG_PATHS:
        print_paths(config, key, depth, out);
        break;
    case PA_CONFIG_VARS:
        print_variables(config, key, depth, out);
        break;
    default:
        print_languages(config, key, depth, out);
    }
}

static void print_key(const struct pa_config *config, const struct pa_config_key *key,
                      unsigned depth, struct pa_buf *out) {
    const char *dot = strrchr(key->name, '.');
    size_t items = count_items(config, key);
    bool is_list = key->kind == PA_CONFIG_PATHS || key->kind == PA_CONFIG_NAMES ||
                   key->kind == PA_CONFIG_FOLDERS;
    indent(depth, out);
    pa_buf_printf(out, "%s:", dot ? dot + 1 : key->name);
    if (key->kind == PA_CONFIG_SCALAR) {
        pa_buf_append_text(out, " ");
        key->print(config, key, out);
    } else if (!items) {
        pa_buf_append_text(out, is_list ? " []" : " {}");
    }
    if (!items) {
        print_origin(shown_origin(config, key), out);
        print_gloss(config, key, out);
    }
    pa_buf_append_text(out, "\n");
    print_items(config, key, depth + 1, out);
}

static bool is_shown(const struct pa_config_key *key) {
    for (const struct pa_config_key *other = pa_config_keys; key->limit && other < key; other++)
        if (other->limit && pa_streq(other->limit, key->limit))
            return false;
    return true;
}

void pa_config_show(const struct pa_config *config, struct pa_buf *out) {
    const char *previous = "";
    for (size_t i = 0; i < pa_config_key_count; i++) {
        const struct pa_config_key *key = &pa_config_keys[i];
        if (!is_shown(key))
            continue;
        unsigned depth = open_sections(key->name, previous, out);
        if (depth == 0 && out->size)
            pa_buf_append_text(out, "\n");
        print_key(config, key, depth, out);
        previous = key->name;
    }
}

void pa_config_check(const struct pa_config *config, struct pa_buf *out) {
    for (size_t i = 0; i < config->fault_count; i++) {
        const struct pa_config_fault *fault = &config->faults[i];
        pa_buf_printf(out, "%s: %s%s%s\n", fault->where, fault->key, *fault->key ? ": " : "",
                      fault->message);
    }
    if (config->faults_left_out)
        pa_buf_printf(out, "and %zu more\n", config->faults_left_out);
    if (config->fault_count)
        return;
    size_t set = 0;
    for (size_t i = 0; i < config->note_count; i++)
        set += config->notes[i].item == NULL;
    pa_buf_printf(out, "%s: fine; %zu settings are not the default's\n",
                  config->file ? config->file : "no configuration file", set);
}
