#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t pa_read_full(int fd, void *out, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, (char *)out + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int pa_write_full(int fd, const void *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = write(fd, (const char *)bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

int pa_read_all(int fd, const char *what, struct pa_buf *buf, struct pa_error *err) {
    for (;;) {
        size_t left = buf->max - buf->size;
        size_t step = PA_MIN(left, PA_MAX(buf->size, (size_t)65536));
        void *room = step ? pa_buf_reserve(buf, step) : NULL;
        if (step && !room)
            return pa_fail_errno(err, ENOMEM, "cannot read %s", what);
        char probe;
        ssize_t n = read(fd, step ? room : &probe, step ? step : 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pa_fail_errno(err, errno, "cannot read %s", what);
        if (n > 0 && !step)
            return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                           "%s is larger than the limit of %zu bytes", what, buf->max);
        if (n == 0)
            break;
        buf->size += (size_t)n;
        buf->data[buf->size] = 0;
    }
    return 0;
}

int pa_read_file(const char *path, struct pa_buf *buf, struct pa_error *err) {
    PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return pa_fail_errno(err, errno, "cannot open %s", path);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return pa_fail_errno(err, errno, "cannot stat %s", path);
    if (!S_ISREG(st.st_mode))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s is not a regular file", path);
    if ((uint64_t)st.st_size > buf->max)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "%s has %lld bytes, more than the limit of %zu", path, (long long)st.st_size,
                       buf->max);
    if (!pa_buf_reserve(buf, (size_t)st.st_size))
        return pa_fail_errno(err, ENOMEM, "cannot read %s", path);
    return pa_read_all(fd, path, buf, err);
}

int pa_memfd_of(const char *name, const void *bytes, size_t size, struct pa_error *err) {
    PA_CLEANUP(pa_closep) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return pa_fail_errno(err, errno, "cannot create a memory file");
    if (pa_write_full(fd, bytes, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return pa_fail_errno(err, errno, "cannot fill a memory file of %zu bytes", size);
    return pa_steal_fd(&fd);
}

int pa_mkdir_parents(const char *path, mode_t mode, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *copy = pa_xstrdup(path);
    for (char *at = copy + 1;; at++) {
        if (*at != '/' && *at != 0)
            continue;
        char saved = *at;
        *at = 0;
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            return pa_fail_errno(err, errno, "cannot create the directory %s", copy);
        if (!saved)
            return 0;
        *at = saved;
    }
}

int pa_remove_tree(const char *path, struct pa_error *err) {
    char *roots[] = {(char *)(uintptr_t)path, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int done = walk ? 0 : pa_fail_errno(err, errno, "cannot remove %.200s", path);
    for (FTSENT *entry; walk && (entry = fts_read(walk));) {
        if (entry->fts_info == FTS_D) /* on the way in; FTS_DP is the same folder, emptied */
            chmod(entry->fts_accpath, 0700);
        else if (remove(entry->fts_accpath) < 0 && done == 0)
            done = pa_fail_errno(err, errno, "cannot remove %.200s", entry->fts_path);
    }
    if (walk)
        fts_close(walk);
    return done;
}

int pa_signals_open(struct pa_error *err) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? pa_fail_errno(err, errno, "cannot watch for signals") : fd;
}

char *pa_path_join(const char *directory, const char *name) {
    size_t length = strlen(directory);
    const char *slash = length && directory[length - 1] == '/' ? "" : "/";
    return pa_xasprintf("%s%s%s", directory, slash, name);
}
