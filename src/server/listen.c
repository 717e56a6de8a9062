#include "server/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

static void free_info(struct addrinfo **info) {
    if (*info)
        freeaddrinfo(*info);
}

/* Takes "HOST:PORT" apart, in place; an IPv6 address stands in brackets. */
static int split(char *text, char **ret_host, char **ret_port) {
    char *colon = strrchr(text, ':');
    if (!colon || !colon[1])
        return -1;
    *colon = 0;
    *ret_port = colon + 1;
    size_t size = strlen(text);
    if (*text == '[' && size > 2 && text[size - 1] == ']') {
        text[size - 1] = 0;
        *ret_host = text + 1;
        return 0;
    }
    *ret_host = text;
    return size && !strchr(text, ':') ? 0 : -1;
}

static int resolve(const char *address, struct addrinfo **ret, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *text = pa_xstrdup(address);
    char *host, *port;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (split(text, &host, &port) < 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "%s is not ADDRESS:PORT; write 127.0.0.1:50051 or [::1]:50051", address);
    int failed = getaddrinfo(host, port, &hints, ret);
    if (!failed)
        return 0;
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "cannot listen on %s: %s", address,
                   gai_strerror(failed));
}

static int explain(int errnum, const char *address, struct pa_error *err) {
    if (errnum == EADDRINUSE)
        return pa_fail(err, PA_ERR_UNAVAILABLE,
                       "%s is in use: another server listens there; stop it, or choose another "
                       "port",
                       address);
    if (errnum == EADDRNOTAVAIL)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "cannot listen on %s: this machine has no such address", address);
    return pa_fail_errno(err, errnum, "cannot listen on %s", address);
}

int pa_listen_bind(const char *address, int *ret_fd, struct pa_error *err) {
    PA_CLEANUP(free_info) struct addrinfo *info = NULL;
    const int on = 1;
    if (resolve(address, &info, err) < 0)
        return -1;
    PA_ASSERT(info);
    PA_CLEANUP(pa_closep)
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return explain(errno, address, err);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, info->ai_addr, info->ai_addrlen) < 0)
        return explain(errno, address, err);
    *ret_fd = pa_steal_fd(&fd);
    return 0;
}

void pa_listen_address(int fd, char ret_text[PA_LISTEN_TEXT]) {
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
        struct sockaddr_un local;
    } address = {0};
    socklen_t size = sizeof(address);
    char host[INET6_ADDRSTRLEN + 32], port[16];
    ret_text[0] = 0;
    if (getsockname(fd, &address.any, &size) < 0)
        return;
    if (address.any.sa_family == AF_UNIX) {
        snprintf(ret_text, PA_LISTEN_TEXT, "unix:%s", address.local.sun_path);
    } else if (getnameinfo(&address.any, size, host, sizeof(host), port, sizeof(port),
                           NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        bool six = address.any.sa_family == AF_INET6;
        snprintf(ret_text, PA_LISTEN_TEXT, "%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", port);
    }
}
