/*
 * The HTTP door: /v1, MCP's streamable HTTP, metrics and health over the service; and, where it is
 * switched on, the code interpreter's wire format of E2B on its own port.
 *
 *     pa_http_new(&config, &door, &err)         binds; nobody is answered yet
 *     pa_http_start(door, &err)                 starts its threads
 *     pa_http_stop(door, deadline_ns)           no new requests; waits for those there are
 *     pa_http_free(door)
 *
 * What a request brings goes to pa_service_call: the credential of `Authorization: Bearer` or
 * `X-Api-Key`, `traceparent`; errors are problem+json (RFC 9457) with the status of base/error.h.
 *
 * Threads: new, start, stop and free belong to one.
 */
#ifndef PA_SERVER_HTTP_HTTP_H
#define PA_SERVER_HTTP_HTTP_H

#include "server/service.h"
#include "server/tls.h"

struct pa_http;

enum pa_http_kind {
    PA_HTTP_API, /* settings->http_listen */
    PA_HTTP_E2B, /* settings->e2b_listen */
};

struct pa_http_config {
    struct pa_service *service;                /* borrowed, outlives the door */
    const struct pa_server_settings *settings; /* borrowed: listens, request_bytes ... */
    struct pa_tls *tls;                        /* borrowed; NULL: in the clear */
    enum pa_http_kind kind;
    int listener; /* a socket that listens, of socket activation; -1: bind.  Taken over when this
                     returns 0 */
};

/* Binds.  UNAVAILABLE when the port is in use, saying by its message what to do. */
int pa_http_new(const struct pa_http_config *config, struct pa_http **ret, struct pa_error *err);

int pa_http_start(struct pa_http *door, struct pa_error *err);

/* Accepts no more and waits for the requests there are until `deadline_ns` (monotonic); then
 * cancels them and waits for their end.  /healthz and /readyz are answered until the end.  Each
 * request has been answered when this returns.  0 when none had to be cancelled, else -1.  Also of
 * a door that was never started. */
int pa_http_stop(struct pa_http *door, uint64_t deadline_ns);
struct pa_http *pa_http_free(struct pa_http *door); /* stops at once if it was not stopped */

/* "http://127.0.0.1:8080" ("https://" with TLS), with the port that was bound where 0 was asked
 * for; as long as the door. */
const char *pa_http_address(const struct pa_http *door);

#endif
