/*
 * A list of what is denied, where the jail has one of what is allowed: a server grows with its
 * libraries (a resolver, an RPC library with its own threads and polling), and a call that is
 * missing on an allow-list would end it one day.  What is denied answers EPERM.
 *
 * The filter is a plain chain of comparisons.  Its length costs nothing: the kernel keeps, for each
 * call whose answer depends on the number alone, whether the filter allows it (Linux 5.11).
 */
#include "jail/confine.h"
#include "jail/jail_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define X32_BIT 0x40000000u

/* Calls that the headers of the systems we build on may lack. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#define DENY  (SECCOMP_RET_ERRNO | EPERM)
#define OTHER (SECCOMP_RET_ERRNO | ENOSYS) /* libc then takes the older call */

/* Calls that a server has no use for, whatever their arguments. */
static const int denied[] = {
    /* other programs and processes */
    SYS_execve,
    SYS_execveat,
#ifndef __SANITIZE_ADDRESS__
    SYS_ptrace,
#endif
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_process_madvise,
    SYS_pidfd_getfd,
    SYS_kcmp,
    SYS_setns,
    SYS_unshare,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
    /* mounts and roots */
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    SYS_mknodat,
    SYS_mount_setattr,
    SYS_swapon,
    SYS_swapoff,
    SYS_quotactl,
    SYS_acct,
    /* identity */
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setgroups,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_capset,
    /* what Landlock leaves alone: owners, modes (root could make any program set-user-ID) and
       attributes of files that it may not open */
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchmodat2,
    SYS_fchown,
    SYS_fchownat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
#ifdef SYS_chmod
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
#endif
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    /* the kernel's far corners */
    SYS_bpf,
    SYS_perf_event_open,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_userfaultfd,
    SYS_fanotify_init,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_syslog,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_personality,
    SYS_pkey_mprotect,
    SYS_shmget,
    SYS_shmat,
    SYS_msgget,
    SYS_semget,
#ifdef __x86_64__
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_kexec_file_load,
    SYS_mknod,
#endif
};

/* Sockets of a server, of a resolver, and of libc's list of interfaces. */
static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

/* The terminal that a server was started from is its standard error: these type into it. */
static const uint32_t terminal_input[] = {TIOCSTI, TIOCLINUX};

static void emit(struct pa_filter *filter, struct sock_filter instruction) {
    PA_ASSERT(filter->count < PA_FILTER_MAX);
    filter->code[filter->count++] = instruction;
}

static void load(struct pa_filter *filter, size_t offset) {
    emit(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void answer(struct pa_filter *filter, uint32_t verdict) {
    emit(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

/* Skips the next `length` instructions unless the accumulator is `value`. */
static void unless_equal_skip(struct pa_filter *filter, uint32_t value, uint8_t length) {
    emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, length));
}

static void load_argument(struct pa_filter *filter, unsigned number) {
    load(filter,
         offsetof(struct seccomp_data, args) + number * sizeof(uint64_t)); /* its low half */
}

/* Denies `call` if the bits `mask` of argument `number` are exactly `forbidden`. */
static void deny_by_argument(struct pa_filter *filter, int call, unsigned number, uint32_t mask,
                             uint32_t forbidden) {
    unless_equal_skip(filter, (uint32_t)call, 5);
    load_argument(filter, number);
    emit(filter, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    unless_equal_skip(filter, forbidden, 1);
    answer(filter, DENY);
    answer(filter, SECCOMP_RET_ALLOW);
}

/* Denies `call` if argument `number` is one of `values`. */
static void deny_values(struct pa_filter *filter, int call, unsigned number, const uint32_t *values,
                        size_t count) {
    unless_equal_skip(filter, (uint32_t)call, (uint8_t)(2 * count + 2));
    load_argument(filter, number);
    for (size_t i = 0; i < count; i++) {
        unless_equal_skip(filter, values[i], 1);
        answer(filter, DENY);
    }
    answer(filter, SECCOMP_RET_ALLOW);
}

static void deny_other_families(struct pa_filter *filter) {
    const size_t count = PA_ARRAY_LEN(families);
    unless_equal_skip(filter, SYS_socket, (uint8_t)(2 * count + 2));
    load_argument(filter, 0);
    for (size_t i = 0; i < count; i++) {
        unless_equal_skip(filter, (uint32_t)families[i], 1);
        answer(filter, SECCOMP_RET_ALLOW);
    }
    answer(filter, DENY);
}

static void build(struct pa_filter *filter) {
    filter->count = 0;
    load(filter, offsetof(struct seccomp_data, arch));
    emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
    answer(filter, SECCOMP_RET_KILL_PROCESS);
    load(filter, offsetof(struct seccomp_data, nr));
    emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
    answer(filter, DENY);
    for (size_t i = 0; i < PA_ARRAY_LEN(denied); i++) {
        unless_equal_skip(filter, (uint32_t)denied[i], 1);
        answer(filter, DENY);
    }
    unless_equal_skip(filter, SYS_clone3, 1); /* its flags are out of sight */
    answer(filter, OTHER);
#ifndef __SANITIZE_ADDRESS__ /* which looks for leaks in a process of its own */
    deny_by_argument(filter, SYS_clone, 0, CLONE_THREAD, 0); /* threads, no processes */
#endif
    deny_by_argument(filter, SYS_mmap, 2, PROT_EXEC, PROT_EXEC);
    deny_by_argument(filter, SYS_mprotect, 2, PROT_EXEC, PROT_EXEC);
    deny_values(filter, SYS_ioctl, 1, terminal_input, PA_ARRAY_LEN(terminal_input));
    deny_other_families(filter);
    answer(filter, SECCOMP_RET_ALLOW);
}

/* Notes what is missing; -1 if that is an error. */
static int settle(enum pa_layer_result result, bool required, const struct pa_error *why,
                  char *missing, size_t room, struct pa_error *err) {
    if (result == PA_LAYER_ENTERED)
        return 0;
    if (result == PA_LAYER_FAILED || required) {
        if (err)
            *err = *why;
        return pa_error_prefix(err, "confining the server");
    }
    const size_t used = strlen(missing);
    snprintf(missing + used, room - used, "%s%s", used > 0 ? "; " : "", why->message);
    return 0;
}

static enum pa_layer_result enter_filter(struct pa_error *why) {
    struct pa_filter filter;
    build(&filter);
    return pa_filter_install(&filter, why);
}

int pa_jail_confine(const struct pa_confine_path *paths, size_t count, bool required, char *missing,
                    size_t room, struct pa_error *err) {
    struct pa_error why = {0};
    *missing = '\0';
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return pa_fail_errno(err, errno, "confining the server: no_new_privs");
    if (settle(pa_landlock_confine(paths, count, &why), required, &why, missing, room, err) < 0)
        return -1;
    return settle(enter_filter(&why), required, &why, missing, room, err);
}
