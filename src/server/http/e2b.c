/*
 * The wire format of E2B's code interpreter, as its SDKs speak it to a sandbox in debug mode: lines
 * of JSON from POST /execute, and contexts.
 *
 *     {"type": "stdout", "text": "...", "timestamp": ns}           and stderr
 *     {"type": "result", "text": "...", "png": "...", "is_main_result": true, "extra": {...}}
 *     {"type": "error", "name": "...", "value": "...", "traceback": "..."}
 *     {"type": "number_of_executions", "execution_count": 3}
 *     {"type": "end_of_execution"}
 *
 * A context is a session.  Code without a context runs in its language's default one, a session
 * that is made when it is first needed and again when it has ended.  Sessions recover: a program
 * that is killed takes its own changes with it, not the context.
 */
#include "server/http/job.h"
#include "server/http/sessions.h"
#include "server/new_session.h"

#define FOLDER       "/workspace"
#define DEFAULT_NAME "e2b-"
#define BEGINNING    "beginning" /* a checkpoint: what a restart goes back to */
#define LABEL        "e2b_cwd"   /* of a session that is a context: the folder it works in */

/* --- events ----------------------------------------------------------------------------------- */

static void tell(struct pa_http_job *job, json_t *event) {
    PA_CLEANUP(pa_freep) char *text = event ? json_dumps(event, PA_HTTP_DUMP) : NULL;
    json_decref(event);
    if (!text)
        return;
    struct pa_buf line = PA_BUF_INIT(SIZE_MAX / 2);
    pa_buf_printf(&line, "%s\n", text);
    pa_http_job_write(job, line.data, line.size);
    pa_buf_done(&line);
}

static void tell_output(struct pa_http_job *job, enum pa_output output, const char *text,
                        size_t size) {
    tell(job, json_pack("{s:s, s:o, s:I}", "type", output == PA_STDOUT ? "stdout" : "stderr",
                        "text", json_stringn_nocheck(text, size), "timestamp",
                        (json_int_t)pa_clock_realtime_ns()));
}

/* A bundle of representations by their media type, under the names that the SDK has for them. */
static json_t *result_of(const json_t *data) {
    static const struct {
        const char *type, *name;
    } names[] = {{"text/plain", "text"},        {"text/html", "html"},
                 {"text/markdown", "markdown"}, {"image/svg+xml", "svg"},
                 {"image/png", "png"},          {"image/jpeg", "jpeg"},
                 {"application/pdf", "pdf"},    {"text/latex", "latex"},
                 {"application/json", "json"},  {"application/javascript", "javascript"}};
    json_t *result = json_pack("{s:s}", "type", "result"), *extra = json_object(), *value;
    const char *type;
    json_object_foreach((json_t *)(uintptr_t)data, type, value) {
        const char *name = NULL;
        for (size_t i = 0; i < PA_ARRAY_LEN(names) && !name; i++)
            if (pa_streq(names[i].type, type))
                name = names[i].name;
        json_object_set(name ? result : extra, name ? name : type, value);
    }
    if (json_object_size(extra))
        json_object_set(result, "extra", extra);
    json_decref(extra);
    return result;
}

/* The value of the last expression comes last, after what the program showed; so each result waits
 * for the next one, to be known as the last. */
static void tell_kept(struct pa_http_job *job, bool last) {
    json_t **kept = pa_http_job_memory(job);
    if (!*kept)
        return;
    bool picture = json_object_get(*kept, "png") || json_object_get(*kept, "svg");
    json_object_set_new(*kept, "is_main_result", json_boolean(last && !picture));
    tell(job, pa_steal(kept));
}

static void tell_result(struct pa_http_job *job, const json_t *message) {
    const char *type = json_string_value(json_object_get(message, "type"));
    json_t *data = json_object_get(message, "data");
    if (!type)
        return;
    if (pa_streq(type, "result") && json_is_object(data)) {
        tell_kept(job, false);
        *pa_http_job_memory(job) = result_of(data);
    } else if (pa_streq(type, "error")) {
        tell_kept(job, true);
        tell(job, json_incref((json_t *)(uintptr_t)message));
    }
}

/* An end that the program did not cause by an exception of its own, as one. */
static void tell_failure(struct pa_http_job *job, const char *name, const char *value,
                         const char *traceback) {
    tell(job, json_pack("{s:s, s:s, s:s, s:s}", "type", "error", "name", name, "value",
                        value ? value : "", "traceback", traceback ? traceback : ""));
}

static void tell_end(struct pa_http_job *job, const struct pa_service_reply *reply,
                     const json_t *problem) {
    const json_t *outcome = reply->outcome;
    const char *status = json_string_value(json_object_get(outcome, "status"));
    tell_kept(job, true);
    if (problem)
        tell_failure(job, json_string_value(json_object_get(problem, "code")),
                     json_string_value(json_object_get(problem, "detail")), NULL);
    else if (status && !pa_streq(status, "ok") && !pa_streq(status, "error"))
        tell_failure(job, status, json_string_value(json_object_get(outcome, "message")),
                     json_string_value(json_object_get(outcome, "backtrace")));
    tell(job, json_pack("{s:s, s:I}", "type", "number_of_executions", "execution_count",
                        (json_int_t)pa_http_job_count(job)));
    tell(job, json_pack("{s:s}", "type", "end_of_execution"));
}

static const struct pa_http_teller teller = {
    .content_type = "application/x-ndjson",
    .door = "e2b",
    .output = tell_output,
    .result = tell_result,
    .ended = tell_end,
};

/* --- contexts --------------------------------------------------------------------------------- */

static struct pa_sessions *sessions_of(struct pa_http_request *request, struct pa_error *err) {
    struct pa_sessions *sessions = pa_service_sessions(request->door->service);
    if (!sessions)
        pa_fail(err, PA_ERR_FAILED_PRECONDITION, "this server keeps no sessions");
    return sessions;
}

static json_t *describe(const json_t *session) {
    json_t *cwd = json_object_get(json_object_get(session, "labels"), LABEL);
    return json_pack("{s:O, s:O, s:O}", "id", json_object_get(session, "id"), "language",
                     json_object_get(session, "language"), "cwd", cwd);
}

static bool is_context(const json_t *session) {
    const char *state = json_string_value(json_object_get(session, "state"));
    return json_object_get(json_object_get(session, "labels"), LABEL) && state &&
           !pa_streq(state, "ended");
}

static int no_context(const char *id, struct pa_error *err) {
    return pa_fail(err, PA_ERR_NOT_FOUND, "Context %.40s not found", id);
}

/* Makes a session that is a context; `name` NULL: none. */
static int make_context(struct pa_http_request *request, const char *language, const char *name,
                        const char *cwd, json_t **ret, struct pa_error *err) {
    const struct pa_new_session_how how = {request->deadline_ns,
                                           pa_http_peer_gone_fd(request->peer)};
    json_t *parameters =
        json_pack("{s:s, s:b, s:{s:s}}", "language", language, "recover", 1, "labels", LABEL, cwd);
    if (name)
        json_object_set_new(parameters, "name", json_string(name));
    int done = pa_service_new_session(request->door->service, request->caller, parameters, &how,
                                      ret, &request->faults, err);
    json_decref(parameters);
    return done;
}

static int end_context(struct pa_http_request *request, const char *id, json_t **ret_before,
                       struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    const char *owner = pa_caller_name(request->caller);
    if (!sessions || pa_sessions_inspect(sessions, owner, id, ret_before, err) < 0)
        return -1;
    return is_context(*ret_before) ? pa_sessions_end(sessions, owner, id, err)
                                   : no_context(id, err);
}

/* --- execution -------------------------------------------------------------------------------- */

/* The session to run in: the one that is named, or the language's default one. */
static int find_context(struct pa_http_request *request, const char *id, const char *language,
                        json_t **ret, struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    const char *owner = pa_caller_name(request->caller);
    char name[PA_SESSION_NAME_MAX + 1], its[PA_LANGUAGE_TEXT] = "";
    if (!sessions)
        return -1;
    if (id && pa_sessions_inspect(sessions, owner, id, ret, err) < 0)
        return -1;
    if (id)
        return is_context(*ret) ? 0 : no_context(id, err);
    if (!pa_service_session_tool(request->door->service, request->caller, language, its))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "no language %.40s can be used here",
                       language);
    snprintf(name, sizeof(name), DEFAULT_NAME "%.40s", its);
    if (pa_sessions_inspect(sessions, owner, name, ret, err) == 0) {
        if (is_context(*ret))
            return 0;
        json_decref(pa_steal(ret));
    }
    if (make_context(request, its, name, FOLDER, ret, err) == 0)
        return 0;
    /* Another request may have made it in between. */
    return err->code == PA_ERR_ALREADY_EXISTS ? pa_sessions_inspect(sessions, owner, name, ret, err)
                                              : -1;
}

/* Text as a literal of JSON, which is one of Python, too; the caller frees it. */
static char *quote(const char *text) {
    json_t *literal = json_string(text);
    char *quoted = json_dumps(literal, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    json_decref(literal);
    return quoted;
}

/* Each turn of a session begins in its own environment and folder, so what an execution has of its
 * own is a line of Python before it. */
static int write_prelude(const struct pa_tool *tool, const char *cwd, const json_t *variables,
                         struct pa_buf *code, struct pa_error *err) {
    bool elsewhere = cwd && !pa_streq(cwd, FOLDER);
    if (!elsewhere && !json_object_size(variables))
        return 0;
    if (!pa_streq(tool->name, "python_executor"))
        return pa_fail(err, PA_ERR_UNIMPLEMENTED,
                       "env_vars, and a cwd other than " FOLDER ", are Python's alone");
    if (elsewhere) {
        PA_CLEANUP(pa_freep) char *folder = quote(cwd);
        pa_buf_printf(code,
                      "__import__('os').makedirs(%s, exist_ok=True); "
                      "__import__('os').chdir(%s); ",
                      folder, folder);
    }
    PA_CLEANUP(pa_freep) char *text = json_dumps(variables, JSON_ENSURE_ASCII);
    PA_CLEANUP(pa_freep) char *values = quote(text ? text : "{}");
    pa_buf_printf(code, "__import__('os').environ.update(__import__('json').loads(%s))\n", values);
    return 0;
}

static int execute_in(struct pa_http_request *request, const json_t *session, const char *text,
                      struct pa_error *err) {
    const struct pa_tool *tool;
    const char *id = json_string_value(json_object_get(session, "id"));
    const char *cwd = json_string_value(json_object_get(json_object_get(session, "labels"), LABEL));
    PA_CLEANUP(pa_buf_done) struct pa_buf code = PA_BUF_INIT(SIZE_MAX / 2);
    if (pa_service_tool_of_session(request->door->service, request->caller, id, &tool, err) < 0 ||
        write_prelude(tool, cwd, json_object_get(request->json, "env_vars"), &code, err) < 0)
        return -1;
    pa_buf_append_text(&code, text);
    const struct pa_http_job_call call = {
        .request = request,
        .tool = tool->name,
        .parameters = json_pack("{s:s, s:s, s:s}", "session_id", id, "code", pa_buf_text(&code),
                                "mode", "expression"),
        .teller = &teller,
        .count = (uint64_t)json_integer_value(json_object_get(session, "turns")) + 1};
    return pa_http_job_start(&call, err);
}

int pa_http_e2b_execute(struct pa_http_request *request, struct pa_error *err) {
    const char *code = json_string_value(json_object_get(request->json, "code"));
    const char *id = json_string_value(json_object_get(request->json, "context_id"));
    const char *language = json_string_value(json_object_get(request->json, "language"));
    json_t *session = NULL;
    if (!code)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "\"code\" is wanted, a text");
    int done = find_context(request, id, language ? language : "python", &session, err);
    if (done == 0)
        done = execute_in(request, session, code, err);
    json_decref(session);
    return done;
}

/* --- handlers of contexts --------------------------------------------------------------------- */

int pa_http_e2b_health(struct pa_http_request *request, struct pa_error *err) {
    struct pa_buf ok = PA_BUF_INIT(16);
    pa_buf_append_text(&ok, "OK");
    return pa_http_reply_text(request, MHD_HTTP_OK, "text/plain", &ok);
}

/* There is no folder but /workspace and /tmp, and what is below them. */
static bool is_folder_of_ours(const char *cwd) {
    return strncmp(cwd, FOLDER, strlen(FOLDER)) == 0 || strncmp(cwd, "/tmp", 4) == 0;
}

int pa_http_e2b_new_context(struct pa_http_request *request, struct pa_error *err) {
    const char *language = json_string_value(json_object_get(request->json, "language"));
    const char *cwd = json_string_value(json_object_get(request->json, "cwd"));
    struct pa_sessions *sessions = pa_service_sessions(request->door->service);
    const struct pa_session_asker asker = pa_http_asker(request);
    json_t *session;
    if (cwd && !is_folder_of_ours(cwd))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "cwd is %.100s: only " FOLDER " and /tmp can be written, and what is below",
                       cwd);
    if (make_context(request, language ? language : "python", NULL, cwd ? cwd : FOLDER, &session,
                     err) < 0)
        return -1;
    int done = pa_sessions_keep(sessions, &asker, json_string_value(json_object_get(session, "id")),
                                BEGINNING, err);
    if (done == 0)
        pa_http_reply_json(request, MHD_HTTP_CREATED, describe(session));
    if (done < 0) {
        struct pa_error ignored;
        pa_sessions_end(sessions, asker.owner, json_string_value(json_object_get(session, "id")),
                        &ignored);
    }
    json_decref(session);
    return done;
}

int pa_http_e2b_contexts(struct pa_http_request *request, struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    size_t i;
    json_t *session;
    if (!sessions)
        return -1;
    json_t *all = pa_sessions_list(sessions, pa_caller_name(request->caller));
    json_t *contexts = json_array();
    json_array_foreach(all, i, session) {
        if (is_context(session))
            json_array_append_new(contexts, describe(session));
    }
    json_decref(all);
    return pa_http_reply_json(request, MHD_HTTP_OK, contexts);
}

int pa_http_e2b_end_context(struct pa_http_request *request, struct pa_error *err) {
    json_t *before = NULL;
    int done = end_context(request, request->params[0], &before, err);
    json_decref(before);
    return done < 0 ? -1 : pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}

int pa_http_e2b_restart(struct pa_http_request *request, struct pa_error *err) {
    struct pa_sessions *sessions = sessions_of(request, err);
    const struct pa_session_asker asker = pa_http_asker(request);
    if (!sessions || pa_sessions_go_back(sessions, &asker, request->params[0], BEGINNING, err) < 0)
        return -1;
    return pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}
