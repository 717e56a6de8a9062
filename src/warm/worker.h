/*
 * The inside of polyagent-worker: what its files share.
 *
 *     worker.c    main: one request, then one of the two below
 *     compile.c   COMPILE: a module to an artifact
 *     guest.c     RUN and WARM: a guest from its artifact to its end
 *     python.c    ... which is a Python program that is compiled first
 *     last_words.c  after a forbidden system call, or in an abort
 *     session.c   a copy that waits: for its request, for the next turn; it forks
 *     files.c     a guest's in-memory files, for its supervisor
 *     device.c    /dev/sandbox/request, result, call, through which a language talks to us
 *     hot.c       the pages that every run of a warm process writes
 *     root.c      what a warm root does at its checkpoint: fork
 */
#ifndef PA_WARM_WORKER_H
#define PA_WARM_WORKER_H

#include "engine/engine.h"
#include "jail/jail.h"
#include "warm/channel.h"
#include "warm/hot.h"
#include "warm/request.h"
#include "wasi/files.h"

/* Of every worker, all its life: a copy puts its own there. */
#define PA_CHANNEL_FD 3

/* What this process is to its guest when the guest asks for a request. */
enum pa_role {
    PA_ROLE_RUN,  /* it has one request, came with it or waits for it */
    PA_ROLE_ROOT, /* it forks */
};

struct pa_worker {
    struct pa_channel channel;
    int fds[PA_FRAME_MAX_FDS]; /* that came with the first frame */
    size_t fd_count;

    enum pa_role role;
    bool jail_required;
    struct pa_buf payload;         /* of the frame that `message` points into */
    struct pa_run_message message; /* the request in force */
    bool has_request;              /* it is there and the guest has not begun to read it */
    bool copy;                     /* of a warm root, which reaps it at once */
    bool unused;                   /* ... that has had no request yet */
    bool hurries;                  /* ... and others had to wait for theirs */
    bool may_fork;                 /* a session's copy: its stage of the jail allows it */
    size_t request_at;             /* what the guest has read of it */
    bool reading;                  /* ... between its first byte and the 0 that ends it */

    struct pa_engine *engine;
    struct pa_wasi *wasi;
    struct pa_instance *instance;
    struct pa_hot hot; /* of a warm process */
    uint32_t poked;    /* words that the last poke changed */
};

/* Say the last thing on the channel and end the process. */
PA_NORETURN void pa_worker_finish(struct pa_worker *worker, const struct pa_end *end);
PA_NORETURN void pa_worker_fail(struct pa_worker *worker, const struct pa_error *err);

/* Waits to be killed, or for the end of the channel: once a copy is reaped, nobody can ask how much
 * time it took.  Safe in a signal's handler. */
void pa_worker_await_death(void);

int pa_worker_start_logging(struct pa_worker *worker, const struct pa_worker_setup *setup,
                            struct pa_error *err);

/* Enters the jail with the channel and the worker's descriptors kept, and reports it. */
int pa_worker_enter_jail(struct pa_worker *worker, const struct pa_worker_setup *setup,
                         struct pa_jail *jail, struct pa_jail_report *report, struct pa_error *err);

/* last_words.c: the handlers of SIGSYS (the jail's) and of SIGABRT. */
void pa_worker_last_words(int signal, siginfo_t *info, void *context);
void pa_worker_abort_words(int signal);

PA_NORETURN void pa_worker_compile(struct pa_worker *worker, const struct pa_frame *frame);
PA_NORETURN void pa_worker_guest(struct pa_worker *worker, const struct pa_frame *frame);

/* python.c: the instance is the transpiler's runtime; waits for a program, where there is none yet,
 * compiles it and runs it. */
PA_NORETURN void pa_worker_python(struct pa_worker *worker);

/* device.c: the devices, for pa_wasi_config. */
#define PA_WORKER_DEVICES 5
void pa_worker_devices(struct pa_worker *worker, struct pa_stream_device ret[PA_WORKER_DEVICES]);

/* guest.c: the next message for the guest, which is inside the read that asks for it.  False: there
 * are no more. */
bool pa_worker_next_request(struct pa_worker *worker);

/* In a copy that has had no request: returns when it has taken one on. */
void pa_worker_wait_for_request(struct pa_worker *worker);
/* For pa_instance_on_end. */
void pa_worker_finish_at_once(void *worker, const struct pa_end *end);

/* In a root: forks, and returns in each copy.  Nothing in another process.  The guest is inside a
 * read: of its request, or of the checkpoint, which it comes back from before there is a request.
 */
void pa_worker_checkpoint(struct pa_worker *worker);

/* True in a copy that should not get ready at length: its request is there already, or there are
 * more requests than copies. */
bool pa_worker_is_waited_for(const struct pa_worker *worker);

/* session.c: returns with the RUN that comes, having served all else, perhaps in a fork. */
void pa_worker_await_run(struct pa_worker *worker, struct pa_frame *ret);
/* In a copy just made: `socket` becomes its channel. */
void pa_worker_take_channel(struct pa_worker *worker, int socket);
/* FORKED: what became of a fork, which failed with errno where pid is -1.  Closes both descriptors,
 * the copy's channel among them. */
void pa_worker_tell_forked(pid_t pid, int pidfd, int socket);

/* files.c: the file system that a path (absolute, or relative to /workspace) is in. */
int pa_worker_find_place(struct pa_worker *worker, const char *path, struct pa_memfs **ret_fs,
                         const char **ret_rest, struct pa_error *err);
/* Those of the request; what is written from here on has changed. */
int pa_worker_place_files(struct pa_worker *worker, struct pa_error *err);
void pa_worker_serve_file(struct pa_worker *worker, const struct pa_frame *frame);
void pa_worker_report_files(struct pa_worker *worker); /* CHANGED, if the request wants it */

/* root.c: forks whenever the supervisor asks; returns in each copy, with its own channel. */
void pa_worker_fork_loop(struct pa_worker *worker);

#endif
