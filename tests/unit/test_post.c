/* Posts to endpoints, against a server of the test's own: one answer a connection. */
#include "test.h"

#include "base/io.h"
#include "server/post.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct endpoint {
    int fd;
    char url[64];
    const char *answer; /* NULL: none, until the client is gone */
    char request[4096]; /* what came */
    pthread_t thread;
};

static void *serve(void *context) {
    struct endpoint *endpoint = context;
    PA_CLEANUP(pa_closep) int fd = accept4(endpoint->fd, NULL, NULL, SOCK_CLOEXEC);
    size_t size = 0;
    ssize_t n = 1;
    while (n > 0 && !strstr(endpoint->request, "\r\n\r\n{}")) {
        n = read(fd, endpoint->request + size, sizeof(endpoint->request) - 1 - size);
        size += n > 0 ? (size_t)n : 0;
    }
    char byte;
    if (endpoint->answer)
        pa_write_full(fd, endpoint->answer, strlen(endpoint->answer));
    else
        while (read(fd, &byte, 1) > 0)
            continue;
    return NULL;
}

static void start(struct endpoint *endpoint, const char *answer) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    *endpoint = (struct endpoint){.answer = answer};
    endpoint->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(endpoint->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(endpoint->fd, 1), 0);
    getsockname(endpoint->fd, (struct sockaddr *)&address, &size);
    snprintf(endpoint->url, sizeof(endpoint->url), "http://127.0.0.1:%u/x",
             ntohs(address.sin_port));
    assert_int_equal(pthread_create(&endpoint->thread, NULL, serve, endpoint), 0);
}

/* Posts {} to an endpoint that gives this answer. */
static int post_to(const char *answer, struct pa_post post, struct pa_buf *text, long *ret_status,
                   char *ret_request, struct pa_error *err) {
    struct endpoint endpoint;
    start(&endpoint, answer);
    post.url = endpoint.url;
    post.body = "{}";
    struct pa_poster *poster = pa_poster_new();
    assert_non_null(poster);
    int done = pa_post(poster, &post, text, ret_status, err);
    pa_poster_free(poster);
    shutdown(endpoint.fd, SHUT_RD); /* nobody may have come */
    pthread_join(endpoint.thread, NULL);
    close(endpoint.fd);
    if (ret_request)
        memcpy(ret_request, endpoint.request, sizeof(endpoint.request));
    return done;
}

#define TEAPOT "HTTP/1.1 418 I am\r\nContent-Length: 8\r\n\r\n{\"a\": 1}"

static void answers(void **state) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(8);
    struct pa_error err;
    char request[4096];
    long status = 0;
    const struct pa_post plain = {.timeout_ms = 10000}, keyed = {.timeout_ms = 10000, .key = "k"};
    assert_int_equal(post_to(TEAPOT, plain, &text, &status, request, &err), 0);
    assert_int_equal(status, 418); /* the body is given whatever the status */
    assert_string_equal(pa_buf_text(&text), "{\"a\": 1}");
    assert_non_null(strstr(request, "POST /x HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "Content-Type: application/json\r\n"));
    assert_null(strstr(request, "Authorization"));
    pa_buf_clear(&text);
    assert_int_equal(post_to(TEAPOT, keyed, &text, &status, request, &err), 0);
    assert_non_null(strstr(request, "Authorization: Bearer k\r\n"));
}

/* One poster for two endpoints: the second is not told the key of the first. */
static void keys_are_not_kept(void **state) {
    struct pa_poster *poster = pa_poster_new();
    struct pa_error err;
    for (int i = 0; i < 2; i++) {
        PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(100);
        struct endpoint endpoint;
        long status;
        start(&endpoint, TEAPOT);
        const struct pa_post post = {
            .url = endpoint.url, .body = "{}", .timeout_ms = 10000, .key = i ? NULL : "secret"};
        assert_int_equal(pa_post(poster, &post, &text, &status, &err), 0);
        pthread_join(endpoint.thread, NULL);
        close(endpoint.fd);
        assert_int_equal(strstr(endpoint.request, "secret") != NULL, i == 0);
    }
    pa_poster_free(poster);
}

static bool is_over(void *context) {
    return true;
}

static void failures(void **state) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(7);
    struct pa_error err;
    long status;
    const struct pa_post brief = {.timeout_ms = 100},
                         over = {.timeout_ms = 1000, .is_over = is_over};
    assert_int_equal(post_to(NULL, brief, &text, &status, NULL, &err), -1);
    assert_int_equal(err.code, PA_ERR_DEADLINE_EXCEEDED);
    assert_int_equal(post_to(NULL, over, &text, &status, NULL, &err), -1);
    assert_int_equal(err.code, PA_ERR_CANCELLED);
    const struct pa_post fine = {.timeout_ms = 10000};
    assert_int_equal(
        post_to("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", fine, &text, &status, NULL, &err),
        -1);
    assert_int_equal(err.code, PA_ERR_UNAVAILABLE); /* it was cut short */
    pa_buf_clear(&text);
    assert_int_equal(post_to(TEAPOT, fine, &text, &status, NULL, &err), -1);
    assert_int_equal(err.code, PA_ERR_UNAVAILABLE);
    assert_string_equal(err.message, "its answer is larger than 7 bytes");

    struct pa_poster *poster = pa_poster_new();
    const struct pa_post file = {.url = "file:///etc/passwd", .body = "{}", .timeout_ms = 1000};
    assert_int_equal(pa_post(poster, &file, &text, &status, &err), -1);
    assert_int_equal(err.code, PA_ERR_UNAVAILABLE);
    pa_poster_free(poster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(keys_are_not_kept),
        cmocka_unit_test(failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
