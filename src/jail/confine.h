/*
 * Confining a process that is trusted but talks to strangers: the server, once its sockets are
 * open.
 *
 *     const struct pa_confine_path paths[] = {{cache, true}, {packs, false}};
 *     pa_jail_confine(paths, PA_ARRAY_LEN(paths), required, missing, sizeof(missing), &err);
 *
 * Unlike the jail this leaves the process what a server does: sockets, threads, files beneath the
 * paths named.  It takes away for good: other files (Landlock), new programs and processes, other
 * processes' memory, mounts and namespaces, uids, new code, and the kernel's far corners (a seccomp
 * filter that answers EPERM).  Opening with O_PATH, which gives no access to what is in a file, and
 * stat stay possible everywhere.
 *
 * Landlock holds for the calling thread and those it starts, so call it before there are others.
 */
#ifndef PA_JAIL_CONFINE_H
#define PA_JAIL_CONFINE_H

#include "base/error.h"
#include <stdbool.h>

struct pa_confine_path {
    const char *path; /* a file or directory; one that does not exist is passed over */
    bool writable;
};

/* -1 when `required` and the kernel has not what it takes; else `missing` says what that is ("" for
 * nothing). */
int pa_jail_confine(const struct pa_confine_path *paths, size_t count, bool required, char *missing,
                    size_t room, struct pa_error *err);

#endif
