/*
 * Reading a manifest along tables: the walk, the values and the faults; manifest.c has the tables.
 * Only the files of this folder include it.
 */
#ifndef PA_LANG_READER_H
#define PA_LANG_READER_H

#include "config/yaml.h"
#include "lang/lang_internal.h"

#define PA_MANIFEST_MAX_FAULTS 20 /* kept; the rest is counted */

struct pa_manifest_reader {
    const char *file;
    char path[160]; /* of the key being read: "files[1].to" */
    char **faults;
    size_t fault_count;
    struct pa_pack *pack; /* what it becomes */
};

/* What a text may be. */
struct pa_manifest_rule {
    bool (*holds)(const char *text);
    const char *allowed;
};

struct pa_manifest_field {
    const char *key;
    bool required;
    void (*read)(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                 const struct pa_manifest_field *field, void *target);
    size_t offset; /* in the target */
    const struct pa_manifest_rule *rule;
};

/* Collects a fault; the _fault form takes its place and key from the node and the reader. */
void pa_manifest_fault_at(struct pa_manifest_reader *reader, unsigned line, unsigned column,
                          const char *path, const char *fmt, ...) PA_PRINTF(5, 6);

#define pa_manifest_fault(reader, node, ...)                                                       \
    pa_manifest_fault_at(reader, (node)->line, (node)->column, (reader)->path, __VA_ARGS__)

/* A pa_yaml_sink's, with the reader as its context. */
void pa_manifest_yaml_fault(void *context, unsigned line, unsigned column, const char *path,
                            const char *message);

/* Appends ".key", or "[index]" without one, to the path; gives its length before, for _leave. */
size_t pa_manifest_enter(struct pa_manifest_reader *reader, const char *key, size_t index);
void pa_manifest_leave(struct pa_manifest_reader *reader, size_t before);

/* Reads a map whose keys are the fields and no others. */
void pa_manifest_read_map(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                          const struct pa_manifest_field *fields, size_t count, void *target);

/* True for a list to go through; a value left empty is an empty list. */
bool pa_manifest_is_list(struct pa_manifest_reader *reader, const struct pa_yaml_node *node);

/* The text of a scalar that keeps the rule, or NULL after a fault. */
const char *pa_manifest_text_of(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                                const struct pa_manifest_rule *rule);

/* Where a field lies in its target. */
#define PA_MANIFEST_SLOT(type, target, field) ((type *)(void *)((char *)(target) + (field)->offset))

/* Readers of fields: char *, char[PA_DIGEST_TEXT], uint64_t, char ** ending in NULL. */
void pa_manifest_read_text(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                           const struct pa_manifest_field *field, void *target);
void pa_manifest_read_sha256(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                             const struct pa_manifest_field *field, void *target);
void pa_manifest_read_bytes(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                            const struct pa_manifest_field *field, void *target);
void pa_manifest_read_list(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                           const struct pa_manifest_field *field, void *target);

/* Letters, digits and those of `also`; not empty and not longer than `longest`. */
bool pa_manifest_made_of(const char *text, const char *also, size_t longest);

extern const struct pa_manifest_rule pa_manifest_name_rule, pa_manifest_line_rule,
    pa_manifest_version_rule, pa_manifest_package_rule, pa_manifest_file_rule,
    pa_manifest_extension_rule, pa_manifest_sha256_rule, pa_manifest_path_rule,
    pa_manifest_guest_rule, pa_manifest_boot_rule, pa_manifest_any_rule;

#endif
