/*
 * The outcome: how a run ended, as data.  Every run has exactly one, whatever happened to it.
 *
 *     struct pa_outcome outcome;
 *     pa_outcome_init(&outcome);
 *     pa_execute(executor, &request, &outcome, &err)      fills it
 *     pa_outcome_json(&outcome, &buf)
 *     pa_outcome_done(&outcome);
 */
#ifndef PA_RUN_OUTCOME_H
#define PA_RUN_OUTCOME_H

#include "base/buf.h"
#include "policy/status.h"
#include <jansson.h>

enum pa_output {
    PA_STDOUT,
    PA_STDERR,
};

/* What was kept of a stream.  Where output was streamed to a sink, `kept` is empty. */
struct pa_output_record {
    struct pa_buf kept; /* head, a marker, tail */
    uint64_t total;     /* bytes that the guest wrote */
    bool truncated;
};

struct pa_usage {
    uint64_t wall_ns;           /* from the request to the end */
    uint64_t cpu_ns;            /* of the run's process, user and system */
    uint64_t queue_ns;          /* waited before it began */
    uint64_t compile_ns;        /* 0 when the artifact was cached */
    uint64_t memory_peak_bytes; /* linear memory */
    uint64_t fuel;              /* PA_UNLIMITED: not metered */
};

/* A file of /workspace that was made or changed. */
struct pa_outcome_file {
    char *path; /* as the guest names it */
    uint64_t size;
    char sha256[65]; /* of a file without `bytes` it is the worker's word */
    uint8_t *bytes;  /* NULL: they were not asked for, or were more than outputs_bytes */
};

struct pa_outcome {
    enum pa_status status;
    uint32_t exit_code;
    char kind[48];
    char message[512];
    char backtrace[4096];
    struct pa_output_record output[2]; /* by enum pa_output */
    struct pa_buf results; /* lines of JSON from /dev/sandbox/result, as the guest wrote them */
    struct pa_outcome_file *files;
    size_t file_count;
    bool files_truncated; /* there are more than were listed */
    const char *engine;   /* of Python: "transpiler", "interpreter"; NULL: there was no choice */
    char engine_why[256]; /* ... and why that one */
    json_t *calls;        /* host calls, as pa_call_desk_close tells; NULL: none */
    struct pa_usage usage;
    bool session_lives;       /* the process waits for another turn */
    bool session_rolled_back; /* ... but another one, which knows nothing of this turn */
    bool exited;              /* ... although the program asked to exit, with exit_code */
    char jail_missing[256];   /* layers that could not be entered (best-effort), or "" */
};

void pa_outcome_init(struct pa_outcome *outcome);
void pa_outcome_done(struct pa_outcome *outcome);

/* Ends the outcome in a way that the supervisor decided. */
void pa_outcome_set(struct pa_outcome *outcome, enum pa_status status, const char *fmt, ...)
    PA_PRINTF(3, 4);

/* Takes over what the worker reported. */
void pa_outcome_take_end(struct pa_outcome *outcome, const struct pa_end *end);

/* Takes over the files that the worker told of (CHANGED, warm/request.h).  -1 when that is not
 * well-formed; those before the fault are taken. */
int pa_outcome_take_files(struct pa_outcome *outcome, const struct pa_buf *changed);

/* The end of a session's turn, whose process lives on: takes exit code and status from what the
 * guest handed over ({"type":"done"}). */
void pa_outcome_take_turn(struct pa_outcome *outcome);

/* What a {"type":"complete"} among the results says: the input is complete, or more is to come.
 * True where there is none. */
bool pa_outcome_is_complete(const struct pa_outcome *outcome);

/* The list of a {"type":"variables"} among the results, as a new reference; NULL: there is none. */
json_t *pa_outcome_variables(const struct pa_outcome *outcome);

/* One JSON object, without a newline; output that is not UTF-8 has U+FFFD in the text and the exact
 * bytes in stdout_base64 / stderr_base64. */
void pa_outcome_json(const struct pa_outcome *outcome, struct pa_buf *buf);
/* The same as a value, the caller's to decref. */
json_t *pa_outcome_value(const struct pa_outcome *outcome);

/* The text/plain of each result, a line each. */
void pa_outcome_result_texts(const struct pa_outcome *outcome, struct pa_buf *buf);

/* The exit status of the command line (DESIGN: the guest's own, or ours by status). */
int pa_outcome_exit(const struct pa_outcome *outcome);

#endif
