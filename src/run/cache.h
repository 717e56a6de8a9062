/*
 * Compiled artifacts on disk, for one user.
 *
 *     <directory>/<key>.<variant>.cwasm      0600, written whole under another name, then renamed
 *
 * The key is a digest of the module's own digest and the engine's identity.  An artifact is native
 * code, so the directory must be ours and closed to others (0700), and each file likewise; anything
 * else is refused, not repaired.  The modification time is the time of last use: when the files
 * together exceed the maximum, or are more than PA_CACHE_FILES, the least recently used go first.
 * The folder is looked through for that once in so many stores (PA_CACHE_SHARE, PA_CACHE_STORES),
 * so the files may exceed the maximum by a sixteenth and the last one stored.  Any number of
 * processes may use one directory: readers hold an open descriptor, so that a file removed under
 * them stays whole.
 *
 * A file ends in 64 hexadecimal digits, the digest of what precedes them; it is checked only when
 * there is reason to doubt (pa_cache_verify), because hashing costs more than running.
 */
#ifndef PA_RUN_CACHE_H
#define PA_RUN_CACHE_H

#include "base/digest.h"
#include "base/error.h"
#include <stdbool.h>
#include <time.h>

/* After a store that makes it a 16th of the maximum, or 2048 files, since the folder was looked
 * through, it is looked through again. */
#define PA_CACHE_SHARE  16
#define PA_CACHE_STORES 2048
#define PA_CACHE_FILES  65536

struct pa_cache;

struct pa_cache_key {
    char module[PA_DIGEST_TEXT]; /* of the bytes as given, text or binary */
    const char *variant;         /* pa_policy_variant */
};

/* `directory` NULL: $POLYAGENT_CACHE_HOME, else $XDG_CACHE_HOME/polyagent, else ~/.cache/polyagent;
 * artifacts live in its folder "modules".  Creates it.  FAILED_PRECONDITION when it is not safe. */
int pa_cache_open(const char *directory, uint64_t max_bytes, struct pa_cache **ret,
                  struct pa_error *err);
struct pa_cache *pa_cache_free(struct pa_cache *cache);
const char *pa_cache_directory(const struct pa_cache *cache);

/* A descriptor on the artifact, or -1 with *err untouched when there is none, with *err filled when
 * there is one that must not be used (set err->code to PA_ERR_NONE before). */
int pa_cache_get(struct pa_cache *cache, const struct pa_cache_key *key, struct pa_error *err);

/* Stores what `fd` holds (a memory file, `size` bytes). */
int pa_cache_put(struct pa_cache *cache, const struct pa_cache_key *key, int fd,
                 struct pa_error *err);

/* True if the artifact's bytes are those that were stored. */
bool pa_cache_verify(int fd);
void pa_cache_remove(struct pa_cache *cache, const struct pa_cache_key *key);

/* For `polyagent cache list`: most recently used first. */
struct pa_cache_entry {
    char name[160];
    uint64_t bytes;
    time_t used;
};
int pa_cache_list(struct pa_cache *cache, struct pa_cache_entry **ret, size_t *ret_count,
                  struct pa_error *err);
int pa_cache_clear(struct pa_cache *cache, size_t *ret_removed, struct pa_error *err);

#endif
