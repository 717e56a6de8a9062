/*
 * UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing past U+10FFFF.
 *
 *     size_t n = pa_utf8_sequence(at, end - at);      0: the byte at `at` begins no character
 */
#ifndef PA_BASE_UTF8_H
#define PA_BASE_UTF8_H

#include "base/buf.h"

/* What stands for a byte that is none: U+FFFD. */
#define PA_UTF8_REPLACEMENT "\xef\xbf\xbd"

/* The length in bytes of the character at `at`, of which `left` >= 1 bytes may be read, or 0. */
size_t pa_utf8_sequence(const uint8_t *at, size_t left);

/* Appends the bytes, with the replacement for what is none; true when nothing had to be replaced.
 */
bool pa_utf8_append(struct pa_buf *text, const void *bytes, size_t size);

/* How many bytes at the end, 0 to 3, begin a character that more bytes could complete: for text
 * that comes in pieces. */
size_t pa_utf8_unfinished(const void *bytes, size_t size);

#endif
