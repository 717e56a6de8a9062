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

/* Who asks, and what; false where asked->err, or pa_rpc_request, has the answer. */
static bool begin(struct pa_asked *asked, const ProtobufCMessageDescriptor *descriptor) {
    struct pa_rpc *rpc = asked->rpc;
    asked->owner = pa_caller_name(asked->caller);
    asked->asker =
        (struct pa_session_asker){asked->owner, pa_rpc_deadline_ns(rpc), pa_rpc_cancel_fd(rpc)};
    asked->sessions = pa_service_sessions(pa_rpc_door(rpc)->service);
    if (!asked->sessions)
        pa_fail(&asked->err, PA_ERR_FAILED_PRECONDITION, "this server keeps no sessions");
    else if (!pa_caller_may(asked->caller, "sessions"))
        pa_fail(&asked->err, PA_ERR_PERMISSION_DENIED, "the key of %s has no scope 'sessions'",
                asked->owner);
    else
        return !descriptor || (asked->request = pa_rpc_request(rpc, descriptor));
    return false;
}

void pa_asked_serve(struct pa_rpc *rpc, const ProtobufCMessageDescriptor *descriptor,
                    pa_asked_act *act) {
    struct pa_asked asked = {.rpc = rpc};
    if (!pa_rpc_authenticate(rpc, &asked.caller))
        return;
    if ((begin(&asked, descriptor) ? act(&asked) : -1) < 0 && asked.err.code != PA_ERR_NONE)
        pa_rpc_fail(rpc, &asked.err, asked.faults, 0);
    for (size_t i = 0; i < asked.text_count; i++)
        free(asked.texts[i]);
    json_decref(asked.faults);
    pa_message_free(asked.request);
    pa_caller_unref(asked.caller);
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

/* The session of a request that names nothing else. */
static const char *named(struct pa_asked *asked) {
    session_request_t *request = asked->request;
    return pa_asked_text(asked, &request->session, "session");
}

static void reply_session(struct pa_asked *asked, const json_t *session) {
    Polyagent__Agent__Session *message = pa_session_message(session);
    pa_rpc_reply(asked->rpc, &message->base);
    pa_session_message_free(message);
}

/* Answers with what the session is now. */
static int reply_state(struct pa_asked *asked, const char *id) {
    json_t *state;
    if (pa_sessions_inspect(asked->sessions, asked->owner, id, &state, &asked->err) < 0)
        return -1;
    reply_session(asked, state);
    json_decref(state);
    return 0;
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

static int create_session(struct pa_asked *asked) {
    const struct pa_new_session_how how = {.deadline_ns = pa_rpc_deadline_ns(asked->rpc),
                                           .cancel_fd = pa_rpc_cancel_fd(asked->rpc)};
    json_t *session, *parameters = create_parameters(asked);
    int done = parameters
                   ? pa_service_new_session(pa_rpc_door(asked->rpc)->service, asked->caller,
                                            parameters, &how, &session, &asked->faults, &asked->err)
                   : -1;
    json_decref(parameters);
    if (done < 0)
        return -1;
    reply_session(asked, session);
    json_decref(session);
    return 0;
}

static void create(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__create_session_request__descriptor, create_session);
}

static int end_session(struct pa_asked *asked) {
    const Polyagent__Agent__EndSessionResponse response =
        POLYAGENT__AGENT__END_SESSION_RESPONSE__INIT;
    const char *id = named(asked);
    if (!id || pa_sessions_end(asked->sessions, asked->owner, id, &asked->err) < 0)
        return -1;
    pa_rpc_reply(asked->rpc, &response.base);
    return 0;
}

static void end(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, SESSION_REQUEST, end_session);
}

static int interrupt_session(struct pa_asked *asked) {
    Polyagent__Agent__InterruptResponse response = POLYAGENT__AGENT__INTERRUPT_RESPONSE__INIT;
    const char *id = named(asked);
    bool running;
    if (!id || pa_sessions_interrupt(asked->sessions, asked->owner, id, &running, &asked->err) < 0)
        return -1;
    response.running = running;
    pa_rpc_reply(asked->rpc, &response.base);
    return 0;
}

static void interrupt(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, SESSION_REQUEST, interrupt_session);
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

static int fork_labelled(struct pa_asked *asked, size_t count, json_t *labels) {
    Polyagent__Agent__ForkRequest *request = asked->request;
    char ids[PA_SESSION_FORKS][PA_SESSION_ID_TEXT];
    const char *id = pa_asked_text(asked, &request->session, "session");
    if (!id ||
        pa_sessions_fork(asked->sessions, &asked->asker, id, count, labels, ids, &asked->err) < 0)
        return -1;
    reply_forks(asked, ids, count);
    return 0;
}

static int fork_session(struct pa_asked *asked) {
    Polyagent__Agent__ForkRequest *request = asked->request;
    size_t count = PA_MAX(request->count, 1);
    json_t *labels = NULL;
    if (count > PA_SESSION_FORKS)
        return pa_fail(&asked->err, PA_ERR_INVALID_ARGUMENT,
                       "count is %zu; one call makes 1 to %d forks", count, PA_SESSION_FORKS);
    if (pa_labels_read(request->labels, request->n_labels, &labels, &asked->err) < 0)
        return -1;
    int done = fork_labelled(asked, count, labels);
    json_decref(labels);
    return done;
}

static void make_forks(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__fork_request__descriptor, fork_session);
}

/* A method of run/sessions.h about one checkpoint of a session. */
static int checkpoint(struct pa_asked *asked,
                      int (*act)(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                                 const char *id, const char *checkpoint, struct pa_error *err)) {
    Polyagent__Agent__CheckpointRequest *request = asked->request;
    const char *id = pa_asked_text(asked, &request->session, "session");
    const char *name = id ? pa_asked_text(asked, &request->checkpoint, "checkpoint") : NULL;
    if (!name || act(asked->sessions, &asked->asker, id, name, &asked->err) < 0)
        return -1;
    return reply_state(asked, id);
}

static int keep_checkpoint(struct pa_asked *asked) {
    return checkpoint(asked, pa_sessions_keep);
}

static int go_back_to_checkpoint(struct pa_asked *asked) {
    return checkpoint(asked, pa_sessions_go_back);
}

static int drop_checkpoint(struct pa_asked *asked) {
    return checkpoint(asked, pa_sessions_drop);
}

static void keep(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__checkpoint_request__descriptor, keep_checkpoint);
}

static void go_back(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__checkpoint_request__descriptor, go_back_to_checkpoint);
}

static void drop(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__checkpoint_request__descriptor, drop_checkpoint);
}

/* --- what is told of them ------------------------------------------------------------------- */

static int list_sessions(struct pa_asked *asked) {
    Polyagent__Agent__ListSessionsResponse response =
        POLYAGENT__AGENT__LIST_SESSIONS_RESPONSE__INIT;
    json_t *sessions = pa_sessions_list(asked->sessions, asked->owner);
    response.sessions = pa_session_messages(sessions, &response.n_sessions);
    pa_rpc_reply(asked->rpc, &response.base);
    pa_session_messages_free(response.sessions, response.n_sessions);
    json_decref(sessions);
    return 0;
}

static void list(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__list_sessions_request__descriptor, list_sessions);
}

static int inspect_session(struct pa_asked *asked) {
    const char *id = named(asked);
    return id ? reply_state(asked, id) : -1;
}

static void inspect(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, SESSION_REQUEST, inspect_session);
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

static int tell_tree(struct pa_asked *asked) {
    const char *id = named(asked);
    json_t *found;
    if (!id || pa_sessions_tree(asked->sessions, asked->owner, id, &found, &asked->err) < 0)
        return -1;
    reply_tree(asked, found);
    json_decref(found);
    return 0;
}

static void tree(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, SESSION_REQUEST, tell_tree);
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

static int tell_variables(struct pa_asked *asked) {
    const char *id = named(asked);
    json_t *found;
    if (!id ||
        pa_sessions_variables(asked->sessions, asked->owner, id, pa_rpc_deadline_ns(asked->rpc),
                              pa_rpc_cancel_fd(asked->rpc), &found, &asked->err) < 0)
        return -1;
    reply_variables(asked, found);
    json_decref(found);
    return 0;
}

static void variables(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, SESSION_REQUEST, tell_variables);
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
    METHOD("Fork", make_forks),
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
