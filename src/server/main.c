/*
 * polyagent-server: what `polyagent serve` and `polyagent mcp` become (cli/server.c), a program of
 * its own because of what it is linked with.
 *
 *     polyagent-server serve [OPTIONS] [LANGUAGE...]
 *     polyagent-server mcp [OPTIONS]
 */
#include "base/log.h"
#include "server/life.h"
#include "server/mcp/mcp.h"
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

/* Of the allocator.  Threads come and go with connections; with an arena for each, memory that one
 * freed is of no use to the next, and the process grows. */
#define ARENAS 2

static const char serve_usage[] =
    "Usage: polyagent serve [OPTIONS] [LANGUAGE...]\n\n"
    "Runs code for whoever asks: over gRPC, over HTTP and MCP, and over a Unix socket for 'polyagent\n"
    "exec' of this user. LANGUAGEs (and images) are started at once, or those that the\n"
    "configuration names (warm:), others when first asked for. SIGTERM and Ctrl-C end it once the\n"
    "runs that go on have ended; SIGHUP reads settings, keys and certificates\n"
    "again.\n\n"
    "  --config FILE      read settings from FILE\n"
    "  --set KEY=VALUE    any setting, for example server.http_listen=off\n"
    "  --jail MODE        required, or best-effort: run although a layer is missing\n"
    "  --log SPEC         for example info,server=debug\n\n"
    "'polyagent config show' names all settings.\n";

static const char mcp_usage[] =
    "Usage: polyagent mcp [OPTIONS]\n\n"
    "Speaks the Model Context Protocol on standard input and output, for an agent that starts it.\n"
    "With API keys configured, $POLYAGENT_API_KEY is the one it is used with.\n\n"
    "  --config FILE      read settings from FILE\n"
    "  --set KEY=VALUE    any setting\n"
    "  --jail MODE        required, or best-effort: run although a layer is missing\n"
    "  --log SPEC         for example info,server=debug\n";

enum {
    OPT_CONFIG = 256,
    OPT_SET,
    OPT_JAIL,
    OPT_LOG,
    OPT_HELP
};

static const struct option options_table[] = {
    {"config", required_argument, NULL, OPT_CONFIG}, {"set", required_argument, NULL, OPT_SET},
    {"jail", required_argument, NULL, OPT_JAIL},     {"log", required_argument, NULL, OPT_LOG},
    {"help", no_argument, NULL, OPT_HELP},           {NULL, 0, NULL, 0}};

/* The command line, from which the settings are read again. */
struct arguments {
    int argc;
    char **argv; /* "serve" first */
};

static int report(const struct pa_error *err) {
    fprintf(stderr, "polyagent: %s\n", err->message);
    return pa_error_code_exit(err->code);
}

static int report_usage(const char *command, const char *what, const char *option) {
    fprintf(stderr, "polyagent: %s '%s'\nTry 'polyagent %s --help'.\n", what, option, command);
    return 2;
}

/* --- settings --------------------------------------------------------------------------------- */

/* First pass: what is asked for, and the file that the rest builds on.  -1 to go on, else the exit
 * status; *ret_first is the first operand. */
static int scan(const struct arguments *arguments, const char **ret_file, int *ret_first) {
    int option;
    optind = 0;
    opterr = 0;
    *ret_file = NULL;
    while ((option = getopt_long(arguments->argc, arguments->argv, ":h", options_table, NULL)) !=
           -1) {
        if (option == OPT_HELP || option == 'h') {
            fputs(pa_streq(arguments->argv[0], "mcp") ? mcp_usage : serve_usage, stdout);
            return 0;
        }
        if (option == ':' || option == '?')
            return report_usage(arguments->argv[0],
                                option == ':' ? "a value is missing after" : "there is no option",
                                arguments->argv[optind - 1]);
        if (option == OPT_CONFIG)
            *ret_file = optarg;
    }
    *ret_first = optind;
    return -1;
}

static int set(struct pa_config *config, const char *text, struct pa_error *err) {
    const char *equals = strchr(text, '=');
    if (!equals)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "--set %.64s: write KEY=VALUE; 'polyagent config show' names the keys",
                       text);
    PA_CLEANUP(pa_freep) char *key = pa_xasprintf("%.*s", (int)(equals - text), text);
    if (pa_config_set(config, key, equals + 1, &PA_FLAG("--set"), err) < 0)
        return pa_error_prefix(err, "%s", key);
    return 0;
}

static int apply(const struct arguments *arguments, struct pa_config *config,
                 struct pa_error *err) {
    int option, done = 0;
    optind = 0;
    while (done == 0 && (option = getopt_long(arguments->argc, arguments->argv, ":h", options_table,
                                              NULL)) != -1) {
        if (option == OPT_SET)
            done = set(config, optarg, err);
        else if (option == OPT_JAIL)
            done = pa_config_set(config, "wasi.jail", optarg, &PA_FLAG("--jail"), err);
        else if (option == OPT_LOG)
            done = pa_config_set(config, "log.level", optarg, &PA_FLAG("--log"), err);
    }
    return done < 0 ? -1 : pa_config_fits(config, err);
}

static int load(void *context, struct pa_config *ret, struct pa_error *err) {
    const struct arguments *arguments = context;
    const char *file;
    int first;
    scan(arguments, &file, &first);
    if (pa_config_load(ret, &(struct pa_config_sources){.file = file}, err) < 0 ||
        apply(arguments, ret, err) < 0) {
        pa_config_done(ret);
        return -1;
    }
    return 0;
}

/* Prints all that is wrong with them, not the first alone. */
static int load_or_report(const struct arguments *arguments, const char *file,
                          struct pa_config *config) {
    struct pa_error err;
    if (pa_config_load(config, &(struct pa_config_sources){.file = file}, &err) < 0) {
        PA_CLEANUP(pa_buf_done) struct pa_buf faults = PA_BUF_INIT(65536);
        pa_config_check(config, &faults);
        fputs(faults.size ? pa_buf_text(&faults) : err.message, stderr);
        return 2;
    }
    if (apply(arguments, config, &err) < 0) {
        fprintf(stderr, "polyagent: %s\nTry 'polyagent %s --help'.\n", err.message,
                arguments->argv[0]);
        return 2;
    }
    if (pa_log_configure(config->log_level, config->log_format, &err) < 0)
        return report(&err);
    return 0;
}

/* --- commands --------------------------------------------------------------------------------- */

static int serve(struct pa_life *life, struct pa_error *err) {
    return pa_life_run(life, err);
}

static int speak_mcp(struct pa_life *life, const struct pa_config *config, struct pa_error *err) {
    struct pa_service *service = pa_life_service(life);
    struct pa_caller *caller;
    if (pa_service_authenticate(service, "mcp", getenv("POLYAGENT_API_KEY"), &caller, err) < 0)
        return pa_error_prefix(err, "$POLYAGENT_API_KEY");
    int done = pa_mcp_serve_lines(service, caller, STDIN_FILENO, STDOUT_FILENO,
                                  pa_life_signal_fd(life), config->server.request_bytes, err);
    pa_caller_unref(caller);
    return done;
}

static int run(const struct arguments *arguments, int first, const struct pa_config *config) {
    const bool mcp = pa_streq(arguments->argv[0], "mcp");
    struct pa_life *life;
    struct pa_error err;
    const struct pa_life_config how = {.config = config,
                                       .warm = arguments->argv + first,
                                       .doors = !mcp,
                                       .reload = load,
                                       .context = (void *)(uintptr_t)arguments};
    if (pa_life_new(&how, &life, &err) < 0)
        return report(&err);
    int done = mcp ? speak_mcp(life, config, &err) : serve(life, &err);
    pa_life_free(life);
    return done < 0 ? report(&err) : 0;
}

/* A standard stream that we were started without must not become the number of a socket. */
static void occupy_closed_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH) != fd)
            return;
}

int main(int argc, char **argv) {
    const struct arguments arguments = {argc - 1, argv + 1};
    signal(SIGXFSZ, SIG_IGN); /* a file past `ulimit -f` is an error of write, which has words */
    occupy_closed_streams();
    if (argc < 2 || (!pa_streq(argv[1], "serve") && !pa_streq(argv[1], "mcp"))) {
        fputs("polyagent-server: it is started by 'polyagent serve' and 'polyagent mcp'\n", stderr);
        return 2;
    }
    const char *file;
    int first, status = scan(&arguments, &file, &first);
    if (status >= 0)
        return status;
    mallopt(M_ARENA_MAX, ARENAS);
    struct pa_config config;
    status = load_or_report(&arguments, file, &config);
    if (status == 0)
        status = run(&arguments, first, &config);
    pa_config_done(&config);
    return status;
}
