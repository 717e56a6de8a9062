/*
 * Python without an interpreter: the supervisor's side of the transpiler.
 *
 *     struct pa_python_try attempt = {.code = ..., .policy = &policy, .mode = PA_PYTHON_AUTO, ...};
 *     struct pa_python_choice choice;
 *     pa_python_try(executor, &attempt, &outcome, &choice, &err)
 *     if (choice.finished) ... the outcome is there: the transpiler could do it ...
 *     else ... run the interpreter with the same input; what the program has written already is
 *              skipped: give it pa_python_rest_sink(&rest, sink, &choice) in place of `sink` ...
 *     pa_python_choice_tell(&choice, &outcome)        "engine": {"used": "transpiler", "why": ...}
 *
 * The source is parsed, compiled and run by one process that the jail holds (warm/python.c): a copy
 * of a warm one where there is a server, else a fresh one.  It has the transpiler's runtime, which
 * is compiled once for all programs.  What took long to make is kept in the cache, under the digest
 * of the source and of the transpiler's build; so are refusals that cost a process.
 *
 * A program that meets what compiled code does not do (an integer past 64 bits) ends with
 * PA_TRANSPILE_EXIT.  It has written nothing but output by then, and the interpreter will write the
 * same first, so whoever runs it next skips as many bytes as were passed on.  This is why programs
 * that read standard input are compiled only where it can be read again (`stdin_bytes`, or a file).
 *
 * Threads: any number with one executor.
 */
#ifndef PA_RUN_TRANSPILE_H
#define PA_RUN_TRANSPILE_H

#include "run/executor.h"
#include "run/handover.h"

struct pa_pools;

/* What a module of the transpiler exits with when it needs the interpreter. */
#define PA_TRANSPILE_EXIT 217

enum pa_python_mode {
    PA_PYTHON_INTERPRET,
    PA_PYTHON_AUTO,      /* the transpiler where it can, else the interpreter */
    PA_PYTHON_TRANSPILE, /* ... else a refusal */
};

/* "interpret", "auto", "transpile"; INVALID_ARGUMENT for another word. */
int pa_python_mode_parse(const char *text, enum pa_python_mode *ret, struct pa_error *err);

/* What became of a source. */
struct pa_transpiled {
    bool refused;
    uint32_t line, column; /* of a refusal, from 1; 0: the program as a whole */
    char message[200];     /* ... and why */
    bool uses_input;       /* the program reads standard input */
    bool cached;
    struct pa_buf module; /* WebAssembly, if not refused */
};
void pa_transpiled_done(struct pa_transpiled *transpiled);

/* `filename` is what tracebacks call the program; `as_text` gives the module for people to read.  0
 * also for a refusal; -1 is the host's trouble.
 */
int pa_transpile(struct pa_executor *executor, const void *source, size_t size,
                 const char *filename, bool as_text, const struct pa_limits *limits, int cancel_fd,
                 struct pa_transpiled *ret, struct pa_error *err);

struct pa_python_try {
    enum pa_python_mode mode;
    const void *code;
    size_t code_size;
    const char *filename;           /* NULL: "<string>" */
    const struct pa_policy *policy; /* as the caller set it: not yet the interpreter's */
    bool plain;   /* no packages, arguments, sessions or results: what the transpiler knows */
    int stdin_fd; /* -1: stdin_bytes */
    const void *stdin_bytes;
    size_t stdin_size;
    const struct pa_sink *sink; /* NULL: output is kept in the outcome */
    int cancel_fd;
    struct pa_pools *pools; /* where the process comes from; NULL: ... */
    bool ask_server;        /* ... from a server of this user, if one runs, or else a fresh one */
    uint64_t take_until_ns; /* how long to wait for a warm one (monotonic) */
};

struct pa_python_choice {
    bool finished;         /* *outcome is the program's */
    bool transpiled;       /* which engine it was, or will be */
    char why[256];         /* a sentence for people */
    uint64_t passed_on[2]; /* bytes by enum pa_output that the sink has got already */
};

/* 0: see `choice`; -1: the host's trouble.  In mode TRANSPILE it always finishes: a refusal is an
 * outcome of status error with a message. */
int pa_python_try(struct pa_executor *executor, const struct pa_python_try *attempt,
                  struct pa_outcome *outcome, struct pa_python_choice *choice,
                  struct pa_error *err);

/* The warm process that runs programs: what is wanted of pools or of a server ... */
#define PA_PYTHON_COMPILED "python (compiled)"
void pa_python_want(struct pa_want *ret);
/* ... and what its root is started with; `policy` is borrowed. */
void pa_python_root(const struct pa_policy *policy, struct pa_run_request *ret);

/* A sink that leaves out what `inner` has got already.  In place; `inner` is borrowed. */
struct pa_python_rest {
    const struct pa_sink *inner;
    uint64_t skip[2];
    struct pa_sink sink;
};
const struct pa_sink *pa_python_rest_sink(struct pa_python_rest *rest, const struct pa_sink *inner,
                                          const struct pa_python_choice *choice);

/* Writes the choice into the outcome: its key "engine" says {"used": ..., "why": ...}. */
void pa_python_choice_tell(const struct pa_python_choice *choice, struct pa_outcome *outcome);

#endif
