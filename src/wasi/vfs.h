/*
 * What the WASI calls need of a file system.  Four kinds implement it: host directories (hostfs.c),
 * the in-memory file system (memfs.c), devices (devfs.c), and the virtual root that joins them
 * (rootfs.c).
 *
 * A `pa_file` is an open file description: a regular file, a directory, a device or a stream, with
 * its own offset.  Path operations start at an open directory and take the guest's path text, which
 * is relative, not empty, without NUL, at most PA_PATH_MAX bytes and NUL-terminated (the caller has
 * checked); an absolute path is ENOTCAPABLE before it gets here.  Each file system resolves the
 * text by itself: `..` past the open directory it starts at is ENOTCAPABLE, and a symbolic link
 * that leads out (absolute, or too many `..`) is too.  Trailing slashes demand a directory.
 *
 * Rights are not checked here (the descriptor table does), read-only mounts are (EROFS).
 * Every function returns a WASI errno, 0 for success; outputs are untouched on failure.
 * A NULL member of the table means: the operation does not apply; the caller answers ENOTDIR for
 * path operations, EBADF/ESPIPE/EINVAL as the standard says for the others.
 * Trust: all paths, flags and sizes are a guest's.  Single-threaded.
 */
#ifndef PA_WASI_VFS_H
#define PA_WASI_VFS_H

#include "wasi/abi.h"
#include "wasi/quota.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#define PA_PATH_MAX 4096 /* bytes, with the closing NUL */
#define PA_NAME_MAX 255

struct pa_file;

struct pa_stat {
    uint64_t dev, ino;
    enum wasi_filetype type;
    uint64_t nlink, size;
    uint64_t atim_ns, mtim_ns, ctim_ns;
};

struct pa_dirent {
    uint64_t next; /* the cookie of the entry after this one */
    uint64_t ino;
    enum wasi_filetype type;
    const char *name; /* valid during the callback */
    size_t name_size;
};

/* Called per entry; false ends the listing. */
typedef bool pa_dirent_fn(void *context, const struct pa_dirent *entry);

struct pa_open {
    uint32_t oflags;  /* WASI_O_* */
    uint32_t fdflags; /* WASI_FDFLAG_* */
    bool follow;      /* the last component may be a symbolic link; else opening one is ELOOP */
    bool read, write; /* what the guest will do with it: from the requested rights */
};

struct pa_times {
    uint32_t fst_flags; /* WASI_FST_*, already checked not to contradict each other */
    uint64_t atim_ns, mtim_ns;
    uint64_t now_ns; /* what "now" is under this policy */
};

#define PA_OFFSET_CURRENT UINT64_MAX

struct pa_file_ops {
    void (*close)(struct pa_file *file); /* frees it */

    wasi_errno (*stat)(struct pa_file *file, struct pa_stat *ret);
    wasi_errno (*set_times)(struct pa_file *file, const struct pa_times *times);
    wasi_errno (*set_fdflags)(struct pa_file *file, uint32_t fdflags);
    wasi_errno (*sync)(struct pa_file *file, bool data_only);

    /* `offset` PA_OFFSET_CURRENT: at the file's own offset, which advances. */
    wasi_errno (*read)(struct pa_file *file, const struct iovec *iov, int count, uint64_t offset,
                       size_t *ret);
    wasi_errno (*write)(struct pa_file *file, const struct iovec *iov, int count, uint64_t offset,
                        size_t *ret);
    wasi_errno (*seek)(struct pa_file *file, int64_t delta, int whence, uint64_t *ret);
    wasi_errno (*set_size)(struct pa_file *file, uint64_t size);
    wasi_errno (*allocate)(struct pa_file *file, uint64_t offset, uint64_t size);

    /* For poll_oneoff.  poll_fd: a host descriptor to poll for readability, or -1 when `ready`
     * answers without waiting.  ready: true if a read/write would not block now; sets the number of
     * bytes known to be readable (0 if unknown) and whether the other side hung up. */
    int (*poll_fd)(struct pa_file *file);
    bool (*ready)(struct pa_file *file, bool write, uint64_t *ret_bytes, bool *ret_hangup);

    /* Directories.  Entries from `cookie` on (0: the beginning, "." and ".." first); a cookie stays
     * valid while entries are added and removed. */
    wasi_errno (*readdir)(struct pa_file *dir, uint64_t cookie, pa_dirent_fn *each, void *context);
    /* Regular files, directories and our own devices; a FIFO, socket or device of the host is
     * ENOTCAPABLE.  Writing to or truncating a directory is EISDIR, CREAT with DIRECTORY EINVAL. */
    wasi_errno (*open)(struct pa_file *dir, const char *path, const struct pa_open *how,
                       struct pa_file **ret);
    wasi_errno (*path_stat)(struct pa_file *dir, const char *path, bool follow,
                            struct pa_stat *ret);
    wasi_errno (*path_set_times)(struct pa_file *dir, const char *path, bool follow,
                                 const struct pa_times *times);
    wasi_errno (*mkdir)(struct pa_file *dir, const char *path);
    wasi_errno (*rmdir)(struct pa_file *dir, const char *path);
    wasi_errno (*unlink)(struct pa_file *dir, const char *path);
    wasi_errno (*symlink)(struct pa_file *dir, const char *target, const char *path);
    /* Up to `room` bytes, without a closing NUL; *ret is what was written. */
    wasi_errno (*readlink)(struct pa_file *dir, const char *path, char *out, size_t room,
                           size_t *ret);
    /* Both directories have this same table; EXDEV if they are of different mounts. */
    wasi_errno (*link)(struct pa_file *from_dir, const char *from, bool follow,
                       struct pa_file *to_dir, const char *to);
    wasi_errno (*rename)(struct pa_file *from_dir, const char *from, struct pa_file *to_dir,
                         const char *to);
};

/* The head of each file system's own struct. */
struct pa_file {
    const struct pa_file_ops *ops;
    enum wasi_filetype type;
    uint32_t fdflags;
    bool readable, writable; /* as opened */
};

/* The policy's clock and counters that file systems need; owned by struct pa_wasi, outlives them.
 */
struct pa_world {
    uint64_t (*now_ns)(void *context); /* realtime under this policy */
    void *context;
    bool deterministic;   /* sorted directories, synthetic inode numbers and host times */
    uint64_t files_bytes; /* limits of the in-memory file system */
    uint64_t files_count;
    uint64_t files_bytes_used; /* kept by memfs */
    uint64_t files_count_used;
    bool files_limit_hit; /* an operation failed with ENOSPC, or a write was cut short, because
                           * of the limits */
    uint64_t dev_count;   /* kept by the file systems: device numbers given so far */
};

wasi_errno pa_errno_to_wasi(int errnum);

/* hostfs.c: a host directory.  Takes `fd` (O_RDONLY|O_DIRECTORY), also on failure; closed with the
 * file.  Paths are resolved by the kernel alone: openat2 with RESOLVE_BENEATH |
 * RESOLVE_NO_MAGICLINKS.  A file keeps a directory's descriptor and, while it is listed, a second.
 * `quota` (borrowed, or NULL) bounds what is written; past it is EDQUOT. */
wasi_errno pa_hostfs_open_root(struct pa_world *world, int fd, bool writable,
                               const struct pa_quota *quota, struct pa_file **ret);

/* memfs.c: an empty in-memory tree.  Several handles may be opened on one tree; they may outlive it
 * (the world must outlive both). */
struct pa_memfs;
struct pa_memfs *pa_memfs_new(struct pa_world *world);
struct pa_memfs *pa_memfs_free(struct pa_memfs *fs); /* NULL is fine; returns NULL */
wasi_errno pa_memfs_open_root(struct pa_memfs *fs, struct pa_file **ret);

/* devfs.c: /dev.  null, zero and full are built in; every other device (random, stdin,
 * "sandbox/request") is one of `devices`.  Names are distinct and may have directories.  The array
 * is copied, its contexts stay the caller's.  Close what was opened before freeing. */
struct pa_device {
    const char *name;
    /* Makes a fresh open file for each open. */
    wasi_errno (*open)(void *context, const struct pa_open *how, struct pa_file **ret);
    void *context;
};
struct pa_devfs;
struct pa_devfs *pa_devfs_new(const struct pa_device *devices, size_t count);
struct pa_devfs *pa_devfs_free(struct pa_devfs *fs);
wasi_errno pa_devfs_open_root(struct pa_devfs *fs, struct pa_file **ret);

/* rootfs.c: a read-only tree of directories whose leaves are mounts: what "/" is when no host
 * directory takes its place.  A path that reaches a mount point goes on inside that mount.  Opening
 * files through it gives the mount's own files. */
struct pa_rootfs;
struct pa_rootfs *pa_rootfs_new(struct pa_world *world);
struct pa_rootfs *pa_rootfs_free(struct pa_rootfs *fs);
/* `guest` is absolute; `root` stays owned by the caller and outlives the rootfs.  EEXIST if there
 * is a mount already; EINVAL for "/" and for "." or ".." in it.  Close what was opened before
 * freeing. */
wasi_errno pa_rootfs_mount(struct pa_rootfs *fs, const char *guest, struct pa_file *root);
wasi_errno pa_rootfs_open_root(struct pa_rootfs *fs, struct pa_file **ret);

#endif
