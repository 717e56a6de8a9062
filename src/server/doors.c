#include "server/doors.h"

#include "base/log.h"
#include "server/grpc/grpc.h"
#include "server/http/http.h"
#include "server/systemd.h"

/* Whoever listens beyond this machine should know who calls. */
static void warn_if_open(const struct pa_server_settings *settings, const char *key,
                         const char *address) {
    bool loopback = strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0;
    if (!loopback && !settings->api_keys_file && !settings->tls_client_ca)
        pa_log_warn("server",
                    "%s is %s, and everybody who reaches it may run code: set "
                    "server.api_keys_file or server.tls_client_ca",
                    key, address);
}

static int open_grpc(struct pa_doors *doors, struct pa_error *err) {
    struct pa_grpc_config config = {.service = doors->service,
                                    .settings = doors->settings,
                                    .tls = doors->tls,
                                    .listener = pa_activation_take("grpc")};
    if (config.listener < 0 && !doors->settings->grpc_listen)
        return 0;
    if (pa_grpc_new(&config, &doors->grpc, err) < 0)
        return pa_error_prefix(err, "server.grpc_listen");
    if (config.listener < 0)
        warn_if_open(doors->settings, "server.grpc_listen", doors->settings->grpc_listen);
    return 0;
}

/* E2B's SDK speaks to a server on its machine, and without TLS. */
static int open_http(struct pa_doors *doors, enum pa_http_kind kind, const char *name,
                     const char *address, struct pa_http **ret, struct pa_error *err) {
    struct pa_http_config config = {.service = doors->service,
                                    .settings = doors->settings,
                                    .kind = kind,
                                    .tls = kind == PA_HTTP_E2B ? NULL : doors->tls,
                                    .listener = pa_activation_take(name)};
    char key[32];
    snprintf(key, sizeof(key), "server.%s_listen", name);
    if (config.listener < 0 && !address)
        return 0;
    if (pa_http_new(&config, ret, err) < 0)
        return pa_error_prefix(err, "%s", key);
    if (config.listener < 0)
        warn_if_open(doors->settings, key, address);
    return 0;
}

int pa_doors_open(struct pa_service *service, const struct pa_server_settings *settings,
                  struct pa_tls *tls, struct pa_doors *ret, struct pa_error *err) {
    *ret = (struct pa_doors){.service = service, .settings = settings, .tls = tls};
    if (open_grpc(ret, err) < 0 ||
        open_http(ret, PA_HTTP_API, "http", settings->http_listen, &ret->http, err) < 0 ||
        open_http(ret, PA_HTTP_E2B, "e2b", settings->e2b_listen, &ret->e2b, err) < 0)
        return -1;
    return 0;
}

int pa_doors_start(struct pa_doors *doors, struct pa_error *err) {
    if (doors->grpc && pa_grpc_start(doors->grpc, err) < 0)
        return pa_error_prefix(err, "server.grpc_listen");
    if (doors->http && pa_http_start(doors->http, err) < 0)
        return pa_error_prefix(err, "server.http_listen");
    if (doors->e2b && pa_http_start(doors->e2b, err) < 0)
        return pa_error_prefix(err, "server.e2b_listen");
    return 0;
}

void pa_doors_tell(const struct pa_doors *doors) {
    if (doors->grpc)
        fprintf(stderr, "polyagent: serving gRPC on %s\n", pa_grpc_address(doors->grpc));
    if (doors->http)
        fprintf(stderr, "polyagent: serving HTTP on %s\n", pa_http_address(doors->http));
    if (doors->e2b)
        fprintf(stderr, "polyagent: serving E2B on %s\n", pa_http_address(doors->e2b));
}

/* HTTP is last, since it tells that the server is not ready. */
void pa_doors_stop(struct pa_doors *doors, uint64_t deadline_ns) {
    if (doors->grpc)
        pa_grpc_stop(doors->grpc, deadline_ns);
    if (doors->e2b)
        pa_http_stop(doors->e2b, deadline_ns);
    if (doors->http)
        pa_http_stop(doors->http, deadline_ns);
}

void pa_doors_close(struct pa_doors *doors) {
    doors->grpc = pa_grpc_free(doors->grpc);
    doors->http = pa_http_free(doors->http);
    doors->e2b = pa_http_free(doors->e2b);
}
