/*
 * The HTTP API of a running server (docs/http.md), for commands that are its clients.
 *
 *     struct pa_api api;
 *     pa_api_init(&api, NULL, &err)                  POLYAGENT_URL, POLYAGENT_API_KEY
 *     pa_api_call(&api, "GET", "/v1/sessions", NULL, &value, &err)
 *     pa_api_done(&api);
 *
 * A refusal comes as the error that the server's problem document tells of, with its code.
 */
#ifndef PA_CLI_SERVER_API_H
#define PA_CLI_SERVER_API_H

#include "cli/http_client.h"
#include <jansson.h>

#define PA_API_DEFAULT_URL "http://127.0.0.1:8080"

struct pa_api {
    struct pa_client_url url;
    const char *key; /* of the environment, or NULL */
    int cancel_fd;   /* -1: signals are not watched */
};

/* `url` NULL: POLYAGENT_URL, else the default. */
int pa_api_init(struct pa_api *api, const char *url, struct pa_error *err);
void pa_api_done(struct pa_api *api);

/* The path "/v1/sessions/ID" and what follows it, already quoted ("" or "/fork").  The caller frees
 * it. */
char *pa_api_session(const char *id, const char *rest);

/* A request with a body of JSON (NULL: none) whose answer is JSON, at most 256 MiB of it.  *ret is
 * the caller's to decref; NULL where the answer has no body.  `ret` may be NULL. */
int pa_api_call(const struct pa_api *api, const char *method, const char *path, const json_t *body,
                json_t **ret, struct pa_error *err);

/* The same up to the answer's body, which is not an error then: read it, and free the client.
 * `content_type` NULL: no body is sent. */
int pa_api_send(const struct pa_api *api, const char *method, const char *path,
                const char *content_type, const void *body, size_t size, struct pa_client **ret,
                struct pa_error *err);

/* The code that a problem document names. */
enum pa_error_code pa_api_code(const char *name);

#endif
