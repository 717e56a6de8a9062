/*
 * What an uncaught exception of a compiled program was, from what it wrote of it.
 *
 * A compiled program has no channel to tell its error by: it imports fd_write and nothing more. But
 * it writes tracebacks as CPython does, so the last one has the name, the value and the text that
 * an interpreter would have told.  It is the guest's text: it is believed as its output is.
 */
#include "run/uncaught.h"

#include <jansson.h>

static const char header[] = "Traceback (most recent call last):\n";

/* Where the last traceback of a chain begins, after its first line; NULL: there is none. */
static const char *last_traceback(const char *text, const char *end) {
    const char *found = NULL;
    const size_t length = sizeof(header) - 1;
    for (const char *at = text; at && (size_t)(end - at) >= length;) {
        if (memcmp(at, header, length) == 0)
            found = at + length;
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    return found;
}

bool pa_uncaught_tell(const char *text, size_t size, struct pa_buf *messages) {
    const char *end = text + size;
    const char *at = last_traceback(text, end);
    if (!at || end[-1] != '\n')
        return false;
    while (at < end && *at == ' ') /* frames */
        at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
    if (at == end)
        return false;
    const char *name_end = at, *value = end - 1;
    while (name_end < end - 1 && *name_end != ':' && *name_end != '\n')
        name_end++;
    if (*name_end == ':' && end - name_end > 2)
        value = name_end + 2;
    json_t *message =
        json_pack("{s:s, s:s%, s:s%, s:s%}", "type", "error", "name", at, (size_t)(name_end - at),
                  "value", value, (size_t)(end - 1 - value), "traceback", text, size);
    char *line = message ? json_dumps(message, JSON_COMPACT) : NULL;
    if (line)
        pa_buf_printf(messages, "%s\n", line);
    free(line);
    json_decref(message);
    return line != NULL && !messages->failed;
}
