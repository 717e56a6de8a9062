/*
 * The inside of the tools.
 *
 *     toolbox.c    the table of tools; preparing a call
 *     rule.c       what parameters may be (rule.h)
 *     fields.c     the parameters that all tools have
 *     offers.c     ... those that reach beyond the run: volumes, host calls, files that are kept
 *     kv.c         the key-value store of guests (kv.h)
 *     module.c     code_executor
 *     script.c     the tools of languages: their parameters
 *     run_script.c ... and their runs
 *     folders.c    files that a caller may name
 *     events.c     what a run tells while it runs
 *     schema.c     the outcome's schema; annotations; examples
 *     languages.c  the languages there are
 */
#ifndef PA_TOOLS_TOOLS_INTERNAL_H
#define PA_TOOLS_TOOLS_INTERNAL_H

#include "base/strv.h"
#include "config/config.h"
#include "run/language.h"
#include "run/transpile.h"
#include "tools/rule.h"
#include "tools/tools.h"

/* A kind of tool: what code_executor, python_wasi_runner and the executors of languages each are.
 */
struct pa_prepared_call;
struct pa_tool_kind {
    /* Where all parameters are known and none has a fault of its own: what they are together. */
    void (*finish)(struct pa_prepared_call *call);
    int (*run)(struct pa_prepared_call *call, struct pa_outcome *outcome, struct pa_error *err);
};

#define PA_TOOL_FIELDS 24

/* Rules of a tool that depend on the configuration; the rest are static. */
struct pa_tool_rules {
    struct pa_rule object;
    struct pa_rule_field fields[PA_TOOL_FIELDS];
    struct pa_rule limits;
    struct pa_rule *limit_rules; /* one each */
    struct pa_rule_field *limit_fields;
    struct pa_rule upload, path, image;
    char **images; /* the choices of `image` */
    char *path_text;
};

struct pa_tool_entry {
    const struct pa_tool_kind *kind;
    const struct pa_pack *pack; /* NULL for modules */
    struct pa_limits limits;    /* what a call may have at most */
    bool own_interpreter;       /* it takes one */
    char *name, *title, *description;
    struct pa_tool_rules rules;
};

struct pa_toolbox {
    struct pa_toolbox_config config;
    struct pa_tool *tools; /* what callers see of the entries */
    struct pa_tool_entry *entries;
    size_t count;
    struct pa_folders *folders;
    char *volumes_directory; /* NULL: there is none */
};

/* Bytes that are borrowed from the parameters, or decoded from them. */
struct pa_tool_bytes {
    const void *bytes;
    size_t size;
    uint8_t *owned;
};

struct pa_prepared_call {
    struct pa_prepared seen; /* first: what the caller has */
    struct pa_toolbox *toolbox;
    const struct pa_tool_entry *entry;
    json_t *parameters; /* a reference: what is borrowed below is its */
    struct pa_limits ceilings;
    struct pa_faults faults;
    struct pa_policy policy; /* what the run has; without what its language adds */
    char name[160];          /* of the module, for messages */

    const char **argv;
    size_t argc;
    struct pa_tool_bytes stdin_text;
    struct pa_run_file *files;
    struct pa_tool_bytes *file_bytes;
    size_t file_count;
    const char **outputs;          /* patterns; ends in NULL; NULL: none */
    const json_t *volumes, *tools; /* borrowed; NULL: none */
    bool keep_files;
    bool limits_given;

    struct pa_tool_bytes module; /* or the interpreter, where its bytes came along ... */
    char *module_path;           /* ... or its file */
    uint64_t module_size;
    char interpreter[PA_DIGEST_TEXT]; /* its digest, or "" */

    struct pa_tool_bytes code;
    enum pa_program_mode mode;
    bool mode_given;
    enum pa_python_mode engine;
    const char *image;
    const char *session_id;
    bool new_session;
    char session[64];        /* where the program ran, or "" */
    struct pa_session *held; /* session_id's, for the run to come; NULL */

    const struct pa_tool_how *how; /* while it runs */
    struct pa_call_offer offer;    /* pa_tool_offer */
};

/* fields.c */

/* Adds a field to the object of a tool; its `take` gets the call as its context. */
void pa_tool_add_field(struct pa_tool_rules *rules, struct pa_rule_field field);
/* Adds the fields that all tools have; `left_out` are limits that are not a caller's affair (NULL
 * at the end). */
void pa_tool_add_common(const struct pa_toolbox *toolbox, struct pa_tool_entry *entry,
                        const char *const *left_out);
/* Of all tools, once everything was taken: what the fields are together. */
void pa_tool_check_common(struct pa_prepared_call *call);

/* What is to come back of files: NULL where the call asks for nothing; else `ret`, filled. */
const struct pa_outputs *pa_tool_outputs(const struct pa_prepared_call *call,
                                         struct pa_outputs *ret);

/* offers.c: the parameters that reach beyond the run; what its guest may call, NULL: nothing. */
void pa_tool_add_offers(const struct pa_toolbox *toolbox, struct pa_tool_entry *entry);
const struct pa_call_offer *pa_tool_offer(struct pa_prepared_call *call);

/* A caller's module may take less of the compiler than a language that the operator installed. */
void pa_tool_lower_compile_limits(struct pa_prepared_call *call);

/* False with a fault at `path` where the value is not base64. */
bool pa_take_base64(struct pa_prepared_call *call, const char *path, const json_t *value,
                    struct pa_tool_bytes *ret);
void pa_tool_bytes_done(struct pa_tool_bytes *bytes);

/* module.c, script.c: set up an entry.  The pack is borrowed. */
void pa_module_tool(struct pa_toolbox *toolbox, struct pa_tool_entry *entry);
void pa_runner_tool(struct pa_toolbox *toolbox, struct pa_tool_entry *entry,
                    const struct pa_pack *pack);
void pa_executor_tool(struct pa_toolbox *toolbox, struct pa_tool_entry *entry,
                      const struct pa_pack *pack);

/* run_script.c */
int pa_script_run(struct pa_prepared_call *call, struct pa_outcome *outcome, struct pa_error *err);

/* languages.c: a language whose programs are another's, started by another's boot script:
 * python3.12.  Its tool is that one's. */
bool pa_pack_is_variant(const struct pa_pack *pack, const struct pa_packs *packs);
bool pa_pack_is_variant_of(const struct pa_pack *variant, const struct pa_pack *pack);
/* "python_executor"; the caller frees it. */
char *pa_executor_tool_name(const struct pa_pack *pack);

/*
 * folders.c: the folders below which callers may name files, held open.  What a path names is
 * decided by the kernel below such a descriptor, never by its text.
 */
struct pa_folders;
int pa_folders_new(char *const *paths, const char *store, struct pa_folders **ret,
                   struct pa_error *err);
struct pa_folders *pa_folders_free(struct pa_folders *folders);
/* "below /srv/modules or /opt/wasm"; NULL where there are none.  Borrowed. */
const char *pa_folders_words(const struct pa_folders *folders);
bool pa_folders_have_store(const struct pa_folders *folders);
/* Opens a regular file below one of them: a descriptor, or -1 with *err that says why not. */
int pa_folders_open(const struct pa_folders *folders, const char *path, uint64_t *ret_size,
                    struct pa_error *err);
/* The module with that digest: its path in the store, which the caller frees; NULL: there is none.
 * It counts as used now (its access time). */
char *pa_folders_stored(const struct pa_folders *folders, const char *digest, uint64_t *ret_size);

/* events.c: what a run tells.  A running call's sink and the descriptor that cancels it. */
struct pa_tool_watch {
    const struct pa_tool_events *events; /* NULL: nobody listens */
    struct pa_buf kept[2];               /* by enum pa_output */
    int unheard;                         /* eventfd: the listener is gone */
    int either;                          /* epoll: that, or the caller's own */
    int cancel_fd;                       /* for the run */
    struct pa_sink sink;
};
int pa_tool_watch_init(struct pa_tool_watch *watch, const struct pa_tool_how *how,
                       struct pa_error *err);
/* NULL where nobody listens to output: then the outcome keeps it by itself. */
const struct pa_sink *pa_tool_watch_sink(const struct pa_tool_watch *watch);
void pa_tool_watch_phase(const struct pa_tool_watch *watch, const char *phase);
/* Gives the outcome what went through the sink, tells of the results. */
void pa_tool_watch_finish(struct pa_tool_watch *watch, struct pa_outcome *outcome);
void pa_tool_watch_done(struct pa_tool_watch *watch);

/* How long the call may still take, as a limit of a run: DEADLINE_EXCEEDED when it is over. */
int pa_tool_time_left(const struct pa_tool_how *how, struct pa_limits *limits,
                      struct pa_error *err);

/* Compiles the module where it is not, telling so.  1: it is not valid, as *outcome says.  Of a
 * module in a file nothing is done where nobody listens: its run compiles it as well. */
int pa_tool_compile(struct pa_prepared_call *call, const struct pa_tool_watch *watch,
                    const struct pa_module_source *module, const struct pa_policy *policy,
                    struct pa_outcome *outcome, struct pa_error *err);

/* schema.c */
json_t *pa_outcome_schema(void);
json_t *pa_tool_annotations(const struct pa_toolbox *toolbox, const struct pa_tool_entry *entry);
json_t *pa_tool_examples(const struct pa_tool_entry *entry);

#endif
