/*
 * What a run tells while it runs.
 *
 * Where somebody listens to output, it goes through a sink that both passes it on and keeps it, so
 * that the outcome holds what was told, byte for byte.  A listener that is gone cancels the run
 * through an eventfd; an epoll descriptor makes one of that and the caller's own, for the run waits
 * for one.
 */
#include "tools/tools_internal.h"

#include "base/clock.h"
#include "run/results.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static ssize_t pass_on(void *context, enum pa_output output, const void *bytes, size_t size,
                       PA_UNUSED uint64_t deadline_ns) {
    struct pa_tool_watch *watch = context;
    const struct pa_tool_events *events = watch->events;
    pa_buf_append(&watch->kept[output], bytes, size);
    if (!events->output(events->context, output, bytes, size)) {
        const uint64_t one = 1;
        ssize_t written = write(watch->unheard, &one, sizeof(one)); /* full means: it was said */
        (void)written;
    }
    return (ssize_t)size;
}

static bool is_heard(const struct pa_tool_watch *watch) {
    return watch->events && watch->events->output;
}

static int watch_both(struct pa_tool_watch *watch, int cancel_fd, struct pa_error *err) {
    struct epoll_event readable = {.events = EPOLLIN};
    watch->unheard = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch->either = epoll_create1(EPOLL_CLOEXEC);
    if (watch->unheard < 0 || watch->either < 0 ||
        epoll_ctl(watch->either, EPOLL_CTL_ADD, watch->unheard, &readable) < 0 ||
        (cancel_fd >= 0 && epoll_ctl(watch->either, EPOLL_CTL_ADD, cancel_fd, &readable) < 0))
        return pa_fail_errno(err, errno, "cannot watch for the end of a call");
    watch->cancel_fd = watch->either;
    return 0;
}

int pa_tool_watch_init(struct pa_tool_watch *watch, const struct pa_tool_how *how,
                       struct pa_error *err) {
    *watch = (struct pa_tool_watch){
        .events = how->events, .unheard = -1, .either = -1, .cancel_fd = how->cancel_fd};
    for (int i = 0; i < 2; i++)
        watch->kept[i] = PA_BUF_INIT(SIZE_MAX / 2);
    watch->sink = (struct pa_sink){pass_on, watch};
    if (!is_heard(watch) || watch_both(watch, how->cancel_fd, err) == 0)
        return 0;
    pa_tool_watch_done(watch);
    return -1;
}

const struct pa_sink *pa_tool_watch_sink(const struct pa_tool_watch *watch) {
    return is_heard(watch) ? &watch->sink : NULL;
}

void pa_tool_watch_phase(const struct pa_tool_watch *watch, const char *phase) {
    if (watch->events && watch->events->phase)
        watch->events->phase(watch->events->context, phase);
}

/* The results and errors that a language handed over, a line each. */
static void tell_results(const struct pa_tool_events *events, const struct pa_outcome *outcome) {
    struct pa_result_lines lines = pa_result_lines(&outcome->results);
    json_t *message;
    bool heard = true;
    while (heard && pa_result_lines_next(&lines, &message)) {
        const char *type = json_string_value(json_object_get(message, "type"));
        PA_CLEANUP(pa_freep)
        char *line = type && (pa_streq(type, "result") || pa_streq(type, "error"))
                         ? json_dumps(message, JSON_COMPACT)
                         : NULL;
        if (line)
            heard = events->result(events->context, line, strlen(line));
        json_decref(message);
    }
}

void pa_tool_watch_finish(struct pa_tool_watch *watch, struct pa_outcome *outcome) {
    for (int i = 0; is_heard(watch) && i < 2; i++) {
        pa_buf_done(&outcome->output[i].kept);
        outcome->output[i].kept = watch->kept[i];
        watch->kept[i] = PA_BUF_INIT(0);
    }
    if (watch->events && watch->events->result)
        tell_results(watch->events, outcome);
}

void pa_tool_watch_done(struct pa_tool_watch *watch) {
    for (int i = 0; i < 2; i++)
        pa_buf_done(&watch->kept[i]);
    pa_closep(&watch->either);
    pa_closep(&watch->unheard);
}

int pa_tool_time_left(const struct pa_tool_how *how, struct pa_limits *limits,
                      struct pa_error *err) {
    if (how->deadline_ns == PA_NEVER)
        return 0;
    const uint64_t now = pa_clock_monotonic_ns();
    if (now >= how->deadline_ns)
        return pa_fail(err, PA_ERR_DEADLINE_EXCEEDED, "the deadline had passed before it began");
    limits->timeout_ms =
        PA_MIN(limits->timeout_ms, PA_MAX((how->deadline_ns - now) / PA_NS_PER_MS, UINT64_C(1)));
    return 0;
}

int pa_tool_compile(struct pa_prepared_call *call, const struct pa_tool_watch *watch,
                    const struct pa_module_source *module, const struct pa_policy *policy,
                    struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_executor *executor = call->toolbox->config.executor;
    const bool told = watch->events && watch->events->phase;
    if ((!told && !module->bytes) || pa_is_compiled(executor, module, policy))
        return 0;
    pa_tool_watch_phase(watch, "compiling");
    PA_CLEANUP(pa_closep) int artifact = -1;
    if (pa_compile(executor, module, policy, watch->cancel_fd, &artifact, outcome, err) < 0)
        return -1;
    return artifact < 0;
}
