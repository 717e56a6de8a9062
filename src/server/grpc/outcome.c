/*
 * The outcome of a run as a message.  Its JSON (tools.h) is what all doors share; here it gets
 * types, and its text is borrowed, not copied.  Everything that the message needs beside that lies
 * in one allocation with it, apart from blobs: Structs and what base64 hid.
 */
#include "server/grpc/grpc_internal.h"

#include "policy/status.h"
#include <agent.pb-c.h>
#include <assert.h>
#include <nettle/base64.h>

typedef Polyagent__Agent__ToolCallResponse response_t;

struct outcome_message {
    response_t response; /* first */
    Polyagent__Agent__GuestError error;
    Polyagent__Agent__Trap trap;
    Polyagent__Agent__Usage usage;
    Polyagent__Agent__File *files, **file_list;
    uint8_t **decoded; /* contents of files, or NULL */
};

static_assert(POLYAGENT__AGENT__STATUS__STATUS_OK == PA_STATUS_OK + 1 &&
                  POLYAGENT__AGENT__STATUS__STATUS_CRASHED == PA_STATUS_CRASHED + 1,
              "the message's statuses are those of policy/status.h, in their order");

static Polyagent__Agent__Status status_of(const json_t *outcome) {
    const char *name = json_string_value(json_object_get(outcome, "status"));
    for (int status = 0; name && status < PA_STATUS_COUNT; status++)
        if (pa_streq(name, pa_status_name(status)))
            return (Polyagent__Agent__Status)(status + 1);
    return POLYAGENT__AGENT__STATUS__STATUS_UNSPECIFIED;
}

static ProtobufCBinaryData text(const json_t *object, const char *key) {
    return pa_message_view_json(json_object_get(object, key));
}

static bool truth(const json_t *object, const char *key) {
    return json_is_true(json_object_get(object, key));
}

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

/* What a string of base64 stands for, in memory of its own. */
static ProtobufCBinaryData decode(const json_t *string) {
    ProtobufCBinaryData data = {0};
    size_t size = json_string_length(string);
    if (!size)
        return data;
    struct base64_decode_ctx context;
    base64_decode_init(&context);
    data.len = BASE64_DECODE_LENGTH(size);
    data.data = pa_xcalloc(1, data.len + 1);
    if (!base64_decode_update(&context, &data.len, data.data, size, json_string_value(string)))
        data.len = 0;
    return data;
}

static void set_error(const json_t *outcome, struct outcome_message *message) {
    const json_t *error = json_object_get(outcome, "error");
    if (!json_is_object(error))
        return;
    polyagent__agent__guest_error__init(&message->error);
    message->error.name = text(error, "name");
    message->error.value = text(error, "value");
    message->error.traceback = text(error, "traceback");
    message->response.error = &message->error;
}

static void set_trap(const json_t *outcome, struct outcome_message *message) {
    const json_t *trap = json_object_get(outcome, "trap");
    if (!json_is_object(trap))
        return;
    polyagent__agent__trap__init(&message->trap);
    message->trap.kind = text(trap, "kind");
    message->trap.backtrace = text(trap, "backtrace");
    message->response.trap = &message->trap;
}

static void set_usage(const json_t *outcome, struct outcome_message *message) {
    const json_t *usage = json_object_get(outcome, "usage"), *fuel = json_object_get(usage, "fuel");
    Polyagent__Agent__Usage *to = &message->usage;
    polyagent__agent__usage__init(to);
    to->wall_ms = number(usage, "wall_ms");
    to->cpu_ms = number(usage, "cpu_ms");
    to->queue_ms = number(usage, "queue_ms");
    to->compile_ms = number(usage, "compile_ms");
    to->memory_peak_bytes = (uint64_t)number(usage, "memory_peak_bytes");
    if (json_is_integer(fuel)) {
        to->_fuel_case = POLYAGENT__AGENT__USAGE___FUEL_FUEL;
        to->fuel = (uint64_t)json_integer_value(fuel);
    }
    message->response.usage = to;
}

/* Each value of a list as a Struct. */
static ProtobufCBinaryData *structs_of(const json_t *list, size_t *ret_count) {
    ProtobufCBinaryData *structs = pa_xcalloc(json_array_size(list) + 1, sizeof(*structs));
    *ret_count = json_array_size(list);
    for (size_t i = 0; i < *ret_count; i++)
        structs[i] = pa_message_struct(json_array_get(list, i));
    return structs;
}

static void structs_free(ProtobufCBinaryData *structs, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(structs[i].data);
    free(structs);
}

static void set_files(const json_t *outcome, struct outcome_message *message) {
    const json_t *files = json_object_get(outcome, "files");
    size_t count = json_array_size(files);
    message->files = pa_xcalloc(count + 1, sizeof(*message->files));
    message->file_list = pa_xcalloc(count + 1, sizeof(*message->file_list));
    message->decoded = pa_xcalloc(count + 1, sizeof(*message->decoded));
    for (size_t i = 0; i < count; i++) {
        const json_t *from = json_array_get(files, i);
        Polyagent__Agent__File *to = message->file_list[i] = &message->files[i];
        polyagent__agent__file__init(to);
        to->path = text(from, "path");
        to->size = (uint64_t)number(from, "size");
        to->sha256 = text(from, "sha256");
        to->content = text(from, "content");
        to->kept = truth(from, "kept");
        if (json_object_get(from, "content_base64")) {
            to->content = decode(json_object_get(from, "content_base64"));
            message->decoded[i] = to->content.data;
        }
    }
    message->response.files = message->file_list;
    message->response.n_files = count;
}

static void set_end(const json_t *outcome, response_t *to) {
    const json_t *exit_code = json_object_get(outcome, "exit_code");
    to->run_id = text(outcome, "run_id");
    to->status = status_of(outcome);
    if (json_is_integer(exit_code)) {
        to->_exit_code_case = POLYAGENT__AGENT__TOOL_CALL_RESPONSE___EXIT_CODE_EXIT_CODE;
        to->exit_code = (int32_t)json_integer_value(exit_code);
    }
    to->message = text(outcome, "message");
    to->session_id = text(outcome, "session_id");
    to->session_lives = truth(outcome, "session_lives");
    to->session_rolled_back = truth(outcome, "session_rolled_back");
}

static void set_output(const json_t *outcome, response_t *to) {
    to->stdout = text(outcome, "stdout");
    to->stderr = text(outcome, "stderr");
    to->stdout_truncated = truth(outcome, "stdout_truncated");
    to->stderr_truncated = truth(outcome, "stderr_truncated");
    to->stdout_bytes = decode(json_object_get(outcome, "stdout_base64"));
    to->stderr_bytes = decode(json_object_get(outcome, "stderr_base64"));
    to->results_truncated = truth(outcome, "results_truncated");
}

response_t *pa_outcome_message(const json_t *outcome, bool typed_only) {
    struct outcome_message *message = pa_xcalloc(1, sizeof(*message));
    polyagent__agent__tool_call_response__init(&message->response);
    set_end(outcome, &message->response);
    set_output(outcome, &message->response);
    set_error(outcome, message);
    set_trap(outcome, message);
    message->response.results =
        structs_of(json_object_get(outcome, "results"), &message->response.n_results);
    message->response.calls =
        structs_of(json_object_get(outcome, "calls"), &message->response.n_calls);
    set_files(outcome, message);
    set_usage(outcome, message);
    if (!typed_only)
        message->response.outcome = pa_message_struct(outcome);
    return &message->response;
}

void pa_outcome_message_free(response_t *response) {
    if (!response)
        return;
    struct outcome_message *message = (struct outcome_message *)response;
    structs_free(response->results, response->n_results);
    structs_free(response->calls, response->n_calls);
    free(response->stdout_bytes.data);
    free(response->stderr_bytes.data);
    free(response->outcome.data);
    for (size_t i = 0; i < response->n_files; i++)
        free(message->decoded[i]);
    free(message->decoded);
    free(message->files);
    free(message->file_list);
    free(message);
}
