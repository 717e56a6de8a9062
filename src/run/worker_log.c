#include "run/worker_log.h"

#include "base/log.h"

#define MAX_LINES 1000 /* but for a trace, which is a line a call and was asked for */

/* The folders whose code runs in workers, which is what they call themselves in the log. */
static const char *const components[] = {"wasi", "engine", "jail", "worker"};

static bool is_of_workers(const char *component) {
    for (size_t i = 0; i < PA_ARRAY_LEN(components); i++)
        if (pa_streq(component, components[i]))
            return true;
    return false;
}

int pa_worker_log(const struct pa_frame *frame, unsigned *lines) {
    struct pa_reader reader = PA_READER(frame->payload, frame->size);
    char component[24], message[4096];
    uint8_t level = pa_get_u8(&reader);
    pa_get_text_into(&reader, component, sizeof(component));
    pa_get_text_into(&reader, message, sizeof(message));
    if (!pa_reader_ok(&reader) || level < PA_LOG_ERROR || level > PA_LOG_TRACE ||
        !is_of_workers(component))
        return -1;
    if (level == PA_LOG_TRACE || *lines < MAX_LINES)
        pa_log((enum pa_log_level)level, component, "%s", message);
    else if (*lines == MAX_LINES)
        pa_log_warn("run", "a worker wrote %d log lines; the rest is left out", MAX_LINES);
    *lines += level != PA_LOG_TRACE && *lines <= MAX_LINES;
    return 0;
}
