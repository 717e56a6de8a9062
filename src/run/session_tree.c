/*
 * How sessions come to be: from a warm root, and from each other; and the checkpoints to which they
 * go back.
 *
 * A new session runs an empty turn before anybody knows of it.  Then its policy is in force, its
 * files have their limits, and what cannot work has failed here.
 *
 * Forking and going back are one thing: a copy of a process that waits.  What a process is in its
 * history (how many turns led to it, its seed, whether anything random is still its parent's) goes
 * with it.  In deterministic mode a session that goes back repeats what it did, and a fork has a
 * seed of its own; elsewhere whatever was copied has everything random anew.
 */
#include "run/sessions_internal.h"

#include "base/log.h"

static bool is_name(const char *text) {
    size_t size = strlen(text);
    return size > 0 && size <= PA_SESSION_NAME_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               size;
}

static int check_name(const char *what, const char *text, struct pa_error *err) {
    if (is_name(text) && strncmp(text, "s-", 2) != 0)
        return 0;
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                   "%s '%.80s' is not a name: use 1 to %d letters, digits, '-', '_', '.', and not "
                   "\"s-\" at the front, as ids have",
                   what, text, PA_SESSION_NAME_MAX);
}

static int check_labels(const json_t *labels, struct pa_error *err) {
    const char *key;
    json_t *value;
    if (labels && !json_is_object(labels))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "labels: an object of strings is needed");
    json_object_foreach((json_t *)labels, key, value) {
        if (!json_is_string(value))
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "labels.%.64s: a string is needed", key);
    }
    return 0;
}

/* --- a new one -------------------------------------------------------------------------------- */

/* Before it is the session's. */
static void drop_image(struct pa_image *image) {
    pa_image_done(image);
    free(image);
}

static int take_worker(struct pa_sessions *sessions, const struct pa_session_create *create,
                       struct pa_worker *ret, struct pa_error *err) {
    const struct pa_sessions_config *config = &sessions->config;
    const struct pa_program nothing = {.code = "", .session = true};
    struct pa_language_run run;
    struct pa_want want;
    if (create->image->without_checkpoint)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "the interpreter %s cannot keep a session: it does not know how to wait for "
                       "a second program",
                       create->image->pack->module_file);
    if (pa_language_run_init(&run, create->image, config->cache_directory, create->policy, &nothing,
                             err) < 0)
        return -1;
    pa_want_init(&want, create->image, &run.policy);
    int done = pa_pools_take_session(config->pools, &want, create->deadline_ns, create->cancel_fd,
                                     ret, err);
    pa_want_done(&want);
    pa_language_run_done(&run);
    return done;
}

static uint64_t lower(uint64_t asked_ms, uint64_t most_ms) {
    uint64_t ms = asked_ms && (!most_ms || asked_ms < most_ms) ? asked_ms : most_ms;
    return ms * PA_NS_PER_MS;
}

static void describe(struct pa_session *session, const struct pa_session_create *create) {
    const struct pa_sessions_config *config = &session->sessions->config;
    session->name = create->name ? pa_xstrdup(create->name) : NULL;
    session->owner = create->owner ? pa_xstrdup(create->owner) : NULL;
    session->labels = create->labels ? json_deep_copy(create->labels) : json_object();
    session->recover = create->recover;
    session->idle_ns = lower(create->idle_ms, config->idle_ms);
    session->life_ns = lower(create->life_ms, config->life_ms);
}

static int run_nothing(struct pa_session *session, const struct pa_session_create *create,
                       struct pa_error *err) {
    const struct pa_program nothing = {.code = ""};
    const struct pa_session_turn turn = {
        .program = &nothing, .deadline_ns = create->deadline_ns, .cancel_fd = create->cancel_fd};
    struct pa_outcome outcome;
    pa_outcome_init(&outcome);
    int done = pa_session_execute(session, &turn, &outcome, err);
    if (done == 0 && (!outcome.session_lives || outcome.status != PA_STATUS_OK))
        done = pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "the session does not come up: %s%s%.200s%.200s",
                       pa_status_name(outcome.status), *outcome.message ? ": " : "",
                       outcome.message, pa_buf_text(&outcome.output[PA_STDERR].kept));
    session->point.fresh = false;
    pa_outcome_done(&outcome);
    return done;
}

/* Takes the image in any case. */
static struct pa_session *new_session(struct pa_sessions *sessions,
                                      const struct pa_session_create *create,
                                      const struct pa_worker *worker) {
    struct pa_session_model *model = pa_xcalloc(1, sizeof(*model));
    model->image = create->image;
    pa_policy_copy(&model->policy, create->policy);
    struct pa_session_point point = {
        .worker = *worker, .seed = create->policy->seed, .fresh = true};
    pa_session_memory_begin(&point, NULL);
    struct pa_session *session = pa_session_new(sessions, model, &point);
    describe(session, create);
    return session;
}

int pa_sessions_create(struct pa_sessions *sessions, const struct pa_session_create *create,
                       char ret_id[PA_SESSION_ID_TEXT], struct pa_error *err) {
    struct pa_worker worker;
    if ((create->name && check_name("name", create->name, err) < 0) ||
        check_labels(create->labels, err) < 0 ||
        pa_session_room(sessions, create->owner, 1, PA_SESSION_LEAST_BYTES, err) < 0) {
        drop_image(create->image);
        return -1;
    }
    if (take_worker(sessions, create, &worker, err) < 0) {
        pa_session_unroom(sessions, 1);
        drop_image(create->image);
        return -1;
    }
    struct pa_session *session = new_session(sessions, create, &worker);
    if (run_nothing(session, create, err) < 0 || pa_session_add(session, ret_id, err) < 0) {
        pa_session_drop_new(session);
        return -1;
    }
    pthread_mutex_lock(&sessions->lock);
    sessions->stats.created++;
    pthread_mutex_unlock(&sessions->lock);
    return 0;
}

/* --- forks ------------------------------------------------------------------------------------ */

static struct pa_session *new_fork(struct pa_session *parent, json_t *labels,
                                   const struct pa_session_point *point) {
    struct pa_session *fork = pa_session_new(parent->sessions, parent->model, point);
    fork->owner = parent->owner ? pa_xstrdup(parent->owner) : NULL;
    fork->labels = labels ? json_deep_copy(labels) : json_incref(parent->labels);
    fork->recover = parent->recover;
    fork->idle_ns = parent->idle_ns;
    fork->life_ns = parent->life_ns;
    fork->turns = parent->turns;
    fork->memory_bytes = parent->memory_bytes;
    memcpy(fork->parent, parent->id, sizeof(fork->parent));
    memcpy(fork->tree, parent->tree, sizeof(fork->tree));
    fork->point.seed = pa_session_seed(parent->point.seed, "fork", ++parent->forks);
    return fork;
}

/* The first `count` of the forks are known, and go again. */
static void take_back(struct pa_sessions *sessions, char (*ids)[PA_SESSION_ID_TEXT], size_t count) {
    for (size_t i = 0; i < count; i++)
        pa_sessions_end(sessions, NULL, ids[i], NULL);
}

static int fork_all(struct pa_session *parent, size_t count, json_t *labels,
                    char (*ret_ids)[PA_SESSION_ID_TEXT], struct pa_error *err) {
    struct pa_sessions *sessions = parent->sessions;
    for (size_t i = 0; i < count; i++) {
        struct pa_session_point point;
        struct pa_session *fork = NULL;
        int done = pa_session_copy(&parent->point, &point, err);
        if (done == 0) {
            fork = new_fork(parent, labels, &point);
            done = pa_session_add(fork, ret_ids[i], err);
        }
        if (done == 0)
            continue;
        if (fork)
            pa_session_drop_new(fork);
        pa_session_unroom(sessions, (unsigned)(count - i) - (fork ? 1 : 0));
        take_back(sessions, ret_ids, i);
        return -1;
    }
    return 0;
}

int pa_sessions_fork(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                     const char *id, size_t count, json_t *labels,
                     char (*ret_ids)[PA_SESSION_ID_TEXT], struct pa_error *err) {
    struct pa_session *session;
    if (count < 1 || count > PA_SESSION_FORKS)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "count: %zu forks in one call; 1 to %d are",
                       count, PA_SESSION_FORKS);
    if (check_labels(labels, err) < 0 || pa_session_enter(sessions, asker, id, &session, err) < 0)
        return -1;
    int done =
        pa_session_room(sessions, session->owner, (unsigned)count, session->point.held_bytes, err);
    if (done == 0)
        done = fork_all(session, count, labels, ret_ids, err);
    if (done == 0) {
        pthread_mutex_lock(&sessions->lock);
        sessions->stats.forked += count;
        pthread_mutex_unlock(&sessions->lock);
    }
    pa_session_leave(session);
    return done;
}

/* --- checkpoints ------------------------------------------------------------------------------ */

/* A copy that is to go on as its original would have. */
static int copy_alike(const struct pa_session *session, const struct pa_session_point *from,
                      struct pa_session_point *ret, struct pa_error *err) {
    if (pa_session_copy(from, ret, err) < 0)
        return -1;
    if (session->model->policy.deterministic)
        ret->fresh = from->fresh;
    return 0;
}

static struct pa_session_checkpoint *find_checkpoint(const struct pa_session *session,
                                                     const char *name, size_t *ret_at) {
    for (size_t i = 0; i < session->checkpoint_count; i++)
        if (pa_streq(session->checkpoints[i]->name, name)) {
            *ret_at = i;
            return session->checkpoints[i];
        }
    return NULL;
}

static int no_checkpoint(const struct pa_session *session, const char *name, struct pa_error *err) {
    return pa_fail(err, PA_ERR_NOT_FOUND, "the session %s has no checkpoint %.64s", session->id,
                   name);
}

static void remove_checkpoint(struct pa_session *session, size_t at) {
    struct pa_sessions *sessions = session->sessions;
    pthread_mutex_lock(&sessions->lock);
    struct pa_session_checkpoint *gone = session->checkpoints[at];
    session->checkpoints[at] = session->checkpoints[--session->checkpoint_count];
    sessions->stats.checkpoints--;
    pa_session_memory_change(sessions, gone->point.held_bytes, 0);
    pthread_mutex_unlock(&sessions->lock);
    pa_worker_discard(&gone->point.worker);
    free(gone);
}

static void add_checkpoint(struct pa_session *session, const char *name,
                           const struct pa_session_point *point) {
    struct pa_sessions *sessions = session->sessions;
    struct pa_session_checkpoint *made = pa_xcalloc(1, sizeof(*made));
    *made = (struct pa_session_checkpoint){.point = *point, .created_ns = pa_clock_realtime_ns()};
    snprintf(made->name, sizeof(made->name), "%s", name);
    pthread_mutex_lock(&sessions->lock);
    session->checkpoints[session->checkpoint_count++] = made;
    sessions->stats.checkpoints++;
    pa_session_memory_change(sessions, 0, point->held_bytes);
    sessions->stats.alive--; /* for which there was made room */
    pthread_mutex_unlock(&sessions->lock);
}

static int keep(struct pa_session *session, const char *name, struct pa_error *err) {
    struct pa_session_point point;
    size_t at = 0;
    struct pa_session_checkpoint *same = find_checkpoint(session, name, &at);
    if (!same && session->checkpoint_count == PA_SESSION_KEPT)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "the session %s has %d checkpoints, and no more fit: drop one", session->id,
                       PA_SESSION_KEPT);
    if (pa_session_room(session->sessions, session->owner, 1, session->point.held_bytes, err) < 0)
        return -1;
    if (copy_alike(session, &session->point, &point, err) < 0) {
        pa_session_unroom(session->sessions, 1);
        return -1;
    }
    if (same)
        remove_checkpoint(session, at);
    add_checkpoint(session, name, &point);
    return 0;
}

int pa_sessions_keep(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                     const char *id, const char *checkpoint, struct pa_error *err) {
    struct pa_session *session;
    if (check_name("checkpoint", checkpoint, err) < 0 ||
        pa_session_enter(sessions, asker, id, &session, err) < 0)
        return -1;
    int done = keep(session, checkpoint, err);
    pa_session_leave(session);
    return done;
}

int pa_sessions_go_back(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                        const char *id, const char *checkpoint, struct pa_error *err) {
    struct pa_session *session;
    size_t at = 0;
    if (pa_session_enter(sessions, asker, id, &session, err) < 0)
        return -1;
    struct pa_session_checkpoint *found = find_checkpoint(session, checkpoint, &at);
    struct pa_session_point point;
    int done = found ? copy_alike(session, &found->point, &point, err)
                     : no_checkpoint(session, checkpoint, err);
    if (done == 0)
        pa_session_replace(session, &point, true);
    pa_session_leave(session);
    return done;
}

int pa_sessions_drop(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                     const char *id, const char *checkpoint, struct pa_error *err) {
    struct pa_session *session;
    size_t at = 0;
    if (pa_session_enter(sessions, asker, id, &session, err) < 0)
        return -1;
    int done =
        find_checkpoint(session, checkpoint, &at) ? 0 : no_checkpoint(session, checkpoint, err);
    if (done == 0)
        remove_checkpoint(session, at);
    pa_session_leave(session);
    return done;
}
