/* polyagent serve: keeps warm processes ready for the command line of this user. */
#include "cli/cli.h"

#include "server/server.h"
#include <stdio.h>

static const char usage[] =
    "Usage: polyagent serve [OPTIONS] [LANGUAGE...]\n\n"
    "Keeps warm processes ready on a Unix socket of this user; 'polyagent exec' uses them when it\n"
    "finds it. LANGUAGEs are started at once, others when first asked for. SIGTERM and Ctrl-C end it.\n"
    "\n" PA_RUN_OPTIONS_HELP;

#define IDLE_LEAST 2
#define IDLE_MOST  32

static int serve(const struct pa_run_options *options, const struct pa_packs *packs,
                 struct pa_executor *executor, const char *const *warm, struct pa_error *err) {
    struct pa_server *server;
    struct pa_server_config config = {.executor = executor,
                                      .packs = packs,
                                      .cache_directory = options->config.cache_directory,
                                      .policy = &options->config.policy,
                                      .warm = warm,
                                      .idle_least = IDLE_LEAST,
                                      .idle_most = IDLE_MOST};
    PA_CLEANUP(pa_closep) int stop_fd = pa_terminal_cancel_fd(err);
    if (stop_fd < 0 || pa_server_new(&config, &server, err) < 0)
        return -1;
    fprintf(stderr, "polyagent: serving on %s\n", pa_server_socket_path(server));
    int done = pa_server_run(server, stop_fd, err);
    pa_server_free(server);
    return done;
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
    struct pa_executor_config config = pa_run_options_executor(&options);
    status = 0;
    if (pa_packs_load(NULL, &packs, &err) < 0 || pa_executor_new(&config, &executor, &err) < 0 ||
        serve(&options, packs, executor, (const char *const *)argv + at, &err) < 0)
        status = pa_report_error(&err);
    pa_executor_free(executor);
    pa_packs_free(packs);
    pa_run_options_done(&options);
    return status;
}
