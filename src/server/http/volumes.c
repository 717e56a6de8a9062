/* Volumes of the caller: what there is, and an end to one.  Runs and sessions make them. */
#include "server/http/http_internal.h"

int pa_http_get_volumes(struct pa_http_request *request, struct pa_error *err) {
    json_t *volumes;
    if (pa_service_volumes(request->door->service, request->caller, &volumes, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o}", "volumes", volumes));
}

int pa_http_delete_volume(struct pa_http_request *request, struct pa_error *err) {
    if (pa_service_remove_volume(request->door->service, request->caller, request->params[0], err) <
        0)
        return -1;
    return pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}
