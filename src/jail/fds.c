/*
 * What a process was born with and must not keep: descriptors and the environment.
 *
 * Of 0, 1 and 2, those not kept become /dev/null instead of nothing: the next file opened would
 * take the number, and what a library writes to "standard error" would go into a host's file.
 *
 * The kept descriptors are few (at most PA_MAX_MOUNTS and a handful) and in no order; walking from
 * one to the next higher by a scan needs no memory and closes each gap with one call.
 */
#include "jail/jail_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static void lower(int fd, int from, int *best) {
    if (fd >= from && fd < *best)
        *best = fd;
}

/* The lowest kept descriptor that is >= from, or INT_MAX. */
static int next_kept(const struct pa_jail *jail, int from) {
    int best = INT_MAX;
    for (size_t i = 0; i < jail->keep_fd_count; i++)
        lower(jail->keep_fds[i], from, &best);
    for (size_t i = 0; i < jail->dir_count; i++)
        lower(jail->dirs[i].fd, from, &best);
    lower(jail->artifact_fd, from, &best);
    return best;
}

static int close_span(unsigned first, unsigned last, struct pa_error *err) {
    if (syscall(SYS_close_range, first, last, 0) == 0)
        return 0;
    return pa_fail_errno(err, errno, "closing descriptors %u to %u (close_range: Linux 5.9)", first,
                         last);
}

static bool is_null_device(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static int fill_standard_fds(const struct pa_jail *jail, struct pa_error *err) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (next_kept(jail, fd) == fd || is_null_device(fd))
            continue;
        PA_CLEANUP(pa_closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0 || (null != fd && dup2(null, fd) < 0))
            return pa_fail_errno(err, errno, "putting /dev/null in the place of descriptor %d", fd);
        if (null == fd)
            null = -1; /* it stays */
    }
    return 0;
}

int pa_jail_close_other_fds(const struct pa_jail *jail, struct pa_error *err) {
    int at = STDERR_FILENO + 1;
    if (fill_standard_fds(jail, err) < 0)
        return -1;
    for (int kept; (kept = next_kept(jail, at)) != INT_MAX; at = kept + 1)
        if (kept > at && close_span((unsigned)at, (unsigned)kept - 1, err) < 0)
            return -1;
    return close_span((unsigned)at, UINT_MAX, err);
}

void pa_jail_wipe_environment(void) {
    for (char **entry = environ; entry && *entry; entry++)
        explicit_bzero(*entry, strlen(*entry));
    clearenv();
}
