/*
 * The door for the command line of this user: warm processes handed over (run/handover.h).
 *
 *     pa_handover_door_new(path, &door, &err)            listens; nobody is answered yet
 *     pa_handover_door_start(door, pools, &err)
 *     pa_handover_door_stop(door, deadline_ns)     no new clients; waits for those there are
 *     pa_handover_door_free(door)
 *
 * Each client has a thread, which mostly waits.  A run is its client's affair: it is neither queued
 * nor counted here.
 *
 * Threads: all belong to one.
 */
#ifndef PA_SERVER_HANDOVER_DOOR_H
#define PA_SERVER_HANDOVER_DOOR_H

#include "run/pools.h"

struct pa_handover_door;

/* `path` NULL: pa_handover_path().  ALREADY_EXISTS when a server listens there. */
int pa_handover_door_new(const char *path, struct pa_handover_door **ret, struct pa_error *err);
int pa_handover_door_start(struct pa_handover_door *door, struct pa_pools *pools,
                           struct pa_error *err);

/* Removes the socket at once.  Clients whose runs still go on at `deadline_ns` (monotonic) are cut
 * off; none is left when this returns.  0 when none had to be cut, else -1. */
int pa_handover_door_stop(struct pa_handover_door *door, uint64_t deadline_ns);
struct pa_handover_door *pa_handover_door_free(struct pa_handover_door *door);
const char *pa_handover_door_path(const struct pa_handover_door *door);

#endif
