/* Shared by executor.c and compile.c alone. */
#ifndef PA_RUN_EXECUTOR_INTERNAL_H
#define PA_RUN_EXECUTOR_INTERNAL_H

#include "jail/cgroup.h"
#include "run/executor.h"

/* In a control group, beside what RLIMIT_DATA counts: page tables, an artifact copied into memory,
 * sockets. */
#define PA_GROUP_SLACK_BYTES (1024 * PA_MIB)
#define PA_GROUP_CPU_WEIGHT  50 /* half a share: the server's own threads come first */

struct pa_executor {
    char *worker_path;
    struct pa_cache *cache;
    bool jail_required;
    struct pa_spawner *spawner; /* or NULL: this process starts workers itself */
    void (*compiling)(const char *name, size_t size);
};

struct pa_compile_message;
/* A compile worker's work from `source` into `artifact`, two memory files. */
int pa_compile_in_worker(struct pa_executor *executor, const struct pa_compile_message *message,
                         int source, int artifact, int cancel_fd, struct pa_outcome *outcome,
                         struct pa_error *err);

/* How a worker of this executor logs and is confined. */
void pa_executor_setup(const struct pa_executor *executor, struct pa_worker_setup *setup);

void pa_module_key(const struct pa_module_source *module, const struct pa_policy *policy,
                   struct pa_cache_key *ret);
const struct pa_entry *pa_module_entry(const struct pa_module_source *module);

#endif
