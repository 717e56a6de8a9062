/*
 * The system calls each stage may make, and why.
 *
 * This is the whole attack surface of the kernel towards a broken engine, so each row costs
 * something and must say what it buys.  Rules of thumb: a call that creates something outside the
 * process, names another process, or takes a structure the kernel parses at length (ioctl, bpf,
 * io_uring, netlink) is not here; a call that libc or the Rust runtime makes in passing and can do
 * without is answered with the errno that makes it go on; everything else ends the process.
 *
 * Stages: C compile, L load, R run, S session, W warm, X load of a warm process, M make.  L and X
 * contain R, S, W and M, and M contains R: the order in which they are narrowed is drawn in jail.h.
 */
#include "jail/jail_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define C      (1u << PA_JAIL_COMPILE)
#define L      (1u << PA_JAIL_LOAD)
#define R      (1u << PA_JAIL_RUN)
#define W      (1u << PA_JAIL_WARM)
#define X      (1u << PA_JAIL_LOAD_WARM)
#define S      (1u << PA_JAIL_SESSION)
#define M      (1u << PA_JAIL_MAKE)
#define ALL    (C | L | R | S | W | X | M)
#define FILES  (L | R | S | W | X | M) /* where the WASI host works */
#define GUESTS (R | S)                 /* where a guest's code runs, and nothing is prepared */
#define FORKS  (W | X)                 /* where processes are copied */
#define LOADS  (L | X)                 /* where an artifact is mapped */
#define NARROW (L | W | X | M)         /* what is narrowed later */
#define CODE   (C | L | X | M)         /* where code is loaded or made */

#define SIGNAL_OF_LIBC 33 /* by which its threads change their uid together */

/* Of mmap's flags: RLIMIT_DATA counts neither shared memory nor stacks that grow by themselves. */
#define COUNTED_MASK ((uint64_t)(MAP_TYPE | MAP_GROWSDOWN))

#define INT_MASK UINT64_C(0xffffffff) /* the kernel reads these arguments as 32 bits */

/* A futex operation without its options. */
#define FUTEX_MASK (INT_MASK & ~(uint64_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME))

#define ALLOW(call, stages, why)                                                                   \
    { #call, __NR_##call, stages, 0, {{0, 0, 0 } }, 0, why }
#define ALLOW_IF(call, stages, a, m, v, why)                                                       \
    { #call, __NR_##call, stages, 1, {{a, m, v } }, 0, why }
#define ALLOW_IF2(call, stages, a, m, v, a2, m2, v2, why)                                          \
    { #call, __NR_##call, stages, 2, {{a, m, v }, {a2, m2, v2 } }, 0, why }
#define REPLY(call, stages, errnum, why)                                                           \
    { #call, __NR_##call, stages, 0, {{0, 0, 0 } }, errnum, why }
#define REPLY_IF(call, stages, a, m, v, errnum, why)                                               \
    { #call, __NR_##call, stages, 1, {{a, m, v } }, errnum, why }

/* A thread as libc makes it, with or without the flag that has had no meaning since Linux 2.6. */
#define THREAD_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |            \
     CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define THREAD_MASK (INT_MASK & ~(uint64_t)CLONE_DETACHED)
/* A copy of the process: its memory and descriptors copied, no namespace, nothing shared. */
#define FORK_MASK                                                                                  \
    (INT_MASK & ~(uint64_t)(0xff | CLONE_PARENT | CLONE_PIDFD | CLONE_PARENT_SETTID |              \
                            CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))

const struct pa_filter_rule pa_filter_rules[] = {
    ALLOW(brk, ALL, "malloc"),
    ALLOW(clock_getres, FILES, "WASI clock_res_get"),
    ALLOW(clock_gettime, ALL, "clocks, where the vDSO cannot answer"),
    ALLOW(clock_nanosleep, ALL, "WASI poll_oneoff; back-off of the compiler's threads"),
    ALLOW_IF(clone, C, 0, THREAD_MASK, THREAD_FLAGS, "the compiler's threads, nothing but threads"),
    ALLOW_IF(clone, FORKS, 0, FORK_MASK, 0, "a fork, with no namespace and nothing shared"),
    ALLOW_IF(clone, S, 0, INT_MASK, CLONE_PARENT | CLONE_PIDFD,
             "a session's copy: a child of the warm root, which reaps it, and nothing shared"),
    REPLY(clone3, C | FORKS, ENOSYS, "its flags are out of sight; libc then uses clone"),
    ALLOW(close, ALL, "descriptors it holds"),
    ALLOW(exit, ALL, "the end of a thread"),
    ALLOW(exit_group, ALL, "the end of the process"),
    ALLOW(fadvise64, FILES, "WASI fd_advise"),
    ALLOW(fallocate, FILES, "WASI fd_allocate"),
    ALLOW_IF(fcntl, FILES, 1, INT_MASK, F_DUPFD_CLOEXEC, "a second descriptor for the WASI host"),
    ALLOW_IF(fcntl, ALL, 1, INT_MASK, F_GETFD, "Rust checks a descriptor before it closes it"),
    ALLOW_IF(fcntl, ALL, 1, INT_MASK, F_GETFL, "WASI fd_fdstat_get; stdio"),
    ALLOW_IF(fcntl, FILES, 1, INT_MASK, F_SETFD, "close-on-exec of its own descriptors"),
    ALLOW_IF(fcntl, FILES, 1, INT_MASK, F_SETFL, "WASI fd_fdstat_set_flags"),
    ALLOW(fdatasync, FILES, "WASI fd_datasync"),
    ALLOW(fstat, ALL, "stdio; WASI fd_filestat_get"),
    ALLOW(fsync, FILES, "WASI fd_sync"),
    ALLOW(ftruncate, ALL, "WASI fd_filestat_set_size; sizes a memfd or the artifact"),
    ALLOW_IF(futex, ALL, 1, FUTEX_MASK, FUTEX_WAIT_BITSET, "locks of libc and Rust: wait"),
    ALLOW_IF(futex, ALL, 1, FUTEX_MASK & ~(uint64_t)FUTEX_WAKE, FUTEX_WAIT,
             "locks of libc and Rust: wait, wake; no inheritance of priorities, no requeueing"),
    ALLOW(getdents64, FILES, "WASI fd_readdir"),
    ALLOW(getpid, ALL, "abort"),
    ALLOW(getrandom, ALL, "WASI random_get; seeds of hash tables"),
    ALLOW(getrusage, ALL, "CPU time used so far"),
    ALLOW(gettid, ALL, "abort"),
#ifdef __NR_gettimeofday
    ALLOW(gettimeofday, ALL, "time of day, where the vDSO cannot answer"),
#endif
    REPLY_IF(ioctl, ALL, 1, INT_MASK, TCGETS, ENOTTY, "stdio asks whether a stream is a terminal"),
    ALLOW_IF2(kill, FORKS, 0, UINT64_C(0x80000000), UINT64_C(0x80000000), 1, INT_MASK, SIGKILL,
              "a warm process ends what a session left behind: process groups alone"),
    ALLOW_IF(linkat, FILES, 4, INT_MASK & ~(uint64_t)AT_SYMLINK_FOLLOW, 0,
             "WASI path_link; not of a bare descriptor"),
    ALLOW(lseek, ALL, "WASI fd_seek; stdio"),
    ALLOW(madvise, ALL, "malloc, thread stacks and memory images give pages back"),
    ALLOW(membarrier, CODE, "the engine publishes code to other cores"),
    ALLOW(mkdirat, FILES, "WASI path_create_directory"),
    ALLOW_IF2(mmap, LOADS, 2, INT_MASK, PROT_READ | PROT_EXEC, 3, MAP_TYPE | MAP_ANONYMOUS,
              MAP_PRIVATE, "the artifact's code"),
    ALLOW_IF2(mmap, C | L | M | GUESTS, 2, PROT_EXEC, 0, 3, COUNTED_MASK, MAP_PRIVATE,
              "memory that is not code, of the kind that RLIMIT_DATA counts"),
    ALLOW_IF(mmap, FORKS, 2, PROT_EXEC, 0, "memory that is not code; some shared with a copy"),
    ALLOW_IF(mprotect, CODE, 2, INT_MASK, PROT_READ | PROT_EXEC,
             "the engine publishes code it has loaded or compiled"),
    ALLOW_IF(mprotect, GUESTS, 2, INT_MASK, PROT_READ | PROT_WRITE,
             "growing memories; RLIMIT_DATA forgets pages that become read-only, so none may"),
    ALLOW_IF(mprotect, C | NARROW, 2, PROT_EXEC, 0, "growing memories, guard pages"),
    ALLOW(mremap, ALL, "realloc"),
    ALLOW(munmap, ALL, "memory it holds"),
#ifdef __NR_nanosleep
    ALLOW(nanosleep, ALL, "older libc's sleep"),
#endif
    ALLOW(newfstatat, ALL, "libc's fstat; WASI path_filestat_get"),
    ALLOW_IF(openat, LOADS, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY,
             "the artifact, by its path"),
    REPLY(openat, C | GUESTS | W | M, ENOENT, "Rust looks for /proc and /sys to count processors"),
    ALLOW(openat2, FILES, "WASI path_open; Landlock and the empty root say what is there"),
#ifdef __NR_poll
    ALLOW(poll, ALL, "waiting for its channel"),
#endif
    ALLOW(ppoll, ALL, "WASI poll_oneoff; waiting for its channel"),
    ALLOW_IF(prctl, NARROW, 0, INT_MASK, PR_GET_SECCOMP,
             "pa_jail_narrow asks whether a filter is on"),
    ALLOW_IF(prctl, C, 0, INT_MASK, PR_SET_NAME, "Rust names its threads"),
    ALLOW_IF(prctl, FORKS | S, 0, INT_MASK, PR_SET_PDEATHSIG, "a copy dies with its root"),
    REPLY_IF(prctl, ALL, 0, INT_MASK, PR_SET_VMA, EINVAL, "newer libc names its mappings"),
    ALLOW(pread64, ALL, "WASI fd_pread"),
    ALLOW(preadv, FILES, "WASI fd_pread"),
    ALLOW(preadv2, FILES, "WASI fd_pread with flags"),
    ALLOW_IF2(prlimit64, ALL, 0, INT_MASK, 0, 2, UINT64_MAX, 0, "libc reads its own stack limit"),
    ALLOW_IF(prlimit64, NARROW, 0, INT_MASK, 0, "lowers its own limits; hard ones bound it"),
    ALLOW(pwrite64, ALL, "WASI fd_pwrite"),
    ALLOW(pwritev, FILES, "WASI fd_pwrite"),
    ALLOW(pwritev2, FILES, "WASI fd_pwrite, fd_write with append"),
    ALLOW(read, ALL, "its channel; WASI fd_read"),
    ALLOW(readlinkat, FILES, "WASI path_readlink"),
    ALLOW(readv, ALL, "its channel; WASI fd_read"),
    ALLOW(recvmsg, FORKS | S, "requests with descriptors: the channel of a copy to be"),
    ALLOW(renameat, FILES, "WASI path_rename"),
    ALLOW(renameat2, FILES, "WASI path_rename"),
    ALLOW(restart_syscall, ALL, "the kernel resumes a sleep that a signal interrupted"),
    ALLOW(rseq, C, "libc registers each new thread"),
    ALLOW_IF(rt_sigaction, ALL, 0, INT_MASK, SIGABRT, "abort puts the default back"),
    ALLOW_IF(rt_sigaction, C | LOADS, 0, INT_MASK, SIGBUS, "the engine's trap handlers"),
    ALLOW_IF(rt_sigaction, C | LOADS, 0, INT_MASK, SIGFPE, "the engine's trap handlers"),
    ALLOW_IF(rt_sigaction, C | LOADS, 0, INT_MASK, SIGILL, "the engine's trap handlers"),
    ALLOW_IF(rt_sigaction, C | LOADS, 0, INT_MASK, SIGSEGV, "the engine's trap handlers"),
    ALLOW_IF(rt_sigaction, FORKS, 0, INT_MASK, SIGCHLD, "a warm process hears of copies' ends"),
    ALLOW_IF(rt_sigaction, C, 0, INT_MASK, SIGNAL_OF_LIBC, "libc prepares for its first thread"),
    ALLOW(rt_sigprocmask, ALL, "traps; libc around abort, fork and thread creation"),
    ALLOW(rt_sigreturn, ALL, "the end of a trap handler"),
    ALLOW(sched_getaffinity, ALL, "malloc at its limit counts processors, before it gives up"),
    ALLOW(sched_yield, ALL, "WASI sched_yield; spinning locks"),
    ALLOW_IF(seccomp, NARROW, 0, INT_MASK, SECCOMP_SET_MODE_FILTER,
             "narrowing: filters only add up"),
    ALLOW(sendmsg, FORKS | S, "a warm process hands over what stands for a copy"),
    ALLOW(set_robust_list, C | FORKS, "libc registers each new thread and copy"),
    ALLOW(setpgid, FORKS, "a warm process gives each session a process group"),
    ALLOW(sigaltstack, ALL, "stack overflow is handled on a stack of its own"),
    ALLOW_IF(socketpair, FORKS, 0, INT_MASK, AF_UNIX, "the channel of a copy"),
    ALLOW(statx, C | LOADS, "Rust's file size"),
    ALLOW(symlinkat, FILES, "WASI path_symlink"),
    ALLOW(sysinfo, ALL, "qsort of a long directory asks how much memory there is"),
    ALLOW_IF2(tgkill, C | L | R | M, 0, INT_MASK, PA_FILTER_SELF, 2, INT_MASK, SIGABRT,
              "abort; of this process alone, for copies of one root are in one namespace"),
    ALLOW_IF(tgkill, FORKS, 2, INT_MASK, SIGABRT, "abort; a copy has another number"),
    REPLY(tgkill, S, EPERM, "abort, which then ends by other means: its copies have other numbers"),
    ALLOW(unlinkat, FILES, "WASI path_unlink_file, path_remove_directory"),
    ALLOW(utimensat, FILES, "WASI fd_filestat_set_times"),
    ALLOW(wait4, FORKS, "a warm process reaps its copies"),
    ALLOW(write, ALL, "its channel; WASI fd_write"),
    ALLOW(writev, ALL, "its channel; WASI fd_write"),
};

const size_t pa_filter_rule_count = PA_ARRAY_LEN(pa_filter_rules);
