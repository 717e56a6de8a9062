/*
 * Everything that is served, in one table a door: what a request is matched against, and what the
 * OpenAPI document is made of.  A method of a path that is not here is 405, a path that is not here
 * 404.
 */
#include "server/http/http_internal.h"
#include "server/http/mcp.h"
#include "server/http/sessions.h"

#define INTEGER(least, most) "{\"type\":\"integer\",\"minimum\":" #least ",\"maximum\":" #most "}"
#define TEXT                 "{\"type\":\"string\"}"
#define OBJECT               "{\"type\":\"object\"}"
#define ANYTHING             "{}"
#define BYTES                "application/octet-stream"

/* --- query parameters and headers ------------------------------------------------------------- */

#define TIMEOUT                                                                                    \
    {                                                                                              \
        "timeout_ms", INTEGER(1, 86400000),                                                        \
            "how long the call may take, waiting included; what is not done by then ends", false   \
    }
#define TRACE                                                                                      \
    { "traceparent", TEXT, "the trace that this call belongs to (W3C trace context)", true }
#define END                                                                                        \
    { NULL, NULL, NULL, false }

static const struct pa_http_parameter of_run[] = {
    TIMEOUT,
    {"stream", "{\"enum\":[\"ndjson\",\"sse\"]}",
     "events as they happen: lines of JSON, or server-sent events", false},
    {"Prefer", TEXT, "respond-async: 202 at once, with where to look", true},
    TRACE,
    END,
};

static const struct pa_http_parameter of_call[] = {TIMEOUT, TRACE, END};
static const struct pa_http_parameter of_wait[] = {TIMEOUT, END}; /* behind a turn */

#define PATH                                                                                       \
    {                                                                                              \
        "path", TEXT, "absolute, or relative to /workspace; where it may be left out: /workspace", \
            false                                                                                  \
    }

static const struct pa_http_parameter of_path[] = {PATH, TIMEOUT, END};
static const struct pa_http_parameter of_read[] = {
    PATH, TIMEOUT, {"Range", TEXT, "bytes=FIRST-LAST: a part of it", true}, END};
static const struct pa_http_parameter of_write[] = {
    PATH,
    TIMEOUT,
    {"offset", INTEGER(0, 9223372036854775807), "write there and keep the rest", false},
    END};
static const struct pa_http_parameter of_remove[] = {
    PATH,
    TIMEOUT,
    {"recursive", "{\"type\":\"boolean\"}", "a folder with what is in it", false},
    END};
static const struct pa_http_parameter of_list[] = {
    PATH, TIMEOUT, {"depth", INTEGER(1, 64), "1: what is in the folder itself", false}, END};
static const struct pa_http_parameter of_search[] = {
    PATH,
    TIMEOUT,
    {"glob", TEXT, "of the names of files: *.py", false},
    {"text", TEXT, "that a line has in it", false},
    {"limit", INTEGER(1, 10000), "files at most", false},
    END};

/* --- the tables ------------------------------------------------------------------------------- */

static const struct pa_http_route api[] = {
    {"POST", "/v1/tools/{name}", "tools", PA_HTTP_JSON, pa_http_post_tool, "callTool", "tools",
     "Run a tool. 200 with the outcome, however the guest's code ended.", of_run, "#tool", 200,
     NULL, "#outcome"},
    {"GET", "/v1/tools", "tools", PA_HTTP_NOTHING, pa_http_get_tools, "listTools", "tools",
     "The tools that this caller may use, with their schemas.", NULL, NULL, 200, NULL, "#tools"},
    {"GET", "/v1/tools/{name}", "tools", PA_HTTP_NOTHING, pa_http_get_tool, "describeTool", "tools",
     "One tool.", NULL, NULL, 200, NULL, "#description"},
    {"GET", "/v1/languages", "tools", PA_HTTP_NOTHING, pa_http_get_languages, "listLanguages",
     "tools", "The languages there are, installed or not.", NULL, NULL, 200, NULL, "#languages"},
    {"POST", "/v1/tasks", "tools", PA_HTTP_JSON, pa_http_post_task, "submitTask", "tasks",
     "Run what a sentence asks for: \"Use python_wasi_runner to execute: print(1)\".", of_run,
     "#task", 200, NULL, "#task_outcome"},
    {"GET", "/v1/runs/{id}", "runs", PA_HTTP_NOTHING, pa_http_get_run, "getRun", "runs",
     "A run that goes on, or ended a short while ago.", NULL, NULL, 200, NULL, "#run"},
    {"DELETE", "/v1/runs/{id}", "runs", PA_HTTP_NOTHING, pa_http_delete_run, "cancelRun", "runs",
     "Cancel a run.", NULL, NULL, 204, NULL, NULL},
    {"POST", "/v1/runs/{id}/calls/{call_id}", "tools", PA_HTTP_JSON, pa_http_answer_call,
     "answerCall", "runs", "Answer a call of a run's program to a tool that its caller offers.",
     NULL, "#answer", 204, NULL, NULL},
    {"GET", "/v1/runs/{id}/files/{path}", "runs", PA_HTTP_NOTHING, pa_http_get_run_file,
     "getRunFile", "runs", "A file that a run with keep_files made or changed.", NULL, NULL, 200,
     BYTES, ANYTHING},
    {"GET", "/v1/volumes", "tools", PA_HTTP_NOTHING, pa_http_get_volumes, "listVolumes", "volumes",
     "The volumes of this caller.", NULL, NULL, 200, NULL, "#volumes"},
    {"DELETE", "/v1/volumes/{name}", "tools", PA_HTTP_NOTHING, pa_http_delete_volume,
     "removeVolume", "volumes", "Remove a volume, with all that is in it.", NULL, NULL, 204, NULL,
     NULL},
    {"POST", "/v1/sessions", "sessions", PA_HTTP_JSON, pa_http_post_session, "createSession",
     "sessions", "Begin a session: a process that waits for programs and keeps what they leave.",
     of_call, "#new_session", 201, NULL, "#session"},
    {"GET", "/v1/sessions", "sessions", PA_HTTP_NOTHING, pa_http_get_sessions, "listSessions",
     "sessions", "The sessions of this caller.", NULL, NULL, 200, NULL, "#sessions"},
    {"POST", "/v1/sessions/branches", "sessions", PA_HTTP_JSON, pa_http_execute_branches,
     "executeBranches", "sessions", "Run a program in each of several sessions, side by side.",
     of_call, "#branches", 200, NULL, "#branch_outcomes"},
    {"GET", "/v1/sessions/{id}", "sessions", PA_HTTP_NOTHING, pa_http_get_session, "getSession",
     "sessions", "A session, by its id or name.", NULL, NULL, 200, NULL, "#session"},
    {"DELETE", "/v1/sessions/{id}", "sessions", PA_HTTP_NOTHING, pa_http_delete_session,
     "endSession", "sessions", "End a session.", NULL, NULL, 204, NULL, NULL},
    {"POST", "/v1/sessions/{id}/execute", "sessions", PA_HTTP_JSON, pa_http_execute,
     "executeInSession", "sessions",
     "Run a program in a session: the parameters of its language's executor tool.", of_run, "#turn",
     200, NULL, "#outcome"},
    {"POST", "/v1/sessions/{id}/fork", "sessions", PA_HTTP_JSON, pa_http_fork, "forkSession",
     "sessions", "Copies of a session at the state it is in, independent from then on.", of_wait,
     "#fork", 201, NULL, "#forks"},
    {"POST", "/v1/sessions/{id}/interrupt", "sessions", PA_HTTP_NOTHING, pa_http_interrupt,
     "interruptSession", "sessions", "Stop the program that runs in a session.", NULL, NULL, 200,
     NULL, OBJECT},
    {"GET", "/v1/sessions/{id}/tree", "sessions", PA_HTTP_NOTHING, pa_http_get_tree, "getTree",
     "sessions", "All sessions that descend from the same one.", NULL, NULL, 200, NULL, OBJECT},
    {"GET", "/v1/sessions/{id}/variables", "sessions", PA_HTTP_NOTHING, pa_http_get_variables,
     "getVariables", "sessions", "The variables of the program in a session.", of_call, NULL, 200,
     NULL, OBJECT},
    {"POST", "/v1/sessions/{id}/complete", "sessions", PA_HTTP_JSON, pa_http_is_complete,
     "isComplete", "sessions",
     "Whether a text is a whole program, or more lines are to come: for prompts.", of_call, "#turn",
     200, NULL, OBJECT},
    {"PUT", "/v1/sessions/{id}/checkpoints/{name}", "sessions", PA_HTTP_NOTHING, pa_http_keep,
     "keepCheckpoint", "sessions", "Keep the state of a session under a name.", of_wait, NULL, 204,
     NULL, NULL},
    {"POST", "/v1/sessions/{id}/checkpoints/{name}", "sessions", PA_HTTP_NOTHING, pa_http_go_back,
     "restoreCheckpoint", "sessions", "Make a session what it was at a checkpoint.", of_wait, NULL,
     204, NULL, NULL},
    {"DELETE", "/v1/sessions/{id}/checkpoints/{name}", "sessions", PA_HTTP_NOTHING, pa_http_drop,
     "dropCheckpoint", "sessions", "Drop a checkpoint.", of_wait, NULL, 204, NULL, NULL},
    {"GET", "/v1/sessions/{id}/files", "sessions", PA_HTTP_NOTHING, pa_http_get_file, "readFile",
     "files", "The contents of a file of a session.", of_read, NULL, 200, BYTES, ANYTHING},
    {"PUT", "/v1/sessions/{id}/files", "sessions", PA_HTTP_BYTES, pa_http_put_file, "writeFile",
     "files", "Write a file of a session; its folders are made.", of_write, ANYTHING, 200, NULL,
     OBJECT},
    {"DELETE", "/v1/sessions/{id}/files", "sessions", PA_HTTP_NOTHING, pa_http_delete_file,
     "removeFile", "files", "Remove a file or a folder of a session.", of_remove, NULL, 204, NULL,
     NULL},
    {"GET", "/v1/sessions/{id}/files/list", "sessions", PA_HTTP_NOTHING, pa_http_list_files,
     "listFiles", "files", "What is in a folder of a session.", of_list, NULL, 200, NULL, "#files"},
    {"GET", "/v1/sessions/{id}/files/stat", "sessions", PA_HTTP_NOTHING, pa_http_stat_file,
     "statFile", "files", "What a path of a session is.", of_path, NULL, 200, NULL, OBJECT},
    {"GET", "/v1/sessions/{id}/files/search", "sessions", PA_HTTP_NOTHING, pa_http_search_files,
     "searchFiles", "files", "Files of a session by their names and by text in them.", of_search,
     NULL, 200, NULL, "#files"},
    {"PUT", "/v1/sessions/{id}/files/folder", "sessions", PA_HTTP_NOTHING, pa_http_make_folder,
     "makeFolder", "files", "Make a folder in a session.", of_path, NULL, 204, NULL, NULL},
    {"POST", "/v1/sessions/{id}/files/rename", "sessions", PA_HTTP_JSON, pa_http_rename_file,
     "renameFile", "files", "Move a file or a folder of a session.", of_wait, "#rename", 204, NULL,
     NULL},
    {"POST", "/v1/sessions/{id}/files/edit", "sessions", PA_HTTP_JSON, pa_http_edit_file,
     "editFile", "files", "Replace text in a file of a session.", of_wait, "#edit", 200, NULL,
     OBJECT},
    {"GET", "/v1/sessions/{id}/files/archive", "sessions", PA_HTTP_NOTHING, pa_http_get_archive,
     "getArchive", "files", "A folder of a session as a tar archive.", of_path, NULL, 200,
     "application/x-tar", ANYTHING},
    {"PUT", "/v1/sessions/{id}/files/archive", "sessions", PA_HTTP_BYTES, pa_http_put_archive,
     "putArchive", "files", "Unpack a tar archive into a folder of a session.", of_path, ANYTHING,
     200, NULL, OBJECT},
    {"PUT", "/v1/modules", "modules", PA_HTTP_BYTES, pa_http_put_module, "storeModule", "modules",
     "Store a WebAssembly module (as the body, or as the part \"module\" of a form) to be named by "
     "its digest.",
     NULL, ANYTHING, 201, NULL, "#module"},
    {"GET", "/v1/modules/{sha256}", "modules", PA_HTTP_NOTHING, pa_http_get_module, "getModule",
     "modules", "Whether a module is stored.", NULL, NULL, 200, NULL, "#module"},
    {"GET", "/healthz", NULL, PA_HTTP_NOTHING, pa_http_get_health, "health", "operations",
     "The process lives.", NULL, NULL, 200, NULL, "#status"},
    {"GET", "/readyz", NULL, PA_HTTP_NOTHING, pa_http_get_ready, "ready", "operations",
     "It can serve; 503 says why not.", NULL, NULL, 200, NULL, "#status"},
    {"GET", "/metrics", "metrics", PA_HTTP_NOTHING, pa_http_get_metrics, "metrics", "operations",
     "Metrics in Prometheus' text format.", NULL, NULL, 200, "text/plain", TEXT},
    {"GET", "/openapi.json", NULL, PA_HTTP_NOTHING, pa_http_get_openapi, "openapi", "operations",
     "This document.", NULL, NULL, 200, NULL, OBJECT},
    {"POST", "/mcp", "tools", PA_HTTP_BYTES, pa_http_post_mcp, "mcp", "mcp",
     "The Model Context Protocol: one JSON-RPC message.", NULL, ANYTHING, 200, NULL, ANYTHING},
    {"DELETE", "/mcp", "tools", PA_HTTP_NOTHING, pa_http_delete_mcp, "endMcp", "mcp",
     "End a session of the Model Context Protocol.", NULL, NULL, 204, NULL, NULL},
    {.method = NULL},
};

static const struct pa_http_route e2b[] = {
    {"GET", "/health", NULL, PA_HTTP_NOTHING, pa_http_e2b_health, .reply_status = 200},
    {"POST", "/execute", "tools", PA_HTTP_JSON, pa_http_e2b_execute, .reply_status = 200},
    {"POST", "/contexts", "tools", PA_HTTP_JSON, pa_http_e2b_new_context, .reply_status = 201},
    {"GET", "/contexts", "tools", PA_HTTP_NOTHING, pa_http_e2b_contexts, .reply_status = 200},
    {"DELETE", "/contexts/{id}", "tools", PA_HTTP_NOTHING, pa_http_e2b_end_context,
     .reply_status = 204},
    {"POST", "/contexts/{id}/restart", "tools", PA_HTTP_NOTHING, pa_http_e2b_restart,
     .reply_status = 204},
    {.method = NULL},
};

const struct pa_http_route *pa_http_routes(enum pa_http_kind kind) {
    return kind == PA_HTTP_E2B ? e2b : api;
}

static void add_method(char **list, const char *method) {
    char *longer = *list ? pa_xasprintf("%s, %s", *list, method) : pa_xstrdup(method);
    free(*list);
    *list = longer;
}

const struct pa_http_route *pa_http_find_route(enum pa_http_kind kind, const char *method,
                                               const struct pa_http_target *target,
                                               const char *params[PA_HTTP_MAX_PARAMS],
                                               char **ret_allow) {
    PA_CLEANUP(pa_freep) char *allow = NULL;
    const char *wanted = pa_streq(method, "HEAD") ? "GET" : method;
    for (const struct pa_http_route *route = pa_http_routes(kind); route->method; route++) {
        if (!pa_http_target_match(target, route->pattern, params))
            continue;
        if (pa_streq(route->method, wanted))
            return route;
        add_method(&allow, route->method);
        if (pa_streq(route->method, "GET"))
            add_method(&allow, "HEAD");
    }
    *ret_allow = pa_steal(&allow);
    return NULL;
}
