/*
 * What a worker is asked to do: the payloads of RUN, COMPILE and FILE, which the supervisor writes
 * and the worker reads; the sender is trusted, so the checks here catch bugs.  And what a worker
 * says of files, FILE_DONE and CHANGED, which is read as an attacker's word.
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
    bool list_files;        /* CHANGED before the end ... */
    char **outputs;         /* ... with the contents of those that one of these globs names, ... */
    uint64_t outputs_bytes; /* ... as long as they are not more than this together */
};

/* Descriptors that travel with COMPILE: the module, then the memory file for the artifact.  Where
 * the entry is PA_ENTRY_PYTHON the module is the worker's own: the transpiler's runtime. */
struct pa_compile_message {
    struct pa_worker_setup setup;
    struct pa_limits limits;
    bool metered, deterministic;
    struct pa_entry entry;
    bool python; /* the module is a source; what comes back is pa_transpile_answer's */
    bool text;   /* ... with the module's text in place of the module */
    char filename[128];
};

/* What the transpiler makes of a source, in place of an artifact.  Read by the supervisor, which
 * believes none of it: a module is compiled like anybody's. */
struct pa_transpile_answer {
    bool refused, uses_input;
    uint32_t line, column;
    char message[200];
    const uint8_t *module; /* borrowed */
    size_t module_size;
};
void pa_transpile_answer_encode(const struct pa_transpile_answer *answer, struct pa_buf *buf);
int pa_transpile_answer_decode(const uint8_t *bytes, size_t size, struct pa_transpile_answer *ret);

/* The request of a RUN whose entry is PA_ENTRY_PYTHON: a program. */
struct pa_python_request {
    char filename[128];    /* what tracebacks call it */
    bool may_read;         /* there is a standard input, for programs that use it */
    uint64_t keep_ns;      /* what takes more CPU time than this to make is sent, to be kept */
    const uint8_t *source; /* borrowed, as all here */
    size_t source_size;
    const uint8_t *made; /* what was kept of this source, or NULL */
    size_t made_size;
};
void pa_python_request_encode(const struct pa_python_request *request, struct pa_buf *buf);
int pa_python_request_decode(const uint8_t *bytes, size_t size, struct pa_python_request *ret);

/* MADE: what became of it.  Read as an attacker's word, who wrote the program; but what he can say
 * is only how it goes on with his program. */
struct pa_python_made {
    bool refused;          /* it does not run: it cannot be compiled, */
    bool uses_input;       /* ... or it reads standard input and may not */
    uint32_t line, column; /* of a refusal, from 1; 0: the program as a whole */
    char message[200];
    uint64_t took_ns;
    uint64_t cpu_ns; /* of the process's life so far */
};
void pa_python_made_encode(const struct pa_python_made *made, struct pa_buf *buf);
int pa_python_made_decode(const uint8_t *bytes, size_t size, struct pa_python_made *ret);

/* FILE: one step with the in-memory files of a session that waits. */
enum pa_file_op {
    PA_FILE_STAT,
    PA_FILE_GET,  /* `size` bytes at `offset`, at most PA_FILE_PIECE */
    PA_FILE_PUT,  /* `bytes` at `offset`; `flag`: the file is emptied first */
    PA_FILE_LIST, /* entries from the cookie `offset` on */
    PA_FILE_MKDIR,
    PA_FILE_RENAME, /* to `to` */
    PA_FILE_REMOVE, /* `flag`: with all that is in it */
};
#define PA_FILE_OP_COUNT (PA_FILE_REMOVE + 1)
#define PA_FILE_PIECE    (512u * 1024)

struct pa_file_step {
    enum pa_file_op op;
    char *path; /* absolute, or relative to /workspace */
    char *to;
    uint64_t offset, size;
    bool flag;
    const uint8_t *bytes; /* borrowed */
    size_t bytes_size;
};

/* FILE_DONE.  Of LIST the bytes are records, which pa_file_entry_decode reads. */
struct pa_file_done {
    struct pa_error err; /* code PA_ERR_NONE: it is done */
    bool directory;
    uint64_t size, modified_ns;
    uint64_t next;        /* of LIST: the cookie to go on at; 0: that was all */
    const uint8_t *bytes; /* borrowed */
    size_t bytes_size;
};

struct pa_file_entry {
    char name[256];
    bool directory;
    uint64_t size, modified_ns;
};

/* CHANGED: a stream of these.  Of at most so many files is told, in at most so many bytes beside
 * their contents; one with an empty path says that there are more. */
#define PA_CHANGED_MOST  10000u
#define PA_CHANGED_HEADS (4u << 20)
struct pa_changed_file {
    char *path; /* absolute */
    uint64_t size;
    char sha256[65];
    const uint8_t *bytes; /* borrowed; NULL: the contents were not wanted, or too large */
};

void pa_run_message_encode(const struct pa_run_message *message, struct pa_buf *buf);
/* What is borrowed points into `payload`. */
int pa_run_message_decode(const uint8_t *payload, size_t size, struct pa_run_message *ret,
                          struct pa_error *err);
void pa_run_message_done(struct pa_run_message *message); /* of a decoded one */

void pa_compile_message_encode(const struct pa_compile_message *message, struct pa_buf *buf);
int pa_compile_message_decode(const uint8_t *payload, size_t size, struct pa_compile_message *ret,
                              struct pa_error *err);

void pa_file_step_encode(const struct pa_file_step *step, struct pa_buf *buf);
int pa_file_step_decode(const uint8_t *payload, size_t size, struct pa_file_step *ret,
                        struct pa_error *err);
void pa_file_step_done(struct pa_file_step *step); /* of a decoded one */

void pa_file_done_encode(const struct pa_file_done *done, struct pa_buf *buf);
int pa_file_done_decode(const uint8_t *payload, size_t size, struct pa_file_done *ret);
void pa_file_entry_encode(const struct pa_file_entry *entry, struct pa_buf *buf);
/* False at the end of the span; reader->failed where it is not well-formed. */
bool pa_file_entry_decode(struct pa_reader *reader, struct pa_file_entry *ret);

/* Whether one of the globs, which end in NULL (NULL: none), is for the file at this absolute path.
 * A glob with a slash at its front means a whole path, another one what is below /workspace.  A
 * star matches slashes, too. */
bool pa_output_wanted(char *const *globs, const char *path);

/* The head of a record; `size` bytes follow where `with_bytes` says so. */
void pa_changed_file_encode(const struct pa_changed_file *file, bool with_bytes,
                            struct pa_buf *buf);
/* False at the end of the span; reader->failed where it is not well-formed.  The path is the
 * caller's to free. */
bool pa_changed_file_decode(struct pa_reader *reader, struct pa_changed_file *ret);

#endif
