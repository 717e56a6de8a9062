/*
 * polyagent serve, polyagent mcp: another program, polyagent-server, takes this one's place.  What
 * it is linked with (gRPC, HTTP, TLS) would cost every other command several milliseconds.
 */
#include "cli/cli.h"

#include "base/program.h"
#include <errno.h>
#include <unistd.h>

static int become_server(char **argv) {
    struct pa_error err;
    PA_CLEANUP(pa_freep) char *path = NULL;
    if (pa_program_find("polyagent-server", &path, &err) < 0)
        return pa_report_error(&err);
    execv(path, argv);
    pa_fail_errno(&err, errno, "cannot start %s", path);
    return pa_report_error(&err);
}

/* argv[0] is the command, with all that follows; before it goes the program's own name. */
static int pass_on(int argc, char **argv) {
    char **all = pa_xcalloc((size_t)argc + 2, sizeof(*all));
    all[0] = "polyagent-server";
    for (int i = 0; i < argc; i++)
        all[i + 1] = argv[i];
    int status = become_server(all);
    free(all);
    return status;
}

int pa_command_serve(int argc, char **argv) {
    return pass_on(argc, argv);
}

int pa_command_mcp(int argc, char **argv) {
    return pass_on(argc, argv);
}
