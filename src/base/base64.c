#include "base/base64.h"

#include "base/macros.h"
#include <nettle/base64.h>

/* 0 to 63, or -1. */
static int value_of(char character) {
    if (character >= 'A' && character <= 'Z')
        return character - 'A';
    if (character >= 'a' && character <= 'z')
        return character - 'a' + 26;
    if (character >= '0' && character <= '9')
        return character - '0' + 52;
    return character == '+' ? 62 : character == '/' ? 63 : -1;
}

/* 2, 3 or 4 characters at `text`; returns how many bytes they are, or -1 with *ret_fault. */
static int decode_group(const char *text, size_t count, uint8_t *out, size_t *ret_fault) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < count ? value_of(text[i]) : 0;
        if (value < 0) {
            *ret_fault = i;
            return -1;
        }
        bits = bits << 6 | (uint32_t)value;
    }
    const uint8_t bytes[] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
    for (size_t i = 0; i < 3; i++)
        if (i < count - 1)
            out[i] = bytes[i];
        else if (bytes[i]) { /* bits that stand for nothing */
            *ret_fault = count - 1;
            return -1;
        }
    return (int)count - 1;
}

int pa_base64_decode(const char *text, size_t size, uint8_t **ret_bytes, size_t *ret_size,
                     size_t *ret_fault) {
    uint8_t *out = malloc(size / 4 * 3 + 1);
    size_t at = 0, written = 0, fault = 0;
    int n = 0;
    for (; out && n >= 0 && size - at >= 4; at += 4) {
        size_t count = 4;
        if (size - at == 4) /* padding is in the last group alone */
            count = text[at + 3] != '=' ? 4 : text[at + 2] != '=' ? 3 : 2;
        n = decode_group(text + at, count, out + written, &fault);
        if (n < 0)
            break;
        written += (size_t)n;
    }
    if (!out || n < 0 || at < size) {
        *ret_fault = n < 0 ? at + fault : size;
        free(out);
        return -1;
    }
    *ret_bytes = out;
    *ret_size = written;
    return 0;
}

char *pa_base64_encode(const void *bytes, size_t size) {
    char *text = pa_xcalloc(1, BASE64_ENCODE_RAW_LENGTH(size) + 1);
    base64_encode_raw(text, size, bytes);
    return text;
}
