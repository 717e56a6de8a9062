#include "run/executor.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "warm/request.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORKER_NAME "polyagent-worker"

struct pa_executor {
    char *worker_path;
    struct pa_cache *cache;
    bool jail_required;
};

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

static void fill_setup(const struct pa_executor *executor, struct pa_worker_setup *setup) {
    setup->jail_required = executor->jail_required;
    snprintf(setup->log_spec, sizeof(setup->log_spec), "%s", pa_log_spec());
    setup->log_format = pa_log_format();
}

static const char *variant(const struct pa_policy *policy) {
    return policy->deterministic ? "deterministic" : pa_policy_metered(policy) ? "metered" : "fast";
}

/* --- compilation ------------------------------------------------------------------------------ */

static int compile_in_worker(struct pa_executor *executor, const struct pa_module_source *module,
                             const struct pa_policy *policy, int cancel_fd, int artifact,
                             struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_compile_message message = {.limits = policy->limits,
                                         .metered = pa_policy_metered(policy),
                                         .deterministic = policy->deterministic,
                                         .entry = {.style = PA_ENTRY_COMMAND}};
    fill_setup(executor, &message.setup);
    struct pa_buf encoded = PA_BUF_INIT(PA_MIB);
    pa_compile_message_encode(&message, &encoded);
    PA_CLEANUP(pa_closep) int source = pa_memfd_of("module", module->bytes, module->size, err);
    if (source < 0)
        return -1;
    int fds[] = {source, artifact};
    uint64_t ms = policy->limits.compile_ms;
    struct pa_job job = {.type = PA_FRAME_COMPILE,
                         .message = &encoded,
                         .fds = fds,
                         .fd_count = PA_ARRAY_LEN(fds),
                         .wall_ns = ms * PA_NS_PER_MS,
                         .cpu_ns = ms * PA_NS_PER_MS * 2,
                         .limits = &policy->limits,
                         .wall_limit_name = "compile_ms",
                         .cpu_limit_name = "compile_ms",
                         .stdin_fd = -1,
                         .cancel_fd = cancel_fd};
    struct pa_worker worker;
    int done = pa_worker_spawn(executor->worker_path, executor->jail_required, true, &worker, err);
    if (done == 0)
        done = pa_job_run(&job, &worker, outcome, err);
    pa_buf_done(&encoded);
    return done;
}

/* A compiler that ran into a limit says so as the verdict on the module. */
static void blame_module(const struct pa_module_source *module, const struct pa_policy *policy,
                         struct pa_outcome *outcome) {
    char memory[32], was[sizeof(outcome->message)];
    memcpy(was, outcome->message, sizeof(was));
    switch (outcome->status) {
    case PA_STATUS_INVALID_MODULE:
    case PA_STATUS_CANCELLED:
        return;
    case PA_STATUS_TIMEOUT:
    case PA_STATUS_CPU_LIMIT:
        pa_outcome_set(outcome, PA_STATUS_INVALID_MODULE, "%s takes too long to compile: %.300s",
                       module->name, was);
        return;
    default:
        pa_limit_format(pa_limit_find("compile_memory_bytes"), policy->limits.compile_memory_bytes,
                        memory, sizeof(memory));
        pa_outcome_set(outcome, PA_STATUS_INVALID_MODULE,
                       "%s cannot be compiled within compile_memory_bytes (%s): %.250s",
                       module->name, memory, was);
    }
}

int pa_compile(struct pa_executor *executor, const struct pa_module_source *module,
               const struct pa_policy *policy, int cancel_fd, int *ret_fd,
               struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_cache_key key = {.variant = variant(policy)};
    pa_digest(module->bytes, module->size, key.module);
    struct pa_error cache_err = {.code = PA_ERR_NONE};
    *ret_fd = pa_cache_get(executor->cache, &key, &cache_err);
    if (*ret_fd >= 0)
        return 0;
    if (cache_err.code != PA_ERR_NONE) {
        *err = cache_err;
        return -1;
    }
    uint64_t began = pa_clock_monotonic_ns();
    PA_CLEANUP(pa_closep) int artifact = memfd_create("artifact", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (artifact < 0)
        return pa_fail_errno(err, errno, "cannot create a memory file");
    struct pa_outcome compiled;
    pa_outcome_init(&compiled);
    int done = compile_in_worker(executor, module, policy, cancel_fd, artifact, &compiled, err);
    uint64_t took = pa_clock_monotonic_ns() - began;
    if (done == 0 && compiled.status == PA_STATUS_OK) {
        if (pa_cache_put(executor->cache, &key, artifact, &cache_err) < 0)
            pa_log_warn("cache", "%s; the module will be compiled again next time",
                        cache_err.message);
        else
            pa_log_info("cache", "compiled %s in %llu ms", module->name,
                        (unsigned long long)(took / PA_NS_PER_MS));
        *ret_fd = pa_steal_fd(&artifact);
        outcome->usage.compile_ns = took;
    } else if (done == 0) {
        blame_module(module, policy, &compiled);
        struct pa_output_record kept[2] = {outcome->output[0], outcome->output[1]};
        struct pa_output_record dropped[2] = {compiled.output[0], compiled.output[1]};
        *outcome = compiled;
        memcpy(outcome->output, kept, sizeof(kept));
        memcpy(compiled.output, dropped, sizeof(dropped));
        outcome->usage.compile_ns = took;
    }
    pa_outcome_done(&compiled);
    return done;
}

/* --- runs ------------------------------------------------------------------------------------- */

static int open_mounts(const struct pa_policy *policy, int *fds, struct pa_error *err) {
    for (size_t i = 0; i < policy->mount_count; i++) {
        fds[i] = open(policy->mounts[i].host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

static int run_in_worker(struct pa_executor *executor, const struct pa_run_request *request,
                         int artifact, struct pa_outcome *outcome, bool *ret_worker_failed,
                         struct pa_error *err) {
    const struct pa_policy *policy = request->policy;
    int fds[PA_MAX_MOUNTS + 1] = {artifact};
    if (open_mounts(policy, fds + 1, err) < 0)
        return -1;
    size_t argc = request->argc + 1;
    PA_CLEANUP(pa_freep) const char **argv = pa_xcalloc(argc, sizeof(*argv));
    argv[0] = program_name(request->module.name);
    for (size_t i = 0; i < request->argc; i++)
        argv[i + 1] = request->argv[i];
    struct pa_run_message message = {
        .policy = *policy, .argv = (char **)argv, .argc = argc}; /* borrowed while encoding */
    fill_setup(executor, &message.setup);
    struct pa_buf encoded = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    pa_run_message_encode(&message, &encoded);

    struct pa_job job = {.type = PA_FRAME_RUN,
                         .message = &encoded,
                         .fds = fds,
                         .fd_count = policy->mount_count + 1,
                         .wall_ns = policy->limits.timeout_ms * PA_NS_PER_MS,
                         .cpu_ns = policy->limits.cpu_ms * PA_NS_PER_MS,
                         .limits = &policy->limits,
                         .wall_limit_name = "timeout_ms",
                         .cpu_limit_name = "cpu_ms",
                         .stdin_fd = request->stdin_fd,
                         .stdin_bytes = request->stdin_bytes,
                         .stdin_size = request->stdin_size,
                         .sink = request->sink,
                         .cancel_fd = request->cancel_fd};
    struct pa_worker worker;
    int done = encoded.failed ? pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                                        "the request is larger than %u bytes", PA_FRAME_MAX_REQUEST)
                              : pa_worker_spawn(executor->worker_path, executor->jail_required,
                                                policy->mount_count == 0, &worker, err);
    if (done == 0) {
        done = pa_job_run(&job, &worker, outcome, err);
        *ret_worker_failed = done < 0;
    }
    pa_buf_done(&encoded);
    for (size_t i = 1; i <= policy->mount_count; i++)
        close(fds[i]);
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

/* An artifact that does not load, or a process that crashed with it, may be the fault of the file on
 * disk (another CPU's, a broken disk): then it is removed and made anew, once. */
static bool artifact_is_bad(const struct pa_executor *executor, const struct pa_run_request *request,
                            int artifact, bool worker_failed, const struct pa_outcome *outcome,
                            const struct pa_error *err) {
    bool refused = worker_failed && err->code == PA_ERR_FAILED_PRECONDITION;
    bool crashed = !worker_failed && outcome->status == PA_STATUS_CRASHED &&
                   !outcome->output[0].total && !outcome->output[1].total;
    if (outcome->usage.compile_ns || (!refused && !crashed))
        return false;
    if (crashed && pa_cache_verify(artifact))
        return false;
    struct pa_cache_key key = {.variant = variant(request->policy)};
    pa_digest(request->module.bytes, request->module.size, key.module);
    pa_cache_remove(executor->cache, &key);
    pa_log_warn("cache", "the artifact of %s cannot be used and is made anew", request->module.name);
    return true;
}

int pa_execute(struct pa_executor *executor, const struct pa_run_request *request,
               struct pa_outcome *outcome, struct pa_error *err) {
    if (pa_module_too_large(request->module.name, request->module.size, request->policy, outcome))
        return 0;
    for (int attempt = 0;; attempt++) {
        PA_CLEANUP(pa_closep) int artifact = -1;
        if (pa_compile(executor, &request->module, request->policy, request->cancel_fd, &artifact,
                       outcome, err) < 0)
            return -1;
        if (artifact < 0)
            return 0;
        bool worker_failed = false;
        int done = run_in_worker(executor, request, artifact, outcome, &worker_failed, err);
        if (attempt == 0 && (done == 0 || worker_failed) &&
            artifact_is_bad(executor, request, artifact, worker_failed, outcome, err))
            continue;
        return done;
    }
}
