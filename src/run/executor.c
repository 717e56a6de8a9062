#include "run/executor_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#define WORKER_NAME "polyagent-worker"

/* Beside this program (the build folder), else where `make install` puts it. */
static int find_worker(char **ret, struct pa_error *err) {
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[PA_MAX(n, 0)] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    char *candidates[] = {pa_xasprintf("%s/" WORKER_NAME, self),
                          pa_xasprintf("%s/../libexec/polyagent/" WORKER_NAME, self),
                          pa_xstrdup(PA_LIBEXECDIR "/" WORKER_NAME)};
    *ret = NULL;
    for (size_t i = 0; i < PA_ARRAY_LEN(candidates); i++) {
        if (!*ret && access(candidates[i], X_OK) == 0)
            *ret = candidates[i];
        else
            free(candidates[i]);
    }
    if (*ret)
        return 0;
    return pa_fail(err, PA_ERR_NOT_FOUND,
                   WORKER_NAME " was found neither in %s nor in " PA_LIBEXECDIR
                               ": build or install both programs together",
                   self);
}

int pa_executor_new(const struct pa_executor_config *config, struct pa_executor **ret,
                    struct pa_error *err) {
    struct pa_executor *executor = pa_xcalloc(1, sizeof(*executor));
    executor->jail_required = config->jail_required;
    executor->compiling = config->compiling;
    int failed = 0;
    if (config->worker_path)
        executor->worker_path = pa_xstrdup(config->worker_path);
    else
        failed = find_worker(&executor->worker_path, err);
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

static void close_mounts(const struct pa_policy *policy, const int *fds) {
    for (size_t i = 0; i < policy->mount_count; i++)
        close(fds[i]);
}

static int open_mounts(const struct pa_executor *executor, const struct pa_policy *policy, int *fds,
                       struct pa_error *err) {
    for (size_t i = 0; i < policy->mount_count; i++) {
        const char *host = policy->mounts[i].host;
        fds[i] = open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fds[i] < 0 && errno == EACCES &&
            executor->spawner) /* we are confined, it will not be */
            fds[i] = open(host, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fds[i] >= 0)
            continue;
        pa_fail_errno(err, errno, "mount %s", policy->mounts[i].host);
        while (i > 0)
            close(fds[--i]);
        return -1;
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
                                     .file_count = request->file_count};
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
                        int artifact, int *fds, struct pa_worker *worker, struct pa_error *err) {
    const struct pa_policy *policy = request->policy;
    fds[0] = artifact;
    if (open_mounts(executor, policy, fds + 1, err) < 0)
        return -1;
    int done = pa_worker_spawn_by(executor->spawner, executor->worker_path, executor->jail_required,
                                  policy->mount_count == 0, worker, err);
    if (done < 0)
        close_mounts(policy, fds + 1);
    return done;
}

static int run_fresh(struct pa_executor *executor, const struct pa_run_request *request,
                     int artifact, struct pa_outcome *outcome, bool *ret_worker_failed,
                     struct pa_error *err) {
    int fds[PA_MAX_MOUNTS + 1];
    struct pa_worker worker;
    struct pa_buf encoded = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    encode_request(executor, request, &encoded);
    int done = check_encoded(&encoded, err);
    if (done == 0)
        done = start_worker(executor, request, artifact, fds, &worker, err);
    if (done == 0) {
        done = supervise(request, &encoded, fds, request->policy->mount_count + 1, &worker, outcome,
                         err);
        *ret_worker_failed = done < 0;
        close_mounts(request->policy, fds + 1);
    }
    pa_buf_done(&encoded);
    return done;
}

/* A copy has its root's kernel limit on memory; this one is for its request.  A dead one will be
 * noticed; its number may be another process's by now, so it is looked at through its pidfd first.
 */
static int lower_data_limit(const struct pa_worker *worker, const struct pa_limits *limits,
                            struct pa_error *err) {
    struct rlimit limit = {pa_limits_data_bytes(limits), pa_limits_data_bytes(limits)};
    struct pollfd death = {.fd = worker->pidfd, .events = POLLIN};
    if (poll(&death, 1, 0) == 1 || prlimit(worker->pid, RLIMIT_DATA, &limit, NULL) == 0 ||
        errno == ESRCH)
        return 0;
    return pa_fail_errno(err, errno, "cannot set the memory limit of a warm process");
}

static int run_warm(struct pa_executor *executor, const struct pa_run_request *request,
                    struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_buf encoded = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    encode_request(executor, request, &encoded);
    int done = check_encoded(&encoded, err);
    if (done == 0)
        done = lower_data_limit(request->warm, &request->policy->limits, err);
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
    int fds[PA_MAX_MOUNTS + 1];
    if (pa_compile(executor, &request->module, request->policy, request->cancel_fd, &artifact,
                   outcome, err) < 0)
        return -1;
    if (artifact < 0)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "%s", outcome->message);
    struct pa_buf encoded = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    encode_request(executor, request, &encoded);
    int done = check_encoded(&encoded, err);
    if (done == 0)
        done = start_worker(executor, request, artifact, fds, ret, err);
    if (done == 0) {
        if (pa_frame_send(ret->socket, PA_FRAME_WARM, encoded.data, encoded.size, fds,
                          request->policy->mount_count + 1, true) < 0) {
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
    char limit[32], got[32];
    const struct pa_limit_info *info = pa_limit_find("module_bytes");
    pa_outcome_set(outcome, PA_STATUS_INVALID_MODULE,
                   "%s has %s, more than the limit of %s (module_bytes); make it smaller (wasm-opt "
                   "-Os) or raise the limit",
                   name, pa_limit_format(info, size, got, sizeof(got)),
                   pa_limit_format(info, policy->limits.module_bytes, limit, sizeof(limit)));
    return true;
}

/* An artifact that does not load, or a process that crashed with it, may be the fault of the file
 * on disk (another CPU's, a broken disk): then it is removed and made anew, once. */
static bool artifact_is_bad(const struct pa_executor *executor,
                            const struct pa_run_request *request, int artifact, bool worker_failed,
                            const struct pa_outcome *outcome, const struct pa_error *err) {
    bool refused = worker_failed && err->code == PA_ERR_FAILED_PRECONDITION;
    bool died = outcome->status == PA_STATUS_CRASHED || outcome->status == PA_STATUS_DENIED;
    bool crashed = !worker_failed && died && !outcome->output[0].total && !outcome->output[1].total;
    if (outcome->usage.compile_ns || (!refused && !crashed))
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

int pa_execute(struct pa_executor *executor, const struct pa_run_request *request,
               struct pa_outcome *outcome, struct pa_error *err) {
    if (pa_module_too_large(request->module.name, request->module.size, request->policy, outcome))
        return 0;
    if (request->warm)
        return run_warm(executor, request, outcome, err);
    for (int attempt = 0;; attempt++) {
        PA_CLEANUP(pa_closep) int artifact = -1;
        if (pa_compile(executor, &request->module, request->policy, request->cancel_fd, &artifact,
                       outcome, err) < 0)
            return -1;
        if (artifact < 0)
            return 0;
        bool worker_failed = false;
        int done = run_fresh(executor, request, artifact, outcome, &worker_failed, err);
        if (attempt == 0 && (done == 0 || worker_failed) &&
            artifact_is_bad(executor, request, artifact, worker_failed, outcome, err))
            continue;
        return done;
    }
}
