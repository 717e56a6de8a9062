/*
 * An in-memory file system from its host's side: files put, looked at, fetched and removed, and
 * which of them a run has changed.
 *
 *     struct pa_memfs *fs = pa_wasi_memfs(wasi, "/workspace");
 *     pa_files_write(fs, "data/a.csv", 0, true, bytes, size, &err);
 *     pa_files_begin(fs);                     what is written from here on has "changed"
 *     ... the guest runs ...
 *     pa_files_changed(fs, each, context);
 *
 * Paths are relative to the file system's root ("" is the root itself); leading slashes do not
 * count.  Symbolic links are followed on the way, never at the end of what is removed or renamed.
 *
 * Errors: NOT_FOUND, ALREADY_EXISTS, INVALID_ARGUMENT, FAILED_PRECONDITION (a folder is not empty,
 * a file is where a folder should be), RESOURCE_EXHAUSTED (files_bytes, files_count, memory).
 * Trust: paths and contents are a caller's, the tree is a guest's; neither leads out of it.
 * Threads: one, the guest's.
 */
#ifndef PA_WASI_FILES_H
#define PA_WASI_FILES_H

#include "base/buf.h"
#include "base/error.h"
#include "wasi/vfs.h"

struct pa_file_info {
    bool directory;
    uint64_t size;
    uint64_t modified_ns; /* realtime of the guest */
};

int pa_files_stat(struct pa_memfs *fs, const char *path, struct pa_file_info *ret,
                  struct pa_error *err);

/* The file's own bytes, from `offset` on: *ret is valid until the file changes. */
int pa_files_read(struct pa_memfs *fs, const char *path, uint64_t offset, uint64_t size,
                  const uint8_t **ret, size_t *ret_size, struct pa_file_info *ret_info,
                  struct pa_error *err);

/* Makes the file and its folders where they are missing; `truncate` empties it first. */
int pa_files_write(struct pa_memfs *fs, const char *path, uint64_t offset, bool truncate,
                   const void *bytes, size_t size, struct pa_error *err);

/* With the folders above it.  A folder that is there is no error. */
int pa_files_mkdir(struct pa_memfs *fs, const char *path, struct pa_error *err);
int pa_files_rename(struct pa_memfs *fs, const char *from, const char *to, struct pa_error *err);
int pa_files_remove(struct pa_memfs *fs, const char *path, bool recursive, struct pa_error *err);

/* Calls `each` for the entries of a folder from `cookie` on (0: the first) until it returns false.
 * `next` is the cookie of what follows. */
typedef bool pa_files_entry_fn(void *context, const char *name, size_t name_size,
                               const struct pa_file_info *info, uint64_t next);
int pa_files_list(struct pa_memfs *fs, const char *path, uint64_t cookie, pa_files_entry_fn *each,
                  void *context, struct pa_error *err);

/* From here on a file that is made, written, or given a name has changed. */
void pa_files_begin(struct pa_memfs *fs);
/* Calls `each` for the changed regular files that are there, until it returns false.  Costs nothing
 * where none has changed.  What lies deeper than a path can say is passed over. */
typedef bool pa_files_changed_fn(void *context, const char *path, const uint8_t *bytes,
                                 size_t size);
void pa_files_changed(struct pa_memfs *fs, pa_files_changed_fn *each, void *context);

#endif
