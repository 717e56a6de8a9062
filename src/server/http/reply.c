#include "server/http/http_internal.h"

#include <stdarg.h>

#define LEAST_RATE (16 * PA_KIB) /* bytes a second that a client takes, or is cut off */

void pa_http_add_header(struct pa_http_request *request, const char *name, const char *fmt, ...) {
    PA_ASSERT(request->header_count < PA_HTTP_MAX_HEADERS);
    va_list args;
    va_start(args, fmt);
    char *value = NULL;
    if (vasprintf(&value, fmt, args) >= 0) {
        request->headers[request->header_count].name = name;
        request->headers[request->header_count++].value = value;
    }
    va_end(args);
}

static void add_headers(struct pa_http_request *request, struct MHD_Response *response,
                        const char *content_type) {
    if (content_type)
        MHD_add_response_header(response, "Content-Type", content_type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (*request->traceparent)
        MHD_add_response_header(response, "traceparent", request->traceparent);
    for (size_t i = 0; i < request->header_count; i++)
        MHD_add_response_header(response, request->headers[i].name, request->headers[i].value);
}

int pa_http_reply_response(struct pa_http_request *request, unsigned status,
                           const char *content_type, struct MHD_Response *response, uint64_t size) {
    PA_ASSERT(!request->replied);
    request->replied = true;
    if (!response) {
        request->reply_failed = true;
        return 0;
    }
    add_headers(request, response, content_type);
    uint64_t allowed_ms = request->door->settings->client_timeout_ms + size * 1000 / LEAST_RATE;
    pa_http_peer_until(request->peer, pa_clock_monotonic_ns() + allowed_ms * PA_NS_PER_MS);
    request->reply_failed = MHD_queue_response(request->connection, status, response) != MHD_YES;
    MHD_destroy_response(response);
    return 0;
}

/* `memory` is from malloc, and is freed. */
static int reply_memory(struct pa_http_request *request, unsigned status, const char *content_type,
                        char *memory, size_t size) {
    struct MHD_Response *response =
        memory ? MHD_create_response_from_buffer(size, memory, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!response)
        free(memory);
    return pa_http_reply_response(request, status, content_type, response, size);
}

int pa_http_reply_json(struct pa_http_request *request, unsigned status, json_t *value) {
    /* jansson's own memory is malloc's: nothing here sets other functions. */
    char *text = value ? json_dumps(value, PA_HTTP_DUMP) : NULL;
    json_decref(value);
    const char *type =
        status >= 400 ? "application/problem+json" : "application/json; charset=utf-8";
    return reply_memory(request, status, type, text, text ? strlen(text) : 0);
}

int pa_http_reply_text(struct pa_http_request *request, unsigned status, const char *content_type,
                       struct pa_buf *text) {
    size_t size;
    bool failed = text->failed;
    char *memory = (char *)pa_buf_take(text, &size);
    if (failed || !memory) {
        free(memory);
        memory = failed ? NULL : pa_xstrdup("");
        size = 0;
    }
    return reply_memory(request, status, content_type, memory, size);
}

int pa_http_reply_empty(struct pa_http_request *request, unsigned status) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    return pa_http_reply_response(request, status, NULL, response, 0);
}

/* --- problems --------------------------------------------------------------------------------- */

json_t *pa_http_problem(const struct pa_http_request *request, unsigned status,
                        const struct pa_error *problem) {
    json_t *object = json_pack("{s:s, s:i, s:s, s:s}", "title", MHD_get_reason_phrase_for(status),
                               "status", (int)status, "detail", problem->message, "code",
                               pa_error_code_name(problem->code));
    if (!object) /* a message that is not UTF-8 */
        object = json_pack("{s:s, s:i}", "title", MHD_get_reason_phrase_for(status), "status",
                           (int)status);
    if (request->faults)
        json_object_set(object, "faults", request->faults);
    if (request->retry_after_ms)
        json_object_set_new(object, "retry_after_ms",
                            json_integer((json_int_t)request->retry_after_ms));
    if (*request->run_id)
        json_object_set_new(object, "run_id", json_string(request->run_id));
    return object;
}

void pa_http_reply_problem(struct pa_http_request *request, const struct pa_error *problem) {
    unsigned status =
        (unsigned)(request->status ? request->status : pa_error_code_http(problem->code));
    if (request->retry_after_ms)
        pa_http_add_header(request, "Retry-After", "%llu",
                           (unsigned long long)((request->retry_after_ms + 999) / 1000));
    if (status == MHD_HTTP_UNAUTHORIZED)
        pa_http_add_header(request, "WWW-Authenticate", "Bearer");
    if (request->allow)
        pa_http_add_header(request, "Allow", "%s", request->allow);
    pa_http_reply_json(request, status, pa_http_problem(request, status, problem));
}
