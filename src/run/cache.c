/*
 * Looking through the folder costs a system call for each file, so a store does not do it: it adds
 * to an account of what was stored since, which all processes keep together in the file "stored",
 * and the one that finds it full empties it and looks.  Where the file is missing or not of its
 * form it is full.  A process that dies between the two leaves the work to the next full account.
 */
#include "run/cache.h"

#include "base/io.h"
#include "lang/pack.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX      ".cwasm"
#define PARTIAL     ".partial-"
#define PARTIAL_AGE 3600 /* seconds after which a partial file is a crash's leftover */
#define TRAILER     (PA_DIGEST_TEXT - 1)
#define MAX_ENTRIES 100000
#define STORED      "stored"

struct pa_cache {
    char *directory;
    int fd;
    uint64_t max_bytes;
};

/* Ours, and nobody else may read or write. */
static int check_closed(int fd, const char *path, mode_t type, struct pa_error *err) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return pa_fail_errno(err, errno, "cannot stat %s", path);
    if ((st.st_mode & S_IFMT) != type)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "cache: %s is of the wrong type", path);
    if (st.st_uid != geteuid())
        return pa_fail(
            err, PA_ERR_FAILED_PRECONDITION,
            "cache: %s belongs to user %u, not to us (%u); artifacts are native code, so "
            "it is not used: choose another folder with cache.directory",
            path, st.st_uid, geteuid());
    if (st.st_mode & 077)
        return pa_fail(
            err, PA_ERR_FAILED_PRECONDITION,
            "cache: %s is open to others (mode %04o); artifacts are native code, so it is "
            "not used: clear it, then chmod %s it",
            path, st.st_mode & 07777, S_ISDIR(type) ? "700" : "600");
    return 0;
}

int pa_cache_open(const char *directory, uint64_t max_bytes, struct pa_cache **ret,
                  struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *home = pa_cache_home(directory);
    PA_CLEANUP(pa_freep) char *path = pa_path_join(home, "modules");
    if (pa_mkdir_parents(path, 0700, err) < 0)
        return pa_error_prefix(err, "cache: choose a folder that you may write to with "
                                    "cache.directory or $POLYAGENT_CACHE_HOME");
    PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pa_fail_errno(err, errno, "cache: cannot open %s", path);
    if (check_closed(fd, path, S_IFDIR, err) < 0)
        return -1;
    struct pa_cache *cache = pa_xcalloc(1, sizeof(*cache));
    *cache = (struct pa_cache){pa_steal(&path), pa_steal_fd(&fd), max_bytes};
    *ret = cache;
    return 0;
}

struct pa_cache *pa_cache_free(struct pa_cache *cache) {
    if (!cache)
        return NULL;
    close(cache->fd);
    free(cache->directory);
    free(cache);
    return NULL;
}

const char *pa_cache_directory(const struct pa_cache *cache) {
    return cache->directory;
}

/* "<digest of the module's digest and the engine>.<variant>.cwasm" */
static void file_name(const struct pa_cache_key *key, char *out, size_t room) {
    const struct pa_span spans[] = {{key->module, strlen(key->module)},
                                    {PA_ENGINE_ID, strlen(PA_ENGINE_ID)}};
    char digest[PA_DIGEST_TEXT];
    pa_digest_spans(spans, PA_ARRAY_LEN(spans), digest);
    snprintf(out, room, "%s.%s" SUFFIX, digest, key->variant);
}

static void mark_used(int fd) {
    struct stat st;
    if (fstat(fd, &st) == 0 && time(NULL) - st.st_mtime > 60)
        futimens(fd, NULL);
}

int pa_cache_get(struct pa_cache *cache, const struct pa_cache_key *key, struct pa_error *err) {
    char name[160];
    file_name(key, name, sizeof(name));
    PA_CLEANUP(pa_closep) int fd = openat(cache->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return -1;
    if (fd < 0)
        return pa_fail_errno(err, errno, "cache: cannot open %s/%s", cache->directory, name);
    PA_CLEANUP(pa_freep) char *path = pa_path_join(cache->directory, name);
    if (check_closed(fd, path, S_IFREG, err) < 0)
        return -1;
    mark_used(fd);
    return pa_steal_fd(&fd);
}

struct mapping {
    void *bytes;
    size_t size;
};

static int map(int fd, struct mapping *ret) {
    struct stat st;
    if (fstat(fd, &st) < 0 || st.st_size <= 0)
        return -1;
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return -1;
    *ret = (struct mapping){bytes, (size_t)st.st_size};
    return 0;
}

static int copy_with_digest(int from, int to, struct pa_error *err) {
    struct mapping artifact;
    if (map(from, &artifact) < 0)
        return pa_fail_errno(err, errno, "cache: cannot map an artifact");
    char digest[PA_DIGEST_TEXT];
    pa_digest(artifact.bytes, artifact.size, digest);
    int failed = pa_write_full(to, artifact.bytes, artifact.size) < 0 ||
                 pa_write_full(to, digest, TRAILER) < 0;
    if (failed)
        pa_fail_errno(err, errno, "cache: cannot write an artifact of %zu bytes", artifact.size);
    munmap(artifact.bytes, artifact.size);
    return failed ? -1 : 0;
}

bool pa_cache_verify(int fd) {
    struct mapping file;
    if (map(fd, &file) < 0)
        return false;
    char digest[PA_DIGEST_TEXT];
    bool whole = file.size > TRAILER;
    if (whole) {
        pa_digest(file.bytes, file.size - TRAILER, digest);
        whole = memcmp((char *)file.bytes + file.size - TRAILER, digest, TRAILER) == 0;
    }
    munmap(file.bytes, file.size);
    return whole;
}

void pa_cache_remove(struct pa_cache *cache, const struct pa_cache_key *key) {
    char name[160];
    file_name(key, name, sizeof(name));
    unlinkat(cache->fd, name, 0);
}

static int by_use(const void *a, const void *b) {
    const struct pa_cache_entry *first = a, *second = b;
    return (first->used < second->used) - (first->used > second->used);
}

static bool has_suffix(const char *name) {
    size_t size = strlen(name);
    return size > strlen(SUFFIX) && pa_streq(name + size - strlen(SUFFIX), SUFFIX);
}

static DIR *open_listing(struct pa_cache *cache) {
    int fd = openat(cache->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !listing)
        close(fd);
    return listing;
}

int pa_cache_list(struct pa_cache *cache, struct pa_cache_entry **ret, size_t *ret_count,
                  struct pa_error *err) {
    DIR *listing = open_listing(cache);
    if (!listing)
        return pa_fail_errno(err, errno, "cache: cannot list %s", cache->directory);
    struct pa_cache_entry *entries = NULL;
    size_t count = 0, room = 0;
    for (struct dirent *item; count < MAX_ENTRIES && (item = readdir(listing));) {
        struct stat st;
        if (fstatat(cache->fd, item->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        if (strncmp(item->d_name, PARTIAL, strlen(PARTIAL)) == 0 &&
            time(NULL) - st.st_mtime > PARTIAL_AGE)
            unlinkat(cache->fd, item->d_name, 0);
        if (!has_suffix(item->d_name))
            continue;
        if (count == room) {
            room = room ? room * 2 : 64;
            entries = reallocarray(entries, room, sizeof(*entries));
            PA_ASSERT(entries);
        }
        struct pa_cache_entry *entry = &entries[count++];
        *entry = (struct pa_cache_entry){.bytes = (uint64_t)st.st_size, .used = st.st_mtime};
        snprintf(entry->name, sizeof(entry->name), "%.*s", (int)sizeof(entry->name) - 1,
                 item->d_name);
    }
    closedir(listing);
    if (count)
        qsort(entries, count, sizeof(*entries), by_use);
    *ret = entries;
    *ret_count = count;
    return 0;
}

/* What was stored since the folder was looked through: the file "stored". */
struct stored {
    uint64_t bytes, files;
};

/* Adds one file of `bytes` to the account, and takes all out of it when it is full: then true.  The
 * lock is of the descriptor, so it holds between threads, too. */
static bool account_is_full(struct pa_cache *cache, uint64_t bytes) {
    struct stored stored;
    PA_CLEANUP(pa_closep)
    int fd = openat(cache->fd, STORED, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        return true;
    if (pread(fd, &stored, sizeof(stored), 0) != sizeof(stored))
        stored.bytes = cache->max_bytes;
    stored.files++;
    bool full = stored.files >= PA_CACHE_STORES ||
                __builtin_add_overflow(stored.bytes, bytes, &stored.bytes) ||
                stored.bytes > cache->max_bytes / PA_CACHE_SHARE;
    if (full)
        stored = (struct stored){0};
    return pwrite(fd, &stored, sizeof(stored), 0) != sizeof(stored) || full;
}

/* The least recently used go until the rest fits. */
static void evict(struct pa_cache *cache) {
    struct pa_cache_entry *entries;
    size_t count;
    if (pa_cache_list(cache, &entries, &count, NULL) < 0)
        return;
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += entries[i].bytes;
        if (i > 0 && (total > cache->max_bytes || i >= PA_CACHE_FILES))
            unlinkat(cache->fd, entries[i].name, 0);
    }
    free(entries);
}

int pa_cache_put(struct pa_cache *cache, const struct pa_cache_key *key, int artifact,
                 struct pa_error *err) {
    char name[160], partial[64];
    file_name(key, name, sizeof(name));
    uint64_t unique;
    if (getrandom(&unique, sizeof(unique), 0) != sizeof(unique))
        return pa_fail_errno(err, errno, "cache: no random name");
    snprintf(partial, sizeof(partial), PARTIAL "%016" PRIx64, unique);
    PA_CLEANUP(pa_closep)
    int fd = openat(cache->fd, partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return pa_fail_errno(err, errno, "cache: cannot create a file in %s", cache->directory);
    if (copy_with_digest(artifact, fd, err) < 0) {
        unlinkat(cache->fd, partial, 0);
        return -1;
    }
    if (renameat(cache->fd, partial, cache->fd, name) < 0) {
        int saved = errno;
        unlinkat(cache->fd, partial, 0);
        return pa_fail_errno(err, saved, "cache: cannot store %s", name);
    }
    struct stat st;
    if (fstat(fd, &st) == 0 && account_is_full(cache, (uint64_t)st.st_size))
        evict(cache);
    return 0;
}

int pa_cache_clear(struct pa_cache *cache, size_t *ret_removed, struct pa_error *err) {
    struct pa_cache_entry *entries;
    size_t count;
    if (pa_cache_list(cache, &entries, &count, err) < 0)
        return -1;
    *ret_removed = 0;
    for (size_t i = 0; i < count; i++)
        *ret_removed += unlinkat(cache->fd, entries[i].name, 0) == 0;
    unlinkat(cache->fd, STORED, 0);
    free(entries);
    return 0;
}
