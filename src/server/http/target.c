/*
 * The target is copied once and decoded in place: decoding never makes it longer.  The delimiters
 * are found in the text as it was sent, before anything is decoded, so that no encoded character
 * can act as one.
 */
#include "server/http/target.h"

#include "base/utf8.h"
#include <strings.h>

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(const char *text) {
    size_t left = strlen(text);
    for (const uint8_t *at = (const uint8_t *)text; left;) {
        size_t n = pa_utf8_sequence(at, left);
        if (!n || *at < 0x20 || *at == 0x7f)
            return false;
        at += n;
        left -= n;
    }
    return true;
}

/* Decodes in place; false for a broken %XX, a NUL, a control character or what is not UTF-8. */
static bool decode(char *text, bool plus_is_space) {
    char *out = text;
    for (const char *at = text; *at; at++) {
        if (*at == '%') {
            int high = hex(at[1]), low = high < 0 ? -1 : hex(at[2]);
            if (low < 0 || high * 16 + low == 0)
                return false;
            *out++ = (char)(high * 16 + low);
            at += 2;
        } else {
            *out++ = *at == '+' && plus_is_space ? ' ' : *at;
        }
    }
    *out = 0;
    return is_text(text);
}

/* Cuts `text` at the first `delimiter` and returns what follows, or NULL where there is none. */
static char *cut(char *text, char delimiter) {
    char *found = strchr(text, delimiter);
    if (!found)
        return NULL;
    *found = 0;
    return found + 1;
}

static int parse_path(struct pa_http_target *target, char *path, struct pa_error *err) {
    for (char *segment = path, *next; segment; segment = next) {
        next = cut(segment, '/');
        if (target->segment_count == PA_HTTP_MAX_SEGMENTS)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                           "the path has more than %d segments, which no resource has",
                           PA_HTTP_MAX_SEGMENTS);
        if (!decode(segment, false) || pa_streq(segment, ".") || pa_streq(segment, ".."))
            return pa_fail(
                err, PA_ERR_INVALID_ARGUMENT,
                "segment %zu of the path is not UTF-8 text as RFC 3986 encodes it, or is "
                "\".\" or \"..\"",
                target->segment_count + 1);
        target->segments[target->segment_count++] = segment;
    }
    return 0;
}

static int parse_query(struct pa_http_target *target, char *query, struct pa_error *err) {
    for (char *pair = query, *next; pair; pair = next) {
        next = cut(pair, '&');
        if (!*pair)
            continue;
        char *value = cut(pair, '=');
        if (target->query_count == PA_HTTP_MAX_QUERY)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the query has more than %d parameters",
                           PA_HTTP_MAX_QUERY);
        if (!decode(pair, true) || (value && !decode(value, true)))
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                           "parameter %zu of the query is not UTF-8 text as RFC 3986 encodes it",
                           target->query_count + 1);
        target->query[target->query_count].name = pair;
        target->query[target->query_count++].value = value ? value : "";
    }
    return 0;
}

/* Leaves *at behind "scheme://authority" where the target has the absolute form (RFC 9112, 3.2.2).
 */
static void take_authority(struct pa_http_target *target, char **at) {
    size_t scheme = strncasecmp(*at, "http://", 7) == 0    ? 7
                    : strncasecmp(*at, "https://", 8) == 0 ? 8
                                                           : 0;
    if (!scheme)
        return;
    char *authority = *at + scheme;
    size_t length = strcspn(authority, "/?");
    /* One to the left, over the slashes of the scheme, so that the path keeps its own. */
    memmove(authority - 1, authority, length);
    authority[length - 1] = 0;
    target->authority = authority - 1;
    *at = authority + length;
}

int pa_http_target_parse(struct pa_http_target *target, const char *text, struct pa_error *err) {
    *target = (struct pa_http_target){0};
    if (strnlen(text, PA_HTTP_MAX_TARGET + 1) > PA_HTTP_MAX_TARGET)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the request target is longer than %d bytes: send what is long in the body",
                       PA_HTTP_MAX_TARGET);
    target->text = pa_xstrdup(text);
    char *path = target->text;
    take_authority(target, &path);
    char *query = cut(path, '?');
    if (*path != '/' && !(target->authority && !*path))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the request target does not begin with '/'");
    if (parse_path(target, *path ? path + 1 : path, err) < 0)
        return -1;
    return query ? parse_query(target, query, err) : 0;
}

void pa_http_target_done(struct pa_http_target *target) {
    free(target->text);
    *target = (struct pa_http_target){0};
}

const char *pa_http_target_query(const struct pa_http_target *target, const char *name) {
    for (size_t i = 0; i < target->query_count; i++)
        if (pa_streq(target->query[i].name, name))
            return target->query[i].value;
    return NULL;
}

bool pa_http_target_match(const struct pa_http_target *target, const char *pattern,
                          const char *params[PA_HTTP_MAX_PARAMS]) {
    size_t segment = 0, param = 0;
    for (const char *at = pattern + 1; at; segment++) {
        const char *end = strchr(at, '/');
        size_t length = end ? (size_t)(end - at) : strlen(at);
        if (segment == target->segment_count)
            return false;
        const char *got = target->segments[segment];
        if (*at == '{') {
            PA_ASSERT(param < PA_HTTP_MAX_PARAMS);
            if (!*got)
                return false;
            params[param++] = got;
            if (pa_streq(at, "{path}"))
                return true;
        } else if (strlen(got) != length || memcmp(got, at, length) != 0) {
            return false;
        }
        at = end ? end + 1 : NULL;
    }
    return segment == target->segment_count;
}
