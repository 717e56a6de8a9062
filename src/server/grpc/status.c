/*
 * Errors as a client of gRPC understands them: the status code, a sentence, and details that a
 * program can read (https://google.aip.dev/193) in the metadata that every library knows.
 *
 * Clients take 8 KiB of metadata by default, base64 included: details are cut to what fits, and the
 * sentence tells all that matters anyway.
 */
#include "server/grpc/grpc_internal.h"

#include "base/utf8.h"
#include <any.pb-c.h>
#include <duration.pb-c.h>
#include <error_details.pb-c.h>
#include <status.pb-c.h>

#define DETAILS_MAX 4096 /* bytes, packed */
#define FAULTS_MAX  32
#define TYPE_PREFIX "type.googleapis.com/google.rpc."

/* A message packed into an Any.  The caller frees any->value.data. */
static void wrap(const char *type, const ProtobufCMessage *message, Google__Protobuf__Any *any) {
    google__protobuf__any__init(any);
    any->type_url = pa_message_view(type);
    any->value.len = protobuf_c_message_get_packed_size(message);
    any->value.data = pa_xcalloc(1, any->value.len + 1);
    protobuf_c_message_pack(message, any->value.data);
}

/* "got X; allowed: Y" of each fault, which lies in `texts`. */
static void bad_request(const json_t *faults, Google__Protobuf__Any *any) {
    Google__Rpc__BadRequest request = GOOGLE__RPC__BAD_REQUEST__INIT;
    Google__Rpc__BadRequest__FieldViolation violations[FAULTS_MAX], *list[FAULTS_MAX];
    char *texts[FAULTS_MAX];
    size_t room = DETAILS_MAX / 2;
    for (size_t i = 0; i < PA_MIN(json_array_size(faults), (size_t)FAULTS_MAX); i++) {
        const json_t *fault = json_array_get(faults, i);
        const char *got = json_string_value(json_object_get(fault, "got"));
        const char *allowed = json_string_value(json_object_get(fault, "allowed"));
        char *text =
            pa_xasprintf("got %s; allowed: %s", got ? got : "nothing", allowed ? allowed : "");
        size_t size = strlen(text) + json_string_length(json_object_get(fault, "path")) + 8;
        if (size > room) {
            free(text);
            break;
        }
        room -= size;
        google__rpc__bad_request__field_violation__init(&violations[i]);
        violations[i].field = pa_message_view_json(json_object_get(fault, "path"));
        violations[i].description = pa_message_view(text);
        list[i] = &violations[i];
        texts[i] = text;
        request.n_field_violations = i + 1;
    }
    request.field_violations = list;
    wrap(TYPE_PREFIX "BadRequest", &request.base, any);
    for (size_t i = 0; i < request.n_field_violations; i++)
        free(texts[i]);
}

static void retry_info(uint64_t after_ms, Google__Protobuf__Any *any) {
    Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    delay.seconds = (int64_t)(after_ms / 1000);
    delay.nanos = (int32_t)(after_ms % 1000 * 1000000);
    info.retry_delay = &delay;
    wrap(TYPE_PREFIX "RetryInfo", &info.base, any);
}

static void add_details(struct pa_rpc *rpc, const Google__Rpc__Status *status) {
    size_t size = google__rpc__status__get_packed_size(status);
    if (size > DETAILS_MAX)
        return;
    PA_CLEANUP(pa_freep) uint8_t *packed = pa_xcalloc(1, size + 1);
    google__rpc__status__pack(status, packed);
    pa_rpc_trailer(rpc, "grpc-status-details-bin", packed, size);
}

void pa_rpc_fail(struct pa_rpc *rpc, const struct pa_error *err, const json_t *faults,
                 uint64_t retry_after_ms) {
    grpc_status_code code = (grpc_status_code)pa_error_code_grpc(err->code);
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(4 * sizeof(err->message));
    pa_utf8_append(&text, err->message, strlen(err->message));
    Google__Protobuf__Any any[2], *list[2] = {&any[0], &any[1]};
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    status.code = (int32_t)code;
    status.message = pa_message_view(pa_buf_text(&text));
    status.details = list;
    if (json_array_size(faults))
        bad_request(faults, &any[status.n_details++]);
    if (retry_after_ms)
        retry_info(retry_after_ms, &any[status.n_details++]);
    if (status.n_details)
        add_details(rpc, &status);
    for (size_t i = 0; i < status.n_details; i++)
        free(any[i].value.data);
    pa_rpc_end(rpc, code, pa_buf_text(&text));
}
