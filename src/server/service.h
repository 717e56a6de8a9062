/*
 * The service: what all doors (gRPC, HTTP, MCP) call, so that keys, queues, limits, metrics, logs
 * and the account of runs are the same through each.
 *
 *     pa_service_new(&config, &service, &err)
 *     pa_service_authenticate(service, "http", key, &caller, &err)
 *     pa_service_call(service, &call, &reply, &err)        blocks until the run has ended
 *     pa_service_reply_done(&reply); pa_caller_unref(caller);
 *     pa_service_drain(service, deadline_ns)               no new runs; waits for those there are
 *     pa_service_free(service)
 *
 * A call: the caller's scopes, its rate, the parameters (all faults at once), the queue (fair per
 * caller, bounded; full is RESOURCE_EXHAUSTED at once, with when to try again), the run, the
 * account: metrics, one log line, one audit record, a trace span.
 *
 * Threads: all but new and free from any; a call blocks its thread.
 */
#ifndef PA_SERVER_SERVICE_H
#define PA_SERVER_SERVICE_H

#include "config/config.h"
#include "tools/tools.h"

#define PA_RUN_ID_TEXT 40 /* "r-" and 32 hexadecimal digits */
#define PA_TRACE_TEXT  64 /* a traceparent, https://www.w3.org/TR/trace-context/ */

struct pa_service_config {
    const struct pa_config *config; /* borrowed: its server part */
    struct pa_toolbox *toolbox;     /* borrowed */
    struct pa_pools *pools;         /* borrowed; for metrics and readiness */
    struct pa_sessions *sessions;   /* borrowed; NULL: none */
    struct pa_executor *executor;   /* borrowed; for metrics of its cache; NULL: none */
    struct pa_modules *modules;     /* borrowed, as the next two; NULL: none are stored */
    struct pa_audit *audit;         /* NULL: no audit log */
    struct pa_tracer *tracer;       /* NULL: spans go nowhere */
};

struct pa_service;
int pa_service_new(const struct pa_service_config *config, struct pa_service **ret,
                   struct pa_error *err);
struct pa_service *pa_service_free(struct pa_service *service);
struct pa_toolbox *pa_service_toolbox(struct pa_service *service);
struct pa_sessions *pa_service_sessions(struct pa_service *service);

/* Reads keys and what else may change while it serves (SIGHUP).  On an error all stays as it was.
 */
int pa_service_reload(struct pa_service *service, const struct pa_config *config,
                      struct pa_error *err);

/* Who asks.  Counted; immutable. */
struct pa_caller;
/* `door` as in struct pa_service_call, for logs and metrics; `credential` is the text of
 * "Authorization: Bearer ..." or of "x-api-key" without its prefix, or NULL.  Without configured
 * keys everybody is the caller "local".  UNAUTHENTICATED otherwise; the message never has the key.
 */
int pa_service_authenticate(struct pa_service *service, const char *door, const char *credential,
                            struct pa_caller **ret, struct pa_error *err);
struct pa_caller *pa_caller_ref(struct pa_caller *caller);
struct pa_caller *pa_caller_unref(struct pa_caller *caller); /* NULL */
const char *pa_caller_name(const struct pa_caller *caller);
/* "tools", "sessions", "modules", "runs", "metrics": scopes of a door's other resources. */
bool pa_caller_may(const struct pa_caller *caller, const char *scope);
bool pa_caller_may_use(const struct pa_caller *caller, const char *tool);

struct pa_service_call {
    struct pa_caller *caller;
    const char *door; /* "grpc", "http", "mcp", "e2b": for logs and metrics */
    const char *tool;
    const json_t *parameters;            /* an object */
    const char *traceparent;             /* NULL: starts a trace */
    uint64_t deadline_ns;                /* monotonic; PA_NEVER */
    int cancel_fd;                       /* -1, or readable when the caller gives up */
    const struct pa_tool_events *events; /* NULL: none.  "queued" is a phase, too */
    /* Told at once, before anything waits, on the calling thread; NULL: nobody is told. */
    void (*began)(void *context, const char *run_id);
    /* The guest calls one of the `tools` that the parameters offer; pa_service_answer answers. From
     * any thread, never beside another one or an event.  NULL: the door cannot tell its client, and
     * `no_calls` says what the client is to do instead. */
    void (*call)(void *context, uint64_t call_id, const char *name, const json_t *arguments);
    const char *no_calls;
    void *context;
};

struct pa_service_reply {
    char run_id[PA_RUN_ID_TEXT];     /* "" where the call was refused before it was a run */
    char traceparent[PA_TRACE_TEXT]; /* of this run's span */
    json_t *outcome;                 /* of a success: as tools.h says, with "run_id" */
    json_t *faults;                  /* of INVALID_ARGUMENT: an array; else NULL */
    uint64_t retry_after_ms;         /* of RESOURCE_EXHAUSTED and UNAVAILABLE; else 0 */
};
void pa_service_reply_done(struct pa_service_reply *reply);

/* 0 with reply->outcome: the run ended, however.  -1 with *err: the caller's mistake or the host's
 * trouble.  *reply is filled either way. */
int pa_service_call(struct pa_service *service, const struct pa_service_call *call,
                    struct pa_service_reply *reply, struct pa_error *err);

/* Runs, by id: {"run_id", "state": "queued" | "running" | "done", "tool", "started_at", ...,
 * "outcome" once done}.  Kept for a while (server.runs_kept_ms).  A caller sees its own; others'
 * are NOT_FOUND. */
int pa_service_run(struct pa_service *service, const struct pa_caller *caller, const char *run_id,
                   json_t **ret, struct pa_error *err);
int pa_service_cancel(struct pa_service *service, const struct pa_caller *caller,
                      const char *run_id, struct pa_error *err);

/* Answers a call of a run's guest: with a result (any value), or with the `error` why there is
 * none. NOT_FOUND where it is not open (any more). */
int pa_service_answer(struct pa_service *service, const struct pa_caller *caller,
                      const char *run_id, uint64_t call_id, const json_t *result, const char *error,
                      struct pa_error *err);

/* A file that a run kept (keep_files), to be given back with pa_kept_file_done (kept.h). */
struct pa_kept_file;
int pa_service_file(struct pa_service *service, const struct pa_caller *caller, const char *run_id,
                    const char *path, struct pa_kept_file *ret, struct pa_error *err);

/* The caller's volumes (run/volumes.h). */
int pa_service_volumes(struct pa_service *service, const struct pa_caller *caller, json_t **ret,
                       struct pa_error *err);
int pa_service_remove_volume(struct pa_service *service, const struct pa_caller *caller,
                             const char *name, struct pa_error *err);
/* PERMISSION_DENIED where its key says so (volumes: false). */
int pa_service_check_volumes(const struct pa_caller *caller, struct pa_error *err);

/* Modules by digest: stores what `fd` holds, up to the module limit; the same module again is no
 * error.  The text of its SHA-256 goes to ret_digest. */
int pa_service_put_module(struct pa_service *service, const struct pa_caller *caller, int fd,
                          char ret_digest[PA_DIGEST_TEXT], struct pa_error *err);

/* How large the stored module of that digest is; NOT_FOUND. */
int pa_service_find_module(struct pa_service *service, const char *digest, uint64_t *ret_bytes,
                           struct pa_error *err);

/* True when it can serve: not draining, and what is to be warm is. `why` (may be NULL) says why
 * not. */
bool pa_service_ready(struct pa_service *service, char *why, size_t room);
int pa_service_drain(struct pa_service *service, uint64_t deadline_ns);

/* Prometheus text format 0.0.4. */
void pa_service_metrics(struct pa_service *service, struct pa_buf *out);

#endif
