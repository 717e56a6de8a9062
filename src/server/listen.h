/*
 * Listening sockets of the doors.
 *
 *     int fd;
 *     char address[PA_LISTEN_TEXT];
 *     pa_listen_bind("127.0.0.1:8080", &fd, &err)       bound; connections are refused
 *     listen(fd, PA_LISTEN_BACKLOG)                     they wait; nobody answers yet
 *     pa_listen_address(fd, address)                    "127.0.0.1:8080", with the port it got
 */
#ifndef PA_SERVER_LISTEN_H
#define PA_SERVER_LISTEN_H

#include "base/error.h"

#define PA_LISTEN_TEXT    160
#define PA_LISTEN_BACKLOG 1024

/* "HOST:PORT" or "[IPv6]:PORT"; port 0: any.  The socket is CLOEXEC and does not block.
 * UNAVAILABLE when the port is in use, with what to do; INVALID_ARGUMENT for what is no address. */
int pa_listen_bind(const char *address, int *ret_fd, struct pa_error *err);

void pa_listen_address(int fd, char ret_text[PA_LISTEN_TEXT]);

#endif
