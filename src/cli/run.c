/* polyagent run: one module, one run, its output as ours. */
#include "cli/cli.h"

#include "base/io.h"
#include <stdio.h>

static const char usage[] =
    "Usage: polyagent run [OPTIONS] MODULE [--] [ARGUMENT...]\n\n"
    "Runs MODULE (.wasm or .wat; - reads it from standard input) and passes on its output.\n"
    "The exit status is the guest's; ours are 124 time limit, 125 our own error, 126 not a valid\n"
    "module, 130 cancelled, 134 trap, 137 another limit, 2 usage.\n\n" PA_RUN_OPTIONS_HELP;

static int run_module(const struct pa_run_options *options, const char *path, char **argv,
                      int argc) {
    const struct pa_policy *policy = &options->config.policy;
    struct pa_error err;
    struct pa_outcome outcome;
    struct pa_module_file module;
    PA_CLEANUP(pa_closep) int stdin_fd = -1;
    PA_CLEANUP(pa_closep) int cancel_fd = -1;
    struct pa_executor *executor;
    struct pa_executor_config config = pa_run_options_executor(options);
    if (pa_run_options_stdin(options, pa_streq(path, "-"), &stdin_fd, &err) < 0 ||
        pa_executor_new(&config, &executor, &err) < 0)
        return pa_report_error(&err);

    pa_outcome_init(&outcome);
    int status;
    /* Before signals are only noted: the module may come from a pipe, or be waited for. */
    int opened = pa_module_file_open(path, policy, &module, &outcome, &err);
    if (opened >= 0 && (cancel_fd = pa_signals_open(&err)) < 0) {
        pa_module_file_close(&module);
        opened = -1;
    }
    if (opened < 0) {
        status = pa_report_error(&err);
    } else {
        struct pa_sink sink = pa_terminal_sink();
        struct pa_run_request request = {
            .module = {.name = path, .bytes = module.bytes.data, .size = module.bytes.size},
            .policy = policy,
            .argv = (const char *const *)argv,
            .argc = (size_t)argc,
            .stdin_fd = stdin_fd,
            .sink = options->json ? NULL : &sink,
            .cancel_fd = cancel_fd};
        int done = opened ? 0 : pa_execute(executor, &request, &outcome, &err);
        status =
            done < 0 ? pa_report_error(&err) : pa_run_options_finish(options, &outcome, cancel_fd);
        pa_module_file_close(&module);
    }
    pa_outcome_done(&outcome);
    pa_executor_free(executor);
    return status;
}

int pa_command_run(int argc, char **argv) {
    struct pa_run_options options = {0};
    int status;
    int at = pa_run_options_parse(&options, argc, argv, usage, &status);
    if (at < 0)
        return status;
    if (at == argc) {
        status = pa_report_usage("run", "which module?");
    } else {
        int first = at + 1;
        if (first < argc && pa_streq(argv[first], "--"))
            first++;
        status = run_module(&options, argv[at], argv + first, argc - first);
    }
    pa_run_options_done(&options);
    return status;
}
