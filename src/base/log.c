#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include <stdio.h>
#include <time.h>
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
        } else if (name_size >= sizeof(next.components[0].name) || next.count == MAX_COMPONENTS) {
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                           "log: '%.*s': at most %d components of at most %zu characters",
                           (int)size, at, MAX_COMPONENTS, sizeof(next.components[0].name) - 1);
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
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (json && (c == '"' || c == '\\'))
            pa_buf_printf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            pa_buf_printf(line, json ? "\\u%04x" : "\\x%02x", c);
        else
            pa_buf_append(line, &c, 1);
    }
}

static void write_line(enum pa_log_level level, const char *component, const char *message) {
    char stamp[32];
    uint64_t now = pa_clock_realtime_ns();
    time_t seconds = (time_t)(now / PA_NS_PER_S);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + n, sizeof(stamp) - n, ".%03dZ", (int)(now % PA_NS_PER_S / PA_NS_PER_MS));

    struct pa_buf line = PA_BUF_INIT(16384);
    bool json = logger.format == PA_LOG_JSON;
    pa_buf_printf(&line,
                  json ? "{\"time\":\"%s\",\"level\":\"%s\",\"component\":\"%s\",\"message\":\""
                       : "%s %-5s %s: ",
                  stamp, level_names[level], component);
    append_escaped(&line, message, json);
    pa_buf_append_text(&line, json ? "\"}\n" : "\n");
    ssize_t written = write(STDERR_FILENO, line.data, line.size); /* nowhere to report a failure */
    (void)written;
    pa_buf_done(&line);
}

void pa_log(enum pa_log_level level, const char *component, const char *fmt, ...) {
    if (!pa_log_enabled(component, level))
        return;
    char message[4096];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    if (logger.sink)
        logger.sink(logger.context, level, component, message);
    else
        write_line(level, component, message);
}
