/*
 * libcurl starts with the first poster, which it does for any number of threads at once, and is
 * never ended: its tables are the process's until that ends.
 */
#include "server/post.h"

#include <curl/curl.h>

struct pa_poster {
    CURL *curl;
    struct curl_slist *headers;
};

/* One post, as libcurl's callbacks see it. */
struct transfer {
    const struct pa_post *post;
    struct pa_buf *answer;
    bool over;
};

static size_t take_answer(char *bytes, size_t size, size_t count, void *context) {
    struct pa_buf *answer = ((struct transfer *)context)->answer;
    pa_buf_append(answer, bytes, size * count);
    return answer->failed ? 0 : size * count;
}

/* libcurl calls it at least once a second, and after each piece. */
static int on_progress(void *context, PA_UNUSED curl_off_t a, PA_UNUSED curl_off_t b,
                       PA_UNUSED curl_off_t c, PA_UNUSED curl_off_t d) {
    struct transfer *transfer = context;
    const struct pa_post *post = transfer->post;
    transfer->over = post->is_over && post->is_over(post->context);
    return transfer->over;
}

/* What all posts have in common. */
static void set_up(struct pa_poster *poster) {
    CURL *curl = poster->curl;
    poster->headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, poster->headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "polyagent/" PA_VERSION);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L); /* this program has threads */
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
}

struct pa_poster *pa_poster_new(void) {
    CURL *curl = curl_easy_init();
    if (!curl)
        return NULL;
    struct pa_poster *poster = pa_xcalloc(1, sizeof(*poster));
    poster->curl = curl;
    set_up(poster);
    return poster;
}

struct pa_poster *pa_poster_free(struct pa_poster *poster) {
    if (!poster)
        return NULL;
    curl_easy_cleanup(poster->curl);
    curl_slist_free_all(poster->headers);
    free(poster);
    return NULL;
}

static int judge(CURLcode code, const struct transfer *transfer, const char *why,
                 struct pa_error *err) {
    if (code == CURLE_OK)
        return 0;
    if (transfer->over)
        return pa_fail(err, PA_ERR_CANCELLED, "given up before there was an answer");
    if (code == CURLE_OPERATION_TIMEDOUT)
        return pa_fail(err, PA_ERR_DEADLINE_EXCEEDED, "no answer in %llu ms",
                       (unsigned long long)transfer->post->timeout_ms);
    if (transfer->answer->failed)
        return pa_fail(err, PA_ERR_UNAVAILABLE, "its answer is larger than %zu bytes",
                       transfer->answer->max);
    return pa_fail(err, PA_ERR_UNAVAILABLE, "%s", *why ? why : curl_easy_strerror(code));
}

int pa_post(struct pa_poster *poster, const struct pa_post *post, struct pa_buf *answer,
            long *ret_status, struct pa_error *err) {
    CURL *curl = poster->curl;
    struct transfer transfer = {.post = post, .answer = answer};
    char why[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl, CURLOPT_URL, post->url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(post->body));
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, post->key);
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, post->key ? CURLAUTH_BEARER : CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PA_MAX(post->timeout_ms, (uint64_t)1));
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (judge(code, &transfer, why, err) < 0)
        return -1;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}
