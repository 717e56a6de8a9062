#include "base/units.h"

#include "base/macros.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct unit {
    const char *suffix;
    uint64_t factor;
};

static const struct unit byte_units[] = {
    {"", 1},        {"b", 1},         {"k", 1 << 10},     {"m", 1 << 20},
    {"g", 1 << 30}, {"kib", 1 << 10}, {"mib", 1 << 20},   {"gib", 1 << 30},
    {"kb", 1000},   {"mb", 1000000},  {"gb", 1000000000},
};

static const struct unit time_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

/* Digits with an optional fraction; `*ret_rest` is what follows.  No sign, no exponent, no hex. */
static int parse_number(const char *text, uint64_t *ret_whole, double *ret_fraction,
                        const char **ret_rest) {
    if (*text < '0' || *text > '9')
        return -1;
    uint64_t whole = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(*text - '0'), &whole))
            return -1;
    double fraction = 0, scale = 0.1;
    if (*text == '.') {
        text++;
        if (*text < '0' || *text > '9')
            return -1;
        for (; *text >= '0' && *text <= '9'; text++, scale /= 10)
            fraction += (*text - '0') * scale;
    }
    *ret_whole = whole;
    *ret_fraction = fraction;
    *ret_rest = text;
    return 0;
}

static int same_suffix(const char *text, const char *suffix) {
    for (; *text && *suffix; text++, suffix++)
        if ((*text | 0x20) != *suffix)
            return 0;
    return *text == *suffix;
}

static int scale(const char *text, const struct unit *units, size_t count, uint64_t *ret) {
    uint64_t whole, value;
    double fraction;
    const char *rest;
    if (parse_number(text, &whole, &fraction, &rest) < 0)
        return -1;
    while (*rest == ' ')
        rest++;
    for (size_t i = 0; i < count; i++) {
        if (!same_suffix(rest, units[i].suffix))
            continue;
        uint64_t part = (uint64_t)llround(fraction * (double)units[i].factor);
        if (__builtin_mul_overflow(whole, units[i].factor, &value) ||
            __builtin_add_overflow(value, part, &value))
            return -1;
        *ret = value;
        return 0;
    }
    return -1;
}

int pa_parse_bytes(const char *text, uint64_t *ret_bytes) {
    return scale(text, byte_units, PA_ARRAY_LEN(byte_units), ret_bytes);
}

int pa_parse_duration_ms(const char *text, uint64_t bare_unit_ms, uint64_t *ret_ms) {
    const struct unit bare = {"", bare_unit_ms};
    if (scale(text, &bare, 1, ret_ms) == 0)
        return 0;
    return scale(text, time_units, PA_ARRAY_LEN(time_units), ret_ms);
}

int pa_parse_count(const char *text, uint64_t *ret_count) {
    uint64_t whole;
    double fraction;
    const char *rest;
    if (parse_number(text, &whole, &fraction, &rest) < 0 || *rest || rest[-1] == '.' ||
        memchr(text, '.', (size_t)(rest - text)))
        return -1;
    *ret_count = whole;
    return 0;
}

static char *with_unit(double value, const char *unit, char *out, size_t room) {
    char number[32];
    snprintf(number, sizeof(number), "%.2f", value);
    char *end = number + strlen(number) - 1;
    while (*end == '0')
        *end-- = 0;
    if (*end == '.')
        *end = 0;
    snprintf(out, room, "%s %s", number, unit);
    return out;
}

char *pa_format_bytes(uint64_t bytes, char *out, size_t room) {
    if (bytes < 1024)
        snprintf(out, room, "%" PRIu64 " bytes", bytes);
    else if (bytes < UINT64_C(1) << 20)
        with_unit((double)bytes / 1024, "KiB", out, room);
    else if (bytes < UINT64_C(1) << 30)
        with_unit((double)bytes / (1 << 20), "MiB", out, room);
    else
        with_unit((double)bytes / (1 << 30), "GiB", out, room);
    return out;
}

char *pa_format_ms(uint64_t ms, char *out, size_t room) {
    if (ms < 1000) {
        snprintf(out, room, "%" PRIu64 " ms", ms);
        return out;
    }
    return with_unit((double)ms / 1000, "s", out, room);
}
