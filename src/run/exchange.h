/*
 * One request to a process that waits at its checkpoint, and its reply.
 *
 *     pa_exchange(worker, PA_FRAME_FILE, bytes, size, -1, deadline_ns, PA_FRAME_FILE_DONE, &reply,
 *                 &err)
 *     ... reply.payload ...
 *     pa_reply_done(&reply);
 *
 * The process is a guest's, so what it says may be anything, and it may say nothing: the exchange
 * ends at the deadline (monotonic) or with the process.  Whoever gets -1 has a process that cannot
 * be talked to any more: kill it.  RUN is not for here (supervise.h).
 */
#ifndef PA_RUN_EXCHANGE_H
#define PA_RUN_EXCHANGE_H

#include "run/supervise.h"

struct pa_reply {
    struct pa_buf payload;
    int fd; /* that came along, or -1 */
};

/* `fd` goes along unless it is -1; it stays the caller's. */
int pa_exchange(const struct pa_worker *worker, enum pa_frame_type type, const void *payload,
                size_t size, int fd, uint64_t deadline_ns, enum pa_frame_type wanted,
                struct pa_reply *ret, struct pa_error *err);
void pa_reply_done(struct pa_reply *reply);

#endif
