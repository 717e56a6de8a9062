/*
 * What every file system of this folder does alike: cutting paths into components, moving an
 * offset, the two entries each directory starts with, and numbers for devices that no kernel made.
 */
#ifndef PA_WASI_VFS_UTIL_H
#define PA_WASI_VFS_UTIL_H

#include "wasi/vfs.h"

/* Symbolic links followed in one path, as Linux counts. */
#define PA_LINKS_MAX 40

/* Device numbers above every one the kernel hands out (those have 32 bits). */
#define PA_DEV_DEVFS  ((UINT64_C(1) << 32) + 1)
#define PA_DEV_ROOTFS ((UINT64_C(1) << 32) + 2)
#define PA_DEV_FIRST  ((UINT64_C(1) << 32) + 16)

/* Cookies of "." and ".."; what comes from the directory itself starts at PA_COOKIE_FIRST. */
#define PA_COOKIE_DOT    0
#define PA_COOKIE_DOTDOT 1
#define PA_COOKIE_FIRST  2

struct pa_component {
    const char *text;
    size_t size;
    bool slash; /* at least one slash follows */
    bool last;  /* nothing but slashes follows */
};

/* Takes the next component off `*rest` (slashes in front are skipped); false at the end. */
bool pa_path_next(const char **rest, struct pa_component *ret);
bool pa_component_is(const struct pa_component *component, const char *text);

/* The path cut before its last component.  `head_size` is 0 when the path is one name. */
struct pa_path_split {
    size_t head_size;
    struct pa_component name;
    bool special; /* the name is "." or ".." */
};
struct pa_path_split pa_path_split(const char *path);

/* A fresh device number for a mount of this world. */
uint64_t pa_world_next_dev(struct pa_world *world);

/* The offset after a seek; EINVAL if it were negative, or `whence` unknown. */
wasi_errno pa_seek_offset(uint64_t current, uint64_t size, int64_t delta, int whence,
                          uint64_t *ret);

/* Lists "." and ".." as far as `cookie` has not passed them; false if `each` ended the listing. */
bool pa_list_dots(uint64_t cookie, uint64_t ino, uint64_t parent_ino, pa_dirent_fn *each,
                  void *context);

#endif
