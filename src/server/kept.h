/*
 * Files of ended runs, by run and path, for as long as runs are remembered.
 *
 *     kept = pa_kept_new(&config)
 *     pa_kept_add(kept, caller, run_id, files, count)          their bytes are the store's now
 *     pa_kept_get(kept, caller, run_id, "out.png", &file, &err)
 *     ... file.bytes, file.size ...
 *     pa_kept_file_done(&file);
 *     pa_kept_free(kept);
 *
 * In memory, contents once by their digest, whichever runs have them.  When they are more than
 * `bytes` together the runs that ended first lose theirs.
 *
 * Threads: any.  A file that somebody has stays until he is done with it, and free comes after
 * that.
 */
#ifndef PA_SERVER_KEPT_H
#define PA_SERVER_KEPT_H

#include "base/error.h"
#include "run/outcome.h"

struct pa_kept_config {
    uint64_t bytes, runs; /* at most */
    uint64_t kept_ms;
};

struct pa_kept;
struct pa_kept *pa_kept_new(const struct pa_kept_config *config);
struct pa_kept *pa_kept_free(struct pa_kept *kept); /* NULL is fine */

/* Takes over the bytes of those files that have any and that there is room for: pa_kept_has says
 * which. */
void pa_kept_add(struct pa_kept *kept, const char *caller, const char *run_id,
                 struct pa_outcome_file *files, size_t count);

struct pa_kept_file {
    const uint8_t *bytes;
    size_t size;
    char sha256[65];
    const char *path;          /* as the guest named it */
    struct pa_kept_blob *blob; /* private, as the next */
    struct pa_kept *kept;
    char *owned_path;
};

/* A path is absolute, or relative to /workspace; a leading slash may be missing.  NOT_FOUND, also
 * for another caller's. */
int pa_kept_get(struct pa_kept *kept, const char *caller, const char *run_id, const char *path,
                struct pa_kept_file *ret, struct pa_error *err);
void pa_kept_file_done(struct pa_kept_file *file);

/* Whether it would be found. */
bool pa_kept_has(struct pa_kept *kept, const char *caller, const char *run_id, const char *path);

#endif
