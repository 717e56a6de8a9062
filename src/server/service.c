/*
 * The service's life, its callers, and what it knows of runs.  A call's way through it is in
 * call.c.
 */
#include "server/service_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/volumes.h"
#include <inttypes.h>

static void hold_memory(void *context, uint64_t held_bytes) {
    pa_scheduler_hold(context, held_bytes);
}

static struct pa_scheduler_limits limits_of(const struct pa_server_settings *settings) {
    return (struct pa_scheduler_limits){.running_most = pa_server_running_most(settings),
                                        .memory_most = pa_server_memory_most(settings),
                                        .queued_most = settings->max_queued};
}

int pa_service_new(const struct pa_service_config *config, struct pa_service **ret,
                   struct pa_error *err) {
    const struct pa_server_settings *settings = &config->config->server;
    struct pa_host_calls *host_calls;
    struct pa_callers *callers;
    if (pa_host_calls_new(settings->calls_approval_url, &host_calls, err) < 0)
        return -1;
    if (pa_callers_load(settings, NULL, &callers, err) < 0) {
        pa_host_calls_free(host_calls);
        return -1;
    }
    struct pa_service *service = pa_xcalloc(1, sizeof(*service));
    service->host_calls = host_calls;
    service->kept = pa_kept_new(&(struct pa_kept_config){.bytes = settings->files_kept_bytes,
                                                         .runs = settings->runs_kept,
                                                         .kept_ms = settings->runs_kept_ms});
    service->config = *config;
    service->callers = callers;
    service->limits = limits_of(settings);
    service->scheduler = pa_scheduler_new(&service->limits);
    if (config->sessions)
        pa_sessions_on_memory(config->sessions, hold_memory, service->scheduler);
    service->runs = pa_runs_new(&(struct pa_runs_config){.kept = settings->runs_kept,
                                                         .kept_bytes = settings->runs_kept_bytes,
                                                         .kept_ms = settings->runs_kept_ms});
    service->metrics = pa_metrics_new();
    service->started_ns = pa_clock_realtime_ns();
    atomic_init(&service->queued_most_per_caller, settings->max_queued_per_caller);
    pthread_rwlock_init(&service->lock, NULL);
    *ret = service;
    return 0;
}

struct pa_service *pa_service_free(struct pa_service *service) {
    if (!service)
        return NULL;
    pa_runs_free(service->runs);
    pa_host_calls_free(service->host_calls);
    pa_kept_free(service->kept);
    if (service->config.sessions)
        pa_sessions_on_memory(service->config.sessions, NULL, NULL);
    pa_scheduler_free(service->scheduler);
    pa_metrics_free(service->metrics);
    pa_callers_free(service->callers);
    pthread_rwlock_destroy(&service->lock);
    free(service);
    return NULL;
}

struct pa_toolbox *pa_service_toolbox(struct pa_service *service) {
    return service->config.toolbox;
}

struct pa_sessions *pa_service_sessions(struct pa_service *service) {
    return service->config.sessions;
}

int pa_service_reload(struct pa_service *service, const struct pa_config *config,
                      struct pa_error *err) {
    struct pa_callers *callers;
    /* Only this replaces the callers, and it is one thread's. */
    if (pa_callers_load(&config->server, service->callers, &callers, err) < 0)
        return -1;
    if (service->config.audit && pa_audit_reopen(service->config.audit, err) < 0) {
        pa_callers_free(callers);
        return -1;
    }
    pthread_rwlock_wrlock(&service->lock);
    struct pa_callers *before = service->callers;
    service->callers = callers;
    pthread_rwlock_unlock(&service->lock);
    pa_callers_free(before);
    atomic_store(&service->queued_most_per_caller, config->server.max_queued_per_caller);
    return 0;
}

int pa_service_authenticate(struct pa_service *service, const char *door, const char *credential,
                            struct pa_caller **ret, struct pa_error *err) {
    pthread_rwlock_rdlock(&service->lock);
    int done = pa_callers_find(service->callers, credential, ret, err);
    pthread_rwlock_unlock(&service->lock);
    if (done < 0) {
        pa_metrics_refused(service->metrics, door, PA_ERR_UNAUTHENTICATED);
        pa_log_info("server", "a request over %s: %s", door, err->message);
    }
    return done;
}

/* --- runs ------------------------------------------------------------------------------------- */

static int check_scope(const struct pa_caller *caller, const char *scope, struct pa_error *err) {
    return pa_caller_may(caller, scope)
               ? 0
               : pa_fail(err, PA_ERR_PERMISSION_DENIED, "the key of %s has no scope '%s'",
                         pa_caller_name(caller), scope);
}

int pa_service_run(struct pa_service *service, const struct pa_caller *caller, const char *run_id,
                   json_t **ret, struct pa_error *err) {
    if (check_scope(caller, "runs", err) < 0)
        return -1;
    return pa_runs_describe(service->runs, pa_caller_name(caller), run_id, ret, err);
}

int pa_service_cancel(struct pa_service *service, const struct pa_caller *caller,
                      const char *run_id, struct pa_error *err) {
    if (check_scope(caller, "runs", err) < 0)
        return -1;
    return pa_runs_cancel(service->runs, pa_caller_name(caller), run_id, err);
}

int pa_service_answer(struct pa_service *service, const struct pa_caller *caller,
                      const char *run_id, uint64_t call_id, const json_t *result, const char *error,
                      struct pa_error *err) {
    const struct pa_host_answer answer = {.caller = pa_caller_name(caller),
                                          .run_id = run_id,
                                          .call_id = call_id,
                                          .result = result,
                                          .error = error};
    if (check_scope(caller, "tools", err) < 0)
        return -1;
    return pa_host_calls_answer(service->host_calls, &answer, err);
}

int pa_service_file(struct pa_service *service, const struct pa_caller *caller, const char *run_id,
                    const char *path, struct pa_kept_file *ret, struct pa_error *err) {
    if (check_scope(caller, "runs", err) < 0)
        return -1;
    return pa_kept_get(service->kept, pa_caller_name(caller), run_id, path, ret, err);
}

/* --- volumes ---------------------------------------------------------------------------------- */

int pa_service_check_volumes(const struct pa_caller *caller, struct pa_error *err) {
    return pa_caller_may_volumes(caller)
               ? 0
               : pa_fail(err, PA_ERR_PERMISSION_DENIED, "the key of %s is not for volumes",
                         pa_caller_name(caller));
}

/* Sessions that were have left warm processes, which hold their volumes for the next one. */
static void release_volumes(struct pa_service *service, const struct pa_volumes *volumes,
                            const char *owner) {
    PA_CLEANUP(pa_freep) char *folder = pa_volumes_folder(volumes, owner);
    if (folder && service->config.pools)
        pa_pools_release(service->config.pools, folder);
}

int pa_service_volumes(struct pa_service *service, const struct pa_caller *caller, json_t **ret,
                       struct pa_error *err) {
    const struct pa_volumes volumes = pa_toolbox_volumes(service->config.toolbox);
    if (check_scope(caller, "tools", err) < 0 || pa_service_check_volumes(caller, err) < 0)
        return -1;
    release_volumes(service, &volumes, pa_caller_name(caller));
    return pa_volumes_list(&volumes, pa_caller_name(caller), ret, err);
}

int pa_service_remove_volume(struct pa_service *service, const struct pa_caller *caller,
                             const char *name, struct pa_error *err) {
    const struct pa_volumes volumes = pa_toolbox_volumes(service->config.toolbox);
    if (check_scope(caller, "tools", err) < 0 || pa_service_check_volumes(caller, err) < 0)
        return -1;
    release_volumes(service, &volumes, pa_caller_name(caller));
    return pa_volume_remove(&volumes, pa_caller_name(caller), name, err);
}

/* --- modules ---------------------------------------------------------------------------------- */

int pa_service_put_module(struct pa_service *service, const struct pa_caller *caller, int fd,
                          char ret_digest[PA_DIGEST_TEXT], struct pa_error *err) {
    if (check_scope(caller, "modules", err) < 0)
        return -1;
    if (!service->config.modules)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "this server stores no modules (server.modules_bytes is 0)");
    uint64_t most = PA_MIN(service->config.config->policy.limits.module_bytes,
                           pa_caller_ceilings(caller)->limits.module_bytes);
    return pa_modules_put(service->config.modules, fd, most, ret_digest, err);
}

int pa_service_find_module(struct pa_service *service, const char *digest, uint64_t *ret_bytes,
                           struct pa_error *err) {
    if (!service->config.modules)
        return pa_fail(err, PA_ERR_NOT_FOUND,
                       "this server stores no modules (server.modules_bytes is 0)");
    return pa_modules_find(service->config.modules, digest, ret_bytes, err);
}

/* --- being there ------------------------------------------------------------------------------ */

struct readiness {
    bool ready;
    char *why;
    size_t room;
};

static void look_at_pool(void *context, const char *kind, const struct pa_pool_stats *stats) {
    struct readiness *readiness = context;
    /* A root that only a request asked for, and that may never start, is that caller's affair. */
    if (stats->ready || !stats->stays || !readiness->ready)
        return;
    readiness->ready = false;
    if (readiness->why)
        snprintf(readiness->why, readiness->room, "%s is not ready: %s", kind,
                 *stats->trouble ? stats->trouble : "it starts");
}

bool pa_service_ready(struct pa_service *service, char *why, size_t room) {
    struct readiness readiness = {true, why, room};
    if (why)
        snprintf(why, room, "draining");
    if (atomic_load(&service->draining))
        return false;
    if (service->config.pools)
        pa_pools_each(service->config.pools, look_at_pool, &readiness);
    if (readiness.ready && why)
        *why = 0;
    return readiness.ready;
}

int pa_service_drain(struct pa_service *service, uint64_t deadline_ns) {
    atomic_store(&service->draining, true);
    if (pa_runs_wait(service->runs, deadline_ns) == 0)
        return 0;
    pa_log_warn("server", "%zu runs are cancelled: server.drain_ms is over",
                pa_runs_alive(service->runs));
    pa_runs_cancel_all(service->runs);
    pa_runs_wait(service->runs, PA_NEVER);
    return -1;
}
