/*
 * Weighing is one pass over the bytes that knows strings and nothing else of JSON.  Each value but
 * the first of a line follows one of , : [ {, so counting these bounds the values from above,
 * whatever the line is; a parser that gives up has made no more than that.
 */
#include "run/results.h"

#define CONTAINER_WEIGHT 8u

/* SIZE_MAX: too deep. */
static size_t weigh(const char *at, const char *end) {
    size_t weight = 1, depth = 0;
    bool quoted = false;
    for (; at < end; at++) {
        if (quoted) {
            at += *at == '\\';
            quoted = at >= end || *at != '"';
            continue;
        }
        switch (*at) {
        case '"':
            quoted = true;
            break;
        case '[':
        case '{':
            weight += CONTAINER_WEIGHT;
            if (++depth > PA_RESULT_DEPTH)
                return SIZE_MAX;
            break;
        case ']':
        case '}':
            depth -= depth > 0;
            break;
        case ',':
        case ':':
            weight++;
            break;
        default:
            break;
        }
    }
    return weight;
}

struct pa_result_lines pa_result_lines(const struct pa_buf *lines) {
    const char *at = pa_buf_text(lines);
    return (struct pa_result_lines){.at = at, .end = at + lines->size, .left = PA_RESULT_WEIGHT};
}

bool pa_result_lines_next(struct pa_result_lines *lines, json_t **ret) {
    if (lines->at >= lines->end)
        return false;
    const char *line = lines->at;
    const char *newline = memchr(line, '\n', (size_t)(lines->end - line));
    const char *end = newline ? newline : lines->end;
    const size_t weight = weigh(line, end);
    lines->at = end + 1;
    *ret = NULL;
    if (weight > lines->left) {
        lines->dropped = true;
        return true;
    }
    lines->left -= weight;
    *ret = json_loadb(line, (size_t)(end - line), JSON_ALLOW_NUL, NULL);
    return true;
}
