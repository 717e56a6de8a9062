/*
 * What a request line asks for, taken apart: the path's segments and the query's pairs, decoded.
 * No I/O: it is fuzzed as it is (fuzz/fuzz_http.c).
 *
 *     struct pa_http_target target;
 *     if (pa_http_target_parse(&target, "/v1/tools/python_executor?stream=sse", &err) < 0) ...
 *     pa_http_target_query(&target, "stream")          "sse"
 *     pa_http_target_match(&target, "/v1/tools/{name}", params)
 *     pa_http_target_done(&target);                    also after a failed parse
 *
 * Each segment is decoded by itself (RFC 3986), so that an encoded slash stays in its segment.  A
 * target that is not UTF-8 once decoded, that has a control character, a "." or a ".." is refused:
 * nothing of ours has such a name.
 */
#ifndef PA_SERVER_HTTP_TARGET_H
#define PA_SERVER_HTTP_TARGET_H

#include "base/error.h"
#include <stdbool.h>

#define PA_HTTP_MAX_TARGET   8192 /* bytes, as sent */
#define PA_HTTP_MAX_SEGMENTS 12
#define PA_HTTP_MAX_QUERY    32
#define PA_HTTP_MAX_PARAMS   2 /* of a pattern */

struct pa_http_target {
    char *text; /* owns what the others point into */
    const char *segments[PA_HTTP_MAX_SEGMENTS];
    size_t segment_count;
    struct {
        const char *name, *value;
    } query[PA_HTTP_MAX_QUERY];
    size_t query_count;
    const char *authority; /* of the absolute form ("http://host/path"), else NULL */
};

/* INVALID_ARGUMENT says what is wrong with it. */
int pa_http_target_parse(struct pa_http_target *target, const char *text, struct pa_error *err);
void pa_http_target_done(struct pa_http_target *target);

/* The first value of that name, or NULL. */
const char *pa_http_target_query(const struct pa_http_target *target, const char *name);

/* A pattern is literal segments and {parameters}, which match any one segment that is not empty;
 * a last {path} matches all that is left, and gets the first of it.
 * True fills params (which point into the target), in the order of the pattern. */
bool pa_http_target_match(const struct pa_http_target *target, const char *pattern,
                          const char *params[PA_HTTP_MAX_PARAMS]);

#endif
