/*
 * A turn in a session: a stream of events, a line of JSON each, whose last is the outcome.
 *
 *     {"type":"run","run_id":"r-..."}                what DELETE /v1/runs/ID cancels
 *     {"type":"stdout","text":"..."} ...             printed as it comes
 *     {"type":"outcome","outcome":{...}}             or {"type":"problem","problem":{...}}
 *
 * A signal cancels this run and no other: a turn of somebody else's that goes before it in the
 * session's queue is left alone.  The stream then ends with an outcome, as always.
 */
#include "cli/session.h"

#include "base/clock.h"
#include "base/io.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MOST (256 * PA_MIB) /* the outcome has all output and results in it */
#define CODE_MOST (64 * PA_MIB)
#define PIECE     ((size_t)64 * 1024)

struct turn {
    const struct pa_api *api;
    struct pa_client *client;
    bool shown;
    struct pa_buf input; /* what was received and is no whole line yet */
    size_t searched;     /* of it, without a line's end */
    char *run_id;
    json_t *outcome;
    int signal_status; /* 0: none came */
};

/* --- events ----------------------------------------------------------------------------------- */

static void print_output(enum pa_output output, const json_t *event) {
    const struct pa_sink sink = pa_terminal_sink();
    const json_t *text = json_object_get(event, "text");
    fflush(stdout);
    if (json_is_string(text))
        sink.write(sink.context, output, json_string_value(text), json_string_length(text),
                   PA_NEVER);
}

static void print_result(const json_t *event) {
    const char *text = pa_session_text(json_object_get(event, "data"), "text/plain");
    if (*text)
        puts(text);
    fflush(stdout);
}

static int take_problem(const json_t *problem, struct pa_error *err) {
    return pa_fail(err, pa_api_code(pa_session_text(problem, "code")), "%s",
                   pa_session_text(problem, "detail"));
}

static int take_event(struct turn *turn, const json_t *event, struct pa_error *err) {
    const char *type = pa_session_text(event, "type");
    if (pa_streq(type, "run") && !turn->run_id) {
        turn->run_id = pa_xstrdup(pa_session_text(event, "run_id"));
    } else if (pa_streq(type, "outcome")) {
        json_decref(turn->outcome);
        turn->outcome = json_incref(json_object_get(event, "outcome"));
    } else if (pa_streq(type, "problem")) {
        return take_problem(json_object_get(event, "problem"), err);
    } else if (!turn->shown) {
        return 0;
    } else if (pa_streq(type, "stdout") || pa_streq(type, "stderr")) {
        print_output(pa_streq(type, "stdout") ? PA_STDOUT : PA_STDERR, event);
    } else if (pa_streq(type, "result")) {
        print_result(event);
    }
    return 0;
}

/* Whole lines of what was received. */
static int take_lines(struct turn *turn, struct pa_error *err) {
    for (;;) {
        const char *begin = pa_buf_text(&turn->input);
        const char *end = memchr(begin + turn->searched, '\n', turn->input.size - turn->searched);
        turn->searched = turn->input.size;
        if (!end)
            return 0;
        size_t size = (size_t)(end - begin);
        json_t *event = json_loadb(begin, size, JSON_ALLOW_NUL, NULL);
        pa_buf_consume(&turn->input, size + 1);
        turn->searched = 0;
        if (!event)
            return pa_fail(err, PA_ERR_UNAVAILABLE,
                           "%s answered with something else than events: is it a polyagent server?",
                           turn->api->url.text);
        int done = take_event(turn, event, err);
        json_decref(event);
        if (done < 0)
            return -1;
    }
}

/* --- the stream ------------------------------------------------------------------------------- */

/* A signal came: 0 if the run is being cancelled and its outcome will come. */
static int cancel(struct turn *turn, struct pa_error *err) {
    bool again = turn->signal_status;
    turn->signal_status = pa_terminal_cancel_status(turn->api->cancel_fd);
    if (again || !turn->run_id)
        return -1;
    struct pa_api api = *turn->api;
    PA_CLEANUP(pa_freep) char *path = pa_xasprintf("/v1/runs/%s", turn->run_id);
    struct pa_error refused;
    if (pa_api_call(&api, "DELETE", path, NULL, NULL, &refused) == 0 ||
        refused.code == PA_ERR_NOT_FOUND) /* it has just ended by itself */
        return 0;
    *err = refused;
    return -1;
}

static int follow(struct turn *turn, struct pa_error *err) {
    char bytes[PIECE];
    for (;;) {
        ssize_t n = pa_client_read(turn->client, bytes, sizeof(bytes), err);
        if (n == 0)
            break;
        if (n < 0 && (err->code != PA_ERR_CANCELLED || cancel(turn, err) < 0))
            return -1;
        if (n < 0)
            continue;
        pa_buf_append(&turn->input, bytes, (size_t)n);
        if (turn->input.failed)
            return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "the outcome has more than %llu bytes",
                           (unsigned long long)LINE_MOST);
        if (take_lines(turn, err) < 0)
            return -1;
    }
    if (!turn->outcome)
        return pa_fail(err, PA_ERR_UNAVAILABLE, "%s ended the turn without an outcome",
                       turn->api->url.text);
    return 0;
}

static int start(struct turn *turn, const char *id, const json_t *parameters,
                 struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *path = pa_api_session(id, "/execute?stream=ndjson");
    PA_CLEANUP(pa_freep) char *body = json_dumps(parameters, JSON_COMPACT);
    int done = pa_api_send(turn->api, "POST", path, "application/json", body, strlen(body),
                           &turn->client, err);
    if (done < 0 && err->code == PA_ERR_CANCELLED && turn->api->cancel_fd >= 0)
        turn->signal_status = pa_terminal_cancel_status(turn->api->cancel_fd);
    return done;
}

int pa_session_turn_run(const struct pa_api *api, const char *id, json_t *parameters, bool shown,
                        json_t **ret, int *ret_signal, struct pa_error *err) {
    struct turn turn = {.api = api, .shown = shown, .input = PA_BUF_INIT(LINE_MOST)};
    int done = start(&turn, id, parameters, err);
    if (done == 0)
        done = follow(&turn, err);
    pa_client_free(turn.client);
    pa_buf_done(&turn.input);
    free(turn.run_id);
    json_decref(parameters);
    *ret_signal = turn.signal_status;
    if (done == 0)
        *ret = turn.outcome;
    else
        json_decref(turn.outcome);
    return done;
}

/* --- what came of it -------------------------------------------------------------------------- */

static enum pa_status status_of(const char *name) {
    for (int status = 0; status < (int)PA_STATUS_COUNT; status++)
        if (pa_streq(pa_status_name((enum pa_status)status), name))
            return (enum pa_status)status;
    return PA_STATUS_CRASHED;
}

static void report_cuts(const json_t *outcome) {
    for (int i = 0; i < 2; i++)
        if (json_is_true(json_object_get(outcome, i ? "stderr_truncated" : "stdout_truncated")))
            fprintf(stderr, "polyagent: %s was cut: see the limit %s_bytes\n",
                    i ? "stderr" : "stdout", i ? "stderr" : "stdout");
}

static void report_session(const json_t *outcome) {
    if (json_is_true(json_object_get(outcome, "session_rolled_back")))
        fputs("polyagent: the session is as before this program\n", stderr);
    else if (!json_is_true(json_object_get(outcome, "session_lives")))
        fputs("polyagent: the session has ended\n", stderr);
}

int pa_session_turn_report(const json_t *outcome, int signal_status) {
    struct pa_outcome shown;
    pa_outcome_init(&shown);
    shown.status = status_of(pa_session_text(outcome, "status"));
    shown.exit_code = (uint32_t)json_integer_value(json_object_get(outcome, "exit_code"));
    snprintf(shown.message, sizeof(shown.message), "%s", pa_session_text(outcome, "message"));
    snprintf(shown.backtrace, sizeof(shown.backtrace), "%s",
             pa_session_text(json_object_get(outcome, "trap"), "backtrace"));
    report_cuts(outcome);
    pa_report_outcome(&shown);
    report_session(outcome);
    bool cancelled = shown.status == PA_STATUS_CANCELLED && signal_status;
    int status = cancelled ? signal_status : pa_outcome_exit(&shown);
    pa_outcome_done(&shown);
    return status;
}

/* --- exec ------------------------------------------------------------------------------------- */

/* A file or ("-") standard input, as text. */
static int read_text(const char *path, json_t **ret, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf bytes = PA_BUF_INIT(CODE_MOST);
    bool standard = pa_streq(path, "-");
    PA_CLEANUP(pa_closep) int fd = standard ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (!standard && fd < 0)
        return pa_fail_errno(err, errno, "cannot read %.200s", path);
    const char *name = standard ? "standard input" : path;
    if (pa_read_all(standard ? STDIN_FILENO : fd, name, &bytes, err) < 0)
        return -1;
    *ret = json_stringn(pa_buf_text(&bytes), bytes.size);
    return *ret ? 0
                : pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                          "%.200s is not UTF-8 text: put it into a file of the session instead "
                          "('polyagent session files ID put')",
                          name);
}

static int add_program(const struct pa_session_options *options, const char *path, json_t *body,
                       struct pa_error *err) {
    json_t *code = NULL, *input = NULL;
    if (options->code)
        code = json_string(options->code);
    else if (read_text(path ? path : "-", &code, err) < 0)
        return -1;
    if (!code)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "-c: the code is not UTF-8 text");
    json_object_set_new(body, "code", code);
    json_object_set_new(body, "mode", json_string(options->script ? "script" : "expression"));
    if (!options->stdin_path)
        return 0;
    if (pa_streq(options->stdin_path, "-") && !options->code && (!path || pa_streq(path, "-")))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "--stdin -: standard input is the program already");
    if (read_text(options->stdin_path, &input, err) < 0)
        return -1;
    json_object_set_new(body, "stdin", input);
    return 0;
}

static int add_arguments(json_t *body, int argc, char **argv, struct pa_error *err) {
    json_t *list = json_array();
    int done = 0;
    for (int i = 0; i < argc && done == 0; i++)
        if (json_array_append_new(list, json_string(argv[i])) < 0)
            done = pa_fail(err, PA_ERR_INVALID_ARGUMENT, "argument %d is not UTF-8 text", i + 1);
    if (argc > 0)
        json_object_set(body, "argv", list);
    json_decref(list);
    return done;
}

static int finish(const struct pa_session_options *options, const json_t *outcome, int signal) {
    if (!options->json)
        return pa_session_turn_report(outcome, signal);
    pa_session_print_json(outcome);
    fflush(stdout);
    return pa_session_turn_report(outcome, signal);
}

int pa_session_exec(struct pa_session_options *options, int argc, char **argv) {
    const char *id = argv[0], *path = NULL;
    struct pa_error err;
    json_t *outcome;
    int signal_status = 0;
    argv++, argc--;
    if (!options->code && argc > 0) {
        path = argv[0];
        argv++, argc--;
    }
    if (add_program(options, path, options->request, &err) < 0 ||
        add_arguments(options->request, argc, argv, &err) < 0)
        return pa_report_error(&err);
    options->api.cancel_fd = pa_signals_open(&err);
    if (options->api.cancel_fd < 0)
        return pa_report_error(&err);
    int status;
    if (pa_session_turn_run(&options->api, id, json_incref(options->request), !options->json,
                            &outcome, &signal_status, &err) < 0) {
        status = pa_report_error(&err);
        status = signal_status ? signal_status : status;
    } else {
        status = finish(options, outcome, signal_status);
        json_decref(outcome);
    }
    close(options->api.cancel_fd);
    return status;
}
