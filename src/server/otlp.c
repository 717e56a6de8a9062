/*
 * The tracer: a bounded queue of spans, each already JSON, and a thread that sends them.
 *
 * The thread sleeps while there is nothing.  With the first span it waits a moment for more, so
 * that a busy server sends some hundred at a time.  What a collector does not take is not tried
 * again: it would only be older.
 */
#include "server/trace.h"

#include "base/clock.h"
#include "base/log.h"
#include "server/post.h"
#include <pthread.h>
#include <stdatomic.h>

#define QUEUE_MOST   4096
#define BATCH_MOST   512
#define GATHER_NS    (PA_NS_PER_S)
#define SEND_MS      5000
#define ANSWER_MOST  65536
#define LOG_EVERY_NS (60 * PA_NS_PER_S)

struct pa_tracer {
    char *url;
    struct pa_poster *poster;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;  /* over what follows */
    pthread_cond_t change; /* by the monotonic clock */
    json_t *queue;         /* an array */
    bool ending;
    uint64_t told_ns;
    _Atomic uint64_t dropped;
};

int pa_tracer_new(const char *endpoint, struct pa_tracer **ret, struct pa_error *err) {
    struct pa_poster *poster = pa_poster_new();
    if (!poster)
        return pa_fail(err, PA_ERR_INTERNAL, "server.otlp_endpoint: libcurl does not start");
    struct pa_tracer *tracer = pa_xcalloc(1, sizeof(*tracer));
    size_t size = strlen(endpoint);
    while (size && endpoint[size - 1] == '/')
        size--;
    tracer->url = pa_xasprintf("%.*s/v1/traces", (int)size, endpoint);
    tracer->queue = json_array();
    pthread_mutex_init(&tracer->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&tracer->change, &attributes);
    pthread_condattr_destroy(&attributes);
    tracer->poster = poster;
    *ret = tracer;
    return 0;
}

/* --- spans ------------------------------------------------------------------------------------ */

static json_t *attribute(const char *key, const char *value) {
    return json_pack("{s:s, s:{s:s}}", "key", key, "value", "stringValue", value);
}

static json_t *nanoseconds(uint64_t ns) {
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)ns);
    return json_string(text);
}

static json_t *span_json(const struct pa_trace_span *span) {
    json_t *json = json_object(), *attributes = json_array();
    json_object_set_new(json, "traceId", json_string(span->trace->trace_id));
    json_object_set_new(json, "spanId", json_string(span->trace->span_id));
    if (*span->trace->parent_id)
        json_object_set_new(json, "parentSpanId", json_string(span->trace->parent_id));
    json_object_set_new(json, "name", json_string(span->name));
    json_object_set_new(json, "kind", json_integer(2)); /* SPAN_KIND_SERVER */
    json_object_set_new(json, "startTimeUnixNano", nanoseconds(span->start_ns));
    json_object_set_new(json, "endTimeUnixNano", nanoseconds(span->end_ns));
    for (size_t i = 0; i < span->attribute_count; i++)
        if (span->attributes[i].value)
            json_array_append_new(attributes,
                                  attribute(span->attributes[i].key, span->attributes[i].value));
    json_object_set_new(json, "attributes", attributes);
    if (span->trouble) /* STATUS_CODE_ERROR */
        json_object_set_new(json, "status",
                            json_pack("{s:i, s:s}", "code", 2, "message", span->trouble));
    return json;
}

uint64_t pa_tracer_dropped(const struct pa_tracer *tracer) {
    return atomic_load(&tracer->dropped);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* The body for these spans, of which it takes the reference. */
static char *body_of(json_t *spans) {
    json_t *json = json_pack("{s:[{s:{s:[o, o]}, s:[{s:{s:s, s:s}, s:o}]}]}", "resourceSpans",
                             "resource", "attributes", attribute("service.name", "polyagent"),
                             attribute("service.version", PA_VERSION), "scopeSpans", "scope",
                             "name", "polyagent", "version", PA_VERSION, "spans", spans);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static void lose(struct pa_tracer *tracer, size_t count, const char *why) {
    atomic_fetch_add(&tracer->dropped, count);
    uint64_t now = pa_clock_monotonic_ns();
    if (tracer->told_ns && now - tracer->told_ns < LOG_EVERY_NS)
        return;
    tracer->told_ns = now;
    pa_log_warn("server", "spans cannot be sent to %s: %s", tracer->url, why);
}

/* False when the collector did not answer. */
static bool send_spans(struct pa_tracer *tracer, json_t *spans) {
    size_t count = json_array_size(spans);
    PA_CLEANUP(pa_freep) char *body = body_of(spans);
    if (!body) {
        lose(tracer, count, "out of memory");
        return true;
    }
    /* What a collector answers is of no interest; an endless answer is cut. */
    PA_CLEANUP(pa_buf_done) struct pa_buf answer = PA_BUF_INIT(ANSWER_MOST);
    const struct pa_post post = {.url = tracer->url, .body = body, .timeout_ms = SEND_MS};
    struct pa_error err;
    char why[64];
    long status;
    if (pa_post(tracer->poster, &post, &answer, &status, &err) < 0) {
        lose(tracer, count, err.message);
        return false;
    }
    if (status < 200 || status > 299) {
        snprintf(why, sizeof(why), "it answered %ld", status);
        lose(tracer, count, why);
    }
    return true;
}

/* The first of the queue, as an array; with the lock held. */
static json_t *take_batch(struct pa_tracer *tracer) {
    json_t *all = tracer->queue;
    if (json_array_size(all) <= BATCH_MOST) {
        tracer->queue = json_array();
        return all;
    }
    json_t *batch = json_array(), *rest = json_array();
    for (size_t i = 0; i < json_array_size(all); i++)
        json_array_append(i < BATCH_MOST ? batch : rest, json_array_get(all, i));
    json_decref(all);
    tracer->queue = rest;
    return batch;
}

/* Waits until a batch is full or its first span a moment old; with the lock held. */
static void gather(struct pa_tracer *tracer) {
    uint64_t until = pa_clock_monotonic_ns() + GATHER_NS;
    struct timespec at = {(time_t)(until / PA_NS_PER_S), (long)(until % PA_NS_PER_S)};
    int timed_out = 0;
    while (!tracer->ending && !timed_out && json_array_size(tracer->queue) < BATCH_MOST)
        timed_out = pthread_cond_timedwait(&tracer->change, &tracer->lock, &at);
}

static void *run(void *context) {
    struct pa_tracer *tracer = context;
    pthread_mutex_lock(&tracer->lock);
    for (;;) {
        while (!tracer->ending && !json_array_size(tracer->queue))
            pthread_cond_wait(&tracer->change, &tracer->lock);
        if (!json_array_size(tracer->queue))
            break;
        gather(tracer);
        json_t *batch = take_batch(tracer);
        pthread_mutex_unlock(&tracer->lock);
        bool answered = send_spans(tracer, batch);
        pthread_mutex_lock(&tracer->lock);
        if (tracer->ending && !answered)
            break; /* nor will it for the rest */
    }
    pthread_mutex_unlock(&tracer->lock);
    return NULL;
}

/* With the lock held.  Not before the first span: the process is confined by then, and its threads
 * with it. */
static bool is_running(struct pa_tracer *tracer) {
    if (!tracer->started)
        tracer->started = pthread_create(&tracer->thread, NULL, run, tracer) == 0;
    return tracer->started;
}

void pa_tracer_export(struct pa_tracer *tracer, const struct pa_trace_span *span) {
    if (!span->trace->sampled)
        return;
    json_t *json = span_json(span);
    pthread_mutex_lock(&tracer->lock);
    if (json_array_size(tracer->queue) >= QUEUE_MOST || !is_running(tracer)) {
        atomic_fetch_add(&tracer->dropped, 1);
        json_decref(json);
    } else {
        json_array_append_new(tracer->queue, json);
        pthread_cond_signal(&tracer->change);
    }
    pthread_mutex_unlock(&tracer->lock);
}

struct pa_tracer *pa_tracer_free(struct pa_tracer *tracer) {
    if (!tracer)
        return NULL;
    pthread_mutex_lock(&tracer->lock);
    tracer->ending = true;
    pthread_cond_signal(&tracer->change);
    pthread_mutex_unlock(&tracer->lock);
    if (tracer->started)
        pthread_join(tracer->thread, NULL);
    pa_poster_free(tracer->poster);
    json_decref(tracer->queue);
    pthread_mutex_destroy(&tracer->lock);
    pthread_cond_destroy(&tracer->change);
    free(tracer->url);
    free(tracer);
    return NULL;
}
