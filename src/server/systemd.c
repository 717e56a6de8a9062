#include "server/systemd.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/units.h"
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3
#define MOST_FDS 16

static uint64_t variable(const char *name) {
    const char *text = getenv(name);
    uint64_t value;
    return text && pa_parse_count(text, &value) == 0 ? value : 0;
}

int pa_activation_count(void) {
    if (variable("LISTEN_PID") != (uint64_t)getpid())
        return 0;
    return (int)PA_MIN(variable("LISTEN_FDS"), (uint64_t)MOST_FDS);
}

/* The variable has a name for each, with colons between; one that was taken is close-on-exec. */
int pa_activation_take(const char *name) {
    const char *names = getenv("LISTEN_FDNAMES");
    int count = pa_activation_count();
    for (int i = 0; names && i < count; i++) {
        size_t size = strcspn(names, ":");
        int fd = FIRST_FD + i, flags = fcntl(fd, F_GETFD);
        if (size == strlen(name) && memcmp(names, name, size) == 0 && flags >= 0 &&
            !(flags & FD_CLOEXEC)) {
            fcntl(fd, F_SETFD, FD_CLOEXEC);
            return fd;
        }
        names += size + (names[size] == ':');
    }
    return -1;
}

void pa_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (*path == '@')
        to.sun_path[0] = 0; /* an abstract name */
    PA_CLEANUP(pa_closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (fd >= 0)
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size);
}

void pa_notify_reloading(void) {
    char state[64];
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)(pa_clock_monotonic_ns() / 1000));
    pa_notify(state);
}

/* Twice as often as it must be, so that one delay is not fatal. */
uint64_t pa_watchdog_ns(void) {
    uint64_t pid = variable("WATCHDOG_PID");
    if (pid && pid != (uint64_t)getpid())
        return 0;
    return variable("WATCHDOG_USEC") * 1000 / 2;
}
