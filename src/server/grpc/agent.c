/*
 * polyagent.agent.AgentService: tools over gRPC.  A method unpacks its request, calls the service,
 * and packs what came back; what a run tells while it lasts becomes an event each.
 */
#include "server/grpc/grpc_internal.h"

#include "base/clock.h"
#include "server/grpc/struct_json.h"
#include <agent.pb-c.h>

typedef Polyagent__Agent__ToolCallRequest request_t;
typedef Polyagent__Agent__ToolCallEvent event_t;

#define SERVICE "/polyagent.agent.AgentService/"

/* --- running -------------------------------------------------------------------------------- */

static bool send_event(struct pa_rpc *rpc, event_t *event) {
    return pa_rpc_send(rpc, &event->base);
}

/* Who is told of a run. */
struct listener {
    struct pa_rpc *rpc;
    const struct pa_tool_call *call;
};

static void on_began(void *context, const char *run_id) {
    const struct listener *listener = context;
    event_t event = POLYAGENT__AGENT__TOOL_CALL_EVENT__INIT;
    Polyagent__Agent__Started started = POLYAGENT__AGENT__STARTED__INIT;
    started.run_id = pa_message_view(run_id);
    event.event_case = POLYAGENT__AGENT__TOOL_CALL_EVENT__EVENT_STARTED;
    event.started = &started;
    send_event(listener->rpc, &event);
    if (listener->call->asks)
        listener->call->asks(listener->call->context, run_id);
}

/* From another thread, but never beside another event (service.h). */
static void on_call(void *context, uint64_t call_id, const char *name, const json_t *arguments) {
    const struct listener *listener = context;
    event_t event = POLYAGENT__AGENT__TOOL_CALL_EVENT__INIT;
    Polyagent__Agent__Call call = POLYAGENT__AGENT__CALL__INIT;
    call.call_id = call_id;
    call.name = pa_message_view(name);
    call.arguments = pa_message_struct(arguments);
    event.event_case = POLYAGENT__AGENT__TOOL_CALL_EVENT__EVENT_CALL;
    event.call = &call;
    send_event(listener->rpc, &event);
    free(call.arguments.data);
}

static void on_phase(void *rpc, const char *phase) {
    event_t event = POLYAGENT__AGENT__TOOL_CALL_EVENT__INIT;
    event.event_case = POLYAGENT__AGENT__TOOL_CALL_EVENT__EVENT_PHASE;
    event.phase = pa_message_view(phase);
    send_event(rpc, &event);
}

static bool on_output(void *rpc, enum pa_output output, const void *bytes, size_t size) {
    event_t event = POLYAGENT__AGENT__TOOL_CALL_EVENT__INIT;
    const ProtobufCBinaryData chunk = {size, (uint8_t *)(uintptr_t)bytes};
    if (output == PA_STDOUT) {
        event.event_case = POLYAGENT__AGENT__TOOL_CALL_EVENT__EVENT_STDOUT;
        event.stdout = chunk;
    } else {
        event.event_case = POLYAGENT__AGENT__TOOL_CALL_EVENT__EVENT_STDERR;
        event.stderr = chunk;
    }
    return send_event(rpc, &event);
}

/* A line that the guest handed over: a result, or what will be in the outcome. */
static bool on_result(void *rpc, const char *json, size_t size) {
    json_t *line = json_loadb(json, size, JSON_ALLOW_NUL, NULL);
    const char *type = json_string_value(json_object_get(line, "type"));
    const json_t *data = json_object_get(line, "data");
    bool listens = true;
    if (type && pa_streq(type, "result") && json_is_object(data)) {
        event_t event = POLYAGENT__AGENT__TOOL_CALL_EVENT__INIT;
        event.event_case = POLYAGENT__AGENT__TOOL_CALL_EVENT__EVENT_RESULT;
        event.result = pa_message_struct(data);
        listens = send_event(rpc, &event);
        free(event.result.data);
    }
    json_decref(line);
    return listens;
}

static void add_trailers(struct pa_rpc *rpc, const struct pa_service_reply *reply) {
    if (reply->run_id[0])
        pa_rpc_trailer(rpc, "run-id", reply->run_id, strlen(reply->run_id));
    if (reply->traceparent[0])
        pa_rpc_trailer(rpc, "traceparent", reply->traceparent, strlen(reply->traceparent));
}

static void answer(struct pa_rpc *rpc, const json_t *outcome, bool typed_only, bool streams) {
    Polyagent__Agent__ToolCallResponse *response = pa_outcome_message(outcome, typed_only);
    if (streams) {
        event_t event = POLYAGENT__AGENT__TOOL_CALL_EVENT__INIT;
        event.event_case = POLYAGENT__AGENT__TOOL_CALL_EVENT__EVENT_ENDED;
        event.ended = response;
        pa_rpc_reply(rpc, &event.base);
    } else {
        pa_rpc_reply(rpc, &response->base);
    }
    pa_outcome_message_free(response);
}

int pa_rpc_take_call(request_t *request, char **ret_tool, json_t **ret_parameters,
                     struct pa_error *err) {
    int done = pa_message_text(&request->tool_name, "tool_name", ret_tool, err);
    if (done == 0)
        done =
            pa_struct_read(request->parameters.data, request->parameters.len, ret_parameters, err);
    pa_message_free(request);
    return done;
}

void pa_rpc_call_tool(struct pa_rpc *rpc, const struct pa_tool_call *call) {
    const struct pa_tool_events events = {
        .output = on_output, .result = on_result, .phase = on_phase, .context = rpc};
    PA_CLEANUP(pa_freep) char *traceparent = pa_rpc_metadata(rpc, "traceparent");
    struct listener listener = {rpc, call};
    struct pa_service_call service_call = {.caller = call->caller,
                                           .door = "grpc",
                                           .tool = call->tool,
                                           .parameters = call->parameters,
                                           .traceparent = traceparent,
                                           .deadline_ns = pa_rpc_deadline_ns(rpc),
                                           .cancel_fd = pa_rpc_cancel_fd(rpc),
                                           .events = call->streams ? &events : NULL,
                                           .began = call->streams ? on_began : NULL,
                                           .call = call->asks ? on_call : NULL,
                                           .no_calls = "nothing in this RPC: RunWithCalls is the "
                                                       "one in which the client is asked",
                                           .context = &listener};
    struct pa_service_reply reply = {0};
    struct pa_error err;
    int done = pa_service_call(pa_rpc_door(rpc)->service, &service_call, &reply, &err);
    add_trailers(rpc, &reply);
    if (done == 0)
        answer(rpc, reply.outcome, call->typed_only, call->streams);
    else
        pa_rpc_fail(rpc, &err, reply.faults, reply.retry_after_ms);
    pa_service_reply_done(&reply);
}

static void call(struct pa_rpc *rpc, struct pa_caller *caller, request_t *request, bool streams) {
    const bool typed_only = request->typed_only;
    PA_CLEANUP(pa_freep) char *tool = NULL;
    json_t *parameters = NULL;
    struct pa_error err;
    if (pa_rpc_take_call(request, &tool, &parameters, &err) < 0)
        pa_rpc_fail(rpc, &err, NULL, 0);
    else
        pa_rpc_call_tool(rpc, &(struct pa_tool_call){.caller = caller,
                                                     .tool = tool,
                                                     .parameters = parameters,
                                                     .typed_only = typed_only,
                                                     .streams = streams});
    json_decref(parameters);
}

static void serve_call(struct pa_rpc *rpc, bool streams) {
    struct pa_caller *caller;
    if (!pa_rpc_authenticate(rpc, &caller))
        return;
    request_t *request = pa_rpc_request(rpc, &polyagent__agent__tool_call_request__descriptor);
    if (request)
        call(rpc, caller, request, streams);
    pa_caller_unref(caller);
}

static void execute_tool(struct pa_rpc *rpc) {
    serve_call(rpc, false);
}

static void stream_execute_tool(struct pa_rpc *rpc) {
    serve_call(rpc, true);
}

/* --- what there is -------------------------------------------------------------------------- */

struct tool_message {
    Polyagent__Agent__ToolCapability message;
    ProtobufCBinaryData *examples;
};

static void fill_tool(const struct pa_tool *tool, struct tool_message *to) {
    Polyagent__Agent__ToolCapability *message = &to->message;
    polyagent__agent__tool_capability__init(message);
    message->name = pa_message_view(tool->name);
    message->title = pa_message_view(tool->title);
    message->description = pa_message_view(tool->description);
    message->language = pa_message_view(tool->language);
    message->input_schema = pa_message_struct(tool->input_schema);
    message->output_schema = pa_message_struct(tool->output_schema);
    message->annotations = pa_message_struct(tool->annotations);
    message->n_examples = json_array_size(tool->examples);
    message->examples = pa_xcalloc(message->n_examples + 1, sizeof(*message->examples));
    for (size_t i = 0; i < message->n_examples; i++)
        message->examples[i] = pa_message_struct(json_array_get(tool->examples, i));
}

static void tool_done(struct tool_message *tool) {
    for (size_t i = 0; i < tool->message.n_examples; i++)
        free(tool->message.examples[i].data);
    free(tool->message.examples);
    free(tool->message.input_schema.data);
    free(tool->message.output_schema.data);
    free(tool->message.annotations.data);
}

/* Whether every word of `filter` is in what the tool says of itself. */
static bool matches(const struct pa_tool *tool, const char *filter) {
    PA_CLEANUP(pa_freep)
    char *text = pa_xasprintf("%s %s %s", tool->name, tool->title, tool->description);
    PA_CLEANUP(pa_freep) char *words = pa_xstrdup(filter);
    char *rest = words, *word;
    while ((word = strsep(&rest, " \t\n,")))
        if (*word && !strcasestr(text, word))
            return false;
    return true;
}

static void discover(struct pa_rpc *rpc, const struct pa_caller *caller, const char *filter,
                     const char *language, size_t limit) {
    size_t count;
    const struct pa_tool *tools =
        pa_toolbox_tools(pa_service_toolbox(pa_rpc_door(rpc)->service), &count);
    struct tool_message *found = pa_xcalloc(count + 1, sizeof(*found));
    Polyagent__Agent__ToolCapability **list = pa_xcalloc(count + 1, sizeof(*list));
    Polyagent__Agent__DiscoverToolsResponse response =
        POLYAGENT__AGENT__DISCOVER_TOOLS_RESPONSE__INIT;
    response.tools = list;
    for (size_t i = 0; i < count && (!limit || response.n_tools < limit); i++) {
        if ((*language && !pa_streq(language, tools[i].language)) || !matches(&tools[i], filter) ||
            !pa_caller_may_use(caller, tools[i].name))
            continue;
        fill_tool(&tools[i], &found[response.n_tools]);
        list[response.n_tools] = &found[response.n_tools].message;
        response.n_tools++;
    }
    pa_rpc_reply(rpc, &response.base);
    for (size_t i = 0; i < response.n_tools; i++)
        tool_done(&found[i]);
    free(found);
    free(list);
}

static void discover_tools(struct pa_rpc *rpc) {
    struct pa_caller *caller;
    if (!pa_rpc_authenticate(rpc, &caller))
        return;
    Polyagent__Agent__DiscoverToolsRequest *request =
        pa_rpc_request(rpc, &polyagent__agent__discover_tools_request__descriptor);
    PA_CLEANUP(pa_freep) char *filter = NULL;
    PA_CLEANUP(pa_freep) char *language = NULL;
    struct pa_error err;
    if (request && (pa_message_text(&request->filter, "filter", &filter, &err) < 0 ||
                    pa_message_text(&request->language, "language", &language, &err) < 0))
        pa_rpc_fail(rpc, &err, NULL, 0);
    else if (request)
        discover(rpc, caller, filter, language, request->limit);
    pa_message_free(request);
    pa_caller_unref(caller);
}

static void tell_tool(struct pa_rpc *rpc, const char *name) {
    const struct pa_tool *tool =
        pa_toolbox_find(pa_service_toolbox(pa_rpc_door(rpc)->service), name);
    struct pa_error err;
    if (!tool) {
        pa_fail(&err, PA_ERR_NOT_FOUND, "there is no tool '%.100s' (DiscoverTools lists them)",
                name);
        pa_rpc_fail(rpc, &err, NULL, 0);
        return;
    }
    struct tool_message message;
    Polyagent__Agent__GetToolCapabilityResponse response =
        POLYAGENT__AGENT__GET_TOOL_CAPABILITY_RESPONSE__INIT;
    fill_tool(tool, &message);
    response.tool = &message.message;
    pa_rpc_reply(rpc, &response.base);
    tool_done(&message);
}

static void get_tool_capability(struct pa_rpc *rpc) {
    struct pa_caller *caller;
    if (!pa_rpc_authenticate(rpc, &caller))
        return;
    Polyagent__Agent__GetToolCapabilityRequest *request =
        pa_rpc_request(rpc, &polyagent__agent__get_tool_capability_request__descriptor);
    PA_CLEANUP(pa_freep) char *name = NULL;
    struct pa_error err;
    if (request && pa_message_text(&request->name, "name", &name, &err) < 0)
        pa_rpc_fail(rpc, &err, NULL, 0);
    else if (request)
        tell_tool(rpc, name);
    pa_message_free(request);
    pa_caller_unref(caller);
}

static void tell_capabilities(struct pa_rpc *rpc) {
    struct pa_grpc *door = pa_rpc_door(rpc);
    struct pa_toolbox *toolbox = pa_service_toolbox(door->service);
    Polyagent__Agent__GetCapabilitiesResponse response =
        POLYAGENT__AGENT__GET_CAPABILITIES_RESPONSE__INIT;
    const struct pa_tool *tools = pa_toolbox_tools(toolbox, &response.n_tools);
    response.name = pa_message_view("polyagent");
    response.version = pa_message_view(PA_VERSION);
    response.max_message_bytes = pa_grpc_message_most(door);
    response.sessions = pa_service_sessions(door->service) != NULL;
    response.tools = pa_xcalloc(response.n_tools + 1, sizeof(*response.tools));
    for (size_t i = 0; i < response.n_tools; i++)
        response.tools[i] = pa_message_view(tools[i].name);
    json_t *languages = pa_toolbox_languages(toolbox);
    response.n_languages = json_array_size(languages);
    response.languages = pa_xcalloc(response.n_languages + 1, sizeof(*response.languages));
    for (size_t i = 0; i < response.n_languages; i++)
        response.languages[i] = pa_message_struct(json_array_get(languages, i));
    pa_rpc_reply(rpc, &response.base);
    for (size_t i = 0; i < response.n_languages; i++)
        free(response.languages[i].data);
    free(response.languages);
    free(response.tools);
    json_decref(languages);
}

static void get_capabilities(struct pa_rpc *rpc) {
    struct pa_caller *caller;
    if (!pa_rpc_authenticate(rpc, &caller))
        return;
    tell_capabilities(rpc);
    pa_caller_unref(caller);
}

/* Without a key: it says no more than /healthz. */
static void health_check(struct pa_rpc *rpc) {
    struct pa_grpc *door = pa_rpc_door(rpc);
    char why[256] = "";
    Polyagent__Agent__HealthCheckResponse response = POLYAGENT__AGENT__HEALTH_CHECK_RESPONSE__INIT;
    response.healthy = pa_service_ready(door->service, why, sizeof(why));
    response.message = pa_message_view(why);
    response.version = pa_message_view(PA_VERSION);
    response.uptime_seconds = (pa_clock_monotonic_ns() - door->started_ns) / PA_NS_PER_S;
    pa_rpc_reply(rpc, &response.base);
}

const struct pa_method pa_agent_methods[] = {
    {SERVICE "ExecuteTool", execute_tool, PA_METHOD_BLOCKS, false},
    {SERVICE "StreamExecuteTool", stream_execute_tool, PA_METHOD_BLOCKS, false},
    {SERVICE "RunWithCalls", pa_rpc_run_with_calls, PA_METHOD_BLOCKS, true},
    {SERVICE "GetRunFile", pa_rpc_get_run_file, PA_METHOD_BLOCKS, false},
    {SERVICE "ListVolumes", pa_rpc_list_volumes, PA_METHOD_BLOCKS, false},
    {SERVICE "RemoveVolume", pa_rpc_remove_volume, PA_METHOD_BLOCKS, false},
    {SERVICE "GetCapabilities", get_capabilities, PA_METHOD_BLOCKS, false},
    {SERVICE "DiscoverTools", discover_tools, PA_METHOD_BLOCKS, false},
    {SERVICE "GetToolCapability", get_tool_capability, PA_METHOD_BLOCKS, false},
    {SERVICE "HealthCheck", health_check, PA_METHOD_QUICK, false},
    {0}};
