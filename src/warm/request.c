#include "warm/request.h"

#include "base/wire.h"

static void put_setup(const struct pa_worker_setup *setup, struct pa_buf *buf) {
    pa_put_u8(buf, setup->jail_required);
    pa_put_text(buf, setup->log_spec);
    pa_put_u8(buf, setup->log_format);
}

static void get_setup(struct pa_reader *reader, struct pa_worker_setup *ret) {
    ret->jail_required = pa_get_u8(reader);
    pa_get_text_into(reader, ret->log_spec, sizeof(ret->log_spec));
    ret->log_format = pa_get_u8(reader) == PA_LOG_JSON ? PA_LOG_JSON : PA_LOG_TEXT;
}

void pa_run_message_encode(const struct pa_run_message *message, struct pa_buf *buf) {
    put_setup(&message->setup, buf);
    pa_policy_encode(&message->policy, buf);
    pa_entry_encode(&message->entry, buf);
    pa_put_u32(buf, (uint32_t)message->argc);
    for (size_t i = 0; i < message->argc; i++)
        pa_put_text(buf, message->argv[i]);
    pa_put_bytes(buf, message->request, message->request_size);
    pa_put_u8(buf, message->session);
    pa_put_u32(buf, (uint32_t)message->file_count);
    for (size_t i = 0; i < message->file_count; i++) {
        pa_put_text(buf, message->files[i].path);
        pa_put_bytes(buf, message->files[i].bytes, message->files[i].size);
    }
}

static void get_argv(struct pa_reader *reader, struct pa_run_message *ret) {
    uint32_t count = pa_get_count(reader, 4);
    ret->argv = pa_xcalloc((size_t)count + 1, sizeof(*ret->argv));
    for (; ret->argc < count; ret->argc++)
        ret->argv[ret->argc] = pa_get_text(reader);
}

static void get_files(struct pa_reader *reader, struct pa_run_message *ret) {
    uint32_t count = pa_get_count(reader, 8);
    ret->files = pa_xcalloc(count, sizeof(*ret->files));
    for (; ret->file_count < count; ret->file_count++) {
        struct pa_run_file *file = &ret->files[ret->file_count];
        file->path = pa_get_text(reader);
        file->bytes = pa_get_bytes(reader, &file->size);
    }
}

int pa_run_message_decode(const uint8_t *payload, size_t size, struct pa_run_message *ret,
                          struct pa_error *err) {
    struct pa_reader reader = PA_READER(payload, size);
    struct pa_run_message message = {0};
    get_setup(&reader, &message.setup);
    if (pa_policy_decode(&message.policy, &reader, err) < 0)
        return -1;
    if (pa_entry_decode(&message.entry, &reader, err) < 0) {
        pa_policy_done(&message.policy);
        return -1;
    }
    get_argv(&reader, &message);
    message.request = pa_get_bytes(&reader, &message.request_size);
    message.session = pa_get_u8(&reader);
    get_files(&reader, &message);
    if (!pa_reader_ok(&reader)) {
        pa_run_message_done(&message);
        return pa_fail(err, PA_ERR_INTERNAL, "a run request on the channel is malformed");
    }
    *ret = message;
    return 0;
}

void pa_run_message_done(struct pa_run_message *message) {
    for (size_t i = 0; i < message->argc; i++)
        free(message->argv[i]);
    free(message->argv);
    for (size_t i = 0; i < message->file_count; i++)
        free(message->files[i].path);
    free(message->files);
    pa_entry_done(&message->entry);
    pa_policy_done(&message->policy);
    *message = (struct pa_run_message){0};
}

void pa_compile_message_encode(const struct pa_compile_message *message, struct pa_buf *buf) {
    put_setup(&message->setup, buf);
    for (size_t i = 0; i < pa_limit_count; i++)
        pa_put_u64(buf, *pa_limit_slot((struct pa_limits *)&message->limits, &pa_limit_infos[i]));
    pa_put_u8(buf, message->metered);
    pa_put_u8(buf, message->deterministic);
    pa_entry_encode(&message->entry, buf);
}

int pa_compile_message_decode(const uint8_t *payload, size_t size, struct pa_compile_message *ret,
                              struct pa_error *err) {
    struct pa_reader reader = PA_READER(payload, size);
    struct pa_compile_message message = {0};
    get_setup(&reader, &message.setup);
    for (size_t i = 0; i < pa_limit_count; i++)
        *pa_limit_slot(&message.limits, &pa_limit_infos[i]) = pa_get_u64(&reader);
    message.metered = pa_get_u8(&reader);
    message.deterministic = pa_get_u8(&reader);
    if (pa_entry_decode(&message.entry, &reader, err) < 0)
        return -1;
    if (!pa_reader_ok(&reader)) {
        pa_entry_done(&message.entry);
        return pa_fail(err, PA_ERR_INTERNAL, "a compile request on the channel is malformed");
    }
    *ret = message;
    return 0;
}
