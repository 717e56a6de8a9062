#include "server/http/range.h"

#include "base/macros.h"
#include <ctype.h>

/* Digits at *at, which is moved behind them; false where there are none or too many. */
static int take_number(const char **at, uint64_t *ret) {
    const char *begin = *at;
    uint64_t value = 0;
    for (; isdigit((unsigned char)**at); (*at)++) {
        if (*at - begin == 18)
            return 0;
        value = value * 10 + (uint64_t)(**at - '0');
    }
    *ret = value;
    return *at > begin;
}

enum pa_http_range pa_http_range_parse(const char *text, uint64_t size, uint64_t *ret_first,
                                       uint64_t *ret_length) {
    uint64_t first = 0, last = size;
    if (!text || strncmp(text, "bytes=", 6) != 0)
        return PA_HTTP_WHOLE;
    const char *at = text + 6;
    int has_first = take_number(&at, &first);
    if (*at++ != '-')
        return PA_HTTP_WHOLE;
    int has_last = take_number(&at, &last);
    if (*at || (!has_first && !has_last) || (has_first && has_last && last < first))
        return PA_HTTP_WHOLE;
    if (!has_first) { /* the last so many */
        first = size - PA_MIN(last, size);
        if (!last || !size)
            return PA_HTTP_UNSATISFIABLE;
        last = size - 1;
    } else if (!has_last || last >= size) {
        last = size - 1;
    }
    if (first >= size)
        return PA_HTTP_UNSATISFIABLE;
    *ret_first = first;
    *ret_length = last - first + 1;
    return PA_HTTP_PART;
}
