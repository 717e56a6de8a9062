/*
 * Times sessions inside one process, as a server would hold them.
 *
 *     bench-sessions [--language NAME] [--turns N] [--forks N] [--frame-mb N] [--idle N]
 *                    [--cycles N]
 *
 * Prints one JSON object, times in milliseconds, memory in MiB:
 *
 *     turn           a turn of `x = 1`, from the call to its outcome
 *     turn_recover   the same with a fork before each
 *     fork           of a session that has run some turns, until the fork may be used
 *     fork_frame     the same with pandas and a data frame of --frame-mb (0: left out)
 *     branches_mib   what 16 branches of it take that change 1 % of it each
 *     create         a new session
 *     idle_mib       all that was started, with --idle sessions that do nothing; idle_each_mib: one
 *     cycles         create, turn, fork, turn, end, and now and then a kill: how many a second, and
 *                    descriptors, processes and memory before and after
 *
 * Memory is that of all processes that this one has started, pages that several share counted once
 * (Pss of smaps_rollup).  What does not work ends the benchmark: it is not fast.
 */
#include "base/clock.h"
#include "run/sessions.h"
#include <dirent.h>
#include <getopt.h>
#include <unistd.h>

#define BRANCHES 16
#define REST_US  300000 /* what was ended is reaped, and copies are made anew */

struct options {
    const char *language;
    size_t turns, forks, frame_mb, idle, cycles;
};

struct bench {
    struct options options;
    struct pa_executor *executor;
    struct pa_packs *packs;
    struct pa_pools *pools;
    struct pa_sessions *sessions;
    struct pa_policy policy;
};

static PA_NORETURN void give_up(const char *what) {
    fprintf(stderr, "bench-sessions: %s\n", what);
    exit(1);
}

static void parse(int argc, char **argv, struct options *ret) {
    static const struct option known[] = {
        {"language", required_argument, NULL, 'l'},
        {"turns", required_argument, NULL, 't'},
        {"forks", required_argument, NULL, 'f'},
        {"frame-mb", required_argument, NULL, 'm'},
        {"idle", required_argument, NULL, 'i'},
        {"cycles", required_argument, NULL, 'c'},
        {NULL, 0, NULL, 0},
    };
    *ret = (struct options){.language = "python",
                            .turns = 1000,
                            .forks = 200,
                            .frame_mb = 200,
                            .idle = 500,
                            .cycles = 200};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        size_t *number = c == 't'   ? &ret->turns
                         : c == 'f' ? &ret->forks
                         : c == 'm' ? &ret->frame_mb
                         : c == 'i' ? &ret->idle
                                    : &ret->cycles;
        if (c == '?')
            exit(2);
        if (c == 'l')
            ret->language = optarg;
        else
            *number = strtoul(optarg, NULL, 10);
    }
}

static const struct pa_session_asker anybody = {.deadline_ns = PA_NEVER, .cancel_fd = -1};

/* --- sessions --------------------------------------------------------------------------------- */

static void create(struct bench *bench, bool recover, const char *preload,
                   char id[PA_SESSION_ID_TEXT]) {
    struct pa_error err;
    const struct pa_pack *pack = pa_packs_find(bench->packs, bench->options.language, &err);
    if (!pack)
        give_up(err.message);
    struct pa_image *image = pa_xcalloc(1, sizeof(*image));
    pa_image_init(image, pack);
    if (preload)
        pa_image_add_preload(image, preload);
    const struct pa_session_create how = {.image = image,
                                          .policy = &bench->policy,
                                          .recover = recover,
                                          .deadline_ns = PA_NEVER,
                                          .cancel_fd = -1};
    if (pa_sessions_create(bench->sessions, &how, id, &err) < 0)
        give_up(err.message);
}

static double turn(struct bench *bench, const char *id, const char *code) {
    struct pa_error err;
    struct pa_outcome outcome;
    const struct pa_program program = {.code = code, .code_size = strlen(code)};
    const struct pa_session_turn how = {
        .program = &program, .deadline_ns = PA_NEVER, .cancel_fd = -1};
    pa_outcome_init(&outcome);
    uint64_t began = pa_clock_monotonic_ns();
    if (pa_sessions_turn(bench->sessions, NULL, id, &how, &outcome, &err) < 0)
        give_up(err.message);
    uint64_t took = pa_clock_monotonic_ns() - began;
    if (outcome.status != PA_STATUS_OK || !outcome.session_lives) {
        fprintf(stderr, "%s\n%s\n", outcome.message, pa_buf_text(&outcome.output[PA_STDERR].kept));
        give_up("a turn did not end well");
    }
    pa_outcome_done(&outcome);
    return (double)took / PA_NS_PER_MS;
}

/* A turn that ends its process, of a session that recovers. */
static void be_killed(struct bench *bench, const char *id) {
    static const char code[] = "import os; os._exit(1)";
    struct pa_error err;
    struct pa_outcome outcome;
    const struct pa_program program = {.code = code, .code_size = strlen(code)};
    const struct pa_session_turn how = {
        .program = &program, .deadline_ns = PA_NEVER, .cancel_fd = -1};
    pa_outcome_init(&outcome);
    if (pa_sessions_turn(bench->sessions, NULL, id, &how, &outcome, &err) < 0)
        give_up(err.message);
    if (!outcome.session_rolled_back)
        give_up("a session did not recover");
    pa_outcome_done(&outcome);
}

static double fork_one(struct bench *bench, const char *id, char fork[PA_SESSION_ID_TEXT]) {
    struct pa_error err;
    char ids[1][PA_SESSION_ID_TEXT];
    uint64_t began = pa_clock_monotonic_ns();
    if (pa_sessions_fork(bench->sessions, &anybody, id, 1, NULL, ids, &err) < 0)
        give_up(err.message);
    uint64_t took = pa_clock_monotonic_ns() - began;
    memcpy(fork, ids[0], PA_SESSION_ID_TEXT);
    return (double)took / PA_NS_PER_MS;
}

static void end(struct bench *bench, const char *id) {
    struct pa_error err;
    if (pa_sessions_end(bench->sessions, NULL, id, &err) < 0)
        give_up(err.message);
}

/* --- figures ---------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void print_times(const char *name, double *times, size_t count) {
    qsort(times, count, sizeof(*times), compare);
    printf("  \"%s\": {\"min\": %.3f, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f},\n", name,
           times[0], times[count / 2], times[count * 9 / 10], times[count * 99 / 100]);
    fflush(stdout);
}

static long share_kib(const char *pid) {
    char path[300], line[256];
    long kib = 0, part;
    snprintf(path, sizeof(path), "/proc/%.200s/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0; /* it has ended */
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "Pss: %ld", &part) == 1)
            kib += part;
    fclose(file);
    return kib;
}

/* Parent and session id of a process; 0 where it has ended. */
static void parents_of(const char *pid, long *ret_parent) {
    char path[300];
    *ret_parent = 0;
    snprintf(path, sizeof(path), "/proc/%.200s/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fscanf(file, "%*d (%*[^)]) %*c %ld", ret_parent) != 1)
        *ret_parent = 0;
    fclose(file);
}

/* All that descend from this process. */
static double all_mib(size_t *ret_processes) {
    long known[8192];
    size_t count = 0;
    long kib = 0;
    known[count++] = getpid();
    for (size_t before = 0; before != count;) { /* until a round finds none */
        before = count;
        DIR *proc = opendir("/proc");
        for (struct dirent *entry; proc && (entry = readdir(proc));) {
            long pid = strtol(entry->d_name, NULL, 10), parent;
            bool is_known = pid <= 0, is_ours = false;
            for (size_t i = 0; i < count && !is_known; i++)
                is_known = known[i] == pid;
            if (is_known || count == PA_ARRAY_LEN(known))
                continue;
            parents_of(entry->d_name, &parent);
            for (size_t i = 0; i < count && !is_ours; i++)
                is_ours = known[i] == parent;
            if (!is_ours)
                continue;
            known[count++] = pid;
            kib += share_kib(entry->d_name);
        }
        if (proc)
            closedir(proc);
    }
    if (ret_processes)
        *ret_processes = count - 1;
    return (double)kib / 1024;
}

static size_t descriptors(void) {
    size_t count = 0;
    DIR *fds = opendir("/proc/self/fd");
    for (struct dirent *entry; fds && (entry = readdir(fds));)
        count += entry->d_name[0] != '.';
    if (fds)
        closedir(fds);
    return count;
}

/* --- what is measured ------------------------------------------------------------------------- */

static void time_turns(struct bench *bench, const char *name, bool recover) {
    char id[PA_SESSION_ID_TEXT];
    size_t count = bench->options.turns;
    double *times = pa_xcalloc(count, sizeof(*times));
    create(bench, recover, NULL, id);
    for (int i = 0; i < 20; i++)
        turn(bench, id, "x = 1");
    for (size_t i = 0; i < count; i++)
        times[i] = turn(bench, id, "x = 1");
    print_times(name, times, count);
    end(bench, id);
    free(times);
}

static void time_forks_of(struct bench *bench, const char *name, const char *id, size_t count) {
    char fork[PA_SESSION_ID_TEXT];
    double *times = pa_xcalloc(count, sizeof(*times));
    for (size_t i = 0; i < count; i++) {
        times[i] = fork_one(bench, id, fork);
        end(bench, fork);
    }
    print_times(name, times, count);
    free(times);
}

static void time_forks(struct bench *bench) {
    char id[PA_SESSION_ID_TEXT];
    create(bench, false, NULL, id);
    for (int i = 0; i < 5; i++)
        turn(bench, id, "import json\nx = [1] * 1000");
    time_forks_of(bench, "fork", id, bench->options.forks);
    end(bench, id);
}

static void measure_frame(struct bench *bench) {
    char id[PA_SESSION_ID_TEXT], branches[BRANCHES][PA_SESSION_ID_TEXT], code[512];
    struct pa_error err;
    size_t rows = bench->options.frame_mb * PA_MIB / 8 / 8;
    create(bench, false, "pandas", id);
    snprintf(code, sizeof(code),
             "import numpy, pandas\nf = pandas.DataFrame(numpy.arange(%zu * 8, "
             "dtype='float64').reshape(%zu, 8))\n",
             rows, rows);
    turn(bench, id, code);
    time_forks_of(bench, "fork_frame", id, PA_MIN(bench->options.forks, (size_t)50));
    double before = all_mib(NULL);
    if (pa_sessions_fork(bench->sessions, &anybody, id, BRANCHES, NULL, branches, &err) < 0)
        give_up(err.message);
    for (int i = 0; i < BRANCHES; i++) {
        snprintf(code, sizeof(code), "f.iloc[%zu:%zu] = %d", rows / 2, rows / 2 + rows / 100, i);
        turn(bench, branches[i], code);
    }
    printf("  \"branches_mib\": %.1f,\n", all_mib(NULL) - before);
    fflush(stdout);
    for (int i = 0; i < BRANCHES; i++)
        end(bench, branches[i]);
    end(bench, id);
}

static void measure_idle(struct bench *bench) {
    size_t count = bench->options.idle, processes;
    char(*ids)[PA_SESSION_ID_TEXT] = pa_xcalloc(count, sizeof(*ids));
    double *times = pa_xcalloc(count, sizeof(*times));
    char first[PA_SESSION_ID_TEXT];
    create(bench, false, NULL, first); /* the root is there, then, and its idle copies */
    turn(bench, first, "x = 1");
    usleep(REST_US);
    double before = all_mib(NULL);
    for (size_t i = 0; i < count; i++) {
        uint64_t began = pa_clock_monotonic_ns();
        create(bench, false, NULL, ids[i]);
        times[i] = (double)(pa_clock_monotonic_ns() - began) / PA_NS_PER_MS;
        turn(bench, ids[i], "x = list(range(100))");
    }
    print_times("create", times, count);
    usleep(REST_US);
    double after = all_mib(&processes);
    printf("  \"idle_sessions\": %zu, \"idle_mib\": %.1f, \"idle_each_mib\": %.3f,\n", count, after,
           (after - before) / (double)count);
    fflush(stdout);
    end(bench, first);
    for (size_t i = 0; i < count; i++)
        end(bench, ids[i]);
    free(times);
    free(ids);
}

/* Every tenth session keeps a checkpoint, is killed in a turn, and recovers. */
static void cycle(struct bench *bench, size_t number) {
    char id[PA_SESSION_ID_TEXT], fork[PA_SESSION_ID_TEXT];
    struct pa_error err;
    bool eventful = number % 10 == 0;
    create(bench, eventful, NULL, id);
    turn(bench, id, "x = 1");
    if (eventful) {
        if (pa_sessions_keep(bench->sessions, &anybody, id, "here", &err) < 0)
            give_up(err.message);
        be_killed(bench, id);
        turn(bench, id, "assert x == 1; x = 9");
        if (pa_sessions_go_back(bench->sessions, &anybody, id, "here", &err) < 0)
            give_up(err.message);
    }
    fork_one(bench, id, fork);
    turn(bench, fork, "x += 1");
    end(bench, id);
    turn(bench, fork, "assert x == 2");
    end(bench, fork);
}

#define WARM_UP 600 /* cycles until the list of ended sessions has its full length */
#define PARTS   10  /* after each of which something is said on standard error */

/* What grows if anything is left behind. */
struct holdings {
    size_t descriptors, processes;
    long own_kib;      /* of this process alone, */
    double others_mib; /* and of those that it has started */
};

static struct holdings look(void) {
    struct holdings now;
    usleep(REST_US);
    now.others_mib = all_mib(&now.processes);
    now.descriptors = descriptors();
    now.own_kib = share_kib("self");
    return now;
}

static void measure_cycles(struct bench *bench) {
    size_t count = bench->options.cycles;
    for (size_t i = 0; i < PA_MIN(count, (size_t)WARM_UP); i++)
        cycle(bench, i);
    struct holdings before = look(), after = before;
    uint64_t spent = 0;
    for (size_t part = 0; part < PARTS && count; part++) {
        size_t from = count * part / PARTS, to = count * (part + 1) / PARTS;
        uint64_t began = pa_clock_monotonic_ns();
        for (size_t i = from; i < to; i++)
            cycle(bench, i);
        spent += pa_clock_monotonic_ns() - began;
        after = look();
        fprintf(stderr, "%zu cycles: %zu descriptors, %zu processes, %ld KiB and %.1f MiB\n", to,
                after.descriptors, after.processes, after.own_kib, after.others_mib);
    }
    printf("  \"cycles\": %zu, \"cycles_per_s\": %.1f, \"descriptors\": [%zu, %zu], \"processes\": "
           "[%zu, %zu], \"own_kib\": [%ld, %ld], \"others_mib\": [%.1f, %.1f]\n",
           count, (double)count * PA_NS_PER_S / (double)PA_MAX(spent, UINT64_C(1)),
           before.descriptors, after.descriptors, before.processes, after.processes, before.own_kib,
           after.own_kib, before.others_mib, after.others_mib);
}

int main(int argc, char **argv) {
    struct bench bench = {0};
    struct pa_error err;
    const struct pa_executor_config executor = {.cache_bytes = UINT64_MAX, .jail_required = true};
    parse(argc, argv, &bench.options);
    pa_policy_init(&bench.policy);
    bench.policy.limits.memory_bytes = 2 * PA_GIB;
    if (pa_packs_load(NULL, &bench.packs, &err) < 0 ||
        pa_executor_new(&executor, &bench.executor, &err) < 0)
        give_up(err.message);
    const struct pa_pools_config pools = {.executor = bench.executor,
                                          .packs = bench.packs,
                                          .policy = &bench.policy,
                                          .idle_least = 1,
                                          .idle_most = 4};
    if (pa_pools_new(&pools, &bench.pools, &err) < 0)
        give_up(err.message);
    const struct pa_sessions_config sessions = {
        .executor = bench.executor, .pools = bench.pools, .most = 4000};
    if (pa_sessions_new(&sessions, &bench.sessions, &err) < 0)
        give_up(err.message);
    puts("{");
    if (bench.options.turns) {
        time_turns(&bench, "turn", false);
        time_turns(&bench, "turn_recover", true);
    }
    if (bench.options.forks)
        time_forks(&bench);
    if (bench.options.frame_mb)
        measure_frame(&bench);
    if (bench.options.idle)
        measure_idle(&bench);
    measure_cycles(&bench);
    puts("}");
    pa_sessions_free(bench.sessions);
    pa_pools_free(bench.pools);
    pa_policy_done(&bench.policy);
    pa_executor_free(bench.executor);
    pa_packs_free(bench.packs);
    return 0;
}
