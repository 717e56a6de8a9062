/* code_executor: a WebAssembly module, from a request, a file or the store. */
#include "tools/tools_internal.h"

#include "base/io.h"

static const char *const by_path_or_digest[] = {"wasm_path", "wasm_sha256", NULL};
static const char *const by_digest[] = {"wasm_sha256", NULL};
static const char *const stdin_base64[] = {"stdin_base64", NULL};
static const char *const sources[] = {"wasm_base64", "wasm_path", "wasm_sha256", NULL};
static const struct pa_rule_exclusion exclusions[] = {
    {"wasm_base64", by_path_or_digest, "one module is run"},
    {"wasm_path", by_digest, "one module is run"},
    {"stdin", stdin_base64, "there is one standard input"}};

static const struct pa_rule digest_rule = {
    .type = PA_RULE_TEXT,
    .what = "SHA-256 of a module that was stored before (PUT /v1/modules), instead of its bytes.",
    .least = 64,
    .most = 64,
    .form = PA_FORM_DIGEST};

/* --- taking --- */

static void take_upload(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    if (pa_take_base64(call, path, value, &call->module)) {
        call->module_size = call->module.size;
        snprintf(call->name, sizeof(call->name), "module.wasm");
    }
}

static bool is_too_large(struct pa_prepared_call *call, const char *path, uint64_t size) {
    const uint64_t most = call->entry->limits.module_bytes;
    if (size <= most)
        return false;
    char got[64];
    snprintf(got, sizeof(got), "a file of %llu bytes", (unsigned long long)size);
    pa_fault_add(&call->faults, path, got, "at most %llu bytes (the limit module_bytes)",
                 (unsigned long long)most);
    return true;
}

static int read_file(struct pa_prepared_call *call, int fd, uint64_t size, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf bytes = PA_BUF_INIT(size); /* it may have grown */
    if (pa_read_all(fd, "it", &bytes, err) < 0)
        return -1;
    pa_tool_bytes_done(&call->module); /* a caller may have said both */
    call->module.owned = pa_buf_take(&bytes, &call->module.size);
    call->module.bytes = call->module.owned;
    call->module_size = call->module.size;
    return 0;
}

static void take_path(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    const struct pa_folders *folders = call->toolbox->folders;
    const char *name = json_string_value(value);
    uint64_t size = 0;
    struct pa_error err;
    PA_CLEANUP(pa_closep) int fd = pa_folders_open(folders, name, &size, &err);
    if (fd >= 0 && is_too_large(call, path, size))
        return;
    if (fd < 0 || read_file(call, fd, size, &err) < 0) {
        char got[192];
        snprintf(got, sizeof(got), "%.60s: %.120s", name, err.message);
        pa_fault_add(&call->faults, path, got, "a file %s", pa_folders_words(folders));
        return;
    }
    const char *slash = strrchr(name, '/');
    snprintf(call->name, sizeof(call->name), "%.150s", slash ? slash + 1 : name);
}

static void take_digest(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    const char *digest = json_string_value(value);
    call->module_path = pa_folders_stored(call->toolbox->folders, digest, &call->module_size);
    if (!call->module_path) {
        pa_fault_add(&call->faults, path, digest,
                     "the digest of a module that is stored (PUT /v1/modules); this one is not, or "
                     "not any more");
        return;
    }
    snprintf(call->name, sizeof(call->name), "%.16s.wasm", digest);
    snprintf(call->seen.digest, sizeof(call->seen.digest), "%s", digest);
}

static void finish(struct pa_prepared_call *call) {
    if (call->module.bytes)
        pa_digest(call->module.bytes, call->module.size, call->seen.digest);
}

/* --- the run --- */

static int execute(struct pa_prepared_call *call, struct pa_tool_watch *watch,
                   struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_executor *executor = call->toolbox->config.executor;
    struct pa_outputs outputs;
    struct pa_run_request request = {.module = {.name = call->name,
                                                .bytes = call->module.bytes,
                                                .size = call->module_size,
                                                .path = call->module_path,
                                                .digest = call->seen.digest},
                                     .policy = &call->policy,
                                     .argv = call->argv,
                                     .argc = call->argc,
                                     .stdin_fd = -1,
                                     .stdin_bytes = call->stdin_text.bytes,
                                     .stdin_size = call->stdin_text.size,
                                     .files = call->files,
                                     .file_count = call->file_count,
                                     .list_files = true,
                                     .calls = pa_tool_offer(call),
                                     .outputs = pa_tool_outputs(call, &outputs),
                                     .sink = pa_tool_watch_sink(watch),
                                     .cancel_fd = watch->cancel_fd};
    if (pa_module_too_large(call->name, call->module_size, &call->policy, outcome))
        return 0;
    pa_tool_lower_compile_limits(call);
    int done = pa_tool_compile(call, watch, &request.module, &call->policy, outcome, err);
    if (done)
        return PA_MIN(done, 0);
    if (pa_tool_time_left(call->how, &call->policy.limits, err) < 0)
        return -1;
    pa_tool_watch_phase(watch, "running");
    done = pa_execute(executor, &request, outcome, err);
    pa_tool_watch_finish(watch, outcome);
    return done;
}

static int run(struct pa_prepared_call *call, struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_tool_watch watch;
    if (pa_tool_watch_init(&watch, call->how, err) < 0)
        return -1;
    int done = execute(call, &watch, outcome, err);
    pa_tool_watch_done(&watch);
    return done;
}

/* --- the tool --- */

static const char description[] =
    "Runs a WebAssembly module (a WASI preview 1 command, binary or text) in a process of its own "
    "and returns what it printed.  Use it for programs that are compiled to WebAssembly already; "
    "for source code in a language use that language's tool.  The module sees no network and no "
    "host files but those that the operator allows; /workspace and /tmp are its own and gone "
    "afterwards.  Back come status (\"ok\"; \"error\" for an exit code that is not 0; "
    "\"invalid_module\", \"trap\", \"timeout\" or another limit's name, with a message that says "
    "what to change), exit_code, stdout, stderr, the files that it made, and what it used.";

static void add_sources(struct pa_toolbox *toolbox, struct pa_tool_entry *entry) {
    struct pa_tool_rules *rules = &entry->rules;
    const char *folders = pa_folders_words(toolbox->folders);
    rules->upload = (struct pa_rule){
        .type = PA_RULE_TEXT,
        .what = "The module in base64: .wasm, or WebAssembly text.",
        .least = 4,
        .most = PA_MIN((entry->limits.module_bytes + 2) / 3 * 4, PA_RULE_NUMBER_MAX),
        .form = PA_FORM_BASE64,
        .media_type = "application/wasm",
        .bound = "that is the limit module_bytes",
        .secret = true};
    rules->path_text =
        pa_xasprintf("Path of the module on the server, %s.", folders ? folders : "");
    rules->path = (struct pa_rule){.type = PA_RULE_TEXT,
                                   .what = rules->path_text,
                                   .least = 1,
                                   .most = 4095,
                                   .form = PA_FORM_NO_NUL};
    const struct pa_rule_field fields[] = {
        {.name = "wasm_base64", .rule = &rules->upload, .take = take_upload},
        {.name = "wasm_path",
         .rule = folders ? &rules->path : NULL,
         .refused = "no folder of modules is configured (server.module_paths); use wasm_base64",
         .take = take_path},
        {.name = "wasm_sha256",
         .rule = pa_folders_have_store(toolbox->folders) ? &digest_rule : NULL,
         .refused = "modules are not stored here; use wasm_base64",
         .take = take_digest}};
    for (size_t i = 0; i < PA_ARRAY_LEN(fields); i++)
        pa_tool_add_field(rules, fields[i]);
}

void pa_module_tool(struct pa_toolbox *toolbox, struct pa_tool_entry *entry) {
    static const struct pa_tool_kind kind = {finish, run};
    entry->kind = &kind;
    entry->name = pa_xstrdup("code_executor");
    entry->title = pa_xstrdup("Run a WebAssembly module");
    entry->description = pa_xstrdup(description);
    add_sources(toolbox, entry);
    pa_tool_add_common(toolbox, entry, NULL);
    pa_tool_add_field(
        &entry->rules,
        (struct pa_rule_field){
            .name = "session_id",
            .refused = "modules have no sessions, for a module ends when its run does; keep state "
                       "in files and outputs, or use a language's tool"});
    entry->rules.object.exclusions = exclusions;
    entry->rules.object.exclusion_count = PA_ARRAY_LEN(exclusions);
    entry->rules.object.one_of = sources;
}
