/* polyagent compile: an artifact into the cache, so that the first run is as fast as the next. */
#include "cli/cli.h"

#include "base/io.h"
#include <stdio.h>

static const char usage[] =
    "Usage: polyagent compile [OPTIONS] MODULE...\n\n"
    "Compiles each module into the cache. With --fuel or --deterministic it makes the variant that\n"
    "such runs use.\n\n" PA_RUN_OPTIONS_HELP;

static int compile_one(struct pa_executor *executor, const struct pa_run_options *options,
                       const char *path, int cancel_fd) {
    const struct pa_policy *policy = &options->config.policy;
    struct pa_error err;
    struct pa_outcome outcome;
    struct pa_module_file module;
    pa_outcome_init(&outcome);
    PA_CLEANUP(pa_closep) int artifact = -1;
    int opened = pa_module_file_open(path, policy, &module, &outcome, &err);
    int done = opened;
    if (opened == 0) {
        struct pa_module_source source = {
            .name = path, .bytes = module.bytes.data, .size = module.bytes.size};
        done = pa_compile(executor, &source, policy, cancel_fd, &artifact, &outcome, &err);
    }
    int status;
    if (done < 0) {
        status = pa_report_error(&err);
    } else if (artifact < 0) {
        pa_report_outcome(&outcome);
        status = pa_outcome_exit(&outcome);
    } else {
        printf("%s: %s", path, outcome.usage.compile_ns ? "compiled" : "already compiled");
        if (outcome.usage.compile_ns)
            printf(" in %.1f ms", (double)outcome.usage.compile_ns / 1e6);
        putchar('\n');
        status = 0;
    }
    pa_module_file_close(&module);
    pa_outcome_done(&outcome);
    return status;
}

int pa_command_compile(int argc, char **argv) {
    struct pa_run_options options = {0};
    int status;
    int at = pa_run_options_parse(&options, argc, argv, usage, &status);
    if (at < 0)
        return status;
    if (at < argc && pa_streq(argv[at], "--"))
        at++;
    if (at == argc) {
        pa_run_options_done(&options);
        return pa_report_usage("compile", "which modules?");
    }
    struct pa_error err;
    struct pa_executor *executor;
    struct pa_executor_config config = pa_run_options_executor(&options);
    PA_CLEANUP(pa_closep) int cancel_fd = pa_signals_open(&err);
    if (cancel_fd < 0 || pa_executor_new(&config, &executor, &err) < 0) {
        pa_run_options_done(&options);
        return pa_report_error(&err);
    }
    status = 0;
    for (; at < argc; at++)
        status = PA_MAX(status, compile_one(executor, &options, argv[at], cancel_fd));
    pa_executor_free(executor);
    pa_run_options_done(&options);
    return status;
}
