#include "base/program.h"

#include <unistd.h>

int pa_program_find(const char *name, char **ret, struct pa_error *err) {
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[PA_MAX(n, 0)] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    char *candidates[] = {pa_xasprintf("%s/%s", self, name),
                          pa_xasprintf("%s/../libexec/polyagent/%s", self, name),
                          pa_xasprintf(PA_LIBEXECDIR "/%s", name)};
    *ret = NULL;
    for (size_t i = 0; i < PA_ARRAY_LEN(candidates); i++) {
        if (!*ret && access(candidates[i], X_OK) == 0)
            *ret = candidates[i];
        else
            free(candidates[i]);
    }
    if (*ret)
        return 0;
    return pa_fail(err, PA_ERR_NOT_FOUND,
                   "%s was found neither in %s nor in " PA_LIBEXECDIR
                   ": build or install the programs together",
                   name, self);
}
