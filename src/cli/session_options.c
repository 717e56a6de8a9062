/*
 * The options of `polyagent session`.  Most of them are a field of the request's body, so what they
 * say is put there at once; the server checks it, as it does for every caller.
 *
 * Options and operands may come in any order, up to a program: what follows -c CODE or FILE is the
 * program's own.
 */
#include "cli/session.h"

#include "base/units.h"
#include <getopt.h>

enum {
    OPT_SERVER = 256,
    OPT_JSON,
    OPT_NAME,
    OPT_LABEL,
    OPT_RECOVER,
    OPT_IDLE,
    OPT_LIFE,
    OPT_IMAGE,
    OPT_ENV,
    OPT_MEMORY,
    OPT_TIMEOUT,
    OPT_CPU_TIME,
    OPT_LIMIT,
    OPT_DETERMINISTIC,
    OPT_SEED,
    OPT_SCRIPT,
    OPT_STDIN,
    OPT_VARIABLES,
    OPT_RECURSIVE,
};

/* Every option with the actions that take it, between spaces; "" is all. */
static const struct {
    struct option option;
    const char *actions;
} table[] = {
    {{"server", required_argument, NULL, OPT_SERVER}, ""},
    {{"json", no_argument, NULL, OPT_JSON}, ""},
    {{"help", no_argument, NULL, 'h'}, ""},
    {{"name", required_argument, NULL, OPT_NAME}, " new "},
    {{"label", required_argument, NULL, OPT_LABEL}, " new fork "},
    {{"recover", no_argument, NULL, OPT_RECOVER}, " new "},
    {{"idle", required_argument, NULL, OPT_IDLE}, " new "},
    {{"life", required_argument, NULL, OPT_LIFE}, " new "},
    {{"image", required_argument, NULL, OPT_IMAGE}, " new "},
    {{"env", required_argument, NULL, OPT_ENV}, " new "},
    {{"deterministic", no_argument, NULL, OPT_DETERMINISTIC}, " new "},
    {{"seed", required_argument, NULL, OPT_SEED}, " new "},
    {{"memory", required_argument, NULL, OPT_MEMORY}, " new "},
    {{"timeout", required_argument, NULL, OPT_TIMEOUT}, " new exec "},
    {{"cpu-time", required_argument, NULL, OPT_CPU_TIME}, " new exec "},
    {{"limit", required_argument, NULL, OPT_LIMIT}, " new exec "},
    {{"code", required_argument, NULL, 'c'}, " exec "},
    {{"script", no_argument, NULL, OPT_SCRIPT}, " exec "},
    {{"stdin", required_argument, NULL, OPT_STDIN}, " exec "},
    {{"count", required_argument, NULL, 'n'}, " fork "},
    {{"variables", no_argument, NULL, OPT_VARIABLES}, " inspect "},
    {{"recursive", no_argument, NULL, OPT_RECURSIVE}, " files "},
};

static const char *name_of(int option) {
    for (size_t i = 0; i < PA_ARRAY_LEN(table); i++)
        if (table[i].option.val == option)
            return table[i].option.name;
    return "";
}

static bool is_for(int option, const char *action) {
    PA_CLEANUP(pa_freep) char *word = pa_xasprintf(" %s ", action);
    for (size_t i = 0; i < PA_ARRAY_LEN(table); i++)
        if (table[i].option.val == option)
            return !*table[i].actions || strstr(table[i].actions, word);
    return false;
}

/* The member that is an object, made where it is not there yet. */
static json_t *member(json_t *request, const char *name) {
    json_t *object = json_object_get(request, name);
    if (!object) {
        object = json_object();
        json_object_set_new(request, name, object);
    }
    return object;
}

static int set_text(json_t *object, const char *name, const char *text, struct pa_error *err) {
    json_t *value = json_string(text);
    if (!value || json_object_set_new(object, name, value) < 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "it is not UTF-8 text");
    return 0;
}

static int set_number(json_t *object, const char *name, uint64_t number, struct pa_error *err) {
    if (number > INT64_MAX)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "it is too large to be asked for");
    json_object_set_new(object, name, json_integer((json_int_t)number));
    return 0;
}

/* NAME=VALUE; of a variable NAME alone takes its value from here. */
static int set_pair(json_t *object, const char *text, bool from_here, struct pa_error *err) {
    const char *equals = strchr(text, '=');
    const char *value = equals ? equals + 1 : from_here ? getenv(text) : NULL;
    if (!value || equals == text)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       from_here ? "there is no such variable here; write NAME=VALUE"
                                 : "write NAME=VALUE");
    PA_CLEANUP(pa_freep)
    char *name = equals ? strndup(text, (size_t)(equals - text)) : pa_xstrdup(text);
    return set_text(object, name, value, err);
}

static int set_time(json_t *object, const char *name, const char *text, struct pa_error *err) {
    uint64_t ms;
    if (pa_parse_duration_ms(text, 1000, &ms) < 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "write a time, such as 90s or 2h");
    return set_number(object, name, ms, err);
}

/* A limit by its name, with a unit as on other commands. */
static int set_limit(json_t *request, const char *name, const char *text, struct pa_error *err) {
    const struct pa_limit_info *info = pa_limit_find(name);
    uint64_t value;
    if (!info)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "write NAME=VALUE; 'polyagent config show' names the limits (wasi.limits)");
    return pa_limit_parse(info, text, &value, err) < 0
               ? -1
               : set_number(member(request, "limits"), info->name, value, err);
}

static int set_named_limit(json_t *request, const char *text, struct pa_error *err) {
    const char *equals = strchr(text, '=');
    PA_CLEANUP(pa_freep) char *name = strndup(text, equals ? (size_t)(equals - text) : 0);
    return set_limit(request, name ? name : "", equals ? equals + 1 : "", err);
}

static int set_count(const char *text, const char *what, uint64_t most, uint64_t *ret,
                     struct pa_error *err) {
    if (pa_parse_count(text, ret) < 0 || *ret > most)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "write a number%s", what);
    return 0;
}

/* What goes into the request's body. */
static int set_field(json_t *request, int option, const char *argument, struct pa_error *err) {
    uint64_t number;
    switch (option) {
    case OPT_NAME:
        return set_text(request, "name", argument, err);
    case OPT_LABEL:
        return set_pair(member(request, "labels"), argument, false, err);
    case OPT_RECOVER:
        return json_object_set_new(request, "recover", json_true());
    case OPT_IDLE:
        return set_time(request, "idle_ms", argument, err);
    case OPT_LIFE:
        return set_time(request, "life_ms", argument, err);
    case OPT_IMAGE:
        return set_text(request, "image", argument, err);
    case OPT_ENV:
        return set_pair(member(request, "env"), argument, true, err);
    case OPT_DETERMINISTIC:
        return json_object_set_new(request, "deterministic", json_true());
    case OPT_SEED:
        return set_count(argument, "", UINT64_MAX, &number, err) < 0
                   ? -1
                   : set_number(request, "seed", number, err);
    case OPT_MEMORY:
        return set_limit(request, "memory_bytes", argument, err);
    case OPT_TIMEOUT:
        return set_limit(request, "timeout_ms", argument, err);
    case OPT_CPU_TIME:
        return set_limit(request, "cpu_ms", argument, err);
    default:
        PA_ASSERT(option == OPT_LIMIT);
        return set_named_limit(request, argument, err);
    }
}

static int set_option(struct pa_session_options *options, int option, const char *argument,
                      struct pa_error *err) {
    switch (option) {
    case OPT_SERVER:
        options->url = argument;
        return 0;
    case OPT_JSON:
        options->json = true;
        return 0;
    case 'c':
        options->code = argument;
        return 0;
    case OPT_SCRIPT:
        options->script = true;
        return 0;
    case OPT_STDIN:
        options->stdin_path = argument;
        return 0;
    case OPT_VARIABLES:
        options->variables = true;
        return 0;
    case OPT_RECURSIVE:
        options->recursive = true;
        return 0;
    case 'n':
        return set_count(argument, " of copies", INT64_MAX, &options->count, err);
    default:
        return set_field(options->request, option, argument, err);
    }
}

static int refuse(const struct pa_session_action *action, int option, const char *argument,
                  const struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *command = pa_xasprintf("session %s", action->name);
    const char *name = name_of(option);
    if (!is_for(option, action->name))
        return pa_report_usage(command, "--%s is not an option of 'session %s'", name,
                               action->name);
    return pa_report_usage(command, "--%s%s%s: %s", name, argument ? " " : "",
                           argument ? argument : "", err->message);
}

/* One option, with its argument in optarg. */
static int take_option(struct pa_session_options *options, const struct pa_session_action *action,
                       int option, char **argv, int *ret_status) {
    PA_CLEANUP(pa_freep) char *command = pa_xasprintf("session %s", action->name);
    struct pa_error err;
    *ret_status = 2;
    if (option == 'h') {
        fputs(pa_session_usage, stdout);
        *ret_status = 0;
    } else if (option == '?' || option == ':') {
        pa_report_usage(command,
                        option == '?' ? "there is no option '%s'" : "the option '%s' wants a value",
                        argv[optind - 1]);
    } else if (!is_for(option, action->name) || set_option(options, option, optarg, &err) < 0) {
        refuse(action, option, optarg, &err);
    } else {
        return 0;
    }
    return -1;
}

/* The operands go to the front of argv. */
static int split(struct pa_session_options *options, const struct pa_session_action *action,
                 int argc, char **argv, int *ret_count, int *ret_status) {
    struct option long_options[PA_ARRAY_LEN(table) + 1] = {{0}};
    int count = 0;
    bool rest = false;
    for (size_t i = 0; i < PA_ARRAY_LEN(table); i++)
        long_options[i] = table[i].option;
    opterr = 0;
    optind = 1;
    while (optind < argc) {
        int option = rest ? -1 : getopt_long(argc, argv, "+:c:n:h", long_options, NULL);
        if (option == -1 && optind >= argc)
            break;
        if (option == -1) {
            rest |= optind > 1 && pa_streq(argv[optind - 1], "--");
            argv[++count] = argv[optind++];
            rest |= action->most < 0 && count > action->least;
        } else if (take_option(options, action, option, argv, ret_status) < 0) {
            return -1;
        }
        rest |= option == 'c';
    }
    *ret_count = count;
    return 0;
}

int pa_session_options_parse(struct pa_session_options *options,
                             const struct pa_session_action *action, int argc, char **argv,
                             int *ret_count, int *ret_status) {
    struct pa_error err;
    *options = (struct pa_session_options){.count = 1, .request = json_object()};
    options->api.cancel_fd = -1;
    if (split(options, action, argc, argv, ret_count, ret_status) < 0)
        return -1;
    PA_CLEANUP(pa_freep) char *command = pa_xasprintf("session %s", action->name);
    if (*ret_count < action->least || (action->most >= 0 && *ret_count > action->most)) {
        *ret_status = pa_report_usage(command, "write: polyagent session %s %s", action->name,
                                      action->operands);
        return -1;
    }
    if (pa_api_init(&options->api, options->url, &err) == 0)
        return 0;
    *ret_status = pa_report_error(&err);
    return -1;
}

void pa_session_options_done(struct pa_session_options *options) {
    pa_api_done(&options->api);
    json_decref(options->request);
}
