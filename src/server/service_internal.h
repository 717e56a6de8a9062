/* Shared by service.c, call.c and service_metrics.c alone. */
#ifndef PA_SERVER_SERVICE_INTERNAL_H
#define PA_SERVER_SERVICE_INTERNAL_H

#include "run/sessions.h"
#include "server/audit.h"
#include "server/callers.h"
#include "server/host_calls.h"
#include "server/kept.h"
#include "server/metrics.h"
#include "server/modules.h"
#include "server/runs.h"
#include "server/scheduler.h"
#include "server/service.h"
#include "server/trace.h"
#include <pthread.h>
#include <stdatomic.h>

struct pa_service {
    struct pa_service_config config;
    struct pa_scheduler_limits limits; /* of the scheduler */
    struct pa_scheduler *scheduler;
    struct pa_runs *runs;
    struct pa_host_calls *host_calls;
    struct pa_kept *kept;
    struct pa_metrics *metrics;
    uint64_t started_ns; /* realtime */
    atomic_bool draining;
    _Atomic uint64_t queued_most_per_caller;
    pthread_rwlock_t lock; /* over what follows, which a reload replaces */
    struct pa_callers *callers;
};

#endif
