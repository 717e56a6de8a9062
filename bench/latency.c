/*
 * Times runs of a language inside one process, as a server would make them: bench/languages starts
 * it.
 *
 *     bench-latency LANGUAGE --code TEXT [--runs N] [--threads N] [--gap MS] [--preload MODULES]
 *                   [--fresh]
 *
 * A run is timed from the request handed to the executor until its outcome is there.  With --gap
 * the process rests before each, so that a copy is idle when the request comes; with --threads
 * several are in flight all the time.  --fresh times runs without a warm process, each from
 * nothing.
 *
 * Prints one JSON object: times in milliseconds, memory in KiB.  "run_cpu" is the CPU time of a
 * run's process from request to end (the median), "cpu" that of everything that took part, the
 * root's start among it, over the number of runs.  A run that does not end well is an error: what
 * does not work is not fast.
 */
#include "base/clock.h"
#include "run/language.h"
#include "run/pool.h"
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define TAKE_NS    (120 * PA_NS_PER_S) /* a first one may have to wait for a compilation */
#define IDLE_LEAST 4
#define IDLE_MOST  32
#define REST_US    3000 /* between taking a copy and using it, when the process rests at all */

struct options {
    const char *language, *code, *preload;
    size_t runs, threads;
    unsigned gap_ms;
    bool fresh;
};

struct bench {
    struct options options;
    struct pa_executor *executor;
    struct pa_image image;
    struct pa_language_run root, run;
    struct pa_pool *pool;
    double *times_ms, *cpu_ms; /* a run each */
    size_t next;               /* of these; atomic */
};

static PA_NORETURN void give_up(const char *what) {
    fprintf(stderr, "bench-latency: %s\n", what);
    exit(1);
}

static void parse(int argc, char **argv, struct options *ret) {
    static const struct option known[] = {
        {"code", required_argument, NULL, 'c'},
        {"runs", required_argument, NULL, 'n'},
        {"threads", required_argument, NULL, 't'},
        {"gap", required_argument, NULL, 'g'},
        {"preload", required_argument, NULL, 'p'},
        {"fresh", no_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    *ret = (struct options){.runs = 200, .threads = 1};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (c) {
        case 'c':
            ret->code = optarg;
            break;
        case 'n':
            ret->runs = strtoul(optarg, NULL, 10);
            break;
        case 't':
            ret->threads = strtoul(optarg, NULL, 10);
            break;
        case 'g':
            ret->gap_ms = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            ret->preload = optarg;
            break;
        case 'f':
            ret->fresh = true;
            break;
        default:
            exit(2);
        }
    if (optind + 1 != argc || !ret->code || !ret->runs || !ret->threads)
        give_up("which LANGUAGE, and what --code?");
    ret->language = argv[optind];
}

static int start_root(void *context, int cancel_fd, struct pa_worker *ret, struct pa_error *err) {
    struct bench *bench = context;
    struct pa_run_request request = bench->root.request;
    struct pa_outcome outcome;
    request.cancel_fd = cancel_fd;
    pa_outcome_init(&outcome);
    int done = pa_start_root(bench->executor, &request, ret, &outcome, err);
    pa_outcome_done(&outcome);
    return done;
}

/* "numpy,pandas" becomes part of the image. */
static void add_preload(struct pa_image *image, const char *modules) {
    PA_CLEANUP(pa_freep) char *text = pa_xstrdup(modules);
    char *rest = NULL;
    for (char *name = strtok_r(text, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest))
        pa_image_add_preload(image, name);
}

static void describe(struct bench *bench, const struct pa_pack *pack) {
    struct pa_error err;
    struct pa_policy policy;
    const struct options *options = &bench->options;
    const struct pa_program root = {.code = "", .root = true};
    const struct pa_program program = {.code = options->code, .code_size = strlen(options->code)};
    pa_policy_init(&policy);
    pa_image_init(&bench->image, pack);
    if (options->preload)
        add_preload(&bench->image, options->preload);
    if (pa_language_run_init(&bench->run, &bench->image, NULL, &policy, &program, &err) < 0)
        give_up(err.message);
    policy.limits.memory_bytes = pa_limit_find("memory_bytes")->largest;
    if (pa_language_run_init(&bench->root, &bench->image, NULL, &policy, &root, &err) < 0)
        give_up(err.message);
    pa_policy_done(&policy);
}

static double run_once(struct bench *bench, bool warm, double *ret_cpu_ms) {
    struct pa_error err;
    struct pa_worker worker;
    struct pa_outcome outcome;
    struct pa_run_request request = bench->run.request;
    if (warm) {
        if (pa_pool_take(bench->pool, pa_clock_monotonic_ns() + TAKE_NS, -1, &worker, &err) < 0)
            give_up(err.message);
        request.warm = &worker;
        if (bench->options.gap_ms)
            usleep(REST_US);
    }
    uint64_t began = pa_clock_monotonic_ns();
    pa_outcome_init(&outcome);
    if (pa_execute(bench->executor, &request, &outcome, &err) < 0)
        give_up(err.message);
    uint64_t took = pa_clock_monotonic_ns() - began;
    if (outcome.status != PA_STATUS_OK || outcome.exit_code != 0) {
        fprintf(stderr, "%s\n%s\n", outcome.message, pa_buf_text(&outcome.output[PA_STDERR].kept));
        give_up("a run did not end well");
    }
    *ret_cpu_ms = (double)outcome.usage.cpu_ns / PA_NS_PER_MS;
    pa_outcome_done(&outcome);
    return (double)took / PA_NS_PER_MS;
}

static void *run_some(void *context) {
    struct bench *bench = context;
    size_t at;
    while ((at = __atomic_fetch_add(&bench->next, 1, __ATOMIC_RELAXED)) < bench->options.runs) {
        if (bench->options.gap_ms)
            usleep(bench->options.gap_ms * 1000);
        bench->times_ms[at] = run_once(bench, !bench->options.fresh, &bench->cpu_ms[at]);
    }
    return NULL;
}

/* Private memory of a process in KiB; -1 where we may not look. */
static long private_kib(pid_t pid) {
    char path[64], line[256];
    long kib = 0, part;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "Private_Clean: %ld", &part) == 1 ||
            sscanf(line, "Private_Dirty: %ld", &part) == 1)
            kib += part;
    fclose(file);
    return kib;
}

/* What an idle copy costs: looked at after a rest, and thrown away. */
static long idle_copy_kib(struct bench *bench) {
    struct pa_worker worker;
    struct pa_error err;
    if (pa_pool_take(bench->pool, pa_clock_monotonic_ns() + TAKE_NS, -1, &worker, &err) < 0)
        give_up(err.message);
    usleep(20000);
    long kib = private_kib(worker.pid);
    pa_worker_discard(&worker);
    return kib;
}

static double time_runs(struct bench *bench) {
    pthread_t threads[bench->options.threads];
    uint64_t began = pa_clock_monotonic_ns();
    for (size_t i = 0; i < bench->options.threads; i++)
        if (pthread_create(&threads[i], NULL, run_some, bench) != 0)
            give_up("cannot start a thread");
    for (size_t i = 0; i < bench->options.threads; i++)
        pthread_join(threads[i], NULL);
    return (double)(pa_clock_monotonic_ns() - began) / PA_NS_PER_S;
}

/* CPU time of this process and of all that it has started and reaped. */
static double all_cpu_ms(void) {
    double seconds = 0;
    const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
    for (size_t i = 0; i < PA_ARRAY_LEN(whose); i++) {
        struct rusage usage;
        if (getrusage(whose[i], &usage) == 0)
            seconds += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    }
    return seconds * 1000;
}

static int compare(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void report(struct bench *bench, double seconds, long idle_kib) {
    struct pa_pool_stats stats = {0};
    const size_t n = bench->options.runs;
    double *t = bench->times_ms;
    if (bench->pool)
        pa_pool_stats(bench->pool, &stats);
    bench->pool = pa_pool_free(bench->pool); /* all is reaped, so that it counts */
    double cpu = all_cpu_ms() / (double)n;
    qsort(t, n, sizeof(*t), compare);
    qsort(bench->cpu_ms, n, sizeof(*t), compare);
    printf(
        "{\"min\": %.4f, \"p50\": %.4f, \"p90\": %.4f, \"p99\": %.4f, \"runs_per_s\": %.1f, "
        "\"run_cpu\": %.4f, \"cpu\": %.4f, \"root_ms\": %.1f, \"idle_kib\": %ld, \"waited\": %llu}\n",
        t[0], t[n / 2], t[n * 9 / 10], t[n * 99 / 100], (double)n / seconds, bench->cpu_ms[n / 2],
        cpu, (double)stats.start_ns / PA_NS_PER_MS, idle_kib, (unsigned long long)stats.waited);
}

int main(int argc, char **argv) {
    struct bench bench = {0};
    struct pa_error err;
    struct pa_packs *packs;
    const struct pa_executor_config executor = {.cache_bytes = UINT64_MAX, .jail_required = true};
    parse(argc, argv, &bench.options);
    if (pa_packs_load(NULL, &packs, &err) < 0 ||
        pa_executor_new(&executor, &bench.executor, &err) < 0)
        give_up(err.message);
    const struct pa_pack *pack = pa_packs_find(packs, bench.options.language, &err);
    if (!pack)
        give_up(err.message);
    describe(&bench, pack);
    struct pa_pool_config pool = {.name = pack->name,
                                  .start_root = start_root,
                                  .context = &bench,
                                  .idle_least = IDLE_LEAST,
                                  .idle_most = IDLE_MOST};
    if (!bench.options.fresh && pa_pool_new(&pool, &bench.pool, &err) < 0)
        give_up(err.message);
    bench.times_ms = pa_xcalloc(bench.options.runs, sizeof(double));
    bench.cpu_ms = pa_xcalloc(bench.options.runs, sizeof(double));
    double ignored;
    for (int i = 0; i < 3; i++)
        run_once(&bench, !bench.options.fresh, &ignored);
    double seconds = time_runs(&bench);
    report(&bench, seconds, bench.pool ? idle_copy_kib(&bench) : 0);
    pa_language_run_done(&bench.run);
    pa_language_run_done(&bench.root);
    pa_image_done(&bench.image);
    pa_executor_free(bench.executor);
    pa_packs_free(packs);
    free(bench.times_ms);
    free(bench.cpu_ms);
    return 0;
}
