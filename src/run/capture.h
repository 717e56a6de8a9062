/*
 * One output stream of a run under its limit: the head goes on, the tail is kept, what lies between
 * is left out and the place marked.
 *
 *     head: the first `head_max` bytes, passed on at once
 *     tail: a ring of the last `tail_max` bytes after that, passed on at the end
 *
 * When the head goes to a sink, it is the whole limit (so nothing below the limit is held back);
 * when it is kept for an outcome, head and tail together are the limit.
 */
#ifndef PA_RUN_CAPTURE_H
#define PA_RUN_CAPTURE_H

#include "base/buf.h"

/* Takes all bytes.  Returns -1 when nobody wants more (the stream is then dropped). */
typedef int pa_capture_emit(void *context, const void *bytes, size_t size);

struct pa_capture {
    const char *limit_name; /* for the marker: "stdout_bytes" */
    uint64_t head_max;      /* PA_UNLIMITED: everything is head */
    size_t tail_max;
    uint64_t total; /* bytes pushed */
    uint8_t *tail;  /* allocated when the head is full */
    pa_capture_emit *emit;
    void *context;
};

void pa_capture_init(struct pa_capture *capture, const char *limit_name, uint64_t limit,
                     bool to_sink, pa_capture_emit *emit, void *context);
int pa_capture_push(struct pa_capture *capture, const void *bytes, size_t size);

/* Emits the marker and the tail, if there are; true if something was left out. */
bool pa_capture_finish(struct pa_capture *capture);
void pa_capture_done(struct pa_capture *capture);

#endif
