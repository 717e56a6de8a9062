/*
 * The server of C-core.
 *
 * C-core polls in the threads that wait at its completion queue, and completes everything there:
 * arriving calls, messages written, cancellations.  The thread that reads a call also serves it,
 * although that may block for as long as a run takes: before, it hands the *reading* on, to another
 * thread that waits already or, where there is none, to one of the crew.  So nobody has to be woken
 * between a call and its run (0.05 ms less than handing the call on), and the queue is always read.
 *
 * The crew has as many threads as there may be runs, running and waiting, and some to spare, so
 * that it is the service which says that a queue is full, and says when to come again.
 *
 * C-core has threads from its first call on, which is in pa_grpc_start.
 */
#include "server/grpc/grpc_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <limits.h>

#define READERS_MOST     4  /* who comes back from a job rests where so many wait at the queue */
#define SPARE_THREADS    80 /* of the crew: calls that stay, and calls that will be refused */
#define CREW_MOST        4096
#define MEMORY_BYTES     (256u << 20) /* of C-core's buffers, beside four of the largest messages */
#define KEEPALIVE_MS     60000        /* a silent connection is asked whether it is there */
#define IDLE_MS          300000       /* a connection without calls is closed; clients come again */
#define PING_INTERVAL_MS 10000        /* clients may ask so often */

const struct pa_method *const pa_grpc_services[PA_GRPC_SERVICES] = {
    pa_agent_methods, pa_session_methods, pa_health_methods, pa_reflection_v1_methods,
    pa_reflection_v1alpha_methods};

bool pa_grpc_draining(struct pa_grpc *door) {
    return atomic_load(&door->draining);
}

size_t pa_grpc_message_most(const struct pa_grpc *door) {
    return (size_t)PA_MIN(door->settings->request_bytes, (uint64_t)INT_MAX);
}

const char *pa_grpc_address(const struct pa_grpc *door) {
    return pa_acceptor_address(door->acceptor);
}

int pa_grpc_new(const struct pa_grpc_config *config, struct pa_grpc **ret, struct pa_error *err) {
    struct pa_acceptor *acceptor;
    if (pa_acceptor_new(config, &acceptor, err) < 0)
        return pa_error_prefix(err, "gRPC");
    struct pa_grpc *door = pa_xcalloc(1, sizeof(*door));
    door->service = config->service;
    door->settings = config->settings;
    door->acceptor = acceptor;
    pthread_mutex_init(&door->lock, NULL);
    pthread_cond_init(&door->changed, NULL);
    *ret = door;
    return 0;
}

/* --- starting ------------------------------------------------------------------------------- */

/* What C-core says is about its peers: of interest to whoever looks for trouble, no trouble of
 * ours.
 */
static void log_line(gpr_log_func_args *args) {
    pa_log(args->severity == GPR_LOG_SEVERITY_ERROR ? PA_LOG_INFO : PA_LOG_DEBUG, "grpc", "%s",
           args->message);
}

static grpc_arg number(const char *key, uint64_t value) {
    return (grpc_arg){.type = GRPC_ARG_INTEGER,
                      .key = (char *)(uintptr_t)key,
                      .value.integer = (int)PA_MIN(value, (uint64_t)INT_MAX)};
}

static unsigned crew_most(const struct pa_grpc *door) {
    uint64_t runs = pa_server_running_most(door->settings) + door->settings->max_queued;
    return (unsigned)PA_MIN(runs + SPARE_THREADS, (uint64_t)CREW_MOST);
}

static grpc_server *make_server(const struct pa_grpc *door) {
    const struct pa_server_settings *settings = door->settings;
    grpc_resource_quota *quota = grpc_resource_quota_create("polyagent");
    grpc_resource_quota_resize(quota, MEMORY_BYTES + 4 * pa_grpc_message_most(door));
    grpc_arg args[] = {
        number(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, pa_grpc_message_most(door)),
        number(GRPC_ARG_MAX_METADATA_SIZE, settings->header_bytes),
        number(GRPC_ARG_MAX_CONCURRENT_STREAMS, crew_most(door)),
        number(GRPC_ARG_MAX_CONNECTION_IDLE_MS, IDLE_MS),
        number(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        number(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, settings->client_timeout_ms),
        number(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, settings->client_timeout_ms),
        number(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PING_INTERVAL_MS),
        /* A small message may be anything, uncompressed: it is refused (UNIMPLEMENTED). */
        number(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE),
        number(GRPC_ARG_ENABLE_CHANNELZ, 0),
        {.type = GRPC_ARG_POINTER,
         .key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA,
         .value.pointer = {quota, grpc_resource_quota_arg_vtable()}},
    };
    const grpc_channel_args all = {PA_ARRAY_LEN(args), args};
    grpc_server *server = grpc_server_create(&all, NULL);
    grpc_resource_quota_unref(quota);
    return server;
}

static size_t count_methods(void) {
    size_t count = 0;
    for (size_t i = 0; i < PA_GRPC_SERVICES; i++)
        for (const struct pa_method *method = pa_grpc_services[i]; method->path; method++)
            count++;
    return count;
}

static void register_methods(struct pa_grpc *door) {
    door->registered = pa_xcalloc(count_methods(), sizeof(*door->registered));
    size_t at = 0;
    for (size_t i = 0; i < PA_GRPC_SERVICES; i++)
        for (const struct pa_method *method = pa_grpc_services[i]; method->path; method++) {
            door->registered[at] = grpc_server_register_method(
                door->server, method->path, NULL,
                method->requests ? GRPC_SRM_PAYLOAD_NONE
                                 : GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER,
                0);
            PA_ASSERT(door->registered[at]);
            at++;
        }
}

static void expect_all(struct pa_grpc *door) {
    size_t at = 0;
    for (size_t i = 0; i < PA_GRPC_SERVICES; i++)
        for (const struct pa_method *method = pa_grpc_services[i]; method->path; method++)
            pa_rpc_expect(door, method, door->registered[at++]);
    pa_rpc_expect(door, NULL, NULL);
}

/* Whether this thread, back from a job, is to read again. */
static bool come_back(struct pa_grpc *door) {
    if (atomic_fetch_add(&door->readers, 1) < READERS_MOST)
        return true;
    atomic_fetch_sub(&door->readers, 1);
    return false;
}

static void read_queue(void *argument) {
    struct pa_grpc *door = argument;
    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(door->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return;
        struct pa_op *op = event.tag;
        bool lent = op->done(op, event.success != 0);
        if (lent && !come_back(door))
            return;
    }
}

bool pa_grpc_lend(struct pa_grpc *door) {
    if (atomic_fetch_sub(&door->readers, 1) > 1)
        return true;
    atomic_fetch_add(&door->readers, 1); /* the next one, or still this one */
    return pa_crew_run(door->crew, read_queue, door) == 0;
}

int pa_grpc_start(struct pa_grpc *door, struct pa_error *err) {
    gpr_set_log_function(log_line);
    grpc_init();
    door->started_ns = pa_clock_monotonic_ns();
    door->server = make_server(door);
    door->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(door->server, door->queue, NULL);
    register_methods(door);
    if (pa_acceptor_attach(door->acceptor, door->server, err) < 0)
        return pa_error_prefix(err, "gRPC");
    door->crew = pa_crew_new(crew_most(door));
    door->readers = 1;
    if (pa_crew_run(door->crew, read_queue, door) < 0)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "cannot start a thread of gRPC");
    grpc_server_start(door->server);
    expect_all(door);
    return pa_acceptor_start(door->acceptor, err);
}

/* --- stopping ------------------------------------------------------------------------------- */

bool pa_grpc_enter(struct pa_grpc *door) {
    pthread_mutex_lock(&door->lock);
    bool entered = !door->closed;
    door->served += entered;
    pthread_mutex_unlock(&door->lock);
    return entered;
}

void pa_grpc_leave(struct pa_grpc *door) {
    pthread_mutex_lock(&door->lock);
    if (--door->served == 0)
        pthread_cond_broadcast(&door->changed);
    pthread_mutex_unlock(&door->lock);
}

/* C-core's server is shut down once its connections are gone, which a call that is still served
 * does not keep: its client may have gone, too.  So the calls are waited for as well, before the
 * queue on which they answer is. */
static void close_queue(struct pa_grpc *door) {
    pthread_mutex_lock(&door->lock);
    while (door->served)
        pthread_cond_wait(&door->changed, &door->lock);
    door->closed = true;
    pthread_mutex_unlock(&door->lock);
    grpc_completion_queue_shutdown(door->queue);
}

/* C-core's word that every connection has ended. */
struct shutdown {
    struct pa_op op;
    struct pa_grpc *door;
};

static bool on_shutdown(struct pa_op *op, bool ok PA_UNUSED) {
    struct pa_grpc *door = ((struct shutdown *)op)->door;
    pthread_mutex_lock(&door->lock);
    door->quiet = true;
    pthread_cond_broadcast(&door->changed);
    pthread_mutex_unlock(&door->lock);
    return false;
}

/* True when it is quiet in time. */
static bool wait_quiet(struct pa_grpc *door, uint64_t deadline_ns) {
    uint64_t until = PA_MIN(deadline_ns, (uint64_t)INT64_MAX); /* far enough, and a timespec */
    const struct timespec when = {(time_t)(until / PA_NS_PER_S), (long)(until % PA_NS_PER_S)};
    pthread_mutex_lock(&door->lock);
    while (!door->quiet &&
           pthread_cond_clockwait(&door->changed, &door->lock, CLOCK_MONOTONIC, &when) == 0)
        continue;
    bool quiet = door->quiet;
    pthread_mutex_unlock(&door->lock);
    return quiet;
}

static int end_calls(struct pa_grpc *door, uint64_t deadline_ns) {
    struct shutdown shutdown = {{on_shutdown}, door};
    grpc_server_shutdown_and_notify(door->server, door->queue, &shutdown.op);
    pa_rpc_end_stays(door);
    if (wait_quiet(door, deadline_ns))
        return 0;
    grpc_server_cancel_all_calls(door->server);
    wait_quiet(door, PA_NEVER);
    return -1;
}

int pa_grpc_stop(struct pa_grpc *door, uint64_t deadline_ns) {
    if (atomic_exchange(&door->draining, true) || !door->server)
        return 0;
    pa_acceptor_stop(door->acceptor);
    int done = door->readers ? end_calls(door, deadline_ns) : 0;
    close_queue(door);
    door->crew = pa_crew_free(door->crew);
    return done;
}

struct pa_grpc *pa_grpc_free(struct pa_grpc *door) {
    if (!door)
        return NULL;
    pa_grpc_stop(door, 0);
    pa_acceptor_free(door->acceptor);
    if (door->server) {
        grpc_server_destroy(door->server);
        grpc_completion_queue_destroy(door->queue);
        grpc_shutdown_blocking();
    }
    free(door->registered);
    pthread_cond_destroy(&door->changed);
    pthread_mutex_destroy(&door->lock);
    free(door);
    return NULL;
}
