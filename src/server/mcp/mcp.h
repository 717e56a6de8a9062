/*
 * The Model Context Protocol, as a session without I/O: messages in, messages out.
 *
 *     pa_mcp_new(&config, &session, &err)
 *     pa_mcp_receive(session, message, size, NULL)   what the client sent: one JSON-RPC message
 *     ... config.send is called with what is to be sent, from any thread ...
 *     pa_mcp_close(session)                       the client is gone: its calls are cancelled
 *     pa_mcp_free(session)                        waits for its calls
 *
 * Used by the HTTP door (/mcp, streamable HTTP) and by `polyagent mcp` (lines of stdin and stdout).
 *
 * Two eras of the protocol are spoken at once (https://modelcontextprotocol.io/specification):
 *   - 2024-11-05 to 2025-11-25, which begin with `initialize`;
 *   - 2026-07-28, where each request says its revision in params._meta and there is no session.
 *
 * Threads: receive, close and free belong to one; tool calls run on threads of the session, so that
 * receive does not block and a cancellation is heard.
 */
#ifndef PA_SERVER_MCP_MCP_H
#define PA_SERVER_MCP_MCP_H

#include "server/service.h"

struct pa_mcp;

/* Codes of errors, of JSON-RPC 2.0 and of MCP. */
enum pa_mcp_code {
    PA_MCP_NO_ERROR = 0,
    PA_MCP_PARSE_ERROR = -32700,
    PA_MCP_INVALID_REQUEST = -32600,
    PA_MCP_METHOD_NOT_FOUND = -32601,
    PA_MCP_INVALID_PARAMS = -32602,
    PA_MCP_INTERNAL_ERROR = -32603,
    PA_MCP_NO_RESOURCE = -32002, /* up to 2025-11-25 */
    PA_MCP_HEADER_MISMATCH = -32020,
    PA_MCP_UNSUPPORTED_VERSION = -32022,
};

struct pa_mcp_config {
    struct pa_service *service; /* borrowed, outlives the session */
    struct pa_caller *caller;   /* a reference is taken */
    /* One message, without a newline.  `request_id` is the JSON text of the id of the request that
     * it answers or reports on (progress), NULL where it belongs to none; `last` when it is the
     * answer itself, and `code` then says which error it is, if it is one.  Calls come one at a
     * time. -1 when nobody listens any more. */
    int (*send)(void *context, const char *message, size_t size, const char *request_id, bool last,
                enum pa_mcp_code code);
    void *context;
};

int pa_mcp_new(const struct pa_mcp_config *config, struct pa_mcp **ret, struct pa_error *err);

/* A message that is not JSON-RPC is answered with its error; nothing that is sent ends the session.
 * `traceparent` of the message that carried it, or NULL. */
void pa_mcp_receive(struct pa_mcp *session, const char *message, size_t size,
                    const char *traceparent);

/* Waits until no call runs, at most until `deadline_ns` (monotonic). */
void pa_mcp_settle(struct pa_mcp *session, uint64_t deadline_ns);
void pa_mcp_close(struct pa_mcp *session);
struct pa_mcp *pa_mcp_free(struct pa_mcp *session);

/* True for a revision without a handshake. */
bool pa_mcp_is_stateless(const char *revision);

/* An error as a whole message, for a transport that refuses what it was sent; the caller frees it.
 * `id` NULL: it could not be read.  `data` is taken over; NULL: none. */
char *pa_mcp_error_text(const json_t *id, enum pa_mcp_code code, json_t *data, const char *fmt, ...)
    PA_PRINTF(4, 5);

/* `polyagent mcp`: messages as lines on `in` and `out` (the stdio transport), until `in` ends or
 * stop_fd is readable.  Calls that run when `in` ends get a moment to finish. */
int pa_mcp_serve_lines(struct pa_service *service, struct pa_caller *caller, int in, int out,
                       int stop_fd, size_t message_max, struct pa_error *err);

#endif
