/*
 * A program in a language: from a pack, a policy and code to what the executor runs.
 *
 *     struct pa_language_run run;
 *     pa_language_run_init(&run, pack, cache_directory, &policy, &program, &err)
 *     pa_execute(executor, &run.request, &outcome, &err)       stdin, sink ... set by the caller
 *     pa_language_run_done(&run);
 *
 * What the policy does not set is the language's own: a limit that stands at its default becomes the
 * pack's, variables of the pack are there unless the policy has them.
 */
#ifndef PA_RUN_LANGUAGE_H
#define PA_RUN_LANGUAGE_H

#include "lang/pack.h"
#include "run/executor.h"

enum pa_program_mode {
    PA_PROGRAM_SCRIPT,
    PA_PROGRAM_EXPRESSION, /* as in a notebook: the value of a last expression is a result */
    PA_PROGRAM_MODULE,     /* `code` is the name of a module to run */
};

struct pa_program {
    enum pa_program_mode mode;
    const void *code;
    size_t code_size;
    const char *filename;     /* what tracebacks call it; NULL: the language's choice */
    const char *const *argv;  /* of the program, its name first; NULL: the file name */
    size_t argc;
    const char *const *paths; /* guest folders or archives for imports */
    size_t path_count;
    bool session;             /* come back for another turn */
    bool continued;           /* a later turn: random generators go on as they are */
};

/* Owns what its request points to. */
struct pa_language_run {
    struct pa_run_request request;
    struct pa_policy policy;
    struct pa_buf header; /* the request's bytes */
    char *module_path;
};

int pa_language_run_init(struct pa_language_run *run, const struct pa_pack *pack,
                         const char *cache_directory, const struct pa_policy *policy,
                         const struct pa_program *program, struct pa_error *err);
void pa_language_run_done(struct pa_language_run *run);

#endif
