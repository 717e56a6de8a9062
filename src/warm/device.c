/*
 * /dev/sandbox: how a guest of any language talks to the sandbox (languages/PROTOCOL.md).
 *
 *     request   reading gives the next message; a read of 0 bytes ends it; the read after that waits
 *               for the next one: the checkpoint
 *     result    what is written goes to the supervisor as it is: lines of JSON
 *
 * The position in a message belongs to the process, not to an open file: it does not matter through
 * which descriptor a guest reads, and a warm process may keep one open.
 */
#include "warm/worker.h"

static ssize_t read_request(void *context, void *out, size_t size) {
    struct pa_worker *worker = context;
    if (!worker->reading) {
        if (!pa_worker_next_request(worker))
            return 0;
        worker->reading = true;
        worker->request_at = 0;
    }
    const struct pa_run_message *message = &worker->message;
    size_t n = PA_MIN(size, message->request_size - worker->request_at);
    if (n)
        memcpy(out, message->request + worker->request_at, n);
    else
        worker->reading = false; /* the 0 that ends the message */
    worker->request_at += n;
    return (ssize_t)n;
}

static int write_result(void *context, const void *bytes, size_t size) {
    struct pa_worker *worker = context;
    return pa_channel_send(&worker->channel, PA_FRAME_RESULT, bytes, size);
}

void pa_worker_devices(struct pa_worker *worker, struct pa_stream_device ret[PA_WORKER_DEVICES]) {
    ret[0] = (struct pa_stream_device){"sandbox/request", {.context = worker, .read = read_request}};
    ret[1] = (struct pa_stream_device){"sandbox/result", {.context = worker, .write = write_result}};
}
