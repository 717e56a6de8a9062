/*
 * Turns: a session's process gets a request and comes back to its checkpoint, or does not.
 *
 * A session that recovers is copied before each turn.  The copy sleeps; when the turn's process is
 * gone afterwards, whatever ended it, the copy is the session from then on.  That works for every
 * language and every kind of end, since nothing of the turn was ever in that process.
 */
#include "run/sessions_internal.h"

#include "base/digest.h"
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

uint64_t pa_session_seed(uint64_t seed, const char *what, uint64_t number) {
    const struct pa_span spans[] = {
        {&seed, sizeof(seed)}, {what, strlen(what)}, {&number, sizeof(number)}};
    char text[PA_DIGEST_TEXT];
    pa_digest_spans(spans, PA_ARRAY_LEN(spans), text);
    text[16] = 0;
    return strtoull(text, NULL, 16);
}

int pa_session_copy(const struct pa_session_point *from, struct pa_session_point *ret,
                    struct pa_error *err) {
    struct pa_session_point copy = {.turns = from->turns, .seed = from->seed, .fresh = true};
    if (pa_pool_fork(&from->worker, pa_clock_monotonic_ns() + PA_SESSION_STEP_NS, &copy.worker,
                     err) < 0)
        return -1;
    pa_session_memory_begin(&copy, from);
    *ret = copy;
    return 0;
}

/* Those limits that are each turn's own.  How much memory and how many files there may be was set
 * when the session began, and the kernel does not let its process have more later. */
static void merge_limits(const struct pa_session_turn *turn, struct pa_policy *policy) {
    struct pa_limits *limits = &policy->limits;
    if (turn->limits) {
        limits->timeout_ms = turn->limits->timeout_ms;
        limits->cpu_ms = turn->limits->cpu_ms;
        if (pa_policy_metered(policy)) /* else its code does not count */
            limits->fuel = turn->limits->fuel;
        limits->stdout_bytes = turn->limits->stdout_bytes;
        limits->stderr_bytes = turn->limits->stderr_bytes;
        limits->output_bytes = turn->limits->output_bytes;
        limits->results_bytes = turn->limits->results_bytes;
    }
    if (turn->deadline_ns != PA_NEVER) {
        uint64_t now = pa_clock_monotonic_ns();
        uint64_t left = turn->deadline_ns > now ? (turn->deadline_ns - now) / PA_NS_PER_MS : 0;
        limits->timeout_ms = PA_MIN(limits->timeout_ms, PA_MAX(left, UINT64_C(1)));
    }
}

static struct pa_policy policy_of(const struct pa_session *session,
                                  const struct pa_session_turn *turn) {
    struct pa_policy policy = session->model->policy; /* borrowed */
    merge_limits(turn, &policy);
    policy.seed = session->point.turns
                      ? pa_session_seed(session->point.seed, "turn", session->point.turns)
                      : session->point.seed;
    return policy;
}

/* Readable when the caller gives up or the turn is interrupted.  -1: the caller cannot; then the
 * session's own event is enough. */
static int join_events(const struct pa_session *session, int cancel_fd, struct pa_error *err) {
    int both = epoll_create1(EPOLL_CLOEXEC);
    const int fds[] = {cancel_fd, session->interrupt};
    for (size_t i = 0; i < PA_ARRAY_LEN(fds) && both >= 0; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        if (epoll_ctl(both, EPOLL_CTL_ADD, fds[i], &event) < 0)
            pa_closep(&both);
    }
    if (both < 0)
        pa_fail_errno(err, errno, "cannot wait for a turn and its caller at once");
    return both;
}

/* Under the lock, of a session that is busy: none that ends, and no interrupt of an earlier turn.
 */
static int make_ready(struct pa_session *session, struct pa_error *err) {
    uint64_t count;
    if (session->ending)
        return pa_session_ended(session, err);
    if (read(session->interrupt, &count, sizeof(count)) < 0 && errno != EAGAIN)
        return pa_fail_errno(err, errno, "cannot watch for an interrupt");
    return 0;
}

static int begin_turn(struct pa_session *session, struct pa_error *err) {
    pthread_mutex_lock(&session->sessions->lock);
    int done = make_ready(session, err);
    session->running = done == 0;
    pthread_mutex_unlock(&session->sessions->lock);
    return done;
}

static void end_turn(struct pa_session *session, const struct pa_outcome *outcome) {
    pthread_mutex_lock(&session->sessions->lock);
    session->running = false;
    if (outcome->usage.memory_peak_bytes)
        session->memory_bytes = outcome->usage.memory_peak_bytes;
    pthread_mutex_unlock(&session->sessions->lock);
}

static int run_turn(struct pa_session *session, const struct pa_session_turn *turn, int cancel_fd,
                    struct pa_outcome *outcome, struct pa_error *err) {
    const struct pa_sessions_config *config = &session->sessions->config;
    const struct pa_policy policy = policy_of(session, turn);
    struct pa_session_point *point = &session->point;
    struct pa_program program = *turn->program;
    struct pa_language_run run;
    char name[32];
    program.session = true;
    program.continued = !point->fresh;
    program.calls = turn->calls;
    if (!program.filename) {
        snprintf(name, sizeof(name), "<turn-%llu>", (unsigned long long)point->turns + 1);
        program.filename = name;
    }
    if (pa_language_run_init(&run, session->model->image, config->cache_directory, &policy,
                             &program, err) < 0)
        return -1;
    run.request.warm = run.request.session = &point->worker;
    run.request.stdin_bytes = turn->stdin_bytes;
    run.request.stdin_size = turn->stdin_size;
    run.request.files = turn->files;
    run.request.file_count = turn->file_count;
    run.request.list_files = true;
    run.request.outputs = turn->outputs;
    run.request.sink = turn->sink;
    run.request.cancel_fd = cancel_fd;
    int done = pa_execute(config->executor, &run.request, outcome, err);
    if (done < 0 || !outcome->session_lives)
        point->worker = (struct pa_worker){0};
    pa_language_run_done(&run);
    return done;
}

int pa_session_execute(struct pa_session *session, const struct pa_session_turn *turn,
                       struct pa_outcome *outcome, struct pa_error *err) {
    PA_CLEANUP(pa_closep) int both = -1;
    if (turn->cancel_fd >= 0 && (both = join_events(session, turn->cancel_fd, err)) < 0)
        return -1;
    if (begin_turn(session, err) < 0)
        return -1;
    int done = run_turn(session, turn, both >= 0 ? both : session->interrupt, outcome, err);
    end_turn(session, outcome);
    return done;
}

/* The session's process is gone: what becomes of the session. */
static void after_loss(struct pa_session *session, const struct pa_session_point *safe,
                       struct pa_outcome *outcome, const struct pa_error *err) {
    if (safe->worker.reap) {
        struct pa_session_point point = *safe;
        pa_session_replace(session, &point, false);
        outcome->session_lives = outcome->session_rolled_back = true;
        pthread_mutex_lock(&session->sessions->lock);
        session->sessions->stats.rolled_back++;
        pthread_mutex_unlock(&session->sessions->lock);
        return;
    }
    if (err)
        pa_session_lose(session, "lost in a turn: %.150s", err->message);
    else
        pa_session_lose(session, "it ended in a turn (%s)%s%.120s", pa_status_name(outcome->status),
                        *outcome->message ? ": " : "", outcome->message);
}

static void note_turn(struct pa_session *session) {
    pthread_mutex_lock(&session->sessions->lock);
    session->turns = ++session->point.turns;
    session->point.fresh = false;
    session->sessions->stats.turns++;
    pthread_mutex_unlock(&session->sessions->lock);
}

static int check_fuel(const struct pa_session *session, const struct pa_session_turn *turn,
                      struct pa_error *err) {
    if (!turn->limits || turn->limits->fuel == PA_UNLIMITED ||
        pa_policy_metered(&session->model->policy))
        return 0;
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                   "fuel: the session %s does not count it; create one with a fuel limit",
                   session->id);
}

static int check_memory(const struct pa_session *session, struct pa_error *err) {
    pthread_mutex_lock(&session->sessions->lock);
    int done = pa_session_memory_check(session->sessions, session->owner, 0, err);
    pthread_mutex_unlock(&session->sessions->lock);
    return done;
}

static int take_turn(struct pa_session *session, const struct pa_session_turn *turn,
                     struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_session_point safe = {0}, *point = &session->point;
    if (check_fuel(session, turn, err) < 0 || check_memory(session, err) < 0)
        return -1;
    if (session->recover) {
        if (pa_session_copy(point, &safe, err) < 0) {
            pa_session_lose(session, "lost: %.150s", err->message);
            return -1;
        }
        safe.fresh = point->fresh; /* it is the only one that goes on */
    }
    int done = pa_session_execute(session, turn, outcome, err);
    if (!point->worker.reap) {
        after_loss(session, &safe, outcome, done < 0 ? err : NULL);
        return done;
    }
    if (safe.worker.reap)
        pa_worker_discard(&safe.worker);
    if (done == 0)
        note_turn(session);
    return done;
}

/* --- held before the turn --------------------------------------------------------------------- */

int pa_sessions_hold(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                     const char *id, struct pa_session **ret, struct pa_error *err) {
    return pa_session_enter(sessions, asker, id, ret, err);
}

void pa_sessions_release(struct pa_session *held) {
    pa_session_leave(held);
}

int pa_sessions_held_fd(struct pa_session *held, int cancel_fd, struct pa_error *err) {
    pthread_mutex_lock(&held->sessions->lock);
    int done = make_ready(held, err);
    pthread_mutex_unlock(&held->sessions->lock);
    return done < 0 ? -1 : join_events(held, cancel_fd, err);
}

int pa_sessions_held_check(const struct pa_session *held, struct pa_error *err) {
    pthread_mutex_lock(&held->sessions->lock);
    int done = held->ending ? pa_session_ended(held, err) : 0;
    pthread_mutex_unlock(&held->sessions->lock);
    return done;
}

int pa_sessions_turn(struct pa_sessions *sessions, const char *owner, const char *id,
                     const struct pa_session_turn *turn, struct pa_outcome *outcome,
                     struct pa_error *err) {
    struct pa_session *session = turn->held;
    const struct pa_session_asker asker = {owner, turn->deadline_ns, turn->cancel_fd};
    uint64_t asked_ns = pa_clock_monotonic_ns();
    if (!session && pa_session_enter(sessions, &asker, id, &session, err) < 0)
        return -1;
    uint64_t waited_ns = pa_clock_monotonic_ns() - asked_ns;
    int done = take_turn(session, turn, outcome, err);
    outcome->usage.queue_ns = waited_ns;
    pa_session_leave(session);
    return done;
}

/* --- side by side ----------------------------------------------------------------------------- */

struct branch {
    struct pa_sessions *sessions;
    const char *owner, *id;
    const struct pa_session_turn *turn;
    struct pa_outcome *outcome;
    int *result;
    struct pa_error *err;
    pthread_t thread;
    bool started;
};

static void *run_branch(void *context) {
    struct branch *branch = context;
    *branch->result = pa_sessions_turn(branch->sessions, branch->owner, branch->id, branch->turn,
                                       branch->outcome, branch->err);
    return NULL;
}

void pa_sessions_turns(struct pa_sessions *sessions, const char *owner, const char *const *ids,
                       const struct pa_session_turn *turns, size_t count,
                       struct pa_outcome *outcomes, int *results, struct pa_error *errs) {
    PA_CLEANUP(pa_freep) struct branch *branches = pa_xcalloc(count, sizeof(*branches));
    for (size_t i = 0; i < count; i++) {
        branches[i] = (struct branch){.sessions = sessions,
                                      .owner = owner,
                                      .id = ids[i],
                                      .turn = &turns[i],
                                      .outcome = &outcomes[i],
                                      .result = &results[i],
                                      .err = &errs[i]};
        bool last = i + 1 == count;
        branches[i].started =
            !last && pthread_create(&branches[i].thread, NULL, run_branch, &branches[i]) == 0;
        if (!branches[i].started)
            run_branch(&branches[i]); /* the last one, or where there are no threads, here */
    }
    for (size_t i = 0; i < count; i++)
        if (branches[i].started)
            pthread_join(branches[i].thread, NULL);
}

/* --- beside turns ----------------------------------------------------------------------------- */

int pa_sessions_interrupt(struct pa_sessions *sessions, const char *owner, const char *id,
                          bool *ret_running, struct pa_error *err) {
    int done = 0;
    pthread_mutex_lock(&sessions->lock);
    struct pa_session *session = pa_session_find(sessions, owner, id);
    if (!session) {
        done = pa_session_not_found(id, err);
    } else {
        uint64_t one = 1;
        *ret_running = session->running;
        if (session->running && write(session->interrupt, &one, sizeof(one)) < 0)
            done = pa_fail_errno(err, errno, "cannot interrupt the session %s", session->id);
    }
    pthread_mutex_unlock(&sessions->lock);
    return done;
}

/* A question that the language's boot script answers: no turn, and nothing of the session changes.
 * The outcome is the caller's to be done with, whatever is returned. */
static int inquire(struct pa_sessions *sessions, const char *owner, const char *id,
                   const struct pa_session_turn *turn, struct pa_outcome *outcome,
                   struct pa_error *err) {
    struct pa_session *session;
    const struct pa_session_asker asker = {owner, turn->deadline_ns, turn->cancel_fd};
    pa_outcome_init(outcome);
    if (pa_session_enter(sessions, &asker, id, &session, err) < 0)
        return -1;
    int done = pa_session_execute(session, turn, outcome, err);
    if (!session->point.worker.reap)
        after_loss(session, &(struct pa_session_point){0}, outcome, done < 0 ? err : NULL);
    pa_session_leave(session);
    return done;
}

int pa_sessions_variables(struct pa_sessions *sessions, const char *owner, const char *id,
                          uint64_t deadline_ns, int cancel_fd, json_t **ret, struct pa_error *err) {
    const struct pa_program program = {.mode = PA_PROGRAM_VARIABLES, .code = ""};
    const struct pa_session_turn turn = {
        .program = &program, .deadline_ns = deadline_ns, .cancel_fd = cancel_fd};
    struct pa_outcome outcome;
    int done = inquire(sessions, owner, id, &turn, &outcome, err);
    if (done == 0 && !(*ret = pa_outcome_variables(&outcome)))
        done = pa_fail(err, PA_ERR_UNAVAILABLE, "the session %s does not tell its variables", id);
    pa_outcome_done(&outcome);
    return done;
}

int pa_sessions_is_complete(struct pa_sessions *sessions, const char *owner, const char *id,
                            const char *code, size_t code_size, uint64_t deadline_ns, int cancel_fd,
                            bool *ret, struct pa_error *err) {
    const struct pa_program program = {
        .mode = PA_PROGRAM_COMPLETE, .code = code, .code_size = code_size};
    const struct pa_session_turn turn = {
        .program = &program, .deadline_ns = deadline_ns, .cancel_fd = cancel_fd};
    struct pa_outcome outcome;
    int done = inquire(sessions, owner, id, &turn, &outcome, err);
    if (done == 0)
        *ret = pa_outcome_is_complete(&outcome);
    pa_outcome_done(&outcome);
    return done;
}
