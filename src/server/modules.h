/*
 * Modules stored by their digest, so that a large one travels once.
 *
 *     pa_modules_open(cache_directory, max_bytes, &modules, &err)
 *     pa_modules_put(modules, fd, most_bytes, digest, &err)
 *     pa_modules_folder(modules)                 <folder>/<digest>
 *
 * What is stored is bytes that nobody has looked at; a tool checks and compiles them.  When they
 * are too many together, the least recently used go: using one (reading it) is told by its access
 * time, or by its modification time, which storing it again moves.
 *
 * Threads: all but open and free from any.
 */
#ifndef PA_SERVER_MODULES_H
#define PA_SERVER_MODULES_H

#include "base/digest.h"
#include "base/error.h"

struct pa_modules;
/* In the folder "uploads" of the cache (NULL: the user's own), which is made, for us alone. */
int pa_modules_open(const char *cache_directory, uint64_t max_bytes, struct pa_modules **ret,
                    struct pa_error *err);
struct pa_modules *pa_modules_free(struct pa_modules *modules);
const char *pa_modules_folder(const struct pa_modules *modules);

/* Copies what `fd` gives from its offset on.  INVALID_ARGUMENT past `most_bytes`
 * (limits.module_bytes) or when it is empty; RESOURCE_EXHAUSTED when the store may not hold it. */
int pa_modules_put(struct pa_modules *modules, int fd, uint64_t most_bytes,
                   char ret_digest[PA_DIGEST_TEXT], struct pa_error *err);

/* How large the module is; NOT_FOUND. */
int pa_modules_find(const struct pa_modules *modules, const char *digest, uint64_t *ret_bytes,
                    struct pa_error *err);

/* All of them, for metrics: as of the last change. */
uint64_t pa_modules_bytes(const struct pa_modules *modules);

#endif
