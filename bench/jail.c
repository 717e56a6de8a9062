/*
 * What the jail costs, in microseconds: medians of RUNS.
 *
 *     bench-jail [RUNS]
 *
 * Prints one JSON object:
 *     narrow_us       what each run from a warm process adds: from WARM to RUN, after the fork
 *     enter_us        the whole jail, once for each warm root and for each run without one
 *     spawn_us        starting the process for it, in namespaces and as nobody (root) ...
 *     spawn_plain_us  ... and without either
 *     call_ns         a system call in a run (three filters) ...
 *     call_plain_ns   ... and without filters
 *
 * It starts itself with the argument "inside" for the half that is jailed.
 */
#include "base/clock.h"
#include "base/io.h"
#include "jail/jail.h"
#include "jail/spawn.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANNEL_FD 3
#define MAX_RUNS   2000
#define CALLS      20000

/* Of one jailed process. */
struct measured {
    uint64_t enter_ns, call_ns, call_plain_ns; /* calls: CALLS of them */
    size_t count;
    uint64_t narrow_ns[MAX_RUNS]; /* one for each of its copies */
};

static PA_NORETURN void give_up(const char *what, const struct pa_error *err) {
    fprintf(stderr, "bench-jail: %s: %s\n", what, err->message);
    exit(1);
}

static uint64_t time_calls(void) {
    const uint64_t began = pa_clock_monotonic_ns();
    for (int i = 0; i < CALLS; i++)
        syscall(SYS_gettid);
    return pa_clock_monotonic_ns() - began;
}

/* --- the jailed half ---------------------------------------------------------------------------
 */

/* A copy measures itself; its last act is to be reaped. */
static void measure_copy(struct measured *m, size_t number) {
    struct pa_error err;
    const uint64_t began = pa_clock_monotonic_ns();
    if (pa_jail_narrow(PA_JAIL_RUN, true, &err) < 0)
        _exit(1);
    m->narrow_ns[number] = pa_clock_monotonic_ns() - began;
    if (number == 0)
        m->call_ns = time_calls();
    _exit(0);
}

static int inside(size_t runs) {
    const int keep[] = {CHANNEL_FD};
    const struct pa_jail jail = {.stage = PA_JAIL_LOAD_WARM,
                                 .required = true,
                                 .in_namespaces = true,
                                 .keep_fds = keep,
                                 .keep_fd_count = 1,
                                 .artifact_fd = -1,
                                 .data_bytes = 256 * PA_MIB,
                                 .open_files = 64};
    struct pa_jail_report report;
    struct pa_error err;
    struct measured *m =
        mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED)
        return 1;
    m->call_plain_ns = time_calls();
    const uint64_t began = pa_clock_monotonic_ns();
    if (pa_jail_enter(&jail, &report, &err) < 0)
        give_up("inside", &err);
    m->enter_ns = pa_clock_monotonic_ns() - began;
    if (pa_jail_narrow(PA_JAIL_WARM, true, &err) < 0)
        return 1;
    for (size_t i = 0; i < runs; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0)
            measure_copy(m, i);
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
            return 1;
    }
    m->count = runs;
    return pa_write_full(CHANNEL_FD, m, sizeof(*m)) < 0;
}

/* --- the other half ----------------------------------------------------------------------------
 */

/* Starts the jailed half; its time, and what it measured unless `ret` is NULL. */
static uint64_t start(bool jailed, size_t runs, struct measured *ret) {
    char count[16];
    snprintf(count, sizeof(count), "%zu", runs);
    char *argv[] = {"bench-jail", jailed ? "inside" : "nothing", count, NULL};
    int pair[2];
    struct pa_child child;
    struct pa_error err;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        exit(1);
    const struct pa_fd_map map[] = {{pair[1], CHANNEL_FD}};
    const struct pa_spawn how = {.exec_fd = -1,
                                 .path = "/proc/self/exe",
                                 .argv = argv,
                                 .fds = map,
                                 .fd_count = 1,
                                 .namespaces = jailed,
                                 .nobody = jailed};
    const uint64_t began = pa_clock_monotonic_ns();
    if (pa_spawn(&how, &child, &err) < 0)
        give_up("spawn", &err);
    const uint64_t took = pa_clock_monotonic_ns() - began;
    close(pair[1]);
    if (ret && pa_read_full(pair[0], ret, sizeof(*ret)) != (ssize_t)sizeof(*ret)) {
        pa_fail(&err, PA_ERR_INTERNAL,
                "the jailed half failed (polyagent doctor says what is missing)");
        give_up("inside", &err);
    }
    close(pair[0]);
    pa_child_done(&child);
    return took;
}

static int by_value(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double median_us(uint64_t *values, size_t count) {
    qsort(values, count, sizeof(*values), by_value);
    return (double)values[count / 2] / 1000;
}

int main(int argc, char **argv) {
    if (argc == 3 && pa_streq(argv[1], "inside"))
        return inside((size_t)atoi(argv[2]));
    if (argc == 3 && pa_streq(argv[1], "nothing"))
        return 0;
    const size_t runs = argc == 2 ? (size_t)atoi(argv[1]) : 200;
    if (runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "usage: bench-jail [RUNS, at most %d]\n", MAX_RUNS);
        return 2;
    }
    static uint64_t spawn[MAX_RUNS], plain[MAX_RUNS], enter[MAX_RUNS];
    struct measured *m = pa_xcalloc(1, sizeof(*m));
    for (size_t i = 0; i < runs; i++) {
        spawn[i] = start(true, 1, m);
        enter[i] = m->enter_ns;
        plain[i] = start(false, 1, NULL);
    }
    start(true, runs, m);
    printf(
        "{\"narrow_us\": %.1f, \"enter_us\": %.1f, \"spawn_us\": %.1f, \"spawn_plain_us\": %.1f, "
        "\"call_ns\": %.0f, \"call_plain_ns\": %.0f}\n",
        median_us(m->narrow_ns, m->count), median_us(enter, runs), median_us(spawn, runs),
        median_us(plain, runs), (double)m->call_ns / CALLS, (double)m->call_plain_ns / CALLS);
    free(m);
    return 0;
}
