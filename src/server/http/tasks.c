/*
 * Tasks: a sentence in, an outcome out.  Where the sentence brings its code, rules find it
 * (tools/task.h); where it does not, a model is asked for it, if one is configured: an endpoint
 * that speaks OpenAI's chat completions.  The model only writes; what it wrote runs like any code.
 */
#include "server/http/http_internal.h"
#include "server/http/model.h"
#include "tools/task.h"

/* Asks the model; its answer becomes the task's parameters. */
static int ask_model(struct pa_http_request *request, struct pa_task *task, const char *text,
                     struct pa_error *err) {
    const struct pa_server_settings *settings = request->door->settings;
    PA_CLEANUP(pa_freep) char *answer = NULL;
    if (!settings->tasks_endpoint)
        return pa_http_fail(
            request, MHD_HTTP_UNPROCESSABLE_CONTENT, err, PA_ERR_FAILED_PRECONDITION,
            "the task has no code in it, and no model is configured to write it: put the code into "
            "the task (\"Execute Python: ...\" or between ```), or set server.tasks_endpoint");
    const struct pa_model_call call = {.endpoint = settings->tasks_endpoint,
                                       .model = settings->tasks_model,
                                       .key = request->door->model_key,
                                       .deadline_ns = request->deadline_ns,
                                       .cancel_fd = pa_http_peer_gone_fd(request->peer)};
    json_t *messages = pa_task_messages(task, text, strlen(text));
    int done = pa_model_ask(&call, messages, &answer, err);
    json_decref(messages);
    if (done < 0)
        return -1;
    return pa_task_take_answer(task, answer, strlen(answer), err);
}

static int run_task(struct pa_http_request *request, const struct pa_task *task, bool by_model,
                    struct pa_error *err) {
    json_t *told =
        json_pack("{s:s, s:O}", "tool", task->tool->name, "parameters", task->parameters);
    if (by_model)
        json_object_set_new(told, "written_by", json_string(request->door->settings->tasks_model));
    return pa_http_run_tool(request, task->tool->name, json_incref(task->parameters), told, err);
}

int pa_http_post_task(struct pa_http_request *request, struct pa_error *err) {
    const json_t *sentence = json_object_get(request->json, "task");
    const char *text = json_string_value(sentence);
    struct pa_task task;
    if (!text || json_object_size(request->json) != 1)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "{\"task\": \"...\"} is wanted, with a text and nothing else");
    if (pa_http_check_stream(request, err) < 0) /* before a model is asked */
        return -1;
    if (pa_task_route(pa_service_toolbox(request->door->service), text,
                      json_string_length(sentence), &task, err) < 0)
        return -1;
    bool by_model = !task.parameters;
    int done = by_model ? ask_model(request, &task, text, err) : 0;
    if (done == 0)
        done = run_task(request, &task, by_model, err);
    pa_task_done(&task);
    return done;
}
