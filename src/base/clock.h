/* Clocks, in nanoseconds.  Monotonic for durations, realtime for what a person reads. */
#ifndef PA_BASE_CLOCK_H
#define PA_BASE_CLOCK_H

#include <stdint.h>

#define PA_NS_PER_MS UINT64_C(1000000)
#define PA_NS_PER_S  UINT64_C(1000000000)

uint64_t pa_clock_monotonic_ns(void);
uint64_t pa_clock_realtime_ns(void);
uint64_t pa_clock_cpu_ns(void); /* that this process has used, in all its threads */

/* A time of the realtime clock as RFC 3339 has it, in UTC: "2026-11-24T13:00:00.000Z".  Returns
 * `out`. */
#define PA_CLOCK_TEXT 32
char *pa_clock_text(uint64_t realtime_ns, char out[PA_CLOCK_TEXT]);

#endif
