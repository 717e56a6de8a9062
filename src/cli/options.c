/*
 * The options that several commands share.  Each sets a key of the configuration through the same
 * setter as the file and the environment, so that a value is checked and explained in one place.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

enum {
    OPT_DIR = 256,
    OPT_VOLUME,
    OPT_ENV,
    OPT_STDIN,
    OPT_MEMORY,
    OPT_TIMEOUT,
    OPT_CPU_TIME,
    OPT_FUEL,
    OPT_LIMIT,
    OPT_DETERMINISTIC,
    OPT_SEED,
    OPT_NO_CLOCK,
    OPT_NO_RANDOM,
    OPT_JAIL,
    OPT_JSON,
    OPT_EXPRESSION,
    OPT_MODE,
    OPT_PACKAGE,
    OPT_INTERPRETER,
    OPT_IMAGE,
    OPT_CONFIG,
    OPT_LOG,
    OPT_HELP,
};

static const struct option options_table[] = {
    {"dir", required_argument, NULL, OPT_DIR},
    {"volume", required_argument, NULL, OPT_VOLUME},
    {"env", required_argument, NULL, OPT_ENV},
    {"stdin", required_argument, NULL, OPT_STDIN},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"cpu-time", required_argument, NULL, OPT_CPU_TIME},
    {"fuel", required_argument, NULL, OPT_FUEL},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"deterministic", no_argument, NULL, OPT_DETERMINISTIC},
    {"seed", required_argument, NULL, OPT_SEED},
    {"no-clock", no_argument, NULL, OPT_NO_CLOCK},
    {"no-random", no_argument, NULL, OPT_NO_RANDOM},
    {"jail", required_argument, NULL, OPT_JAIL},
    {"json", no_argument, NULL, OPT_JSON},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"log", required_argument, NULL, OPT_LOG},
    {"help", no_argument, NULL, OPT_HELP},
    /* Of languages alone. */
    {"expression", no_argument, NULL, OPT_EXPRESSION},
    {"mode", required_argument, NULL, OPT_MODE},
    {"package", required_argument, NULL, OPT_PACKAGE},
    {"interpreter", required_argument, NULL, OPT_INTERPRETER},
    {"image", required_argument, NULL, OPT_IMAGE},
    {NULL, 0, NULL, 0},
};

/* What an option sets: the key, and the text where the option has no argument. */
static const struct {
    int option;
    const char *flag, *key, *text;
} settings[] = {
    {OPT_DIR, "--dir", "wasi.allowed_paths", NULL},
    {OPT_MEMORY, "--memory", "wasi.limits.memory_bytes", NULL},
    {OPT_TIMEOUT, "--timeout", "wasi.limits.timeout_ms", NULL},
    {OPT_CPU_TIME, "--cpu-time", "wasi.limits.cpu_ms", NULL},
    {OPT_FUEL, "--fuel", "wasi.limits.fuel", NULL},
    {OPT_DETERMINISTIC, "--deterministic", "wasi.deterministic", "true"},
    {OPT_SEED, "--seed", "wasi.seed", NULL},
    {OPT_NO_CLOCK, "--no-clock", "wasi.security.allow_clock", "false"},
    {OPT_NO_RANDOM, "--no-random", "wasi.security.allow_random", "false"},
    {OPT_JAIL, "--jail", "wasi.jail", NULL},
    {OPT_LOG, "--log", "log.level", NULL},
};

/* A bare number for a time means seconds on the command line, as it does for timeout(1). */
static int set_time(struct pa_config *config, const char *key, const char *text,
                    const struct pa_origin *origin, struct pa_error *err) {
    bool bare = *text && text[strspn(text, "0123456789.")] == 0;
    PA_CLEANUP(pa_freep) char *with_unit = pa_xasprintf("%s%s", text, bare ? "s" : "");
    return pa_config_set(config, key, with_unit, origin, err);
}

/* --env NAME takes the value from our own environment, as docker and env do. */
static int set_env(struct pa_config *config, const char *text, struct pa_error *err) {
    if (strchr(text, '='))
        return pa_config_set(config, "wasi.env_vars", text, &PA_FLAG("--env"), err);
    const char *value = getenv(text);
    if (!value)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "--env %s: no such variable here; write NAME=VALUE to give it one", text);
    PA_CLEANUP(pa_freep) char *pair = pa_xasprintf("%s=%s", text, value);
    return pa_config_set(config, "wasi.env_vars", pair, &PA_FLAG("--env"), err);
}

static int set_limit(struct pa_config *config, const char *text, struct pa_error *err) {
    const char *equals = strchr(text, '=');
    PA_CLEANUP(pa_freep) char *name = equals ? strndup(text, (size_t)(equals - text)) : NULL;
    const struct pa_limit_info *info = name ? pa_limit_find(name) : NULL;
    if (!info)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "--limit %s: write NAME=VALUE; 'polyagent config show' names the limits "
                       "(wasi.limits)",
                       text);
    PA_CLEANUP(pa_freep) char *key = pa_xasprintf("wasi.limits.%s", name);
    return pa_config_set(config, key, equals + 1, &PA_FLAG("--limit"), err);
}

static int set_language_option(struct pa_run_options *options, int option, const char *argument,
                               struct pa_error *err) {
    if (!options->language)
        return pa_fail(
            err, PA_ERR_INVALID_ARGUMENT,
            "--mode, --expression, --package, --interpreter and --image are for languages "
            "('polyagent exec')");
    switch (option) {
    case OPT_EXPRESSION:
        options->expression = true;
        break;
    case OPT_MODE:
        options->mode = argument;
        break;
    case OPT_PACKAGE:
        pa_strv_add(&options->packages, pa_xstrdup(argument));
        break;
    case OPT_INTERPRETER:
        options->interpreter = argument;
        break;
    default:
        options->image = argument;
    }
    return 0;
}

static int apply(struct pa_run_options *options, int option, const char *argument,
                 struct pa_error *err) {
    struct pa_config *config = &options->config;
    switch (option) {
    case OPT_ENV:
        return set_env(config, argument, err);
    case OPT_VOLUME:
        pa_strv_add(&options->volumes, pa_xstrdup(argument));
        return 0;
    case OPT_LIMIT:
        return set_limit(config, argument, err);
    case OPT_STDIN:
        options->stdin_path = argument;
        return 0;
    case OPT_JSON:
        options->json = true;
        return 0;
    case OPT_EXPRESSION:
    case OPT_MODE:
    case OPT_PACKAGE:
    case OPT_INTERPRETER:
    case OPT_IMAGE:
        return set_language_option(options, option, argument, err);
    default:
        break;
    }
    for (size_t i = 0; i < PA_ARRAY_LEN(settings); i++) {
        if (settings[i].option != option)
            continue;
        const char *text = settings[i].text ? settings[i].text : argument;
        const struct pa_origin origin = PA_FLAG(settings[i].flag);
        if (option == OPT_TIMEOUT || option == OPT_CPU_TIME)
            return set_time(config, settings[i].key, text, &origin, err);
        return pa_config_set(config, settings[i].key, text, &origin, err);
    }
    return 0; /* --config and --help were seen to before */
}

/* The next option, -1 after the last: -c and -m are the last ones, as they are for interpreters. */
static int next(struct pa_run_options *options, int argc, char **argv) {
    if (options->code || options->module)
        return -1;
    return getopt_long(argc, argv, options->language ? "+:hic:m:" : "+:h", options_table, NULL);
}

/* First pass: --help and --config decide what the others build on; a bad option ends it here. */
static int scan(struct pa_run_options *options, int argc, char **argv, const char *help,
                const char **ret_file, int *ret_status) {
    int option;
    *ret_file = NULL;
    optind = 0;
    opterr = 0;
    while ((option = next(options, argc, argv)) != -1) {
        switch (option) {
        case OPT_HELP:
        case 'h':
            fputs(help, stdout);
            *ret_status = 0;
            return -1;
        case OPT_CONFIG:
            *ret_file = optarg;
            break;
        case 'c':
            options->code = optarg;
            break;
        case 'm':
            options->module = optarg;
            break;
        case 'i':
            options->interactive = true;
            break;
        case ':':
            *ret_status = pa_report_usage(argv[0], "%s needs a value", argv[optind - 1]);
            return -1;
        case '?':
            *ret_status = pa_report_usage(argv[0], "there is no option '%s'", argv[optind - 1]);
            return -1;
        default:
            break;
        }
    }
    return 0;
}

static int load(struct pa_run_options *options, const char *file, int *ret_status) {
    struct pa_error err;
    if (pa_config_load(&options->config, &(struct pa_config_sources){.file = file}, &err) == 0)
        return 0;
    struct pa_buf faults = PA_BUF_INIT(65536);
    pa_config_check(&options->config, &faults);
    fputs(faults.size ? pa_buf_text(&faults) : err.message, stderr);
    pa_buf_done(&faults);
    *ret_status = 2;
    return -1;
}

int pa_run_options_parse(struct pa_run_options *options, int argc, char **argv, const char *help,
                         int *ret_status) {
    const char *file;
    *options = (struct pa_run_options){.language = options->language};
    if (scan(options, argc, argv, help, &file, ret_status) < 0)
        return -1;
    struct pa_error err;
    int option, failed = load(options, file, ret_status);
    const char *code = options->code, *module = options->module;
    options->code = options->module = NULL;
    optind = 0;
    while (!failed && (option = next(options, argc, argv)) != -1)
        if (option == 'c')
            options->code = code;
        else if (option == 'm')
            options->module = module;
        else if (option == 'i')
            continue; /* seen to before */
        else if (apply(options, option, optarg, &err) < 0) {
            *ret_status = pa_report_usage(argv[0], "%s", err.message);
            failed = -1;
        }
    /* After the settings, of which their quotas are. */
    for (char **volume = options->volumes; !failed && volume && *volume; volume++)
        if (pa_cli_mount_volume(&options->config, *volume, &err) < 0) {
            *ret_status = pa_report_usage(argv[0], "%s", err.message);
            failed = -1;
        }
    if (!failed &&
        pa_log_configure(options->config.log_level, options->config.log_format, &err) < 0) {
        *ret_status = pa_report_error(&err);
        failed = -1;
    }
    if (failed) {
        pa_run_options_done(options);
        return -1;
    }
    return optind;
}

int pa_run_options_stdin(const struct pa_run_options *options, bool ours_is_taken, int *ret_fd,
                         struct pa_error *err) {
    *ret_fd = -1;
    if (options->stdin_path) {
        *ret_fd = open(options->stdin_path, O_RDONLY | O_CLOEXEC);
        if (*ret_fd < 0)
            return pa_fail_errno(err, errno, "cannot open %s for --stdin", options->stdin_path);
    } else if (!ours_is_taken && !(fcntl(STDIN_FILENO, F_GETFL) & O_PATH)) { /* see main.c */
        *ret_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    }
    return 0;
}

int pa_run_options_finish(const struct pa_run_options *options, const struct pa_outcome *outcome,
                          int cancel_fd) {
    if (options->json) {
        struct pa_buf json = PA_BUF_INIT(SIZE_MAX / 2);
        pa_outcome_json(outcome, &json);
        printf("%s\n", pa_buf_text(&json));
        pa_buf_done(&json);
    } else {
        pa_report_outcome(outcome);
    }
    if (outcome->status == PA_STATUS_CANCELLED)
        return pa_terminal_cancel_status(cancel_fd);
    return pa_outcome_exit(outcome);
}

int pa_run_options_parse_action(struct pa_run_options *options, int argc, char **argv,
                                const char *which, const char *help, const char **ret_action,
                                int *ret_status) {
    if (argc < 2) {
        *ret_status = pa_report_usage(argv[0], "%s", which);
        return -1;
    }
    *ret_action = argv[1];
    if (pa_streq(argv[1], "--help") || pa_streq(argv[1], "-h")) {
        fputs(help, stdout);
        *ret_status = 0;
        return -1;
    }
    argv[1] = argv[0]; /* what the parser names in its messages */
    int at = pa_run_options_parse(options, argc - 1, argv + 1, help, ret_status);
    return at < 0 ? -1 : at + 1;
}

void pa_run_options_done(struct pa_run_options *options) {
    options->packages = pa_strv_free(options->packages);
    options->volumes = pa_strv_free(options->volumes);
    pa_config_done(&options->config);
}

struct pa_executor_config pa_run_options_executor(const struct pa_run_options *options) {
    return (struct pa_executor_config){.cache_directory = options->config.cache_directory,
                                       .cache_bytes = options->config.cache_max_bytes,
                                       .jail_required = options->config.jail_required,
                                       .compiling = pa_terminal_compiling};
}
