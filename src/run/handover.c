#include "run/handover.h"

#include "base/io.h"
#include "base/wire.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 65536
#define VERSION     3

/* How a copy ended, as the server tells its supervisor. */
struct fate {
    int status; /* as of wait(2) */
    uint64_t cpu_ns;
};

char *pa_handover_path(void) {
    const char *path = getenv("POLYAGENT_SOCKET");
    if (path && *path)
        return pa_xstrdup(path);
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime && *runtime == '/')
        return pa_path_join(runtime, "polyagent/polyagent.sock");
    return pa_xasprintf("/tmp/polyagent-%u/polyagent.sock", getuid());
}

static int fill_address(const char *path, struct sockaddr_un *ret, struct pa_error *err) {
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(ret->sun_path))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the socket's path is longer than %zu bytes: %s", sizeof(ret->sun_path) - 1,
                       path);
    memcpy(ret->sun_path, path, strlen(path));
    return 0;
}

/* NULL where there is none but the root. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;
}

/* A folder that only we can enter, so that nobody else can put a socket there: neither one that we
 * listen on, nor one that takes our call and never answers. */
static int check_folder(const char *folder, struct pa_error *err) {
    struct stat st;
    if (lstat(folder, &st) < 0)
        return pa_fail_errno(err, errno, "cannot stat %s", folder);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
        return pa_fail(
            err, PA_ERR_FAILED_PRECONDITION,
            "%s must be a folder of ours that nobody else may enter (mode 0700), for the "
            "socket of the command line (server.socket_path)",
            folder);
    return 0;
}

/* The other end is a process of our user. */
static int check_peer(int connection, struct pa_error *err) {
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return pa_fail_errno(err, errno, "cannot tell who is on the socket");
    if (peer.uid != geteuid())
        return pa_fail(err, PA_ERR_PERMISSION_DENIED, "the other end of the socket is user %u",
                       peer.uid);
    return 0;
}

static char **copy_list(char *const *list) {
    char **copy = NULL;
    for (; list && *list; list++)
        pa_strv_add(&copy, pa_xstrdup(*list));
    return copy;
}

void pa_want_init(struct pa_want *want, const struct pa_image *image,
                  const struct pa_policy *policy) {
    const struct pa_pack *pack = image->pack;
    *want = (struct pa_want){.metered = pa_policy_metered(policy),
                             .deterministic = policy->deterministic,
                             .preload = copy_list(image->preload),
                             .paths = copy_list(image->paths)};
    pa_policy_copy(&want->policy, policy);
    snprintf(want->language, sizeof(want->language), "%s", pack->name);
    if (!pack->module_file)
        return;
    want->interpreter = pa_xstrdup(pack->module_file);
    memcpy(want->interpreter_sha256, pack->module_sha256, sizeof(want->interpreter_sha256));
    want->interpreter_bytes = pack->module_bytes;
}

void pa_want_done(struct pa_want *want) {
    pa_policy_done(&want->policy);
    want->preload = pa_strv_free(want->preload);
    want->paths = pa_strv_free(want->paths);
    free(pa_steal(&want->interpreter));
}

/* --- messages --------------------------------------------------------------------------------- */

static int send_message(int socket, const struct pa_buf *message, const int *fds, size_t fd_count) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec iov = {message->data, message->size};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd_count) {
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        *CMSG_FIRSTHDR(&header) = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                                                   .cmsg_type = SCM_RIGHTS,
                                                   .cmsg_len = CMSG_LEN(fd_count * sizeof(int))};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), fds, fd_count * sizeof(int));
    }
    return sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static ssize_t receive_message(int socket, void *out, size_t room, int *fds, size_t *ret_fd_count) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = {out, room};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control)};
    *ret_fd_count = 0;
    ssize_t n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    struct cmsghdr *head = n < 0 ? NULL : CMSG_FIRSTHDR(&header);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
        *ret_fd_count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(head), *ret_fd_count * sizeof(int));
    }
    return n;
}

static void put_list(struct pa_buf *buf, char *const *list) {
    pa_put_u32(buf, (uint32_t)pa_strv_count(list));
    for (; list && *list; list++)
        pa_put_text(buf, *list);
}

static char **get_list(struct pa_reader *reader) {
    char **list = NULL;
    uint32_t count = pa_get_count(reader, 4);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        char *text = pa_get_text(reader);
        if (text)
            pa_strv_add(&list, text);
    }
    return list;
}

static void encode_want(const struct pa_want *want, struct pa_buf *buf) {
    pa_put_u32(buf, VERSION);
    pa_put_text(buf, want->language);
    pa_put_u8(buf, want->metered);
    pa_put_u8(buf, want->deterministic);
    pa_put_u32(buf, (uint32_t)want->policy.mount_count);
    for (size_t i = 0; i < want->policy.mount_count; i++) {
        pa_put_text(buf, want->policy.mounts[i].host);
        pa_put_text(buf, want->policy.mounts[i].guest);
        pa_put_u8(buf, want->policy.mounts[i].writable);
        pa_put_text(buf, want->policy.mounts[i].account ? want->policy.mounts[i].account : "");
        pa_put_u64(buf, want->policy.mounts[i].quota_bytes);
        pa_put_u64(buf, want->policy.mounts[i].quota_entries);
    }
    put_list(buf, want->preload);
    put_list(buf, want->paths);
    pa_put_text(buf, want->interpreter ? want->interpreter : "");
    pa_put_text(buf, want->interpreter_sha256);
    pa_put_u64(buf, want->interpreter_bytes);
}

static int decode_want(const uint8_t *bytes, size_t size, struct pa_want *ret,
                       struct pa_error *err) {
    struct pa_reader reader = PA_READER(bytes, size);
    uint32_t version = pa_get_u32(&reader);
    pa_get_text_into(&reader, ret->language, sizeof(ret->language));
    ret->metered = pa_get_u8(&reader);
    ret->deterministic = pa_get_u8(&reader);
    uint32_t mounts = pa_get_count(&reader, 29);
    for (uint32_t i = 0; i < mounts && !reader.failed; i++) {
        PA_CLEANUP(pa_freep) char *host = pa_get_text(&reader);
        PA_CLEANUP(pa_freep) char *guest = pa_get_text(&reader);
        bool writable = pa_get_u8(&reader);
        PA_CLEANUP(pa_freep) char *account = pa_get_text(&reader);
        uint64_t quota_bytes = pa_get_u64(&reader), quota_entries = pa_get_u64(&reader);
        if (reader.failed)
            break;
        if (pa_policy_add_mount(&ret->policy, host, guest, writable, err) < 0)
            return -1;
        if (*account)
            pa_policy_set_quota(&ret->policy, guest, account, quota_bytes, quota_entries);
    }
    ret->preload = get_list(&reader);
    ret->paths = get_list(&reader);
    ret->interpreter = pa_get_text(&reader);
    if (ret->interpreter && !*ret->interpreter)
        free(pa_steal(&ret->interpreter));
    pa_get_text_into(&reader, ret->interpreter_sha256, sizeof(ret->interpreter_sha256));
    ret->interpreter_bytes = pa_get_u64(&reader);
    if (!pa_reader_ok(&reader) || version != VERSION)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the client speaks another version: restart the server");
    return 0;
}

/* --- the client ------------------------------------------------------------------------------- */

/* The context of a worker that was handed over: its connection. */
static int reap_handed_over(struct pa_worker *worker, bool want_status) {
    int connection = (int)(intptr_t)worker->context;
    struct fate fate = {0};
    if (!want_status || send(connection, "?", 1, MSG_NOSIGNAL) != 1 ||
        recv(connection, &fate, sizeof(fate), 0) != sizeof(fate))
        fate = (struct fate){.status = SIGKILL}; /* where the server does not know better */
    worker->cpu_ns = fate.cpu_ns;
    close(worker->socket);
    close(worker->pidfd);
    close(connection);
    return fate.status;
}

int pa_handover_take(const struct pa_want *want, struct pa_worker *ret, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *path = pa_handover_path();
    struct sockaddr_un address;
    PA_CLEANUP(pa_closep) int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    PA_CLEANUP(pa_freep) char *folder = folder_of(path);
    if (!folder)
        pa_fail(err, PA_ERR_INVALID_ARGUMENT, "a socket has a folder of its own");
    if (!folder || check_folder(folder, err) < 0) {
        pa_error_prefix(err, "no server on %s", path);
        return 1;
    }
    if (connection < 0 || fill_address(path, &address, err) < 0 ||
        connect(connection, (struct sockaddr *)&address, sizeof(address)) < 0) {
        pa_fail_errno(err, errno, "no server on %s", path);
        return 1;
    }
    if (check_peer(connection, err) < 0)
        return 1;
    struct pa_buf message = PA_BUF_INIT(MESSAGE_MAX);
    encode_want(want, &message);
    int sent = message.failed ? -1 : send_message(connection, &message, NULL, 0);
    pa_buf_done(&message);
    uint8_t bytes[4096];
    int fds[2] = {-1, -1};
    size_t fd_count = 0;
    ssize_t n = sent < 0 ? -1 : receive_message(connection, bytes, sizeof(bytes), fds, &fd_count);
    struct pa_reader reader = PA_READER(bytes, n > 0 ? (size_t)n : 0);
    uint32_t pid = pa_get_u32(&reader);
    char text[512];
    pa_get_text_into(&reader, text, sizeof(text));
    if (!pa_reader_ok(&reader) || !pid || fd_count != 2) {
        pa_closep(&fds[0]);
        pa_closep(&fds[1]);
        pa_fail(err, PA_ERR_UNAVAILABLE, "the server on %s: %s", path,
                pa_reader_ok(&reader) ? text : "no answer");
        return 1;
    }
    *ret = (struct pa_worker){.socket = fds[0],
                              .pidfd = fds[1],
                              .pid = (pid_t)pid,
                              .reap = reap_handed_over,
                              .context = (void *)(intptr_t)pa_steal_fd(&connection)};
    snprintf(ret->no_namespaces, sizeof(ret->no_namespaces), "%.159s", text);
    return 0;
}

int pa_handover_hold(int connection, struct pa_worker *worker) {
    char byte;
    ssize_t n;
    while ((n = recv(connection, &byte, 1, 0)) < 0 && errno == EINTR)
        continue;
    if (n != 1) {
        pa_worker_discard(worker);
        return 0;
    }
    pidfd_send_signal(worker->pidfd, SIGKILL, NULL, 0); /* a dead one keeps its status */
    worker->cpu_ns = 0;
    struct fate fate = {.status = worker->reap(worker, true)};
    fate.cpu_ns = worker->cpu_ns;
    return send(connection, &fate, sizeof(fate), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* --- the server ------------------------------------------------------------------------------- */

/* Two servers that start at once: only one may look for the other, remove what is dead, and bind.
 */
static int lock_folder(const char *path, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *folder = folder_of(path);
    PA_CLEANUP(pa_closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        return pa_fail_errno(err, errno, "cannot lock %s", folder);
    return pa_steal_fd(&fd);
}

static int make_folder(const char *path, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *folder = folder_of(path);
    if (!folder)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the socket %s needs a folder of its own",
                       path);
    return pa_mkdir_parents(folder, 0700, err) < 0 ? -1 : check_folder(folder, err);
}

int pa_handover_listen(const char *path, struct pa_error *err) {
    struct sockaddr_un address;
    if (make_folder(path, err) < 0 || fill_address(path, &address, err) < 0)
        return -1;
    PA_CLEANUP(pa_closep) int lock = lock_folder(path, err);
    if (lock < 0)
        return -1;
    PA_CLEANUP(pa_closep) int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (listener < 0)
        return pa_fail_errno(err, errno, "cannot create a socket");
    if (connect(listener, (struct sockaddr *)&address, sizeof(address)) == 0)
        return pa_fail(err, PA_ERR_ALREADY_EXISTS, "a server is running already on %s", path);
    unlink(path);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0600) < 0 ||
        listen(listener, 128) < 0)
        return pa_fail_errno(err, errno, "cannot listen on %s", path);
    return pa_steal_fd(&listener);
}

int pa_handover_receive(int connection, struct pa_want *ret, struct pa_error *err) {
    PA_CLEANUP(pa_freep) uint8_t *bytes = pa_xcalloc(1, MESSAGE_MAX);
    *ret = (struct pa_want){0};
    pa_policy_init(&ret->policy);
    if (check_peer(connection, err) < 0)
        return -1;
    ssize_t n = recv(connection, bytes, MESSAGE_MAX, 0);
    if (n <= 0)
        return pa_fail(err, PA_ERR_UNAVAILABLE, "the client went away");
    return decode_want(bytes, (size_t)n, ret, err);
}

int pa_handover_reply(int connection, const struct pa_worker *worker, const struct pa_error *why) {
    struct pa_buf message = PA_BUF_INIT(4096);
    pa_put_u32(&message, worker ? (uint32_t)worker->pid : 0);
    pa_put_text(&message, worker ? worker->no_namespaces : why->message);
    int fds[] = {worker ? worker->socket : -1, worker ? worker->pidfd : -1};
    int sent = send_message(connection, &message, fds, worker ? 2 : 0);
    pa_buf_done(&message);
    return sent;
}
