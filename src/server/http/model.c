#include "server/http/model.h"

#include "base/clock.h"
#include "server/post.h"
#include <poll.h>

static bool is_given_up(void *context) {
    const struct pa_model_call *call = context;
    struct pollfd fd = {.fd = call->cancel_fd, .events = POLLIN};
    return call->cancel_fd >= 0 && poll(&fd, 1, 0) > 0;
}

static uint64_t time_left_ms(const struct pa_model_call *call) {
    uint64_t now = pa_clock_monotonic_ns();
    uint64_t left = call->deadline_ns > now ? (call->deadline_ns - now) / PA_NS_PER_MS : 0;
    return PA_MIN(left, (uint64_t)PA_MODEL_TIMEOUT_MS);
}

static int post(const struct pa_model_call *call, const char *body, struct pa_buf *answer,
                struct pa_error *err) {
    PA_CLEANUP(pa_freep)
    char *url = pa_xasprintf("%s%schat/completions", call->endpoint,
                             call->endpoint[strlen(call->endpoint) - 1] == '/' ? "" : "/");
    const struct pa_post post = {.url = url,
                                 .body = body,
                                 .key = call->key,
                                 .timeout_ms = time_left_ms(call),
                                 .is_over = is_given_up,
                                 .context = (void *)(uintptr_t)call};
    struct pa_poster *poster = pa_poster_new();
    long status = 0;
    int done = poster ? pa_post(poster, &post, answer, &status, err)
                      : pa_fail(err, PA_ERR_UNAVAILABLE, "libcurl does not start");
    pa_poster_free(poster);
    if (done == 0 && status != 200)
        done = pa_fail(err, PA_ERR_UNAVAILABLE, "it answers %ld", status);
    return done < 0 ? pa_error_prefix(err, "the model's endpoint (server.tasks_endpoint)") : 0;
}

static int read_choice(const struct pa_buf *text, char **ret_answer, struct pa_error *err) {
    json_t *value = json_loadb(pa_buf_text(text), text->size, 0, NULL);
    json_t *choice = json_array_get(json_object_get(value, "choices"), 0);
    const char *content =
        json_string_value(json_object_get(json_object_get(choice, "message"), "content"));
    *ret_answer = content ? pa_xstrdup(content) : NULL;
    json_decref(value);
    return content ? 0
                   : pa_fail(err, PA_ERR_UNAVAILABLE,
                             "the model's endpoint (server.tasks_endpoint) answers something else "
                             "than a chat completion");
}

int pa_model_ask(const struct pa_model_call *call, const json_t *messages, char **ret_answer,
                 struct pa_error *err) {
    json_t *question = json_pack("{s:O, s:b}", "messages", messages, "stream", 0);
    if (call->model)
        json_object_set_new(question, "model", json_string(call->model));
    PA_CLEANUP(pa_freep) char *body = json_dumps(question, JSON_COMPACT);
    json_decref(question);
    PA_CLEANUP(pa_buf_done) struct pa_buf answer = PA_BUF_INIT(PA_MODEL_ANSWER_MOST);
    if (!body)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the task is not UTF-8");
    if (post(call, body, &answer, err) < 0)
        return -1;
    return read_choice(&answer, ret_answer, err);
}
