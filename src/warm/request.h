/*
 * What a worker is asked to do: the payloads of RUN and COMPILE.  Written by the supervisor, read
 * by the worker before it enters the jail; the sender is trusted, so the checks here catch bugs.
 */
#ifndef PA_WARM_REQUEST_H
#define PA_WARM_REQUEST_H

#include "base/log.h"
#include "policy/entry.h"
#include "policy/policy.h"

/* How a worker logs and how strictly it is confined. */
struct pa_worker_setup {
    bool jail_required;
    char log_spec[256];
    enum pa_log_format log_format;
};

/* A file to be put into /workspace before the program starts. */
struct pa_run_file {
    char *path; /* relative to /workspace, or absolute below it or /tmp */
    const uint8_t *bytes;
    size_t size;
};

/*
 * RUN and WARM.  To a fresh worker all of it, with these descriptors: the artifact, then one per
 * mount of the policy.  To a copy of a warm root the policy (whose mounts are the root's), the
 * request and the files; the rest is what the root was started with.
 */
struct pa_run_message {
    struct pa_worker_setup setup;
    struct pa_policy policy;
    struct pa_entry entry;
    char **argv;
    size_t argc;
    const uint8_t *request; /* what /dev/sandbox/request gives (languages/PROTOCOL.md); borrowed */
    size_t request_size;
    bool session; /* come back for another RUN on this socket */
    struct pa_run_file *files;
    size_t file_count;
};

/* Descriptors that travel with COMPILE: the module, then the memory file for the artifact. */
struct pa_compile_message {
    struct pa_worker_setup setup;
    struct pa_limits limits;
    bool metered, deterministic;
    struct pa_entry entry;
};

void pa_run_message_encode(const struct pa_run_message *message, struct pa_buf *buf);
/* What is borrowed points into `payload`. */
int pa_run_message_decode(const uint8_t *payload, size_t size, struct pa_run_message *ret,
                          struct pa_error *err);
void pa_run_message_done(struct pa_run_message *message); /* of a decoded one */

void pa_compile_message_encode(const struct pa_compile_message *message, struct pa_buf *buf);
int pa_compile_message_decode(const uint8_t *payload, size_t size, struct pa_compile_message *ret,
                              struct pa_error *err);

#endif
