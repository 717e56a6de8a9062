/*
 * From a module to its artifact: out of the cache, or by a worker that does nothing else.
 */
#include "run/executor_internal.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define COMPILE_THREADS 1024

static const struct pa_entry command = {.style = PA_ENTRY_COMMAND};

void pa_module_key(const struct pa_module_source *module, const struct pa_policy *policy,
                   struct pa_cache_key *ret) {
    ret->variant = pa_policy_variant(policy);
    if (module->digest)
        snprintf(ret->module, sizeof(ret->module), "%s", module->digest);
    else
        pa_digest(module->bytes, module->size, ret->module);
}

const struct pa_entry *pa_module_entry(const struct pa_module_source *module) {
    return module->entry ? module->entry : &command;
}

/* The file's bytes as they were digested: the artifact is found again by that digest, so a file
 * that was changed or replaced since must not be compiled under it, nor change while it is read. */
static int open_as_digested(const struct pa_module_source *module, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf bytes = PA_BUF_INIT(module->size);
    char digest[PA_DIGEST_TEXT];
    if (pa_read_file(module->path, &bytes, err) < 0)
        return pa_error_prefix(err, "the module");
    pa_digest(bytes.data, bytes.size, digest);
    if (!pa_streq(digest, module->digest))
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "the module %s is not the one whose digest was taken: it was changed",
                       module->path);
    return pa_memfd_of("module", bytes.data, bytes.size, err);
}

/* A descriptor that reads as the module's bytes. */
static int open_module(const struct pa_module_source *module, struct pa_error *err) {
    return module->path ? open_as_digested(module, err)
                        : pa_memfd_of("module", module->bytes, module->size, err);
}

int pa_compile_in_worker(struct pa_executor *executor, const struct pa_compile_message *message,
                         int source, int artifact, int cancel_fd, struct pa_outcome *outcome,
                         struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf encoded = PA_BUF_INIT(PA_MIB);
    pa_compile_message_encode(message, &encoded);
    const struct pa_limits *limits = &message->limits;
    int fds[] = {source, artifact};
    uint64_t ms = limits->compile_ms;
    struct pa_job job = {.type = PA_FRAME_COMPILE,
                         .message = &encoded,
                         .fds = fds,
                         .fd_count = PA_ARRAY_LEN(fds),
                         .wall_ns = ms * PA_NS_PER_MS,
                         .cpu_ns = ms * PA_NS_PER_MS * 2,
                         .limits = limits,
                         .wall_limit_name = "compile_ms",
                         .cpu_limit_name = "compile_ms",
                         .stdin_fd = -1,
                         .cancel_fd = cancel_fd};
    struct pa_worker worker;
    const struct pa_cgroup_limits group = {.memory_bytes =
                                               limits->compile_memory_bytes + PA_GROUP_SLACK_BYTES,
                                           .processes = COMPILE_THREADS,
                                           .cpu_weight = PA_GROUP_CPU_WEIGHT};
    int done = pa_worker_spawn_by(executor->spawner, executor->worker_path, executor->jail_required,
                                  true, &group, &worker, err);
    if (done == 0)
        done = pa_job_run(&job, &worker, outcome, err);
    return done;
}

static int compile_module(struct pa_executor *executor, const struct pa_module_source *module,
                          const struct pa_policy *policy, int cancel_fd, int artifact,
                          struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_compile_message message = {.limits = policy->limits,
                                         .metered = pa_policy_metered(policy),
                                         .deterministic = policy->deterministic,
                                         .entry = *pa_module_entry(module)};
    pa_executor_setup(executor, &message.setup);
    PA_CLEANUP(pa_closep) int source = open_module(module, err);
    return source < 0 ? -1
                      : pa_compile_in_worker(executor, &message, source, artifact, cancel_fd,
                                             outcome, err);
}

/* From here on nobody changes the artifact, whoever holds its descriptor: neither while it is
 * stored nor the worker that runs it, which could fill the machine's memory through it. */
static int seal(int artifact, struct pa_error *err) {
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    return fcntl(artifact, F_ADD_SEALS, seals) < 0
               ? pa_fail_errno(err, errno, "cannot seal an artifact")
               : 0;
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
    case PA_STATUS_OUT_OF_MEMORY:
        pa_limit_format(pa_limit_find("compile_memory_bytes"), policy->limits.compile_memory_bytes,
                        memory, sizeof(memory));
        pa_outcome_set(outcome, PA_STATUS_INVALID_MODULE,
                       "%s cannot be compiled: out of memory, it takes more than "
                       "compile_memory_bytes (%s): %.200s",
                       module->name, memory, was);
        return;
    default:
        pa_outcome_set(
            outcome, PA_STATUS_INVALID_MODULE,
            "%s cannot be compiled: it nests too deeply for the compiler, or has found a "
            "fault of it: %.200s",
            module->name, was);
    }
}

bool pa_is_compiled(struct pa_executor *executor, const struct pa_module_source *module,
                    const struct pa_policy *policy) {
    struct pa_cache_key key;
    struct pa_error ignored;
    pa_module_key(module, policy, &key);
    PA_CLEANUP(pa_closep) int artifact = pa_cache_get(executor->cache, &key, &ignored);
    return artifact >= 0;
}

int pa_compile(struct pa_executor *executor, const struct pa_module_source *module,
               const struct pa_policy *policy, int cancel_fd, int *ret_fd,
               struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_cache_key key;
    pa_module_key(module, policy, &key);
    struct pa_error cache_err = {.code = PA_ERR_NONE};
    *ret_fd = pa_cache_get(executor->cache, &key, &cache_err);
    if (*ret_fd >= 0)
        return 0;
    if (cache_err.code != PA_ERR_NONE) {
        *err = cache_err;
        return -1;
    }
    uint64_t began = pa_clock_monotonic_ns();
    if (executor->compiling)
        executor->compiling(module->name, module->size);
    PA_CLEANUP(pa_closep) int artifact = memfd_create("artifact", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (artifact < 0)
        return pa_fail_errno(err, errno, "cannot create a memory file");
    struct pa_outcome compiled;
    pa_outcome_init(&compiled);
    int done = compile_module(executor, module, policy, cancel_fd, artifact, &compiled, err);
    if (done == 0)
        done = seal(artifact, err);
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
        pa_outcome_set(outcome, compiled.status, "%s", compiled.message);
        outcome->usage.compile_ns = took;
    }
    pa_outcome_done(&compiled);
    return done;
}
