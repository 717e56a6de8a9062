/*
 * MCP over HTTP: the "streamable HTTP" transport
 * (https://modelcontextprotocol.io/specification, Transports).
 *
 * Each message is a POST.  One that is a request waits as an *exchange* for what the session sends
 * about it: an answer alone is a JSON reply with the status that its error has; an answer that
 * progress comes before is a stream of events.  So the handler's thread waits for the first
 * message, and only then knows which it is; a stream goes on in a thread of its own.
 *
 * Revisions with a handshake have a session per `initialize`, named by Mcp-Session-Id; it belongs
 * to the caller who began it.  In the stateless revision an exchange has a session for itself.
 *
 *     table ── session ── pa_mcp
 *                 └─ exchanges, by the id of their request
 */
#include "server/http/mcp.h"

#include "base/clock.h"
#include "server/http/stream.h"
#include "server/mcp/mcp.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define MAX_SESSIONS   1024
#define IDLE_NS        (3600 * PA_NS_PER_S)
#define ID_TEXT        33
#define META_VERSION   "io.modelcontextprotocol/protocolVersion"
#define OLD_REVISION   "2025-03-26" /* of a request that does not say: the last that need not */
#define EVENT_STREAM   "text/event-stream"
#define HEARTBEAT      ":\r\n\r\n"
#define SESSION_HEADER "Mcp-Session-Id"

struct session {
    struct session *next;
    char id[ID_TEXT]; /* "" of one that an exchange has for itself */
    char *owner;
    struct pa_mcp *mcp;
    unsigned users; /* under the table's lock, as `gone` and used_ns */
    bool gone;
    uint64_t used_ns;

    pthread_mutex_t lock; /* over what follows */
    struct exchange *exchanges;
};

struct pa_http_mcp {
    pthread_mutex_t lock;
    struct session *sessions;
    size_t count;
};

struct exchange {
    struct exchange *next;
    struct pa_http *door;
    struct session *session;
    json_t *message;
    char *request_id; /* JSON text */
    int ready_fd;     /* an eventfd: something has come */

    /* Under the session's lock. */
    struct pa_buf events; /* what has come, as events */
    char *answer;         /* the last message; NULL: not yet */
    enum pa_mcp_code code;
    struct pa_http_stream *stream; /* where events go at once; NULL: not yet */
    int cancel_fd;                 /* of the stream, or -1 */
};

/* --- what a session sends ----------------------------------------------------------------------
 */

static void tell(struct exchange *exchange, const char *message) {
    struct pa_buf event = PA_BUF_INIT(SIZE_MAX / 2);
    pa_buf_printf(&event, "event: message\ndata: %s\n\n", message);
    if (exchange->stream)
        pa_http_stream_push(exchange->stream, event.data, event.size);
    else
        pa_buf_append(&exchange->events, event.data, event.size);
    pa_buf_done(&event);
}

/* In the thread of a call.  The exchange may have been given up. */
static int send_message(void *context, const char *message, size_t size, const char *request_id,
                        bool last, enum pa_mcp_code code) {
    struct session *session = context;
    pthread_mutex_lock(&session->lock);
    struct exchange *exchange = request_id ? session->exchanges : NULL;
    while (exchange && !pa_streq(exchange->request_id, request_id))
        exchange = exchange->next;
    if (exchange) {
        if (last) {
            free(exchange->answer);
            exchange->answer = pa_xstrdup(message);
            exchange->code = code;
        }
        if (!last || exchange->stream)
            tell(exchange, message);
        eventfd_write(exchange->ready_fd, 1);
    }
    pthread_mutex_unlock(&session->lock);
    return exchange ? 0 : -1;
}

/* --- sessions --------------------------------------------------------------------------------- */

static struct session *free_session(struct session *session) {
    pa_mcp_free(session->mcp);
    pthread_mutex_destroy(&session->lock);
    free(session->owner);
    free(session);
    return NULL;
}

static int new_session(struct pa_http_request *request, struct session **ret,
                       struct pa_error *err) {
    struct session *session = pa_xcalloc(1, sizeof(*session));
    pthread_mutex_init(&session->lock, NULL);
    session->owner = pa_xstrdup(pa_caller_name(request->caller));
    session->users = 1;
    const struct pa_mcp_config config = {.service = request->door->service,
                                         .caller = request->caller,
                                         .send = send_message,
                                         .context = session};
    if (pa_mcp_new(&config, &session->mcp, err) < 0) {
        free_session(session);
        return -1;
    }
    *ret = session;
    return 0;
}

/* Takes a session out of the table: one that its users, when they are done, are the last to know.
 */
static struct session *unlist(struct pa_http_mcp *table, struct session **link) {
    struct session *session = *link;
    *link = session->next;
    session->gone = true;
    table->count--;
    return session->users ? NULL : session;
}

/* The sessions that nobody has used in a long time, and the one unused longest if `full`. */
static struct session *take_idle(struct pa_http_mcp *table, uint64_t now) {
    struct session **oldest = NULL;
    for (struct session **link = &table->sessions; *link; link = &(*link)->next)
        if (!(*link)->users && (!oldest || (*link)->used_ns < (*oldest)->used_ns))
            oldest = link;
    if (oldest && (now - (*oldest)->used_ns > IDLE_NS || table->count >= MAX_SESSIONS))
        return unlist(table, oldest);
    return NULL;
}

/* Puts a new session into the table, under an id that cannot be guessed. */
static int list_session(struct pa_http_mcp *table, struct session *session, struct pa_error *err) {
    uint8_t random[(ID_TEXT - 1) / 2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return pa_fail_errno(err, errno, "no random numbers for a session");
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(session->id + 2 * i, 3, "%02x", random[i]);
    struct session *idle;
    bool room;
    do {
        pthread_mutex_lock(&table->lock);
        idle = take_idle(table, pa_clock_monotonic_ns());
        room = table->count < MAX_SESSIONS;
        if (!idle && room) {
            session->next = table->sessions;
            table->sessions = session;
            table->count++;
        }
        pthread_mutex_unlock(&table->lock);
        if (idle)
            free_session(idle);
    } while (idle);
    return room ? 0
                : pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "%d MCP sessions are in use",
                          MAX_SESSIONS);
}

static struct session **find_session(struct pa_http_mcp *table, const char *id, const char *owner) {
    struct session **link = &table->sessions;
    while (*link && !(pa_streq((*link)->id, id) && pa_streq((*link)->owner, owner)))
        link = &(*link)->next;
    return link;
}

static void release(struct pa_http_mcp *table, struct session *session) {
    pthread_mutex_lock(&table->lock);
    session->used_ns = pa_clock_monotonic_ns();
    bool last = --session->users == 0 && (session->gone || !session->id[0]);
    pthread_mutex_unlock(&table->lock);
    if (last)
        free_session(session);
}

static int no_session(struct pa_http_request *request, struct pa_error *err) {
    return pa_http_fail(request, 404, err, PA_ERR_NOT_FOUND,
                        "there is no session of that " SESSION_HEADER
                        ": it has ended, or was another caller's; begin with initialize");
}

/* The session of a message of an era with handshakes. */
static int use_session(struct pa_http_request *request, bool initialize, struct session **ret,
                       struct pa_error *err) {
    struct pa_http_mcp *table = request->door->mcp;
    const char *id = pa_http_header(request, SESSION_HEADER);
    if (initialize)
        return new_session(request, ret, err);
    if (!id)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the header " SESSION_HEADER " is missing: send what initialize gave");
    pthread_mutex_lock(&table->lock);
    struct session *session = *find_session(table, id, pa_caller_name(request->caller));
    if (session)
        session->users++;
    pthread_mutex_unlock(&table->lock);
    *ret = session;
    return session ? 0 : no_session(request, err);
}

struct pa_http_mcp *pa_http_mcp_new(void) {
    struct pa_http_mcp *table = pa_xcalloc(1, sizeof(*table));
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

struct pa_http_mcp *pa_http_mcp_free(struct pa_http_mcp *table) {
    if (!table)
        return NULL;
    while (table->sessions)
        free_session(unlist(table, &table->sessions));
    pthread_mutex_destroy(&table->lock);
    free(table);
    return NULL;
}

/* --- exchanges -------------------------------------------------------------------------------- */

static struct exchange *begin(struct pa_http_request *request, struct session *session,
                              json_t *message, struct pa_error *err) {
    struct exchange *exchange = pa_xcalloc(1, sizeof(*exchange));
    exchange->cancel_fd = -1;
    exchange->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (exchange->ready_fd < 0) {
        pa_fail_errno(err, errno, "no descriptor for another request");
        free(exchange);
        return NULL;
    }
    exchange->door = request->door;
    exchange->session = session;
    exchange->message = json_incref(message);
    exchange->request_id = json_dumps(json_object_get(message, "id"), JSON_ENCODE_ANY);
    exchange->events = PA_BUF_INIT(SIZE_MAX / 2);
    pthread_mutex_lock(&session->lock);
    exchange->next = session->exchanges;
    session->exchanges = exchange;
    pthread_mutex_unlock(&session->lock);
    return exchange;
}

/* Nothing is sent to it any more. */
static void end(struct exchange *exchange) {
    struct session *session = exchange->session;
    pthread_mutex_lock(&session->lock);
    struct exchange **link = &session->exchanges;
    while (*link != exchange)
        link = &(*link)->next;
    *link = exchange->next;
    pthread_mutex_unlock(&session->lock);
    release(exchange->door->mcp, session);
    pa_buf_done(&exchange->events);
    pa_http_stream_unref(exchange->stream);
    json_decref(exchange->message);
    pa_closep(&exchange->cancel_fd);
    close(exchange->ready_fd);
    free(exchange->request_id);
    free(exchange->answer);
    free(exchange);
}

/* Waits until something has come, or `gone_fd` is readable: false then. */
static bool await(const struct exchange *exchange, int gone_fd) {
    struct pollfd polled[] = {{.fd = exchange->ready_fd, .events = POLLIN},
                              {.fd = gone_fd, .events = POLLIN}};
    eventfd_t count;
    while (poll(polled, PA_ARRAY_LEN(polled), -1) < 0 && errno == EINTR)
        continue;
    if (polled[1].revents)
        return false;
    eventfd_read(exchange->ready_fd, &count);
    return true;
}

/* The client has gone: its request is cancelled. */
static void give_up(struct exchange *exchange) {
    json_t *message =
        json_pack("{s:s, s:s, s:{s:O}}", "jsonrpc", "2.0", "method", "notifications/cancelled",
                  "params", "requestId", json_object_get(exchange->message, "id"));
    PA_CLEANUP(pa_freep) char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    pa_mcp_receive(exchange->session->mcp, text, strlen(text), NULL);
}

static bool is_answered(struct exchange *exchange) {
    pthread_mutex_lock(&exchange->session->lock);
    bool answered = exchange->answer;
    pthread_mutex_unlock(&exchange->session->lock);
    return answered;
}

/* The thread of a stream. */
static void *stream_on(void *context) {
    struct exchange *exchange = context;
    struct pa_http *door = exchange->door;
    bool listens = true;
    while (listens && !is_answered(exchange))
        listens = await(exchange, exchange->cancel_fd);
    if (!listens)
        give_up(exchange);
    pa_http_stream_end(exchange->stream);
    end(exchange);
    pa_http_leave(door);
    return NULL;
}

/* From now on events go to the client as they come; those that have come already go first. */
static int turn_into_stream(struct pa_http_request *request, struct exchange *exchange,
                            struct pa_error *err) {
    struct pa_http_stream *stream = pa_http_stream_new();
    pthread_t thread;
    if (!stream)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "no descriptors for another stream");
    exchange->cancel_fd = pa_http_stream_cancel_fd(request, stream);
    if (exchange->cancel_fd < 0) {
        pa_http_stream_unref(stream);
        return pa_fail_errno(err, errno, "cannot watch the connection");
    }
    pa_http_stream_heartbeat(stream, HEARTBEAT);
    pthread_mutex_lock(&exchange->session->lock);
    exchange->stream = stream;
    pa_http_stream_push(stream, exchange->events.data, exchange->events.size);
    if (exchange->answer)
        tell(exchange, exchange->answer);
    pthread_mutex_unlock(&exchange->session->lock);
    pa_http_enter(request->door);
    pa_http_stream_ref(stream); /* the thread may be done with its own before we reply */
    int failed = pthread_create(&thread, NULL, stream_on, exchange);
    if (failed) {
        pthread_mutex_lock(&exchange->session->lock);
        exchange->stream = NULL;
        pthread_mutex_unlock(&exchange->session->lock);
        pa_http_leave(request->door);
        pa_http_stream_unref(stream);
        pa_http_stream_unref(stream);
        return pa_fail_errno(err, failed, "no thread for another stream");
    }
    pthread_detach(thread);
    pa_http_add_header(request, "X-Accel-Buffering", "no");
    pa_http_add_header(request, "Cache-Control", "no-cache, no-transform");
    int done = pa_http_reply_stream(request, 200, EVENT_STREAM, stream);
    pa_http_stream_unref(stream);
    return done;
}

static unsigned status_of(enum pa_mcp_code code, bool stateless) {
    if (code == PA_MCP_PARSE_ERROR || code == PA_MCP_INVALID_REQUEST)
        return 400;
    if (!stateless || code == PA_MCP_NO_ERROR)
        return 200;
    if (code == PA_MCP_METHOD_NOT_FOUND)
        return 404;
    return code == PA_MCP_INTERNAL_ERROR ? 500 : 400;
}

static int reply_answer(struct pa_http_request *request, unsigned status, const char *answer) {
    struct pa_buf text = PA_BUF_INIT(SIZE_MAX / 2);
    pa_buf_append_text(&text, answer);
    return pa_http_reply_text(request, status, "application/json", &text);
}

/* A request of the client, to its answer or to the stream that will end with it. */
static int exchange_messages(struct pa_http_request *request, struct session *session,
                             json_t *message, bool stateless, struct pa_error *err) {
    struct exchange *exchange = begin(request, session, message, err);
    if (!exchange) {
        release(request->door->mcp, session);
        return -1;
    }
    PA_CLEANUP(pa_freep) char *text = json_dumps(message, JSON_COMPACT);
    const char *traceparent = pa_http_header(request, "traceparent");
    pa_mcp_receive(session->mcp, text, strlen(text), traceparent);
    int done = 0, gone_fd = pa_http_peer_gone_fd(request->peer);
    bool streams = pa_http_header_has(request, "Accept", EVENT_STREAM);
    for (;;) {
        if (!await(exchange, gone_fd)) {
            give_up(exchange);
            done = pa_fail(err, PA_ERR_CANCELLED, "the client has gone");
            break;
        }
        if (is_answered(exchange)) {
            done = reply_answer(request, status_of(exchange->code, stateless), exchange->answer);
            break;
        }
        if (streams && turn_into_stream(request, exchange, err) == 0)
            return 0; /* the exchange is its thread's */
        streams = false;
    }
    end(exchange);
    return done;
}

/* --- one POST --------------------------------------------------------------------------------- */

static int refuse(struct pa_http_request *request, const json_t *message, enum pa_mcp_code code,
                  const char *what) {
    PA_CLEANUP(pa_freep)
    char *text = pa_mcp_error_text(json_object_get(message, "id"), code, NULL, "%s", what);
    return reply_answer(request, 400, text);
}

/* Headers that say the same as the message must do so: what stands between may have believed them.
 * What is wrong, or NULL. */
static const char *mismatch(const struct pa_http_request *request, const json_t *message) {
    const json_t *params = json_object_get(message, "params");
    const char *revision =
        json_string_value(json_object_get(json_object_get(params, "_meta"), META_VERSION));
    const char *method = json_string_value(json_object_get(message, "method"));
    const char *name = json_string_value(json_object_get(params, "name"));
    const char *said = pa_http_header(request, "MCP-Protocol-Version");
    if (!said || !revision || !pa_streq(said, revision))
        return "the header MCP-Protocol-Version and params._meta[\"" META_VERSION
               "\"] are not the same";
    said = pa_http_header(request, "Mcp-Method");
    if (!said || !method || !pa_streq(said, method))
        return "the header Mcp-Method is not the method of the message";
    said = pa_http_header(request, "Mcp-Name");
    if (pa_streq(method, "resources/read"))
        name = json_string_value(json_object_get(params, "uri"));
    else if (!pa_streq(method, "tools/call"))
        name = NULL;
    if (name && (!said || !pa_streq(said, name)))
        return "the header Mcp-Name is not the name of the tool, or the URI of the resource";
    return NULL;
}

static int post_stateless(struct pa_http_request *request, json_t *message, struct pa_error *err) {
    struct session *session;
    if (!json_object_get(message, "id")) /* nothing that a client could notify of is known */
        return pa_http_reply_empty(request, 202);
    const char *wrong = mismatch(request, message);
    if (wrong)
        return refuse(request, message, PA_MCP_HEADER_MISMATCH, wrong);
    if (new_session(request, &session, err) < 0)
        return -1;
    return exchange_messages(request, session, message, true, err);
}

static int post_in_session(struct pa_http_request *request, json_t *message, struct pa_error *err) {
    struct pa_http_mcp *table = request->door->mcp;
    const char *method = json_string_value(json_object_get(message, "method"));
    bool initialize = method && pa_streq(method, "initialize");
    struct session *session = NULL;
    if (use_session(request, initialize, &session, err) < 0)
        return -1;
    if (initialize && list_session(table, session, err) < 0) {
        free_session(session);
        return -1;
    }
    if (initialize)
        pa_http_add_header(request, SESSION_HEADER, "%s", session->id);
    if (method && json_object_get(message, "id"))
        return exchange_messages(request, session, message, false, err);
    PA_CLEANUP(pa_freep) char *text = json_dumps(message, JSON_COMPACT);
    pa_mcp_receive(session->mcp, text, strlen(text), NULL);
    release(table, session);
    return pa_http_reply_empty(request, 202);
}

/* The message is one JSON-RPC object whose id, if it has one, can be answered to.  What is wrong
 * with it otherwise, or NULL. */
static const char *malformed(const json_t *message) {
    const json_t *id = json_object_get(message, "id");
    if (!json_is_object(message) || !json_object_get(message, "jsonrpc"))
        return "the body must be one JSON-RPC message, an object";
    if (id && !json_is_string(id) && !json_is_integer(id))
        return "an id is a string or an integer";
    return NULL;
}

int pa_http_post_mcp(struct pa_http_request *request, struct pa_error *err) {
    const void *bytes;
    size_t size;
    if (pa_http_body_view(&request->body, &bytes, &size, err) < 0)
        return -1;
    PA_CLEANUP(json_decrefp)
    json_t *message = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *meta = json_object_get(json_object_get(message, "params"), "_meta");
    const char *revision = pa_http_header(request, "MCP-Protocol-Version");
    if (!message)
        return refuse(request, NULL, PA_MCP_PARSE_ERROR, "the body is not JSON");
    const char *wrong = malformed(message);
    if (wrong)
        return refuse(request, NULL, PA_MCP_INVALID_REQUEST, wrong);
    if (json_object_get(meta, META_VERSION) || (revision && pa_mcp_is_stateless(revision)))
        return post_stateless(request, message, err);
    return post_in_session(request, message, err);
}

int pa_http_delete_mcp(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_mcp *table = request->door->mcp;
    const char *id = pa_http_header(request, SESSION_HEADER);
    struct session *unused = NULL;
    pthread_mutex_lock(&table->lock);
    struct session **link = id ? find_session(table, id, pa_caller_name(request->caller)) : NULL;
    bool found = link && *link;
    if (found)
        unused = unlist(table, link);
    pthread_mutex_unlock(&table->lock);
    if (unused)
        free_session(unused);
    return found ? pa_http_reply_empty(request, 204) : no_session(request, err);
}
