#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

int pa_report_error(const struct pa_error *err) {
    fprintf(stderr, "polyagent: %s\n", err->message);
    return pa_error_code_exit(err->code);
}

int pa_report_usage(const char *command, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fputs("polyagent: ", stderr);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\nTry 'polyagent %s%s--help'.\n", command, *command ? " " : "");
    return 2;
}

void pa_report_outcome(const struct pa_outcome *outcome) {
    for (int i = 0; i < 2; i++)
        if (outcome->output[i].truncated)
            fprintf(stderr,
                    "polyagent: %s was cut: the guest wrote %llu bytes; raise the limit with "
                    "--limit %s_bytes=SIZE (or unlimited)\n",
                    i ? "stderr" : "stdout", (unsigned long long)outcome->output[i].total,
                    i ? "stderr" : "stdout");
    if (!outcome->message[0])
        return;
    fprintf(stderr, "polyagent: %s: %s\n", pa_status_name(outcome->status), outcome->message);
    if (outcome->backtrace[0])
        fprintf(stderr, "%s%s", outcome->backtrace,
                outcome->backtrace[strlen(outcome->backtrace) - 1] == '\n' ? "" : "\n");
}
