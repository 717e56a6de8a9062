/*
 * One guest's world, inside: what the calls share.  Nothing outside src/wasi includes this.
 *
 * Each call of preview 1 is a wasi_NAME() below; imports.h lists them.  A call first finds its
 * descriptors (EBADF), then asks whether the operation applies to that kind of file, then whether
 * the rights allow it (ENOTCAPABLE), then looks at its pointers (EFAULT), and only then acts: a
 * call that fails has changed nothing.
 */
#ifndef PA_WASI_HOST_H
#define PA_WASI_HOST_H

#include "base/macros.h"
#include "wasi/fdtable.h"
#include "wasi/imports.h"
#include "wasi/memory.h"
#include "wasi/world.h"

/* argv or the environment: `count` texts, each with its closing NUL, one after another. */
struct wasi_strings {
    char *bytes;
    size_t size;
    uint32_t count;
};

/* A place in the guest's tree.  The root handle stays open as long as the world. */
struct wasi_mount {
    char *guest;
    struct pa_file *root;
    bool from_host;
    struct pa_memfs *memfs; /* owned; NULL for what is not in memory */
};

enum {
    WASI_STDIN,
    WASI_STDOUT,
    WASI_STDERR,
    WASI_STREAMS,
};

/* The policy's mounts and /tmp, /workspace, /dev, "/". */
#define WASI_MOUNTS_MAX (PA_MAX_MOUNTS + 4)

/* A device that the host provides. */
struct wasi_host_device {
    struct pa_wasi *wasi;
    struct pa_stream_device device;
};
#define WASI_HOST_DEVICES_MAX 8

struct pa_wasi {
    struct wasi_world world;
    struct wasi_fdtable fds;
    struct wasi_strings args, env;
    struct pa_stream streams[WASI_STREAMS];
    struct wasi_host_device devices[WASI_HOST_DEVICES_MAX];
    struct wasi_mount mounts[WASI_MOUNTS_MAX];
    size_t mount_count;
    struct pa_devfs *devfs;
    struct pa_rootfs *rootfs;
    struct pa_wasi_state state;
    bool trace; /* sampled when the world was made */
};

static inline uint32_t wasi_arg32(const uint64_t *args, unsigned index) {
    return (uint32_t)args[index];
}

/* The entry of an open descriptor that has all of `rights`: EBADF, ENOTCAPABLE. */
wasi_errno wasi_find_fd(struct pa_wasi *wasi, uint32_t fd, uint64_t rights, struct wasi_fd **ret);
/* The same for one that must be a directory: ENOTDIR. */
wasi_errno wasi_find_dir(struct pa_wasi *wasi, uint32_t fd, uint64_t rights, struct wasi_fd **ret);

/* calls_fd.c, for the path calls too.  EINVAL for flags that contradict each other. */
wasi_errno wasi_read_times(struct pa_wasi *wasi, uint64_t atim, uint64_t mtim, uint32_t flags,
                           struct pa_times *ret);
#define WASI_FILESTAT_SIZE 64
void wasi_store_filestat(uint8_t *out, const struct pa_stat *stat);

#define WASI_OFLAGS_ALL  UINT32_C(15)
#define WASI_FDFLAGS_ALL UINT32_C(31)

static inline bool wasi_is_dir(const struct pa_file *file) {
    return file->type == WASI_FILETYPE_DIRECTORY;
}

/* Rights that mean something on a directory, on a file, and what a directory hands on. */
#define WASI_RIGHTS_DIR                                                                            \
    ((uint64_t)(WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_FDSTAT_SET_FLAGS |     \
                WASI_RIGHT_PATH_CREATE_DIRECTORY | WASI_RIGHT_PATH_CREATE_FILE |                   \
                WASI_RIGHT_PATH_LINK_SOURCE | WASI_RIGHT_PATH_LINK_TARGET | WASI_RIGHT_PATH_OPEN | \
                WASI_RIGHT_FD_READDIR | WASI_RIGHT_PATH_READLINK | WASI_RIGHT_PATH_RENAME_SOURCE | \
                WASI_RIGHT_PATH_RENAME_TARGET | WASI_RIGHT_PATH_FILESTAT_GET |                     \
                WASI_RIGHT_PATH_FILESTAT_SET_SIZE | WASI_RIGHT_PATH_FILESTAT_SET_TIMES |           \
                WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_TIMES |                    \
                WASI_RIGHT_PATH_SYMLINK | WASI_RIGHT_PATH_REMOVE_DIRECTORY |                       \
                WASI_RIGHT_PATH_UNLINK_FILE))
#define WASI_RIGHTS_FILE                                                                           \
    ((uint64_t)(WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK |                 \
                WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_TELL |         \
                WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ADVISE | WASI_RIGHT_FD_ALLOCATE |              \
                WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_SIZE |                     \
                WASI_RIGHT_FD_FILESTAT_SET_TIMES | WASI_RIGHT_POLL_FD_READWRITE))
#define WASI_RIGHTS_INHERITING (WASI_RIGHTS_DIR | WASI_RIGHTS_FILE)

/* The part of `rights` that applies to this file.  A character device keeps those to seek even
 * where it cannot: wasi-libc takes one without them for a terminal, and nothing here is one. */
uint64_t wasi_rights_for(const struct pa_file *file, uint64_t rights);

/* stream.c: standard streams and the generator, as files and as devices. */
wasi_errno wasi_stream_open(struct pa_wasi *wasi, int stream, uint32_t fdflags,
                            struct pa_file **ret);
#define WASI_OWN_DEVICES 5
void wasi_own_devices(struct pa_wasi *wasi, struct pa_device ret[WASI_OWN_DEVICES]);
struct pa_device wasi_host_device(struct wasi_host_device *device);

/* trace.c: one line for a call that has returned. */
void wasi_trace_call(const struct pa_guest_memory *memory, enum wasi_call call,
                     const uint64_t *args, wasi_errno result);
const char *wasi_errno_name(wasi_errno errnum); /* "ENOENT" */

#define X(name, params, has_result, trace)                                                         \
    wasi_errno wasi_##name(struct pa_wasi *wasi, const struct pa_guest_memory *memory,             \
                           const uint64_t *args);
WASI_IMPORTS(X)
#undef X

#endif
