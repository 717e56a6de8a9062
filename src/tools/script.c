/* The tools of languages: python_wasi_runner, and one executor for each language. */
#include "tools/tools_internal.h"

#include "base/io.h"
#include "lang/interpreter.h"
#include <unistd.h>

#define CODE_MOST 16777216 /* characters */

static const struct pa_rule code_rule = {.type = PA_RULE_TEXT,
                                         .what = "The program: source code, not a path.",
                                         .most = CODE_MOST,
                                         .secret = true};
static const char *const modes[] = {"expression", "script", NULL};
static const struct pa_rule mode_rule = {
    .type = PA_RULE_CHOICE,
    .what = "expression: as in a notebook, the value of a last expression comes back among the "
            "results.  script: as a file is run.",
    .choices = modes};
static const char *const engines[] = {"interpret", "auto", "transpile", NULL};
static const struct pa_rule engine_rule = {
    .type = PA_RULE_CHOICE,
    .what = "interpret: by CPython.  auto: translated to WebAssembly where the program is simple "
            "enough, which starts sooner, else by CPython; engine in the answer says which.  "
            "transpile: translated, or refused with what is too much for that.",
    .choices = engines};
static const struct pa_rule session_rule = {
    .type = PA_RULE_TEXT,
    .what = "Id or name of a session to run in: variables, imports and files are as the last call "
            "left them.",
    .least = 1,
    .most = 63,
    .form = PA_FORM_WORD};
static const struct pa_rule new_session_rule = {
    .type = PA_RULE_BOOLEAN,
    .what = "Keep what the program leaves behind: session_id in the answer is what later calls go "
            "on with.  A session ends after a while without calls."};

static const char *const stdin_base64[] = {"stdin_base64", NULL};
static const char *const of_sessions[] = {"new_session",   "image",   "env", "seed",
                                          "deterministic", "volumes", NULL};
static const char *const by_base64[] = {"interpreter_wasm_base64", NULL};
static const struct pa_rule_exclusion executor_exclusions[] = {
    {"stdin", stdin_base64, "there is one standard input"},
    {"session_id", of_sessions, "that was decided when the session began"}};
static const struct pa_rule_exclusion runner_exclusions[] = {
    {"stdin", stdin_base64, "there is one standard input"},
    {"interpreter_wasm_path", by_base64, "there is one interpreter"}};

/* What the server does once for a language, or what is the session's. */
static const char *const not_for_scripts[] = {"module_bytes", "compile_ms", "compile_memory_bytes",
                                              NULL};

/* --- taking --- */

static void take_code(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    call->code.bytes = json_string_value(value);
    call->code.size = json_string_length(value);
    pa_digest(call->code.bytes, call->code.size, call->seen.digest);
}

static void take_mode(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    call->mode = pa_streq(json_string_value(value), "expression") ? PA_PROGRAM_EXPRESSION
                                                                  : PA_PROGRAM_SCRIPT;
    call->mode_given = true;
}

static void take_engine(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    struct pa_error err;
    int parsed = pa_python_mode_parse(json_string_value(value), &call->engine, &err);
    PA_ASSERT(parsed == 0); /* the rule has the same words */
}

static void take_image(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    call->image = json_string_value(value);
}

static void take_session(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    call->session_id = json_string_value(value);
}

static void take_new_session(void *context, PA_UNUSED const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    call->new_session = json_is_true(value);
}

static void interpreter_fault(struct pa_prepared_call *call, const char *path,
                              const struct pa_error *err) {
    pa_fault_add(
        &call->faults, path, err->message, "a WebAssembly module of a Python interpreter%s%s",
        pa_folders_words(call->toolbox->folders) ? ", or its path " : "",
        pa_folders_words(call->toolbox->folders) ? pa_folders_words(call->toolbox->folders) : "");
}

/* Its digest tells whether it is compiled already; that of a file is remembered. */
static void look(struct pa_prepared_call *call, const char *path, int fd, const char *name) {
    struct pa_error err;
    const char *cache = call->toolbox->config.config->cache_directory;
    if (pa_interpreter_look(fd, name, cache, call->interpreter, &call->module_size, &err) < 0)
        interpreter_fault(call, path, &err);
    else if (call->module_size > call->toolbox->config.config->policy.limits.module_bytes)
        pa_fault_add(&call->faults, path, "a larger one", "at most %llu bytes (module_bytes)",
                     (unsigned long long)call->toolbox->config.config->policy.limits.module_bytes);
}

/* Takes over the path.  A caller may have said two. */
static void name_interpreter(struct pa_prepared_call *call, char *path) {
    free(call->module_path);
    call->module_path = path;
}

static void take_interpreter_path(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    const char *name = json_string_value(value);
    struct pa_error err;
    PA_CLEANUP(pa_closep)
    int fd = pa_folders_open(call->toolbox->folders, name, &call->module_size, &err);
    PA_CLEANUP(pa_freep) char *link = pa_xasprintf("/proc/self/fd/%d", fd);
    char *real = fd < 0 ? NULL : realpath(link, NULL);
    if (fd >= 0 && !real)
        pa_fail(&err, PA_ERR_NOT_FOUND, "it is not there any more");
    name_interpreter(call, real);
    if (real)
        look(call, path, fd, name);
    else
        interpreter_fault(call, path, &err);
}

static void take_interpreter_base64(void *context, const char *path, const json_t *value) {
    struct pa_prepared_call *call = context;
    struct pa_error err;
    if (!pa_take_base64(call, path, value, &call->module))
        return;
    PA_CLEANUP(pa_closep)
    int fd = pa_memfd_of("interpreter", call->module.bytes, call->module.size, &err);
    if (fd < 0)
        interpreter_fault(call, path, &err);
    else
        look(call, path, fd, "interpreter.wasm");
    name_interpreter(call, pa_xstrdup("interpreter.wasm"));
}

static void finish(struct pa_prepared_call *call) {
    if (call->session_id)
        call->seen.memory_bytes = 0; /* pa_sessions_held_reserve says what it may add */
}

/* --- the tools --- */

static const struct pa_tool_kind kind = {finish, pa_script_run};

/* The images of the language, and the languages that are variants of it. */
static void find_images(const struct pa_toolbox *toolbox, const struct pa_pack *pack,
                        struct pa_tool_rules *rules) {
    const struct pa_packs *packs = toolbox->config.packs;
    const struct pa_config *config = toolbox->config.config;
    struct pa_error ignored;
    for (size_t i = 0; i < config->image_count; i++) {
        const struct pa_pack *its = pa_packs_find(packs, config->images[i].language, &ignored);
        if (its && (its == pack || pa_pack_is_variant_of(its, pack)))
            pa_strv_add(&rules->images, pa_xstrdup(config->images[i].name));
    }
    for (size_t i = 0; i < packs->count; i++)
        if (pa_pack_is_variant_of(&packs->packs[i], pack))
            pa_strv_add(&rules->images, pa_xstrdup(packs->packs[i].name));
    if (!rules->images)
        return;
    /* The first is the default of a choice. */
    char **all = NULL;
    pa_strv_add(&all, pa_xstrdup(pack->name));
    for (char **name = rules->images; *name; name++)
        pa_strv_add(&all, pa_xstrdup(*name));
    pa_strv_free(rules->images);
    rules->images = all;
    rules->image = (struct pa_rule){
        .type = PA_RULE_CHOICE,
        .what = "What the program runs in: the language itself, another version of it, or a "
                "configured image with packages and modules of its own.",
        .choices = (const char *const *)rules->images};
}

static void describe_executor(const struct pa_pack *pack, bool sessions,
                              struct pa_tool_entry *entry) {
    entry->title = pa_xasprintf("Run %s", pack->name);
    entry->description = pa_xasprintf(
        "Runs a program in %s: %s.  Use it to compute, to work on data, or to check code by "
        "running it.  Each call is a process of its own without network and host files; "
        "/workspace and /tmp are its own; nothing can be installed while it runs.  %sBack come "
        "status (\"ok\"; \"error\" with name, value and traceback of an exception; \"timeout\", "
        "\"out_of_memory\" or another limit's name, with a message that says what to change), "
        "stdout, stderr, results such as values and figures, the files that it made, and what it "
        "used.  Print what you want to see.",
        pack->name, pack->summary,
        sessions ? "Nothing stays between calls unless new_session or session_id says so.  "
                 : "Nothing stays between calls.  ");
}

void pa_executor_tool(struct pa_toolbox *toolbox, struct pa_tool_entry *entry,
                      const struct pa_pack *pack) {
    struct pa_tool_rules *rules = &entry->rules;
    const bool sessions = toolbox->config.sessions != NULL;
    static const char no_sessions[] = "this server keeps no sessions";
    entry->kind = &kind;
    entry->pack = pack;
    entry->name = pa_executor_tool_name(pack);
    describe_executor(pack, sessions, entry);
    find_images(toolbox, pack, rules);
    const struct pa_rule_field fields[] = {
        {.name = "code", .rule = &code_rule, .required = true, .take = take_code},
        {.name = "mode", .rule = &mode_rule, .take = take_mode},
        {.name = "image",
         .rule = rules->images ? &rules->image : NULL,
         .refused = "no image of this language is configured (images)",
         .take = take_image},
        {.name = "session_id",
         .rule = sessions ? &session_rule : NULL,
         .refused = no_sessions,
         .take = take_session},
        {.name = "new_session",
         .rule = sessions ? &new_session_rule : NULL,
         .refused = no_sessions,
         .take = take_new_session}};
    for (size_t i = 0; i < PA_ARRAY_LEN(fields); i++)
        pa_tool_add_field(rules, fields[i]);
    pa_tool_add_common(toolbox, entry, not_for_scripts);
    rules->object.exclusions = executor_exclusions;
    rules->object.exclusion_count = PA_ARRAY_LEN(executor_exclusions) - (sessions ? 0 : 1);
}

static void add_interpreter(struct pa_toolbox *toolbox, struct pa_tool_entry *entry) {
    struct pa_tool_rules *rules = &entry->rules;
    const char *folders = pa_folders_words(toolbox->folders);
    const uint64_t most = toolbox->config.config->policy.limits.module_bytes;
    rules->path_text = pa_xasprintf("Path of a Python interpreter on the server, %s, in place of "
                                    "the one that is there.",
                                    folders ? folders : "");
    rules->path = (struct pa_rule){.type = PA_RULE_TEXT,
                                   .what = rules->path_text,
                                   .least = 1,
                                   .most = 4095,
                                   .form = PA_FORM_NO_NUL};
    rules->upload = (struct pa_rule){.type = PA_RULE_TEXT,
                                     .what = "A Python interpreter as a WebAssembly module, in "
                                             "base64, in place of the one that is there.",
                                     .least = 12,
                                     .most = PA_MIN((most + 2) / 3 * 4, PA_RULE_NUMBER_MAX),
                                     .form = PA_FORM_BASE64,
                                     .media_type = "application/wasm",
                                     .bound = "that is the limit module_bytes",
                                     .secret = true};
    const struct pa_rule_field fields[] = {
        {.name = "interpreter_wasm_path",
         .rule = folders ? &rules->path : NULL,
         .refused = "no folder of modules is configured (server.module_paths); use "
                    "interpreter_wasm_base64, or neither",
         .take = take_interpreter_path},
        {.name = "interpreter_wasm_base64",
         .rule = &rules->upload,
         .take = take_interpreter_base64}};
    for (size_t i = 0; i < PA_ARRAY_LEN(fields); i++)
        pa_tool_add_field(rules, fields[i]);
}

static const char runner[] =
    "Runs a Python program on a CPython that is WebAssembly and returns what it printed.  Use it "
    "like python_executor; it keeps no sessions, and takes an interpreter of your own "
    "(interpreter_wasm_path or interpreter_wasm_base64) in place of the one that is there.  Each "
    "call is a process of its own without network and host files; /workspace and /tmp are its own. "
    " Back come status (\"ok\"; \"error\" with name, value and traceback of an exception; "
    "\"timeout\", \"out_of_memory\" or another limit's name, with a message that says what to "
    "change), exit_code, stdout, stderr, the files that it made, and what it used.";

void pa_runner_tool(struct pa_toolbox *toolbox, struct pa_tool_entry *entry,
                    const struct pa_pack *pack) {
    struct pa_tool_rules *rules = &entry->rules;
    entry->kind = &kind;
    entry->pack = pack;
    entry->own_interpreter = true;
    entry->name = pa_xstrdup("python_wasi_runner");
    entry->title = pa_xstrdup("Run Python on WASI");
    entry->description = pa_xstrdup(runner);
    pa_tool_add_field(rules,
                      (struct pa_rule_field){
                          .name = "code", .rule = &code_rule, .required = true, .take = take_code});
    pa_tool_add_field(
        rules, (struct pa_rule_field){.name = "mode", .rule = &engine_rule, .take = take_engine});
    add_interpreter(toolbox, entry);
    pa_tool_add_common(toolbox, entry, not_for_scripts);
    pa_tool_add_field(rules, (struct pa_rule_field){
                                 .name = "session_id",
                                 .refused = "this tool keeps no sessions; use python_executor"});
    rules->object.exclusions = runner_exclusions;
    rules->object.exclusion_count =
        PA_ARRAY_LEN(runner_exclusions) - (pa_folders_words(toolbox->folders) ? 0 : 1);
}
