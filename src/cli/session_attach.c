/*
 * A prompt in a session of a server.  The session tells when the input is complete, as the local
 * prompt's process does (repl.c); each input is a turn, and the end of input leaves it alive.
 */
#include "cli/session.h"

#include "base/io.h"
#include <unistd.h>

#define INPUT_MAX (16 * PA_MIB)

struct attached {
    struct pa_api *api;
    const char *id;
    struct pa_prompt *prompt;
    struct pa_buf code;
    bool over;
    int status; /* ours, once it is over */
};

static void leave(struct attached *attached, int status) {
    attached->over = true;
    attached->status = status;
}

static bool is_blank(const struct attached *attached) {
    const char *text = pa_buf_text(&attached->code);
    return text[strspn(text, " \t\r\n")] == 0;
}

/* A signal at the prompt: Ctrl-C gives the input up, others end us. */
static void give_up(struct attached *attached) {
    int status = pa_terminal_cancel_status(attached->api->cancel_fd);
    if (status != 130)
        leave(attached, status);
    pa_buf_clear(&attached->code);
}

/* The text typed so far as a request's body; NULL, having said why, where it is none. */
static json_t *typed(const struct attached *attached) {
    json_t *code = json_stringn(pa_buf_text(&attached->code), attached->code.size);
    if (!code)
        fputs("polyagent: the input is not UTF-8 text\n", stderr);
    return code ? json_pack("{s:o}", "code", code) : NULL;
}

/* Where that cannot be asked the turn itself will say why. */
static bool is_complete(struct attached *attached) {
    PA_CLEANUP(pa_freep) char *path = pa_api_session(attached->id, "/complete");
    struct pa_error err;
    json_t *answer = NULL, *body = typed(attached);
    bool complete = !body || pa_api_call(attached->api, "POST", path, body, &answer, &err) < 0 ||
                    !json_is_false(json_object_get(answer, "complete"));
    json_decref(body);
    json_decref(answer);
    return complete;
}

/* One input, of as many lines as it takes; nothing where it was given up. */
static void read_input(struct attached *attached) {
    struct pa_buf *code = &attached->code;
    pa_buf_clear(code);
    for (bool first = true;; first = false) {
        if (!first)
            pa_buf_append_text(code, "\n");
        enum pa_prompt_end ended = pa_prompt_read(attached->prompt, first ? ">>> " : "... ", code);
        if (ended == PA_PROMPT_CANCELLED) {
            give_up(attached);
            return;
        }
        if (ended == PA_PROMPT_EOF) {
            leave(attached, 0);
            pa_buf_clear(code);
            return;
        }
        if (code->failed) {
            fprintf(stderr, "polyagent: the input is larger than %llu bytes\n",
                    (unsigned long long)INPUT_MAX);
            pa_buf_clear(code);
            return;
        }
        if (is_blank(attached) || is_complete(attached))
            return;
    }
}

static void run(struct attached *attached) {
    struct pa_error err;
    json_t *outcome, *parameters = typed(attached);
    int signal_status;
    if (!parameters)
        return;
    json_object_set_new(parameters, "mode", json_string("expression"));
    if (pa_session_turn_run(attached->api, attached->id, parameters, true, &outcome, &signal_status,
                            &err) < 0) {
        int status = pa_report_error(&err);
        leave(attached, signal_status ? signal_status : status);
        return;
    }
    int status = pa_session_turn_report(outcome, signal_status);
    if (!json_is_true(json_object_get(outcome, "session_lives")) ||
        (signal_status && signal_status != 130))
        leave(attached, status);
    json_decref(outcome);
}

static void converse(struct attached *attached) {
    while (!attached->over) {
        read_input(attached);
        if (is_blank(attached))
            continue;
        pa_prompt_remember(attached->prompt, pa_buf_text(&attached->code));
        run(attached);
    }
}

/* The language of the session, for the history of the prompt; -1, having said why, without one. */
static int find(const struct pa_api *api, const char *id, char **ret_language) {
    PA_CLEANUP(pa_freep) char *path = pa_api_session(id, "");
    struct pa_error err;
    json_t *session;
    if (pa_api_call(api, "GET", path, NULL, &session, &err) < 0)
        return pa_report_error(&err);
    const char *ended = pa_session_text(session, "ended");
    int status = 0;
    if (*ended) {
        pa_fail(&err, PA_ERR_FAILED_PRECONDITION, "the session %s has ended: %s", id, ended);
        status = pa_report_error(&err);
    } else {
        *ret_language = pa_session_plain(pa_session_text(session, "language"));
        if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
            printf("%s in the session %s of %s.  Ctrl-D leaves it, Ctrl-C stops what runs.\n",
                   *ret_language, id, api->url.text);
    }
    json_decref(session);
    return status;
}

/* Beside that of the local prompt, with which it is shared. */
static char *history_file(const char *language) {
    PA_CLEANUP(pa_freep) char *home = pa_cache_home(NULL);
    PA_CLEANUP(pa_freep) char *folder = pa_path_join(home, "history");
    struct pa_error unkept;
    if (strchr(language, '/') || pa_mkdir_parents(folder, 0700, &unkept) < 0)
        return NULL;
    return pa_path_join(folder, language);
}

int pa_session_attach(struct pa_session_options *options, int argc, char **argv) {
    PA_CLEANUP(pa_freep) char *language = NULL;
    struct attached attached = {
        .api = &options->api, .id = argv[0], .code = PA_BUF_INIT(INPUT_MAX)};
    struct pa_error err;
    int status = find(&options->api, argv[0], &language);
    if (status)
        return status;
    PA_CLEANUP(pa_closep) int cancel_fd = pa_signals_open(&err);
    if (cancel_fd < 0)
        return pa_report_error(&err);
    PA_CLEANUP(pa_freep) char *history = history_file(language);
    fflush(stdout);
    options->api.cancel_fd = cancel_fd;
    attached.prompt = pa_prompt_new(history, cancel_fd);
    converse(&attached);
    pa_prompt_free(attached.prompt);
    pa_buf_done(&attached.code);
    return attached.status;
}
