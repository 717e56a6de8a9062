/*
 * polyagent-worker: the process that a guest's code, or the compilation of it, lives in.
 *
 * It is exec'ed afresh with one socket (descriptor 3), reads one request from its trusted supervisor,
 * enters the jail, and only then touches a byte that a guest chose.  What it says afterwards is
 * believed by nobody.  It ends by _exit: the kernel frees faster than the engine does.
 */
#include "engine/engine.h"
#include "jail/jail.h"
#include "warm/channel.h"
#include "base/io.h"
#include "warm/request.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define CHANNEL_FD 3

/* Native memory beside the guest's: the engine, its tables, our buffers, stacks. */
#define HOST_DATA_BYTES (192 * PA_MIB)

struct worker {
    struct pa_channel channel;
    int fds[PA_FRAME_MAX_FDS]; /* that came with the request */
    size_t fd_count;
};

static PA_NORETURN void finish_failed(struct worker *worker, const struct pa_error *err) {
    struct pa_buf buf = PA_BUF_INIT(4096);
    pa_error_encode(err, &buf);
    pa_channel_send(&worker->channel, PA_FRAME_FAILED, buf.data, buf.size);
    _exit(1);
}

static PA_NORETURN void finish(struct worker *worker, const struct pa_end *end) {
    struct pa_buf buf = PA_BUF_INIT(16384);
    pa_end_encode(end, &buf);
    pa_channel_send(&worker->channel, PA_FRAME_EXIT, buf.data, buf.size);
    _exit(0);
}

static int enter_jail(struct worker *worker, const struct pa_worker_setup *setup,
                      struct pa_jail *jail, struct pa_jail_report *report, struct pa_error *err) {
    int keep[PA_FRAME_MAX_FDS + 1] = {CHANNEL_FD};
    memcpy(keep + 1, worker->fds, worker->fd_count * sizeof(int));
    jail->required = setup->jail_required;
    jail->in_namespaces = getpid() == 1; /* the first of its PID namespace, or in none */
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

static int start_logging(struct worker *worker, const struct pa_worker_setup *setup,
                         struct pa_error *err) {
    pa_log_set_sink(pa_channel_log, &worker->channel);
    return pa_log_configure(setup->log_spec, setup->log_format, err);
}

/* Everything up to the guest's first instruction; 1 when it ended before that, with *end. */
static int start_guest(struct worker *worker, const struct pa_run_message *message,
                       struct pa_wasi **ret_wasi, struct pa_instance **ret, struct pa_end *end,
                       struct pa_error *err) {
    const struct pa_policy *policy = &message->policy;
    if (worker->fd_count != policy->mount_count + 1)
        return pa_fail(err, PA_ERR_INTERNAL, "the request came with %zu descriptors instead of %zu",
                       worker->fd_count, policy->mount_count + 1);
    struct pa_jail_dir dirs[PA_MAX_MOUNTS];
    for (size_t i = 0; i < policy->mount_count; i++)
        dirs[i] = (struct pa_jail_dir){worker->fds[i + 1], policy->mounts[i].writable};
    struct pa_jail jail = {
        .stage = PA_JAIL_LOAD,
        .dirs = dirs,
        .dir_count = policy->mount_count,
        .artifact_fd = worker->fds[0],
        .data_bytes = policy->limits.memory_bytes + policy->limits.files_bytes * 2 + HOST_DATA_BYTES,
        .cpu_seconds = policy->limits.cpu_ms / 1000 + 2,
        .open_files = policy->limits.open_files + 64,
    };
    struct pa_jail_report report;
    if (enter_jail(worker, &message->setup, &jail, &report, err) < 0)
        return -1;

    struct pa_engine_settings settings = {.metered = pa_policy_metered(policy),
                                          .deterministic = policy->deterministic,
                                          .stack_bytes = policy->limits.stack_bytes};
    struct pa_engine *engine;
    struct pa_module *module;
    if (pa_engine_new(&settings, &engine, err) < 0 ||
        pa_module_load(engine, pa_jail_artifact_path(&jail, &report), &module, err) < 0 ||
        pa_jail_narrow(PA_JAIL_RUN, message->setup.jail_required, err) < 0)
        return -1;

    struct pa_wasi_config config = {.policy = policy,
                                    .mount_fds = worker->fds + 1,
                                    .argv = (const char *const *)message->argv,
                                    .argc = message->argc};
    pa_channel_streams(&worker->channel, &config);
    if (pa_wasi_new(&config, ret_wasi, err) < 0)
        return -1;
    return pa_instance_new(engine, module, *ret_wasi, &policy->limits, ret, end, err);
}

static PA_NORETURN void serve_run(struct worker *worker, const struct pa_frame *frame) {
    struct pa_error err;
    struct pa_end end = {0};
    struct pa_run_message message;
    struct pa_wasi *wasi;
    struct pa_instance *instance;
    if (pa_run_message_decode(frame->payload, frame->size, &message, &err) < 0 ||
        start_logging(worker, &message.setup, &err) < 0)
        finish_failed(worker, &err);
    int started = start_guest(worker, &message, &wasi, &instance, &end, &err);
    if (started < 0)
        finish_failed(worker, &err);
    if (started == 0)
        pa_instance_call(instance, "_start", &end);
    finish(worker, &end);
}

static int read_module(int fd, const struct pa_limits *limits, struct pa_buf *module,
                       struct pa_error *err) {
    *module = PA_BUF_INIT(limits->module_bytes);
    return pa_read_all(fd, "the module", module, err);
}

static PA_NORETURN void serve_compile(struct worker *worker, const struct pa_frame *frame) {
    struct pa_error err;
    struct pa_end end = {0};
    struct pa_compile_message message;
    if (pa_compile_message_decode(frame->payload, frame->size, &message, &err) < 0 ||
        start_logging(worker, &message.setup, &err) < 0)
        finish_failed(worker, &err);
    if (worker->fd_count != 2) {
        pa_fail(&err, PA_ERR_INTERNAL, "a compile request came with %zu descriptors",
                worker->fd_count);
        finish_failed(worker, &err);
    }
    struct pa_jail jail = {.stage = PA_JAIL_COMPILE,
                           .artifact_fd = -1,
                           .data_bytes = message.limits.compile_memory_bytes,
                           .cpu_seconds = message.limits.compile_ms / 1000 * 2 + 2};
    struct pa_jail_report report;
    struct pa_engine_settings settings = {.metered = message.metered,
                                          .deterministic = message.deterministic,
                                          .stack_bytes = message.limits.stack_bytes,
                                          .compiling = true};
    struct pa_engine *engine;
    struct pa_buf module, artifact = PA_BUF_INIT(SIZE_MAX / 2);
    int compiled = -1;
    if (enter_jail(worker, &message.setup, &jail, &report, &err) == 0 &&
        read_module(worker->fds[0], &message.limits, &module, &err) == 0 &&
        pa_engine_new(&settings, &engine, &err) == 0)
        compiled = pa_module_compile(engine, module.data, module.size, message.entry.style == PA_ENTRY_COMMAND,
                                     &artifact, &end, &err);
    if (compiled == 0 && pa_write_full(worker->fds[1], artifact.data, artifact.size) < 0)
        compiled = pa_fail_errno(&err, errno, "cannot write the artifact of %zu bytes",
                                 artifact.size);
    if (compiled < 0)
        finish_failed(worker, &err);
    finish(worker, &end);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN); /* a supervisor that is gone is an error of write */
    struct worker *worker = pa_xcalloc(1, sizeof(*worker));
    pa_channel_init(&worker->channel, CHANNEL_FD);
    struct pa_frame frame;
    struct pa_error err;
    struct pa_buf payload = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    if (pa_frame_receive(CHANNEL_FD, &frame, &payload, worker->fds, &worker->fd_count, &err) < 0) {
        dprintf(STDERR_FILENO,
                "polyagent-worker: %s\nThis program is started by polyagent, not by hand.\n",
                err.message);
        return 2;
    }
    switch (frame.type) {
    case PA_FRAME_RUN:
        serve_run(worker, &frame);
    case PA_FRAME_COMPILE:
        serve_compile(worker, &frame);
    default:
        pa_fail(&err, PA_ERR_INTERNAL, "the first frame has the type %d", frame.type);
        finish_failed(worker, &err);
    }
}
