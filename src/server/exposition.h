/*
 * The text format in which Prometheus reads metrics, version 0.0.4.
 *
 *     pa_exposition_head(out, "polyagent_runs_total", "counter", "Runs that have ended.");
 *     pa_exposition_sample(out, "polyagent_runs_total", 12, "tool", "python", "door", "grpc",
 * NULL);
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#ifndef PA_SERVER_EXPOSITION_H
#define PA_SERVER_EXPOSITION_H

#include "base/buf.h"

/* Once for each metric, before its samples, which follow one another. */
void pa_exposition_head(struct pa_buf *out, const char *name, const char *type, const char *help);

/* A sample and its labels: names and values in turn, NULL at the end.  A value may be any text. */
void pa_exposition_sample(struct pa_buf *out, const char *name, double value, ...)
    __attribute__((sentinel));

/* One that has no labels, with its head. */
void pa_exposition_gauge(struct pa_buf *out, const char *name, const char *help, double value);
void pa_exposition_counter(struct pa_buf *out, const char *name, const char *help, double value);

#endif
