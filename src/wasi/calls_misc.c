/* Calls without a descriptor: arguments, environment, clocks, randomness, the end.  And sockets,
 * which no guest has. */
#include "wasi/host.h"

static wasi_errno sizes_get(const struct wasi_strings *strings,
                            const struct pa_guest_memory *memory, const uint64_t *args) {
    if (!wasi_in_bounds(memory, wasi_arg32(args, 1), 4))
        return WASI_EFAULT;
    wasi_errno errnum = wasi_store_u32(memory, wasi_arg32(args, 0), strings->count);
    return errnum ? errnum : wasi_store_u32(memory, wasi_arg32(args, 1), (uint32_t)strings->size);
}

static wasi_errno strings_get(const struct wasi_strings *strings,
                              const struct pa_guest_memory *memory, const uint64_t *args) {
    uint8_t *pointers, *bytes;
    if (!wasi_span(memory, wasi_arg32(args, 0), (uint64_t)strings->count * 4, &pointers) ||
        !wasi_span(memory, wasi_arg32(args, 1), strings->size, &bytes))
        return WASI_EFAULT;
    if (strings->size)
        memcpy(bytes, strings->bytes, strings->size);
    const char *at = strings->bytes;
    for (uint32_t i = 0; i < strings->count; i++, at += strlen(at) + 1)
        wasi_put_u32(pointers + (size_t)i * 4,
                     wasi_arg32(args, 1) + (uint32_t)(at - strings->bytes));
    return WASI_ESUCCESS;
}

wasi_errno wasi_args_sizes_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                               const uint64_t *args) {
    return sizes_get(&wasi->args, memory, args);
}

wasi_errno wasi_args_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                         const uint64_t *args) {
    return strings_get(&wasi->args, memory, args);
}

wasi_errno wasi_environ_sizes_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                  const uint64_t *args) {
    return sizes_get(&wasi->env, memory, args);
}

wasi_errno wasi_environ_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                            const uint64_t *args) {
    return strings_get(&wasi->env, memory, args);
}

wasi_errno wasi_clock_res_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                              const uint64_t *args) {
    uint64_t ns;
    wasi_errno errnum = wasi_clock_resolution(&wasi->world, wasi_arg32(args, 0), &ns);
    return errnum ? errnum : wasi_store_u64(memory, wasi_arg32(args, 1), ns);
}

wasi_errno wasi_clock_time_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                               const uint64_t *args) {
    if (!wasi_in_bounds(memory, wasi_arg32(args, 2), 8))
        return WASI_EFAULT;
    uint64_t ns;
    wasi_errno errnum = wasi_clock_read(&wasi->world, wasi_arg32(args, 0), &ns);
    return errnum ? errnum : wasi_store_u64(memory, wasi_arg32(args, 2), ns);
}

wasi_errno wasi_random_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                           const uint64_t *args) {
    uint8_t *out;
    if (!wasi_span(memory, wasi_arg32(args, 0), wasi_arg32(args, 1), &out))
        return WASI_EFAULT;
    return wasi_random_fill(&wasi->world, out, wasi_arg32(args, 1));
}

wasi_errno wasi_sched_yield(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                            const uint64_t *args) {
    return WASI_ESUCCESS;
}

wasi_errno wasi_proc_exit(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                          const uint64_t *args) {
    wasi->state.ended = true;
    wasi->state.exit_code = wasi_arg32(args, 0);
    return WASI_ESUCCESS;
}

/* The signals of preview 1 that do not end a process without a handler; no guest has one. */
static bool signal_is_ignored(uint32_t signal) {
    enum {
        NONE = 0,
        CHLD = 16,
        CONT = 17,
        URG = 22,
        WINCH = 27
    };
    return signal == NONE || signal == CHLD || signal == CONT || signal == URG || signal == WINCH;
}

wasi_errno wasi_proc_raise(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                           const uint64_t *args) {
    enum {
        SIGNAL_LAST = 30
    };
    uint32_t signal = wasi_arg32(args, 0);
    if (signal > SIGNAL_LAST)
        return WASI_EINVAL;
    if (!signal_is_ignored(signal)) {
        wasi->state.ended = true;
        wasi->state.raised = true;
        wasi->state.signal = signal;
    }
    return WASI_ESUCCESS;
}

/* Nothing is a socket.  A directory is not even something that bytes go through; and the official
 * suite's program that shuts down descriptor 3, which it takes to be closed, meets a preopened
 * directory here. */
static wasi_errno refuse_socket(struct pa_wasi *wasi, uint32_t fd) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, fd, 0, &entry);
    if (errnum)
        return errnum;
    return wasi_is_dir(entry->file) ? WASI_EBADF : WASI_ENOTSOCK;
}

wasi_errno wasi_sock_accept(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                            const uint64_t *args) {
    return refuse_socket(wasi, wasi_arg32(args, 0));
}

wasi_errno wasi_sock_recv(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                          const uint64_t *args) {
    return refuse_socket(wasi, wasi_arg32(args, 0));
}

wasi_errno wasi_sock_send(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                          const uint64_t *args) {
    return refuse_socket(wasi, wasi_arg32(args, 0));
}

wasi_errno wasi_sock_shutdown(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                              const uint64_t *args) {
    return refuse_socket(wasi, wasi_arg32(args, 0));
}
