/*
 * What a service manager hands over and wants to hear: sockets that it opened, notifications, the
 * watchdog.  Without one all of this does nothing.
 *
 *     pa_activation_take("grpc")                   a listening descriptor, or -1
 *     pa_notify("READY=1\nSTATUS=serving")
 *     pa_watchdog_ns()                             how often it wants to hear WATCHDOG=1; 0: never
 *
 * sd_listen_fds(3), sd_notify(3): the protocols, without their library.
 */
#ifndef PA_SERVER_SYSTEMD_H
#define PA_SERVER_SYSTEMD_H

#include <stdint.h>

/* The first socket of that name (FileDescriptorName=) that was not taken yet; close-on-exec from
 * now on.  While there is one thread. */
int pa_activation_take(const char *name);

/* True if this process was given sockets. */
int pa_activation_count(void);

void pa_notify(const char *state);

/* RELOADING=1 with the time that goes with it. */
void pa_notify_reloading(void);

uint64_t pa_watchdog_ns(void);

#endif
