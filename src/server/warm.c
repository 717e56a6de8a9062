#include "server/warm.h"

#include "tools/images.h"

void pa_warm_done(struct pa_warm *warm) {
    for (size_t i = 0; i < warm->count; i++)
        pa_image_done(&warm->images[i]);
    free(warm->images);
    *warm = (struct pa_warm){0};
}

static int add(const struct pa_config *config, const struct pa_packs *packs,
               struct pa_executor *executor, const char *name, int cancel_fd, struct pa_warm *warm,
               struct pa_error *err) {
    struct pa_image *image = &warm->images[warm->count];
    if (pa_image_resolve(config, packs, name, image, err) < 0)
        return -1;
    warm->count++;
    if (pa_image_probe(image, executor, config->cache_directory, &config->policy, cancel_fd, err) <
        0)
        return -1;
    if (!image->without_checkpoint)
        return 0;
    return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                   "%s cannot be kept warm: the interpreter %s knows no checkpoint", name,
                   image->pack->module_file);
}

int pa_warm_find(const struct pa_config *config, const struct pa_packs *packs,
                 struct pa_executor *executor, char *const *names, int cancel_fd,
                 struct pa_warm *ret, struct pa_error *err) {
    if (!*names && config->warm)
        names = config->warm;
    *ret = (struct pa_warm){.images = pa_xcalloc(pa_strv_count(names) + 1, sizeof(*ret->images))};
    for (; *names; names++)
        if (add(config, packs, executor, *names, cancel_fd, ret, err) < 0)
            return -1;
    return 0;
}
