/* Runs by their id: how they are doing, and an end to them. */
#include "server/http/http_internal.h"

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
