#include "base/utf8.h"

size_t pa_utf8_sequence(const uint8_t *at, size_t left) {
    uint8_t first = at[0];
    if (first < 0x80)
        return 1;
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || size > left)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f) ||
        (first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f))
        return 0;
    return size;
}

bool pa_utf8_append(struct pa_buf *text, const void *bytes, size_t size) {
    const uint8_t *from = bytes;
    size_t plain = 0;
    bool exact = true;
    for (size_t at = 0; at < size;) {
        size_t n = pa_utf8_sequence(from + at, size - at);
        if (n) {
            at += n;
            continue;
        }
        pa_buf_append(text, from + plain, at - plain);
        pa_buf_append_text(text, PA_UTF8_REPLACEMENT);
        plain = ++at;
        exact = false;
    }
    if (size > plain)
        pa_buf_append(text, from + plain, size - plain);
    return exact;
}

/* Can be completed: when continuation bytes, of which the lowest and the highest stand for all
 * there are, make it a character. */
size_t pa_utf8_unfinished(const void *bytes, size_t size) {
    const uint8_t *end = (const uint8_t *)bytes + size;
    for (size_t back = 1; back <= PA_MIN(size, (size_t)3); back++) {
        if ((end[-(ptrdiff_t)back] & 0xc0) == 0x80)
            continue;
        uint8_t low[4] = {0x80, 0x80, 0x80, 0x80}, high[4] = {0xbf, 0xbf, 0xbf, 0xbf};
        memcpy(low, end - back, back);
        memcpy(high, end - back, back);
        size_t length = PA_MAX(pa_utf8_sequence(low, 4), pa_utf8_sequence(high, 4));
        return length > back ? back : 0;
    }
    return 0;
}
