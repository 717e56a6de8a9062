/*
 * From a name that somebody gives to the image that the configuration means by it.
 *
 *     pa_image_resolve(&config, packs, "data", &image, &err)      an image, or a language
 *
 * The packages of its language (`packages`) come first, then its own; `python` has the interpreter
 * of python_wasi_wasm_path where there is one.
 *
 * A server looks at packages and interpreters once, for later it may not see them any more:
 *
 *     pa_images_new(&config, packs, &images, &err)               before it confines itself
 *     pa_images_get(images, "data", false, &image, &err)         a copy; from any thread
 *     pa_images_free(images)
 */
#ifndef PA_TOOLS_IMAGES_H
#define PA_TOOLS_IMAGES_H

#include "config/config.h"
#include "run/image.h"

/* In place (pa_image_init).  NOT_FOUND where there is neither an image nor a language of that name.
 */
int pa_image_resolve(const struct pa_config *config, const struct pa_packs *packs, const char *name,
                     struct pa_image *ret, struct pa_error *err);

struct pa_images;

/* All that the configuration names.  What cannot be used is told to whoever asks for it. */
int pa_images_new(const struct pa_config *config, const struct pa_packs *packs,
                  struct pa_images **ret, struct pa_error *err);
struct pa_images *pa_images_free(struct pa_images *images);

/* In place (pa_image_init).  `plain`: a language as it is installed, whatever python_wasi_wasm_path
 * says. */
int pa_images_get(const struct pa_images *images, const char *name, bool plain,
                  struct pa_image *ret, struct pa_error *err);

#endif
