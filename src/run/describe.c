/* How a job ended, in words for people. */
#include "run/supervise_internal.h"

#include <signal.h>
#include <sys/wait.h>

static void describe_signal(struct pa_loop *loop, int wait_status) {
    struct pa_outcome *outcome = loop->outcome;
    int number = loop->denied[0] ? SIGSYS : WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    char limit[32];
    switch (number) {
    case SIGSYS:
        pa_outcome_set(outcome, PA_STATUS_DENIED,
                       "the process made %s, which the jail forbids, and was killed",
                       loop->denied[0] ? loop->denied : "a system call");
        break;
    case SIGXCPU:
        pa_outcome_set(outcome, PA_STATUS_CPU_LIMIT, "CPU time limit reached");
        break;
    case SIGKILL:
        pa_outcome_set(
            outcome, PA_STATUS_CRASHED,
            "the process was killed from outside: by the kernel, where the machine or the "
            "control group has less memory than the run's memory_bytes (%s), by somebody, "
            "or because its warm process died",
            pa_limit_format(pa_limit_find("memory_bytes"), loop->job->limits->memory_bytes, limit,
                            sizeof(limit)));
        break;
    case 0:
        pa_outcome_set(outcome, PA_STATUS_CRASHED,
                       "the process ended (exit status %d) without saying how the guest did",
                       WEXITSTATUS(wait_status));
        break;
    default:
        pa_outcome_set(outcome, PA_STATUS_CRASHED, "the process died of signal %d (%s)", number,
                       strsignal(number));
    }
}

static void describe_limit(struct pa_loop *loop, enum pa_status status, const char *limit_name,
                           const char *advice) {
    char text[32];
    const struct pa_limit_info *info = pa_limit_find(limit_name);
    uint64_t value = *pa_limit_slot((struct pa_limits *)loop->job->limits, info);
    pa_outcome_set(loop->outcome, status, "%s limit of %s reached (%s); %s", info->what,
                   pa_limit_format(info, value, text, sizeof(text)), limit_name, advice);
}

void pa_loop_describe(struct pa_loop *loop, int wait_status) {
    const struct pa_job *job = loop->job;
    switch (loop->verdict) {
    case VERDICT_TIMEOUT:
        describe_limit(loop, PA_STATUS_TIMEOUT,
                       loop->making ? job->making->limit_name : job->wall_limit_name,
                       "raise it, or make the code finish sooner");
        return;
    case VERDICT_CPU:
        describe_limit(loop, PA_STATUS_CPU_LIMIT,
                       loop->making ? job->making->limit_name : job->cpu_limit_name,
                       "raise it, or make the code compute less");
        return;
    case VERDICT_OUTPUT:
        describe_limit(loop, PA_STATUS_OUTPUT_LIMIT, "output_bytes", "raise it, or write less");
        return;
    case VERDICT_RESULTS:
        describe_limit(loop, PA_STATUS_OUTPUT_LIMIT, "results_bytes", "raise it, or show less");
        return;
    case VERDICT_CANCELLED:
        pa_outcome_set(loop->outcome, PA_STATUS_CANCELLED, "cancelled by the caller");
        return;
    case VERDICT_UNHEARD:
        pa_outcome_set(loop->outcome, PA_STATUS_CANCELLED, "its output cannot be written any more");
        return;
    case VERDICT_GARBAGE:
        pa_outcome_set(loop->outcome, PA_STATUS_CRASHED,
                       "the process broke the protocol of its channel and was killed: %s",
                       loop->garbage);
        return;
    case VERDICT_NONE:
        break;
    }
    if (!loop->ended)
        describe_signal(loop, wait_status);
    else if (pa_outcome_take_files(loop->outcome, &loop->changed) < 0)
        pa_outcome_set(loop->outcome, PA_STATUS_CRASHED,
                       "the process told of files that cannot be as it says");
    else
        pa_outcome_take_end(loop->outcome, &loop->end);
}
