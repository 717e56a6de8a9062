/*
 * The table of sessions, who has one in hand, and how they end.
 *
 * A session has one process, and one thread at a time has it to itself: it is "busy", and others
 * queue, each on an event of its own, so that they can give up at a deadline or when their caller
 * does.  Whoever leaves it hands it to the first in the queue.
 *
 * One thread watches: it sleeps until a session's process ends by itself (the pidfds are in an
 * epoll set), or until the next one is too old.  A process that ends while its session is busy is
 * the affair of whoever has it; when he leaves it, it is looked at.
 *
 * Ending is in two steps: `ending` lets nobody in any more and stops the turn that runs; the thread
 * that then has the session, or the one that ends it, kills its processes.  What has ended stays in
 * the table for a few minutes, so that whoever asks is told why.
 */
#include "run/sessions_internal.h"

#include "base/log.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define ENDED_KEPT_NS   (300 * PA_NS_PER_S)
#define ENDED_KEPT_MOST 1024u

static void poke(int event) {
    uint64_t one = 1;
    ssize_t written = write(event, &one, sizeof(one)); /* full means: it is awake anyway */
    (void)written;
}

/* --- the table, under the lock ---------------------------------------------------------------- */

bool pa_session_is_visible(const struct pa_session *session, const char *owner) {
    return !owner || (session->owner && pa_streq(session->owner, owner));
}

struct pa_session *pa_session_find(struct pa_sessions *sessions, const char *owner,
                                   const char *id) {
    struct pa_session *named = NULL;
    for (struct pa_session *s = sessions->list; s; s = s->next) {
        if (!pa_session_is_visible(s, owner))
            continue;
        if (pa_streq(s->id, id))
            return s;
        if (!s->ended && s->name && pa_streq(s->name, id))
            named = s;
    }
    return named;
}

int pa_session_not_found(const char *id, struct pa_error *err) {
    return pa_fail(err, PA_ERR_NOT_FOUND, "there is no session %.64s", id);
}

int pa_session_ended(const struct pa_session *session, struct pa_error *err) {
    return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "the session %s has ended: %s", session->id,
                   session->why);
}

static void free_session(struct pa_session *session) {
    if (--session->model->refs == 0) {
        pa_image_done(session->model->image);
        free(session->model->image);
        pa_policy_done(&session->model->policy);
        free(session->model);
    }
    json_decref(session->labels);
    pa_closep(&session->interrupt);
    free(session->name);
    free(session->owner);
    free(session);
}

static void unref(struct pa_session *session) {
    if (--session->refs == 0)
        free_session(session);
}

/* Out of the table; the memory goes with the last who has it in hand. */
static void forget(struct pa_sessions *sessions, struct pa_session *session) {
    struct pa_session **link = &sessions->list;
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    sessions->ended_count--;
    unref(session);
}

static uint64_t expiry_of(const struct pa_session *session) {
    if (session->ended)
        return session->rested_ns + ENDED_KEPT_NS;
    uint64_t life = session->life_ns ? session->born_ns + session->life_ns : PA_NEVER;
    bool idle = session->idle_ns && !session->busy;
    return PA_MIN(life, idle ? session->rested_ns + session->idle_ns : PA_NEVER);
}

/* Makes the watching thread look again if it would sleep too long for this one, or if too many that
 * have ended are remembered. */
static void note_expiry(const struct pa_session *session) {
    const struct pa_sessions *sessions = session->sessions;
    if (expiry_of(session) < sessions->sleeps_until_ns || sessions->ended_count > ENDED_KEPT_MOST)
        poke(sessions->wake);
}

static void watch(struct pa_session *session) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = session->serial};
    epoll_ctl(session->sessions->epoll, EPOLL_CTL_ADD, session->point.worker.pidfd, &event);
}

static void unwatch(struct pa_session *session) {
    epoll_ctl(session->sessions->epoll, EPOLL_CTL_DEL, session->point.worker.pidfd, NULL);
}

/* --- ends ------------------------------------------------------------------------------------- */

/* Nobody gets in any more, and a turn that runs is stopped. */
static void begin_end(struct pa_session *session, const char *why) {
    if (session->ending)
        return;
    session->ending = true;
    if (!session->why[0])
        snprintf(session->why, sizeof(session->why), "%s", why);
    if (session->busy) /* running a turn, or held for one */
        poke(session->interrupt);
    for (struct pa_session_waiter *waiter = session->queue; waiter; waiter = waiter->next)
        poke(waiter->event);
}

static void discard(struct pa_session *session) {
    if (session->point.worker.reap) {
        unwatch(session);
        pa_worker_discard(&session->point.worker);
    }
    for (size_t i = 0; i < session->checkpoint_count; i++) {
        pa_worker_discard(&session->checkpoints[i]->point.worker);
        free(session->checkpoints[i]);
    }
}

/* Its processes go, without the lock: their pool has one of its own.  Of a session that is busy in
 * this thread's hands. */
static void finish_end(struct pa_session *session) {
    struct pa_sessions *sessions = session->sessions;
    unsigned checkpoints = (unsigned)session->checkpoint_count;
    uint64_t held = session->point.held_bytes;
    for (size_t i = 0; i < session->checkpoint_count; i++)
        held += session->checkpoints[i]->point.held_bytes;
    pthread_mutex_unlock(&sessions->lock);
    discard(session);
    pthread_mutex_lock(&sessions->lock);
    session->point.worker = (struct pa_worker){0};
    session->checkpoint_count = 0;
    pa_session_memory_change(sessions, held, 0);
    session->busy = false;
    session->ended = true;
    pa_closep(&session->interrupt);
    session->rested_ns = pa_clock_monotonic_ns();
    sessions->stats.alive--;
    sessions->stats.checkpoints -= checkpoints;
    sessions->stats.ended++;
    sessions->ended_count++;
    pa_log_info("sessions", "%s ended: %s", session->id, session->why);
    pthread_cond_broadcast(&sessions->rested);
    note_expiry(session);
}

/* Takes the session out of whoever's hands it is in, and ends it. */
static void end_now(struct pa_session *session, const char *why) {
    struct pa_sessions *sessions = session->sessions;
    session->refs++;
    begin_end(session, why);
    while (session->busy)
        pthread_cond_wait(&sessions->rested, &sessions->lock);
    if (!session->ended) {
        session->busy = true;
        finish_end(session);
    }
    unref(session);
}

void pa_session_lose(struct pa_session *session, const char *fmt, ...) {
    char why[sizeof(session->why)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    pthread_mutex_lock(&session->sessions->lock);
    session->sessions->stats.lost += !session->ending;
    begin_end(session, why);
    pthread_mutex_unlock(&session->sessions->lock);
}

void pa_session_replace(struct pa_session *session, const struct pa_session_point *point,
                        bool still_there) {
    if (still_there) {
        unwatch(session);
        pa_worker_discard(&session->point.worker);
    }
    pthread_mutex_lock(&session->sessions->lock);
    pa_session_memory_change(session->sessions, session->point.held_bytes, point->held_bytes);
    session->point = *point;
    session->turns = point->turns;
    if (point->worker.reap)
        watch(session);
    pthread_mutex_unlock(&session->sessions->lock);
}

/* --- in hand ---------------------------------------------------------------------------------- */

/* Under the lock, which is given up meanwhile.  What became of it is in the waiter. */
static int wait_in_queue(struct pa_session *session, struct pa_session_waiter *waiter,
                         uint64_t deadline_ns, int cancel_fd) {
    struct pa_session_waiter **link = &session->queue;
    while (*link)
        link = &(*link)->next;
    *link = waiter;
    struct pollfd polled[] = {{.fd = waiter->event, .events = POLLIN},
                              {.fd = cancel_fd, .events = POLLIN}};
    pthread_mutex_unlock(&session->sessions->lock);
    for (uint64_t now; (now = pa_clock_monotonic_ns()) < deadline_ns;) {
        uint64_t ms = (deadline_ns - now) / PA_NS_PER_MS + 1;
        if (poll(polled, PA_ARRAY_LEN(polled), (int)PA_MIN(ms, (uint64_t)INT_MAX)) > 0)
            break;
    }
    pthread_mutex_lock(&session->sessions->lock);
    if (waiter->granted)
        return 0;
    for (link = &session->queue; *link != waiter;)
        link = &(*link)->next;
    *link = waiter->next;
    return -1;
}

static int become_busy(struct pa_session *session, uint64_t deadline_ns, int cancel_fd,
                       struct pa_error *err) {
    if (session->ended || session->ending)
        return pa_session_ended(session, err);
    if (!session->busy) {
        session->busy = true;
        session->sessions->stats.busy++;
        return 0;
    }
    PA_CLEANUP(pa_closep) int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct pa_session_waiter waiter = {.event = event};
    if (event < 0)
        return pa_fail_errno(err, errno, "cannot wait for the session %s", session->id);
    if (wait_in_queue(session, &waiter, deadline_ns, cancel_fd) == 0)
        return 0;
    if (session->ended || session->ending)
        return pa_session_ended(session, err);
    if (pa_clock_monotonic_ns() >= deadline_ns)
        return pa_fail(err, PA_ERR_DEADLINE_EXCEEDED,
                       "the session %s was busy until the deadline; earlier turns come first",
                       session->id);
    return pa_fail(err, PA_ERR_CANCELLED, "the caller gave up waiting for the session %s",
                   session->id);
}

int pa_session_enter(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                     const char *id, struct pa_session **ret, struct pa_error *err) {
    pthread_mutex_lock(&sessions->lock);
    struct pa_session *session = pa_session_find(sessions, asker->owner, id);
    int done = 0;
    if (sessions->closed) {
        done = pa_fail(err, PA_ERR_UNAVAILABLE, "the server ends");
    } else if (!session) {
        done = pa_session_not_found(id, err);
    } else {
        session->refs++;
        done = become_busy(session, asker->deadline_ns, asker->cancel_fd, err);
        if (done < 0)
            unref(session);
    }
    pthread_mutex_unlock(&sessions->lock);
    if (done == 0)
        *ret = session;
    return done;
}

static bool is_dead(const struct pa_session *session) {
    struct pollfd polled = {.fd = session->point.worker.pidfd, .events = POLLIN};
    return poll(&polled, 1, 0) > 0;
}

static const char *why_it_died(const struct pa_session *session) {
    return pa_pool_lost(&session->point.worker)
               ? "lost: its warm root died"
               : "lost: its process was killed, perhaps for memory";
}

void pa_session_leave(struct pa_session *session) {
    struct pa_sessions *sessions = session->sessions;
    pa_session_memory_look(session);
    pthread_mutex_lock(&sessions->lock);
    session->rested_ns = pa_clock_monotonic_ns();
    if (!session->ending && is_dead(session)) {
        sessions->stats.lost++;
        begin_end(session, why_it_died(session));
    }
    if (session->ending) {
        sessions->stats.busy--;
        finish_end(session);
    } else if (session->queue) {
        session->queue->granted = true;
        poke(session->queue->event);
        session->queue = session->queue->next;
    } else {
        session->busy = false;
        sessions->stats.busy--;
        pthread_cond_broadcast(&sessions->rested);
        note_expiry(session);
    }
    unref(session);
    pthread_mutex_unlock(&sessions->lock);
}

/* --- births ----------------------------------------------------------------------------------- */

static unsigned processes_of(const struct pa_sessions *sessions, const char *owner) {
    unsigned count = 0;
    for (const struct pa_session *s = sessions->list; s; s = s->next)
        if (!s->ended && s->owner && pa_streq(s->owner, owner))
            count += 1 + (unsigned)s->checkpoint_count;
    return count;
}

int pa_session_room(struct pa_sessions *sessions, const char *owner, unsigned count, uint64_t bytes,
                    struct pa_error *err) {
    const struct pa_sessions_config *config = &sessions->config;
    int done = 0;
    pthread_mutex_lock(&sessions->lock);
    unsigned all = sessions->stats.alive + sessions->stats.checkpoints;
    if (sessions->closed)
        done = pa_fail(err, PA_ERR_UNAVAILABLE, "the server ends");
    else if (all + count > config->most)
        done = pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "there are %u sessions and checkpoints, and at most %u: end some", all,
                       config->most);
    else if (owner && config->most_per_owner &&
             processes_of(sessions, owner) + count > config->most_per_owner)
        done = pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "you may have at most %u sessions and checkpoints: end some",
                       config->most_per_owner);
    else if ((done = pa_session_memory_check(sessions, owner, count * bytes, err)) == 0)
        sessions->stats.alive += count;
    pthread_mutex_unlock(&sessions->lock);
    return done;
}

void pa_session_unroom(struct pa_sessions *sessions, unsigned count) {
    pthread_mutex_lock(&sessions->lock);
    sessions->stats.alive -= count;
    pthread_mutex_unlock(&sessions->lock);
}

struct pa_session *pa_session_new(struct pa_sessions *sessions, struct pa_session_model *model,
                                  const struct pa_session_point *point) {
    struct pa_session *session = pa_xcalloc(1, sizeof(*session));
    *session = (struct pa_session){.sessions = sessions,
                                   .refs = 1,
                                   .model = model,
                                   .point = *point,
                                   .born_ns = pa_clock_monotonic_ns(),
                                   .created_ns = pa_clock_realtime_ns(),
                                   .interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    session->rested_ns = session->born_ns;
    pthread_mutex_lock(&sessions->lock);
    model->refs++;
    session->serial = ++sessions->next_serial;
    pthread_mutex_unlock(&sessions->lock);
    return session;
}

void pa_session_drop_new(struct pa_session *session) {
    struct pa_sessions *sessions = session->sessions;
    if (session->point.worker.reap)
        pa_worker_discard(&session->point.worker);
    pthread_mutex_lock(&sessions->lock);
    sessions->stats.alive--;
    unref(session);
    pthread_mutex_unlock(&sessions->lock);
}

static void make_id(char out[PA_SESSION_ID_TEXT]) {
    uint64_t number = 0;
    while (getrandom(&number, sizeof(number), 0) != sizeof(number))
        continue;
    snprintf(out, PA_SESSION_ID_TEXT, "s-%016llx", (unsigned long long)number);
}

int pa_session_add(struct pa_session *session, char ret_id[PA_SESSION_ID_TEXT],
                   struct pa_error *err) {
    struct pa_sessions *sessions = session->sessions;
    int done = 0;
    pthread_mutex_lock(&sessions->lock);
    if (session->interrupt < 0)
        done = pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "too many open files for another session");
    else if (session->name && pa_session_find(sessions, session->owner, session->name))
        done = pa_fail(err, PA_ERR_ALREADY_EXISTS, "there is a session named %s already",
                       session->name);
    if (done == 0) {
        do {
            make_id(session->id);
        } while (pa_session_find(sessions, NULL, session->id));
        if (!session->tree[0])
            memcpy(session->tree, session->id, sizeof(session->tree));
        session->next = sessions->list;
        sessions->list = session;
        pa_session_memory_change(sessions, 0, session->point.held_bytes);
        watch(session);
        note_expiry(session);
        memcpy(ret_id, session->id, PA_SESSION_ID_TEXT);
    }
    pthread_mutex_unlock(&sessions->lock);
    return done;
}

/* --- the watching thread ---------------------------------------------------------------------- */

static struct pa_session *by_serial(struct pa_sessions *sessions, uint64_t serial) {
    struct pa_session *session = sessions->list;
    while (session && session->serial != serial)
        session = session->next;
    return session;
}

static void note_death(struct pa_sessions *sessions, uint64_t serial) {
    struct pa_session *session = by_serial(sessions, serial);
    /* It may have been the end of one that was replaced since. */
    if (!session || session->ended || session->busy || !is_dead(session))
        return;
    sessions->stats.lost++;
    end_now(session, why_it_died(session));
}

/* The first whose time has come, or NULL and *ret_next, when the next one's does. */
static struct pa_session *next_expired(struct pa_sessions *sessions, uint64_t *ret_next) {
    uint64_t now = pa_clock_monotonic_ns();
    struct pa_session *oldest_ended = NULL;
    *ret_next = PA_NEVER;
    for (struct pa_session *s = sessions->list; s; s = s->next) {
        uint64_t expiry = expiry_of(s);
        if (s->ending && !s->ended)
            continue; /* by whoever has it in hand */
        if (expiry <= now)
            return s;
        *ret_next = PA_MIN(*ret_next, expiry);
        if (s->ended)
            oldest_ended = s;
    }
    return sessions->ended_count > ENDED_KEPT_MOST ? oldest_ended : NULL;
}

static void expire(struct pa_sessions *sessions) {
    struct pa_session *session;
    while ((session = next_expired(sessions, &sessions->sleeps_until_ns))) {
        if (session->ended) {
            forget(sessions, session);
            continue;
        }
        bool old =
            session->life_ns && pa_clock_monotonic_ns() >= session->born_ns + session->life_ns;
        char why[sizeof(session->why)];
        snprintf(why, sizeof(why), "expired: %s limit of %llu s reached",
                 old ? "its life" : "its idle time",
                 (unsigned long long)((old ? session->life_ns : session->idle_ns) / PA_NS_PER_S));
        sessions->stats.expired++;
        if (session->busy)
            begin_end(session, why);
        else
            end_now(session, why);
    }
}

static void *run(void *context) {
    struct pa_sessions *sessions = context;
    pthread_mutex_lock(&sessions->lock);
    while (!sessions->stopping) {
        struct epoll_event events[64];
        expire(sessions);
        uint64_t now = pa_clock_monotonic_ns(), until = sessions->sleeps_until_ns;
        int ms = until == PA_NEVER ? -1
                 : until <= now    ? 0
                                : (int)PA_MIN((until - now) / PA_NS_PER_MS + 1, (uint64_t)INT_MAX);
        pthread_mutex_unlock(&sessions->lock);
        int n = epoll_wait(sessions->epoll, events, PA_ARRAY_LEN(events), ms);
        uint64_t count;
        pthread_mutex_lock(&sessions->lock);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u64)
                note_death(sessions, events[i].data.u64);
            else if (read(sessions->wake, &count, sizeof(count)) < 0)
                continue; /* it was poked, and that was all it is for */
        }
    }
    pthread_mutex_unlock(&sessions->lock);
    return NULL;
}

/* --- for everybody ---------------------------------------------------------------------------- */

int pa_sessions_new(const struct pa_sessions_config *config, struct pa_sessions **ret,
                    struct pa_error *err) {
    struct pa_sessions *sessions = pa_xcalloc(1, sizeof(*sessions));
    sessions->config = *config;
    sessions->sleeps_until_ns = PA_NEVER;
    pthread_mutex_init(&sessions->lock, NULL);
    pthread_cond_init(&sessions->rested, NULL);
    sessions->epoll = epoll_create1(EPOLL_CLOEXEC);
    sessions->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN};
    int failed = 0;
    if (sessions->epoll < 0 || sessions->wake < 0 ||
        epoll_ctl(sessions->epoll, EPOLL_CTL_ADD, sessions->wake, &event) < 0)
        failed = errno;
    if (!failed)
        failed = pthread_create(&sessions->thread, NULL, run, sessions);
    if (failed) {
        pa_closep(&sessions->epoll);
        pa_closep(&sessions->wake);
        free(sessions);
        return pa_fail_errno(err, failed, "cannot watch over sessions");
    }
    *ret = sessions;
    return 0;
}

void pa_sessions_close(struct pa_sessions *sessions) {
    pthread_mutex_lock(&sessions->lock);
    sessions->closed = true;
    for (struct pa_session *s = sessions->list; s; s = s->next)
        if (!s->ended)
            begin_end(s, "the server ends");
    pthread_mutex_unlock(&sessions->lock);
}

struct pa_sessions *pa_sessions_free(struct pa_sessions *sessions) {
    if (!sessions)
        return NULL;
    pa_sessions_close(sessions);
    pthread_mutex_lock(&sessions->lock);
    sessions->stopping = true;
    poke(sessions->wake);
    pthread_mutex_unlock(&sessions->lock);
    pthread_join(sessions->thread, NULL);
    pthread_mutex_lock(&sessions->lock);
    while (sessions->list) {
        if (!sessions->list->ended)
            end_now(sessions->list, "the server ends");
        forget(sessions, sessions->list);
    }
    pthread_mutex_unlock(&sessions->lock);
    pthread_cond_destroy(&sessions->rested);
    pthread_mutex_destroy(&sessions->lock);
    close(sessions->epoll);
    close(sessions->wake);
    free(sessions);
    return NULL;
}

int pa_sessions_end(struct pa_sessions *sessions, const char *owner, const char *id,
                    struct pa_error *err) {
    int done = 0;
    pthread_mutex_lock(&sessions->lock);
    struct pa_session *session = pa_session_find(sessions, owner, id);
    if (!session)
        done = pa_session_not_found(id, err);
    else if (!session->ended)
        end_now(session, "it was ended by its owner");
    pthread_mutex_unlock(&sessions->lock);
    return done;
}

void pa_sessions_stats(struct pa_sessions *sessions, struct pa_sessions_stats *ret) {
    pthread_mutex_lock(&sessions->lock);
    *ret = sessions->stats;
    pthread_mutex_unlock(&sessions->lock);
}
