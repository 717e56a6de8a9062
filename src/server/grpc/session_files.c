/*
 * Files of sessions.  Contents travel in chunks, so that a file may be larger than a message, and
 * the session is held for one chunk at a time.
 */
#include "server/grpc/session.h"

#include "base/clock.h"

#define CHUNK_BYTES  (256 * 1024)
#define FOUND_MOST   1000
#define DEFAULT_PATH "/workspace"

typedef Polyagent__Agent__FileInfo info_t;

/* The session and the path of a request. */
static int names(struct pa_asked *asked, const ProtobufCBinaryData *session,
                 const ProtobufCBinaryData *path, const char **ret_id, const char **ret_path) {
    *ret_id = pa_asked_text(asked, session, "session");
    *ret_path = *ret_id ? pa_asked_text(asked, path, "path") : NULL;
    return *ret_path ? 0 : -1;
}

/* What is known of a file, as a message; `date` holds its text. */
static info_t info_of(const char *path, const struct pa_session_file *file,
                      char date[PA_CLOCK_TEXT]) {
    info_t info = POLYAGENT__AGENT__FILE_INFO__INIT;
    info.path = pa_message_view(path);
    info.directory = file->directory;
    info.size = file->size;
    info.modified_at = pa_message_view(pa_clock_text(file->modified_ns, date));
    return info;
}

/* Answers with what the file is now. */
static int reply_file(struct pa_asked *asked, const char *id, const char *path) {
    struct pa_session_file file;
    char date[PA_CLOCK_TEXT];
    if (pa_sessions_file_stat(asked->sessions, &asked->asker, id, path, &file, &asked->err) < 0)
        return -1;
    const info_t info = info_of(path, &file, date);
    pa_rpc_reply(asked->rpc, &info.base);
    return 0;
}

static int stat_file(struct pa_asked *asked) {
    Polyagent__Agent__FileRequest *request = asked->request;
    const char *id, *path;
    if (names(asked, &request->session, &request->path, &id, &path) < 0)
        return -1;
    return reply_file(asked, id, path);
}

void pa_session_stat_file(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__file_request__descriptor, stat_file);
}

static int make_folder(struct pa_asked *asked) {
    Polyagent__Agent__FileRequest *request = asked->request;
    const char *id, *path;
    if (names(asked, &request->session, &request->path, &id, &path) < 0 ||
        pa_sessions_file_mkdir(asked->sessions, &asked->asker, id, path, &asked->err) < 0)
        return -1;
    return reply_file(asked, id, path);
}

void pa_session_make_folder(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__file_request__descriptor, make_folder);
}

static int rename_file(struct pa_asked *asked) {
    Polyagent__Agent__RenameFileRequest *request = asked->request;
    const char *id, *from, *to;
    if (names(asked, &request->session, &request->from, &id, &from) < 0 ||
        !(to = pa_asked_text(asked, &request->to, "to")) ||
        pa_sessions_file_rename(asked->sessions, &asked->asker, id, from, to, &asked->err) < 0)
        return -1;
    return reply_file(asked, id, to);
}

void pa_session_rename_file(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__rename_file_request__descriptor, rename_file);
}

static int delete_file(struct pa_asked *asked) {
    Polyagent__Agent__DeleteFileRequest *request = asked->request;
    const Polyagent__Agent__DeleteFileResponse response =
        POLYAGENT__AGENT__DELETE_FILE_RESPONSE__INIT;
    const char *id, *path;
    if (names(asked, &request->session, &request->path, &id, &path) < 0 ||
        pa_sessions_file_remove(asked->sessions, &asked->asker, id, path, request->recursive,
                                &asked->err) < 0)
        return -1;
    pa_rpc_reply(asked->rpc, &response.base);
    return 0;
}

void pa_session_delete_file(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__delete_file_request__descriptor, delete_file);
}

/* --- contents ------------------------------------------------------------------------------- */

/* Sends chunk by chunk until the end, or until nobody reads. */
static int send_file(struct pa_asked *asked, const char *id, const char *path, uint64_t offset,
                     uint64_t size) {
    PA_CLEANUP(pa_buf_done) struct pa_buf bytes = PA_BUF_INIT(CHUNK_BYTES);
    struct pa_session_file file;
    char date[PA_CLOCK_TEXT];
    for (bool first = true;; first = false) {
        uint64_t want = PA_MIN(size, (uint64_t)CHUNK_BYTES);
        pa_buf_clear(&bytes);
        if (pa_sessions_file_get(asked->sessions, &asked->asker, id, path, offset, want, &bytes,
                                 &file, &asked->err) < 0)
            return -1;
        Polyagent__Agent__FileChunk chunk = POLYAGENT__AGENT__FILE_CHUNK__INIT;
        info_t info = info_of(path, &file, date);
        chunk.info = first ? &info : NULL;
        chunk.data = (ProtobufCBinaryData){bytes.size, bytes.data};
        if ((first || bytes.size) && !pa_rpc_send(asked->rpc, &chunk.base))
            return 0;
        offset += bytes.size;
        size -= bytes.size;
        if (bytes.size < CHUNK_BYTES || !size)
            return 0;
    }
}

static int get_file(struct pa_asked *asked) {
    Polyagent__Agent__GetFileRequest *request = asked->request;
    const char *id, *path;
    uint64_t size = request->size ? request->size : UINT64_MAX;
    if (names(asked, &request->session, &request->path, &id, &path) < 0 ||
        send_file(asked, id, path, request->offset, size) < 0)
        return -1;
    pa_rpc_reply(asked->rpc, NULL);
    return 0;
}

void pa_session_get_file(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__get_file_request__descriptor, get_file);
}

/* A file as it comes. */
struct incoming {
    const char *id, *path; /* NULL before the first message */
    uint64_t at;
    bool truncate;
};

static int take_chunk(struct pa_asked *asked, Polyagent__Agent__PutFileRequest *chunk,
                      struct incoming *to) {
    if (!to->id) {
        if (names(asked, &chunk->session, &chunk->path, &to->id, &to->path) < 0)
            return -1;
        to->at = chunk->offset;
        to->truncate = !chunk->keep;
    } else if (!chunk->data.len) {
        return 0;
    }
    if (pa_sessions_file_put(asked->sessions, &asked->asker, to->id, to->path, to->at, to->truncate,
                             chunk->data.data, chunk->data.len, &asked->err) < 0)
        return -1;
    to->at += chunk->data.len;
    to->truncate = false;
    return 0;
}

static int put_file(struct pa_asked *asked) {
    Polyagent__Agent__PutFileRequest *chunk;
    struct incoming to = {0};
    int done = 0;
    while (done == 0 &&
           (chunk = pa_rpc_receive(asked->rpc, &polyagent__agent__put_file_request__descriptor,
                                   &asked->err))) {
        done = take_chunk(asked, chunk, &to);
        pa_message_free(chunk);
    }
    if (done < 0 || asked->err.code != PA_ERR_NONE)
        return -1;
    if (!to.id)
        return pa_fail(&asked->err, PA_ERR_INVALID_ARGUMENT, "no message named a file");
    return reply_file(asked, to.id, to.path);
}

void pa_session_put_file(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, NULL, put_file);
}

/* --- folders -------------------------------------------------------------------------------- */

static void reply_list(struct pa_asked *asked, const json_t *found) {
    Polyagent__Agent__ListFilesResponse response = POLYAGENT__AGENT__LIST_FILES_RESPONSE__INIT;
    size_t count = json_array_size(found);
    info_t *files = pa_xcalloc(count + 1, sizeof(*files));
    info_t **pointers = pa_xcalloc(count + 1, sizeof(*pointers));
    for (size_t i = 0; i < count; i++) {
        const json_t *from = json_array_get(found, i);
        const char *type = json_string_value(json_object_get(from, "type"));
        info_t *to = pointers[i] = &files[i];
        polyagent__agent__file_info__init(to);
        to->path = pa_message_view_json(json_object_get(from, "path"));
        to->directory = type && pa_streq(type, "directory");
        to->size = (uint64_t)json_integer_value(json_object_get(from, "size"));
        to->modified_at = pa_message_view_json(json_object_get(from, "modified_at"));
    }
    response.files = pointers;
    response.n_files = count;
    pa_rpc_reply(asked->rpc, &response.base);
    free(pointers);
    free(files);
}

static int list_files(struct pa_asked *asked) {
    Polyagent__Agent__ListFilesRequest *request = asked->request;
    json_t *found;
    const char *id, *path;
    if (names(asked, &request->session, &request->path, &id, &path) < 0 ||
        pa_sessions_file_list(asked->sessions, &asked->asker, id, *path ? path : DEFAULT_PATH,
                              PA_MAX(request->depth, 1), &found, &asked->err) < 0)
        return -1;
    reply_list(asked, found);
    json_decref(found);
    return 0;
}

void pa_session_list_files(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__list_files_request__descriptor, list_files);
}

struct found_file {
    Polyagent__Agent__FoundFile message;
    Polyagent__Agent__FoundLine *lines, **pointers;
};

static void fill_found(const json_t *from, struct found_file *to) {
    const json_t *matches = json_object_get(from, "matches");
    size_t count = json_array_size(matches);
    polyagent__agent__found_file__init(&to->message);
    to->lines = pa_xcalloc(count + 1, sizeof(*to->lines));
    to->pointers = pa_xcalloc(count + 1, sizeof(*to->pointers));
    for (size_t i = 0; i < count; i++) {
        const json_t *match = json_array_get(matches, i);
        Polyagent__Agent__FoundLine *line = to->pointers[i] = &to->lines[i];
        polyagent__agent__found_line__init(line);
        line->line = (uint64_t)json_integer_value(json_object_get(match, "line"));
        line->text = pa_message_view_json(json_object_get(match, "text"));
    }
    to->message.path = pa_message_view_json(json_object_get(from, "path"));
    to->message.size = (uint64_t)json_integer_value(json_object_get(from, "size"));
    to->message.lines = to->pointers;
    to->message.n_lines = count;
}

static void reply_found(struct pa_asked *asked, const json_t *found) {
    Polyagent__Agent__SearchFilesResponse response = POLYAGENT__AGENT__SEARCH_FILES_RESPONSE__INIT;
    size_t count = json_array_size(found);
    struct found_file *files = pa_xcalloc(count + 1, sizeof(*files));
    response.files = pa_xcalloc(count + 1, sizeof(*response.files));
    response.n_files = count;
    for (size_t i = 0; i < count; i++) {
        fill_found(json_array_get(found, i), &files[i]);
        response.files[i] = &files[i].message;
    }
    pa_rpc_reply(asked->rpc, &response.base);
    for (size_t i = 0; i < count; i++) {
        free(files[i].lines);
        free(files[i].pointers);
    }
    free(response.files);
    free(files);
}

static int search_files(struct pa_asked *asked) {
    Polyagent__Agent__SearchFilesRequest *request = asked->request;
    json_t *found;
    const char *id, *path, *name, *text;
    if (names(asked, &request->session, &request->path, &id, &path) < 0 ||
        !(name = pa_asked_text(asked, &request->name, "name")) ||
        !(text = pa_asked_text(asked, &request->text, "text")) ||
        pa_sessions_file_search(asked->sessions, &asked->asker, id, *path ? path : DEFAULT_PATH,
                                *name ? name : NULL, *text ? text : NULL,
                                request->limit ? request->limit : FOUND_MOST, &found,
                                &asked->err) < 0)
        return -1;
    reply_found(asked, found);
    json_decref(found);
    return 0;
}

void pa_session_search_files(struct pa_rpc *rpc) {
    pa_asked_serve(rpc, &polyagent__agent__search_files_request__descriptor, search_files);
}
