/*
 * The sources in the order of their strength: the file, .env, the environment.  Flags come later,
 * through pa_config_set.
 *
 * .env is read first, because it may name the file, and applied second.  Of it and of the
 * environment only our own variables are kept.  A POLYAGENT_ variable that is none of ours may
 * belong to another program of the platform and is left alone, unless it is so near to one of ours
 * that it is a slip: a limit that was meant to be set and is not would be found out too late.
 */
#include "config/config_internal.h"

#include "base/io.h"
#include "base/log.h"
#include "config/dotenv.h"
#include "config/nearest.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOTENV ".env"
#define PREFIX "POLYAGENT_"

/* Read by others than this folder. */
static const char *const other_variables[] = {"POLYAGENT_CONFIG", "POLYAGENT_CACHE_HOME",
                                              "POLYAGENT_URL", "POLYAGENT_API_KEY"};

struct variable {
    char *name, *value;
    unsigned line;
};

/* The variables of one source that may concern us. */
struct variables {
    enum pa_source source;
    struct variable *items;
    size_t count, capacity;
    unsigned odd_line, odd_lines; /* the first that is not NAME=value, and how many there are */
};

static void variables_done(struct variables *variables) {
    for (size_t i = 0; i < variables->count; i++) {
        free(variables->items[i].name);
        free(variables->items[i].value);
    }
    free(variables->items);
}

static void keep_variable(void *context, const char *name, const char *value, unsigned line) {
    struct variables *variables = context;
    if (!name) {
        variables->odd_line = variables->odd_lines++ ? variables->odd_line : line;
        return;
    }
    bool ours = strncmp(name, PREFIX, strlen(PREFIX)) == 0;
    for (size_t i = 0; i < pa_config_key_count; i++)
        ours = ours || (pa_config_keys[i].variable && pa_streq(pa_config_keys[i].variable, name));
    if (!ours || !*value)
        return;
    if (variables->count == variables->capacity) {
        size_t capacity = PA_MAX(2 * variables->capacity, (size_t)16);
        struct variable *grown = pa_xcalloc(capacity, sizeof(*grown));
        if (variables->count)
            memcpy(grown, variables->items, variables->count * sizeof(*grown));
        free(variables->items);
        variables->items = grown;
        variables->capacity = capacity;
    }
    variables->items[variables->count++] =
        (struct variable){pa_xstrdup(name), pa_xstrdup(value), line};
}

static void keep_environment(struct variables *variables, const char *const *environment) {
    for (; *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (!equals)
            continue;
        PA_CLEANUP(pa_freep)
        char *name = pa_xasprintf("%.*s", (int)(equals - *environment), *environment);
        keep_variable(variables, name, equals + 1, 0);
    }
}

/* The last of that name, as in a shell; NULL if there is none. */
static const struct variable *find_variable(const struct variables *variables, const char *name) {
    for (size_t i = variables->count; i-- > 0;)
        if (pa_streq(variables->items[i].name, name))
            return &variables->items[i];
    return NULL;
}

static struct pa_origin origin_of(const struct variables *variables,
                                  const struct variable *variable) {
    bool dotenv = variables->source == PA_SOURCE_DOTENV;
    return (struct pa_origin){.source = variables->source,
                              .name = dotenv ? DOTENV : variable->name,
                              .line = variable->line};
}

/* A file that nobody named, in a directory where anybody may put one, must be ours or root's. */
static int check_planted(int fd, const char *path, struct pa_error *err) {
    struct stat st, directory;
    const char *slash = strrchr(path, '/');
    PA_CLEANUP(pa_freep)
    char *parent = slash ? pa_xasprintf("%.*s", (int)(slash - path), path) : pa_xstrdup(".");
    if (fstat(fd, &st) < 0 || stat(parent, &directory) < 0)
        return pa_fail_errno(err, errno, "cannot stat %s", path);
    if (st.st_uid == geteuid() || st.st_uid == 0 || !(directory.st_mode & S_IWOTH))
        return 0;
    return pa_fail(err, PA_ERR_PERMISSION_DENIED,
                   "%s belongs to user %u, in a directory that anybody may write to: it is not "
                   "used, because it decides what a guest may reach; work in another directory, or "
                   "name a file with --config",
                   path, st.st_uid);
}

static int read_source(const char *path, bool named, struct pa_buf *buf, struct pa_error *err) {
    /* A named one may be a pipe; one that was found must not keep us waiting. */
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (named ? 0 : O_NONBLOCK);
    PA_CLEANUP(pa_closep) int fd = open(path, flags);
    if (fd < 0)
        return pa_fail_errno(err, errno, "cannot open %s", path);
    if (!named && path[0] != '/' && check_planted(fd, path, err) < 0)
        return -1;
    return pa_read_all(fd, path, buf, err);
}

static bool is_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static const char *from_environment(const char *const *environment, const char *name) {
    size_t size = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=' &&
            (*environment)[size + 1])
            return *environment + size + 1;
    return NULL;
}

/* The first there is of the usual places, as a new string; NULL if there is none. */
static char *search(const char *const *environment) {
    static const char *const near[] = {"polyagent.yaml", "config/polyagent.yaml"};
    for (size_t i = 0; i < PA_ARRAY_LEN(near); i++)
        if (is_file(near[i]))
            return pa_xstrdup(near[i]);
    const char *base = from_environment(environment, "XDG_CONFIG_HOME");
    const char *home = from_environment(environment, "HOME");
    PA_CLEANUP(pa_freep) char *path = NULL;
    if (base && *base == '/')
        path = pa_path_join(base, "polyagent/config.yaml");
    else if (home && *home == '/')
        path = pa_path_join(home, ".config/polyagent/config.yaml");
    if (path && is_file(path))
        return pa_steal(&path);
    static const char system_wide[] = "/etc/polyagent/polyagent.yaml";
    return is_file(system_wide) ? pa_xstrdup(system_wide) : NULL;
}

static void load_file(struct pa_config *config, const struct pa_config_sources *sources,
                      const char *const *environment, const struct variables *layers) {
    struct pa_origin named_by = PA_FLAG("--config");
    const char *named = sources->file;
    for (int i = 1; i >= 0 && !named; i--) {
        const struct variable *variable = find_variable(&layers[i], "POLYAGENT_CONFIG");
        named = variable ? variable->value : NULL;
        if (variable)
            named_by = origin_of(&layers[i], variable);
    }
    char *path = named ? pa_xstrdup(named) : search(environment);
    if (!path)
        return;
    config->file = path;
    struct pa_origin file = {.source = PA_SOURCE_FILE, .name = path};
    struct pa_error err;
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(PA_CONFIG_MAX_FILE);
    if (read_source(path, named, &text, &err) < 0)
        pa_config_fault(config, named ? &named_by : &file, "", "%s", err.message);
    else
        pa_config_apply_text(config, pa_buf_text(&text), text.size, &file);
}

static void load_dotenv(struct pa_config *config, struct variables *variables) {
    struct pa_origin origin = {.source = PA_SOURCE_DOTENV, .name = DOTENV};
    struct pa_error err;
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(PA_CONFIG_MAX_FILE);
    if (!is_file(DOTENV))
        return;
    if (read_source(DOTENV, false, &text, &err) < 0 ||
        pa_dotenv_parse(pa_buf_text(&text), text.size, keep_variable, variables, &origin.line,
                        &err) < 0)
        pa_config_fault(config, &origin, "", "%s", err.message);
    if (variables->odd_lines)
        pa_log_warn("config", "%s:%u is not NAME=value and is passed over%s", DOTENV,
                    variables->odd_line, variables->odd_lines > 1 ? ", as are others" : "");
}

static void check_name(struct pa_config *config, const struct variables *variables,
                       const struct variable *variable) {
    struct pa_nearest nearest = {.word = variable->name + strlen(PREFIX)};
    char name[96];
    if (strncmp(variable->name, PREFIX, strlen(PREFIX)) != 0)
        return;
    for (size_t i = 0; i < PA_ARRAY_LEN(other_variables); i++)
        if (pa_streq(other_variables[i], variable->name))
            return;
    for (size_t i = 0; i < pa_config_key_count; i++) {
        pa_config_variable(&pa_config_keys[i], name, sizeof(name));
        if (strncmp(name, PREFIX, strlen(PREFIX)) == 0)
            pa_nearest_offer(&nearest, name + strlen(PREFIX), i);
    }
    if (!nearest.found || nearest.distance == 0 || nearest.distance > 2)
        return;
    struct pa_origin origin = origin_of(variables, variable);
    pa_config_variable(&pa_config_keys[nearest.index], name, sizeof(name));
    pa_config_fault(config, &origin, "", "%.96s is not a setting; did you mean %s?", variable->name,
                    name);
}

static void apply_variable(struct pa_config *config, const struct pa_config_key *key,
                           const struct variables *variables, const struct variable *variable) {
    struct pa_origin origin = origin_of(variables, variable);
    struct pa_error err;
    int failed = 0;
    if (key->kind == PA_CONFIG_SCALAR) {
        failed = pa_config_assign(config, key, variable->value, &origin, &err);
    } else {
        pa_config_clear_items(config, key); /* it replaces what weaker sources have */
        pa_config_note_put(config, key, NULL, &origin);
        if (*variable->value == '[' || *variable->value == '{')
            pa_config_apply_items(config, key, variable->value, &origin);
        else
            failed = pa_config_assign(config, key, variable->value, &origin, &err);
    }
    if (failed)
        pa_config_fault(config, &origin, key->name, "%s", err.message);
}

static void apply_variables(struct pa_config *config, const struct variables *variables) {
    for (size_t i = 0; i < pa_config_key_count; i++) {
        char name[96];
        const struct variable *variable =
            find_variable(variables, pa_config_variable(&pa_config_keys[i], name, sizeof(name)));
        if (variable)
            apply_variable(config, &pa_config_keys[i], variables, variable);
    }
    for (size_t i = 0; i < variables->count; i++)
        check_name(config, variables, &variables->items[i]);
}

static int finish(struct pa_config *config, struct pa_error *err) {
    pa_config_settle_paths(config);
    for (size_t i = 0; i < config->note_count; i++) {
        struct pa_error forbidden;
        if (pa_config_forbidden_path(config, &config->notes[i], &forbidden))
            pa_config_fault(config, &config->notes[i].origin, config->notes[i].key->name, "%s",
                            forbidden.message);
    }
    pa_config_check_server(config);
    size_t count = config->fault_count + config->faults_left_out;
    if (!count)
        return 0;
    const struct pa_config_fault *first = &config->faults[0];
    char more[80] = "";
    if (count > 1)
        snprintf(more, sizeof(more), " (and %zu more: see 'polyagent config check')", count - 1);
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s: %s%s%s%s", first->where, first->key,
                   *first->key ? ": " : "", first->message, more);
}

int pa_config_load(struct pa_config *config, const struct pa_config_sources *sources,
                   struct pa_error *err) {
    const char *const *environment =
        sources->environment ? sources->environment : (const char *const *)environ;
    struct variables layers[] = {{.source = PA_SOURCE_DOTENV}, {.source = PA_SOURCE_ENVIRONMENT}};
    pa_config_init(config);
    load_dotenv(config, &layers[0]);
    keep_environment(&layers[1], environment);
    load_file(config, sources, environment, layers);
    for (size_t i = 0; i < PA_ARRAY_LEN(layers); i++) {
        apply_variables(config, &layers[i]);
        variables_done(&layers[i]);
    }
    return finish(config, err);
}

int pa_config_load_text(struct pa_config *config, const char *name, const char *text, size_t size,
                        struct pa_error *err) {
    struct pa_origin origin = {.source = PA_SOURCE_FILE, .name = name};
    pa_config_init(config);
    pa_config_apply_text(config, text, size, &origin);
    return finish(config, err);
}
