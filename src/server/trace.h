/*
 * Traces: which one a call belongs to, and where its span goes.
 *
 *     struct pa_trace trace;
 *     pa_trace_begin(&trace, traceparent);          NULL or not well-formed: a new trace
 *     pa_trace_format(&trace, text);                the traceparent of this span
 *     pa_tracer_export(tracer, &span)
 *
 * https://www.w3.org/TR/trace-context/, version 00.
 *
 * A tracer sends spans in batches, as OTLP over HTTP with JSON
 * (https://opentelemetry.io/docs/specs/otlp/), from a thread of its own.  Its queue is bounded: a
 * collector that is slow or gone costs spans, never a run.
 *
 * Threads: export from any.
 */
#ifndef PA_SERVER_TRACE_H
#define PA_SERVER_TRACE_H

#include "base/error.h"
#include "server/service.h"

struct pa_trace {
    char trace_id[33], span_id[17], parent_id[17]; /* hexadecimal; no parent: "" */
    bool sampled;
};
void pa_trace_begin(struct pa_trace *trace, const char *traceparent);
void pa_trace_format(const struct pa_trace *trace, char ret[PA_TRACE_TEXT]);

struct pa_tracer;
/* Before the process is confined; `endpoint` is the collector's base ("http://localhost:4318"). Its
 * thread starts with the first span. */
int pa_tracer_new(const char *endpoint, struct pa_tracer **ret, struct pa_error *err);
struct pa_tracer *pa_tracer_free(struct pa_tracer *tracer); /* sends what it has; takes NULL */

struct pa_span_attribute {
    const char *key, *value;
};
struct pa_trace_span {
    const struct pa_trace *trace;
    const char *name;
    uint64_t start_ns, end_ns; /* realtime */
    const char *trouble;       /* NULL: it went well */
    const struct pa_span_attribute *attributes;
    size_t attribute_count;
};
void pa_tracer_export(struct pa_tracer *tracer, const struct pa_trace_span *span);

/* Spans that could not be sent. */
uint64_t pa_tracer_dropped(const struct pa_tracer *tracer);

#endif
