/*
 * What the service is asked by Prometheus: its own counts, and what others know of themselves.
 */
#include "server/service_internal.h"

#include "base/clock.h"
#include "server/exposition.h"
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

static void write_queue(struct pa_service *service, struct pa_buf *out) {
    struct pa_scheduler_state state;
    pa_scheduler_state(service->scheduler, &state);
    pa_exposition_gauge(out, "polyagent_runs_running", "Runs that go on.", (double)state.running);
    pa_exposition_gauge(out, "polyagent_runs_running_limit", "server.max_running.",
                        (double)service->limits.running_most);
    pa_exposition_gauge(out, "polyagent_runs_queued", "Runs that wait for their turn.",
                        (double)state.queued);
    pa_exposition_gauge(out, "polyagent_runs_queued_limit", "server.max_queued.",
                        (double)service->limits.queued_most);
    pa_exposition_gauge(out, "polyagent_runs_memory_bytes",
                        "Memory limits of the runs that go on, together.",
                        (double)state.memory_bytes);
    pa_exposition_gauge(out, "polyagent_runs_memory_limit_bytes", "server.max_memory_bytes.",
                        (double)service->limits.memory_most);
    pa_exposition_gauge(out, "polyagent_callers_active", "Callers with runs that go on or wait.",
                        (double)state.callers);
    pa_exposition_gauge(out, "polyagent_draining", "1 while no new runs are accepted.",
                        atomic_load(&service->draining));
}

/* --- pools ------------------------------------------------------------------------------------ */

/* One metric of all pools: the pools are gone through once for each, for samples of one metric
 * stand together. */
struct pool_metric {
    const char *name, *type, *help;
    double (*value)(const struct pa_pool_stats *stats);
    struct pa_buf *out;
};

static double pool_ready(const struct pa_pool_stats *stats) {
    return stats->ready;
}
static double pool_idle(const struct pa_pool_stats *stats) {
    return stats->idle;
}
static double pool_target(const struct pa_pool_stats *stats) {
    return stats->target;
}
static double pool_out(const struct pa_pool_stats *stats) {
    return stats->out;
}
static double pool_taken(const struct pa_pool_stats *stats) {
    return (double)stats->taken;
}
static double pool_waited(const struct pa_pool_stats *stats) {
    return (double)stats->waited;
}
static double pool_starts(const struct pa_pool_stats *stats) {
    return (double)stats->root_starts;
}
static double pool_start_seconds(const struct pa_pool_stats *stats) {
    return (double)stats->start_ns / PA_NS_PER_S;
}
static double pool_memory(const struct pa_pool_stats *stats) {
    return (double)stats->memory_bytes;
}

static const struct pool_metric pool_metrics[] = {
    {"polyagent_pool_ready", "gauge", "1 when the warm root is at its checkpoint.", pool_ready,
     NULL},
    {"polyagent_pool_idle", "gauge", "Warm processes that wait for a run.", pool_idle, NULL},
    {"polyagent_pool_target", "gauge", "Warm processes that the pool keeps now.", pool_target,
     NULL},
    {"polyagent_pool_busy", "gauge", "Warm processes that run something.", pool_out, NULL},
    {"polyagent_pool_taken_total", "counter", "Warm processes that were used.", pool_taken, NULL},
    {"polyagent_pool_waited_total", "counter", "Runs that found no idle warm process.", pool_waited,
     NULL},
    {"polyagent_pool_root_starts_total", "counter", "Starts of the warm root.", pool_starts, NULL},
    {"polyagent_pool_root_start_seconds", "gauge", "How long the root's last start took.",
     pool_start_seconds, NULL},
    {"polyagent_pool_root_memory_bytes", "gauge", "Memory of the guest at its checkpoint.",
     pool_memory, NULL},
};

static void write_pool(void *context, const char *kind, const struct pa_pool_stats *stats) {
    const struct pool_metric *metric = context;
    pa_exposition_sample(metric->out, metric->name, metric->value(stats), "kind", kind, NULL);
}

static void write_pools(struct pa_service *service, struct pa_buf *out) {
    for (size_t i = 0; service->config.pools && i < PA_ARRAY_LEN(pool_metrics); i++) {
        struct pool_metric metric = pool_metrics[i];
        metric.out = out;
        pa_exposition_head(out, metric.name, metric.type, metric.help);
        pa_pools_each(service->config.pools, write_pool, &metric);
    }
}

static void write_sessions(struct pa_service *service, struct pa_buf *out) {
    if (!service->config.sessions)
        return;
    struct pa_sessions_stats stats;
    pa_sessions_stats(service->config.sessions, &stats);
    pa_exposition_gauge(out, "polyagent_sessions", "Sessions that are alive.", stats.alive);
    pa_exposition_gauge(out, "polyagent_sessions_busy", "Sessions that run something.", stats.busy);
    pa_exposition_gauge(out, "polyagent_session_checkpoints", "Checkpoints that are kept.",
                        stats.checkpoints);
    pa_exposition_gauge(out, "polyagent_sessions_memory_bytes",
                        "Memory that sessions and checkpoints hold while they wait.",
                        (double)stats.memory_bytes);
    pa_exposition_gauge(out, "polyagent_sessions_memory_limit_bytes",
                        "server.sessions_memory_bytes.",
                        (double)pa_server_sessions_memory(&service->config.config->server));
    pa_exposition_counter(out, "polyagent_sessions_created_total", "Sessions made.",
                          (double)stats.created);
    pa_exposition_counter(out, "polyagent_sessions_forked_total", "Forks of sessions.",
                          (double)stats.forked);
    pa_exposition_counter(out, "polyagent_sessions_ended_total", "Sessions that were ended.",
                          (double)stats.ended);
    pa_exposition_counter(out, "polyagent_sessions_expired_total", "Sessions ended by their age.",
                          (double)stats.expired);
    pa_exposition_counter(out, "polyagent_sessions_lost_total", "Sessions whose process died.",
                          (double)stats.lost);
    pa_exposition_counter(out, "polyagent_session_turns_total", "Turns of sessions.",
                          (double)stats.turns);
}

/* --- stores ----------------------------------------------------------------------------------- */

static void write_stores(struct pa_service *service, struct pa_buf *out) {
    struct pa_cache_entry *entries = NULL;
    size_t count = 0;
    double bytes = 0;
    if (service->config.executor &&
        pa_cache_list(pa_executor_cache(service->config.executor), &entries, &count, NULL) == 0) {
        for (size_t i = 0; i < count; i++)
            bytes += (double)entries[i].bytes;
        free(entries);
        pa_exposition_gauge(out, "polyagent_cache_bytes", "Compiled modules, together.", bytes);
        pa_exposition_gauge(out, "polyagent_cache_modules", "Compiled modules.", (double)count);
    }
    if (service->config.modules)
        pa_exposition_gauge(out, "polyagent_modules_bytes", "Modules stored by digest, together.",
                            (double)pa_modules_bytes(service->config.modules));
    if (service->config.audit)
        pa_exposition_counter(out, "polyagent_audit_lost_total",
                              "Records of the audit log that could not be written.",
                              (double)pa_audit_lost(service->config.audit));
    if (service->config.tracer)
        pa_exposition_counter(out, "polyagent_spans_dropped_total", "Spans that could not be sent.",
                              (double)pa_tracer_dropped(service->config.tracer));
}

/* --- the process, by the names that Prometheus has for it ------------------------------------- */

static double open_descriptors(void) {
    DIR *listing = opendir("/proc/self/fd");
    double count = -3; /* ".", ".." and the listing itself */
    while (listing && readdir(listing))
        count++;
    if (listing)
        closedir(listing);
    return listing ? count : 0;
}

static double resident_bytes(void) {
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void write_process(const struct pa_service *service, struct pa_buf *out) {
    struct rusage usage = {0};
    struct rlimit files = {0};
    getrusage(RUSAGE_SELF, &usage);
    getrlimit(RLIMIT_NOFILE, &files);
    pa_exposition_counter(out, "process_cpu_seconds_total", "CPU time of the server itself.",
                          seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    pa_exposition_gauge(out, "process_resident_memory_bytes", "Memory of the server itself.",
                        resident_bytes());
    pa_exposition_gauge(out, "process_open_fds", "Open descriptors.", open_descriptors());
    pa_exposition_gauge(out, "process_max_fds", "Most descriptors.", (double)files.rlim_cur);
    pa_exposition_gauge(out, "process_start_time_seconds", "When the server started.",
                        (double)service->started_ns / PA_NS_PER_S);
}

void pa_service_metrics(struct pa_service *service, struct pa_buf *out) {
    pa_exposition_head(out, "polyagent_build_info", "gauge", "What this is; always 1.");
    pa_exposition_sample(out, "polyagent_build_info", 1, "version", PA_VERSION, "wasmtime",
                         PA_WASMTIME_VERSION, NULL);
    pa_metrics_text(service->metrics, out);
    write_queue(service, out);
    write_pools(service, out);
    write_sessions(service, out);
    write_stores(service, out);
    write_process(service, out);
}
