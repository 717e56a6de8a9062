/*
 * A table of series, each of which is the combination of four labels and holds atomic counters.
 *
 * Series are never removed while the service lives, so one that was found may be used without a
 * lock; the read lock is for the table's chains.  Labels come from tools, languages, statuses and
 * doors, of which there are few; a bound holds even if a door were to pass on what a caller wrote.
 *
 * Histograms have fixed buckets and are per tool and language, durations in seconds.  They are kept
 * cumulative only when written: counting is one addition for the bucket, one for the sum.
 */
#include "server/metrics.h"

#include "base/clock.h"
#include "server/exposition.h"
#include <pthread.h>
#include <stdatomic.h>

#define BUCKETS     1024 /* of the table; a power of two */
#define MOST_BOUNDS 16
#define REFUSALS    32 /* error codes */

enum histogram {
    DURATION,
    QUEUE,
    START,
    COMPILE,
    MEMORY,
    HISTOGRAMS
};

/* Upper bounds, ascending, in the unit that is counted (ns, bytes); 0 ends them. */
static const struct {
    const char *name, *help;
    double scale; /* to the unit that is shown */
    uint64_t bounds[MOST_BOUNDS];
} histograms[HISTOGRAMS] = {
#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)
    {"polyagent_run_duration_seconds",
     "From the request to the outcome, waiting included.",
     1e-9,
     {MS, 2 * MS, 5 * MS, 10 * MS, 20 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, S, 2500 * MS,
      5 * S, 10 * S, 30 * S, 120 * S}},
    {"polyagent_run_queue_seconds",
     "How long runs waited for their turn.",
     1e-9,
     {100 * US, 500 * US, MS, 5 * MS, 10 * MS, 50 * MS, 100 * MS, 500 * MS, S, 5 * S, 10 * S,
      30 * S, 120 * S}},
    {"polyagent_run_start_seconds",
     "From a run's turn to its guest: taking a warm process, or starting one.",
     1e-9,
     {50 * US, 100 * US, 200 * US, 500 * US, MS, 2 * MS, 5 * MS, 10 * MS, 50 * MS, 100 * MS,
      500 * MS, S, 10 * S}},
    {"polyagent_run_compile_seconds",
     "Compiling modules that were not in the cache.",
     1e-9,
     {5 * MS, 10 * MS, 50 * MS, 100 * MS, 500 * MS, S, 5 * S, 10 * S, 30 * S, 60 * S, 120 * S}},
    {"polyagent_run_memory_peak_bytes",
     "Linear memory of the guest at its largest.",
     1,
     {1 << 20, 4 << 20, 16 << 20, 32 << 20, 64 << 20, 128 << 20, 256 << 20, 512 << 20, 1 << 30,
      UINT64_C(2) << 30, UINT64_C(4) << 30}},
#undef US
#undef MS
#undef S
};

struct tally {
    _Atomic uint64_t counts[MOST_BOUNDS + 1]; /* the last is for what is past all bounds */
    _Atomic uint64_t sum;
};

/* Of a tool and language: `status` and `door` are "". */
struct series {
    struct series *next_in_bucket, *next;
    char *tool, *language, *status, *door;
    _Atomic uint64_t runs;
    struct tally *tallies; /* HISTOGRAMS of them, where it is of a tool and language alone */
    _Atomic uint64_t cpu_ns;
};

struct pa_metrics {
    pthread_rwlock_t lock; /* over the table */
    struct series *buckets[BUCKETS];
    struct series *first, **last;
    size_t count;
    _Atomic uint64_t layers_missing;
    struct {
        char door[16];
        _Atomic uint64_t counts[REFUSALS];
    } refused[8];
    size_t refused_doors;
};

struct pa_metrics *pa_metrics_new(void) {
    struct pa_metrics *metrics = pa_xcalloc(1, sizeof(*metrics));
    pthread_rwlock_init(&metrics->lock, NULL);
    metrics->last = &metrics->first;
    return metrics;
}

struct pa_metrics *pa_metrics_free(struct pa_metrics *metrics) {
    if (!metrics)
        return NULL;
    for (struct series *next, *series = metrics->first; series; series = next) {
        next = series->next;
        free(series->tool);
        free(series->language);
        free(series->status);
        free(series->door);
        free(series->tallies);
        free(series);
    }
    pthread_rwlock_destroy(&metrics->lock);
    free(metrics);
    return NULL;
}

/* --- the table -------------------------------------------------------------------------------- */

struct labels {
    const char *tool, *language, *status, *door;
};

/* FNV-1a, https://datatracker.ietf.org/doc/html/draft-eastlake-fnv */
static size_t hash(const struct labels *labels) {
    const char *const texts[] = {labels->tool, labels->language, labels->status, labels->door};
    uint64_t value = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < PA_ARRAY_LEN(texts); i++)
        for (const char *at = texts[i];; at++) {
            value = (value ^ (unsigned char)*at) * UINT64_C(1099511628211);
            if (!*at)
                break;
        }
    return value % BUCKETS;
}

static struct series *lookup(const struct pa_metrics *metrics, const struct labels *labels,
                             size_t bucket) {
    for (struct series *at = metrics->buckets[bucket]; at; at = at->next_in_bucket)
        if (pa_streq(at->tool, labels->tool) && pa_streq(at->language, labels->language) &&
            pa_streq(at->status, labels->status) && pa_streq(at->door, labels->door))
            return at;
    return NULL;
}

static struct series *add(struct pa_metrics *metrics, const struct labels *labels, size_t bucket) {
    struct series *series = pa_xcalloc(1, sizeof(*series));
    *series = (struct series){.tool = pa_xstrdup(labels->tool),
                              .language = pa_xstrdup(labels->language),
                              .status = pa_xstrdup(labels->status),
                              .door = pa_xstrdup(labels->door),
                              .next_in_bucket = metrics->buckets[bucket]};
    if (!*labels->status)
        series->tallies = pa_xcalloc(HISTOGRAMS, sizeof(*series->tallies));
    metrics->buckets[bucket] = series;
    *metrics->last = series;
    metrics->last = &series->next;
    metrics->count++;
    return series;
}

static struct series *find(struct pa_metrics *metrics, struct labels labels) {
    size_t bucket = hash(&labels);
    pthread_rwlock_rdlock(&metrics->lock);
    struct series *series = lookup(metrics, &labels, bucket);
    pthread_rwlock_unlock(&metrics->lock);
    if (series)
        return series;
    pthread_rwlock_wrlock(&metrics->lock);
    if (metrics->count >= PA_METRICS_SERIES) {
        bool whole = *labels.status;
        labels = (struct labels){"other", "other", whole ? "other" : "", whole ? "other" : ""};
        bucket = hash(&labels);
    }
    series = lookup(metrics, &labels, bucket);
    if (!series)
        series = add(metrics, &labels, bucket);
    pthread_rwlock_unlock(&metrics->lock);
    return series;
}

/* --- counting --------------------------------------------------------------------------------- */

static void increase(_Atomic uint64_t *counter, uint64_t by) {
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static uint64_t value_of(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void observe(struct series *series, enum histogram which, uint64_t value) {
    size_t i = 0;
    while (i < MOST_BOUNDS && histograms[which].bounds[i] && value > histograms[which].bounds[i])
        i++;
    increase(&series->tallies[which].counts[i], 1);
    increase(&series->tallies[which].sum, value);
}

void pa_metrics_run(struct pa_metrics *metrics, const struct pa_run_facts *facts) {
    increase(
        &find(metrics, (struct labels){facts->tool, facts->language, facts->status, facts->door})
             ->runs,
        1);
    struct series *series = find(metrics, (struct labels){facts->tool, facts->language, "", ""});
    observe(series, DURATION, facts->duration_ns);
    observe(series, QUEUE, facts->queue_ns);
    if (facts->start_ns)
        observe(series, START, facts->start_ns);
    if (facts->compile_ns)
        observe(series, COMPILE, facts->compile_ns);
    observe(series, MEMORY, facts->memory_peak_bytes);
    increase(&series->cpu_ns, facts->cpu_ns);
    increase(&metrics->layers_missing, facts->layers_missing);
}

void pa_metrics_refused(struct pa_metrics *metrics, const char *door, enum pa_error_code code) {
    size_t i = 0;
    pthread_rwlock_wrlock(&metrics->lock);
    while (i < metrics->refused_doors && !pa_streq(metrics->refused[i].door, door))
        i++;
    if (i == metrics->refused_doors && i < PA_ARRAY_LEN(metrics->refused)) {
        snprintf(metrics->refused[i].door, sizeof(metrics->refused[i].door), "%s", door);
        metrics->refused_doors++;
    }
    pthread_rwlock_unlock(&metrics->lock);
    if (i < PA_ARRAY_LEN(metrics->refused) && (size_t)code < REFUSALS)
        increase(&metrics->refused[i].counts[code], 1);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_histogram(const struct series *series, enum histogram which, struct pa_buf *out) {
    const struct tally *tally = &series->tallies[which];
    char name[96], bound[40];
    uint64_t total = 0;
    snprintf(name, sizeof(name), "%s_bucket", histograms[which].name);
    for (size_t i = 0; i <= MOST_BOUNDS; i++) {
        total += value_of(&tally->counts[i]);
        uint64_t upper = i < MOST_BOUNDS ? histograms[which].bounds[i] : 0;
        if (upper)
            snprintf(bound, sizeof(bound), "%.10g", (double)upper * histograms[which].scale);
        pa_exposition_sample(out, name, (double)total, "tool", series->tool, "language",
                             series->language, "le", upper ? bound : "+Inf", NULL);
        if (!upper)
            break;
    }
    snprintf(name, sizeof(name), "%s_sum", histograms[which].name);
    pa_exposition_sample(out, name, (double)value_of(&tally->sum) * histograms[which].scale, "tool",
                         series->tool, "language", series->language, NULL);
    snprintf(name, sizeof(name), "%s_count", histograms[which].name);
    pa_exposition_sample(out, name, (double)total, "tool", series->tool, "language",
                         series->language, NULL);
}

static void write_refused(const struct pa_metrics *metrics, struct pa_buf *out) {
    pa_exposition_head(out, "polyagent_refused_total", "counter",
                       "Calls without an outcome, by the code that they were answered with.");
    for (size_t i = 0; i < metrics->refused_doors; i++)
        for (size_t code = 0; code < REFUSALS; code++) {
            uint64_t count = value_of(&metrics->refused[i].counts[code]);
            if (count)
                pa_exposition_sample(out, "polyagent_refused_total", (double)count, "door",
                                     metrics->refused[i].door, "code",
                                     pa_error_code_name((enum pa_error_code)code), NULL);
        }
}

void pa_metrics_text(struct pa_metrics *metrics, struct pa_buf *out) {
    pthread_rwlock_rdlock(&metrics->lock);
    pa_exposition_head(out, "polyagent_runs_total", "counter", "Runs that have ended.");
    for (const struct series *series = metrics->first; series; series = series->next)
        if (!series->tallies)
            pa_exposition_sample(out, "polyagent_runs_total", (double)value_of(&series->runs),
                                 "tool", series->tool, "language", series->language, "status",
                                 series->status, "door", series->door, NULL);
    for (enum histogram which = 0; which < HISTOGRAMS; which++) {
        pa_exposition_head(out, histograms[which].name, "histogram", histograms[which].help);
        for (const struct series *series = metrics->first; series; series = series->next)
            if (series->tallies)
                write_histogram(series, which, out);
    }
    pa_exposition_head(out, "polyagent_run_cpu_seconds_total", "counter",
                       "CPU time of guests, user and system.");
    for (const struct series *series = metrics->first; series; series = series->next)
        if (series->tallies)
            pa_exposition_sample(out, "polyagent_run_cpu_seconds_total",
                                 (double)value_of(&series->cpu_ns) / (double)PA_NS_PER_S, "tool",
                                 series->tool, "language", series->language, NULL);
    write_refused(metrics, out);
    pthread_rwlock_unlock(&metrics->lock);
    pa_exposition_counter(out, "polyagent_runs_without_layers_total",
                          "Runs whose jail lacked a layer (wasi.jail: best-effort).",
                          (double)value_of(&metrics->layers_missing));
}
