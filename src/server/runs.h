/*
 * The account of runs: those that go on, and for a while those that have ended.
 *
 *     pa_runs_new(&config, &runs)
 *     pa_runs_begin(runs, caller, tool, cancel_fd, &run, &err)      gives it an id
 *     pa_run_cancel_fd(run)                    readable when anybody gives up on it
 *     pa_run_started(runs, run);               its turn came
 *     pa_runs_end(runs, run, outcome, error)   from here on `run` is the account's
 *
 *     pa_runs_describe(runs, caller, id, &json, &err);
 *     pa_runs_cancel(runs, caller, id, &err); pa_runs_cancel_all(runs);
 *
 * Ended ones are dropped when there are too many, too large together or too old; which is looked at
 * when something else happens, so nothing wakes up for it.
 *
 * Threads: all but new and free from any; a run belongs to its call's thread until it ends.
 */
#ifndef PA_SERVER_RUNS_H
#define PA_SERVER_RUNS_H

#include "server/service.h"

struct pa_runs;
struct pa_run;

struct pa_runs_config {
    uint64_t kept, kept_bytes, kept_ms; /* of ended runs */
};

struct pa_runs *pa_runs_new(const struct pa_runs_config *config);
struct pa_runs *pa_runs_free(struct pa_runs *runs); /* when none goes on */

/* RESOURCE_EXHAUSTED without descriptors.  `cancel_fd` (-1: none) is borrowed until the end. */
int pa_runs_begin(struct pa_runs *runs, const char *caller, const char *tool, int cancel_fd,
                  struct pa_run **ret, struct pa_error *err);
const char *pa_run_id(const struct pa_run *run);
int pa_run_cancel_fd(const struct pa_run *run);
void pa_run_started(struct pa_runs *runs, struct pa_run *run);

/* With the outcome, or NULL and the error. */
void pa_runs_end(struct pa_runs *runs, struct pa_run *run, const json_t *outcome,
                 const struct pa_error *error);

/* NOT_FOUND for an id that there is not, is no more, or is another caller's (NULL: sees all). */
int pa_runs_describe(struct pa_runs *runs, const char *caller, const char *id, json_t **ret,
                     struct pa_error *err);

/* Of a run that has ended: nothing happens. */
int pa_runs_cancel(struct pa_runs *runs, const char *caller, const char *id, struct pa_error *err);
void pa_runs_cancel_all(struct pa_runs *runs);

/* How many go on, waiting or running; and waits until there are none or `deadline_ns` (monotonic)
 * passes: 0, or -1. */
size_t pa_runs_alive(struct pa_runs *runs);
int pa_runs_wait(struct pa_runs *runs, uint64_t deadline_ns);

#endif
