/*
 * /dev/sandbox: how a guest of any language talks to the sandbox (languages/PROTOCOL.md).
 *
 * - request: reading gives the next message; a read of 0 bytes ends it; the read after that waits
 * for the next one, which is the checkpoint.
 * - checkpoint: the first read is the checkpoint, if it comes before that of the request; a byte
 * says that a request is there already, none that there is time to get ready for it.
 * - result: what is written goes to the supervisor as it is, lines of JSON.
 * - call: lines of JSON that ask for a tool of the caller's, and lines that answer.
 * - poke: three words, a value and a list of addresses in the guest's own memory (where it is, how
 *   many), to which the value is put; then reading tells how many words that changed.
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

static uint32_t word_at(const uint8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof(word));
    return le32toh(word);
}

static void put_word(uint8_t *bytes, uint32_t word) {
    word = htole32(word);
    memcpy(bytes, &word, sizeof(word));
}

/* The list is itself in the guest's memory, and what is put may change it: each address is read
 * once. */
static int write_poke(void *context, const void *bytes, size_t size) {
    struct pa_worker *worker = context;
    struct pa_guest_memory memory = {0}; /* a start function has no instance yet */
    if (worker->instance)
        memory = pa_instance_memory(worker->instance);
    const uint8_t *message = bytes;
    if (size != 3 * sizeof(uint32_t) || memory.size < sizeof(uint32_t)) {
        errno = EINVAL;
        return -1;
    }
    uint32_t value = word_at(message), count = word_at(message + 8);
    uint64_t list = word_at(message + 4), last = memory.size - sizeof(uint32_t);
    worker->poked = 0;
    for (uint64_t at = list; at < list + (uint64_t)count * 4; at += 4) {
        uint32_t address = at <= last ? word_at(memory.base + at) : UINT32_MAX;
        if (address > last) {
            errno = EFAULT;
            return -1;
        }
        if (word_at(memory.base + address) == value)
            continue;
        put_word(memory.base + address, value);
        uint8_t *first = memory.base + list + (uint64_t)worker->poked++ * 4;
        put_word(memory.base + at, word_at(first));
        put_word(first, address);
    }
    return 0;
}

static ssize_t read_poke(void *context, void *out, size_t size) {
    const struct pa_worker *worker = context;
    if (size < sizeof(uint32_t)) {
        errno = EINVAL;
        return -1;
    }
    put_word(out, worker->poked);
    return sizeof(uint32_t);
}

void pa_worker_devices(struct pa_worker *worker, struct pa_stream_device ret[PA_WORKER_DEVICES]) {
    ret[0] =
        (struct pa_stream_device){"sandbox/request", {.context = worker, .read = read_request}};
    ret[1] =
        (struct pa_stream_device){"sandbox/result", {.context = worker, .write = write_result}};
    ret[3] = (struct pa_stream_device){"sandbox/checkpoint",
                                       {.context = worker, .read = read_checkpoint}};
    ret[2] = (struct pa_stream_device){"sandbox/poke",
                                       {.context = worker, .read = read_poke, .write = write_poke}};
    ret[4] = (struct pa_stream_device){"sandbox/call", pa_channel_calls(&worker->channel)};
}
