#include "base/clock.h"

#include "base/macros.h"
#include <time.h>

static uint64_t read_clock(clockid_t clock) {
    struct timespec now;
    PA_ASSERT(clock_gettime(clock, &now) == 0);
    return (uint64_t)now.tv_sec * PA_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t pa_clock_monotonic_ns(void) {
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t pa_clock_realtime_ns(void) {
    return read_clock(CLOCK_REALTIME);
}

uint64_t pa_clock_cpu_ns(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

char *pa_clock_text(uint64_t realtime_ns, char out[PA_CLOCK_TEXT]) {
    time_t seconds = (time_t)(realtime_ns / PA_NS_PER_S);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t size = strftime(out, PA_CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + size, PA_CLOCK_TEXT - size, ".%03uZ",
             (unsigned)(realtime_ns % PA_NS_PER_S / PA_NS_PER_MS));
    return out;
}
