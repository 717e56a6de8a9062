/*
 * What a worker says when it dies: after a system call that the jail forbids, its number; when it
 * aborts, that it did, and whether that was for want of memory, which is how the compiler and the
 * engine take a failed allocation.  (Without these words an abort looks like a crash: the first
 * process of a PID namespace does not die of SIGABRT.)
 *
 * This runs in a signal's handler, wherever it came, so it uses nothing but the stack and a write.
 * If it came in the middle of a frame, then the words are lost in that frame, and the supervisor
 * has the wait status only.
 */
#include "warm/worker.h"

#include <endian.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

void pa_worker_last_words(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    const uint32_t number = htole32((uint32_t)info->si_syscall);
    uint8_t frame[PA_FRAME_HEADER + sizeof(number)];
    pa_frame_header(frame, PA_FRAME_DENIED, 0, sizeof(number));
    memcpy(frame + PA_FRAME_HEADER, &number, sizeof(number));
    ssize_t written = write(PA_CHANNEL_FD, frame, sizeof(frame));
    (void)written; /* nothing is left to be done if nobody listens */
    pa_jail_die();
}

/* Whether less than a quarter of the limit can still be had: what was asked for in vain is often as
 * much again as there is already. */
static bool is_out_of_memory(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_DATA, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return false;
    size_t size = (size_t)limit.rlim_cur / 4;
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                0) == MAP_FAILED;
}

static uint8_t *put_u32(uint8_t *at, uint32_t value) {
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static void put_text(uint8_t **at, const char *text) {
    const size_t size = strlen(text);
    *at = put_u32(*at, (uint32_t)size);
    memcpy(*at, text, size);
    *at += size;
}

/* EXIT by hand: pa_end_encode allocates. */
void pa_worker_abort_words(int signal) {
    (void)signal;
    const bool memory = is_out_of_memory();
    uint8_t frame[256], *at = frame + PA_FRAME_HEADER;
    at = put_u32(at, memory ? PA_STATUS_OUT_OF_MEMORY : PA_STATUS_CRASHED);
    at = put_u32(at, 0);
    memset(at, 0, 8);        /* no peak of memory */
    memset(at + 8, 0xff, 8); /* no fuel */
    at += 16;
    put_text(&at, "");
    put_text(&at, memory ? "the process could get no more memory and gave up"
                         : "the process gave up: it found itself in a state that cannot be");
    put_text(&at, "");
    pa_frame_header(frame, PA_FRAME_EXIT, 0, (uint32_t)(at - frame - PA_FRAME_HEADER));
    ssize_t written = write(PA_CHANNEL_FD, frame, (size_t)(at - frame));
    (void)written;
    pa_worker_await_death();
    _exit(134); /* as a shell shows SIGABRT */
}
