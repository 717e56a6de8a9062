/*
 * A module is copied under another name, hashed as it lies there (what it came from might change
 * meanwhile), and renamed to its digest: whoever finds that name finds all of it.
 */
#include "server/modules.h"

#include "base/io.h"
#include "base/units.h"
#include "lang/pack.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTIAL      ".partial-"
#define PARTIAL_AGE  3600 /* seconds after which a partial file is a crash's leftover */
#define CHUNK        (256 * 1024)
#define MOST_MODULES 100000

struct pa_modules {
    char *folder;
    int fd;
    uint64_t max_bytes;
    pthread_mutex_t evicting;
    _Atomic uint64_t bytes;
};

struct stored {
    char name[PA_DIGEST_TEXT];
    uint64_t bytes;
    time_t used;
};

const char *pa_modules_folder(const struct pa_modules *modules) {
    return modules->folder;
}

uint64_t pa_modules_bytes(const struct pa_modules *modules) {
    return atomic_load(&modules->bytes);
}

/* --- what there is ---------------------------------------------------------------------------- */

static bool is_digest(const char *name) {
    return strspn(name, "0123456789abcdef") == PA_DIGEST_TEXT - 1 && !name[PA_DIGEST_TEXT - 1];
}

static bool is_leftover(const char *name, const struct stat *st) {
    return strncmp(name, PARTIAL, strlen(PARTIAL)) == 0 && time(NULL) - st->st_mtime > PARTIAL_AGE;
}

static int by_use(const void *a, const void *b) {
    const struct stored *first = a, *second = b;
    return (first->used < second->used) - (first->used > second->used);
}

/* Most recently used first; NULL when there are none or they cannot be listed. */
static struct stored *list(const struct pa_modules *modules, size_t *ret_count) {
    struct stored *found = NULL;
    size_t count = 0, room = 0;
    int fd = openat(modules->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    *ret_count = 0;
    if (!listing) {
        pa_closep(&fd);
        return NULL;
    }
    for (struct dirent *item; count < MOST_MODULES && (item = readdir(listing));) {
        struct stat st;
        if (fstatat(modules->fd, item->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode))
            continue;
        if (is_leftover(item->d_name, &st))
            unlinkat(modules->fd, item->d_name, 0);
        if (!is_digest(item->d_name))
            continue;
        if (count == room) {
            room = room ? room * 2 : 64;
            found = reallocarray(found, room, sizeof(*found));
            PA_ASSERT(found);
        }
        found[count] = (struct stored){.bytes = (uint64_t)st.st_size,
                                       .used = PA_MAX(st.st_atime, st.st_mtime)};
        memcpy(found[count].name, item->d_name, strlen(item->d_name) + 1);
        count++;
    }
    closedir(listing);
    if (count)
        qsort(found, count, sizeof(*found), by_use);
    *ret_count = count;
    return found;
}

/* The least recently used go until the rest fits; `keep` stays. */
static void evict(struct pa_modules *modules, const char *keep) {
    size_t count;
    pthread_mutex_lock(&modules->evicting);
    struct stored *stored = list(modules, &count);
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        if (pa_streq(stored[i].name, keep))
            total = stored[i].bytes;
    for (size_t i = 0; i < count; i++) {
        if (pa_streq(stored[i].name, keep))
            continue;
        if (total + stored[i].bytes > modules->max_bytes)
            unlinkat(modules->fd, stored[i].name, 0);
        else
            total += stored[i].bytes;
    }
    free(stored);
    atomic_store(&modules->bytes, total);
    pthread_mutex_unlock(&modules->evicting);
}

int pa_modules_open(const char *cache_directory, uint64_t max_bytes, struct pa_modules **ret,
                    struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *home = pa_cache_home(cache_directory);
    PA_CLEANUP(pa_freep) char *folder = pa_path_join(home, "uploads");
    struct stat st;
    if (pa_mkdir_parents(folder, 0700, err) < 0)
        return -1;
    PA_CLEANUP(pa_closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return pa_fail_errno(err, errno, "cannot open the folder of modules %s", folder);
    if (st.st_uid != geteuid() || (st.st_mode & 022))
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "the folder of modules %s is another user's, or open to others: make it "
                       "yours alone (chown, chmod 700), or choose another with cache.directory",
                       folder);
    struct pa_modules *modules = pa_xcalloc(1, sizeof(*modules));
    modules->folder = pa_steal(&folder);
    modules->fd = pa_steal_fd(&fd);
    modules->max_bytes = max_bytes;
    pthread_mutex_init(&modules->evicting, NULL);
    evict(modules, "");
    *ret = modules;
    return 0;
}

struct pa_modules *pa_modules_free(struct pa_modules *modules) {
    if (!modules)
        return NULL;
    close(modules->fd);
    pthread_mutex_destroy(&modules->evicting);
    free(modules->folder);
    free(modules);
    return NULL;
}

int pa_modules_find(const struct pa_modules *modules, const char *digest, uint64_t *ret_bytes,
                    struct pa_error *err) {
    struct stat st;
    if (!is_digest(digest) || fstatat(modules->fd, digest, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return pa_fail(err, PA_ERR_NOT_FOUND, "no module with the digest %.64s is stored", digest);
    *ret_bytes = (uint64_t)st.st_size;
    return 0;
}

/* --- storing ---------------------------------------------------------------------------------- */

static int too_large(uint64_t most_bytes, struct pa_error *err) {
    char most[32];
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                   "the module is larger than a module may be (limits.module_bytes): %s",
                   pa_format_bytes(most_bytes, most, sizeof(most)));
}

static int copy(int from, int to, uint64_t most_bytes, uint64_t *ret_size, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *chunk = malloc(CHUNK);
    if (!chunk)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "no memory to store a module");
    for (*ret_size = 0;;) {
        ssize_t got = pa_read_full(from, chunk, CHUNK);
        if (got < 0)
            return pa_fail_errno(err, errno, "cannot read the module");
        *ret_size += (uint64_t)got;
        if (*ret_size > most_bytes)
            return too_large(most_bytes, err);
        if (pa_write_full(to, chunk, (size_t)got) < 0)
            return pa_fail_errno(err, errno, "cannot store the module");
        if (got < CHUNK)
            return 0;
    }
}

static int hash(int fd, uint64_t size, char ret_digest[PA_DIGEST_TEXT], struct pa_error *err) {
    void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return pa_fail_errno(err, errno, "cannot map a module");
    pa_digest(bytes, size, ret_digest);
    munmap(bytes, size);
    return 0;
}

static int fill(const struct pa_modules *modules, int from, int to, uint64_t most_bytes,
                char ret_digest[PA_DIGEST_TEXT], struct pa_error *err) {
    uint64_t size = 0;
    if (copy(from, to, most_bytes, &size, err) < 0)
        return -1;
    if (size == 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the module is empty");
    if (size > modules->max_bytes)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "the module is larger than all stored ones may be together "
                       "(server.modules_bytes)");
    return hash(to, size, ret_digest, err);
}

int pa_modules_put(struct pa_modules *modules, int fd, uint64_t most_bytes,
                   char ret_digest[PA_DIGEST_TEXT], struct pa_error *err) {
    char partial[64];
    uint64_t unique;
    ssize_t got = getrandom(&unique, sizeof(unique), 0);
    PA_ASSERT(got == sizeof(unique)); /* whole, for up to 256 bytes: getrandom(2) */
    snprintf(partial, sizeof(partial), PARTIAL "%016llx", (unsigned long long)unique);
    PA_CLEANUP(pa_closep)
    int to = openat(modules->fd, partial, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return pa_fail_errno(err, errno, "cannot store a module in %s", modules->folder);
    int done = fill(modules, fd, to, most_bytes, ret_digest, err);
    if (done == 0 && renameat(modules->fd, partial, modules->fd, ret_digest) < 0)
        done = pa_fail_errno(err, errno, "cannot store the module %s", ret_digest);
    if (done < 0)
        unlinkat(modules->fd, partial, 0);
    else
        evict(modules, ret_digest);
    return done;
}
