/*
 * Files and sockets of the host, with EINTR, short transfers and O_CLOEXEC taken care of.
 */
#ifndef PA_BASE_IO_H
#define PA_BASE_IO_H

#include "base/buf.h"
#include "base/error.h"
#include <sys/types.h>

/* All `size` bytes or -1 with errno; reading returns fewer only at the end of the file. */
ssize_t pa_read_full(int fd, void *out, size_t size);
int pa_write_full(int fd, const void *bytes, size_t size);

/* Appends the rest of `fd`; fails with RESOURCE_EXHAUSTED when buf->max is reached. */
int pa_read_all(int fd, const char *what, struct pa_buf *buf, struct pa_error *err);

/* Reads a whole regular file (not a pipe, not a device): NOT_FOUND, PERMISSION_DENIED, or
 * RESOURCE_EXHAUSTED when it is larger than buf->max. */
int pa_read_file(const char *path, struct pa_buf *buf, struct pa_error *err);

/* A sealed-able memory file holding `bytes`, offset 0, O_CLOEXEC.  -1 with *err. */
int pa_memfd_of(const char *name, const void *bytes, size_t size, struct pa_error *err);

/* `mkdir -p` with `mode` for what is created. */
int pa_mkdir_parents(const char *path, mode_t mode, struct pa_error *err);

/* `rm -r`: what is at `path` and all below it, also in folders that were left closed.  Links are
 * removed, never followed; what cannot be removed stays, and the first of it is the error. */
int pa_remove_tree(const char *path, struct pa_error *err);

/* SIGINT, SIGTERM and SIGHUP, which are blocked in this thread and those it will start, as a
 * descriptor of signalfd that does not block. */
int pa_signals_open(struct pa_error *err);

/* "a/b" as a new string (no doubled slash). */
char *pa_path_join(const char *directory, const char *name);

#endif
