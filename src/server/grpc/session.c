/*
 * polyagent.agent.SessionService: sessions and their trees.  Each method is one call of
 * run/sessions.h, by the caller's name as the owner; what needs a queue and an account (a turn)
 * goes through the service (session_run.c).
 */
#include "server/grpc/session.h"

#include "server/grpc/struct_json.h"
#include "server/new_session.h"

typedef Polyagent__Agent__SessionRequest session_request_t;

#define SESSION_REQUEST (&polyagent__agent__session_request__descriptor)

/* --- what every method begins and ends with ------------------------------------------------- */

bool pa_asked_begin(struct pa_asked *asked, struct pa_rpc *rpc,
                    const ProtobufCMessageDescriptor *descriptor) {
    *asked = (struct pa_asked){.rpc = rpc};
    if (!pa_rpc_authenticate(rpc, &asked->caller))
        return false;
    asked->owner = pa_caller_name(asked->caller);
    asked->asker =
        (struct pa_session_asker){asked->owner, pa_rpc_deadline_ns(rpc), pa_rpc_cancel_fd(rpc)};
    asked->sessions = pa_service_sessions(pa_rpc_door(rpc)->service);
    if (!asked->sessions)
        pa_fail(&asked->err, PA_ERR_FAILED_PRECONDITION, "this server keeps no sessions");
    else if (!pa_caller_may(asked->caller, "sessions"))
        pa_fail(&asked->err, PA_ERR_PERMISSION_DENIED, "the key of %s has no scope 'sessions'",
                asked->owner);
    else if (!descriptor || (asked->request = pa_rpc_request(rpc, descriptor)))
        return true;
    if (asked->err.code != PA_ERR_NONE) /* else pa_rpc_request has answered */
        pa_asked_fail(asked);
    pa_asked_end(asked);
    return false;
}

void pa_asked_end(struct pa_asked *asked) {
    for (size_t i = 0; i < asked->text_count; i++)
        free(asked->texts[i]);
    pa_message_free(asked->request);
    pa_caller_unref(asked->caller);
}

void pa_asked_fail(struct pa_asked *asked) {
    pa_rpc_fail(asked->rpc, &asked->err, NULL, 0);
}

const char *pa_asked_text(struct pa_asked *asked, const ProtobufCBinaryData *text,
                          const char *field) {
    PA_ASSERT(asked->text_count < PA_ASKED_TEXTS);
    char *copy;
    if (pa_message_text(text, field, &copy, &asked->err) < 0)
        return NULL;
    asked->texts[asked->text_count++] = copy;
    return copy;
}

/* A request that names a session and nothing else. */
static const char *begin_named(struct pa_asked *asked, struct pa_rpc *rpc) {
    if (!pa_asked_begin(asked, rpc, SESSION_REQUEST))
        return NULL;
    session_request_t *request = asked->request;
    const char *id = pa_asked_text(asked, &request->session, "session");
    if (id)
        return id;
    pa_asked_fail(asked);
    pa_asked_end(asked);
    return NULL;
}

static void reply_session(struct pa_asked *asked, const json_t *session) {
    Polyagent__Agent__Session *message = pa_session_message(session);
    pa_rpc_reply(asked->rpc, &message->base);
    pa_session_message_free(message);
}

/* Answers with what the session is now, or with the error of what was done to it. */
static void reply_state(struct pa_asked *asked, const char *id, int done) {
    json_t *state = NULL;
    if (done < 0 || pa_sessions_inspect(asked->sessions, asked->owner, id, &state, &asked->err) < 0)
        pa_asked_fail(asked);
    else
        reply_session(asked, state);
    json_decref(state);
}

/* --- making and ending ---------------------------------------------------------------------- */

static int set_text(struct pa_asked *asked, json_t *parameters, const char *key,
                    const ProtobufCBinaryData *from) {
    const char *text = pa_asked_text(asked, from, key);
    if (text && *text)
        json_object_set_new(parameters, key, json_string(text));
    return text ? 0 : -1;
}

static void set_time(json_t *parameters, const char *key, uint64_t ms) {
    if (ms)
        json_object_set_new(parameters, key, json_integer((json_int_t)PA_MIN(ms, INT64_MAX)));
}

/* The request as the parameters that new_session.h takes; NULL with asked->err. */
static json_t *create_parameters(struct pa_asked *asked) {
    Polyagent__Agent__CreateSessionRequest *request = asked->request;
    json_t *parameters, *labels = NULL;
    if (pa_struct_read(request->parameters.data, request->parameters.len, &parameters,
                       &asked->err) < 0)
        return NULL;
    if (set_text(asked, parameters, "language", &request->language) < 0 ||
        set_text(asked, parameters, "name", &request->name) < 0 ||
        pa_labels_read(request->labels, request->n_labels, &labels, &asked->err) < 0) {
        json_decref(parameters);
        return NULL;
    }
    if (labels)
        json_object_set_new(parameters, "labels", labels);
    if (request->recover)
        json_object_set_new(parameters, "recover", json_true());
    set_time(parameters, "idle_ms", request->idle_ms);
    set_time(parameters, "life_ms", request->life_ms);
    return parameters;
}

static void create(struct pa_rpc *rpc) {
    struct pa_asked asked;
    if (!pa_asked_begin(&asked, rpc, &polyagent__agent__create_session_request__descriptor))
        return;
    const struct pa_new_session_how how = {.deadline_ns = pa_rpc_deadline_ns(rpc),
                                           .cancel_fd = pa_rpc_cancel_fd(rpc)};
    json_t *session = NULL, *faults = NULL, *parameters = create_parameters(&asked);
    if (parameters && pa_service_new_session(pa_rpc_door(rpc)->service, asked.caller, parameters,
                                             &how, &session, &faults, &asked.err) == 0)
        reply_session(&asked, session);
    else
        pa_rpc_fail(rpc, &asked.err, faults, 0);
    json_decref(session);
    json_decref(faults);
    json_decref(parameters);
    pa_asked_end(&asked);
}

static void end(struct pa_rpc *rpc) {
    struct pa_asked asked;
    const char *id = begin_named(&asked, rpc);
    if (!id)
        return;
    const Polyagent__Agent__EndSessionResponse response =
        POLYAGENT__AGENT__END_SESSION_RESPONSE__INIT;
    if (pa_sessions_end(asked.sessions, asked.owner, id, &asked.err) < 0)
        pa_asked_fail(&asked);
    else
        pa_rpc_reply(rpc, &response.base);
    pa_asked_end(&asked);
}

static void interrupt(struct pa_rpc *rpc) {
    struct pa_asked asked;
    const char *id = begin_named(&asked, rpc);
    if (!id)
        return;
    Polyagent__Agent__InterruptResponse response = POLYAGENT__AGENT__INTERRUPT_RESPONSE__INIT;
    bool running;
    if (pa_sessions_interrupt(asked.sessions, asked.owner, id, &running, &asked.err) < 0) {
        pa_asked_fail(&asked);
    } else {
        response.running = running;
        pa_rpc_reply(rpc, &response.base);
    }
    pa_asked_end(&asked);
}

static void reply_forks(struct pa_asked *asked, char (*ids)[PA_SESSION_ID_TEXT], size_t count) {
    Polyagent__Agent__ForkResponse response = POLYAGENT__AGENT__FORK_RESPONSE__INIT;
    ProtobufCBinaryData texts[PA_SESSION_FORKS];
    for (size_t i = 0; i < count; i++)
        texts[i] = pa_message_view(ids[i]);
    response.sessions = texts;
    response.n_sessions = count;
    pa_rpc_reply(asked->rpc, &response.base);
}

static void fork_session(struct pa_rpc *rpc) {
    struct pa_asked asked;
    if (!pa_asked_begin(&asked, rpc, &polyagent__agent__fork_request__descriptor))
        return;
    Polyagent__Agent__ForkRequest *request = asked.request;
    char ids[PA_SESSION_FORKS][PA_SESSION_ID_TEXT];
    size_t count = PA_MAX(request->count, 1);
    json_t *labels = NULL;
    const char *id = pa_asked_text(&asked, &request->session, "session");
    int done = id ? pa_labels_read(request->labels, request->n_labels, &labels, &asked.err) : -1;
    if (done == 0 && count > PA_SESSION_FORKS)
        done = pa_fail(&asked.err, PA_ERR_INVALID_ARGUMENT,
                       "count is %zu; one call makes 1 to %d forks", count, PA_SESSION_FORKS);
    if (done == 0)
        done = pa_sessions_fork(asked.sessions, &asked.asker, id, count, labels, ids, &asked.err);
    if (done == 0)
        reply_forks(&asked, ids, count);
    else
        pa_asked_fail(&asked);
    json_decref(labels);
    pa_asked_end(&asked);
}

static void checkpoint(struct pa_rpc *rpc,
                       int (*act)(struct pa_sessions *sessions,
                                  const struct pa_session_asker *asker, const char *id,
                                  const char *checkpoint, struct pa_error *err)) {
    struct pa_asked asked;
    if (!pa_asked_begin(&asked, rpc, &polyagent__agent__checkpoint_request__descriptor))
        return;
    Polyagent__Agent__CheckpointRequest *request = asked.request;
    const char *id = pa_asked_text(&asked, &request->session, "session");
    const char *name = id ? pa_asked_text(&asked, &request->checkpoint, "checkpoint") : NULL;
    reply_state(&asked, id, name ? act(asked.sessions, &asked.asker, id, name, &asked.err) : -1);
    pa_asked_end(&asked);
}

static void keep(struct pa_rpc *rpc) {
    checkpoint(rpc, pa_sessions_keep);
}

static void go_back(struct pa_rpc *rpc) {
    checkpoint(rpc, pa_sessions_go_back);
}

static void drop(struct pa_rpc *rpc) {
    checkpoint(rpc, pa_sessions_drop);
}

/* --- what is told of them ------------------------------------------------------------------- */

static void list(struct pa_rpc *rpc) {
    struct pa_asked asked;
    if (!pa_asked_begin(&asked, rpc, &polyagent__agent__list_sessions_request__descriptor))
        return;
    Polyagent__Agent__ListSessionsResponse response =
        POLYAGENT__AGENT__LIST_SESSIONS_RESPONSE__INIT;
    json_t *sessions = pa_sessions_list(asked.sessions, asked.owner);
    response.sessions = pa_session_messages(sessions, &response.n_sessions);
    pa_rpc_reply(rpc, &response.base);
    pa_session_messages_free(response.sessions, response.n_sessions);
    json_decref(sessions);
    pa_asked_end(&asked);
}

static void inspect(struct pa_rpc *rpc) {
    struct pa_asked asked;
    const char *id = begin_named(&asked, rpc);
    if (!id)
        return;
    reply_state(&asked, id, 0);
    pa_asked_end(&asked);
}

static void reply_tree(struct pa_asked *asked, const json_t *tree) {
    Polyagent__Agent__TreeResponse response = POLYAGENT__AGENT__TREE_RESPONSE__INIT;
    const json_t *roots = json_object_get(tree, "roots");
    response.tree = pa_message_view_json(json_object_get(tree, "tree"));
    response.n_roots = json_array_size(roots);
    response.roots = pa_xcalloc(response.n_roots + 1, sizeof(*response.roots));
    for (size_t i = 0; i < response.n_roots; i++)
        response.roots[i] = pa_message_view_json(json_array_get(roots, i));
    response.nodes = pa_session_messages(json_object_get(tree, "nodes"), &response.n_nodes);
    pa_rpc_reply(asked->rpc, &response.base);
    pa_session_messages_free(response.nodes, response.n_nodes);
    free(response.roots);
}

static void tree(struct pa_rpc *rpc) {
    struct pa_asked asked;
    const char *id = begin_named(&asked, rpc);
    if (!id)
        return;
    json_t *found = NULL;
    if (pa_sessions_tree(asked.sessions, asked.owner, id, &found, &asked.err) < 0)
        pa_asked_fail(&asked);
    else
        reply_tree(&asked, found);
    json_decref(found);
    pa_asked_end(&asked);
}

static void reply_variables(struct pa_asked *asked, const json_t *found) {
    Polyagent__Agent__VariablesResponse response = POLYAGENT__AGENT__VARIABLES_RESPONSE__INIT;
    size_t count = json_array_size(found);
    Polyagent__Agent__Variable *variables = pa_xcalloc(count + 1, sizeof(*variables));
    Polyagent__Agent__Variable **pointers = pa_xcalloc(count + 1, sizeof(*pointers));
    for (size_t i = 0; i < count; i++) {
        const json_t *from = json_array_get(found, i);
        Polyagent__Agent__Variable *to = pointers[i] = &variables[i];
        polyagent__agent__variable__init(to);
        to->name = pa_message_view_json(json_object_get(from, "name"));
        to->type = pa_message_view_json(json_object_get(from, "type"));
        to->repr = pa_message_view_json(json_object_get(from, "repr"));
        to->size = (uint64_t)PA_MAX(json_integer_value(json_object_get(from, "size")), 0);
    }
    response.variables = pointers;
    response.n_variables = count;
    pa_rpc_reply(asked->rpc, &response.base);
    free(pointers);
    free(variables);
}

static void variables(struct pa_rpc *rpc) {
    struct pa_asked asked;
    const char *id = begin_named(&asked, rpc);
    if (!id)
        return;
    json_t *found = NULL;
    if (pa_sessions_variables(asked.sessions, asked.owner, id, pa_rpc_deadline_ns(rpc),
                              pa_rpc_cancel_fd(rpc), &found, &asked.err) < 0)
        pa_asked_fail(&asked);
    else
        reply_variables(&asked, found);
    json_decref(found);
    pa_asked_end(&asked);
}

#define METHOD(name, serve)                                                                        \
    { PA_SESSION_SERVICE name, serve, PA_METHOD_BLOCKS, false }

const struct pa_method pa_session_methods[] = {
    METHOD("Create", create),
    METHOD("Execute", pa_rpc_session_execute),
    METHOD("List", list),
    METHOD("Inspect", inspect),
    METHOD("Variables", variables),
    METHOD("Interrupt", interrupt),
    METHOD("End", end),
    METHOD("Fork", fork_session),
    METHOD("Tree", tree),
    METHOD("ExecuteBranches", pa_rpc_session_execute_branches),
    METHOD("Keep", keep),
    METHOD("GoBack", go_back),
    METHOD("Drop", drop),
    {PA_SESSION_SERVICE "PutFile", pa_session_put_file, PA_METHOD_STAYS, true},
    METHOD("GetFile", pa_session_get_file),
    METHOD("StatFile", pa_session_stat_file),
    METHOD("ListFiles", pa_session_list_files),
    METHOD("SearchFiles", pa_session_search_files),
    METHOD("MakeFolder", pa_session_make_folder),
    METHOD("RenameFile", pa_session_rename_file),
    METHOD("DeleteFile", pa_session_delete_file),
    {0}};
