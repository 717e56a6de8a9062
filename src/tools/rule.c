/*
 * Rules as checks.  Schemas are in rule_schema.c, which reads the same fields one by one.
 *
 * A value of the wrong type gets one fault and is not looked into; of the right type everything in
 * it is, and only what has no fault reaches its `take`.
 */
#include "tools/rule.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "config/nearest.h"
#include <ctype.h>
#include <math.h>
#include <stdarg.h>

#define QUOTED_MOST 40 /* characters of what was got */
#define KEY_MOST    64 /* bytes of a key in a path */

static const char *const form_words[] = {
#define X(form, pattern, allowed) [PA_FORM_##form] = allowed,
    PA_RULE_FORMS(X)
#undef X
};

/* --- faults --- */

/* Text may have been cut within a character. */
static void set_clean(json_t *fault, const char *key, const char *text) {
    PA_CLEANUP(pa_buf_done) struct pa_buf clean = PA_BUF_INIT(SIZE_MAX / 2);
    pa_utf8_append(&clean, text, strlen(text) - pa_utf8_unfinished(text, strlen(text)));
    json_object_set_new(fault, key, json_string(pa_buf_text(&clean)));
}

void pa_fault_add(struct pa_faults *faults, const char *path, const char *got, const char *fmt,
                  ...) {
    char allowed[1024];
    if (faults->count++ >= PA_FAULTS_MOST)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(allowed, sizeof(allowed), fmt, args);
    va_end(args);
    json_t *fault = json_object();
    set_clean(fault, "path", path);
    set_clean(fault, "got", got);
    set_clean(fault, "allowed", allowed);
    json_array_append_new(faults->list, fault);
}

char *pa_pointer_join(const char *path, const char *key) {
    PA_CLEANUP(pa_buf_done) struct pa_buf joined = PA_BUF_INIT(PA_MAX(strlen(path), 1u) + 4096);
    pa_buf_append_text(&joined, path);
    pa_buf_append_text(&joined, "/");
    for (size_t n, left = strlen(key), at = 0; left; at += n, left -= n) {
        n = PA_MAX(pa_utf8_sequence((const uint8_t *)key + at, left), 1u);
        if (at + n > KEY_MOST) {
            pa_buf_append_text(&joined, "...");
            break;
        }
        if (key[at] == '~' || key[at] == '/')
            pa_buf_append_text(&joined, key[at] == '~' ? "~0" : "~1");
        else
            pa_buf_append(&joined, key + at, n);
    }
    return (char *)pa_buf_take(&joined, NULL);
}

static size_t characters(const json_t *text) {
    const char *bytes = json_string_value(text);
    size_t count = 0;
    for (size_t i = 0; i < json_string_length(text); i++)
        count += (bytes[i] & 0xc0) != 0x80;
    return count;
}

/* Its beginning, on one line. */
static void quote(const json_t *text, char *out, size_t room) {
    PA_CLEANUP(pa_buf_done) struct pa_buf quoted = PA_BUF_INIT(room - 1);
    const uint8_t *bytes = (const uint8_t *)json_string_value(text);
    const size_t size = json_string_length(text);
    size_t at = 0, count = 0;
    pa_buf_append_text(&quoted, "'");
    for (size_t n; at < size && count < QUOTED_MOST; at += n, count++) {
        n = PA_MAX(pa_utf8_sequence(bytes + at, size - at), 1u);
        if (bytes[at] < 0x20 || bytes[at] == 0x7f)
            pa_buf_printf(&quoted, "\\x%02x", bytes[at]);
        else
            pa_buf_append(&quoted, bytes + at, n);
    }
    pa_buf_append_text(&quoted, at < size ? "...'" : "'");
    snprintf(out, room, "%s", pa_buf_text(&quoted));
}

static const char *describe(const json_t *value, bool secret, char *out, size_t room) {
    switch (json_typeof(value)) {
    case JSON_STRING:
        if (secret)
            snprintf(out, room, "text of %zu characters", characters(value));
        else
            quote(value, out, room);
        break;
    case JSON_INTEGER:
        snprintf(out, room, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(out, room, "%.17g", json_real_value(value));
        break;
    case JSON_ARRAY:
        snprintf(out, room, "a list of %zu", json_array_size(value));
        break;
    case JSON_OBJECT:
        snprintf(out, room, "an object with %zu members", json_object_size(value));
        break;
    default:
        snprintf(out, room, "%s",
                 json_is_null(value)   ? "null"
                 : json_is_true(value) ? "true"
                                       : "false");
    }
    return out;
}

#define DESCRIBED        256
#define GOT(rule, value) describe(value, (rule)->secret, (char[DESCRIBED]){0}, DESCRIBED)

/* --- text --- */

/* Its characters: whoever decodes it says where its groups are wrong. */
static bool is_base64(const char *text, size_t size) {
    size_t end = size;
    while (end && size - end < 2 && text[end - 1] == '=')
        end--;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return strspn(text, alphabet) == end;
}

static bool is_part(const char *part, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)part[i] < 0x20)
            return false;
        count += (part[i] & 0xc0) != 0x80;
    }
    bool dots = (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.');
    return size && count <= 255 && !dots;
}

static bool are_parts(const char *path) {
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1)
        if (!is_part(path, (size_t)(slash - path)))
            return false;
    return is_part(path, strlen(path));
}

static bool is_file(const char *path) {
    static const char *const roots[] = {"/workspace/", "/tmp/"};
    for (size_t i = 0; i < PA_ARRAY_LEN(roots); i++)
        if (strncmp(path, roots[i], strlen(roots[i])) == 0)
            return are_parts(path + strlen(roots[i]));
    return are_parts(path);
}

/* Where a volume may be seen. */
static bool is_place(const char *path) {
    static const char *const taken[] = {"boot", "dev", "tmp"};
    if (*path != '/')
        return false;
    const size_t first = strcspn(path + 1, "/");
    for (size_t i = 0; i < PA_ARRAY_LEN(taken); i++)
        if (strlen(taken[i]) == first && strncmp(path + 1, taken[i], first) == 0)
            return false;
    return are_parts(path + 1);
}

static bool has_form(enum pa_rule_form form, const char *text, size_t size) {
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (form == PA_FORM_ANY)
        return true;
    if (memchr(text, 0, size))
        return false;
    switch (form) {
    case PA_FORM_NAME:
        return size && !strchr(text, '=');
    case PA_FORM_BASE64:
        return is_base64(text, size);
    case PA_FORM_DIGEST:
        return size == 64 && strspn(text, "0123456789abcdef") == 64;
    case PA_FORM_WORD:
        return size && strspn(text, word) == size;
    case PA_FORM_IDENTIFIER:
        return size && !isdigit((unsigned char)*text) && !strpbrk(text, ".-") &&
               strspn(text, word) == size;
    case PA_FORM_VOLUME:
        return size && *text != '.' && strspn(text, word) == size;
    case PA_FORM_PLACE:
        return is_place(text);
    case PA_FORM_FILE:
        return is_file(text);
    default:
        return true;
    }
}

static void check_text(const struct pa_rule *rule, const json_t *value, const char *path,
                       struct pa_faults *faults) {
    const size_t count = characters(value);
    if (!has_form(rule->form, json_string_value(value), json_string_length(value)))
        pa_fault_add(faults, path, GOT(rule, value), "%s", form_words[rule->form]);
    else if (count < rule->least)
        pa_fault_add(faults, path, GOT(rule, value), "%s, not empty", form_words[rule->form]);
    else if (count > rule->most) {
        char got[64];
        snprintf(got, sizeof(got), "%zu characters", count);
        pa_fault_add(faults, path, got, "at most %llu characters%s%s",
                     (unsigned long long)rule->most, rule->bound ? ": " : "",
                     rule->bound ? rule->bound : "");
    }
}

/* --- numbers and words --- */

static bool is_whole(const json_t *value) {
    if (json_is_integer(value))
        return true;
    double number = json_is_real(value) ? json_real_value(value) : NAN;
    return fabs(number) <= (double)PA_RULE_NUMBER_MAX && trunc(number) == number;
}

uint64_t pa_rule_number(const json_t *value) {
    return json_is_integer(value) ? (uint64_t)json_integer_value(value)
                                  : (uint64_t)json_real_value(value);
}

static bool is_negative(const json_t *value) {
    return json_is_integer(value) ? json_integer_value(value) < 0 : json_real_value(value) < 0;
}

static void check_integer(const struct pa_rule *rule, const json_t *value, const char *path,
                          struct pa_faults *faults) {
    if (is_whole(value) && !is_negative(value) && pa_rule_number(value) >= rule->least &&
        pa_rule_number(value) <= rule->most)
        return;
    pa_fault_add(faults, path, GOT(rule, value), "a whole number from %llu to %llu%s%s%s%s",
                 (unsigned long long)rule->least, (unsigned long long)rule->most,
                 rule->unit ? " " : "", rule->unit ? rule->unit : "", rule->bound ? ": " : "",
                 rule->bound ? rule->bound : "");
}

/* "a, b, c" of a list that ends in NULL. */
static void list_words(const char *const *words, struct pa_buf *out) {
    for (size_t i = 0; words[i]; i++)
        pa_buf_printf(out, "%s%s", i ? ", " : "", words[i]);
}

static void check_choice(const struct pa_rule *rule, const json_t *value, const char *path,
                         struct pa_faults *faults) {
    struct pa_nearest nearest = {.word = json_string_value(value)};
    for (size_t i = 0; rule->choices[i]; i++) {
        if (pa_streq(rule->choices[i], nearest.word) &&
            json_string_length(value) == strlen(nearest.word))
            return;
        pa_nearest_offer(&nearest, rule->choices[i], i);
    }
    PA_CLEANUP(pa_buf_done) struct pa_buf words = PA_BUF_INIT(700);
    list_words(rule->choices, &words);
    const char *near = nearest.found ? rule->choices[nearest.index] : NULL;
    pa_fault_add(faults, path, GOT(rule, value), "one of %s%s%s%s", pa_buf_text(&words),
                 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* --- what holds others --- */

static void check_count(const struct pa_rule *rule, size_t count, const char *path,
                        struct pa_faults *faults) {
    if (count >= rule->least && count <= rule->most)
        return;
    char got[64];
    snprintf(got, sizeof(got), "%zu of them", count);
    pa_fault_add(faults, path, got, "from %llu to %llu", (unsigned long long)rule->least,
                 (unsigned long long)rule->most);
}

static void check_list(const struct pa_rule *rule, const json_t *list, const char *path,
                       struct pa_faults *faults, void *context) {
    char key[32];
    check_count(rule, json_array_size(list), path, faults);
    for (size_t i = 0; i < json_array_size(list) && faults->count < PA_FAULTS_MOST; i++) {
        snprintf(key, sizeof(key), "%zu", i);
        PA_CLEANUP(pa_freep) char *at = pa_pointer_join(path, key);
        pa_rule_check(rule->items, json_array_get(list, i), at, faults, context);
    }
}

static void check_map(const struct pa_rule *rule, const json_t *map, const char *path,
                      struct pa_faults *faults, void *context) {
    const char *key;
    size_t size;
    json_t *value;
    check_count(rule, json_object_size(map), path, faults);
    json_object_keylen_foreach((json_t *)(uintptr_t)map, key, size, value) {
        if (faults->count >= PA_FAULTS_MOST)
            return;
        json_t *name = json_stringn(key, size);
        PA_CLEANUP(pa_freep) char *at = pa_pointer_join(path, key);
        check_text(rule->keys, name, at, faults);
        pa_rule_check(rule->items, value, at, faults, context);
        json_decref(name);
    }
}

static const struct pa_rule_field *find_field(const struct pa_rule *rule, const char *key,
                                              size_t size) {
    for (size_t i = 0; i < rule->field_count; i++)
        if (strlen(rule->fields[i].name) == size && memcmp(rule->fields[i].name, key, size) == 0)
            return &rule->fields[i];
    return NULL;
}

static void unknown_key(const struct pa_rule *rule, const char *key, const char *path,
                        struct pa_faults *faults) {
    PA_CLEANUP(pa_buf_done) struct pa_buf known = PA_BUF_INIT(700);
    struct pa_nearest nearest = {.word = key};
    for (size_t i = 0; i < rule->field_count; i++) {
        if (!rule->fields[i].rule)
            continue;
        pa_buf_printf(&known, "%s%s", known.size ? ", " : "", rule->fields[i].name);
        pa_nearest_offer(&nearest, rule->fields[i].name, i);
    }
    if (nearest.found)
        pa_fault_add(faults, path, "an unknown name", "did you mean %s?  Known are %s",
                     rule->fields[nearest.index].name, pa_buf_text(&known));
    else
        pa_fault_add(faults, path, "an unknown name", "known are %s", pa_buf_text(&known));
}

static void check_member(const struct pa_rule *rule, const char *key, size_t size,
                         const json_t *value, const char *path, struct pa_faults *faults,
                         void *context) {
    const struct pa_rule_field *field = find_field(rule, key, size);
    PA_CLEANUP(pa_freep) char *at = pa_pointer_join(path, key);
    if (!field) {
        unknown_key(rule, key, at, faults);
        return;
    }
    if (!field->rule) {
        pa_fault_add(faults, at, "a value", "nothing: %s", field->refused);
        return;
    }
    const size_t before = faults->count;
    pa_rule_check(field->rule, value, at, faults, context);
    if (field->take && faults->count == before)
        field->take(context, at, value);
}

static void check_exclusions(const struct pa_rule *rule, const json_t *object, const char *path,
                             struct pa_faults *faults) {
    for (size_t i = 0; i < rule->exclusion_count; i++) {
        const struct pa_rule_exclusion *row = &rule->exclusions[i];
        for (size_t j = 0; json_object_get(object, row->name) && row->others[j]; j++) {
            if (!json_object_get(object, row->others[j]))
                continue;
            char got[128];
            snprintf(got, sizeof(got), "a value, and %s has one too", row->name);
            PA_CLEANUP(pa_freep) char *at = pa_pointer_join(path, row->others[j]);
            pa_fault_add(faults, at, got, "nothing beside %s: %s", row->name, row->why);
        }
    }
}

static void check_missing(const struct pa_rule *rule, const json_t *object, const char *path,
                          struct pa_faults *faults) {
    for (size_t i = 0; i < rule->field_count; i++) {
        const struct pa_rule_field *field = &rule->fields[i];
        if (!field->required || json_object_get(object, field->name))
            continue;
        PA_CLEANUP(pa_freep) char *at = pa_pointer_join(path, field->name);
        pa_fault_add(faults, at, "nothing", "a value: %s", field->rule->what);
    }
    bool found = !rule->one_of;
    for (size_t i = 0; rule->one_of && rule->one_of[i]; i++)
        found |= json_object_get(object, rule->one_of[i]) != NULL;
    if (found)
        return;
    PA_CLEANUP(pa_buf_done) struct pa_buf words = PA_BUF_INIT(700);
    for (size_t i = 0; rule->one_of[i]; i++) {
        const struct pa_rule_field *field =
            find_field(rule, rule->one_of[i], strlen(rule->one_of[i]));
        if (field && field->rule)
            pa_buf_printf(&words, "%s%s", words.size ? ", " : "", field->name);
    }
    pa_fault_add(faults, path, "none of them", "one of %s", pa_buf_text(&words));
}

static void check_object(const struct pa_rule *rule, const json_t *object, const char *path,
                         struct pa_faults *faults, void *context) {
    const char *key;
    size_t size;
    json_t *value;
    json_object_keylen_foreach((json_t *)(uintptr_t)object, key, size, value) {
        check_member(rule, key, size, value, path, faults, context);
    }
    check_exclusions(rule, object, path, faults);
    check_missing(rule, object, path, faults);
}

/* --- types --- */

static const char *type_words(const struct pa_rule *rule) {
    switch (rule->type) {
    case PA_RULE_TEXT:
    case PA_RULE_CHOICE:
        return "text";
    case PA_RULE_INTEGER:
        return "a whole number";
    case PA_RULE_BOOLEAN:
        return "true or false";
    case PA_RULE_LIST:
        return "a list";
    case PA_RULE_MAP:
    case PA_RULE_OBJECT:
    case PA_RULE_JSON:
        return "an object";
    case PA_RULE_EITHER:
        break;
    }
    return "a value";
}

static bool has_type(const struct pa_rule *rule, const json_t *value) {
    switch (rule->type) {
    case PA_RULE_TEXT:
    case PA_RULE_CHOICE:
        return json_is_string(value);
    case PA_RULE_INTEGER:
        return json_is_number(value);
    case PA_RULE_BOOLEAN:
        return json_is_boolean(value);
    case PA_RULE_LIST:
        return json_is_array(value);
    case PA_RULE_MAP:
    case PA_RULE_OBJECT:
    case PA_RULE_JSON:
        return json_is_object(value);
    case PA_RULE_EITHER:
        return has_type(rule->first, value) || has_type(rule->second, value);
    }
    return false;
}

static void wrong_type(const struct pa_rule *rule, const json_t *value, const char *path,
                       struct pa_faults *faults) {
    if (rule->type == PA_RULE_EITHER)
        pa_fault_add(faults, path, GOT(rule, value), "%s, or %s", type_words(rule->first),
                     type_words(rule->second));
    else
        pa_fault_add(faults, path, GOT(rule, value), "%s", type_words(rule));
}

void pa_rule_check(const struct pa_rule *rule, const json_t *value, const char *path,
                   struct pa_faults *faults, void *context) {
    if (!has_type(rule, value)) {
        wrong_type(rule, value, path, faults);
        return;
    }
    switch (rule->type) {
    case PA_RULE_TEXT:
        check_text(rule, value, path, faults);
        break;
    case PA_RULE_INTEGER:
        check_integer(rule, value, path, faults);
        break;
    case PA_RULE_BOOLEAN:
    case PA_RULE_JSON:
        break;
    case PA_RULE_CHOICE:
        check_choice(rule, value, path, faults);
        break;
    case PA_RULE_LIST:
        check_list(rule, value, path, faults, context);
        break;
    case PA_RULE_MAP:
        check_map(rule, value, path, faults, context);
        break;
    case PA_RULE_OBJECT:
        check_object(rule, value, path, faults, context);
        break;
    case PA_RULE_EITHER:
        pa_rule_check(has_type(rule->first, value) ? rule->first : rule->second, value, path,
                      faults, context);
    }
}
