/* Warm processes for the command line: both ends of the socket, and a process to hand over. */
#include "test.h"

#include "base/io.h"
#include "base/strv.h"
#include "run/handover.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char *root, *folder, *path; /* of the socket */
    int listener;
};

static int set_up(void **state) {
    struct fixture *f = pa_xcalloc(1, sizeof(*f));
    struct pa_error err;
    f->root = pa_xstrdup("/tmp/pa-handover-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    f->folder = pa_path_join(f->root, "run");
    f->path = pa_path_join(f->folder, "s.sock");
    setenv("POLYAGENT_SOCKET", f->path, 1);
    f->listener = pa_handover_listen(f->path, &err);
    if (f->listener < 0)
        fail_msg("%s", err.message);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    pa_closep(&f->listener);
    unlink(f->path);
    rmdir(f->folder);
    int left = rmdir(f->root);
    free(f->root);
    free(f->folder);
    free(f->path);
    free(f);
    return left;
}

/* --- a process to hand over ------------------------------------------------------------------- */

static int reap_echo(struct pa_worker *worker, bool want_status) {
    int status = 0;
    (void)want_status;
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(worker->socket);
    close(worker->pidfd);
    return status;
}

/* A process that echoes what it is sent, and exits with 7 at the end of that. */
static struct pa_worker make_worker(void) {
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct pa_worker worker = {.socket = pair[0], .reap = reap_echo, .pid = fork()};
    if (worker.pid == 0) {
        char byte;
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* a test that fails leaves nothing behind */
        close(pair[0]);
        while (read(pair[1], &byte, 1) == 1 && write(pair[1], &byte, 1) == 1)
            continue;
        _exit(7);
    }
    close(pair[1]);
    worker.pidfd = (int)syscall(SYS_pidfd_open, worker.pid, 0);
    assert_true(worker.pidfd >= 0);
    snprintf(worker.no_namespaces, sizeof(worker.no_namespaces), "none here");
    return worker;
}

static bool is_gone(pid_t pid) {
    return kill(pid, 0) < 0 && errno == ESRCH;
}

/* --- a server that serves one client ---------------------------------------------------------- */

struct server {
    struct fixture *f;
    pthread_t thread;
    bool refuses;
    int received; /* what pa_handover_receive returned, with these */
    struct pa_want want;
    struct pa_error err;
    pid_t pid; /* of what was handed over */
};

static void *serve_one(void *context) {
    struct server *server = context;
    int connection = accept(server->f->listener, NULL, NULL);
    server->received = pa_handover_receive(connection, &server->want, &server->err);
    if (server->received < 0) {
        pa_handover_reply(connection, NULL, &server->err);
    } else if (server->refuses) {
        struct pa_error why;
        pa_fail(&why, PA_ERR_UNAVAILABLE, "none of that kind");
        pa_handover_reply(connection, NULL, &why);
    } else {
        struct pa_worker worker = make_worker();
        server->pid = worker.pid;
        if (pa_handover_reply(connection, &worker, NULL) < 0)
            pa_worker_discard(&worker);
        else
            pa_handover_hold(connection, &worker);
    }
    close(connection);
    return NULL;
}

static void start_server(struct server *server, struct fixture *f, bool refuses) {
    *server = (struct server){.f = f, .refuses = refuses};
    assert_int_equal(pthread_create(&server->thread, NULL, serve_one, server), 0);
}

static void end_server(struct server *server) {
    pthread_join(server->thread, NULL);
    pa_want_done(&server->want);
}

static struct pa_want want_something(void) {
    struct pa_want want = {.language = "python", .deterministic = true, .interpreter_bytes = 77};
    struct pa_error err;
    pa_policy_init(&want.policy);
    assert_int_equal(pa_policy_add_mount(&want.policy, "/usr", "/here", false, &err), 0);
    assert_int_equal(pa_policy_add_mount(&want.policy, "/tmp", "/there", true, &err), 0);
    pa_policy_set_quota(&want.policy, "/there", "/account", 1000, 10);
    pa_strv_add(&want.preload, pa_xstrdup("numpy"));
    pa_strv_add(&want.preload, pa_xstrdup("pandas"));
    pa_strv_add(&want.paths, pa_xstrdup("/packages/x"));
    want.interpreter = pa_xstrdup("/opt/python.wasm");
    snprintf(want.interpreter_sha256, sizeof(want.interpreter_sha256), "%064d", 7);
    return want;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void a_process_is_handed_over(void **state) {
    struct server server;
    struct pa_want want = want_something();
    struct pa_worker worker;
    struct pa_error err = {0};
    start_server(&server, *state, false);
    if (pa_handover_take(&want, &worker, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(worker.pid, server.pid);
    assert_string_equal(worker.no_namespaces, "none here");
    char byte = 'x';
    assert_int_equal(write(worker.socket, &byte, 1), 1); /* it is the channel ... */
    byte = 0;
    assert_int_equal(read(worker.socket, &byte, 1), 1);
    assert_int_equal(byte, 'x');
    struct pollfd death = {.fd = worker.pidfd, .events = POLLIN}; /* ... and the pidfd */
    assert_int_equal(poll(&death, 1, 0), 0);

    const struct pa_want *got = &server.want;
    assert_string_equal(got->language, "python");
    assert_true(got->deterministic && !got->metered);
    assert_int_equal(got->policy.mount_count, 2);
    assert_string_equal(got->policy.mounts[0].host, "/usr");
    assert_string_equal(got->policy.mounts[0].guest, "/here");
    assert_false(got->policy.mounts[0].writable);
    assert_null(got->policy.mounts[0].account);
    assert_true(got->policy.mounts[1].writable);
    assert_string_equal(got->policy.mounts[1].account, "/account");
    assert_int_equal(got->policy.mounts[1].quota_bytes, 1000);
    assert_int_equal(got->policy.mounts[1].quota_entries, 10);
    assert_int_equal(pa_strv_count(got->preload), 2);
    assert_string_equal(got->preload[1], "pandas");
    assert_int_equal(pa_strv_count(got->paths), 1);
    assert_string_equal(got->interpreter, "/opt/python.wasm");
    assert_string_equal(got->interpreter_sha256, want.interpreter_sha256);
    assert_int_equal(got->interpreter_bytes, 77);

    pa_worker_discard(&worker); /* the connection closes: the server sees to its end */
    end_server(&server);
    assert_true(is_gone(server.pid));
    pa_want_done(&want);
}

/* The server is the one that can know how a process ended. */
static void its_wait_status_comes_from_the_server(void **state) {
    for (int killed = 0; killed <= 1; killed++) {
        struct server server;
        struct pa_want want = want_something();
        struct pa_worker worker;
        struct pa_error err;
        start_server(&server, *state, false);
        assert_int_equal(pa_handover_take(&want, &worker, &err), 0);
        if (killed)
            assert_int_equal(pidfd_send_signal(worker.pidfd, SIGUSR1, NULL, 0), 0);
        else
            shutdown(worker.socket, SHUT_WR);
        struct pollfd death = {.fd = worker.pidfd, .events = POLLIN};
        assert_int_equal(poll(&death, 1, 60000), 1);
        int status = worker.reap(&worker, true);
        if (killed)
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
        else
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
        end_server(&server);
        pa_want_done(&want);
    }
}

static void one_that_lives_is_ended_when_its_status_is_asked_for(void **state) {
    struct server server;
    struct pa_want want = want_something();
    struct pa_worker worker;
    struct pa_error err;
    start_server(&server, *state, false);
    assert_int_equal(pa_handover_take(&want, &worker, &err), 0);
    int status = worker.reap(&worker, true);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    end_server(&server);
    assert_true(is_gone(server.pid));
    pa_want_done(&want);
}

static void a_refusal_says_why(void **state) {
    struct server server;
    struct pa_want want = want_something();
    struct pa_worker worker;
    struct pa_error err;
    start_server(&server, *state, true);
    assert_int_equal(pa_handover_take(&want, &worker, &err), 1);
    assert_non_null(strstr(err.message, "none of that kind"));
    end_server(&server);
    pa_want_done(&want);
}

/* A client that says something else is told, and the next one is served. */
static void what_a_client_may_not_say(void **state) {
    static const char zeros[64], version_3[] = {3, 0, 0, 0};
    const struct {
        const void *bytes;
        size_t size;
        enum pa_error_code code;
    } cases[] = {{NULL, 0, PA_ERR_UNAVAILABLE}, /* it hangs up */
                 {zeros, 1, PA_ERR_INVALID_ARGUMENT},
                 {zeros, sizeof(zeros), PA_ERR_INVALID_ARGUMENT},
                 {version_3, sizeof(version_3), PA_ERR_INVALID_ARGUMENT}};
    struct fixture *f = *state;
    for (size_t i = 0; i < PA_ARRAY_LEN(cases); i++) {
        struct server server;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        start_server(&server, f, false);
        memcpy(address.sun_path, f->path, strlen(f->path));
        int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof(address)), 0);
        if (cases[i].size)
            assert_int_equal(send(connection, cases[i].bytes, cases[i].size, 0), cases[i].size);
        else
            shutdown(connection, SHUT_WR);
        char answer[512];
        assert_true(recv(connection, answer, sizeof(answer), 0) >= 8);
        close(connection);
        end_server(&server);
        assert_int_equal(server.received, -1);
        assert_int_equal(server.err.code, cases[i].code);
        assert_int_equal(server.pid, 0);
    }
}

static void there_is_one_server(void **state) {
    struct fixture *f = *state;
    struct pa_error err;
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(pa_handover_listen(f->path, &err), -1);
    assert_int_equal(err.code, PA_ERR_ALREADY_EXISTS);
    pa_closep(&f->listener); /* it dies, and its socket stays */
    f->listener = pa_handover_listen(f->path, &err);
    assert_true(f->listener >= 0);
}

static void no_server(void **state) {
    struct fixture *f = *state;
    struct pa_want want = want_something();
    struct pa_worker worker;
    struct pa_error err;
    pa_closep(&f->listener);
    assert_int_equal(pa_handover_take(&want, &worker, &err), 1);
    assert_non_null(strstr(err.message, "no server on"));
    unlink(f->path);
    assert_int_equal(pa_handover_take(&want, &worker, &err), 1);
    pa_want_done(&want);
}

/* Where others can put a socket nobody is called, and nobody listens. */
static void a_folder_that_others_may_enter(void **state) {
    struct fixture *f = *state;
    struct pa_want want = want_something();
    struct pa_worker worker;
    struct pa_error err;
    assert_int_equal(chmod(f->folder, 0755), 0);
    assert_int_equal(pa_handover_take(&want, &worker, &err), 1);
    assert_non_null(strstr(err.message, "mode 0700"));
    assert_int_equal(pa_handover_listen(f->path, &err), -1);
    assert_int_equal(err.code, PA_ERR_FAILED_PRECONDITION);
    assert_int_equal(chmod(f->folder, 0700), 0);

    char *link = pa_path_join(f->root, "link"), *through = pa_path_join(link, "s.sock");
    assert_int_equal(symlink(f->folder, link), 0); /* a link is not a folder of ours */
    assert_int_equal(pa_handover_listen(through, &err), -1);
    assert_int_equal(unlink(link), 0);
    free(through);
    free(link);
    pa_want_done(&want);
}

static void paths_that_cannot_be(void **state) {
    struct fixture *f = *state;
    struct pa_error err;
    char *name = pa_xasprintf("%0200d", 0), *path = pa_path_join(f->folder, name);
    assert_int_equal(pa_handover_listen(path, &err), -1);
    assert_non_null(strstr(err.message, "longer than 107 bytes"));
    assert_int_equal(pa_handover_listen("bare.sock", &err), -1);
    assert_non_null(strstr(err.message, "folder of its own"));
    free(path);
    free(name);
}

static void where_the_socket_is(void **state) {
    (void)state;
    char *before = getenv("XDG_RUNTIME_DIR") ? pa_xstrdup(getenv("XDG_RUNTIME_DIR")) : NULL;
    char *mine = pa_xasprintf("/tmp/polyagent-%u/polyagent.sock", getuid());
    const struct {
        const char *socket, *runtime, *path;
    } cases[] = {{"/a/b", "/run/user/1", "/a/b"},
                 {"", "/run/user/1", "/run/user/1/polyagent/polyagent.sock"},
                 {"", "not/absolute", mine},
                 {"", "", mine}};
    for (size_t i = 0; i < PA_ARRAY_LEN(cases); i++) {
        setenv("POLYAGENT_SOCKET", cases[i].socket, 1);
        setenv("XDG_RUNTIME_DIR", cases[i].runtime, 1);
        char *path = pa_handover_path();
        assert_string_equal(path, cases[i].path);
        free(path);
    }
    if (before)
        setenv("XDG_RUNTIME_DIR", before, 1);
    else
        unsetenv("XDG_RUNTIME_DIR");
    free(mine);
    free(before);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_process_is_handed_over),
        TEST(its_wait_status_comes_from_the_server),
        TEST(one_that_lives_is_ended_when_its_status_is_asked_for),
        TEST(a_refusal_says_why),
        TEST(what_a_client_may_not_say),
        TEST(there_is_one_server),
        TEST(no_server),
        TEST(a_folder_that_others_may_enter),
        TEST(paths_that_cannot_be),
        TEST(where_the_socket_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
