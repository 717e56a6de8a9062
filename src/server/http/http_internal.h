/*
 * Shared by the files of this folder alone.
 *
 *     door.c      the listener, libmicrohttpd's daemon, starting and stopping
 *     peer.c      one connection: how long it may take, and how its vanishing is noticed
 *     request.c   one request: what is checked before a handler sees it
 *     reply.c     what goes back: JSON, problems, files
 *     routes.c    the table of everything that is served, and what is said about it
 *     target.c, body.c, multipart.c    taking requests apart, without I/O
 *     stream.c, job.c                  runs that are told about while they last
 *     mcp.c       MCP's messages on a path of the door
 *
 * Each connection has a thread (libmicrohttpd's); a handler blocks it for as long as its run takes.
 */
#ifndef PA_SERVER_HTTP_HTTP_INTERNAL_H
#define PA_SERVER_HTTP_HTTP_INTERNAL_H

#include "base/clock.h"
#include "server/http/body.h"
#include "server/http/http.h"
#include "server/http/target.h"
#include "server/listen.h"
#include <microhttpd.h>
#include <pthread.h>

#define PA_HTTP_NEVER UINT64_MAX
#define PA_HTTP_DUMP  (JSON_COMPACT | JSON_REAL_PRECISION(15)) /* 0.1 is "0.1" */

struct pa_http_watch;
struct pa_http_mcp; /* mcp.c: the sessions of /mcp */

struct pa_http {
    struct pa_service *service;
    const struct pa_server_settings *settings;
    struct pa_tls *tls; /* NULL: in the clear */
    enum pa_http_kind kind;
    int listener;
    bool loopback; /* bound to 127.0.0.0/8 or ::1 */
    char address[PA_LISTEN_TEXT + 10];
    char *model_key;           /* of tasks_endpoint; NULL: none */
    struct MHD_Daemon *daemon; /* NULL until it is started */
    struct pa_http_watch *watch;
    struct pa_http_mcp *mcp;
    int give_up_fd; /* an eventfd: readable once every request is to be cancelled */
    struct pa_http_spool spool;

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t fewer;
    size_t busy; /* requests and jobs */
    bool draining;
};

/* One more, one less thing that pa_http_stop waits for. */
void pa_http_enter(struct pa_http *door);
void pa_http_leave(struct pa_http *door);
bool pa_http_draining(struct pa_http *door);

/* --- peer.c ----------------------------------------------------------------------------------- */

struct pa_http_peer;

/* The thread that cuts off clients which are past their deadline; it sleeps until the next one. */
int pa_http_watch_new(struct pa_http_watch **ret, struct pa_error *err);
struct pa_http_watch *pa_http_watch_free(struct pa_http_watch *watch); /* no peer is left */

/* From now on a client that is to send or take something is cut off after two silent seconds. */
void pa_http_watch_hurry(struct pa_http_watch *watch);

struct pa_http_peer *pa_http_peer_new(struct pa_http_watch *watch, int socket, int give_up_fd);
struct pa_http_peer *pa_http_peer_free(struct pa_http_peer *peer);

/* When it is cut off (monotonic), PA_HTTP_NEVER: not. */
void pa_http_peer_until(struct pa_http_peer *peer, uint64_t deadline_ns);

/* For the cancel_fd of a run: readable when the client has hung up or all is to be cancelled; the
 * peer's.  -1 where it cannot be had. */
int pa_http_peer_gone_fd(struct pa_http_peer *peer);

/* --- request.c -------------------------------------------------------------------------------- */

#define PA_HTTP_MAX_HEADERS 8 /* of a reply, that a handler adds */

struct pa_http_route;

struct pa_http_request {
    struct pa_http *door;
    struct MHD_Connection *connection;
    struct pa_http_peer *peer;
    const char *method;
    struct pa_http_target target;
    const struct pa_http_route *route;
    const char *params[PA_HTTP_MAX_PARAMS];
    struct pa_caller *caller; /* NULL on a route without a scope */
    struct pa_http_body body;
    json_t *json;         /* of a JSON body */
    uint64_t deadline_ns; /* of ?timeout_ms, or PA_HTTP_NEVER */

    /* Of the reply. */
    int status; /* of an error, in place of its code's; 0: its code's */
    json_t *faults;
    uint64_t retry_after_ms;
    char *allow; /* of 405 */
    char run_id[PA_RUN_ID_TEXT];
    char traceparent[PA_TRACE_TEXT];
    struct {
        const char *name;
        char *value;
    } headers[PA_HTTP_MAX_HEADERS];
    size_t header_count;
    bool replied, reply_failed;

    /* Private to request.c. */
    char *raw_target;
    bool begun, refused;
    struct pa_error refusal;
    uint64_t body_began_ns, body_read;
};

/* libmicrohttpd's callbacks. */
void *pa_http_on_target(void *door, const char *target, struct MHD_Connection *connection);
enum MHD_Result pa_http_on_request(void *door, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *data_size, void **request);
void pa_http_on_completed(void *door, struct MHD_Connection *connection, void **request,
                          enum MHD_RequestTerminationCode why);

const char *pa_http_header(const struct pa_http_request *request, const char *name); /* or NULL */
const char *pa_http_query(const struct pa_http_request *request, const char *name);  /* or NULL */

/* A query parameter as a number; `initial` where it is not there. */
int pa_http_query_number(const struct pa_http_request *request, const char *name, uint64_t least,
                         uint64_t most, uint64_t initial, uint64_t *ret, struct pa_error *err);

/* True when the comma-separated header has the token, whatever its case and parameters. */
bool pa_http_header_has(const struct pa_http_request *request, const char *name, const char *token);

/* --- reply.c ---------------------------------------------------------------------------------- */

/* A header of the reply to come; `name` is a literal. */
void pa_http_add_header(struct pa_http_request *request, const char *name, const char *fmt, ...)
    PA_PRINTF(3, 4);

/* Each takes over what it is given and queues the reply, once a request.  0, so that a handler can
 * return it. */
int pa_http_reply_json(struct pa_http_request *request, unsigned status, json_t *value);
int pa_http_reply_text(struct pa_http_request *request, unsigned status, const char *content_type,
                       struct pa_buf *text);
int pa_http_reply_empty(struct pa_http_request *request, unsigned status);
int pa_http_reply_response(struct pa_http_request *request, unsigned status,
                           const char *content_type, struct MHD_Response *response, uint64_t size);

/* An error as problem+json (RFC 9457), with what the request has: status, faults, retry_after_ms,
 * run_id. */
void pa_http_reply_problem(struct pa_http_request *request, const struct pa_error *problem);
json_t *pa_http_problem(const struct pa_http_request *request, unsigned status,
                        const struct pa_error *problem);

/* pa_fail with a status of HTTP that no code of ours has. */
int pa_http_fail(struct pa_http_request *request, unsigned status, struct pa_error *err,
                 enum pa_error_code code, const char *fmt, ...) PA_PRINTF(5, 6);

/* --- routes.c --------------------------------------------------------------------------------- */

enum pa_http_takes {
    PA_HTTP_NOTHING, /* what comes all the same is read and dropped */
    PA_HTTP_JSON,    /* request->json is it, whole; an empty body is {} */
    PA_HTTP_BYTES,   /* request->body, of any type */
};

/* A query parameter or a header, for the OpenAPI document. */
struct pa_http_parameter {
    const char *name, *schema; /* JSON */
    const char *what;
    bool header;
};

struct pa_http_route {
    const char *method, *pattern;
    const char *scope; /* NULL: for everybody */
    enum pa_http_takes takes;
    /* 0 once it has replied; -1 with *err, which becomes a problem. */
    int (*handle)(struct pa_http_request *request, struct pa_error *err);

    /* For the document; schemas are JSON text, or "#name" of one in openapi.c. */
    const char *id, *tag, *what;
    const struct pa_http_parameter *parameters; /* up to one without a name; NULL: none */
    const char *request_schema;
    unsigned reply_status;
    const char *reply_type; /* NULL: application/json */
    const char *reply_schema;
};

/* The routes of a kind of door, up to one without a method. */
const struct pa_http_route *pa_http_routes(enum pa_http_kind kind);

/* The route of this method and target, or NULL; *ret_allow (to be freed) then lists the methods
 * there are, NULL where the path is unknown. */
const struct pa_http_route *pa_http_find_route(enum pa_http_kind kind, const char *method,
                                               const struct pa_http_target *target,
                                               const char *params[PA_HTTP_MAX_PARAMS],
                                               char **ret_allow);

/* --- tools.c ---------------------------------------------------------------------------------- */

/* What a client that offers tools is to do. */
#define PA_HTTP_NO_CALLS                                                                           \
    "nothing without a stream: with ?stream=ndjson or ?stream=sse each call is an event, to be "   \
    "answered by POST /v1/runs/{run_id}/calls/{call_id}"

/* Calls a tool and waits for its end; the reply to come has the run's id, trace and faults. */
int pa_http_call_tool(struct pa_http_request *request, const char *tool, const json_t *parameters,
                      struct pa_service_reply *reply, struct pa_error *err);

/* The same, and replies as the request wants it: whole, as a stream, or with where to look.  `task`
 * (NULL: none) is what a sentence was taken for: an event of a stream; of a whole reply the object
 * that the outcome stands in.  Takes both values over. */
int pa_http_run_tool(struct pa_http_request *request, const char *tool, json_t *parameters,
                     json_t *task, struct pa_error *err);

/* What makes a request's reply a stream is one that is known. */
int pa_http_check_stream(const struct pa_http_request *request, struct pa_error *err);

/* --- handlers --------------------------------------------------------------------------------- */

typedef int pa_http_handler(struct pa_http_request *request, struct pa_error *err);

pa_http_handler pa_http_get_health, pa_http_get_ready, pa_http_get_metrics; /* health.c */
pa_http_handler pa_http_get_openapi;                                        /* openapi.c */
pa_http_handler pa_http_get_tools, pa_http_get_tool, pa_http_post_tool;     /* tools.c */
pa_http_handler pa_http_get_languages;
pa_http_handler pa_http_get_run, pa_http_delete_run; /* runs.c */
pa_http_handler pa_http_answer_call, pa_http_get_run_file;
pa_http_handler pa_http_get_volumes, pa_http_delete_volume; /* volumes.c */
pa_http_handler pa_http_put_module, pa_http_get_module;     /* modules.c */
pa_http_handler pa_http_post_task;                          /* tasks.c */
pa_http_handler pa_http_e2b_health, pa_http_e2b_execute;    /* e2b.c */
pa_http_handler pa_http_e2b_new_context, pa_http_e2b_contexts, pa_http_e2b_end_context,
    pa_http_e2b_restart;

#endif
