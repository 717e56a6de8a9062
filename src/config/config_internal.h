/* What the files of this folder share; nobody else includes it. */
#ifndef PA_CONFIG_CONFIG_INTERNAL_H
#define PA_CONFIG_CONFIG_INTERNAL_H

#include "config/config.h"
#include "config/yaml.h"

/* What an allowed path says about itself. */
enum pa_path_mode {
    PA_PATH_DEFAULT, /* nothing: as wasi.security.fs_readonly says */
    PA_PATH_READ_ONLY,
    PA_PATH_WRITABLE,
};

/* Where a value came from: one a slot, and one a path or variable (whose `item` is its guest path
 * or name).  Two keys of one limit share a slot; `key` is the one that was used. */
struct pa_config_note {
    const struct pa_config_key *key;
    char *item;
    struct pa_origin origin; /* its name is ours */
    enum pa_path_mode mode;  /* of a path */
};

struct pa_config_note *pa_config_note_find(const struct pa_config *config,
                                           const struct pa_config_key *key, const char *item);
struct pa_config_note *pa_config_note_put(struct pa_config *config, const struct pa_config_key *key,
                                          const char *item, const struct pa_origin *origin);

/* Collects a fault; "where" follows from the origin. */
void pa_config_fault(struct pa_config *config, const struct pa_origin *origin, const char *key,
                     const char *fmt, ...) PA_PRINTF(4, 5);

/* Sets a scalar, or adds one path or variable, from text. */
int pa_config_assign(struct pa_config *config, const struct pa_config_key *key, const char *text,
                     const struct pa_origin *origin, struct pa_error *err);

/* Notes that this source sets the key; an error when it has set the limit under its other name.
 * Flags may: the last one holds. */
int pa_config_claim(struct pa_config *config, const struct pa_config_key *key,
                    const struct pa_origin *origin, struct pa_error *err);

/* "true or false", "64 KiB to 4 GiB".  Returns `out`. */
char *pa_config_allowed(const struct pa_config_key *key, char *out, size_t room);

/* The value of a key that is a number, in its unit. */
uint64_t pa_config_number(const struct pa_config *config, const struct pa_config_key *key);

/* paths.c */

int pa_config_add_path(struct pa_config *config, const struct pa_config_key *key, const char *host,
                       const char *guest, enum pa_path_mode mode, const struct pa_origin *origin,
                       struct pa_error *err);
int pa_config_add_path_text(struct pa_config *config, const struct pa_config_key *key,
                            const char *text, const struct pa_origin *origin, struct pa_error *err);
void pa_config_clear_items(struct pa_config *config, const struct pa_config_key *key);

/* Settles which paths are writable; call after any change of paths or of fs_readonly. */
void pa_config_settle_paths(struct pa_config *config);

/* Says whether the note asks for a writable path which a source at least as strong forbids. */
bool pa_config_forbidden_path(const struct pa_config *config, const struct pa_config_note *note,
                              struct pa_error *err);

/* tree.c */

/* Applying a document: where it goes and where it comes from. */
struct pa_config_walk {
    struct pa_config *config;
    const struct pa_origin *source;
};

struct pa_origin pa_config_walk_origin(const struct pa_config_walk *walk, unsigned line,
                                       unsigned column);
void pa_config_walk_error(const struct pa_config_walk *walk, const struct pa_yaml_node *node,
                          const char *key, const struct pa_error *err);
void pa_config_walk_type(const struct pa_config_walk *walk, const struct pa_yaml_node *node,
                         const char *key, const char *allowed);

/* Applies a document; `origin` names its source (each value's line is filled in). */
void pa_config_apply_text(struct pa_config *config, const char *text, size_t size,
                          const struct pa_origin *origin);

/* Applies what a key holds many of, written as YAML in one variable. */
void pa_config_apply_items(struct pa_config *config, const struct pa_config_key *key,
                           const char *text, const struct pa_origin *origin);

/* server.c */

void pa_config_server_init(struct pa_server_settings *server);
void pa_config_server_done(struct pa_server_settings *server);

/* Faults of settings that are good by themselves and not together. */
void pa_config_check_server(struct pa_config *config);

#define KIND(kind)                                                                                 \
    int pa_config_set_##kind(struct pa_config *config, const struct pa_config_key *key,            \
                             const char *text, struct pa_error *err);
KIND(listen)
KIND(path)
KIND(log)
KIND(url)
KIND(name)
#undef KIND

/* languages.c: warm, packages, images, and lists of folders */

void pa_config_apply_names(const struct pa_config_walk *walk, const struct pa_config_key *key,
                           const struct pa_yaml_node *node);
void pa_config_apply_packages(const struct pa_config_walk *walk, const struct pa_config_key *key,
                              const struct pa_yaml_node *node);
void pa_config_apply_images(const struct pa_config_walk *walk, const struct pa_config_key *key,
                            const struct pa_yaml_node *node);

/* One item of a list, or one package (LANGUAGE=PATH), from text. */
int pa_config_add_item(struct pa_config *config, const struct pa_config_key *key, const char *text,
                       const struct pa_origin *origin, struct pa_error *err);

/* The list of a key that is one of names or folders. */
char ***pa_config_list(const struct pa_config *config, const struct pa_config_key *key);
int pa_config_add_package(struct pa_config *config, const struct pa_config_key *key,
                          const char *text, const struct pa_origin *origin, struct pa_error *err);

void pa_config_clear_packages(struct pa_config *config);
void pa_config_clear_images(struct pa_config *config);

/* How many the key holds, and its value in flow style. */
size_t pa_config_language_items(const struct pa_config *config, const struct pa_config_key *key);
const char *pa_config_print_language_item(const struct pa_config *config,
                                          const struct pa_config_key *key, size_t index,
                                          struct pa_buf *out);

#endif
