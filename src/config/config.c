/*
 * A configuration's life, its notes of where each value came from, and setting one key.
 *
 * Notes are a flat array, searched from one end to the other: a few dozen, or as many as there are
 * variables and paths, which the policy bounds.
 */
#include "config/config_internal.h"

#include <stdarg.h>

#define CACHE_DEFAULT (2 * PA_GIB)

static const struct pa_origin by_default = {.source = PA_SOURCE_DEFAULT};

void pa_config_init(struct pa_config *config) {
    *config = (struct pa_config){.cache_max_bytes = CACHE_DEFAULT,
                                 .log_level = pa_xstrdup("warn"),
                                 .log_format = PA_LOG_TEXT,
                                 .jail_required = true,
                                 .fs_readonly = true};
    pa_policy_init(&config->policy);
    pa_config_server_init(&config->server);
}

void pa_config_done(struct pa_config *config) {
    for (size_t i = 0; i < config->note_count; i++) {
        free(config->notes[i].item);
        free((char *)config->notes[i].origin.name);
    }
    free(config->notes);
    free(config->faults);
    free(config->cache_directory);
    free(config->log_level);
    free(config->python_wasi_wasm_path);
    config->warm = pa_strv_free(config->warm);
    pa_config_clear_packages(config);
    pa_config_clear_images(config);
    pa_config_server_done(&config->server);
    free(config->file);
    pa_policy_done(&config->policy);
    *config = (struct pa_config){0};
}

char *pa_origin_format(const struct pa_origin *origin, char *out, size_t room) {
    switch (origin->source) {
    case PA_SOURCE_DEFAULT:
        snprintf(out, room, "default");
        break;
    case PA_SOURCE_FILE:
    case PA_SOURCE_DOTENV:
        if (origin->line)
            snprintf(out, room, "%s:%u", origin->name, origin->line);
        else
            snprintf(out, room, "%s", origin->name);
        break;
    case PA_SOURCE_ENVIRONMENT:
        snprintf(out, room, "environment %s", origin->name);
        break;
    case PA_SOURCE_FLAG:
        snprintf(out, room, "flag %s", origin->name);
        break;
    }
    return out;
}

static bool same_slot(const struct pa_config_key *a, const struct pa_config_key *b) {
    return a == b || (a->limit && b->limit && pa_streq(a->limit, b->limit));
}

struct pa_config_note *pa_config_note_find(const struct pa_config *config,
                                           const struct pa_config_key *key, const char *item) {
    for (size_t i = 0; i < config->note_count; i++) {
        struct pa_config_note *note = &config->notes[i];
        if (same_slot(note->key, key) &&
            (item ? note->item && pa_streq(note->item, item) : !note->item))
            return note;
    }
    return NULL;
}

static struct pa_config_note *new_note(struct pa_config *config) {
    if (config->note_count == config->note_capacity) {
        size_t capacity = PA_MAX(2 * config->note_capacity, (size_t)32);
        struct pa_config_note *grown = pa_xcalloc(capacity, sizeof(*grown));
        if (config->note_count)
            memcpy(grown, config->notes, config->note_count * sizeof(*grown));
        free(config->notes);
        config->notes = grown;
        config->note_capacity = capacity;
    }
    return &config->notes[config->note_count++];
}

struct pa_config_note *pa_config_note_put(struct pa_config *config, const struct pa_config_key *key,
                                          const char *item, const struct pa_origin *origin) {
    struct pa_config_note *note = pa_config_note_find(config, key, item);
    char *name = origin->name ? pa_xstrdup(origin->name) : NULL;
    if (note) {
        free((char *)note->origin.name);
    } else {
        char *owned = item ? pa_xstrdup(item) : NULL;
        note = new_note(config);
        *note = (struct pa_config_note){.item = owned};
    }
    note->key = key;
    note->origin = *origin;
    note->origin.name = name;
    return note;
}

const struct pa_origin *pa_config_origin(const struct pa_config *config, const char *key,
                                         const char *item) {
    const struct pa_config_key *row = pa_config_key_find(key);
    const struct pa_config_note *note = row ? pa_config_note_find(config, row, item) : NULL;
    return note ? &note->origin : &by_default;
}

void pa_config_fault(struct pa_config *config, const struct pa_origin *origin, const char *key,
                     const char *fmt, ...) {
    if (config->fault_count == PA_CONFIG_MAX_FAULTS) {
        config->faults_left_out++;
        return;
    }
    if (!config->faults)
        config->faults = pa_xcalloc(PA_CONFIG_MAX_FAULTS, sizeof(*config->faults));
    struct pa_config_fault *fault = &config->faults[config->fault_count++];
    pa_origin_format(origin, fault->where, sizeof(fault->where));
    size_t used = strlen(fault->where);
    if (origin->line && origin->column)
        snprintf(fault->where + used, sizeof(fault->where) - used, ":%u", origin->column);
    fault->line = origin->line;
    fault->column = origin->column;
    snprintf(fault->key, sizeof(fault->key), "%s", key);
    va_list args;
    va_start(args, fmt);
    vsnprintf(fault->message, sizeof(fault->message), fmt, args);
    va_end(args);
}

int pa_config_claim(struct pa_config *config, const struct pa_config_key *key,
                    const struct pa_origin *origin, struct pa_error *err) {
    const struct pa_config_note *note = pa_config_note_find(config, key, NULL);
    char where[256];
    if (note && note->key != key && note->origin.source == origin->source &&
        origin->source != PA_SOURCE_FLAG)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "sets the same limit as %s (%s): keep one of the two", note->key->name,
                       pa_origin_format(&note->origin, where, sizeof(where)));
    pa_config_note_put(config, key, NULL, origin);
    return 0;
}

static int add_variable(struct pa_config *config, const struct pa_config_key *key, const char *text,
                        const struct pa_origin *origin, struct pa_error *err) {
    const char *equals = strchr(text, '=');
    if (!equals)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "'%.64s' is not NAME=VALUE", text);
    PA_CLEANUP(pa_freep) char *name = pa_xasprintf("%.*s", (int)(equals - text), text);
    if (pa_policy_add_env(&config->policy, name, equals + 1, err) < 0)
        return -1;
    pa_config_note_put(config, key, name, origin);
    return 0;
}

int pa_config_assign(struct pa_config *config, const struct pa_config_key *key, const char *text,
                     const struct pa_origin *origin, struct pa_error *err) {
    switch (key->kind) {
    case PA_CONFIG_PATHS:
        return pa_config_add_path_text(config, key, text, origin, err);
    case PA_CONFIG_VARS:
        return add_variable(config, key, text, origin, err);
    case PA_CONFIG_NAMES:
    case PA_CONFIG_FOLDERS:
        return pa_config_add_item(config, key, text, origin, err);
    case PA_CONFIG_PACKAGES:
        return pa_config_add_package(config, key, text, origin, err);
    case PA_CONFIG_IMAGES:
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "got '%.64s', allowed is %s", text,
                       key->allowed);
    case PA_CONFIG_SCALAR:
        break;
    }
    if (pa_config_claim(config, key, origin, err) < 0)
        return -1;
    return key->set(config, key, text, err);
}

/* A flag may contradict a flag, and only that: the load checked the rest. */
static int check_paths(const struct pa_config *config, struct pa_error *err) {
    for (size_t i = 0; i < config->note_count; i++)
        if (pa_config_forbidden_path(config, &config->notes[i], err))
            return -1;
    return 0;
}

int pa_config_set(struct pa_config *config, const char *key, const char *text,
                  const struct pa_origin *origin, struct pa_error *err) {
    const struct pa_config_key *row = pa_config_key_find(key);
    int failed = row ? pa_config_assign(config, row, text, origin, err)
                     : pa_fail(err, PA_ERR_INVALID_ARGUMENT, "there is no setting %.96s", key);
    if (!failed) {
        pa_config_settle_paths(config);
        failed = check_paths(config, err);
    }
    return failed && origin->name ? pa_error_prefix(err, "%s", origin->name) : failed;
}
