/*
 * A tools/call, on a thread of its own.
 *
 * Its cancellation is an eventfd that the service watches; a call that the client cancelled is not
 * answered any more, as the protocol asks.  What happens on the way is told as progress, where the
 * client gave a token: each phase, and output as it comes, at most one message in PROGRESS_NS,
 * since what is left out is in the result all the same.
 *
 * A call is in the session's list until its thread has nothing more to do with the session.
 */
#include "server/mcp/mcp_internal.h"

#include "base/clock.h"
#include <sys/eventfd.h>
#include <unistd.h>

#define PROGRESS_NS   (50 * PA_NS_PER_MS)
#define PROGRESS_TEXT 2000 /* bytes of output in one message */

struct pa_mcp_call {
    struct pa_mcp *session;
    struct pa_mcp_call *next;
    json_t *id, *params;
    bool stateless;
    char traceparent[PA_TRACE_TEXT]; /* or "" */
    int cancel_fd;
    bool cancelled; /* under the session's lock */

    const json_t *token; /* of progress, in params; NULL: nobody wants it */
    uint64_t told_ns;
    json_int_t progress;
};

static bool is_cancelled(struct pa_mcp_call *call) {
    pthread_mutex_lock(&call->session->lock);
    bool cancelled = call->cancelled;
    pthread_mutex_unlock(&call->session->lock);
    return cancelled;
}

/* --- progress --------------------------------------------------------------------------------- */

static bool tell(struct pa_mcp_call *call, const char *text, size_t size) {
    json_t *message = json_stringn(text, size);
    if (!message) /* a piece of binary output, or one that ends inside a character */
        return true;
    call->told_ns = pa_clock_monotonic_ns();
    json_t *params = json_pack("{s:O, s:I, s:o}", "progressToken", call->token, "progress",
                               ++call->progress, "message", message);
    return pa_mcp_send_notification(call->session, call->id, "notifications/progress", params);
}

static void on_phase(void *context, const char *phase) {
    tell(context, phase, strlen(phase));
}

static bool on_output(void *context, enum pa_output output, const void *bytes, size_t size) {
    struct pa_mcp_call *call = context;
    if (pa_clock_monotonic_ns() - call->told_ns < PROGRESS_NS)
        return true;
    return tell(call, bytes, PA_MIN(size, (size_t)PROGRESS_TEXT));
}

/* --- the call --------------------------------------------------------------------------------- */

static void send_outcome(struct pa_mcp_call *call, const struct pa_service_reply *reply,
                         const struct pa_error *err) {
    const struct pa_mcp_request request = {.id = call->id, .stateless = call->stateless};
    if (is_cancelled(call))
        return;
    if (err && err->code == PA_ERR_NOT_FOUND && !reply->run_id[0])
        pa_mcp_send_error(call->session, call->id, PA_MCP_INVALID_PARAMS, NULL, "%s", err->message);
    else
        pa_mcp_send_result(call->session, &request, pa_mcp_tool_result(reply, err));
}

static void run_session_tool(struct pa_mcp_call *call, const char *name, const json_t *arguments) {
    const struct pa_mcp_request request = {.id = call->id, .stateless = call->stateless};
    struct pa_service_reply reply = {0};
    struct pa_error err;
    json_t *value = NULL;
    int failed = pa_mcp_call_session_tool(call->session, name, arguments, call->cancel_fd, &value,
                                          &reply.faults, &err);
    if (is_cancelled(call))
        json_decref(value);
    else
        pa_mcp_send_result(call->session, &request,
                           failed ? pa_mcp_tool_result(&reply, &err) : pa_mcp_value_result(value));
    pa_service_reply_done(&reply);
}

static void run_tool(struct pa_mcp_call *call, const char *name, const json_t *arguments) {
    const struct pa_tool_events events = {.phase = on_phase, .output = on_output, .context = call};
    const struct pa_service_call wanted = {.caller = call->session->config.caller,
                                           .door = "mcp",
                                           .tool = name,
                                           .parameters = arguments,
                                           .traceparent =
                                               call->traceparent[0] ? call->traceparent : NULL,
                                           .deadline_ns = PA_NEVER,
                                           .cancel_fd = call->cancel_fd,
                                           .no_calls = "nothing: a client of MCP cannot be "
                                                       "asked while its call runs; use gRPC or "
                                                       "HTTP",
                                           .events = call->token ? &events : NULL};
    struct pa_service_reply reply = {0};
    struct pa_error err;
    int failed = pa_service_call(call->session->config.service, &wanted, &reply, &err);
    send_outcome(call, &reply, failed ? &err : NULL);
    pa_service_reply_done(&reply);
}

static void run(struct pa_mcp_call *call) {
    const char *name = json_string_value(json_object_get(call->params, "name"));
    const json_t *arguments = json_object_get(call->params, "arguments");
    PA_CLEANUP(json_decrefp) json_t *nothing = json_object();
    if (!arguments)
        arguments = nothing;
    if (pa_mcp_is_session_tool(call->session, name))
        run_session_tool(call, name, arguments);
    else
        run_tool(call, name, arguments);
}

static void free_call(struct pa_mcp_call *call) {
    pa_closep(&call->cancel_fd);
    json_decref(call->id);
    json_decref(call->params);
    free(call);
}

static void unlist(struct pa_mcp_call *call) {
    struct pa_mcp *session = call->session;
    pthread_mutex_lock(&session->lock);
    struct pa_mcp_call **link = &session->calls;
    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    pa_closep(&call->cancel_fd); /* while nobody can find it to write to it */
    session->call_count--;
    pthread_cond_broadcast(&session->fewer);
    pthread_mutex_unlock(&session->lock);
    free_call(call);
}

static void *run_call(void *context) {
    struct pa_mcp_call *call = context;
    run(call);
    unlist(call);
    return NULL;
}

static bool list(struct pa_mcp_call *call) {
    struct pa_mcp *session = call->session;
    pthread_mutex_lock(&session->lock);
    bool room = !session->closed && session->call_count < PA_MCP_MAX_CALLS;
    if (room) {
        call->next = session->calls;
        session->calls = call;
        session->call_count++;
    }
    pthread_mutex_unlock(&session->lock);
    return room;
}

static void refuse(struct pa_mcp *session, const json_t *id, const char *why) {
    pa_mcp_send_error(session, id, PA_MCP_INTERNAL_ERROR, NULL, "%s", why);
}

static void start(struct pa_mcp_call *call) {
    pthread_t thread;
    if (call->cancel_fd < 0) {
        refuse(call->session, call->id, "too many open files for another call");
        free_call(call);
    } else if (!list(call)) {
        refuse(call->session, call->id,
               "this session has as many calls under way as it may: wait for one to end");
        free_call(call);
    } else if (pthread_create(&thread, NULL, run_call, call) != 0) {
        refuse(call->session, call->id, "there is no thread for another call");
        unlist(call);
    } else {
        pthread_detach(thread);
    }
}

void pa_mcp_call_start(struct pa_mcp *session, const struct pa_mcp_request *request) {
    const json_t *arguments = json_object_get(request->params, "arguments");
    const json_t *token =
        json_object_get(json_object_get(request->params, "_meta"), "progressToken");
    if (!json_is_string(json_object_get(request->params, "name")) ||
        (arguments && !json_is_object(arguments))) {
        pa_mcp_send_error(session, request->id, PA_MCP_INVALID_PARAMS, NULL,
                          "params.name must be the name of a tool, params.arguments an object");
        return;
    }
    struct pa_mcp_call *call = pa_xcalloc(1, sizeof(*call));
    *call = (struct pa_mcp_call){.session = session,
                                 .id = json_incref((json_t *)(uintptr_t)request->id),
                                 .params = json_incref((json_t *)(uintptr_t)request->params),
                                 .stateless = request->stateless,
                                 .cancel_fd = eventfd(0, EFD_CLOEXEC),
                                 .token = json_is_string(token) || json_is_integer(token) ? token
                                                                                          : NULL};
    if (request->traceparent)
        snprintf(call->traceparent, sizeof(call->traceparent), "%s", request->traceparent);
    start(call);
}

/* --- cancellation ----------------------------------------------------------------------------- */

static void cancel(struct pa_mcp_call *call) {
    call->cancelled = true;
    eventfd_write(call->cancel_fd, 1); /* cannot be full */
}

void pa_mcp_call_cancel(struct pa_mcp *session, const json_t *id) {
    pthread_mutex_lock(&session->lock);
    for (struct pa_mcp_call *call = session->calls; call; call = call->next)
        if (json_equal(call->id, id))
            cancel(call);
    pthread_mutex_unlock(&session->lock);
}

void pa_mcp_call_cancel_all(struct pa_mcp *session) {
    pthread_mutex_lock(&session->lock);
    for (struct pa_mcp_call *call = session->calls; call; call = call->next)
        cancel(call);
    pthread_mutex_unlock(&session->lock);
}
