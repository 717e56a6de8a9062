#include "policy/status.h"

static const struct {
    const char *name;
    int exit_status;
} statuses[] = {
#define X(status, name, exit_status) [status] = {name, exit_status},
    PA_STATUSES(X)
#undef X
};

const char *pa_status_name(enum pa_status status) {
    return statuses[status].name;
}

int pa_status_exit(enum pa_status status) {
    return statuses[status].exit_status;
}
