/* What `polyagent exec` and its prompt share. */
#include "cli/cli.h"

#include "base/log.h"
#include "run/handover.h"
#include "tools/images.h"
#include <stdio.h>

static int check_image(const struct pa_run_options *options, const struct pa_packs *packs,
                       const char *name, struct pa_error *err) {
    const struct pa_config_image *named = pa_config_image_find(&options->config, options->image);
    const struct pa_pack *language = name ? pa_packs_find(packs, name, err) : NULL;
    if (!named)
        return pa_fail(err, PA_ERR_NOT_FOUND,
                       "--image %s: the configuration has no image of this name (images:)",
                       options->image);
    if (name && !language)
        return -1;
    const struct pa_pack *its = pa_packs_find(packs, named->language, err);
    if (!its || !language || its == language)
        return its ? 0 : pa_error_prefix(err, "images.%s", options->image);
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "--image %s is one of %s, not of %s",
                   options->image, its->name, language->name);
}

int pa_cli_image(const struct pa_run_options *options, const struct pa_packs *packs,
                 const char *name, struct pa_image *ret, struct pa_error *err) {
    if (options->image && check_image(options, packs, name, err) < 0)
        return -1;
    struct pa_config config = options->config; /* borrowed */
    if (options->interpreter)
        config.python_wasi_wasm_path = NULL; /* the flag is stronger */
    if (pa_image_resolve(&config, packs, options->image ? options->image : name, ret, err) < 0)
        return -1;
    int done = options->interpreter ? pa_image_interpreter(ret, packs, options->interpreter,
                                                           config.cache_directory, err)
                                    : 0;
    for (char **path = options->packages; path && *path && done == 0; path++)
        done = pa_image_add_package(ret, *path, config.cache_directory, err);
    if (done < 0)
        pa_image_done(ret);
    return done;
}

bool pa_cli_take_warm(const struct pa_image *image, const struct pa_policy *policy,
                      struct pa_worker *ret) {
    struct pa_want want;
    struct pa_error err;
    if (image->without_checkpoint)
        return false;
    pa_want_init(&want, image, policy);
    bool taken = pa_handover_take(&want, ret, &err) == 0;
    pa_want_done(&want);
    if (!taken)
        pa_log_debug("exec", "starting a process of our own: %s", err.message);
    return taken;
}

void pa_cli_print_results(const struct pa_outcome *outcome) {
    struct pa_buf texts = PA_BUF_INIT(SIZE_MAX / 2);
    pa_outcome_result_texts(outcome, &texts);
    if (texts.size)
        fwrite(texts.data, 1, texts.size, stdout);
    fflush(stdout);
    pa_buf_done(&texts);
}
