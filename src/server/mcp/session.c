/*
 * What a client asks for: one row a method, with the era that it belongs to.
 *
 * A request whose params._meta names a revision is of the stateless era and is judged by what it
 * says alone; every other one is of the era of handshakes, and `initialize` comes first.  Only tool
 * calls take time: they get threads (call.c), everything else is answered at once.
 */
#include "server/mcp/mcp_internal.h"

#include "base/clock.h"

#define META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define TOOLS_TTL_MS      300000 /* tools do not change while the server runs; keys may */

/* Newest first. */
static const char *const handshake_revisions[] = {"2025-11-25", "2025-06-18", "2025-03-26",
                                                  "2024-11-05"};
static const char *const stateless_revisions[] = {"2026-07-28"};

static const char instructions[] =
    "Runs untrusted code safely: each run has an operating-system process of its own, without "
    "network, without host files, under limits, and ends with an exact account (status, output, "
    "results, files, usage). Python has numpy, pandas, scipy and matplotlib; print what you want to "
    "see, or leave it as the last expression. A failure of the code is in the result, not an error "
    "of the tool.";

static const char *known(const char *const *revisions, size_t count, const char *revision) {
    for (size_t i = 0; i < count; i++)
        if (pa_streq(revisions[i], revision))
            return revisions[i];
    return NULL;
}

bool pa_mcp_is_stateless(const char *revision) {
    return known(stateless_revisions, PA_ARRAY_LEN(stateless_revisions), revision);
}

/* --- methods ---------------------------------------------------------------------------------- */

static json_t *capabilities(void) {
    return json_pack("{s:{s:b}, s:{}}", "tools", "listChanged", 0, "resources");
}

static void initialize(struct pa_mcp *session, const struct pa_mcp_request *request) {
    const char *wanted = json_string_value(json_object_get(request->params, "protocolVersion"));
    if (!wanted) {
        pa_mcp_send_error(session, request->id, PA_MCP_INVALID_PARAMS, NULL,
                          "params.protocolVersion must be a revision of the protocol, such as %s",
                          handshake_revisions[0]);
        return;
    }
    const char *agreed = known(handshake_revisions, PA_ARRAY_LEN(handshake_revisions), wanted);
    session->revision = agreed ? agreed : handshake_revisions[0];
    pa_mcp_send_result(session, request,
                       json_pack("{s:s, s:o, s:{s:s, s:s, s:s}, s:s}", "protocolVersion",
                                 session->revision, "capabilities", capabilities(), "serverInfo",
                                 "name", "polyagent", "title", "PolyAgent sandbox", "version",
                                 PA_VERSION, "instructions", instructions));
}

static void ping(struct pa_mcp *session, const struct pa_mcp_request *request) {
    pa_mcp_send_result(session, request, json_object());
}

static json_t *stateless_list(void) {
    json_t *list = json_array();
    for (size_t i = 0; i < PA_ARRAY_LEN(stateless_revisions); i++)
        json_array_append_new(list, json_string(stateless_revisions[i]));
    return list;
}

static void discover(struct pa_mcp *session, const struct pa_mcp_request *request) {
    pa_mcp_send_result(session, request,
                       json_pack("{s:o, s:o, s:s, s:i, s:s}", "supportedVersions", stateless_list(),
                                 "capabilities", capabilities(), "instructions", instructions,
                                 "ttlMs", TOOLS_TTL_MS, "cacheScope", "public"));
}

static void list_tools(struct pa_mcp *session, const struct pa_mcp_request *request) {
    const json_t *cursor = json_object_get(request->params, "cursor");
    if (cursor && !json_is_null(cursor)) {
        pa_mcp_send_error(session, request->id, PA_MCP_INVALID_PARAMS, NULL,
                          "params.cursor is not one of ours: the list has one page");
        return;
    }
    size_t count;
    const struct pa_tool *tools =
        pa_toolbox_tools(pa_service_toolbox(session->config.service), &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (pa_caller_may_use(session->config.caller, tools[i].name))
            json_array_append_new(
                list, json_pack("{s:s, s:s, s:s, s:O, s:O, s:O}", "name", tools[i].name, "title",
                                tools[i].title, "description", tools[i].description, "inputSchema",
                                tools[i].input_schema, "outputSchema", tools[i].output_schema,
                                "annotations", tools[i].annotations));
    pa_mcp_list_session_tools(session, list);
    json_t *result = json_pack("{s:o}", "tools", list);
    if (request->stateless) {
        json_object_set_new(result, "ttlMs", json_integer(TOOLS_TTL_MS));
        json_object_set_new(result, "cacheScope", json_string("private")); /* keys have scopes */
    }
    pa_mcp_send_result(session, request, result);
}

enum eras {
    HANDSHAKE = 1,
    STATELESS = 2,
};

static const struct method {
    const char *name;
    unsigned eras;
    bool first; /* may come before `initialize` */
    void (*answer)(struct pa_mcp *session, const struct pa_mcp_request *request);
} methods[] = {
    {"initialize", HANDSHAKE, true, initialize},
    {"ping", HANDSHAKE, true, ping},
    {"server/discover", STATELESS, false, discover},
    {"tools/list", HANDSHAKE | STATELESS, false, list_tools},
    {"resources/list", HANDSHAKE | STATELESS, false, pa_mcp_list_resources},
    {"resources/templates/list", HANDSHAKE | STATELESS, false, pa_mcp_list_templates},
    {"resources/read", HANDSHAKE | STATELESS, false, pa_mcp_read_resource},
    {"tools/call", HANDSHAKE | STATELESS, false, pa_mcp_call_start},
};

/* --- messages --------------------------------------------------------------------------------- */

static void hear(struct pa_mcp *session, const char *method, const json_t *params) {
    if (pa_streq(method, "notifications/cancelled"))
        pa_mcp_call_cancel(session, json_object_get(params, "requestId"));
}

/* False when the request was answered with what is wrong with its _meta. */
static bool check_stateless(struct pa_mcp *session, const struct pa_mcp_request *request,
                            const json_t *meta) {
    const json_t *revision = json_object_get(meta, META_VERSION);
    if (!json_is_string(revision) || !json_is_object(json_object_get(meta, META_CAPABILITIES)))
        pa_mcp_send_error(session, request->id, PA_MCP_INVALID_PARAMS, NULL,
                          "params._meta must have \"" META_VERSION "\" (a string) and "
                          "\"" META_CAPABILITIES "\" (an object)");
    else if (!pa_mcp_is_stateless(json_string_value(revision)))
        pa_mcp_send_error(
            session, request->id, PA_MCP_UNSUPPORTED_VERSION,
            json_pack("{s:o, s:O}", "supported", stateless_list(), "requested", revision),
            "Unsupported protocol version");
    else
        return true;
    return false;
}

static void answer(struct pa_mcp *session, const char *name, struct pa_mcp_request *request) {
    const json_t *meta = json_object_get(request->params, "_meta");
    const struct method *method = NULL;
    for (size_t i = 0; i < PA_ARRAY_LEN(methods) && !method; i++)
        if (pa_streq(methods[i].name, name))
            method = &methods[i];
    request->stateless =
        json_object_get(meta, META_VERSION) || (method && method->eras == STATELESS);
    if (request->stateless && !check_stateless(session, request, meta))
        return;
    if (!method || !(method->eras & (request->stateless ? STATELESS : HANDSHAKE)))
        pa_mcp_send_error(session, request->id, PA_MCP_METHOD_NOT_FOUND, NULL,
                          "there is no method '%.100s'", name);
    else if (!request->stateless && !method->first && !session->revision)
        pa_mcp_send_error(session, request->id, PA_MCP_INVALID_REQUEST, NULL,
                          "'initialize' must come before '%s'", name);
    else
        method->answer(session, request);
}

static void handle(struct pa_mcp *session, const json_t *message, const char *traceparent) {
    const json_t *id = json_object_get(message, "id"), *params = json_object_get(message, "params");
    const char *method = json_string_value(json_object_get(message, "method"));
    const char *version = json_string_value(json_object_get(message, "jsonrpc"));
    bool has_id = json_is_string(id) || json_is_integer(id);
    if (!version || !pa_streq(version, "2.0") || (id && !has_id) ||
        (params && !json_is_object(params)))
        pa_mcp_send_error(
            session, has_id ? id : NULL, PA_MCP_INVALID_REQUEST, NULL,
            "a message is one JSON-RPC 2.0 object: \"jsonrpc\": \"2.0\", an id that is a "
            "string or an integer, params that are an object");
    else if (!method && has_id)
        return; /* a response, and we ask nothing */
    else if (!method)
        pa_mcp_send_error(session, NULL, PA_MCP_INVALID_REQUEST, NULL, "the message has no method");
    else if (!id)
        hear(session, method, params);
    else
        answer(session, method,
               &(struct pa_mcp_request){.id = id, .params = params, .traceparent = traceparent});
}

void pa_mcp_receive(struct pa_mcp *session, const char *message, size_t size,
                    const char *traceparent) {
    json_error_t why;
    json_t *value = json_loadb(message, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!value) {
        pa_mcp_send_error(session, NULL, PA_MCP_PARSE_ERROR, NULL, "not JSON: %s (byte %d)",
                          why.text, why.position);
        return;
    }
    handle(session, value, traceparent);
    json_decref(value);
}

/* --- life ------------------------------------------------------------------------------------- */

int pa_mcp_new(const struct pa_mcp_config *config, struct pa_mcp **ret, struct pa_error *err) {
    struct pa_mcp *session = pa_xcalloc(1, sizeof(*session));
    pthread_condattr_t monotonic;
    session->config = *config;
    session->config.caller = pa_caller_ref(config->caller);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&session->fewer, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&session->send_lock, NULL);
    pthread_mutex_init(&session->lock, NULL);
    *ret = session;
    return 0;
}

void pa_mcp_settle(struct pa_mcp *session, uint64_t deadline_ns) {
    const struct timespec until = {.tv_sec = (time_t)(deadline_ns / PA_NS_PER_S),
                                   .tv_nsec = (long)(deadline_ns % PA_NS_PER_S)};
    pthread_mutex_lock(&session->lock);
    while (session->call_count &&
           pthread_cond_timedwait(&session->fewer, &session->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&session->lock);
}

void pa_mcp_close(struct pa_mcp *session) {
    pthread_mutex_lock(&session->lock);
    session->closed = true;
    pthread_mutex_unlock(&session->lock);
    pa_mcp_call_cancel_all(session);
}

struct pa_mcp *pa_mcp_free(struct pa_mcp *session) {
    if (!session)
        return NULL;
    pa_mcp_close(session);
    pthread_mutex_lock(&session->lock);
    while (session->call_count)
        pthread_cond_wait(&session->fewer, &session->lock);
    pthread_mutex_unlock(&session->lock);
    pa_caller_unref(session->config.caller);
    pthread_cond_destroy(&session->fewer);
    pthread_mutex_destroy(&session->send_lock);
    pthread_mutex_destroy(&session->lock);
    free(session);
    return NULL;
}
