#include "run/supervise_internal.h"

#include "base/clock.h"
#include "run/worker_log.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STDIN_CHUNK 65536u
#define DEATH_NS    (5 * PA_NS_PER_S) /* between the end of a dying worker's channel and its own */
#define SLICE_NS                                                                                   \
    (50 * PA_NS_PER_MS) /* a sink that takes nothing is not waited for longer at once */
#define LAST_READS 16   /* of a dead worker: more than its socket holds */

/* --- the worker's end ------------------------------------------------------------------------- */

/* A copy of a warm root that is killed is reaped at once, and its clock gone: it is read before. */
static void kill_worker(struct pa_loop *loop) {
    pa_cpu_time_read(&loop->cpu);
    pidfd_send_signal(loop->worker->pidfd, SIGKILL, NULL, 0); /* a dead one keeps its status */
}

static void condemn(struct pa_loop *loop, enum pa_verdict verdict) {
    if (loop->verdict == VERDICT_NONE)
        loop->verdict = verdict;
    kill_worker(loop);
}

static void condemn_garbage(struct pa_loop *loop, const char *what) {
    if (loop->verdict == VERDICT_NONE)
        snprintf(loop->garbage, sizeof(loop->garbage), "%.159s", what);
    condemn(loop, VERDICT_GARBAGE);
}

/* CPU time cannot pass faster than wall time times the number of the worker's threads; a run has
 * one, a compilation several, so look again after a fraction of what is left. */
static void check_clocks(struct pa_loop *loop, uint64_t now) {
    if (now >= loop->deadline_ns) {
        condemn(loop, VERDICT_TIMEOUT);
        loop->deadline_ns = PA_NEVER;
    }
    if (now >= loop->next_cpu_check_ns) {
        pa_cpu_time_read(&loop->cpu);
        uint64_t used = pa_cpu_time_spent_ns(&loop->cpu);
        if (used >= loop->cpu_limit_ns) {
            condemn(loop, VERDICT_CPU);
            loop->next_cpu_check_ns = PA_NEVER;
        } else {
            uint64_t left = loop->cpu_limit_ns - used;
            uint64_t pace = loop->job->type == PA_FRAME_COMPILE ? 4 : 1;
            loop->next_cpu_check_ns = now + PA_MAX(left / pace, PA_NS_PER_MS);
        }
    }
}

static bool caller_gave_up(const struct pa_loop *loop) {
    struct pollfd polled = {.fd = loop->job->cancel_fd, .events = POLLIN};
    return poll(&polled, 1, 0) > 0;
}

static int timeout_ms(const struct pa_loop *loop, uint64_t now) {
    uint64_t next = PA_MIN(loop->deadline_ns, loop->next_cpu_check_ns);
    if (next == PA_NEVER)
        return -1;
    if (next <= now)
        return 0;
    uint64_t ms = (next - now + PA_NS_PER_MS - 1) / PA_NS_PER_MS;
    return (int)PA_MIN(ms, (uint64_t)3600000);
}

/* --- frames ----------------------------------------------------------------------------------- */

static int emit_to_sink(struct pa_loop *loop, enum pa_output output, const void *bytes,
                        size_t size) {
    const struct pa_sink *sink = loop->job->sink;
    const uint8_t *at = bytes;
    while (size) {
        uint64_t slice = pa_clock_monotonic_ns() + SLICE_NS;
        ssize_t n = sink->write(sink->context, output, at, size, PA_MIN(slice, loop->deadline_ns));
        if (n < 0)
            return -1;
        at += n;
        size -= (size_t)n;
        if (size && caller_gave_up(loop))
            return -1;
        if (size && !loop->over)
            check_clocks(loop, pa_clock_monotonic_ns());
    }
    return 0;
}

static int emit(struct pa_loop *loop, enum pa_output output, const void *bytes, size_t size) {
    if (loop->job->sink) {
        if (!loop->sink_gone && emit_to_sink(loop, output, bytes, size) < 0) {
            loop->sink_gone = true;
            if (!loop->over)
                condemn(loop, caller_gave_up(loop) ? VERDICT_CANCELLED : VERDICT_UNHEARD);
        }
        return 0;
    }
    pa_buf_append(&loop->outcome->output[output].kept, bytes, size);
    return 0;
}

static int emit_stdout(void *loop, const void *bytes, size_t size) {
    return emit(loop, PA_STDOUT, bytes, size);
}

static int emit_stderr(void *loop, const void *bytes, size_t size) {
    return emit(loop, PA_STDERR, bytes, size);
}

static void take_output(struct pa_loop *loop, enum pa_output output, const struct pa_frame *frame) {
    uint64_t left = loop->job->limits->output_bytes - loop->output_total;
    size_t size = (size_t)PA_MIN((uint64_t)frame->size, left);
    loop->output_total += size;
    pa_capture_push(&loop->captures[output], frame->payload, size);
    if (size < frame->size)
        condemn(loop, VERDICT_OUTPUT);
}

static void take_result(struct pa_loop *loop, const struct pa_frame *frame) {
    struct pa_buf *results = &loop->outcome->results;
    if (frame->size > loop->job->limits->results_bytes - results->size)
        condemn(loop, VERDICT_RESULTS);
    else
        pa_buf_append(results, frame->payload, frame->size);
}

static void take_changed(struct pa_loop *loop, const struct pa_frame *frame) {
    if (loop->job->list_files)
        pa_buf_append(&loop->changed, frame->payload, frame->size);
    if (!loop->job->list_files || loop->changed.failed)
        condemn_garbage(loop, "more of its files than it was asked for");
}

static void take_call(struct pa_loop *loop, const struct pa_frame *frame) {
    struct pa_error err;
    if (!loop->desk && !(loop->desk = pa_call_desk_new(loop->job->calls, &err)))
        condemn_garbage(loop, err.message);
    else if (!pa_call_desk_take(loop->desk, frame->payload, frame->size))
        condemn_garbage(loop, "more calls than a run may make");
}

static void take_log(struct pa_loop *loop, const struct pa_frame *frame) {
    if (pa_worker_log(frame, &loop->log_lines) < 0)
        condemn_garbage(loop, "a malformed log line");
}

static void take_jailed(struct pa_loop *loop, const struct pa_frame *frame) {
    struct pa_reader reader = PA_READER(frame->payload, frame->size);
    pa_get_u32(&reader);
    char missing[sizeof(loop->outcome->jail_missing)];
    pa_get_text_into(&reader, missing, sizeof(missing));
    /* Later it could be the guest's word. */
    if (!pa_reader_ok(&reader) || loop->guest_spoke || loop->job->jailed)
        condemn_garbage(loop, "a malformed jail report");
    else if (*missing)
        memcpy(loop->outcome->jail_missing, missing, sizeof(missing));
}

/* Timeouts, CPU and output limits and cancellation are the supervisor's to declare. */
static bool worker_may_say(enum pa_status status) {
    switch (status) {
    case PA_STATUS_TIMEOUT:
    case PA_STATUS_CPU_LIMIT:
    case PA_STATUS_OUTPUT_LIMIT:
    case PA_STATUS_CANCELLED:
        return false;
    default:
        return true;
    }
}

static void take_end(struct pa_loop *loop, const struct pa_frame *frame) {
    if (pa_end_decode(frame->payload, frame->size, &loop->end) < 0 ||
        !worker_may_say(loop->end.status)) {
        condemn_garbage(loop, "a malformed end");
        return;
    }
    loop->ended = true;
}

static void take_failure(struct pa_loop *loop, const struct pa_frame *frame) {
    if (pa_error_decode(frame->payload, frame->size, loop->err) < 0) {
        condemn_garbage(loop, "a malformed failure");
        return;
    }
    loop->failed = true;
}

/* Its word about itself, as an end is; that the process is dead is the kernel's. */
static void take_denial(struct pa_loop *loop, const struct pa_frame *frame) {
    if (pa_denial_decode(frame, loop->denied, sizeof(loop->denied)) < 0)
        condemn_garbage(loop, "malformed last words");
}

static void take_turn(struct pa_loop *loop, const struct pa_frame *frame) {
    if (!loop->job->session) {
        condemn_garbage(loop, "the end of a turn without a session");
        return;
    }
    loop->turned = true;
    take_end(loop, frame);
}

static void start_clocks(struct pa_loop *loop, uint64_t wall_ns, uint64_t cpu_ns) {
    uint64_t now = pa_clock_monotonic_ns();
    loop->deadline_ns = now + wall_ns;
    loop->cpu_limit_ns = cpu_ns;
    loop->next_cpu_check_ns = now + cpu_ns / 4;
}

/* From here on its words may be the guest's. */
static void take_made(struct pa_loop *loop, const struct pa_frame *frame) {
    struct pa_making *making = loop->job->making;
    if (!loop->making || pa_python_made_decode(frame->payload, frame->size, &making->made) < 0) {
        condemn_garbage(loop, "a malformed account of what it made");
        return;
    }
    loop->making = false;
    making->told = true;
    making->made.took_ns = PA_MIN(making->made.took_ns, pa_clock_monotonic_ns() - loop->started_ns);
    pa_cpu_time_begin_at(&loop->cpu, making->made.cpu_ns);
    start_clocks(loop, loop->job->wall_ns, loop->job->cpu_ns);
}

static void take_artifact(struct pa_loop *loop, const struct pa_frame *frame) {
    if (!loop->making)
        condemn_garbage(loop, "an artifact that nobody asked for");
    else
        pa_buf_append(&loop->job->making->artifact, frame->payload, frame->size);
}

/* What may come before MADE: nothing that is a guest's. */
static bool is_early(enum pa_frame_type type) {
    return type == PA_FRAME_JAILED || type == PA_FRAME_LOG || type == PA_FRAME_ARTIFACT ||
           type == PA_FRAME_MADE || type == PA_FRAME_EXIT || type == PA_FRAME_FAILED ||
           type == PA_FRAME_DENIED;
}

static void take_frame(struct pa_loop *loop, const struct pa_frame *frame) {
    if (loop->making && !is_early(frame->type)) {
        condemn_garbage(loop, "it ran before it said what it runs");
        return;
    }
    switch (frame->type) {
    case PA_FRAME_ARTIFACT:
        take_artifact(loop, frame);
        break;
    case PA_FRAME_MADE:
        take_made(loop, frame);
        break;
    case PA_FRAME_STDOUT:
        take_output(loop, PA_STDOUT, frame);
        break;
    case PA_FRAME_STDERR:
        take_output(loop, PA_STDERR, frame);
        break;
    case PA_FRAME_STDIN_WANT:
        loop->stdin_wanted = true;
        break;
    case PA_FRAME_RESULT:
        take_result(loop, frame);
        break;
    case PA_FRAME_CALL:
        take_call(loop, frame);
        break;
    case PA_FRAME_CHANGED:
        take_changed(loop, frame);
        break;
    case PA_FRAME_LOG:
        take_log(loop, frame);
        break;
    case PA_FRAME_JAILED:
        take_jailed(loop, frame);
        break;
    case PA_FRAME_TURN:
        take_turn(loop, frame);
        break;
    case PA_FRAME_EXIT:
        take_end(loop, frame);
        break;
    case PA_FRAME_FAILED:
        take_failure(loop, frame);
        break;
    case PA_FRAME_DENIED:
        take_denial(loop, frame);
        break;
    default:
        condemn_garbage(loop, "a frame that no run sends");
    }
    loop->guest_spoke = loop->guest_spoke || frame->type != PA_FRAME_LOG;
}

/* Reads once and takes what is whole.  False at the end of the channel. */
static bool read_frames(struct pa_loop *loop) {
    size_t room;
    void *at = pa_frame_decoder_room(&loop->decoder, &room);
    if (!at)
        return false;
    ssize_t n = recv(loop->worker->socket, at, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0)
        return false;
    pa_frame_decoder_fed(&loop->decoder, (size_t)n);
    struct pa_frame frame;
    struct pa_error err;
    int got = 0;
    while (!loop->ended && !loop->failed && loop->verdict != VERDICT_GARBAGE &&
           (got = pa_frame_decoder_next(&loop->decoder, &frame, &err)) == 1)
        take_frame(loop, &frame);
    if (got < 0)
        condemn_garbage(loop, err.message);
    return !loop->ended && !loop->failed && loop->verdict != VERDICT_GARBAGE;
}

/* --- standard input --------------------------------------------------------------------------- */

static void send_stdin(struct pa_loop *loop, const void *bytes, size_t size) {
    loop->stdin_wanted = false;
    /* A chunk fits into the socket's buffer, unless the worker asks and does not read.  One that is
     * gone asked, ended, and has said so in what is still to be read. */
    if (pa_frame_send(loop->worker->socket, PA_FRAME_STDIN, bytes, size, NULL, 0, false) < 0 &&
        errno == EAGAIN)
        condemn_garbage(loop, "it asked for input and did not read it");
}

static void answer_from_memory(struct pa_loop *loop) {
    size_t size = PA_MIN(loop->job->stdin_size - loop->stdin_at, (size_t)STDIN_CHUNK);
    send_stdin(loop, (const uint8_t *)loop->job->stdin_bytes + loop->stdin_at, size);
    loop->stdin_at += size;
}

static void answer_from_fd(struct pa_loop *loop) {
    uint8_t chunk[STDIN_CHUNK];
    ssize_t n = read(loop->job->stdin_fd, chunk, sizeof(chunk));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    send_stdin(loop, chunk, n > 0 ? (size_t)n : 0);
}

/* --- answers to calls ------------------------------------------------------------------------- */

/* As much as the worker takes now; the rest waits until it reads. */
static void send_replies(struct pa_loop *loop) {
    while (loop->reply.size || pa_call_desk_next(loop->desk, &loop->reply)) {
        if (pa_frame_send_some(loop->worker->socket, PA_FRAME_REPLY, loop->reply.data,
                               loop->reply.size, NULL, 0, &loop->reply_sent) < 0 &&
            errno == EAGAIN)
            return;
        pa_buf_clear(&loop->reply); /* sent, or to one that is gone */
        loop->reply_sent = 0;
    }
}

/* --- the loop --------------------------------------------------------------------------------- */

/* Under the clocks like all the rest: a session's process need not read.  False when the host
 * cannot send it; a worker that is gone or condemned is the loop's affair. */
static bool send_request(struct pa_loop *loop) {
    const struct pa_job *job = loop->job;
    for (size_t sent = 0; loop->verdict == VERDICT_NONE;) {
        if (pa_frame_send_some(loop->worker->socket, job->type, job->message->data,
                               job->message->size, job->fds, job->fd_count, &sent) == 0 ||
            errno == EPIPE || errno == ECONNRESET)
            return true;
        if (errno != EAGAIN) {
            pa_fail_errno(loop->err, errno, "cannot send a worker its request");
            return false;
        }
        struct pollfd polled[] = {{.fd = loop->worker->socket, .events = POLLOUT},
                                  {.fd = job->cancel_fd, .events = POLLIN}};
        int n = poll(polled, PA_ARRAY_LEN(polled), timeout_ms(loop, pa_clock_monotonic_ns()));
        if (n > 0 && polled[1].revents)
            condemn(loop, VERDICT_CANCELLED);
        check_clocks(loop, pa_clock_monotonic_ns());
    }
    return true;
}

/* A channel ends with its worker.  One that closes it and lives on is up to something. */
static void expect_death(struct pa_loop *loop) {
    uint64_t until = PA_MIN(pa_clock_monotonic_ns() + DEATH_NS, loop->deadline_ns);
    struct pollfd polled = {.fd = loop->worker->pidfd, .events = POLLIN};
    for (uint64_t now; (now = pa_clock_monotonic_ns()) < until;)
        if (poll(&polled, 1, (int)((until - now) / PA_NS_PER_MS) + 1) > 0)
            return;
    check_clocks(loop, pa_clock_monotonic_ns());
    condemn_garbage(loop, "it closed its channel and went on");
}

static void wait_and_serve(struct pa_loop *loop) {
    const struct pa_job *job = loop->job;
    for (bool open = true; open;) {
        uint64_t now = pa_clock_monotonic_ns();
        check_clocks(loop, now);
        bool replying = loop->reply.size > 0; /* nothing else fits in between */
        bool from_fd = loop->stdin_wanted && job->stdin_fd >= 0 && !replying;
        if (loop->stdin_wanted && job->stdin_fd < 0 && !replying)
            answer_from_memory(loop);
        struct pollfd polled[] = {
            {.fd = loop->worker->socket, .events = (short)(POLLIN | (replying ? POLLOUT : 0))},
            {.fd = loop->verdict == VERDICT_NONE ? job->cancel_fd : -1, .events = POLLIN},
            {.fd = from_fd ? job->stdin_fd : -1, .events = POLLIN},
            /* Once it is killed, a process that it left behind may hold its channel open. */
            {.fd = loop->verdict == VERDICT_NONE ? -1 : loop->worker->pidfd, .events = POLLIN},
            {.fd = loop->desk && !replying ? pa_call_desk_fd(loop->desk) : -1, .events = POLLIN},
        };
        int n = poll(polled, PA_ARRAY_LEN(polled), timeout_ms(loop, now));
        if (n < 0 && errno != EINTR)
            break;
        if (n <= 0)
            continue;
        if (polled[1].revents)
            condemn(loop, VERDICT_CANCELLED);
        if (polled[2].revents)
            answer_from_fd(loop);
        if (polled[4].revents || (polled[0].revents & POLLOUT))
            send_replies(loop);
        for (int i = 0; polled[3].revents && i < LAST_READS && open; i++)
            open = read_frames(loop);
        if (polled[3].revents)
            return;
        if (polled[0].revents & ~POLLOUT)
            open = read_frames(loop);
    }
    if (!loop->ended && !loop->failed && loop->verdict == VERDICT_NONE)
        expect_death(loop);
}

/* After its last frame the worker has nothing more to do: killing it is the fastest way to go.  One
 * of ours is not reaped before, and a copy waits for it; of one that ended otherwise, who reaped it
 * says what time it took. */
static int end_worker(struct pa_loop *loop) {
    if (loop->turned && loop->ended && loop->verdict == VERDICT_NONE) {
        pa_cpu_time_read(&loop->cpu);
        loop->outcome->session_lives = true;
        loop->outcome->usage.cpu_ns = pa_cpu_time_spent_ns(&loop->cpu);
        return 0;
    }
    kill_worker(loop);
    loop->worker->cpu_ns = 0;
    int status = loop->worker->reap(loop->worker,
                                    !loop->ended && !loop->failed && loop->verdict == VERDICT_NONE);
    pa_cpu_time_note(&loop->cpu, loop->worker->cpu_ns);
    loop->outcome->usage.cpu_ns = pa_cpu_time_spent_ns(&loop->cpu);
    return status;
}

static void start_captures(struct pa_loop *loop) {
    const struct pa_limits *limits = loop->job->limits;
    bool to_sink = loop->job->sink != NULL;
    pa_capture_init(&loop->captures[PA_STDOUT], "stdout_bytes", limits->stdout_bytes, to_sink,
                    emit_stdout, loop);
    pa_capture_init(&loop->captures[PA_STDERR], "stderr_bytes", limits->stderr_bytes, to_sink,
                    emit_stderr, loop);
}

static void finish_captures(struct pa_loop *loop) {
    loop->over = true;
    loop->deadline_ns = PA_NEVER; /* the guest is gone: its output may take its time */
    for (int i = 0; i < 2; i++) {
        struct pa_output_record *record = &loop->outcome->output[i];
        record->truncated = pa_capture_finish(&loop->captures[i]);
        record->total = loop->captures[i].total;
        pa_capture_done(&loop->captures[i]);
    }
}

int pa_job_run(const struct pa_job *job, struct pa_worker *worker, struct pa_outcome *outcome,
               struct pa_error *err) {
    struct pa_loop *loop = pa_xcalloc(1, sizeof(*loop));
    *loop = (struct pa_loop){.job = job, .worker = worker, .outcome = outcome, .err = err};
    const struct pa_making *making = job->making;
    loop->making = making != NULL;
    loop->started_ns = pa_clock_monotonic_ns();
    pa_cpu_time_begin(&loop->cpu, worker->pid);
    start_clocks(loop, making ? making->wall_ns : job->wall_ns,
                 making ? making->cpu_ns : job->cpu_ns);
    memcpy(outcome->jail_missing, worker->no_namespaces, sizeof(worker->no_namespaces));
    pa_frame_decoder_init(&loop->decoder);
    loop->reply = PA_BUF_INIT(PA_CALL_MAX_BYTES + 1);
    loop->changed = PA_BUF_INIT(job->outputs_bytes + PA_CHANGED_HEADS);
    start_captures(loop);

    if (send_request(loop))
        wait_and_serve(loop);
    else
        loop->failed = true;
    outcome->usage.wall_ns = pa_clock_monotonic_ns() - loop->started_ns;
    if (making && making->told) {
        outcome->usage.wall_ns -= making->made.took_ns;
        outcome->usage.compile_ns += making->made.took_ns;
    }
    int status = end_worker(loop);
    finish_captures(loop);
    int result = 0;
    if (loop->failed && loop->verdict == VERDICT_NONE)
        result = -1;
    else
        pa_loop_describe(loop, status);
    pa_frame_decoder_done(&loop->decoder);
    pa_buf_done(&loop->changed);
    pa_buf_done(&loop->reply);
    if (loop->desk)
        outcome->calls = pa_call_desk_close(loop->desk);
    free(loop);
    return result;
}
