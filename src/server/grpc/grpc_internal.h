/*
 * Shared by the files of this folder alone.
 *
 *     door.c            the server of C-core: its queue, who reads it, the end
 *     accept.c          connections, with and without TLS
 *     call.c            the life of one RPC
 *     crew.c            threads
 *     message.c         messages of protobuf-c, text and JSON in them
 *     struct_json.c     google.protobuf.Struct and JSON
 *     wire.c            the wire format, field by field
 *     status.c          errors, as a client of gRPC understands them
 *     outcome.c         the outcome of a run as a message
 *     agent.c, session*.c, health.c, reflection.c    one service each: a table of methods
 *     run_calls.c, kept.c    more of agent.c's: host calls; volumes and files of runs
 *
 * An RPC is counted: by its handler, and by each batch of operations that C-core has not completed.
 */
#ifndef PA_SERVER_GRPC_GRPC_INTERNAL_H
#define PA_SERVER_GRPC_GRPC_INTERNAL_H

#include "server/grpc/crew.h"
#include "server/grpc/grpc.h"
#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>
#include <pthread.h>
#include <stdatomic.h>

/* --- methods -------------------------------------------------------------------------------- */

struct pa_rpc;

struct pa_method {
    const char *path; /* "/polyagent.agent.AgentService/ExecuteTool" */
    void (*serve)(struct pa_rpc *rpc);
    enum pa_method_kind {
        PA_METHOD_QUICK,  /* never blocks */
        PA_METHOD_BLOCKS, /* has a thread to itself */
        PA_METHOD_STAYS, /* the same, and may stay for hours with nothing to do: there is a bound */
    } kind;
    bool requests; /* many come in (pa_rpc_receive), not one that is there at the start */
};

/* A service: its methods, ended by one without a path. */
extern const struct pa_method pa_agent_methods[];
extern const struct pa_method pa_session_methods[];
extern const struct pa_method pa_health_methods[];
extern const struct pa_method pa_reflection_v1_methods[];
extern const struct pa_method pa_reflection_v1alpha_methods[];

/* All of them. */
#define PA_GRPC_SERVICES 5
extern const struct pa_method *const pa_grpc_services[PA_GRPC_SERVICES];

/* --- door.c --------------------------------------------------------------------------------- */

struct pa_acceptor;

/* What C-core gives back when a batch is complete: the tag of everything in the queue.  `done` is
 * true when it took its time: the reading of the queue was handed over before (pa_grpc_lend). */
struct pa_op {
    bool (*done)(struct pa_op *op, bool ok);
};

struct pa_grpc {
    struct pa_service *service;
    const struct pa_server_settings *settings;
    struct pa_acceptor *acceptor;
    struct pa_crew *crew;

    grpc_server *server; /* NULL until it is started */
    grpc_completion_queue *queue;
    atomic_uint readers; /* threads that wait at the queue, or will at once */
    void **registered;   /* C-core's handle of each method, in the order of all services' tables */
    uint64_t started_ns;

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool quiet;             /* C-core's server is shut down: it has no connections any more */
    unsigned served;        /* calls that have arrived and are not done with */
    bool closed;            /* the queue is shut down: nothing may be begun on it */
    struct pa_rpc *staying; /* RPCs of PA_METHOD_STAYS */
    unsigned staying_count;
    atomic_bool draining; /* no new calls */
};

bool pa_grpc_draining(struct pa_grpc *door);

/* Lends this thread, which reads the queue, to a job that blocks: somebody else reads on.  False:
 * all threads are busy. */
bool pa_grpc_lend(struct pa_grpc *door);
size_t pa_grpc_message_most(const struct pa_grpc *door); /* bytes of the largest request */

/* --- accept.c ------------------------------------------------------------------------------- */

int pa_acceptor_new(const struct pa_grpc_config *config, struct pa_acceptor **ret,
                    struct pa_error *err);
/* Before and after grpc_server_start. */
int pa_acceptor_attach(struct pa_acceptor *acceptor, grpc_server *server, struct pa_error *err);
int pa_acceptor_start(struct pa_acceptor *acceptor, struct pa_error *err);
void pa_acceptor_stop(struct pa_acceptor *acceptor); /* no new connections */
struct pa_acceptor *pa_acceptor_free(struct pa_acceptor *acceptor);
const char *pa_acceptor_address(const struct pa_acceptor *acceptor);

/* A call has arrived, and is done with.  False: too late, nothing may be begun on the queue. */
bool pa_grpc_enter(struct pa_grpc *door);
void pa_grpc_leave(struct pa_grpc *door);

/* --- call.c --------------------------------------------------------------------------------- */

/* Waits for the next call of this method; of a NULL method for one that nobody serves. */
void pa_rpc_expect(struct pa_grpc *door, const struct pa_method *method, void *registered);

/* Ends those of PA_METHOD_STAYS. */
void pa_rpc_end_stays(struct pa_grpc *door);

struct pa_grpc *pa_rpc_door(const struct pa_rpc *rpc);
uint64_t pa_rpc_deadline_ns(const struct pa_rpc *rpc); /* monotonic, PA_NEVER */
int pa_rpc_cancel_fd(const struct pa_rpc *rpc);        /* readable once nobody waits for it */
bool pa_rpc_gone(struct pa_rpc *rpc);                  /* nobody waits for it */

bool pa_rpc_wait(struct pa_rpc *rpc, uint64_t ns); /* until then, or until it is gone: true */

/* The value of the first metadata of that name as a new string, or NULL. */
char *pa_rpc_metadata(const struct pa_rpc *rpc, const char *name);

/* Who calls, by its key.  Where it returns false the RPC has been answered. */
bool pa_rpc_authenticate(struct pa_rpc *rpc, struct pa_caller **ret);

/* The one message that came, unpacked (free with pa_message_free).  NULL: it was
 * none, and the RPC has been answered. */
void *pa_rpc_request(struct pa_rpc *rpc, const ProtobufCMessageDescriptor *descriptor);

/* The next message of many.  NULL: there is no other (err->code is NONE), or it was none. */
void *pa_rpc_receive(struct pa_rpc *rpc, const ProtobufCMessageDescriptor *descriptor,
                     struct pa_error *err);

/* One message of a stream; waits until C-core has taken it.  False: nobody reads any more. */
bool pa_rpc_send(struct pa_rpc *rpc, const ProtobufCMessage *message);

/* Metadata that comes with the end; before it.  Copied; at most PA_RPC_TRAILERS. */
#define PA_RPC_TRAILERS 4
void pa_rpc_trailer(struct pa_rpc *rpc, const char *name, const void *value, size_t size);

/* The end, once: OK with a last message (NULL: none), or another status. */
void pa_rpc_reply(struct pa_rpc *rpc, const ProtobufCMessage *message);
void pa_rpc_end(struct pa_rpc *rpc, grpc_status_code status, const char *message);

/* --- agent.c, and beside it run_calls.c and kept.c ------------------------------------------ */

void pa_rpc_run_with_calls(struct pa_rpc *rpc); /* run_calls.c */
void pa_rpc_get_run_file(struct pa_rpc *rpc);   /* kept.c */
void pa_rpc_list_volumes(struct pa_rpc *rpc);
void pa_rpc_remove_volume(struct pa_rpc *rpc);

/* The tool and its parameters; the request, which may hold a module, is freed. */
struct Polyagent__Agent__ToolCallRequest;
int pa_rpc_take_call(struct Polyagent__Agent__ToolCallRequest *request, char **ret_tool,
                     json_t **ret_parameters, struct pa_error *err);

/* Calls a tool and answers with its outcome: the RPC's own work, once its caller is known. */
struct pa_tool_call {
    struct pa_caller *caller;
    const char *tool;
    const json_t *parameters;
    bool typed_only;
    bool streams; /* a stream of ToolCallEvent, not one ToolCallResponse */
    /* The client answers calls of the guest, which are events: told once the run has its id.  NULL:
     * it does not. */
    void (*asks)(void *context, const char *run_id);
    void *context;
};
void pa_rpc_call_tool(struct pa_rpc *rpc, const struct pa_tool_call *call);

/* --- status.c ------------------------------------------------------------------------------- */

/* The end, with the status of the error and what helps the caller in its details: which parameters
 * were wrong (`faults` as tools.h has them, or NULL), when to try again (0: not said). */
void pa_rpc_fail(struct pa_rpc *rpc, const struct pa_error *err, const json_t *faults,
                 uint64_t retry_after_ms);

/* --- message.c ------------------------------------------------------------------------------ */

/* protobuf_c_message_unpack for what a stranger sent: bounded in fields, which cost many times
 * their size on the wire.  INVALID_ARGUMENT. */
void *pa_message_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes,
                        size_t size, struct pa_error *err);
void pa_message_free(void *message); /* NULL */

/* Text of a message as a new string; INVALID_ARGUMENT where it is not UTF-8 or has a NUL. */
int pa_message_text(const ProtobufCBinaryData *text, const char *field, char **ret,
                    struct pa_error *err);

/* Views for messages that go out: nothing is copied. */
ProtobufCBinaryData pa_message_view(const char *text); /* NULL is "" */
ProtobufCBinaryData pa_message_view_json(const json_t *string);

/* A Struct for a message that goes out; the caller frees its data. */
ProtobufCBinaryData pa_message_struct(const json_t *object);

/* --- outcome.c ------------------------------------------------------------------------------ */

struct Polyagent__Agent__ToolCallResponse;

/* The outcome (service.h) as a message, which borrows its text: free it first. */
struct Polyagent__Agent__ToolCallResponse *pa_outcome_message(const json_t *outcome,
                                                              bool typed_only);
void pa_outcome_message_free(struct Polyagent__Agent__ToolCallResponse *message); /* NULL */

#endif
