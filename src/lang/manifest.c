/*
 * From manifest.yaml to a pack: a table for each of its maps, saying which keys it has, which must
 * be there, and what reads each.  lang/reader.h walks the tree along them.
 */
#include "lang/reader.h"

#include "config/nearest.h"
#include <ctype.h>
#include <sys/stat.h>

static void read_registry(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                          const struct pa_manifest_field *field, void *target) {
    const char *text = pa_manifest_text_of(reader, node, &pa_manifest_any_rule);
    if (text && pa_streq(text, "npm"))
        *PA_MANIFEST_SLOT(enum pa_registry, target, field) = PA_REGISTRY_NPM;
    else if (text && !pa_streq(text, "pypi"))
        pa_manifest_fault(reader, node, "'%.100s' is not allowed; allowed is pypi or npm", text);
}

static void read_source(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                        const struct pa_manifest_field *field, void *target) {
    static const struct pa_manifest_field fields[] = {
        {"registry", true, read_registry, offsetof(struct pa_pack_source, registry), NULL},
        {"package", true, pa_manifest_read_text, offsetof(struct pa_pack_source, package),
         &pa_manifest_package_rule},
        {"version", true, pa_manifest_read_text, offsetof(struct pa_pack_source, version),
         &pa_manifest_version_rule},
        {"file", true, pa_manifest_read_text, offsetof(struct pa_pack_source, file),
         &pa_manifest_file_rule},
        {"sha256", true, pa_manifest_read_sha256, offsetof(struct pa_pack_source, sha256),
         &pa_manifest_sha256_rule},
        {"bytes", true, pa_manifest_read_bytes, offsetof(struct pa_pack_source, bytes), NULL},
    };
    pa_manifest_read_map(reader, node, fields, PA_ARRAY_LEN(fields),
                         PA_MANIFEST_SLOT(char, target, field));
}

static void read_module(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                        const struct pa_manifest_field *field, void *target) {
    static const struct pa_manifest_field fields[] = {
        {"path", true, pa_manifest_read_text, offsetof(struct pa_pack, module_path),
         &pa_manifest_path_rule},
        {"sha256", true, pa_manifest_read_sha256, offsetof(struct pa_pack, module_sha256),
         &pa_manifest_sha256_rule},
        {"bytes", true, pa_manifest_read_bytes, offsetof(struct pa_pack, module_bytes), NULL},
    };
    pa_manifest_read_map(reader, node, fields, PA_ARRAY_LEN(fields), target);
}

static void read_unpack(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                        const struct pa_manifest_field *field, void *target) {
    const char *text = pa_manifest_text_of(reader, node, &pa_manifest_any_rule);
    if (text && !pa_streq(text, "zip") && !pa_streq(text, "tar"))
        pa_manifest_fault(reader, node, "'%.100s' is not allowed; allowed is zip or tar", text);
    *PA_MANIFEST_SLOT(bool, target, field) = true;
}

static void read_file_sha256(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                             const struct pa_manifest_field *field, void *target) {
    pa_manifest_read_sha256(reader, node, field, target);
    ((struct pa_pack_file *)target)->has_sha256 = true;
}

static void read_file(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                      struct pa_pack_file *file) {
    static const struct pa_manifest_field fields[] = {
        {"path", false, pa_manifest_read_text, offsetof(struct pa_pack_file, path),
         &pa_manifest_path_rule},
        {"inside", false, pa_manifest_read_text, offsetof(struct pa_pack_file, inside),
         &pa_manifest_path_rule},
        {"sha256", false, read_file_sha256, offsetof(struct pa_pack_file, sha256),
         &pa_manifest_sha256_rule},
        {"unpack", false, read_unpack, offsetof(struct pa_pack_file, unpack), NULL},
        {"to", true, pa_manifest_read_text, offsetof(struct pa_pack_file, to),
         &pa_manifest_path_rule},
    };
    size_t before = reader->fault_count;
    pa_manifest_read_map(reader, node, fields, PA_ARRAY_LEN(fields), file);
    if (reader->fault_count != before)
        return;
    if (!file->path == !file->inside)
        pa_manifest_fault(reader, node,
                          "wants one of path (in the archive) and inside (in the installation)");
    else if (file->path && !file->has_sha256)
        pa_manifest_fault(reader, node, "a path of the archive wants its sha256");
    else if (file->inside && !file->unpack)
        pa_manifest_fault(reader, node,
                          "what is inside the installation can only be unpacked: unpack: zip");
    else if (file->to[0] == '.' || pa_streq(file->to, PA_PACK_MODULE_FILE))
        pa_manifest_fault(reader, node, "to: '%s' is a name that the installation uses itself",
                          file->to);
}

static void read_files(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                       const struct pa_manifest_field *field, void *target) {
    struct pa_pack *pack = target;
    if (!pa_manifest_is_list(reader, node))
        return;
    pack->files = pa_xcalloc(node->child_count + 1, sizeof(*pack->files));
    for (size_t i = 0; i < node->child_count; i++) {
        size_t before = pa_manifest_enter(reader, NULL, i);
        read_file(reader, node->children[i], &pack->files[pack->file_count++]);
        pa_manifest_leave(reader, before);
    }
}

static void read_mounts(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                        const struct pa_manifest_field *field, void *target) {
    static const struct pa_manifest_field fields[] = {
        {"from", true, pa_manifest_read_text, offsetof(struct pa_pack_mount, from),
         &pa_manifest_path_rule},
        {"guest", true, pa_manifest_read_text, offsetof(struct pa_pack_mount, guest),
         &pa_manifest_guest_rule},
    };
    struct pa_pack *pack = target;
    if (!pa_manifest_is_list(reader, node))
        return;
    pack->mounts = pa_xcalloc(node->child_count + 1, sizeof(*pack->mounts));
    for (size_t i = 0; i < node->child_count; i++) {
        size_t before = pa_manifest_enter(reader, NULL, i);
        struct pa_pack_mount *mount = &pack->mounts[pack->mount_count++];
        pa_manifest_read_map(reader, node->children[i], fields, PA_ARRAY_LEN(fields), mount);
        if (mount->guest && pa_streq(mount->guest, "/boot"))
            pa_manifest_fault(reader, node->children[i], "/boot is the folder of the boot script");
        pa_manifest_leave(reader, before);
    }
}

static void read_boot(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                      const struct pa_manifest_field *field, void *target) {
    struct pa_pack *pack = target;
    const char *text = pa_manifest_text_of(reader, node, &pa_manifest_boot_rule);
    if (!text)
        return;
    const char *slash = strrchr(reader->file, '/');
    PA_CLEANUP(pa_freep)
    char *path = pa_xasprintf("%.*s/%s", slash ? (int)(slash - reader->file) : 1,
                              slash ? reader->file : ".", text);
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
        pa_manifest_fault(reader, node, "there is no file '%s'", path);
        return;
    }
    char *name = strrchr(path, '/');
    *name++ = 0;
    pack->boot_folder = realpath(path, NULL);
    pack->boot_file = pa_xstrdup(name);
    if (!pack->boot_folder)
        pa_manifest_fault(reader, node, "cannot resolve the folder '%s'", path);
}

static void read_style(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                       const struct pa_manifest_field *field, void *target) {
    const char *text = pa_manifest_text_of(reader, node, &pa_manifest_any_rule);
    if (text &&
        pa_entry_style_parse(text, PA_MANIFEST_SLOT(enum pa_entry_style, target, field)) < 0)
        pa_manifest_fault(reader, node, "'%.100s' is not allowed; allowed are %s", text,
#define X(style, name) ", " name
                          &(PA_ENTRY_STYLES(X))[2]);
#undef X
}

/* Which keys a style wants: the others are not allowed with it. */
static void check_entry(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                        const struct pa_entry *entry) {
    bool ruby = entry->style == PA_ENTRY_RUBY_ABI;
    bool command = entry->style == PA_ENTRY_COMMAND;
    const struct {
        const char *key, *value;
        bool wanted;
    } rows[] = {
        {"init", entry->init, ruby},
        {"call", entry->call, !command},
        {"alloc", entry->alloc, ruby || entry->style == PA_ENTRY_REACTOR_ARGV},
        {"eval", entry->eval, ruby},
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++) {
        if (!rows[i].value == !rows[i].wanted)
            continue;
        if (command && pa_streq(rows[i].key, "call") && pa_streq(rows[i].value, "_start"))
            continue; /* says what is so */
        size_t before = pa_manifest_enter(reader, rows[i].key, 0);
        pa_manifest_fault(reader, node,
                          rows[i].wanted ? "missing; this style wants it"
                                         : "not allowed; this style has none");
        pa_manifest_leave(reader, before);
    }
}

static void read_entry(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                       const struct pa_manifest_field *field, void *target) {
    static const struct pa_manifest_field fields[] = {
        {"style", true, read_style, offsetof(struct pa_entry, style), NULL},
        {"init", false, pa_manifest_read_text, offsetof(struct pa_entry, init),
         &pa_manifest_line_rule},
        {"call", false, pa_manifest_read_text, offsetof(struct pa_entry, call),
         &pa_manifest_line_rule},
        {"alloc", false, pa_manifest_read_text, offsetof(struct pa_entry, alloc),
         &pa_manifest_line_rule},
        {"eval", false, pa_manifest_read_text, offsetof(struct pa_entry, eval),
         &pa_manifest_any_rule},
    };
    size_t before = reader->fault_count;
    struct pa_entry *entry = PA_MANIFEST_SLOT(struct pa_entry, target, field);
    pa_manifest_read_map(reader, node, fields, PA_ARRAY_LEN(fields), entry);
    if (reader->fault_count == before)
        check_entry(reader, node, entry);
}

struct import {
    char *module, *name;
    enum pa_stub_answer answer;
};

static void read_answer(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                        const struct pa_manifest_field *field, void *target) {
    const char *text = pa_manifest_text_of(reader, node, &pa_manifest_any_rule);
    if (text &&
        pa_stub_answer_parse(text, PA_MANIFEST_SLOT(enum pa_stub_answer, target, field)) < 0)
        pa_manifest_fault(reader, node, "'%.100s' is not allowed; allowed are %s", text,
#define X(answer, name) ", " name
                          &(PA_STUB_ANSWERS(X))[2]);
#undef X
}

static void read_imports(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                         const struct pa_manifest_field *field, void *target) {
    static const struct pa_manifest_field fields[] = {
        {"module", true, pa_manifest_read_text, offsetof(struct import, module),
         &pa_manifest_line_rule},
        {"name", true, pa_manifest_read_text, offsetof(struct import, name),
         &pa_manifest_line_rule},
        {"answer", true, read_answer, offsetof(struct import, answer), NULL},
    };
    struct pa_pack *pack = target;
    if (!pa_manifest_is_list(reader, node))
        return;
    if (node->child_count > PA_MAX_STUBS) {
        pa_manifest_fault(reader, node, "a list of %zu, allowed are %d", node->child_count,
                          PA_MAX_STUBS);
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        size_t before = pa_manifest_enter(reader, NULL, i);
        struct import import = {0};
        pa_manifest_read_map(reader, node->children[i], fields, PA_ARRAY_LEN(fields), &import);
        if (import.module && import.name)
            pa_entry_add_stub(&pack->entry, import.module, import.name, import.answer);
        free(import.module);
        free(import.name);
        pa_manifest_leave(reader, before);
    }
}

static bool is_variable(const char *name) {
    return !isdigit((unsigned char)*name) && pa_manifest_made_of(name, "_", 128);
}

static void read_env(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                     const struct pa_manifest_field *field, void *target) {
    struct pa_pack *pack = target;
    if (pa_yaml_is_null(node))
        return;
    if (node->type != PA_YAML_MAP) {
        pa_manifest_fault(reader, node, "got %s, allowed is a map of names to values",
                          pa_yaml_type_name(node));
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        const struct pa_yaml_node *child = node->children[i];
        if (child->reported)
            continue;
        size_t before = pa_manifest_enter(reader, child->key, 0);
        const char *text = pa_manifest_text_of(reader, child, &pa_manifest_any_rule);
        if (!is_variable(child->key))
            pa_manifest_fault_at(reader, child->key_line, child->key_column, reader->path,
                                 "not a variable's name: letters, digits and _");
        else if (text)
            pa_strv_add(&pack->env, pa_xasprintf("%s=%s", child->key, text));
        pa_manifest_leave(reader, before);
    }
}

static void fault_limit(struct pa_manifest_reader *reader, const struct pa_yaml_node *node) {
    struct pa_nearest nearest = {.word = node->key};
    for (size_t i = 0; i < pa_limit_count; i++)
        pa_nearest_offer(&nearest, pa_limit_infos[i].name, i);
    pa_manifest_fault_at(reader, node->key_line, node->key_column, reader->path,
                         "there is no such limit%s%s%s", nearest.found ? "; did you mean " : "",
                         nearest.found ? pa_limit_infos[nearest.index].name : "",
                         nearest.found ? "?" : "");
}

static void read_limit(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                       struct pa_limits *limits) {
    const struct pa_limit_info *info = pa_limit_find(node->key);
    const char *text = info ? pa_manifest_text_of(reader, node, &pa_manifest_any_rule) : NULL;
    struct pa_error err;
    uint64_t value;
    char least[64];
    if (!info)
        fault_limit(reader, node);
    else if (text && pa_limit_parse(info, text, &value, &err) < 0)
        pa_manifest_fault(reader, node, "%s", err.message);
    else if (text && value < info->initial)
        pa_manifest_fault(reader, node, "a language may only raise a limit; the default is %s",
                          pa_limit_format(info, info->initial, least, sizeof(least)));
    else if (text)
        *pa_limit_slot(limits, info) = value;
}

static void read_limits(struct pa_manifest_reader *reader, const struct pa_yaml_node *node,
                        const struct pa_manifest_field *field, void *target) {
    if (pa_yaml_is_null(node))
        return;
    if (node->type != PA_YAML_MAP) {
        pa_manifest_fault(reader, node, "got %s, allowed is a map of limits",
                          pa_yaml_type_name(node));
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        if (node->children[i]->reported)
            continue;
        size_t before = pa_manifest_enter(reader, node->children[i]->key, 0);
        read_limit(reader, node->children[i], PA_MANIFEST_SLOT(struct pa_limits, target, field));
        pa_manifest_leave(reader, before);
    }
}

#define AT(member) offsetof(struct pa_pack, member)
static const struct pa_manifest_field manifest_fields[] = {
    {"name", true, pa_manifest_read_text, AT(name), &pa_manifest_name_rule},
    {"aliases", false, pa_manifest_read_list, AT(aliases), &pa_manifest_name_rule},
    {"version", true, pa_manifest_read_text, AT(version), &pa_manifest_version_rule},
    {"summary", true, pa_manifest_read_text, AT(summary), &pa_manifest_line_rule},
    {"file_extensions", false, pa_manifest_read_list, AT(file_extensions),
     &pa_manifest_extension_rule},
    {"source", true, read_source, AT(source), NULL},
    {"module", true, read_module, 0, NULL},
    {"files", false, read_files, 0, NULL},
    {"mounts", false, read_mounts, 0, NULL},
    {"boot", true, read_boot, 0, NULL},
    {"entry", true, read_entry, AT(entry), NULL},
    {"args", true, pa_manifest_read_list, AT(args), &pa_manifest_any_rule},
    {"env", false, read_env, 0, NULL},
    {"preload", false, pa_manifest_read_list, AT(preload), &pa_manifest_line_rule},
    {"imports", false, read_imports, 0, NULL},
    {"limits", false, read_limits, AT(limits), NULL},
};

/* What no single value can say. */
static void check_whole(struct pa_manifest_reader *reader, const struct pa_yaml_node *root) {
    const struct pa_pack *pack = reader->pack;
    const char *slash = strrchr(reader->file, '/'), *folder = slash;
    while (folder && folder > reader->file && folder[-1] != '/')
        folder--;
    if (pack->name && slash &&
        (strlen(pack->name) != (size_t)(slash - folder) ||
         memcmp(pack->name, folder, strlen(pack->name)) != 0))
        pa_manifest_fault_at(reader, root->line, root->column, "name",
                             "'%s' is not its folder's name, '%.*s'", pack->name,
                             (int)(slash - folder), folder);
    if (!pack->args)
        pa_manifest_fault_at(reader, root->line, root->column, "args",
                             "wants at least the program's name");
}

static void read_root(struct pa_manifest_reader *reader, const struct pa_yaml_node *root) {
    struct pa_pack *pack = reader->pack;
    char ***lists[] = {&pack->aliases, &pack->file_extensions, &pack->args, &pack->env,
                       &pack->preload};
    pa_manifest_read_map(reader, root, manifest_fields, PA_ARRAY_LEN(manifest_fields), pack);
    if (!reader->fault_count)
        check_whole(reader, root);
    for (size_t i = 0; i < PA_ARRAY_LEN(lists); i++)
        if (!*lists[i])
            *lists[i] = pa_xcalloc(1, sizeof(char *));
    pack->limits.module_bytes = PA_MAX(pack->limits.module_bytes, pack->module_bytes);
}

int pa_pack_parse(const char *path, const char *text, size_t size, struct pa_pack *ret,
                  char ***ret_faults, struct pa_error *err) {
    struct pa_pack pack = {.manifest = pa_xstrdup(path)};
    struct pa_manifest_reader reader = {.file = path, .pack = &pack};
    struct pa_yaml_sink sink = {&reader, pa_manifest_yaml_fault};
    struct pa_yaml_node *root = NULL;
    pa_limits_init(&pack.limits);
    if (pa_yaml_parse(text, size, &sink, &root) == 0) {
        if (root)
            read_root(&reader, root);
        else
            pa_manifest_fault_at(&reader, 1, 1, "", "the manifest is empty");
    }
    pa_yaml_free(root);
    if (!reader.fault_count) {
        *ret = pack;
        return 0;
    }
    if (reader.fault_count > PA_MANIFEST_MAX_FAULTS)
        pa_strv_add(&reader.faults, pa_xasprintf("%s: and %zu more", path,
                                                 reader.fault_count - PA_MANIFEST_MAX_FAULTS));
    pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s", reader.faults[0]);
    *ret_faults = reader.faults;
    pa_pack_done(&pack);
    return -1;
}
