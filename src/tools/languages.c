/* The languages there are, as a value. */
#include "tools/tools_internal.h"

static bool folder_is(const char *manifest, const char *folder) {
    const char *slash = strrchr(manifest, '/');
    PA_CLEANUP(pa_freep)
    char *own = slash ? strndup(manifest, (size_t)(slash - manifest)) : pa_xstrdup(".");
    PA_CLEANUP(pa_freep) char *real = realpath(own, NULL);
    return pa_streq(real ? real : own, folder);
}

bool pa_pack_is_variant_of(const struct pa_pack *variant, const struct pa_pack *pack) {
    return variant != pack && pa_streq(variant->boot_folder, pack->boot_folder) &&
           pa_streq(variant->boot_file, pack->boot_file) &&
           folder_is(pack->manifest, pack->boot_folder);
}

bool pa_pack_is_variant(const struct pa_pack *pack, const struct pa_packs *packs) {
    for (size_t i = 0; i < packs->count; i++)
        if (pa_pack_is_variant_of(pack, &packs->packs[i]))
            return true;
    return false;
}

char *pa_executor_tool_name(const struct pa_pack *pack) {
    char *name = pa_xasprintf("%s_executor", pack->name);
    for (char *at = name; *at; at++)
        if (*at == '.')
            *at = '_'; /* not every client takes dots in the name of a tool */
    return name;
}

static json_t *texts(char *const *list) {
    json_t *array = json_array();
    for (; list && *list; list++)
        json_array_append_new(array, json_string(*list));
    return array;
}

static json_t *images_of(const struct pa_toolbox *toolbox, const struct pa_pack *pack) {
    const struct pa_config *config = toolbox->config.config;
    json_t *array = json_array();
    struct pa_error ignored;
    for (size_t i = 0; i < config->image_count; i++)
        if (pa_packs_find(toolbox->config.packs, config->images[i].language, &ignored) == pack)
            json_array_append_new(array, json_string(config->images[i].name));
    return array;
}

static json_t *describe(const struct pa_toolbox *toolbox, const struct pa_pack *pack) {
    const struct pa_packs *packs = toolbox->config.packs;
    const struct pa_pack *base = pack;
    for (size_t i = 0; i < packs->count; i++)
        if (pa_pack_is_variant_of(pack, &packs->packs[i]))
            base = &packs->packs[i];
    PA_CLEANUP(pa_freep) char *tool = pa_executor_tool_name(base);
    bool installed = pa_pack_installed(pack, toolbox->config.config->cache_directory);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:s, s:o}", "name", pack->name, "version",
                     pack->version, "summary", pack->summary, "aliases", texts(pack->aliases),
                     "file_extensions", texts(pack->file_extensions), "installed", installed,
                     "tool", tool, "images", images_of(toolbox, pack));
}

json_t *pa_toolbox_languages(const struct pa_toolbox *toolbox) {
    const struct pa_packs *packs = toolbox->config.packs;
    json_t *array = json_array();
    for (size_t i = 0; i < packs->count; i++)
        json_array_append_new(array, describe(toolbox, &packs->packs[i]));
    return array;
}
