/* Problem documents become errors here, and a missing key or server says what to do about it. */
#include "cli/server_api.h"

#include "policy/limits.h"
#include <ctype.h>
#include <stdbool.h>

#define ANSWER_MOST  (256 * PA_MIB)
#define PROBLEM_MOST ((size_t)64 * 1024)
#define KEY_MOST     1024

static bool is_key(const char *text) {
    for (const char *at = text; *at; at++)
        if (!isgraph((unsigned char)*at))
            return false;
    return strlen(text) <= KEY_MOST;
}

int pa_api_init(struct pa_api *api, const char *url, struct pa_error *err) {
    const char *set = getenv("POLYAGENT_URL"), *key = getenv("POLYAGENT_API_KEY");
    *api = (struct pa_api){.key = key && *key ? key : NULL, .cancel_fd = -1};
    if (api->key && !is_key(api->key))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "POLYAGENT_API_KEY is not a key: it has white space or other characters "
                       "that no key has");
    return pa_client_url_parse(url ? url : set && *set ? set : PA_API_DEFAULT_URL, &api->url, err);
}

void pa_api_done(struct pa_api *api) {
    pa_client_url_done(&api->url);
}

char *pa_api_session(const char *id, const char *rest) {
    PA_CLEANUP(pa_freep) char *quoted = pa_client_quote(id);
    return pa_xasprintf("/v1/sessions/%s%s", quoted, rest);
}

enum pa_error_code pa_api_code(const char *name) {
#define X(code, its, grpc, http, exit_status)                                                      \
    if (name && pa_streq(name, its))                                                               \
        return code;
    PA_ERROR_CODES (X)
#undef X
        return PA_ERR_UNAVAILABLE;
}

/* --- answers ---------------------------------------------------------------------------------- */

static int read_body(struct pa_client *client, struct pa_buf *body, struct pa_error *err) {
    char bytes[16 * 1024];
    ssize_t n;
    while ((n = pa_client_read(client, bytes, sizeof(bytes), err)) > 0) {
        pa_buf_append(body, bytes, (size_t)n);
        if (body->failed)
            return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                           "the server's answer has more than %zu bytes", body->max);
    }
    return (int)n;
}

static int refused_key(const struct pa_api *api, struct pa_error *err) {
    return pa_fail(err, PA_ERR_UNAUTHENTICATED,
                   api->key ? "%s does not know the key in POLYAGENT_API_KEY"
                            : "%s wants a key: set POLYAGENT_API_KEY ('polyagent key new' makes "
                              "one for the server's keys file)",
                   api->url.text);
}

/* An answer of 400 and up, as an error; a problem document says which. */
static int refuse(const struct pa_api *api, struct pa_client *client, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf body = PA_BUF_INIT(PROBLEM_MOST);
    struct pa_error unread;
    if (pa_client_status(client) == 401)
        return refused_key(api, err);
    json_t *problem = NULL;
    if (pa_client_is_type(client, "application/problem+json") &&
        read_body(client, &body, &unread) == 0)
        problem = json_loads(pa_buf_text(&body), 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const char *code = json_string_value(json_object_get(problem, "code"));
    if (detail)
        pa_fail(err, pa_api_code(code), "%s", detail);
    else
        pa_fail(err, PA_ERR_UNAVAILABLE, "%s answered with the HTTP status %u", api->url.text,
                pa_client_status(client));
    json_decref(problem);
    return -1;
}

int pa_api_send(const struct pa_api *api, const char *method, const char *path,
                const char *content_type, const void *body, size_t size, struct pa_client **ret,
                struct pa_error *err) {
    const struct pa_client_request request = {.method = method,
                                              .target = path,
                                              .key = api->key,
                                              .content_type = content_type,
                                              .body = body,
                                              .body_size = size,
                                              .cancel_fd = api->cancel_fd};
    struct pa_client *client;
    if (pa_client_send(&api->url, &request, &client, err) < 0)
        return -1;
    if (pa_client_status(client) < 300) {
        *ret = client;
        return 0;
    }
    refuse(api, client, err);
    pa_client_free(client);
    return -1;
}

static int read_json(const struct pa_api *api, struct pa_client *client, json_t **ret,
                     struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf body = PA_BUF_INIT(ANSWER_MOST);
    json_error_t fault;
    if (read_body(client, &body, err) < 0)
        return -1;
    *ret = NULL;
    if (body.size && !(*ret = json_loadb(pa_buf_text(&body), body.size,
                                         JSON_ALLOW_NUL | JSON_DECODE_ANY, &fault)))
        return pa_fail(err, PA_ERR_UNAVAILABLE,
                       "%s answered with something else than JSON (%s): is it a polyagent server?",
                       api->url.text, fault.text);
    return 0;
}

int pa_api_call(const struct pa_api *api, const char *method, const char *path, const json_t *body,
                json_t **ret, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct pa_client *client;
    json_t *value = NULL;
    if (pa_api_send(api, method, path, body ? "application/json" : NULL, text,
                    text ? strlen(text) : 0, &client, err) < 0)
        return -1;
    int done = read_json(api, client, &value, err);
    pa_client_free(client);
    if (done == 0 && ret)
        *ret = value;
    else
        json_decref(value);
    return done;
}
