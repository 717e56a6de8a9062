/* Shared by supervise.c and describe.c alone: the state of one loop. */
#ifndef PA_RUN_SUPERVISE_INTERNAL_H
#define PA_RUN_SUPERVISE_INTERNAL_H

#include "run/call_desk.h"
#include "run/capture.h"
#include "run/cpu_time.h"
#include "run/denial.h"
#include "run/supervise.h"

/* Why the loop killed the worker, if it did. */
enum pa_verdict {
    VERDICT_NONE,
    VERDICT_TIMEOUT,
    VERDICT_CPU,
    VERDICT_OUTPUT,
    VERDICT_RESULTS,
    VERDICT_CANCELLED,
    VERDICT_UNHEARD,
    VERDICT_GARBAGE,
};

struct pa_loop {
    const struct pa_job *job;
    struct pa_outcome *outcome;
    struct pa_error *err;

    struct pa_worker *worker;
    struct pa_cpu_time cpu;
    uint64_t deadline_ns, next_cpu_check_ns;
    uint64_t cpu_limit_ns;
    bool making; /* the code that it will run is not there yet */

    struct pa_frame_decoder decoder;
    struct pa_capture captures[2];
    uint64_t output_total;
    size_t stdin_at; /* of job->stdin_bytes */
    bool stdin_wanted;
    struct pa_buf changed;     /* what was told of files */
    struct pa_call_desk *desk; /* NULL until a call comes */
    struct pa_buf reply;       /* on its way to the worker, ... */
    size_t reply_sent;         /* ... header included; 0: none is */
    unsigned log_lines;
    bool guest_spoke; /* it has come to more than entering the jail */
    bool sink_gone;   /* nobody listens any more */
    bool over;        /* the worker is reaped, or waits for another turn */
    uint64_t started_ns;

    enum pa_verdict verdict;
    bool ended, failed; /* an EXIT (or TURN), or a FAILED frame came */
    bool turned;        /* it was a TURN: the worker lives on */
    struct pa_end end;
    char garbage[160];           /* what was wrong with what the worker sent */
    char denied[PA_DENIAL_ROOM]; /* "the system call socket (41)", if it had last words */
};

/* How the job ended, into loop->outcome: what the loop knows by itself comes before what the
 * kernel says, and that before what the worker says. */
void pa_loop_describe(struct pa_loop *loop, int wait_status);

#endif
