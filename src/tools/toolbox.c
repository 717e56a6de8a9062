/*
 * The table of tools, and a call from its parameters to its outcome.
 *
 * The tools follow from the configuration: code_executor, python_wasi_runner where there is a pack
 * for Python, and an executor for each language that is not a variant of another.
 */
#include "tools/tools_internal.h"

#include "config/nearest.h"
#include "run/sessions.h"

#define RUNNERS_LANGUAGE "python"

/* --- the table --- */

static void show(struct pa_toolbox *toolbox, size_t at) {
    struct pa_tool_entry *entry = &toolbox->entries[at];
    struct pa_tool *tool = &toolbox->tools[at];
    entry->rules.object.type = PA_RULE_OBJECT;
    *tool = (struct pa_tool){.name = entry->name,
                             .title = entry->title,
                             .description = entry->description,
                             .language = entry->pack ? entry->pack->name : "wasm",
                             .input_schema = pa_rule_schema(&entry->rules.object),
                             .output_schema = pa_outcome_schema(),
                             .examples = pa_tool_examples(entry),
                             .annotations = pa_tool_annotations(toolbox, entry)};
}

/* The next entry, with the most that a call may have: the operator's limits, raised to what the
 * language needs where the operator says nothing. */
static struct pa_tool_entry *next_entry(struct pa_toolbox *toolbox, const struct pa_pack *pack) {
    struct pa_tool_entry *entry = &toolbox->entries[toolbox->count++];
    entry->limits = toolbox->config.config->policy.limits;
    if (pack)
        pa_language_limits(pack, &entry->limits);
    return entry;
}

static void add_tools(struct pa_toolbox *toolbox) {
    const struct pa_packs *packs = toolbox->config.packs;
    const size_t most = packs->count + 2;
    toolbox->entries = pa_xcalloc(most, sizeof(*toolbox->entries));
    toolbox->tools = pa_xcalloc(most, sizeof(*toolbox->tools));
    pa_module_tool(toolbox, next_entry(toolbox, NULL));
    for (size_t i = 0; i < packs->count; i++) {
        const struct pa_pack *pack = &packs->packs[i];
        if (pa_streq(pack->name, RUNNERS_LANGUAGE))
            pa_runner_tool(toolbox, next_entry(toolbox, pack), pack);
        if (!pa_pack_is_variant(pack, packs))
            pa_executor_tool(toolbox, next_entry(toolbox, pack), pack);
    }
    for (size_t i = 0; i < toolbox->count; i++)
        show(toolbox, i);
}

int pa_toolbox_new(const struct pa_toolbox_config *config, struct pa_toolbox **ret,
                   struct pa_error *err) {
    struct pa_folders *folders;
    if (pa_folders_new(config->module_paths, config->module_store, &folders, err) < 0)
        return -1;
    struct pa_toolbox *toolbox = pa_xcalloc(1, sizeof(*toolbox));
    toolbox->config = *config;
    toolbox->folders = folders;
    toolbox->volumes_directory = pa_server_volumes_directory(&config->config->server);
    add_tools(toolbox);
    *ret = toolbox;
    return 0;
}

static void entry_done(struct pa_tool_entry *entry) {
    struct pa_tool_rules *rules = &entry->rules;
    free(rules->limit_rules);
    free(rules->limit_fields);
    free(rules->path_text);
    pa_strv_free(rules->images);
    free(entry->name);
    free(entry->title);
    free(entry->description);
}

struct pa_toolbox *pa_toolbox_free(struct pa_toolbox *toolbox) {
    if (!toolbox)
        return NULL;
    for (size_t i = 0; i < toolbox->count; i++) {
        json_decref(toolbox->tools[i].input_schema);
        json_decref(toolbox->tools[i].output_schema);
        json_decref(toolbox->tools[i].examples);
        json_decref(toolbox->tools[i].annotations);
        entry_done(&toolbox->entries[i]);
    }
    pa_folders_free(toolbox->folders);
    free(toolbox->volumes_directory);
    free(toolbox->tools);
    free(toolbox->entries);
    free(toolbox);
    return NULL;
}

const struct pa_tool *pa_toolbox_tools(const struct pa_toolbox *toolbox, size_t *ret_count) {
    *ret_count = toolbox->count;
    return toolbox->tools;
}

const struct pa_tool *pa_toolbox_find(const struct pa_toolbox *toolbox, const char *name) {
    for (size_t i = 0; i < toolbox->count; i++)
        if (pa_streq(toolbox->tools[i].name, name))
            return &toolbox->tools[i];
    return NULL;
}

static int no_such_tool(const struct pa_toolbox *toolbox, const char *name, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf known = PA_BUF_INIT(300);
    struct pa_nearest nearest = {.word = name};
    for (size_t i = 0; i < toolbox->count; i++) {
        pa_buf_printf(&known, "%s%s", i ? ", " : "", toolbox->tools[i].name);
        pa_nearest_offer(&nearest, toolbox->tools[i].name, i);
    }
    const char *near = nearest.found ? toolbox->tools[nearest.index].name : NULL;
    return pa_fail(err, PA_ERR_NOT_FOUND, "there is no tool '%.64s'%s%s%s; there are %s", name,
                   near ? " (did you mean " : "", near ? near : "", near ? "?)" : "",
                   pa_buf_text(&known));
}

/* --- a call --- */

void pa_ceilings_init(struct pa_ceilings *ceilings) {
    for (size_t i = 0; i < pa_limit_count; i++)
        *pa_limit_slot(&ceilings->limits, &pa_limit_infos[i]) = PA_UNLIMITED;
}

static struct pa_prepared_call *new_call(struct pa_toolbox *toolbox, const struct pa_tool *tool,
                                         const json_t *parameters,
                                         const struct pa_ceilings *ceilings) {
    struct pa_prepared_call *call = pa_xcalloc(1, sizeof(*call));
    call->toolbox = toolbox;
    call->entry = &toolbox->entries[tool - toolbox->tools];
    call->parameters = parameters ? json_incref((json_t *)(uintptr_t)parameters) : json_object();
    call->ceilings = ceilings->limits;
    call->faults.list = json_array();
    call->mode = call->entry->own_interpreter ? PA_PROGRAM_SCRIPT : PA_PROGRAM_EXPRESSION;
    pa_policy_copy(&call->policy, &toolbox->config.config->policy);
    for (size_t i = 0; i < pa_limit_count; i++) {
        const struct pa_limit_info *info = &pa_limit_infos[i];
        const uint64_t most = *pa_limit_slot((struct pa_limits *)&call->entry->limits, info);
        *pa_limit_slot(&call->policy.limits, info) =
            PA_MIN(most, *pa_limit_slot(&call->ceilings, info));
    }
    call->seen =
        (struct pa_prepared){.tool = tool, .language = tool->language, .policy = &call->policy};
    return call;
}

static void check(struct pa_prepared_call *call) {
    pa_rule_check(&call->entry->rules.object, call->parameters, "", &call->faults, call);
    if (call->faults.count)
        return;
    call->seen.memory_bytes = call->policy.limits.memory_bytes;
    call->entry->kind->finish(call);
    pa_tool_check_common(call);
}

static int report_faults(struct pa_prepared_call *call, json_t **ret_faults, struct pa_error *err) {
    const json_t *first = json_array_get(call->faults.list, 0);
    const char *path = json_string_value(json_object_get(first, "path"));
    char more[64] = "";
    if (call->faults.count > 1)
        snprintf(more, sizeof(more), " (and %zu more)", call->faults.count - 1);
    pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%.100s: got %.150s, allowed is %.200s%s",
            *path ? path : "the parameters", json_string_value(json_object_get(first, "got")),
            json_string_value(json_object_get(first, "allowed")), more);
    *ret_faults = json_incref(call->faults.list);
    return -1;
}

int pa_toolbox_prepare(struct pa_toolbox *toolbox, const char *name, const json_t *parameters,
                       const struct pa_ceilings *ceilings, struct pa_prepared **ret,
                       json_t **ret_faults, struct pa_error *err) {
    const struct pa_tool *tool = pa_toolbox_find(toolbox, name);
    *ret_faults = NULL;
    if (!tool)
        return no_such_tool(toolbox, name, err);
    struct pa_prepared_call *call = new_call(toolbox, tool, parameters, ceilings);
    check(call);
    if (!call->faults.count) {
        *ret = &call->seen;
        return 0;
    }
    report_faults(call, ret_faults, err);
    pa_prepared_free(&call->seen);
    return -1;
}

/* The whole of what a caller sees a part of: its first member. */
static struct pa_prepared_call *whole(const struct pa_prepared *prepared) {
    return (struct pa_prepared_call *)(uintptr_t)prepared;
}

struct pa_prepared *pa_prepared_free(struct pa_prepared *prepared) {
    if (!prepared)
        return NULL;
    struct pa_prepared_call *call = whole(prepared);
    if (call->held)
        pa_sessions_release(call->held);
    for (size_t i = 0; i < call->file_count; i++)
        pa_tool_bytes_done(&call->file_bytes[i]);
    pa_tool_bytes_done(&call->stdin_text);
    pa_tool_bytes_done(&call->module);
    pa_policy_done(&call->policy);
    json_decref(call->faults.list);
    json_decref(call->parameters);
    free(call->module_path);
    free(call->file_bytes);
    free(call->files);
    free(call->outputs);
    free(call->argv);
    free(call);
    return NULL;
}

int pa_prepared_run(struct pa_prepared *prepared, const struct pa_tool_how *how,
                    struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_prepared_call *call = whole(prepared);
    call->how = how;
    if (pa_prepared_mount(prepared, how->owner, err) < 0)
        return -1;
    return call->entry->kind->run(call, outcome, err);
}

/* The contents of files that came to be kept and were not asked for. */
static void leave_out(const struct pa_prepared_call *call, json_t *files) {
    size_t i;
    json_t *file;
    json_array_foreach(files, i, file) {
        if (pa_output_wanted((char *const *)(uintptr_t)call->outputs,
                             json_string_value(json_object_get(file, "path"))))
            continue;
        json_object_del(file, "content");
        json_object_del(file, "content_base64");
    }
}

json_t *pa_prepared_outcome(const struct pa_prepared *prepared, const struct pa_outcome *outcome) {
    const struct pa_prepared_call *call = whole(prepared);
    json_t *value = pa_outcome_value(outcome);
    if (call->keep_files)
        leave_out(call, json_object_get(value, "files"));
    if (*call->session)
        json_object_set_new(value, "session_id", json_string(call->session));
    return value;
}
