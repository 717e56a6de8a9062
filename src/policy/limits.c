#include "policy/limits.h"

#include "base/units.h"
#include <inttypes.h>
#include <stdio.h>

const struct pa_limit_info pa_limit_infos[] = {
#define X(field, unit, initial, smallest, largest, unlimited, what)                                \
    {#field, unit, initial, smallest, largest, unlimited, what, offsetof(struct pa_limits, field)},
    PA_LIMITS (X)
#undef X
};

const size_t pa_limit_count = PA_ARRAY_LEN(pa_limit_infos);

const struct pa_limit_info *pa_limit_find(const char *name) {
    for (size_t i = 0; i < pa_limit_count; i++)
        if (pa_streq(pa_limit_infos[i].name, name))
            return &pa_limit_infos[i];
    return NULL;
}

void pa_limits_init(struct pa_limits *limits) {
    for (size_t i = 0; i < pa_limit_count; i++)
        *pa_limit_slot(limits, &pa_limit_infos[i]) = pa_limit_infos[i].initial;
}

uint64_t pa_limits_data_bytes(const struct pa_limits *limits) {
    return limits->memory_bytes + limits->files_bytes * 2 + 192 * PA_MIB;
}

char *pa_limit_format(const struct pa_limit_info *info, uint64_t value, char *out, size_t room) {
    if (value == PA_UNLIMITED && info->may_be_unlimited)
        snprintf(out, room, "unlimited");
    else if (info->unit == PA_UNIT_BYTES)
        pa_format_bytes(value, out, room);
    else if (info->unit == PA_UNIT_MS)
        pa_format_ms(value, out, room);
    else
        snprintf(out, room, "%" PRIu64, value);
    return out;
}

static int out_of_range(const struct pa_limit_info *info, const char *got, struct pa_error *err) {
    char smallest[32], largest[32];
    pa_limit_format(info, info->smallest, smallest, sizeof(smallest));
    pa_limit_format(info, info->largest, largest, sizeof(largest));
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s (%s): got %s, allowed is %s to %s%s",
                   info->name, info->what, got, smallest, largest,
                   info->may_be_unlimited ? ", or unlimited" : "");
}

int pa_limit_check(const struct pa_limit_info *info, uint64_t value, struct pa_error *err) {
    if (value == PA_UNLIMITED && info->may_be_unlimited)
        return 0;
    if (value >= info->smallest && value <= info->largest)
        return 0;
    char got[32];
    return out_of_range(info, pa_limit_format(info, value, got, sizeof(got)), err);
}

static const char *example(enum pa_unit unit) {
    switch (unit) {
    case PA_UNIT_BYTES:
        return "a size such as 256MiB";
    case PA_UNIT_MS:
        return "a time such as 30s or 250ms";
    case PA_UNIT_COUNT:
        return "a whole number";
    }
    return "";
}

int pa_limit_parse(const struct pa_limit_info *info, const char *text, uint64_t *ret,
                   struct pa_error *err) {
    uint64_t value = 0;
    int parsed = -1;
    if (info->may_be_unlimited && pa_streq(text, "unlimited")) {
        *ret = PA_UNLIMITED;
        return 0;
    }
    switch (info->unit) {
    case PA_UNIT_BYTES:
        parsed = pa_parse_bytes(text, &value);
        break;
    case PA_UNIT_MS:
        parsed = pa_parse_duration_ms(text, 1000, &value);
        break;
    case PA_UNIT_COUNT:
        parsed = pa_parse_count(text, &value);
        break;
    }
    if (parsed < 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s (%s): '%.64s' is not %s%s", info->name,
                       info->what, text, example(info->unit),
                       info->may_be_unlimited ? " or 'unlimited'" : "");
    if (value == PA_UNLIMITED)
        return out_of_range(info, text, err);
    if (pa_limit_check(info, value, err) < 0)
        return -1;
    *ret = value;
    return 0;
}
