/*
 * A Python program in a worker that has the transpiler's runtime: from its source to its end in one
 * process.
 *
 *     fresh       load the runtime; narrow to MAKE; make the program; narrow to RUN; run
 *     warm root   load the runtime; rehearse; fork ...
 *     its copy    narrow to MAKE; rehearse; wait for a program; make it; narrow to RUN; run
 *
 * The source is a stranger's and so is what the compiler makes of it; but no instruction of it runs
 * before this process is in the run stage, where no memory can become executable any more.  What is
 * sent to be kept (ARTIFACT) is sent before that, and the supervisor takes none after MADE.
 *
 * A rehearsal makes a program that nobody runs.  In a root it has the engine's code and tables
 * mapped and its caches filled, for all copies; in a copy, while it waits, it takes the faults of
 * first writes to shared pages, and leaves the allocator with memory that is there.
 */
#include "warm/worker.h"

#include "base/clock.h"
#include "transpile/transpile.h"
#include <malloc.h>

#define KEPT_MEMORY (64 * (int)PA_MIB) /* the allocator keeps what it had for a rehearsal */

/* Of what short programs are made. */
static const char rehearsal[] =
    "def area(width, height):\n"
    "    return width * height\n"
    "names = ['one', 'two', 'three']\n"
    "sizes = {'one': 1, 'two': 2}\n"
    "total = 0\n"
    "for i, name in enumerate(names):\n"
    "    total += area(i, sizes.get(name, 3))\n"
    "    if total > 2 and name != 'two':\n"
    "        print(f'{name}: {total}', total / 2)\n"
    "print(sum(x * x for x in range(10)), [n.upper() for n in names], len(names))\n";

/* A program that is ready to be added to the runtime's instance. */
struct program {
    struct pa_module *module;
    uint64_t memory_bytes;
    uint32_t start[PA_TRANSPILE_START];
    uint32_t data_at;
    const uint8_t *data; /* borrowed */
    size_t data_size;
    struct pa_transpile_result transpiled; /* owns them, unless they are the request's */
};

static void program_done(struct program *program) {
    pa_module_free(program->module);
    pa_transpile_result_done(&program->transpiled);
}

/* --- making --- */

static void refuse(struct pa_python_made *made, const char *message) {
    made->refused = true;
    snprintf(made->message, sizeof(made->message), "%.199s", message);
}

static void make(struct pa_engine *engine, const char *source, size_t size, const char *filename,
                 struct program *program, struct pa_python_made *made) {
    struct pa_transpile_result *result = &program->transpiled;
    struct pa_error err;
    pa_transpile_for_runtime(source, size, filename, result);
    made->uses_input = result->uses_input;
    if (result->refused) {
        refuse(made, result->refusal.message);
        made->line = result->refusal.line;
        made->column = result->refusal.column;
        return;
    }
    if (pa_module_make(engine, result->module.data, result->module.size, &program->module, &err) <
        0) {
        refuse(made, err.message);
        return;
    }
    program->memory_bytes = result->memory_bytes;
    memcpy(program->start, result->start, sizeof(program->start));
    program->data_at = result->data_at;
    program->data = result->data.data;
    program->data_size = result->data.size;
}

static void rehearse(struct pa_worker *worker) {
    struct program program = {0};
    struct pa_python_made made = {0};
    make(worker->engine, rehearsal, sizeof(rehearsal) - 1, "", &program, &made);
    program_done(&program);
}

/* --- what is kept --- */

static void send_artifact(struct pa_worker *worker, const struct program *program,
                          const struct pa_python_made *made) {
    PA_CLEANUP(pa_buf_done) struct pa_buf artifact = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    PA_CLEANUP(pa_buf_done) struct pa_buf kept = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    struct pa_error ignored;
    if (pa_module_save(program->module, &artifact, &ignored) < 0)
        return;
    pa_put_u8(&kept, made->uses_input);
    pa_put_u64(&kept, program->memory_bytes);
    for (size_t i = 0; i < PA_TRANSPILE_START; i++)
        pa_put_u32(&kept, program->start[i]);
    pa_put_u32(&kept, program->data_at);
    pa_put_bytes(&kept, program->data, program->data_size);
    pa_put_bytes(&kept, artifact.data, artifact.size);
    for (size_t at = 0; at < kept.size && !kept.failed; at += PA_FRAME_MAX)
        pa_channel_send(&worker->channel, PA_FRAME_ARTIFACT, kept.data + at,
                        PA_MIN(kept.size - at, (size_t)PA_FRAME_MAX));
}

/* False where it is another engine's, or broken: then it is made anew. */
static bool take_kept(struct pa_engine *engine, const struct pa_python_request *request,
                      struct program *program, struct pa_python_made *made) {
    struct pa_reader reader = PA_READER(request->made, request->made_size);
    struct pa_error ignored;
    size_t size;
    made->uses_input = pa_get_u8(&reader);
    program->memory_bytes = pa_get_u64(&reader);
    for (size_t i = 0; i < PA_TRANSPILE_START; i++)
        program->start[i] = pa_get_u32(&reader);
    program->data_at = pa_get_u32(&reader);
    program->data = pa_get_bytes(&reader, &program->data_size);
    const uint8_t *artifact = pa_get_bytes(&reader, &size);
    return request->made_size && !reader.failed &&
           pa_module_take(engine, artifact, size, &program->module, &ignored) == 0;
}

/* --- the run --- */

static void send_made(struct pa_worker *worker, struct pa_python_made *made) {
    PA_CLEANUP(pa_buf_done) struct pa_buf buf = PA_BUF_INIT(1024);
    made->cpu_ns = pa_clock_cpu_ns();
    pa_python_made_encode(made, &buf);
    pa_channel_send(&worker->channel, PA_FRAME_MADE, buf.data, buf.size);
}

static void make_requested(struct pa_worker *worker, struct program *program,
                           struct pa_python_made *made) {
    const struct pa_run_message *message = &worker->message;
    struct pa_python_request request;
    struct pa_error err;
    uint64_t began = pa_clock_monotonic_ns(), cpu = pa_clock_cpu_ns();
    if (pa_python_request_decode(message->request, message->request_size, &request) < 0) {
        pa_fail(&err, PA_ERR_INTERNAL, "a program on the run channel is malformed");
        pa_worker_fail(worker, &err);
    }
    if (!take_kept(worker->engine, &request, program, made)) {
        const char *source = request.source_size ? (const char *)request.source : "";
        make(worker->engine, source, request.source_size, request.filename, program, made);
        if (!made->refused && pa_clock_cpu_ns() - cpu > request.keep_ns)
            send_artifact(worker, program, made);
    }
    if (!made->refused && made->uses_input && !request.may_read)
        refuse(made, "it reads standard input, which could not be read again");
    made->took_ns = pa_clock_monotonic_ns() - began;
}

/* Into the instance: its memory has room, and then what the program finds there. */
static int add(struct pa_worker *worker, const struct program *program, struct pa_end *end,
               struct pa_error *err) {
    int added = pa_instance_add(worker->instance, program->module, PA_TRANSPILE_RUNTIME,
                                program->memory_bytes, end, err);
    struct pa_guest_memory memory = pa_instance_memory(worker->instance);
    if (added)
        return added;
    if (program->data_at > memory.size || program->data_size > memory.size - program->data_at)
        return pa_fail(err, PA_ERR_INTERNAL, "a program's data are outside of its memory");
    memcpy(memory.base + program->data_at, program->data, program->data_size);
    return 0;
}

static void run(struct pa_worker *worker, const struct program *program, struct pa_end *end) {
    struct pa_instance *instance = worker->instance;
    pa_instance_on_end(instance, pa_worker_finish_at_once, worker);
    pa_instance_call_with(instance, "rt_start", program->start, PA_TRANSPILE_START, end);
    if (end->status == PA_STATUS_OK)
        pa_instance_call(instance, "_start", end);
    if (end->status == PA_STATUS_OK)
        pa_instance_call(instance, "rt_finish", end);
}

static void become_ready(struct pa_worker *worker) {
    struct pa_error err;
    bool copy = worker->role == PA_ROLE_ROOT;
    if (copy) {
        mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
        mallopt(M_MMAP_THRESHOLD, KEPT_MEMORY / 2);
        rehearse(worker);
        pa_worker_fork_loop(worker);
        worker->role = PA_ROLE_RUN;
        worker->unused = true;
    }
    if (pa_jail_narrow(PA_JAIL_MAKE, worker->jail_required, &err) < 0)
        pa_worker_fail(worker, &err);
    if (!copy)
        return;
    if (!pa_worker_is_waited_for(worker))
        rehearse(worker);
    pa_worker_wait_for_request(worker);
    worker->unused = false;
}

void pa_worker_python(struct pa_worker *worker) {
    struct pa_error err;
    struct pa_end end = {.fuel_used = PA_UNLIMITED};
    struct program program = {0};
    struct pa_python_made made = {0};
    become_ready(worker);
    make_requested(worker, &program, &made);
    int added = made.refused ? 1 : add(worker, &program, &end, &err);
    if (added < 0)
        pa_worker_fail(worker, &err);
    send_made(worker, &made);
    if (added == 0) {
        if (pa_jail_narrow(PA_JAIL_RUN, worker->jail_required, &err) < 0)
            pa_worker_fail(worker, &err);
        run(worker, &program, &end);
    }
    pa_worker_finish(worker, &end);
}
