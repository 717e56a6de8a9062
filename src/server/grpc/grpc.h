/*
 * The gRPC door: proto/ served over the service.
 *
 *     pa_grpc_new(&config, &door, &err)         binds; nobody is answered yet
 *     pa_grpc_start(door, &err)                 starts its threads
 *     pa_grpc_stop(door, deadline_ns)           no new calls; waits for those there are
 *     pa_grpc_free(door)
 *
 * What a call brings goes to pa_service_call: the credential of `authorization` or `x-api-key`,
 * `traceparent`, the deadline.  Errors come back as the status of base/error.h.
 *
 * Threads: new, start, stop and free belong to one.
 */
#ifndef PA_SERVER_GRPC_GRPC_H
#define PA_SERVER_GRPC_GRPC_H

#include "server/service.h"
#include "server/tls.h"

struct pa_grpc;

struct pa_grpc_config {
    struct pa_service *service;                /* borrowed, outlives the door */
    const struct pa_server_settings *settings; /* borrowed: grpc_listen, request_bytes ... */
    struct pa_tls *tls;                        /* borrowed; NULL: in the clear */
    int listener; /* a socket that listens, of socket activation; -1: bind grpc_listen.  Taken over
                     when this returns 0 */
};

/* Binds.  UNAVAILABLE when the port is in use, saying by its message what to do. */
int pa_grpc_new(const struct pa_grpc_config *config, struct pa_grpc **ret, struct pa_error *err);

int pa_grpc_start(struct pa_grpc *door, struct pa_error *err);

/* Refuses new calls with UNAVAILABLE and waits for those there are until `deadline_ns` (monotonic);
 * then cancels them and waits for their end.  Each call has been answered when this returns.  0
 * when none had to be cancelled, else -1.  Also of a door that was never started. */
int pa_grpc_stop(struct pa_grpc *door, uint64_t deadline_ns);
struct pa_grpc *pa_grpc_free(struct pa_grpc *door); /* stops at once if it was not stopped */

/* "127.0.0.1:50051", with the port that was bound where 0 was asked for; as long as the door. */
const char *pa_grpc_address(const struct pa_grpc *door);

#endif
