/* polyagent session: sessions of a running server.  The table of what there is, and the actions
 * that are one request. */
#include "cli/session.h"

#include "base/units.h"
#include <ctype.h>

const char pa_session_usage[] =
    "Usage: polyagent session ACTION [OPTIONS] ...\n\n"
    "Sessions of a running server ('polyagent serve'): processes that keep variables, imports and\n"
    "files between programs, and that can be forked.  ID is an id or a name.\n\n"
    "  new [LANGUAGE]             begin one (default: python); prints its id\n"
    "        --name NAME --label NAME=VALUE --image IMAGE --env NAME=VALUE --recover\n"
    "        --idle TIME --life TIME --memory SIZE --timeout TIME --cpu-time TIME\n"
    "        --limit NAME=VALUE --deterministic --seed N\n"
    "  exec ID [OPTIONS] [-c CODE | FILE | -] [ARGUMENT...]   run a program in it; the value of\n"
    "                             a last expression is shown, and the exit status is the program's\n"
    "        --script --stdin FILE --timeout TIME --cpu-time TIME --limit NAME=VALUE\n"
    "  attach ID                  a prompt in it, which leaves it alive at the end\n"
    "  fork ID [-n COUNT]         copies of it at the state it is in; prints their ids, one a line\n"
    "        --label NAME=VALUE\n"
    "  tree ID                    what it comes from and what came of it\n"
    "  list                       all of them\n"
    "  inspect ID [--variables]   what is known of one; its variables\n"
    "  interrupt ID               stop the program that runs in it\n"
    "  checkpoint ID keep|back|drop NAME   keep its state under a name, go back to it, drop it\n"
    "  files ID ls [PATH] [--recursive]    what is in a folder (default /workspace)\n"
    "  files ID get PATH [LOCAL|-]         a file out of it, to standard output by default\n"
    "  files ID put PATH [LOCAL|-]         a file into it, from standard input by default\n"
    "  files ID rm PATH [--recursive]\n"
    "  rm ID...                   end them\n\n"
    "  --server URL               of the server: default POLYAGENT_URL, else " PA_API_DEFAULT_URL
    "\n"
    "  --json                     print data as JSON, of exec the outcome\n\n"
    "POLYAGENT_API_KEY is the key, where the server wants one.\n";

/* --- what all share --------------------------------------------------------------------------- */

const char *pa_session_text(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static long long number(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

char *pa_session_plain(const char *text) {
    char *plain = pa_xstrdup(text);
    for (char *at = plain; *at; at++)
        if (iscntrl((unsigned char)*at))
            *at = '?';
    return plain;
}

char *pa_session_labels(const json_t *labels) {
    struct pa_buf text = PA_BUF_INIT(64 * PA_KIB);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)labels, name, value) {
        const char *its = json_string_value(value);
        pa_buf_printf(&text, "%s%s=%s", text.size ? " " : "", name, its ? its : "");
    }
    char *plain = pa_session_plain(pa_buf_text(&text));
    pa_buf_done(&text);
    return plain;
}

void pa_session_print_json(const json_t *value) {
    json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    putchar('\n');
}

/* A request of one session, whose answer is printed with --json.  Returns the exit status. */
static int ask(struct pa_session_options *options, const char *method, const char *id,
               const char *rest, const json_t *body, json_t **ret) {
    PA_CLEANUP(pa_freep) char *path = pa_api_session(id, rest);
    struct pa_error err;
    json_t *answer;
    if (pa_api_call(&options->api, method, path, body, &answer, &err) < 0)
        return pa_report_error(&err);
    if (options->json && answer)
        pa_session_print_json(answer);
    if (ret)
        *ret = answer;
    else
        json_decref(answer);
    return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static int make(struct pa_session_options *options, int argc, char **argv) {
    struct pa_error err;
    json_t *session;
    json_t *language = argc > 0 ? json_string(argv[0]) : NULL;
    if (argc > 0 && !language)
        return pa_report_usage("session new", "the name of the language is not UTF-8 text");
    if (language)
        json_object_set_new(options->request, "language", language);
    if (pa_api_call(&options->api, "POST", "/v1/sessions", options->request, &session, &err) < 0)
        return pa_report_error(&err);
    if (options->json)
        pa_session_print_json(session);
    else
        printf("%s\n", pa_session_text(session, "id"));
    json_decref(session);
    return 0;
}

/* All are tried; the status is that of the last that could not be ended. */
static int end(struct pa_session_options *options, int argc, char **argv) {
    int status = 0;
    for (int i = 0; i < argc; i++) {
        int one = ask(options, "DELETE", argv[i], "", NULL, NULL);
        status = one ? one : status;
    }
    return status;
}

static int make_forks(struct pa_session_options *options, int argc, char **argv) {
    json_t *answer, *id;
    size_t i;
    json_object_set_new(options->request, "count", json_integer((json_int_t)options->count));
    int status = ask(options, "POST", argv[0], "/fork", options->request, &answer);
    if (status)
        return status;
    if (!options->json)
        json_array_foreach(json_object_get(answer, "sessions"), i, id)
            printf("%s\n", json_is_string(id) ? json_string_value(id) : "");
    json_decref(answer);
    return 0;
}

static int interrupt(struct pa_session_options *options, int argc, char **argv) {
    json_t *answer;
    int status = ask(options, "POST", argv[0], "/interrupt", NULL, &answer);
    if (status)
        return status;
    if (!options->json)
        puts(json_is_true(json_object_get(answer, "was_running")) ? "interrupted"
                                                                  : "nothing was running");
    json_decref(answer);
    return 0;
}

static int checkpoint(struct pa_session_options *options, int argc, char **argv) {
    static const struct {
        const char *action, *method;
    } methods[] = {{"keep", "PUT"}, {"back", "POST"}, {"drop", "DELETE"}};
    for (size_t i = 0; i < PA_ARRAY_LEN(methods); i++) {
        if (!pa_streq(argv[1], methods[i].action))
            continue;
        PA_CLEANUP(pa_freep) char *name = pa_client_quote(argv[2]);
        PA_CLEANUP(pa_freep) char *rest = pa_xasprintf("/checkpoints/%s", name);
        return ask(options, methods[i].method, argv[0], rest, NULL, NULL);
    }
    return pa_report_usage("session checkpoint", "'%s' is none of keep, back and drop", argv[1]);
}

/* --- what there is ---------------------------------------------------------------------------- */

static void print_row(const json_t *session) {
    char memory[32], idle[32];
    PA_CLEANUP(pa_freep) char *labels = pa_session_labels(json_object_get(session, "labels"));
    PA_CLEANUP(pa_freep) char *name = pa_session_plain(pa_session_text(session, "name"));
    pa_format_bytes((uint64_t)number(session, "memory_bytes"), memory, sizeof(memory));
    pa_format_ms((uint64_t)number(session, "idle_ms"), idle, sizeof(idle));
    printf("%-18s  %-16s  %-12s  %-5s  %5lld  %10s  %10s  %s\n", pa_session_text(session, "id"),
           *name ? name : "-", pa_session_text(session, "language"),
           pa_session_text(session, "state"), number(session, "turns"), memory, idle, labels);
}

static int list(struct pa_session_options *options, int argc, char **argv) {
    struct pa_error err;
    json_t *answer, *session;
    size_t i;
    if (pa_api_call(&options->api, "GET", "/v1/sessions", NULL, &answer, &err) < 0)
        return pa_report_error(&err);
    if (options->json) {
        pa_session_print_json(answer);
    } else {
        printf("%-18s  %-16s  %-12s  %-5s  %5s  %10s  %10s  %s\n", "ID", "NAME", "LANGUAGE",
               "STATE", "TURNS", "MEMORY", "IDLE", "LABELS");
        json_array_foreach(json_object_get(answer, "sessions"), i, session) print_row(session);
    }
    json_decref(answer);
    return 0;
}

static void print_member(const char *name, const json_t *value) {
    PA_CLEANUP(pa_freep) char *other = NULL;
    if (json_is_string(value))
        other = pa_session_plain(json_string_value(value));
    else if (pa_streq(name, "labels"))
        other = pa_session_labels(value);
    else
        other = json_dumps(value, JSON_ENCODE_ANY);
    if (!json_is_null(value) && other && *other)
        printf("%-14s %s\n", name, other);
}

static int print_variables(struct pa_session_options *options, const char *id) {
    json_t *answer, *variable;
    size_t i;
    int status = ask(options, "GET", id, "/variables", NULL, &answer);
    if (status)
        return status;
    json_array_foreach(json_object_get(answer, "variables"), i, variable) {
        PA_CLEANUP(pa_freep) char *name = pa_session_plain(pa_session_text(variable, "name"));
        PA_CLEANUP(pa_freep) char *type = pa_session_plain(pa_session_text(variable, "type"));
        PA_CLEANUP(pa_freep) char *repr = pa_session_plain(pa_session_text(variable, "repr"));
        if (!options->json)
            printf("%-20s %-14s %s\n", name, type, repr);
    }
    json_decref(answer);
    return 0;
}

static int inspect(struct pa_session_options *options, int argc, char **argv) {
    json_t *answer, *value;
    const char *name;
    if (options->variables)
        return print_variables(options, argv[0]);
    int status = ask(options, "GET", argv[0], "", NULL, &answer);
    if (status)
        return status;
    if (!options->json)
        json_object_foreach(answer, name, value) print_member(name, value);
    json_decref(answer);
    return 0;
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct pa_session_action actions[] = {
    {"new", "[LANGUAGE]", 0, 1, make},
    {"exec", "ID [OPTIONS] [-c CODE | FILE | -] [ARGUMENT...]", 1, -1, pa_session_exec},
    {"attach", "ID", 1, 1, pa_session_attach},
    {"fork", "ID [-n COUNT]", 1, 1, make_forks},
    {"tree", "ID", 1, 1, pa_session_tree},
    {"list", "", 0, 0, list},
    {"inspect", "ID [--variables]", 1, 1, inspect},
    {"interrupt", "ID", 1, 1, interrupt},
    {"checkpoint", "ID keep|back|drop NAME", 3, 3, checkpoint},
    {"files", "ID ls|get|put|rm [PATH] [LOCAL|-]", 2, 4, pa_session_files},
    {"rm", "ID...", 1, 1000, end},
};

static int act(const struct pa_session_action *action, int argc, char **argv) {
    struct pa_session_options options;
    int count, status;
    if (pa_session_options_parse(&options, action, argc, argv, &count, &status) == 0)
        status = action->run(&options, count, argv + 1);
    pa_session_options_done(&options);
    return status;
}

int pa_command_session(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "";
    if (pa_streq(name, "--help") || pa_streq(name, "-h") || pa_streq(name, "help")) {
        fputs(pa_session_usage, stdout);
        return 0;
    }
    for (size_t i = 0; i < PA_ARRAY_LEN(actions); i++)
        if (pa_streq(name, actions[i].name))
            return act(&actions[i], argc - 1, argv + 1);
    return *name
               ? pa_report_usage("session", "'%s' is nothing that can be done with a session", name)
               : pa_report_usage("session", "what is to be done?");
}
