/*
 * The executor: from a module and a policy to an outcome.
 *
 *     pa_executor_new(&config, &executor, &err)
 *     pa_execute(executor, &request, &outcome, &err)      any number of times, from any thread
 *     pa_executor_free(executor)
 *
 * pa_execute compiles the module in a worker of its own unless its artifact is cached, then runs it
 * in another.  It returns 0 with the outcome filled whenever the guest had its run, however that
 * ended, an invalid module included; -1 with *err is the host's trouble.
 */
#ifndef PA_RUN_EXECUTOR_H
#define PA_RUN_EXECUTOR_H

#include "policy/entry.h"
#include "policy/policy.h"
#include "run/cache.h"
#include "run/outcome.h"
#include "run/supervise.h"
#include "warm/request.h"

struct pa_executor_config {
    const char *worker_path;     /* NULL: polyagent-worker beside this program, else installed */
    const char *cache_directory; /* NULL: the default */
    uint64_t cache_bytes;
    bool jail_required; /* a run without every layer of the jail is an error */
    /* Called before a module of `size` bytes is compiled; NULL: nobody is told. */
    void (*compiling)(const char *name, size_t size);
};

struct pa_executor;
int pa_executor_new(const struct pa_executor_config *config, struct pa_executor **ret,
                    struct pa_error *err);
struct pa_executor *pa_executor_free(struct pa_executor *executor);
struct pa_cache *pa_executor_cache(struct pa_executor *executor);
const char *pa_executor_worker_path(const struct pa_executor *executor);

/* Workers are started through `spawner` (borrowed) from now on: before the first request. */
struct pa_spawner;
void pa_executor_use_spawner(struct pa_executor *executor, struct pa_spawner *spawner);

/* A module: its bytes, or, where they are known by their digest and rarely needed, a file of them
 * (which is checked against the digest when it is read). */
struct pa_module_source {
    const char *name; /* for messages and argv[0] */
    const void *bytes;
    size_t size;
    const char *path;             /* instead of bytes; NULL: they are given */
    const char *digest;           /* SHA-256 of the bytes where it is known, else NULL */
    const struct pa_entry *entry; /* NULL: a command */
};

/* Which of the files that a run made or changed come with its outcome.  A glob that begins with a
 * slash is for whole paths, another one for what is below /workspace; '*' matches slashes, too. */
struct pa_outputs {
    char *const *globs; /* ends in NULL */
    uint64_t bytes;     /* of all of them together; a file past that is listed without contents */
};

struct pa_run_request {
    struct pa_module_source module;
    const struct pa_policy *policy;
    const char *argv0;       /* NULL: the module's name */
    const char *const *argv; /* without argv[0] */
    size_t argc;
    int stdin_fd; /* -1: stdin_bytes */
    const void *stdin_bytes;
    size_t stdin_size;
    const void *request; /* for a language: what /dev/sandbox/request gives */
    size_t request_size;
    const struct pa_run_file *files; /* put into /workspace or /tmp first */
    size_t file_count;
    struct pa_worker *session; /* not NULL: a turn of a session; gets the worker if it lives on,
                                  which is then `warm` of the next turn's request */
    struct pa_worker *warm; /* NULL: a fresh worker; else a copy of a warm root of the same module,
                               entry and mounts, which is used up */
    const struct pa_call_offer *calls; /* NULL: the guest has no tools to call */
    struct pa_making *making; /* of an entry PA_ENTRY_PYTHON, whose worker makes code first */
    bool list_files;          /* the outcome names files that were made or changed, ... */
    const struct pa_outputs *outputs; /* ... NULL: without their contents */
    const struct pa_sink *sink;       /* NULL: output is kept in the outcome */
    int cancel_fd;                    /* -1, or readable when the caller gives up */
};

int pa_execute(struct pa_executor *executor, const struct pa_run_request *request,
               struct pa_outcome *outcome, struct pa_error *err);

/* Compiles (or finds) the artifact: 0 with *ret_fd >= 0, or -1 there and *outcome filled when the
 * module is not valid. */
int pa_compile(struct pa_executor *executor, const struct pa_module_source *module,
               const struct pa_policy *policy, int cancel_fd, int *ret_fd,
               struct pa_outcome *outcome, struct pa_error *err);

/* True when pa_compile would find it. */
bool pa_is_compiled(struct pa_executor *executor, const struct pa_module_source *module,
                    const struct pa_policy *policy);

/* Starts a warm root of the request's module, policy and entry: a worker of ours that has been sent
 * WARM; what it answers is the caller's to read. */
int pa_start_root(struct pa_executor *executor, const struct pa_run_request *request,
                  struct pa_worker *ret, struct pa_outcome *outcome, struct pa_error *err);

/* True when a module of `size` bytes is past the policy's limit; *outcome then says so. */
bool pa_module_too_large(const char *name, uint64_t size, const struct pa_policy *policy,
                         struct pa_outcome *outcome);

#endif
