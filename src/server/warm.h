/* The images that a server starts at once. */
#ifndef PA_SERVER_WARM_H
#define PA_SERVER_WARM_H

#include "config/config.h"
#include "run/executor.h"
#include "run/image.h"

struct pa_warm {
    struct pa_image *images;
    size_t count;
};

/* Of these names (NULL at the end), or, where there are none, of the configuration's `warm`.
 * FAILED_PRECONDITION for one that cannot be kept warm.  A first compilation is given up when
 * cancel_fd is readable.  *ret wants pa_warm_done either way. */
int pa_warm_find(const struct pa_config *config, const struct pa_packs *packs,
                 struct pa_executor *executor, char *const *names, int cancel_fd,
                 struct pa_warm *ret, struct pa_error *err);
void pa_warm_done(struct pa_warm *warm);

#endif
