/*
 * Tools: what there is, and calling one.  A call answers when its run has ended; with
 * ?stream=ndjson or ?stream=sse, or the Accept header of either, as it happens; with "Prefer:
 * respond-async" at once, with where to look.
 *
 *     {"type": "run", "run_id": "r-..."}                          first
 *     {"type": "task", "tool": ..., "parameters": {...}, ...}     what a sentence was taken for
 *     {"type": "phase", "phase": "queued"}                        compiling, starting, running
 *     {"type": "stdout", "text": "..."}                           and stderr; what is not UTF-8 is
 *                                                                 U+FFFD here and exact in the end
 *     {"type": "result", "data": {"text/plain": "...", ...}}
 *     {"type": "error", "name": ..., "value": ..., "traceback": ...}
 *     {"type": "call", "run_id", "call_id": 1, "name": ..., "arguments": {...}}
 *                                                                 to be answered by POST
 *                                                                 /v1/runs/{run_id}/calls/{call_id}
 *     {"type": "outcome", "outcome": {...}}                       last; or, of the host's trouble,
 *     {"type": "problem", "problem": {...}}
 *
 * As server-sent events each is one event of its type, with the same object as its data.
 */
#include "server/http/job.h"

#include <strings.h>

/* --- events ----------------------------------------------------------------------------------- */

static bool is_sse(const struct pa_http_job *job);

static void tell(struct pa_http_job *job, const char *type, json_t *event) {
    PA_CLEANUP(pa_freep) char *text = event ? json_dumps(event, PA_HTTP_DUMP) : NULL;
    json_decref(event);
    if (!text)
        return;
    struct pa_buf line = PA_BUF_INIT(SIZE_MAX / 2);
    if (is_sse(job))
        pa_buf_printf(&line, "event: %s\ndata: ", type);
    pa_buf_append_text(&line, text);
    pa_buf_append_text(&line, is_sse(job) ? "\n\n" : "\n");
    pa_http_job_write(job, line.data, line.size);
    pa_buf_done(&line);
}

static void tell_began(struct pa_http_job *job, const char *run_id) {
    const json_t *task = *pa_http_job_memory(job);
    tell(job, "run", json_pack("{s:s, s:s}", "type", "run", "run_id", run_id));
    if (!task)
        return;
    json_t *event = json_pack("{s:s}", "type", "task");
    json_object_update(event, (json_t *)(uintptr_t)task);
    tell(job, "task", event);
}

static void tell_phase(struct pa_http_job *job, const char *phase) {
    tell(job, "phase", json_pack("{s:s, s:s}", "type", "phase", "phase", phase));
}

static void tell_output(struct pa_http_job *job, enum pa_output output, const char *text,
                        size_t size) {
    const char *type = output == PA_STDOUT ? "stdout" : "stderr";
    tell(job, type,
         json_pack("{s:s, s:o}", "type", type, "text", json_stringn_nocheck(text, size)));
}

/* Of what a guest hands over, results and errors are for the caller; the rest is between the boot
 * script and the supervisor. */
static void tell_result(struct pa_http_job *job, const json_t *message) {
    const char *type = json_string_value(json_object_get(message, "type"));
    if (type && (pa_streq(type, "result") || pa_streq(type, "error")))
        tell(job, type, json_incref((json_t *)message));
}

static void tell_call(struct pa_http_job *job, const char *run_id, uint64_t call_id,
                      const char *name, const json_t *arguments) {
    tell(job, "call",
         json_pack("{s:s, s:s, s:I, s:s, s:O}", "type", "call", "run_id", run_id, "call_id",
                   (json_int_t)call_id, "name", name, "arguments", arguments));
}

static void tell_end(struct pa_http_job *job, const struct pa_service_reply *reply,
                     const json_t *problem) {
    const char *type = problem ? "problem" : "outcome";
    tell(job, type,
         json_pack("{s:s, s:O}", "type", type, type, problem ? problem : reply->outcome));
}

static const struct pa_http_teller ndjson = {
    .content_type = "application/x-ndjson",
    .door = "http",
    .began = tell_began,
    .phase = tell_phase,
    .output = tell_output,
    .result = tell_result,
    .call = tell_call,
    .ended = tell_end,
};

static const struct pa_http_teller sse = {
    .content_type = "text/event-stream",
    .heartbeat = ":\n\n",
    .door = "http",
    .began = tell_began,
    .phase = tell_phase,
    .output = tell_output,
    .result = tell_result,
    .call = tell_call,
    .ended = tell_end,
};

static bool is_sse(const struct pa_http_job *job) {
    return pa_http_job_teller(job) == &sse;
}

/* --- calls ------------------------------------------------------------------------------------ */

/* The format that is asked for; NULL: none. */
static int find_teller(const struct pa_http_request *request, const struct pa_http_teller **ret,
                       struct pa_error *err) {
    const char *stream = pa_http_query(request, "stream");
    *ret = NULL;
    if (stream && pa_streq(stream, "ndjson"))
        *ret = &ndjson;
    else if (stream && pa_streq(stream, "sse"))
        *ret = &sse;
    else if (stream)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "stream=%.40s in the query: ndjson or sse is wanted", stream);
    else if (pa_http_header_has(request, "Accept", "text/event-stream"))
        *ret = &sse;
    else if (pa_http_header_has(request, "Accept", "application/x-ndjson"))
        *ret = &ndjson;
    return 0;
}

int pa_http_call_tool(struct pa_http_request *request, const char *tool, const json_t *parameters,
                      struct pa_service_reply *reply, struct pa_error *err) {
    const struct pa_service_call call = {
        .caller = request->caller,
        .door = "http",
        .tool = tool,
        .parameters = parameters,
        .traceparent = pa_http_header(request, "traceparent"),
        .deadline_ns = request->deadline_ns,
        .cancel_fd = pa_http_peer_gone_fd(request->peer),
        .no_calls = PA_HTTP_NO_CALLS,
    };
    *reply = (struct pa_service_reply){0};
    int done = pa_service_call(request->door->service, &call, reply, err);
    memcpy(request->run_id, reply->run_id, sizeof(request->run_id));
    memcpy(request->traceparent, reply->traceparent, sizeof(request->traceparent));
    request->faults = json_incref(reply->faults);
    request->retry_after_ms = reply->retry_after_ms;
    return done;
}

int pa_http_check_stream(const struct pa_http_request *request, struct pa_error *err) {
    const struct pa_http_teller *teller;
    return find_teller(request, &teller, err);
}

/* Calls the tool and replies with its outcome, inside of `task` where there is one. */
static int run_whole(struct pa_http_request *request, const char *tool, const json_t *parameters,
                     json_t *task, struct pa_error *err) {
    struct pa_service_reply reply;
    int done = pa_http_call_tool(request, tool, parameters, &reply, err);
    if (done == 0 && task)
        json_object_set(task, "outcome", reply.outcome);
    if (done == 0)
        pa_http_reply_json(request, MHD_HTTP_OK, json_incref(task ? task : reply.outcome));
    pa_service_reply_done(&reply);
    return done;
}

int pa_http_run_tool(struct pa_http_request *request, const char *tool, json_t *parameters,
                     json_t *task, struct pa_error *err) {
    const struct pa_http_teller *teller = NULL;
    int done = find_teller(request, &teller, err);
    if (done == 0 && (teller || pa_http_header_has(request, "Prefer", "respond-async"))) {
        const struct pa_http_job_call call = {.request = request,
                                              .tool = tool,
                                              .parameters = parameters,
                                              .memory = task,
                                              .teller = teller};
        return pa_http_job_start(&call, err);
    }
    if (done == 0)
        done = run_whole(request, tool, parameters, task, err);
    json_decref(parameters);
    json_decref(task);
    return done;
}

int pa_http_post_tool(struct pa_http_request *request, struct pa_error *err) {
    return pa_http_run_tool(request, request->params[0], pa_steal(&request->json), NULL, err);
}

/* --- what there is ---------------------------------------------------------------------------- */

static json_t *describe(const struct pa_tool *tool) {
    return json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:O, s:O}", "name", tool->name, "title",
                     tool->title, "description", tool->description, "language", tool->language,
                     "input_schema", tool->input_schema, "output_schema", tool->output_schema,
                     "examples", tool->examples, "annotations", tool->annotations);
}

int pa_http_get_tools(struct pa_http_request *request, struct pa_error *err) {
    size_t count;
    json_t *list = json_array();
    const struct pa_tool *tools =
        pa_toolbox_tools(pa_service_toolbox(request->door->service), &count);
    for (size_t i = 0; i < count; i++)
        if (pa_caller_may_use(request->caller, tools[i].name))
            json_array_append_new(list, describe(&tools[i]));
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o}", "tools", list));
}

int pa_http_get_tool(struct pa_http_request *request, struct pa_error *err) {
    const struct pa_tool *tool =
        pa_toolbox_find(pa_service_toolbox(request->door->service), request->params[0]);
    if (!tool || !pa_caller_may_use(request->caller, tool->name))
        return pa_fail(err, PA_ERR_NOT_FOUND, "there is no tool '%.100s': /v1/tools lists them",
                       request->params[0]);
    return pa_http_reply_json(request, MHD_HTTP_OK, describe(tool));
}

int pa_http_get_languages(struct pa_http_request *request, struct pa_error *err) {
    json_t *languages = pa_toolbox_languages(pa_service_toolbox(request->door->service));
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o}", "languages", languages));
}
