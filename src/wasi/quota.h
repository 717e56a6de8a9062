/*
 * A quota: how much a volume may hold, over all processes that write to it.
 *
 *     pa_quota_open(&quota, fd, bytes, entries, &err)    fd: the volume's account, shared memory
 *     errnum = pa_quota_take(&quota, 4096, 0);           before it is written; EDQUOT
 *     pa_quota_give(&quota, 4096, 0);                    when it is gone again
 *
 * Bytes are sizes of files as they show, entries are names.  The account is a file of
 * PA_QUOTA_ACCOUNT bytes that every process maps; whoever keeps the volumes counts it anew when
 * nobody uses it, so what a killed process had taken and not used is not lost for good.
 *
 * Trust: this holds a guest to its quota, not native code in its process: that can write what the
 * file system lets it, and change the account (of its own volume alone).
 */
#ifndef PA_WASI_QUOTA_H
#define PA_WASI_QUOTA_H

#include "policy/policy.h"
#include "wasi/abi.h"
#include <stdbool.h>

struct pa_quota_account;

struct pa_quota {
    struct pa_quota_account *account; /* NULL: there is no quota */
    uint64_t bytes, entries;
};

/* Maps the account; `fd` stays the caller's. */
int pa_quota_open(struct pa_quota *quota, int fd, uint64_t bytes, uint64_t entries,
                  struct pa_error *err);
void pa_quota_close(struct pa_quota *quota);

/* All of it or nothing.  Each does nothing where there is no quota. */
wasi_errno pa_quota_take(const struct pa_quota *quota, uint64_t bytes, uint64_t entries);
void pa_quota_give(const struct pa_quota *quota, uint64_t bytes, uint64_t entries);

#endif
