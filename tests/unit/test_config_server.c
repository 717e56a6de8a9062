/* The settings of the server: what each accepts, what fits together, what 0 stands for. */
#include "config_support.h"

#include <sched.h>

static void values(void **state) {
    struct pa_config config;
    struct pa_error err;
    assert_int_equal(load(&config,
                          "server:\n"
                          "  grpc_listen: '[::1]:0'\n  http_listen: off\n  max_running: 3\n"
                          "  session_idle_ms: 90s\n  drain_ms: 250\n  request_bytes: 1MiB\n"
                          "  rate_per_caller: unlimited\n  audit_log: /var/log/pa/audit\n"
                          "  audit_code: true\n  module_paths: [/opt/a, /opt/b]\n"
                          "  otlp_endpoint: http://localhost:4318\n  tasks_endpoint: off\n",
                          &err),
                     0);
    const struct pa_server_settings *server = &config.server;
    assert_string_equal(server->grpc_listen, "[::1]:0");
    assert_null(server->http_listen);
    assert_null(server->e2b_listen);
    assert_null(server->api_keys_file);
    assert_int_equal(server->max_running, 3);
    assert_int_equal(pa_server_running_most(server), 3);
    assert_int_equal(server->session_idle_ms, 90000);
    assert_int_equal(server->drain_ms, 250);
    assert_int_equal(server->request_bytes, 1 << 20);
    assert_true(server->rate_per_caller == PA_UNLIMITED);
    assert_string_equal(server->audit_log, "/var/log/pa/audit");
    assert_true(server->audit_code);
    assert_string_equal(server->module_paths[1], "/opt/b");
    assert_null(server->module_paths[2]);
    assert_string_equal(server->otlp_endpoint, "http://localhost:4318");
    assert_null(server->tasks_endpoint);
    assert_origin(&config, "server.max_running", NULL, "f.yaml:4");

    struct pa_buf shown = PA_BUF_INIT(1 << 20);
    struct pa_config again;
    pa_config_show(&config, &shown);
    assert_int_equal(load(&again, pa_buf_text(&shown), &err), 0);
    assert_same(&config, &again);
    pa_buf_done(&shown);
    pa_config_done(&again);

    /* A flag's path may be added; an empty text takes a path back. */
    assert_int_equal(
        pa_config_set(&config, "server.module_paths", "/opt/c", &PA_FLAG("--set"), &err), 0);
    assert_string_equal(config.server.module_paths[2], "/opt/c");
    assert_int_equal(pa_config_set(&config, "server.audit_log", "off", &PA_FLAG("--set"), &err), 0);
    assert_null(config.server.audit_log);
    pa_config_done(&config);
}

static void what_0_stands_for(void **state) {
    struct pa_config config;
    cpu_set_t set;
    pa_config_init(&config);
    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    assert_int_equal(pa_server_running_most(&config.server), 2 * CPU_COUNT(&set));
    uint64_t memory = pa_server_memory_most(&config.server);
    assert_true(memory > 64 * PA_MIB && memory < PA_UNLIMITED / 2);
    config.server.max_memory_bytes = 5;
    assert_int_equal(pa_server_memory_most(&config.server), 5);
    pa_config_done(&config);
}

static void faults(void **state) {
#define LISTEN "allowed is off, or ADDRESS:PORT with an IPv4 address or an IPv6 one in brackets"
    assert_fault("server: {grpc_listen: 50051}\n",
                 "f.yaml:1:23: server.grpc_listen: got '50051', " LISTEN);
    static const char *const no_addresses[] = {
        "localhost:1",     "127.0.0.1",      "127.0.0.1:", ":80",
        "127.0.0.1:65536", "::1:80",         "[::1]",      "1.2.3:80",
        "[127.0.0.1]:80",  "'127.0.0.1:80 '"};
    for (size_t i = 0; i < PA_ARRAY_LEN(no_addresses); i++) {
        struct pa_config config;
        struct pa_error err;
        char text[128];
        snprintf(text, sizeof(text), "server: {http_listen: \"%s\"}\n", no_addresses[i]);
        assert_int_equal(load(&config, text, &err), -1);
        assert_non_null(strstr(err.message, LISTEN));
        pa_config_done(&config);
    }
    assert_fault("server: {tls_key: key.pem}\n",
                 "f.yaml:1:19: server.tls_key: got 'key.pem', allowed is an absolute path, or "
                 "nothing");
    assert_fault("server: {otlp_endpoint: 'ftp://x'}\n",
                 "f.yaml:1:25: server.otlp_endpoint: got 'ftp://x', allowed is off, or an http:// "
                 "or https:// URL");
    assert_fault("server: {module_paths: [a]}\n",
                 "f.yaml:1:25: server.module_paths: the path 'a' is not absolute");
    assert_fault("server: {max_running: 5000}\n",
                 "f.yaml:1:23: server.max_running: max_running (runs at once; 0: two for each "
                 "processor): got 5000, allowed is 0 to 4096");
    assert_fault("server: {metrics: on}\n",
                 "f.yaml:1:19: server.metrics: got 'on', allowed is true or false");
    assert_fault("server: {tls_certificate: /c.pem}\n",
                 "f.yaml:1:10: server.tls_certificate: needs its private key in server.tls_key");
    assert_fault("server: {tls_client_ca: /ca.pem}\n",
                 "f.yaml:1:10: server.tls_client_ca: clients show certificates only over TLS: set "
                 "server.tls_certificate and server.tls_key");
    assert_fault("server: {idle_least: 9, idle_most: 3}\n",
                 "f.yaml:1:10: server.idle_least: is more than server.idle_most");
    assert_fault("server: {session_idle_ms: 2h}\n",
                 "f.yaml:1:10: server.session_idle_ms: is more than server.session_life_ms");
    assert_fault("server: {tasks_endpoint: 'https://x/v1'}\n",
                 "f.yaml:1:10: server.tasks_endpoint: needs the name of a model in "
                 "server.tasks_model");
    assert_fault("server: {audit_code: true}\n",
                 "f.yaml:1:10: server.audit_code: needs a file in server.audit_log");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(what_0_stands_for),
        cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
