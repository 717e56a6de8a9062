/*
 * multipart/form-data (RFC 7578) that is there as a whole.  No I/O: fuzzed as it is.
 *
 *     struct pa_http_form form;
 *     pa_http_form_parse(&form, content_type, bytes, size, &err)
 *     const struct pa_http_part *part = pa_http_form_find(&form, "module");
 *
 * The parts point into `bytes`; there is nothing to free.
 */
#ifndef PA_SERVER_HTTP_MULTIPART_H
#define PA_SERVER_HTTP_MULTIPART_H

#include "base/error.h"

#define PA_HTTP_MAX_PARTS 64
#define PA_HTTP_MAX_NAME  256 /* bytes, of a part or a file */

struct pa_http_part {
    char name[PA_HTTP_MAX_NAME], filename[PA_HTTP_MAX_NAME]; /* "" where there is none */
    const char *bytes;
    size_t size;
};

struct pa_http_form {
    struct pa_http_part parts[PA_HTTP_MAX_PARTS];
    size_t count;
};

/* INVALID_ARGUMENT where it is not well-formed, has too many parts or names that are too long. */
int pa_http_form_parse(struct pa_http_form *form, const char *content_type, const void *bytes,
                       size_t size, struct pa_error *err);
const struct pa_http_part *pa_http_form_find(const struct pa_http_form *form, const char *name);

#endif
