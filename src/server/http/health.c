/* Health for orchestrators, metrics for Prometheus. */
#include "server/http/http_internal.h"

#define METRICS_MOST ((size_t)16 << 20)

int pa_http_get_health(struct pa_http_request *request, struct pa_error *err) {
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:s}", "status", "ok"));
}

int pa_http_get_ready(struct pa_http_request *request, struct pa_error *err) {
    char why[256] = "";
    if (pa_http_draining(request->door))
        return pa_fail(err, PA_ERR_UNAVAILABLE, "this server is being stopped");
    if (!pa_service_ready(request->door->service, why, sizeof(why)))
        return pa_fail(err, PA_ERR_UNAVAILABLE, "%s", why);
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:s}", "status", "ready"));
}

int pa_http_get_metrics(struct pa_http_request *request, struct pa_error *err) {
    if (!request->door->settings->metrics)
        return pa_fail(err, PA_ERR_NOT_FOUND, "metrics are switched off (server.metrics)");
    struct pa_buf text = PA_BUF_INIT(METRICS_MOST);
    pa_service_metrics(request->door->service, &text);
    return pa_http_reply_text(request, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
                              &text);
}
