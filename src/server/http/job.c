/*
 * Who holds a job: its thread, and the connection's while it waits to hear whether the run began.
 * The thread needs nothing of the request, which may be gone before the run is: all it uses was
 * copied, the socket is watched through an epoll set of the job's own, and a socket that was closed
 * already (and has left the set) is told by the stream.
 *
 * Text goes out in characters: the end of a piece that cuts one waits for the next piece, for each
 * of the two outputs.
 */
#include "server/http/job.h"

#include "base/log.h"
#include "base/utf8.h"
#include <errno.h>
#include <unistd.h>

struct unfinished {
    char bytes[4];
    size_t size;
};

struct pa_http_job {
    atomic_uint references;
    struct pa_http *door;
    const struct pa_http_teller *teller; /* NULL: nobody is told */
    struct pa_http_stream *stream;       /* NULL with it */
    struct pa_caller *caller;
    char *tool, *traceparent;
    json_t *parameters, *memory;
    uint64_t deadline_ns, count;
    int cancel_fd; /* an epoll set */
    struct unfinished unfinished[2];
    bool deaf;  /* nobody listens any more */
    bool begun; /* the run has been told of */
    char run_id[PA_RUN_ID_TEXT];

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool announced, ended;
    struct pa_service_reply reply; /* of a call that was refused */
    struct pa_error err;
};

static struct pa_http_job *unref(struct pa_http_job *job) {
    if (atomic_fetch_sub(&job->references, 1) > 1)
        return NULL;
    pa_http_stream_unref(job->stream);
    pa_caller_unref(job->caller);
    json_decref(job->parameters);
    json_decref(job->memory);
    pa_service_reply_done(&job->reply);
    free(job->tool);
    free(job->traceparent);
    pa_closep(&job->cancel_fd);
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->lock);
    free(job);
    return NULL;
}

void pa_http_job_write(struct pa_http_job *job, const void *bytes, size_t size) {
    if (!job->deaf && !pa_http_stream_push(job->stream, bytes, size))
        job->deaf = true;
}

const struct pa_http_teller *pa_http_job_teller(const struct pa_http_job *job) {
    return job->teller;
}

uint64_t pa_http_job_count(const struct pa_http_job *job) {
    return job->count;
}

json_t **pa_http_job_memory(struct pa_http_job *job) {
    return &job->memory;
}

/* --- what the run tells ----------------------------------------------------------------------- */

static void on_began(void *context, const char *run_id) {
    struct pa_http_job *job = context;
    snprintf(job->run_id, sizeof(job->run_id), "%s", run_id);
}

/* A run has an id before it has a place in the queue, which may refuse it at once; its first phase
 * is the first that it is certain to be told of. */
static void on_phase(void *context, const char *phase) {
    struct pa_http_job *job = context;
    if (!job->begun) {
        job->begun = true;
        if (job->teller && job->teller->began)
            job->teller->began(job, job->run_id);
        pthread_mutex_lock(&job->lock);
        job->announced = true;
        pthread_cond_signal(&job->changed);
        pthread_mutex_unlock(&job->lock);
    }
    if (job->teller && job->teller->phase)
        job->teller->phase(job, phase);
}

static void tell_output(struct pa_http_job *job, enum pa_output output, const void *bytes,
                        size_t size) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(SIZE_MAX / 2);
    pa_utf8_append(&text, bytes, size);
    if (size && job->teller->output)
        job->teller->output(job, output, pa_buf_text(&text), text.size);
}

static bool on_output(void *context, enum pa_output output, const void *bytes, size_t size) {
    struct pa_http_job *job = context;
    struct unfinished *unfinished = &job->unfinished[output];
    PA_CLEANUP(pa_buf_done) struct pa_buf all = PA_BUF_INIT(SIZE_MAX / 2);
    pa_buf_append(&all, unfinished->bytes, unfinished->size);
    pa_buf_append(&all, bytes, size);
    if (all.failed)
        return false;
    unfinished->size = pa_utf8_unfinished(all.data, all.size);
    memcpy(unfinished->bytes, all.data + all.size - unfinished->size, unfinished->size);
    tell_output(job, output, all.data, all.size - unfinished->size);
    return !job->deaf;
}

static bool on_result(void *context, const char *text, size_t size) {
    struct pa_http_job *job = context;
    json_t *message = json_loadb(text, size, JSON_ALLOW_NUL, NULL);
    if (message && job->teller->result)
        job->teller->result(job, message);
    json_decref(message);
    return !job->deaf;
}

static void on_call(void *context, uint64_t call_id, const char *name, const json_t *arguments) {
    struct pa_http_job *job = context;
    job->teller->call(job, job->run_id, call_id, name, arguments);
}

static void finish(struct pa_http_job *job, const struct pa_service_reply *reply,
                   const struct pa_error *err) {
    for (int output = 0; output < 2; output++)
        tell_output(job, (enum pa_output)output, job->unfinished[output].bytes,
                    job->unfinished[output].size);
    json_t *problem = NULL;
    if (!reply->outcome) {
        struct pa_http_request shown = {.faults = reply->faults,
                                        .retry_after_ms = reply->retry_after_ms};
        memcpy(shown.run_id, job->run_id, sizeof(shown.run_id));
        problem = pa_http_problem(&shown, (unsigned)pa_error_code_http(err->code), err);
    }
    job->teller->ended(job, reply, problem);
    json_decref(problem);
}

/* --- its thread ------------------------------------------------------------------------------- */

static void *run(void *context) {
    struct pa_http_job *job = context;
    const struct pa_tool_events events = {.output = job->teller ? on_output : NULL,
                                          .result = job->teller ? on_result : NULL,
                                          .phase = on_phase,
                                          .context = job};
    const struct pa_service_call call = {
        .caller = job->caller,
        .door = job->teller ? job->teller->door : "http",
        .tool = job->tool,
        .parameters = job->parameters,
        .traceparent = job->traceparent,
        .deadline_ns = job->deadline_ns,
        .cancel_fd = job->cancel_fd,
        .events = &events,
        .began = on_began,
        .call = job->teller && job->teller->call ? on_call : NULL,
        .no_calls = PA_HTTP_NO_CALLS,
        .context = job,
    };
    struct pa_service_reply reply = {0};
    struct pa_error err = {0};
    pa_service_call(job->door->service, &call, &reply, &err);
    if (job->teller && job->begun)
        finish(job, &reply, &err);
    if (job->stream)
        pa_http_stream_end(job->stream);
    pthread_mutex_lock(&job->lock);
    job->ended = true;
    job->err = err;
    job->reply = reply;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
    struct pa_http *door = job->door;
    unref(job);
    pa_http_leave(door);
    return NULL;
}

/* Readable when the run is to be cancelled. */
static int open_cancel(struct pa_http_job *job, struct pa_http_request *request,
                       struct pa_error *err) {
    if (job->teller && !(job->stream = pa_http_stream_new()))
        return pa_fail_errno(err, errno, "cannot make a stream");
    job->cancel_fd = pa_http_stream_cancel_fd(request, job->stream);
    return job->cancel_fd < 0 ? pa_fail_errno(err, errno, "cannot watch the connection") : 0;
}

/* Waits until the run has begun or was refused. */
static bool wait_for_run(struct pa_http_job *job) {
    pthread_mutex_lock(&job->lock);
    while (!job->announced && !job->ended)
        pthread_cond_wait(&job->changed, &job->lock);
    bool began = job->announced;
    pthread_mutex_unlock(&job->lock);
    return began;
}

static int start_thread(struct pa_http_job *job, struct pa_error *err) {
    pthread_t thread;
    atomic_fetch_add(&job->references, 1);
    pa_http_enter(job->door);
    int failed = pthread_create(&thread, NULL, run, job);
    if (failed) {
        pa_http_leave(job->door);
        atomic_fetch_sub(&job->references, 1); /* the thread's; the caller has its own */
        return pa_fail_errno(err, failed, "cannot start a thread for the run");
    }
    pthread_detach(thread);
    return 0;
}

/* Of a task also what it was taken for: nobody is told it later. */
static int reply_accepted(struct pa_http_request *request, const struct pa_http_job *job) {
    json_t *told = json_pack("{s:s}", "run_id", job->run_id);
    if (job->memory)
        json_object_update(told, job->memory);
    pa_http_add_header(request, "Location", "/v1/runs/%s", job->run_id);
    pa_http_add_header(request, "Preference-Applied", "respond-async");
    return pa_http_reply_json(request, MHD_HTTP_ACCEPTED, told);
}

static int reply(struct pa_http_job *job, struct pa_http_request *request, struct pa_error *err) {
    if (!wait_for_run(job)) {
        *err = job->err;
        request->faults = json_incref(job->reply.faults);
        request->retry_after_ms = job->reply.retry_after_ms;
        memcpy(request->run_id, job->reply.run_id, sizeof(request->run_id));
        return -1;
    }
    if (!job->teller)
        return reply_accepted(request, job);
    pa_http_add_header(request, "X-Accel-Buffering", "no"); /* nginx would hold events back */
    return pa_http_reply_stream(request, MHD_HTTP_OK, job->teller->content_type, job->stream);
}

int pa_http_job_start(const struct pa_http_job_call *call, struct pa_error *err) {
    struct pa_http_request *request = call->request;
    const char *traceparent = pa_http_header(request, "traceparent");
    struct pa_http_job *job = pa_xcalloc(1, sizeof(*job));
    *job = (struct pa_http_job){
        .references = 1,
        .door = request->door,
        .teller = call->teller,
        .caller = pa_caller_ref(request->caller),
        .tool = pa_xstrdup(call->tool),
        .traceparent = traceparent ? pa_xstrdup(traceparent) : NULL,
        .parameters = call->parameters,
        .deadline_ns = request->deadline_ns,
        .count = call->count,
        .memory = call->memory,
        .cancel_fd = -1,
    };
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->changed, NULL);
    int done = open_cancel(job, request, err);
    if (done == 0 && job->stream && call->teller->heartbeat)
        pa_http_stream_heartbeat(job->stream, call->teller->heartbeat);
    if (done == 0)
        done = start_thread(job, err);
    if (done == 0)
        done = reply(job, request, err);
    unref(job);
    return done;
}
