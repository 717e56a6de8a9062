/* Rules as JSON Schema (https://json-schema.org/draft/2020-12/json-schema-validation). */
#include "tools/rule.h"

static const char *const patterns[] = {
#define X(form, pattern, allowed) [PA_FORM_##form] = pattern,
    PA_RULE_FORMS(X)
#undef X
};

static void set(json_t *schema, const char *key, json_t *value) {
    json_object_set_new(schema, key, value);
}

static void set_number(json_t *schema, const char *key, uint64_t value) {
    set(schema, key, json_integer((json_int_t)PA_MIN(value, PA_RULE_NUMBER_MAX)));
}

static json_t *words(const char *const *list) {
    json_t *array = json_array();
    for (size_t i = 0; list && list[i]; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

static void add_text(const struct pa_rule *rule, json_t *schema) {
    set(schema, "type", json_string("string"));
    if (rule->least)
        set_number(schema, "minLength", rule->least);
    set_number(schema, "maxLength", rule->most);
    if (patterns[rule->form])
        set(schema, "pattern", json_string(patterns[rule->form]));
    if (rule->form == PA_FORM_BASE64) {
        set(schema, "contentEncoding", json_string("base64"));
        if (rule->media_type)
            set(schema, "contentMediaType", json_string(rule->media_type));
    }
}

static void add_integer(const struct pa_rule *rule, json_t *schema) {
    set(schema, "type", json_string("integer"));
    set_number(schema, "minimum", rule->least);
    set_number(schema, "maximum", rule->most);
}

static void add_map(const struct pa_rule *rule, json_t *schema) {
    set(schema, "type", json_string("object"));
    set(schema, "propertyNames", pa_rule_schema(rule->keys));
    set(schema, "additionalProperties", pa_rule_schema(rule->items));
    set_number(schema, "maxProperties", rule->most);
}

static json_t *none_of(const char *const *names) {
    json_t *properties = json_object();
    for (size_t i = 0; names[i]; i++)
        set(properties, names[i], json_false());
    return json_pack("{s:o}", "properties", properties);
}

/* "a beside b" is refused, and "none of a, b and c", in words that are no oneOf. */
static void add_exclusions(const struct pa_rule *rule, json_t *schema) {
    json_t *dependent = json_object();
    for (size_t i = 0; i < rule->exclusion_count; i++)
        set(dependent, rule->exclusions[i].name, none_of(rule->exclusions[i].others));
    if (rule->exclusion_count)
        set(schema, "dependentSchemas", json_incref(dependent));
    json_decref(dependent);
    if (!rule->one_of)
        return;
    set(schema, "if", none_of(rule->one_of));
    set(schema, "then", json_false());
}

static void add_object(const struct pa_rule *rule, json_t *schema) {
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < rule->field_count; i++) {
        const struct pa_rule_field *field = &rule->fields[i];
        if (!field->rule)
            continue;
        set(properties, field->name, pa_rule_schema(field->rule));
        if (field->required)
            json_array_append_new(required, json_string(field->name));
    }
    set(schema, "type", json_string("object"));
    set(schema, "properties", properties);
    if (json_array_size(required))
        set(schema, "required", json_incref(required));
    json_decref(required);
    set(schema, "additionalProperties", json_false());
    add_exclusions(rule, schema);
}

static void add_choice(const struct pa_rule *rule, json_t *schema) {
    set(schema, "type", json_string("string"));
    set(schema, "enum", words(rule->choices));
    set(schema, "default", json_string(rule->choices[0]));
}

json_t *pa_rule_schema(const struct pa_rule *rule) {
    json_t *schema = json_object();
    if (rule->what)
        set(schema, "description", json_string(rule->what));
    switch (rule->type) {
    case PA_RULE_TEXT:
        add_text(rule, schema);
        break;
    case PA_RULE_INTEGER:
        add_integer(rule, schema);
        break;
    case PA_RULE_BOOLEAN:
        set(schema, "type", json_string("boolean"));
        break;
    case PA_RULE_CHOICE:
        add_choice(rule, schema);
        break;
    case PA_RULE_LIST:
        set(schema, "type", json_string("array"));
        set(schema, "items", pa_rule_schema(rule->items));
        set_number(schema, "maxItems", rule->most);
        break;
    case PA_RULE_MAP:
        add_map(rule, schema);
        break;
    case PA_RULE_OBJECT:
        add_object(rule, schema);
        break;
    case PA_RULE_JSON:
        set(schema, "type", json_string("object"));
        break;
    case PA_RULE_EITHER:
        set(schema, "anyOf",
            json_pack("[o, o]", pa_rule_schema(rule->first), pa_rule_schema(rule->second)));
        break;
    }
    return schema;
}
