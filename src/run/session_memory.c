/*
 * What sessions hold of the machine's memory while they wait, as the kernel counts it, never as a
 * guest tells it.
 *
 * A session's process is a fork: nearly all that it has is shared, with its warm root or with the
 * session that it was forked from, until it writes.  The kernel tells nobody but a debugger which
 * pages are shared, and a server that has confined itself is none.  But everybody may read how many
 * anonymous pages a process has, and how often it faulted:
 *
 *     own = growth since it was forked + 4 KiB for each fault + what was its parent's own
 *
 * Each page that it copies is a fault, and each small page that is new; what comes as a huge page
 * is one fault for 2 MiB, and growth.  What was the parent's own at the fork is shared while that
 * lives, and the fork's alone afterwards.  So this is never less than what is gone with the
 * process, and never more than all its pages.
 */
#include "run/sessions_internal.h"

#include "base/io.h"
#include "base/units.h"
#include <unistd.h>

#define STAT_MOST 2048 /* bytes of a file of /proc */

struct pages {
    uint64_t anonymous_bytes, fault_bytes;
};

static bool read_of(pid_t pid, const char *name, struct pa_buf *ret) {
    char path[40];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    return pa_read_file(path, ret, NULL) == 0;
}

/* See proc(5); false where the process is not to be seen. */
static bool look(pid_t pid, struct pages *ret) {
    PA_CLEANUP(pa_buf_done) struct pa_buf stat = PA_BUF_INIT(STAT_MOST);
    PA_CLEANUP(pa_buf_done) struct pa_buf statm = PA_BUF_INIT(STAT_MOST);
    unsigned long faults, resident, of_files;
    if (!read_of(pid, "stat", &stat) || !read_of(pid, "statm", &statm))
        return false;
    const char *fields = strrchr(pa_buf_text(&stat), ')'); /* behind the name */
    if (!fields || sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %lu", &faults) != 1 ||
        sscanf(pa_buf_text(&statm), "%*u %lu %lu", &resident, &of_files) != 2)
        return false;
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    *ret = (struct pages){(resident - PA_MIN(resident, of_files)) * page, faults * page};
    return true;
}

void pa_session_memory_begin(struct pa_session_point *point, const struct pa_session_point *from) {
    struct pages pages = {0};
    point->inherited_bytes = from ? from->held_bytes - PA_SESSION_LEAST_BYTES : 0;
    point->seen = look(point->worker.pid, &pages);
    point->born_bytes = pages.anonymous_bytes;
    point->held_bytes = PA_SESSION_LEAST_BYTES + point->inherited_bytes;
}

/* Of one that cannot be seen: all that it may have. */
static uint64_t own_bytes(const struct pa_session_point *point, uint64_t limit_bytes) {
    struct pages pages;
    if (!point->seen || !look(point->worker.pid, &pages))
        return limit_bytes;
    uint64_t grown = pages.anonymous_bytes - PA_MIN(pages.anonymous_bytes, point->born_bytes);
    return PA_MIN(pages.anonymous_bytes, point->inherited_bytes + grown + pages.fault_bytes);
}

void pa_session_memory_look(struct pa_session *session) {
    struct pa_session_point *point = &session->point;
    if (!point->worker.reap)
        return;
    const uint64_t before = point->held_bytes;
    point->held_bytes =
        PA_SESSION_LEAST_BYTES + own_bytes(point, session->model->policy.limits.memory_bytes);
    pthread_mutex_lock(&session->sessions->lock);
    pa_session_memory_change(session->sessions, before, point->held_bytes);
    pthread_mutex_unlock(&session->sessions->lock);
}

void pa_session_memory_change(struct pa_sessions *sessions, uint64_t before, uint64_t after) {
    uint64_t *held = &sessions->stats.memory_bytes;
    PA_ASSERT(*held >= before);
    *held = *held - before + after;
    if (sessions->told)
        sessions->told(sessions->told_context, *held);
}

void pa_sessions_on_memory(struct pa_sessions *sessions,
                           void (*told)(void *context, uint64_t held_bytes), void *context) {
    pthread_mutex_lock(&sessions->lock);
    sessions->told = told;
    sessions->told_context = context;
    if (told)
        told(context, sessions->stats.memory_bytes);
    pthread_mutex_unlock(&sessions->lock);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static uint64_t held_by(const struct pa_sessions *sessions, const char *owner) {
    uint64_t held = 0;
    for (const struct pa_session *s = sessions->list; s; s = s->next) {
        if (s->ended || !s->owner || !pa_streq(s->owner, owner))
            continue;
        held += s->point.held_bytes;
        for (size_t i = 0; i < s->checkpoint_count; i++)
            held += s->checkpoints[i]->point.held_bytes;
    }
    return held;
}

static int refuse(const char *whose, uint64_t held, uint64_t most, struct pa_error *err) {
    char has[32], may[32];
    return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                   "%s sessions hold %s of memory, and may hold %s (server.sessions_memory_bytes): "
                   "end some",
                   whose, pa_format_bytes(held, has, sizeof(has)),
                   pa_format_bytes(most, may, sizeof(may)));
}

int pa_session_memory_check(const struct pa_sessions *sessions, const char *owner, uint64_t more,
                            struct pa_error *err) {
    const uint64_t held = sessions->stats.memory_bytes, most = sessions->config.memory_most;
    if (!most)
        return 0;
    if (more && held + more > most)
        return refuse("all", held, most, err);
    if (!owner || held + more <= most / 2)
        return 0;
    const uint64_t his = held_by(sessions, owner);
    return his + more > most / 2 ? refuse("your", his, most / 2, err) : 0;
}

uint64_t pa_sessions_held_reserve(const struct pa_session *held) {
    const uint64_t limit = held->model->policy.limits.memory_bytes;
    return limit - PA_MIN(limit, held->point.held_bytes - PA_SESSION_LEAST_BYTES);
}
