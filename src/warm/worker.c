/*
 * polyagent-worker: the process that a guest's code, or the compilation of it, lives in.
 *
 * It is exec'ed afresh with one socket (descriptor 3), reads one request from its trusted
 * supervisor, enters the jail, and only then touches a byte that a guest chose.  What it says
 * afterwards is believed by nobody.  It ends by _exit: the kernel frees faster than the engine
 * does.
 */
#include "warm/worker.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

void pa_worker_fail(struct pa_worker *worker, const struct pa_error *err) {
    struct pa_buf buf = PA_BUF_INIT(4096);
    pa_error_encode(err, &buf);
    pa_channel_send(&worker->channel, PA_FRAME_FAILED, buf.data, buf.size);
    _exit(1);
}

void pa_worker_finish(struct pa_worker *worker, const struct pa_end *end) {
    struct pa_buf buf = PA_BUF_INIT(16384);
    pa_worker_report_files(worker);
    pa_end_encode(end, &buf);
    pa_channel_send(&worker->channel, PA_FRAME_EXIT, buf.data, buf.size);
    if (worker->copy)
        pa_worker_await_death();
    _exit(0);
}

void pa_worker_await_death(void) {
    char bytes[4096]; /* input or an answer that comes too late */
    ssize_t n;
    while ((n = read(PA_CHANNEL_FD, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR))
        continue;
}

int pa_worker_start_logging(struct pa_worker *worker, const struct pa_worker_setup *setup,
                            struct pa_error *err) {
    pa_log_set_sink(pa_channel_log, &worker->channel);
    return pa_log_configure(setup->log_spec, setup->log_format, err);
}

int pa_worker_enter_jail(struct pa_worker *worker, const struct pa_worker_setup *setup,
                         struct pa_jail *jail, struct pa_jail_report *report,
                         struct pa_error *err) {
    int keep[PA_FRAME_MAX_FDS + 1] = {PA_CHANNEL_FD};
    memcpy(keep + 1, worker->fds, worker->fd_count * sizeof(int));
    worker->jail_required = setup->jail_required;
    jail->required = setup->jail_required;
    jail->in_namespaces = getpid() == 1; /* the first of its PID namespace, or in none of its own */
    jail->last_words = pa_worker_last_words;
    jail->keep_fds = keep;
    jail->keep_fd_count = worker->fd_count + 1;
    if (pa_jail_enter(jail, report, err) < 0)
        return pa_error_prefix(err, "jail");

    struct pa_buf buf = PA_BUF_INIT(1024);
    uint32_t layers = 0;
    for (int i = 0; i < PA_LAYER_COUNT; i++)
        layers |= (uint32_t)report->entered[i] << i;
    pa_put_u32(&buf, layers);
    pa_put_text(&buf, report->missing);
    pa_channel_send(&worker->channel, PA_FRAME_JAILED, buf.data, buf.size);
    pa_buf_done(&buf);
    return 0;
}

int main(void) {
    signal(SIGPIPE, SIG_IGN); /* a supervisor that is gone is an error of write ... */
    signal(SIGXFSZ, SIG_IGN); /* ... as is a file past its limit */
    signal(SIGABRT, pa_worker_abort_words);
    struct pa_worker *worker = pa_xcalloc(1, sizeof(*worker));
    pa_channel_init(&worker->channel, PA_CHANNEL_FD);
    worker->payload = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    struct pa_frame frame;
    struct pa_error err;
    if (pa_frame_receive(PA_CHANNEL_FD, &frame, &worker->payload, worker->fds, &worker->fd_count,
                         &err) < 0) {
        dprintf(STDERR_FILENO,
                "polyagent-worker: %s\nThis program is started by polyagent, not by hand.\n",
                err.message);
        return 2;
    }
    switch (frame.type) {
    case PA_FRAME_RUN:
    case PA_FRAME_WARM:
        pa_worker_guest(worker, &frame);
    case PA_FRAME_COMPILE:
        pa_worker_compile(worker, &frame);
    default:
        pa_fail(&err, PA_ERR_INTERNAL, "the first frame has the type %d", frame.type);
        pa_worker_fail(worker, &err);
    }
}
