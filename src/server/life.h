/*
 * A server's life: from the settings to all that serves, and back.
 *
 *     pa_life_new(&config, &life, &err)        while there is one thread
 *     pa_life_run(life, &err)                  until SIGTERM or SIGINT; SIGHUP reads settings again
 *     pa_life_free(life)                       drains: no run is lost
 */
#ifndef PA_SERVER_LIFE_H
#define PA_SERVER_LIFE_H

#include "server/service.h"

struct pa_life_config {
    const struct pa_config *config; /* borrowed */
    char *const *warm;              /* languages and images to start at once; NULL at the end */
    bool doors;                     /* false: nobody connects, as with `polyagent mcp` */
    /* Reads the settings again.  *ret wants pa_config_done if this returns 0. */
    int (*reload)(void *context, struct pa_config *ret, struct pa_error *err);
    void *context;
};

struct pa_life;
int pa_life_new(const struct pa_life_config *config, struct pa_life **ret, struct pa_error *err);
int pa_life_run(struct pa_life *life, struct pa_error *err);
struct pa_life *pa_life_free(struct pa_life *life);

struct pa_service *pa_life_service(struct pa_life *life);

/* Readable when a signal says that it is to end; for who does not call pa_life_run. */
int pa_life_signal_fd(const struct pa_life *life);

#endif
