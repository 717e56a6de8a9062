/* SHA-256 (FIPS 180-4), by nettle.  A digest as text is 64 lower-case hexadecimal digits. */
#ifndef PA_BASE_DIGEST_H
#define PA_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define PA_DIGEST_TEXT 65 /* with the closing 0 */

void pa_digest(const void *bytes, size_t size, char ret_text[PA_DIGEST_TEXT]);

/* The digest of several spans one after another, each preceded by its length (so that no two lists
 * of spans give the same input). */
struct pa_span {
    const void *bytes;
    size_t size;
};
void pa_digest_spans(const struct pa_span *spans, size_t count, char ret_text[PA_DIGEST_TEXT]);

#endif
