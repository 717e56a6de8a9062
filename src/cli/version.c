#include "cli/cli.h"

#include <stdio.h>
#include <sys/utsname.h>

int pa_command_version(int argc, char **argv) {
    if (argc == 2 && (pa_streq(argv[1], "--help") || pa_streq(argv[1], "-h"))) {
        puts("Usage: polyagent version\n\n"
             "Prints the versions of this program, its engine and the host.");
        return 0;
    }
    if (argc > 1)
        return pa_report_usage("version", "'%s' is one word too many", argv[1]);
    printf("polyagent %s\nengine    Wasmtime %s (build %s)\n", PA_VERSION, PA_WASMTIME_VERSION,
           PA_ENGINE_ID);
    struct utsname host;
    if (uname(&host) == 0)
        printf("host      %s %s %s\n", host.sysname, host.release, host.machine);
    return 0;
}
