/* Shared by the files of this folder alone. */
#ifndef PA_SERVER_SERVER_INTERNAL_H
#define PA_SERVER_SERVER_INTERNAL_H

#include "server/server.h"

/* confine.c */
int pa_server_confine(const struct pa_server_config *config, const char *socket_path,
                      struct pa_error *err);

#endif
