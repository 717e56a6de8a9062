/*
 * RUN and WARM: a guest from its artifact to its end.
 *
 * A language's guest asks for its program by reading a device (device.c).  What happens in that
 * read depends on what this process is:
 *
 *     a fresh worker that came with a request     the request is there already
 *     a warm root                                 it forks; the copies go on (root.c)
 *     a copy, or a session after a turn           it waits for the next RUN on its channel
 *
 * So the code that a run executes is the same whether it was forked or started from nothing.
 */
#include "warm/worker.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

/* Native stack beside the guest's own. */
#define HOST_STACK_BYTES (2 * PA_MIB)

/* The guest runs on the main thread's stack, which the kernel lets grow up to this limit. */
static int make_room_for_stack(uint64_t guest_bytes, struct pa_error *err) {
    struct rlimit limit;
    uint64_t wanted = guest_bytes + HOST_STACK_BYTES;
    if (getrlimit(RLIMIT_STACK, &limit) < 0)
        return pa_fail_errno(err, errno, "cannot read the stack limit");
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
        if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted)
            return pa_fail(
                err, PA_ERR_FAILED_PRECONDITION,
                "stack_bytes of %llu needs a stack limit of %llu bytes, and the hard limit "
                "is %llu: raise it (ulimit -Hs)",
                (unsigned long long)guest_bytes, (unsigned long long)wanted,
                (unsigned long long)limit.rlim_max);
        limit.rlim_cur = wanted;
        if (setrlimit(RLIMIT_STACK, &limit) < 0)
            return pa_fail_errno(err, errno, "cannot raise the stack limit");
    }
    return 0;
}

/* The accounts of mounts that have a quota, mapped while that is still allowed, one for each mount.
 * Their descriptors follow those of the mounts and stay open: with them the supervisor's lock,
 * which says that the volume is in use, lasts as long as this process and its copies. */
static int take_accounts(struct pa_worker *worker, struct pa_quota quotas[PA_MAX_MOUNTS],
                         struct pa_error *err) {
    const struct pa_policy *policy = &worker->message.policy;
    size_t at = 1 + policy->mount_count, wanted = at + pa_policy_quota_count(policy);
    if (worker->fd_count != wanted)
        return pa_fail(err, PA_ERR_INTERNAL, "the request came with %zu descriptors instead of %zu",
                       worker->fd_count, wanted);
    for (size_t i = 0; i < policy->mount_count; i++) {
        const struct pa_mount *mount = &policy->mounts[i];
        if (!mount->account)
            continue;
        if (pa_quota_open(&quotas[i], worker->fds[at], mount->quota_bytes, mount->quota_entries,
                          err) < 0)
            return -1;
        at++;
    }
    return 0;
}

/* Behind the supervisor's clock. */
static uint64_t cpu_seconds(const struct pa_run_message *message) {
    const struct pa_limits *limits = &message->policy.limits;
    bool makes = message->entry.style == PA_ENTRY_PYTHON;
    return (limits->cpu_ms + (makes ? limits->compile_ms : 0)) / 1000 + 2;
}

static int enter_jail(struct pa_worker *worker, struct pa_jail *jail, struct pa_jail_report *report,
                      struct pa_error *err) {
    const struct pa_policy *policy = &worker->message.policy;
    bool warm = worker->role == PA_ROLE_ROOT;
    struct pa_jail_dir dirs[PA_MAX_MOUNTS];
    for (size_t i = 0; i < policy->mount_count; i++)
        dirs[i] = (struct pa_jail_dir){worker->fds[i + 1], policy->mounts[i].writable};
    *jail = (struct pa_jail){
        .stage = warm ? PA_JAIL_LOAD_WARM : PA_JAIL_LOAD,
        .dirs = dirs,
        .dir_count = policy->mount_count,
        .artifact_fd = worker->fds[0],
        .data_bytes = pa_limits_data_bytes(&policy->limits),
        /* The supervisor's clock is per turn, the kernel's limit per process. */
        .cpu_seconds = warm || worker->message.session ? 0 : cpu_seconds(&worker->message),
        .open_files = policy->limits.open_files + 64,
    };
    return pa_worker_enter_jail(worker, &worker->message.setup, jail, report, err);
}

static int load(struct pa_worker *worker, struct pa_module **ret, struct pa_error *err) {
    const struct pa_policy *policy = &worker->message.policy;
    struct pa_jail jail;
    struct pa_jail_report report;
    struct pa_engine_settings settings = {.metered = pa_policy_metered(policy),
                                          .deterministic = policy->deterministic,
                                          .stack_bytes = policy->limits.stack_bytes};
    if (make_room_for_stack(policy->limits.stack_bytes, err) < 0 ||
        enter_jail(worker, &jail, &report, err) < 0 ||
        pa_engine_new(&settings, &worker->engine, err) < 0 ||
        pa_module_load(worker->engine, pa_jail_artifact_path(&jail, &report), ret, err) < 0)
        return -1;
    if (worker->message.entry.style == PA_ENTRY_PYTHON)
        return 0; /* it is narrowed once it has its program, or is a copy */
    if (worker->role == PA_ROLE_ROOT)
        pa_module_move_code(*ret);
    enum pa_jail_stage next = worker->role == PA_ROLE_ROOT ? PA_JAIL_WARM : PA_JAIL_RUN;
    return pa_jail_narrow(next, worker->jail_required, err);
}

/* The part of the guest's world that comes with each request. */
static struct pa_wasi_config world_of(struct pa_worker *worker) {
    const struct pa_run_message *message = &worker->message;
    struct pa_wasi_config config = {.policy = &message->policy,
                                    .mount_fds = worker->fds + 1,
                                    .argv = (const char *const *)message->argv,
                                    .argc = message->argc};
    pa_channel_streams(&worker->channel, &config);
    return config;
}

/* At the checkpoint the guest takes on its request: limits first, then its world.  The kernel's
 * limit on a copy's memory is the root's; the supervisor lowers it from outside. */
static int take_request(struct pa_worker *worker, struct pa_error *err) {
    struct pa_wasi_config config = world_of(worker);
    pa_instance_rearm(worker->instance, &worker->message.policy.limits);
    if (pa_wasi_rearm(worker->wasi, &config, err) < 0 || pa_worker_place_files(worker, err) < 0)
        return -1;
    return 0;
}

void pa_worker_wait_for_request(struct pa_worker *worker) {
    struct pa_error err;
    struct pa_frame frame;
    pa_run_message_done(&worker->message);
    pa_worker_await_run(worker, &frame);
    if (pa_run_message_decode(frame.payload, frame.size, &worker->message, &err) == 0 &&
        take_request(worker, &err) == 0)
        return;
    pa_worker_fail(worker, &err);
}

static void end_turn(struct pa_worker *worker) {
    struct pa_end end;
    struct pa_buf buf = PA_BUF_INIT(16384);
    pa_worker_report_files(worker);
    pa_instance_state(worker->instance, &end);
    pa_end_encode(&end, &buf);
    pa_channel_send(&worker->channel, PA_FRAME_TURN, buf.data, buf.size);
    pa_buf_done(&buf);
}

void pa_worker_checkpoint(struct pa_worker *worker) {
    if (worker->role != PA_ROLE_ROOT)
        return;
    pa_instance_settle(worker->instance); /* makes forks cheap */
    pa_hot_learn(worker);
    if (worker->role == PA_ROLE_RUN)
        return; /* to be thrown away after a run of nothing, which the root was sent */
    pa_worker_fork_loop(worker);
    struct pa_error err;
    worker->role = PA_ROLE_RUN;
    worker->has_request = false;
    worker->unused = true;
    if (pa_jail_narrow(worker->may_fork ? PA_JAIL_SESSION : PA_JAIL_RUN, worker->jail_required,
                       &err) < 0)
        pa_worker_fail(worker, &err);
}

bool pa_worker_is_waited_for(const struct pa_worker *worker) {
    struct pollfd polled = {.fd = worker->channel.socket, .events = POLLIN};
    if (!worker->unused || worker->message.policy.deterministic) /* there it would show */
        return false;
    return worker->hurries || poll(&polled, 1, 0) > 0;
}

bool pa_worker_next_request(struct pa_worker *worker) {
    if (!worker->instance) /* a start function reads: there is nothing yet that could take it on */
        return false;
    pa_worker_checkpoint(worker);
    if (worker->unused) {
        pa_worker_wait_for_request(worker);
    } else if (worker->has_request) {
        struct pa_error err;
        if (take_request(worker, &err) < 0)
            pa_worker_fail(worker, &err);
    } else if (worker->message.session) {
        end_turn(worker);
        pa_worker_wait_for_request(worker);
    } else {
        return false;
    }
    worker->has_request = worker->unused = false;
    return true;
}

void pa_worker_finish_at_once(void *context, const struct pa_end *end) {
    struct pa_worker *worker = context;
    pa_hot_finish(worker);
    pa_worker_finish(worker, end);
}

void pa_worker_guest(struct pa_worker *worker, const struct pa_frame *frame) {
    struct pa_error err;
    struct pa_end end = {0};
    struct pa_module *module;
    struct pa_quota quotas[PA_MAX_MOUNTS] = {0};
    worker->role = frame->type == PA_FRAME_WARM ? PA_ROLE_ROOT : PA_ROLE_RUN;
    if (pa_run_message_decode(frame->payload, frame->size, &worker->message, &err) < 0 ||
        pa_worker_start_logging(worker, &worker->message.setup, &err) < 0 ||
        take_accounts(worker, quotas, &err) < 0 || load(worker, &module, &err) < 0)
        pa_worker_fail(worker, &err);
    struct pa_stream_device devices[PA_WORKER_DEVICES];
    pa_worker_devices(worker, devices);
    struct pa_wasi_config config = world_of(worker);
    config.devices = devices;
    config.device_count = PA_ARRAY_LEN(devices);
    config.quotas = quotas;
    /* Up to the checkpoint a language is the same for every request, whatever its seed, so that a
     * run that was forked and one that was not give the same bytes. */
    bool has_checkpoint = worker->message.request_size > 0;
    /* Taking a request on gives fuel and files anew: a guest that was not started for one gets
     * none. */
    worker->has_request = has_checkpoint;
    uint64_t seed = worker->message.policy.seed;
    if (has_checkpoint)
        worker->message.policy.seed = 0;
    int made = pa_wasi_new(&config, &worker->wasi, &err);
    worker->message.policy.seed = seed;
    if (made < 0 || (!has_checkpoint && pa_worker_place_files(worker, &err) < 0))
        pa_worker_fail(worker, &err);
    /* The entry outlives the message, which a copy replaces. */
    struct pa_entry entry = worker->message.entry;
    worker->message.entry = (struct pa_entry){0};
    int started =
        pa_instance_new(worker->engine, module, worker->wasi, &worker->message.policy.limits,
                        &entry, &worker->instance, &end, &err);
    if (started < 0)
        pa_worker_fail(worker, &err);
    if (started == 0 && entry.style == PA_ENTRY_PYTHON)
        pa_worker_python(worker);
    if (started == 0) {
        pa_instance_on_end(worker->instance, pa_worker_finish_at_once, worker);
        pa_instance_start(worker->instance, &entry, (const char *const *)worker->message.argv,
                          worker->message.argc, &end);
    }
    pa_worker_finish(worker, &end);
}
