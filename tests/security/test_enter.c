/*
 * What a jailed process has left, seen from inside and from outside: its files, limits,
 * capabilities, and what pa_jail_enter says when a layer is missing.  What it is kept from is
 * test_probe.c's.
 *
 *     test_enter CHECK NAMESPACES      the jailed side: reports "ok" or what is wrong on descriptor
 * 3
 */
#include "../unit/test.h"
#include "jail/jail.h"
#include "jail/jail_internal.h"
#include "jail/spawn.h"
#include "base/io.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANNEL_FD  3
#define ARTIFACT_FD 4
#define READ_FD     5
#define WRITE_FD    6

#define DATA_LIMIT (UINT64_C(256) << 20)

/* --- the jailed side
 * ------------------------------------------------------------------------------ */

static PA_NORETURN void say(const char *fmt, ...) PA_PRINTF(1, 2);
static void say(const char *fmt, ...) {
    char text[900];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    _exit(write(CHANNEL_FD, text, strlen(text)) < 0);
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            say("line %d: %s (errno %d)", __LINE__, #condition, errno);                            \
    } while (0)

static struct pa_jail usual(enum pa_jail_stage stage, bool namespaces) {
    static const int keep[] = {CHANNEL_FD};
    return (struct pa_jail){.stage = stage,
                            .required = namespaces,
                            .in_namespaces = namespaces,
                            .keep_fds = keep,
                            .keep_fd_count = 1,
                            .artifact_fd = -1,
                            .data_bytes = DATA_LIMIT,
                            .cpu_seconds = 1,
                            .open_files = 64};
}

static struct pa_jail_report enter(const struct pa_jail *jail) {
    struct pa_jail_report report;
    struct pa_error err = {0};
    if (pa_jail_enter(jail, &report, &err) < 0)
        say("%s", err.message);
    return report;
}

static void check_artifact(bool namespaces) {
    struct pa_jail jail = usual(PA_JAIL_LOAD, namespaces);
    jail.artifact_fd = ARTIFACT_FD;
    struct pa_jail_report report = enter(&jail);
    const char *path = pa_jail_artifact_path(&jail, &report);
    EXPECT(!namespaces || pa_streq(path, "/artifact"));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    EXPECT(fd >= 0);
    char *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    EXPECT(code != MAP_FAILED);
    EXPECT(memcmp(code, "artifact", 8) == 0);
    EXPECT(mprotect(code, 4096, PROT_READ | PROT_EXEC) == 0);
    struct pa_error err;
    EXPECT(pa_jail_narrow(PA_JAIL_RUN, true, &err) == 0);
    EXPECT(open(path, O_RDONLY | O_CLOEXEC) < 0);
    say("ok");
}

static void check_directories(bool namespaces) {
    const struct pa_jail_dir dirs[] = {{READ_FD, false}, {WRITE_FD, true}};
    struct pa_jail jail = usual(PA_JAIL_LOAD, namespaces); /* LOAD: openat is at hand */
    struct stat root, above;
    jail.dirs = dirs;
    jail.dir_count = 2;
    enter(&jail);
    EXPECT(openat(READ_FD, "there", O_RDONLY) >= 0);
    EXPECT(mkdirat(WRITE_FD, "made", 0700) == 0);
    EXPECT(renameat(WRITE_FD, "made", WRITE_FD, "moved") == 0);
    EXPECT(unlinkat(WRITE_FD, "moved", AT_REMOVEDIR) == 0);
    EXPECT(mkdirat(READ_FD, "made", 0700) < 0);
    if (namespaces) {
        EXPECT(fstatat(AT_FDCWD, "/", &root, 0) == 0 && fstatat(READ_FD, "..", &above, 0) == 0);
        EXPECT(root.st_ino == above.st_ino && root.st_dev == above.st_dev);
        EXPECT(fstatat(AT_FDCWD, "/etc", &above, 0) < 0 && errno == ENOENT);
        EXPECT(fstatat(AT_FDCWD, "/..", &above, 0) == 0 && root.st_ino == above.st_ino);
        EXPECT(fstatat(AT_FDCWD, ".", &above, 0) == 0 && root.st_ino == above.st_ino);
    }
    say("ok");
}

static void check_best_effort(void) {
    const struct pa_jail jail = usual(PA_JAIL_RUN, false);
    struct pa_jail_report report = enter(&jail);
    EXPECT(!report.entered[PA_LAYER_NAMESPACES]);
    EXPECT(strncmp(report.missing, "namespaces: ", 12) == 0);
    EXPECT(report.entered[PA_LAYER_SECCOMP] && report.entered[PA_LAYER_RLIMITS]);
    EXPECT(report.entered[PA_LAYER_CAPABILITIES]);
    say("ok");
}

static void check_required(void) {
    struct pa_jail jail = usual(PA_JAIL_RUN, false);
    struct pa_jail_report report;
    struct pa_error err = {0};
    jail.required = true;
    EXPECT(pa_jail_enter(&jail, &report, &err) < 0);
    EXPECT(err.code == PA_ERR_FAILED_PRECONDITION);
    EXPECT(strstr(err.message, "namespaces") && strstr(err.message, "doctor"));
    say("ok");
}

static void *stay(void *gate) {
    pthread_mutex_lock(gate);
    return NULL;
}

static void check_threads(bool namespaces) {
    const struct pa_jail jail = usual(PA_JAIL_RUN, namespaces);
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t thread;
    struct pa_jail_report report;
    struct pa_error err = {0};
    pthread_mutex_lock(&gate);
    EXPECT(pthread_create(&thread, NULL, stay, &gate) == 0);
    EXPECT(pa_jail_enter(&jail, &report, &err) < 0 && err.code == PA_ERR_INTERNAL);
    say("ok");
}

static void check_limits(bool namespaces) {
    const struct pa_jail jail = usual(PA_JAIL_RUN, namespaces);
    enter(&jail);
    const struct {
        __rlimit_resource_t which;
        rlim_t value;
    } rows[] = {{RLIMIT_CORE, 0},    {RLIMIT_NPROC, 0},         {RLIMIT_MEMLOCK, 0},
                {RLIMIT_NOFILE, 64}, {RLIMIT_DATA, DATA_LIMIT}, {RLIMIT_CPU, 1},
                {RLIMIT_RTPRIO, 0},  {RLIMIT_MSGQUEUE, 0}};
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++) {
        struct rlimit limit;
        EXPECT(getrlimit(rows[i].which, &limit) == 0);
        EXPECT(limit.rlim_cur == rows[i].value && limit.rlim_max == rows[i].value);
    }
    say("ok");
}

static void check_standard_fds(bool namespaces) {
    const struct pa_jail jail = usual(PA_JAIL_RUN, namespaces);
    struct stat st;
    close(0), close(1), close(2);
    EXPECT(open("/dev/zero", O_RDONLY) == 0);
    enter(&jail);
    for (int fd = 0; fd < 3; fd++)
        EXPECT(fstat(fd, &st) == 0 && st.st_rdev == (1 << 8 | 3));
    EXPECT(fstat(ARTIFACT_FD, &st) < 0 && errno == EBADF);
    say("ok");
}

/* Filters nothing was entered before: narrowing must then be the whole filter. */
static void check_narrow_alone(void) {
    struct pa_error err;
    EXPECT(pa_jail_narrow(PA_JAIL_RUN, true, &err) == 0);
    getppid(); /* not in the table */
    say("narrowing alone let a call through");
}

static void check_spin(bool namespaces) {
    const struct pa_jail jail = usual(PA_JAIL_RUN, namespaces);
    enter(&jail);
    for (volatile uint64_t i = 0;; i++)
        ;
}

/* Jailed, it waits to be looked at from outside. */
static void check_outside(bool namespaces) {
    const struct pa_jail jail = usual(PA_JAIL_WARM, namespaces);
    char byte;
    enter(&jail);
    EXPECT(write(CHANNEL_FD, "ok", 2) == 2);
    _exit(read(CHANNEL_FD, &byte, 1) != 1);
}

static int jailed_main(const char *check, bool namespaces) {
    if (pa_streq(check, "artifact"))
        check_artifact(namespaces);
    else if (pa_streq(check, "directories"))
        check_directories(namespaces);
    else if (pa_streq(check, "best-effort"))
        check_best_effort();
    else if (pa_streq(check, "required"))
        check_required();
    else if (pa_streq(check, "threads"))
        check_threads(namespaces);
    else if (pa_streq(check, "limits"))
        check_limits(namespaces);
    else if (pa_streq(check, "standard-fds"))
        check_standard_fds(namespaces);
    else if (pa_streq(check, "narrow-alone"))
        check_narrow_alone();
    else if (pa_streq(check, "spin"))
        check_spin(namespaces);
    else if (pa_streq(check, "outside"))
        check_outside(namespaces);
    return 1;
}

/* --- the outside
 * ----------------------------------------------------------------------------------- */

static bool have_namespaces;

static int look_around(void **state) {
    struct pa_jail_probe probe;
    pa_jail_probe(&probe);
    have_namespaces = probe.available[PA_LAYER_NAMESPACES];
    if (!have_namespaces && getenv("PA_TESTS_STRICT"))
        fail_msg("this machine has no namespaces: %s", probe.why_not[PA_LAYER_NAMESPACES]);
    return 0;
}

struct jailed {
    struct pa_child child;
    int channel;
    char text[1000];
};

static void start(struct jailed *j, const char *check, bool namespaces, bool nobody,
                  const struct pa_fd_map *extra, size_t extra_count) {
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct pa_fd_map map[4] = {{pair[1], CHANNEL_FD}};
    for (size_t i = 0; i < extra_count; i++)
        map[i + 1] = extra[i];
    char *argv[] = {"test_enter", (char *)(uintptr_t)check, namespaces ? "1" : "0", NULL};
    const struct pa_spawn how = {.exec_fd = -1,
                                 .path = "/proc/self/exe",
                                 .argv = argv,
                                 .fds = map,
                                 .fd_count = 1 + extra_count,
                                 .namespaces = namespaces,
                                 .nobody = nobody};
    struct pa_error err;
    if (pa_spawn(&how, &j->child, &err) < 0)
        fail_msg("%s", err.message);
    close(pair[1]);
    j->channel = pair[0];
}

static void finish(struct jailed *j, siginfo_t *ret_end) {
    siginfo_t end = {0};
    assert_int_equal(waitid(P_PID, (id_t)j->child.pid, &end, WEXITED | WNOWAIT), 0);
    if (ret_end)
        *ret_end = end;
    pa_child_done(&j->child);
    close(j->channel);
}

static void must_be_ok(const char *check, bool namespaces, bool nobody,
                       const struct pa_fd_map *extra, size_t extra_count) {
    struct jailed j;
    if (namespaces && !have_namespaces)
        return;
    start(&j, check, namespaces, nobody, extra, extra_count);
    ssize_t size = pa_read_full(j.channel, j.text, sizeof(j.text) - 1);
    j.text[PA_MAX(size, 0)] = '\0';
    siginfo_t end;
    finish(&j, &end);
    if (!pa_streq(j.text, "ok"))
        fail_msg("%s (namespaces %d, nobody %d): %s (end %d %d)", check, namespaces, nobody, j.text,
                 end.si_code, end.si_status);
}

/* 0600, and ours: uid nobody may not open it by any path. */
static void artifact_is_readable_and_becomes_code(void **state) {
    char path[] = "/tmp/pa-enter-XXXXXX";
    int writable = mkostemp(path, O_CLOEXEC);
    assert_true(writable >= 0);
    assert_int_equal(pa_write_full(writable, "artifact", 8), 0);
    assert_int_equal(ftruncate(writable, 5 << 20), 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int memory = pa_memfd_of("artifact", "artifact", 8, NULL);
    assert_int_equal(ftruncate(memory, 8192), 0);
    const struct pa_fd_map file[] = {{fd, ARTIFACT_FD}}, unnamed[] = {{memory, ARTIFACT_FD}};
    for (int i = 0; i < 4; i++) {
        must_be_ok("artifact", i & 1, i >> 1, file, 1);
        must_be_ok("artifact", i & 1, i >> 1, unnamed, 1);
    }
    unlink(path); /* open, but no path leads to it */
    must_be_ok("artifact", true, false, file, 1);
    close(fd), close(writable), close(memory);
}

static void directories_are_what_was_given(void **state) {
    char base[] = "/tmp/pa-enter-XXXXXX";
    assert_non_null(mkdtemp(base));
    char *read_path = pa_path_join(base, "read"), *write_path = pa_path_join(base, "write");
    char *there = pa_path_join(read_path, "there");
    assert_int_equal(mkdir(read_path, 0700), 0);
    assert_int_equal(mkdir(write_path, 0700), 0);
    close(open(there, O_CREAT | O_WRONLY, 0600));
    int read_fd = open(read_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int write_fd = open(write_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct pa_fd_map map[] = {{read_fd, READ_FD}, {write_fd, WRITE_FD}};
    must_be_ok("directories", true, false, map, 2);
    must_be_ok("directories", false, false, map, 2);
    unlink(there), rmdir(read_path), rmdir(write_path);
    assert_int_equal(rmdir(base), 0);
    free(read_path), free(write_path), free(there);
    close(read_fd), close(write_fd);
}

static void missing_layers_are_said(void **state) {
    must_be_ok("best-effort", false, true, NULL, 0);
    must_be_ok("required", false, true, NULL, 0);
}

static void threads_are_refused(void **state) {
    must_be_ok("threads", true, true, NULL, 0);
    must_be_ok("threads", false, true, NULL, 0);
}

static void limits_are_set(void **state) {
    must_be_ok("limits", true, true, NULL, 0);
    must_be_ok("limits", false, true, NULL, 0);
}

static void standard_descriptors_are_harmless(void **state) {
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    const struct pa_fd_map map[] = {{zero, ARTIFACT_FD}}; /* not named to the jail */
    must_be_ok("standard-fds", true, true, map, 1);
    must_be_ok("standard-fds", false, true, map, 1);
    close(zero);
}

static void narrowing_alone_is_the_whole_filter(void **state) {
    struct jailed j;
    siginfo_t end;
    start(&j, "narrow-alone", false, false, NULL, 0);
    finish(&j, &end);
    assert_int_not_equal(end.si_code, CLD_EXITED);
    assert_int_equal(end.si_status, SIGSYS);
}

static void cpu_limit_ends_it(void **state) {
    for (int namespaces = 0; namespaces <= have_namespaces; namespaces++) {
        struct jailed j;
        siginfo_t end;
        start(&j, "spin", namespaces, true, NULL, 0);
        finish(&j, &end);
        assert_int_equal(end.si_code, CLD_KILLED);
        assert_int_equal(end.si_status, SIGKILL);
    }
}

static void must_contain(const struct pa_buf *text, const char *line) {
    if (!strstr(pa_buf_text(text), line))
        fail_msg("no \"%s\" in:\n%s", line, pa_buf_text(text));
}

static void from_outside_it_has_nothing(void **state) {
    static const char *const lines[] = {"\nCapInh:\t0000000000000000\n",
                                        "\nCapPrm:\t0000000000000000\n",
                                        "\nCapEff:\t0000000000000000\n",
                                        "\nCapAmb:\t0000000000000000\n",
                                        "\nNoNewPrivs:\t1\n",
                                        "\nSeccomp:\t2\n",
                                        "\nThreads:\t1\n"};
    struct jailed j;
    char path[64], two[2];
    struct pa_buf status = PA_BUF_INIT(65536);
    struct pa_error err;
    start(&j, "outside", have_namespaces, true, NULL, 0);
    assert_int_equal(pa_read_full(j.channel, two, 2), 2);
    snprintf(path, sizeof(path), "/proc/%d/status", (int)j.child.pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pa_read_all(fd, path, &status, &err), 0);
    close(fd);
    for (size_t i = 0; i < PA_ARRAY_LEN(lines); i++)
        must_contain(&status, lines[i]);
    if (have_namespaces) {
        must_contain(&status, "\nCapBnd:\t0000000000000000\n");
        must_contain(&status, "\t1\n"); /* NSpid: the first process of its namespace */
    }
    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)j.child.pid);
    pa_buf_clear(&status);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pa_read_all(fd, path, &status, &err), 0);
    close(fd);
    assert_string_equal(pa_buf_text(&status), "1000\n");
    pa_buf_done(&status);
    assert_int_equal(write(j.channel, "", 1), 1);
    siginfo_t end;
    finish(&j, &end);
    assert_int_equal(end.si_status, 0);
}

int main(int argc, char **argv) {
    if (argc == 3)
        return jailed_main(argv[1], pa_streq(argv[2], "1"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(artifact_is_readable_and_becomes_code),
        cmocka_unit_test(directories_are_what_was_given),
        cmocka_unit_test(missing_layers_are_said),
        cmocka_unit_test(threads_are_refused),
        cmocka_unit_test(limits_are_set),
        cmocka_unit_test(standard_descriptors_are_harmless),
        cmocka_unit_test(narrowing_alone_is_the_whole_filter),
        cmocka_unit_test(cpu_limit_ends_it),
        cmocka_unit_test(from_outside_it_has_nothing),
    };
    return cmocka_run_group_tests(tests, look_around, NULL);
}
