/*
 * One request, from its first byte to its last.
 *
 * libmicrohttpd calls pa_http_on_target once the request line is there, then pa_http_on_request:
 * first with the headers, then with pieces of the body, at last with nothing more to come.  What is
 * wrong with a request is known with its headers (its route, its host, its credential, its size)
 * and told at once where the client waits to be told (Expect: 100-continue) or has much to send.
 * Otherwise the body is read past first: a reply to a client that is still sending would be lost in
 * the reset that follows.
 */
#include "server/http/http_internal.h"

#include "base/units.h"
#include <stdarg.h>
#include <strings.h>

#define DROPPED_MOST   (8 * PA_MIB)  /* of a body that is not wanted */
#define LEAST_RATE     (16 * PA_KIB) /* bytes a second, of a body */
#define IDLE_S         60            /* of a connection between requests */
#define MAX_CREDENTIAL 4096

const char *pa_http_header(const struct pa_http_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *pa_http_query(const struct pa_http_request *request, const char *name) {
    return pa_http_target_query(&request->target, name);
}

int pa_http_query_number(const struct pa_http_request *request, const char *name, uint64_t least,
                         uint64_t most, uint64_t initial, uint64_t *ret, struct pa_error *err) {
    const char *text = pa_http_query(request, name);
    uint64_t value = initial;
    if (text && (pa_parse_count(text, &value) < 0 || value < least || value > most))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "%s=%.40s in the query: a number from %llu to %llu is wanted", name, text,
                       (unsigned long long)least, (unsigned long long)most);
    *ret = value;
    return 0;
}

bool pa_http_header_has(const struct pa_http_request *request, const char *name,
                        const char *token) {
    const char *at = pa_http_header(request, name);
    size_t length = strlen(token);
    while (at) {
        at += strspn(at, " \t,");
        size_t got = strcspn(at, ",; \t");
        if (got == length && strncasecmp(at, token, length) == 0)
            return true;
        at = strchr(at, ',');
    }
    return false;
}

int pa_http_fail(struct pa_http_request *request, unsigned status, struct pa_error *err,
                 enum pa_error_code code, const char *fmt, ...) {
    char message[sizeof(err->message)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    request->status = (int)status;
    return pa_fail(err, code, "%s", message);
}

/* --- what is checked before a handler --------------------------------------------------------- */

/* The length of the name in HOST or HOST:PORT; a literal of IPv6 has its brackets. */
static size_t host_length(const char *host) {
    return *host == '[' ? strcspn(host, "]") + (strchr(host, ']') != NULL) : strcspn(host, ":");
}

static bool same_name(const char *name, const char *host, size_t length) {
    return strlen(name) == length && strncasecmp(name, host, length) == 0;
}

/* True when the list ("a,b") has the text. */
static bool listed(const char *list, const char *text, size_t length) {
    for (const char *at = list; at && *at;) {
        size_t size = strcspn(at, ",");
        if (size == length && strncasecmp(at, text, length) == 0)
            return true;
        at += size + (at[size] == ',');
    }
    return false;
}

/* A page of anywhere can have a name of its own resolve to 127.0.0.1 (DNS rebinding) and is then
 * this server's own origin to a browser; the name that it used gives it away. */
static int check_host(struct pa_http_request *request, struct pa_error *err) {
    static const char *const local[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = request->target.authority;
    if (!host)
        host = pa_http_header(request, "Host");
    if (!request->door->loopback || !host)
        return 0;
    size_t length = host_length(host);
    for (size_t i = 0; i < PA_ARRAY_LEN(local); i++)
        if (same_name(local[i], host, length))
            return 0;
    if (listed(request->door->settings->http_hosts, host, length))
        return 0;
    return pa_fail(err, PA_ERR_PERMISSION_DENIED,
                   "the host '%.*s' is not known here: this server listens on loopback and answers "
                   "to localhost, 127.0.0.1, [::1] and the names in server.http_hosts",
                   (int)PA_MIN(length, 100u), host);
}

/* Where a browser says which page is asking, only pages of ours and those configured may change
 * anything, and only the latter are told what came of it. */
static int check_origin(struct pa_http_request *request, struct pa_error *err) {
    const char *origin = pa_http_header(request, "Origin");
    if (!origin)
        return 0;
    if (listed(request->door->settings->cors_origins, origin, strlen(origin))) {
        pa_http_add_header(request, "Access-Control-Allow-Origin", "%s", origin);
        pa_http_add_header(request, "Vary", "Origin");
        return 0;
    }
    const char *host = pa_http_header(request, "Host"), *its = strstr(origin, "://");
    bool ours = host && its && strcasecmp(its + 3, host) == 0;
    bool reads = pa_streq(request->method, "GET") || pa_streq(request->method, "HEAD");
    if (ours || reads)
        return 0;
    return pa_fail(err, PA_ERR_PERMISSION_DENIED,
                   "pages of %.100s may not call this server: see server.cors_origins", origin);
}

static int find_route(struct pa_http_request *request, struct pa_error *err) {
    if (pa_http_target_parse(&request->target, request->raw_target, err) < 0)
        return -1;
    request->route = pa_http_find_route(request->door->kind, request->method, &request->target,
                                        request->params, &request->allow);
    if (request->route)
        return 0;
    if (!request->allow)
        return pa_fail(err, PA_ERR_NOT_FOUND,
                       "there is nothing at this path: /openapi.json has what there is");
    return pa_http_fail(request, MHD_HTTP_METHOD_NOT_ALLOWED, err, PA_ERR_UNIMPLEMENTED,
                        "%.20s is not possible here: use %s", request->method, request->allow);
}

/* The text of the credential, or NULL. */
static const char *credential_of(const struct pa_http_request *request) {
    const char *text = pa_http_header(request, "Authorization");
    if (text && strncasecmp(text, "Bearer ", 7) == 0)
        return text + 7 + strspn(text + 7, " ");
    return pa_http_header(request, "X-API-Key");
}

static const char *door_of(const struct pa_http_request *request) {
    if (request->door->kind == PA_HTTP_E2B)
        return "e2b";
    return pa_streq(request->route->tag, "mcp") ? "mcp" : "http";
}

static int check_caller(struct pa_http_request *request, struct pa_error *err) {
    const char *scope = request->route->scope;
    if (!scope)
        return 0;
    const char *credential = credential_of(request);
    if (credential && strnlen(credential, MAX_CREDENTIAL + 1) > MAX_CREDENTIAL)
        return pa_fail(err, PA_ERR_UNAUTHENTICATED, "the credential is longer than any key");
    if (pa_service_authenticate(request->door->service, door_of(request), credential,
                                &request->caller, err) < 0)
        return -1;
    if (!pa_caller_may(request->caller, scope))
        return pa_fail(err, PA_ERR_PERMISSION_DENIED, "this key has not the scope '%s'", scope);
    return 0;
}

/* A browser sends a form or plain text to anybody without asking first; JSON it does not. */
static int check_type(struct pa_http_request *request, struct pa_error *err) {
    if (request->route->takes != PA_HTTP_JSON)
        return 0;
    const char *type = pa_http_header(request, "Content-Type");
    const char *length = pa_http_header(request, "Content-Length");
    bool empty =
        !pa_http_header(request, "Transfer-Encoding") && (!length || pa_streq(length, "0"));
    if (empty || pa_http_header_has(request, "Content-Type", "application/json"))
        return 0;
    return pa_http_fail(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, err, PA_ERR_INVALID_ARGUMENT,
                        "the body is %.80s; application/json is wanted", type ? type : "untyped");
}

static uint64_t announced(const struct pa_http_request *request) {
    const char *length = pa_http_header(request, "Content-Length");
    uint64_t bytes = 0;
    return length && pa_parse_count(length, &bytes) == 0 ? bytes : 0;
}

static int check_size(struct pa_http_request *request, struct pa_error *err) {
    uint64_t most = request->door->settings->request_bytes;
    if (request->route->takes == PA_HTTP_NOTHING || announced(request) <= most)
        return 0;
    return pa_http_fail(request, MHD_HTTP_CONTENT_TOO_LARGE, err, PA_ERR_INVALID_ARGUMENT,
                        "the body has %llu bytes; at most %llu are taken (server.request_bytes)",
                        (unsigned long long)announced(request), (unsigned long long)most);
}

static int check_draining(struct pa_http_request *request, struct pa_error *err) {
    if (!request->route->scope || !pa_http_draining(request->door))
        return 0;
    request->retry_after_ms = 1000;
    pa_http_add_header(request, "Connection", "close");
    return pa_fail(err, PA_ERR_UNAVAILABLE, "this server is being stopped");
}

static int check_deadline(struct pa_http_request *request, struct pa_error *err) {
    uint64_t ms;
    if (pa_http_query_number(request, "timeout_ms", 1, 86400000, 0, &ms, err) < 0)
        return -1;
    request->deadline_ns = ms ? pa_clock_monotonic_ns() + ms * PA_NS_PER_MS : PA_HTTP_NEVER;
    return 0;
}

/* OPTIONS of a path that there is: what can be done with it, and for a browser that asks before it
 * sends (CORS) what a page of a configured origin may send. */
static void answer_options(struct pa_http_request *request) {
    pa_http_add_header(request, "Allow", "%s, OPTIONS", request->allow);
    struct pa_error ignored;
    if (check_origin(request, &ignored) == 0 && pa_http_header(request, "Origin")) {
        pa_http_add_header(request, "Access-Control-Allow-Methods", "%s", request->allow);
        pa_http_add_header(request, "Access-Control-Allow-Headers",
                           "Authorization, Content-Type, X-API-Key, Prefer, Range, traceparent, "
                           "Mcp-Session-Id, Mcp-Protocol-Version, Last-Event-ID");
        pa_http_add_header(request, "Access-Control-Max-Age", "600");
    }
    pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}

static int check(struct pa_http_request *request, struct pa_error *err) {
    if (check_host(request, err) < 0 || find_route(request, err) < 0 ||
        check_origin(request, err) < 0 || check_draining(request, err) < 0 ||
        check_caller(request, err) < 0 || check_type(request, err) < 0 ||
        check_size(request, err) < 0 || check_deadline(request, err) < 0)
        return -1;
    return 0;
}

/* --- its life --------------------------------------------------------------------------------- */

void *pa_http_on_target(void *context, const char *target, struct MHD_Connection *connection) {
    struct pa_http *door = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct pa_http_request *request = pa_xcalloc(1, sizeof(*request));
    request->door = door;
    request->connection = connection;
    request->peer = info->socket_context;
    request->raw_target = pa_xstrdup(target);
    pa_http_body_init(&request->body, &door->spool, door->settings->request_bytes);
    pa_http_enter(door);
    return request;
}

void pa_http_on_completed(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_RequestTerminationCode why) {
    struct pa_http_request *request = pa_steal(slot);
    if (!request)
        return;
    pa_http_peer_until(request->peer, pa_clock_monotonic_ns() + IDLE_S * PA_NS_PER_S);
    for (size_t i = 0; i < request->header_count; i++)
        free(request->headers[i].value);
    pa_http_target_done(&request->target);
    pa_http_body_done(&request->body);
    json_decref(request->json);
    json_decref(request->faults);
    pa_caller_unref(request->caller);
    free(request->allow);
    free(request->raw_target);
    free(request);
    pa_http_leave(context);
}

static enum MHD_Result replied(const struct pa_http_request *request) {
    return request->replied && !request->reply_failed ? MHD_YES : MHD_NO;
}

static enum MHD_Result refuse_now(struct pa_http_request *request) {
    pa_http_reply_problem(request, &request->refusal);
    return replied(request);
}

static enum MHD_Result begin(struct pa_http_request *request) {
    request->begun = true;
    request->body_began_ns = pa_clock_monotonic_ns();
    request->refused = check(request, &request->refusal) < 0;
    pa_http_peer_until(request->peer,
                       request->body_began_ns +
                           request->door->settings->client_timeout_ms * PA_NS_PER_MS);
    bool waits = pa_http_header_has(request, "Expect", "100-continue");
    if (request->refused && (waits || announced(request) > DROPPED_MOST))
        return refuse_now(request);
    return MHD_YES;
}

/* A piece of the body; what comes after a refusal is dropped, up to a point. */
static enum MHD_Result take(struct pa_http_request *request, const char *data, size_t size) {
    request->body_read += size;
    uint64_t allowed_ms =
        request->door->settings->client_timeout_ms + request->body_read * 1000 / LEAST_RATE;
    pa_http_peer_until(request->peer, request->body_began_ns + allowed_ms * PA_NS_PER_MS);
    bool wanted = !request->refused && request->route->takes != PA_HTTP_NOTHING;
    if (!wanted)
        return request->body_read > DROPPED_MOST ? MHD_NO : MHD_YES;
    if (pa_http_body_add(&request->body, data, size, &request->refusal) < 0) {
        request->refused = true;
        request->body_read = size;
        if (request->refusal.code == PA_ERR_INVALID_ARGUMENT)
            request->status = MHD_HTTP_CONTENT_TOO_LARGE;
        else
            request->retry_after_ms = 1000;
    }
    return MHD_YES;
}

static int parse_json(struct pa_http_request *request, struct pa_error *err) {
    const void *bytes;
    size_t size;
    json_error_t where;
    if (request->route->takes != PA_HTTP_JSON)
        return 0;
    if (pa_http_body_view(&request->body, &bytes, &size, err) < 0)
        return -1;
    request->json = size ? json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &where) : json_object();
    if (!request->json)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the body is not JSON: line %d, column %d: %s",
                       where.line, where.column, where.text);
    if (!json_is_object(request->json))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the body is not a JSON object");
    pa_http_body_done(&request->body); /* it may be large, and is not needed any more */
    return 0;
}

static enum MHD_Result answer(struct pa_http_request *request) {
    struct pa_error err = request->refusal;
    pa_http_peer_until(request->peer, PA_HTTP_NEVER); /* its time is the run's now */
    if (request->refused && request->allow && pa_streq(request->method, "OPTIONS"))
        answer_options(request);
    else if (request->refused || parse_json(request, &err) < 0 ||
             request->route->handle(request, &err) < 0)
        pa_http_reply_problem(request, &err);
    return replied(request);
}

enum MHD_Result pa_http_on_request(void *door, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *data_size, void **slot) {
    struct pa_http_request *request = *slot;
    if (!request)
        return MHD_NO;
    request->method = method;
    if (!request->begun)
        return begin(request);
    if (*data_size) {
        enum MHD_Result go_on = take(request, data, *data_size);
        *data_size = 0;
        return go_on;
    }
    return answer(request);
}
