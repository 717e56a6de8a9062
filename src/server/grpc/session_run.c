/*
 * Turns: calls of the language's tool with a session_id, so that they are queued, counted and
 * written down like any other run.
 *
 * Branches run side by side: each has a thread, and the service's queue decides how many of them
 * have a processor.
 */
#include "server/grpc/session.h"

#include "server/grpc/struct_json.h"
#include "server/new_session.h"

typedef Polyagent__Agent__Branch branch_t;

/* The parameters of a turn; NULL with *err. */
static json_t *turn_parameters(const ProtobufCBinaryData *more, const ProtobufCBinaryData *code,
                               const char *session, struct pa_error *err) {
    json_t *parameters;
    if (pa_struct_read(more->data, more->len, &parameters, err) < 0)
        return NULL;
    json_t *text = json_stringn(code->len ? (const char *)code->data : "", code->len);
    if (!text) {
        pa_fail(err, PA_ERR_INVALID_ARGUMENT, "code is not UTF-8");
        json_decref(parameters);
        return NULL;
    }
    json_object_set_new(parameters, "code", text);
    json_object_set_new(parameters, "session_id", json_string(session));
    return parameters;
}

static int execute(struct pa_asked *asked) {
    Polyagent__Agent__ExecuteRequest *request = asked->request;
    const struct pa_tool *tool;
    json_t *parameters;
    const char *id = pa_asked_text(asked, &request->session, "session");
    if (!id ||
        pa_service_tool_of_session(pa_rpc_door(asked->rpc)->service, asked->caller, id, &tool,
                                   &asked->err) < 0 ||
        !(parameters = turn_parameters(&request->parameters, &request->code, id, &asked->err)))
        return -1;
    pa_rpc_call_tool(asked->rpc, &(struct pa_tool_call){.caller = asked->caller,
                                                        .tool = tool->name,
                                                        .parameters = parameters,
                                                        .typed_only = request->typed_only,
                                                        .streams = true});
    json_decref(parameters);
    return 0;
}

void pa_rpc_session_execute(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__execute_request__descriptor, execute);
}

/* --- branches ------------------------------------------------------------------------------- */

struct branch {
    struct pa_asked *asked;
    const branch_t *request;
    char session[PA_SESSION_NAME_MAX + 1]; /* an id, or a name */
    pthread_t thread;
    bool started;
    int done;
    struct pa_service_reply reply;
    struct pa_error err;
};

static int call_branch(struct branch *branch) {
    struct pa_asked *asked = branch->asked;
    struct pa_service *service = pa_rpc_door(asked->rpc)->service;
    const struct pa_tool *tool;
    json_t *parameters = NULL;
    if (pa_service_tool_of_session(service, asked->caller, branch->session, &tool, &branch->err) ==
        0)
        parameters = turn_parameters(&branch->request->parameters, &branch->request->code,
                                     branch->session, &branch->err);
    if (!parameters)
        return -1;
    PA_CLEANUP(pa_freep) char *traceparent = pa_rpc_metadata(asked->rpc, "traceparent");
    const struct pa_service_call call = {.caller = asked->caller,
                                         .door = "grpc",
                                         .tool = tool->name,
                                         .parameters = parameters,
                                         .traceparent = traceparent,
                                         .deadline_ns = pa_rpc_deadline_ns(asked->rpc),
                                         .cancel_fd = pa_rpc_cancel_fd(asked->rpc)};
    int done = pa_service_call(service, &call, &branch->reply, &branch->err);
    json_decref(parameters);
    return done;
}

static void *run_branch(void *argument) {
    struct branch *branch = argument;
    branch->done = call_branch(branch);
    return NULL;
}

static void run_branches(struct branch *branches, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int failed = pthread_create(&branches[i].thread, NULL, run_branch, &branches[i]);
        branches[i].started = !failed;
        if (failed)
            branches[i].done = pa_fail_errno(&branches[i].err, failed, "cannot start a thread");
    }
    for (size_t i = 0; i < count; i++)
        if (branches[i].started)
            pthread_join(branches[i].thread, NULL);
}

/* Where each branch runs: in the session that it names, or in a fork. */
static int place_branches(struct pa_asked *asked, const char *parent, struct branch *branches,
                          size_t count) {
    char ids[PA_SESSION_FORKS][PA_SESSION_ID_TEXT];
    size_t forks = 0;
    for (size_t i = 0; i < count; i++) {
        PA_CLEANUP(pa_freep) char *own = NULL;
        if (pa_message_text(&branches[i].request->session, "session", &own, &asked->err) < 0)
            return -1;
        if (strlen(own) > PA_SESSION_NAME_MAX)
            return pa_fail(&asked->err, PA_ERR_NOT_FOUND, "there is no session '%.100s'", own);
        snprintf(branches[i].session, sizeof(branches[i].session), "%s", own);
        forks += !*own;
    }
    if (forks &&
        pa_sessions_fork(asked->sessions, &asked->asker, parent, forks, NULL, ids, &asked->err) < 0)
        return -1;
    for (size_t i = 0, at = 0; i < count; i++)
        if (!branches[i].session[0])
            snprintf(branches[i].session, sizeof(branches[i].session), "%s", ids[at++]);
    return 0;
}

static void reply_branches(struct pa_asked *asked, struct branch *branches, size_t count,
                           bool typed_only) {
    Polyagent__Agent__ExecuteBranchesResponse response =
        POLYAGENT__AGENT__EXECUTE_BRANCHES_RESPONSE__INIT;
    Polyagent__Agent__BranchOutcome outcomes[PA_SESSION_FORKS], *list[PA_SESSION_FORKS];
    for (size_t i = 0; i < count; i++) {
        Polyagent__Agent__BranchOutcome *to = list[i] = &outcomes[i];
        polyagent__agent__branch_outcome__init(to);
        to->session = pa_message_view(branches[i].session);
        if (branches[i].done == 0) {
            to->outcome = pa_outcome_message(branches[i].reply.outcome, typed_only);
        } else {
            to->code = pa_error_code_grpc(branches[i].err.code);
            to->message = pa_message_view(branches[i].err.message);
        }
    }
    response.branches = list;
    response.n_branches = count;
    pa_rpc_reply(asked->rpc, &response.base);
    for (size_t i = 0; i < count; i++)
        pa_outcome_message_free(outcomes[i].outcome);
}

static int execute_branches(struct pa_asked *asked) {
    Polyagent__Agent__ExecuteBranchesRequest *request = asked->request;
    size_t count = request->n_branches;
    PA_CLEANUP(pa_freep)
    struct branch *branches = pa_xcalloc(PA_SESSION_FORKS, sizeof(*branches));
    const char *parent = pa_asked_text(asked, &request->session, "session");
    if (!parent)
        return -1;
    if (count < 1 || count > PA_SESSION_FORKS)
        return pa_fail(&asked->err, PA_ERR_INVALID_ARGUMENT,
                       "there are %zu branches; one call runs 1 to %d", count, PA_SESSION_FORKS);
    for (size_t i = 0; i < count; i++)
        branches[i] = (struct branch){.asked = asked, .request = request->branches[i]};
    if (place_branches(asked, parent, branches, count) < 0)
        return -1;
    run_branches(branches, count);
    reply_branches(asked, branches, count, request->typed_only);
    for (size_t i = 0; i < count; i++)
        pa_service_reply_done(&branches[i].reply);
    return 0;
}

void pa_rpc_session_execute_branches(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__execute_branches_request__descriptor, execute_branches);
}
