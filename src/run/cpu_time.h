/*
 * The CPU time that a worker takes, by the kernel's clock of its process.
 *
 *     pa_cpu_time_begin(&time, pid)       from here on it counts
 *     pa_cpu_time_read(&time)             while the process is not reaped; before it is killed
 *     pa_cpu_time_note(&time, ns)         what who reaped it says of its whole life
 *     pa_cpu_time_spent_ns(&time)         the most that was seen since it began
 *
 * A copy of a warm root is reaped by that at once and its clock is gone, hence the reading before a
 * kill.  Threads: one at a time.
 */
#ifndef PA_RUN_CPU_TIME_H
#define PA_RUN_CPU_TIME_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct pa_cpu_time {
    clockid_t clock;
    uint64_t before_ns; /* used by earlier turns, or while it was made ready */
    uint64_t seen_ns;
};

void pa_cpu_time_begin(struct pa_cpu_time *time, pid_t pid);
void pa_cpu_time_read(struct pa_cpu_time *time);
void pa_cpu_time_note(struct pa_cpu_time *time, uint64_t life_ns);
/* It counts from here on, which is when the process had used `life_ns`, as it says itself: by the
 * time that we are told it may have used more. */
void pa_cpu_time_begin_at(struct pa_cpu_time *time, uint64_t life_ns);
uint64_t pa_cpu_time_spent_ns(const struct pa_cpu_time *time);

#endif
