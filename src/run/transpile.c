/*
 * Python through the transpiler, as the supervisor sees it.
 *
 * The cache holds what a source became, beside the artifacts: the key is the digest of the source,
 * its name and the transpiler's build.  The variant "python" is the self-contained module that
 * `polyagent transpile` writes, "python-text" its text, "python-made" what a worker made to run it
 * itself: native code beside the program's data, only for programs that took long to make.
 *
 * A try passes its output on as it comes.  If the program then needs the interpreter, that one
 * writes the same bytes first (the subset has no clocks, no chance, no files), and as many are left
 * out.  Standard error is held back to the end: it has one traceback at most, and where there is
 * one the interpreter's is better.
 */
#include "run/transpile.h"

#include "base/clock.h"
#include "base/io.h"
#include "run/executor_internal.h"
#include "run/pools.h"
#include "run/uncaught.h"
#include "transpile/transpile_id.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX (160u << 20)
#define ERRORS_MAX (1u << 20)
#define KEPT_MAX   (16u << 20) /* code of no more bytes is kept */
/* Loading what was kept and storing it cost about this; less than that is made again. */
#define KEEP_NS (4 * PA_NS_PER_MS)

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

static void make_key(const void *source, size_t size, const char *filename, const char *variant,
                     struct pa_cache_key *ret) {
    const struct pa_span spans[] = {
        {source, size}, {filename, strlen(filename)}, {PA_TRANSPILE_ID, strlen(PA_TRANSPILE_ID)}};
    pa_digest_spans(spans, PA_ARRAY_LEN(spans), ret->module);
    ret->variant = variant;
}

static void clean(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
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
    clean(ret->message);
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
    make_key(source, size, filename, as_text ? "python-text" : "python", &key);
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

/* --- the warm process and its request --------------------------------------------------------- */

static const struct pa_entry entry = {.style = PA_ENTRY_PYTHON};

/* The worker has its bytes itself; by what they are made from they are known. */
static const struct pa_module_source runtime = {.name = "the transpiler's runtime",
                                                .bytes = "",
                                                .digest = "python-runtime-" PA_TRANSPILE_ID,
                                                .entry = &entry};

void pa_python_want(struct pa_want *ret) {
    *ret = (struct pa_want){.language = PA_PYTHON_COMPILED};
    pa_policy_init(&ret->policy);
}

void pa_python_root(const struct pa_policy *policy, struct pa_run_request *ret) {
    *ret = (struct pa_run_request){
        .module = runtime, .policy = policy, .stdin_fd = -1, .cancel_fd = -1};
}

/* A warm process, unless there is none; -1 when the caller gave up. */
static int take_warm(const struct pa_python_try *attempt, struct pa_worker *ret, bool *ret_taken,
                     struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_want want;
    int taken = 1;
    const uint64_t began = pa_clock_monotonic_ns();
    pa_python_want(&want);
    if (attempt->pools)
        taken = pa_pools_take(attempt->pools, &want, attempt->take_until_ns, attempt->cancel_fd,
                              ret, err);
    else if (attempt->ask_server)
        taken = pa_handover_take(&want, ret, err);
    pa_want_done(&want);
    outcome->usage.queue_ns += pa_clock_monotonic_ns() - began;
    *ret_taken = taken == 0;
    return taken < 0 && err->code == PA_ERR_CANCELLED ? -1 : 0;
}

/* What a source has become: of this run, or of an earlier one. */
struct making {
    struct pa_cache_key key;
    struct pa_transpiled kept; /* `cached`: it was found */
    struct pa_making now;
    bool warm;
};

/* What an earlier run left.  Its end says whether it is whole: it is native code. */
static void find_kept(struct pa_executor *executor, const struct pa_python_try *attempt,
                      const char *filename, struct making *ret) {
    struct pa_error ignored;
    make_key(attempt->code, attempt->code_size, filename, "python-made", &ret->key);
    ret->kept = (struct pa_transpiled){.module = PA_BUF_INIT(ANSWER_MAX)};
    PA_CLEANUP(pa_closep) int fd = pa_cache_get(executor->cache, &ret->key, &ignored);
    if (fd < 0)
        return;
    ret->kept.cached = pa_cache_verify(fd) && take_answer(fd, &ret->kept, &ignored) == 0;
    if (ret->kept.cached)
        return;
    pa_cache_remove(executor->cache, &ret->key);
    pa_buf_clear(&ret->kept.module);
}

/* For the next run of this source.  A refusal is worth it where it cost a process. */
static void keep(struct pa_executor *executor, const struct making *making) {
    const struct pa_python_made *made = &making->now.made;
    struct pa_transpile_answer answer = {.refused = made->refused && !made->uses_input,
                                         .uses_input = made->uses_input,
                                         .line = made->line,
                                         .column = made->column,
                                         .module = making->now.artifact.data,
                                         .module_size = making->now.artifact.size};
    struct pa_error ignored;
    if (!making->now.told || making->now.artifact.failed ||
        !(answer.module_size || (answer.refused && !making->warm)))
        return;
    PA_CLEANUP(pa_buf_done) struct pa_buf encoded = PA_BUF_INIT(ANSWER_MAX);
    snprintf(answer.message, sizeof(answer.message), "%s", made->message);
    pa_transpile_answer_encode(&answer, &encoded);
    PA_CLEANUP(pa_closep) int fd = pa_memfd_of("made", encoded.data, encoded.size, &ignored);
    if (fd >= 0 && !encoded.failed)
        pa_cache_put(executor->cache, &making->key, fd, &ignored);
}

static int run(struct pa_executor *executor, const struct pa_python_try *attempt,
               const char *filename, struct making *making, struct relay *relay,
               struct pa_outcome *outcome, struct pa_error *err) {
    const struct pa_sink sink = {relay_write, relay};
    const struct pa_limits *limits = &attempt->policy->limits;
    struct pa_policy bare = *attempt->policy; /* borrowed */
    struct pa_worker warm;
    struct pa_run_request request;
    PA_CLEANUP(pa_buf_done) struct pa_buf encoded = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    struct pa_python_request program = {.may_read = attempt->mode == PA_PYTHON_TRANSPILE ||
                                                    is_readable_again(attempt),
                                        .keep_ns = KEEP_NS,
                                        .source = attempt->code,
                                        .source_size = attempt->code_size,
                                        .made = making->kept.module.data,
                                        .made_size = making->kept.module.size};
    snprintf(program.filename, sizeof(program.filename), "%s", filename);
    pa_python_request_encode(&program, &encoded);
    making->now.wall_ns = limits->compile_ms * PA_NS_PER_MS;
    making->now.cpu_ns = making->now.wall_ns * 2;
    making->now.limit_name = "compile_ms";
    if (take_warm(attempt, &warm, &making->warm, outcome, err) < 0)
        return -1;
    bare.mount_count = 0; /* it has no calls for files */
    pa_python_root(&bare, &request);
    request.argv0 = filename;
    request.request = encoded.data;
    request.request_size = encoded.size;
    request.making = &making->now;
    request.warm = making->warm ? &warm : NULL;
    request.stdin_fd = attempt->stdin_fd;
    request.stdin_bytes = attempt->stdin_bytes;
    request.stdin_size = attempt->stdin_size;
    request.sink = attempt->sink ? &sink : NULL;
    request.cancel_fd = attempt->cancel_fd;
    return pa_execute(executor, &request, outcome, err);
}

/* Ends for which only the interpreter knows what the program does: it asked for it, or the compiled
 * code reached a limit of its own. */
static bool needs_interpreter(const struct pa_outcome *outcome, bool automatic) {
    if (outcome->status == PA_STATUS_ERROR && outcome->exit_code == PA_TRANSPILE_EXIT)
        return true;
    if (!automatic)
        return false;
    return outcome->status == PA_STATUS_TRAP || outcome->status == PA_STATUS_OUT_OF_MEMORY ||
           outcome->status == PA_STATUS_INVALID_MODULE;
}

/* "<string>:3:1: import of os" */
static void say_refusal(const struct pa_transpiled *transpiled, const char *filename,
                        struct pa_python_choice *choice) {
    if (transpiled->line)
        snprintf(choice->why, sizeof(choice->why), "%.60s:%u:%u: %.150s", filename,
                 transpiled->line, transpiled->column, transpiled->message);
    else
        snprintf(choice->why, sizeof(choice->why), "%s", transpiled->message);
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

/* Nothing of the program has run. */
static bool is_refused(const struct making *making, const struct pa_outcome *outcome,
                       const char *filename, struct pa_python_choice *choice) {
    const struct pa_python_made *made = &making->now.made;
    struct pa_transpiled refusal = {.line = made->line, .column = made->column};
    if (making->now.told && !made->refused)
        return false;
    if (outcome->status == PA_STATUS_CANCELLED)
        return false;
    if (making->now.told) {
        snprintf(refusal.message, sizeof(refusal.message), "%s", made->message);
        clean(refusal.message);
    } else {
        /* It ran into a limit, or fell over: the source is not for it. */
        snprintf(refusal.message, sizeof(refusal.message), "the transpiler gave up: %.150s",
                 outcome->message);
    }
    say_refusal(&refusal, filename, choice);
    return true;
}

/* An exception that was not caught is data, too, as the interpreter would tell it.  False where
 * that cannot be had. */
static bool tell_uncaught(const struct relay *relay, bool has_sink, struct pa_outcome *outcome) {
    const struct pa_output_record *own = &outcome->output[PA_STDERR];
    const struct pa_buf *text = has_sink ? &relay->errors : &own->kept;
    if (outcome->status != PA_STATUS_ERROR || outcome->exit_code != 1 || !text->size)
        return true;
    return !text->failed && !own->truncated &&
           pa_uncaught_tell((const char *)text->data, text->size, &outcome->results);
}

/* The outcome is the program's, or it is to be as if nothing had been tried. */
static void conclude(const struct pa_python_try *attempt, const char *filename,
                     const struct making *making, const struct relay *relay, off_t input_at,
                     struct pa_outcome *outcome, struct pa_python_choice *choice) {
    bool automatic = attempt->mode == PA_PYTHON_AUTO;
    bool refused = is_refused(making, outcome, filename, choice);
    if (!refused && !needs_interpreter(outcome, automatic) &&
        (tell_uncaught(relay, attempt->sink != NULL, outcome) || !automatic)) {
        choice->finished = choice->transpiled = true;
        snprintf(choice->why, sizeof(choice->why), "all of it could be compiled");
        if (relay->errors.size && attempt->sink)
            attempt->sink->write(attempt->sink->context, PA_STDERR, relay->errors.data,
                                 relay->errors.size, PA_NEVER);
        return;
    }
    if (!refused)
        snprintf(choice->why, sizeof(choice->why), "the program met what is not compiled");
    if (!automatic) {
        refuse(outcome, choice);
        return;
    }
    pa_outcome_done(outcome);
    pa_outcome_init(outcome);
    if (attempt->stdin_fd >= 0 && input_at >= 0)
        lseek(attempt->stdin_fd, input_at, SEEK_SET);
}

int pa_python_try(struct pa_executor *executor, const struct pa_python_try *attempt,
                  struct pa_outcome *outcome, struct pa_python_choice *choice,
                  struct pa_error *err) {
    const char *filename = attempt->filename ? attempt->filename : "<string>";
    const char *why = objection(attempt);
    *choice = (struct pa_python_choice){0};
    if (why) {
        snprintf(choice->why, sizeof(choice->why), "%s", why);
        if (attempt->mode == PA_PYTHON_TRANSPILE)
            refuse(outcome, choice);
        return 0;
    }
    struct making making = {.now = {.artifact = PA_BUF_INIT(KEPT_MAX)}};
    find_kept(executor, attempt, filename, &making);
    int done = 0;
    if (making.kept.refused) {
        say_refusal(&making.kept, filename, choice);
        if (attempt->mode == PA_PYTHON_TRANSPILE)
            refuse(outcome, choice);
    } else {
        off_t input_at = attempt->stdin_fd >= 0 ? lseek(attempt->stdin_fd, 0, SEEK_CUR) : -1;
        struct relay relay = {.inner = attempt->sink, .errors = PA_BUF_INIT(ERRORS_MAX)};
        done = run(executor, attempt, filename, &making, &relay, outcome, err);
        choice->passed_on[PA_STDOUT] = relay.passed_on;
        if (done == 0)
            conclude(attempt, filename, &making, &relay, input_at, outcome, choice);
        pa_buf_done(&relay.errors);
        keep(executor, &making);
    }
    pa_transpiled_done(&making.kept);
    pa_buf_done(&making.now.artifact);
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
