/*
 * Landlock: the kernel's own sandbox for unprivileged processes, on top of the empty root.
 *
 * The ruleset "handles" (denies) every right the kernel's version knows and gives back, beneath
 * each directory of the run, what the WASI host needs there: never execution, devices, sockets or
 * pipes. TCP is denied outright; abstract Unix sockets and signals stay inside the process and its
 * forks.
 *
 *     ABI 1  files            Linux 5.13        ABI 4  TCP bind, connect     6.7
 *     ABI 2  refer (rename)          5.19       ABI 5  ioctl on devices      6.10
 *     ABI 3  truncate                6.2        ABI 6  abstract sockets, signals  6.12
 *     ABI 7  audit only              6.15
 *
 * The numbers are spelled out here because the headers of the systems we build on are older than
 * the kernels we run on.
 */
#include "jail/confine.h"
#include "jail/jail_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH      1
#define SCOPE_ABSTRACT_SOCKETS UINT64_C(1)

enum {
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_MAKE_SYM = 1 << 12,
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
};

#define READ_DIRECTORY (FS_READ_FILE | FS_READ_DIR)
#define WRITE_DIRECTORY                                                                            \
    (READ_DIRECTORY | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | \
     FS_MAKE_SYM | FS_REFER | FS_TRUNCATE)

/* struct landlock_ruleset_attr, as of ABI 6. */
struct ruleset {
    uint64_t fs, net, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

int pa_landlock_abi(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

/* Everything that version `abi` can deny, and how much of the struct it reads. */
static struct ruleset everything(int abi, size_t *ret_size) {
    static const unsigned fs_bits[] = {13, 14, 15, 15, 16}; /* of ABI 1, 2, 3, 4, 5 and up */
    const unsigned bits = fs_bits[PA_MIN((size_t)abi, PA_ARRAY_LEN(fs_bits)) - 1];
    *ret_size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    return (struct ruleset){
        .fs = (UINT64_C(1) << bits) - 1,
        .net = abi >= 4 ? 3 : 0,
        .scoped = abi >= 6 ? 3 : 0,
    };
}

static int allow_beneath(int ruleset, int fd, uint64_t rights, struct pa_error *why) {
    struct path_beneath rule = {.allowed = rights, .parent_fd = fd};
    /* EBADFD: a file in memory, which no path leads to and Landlock does not concern itself with.
     */
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 && errno != EBADFD)
        return pa_fail_errno(why, errno, "landlock: allowing descriptor %d", fd);
    return 0;
}

static int allow_artifact(const struct pa_jail *jail, int ruleset, struct pa_error *why) {
    if (jail->artifact_fd < 0)
        return 0;
    return allow_beneath(ruleset, jail->artifact_fd, FS_READ_FILE, why);
}

/* A ruleset that denies everything `deny` names, or MISSING or FAILED. */
static enum pa_layer_result create_ruleset(const struct ruleset *deny, size_t size, int *ret,
                                           struct pa_error *why) {
    *ret = (int)syscall(SYS_landlock_create_ruleset, deny, size, 0);
    if (*ret >= 0)
        return PA_LAYER_ENTERED;
    pa_fail_errno(why, errno, "landlock: creating a ruleset");
    return PA_LAYER_FAILED;
}

static enum pa_layer_result restrict_self(int ruleset, struct pa_error *why) {
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) == 0)
        return PA_LAYER_ENTERED;
    pa_fail_errno(why, errno, "landlock: restricting this process");
    return PA_LAYER_FAILED;
}

static enum pa_layer_result no_landlock(struct pa_error *why) {
    pa_fail(why, PA_ERR_FAILED_PRECONDITION,
            "landlock: the kernel has none or it is off; it needs Linux 5.13 with "
            "\"landlock\" in the lsm= boot parameter");
    return PA_LAYER_MISSING;
}

enum pa_layer_result pa_jail_enter_landlock(const struct pa_jail *jail, struct pa_error *why) {
    const int abi = pa_landlock_abi();
    if (abi == 0)
        return no_landlock(why);
    size_t size = 0;
    const struct ruleset deny = everything(abi, &size);
    PA_CLEANUP(pa_closep) int ruleset = -1;
    enum pa_layer_result created = create_ruleset(&deny, size, &ruleset, why);
    if (created != PA_LAYER_ENTERED)
        return created;
    for (size_t i = 0; i < jail->dir_count; i++) {
        const uint64_t rights = jail->dirs[i].writable ? WRITE_DIRECTORY : READ_DIRECTORY;
        if (allow_beneath(ruleset, jail->dirs[i].fd, rights & deny.fs, why) < 0)
            return PA_LAYER_FAILED;
    }
    if (allow_artifact(jail, ruleset, why) < 0)
        return PA_LAYER_FAILED;
    return restrict_self(ruleset, why);
}

/* A path of a server's; a rule on a file has only the rights that a file has. */
static int allow_path(int ruleset, const struct pa_confine_path *path, uint64_t handled,
                      struct pa_error *why) {
    struct stat st;
    PA_CLEANUP(pa_closep) int fd = open(path->path, O_PATH | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return pa_fail_errno(why, errno, "landlock: %s", path->path);
    uint64_t rights = (path->writable ? WRITE_DIRECTORY : READ_DIRECTORY) & handled;
    if (!S_ISDIR(st.st_mode))
        rights &= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
    return allow_beneath(ruleset, fd, rights, why);
}

/* Signals go out, to workers; connections to abstract sockets need not. */
enum pa_layer_result pa_landlock_confine(const struct pa_confine_path *paths, size_t count,
                                         struct pa_error *why) {
    const int abi = pa_landlock_abi();
    if (abi == 0)
        return no_landlock(why);
    size_t size = 0;
    struct ruleset deny = everything(abi, &size);
    deny.net = 0;
    deny.scoped &= SCOPE_ABSTRACT_SOCKETS;
    PA_CLEANUP(pa_closep) int ruleset = -1;
    enum pa_layer_result created = create_ruleset(&deny, size, &ruleset, why);
    if (created != PA_LAYER_ENTERED)
        return created;
    for (size_t i = 0; i < count; i++)
        if (allow_path(ruleset, &paths[i], deny.fs, why) < 0)
            return PA_LAYER_FAILED;
    return restrict_self(ruleset, why);
}
