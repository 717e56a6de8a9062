#include "wasi/quota.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

struct pa_quota_account {
    _Atomic uint64_t bytes, entries;
};
_Static_assert(sizeof(struct pa_quota_account) == PA_QUOTA_ACCOUNT,
               "the account is a file's content");

int pa_quota_open(struct pa_quota *quota, int fd, uint64_t bytes, uint64_t entries,
                  struct pa_error *err) {
    void *mapped = mmap(NULL, PA_QUOTA_ACCOUNT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return pa_fail_errno(err, errno, "cannot map the account of a volume");
    *quota = (struct pa_quota){mapped, bytes, entries};
    return 0;
}

void pa_quota_close(struct pa_quota *quota) {
    if (quota->account)
        munmap(quota->account, PA_QUOTA_ACCOUNT);
    quota->account = NULL;
}

/* Adds first and looks then, so that of two at the limit's edge at most one is let in. */
static bool take(_Atomic uint64_t *used, uint64_t amount, uint64_t limit) {
    uint64_t before = atomic_fetch_add(used, amount);
    if (before <= limit && amount <= limit - before)
        return true;
    atomic_fetch_sub(used, amount);
    return false;
}

/* An account that was wrong does not go below nothing. */
static void give(_Atomic uint64_t *used, uint64_t amount) {
    uint64_t before = atomic_load(used);
    while (!atomic_compare_exchange_weak(used, &before, before - PA_MIN(before, amount)))
        continue;
}

wasi_errno pa_quota_take(const struct pa_quota *quota, uint64_t bytes, uint64_t entries) {
    if (!quota->account)
        return WASI_ESUCCESS;
    if (bytes && !take(&quota->account->bytes, bytes, quota->bytes))
        return WASI_EDQUOT;
    if (entries && !take(&quota->account->entries, entries, quota->entries)) {
        pa_quota_give(quota, bytes, 0);
        return WASI_EDQUOT;
    }
    return WASI_ESUCCESS;
}

void pa_quota_give(const struct pa_quota *quota, uint64_t bytes, uint64_t entries) {
    if (!quota->account)
        return;
    if (bytes)
        give(&quota->account->bytes, bytes);
    if (entries)
        give(&quota->account->entries, entries);
}
