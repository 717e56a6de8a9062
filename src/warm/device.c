/*
 * /dev/sandbox: how a guest of any language talks to the sandbox (languages/PROTOCOL.md).
 *
 *     request   reading gives the next message; a read of 0 bytes ends it; the read after that
 * waits for the next one: the checkpoint checkpoint  the first read is the checkpoint, if it comes
 * before that of the request; a byte says that a request is there already, none that there is time
 * to get ready for it result    what is written goes to the supervisor as it is: lines of JSON poke
 * words of 4 bytes: a value, then addresses in the guest's own memory, where it is put
 *
 * The position in a message belongs to the process, not to an open file: it does not matter through
 * which descriptor a guest reads, and a warm process may keep one open.
 *
 * A guest has all power over its memory, but a language may have no words for it.  With `poke` a
 * boot script can set what its interpreter keeps in memory and does not show: reference counts.
 */
#include "warm/worker.h"

#include <endian.h>
#include <errno.h>

static ssize_t read_request(void *context, void *out, size_t size) {
    struct pa_worker *worker = context;
    if (!worker->reading) {
        if (!pa_worker_next_request(worker))
            return 0;
        worker->reading = true;
        worker->request_at = 0;
    }
    const struct pa_run_message *message = &worker->message;
    size_t n = PA_MIN(size, message->request_size - worker->request_at);
    if (n)
        memcpy(out, message->request + worker->request_at, n);
    else
        worker->reading = false; /* the 0 that ends the message */
    worker->request_at += n;
    return (ssize_t)n;
}

static ssize_t read_checkpoint(void *context, void *out, size_t size) {
    struct pa_worker *worker = context;
    if (!worker->instance)
        return 0;
    pa_worker_checkpoint(worker);
    if (!size || !pa_worker_is_waited_for(worker))
        return 0;
    *(uint8_t *)out = '!';
    return 1;
}

static int write_result(void *context, const void *bytes, size_t size) {
    struct pa_worker *worker = context;
    return pa_channel_send(&worker->channel, PA_FRAME_RESULT, bytes, size);
}

/* The list is itself in the guest's memory, and what is put may change it: each address is read
 * once. */
static int write_poke(void *context, const void *bytes, size_t size) {
    struct pa_worker *worker = context;
    struct pa_guest_memory memory = {0}; /* a start function has no instance yet */
    if (worker->instance)
        memory = pa_instance_memory(worker->instance);
    const uint8_t *at = bytes;
    uint32_t value, address;
    if (size < sizeof(value) || size % sizeof(value) || memory.size < sizeof(value)) {
        errno = EINVAL;
        return -1;
    }
    memcpy(&value, at, sizeof(value)); /* goes to memory as it came: little-endian */
    for (size_t i = sizeof(value); i < size; i += sizeof(address)) {
        memcpy(&address, at + i, sizeof(address));
        address = le32toh(address);
        if (address > memory.size - sizeof(value)) {
            errno = EFAULT;
            return -1;
        }
        memcpy(memory.base + address, &value, sizeof(value));
    }
    return 0;
}

void pa_worker_devices(struct pa_worker *worker, struct pa_stream_device ret[PA_WORKER_DEVICES]) {
    ret[0] =
        (struct pa_stream_device){"sandbox/request", {.context = worker, .read = read_request}};
    ret[1] =
        (struct pa_stream_device){"sandbox/result", {.context = worker, .write = write_result}};
    ret[3] = (struct pa_stream_device){"sandbox/checkpoint",
                                       {.context = worker, .read = read_checkpoint}};
    ret[2] = (struct pa_stream_device){"sandbox/poke", {.context = worker, .write = write_poke}};
}
