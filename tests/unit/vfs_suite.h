/*
 * What every writable file system must do alike, whatever is below it: the expectations of the
 * official suite's file system programs, as calls on the operation table.  test_memfs.c runs them
 * on memory, test_hostfs.c on a host directory.
 */
#ifndef PA_TEST_VFS_SUITE_H
#define PA_TEST_VFS_SUITE_H

#include "test.h"

#include "wasi/vfs.h"

#define CREAT     WASI_O_CREAT
#define EXCL      WASI_O_EXCL
#define TRUNC     WASI_O_TRUNC
#define DIRECTORY WASI_O_DIRECTORY

/* Opens for reading and writing files, for reading directories; the errno, and *ret on success. */
wasi_errno vt_try_open(struct pa_file *dir, const char *path, uint32_t oflags, bool follow,
                       bool write, struct pa_file **ret);
struct pa_file *vt_open(struct pa_file *dir, const char *path, uint32_t oflags);
wasi_errno vt_open_errno(struct pa_file *dir, const char *path, uint32_t oflags, bool follow,
                         bool write); /* opens and closes */
void vt_close(struct pa_file *file);
void vt_create(struct pa_file *dir, const char *path, const char *content);
wasi_errno vt_write(struct pa_file *file, const char *text, uint64_t offset, size_t *ret);
/* The whole of `path`, as text, into a static buffer. */
const char *vt_content(struct pa_file *dir, const char *path);
struct pa_stat vt_stat(struct pa_file *dir, const char *path, bool follow);
wasi_errno vt_stat_errno(struct pa_file *dir, const char *path, bool follow);

/* The names from `cookie` on, at most `max`, joined by spaces; *ret_next is the last one's `next`.
 */
const char *vt_list(struct pa_file *dir, uint64_t cookie, size_t max, uint64_t *ret_next);
size_t vt_count(struct pa_file *dir, size_t chunk); /* entries, read `chunk` at a time */

/* The suite; `root` is an empty directory and is left empty. */
void vt_suite(struct pa_file *root);

#endif
