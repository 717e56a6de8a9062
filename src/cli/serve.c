/* polyagent serve: keeps warm processes ready for the command line of this user. */
#include "cli/cli.h"

#include "base/log.h"
#include "run/spawner.h"
#include "server/images.h"
#include "server/server.h"
#include <stdio.h>

static const char usage[] =
    "Usage: polyagent serve [OPTIONS] [LANGUAGE...]\n\n"
    "Keeps warm processes ready on a Unix socket of this user; 'polyagent exec' uses them when it\n"
    "finds it. LANGUAGEs (and images) are started at once, or those that the configuration names\n"
    "(warm:), others when first asked for. SIGTERM and Ctrl-C end it.\n"
    "\n" PA_RUN_OPTIONS_HELP;

#define IDLE_LEAST 2
#define IDLE_MOST  32

/* What is to be started at once.  In place (pa_image_init). */
struct warm {
    struct pa_image *images;
    size_t count;
};

static void warm_done(struct warm *warm) {
    for (size_t i = 0; i < warm->count; i++)
        pa_image_done(&warm->images[i]);
    free(warm->images);
}

static int add_warm(const struct pa_run_options *options, const struct pa_packs *packs,
                    struct pa_executor *executor, const char *name, struct warm *warm,
                    struct pa_error *err) {
    const struct pa_config *config = &options->config;
    struct pa_image *image = &warm->images[warm->count];
    if (pa_image_resolve(config, packs, name, image, err) < 0)
        return -1;
    warm->count++;
    if (pa_image_probe(image, executor, config->cache_directory, &config->policy, -1, err) < 0)
        return -1;
    if (!image->without_checkpoint)
        return 0;
    return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                   "%s cannot be kept warm: the interpreter %s knows no checkpoint", name,
                   image->pack->module_file);
}

static int find_warm(const struct pa_run_options *options, const struct pa_packs *packs,
                     struct pa_executor *executor, char *const *names, struct warm *ret,
                     struct pa_error *err) {
    if (!*names && options->config.warm)
        names = options->config.warm;
    *ret = (struct warm){.images = pa_xcalloc(pa_strv_count(names) + 1, sizeof(*ret->images))};
    for (; *names; names++)
        if (add_warm(options, packs, executor, *names, ret, err) < 0)
            return -1;
    return 0;
}

static int serve(const struct pa_run_options *options, const struct pa_packs *packs,
                 struct pa_executor *executor, const struct pa_spawner *spawner, char *const *names,
                 struct pa_error *err) {
    PA_CLEANUP(warm_done) struct warm warm = {0};
    if (find_warm(options, packs, executor, names, &warm, err) < 0)
        return -1;
    struct pa_server *server;
    struct pa_server_config config = {.executor = executor,
                                      .packs = packs,
                                      .cache_directory = options->config.cache_directory,
                                      .policy = &options->config.policy,
                                      .warm = warm.images,
                                      .warm_count = warm.count,
                                      .idle_least = IDLE_LEAST,
                                      .idle_most = IDLE_MOST,
                                      .confined = true,
                                      .spawner_fd = pa_spawner_fd(spawner),
                                      .jail_required = options->config.jail_required};
    PA_CLEANUP(pa_closep) int stop_fd = pa_terminal_cancel_fd(err);
    if (stop_fd < 0 || pa_server_new(&config, &server, err) < 0)
        return -1;
    fprintf(stderr, "polyagent: serving on %s\n", pa_server_socket_path(server));
    int done = pa_server_run(server, stop_fd, err);
    pa_server_free(server);
    return done;
}

/* For the log: a first compilation may take a minute. */
static void log_compiling(const char *name, size_t size) {
    pa_log_info("cache", "compiling %s (%zu MiB), once", name, size >> 20);
}

/* Workers come from a process of their own: this one will be confined. */
static int start_spawner(struct pa_executor *executor, struct pa_spawner **ret,
                         struct pa_error *err) {
    if (pa_spawner_new(pa_executor_worker_path(executor), ret, err) < 0)
        return -1;
    pa_executor_use_spawner(executor, *ret);
    return 0;
}

int pa_command_serve(int argc, char **argv) {
    struct pa_run_options options = {0};
    int status;
    int at = pa_run_options_parse(&options, argc, argv, usage, &status);
    if (at < 0)
        return status;
    struct pa_error err;
    struct pa_packs *packs = NULL;
    struct pa_executor *executor = NULL;
    struct pa_spawner *spawner = NULL;
    struct pa_executor_config config = pa_run_options_executor(&options);
    config.compiling = log_compiling;
    status = 0;
    if (pa_packs_load(NULL, &packs, &err) < 0 || pa_executor_new(&config, &executor, &err) < 0 ||
        start_spawner(executor, &spawner, &err) < 0 ||
        serve(&options, packs, executor, spawner, argv + at, &err) < 0)
        status = pa_report_error(&err);
    pa_executor_free(executor);
    pa_spawner_free(spawner);
    pa_packs_free(packs);
    pa_run_options_done(&options);
    return status;
}
