/*
 * Grammar (RFC 2046, 5.1), with the delimiter CRLF "--" boundary:
 *
 *     [CRLF] "--" boundary CRLF  headers CRLF CRLF  bytes  delimiter ... "--" boundary "--"
 *
 * The body is there as a whole, so a part's end is found by one search, and nothing is copied but
 * names.
 */
#include "server/http/multipart.h"

#include "base/utf8.h"
#include <strings.h>

#define BOUNDARY_MOST 70 /* RFC 2046 */
#define HEADERS_MOST  8192

static int malformed(struct pa_error *err, const char *what) {
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the multipart body is malformed: %s", what);
}

/* Copies the value of `parameter` (name="value" or name=value) out of a header's value.  0 when it
 * is there, 1 when it is not, -1 when it does not fit. */
static int find_parameter(const char *header, size_t size, const char *parameter, char *out,
                          size_t room) {
    size_t length = strlen(parameter);
    const char *at = memchr(header, ';', size), *end = header + size;
    while (at) {
        for (at++; at < end && (*at == ' ' || *at == '\t');)
            at++;
        bool found = (size_t)(end - at) > length && at[length] == '=' &&
                     strncasecmp(at, parameter, length) == 0;
        const char *value = memchr(at, '=', (size_t)(end - at));
        if (!value)
            return 1;
        value++;
        bool quoted = value < end && *value == '"';
        size_t used = 0;
        for (value += quoted; value < end && *value != (quoted ? '"' : ';'); value++) {
            if (quoted && *value == '\\' && value + 1 < end)
                value++;
            if (found && used + 1 == room)
                return -1;
            if (found)
                out[used++] = *value;
        }
        if (found) {
            out[used] = 0;
            return strlen(out) == used ? 0 : -1;
        }
        at = value < end ? memchr(value, ';', (size_t)(end - value)) : NULL;
    }
    return 1;
}

/* The delimiter with its leading CRLF. */
static int find_delimiter(const char *content_type, char delimiter[BOUNDARY_MOST + 5],
                          struct pa_error *err) {
    char boundary[BOUNDARY_MOST + 1];
    if (find_parameter(content_type, strlen(content_type), "boundary", boundary,
                       sizeof(boundary)) != 0 ||
        !*boundary)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the Content-Type has no boundary of 1 to %d characters", BOUNDARY_MOST);
    snprintf(delimiter, BOUNDARY_MOST + 5, "\r\n--%s", boundary);
    return 0;
}

static int take_header(struct pa_http_part *part, const char *line, size_t size,
                       struct pa_error *err) {
    static const char name[] = "content-disposition:";
    if (size < sizeof(name) - 1 || strncasecmp(line, name, sizeof(name) - 1) != 0)
        return 0;
    if (find_parameter(line, size, "name", part->name, sizeof(part->name)) < 0 ||
        find_parameter(line, size, "filename", part->filename, sizeof(part->filename)) < 0)
        return malformed(err, "the name of a part or a file is too long");
    return 0;
}

/* Reads headers up to the empty line; *at is then behind it. */
static int take_headers(struct pa_http_part *part, const char **at, const char *end,
                        struct pa_error *err) {
    const char *limit = *at + PA_MIN((size_t)(end - *at), (size_t)HEADERS_MOST);
    for (;;) {
        const char *newline = memmem(*at, (size_t)(limit - *at), "\r\n", 2);
        if (!newline)
            return malformed(err, "the headers of a part do not end");
        size_t size = (size_t)(newline - *at);
        const char *line = *at;
        *at = newline + 2;
        if (!size)
            return 0;
        if (take_header(part, line, size, err) < 0)
            return -1;
    }
}

int pa_http_form_parse(struct pa_http_form *form, const char *content_type, const void *bytes,
                       size_t size, struct pa_error *err) {
    char delimiter[BOUNDARY_MOST + 5];
    form->count = 0;
    if (find_delimiter(content_type, delimiter, err) < 0)
        return -1;
    size_t length = strlen(delimiter);
    const char *at = bytes, *end = at + size;
    /* What stands before the first delimiter is for nobody; that one may lack its CRLF. */
    bool first = size >= length - 2 && memcmp(at, delimiter + 2, length - 2) == 0;
    at = first ? at + length - 2 : memmem(at, size, delimiter, length);
    if (!at)
        return malformed(err, "its boundary is not in it");
    if (!first)
        at += length;
    while (end - at < 2 || memcmp(at, "--", 2) != 0) {
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if (end - at < 2 || memcmp(at, "\r\n", 2) != 0)
            return malformed(err, "no line ends behind a boundary");
        if (form->count == PA_HTTP_MAX_PARTS)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the form has more than %d parts",
                           PA_HTTP_MAX_PARTS);
        struct pa_http_part *part = &form->parts[form->count];
        *part = (struct pa_http_part){0};
        at += 2;
        if (take_headers(part, &at, end, err) < 0)
            return -1;
        /* An empty part's delimiter begins with the CRLF that ended its headers. */
        const char *next = memmem(at - 2, (size_t)(end - at) + 2, delimiter, length);
        if (!next)
            return malformed(err, "its last boundary is missing");
        part->bytes = at;
        part->size = next > at ? (size_t)(next - at) : 0;
        form->count++;
        at = next + length;
    }
    return 0;
}

const struct pa_http_part *pa_http_form_find(const struct pa_http_form *form, const char *name) {
    for (size_t i = 0; i < form->count; i++)
        if (pa_streq(form->parts[i].name, name))
            return &form->parts[i];
    return NULL;
}
