/*
 * One lock over all runs and their open calls.  A call is in its run's list until somebody takes it
 * out, and whoever did that finishes it, without the lock: so it is finished once.
 *
 * One thread sleeps until the earliest deadline.  An approval has a thread of its own for as long
 * as it takes, since the run's thread has a clock to watch; a run waits for those that are telling
 * when it ends, so `tell` is never called late.
 */
#include "server/host_calls.h"

#include "base/buf.h"
#include "base/clock.h"
#include "run/supervise.h"
#include "server/post.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define ANSWER_MOST 65536 /* bytes of an approval */

struct open_call {
    struct pa_call *call;
    uint64_t number, timeout_ms, deadline_ns; /* monotonic; PA_NEVER */
    bool told;                                /* only then may it be answered */
    struct open_call *next;
};

struct pa_host_run {
    struct pa_host_calls *calls;
    char *id, *caller;
    json_t *tools;
    void (*tell)(void *context, uint64_t call_id, const char *name, const json_t *arguments);
    void *context;
    atomic_bool ended;

    /* under the lock */
    unsigned refs, telling;
    struct open_call *open;
    struct pa_host_run *next;
};

struct pa_host_calls {
    char *approval_url; /* NULL: every call passes */
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    struct pa_host_run *runs;
    unsigned approvals; /* threads */
    bool stopping;
};

/* --- runs and their open calls, under the lock ------------------------------------------------ */

static void unref(struct pa_host_run *run) {
    if (--run->refs)
        return;
    json_decref(run->tools);
    free(run->id);
    free(run->caller);
    free(run);
}

static struct open_call **find_open(struct pa_host_run *run, uint64_t number) {
    struct open_call **link = &run->open;
    while (*link && (*link)->number != number)
        link = &(*link)->next;
    return link;
}

/* The call, which is then the taker's; NULL: it is not open any more. */
static struct pa_call *take_out(struct open_call **link) {
    struct open_call *open = *link;
    if (!open)
        return NULL;
    struct pa_call *call = open->call;
    *link = open->next;
    free(open);
    return call;
}

/* --- timeouts --------------------------------------------------------------------------------- */

/* One that is past its deadline, or the earliest deadline there is. */
static struct open_call **find_late(struct pa_host_calls *calls, uint64_t now, uint64_t *ret_next) {
    *ret_next = PA_NEVER;
    for (struct pa_host_run *run = calls->runs; run; run = run->next)
        for (struct open_call **link = &run->open; *link; link = &(*link)->next) {
            if ((*link)->deadline_ns <= now)
                return link;
            *ret_next = PA_MIN(*ret_next, (*link)->deadline_ns);
        }
    return NULL;
}

static void sleep_until(struct pa_host_calls *calls, uint64_t when) {
    const struct timespec until = {(time_t)(when / PA_NS_PER_S), (long)(when % PA_NS_PER_S)};
    if (when == PA_NEVER)
        pthread_cond_wait(&calls->changed, &calls->lock);
    else
        pthread_cond_clockwait(&calls->changed, &calls->lock, CLOCK_MONOTONIC, &until);
}

static void *watch(void *context) {
    struct pa_host_calls *calls = context;
    pthread_mutex_lock(&calls->lock);
    while (!calls->stopping) {
        uint64_t next;
        struct open_call **late = find_late(calls, pa_clock_monotonic_ns(), &next);
        if (!late) {
            sleep_until(calls, next);
            continue;
        }
        char why[96];
        snprintf(why, sizeof(why), "no answer came in %llu ms (timeout_ms of the tool)",
                 (unsigned long long)(*late)->timeout_ms);
        struct pa_call *call = take_out(late);
        pthread_mutex_unlock(&calls->lock);
        pa_call_refuse(call, why);
        pthread_mutex_lock(&calls->lock);
    }
    pthread_mutex_unlock(&calls->lock);
    return NULL;
}

/* --- approval --------------------------------------------------------------------------------- */

struct approval {
    struct pa_host_run *run; /* a reference */
    uint64_t number;
    char *name;
    json_t *arguments;
};

/* Nobody waits for the answer of a run that is over. */
static bool has_ended(void *context) {
    return atomic_load(&((struct pa_host_run *)context)->ended);
}

/* The status of the answer; 0: there is none. */
static long post(struct pa_host_run *run, const char *body, struct pa_buf *answer) {
    const struct pa_post post = {.url = run->calls->approval_url,
                                 .body = body,
                                 .timeout_ms = PA_APPROVAL_MS,
                                 .is_over = has_ended,
                                 .context = run};
    struct pa_poster *poster = pa_poster_new();
    struct pa_error unanswered;
    long status = 0;
    if (poster)
        pa_post(poster, &post, answer, &status, &unanswered);
    pa_poster_free(poster);
    return status;
}

/* True where it is allowed; else `why` says why not. */
static bool ask(struct approval *approval, char *why, size_t room) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(ANSWER_MOST);
    struct pa_host_run *run = approval->run;
    json_t *question = json_pack("{s:s, s:s, s:I, s:s, s:O}", "run_id", run->id, "caller",
                                 run->caller, "call_id", (json_int_t)approval->number, "name",
                                 approval->name, "arguments", approval->arguments);
    PA_CLEANUP(pa_freep) char *body = json_dumps(question, JSON_COMPACT);
    json_decref(question);
    long status = body ? post(run, body, &text) : 0;
    json_t *answer = json_loadb(pa_buf_text(&text), text.size, 0, NULL);
    const char *reason = json_string_value(json_object_get(answer, "reason"));
    bool allowed = status == 200 && json_is_true(json_object_get(answer, "allow"));
    snprintf(why, room, "the call was not approved%s%.200s", reason ? ": " : "",
             reason ? reason : "");
    json_decref(answer);
    return allowed;
}

/* Whether the client is to be told: the call is still open. */
static bool begin_telling(struct pa_host_run *run, uint64_t number) {
    pthread_mutex_lock(&run->calls->lock);
    struct open_call *open = *find_open(run, number);
    if (open) {
        open->told = true;
        run->telling++;
    }
    pthread_mutex_unlock(&run->calls->lock);
    return open;
}

static void *approve(void *context) {
    struct approval *approval = context;
    struct pa_host_run *run = approval->run;
    struct pa_host_calls *calls = run->calls;
    struct pa_call *denied = NULL;
    char why[300];
    bool allowed = ask(approval, why, sizeof(why));
    bool telling = allowed && begin_telling(run, approval->number);
    if (telling)
        run->tell(run->context, approval->number, approval->name, approval->arguments);
    pthread_mutex_lock(&calls->lock);
    run->telling -= telling;
    if (!allowed)
        denied = take_out(find_open(run, approval->number));
    calls->approvals--;
    unref(run);
    pthread_cond_broadcast(&calls->changed);
    pthread_mutex_unlock(&calls->lock);
    if (denied)
        pa_call_refuse(denied, why);
    json_decref(approval->arguments);
    free(approval->name);
    free(approval);
    return NULL;
}

static int start_approval(struct pa_host_run *run, uint64_t number, const char *name,
                          json_t *arguments) {
    pthread_t thread;
    struct approval *approval = pa_xcalloc(1, sizeof(*approval));
    *approval = (struct approval){.run = run,
                                  .number = number,
                                  .name = pa_xstrdup(name),
                                  .arguments = json_incref(arguments)};
    pthread_mutex_lock(&run->calls->lock);
    run->refs++;
    run->calls->approvals++;
    pthread_mutex_unlock(&run->calls->lock);
    int failed = pthread_create(&thread, NULL, approve, approval);
    if (!failed)
        return pthread_detach(thread);
    pthread_mutex_lock(&run->calls->lock);
    run->refs--;
    run->calls->approvals--;
    pthread_mutex_unlock(&run->calls->lock);
    json_decref(approval->arguments);
    free(approval->name);
    free(approval);
    return -1;
}

/* --- for runs --------------------------------------------------------------------------------- */

struct pa_host_run *pa_host_calls_begin(struct pa_host_calls *calls,
                                        const struct pa_host_calls_how *how) {
    struct pa_host_run *run = pa_xcalloc(1, sizeof(*run));
    *run = (struct pa_host_run){.calls = calls,
                                .id = pa_xstrdup(how->run_id),
                                .caller = pa_xstrdup(how->caller),
                                .tools = json_incref((json_t *)(uintptr_t)how->tools),
                                .tell = how->tell,
                                .context = how->context,
                                .refs = 1};
    pthread_mutex_lock(&calls->lock);
    run->next = calls->runs;
    calls->runs = run;
    pthread_mutex_unlock(&calls->lock);
    return run;
}

static uint64_t timeout_of(const struct pa_host_run *run, const char *name) {
    size_t i;
    json_t *tool;
    json_array_foreach(run->tools, i, tool) {
        if (pa_streq(json_string_value(json_object_get(tool, "name")), name))
            return (uint64_t)json_number_value(json_object_get(tool, "timeout_ms"));
    }
    return 0;
}

/* From here on the call may be answered, and be gone, at any time. */
static void add_open(struct pa_host_run *run, struct pa_call *call, bool told) {
    struct open_call *open = pa_xcalloc(1, sizeof(*open));
    const uint64_t timeout_ms = timeout_of(run, pa_call_name(call));
    *open = (struct open_call){
        .call = call,
        .number = pa_call_number(call),
        .timeout_ms = timeout_ms,
        .deadline_ns = timeout_ms ? pa_clock_monotonic_ns() + timeout_ms * PA_NS_PER_MS : PA_NEVER,
        .told = told};
    pthread_mutex_lock(&run->calls->lock);
    open->next = run->open;
    run->open = open;
    pthread_cond_broadcast(&run->calls->changed);
    pthread_mutex_unlock(&run->calls->lock);
}

void pa_host_calls_take(struct pa_host_run *run, struct pa_call *call) {
    const uint64_t number = pa_call_number(call);
    const bool approval = run->calls->approval_url;
    PA_CLEANUP(pa_freep) char *name = pa_xstrdup(pa_call_name(call));
    json_t *arguments = json_incref((json_t *)(uintptr_t)pa_call_arguments(call));
    add_open(run, call, !approval);
    if (!approval) {
        run->tell(run->context, number, name, arguments);
    } else if (start_approval(run, number, name, arguments) < 0) {
        pthread_mutex_lock(&run->calls->lock);
        struct pa_call *refused = take_out(find_open(run, number));
        pthread_mutex_unlock(&run->calls->lock);
        if (refused)
            pa_call_refuse(refused, "there is no thread for another approval");
    }
    json_decref(arguments);
}

void pa_host_calls_end(struct pa_host_run *run) {
    if (!run)
        return;
    struct pa_host_calls *calls = run->calls;
    atomic_store(&run->ended, true);
    pthread_mutex_lock(&calls->lock);
    struct pa_host_run **link = &calls->runs;
    while (*link != run)
        link = &(*link)->next;
    *link = run->next;
    while (run->open) {
        struct pa_call *call = take_out(&run->open);
        pthread_mutex_unlock(&calls->lock);
        pa_call_refuse(call, "the run is over");
        pthread_mutex_lock(&calls->lock);
    }
    while (run->telling)
        pthread_cond_wait(&calls->changed, &calls->lock);
    unref(run);
    pthread_mutex_unlock(&calls->lock);
}

int pa_host_calls_answer(struct pa_host_calls *calls, const struct pa_host_answer *answer,
                         struct pa_error *err) {
    struct pa_call *call = NULL;
    pthread_mutex_lock(&calls->lock);
    for (struct pa_host_run *run = calls->runs; run && !call; run = run->next) {
        if (!pa_streq(run->id, answer->run_id) || !pa_streq(run->caller, answer->caller))
            continue;
        struct open_call **link = find_open(run, answer->call_id);
        if (*link && (*link)->told)
            call = take_out(link);
    }
    pthread_mutex_unlock(&calls->lock);
    if (!call)
        return pa_fail(
            err, PA_ERR_NOT_FOUND,
            "the run %.40s has no open call %llu: it was answered, its time was over, or "
            "the run is",
            answer->run_id, (unsigned long long)answer->call_id);
    if (answer->error)
        pa_call_refuse(call, answer->error);
    else
        pa_call_answer(call, json_incref((json_t *)(uintptr_t)answer->result));
    return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

int pa_host_calls_new(const char *approval_url, struct pa_host_calls **ret, struct pa_error *err) {
    struct pa_host_calls *calls = pa_xcalloc(1, sizeof(*calls));
    calls->approval_url = approval_url ? pa_xstrdup(approval_url) : NULL;
    pthread_mutex_init(&calls->lock, NULL);
    pthread_cond_init(&calls->changed, NULL);
    int failed = pthread_create(&calls->thread, NULL, watch, calls);
    if (failed) {
        free(calls->approval_url);
        free(calls);
        return pa_fail_errno(err, failed, "cannot start a thread for host calls");
    }
    *ret = calls;
    return 0;
}

struct pa_host_calls *pa_host_calls_free(struct pa_host_calls *calls) {
    if (!calls)
        return NULL;
    pthread_mutex_lock(&calls->lock);
    PA_ASSERT(!calls->runs);
    while (calls->approvals)
        pthread_cond_wait(&calls->changed, &calls->lock);
    calls->stopping = true;
    pthread_cond_broadcast(&calls->changed);
    pthread_mutex_unlock(&calls->lock);
    pthread_join(calls->thread, NULL);
    pthread_cond_destroy(&calls->changed);
    pthread_mutex_destroy(&calls->lock);
    free(calls->approval_url);
    free(calls);
    return NULL;
}
