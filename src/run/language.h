/*
 * A program in a language: from an image, a policy and code to what the executor runs.
 *
 *     struct pa_language_run run;
 *     pa_language_run_init(&run, &image, cache_directory, &policy, &program, &err)
 *     pa_execute(executor, &run.request, &outcome, &err)       stdin, sink ... set by the caller
 *     pa_language_run_done(&run);
 *
 * What the policy does not set is the language's own: a limit that stands at its default becomes
 * the pack's, variables of the pack are there unless the policy has them.
 */
#ifndef PA_RUN_LANGUAGE_H
#define PA_RUN_LANGUAGE_H

#include "run/image.h"

enum pa_program_mode {
    PA_PROGRAM_SCRIPT,
    PA_PROGRAM_EXPRESSION, /* as in a notebook: the value of a last expression is a result */
    PA_PROGRAM_MODULE,     /* `code` is the name of a module to run */
    PA_PROGRAM_COMPLETE,   /* nothing runs: is `code` all that was meant to be typed? */
    PA_PROGRAM_VARIABLES,  /* nothing runs: what variables does the session have? */
};

struct pa_program {
    enum pa_program_mode mode;
    const void *code;
    size_t code_size;
    const char *filename;    /* what tracebacks call it; NULL: the language's choice */
    const char *const *argv; /* of the program, its name first; NULL: the file name */
    size_t argc;
    const char *const *paths; /* guest folders or archives for imports */
    size_t path_count;
    const struct pa_call_offer *calls; /* tools that it may call; NULL: none */
    bool session;                      /* come back for another turn */
    bool continued;                    /* a later turn: random generators go on as they are */
    bool root;                         /* there is no program: this starts a warm root */
};

/* Owns what its request points to. */
struct pa_language_run {
    struct pa_run_request request;
    struct pa_policy policy;
    struct pa_buf header; /* the request's bytes; of an image without a checkpoint, the program's */
    char *module_path;
    char *boot_path; /* compiled, or NULL */
    const char **argv;
};

/* `image` is borrowed for as long as the run is used.  Standard input is there for the caller to
 * set, unless the image is without a checkpoint: then it is the program. */
int pa_language_run_init(struct pa_language_run *run, const struct pa_image *image,
                         const char *cache_directory, const struct pa_policy *policy,
                         const struct pa_program *program, struct pa_error *err);
void pa_language_run_done(struct pa_language_run *run);

/* For a run that no warm process serves: it starts from the boot script as the pack's own compiler
 * has made it, which runs in the sandbox first where it has not yet (boot.c).  Where that cannot be
 * had, and in deterministic mode, in which the way an interpreter starts shows, nothing changes. */
void pa_language_run_compiled_boot(struct pa_language_run *run, const struct pa_image *image,
                                   struct pa_executor *executor, const char *cache_directory,
                                   int cancel_fd);

/* What stands at its default becomes the pack's, as in pa_language_run_init. */
void pa_language_limits(const struct pa_pack *pack, struct pa_limits *limits);

/* True if the language can be started with the program as its standard input. */
bool pa_language_has_stdin_start(const struct pa_pack *pack);

#endif
