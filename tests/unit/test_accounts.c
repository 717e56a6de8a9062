/* What the service keeps of runs: the registry, metrics, traces, the audit log, stored modules. */
#include "test.h"
#include "server/audit.h"
#include "server/metrics.h"
#include "server/modules.h"
#include "server/runs.h"
#include "server/trace.h"

#include "base/clock.h"
#include "base/io.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- runs ------------------------------------------------------------------------------------- */

static struct pa_runs *make_runs(uint64_t kept, uint64_t bytes, uint64_t ms) {
    return pa_runs_new(&(struct pa_runs_config){kept, bytes, ms});
}

static bool is_readable(int fd) {
    struct pollfd polled = {fd, POLLIN, 0};
    return poll(&polled, 1, 0) == 1;
}

static void end_ok(struct pa_runs *runs, struct pa_run *run) {
    json_t *outcome = json_pack("{s:s}", "status", "ok");
    pa_runs_end(runs, run, outcome, NULL);
    json_decref(outcome);
}

static void assert_state(struct pa_runs *runs, const char *id, const char *state) {
    json_t *json;
    struct pa_error err;
    assert_int_equal(pa_runs_describe(runs, "ann", id, &json, &err), 0);
    assert_string_equal(json_string_value(json_object_get(json, "state")), state);
    json_decref(json);
}

static void life_of_a_run(void **state) {
    struct pa_runs *runs = make_runs(10, 100000, 60000);
    struct pa_run *run;
    struct pa_error err;
    json_t *json;
    char id[PA_RUN_ID_TEXT];
    assert_int_equal(pa_runs_begin(runs, "ann", "python_executor", -1, &run, &err), 0);
    snprintf(id, sizeof(id), "%s", pa_run_id(run));
    assert_int_equal(strlen(id), 34);
    assert_state(runs, id, "queued");
    pa_run_started(runs, run);
    assert_state(runs, id, "running");
    assert_int_equal(pa_runs_describe(runs, "bob", id, &json, &err), -1);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
    assert_int_equal(pa_runs_cancel(runs, "bob", id, &err), -1);
    assert_false(is_readable(pa_run_cancel_fd(run)));
    assert_int_equal(pa_runs_cancel(runs, "ann", id, &err), 0);
    assert_true(is_readable(pa_run_cancel_fd(run)));
    assert_int_equal(pa_runs_alive(runs), 1);
    assert_int_equal(pa_runs_wait(runs, pa_clock_monotonic_ns() + PA_NS_PER_MS), -1);
    end_ok(runs, run);
    assert_int_equal(pa_runs_wait(runs, UINT64_MAX), 0);
    assert_int_equal(pa_runs_describe(runs, NULL, id, &json, &err), 0);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(json, "outcome"), "status")), "ok");
    json_decref(json);
    assert_int_equal(pa_runs_cancel(runs, "ann", id, &err), 0);
    static const char *const none[] = {"", "r-", "r-0000000000000000000000000000000z", "../../x"};
    for (size_t i = 0; i < PA_ARRAY_LEN(none); i++)
        assert_int_equal(pa_runs_describe(runs, "ann", none[i], &json, &err), -1);
    pa_runs_free(runs);
}

static void either_may_give_up(void **state) {
    struct pa_runs *runs = make_runs(10, 100000, 60000);
    struct pa_run *first, *second;
    struct pa_error err;
    int door = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(pa_runs_begin(runs, "a", "t", door, &first, &err), 0);
    assert_int_equal(pa_runs_begin(runs, "a", "t", door, &second, &err), 0);
    assert_false(is_readable(pa_run_cancel_fd(first)));
    assert_int_equal(pa_runs_cancel(runs, "a", pa_run_id(first), &err), 0);
    assert_true(is_readable(pa_run_cancel_fd(first)));
    assert_false(is_readable(pa_run_cancel_fd(second)));
    eventfd_write(door, 1);
    assert_true(is_readable(pa_run_cancel_fd(second)));
    end_ok(runs, first);
    end_ok(runs, second);
    pa_runs_free(runs);
    close(door);
}

static void only_so_many_are_kept(void **state) {
    struct pa_error why = {.code = PA_ERR_UNAVAILABLE, .message = "no"}, err;
    struct pa_runs *by_count = make_runs(3, 100000, 60000), *by_bytes = make_runs(100, 3000, 60000);
    char ids[2][10][PA_RUN_ID_TEXT];
    for (int i = 0; i < 10; i++)
        for (int which = 0; which < 2; which++) {
            struct pa_runs *runs = which ? by_bytes : by_count;
            struct pa_run *run;
            assert_int_equal(pa_runs_begin(runs, "ann", "t", -1, &run, &err), 0);
            snprintf(ids[which][i], PA_RUN_ID_TEXT, "%s", pa_run_id(run));
            pa_runs_end(runs, run, NULL, &why);
        }
    json_t *json;
    assert_int_equal(pa_runs_describe(by_count, "ann", ids[0][6], &json, &err), -1);
    assert_int_equal(pa_runs_describe(by_count, "ann", ids[0][7], &json, &err), 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "error"), "code")),
                        "UNAVAILABLE");
    json_decref(json);
    assert_int_equal(pa_runs_describe(by_bytes, "ann", ids[1][0], &json, &err), -1);
    assert_int_equal(pa_runs_describe(by_bytes, "ann", ids[1][9], &json, &err), 0);
    json_decref(json);
    pa_runs_free(by_count);
    pa_runs_free(by_bytes);
}

/* --- metrics ---------------------------------------------------------------------------------- */

static void count_one(struct pa_metrics *metrics, const char *tool, uint64_t duration_ns) {
    pa_metrics_run(metrics, &(struct pa_run_facts){.tool = tool,
                                                   .language = "python",
                                                   .status = "ok",
                                                   .door = "grpc",
                                                   .duration_ns = duration_ns,
                                                   .memory_peak_bytes = 1 << 21});
}

static void counts_and_buckets(void **state) {
    struct pa_metrics *metrics = pa_metrics_new();
    struct pa_buf text = PA_BUF_INIT(1 << 20);
    count_one(metrics, "t", 1500000);           /* 1.5 ms */
    count_one(metrics, "t", 2000000);           /* its bucket's bound */
    count_one(metrics, "t", UINT64_C(1) << 40); /* past all */
    pa_metrics_refused(metrics, "http", PA_ERR_UNAUTHENTICATED);
    pa_metrics_text(metrics, &text);
    static const char *const lines[] = {
        "\npolyagent_runs_total{tool=\"t\",language=\"python\",status=\"ok\",door=\"grpc\"} 3\n",
        "_duration_seconds_bucket{tool=\"t\",language=\"python\",le=\"0.001\"} 0\n",
        "_duration_seconds_bucket{tool=\"t\",language=\"python\",le=\"0.002\"} 2\n",
        "_duration_seconds_bucket{tool=\"t\",language=\"python\",le=\"120\"} 2\n",
        "_duration_seconds_bucket{tool=\"t\",language=\"python\",le=\"+Inf\"} 3\n",
        "_duration_seconds_count{tool=\"t\",language=\"python\"} 3\n",
        "_compile_seconds_count{tool=\"t\",language=\"python\"} 0\n",
        "_memory_peak_bytes_bucket{tool=\"t\",language=\"python\",le=\"4194304\"} 3\n",
        "\npolyagent_refused_total{door=\"http\",code=\"UNAUTHENTICATED\"} 1\n"};
    for (size_t i = 0; i < PA_ARRAY_LEN(lines); i++)
        if (!strstr(pa_buf_text(&text), lines[i]))
            fail_msg("%s is not in\n%s", lines[i], pa_buf_text(&text));
    pa_buf_done(&text);
    pa_metrics_free(metrics);
}

static void labels_are_escaped_and_bounded(void **state) {
    struct pa_metrics *metrics = pa_metrics_new();
    struct pa_buf text = PA_BUF_INIT(64 << 20);
    char tool[32];
    count_one(metrics, "a\"b\\c\nd\xff", 1);
    for (int i = 0; i < PA_METRICS_SERIES; i++) {
        snprintf(tool, sizeof(tool), "tool%d", i);
        count_one(metrics, tool, 1);
    }
    pa_metrics_text(metrics, &text);
    assert_non_null(strstr(pa_buf_text(&text), "tool=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\""));
    assert_non_null(strstr(pa_buf_text(&text), "runs_total{tool=\"other\""));
    assert_null(strstr(pa_buf_text(&text), "\"tool4000\""));
    pa_buf_done(&text);
    pa_metrics_free(metrics);
}

/* --- traces ----------------------------------------------------------------------------------- */

static void traceparents(void **state) {
    struct pa_trace trace;
    char text[PA_TRACE_TEXT];
    pa_trace_begin(&trace, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
    assert_string_equal(trace.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(trace.parent_id, "b7ad6b7169203331");
    assert_false(trace.sampled);
    pa_trace_format(&trace, text);
    assert_int_equal(strlen(text), 55);
    assert_memory_equal(text, "00-0af7651916cd43dd8448eb211c80319c-", 36);
    assert_string_equal(text + 52, "-00");
    assert_string_not_equal(trace.span_id, trace.parent_id);
    static const char *const good[] = {
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-what-the-future-brings"};
    static const char *const bad[] = {NULL,
                                      "",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
                                      "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                      "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
                                      "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
                                      "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01"};
    for (size_t i = 0; i < PA_ARRAY_LEN(good); i++) {
        pa_trace_begin(&trace, good[i]);
        assert_string_equal(trace.parent_id, "b7ad6b7169203331");
        assert_true(trace.sampled);
    }
    for (size_t i = 0; i < PA_ARRAY_LEN(bad); i++) {
        pa_trace_begin(&trace, bad[i]);
        assert_string_equal(trace.parent_id, "");
        assert_int_equal(strlen(trace.trace_id), 32);
        assert_true(trace.sampled);
    }
}

/* --- files ------------------------------------------------------------------------------------ */

struct place {
    char folder[64];
};

static void enter(struct place *place) {
    snprintf(place->folder, sizeof(place->folder), "/tmp/pa-accounts-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
}

static void leave(const struct place *place) {
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", place->folder);
    assert_int_equal(system(command), 0);
}

/* Each line as JSON. */
static json_t *read_lines(const char *path) {
    char line[8192];
    json_t *all = json_array();
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        json_t *json = json_loads(line, 0, NULL);
        assert_non_null(json);
        json_array_append_new(all, json);
    }
    fclose(file);
    return all;
}

static const char *text_of(json_t *line, const char *key) {
    return json_string_value(json_object_get(line, key));
}

static void audit_lines(void **state) {
    for (int with_code = 0; with_code < 2; with_code++) {
        struct place place;
        struct pa_audit *audit;
        struct pa_error err, why = {.code = PA_ERR_UNAVAILABLE, .message = "no\nplace"};
        struct stat st;
        enter(&place);
        char *path = pa_path_join(place.folder, "audit.jsonl");
        char *moved = pa_path_join(place.folder, "audit.1");
        assert_int_equal(pa_audit_new(path, with_code, &audit, &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        json_t *parameters = json_pack("{s:s}", "code", "print('secret')");
        struct pa_audit_record record = {.run_id = "r-1",
                                         .caller = "ann",
                                         .door = "grpc",
                                         .tool = "python_executor",
                                         .parameters = parameters,
                                         .error = &why};
        pa_audit_write(audit, &record);
        assert_int_equal(rename(path, moved), 0);
        pa_audit_write(audit, &record);
        assert_int_equal(pa_audit_reopen(audit, &err), 0);
        pa_audit_write(audit, &record);
        json_t *before = read_lines(moved), *after = read_lines(path);
        assert_int_equal(json_array_size(before), 2);
        assert_int_equal(json_array_size(after), 1);
        json_t *line = json_array_get(after, 0);
        assert_string_equal(text_of(line, "caller"), "ann");
        assert_string_equal(text_of(json_object_get(line, "outcome"), "code"), "UNAVAILABLE");
        assert_int_equal(json_object_get(line, "parameters") != NULL, with_code);
        assert_int_equal(pa_audit_lost(audit), 0);
        json_decref(before);
        json_decref(after);
        json_decref(parameters);
        pa_audit_free(audit);
        free(path);
        free(moved);
        leave(&place);
    }
}

/* A disk that is full, as a limit on file sizes has it: half a record, then none, then all again.
 */
static void a_full_disk_loses_records_only(void **state) {
    struct place place;
    struct pa_audit *audit;
    struct pa_error err, why = {.code = PA_ERR_UNAVAILABLE, .message = "no"};
    struct rlimit before;
    enter(&place);
    char *path = pa_path_join(place.folder, "audit.jsonl"), line[8192];
    assert_int_equal(pa_audit_new(path, false, &audit, &err), 0);
    struct pa_audit_record record = {
        .run_id = "r-1", .caller = "ann", .door = "grpc", .tool = "t", .error = &why};
    signal(SIGXFSZ, SIG_IGN);
    pa_audit_write(audit, &record);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    struct rlimit full = {(rlim_t)st.st_size + 20, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    for (int i = 0; i < 3; i++)
        pa_audit_write(audit, &record);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(pa_audit_lost(audit), 3);
    pa_audit_write(audit, &record);
    FILE *file = fopen(path, "r");
    int whole = 0, cut = 0;
    while (fgets(line, sizeof(line), file)) {
        json_t *json = json_loads(line, 0, NULL);
        *(json ? &whole : &cut) += 1;
        json_decref(json);
    }
    fclose(file);
    assert_int_equal(whole, 2);
    assert_int_equal(cut, 1);
    pa_audit_free(audit);
    free(path);
    leave(&place);
}

static void audit_faults(void **state) {
    struct pa_audit *audit;
    struct pa_error err;
    assert_int_equal(pa_audit_new("/nowhere/at/all/audit", false, &audit, &err), -1);
    assert_non_null(strstr(err.message, "server.audit_log"));
    assert_int_equal(pa_audit_new("/dev/null", false, &audit, &err), -1);
    assert_non_null(strstr(err.message, "not a file"));
}

static void put(struct pa_modules *modules, const char *text, char digest[PA_DIGEST_TEXT]) {
    struct pa_error err;
    int fd = pa_memfd_of("module", text, strlen(text), &err);
    assert_true(fd >= 0);
    assert_int_equal(pa_modules_put(modules, fd, 100, digest, &err), 0);
    close(fd);
}

static void stored_modules(void **state) {
    struct place place;
    struct pa_modules *modules;
    struct pa_error err;
    char first[PA_DIGEST_TEXT], again[PA_DIGEST_TEXT], second[PA_DIGEST_TEXT],
        expected[PA_DIGEST_TEXT];
    uint64_t bytes;
    enter(&place);
    assert_int_equal(pa_modules_open(place.folder, 15, &modules, &err), 0);
    put(modules, "0123456789", first);
    put(modules, "0123456789", again);
    pa_digest("0123456789", 10, expected);
    assert_string_equal(first, expected);
    assert_string_equal(again, expected);
    assert_int_equal(pa_modules_bytes(modules), 10);
    assert_int_equal(pa_modules_find(modules, first, &bytes, &err), 0);
    assert_int_equal(bytes, 10);
    put(modules, "abcdefghij", second); /* there is no room for both */
    assert_int_equal(pa_modules_bytes(modules), 10);
    assert_int_equal(pa_modules_find(modules, first, &bytes, &err), -1);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
    assert_int_equal(pa_modules_find(modules, second, &bytes, &err), 0);
    assert_int_equal(pa_modules_find(modules, "../../../etc/passwd", &bytes, &err), -1);
    static const char *const wrong[] = {"", "0123456789012345"};
    for (size_t i = 0; i < PA_ARRAY_LEN(wrong); i++) {
        int fd = pa_memfd_of("module", wrong[i], strlen(wrong[i]), &err);
        assert_int_equal(pa_modules_put(modules, fd, 100, again, &err), -1);
        close(fd);
    }
    int fd = pa_memfd_of("module", "0123456789", 10, &err);
    assert_int_equal(pa_modules_put(modules, fd, 9, again, &err), -1);
    assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "module_bytes"));
    close(fd);
    pa_modules_free(modules);
    leave(&place);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_of_a_run),
        cmocka_unit_test(either_may_give_up),
        cmocka_unit_test(only_so_many_are_kept),
        cmocka_unit_test(counts_and_buckets),
        cmocka_unit_test(labels_are_escaped_and_bounded),
        cmocka_unit_test(traceparents),
        cmocka_unit_test(audit_lines),
        cmocka_unit_test(a_full_disk_loses_records_only),
        cmocka_unit_test(audit_faults),
        cmocka_unit_test(stored_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
