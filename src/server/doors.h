/*
 * The doors of a server that strangers may knock at: gRPC, HTTP with MCP, E2B's format.
 *
 *     pa_doors_open(service, settings, tls, &doors, &err)   binds those that are configured
 *     pa_doors_start(&doors, &err)
 *     pa_doors_tell(&doors)                     "polyagent: serving on ..." for each
 *     pa_doors_stop(&doors, deadline_ns)
 *     pa_doors_close(&doors)
 */
#ifndef PA_SERVER_DOORS_H
#define PA_SERVER_DOORS_H

#include "server/service.h"
#include "server/tls.h"

struct pa_doors {
    struct pa_service *service;
    const struct pa_server_settings *settings;
    struct pa_tls *tls;
    struct pa_grpc *grpc; /* NULL: off, as are the others */
    struct pa_http *http, *e2b;
};

/* All are borrowed; `tls` may be NULL.  A socket of the service manager (server/systemd.h) is used
 * in place of the configured address.  *ret wants pa_doors_close either way. */
int pa_doors_open(struct pa_service *service, const struct pa_server_settings *settings,
                  struct pa_tls *tls, struct pa_doors *ret, struct pa_error *err);
int pa_doors_start(struct pa_doors *doors, struct pa_error *err);
void pa_doors_tell(const struct pa_doors *doors);

/* Each call has been answered when this returns: by its end, or, from `deadline_ns` (monotonic) on,
 * by having been cancelled. */
void pa_doors_stop(struct pa_doors *doors, uint64_t deadline_ns);
void pa_doors_close(struct pa_doors *doors);

#endif
