/* Runs by their id: how they are doing, an end to them, answers to what their guests ask, and the
 * files they left. */
#include "server/http/http_internal.h"
#include "server/kept.h"

#include "base/units.h"

int pa_http_get_run(struct pa_http_request *request, struct pa_error *err) {
    json_t *run;
    if (pa_service_run(request->door->service, request->caller, request->params[0], &run, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK, run);
}

int pa_http_delete_run(struct pa_http_request *request, struct pa_error *err) {
    if (pa_service_cancel(request->door->service, request->caller, request->params[0], err) < 0)
        return -1;
    return pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}

int pa_http_answer_call(struct pa_http_request *request, struct pa_error *err) {
    const json_t *result = json_object_get(request->json, "result");
    const json_t *error = json_object_get(request->json, "error");
    uint64_t call_id;
    if (pa_parse_count(request->params[1], &call_id) < 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "'%.40s' is not the call_id of an event of the type \"call\"",
                       request->params[1]);
    if (json_object_size(request->json) != 1 || (!result && !json_is_string(error)))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "{\"result\": VALUE} or {\"error\": \"why\"} is wanted, and nothing else");
    if (pa_service_answer(request->door->service, request->caller, request->params[0], call_id,
                          result, json_string_value(error), err) < 0)
        return -1;
    return pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}

/* --- files ------------------------------------------------------------------------------------ */

/* What the path has behind /v1/runs/{id}/files/, put together again. */
static char *rest_of_path(const struct pa_http_target *target) {
    char *path = pa_xstrdup(target->segments[4]);
    for (size_t i = 5; i < target->segment_count; i++) {
        char *longer = pa_xasprintf("%s/%s", path, target->segments[i]);
        free(path);
        path = longer;
    }
    return path;
}

static void free_file(void *context) {
    pa_kept_file_done(context);
    free(context);
}

int pa_http_get_run_file(struct pa_http_request *request, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *path = rest_of_path(&request->target);
    struct pa_kept_file *file = pa_xcalloc(1, sizeof(*file));
    if (pa_service_file(request->door->service, request->caller, request->params[0], path, file,
                        err) < 0) {
        free(file);
        return -1;
    }
    pa_http_add_header(request, "ETag", "\"%s\"", file->sha256); /* the contents' own name */
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        file->size, (void *)(uintptr_t)file->bytes, free_file, file);
    if (!response)
        free_file(file);
    return pa_http_reply_response(request, MHD_HTTP_OK, "application/octet-stream", response, 0);
}
