/*
 * The worker's end of the run channel, once the request was received: frames out, standard input
 * and replies to host calls in.
 *
 * Standard input is pulled: the worker says STDIN_WANT, the supervisor answers with one STDIN frame
 * when there is something (empty: the end).  So neither side ever holds more than one chunk, and
 * output is never stuck behind input that the guest does not read.  A reply comes when it is there;
 * one that comes while the guest waits for input is kept until it asks.
 *
 * Only read, write and poll are used on the socket, which is all that the jail leaves.
 * Threads: one.  After fork() the child must be given a socket of its own (pa_channel_init).
 */
#ifndef PA_WARM_CHANNEL_H
#define PA_WARM_CHANNEL_H

#include "base/log.h"
#include "warm/frame.h"
#include "wasi/wasi.h"

#define PA_STDIN_CHUNK 65536u

struct pa_channel {
    int socket;
    bool want_sent; /* a STDIN_WANT is on its way */
    bool stdin_ended;
    size_t stdin_at, stdin_size; /* what is left of `stdin_bytes` */
    uint8_t stdin_bytes[PA_STDIN_CHUNK];
    struct pa_buf call;    /* the beginning of a line that the guest has not finished */
    struct pa_buf replies; /* lines; from `replies_at` on not read yet */
    size_t replies_at;
    unsigned calls_open; /* replies that are still to come */
};

void pa_channel_init(struct pa_channel *channel, int socket);

/* For the next request: nothing is left of the input and the calls of the one before. */
void pa_channel_begin(struct pa_channel *channel);

/* Blocks until the whole frame is written.  -1 with errno (EPIPE: the supervisor is gone). */
int pa_channel_send(struct pa_channel *channel, enum pa_frame_type type, const void *payload,
                    size_t size);

/* Blocks for the next frame, of at most PA_FRAME_MAX_REQUEST bytes and without descriptors.  -1
 * with errno (EPIPE: the supervisor is gone). */
int pa_channel_receive(struct pa_channel *channel, struct pa_frame *ret, struct pa_buf *payload);

/* The three standard streams of a guest over this channel. */
void pa_channel_streams(struct pa_channel *channel, struct pa_wasi_config *config);

/* /dev/sandbox/call over this channel: lines out, lines in; the end of the file where no reply is
 * to come. */
struct pa_stream pa_channel_calls(struct pa_channel *channel);

/* A sink for pa_log_set_sink: log lines become LOG frames. */
void pa_channel_log(void *channel, enum pa_log_level level, const char *component,
                    const char *message);

#endif
