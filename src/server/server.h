/*
 * The server: warm processes kept ready, for whoever asks.
 *
 *     pa_server_new(&config, &server, &err)        while there is one thread
 *     pa_server_run(server, stop_fd, &err)     until stop_fd is readable
 *     pa_server_free(server)
 *
 * A pool starts when its kind of process is first asked for, or at the start for the images in
 * `warm`.  Each client of the Unix socket (run/handover.h) has a thread, which mostly waits.
 */
#ifndef PA_SERVER_SERVER_H
#define PA_SERVER_SERVER_H

#include "lang/pack.h"
#include "run/executor.h"
#include "run/image.h"
#include "run/pool.h"

struct pa_server_config {
    struct pa_executor *executor;   /* borrowed, outlives the server */
    const struct pa_packs *packs;   /* borrowed */
    const char *cache_directory;    /* NULL: the default */
    const struct pa_policy *policy; /* copied: of roots; what requests bring is theirs */
    const char *socket_path;        /* NULL: pa_handover_path() */
    const struct pa_image *warm;    /* images to start at once */
    size_t warm_count;
    unsigned idle_least, idle_most; /* copies a pool keeps */
    bool confined;      /* this process, once it listens; its executor then has a spawner */
    int spawner_fd;     /* pa_spawner_fd; the server ends when it hangs up; -1: none */
    bool jail_required; /* ... or it is an error */
};

struct pa_server;
int pa_server_new(const struct pa_server_config *config, struct pa_server **ret,
                  struct pa_error *err);
int pa_server_run(struct pa_server *server, int stop_fd, struct pa_error *err);
struct pa_server *pa_server_free(struct pa_server *server);
const char *pa_server_socket_path(const struct pa_server *server);

#endif
