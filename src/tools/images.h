/*
 * From a name that somebody gives to the image that the configuration means by it.
 *
 *     pa_image_resolve(&config, packs, "data", &image, &err)      an image, or a language
 *
 * The packages of its language (`packages`) come first, then its own; `python` has the interpreter
 * of python_wasi_wasm_path where there is one.
 */
#ifndef PA_TOOLS_IMAGES_H
#define PA_TOOLS_IMAGES_H

#include "config/config.h"
#include "run/image.h"

/* In place (pa_image_init).  NOT_FOUND where there is neither an image nor a language of that name.
 */
int pa_image_resolve(const struct pa_config *config, const struct pa_packs *packs, const char *name,
                     struct pa_image *ret, struct pa_error *err);

#endif
