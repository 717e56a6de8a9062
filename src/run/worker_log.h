/*
 * Log lines that workers send.  A hostile worker writes them too: it may not speak in the name of
 * the trusted program's own components, nor fill the log.
 */
#ifndef PA_RUN_WORKER_LOG_H
#define PA_RUN_WORKER_LOG_H

#include "warm/frame.h"

/* `lines` counts those of one worker, from 0.  -1: no worker of ours writes such a line. */
int pa_worker_log(const struct pa_frame *frame, unsigned *lines);

#endif
