/*
 * The supervisor under attack: workers that a guest has taken over (hostile_worker.c) against the
 * loop that runs a job and the pool of warm processes.
 *
 * Whatever they do: one outcome, in time; no process and no descriptor is left.
 */
#include "../unit/test.h"

#include "base/clock.h"
#include "base/log.h"
#include "policy/limits.h"
#include "run/pool.h"
#include "run/supervise.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define WALL_MS  400 /* of a run that would go on for ever; much slack above it is allowed */
#define SLACK_MS 10000

static char *worker_path;

static size_t open_descriptors(void) {
    size_t count = 0;
    DIR *listing = opendir("/proc/self/fd");
    while (readdir(listing))
        count++;
    closedir(listing);
    return count;
}

static size_t descriptors_before;

static int look_before(void **state) {
    descriptors_before = open_descriptors();
    return 0;
}

static int look_after(void **state) {
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(open_descriptors(), descriptors_before);
    return 0;
}

/* --- one job ---------------------------------------------------------------------------------- */

struct attack {
    struct pa_job job;
    struct pa_limits limits;
    struct pa_buf message;
    struct pa_worker worker;
    struct pa_outcome outcome;
    struct pa_error err;
    int result;
    uint64_t took_ms;
};

static void prepare(struct attack *attack, const char *mode) {
    *attack = (struct attack){.message = PA_BUF_INIT(PA_FRAME_MAX_REQUEST)};
    pa_limits_init(&attack->limits);
    pa_buf_append_text(&attack->message, mode);
    attack->job = (struct pa_job){.type = PA_FRAME_RUN,
                                  .message = &attack->message,
                                  .wall_ns = 60 * PA_NS_PER_S,
                                  .cpu_ns = 10 * PA_NS_PER_S,
                                  .limits = &attack->limits,
                                  .wall_limit_name = "timeout_ms",
                                  .cpu_limit_name = "cpu_ms",
                                  .stdin_fd = -1,
                                  .cancel_fd = -1};
    pa_outcome_init(&attack->outcome);
}

/* It is to end for its time: others end by themselves, however slow the machine is. */
static void hurry(struct attack *attack) {
    attack->limits.timeout_ms = WALL_MS;
    attack->job.wall_ns = WALL_MS * PA_NS_PER_MS;
}

static void run_on_worker(struct attack *attack) {
    uint64_t began = pa_clock_monotonic_ns();
    attack->result = pa_job_run(&attack->job, &attack->worker, &attack->outcome, &attack->err);
    attack->took_ms = (pa_clock_monotonic_ns() - began) / PA_NS_PER_MS;
}

static void run(struct attack *attack) {
    if (pa_worker_spawn(worker_path, false, true, &attack->worker, &attack->err) < 0)
        fail_msg("%s", attack->err.message);
    run_on_worker(attack);
}

/* The outcome has `status` and says `text`, and came in time. */
static void expect(struct attack *attack, enum pa_status status, const char *text) {
    if (attack->result != 0)
        fail_msg("an error: %s", attack->err.message);
    if (attack->outcome.status != status || !strstr(attack->outcome.message, text))
        fail_msg("%s: %s", pa_status_name(attack->outcome.status), attack->outcome.message);
    assert_in_range(attack->took_ms, 0, WALL_MS + SLACK_MS);
    pa_outcome_done(&attack->outcome);
    pa_buf_done(&attack->message);
}

static void attack_is(const char *mode, enum pa_status status, const char *text) {
    struct attack attack;
    prepare(&attack, mode);
    if (status == PA_STATUS_TIMEOUT)
        hurry(&attack);
    run(&attack);
    expect(&attack, status, text);
}

static void how_it_dies_is_told(void **state) {
    attack_is("exits", PA_STATUS_CRASHED, "exit status 3");
    attack_is("segfaults", PA_STATUS_CRASHED, "signal 11");
}

static void a_closed_channel_is_an_end(void **state) {
    static const char *const modes[] = {"closes", "shuts_down"};
    for (size_t i = 0; i < PA_ARRAY_LEN(modes); i++) {
        struct attack attack;
        prepare(&attack, modes[i]);
        run(&attack);
        expect(&attack, PA_STATUS_CRASHED, "closed its channel");
        attack_is(modes[i], PA_STATUS_TIMEOUT, "timeout_ms"); /* which is sooner */
    }
}

static void time_is_up_whatever_it_does(void **state) {
    attack_is("silent", PA_STATUS_TIMEOUT, "timeout_ms");
    attack_is("stops_itself", PA_STATUS_TIMEOUT, "timeout_ms");
}

static void only_a_session_ends_a_turn(void **state) {
    attack_is("ends_a_turn", PA_STATUS_CRASHED, "without a session");
    struct attack attack;
    prepare(&attack, "ends_a_turn");
    attack.job.type = PA_FRAME_COMPILE;
    run(&attack);
    assert_false(attack.outcome.session_lives);
    expect(&attack, PA_STATUS_CRASHED, "without a session");
}

static void a_session_that_does_not_read(void **state) {
    struct attack attack;
    prepare(&attack, "ends_a_turn");
    attack.job.session = true;
    run(&attack);
    assert_true(attack.outcome.session_lives);
    pa_buf_done(&attack.message);
    pa_outcome_done(&attack.outcome);

    struct attack next;
    prepare(&next, "");
    hurry(&next);
    next.worker = attack.worker;
    assert_non_null(pa_buf_reserve(&next.message, 8 * PA_MIB));
    memset(next.message.data, 0, 8 * PA_MIB);
    next.message.size = 8 * PA_MIB;
    run_on_worker(&next);
    expect(&next, PA_STATUS_TIMEOUT, "timeout_ms");
}

static int reap_plain(struct pa_worker *worker, bool want_status) {
    int status;
    waitpid(worker->pid, &status, 0);
    close(worker->socket);
    close(worker->pidfd);
    return status;
}

/* Without namespaces, where nothing dies with the worker. */
static void what_it_leaves_behind_holds_nothing_up(void **state) {
    struct attack attack;
    prepare(&attack, "leaves_a_child");
    hurry(&attack);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pair[1], 3);
        execl(worker_path, worker_path, NULL);
        _exit(127);
    }
    close(pair[1]);
    attack.worker = (struct pa_worker){
        .socket = pair[0], .pidfd = pidfd_open(pid, 0), .pid = pid, .reap = reap_plain};
    run_on_worker(&attack);
    expect(&attack, PA_STATUS_TIMEOUT, "timeout_ms");
}

/* --- input and output ------------------------------------------------------------------------- */

static void input_that_nobody_reads(void **state) {
    struct attack attack;
    prepare(&attack, "wants_and_does_not_read");
    attack.job.stdin_bytes = pa_xcalloc(1, 64 * PA_MIB);
    attack.job.stdin_size = 64 * PA_MIB;
    run(&attack);
    free((void *)attack.job.stdin_bytes);
    expect(&attack, PA_STATUS_CRASHED, "did not read");
}

static ssize_t write_slowly(void *context, enum pa_output output, const void *bytes, size_t size,
                            uint64_t deadline_ns) {
    poll(NULL, 0, 150);
    return (ssize_t)size;
}

static void input_for_one_that_has_ended(void **state) {
    struct attack attack;
    const struct pa_sink sink = {.write = write_slowly};
    prepare(&attack, "wants_and_ends");
    attack.job.sink = &sink;
    attack.job.stdin_bytes = "input";
    attack.job.stdin_size = 5;
    run(&attack);
    expect(&attack, PA_STATUS_OK, "");
}

static void floods_are_cut(void **state) {
    struct attack attack;
    prepare(&attack, "floods_stdout");
    run(&attack);
    assert_true(attack.outcome.output[0].kept.size <= attack.limits.stdout_bytes + 200);
    expect(&attack, PA_STATUS_OUTPUT_LIMIT, "output_bytes");
    prepare(&attack, "floods_results");
    run(&attack);
    assert_true(attack.outcome.results.size <= attack.limits.results_bytes);
    expect(&attack, PA_STATUS_OUTPUT_LIMIT, "results_bytes");
    attack_is("sends_descriptors", PA_STATUS_OK, "");
}

static ssize_t write_nothing(void *context, enum pa_output output, const void *bytes, size_t size,
                             uint64_t deadline_ns) {
    struct pollfd never = {.fd = -1};
    uint64_t now = pa_clock_monotonic_ns();
    poll(&never, 1,
         deadline_ns == PA_NEVER ? -1
         : deadline_ns > now     ? (int)((deadline_ns - now) / PA_NS_PER_MS) + 1
                                 : 0);
    return 0;
}

static void a_caller_may_give_up_while_output_waits(void **state) {
    struct attack attack;
    const struct pa_sink sink = {.write = write_nothing};
    const struct itimerspec soon = {.it_value.tv_nsec = 200 * 1000 * 1000};
    int gives_up = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    assert_int_equal(timerfd_settime(gives_up, 0, &soon, NULL), 0);
    prepare(&attack, "fills_the_pipe");
    attack.job.sink = &sink;
    attack.job.cancel_fd = gives_up;
    run(&attack);
    close(gives_up);
    expect(&attack, PA_STATUS_CANCELLED, "caller");
}

struct innocent {
    pid_t pid;
    int pidfd;
};

/* Takes the head; at the tail, which comes when the worker is reaped, nobody listens any more. */
static ssize_t write_head(void *context, enum pa_output output, const void *bytes, size_t size,
                          uint64_t deadline_ns) {
    struct innocent *innocent = context;
    if (!memmem(bytes, size, "left out", 8))
        return (ssize_t)size;
    innocent->pidfd = pidfd_open(innocent->pid, 0); /* gets a number that was the worker's */
    int again = pidfd_open(innocent->pid, 0);
    close(again);
    return -1;
}

static void a_late_loss_of_the_listener_kills_nobody(void **state) {
    struct innocent innocent = {.pid = fork(), .pidfd = -1};
    if (innocent.pid == 0) {
        pause();
        _exit(0);
    }
    struct attack attack;
    const struct pa_sink sink = {.write = write_head, .context = &innocent};
    prepare(&attack, "writes_two_mib");
    attack.limits.stdout_bytes = 1000;
    attack.job.sink = &sink;
    run(&attack);
    poll(NULL, 0, 50);
    assert_true(innocent.pidfd >= 0);
    assert_int_equal(waitpid(innocent.pid, NULL, WNOHANG), 0);
    kill(innocent.pid, SIGKILL);
    waitpid(innocent.pid, NULL, 0);
    close(innocent.pidfd);
    expect(&attack, PA_STATUS_OK, "");
}

/* --- lies ------------------------------------------------------------------------------------- */

static void ends_are_checked(void **state) {
    attack_is("ends_well", PA_STATUS_OK, "");
    attack_is("ends_twice", PA_STATUS_OK, "");
    attack_is("says_it_timed_out", PA_STATUS_CRASHED, "malformed end");
    struct attack attack;
    prepare(&attack, "ends_at_length");
    run(&attack);
    assert_null(strchr(attack.outcome.message, '\033'));
    assert_null(strchr(attack.outcome.kind, '\033'));
    assert_null(strchr(attack.outcome.backtrace, '\033'));
    assert_int_equal(strlen(attack.outcome.backtrace), sizeof(attack.outcome.backtrace) - 1);
    expect(&attack, PA_STATUS_TRAP, "");
}

static void nonsense_is_refused(void **state) {
    attack_is("announces_too_much", PA_STATUS_CRASHED, "announces");
    attack_is("speaks_nonsense", PA_STATUS_CRASHED, "broke the protocol");
    attack_is("speaks_as_a_root", PA_STATUS_CRASHED, "no run sends");
    attack_is("sends_short_frames", PA_STATUS_CRASHED, "log line");
    attack_is("says_it_is_jailed_later", PA_STATUS_CRASHED, "jail report");
}

/* A worker that makes the code first which it runs: `kept` bytes of it at most are taken. */
static void making_is(const char *mode, enum pa_status status, const char *text, size_t kept) {
    struct attack attack;
    struct pa_making making = {.wall_ns = WALL_MS * PA_NS_PER_MS,
                               .cpu_ns = PA_NS_PER_S,
                               .limit_name = "compile_ms",
                               .artifact = PA_BUF_INIT(kept)};
    prepare(&attack, mode);
    if (strstr(text, "timeout_ms"))
        hurry(&attack);
    attack.job.making = &making;
    run(&attack);
    assert_true(making.artifact.size <= kept);
    assert_int_equal(making.artifact.failed, pa_streq(mode, "floods_with_code"));
    /* What it says that it took is not more than there was. */
    assert_in_range(attack.outcome.usage.wall_ns / PA_NS_PER_MS, 0, attack.took_ms);
    assert_in_range(attack.outcome.usage.compile_ns / PA_NS_PER_MS, 0, attack.took_ms);
    expect(&attack, status, text);
    pa_buf_done(&making.artifact);
}

static void what_is_made_is_made_before_it_runs(void **state) {
    making_is("makes_and_ends", PA_STATUS_OK, "", 1);
    making_is("makes_twice", PA_STATUS_CRASHED, "what it made", 1);
    making_is("makes_badly", PA_STATUS_CRASHED, "what it made", 1);
    making_is("writes_before_it_has_made", PA_STATUS_CRASHED, "before it said what it runs", 1);
    making_is("has_code_kept_later", PA_STATUS_CRASHED, "nobody asked for", 1000);
    making_is("floods_with_code", PA_STATUS_OK, "", 1000);
    making_is("silent", PA_STATUS_TIMEOUT, "compile_ms", 1);
    making_is("makes_and_goes_on", PA_STATUS_TIMEOUT, "timeout_ms", 1);
    attack_is("makes_and_ends", PA_STATUS_CRASHED, "what it made"); /* nobody asked */
}

static void a_copy_says_nothing_about_its_jail(void **state) {
    struct attack attack;
    prepare(&attack, "says_it_is_not_jailed");
    attack.job.jailed = true;
    run(&attack);
    assert_string_equal(attack.outcome.jail_missing, attack.worker.no_namespaces);
    expect(&attack, PA_STATUS_CRASHED, "jail report");
}

/* What a job writes to our standard error. */
static void log_of(const char *mode, enum pa_status status, struct pa_buf *ret) {
    int file = memfd_create("log", MFD_CLOEXEC), saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    struct attack attack;
    prepare(&attack, mode);
    dup2(file, STDERR_FILENO);
    run(&attack);
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(attack.outcome.status, status);
    pa_outcome_done(&attack.outcome);
    pa_buf_done(&attack.message);
    off_t size = lseek(file, 0, SEEK_END);
    assert_non_null(pa_buf_reserve(ret, (size_t)size));
    assert_int_equal(pread(file, ret->data, (size_t)size, 0), size);
    ret->data[size] = 0;
    ret->size = (size_t)size;
    close(file);
}

static void the_log_is_not_theirs(void **state) {
    struct pa_buf log = PA_BUF_INIT(64 * PA_MIB);
    log_of("forges_the_log", PA_STATUS_CRASHED, &log);
    assert_null(strstr(pa_buf_text(&log), "all is well"));
    pa_buf_clear(&log);
    log_of("forges_a_log_line", PA_STATUS_CRASHED, &log);
    assert_null(strstr(pa_buf_text(&log), "2026 error cache"));
    pa_buf_clear(&log);
    log_of("floods_the_log", PA_STATUS_OK, &log);
    size_t lines = 0;
    for (size_t i = 0; i < log.size; i++)
        lines += log.data[i] == '\n';
    assert_int_equal(lines, 1001); /* and that the rest is left out */
    pa_buf_done(&log);
}

/* --- warm roots ------------------------------------------------------------------------------- */

struct roots {
    const char *modes[8]; /* of one root after the other; the last for ever */
    unsigned started;
};

static int start_root(void *context, int cancel_fd, struct pa_worker *ret, struct pa_error *err) {
    struct roots *roots = context;
    const char *mode = roots->modes[roots->started];
    if (roots->modes[roots->started + 1])
        roots->started++;
    if (pa_worker_spawn(worker_path, false, true, ret, err) < 0)
        return -1;
    return pa_frame_send(ret->socket, PA_FRAME_WARM, mode, strlen(mode), NULL, 0, true);
}

static struct pa_pool *pool_of(struct roots *roots) {
    struct pa_pool_config config = {.name = "hostile",
                                    .start_root = start_root,
                                    .context = roots,
                                    .idle_least = 1,
                                    .idle_most = 1};
    struct pa_pool *pool;
    struct pa_error err;
    assert_int_equal(pa_pool_new(&config, &pool, &err), 0);
    return pool;
}

/* The pool survives its root for a while, gives nothing, and ends at once when it is told to. */
static void root_is(const char *mode) {
    struct roots roots = {.modes = {mode}};
    struct pa_pool *pool = pool_of(&roots);
    struct pa_worker worker;
    struct pa_error err;
    uint64_t began = pa_clock_monotonic_ns();
    assert_int_equal(pa_pool_take(pool, began + 500 * PA_NS_PER_MS, -1, &worker, &err), -1);
    pa_pool_free(pool);
    assert_in_range((pa_clock_monotonic_ns() - began) / PA_NS_PER_MS, 0, 500 + SLACK_MS);
}

static void a_pool_ends_whatever_its_root_does(void **state) {
    root_is("root_says_nothing");
    root_is("root_sends_descriptors");
    root_is("root_trickles");
    root_is("root_floods_stdout");
    struct pa_error err;
    assert_int_equal(pa_log_configure("off", PA_LOG_TEXT, &err), 0);
    root_is("root_floods_the_log");
    assert_int_equal(pa_log_configure("warn,warm=error", PA_LOG_TEXT, &err), 0);
}

static void a_root_that_does_not_start_is_told_at_once(void **state) {
    struct roots roots = {.modes = {"exits"}};
    struct pa_pool *pool = pool_of(&roots);
    struct pa_worker worker;
    struct pa_error err;
    uint64_t began = pa_clock_monotonic_ns();
    assert_int_equal(pa_pool_take(pool, began + 60 * PA_NS_PER_S, -1, &worker, &err), -1);
    assert_int_equal(err.code, PA_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "no warm process of hostile: hostile: "));
    assert_in_range((pa_clock_monotonic_ns() - began) / PA_NS_PER_MS, 0, SLACK_MS);
    pa_pool_free(pool);
}

/* A client that hangs up while it waits. */
static void who_waits_may_give_up(void **state) {
    struct roots roots = {.modes = {"root_says_nothing"}};
    struct pa_pool *pool = pool_of(&roots);
    struct pa_worker worker;
    struct pa_error err;
    int gone = eventfd(1, EFD_CLOEXEC);
    uint64_t began = pa_clock_monotonic_ns();
    assert_int_equal(pa_pool_take(pool, began + 60 * PA_NS_PER_S, gone, &worker, &err), -1);
    assert_int_equal(err.code, PA_ERR_CANCELLED);
    pa_pool_free(pool);
    close(gone);
    assert_in_range((pa_clock_monotonic_ns() - began) / PA_NS_PER_MS, 0, SLACK_MS);
}

/* As one that compiles a large interpreter. */
static int start_for_ever(void *context, int cancel_fd, struct pa_worker *ret,
                          struct pa_error *err) {
    struct pollfd polled = {.fd = cancel_fd, .events = POLLIN};
    poll(&polled, 1, -1);
    return pa_fail(err, PA_ERR_CANCELLED, "it was told to end");
}

static void a_pool_ends_while_its_root_is_being_compiled(void **state) {
    struct pa_pool_config config = {.name = "slow", .start_root = start_for_ever, .idle_most = 1};
    struct pa_pool *pool;
    struct pa_error err;
    uint64_t began = pa_clock_monotonic_ns();
    assert_int_equal(pa_pool_new(&config, &pool, &err), 0);
    poll(NULL, 0, 50);
    pa_pool_free(pool);
    assert_in_range((pa_clock_monotonic_ns() - began) / PA_NS_PER_MS, 0, SLACK_MS);
}

static struct pa_pool_stats wait_for_copy(struct pa_pool *pool) {
    struct pa_pool_stats stats = {0};
    for (int i = 0; i < 100 && !stats.idle; i++) {
        poll(NULL, 0, 50);
        pa_pool_stats(pool, &stats);
    }
    assert_int_equal(stats.idle, 1);
    return stats;
}

/* Without descriptors for another copy the root stays, and is asked again when there are some. */
static void a_root_outlives_a_lack_of_descriptors(void **state) {
    struct roots roots = {.modes = {"root_of_one_copy"}};
    struct pa_pool *pool = pool_of(&roots);
    struct pa_worker worker;
    struct pa_error err;
    struct rlimit before;
    wait_for_copy(pool);
    getrlimit(RLIMIT_NOFILE, &before);
    const struct rlimit none = {3, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    int taken = pa_pool_take(pool, PA_NEVER, -1, &worker, &err);
    poll(NULL, 0, 1200); /* it tries, and tries again */
    struct pa_pool_stats stats;
    pa_pool_stats(pool, &stats);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(taken, 0);
    assert_int_equal(stats.idle, 0);
    assert_int_equal(wait_for_copy(pool).root_starts, 1);
    pa_worker_discard(&worker);
    pa_pool_free(pool);
}

/* A copy's number means nothing once there is another root. */
static void the_end_of_another_roots_copy_is_not_told(void **state) {
    struct roots roots = {.modes = {"root_reuses_numbers", "root_of_one_copy"}};
    struct pa_pool *pool = pool_of(&roots);
    struct pa_pool_stats stats = {0};
    struct pa_worker worker;
    struct pa_error err;
    for (int i = 0; i < 100 && (stats.root_starts < 2 || !stats.idle); i++) {
        poll(NULL, 0, 50);
        pa_pool_stats(pool, &stats);
    }
    assert_int_equal(stats.root_starts, 2);
    assert_int_equal(pa_pool_take(pool, PA_NEVER, -1, &worker, &err), 0);
    pidfd_send_signal(worker.pidfd, SIGKILL, NULL, 0);
    assert_int_equal(worker.reap(&worker, true), SIGKILL);
    pa_pool_free(pool);
}

/* --- main ------------------------------------------------------------------------------------- */

int main(int argc, char **argv) {
    struct pa_error err;
    if (argc < 2)
        return 2;
    worker_path = argv[1];
    if (argc > 2)
        cmocka_set_test_filter(argv[2]);
    signal(SIGPIPE, SIG_IGN);
    pa_log_configure("warn,warm=error", PA_LOG_TEXT, &err);
#define TEST(name) cmocka_unit_test_setup_teardown(name, look_before, look_after)
    const struct CMUnitTest tests[] = {
        TEST(how_it_dies_is_told),
        TEST(a_closed_channel_is_an_end),
        TEST(time_is_up_whatever_it_does),
        TEST(only_a_session_ends_a_turn),
        TEST(a_session_that_does_not_read),
        TEST(what_it_leaves_behind_holds_nothing_up),
        TEST(input_that_nobody_reads),
        TEST(input_for_one_that_has_ended),
        TEST(floods_are_cut),
        TEST(a_caller_may_give_up_while_output_waits),
        TEST(a_late_loss_of_the_listener_kills_nobody),
        TEST(ends_are_checked),
        TEST(nonsense_is_refused),
        TEST(what_is_made_is_made_before_it_runs),
        TEST(a_copy_says_nothing_about_its_jail),
        TEST(the_log_is_not_theirs),
        TEST(a_pool_ends_whatever_its_root_does),
        TEST(a_root_that_does_not_start_is_told_at_once),
        TEST(who_waits_may_give_up),
        TEST(a_pool_ends_while_its_root_is_being_compiled),
        TEST(a_root_outlives_a_lack_of_descriptors),
        TEST(the_end_of_another_roots_copy_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
