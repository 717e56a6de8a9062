/*
 * Volumes: folders that outlive a run, by name, each its owner's, with a quota.
 *
 *     <directory>/<owner>/<name>/files/     what guests see
 *                                account    how much there is: two numbers, of bytes and of entries
 *
 *     pa_volume_mount(&volumes, owner, "notes", NULL, true, &policy, &err)
 *     ... a run under that policy ...
 *
 * A volume is made when it is first mounted.  Any number of runs may have one at once, as processes
 * share a folder: a file that is renamed into place is seen whole or not at all, two that write one
 * file at once mix.  The quota bounds them together; a write past it is EDQUOT.
 *
 * The account is counted anew whenever a volume is mounted that nobody uses.  Who uses one holds a
 * shared lock on its account: the worker itself, so that it ends with it.
 *
 * Names are letters, digits, '.', '_' and '-', at most PA_VOLUME_NAME_MAX, and do not begin with a
 * dot.  Owners may have any name: their folders are named by its digest.
 *
 * Threads: any.
 */
#ifndef PA_RUN_VOLUMES_H
#define PA_RUN_VOLUMES_H

#include "policy/policy.h"
#include <jansson.h>

#define PA_VOLUME_NAME_MAX 63
#define PA_VOLUME_MEMORY   "memory" /* what its owner wants kept: seen as /memory */

struct pa_volumes {
    const char *directory; /* NULL: there are none */
    uint64_t quota_bytes, quota_entries;
    unsigned most; /* of one owner */
};

/* Adds it to the policy at `guest` (NULL: /volumes/NAME, /memory for `memory`).
 * INVALID_ARGUMENT for a name that is none, RESOURCE_EXHAUSTED past `most`, FAILED_PRECONDITION
 * where there are no volumes. */
int pa_volume_mount(const struct pa_volumes *volumes, const char *owner, const char *name,
                    const char *guest, bool writable, struct pa_policy *policy,
                    struct pa_error *err);

/* Where it is seen unless that is said; the caller frees it. */
char *pa_volume_place(const char *name);

/* The folder of an owner's volumes; the caller frees it.  NULL: there are no volumes. */
char *pa_volumes_folder(const struct pa_volumes *volumes, const char *owner);

/* [{"name", "bytes", "entries", "quota_bytes", "quota_entries", "in_use"}], sorted by name. */
int pa_volumes_list(const struct pa_volumes *volumes, const char *owner, json_t **ret,
                    struct pa_error *err);

/* With all that is in it.  NOT_FOUND; FAILED_PRECONDITION while it is in use. */
int pa_volume_remove(const struct pa_volumes *volumes, const char *owner, const char *name,
                     struct pa_error *err);

/* For the executor: the account of a mount, with the lock of whoever uses the volume. */
int pa_volume_open_account(const char *path, struct pa_error *err);

#endif
