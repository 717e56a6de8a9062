/*
 * The life of one RPC.
 *
 *     expected ──arrived──► served ──► ended
 *                  │                     ▲
 *                  └─ closed: nobody waits any more (cancelled, deadline, connection lost)
 *
 * Everything asynchronous is a batch of C-core's operations with one of the RPC's own tags; a batch
 * holds a reference until a queue thread says that it is complete.  `closed` is outstanding from
 * the start to the end of each RPC: it is how C-core tells of a cancellation, and it makes
 * cancel_fd readable, which is what kills a run.
 *
 * A handler that may block has its thread to itself.  It waits (pa_rpc_send, pa_rpc_receive) on
 * `changed` until whoever reads the queue has seen its batch.  Writing to a client that does not
 * read thus holds up the run that writes, until the run's own limit or the client's deadline ends
 * it.
 */
#include "server/grpc/grpc_internal.h"

#include "base/clock.h"
#include "server/grpc/slices.h"
#include <errno.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <limits.h>
#include <stdio.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STAYING_MOST 64   /* RPCs that may stay for hours */
#define RETRY_MS     1000 /* after it was full */
#define STOPPING     "the server is stopping"

struct pa_rpc {
    struct pa_op arrived, closed, wrote, received, ended; /* tags; see rpc_of */
    struct pa_grpc *door;
    const struct pa_method *method; /* NULL: of a method that nobody serves */
    void *registered;
    atomic_uint references;

    bool entered;    /* the door counts it among its calls */
    grpc_call *call; /* NULL until it arrived */
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_call_details details; /* where there is no method */
    grpc_byte_buffer *payload; /* the request, or the one received last */

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    int was_cancelled; /* written by C-core before `closed` */
    int cancel_fd;     /* an eventfd, or -1 */
    bool gone, writing, write_ok, receiving;

    struct pa_rpc *previous, *next; /* of those that stay, under the door's lock */
    bool stays;

    /* The handler's own. */
    bool begun, finished;     /* the initial metadata is out; so is the status */
    grpc_byte_buffer *answer; /* the last message, until C-core is done with it */
    grpc_metadata trailers[PA_RPC_TRAILERS];
    size_t trailer_count;
};

#define rpc_of(op, member) ((struct pa_rpc *)((char *)(op)-offsetof(struct pa_rpc, member)))

static void ref(struct pa_rpc *rpc) {
    atomic_fetch_add(&rpc->references, 1);
}

static void unref(struct pa_rpc *rpc) {
    if (atomic_fetch_sub(&rpc->references, 1) != 1)
        return;
    for (size_t i = 0; i < rpc->trailer_count; i++) {
        grpc_slice_unref(rpc->trailers[i].key);
        grpc_slice_unref(rpc->trailers[i].value);
    }
    if (rpc->payload)
        grpc_byte_buffer_destroy(rpc->payload);
    if (rpc->answer)
        grpc_byte_buffer_destroy(rpc->answer);
    grpc_metadata_array_destroy(&rpc->metadata);
    if (!rpc->method)
        grpc_call_details_destroy(&rpc->details);
    if (rpc->call)
        grpc_call_unref(rpc->call);
    pa_closep(&rpc->cancel_fd);
    pthread_cond_destroy(&rpc->changed);
    pthread_mutex_destroy(&rpc->lock);
    if (rpc->entered)
        pa_grpc_leave(rpc->door);
    free(rpc);
}

static void start_batch(struct pa_rpc *rpc, const grpc_op *ops, size_t count, struct pa_op *tag) {
    ref(rpc);
    grpc_call_error failed = grpc_call_start_batch(rpc->call, ops, count, tag, NULL);
    PA_ASSERT(failed == GRPC_CALL_OK);
}

/* --- arriving ------------------------------------------------------------------------------- */

static bool on_closed(struct pa_op *op, bool ok) {
    struct pa_rpc *rpc = rpc_of(op, closed);
    pthread_mutex_lock(&rpc->lock);
    if (rpc->was_cancelled || !ok) {
        rpc->gone = true;
        if (rpc->cancel_fd >= 0)
            eventfd_write(rpc->cancel_fd, 1);
        pthread_cond_broadcast(&rpc->changed);
    }
    pthread_mutex_unlock(&rpc->lock);
    unref(rpc);
    return false;
}

/* False: too many stay already. */
static bool begin_stay(struct pa_rpc *rpc) {
    struct pa_grpc *door = rpc->door;
    pthread_mutex_lock(&door->lock);
    rpc->stays = door->staying_count < STAYING_MOST;
    if (rpc->stays) {
        door->staying_count++;
        rpc->next = door->staying;
        if (rpc->next)
            rpc->next->previous = rpc;
        door->staying = rpc;
    }
    pthread_mutex_unlock(&door->lock);
    return rpc->stays;
}

static void end_stay(struct pa_rpc *rpc) {
    struct pa_grpc *door = rpc->door;
    if (!rpc->stays)
        return;
    pthread_mutex_lock(&door->lock);
    door->staying_count--;
    if (rpc->next)
        rpc->next->previous = rpc->previous;
    *(rpc->previous ? &rpc->previous->next : &door->staying) = rpc->next;
    pthread_mutex_unlock(&door->lock);
}

void pa_rpc_end_stays(struct pa_grpc *door) {
    pthread_mutex_lock(&door->lock);
    for (struct pa_rpc *rpc = door->staying; rpc; rpc = rpc->next)
        grpc_call_cancel_with_status(rpc->call, GRPC_STATUS_UNAVAILABLE, STOPPING, NULL);
    pthread_mutex_unlock(&door->lock);
}

static void serve(struct pa_rpc *rpc) {
    rpc->method->serve(rpc);
    PA_ASSERT(rpc->finished);
    end_stay(rpc);
    unref(rpc);
}

static void refuse(struct pa_rpc *rpc, enum pa_error_code code, const char *message) {
    struct pa_error err;
    pa_fail(&err, code, "%s", message);
    pa_rpc_fail(rpc, &err, NULL, code == PA_ERR_RESOURCE_EXHAUSTED ? RETRY_MS : 0);
    end_stay(rpc);
    unref(rpc);
}

static void refuse_unknown(struct pa_rpc *rpc) {
    struct pa_error err;
    PA_CLEANUP(pa_freep) char *path = pa_slice_text(rpc->details.method);
    pa_fail(&err, PA_ERR_UNIMPLEMENTED, "there is no method %.200s", path);
    pa_rpc_fail(rpc, &err, NULL, 0);
    unref(rpc);
}

/* Whether it is to be served; else it has been answered. */
static bool admit(struct pa_rpc *rpc) {
    if (!rpc->method) {
        refuse_unknown(rpc);
    } else if (rpc->method->kind == PA_METHOD_STAYS && !begin_stay(rpc)) {
        refuse(rpc, PA_ERR_RESOURCE_EXHAUSTED, "too many calls stay open; close some");
    } else if (pa_grpc_draining(rpc->door)) { /* after begin_stay: pa_rpc_end_stays comes after
                                                 the flag */
        refuse(rpc, PA_ERR_UNAVAILABLE, STOPPING);
    } else {
        return true;
    }
    return false;
}

/* True when the thread was lent to it. */
static bool dispatch(struct pa_rpc *rpc) {
    if (!admit(rpc))
        return false;
    if (rpc->method->kind == PA_METHOD_QUICK) {
        serve(rpc);
        return false;
    }
    int cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (cancel_fd < 0) {
        refuse(rpc, PA_ERR_RESOURCE_EXHAUSTED, "the server has no descriptors left");
        return false;
    }
    if (!pa_grpc_lend(rpc->door)) {
        close(cancel_fd);
        refuse(rpc, PA_ERR_RESOURCE_EXHAUSTED, "as many calls are served as may be");
        return false;
    }
    pthread_mutex_lock(&rpc->lock);
    rpc->cancel_fd = cancel_fd;
    if (rpc->gone)
        eventfd_write(cancel_fd, 1);
    pthread_mutex_unlock(&rpc->lock);
    serve(rpc);
    return true;
}

/* Not ok: the server shuts down. */
static bool on_arrived(struct pa_op *op, bool ok) {
    struct pa_rpc *rpc = rpc_of(op, arrived);
    if (!ok) {
        PA_ASSERT(!rpc->call);
        unref(rpc);
        return false;
    }
    rpc->entered = pa_grpc_enter(rpc->door);
    if (!rpc->entered) {
        unref(rpc);
        return false;
    }
    if (!rpc->method)
        rpc->deadline = rpc->details.deadline;
    pa_rpc_expect(rpc->door, rpc->method, rpc->registered);
    const grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                           .data.recv_close_on_server.cancelled = &rpc->was_cancelled};
    start_batch(rpc, &close, 1, &rpc->closed);
    return dispatch(rpc);
}

static bool on_wrote(struct pa_op *op, bool ok);
static bool on_received(struct pa_op *op, bool ok);

static bool on_ended(struct pa_op *op, bool ok PA_UNUSED) {
    unref(rpc_of(op, ended));
    return false;
}

void pa_rpc_expect(struct pa_grpc *door, const struct pa_method *method, void *registered) {
    struct pa_rpc *rpc = pa_xcalloc(1, sizeof(*rpc));
    *rpc = (struct pa_rpc){.arrived.done = on_arrived,
                           .closed.done = on_closed,
                           .wrote.done = on_wrote,
                           .received.done = on_received,
                           .ended.done = on_ended,
                           .door = door,
                           .method = method,
                           .registered = registered,
                           .references = 1,
                           .cancel_fd = -1};
    pthread_mutex_init(&rpc->lock, NULL);
    pthread_cond_init(&rpc->changed, NULL);
    grpc_metadata_array_init(&rpc->metadata);
    grpc_call_error failed;
    if (method) {
        failed = grpc_server_request_registered_call(
            door->server, registered, &rpc->call, &rpc->deadline, &rpc->metadata,
            method->requests ? NULL : &rpc->payload, door->queue, door->queue, &rpc->arrived);
    } else {
        grpc_call_details_init(&rpc->details);
        failed = grpc_server_request_call(door->server, &rpc->call, &rpc->details, &rpc->metadata,
                                          door->queue, door->queue, &rpc->arrived);
    }
    PA_ASSERT(failed == GRPC_CALL_OK);
}

/* --- what the caller said ------------------------------------------------------------------- */

struct pa_grpc *pa_rpc_door(const struct pa_rpc *rpc) {
    return rpc->door;
}

uint64_t pa_rpc_deadline_ns(const struct pa_rpc *rpc) {
    gpr_timespec when = gpr_convert_clock_type(rpc->deadline, GPR_CLOCK_MONOTONIC);
    if (when.tv_sec < 0)
        return 0;
    if (when.tv_sec >= INT64_MAX / (int64_t)PA_NS_PER_S)
        return PA_NEVER;
    return (uint64_t)when.tv_sec * PA_NS_PER_S + (uint64_t)when.tv_nsec;
}

int pa_rpc_cancel_fd(const struct pa_rpc *rpc) {
    return rpc->cancel_fd;
}

bool pa_rpc_gone(struct pa_rpc *rpc) {
    pthread_mutex_lock(&rpc->lock);
    bool gone = rpc->gone;
    pthread_mutex_unlock(&rpc->lock);
    return gone;
}

bool pa_rpc_wait(struct pa_rpc *rpc, uint64_t ns) {
    uint64_t until = pa_clock_monotonic_ns() + ns;
    const struct timespec when = {(time_t)(until / PA_NS_PER_S), (long)(until % PA_NS_PER_S)};
    pthread_mutex_lock(&rpc->lock);
    while (!rpc->gone &&
           pthread_cond_clockwait(&rpc->changed, &rpc->lock, CLOCK_MONOTONIC, &when) == 0)
        continue;
    bool gone = rpc->gone;
    pthread_mutex_unlock(&rpc->lock);
    return gone;
}

char *pa_rpc_metadata(const struct pa_rpc *rpc, const char *name) {
    for (size_t i = 0; i < rpc->metadata.count; i++)
        if (grpc_slice_str_cmp(rpc->metadata.metadata[i].key, name) == 0)
            return pa_slice_text(rpc->metadata.metadata[i].value);
    return NULL;
}

bool pa_rpc_authenticate(struct pa_rpc *rpc, struct pa_caller **ret) {
    static const char bearer[] = "Bearer ";
    PA_CLEANUP(pa_freep) char *authorization = pa_rpc_metadata(rpc, "authorization");
    PA_CLEANUP(pa_freep) char *key = pa_rpc_metadata(rpc, "x-api-key");
    const char *credential = key;
    if (authorization && strncasecmp(authorization, bearer, sizeof(bearer) - 1) == 0)
        credential = authorization + sizeof(bearer) - 1;
    struct pa_error err;
    if (pa_service_authenticate(rpc->door->service, "grpc", credential, ret, &err) == 0)
        return true;
    pa_rpc_fail(rpc, &err, NULL, 0);
    return false;
}

/* Takes the payload, which is freed before its contents are unpacked: a large one is not there
 * three times. */
static void *unpack_payload(struct pa_rpc *rpc, const ProtobufCMessageDescriptor *descriptor,
                            struct pa_error *err) {
    grpc_slice bytes;
    if (!pa_slice_of_buffer(pa_steal(&rpc->payload), &bytes)) {
        pa_fail(err, PA_ERR_UNIMPLEMENTED,
                "the message is compressed, which this server does not read");
        return NULL;
    }
    void *message =
        pa_message_unpack(descriptor, GRPC_SLICE_START_PTR(bytes), GRPC_SLICE_LENGTH(bytes), err);
    grpc_slice_unref(bytes);
    return message;
}

void *pa_rpc_request(struct pa_rpc *rpc, const ProtobufCMessageDescriptor *descriptor) {
    struct pa_error err;
    void *message = NULL;
    if (!rpc->payload)
        pa_fail(&err, PA_ERR_INVALID_ARGUMENT, "the request has no message");
    else
        message = unpack_payload(rpc, descriptor, &err);
    if (!message)
        pa_rpc_fail(rpc, &err, NULL, 0);
    return message;
}

static bool on_received(struct pa_op *op, bool ok PA_UNUSED) {
    struct pa_rpc *rpc = rpc_of(op, received);
    pthread_mutex_lock(&rpc->lock);
    rpc->receiving = false;
    pthread_cond_broadcast(&rpc->changed);
    pthread_mutex_unlock(&rpc->lock);
    unref(rpc);
    return false;
}

void *pa_rpc_receive(struct pa_rpc *rpc, const ProtobufCMessageDescriptor *descriptor,
                     struct pa_error *err) {
    const grpc_op receive = {.op = GRPC_OP_RECV_MESSAGE,
                             .data.recv_message.recv_message = &rpc->payload};
    rpc->receiving = true;
    start_batch(rpc, &receive, 1, &rpc->received);
    pthread_mutex_lock(&rpc->lock);
    while (rpc->receiving)
        pthread_cond_wait(&rpc->changed, &rpc->lock);
    pthread_mutex_unlock(&rpc->lock);
    err->code = PA_ERR_NONE;
    return rpc->payload ? unpack_payload(rpc, descriptor, err) : NULL;
}

/* --- what is answered ----------------------------------------------------------------------- */

static grpc_byte_buffer *pack(const ProtobufCMessage *message) {
    grpc_slice bytes = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(bytes));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&bytes, 1);
    grpc_slice_unref(bytes);
    return buffer;
}

/* Adds what is to be sent before the status: the initial metadata if it is not out, and a message.
 */
static size_t add_message(struct pa_rpc *rpc, grpc_byte_buffer *buffer, grpc_op *ops) {
    size_t count = 0;
    if (!rpc->begun)
        ops[count++] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    rpc->begun = true;
    if (buffer)
        ops[count++] =
            (grpc_op){.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer};
    return count;
}

static bool on_wrote(struct pa_op *op, bool ok) {
    struct pa_rpc *rpc = rpc_of(op, wrote);
    pthread_mutex_lock(&rpc->lock);
    rpc->writing = false;
    rpc->write_ok = ok;
    pthread_cond_broadcast(&rpc->changed);
    pthread_mutex_unlock(&rpc->lock);
    unref(rpc);
    return false;
}

bool pa_rpc_send(struct pa_rpc *rpc, const ProtobufCMessage *message) {
    PA_ASSERT(!rpc->finished);
    if (pa_rpc_gone(rpc))
        return false;
    grpc_op ops[2];
    grpc_byte_buffer *buffer = pack(message);
    size_t count = add_message(rpc, buffer, ops);
    rpc->writing = true;
    start_batch(rpc, ops, count, &rpc->wrote);
    pthread_mutex_lock(&rpc->lock);
    while (rpc->writing)
        pthread_cond_wait(&rpc->changed, &rpc->lock);
    bool ok = rpc->write_ok && !rpc->gone;
    pthread_mutex_unlock(&rpc->lock);
    grpc_byte_buffer_destroy(buffer);
    return ok;
}

void pa_rpc_trailer(struct pa_rpc *rpc, const char *name, const void *value, size_t size) {
    PA_ASSERT(rpc->trailer_count < PA_RPC_TRAILERS && !rpc->finished);
    rpc->trailers[rpc->trailer_count++] =
        (grpc_metadata){.key = grpc_slice_from_copied_string(name),
                        .value = grpc_slice_from_copied_buffer(value, size)};
}

static void finish(struct pa_rpc *rpc, const ProtobufCMessage *message, grpc_status_code status,
                   const char *text) {
    PA_ASSERT(!rpc->finished);
    rpc->finished = true;
    grpc_op ops[3];
    rpc->answer = message ? pack(message) : NULL;
    size_t count = add_message(rpc, rpc->answer, ops);
    grpc_slice details = text ? grpc_slice_from_copied_string(text) : grpc_empty_slice();
    ops[count++] =
        (grpc_op){.op = GRPC_OP_SEND_STATUS_FROM_SERVER,
                  .data.send_status_from_server = {.trailing_metadata_count = rpc->trailer_count,
                                                   .trailing_metadata = rpc->trailers,
                                                   .status = status,
                                                   .status_details = text ? &details : NULL}};
    start_batch(rpc, ops, count, &rpc->ended);
    grpc_slice_unref(details);
}

void pa_rpc_reply(struct pa_rpc *rpc, const ProtobufCMessage *message) {
    finish(rpc, message, GRPC_STATUS_OK, NULL);
}

void pa_rpc_end(struct pa_rpc *rpc, grpc_status_code status, const char *message) {
    finish(rpc, NULL, status, message);
}
