/*
 * JSON by POST to an endpoint that the operator has configured: who approves calls, who collects
 * spans, who writes code.
 *
 *     struct pa_poster *poster = pa_poster_new();
 *     struct pa_buf answer = PA_BUF_INIT(65536);
 *     pa_post(poster, &(struct pa_post){.url = url, .body = body, .timeout_ms = 5000}, &answer,
 *             &status, &err)
 *     pa_poster_free(poster);
 *
 * A poster keeps its connection for the next post.  http and https; redirections are not followed;
 * an endpoint on this machine is asked without the proxy of the environment.
 *
 * Threads: one at a time; a post blocks.
 */
#ifndef PA_SERVER_POST_H
#define PA_SERVER_POST_H

#include "base/buf.h"
#include "base/error.h"

struct pa_poster;

struct pa_post {
    const char *url, *body;
    const char *key;     /* sent as a bearer token; NULL: none */
    uint64_t timeout_ms; /* of all of it; 0 is taken as 1 */

    /* Asked at least once a second, by the thread that posts: true ends the post.  May be NULL. */
    bool (*is_over)(void *context);
    void *context;
};

/* NULL when libcurl does not start. */
struct pa_poster *pa_poster_new(void);
struct pa_poster *pa_poster_free(struct pa_poster *poster); /* takes NULL, returns NULL */

/* Appends the body of the answer, whatever its status is.  CANCELLED by is_over, DEADLINE_EXCEEDED,
 * UNAVAILABLE where no whole answer came or it is more than the buffer's maximum; no message holds
 * the key. */
int pa_post(struct pa_poster *poster, const struct pa_post *post, struct pa_buf *answer,
            long *ret_status, struct pa_error *err);

#endif
