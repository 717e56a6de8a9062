/*
 * grpc.health.v1.Health: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 *
 * Readiness is asked for, not told, so a watch looks again now and then; the end of the server ends
 * it at once (UNAVAILABLE).  Load balancers ask without a key.
 */
#include "server/grpc/grpc_internal.h"

#include "base/clock.h"
#include <health.pb-c.h>

#define LOOK_AGAIN_NS PA_NS_PER_S

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus state_t;

#define SERVING         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

/* "" is the server. */
static bool known(const char *service) {
    static const char *const services[] = {"", "polyagent.agent.AgentService",
                                           "polyagent.agent.SessionService",
                                           "grpc.health.v1.Health"};
    for (size_t i = 0; i < PA_ARRAY_LEN(services); i++)
        if (pa_streq(service, services[i]))
            return true;
    return false;
}

static state_t state_of(struct pa_grpc *door, const char *service) {
    if (!known(service))
        return SERVICE_UNKNOWN;
    return !pa_grpc_draining(door) && pa_service_ready(door->service, NULL, 0) ? SERVING
                                                                               : NOT_SERVING;
}

/* The service asked for as a new string; NULL where the RPC has been answered. */
static char *service_of(struct pa_rpc *rpc) {
    struct pa_error err;
    char *service = NULL;
    Grpc__Health__V1__HealthCheckRequest *request =
        pa_rpc_request(rpc, &grpc__health__v1__health_check_request__descriptor);
    if (!request)
        return NULL;
    if (pa_message_text(&request->service, "service", &service, &err) < 0)
        pa_rpc_fail(rpc, &err, NULL, 0);
    pa_message_free(request);
    return service;
}

static void check(struct pa_rpc *rpc) {
    PA_CLEANUP(pa_freep) char *service = service_of(rpc);
    if (!service)
        return;
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = state_of(pa_rpc_door(rpc), service);
    if (response.status == SERVICE_UNKNOWN)
        pa_rpc_end(rpc, GRPC_STATUS_NOT_FOUND, "there is no such service");
    else
        pa_rpc_reply(rpc, &response.base);
}

static void watch(struct pa_rpc *rpc) {
    PA_CLEANUP(pa_freep) char *service = service_of(rpc);
    if (!service)
        return;
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    bool listens = true;
    while (listens) {
        state_t state = state_of(pa_rpc_door(rpc), service);
        if (state != response.status) {
            response.status = state;
            listens = pa_rpc_send(rpc, &response.base);
        }
        listens = listens && !pa_rpc_wait(rpc, LOOK_AGAIN_NS);
    }
    pa_rpc_reply(rpc, NULL); /* to nobody */
}

const struct pa_method pa_health_methods[] = {
    {"/grpc.health.v1.Health/Check", check, PA_METHOD_QUICK, false},
    {"/grpc.health.v1.Health/Watch", watch, PA_METHOD_STAYS, false},
    {0}};
