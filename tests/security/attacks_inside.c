/* Attacks on processes, privileges and the kernel; see attacks.h.  Attempts are raw system calls
 * where libc would refuse, retry or hide. */
#include "attacks.h"
#include "jail/jail_internal.h"
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- processes -------------------------------------------------------------------------------- */

static int copy_process(const struct world *w) {
    long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        syscall(SYS_exit_group, 0);
    return result(pid);
}

static int copy_process_clone3(const struct world *w) {
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0)
        syscall(SYS_exit_group, 0);
    return result(pid);
}

static int copy_into_user_namespace(const struct world *w) {
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        syscall(SYS_exit_group, 0);
    return result(pid);
}

static void *thread_entry(void *nothing) {
    return nothing;
}

static int make_thread(const struct world *w) {
    pthread_t thread;
    int errnum = pthread_create(&thread, NULL, thread_entry, NULL);
    return errnum ? errnum : pthread_join(thread, NULL);
}

static int run_program(const struct world *w) {
    char *argv[] = {"true", NULL};
    return result(execve("/bin/true", argv, argv + 1));
}

static int run_artifact(const struct world *w) {
    char *argv[] = {"true", NULL};
    int errnum = result(syscall(SYS_execveat, ARTIFACT_FD, "", argv, argv + 1, AT_EMPTY_PATH));
    return errnum == ENOENT ? 0 : errnum; /* allowed, but its loader is not in the root */
}

static int trace_sibling(const struct world *w) {
    return result(ptrace(PTRACE_SEIZE, w->victim, NULL, NULL));
}

/* EFAULT comes after permission was granted. */
static int touch_sibling_memory(const struct world *w, long call) {
    char byte = 0;
    struct iovec here = {&byte, 1}, there = {(void *)16, 1};
    long n = syscall(call, w->victim, &here, 1, &there, 1, 0);
    return n < 0 && errno != EFAULT ? errno : 0;
}

static int read_sibling_memory(const struct world *w) {
    return touch_sibling_memory(w, SYS_process_vm_readv);
}

static int write_sibling_memory(const struct world *w) {
    return touch_sibling_memory(w, SYS_process_vm_writev);
}

static int signal_sibling(const struct world *w) {
    return result(kill(w->victim, 0));
}

static int kill_sibling(const struct world *w) {
    return result(kill(w->victim, SIGKILL));
}

static int abort_sibling(const struct world *w) {
    return result(syscall(SYS_tgkill, w->victim, w->victim, SIGABRT)); /* it ignores this one */
}

static int hold_sibling(const struct world *w) {
    return result(syscall(SYS_pidfd_open, w->victim, 0));
}

static int slow_sibling(const struct world *w) {
    return result(setpriority(PRIO_PROCESS, (id_t)w->victim, 19));
}

static int limit_sibling(const struct world *w) {
    struct rlimit limit;
    return result(prlimit(w->victim, RLIMIT_CORE, NULL, &limit));
}

static int pin_sibling(const struct world *w) {
    cpu_set_t set;
    return result(sched_getaffinity(w->victim, sizeof(set), &set))
               ? errno
               : result(sched_setaffinity(w->victim, sizeof(set), &set));
}

/* What follows a forbidden call.  The call itself is harmless: the attack is to live on after it.
 */
static void live_on(int number) {
    (void)number;
}

static int make_forbidden_call(void) {
    syscall(PA_FILTER_DIE);
    return 0;
}

/* An errno of the preparations is no defence: the call is made all the same. */
static int survive_by_handler(const struct world *w) {
    signal(SIGSYS, live_on);
    return make_forbidden_call();
}

static int survive_by_ignoring(const struct world *w) {
    signal(SIGSYS, SIG_IGN);
    return make_forbidden_call();
}

static int survive_by_blocking(const struct world *w) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    return make_forbidden_call();
}

CALL(steal_descriptor, syscall(SYS_pidfd_getfd, CHANNEL_FD, 0, 0))
CALL(signal_everyone, kill(-1, SIGURG))

/* --- privileges, namespaces, limits ------------------------------------------------------------
 */

static int regain_capabilities(const struct world *w) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct all[2] = {{1u << CAP_SYS_ADMIN, 1u << CAP_SYS_ADMIN, 0}};
    return result(syscall(SYS_capset, &header, all));
}

static int raise_data_limit(const struct world *w) {
    const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return result(setrlimit(RLIMIT_DATA, &limit));
}

static int exceed_memory(const struct world *w) {
    return mmap(NULL, 1024 * MIB, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED
               ? errno
               : 0;
}

/* Whether 1 GiB can be had 32 MiB at a time, `twist`ing each piece into something that the limit on
 * data might not count. */
static int exceed_memory_by(int flags, int twist) {
    for (int i = 0; i < 32; i++) {
        void *piece = mmap(NULL, 32 * MIB, PROT_READ | PROT_WRITE,
                           flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (piece == MAP_FAILED || (twist >= 0 && mprotect(piece, 32 * MIB, twist) < 0))
            return errno;
    }
    return 0;
}

static int exceed_memory_shared(const struct world *w) {
    return exceed_memory_by(MAP_SHARED, -1);
}

static int exceed_memory_by_stacks(const struct world *w) {
    return exceed_memory_by(MAP_PRIVATE | MAP_GROWSDOWN, -1);
}

static int exceed_memory_read_only(const struct world *w) {
    return exceed_memory_by(MAP_PRIVATE, PROT_READ);
}

/* What is only read is no data; its page tables are memory all the same. */
static int exceed_memory_by_tables(const struct world *w) {
    for (int i = 0; i < 256; i++)
        if (mmap(NULL, 4096 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) ==
            MAP_FAILED)
            return errno;
    return 0;
}

static int exceed_descriptors(const struct world *w) {
    for (int i = 0; i < 200; i++)
        if (fcntl(CHANNEL_FD, F_DUPFD_CLOEXEC, 8) < 0)
            return errno;
    return 0;
}

static int filter_strict(const struct world *w) {
    return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
}

CALL(new_user_namespace, unshare(CLONE_NEWUSER))
CALL(new_network_namespace, unshare(CLONE_NEWNET))
CALL(join_namespace, syscall(SYS_setns, READ_FD, 0))
CALL(mount_tmpfs, mount("x", "/", "tmpfs", 0, NULL))
CALL(unmount_root, umount2("/", MNT_DETACH))
CALL(swap_root, syscall(SYS_pivot_root, ".", "."))
CALL(open_filesystem, syscall(SYS_fsopen, "tmpfs", 0))
CALL(become_user, syscall(SYS_setresuid, 12345, 12345, 12345))
CALL(become_group, syscall(SYS_setresgid, 12345, 12345, 12345))
CALL(set_groups, syscall(SYS_setgroups, 1, &(gid_t){0}))
CALL(set_host_name, sethostname("x", 1))
CALL(inherit_priority, syscall(SYS_futex, &(uint32_t){0}, FUTEX_LOCK_PI, 0, NULL))
CALL(set_clock, clock_settime(CLOCK_REALTIME, &(struct timespec){1, 0}))
CALL(lock_memory, mlock(&(char){0}, 1))
CALL(become_dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
CALL(raise_ambient, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0))
CALL(load_kernel_module, syscall(SYS_init_module, "", 0, ""))
CALL(read_kernel_log, syscall(SYS_syslog, 3, (char[64]){0}, 64))
CALL(reboot_machine, syscall(SYS_reboot, 0, 0, 0, NULL)) /* wrong magic numbers: EINVAL at most */

/* --- what others share, and the kernel's far corners ---------------------------------------------
 */

static int open_shared_memory(const struct world *w) {
    return result(shmget(w->ipc_key, 1, 0));
}

static int open_message_queue(const struct world *w) {
    return result(msgget(w->ipc_key, 0));
}

static int open_semaphore(const struct world *w) {
    return result(semget(w->ipc_key, 1, 0));
}

static int open_posix_queue(const struct world *w) {
    return result(syscall(SYS_mq_open, "pa-probe", O_RDWR | O_CREAT, 0600, NULL));
}

static int map_code(const struct world *w) {
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED
               ? errno
               : 0;
}

static int map_artifact_code(const struct world *w) {
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, ARTIFACT_FD, 0) == MAP_FAILED
               ? errno
               : 0;
}

static int map_shared_code(const struct world *w) {
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, ARTIFACT_FD, 0) == MAP_FAILED ? errno
                                                                                             : 0;
}

static int turn_into_code(const struct world *w, int protection) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? errno : result(mprotect(page, 4096, protection));
}

static int turn_into_code_rx(const struct world *w) {
    return turn_into_code(w, PROT_READ | PROT_EXEC);
}

static int turn_into_code_rwx(const struct world *w) {
    return turn_into_code(w, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int turn_into_code_pkey(const struct world *w) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return result(syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1));
}

static int use_io_uring(const struct world *w) {
    char params[120] = {0};
    return result(syscall(SYS_io_uring_setup, 1, params));
}

static int use_perf(const struct world *w) {
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr)};
    return result(syscall(SYS_perf_event_open, &attr, w->victim, -1, -1, 0));
}

static int use_bpf(const struct world *w) {
    char attr[48] = {2, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1}; /* an array of one int */
    return result(syscall(SYS_bpf, 0, attr, sizeof(attr)));
}

static int use_timer(const struct world *w) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    return result(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
}

#ifdef __x86_64__
CALL(other_call_table, syscall(0x40000000 | SYS_getpid))
#endif
CALL(use_userfaultfd, syscall(SYS_userfaultfd, 1))
CALL(use_keyring, syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 1))
CALL(add_key, syscall(SYS_add_key, "user", "x", "y", 1, -3))
CALL(change_personality, personality(READ_IMPLIES_EXEC))
CALL(make_socket_pair, socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}))
CALL(make_inet_pair, socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0}))
CALL(make_pipe, pipe2((int[2]){0}, 0))
CALL(make_memory_file, memfd_create("x", 0))
CALL(make_event_file, syscall(SYS_eventfd2, 0, 0))

const struct attack inside_attacks[] = {
    {"copy the process", SEC | LIM, true, WARMS, copy_process},
    {"copy the process by clone3", SEC | LIM, true, 0, copy_process_clone3},
    {"copy the process into a user namespace", SEC | LIM, true, 0, copy_into_user_namespace},
    {"make a thread", SEC | LIM, true, S(COMPILE), make_thread},
    {"run a host program", SEC | NS | LL, true, 0, run_program},
    {"run the artifact as a program", SEC | LL, true, 0, run_artifact},
    {"trace a sibling", SEC | NS | LL, true, 0, trace_sibling},
    {"read a sibling's memory", SEC | NS | LL, true, 0, read_sibling_memory},
    {"write a sibling's memory", SEC | NS | LL, true, 0, write_sibling_memory},
    {"signal a sibling", SEC | NS | LL, true, 0, signal_sibling},
    {"kill a sibling", SEC | NS | LL, false, 0, kill_sibling},
    {"abort a sibling", SEC | NS | LL, true, 0, abort_sibling},
    {"hold a sibling", SEC | NS, true, 0, hold_sibling},
    {"slow a sibling down", SEC | NS, true, 0, slow_sibling},
    {"read a sibling's limits", SEC | NS, true, 0, limit_sibling},
    {"pin a sibling to a processor", SEC | NS, true, 0, pin_sibling},
    {"steal a descriptor of another process", SEC, false, 0, steal_descriptor},
    {"signal everyone", SEC | NS, false, 0, signal_everyone},
    {"survive a forbidden call by a handler", SEC, true, 0, survive_by_handler},
    {"survive a forbidden call by ignoring it", SEC, true, 0, survive_by_ignoring},
    {"survive a forbidden call by blocking it", SEC, true, 0, survive_by_blocking},

    {"regain capabilities", SEC | CAP, true, 0, regain_capabilities},
    {"raise the data limit", LIM, false, 0, raise_data_limit},
    {"exceed the memory limit", LIM, true, 0, exceed_memory},
    {"exceed the memory limit by sharing", SEC, true, WARMS, exceed_memory_shared},
    {"exceed the memory limit by growing stacks", SEC, true, WARMS, exceed_memory_by_stacks},
    {"exceed the memory limit by read-only pages", SEC, true, WARMS | LOADS | S(COMPILE) | S(MAKE),
     exceed_memory_read_only},
    {"exceed the memory limit by page tables", LIM, true, 0, exceed_memory_by_tables},
    {"exceed the descriptor limit", LIM, true, 0, exceed_descriptors},
    {"replace the filter", SEC, false, 0, filter_strict},
    {"make a user namespace", SEC, true, 0, new_user_namespace},
    {"make a network namespace", SEC | CAP, true, 0, new_network_namespace},
    {"join a namespace", SEC, false, 0, join_namespace},
    {"mount a tmpfs", SEC | CAP | LL, true, 0, mount_tmpfs},
    {"unmount the root", SEC | CAP | LL, false, 0, unmount_root},
    {"swap the root", SEC | CAP | LL, false, 0, swap_root},
    {"open a file system", SEC | CAP, true, 0, open_filesystem},
    {"become another user", SEC | CAP | NS, false, 0, become_user},
    {"become another group", SEC | CAP | NS, false, 0, become_group},
    {"set groups", SEC | CAP | NS, false, 0, set_groups},
    {"set the host name", SEC | CAP, true, 0, set_host_name},
    {"set the clock", SEC | CAP, false, 0, set_clock},
    {"lock memory", SEC | LIM, true, 0, lock_memory},
    {"become dumpable", SEC, true, 0, become_dumpable},
    {"raise an ambient capability", SEC | CAP, false, 0, raise_ambient},
    {"load a kernel module", SEC | CAP | NS, false, 0, load_kernel_module},
    {"read the kernel's log", SEC, false, 0, read_kernel_log},
    {"reboot", SEC | CAP, false, 0, reboot_machine},

    {"open shared memory", SEC | NS, true, 0, open_shared_memory},
    {"open a message queue", SEC | NS, true, 0, open_message_queue},
    {"open a semaphore", SEC | NS, true, 0, open_semaphore},
    {"open a POSIX message queue", SEC | LIM, false, 0, open_posix_queue},
    {"map writable code", SEC, true, 0, map_code},
    {"map the artifact as code", SEC, true, LOADS, map_artifact_code},
    {"map shared code", SEC, true, 0, map_shared_code},
    {"turn data into code", SEC, true, LOADS | S(COMPILE) | S(MAKE), turn_into_code_rx},
    {"turn data into writable code", SEC, true, 0, turn_into_code_rwx},
    {"turn data into code by pkey_mprotect", SEC, true, 0, turn_into_code_pkey},
    {"use io_uring", SEC, false, 0, use_io_uring},
    {"use perf", SEC, false, 0, use_perf},
    {"use bpf", SEC, false, 0, use_bpf},
    {"use userfaultfd", SEC, false, 0, use_userfaultfd},
    {"use a lock that inherits priorities", SEC, true, 0, inherit_priority},
    {"use a keyring", SEC, false, 0, use_keyring},
    {"add a key", SEC, false, 0, add_key},
    {"make a timer", SEC, true, 0, use_timer},
    {"make all readable memory code", SEC, true, 0, change_personality},
    {"make a socket pair", SEC, true, WARMS, make_socket_pair},
    {"make an internet socket pair", SEC, false, 0, make_inet_pair},
    {"make a pipe", SEC, true, 0, make_pipe},
    {"make a file in memory", SEC, true, 0, make_memory_file},
    {"make an event file", SEC, true, 0, make_event_file},
#ifdef __x86_64__
    {"call through the x32 table", SEC, false, 0, other_call_table},
#endif
};

const size_t inside_attack_count = PA_ARRAY_LEN(inside_attacks);
