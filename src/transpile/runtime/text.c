/*
 * Methods of strings.  What depends on Unicode's tables (letters' case, what a letter is) is done
 * for ASCII; for anything else the interpreter does it.
 */
#include "transpile/runtime/rt.h"

static void need_ascii(const struct str *s) {
    if (s->chars != s->size)
        rt_bail();
}

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
}
static bool is_upper(uint8_t c) {
    return c >= 'A' && c <= 'Z';
}
static bool is_lower(uint8_t c) {
    return c >= 'a' && c <= 'z';
}
static bool is_alpha(uint8_t c) {
    return is_upper(c) || is_lower(c);
}
static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}
static uint8_t to_upper(uint8_t c) {
    return is_lower(c) ? (uint8_t)(c - 32) : c;
}
static uint8_t to_lower(uint8_t c) {
    return is_upper(c) ? (uint8_t)(c + 32) : c;
}

static struct str *sub(struct str *s, uint32_t from, uint32_t to) {
    uint32_t chars = 0;
    struct str *r = rt_new(sizeof(*r), STR);
    if (s->chars == s->size)
        chars = to - from;
    else
        for (uint32_t i = from; i < to; i++)
            chars += (s->bytes[i] & 0xc0) != 0x80;
    r->hash = 0;
    r->size = to - from;
    r->chars = chars;
    r->bytes = s->bytes + from;
    r->buffer = s->buffer;
    return r;
}

enum casing {
    UPPER,
    LOWER,
    TITLE,
    CAPITAL,
    SWAP
};

static struct str *change_case(const struct str *s, enum casing how) {
    need_ascii(s);
    struct str *r = rt_str_room(s->size);
    bool word = false;
    for (uint32_t i = 0; i < s->size; i++) {
        uint8_t c = s->bytes[i];
        bool up = how == UPPER || (how == TITLE && !word) || (how == CAPITAL && i == 0) ||
                  (how == SWAP && is_lower(c));
        word = is_alpha(c);
        rt_str_put(r, up ? to_upper(c) : to_lower(c));
    }
    return r;
}

RT_API struct str *rt_str_upper(const struct str *s) {
    return change_case(s, UPPER);
}
RT_API struct str *rt_str_lower(const struct str *s) {
    return change_case(s, LOWER);
}
RT_API struct str *rt_str_title(const struct str *s) {
    return change_case(s, TITLE);
}
RT_API struct str *rt_str_capitalize(const struct str *s) {
    return change_case(s, CAPITAL);
}
RT_API struct str *rt_str_swapcase(const struct str *s) {
    return change_case(s, SWAP);
}

/* Whether all characters are of a kind, and there is one. */
#define ALL(name, test)                                                                            \
    RT_API bool name(const struct str *s) {                                                        \
        need_ascii(s);                                                                             \
        for (uint32_t i = 0; i < s->size; i++)                                                     \
            if (!(test))                                                                           \
                return false;                                                                      \
        return s->size > 0;                                                                        \
    }
ALL(rt_str_isdigit, is_digit(s->bytes[i]))
ALL(rt_str_isalpha, is_alpha(s->bytes[i]))
ALL(rt_str_isalnum, is_alpha(s->bytes[i]) || is_digit(s->bytes[i]))
ALL(rt_str_isspace, is_space(s->bytes[i]))

RT_API bool rt_str_isupper(const struct str *s) {
    bool some = false;
    need_ascii(s);
    for (uint32_t i = 0; i < s->size; i++) {
        if (is_lower(s->bytes[i]))
            return false;
        some |= is_upper(s->bytes[i]);
    }
    return some;
}

RT_API bool rt_str_islower(const struct str *s) {
    bool some = false;
    need_ascii(s);
    for (uint32_t i = 0; i < s->size; i++) {
        if (is_upper(s->bytes[i]))
            return false;
        some |= is_lower(s->bytes[i]);
    }
    return some;
}

enum side {
    LEFT = 1,
    RIGHT = 2
};

static bool is_among(uint8_t c, const struct str *among) {
    if (!among)
        return is_space(c);
    for (uint32_t i = 0; i < among->size; i++)
        if (among->bytes[i] == c)
            return true;
    return false;
}

static struct str *strip(struct str *s, const struct str *among, uint32_t sides) {
    uint32_t from = 0, to = s->size;
    if (among)
        need_ascii(among);
    else
        need_ascii(s);
    while (from < to && (sides & LEFT) && is_among(s->bytes[from], among))
        from++;
    while (from < to && (sides & RIGHT) && is_among(s->bytes[to - 1], among))
        to--;
    return sub(s, from, to);
}

RT_API struct str *rt_str_strip(struct str *s) {
    return strip(s, NULL, LEFT | RIGHT);
}
RT_API struct str *rt_str_lstrip(struct str *s) {
    return strip(s, NULL, LEFT);
}
RT_API struct str *rt_str_rstrip(struct str *s) {
    return strip(s, NULL, RIGHT);
}
RT_API struct str *rt_str_strip_of(struct str *s, struct str *among) {
    return strip(s, among, LEFT | RIGHT);
}
RT_API struct str *rt_str_lstrip_of(struct str *s, struct str *among) {
    return strip(s, among, LEFT);
}
RT_API struct str *rt_str_rstrip_of(struct str *s, struct str *among) {
    return strip(s, among, RIGHT);
}

/* Where `what` begins, in bytes, from `from` on; -1. */
static int64_t find(const struct str *s, const struct str *what, uint32_t from) {
    if (what->size > s->size)
        return -1;
    for (uint32_t i = from; i <= s->size - what->size; i++) {
        uint32_t k = 0;
        while (k < what->size && s->bytes[i + k] == what->bytes[k])
            k++;
        if (k == what->size)
            return i;
    }
    return -1;
}

static int64_t find_last(const struct str *s, const struct str *what) {
    if (what->size > s->size)
        return -1;
    for (uint32_t i = s->size - what->size + 1; i-- > 0;) {
        uint32_t k = 0;
        while (k < what->size && s->bytes[i + k] == what->bytes[k])
            k++;
        if (k == what->size)
            return i;
    }
    return -1;
}

static int64_t in_chars(const struct str *s, int64_t at) {
    if (at < 0 || s->chars == s->size)
        return at;
    int64_t chars = 0;
    for (int64_t i = 0; i < at; i++)
        chars += (s->bytes[i] & 0xc0) != 0x80;
    return chars;
}

RT_API int64_t rt_str_find(const struct str *s, const struct str *what) {
    return in_chars(s, find(s, what, 0));
}

RT_API int64_t rt_str_find_from(const struct str *s, const struct str *what, int64_t from) {
    need_ascii(s);
    if (from < 0)
        from = from + s->size < 0 ? 0 : from + s->size;
    if (from > s->size)
        return -1;
    return find(s, what, (uint32_t)from);
}

RT_API int64_t rt_str_rfind(const struct str *s, const struct str *what) {
    return in_chars(s, find_last(s, what));
}

RT_API int64_t rt_str_index(const struct str *s, const struct str *what) {
    int64_t at = rt_str_find(s, what);
    if (at < 0)
        rt_error(VALUE_ERROR, "substring not found");
    return at;
}

RT_API bool rt_str_has(const struct str *s, const struct str *what) {
    return find(s, what, 0) >= 0;
}

RT_API int64_t rt_str_count(const struct str *s, const struct str *what) {
    if (!what->size)
        return (int64_t)s->chars + 1;
    int64_t count = 0;
    for (int64_t at = find(s, what, 0); at >= 0; at = find(s, what, (uint32_t)at + what->size))
        count++;
    return count;
}

RT_API bool rt_str_startswith(const struct str *s, const struct str *what) {
    if (what->size > s->size)
        return false;
    for (uint32_t i = 0; i < what->size; i++)
        if (s->bytes[i] != what->bytes[i])
            return false;
    return true;
}

RT_API bool rt_str_endswith(const struct str *s, const struct str *what) {
    if (what->size > s->size)
        return false;
    for (uint32_t i = 0; i < what->size; i++)
        if (s->bytes[s->size - what->size + i] != what->bytes[i])
            return false;
    return true;
}

RT_API struct str *rt_str_removeprefix(struct str *s, struct str *what) {
    return rt_str_startswith(s, what) ? sub(s, what->size, s->size) : s;
}

RT_API struct str *rt_str_removesuffix(struct str *s, struct str *what) {
    return rt_str_endswith(s, what) ? sub(s, 0, s->size - what->size) : s;
}

static void add_word(struct list *words, struct str *s, uint32_t from, uint32_t to) {
    rt_list_append(words, of_pointer(sub(s, from, to)));
}

RT_API struct list *rt_str_split_space(struct str *s, const struct desc *desc) {
    struct list *words = rt_list_new(desc, 0);
    need_ascii(s);
    for (uint32_t at = 0;;) {
        while (at < s->size && is_space(s->bytes[at]))
            at++;
        if (at == s->size)
            return words;
        uint32_t from = at;
        while (at < s->size && !is_space(s->bytes[at]))
            at++;
        add_word(words, s, from, at);
    }
}

RT_API struct list *rt_str_split_most(struct str *s, struct str *by, int64_t most,
                                      const struct desc *desc) {
    struct list *words = rt_list_new(desc, 0);
    if (!by->size) {
        rt_error(VALUE_ERROR, "empty separator");
        return words;
    }
    uint32_t from = 0;
    while (most-- != 0) {
        int64_t at = find(s, by, from);
        if (at < 0)
            break;
        add_word(words, s, from, (uint32_t)at);
        from = (uint32_t)at + by->size;
    }
    add_word(words, s, from, s->size);
    return words;
}

RT_API struct list *rt_str_split(struct str *s, struct str *by, const struct desc *desc) {
    return rt_str_split_most(s, by, -1, desc);
}

RT_API struct list *rt_str_rsplit_most(struct str *s, struct str *by, int64_t most,
                                       const struct desc *desc) {
    if (most < 0)
        return rt_str_split_most(s, by, most, desc);
    struct list *words = rt_list_new(desc, 0);
    if (!by->size) {
        rt_error(VALUE_ERROR, "empty separator");
        return words;
    }
    uint32_t to = s->size;
    for (; most > 0; most--) {
        int64_t at = find_last(sub(s, 0, to), by);
        if (at < 0)
            break;
        add_word(words, s, (uint32_t)at + by->size, to);
        to = (uint32_t)at;
    }
    add_word(words, s, 0, to);
    for (uint32_t i = 0, k = words->count - 1; i < k; i++, k--) {
        slot swapped = words->slots[i];
        words->slots[i] = words->slots[k];
        words->slots[k] = swapped;
    }
    return words;
}

RT_API struct list *rt_str_splitlines(struct str *s, const struct desc *desc) {
    struct list *lines = rt_list_new(desc, 0);
    uint32_t from = 0;
    need_ascii(s);
    for (uint32_t i = 0; i < s->size; i++) {
        uint8_t c = s->bytes[i];
        if (c != '\n' && c != '\r' && c != 11 && c != 12 && !(c >= 0x1c && c <= 0x1e))
            continue;
        add_word(lines, s, from, i);
        if (c == '\r' && i + 1 < s->size && s->bytes[i + 1] == '\n')
            i++;
        from = i + 1;
    }
    if (from < s->size)
        add_word(lines, s, from, s->size);
    return lines;
}

RT_API struct str *rt_str_join(const struct str *between, const struct list *parts) {
    uint64_t size = 0;
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct str *one = to_pointer(parts->slots[i]);
        if (!one)
            rt_bail();
        size += one->size + (i ? between->size : 0);
    }
    if (size > 0x30000000u)
        rt_bail();
    struct str *r = rt_str_room((uint32_t)size);
    for (uint32_t i = 0; i < parts->count; i++) {
        if (i && between->size)
            rt_str_fill(r, between);
        rt_str_fill(r, to_pointer(parts->slots[i]));
    }
    return r;
}

RT_API struct str *rt_str_replace_most(struct str *s, struct str *from, struct str *to,
                                       int64_t most) {
    struct str *r = rt_str_room(s->size);
    uint32_t at = 0;
    if (!from->size) {
        need_ascii(s);
        for (uint32_t i = 0; i <= s->size; i++) {
            if (most-- != 0)
                rt_str_fill(r, to);
            else
                most++;
            if (i < s->size)
                rt_str_put(r, s->bytes[i]);
        }
        return r;
    }
    while (most-- != 0) {
        int64_t next = find(s, from, at);
        if (next < 0)
            break;
        rt_str_fill(r, sub(s, at, (uint32_t)next));
        rt_str_fill(r, to);
        at = (uint32_t)next + from->size;
    }
    rt_str_fill(r, sub(s, at, s->size));
    return r;
}

RT_API struct str *rt_str_replace(struct str *s, struct str *from, struct str *to) {
    return rt_str_replace_most(s, from, to, -1);
}

static struct tuple *three(const struct desc *desc, struct str *a, struct str *b, struct str *c) {
    struct tuple *t = rt_tuple_new(desc);
    t->slots[0] = of_pointer(a);
    t->slots[1] = of_pointer(b);
    t->slots[2] = of_pointer(c);
    return t;
}

RT_API struct tuple *rt_str_partition(struct str *s, struct str *by, const struct desc *desc) {
    struct str *empty = sub(s, 0, 0);
    if (!by->size)
        rt_error(VALUE_ERROR, "empty separator");
    int64_t at = find(s, by, 0);
    if (at < 0)
        return three(desc, s, empty, empty);
    return three(desc, sub(s, 0, (uint32_t)at), by, sub(s, (uint32_t)at + by->size, s->size));
}

RT_API struct tuple *rt_str_rpartition(struct str *s, struct str *by, const struct desc *desc) {
    struct str *empty = sub(s, 0, 0);
    if (!by->size)
        rt_error(VALUE_ERROR, "empty separator");
    int64_t at = find_last(s, by);
    if (at < 0)
        return three(desc, empty, empty, s);
    return three(desc, sub(s, 0, (uint32_t)at), by, sub(s, (uint32_t)at + by->size, s->size));
}

/* Padding. */

static void put_many(struct str *r, const struct str *with, int64_t count) {
    for (; count > 0; count--)
        rt_str_fill(r, with);
}

static struct str *pad(struct str *s, int64_t width, const struct str *with, int side) {
    int64_t missing = width - s->chars;
    if (with->chars != 1 || missing > 0x10000000)
        rt_bail();
    if (missing <= 0)
        return s;
    int64_t left = side == 0 ? missing / 2 + (missing & width & 1) : side > 0 ? missing : 0;
    struct str *r = rt_str_room(s->size + (uint32_t)missing * with->size);
    put_many(r, with, left);
    rt_str_fill(r, s);
    put_many(r, with, missing - left);
    return r;
}

RT_API struct str *rt_str_center_with(struct str *s, int64_t width, struct str *with) {
    return pad(s, width, with, 0);
}
RT_API struct str *rt_str_ljust_with(struct str *s, int64_t width, struct str *with) {
    return pad(s, width, with, -1);
}
RT_API struct str *rt_str_rjust_with(struct str *s, int64_t width, struct str *with) {
    return pad(s, width, with, 1);
}
RT_API struct str *rt_str_center(struct str *s, int64_t width) {
    return pad(s, width, rt_str_ascii(" "), 0);
}
RT_API struct str *rt_str_ljust(struct str *s, int64_t width) {
    return pad(s, width, rt_str_ascii(" "), -1);
}
RT_API struct str *rt_str_rjust(struct str *s, int64_t width) {
    return pad(s, width, rt_str_ascii(" "), 1);
}

RT_API struct str *rt_str_zfill(struct str *s, int64_t width) {
    int64_t missing = width - s->chars;
    if (missing <= 0)
        return s;
    if (missing > 0x10000000)
        rt_bail();
    bool sign = s->size && (s->bytes[0] == '-' || s->bytes[0] == '+');
    struct str *r = rt_str_room(s->size + (uint32_t)missing);
    if (sign)
        rt_str_put(r, s->bytes[0]);
    put_many(r, rt_str_ascii("0"), missing);
    rt_str_fill(r, sub(s, sign, s->size));
    return r;
}
