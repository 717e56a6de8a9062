/*
 * Many files of a session at once, as a tar archive (libarchive; pax, so that any name fits).
 *
 * One that goes out is made in a memory file that counts among the bodies of the door; one that
 * comes in is a body already.  Only plain tar is read: the other formats' readers are code that
 * strangers need not reach.
 */
#include "server/http/sessions.h"

#include "base/io.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MOST 64
#define PIECE      ((size_t)256 * 1024)

static int archive_failed(struct archive *archive, struct pa_error *err) {
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the archive: %s", archive_error_string(archive));
}

/* --- out -------------------------------------------------------------------------------------- */

/* A memory file that is written, and what it counts as. */
struct output {
    struct pa_http_body body;
    struct pa_error err;
};

static la_ssize_t write_output(struct archive *archive, void *context, const void *bytes,
                               size_t size) {
    struct output *output = context;
    return pa_http_body_add(&output->body, bytes, size, &output->err) < 0 ? -1 : (la_ssize_t)size;
}

static int write_contents(struct archive *archive, const struct pa_http_place *place,
                          const char *path, uint64_t size, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf piece = PA_BUF_INIT(PIECE);
    struct pa_session_file file;
    for (uint64_t at = 0; at < size; at += piece.size) {
        pa_buf_clear(&piece);
        if (pa_sessions_file_get(place->sessions, &place->asker, place->id, path, at,
                                 PA_MIN((uint64_t)PIECE, size - at), &piece, &file, err) < 0)
            return -1;
        if (!piece.size)
            return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "%.200s changes while it is read",
                           path);
        if (archive_write_data(archive, piece.data, piece.size) < 0)
            return archive_failed(archive, err);
    }
    return 0;
}

/* Of a date as listings have it (RFC 3339, in UTC). */
static time_t time_of(const json_t *date) {
    struct tm parts = {0};
    const char *text = json_string_value(date);
    return text && strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) ? timegm(&parts) : 0;
}

/* Names in the archive are relative to the folder that was asked for. */
static int write_item(struct archive *archive, const struct pa_http_place *place,
                      const json_t *item, struct pa_error *err) {
    const char *path = json_string_value(json_object_get(item, "path"));
    const char *type = json_string_value(json_object_get(item, "type"));
    uint64_t size = (uint64_t)json_integer_value(json_object_get(item, "size"));
    bool folder = type && pa_streq(type, "directory");
    size_t base = strlen(place->path);
    const char *name = strncmp(path, place->path, base) == 0 ? path + base : path;
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name + strspn(name, "/"));
    archive_entry_set_filetype(entry, folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, folder ? 0755 : 0644);
    archive_entry_set_size(entry, folder ? 0 : (la_int64_t)size);
    archive_entry_set_mtime(entry, time_of(json_object_get(item, "modified_at")), 0);
    int done =
        archive_write_header(archive, entry) < ARCHIVE_WARN ? archive_failed(archive, err) : 0;
    archive_entry_free(entry);
    return done == 0 && !folder ? write_contents(archive, place, path, size, err) : done;
}

static int write_all(const struct pa_http_place *place, const json_t *list, struct output *output,
                     struct pa_error *err) {
    struct archive *archive = archive_write_new();
    int done = 0;
    if (!archive)
        return pa_fail(err, PA_ERR_UNAVAILABLE, "out of memory for an archive");
    archive_write_set_format_pax_restricted(archive);
    /* Names as they are.  Otherwise they are put into the locale's character set, which is ASCII
     * here, and one that does not fit is NULL, which is then read. */
    archive_write_set_options(archive, "hdrcharset=BINARY");
    if (archive_write_open(archive, output, NULL, write_output, NULL) != ARCHIVE_OK)
        done = archive_failed(archive, err);
    for (size_t i = 0; i < json_array_size(list) && done == 0; i++)
        done = write_item(archive, place, json_array_get(list, i), err);
    if (done == 0 && archive_write_close(archive) != ARCHIVE_OK)
        done = archive_failed(archive, err);
    archive_write_free(archive);
    if (done < 0 && output->err.code)
        *err = output->err;
    return done;
}

int pa_http_get_archive(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    json_t *list;
    int fd;
    struct output output = {0};
    if (pa_http_find_place(request, "/workspace", &place, err) < 0 ||
        pa_sessions_file_list(place.sessions, &place.asker, place.id, place.path, DEPTH_MOST, &list,
                              err) < 0)
        return -1;
    pa_http_body_init(&output.body, &request->door->spool, request->door->spool.most);
    int done = write_all(&place, list, &output, err);
    json_decref(list);
    if (done == 0)
        done = pa_http_body_file(&output.body, &fd, err);
    /* The reply has a descriptor of its own; what it holds is counted no more once it is sent. */
    int sent = done == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    uint64_t size = output.body.size;
    pa_http_body_done(&output.body);
    if (done < 0)
        return -1;
    if (sent < 0)
        return pa_fail_errno(err, errno, "cannot send the archive");
    struct MHD_Response *response = MHD_create_response_from_fd64(size, sent);
    if (!response)
        close(sent);
    return pa_http_reply_response(request, MHD_HTTP_OK, "application/x-tar", response, size);
}

/* --- in --------------------------------------------------------------------------------------- */

/* Where an entry goes, or NULL for one that is to be passed over. */
static char *target_of(const struct pa_http_place *place, struct archive_entry *entry) {
    const char *name = archive_entry_pathname(entry);
    while (name && name[0] == '.' && name[1] == '/')
        name += 2;
    if (!name || !*name || *name == '/' || pa_streq(name, "."))
        return NULL;
    char *path = pa_path_join(place->path, name);
    size_t length = strlen(path);
    if (path[length - 1] == '/')
        path[length - 1] = 0;
    return path;
}

static int read_file(struct archive *archive, const struct pa_http_place *place, const char *path,
                     struct pa_error *err) {
    const void *bytes;
    size_t size;
    la_int64_t offset;
    if (pa_sessions_file_put(place->sessions, &place->asker, place->id, path, 0, true, "", 0, err) <
        0)
        return -1;
    for (;;) {
        int got = archive_read_data_block(archive, &bytes, &size, &offset);
        if (got == ARCHIVE_EOF)
            return 0;
        if (got < ARCHIVE_WARN)
            return archive_failed(archive, err);
        if (size && pa_sessions_file_put(place->sessions, &place->asker, place->id, path,
                                         (uint64_t)offset, false, bytes, size, err) < 0)
            return -1;
    }
}

static int read_entry(struct archive *archive, const struct pa_http_place *place,
                      struct archive_entry *entry, json_int_t *files, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *path = target_of(place, entry);
    struct pa_error exists;
    if (!path)
        return 0;
    switch (archive_entry_filetype(entry)) {
    case AE_IFDIR:
        if (pa_sessions_file_mkdir(place->sessions, &place->asker, place->id, path, &exists) < 0 &&
            exists.code != PA_ERR_ALREADY_EXISTS) {
            *err = exists;
            return -1;
        }
        return 0;
    case AE_IFREG:
        if (archive_entry_hardlink(entry))
            break;
        (*files)++;
        return read_file(archive, place, path, err);
    }
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                   "%.200s in the archive is neither a file nor a folder", path);
}

int pa_http_put_archive(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http_place place;
    const void *bytes;
    size_t size;
    struct archive_entry *entry;
    json_int_t files = 0;
    if (pa_http_find_place(request, "/workspace", &place, err) < 0 ||
        pa_http_body_view(&request->body, &bytes, &size, err) < 0)
        return -1;
    struct archive *archive = archive_read_new();
    if (!archive)
        return pa_fail(err, PA_ERR_UNAVAILABLE, "out of memory for an archive");
    archive_read_support_format_tar(archive);
    int done = 0, got = archive_read_open_memory(archive, bytes, size);
    while (done == 0 && got >= ARCHIVE_WARN) {
        got = archive_read_next_header(archive, &entry);
        if (got == ARCHIVE_EOF)
            break;
        done = got < ARCHIVE_WARN ? archive_failed(archive, err)
                                  : read_entry(archive, &place, entry, &files, err);
    }
    if (done == 0 && got < ARCHIVE_WARN)
        done = archive_failed(archive, err);
    archive_read_free(archive);
    return done < 0 ? -1
                    : pa_http_reply_json(request, MHD_HTTP_OK, json_pack("{s:I}", "files", files));
}
