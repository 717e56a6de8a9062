/*
 * A call's way: may the caller, are its parameters good, is there a place, the run, the account.
 *
 *     check ──► prepare ──► begin ──► session ──► queue ──► run ──► account
 *       │          │          │          │          │        │
 *       └──────────┴──────────┴──────────┴──────────┴────────┴────► an error is accounted for, too
 *
 * The account is written whatever happened: metrics, a log line, a record of the audit log, a span.
 * A call is counted once: as a run when it has an outcome, else as refused, by its error's code.
 */
#include "server/service_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include <inttypes.h>

#define DRAINING_RETRY_MS 1000

/* A call and what is known of it so far. */
struct course {
    struct pa_service *service;
    const struct pa_service_call *call;
    struct pa_service_reply *reply;
    struct pa_trace trace;
    uint64_t began_ns, began_realtime_ns;
    struct pa_prepared *prepared;
    struct pa_run *run;
    struct pa_host_run *host;  /* of its guest's calls; NULL: it makes none */
    pthread_mutex_t telling;   /* one event at a time: calls come from other threads */
    struct pa_outcome outcome; /* initialised when `ended` */
    bool ended;                /* the run has an outcome */
    uint64_t queue_ns;
    uint64_t turn_ns, running_ns; /* when its turn came, and the guest's; 0: not yet */
};

/* --- what a run tells ------------------------------------------------------------------------- */

static void tell_phase(struct course *course, const char *phase) {
    const struct pa_tool_events *events = course->call->events;
    if (!events || !events->phase)
        return;
    pthread_mutex_lock(&course->telling);
    events->phase(events->context, phase);
    pthread_mutex_unlock(&course->telling);
}

static void on_phase(void *context, const char *phase) {
    struct course *course = context;
    if (pa_streq(phase, "running"))
        course->running_ns = pa_clock_monotonic_ns();
    tell_phase(course, phase);
}

static bool on_output(void *context, enum pa_output output, const void *bytes, size_t size) {
    struct course *course = context;
    const struct pa_tool_events *events = course->call->events;
    pthread_mutex_lock(&course->telling);
    bool heard = events->output(events->context, output, bytes, size);
    pthread_mutex_unlock(&course->telling);
    return heard;
}

static bool on_result(void *context, const char *json, size_t size) {
    const struct pa_tool_events *events = ((struct course *)context)->call->events;
    return events->result(events->context, json, size); /* no call comes any more */
}

static void on_queued(void *context) {
    tell_phase(context, "queued");
}

static void on_call(void *context, struct pa_call *call) {
    pa_host_calls_take(((struct course *)context)->host, call);
}

static void tell_call(void *context, uint64_t call_id, const char *name, const json_t *arguments) {
    struct course *course = context;
    pthread_mutex_lock(&course->telling);
    course->call->call(course->call->context, call_id, name, arguments);
    pthread_mutex_unlock(&course->telling);
}

/* --- steps ------------------------------------------------------------------------------------ */

static int check(struct course *course, struct pa_error *err) {
    const struct pa_service_call *call = course->call;
    if (atomic_load(&course->service->draining)) {
        course->reply->retry_after_ms = DRAINING_RETRY_MS;
        return pa_fail(err, PA_ERR_UNAVAILABLE, "the server is about to end: ask another one");
    }
    if (!pa_caller_may(call->caller, "tools"))
        return pa_fail(err, PA_ERR_PERMISSION_DENIED, "the key of %s has no scope 'tools'",
                       pa_caller_name(call->caller));
    if (pa_toolbox_find(course->service->config.toolbox, call->tool) &&
        !pa_caller_may_use(call->caller, call->tool))
        return pa_fail(err, PA_ERR_PERMISSION_DENIED, "the key of %s is not for the tool %.64s",
                       pa_caller_name(call->caller), call->tool);
    uint64_t wait_ms = pa_caller_spend(call->caller, course->began_ns);
    if (wait_ms) {
        course->reply->retry_after_ms = wait_ms;
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "%s may make %" PRIu64 " calls in a second (rate of its key, or "
                       "server.rate_per_caller): come again in %" PRIu64 " ms",
                       pa_caller_name(call->caller), pa_caller_rate(call->caller), wait_ms);
    }
    return 0;
}

/* Whether the call is a session's, whose scope the caller then needs. */
static bool in_session(const struct pa_service_call *call) {
    const json_t *id = json_object_get(call->parameters, "session_id");
    return (id && !json_is_null(id)) || json_object_get(call->parameters, "new_session");
}

/* Tools of the caller's want somebody who can ask him. */
static int check_tools(struct course *course, struct pa_error *err) {
    const struct pa_service_call *call = course->call;
    if (!pa_prepared_tools(course->prepared) || call->call)
        return 0;
    const char *why = call->no_calls ? call->no_calls : "nothing: this door cannot ask its client";
    course->reply->faults =
        json_pack("[{s:s, s:s, s:s}]", "path", "/tools", "got", "a list", "allowed", why);
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "/tools: got a list, allowed is %s", why);
}

static int prepare(struct course *course, struct pa_error *err) {
    const struct pa_service_call *call = course->call;
    if (in_session(call) && !pa_caller_may(call->caller, "sessions"))
        return pa_fail(err, PA_ERR_PERMISSION_DENIED, "the key of %s has no scope 'sessions'",
                       pa_caller_name(call->caller));
    if (pa_toolbox_prepare(course->service->config.toolbox, call->tool, call->parameters,
                           pa_caller_ceilings(call->caller), &course->prepared,
                           &course->reply->faults, err) < 0)
        return -1;
    if (!pa_caller_may_language(call->caller, course->prepared->language))
        return pa_fail(err, PA_ERR_PERMISSION_DENIED, "the key of %s is not for %s",
                       pa_caller_name(call->caller), course->prepared->language);
    if (pa_prepared_volumes(course->prepared) && pa_service_check_volumes(call->caller, err) < 0)
        return -1;
    return check_tools(course, err);
}

static int begin(struct course *course, struct pa_error *err) {
    const struct pa_service_call *call = course->call;
    if (pa_runs_begin(course->service->runs, pa_caller_name(call->caller),
                      course->prepared->tool->name, call->cancel_fd, &course->run, err) < 0)
        return -1;
    snprintf(course->reply->run_id, sizeof(course->reply->run_id), "%s", pa_run_id(course->run));
    if (call->began)
        call->began(call->context, course->reply->run_id);
    return 0;
}

/* Marks which of its files can be fetched. */
static void keep_files(struct course *course) {
    struct pa_kept *kept = course->service->kept;
    const char *caller = pa_caller_name(course->call->caller), *id = course->reply->run_id;
    size_t i;
    json_t *file;
    pa_kept_add(kept, caller, id, course->outcome.files, course->outcome.file_count);
    json_array_foreach(json_object_get(course->reply->outcome, "files"), i, file) {
        const char *path = json_string_value(json_object_get(file, "path"));
        json_object_set_new(file, "kept", json_boolean(pa_kept_has(kept, caller, id, path)));
    }
}

static int run_prepared(struct course *course, struct pa_error *err) {
    const struct pa_service_call *call = course->call;
    const bool output = call->events && call->events->output;
    const bool result = call->events && call->events->result;
    struct pa_tool_events events = {.output = output ? on_output : NULL,
                                    .result = result ? on_result : NULL,
                                    .phase = on_phase,
                                    .context = course};
    struct pa_tool_how how = {.owner = pa_caller_name(call->caller),
                              .deadline_ns = call->deadline_ns,
                              .cancel_fd = pa_run_cancel_fd(course->run),
                              .events = &events,
                              .call = on_call,
                              .context = course,
                              .no_kv = !pa_caller_may_volumes(call->caller)};
    const struct pa_host_calls_how asking = {.run_id = course->reply->run_id,
                                             .caller = how.owner,
                                             .tools = pa_prepared_tools(course->prepared),
                                             .tell = tell_call,
                                             .context = course};
    if (asking.tools)
        course->host = pa_host_calls_begin(course->service->host_calls, &asking);
    pa_outcome_init(&course->outcome);
    int done = pa_prepared_run(course->prepared, &how, &course->outcome, err);
    pa_host_calls_end(course->host);
    if (done < 0) {
        pa_outcome_done(&course->outcome);
        return -1;
    }
    course->ended = true;
    course->outcome.usage.queue_ns += course->queue_ns;
    course->reply->outcome = pa_prepared_outcome(course->prepared, &course->outcome);
    json_object_set_new(course->reply->outcome, "run_id", json_string(course->reply->run_id));
    if (pa_prepared_keeps_files(course->prepared))
        keep_files(course);
    return 0;
}

/* Of a call in a session: its turn there, for which it waits like any other, but without a place:
 * many turns of one session are one run after the other.  *ret is NULL for other calls. */
static int enter_session(struct course *course, struct pa_scheduler_ticket *ticket,
                         struct pa_session **ret, struct pa_error *err) {
    struct pa_scheduler *scheduler = course->service->scheduler;
    struct pa_session_asker asker = {ticket->caller, 0, ticket->cancel_fd};
    struct pa_error busy;
    if (pa_prepared_hold(course->prepared, &asker, ret, &busy) == 0)
        return 0;
    if (busy.code != PA_ERR_DEADLINE_EXCEEDED) {
        *err = busy;
        return -1;
    }
    if (pa_scheduler_wait(scheduler, ticket, &course->reply->retry_after_ms, err) < 0)
        return -1;
    asker.deadline_ns = ticket->deadline_ns;
    if (pa_prepared_hold(course->prepared, &asker, ret, err) == 0)
        return 0;
    pa_scheduler_give_up(scheduler, ticket);
    return -1;
}

/* The queue; a session that it holds meanwhile may come to its end. */
static int enter_queue(struct course *course, struct pa_scheduler_ticket *ticket,
                       struct pa_session *held, struct pa_error *err) {
    PA_CLEANUP(pa_closep) int either = -1;
    if (held && (either = pa_sessions_held_fd(held, ticket->cancel_fd, err)) < 0) {
        pa_scheduler_give_up(course->service->scheduler, ticket);
        return -1;
    }
    if (held) {
        ticket->cancel_fd = either;
        ticket->memory_bytes = pa_sessions_held_reserve(held);
    }
    if (pa_scheduler_enter(course->service->scheduler, ticket, &course->reply->retry_after_ms,
                           err) == 0)
        return 0;
    if (held)
        pa_sessions_held_check(held, err);
    return -1;
}

static int take_turn(struct course *course, struct pa_error *err) {
    struct pa_service *service = course->service;
    struct pa_scheduler_ticket ticket = {
        .caller = pa_caller_name(course->call->caller),
        .caller_running_most = pa_caller_running_most(course->call->caller),
        .caller_queued_most = atomic_load(&service->queued_most_per_caller),
        .memory_bytes = course->prepared->memory_bytes,
        .deadline_ns = course->call->deadline_ns,
        .cancel_fd = pa_run_cancel_fd(course->run),
        .queued = on_queued,
        .context = course};
    const uint64_t asked_ns = pa_clock_monotonic_ns();
    struct pa_session *held = NULL;
    int done = enter_session(course, &ticket, &held, err);
    if (done == 0)
        done = enter_queue(course, &ticket, held, err);
    course->turn_ns = pa_clock_monotonic_ns();
    course->queue_ns = course->turn_ns - asked_ns;
    if (done < 0)
        return -1;
    pa_run_started(service->runs, course->run);
    done = run_prepared(course, err);
    pa_scheduler_leave(service->scheduler, &ticket);
    return done;
}

static int go(struct course *course, struct pa_error *err) {
    if (check(course, err) < 0 || prepare(course, err) < 0 || begin(course, err) < 0)
        return -1;
    return take_turn(course, err);
}

/* --- the account ------------------------------------------------------------------------------ */

static const char *language_of(const struct course *course) {
    return course->prepared ? course->prepared->language : NULL;
}

/* An unknown tool's name is the caller's text: it does not go into labels. */
static const char *tool_of(const struct course *course) {
    const struct pa_tool *tool =
        pa_toolbox_find(course->service->config.toolbox, course->call->tool);
    return tool ? tool->name : "unknown";
}

static const char *status_of(const struct course *course, const struct pa_error *err) {
    return course->ended ? pa_status_name(course->outcome.status) : pa_error_code_name(err->code);
}

static void count(const struct course *course, const struct pa_error *err, uint64_t duration_ns) {
    if (!course->ended) {
        pa_metrics_refused(course->service->metrics, course->call->door, err->code);
        return;
    }
    const struct pa_usage *usage = &course->outcome.usage;
    const uint64_t start_ns = course->running_ns ? course->running_ns - course->turn_ns : 0;
    pa_metrics_run(course->service->metrics,
                   &(struct pa_run_facts){
                       .tool = tool_of(course),
                       .language = language_of(course),
                       .status = pa_status_name(course->outcome.status),
                       .door = course->call->door,
                       .duration_ns = duration_ns,
                       .queue_ns = course->queue_ns,
                       .start_ns = start_ns > usage->compile_ns ? start_ns - usage->compile_ns : 0,
                       .compile_ns = usage->compile_ns,
                       .cpu_ns = usage->cpu_ns,
                       .memory_peak_bytes = usage->memory_peak_bytes,
                       .layers_missing = *course->outcome.jail_missing});
}

static void log_end(const struct course *course, const struct pa_error *err, uint64_t duration_ns) {
    const char *caller = pa_caller_name(course->call->caller);
    const bool host = !course->ended && err->code == PA_ERR_INTERNAL;
    const double ms = (double)duration_ns / PA_NS_PER_MS;
    pa_log_run(host ? PA_LOG_ERROR : PA_LOG_INFO, "server",
               course->run ? course->reply->run_id : NULL, "%s for %s over %s: %s in %.1f ms%s%s",
               tool_of(course), caller, course->call->door, status_of(course, err), ms,
               course->ended ? "" : ": ", course->ended ? "" : err->message);
}

static void audit(const struct course *course, const struct pa_error *err, uint64_t duration_ns) {
    const struct pa_prepared *prepared = course->prepared;
    if (!course->service->config.audit)
        return;
    struct pa_audit_record record = {.run_id = course->reply->run_id,
                                     .caller = pa_caller_name(course->call->caller),
                                     .door = course->call->door,
                                     .tool = tool_of(course),
                                     .language = language_of(course),
                                     .digest = prepared ? prepared->digest : NULL,
                                     .policy = prepared ? prepared->policy : NULL,
                                     .parameters = course->call->parameters,
                                     .outcome = course->reply->outcome,
                                     .error = course->ended ? NULL : err,
                                     .duration_ns = duration_ns};
    pa_audit_write(course->service->config.audit, &record);
}

static void export_span(const struct course *course, const struct pa_error *err,
                        uint64_t duration_ns) {
    if (!course->service->config.tracer)
        return;
    const struct pa_span_attribute attributes[] = {
        {"polyagent.run_id", *course->reply->run_id ? course->reply->run_id : NULL},
        {"polyagent.tool", tool_of(course)},
        {"polyagent.language", language_of(course)},
        {"polyagent.status", status_of(course, err)},
        {"polyagent.door", course->call->door},
        {"enduser.id", pa_caller_name(course->call->caller)}};
    struct pa_trace_span span = {.trace = &course->trace,
                                 .name = tool_of(course),
                                 .start_ns = course->began_realtime_ns,
                                 .end_ns = course->began_realtime_ns + duration_ns,
                                 .trouble = course->ended ? NULL : err->message,
                                 .attributes = attributes,
                                 .attribute_count = PA_ARRAY_LEN(attributes)};
    pa_tracer_export(course->service->config.tracer, &span);
}

static void account(struct course *course, const struct pa_error *err) {
    uint64_t duration_ns = pa_clock_monotonic_ns() - course->began_ns;
    count(course, err, duration_ns);
    log_end(course, err, duration_ns);
    audit(course, err, duration_ns);
    export_span(course, err, duration_ns);
    if (course->run)
        pa_runs_end(course->service->runs, course->run, course->reply->outcome,
                    course->ended ? NULL : err);
}

int pa_service_call(struct pa_service *service, const struct pa_service_call *call,
                    struct pa_service_reply *reply, struct pa_error *err) {
    struct course course = {.service = service,
                            .call = call,
                            .reply = reply,
                            .began_ns = pa_clock_monotonic_ns(),
                            .began_realtime_ns = pa_clock_realtime_ns(),
                            .telling = PTHREAD_MUTEX_INITIALIZER};
    struct pa_error trouble = {0};
    *reply = (struct pa_service_reply){0};
    pa_trace_begin(&course.trace, call->traceparent);
    pa_trace_format(&course.trace, reply->traceparent);
    int done = go(&course, &trouble);
    account(&course, &trouble);
    pthread_mutex_destroy(&course.telling);
    if (course.ended)
        pa_outcome_done(&course.outcome);
    pa_prepared_free(course.prepared);
    if (done < 0 && err)
        *err = trouble;
    return done;
}

void pa_service_reply_done(struct pa_service_reply *reply) {
    json_decref(reply->outcome);
    json_decref(reply->faults);
    *reply = (struct pa_service_reply){0};
}
