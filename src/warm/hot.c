#include "warm/hot.h"

#include "warm/worker.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u

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
    hot->before =
        mmap(NULL, memory.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (hot->before == MAP_FAILED)
        _exit(1);
    hot->before_size = memory.size;
    memcpy(hot->before, memory.base, memory.size);
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
    size_t size = PA_MIN(memory.size, (uint64_t)hot->before_size);
    size_t count = 0;
    for (size_t at = 0; at + PAGE <= size && count < PA_HOT_PAGES; at += PAGE)
        if (memcmp(memory.base + at, hot->before + at, PAGE) != 0)
            hot->learned->pages[count++] = (uint32_t)(at / PAGE);
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
