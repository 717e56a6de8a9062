/*
 * The inside of the sessions, for sessions.c (their table and their lives), session_turn.c,
 * session_tree.c (forks, checkpoints, what is told of them), session_memory.c and session_files.c.
 *
 *     lock            over the table and every field of a session that says so
 *     session.busy    whoever set it has the session's process to himself, and the fields that
 *                     belong to it; others queue.  Never held while waiting for another session.
 */
#ifndef PA_RUN_SESSIONS_INTERNAL_H
#define PA_RUN_SESSIONS_INTERNAL_H

#include "base/clock.h"
#include "run/sessions.h"
#include <pthread.h>

#define PA_SESSION_LEAST_BYTES                                                                     \
    ((uint64_t)1 << 20)                       /* what a process costs that has nothing of its own */
#define PA_SESSION_STEP_NS (10 * PA_NS_PER_S) /* for what a waiting process does at once */

/* What sessions that were forked from each other share.  Immutable. */
struct pa_session_model {
    unsigned refs; /* under the lock */
    struct pa_image *image;
    struct pa_policy policy; /* as it was given: a language's own limits are not merged in */
};

/* What a process is in the history of its session. */
struct pa_session_point {
    struct pa_worker worker;
    uint64_t turns; /* that led here */
    uint64_t seed;
    bool fresh; /* it was forked since its last turn */

    /* session_memory.c: what is counted for it when it waits; and of its birth what its parent had
     * of its own, what pages there were, and whether they can be seen. */
    uint64_t held_bytes, inherited_bytes, born_bytes;
    bool seen;
};

struct pa_session_checkpoint {
    char name[PA_SESSION_NAME_MAX + 1];
    struct pa_session_point point;
    uint64_t created_ns; /* realtime */
};

struct pa_session_waiter {
    int event; /* eventfd */
    bool granted;
    struct pa_session_waiter *next;
};

struct pa_session {
    struct pa_sessions *sessions;
    struct pa_session *next; /* under the lock, as all down to `point` */
    unsigned refs;           /* the table's, and one for each thread that has it in hand */
    uint64_t serial;         /* never used twice */
    char id[PA_SESSION_ID_TEXT], parent[PA_SESSION_ID_TEXT], tree[PA_SESSION_ID_TEXT];
    char *name, *owner; /* or NULL */
    json_t *labels;     /* immutable */
    struct pa_session_model *model;
    bool recover;
    uint64_t idle_ns, life_ns;               /* 0: never */
    uint64_t born_ns, created_ns, rested_ns; /* monotonic, realtime, monotonic */
    bool busy, running, ending, ended;
    char why[200]; /* it has ended */
    struct pa_session_waiter *queue;
    int interrupt;  /* eventfd: stops the turn that is `running` */
    uint64_t turns; /* point.turns, for whoever looks */
    uint64_t memory_bytes;
    unsigned forks;

    /* of whoever made it busy; the list of checkpoints changes under the lock as well */
    struct pa_session_point point;
    struct pa_session_checkpoint *checkpoints[PA_SESSION_KEPT];
    size_t checkpoint_count;
};

struct pa_sessions {
    struct pa_sessions_config config;
    pthread_t thread;
    int epoll, wake;
    pthread_mutex_t lock;
    pthread_cond_t rested;   /* a session stopped being busy */
    struct pa_session *list; /* newest first */
    uint64_t next_serial, sleeps_until_ns;
    unsigned ended_count; /* of the list: what is only remembered */
    bool closed, stopping;
    struct pa_sessions_stats stats;
    void (*told)(void *context, uint64_t held_bytes); /* pa_sessions_on_memory; NULL */
    void *told_context;
};

/* Makes the session busy, waiting behind those who asked before.  Whoever gets 0 gives it back with
 * pa_session_leave, and has a reference until then. */
int pa_session_enter(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                     const char *id, struct pa_session **ret, struct pa_error *err);
void pa_session_leave(struct pa_session *session);

/* Of a busy session: it ends when it is left, and this is why.  The first reason counts. */
void pa_session_lose(struct pa_session *session, const char *fmt, ...) PA_PRINTF(2, 3);

/* Of a busy session: `point` takes the place of its own, whose process is ended here where it is
 * `still_there`. */
void pa_session_replace(struct pa_session *session, const struct pa_session_point *point,
                        bool still_there);

/* Room for `count` more processes of an owner, counted at once; given back with pa_session_unroom.
 * Each will hold `bytes` at first, which count once it is there. */
int pa_session_room(struct pa_sessions *sessions, const char *owner, unsigned count, uint64_t bytes,
                    struct pa_error *err);
void pa_session_unroom(struct pa_sessions *sessions, unsigned count);

/* A session whose process is `point`'s (taken), not yet in the table: pa_session_add puts it there
 * and copies its id. */
struct pa_session *pa_session_new(struct pa_sessions *sessions, struct pa_session_model *model,
                                  const struct pa_session_point *point);
int pa_session_add(struct pa_session *session, char ret_id[PA_SESSION_ID_TEXT],
                   struct pa_error *err);
void pa_session_drop_new(struct pa_session *session); /* one that was not added */

/* Under the lock. */
bool pa_session_is_visible(const struct pa_session *session, const char *owner);
struct pa_session *pa_session_find(struct pa_sessions *sessions, const char *owner, const char *id);
int pa_session_not_found(const char *id, struct pa_error *err);
int pa_session_ended(const struct pa_session *session, struct pa_error *err); /* it is `ending` */

/* One request in a busy session's process: a program's turn, or a question to its boot script. */
int pa_session_execute(struct pa_session *session, const struct pa_session_turn *turn,
                       struct pa_outcome *outcome, struct pa_error *err);

/* A process that was just forked, from the one at `from` or from its root (NULL). */
void pa_session_memory_begin(struct pa_session_point *point, const struct pa_session_point *from);
/* What a busy session of the table holds now. */
void pa_session_memory_look(struct pa_session *session);
/* Under the lock: the sum changes; RESOURCE_EXHAUSTED where `more` bytes (0: for a turn, which must
 * not find its owner past his share) are too many. */
void pa_session_memory_change(struct pa_sessions *sessions, uint64_t before, uint64_t after);
int pa_session_memory_check(const struct pa_sessions *sessions, const char *owner, uint64_t more,
                            struct pa_error *err);

/* A seed that follows from another one and from where in the history it is used. */
uint64_t pa_session_seed(uint64_t seed, const char *what, uint64_t number);

/* A point in time as RFC 3339 text. */
json_t *pa_session_date(uint64_t realtime_ns);

/* A fork of a busy session's process or of one of its checkpoints. */
int pa_session_copy(const struct pa_session_point *from, struct pa_session_point *ret,
                    struct pa_error *err);

#endif
