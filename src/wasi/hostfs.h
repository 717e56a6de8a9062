/*
 * Host directories, inside: mounts and open files (hostfs.c), paths (hostfs_path.c), listings and
 * the deterministic view (hostfs_dir.c).  Nothing outside those three includes this.
 */
#ifndef PA_WASI_HOSTFS_H
#define PA_WASI_HOSTFS_H

#include "base/macros.h"
#include "wasi/vfs_util.h"
#include <limits.h>
#include <sys/stat.h>
#include <sys/types.h>

struct hostfs_numbers;
struct hostfs_listing;

/* Shared by all files opened below one root; freed with the last of them. */
struct hostfs_mount {
    unsigned long refs;
    struct pa_world *world;
    bool writable;
    struct pa_quota quota; /* without an account: none */
    dev_t root_dev;
    ino_t root_ino;
    uint64_t shown_dev;             /* deterministic: the device number every file has */
    struct hostfs_numbers *numbers; /* deterministic: host inodes to the guest's inode numbers */
};

struct hostfs_file {
    struct pa_file head;
    struct hostfs_mount *mount; /* a reference */
    int fd;
    dev_t dev;
    ino_t ino;
    uint64_t number; /* deterministic: the inode number, which an unlinked file keeps */
    uint64_t offset; /* ours: the kernel's is shared with every fork of this process */
    /* Directories */
    int list_fd;                    /* a descriptor of its own for reading the entries, or -1 */
    pid_t list_pid;                 /* the process that opened it */
    struct hostfs_listing *listing; /* deterministic: the sorted entries, or NULL */
};

static inline struct hostfs_file *hostfs_file_of(struct pa_file *file) {
    return (struct hostfs_file *)file;
}

/* hostfs.c: openat2 below `dir_fd`; what would leave it is ENOTCAPABLE. */
wasi_errno hostfs_openat2(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd);
wasi_errno hostfs_fill_stat(struct hostfs_mount *mount, const struct stat *st, struct pa_stat *ret);
enum wasi_filetype hostfs_type_of(mode_t mode);
/* utimensat on what `fd` refers to, O_PATH or not. */
wasi_errno hostfs_set_fd_times(int fd, const struct pa_times *times);
wasi_errno hostfs_open(struct pa_file *dir, const char *path, const struct pa_open *how,
                       struct pa_file **ret);

/* hostfs_path.c: the parent directory of a path's last component, opened, and that component. */
struct hostfs_spot {
    int fd;       /* of the parent; only for *at calls with `name` */
    int to_close; /* the same if it must be closed, else -1: free with hostfs_spot_done() */
    bool slash;
    bool special;     /* the name is "." or ".." of an existing directory; `name` says which */
    size_t head_size; /* of the path's text in front of the name */
    char name[NAME_MAX + 1];
};
wasi_errno hostfs_find_spot(struct hostfs_file *dir, const char *path, struct hostfs_spot *ret);
void hostfs_spot_done(struct hostfs_spot *spot);

wasi_errno hostfs_path_stat(struct pa_file *dir, const char *path, bool follow,
                            struct pa_stat *ret);
wasi_errno hostfs_path_set_times(struct pa_file *dir, const char *path, bool follow,
                                 const struct pa_times *times);
wasi_errno hostfs_mkdir(struct pa_file *dir, const char *path);
wasi_errno hostfs_rmdir(struct pa_file *dir, const char *path);
wasi_errno hostfs_unlink(struct pa_file *dir, const char *path);
wasi_errno hostfs_symlink(struct pa_file *dir, const char *target, const char *path);
wasi_errno hostfs_readlink(struct pa_file *dir, const char *path, char *out, size_t room,
                           size_t *ret);
wasi_errno hostfs_link(struct pa_file *from_dir, const char *from, bool follow,
                       struct pa_file *to_dir, const char *to);
wasi_errno hostfs_rename(struct pa_file *from_dir, const char *from, struct pa_file *to_dir,
                         const char *to);

/* hostfs_dir.c */
wasi_errno hostfs_readdir(struct pa_file *dir, uint64_t cookie, pa_dirent_fn *each, void *context);
void hostfs_listing_free(struct hostfs_listing *listing); /* NULL is fine */

/* The deterministic inode number of a host inode: given in the order in which a run meets them. */
wasi_errno hostfs_number(struct hostfs_mount *mount, dev_t dev, ino_t ino, uint64_t *ret);
/* The inode is gone; should the host give its number to a new file, that is another file. */
void hostfs_forget(struct hostfs_mount *mount, dev_t dev, ino_t ino);
void hostfs_numbers_free(struct hostfs_numbers *numbers); /* NULL is fine */

#endif
