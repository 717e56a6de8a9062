/*
 * Runs in a list, in the order in which they ended, each with its paths; contents in a hash table
 * by digest, counted by the paths that have them and by whoever reads one.  The digest is the
 * supervisor's own (run/outcome.h), so that two guests cannot share what they do not both have.
 *
 * Runs that keep files are few beside those that do not, so the list is walked.
 */
#include "server/kept.h"

#include "base/clock.h"
#include "base/macros.h"
#include <pthread.h>

#define BUCKETS 1024 /* a power of two */

struct pa_kept_blob {
    struct pa_kept_blob *next; /* in its bucket */
    char sha256[65];
    uint8_t *bytes;
    size_t size;
    unsigned refs;
};

struct entry {
    char *path;
    struct pa_kept_blob *blob;
};

struct run {
    struct run *next;
    char *id, *caller;
    struct entry *entries;
    size_t count;
    uint64_t ended_ns;
};

struct pa_kept {
    struct pa_kept_config config;
    pthread_mutex_t lock; /* over what follows */
    struct pa_kept_blob *buckets[BUCKETS];
    struct run *first, **last; /* oldest first */
    uint64_t runs, bytes;
};

struct pa_kept *pa_kept_new(const struct pa_kept_config *config) {
    struct pa_kept *kept = pa_xcalloc(1, sizeof(*kept));
    kept->config = *config;
    kept->last = &kept->first;
    pthread_mutex_init(&kept->lock, NULL);
    return kept;
}

/* --- contents, under the lock ----------------------------------------------------------------- */

static struct pa_kept_blob **find_blob(struct pa_kept *kept, const char *sha256) {
    char digits[5] = "";
    memcpy(digits, sha256, 4);
    struct pa_kept_blob **link = &kept->buckets[strtoul(digits, NULL, 16) % BUCKETS];
    while (*link && !pa_streq((*link)->sha256, sha256))
        link = &(*link)->next;
    return link;
}

static void unref_blob(struct pa_kept *kept, struct pa_kept_blob *blob) {
    if (--blob->refs)
        return;
    *find_blob(kept, blob->sha256) = blob->next;
    kept->bytes -= blob->size;
    free(blob->bytes);
    free(blob);
}

/* A reference, to what is there or to the file's bytes, taken over. */
static struct pa_kept_blob *ref_blob(struct pa_kept *kept, struct pa_outcome_file *file) {
    struct pa_kept_blob **link = find_blob(kept, file->sha256);
    if (!*link) {
        struct pa_kept_blob *blob = pa_xcalloc(1, sizeof(*blob));
        snprintf(blob->sha256, sizeof(blob->sha256), "%s", file->sha256);
        blob->bytes = pa_steal(&file->bytes);
        blob->size = (size_t)file->size;
        kept->bytes += blob->size;
        *link = blob;
    }
    (*link)->refs++;
    return *link;
}

/* --- runs, under the lock --------------------------------------------------------------------- */

static void free_run(struct pa_kept *kept, struct run *run) {
    for (size_t i = 0; i < run->count; i++) {
        unref_blob(kept, run->entries[i].blob);
        free(run->entries[i].path);
    }
    free(run->entries);
    free(run->id);
    free(run->caller);
    free(run);
}

static void drop_oldest(struct pa_kept *kept) {
    struct run *run = kept->first;
    kept->first = run->next;
    if (!kept->first)
        kept->last = &kept->first;
    kept->runs--;
    free_run(kept, run);
}

static void expire(struct pa_kept *kept) {
    const uint64_t now = pa_clock_monotonic_ns();
    while (kept->first && (kept->bytes > kept->config.bytes || kept->runs > kept->config.runs ||
                           now - kept->first->ended_ns > kept->config.kept_ms * PA_NS_PER_MS))
        drop_oldest(kept);
}

struct pa_kept *pa_kept_free(struct pa_kept *kept) {
    if (!kept)
        return NULL;
    while (kept->first)
        drop_oldest(kept);
    pthread_mutex_destroy(&kept->lock);
    free(kept);
    return NULL;
}

void pa_kept_add(struct pa_kept *kept, const char *caller, const char *run_id,
                 struct pa_outcome_file *files, size_t count) {
    struct run *run = pa_xcalloc(1, sizeof(*run));
    uint64_t left = kept->config.bytes;
    *run = (struct run){.id = pa_xstrdup(run_id),
                        .caller = pa_xstrdup(caller),
                        .entries = pa_xcalloc(count + 1, sizeof(*run->entries)),
                        .ended_ns = pa_clock_monotonic_ns()};
    pthread_mutex_lock(&kept->lock);
    for (size_t i = 0; i < count; i++) {
        if (!files[i].bytes || files[i].size > left)
            continue;
        left -= files[i].size;
        run->entries[run->count++] =
            (struct entry){pa_xstrdup(files[i].path), ref_blob(kept, &files[i])};
    }
    if (run->count) {
        *kept->last = run;
        kept->last = &run->next;
        kept->runs++;
        expire(kept);
    } else {
        free_run(kept, run);
    }
    pthread_mutex_unlock(&kept->lock);
}

/* --- looking ---------------------------------------------------------------------------------- */

static const struct entry *find_path(const struct run *run, const char *prefix, const char *path) {
    const size_t size = strlen(prefix);
    for (size_t i = 0; i < run->count; i++)
        if (strncmp(run->entries[i].path, prefix, size) == 0 &&
            pa_streq(run->entries[i].path + size, path))
            return &run->entries[i];
    return NULL;
}

/* Under the lock. */
static const struct entry *find(struct pa_kept *kept, const char *caller, const char *run_id,
                                const char *path) {
    expire(kept);
    const struct run *run = kept->first;
    while (run && !(pa_streq(run->id, run_id) && pa_streq(run->caller, caller)))
        run = run->next;
    if (!run)
        return NULL;
    const struct entry *entry = find_path(run, "", path);
    if (!entry && *path != '/')
        entry = find_path(run, "/", path);
    if (!entry && *path != '/')
        entry = find_path(run, "/workspace/", path);
    return entry;
}

int pa_kept_get(struct pa_kept *kept, const char *caller, const char *run_id, const char *path,
                struct pa_kept_file *ret, struct pa_error *err) {
    pthread_mutex_lock(&kept->lock);
    const struct entry *entry = find(kept, caller, run_id, path);
    if (entry) {
        entry->blob->refs++;
        *ret = (struct pa_kept_file){.bytes = entry->blob->bytes,
                                     .size = entry->blob->size,
                                     .blob = entry->blob,
                                     .kept = kept,
                                     .owned_path = pa_xstrdup(entry->path)};
        ret->path = ret->owned_path;
        memcpy(ret->sha256, entry->blob->sha256, sizeof(ret->sha256));
    }
    pthread_mutex_unlock(&kept->lock);
    return entry ? 0
                 : pa_fail(err, PA_ERR_NOT_FOUND,
                           "there is no file '%.200s' of the run %.40s: files are kept where the "
                           "call says keep_files, and for a while (server.runs_kept_ms, "
                           "server.files_kept_bytes)",
                           path, run_id);
}

void pa_kept_file_done(struct pa_kept_file *file) {
    if (file->blob) {
        pthread_mutex_lock(&file->kept->lock);
        unref_blob(file->kept, file->blob);
        pthread_mutex_unlock(&file->kept->lock);
    }
    free(file->owned_path);
    *file = (struct pa_kept_file){0};
}

bool pa_kept_has(struct pa_kept *kept, const char *caller, const char *run_id, const char *path) {
    pthread_mutex_lock(&kept->lock);
    bool found = find(kept, caller, run_id, path);
    pthread_mutex_unlock(&kept->lock);
    return found;
}
