/*
 * Configuration: the settings of this program, each with where it came from.
 *
 *     struct pa_config config;
 *     int failed = pa_config_load(&config, &(struct pa_config_sources){.file = flag}, &err);
 *     pa_config_set(&config, "wasi.memory_limit_bytes", "512MiB", &PA_FLAG("--memory"), &err);
 *     ...
 *     pa_config_done(&config);                         also after a failed load
 *
 * Precedence, strongest first: flag, environment, .env, file, default.  Every source goes through
 * the same table of keys (pa_config_keys), so a key has one name, one type and one range
 * everywhere.
 *
 * The file is the one named by --config, else by POLYAGENT_CONFIG, else the first there is of
 *     ./polyagent.yaml   ./config/polyagent.yaml   $XDG_CONFIG_HOME/polyagent/config.yaml
 *     (~/.config without it)   /etc/polyagent/polyagent.yaml
 * A file found in the working directory, and .env there, is refused when that directory is open to
 * others (/tmp) and the file is neither ours nor root's: it decides what a guest may reach.
 *
 * Faults are collected, not only the first reported: a file with three mistakes says three things.
 * Nothing here logs or has state of its own; one thread at a time for one configuration.
 */
#ifndef PA_CONFIG_CONFIG_H
#define PA_CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strv.h"
#include "config/server.h"
#include "policy/policy.h"
#include <stdbool.h>

#define PA_CONFIG_MAX_FILE   (1024 * 1024) /* bytes, of the YAML file and of .env */
#define PA_CONFIG_MAX_FAULTS 20            /* kept; how many more there were is counted */

/* Where a value came from, weakest first. */
enum pa_source {
    PA_SOURCE_DEFAULT,
    PA_SOURCE_FILE,
    PA_SOURCE_DOTENV,
    PA_SOURCE_ENVIRONMENT,
    PA_SOURCE_FLAG,
};

struct pa_origin {
    enum pa_source source;
    const char *name;      /* of the file, the variable or the flag; NULL for a default */
    unsigned line, column; /* from 1; 0 where there is none */
};

#define PA_FLAG(flag) ((struct pa_origin){.source = PA_SOURCE_FLAG, .name = (flag)})

/* "default", "FILE:LINE", ".env:LINE", "environment NAME", "flag --x".  Returns `out`. */
char *pa_origin_format(const struct pa_origin *origin, char *out, size_t room);

struct pa_config_fault {
    char where[256]; /* "config/polyagent.yaml:12:3", "environment POLYAGENT_SEED", ".env:4" */
    unsigned line, column; /* 0 where there is none */
    char key[96];          /* "wasi.memory_limit_bytes"; may be "" */
    char message[512];     /* what is wrong and what is allowed */
};

/* Wheels and folders that every program of a language gets. */
struct pa_config_packages {
    char *language;
    char **paths;
};

/* A language with packages, and with modules imported before a program starts. */
struct pa_config_image {
    char *name, *language;
    char **preload, **packages; /* may be NULL: none */
};

/* Read freely; change through the functions. */
struct pa_config {
    struct pa_policy policy;  /* of runs that ask for nothing else */
    char *cache_directory;    /* NULL: the user's cache folder */
    uint64_t cache_max_bytes; /* compiled modules; the least recently used go first */
    char *log_level;          /* a spec of base/log.h */
    enum pa_log_format log_format;
    char *python_wasi_wasm_path; /* NULL: not given; checked where it is used, not here */
    char **warm;                 /* languages and images that `serve` starts at once; NULL: none */
    struct pa_config_packages *packages;
    size_t package_count;
    struct pa_config_image *images;
    size_t image_count;
    bool jail_required; /* a run without every layer of the jail is an error */
    bool fs_readonly;   /* what an allowed path is that does not say */
    struct pa_server_settings server;
    char *file; /* the file that was read, or NULL */

    struct pa_config_fault *faults;
    size_t fault_count, faults_left_out;

    struct pa_config_note *notes; /* private: the origins */
    size_t note_count, note_capacity;
};

struct pa_config_sources {
    const char *file;               /* --config FILE, or NULL */
    const char *const *environment; /* "NAME=value", NULL at the end; NULL: the process's own */
};

void pa_config_init(struct pa_config *config); /* the defaults */
void pa_config_done(struct pa_config *config);

/* Initialises *config and reads the file, .env and the environment.  -1 when anything is wrong:
 * config->faults has it all (pa_config_check prints it), *err the first; the values are then not to
 * be used.  Either way *config wants pa_config_done. */
int pa_config_load(struct pa_config *config, const struct pa_config_sources *sources,
                   struct pa_error *err);

/* The same for one document in memory, as if it were the file `name`, and no other source. */
int pa_config_load_text(struct pa_config *config, const char *name, const char *text, size_t size,
                        struct pa_error *err);

/* Sets one key from text, as a flag does.  A bare number for a time is milliseconds.  For
 * wasi.allowed_paths `text` is HOST[::GUEST][:rw|:ro] and for wasi.env_vars NAME=VALUE: each call
 * adds one, or replaces the one of the same guest path or name; for `packages` LANGUAGE=PATH and
 * for `warm` and server.module_paths one item, which are added.  A host path may be relative here.
 * The message starts with origin->name.  Sources must come in the order of their strength. */
int pa_config_set(struct pa_config *config, const char *key, const char *text,
                  const struct pa_origin *origin, struct pa_error *err);

/* After the last flag of a server: whether its settings fit together, as a load checks them. */
int pa_config_fits(struct pa_config *config, struct pa_error *err);

/* The image of that name, or NULL. */
const struct pa_config_image *pa_config_image_find(const struct pa_config *config,
                                                   const char *name);

/* Where the value of a key came from; borrowed until the next change.  Of a limit that has two keys
 * either may be asked for.  `item` is a guest path, a variable's name, a language or an image, for
 * the keys that hold many, else NULL. */
const struct pa_origin *pa_config_origin(const struct pa_config *config, const char *key,
                                         const char *item);

/* `polyagent config check`: one line a fault, or one line that says what was read. */
void pa_config_check(const struct pa_config *config, struct pa_buf *out);

/* `polyagent config show`: every effective value as YAML, "# from ..." behind each.  Loading the
 * output gives the same values. */
void pa_config_show(const struct pa_config *config, struct pa_buf *out);

/* The table of keys, in the order in which they are shown. */
enum pa_config_kind {
    PA_CONFIG_SCALAR,
    PA_CONFIG_PATHS,   /* wasi.allowed_paths */
    PA_CONFIG_VARS,    /* wasi.env_vars */
    PA_CONFIG_NAMES,   /* warm */
    PA_CONFIG_FOLDERS, /* server.module_paths */
    PA_CONFIG_PACKAGES,
    PA_CONFIG_IMAGES,
};

struct pa_config_key {
    const char *name; /* "wasi.limits.memory_bytes" */
    enum pa_config_kind kind;
    const char *limit;                  /* the limit it sets, or NULL; two keys may set one */
    const struct pa_limit_info *number; /* the range of another number, or NULL */
    const char *variable; /* where the rule of pa_config_variable does not give it, or NULL */
    const char *allowed;  /* "true or false"; NULL for a number, which knows its range */
    const char *what;     /* what it does; NULL for a number, which knows that too */
    size_t offset;        /* in struct pa_config, for the setters that serve several keys */
    int (*set)(struct pa_config *config, const struct pa_config_key *key, const char *text,
               struct pa_error *err);
    void (*print)(const struct pa_config *config, const struct pa_config_key *key,
                  struct pa_buf *out);
};

extern const struct pa_config_key pa_config_keys[];
extern const size_t pa_config_key_count;

const struct pa_config_key *pa_config_key_find(const char *name);

/* Unit, default and range of a key that is a number, or NULL. */
const struct pa_limit_info *pa_config_key_range(const struct pa_config_key *key);

/* The environment variable of a key: its name without "wasi.", "limits." and "security.", in
 * capitals, dots as underscores, after POLYAGENT_ (wasi.security.allow_clock:
 * POLYAGENT_ALLOW_CLOCK). Exceptions: POLYAGENT_LOG and PYTHON_WASI_WASM_PATH.  Returns `out`. */
char *pa_config_variable(const struct pa_config_key *key, char *out, size_t room);

#endif
