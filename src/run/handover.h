/*
 * Warm processes from a server on this machine, for the command line.
 *
 * The server listens on a Unix socket of its user (0600, in a folder of 0700).  A client says which
 * warm process it wants and gets its channel and pidfd: from there on it supervises the run itself,
 * with its own limits, as if it had started the process.  While it does, it keeps the connection
 * open; when the connection closes, the server kills the process, so that nothing outlives its
 * supervisor.
 *
 *     client                                   server
 *     WANT image, variant, mounts     ------>
 *                                     <------  HAVE pid (+ channel, pidfd), or why not
 *     ... the run ...
 *     "?" after an unexpected end     ------>
 *                                     <------  its wait status
 *     close                           ------>  kill, forget
 *
 * Both ends are one user's: the kernel says so (SO_PEERCRED), and the server refuses others.
 */
#ifndef PA_RUN_HANDOVER_H
#define PA_RUN_HANDOVER_H

#include "policy/policy.h"
#include "run/image.h"
#include "run/supervise.h"

/* Which warm process.  Its mounts are the request's, the pack's and the packages' among them. */
struct pa_want {
    char language[64];
    bool metered, deterministic;
    struct pa_policy policy; /* of which the mounts count */
    char **preload, **paths; /* of the image */
    char *interpreter;       /* the path of a user's own, or NULL, and what is known of it */
    char interpreter_sha256[PA_DIGEST_TEXT];
    uint64_t interpreter_bytes;
};

/* What a run in an image wants; `policy` is the run's, with all mounts. */
void pa_want_init(struct pa_want *want, const struct pa_image *image,
                  const struct pa_policy *policy);
void pa_want_done(struct pa_want *want);

/* Where the socket is: $POLYAGENT_SOCKET, else polyagent.sock in $XDG_RUNTIME_DIR/polyagent, else
 * in /tmp/polyagent-UID.  The caller frees it. */
char *pa_handover_path(void);

/* A worker from the server: 0; 1 when no server runs or it has none of that kind (*err says why);
 * -1 never.  *ret is used up by pa_execute like any warm worker. */
int pa_handover_take(const struct pa_want *want, struct pa_worker *ret, struct pa_error *err);

/* The server's side. */

/* Listens; removes a socket that a dead server left.  The descriptor, or -1 with *err. */
int pa_handover_listen(const char *path, struct pa_error *err);

/* Reads WANT from a new connection; refuses peers of other users. */
int pa_handover_receive(int connection, struct pa_want *ret, struct pa_error *err);

/* Sends HAVE with `worker`, or with the error where worker is NULL. */
int pa_handover_reply(int connection, const struct pa_worker *worker, const struct pa_error *why);

/* Until the client is done with `worker`, which is gone afterwards. */
int pa_handover_hold(int connection, struct pa_worker *worker);

#endif
