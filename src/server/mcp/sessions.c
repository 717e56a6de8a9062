/*
 * Sessions for models: tools that begin, fork, look at and end them.  What runs in one is a call of
 * its language's executor with its session_id.
 *
 * One row a tool: its rules, which are also its schema, and what it does with arguments that keep
 * them.  Each answers with an object.
 */
#include "server/mcp/mcp_internal.h"

#include "base/base64.h"
#include "server/new_session.h"
#include "tools/rule.h"

#define MAX_FILE (1u << 20) /* bytes, of one read or write */

struct asked {
    struct pa_mcp *session;
    struct pa_sessions *sessions;
    const char *owner;
    struct pa_session_asker asker; /* that owner, until its client gives up */
    const json_t *arguments;
    const char *id; /* session_id, or NULL */
    int cancel_fd;
    json_t **faults;
};

static const char *text_of(const struct asked *asked, const char *name) {
    return json_string_value(json_object_get(asked->arguments, name));
}

/* --- what they do ----------------------------------------------------------------------------- */

static int begin(const struct asked *asked, json_t **ret, struct pa_error *err) {
    const struct pa_new_session_how how = {.deadline_ns = PA_NEVER, .cancel_fd = asked->cancel_fd};
    return pa_service_new_session(asked->session->config.service, asked->session->config.caller,
                                  asked->arguments, &how, ret, asked->faults, err);
}

static int list(const struct asked *asked, json_t **ret, struct pa_error *err) {
    *ret = json_pack("{s:o}", "sessions", pa_sessions_list(asked->sessions, asked->owner));
    return 0;
}

static int inspect(const struct asked *asked, json_t **ret, struct pa_error *err) {
    json_t *variables;
    if (pa_sessions_inspect(asked->sessions, asked->owner, asked->id, ret, err) < 0)
        return -1;
    if (!json_is_true(json_object_get(asked->arguments, "variables")))
        return 0;
    if (pa_sessions_variables(asked->sessions, asked->owner, asked->id, PA_NEVER, asked->cancel_fd,
                              &variables, err) < 0) {
        json_decref(*ret);
        return -1;
    }
    json_object_set_new(*ret, "variables", variables);
    return 0;
}

static int fork_it(const struct asked *asked, json_t **ret, struct pa_error *err) {
    char ids[PA_SESSION_FORKS][PA_SESSION_ID_TEXT];
    const json_t *given = json_object_get(asked->arguments, "count");
    size_t count = given ? (size_t)pa_rule_number(given) : 1;
    if (pa_sessions_fork(asked->sessions, &asked->asker, asked->id, count, NULL, ids, err) < 0)
        return -1;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(ids[i]));
    *ret = json_pack("{s:o}", "session_ids", list);
    return 0;
}

static int tree(const struct asked *asked, json_t **ret, struct pa_error *err) {
    return pa_sessions_tree(asked->sessions, asked->owner, asked->id, ret, err);
}

static int end(const struct asked *asked, json_t **ret, struct pa_error *err) {
    if (pa_sessions_end(asked->sessions, asked->owner, asked->id, err) < 0)
        return -1;
    *ret = json_pack("{s:s}", "ended", asked->id);
    return 0;
}

static int interrupt(const struct asked *asked, json_t **ret, struct pa_error *err) {
    bool running;
    if (pa_sessions_interrupt(asked->sessions, asked->owner, asked->id, &running, err) < 0)
        return -1;
    *ret = json_pack("{s:b}", "was_running", running);
    return 0;
}

static int checkpoint(const struct asked *asked, json_t **ret, struct pa_error *err) {
    const char *action = text_of(asked, "action"), *name = text_of(asked, "checkpoint");
    int done = pa_streq(action, "keep")
                   ? pa_sessions_keep(asked->sessions, &asked->asker, asked->id, name, err)
               : pa_streq(action, "go_back")
                   ? pa_sessions_go_back(asked->sessions, &asked->asker, asked->id, name, err)
                   : pa_sessions_drop(asked->sessions, &asked->asker, asked->id, name, err);
    return done < 0 ? -1 : pa_sessions_inspect(asked->sessions, asked->owner, asked->id, ret, err);
}

static int list_files(const struct asked *asked, json_t **ret, struct pa_error *err) {
    const char *path = text_of(asked, "path");
    json_t *files;
    if (pa_sessions_file_list(asked->sessions, &asked->asker, asked->id, path ? path : "/workspace",
                              1, &files, err) < 0)
        return -1;
    *ret = json_pack("{s:o}", "files", files);
    return 0;
}

/* As text where it is, else as base64. */
static int read_it(const struct asked *asked, json_t **ret, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf bytes = PA_BUF_INIT(MAX_FILE + 1);
    struct pa_session_file file;
    if (pa_sessions_file_get(asked->sessions, &asked->asker, asked->id, text_of(asked, "path"), 0,
                             MAX_FILE, &bytes, &file, err) < 0)
        return -1;
    json_t *text = json_stringn(pa_buf_text(&bytes), bytes.size);
    *ret =
        json_pack("{s:I, s:b}", "size", (json_int_t)file.size, "truncated", file.size > bytes.size);
    if (text) {
        json_object_set_new(*ret, "content", text);
    } else {
        PA_CLEANUP(pa_freep) char *encoded = pa_base64_encode(bytes.data, bytes.size);
        json_object_set_new(*ret, "content_base64", json_string(encoded));
    }
    return 0;
}

static int write_it(const struct asked *asked, json_t **ret, struct pa_error *err) {
    const json_t *content = json_object_get(asked->arguments, "content");
    const char *path = text_of(asked, "path");
    size_t size = json_string_length(content);
    if (pa_sessions_file_put(asked->sessions, &asked->asker, asked->id, path, 0, true,
                             json_string_value(content), size, err) < 0)
        return -1;
    *ret = json_pack("{s:s, s:I}", "path", path, "size", (json_int_t)size);
    return 0;
}

/* --- what they take --------------------------------------------------------------------------- */

#define TEXT(name, about)                                                                          \
    static const struct pa_rule name = {                                                           \
        .type = PA_RULE_TEXT, .what = about, .least = 1, .most = 4096, .form = PA_FORM_NO_NUL}
TEXT(id_rule, "The session: its session_id, or its name.");
TEXT(language_rule, "python, javascript or ruby, or another language that this server has.");
TEXT(name_rule, "A name for it, which can be used in place of its session_id.");
TEXT(image_rule,
     "An image of this server's configuration: packages, and modules imported already.");
TEXT(path_rule, "A path, relative to /workspace, or absolute below /workspace or /tmp.");
TEXT(checkpoint_rule, "The checkpoint's name.");
#undef TEXT
static const char *const actions[] = {"keep", "go_back", "drop", NULL};
static const struct pa_rule
    action_rule = {.type = PA_RULE_CHOICE,
                   .what = "keep: remember the session as it is now. go_back: make it what it was "
                           "then. drop: forget that.",
                   .choices = actions},
    recover_rule = {.type = PA_RULE_BOOLEAN,
                    .what = "Whether a turn that is killed at a limit takes the session back to "
                            "where it was before it, in place of ending it."},
    variables_rule = {.type = PA_RULE_BOOLEAN, .what = "Whether to list its variables, too."},
    count_rule = {.type = PA_RULE_INTEGER,
                  .what = "How many copies; 1 unless said otherwise.",
                  .least = 1,
                  .most = PA_SESSION_FORKS},
    content_rule = {.type = PA_RULE_TEXT, .what = "The whole content.", .most = MAX_FILE};

static const struct pa_rule_field
    begin_fields[] = {{.name = "language", .rule = &language_rule, .required = true},
                      {.name = "name", .rule = &name_rule},
                      {.name = "image", .rule = &image_rule},
                      {.name = "recover", .rule = &recover_rule}},
    id_fields[] = {{.name = "session_id", .rule = &id_rule, .required = true}},
    inspect_fields[] = {{.name = "session_id", .rule = &id_rule, .required = true},
                        {.name = "variables", .rule = &variables_rule}},
    fork_fields[] = {{.name = "session_id", .rule = &id_rule, .required = true},
                     {.name = "count", .rule = &count_rule}},
    checkpoint_fields[] = {{.name = "session_id", .rule = &id_rule, .required = true},
                           {.name = "action", .rule = &action_rule, .required = true},
                           {.name = "checkpoint", .rule = &checkpoint_rule, .required = true}},
    list_files_fields[] = {{.name = "session_id", .rule = &id_rule, .required = true},
                           {.name = "path", .rule = &path_rule}},
    read_fields[] = {{.name = "session_id", .rule = &id_rule, .required = true},
                     {.name = "path", .rule = &path_rule, .required = true}},
    write_fields[] = {{.name = "session_id", .rule = &id_rule, .required = true},
                      {.name = "path", .rule = &path_rule, .required = true},
                      {.name = "content", .rule = &content_rule, .required = true}};

static const struct tool {
    const char *name, *title, *description;
    const struct pa_rule_field *fields;
    size_t field_count;
    bool read_only, destructive, idempotent;
    int (*act)(const struct asked *asked, json_t **ret, struct pa_error *err);
} tools[] = {
#define FIELDS(list) (list), PA_ARRAY_LEN(list)
    {"session_create", "Begin a session",
     "Begins a session: a process that keeps variables, imports and files between calls. Run code "
     "in it by giving its session_id to the language's executor tool. It ends by session_end, or "
     "when it is idle for long.",
     FIELDS(begin_fields), false, false, false, begin},
    {"session_fork", "Fork a session",
     "Copies a session as it is now, files included, in about a millisecond. Use it to try several "
     "ways from one state: the copies are independent of it and of each other.",
     FIELDS(fork_fields), false, false, false, fork_it},
    {"session_checkpoint", "Keep or restore a session's state",
     "Keeps the state of a session under a name, goes back to it, or drops it.",
     FIELDS(checkpoint_fields), false, true, true, checkpoint},
    {"session_list", "List sessions", "The sessions there are, with their state.", NULL, 0, true,
     false, true, list},
    {"session_inspect", "Look at a session",
     "State, memory, turns and checkpoints of a session and, if asked for, its variables.",
     FIELDS(inspect_fields), true, false, true, inspect},
    {"session_tree", "Show the tree of forks",
     "All sessions that were forked from the same one, with their parents.", FIELDS(id_fields),
     true, false, true, tree},
    {"session_interrupt", "Interrupt a session", "Stops what runs in a session now.",
     FIELDS(id_fields), false, true, false, interrupt},
    {"session_end", "End a session", "Ends a session; its variables and files are gone.",
     FIELDS(id_fields), false, true, true, end},
    {"session_list_files", "List files of a session", "The files in a folder of a session.",
     FIELDS(list_files_fields), true, false, true, list_files},
    {"session_read_file", "Read a file of a session",
     "The content of a file: text, or base64 where it is not text; at most 1 MiB of it.",
     FIELDS(read_fields), true, false, true, read_it},
    {"session_write_file", "Write a file of a session",
     "Writes a text file, making it and its folders where they are not there.",
     FIELDS(write_fields), false, true, true, write_it},
#undef FIELDS
};

/* --- for the session of the protocol ------------------------------------------------------------
 */

static struct pa_rule rule_of(const struct tool *tool) {
    return (struct pa_rule){
        .type = PA_RULE_OBJECT, .fields = tool->fields, .field_count = tool->field_count};
}

static bool has_sessions(const struct pa_mcp *session) {
    return pa_service_sessions(session->config.service) &&
           pa_caller_may(session->config.caller, "sessions");
}

void pa_mcp_list_session_tools(struct pa_mcp *session, json_t *list) {
    for (size_t i = 0; i < PA_ARRAY_LEN(tools) && has_sessions(session); i++) {
        const struct tool *tool = &tools[i];
        const struct pa_rule rule = rule_of(tool);
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:o, s:{s:s}, s:{s:b, s:b, s:b, s:b}}", "name", tool->name,
                      "title", tool->title, "description", tool->description, "inputSchema",
                      pa_rule_schema(&rule), "outputSchema", "type", "object", "annotations",
                      "readOnlyHint", tool->read_only, "destructiveHint", tool->destructive,
                      "idempotentHint", tool->idempotent, "openWorldHint", 0));
    }
}

static const struct tool *find(const struct pa_mcp *session, const char *name) {
    for (size_t i = 0; i < PA_ARRAY_LEN(tools); i++)
        if (pa_streq(tools[i].name, name) && has_sessions(session))
            return &tools[i];
    return NULL;
}

bool pa_mcp_is_session_tool(const struct pa_mcp *session, const char *name) {
    return find(session, name);
}

int pa_mcp_call_session_tool(struct pa_mcp *session, const char *name, const json_t *arguments,
                             int cancel_fd, json_t **ret, json_t **ret_faults,
                             struct pa_error *err) {
    const struct tool *tool = find(session, name);
    const struct pa_rule rule = rule_of(tool);
    struct pa_faults faults = {.list = json_array()};
    pa_rule_check(&rule, arguments, "", &faults, NULL);
    if (faults.count) {
        *ret_faults = faults.list;
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%zu of the arguments are wrong",
                       faults.count);
    }
    json_decref(faults.list);
    const char *owner = pa_caller_name(session->config.caller);
    const struct asked asked = {.session = session,
                                .sessions = pa_service_sessions(session->config.service),
                                .owner = owner,
                                .asker = {owner, PA_NEVER, cancel_fd},
                                .arguments = arguments,
                                .id = json_string_value(json_object_get(arguments, "session_id")),
                                .cancel_fd = cancel_fd,
                                .faults = ret_faults};
    return tool->act(&asked, ret, err);
}
