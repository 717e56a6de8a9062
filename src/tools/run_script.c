/*
 * Runs of the tools of languages.
 *
 *     a plain run      a copy from the pools, used up; without pools a fresh process
 *     own interpreter  from a file: the same, once it is compiled and known to come to the
 *                      checkpoint; uploaded: always a fresh process, for nobody knows whether it
 *                      will be asked for again, and a pool costs its memory
 *     with volumes     always a fresh process
 *     session          a turn of a process that waits
 *     transpiled       no interpreter at all (run/transpile.h), where the caller wants that and the
 *                      program is simple enough; what it has written before it turned out not to be
 *                      is left out of what the interpreter writes
 */
#include "tools/tools_internal.h"

#include "base/clock.h"
#include "run/sessions.h"
#include "tools/images.h"

#define TAKE_NS (90 * PA_NS_PER_S) /* a first run may have to wait for a compilation */

/* What the pieces of a run share. */
struct script {
    struct pa_prepared_call *call;
    struct pa_tool_watch watch;
    struct pa_image *image;
    struct pa_program program;
    struct pa_python_choice choice; /* where there was one: call->engine */
    struct pa_python_rest rest;
    char *filename;
    const char **argv;
};

/* --- the image --- */

static int use_interpreter(struct script *script, struct pa_error *err) {
    const struct pa_prepared_call *call = script->call;
    if (!*call->interpreter)
        return 0;
    return pa_image_known_interpreter(script->image, call->toolbox->config.packs, call->module_path,
                                      call->interpreter, call->module_size, err);
}

/* A request's own interpreter is stronger than the configured one. */
static int resolve(struct script *script, struct pa_error *err) {
    const struct pa_prepared_call *call = script->call;
    const char *name = call->image ? call->image : call->entry->pack->name;
    struct pa_image *image = pa_xcalloc(1, sizeof(*image));
    if (pa_images_get(call->toolbox->config.images, name, *call->interpreter, image, err) < 0) {
        free(image);
        return -1;
    }
    script->image = image;
    return use_interpreter(script, err);
}

static void drop_image(struct script *script) {
    if (script->image)
        pa_image_done(script->image);
    free(script->image);
    script->image = NULL;
}

int pa_prepared_image(const struct pa_prepared *prepared, struct pa_image **ret,
                      struct pa_error *err) {
    struct script script = {.call = (struct pa_prepared_call *)(uintptr_t)prepared};
    PA_ASSERT(script.call->entry->pack);
    if (resolve(&script, err) < 0) {
        drop_image(&script);
        return -1;
    }
    *ret = script.image;
    return 0;
}

/* --- the program --- */

/* The program is called main.py, in the folder in which its files are, so that it imports them. */
static void describe_program(struct script *script) {
    struct pa_prepared_call *call = script->call;
    const char *extension = call->entry->pack->file_extensions[0];
    script->filename = pa_xasprintf("/workspace/main%s", extension ? extension : "");
    script->argv = pa_xcalloc(call->argc + 1, sizeof(*script->argv));
    script->argv[0] = script->filename + strlen("/workspace/");
    for (size_t i = 0; i < call->argc; i++)
        script->argv[i + 1] = call->argv[i];
    script->program = (struct pa_program){.mode = call->mode,
                                          .code = call->code.bytes,
                                          .code_size = call->code.size,
                                          .filename = script->filename,
                                          .argv = script->argv,
                                          .argc = call->argc + 1,
                                          .calls = pa_tool_offer(call)};
}

/* The call's limits in place of those that the language has by itself; its module is its own. */
static void set_limits(const struct pa_prepared_call *call, struct pa_language_run *run) {
    const uint64_t module_bytes = run->policy.limits.module_bytes;
    run->policy.limits = call->policy.limits;
    run->policy.limits.module_bytes = module_bytes;
}

static int set_input(const struct pa_prepared_call *call, const struct pa_image *image,
                     struct pa_run_request *request, struct pa_error *err) {
    if (!image->without_checkpoint) {
        request->stdin_bytes = call->stdin_text.bytes;
        request->stdin_size = call->stdin_text.size;
        return 0;
    }
    if (call->stdin_text.size || (call->mode_given && call->mode == PA_PROGRAM_EXPRESSION))
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "this interpreter reads the program from its standard input: it has no "
                       "other input and no expressions");
    return 0;
}

/* --- a run --- */

static uint64_t take_until(const struct pa_tool_how *how) {
    return PA_MIN(how->deadline_ns, pa_clock_monotonic_ns() + TAKE_NS);
}

/* A root with a volume would hold it when nobody uses it, and serve nobody else. */
static bool may_be_warm(const struct script *script, const struct pa_policy *policy) {
    const struct pa_prepared_call *call = script->call;
    return call->toolbox->config.pools && !script->image->without_checkpoint &&
           !call->module.bytes && !pa_policy_quota_count(policy);
}

/* 1 with a copy in *ret, 0 where the run is to start cold. */
static int take_warm(struct script *script, const struct pa_want *want, struct pa_worker *ret,
                     struct pa_outcome *outcome, struct pa_error *err) {
    const struct pa_prepared_call *call = script->call;
    struct pa_pools *pools = call->toolbox->config.pools;
    struct pa_error why;
    const uint64_t began = pa_clock_monotonic_ns();
    int taken =
        pa_pools_take(pools, want, take_until(call->how), script->watch.cancel_fd, ret, &why);
    outcome->usage.queue_ns += pa_clock_monotonic_ns() - began;
    if (taken == 0)
        return 1;
    if (why.code == PA_ERR_RESOURCE_EXHAUSTED)
        return 0; /* no room for another kind of warm process */
    if (pa_clock_monotonic_ns() >= call->how->deadline_ns)
        return pa_fail(err, PA_ERR_DEADLINE_EXCEEDED, "the deadline passed: %s", why.message);
    *err = why;
    return -1;
}

/* `want`: the copy that does it, NULL: always a fresh process. */
static int execute(struct script *script, struct pa_language_run *run, const struct pa_want *want,
                   struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_prepared_call *call = script->call;
    struct pa_outputs outputs;
    struct pa_worker warm;
    int taken = want ? take_warm(script, want, &warm, outcome, err) : 0;
    if (taken < 0)
        return -1;
    if (pa_tool_time_left(call->how, &run->policy.limits, err) < 0) {
        if (taken)
            pa_worker_discard(&warm);
        return -1;
    }
    run->request.warm = taken ? &warm : NULL;
    run->request.files = call->files;
    run->request.file_count = call->file_count;
    run->request.list_files = true;
    run->request.outputs = pa_tool_outputs(call, &outputs);
    run->request.sink = pa_tool_watch_sink(&script->watch);
    if (run->request.sink && call->engine != PA_PYTHON_INTERPRET)
        run->request.sink = pa_python_rest_sink(&script->rest, run->request.sink, &script->choice);
    run->request.cancel_fd = script->watch.cancel_fd;
    pa_tool_watch_phase(&script->watch, "running");
    int done = pa_execute(call->toolbox->config.executor, &run->request, outcome, err);
    pa_tool_watch_finish(&script->watch, outcome);
    return done;
}

/* The request, with the bytes of an uploaded interpreter, of which there is no file. */
static int describe_run(const struct script *script, struct pa_language_run *run,
                        struct pa_error *err) {
    const struct pa_prepared_call *call = script->call;
    if (pa_language_run_init(run, script->image, call->toolbox->config.config->cache_directory,
                             &call->policy, &script->program, err) < 0)
        return -1;
    set_limits(call, run);
    if (call->module.bytes) {
        run->request.module.bytes = call->module.bytes;
        run->request.module.path = NULL;
    }
    return 0;
}

/* Compiles a request's own interpreter, from then on its digest is enough; finds out how it is
 * started. */
static int get_ready(struct script *script, struct pa_outcome *outcome, struct pa_error *err) {
    const struct pa_prepared_call *call = script->call;
    const struct pa_config *config = call->toolbox->config.config;
    struct pa_language_run run;
    if (!script->image->own.module_file)
        return 0;
    if (describe_run(script, &run, err) < 0)
        return -1;
    int done = pa_tool_compile(script->call, &script->watch, &run.request.module, &run.policy,
                               outcome, err);
    pa_language_run_done(&run);
    if (done)
        return done;
    return pa_image_probe(script->image, call->toolbox->config.executor, config->cache_directory,
                          &call->policy, script->watch.cancel_fd, err);
}

/* Compiles first where that may be to do, so that the caller is told; a root that is ready was. */
static int compile_and_execute(struct script *script, struct pa_language_run *run,
                               struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_pools *pools = script->call->toolbox->config.pools;
    const bool warm = may_be_warm(script, &run->policy);
    struct pa_want want;
    if (warm)
        pa_want_init(&want, script->image, &run->policy);
    int done = warm && pa_pools_ready(pools, &want)
                   ? 0
                   : pa_tool_compile(script->call, &script->watch, &run->request.module,
                                     &run->policy, outcome, err);
    if (done == 0)
        done = execute(script, run, warm ? &want : NULL, outcome, err);
    if (warm)
        pa_want_done(&want);
    return done;
}

static int run_once(struct script *script, struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_language_run run;
    int done = get_ready(script, outcome, err);
    if (done)
        return PA_MIN(done, 0);
    if (describe_run(script, &run, err) < 0)
        return -1;
    done = set_input(script->call, script->image, &run.request, err);
    if (done == 0)
        done = compile_and_execute(script, &run, outcome, err);
    pa_language_run_done(&run);
    return PA_MIN(done, 0);
}

/* Without an interpreter.  Where that does not finish, script->choice says why not. */
static int run_transpiled(struct script *script, struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_prepared_call *call = script->call;
    struct pa_policy policy = call->policy; /* borrowed */
    if (pa_tool_time_left(call->how, &policy.limits, err) < 0)
        return -1;
    const struct pa_python_try attempt = {.mode = call->engine,
                                          .code = call->code.bytes,
                                          .code_size = call->code.size,
                                          .filename = script->filename,
                                          .policy = &policy,
                                          .plain = !call->argc && !call->file_count &&
                                                   !call->outputs && !call->volumes &&
                                                   !call->tools && !call->keep_files,
                                          .stdin_fd = -1,
                                          .stdin_bytes = call->stdin_text.bytes,
                                          .stdin_size = call->stdin_text.size,
                                          .sink = pa_tool_watch_sink(&script->watch),
                                          .cancel_fd = script->watch.cancel_fd,
                                          .pools = call->toolbox->config.pools,
                                          .take_until_ns = take_until(call->how)};
    int done =
        pa_python_try(call->toolbox->config.executor, &attempt, outcome, &script->choice, err);
    if (done == 0 && script->choice.finished)
        pa_tool_watch_finish(&script->watch, outcome);
    return done;
}

static int run_either(struct script *script, struct pa_outcome *outcome, struct pa_error *err) {
    if (script->call->engine == PA_PYTHON_INTERPRET)
        return resolve(script, err) < 0 ? -1 : run_once(script, outcome, err);
    int done = run_transpiled(script, outcome, err);
    if (done == 0 && !script->choice.finished)
        done = resolve(script, err) < 0 ? -1 : run_once(script, outcome, err);
    if (done == 0)
        pa_python_choice_tell(&script->choice, outcome);
    return done;
}

/* --- sessions --- */

int pa_prepared_hold(struct pa_prepared *prepared, const struct pa_session_asker *asker,
                     struct pa_session **ret, struct pa_error *err) {
    struct pa_prepared_call *call = (struct pa_prepared_call *)prepared;
    PA_ASSERT(!call->held);
    if (call->session_id && pa_sessions_hold(call->toolbox->config.sessions, asker,
                                             call->session_id, &call->held, err) < 0)
        return -1;
    *ret = call->held;
    return 0;
}

static int begin_session(struct script *script, struct pa_error *err) {
    struct pa_prepared_call *call = script->call;
    const struct pa_session_create create = {.owner = call->how->owner,
                                             .image = pa_steal(&script->image),
                                             .policy = &call->policy,
                                             .deadline_ns = take_until(call->how),
                                             .cancel_fd = script->watch.cancel_fd};
    char id[PA_SESSION_ID_TEXT];
    if (pa_sessions_create(call->toolbox->config.sessions, &create, id, err) < 0)
        return -1;
    snprintf(call->session, sizeof(call->session), "%s", id);
    return 0;
}

static int run_turn(struct script *script, struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_prepared_call *call = script->call;
    struct pa_outputs outputs;
    const struct pa_session_turn turn = {.held = pa_steal(&call->held),
                                         .program = &script->program,
                                         .limits = call->limits_given ? &call->policy.limits : NULL,
                                         .stdin_bytes = call->stdin_text.bytes,
                                         .stdin_size = call->stdin_text.size,
                                         .files = call->files,
                                         .file_count = call->file_count,
                                         .outputs = pa_tool_outputs(call, &outputs),
                                         .calls = pa_tool_offer(call),
                                         .sink = pa_tool_watch_sink(&script->watch),
                                         .deadline_ns = call->how->deadline_ns,
                                         .cancel_fd = script->watch.cancel_fd};
    pa_tool_watch_phase(&script->watch, "running");
    int done = pa_sessions_turn(call->toolbox->config.sessions, call->how->owner, call->session,
                                &turn, outcome, err);
    pa_tool_watch_finish(&script->watch, outcome);
    return done;
}

/* A session of another language would take the program for one of its own. */
static int check_language(const struct pa_prepared_call *call, struct pa_error *err) {
    const struct pa_toolbox_config *config = &call->toolbox->config;
    const struct pa_pack *pack = call->entry->pack;
    json_t *session;
    if (pa_sessions_inspect(config->sessions, call->how->owner, call->session_id, &session, err) <
        0)
        return -1;
    const char *language = json_string_value(json_object_get(session, "language"));
    const struct pa_pack *its = pa_packs_find(config->packs, language, err);
    int done = its ? 0 : -1;
    if (its && its != pack && !pa_pack_is_variant_of(its, pack))
        done = pa_fail(err, PA_ERR_FAILED_PRECONDITION, "the session %.64s is one of %s, not of %s",
                       call->session_id, its->name, pack->name);
    json_decref(session);
    return done;
}

static int run_in_session(struct script *script, struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_prepared_call *call = script->call;
    if (call->session_id) {
        snprintf(call->session, sizeof(call->session), "%s", call->session_id);
        return check_language(call, err) < 0 ? -1 : run_turn(script, outcome, err);
    }
    if (resolve(script, err) < 0 || begin_session(script, err) < 0)
        return -1;
    int done = run_turn(script, outcome, err);
    struct pa_error ignored;
    if (done < 0) /* nobody will know its id */
        pa_sessions_end(call->toolbox->config.sessions, call->how->owner, call->session, &ignored);
    return done;
}

int pa_script_run(struct pa_prepared_call *call, struct pa_outcome *outcome, struct pa_error *err) {
    struct script script = {.call = call};
    const bool session = call->session_id || call->new_session;
    if (pa_tool_watch_init(&script.watch, call->how, err) < 0)
        return -1;
    pa_tool_watch_phase(&script.watch, "starting");
    if (*call->interpreter)
        pa_tool_lower_compile_limits(call);
    describe_program(&script);
    int done = session ? run_in_session(&script, outcome, err) : run_either(&script, outcome, err);
    drop_image(&script);
    pa_tool_watch_done(&script.watch);
    free(script.argv);
    free(script.filename);
    return done;
}
