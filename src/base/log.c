#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include <stdio.h>
#include <unistd.h>

#define MAX_COMPONENTS 16

/* The one file-scope state of the program: what to log and where.  Written before any thread. */
static struct {
    enum pa_log_level level;
    enum pa_log_format format;
    struct {
        char name[24];
        enum pa_log_level level;
    } components[MAX_COMPONENTS];
    size_t count;
    char spec[256];
    pa_log_sink *sink;
    void *context;
} logger = {.level = PA_LOG_WARN, .spec = "warn"};

static const char *const level_names[] = {"off", "error", "warn", "info", "debug", "trace"};

const char *pa_log_level_name(enum pa_log_level level) {
    return level_names[level];
}

static int parse_level(const char *text, size_t size, enum pa_log_level *ret) {
    for (size_t i = 0; i < PA_ARRAY_LEN(level_names); i++)
        if (strlen(level_names[i]) == size && memcmp(level_names[i], text, size) == 0) {
            *ret = (enum pa_log_level)i;
            return 0;
        }
    return -1;
}

static int check_component(const char *name, size_t size, struct pa_error *err) {
    static const char *const known[] = {PA_LOG_COMPONENTS};
    char list[256] = "";
    for (size_t i = 0, used = 0; i < PA_ARRAY_LEN(known); i++) {
        if (strlen(known[i]) == size && memcmp(known[i], name, size) == 0)
            return 0;
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", known[i]);
    }
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                   "log: '%.*s' is no part of this program that logs: use %s",
                   (int)PA_MIN(size, 64u), name, list);
}

int pa_log_configure(const char *spec, enum pa_log_format format, struct pa_error *err) {
    __typeof__(logger) next = {
        .level = PA_LOG_WARN, .format = format, .sink = logger.sink, .context = logger.context};
    if (strlen(spec) >= sizeof(next.spec))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "log: the setting is longer than %zu bytes",
                       sizeof(next.spec) - 1);
    memcpy(next.spec, spec, strlen(spec) + 1);
    for (const char *at = spec; *at;) {
        size_t size = strcspn(at, ",");
        const char *equals = memchr(at, '=', size);
        const char *level = equals ? equals + 1 : at;
        size_t level_size = (size_t)(at + size - level);
        enum pa_log_level value;
        if (parse_level(level, level_size, &value) < 0)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                           "log: '%.*s' is not a level: use off, error, warn, info, debug or trace",
                           (int)level_size, level);
        size_t name_size = equals ? (size_t)(equals - at) : 0;
        if (!equals) {
            next.level = value;
        } else if (check_component(at, name_size, err) < 0) {
            return -1;
        } else if (next.count == MAX_COMPONENTS) {
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "log: more than %d components",
                           MAX_COMPONENTS);
        } else {
            memcpy(next.components[next.count].name, at, name_size);
            next.components[next.count++].level = value;
        }
        at += size + (at[size] == ',');
    }
    logger = next;
    return 0;
}

const char *pa_log_spec(void) {
    return logger.spec;
}

enum pa_log_format pa_log_format(void) {
    return logger.format;
}

void pa_log_set_sink(pa_log_sink *sink, void *context) {
    logger.sink = sink;
    logger.context = context;
}

bool pa_log_enabled(const char *component, enum pa_log_level level) {
    for (size_t i = 0; i < logger.count; i++)
        if (pa_streq(logger.components[i].name, component))
            return level <= logger.components[i].level;
    return level <= logger.level;
}

static void append_escaped(struct pa_buf *line, const char *text, bool json) {
    for (size_t n, left = strlen(text); left; text += n, left -= n) {
        const unsigned char c = (unsigned char)*text;
        n = pa_utf8_sequence((const uint8_t *)text, left);
        if (!n) {
            pa_buf_append_text(line, PA_UTF8_REPLACEMENT);
            n = 1;
        } else if (json && (c == '"' || c == '\\'))
            pa_buf_printf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            pa_buf_printf(line, json ? "\\u%04x" : "\\x%02x", c);
        else
            pa_buf_append(line, text, n);
    }
}

/* `run_id` is NULL for a line that is no run's. */
static void write_line(enum pa_log_level level, const char *component, const char *run_id,
                       const char *message) {
    char stamp[PA_CLOCK_TEXT];
    struct pa_buf line = PA_BUF_INIT(16384);
    bool json = logger.format == PA_LOG_JSON;
    pa_buf_printf(&line,
                  json ? "{\"time\":\"%s\",\"level\":\"%s\",\"component\":\"%s\"," : "%s %-5s %s: ",
                  pa_clock_text(pa_clock_realtime_ns(), stamp), level_names[level], component);
    if (run_id)
        pa_buf_printf(&line, json ? "\"run_id\":\"%s\"," : "%s: ", run_id);
    pa_buf_append_text(&line, json ? "\"message\":\"" : "");
    append_escaped(&line, message, json);
    pa_buf_append_text(&line, json ? "\"}\n" : "\n");
    ssize_t written = write(STDERR_FILENO, line.data, line.size); /* nowhere to report a failure */
    (void)written;
    pa_buf_done(&line);
}

static void log_line(enum pa_log_level level, const char *component, const char *run_id,
                     const char *fmt, va_list args) PA_PRINTF(4, 0);
static void log_line(enum pa_log_level level, const char *component, const char *run_id,
                     const char *fmt, va_list args) {
    char message[4096];
    vsnprintf(message, sizeof(message), fmt, args);
    if (logger.sink)
        logger.sink(logger.context, level, component, message);
    else
        write_line(level, component, run_id, message);
}

void pa_log(enum pa_log_level level, const char *component, const char *fmt, ...) {
    if (!pa_log_enabled(component, level))
        return;
    va_list args;
    va_start(args, fmt);
    log_line(level, component, NULL, fmt, args);
    va_end(args);
}

void pa_log_run(enum pa_log_level level, const char *component, const char *run_id, const char *fmt,
                ...) {
    if (!pa_log_enabled(component, level))
        return;
    va_list args;
    va_start(args, fmt);
    log_line(level, component, run_id, fmt, args);
    va_end(args);
}
