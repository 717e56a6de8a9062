/*
 * Strings: UTF-8 in a buffer that may be shared.
 *
 * A string's bytes lie in a buffer with room behind them.  `a + b` where a ends where its buffer is
 * used up to appends b in place and makes a new string that shares the buffer: building a text by
 * `s += x` takes linear time.  A slice shares the buffer too.
 */
#include "transpile/runtime/rt.h"

static struct str *new_str(const uint8_t *bytes, struct bytes *buffer, uint32_t size,
                           uint32_t chars) {
    struct str *s = rt_new(sizeof(*s), STR);
    s->hash = 0;
    s->size = size;
    s->chars = chars;
    s->bytes = bytes;
    s->buffer = buffer;
    return s;
}

RT_API struct str *rt_str_room(uint32_t size) {
    struct bytes *b = rt_bytes(size);
    return new_str(b->bytes, b, 0, 0);
}

/* Only for a string that nobody else has seen. */
static void reserve(struct str *s, uint32_t more) {
    struct bytes *b = s->buffer;
    if (b->room - s->size >= more)
        return;
    if (more > 0x60000000u - s->size)
        rt_bail();
    struct bytes *larger =
        rt_bytes((s->size + more) * 2 > 0x60000000u ? s->size + more : (s->size + more) * 2);
    copy(larger->bytes, s->bytes, s->size);
    s->bytes = larger->bytes;
    s->buffer = larger;
}

RT_API void rt_str_fill(struct str *s, const struct str *more) {
    reserve(s, more->size);
    copy(s->buffer->bytes + s->size, more->bytes, more->size);
    s->size += more->size;
    s->chars += more->chars;
    s->buffer->used = s->size;
}

void rt_str_put(struct str *s, uint8_t byte) {
    reserve(s, 1);
    s->buffer->bytes[s->size++] = byte;
    s->chars += (byte & 0xc0) != 0x80;
    s->buffer->used = s->size;
}

struct str *rt_str_of(const uint8_t *bytes, uint32_t size, uint32_t chars) {
    struct bytes *b = rt_bytes(size);
    copy(b->bytes, bytes, size);
    b->used = size;
    return new_str(b->bytes, b, size, chars);
}

struct str *rt_str_ascii(const char *text) {
    uint32_t size = (uint32_t)__builtin_strlen(text);
    return rt_str_of((const uint8_t *)text, size, size);
}

static struct str *part(struct str *s, uint32_t from, uint32_t size, uint32_t chars) {
    return new_str(s->bytes + from, s->buffer, size, chars);
}

RT_API struct str *rt_str_add(struct str *a, struct str *b) {
    if (!a->size)
        return b;
    if (!b->size)
        return a;
    struct bytes *buffer = a->buffer;
    if (buffer && a->bytes + a->size == buffer->bytes + buffer->used &&
        buffer->room - buffer->used >= b->size) {
        copy(buffer->bytes + buffer->used, b->bytes, b->size);
        buffer->used += b->size;
        return new_str(a->bytes, buffer, a->size + b->size, a->chars + b->chars);
    }
    uint64_t size = (uint64_t)a->size + b->size;
    if (size > 0x30000000u)
        rt_bail();
    struct bytes *room = rt_bytes(size < 16 ? 32 : (uint32_t)size * 2);
    copy(room->bytes, a->bytes, a->size);
    copy(room->bytes + a->size, b->bytes, b->size);
    room->used = (uint32_t)size;
    return new_str(room->bytes, room, (uint32_t)size, a->chars + b->chars);
}

RT_API int32_t rt_str_compare(const struct str *a, const struct str *b) {
    uint32_t n = a->size < b->size ? a->size : b->size;
    for (uint32_t i = 0; i < n; i++)
        if (a->bytes[i] != b->bytes[i])
            return a->bytes[i] < b->bytes[i] ? -1 : 1;
    return a->size == b->size ? 0 : a->size < b->size ? -1 : 1;
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, uint32_t size) {
    for (; size >= 8; size -= 8, a += 8, b += 8) {
        uint64_t x, y;
        copy(&x, a, 8);
        copy(&y, b, 8);
        if (x != y)
            return false;
    }
    for (; size; size--)
        if (*a++ != *b++)
            return false;
    return true;
}

RT_API bool rt_str_equal(const struct str *a, const struct str *b) {
    return a == b || (a->size == b->size && same_bytes(a->bytes, b->bytes, a->size));
}

uint32_t rt_str_hash(struct str *s) {
    if (s->hash)
        return s->hash;
    uint64_t h = 0xcbf29ce484222325u ^ s->size;
    const uint8_t *p = s->bytes;
    uint32_t n = s->size;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        copy(&word, p, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    for (; n; n--)
        h = (h ^ *p++) * 0x100000001b3u;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9u;
    h ^= h >> 32;
    s->hash = (uint32_t)h ? (uint32_t)h : 1;
    return s->hash;
}

RT_API struct str *rt_str_of_int(int64_t value) {
    uint8_t text[24];
    uint32_t at = sizeof(text);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        text[--at] = (uint8_t)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        text[--at] = '-';
    return rt_str_of(text + at, sizeof(text) - at, sizeof(text) - at);
}

/* Characters. */

uint32_t rt_utf8_length(uint8_t first) {
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

uint32_t rt_utf8_decode(const uint8_t *s) {
    uint32_t n = rt_utf8_length(*s);
    uint32_t c = n == 1 ? *s : *s & (0x7fu >> n);
    for (uint32_t i = 1; i < n; i++)
        c = c << 6 | (s[i] & 0x3f);
    return c;
}

static uint32_t offset_of(const struct str *s, uint32_t index) {
    if (s->chars == s->size)
        return index;
    uint32_t at = 0;
    while (index--)
        at += rt_utf8_length(s->bytes[at]);
    return at;
}

RT_API struct str *rt_str_char(struct str *s, uint32_t at) {
    return part(s, at, rt_utf8_length(s->bytes[at]), 1);
}

RT_API uint32_t rt_str_next(const struct str *s, uint32_t at) {
    return at + rt_utf8_length(s->bytes[at]);
}

RT_API struct str *rt_str_at(struct str *s, int64_t index) {
    if (index < 0)
        index += s->chars;
    if (index < 0 || index >= s->chars) {
        rt_error(INDEX_ERROR, "string index out of range");
        return s;
    }
    return rt_str_char(s, offset_of(s, (uint32_t)index));
}

/* Bounds of a slice over `count` items, as Python has them; returns how many there are. */
uint32_t rt_slice_bounds(int64_t count, int64_t *low, int64_t *high, int64_t *step,
                         uint32_t there) {
    int64_t by = there & 4 ? *step : 1;
    if (by == 0) {
        rt_error(VALUE_ERROR, "slice step cannot be zero");
        return 0;
    }
    int64_t first = by < 0 ? -1 : 0, last = by < 0 ? count - 1 : count;
    int64_t from = by < 0 ? last : first, to = by < 0 ? first : last;
    if (there & 1) {
        from = *low < 0 ? *low + count : *low;
        from = from < first ? first : from > last ? last : from;
    }
    if (there & 2) {
        to = *high < 0 ? *high + count : *high;
        to = to < first ? first : to > last ? last : to;
    }
    *low = from;
    *high = to;
    *step = by;
    if (by > 0)
        return from < to ? (uint32_t)((to - from - 1) / by + 1) : 0;
    return to < from ? (uint32_t)((from - to - 1) / -by + 1) : 0;
}

RT_API struct str *rt_str_slice(struct str *s, int64_t low, int64_t high, int64_t step,
                                uint32_t there) {
    uint32_t count = rt_slice_bounds(s->chars, &low, &high, &step, there);
    if (rt_exc || !count)
        return rt_str_of(NULL, 0, 0);
    if (step == 1) {
        uint32_t from = offset_of(s, (uint32_t)low), to = offset_of(s, (uint32_t)(low + count));
        return part(s, from, to - from, count);
    }
    struct str *result = rt_str_room(s->chars == s->size ? count : 4 * count);
    if (s->chars == s->size) {
        for (uint32_t i = 0; i < count; i++)
            result->buffer->bytes[i] = s->bytes[low + (int64_t)i * step];
        result->size = result->chars = result->buffer->used = count;
        return result;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = offset_of(s, (uint32_t)(low + (int64_t)i * step));
        for (uint32_t k = 0; k < rt_utf8_length(s->bytes[at]); k++)
            rt_str_put(result, s->bytes[at + k]);
    }
    return result;
}

RT_API struct str *rt_str_repeat(struct str *s, int64_t count) {
    if (count <= 0 || !s->size)
        return rt_str_of(NULL, 0, 0);
    if (count > 0x30000000 / (int64_t)s->size)
        rt_bail();
    struct bytes *b = rt_bytes((uint32_t)count * s->size);
    for (int64_t i = 0; i < count; i++)
        copy(b->bytes + (uint32_t)i * s->size, s->bytes, s->size);
    b->used = (uint32_t)count * s->size;
    return new_str(b->bytes, b, b->used, (uint32_t)count * s->chars);
}

extern const struct desc rt_desc_list_of_str;

RT_API struct list *rt_str_list(struct str *s) {
    struct list *l = rt_list_new(&rt_desc_list_of_str, s->chars);
    for (uint32_t at = 0; at < s->size; at = rt_str_next(s, at))
        rt_list_append(l, of_pointer(rt_str_char(s, at)));
    return l;
}

RT_API struct str *rt_chr(int64_t code) {
    if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        rt_bail();
    uint32_t c = (uint32_t)code;
    uint8_t b[4] = {(uint8_t)c};
    uint32_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (n > 1) {
        b[0] = (uint8_t)(heads[n] | c >> 6 * (n - 1));
        for (uint32_t i = 1; i < n; i++)
            b[i] = (uint8_t)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
    }
    return rt_str_of(b, n, 1);
}

RT_API int64_t rt_ord(const struct str *s) {
    if (s->chars != 1)
        rt_bail();
    return rt_utf8_decode(s->bytes);
}

/* repr(): quotes and escapes.  Which letters beyond ASCII are printable is a large table: those of
 * the common blocks are known, the rest is left to the interpreter. */
static bool is_printable(uint32_t c) {
    return (c >= 0xa1 && c <= 0x377 && c != 0xad) || (c >= 0x391 && c <= 0x3a1) ||
           (c >= 0x3a3 && c <= 0x52f) || (c >= 0x2010 && c <= 0x2027) ||
           (c >= 0x2030 && c <= 0x205e) || (c >= 0x20a0 && c <= 0x20bf) ||
           (c >= 0x2190 && c <= 0x23ff) ||
           (c >= 0x2500 && c <= 0x2bff && c != 0x2b74 && c != 0x2b75 && c != 0x2b96) ||
           (c >= 0x3041 && c <= 0x3096) || (c >= 0x30a1 && c <= 0x30ff) ||
           (c >= 0x4e00 && c <= 0x9fa5) || (c >= 0xac00 && c <= 0xd7a3) ||
           (c >= 0x1f300 && c <= 0x1f64f);
}

struct str *rt_str_repr(const struct str *s) {
    static const char hex[] = "0123456789abcdef";
    bool single = false, twice = false;
    for (uint32_t i = 0; i < s->size; i++) {
        single |= s->bytes[i] == '\'';
        twice |= s->bytes[i] == '"';
    }
    uint8_t quote = single && !twice ? '"' : '\'';
    struct str *r = rt_str_room(s->size + 2);
    rt_str_put(r, quote);
    for (uint32_t i = 0; i < s->size; i++) {
        uint8_t c = s->bytes[i];
        uint8_t letter = c == '\n'                 ? 'n'
                         : c == '\r'               ? 'r'
                         : c == '\t'               ? 't'
                         : c == '\\' || c == quote ? c
                                                   : 0;
        if (c >= 0x80) {
            if ((c & 0xc0) != 0x80 && !is_printable(rt_utf8_decode(s->bytes + i)))
                rt_bail();
            rt_str_put(r, c);
        } else if (letter) {
            rt_str_put(r, '\\');
            rt_str_put(r, letter);
        } else if (c < 0x20 || c == 0x7f) {
            rt_str_put(r, '\\');
            rt_str_put(r, 'x');
            rt_str_put(r, (uint8_t)hex[c >> 4]);
            rt_str_put(r, (uint8_t)hex[c & 15]);
        } else {
            rt_str_put(r, c);
        }
    }
    rt_str_put(r, quote);
    return r;
}
