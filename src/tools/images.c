#include "tools/images.h"

/* The language that PYTHON_WASI_WASM_PATH is about. */
#define PYTHON "python"

static int add_packages(struct pa_image *image, char *const *paths, const char *cache_directory,
                        struct pa_error *err) {
    for (; paths && *paths; paths++)
        if (pa_image_add_package(image, *paths, cache_directory, err) < 0)
            return -1;
    return 0;
}

/* `packages` names languages as anybody may: by their aliases too. */
static int add_language_packages(const struct pa_config *config, const struct pa_packs *packs,
                                 const char *language, struct pa_image *image,
                                 struct pa_error *err) {
    for (size_t i = 0; i < config->package_count; i++) {
        const struct pa_config_packages *group = &config->packages[i];
        const struct pa_pack *pack = pa_packs_find(packs, group->language, err);
        if (!pack)
            return pa_error_prefix(err, "packages.%s", group->language);
        if (pa_streq(pack->name, language) &&
            add_packages(image, group->paths, config->cache_directory, err) < 0)
            return pa_error_prefix(err, "packages.%s", group->language);
    }
    return 0;
}

static int fill(const struct pa_config *config, const struct pa_packs *packs,
                const struct pa_pack *pack, const struct pa_config_image *named,
                struct pa_image *ret, struct pa_error *err) {
    pa_image_init(ret, pack);
    if (config->python_wasi_wasm_path && pa_streq(pack->name, PYTHON) &&
        pa_image_interpreter(ret, packs, config->python_wasi_wasm_path, config->cache_directory,
                             err) < 0)
        return pa_error_prefix(err, "python_wasi_wasm_path");
    if (add_language_packages(config, packs, pack->name, ret, err) < 0)
        return -1;
    if (!named)
        return 0;
    for (char **module = named->preload; module && *module; module++)
        pa_image_add_preload(ret, *module);
    if (add_packages(ret, named->packages, config->cache_directory, err) < 0)
        return pa_error_prefix(err, "images.%s", named->name);
    return 0;
}

int pa_image_resolve(const struct pa_config *config, const struct pa_packs *packs, const char *name,
                     struct pa_image *ret, struct pa_error *err) {
    const struct pa_config_image *named = pa_config_image_find(config, name);
    const struct pa_pack *pack = pa_packs_find(packs, named ? named->language : name, err);
    if (!pack)
        return named ? pa_error_prefix(err, "images.%s", name) : -1;
    struct pa_error ignored;
    if (named && pa_packs_find(packs, name, &ignored))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "images.%s: a language has this name already; call the image something else",
                       name);
    if (fill(config, packs, pack, named, ret, err) < 0) {
        pa_image_done(ret);
        return -1;
    }
    return 0;
}
