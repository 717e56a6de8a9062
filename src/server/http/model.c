#include "server/http/model.h"

#include "base/clock.h"
#include "base/buf.h"
#include <curl/curl.h>
#include <poll.h>

/* What the transfer is watched by. */
struct watch {
    const struct pa_model_call *call;
    struct pa_buf answer;
    bool cancelled;
};

static size_t take_answer(char *bytes, size_t size, size_t count, void *context) {
    struct watch *watch = context;
    pa_buf_append(&watch->answer, bytes, size * count);
    return watch->answer.failed ? 0 : size * count;
}

/* curl calls it at least once a second, and after each piece. */
static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct watch *watch = context;
    struct pollfd fd = {.fd = watch->call->cancel_fd, .events = POLLIN};
    watch->cancelled = watch->call->cancel_fd >= 0 && poll(&fd, 1, 0) > 0;
    return watch->cancelled;
}

static long time_left_ms(const struct pa_model_call *call) {
    uint64_t now = pa_clock_monotonic_ns();
    uint64_t left = call->deadline_ns > now ? (call->deadline_ns - now) / PA_NS_PER_MS : 1;
    return (long)PA_MIN(PA_MAX(left, (uint64_t)1), (uint64_t)PA_MODEL_TIMEOUT_MS);
}

static int judge(CURL *curl, CURLcode code, const struct watch *watch, struct pa_error *err) {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (watch->cancelled)
        return pa_fail(err, PA_ERR_CANCELLED, "the caller gave up while the model wrote");
    if (code == CURLE_OPERATION_TIMEDOUT)
        return pa_fail(err, PA_ERR_DEADLINE_EXCEEDED, "the model did not answer in time");
    if (code != CURLE_OK)
        return pa_fail(err, PA_ERR_UNAVAILABLE, "the model's endpoint (server.tasks_endpoint): %s",
                       watch->answer.failed ? "its answer is too large" : curl_easy_strerror(code));
    if (status != 200)
        return pa_fail(err, PA_ERR_UNAVAILABLE,
                       "the model's endpoint (server.tasks_endpoint) answers %ld", status);
    return 0;
}

static int post(const struct pa_model_call *call, const char *body, struct watch *watch,
                struct pa_error *err) {
    PA_CLEANUP(pa_freep)
    char *url = pa_xasprintf("%s%schat/completions", call->endpoint,
                             call->endpoint[strlen(call->endpoint) - 1] == '/' ? "" : "/");
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = curl_easy_init();
    int done = curl ? 0 : pa_fail(err, PA_ERR_UNAVAILABLE, "out of memory for a request");
    if (done == 0) {
        if (call->key)
            curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, call->key);
        if (call->key)
            curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, watch);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, watch);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, time_left_ms(call));
        done = judge(curl, curl_easy_perform(curl), watch, err);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return done;
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
    struct watch watch = {.call = call, .answer = PA_BUF_INIT(PA_MODEL_ANSWER_MOST)};
    int done = body ? post(call, body, &watch, err)
                    : pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the task is not UTF-8");
    if (done == 0)
        done = read_choice(&watch.answer, ret_answer, err);
    pa_buf_done(&watch.answer);
    return done;
}
