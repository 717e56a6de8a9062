/*
 * A session from what a caller sends as JSON, the same through each door.
 *
 *     {"language": "python", "name": "analysis", "labels": {"job": "7"}, "recover": true,
 *      "idle_ms": 60000, "life_ms": 3600000, ...}
 *
 * The rest are the parameters with which the language's executor tool begins a session: image, env,
 * limits, packages, deterministic, seed, volumes.
 *
 *     pa_service_new_session(service, caller, parameters, &how, &session, &faults, &err)
 */
#ifndef PA_SERVER_NEW_SESSION_H
#define PA_SERVER_NEW_SESSION_H

#include "run/sessions.h"
#include "server/service.h"

struct pa_new_session_how {
    uint64_t deadline_ns; /* PA_NEVER: none */
    int cancel_fd;        /* -1: none */
};

/* 0 with what pa_sessions_inspect says of it.  INVALID_ARGUMENT with *ret_faults as
 * pa_toolbox_prepare gives them; NULL otherwise. */
int pa_service_new_session(struct pa_service *service, const struct pa_caller *caller,
                           const json_t *parameters, const struct pa_new_session_how *how,
                           json_t **ret_session, json_t **ret_faults, struct pa_error *err);

#define PA_LANGUAGE_TEXT 64

/* The tool that runs programs of this language in sessions; NULL: there is none, or the caller may
 * not use it.  `ret_name` gets the language's own name ("javascript" for "js"). */
const struct pa_tool *pa_service_session_tool(struct pa_service *service,
                                              const struct pa_caller *caller, const char *language,
                                              char ret_name[PA_LANGUAGE_TEXT]);

/* The same for a session, by its language. */
int pa_service_tool_of_session(struct pa_service *service, const struct pa_caller *caller,
                               const char *session, const struct pa_tool **ret,
                               struct pa_error *err);

#endif
