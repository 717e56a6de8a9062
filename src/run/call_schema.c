#include "run/call_schema.h"

#include "run/calls.h"
#include <stdbool.h>

#define DEPTH_MOST 32
#define PATH_ROOM  256

static const json_t *get(const json_t *object, const char *key) {
    return json_object_get(object, key);
}

static bool is_type(const json_t *value, const char *type) {
    if (pa_streq(type, "integer"))
        return json_is_integer(value) ||
               (json_is_real(value) &&
                json_real_value(value) == (double)(json_int_t)json_real_value(value));
    return (pa_streq(type, "string") && json_is_string(value)) ||
           (pa_streq(type, "number") && json_is_number(value)) ||
           (pa_streq(type, "boolean") && json_is_boolean(value)) ||
           (pa_streq(type, "object") && json_is_object(value)) ||
           (pa_streq(type, "array") && json_is_array(value)) ||
           (pa_streq(type, "null") && json_is_null(value));
}

/* One type or a list of them. */
static bool is_one_of_types(const json_t *value, const json_t *type) {
    size_t i;
    json_t *one;
    if (json_is_string(type))
        return is_type(value, json_string_value(type));
    json_array_foreach((json_t *)(uintptr_t)type, i, one) {
        if (json_is_string(one) && is_type(value, json_string_value(one)))
            return true;
    }
    return !json_is_array(type);
}

static int check(const json_t *schema, const json_t *value, const char *path, unsigned depth,
                 struct pa_error *err);

static int check_object(const json_t *schema, const json_t *value, const char *path, unsigned depth,
                        struct pa_error *err) {
    const json_t *properties = get(schema, "properties");
    const char *key;
    json_t *item;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)get(schema, "required"), i, item) {
        if (json_is_string(item) && !get(value, json_string_value(item)))
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s%s%.64s is missing", path,
                           *path ? "." : "", json_string_value(item));
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, item) {
        char below[PATH_ROOM];
        const json_t *known = get(properties, key);
        snprintf(below, sizeof(below), "%.180s%s%.64s", path, *path ? "." : "", key);
        if (!known && json_is_false(get(schema, "additionalProperties")))
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s is not a parameter", below);
        if (known && check(known, item, below, depth + 1, err) < 0)
            return -1;
    }
    return 0;
}

static int check_array(const json_t *schema, const json_t *value, const char *path, unsigned depth,
                       struct pa_error *err) {
    const json_t *items = get(schema, "items");
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)value, i, item) {
        char below[PATH_ROOM];
        snprintf(below, sizeof(below), "%.200s[%zu]", path, i);
        if (items && check(items, item, below, depth + 1, err) < 0)
            return -1;
    }
    return 0;
}

static bool is_listed(const json_t *value, const json_t *list) {
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)(uintptr_t)list, i, one) {
        if (json_equal(one, value))
            return true;
    }
    return false;
}

static int check(const json_t *schema, const json_t *value, const char *path, unsigned depth,
                 struct pa_error *err) {
    const json_t *type = get(schema, "type"), *list = get(schema, "enum");
    if (depth > DEPTH_MOST)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the arguments are more than %d levels deep",
                       DEPTH_MOST);
    if (type && !is_one_of_types(value, type))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s is not of type %s", path,
                       json_is_string(type) ? json_string_value(type) : "that is allowed");
    if (json_is_array(list) && !is_listed(value, list))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s is none of the values allowed", path);
    if (json_is_object(value) && check_object(schema, value, path, depth, err) < 0)
        return -1;
    return json_is_array(value) ? check_array(schema, value, path, depth, err) : 0;
}

int pa_call_schema_check(const json_t *schema, const json_t *arguments, struct pa_error *err) {
    return json_is_object(schema) ? check(schema, arguments, "", 0, err) : 0;
}

/* --- an offer --------------------------------------------------------------------------------- */

static bool is_identifier(const char *name) {
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    size_t size = name ? strlen(name) : 0;
    return size > 0 && size <= 64 && strchr(letters, *name) &&
           strspn(name + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") ==
               size - 1;
}

static int check_tool(const json_t *tools, size_t at, struct pa_error *err) {
    const json_t *tool = json_array_get(tools, at), *schema = get(tool, "parameters");
    const char *name = json_string_value(get(tool, "name"));
    if (!is_identifier(name))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "tools[%zu].name: an identifier of at most 64 letters is needed", at);
    for (size_t i = 0; i < at; i++)
        if (pa_streq(json_string_value(get(json_array_get(tools, i), "name")), name))
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "tools: %s is there twice", name);
    const char *type = json_string_value(get(schema, "type"));
    if (schema && (!json_is_object(schema) || (type && !pa_streq(type, "object"))))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "tools[%zu].parameters: a JSON schema of an object is needed", at);
    return 0;
}

int pa_call_offer_check(const json_t *tools, struct pa_error *err) {
    if (!json_is_array(tools) || json_array_size(tools) > PA_CALL_MAX_TOOLS)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "tools: an array of at most %d is needed",
                       PA_CALL_MAX_TOOLS);
    for (size_t i = 0; i < json_array_size(tools); i++)
        if (check_tool(tools, i, err) < 0)
            return -1;
    return 0;
}
