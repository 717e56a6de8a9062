/*
 * The socket never blocks: every wait is for the socket and for the caller's cancel_fd at once.
 *
 *     connect ─► send head, body ─► read head ─► read body
 *                                   `input` holds what was received and is not used yet
 *
 * A server may answer before it has read the body (401, 413) and close; sending then fails, and the
 * answer is there all the same.  So a failure to send is only told where no answer comes.
 *
 * The body is framed in one of three ways (RFC 9112, 6.3): by a length, in chunks, or by the end of
 * the connection.  `left` is what remains of the length or of the chunk.
 */
#include "cli/http_client.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MOST       ((size_t)64 * 1024)
#define PIECE           ((size_t)64 * 1024)
#define CONNECT_MS      10000
#define CHUNK_LINE_MOST 1024
#define FIELDS_MOST     100 /* behind the last chunk */

enum framing {
    FRAMED_BY_LENGTH,
    FRAMED_BY_CHUNKS,
    FRAMED_BY_END,
};

/* Where in the chunks reading is; a cancelled wait goes on from there. */
enum chunk_state {
    CHUNK_SIZE,
    CHUNK_BYTES,
    CHUNK_END, /* the line's end behind the bytes */
    CHUNK_FIELDS,
};

struct pa_client {
    int fd, cancel_fd;
    struct pa_buf input;
    bool ended; /* nothing more comes from the socket */
    unsigned status;
    char content_type[128];
    enum framing framing;
    uint64_t left;
    enum chunk_state chunk;
    bool done;
    char where[300]; /* the address, for messages */
};

/* --- addresses -------------------------------------------------------------------------------- */

static int bad_url(const char *text, struct pa_error *err) {
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                   "'%.200s' is not the address of a server: write http://HOST:PORT", text);
}

static bool is_port(const char *text) {
    return *text && strlen(text) <= 5 && text[strspn(text, "0123456789")] == 0 &&
           atoi(text) <= 65535 && atoi(text) > 0;
}

/* HOST, HOST:PORT or [ADDRESS]:PORT.  Takes `authority` apart. */
static int split_authority(char *authority, char **ret_host, const char **ret_port) {
    char *host = authority, *rest = authority + strcspn(authority, ":");
    if (*authority == '[') {
        host = authority + 1;
        char *end = strchr(host, ']');
        if (!end)
            return -1;
        *end = 0;
        rest = end + 1;
    }
    *ret_port = "80";
    if (*rest == ':') {
        *rest = 0;
        *ret_port = rest + 1;
    } else if (*rest) {
        return -1;
    }
    *ret_host = host;
    return *host && is_port(*ret_port) ? 0 : -1;
}

int pa_client_url_parse(const char *text, struct pa_client_url *ret, struct pa_error *err) {
    static const char scheme[] = "http://";
    if (strncasecmp(text, "https://", 8) == 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "%.200s: this command speaks plain HTTP; reach a server with TLS through a "
                       "proxy on this machine (or use curl, see docs/http.md)",
                       text);
    if (strncasecmp(text, scheme, sizeof(scheme) - 1) != 0)
        return bad_url(text, err);
    for (const char *at = text; *at; at++)
        if (!isgraph((unsigned char)*at) || strchr("@?#", *at))
            return bad_url(text, err);
    const char *begin = text + sizeof(scheme) - 1;
    size_t size = strcspn(begin, "/"), prefix = strlen(begin + size);
    while (prefix && begin[size + prefix - 1] == '/')
        prefix--;
    PA_CLEANUP(pa_freep) char *authority = pa_xasprintf("%.*s", (int)size, begin);
    PA_CLEANUP(pa_freep) char *parts = pa_xstrdup(authority);
    const char *port;
    char *host;
    if (strlen(text) > 1000 || split_authority(parts, &host, &port) < 0)
        return bad_url(text, err);
    *ret = (struct pa_client_url){.text = pa_xstrdup(text),
                                  .host = pa_xstrdup(host),
                                  .port = pa_xstrdup(port),
                                  .authority = pa_steal(&authority),
                                  .prefix = pa_xasprintf("%.*s", (int)prefix, begin + size)};
    return 0;
}

void pa_client_url_done(struct pa_client_url *url) {
    free(url->text);
    free(url->host);
    free(url->port);
    free(url->authority);
    free(url->prefix);
    *url = (struct pa_client_url){0};
}

char *pa_client_quote(const char *text) {
    char *quoted = pa_xcalloc(strlen(text) * 3 + 1, 1), *out = quoted;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        bool plain = *at < 0x80 && (isalnum(*at) || strchr("-._~", *at));
        out += snprintf(out, 4, plain ? "%c" : "%%%02X", *at);
    }
    return quoted;
}

/* --- the socket ------------------------------------------------------------------------------- */

/* Waits for the socket or the cancel_fd; a timeout of -1 is none. */
static int wait_for(const struct pa_client *client, short events, int timeout_ms,
                    struct pa_error *err) {
    for (;;) {
        struct pollfd polled[] = {{.fd = client->cancel_fd, .events = POLLIN},
                                  {.fd = client->fd, .events = events}};
        int ready = poll(polled, PA_ARRAY_LEN(polled), timeout_ms);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return pa_fail_errno(err, errno, "cannot wait for %s", client->where);
        if (polled[0].revents)
            return pa_fail(err, PA_ERR_CANCELLED, "interrupted");
        if (ready == 0)
            return pa_fail(err, PA_ERR_UNAVAILABLE, "%s does not answer", client->where);
        return 0;
    }
}

/* 0, or the errno; -1 with *err where waiting ended otherwise. */
static int try_address(struct pa_client *client, const struct addrinfo *address,
                       struct pa_error *err) {
    int failed = 0;
    socklen_t size = sizeof(failed);
    pa_closep(&client->fd);
    client->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client->fd < 0)
        return errno;
    if (connect(client->fd, address->ai_addr, address->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (wait_for(client, POLLOUT, CONNECT_MS, err) < 0)
        return -1;
    return getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &failed, &size) < 0 ? errno : failed;
}

static int connect_to(struct pa_client *client, const struct pa_client_url *url,
                      struct pa_error *err) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list;
    int found = getaddrinfo(url->host, url->port, &hints, &list), failed = -1;
    if (found != 0)
        return pa_fail(err, PA_ERR_UNAVAILABLE, "%s: %s", client->where, gai_strerror(found));
    for (const struct addrinfo *at = list; at && failed; at = at->ai_next)
        if ((failed = try_address(client, at, err)) < 0)
            break;
    freeaddrinfo(list);
    if (failed == ECONNREFUSED)
        return pa_fail(err, PA_ERR_UNAVAILABLE,
                       "no server at %s: start one with 'polyagent serve', or name another with "
                       "--server URL or POLYAGENT_URL",
                       client->where);
    if (failed > 0) {
        pa_fail_errno(err, failed, "cannot reach a server at %s", client->where);
        err->code = PA_ERR_UNAVAILABLE;
    }
    return failed == 0 ? 0 : -1;
}

/* -1 where the peer takes no more (errno), or with *err->code set where waiting ended. */
static int send_all(struct pa_client *client, const void *bytes, size_t size,
                    struct pa_error *err) {
    const char *at = bytes;
    while (size) {
        ssize_t n = send(client->fd, at, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return -1;
        if (n < 0 && wait_for(client, POLLOUT, -1, err) < 0)
            return -1;
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

/* More bytes into `input`; nothing at the end of the connection (`ended`). */
static int receive(struct pa_client *client, struct pa_error *err) {
    for (;;) {
        void *room = pa_buf_reserve(&client->input, PIECE);
        if (!room)
            return pa_fail(err, PA_ERR_UNAVAILABLE, "%s: the head of the answer is too large",
                           client->where);
        ssize_t n = recv(client->fd, room, PIECE, 0);
        if (n >= 0) {
            client->input.size += (size_t)n;
            client->input.data[client->input.size] = 0;
            client->ended = n == 0;
            return 0;
        }
        if (errno == EAGAIN) {
            if (wait_for(client, POLLIN, -1, err) < 0)
                return -1;
        } else if (errno != EINTR) {
            pa_fail_errno(err, errno, "the connection to %s was lost", client->where);
            err->code = PA_ERR_UNAVAILABLE;
            return -1;
        }
    }
}

static int no_http(const struct pa_client *client, struct pa_error *err) {
    return pa_fail(err, PA_ERR_UNAVAILABLE,
                   "what answers at %s does not speak HTTP/1.1 (a server with TLS is reached "
                   "through a proxy)",
                   client->where);
}

static int cut_short(const struct pa_client *client, struct pa_error *err) {
    if (!client->status)
        return no_http(client, err);
    return pa_fail(err, PA_ERR_UNAVAILABLE, "%s hung up in the middle of its answer",
                   client->where);
}

/* A whole line of `input`, at most `most` bytes, its size without the line's end; -1 with *err. */
static ssize_t receive_line(struct pa_client *client, size_t most, struct pa_error *err) {
    for (;;) {
        const char *begin = pa_buf_text(&client->input);
        const char *end = memchr(begin, '\n', client->input.size);
        if (end)
            return end > begin && end[-1] == '\r' ? end - begin - 1 : end - begin;
        if (client->input.size > most)
            return no_http(client, err);
        if (client->ended)
            return cut_short(client, err);
        if (receive(client, err) < 0)
            return -1;
    }
}

static void consume_line(struct pa_client *client) {
    const char *begin = pa_buf_text(&client->input);
    const char *end = memchr(begin, '\n', client->input.size);
    PA_ASSERT(end);
    pa_buf_consume(&client->input, (size_t)(end - begin) + 1);
}

/* --- the head --------------------------------------------------------------------------------- */

/* A number of bytes in base 10 or 16, up to what is not a digit; false where there is none. */
static bool read_size(const char *text, int base, uint64_t *ret) {
    char *end;
    if (!isxdigit((unsigned char)*text))
        return false;
    errno = 0;
    *ret = strtoull(text, &end, base);
    return errno == 0 && *ret <= INT64_MAX && (!*end || strchr(" \t;\r\n", *end));
}

static int take_field(struct pa_client *client, char *line, struct pa_error *err) {
    char *colon = strchr(line, ':');
    if (!colon)
        return no_http(client, err);
    *colon = 0;
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (strcasecmp(line, "Content-Type") == 0) {
        snprintf(client->content_type, sizeof(client->content_type), "%s", value);
    } else if (strcasecmp(line, "Transfer-Encoding") == 0) {
        if (strcasecmp(value, "chunked") != 0)
            return no_http(client, err);
        client->framing = FRAMED_BY_CHUNKS;
    } else if (strcasecmp(line, "Content-Length") == 0 && client->framing != FRAMED_BY_CHUNKS) {
        client->framing = FRAMED_BY_LENGTH;
        if (!read_size(value, 10, &client->left))
            return no_http(client, err);
    }
    return 0;
}

static int take_status(struct pa_client *client, const char *line, struct pa_error *err) {
    const char *digits = line + strlen("HTTP/1.1 ");
    if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12 || line[8] != ' ' ||
        strspn(digits, "0123456789") != 3)
        return no_http(client, err);
    client->status = (unsigned)atoi(digits);
    client->framing = FRAMED_BY_END;
    client->left = 0;
    return 0;
}

/* One head: a status line and fields up to an empty line. */
static int read_one_head(struct pa_client *client, size_t *left, struct pa_error *err) {
    for (bool first = true;; first = false) {
        ssize_t size = receive_line(client, *left, err);
        if (size < 0)
            return -1;
        PA_CLEANUP(pa_freep)
        char *line = pa_xasprintf("%.*s", (int)size, pa_buf_text(&client->input));
        if ((size_t)size + 2 > *left)
            return no_http(client, err);
        *left -= (size_t)size + 2;
        consume_line(client);
        if (!first && size == 0)
            return 0;
        if ((first ? take_status(client, line, err) : take_field(client, line, err)) < 0)
            return -1;
    }
}

/* What comes before the answer proper (100 Continue) is passed over. */
static int read_head(struct pa_client *client, struct pa_error *err) {
    size_t left = HEAD_MOST;
    do {
        if (read_one_head(client, &left, err) < 0)
            return -1;
    } while (client->status < 200);
    client->done = client->status == 204 || client->status == 304;
    return 0;
}

static char *request_head(const struct pa_client_url *url,
                          const struct pa_client_request *request) {
    PA_CLEANUP(pa_freep)
    char *key =
        request->key ? pa_xasprintf("Authorization: Bearer %s\r\n", request->key) : pa_xstrdup("");
    PA_CLEANUP(pa_freep)
    char *body = request->content_type
                     ? pa_xasprintf("Content-Type: %s\r\nContent-Length: %zu\r\n",
                                    request->content_type, request->body_size)
                     : pa_xstrdup(pa_streq(request->method, "GET") ? "" : "Content-Length: 0\r\n");
    return pa_xasprintf("%s %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: polyagent/" PA_VERSION
                        "\r\nConnection: close\r\n%s%s\r\n",
                        request->method, url->prefix, request->target, url->authority, key, body);
}

static int converse(struct pa_client *client, const struct pa_client_url *url,
                    const struct pa_client_request *request, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *head = request_head(url, request);
    struct pa_error unsent = {0};
    if (connect_to(client, url, err) < 0)
        return -1;
    if (send_all(client, head, strlen(head), &unsent) < 0 ||
        send_all(client, request->body, request->body_size, &unsent) < 0) {
        if (unsent.code) {
            *err = unsent;
            return -1;
        }
    }
    return read_head(client, err);
}

int pa_client_send(const struct pa_client_url *url, const struct pa_client_request *request,
                   struct pa_client **ret, struct pa_error *err) {
    struct pa_client *client = pa_xcalloc(1, sizeof(*client));
    client->fd = -1;
    client->cancel_fd = request->cancel_fd;
    client->input = PA_BUF_INIT(HEAD_MOST + 2 * PIECE);
    snprintf(client->where, sizeof(client->where), "%s", url->text);
    if (converse(client, url, request, err) < 0) {
        pa_client_free(client);
        return -1;
    }
    *ret = client;
    return 0;
}

unsigned pa_client_status(const struct pa_client *client) {
    return client->status;
}

bool pa_client_is_type(const struct pa_client *client, const char *type) {
    return strncasecmp(client->content_type, type, strlen(type)) == 0;
}

void pa_client_watch(struct pa_client *client, int cancel_fd) {
    client->cancel_fd = cancel_fd;
}

struct pa_client *pa_client_free(struct pa_client *client) {
    if (!client)
        return NULL;
    pa_closep(&client->fd);
    pa_buf_done(&client->input);
    free(client);
    return NULL;
}

/* --- the body --------------------------------------------------------------------------------- */

/* A line of what is between the bytes of chunks. */
static int take_chunk_line(struct pa_client *client, struct pa_error *err) {
    ssize_t size = receive_line(client, CHUNK_LINE_MOST, err);
    if (size < 0)
        return -1;
    switch (client->chunk) {
    case CHUNK_END:
        client->chunk = CHUNK_SIZE;
        if (size)
            return no_http(client, err);
        break;
    case CHUNK_SIZE:
        if (!read_size(pa_buf_text(&client->input), 16, &client->left))
            return no_http(client, err);
        client->chunk = client->left ? CHUNK_BYTES : CHUNK_FIELDS;
        break;
    default: /* after the last chunk: fields, up to an empty line */
        client->done = size == 0;
        break;
    }
    consume_line(client);
    return 0;
}

static int reach_bytes(struct pa_client *client, struct pa_error *err) {
    if (client->chunk == CHUNK_BYTES && !client->left)
        client->chunk = CHUNK_END;
    for (unsigned lines = 0; client->chunk != CHUNK_BYTES && !client->done; lines++)
        if (lines == FIELDS_MOST)
            return no_http(client, err);
        else if (take_chunk_line(client, err) < 0)
            return -1;
    return 0;
}

/* Bytes that are there already, at most `left` of them. */
static ssize_t take(struct pa_client *client, void *out, size_t size) {
    size_t n = PA_MIN(size, client->input.size);
    if (client->framing != FRAMED_BY_END) {
        n = (size_t)PA_MIN((uint64_t)n, client->left);
        client->left -= n;
    }
    memcpy(out, client->input.data, n);
    pa_buf_consume(&client->input, n);
    return (ssize_t)n;
}

ssize_t pa_client_read(struct pa_client *client, void *out, size_t size, struct pa_error *err) {
    if (client->framing == FRAMED_BY_CHUNKS && reach_bytes(client, err) < 0)
        return -1;
    if (client->framing == FRAMED_BY_LENGTH && !client->left)
        client->done = true;
    if (client->done)
        return 0;
    if (!client->input.size && receive(client, err) < 0)
        return -1;
    if (client->input.size)
        return take(client, out, size);
    client->done = client->framing == FRAMED_BY_END;
    return client->done ? 0 : cut_short(client, err);
}
