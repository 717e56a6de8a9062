#include "run/language.h"

#include <jansson.h>

void pa_language_limits(const struct pa_pack *pack, struct pa_limits *limits) {
    for (size_t i = 0; i < pa_limit_count; i++) {
        const struct pa_limit_info *info = &pa_limit_infos[i];
        uint64_t *value = pa_limit_slot(limits, info);
        if (*value == info->initial)
            *value = *pa_limit_slot((struct pa_limits *)&pack->limits, info);
    }
    limits->module_bytes = PA_MAX(limits->module_bytes, pack->limits.module_bytes);
}

static int merge_env(const struct pa_pack *pack, struct pa_policy *policy, struct pa_error *err) {
    for (char *const *pair = pack->env; *pair; pair++) {
        const char *equals = strchr(*pair, '=');
        PA_CLEANUP(pa_freep) char *name = strndup(*pair, (size_t)(equals - *pair));
        if (!pa_policy_env(policy, name) && pa_policy_add_env(policy, name, equals + 1, err) < 0)
            return -1;
    }
    return 0;
}

/* A JSON string, or the error that says what is not UTF-8. */
static int set_text(json_t *object, const char *key, const char *text, struct pa_error *err) {
    if (json_object_set_new(object, key, json_string(text)) == 0)
        return 0;
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s: '%.64s' is not UTF-8", key, text);
}

static int set_list(json_t *object, const char *key, const char *const *texts, size_t count,
                    struct pa_error *err) {
    json_t *list = json_array();
    json_object_set_new(object, key, list);
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_string(texts[i])) < 0)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s[%zu]: '%.64s' is not UTF-8", key, i,
                           texts[i]);
    return 0;
}

static int set_env(json_t *object, const struct pa_policy *policy, struct pa_error *err) {
    json_t *env = json_object();
    json_object_set_new(object, "env", env);
    for (size_t i = 0; i < policy->env_count; i++) {
        const char *equals = strchr(policy->env[i], '=');
        PA_CLEANUP(pa_freep)
        char *name = strndup(policy->env[i], (size_t)(equals - policy->env[i]));
        if (set_text(env, name, equals + 1, err) < 0)
            return -1;
    }
    return 0;
}

static const char *const mode_names[] = {
    [PA_PROGRAM_SCRIPT] = "script",       [PA_PROGRAM_EXPRESSION] = "expression",
    [PA_PROGRAM_MODULE] = "module",       [PA_PROGRAM_COMPLETE] = "complete",
    [PA_PROGRAM_VARIABLES] = "variables",
};

static int append(const char *bytes, size_t size, void *buf) {
    pa_buf_append(buf, bytes, size);
    return 0;
}

static int set_paths(json_t *object, const struct pa_image *image, const struct pa_program *program,
                     struct pa_error *err) {
    char **paths = NULL;
    for (char **path = image->paths; path && *path; path++)
        pa_strv_add(&paths, pa_xstrdup(*path));
    for (size_t i = 0; i < program->path_count; i++)
        pa_strv_add(&paths, pa_xstrdup(program->paths[i]));
    int done = set_list(object, "path", (const char *const *)paths, pa_strv_count(paths), err);
    pa_strv_free(paths);
    return done;
}

/* The message of languages/PROTOCOL.md: a line of JSON, then the program as it is. */
static int write_message(struct pa_language_run *run, const struct pa_image *image,
                         const struct pa_program *program, struct pa_error *err) {
    json_t *header = json_object();
    json_object_set_new(header, "mode", json_string(mode_names[program->mode]));
    json_object_set_new(header, "session", json_boolean(program->session));
    json_object_set_new(header, "fresh", json_boolean(!program->continued));
    int failed =
        set_env(header, &run->policy, err) < 0 ||
        (program->filename && set_text(header, "filename", program->filename, err) < 0) ||
        (program->argv && set_list(header, "argv", program->argv, program->argc, err) < 0) ||
        set_paths(header, image, program, err) < 0;
    const struct pa_call_offer *offer = program->calls;
    if (!failed && offer && offer->tools)
        failed = pa_call_offer_check(offer->tools, err) < 0;
    if (!failed && offer && offer->tools)
        json_object_set(header, "tools", (json_t *)(uintptr_t)offer->tools);
    if (!failed && offer && offer->kv)
        json_object_set_new(header, "kv", json_true());
    if (!failed) {
        json_dump_callback(header, append, &run->header, JSON_COMPACT);
        pa_buf_append(&run->header, "\n", 1);
        pa_buf_append(&run->header, program->code, program->code_size);
    }
    json_decref(header);
    return failed ? -1 : 0;
}

/* --- the start --- */

/* What the boot script does before the checkpoint, and programs do not see: the request brings an
 * environment of its own.  What the pack would have imported is for roots alone, where nobody
 * waits, and in a deterministic one it would show. */
static int add_start(const struct pa_image *image, const struct pa_program *program,
                     struct pa_policy *policy, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *own = pa_strv_join(image->preload, " ");
    PA_CLEANUP(pa_freep) char *paths = pa_strv_join(image->paths, ":");
    bool root = program->root && !policy->deterministic;
    PA_CLEANUP(pa_freep) char *packs = root ? pa_strv_join(image->pack->preload, " ") : NULL;
    PA_CLEANUP(pa_freep)
    char *all = pa_xasprintf("%s%s%s", packs ? packs : "", packs ? " " : "", own);
    if (*all && pa_policy_add_env(policy, "POLYAGENT_PRELOAD", all, err) < 0)
        return -1;
    /* A root is got ready for many runs.  So are all in deterministic mode, where it would show. */
    if (!program->root && !policy->deterministic &&
        pa_policy_add_env(policy, "POLYAGENT_ONCE", "1", err) < 0)
        return -1;
    return *all && *paths ? pa_policy_add_env(policy, "POLYAGENT_PATH", paths, err) : 0;
}

static const char stdin_start[] = "import sys; exec(sys.stdin.read())";

bool pa_language_has_stdin_start(const struct pa_pack *pack) {
    return pack->entry.style == PA_ENTRY_COMMAND && pa_streq(pack->args[0], "python");
}

/* python -c 'import sys; exec(sys.stdin.read())' ARGUMENT..., with the program as its input. */
static int describe_stdin_start(struct pa_language_run *run, const struct pa_image *image,
                                const struct pa_program *program, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *paths = pa_strv_join(image->paths, ":");
    if (*paths && pa_policy_add_env(&run->policy, "PYTHONPATH", paths, err) < 0)
        return -1;
    if (program->session)
        return pa_fail(
            err, PA_ERR_FAILED_PRECONDITION,
            "the interpreter %s cannot keep a session: it does not know how to wait for a "
            "second program",
            image->pack->module_file);
    if (program->mode == PA_PROGRAM_MODULE)
        pa_buf_printf(
            &run->header,
            "import runpy; runpy.run_module('%.*s', run_name='__main__', alter_sys=True)\n",
            (int)program->code_size, (const char *)program->code);
    else
        pa_buf_append(&run->header, program->code, program->code_size);
    run->argv = pa_xcalloc(program->argc + 3, sizeof(*run->argv));
    run->argv[0] = "-c";
    run->argv[1] = stdin_start;
    for (size_t i = 1; i < program->argc; i++)
        run->argv[i + 1] = program->argv[i];
    run->request.argv = run->argv;
    run->request.argc = PA_MAX(program->argc, (size_t)1) + 1;
    return 0;
}

static int describe(struct pa_language_run *run, const struct pa_image *image,
                    const struct pa_program *program, struct pa_error *err) {
    const struct pa_pack *pack = image->pack;
    run->request = (struct pa_run_request){
        .module = {.name = pack->module_file ? pack->module_file : pack->name,
                   .path = run->module_path,
                   .size = pack->module_bytes,
                   .digest = pack->module_sha256,
                   .entry = &pack->entry},
        .policy = &run->policy,
        .argv0 = pack->args[0],
        .argv = (const char *const *)pack->args + 1,
        .argc = pa_strv_count(pack->args) - 1,
        .calls = program->calls,
        .stdin_fd = -1,
        .cancel_fd = -1};
    int done = image->without_checkpoint ? describe_stdin_start(run, image, program, err)
                                         : write_message(run, image, program, err);
    if (done < 0)
        return -1;
    if (run->header.failed)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "the program is larger than %zu bytes",
                       run->header.max);
    if (image->without_checkpoint) {
        run->request.stdin_bytes = run->header.data;
        run->request.stdin_size = run->header.size;
        return 0;
    }
    run->request.request = run->header.data;
    run->request.request_size = run->header.size;
    return add_start(image, program, &run->policy, err);
}

int pa_language_run_init(struct pa_language_run *run, const struct pa_image *image,
                         const char *cache_directory, const struct pa_policy *policy,
                         const struct pa_program *program, struct pa_error *err) {
    *run = (struct pa_language_run){.header = PA_BUF_INIT(PA_FRAME_MAX_REQUEST - PA_MIB)};
    pa_policy_copy(&run->policy, policy);
    pa_language_limits(image->pack, &run->policy.limits);
    run->module_path = pa_pack_module_path(image->pack, cache_directory);
    if (pa_image_add_mounts(image, cache_directory, &run->policy, err) < 0 ||
        merge_env(image->pack, &run->policy, err) < 0 || describe(run, image, program, err) < 0) {
        pa_language_run_done(run);
        return -1;
    }
    return 0;
}

void pa_language_run_done(struct pa_language_run *run) {
    pa_policy_done(&run->policy);
    pa_buf_done(&run->header);
    free(run->module_path);
    free(run->boot_path);
    free(run->argv);
    run->module_path = NULL;
    run->boot_path = NULL;
    run->argv = NULL;
}
