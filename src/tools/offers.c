/*
 * What a call brings beside its program that outlives the run or leads out of it: volumes, tools
 * that its caller answers for, and files that are kept.  Beside them the key-value store, which is
 * the server's and every run's without being asked for.
 *
 * Volumes are mounted when the call runs, not when it is prepared, which has no effect: a volume is
 * made by the first run that names it.
 */
#include "tools/tools_internal.h"

#include "run/volumes.h"
#include "tools/kv.h"

static const struct pa_rule volume_name_rule = {
    .type = PA_RULE_TEXT,
    .what = "Of the volume; it is made where it is not there.  'memory' is what its owner wants to "
            "be remembered.",
    .least = 1,
    .most = PA_VOLUME_NAME_MAX,
    .form = PA_FORM_VOLUME};
static const struct pa_rule volume_path_rule = {
    .type = PA_RULE_TEXT,
    .what = "Where the program sees it; without it /volumes/NAME, and /memory for 'memory'.",
    .least = 2,
    .most = 1024,
    .form = PA_FORM_PLACE};
static const struct pa_rule read_only_rule = {.type = PA_RULE_BOOLEAN,
                                              .what = "The program may not write to it."};
static const struct pa_rule_field volume_fields[] = {
    {.name = "name", .rule = &volume_name_rule, .required = true},
    {.name = "path", .rule = &volume_path_rule},
    {.name = "read_only", .rule = &read_only_rule}};
static const struct pa_rule volume_rule = {
    .type = PA_RULE_OBJECT, .fields = volume_fields, .field_count = PA_ARRAY_LEN(volume_fields)};
static const struct pa_rule volumes_rule = {
    .type = PA_RULE_LIST,
    .what = "Folders that outlive the run, the caller's own, by name.  Of a session: where it "
            "begins.",
    .most = PA_MAX_QUOTAS,
    .items = &volume_rule};

static const struct pa_rule tool_name_rule = {.type = PA_RULE_TEXT,
                                              .what = "What the program calls it.",
                                              .least = 1,
                                              .most = 64,
                                              .form = PA_FORM_IDENTIFIER};
static const struct pa_rule tool_description_rule = {
    .type = PA_RULE_TEXT, .what = "What it does.", .most = 16384};
static const struct pa_rule tool_parameters_rule = {
    .type = PA_RULE_JSON, .what = "A JSON schema of an object: its parameters by name."};
static const struct pa_rule tool_timeout_rule = {
    .type = PA_RULE_INTEGER,
    .what = "How long the program waits for one answer; without it as long as it may run.",
    .least = 1,
    .most = 86400000,
    .unit = "ms"};
static const struct pa_rule_field tool_fields[] = {
    {.name = "name", .rule = &tool_name_rule, .required = true},
    {.name = "description", .rule = &tool_description_rule},
    {.name = "parameters", .rule = &tool_parameters_rule, .required = true},
    {.name = "timeout_ms", .rule = &tool_timeout_rule}};
static const struct pa_rule tool_rule = {
    .type = PA_RULE_OBJECT, .fields = tool_fields, .field_count = PA_ARRAY_LEN(tool_fields)};
static const struct pa_rule tools_rule = {
    .type = PA_RULE_LIST,
    .what = "Functions of the caller's that the program may call (sandbox.tools); the caller is "
            "asked while the program runs, and answers.",
    .most = PA_CALL_MAX_TOOLS,
    .items = &tool_rule};

static const struct pa_rule keep_files_rule = {
    .type = PA_RULE_BOOLEAN,
    .what = "Keep the files that the program makes or changes in /workspace for as long as the run "
            "is remembered, to be fetched by its run_id."};

/* --- taking --- */

/* Two at one place would be one. */
static void take_volumes(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    json_t *seen = json_object();
    size_t i;
    json_t *volume;
    json_array_foreach((json_t *)(uintptr_t)value, i, volume) {
        const char *name = json_string_value(json_object_get(volume, "name"));
        const char *place = json_string_value(json_object_get(volume, "path"));
        PA_CLEANUP(pa_freep)
        char *at = place ? pa_xstrdup(place) : pa_volume_place(name);
        if (json_object_get(seen, at)) {
            PA_CLEANUP(pa_freep) char *where = pa_xasprintf("%s/%zu", path, i);
            pa_fault_add(&call->faults, where, at, "a place that no other volume has");
        }
        json_object_set_new(seen, at, json_true());
    }
    json_decref(seen);
    call->volumes = value;
}

static void take_tools(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    struct pa_error err;
    if (pa_call_offer_check(value, &err) < 0)
        pa_fault_add(&call->faults, path, "a list that is no offer", "%s", err.message);
    else if (json_array_size(value))
        call->tools = value;
}

static void take_keep_files(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    call->keep_files = json_is_true(value);
}

void pa_tool_add_offers(const struct pa_toolbox *toolbox, struct pa_tool_entry *entry) {
    const struct pa_server_settings *server = &toolbox->config.config->server;
    const bool volumes = server->volumes_most && toolbox->volumes_directory;
    const bool kept = server->files_kept_bytes && server->runs_kept;
    const struct pa_rule_field fields[] = {
        {.name = "volumes",
         .rule = volumes ? &volumes_rule : NULL,
         .refused = "this server keeps no volumes (server.volumes_most, server.volumes_directory)",
         .take = take_volumes},
        {.name = "tools", .rule = &tools_rule, .take = take_tools},
        {.name = "keep_files",
         .rule = kept ? &keep_files_rule : NULL,
         .refused = "this server keeps no files (server.files_kept_bytes, server.runs_kept)",
         .take = take_keep_files}};
    for (size_t i = 0; i < PA_ARRAY_LEN(fields); i++)
        pa_tool_add_field(&entry->rules, fields[i]);
}

/* --- a run's --- */

struct pa_volumes pa_toolbox_volumes(const struct pa_toolbox *toolbox) {
    const struct pa_server_settings *server = &toolbox->config.config->server;
    return (struct pa_volumes){.directory =
                                   server->volumes_most ? toolbox->volumes_directory : NULL,
                               .quota_bytes = server->volume_bytes,
                               .quota_entries = server->volume_entries,
                               .most = (unsigned)server->volumes_most};
}

int pa_prepared_mount(struct pa_prepared *prepared, const char *owner, struct pa_error *err) {
    struct pa_prepared_call *call = (struct pa_prepared_call *)prepared;
    const struct pa_volumes volumes = pa_toolbox_volumes(call->toolbox);
    size_t i;
    json_t *volume;
    json_array_foreach((json_t *)(uintptr_t)call->volumes, i, volume) {
        if (pa_volume_mount(&volumes, owner, json_string_value(json_object_get(volume, "name")),
                            json_string_value(json_object_get(volume, "path")),
                            !json_is_true(json_object_get(volume, "read_only")), &call->policy,
                            err) < 0)
            return -1;
    }
    return 0;
}

const json_t *pa_prepared_tools(const struct pa_prepared *prepared) {
    return ((const struct pa_prepared_call *)prepared)->tools;
}

bool pa_prepared_volumes(const struct pa_prepared *prepared) {
    return json_array_size(((const struct pa_prepared_call *)prepared)->volumes) > 0;
}

bool pa_prepared_keeps_files(const struct pa_prepared *prepared) {
    return ((const struct pa_prepared_call *)prepared)->keep_files;
}

static void on_call(void *context, struct pa_call *asked) {
    const struct pa_prepared_call *call = context;
    call->how->call(call->how->context, asked);
}

static int on_kv(void *context, const char *name, const json_t *arguments, json_t **ret,
                 struct pa_error *err) {
    const struct pa_prepared_call *call = context;
    return pa_kv_call(call->toolbox->config.kv, call->how->owner, name, arguments, ret, err);
}

/* What the store holds is not in the request: a deterministic run has none. */
const struct pa_call_offer *pa_tool_offer(struct pa_prepared_call *call) {
    const bool kv = call->toolbox->config.kv && call->how->owner && !call->how->no_kv &&
                    !call->policy.deterministic;
    const bool tools = call->tools && call->how->call;
    call->offer = (struct pa_call_offer){.tools = tools ? call->tools : NULL,
                                         .call = on_call,
                                         .kv = kv ? on_kv : NULL,
                                         .context = call};
    return kv || tools ? &call->offer : NULL;
}
