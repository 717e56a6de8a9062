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

/* --- all of them --- */

struct row {
    const char *name; /* of the configuration or a pack */
    bool plain;
    bool usable;
    struct pa_image image;
    struct pa_error why; /* it is not usable */
};

struct pa_images {
    const struct pa_packs *packs;
    struct row *rows; /* images are not moved: they point into themselves */
    size_t count;
};

static void add_row(struct pa_images *images, const struct pa_config *config, const char *name,
                    bool plain) {
    struct row *row = &images->rows[images->count++];
    struct pa_config changed = *config; /* borrowed */
    if (plain)
        changed.python_wasi_wasm_path = NULL;
    row->name = name;
    row->plain = plain;
    row->usable = pa_image_resolve(&changed, images->packs, name, &row->image, &row->why) == 0;
    struct pa_error ignored; /* a language that is not installed yet is looked for at each run */
    if (row->usable)
        pa_image_prepare(&row->image, config->cache_directory, &ignored);
}

int pa_images_new(const struct pa_config *config, const struct pa_packs *packs,
                  struct pa_images **ret, PA_UNUSED struct pa_error *err) {
    struct pa_images *images = pa_xcalloc(1, sizeof(*images));
    images->packs = packs;
    images->rows = pa_xcalloc(2 * packs->count + config->image_count + 1, sizeof(*images->rows));
    for (size_t i = 0; i < packs->count; i++) {
        add_row(images, config, packs->packs[i].name, true);
        if (config->python_wasi_wasm_path)
            add_row(images, config, packs->packs[i].name, false);
    }
    for (size_t i = 0; i < config->image_count; i++)
        add_row(images, config, config->images[i].name, false);
    *ret = images;
    return 0;
}

struct pa_images *pa_images_free(struct pa_images *images) {
    if (!images)
        return NULL;
    for (size_t i = 0; i < images->count; i++)
        if (images->rows[i].usable)
            pa_image_done(&images->rows[i].image);
    free(images->rows);
    free(images);
    return NULL;
}

/* The one that is as plain as is asked for, else the only one of that name. */
static const struct row *find_row(const struct pa_images *images, const char *name, bool plain) {
    const struct row *found = NULL;
    for (size_t i = 0; i < images->count; i++)
        if (pa_streq(images->rows[i].name, name) && (!found || images->rows[i].plain == plain))
            found = &images->rows[i];
    return found;
}

int pa_images_get(const struct pa_images *images, const char *name, bool plain,
                  struct pa_image *ret, struct pa_error *err) {
    const struct row *row = find_row(images, name, plain);
    if (!row)
        return pa_fail(err, PA_ERR_NOT_FOUND, "there is no language and no image '%.64s'", name);
    if (!row->usable) {
        *err = row->why;
        return -1;
    }
    if (pa_image_copy(ret, &row->image, images->packs, err) == 0)
        return 0;
    pa_image_done(ret);
    return -1;
}
