/*
 * Those who rest stand on a stack, each on a condition of its own, so that one wake-up wakes one
 * thread.  A thread that leaves by itself takes itself off the stack under the lock; when it was
 * given a job in that moment it finds the job.
 */
#include "server/grpc/crew.h"

#include "base/clock.h"
#include <pthread.h>
#include <stdbool.h>

#define STACK_BYTES (2 * 1024 * 1024) /* reserved; JSON of a guest may be nested 2,048 deep */
#define REST_NS     (10 * PA_NS_PER_S)

struct member {
    struct pa_crew *crew;
    struct member *next; /* of those who rest */
    pthread_cond_t woken;
    void (*job)(void *argument); /* NULL: none */
    void *argument;
};

struct pa_crew {
    pthread_mutex_t lock; /* over what follows, and the members' job and next */
    pthread_cond_t left;  /* a thread has */
    struct member *resting;
    unsigned most, members;
    bool closing;
    pthread_attr_t attributes;
    pthread_condattr_t clock;
};

struct pa_crew *pa_crew_new(unsigned most) {
    struct pa_crew *crew = pa_xcalloc(1, sizeof(*crew));
    crew->most = most;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->left, NULL);
    pthread_condattr_init(&crew->clock);
    pthread_condattr_setclock(&crew->clock, CLOCK_MONOTONIC);
    pthread_attr_init(&crew->attributes);
    pthread_attr_setstacksize(&crew->attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&crew->attributes, PTHREAD_CREATE_DETACHED);
    return crew;
}

static void take_off(struct pa_crew *crew, struct member *member) {
    struct member **at = &crew->resting;
    while (*at && *at != member)
        at = &(*at)->next;
    if (*at)
        *at = member->next;
}

/* Under the lock.  False: the member may leave. */
static bool rest(struct pa_crew *crew, struct member *me) {
    uint64_t until = pa_clock_monotonic_ns() + REST_NS;
    const struct timespec when = {(time_t)(until / PA_NS_PER_S), (long)(until % PA_NS_PER_S)};
    me->next = crew->resting;
    crew->resting = me;
    int timed_out = 0;
    while (!me->job && !crew->closing && !timed_out)
        timed_out = pthread_cond_timedwait(&me->woken, &crew->lock, &when);
    if (me->job)
        return true;
    take_off(crew, me);
    return false;
}

static void *work(void *argument) {
    struct member *me = argument;
    struct pa_crew *crew = me->crew;
    pthread_mutex_lock(&crew->lock);
    do {
        void (*job)(void *) = me->job;
        me->job = NULL;
        pthread_mutex_unlock(&crew->lock);
        job(me->argument);
        pthread_mutex_lock(&crew->lock);
    } while (rest(crew, me));
    crew->members--;
    pthread_cond_destroy(&me->woken);
    free(me);
    pthread_cond_signal(&crew->left);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Under the lock. */
static int add_member(struct pa_crew *crew, void (*job)(void *), void *argument) {
    if (crew->members == crew->most)
        return -1;
    struct member *member = pa_xcalloc(1, sizeof(*member));
    *member = (struct member){.crew = crew, .job = job, .argument = argument};
    pthread_cond_init(&member->woken, &crew->clock);
    pthread_t thread;
    if (pthread_create(&thread, &crew->attributes, work, member) != 0) {
        pthread_cond_destroy(&member->woken);
        free(member);
        return -1;
    }
    crew->members++;
    return 0;
}

int pa_crew_run(struct pa_crew *crew, void (*job)(void *argument), void *argument) {
    pthread_mutex_lock(&crew->lock);
    PA_ASSERT(!crew->closing);
    struct member *member = crew->resting;
    int done = 0;
    if (member) {
        crew->resting = member->next;
        member->job = job;
        member->argument = argument;
        pthread_cond_signal(&member->woken);
    } else {
        done = add_member(crew, job, argument);
    }
    pthread_mutex_unlock(&crew->lock);
    return done;
}

struct pa_crew *pa_crew_free(struct pa_crew *crew) {
    if (!crew)
        return NULL;
    pthread_mutex_lock(&crew->lock);
    crew->closing = true;
    for (struct member *member = crew->resting; member; member = member->next)
        pthread_cond_signal(&member->woken);
    while (crew->members)
        pthread_cond_wait(&crew->left, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
    pthread_attr_destroy(&crew->attributes);
    pthread_condattr_destroy(&crew->clock);
    pthread_cond_destroy(&crew->left);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
    return NULL;
}
