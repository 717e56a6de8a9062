/*
 * Files of a session, between its turns: steps (FILE, warm/request.h) with its process, in pieces,
 * so that a file of any size takes bounded frames.  What is made of several steps, a listing of a
 * tree or a search, has the session to itself for all of them.
 *
 * The process may say anything: names with slashes, folders without end, a size that its contents
 * do not have.  It can mislead whoever asks about its own files and nobody else; here every answer
 * has a bound, and a process that breaks the form of an answer loses its session.
 */
#include "run/sessions_internal.h"

#include "base/utf8.h"
#include "run/exchange.h"
#include "warm/request.h"
#include <fnmatch.h>

#define LISTED_MOST  100000u
#define SEARCH_BYTES (64 * PA_MIB) /* of one file; a larger one is not searched */
#define MATCHES_MOST 100u          /* in one file */
#define LINE_SHOWN   240u          /* bytes of a line that matches */

/* One step.  `reply` holds what `done` points to. */
static int take_step(struct pa_session *session, const struct pa_file_step *step,
                     struct pa_reply *reply, struct pa_file_done *done, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf request = PA_BUF_INIT(PA_FRAME_MAX);
    uint64_t deadline = pa_clock_monotonic_ns() + PA_SESSION_STEP_NS;
    pa_file_step_encode(step, &request);
    if (request.failed)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "a path is too long");
    int result = pa_exchange(&session->point.worker, PA_FRAME_FILE, request.data, request.size, -1,
                             deadline, PA_FRAME_FILE_DONE, reply, err);
    if (result == 0 && pa_file_done_decode(reply->payload.data, reply->payload.size, done) < 0) {
        pa_reply_done(reply);
        result = pa_fail(err, PA_ERR_UNAVAILABLE, "its process answers nonsense");
    }
    if (result < 0) {
        pa_session_lose(session, "lost: %.150s", err->message);
        return -1;
    }
    if (done->err.code == PA_ERR_NONE)
        return 0;
    *err = done->err;
    pa_reply_done(reply);
    return -1;
}

/* One whose answer is only that it is done. */
static int do_step(struct pa_session *session, const struct pa_file_step *step,
                   struct pa_session_file *ret, struct pa_error *err) {
    struct pa_reply reply;
    struct pa_file_done done;
    if (take_step(session, step, &reply, &done, err) < 0)
        return -1;
    if (ret)
        *ret = (struct pa_session_file){done.directory, done.size, done.modified_ns};
    pa_reply_done(&reply);
    return 0;
}

static int step_alone(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                      const char *id, const struct pa_file_step *step, struct pa_session_file *ret,
                      struct pa_error *err) {
    struct pa_session *session;
    if (pa_session_enter(sessions, asker, id, &session, err) < 0)
        return -1;
    int done = do_step(session, step, ret, err);
    pa_session_leave(session);
    return done;
}

/* --- contents --------------------------------------------------------------------------------- */

static int get(struct pa_session *session, const char *path, uint64_t offset, uint64_t size,
               struct pa_buf *ret, struct pa_session_file *ret_file, struct pa_error *err) {
    for (uint64_t left = size; left;) {
        struct pa_reply reply;
        struct pa_file_done done;
        const struct pa_file_step step = {.op = PA_FILE_GET,
                                          .path = (char *)(uintptr_t)path,
                                          .offset = offset,
                                          .size = PA_MIN(left, (uint64_t)PA_FILE_PIECE)};
        if (take_step(session, &step, &reply, &done, err) < 0)
            return -1;
        size_t got = PA_MIN(done.bytes_size, (size_t)step.size);
        pa_buf_append(ret, done.bytes, got);
        *ret_file = (struct pa_session_file){done.directory, done.size, done.modified_ns};
        pa_reply_done(&reply);
        offset += got;
        left -= got;
        if (got < step.size)
            break;
        if (ret->failed)
            return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "%s: more than %zu bytes; fetch a part",
                           path, ret->max);
    }
    return size ? 0
                : do_step(
                      session,
                      &(struct pa_file_step){.op = PA_FILE_STAT, .path = (char *)(uintptr_t)path},
                      ret_file, err);
}

int pa_sessions_file_get(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                         const char *id, const char *path, uint64_t offset, uint64_t size,
                         struct pa_buf *ret, struct pa_session_file *ret_file,
                         struct pa_error *err) {
    struct pa_session *session;
    struct pa_session_file file = {0};
    if (pa_session_enter(sessions, asker, id, &session, err) < 0)
        return -1;
    int done = get(session, path, offset, size, ret, &file, err);
    pa_session_leave(session);
    if (done == 0 && ret_file)
        *ret_file = file;
    return done;
}

static int put(struct pa_session *session, const char *path, uint64_t offset, bool truncate,
               const uint8_t *bytes, size_t size, struct pa_error *err) {
    for (bool first = true; first || size; first = false) {
        size_t piece = PA_MIN(size, (size_t)PA_FILE_PIECE);
        const struct pa_file_step step = {.op = PA_FILE_PUT,
                                          .path = (char *)(uintptr_t)path,
                                          .offset = offset,
                                          .flag = truncate && first,
                                          .bytes = bytes,
                                          .bytes_size = piece};
        if (do_step(session, &step, NULL, err) < 0)
            return -1;
        offset += piece;
        bytes += piece;
        size -= piece;
    }
    return 0;
}

int pa_sessions_file_put(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                         const char *id, const char *path, uint64_t offset, bool truncate,
                         const void *bytes, size_t size, struct pa_error *err) {
    struct pa_session *session;
    if (pa_session_enter(sessions, asker, id, &session, err) < 0)
        return -1;
    int done = put(session, path, offset, truncate, bytes, size, err);
    pa_session_leave(session);
    return done;
}

/* --- single steps ----------------------------------------------------------------------------- */

int pa_sessions_file_stat(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                          const char *id, const char *path, struct pa_session_file *ret,
                          struct pa_error *err) {
    const struct pa_file_step step = {.op = PA_FILE_STAT, .path = (char *)(uintptr_t)path};
    return step_alone(sessions, asker, id, &step, ret, err);
}

int pa_sessions_file_mkdir(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                           const char *id, const char *path, struct pa_error *err) {
    const struct pa_file_step step = {.op = PA_FILE_MKDIR, .path = (char *)(uintptr_t)path};
    return step_alone(sessions, asker, id, &step, NULL, err);
}

int pa_sessions_file_rename(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                            const char *id, const char *from, const char *to,
                            struct pa_error *err) {
    const struct pa_file_step step = {
        .op = PA_FILE_RENAME, .path = (char *)(uintptr_t)from, .to = (char *)(uintptr_t)to};
    return step_alone(sessions, asker, id, &step, NULL, err);
}

int pa_sessions_file_remove(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                            const char *id, const char *path, bool recursive,
                            struct pa_error *err) {
    const struct pa_file_step step = {
        .op = PA_FILE_REMOVE, .path = (char *)(uintptr_t)path, .flag = recursive};
    return step_alone(sessions, asker, id, &step, NULL, err);
}

/* --- trees ------------------------------------------------------------------------------------ */

/* A file or folder that was found, in the order of finding. */
struct found {
    char *path; /* absolute */
    unsigned depth;
    struct pa_session_file file;
};

struct findings {
    struct found *items;
    size_t count, room;
};

static void findings_done(struct findings *findings) {
    for (size_t i = 0; i < findings->count; i++)
        free(findings->items[i].path);
    free(findings->items);
}

static int note(struct findings *findings, const char *folder, unsigned depth,
                const struct pa_file_entry *entry, struct pa_error *err) {
    if (findings->count >= LISTED_MOST)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "%s: more than %u files and folders; list a part of it", folder,
                       LISTED_MOST);
    if (findings->count == findings->room) {
        findings->room = PA_MAX(findings->room * 2, (size_t)64);
        struct found *items =
            reallocarray(findings->items, findings->room, sizeof(*findings->items));
        PA_ASSERT(items);
        findings->items = items;
    }
    bool slash = folder[strlen(folder) - 1] == '/';
    findings->items[findings->count++] =
        (struct found){.path = pa_xasprintf("%s%s%s", folder, slash ? "" : "/", entry->name),
                       .depth = depth,
                       .file = {entry->directory, entry->size, entry->modified_ns}};
    return 0;
}

/* The entries of one folder, however many answers that takes. */
static int list_folder(struct pa_session *session, const char *folder, unsigned depth,
                       struct findings *findings, struct pa_error *err) {
    uint64_t cookie = 0;
    do {
        struct pa_reply reply;
        struct pa_file_done done;
        struct pa_file_entry entry;
        const struct pa_file_step step = {
            .op = PA_FILE_LIST, .path = (char *)(uintptr_t)folder, .offset = cookie};
        if (take_step(session, &step, &reply, &done, err) < 0)
            return -1;
        struct pa_reader reader = PA_READER(done.bytes, done.bytes_size);
        int noted = 0;
        while (noted == 0 && pa_file_entry_decode(&reader, &entry))
            noted = note(findings, folder, depth, &entry, err);
        /* One that says "more" and moves on by nothing would go on for ever. */
        bool stuck = done.next && done.next <= cookie;
        cookie = done.next;
        pa_reply_done(&reply);
        if (noted < 0)
            return -1;
        if (reader.failed || stuck) {
            pa_session_lose(session, "lost: its process answers nonsense");
            return pa_fail(err, PA_ERR_UNAVAILABLE, "its process answers nonsense");
        }
    } while (cookie);
    return 0;
}

static int by_path(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    return strcmp(x->path, y->path);
}

/* Breadth first: what is found is at the same time what is still to be looked into. */
static int list_tree(struct pa_session *session, const char *path, unsigned depth,
                     struct findings *findings, struct pa_error *err) {
    bool absolute = *path == '/';
    while (path[0] == '.' && (!path[1] || path[1] == '/'))
        path += path[1] ? 2 : 1;
    PA_CLEANUP(pa_freep)
    char *top = absolute ? pa_xstrdup(path) : pa_xasprintf("/workspace/%s", path);
    for (size_t end = strlen(top); end > 1 && top[end - 1] == '/'; end--)
        top[end - 1] = 0;
    if (list_folder(session, top, 1, findings, err) < 0)
        return -1;
    for (size_t i = 0; i < findings->count; i++) {
        PA_CLEANUP(pa_freep) char *folder = NULL;
        if (!findings->items[i].file.directory || findings->items[i].depth >= depth)
            continue;
        folder = pa_xstrdup(findings->items[i].path);
        if (list_folder(session, folder, findings->items[i].depth + 1, findings, err) < 0)
            return -1;
    }
    if (findings->count)
        qsort(findings->items, findings->count, sizeof(*findings->items), by_path);
    return 0;
}

/* The text with what is not UTF-8 replaced. */
static json_t *text_of(const void *bytes, size_t size) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(size * 3 + 16);
    pa_utf8_append(&text, bytes, size);
    return json_stringn_nocheck(pa_buf_text(&text), text.size);
}

static json_t *found_json(const struct found *found) {
    json_t *object = json_object();
    json_object_set_new(object, "path", text_of(found->path, strlen(found->path)));
    json_object_set_new(object, "type", json_string(found->file.directory ? "directory" : "file"));
    json_object_set_new(object, "size", json_integer((json_int_t)found->file.size));
    json_object_set_new(object, "modified_at", pa_session_date(found->file.modified_ns));
    return object;
}

int pa_sessions_file_list(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                          const char *id, const char *path, unsigned depth, json_t **ret,
                          struct pa_error *err) {
    struct pa_session *session;
    PA_CLEANUP(findings_done) struct findings findings = {0};
    if (pa_session_enter(sessions, asker, id, &session, err) < 0)
        return -1;
    int done = list_tree(session, path, depth, &findings, err);
    pa_session_leave(session);
    if (done < 0)
        return -1;
    *ret = json_array();
    for (size_t i = 0; i < findings.count; i++)
        json_array_append_new(*ret, found_json(&findings.items[i]));
    return 0;
}

/* --- search ----------------------------------------------------------------------------------- */

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* [{"line", "text"}] of the lines that have `text` in them. */
static json_t *matching_lines(const struct pa_buf *content, const char *text) {
    json_t *matches = json_array();
    const char *at = pa_buf_text(content), *end = at + content->size;
    for (json_int_t line = 1; at < end && json_array_size(matches) < MATCHES_MOST; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((newline ? newline : end) - at);
        if (memmem(at, size, text, strlen(text))) {
            json_t *match = json_object();
            json_object_set_new(match, "line", json_integer(line));
            json_object_set_new(match, "text", text_of(at, PA_MIN(size, (size_t)LINE_SHOWN)));
            json_array_append_new(matches, match);
        }
        at += size + 1;
    }
    return matches;
}

/* Adds the file if it is one that is looked for. */
static int search_file(struct pa_session *session, const struct found *found, const char *text,
                       json_t *results, struct pa_error *err) {
    json_t *matches = NULL;
    if (text) {
        PA_CLEANUP(pa_buf_done) struct pa_buf content = PA_BUF_INIT(SEARCH_BYTES + 1);
        struct pa_session_file file;
        if (found->file.size > SEARCH_BYTES)
            return 0;
        if (get(session, found->path, 0, SEARCH_BYTES, &content, &file, err) < 0)
            return err->code == PA_ERR_UNAVAILABLE ? -1 : 0; /* not a file that can be read */
        matches = matching_lines(&content, text);
        if (!json_array_size(matches)) {
            json_decref(matches);
            return 0;
        }
    }
    json_t *result = found_json(found);
    if (matches)
        json_object_set_new(result, "matches", matches);
    json_array_append_new(results, result);
    return 0;
}

int pa_sessions_file_search(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                            const char *id, const char *path, const char *glob, const char *text,
                            size_t most, json_t **ret, struct pa_error *err) {
    struct pa_session *session;
    PA_CLEANUP(findings_done) struct findings findings = {0};
    if (text && !*text)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "text: nothing to look for");
    if (pa_session_enter(sessions, asker, id, &session, err) < 0)
        return -1;
    json_t *results = json_array();
    int done = list_tree(session, path, UINT32_MAX, &findings, err);
    for (size_t i = 0; i < findings.count && done == 0 && json_array_size(results) < most; i++) {
        const struct found *found = &findings.items[i];
        if (!found->file.directory && (!glob || fnmatch(glob, name_of(found->path), 0) == 0))
            done = search_file(session, found, text, results, err);
    }
    pa_session_leave(session);
    if (done == 0)
        *ret = results;
    else
        json_decref(results);
    return done;
}
