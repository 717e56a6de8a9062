/*
 * WASI preview 1 over an abstract guest memory.
 *
 *     pa_wasi_new(&config, &wasi, &err)        one guest's world: descriptors, files, clocks
 *     pa_wasi_imports[i].call(wasi, mem, args) each import, by whoever hosts the guest
 *     pa_wasi_state(wasi)->ended               set by proc_exit: unwind the guest
 *     pa_wasi_free(wasi)
 *
 * Nothing here knows an engine: the caller gives the guest's memory with each call, so that the
 * whole host is unit-tested and fuzzed without one.
 *
 * Trust: every argument and all of the memory is hostile.  Memory is read once, through bounds
 * checks, into locals.  A bad pointer is EFAULT, never a crash; what a call may allocate on the
 * host is bounded: 1024 iovecs, 4096 subscriptions; transferred bytes are not copied at all.
 *
 * Threads: one.  A `pa_wasi` survives fork(): the child has its own copy.
 *
 * Source: WASI preview 1 (legacy/preview1/docs.md); behaviour follows the official test suite.
 */
#ifndef PA_WASI_WASI_H
#define PA_WASI_WASI_H

#include "base/error.h"
#include "policy/policy.h"
#include "wasi/vfs.h"

/* The guest's linear memory for the length of one call. */
struct pa_guest_memory {
    uint8_t *base;
    uint64_t size;
};

struct pa_wasi;

/* `args` are the raw values of the wasm parameters, i32 zero-extended.  Returns the WASI errno as
 * the i32 result (ignored for functions without one). */
typedef uint32_t pa_wasi_fn(struct pa_wasi *wasi, struct pa_guest_memory memory,
                            const uint64_t *args);

struct pa_wasi_import {
    const char *name;
    const char *params; /* a letter each: 'i' i32, 'I' i64 */
    bool has_result;    /* i32 */
    pa_wasi_fn *call;
};

/* All 46 functions of wasi_snapshot_preview1, sorted by name. */
extern const struct pa_wasi_import pa_wasi_imports[];
extern const size_t pa_wasi_import_count;
#define PA_WASI_MODULE "wasi_snapshot_preview1"

/* One of the guest's three standard streams, as its host provides it. */
struct pa_stream {
    void *context;
    /* stdin: blocks until at least one byte or the end (0).  Returns bytes, or -1 with errno. */
    ssize_t (*read)(void *context, void *out, size_t size);
    /* stdout, stderr: all of it, or -1 with errno (EPIPE when nobody listens). */
    int (*write)(void *context, const void *bytes, size_t size);
    /* stdin: a host descriptor that polls readable when bytes may have come, or -1. */
    int (*poll_fd)(void *context);
    /* stdin: true if a read would not block; *ret_bytes known to be there, *ret_hangup at the end.
     * Where it is NULL, or answers false while poll_fd is -1 and nothing else is waited for, a read
     * is taken to be the way to wait. */
    bool (*ready)(void *context, uint64_t *ret_bytes, bool *ret_hangup);
};

/* A character device under /dev whose bytes are its host's affair. */
struct pa_stream_device {
    const char *name;        /* for example "sandbox/request" */
    struct pa_stream stream; /* `read`, `write`, or both */
};

struct pa_wasi_config {
    const struct pa_policy *policy; /* copied */
    const int *mount_fds;           /* one per policy->mounts, O_RDONLY|O_DIRECTORY; taken */
    const struct pa_quota *quotas;  /* one per policy->mounts; NULL: none has one.  Their accounts
                                       outlive the world */
    const char *const *argv;        /* copied; argv[0] is the program's name */
    size_t argc;
    /* NULL functions: end of file, discarded. */
    struct pa_stream stdin_stream, stdout_stream, stderr_stream;
    const struct pa_stream_device *devices; /* copied; what their streams refer to is not */
    size_t device_count;
};

/* The guest's world.  Preopens from descriptor 3 on, in this order: the policy's mounts as named,
 * then /tmp and /workspace (in memory, unless a mount has that name), /dev, and "/" (the virtual
 * root that shows all absolute ones, unless a mount is "/").  Where a mount took one of /tmp and
 * /workspace, TMPDIR names the other, unless the policy sets it.  The streams' contexts must
 * outlive the world; they show as files of unknown type, so that no guest takes one for a terminal.
 */
int pa_wasi_new(const struct pa_wasi_config *config, struct pa_wasi **ret, struct pa_error *err);
struct pa_wasi *pa_wasi_free(struct pa_wasi *wasi); /* NULL is fine; returns NULL */

/* How it stands, for the host after each call and at the end. */
struct pa_wasi_state {
    bool ended; /* proc_exit or proc_raise was called: the guest must be unwound now */
    uint32_t exit_code;
    bool raised; /* it was proc_raise, with this WASI signal number */
    uint32_t signal;
    bool files_limit_hit; /* an operation failed because of files_bytes or files_count */
    bool fds_limit_hit;
};
const struct pa_wasi_state *pa_wasi_state(const struct pa_wasi *wasi);

/* The in-memory tree behind /workspace or /tmp (NULL if a mount took it), for files.h. */
struct pa_memfs *pa_wasi_memfs(struct pa_wasi *wasi, const char *guest);

/* Replaces argv, env, streams, limits, clock and randomness for the next request of a warm process
 * and resets the state; mounts, devices and open files stay (config->mount_fds and devices are not
 * looked at).  On failure nothing has changed.  A virtual clock that stays virtual goes on; a
 * seeded generator starts anew; real randomness is the kernel's at each call, so that forks never
 * share it. */
int pa_wasi_rearm(struct pa_wasi *wasi, const struct pa_wasi_config *config, struct pa_error *err);

#endif
