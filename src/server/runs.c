/*
 * A hash table by id, and two lists: those alive, and those that have ended in the order in which
 * they did.
 *
 * A run can be given up by its caller (a descriptor of the door's) or by its id (DELETE, a drain).
 * The supervisor waits for one descriptor.  Where both are possible that is an epoll instance over
 * the two, which is itself readable when one of them is.
 *
 * An ended run is kept as text: its size is known exactly, and is a tenth of the tree's.
 */
#include "server/runs.h"

#include "base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define BUCKETS 4096 /* a power of two */

struct pa_run {
    struct pa_run *next_in_bucket;
    struct pa_run *next, *previous; /* of its list */
    char id[PA_RUN_ID_TEXT];
    char *caller, *tool;
    bool running, done;
    int cancel_event, wait_fd;   /* the latter: what the supervisor waits for; may be the same */
    uint64_t began_ns, ended_ns; /* realtime, and monotonic */
    char *outcome;               /* JSON, when done; NULL: it ended with `error` */
    size_t bytes;
    struct pa_error error;
};

struct list {
    struct pa_run *first, *last;
    size_t count;
};

struct pa_runs {
    struct pa_runs_config config;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t fewer; /* alive; by the monotonic clock */
    struct pa_run *buckets[BUCKETS];
    struct list alive, ended;
    uint64_t ended_bytes;
};

struct pa_runs *pa_runs_new(const struct pa_runs_config *config) {
    struct pa_runs *runs = pa_xcalloc(1, sizeof(*runs));
    runs->config = *config;
    pthread_mutex_init(&runs->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&runs->fewer, &attributes);
    pthread_condattr_destroy(&attributes);
    return runs;
}

/* --- lists and buckets ------------------------------------------------------------------------ */

static void append(struct list *list, struct pa_run *run) {
    run->next = NULL;
    run->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = run;
    list->last = run;
    list->count++;
}

static void take_out(struct list *list, struct pa_run *run) {
    *(run->previous ? &run->previous->next : &list->first) = run->next;
    *(run->next ? &run->next->previous : &list->last) = run->previous;
    list->count--;
}

/* The ids are random: any digits of them are a hash. */
static struct pa_run **bucket_of(struct pa_runs *runs, const char *id) {
    char digits[9] = "";
    memcpy(digits, id + 2, 8);
    return &runs->buckets[strtoul(digits, NULL, 16) % BUCKETS];
}

static struct pa_run *find(struct pa_runs *runs, const char *caller, const char *id) {
    if (strlen(id) != strlen("r-") + 32)
        return NULL;
    for (struct pa_run *run = *bucket_of(runs, id); run; run = run->next_in_bucket)
        if (pa_streq(run->id, id))
            return !caller || pa_streq(run->caller, caller) ? run : NULL;
    return NULL;
}

static void free_run(struct pa_run *run) {
    pa_closep(&run->cancel_event);
    free(run->caller);
    free(run->tool);
    free(run->outcome);
    free(run);
}

static void drop_oldest(struct pa_runs *runs) {
    struct pa_run *run = runs->ended.first, **link = bucket_of(runs, run->id);
    while (*link != run)
        link = &(*link)->next_in_bucket;
    *link = run->next_in_bucket;
    runs->ended.first = run->next;
    *(run->next ? &run->next->previous : &runs->ended.last) = NULL;
    runs->ended.count--;
    runs->ended_bytes -= run->bytes;
    free_run(run);
}

static bool is_old(const struct pa_runs *runs, const struct pa_run *run, uint64_t now_ns) {
    return now_ns - run->ended_ns > runs->config.kept_ms * PA_NS_PER_MS;
}

static void expire(struct pa_runs *runs) {
    const uint64_t now_ns = pa_clock_monotonic_ns();
    while (runs->ended.first &&
           (runs->ended.count > runs->config.kept || runs->ended_bytes > runs->config.kept_bytes ||
            is_old(runs, runs->ended.first, now_ns)))
        drop_oldest(runs);
}

struct pa_runs *pa_runs_free(struct pa_runs *runs) {
    if (!runs)
        return NULL;
    PA_ASSERT(runs->alive.count == 0);
    while (runs->ended.first)
        drop_oldest(runs);
    pthread_mutex_destroy(&runs->lock);
    pthread_cond_destroy(&runs->fewer);
    free(runs);
    return NULL;
}

/* --- a run's life ----------------------------------------------------------------------------- */

static int watch_both(struct pa_run *run, int cancel_fd) {
    PA_CLEANUP(pa_closep) int both = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (both < 0 || epoll_ctl(both, EPOLL_CTL_ADD, run->cancel_event, &event) < 0 ||
        epoll_ctl(both, EPOLL_CTL_ADD, cancel_fd, &event) < 0)
        return -1;
    run->wait_fd = pa_steal_fd(&both);
    return 0;
}

static void make_id(char id[PA_RUN_ID_TEXT]) {
    uint64_t random[2];
    ssize_t got = getrandom(random, sizeof(random), 0);
    PA_ASSERT(got == (ssize_t)sizeof(random)); /* whole, for up to 256 bytes: getrandom(2) */
    snprintf(id, PA_RUN_ID_TEXT, "r-%016llx%016llx", (unsigned long long)random[0],
             (unsigned long long)random[1]);
}

int pa_runs_begin(struct pa_runs *runs, const char *caller, const char *tool, int cancel_fd,
                  struct pa_run **ret, struct pa_error *err) {
    struct pa_run *run = pa_xcalloc(1, sizeof(*run));
    run->cancel_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    run->wait_fd = run->cancel_event;
    if (run->cancel_event < 0 || (cancel_fd >= 0 && watch_both(run, cancel_fd) < 0)) {
        pa_fail_errno(err, errno, "beginning a run");
        free_run(run);
        return -1;
    }
    make_id(run->id);
    run->caller = pa_xstrdup(caller);
    run->tool = pa_xstrdup(tool);
    run->began_ns = pa_clock_realtime_ns();
    pthread_mutex_lock(&runs->lock);
    expire(runs);
    struct pa_run **bucket = bucket_of(runs, run->id);
    run->next_in_bucket = *bucket;
    *bucket = run;
    append(&runs->alive, run);
    pthread_mutex_unlock(&runs->lock);
    *ret = run;
    return 0;
}

const char *pa_run_id(const struct pa_run *run) {
    return run->id;
}

int pa_run_cancel_fd(const struct pa_run *run) {
    return run->wait_fd;
}

void pa_run_started(struct pa_runs *runs, struct pa_run *run) {
    pthread_mutex_lock(&runs->lock);
    run->running = true;
    pthread_mutex_unlock(&runs->lock);
}

void pa_runs_end(struct pa_runs *runs, struct pa_run *run, const json_t *outcome,
                 const struct pa_error *error) {
    char *text = outcome && runs->config.kept
                     ? json_dumps(outcome, JSON_COMPACT | JSON_REAL_PRECISION(15))
                     : NULL;
    pthread_mutex_lock(&runs->lock);
    if (run->wait_fd != run->cancel_event)
        close(run->wait_fd);
    pa_closep(&run->cancel_event);
    run->cancel_event = run->wait_fd = -1;
    take_out(&runs->alive, run);
    run->done = true;
    run->ended_ns = pa_clock_monotonic_ns();
    run->outcome = text;
    if (error)
        run->error = *error;
    run->bytes = sizeof(*run) + (text ? strlen(text) : 0);
    append(&runs->ended, run);
    runs->ended_bytes += run->bytes;
    expire(runs);
    pthread_cond_broadcast(&runs->fewer);
    pthread_mutex_unlock(&runs->lock);
}

/* --- asking about them ------------------------------------------------------------------------ */

static json_t *describe(const struct pa_run *run) {
    char time[PA_CLOCK_TEXT];
    json_t *json = json_object();
    json_object_set_new(json, "run_id", json_string(run->id));
    json_object_set_new(json, "state",
                        json_string(run->done      ? "done"
                                    : run->running ? "running"
                                                   : "queued"));
    json_object_set_new(json, "tool", json_string(run->tool));
    json_object_set_new(json, "started_at", json_string(pa_clock_text(run->began_ns, time)));
    if (run->outcome) {
        json_object_set_new(json, "outcome", json_loads(run->outcome, 0, NULL));
    } else if (run->done) {
        json_t *error = json_object();
        json_object_set_new(error, "code", json_string(pa_error_code_name(run->error.code)));
        json_object_set_new(error, "message", json_string(run->error.message));
        json_object_set_new(json, "error", error);
    }
    return json;
}

static int not_found(struct pa_error *err, const char *id) {
    return pa_fail(err, PA_ERR_NOT_FOUND,
                   "there is no run %.40s; an ended one is kept for a while (server.runs_kept_ms)",
                   id);
}

int pa_runs_describe(struct pa_runs *runs, const char *caller, const char *id, json_t **ret,
                     struct pa_error *err) {
    pthread_mutex_lock(&runs->lock);
    expire(runs);
    const struct pa_run *run = find(runs, caller, id);
    json_t *json = run ? describe(run) : NULL;
    pthread_mutex_unlock(&runs->lock);
    if (!json)
        return not_found(err, id);
    *ret = json;
    return 0;
}

int pa_runs_cancel(struct pa_runs *runs, const char *caller, const char *id, struct pa_error *err) {
    pthread_mutex_lock(&runs->lock);
    const struct pa_run *run = find(runs, caller, id);
    if (run && !run->done)
        eventfd_write(run->cancel_event, 1);
    pthread_mutex_unlock(&runs->lock);
    return run ? 0 : not_found(err, id);
}

void pa_runs_cancel_all(struct pa_runs *runs) {
    pthread_mutex_lock(&runs->lock);
    for (const struct pa_run *run = runs->alive.first; run; run = run->next)
        eventfd_write(run->cancel_event, 1);
    pthread_mutex_unlock(&runs->lock);
}

size_t pa_runs_alive(struct pa_runs *runs) {
    pthread_mutex_lock(&runs->lock);
    size_t count = runs->alive.count;
    pthread_mutex_unlock(&runs->lock);
    return count;
}

int pa_runs_wait(struct pa_runs *runs, uint64_t deadline_ns) {
    struct timespec until = {(time_t)(deadline_ns / PA_NS_PER_S),
                             (long)(deadline_ns % PA_NS_PER_S)};
    int timed_out = 0;
    pthread_mutex_lock(&runs->lock);
    while (runs->alive.count && !timed_out)
        timed_out = deadline_ns == UINT64_MAX
                        ? pthread_cond_wait(&runs->fewer, &runs->lock)
                        : pthread_cond_timedwait(&runs->fewer, &runs->lock, &until);
    size_t left = runs->alive.count;
    pthread_mutex_unlock(&runs->lock);
    return left ? -1 : 0;
}
