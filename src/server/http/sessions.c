/*
 * Sessions: what there is, turns in them, and forks.
 *
 * A turn is a call of the language's executor tool with the session's id, so it waits in the same
 * queue, has the same limits and the same account as every call.  Branches are such calls side by
 * side, one thread each.
 */
#include "server/http/sessions.h"
#include "server/new_session.h"

#include <errno.h>

static const char *owner_of(const struct pa_http_request *request) {
    return pa_caller_name(request->caller);
}

struct pa_session_asker pa_http_asker(const struct pa_http_request *request) {
    return (struct pa_session_asker){owner_of(request), request->deadline_ns,
                                     pa_http_peer_gone_fd(request->peer)};
}

static struct pa_sessions *sessions_of(struct pa_http_request *request, struct pa_error *err) {
    struct pa_sessions *sessions = pa_service_sessions(request->door->service);
    if (!sessions)
        pa_fail(err, PA_ERR_FAILED_PRECONDITION, "this server keeps no sessions");
    return sessions;
}

/* --- life ------------------------------------------------------------------------------------- */

int pa_http_post_session(struct pa_http_request *request, struct pa_error *err) {
    const struct pa_new_session_how how = {request->deadline_ns,
                                           pa_http_peer_gone_fd(request->peer)};
    json_t *session;
    if (pa_service_new_session(request->door->service, request->caller, request->json, &how,
                               &session, &request->faults, err) < 0)
        return -1;
    pa_http_add_header(request, "Location", "/v1/sessions/%s",
                       json_string_value(json_object_get(session, "id")));
    return pa_http_reply_json(request, MHD_HTTP_CREATED, session);
}

int pa_http_get_sessions(struct pa_http_request *request, struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    if (!sessions)
        return -1;
    json_t *list = pa_sessions_list(sessions, owner_of(request));
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o}", "sessions", list));
}

typedef int view_call(struct pa_sessions *, const char *, const char *, json_t **,
                      struct pa_error *);

static int reply_view(struct pa_http_request *request, view_call *view, struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    json_t *value;
    if (!sessions || view(sessions, owner_of(request), request->params[0], &value, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK, value);
}

int pa_http_get_session(struct pa_http_request *request, struct pa_error *err) {
    return reply_view(request, pa_sessions_inspect, err);
}

int pa_http_get_tree(struct pa_http_request *request, struct pa_error *err) {
    return reply_view(request, pa_sessions_tree, err);
}

int pa_http_delete_session(struct pa_http_request *request, struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    if (!sessions || pa_sessions_end(sessions, owner_of(request), request->params[0], err) < 0)
        return -1;
    return pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}

int pa_http_get_variables(struct pa_http_request *request, struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    json_t *variables = NULL;
    if (!sessions ||
        pa_sessions_variables(sessions, owner_of(request), request->params[0], request->deadline_ns,
                              pa_http_peer_gone_fd(request->peer), &variables, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o}", "variables", variables));
}

int pa_http_is_complete(struct pa_http_request *request, struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    const json_t *code = json_object_get(request->json, "code");
    bool complete;
    if (!sessions)
        return -1;
    if (!json_is_string(code))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "\"code\" is wanted, the text typed so far");
    if (pa_sessions_is_complete(sessions, owner_of(request), request->params[0],
                                json_string_value(code), json_string_length(code),
                                request->deadline_ns, pa_http_peer_gone_fd(request->peer),
                                &complete, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:b}", "complete", complete));
}

int pa_http_interrupt(struct pa_http_request *request, struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    bool running;
    if (!sessions ||
        pa_sessions_interrupt(sessions, owner_of(request), request->params[0], &running, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:b}", "was_running", running));
}

int pa_http_fork(struct pa_http_request *request, struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    const json_t *count = json_object_get(request->json, "count");
    json_t *labels = json_object_get(request->json, "labels");
    json_int_t copies = count ? json_integer_value(count) : 1;
    char ids[PA_SESSION_FORKS][PA_SESSION_ID_TEXT];
    const struct pa_session_asker asker = pa_http_asker(request);
    if (!sessions)
        return -1;
    if (copies < 1 || copies > PA_SESSION_FORKS || (labels && !json_is_object(labels)))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "a fork takes \"count\" from 1 to %d and \"labels\", an object of strings",
                       PA_SESSION_FORKS);
    if (pa_sessions_fork(sessions, &asker, request->params[0], (size_t)copies, labels, ids, err) <
        0)
        return -1;
    json_t *list = json_array();
    for (json_int_t i = 0; i < copies; i++)
        json_array_append_new(list, json_string(ids[i]));
    return pa_http_reply_json(request, MHD_HTTP_CREATED, json_pack("{s:o}", "sessions", list));
}

/* --- checkpoints ------------------------------------------------------------------------------ */

typedef int checkpoint_call(struct pa_sessions *, const struct pa_session_asker *, const char *,
                            const char *, struct pa_error *);

static int checkpoint(struct pa_http_request *request, checkpoint_call *call,
                      struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    const struct pa_session_asker asker = pa_http_asker(request);
    if (!sessions || call(sessions, &asker, request->params[0], request->params[1], err) < 0)
        return -1;
    return pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}

int pa_http_keep(struct pa_http_request *request, struct pa_error *err) {
    return checkpoint(request, pa_sessions_keep, err);
}

int pa_http_go_back(struct pa_http_request *request, struct pa_error *err) {
    return checkpoint(request, pa_sessions_go_back, err);
}

int pa_http_drop(struct pa_http_request *request, struct pa_error *err) {
    return checkpoint(request, pa_sessions_drop, err);
}

/* --- turns ------------------------------------------------------------------------------------ */

int pa_http_execute(struct pa_http_request *request, struct pa_error *err) {
    const struct pa_tool *tool;
    if (pa_service_tool_of_session(request->door->service, request->caller, request->params[0],
                                   &tool, err) < 0)
        return -1;
    if (json_object_get(request->json, "session_id"))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "session_id is in the path already");
    json_t *parameters = pa_steal(&request->json);
    json_object_set_new(parameters, "session_id", json_string(request->params[0]));
    return pa_http_run_tool(request, tool->name, parameters, NULL, err);
}

/* One branch: a call on a thread of its own. */
struct branch {
    struct pa_service_call call;
    struct pa_service_reply reply;
    struct pa_error err;
    const struct pa_tool *tool;
    json_t *parameters;
    pthread_t thread;
    struct pa_service *service;
    int done, started;
};

static void *run_branch(void *context) {
    struct branch *branch = context;
    branch->done = pa_service_call(branch->service, &branch->call, &branch->reply, &branch->err);
    return NULL;
}

static int prepare_branch(struct pa_http_request *request, struct branch *branch, json_t *item,
                          struct pa_error *err) {
    const char *session = json_string_value(json_object_get(item, "session_id"));
    if (!session)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "each of \"branches\" is an object with a session_id and the parameters of "
                       "a turn");
    if (pa_service_tool_of_session(request->door->service, request->caller, session, &branch->tool,
                                   err) < 0)
        return -1;
    branch->service = request->door->service;
    branch->parameters = json_incref(item);
    branch->call = (struct pa_service_call){.caller = request->caller,
                                            .door = "http",
                                            .tool = branch->tool->name,
                                            .parameters = item,
                                            .traceparent = pa_http_header(request, "traceparent"),
                                            .deadline_ns = request->deadline_ns,
                                            .cancel_fd = pa_http_peer_gone_fd(request->peer)};
    return 0;
}

/* What came of one: its outcome, or a problem. */
static json_t *describe_branch(const struct branch *branch) {
    json_t *item = json_object();
    json_object_set(item, "session_id", json_object_get(branch->parameters, "session_id"));
    if (branch->done == 0) {
        json_object_set(item, "outcome", branch->reply.outcome);
        return item;
    }
    struct pa_http_request shown = {.faults = branch->reply.faults,
                                    .retry_after_ms = branch->reply.retry_after_ms};
    memcpy(shown.run_id, branch->reply.run_id, sizeof(shown.run_id));
    json_object_set_new(
        item, "problem",
        pa_http_problem(&shown, (unsigned)pa_error_code_http(branch->err.code), &branch->err));
    return item;
}

static json_t *run_branches(struct branch *branches, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        int failed = pthread_create(&branches[i].thread, NULL, run_branch, &branches[i]);
        branches[i].started = !failed;
        if (failed)
            branches[i].done =
                pa_fail_errno(&branches[i].err, failed, "cannot start a thread for the turn");
    }
    for (size_t i = 0; i < count; i++) {
        if (branches[i].started)
            pthread_join(branches[i].thread, NULL);
        json_array_append_new(list, describe_branch(&branches[i]));
    }
    return list;
}

int pa_http_execute_branches(struct pa_http_request *request, struct pa_error *err) {
    json_t *items = json_object_get(request->json, "branches");
    size_t count = json_array_size(items), ready = 0;
    if (!count || count > PA_SESSION_FORKS)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "\"branches\" is wanted, an array of 1 to %d objects", PA_SESSION_FORKS);
    struct branch *branches = pa_xcalloc(count, sizeof(*branches));
    int done = 0;
    for (; ready < count && done == 0; ready++)
        done = prepare_branch(request, &branches[ready], json_array_get(items, ready), err);
    json_t *list = done == 0 ? run_branches(branches, count) : NULL;
    for (size_t i = 0; i < ready; i++) {
        pa_service_reply_done(&branches[i].reply);
        json_decref(branches[i].parameters);
    }
    free(branches);
    return done < 0
               ? -1
               : pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o}", "branches", list));
}
