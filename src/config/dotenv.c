/*
 * One pass over the text with a cursor that counts lines.  A value is collected into a buffer,
 * which the size of the text bounds: a value is never longer than what it was read from.
 */
#include "config/dotenv.h"

#include "base/buf.h"
#include <stdbool.h>

struct cursor {
    const char *at, *end;
    unsigned line;
};

static int peek(const struct cursor *cursor) {
    return cursor->at < cursor->end ? (unsigned char)*cursor->at : -1;
}

static int take(struct cursor *cursor) {
    int c = peek(cursor);
    if (c >= 0)
        cursor->at++;
    if (c == '\n')
        cursor->line++;
    return c;
}

static bool is_blank(int c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct cursor *cursor) {
    while (is_blank(peek(cursor)))
        take(cursor);
}

static void skip_line(struct cursor *cursor) {
    int c;
    do
        c = take(cursor);
    while (c >= 0 && c != '\n');
}

static bool is_name(int c, bool first) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* True with the name in `name` and the cursor behind the '='. */
static bool read_name(struct cursor *cursor, struct pa_buf *name) {
    for (bool exported = false;; exported = true) {
        pa_buf_clear(name);
        while (is_name(peek(cursor), name->size == 0)) {
            char c = (char)take(cursor);
            pa_buf_append(name, &c, 1);
        }
        if (exported || !is_blank(peek(cursor)) || !pa_streq(pa_buf_text(name), "export"))
            break;
        skip_blanks(cursor);
    }
    skip_blanks(cursor);
    if (name->size == 0 || peek(cursor) != '=')
        return false;
    take(cursor);
    return true;
}

/* To the end of the line, or to a '#' after a blank; blanks at the end are cut. */
static void read_bare(struct cursor *cursor, struct pa_buf *value) {
    const char *start = cursor->at;
    while (peek(cursor) >= 0 && peek(cursor) != '\n' &&
           !(peek(cursor) == '#' && (cursor->at == start || is_blank(cursor->at[-1]))))
        take(cursor);
    const char *end = cursor->at;
    while (end > start && is_blank((unsigned char)end[-1]))
        end--;
    pa_buf_append(value, start, (size_t)(end - start));
}

static char unescape(int c) {
    return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : (char)c;
}

/* The cursor stands behind the opening quote. */
static bool read_quoted(struct cursor *cursor, char quote, struct pa_buf *value) {
    for (int c; (c = take(cursor)) != quote;) {
        if (c < 0)
            return false;
        char byte = (char)c;
        if (c == '\\' && quote == '"' && peek(cursor) >= 0 && strchr("ntr\"\\$", peek(cursor)))
            byte = unescape(take(cursor));
        pa_buf_append(value, &byte, 1);
    }
    return true;
}

int pa_dotenv_parse(const char *text, size_t size, pa_dotenv_entry *each, void *context,
                    unsigned *ret_line, struct pa_error *err) {
    struct cursor cursor = {text, text + size, 1};
    PA_CLEANUP(pa_buf_done) struct pa_buf name = PA_BUF_INIT(size + 1);
    PA_CLEANUP(pa_buf_done) struct pa_buf value = PA_BUF_INIT(size + 1);
    while (peek(&cursor) >= 0) {
        skip_blanks(&cursor);
        unsigned line = cursor.line;
        const int first = peek(&cursor);
        if (read_name(&cursor, &name)) {
            skip_blanks(&cursor);
            pa_buf_clear(&value);
            int quote = peek(&cursor);
            if (quote == '"' || quote == '\'') {
                take(&cursor);
                if (!read_quoted(&cursor, (char)quote, &value)) {
                    *ret_line = line;
                    return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                                   "%.64s: the quote %c is never closed", pa_buf_text(&name),
                                   quote);
                }
            } else {
                read_bare(&cursor, &value);
            }
            each(context, pa_buf_text(&name), pa_buf_text(&value), line);
        } else if (first >= 0 && first != '#' && first != '\n') {
            each(context, NULL, NULL, line);
        }
        skip_line(&cursor);
    }
    return 0;
}
