/*
 * What comes back, as JSON Schema, and what clients of MCP are told of a tool.
 *
 * The guest writes the insides of `error` and `results` itself, so the schema promises no more than
 * that they are objects: a client that checks must not fail because of a guest.
 */
#include "tools/tools_internal.h"

static const char outcome_schema[] =
    "{'type': 'object', 'properties': {"
    "'status': {'type': 'string', 'description': 'How the run ended: ok; error: the program "
    "failed by itself; else what ended it.', 'enum': []},"
    "'exit_code': {'type': ['integer', 'null'], 'description': 'Of the program, where it ended by "
    "itself.'},"
    "'stdout': {'type': 'string', 'description': 'Standard output as text.'},"
    "'stderr': {'type': 'string', 'description': 'Standard error as text.'},"
    "'stdout_base64': {'type': 'string', 'description': 'The exact bytes, where they are not "
    "text.'},"
    "'stderr_base64': {'type': 'string', 'description': 'The exact bytes, where they are not "
    "text.'},"
    "'stdout_truncated': {'type': 'boolean', 'description': 'The middle was left out: the limit "
    "stdout_bytes.'},"
    "'stderr_truncated': {'type': 'boolean', 'description': 'The middle was left out: the limit "
    "stderr_bytes.'},"
    "'message': {'type': 'string', 'description': 'What ended the run, which limit at which value, "
    "and what to change.'},"
    "'trap': {'type': 'object', 'description': 'Of a WebAssembly trap.', 'properties': {"
    "'kind': {'type': 'string'}, 'backtrace': {'type': 'string'}}},"
    "'error': {'type': ['object', 'null'], 'description': 'The uncaught exception of a language: "
    "name, value and traceback.'},"
    "'results': {'type': 'array', 'items': {'type': 'object'}, 'description': 'Values and figures, "
    "each an object from media types to contents.'},"
    "'results_truncated': {'type': 'boolean', 'description': 'Some results were too much.'},"
    "'files': {'type': 'array', 'description': 'What the run made or changed in /workspace.', "
    "'items': {'type': 'object', 'properties': {'path': {'type': 'string'}, "
    "'size': {'type': 'integer'}, 'sha256': {'type': 'string'}, 'kept': {'type': 'boolean'}, 'content': {'type': 'string'}, "
    "'content_base64': {'type': 'string'}}, 'required': ['path', 'size', 'sha256']}},"
    "'calls': {'type': 'array', 'items': {'type': 'object'}, 'description': 'Calls of the program to "
    "tools of its caller.'},"
    "'usage': {'type': 'object', 'description': 'What the run took.', 'properties': {"
    "'wall_ms': {'type': 'number'}, 'cpu_ms': {'type': 'number'}, 'queue_ms': {'type': 'number'}, "
    "'compile_ms': {'type': 'number'}, 'memory_peak_bytes': {'type': 'integer'}, "
    "'fuel': {'type': ['integer', 'null']}}},"
    "'engine': {'type': 'object', 'description': 'Which engine ran the program, and why.', "
    "'properties': {'used': {'type': 'string'}, 'why': {'type': 'string'}}},"
    "'session_id': {'type': 'string', 'description': 'What later calls go on with.'},"
    "'session_lives': {'type': 'boolean', 'description': 'The session waits for another call.'},"
    "'session_rolled_back': {'type': 'boolean', 'description': 'The session is where it was before "
    "this call.'},"
    "'jail_missing': {'type': 'string', 'description': 'Layers of the sandbox that this machine "
    "does not have.'},"
    "'run_id': {'type': 'string', 'description': 'By which the run can be asked for again.'}},"
    "'required': ['status', 'exit_code', 'stdout', 'stderr', 'stdout_truncated', "
    "'stderr_truncated', 'error', 'results', 'files', 'usage']}";

/* JSON with ' for ", so that C can be read. */
static json_t *parse(const char *text) {
    PA_CLEANUP(pa_freep) char *copy = pa_xstrdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *value = json_loads(copy, 0, NULL);
    PA_ASSERT(value);
    return value;
}

json_t *pa_outcome_schema(void) {
    json_t *schema = parse(outcome_schema);
    json_t *status = json_object_get(json_object_get(schema, "properties"), "status");
    for (int i = 0; i < PA_STATUS_COUNT; i++)
        json_array_append_new(json_object_get(status, "enum"), json_string(pa_status_name(i)));
    return schema;
}

/* Whether the tool takes this parameter on this server. */
static bool takes(const struct pa_tool_entry *entry, const char *name) {
    const struct pa_rule *object = &entry->rules.object;
    for (size_t i = 0; i < object->field_count; i++)
        if (pa_streq(object->fields[i].name, name))
            return object->fields[i].rule;
    return false;
}

/* What a call could do, by what the operator lets it, to what outlives the run. */
json_t *pa_tool_annotations(const struct pa_toolbox *toolbox, const struct pa_tool_entry *entry) {
    const struct pa_policy *policy = &toolbox->config.config->policy;
    bool replaces = takes(entry, "volumes") || takes(entry, "session_id") ||
                    (toolbox->config.kv && !policy->deterministic);
    for (size_t i = 0; i < policy->mount_count; i++)
        replaces |= policy->mounts[i].writable;
    const bool read_only = !replaces && !takes(entry, "keep_files");
    return json_pack("{s:s, s:b, s:b, s:b, s:b}", "title", entry->title, "readOnlyHint", read_only,
                     "destructiveHint", replaces, "idempotentHint", read_only, "openWorldHint", 0);
}

/* docs/assets/hello-wasi.wat, compiled. */
static const char hello_wasm[] =
    "AGFzbQEAAAABDAJgBH9/f38Bf2AAAAIjARZ3YXNpX3NuYXBzaG90X3ByZXZpZXcxCGZkX3dyaXRlAAADAgEB"
    "BQMBAAEHEwIGbWVtb3J5AgAGX3N0YXJ0AAEKHQEbAEEAQQg2AgBBBEERNgIAQQFBAEEBQRwQABoLCxcBAEEI"
    "CxFIZWxsbyBmcm9tIFdBU0khCg==";

json_t *pa_tool_examples(const struct pa_tool_entry *entry) {
    if (!entry->pack)
        return json_pack("[{s:s, s:{s:s, s:s}}]", "description", "print Hello from WASI!",
                         "parameters", "wasm_base64", hello_wasm, "stdin", "");
    static const struct {
        const char *language, *description, *code;
    } rows[] = {{"python", "compute", "import math\nprint(f\"10! = {math.factorial(10)}\")"},
                {"javascript", "compute", "console.log([1, 2, 3].map(x => x * x).join(' '))"},
                {"ruby", "compute", "puts (1..10).reduce(:*)"}};
    json_t *examples = json_array();
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++)
        if (pa_streq(rows[i].language, entry->pack->name))
            json_array_append_new(examples,
                                  json_pack("{s:s, s:{s:s}}", "description", rows[i].description,
                                            "parameters", "code", rows[i].code));
    if (pa_streq(entry->pack->name, "python"))
        json_array_append_new(examples,
                              json_pack("{s:s, s:{s:s, s:s, s:[s]}}", "description",
                                        "read standard input and arguments", "parameters", "code",
                                        "import sys\nprint(sys.stdin.read().upper(), sys.argv[1:])",
                                        "stdin", "hello", "argv", "-v"));
    return examples;
}
