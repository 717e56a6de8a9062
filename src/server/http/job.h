/*
 * A call of a tool on a thread of its own: one that is told about while it lasts, or one that
 * nobody waits for (Prefer: respond-async).
 *
 *     struct pa_http_job_call call = {request, "python_executor", parameters, &teller};
 *     pa_http_job_start(&call, &err)       replies, once the run has begun or was refused
 *
 * A call that is refused before it is a run is an ordinary problem with its own status; from then
 * on how it ends is the last event.
 */
#ifndef PA_SERVER_HTTP_JOB_H
#define PA_SERVER_HTTP_JOB_H

#include "server/http/stream.h"

struct pa_http_job;

/* A format of events.  Each is called in the thread of the run unless it says otherwise, and may be
 * NULL; what they write with pa_http_job_write goes to the client. */
struct pa_http_teller {
    const char *content_type, *heartbeat;
    const char *door; /* for logs and metrics: "http", "e2b" */
    /* Of a run that was queued, and the first. */
    void (*began)(struct pa_http_job *job, const char *run_id);
    void (*phase)(struct pa_http_job *job, const char *phase);
    void (*output)(struct pa_http_job *job, enum pa_output output, const char *text, size_t size);
    void (*result)(struct pa_http_job *job, const json_t *message);
    /* The guest calls a tool of the client's; in another thread, but never beside the rest. */
    void (*call)(struct pa_http_job *job, const char *run_id, uint64_t call_id, const char *name,
                 const json_t *arguments);
    /* Of a run that had an outcome reply->outcome is it; else `problem` is. */
    void (*ended)(struct pa_http_job *job, const struct pa_service_reply *reply,
                  const json_t *problem);
};

/* Writes one event; what comes after nobody listens is dropped, and cancels the run. */
void pa_http_job_write(struct pa_http_job *job, const void *bytes, size_t size);

const struct pa_http_teller *pa_http_job_teller(const struct pa_http_job *job);
uint64_t pa_http_job_count(const struct pa_http_job *job);

/* A value that a teller keeps between events: at first what the call said; the job's. */
json_t **pa_http_job_memory(struct pa_http_job *job);

struct pa_http_job_call {
    struct pa_http_request *request;
    const char *tool;
    json_t *parameters;                  /* taken over */
    const struct pa_http_teller *teller; /* NULL: 202, and its outcome is at /v1/runs/{id} */
    uint64_t count;                      /* for the teller: pa_http_job_count */
    json_t *memory;                      /* for the teller: pa_http_job_memory; taken over */
};

/* 0 once it has replied; -1 with *err when the call was refused. */
int pa_http_job_start(const struct pa_http_job_call *call, struct pa_error *err);

#endif
