/*
 * RunWithCalls: a run whose guest may call the client's functions.
 *
 * The RPC's own thread runs the call and sends events, as StreamExecuteTool does; once the run has
 * an id another one receives replies, until the client sends no more or the RPC has ended.  A
 * message that is no reply cancels the run: nobody can tell what its client meant.
 */
#include "server/grpc/grpc_internal.h"

#include "server/grpc/struct_json.h"
#include <agent.pb-c.h>
#include <sys/eventfd.h>

typedef Polyagent__Agent__RunWithCallsRequest request_t;

struct conversation {
    struct pa_rpc *rpc;
    struct pa_caller *caller;
    char run_id[PA_RUN_ID_TEXT];
    pthread_t thread;
    bool started;
};

static request_t *receive(struct pa_rpc *rpc, struct pa_error *err) {
    return pa_rpc_receive(rpc, &polyagent__agent__run_with_calls_request__descriptor, err);
}

/* A reply that comes too late is nobody's. */
static int take_reply(const struct conversation *conversation, const request_t *message,
                      struct pa_error *err) {
    const Polyagent__Agent__CallReply *reply = message->reply;
    struct pa_error late;
    json_t *value;
    if (message->message_case != POLYAGENT__AGENT__RUN_WITH_CALLS_REQUEST__MESSAGE_REPLY)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the message is no reply");
    if (pa_struct_read(reply->reply.data, reply->reply.len, &value, err) < 0)
        return -1;
    const json_t *result = json_object_get(value, "result");
    const char *error = json_string_value(json_object_get(value, "error"));
    int done = json_object_size(value) == 1 && (result || error)
                   ? 0
                   : pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                             "reply: {\"result\": VALUE} or {\"error\": \"why\"} is wanted");
    if (done == 0)
        pa_service_answer(pa_rpc_door(conversation->rpc)->service, conversation->caller,
                          conversation->run_id, reply->call_id, result, error, &late);
    json_decref(value);
    return done;
}

static void *listen_to_client(void *context) {
    struct conversation *conversation = context;
    struct pa_error err;
    request_t *message;
    int done = 0;
    while (done == 0 && (message = receive(conversation->rpc, &err))) {
        done = take_reply(conversation, message, &err);
        pa_message_free(message);
    }
    if (err.code != PA_ERR_NONE)
        eventfd_write(pa_rpc_cancel_fd(conversation->rpc), 1);
    return NULL;
}

static void on_asks(void *context, const char *run_id) {
    struct conversation *conversation = context;
    snprintf(conversation->run_id, sizeof(conversation->run_id), "%s", run_id);
    conversation->started =
        pthread_create(&conversation->thread, NULL, listen_to_client, conversation) == 0;
    if (!conversation->started) /* nobody would hear the replies */
        eventfd_write(pa_rpc_cancel_fd(conversation->rpc), 1);
}

/* The call that the first message brings, which is freed. */
static int take_first(request_t *first, char **ret_tool, json_t **ret_parameters,
                      bool *ret_typed_only, struct pa_error *err) {
    int done = -1;
    if (first->message_case != POLYAGENT__AGENT__RUN_WITH_CALLS_REQUEST__MESSAGE_CALL) {
        pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the first message is to be the call");
    } else {
        *ret_typed_only = first->call->typed_only;
        first->message_case = POLYAGENT__AGENT__RUN_WITH_CALLS_REQUEST__MESSAGE__NOT_SET;
        done = pa_rpc_take_call(pa_steal(&first->call), ret_tool, ret_parameters, err);
    }
    pa_message_free(first);
    return done;
}

static void converse(struct pa_rpc *rpc, struct pa_caller *caller, request_t *first) {
    struct conversation conversation = {.rpc = rpc, .caller = caller};
    PA_CLEANUP(pa_freep) char *tool = NULL;
    json_t *parameters = NULL;
    struct pa_error err;
    struct pa_tool_call call = {
        .caller = caller, .streams = true, .asks = on_asks, .context = &conversation};
    if (take_first(first, &tool, &parameters, &call.typed_only, &err) < 0) {
        pa_rpc_fail(rpc, &err, NULL, 0);
        return;
    }
    call.tool = tool;
    call.parameters = parameters;
    pa_rpc_call_tool(rpc, &call);
    if (conversation.started) /* the RPC has ended, so what it waits for comes */
        pthread_join(conversation.thread, NULL);
    json_decref(parameters);
}

void pa_rpc_run_with_calls(struct pa_rpc *rpc) {
    struct pa_caller *caller;
    struct pa_error err;
    if (!pa_rpc_authenticate(rpc, &caller))
        return;
    request_t *first = receive(rpc, &err);
    if (!first && err.code == PA_ERR_NONE)
        pa_fail(&err, PA_ERR_INVALID_ARGUMENT, "the request has no message");
    if (first)
        converse(rpc, caller, first);
    else
        pa_rpc_fail(rpc, &err, NULL, 0);
    pa_caller_unref(caller);
}
