/*
 * Tools: what a caller asks for by name, with parameters as a JSON object.
 *
 *     pa_toolbox_new(&config, &toolbox, &err)
 *     pa_toolbox_prepare(toolbox, "python_executor", parameters, &limits, &prepared, &faults, &err)
 *     ... admission, by prepared->memory_bytes ...
 *     pa_prepared_run(prepared, &how, &outcome, &err)       once
 *     pa_prepared_free(prepared)
 *     pa_toolbox_free(toolbox)
 *
 * Preparing checks the parameters whole and has no effect: all faults come in one answer.  Running
 * blocks until the outcome is there.  A guest's failure is the outcome, never an error.
 *
 * The schemas are JSON Schema 2020-12 (https://json-schema.org/draft/2020-12/schema), the
 * annotations those of MCP (readOnlyHint, destructiveHint, idempotentHint, openWorldHint).
 *
 * Threads: all from any; a prepared call belongs to one thread at a time.
 */
#ifndef PA_TOOLS_TOOLS_H
#define PA_TOOLS_TOOLS_H

#include "run/calls.h"
#include "run/executor.h"
#include "run/pools.h"
#include <jansson.h>

struct pa_config;
struct pa_images;
struct pa_kv;
struct pa_session;
struct pa_session_asker;
struct pa_sessions;
struct pa_volumes;

struct pa_toolbox_config {
    struct pa_executor *executor; /* borrowed, like all of these */
    struct pa_pools *pools;       /* NULL: every run starts cold */
    struct pa_sessions *sessions; /* NULL: session_id is refused */
    struct pa_kv *kv;             /* the store of guests (tools/kv.h); NULL: they have none */
    const struct pa_packs *packs;
    const struct pa_config *config; /* policy, cache_directory, server.compile_... */
    const struct pa_images *images; /* of the configuration (tools/images.h) */
    char *const *module_paths;      /* folders below which wasm_path and interpreter_wasm_path may
                                       lie; NULL: none, paths are refused with that reason */
    const char *module_store; /* folder of modules stored by digest (wasm_sha256), each a file that
                                 is named by it and written under another name; NULL: none */
};

struct pa_toolbox;
int pa_toolbox_new(const struct pa_toolbox_config *config, struct pa_toolbox **ret,
                   struct pa_error *err);
struct pa_toolbox *pa_toolbox_free(struct pa_toolbox *toolbox);

/* One tool; its JSON is borrowed and immutable. */
struct pa_tool {
    const char *name;        /* "code_executor" */
    const char *title;       /* for people */
    const char *description; /* for a model: what it does, when to use it, what comes back */
    const char *language;    /* of the pack it runs, "wasm", or "python" ... */
    json_t *input_schema, *output_schema;
    json_t *examples; /* an array of {"description", "parameters"} */
    json_t *annotations;
};
const struct pa_tool *pa_toolbox_tools(const struct pa_toolbox *toolbox, size_t *ret_count);
const struct pa_tool *pa_toolbox_find(const struct pa_toolbox *toolbox, const char *name);

/* The languages there are, installed or not: an array of objects. */
json_t *pa_toolbox_languages(const struct pa_toolbox *toolbox);

/* What the caller may have at most, in the units of policy/limits.h; PA_UNLIMITED fields do not
 * bind.  A request past a ceiling is a fault that names it. */
struct pa_ceilings {
    struct pa_limits limits;
};
void pa_ceilings_init(struct pa_ceilings *ceilings); /* nothing binds */

struct pa_prepared {
    const struct pa_tool *tool;
    const char *language;
    char digest[PA_DIGEST_TEXT]; /* SHA-256 of the code or module: for audit, never the code */
    uint64_t memory_bytes;       /* the limit: for admission */
    const struct pa_policy *policy;
};

/* `parameters` (NULL: none) is referred to until pa_prepared_free and must not be changed.
 * -1 with *err: INVALID_ARGUMENT where there are faults, and *ret_faults is then an array of
 * {"path": "/limits/timeout_ms", "got": "-1", "allowed": "1 to 86400000 ms"} that the caller
 * decrefs; NOT_FOUND for an unknown tool (with what is near). */
int pa_toolbox_prepare(struct pa_toolbox *toolbox, const char *name, const json_t *parameters,
                       const struct pa_ceilings *ceilings, struct pa_prepared **ret,
                       json_t **ret_faults, struct pa_error *err);
struct pa_prepared *pa_prepared_free(struct pa_prepared *prepared);

/* The image that a prepared call of a language's executor runs on: with its policy, what a session
 * begins from.  From malloc, to be ended with pa_image_done and freed. */
int pa_prepared_image(const struct pa_prepared *prepared, struct pa_image **ret,
                      struct pa_error *err);

/* Adds the volumes that the call names to its policy, each made where it is not.  A run does so by
 * itself; a session that begins from the call needs it. */
int pa_prepared_mount(struct pa_prepared *prepared, const char *owner, struct pa_error *err);
bool pa_prepared_volumes(const struct pa_prepared *prepared); /* it names some */
struct pa_volumes pa_toolbox_volumes(const struct pa_toolbox *toolbox);

/* The tools that the call offers to its guest; NULL: none. */
const json_t *pa_prepared_tools(const struct pa_prepared *prepared);

/* Whether the outcome's files come with their bytes, for whoever keeps them; what
 * pa_prepared_outcome tells has only those of `outputs`. */
bool pa_prepared_keeps_files(const struct pa_prepared *prepared);

/* What a running call tells, from the thread that runs it, in order; results once it has ended.
 * Each may be NULL.  `output` and `result` return false when nobody listens any more: the run is
 * then cancelled. */
struct pa_tool_events {
    bool (*output)(void *context, enum pa_output output, const void *bytes, size_t size);
    bool (*result)(void *context, const char *json,
                   size_t size);                     /* one line of a guest's results */
    void (*phase)(void *context, const char *phase); /* "compiling", "starting", "running" */
    void *context;
};

struct pa_tool_how {
    const char *owner;                   /* of sessions: the caller's name */
    uint64_t deadline_ns;                /* monotonic, PA_NEVER: none; shortens timeout_ms */
    int cancel_fd;                       /* -1, or readable when the caller gives up */
    const struct pa_tool_events *events; /* NULL: none.  Output is in the outcome all the same */
    /* The guest calls one of pa_prepared_tools, on the run's thread (run/calls.h); NULL: nobody is
     * there to answer, and it has none. */
    void (*call)(void *context, struct pa_call *call);
    void *context; /* of `call` */
    bool no_kv;    /* this caller's guests have no key-value store */
};
int pa_prepared_run(struct pa_prepared *prepared, const struct pa_tool_how *how,
                    struct pa_outcome *outcome, struct pa_error *err);

/* Of a call that goes on in a session: waits for its turn there (pa_sessions_hold), so that the run
 * that follows waits for no other.  *ret is borrowed, and NULL for calls without a session. */
int pa_prepared_hold(struct pa_prepared *prepared, const struct pa_session_asker *asker,
                     struct pa_session **ret, struct pa_error *err);

/* The outcome as a value, as pa_outcome_json writes it; "session_id" added where there is one. */
json_t *pa_prepared_outcome(const struct pa_prepared *prepared, const struct pa_outcome *outcome);

#endif
