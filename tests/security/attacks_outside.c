/* Attacks on files and the network; see attacks.h.  Attempts are raw system calls where libc would
 * refuse, retry or hide. */
#include "attacks.h"
#include <arpa/inet.h>
#include <linux/openat2.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* --- files ------------------------------------------------------------------------------------ */

static int open_at(int dir, const char *path, uint64_t flags) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = flags & O_CREAT ? 0600 : 0};
    return result(syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

/* base/name, as a string that lives until the next call. */
static const char *in_base(const struct world *world, const char *name) {
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", world->base, name);
    return path;
}

static int open_host_file(const struct world *w) {
    return open_at(AT_FDCWD, in_base(w, "secret"), O_RDONLY);
}

static int open_host_file_openat(const struct world *w) {
    return result(syscall(SYS_openat, AT_FDCWD, in_base(w, "secret"), O_RDONLY));
}

static int open_host_file_write(const struct world *w) {
    return open_at(AT_FDCWD, in_base(w, "scratch"), O_WRONLY);
}

static int open_above_mount(const struct world *w) {
    return open_at(READ_FD, "../secret", O_RDONLY);
}

static int open_above_mount_write(const struct world *w) {
    return open_at(WRITE_FD, "../scratch", O_WRONLY);
}

static int stat_above_mount(const struct world *w) {
    struct stat st;
    return result(fstatat(READ_FD, "../secret", &st, 0));
}

static int stat_far_above_mount(const struct world *w) {
    struct stat st;
    return result(fstatat(READ_FD, "../../../../../../../../etc/passwd", &st, 0));
}

static int stat_host_file(const struct world *w) {
    struct stat st;
    return result(fstatat(AT_FDCWD, in_base(w, "secret"), &st, 0));
}

static int list_host_directory(const struct world *w) {
    return open_at(AT_FDCWD, w->base, O_RDONLY | O_DIRECTORY);
}

static int open_proc_self(const struct world *w) {
    return open_at(AT_FDCWD, "/proc/self/maps", O_RDONLY);
}

static int open_proc_root(const struct world *w) {
    return open_at(AT_FDCWD, "/proc/self/root/etc/passwd", O_RDONLY);
}

static int open_proc_fd_twin(const struct world *w) {
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d/../secret", READ_FD);
    return open_at(AT_FDCWD, path, O_RDONLY);
}

static int open_sysfs(const struct world *w) {
    return open_at(AT_FDCWD, "/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY);
}

static int open_device(const struct world *w) {
    return open_at(AT_FDCWD, "/dev/zero", O_RDONLY);
}

static int create_in_read_only(const struct world *w) {
    return open_at(READ_FD, "created", O_WRONLY | O_CREAT);
}

static int make_directory_in_read_only(const struct world *w) {
    return result(mkdirat(READ_FD, "d", 0700)) ? errno
                                               : result(unlinkat(READ_FD, "d", AT_REMOVEDIR));
}

static int make_symlink_in_read_only(const struct world *w) {
    return result(symlinkat("x", READ_FD, "l")) ? errno : result(unlinkat(READ_FD, "l", 0));
}

static int create_in_root(const struct world *w) {
    return open_at(AT_FDCWD, "/created", O_WRONLY | O_CREAT);
}

static int make_fifo(const struct world *w) {
    return result(mknodat(WRITE_FD, "fifo", S_IFIFO | 0600, 0))
               ? errno
               : result(unlinkat(WRITE_FD, "fifo", 0));
}

static int make_device(const struct world *w) {
    return result(mknodat(WRITE_FD, "kmem", S_IFCHR | 0600, (dev_t)(1 << 8 | 2)));
}

static int truncate_host_file(const struct world *w) {
    return result(truncate(in_base(w, "scratch"), 0));
}

static int link_host_file(const struct world *w) {
    return result(linkat(READ_FD, "../secret", WRITE_FD, "linked", 0));
}

static int rename_out_of_mount(const struct world *w) {
    return result(renameat(WRITE_FD, "file", WRITE_FD, "../moved"));
}

static int name_handle(const struct world *w) {
    struct {
        struct file_handle head;
        char room[128];
    } handle = {.head = {.handle_bytes = 128}};
    int mount_id;
    return result(name_to_handle_at(AT_FDCWD, in_base(w, "secret"), &handle.head, &mount_id, 0));
}

static int open_handle(const struct world *w) {
    struct {
        struct file_handle head;
        char room[8];
    } handle = {.head = {.handle_bytes = 8, .handle_type = 1}, .room = {2}}; /* ext4's root */
    return result(open_by_handle_at(READ_FD, &handle.head, O_RDONLY));
}

static int read_leaked_descriptor(const struct world *w) {
    char byte;
    return result(read(LEAKED_FD, &byte, 1));
}

static int write_artifact(const struct world *w) {
    return result(write(ARTIFACT_FD, "x", 1));
}

static int read_environment(const struct world *w) {
    extern char **environ;
    return environ && environ[0] ? 0 : ENOENT;
}

static int lock_file(const struct world *w) {
    struct flock lock = {.l_type = F_RDLCK, .l_len = 1};
    return result(fcntl(ARTIFACT_FD, F_SETLK, &lock));
}

CALL(change_root, chroot("."))
CALL(change_directory, fchdir(WRITE_FD))
CALL(watch_files, inotify_init1(0))
CALL(watch_filesystem, syscall(SYS_fanotify_init, 0, O_RDONLY))
CALL(copy_to_channel, syscall(SYS_sendfile, CHANNEL_FD, ARTIFACT_FD, NULL, 0))
CALL(set_owner_of_channel, fcntl(CHANNEL_FD, F_SETOWN, getpid()))
CALL(set_extended_attribute, syscall(SYS_fsetxattr, WRITE_FD, "user.x", "y", 1, 0))
CALL(change_mode, fchmod(ARTIFACT_FD, 04755))

/* --- network ---------------------------------------------------------------------------------- */

static int reach(int family, int type, const void *address, socklen_t size, bool bind_it) {
    int fd = socket(family, type, 0);
    if (fd < 0)
        return errno;
    return result(bind_it ? bind(fd, address, size) : connect(fd, address, size));
}

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int connect_tcp(const struct world *w) {
    struct sockaddr_in to = loopback(w->port);
    return reach(AF_INET, SOCK_STREAM, &to, sizeof(to), false);
}

static int bind_tcp(const struct world *w) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    at.sin_port = htons(0x7531);
    return reach(AF_INET, SOCK_STREAM, &at, sizeof(at), true);
}

static int connect_udp(const struct world *w) {
    struct sockaddr_in to = loopback(53);
    return reach(AF_INET, SOCK_DGRAM, &to, sizeof(to), false);
}

static int connect_unix_path(const struct world *w) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", w->socket);
    return reach(AF_UNIX, SOCK_STREAM, &to, sizeof(to), false);
}

static int connect_unix_abstract(const struct world *w) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path + 1, sizeof(to.sun_path) - 1, "%s", w->abstract);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(w->abstract));
    return reach(AF_UNIX, SOCK_STREAM, &to, size, false);
}

static int connect_vsock(const struct world *w) {
    struct sockaddr_vm to = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = 1};
    return reach(AF_VSOCK, SOCK_STREAM, &to, sizeof(to), false);
}

static int send_descriptor_out(const struct world *w) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    const int fd = READ_FD;
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    struct iovec nothing = {.iov_base = (char[4]){0}, .iov_len = 4}; /* reads as "it worked" */
    struct msghdr message = {.msg_iov = &nothing,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control.room)};
    return result(sendmsg(CHANNEL_FD, &message, 0));
}

static int receive_descriptor(const struct world *w) {
    struct msghdr message = {0};
    int errnum = result(recvmsg(CHANNEL_FD, &message, MSG_DONTWAIT));
    return errnum == EAGAIN ? 0 : errnum;
}

CALL(netlink_socket, socket(AF_NETLINK, SOCK_RAW, 0))
CALL(raw_socket, socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
CALL(packet_socket, socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)))
CALL(crypto_socket, socket(AF_ALG, SOCK_SEQPACKET, 0))
CALL(listen_on_channel, listen(CHANNEL_FD, 1) < 0 && errno != EINVAL ? -1 : 0)
CALL(query_channel, ioctl(CHANNEL_FD, FIONREAD, &(int){0}))

const struct attack outside_attacks[] = {
    {"open a host file", NS | LL, true, 0, open_host_file},
    {"open a host file by openat", NS | LL | SEC, true, 0, open_host_file_openat},
    {"open a host file for writing", NS | LL, true, 0, open_host_file_write},
    {"open a file above a mount", NS | LL, true, 0, open_above_mount},
    {"open a file above a writable mount", NS | LL, true, 0, open_above_mount_write},
    {"stat a file above a mount", NS, true, 0, stat_above_mount},
    {"stat /etc/passwd from a mount", NS, true, 0, stat_far_above_mount},
    {"stat a host file", NS, true, 0, stat_host_file},
    {"list a host directory", NS | LL, true, 0, list_host_directory},
    {"open /proc/self/maps", NS | LL, true, 0, open_proc_self},
    {"open /proc/self/root/etc/passwd", NS | LL, true, 0, open_proc_root},
    {"open the twin of a descriptor in /proc", NS | LL, true, 0, open_proc_fd_twin},
    {"open a file in /sys", NS | LL, true, 0, open_sysfs},
    {"open a device", NS | LL, true, 0, open_device},
    {"create a file in a read-only mount", NS | LL, true, 0, create_in_read_only},
    {"make a directory in a read-only mount", NS | LL, true, 0, make_directory_in_read_only},
    {"make a symlink in a read-only mount", NS | LL, true, 0, make_symlink_in_read_only},
    {"create a file in the root", NS | LL, false, 0, create_in_root},
    {"make a FIFO", SEC | LL, true, 0, make_fifo},
    {"make a device", SEC | LL | CAP | NS, false, 0, make_device},
    {"truncate a host file", SEC | LL | NS, true, 0, truncate_host_file},
    {"hard-link a host file into a mount", LL | NS, false, 0, link_host_file},
    {"rename a file out of its mount", LL | NS, false, 0, rename_out_of_mount},
    {"take a host file's handle", SEC | NS, true, 0, name_handle},
    {"open a file by handle", SEC | CAP, false, 0, open_handle},
    {"read a leaked descriptor", 0, false, 0, read_leaked_descriptor},
    {"write to the artifact", 0, false, 0, write_artifact},
    {"read the environment", 0, false, 0, read_environment},
    {"lock a file", SEC, true, 0, lock_file},
    {"change the root", SEC | CAP, false, 0, change_root},
    {"change the directory", SEC, true, 0, change_directory},
    {"watch files", SEC, true, 0, watch_files},
    {"watch a file system", SEC | CAP, false, 0, watch_filesystem},
    {"copy a file to the channel in the kernel", SEC, true, 0, copy_to_channel},
    {"direct signals of the channel", SEC, true, 0, set_owner_of_channel},
    {"set an extended attribute", SEC, false, 0, set_extended_attribute},
    {"make the artifact set-user-ID", SEC | NS, false, 0, change_mode},

    {"connect by TCP", SEC | NS | LL, true, 0, connect_tcp},
    {"bind a TCP port", SEC | LL, true, 0, bind_tcp},
    {"connect by UDP", SEC | NS, true, 0, connect_udp},
    {"connect to a Unix socket by path", SEC | NS, true, 0, connect_unix_path},
    {"connect to an abstract Unix socket", SEC | NS | LL, true, 0, connect_unix_abstract},
    {"connect by vsock", SEC, false, 0, connect_vsock},
    {"make a netlink socket", SEC, true, 0, netlink_socket},
    {"make a raw socket", SEC | CAP, true, 0, raw_socket},
    {"make a packet socket", SEC | CAP, false, 0, packet_socket},
    {"make a crypto socket", SEC, false, 0, crypto_socket},
    {"listen on the channel", SEC, true, 0, listen_on_channel},
    {"ask the channel by ioctl", SEC, true, 0, query_channel},
    {"send a descriptor out", SEC, true, WARMS | S(SESSION), send_descriptor_out},
    {"receive a descriptor", SEC, true, WARMS | S(SESSION), receive_descriptor},
};

const size_t outside_attack_count = PA_ARRAY_LEN(outside_attacks);
