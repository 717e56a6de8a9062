/*
 * How a run ends.  A guest's failure is this, never a struct pa_error.
 */
#ifndef PA_POLICY_STATUS_H
#define PA_POLICY_STATUS_H

#include <stdint.h>

/* status, name in the outcome, exit status of the command line (-1: the guest's own) */
#define PA_STATUSES(X)                                                                             \
    X(PA_STATUS_OK, "ok", -1)                                                                      \
    X(PA_STATUS_ERROR, "error", -1) /* exit code not 0, or an uncaught exception */                \
    X(PA_STATUS_TIMEOUT, "timeout", 124)                                                           \
    X(PA_STATUS_CPU_LIMIT, "cpu_limit", 137)                                                       \
    X(PA_STATUS_OUT_OF_FUEL, "out_of_fuel", 137)                                                   \
    X(PA_STATUS_OUT_OF_MEMORY, "out_of_memory", 137)                                               \
    X(PA_STATUS_OUTPUT_LIMIT, "output_limit", 137)                                                 \
    X(PA_STATUS_DISK_LIMIT, "disk_limit", 137)                                                     \
    X(PA_STATUS_TRAP, "trap", 134)                                                                 \
    X(PA_STATUS_INVALID_MODULE, "invalid_module", 126)                                             \
    X(PA_STATUS_DENIED, "denied", 137)       /* a system call the jail forbids, a host call */     \
    X(PA_STATUS_CANCELLED, "cancelled", 130) /* by the caller: Ctrl-C, a cancelled request */      \
    X(PA_STATUS_CRASHED, "crashed", 125)     /* the process died in a way that is not the guest's */

enum pa_status {
#define X(status, name, exit_status) status,
    PA_STATUSES(X)
#undef X
};

#define PA_STATUS_COUNT (PA_STATUS_CRASHED + 1)

const char *pa_status_name(enum pa_status status);
int pa_status_exit(enum pa_status status);

/*
 * How the guest's code ended, as the process that ran it saw it: from the engine to the run
 * channel. The supervisor, which the guest cannot influence, may know better (it sent SIGKILL at
 * the limit).
 */
struct pa_end {
    enum pa_status status;
    uint32_t exit_code;   /* of proc_exit; 0 when _start returned; meaningful for OK and ERROR */
    char kind[48];        /* of a trap: "unreachable", "stack_overflow", ...; else empty */
    char message[512];    /* what happened, which limit at which value, what to change; or "" */
    char backtrace[4096]; /* WebAssembly frames, one a line, innermost first; or "" */
    uint64_t memory_peak_bytes; /* linear memory, at its largest */
    uint64_t fuel_used;         /* PA_UNLIMITED where fuel was not metered */
};

#endif
