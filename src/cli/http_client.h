/*
 * A small HTTP/1.1 client (RFC 9112) for http:// alone: one request a connection, everything but
 * bodies bounded.  TLS is for a proxy; this program is to start in two milliseconds.
 *
 *     struct pa_client_url url;
 *     pa_client_url_parse("http://127.0.0.1:8080", &url, &err)
 *     struct pa_client_request request = {.method = "GET", .target = "/v1/sessions", ...};
 *     struct pa_client *client;
 *     pa_client_send(&url, &request, &client, &err)           the head of the reply is read
 *     while ((n = pa_client_read(client, bytes, size, &err)) > 0)
 *         ...                                                 its body, whatever its framing is
 *     pa_client_free(client);                                 hangs up
 *
 * Whatever is read is a stranger's word: a head larger than 64 KiB, framing that is none, a body
 * that ends early are errors.  Threads: one at a time.
 */
#ifndef PA_CLI_HTTP_CLIENT_H
#define PA_CLI_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>
#include <sys/types.h>

struct pa_client_url {
    char *text;        /* as it was given */
    char *host, *port; /* "::1" without brackets; "80" where none was said */
    char *authority;   /* for the field Host */
    char *prefix;      /* what stands before each target: "" or "/path", no slash at its end */
};

/* INVALID_ARGUMENT for https:// (says what to do) and for what is no address. */
int pa_client_url_parse(const char *text, struct pa_client_url *ret, struct pa_error *err);
void pa_client_url_done(struct pa_client_url *url);

/* All borrowed until pa_client_send is back. */
struct pa_client_request {
    const char *method;
    const char *target;       /* path and query, percent-encoded; after the address's own path */
    const char *key;          /* NULL: none; sent as Authorization: Bearer */
    const char *content_type; /* NULL: there is no body */
    const void *body;
    size_t body_size;
    int cancel_fd; /* when it is readable, sending and reading fail with CANCELLED; -1: none */
};

struct pa_client;

/* 0 with the reply's head read, whatever its status.  UNAVAILABLE where nobody answers or what
 * answers is not HTTP; CANCELLED. */
int pa_client_send(const struct pa_client_url *url, const struct pa_client_request *request,
                   struct pa_client **ret, struct pa_error *err);

unsigned pa_client_status(const struct pa_client *client);

/* Whether the reply's Content-Type begins so ("application/problem+json"). */
bool pa_client_is_type(const struct pa_client *client, const char *type);

/* Up to `size` bytes of the body; 0 at its end; -1 with *err.  After CANCELLED, which says nothing
 * of the connection, reading may go on once pa_client_watch named another descriptor. */
ssize_t pa_client_read(struct pa_client *client, void *out, size_t size, struct pa_error *err);

void pa_client_watch(struct pa_client *client, int cancel_fd);

struct pa_client *pa_client_free(struct pa_client *client); /* takes NULL, returns NULL */

/* Text for a path or a query: all but letters, digits and -._~ as %XX (RFC 3986).  The caller frees
 * it. */
char *pa_client_quote(const char *text);

#endif
