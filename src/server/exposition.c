#include "server/exposition.h"

#include "base/utf8.h"
#include <math.h>

void pa_exposition_head(struct pa_buf *out, const char *name, const char *type, const char *help) {
    pa_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Escapes what the format does; what is not UTF-8 would make the whole answer unreadable. */
static void append_value(struct pa_buf *out, const char *text) {
    for (size_t n, left = strlen(text); left; text += n, left -= n) {
        n = pa_utf8_sequence((const uint8_t *)text, left);
        if (!n) {
            pa_buf_append_text(out, PA_UTF8_REPLACEMENT);
            n = 1;
        } else if (*text == '\n') {
            pa_buf_append_text(out, "\\n");
        } else if (*text == '"' || *text == '\\') {
            pa_buf_printf(out, "\\%c", *text);
        } else {
            pa_buf_append(out, text, n);
        }
    }
}

static void append_number(struct pa_buf *out, double value) {
    if (isinf(value))
        pa_buf_append_text(out, value > 0 ? " +Inf\n" : " -Inf\n");
    else if (isnan(value))
        pa_buf_append_text(out, " NaN\n");
    else
        pa_buf_printf(out, " %.17g\n", value);
}

void pa_exposition_sample(struct pa_buf *out, const char *name, double value, ...) {
    va_list labels;
    va_start(labels, value);
    const char *between = "{";
    pa_buf_append_text(out, name);
    for (const char *label; (label = va_arg(labels, const char *)); between = ",") {
        pa_buf_printf(out, "%s%s=\"", between, label);
        append_value(out, va_arg(labels, const char *));
        pa_buf_append_text(out, "\"");
    }
    pa_buf_append_text(out, *between == ',' ? "}" : "");
    append_number(out, value);
    va_end(labels);
}

void pa_exposition_gauge(struct pa_buf *out, const char *name, const char *help, double value) {
    pa_exposition_head(out, name, "gauge", help);
    pa_exposition_sample(out, name, value, NULL);
}

void pa_exposition_counter(struct pa_buf *out, const char *name, const char *help, double value) {
    pa_exposition_head(out, name, "counter", help);
    pa_exposition_sample(out, name, value, NULL);
}
