/* COMPILE: a module from one memory file to an artifact in another, or a source to a module; or the
 * transpiler's runtime, which this program carries. */
#include "warm/worker.h"

#include "base/io.h"
#include "transpile/transpile.h"
#include <errno.h>

/* A source to a module, or to the reason why not. */
static int transpile(struct pa_worker *worker, const struct pa_compile_message *message,
                     const struct pa_buf *source, struct pa_error *err) {
    struct pa_transpile_result result;
    struct pa_buf encoded = PA_BUF_INIT(SIZE_MAX / 2);
    const char *bytes = source->size ? (const char *)source->data : "";
    if (message->text)
        pa_transpile_to_text(bytes, source->size, message->filename, &result);
    else
        pa_transpile_source(bytes, source->size, message->filename, &result);
    struct pa_transpile_answer answer = {.refused = result.refused,
                                         .uses_input = result.uses_input,
                                         .line = result.refusal.line,
                                         .column = result.refusal.column,
                                         .module = result.module.data,
                                         .module_size = result.refused ? 0 : result.module.size};
    snprintf(answer.message, sizeof(answer.message), "%s", result.refusal.message);
    pa_transpile_answer_encode(&answer, &encoded);
    if (encoded.failed || pa_write_full(worker->fds[1], encoded.data, encoded.size) < 0)
        return pa_fail_errno(err, errno, "cannot write a module of %zu bytes", encoded.size);
    return 0;
}

static int compile(struct pa_worker *worker, const struct pa_compile_message *message,
                   struct pa_end *end, struct pa_error *err) {
    const struct pa_limits *limits = &message->limits;
    struct pa_jail jail = {.stage = PA_JAIL_COMPILE,
                           .artifact_fd = -1,
                           .data_bytes = limits->compile_memory_bytes,
                           .cpu_seconds = limits->compile_ms / 1000 * 2 + 2};
    struct pa_jail_report report;
    struct pa_engine_settings settings = {.metered = message->metered,
                                          .deterministic = message->deterministic,
                                          .stack_bytes = PA_MIB, /* nothing is run here */
                                          .compiling = true};
    struct pa_engine *engine;
    struct pa_buf module = PA_BUF_INIT(limits->module_bytes);
    struct pa_buf artifact = PA_BUF_INIT(SIZE_MAX / 2);
    if (worker->fd_count != 2)
        return pa_fail(err, PA_ERR_INTERNAL, "a compile request came with %zu descriptors",
                       worker->fd_count);
    if (pa_worker_enter_jail(worker, &message->setup, &jail, &report, err) < 0 ||
        pa_read_all(worker->fds[0], "the module", &module, err) < 0)
        return -1;
    if (message->entry.style == PA_ENTRY_PYTHON)
        pa_transpile_runtime(&module);
    if (message->python)
        return transpile(worker, message, &module, err);
    if (pa_engine_new(&settings, &engine, err) < 0)
        return -1;
    int done =
        pa_module_compile(engine, module.data, module.size, &message->entry, &artifact, end, err);
    if (done == 0 && pa_write_full(worker->fds[1], artifact.data, artifact.size) < 0)
        return pa_fail_errno(err, errno, "cannot write the artifact of %zu bytes", artifact.size);
    return done;
}

void pa_worker_compile(struct pa_worker *worker, const struct pa_frame *frame) {
    struct pa_error err;
    struct pa_end end = {.fuel_used = PA_UNLIMITED};
    struct pa_compile_message message;
    if (pa_compile_message_decode(frame->payload, frame->size, &message, &err) < 0 ||
        pa_worker_start_logging(worker, &message.setup, &err) < 0 ||
        compile(worker, &message, &end, &err) < 0)
        pa_worker_fail(worker, &err);
    pa_worker_finish(worker, &end);
}
