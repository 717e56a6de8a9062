#include "server/server_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/handover.h"
#include "run/language.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_POOLS   64
#define MAX_CLIENTS 512
#define DRAIN_S     30
#define BREATH_MS   50
#define TAKE_NS     (90 * PA_NS_PER_S) /* a first request may have to wait for a compilation */

/* A kind of warm process: everything that its root was started with. */
struct kind {
    struct pa_server *server;
    char *key;
    struct pa_image image;      /* its packages are among the mounts */
    struct pa_language_run run; /* of the root: no program */
    struct pa_pool *pool;
};

struct pa_server {
    struct pa_server_config config;
    struct pa_policy policy;
    char *socket_path;
    int listener;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t fewer; /* clients */
    struct kind *kinds[MAX_POOLS];
    size_t kind_count;
    struct client *clients; /* a list */
    size_t client_count;
    bool ending; /* no new kinds */
};

/* --- kinds ------------------------------------------------------------------------------------ */

static int start_root(void *context, struct pa_worker *ret, struct pa_error *err) {
    struct kind *kind = context;
    struct pa_outcome outcome;
    pa_outcome_init(&outcome);
    int done = pa_start_root(kind->server->config.executor, &kind->run.request, ret, &outcome, err);
    pa_outcome_done(&outcome);
    return done;
}

static char *key_of(const struct pa_want *want) {
    struct pa_buf key = PA_BUF_INIT(65536);
    pa_buf_printf(&key, "%s %d %d", want->language, want->metered, want->deterministic);
    for (size_t i = 0; i < want->policy.mount_count; i++) {
        const struct pa_mount *mount = &want->policy.mounts[i];
        pa_buf_printf(&key, " %s::%s:%d", mount->host, mount->guest, mount->writable);
    }
    for (char **path = want->paths; path && *path; path++)
        pa_buf_printf(&key, " path=%s", *path);
    for (char **module = want->preload; module && *module; module++)
        pa_buf_printf(&key, " +%s", *module);
    if (want->interpreter)
        pa_buf_printf(&key, " by %s", want->interpreter_sha256);
    return (char *)pa_buf_take(&key, NULL);
}

/* What a root is started with: the server's policy, the mounts that are wanted, and as much memory
 * as any request may ask for, since a copy's limit can only be lower than its root's. */
static int describe_root(struct pa_server *server, const struct pa_want *want, struct kind *kind,
                         struct pa_error *err) {
    struct pa_policy policy;
    pa_policy_copy(&policy, &server->policy);
    policy.limits.memory_bytes = pa_limit_find("memory_bytes")->largest;
    policy.limits.fuel = want->metered && !want->deterministic ? INT64_MAX : PA_UNLIMITED;
    policy.deterministic = want->deterministic;
    int done = 0;
    for (size_t i = 0; i < want->policy.mount_count && done == 0; i++) {
        const struct pa_mount *mount = &want->policy.mounts[i];
        done = pa_policy_add_mount(&policy, mount->host, mount->guest, mount->writable, err);
    }
    const struct pa_program nothing = {.code = "", .code_size = 0, .root = true};
    if (done == 0)
        done = pa_language_run_init(&kind->run, &kind->image, server->config.cache_directory,
                                    &policy, &nothing, err);
    pa_policy_done(&policy);
    return done;
}

static int describe_image(struct pa_server *server, const struct pa_want *want,
                          struct pa_image *ret, struct pa_error *err) {
    const struct pa_packs *packs = server->config.packs;
    const struct pa_pack *pack = pa_packs_find(packs, want->language, err);
    if (!pack)
        return -1;
    pa_image_init(ret, pack);
    if (want->interpreter &&
        pa_image_known_interpreter(ret, packs, want->interpreter, want->interpreter_sha256,
                                   want->interpreter_bytes, err) < 0)
        return -1;
    for (char **module = want->preload; module && *module; module++)
        pa_image_add_preload(ret, *module);
    for (char **path = want->paths; path && *path; path++)
        pa_strv_add(&ret->paths, pa_xstrdup(*path));
    return 0;
}

static struct kind *free_kind(struct kind *kind) {
    pa_pool_free(kind->pool);
    pa_language_run_done(&kind->run);
    pa_image_done(&kind->image);
    free(kind->key);
    free(kind);
    return NULL;
}

static int make_kind(struct pa_server *server, const struct pa_want *want, const char *key,
                     struct kind **ret, struct pa_error *err) {
    if (server->kind_count == MAX_POOLS)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "there are %d kinds of warm processes already", MAX_POOLS);
    struct kind *kind = pa_xcalloc(1, sizeof(*kind));
    kind->server = server;
    kind->key = pa_xstrdup(key);
    struct pa_pool_config config = {.name = kind->key,
                                    .start_root = start_root,
                                    .context = kind,
                                    .idle_least = server->config.idle_least,
                                    .idle_most = server->config.idle_most};
    if (describe_image(server, want, &kind->image, err) < 0 ||
        describe_root(server, want, kind, err) < 0 || pa_pool_new(&config, &kind->pool, err) < 0) {
        free_kind(kind);
        return -1;
    }
    server->kinds[server->kind_count++] = kind;
    *ret = kind;
    return 0;
}

static int find_pool(struct pa_server *server, const struct pa_want *want, struct pa_pool **ret,
                     struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *key = key_of(want);
    struct kind *kind = NULL;
    int done = 0;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->kind_count && !kind; i++)
        if (pa_streq(server->kinds[i]->key, key))
            kind = server->kinds[i];
    if (server->ending)
        done = pa_fail(err, PA_ERR_UNAVAILABLE, "the server ends");
    else if (!kind)
        done = make_kind(server, want, key, &kind, err);
    pthread_mutex_unlock(&server->lock);
    if (done == 0)
        *ret = kind->pool;
    return done;
}

static int start_warm(struct pa_server *server, const struct pa_image *image,
                      struct pa_error *err) {
    struct pa_language_run run; /* as a client's would be, whose mounts its are */
    struct pa_policy policy;
    struct pa_want want;
    struct pa_pool *pool;
    const struct pa_program nothing = {.code = "", .code_size = 0};
    pa_policy_init(&policy);
    int done =
        pa_language_run_init(&run, image, server->config.cache_directory, &policy, &nothing, err);
    if (done == 0) {
        pa_want_init(&want, image, &run.policy);
        done = find_pool(server, &want, &pool, err);
        pa_want_done(&want);
        pa_language_run_done(&run);
    }
    pa_policy_done(&policy);
    return done;
}

/* --- clients ---------------------------------------------------------------------------------- */

struct client {
    struct pa_server *server;
    int connection;
    struct client *next;
};

/* False when there are too many. */
static bool add_client(struct client *client) {
    struct pa_server *server = client->server;
    pthread_mutex_lock(&server->lock);
    bool room = server->client_count < MAX_CLIENTS;
    if (room) {
        client->next = server->clients;
        server->clients = client;
        server->client_count++;
    }
    pthread_mutex_unlock(&server->lock);
    return room;
}

/* The last that its thread does with the server. */
static void remove_client(struct client *client) {
    struct pa_server *server = client->server;
    pthread_mutex_lock(&server->lock);
    struct client **link = &server->clients;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    close(client->connection); /* not before: drain() may not meet its number in other hands */
    server->client_count--;
    pthread_cond_broadcast(&server->fewer);
    pthread_mutex_unlock(&server->lock);
    free(client);
}

static int serve(struct client *client, struct pa_error *err) {
    struct pa_want want;
    struct pa_pool *pool;
    struct pa_worker worker;
    int done = pa_handover_receive(client->connection, &want, err);
    if (done == 0)
        done = find_pool(client->server, &want, &pool, err);
    if (done == 0)
        done = pa_pool_take(pool, pa_clock_monotonic_ns() + TAKE_NS, &worker, err);
    pa_want_done(&want);
    if (done < 0)
        return pa_handover_reply(client->connection, NULL, err);
    if (pa_handover_reply(client->connection, &worker, NULL) < 0) {
        pa_worker_discard(&worker);
        return 0;
    }
    return pa_handover_hold(client->connection, &worker);
}

static void *run_client(void *context) {
    struct client *client = context;
    struct pa_error err = {0};
    if (serve(client, &err) < 0)
        pa_log_debug("server", "a client was not served: %s", err.message);
    remove_client(client);
    return NULL;
}

static void accept_client(struct pa_server *server) {
    int connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
            poll(NULL, 0, BREATH_MS); /* it stays in the queue: do not spin on it */
        return;
    }
    struct client *client = pa_xcalloc(1, sizeof(*client));
    *client = (struct client){server, connection, NULL};
    pthread_t thread;
    struct pa_error err;
    if (!add_client(client)) {
        pa_fail(&err, PA_ERR_RESOURCE_EXHAUSTED, "%d clients are connected already", MAX_CLIENTS);
        pa_handover_reply(connection, NULL, &err);
        close(connection);
        free(client);
        return;
    }
    int failed = pthread_create(&thread, NULL, run_client, client);
    if (!failed) {
        pthread_detach(thread);
        return;
    }
    pa_fail_errno(&err, failed, "no thread for another client");
    pa_handover_reply(connection, NULL, &err);
    remove_client(client);
}

/* --- life --------------------------------------------------------------------------------------
 */

int pa_server_new(const struct pa_server_config *config, struct pa_server **ret,
                  struct pa_error *err) {
    struct pa_server *server = pa_xcalloc(1, sizeof(*server));
    server->config = *config;
    server->socket_path =
        config->socket_path ? pa_xstrdup(config->socket_path) : pa_handover_path();
    pa_policy_copy(&server->policy, config->policy);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->fewer, NULL);
    server->listener = pa_handover_listen(server->socket_path, err);
    int failed = server->listener < 0 ? -1 : 0;
    if (!failed && config->confined)
        failed = pa_server_confine(config, server->socket_path, err);
    for (size_t i = 0; i < config->warm_count && !failed; i++)
        failed = start_warm(server, &config->warm[i], err);
    if (failed) {
        pa_server_free(server);
        return -1;
    }
    *ret = server;
    return 0;
}

const char *pa_server_socket_path(const struct pa_server *server) {
    return server->socket_path;
}

int pa_server_run(struct pa_server *server, int stop_fd, struct pa_error *err) {
    for (;;) {
        struct pollfd polled[] = {{.fd = server->listener, .events = POLLIN},
                                  {.fd = stop_fd, .events = POLLIN},
                                  {.fd = server->config.spawner_fd}}; /* its end is always told */
        if (poll(polled, PA_ARRAY_LEN(polled), -1) < 0 && errno != EINTR)
            return pa_fail_errno(err, errno, "cannot wait for clients");
        if (polled[1].revents)
            return 0;
        if (polled[2].revents)
            return pa_fail(err, PA_ERR_UNAVAILABLE,
                           "the spawner is gone, and all workers with it (was it killed?)");
        if (polled[0].revents)
            accept_client(server);
    }
}

/* Runs that are still going are their clients' affair: wait for them, a client that hangs is cut.
 * No client's thread is left afterwards. */
static void drain(struct pa_server *server) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DRAIN_S;
    pthread_mutex_lock(&server->lock);
    server->ending = true;
    for (size_t i = 0; i < server->kind_count; i++)
        pa_pool_close(server->kinds[i]->pool);
    while (server->client_count &&
           pthread_cond_timedwait(&server->fewer, &server->lock, &until) != ETIMEDOUT)
        continue;
    if (server->client_count)
        pa_log_warn("server", "%zu runs were cut off after %d s", server->client_count, DRAIN_S);
    for (struct client *client = server->clients; client; client = client->next)
        shutdown(client->connection, SHUT_RDWR);
    while (server->client_count)
        pthread_cond_wait(&server->fewer, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

struct pa_server *pa_server_free(struct pa_server *server) {
    if (!server)
        return NULL;
    if (server->listener >= 0) {
        close(server->listener);
        unlink(server->socket_path);
        drain(server);
    }
    for (size_t i = 0; i < server->kind_count; i++)
        free_kind(server->kinds[i]);
    pthread_cond_destroy(&server->fewer);
    pthread_mutex_destroy(&server->lock);
    pa_policy_done(&server->policy);
    free(server->socket_path);
    free(server);
    return NULL;
}
