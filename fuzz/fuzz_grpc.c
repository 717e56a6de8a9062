/*
 * What a stranger may send over gRPC: any bytes as each message that comes in, and as a Struct.  A
 * Struct that was read must survive being written and read again.
 */
#include "server/grpc/grpc_internal.h"
#include "server/grpc/struct_json.h"
#include <agent.pb-c.h>
#include <reflection.pb-c.h>
#include <session.pb-c.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const json_t *value) {
    struct pa_buf wire = PA_BUF_INIT(INT32_MAX);
    struct pa_error err;
    json_t *again;
    pa_struct_write(value, &wire);
    PA_ASSERT(!wire.failed);
    PA_ASSERT(pa_struct_read(wire.data, wire.size, &again, &err) == 0);
    PA_ASSERT(json_equal(value, again));
    json_decref(again);
    pa_buf_done(&wire);
}

static void read_struct(const uint8_t *data, size_t size) {
    struct pa_error err;
    json_t *value;
    if (pa_struct_read(data, size, &value, &err) == 0) {
        round_trip(value);
        json_decref(value);
    } else {
        PA_ASSERT(err.code == PA_ERR_INVALID_ARGUMENT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const ProtobufCMessageDescriptor *const messages[] = {
        &polyagent__agent__tool_call_request__descriptor,
        &polyagent__agent__execute_branches_request__descriptor,
        &polyagent__agent__create_session_request__descriptor,
        &polyagent__agent__put_file_request__descriptor,
        &grpc__reflection__v1__server_reflection_request__descriptor};
    struct pa_error err;
    read_struct(data, size);
    for (size_t i = 0; i < PA_ARRAY_LEN(messages); i++)
        pa_message_free(pa_message_unpack(messages[i], data, size, &err));
    Polyagent__Agent__ToolCallRequest *request =
        pa_message_unpack(&polyagent__agent__tool_call_request__descriptor, data, size, &err);
    if (request)
        read_struct(request->parameters.data, request->parameters.len);
    pa_message_free(request);
    return 0;
}
