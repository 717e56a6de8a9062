/*
 * Logging for programs (libraries return errors instead): a level per component, text or JSON
 * lines.
 *
 *     pa_log_configure("info,wasi=trace", PA_LOG_TEXT, &err);      POLYAGENT_LOG has this form
 *     pa_log_info("cache", "removed %zu artifacts", n);
 *
 * Components are short lower-case words, all in PA_LOG_COMPONENTS.  A message is one line: control
 * characters are escaped, so that a guest's bytes cannot forge a line, and what is not UTF-8
 * becomes U+FFFD, so that a line of JSON is JSON.  Not thread-safe while being configured; safe
 * afterwards (each line is one write).
 */
#ifndef PA_BASE_LOG_H
#define PA_BASE_LOG_H

#include "base/error.h"
#include <stdbool.h>

/* Who may write to the log, and so what may stand before a '=' in a spec. */
#define PA_LOG_COMPONENTS                                                                          \
    "cache", "config", "engine", "exec", "grpc", "http", "jail", "lang", "mcp", "run", "server",   \
        "service", "sessions", "tools", "transpile", "warm", "wasi", "worker"

enum pa_log_level {
    PA_LOG_OFF,
    PA_LOG_ERROR,
    PA_LOG_WARN,
    PA_LOG_INFO,
    PA_LOG_DEBUG,
    PA_LOG_TRACE,
};

enum pa_log_format {
    PA_LOG_TEXT,
    PA_LOG_JSON,
};

/* `spec`: comma-separated; "LEVEL" sets the default, "COMPONENT=LEVEL" one component.  Levels: off,
 * error, warn, info, debug, trace.  The default without any call is "warn" as text on stderr. */
int pa_log_configure(const char *spec, enum pa_log_format format, struct pa_error *err);

/* The spec and format in force, to be handed to a worker process. */
const char *pa_log_spec(void);
enum pa_log_format pa_log_format(void);

/* Where lines go: the default writes them to standard error.  `sink` gets the bare message. */
typedef void pa_log_sink(void *context, enum pa_log_level level, const char *component,
                         const char *message);
void pa_log_set_sink(pa_log_sink *sink, void *context);

bool pa_log_enabled(const char *component, enum pa_log_level level);
void pa_log(enum pa_log_level level, const char *component, const char *fmt, ...) PA_PRINTF(3, 4);

/* The same of one run of a server: the id is a field of a line of JSON, and comes first in text.
 * NULL: there was none. */
void pa_log_run(enum pa_log_level level, const char *component, const char *run_id, const char *fmt,
                ...) PA_PRINTF(4, 5);

const char *pa_log_level_name(enum pa_log_level level);

#define pa_log_error(component, ...) pa_log(PA_LOG_ERROR, component, __VA_ARGS__)
#define pa_log_warn(component, ...)  pa_log(PA_LOG_WARN, component, __VA_ARGS__)
#define pa_log_info(component, ...)  pa_log(PA_LOG_INFO, component, __VA_ARGS__)
#define pa_log_debug(component, ...) pa_log(PA_LOG_DEBUG, component, __VA_ARGS__)
#define pa_log_trace(component, ...)                                                               \
    do {                                                                                           \
        if (pa_log_enabled(component, PA_LOG_TRACE))                                               \
            pa_log(PA_LOG_TRACE, component, __VA_ARGS__);                                          \
    } while (0)

#endif
