/*
 * What a guest handed over as data, a line of JSON at a time, with a bound on what that costs.
 *
 *     struct pa_result_lines lines = pa_result_lines(&outcome->results);
 *     json_t *message;
 *     while (pa_result_lines_next(&lines, &message))
 *         ...                                    NULL: the line is no JSON, or too much of it
 *         json_decref(message);
 *
 * The bytes are bounded by results_bytes, but "[],[],[]" is a hundred times its size once it is
 * values in memory.  So each line is weighed before it is read: PA_RESULT_WEIGHT for all lines
 * together is about 50 MB, and more than a figure of 200,000 points.
 */
#ifndef PA_RUN_RESULTS_H
#define PA_RUN_RESULTS_H

#include "base/buf.h"
#include <jansson.h>
#include <stdbool.h>

/* A number or a string weighs 1, what holds others 8, for that is what they take in memory. */
#define PA_RESULT_WEIGHT 1000000u
#define PA_RESULT_DEPTH  100u

struct pa_result_lines {
    const char *at, *end;
    size_t left;  /* of the weight */
    bool dropped; /* a line was too heavy or too deep */
};

/* Borrows `lines`. */
struct pa_result_lines pa_result_lines(const struct pa_buf *lines);

/* False when there is none left. */
bool pa_result_lines_next(struct pa_result_lines *lines, json_t **ret);

#endif
