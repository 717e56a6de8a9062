/*
 * The spawner: a small process that starts workers for a server which may not.
 *
 *     pa_spawner_new(worker_path, &spawner, &err)       while there is one thread
 *     pa_jail_confine(...)                              from here on this process can start nothing
 *     pa_spawner_spawn(spawner, socket, nobody, &child, &err)       from any thread
 *     pa_spawner_reap(spawner, &child)                  once child.pidfd says that it is dead
 *     pa_spawner_free(spawner)                          after the last worker
 *
 * A worker makes namespaces and mounts before it jails itself, which a confined process and its
 * children may not.  So before the server confines itself it forks a process that stays as it is
 * and does one thing: run the one program it was told of, with the one descriptor that comes with
 * the request as its channel.  It reads nothing else: not a path, not an argument.
 *
 * It is the workers' parent: they die with it, and it dies with the server.  Where a control group
 * was delegated to the server it puts each worker into one (jail/cgroup.h).
 */
#ifndef PA_RUN_SPAWNER_H
#define PA_RUN_SPAWNER_H

#include "jail/cgroup.h"
#include "jail/spawn.h"

struct pa_spawner;
int pa_spawner_new(const char *worker_path, struct pa_spawner **ret, struct pa_error *err);
struct pa_spawner *pa_spawner_free(struct pa_spawner *spawner);

/* Hangs up when the spawner ends. */
int pa_spawner_fd(const struct pa_spawner *spawner);

/* A worker with `channel` as its descriptor 3: the same as pa_spawn gives, with a pid that is the
 * spawner's to reap. */
int pa_spawner_spawn(struct pa_spawner *spawner, int channel, bool nobody,
                     const struct pa_cgroup_limits *limits, struct pa_child *ret,
                     struct pa_error *err);

/* Its wait status; waits for its death, which somebody else sees to. */
int pa_spawner_reap(struct pa_spawner *spawner, pid_t pid, int pidfd);

#endif
