/*
 * Reading goes on after a fault, so that all of them are told at once, and each says where it is:
 * FILE:LINE:COLUMN: KEY: what is wrong, what is allowed.  What a value may hold is strict where it
 * is handed on: names of packages and versions become arguments of pip and npm, paths become files.
 */
#include "lang/reader.h"

#include "base/units.h"
#include "config/nearest.h"
#include <ctype.h>
#include <stdarg.h>

#define MAX_ITEMS 1024   /* of a list */
#define MAX_BYTES PA_GIB /* of an archive, of a module */

/* --- faults --- */

void pa_manifest_fault_at(struct pa_manifest_reader *reader, unsigned line, unsigned column,
                          const char *path, const char *fmt, ...) {
    char message[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    if (reader->fault_count++ >= PA_MANIFEST_MAX_FAULTS)
        return;
    pa_strv_add(&reader->faults, pa_xasprintf("%s:%u:%u: %s%s%s", reader->file, line, column, path,
                                              *path ? ": " : "", message));
}

void pa_manifest_yaml_fault(void *context, unsigned line, unsigned column, const char *path,
                            const char *message) {
    pa_manifest_fault_at(context, line, column, path, "%s", message);
}

size_t pa_manifest_enter(struct pa_manifest_reader *reader, const char *key, size_t index) {
    size_t before = strlen(reader->path), room = sizeof(reader->path) - before;
    if (key)
        snprintf(reader->path + before, room, "%s%.64s", before ? "." : "", key);
    else
        snprintf(reader->path + before, room, "[%zu]", index);
    return before;
}

void pa_manifest_leave(struct pa_manifest_reader *reader, size_t before) {
    reader->path[before] = 0;
}

/* --- maps --- */

static void fault_unknown(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                          const struct pa_manifest_field *fields, size_t count) {
    struct pa_nearest nearest = {.word = node->key};
    PA_CLEANUP(pa_buf_done) struct pa_buf known = PA_BUF_INIT(1024);
    for (size_t i = 0; i < count; i++) {
        pa_nearest_offer(&nearest, fields[i].key, i);
        pa_buf_printf(&known, "%s%s", i ? ", " : "", fields[i].key);
    }
    if (nearest.found)
        pa_manifest_fault_at(reader, node->key_line, node->key_column, reader->path,
                             "unknown key; did you mean %s?", fields[nearest.index].key);
    else
        pa_manifest_fault_at(reader, node->key_line, node->key_column, reader->path,
                             "unknown key; allowed are %s", pa_buf_text(&known));
}

static const struct pa_manifest_field *find_field(const struct pa_manifest_field *fields,
                                                  size_t count, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (pa_streq(fields[i].key, key))
            return &fields[i];
    return NULL;
}

static bool has_key(const struct pa_yaml_node *map, const char *key) {
    for (size_t i = 0; i < map->child_count; i++)
        if (pa_streq(map->children[i]->key, key))
            return true;
    return false;
}

void pa_manifest_read_map(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                          const struct pa_manifest_field *fields, size_t count, void *target) {
    if (node->type != PA_YAML_MAP) {
        pa_manifest_fault(reader, node, "got %s, allowed is a map", pa_yaml_type_name(node));
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        const struct pa_yaml_node *child = node->children[i];
        if (child->reported)
            continue;
        const struct pa_manifest_field *field = find_field(fields, count, child->key);
        size_t before = pa_manifest_enter(reader, child->key, 0);
        if (field)
            field->read(reader, child, field, target);
        else
            fault_unknown(reader, child, fields, count);
        pa_manifest_leave(reader, before);
    }
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].required || has_key(node, fields[i].key))
            continue;
        size_t before = pa_manifest_enter(reader, fields[i].key, 0);
        pa_manifest_fault(reader, node, "missing");
        pa_manifest_leave(reader, before);
    }
}

bool pa_manifest_is_list(struct pa_manifest_reader *reader, const struct pa_yaml_node *node) {
    if (pa_yaml_is_null(node))
        return false;
    if (node->type == PA_YAML_LIST && node->child_count <= MAX_ITEMS)
        return true;
    if (node->type == PA_YAML_LIST)
        pa_manifest_fault(reader, node, "a list of %zu, allowed are %d", node->child_count,
                          MAX_ITEMS);
    else
        pa_manifest_fault(reader, node, "got %s, allowed is a list", pa_yaml_type_name(node));
    return false;
}

/* --- values --- */

const char *pa_manifest_text_of(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                                const struct pa_manifest_rule *rule) {
    if (node->type != PA_YAML_SCALAR || pa_yaml_is_null(node))
        pa_manifest_fault(reader, node, "got %s, allowed is %s", pa_yaml_type_name(node),
                          rule->allowed);
    else if (!rule->holds(node->text))
        pa_manifest_fault(reader, node, "'%.100s' is not allowed; allowed is %s", node->text,
                          rule->allowed);
    else
        return node->text;
    return NULL;
}

void pa_manifest_read_text(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                           const struct pa_manifest_field *field, void *target) {
    const char *text = pa_manifest_text_of(reader, node, field->rule);
    if (text)
        *PA_MANIFEST_SLOT(char *, target, field) = pa_xstrdup(text);
}

void pa_manifest_read_sha256(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                             const struct pa_manifest_field *field, void *target) {
    const char *text = pa_manifest_text_of(reader, node, field->rule);
    if (text)
        memcpy(PA_MANIFEST_SLOT(char, target, field), text, PA_DIGEST_TEXT);
}

void pa_manifest_read_bytes(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                            const struct pa_manifest_field *field, void *target) {
    static const char allowed[] = "a size in bytes";
    uint64_t value;
    if (node->type != PA_YAML_SCALAR)
        pa_manifest_fault(reader, node, "got %s, allowed is %s", pa_yaml_type_name(node), allowed);
    else if (pa_parse_count(node->text, &value) < 0 || value < 1 || value > MAX_BYTES)
        pa_manifest_fault(reader, node, "'%.100s' is not allowed; allowed is 1 to %llu", node->text,
                          (unsigned long long)MAX_BYTES);
    else
        *PA_MANIFEST_SLOT(uint64_t, target, field) = value;
}

void pa_manifest_read_list(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                           const struct pa_manifest_field *field, void *target) {
    if (!pa_manifest_is_list(reader, node))
        return;
    for (size_t i = 0; i < node->child_count; i++) {
        size_t before = pa_manifest_enter(reader, NULL, i);
        const char *text = pa_manifest_text_of(reader, node->children[i], field->rule);
        if (text)
            pa_strv_add(PA_MANIFEST_SLOT(char **, target, field), pa_xstrdup(text));
        pa_manifest_leave(reader, before);
    }
}

/* --- rules --- */

bool pa_manifest_made_of(const char *text, const char *also, size_t longest) {
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr(also, *at))
            return false;
    return *text && strlen(text) <= longest;
}

static bool is_name(const char *text) {
    for (const char *at = text; *at; at++)
        if (isupper((unsigned char)*at))
            return false;
    return isalnum((unsigned char)*text) && pa_manifest_made_of(text, "._-", 32);
}

static bool is_line(const char *text) {
    for (const char *at = text; *at; at++)
        if (iscntrl((unsigned char)*at))
            return false;
    return *text && strlen(text) <= 200;
}

static bool is_version(const char *text) {
    return isalnum((unsigned char)*text) && pa_manifest_made_of(text, "._+!-", 64);
}

static bool is_package(const char *text) {
    if (*text == '@') { /* npm's scope */
        const char *slash = strchr(text, '/');
        if (!slash || slash == text + 1 || !isalnum((unsigned char)text[1]) ||
            strspn(text + 1, "abcdefghijklmnopqrstuvwxyz0123456789._-") !=
                (size_t)(slash - text - 1))
            return false;
        text = slash + 1;
    }
    return isalnum((unsigned char)*text) && pa_manifest_made_of(text, "._-", 128);
}

static bool is_file_name(const char *text) {
    return isalnum((unsigned char)*text) && pa_manifest_made_of(text, "._+-", 200);
}

static bool is_extension(const char *text) {
    return *text == '.' && pa_manifest_made_of(text + 1, "_-", 16);
}

static bool is_sha256(const char *text) {
    return strlen(text) == PA_DIGEST_TEXT - 1 &&
           strspn(text, "0123456789abcdef") == PA_DIGEST_TEXT - 1;
}

static bool is_guest_path(const char *text) {
    return *text == '/' && pa_safe_path(text + 1);
}

static bool is_boot(const char *text) {
    size_t size = strlen(text);
    return is_line(text) && *text != '/' && text[size - 1] != '/' && text[size - 1] != '.';
}

static bool is_any(const char *text) {
    return strlen(text) <= 64 * 1024;
}

const struct pa_manifest_rule pa_manifest_name_rule = {
    is_name, "at most 32 of a-z 0-9 . _ -, a letter or digit first"};
const struct pa_manifest_rule pa_manifest_line_rule = {is_line, "one line of at most 200 bytes"};
const struct pa_manifest_rule pa_manifest_version_rule = {is_version,
                                                          "letters, digits and . _ + ! -"};
const struct pa_manifest_rule pa_manifest_package_rule = {
    is_package, "a package's name: letters, digits and . _ -, for npm "
                "with its @scope/ in front"};
const struct pa_manifest_rule pa_manifest_file_rule = {is_file_name,
                                                       "a file's name without a folder"};
const struct pa_manifest_rule pa_manifest_extension_rule = {
    is_extension, "a dot and at most 16 letters or digits"};
const struct pa_manifest_rule pa_manifest_sha256_rule = {is_sha256,
                                                         "64 lower-case hexadecimal digits"};
const struct pa_manifest_rule pa_manifest_path_rule = {pa_safe_path,
                                                       "a relative path without . and .."};
const struct pa_manifest_rule pa_manifest_guest_rule = {is_guest_path,
                                                        "an absolute path without . and .."};
const struct pa_manifest_rule pa_manifest_boot_rule = {
    is_boot, "a file's path, from the folder of the manifest"};
const struct pa_manifest_rule pa_manifest_any_rule = {is_any, "text of at most 64 KiB"};
