/*
 * Python through the transpiler, as the supervisor sees it.
 *
 * The cache holds what a source became, module or refusal, beside the artifacts: the key is the
 * digest of the source, its name and the transpiler's build, the variant is "python".
 *
 * A try passes its output on as it comes.  If the program then needs the interpreter, that one
 * writes the same bytes first (the subset has no clocks, no chance, no files), and as many are left
 * out.  Standard error is held back to the end: it has one traceback at most, and where there is
 * one the interpreter's is better.
 */
#include "run/transpile.h"

#include "base/io.h"
#include "run/executor_internal.h"
#include "transpile/transpile_id.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX (160u << 20)
#define ERRORS_MAX (1u << 20)

int pa_python_mode_parse(const char *text, enum pa_python_mode *ret, struct pa_error *err) {
    static const char *const names[] = {
        [PA_PYTHON_INTERPRET] = "interpret",
        [PA_PYTHON_AUTO] = "auto",
        [PA_PYTHON_TRANSPILE] = "transpile",
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(names); i++)
        if (pa_streq(names[i], text)) {
            *ret = (enum pa_python_mode)i;
            return 0;
        }
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "mode %s: it is interpret, auto or transpile",
                   text);
}

void pa_transpiled_done(struct pa_transpiled *transpiled) {
    pa_buf_done(&transpiled->module);
}

static void make_key(const void *source, size_t size, const char *filename, bool text,
                     struct pa_cache_key *ret) {
    const struct pa_span spans[] = {
        {source, size}, {filename, strlen(filename)}, {PA_TRANSPILE_ID, strlen(PA_TRANSPILE_ID)}};
    pa_digest_spans(spans, PA_ARRAY_LEN(spans), ret->module);
    ret->variant = text ? "python-text" : "python";
}

/* What the file says, from the transpiler or the cache. */
static int take_answer(int fd, struct pa_transpiled *ret, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf bytes = PA_BUF_INIT(ANSWER_MAX);
    struct pa_transpile_answer answer;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return pa_fail_errno(err, errno, "cannot read a transpiled module");
    if (pa_read_all(fd, "a transpiled module", &bytes, err) < 0)
        return -1;
    if (pa_transpile_answer_decode(bytes.data, bytes.size, &answer) < 0)
        return pa_fail(err, PA_ERR_INTERNAL, "a transpiled module is malformed");
    ret->refused = answer.refused;
    ret->uses_input = answer.uses_input;
    ret->line = answer.line;
    ret->column = answer.column;
    snprintf(ret->message, sizeof(ret->message), "%s", answer.message);
    for (char *c = ret->message; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    pa_buf_append(&ret->module, answer.module, answer.module_size);
    return 0;
}

static int make(struct pa_executor *executor, const void *source, size_t size, const char *filename,
                bool as_text, const struct pa_limits *limits, int cancel_fd, int answer,
                struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_compile_message message = {.limits = *limits, .python = true, .text = as_text};
    snprintf(message.filename, sizeof(message.filename), "%s", filename);
    pa_executor_setup(executor, &message.setup);
    PA_CLEANUP(pa_closep) int text = pa_memfd_of("source", source, size, err);
    return text < 0
               ? -1
               : pa_compile_in_worker(executor, &message, text, answer, cancel_fd, outcome, err);
}

int pa_transpile(struct pa_executor *executor, const void *source, size_t size,
                 const char *filename, bool as_text, const struct pa_limits *limits, int cancel_fd,
                 struct pa_transpiled *ret, struct pa_error *err) {
    struct pa_cache_key key;
    struct pa_error cache_err = {.code = PA_ERR_NONE};
    *ret = (struct pa_transpiled){.module = PA_BUF_INIT(ANSWER_MAX)};
    make_key(source, size, filename, as_text, &key);
    PA_CLEANUP(pa_closep) int cached = pa_cache_get(executor->cache, &key, &cache_err);
    if (cached >= 0) {
        ret->cached = true;
        if (take_answer(cached, ret, &cache_err) == 0)
            return 0;
        pa_cache_remove(executor->cache, &key); /* it is broken: once more */
        pa_buf_clear(&ret->module);
        ret->cached = false;
    }
    PA_CLEANUP(pa_closep) int answer = memfd_create("transpiled", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (answer < 0)
        return pa_fail_errno(err, errno, "cannot create a memory file");
    struct pa_outcome outcome;
    pa_outcome_init(&outcome);
    int done =
        make(executor, source, size, filename, as_text, limits, cancel_fd, answer, &outcome, err);
    if (done == 0 && outcome.status != PA_STATUS_OK) {
        /* It ran into a limit, or fell over: the source is not for it. */
        ret->refused = true;
        snprintf(ret->message, sizeof(ret->message), "the transpiler gave up: %.150s",
                 outcome.message);
    } else if (done == 0) {
        done = take_answer(answer, ret, err);
        if (done == 0)
            pa_cache_put(executor->cache, &key, answer, &cache_err); /* or made again next time */
    }
    pa_outcome_done(&outcome);
    return done;
}

/* The sink of a try. */
struct relay {
    const struct pa_sink *inner;
    struct pa_buf errors;
    uint64_t passed_on;
};

static ssize_t relay_write(void *context, enum pa_output output, const void *bytes, size_t size,
                           uint64_t deadline_ns) {
    struct relay *relay = context;
    if (output == PA_STDERR) {
        pa_buf_append(&relay->errors, bytes, size);
        return (ssize_t)size;
    }
    ssize_t taken = relay->inner->write(relay->inner->context, output, bytes, size, deadline_ns);
    if (taken > 0)
        relay->passed_on += (uint64_t)taken;
    return taken;
}

static bool is_readable_again(const struct pa_python_try *attempt) {
    struct stat st;
    return attempt->stdin_fd < 0 || (fstat(attempt->stdin_fd, &st) == 0 && S_ISREG(st.st_mode));
}

static int run(struct pa_executor *executor, const struct pa_python_try *attempt,
               const char *filename, const struct pa_transpiled *transpiled, struct relay *relay,
               struct pa_outcome *outcome, struct pa_error *err) {
    const struct pa_sink sink = {relay_write, relay};
    struct pa_run_request request = {
        .module = {.name = filename,
                   .bytes = transpiled->module.data,
                   .size = transpiled->module.size},
        .policy = attempt->policy,
        .stdin_fd = transpiled->uses_input ? attempt->stdin_fd : -1,
        .stdin_bytes = attempt->stdin_bytes,
        .stdin_size = attempt->stdin_size,
        .sink = attempt->sink ? &sink : NULL,
        .cancel_fd = attempt->cancel_fd,
    };
    return pa_execute(executor, &request, outcome, err);
}

/* Ends for which only the interpreter knows what the program does: it asked for it, it ended in an
 * exception (whose traceback is the interpreter's), or the compiled code reached a limit of its
 * own.
 */
static bool needs_interpreter(const struct pa_outcome *outcome, bool automatic) {
    if (outcome->status == PA_STATUS_ERROR && outcome->exit_code == PA_TRANSPILE_EXIT)
        return true;
    if (!automatic)
        return false;
    return (outcome->status == PA_STATUS_ERROR && outcome->exit_code == 1) ||
           outcome->status == PA_STATUS_TRAP || outcome->status == PA_STATUS_OUT_OF_MEMORY ||
           outcome->status == PA_STATUS_INVALID_MODULE;
}

static const char *refusal(const struct pa_transpiled *transpiled, const char *filename, char *out,
                           size_t room) {
    if (transpiled->line)
        snprintf(out, room, "%.60s:%u:%u: %.150s", filename, transpiled->line, transpiled->column,
                 transpiled->message);
    else
        snprintf(out, room, "%s", transpiled->message);
    return out;
}

/* Why not even a try is made; NULL where one is. */
static const char *objection(const struct pa_python_try *attempt) {
    if (attempt->mode == PA_PYTHON_INTERPRET)
        return "asked for";
    if (!attempt->plain)
        return "arguments, packages, files, sessions and results are the interpreter's";
    if (attempt->policy->deterministic || pa_policy_metered(attempt->policy))
        return "the run is metered or deterministic";
    return NULL;
}

static void refuse(struct pa_outcome *outcome, struct pa_python_choice *choice) {
    choice->finished = choice->transpiled = true;
    pa_outcome_set(outcome, PA_STATUS_ERROR, "%s", choice->why);
    outcome->exit_code = 1;
}

int pa_python_try(struct pa_executor *executor, const struct pa_python_try *attempt,
                  struct pa_outcome *outcome, struct pa_python_choice *choice,
                  struct pa_error *err) {
    const char *filename = attempt->filename ? attempt->filename : "<string>";
    const char *why = objection(attempt);
    bool automatic = attempt->mode == PA_PYTHON_AUTO;
    *choice = (struct pa_python_choice){0};
    if (why) {
        snprintf(choice->why, sizeof(choice->why), "%s", why);
        if (attempt->mode == PA_PYTHON_TRANSPILE)
            refuse(outcome, choice);
        return 0;
    }
    PA_CLEANUP(pa_transpiled_done) struct pa_transpiled transpiled;
    int done = pa_transpile(executor, attempt->code, attempt->code_size, filename, false,
                            &attempt->policy->limits, attempt->cancel_fd, &transpiled, err);
    if (done < 0)
        return -1;
    if (transpiled.refused) {
        refusal(&transpiled, filename, choice->why, sizeof(choice->why));
        if (!automatic)
            refuse(outcome, choice);
        return 0;
    }
    if (automatic && transpiled.uses_input && !is_readable_again(attempt)) {
        snprintf(choice->why, sizeof(choice->why),
                 "it reads standard input, which could not be read again");
        return 0;
    }
    off_t input_at = attempt->stdin_fd >= 0 ? lseek(attempt->stdin_fd, 0, SEEK_CUR) : 0;
    struct relay relay = {.inner = attempt->sink, .errors = PA_BUF_INIT(ERRORS_MAX)};
    done = run(executor, attempt, filename, &transpiled, &relay, outcome, err);
    choice->passed_on[PA_STDOUT] = relay.passed_on;
    if (done == 0 && needs_interpreter(outcome, automatic)) {
        snprintf(choice->why, sizeof(choice->why), "the program met what is not compiled");
        if (automatic) {
            pa_outcome_done(outcome);
            pa_outcome_init(outcome);
            if (attempt->stdin_fd >= 0 && transpiled.uses_input)
                lseek(attempt->stdin_fd, input_at, SEEK_SET);
        } else {
            refuse(outcome, choice);
        }
    } else if (done == 0) {
        choice->finished = choice->transpiled = true;
        snprintf(choice->why, sizeof(choice->why), "all of it could be compiled");
        if (relay.errors.size && attempt->sink)
            attempt->sink->write(attempt->sink->context, PA_STDERR, relay.errors.data,
                                 relay.errors.size, PA_NEVER);
    }
    pa_buf_done(&relay.errors);
    return done;
}

static ssize_t rest_write(void *context, enum pa_output output, const void *bytes, size_t size,
                          uint64_t deadline_ns) {
    struct pa_python_rest *rest = context;
    size_t skip = rest->skip[output] < size ? (size_t)rest->skip[output] : size;
    rest->skip[output] -= skip;
    if (skip == size)
        return (ssize_t)size;
    ssize_t taken = rest->inner->write(rest->inner->context, output, (const uint8_t *)bytes + skip,
                                       size - skip, deadline_ns);
    return taken < 0 ? taken : taken + (ssize_t)skip;
}

const struct pa_sink *pa_python_rest_sink(struct pa_python_rest *rest, const struct pa_sink *inner,
                                          const struct pa_python_choice *choice) {
    if (!inner)
        return NULL;
    rest->inner = inner;
    rest->skip[PA_STDOUT] = choice->passed_on[PA_STDOUT];
    rest->skip[PA_STDERR] = choice->passed_on[PA_STDERR];
    rest->sink = (struct pa_sink){rest_write, rest};
    return &rest->sink;
}

void pa_python_choice_tell(const struct pa_python_choice *choice, struct pa_outcome *outcome) {
    outcome->engine = choice->transpiled ? "transpiler" : "interpreter";
    snprintf(outcome->engine_why, sizeof(outcome->engine_why), "%s", choice->why);
}

void pa_python_choice_json(const struct pa_python_choice *choice, struct pa_buf *buf) {
    json_t *object = json_object();
    json_object_set_new(object, "used",
                        json_string(choice->transpiled ? "transpiler" : "interpreter"));
    json_object_set_new(object, "why", json_string(choice->why));
    char *text = json_dumps(object, JSON_COMPACT);
    if (text)
        pa_buf_append_text(buf, text);
    free(text);
    json_decref(object);
}
