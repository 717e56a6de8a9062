/*
 * Host calls on their way between the guest of a run and the client that offers the tools.
 *
 *     pa_host_calls_new(approval_url, &calls, &err)
 *     run = pa_host_calls_begin(calls, &how)              a run begins
 *     pa_host_calls_take(run, call)                       its guest asks: `tell` tells the client
 *     pa_host_calls_answer(calls, &answer, &err)          the client answers, on any door
 *     pa_host_calls_end(run)                              what is open is nobody's any more
 *     pa_host_calls_free(calls)                           when no run is left
 *
 * A call is open until it is answered, the run ends, or `timeout_ms` of its tool is over: the guest
 * then gets an error.  With an approval URL each call is first posted there as
 *
 *     {"run_id", "caller", "call_id", "name", "arguments"}
 *
 * and told to the client only if 200 with {"allow": true} comes back in PA_APPROVAL_MS; {"reason":
 * "..."} is what the guest is told otherwise.
 *
 * Threads: take belongs to the run's; answer to any.
 */
#ifndef PA_SERVER_HOST_CALLS_H
#define PA_SERVER_HOST_CALLS_H

#include "run/calls.h"

#define PA_APPROVAL_MS 10000

struct pa_host_calls;
int pa_host_calls_new(const char *approval_url, struct pa_host_calls **ret, struct pa_error *err);
struct pa_host_calls *pa_host_calls_free(struct pa_host_calls *calls); /* NULL is fine */

struct pa_host_calls_how {
    const char *run_id, *caller; /* copied */
    const json_t *tools;         /* the offer; a reference is taken */
    /* From the run's thread or another one, not after pa_host_calls_end. */
    void (*tell)(void *context, uint64_t call_id, const char *name, const json_t *arguments);
    void *context;
};
struct pa_host_run;
struct pa_host_run *pa_host_calls_begin(struct pa_host_calls *calls,
                                        const struct pa_host_calls_how *how);
void pa_host_calls_take(struct pa_host_run *run, struct pa_call *call);
void pa_host_calls_end(struct pa_host_run *run); /* NULL is fine */

struct pa_host_answer {
    const char *caller, *run_id;
    uint64_t call_id;
    const json_t *result; /* any value; or ... */
    const char *error;    /* ... why there is none */
};
/* NOT_FOUND where no such call is open. */
int pa_host_calls_answer(struct pa_host_calls *calls, const struct pa_host_answer *answer,
                         struct pa_error *err);

#endif
