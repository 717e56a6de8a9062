/* format(), f-strings and the % of strings. */
#include "transpile/runtime/rt.h"

struct str *rt_float_special(double value);
void rt_put_fixed(struct str *s, const char *digits, uint32_t count, int32_t point,
                  uint32_t places);
void rt_put_scientific(struct str *s, const char *digits, uint32_t count, int32_t point);

#define MAX_PRECISION 300
#define MAX_WIDTH     1000000

struct spec {
    uint8_t fill[4];
    uint32_t fill_size;
    uint8_t align; /* < > ^ = or 0 */
    uint8_t sign;  /* + - space */
    bool alternate;
    int32_t width, precision; /* -1: none */
    uint8_t group;            /* , _ or 0 */
    uint8_t type;             /* or 0 */
};

static bool is_align(uint8_t c) {
    return c == '<' || c == '>' || c == '^' || c == '=';
}

static int32_t number(const uint8_t **at, const uint8_t *end) {
    int32_t value = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
        if ((value = value * 10 + (**at - '0')) > MAX_WIDTH)
            rt_bail();
    return value;
}

/* What is not a specification as it should be, the interpreter complains about. */
static struct spec parse(const struct str *text) {
    struct spec spec = {.width = -1, .precision = -1, .fill = {' '}, .fill_size = 1, .sign = '-'};
    const uint8_t *at = text->bytes, *end = at + text->size;
    uint32_t first = at < end ? rt_utf8_length(*at) : 1;
    bool filled = at + first < end && is_align(at[first]);
    if (filled) {
        copy(spec.fill, at, first);
        spec.fill_size = first;
        spec.align = at[first];
        at += first + 1;
    } else if (at < end && is_align(*at)) {
        spec.align = *at++;
    }
    if (at < end && (*at == '+' || *at == '-' || *at == ' '))
        spec.sign = *at++;
    if (at < end && *at == '#') {
        spec.alternate = true;
        at++;
    }
    if (at < end && *at == '0' && !filled) { /* it fills, wherever the text is aligned */
        spec.fill[0] = '0';
        spec.fill_size = 1;
        if (!spec.align)
            spec.align = '=';
        at++;
    }
    if (at < end && *at >= '0' && *at <= '9')
        spec.width = number(&at, end);
    if (at < end && (*at == ',' || *at == '_'))
        spec.group = *at++;
    if (at < end && *at == '.') {
        at++;
        if (at == end || *at < '0' || *at > '9')
            rt_bail();
        spec.precision = number(&at, end);
        if (spec.precision > MAX_PRECISION)
            rt_bail();
    }
    if (at < end)
        spec.type = *at++;
    if (at != end)
        rt_bail();
    return spec;
}

static void put_fill(struct str *out, const struct spec *spec, int64_t count) {
    for (; count > 0; count--)
        for (uint32_t i = 0; i < spec->fill_size; i++)
            rt_str_put(out, spec->fill[i]);
}

/* The text in its width. */
static struct str *place(const struct spec *spec, const struct str *text, uint8_t align) {
    int64_t missing = (int64_t)spec->width - text->chars;
    align = spec->align ? spec->align : align;
    if (missing <= 0)
        missing = 0;
    struct str *out = rt_str_room(text->size + (uint32_t)missing * spec->fill_size);
    int64_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
    put_fill(out, spec, before);
    rt_str_fill(out, text);
    put_fill(out, spec, missing - before);
    return out;
}

/* A sign (or none), a prefix, digits that may be grouped, and what follows them. */
static struct str *place_number(const struct spec *spec, bool negative, const char *prefix,
                                const struct str *digits, uint32_t whole) {
    struct str *head = rt_str_room(4), *body = rt_str_room(digits->size * 2);
    if (negative)
        rt_str_put(head, '-');
    else if (spec->sign != '-')
        rt_str_put(head, spec->sign);
    rt_str_fill(head, rt_str_ascii(prefix));
    uint32_t every = spec->group == '_' && (spec->type == 'x' || spec->type == 'X' ||
                                            spec->type == 'b' || spec->type == 'o')
                         ? 4
                         : 3;
    /* Zeros that fill are grouped as well. */
    uint32_t zeros = 0;
    if (spec->group && spec->align == '=' && spec->fill[0] == '0' && spec->width > 0) {
        for (;; zeros++) {
            uint32_t n = whole + zeros;
            uint32_t size = head->size + n + (n - 1) / every + (digits->size - whole);
            if ((int32_t)size >= spec->width)
                break;
        }
    }
    for (uint32_t i = 0; i < whole + zeros; i++) {
        uint32_t left = whole + zeros - i;
        if (spec->group && i && left % every == 0)
            rt_str_put(body, spec->group);
        rt_str_put(body, i < zeros ? '0' : digits->bytes[i - zeros]);
    }
    for (uint32_t i = whole; i < digits->size; i++)
        rt_str_put(body, digits->bytes[i]);
    if (spec->align != '=') {
        rt_str_fill(head, body);
        return place(spec, head, '>');
    }
    struct str *out = rt_str_room(head->size + body->size);
    rt_str_fill(out, head);
    put_fill(out, spec, (int64_t)spec->width - head->size - body->size);
    rt_str_fill(out, body);
    return out;
}

static struct str *digits_of(uint64_t value, uint32_t base, bool upper) {
    static const char lower_digits[] = "0123456789abcdef", upper_digits[] = "0123456789ABCDEF";
    uint8_t text[65];
    uint32_t at = sizeof(text);
    do {
        text[--at] = (uint8_t)(upper ? upper_digits : lower_digits)[value % base];
        value /= base;
    } while (value);
    return rt_str_of(text + at, sizeof(text) - at, sizeof(text) - at);
}

static struct str *format_float(double value, struct spec *spec);

static struct str *format_int(int64_t value, struct spec *spec) {
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint32_t base = 10;
    const char *prefix = "";
    switch (spec->type) {
    case 0:
    case 'd':
        break;
    case 'n':
        rt_bail();
    case 'x':
    case 'X':
        base = 16;
        prefix = spec->alternate ? spec->type == 'x' ? "0x" : "0X" : "";
        break;
    case 'o':
        base = 8;
        prefix = spec->alternate ? "0o" : "";
        break;
    case 'b':
        base = 2;
        prefix = spec->alternate ? "0b" : "";
        break;
    case 'c':
        if (spec->sign != '-' || spec->precision >= 0)
            rt_bail();
        return place(spec, rt_chr(value), '<');
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case '%':
        return format_float((double)value, spec);
    default:
        rt_bail();
    }
    if (spec->precision >= 0)
        rt_bail();
    struct str *digits = digits_of(size, base, spec->type == 'X');
    return place_number(spec, value < 0, prefix, digits, digits->size);
}

/* %g: so many significant digits, without trailing zeros. */
static void put_general(struct str *out, double value, int32_t precision, bool alternate) {
    char digits[MAX_PRECISION + 32];
    int32_t point;
    if (precision == 0)
        precision = 1;
    uint32_t count = rt_float_digits(value, precision, true, digits, &point);
    if (alternate)
        rt_bail();
    while (count > 1 && digits[count - 1] == '0')
        count--;
    if (value == 0)
        point = 1;
    if (point > precision || point < -3)
        rt_put_scientific(out, digits, count, point);
    else
        rt_put_fixed(out, digits, count, point, 0);
}

/* E, F and G are e, f and g with large letters. */
static void raise_letters(struct str *text, uint8_t type) {
    uint8_t *bytes = text->buffer->bytes;
    for (uint32_t i = 0; (type == 'E' || type == 'F' || type == 'G') && i < text->size; i++)
        if (bytes[i] >= 'a' && bytes[i] <= 'z')
            bytes[i] = (uint8_t)(bytes[i] - 'a' + 'A');
}

static struct str *format_float(double value, struct spec *spec) {
    char digits[MAX_PRECISION + 360];
    int32_t point;
    bool negative = of_double(value) >> 63;
    uint8_t type = spec->type;
    struct str *special = rt_float_special(__builtin_fabs(value));
    struct str *out = rt_str_room(32);
    int32_t precision = spec->precision < 0 ? 6 : spec->precision;
    if (special) {
        if (value != value)
            negative = false;
        if (spec->fill[0] == '0' && spec->align == '=')
            rt_bail();
        rt_str_fill(out, special);
        if (type == '%')
            rt_str_put(out, '%');
        raise_letters(out, type);
        return place_number(spec, negative, "", out, 0);
    }
    value = __builtin_fabs(value);
    switch (type) {
    case 0: {
        if (spec->precision < 0) {
            rt_str_fill(out, rt_float_repr(value));
            break;
        }
        /* As g, but with a digit after the point at least. */
        precision = precision ? precision : 1;
        uint32_t count = rt_float_digits(value, precision, true, digits, &point);
        while (count > 1 && digits[count - 1] == '0')
            count--;
        if (value == 0)
            point = 1;
        if (point >= precision || point < -3)
            rt_put_scientific(out, digits, count, point);
        else
            rt_put_fixed(out, digits, count, point, 1);
        break;
    }
    case '%':
        value *= 100;
        /* fall through */
    case 'f':
    case 'F':
        if (value > 1e40)
            rt_bail();
        {
            uint32_t count = rt_float_digits(value, precision, false, digits, &point);
            if (!count)
                point = 0;
            rt_put_fixed(out, digits, count, point, (uint32_t)precision);
        }
        if (spec->alternate)
            rt_bail();
        if (type == '%')
            rt_str_put(out, '%');
        break;
    case 'e':
    case 'E': {
        uint32_t count = rt_float_digits(value, precision + 1, true, digits, &point);
        if (spec->alternate)
            rt_bail();
        rt_put_scientific(out, digits, count, point);
        break;
    }
    case 'g':
    case 'G':
        put_general(out, value, precision, spec->alternate);
        break;
    default:
        rt_bail();
    }
    raise_letters(out, type);
    uint32_t whole = 0;
    while (whole < out->size && out->bytes[whole] >= '0' && out->bytes[whole] <= '9')
        whole++;
    return place_number(spec, negative, "", out, whole);
}

RT_API struct str *rt_format_int(int64_t value, const struct str *text) {
    struct spec spec = parse(text);
    return format_int(value, &spec);
}

RT_API struct str *rt_format_float(double value, const struct str *text) {
    struct spec spec = parse(text);
    return format_float(value, &spec);
}

static struct str *format_str(struct str *s, struct spec *spec) {
    if ((spec->type && spec->type != 's') || spec->sign != '-' || spec->alternate || spec->group ||
        spec->align == '=')
        rt_bail();
    if (spec->precision >= 0 && (uint32_t)spec->precision < s->chars)
        s = rt_str_slice(s, 0, spec->precision, 1, 3);
    return place(spec, s, '<');
}

RT_API struct str *rt_format_str(struct str *s, const struct str *text) {
    struct spec spec = parse(text);
    return format_str(s, &spec);
}

RT_API struct str *rt_format_any(void *o, const struct str *text) {
    if (!text->size)
        return rt_str(of_pointer(o), &rt_desc_any);
    struct spec spec = parse(text);
    if (o && KIND(o) == STR)
        return format_str(o, &spec);
    if (o && KIND(o) == INT)
        return format_int(((struct box *)o)->i, &spec);
    if (o && KIND(o) == BOOL && spec.type)
        return format_int(((struct box *)o)->i, &spec);
    if (o && KIND(o) == FLOAT)
        return format_float(((struct box *)o)->f, &spec);
    rt_bail();
}

static struct str *in_base(int64_t value, char type) {
    struct spec spec = {.width = -1,
                        .precision = -1,
                        .fill = {' '},
                        .fill_size = 1,
                        .sign = '-',
                        .alternate = true,
                        .type = type};
    return format_int(value, &spec);
}

RT_API struct str *rt_bin(int64_t value) {
    return in_base(value, 'b');
}

RT_API struct str *rt_hex(int64_t value) {
    return in_base(value, 'x');
}

RT_API struct str *rt_oct(int64_t value) {
    return in_base(value, 'o');
}

/* "..." % values.  A tuple gives one value each, anything else is the only one. */
static void *next_value(void *values, uint32_t *at) {
    if (values && KIND(values) == TUPLE) {
        struct tuple *t = values;
        if (*at >= t->count)
            rt_bail();
        return to_pointer(t->slots[(*at)++]);
    }
    if ((*at)++)
        rt_bail();
    return values;
}

static struct str *percent_one(struct spec *spec, void *value) {
    uint8_t type = spec->type;
    if (type == 's' || type == 'r') {
        struct str *s = type == 's' ? rt_str(of_pointer(value), &rt_desc_any)
                                    : rt_repr(of_pointer(value), &rt_desc_any);
        spec->type = 0;
        spec->sign = '-';
        if (!spec->align || spec->align == '=')
            spec->align = '>';
        spec->fill[0] = ' ';
        return format_str(s, spec);
    }
    if (!value || KIND(value) < INT || KIND(value) > BOOL)
        rt_bail();
    if (!spec->align)
        spec->align = '>';
    if (type == 'd' || type == 'i' || type == 'x' || type == 'X' || type == 'o') {
        if (KIND(value) == FLOAT && type != 'd' && type != 'i')
            rt_bail();
        spec->type = type == 'i' ? 'd' : type;
        if (spec->precision >= 0)
            rt_bail();
        return format_int(KIND(value) == FLOAT ? rt_int_of_float(((struct box *)value)->f)
                                               : ((struct box *)value)->i,
                          spec);
    }
    if (type == 'f' || type == 'e' || type == 'g')
        return format_float(rt_number(value), spec);
    rt_bail();
}

RT_API struct str *rt_str_percent(const struct str *format, void *values) {
    struct str *out = rt_str_room(format->size * 2);
    const uint8_t *at = format->bytes, *end = at + format->size;
    uint32_t used = 0;
    while (at < end) {
        if (*at != '%') {
            rt_str_put(out, *at++);
            continue;
        }
        struct spec spec = {
            .width = -1, .precision = -1, .fill = {' '}, .fill_size = 1, .sign = '-'};
        for (at++; at < end && (*at == '-' || *at == '0' || *at == '+' || *at == ' '); at++) {
            if (*at == '-')
                spec.align = '<';
            else if (*at != '0')
                spec.sign = *at;
            else if (!spec.align) {
                spec.align = '=';
                spec.fill[0] = '0';
            }
        }
        if (spec.align == '<')
            spec.fill[0] = ' ';
        if (at < end && *at >= '0' && *at <= '9')
            spec.width = number(&at, end);
        if (at < end && *at == '.') {
            at++;
            spec.precision = number(&at, end);
            if (spec.precision > MAX_PRECISION)
                rt_bail();
        }
        if (at == end)
            rt_bail();
        spec.type = *at++;
        if (spec.type == '%')
            rt_str_put(out, '%');
        else
            rt_str_fill(out, percent_one(&spec, next_value(values, &used)));
    }
    if (values && KIND(values) == TUPLE ? used != ((struct tuple *)values)->count : !used)
        rt_bail();
    return out;
}
