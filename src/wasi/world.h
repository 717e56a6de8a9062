/*
 * Time and chance, as the policy lets a guest have them.
 *
 * A real clock is the kernel's; the monotonic one counts from when the world was made, so that it
 * says nothing about the machine.  A virtual clock (clock denied, or deterministic) starts at
 * 2000-01-01T00:00:00Z and advances 1 us each time it is read, and by what the guest sleeps.
 * Randomness is the kernel's, or a ChaCha20 stream keyed by the policy's seed.
 */
#ifndef PA_WASI_WORLD_H
#define PA_WASI_WORLD_H

#include "policy/policy.h"
#include "wasi/vfs.h"
#include <nettle/chacha.h>

struct wasi_world {
    struct pa_world fs; /* what the file systems see */
    bool virtual_clock;
    uint64_t virtual_ns;        /* elapsed on the virtual clock */
    uint64_t monotonic_zero_ns; /* the kernel's monotonic clock at the guest's zero */
    bool seeded;
    struct chacha_ctx generator;
};

/* Puts a policy in force.  A clock that was virtual before and still is goes on; a seeded generator
 * starts from the beginning. */
void wasi_world_init(struct wasi_world *world, const struct pa_policy *policy);
void wasi_world_rearm(struct wasi_world *world, const struct pa_policy *policy);

/* EINVAL if there is no such clock.  Reading a virtual clock advances it; a peek does not. */
wasi_errno wasi_clock_read(struct wasi_world *world, uint32_t id, uint64_t *ret_ns);
wasi_errno wasi_clock_peek(const struct wasi_world *world, uint32_t id, uint64_t *ret_ns);
/* The guest slept: a virtual clock advances, up to the end of time. */
void wasi_clock_sleep_virtually(struct wasi_world *world, uint64_t ns);
wasi_errno wasi_clock_resolution(const struct wasi_world *world, uint32_t id, uint64_t *ret_ns);

wasi_errno wasi_random_fill(struct wasi_world *world, void *out, size_t size);

#endif
