#include "run/cpu_time.h"

#include "base/clock.h"
#include "base/macros.h"

void pa_cpu_time_note(struct pa_cpu_time *time, uint64_t life_ns) {
    time->seen_ns = PA_MAX(time->seen_ns, life_ns);
}

void pa_cpu_time_read(struct pa_cpu_time *time) {
    struct timespec used;
    if (clock_gettime(time->clock, &used) == 0) /* else it is reaped; who did that knows */
        pa_cpu_time_note(time, (uint64_t)used.tv_sec * PA_NS_PER_S + (uint64_t)used.tv_nsec);
}

void pa_cpu_time_begin(struct pa_cpu_time *time, pid_t pid) {
    *time = (struct pa_cpu_time){0};
    if (clock_getcpuclockid(pid, &time->clock) != 0)
        time->clock = -1; /* it died before it was asked */
    pa_cpu_time_read(time);
    time->before_ns = time->seen_ns;
}

void pa_cpu_time_begin_at(struct pa_cpu_time *time, uint64_t life_ns) {
    pa_cpu_time_read(time);
    time->before_ns = PA_MAX(time->before_ns, PA_MIN(life_ns, time->seen_ns));
}

uint64_t pa_cpu_time_spent_ns(const struct pa_cpu_time *time) {
    return time->seen_ns - PA_MIN(time->seen_ns, time->before_ns);
}
