/*
 * The in-memory files of a guest, for its supervisor: put before a run, looked at and changed
 * between the turns of a session (FILE), and told of at the end (CHANGED).
 *
 * Contents go out as they lie in memory, in pieces, so that telling of a large file needs no memory
 * that a guest at its limit would not have.
 */
#include "warm/worker.h"

#include "base/digest.h"
#include "base/strv.h"

static const char *const places[] = {"/workspace", "/tmp"};

int pa_worker_find_place(struct pa_worker *worker, const char *path, struct pa_memfs **ret_fs,
                         const char **ret_rest, struct pa_error *err) {
    const char *place = *path == '/' ? NULL : places[0];
    for (size_t i = 0; !place && i < PA_ARRAY_LEN(places); i++) {
        size_t size = strlen(places[i]);
        if (strncmp(path, places[i], size) == 0 && (path[size] == '/' || path[size] == 0)) {
            place = places[i];
            path += size;
        }
    }
    if (!place)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "files: %s is neither below /workspace nor below /tmp", path);
    *ret_fs = pa_wasi_memfs(worker->wasi, place);
    *ret_rest = path + strspn(path, "/");
    if (!*ret_fs)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "files: %s is a mounted host directory; put %s there yourself", place, path);
    return 0;
}

int pa_worker_place_files(struct pa_worker *worker, struct pa_error *err) {
    for (size_t i = 0; i < worker->message.file_count; i++) {
        const struct pa_run_file *file = &worker->message.files[i];
        struct pa_memfs *fs;
        const char *rest;
        if (pa_worker_find_place(worker, file->path, &fs, &rest, err) < 0)
            return -1;
        if (pa_files_write(fs, rest, 0, true, file->bytes, file->size, err) < 0)
            return pa_error_prefix(err, "files");
    }
    for (size_t i = 0; i < PA_ARRAY_LEN(places); i++) {
        struct pa_memfs *fs = pa_wasi_memfs(worker->wasi, places[i]);
        if (fs)
            pa_files_begin(fs);
    }
    return 0;
}

/* --- one step --------------------------------------------------------------------------------- */

static void set_info(const struct pa_file_info *info, struct pa_file_done *done) {
    done->directory = info->directory;
    done->size = info->size;
    done->modified_ns = info->modified_ns;
}

struct listing {
    struct pa_buf entries;
    uint64_t next; /* where what did not fit begins; 0: all did */
    uint64_t at;
};

static bool list_entry(void *context, const char *name, size_t name_size,
                       const struct pa_file_info *info, uint64_t next) {
    struct listing *listing = context;
    struct pa_file_entry entry = {
        .directory = info->directory, .size = info->size, .modified_ns = info->modified_ns};
    if (name_size >= sizeof(entry.name) || listing->entries.size >= PA_FILE_PIECE) {
        listing->next = listing->at;
        return false;
    }
    memcpy(entry.name, name, name_size + 1);
    pa_file_entry_encode(&entry, &listing->entries);
    listing->at = next;
    return true;
}

static int take_step(struct pa_memfs *fs, const char *path, const struct pa_file_step *step,
                     struct pa_worker *worker, struct listing *listing, struct pa_file_done *done,
                     struct pa_error *err) {
    struct pa_file_info info = {0};
    struct pa_memfs *to_fs;
    const char *to;
    int result = 0;
    switch (step->op) {
    case PA_FILE_STAT:
        result = pa_files_stat(fs, path, &info, err);
        break;
    case PA_FILE_GET:
        result = pa_files_read(fs, path, step->offset, PA_MIN(step->size, (uint64_t)PA_FILE_PIECE),
                               &done->bytes, &done->bytes_size, &info, err);
        break;
    case PA_FILE_PUT:
        return pa_files_write(fs, path, step->offset, step->flag, step->bytes, step->bytes_size,
                              err);
    case PA_FILE_LIST:
        listing->at = step->offset;
        result = pa_files_list(fs, path, step->offset, list_entry, listing, err);
        done->next = listing->next;
        done->bytes = listing->entries.data;
        done->bytes_size = listing->entries.size;
        break;
    case PA_FILE_MKDIR:
        return pa_files_mkdir(fs, path, err);
    case PA_FILE_RENAME:
        if (pa_worker_find_place(worker, step->to, &to_fs, &to, err) < 0)
            return -1;
        if (to_fs != fs)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                           "%s and %s are in different places: copy instead", step->path, step->to);
        return pa_files_rename(fs, path, to, err);
    case PA_FILE_REMOVE:
        return pa_files_remove(fs, path, step->flag, err);
    }
    set_info(&info, done);
    return result;
}

void pa_worker_serve_file(struct pa_worker *worker, const struct pa_frame *frame) {
    struct pa_error err;
    struct pa_file_step step;
    struct pa_file_done done = {0};
    struct listing listing = {.entries = PA_BUF_INIT(PA_FRAME_MAX)};
    struct pa_memfs *fs;
    const char *rest;
    if (pa_file_step_decode(frame->payload, frame->size, &step, &err) < 0)
        pa_worker_fail(worker, &err);
    if (pa_worker_find_place(worker, step.path, &fs, &rest, &err) < 0 ||
        take_step(fs, rest, &step, worker, &listing, &done, &err) < 0)
        done = (struct pa_file_done){.err = err};
    struct pa_buf buf = PA_BUF_INIT(PA_FRAME_MAX);
    pa_file_done_encode(&done, &buf);
    pa_channel_send(&worker->channel, PA_FRAME_FILE_DONE, buf.data, buf.size);
    pa_buf_done(&buf);
    pa_buf_done(&listing.entries);
    pa_file_step_done(&step);
}

/* --- at the end ------------------------------------------------------------------------------- */

struct report {
    struct pa_worker *worker;
    const char *place;
    unsigned listed;
    size_t heads; /* bytes */
    uint64_t bytes_left;
};

static void send_head(struct report *report, const struct pa_changed_file *file, bool with_bytes) {
    struct pa_buf head = PA_BUF_INIT(PA_PATH_MAX + 256);
    pa_changed_file_encode(file, with_bytes, &head);
    pa_channel_send(&report->worker->channel, PA_FRAME_CHANGED, head.data, head.size);
    report->heads += head.size;
    pa_buf_done(&head);
}

static bool report_file(void *context, const char *rest, const uint8_t *bytes, size_t size) {
    struct report *report = context;
    char path[PA_PATH_MAX + 16];
    struct pa_changed_file file = {.path = path, .size = size};
    if (report->listed++ == PA_CHANGED_MOST || report->heads + 2 * PA_PATH_MAX > PA_CHANGED_HEADS) {
        send_head(report, &(struct pa_changed_file){.path = (char *)(uintptr_t) ""}, false);
        return false;
    }
    snprintf(path, sizeof(path), "%s/%s", report->place, rest);
    pa_digest(bytes, size, file.sha256);
    bool with_bytes =
        size <= report->bytes_left && pa_output_wanted(report->worker->message.outputs, path);
    send_head(report, &file, with_bytes);
    if (with_bytes && size) {
        pa_channel_send(&report->worker->channel, PA_FRAME_CHANGED, bytes, size);
        report->bytes_left -= size;
    }
    return true;
}

void pa_worker_report_files(struct pa_worker *worker) {
    struct report report = {.worker = worker, .bytes_left = worker->message.outputs_bytes};
    if (!worker->wasi || !worker->message.list_files)
        return;
    for (size_t i = 0; i < PA_ARRAY_LEN(places); i++) {
        struct pa_memfs *fs = pa_wasi_memfs(worker->wasi, places[i]);
        report.place = places[i];
        /* What lies in /tmp is nobody's result, unless somebody asks for it. */
        if (fs && (i == 0 || pa_strv_count(worker->message.outputs)))
            pa_files_changed(fs, report_file, &report);
    }
}
