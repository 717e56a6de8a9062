/*
 * One job of a worker process, from the request to the end: the supervisor's loop.
 *
 *     pa_worker_spawn(path, ..., &worker, &err)      or one from a pool of warm ones
 *     pa_job_run(&job, &worker, &outcome, ...)       the worker is gone afterwards
 *
 * The loop waits for the worker's frames, for its own clocks and for the caller, and kills with
 * SIGKILL through the worker's pidfd when a limit is passed; nothing that the worker does or says
 * can hold that up.  Everything from the worker is checked: a frame of a wrong form, an end that
 * only a supervisor may declare, a second end, output past the limit.
 *
 * Threads: one loop a thread; jobs do not share anything.
 */
#ifndef PA_RUN_SUPERVISE_H
#define PA_RUN_SUPERVISE_H

#include "base/error.h"
#include "policy/limits.h"
#include "run/calls.h"
#include "run/outcome.h"
#include "warm/frame.h"
#include "warm/request.h"

#define PA_NEVER UINT64_MAX

/* Where a guest's output goes as it comes.  `write` returns how many bytes it took before
 * `deadline_ns` (monotonic; PA_NEVER: wait as long as it takes), or -1 when nobody listens. */
struct pa_sink {
    ssize_t (*write)(void *context, enum pa_output output, const void *bytes, size_t size,
                     uint64_t deadline_ns);
    void *context;
};

/* A worker that waits for a request. */
struct pa_worker {
    int socket;
    int pidfd;
    pid_t pid;               /* in our PID namespace */
    char no_namespaces[160]; /* why it has none, or "" */
    /* Of a worker that is dead or was sent SIGKILL: waits for the end, closes what belongs to it
     * and returns its wait status; without `want_status` it need not wait.  Who knows what CPU time
     * the worker took in its life, and was asked for the status, sets `cpu_ns`. */
    int (*reap)(struct pa_worker *worker, bool want_status);
    void *context; /* of `reap` */
    uint64_t cpu_ns;
};

/* Starts a worker of our own.  `jail_required`: without namespaces there is none.  `nobody`: it
 * needs no file of ours, so let it be nobody when we are root. */
int pa_worker_spawn(const char *path, bool jail_required, bool nobody, struct pa_worker *ret,
                    struct pa_error *err);

/* The same through `spawner`, unless it is NULL; `limits` are of the control group that it has
 * then, where there are such. */
struct pa_spawner;
struct pa_cgroup_limits;
int pa_worker_spawn_by(struct pa_spawner *spawner, const char *path, bool jail_required,
                       bool nobody, const struct pa_cgroup_limits *limits, struct pa_worker *ret,
                       struct pa_error *err);

/* Kills and reaps a worker that is not needed. */
void pa_worker_discard(struct pa_worker *worker);

/* Of a worker that makes the code first which it then runs (MADE): what it may take for that, and
 * what came of it. */
struct pa_making {
    uint64_t wall_ns, cpu_ns; /* limits, before it begins; then the job's begin */
    const char *limit_name;
    bool told; /* MADE came: what follows is what it said */
    struct pa_python_made made;
    struct pa_buf artifact; /* what it sent to be kept; initialised by the caller */
};

struct pa_job {
    enum pa_frame_type type; /* PA_FRAME_RUN or PA_FRAME_COMPILE */
    bool session;            /* the worker may end a turn and live on */
    bool jailed;             /* the worker was jailed before and has no more to report of that */
    const struct pa_buf *message;
    const int *fds;
    size_t fd_count;

    uint64_t wall_ns, cpu_ns; /* limits */
    const struct pa_limits
        *limits; /* stdout_bytes, stderr_bytes, output_bytes; named in messages */
    const char *wall_limit_name, *cpu_limit_name;

    int stdin_fd;            /* -1: no standard input, or ... */
    const void *stdin_bytes; /* ... these bytes */
    size_t stdin_size;
    const struct pa_sink *sink;        /* NULL: keep output in the outcome */
    const struct pa_call_offer *calls; /* NULL: the guest has no tools to call */
    struct pa_making *making;          /* NULL: there is nothing to make */
    bool list_files;                   /* the worker tells of files that it changed, ... */
    uint64_t outputs_bytes;            /* ... with contents of at most so many bytes together */
    int cancel_fd; /* -1, or a descriptor that is readable when the caller gives up */
};

/* Runs the job to its end; the worker is killed and reaped when this returns, unless it is a
 * session's that ended its turn (outcome->session_lives): then it waits for the next RUN.  -1 with
 * *err when the worker reported FAILED: the trouble is the host's. */
int pa_job_run(const struct pa_job *job, struct pa_worker *worker, struct pa_outcome *outcome,
               struct pa_error *err);

#endif
