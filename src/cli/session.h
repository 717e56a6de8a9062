/*
 * polyagent session: one function an action, which gets the options and what is left of the line.
 *
 *     session.c          the table of actions, and those of one request
 *     session_options.c  the options of all actions, each with whose it is
 *     session_turn.c     a turn: its events as they come; exec
 *     session_attach.c   a prompt
 *     session_tree.c     the tree in text
 *     session_files.c    files
 *
 * Actions return an exit status: 0, or what pa_report_error and pa_report_usage return.
 */
#ifndef PA_CLI_SESSION_H
#define PA_CLI_SESSION_H

#include "cli/cli.h"
#include "cli/server_api.h"

struct pa_session_options {
    struct pa_api api;
    const char *url; /* --server, or NULL */
    bool json;       /* --json: data as the server gave it */

    /* new; labels of fork as well */
    json_t *request; /* fields of the request's body, as options said them; never NULL */

    /* exec */
    const char *code;       /* -c, or NULL */
    const char *stdin_path; /* --stdin, or NULL */
    bool script;            /* --script: a last expression's value is not shown */

    uint64_t count; /* fork -n */
    bool variables; /* inspect --variables */
    bool recursive; /* files ls, rm */
};

extern const char pa_session_usage[];

struct pa_session_action {
    const char *name;
    const char *operands; /* for messages: "ID [FILE|-]" */
    int least, most;      /* operands; most -1: any number, and after `least` + 1 no option comes */
    int (*run)(struct pa_session_options *options, int argc, char **argv);
};

/* Parses what follows the action's name.  The operands come first in argv[1..*ret_count].  0, or -1
 * after having reported what is wrong, with the exit status. */
int pa_session_options_parse(struct pa_session_options *options,
                             const struct pa_session_action *action, int argc, char **argv,
                             int *ret_count, int *ret_status);
void pa_session_options_done(struct pa_session_options *options);

/* Text of a caller's on a terminal: control characters become '?'.  The caller frees it. */
char *pa_session_plain(const char *text);

/* "a=b c=d" of an object of strings; "" for none.  The caller frees it. */
char *pa_session_labels(const json_t *labels);

/* A value on standard output, as one line. */
void pa_session_print_json(const json_t *value);

/* The text of a member, or "". */
const char *pa_session_text(const json_t *object, const char *name);

/* session_turn.c */

/* A turn, whose output and results are printed as they come unless `shown` is false.  Where
 * api->cancel_fd becomes readable the run is cancelled, and its outcome awaited; at the second
 * time the connection is closed.  0 with the outcome (the caller's to decref), and in *ret_signal
 * 128 + the signal that came, or 0; -1 with *err.  Steals `parameters`. */
int pa_session_turn_run(const struct pa_api *api, const char *id, json_t *parameters, bool shown,
                        json_t **ret, int *ret_signal, struct pa_error *err);

/* What the outcome calls for on standard error; returns the exit status that belongs to it. */
int pa_session_turn_report(const json_t *outcome, int signal_status);

int pa_session_exec(struct pa_session_options *options, int argc, char **argv);

int pa_session_attach(struct pa_session_options *options, int argc, char **argv);
int pa_session_tree(struct pa_session_options *options, int argc, char **argv);
int pa_session_files(struct pa_session_options *options, int argc, char **argv);

#endif
