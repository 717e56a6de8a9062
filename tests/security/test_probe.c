/*
 * The jail under attack (the tables are attacks_*.c): every attempt runs in a process of its own
 * that was spawned and jailed exactly as a worker is, by this program run again with arguments:
 *
 *     test_probe attack INDEX SCENARIO SKIP NAMESPACES WORLD       the attacker
 *     test_probe victim                                            a process to be attacked
 *
 * The attacker reports one errno on descriptor 3 (0: the attempt worked).  One that ends without a
 * report was either killed, or became another program, which is a success of the attack.
 *
 * PA_TESTS_STRICT=1 turns what this machine cannot show (no namespaces, an old Landlock) into
 * failures; otherwise those cases are skipped and named.
 */
#include "../unit/test.h"
#include "attacks.h"
#include "jail/jail_internal.h"
#include "jail/spawn.h"
#include "base/clock.h"
#include "base/io.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t attack_count(void) {
    return outside_attack_count + inside_attack_count;
}

static const struct attack *attack_at(size_t index) {
    PA_ASSERT(index < attack_count());
    return index < outside_attack_count ? &outside_attacks[index]
                                        : &inside_attacks[index - outside_attack_count];
}

/* How an attacker gets to the stage it acts in. */
static const struct scenario {
    const char *name;
    enum pa_jail_stage enter, acts_in;
    enum pa_jail_stage narrow[2];
    size_t narrows;
} scenarios[] = {
    {"run", PA_JAIL_RUN, PA_JAIL_RUN, {0}, 0},
    {"compile", PA_JAIL_COMPILE, PA_JAIL_COMPILE, {0}, 0},
    {"load", PA_JAIL_LOAD, PA_JAIL_LOAD, {0}, 0},
    {"load, run", PA_JAIL_LOAD, PA_JAIL_RUN, {PA_JAIL_RUN}, 1},
    {"warm", PA_JAIL_WARM, PA_JAIL_WARM, {0}, 0},
    {"load-warm", PA_JAIL_LOAD_WARM, PA_JAIL_LOAD_WARM, {0}, 0},
    {"load-warm, warm", PA_JAIL_LOAD_WARM, PA_JAIL_WARM, {PA_JAIL_WARM}, 1},
    {"load-warm, warm, session",
     PA_JAIL_LOAD_WARM,
     PA_JAIL_SESSION,
     {PA_JAIL_WARM, PA_JAIL_SESSION},
     2},
    {"load-warm, warm, run", PA_JAIL_LOAD_WARM, PA_JAIL_RUN, {PA_JAIL_WARM, PA_JAIL_RUN}, 2},
    {"load, make", PA_JAIL_LOAD, PA_JAIL_MAKE, {PA_JAIL_MAKE}, 1},
    {"load, make, run", PA_JAIL_LOAD, PA_JAIL_RUN, {PA_JAIL_MAKE, PA_JAIL_RUN}, 2},
    {"load-warm, make", PA_JAIL_LOAD_WARM, PA_JAIL_MAKE, {PA_JAIL_MAKE}, 1},
    {"load-warm, make, run", PA_JAIL_LOAD_WARM, PA_JAIL_RUN, {PA_JAIL_MAKE, PA_JAIL_RUN}, 2},
};

#define NOT_JAILED 100 /* exit status of an attacker that could not enter */
#define DATA_LIMIT (UINT64_C(256) << 20)

/* --- the attacker -------------------------------------------------------------------------------
 */

static int attacker_main(char **argv) {
    const struct attack *attack = attack_at((size_t)atoi(argv[0]));
    const struct scenario *scenario = &scenarios[atoi(argv[1])];
    const unsigned skip = (unsigned)atoi(argv[2]);
    struct world world = {0};
    if (sscanf(argv[4], "%63s %107s %63s %d %d %d", world.base, world.socket, world.abstract,
               &world.victim, &world.port, &world.ipc_key) != 6)
        return NOT_JAILED;
    const int keep[] = {CHANNEL_FD};
    const struct pa_jail_dir dirs[] = {{READ_FD, false}, {WRITE_FD, true}};
    const struct pa_jail jail = {.stage = scenario->enter,
                                 .required = true,
                                 .in_namespaces = atoi(argv[3]) != 0,
                                 .keep_fds = keep,
                                 .keep_fd_count = 1,
                                 .dirs = dirs,
                                 .dir_count = PA_ARRAY_LEN(dirs),
                                 .artifact_fd = ARTIFACT_FD,
                                 .data_bytes = DATA_LIMIT,
                                 .cpu_seconds = 20,
                                 .open_files = 64};
    struct pa_jail_report report;
    struct pa_error err = {0};
    bool jailed = pa_jail_enter_without(&jail, skip, &report, &err) == 0;
    for (size_t i = 0; i < scenario->narrows && jailed; i++)
        jailed = pa_jail_narrow(scenario->narrow[i], true, &err) == 0;
    if (!jailed) {
        pa_write_full(CHANNEL_FD, err.message, strlen(err.message));
        _exit(NOT_JAILED);
    }
    int result = attack->attempt(&world);
    _exit(write(CHANNEL_FD, &result, sizeof(result)) == sizeof(result) ? 0 : 1);
}

static int victim_main(void) {
    signal(SIGABRT, SIG_IGN);
    if (write(CHANNEL_FD, "", 1) != 1)
        return 1;
    for (;;)
        pause();
}

/* --- what it attacks
 * ------------------------------------------------------------------------------ */

struct stage_set {
    struct world world;
    struct pa_child victim;
    int read_fd, write_fd, artifact_fd, leak_fd;
    int tcp, unix_path, unix_abstract;
    int shm, queue, semaphore;
    bool namespaces;
    int landlock_abi;
};

static void make_file(const char *base, const char *name, mode_t mode) {
    char *path = pa_path_join(base, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(pa_write_full(fd, "secret", 6), 0);
    close(fd);
    free(path);
}

static int make_directory(const char *base, const char *name) {
    char *path = pa_path_join(base, name);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(chmod(path, 0777), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    free(path);
    return fd;
}

static int listen_unix(const char *name, bool abstract) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path + abstract, sizeof(at.sun_path) - 1, "%s", name);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(fd, 1000), 0);
    if (!abstract)
        assert_int_equal(chmod(name, 0777), 0);
    return fd;
}

static int listen_tcp(int *ret_port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(fd, 1000), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void start_victim(struct stage_set *set) {
    int pair[2];
    char byte, *argv[] = {"test_probe", "victim", NULL};
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    const struct pa_fd_map map[] = {{pair[1], CHANNEL_FD}};
    const struct pa_spawn how = {.exec_fd = -1,
                                 .path = "/proc/self/exe",
                                 .argv = argv,
                                 .fds = map,
                                 .fd_count = 1,
                                 .nobody = true};
    struct pa_error err;
    if (pa_spawn(&how, &set->victim, &err) < 0)
        fail_msg("%s", err.message);
    close(pair[1]);
    assert_int_equal(read(pair[0], &byte, 1), 1);
    close(pair[0]);
    set->world.victim = set->victim.pid;
}

static int set_up(void **state) {
    struct stage_set *set = pa_xcalloc(1, sizeof(*set));
    struct world *world = &set->world;
    struct pa_jail_probe probe;
    pa_jail_probe(&probe);
    set->namespaces = probe.available[PA_LAYER_NAMESPACES];
    set->landlock_abi = probe.landlock_abi;
    snprintf(world->base, sizeof(world->base), "/tmp/pa-probe-XXXXXX");
    assert_non_null(mkdtemp(world->base));
    assert_int_equal(chmod(world->base, 0777), 0);
    make_file(world->base, "secret", 0644);
    make_file(world->base, "scratch", 0666);
    set->read_fd = make_directory(world->base, "read");
    set->write_fd = make_directory(world->base, "write");
    set->artifact_fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
    set->leak_fd = open("/dev/zero", O_RDONLY);
    snprintf(world->socket, sizeof(world->socket), "%s/socket", world->base);
    snprintf(world->abstract, sizeof(world->abstract), "%s", world->base + 1);
    set->unix_path = listen_unix(world->socket, false);
    set->unix_abstract = listen_unix(world->abstract, true);
    set->tcp = listen_tcp(&world->port);
    world->ipc_key = 0x70610000 | (getpid() & 0xffff);
    set->shm = shmget(world->ipc_key, 4096, IPC_CREAT | 0666);
    set->queue = msgget(world->ipc_key, IPC_CREAT | 0666);
    set->semaphore = semget(world->ipc_key, 1, IPC_CREAT | 0666);
    start_victim(set);
    *state = set;
    return 0;
}

static int remove_world(const char *base) {
    static const char *const names[] = {"write/linked", "read/created", "secret",
                                        "scratch",      "socket",       "moved"};
    static const char *const directories[] = {"read", "write", ""};
    for (size_t i = 0; i < PA_ARRAY_LEN(names) + PA_ARRAY_LEN(directories); i++) {
        const bool directory = i >= PA_ARRAY_LEN(names);
        char *path =
            pa_path_join(base, directory ? directories[i - PA_ARRAY_LEN(names)] : names[i]);
        if (directory)
            rmdir(path);
        else
            unlink(path);
        free(path);
    }
    return access(base, F_OK) == 0 ? -1 : 0; /* nothing else was left behind */
}

static int tear_down(void **state) {
    struct stage_set *set = *state;
    pa_child_done(&set->victim);
    shmctl(set->shm, IPC_RMID, NULL);
    msgctl(set->queue, IPC_RMID, NULL);
    semctl(set->semaphore, 0, IPC_RMID);
    const int fds[] = {set->read_fd, set->write_fd,  set->artifact_fd,  set->leak_fd,
                       set->tcp,     set->unix_path, set->unix_abstract};
    for (size_t i = 0; i < PA_ARRAY_LEN(fds); i++)
        close(fds[i]);
    int left = remove_world(set->world.base);
    free(set);
    return left;
}

/* --- one attempt --------------------------------------------------------------------------------
 */

enum outcome {
    WORKED,  /* the attack */
    REFUSED, /* with an errno */
    KILLED,  /* by the filter: SIGSYS */
};

static enum outcome judge(const char *name, const char *report, ssize_t size, const siginfo_t *end,
                          int *ret_errno) {
    *ret_errno = 0;
    if (end->si_code == CLD_EXITED && end->si_status == NOT_JAILED)
        fail_msg("%s: not jailed: %.*s", name, (int)size, report);
    if (end->si_code != CLD_EXITED && end->si_status == SIGSYS)
        return KILLED;
    if (end->si_code != CLD_EXITED)
        fail_msg("%s: ended by signal %d", name, end->si_status);
    if (end->si_status != 0)
        fail_msg("%s: ended with status %d", name, end->si_status);
    if (size < (ssize_t)sizeof(int)) /* it has become another program */
        return WORKED;
    memcpy(ret_errno, report, sizeof(int));
    return *ret_errno == 0 ? WORKED : REFUSED;
}

static enum outcome attempt(struct stage_set *set, size_t attack, size_t scenario, unsigned skip,
                            int *ret_errno) {
    const struct world *w = &set->world;
    const bool namespaces = set->namespaces && (skip & (1u << PA_LAYER_NAMESPACES)) == 0;
    char world[512], index[16], stage[16], skipped[16], report[1024] = {0};
    snprintf(world, sizeof(world), "%s %s %s %d %d %d", w->base, w->socket, w->abstract, w->victim,
             w->port, w->ipc_key);
    snprintf(index, sizeof(index), "%zu", attack);
    snprintf(stage, sizeof(stage), "%zu", scenario);
    snprintf(skipped, sizeof(skipped), "%u", skip);
    char *argv[] = {"test_probe",           "attack", index, stage, skipped,
                    namespaces ? "1" : "0", world,    NULL};
    char *env[] = {"SECRET=1", NULL};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const struct pa_fd_map map[] = {{pair[1], CHANNEL_FD},
                                    {set->artifact_fd, ARTIFACT_FD},
                                    {set->read_fd, READ_FD},
                                    {set->write_fd, WRITE_FD},
                                    {set->leak_fd, LEAKED_FD}};
    const struct pa_spawn how = {.exec_fd = -1,
                                 .path = "/proc/self/exe",
                                 .argv = argv,
                                 .env = env,
                                 .fds = map,
                                 .fd_count = PA_ARRAY_LEN(map),
                                 .namespaces = namespaces,
                                 .nobody = true};
    struct pa_child child;
    struct pa_error err;
    siginfo_t end = {0};
    if (pa_spawn(&how, &child, &err) < 0)
        fail_msg("%s", err.message);
    close(pair[1]);
    ssize_t size = pa_read_full(pair[0], report, sizeof(report) - 1);
    assert_int_equal(waitid(P_PID, (id_t)child.pid, &end, WEXITED | WNOWAIT), 0);
    pa_child_done(&child);
    close(pair[0]);
    return judge(attack_at(attack)->name, report, size, &end, ret_errno);
}

/* --- the tests
 * ------------------------------------------------------------------------------------ */

/* What this machine cannot show; a failure where it must be shown. */
static bool unavailable(const struct stage_set *set, unsigned layers) {
    const char *what = NULL;
    if (!set->namespaces && (layers & (1u << PA_LAYER_NAMESPACES)))
        what = "namespaces";
    else if (set->landlock_abi < 6 && (layers & (1u << PA_LAYER_LANDLOCK)))
        what = "Landlock ABI 6";
    if (what && getenv("PA_TESTS_STRICT"))
        fail_msg("this machine has no %s", what);
    return what != NULL;
}

static void table_has_at_least_60_attacks(void **state) {
    assert_true(attack_count() >= 60);
}

static void whole_jail_stops_everything_at_every_stage(void **state) {
    struct stage_set *set = *state;
    const unsigned all = (1u << PA_LAYER_COUNT) - 1;
    if (unavailable(set, all))
        skip();
    for (size_t s = 0; s < PA_ARRAY_LEN(scenarios); s++) {
        size_t killed = 0, refused = 0, allowed = 0;
        for (size_t i = 0; i < attack_count(); i++) {
            int errnum;
            if (attack_at(i)->allowed_in & (1u << scenarios[s].acts_in)) {
                allowed++;
                continue;
            }
            enum outcome outcome = attempt(set, i, s, 0, &errnum);
            if (outcome == WORKED)
                fail_msg("%s: \"%s\" worked", scenarios[s].name, attack_at(i)->name);
            killed += outcome == KILLED;
            refused += outcome == REFUSED;
        }
        print_message("%-22s %3zu killed, %3zu refused, %3zu part of the stage\n",
                      scenarios[s].name, killed, refused, allowed);
    }
}

/* What `allowed_in` claims is needed must really be allowed there. */
static void stages_allow_what_they_need(void **state) {
    struct stage_set *set = *state;
    if (unavailable(set, (1u << PA_LAYER_COUNT) - 1))
        skip();
    for (size_t s = 0; s < PA_ARRAY_LEN(scenarios); s++)
        for (size_t i = 0; i < attack_count(); i++) {
            int errnum;
            if ((attack_at(i)->allowed_in & (1u << scenarios[s].acts_in)) == 0)
                continue;
            if (attempt(set, i, s, 0, &errnum) != WORKED)
                fail_msg("%s: \"%s\" is stopped (errno %d)", scenarios[s].name, attack_at(i)->name,
                         errnum);
        }
}

static void each_layer_alone_stops_what_it_should(void **state) {
    struct stage_set *set = *state;
    for (size_t i = 0; i < attack_count(); i++)
        for (int layer = 0; layer < PA_LAYER_COUNT; layer++) {
            int errnum;
            const unsigned bit = 1u << layer;
            if ((attack_at(i)->layers & bit) == 0 || unavailable(set, bit))
                continue;
            if (attempt(set, i, 0, attack_at(i)->layers & ~bit, &errnum) == WORKED)
                fail_msg("%s alone does not stop \"%s\"",
                         pa_jail_layer_name((enum pa_jail_layer)layer), attack_at(i)->name);
        }
}

/* The test of the test: without the layers that stop it, an attack works. */
static void without_its_layers_an_attack_works(void **state) {
    struct stage_set *set = *state;
    size_t shown[PA_LAYER_COUNT] = {0};
    for (size_t i = 0; i < attack_count(); i++) {
        int errnum;
        if (!attack_at(i)->shown ||
            unavailable(set, attack_at(i)->layers | 1u << PA_LAYER_NAMESPACES))
            continue;
        if (attempt(set, i, 0, attack_at(i)->layers, &errnum) != WORKED)
            fail_msg("\"%s\" is stopped by something else (errno %d)", attack_at(i)->name, errnum);
        for (int layer = 0; layer < PA_LAYER_COUNT; layer++)
            shown[layer] += (attack_at(i)->layers >> layer) & 1;
    }
    for (int layer = 0; layer < PA_LAYER_COUNT; layer++)
        if (!unavailable(set, (1u << PA_LAYER_COUNT) - 1))
            assert_true(shown[layer] >= 2);
}

static void the_filter_kills(void **state) {
    struct stage_set *set = *state;
    for (size_t i = 0; i < attack_count(); i++) {
        int errnum;
        if (attack_at(i)->layers != 1u << PA_LAYER_SECCOMP)
            continue;
        if (attempt(set, i, 0, 0, &errnum) != KILLED)
            fail_msg("\"%s\" was not killed (errno %d)", attack_at(i)->name, errnum);
    }
}

int main(int argc, char **argv) {
    if (argc == 7 && pa_streq(argv[1], "attack"))
        return attacker_main(argv + 2);
    if (argc == 2 && pa_streq(argv[1], "victim"))
        return victim_main();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_has_at_least_60_attacks),
        cmocka_unit_test(whole_jail_stops_everything_at_every_stage),
        cmocka_unit_test(stages_allow_what_they_need),
        cmocka_unit_test(each_layer_alone_stops_what_it_should),
        cmocka_unit_test(without_its_layers_an_attack_works),
        cmocka_unit_test(the_filter_kills),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
