/*
 * warm, packages and images: what concerns languages, of which this folder knows no names; and
 * other lists.  Whether there is such a language and such a file is found out where they are used.
 */
#include "config/config_internal.h"

#include <ctype.h>

#define NAME_MAX_BYTES 63

/* A language or an image: what a command line can name. */
static bool is_name(const char *text) {
    size_t size = strlen(text);
    if (!size || size > NAME_MAX_BYTES || !isalpha((unsigned char)*text))
        return false;
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
            return false;
    return true;
}

static int check_name(const char *text, struct pa_error *err) {
    return is_name(text) ? 0
                         : pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                                   "'%.64s' is not a name: letters, digits, '.', '_' and '-', of "
                                   "which a letter is first",
                                   text);
}

static int check_path(const char *text, bool may_be_relative, struct pa_error *err) {
    if (*text == '/' || (may_be_relative && *text))
        return 0;
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the path '%.200s' is not absolute", text);
}

static int check_module(const char *text, struct pa_error *err) {
    for (const char *at = text; *at; at++)
        if (isspace((unsigned char)*at) || *at == ',' || iscntrl((unsigned char)*at))
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "'%.64s' is not the name of a module",
                           text);
    return *text ? 0 : pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the name of a module is empty");
}

/* --- what is kept --- */

static void *grow(void *items, size_t count, size_t size) {
    void *grown = pa_xcalloc(count + 1, size);
    if (count)
        memcpy(grown, items, count * size);
    free(items);
    return grown;
}

static char ***packages_of(struct pa_config *config, const char *language) {
    for (size_t i = 0; i < config->package_count; i++)
        if (pa_streq(config->packages[i].language, language))
            return &config->packages[i].paths;
    config->packages = grow(config->packages, config->package_count, sizeof(*config->packages));
    struct pa_config_packages *added = &config->packages[config->package_count++];
    *added = (struct pa_config_packages){.language = pa_xstrdup(language)};
    return &added->paths;
}

static void image_done(struct pa_config_image *image) {
    free(image->name);
    free(image->language);
    pa_strv_free(image->preload);
    pa_strv_free(image->packages);
}

void pa_config_clear_packages(struct pa_config *config) {
    for (size_t i = 0; i < config->package_count; i++) {
        free(config->packages[i].language);
        pa_strv_free(config->packages[i].paths);
    }
    free(config->packages);
    config->packages = NULL;
    config->package_count = 0;
}

void pa_config_clear_images(struct pa_config *config) {
    for (size_t i = 0; i < config->image_count; i++)
        image_done(&config->images[i]);
    free(config->images);
    config->images = NULL;
    config->image_count = 0;
}

const struct pa_config_image *pa_config_image_find(const struct pa_config *config,
                                                   const char *name) {
    for (size_t i = 0; i < config->image_count; i++)
        if (pa_streq(config->images[i].name, name))
            return &config->images[i];
    return NULL;
}

/* --- from text --- */

char ***pa_config_list(const struct pa_config *config, const struct pa_config_key *key) {
    return (char ***)(void *)((char *)config + key->offset);
}

int pa_config_add_item(struct pa_config *config, const struct pa_config_key *key, const char *text,
                       const struct pa_origin *origin, struct pa_error *err) {
    int good = key->kind == PA_CONFIG_NAMES
                   ? check_name(text, err)
                   : check_path(text, origin->source == PA_SOURCE_FLAG, err);
    if (good < 0)
        return -1;
    pa_strv_add(pa_config_list(config, key), pa_xstrdup(text));
    return 0;
}

int pa_config_add_package(struct pa_config *config, const struct pa_config_key *key,
                          const char *text, const struct pa_origin *origin, struct pa_error *err) {
    const char *equals = strchr(text, '=');
    if (!equals)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "'%.64s' is not LANGUAGE=PATH", text);
    PA_CLEANUP(pa_freep) char *language = pa_xasprintf("%.*s", (int)(equals - text), text);
    if (check_name(language, err) < 0 ||
        check_path(equals + 1, origin->source == PA_SOURCE_FLAG, err) < 0)
        return -1;
    pa_strv_add(packages_of(config, language), pa_xstrdup(equals + 1));
    pa_config_note_put(config, key, language, origin);
    return 0;
}

/* --- from a document --- */

typedef int check_text(const char *text, struct pa_error *err);

static int check_absolute(const char *text, struct pa_error *err) {
    return check_path(text, false, err);
}

/* A list of texts, each of which `check` accepts; what is wrong is reported and left out. */
static void read_list(const struct pa_config_walk *walk, const struct pa_yaml_node *node,
                      const char *key, check_text *check, char ***ret) {
    if (pa_yaml_is_null(node))
        return;
    if (node->type != PA_YAML_LIST) {
        pa_config_walk_type(walk, node, key, "a list");
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        const struct pa_yaml_node *child = node->children[i];
        struct pa_error err;
        if (child->reported)
            continue;
        if (child->type != PA_YAML_SCALAR || pa_yaml_is_null(child))
            pa_config_walk_type(walk, child, key, "text");
        else if (check(child->text, &err) < 0)
            pa_config_walk_error(walk, child, key, &err);
        else
            pa_strv_add(ret, pa_xstrdup(child->text));
    }
}

void pa_config_apply_names(const struct pa_config_walk *walk, const struct pa_config_key *key,
                           const struct pa_yaml_node *node) {
    read_list(walk, node, key->name, key->kind == PA_CONFIG_NAMES ? check_name : check_absolute,
              pa_config_list(walk->config, key));
}

/* The next entry of a map of names; false for one that is not good, which is reported. */
static bool good_entry(const struct pa_config_walk *walk, const struct pa_config_key *key,
                       const struct pa_yaml_node *child, char *path, size_t room,
                       struct pa_origin *ret_origin) {
    struct pa_error err;
    if (child->reported)
        return false;
    *ret_origin = pa_config_walk_origin(walk, child->key_line, child->key_column);
    snprintf(path, room, "%s.%.100s", key->name, child->key);
    if (check_name(child->key, &err) == 0)
        return true;
    pa_config_fault(walk->config, ret_origin, path, "%s", err.message);
    return false;
}

void pa_config_apply_packages(const struct pa_config_walk *walk, const struct pa_config_key *key,
                              const struct pa_yaml_node *node) {
    if (node->type != PA_YAML_MAP) {
        pa_config_walk_type(walk, node, key->name, key->allowed);
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        const struct pa_yaml_node *child = node->children[i];
        struct pa_origin origin;
        char path[160];
        if (!good_entry(walk, key, child, path, sizeof(path), &origin))
            continue;
        read_list(walk, child, path, check_absolute, packages_of(walk->config, child->key));
        pa_config_note_put(walk->config, key, child->key, &origin);
    }
}

static void read_image_key(const struct pa_config_walk *walk, const struct pa_yaml_node *node,
                           const char *path, struct pa_config_image *image) {
    struct pa_error err;
    char key[240];
    snprintf(key, sizeof(key), "%s.%.60s", path, node->key);
    if (pa_streq(node->key, "preload")) {
        read_list(walk, node, key, check_module, &image->preload);
    } else if (pa_streq(node->key, "packages")) {
        read_list(walk, node, key, check_absolute, &image->packages);
    } else if (!pa_streq(node->key, "language")) {
        struct pa_origin origin = pa_config_walk_origin(walk, node->key_line, node->key_column);
        pa_config_fault(walk->config, &origin, key,
                        "unknown key; an image has language, preload and packages");
    } else if (node->type != PA_YAML_SCALAR || pa_yaml_is_null(node)) {
        pa_config_walk_type(walk, node, key, "the name of a language");
    } else if (check_name(node->text, &err) < 0) {
        pa_config_walk_error(walk, node, key, &err);
    } else {
        image->language = pa_xstrdup(node->text);
    }
}

void pa_config_apply_images(const struct pa_config_walk *walk, const struct pa_config_key *key,
                            const struct pa_yaml_node *node) {
    struct pa_config *config = walk->config;
    if (node->type != PA_YAML_MAP) {
        pa_config_walk_type(walk, node, key->name, key->allowed);
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        const struct pa_yaml_node *child = node->children[i];
        struct pa_origin origin;
        char path[160];
        if (!good_entry(walk, key, child, path, sizeof(path), &origin))
            continue;
        if (child->type != PA_YAML_MAP) {
            pa_config_walk_type(walk, child, path, "a map of language, preload and packages");
            continue;
        }
        struct pa_config_image image = {.name = pa_xstrdup(child->key)};
        size_t faults = config->fault_count;
        for (size_t j = 0; j < child->child_count; j++)
            if (!child->children[j]->reported)
                read_image_key(walk, child->children[j], path, &image);
        if (!image.language) {
            if (config->fault_count == faults)
                pa_config_fault(config, &origin, path, "an image without language");
            image_done(&image);
            continue;
        }
        config->images = grow(config->images, config->image_count, sizeof(*config->images));
        config->images[config->image_count++] = image;
        pa_config_note_put(config, key, child->key, &origin);
    }
}

/* --- showing --- */

static void print_list(char *const *list, struct pa_buf *out) {
    pa_buf_append_text(out, "[");
    for (size_t i = 0; list && list[i]; i++) {
        pa_buf_append_text(out, i ? ", " : "");
        pa_yaml_quote(list[i], out);
    }
    pa_buf_append_text(out, "]");
}

size_t pa_config_language_items(const struct pa_config *config, const struct pa_config_key *key) {
    return key->kind == PA_CONFIG_PACKAGES ? config->package_count
           : key->kind == PA_CONFIG_IMAGES ? config->image_count
                                           : pa_strv_count(*pa_config_list(config, key));
}

const char *pa_config_print_language_item(const struct pa_config *config,
                                          const struct pa_config_key *key, size_t index,
                                          struct pa_buf *out) {
    if (key->kind == PA_CONFIG_NAMES || key->kind == PA_CONFIG_FOLDERS) {
        pa_buf_append_text(out, "- ");
        pa_yaml_quote((*pa_config_list(config, key))[index], out);
        return NULL;
    }
    if (key->kind == PA_CONFIG_PACKAGES) {
        const struct pa_config_packages *packages = &config->packages[index];
        pa_yaml_quote(packages->language, out);
        pa_buf_append_text(out, ": ");
        print_list(packages->paths, out);
        return packages->language;
    }
    const struct pa_config_image *image = &config->images[index];
    pa_yaml_quote(image->name, out);
    pa_buf_append_text(out, ": {language: ");
    pa_yaml_quote(image->language, out);
    pa_buf_append_text(out, ", preload: ");
    print_list(image->preload, out);
    pa_buf_append_text(out, ", packages: ");
    print_list(image->packages, out);
    pa_buf_append_text(out, "}");
    return image->name;
}
