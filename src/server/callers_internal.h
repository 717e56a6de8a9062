/* Shared by callers.c and callers_file.c alone. */
#ifndef PA_SERVER_CALLERS_INTERNAL_H
#define PA_SERVER_CALLERS_INTERNAL_H

#include "server/callers.h"
#include <stdatomic.h>

struct pa_caller {
    atomic_uint references;
    char *name;
    char **scopes, **tools, **languages; /* NULL: all there are */
    char **digests;
    struct pa_ceilings ceilings;
    bool volumes;
    uint64_t rate, running_most; /* PA_UNLIMITED: does not bind */
    _Atomic uint64_t full_ns;    /* when its bucket of calls is full again */
};

struct pa_callers {
    struct pa_caller **list;
    size_t count, capacity;
    bool keyed; /* there is a file: who shows no key is nobody */
};

struct pa_caller *pa_caller_new(const char *name, const struct pa_server_settings *settings);
bool pa_caller_is_scope(const char *text);
void pa_callers_add(struct pa_callers *callers, struct pa_caller *owned);
struct pa_caller *pa_callers_by_name(const struct pa_callers *callers, const char *name);

/* callers_file.c: reads settings->api_keys_file. */
int pa_callers_read(struct pa_callers *callers, const struct pa_server_settings *settings,
                    struct pa_error *err);

#endif
