/*
 * Bytes from a thread that produces them to the connection that sends them on, through a bounded
 * queue: a reply that is told as it happens.
 *
 *     struct pa_http_stream *stream = pa_http_stream_new();        for the producer
 *     pa_http_reply_stream(request, 200, "application/x-ndjson", stream)
 *     ... in the producer's thread ...
 *     pa_http_stream_push(stream, line, size)      waits while the queue is full
 *     pa_http_stream_end(stream);                  the reply is complete
 *     pa_http_stream_unref(stream);
 *
 * Threads: one pushes, any one at a time; the connection's own takes.  Counted.
 */
#ifndef PA_SERVER_HTTP_STREAM_H
#define PA_SERVER_HTTP_STREAM_H

#include "server/http/http_internal.h"

struct pa_http_stream;

struct pa_http_stream *pa_http_stream_new(void); /* NULL: no descriptors are left */
struct pa_http_stream *pa_http_stream_ref(struct pa_http_stream *stream);
struct pa_http_stream *pa_http_stream_unref(struct pa_http_stream *stream); /* NULL */

/* Sent when nothing else was for 15 s, so that what lies between knows that both ends live. */
void pa_http_stream_heartbeat(struct pa_http_stream *stream, const char *literal);

/* False when nobody takes any more: the client has gone, or took nothing for its time. */
bool pa_http_stream_push(struct pa_http_stream *stream, const void *bytes, size_t size);
void pa_http_stream_end(struct pa_http_stream *stream);

/* Readable when what the stream tells of is to be cancelled: the client has hung up, all is to be
 * given up, or nobody takes any more.  The caller's to close; -1 with errno.  `stream` NULL: nobody
 * is told, and only giving up all counts. */
int pa_http_stream_cancel_fd(const struct pa_http_request *request,
                             const struct pa_http_stream *stream);

/* The connection takes a reference. */
int pa_http_reply_stream(struct pa_http_request *request, unsigned status, const char *content_type,
                         struct pa_http_stream *stream);

#endif
