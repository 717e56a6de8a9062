/*
 * The server confines itself: once it has read what it starts with, and before it has threads.
 *
 *     pa_server_confine(&what, &err)
 */
#ifndef PA_SERVER_CONFINE_H
#define PA_SERVER_CONFINE_H

#include "config/config.h"
#include "run/image.h"

struct pa_server_confinement {
    const struct pa_config *config;
    const struct pa_packs *packs;
    const char *socket_path;       /* of the handover door; NULL: none */
    const char *volumes_directory; /* NULL: none */
    const struct pa_image *warm;   /* with interpreters of the user's own */
    size_t warm_count;
};

/* What is missing is logged where config->jail_required is false, else it is an error. */
int pa_server_confine(const struct pa_server_confinement *what, struct pa_error *err);

#endif
