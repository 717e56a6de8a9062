/*
 * What a client sends over HTTP, where this program takes it apart itself.  The first byte chooses:
 * a request target (t), a form (f: its Content-Type up to the first newline, then the body), or a
 * range (r).  Whatever it is, what comes out lies within what went in.
 */
#include "server/http/multipart.h"
#include "server/http/range.h"
#include "server/http/target.h"

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_text(const char *text) {
    size_t left = strlen(text);
    for (size_t n; left; text += n, left -= n) {
        n = pa_utf8_sequence((const uint8_t *)text, left);
        if (!n || (unsigned char)*text < 0x20)
            return false;
    }
    return true;
}

static void target(const char *text) {
    static const char *const patterns[] = {"/healthz", "/v1/tools/{name}",
                                           "/v1/sessions/{id}/checkpoints/{name}"};
    struct pa_http_target parsed;
    struct pa_error err;
    if (pa_http_target_parse(&parsed, text, &err) == 0) {
        PA_ASSERT(parsed.segment_count > 0);
        for (size_t i = 0; i < parsed.segment_count; i++)
            PA_ASSERT(is_text(parsed.segments[i]) && !pa_streq(parsed.segments[i], ".."));
        for (size_t i = 0; i < parsed.query_count; i++)
            PA_ASSERT(is_text(parsed.query[i].name) && is_text(parsed.query[i].value) &&
                      pa_http_target_query(&parsed, parsed.query[i].name));
        for (size_t i = 0; i < PA_ARRAY_LEN(patterns); i++) {
            const char *params[PA_HTTP_MAX_PARAMS] = {NULL, NULL};
            bool matches = pa_http_target_match(&parsed, patterns[i], params);
            PA_ASSERT(!matches || i == 0 || *params[0]);
        }
    }
    pa_http_target_done(&parsed);
}

static void form(const char *type, const uint8_t *body, size_t size) {
    struct pa_http_form parsed;
    struct pa_error err;
    if (pa_http_form_parse(&parsed, type, body, size, &err) < 0)
        return;
    PA_ASSERT(parsed.count <= PA_HTTP_MAX_PARTS);
    for (size_t i = 0; i < parsed.count; i++) {
        const struct pa_http_part *part = &parsed.parts[i];
        PA_ASSERT((const uint8_t *)part->bytes >= body &&
                  (const uint8_t *)part->bytes + part->size <= body + size);
        PA_ASSERT(pa_http_form_find(&parsed, part->name));
    }
}

static void range(const char *text) {
    static const uint64_t sizes[] = {0, 1, 1000, UINT64_MAX};
    for (size_t i = 0; i < PA_ARRAY_LEN(sizes); i++) {
        uint64_t first = 0, length = 0;
        if (pa_http_range_parse(text, sizes[i], &first, &length) == PA_HTTP_PART)
            PA_ASSERT(length > 0 && first < sizes[i] && length <= sizes[i] - first);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    PA_CLEANUP(pa_freep) char *text = strndup((const char *)data + 1, size - 1);
    const uint8_t *newline = memchr(data, '\n', size);
    switch (data[0]) {
    case 't':
        target(text);
        break;
    case 'f':
        if (newline) {
            text[PA_MIN(strlen(text), (size_t)(newline - data - 1))] = 0;
            form(text, newline + 1, size - (size_t)(newline + 1 - data));
        }
        break;
    case 'r':
        range(text);
        break;
    }
    return 0;
}
