/*
 * A desk is shared by its run and by each call that is not answered yet, counted; whoever lets go
 * last frees it.  So an answer may come when the run is long over, and finds nobody.
 *
 *     CALL line --> number, name, arguments --> checked against the schema --> offer->call
 *                             |                          |                          |
 *                             '------- not of that form -'-- refused --> reply <----' any thread
 */
#include "run/call_desk.h"

#include "base/clock.h"
#include "base/digest.h"
#include "run/call_schema.h"
#include "run/results.h"
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct reply {
    char *line; /* with its newline */
    size_t size;
    struct reply *next;
};

struct pa_call_desk {
    const struct pa_call_offer *offer; /* of the run's time */
    int event;
    pthread_mutex_t lock; /* over all that follows */
    unsigned refs, open, taken, kv;
    bool closed;
    struct reply *replies, **last;
    json_t *records;
};

struct pa_call {
    struct pa_call_desk *desk; /* a reference */
    uint64_t number, began_ns;
    json_t *id; /* the guest's */
    char *name;
    json_t *arguments;
};

struct pa_call_desk *pa_call_desk_new(const struct pa_call_offer *offer, struct pa_error *err) {
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0) {
        pa_fail_errno(err, errno, "cannot wait for answers to calls");
        return NULL;
    }
    struct pa_call_desk *desk = pa_xcalloc(1, sizeof(*desk));
    *desk =
        (struct pa_call_desk){.offer = offer, .event = event, .refs = 1, .records = json_array()};
    desk->last = &desk->replies;
    pthread_mutex_init(&desk->lock, NULL);
    return desk;
}

int pa_call_desk_fd(const struct pa_call_desk *desk) {
    return desk->event;
}

/* Under the lock, which is given up. */
static void unref(struct pa_call_desk *desk) {
    bool last = --desk->refs == 0;
    pthread_mutex_unlock(&desk->lock);
    if (!last)
        return;
    for (struct reply *reply = desk->replies, *next; reply; reply = next) {
        next = reply->next;
        free(reply->line);
        free(reply);
    }
    json_decref(desk->records);
    close(desk->event);
    pthread_mutex_destroy(&desk->lock);
    free(desk);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* {"id": ..., key: value} as a line; takes the value. */
static char *make_line(const json_t *id, const char *key, json_t *value) {
    json_t *object = json_object();
    json_object_set(object, "id", (json_t *)(uintptr_t)id);
    json_object_set_new(object, key, value);
    char *text = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY), *line = NULL;
    json_decref(object);
    if (text && strlen(text) < PA_CALL_MAX_BYTES)
        line = pa_xasprintf("%s\n", text);
    free(text);
    return line;
}

static json_t *message_of(const char *why) {
    json_t *object = json_object();
    json_t *text = json_string(why);
    json_object_set_new(object, "message", text ? text : json_string("the text is not UTF-8"));
    return object;
}

/* Under the lock. */
static void push(struct pa_call_desk *desk, char *line) {
    struct reply *reply = pa_xcalloc(1, sizeof(*reply));
    uint64_t one = 1;
    *reply = (struct reply){.line = line, .size = strlen(line)};
    *desk->last = reply;
    desk->last = &reply->next;
    ssize_t written = write(desk->event, &one, sizeof(one)); /* full means: it is readable */
    (void)written;
}

/* Under the lock. */
static void settle_record(struct pa_call_desk *desk, uint64_t number, uint64_t began_ns,
                          const char *status) {
    json_t *record = json_array_get(desk->records, number - 1);
    uint64_t us = (pa_clock_monotonic_ns() - began_ns) / 1000;
    json_object_set_new(record, "duration_ms", json_real((double)us / 1000));
    json_object_set_new(record, "status", json_string(status));
}

static void free_call(struct pa_call *call) {
    json_decref(call->id);
    json_decref(call->arguments);
    free(call->name);
    free(call);
}

/* The one way in which a call ends. */
static void finish(struct pa_call *call, const char *key, json_t *value, const char *status) {
    struct pa_call_desk *desk = call->desk;
    char *line = make_line(call->id, key, value);
    if (!line) {
        line =
            make_line(call->id, "error", message_of("the answer is larger than 1 MiB, or no JSON"));
        status = "error";
    }
    pthread_mutex_lock(&desk->lock);
    desk->open--;
    if (desk->closed) {
        free(line);
    } else {
        settle_record(desk, call->number, call->began_ns, status);
        push(desk, line);
    }
    free_call(call);
    unref(desk);
}

void pa_call_answer(struct pa_call *call, json_t *result) {
    finish(call, "result", result ? result : json_null(), "ok");
}

void pa_call_refuse(struct pa_call *call, const char *why) {
    finish(call, "error", message_of(why), "error");
}

const char *pa_call_name(const struct pa_call *call) {
    return call->name;
}

uint64_t pa_call_number(const struct pa_call *call) {
    return call->number;
}

const json_t *pa_call_arguments(const struct pa_call *call) {
    return call->arguments;
}

/* --- calls ------------------------------------------------------------------------------------ */

static const json_t *find_tool(const struct pa_call_offer *offer, const char *name) {
    size_t i;
    json_t *tool;
    json_array_foreach(offer ? (json_t *)(uintptr_t)offer->tools : NULL, i, tool) {
        if (pa_streq(json_string_value(json_object_get(tool, "name")), name))
            return tool;
    }
    return NULL;
}

/* Why the call is not the offer's to answer; 0 if it is. */
static int check(const struct pa_call_desk *desk, const struct pa_call *call,
                 struct pa_error *err) {
    if (!desk->offer)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "the caller of this run offers no tools");
    const json_t *tool = find_tool(desk->offer, call->name);
    if (!tool)
        return pa_fail(err, PA_ERR_NOT_FOUND, "there is no tool %.64s", call->name);
    if (desk->open > PA_CALL_MAX_OPEN)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "%d calls are open; wait for their answers",
                       PA_CALL_MAX_OPEN);
    return pa_call_schema_check(json_object_get(tool, "parameters"), call->arguments, err);
}

static json_t *new_record(const struct pa_call *call) {
    char *text = json_dumps(call->arguments, JSON_COMPACT | JSON_SORT_KEYS);
    char digest[PA_DIGEST_TEXT];
    size_t size = text ? strlen(text) : 0;
    pa_digest(text ? text : "", size, digest);
    free(text);
    json_t *record = json_object();
    json_object_set_new(record, "name", json_string(call->name));
    json_object_set_new(record, "arguments_bytes", json_integer((json_int_t)size));
    json_object_set_new(record, "arguments_sha256", json_string(digest));
    json_object_set_new(record, "duration_ms", json_null());
    json_object_set_new(record, "status", json_string("abandoned"));
    return record;
}

/* A call to the store is answered where it is taken: it has no record, and nobody else sees it. */
static bool is_kv(const struct pa_call_desk *desk, const struct pa_call *call) {
    return desk->offer && desk->offer->kv && strncmp(call->name, "kv.", 3) == 0;
}

static void ask_kv(struct pa_call_desk *desk, struct pa_call *call) {
    struct pa_error why;
    json_t *result = NULL;
    int done =
        desk->offer->kv(desk->offer->context, call->name + 3, call->arguments, &result, &why);
    char *line = done == 0 ? make_line(call->id, "result", result)
                           : make_line(call->id, "error", message_of(why.message));
    if (!line)
        line = make_line(call->id, "error", message_of("the answer is larger than 1 MiB"));
    pthread_mutex_lock(&desk->lock);
    push(desk, line);
    pthread_mutex_unlock(&desk->lock);
    free_call(call);
}

/* The line as a value, unless it would be a hundred times its size in memory (results.h). */
static json_t *read_line(const uint8_t *line, size_t size) {
    const struct pa_buf borrowed = {.data = (uint8_t *)(uintptr_t)line, .size = size};
    struct pa_result_lines lines = pa_result_lines(&borrowed);
    json_t *json = NULL;
    lines.left = PA_CALL_MAX_VALUES;
    pa_result_lines_next(&lines, &json);
    return json;
}

/* The line as a call; what is missing in it is empty. */
static struct pa_call *read_call(struct pa_call_desk *desk, const uint8_t *line, size_t size) {
    json_t *json = size <= PA_CALL_MAX_BYTES ? read_line(line, size) : NULL;
    const char *name = json_string_value(json_object_get(json, "name"));
    json_t *id = json_object_get(json, "id"), *arguments = json_object_get(json, "arguments");
    struct pa_call *call = pa_xcalloc(1, sizeof(*call));
    *call = (struct pa_call){.desk = desk,
                             .began_ns = pa_clock_monotonic_ns(),
                             .id = json_is_integer(id) ? json_incref(id) : json_null(),
                             .name = pa_xasprintf("%.64s", name ? name : ""),
                             .arguments = json_is_object(arguments) ? json_incref(arguments)
                                                                    : json_object()};
    json_decref(json);
    return call;
}

bool pa_call_desk_take(struct pa_call_desk *desk, const uint8_t *line, size_t size) {
    if (desk->taken == PA_CALL_MAX_PER_RUN || desk->kv == PA_CALL_MAX_KV)
        return false;
    struct pa_call *call = read_call(desk, line, size);
    struct pa_error why;
    if (is_kv(desk, call)) {
        desk->kv++;
        ask_kv(desk, call);
        return true;
    }
    pthread_mutex_lock(&desk->lock);
    desk->refs++;
    desk->open++;
    call->number = ++desk->taken;
    json_array_append_new(desk->records, new_record(call));
    int checked = check(desk, call, &why);
    pthread_mutex_unlock(&desk->lock);
    if (checked == 0)
        desk->offer->call(desk->offer->context, call);
    else
        finish(call, "error", message_of(why.message), "refused");
    return true;
}

bool pa_call_desk_next(struct pa_call_desk *desk, struct pa_buf *ret) {
    uint64_t count;
    pthread_mutex_lock(&desk->lock);
    struct reply *reply = desk->replies;
    if (reply) {
        desk->replies = reply->next;
        if (!desk->replies)
            desk->last = &desk->replies;
    } else if (read(desk->event, &count, sizeof(count)) < 0) {
        errno = 0; /* it was not readable: nothing was pushed since */
    }
    pthread_mutex_unlock(&desk->lock);
    if (!reply)
        return false;
    pa_buf_append(ret, reply->line, reply->size);
    free(reply->line);
    free(reply);
    return true;
}

json_t *pa_call_desk_close(struct pa_call_desk *desk) {
    pthread_mutex_lock(&desk->lock);
    json_t *records = json_incref(desk->records);
    desk->closed = true;
    unref(desk);
    return records;
}
