#include "run/language.h"

#include <jansson.h>

static void merge_limits(const struct pa_pack *pack, struct pa_limits *limits) {
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
        PA_CLEANUP(pa_freep) char *name = strndup(policy->env[i], (size_t)(equals - policy->env[i]));
        if (set_text(env, name, equals + 1, err) < 0)
            return -1;
    }
    return 0;
}

static const char *const mode_names[] = {
    [PA_PROGRAM_SCRIPT] = "script",
    [PA_PROGRAM_EXPRESSION] = "expression",
    [PA_PROGRAM_MODULE] = "module",
};

static int append(const char *bytes, size_t size, void *buf) {
    pa_buf_append(buf, bytes, size);
    return 0;
}

/* The message of languages/PROTOCOL.md: a line of JSON, then the program as it is. */
static int write_message(struct pa_language_run *run, const struct pa_program *program,
                         struct pa_error *err) {
    json_t *header = json_object();
    json_object_set_new(header, "mode", json_string(mode_names[program->mode]));
    json_object_set_new(header, "session", json_boolean(program->session));
    json_object_set_new(header, "fresh", json_boolean(!program->continued));
    int failed = set_env(header, &run->policy, err) < 0 ||
                 (program->filename && set_text(header, "filename", program->filename, err) < 0) ||
                 (program->argv && set_list(header, "argv", program->argv, program->argc, err) < 0) ||
                 set_list(header, "path", program->paths, program->path_count, err) < 0;
    if (!failed) {
        json_dump_callback(header, append, &run->header, JSON_COMPACT);
        pa_buf_append(&run->header, "\n", 1);
        pa_buf_append(&run->header, program->code, program->code_size);
    }
    json_decref(header);
    if (!failed && run->header.failed)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "the program is larger than %u bytes",
                       PA_FRAME_MAX_REQUEST);
    return failed ? -1 : 0;
}

int pa_language_run_init(struct pa_language_run *run, const struct pa_pack *pack,
                         const char *cache_directory, const struct pa_policy *policy,
                         const struct pa_program *program, struct pa_error *err) {
    *run = (struct pa_language_run){.header = PA_BUF_INIT(PA_FRAME_MAX_REQUEST - PA_MIB)};
    pa_policy_copy(&run->policy, policy);
    merge_limits(pack, &run->policy.limits);
    if (pa_pack_add_mounts(pack, cache_directory, &run->policy, err) < 0 ||
        merge_env(pack, &run->policy, err) < 0 || write_message(run, program, err) < 0) {
        pa_language_run_done(run);
        return -1;
    }
    run->module_path = pa_pack_module_path(pack, cache_directory);
    run->request = (struct pa_run_request){
        .module = {.name = pack->name,
                   .path = run->module_path,
                   .size = pack->module_bytes,
                   .digest = pack->module_sha256,
                   .entry = &pack->entry},
        .policy = &run->policy,
        .argv0 = pack->args[0],
        .argv = (const char *const *)pack->args + 1,
        .argc = pa_strv_count(pack->args) - 1,
        .request = run->header.data,
        .request_size = run->header.size,
        .stdin_fd = -1,
        .cancel_fd = -1};
    return 0;
}

void pa_language_run_done(struct pa_language_run *run) {
    pa_policy_done(&run->policy);
    pa_buf_done(&run->header);
    free(run->module_path);
    run->module_path = NULL;
}
