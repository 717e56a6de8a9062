#include "warm/request.h"

#include "base/strv.h"
#include "base/wire.h"
#include "warm/frame.h"
#include <fnmatch.h>

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
    pa_put_u8(buf, message->list_files);
    size_t globs = pa_strv_count(message->outputs);
    pa_put_u32(buf, (uint32_t)globs);
    for (size_t i = 0; i < globs; i++)
        pa_put_text(buf, message->outputs[i]);
    pa_put_u64(buf, message->outputs_bytes);
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

static void get_outputs(struct pa_reader *reader, struct pa_run_message *ret) {
    ret->list_files = pa_get_u8(reader);
    uint32_t count = pa_get_count(reader, 4);
    ret->outputs = pa_xcalloc((size_t)count + 1, sizeof(*ret->outputs));
    for (uint32_t i = 0; i < count; i++)
        ret->outputs[i] = pa_get_text(reader);
    ret->outputs_bytes = pa_get_u64(reader);
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
    get_outputs(&reader, &message);
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
    pa_strv_free(message->outputs);
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
    pa_put_u8(buf, message->python);
    pa_put_u8(buf, message->text);
    pa_put_text(buf, message->filename);
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
    message.python = pa_get_u8(&reader);
    message.text = pa_get_u8(&reader);
    pa_get_text_into(&reader, message.filename, sizeof(message.filename));
    if (!pa_reader_ok(&reader)) {
        pa_entry_done(&message.entry);
        return pa_fail(err, PA_ERR_INTERNAL, "a compile request on the channel is malformed");
    }
    *ret = message;
    return 0;
}

void pa_transpile_answer_encode(const struct pa_transpile_answer *answer, struct pa_buf *buf) {
    pa_put_u8(buf, answer->refused);
    pa_put_u8(buf, answer->uses_input);
    pa_put_u32(buf, answer->line);
    pa_put_u32(buf, answer->column);
    pa_put_text(buf, answer->message);
    pa_put_bytes(buf, answer->module, answer->module_size);
}

/* What follows the answer (the cache's digest) is not looked at. */
int pa_transpile_answer_decode(const uint8_t *bytes, size_t size, struct pa_transpile_answer *ret) {
    struct pa_reader reader = PA_READER(bytes, size);
    struct pa_transpile_answer answer = {0};
    answer.refused = pa_get_u8(&reader);
    answer.uses_input = pa_get_u8(&reader);
    answer.line = pa_get_u32(&reader);
    answer.column = pa_get_u32(&reader);
    pa_get_text_into(&reader, answer.message, sizeof(answer.message));
    answer.module = pa_get_bytes(&reader, &answer.module_size);
    if (reader.failed)
        return -1;
    *ret = answer;
    return 0;
}

void pa_python_request_encode(const struct pa_python_request *request, struct pa_buf *buf) {
    pa_put_text(buf, request->filename);
    pa_put_u8(buf, request->may_read);
    pa_put_u64(buf, request->keep_ns);
    pa_put_bytes(buf, request->source, request->source_size);
    pa_put_bytes(buf, request->made, request->made_size);
}

int pa_python_request_decode(const uint8_t *bytes, size_t size, struct pa_python_request *ret) {
    struct pa_reader reader = PA_READER(bytes, size);
    struct pa_python_request request = {0};
    pa_get_text_into(&reader, request.filename, sizeof(request.filename));
    request.may_read = pa_get_u8(&reader);
    request.keep_ns = pa_get_u64(&reader);
    request.source = pa_get_bytes(&reader, &request.source_size);
    request.made = pa_get_bytes(&reader, &request.made_size);
    if (!pa_reader_ok(&reader))
        return -1;
    *ret = request;
    return 0;
}

void pa_python_made_encode(const struct pa_python_made *made, struct pa_buf *buf) {
    pa_put_u8(buf, made->refused);
    pa_put_u8(buf, made->uses_input);
    pa_put_u32(buf, made->line);
    pa_put_u32(buf, made->column);
    pa_put_text(buf, made->message);
    pa_put_u64(buf, made->took_ns);
    pa_put_u64(buf, made->cpu_ns);
}

int pa_python_made_decode(const uint8_t *bytes, size_t size, struct pa_python_made *ret) {
    struct pa_reader reader = PA_READER(bytes, size);
    struct pa_python_made made = {0};
    made.refused = pa_get_u8(&reader);
    made.uses_input = pa_get_u8(&reader);
    made.line = pa_get_u32(&reader);
    made.column = pa_get_u32(&reader);
    pa_get_text_into(&reader, made.message, sizeof(made.message));
    made.took_ns = pa_get_u64(&reader);
    made.cpu_ns = pa_get_u64(&reader);
    if (!pa_reader_ok(&reader))
        return -1;
    *ret = made;
    return 0;
}

void pa_file_step_encode(const struct pa_file_step *step, struct pa_buf *buf) {
    pa_put_u8(buf, (uint8_t)step->op);
    pa_put_text(buf, step->path);
    pa_put_text(buf, step->to);
    pa_put_u64(buf, step->offset);
    pa_put_u64(buf, step->size);
    pa_put_u8(buf, step->flag);
    pa_put_bytes(buf, step->bytes, step->bytes_size);
}

int pa_file_step_decode(const uint8_t *payload, size_t size, struct pa_file_step *ret,
                        struct pa_error *err) {
    struct pa_reader reader = PA_READER(payload, size);
    struct pa_file_step step = {0};
    uint8_t op = pa_get_u8(&reader);
    step.op = (enum pa_file_op)op;
    step.path = pa_get_text(&reader);
    step.to = pa_get_text(&reader);
    step.offset = pa_get_u64(&reader);
    step.size = pa_get_u64(&reader);
    step.flag = pa_get_u8(&reader);
    step.bytes = pa_get_bytes(&reader, &step.bytes_size);
    if (!pa_reader_ok(&reader) || op >= PA_FILE_OP_COUNT) {
        pa_file_step_done(&step);
        return pa_fail(err, PA_ERR_INTERNAL, "a file request on the channel is malformed");
    }
    *ret = step;
    return 0;
}

void pa_file_step_done(struct pa_file_step *step) {
    free(step->path);
    free(step->to);
    *step = (struct pa_file_step){0};
}

void pa_file_done_encode(const struct pa_file_done *done, struct pa_buf *buf) {
    pa_put_u8(buf, done->err.code != PA_ERR_NONE);
    if (done->err.code != PA_ERR_NONE) {
        pa_error_encode(&done->err, buf);
        return;
    }
    pa_put_u8(buf, done->directory);
    pa_put_u64(buf, done->size);
    pa_put_u64(buf, done->modified_ns);
    pa_put_u64(buf, done->next);
    pa_put_bytes(buf, done->bytes, done->bytes_size);
}

int pa_file_done_decode(const uint8_t *payload, size_t size, struct pa_file_done *ret) {
    struct pa_reader reader = PA_READER(payload, size);
    struct pa_file_done done = {0};
    if (pa_get_u8(&reader)) {
        if (size < 1 || pa_error_decode(payload + 1, size - 1, &done.err) < 0)
            return -1;
        *ret = done;
        return 0;
    }
    done.directory = pa_get_u8(&reader);
    done.size = pa_get_u64(&reader);
    done.modified_ns = pa_get_u64(&reader);
    done.next = pa_get_u64(&reader);
    done.bytes = pa_get_bytes(&reader, &done.bytes_size);
    if (!pa_reader_ok(&reader))
        return -1;
    *ret = done;
    return 0;
}

void pa_file_entry_encode(const struct pa_file_entry *entry, struct pa_buf *buf) {
    pa_put_text(buf, entry->name);
    pa_put_u8(buf, entry->directory);
    pa_put_u64(buf, entry->size);
    pa_put_u64(buf, entry->modified_ns);
}

bool pa_file_entry_decode(struct pa_reader *reader, struct pa_file_entry *ret) {
    if (reader->failed || reader->at == reader->size)
        return false;
    pa_get_text_into(reader, ret->name, sizeof(ret->name));
    ret->directory = pa_get_u8(reader);
    ret->size = pa_get_u64(reader);
    ret->modified_ns = pa_get_u64(reader);
    return !reader->failed;
}

bool pa_output_wanted(char *const *globs, const char *path) {
    static const char workspace[] = "/workspace/";
    const size_t size = sizeof(workspace) - 1;
    const char *rest = strncmp(path, workspace, size) == 0 ? path + size : NULL;
    for (; globs && *globs; globs++) {
        const char *text = **globs == '/' ? path : rest;
        if (text && fnmatch(*globs, text, 0) == 0)
            return true;
    }
    return false;
}

void pa_changed_file_encode(const struct pa_changed_file *file, bool with_bytes,
                            struct pa_buf *buf) {
    pa_put_text(buf, file->path);
    pa_put_u64(buf, file->size);
    pa_put_text(buf, file->sha256);
    pa_put_u8(buf, with_bytes);
}

bool pa_changed_file_decode(struct pa_reader *reader, struct pa_changed_file *ret) {
    if (reader->failed || reader->at == reader->size)
        return false;
    struct pa_changed_file file = {0};
    file.path = pa_get_text(reader);
    file.size = pa_get_u64(reader);
    pa_get_text_into(reader, file.sha256, sizeof(file.sha256));
    bool with_bytes = pa_get_u8(reader);
    bool fits = file.size <= reader->size - reader->at;
    if (reader->failed || (with_bytes && !fits)) {
        free(file.path);
        reader->failed = true;
        return false;
    }
    if (with_bytes) {
        file.bytes = reader->data + reader->at;
        reader->at += (size_t)file.size;
    }
    *ret = file;
    return true;
}
