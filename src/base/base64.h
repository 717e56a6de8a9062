/*
 * Base64 as RFC 4648, section 4 has it, and nothing else: padded, without white space, and with
 * zeros in the bits that stand for nothing, so that one sequence of bytes has one text.
 */
#ifndef PA_BASE_BASE64_H
#define PA_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* 0 with the bytes, which the caller frees (never NULL); -1 with the place of the first character
 * that is not as it should be, `size` where some are missing (or there is no memory for so many).
 */
int pa_base64_decode(const char *text, size_t size, uint8_t **ret_bytes, size_t *ret_size,
                     size_t *ret_fault);

/* The text, which the caller frees (never NULL). */
char *pa_base64_encode(const void *bytes, size_t size);

#endif
