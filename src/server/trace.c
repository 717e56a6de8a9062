/* Trace contexts.  Ids are random; an id of zeros is none. */
#include "server/trace.h"

#include <sys/random.h>

static void random_hex(char *out, size_t digits) {
    unsigned char bytes[16];
    bool zero;
    do {
        ssize_t got = getrandom(bytes, digits / 2, 0);
        PA_ASSERT(got == (ssize_t)(digits / 2)); /* whole, for up to 256 bytes: getrandom(2) */
        zero = true;
        for (size_t i = 0; i < digits / 2; i++) {
            snprintf(out + 2 * i, 3, "%02x", bytes[i]);
            zero = zero && bytes[i] == 0;
        }
    } while (zero);
}

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `size` lower-case digits, not all of them 0 unless they may be. */
static bool is_hex(const char *text, size_t size, bool may_be_zero) {
    bool zero = true;
    for (size_t i = 0; i < size; i++) {
        if (digit(text[i]) < 0)
            return false;
        zero = zero && text[i] == '0';
    }
    return may_be_zero || !zero;
}

/* "00-<32>-<16>-<2>": a later version may go on after a dash, and "ff" is none. */
static bool is_traceparent(const char *text) {
    size_t size = strnlen(text, 512);
    if (size < 55 || !is_hex(text, 2, true) || memcmp(text, "ff", 2) == 0)
        return false;
    if (memcmp(text, "00", 2) == 0 ? size != 55 : size > 55 && text[55] != '-')
        return false;
    return text[2] == '-' && is_hex(text + 3, 32, false) && text[35] == '-' &&
           is_hex(text + 36, 16, false) && text[52] == '-' && is_hex(text + 53, 2, true);
}

void pa_trace_begin(struct pa_trace *trace, const char *traceparent) {
    *trace = (struct pa_trace){.sampled = true};
    if (traceparent && is_traceparent(traceparent)) {
        memcpy(trace->trace_id, traceparent + 3, 32);
        memcpy(trace->parent_id, traceparent + 36, 16);
        trace->sampled = digit(traceparent[54]) & 1;
    } else {
        random_hex(trace->trace_id, 32);
    }
    random_hex(trace->span_id, 16);
}

void pa_trace_format(const struct pa_trace *trace, char ret[PA_TRACE_TEXT]) {
    snprintf(ret, PA_TRACE_TEXT, "00-%s-%s-%02x", trace->trace_id, trace->span_id, trace->sampled);
}
