/*
 * An uncaught exception of a compiled Python program, as data.
 *
 *     if (pa_uncaught_tell(text, size, &outcome->results)) ... its "error" says name, value,
 * traceback
 *
 * An interpreter's boot script hands over what was not caught (languages/PROTOCOL.md, "error").  A
 * compiled program has standard error alone, where its runtime writes one traceback and nothing
 * else; so the same message is made from that text.
 */
#ifndef PA_RUN_UNCAUGHT_H
#define PA_RUN_UNCAUGHT_H

#include "base/buf.h"

/* Appends the message, a line of JSON.  False, and nothing is appended, when the text is no
 * traceback or not UTF-8. */
bool pa_uncaught_tell(const char *text, size_t size, struct pa_buf *messages);

#endif
