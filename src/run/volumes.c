/*
 * The locks.  An account's lock is on its open file description: shared by everybody who has a
 * descriptor of it, whichever process that is, and gone with the last.  Mounting tries for the
 * exclusive one: who gets it is alone and counts; who does not takes the account as it is.
 *
 * Removing takes the exclusive lock too and renames the folder away first, so that a mount that
 * comes meanwhile finds nothing and makes a new volume, never half of an old one.
 */
#include "run/volumes.h"

#include "base/digest.h"
#include "base/io.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER_DIGITS 32 /* of the digest that names an owner's folder */

struct used {
    uint64_t bytes, entries;
};
_Static_assert(sizeof(struct used) == PA_QUOTA_ACCOUNT, "an account holds two numbers");

static int check_name(const char *name, struct pa_error *err) {
    size_t size = strlen(name);
    bool good = size > 0 && size <= PA_VOLUME_NAME_MAX && *name != '.';
    for (size_t i = 0; i < size && good; i++)
        good = isalnum((unsigned char)name[i]) || strchr("._-", name[i]);
    return good ? 0
                : pa_fail(
                      err, PA_ERR_INVALID_ARGUMENT,
                      "'%.64s' is not the name of a volume: at most %d letters, digits, '.', '_' "
                      "and '-', not a dot first",
                      name, PA_VOLUME_NAME_MAX);
}

char *pa_volumes_folder(const struct pa_volumes *volumes, const char *owner) {
    char digest[PA_DIGEST_TEXT];
    if (!volumes->directory)
        return NULL;
    pa_digest(owner, strlen(owner), digest);
    return pa_xasprintf("%s/%.*s", volumes->directory, OWNER_DIGITS, digest);
}

static int owner_folder(const struct pa_volumes *volumes, const char *owner, char **ret,
                        struct pa_error *err) {
    *ret = pa_volumes_folder(volumes, owner);
    return *ret ? 0
                : pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                          "there are no volumes here: set server.volumes_directory");
}

char *pa_volume_place(const char *name) {
    return pa_streq(name, PA_VOLUME_MEMORY) ? pa_xstrdup("/memory")
                                            : pa_xasprintf("/volumes/%s", name);
}

/* --- accounts --------------------------------------------------------------------------------- */

/* What is below `folder`.  A file with several names counts once for its bytes. */
static int count(const char *folder, struct used *ret, struct pa_error *err) {
    char *roots[] = {(char *)(uintptr_t)folder, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk)
        return pa_fail_errno(err, errno, "cannot count the volume in %s", folder);
    struct used used = {0};
    for (FTSENT *entry; (entry = fts_read(walk));) {
        if (entry->fts_level == 0 || entry->fts_info == FTS_DP)
            continue;
        used.entries++;
        if (entry->fts_info == FTS_F && entry->fts_statp->st_nlink)
            used.bytes += (uint64_t)entry->fts_statp->st_size / entry->fts_statp->st_nlink;
    }
    fts_close(walk);
    *ret = used;
    return 0;
}

int pa_volume_open_account(const char *path, struct pa_error *err) {
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && flock(fd, LOCK_SH) == 0)
        return fd;
    pa_fail_errno(err, errno, "cannot open the account %s of a volume", path);
    pa_closep(&fd);
    return -1;
}

/* Whoever is alone counts. */
static int settle_account(const char *account, const char *files, struct pa_error *err) {
    PA_CLEANUP(pa_closep) int fd = open(account, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct used used;
    if (fd < 0)
        return pa_fail_errno(err, errno, "cannot open the account %s of a volume", account);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return 0;
    if (count(files, &used, err) < 0)
        return -1;
    return pwrite(fd, &used, sizeof(used), 0) == sizeof(used)
               ? 0
               : pa_fail_errno(err, errno, "cannot write the account %s of a volume", account);
}

/* --- mounting --------------------------------------------------------------------------------- */

static unsigned count_names(const char *folder) {
    unsigned found = 0;
    DIR *names = opendir(folder);
    for (struct dirent *entry; names && (entry = readdir(names));)
        found += entry->d_name[0] != '.';
    if (names)
        closedir(names);
    return found;
}

static int make(const struct pa_volumes *volumes, const char *folder, const char *volume,
                const char *files, struct pa_error *err) {
    struct stat st;
    if (stat(volume, &st) < 0 && count_names(folder) >= volumes->most)
        return pa_fail(
            err, PA_ERR_RESOURCE_EXHAUSTED,
            "there are %u volumes of this owner already (server.volumes_most): remove one",
            volumes->most);
    return pa_mkdir_parents(files, 0700, err);
}

int pa_volume_mount(const struct pa_volumes *volumes, const char *owner, const char *name,
                    const char *guest, bool writable, struct pa_policy *policy,
                    struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *folder = NULL;
    if (check_name(name, err) < 0 || owner_folder(volumes, owner, &folder, err) < 0)
        return -1;
    PA_CLEANUP(pa_freep) char *volume = pa_path_join(folder, name);
    PA_CLEANUP(pa_freep) char *files = pa_path_join(volume, "files");
    PA_CLEANUP(pa_freep) char *account = pa_path_join(volume, "account");
    PA_CLEANUP(pa_freep)
    char *place = guest ? pa_xstrdup(guest) : pa_volume_place(name);
    if (pa_policy_quota_count(policy) == PA_MAX_QUOTAS)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "a run has at most %d volumes", PA_MAX_QUOTAS);
    if (make(volumes, folder, volume, files, err) < 0 || settle_account(account, files, err) < 0 ||
        pa_policy_add_mount(policy, files, place, writable, err) < 0)
        return pa_error_prefix(err, "volume %s", name);
    pa_policy_set_quota(policy, place, account, volumes->quota_bytes, volumes->quota_entries);
    return 0;
}

/* --- listing and removing --------------------------------------------------------------------- */

static json_t *describe(const struct pa_volumes *volumes, const char *folder, const char *name) {
    PA_CLEANUP(pa_freep) char *account = pa_xasprintf("%s/%s/account", folder, name);
    PA_CLEANUP(pa_closep) int fd = open(account, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct used used = {0};
    if (fd < 0 || pread(fd, &used, sizeof(used), 0) != sizeof(used))
        return NULL;
    bool in_use = flock(fd, LOCK_EX | LOCK_NB) < 0;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:b}", "name", name, "bytes",
                     (json_int_t)used.bytes, "entries", (json_int_t)used.entries, "quota_bytes",
                     (json_int_t)volumes->quota_bytes, "quota_entries",
                     (json_int_t)volumes->quota_entries, "in_use", in_use);
}

int pa_volumes_list(const struct pa_volumes *volumes, const char *owner, json_t **ret,
                    struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *folder = NULL;
    struct dirent **names = NULL;
    if (owner_folder(volumes, owner, &folder, err) < 0)
        return -1;
    int found = scandir(folder, &names, NULL, alphasort);
    if (found < 0 && errno != ENOENT)
        return pa_fail_errno(err, errno, "cannot list the volumes in %s", folder);
    *ret = json_array();
    for (int i = 0; i < found; i++) {
        json_t *volume =
            names[i]->d_name[0] != '.' ? describe(volumes, folder, names[i]->d_name) : NULL;
        if (volume)
            json_array_append_new(*ret, volume);
        free(names[i]);
    }
    free(names);
    return 0;
}

int pa_volume_remove(const struct pa_volumes *volumes, const char *owner, const char *name,
                     struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *folder = NULL;
    if (check_name(name, err) < 0 || owner_folder(volumes, owner, &folder, err) < 0)
        return -1;
    PA_CLEANUP(pa_freep) char *volume = pa_path_join(folder, name);
    PA_CLEANUP(pa_freep) char *account = pa_path_join(volume, "account");
    PA_CLEANUP(pa_closep) int fd = open(account, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return pa_fail(err, PA_ERR_NOT_FOUND, "there is no volume '%s'", name);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "the volume '%s' is in use: end what has it mounted first", name);
    char *doomed = pa_xasprintf("%s/.%s-%d-XXXXXX", folder, name, getpid());
    int done = mkdtemp(doomed) ? 0 : pa_fail_errno(err, errno, "cannot make %s", doomed);
    if (done == 0 && rename(volume, doomed) < 0)
        done = pa_fail_errno(err, errno, "cannot move %s", volume);
    if (done == 0)
        done = pa_remove_tree(doomed, err);
    free(doomed);
    return done;
}
