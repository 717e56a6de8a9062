#include "run/executor_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/program.h"
#include "run/volumes.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#define WORKER_NAME    "polyagent-worker"
#define RUN_PROCESSES  4    /* one, and a reserve */
#define ROOT_PROCESSES 5000 /* more than its own limit (jail/rlimits.c) */
#define CPU_SLACK_S    5    /* for what a copy used to get ready, and for rounding */

int pa_executor_new(const struct pa_executor_config *config, struct pa_executor **ret,
                    struct pa_error *err) {
    struct pa_executor *executor = pa_xcalloc(1, sizeof(*executor));
    executor->jail_required = config->jail_required;
    executor->compiling = config->compiling;
    int failed = 0;
    if (config->worker_path)
        executor->worker_path = pa_xstrdup(config->worker_path);
    else
        failed = pa_program_find(WORKER_NAME, &executor->worker_path, err);
    if (!failed)
        failed = pa_cache_open(config->cache_directory, config->cache_bytes, &executor->cache, err);
    if (failed) {
        pa_executor_free(executor);
        return -1;
    }
    *ret = executor;
    return 0;
}

struct pa_executor *pa_executor_free(struct pa_executor *executor) {
    if (!executor)
        return NULL;
    pa_cache_free(executor->cache);
    free(executor->worker_path);
    free(executor);
    return NULL;
}

struct pa_cache *pa_executor_cache(struct pa_executor *executor) {
    return executor->cache;
}

const char *pa_executor_worker_path(const struct pa_executor *executor) {
    return executor->worker_path;
}

void pa_executor_use_spawner(struct pa_executor *executor, struct pa_spawner *spawner) {
    executor->spawner = spawner;
}

void pa_executor_setup(const struct pa_executor *executor, struct pa_worker_setup *setup) {
    setup->jail_required = executor->jail_required;
    snprintf(setup->log_spec, sizeof(setup->log_spec), "%s", pa_log_spec());
    setup->log_format = pa_log_format();
}

/* The descriptors that go with a worker's first frame: the artifact, the mounts, and the accounts
 * of those that have a quota. */
#define MAX_FDS (1 + PA_MAX_MOUNTS + PA_MAX_QUOTAS)

static size_t fd_count(const struct pa_policy *policy) {
    return 1 + policy->mount_count + pa_policy_quota_count(policy);
}

static void close_fds(int *fds, size_t count) {
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

static void close_mounts(const struct pa_policy *policy, int *fds) {
    close_fds(fds, fd_count(policy) - 1);
}

static int open_mount(const struct pa_executor *executor, const char *host) {
    int fd = open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && executor->spawner) /* we are confined, it will not be */
        fd = open(host, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

static int open_mounts(const struct pa_executor *executor, const struct pa_policy *policy, int *fds,
                       struct pa_error *err) {
    size_t opened = 0;
    for (size_t i = 0; i < policy->mount_count; i++, opened++) {
        fds[opened] = open_mount(executor, policy->mounts[i].host);
        if (fds[opened] < 0) {
            pa_fail_errno(err, errno, "mount %s", policy->mounts[i].host);
            close_fds(fds, opened);
            return -1;
        }
    }
    for (size_t i = 0; i < policy->mount_count; i++) {
        const char *account = policy->mounts[i].account;
        if (!account)
            continue;
        fds[opened] = pa_volume_open_account(account, err);
        if (fds[opened] < 0) {
            close_fds(fds, opened);
            return -1;
        }
        opened++;
    }
    return 0;
}

/* The program's name as a C program expects it: without folders. */
static const char *program_name(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash && slash[1] ? slash + 1 : name;
}

/* The message of a request; what it points to is borrowed from the request. */
static void encode_request(const struct pa_executor *executor, const struct pa_run_request *request,
                           struct pa_buf *encoded) {
    size_t argc = request->argc + 1;
    PA_CLEANUP(pa_freep) const char **argv = pa_xcalloc(argc, sizeof(*argv));
    argv[0] = request->argv0 ? request->argv0 : program_name(request->module.name);
    for (size_t i = 0; i < request->argc; i++)
        argv[i + 1] = request->argv[i];
    struct pa_run_message message = {.policy = *request->policy,
                                     .entry = *pa_module_entry(&request->module),
                                     .argv = (char **)argv,
                                     .argc = argc,
                                     .request = request->request,
                                     .request_size = request->request_size,
                                     .session = request->session != NULL,
                                     .files = (struct pa_run_file *)request->files,
                                     .file_count = request->file_count,
                                     .list_files = request->list_files};
    if (request->outputs) {
        message.outputs = (char **)request->outputs->globs;
        message.outputs_bytes = request->outputs->bytes;
    }
    pa_executor_setup(executor, &message.setup);
    pa_run_message_encode(&message, encoded);
}

static int check_encoded(const struct pa_buf *encoded, struct pa_error *err) {
    return encoded->failed ? pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                                     "the request is larger than %u bytes", PA_FRAME_MAX_REQUEST)
                           : 0;
}

static int supervise(const struct pa_run_request *request, const struct pa_buf *encoded,
                     const int *fds, size_t fd_count, struct pa_worker *worker,
                     struct pa_outcome *outcome, struct pa_error *err) {
    const struct pa_limits *limits = &request->policy->limits;
    struct pa_job job = {.type = PA_FRAME_RUN,
                         .session = request->session != NULL,
                         .jailed = request->warm != NULL,
                         .message = encoded,
                         .fds = fds,
                         .fd_count = fd_count,
                         .wall_ns = limits->timeout_ms * PA_NS_PER_MS,
                         .cpu_ns = limits->cpu_ms * PA_NS_PER_MS,
                         .limits = limits,
                         .wall_limit_name = "timeout_ms",
                         .cpu_limit_name = "cpu_ms",
                         .stdin_fd = request->stdin_fd,
                         .stdin_bytes = request->stdin_bytes,
                         .stdin_size = request->stdin_size,
                         .sink = request->sink,
                         .calls = request->calls,
                         .making = request->making,
                         .list_files = request->list_files,
                         .outputs_bytes = request->outputs ? request->outputs->bytes : 0,
                         .cancel_fd = request->cancel_fd};
    int done = pa_job_run(&job, worker, outcome, err);
    if (done == 0 && outcome->session_lives) {
        pa_outcome_take_turn(outcome);
        *request->session = *worker;
    }
    return done;
}

/* A fresh worker and the descriptors that go with its first frame. */
static int start_worker(struct pa_executor *executor, const struct pa_run_request *request,
                        const struct pa_cgroup_limits *group, int artifact, int *fds,
                        struct pa_worker *worker, struct pa_error *err) {
    const struct pa_policy *policy = request->policy;
    fds[0] = artifact;
    if (open_mounts(executor, policy, fds + 1, err) < 0)
        return -1;
    int done = pa_worker_spawn_by(executor->spawner, executor->worker_path, executor->jail_required,
                                  policy->mount_count == 0, group, worker, err);
    if (done < 0)
        close_mounts(policy, fds + 1);
    return done;
}

static int run_fresh(struct pa_executor *executor, const struct pa_run_request *request,
                     int artifact, struct pa_outcome *outcome, bool *ret_worker_failed,
                     struct pa_error *err) {
    int fds[MAX_FDS];
    struct pa_worker worker;
    struct pa_buf encoded = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    const struct pa_cgroup_limits group = {
        .memory_bytes = pa_limits_data_bytes(&request->policy->limits) + PA_GROUP_SLACK_BYTES,
        .processes = RUN_PROCESSES,
        .cpu_weight = PA_GROUP_CPU_WEIGHT};
    encode_request(executor, request, &encoded);
    int done = check_encoded(&encoded, err);
    if (done == 0)
        done = start_worker(executor, request, &group, artifact, fds, &worker, err);
    if (done == 0) {
        done = supervise(request, &encoded, fds, fd_count(request->policy), &worker, outcome, err);
        *ret_worker_failed = done < 0;
        close_mounts(request->policy, fds + 1);
    }
    pa_buf_done(&encoded);
    return done;
}

/* A copy has its root's kernel limits: these are for its request.  The one on CPU time stands
 * behind the supervisor's clock; of a session it would count all turns together, so it has none.  A
 * dead copy will be noticed; its number may be another process's by now, so it is looked at through
 * its pidfd first. */
static int lower_limits(const struct pa_run_request *request, struct pa_error *err) {
    const struct pa_limits *limits = &request->policy->limits;
    const struct rlimit data = {pa_limits_data_bytes(limits), pa_limits_data_bytes(limits)};
    const uint64_t cpu_ms = limits->cpu_ms + (request->making ? limits->compile_ms : 0);
    const rlim_t seconds = cpu_ms / 1000 + CPU_SLACK_S;
    const struct rlimit cpu = {seconds, seconds};
    struct pollfd death = {.fd = request->warm->pidfd, .events = POLLIN};
    const pid_t pid = request->warm->pid;
    if (poll(&death, 1, 0) == 1)
        return 0;
    if ((prlimit(pid, RLIMIT_DATA, &data, NULL) == 0 &&
         (request->session || prlimit(pid, RLIMIT_CPU, &cpu, NULL) == 0)) ||
        errno == ESRCH)
        return 0;
    return pa_fail_errno(err, errno, "cannot set the limits of a warm process");
}

static int run_warm(struct pa_executor *executor, const struct pa_run_request *request,
                    struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_buf encoded = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    encode_request(executor, request, &encoded);
    int done = check_encoded(&encoded, err);
    if (done == 0)
        done = lower_limits(request, err);
    if (done < 0)
        pa_worker_discard(request->warm);
    else
        done = supervise(request, &encoded, NULL, 0, request->warm, outcome, err);
    pa_buf_done(&encoded);
    return done;
}

int pa_start_root(struct pa_executor *executor, const struct pa_run_request *request,
                  struct pa_worker *ret, struct pa_outcome *outcome, struct pa_error *err) {
    PA_CLEANUP(pa_closep) int artifact = -1;
    int fds[MAX_FDS];
    if (pa_compile(executor, &request->module, request->policy, request->cancel_fd, &artifact,
                   outcome, err) < 0)
        return -1;
    if (artifact < 0)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "%s", outcome->message);
    struct pa_buf encoded = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    const struct pa_cgroup_limits group = {.processes = ROOT_PROCESSES,
                                           .cpu_weight = PA_GROUP_CPU_WEIGHT};
    encode_request(executor, request, &encoded);
    int done = check_encoded(&encoded, err);
    if (done == 0)
        done = start_worker(executor, request, &group, artifact, fds, ret, err);
    if (done == 0) {
        if (pa_frame_send(ret->socket, PA_FRAME_WARM, encoded.data, encoded.size, fds,
                          fd_count(request->policy), true) < 0) {
            done = pa_fail_errno(err, errno, "cannot send the warm root its request");
            pa_worker_discard(ret);
        }
        close_mounts(request->policy, fds + 1);
    }
    pa_buf_done(&encoded);
    return done;
}

bool pa_module_too_large(const char *name, uint64_t size, const struct pa_policy *policy,
                         struct pa_outcome *outcome) {
    if (size <= policy->limits.module_bytes)
        return false;
    char limit[32], got[32], has[64] = "";
    const struct pa_limit_info *info = pa_limit_find("module_bytes");
    pa_limit_format(info, policy->limits.module_bytes, limit, sizeof(limit));
    pa_limit_format(info, size, got, sizeof(got));
    if (!pa_streq(got, limit)) /* a stream was read to the limit and one byte further */
        snprintf(has, sizeof(has), "%s, ", got);
    pa_outcome_set(outcome, PA_STATUS_INVALID_MODULE,
                   "%s has %smore than the limit of %s (module_bytes); make it smaller (wasm-opt "
                   "-Os) or raise the limit",
                   name, has, limit);
    return true;
}

/* An artifact that does not load, or a process that crashed with it, may be the fault of the file
 * on disk (another CPU's, a broken disk): then it is removed and made anew, once. */
static bool artifact_is_bad(const struct pa_executor *executor,
                            const struct pa_run_request *request, int artifact, bool worker_failed,
                            const struct pa_outcome *outcome, const struct pa_error *err) {
    bool refused = worker_failed && err->code == PA_ERR_UNIMPLEMENTED;
    bool died = outcome->status == PA_STATUS_CRASHED || outcome->status == PA_STATUS_DENIED;
    bool crashed = !worker_failed && died && !outcome->output[0].total && !outcome->output[1].total;
    if (!refused && !crashed)
        return false;
    if (crashed && pa_cache_verify(artifact))
        return false;
    struct pa_cache_key key;
    pa_module_key(&request->module, request->policy, &key);
    pa_cache_remove(executor->cache, &key);
    pa_log_warn("cache", "the artifact of %s cannot be used and is made anew",
                request->module.name);
    return true;
}

static int run_cold(struct pa_executor *executor, const struct pa_run_request *request,
                    struct pa_outcome *outcome, struct pa_error *err) {
    for (int attempt = 0;; attempt++) {
        PA_CLEANUP(pa_closep) int artifact = -1;
        if (pa_compile(executor, &request->module, request->policy, request->cancel_fd, &artifact,
                       outcome, err) < 0)
            return -1;
        if (artifact < 0)
            return 0;
        bool worker_failed = false, cached = !outcome->usage.compile_ns;
        int done = run_fresh(executor, request, artifact, outcome, &worker_failed, err);
        if (attempt == 0 && cached && (done == 0 || worker_failed) &&
            artifact_is_bad(executor, request, artifact, worker_failed, outcome, err))
            continue;
        return done;
    }
}

int pa_execute(struct pa_executor *executor, const struct pa_run_request *request,
               struct pa_outcome *outcome, struct pa_error *err) {
    if (pa_module_too_large(request->module.name, request->module.size, request->policy, outcome))
        return 0;
    if (request->warm)
        return run_warm(executor, request, outcome, err);
    struct pa_run_request known = *request;
    char digest[PA_DIGEST_TEXT];
    if (!known.module.digest) { /* once, for all that ask the cache */
        pa_digest(known.module.bytes, known.module.size, digest);
        known.module.digest = digest;
    }
    return run_cold(executor, &known, outcome, err);
}
