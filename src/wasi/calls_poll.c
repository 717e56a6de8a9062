/*
 * poll_oneoff: wait for the first of several clocks and descriptors.
 *
 * The subscriptions are read once into `struct sub`, each with the moment its clock reaches or the
 * file it waits for.  Then: look which have happened; if none has, wait; look again.  What is wrong
 * with one subscription is the error of its event, which has happened at once.
 *
 * Files and outputs are always ready; only what has a descriptor of the host to poll (standard
 * input, devices) is waited for.  If nothing could ever wake us, because a stream can tell neither,
 * it counts as ready: the guest's read then blocks by itself.
 *
 * Under a virtual clock nothing sleeps: the clock jumps to the earliest moment.  Input that is
 * waited for as well goes first, and gets a short real time to arrive, so that a guest whose input
 * is complete never sees a timeout instead of it.
 */
#include "base/clock.h"
#include "wasi/host.h"
#include <errno.h>
#include <poll.h>
#include <time.h>

#define SUBSCRIPTIONS_MAX 4096
#define SUBSCRIPTION_SIZE 48
#define EVENT_SIZE        32
#define VIRTUAL_GRACE_NS  (100 * PA_NS_PER_MS)
#define NAP_MAX_NS        (60 * PA_NS_PER_S) /* then the clocks are looked at again */
#define WRITABLE_BYTES    65536              /* what a writable descriptor is said to take */

struct sub {
    uint64_t userdata;
    uint8_t type;
    bool happened;
    wasi_errno errnum;
    uint32_t clock;
    uint64_t moment; /* on that clock */
    struct pa_file *file;
    int host_fd;
    uint64_t bytes;
    bool hangup;
};

struct waiting {
    struct wasi_world *world;
    struct sub *subs;
    uint32_t count;
    struct pollfd *host_fds; /* distinct */
    nfds_t host_fd_count;
    bool has_clock, grace_over;
};

static void happen(struct sub *sub, wasi_errno errnum) {
    sub->happened = true;
    sub->errnum = errnum;
}

static void read_clock(struct waiting *waiting, struct sub *sub, const uint8_t *at) {
    uint32_t flags = wasi_get_u16(at + 40);
    uint64_t timeout = wasi_get_u64(at + 24), now;
    sub->clock = wasi_get_u32(at + 16);
    bool known = sub->clock == WASI_CLOCK_REALTIME || sub->clock == WASI_CLOCK_MONOTONIC;
    if (!known || (flags & ~(uint32_t)WASI_SUBCLOCK_ABSTIME)) {
        happen(sub, WASI_EINVAL);
        return;
    }
    wasi_errno errnum = wasi_clock_peek(waiting->world, sub->clock, &now);
    if (errnum)
        happen(sub, errnum);
    else if (flags & WASI_SUBCLOCK_ABSTIME)
        sub->moment = timeout;
    else if (__builtin_add_overflow(now, timeout, &sub->moment))
        sub->moment = UINT64_MAX;
    waiting->has_clock = true;
}

static void add_host_fd(struct waiting *waiting, int fd) {
    for (nfds_t i = 0; i < waiting->host_fd_count; i++)
        if (waiting->host_fds[i].fd == fd)
            return;
    waiting->host_fds[waiting->host_fd_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void read_file(struct pa_wasi *wasi, struct waiting *waiting, struct sub *sub,
                      const uint8_t *at) {
    bool write = sub->type == WASI_EVENT_FD_WRITE;
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, wasi_get_u32(at + 16), 0, &entry);
    if (!errnum && wasi_is_dir(entry->file))
        errnum = WASI_EBADF;
    uint64_t rights =
        WASI_RIGHT_POLL_FD_READWRITE | (uint64_t)(write ? WASI_RIGHT_FD_WRITE : WASI_RIGHT_FD_READ);
    if (!errnum && (entry->base & rights) != rights)
        errnum = WASI_ENOTCAPABLE;
    if (errnum) {
        happen(sub, errnum);
        return;
    }
    sub->file = entry->file;
    sub->host_fd = -1;
    if (!write && sub->file->ops->poll_fd)
        sub->host_fd = sub->file->ops->poll_fd(sub->file);
    if (sub->host_fd >= 0)
        add_host_fd(waiting, sub->host_fd);
}

static wasi_errno read_subscriptions(struct pa_wasi *wasi, struct waiting *waiting,
                                     const uint8_t *at) {
    for (uint32_t i = 0; i < waiting->count; i++, at += SUBSCRIPTION_SIZE) {
        struct sub *sub = &waiting->subs[i];
        sub->userdata = wasi_get_u64(at);
        sub->type = at[8];
        if (sub->type == WASI_EVENT_CLOCK)
            read_clock(waiting, sub, at);
        else if (sub->type == WASI_EVENT_FD_READ || sub->type == WASI_EVENT_FD_WRITE)
            read_file(wasi, waiting, sub, at);
        else
            return WASI_EINVAL;
    }
    return WASI_ESUCCESS;
}

/* `at_once`: ready whatever the file says. */
static void look_at_file(struct sub *sub, bool at_once) {
    bool write = sub->type == WASI_EVENT_FD_WRITE;
    const struct pa_file_ops *ops = sub->file->ops;
    uint64_t bytes = 0;
    bool hangup = false;
    if (ops->ready && !ops->ready(sub->file, write, &bytes, &hangup) && !at_once)
        return;
    happen(sub, WASI_ESUCCESS);
    sub->hangup = hangup;
    /* Ready with an unknown number of bytes is at least one. */
    sub->bytes = write ? WRITABLE_BYTES : hangup ? bytes : PA_MAX(bytes, 1u);
}

/* The time until the earliest clock; UINT64_MAX without one. */
static uint64_t time_left(const struct waiting *waiting) {
    uint64_t left = UINT64_MAX;
    for (uint32_t i = 0; i < waiting->count; i++) {
        const struct sub *sub = &waiting->subs[i];
        uint64_t now;
        if (sub->type != WASI_EVENT_CLOCK || sub->happened ||
            wasi_clock_peek(waiting->world, sub->clock, &now))
            continue;
        left = PA_MIN(left, sub->moment > now ? sub->moment - now : 0);
    }
    return left;
}

static void look_at_clock(const struct waiting *waiting, struct sub *sub) {
    uint64_t now;
    wasi_errno errnum = wasi_clock_peek(waiting->world, sub->clock, &now);
    if (errnum || now >= sub->moment)
        happen(sub, errnum);
}

/* How many have happened.  Files are looked at first, so that no clock passes in between. */
static uint32_t look(struct waiting *waiting) {
    uint32_t happened = 0;
    bool nothing_else = !waiting->has_clock && waiting->host_fd_count == 0;
    for (uint32_t i = 0; i < waiting->count; i++) {
        struct sub *sub = &waiting->subs[i];
        if (!sub->happened && sub->file)
            look_at_file(sub, nothing_else);
    }
    for (uint32_t i = 0; i < waiting->count; i++) {
        struct sub *sub = &waiting->subs[i];
        if (!sub->happened && sub->type == WASI_EVENT_CLOCK)
            look_at_clock(waiting, sub);
        happened += sub->happened;
    }
    return happened;
}

/* What waits for a descriptor in error has happened: the guest's read finds out why. */
static void note_broken(struct waiting *waiting, int host_fd) {
    for (uint32_t i = 0; i < waiting->count; i++) {
        struct sub *sub = &waiting->subs[i];
        if (sub->happened || !sub->file || sub->host_fd != host_fd)
            continue;
        look_at_file(sub, true);
        sub->hangup = true;
    }
}

/* Sleeps for real, at most `ns`, until a host descriptor is readable. */
static wasi_errno nap(struct waiting *waiting, uint64_t ns) {
    ns = PA_MIN(ns, NAP_MAX_NS);
    struct timespec timeout = {.tv_sec = (time_t)(ns / PA_NS_PER_S),
                               .tv_nsec = (long)(ns % PA_NS_PER_S)};
    int ready = ppoll(waiting->host_fds, waiting->host_fd_count, &timeout, NULL);
    if (ready < 0 && errno != EINTR)
        return pa_errno_to_wasi(errno);
    for (nfds_t i = 0; ready > 0 && i < waiting->host_fd_count; i++)
        if (waiting->host_fds[i].revents & (POLLERR | POLLNVAL | POLLHUP))
            note_broken(waiting, waiting->host_fds[i].fd);
    return WASI_ESUCCESS;
}

static wasi_errno wait_a_while(struct waiting *waiting) {
    uint64_t left = time_left(waiting);
    if (!waiting->world->virtual_clock || !waiting->has_clock)
        return nap(waiting, left);
    if (waiting->host_fd_count > 0 && !waiting->grace_over) {
        waiting->grace_over = true;
        return nap(waiting, PA_MIN(left, VIRTUAL_GRACE_NS));
    }
    wasi_clock_sleep_virtually(waiting->world, left);
    if (time_left(waiting) == 0)
        return WASI_ESUCCESS;
    /* The end of virtual time stands for every moment past it. */
    for (uint32_t i = 0; i < waiting->count; i++)
        if (waiting->subs[i].type == WASI_EVENT_CLOCK)
            happen(&waiting->subs[i], WASI_ESUCCESS);
    return WASI_ESUCCESS;
}

static uint32_t store_events(const struct waiting *waiting, uint8_t *out) {
    uint32_t stored = 0;
    for (uint32_t i = 0; i < waiting->count; i++) {
        const struct sub *sub = &waiting->subs[i];
        if (!sub->happened)
            continue;
        memset(out, 0, EVENT_SIZE);
        wasi_put_u64(out, sub->userdata);
        wasi_put_u16(out + 8, sub->errnum);
        out[10] = sub->type;
        wasi_put_u64(out + 16, sub->bytes);
        wasi_put_u16(out + 24, sub->hangup ? WASI_EVENTRW_HANGUP : 0);
        out += EVENT_SIZE;
        stored++;
    }
    return stored;
}

wasi_errno wasi_poll_oneoff(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                            const uint64_t *args) {
    uint32_t count = wasi_arg32(args, 2);
    uint8_t *in, *out;
    if (count == 0 || count > SUBSCRIPTIONS_MAX)
        return WASI_EINVAL;
    if (!wasi_span(memory, wasi_arg32(args, 0), (uint64_t)count * SUBSCRIPTION_SIZE, &in) ||
        !wasi_span(memory, wasi_arg32(args, 1), (uint64_t)count * EVENT_SIZE, &out) ||
        !wasi_in_bounds(memory, wasi_arg32(args, 3), 4))
        return WASI_EFAULT;
    PA_CLEANUP(pa_freep) struct sub *subs = calloc(count, sizeof *subs);
    PA_CLEANUP(pa_freep) struct pollfd *host_fds = calloc(count, sizeof *host_fds);
    if (!subs || !host_fds)
        return WASI_ENOMEM;
    struct waiting waiting = {
        .world = &wasi->world, .subs = subs, .count = count, .host_fds = host_fds};
    wasi_errno errnum = read_subscriptions(wasi, &waiting, in);
    while (!errnum && look(&waiting) == 0)
        errnum = wait_a_while(&waiting);
    if (errnum)
        return errnum;
    return wasi_store_u32(memory, wasi_arg32(args, 3), store_events(&waiting, out));
}
