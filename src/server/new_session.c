/*
 * What a session is and what its first program may be are one set of parameters to a language's
 * tool, so its own rules check them: a call that would begin a session is prepared, and in place of
 * running it a session is made of its image and policy.
 */
#include "server/new_session.h"

#include "server/callers.h"

/* Parameters that are the session's own, and taken out before the tool sees the rest. */
struct own {
    const char *language, *name;
    json_t *labels;
    bool recover;
    uint64_t idle_ms, life_ms;
};

static bool has_text(const json_t *list, const char *text) {
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)list, i, item) {
        const char *its = json_string_value(item);
        if (its && pa_streq(its, text))
            return true;
    }
    return false;
}

/* Variants (python3.12) and aliases (js) have the tool of their language. */
const struct pa_tool *pa_service_session_tool(struct pa_service *service,
                                              const struct pa_caller *caller, const char *language,
                                              char ret_name[PA_LANGUAGE_TEXT]) {
    json_t *languages = pa_toolbox_languages(pa_service_toolbox(service)), *item;
    const struct pa_tool *tool = NULL;
    size_t i;
    json_array_foreach(languages, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *its = json_string_value(json_object_get(item, "tool"));
        if (!name || !its || tool ||
            !(pa_streq(name, language) || has_text(json_object_get(item, "aliases"), language)))
            continue;
        snprintf(ret_name, PA_LANGUAGE_TEXT, "%s", name);
        if (pa_caller_may_language(caller, name) && pa_caller_may_use(caller, its))
            tool = pa_toolbox_find(pa_service_toolbox(service), its);
    }
    json_decref(languages);
    return tool;
}

int pa_service_tool_of_session(struct pa_service *service, const struct pa_caller *caller,
                               const char *session, const struct pa_tool **ret,
                               struct pa_error *err) {
    struct pa_sessions *sessions = pa_service_sessions(service);
    json_t *state;
    if (!sessions)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "this server keeps no sessions");
    if (pa_sessions_inspect(sessions, pa_caller_name(caller), session, &state, err) < 0)
        return -1;
    const char *language = json_string_value(json_object_get(state, "language"));
    char name[PA_LANGUAGE_TEXT];
    PA_ASSERT(language);
    *ret = pa_service_session_tool(service, caller, language, name);
    if (!*ret)
        pa_fail(err, PA_ERR_PERMISSION_DENIED, "this key may not run %s", language);
    json_decref(state);
    return *ret ? 0 : -1;
}

static int refuse(json_t **ret_faults, const char *path, const char *got, const char *allowed,
                  struct pa_error *err) {
    *ret_faults = json_pack("[{s:s, s:s, s:s}]", "path", path, "got", got, "allowed", allowed);
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s: got %s, allowed is %s", path, got, allowed);
}

static bool are_labels(const json_t *value) {
    const char *name;
    json_t *label;
    if (!json_is_object(value))
        return false;
    json_object_foreach((json_t *)value, name, label) {
        if (!json_is_string(label))
            return false;
    }
    return true;
}

static bool is_time(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) > 0;
}

/* What a session that begins cannot have. */
static bool is_never(const json_t *value) {
    return false;
}

static int take_own(const json_t *parameters, struct own *own, json_t **ret_faults,
                    struct pa_error *err) {
    const struct {
        const char *name, *allowed;
        bool fits;
    } fields[] = {
#define FIELD(name, test, allowed)                                                                 \
    {"/" name, allowed,                                                                            \
     !json_object_get(parameters, name) || test(json_object_get(parameters, name))}
        FIELD("language", json_is_string, "the name of a language"),
        FIELD("name", json_is_string, "text"),
        FIELD("labels", are_labels, "an object of strings"),
        FIELD("recover", json_is_boolean, "true or false"),
        FIELD("idle_ms", is_time, "a number of milliseconds"),
        FIELD("life_ms", is_time, "a number of milliseconds"),
        FIELD("session_id", is_never, "nothing: the server chooses it"),
        FIELD("code", is_never, "nothing: a session begins without a program"),
#undef FIELD
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(fields); i++)
        if (!fields[i].fits)
            return refuse(ret_faults, fields[i].name, "something else", fields[i].allowed, err);
    const char *language = json_string_value(json_object_get(parameters, "language"));
    *own = (struct own){
        .language = language ? language : "python",
        .name = json_string_value(json_object_get(parameters, "name")),
        .labels = json_object_get(parameters, "labels"),
        .recover = json_is_true(json_object_get(parameters, "recover")),
        .idle_ms = (uint64_t)json_integer_value(json_object_get(parameters, "idle_ms")),
        .life_ms = (uint64_t)json_integer_value(json_object_get(parameters, "life_ms")),
    };
    return 0;
}

/* The parameters of the call that would begin the session. */
static json_t *call_parameters(const json_t *parameters, const char *language,
                               const struct pa_tool *tool) {
    static const char *const own[] = {"language", "name",    "labels",
                                      "recover",  "idle_ms", "life_ms"};
    json_t *rest = json_copy((json_t *)(uintptr_t)parameters);
    for (size_t i = 0; i < PA_ARRAY_LEN(own); i++)
        json_object_del(rest, own[i]);
    json_object_set_new(rest, "code", json_string(""));
    json_object_set_new(rest, "new_session", json_true());
    if (!json_object_get(rest, "image") && !pa_streq(language, tool->language))
        json_object_set_new(rest, "image", json_string(language));
    return rest;
}

static int create(struct pa_service *service, const struct pa_caller *caller, const struct own *own,
                  struct pa_prepared *prepared, const struct pa_new_session_how *how,
                  json_t **ret_session, struct pa_error *err) {
    struct pa_sessions *sessions = pa_service_sessions(service);
    char id[PA_SESSION_ID_TEXT];
    struct pa_session_create create = {.owner = pa_caller_name(caller),
                                       .name = own->name,
                                       .labels = own->labels,
                                       .policy = prepared->policy,
                                       .recover = own->recover,
                                       .idle_ms = own->idle_ms,
                                       .life_ms = own->life_ms,
                                       .deadline_ns = how->deadline_ns,
                                       .cancel_fd = how->cancel_fd};
    if ((pa_prepared_volumes(prepared) && pa_service_check_volumes(caller, err) < 0) ||
        pa_prepared_mount(prepared, create.owner, err) < 0 ||
        pa_prepared_image(prepared, &create.image, err) < 0 ||
        pa_sessions_create(sessions, &create, id, err) < 0)
        return -1;
    return pa_sessions_inspect(sessions, create.owner, id, ret_session, err);
}

int pa_service_new_session(struct pa_service *service, const struct pa_caller *caller,
                           const json_t *parameters, const struct pa_new_session_how *how,
                           json_t **ret_session, json_t **ret_faults, struct pa_error *err) {
    struct own own = {0};
    struct pa_prepared *prepared;
    *ret_faults = NULL;
    if (!pa_service_sessions(service))
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "this server keeps no sessions");
    if (take_own(parameters, &own, ret_faults, err) < 0)
        return -1;
    char name[PA_LANGUAGE_TEXT] = "";
    const struct pa_tool *tool = pa_service_session_tool(service, caller, own.language, name);
    if (!tool)
        return refuse(ret_faults, "/language", own.language,
                      "a language of /v1/languages that has sessions and that this key may use",
                      err);
    json_t *call = call_parameters(parameters, name, tool);
    int done = pa_toolbox_prepare(pa_service_toolbox(service), tool->name, call,
                                  pa_caller_ceilings(caller), &prepared, ret_faults, err);
    json_decref(call);
    if (done < 0)
        return -1;
    done = create(service, caller, &own, prepared, how, ret_session, err);
    pa_prepared_free(prepared);
    return done;
}
