/*
 * A model that writes code: one question to an endpoint with OpenAI's chat completions
 * (https://platform.openai.com/docs/api-reference/chat).
 *
 *     pa_model_ask(&call, messages, &answer, &err)
 *
 * Threads: any; the call blocks.
 */
#ifndef PA_SERVER_HTTP_MODEL_H
#define PA_SERVER_HTTP_MODEL_H

#include "base/error.h"
#include <jansson.h>

#define PA_MODEL_ANSWER_MOST ((size_t)4 << 20) /* bytes */
#define PA_MODEL_TIMEOUT_MS  120000

struct pa_model_call {
    const char *endpoint; /* "https://host/v1" */
    const char *model;    /* NULL: the endpoint's own */
    const char *key;      /* NULL: none */
    uint64_t deadline_ns; /* monotonic */
    int cancel_fd;        /* -1: none */
};

/* The text of the first choice, from malloc.  UNAVAILABLE when the endpoint cannot be reached or
 * answers with an error (never with its key), DEADLINE_EXCEEDED, CANCELLED. */
int pa_model_ask(const struct pa_model_call *call, const json_t *messages, char **ret_answer,
                 struct pa_error *err);

#endif
