/*
 * JSON-RPC 2.0: the forms of what is sent (https://www.jsonrpc.org/specification).
 *
 * A result of the stateless era says that it is complete and who sent it.
 */
#include "server/mcp/mcp_internal.h"

#include <stdarg.h>
#include <stdio.h>

static bool send_message(struct pa_mcp *session, json_t *message, const json_t *about, bool last,
                         enum pa_mcp_code code) {
    PA_CLEANUP(pa_freep) char *text = json_dumps(message, PA_MCP_JSON);
    PA_CLEANUP(pa_freep) char *id = about ? json_dumps(about, JSON_ENCODE_ANY) : NULL;
    json_decref(message);
    if (!text) /* text that is not UTF-8 would be a bug: jansson took it in as such */
        return false;
    pthread_mutex_lock(&session->send_lock);
    int sent = session->config.send(session->config.context, text, strlen(text), id, last, code);
    pthread_mutex_unlock(&session->send_lock);
    return sent == 0;
}

void pa_mcp_send_result(struct pa_mcp *session, const struct pa_mcp_request *request,
                        json_t *result) {
    if (request->stateless) {
        json_object_set_new(result, "resultType", json_string("complete"));
        json_object_set_new(result, "_meta",
                            json_pack("{s:{s:s, s:s}}", "io.modelcontextprotocol/serverInfo",
                                      "name", "polyagent", "version", PA_VERSION));
    }
    json_t *message =
        json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", request->id, "result", result);
    send_message(session, message, request->id, true, PA_MCP_NO_ERROR);
}

static json_t *error_message(const json_t *id, enum pa_mcp_code code, json_t *data, const char *fmt,
                             va_list arguments) {
    char text[1024];
    vsnprintf(text, sizeof(text), fmt, arguments);
    json_t *what = json_string(text);
    json_t *error = json_pack("{s:i, s:o*, s:o*}", "code", (int)code, "message",
                              what ? what : json_string("(not UTF-8)"), "data", data);
    return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id",
                     id ? json_incref((json_t *)(uintptr_t)id) : json_null(), "error", error);
}

void pa_mcp_send_error(struct pa_mcp *session, const json_t *id, enum pa_mcp_code code,
                       json_t *data, const char *fmt, ...) {
    va_list arguments;
    va_start(arguments, fmt);
    json_t *message = error_message(id, code, data, fmt, arguments);
    va_end(arguments);
    send_message(session, message, id, true, code);
}

char *pa_mcp_error_text(const json_t *id, enum pa_mcp_code code, json_t *data, const char *fmt,
                        ...) {
    va_list arguments;
    va_start(arguments, fmt);
    json_t *message = error_message(id, code, data, fmt, arguments);
    va_end(arguments);
    char *text = json_dumps(message, PA_MCP_JSON);
    json_decref(message);
    return text;
}

bool pa_mcp_send_notification(struct pa_mcp *session, const json_t *about, const char *method,
                              json_t *params) {
    json_t *message =
        json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params);
    return send_message(session, message, about, false, PA_MCP_NO_ERROR);
}
