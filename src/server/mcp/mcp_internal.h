/* Shared by the files of this folder alone. */
#ifndef PA_SERVER_MCP_INTERNAL_H
#define PA_SERVER_MCP_INTERNAL_H

#include "server/mcp/mcp.h"
#include <pthread.h>

#define PA_MCP_MAX_CALLS 64 /* of one session at once */

/* How JSON is written: times in milliseconds have three decimals, not seventeen. */
#define PA_MCP_JSON (JSON_COMPACT | JSON_REAL_PRECISION(15))

struct pa_mcp_call; /* call.c: a tools/call that runs */

struct pa_mcp {
    struct pa_mcp_config config;
    const char *revision;      /* of the handshake, NULL before it */
    pthread_mutex_t send_lock; /* one message at a time */
    pthread_mutex_t lock;      /* over what follows */
    pthread_cond_t fewer;      /* calls */
    struct pa_mcp_call *calls; /* a list */
    size_t call_count;
    bool closed;
};

/* A request as it came; all borrowed. */
struct pa_mcp_request {
    const json_t *id;
    const json_t *params; /* an object; NULL where there are none */
    bool stateless;       /* it says its revision itself */
    const char *traceparent;
};

/* rpc.c: what is sent.  Each takes over `result`, `data` or `params`. */
void pa_mcp_send_result(struct pa_mcp *session, const struct pa_mcp_request *request,
                        json_t *result);
void pa_mcp_send_error(struct pa_mcp *session, const json_t *id, enum pa_mcp_code code,
                       json_t *data, const char *fmt, ...) PA_PRINTF(5, 6);
/* False when nobody listens any more. */
bool pa_mcp_send_notification(struct pa_mcp *session, const json_t *about, const char *method,
                              json_t *params);

/* call.c */
void pa_mcp_call_start(struct pa_mcp *session, const struct pa_mcp_request *request);
void pa_mcp_call_cancel(struct pa_mcp *session, const json_t *id);
void pa_mcp_call_cancel_all(struct pa_mcp *session);

/* sessions.c: tools that begin, fork and end sessions.  Calling is for one that there is. */
void pa_mcp_list_session_tools(struct pa_mcp *session, json_t *list);
bool pa_mcp_is_session_tool(const struct pa_mcp *session, const char *name);
int pa_mcp_call_session_tool(struct pa_mcp *session, const char *name, const json_t *arguments,
                             int cancel_fd, json_t **ret, json_t **ret_faults,
                             struct pa_error *err);

/* resources.c: files that runs kept. */
void pa_mcp_read_resource(struct pa_mcp *session, const struct pa_mcp_request *request);
void pa_mcp_list_resources(struct pa_mcp *session, const struct pa_mcp_request *request);
void pa_mcp_list_templates(struct pa_mcp *session, const struct pa_mcp_request *request);
char *pa_mcp_file_uri(const char *run_id, const char *path); /* the caller frees it */

/* content.c: what a tool's call ended with, as a CallToolResult.  `err` NULL: reply has the
 * outcome.
 */
json_t *pa_mcp_tool_result(const struct pa_service_reply *reply, const struct pa_error *err);
/* The same for what has no outcome: `value` is the structured content, taken over. */
json_t *pa_mcp_value_result(json_t *value);

#endif
