/*
 * The supervisor's side of host calls (calls.h): of one run, what was asked, what was answered.
 *
 *     desk = pa_call_desk_new(offer, &err)                  offer NULL: every call is refused
 *     pa_call_desk_take(desk, line, size)                   a CALL of the worker's
 *     pa_call_desk_fd(desk)                                 readable: there is an answer to send
 *     while (pa_call_desk_next(desk, &reply)) ...           the payloads of REPLY
 *     records = pa_call_desk_close(desk)                    once; calls that are open outlive it
 *
 * Threads: the run's alone, but for answering.
 */
#ifndef PA_RUN_CALL_DESK_H
#define PA_RUN_CALL_DESK_H

#include "base/buf.h"
#include "run/calls.h"

struct pa_call_desk;
struct pa_call_desk *pa_call_desk_new(const struct pa_call_offer *offer, struct pa_error *err);
int pa_call_desk_fd(const struct pa_call_desk *desk);

/* Whatever the line is, there will be a reply to it.  False when the run has made more calls than
 * it may. */
bool pa_call_desk_take(struct pa_call_desk *desk, const uint8_t *line, size_t size);

/* Appends the next reply, a line, to the empty `ret`; false when there is none. */
bool pa_call_desk_next(struct pa_call_desk *desk, struct pa_buf *ret);

/* [{"name", "arguments_bytes", "arguments_sha256", "duration_ms", "status": "ok" | "error" |
 * "refused" | "abandoned"}], in the order of the calls; the caller's.  The desk is gone. */
json_t *pa_call_desk_close(struct pa_call_desk *desk);

#endif
