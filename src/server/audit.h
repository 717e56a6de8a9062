/*
 * The audit log: one line of JSON for each run and each refusal, added to a file.
 *
 *     pa_audit_new("/var/log/polyagent/audit.jsonl", with_code, &audit, &err)
 *     pa_audit_write(audit, &record)
 *     pa_audit_reopen(audit)                after the file was moved away (SIGHUP, logrotate)
 *     pa_audit_free(audit)
 *
 *     {"time": "2026-11-24T13:00:00.000Z", "run_id": "r-...", "caller": "ci", "door": "grpc",
 *      "tool": "python_executor", "language": "python", "sha256": "...", "policy": {...},
 *      "outcome": {"status": "ok", "exit_code": 0, "duration_ms": 3.2, ...}}
 *
 * The code itself is in it ("parameters") only where that was asked for.  A disk that is full does
 * not stop runs: what could not be written is counted and logged, and writing is tried again with
 * the next record.  The file is 0600, its folder stays open, so that it can be opened again by a
 * confined process.
 *
 * Threads: write and reopen from any; a record is one write.
 */
#ifndef PA_SERVER_AUDIT_H
#define PA_SERVER_AUDIT_H

#include "policy/policy.h"
#include <jansson.h>

struct pa_audit;
int pa_audit_new(const char *path, bool with_code, struct pa_audit **ret, struct pa_error *err);
struct pa_audit *pa_audit_free(struct pa_audit *audit); /* takes NULL */
int pa_audit_reopen(struct pa_audit *audit, struct pa_error *err);

struct pa_audit_record {
    const char *run_id; /* "": it was refused before it was a run */
    const char *caller, *door, *tool;
    const char *language, *digest;  /* NULL: not known */
    const struct pa_policy *policy; /* NULL: not known */
    const json_t *parameters;       /* written where the code is asked for */
    const json_t *outcome;          /* NULL: ... */
    const struct pa_error *error;   /* ... this came instead */
    uint64_t duration_ns;
};
void pa_audit_write(struct pa_audit *audit, const struct pa_audit_record *record);

/* Records that could not be written. */
uint64_t pa_audit_lost(const struct pa_audit *audit);

#endif
