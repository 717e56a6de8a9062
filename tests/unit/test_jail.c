/*
 * The jail's parts: the table of system calls and the filters made of it (run here by a small
 * interpreter, for every number and argument that decides), and the way a worker is spawned.  What
 * the jail as a whole stops is in tests/security.
 */
#include "test.h"
#include "jail/jail.h"
#include "jail/jail_internal.h"
#include "jail/spawn.h"
#include "base/clock.h"
#include "base/io.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH       AUDIT_ARCH_X86_64
#define OTHER_ARCH AUDIT_ARCH_I386
#else
#define ARCH       AUDIT_ARCH_AARCH64
#define OTHER_ARCH AUDIT_ARCH_ARM
#endif
#define MAX_NR  1024
#define X32_BIT 0x40000000
#define REPORT  3 /* the descriptor a test child answers on */

/* --- the table -------------------------------------------------------------------------------- */

static bool same_condition(const struct pa_filter_rule *a, const struct pa_filter_rule *b) {
    return a->condition_count == b->condition_count &&
           memcmp(a->conditions, b->conditions, sizeof(a->conditions)) == 0;
}

static void table_is_ordered_and_says_why(void **state) {
    const unsigned all = (1u << PA_JAIL_STAGE_COUNT) - 1;
    for (size_t i = 0; i < pa_filter_rule_count; i++) {
        const struct pa_filter_rule *rule = &pa_filter_rules[i];
        assert_true(strlen(rule->reason) >= 5);
        assert_int_not_equal(rule->stages, 0);
        assert_int_equal(rule->stages & ~all, 0);
        assert_true(rule->condition_count <= PA_FILTER_CONDITIONS);
        for (size_t c = 0; c < rule->condition_count; c++) {
            assert_true(rule->conditions[c].arg < 6);
            assert_int_equal(rule->conditions[c].value & ~rule->conditions[c].mask, 0);
        }
        if (i > 0 && strcmp(rule[-1].name, rule->name) > 0)
            fail_msg("%s comes after %s", rule->name, rule[-1].name);
    }
}

static void table_has_no_redundant_row(void **state) {
    for (size_t i = 0; i < pa_filter_rule_count; i++)
        for (size_t k = i + 1; k < pa_filter_rule_count; k++) {
            const struct pa_filter_rule *a = &pa_filter_rules[i], *b = &pa_filter_rules[k];
            if (a->nr != b->nr)
                continue;
            assert_string_equal(a->name, b->name);
            if (same_condition(a, b))
                fail_msg("%s has two rows alike", a->name);
            if ((a->stages & b->stages) != 0 &&
                (a->condition_count == 0 || b->condition_count == 0))
                fail_msg("%s: a row without conditions makes another one useless", a->name);
        }
}

static void table_never_has(void **state) {
    static const int never[] = {SYS_execve,      SYS_execveat,
                                SYS_socket,      SYS_connect,
                                SYS_bind,        SYS_ptrace,
                                SYS_bpf,         SYS_perf_event_open,
                                SYS_mount,       SYS_unshare,
                                SYS_setns,       SYS_io_uring_setup,
                                SYS_keyctl,      SYS_process_vm_readv,
                                SYS_setresuid,   SYS_process_vm_writev,
                                SYS_capset,      SYS_open_by_handle_at,
                                SYS_userfaultfd, SYS_pidfd_getfd,
                                SYS_init_module, PA_FILTER_DIE};
    for (size_t i = 0; i < pa_filter_rule_count; i++)
        for (size_t k = 0; k < PA_ARRAY_LEN(never); k++)
            assert_int_not_equal(pa_filter_rules[i].nr, never[k]);
}

/* --- the filters ------------------------------------------------------------------------------ */

/* What the kernel would answer; the instructions are the few that filter.c emits. */
static uint32_t run_filter(const struct pa_filter *filter, const struct seccomp_data *data) {
    uint32_t a = 0;
    for (size_t at = 0; at < filter->count; at++) {
        const struct sock_filter *in = &filter->code[at];
        switch (in->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(in->k + sizeof(a) <= sizeof(*data) && in->k % 4 == 0);
            memcpy(&a, (const char *)data + in->k, sizeof(a));
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= in->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            at += a == in->k ? in->jt : in->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            at += a >= in->k ? in->jt : in->jf;
            break;
        case BPF_RET | BPF_K:
            return in->k;
        default:
            fail_msg("instruction %#x at %zu", in->code, at);
        }
    }
    fail_msg("the filter has no end");
    return 0;
}

static uint64_t value_of(const struct pa_filter_condition *condition) {
    return condition->value == PA_FILTER_SELF ? (uint64_t)getpid() : condition->value;
}

/* The table read the plain way. */
static uint32_t expected(enum pa_jail_stage stage, const struct seccomp_data *data) {
    for (size_t i = 0; i < pa_filter_rule_count; i++) {
        const struct pa_filter_rule *rule = &pa_filter_rules[i];
        bool holds = rule->nr == data->nr && (rule->stages & (1u << stage)) != 0;
        for (size_t c = 0; c < rule->condition_count; c++)
            holds &= (data->args[rule->conditions[c].arg] & rule->conditions[c].mask) ==
                     value_of(&rule->conditions[c]);
        if (holds)
            return rule->reply ? SECCOMP_RET_ERRNO | (uint32_t)rule->reply : SECCOMP_RET_ALLOW;
    }
    return PA_FILTER_DENY;
}

typedef void verdict_check(const struct seccomp_data *data, const void *context);

/* Calls `check` for every number, with arguments that meet, and just miss, each row's conditions.
 */
static void for_all_calls(verdict_check *check, const void *context) {
    struct seccomp_data data = {.arch = ARCH};
    for (data.nr = 0; data.nr < MAX_NR; data.nr++) {
        memset(data.args, 0, sizeof(data.args));
        check(&data, context);
        memset(data.args, 0xff, sizeof(data.args));
        check(&data, context);
    }
    for (size_t i = 0; i < pa_filter_rule_count; i++) {
        const struct pa_filter_rule *rule = &pa_filter_rules[i];
        data.nr = rule->nr;
        for (uint64_t fill = 0; fill != 2; fill++) {
            memset(data.args, fill ? 0xff : 0, sizeof(data.args));
            for (size_t c = 0; c < rule->condition_count; c++) {
                const struct pa_filter_condition *x = &rule->conditions[c];
                data.args[x->arg] = value_of(x) | (fill ? ~x->mask : 0);
            }
            check(&data, context);
            for (size_t c = 0; c < rule->condition_count; c++)
                for (unsigned bit = 0; bit < 64; bit++) {
                    data.args[rule->conditions[c].arg] ^= UINT64_C(1) << bit;
                    check(&data, context);
                    data.args[rule->conditions[c].arg] ^= UINT64_C(1) << bit;
                }
        }
    }
}

struct filter_case {
    enum pa_jail_stage stage, from;
    struct pa_filter filter, before;
};

static void check_filter(const struct seccomp_data *data, const void *context) {
    const struct filter_case *c = context;
    assert_int_equal(run_filter(&c->filter, data), expected(c->stage, data));
}

static void filters_do_what_the_table_says(void **state) {
    for (int stage = 0; stage < PA_JAIL_STAGE_COUNT; stage++) {
        struct filter_case c = {.stage = (enum pa_jail_stage)stage};
        pa_filter_build(c.stage, 0, &c.filter);
        for_all_calls(check_filter, &c);
    }
}

static void filters_refuse_other_ways_in(void **state) {
    for (int stage = 0; stage < PA_JAIL_STAGE_COUNT; stage++) {
        struct pa_filter filter;
        pa_filter_build((enum pa_jail_stage)stage, 0, &filter);
        struct seccomp_data data = {.arch = OTHER_ARCH};
        for (data.nr = 0; data.nr < MAX_NR; data.nr++)
            assert_int_equal(run_filter(&filter, &data), SECCOMP_RET_KILL_PROCESS);
        data = (struct seccomp_data){.arch = ARCH, .nr = X32_BIT | SYS_read};
        assert_int_equal(run_filter(&filter, &data), PA_FILTER_DENY);
        data.nr = -1;
        assert_int_equal(run_filter(&filter, &data), PA_FILTER_DENY);
    }
}

/* The kernel takes the verdict that is stricter: the numerically smaller, as signed numbers. */
static uint32_t stricter(uint32_t a, uint32_t b) {
    const uint32_t mask = SECCOMP_RET_ACTION_FULL;
    return (int32_t)(a & mask) <= (int32_t)(b & mask) ? a : b;
}

static void check_narrowing(const struct seccomp_data *data, const void *context) {
    const struct filter_case *c = context;
    uint32_t verdict = stricter(run_filter(&c->filter, data), run_filter(&c->before, data));
    uint32_t wanted = stricter(expected(c->stage, data), expected(c->from, data));
    assert_int_equal(verdict, wanted);
}

static void narrowing_takes_away_the_difference(void **state) {
    static const enum pa_jail_stage ways[][2] = {
        {PA_JAIL_LOAD, PA_JAIL_RUN},       {PA_JAIL_LOAD_WARM, PA_JAIL_WARM},
        {PA_JAIL_LOAD_WARM, PA_JAIL_RUN},  {PA_JAIL_WARM, PA_JAIL_RUN},
        {PA_JAIL_WARM, PA_JAIL_SESSION},   {PA_JAIL_LOAD, PA_JAIL_MAKE},
        {PA_JAIL_LOAD_WARM, PA_JAIL_MAKE}, {PA_JAIL_MAKE, PA_JAIL_RUN}};
    for (size_t i = 0; i < PA_ARRAY_LEN(ways); i++) {
        struct filter_case c = {.from = ways[i][0], .stage = ways[i][1]};
        unsigned from = 1u << PA_JAIL_LOAD_WARM;
        if (c.stage == PA_JAIL_RUN)
            from |= 1u << PA_JAIL_LOAD | 1u << PA_JAIL_WARM | 1u << PA_JAIL_MAKE;
        if (c.stage == PA_JAIL_MAKE)
            from |= 1u << PA_JAIL_LOAD;
        if (c.stage == PA_JAIL_SESSION)
            from |= 1u << PA_JAIL_WARM;
        pa_filter_build(c.from, 0, &c.before);
        pa_filter_build(c.stage, from, &c.filter);
        for_all_calls(check_narrowing, &c);
    }
}

/* What RUN may do, LOAD, WARM and MAKE may do: else narrowing would take away what is needed. */
static void check_contained(const struct seccomp_data *data, const void *context) {
    const struct filter_case *c = context;
    if (expected(c->stage, data) == SECCOMP_RET_ALLOW)
        assert_int_equal(expected(c->from, data), SECCOMP_RET_ALLOW);
}

static void stages_contain_what_follows(void **state) {
    static const enum pa_jail_stage ways[][2] = {
        {PA_JAIL_LOAD, PA_JAIL_RUN},  {PA_JAIL_LOAD_WARM, PA_JAIL_WARM},
        {PA_JAIL_WARM, PA_JAIL_RUN},  {PA_JAIL_WARM, PA_JAIL_SESSION},
        {PA_JAIL_LOAD, PA_JAIL_MAKE}, {PA_JAIL_LOAD_WARM, PA_JAIL_MAKE},
        {PA_JAIL_MAKE, PA_JAIL_RUN}};
    for (size_t i = 0; i < PA_ARRAY_LEN(ways); i++) {
        struct filter_case c = {.from = ways[i][0], .stage = ways[i][1]};
        for_all_calls(check_contained, &c);
    }
}

/* --- probe ------------------------------------------------------------------------------------ */

static void probe_says_yes_or_why_not(void **state) {
    struct pa_jail_probe probe;
    pa_jail_probe(&probe);
    for (int i = 0; i < PA_LAYER_COUNT; i++) {
        assert_true(strlen(pa_jail_layer_name((enum pa_jail_layer)i)) > 0);
        assert_int_equal(probe.available[i], probe.why_not[i][0] == '\0');
    }
    assert_int_equal(probe.available[PA_LAYER_LANDLOCK], probe.landlock_abi > 0);
    assert_true(probe.available[PA_LAYER_RLIMITS]);
}

static void advice_names_what_to_do(void **state) {
    char text[160];
    pa_namespaces_advice(ENOSPC, text, sizeof(text));
    assert_non_null(strstr(text, "max_user_namespaces"));
    pa_namespaces_advice(EPERM, text, sizeof(text));
    assert_true(strlen(text) > 10);
}

/* --- spawning --------------------------------------------------------------------------------- */

/* The child's side: argv[1] says what to report on descriptor REPORT. */

static void report_text(const char *text) {
    if (pa_write_full(REPORT, text, strlen(text)) < 0)
        _exit(1);
}

static void child_lists_fds(void) {
    char line[32];
    for (int fd = 0; fd < 200; fd++)
        if (fcntl(fd, F_GETFD) >= 0) {
            snprintf(line, sizeof(line), "%d ", fd);
            report_text(line);
        }
}

static void child_reads(int fd) {
    char bytes[16];
    ssize_t got = pa_read_full(fd, bytes, sizeof(bytes) - 1);
    bytes[PA_MAX(got, 0)] = '\0';
    report_text(bytes);
}

static void child_describes_itself(void) {
    extern char **environ;
    char line[160];
    sigset_t mask;
    struct sigaction pipe_action;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    sigaction(SIGPIPE, NULL, &pipe_action);
    int blocked = 0, environment = 0;
    for (int sig = 1; sig < NSIG; sig++)
        blocked += sigismember(&mask, sig) == 1;
    while (environ[environment])
        environment++;
    snprintf(line, sizeof(line), "uid=%d gid=%d first=%d leader=%d env=%d blocked=%d sigpipe=%d",
             (int)getuid(), (int)getgid(), getpid() == 1, getsid(0) == getpid(), environment,
             blocked, pipe_action.sa_handler == SIG_DFL);
    report_text(line);
}

/* Spawns a worker that sleeps, tells its pid as the outside sees it, and dies without reaping it.
 */
static void child_leaves_an_orphan(void) {
    char *argv[] = {"test_jail", "sleep", NULL};
    const struct pa_fd_map map[] = {{REPORT, REPORT}};
    const struct pa_spawn how = {.exec_fd = -1,
                                 .path = "/proc/self/exe",
                                 .argv = argv,
                                 .fds = map,
                                 .fd_count = 1,
                                 .namespaces = true};
    struct pa_child child;
    struct pa_error err;
    if (pa_spawn(&how, &child, &err) < 0)
        _exit(1);
    kill(getpid(), SIGKILL);
}

static int child_main(const char *what) {
    if (pa_streq(what, "fds"))
        child_lists_fds();
    else if (pa_streq(what, "swap"))
        child_reads(5), child_reads(4);
    else if (pa_streq(what, "self"))
        child_describes_itself();
    else if (pa_streq(what, "orphan"))
        child_leaves_an_orphan();
    else if (pa_streq(what, "sleep"))
        sleep(60);
    return 0;
}

struct asked {
    const char *what;
    bool namespaces, nobody;
    struct pa_fd_map extra[2];
    size_t extra_count;
};

/* Spawns a child that reports `what` and returns its text (valid until the next call). */
static const char *ask(const struct asked *asked, struct pa_child *ret, char *text, size_t room) {
    int pair[2];
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    struct pa_fd_map map[3] = {{pair[1], REPORT}};
    memcpy(map + 1, asked->extra, sizeof(asked->extra));
    char *argv[] = {"test_jail", (char *)(uintptr_t)asked->what, NULL};
    const struct pa_spawn how = {.exec_fd = -1,
                                 .path = "/proc/self/exe",
                                 .argv = argv,
                                 .fds = map,
                                 .fd_count = 1 + asked->extra_count,
                                 .namespaces = asked->namespaces,
                                 .nobody = asked->nobody};
    struct pa_error err;
    if (pa_spawn(&how, ret, &err) < 0)
        fail_msg("%s", err.message);
    close(pair[1]);
    ssize_t got = pa_read_full(pair[0], text, room - 1);
    assert_true(got >= 0);
    text[got] = '\0';
    close(pair[0]);
    return text;
}

static void spawn_gives_only_named_descriptors(void **state) {
    int leak = open("/dev/zero", O_RDONLY); /* deliberately without O_CLOEXEC */
    struct pa_child child;
    char text[256];
    for (int namespaces = 0; namespaces < 2; namespaces++) {
        const struct asked asked = {.what = "fds", .namespaces = namespaces};
        assert_string_equal(ask(&asked, &child, text, sizeof(text)), "0 1 2 3 ");
        pa_child_done(&child);
    }
    close(leak);
}

/* The map says 4 -> 5 and 5 -> 4: neither may overwrite the other on the way. */
static void spawn_moves_descriptors_without_collision(void **state) {
    int a = pa_memfd_of("a", "four", 4, NULL), b = pa_memfd_of("b", "five", 4, NULL);
    int four = fcntl(a, F_DUPFD_CLOEXEC, 4), five = fcntl(b, F_DUPFD_CLOEXEC, four + 1);
    struct pa_child child;
    char text[64];
    const struct asked asked = {.what = "swap", .extra = {{four, 5}, {five, 4}}, .extra_count = 2};
    assert_string_equal(ask(&asked, &child, text, sizeof(text)), "fourfive");
    pa_child_done(&child);
    close(a), close(b), close(four), close(five);
}

static void spawn_starts_clean(void **state) {
    char text[256], wanted[256];
    struct pa_child child;
    setenv("SECRET", "1", 1);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 4; i++) {
        const struct asked asked = {.what = "self", .namespaces = i & 1, .nobody = i >> 1};
        ask(&asked, &child, text, sizeof(text));
        if (!child.in_namespaces && asked.namespaces)
            assert_true(strlen(child.no_namespaces) > 0);
        const bool root = geteuid() == 0;
        int uid = child.in_namespaces ? 0 : root && asked.nobody ? PA_UID_NOBODY : (int)geteuid();
        int gid = child.in_namespaces ? 0 : root && asked.nobody ? PA_UID_NOBODY : (int)getegid();
        snprintf(wanted, sizeof(wanted),
                 "uid=%d gid=%d first=%d leader=1 env=0 blocked=0 sigpipe=1", uid, gid,
                 child.in_namespaces);
        assert_string_equal(text, wanted);
        pa_child_done(&child);
    }
    signal(SIGPIPE, SIG_DFL);
    unsetenv("SECRET");
}

/* From outside a worker for which `nobody` was asked belongs to 65534 when we are root. */
static void spawn_uid_owns_nothing(void **state) {
    char text[256], path[64];
    struct pa_child child;
    struct pa_error err;
    struct pa_buf status = PA_BUF_INIT(65536);
    char *argv[] = {"test_jail", "sleep", NULL};
    const struct pa_spawn how = {
        .exec_fd = -1, .path = "/proc/self/exe", .argv = argv, .namespaces = true, .nobody = true};
    assert_int_equal(pa_spawn(&how, &child, &err), 0);
    snprintf(path, sizeof(path), "/proc/%d/status", (int)child.pid);
    PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pa_read_all(fd, path, &status, &err), 0);
    const int uid = geteuid() == 0 ? PA_UID_NOBODY : (int)geteuid();
    snprintf(text, sizeof(text), "\nUid:\t%d\t%d\t%d\t%d\n", uid, uid, uid, uid);
    assert_non_null(strstr(pa_buf_text(&status), text));
    if (geteuid() == 0)
        assert_non_null(strstr(pa_buf_text(&status), "\nGroups:\t \n"));
    pa_buf_done(&status);
    pa_child_done(&child);
    pa_child_done(&child); /* twice is harmless */
    assert_int_equal(child.pidfd, -1);
}

static void spawn_reports_a_failed_exec(void **state) {
    char *argv[] = {"x", NULL};
    for (int namespaces = 0; namespaces < 2; namespaces++)
        for (int nobody = 0; nobody < 2; nobody++) {
            const struct pa_spawn how = {.exec_fd = -1,
                                         .path = "/no/such/program",
                                         .argv = argv,
                                         .namespaces = namespaces,
                                         .nobody = nobody};
            struct pa_child child = {.pid = 77};
            struct pa_error err;
            assert_int_equal(pa_spawn(&how, &child, &err), -1);
            assert_int_equal(err.code, PA_ERR_NOT_FOUND);
            assert_non_null(strstr(err.message, "/no/such/program"));
            assert_int_equal(child.pid, 77); /* untouched on failure */
        }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing left to reap */
    assert_int_equal(errno, ECHILD);
}

static void spawn_refuses_bad_maps(void **state) {
    char *argv[] = {"x", NULL};
    const struct pa_fd_map map[] = {{0, PA_SPAWN_MAX_TO + 1}};
    const struct pa_spawn how = {
        .exec_fd = -1, .path = "/", .argv = argv, .fds = map, .fd_count = 1};
    struct pa_child child;
    struct pa_error err;
    assert_int_equal(pa_spawn(&how, &child, &err), -1);
    assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
}

static void spawn_leaks_nothing(void **state) {
    struct pa_child child;
    char text[256];
    const struct asked asked = {.what = "fds", .namespaces = true, .nobody = true};
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(before);
    for (int i = 0; i < 5; i++) {
        ask(&asked, &child, text, sizeof(text));
        pa_child_done(&child);
    }
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(after);
    assert_int_equal(before, after);
}

/* The orphan holds the pipe's end; when it dies with its parent, the pipe closes. */
static void worker_dies_with_its_parent(void **state) {
    struct pa_child child;
    char text[16];
    const struct asked asked = {.what = "orphan"};
    const uint64_t start = pa_clock_monotonic_ns();
    ask(&asked, &child, text, sizeof(text));
    assert_true(pa_clock_monotonic_ns() - start < 50 * PA_NS_PER_S);
    pa_child_done(&child);
}

int main(int argc, char **argv) {
    if (argc > 1)
        return child_main(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_ordered_and_says_why),
        cmocka_unit_test(table_has_no_redundant_row),
        cmocka_unit_test(table_never_has),
        cmocka_unit_test(filters_do_what_the_table_says),
        cmocka_unit_test(filters_refuse_other_ways_in),
        cmocka_unit_test(narrowing_takes_away_the_difference),
        cmocka_unit_test(stages_contain_what_follows),
        cmocka_unit_test(probe_says_yes_or_why_not),
        cmocka_unit_test(advice_names_what_to_do),
        cmocka_unit_test(spawn_gives_only_named_descriptors),
        cmocka_unit_test(spawn_moves_descriptors_without_collision),
        cmocka_unit_test(spawn_starts_clean),
        cmocka_unit_test(spawn_uid_owns_nothing),
        cmocka_unit_test(spawn_reports_a_failed_exec),
        cmocka_unit_test(spawn_refuses_bad_maps),
        cmocka_unit_test(spawn_leaks_nothing),
        cmocka_unit_test(worker_dies_with_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
