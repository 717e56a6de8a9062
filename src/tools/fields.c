/*
 * The parameters that all tools have, each as a rule and the function that takes what passed it.
 *
 * A call begins with the most that the operator allows (pa_tool_entry.limits, the configured
 * environment and mounts); its parameters add to the environment and take from the limits.
 */
#include "tools/tools_internal.h"

#include "base/base64.h"

#define STDIN_MOST 67108864 /* characters */
#define TEXT_MOST  131072   /* of an argument or a variable */

#define OUTPUTS_BYTES (32 * PA_MIB) /* of all files that come back with their contents */

static const struct pa_rule stdin_rule = {
    .type = PA_RULE_TEXT, .what = "Standard input, as text.", .most = STDIN_MOST, .secret = true};
static const struct pa_rule stdin_base64_rule = {
    .type = PA_RULE_TEXT,
    .what = "Standard input that is not text, in base64; instead of stdin.",
    .most = (STDIN_MOST + 2) / 3 * 4,
    .form = PA_FORM_BASE64,
    .secret = true};
static const struct pa_rule argument_rule = {
    .type = PA_RULE_TEXT, .most = TEXT_MOST, .form = PA_FORM_NO_NUL, .secret = true};
static const struct pa_rule argv_rule = {
    .type = PA_RULE_LIST,
    .what = "Arguments of the program, without the program's own name.",
    .most = 1024,
    .items = &argument_rule};
static const struct pa_rule env_name_rule = {
    .type = PA_RULE_TEXT, .least = 1, .most = 1024, .form = PA_FORM_NAME};
static const struct pa_rule env_rule = {.type = PA_RULE_MAP,
                                        .what = "Environment variables: names with their values.",
                                        .most = PA_MAX_ENV,
                                        .keys = &env_name_rule,
                                        .items = &argument_rule};

static const struct pa_rule file_path_rule = {
    .type = PA_RULE_TEXT,
    .what = "Where it goes: below /workspace, where relative paths begin, or below /tmp.",
    .least = 1,
    .most = 1024,
    .form = PA_FORM_FILE};
static const struct pa_rule content_rule = {
    .type = PA_RULE_TEXT, .what = "Its text.", .most = STDIN_MOST, .secret = true};
static const struct pa_rule content_base64_rule = {.type = PA_RULE_TEXT,
                                                   .what = "Its bytes, in base64.",
                                                   .most = (STDIN_MOST + 2) / 3 * 4,
                                                   .form = PA_FORM_BASE64,
                                                   .secret = true};
static const struct pa_rule_field file_fields[] = {
    {.name = "path", .rule = &file_path_rule, .required = true},
    {.name = "content", .rule = &content_rule},
    {.name = "content_base64", .rule = &content_base64_rule}};
static const char *const content_base64[] = {"content_base64", NULL};
static const char *const contents[] = {"content", "content_base64", NULL};
static const struct pa_rule_exclusion file_exclusions[] = {
    {"content", content_base64, "a file has one content"}};
static const struct pa_rule file_rule = {.type = PA_RULE_OBJECT,
                                         .fields = file_fields,
                                         .field_count = PA_ARRAY_LEN(file_fields),
                                         .exclusions = file_exclusions,
                                         .exclusion_count = PA_ARRAY_LEN(file_exclusions),
                                         .one_of = contents};
static const struct pa_rule files_map = {.type = PA_RULE_MAP,
                                         .what = "Paths with their text.",
                                         .most = 1024,
                                         .keys = &file_path_rule,
                                         .items = &content_rule};
static const struct pa_rule files_list = {
    .type = PA_RULE_LIST, .what = "Files with their paths.", .most = 1024, .items = &file_rule};
static const struct pa_rule files_rule = {
    .type = PA_RULE_EITHER,
    .what = "Files to be there when the program starts: an object of paths with their text, or a "
            "list of {path, content} and {path, content_base64}.",
    .first = &files_map,
    .second = &files_list};

static const struct pa_rule pattern_rule = {
    .type = PA_RULE_TEXT, .least = 1, .most = 255, .form = PA_FORM_NO_NUL};
static const struct pa_rule outputs_rule = {
    .type = PA_RULE_LIST,
    .what = "Which of the files that the program makes or changes in /workspace come back with "
            "their contents: patterns such as \"*.png\" or \"out/*.csv\".  All are listed.",
    .most = 64,
    .items = &pattern_rule};
static const struct pa_rule deterministic_rule = {
    .type = PA_RULE_BOOLEAN,
    .what = "Run so that the same request gives the same bytes: a clock that stands still but for "
            "being read, random numbers from the seed; about a third slower."};
static const struct pa_rule seed_rule = {.type = PA_RULE_INTEGER,
                                         .what = "Seed: random numbers follow from it.",
                                         .most = PA_RULE_NUMBER_MAX};

/* --- taking --- */

static struct pa_tool_bytes text_of(const json_t *value) {
    return (struct pa_tool_bytes){.bytes = json_string_value(value),
                                  .size = json_string_length(value)};
}

bool pa_take_base64(struct pa_prepared_call *call, const char *path, const json_t *value,
                    struct pa_tool_bytes *ret) {
    size_t fault;
    struct pa_tool_bytes bytes = {0};
    if (pa_base64_decode(json_string_value(value), json_string_length(value), &bytes.owned,
                         &bytes.size, &fault) == 0) {
        bytes.bytes = bytes.owned;
        pa_tool_bytes_done(ret);
        *ret = bytes;
        return true;
    }
    char got[96];
    snprintf(got, sizeof(got), "%zu characters, wrong from character %zu on",
             json_string_length(value), fault + 1);
    pa_fault_add(&call->faults, path, got,
                 "base64 (RFC 4648) in groups of four, padded with '='; is it cut off?");
    return false;
}

void pa_tool_bytes_done(struct pa_tool_bytes *bytes) {
    free(bytes->owned);
    *bytes = (struct pa_tool_bytes){0};
}

static void take_stdin(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    pa_tool_bytes_done(&call->stdin_text); /* a caller may have said both */
    call->stdin_text = text_of(value);
}

static void take_stdin_base64(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    pa_take_base64(call, path, value, &call->stdin_text);
}

static const char **borrow_list(const json_t *list) {
    const char **texts = pa_xcalloc(json_array_size(list) + 1, sizeof(*texts));
    for (size_t i = 0; i < json_array_size(list); i++)
        texts[i] = json_string_value(json_array_get(list, i));
    return texts;
}

static void take_argv(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    call->argv = borrow_list(value);
    call->argc = json_array_size(value);
}

static void take_outputs(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    call->outputs = borrow_list(value);
}

static void take_env(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    struct pa_error err;
    const char *name;
    json_t *text;
    json_object_foreach((json_t *)(uintptr_t)value, name, text) {
        if (pa_policy_add_env(&call->policy, name, json_string_value(text), &err) == 0)
            continue;
        PA_CLEANUP(pa_freep) char *at = pa_pointer_join(path, name);
        pa_fault_add(&call->faults, at, "one more variable",
                     "%d variables and %d bytes at most, the configured ones among them",
                     PA_MAX_ENV, PA_MAX_ENV_BYTES);
        return;
    }
}

static void add_file(struct pa_prepared_call *call, const char *path, struct pa_tool_bytes bytes) {
    const size_t at = call->file_count++;
    call->file_bytes[at] = bytes;
    call->files[at] = (struct pa_run_file){
        .path = (char *)(uintptr_t)path, .bytes = bytes.bytes, .size = bytes.size};
}

static void take_file_list(struct pa_prepared_call *call, const char *path, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *file = json_array_get(list, i);
        const json_t *encoded = json_object_get(file, "content_base64");
        struct pa_tool_bytes bytes = {0};
        if (encoded) {
            PA_CLEANUP(pa_freep)
            char *at = pa_xasprintf("%s/%zu/content_base64", path, i);
            pa_take_base64(call, at, encoded, &bytes);
        } else {
            bytes = text_of(json_object_get(file, "content"));
        }
        add_file(call, json_string_value(json_object_get(file, "path")), bytes);
    }
}

static void take_files(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    const size_t most = json_is_array(value) ? json_array_size(value) : json_object_size(value);
    call->files = pa_xcalloc(most + 1, sizeof(*call->files));
    call->file_bytes = pa_xcalloc(most + 1, sizeof(*call->file_bytes));
    if (json_is_array(value)) {
        take_file_list(call, path, value);
        return;
    }
    const char *name;
    json_t *text;
    json_object_foreach((json_t *)(uintptr_t)value, name, text) {
        add_file(call, name, text_of(text));
    }
}

static void take_deterministic(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    call->policy.deterministic |= json_is_true(value);
}

static void take_seed(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    call->policy.seed = pa_rule_number(value);
    call->policy.allow_random = false;
}

/* --- limits --- */

static const char *unit_word(enum pa_unit unit) {
    return unit == PA_UNIT_BYTES ? "bytes" : unit == PA_UNIT_MS ? "ms" : NULL;
}

static void take_limit(struct pa_prepared_call *call, const char *path,
                       const struct pa_limit_info *info, uint64_t value) {
    const uint64_t ceiling = *pa_limit_slot(&call->ceilings, info);
    if (value <= ceiling) {
        *pa_limit_slot(&call->policy.limits, info) = value;
        return;
    }
    const char *unit = unit_word(info->unit);
    PA_CLEANUP(pa_freep) char *at = pa_pointer_join(path, info->name);
    char got[32];
    snprintf(got, sizeof(got), "%llu", (unsigned long long)value);
    pa_fault_add(&call->faults, at, got, "a whole number from %llu to %llu%s%s: your key's ceiling",
                 (unsigned long long)info->smallest, (unsigned long long)ceiling, unit ? " " : "",
                 unit ? unit : "");
}

static void take_limits(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    const char *name;
    json_t *number;
    call->limits_given = json_object_size(value) > 0;
    json_object_foreach((json_t *)(uintptr_t)value, name, number) {
        take_limit(call, path, pa_limit_find(name), pa_rule_number(number));
    }
}

static bool is_among(const char *name, const char *const *list) {
    for (; list && *list; list++)
        if (pa_streq(*list, name))
            return true;
    return false;
}

/* One rule a limit, from the operator's value downwards. */
static void make_limit_rules(struct pa_tool_entry *entry, const char *const *left_out) {
    struct pa_tool_rules *rules = &entry->rules;
    rules->limit_rules = pa_xcalloc(pa_limit_count, sizeof(*rules->limit_rules));
    rules->limit_fields = pa_xcalloc(pa_limit_count, sizeof(*rules->limit_fields));
    for (size_t i = 0; i < pa_limit_count; i++) {
        const struct pa_limit_info *info = &pa_limit_infos[i];
        const uint64_t most = *pa_limit_slot(&entry->limits, info);
        rules->limit_rules[i] =
            (struct pa_rule){.type = PA_RULE_INTEGER,
                             .what = info->what,
                             .least = info->smallest,
                             .most = PA_MIN(PA_MIN(most, info->largest), PA_RULE_NUMBER_MAX),
                             .unit = unit_word(info->unit),
                             .bound = "a request may lower the server's limit, not raise it"};
        rules->limit_fields[i] = (struct pa_rule_field){
            .name = info->name,
            .rule = is_among(info->name, left_out) ? NULL : &rules->limit_rules[i],
            .refused = "the server decides how languages are compiled"};
    }
    rules->limits = (struct pa_rule){.type = PA_RULE_OBJECT,
                                     .what = "Lower limits for this run than the server's.",
                                     .fields = rules->limit_fields,
                                     .field_count = pa_limit_count};
}

void pa_tool_add_field(struct pa_tool_rules *rules, struct pa_rule_field field) {
    PA_ASSERT(rules->object.field_count < PA_TOOL_FIELDS);
    rules->fields[rules->object.field_count++] = field;
    rules->object.fields = rules->fields;
}

void pa_tool_add_common(const struct pa_toolbox *toolbox, struct pa_tool_entry *entry,
                        const char *const *left_out) {
    struct pa_tool_rules *rules = &entry->rules;
    make_limit_rules(entry, left_out);
    const struct pa_rule_field fields[] = {
        {.name = "stdin", .rule = &stdin_rule, .take = take_stdin},
        {.name = "stdin_base64", .rule = &stdin_base64_rule, .take = take_stdin_base64},
        {.name = "argv", .rule = &argv_rule, .take = take_argv},
        {.name = "env", .rule = &env_rule, .take = take_env},
        {.name = "files", .rule = &files_rule, .take = take_files},
        {.name = "outputs", .rule = &outputs_rule, .take = take_outputs},
        {.name = "limits", .rule = &rules->limits, .take = take_limits},
        {.name = "deterministic", .rule = &deterministic_rule, .take = take_deterministic},
        {.name = "seed", .rule = &seed_rule, .take = take_seed}};
    for (size_t i = 0; i < PA_ARRAY_LEN(fields); i++)
        pa_tool_add_field(rules, fields[i]);
    pa_tool_add_offers(toolbox, entry);
}

void pa_tool_check_common(struct pa_prepared_call *call) {
    uint64_t total = 0;
    for (size_t i = 0; i < call->file_count; i++)
        total += call->files[i].size;
    if (total <= call->policy.limits.files_bytes)
        return;
    char got[64];
    snprintf(got, sizeof(got), "%llu bytes in all", (unsigned long long)total);
    pa_fault_add(&call->faults, "/files", got, "at most %llu bytes (the limit files_bytes)",
                 (unsigned long long)call->policy.limits.files_bytes);
}

void pa_tool_lower_compile_limits(struct pa_prepared_call *call) {
    const struct pa_server_settings *server = &call->toolbox->config.config->server;
    struct pa_limits *limits = &call->policy.limits;
    limits->compile_ms = PA_MIN(limits->compile_ms, server->compile_ms);
    limits->compile_memory_bytes =
        PA_MIN(limits->compile_memory_bytes, server->compile_memory_bytes);
}

/* What is kept comes whole; what of it the caller did not ask for is left out of its answer. */
const struct pa_outputs *pa_tool_outputs(const struct pa_prepared_call *call,
                                         struct pa_outputs *ret) {
    static const char *const all[] = {"*", NULL};
    const char *const *globs = call->keep_files ? all : call->outputs;
    *ret = (struct pa_outputs){(char *const *)(uintptr_t)globs, OUTPUTS_BYTES};
    return globs ? ret : NULL;
}
