/*
 * Files of a session, in /workspace and /tmp, between its turns.
 *
 * A file is read piece by piece while it is sent, so a large one takes no memory here.  What a
 * session did to it in between is seen in the pieces that follow; one that got shorter ends the
 * reply before its announced length, which a client can tell.
 */
#include "server/http/range.h"
#include "server/http/sessions.h"

#define PIECE       ((size_t)256 * 1024) /* bytes read at once */
#define EDIT_MOST   ((size_t)16 << 20)   /* bytes of a file that is edited */
#define DEPTH_MOST  64
#define SEARCH_MOST 10000

int pa_http_find_place(struct pa_http_request *request, const char *otherwise,
                       struct pa_http_place *ret, struct pa_error *err) {
    *ret = (struct pa_http_place){.sessions = pa_service_sessions(request->door->service),
                                  .asker = pa_http_asker(request),
                                  .id = request->params[0],
                                  .path = pa_http_query(request, "path")};
    if (!ret->path)
        ret->path = otherwise;
    if (!ret->sessions)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "this server keeps no sessions");
    if (!ret->path)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "path=... is wanted in the query: absolute, or relative to /workspace");
    return 0;
}

static bool flag(const struct pa_http_request *request, const char *name) {
    const char *text = pa_http_query(request, name);
    return text && (pa_streq(text, "true") || pa_streq(text, "1") || !*text);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reading {
    struct pa_sessions *sessions;
    char *owner, *id, *path;
    struct pa_session_asker asker; /* that owner */
    uint64_t first, length;
    struct pa_http_peer *peer;
    uint64_t client_timeout_ns;
    struct pa_buf piece;
    uint64_t piece_at; /* where in the reply it begins */
};

static ssize_t read_piece(void *context, uint64_t position, char *out, size_t room) {
    struct reading *reading = context;
    struct pa_session_file file;
    struct pa_error unsaid; /* the reply has begun */
    bool within =
        position >= reading->piece_at && position < reading->piece_at + reading->piece.size;
    if (!within) {
        pa_http_peer_until(reading->peer, PA_HTTP_NEVER);
        pa_buf_clear(&reading->piece);
        reading->piece_at = position;
        uint64_t size = PA_MIN((uint64_t)PIECE, reading->length - position);
        if (pa_sessions_file_get(reading->sessions, &reading->asker, reading->id, reading->path,
                                 reading->first + position, size, &reading->piece, &file,
                                 &unsaid) < 0 ||
            !reading->piece.size)
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t at = (size_t)(position - reading->piece_at);
    size_t n = PA_MIN(room, reading->piece.size - at);
    memcpy(out, reading->piece.data + at, n);
    pa_http_peer_until(reading->peer, pa_clock_monotonic_ns() + reading->client_timeout_ns);
    return (ssize_t)n;
}

static void end_reading(void *context) {
    struct reading *reading = context;
    pa_buf_done(&reading->piece);
    free(reading->owner);
    free(reading->id);
    free(reading->path);
    free(reading);
}

static int reply_file(struct pa_http_request *request, const struct pa_http_place *place,
                      unsigned status, uint64_t first, uint64_t length) {
    struct reading *reading = pa_xcalloc(1, sizeof(*reading));
    *reading = (struct reading){
        .sessions = place->sessions,
        .owner = pa_xstrdup(place->asker.owner),
        .asker = place->asker,
        .id = pa_xstrdup(place->id),
        .path = pa_xstrdup(place->path),
        .first = first,
        .length = length,
        .peer = request->peer,
        .client_timeout_ns = request->door->settings->client_timeout_ms * PA_NS_PER_MS,
        .piece = PA_BUF_INIT(PIECE),
    };
    reading->asker.owner = reading->owner;
    struct MHD_Response *response =
        MHD_create_response_from_callback(length, 32 * 1024, read_piece, reading, end_reading);
    if (!response)
        end_reading(reading);
    return pa_http_reply_response(request, status, "application/octet-stream", response, 0);
}

int pa_http_get_file(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    struct pa_session_file file;
    uint64_t first = 0, length;
    if (pa_http_find_place(request, NULL, &place, err) < 0 ||
        pa_sessions_file_stat(place.sessions, &place.asker, place.id, place.path, &file, err) < 0)
        return -1;
    if (file.directory)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%.200s is a folder: see .../files/list",
                       place.path);
    pa_http_add_header(request, "Accept-Ranges", "bytes");
    enum pa_http_range range =
        pa_http_range_parse(pa_http_header(request, "Range"), file.size, &first, &length);
    if (range == PA_HTTP_UNSATISFIABLE) {
        pa_http_add_header(request, "Content-Range", "bytes */%llu", (unsigned long long)file.size);
        return pa_http_fail(request, MHD_HTTP_RANGE_NOT_SATISFIABLE, err, PA_ERR_INVALID_ARGUMENT,
                            "the file has %llu bytes", (unsigned long long)file.size);
    }
    if (range == PA_HTTP_WHOLE)
        return reply_file(request, &place, MHD_HTTP_OK, 0, file.size);
    pa_http_add_header(request, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)first,
                       (unsigned long long)(first + length - 1), (unsigned long long)file.size);
    return reply_file(request, &place, MHD_HTTP_PARTIAL_CONTENT, first, length);
}

/* --- what there is ---------------------------------------------------------------------------- */

int pa_http_list_files(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    uint64_t depth;
    json_t *list;
    if (pa_http_find_place(request, "/workspace", &place, err) < 0 ||
        pa_http_query_number(request, "depth", 1, DEPTH_MOST, 1, &depth, err) < 0 ||
        pa_sessions_file_list(place.sessions, &place.asker, place.id, place.path, (unsigned)depth,
                              &list, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o}", "files", list));
}

int pa_http_stat_file(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    struct pa_session_file file;
    if (pa_http_find_place(request, NULL, &place, err) < 0 ||
        pa_sessions_file_stat(place.sessions, &place.asker, place.id, place.path, &file, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK,
                              json_pack("{s:s, s:s, s:I, s:I}", "path", place.path, "type",
                                        file.directory ? "directory" : "file", "size",
                                        (json_int_t)file.size, "modified_ms",
                                        (json_int_t)(file.modified_ns / PA_NS_PER_MS)));
}

int pa_http_search_files(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    uint64_t most;
    json_t *found;
    if (pa_http_find_place(request, "/workspace", &place, err) < 0 ||
        pa_http_query_number(request, "limit", 1, SEARCH_MOST, 1000, &most, err) < 0 ||
        pa_sessions_file_search(place.sessions, &place.asker, place.id, place.path,
                                pa_http_query(request, "glob"), pa_http_query(request, "text"),
                                most, &found, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o}", "files", found));
}

/* --- changing --------------------------------------------------------------------------------- */

int pa_http_put_file(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    const void *bytes;
    size_t size;
    uint64_t offset;
    bool part = pa_http_query(request, "offset") != NULL;
    if (pa_http_find_place(request, NULL, &place, err) < 0 ||
        pa_http_query_number(request, "offset", 0, INT64_MAX, 0, &offset, err) < 0 ||
        pa_http_body_view(&request->body, &bytes, &size, err) < 0 ||
        pa_sessions_file_put(place.sessions, &place.asker, place.id, place.path, offset, !part,
                             bytes, size, err) < 0)
        return -1;
    return pa_http_reply_json(
        request, MHD_HTTP_OK,
        json_pack("{s:s, s:I}", "path", place.path, "written", (json_int_t)size));
}

int pa_http_delete_file(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    if (pa_http_find_place(request, NULL, &place, err) < 0 ||
        pa_sessions_file_remove(place.sessions, &place.asker, place.id, place.path,
                                flag(request, "recursive"), err) < 0)
        return -1;
    return pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}

int pa_http_make_folder(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    if (pa_http_find_place(request, NULL, &place, err) < 0 ||
        pa_sessions_file_mkdir(place.sessions, &place.asker, place.id, place.path, err) < 0)
        return -1;
    return pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}

static const char *field(const struct pa_http_request *request, const char *name) {
    return json_string_value(json_object_get(request->json, name));
}

int pa_http_rename_file(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    const char *from = field(request, "from"), *to = field(request, "to");
    if (!from || !to)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "\"from\" and \"to\" are wanted, both paths");
    if (pa_http_find_place(request, from, &place, err) < 0 ||
        pa_sessions_file_rename(place.sessions, &place.asker, place.id, from, to, err) < 0)
        return -1;
    return pa_http_reply_empty(request, MHD_HTTP_NO_CONTENT);
}

/* Puts `after` in the place of each `before`; how many there were. */
static size_t replace_all(const struct pa_buf *text, const char *before, const char *after,
                          struct pa_buf *ret) {
    size_t length = strlen(before), count = 0;
    const char *at = pa_buf_text(text), *end = at + text->size;
    for (const char *found; (found = memmem(at, (size_t)(end - at), before, length));
         at = found + length) {
        pa_buf_append(ret, at, (size_t)(found - at));
        pa_buf_append_text(ret, after);
        count++;
    }
    pa_buf_append(ret, at, (size_t)(end - at));
    return count;
}

/* Replaces text in a file: exactly one place, unless all are meant. */
int pa_http_edit_file(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    struct pa_session_file file;
    const char *path = field(request, "path"), *before = field(request, "old"),
               *after = field(request, "new");
    bool all = json_is_true(json_object_get(request->json, "all"));
    if (!path || !before || !*before || !after)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "\"path\", \"old\" (not empty) and \"new\" are wanted, all texts");
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(EDIT_MOST);
    PA_CLEANUP(pa_buf_done) struct pa_buf edited = PA_BUF_INIT(EDIT_MOST);
    if (pa_http_find_place(request, path, &place, err) < 0 ||
        pa_sessions_file_get(place.sessions, &place.asker, place.id, path, 0, EDIT_MOST, &text,
                             &file, err) < 0)
        return -1;
    if (file.size > text.size)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%.200s has more than %zu bytes", path,
                       EDIT_MOST);
    size_t count = replace_all(&text, before, after, &edited);
    if (!count || (count > 1 && !all))
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "\"old\" is %zu times in %.200s: it must be there once%s", count, path,
                       count ? ", or \"all\" be true" : "");
    if (edited.failed)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the edited file has more than %zu bytes",
                       EDIT_MOST);
    if (pa_sessions_file_put(place.sessions, &place.asker, place.id, path, 0, true,
                             pa_buf_text(&edited), edited.size, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK,
                              json_pack("{s:I}", "replaced", (json_int_t)count));
}
