/* polyagent doctor: what this machine offers, what would not work, and what to do about it. */
#include "cli/cli.h"

#include "base/io.h"
#include "base/units.h"
#include "jail/cgroup.h"
#include "jail/jail.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char usage[] =
    "Usage: polyagent doctor [--config FILE]\n\n"
    "Checks the kernel's features, limits, the engine and the cache. Exit status 0 when every layer\n"
    "of the jail and every check holds, 1 when something is missing.\n";

/* One line of the report; a bad one counts. */
static void say(bool good, unsigned *bad, const char *what, const char *fmt, ...) PA_PRINTF(4, 5);

static void say(bool good, unsigned *bad, const char *what, const char *fmt, ...) {
    printf("  %-4s %-18s ", good ? "ok" : "BAD", what);
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    *bad += !good;
}

static void check_kernel(unsigned *bad) {
    struct utsname host;
    puts("kernel");
    if (uname(&host) == 0)
        say(true, bad, "version", "%s %s on %s", host.sysname, host.release, host.machine);
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
    long fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));
    if (fd >= 0)
        close((int)fd);
    say(fd >= 0 || errno != ENOSYS, bad, "openat2",
        fd >= 0 || errno != ENOSYS ? "host directories are confined by the kernel"
                                   : "missing: mounts need Linux 5.6 or newer");
}

static void check_jail(unsigned *bad) {
    struct pa_jail_probe probe;
    pa_jail_probe(&probe);
    puts("jail");
    for (int i = 0; i < PA_LAYER_COUNT; i++) {
        const char *name = pa_jail_layer_name((enum pa_jail_layer)i);
        if (!probe.available[i])
            say(false, bad, name, "%s", probe.why_not[i]);
        else if (i == PA_LAYER_LANDLOCK)
            say(true, bad, name, "ABI %d", probe.landlock_abi);
        else
            say(true, bad, name, "available");
    }
    struct pa_error why;
    if (pa_cgroups_probe(&why) == 0)
        say(true, bad, "control groups", "available to 'serve', started like this");
    else
        say(true, bad, "control groups", "not for 'serve', started like this: %s", why.message);
}

static void check_limits(unsigned *bad) {
    struct rlimit limit;
    char text[32];
    puts("limits");
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        say(limit.rlim_cur >= 256, bad, "open files", "%llu (256 or more are needed)",
            (unsigned long long)limit.rlim_cur);
    if (getrlimit(RLIMIT_STACK, &limit) == 0)
        say(limit.rlim_cur >= 8 * PA_MIB, bad, "stack", "%s (8 MiB or more are needed: ulimit -s)",
            limit.rlim_cur == RLIM_INFINITY ? "unlimited"
                                            : pa_format_bytes(limit.rlim_cur, text, sizeof(text)));
    if (getrlimit(RLIMIT_AS, &limit) == 0)
        say(limit.rlim_cur == RLIM_INFINITY, bad, "address space",
            limit.rlim_cur == RLIM_INFINITY
                ? "unlimited"
                : "limited: a run reserves 6 GiB of addresses (ulimit -v unlimited)");
}

static void check_engine(const struct pa_config *config, unsigned *bad) {
    struct pa_executor_config settings = {.cache_directory = config->cache_directory,
                                          .cache_bytes = config->cache_max_bytes};
    struct pa_executor *executor;
    struct pa_error err;
    puts("engine");
    say(true, bad, "version", "Wasmtime %s (build %s)", PA_WASMTIME_VERSION, PA_ENGINE_ID);
    if (pa_executor_new(&settings, &executor, &err) < 0) {
        say(false, bad, "worker and cache", "%s", err.message);
        return;
    }
    struct pa_cache *cache = pa_executor_cache(executor);
    struct statvfs disk;
    char text[32];
    say(true, bad, "worker", "%s", pa_executor_worker_path(executor));
    if (statvfs(pa_cache_directory(cache), &disk) == 0) {
        uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
        say(free_bytes > 256 * PA_MIB, bad, "cache", "%s, %s free", pa_cache_directory(cache),
            pa_format_bytes(free_bytes, text, sizeof(text)));
    }

    /* The proof: a module that does nothing, compiled and run for real. */
    static const char module[] =
        "(module (memory (export \"memory\") 1) (func (export \"_start\")))";
    struct pa_run_request request = {
        .module = {.name = "check.wat", .bytes = module, .size = sizeof(module) - 1},
        .policy = &config->policy,
        .stdin_fd = -1,
        .cancel_fd = -1};
    struct pa_outcome outcome;
    pa_outcome_init(&outcome);
    if (pa_execute(executor, &request, &outcome, &err) < 0)
        say(false, bad, "a run", "%s", err.message);
    else
        say(outcome.status == PA_STATUS_OK, bad, "a run", "%s in %.2f ms%s%s",
            pa_status_name(outcome.status), (double)outcome.usage.wall_ns / 1e6,
            *outcome.message ? ": " : "", outcome.message);
    pa_outcome_done(&outcome);
    pa_executor_free(executor);
}

int pa_command_doctor(int argc, char **argv) {
    struct pa_run_options options = {0};
    int status;
    int at = pa_run_options_parse(&options, argc, argv, usage, &status);
    if (at < 0)
        return status;
    unsigned bad = 0;
    check_kernel(&bad);
    check_jail(&bad);
    check_limits(&bad);
    check_engine(&options.config, &bad);
    pa_run_options_done(&options);
    if (bad)
        printf("%u of these would not work as they should\n", bad);
    else
        puts("everything works");
    return bad ? 1 : 0;
}
