#include "warm/hot.h"

#include "warm/worker.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  4096u
#define LANES 8 /* for the compiler to put side by side */

/* Tells whether a page was written.  Pages that differ and give the same cost a fault, no more. */
static uint64_t digest(const uint8_t *page) {
    uint64_t lanes[LANES] = {0}, words[LANES], all = 0;
    for (size_t at = 0; at < PAGE; at += sizeof(words)) {
        memcpy(words, page + at, sizeof(words));
        for (size_t i = 0; i < LANES; i++)
            lanes[i] = (lanes[i] << 7 | lanes[i] >> 57) + words[i];
    }
    for (size_t i = 0; i < LANES; i++)
        all = all * 0x9e3779b97f4a7c15u + lanes[i];
    return all;
}

/* The copy's channel has nobody at its other end but a buffer, which a run of nothing does not
 * fill. */
static void become_throw_away(struct pa_worker *worker, struct pa_hot *learned) {
    struct pa_hot *hot = &worker->hot;
    struct pa_guest_memory memory = pa_instance_memory(worker->instance);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        _exit(1);
    close(worker->channel.socket);
    pa_channel_init(&worker->channel, pair[0]);
    hot->before_count = memory.size / PAGE;
    hot->before = pa_xcalloc(hot->before_count, sizeof(*hot->before));
    for (size_t i = 0; i < hot->before_count; i++)
        hot->before[i] = digest(memory.base + i * PAGE);
    hot->learned = learned;
    worker->role = PA_ROLE_RUN;
}

void pa_hot_learn(struct pa_worker *worker) {
    struct pa_hot *learned =
        mmap(NULL, sizeof(*learned), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (learned == MAP_FAILED)
        return; /* then the faults are where they were */
    pid_t pid = fork();
    if (pid == 0) {
        become_throw_away(worker, learned);
        return;
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
    worker->hot.count = PA_MIN(learned->count, (size_t)PA_HOT_PAGES);
    memcpy(worker->hot.pages, learned->pages, sizeof(learned->pages));
    munmap(learned, sizeof(*learned));
}

void pa_hot_finish(struct pa_worker *worker) {
    const struct pa_hot *hot = &worker->hot;
    if (!hot->learned)
        return;
    struct pa_guest_memory memory = pa_instance_memory(worker->instance);
    size_t count = 0;
    for (size_t i = 0; i < hot->before_count && count < PA_HOT_PAGES; i++)
        if (digest(memory.base + i * PAGE) != hot->before[i])
            hot->learned->pages[count++] = (uint32_t)i;
    hot->learned->count = count;
    _exit(0);
}

void pa_hot_touch(struct pa_worker *worker) {
    struct pa_guest_memory memory = pa_instance_memory(worker->instance);
    for (size_t i = 0; i < worker->hot.count; i++) {
        volatile uint8_t *at = memory.base + (size_t)worker->hot.pages[i] * PAGE;
        *at = *at;
    }
}
