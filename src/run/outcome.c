#include "run/outcome.h"

#include "base/base64.h"
#include "base/utf8.h"
#include "policy/limits.h"
#include "run/results.h"
#include <stdarg.h>

void pa_outcome_init(struct pa_outcome *outcome) {
    *outcome = (struct pa_outcome){.usage.fuel = PA_UNLIMITED};
    outcome->results = PA_BUF_INIT(SIZE_MAX / 2);
    for (int i = 0; i < 2; i++)
        outcome->output[i].kept = PA_BUF_INIT(SIZE_MAX / 2);
}

void pa_outcome_done(struct pa_outcome *outcome) {
    pa_buf_done(&outcome->results);
    for (int i = 0; i < 2; i++)
        pa_buf_done(&outcome->output[i].kept);
    for (size_t i = 0; i < outcome->file_count; i++) {
        free(outcome->files[i].path);
        free(outcome->files[i].bytes);
    }
    free(outcome->files);
    json_decref(outcome->calls);
    outcome->calls = NULL;
    outcome->files = NULL;
    outcome->file_count = 0;
}

void pa_outcome_set(struct pa_outcome *outcome, enum pa_status status, const char *fmt, ...) {
    outcome->status = status;
    outcome->exit_code = 0;
    outcome->kind[0] = outcome->backtrace[0] = 0;
    va_list args;
    va_start(args, fmt);
    vsnprintf(outcome->message, sizeof(outcome->message), fmt, args);
    va_end(args);
}

void pa_outcome_take_end(struct pa_outcome *outcome, const struct pa_end *end) {
    outcome->status = end->status;
    outcome->exit_code = end->exit_code;
    memcpy(outcome->kind, end->kind, sizeof(outcome->kind));
    memcpy(outcome->message, end->message, sizeof(outcome->message));
    memcpy(outcome->backtrace, end->backtrace, sizeof(outcome->backtrace));
    outcome->usage.memory_peak_bytes = end->memory_peak_bytes;
    outcome->usage.fuel = end->fuel_used;
}

/* Any bytes as a JSON string; *ret_exact says whether nothing had to be replaced. */
static json_t *text_of(const uint8_t *bytes, size_t size, bool *ret_exact) {
    struct pa_buf text = PA_BUF_INIT(SIZE_MAX / 2);
    *ret_exact = pa_utf8_append(&text, bytes, size);
    json_t *value = json_stringn_nocheck(pa_buf_text(&text), text.size);
    pa_buf_done(&text);
    return value;
}

static json_t *base64_of(const uint8_t *bytes, size_t size) {
    PA_CLEANUP(pa_freep) char *text = pa_base64_encode(bytes, size);
    return json_string_nocheck(text);
}

static void set_output(json_t *object, const char *name, const struct pa_output_record *record) {
    char key[32];
    bool exact;
    json_object_set_new(object, name, text_of(record->kept.data, record->kept.size, &exact));
    if (!exact) {
        snprintf(key, sizeof(key), "%s_base64", name);
        json_object_set_new(object, key, base64_of(record->kept.data, record->kept.size));
    }
}

/* {"path", "size", "sha256"}, and "content", or "content_base64" where it is not text. */
static json_t *file_json(const struct pa_outcome_file *file) {
    json_t *object = json_object();
    bool exact;
    json_object_set_new(object, "path",
                        text_of((const uint8_t *)file->path, strlen(file->path), &exact));
    json_object_set_new(object, "size", json_integer((json_int_t)file->size));
    json_object_set_new(object, "sha256", json_string(file->sha256));
    if (!file->bytes)
        return object;
    json_t *content = text_of(file->bytes, file->size, &exact);
    if (exact) {
        json_object_set_new(object, "content", content);
    } else {
        json_decref(content);
        json_object_set_new(object, "content_base64", base64_of(file->bytes, file->size));
    }
    return object;
}

static json_t *files_json(const struct pa_outcome *outcome) {
    json_t *list = json_array();
    for (size_t i = 0; i < outcome->file_count; i++)
        json_array_append_new(list, file_json(&outcome->files[i]));
    return list;
}

static json_t *milliseconds(uint64_t ns) {
    return json_real((double)(ns / 1000) / 1000.0);
}

static json_t *usage_json(const struct pa_usage *usage) {
    json_t *object = json_object();
    json_object_set_new(object, "wall_ms", milliseconds(usage->wall_ns));
    json_object_set_new(object, "cpu_ms", milliseconds(usage->cpu_ns));
    json_object_set_new(object, "queue_ms", milliseconds(usage->queue_ns));
    json_object_set_new(object, "compile_ms", milliseconds(usage->compile_ns));
    json_object_set_new(object, "memory_peak_bytes",
                        json_integer((json_int_t)usage->memory_peak_bytes));
    json_object_set_new(object, "fuel",
                        usage->fuel == PA_UNLIMITED ? json_null()
                                                    : json_integer((json_int_t)usage->fuel));
    return object;
}

static void set_text(json_t *object, const char *name, const char *text) {
    bool exact;
    if (*text)
        json_object_set_new(object, name, text_of((const uint8_t *)text, strlen(text), &exact));
}

/* The last message of a type, as a new reference, or NULL. */
static json_t *find_message(const struct pa_buf *lines, const char *type) {
    struct pa_result_lines at = pa_result_lines(lines);
    json_t *found = NULL, *message;
    while (pa_result_lines_next(&at, &message)) {
        const char *its = json_string_value(json_object_get(message, "type"));
        if (its && pa_streq(its, type)) {
            json_decref(found);
            found = json_incref(message);
        }
        json_decref(message);
    }
    return found;
}

void pa_outcome_take_turn(struct pa_outcome *outcome) {
    json_t *done = find_message(&outcome->results, "done");
    json_int_t code = json_integer_value(json_object_get(done, "exit_code"));
    outcome->exit_code = (uint32_t)code & 0xff;
    outcome->status = outcome->exit_code ? PA_STATUS_ERROR : PA_STATUS_OK;
    outcome->exited = json_is_true(json_object_get(done, "exited"));
    json_decref(done);
}

bool pa_outcome_is_complete(const struct pa_outcome *outcome) {
    json_t *answer = find_message(&outcome->results, "complete");
    bool complete = !json_is_false(json_object_get(answer, "complete"));
    json_decref(answer);
    return complete;
}

json_t *pa_outcome_variables(const struct pa_outcome *outcome) {
    json_t *answer = find_message(&outcome->results, "variables");
    json_t *list = json_object_get(answer, "variables");
    json_t *kept = json_is_array(list) ? json_incref(list) : NULL;
    json_decref(answer);
    return kept;
}

/* One line of what the guest handed over; what is not a message of the protocol is passed over. */
static void take_message(json_t *message, json_t *results, json_t **error) {
    const char *type = json_string_value(json_object_get(message, "type"));
    json_t *data = json_object_get(message, "data");
    if (!type)
        return;
    if (pa_streq(type, "result") && json_is_object(data)) {
        json_array_append(results, data);
    } else if (pa_streq(type, "error")) {
        json_object_del(message, "type");
        json_decref(*error);
        *error = json_incref(message);
    }
}

/* New references: the results, and the last error or null.  False when some were too much. */
static bool read_results(const struct pa_buf *lines, json_t **ret_results, json_t **ret_error) {
    json_t *results = json_array(), *error = json_null();
    struct pa_result_lines at = pa_result_lines(lines);
    json_t *message;
    while (pa_result_lines_next(&at, &message)) {
        take_message(message, results, &error);
        json_decref(message);
    }
    *ret_results = results;
    *ret_error = error;
    return !at.dropped;
}

static void set_results(json_t *object, const struct pa_buf *lines) {
    json_t *results, *error;
    bool all = read_results(lines, &results, &error);
    json_object_set_new(object, "error", error);
    json_object_set_new(object, "results", results);
    if (!all)
        json_object_set_new(object, "results_truncated", json_true());
}

void pa_outcome_result_texts(const struct pa_outcome *outcome, struct pa_buf *buf) {
    json_t *results, *error, *data;
    size_t i;
    read_results(&outcome->results, &results, &error);
    json_array_foreach(results, i, data) {
        json_t *text = json_object_get(data, "text/plain");
        if (!json_is_string(text))
            continue;
        pa_buf_append(buf, json_string_value(text), json_string_length(text));
        pa_buf_append(buf, "\n", 1);
    }
    json_decref(results);
    json_decref(error);
}

static int append(const char *bytes, size_t size, void *buf) {
    pa_buf_append(buf, bytes, size);
    return 0;
}

json_t *pa_outcome_value(const struct pa_outcome *outcome) {
    json_t *object = json_object();
    json_object_set_new(object, "status", json_string(pa_status_name(outcome->status)));
    bool own_exit = pa_status_exit(outcome->status) < 0;
    json_object_set_new(object, "exit_code",
                        own_exit ? json_integer(outcome->exit_code) : json_null());
    set_output(object, "stdout", &outcome->output[PA_STDOUT]);
    set_output(object, "stderr", &outcome->output[PA_STDERR]);
    json_object_set_new(object, "stdout_truncated",
                        json_boolean(outcome->output[PA_STDOUT].truncated));
    json_object_set_new(object, "stderr_truncated",
                        json_boolean(outcome->output[PA_STDERR].truncated));
    set_text(object, "message", outcome->message);
    if (outcome->kind[0] || outcome->backtrace[0]) {
        json_t *trap = json_object();
        set_text(trap, "kind", outcome->kind);
        set_text(trap, "backtrace", outcome->backtrace);
        json_object_set_new(object, "trap", trap);
    }
    set_results(object, &outcome->results);
    json_object_set_new(object, "files", files_json(outcome));
    if (outcome->engine) {
        json_t *engine = json_object();
        json_object_set_new(engine, "used", json_string(outcome->engine));
        set_text(engine, "why", outcome->engine_why);
        json_object_set_new(object, "engine", engine);
    }
    if (outcome->files_truncated)
        json_object_set_new(object, "files_truncated", json_true());
    if (json_array_size(outcome->calls))
        json_object_set(object, "calls", outcome->calls);
    json_object_set_new(object, "usage", usage_json(&outcome->usage));
    if (outcome->session_lives)
        json_object_set_new(object, "session_lives", json_true());
    if (outcome->session_rolled_back)
        json_object_set_new(object, "session_rolled_back", json_true());
    set_text(object, "jail_missing", outcome->jail_missing);
    return object;
}

void pa_outcome_json(const struct pa_outcome *outcome, struct pa_buf *buf) {
    json_t *object = pa_outcome_value(outcome);
    json_dump_callback(object, append, buf, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(object);
}

int pa_outcome_exit(const struct pa_outcome *outcome) {
    int ours = pa_status_exit(outcome->status);
    return ours >= 0 ? ours : (int)(outcome->exit_code & 0xff);
}
