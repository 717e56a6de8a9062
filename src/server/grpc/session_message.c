#include "server/grpc/session.h"

#include "server/grpc/wire.h"

struct session_message {
    Polyagent__Agent__Session message; /* first */
    Polyagent__Agent__Checkpoint *checkpoints, **checkpoint_list;
    ProtobufCBinaryData *labels;
};

static ProtobufCBinaryData text(const json_t *object, const char *key) {
    return pa_message_view_json(json_object_get(object, key));
}

static uint64_t number(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void set_labels(const json_t *labels, struct session_message *to) {
    const char *key;
    json_t *value;
    to->labels = pa_xcalloc(json_object_size(labels) + 1, sizeof(*to->labels));
    json_object_foreach((json_t *)(uintptr_t)labels, key, value) {
        struct pa_buf entry = PA_BUF_INIT(SIZE_MAX / 2);
        pa_wire_put_bytes(&entry, 1, key, strlen(key));
        pa_wire_put_bytes(&entry, 2, json_string_value(value), json_string_length(value));
        ProtobufCBinaryData *label = &to->labels[to->message.n_labels++];
        label->data = pa_buf_take(&entry, &label->len);
    }
    to->message.labels = to->labels;
}

static void set_checkpoints(const json_t *checkpoints, struct session_message *to) {
    size_t count = json_array_size(checkpoints);
    to->checkpoints = pa_xcalloc(count + 1, sizeof(*to->checkpoints));
    to->checkpoint_list = pa_xcalloc(count + 1, sizeof(*to->checkpoint_list));
    for (size_t i = 0; i < count; i++) {
        const json_t *from = json_array_get(checkpoints, i);
        Polyagent__Agent__Checkpoint *one = to->checkpoint_list[i] = &to->checkpoints[i];
        polyagent__agent__checkpoint__init(one);
        one->name = text(from, "name");
        one->turns = number(from, "turns");
        one->created_at = text(from, "created_at");
    }
    to->message.checkpoints = to->checkpoint_list;
    to->message.n_checkpoints = count;
}

Polyagent__Agent__Session *pa_session_message(const json_t *session) {
    struct session_message *to = pa_xcalloc(1, sizeof(*to));
    Polyagent__Agent__Session *message = &to->message;
    const json_t *expires = json_object_get(session, "expires_in_ms");
    polyagent__agent__session__init(message);
    message->id = text(session, "id");
    message->name = text(session, "name");
    message->language = text(session, "language");
    message->state = text(session, "state");
    message->ended = text(session, "ended");
    message->parent = text(session, "parent");
    message->tree = text(session, "tree");
    message->turns = number(session, "turns");
    message->forks = number(session, "forks");
    message->recover = json_is_true(json_object_get(session, "recover"));
    message->memory_bytes = number(session, "memory_bytes");
    message->created_at = text(session, "created_at");
    message->idle_ms = number(session, "idle_ms");
    if (json_is_integer(expires)) {
        message->_expires_in_ms_case = POLYAGENT__AGENT__SESSION___EXPIRES_IN_MS_EXPIRES_IN_MS;
        message->expires_in_ms = (uint64_t)json_integer_value(expires);
    }
    set_labels(json_object_get(session, "labels"), to);
    set_checkpoints(json_object_get(session, "checkpoints"), to);
    return message;
}

void pa_session_message_free(Polyagent__Agent__Session *message) {
    if (!message)
        return;
    struct session_message *to = (struct session_message *)message;
    for (size_t i = 0; i < message->n_labels; i++)
        free(to->labels[i].data);
    free(to->labels);
    free(to->checkpoints);
    free(to->checkpoint_list);
    free(to);
}

Polyagent__Agent__Session **pa_session_messages(const json_t *sessions, size_t *ret_count) {
    size_t count = json_array_size(sessions);
    Polyagent__Agent__Session **messages = pa_xcalloc(count + 1, sizeof(*messages));
    for (size_t i = 0; i < count; i++)
        messages[i] = pa_session_message(json_array_get(sessions, i));
    *ret_count = count;
    return messages;
}

void pa_session_messages_free(Polyagent__Agent__Session **messages, size_t count) {
    for (size_t i = 0; i < count; i++)
        pa_session_message_free(messages[i]);
    free(messages);
}

/* One entry, {1: key, 2: value}, of a map of strings into the object. */
static int read_label(const ProtobufCBinaryData *entry, json_t *labels, struct pa_error *err) {
    struct pa_wire wire = PA_WIRE(entry->data, entry->len);
    struct pa_wire_field field;
    ProtobufCBinaryData parts[2] = {0};
    while (entry->len && pa_wire_next(&wire, &field))
        if (field.type == PA_WIRE_BYTES && field.number <= PA_ARRAY_LEN(parts))
            parts[field.number - 1] = (ProtobufCBinaryData){
                (size_t)(field.bytes.end - field.bytes.at), (uint8_t *)(uintptr_t)field.bytes.at};
    PA_CLEANUP(pa_freep) char *key = NULL;
    PA_CLEANUP(pa_freep) char *value = NULL;
    if (pa_message_text(&parts[0], "the name of a label", &key, err) < 0 ||
        pa_message_text(&parts[1], "a label", &value, err) < 0)
        return -1;
    json_object_set_new(labels, key, json_string(value));
    return 0;
}

int pa_labels_read(const ProtobufCBinaryData *entries, size_t count, json_t **ret,
                   struct pa_error *err) {
    *ret = NULL;
    if (!count)
        return 0;
    json_t *labels = json_object();
    int done = 0;
    for (size_t i = 0; done == 0 && i < count; i++)
        done = read_label(&entries[i], labels, err);
    if (done < 0)
        json_decref(labels);
    else
        *ret = labels;
    return done;
}
