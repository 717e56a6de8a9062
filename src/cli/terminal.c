#include "cli/cli.h"

#include "base/clock.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* POLLOUT promises room for this much in a pipe; a larger write could block past a deadline. */
#define PIPE_STEP 4096

/* Smaller modules are compiled within a second or two. */
#define LONG_COMPILATION ((size_t)4 << 20)

static int poll_timeout(uint64_t deadline_ns) {
    if (deadline_ns == PA_NEVER)
        return -1;
    uint64_t now = pa_clock_monotonic_ns();
    return now >= deadline_ns ? 0 : (int)PA_MIN((deadline_ns - now) / PA_NS_PER_MS + 1, 3600000u);
}

static ssize_t write_output(void *context, enum pa_output output, const void *bytes, size_t size,
                            uint64_t deadline_ns) {
    (void)context;
    int fd = output == PA_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
    struct stat st;
    bool never_blocks = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    size_t done = 0;
    while (done < size) {
        struct pollfd polled = {.fd = fd, .events = POLLOUT};
        int ready = never_blocks ? 1 : poll(&polled, 1, poll_timeout(deadline_ns));
        if (ready == 0)
            break;
        if (ready < 0 && errno == EINTR)
            continue;
        size_t step = never_blocks ? size - done : PA_MIN(size - done, (size_t)PIPE_STEP);
        ssize_t n = write(fd, (const char *)bytes + done, step);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0) {
            if (errno != EPIPE)
                fprintf(stderr, "polyagent: cannot write to standard %s: %s\n",
                        output == PA_STDOUT ? "output" : "error", strerror(errno));
            return -1;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

struct pa_sink pa_terminal_sink(void) {
    return (struct pa_sink){.write = write_output};
}

void pa_terminal_compiling(const char *name, size_t size) {
    if (size >= LONG_COMPILATION && isatty(STDERR_FILENO))
        fprintf(stderr,
                "polyagent: compiling %s (%zu MiB); only this first time, it may take a minute\n",
                name, size >> 20);
}

int pa_terminal_cancel_status(int cancel_fd) {
    struct signalfd_siginfo info;
    if (read(cancel_fd, &info, sizeof(info)) == sizeof(info))
        return 128 + (int)info.ssi_signo;
    return pa_status_exit(PA_STATUS_CANCELLED);
}
