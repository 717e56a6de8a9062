/* A Range header (RFC 9110, 14): one range of bytes.  No I/O. */
#ifndef PA_SERVER_HTTP_RANGE_H
#define PA_SERVER_HTTP_RANGE_H

#include <stdint.h>

enum pa_http_range {
    PA_HTTP_WHOLE,         /* none, or one that is passed over: other units, several, malformed */
    PA_HTTP_PART,          /* *ret_first and *ret_length, which lie within `size` */
    PA_HTTP_UNSATISFIABLE, /* past the end */
};

enum pa_http_range pa_http_range_parse(const char *text, uint64_t size, uint64_t *ret_first,
                                       uint64_t *ret_length);

#endif
