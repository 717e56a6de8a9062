/*
 * What the service counts, for Prometheus.
 *
 *     pa_metrics_run(metrics, &facts);           a run has ended
 *     pa_metrics_refused(metrics, "grpc", code)  a call without an outcome
 *     pa_metrics_text(metrics, &buf)
 *
 * What is counted elsewhere (pools, sessions, the queue) is added by the service when it is asked.
 *
 * Threads: all but new and free from any.  Counting takes a read lock and atomic additions; only
 * labels that are new take the lock for writing.
 */
#ifndef PA_SERVER_METRICS_H
#define PA_SERVER_METRICS_H

#include "base/buf.h"
#include "base/error.h"

#define PA_METRICS_SERIES 4096 /* combinations of labels; more are counted as "other" */

struct pa_metrics;
struct pa_metrics *pa_metrics_new(void);
struct pa_metrics *pa_metrics_free(struct pa_metrics *metrics);

struct pa_run_facts {
    const char *tool, *language, *status, *door;
    uint64_t duration_ns; /* from the request to the end */
    uint64_t queue_ns;    /* of which it waited for its turn */
    uint64_t start_ns;    /* from its turn to the guest's first instruction; 0: not known */
    uint64_t compile_ns;  /* 0: it was compiled already */
    uint64_t cpu_ns, memory_peak_bytes;
    bool layers_missing; /* of the jail */
};
void pa_metrics_run(struct pa_metrics *metrics, const struct pa_run_facts *facts);
void pa_metrics_refused(struct pa_metrics *metrics, const char *door, enum pa_error_code code);
void pa_metrics_text(struct pa_metrics *metrics, struct pa_buf *out);

#endif
