/* polyagent transpile: Python to a WebAssembly module, or the place where it is not in the subset.
 */
#include "cli/cli.h"

#include "base/io.h"
#include "run/transpile.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static const char usage[] =
    "Usage: polyagent transpile FILE.py -o OUT.wasm\n\n"
    "Compiles a Python program to a WebAssembly module that needs nothing but fd_write, fd_read and\n"
    "proc_exit. What cannot be compiled is named with its line and column (exit status 1).\n"
    "A module that meets at run time what is not compiled ends with exit code 217:\n"
    "'polyagent python --mode auto' then uses the interpreter.\n\n"
    "  -o FILE                    where to write the module (-: standard output)\n"
    "  --wat                      the module as text, with the lines of Python that it comes from\n"
    "  --name NAME                what tracebacks call the program (default: FILE)\n";

#define SOURCE_MAX (64 * PA_MIB)

struct arguments {
    const char *input, *output, *name;
    bool text;
};

static int write_module(const char *path, const struct pa_buf *module, struct pa_error *err) {
    PA_CLEANUP(pa_closep) int fd = -1;
    bool ours = pa_streq(path, "-");
    if (!ours)
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if ((!ours && fd < 0) ||
        pa_write_full(ours ? STDOUT_FILENO : fd, module->data, module->size) < 0)
        return pa_fail_errno(err, errno, "cannot write %s", path);
    return 0;
}

static int transpile(struct pa_executor *executor, const struct arguments *arguments,
                     const struct pa_limits *limits, int cancel_fd) {
    struct pa_error err;
    PA_CLEANUP(pa_buf_done) struct pa_buf source = PA_BUF_INIT(SOURCE_MAX);
    PA_CLEANUP(pa_transpiled_done) struct pa_transpiled result = {0};
    if (pa_read_file(arguments->input, &source, &err) < 0 ||
        pa_transpile(executor, source.size ? (const void *)source.data : "", source.size,
                     arguments->name, arguments->text, limits, cancel_fd, &result, &err) < 0)
        return pa_report_error(&err);
    if (result.refused) {
        if (result.line)
            fprintf(stderr, "%s:%u:%u: %s\n", arguments->input, result.line, result.column,
                    result.message);
        else
            fprintf(stderr, "%s: %s\n", arguments->input, result.message);
        return 1;
    }
    return write_module(arguments->output, &result.module, &err) < 0 ? pa_report_error(&err) : 0;
}

/* The exit status, or -1 with *ret filled. */
static int parse(int argc, char **argv, struct arguments *ret) {
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"name", required_argument, NULL, 'n'},
        {"wat", no_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "ho:", options, NULL)) >= 0) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option == 'o')
            ret->output = optarg;
        else if (option == 'n')
            ret->name = optarg;
        else if (option == 'w')
            ret->text = true;
        else
            return pa_report_usage("transpile", "see above");
    }
    if (optind + 1 != argc)
        return pa_report_usage("transpile", "one source is expected");
    if (!ret->output && ret->text)
        ret->output = "-";
    if (!ret->output)
        return pa_report_usage("transpile", "-o OUT.wasm is missing");
    ret->input = argv[optind];
    if (!ret->name)
        ret->name = ret->input;
    return -1;
}

int pa_command_transpile(int argc, char **argv) {
    struct arguments arguments = {0};
    int status = parse(argc, argv, &arguments);
    if (status >= 0)
        return status;
    struct pa_run_options options = {0};
    struct pa_error err;
    struct pa_executor *executor;
    char *none[] = {argv[0], NULL};
    if (pa_run_options_parse(&options, 1, none, usage, &status) < 0)
        return status;
    struct pa_executor_config config = pa_run_options_executor(&options);
    PA_CLEANUP(pa_closep) int cancel_fd = pa_signals_open(&err);
    if (cancel_fd < 0 || pa_executor_new(&config, &executor, &err) < 0) {
        status = pa_report_error(&err);
    } else {
        status = transpile(executor, &arguments, &options.config.policy.limits, cancel_fd);
        pa_executor_free(executor);
    }
    pa_run_options_done(&options);
    return status;
}
