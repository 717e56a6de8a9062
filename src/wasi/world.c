/* The policy's clock and generator; see the header. */
#include "wasi/world.h"
#include "base/clock.h"
#include <endian.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <sys/random.h>
#include <time.h>

#define VIRTUAL_START_NS (UINT64_C(946684800) * PA_NS_PER_S) /* 2000-01-01T00:00:00Z */
#define VIRTUAL_END_NS   ((uint64_t)INT64_MAX - VIRTUAL_START_NS)
#define VIRTUAL_STEP_NS  UINT64_C(1000)

/* What is filled at a time, so that a guest's huge request is many short steps. */
#define RANDOM_CHUNK (UINT64_C(1) << 20)

static uint64_t fs_now_ns(void *context) {
    uint64_t now = 0;
    wasi_clock_read(context, WASI_CLOCK_REALTIME, &now);
    return now;
}

/* The key binds the seed to this purpose: another generator of the same seed is independent. */
static void seed_generator(struct wasi_world *world, uint64_t seed) {
    static const char label[] = "guest randomness, version 1";
    uint8_t key[SHA256_DIGEST_SIZE], nonce[CHACHA_NONCE_SIZE] = {0};
    uint64_t little = htole64(seed);
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, sizeof label, (const uint8_t *)label);
    sha256_update(&hash, sizeof little, (const uint8_t *)&little);
    sha256_digest(&hash, sizeof key, key);
    chacha_set_key(&world->generator, key);
    chacha_set_nonce(&world->generator, nonce);
}

void wasi_world_init(struct wasi_world *world, const struct pa_policy *policy) {
    *world = (struct wasi_world){.fs = {.now_ns = fs_now_ns, .context = world},
                                 .monotonic_zero_ns = pa_clock_monotonic_ns()};
    wasi_world_rearm(world, policy);
}

void wasi_world_rearm(struct wasi_world *world, const struct pa_policy *policy) {
    bool was_virtual = world->virtual_clock;
    world->virtual_clock = policy->deterministic || !policy->allow_clock;
    if (world->virtual_clock && !was_virtual)
        world->virtual_ns = 0;
    world->seeded = policy->deterministic || !policy->allow_random;
    if (world->seeded)
        seed_generator(world, policy->seed);
    world->fs.deterministic = policy->deterministic;
    world->fs.files_bytes = policy->limits.files_bytes;
    world->fs.files_count = policy->limits.files_count;
    world->fs.files_limit_hit = false;
}

static bool host_clock(uint32_t id, clockid_t *ret) {
    static const clockid_t clocks[] = {
        [WASI_CLOCK_REALTIME] = CLOCK_REALTIME,
        [WASI_CLOCK_MONOTONIC] = CLOCK_MONOTONIC,
        [WASI_CLOCK_PROCESS_CPU] = CLOCK_PROCESS_CPUTIME_ID,
        [WASI_CLOCK_THREAD_CPU] = CLOCK_THREAD_CPUTIME_ID,
    };
    if (id >= PA_ARRAY_LEN(clocks))
        return false;
    *ret = clocks[id];
    return true;
}

static uint64_t in_ns(const struct timespec *time) {
    return (uint64_t)time->tv_sec * PA_NS_PER_S + (uint64_t)time->tv_nsec;
}

wasi_errno wasi_clock_peek(const struct wasi_world *world, uint32_t id, uint64_t *ret_ns) {
    clockid_t clock;
    if (!host_clock(id, &clock))
        return WASI_EINVAL;
    if (world->virtual_clock) {
        *ret_ns = world->virtual_ns + (id == WASI_CLOCK_REALTIME ? VIRTUAL_START_NS : 0);
        return WASI_ESUCCESS;
    }
    struct timespec now;
    if (clock_gettime(clock, &now))
        return pa_errno_to_wasi(errno);
    *ret_ns = in_ns(&now) - (id == WASI_CLOCK_MONOTONIC ? world->monotonic_zero_ns : 0);
    return WASI_ESUCCESS;
}

void wasi_clock_sleep_virtually(struct wasi_world *world, uint64_t ns) {
    world->virtual_ns += PA_MIN(ns, VIRTUAL_END_NS - PA_MIN(world->virtual_ns, VIRTUAL_END_NS));
}

wasi_errno wasi_clock_read(struct wasi_world *world, uint32_t id, uint64_t *ret_ns) {
    wasi_errno errnum = wasi_clock_peek(world, id, ret_ns);
    if (!errnum && world->virtual_clock)
        wasi_clock_sleep_virtually(world, VIRTUAL_STEP_NS);
    return errnum;
}

wasi_errno wasi_clock_resolution(const struct wasi_world *world, uint32_t id, uint64_t *ret_ns) {
    clockid_t clock;
    if (!host_clock(id, &clock))
        return WASI_EINVAL;
    struct timespec step = {.tv_nsec = VIRTUAL_STEP_NS};
    if (!world->virtual_clock && clock_getres(clock, &step))
        return pa_errno_to_wasi(errno);
    *ret_ns = in_ns(&step);
    return WASI_ESUCCESS;
}

wasi_errno wasi_random_fill(struct wasi_world *world, void *out, size_t size) {
    uint8_t *at = out;
    while (size > 0) {
        size_t step = PA_MIN(size, RANDOM_CHUNK);
        if (world->seeded) {
            memset(at, 0, step);
            chacha_crypt(&world->generator, step, at, at);
        } else {
            ssize_t got = getrandom(at, step, 0);
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                return pa_errno_to_wasi(errno);
            step = (size_t)got;
        }
        at += step;
        size -= step;
    }
    return WASI_ESUCCESS;
}
