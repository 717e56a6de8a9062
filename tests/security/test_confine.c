/*
 * A confined server: what it still can, what it cannot any more, and that others still can start
 * workers for it.  Each test forks, because there is no way back.
 */
#include "../unit/test.h"
#include "attacks.h"
#include "jail/confine.h"
#include "jail/jail_internal.h"

#include "base/io.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct attempt {
    const char *name;
    int (*make)(const struct world *folders); /* of attacks.h; only `base` is set */
};

/* --- what a server does ------------------------------------------------------------------------
 */

static int open_in(const struct world *w, const char *name, int flags) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", w->base, name);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int write_cache(const struct world *w) {
    return open_in(w, "cache/new", O_WRONLY | O_CREAT | O_TRUNC);
}

static int rename_in_cache(const struct world *w) {
    char from[128], to[128];
    snprintf(from, sizeof(from), "%s/cache/new", w->base);
    snprintf(to, sizeof(to), "%s/cache/old", w->base);
    return rename(from, to) < 0 ? errno : result(unlink(to));
}

static int read_pack(const struct world *w) {
    return open_in(w, "packs/secret", O_RDONLY);
}

static int name_a_mount(const struct world *w) {
    return open_in(w, "private", O_PATH | O_DIRECTORY);
}

static void *thread_entry(void *nothing) {
    return nothing;
}

static int make_thread(const struct world *w) {
    pthread_t thread;
    int errnum = pthread_create(&thread, NULL, thread_entry, NULL);
    return errnum ? errnum : pthread_join(thread, NULL);
}

static int listen_tcp(const struct world *w) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return result(bind(fd, (struct sockaddr *)&at, sizeof(at))) ? errno : result(listen(fd, 1));
}

static int signal_worker(const struct world *w) {
    return result(kill(w->victim, 0));
}

static int hold_worker(const struct world *w) {
    return result(syscall(SYS_pidfd_open, w->victim, 0));
}

static int make_worker_file(const struct world *w) {
    return result(memfd_create("x", MFD_CLOEXEC));
}

static const struct attempt needed[] = {
    {"write the cache", write_cache},
    {"rename in the cache", rename_in_cache},
    {"read a pack", read_pack},
    {"name a mount", name_a_mount},
    {"make a thread", make_thread},
    {"listen", listen_tcp},
    {"signal a worker", signal_worker},
    {"hold a worker", hold_worker},
    {"make a memory file", make_worker_file},
};

/* --- what it need not ----------------------------------------------------------------------------
 */

static int read_private(const struct world *w) {
    return open_in(w, "private/secret", O_RDONLY);
}

static int list_private(const struct world *w) {
    return open_in(w, "private", O_RDONLY | O_DIRECTORY);
}

static int write_pack(const struct world *w) {
    return open_in(w, "packs/secret", O_WRONLY);
}

static int add_to_pack(const struct world *w) {
    return open_in(w, "packs/new", O_WRONLY | O_CREAT);
}

static int climb_out(const struct world *w) {
    return open_in(w, "cache/../private/secret", O_RDONLY);
}

static int reopen_named(const struct world *w) {
    char path[128], link[64];
    snprintf(path, sizeof(path), "%s/private/secret", w->base);
    int fd = open(path, O_PATH | O_CLOEXEC);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    int again = open(link, O_RDONLY | O_CLOEXEC);
    return again < 0 ? errno : 0;
}

static int execute(const struct world *w) {
    char *argv[] = {"true", NULL};
    return result(execve("/bin/true", argv, argv + 1));
}

static int copy_process(const struct world *w) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return result(pid);
}

static int raw_fork(const struct world *w) {
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        syscall(SYS_exit_group, 0);
    return result(pid);
}

static int trace_worker(const struct world *w) {
    return result(ptrace(PTRACE_SEIZE, w->victim, NULL, NULL));
}

static int read_worker(const struct world *w) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)16, 1};
    long n = syscall(SYS_process_vm_readv, w->victim, &here, 1, &there, 1, 0);
    return n < 0 && errno != EFAULT ? errno : 0;
}

static int map_code(const struct world *w) {
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED
               ? errno
               : 0;
}

static int turn_into_code(const struct world *w) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return result(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

/* Written where it may write, then mapped as a program's code is. */
static int map_own_file_as_code(const struct world *w) {
    int fd = memfd_create("code", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 4096) < 0)
        return errno;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0;
}

static int open_private_to_all(const struct world *w) {
    char path[128];
    snprintf(path, sizeof(path), "%s/private/secret", w->base);
    return result(chmod(path, 0600));
}

static int give_private_away(const struct world *w) {
    char path[128];
    snprintf(path, sizeof(path), "%s/private/secret", w->base);
    return result(chown(path, geteuid(), getegid()));
}

/* Without a terminal: ENOTTY, or EIO, says that the kernel would have done it. */
static int type_into_terminal(const struct world *w) {
    return ioctl(STDERR_FILENO, TIOCSTI, "x") < 0 && errno == EPERM ? errno : 0;
}

static int use_perf(const struct world *w) {
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr)};
    return result(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int use_io_uring(const struct world *w) {
    char params[120] = {0};
    return result(syscall(SYS_io_uring_setup, 1, params));
}

CALL(make_namespace, unshare(CLONE_NEWUSER))
CALL(mount_tmpfs, mount("x", "/tmp", "tmpfs", 0, NULL))
CALL(change_root, chroot("/tmp"))
CALL(become_user, syscall(SYS_setresuid, getuid(), getuid(), getuid()))
CALL(raw_packets, socket(AF_PACKET, SOCK_RAW, 0))
CALL(crypto_socket, socket(AF_ALG, SOCK_SEQPACKET, 0))
CALL(use_keyring, syscall(SYS_keyctl, 0, -3, 1))
#ifdef __x86_64__
CALL(other_call_table, syscall(0x40000000 | SYS_getpid))
#endif

static const struct attempt forbidden[] = {
    {"read a private file", read_private},
    {"list a private folder", list_private},
    {"write into a pack", write_pack},
    {"add to a pack", add_to_pack},
    {"climb out of the cache", climb_out},
    {"open what it could only name", reopen_named},
    {"run a program", execute},
    {"copy itself", copy_process},
    {"copy itself into a namespace", raw_fork},
    {"trace a worker", trace_worker},
    {"read a worker's memory", read_worker},
    {"map new code", map_code},
    {"turn data into code", turn_into_code},
    {"map its own file as code", map_own_file_as_code},
    {"open a private file to all", open_private_to_all},
    {"give a private file away", give_private_away},
    {"type into its terminal", type_into_terminal},
    {"use perf", use_perf},
    {"use io_uring", use_io_uring},
    {"make a namespace", make_namespace},
    {"mount", mount_tmpfs},
    {"change its root", change_root},
    {"change its uid", become_user},
    {"see packets", raw_packets},
    {"use the kernel's ciphers", crypto_socket},
    {"use a keyring", use_keyring},
#ifdef __x86_64__
    {"use another call table", other_call_table},
#endif
};

/* --- the tests ---------------------------------------------------------------------------------
 */

static void make_file(const char *base, const char *folder) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", base, folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/%s/secret", base, folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(pa_write_full(fd, "secret", 6), 0);
    close(fd);
}

static int set_up(void **state) {
    struct world *w = pa_xcalloc(1, sizeof(*w));
    snprintf(w->base, sizeof(w->base), "/tmp/pa-confine-XXXXXX");
    assert_non_null(mkdtemp(w->base));
    make_file(w->base, "cache");
    make_file(w->base, "packs");
    make_file(w->base, "private");
    w->victim = fork();
    if (w->victim == 0)
        for (;;)
            pause();
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    static const char *const names[] = {
        "cache/secret", "packs/secret", "private/secret", "cache", "packs", "private", ""};
    struct world *w = *state;
    kill(w->victim, SIGKILL);
    waitpid(w->victim, NULL, 0);
    for (size_t i = 0; i < PA_ARRAY_LEN(names); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", w->base, names[i]);
        remove(path);
    }
    int left = access(w->base, F_OK) == 0 ? -1 : 0;
    free(w);
    return left;
}

/* In a child, confined unless `bare`; prints what went otherwise than `expected`, and counts it. */
static int run_all(const struct world *w, const struct attempt *attempts, size_t count,
                   bool expected, bool bare) {
    char cache[128], packs[128], missing[256];
    struct pa_error err;
    snprintf(cache, sizeof(cache), "%s/cache", w->base);
    snprintf(packs, sizeof(packs), "%s/packs", w->base);
    const struct pa_confine_path paths[] = {
        {cache, true}, {packs, false}, {"/proc", false}, {"/no/such/file", false}};
    if (!bare &&
        pa_jail_confine(paths, PA_ARRAY_LEN(paths), true, missing, sizeof(missing), &err) < 0) {
        printf("not confined: %s\n", err.message);
        return 1;
    }
    int wrong = 0;
    for (size_t i = 0; i < count; i++) {
        int errnum = attempts[i].make(w);
        if ((errnum == 0) != expected) {
            printf("%s: errno %d\n", attempts[i].name, errnum);
            wrong++;
        }
    }
    return wrong;
}

static void in_child(const struct world *w, const struct attempt *attempts, size_t count,
                     bool expected, bool bare) {
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int wrong = run_all(w, attempts, count, expected, bare);
        fflush(stdout);
        _exit(wrong);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void a_server_can_still_serve(void **state) {
    in_child(*state, needed, PA_ARRAY_LEN(needed), true, false);
}

static void it_can_do_nothing_else(void **state) {
    if (pa_landlock_abi() == 0)
        skip();
    in_child(*state, forbidden, PA_ARRAY_LEN(forbidden), false, false);
}

/* The test of the test: files are read and code is mapped by a process that is not confined. */
static void unconfined_it_could(void **state) {
    static const struct attempt shown[] = {{"read a private file", read_private},
                                           {"list a private folder", list_private},
                                           {"write into a pack", write_pack},
                                           {"open what it could only name", reopen_named},
                                           {"copy itself", copy_process},
                                           {"map new code", map_code},
                                           {"turn data into code", turn_into_code},
                                           {"map its own file as code", map_own_file_as_code},
                                           {"open a private file to all", open_private_to_all},
                                           {"give a private file away", give_private_away}};
    in_child(*state, shown, PA_ARRAY_LEN(shown), true, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_can_still_serve),
        cmocka_unit_test(it_can_do_nothing_else),
        cmocka_unit_test(unconfined_it_could),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
