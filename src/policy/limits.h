/*
 * Every limit of a run, in one table: the name that users meet in flags, YAML, requests and
 * outcomes, its unit, default, smallest and largest value, and what it bounds.
 *
 * Limits are per run.  A request may lower them; only the operator's configuration or the command
 * line may raise them.  PA_UNLIMITED ("unlimited") is allowed where the last column says so.
 */
#ifndef PA_POLICY_LIMITS_H
#define PA_POLICY_LIMITS_H

#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

#define PA_UNLIMITED UINT64_MAX
#define PA_KIB       UINT64_C(1024)
#define PA_MIB       (1024 * PA_KIB)
#define PA_GIB       (1024 * PA_MIB)

enum pa_unit {
    PA_UNIT_BYTES,
    PA_UNIT_MS,
    PA_UNIT_COUNT,
};

/* field, unit, default, smallest, largest, may be unlimited, what it bounds */
#define PA_LIMITS(X)                                                                               \
    X(memory_bytes, PA_UNIT_BYTES, 256 * PA_MIB, 64 * PA_KIB, 4 * PA_GIB, false,                   \
      "linear memory of the guest")                                                                \
    X(timeout_ms, PA_UNIT_MS, 30000, 1, 86400000, false, "wall time of a run")                     \
    X(cpu_ms, PA_UNIT_MS, 30000, 1, 86400000, false, "CPU time of a run")                          \
    X(fuel, PA_UNIT_COUNT, PA_UNLIMITED, 1, PA_UNLIMITED - 1, true,                                \
      "WebAssembly operations; setting it uses metered code, about a third slower")                \
    X(stdout_bytes, PA_UNIT_BYTES, PA_MIB, 0, PA_GIB, true,                                        \
      "standard output that is kept: its head and its tail")                                       \
    X(stderr_bytes, PA_UNIT_BYTES, PA_MIB, 0, PA_GIB, true,                                        \
      "standard error that is kept: its head and its tail")                                        \
    X(output_bytes, PA_UNIT_BYTES, 64 * PA_MIB, 0, 1024 * PA_GIB, true,                            \
      "everything a run may write to both streams before it is ended")                             \
    X(results_bytes, PA_UNIT_BYTES, 16 * PA_MIB, 0, PA_GIB, false,                                 \
      "results, figures and errors that a language hands over as data")                            \
    X(files_bytes, PA_UNIT_BYTES, 64 * PA_MIB, 0, 4 * PA_GIB, false,                               \
      "contents of the in-memory file system")                                                     \
    X(files_count, PA_UNIT_COUNT, 4096, 16, 1000000, false,                                        \
      "files, directories and links of the in-memory file system")                                 \
    X(open_files, PA_UNIT_COUNT, 256, 16, 4096, false, "descriptors open at once")                 \
    X(module_bytes, PA_UNIT_BYTES, 50 * PA_MIB, 8, PA_GIB, false, "size of a module")              \
    X(table_elements, PA_UNIT_COUNT, 1000000, 0, 10000000, false, "elements of a table")           \
    X(stack_bytes, PA_UNIT_BYTES, PA_MIB, 64 * PA_KIB, 64 * PA_MIB, false, "WebAssembly stack")    \
    X(compile_ms, PA_UNIT_MS, 120000, 100, 3600000, false, "time to compile a module")             \
    X(compile_memory_bytes, PA_UNIT_BYTES, 4 * PA_GIB, 64 * PA_MIB, 64 * PA_GIB, false,            \
      "memory to compile a module")

struct pa_limits {
#define X(field, unit, initial, smallest, largest, unlimited, what) uint64_t field;
    PA_LIMITS (X)
#undef X
};

/* One row of the table, for code that treats all limits alike (configuration, flags, messages). */
struct pa_limit_info {
    const char *name; /* "memory_bytes" */
    enum pa_unit unit;
    uint64_t initial, smallest, largest;
    bool may_be_unlimited;
    const char *what;
    size_t offset; /* in struct pa_limits */
};

extern const struct pa_limit_info pa_limit_infos[];
extern const size_t pa_limit_count;

/* NULL if there is no such limit. */
const struct pa_limit_info *pa_limit_find(const char *name);

static inline uint64_t *pa_limit_slot(struct pa_limits *limits, const struct pa_limit_info *info) {
    return (uint64_t *)(void *)((char *)limits + info->offset);
}

void pa_limits_init(struct pa_limits *limits); /* the defaults */

/* RLIMIT_DATA of a process that runs a guest under these limits: the guest's memory, its files
 * (which double while they grow), and the native memory beside them: the engine, our buffers. */
uint64_t pa_limits_data_bytes(const struct pa_limits *limits);

/* Parses text as people write it ("256MiB", "30s", "unlimited") and checks the range; the error
 * names the limit, what was got and what is allowed. */
int pa_limit_parse(const struct pa_limit_info *info, const char *text, uint64_t *ret,
                   struct pa_error *err);

/* The same for a value that is already a number in the limit's unit. */
int pa_limit_check(const struct pa_limit_info *info, uint64_t value, struct pa_error *err);

/* "256 MiB", "30 s", "100000000", "unlimited".  Returns `out`. */
char *pa_limit_format(const struct pa_limit_info *info, uint64_t value, char *out, size_t room);

#endif
