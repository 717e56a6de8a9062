/*
 * Sessions: warm processes that live on between turns, and fork.
 *
 *     pa_sessions_new(&config, &sessions, &err)
 *     pa_sessions_create(sessions, &create, id, &err)              id: "s-" and 16 hex digits
 *     pa_sessions_turn(sessions, owner, id, &turn, &outcome, &err)
 *     pa_sessions_fork(sessions, &asker, id, 4, NULL, ids, &err)    four more at the same state
 *     pa_sessions_end(sessions, owner, id, &err)
 *     pa_sessions_free(sessions)                                   ends all
 *
 * What sessions hold of the machine's memory is counted after each turn, by the kernel's account.
 * Past config.memory_most there are no more of them, and no more turns of an owner past his half.
 *
 * A session is one process that waits at its checkpoint.  A fork of it is a copy of that process:
 * variables, open files and the in-memory file system, independent from then on.  A kept checkpoint
 * is a fork that sleeps.  All of them are copies of one warm root; when that dies they are lost.
 *
 * What is asked of one session happens in the order in which it was asked, one at a time; sessions
 * never wait for one another.  Each turn has limits of its own; its outcome says whether the
 * session lives on (session_lives), and whether it had to go back to where it was before the turn
 * (session_rolled_back).
 *
 * `owner` is whose a session is: one of another owner is NOT_FOUND.  NULL sees all.  An asker says
 * besides how long he waits for the turns that were asked for earlier.
 * `id` may be a session's name instead, which is unique among its owner's.
 *
 * Errors: NOT_FOUND for a session that there is not; FAILED_PRECONDITION for one that has ended,
 * with why; UNAVAILABLE for one that cannot be reached in time; CANCELLED, DEADLINE_EXCEEDED.
 * Times are monotonic nanoseconds.  JSON values that are returned are the caller's to decref.
 * Threads: all but new and free from any; a call blocks its thread.
 */
#ifndef PA_RUN_SESSIONS_H
#define PA_RUN_SESSIONS_H

#include "run/calls.h"
#include "run/language.h"
#include "run/pools.h"
#include <jansson.h>

#define PA_SESSION_ID_TEXT  19 /* "s-", 16 hexadecimal digits, NUL */
#define PA_SESSION_NAME_MAX 63 /* bytes: letters, digits, '-', '_', '.'; not like an id */
#define PA_SESSION_FORKS    64 /* in one call; branches in one call */
#define PA_SESSION_KEPT     32 /* checkpoints of one session */

struct pa_sessions_config {
    struct pa_executor *executor; /* borrowed, as the pools are */
    struct pa_pools *pools;
    const char *cache_directory; /* NULL: the default */
    unsigned most;               /* alive, sleeping checkpoints among them */
    unsigned most_per_owner;     /* 0: no limit of its own */
    uint64_t memory_most;        /* bytes that all hold while they wait, half of it those of one
                                    owner; 0: not counted */
    uint64_t idle_ms, life_ms;   /* after which one ends; 0: never */
};

struct pa_sessions;
int pa_sessions_new(const struct pa_sessions_config *config, struct pa_sessions **ret,
                    struct pa_error *err);
/* Ends all; no other thread is in a call any more (pa_sessions_close makes them come back). */
struct pa_sessions *pa_sessions_free(struct pa_sessions *sessions);
/* No new sessions or turns; those that run are cancelled. */
void pa_sessions_close(struct pa_sessions *sessions);

struct pa_session_asker {
    const char *owner;
    uint64_t deadline_ns; /* DEADLINE_EXCEEDED when it is not his turn by then; PA_NEVER */
    int cancel_fd;        /* CANCELLED when it is readable first; -1: none */
};

struct pa_session_create {
    const char *owner;              /* NULL: nobody's in particular */
    const char *name;               /* NULL: none */
    json_t *labels;                 /* NULL, or an object of strings; borrowed */
    struct pa_image *image;         /* from malloc; the session's from now on, whatever happens */
    const struct pa_policy *policy; /* copied; the limits of turns that bring none */
    bool recover; /* a turn that is killed takes the session back, not away: each turn then
                     begins with a fork */
    uint64_t idle_ms, life_ms; /* 0: the configuration's, which is also the most */
    uint64_t deadline_ns;      /* PA_NEVER: a first one may wait for a compilation */
    int cancel_fd;             /* -1: none */
};
int pa_sessions_create(struct pa_sessions *sessions, const struct pa_session_create *create,
                       char ret_id[PA_SESSION_ID_TEXT], struct pa_error *err);

/* Somebody's turn in a session, for which he waits: nobody else is let in until he has run a turn
 * (pa_session_turn.held) or releases it.  An asker whose deadline is over already does not wait:
 * DEADLINE_EXCEEDED means that it is busy. */
struct pa_session;
int pa_sessions_hold(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                     const char *id, struct pa_session **ret, struct pa_error *err);
void pa_sessions_release(struct pa_session *held);
/* For who does something else before the turn: a descriptor, his to close, that is readable when
 * cancel_fd is or the session is to end; and then -1 with why it ends, 0 if it does not. */
int pa_sessions_held_fd(struct pa_session *held, int cancel_fd, struct pa_error *err);
int pa_sessions_held_check(const struct pa_session *held, struct pa_error *err);
/* Bytes that a turn may add to what is counted as held by the session. */
uint64_t pa_sessions_held_reserve(const struct pa_session *held);

struct pa_session_turn {
    struct pa_session *held;          /* NULL: it waits for its turn.  Released in any case */
    const struct pa_program *program; /* its session, continued and root are not looked at */
    const struct pa_limits *limits;   /* NULL: the session's.  Of time, CPU, fuel and output; what
                                         memory and files there may be is the session's */
    const void *stdin_bytes;
    size_t stdin_size;
    const struct pa_run_file *files; /* put into /workspace or /tmp before */
    size_t file_count;
    const struct pa_outputs *outputs;  /* NULL: changed files are listed, their contents are not */
    const struct pa_sink *sink;        /* NULL: output is kept in the outcome */
    const struct pa_call_offer *calls; /* NULL: the guest has no tools to call */
    uint64_t deadline_ns;              /* also of the time spent waiting for earlier turns */
    int cancel_fd;                     /* -1: none */
};
/* 0 with the outcome, however the turn ended; queue_ns is the wait for earlier turns. */
int pa_sessions_turn(struct pa_sessions *sessions, const char *owner, const char *id,
                     const struct pa_session_turn *turn, struct pa_outcome *outcome,
                     struct pa_error *err);

/* One turn in each of `count` different sessions, side by side.  results[i] is 0 with outcomes[i]
 * (initialised by the caller), or -1 with errs[i]. */
void pa_sessions_turns(struct pa_sessions *sessions, const char *owner, const char *const *ids,
                       const struct pa_session_turn *turns, size_t count,
                       struct pa_outcome *outcomes, int *results, struct pa_error *errs);

/* Stops the turn that runs now, if there is one (*ret_running).  Its outcome is "cancelled"; the
 * session lives on as it was before that turn if it recovers, and ends otherwise. */
int pa_sessions_interrupt(struct pa_sessions *sessions, const char *owner, const char *id,
                          bool *ret_running, struct pa_error *err);
int pa_sessions_end(struct pa_sessions *sessions, const char *owner, const char *id,
                    struct pa_error *err);

/* `count` copies at the state after the last turn, all or none of them.  Each has the labels of its
 * parent, or `labels`.  In deterministic mode each has a seed that follows from its parent's. */
int pa_sessions_fork(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                     const char *id, size_t count, json_t *labels,
                     char (*ret_ids)[PA_SESSION_ID_TEXT], struct pa_error *err);

/* Named checkpoints of a session.  Keeping one under a name that is taken replaces it; going back
 * makes the session what it was, and the checkpoint stays. */
int pa_sessions_keep(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                     const char *id, const char *checkpoint, struct pa_error *err);
int pa_sessions_go_back(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                        const char *id, const char *checkpoint, struct pa_error *err);
int pa_sessions_drop(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                     const char *id, const char *checkpoint, struct pa_error *err);

/* {"id", "name", "language", "state": "idle" | "busy" | "ended", "ended": why, "parent", "tree",
 * "labels", "turns", "forks", "recover", "memory_bytes", "created_at", "idle_ms", "expires_in_ms",
 * "checkpoints": [{"name", "turns", "created_at"}]}.  Ended ones are told of for a few minutes. */
json_t *pa_sessions_list(struct pa_sessions *sessions, const char *owner);
int pa_sessions_inspect(struct pa_sessions *sessions, const char *owner, const char *id,
                        json_t **ret, struct pa_error *err);
/* All that descend from the same session: {"tree", "nodes": [as above], "roots": [id]}. */
int pa_sessions_tree(struct pa_sessions *sessions, const char *owner, const char *id, json_t **ret,
                     struct pa_error *err);
/* The language's variables: [{"name", "type", "repr", "size"}]; waits like a turn. */
int pa_sessions_variables(struct pa_sessions *sessions, const char *owner, const char *id,
                          uint64_t deadline_ns, int cancel_fd, json_t **ret, struct pa_error *err);
/* For a prompt: whether `code` is all that was meant to be typed, or more lines are to come.
 * Nothing runs; waits like a turn. */
int pa_sessions_is_complete(struct pa_sessions *sessions, const char *owner, const char *id,
                            const char *code, size_t code_size, uint64_t deadline_ns, int cancel_fd,
                            bool *ret, struct pa_error *err);

/* The live ones, for metrics. */
struct pa_sessions_stats {
    unsigned alive, busy, checkpoints;
    uint64_t created, forked, ended, lost, expired, turns, rolled_back;
    uint64_t memory_bytes; /* held by all, checkpoints among them (session_memory.c) */
};
void pa_sessions_stats(struct pa_sessions *sessions, struct pa_sessions_stats *ret);

/* Tells what all hold, now and each time it changes, from any thread, which must not ask back.
 * NULL: nobody any more. */
void pa_sessions_on_memory(struct pa_sessions *sessions,
                           void (*told)(void *context, uint64_t held_bytes), void *context);

/*
 * Files of a session, in /workspace and /tmp, between its turns.  A path is absolute, or relative
 * to /workspace.  NOT_FOUND, ALREADY_EXISTS, INVALID_ARGUMENT, RESOURCE_EXHAUSTED (files_bytes,
 * files_count) say what is wrong; FAILED_PRECONDITION where the folder is a host's.
 */
struct pa_session_file {
    bool directory;
    uint64_t size;
    uint64_t modified_ns; /* as the guest's clock told it */
};

/* `size` bytes at `offset`; past the end there are fewer.  Appends to `ret`, up to its maximum. */
int pa_sessions_file_get(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                         const char *id, const char *path, uint64_t offset, uint64_t size,
                         struct pa_buf *ret, struct pa_session_file *ret_file,
                         struct pa_error *err);
/* Writes at `offset`, making the file and its folders; `truncate` first empties it. */
int pa_sessions_file_put(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                         const char *id, const char *path, uint64_t offset, bool truncate,
                         const void *bytes, size_t size, struct pa_error *err);
int pa_sessions_file_stat(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                          const char *id, const char *path, struct pa_session_file *ret,
                          struct pa_error *err);
int pa_sessions_file_mkdir(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                           const char *id, const char *path, struct pa_error *err);
int pa_sessions_file_rename(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                            const char *id, const char *from, const char *to, struct pa_error *err);
/* A folder must be empty, unless `recursive`. */
int pa_sessions_file_remove(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                            const char *id, const char *path, bool recursive, struct pa_error *err);
/* [{"path", "type": "file" | "directory", "size", "modified_at"}], sorted by path; `depth` 1: what
 * is in the folder itself. */
int pa_sessions_file_list(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                          const char *id, const char *path, unsigned depth, json_t **ret,
                          struct pa_error *err);
/* Files below `path` whose name matches `glob` (NULL: all) and, unless `text` is NULL, that have
 * lines with it: [{"path", "size", "matches": [{"line", "text"}]}], at most `most` of them. */
int pa_sessions_file_search(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                            const char *id, const char *path, const char *glob, const char *text,
                            size_t most, json_t **ret, struct pa_error *err);

#endif
